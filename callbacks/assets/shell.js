/* The frame: document attributes of a page reached without loading, feed badges, and the switch's manners. */
(function () {
  "use strict";
  var tw = window.townwatch;

  tw.onPage("[data-page]", function (main) {
    var root = document.documentElement, d = main.dataset;
    root.dataset.surface = d.surface;
    root.dataset.theme = d.theme;
    root.lang = d.lang;
    if (d.title) document.title = d.title;
    tw.ageAll();
  });

  function esc(text) {
    return String(text).replace(/[&<>"]/g, function (c) { return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c]; });
  }
  function limits(feed) {
    return 'data-received="' + (feed.received === null ? "" : feed.received) + '" data-late="' + feed.late +
      '" data-stale="' + feed.stale + '" data-silent="' + feed.silent + '"';
  }
  function old(state) { return state === "stale" || state === "silent"; }
  function stateOf(feed) { return tw.freshness(feed.received, feed.late, feed.stale, feed.silent); }

  function ordered(feeds) {
    var fresh = feeds.filter(function (feed) { return !old(stateOf(feed)); });
    return fresh.concat(feeds.filter(function (feed) { return old(stateOf(feed)); }));
  }

  function never(feed, en) { return feed.received === null ? '<b>' + (en ? "never" : "无数据") + "</b>" : null; }

  function badge(feed, en) {
    var state = stateOf(feed);
    var glyph = state === "late" ? '<i class="tw-late" aria-hidden="true"></i>' : "";
    var icon = old(state) ? "clock" : feed.icon;
    return '<span class="tw-feed' + (old(state) ? " tw-stale" : "") + '" data-feed="' + esc(feed.feed) + '" data-freshness="' + state +
      '" title="' + esc(feed.title) + '" ' + limits(feed) + '><span class="tw-ic tw-ic-' + esc(icon) + '" aria-hidden="true"></span>' +
      glyph + "<span>" + esc(feed.name) + "</span>" + (never(feed, en) || '<b data-age="bare"></b>') + "</span>";
  }

  function draw(element, feeds) {
    var en = element.dataset.lang === "en";
    element.innerHTML = ordered(feeds).map(function (feed) { return badge(feed, en); }).join("");
  }

  /* A phone has no room for what is well: old feeds by name, the rest as a count; nothing when all are fresh. */
  function drawPhone(element, feeds) {
    var en = element.dataset.lang === "en";
    var stale = feeds.filter(function (feed) { return stateOf(feed) !== "fresh"; });
    var rest = feeds.length - stale.length;
    element.hidden = !stale.length;
    var after = rest ? (en ? rest + (rest === 1 ? " other normal" : " others normal") : "其余 " + rest + " 路正常") : "";
    element.innerHTML = stale.map(function (feed) {
      return '<span class="tw-feed" data-freshness="' + stateOf(feed) + '" ' + limits(feed) +
        '><span class="tw-ic tw-ic-clock" aria-hidden="true"></span><b>' + esc(feed.name) + "</b>" +
        (never(feed, en) || "<span>" + (en ? "data " : "数据 ") + '<span data-age></span></span>') + "</span>";
    }).join("") + '<i class="tw-rest">' + after + "</i>";
  }

  /* How many alerts nobody has taken; the colour of an alert only where one of them is urgent. */
  function countAlerts(alerts, en) {
    var badge = document.getElementById("tw-alerts");
    if (!badge) return;
    var free = alerts ? alerts.free : 0;
    badge.hidden = !free;
    badge.textContent = free > 999 ? "999+" : free;
    badge.className = "tw-nav-badge" + (alerts && alerts.urgent ? " alert" : "");
    badge.setAttribute("aria-label", en ? free + " alerts not taken" : free + " 件告警未签收");
  }

  /* A replay may be steered while its pages are open: the strip says how it goes, on the wall too. */
  tw.onPage("#tw-speed", function (shown) {
    var en = document.documentElement.lang === "en";
    return tw.subscribe("shell", "all", en ? "en" : "zh", function (data) {
      shown.textContent = data.speed ? "\u00d7" + data.speed : data.jumping ? (en ? "moving forwards" : "快进") : en ? "paused" : "已暂停";
    });
  });

  function feedsInto(id, drawer) {
    tw.onPage(id, function (element) {
      var feeds = [];
      function redraw() { drawer(element, feeds); tw.ageAll(); }
      function failed() {
        var en = element.dataset.lang === "en";
        element.innerHTML = '<span class="tw-feed tw-stale">' + (en ? "Not readable " : "读取失败 ") + tw.clockText("hm") + "</span>";
      }
      var drawn = "";
      var end = tw.subscribe("shell", "all", element.dataset.lang, function (data) {
        feeds = data.feeds;
        countAlerts(data.alerts, element.dataset.lang === "en");
        var now = feeds.map(function (feed) { return feed.feed + feed.received + stateOf(feed); }).join();
        if (now !== drawn) { drawn = now; redraw(); }
      }, { trouble: failed });
      /* Heard from the whole page: a phone shows only what is old, so a feed that ages is not yet in its own strip. */
      function aged(event) { if (event.target.classList.contains("tw-feed")) redraw(); }
      document.addEventListener("townwatch:aged", aged);
      return function () { document.removeEventListener("townwatch:aged", aged); end(); };
    });
  }
  feedsInto("#tw-feeds", draw);
  feedsInto("#tw-feeds-phone", drawPhone);

  /* The switch and “more” are <details>: they close when something is chosen, on Escape and on a click elsewhere. */
  function openSwitch() { return document.querySelector("#tw-switch[open], #tw-more[open]"); }
  document.addEventListener("click", function (event) {
    var list = openSwitch();
    if (list && (!list.contains(event.target) || event.target.closest("a"))) list.removeAttribute("open");
  });
  document.addEventListener("keydown", function (event) {
    var list = openSwitch();
    if (event.key === "Escape" && list) { list.removeAttribute("open"); list.querySelector("summary").focus(); }
  });
})();
