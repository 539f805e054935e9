/* The kit of desk pages: one page is a view, an address and panels. This file: address, subscription, headline, keyboard.
   Bar: 01-desk-bar.js, help: 02-desk-help.js, files and pictures: 03-desk-files.js, lists and drawer: 04-desk-lists.js.
   How a page is built with it: docs/explanation/pages.md. Loaded before live.js and draw.js, which it needs only later. */
(function () {
  "use strict";
  var TW = window.TW = window.TW || {};
  var FRAME = ["lang", "theme", "scope"]; /* of the frame, not of the page's question */
  var waiting = [], pages = [], parts = [];

  function esc(value) {
    return String(value === null || value === undefined ? "" : value).replace(/[&<>"]/g, function (c) {
      return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c];
    });
  }
  function icon(name, size) {
    return '<span class="tw-ic tw-ic-' + esc(name) + '" style="width:' + size + "px;height:" + size + 'px" aria-hidden="true"></span>';
  }
  function attr(name, value) { return value === null || value === undefined || value === "" ? "" : " " + name + '="' + esc(value) + '"'; }
  /* What every figure on a page says of itself to programs. */
  function figure(one) {
    return attr("data-kpi", one.kpi) + attr("data-town", one.town) + ' data-value="' + esc(one.raw) + '" data-freshness="' + esc(one.freshness || "fresh") + '"' +
      (one.dims && Object.keys(one.dims).length ? attr("data-dims", JSON.stringify(one.dims)) : "") +
      (one.received ? ' data-received="' + esc(one.received) + '" data-late="' + one.late + '" data-stale="' + one.stale + '" data-silent="' + one.silent + '"' : "");
  }

  /* Redraw without taking the focus away: whoever holds it is found again by its data-k. */
  function put(element, html) {
    if (!element || element.__html === html) return false;
    var active = document.activeElement, held = active && element.contains(active) ? active.closest("[data-k]") : null;
    var key = held ? held.dataset.k : null, scroll = element.scrollTop;
    element.__html = html;
    element.innerHTML = html;
    element.scrollTop = scroll;
    if (key !== null) {
      var again = element.querySelector('[data-k="' + CSS.escape(key) + '"]');
      if (again) again.focus({ preventScroll: true });
    }
    return true;
  }

  /* ---- address: everything a page shows stands in it ---- */
  function query() {
    var found = {};
    new URLSearchParams(location.search).forEach(function (value, key) {
      if (FRAME.indexOf(key) < 0 && value !== "" && !(key in found)) found[key] = value;
    });
    return found;
  }
  function addressWith(changes) {
    var url = new URL(location.href);
    Object.keys(changes).forEach(function (key) {
      var value = changes[key];
      if (value === null || value === undefined || value === "") url.searchParams.delete(key);
      else url.searchParams.set(key, value);
    });
    return url.pathname + url.search.replace(/%2C/g, ",").replace(/%3A/g, ":") + url.hash;
  }
  /* Back and forward within one page are the page's own affair: Dash would build it anew, and the map with it. */
  var shown = location.pathname;
  function own() { return pages.length && pages[pages.length - 1].path === location.pathname; }
  function moved(event) {
    if (!own()) { shown = location.pathname; return; }
    event.stopImmediatePropagation();
    pages.forEach(function (page) { page.read(); });
  }
  window.addEventListener("popstate", moved);
  window.addEventListener("_dashprivate_pushstate", moved);
  /* The other language of the same view, with whatever has been chosen since the frame was drawn. */
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest(".tw-lang a");
    if (link && own()) link.href = addressWith({ lang: link.getAttribute("lang") === "en" ? "en" : "zh" });
  }, true);

  /* ---- a page ---- */
  /* make(ctx) returns {draw(data), local: [keys that the server need not know], size(), key(event) -> handled,
     pick(name, value) -> handled}. The container is #<name>-page with data-view, see layouts/components/desk.py. */
  function desk(name, make) {
    waiting.push([name, make]);
    if (window.townwatch) flush();
  }
  function flush() {
    while (waiting.length) (function (name, make) {
      window.townwatch.onPage("#" + name + "-page", function (page) { return mount(name, page, make); });
    }).apply(null, waiting.shift());
  }
  document.addEventListener("DOMContentLoaded", flush);

  function mount(name, page, make) {
    var tw = window.townwatch, en = page.dataset.lang === "en", lang = en ? "en" : "zh";
    var view = page.dataset.view || name, scope = page.dataset.scope || "all", end = null, endOpen = null, told = "", toldOpen = "";
    var ctx = {
      name: name, page: page, lang: lang, en: en, path: location.pathname, data: null, opened: null, query: query(), busy: false,
      say: function (zh, english) { return en ? english : zh; },
      $: function (part) { return page.querySelector("#" + name + "-" + part); },
      put: put, esc: esc, icon: icon, figure: figure
    };
    var own = make(ctx), local = own.local || [];
    ctx.own = own;

    ctx.asked = function () {
      var params = {};
      Object.keys(ctx.query).forEach(function (key) { if (local.indexOf(key) < 0 && key !== "open") params[key] = ctx.query[key]; });
      return params;
    };
    ctx.get = function (key) { return ctx.query[key] || ""; };
    /* changes: {key: value|null}. A step that can be taken back unless replace is said (typing). */
    ctx.set = function (changes, replace) {
      var address = addressWith(changes);
      if (address === location.pathname + location.search + location.hash) return;
      if (replace) history.replaceState(history.state, "", address); else history.pushState({}, "", address);
      ctx.read();
    };
    /* One value of a filter on or off: what a click on a mark, a cell, a bar or a row does. */
    ctx.toggle = function (key, value, only) {
      var filter = ctx.filter(key);
      var on = filter ? filter.choices.filter(function (choice) { return choice.on; }).map(function (choice) { return choice.value; }) : [];
      var next = on.indexOf(value) >= 0 ? on.filter(function (one) { return one !== value; }) : only ? [value] : on.concat([value]);
      if (filter && next.length === filter.choices.length) next = [];
      var changes = {};
      changes[key] = next.join(",") === (filter ? filter.default : "") ? null : next.join(",") || (filter && filter.default ? "all" : null);
      ctx.set(changes);
    };
    ctx.filter = function (key) {
      return ctx.data && ctx.data.bar.filters.filter(function (one) { return one.key === key; })[0];
    };
    ctx.clear = function () {
      var changes = { day: null, as_of: null, from: null, to: null, vs: null, q: null };
      if (ctx.data) ctx.data.bar.filters.forEach(function (filter) { changes[filter.key] = null; });
      (own.cleared || []).forEach(function (key) { changes[key] = null; });
      ctx.set(changes);
    };
    ctx.open = function (key) { ctx.set({ open: key || null }, Boolean(ctx.get("open")) && Boolean(key)); };
    ctx.exportAddress = function (ending, table) {
      var search = new URLSearchParams(ctx.asked());
      search.set("lang", lang);
      if (scope !== "all") search.set("scope", scope);
      if (table) search.set("table", table);
      return "/api/v1/export/" + view + "." + ending + "?" + search;
    };

    ctx.read = function () {
      ctx.query = query();
      listen();
      draw();
    };
    function listen() {
      var params = ctx.asked(), key = JSON.stringify(params);
      if (key !== told || !end) {
        told = key;
        var before = end;
        ctx.busy = true;
        page.setAttribute("aria-busy", "true");
        end = tw.subscribe(view, scope, lang, function (data) {
          if (told !== key) return;
          ctx.busy = false;
          page.removeAttribute("aria-busy");
          ctx.data = data;
          notices.clear();
          draw();
        }, { params: params, trouble: failed(notices.trouble), refused: failed(notices.refused) });
        if (before) before();
      }
      var open = ctx.get("open"), openKey = open ? JSON.stringify(Object.assign({ open: open }, params)) : "";
      if (openKey !== toldOpen) {
        toldOpen = openKey;
        if (endOpen) endOpen();
        endOpen = null;
        if (!open) ctx.opened = null;
        else endOpen = tw.subscribe(view, scope, lang, function (data) {
          if (toldOpen !== openKey) return;
          ctx.opened = data;
          parts.forEach(function (part) { if (part.opened) part.opened(ctx); });
          if (own.opened) own.opened(data);
        }, { params: JSON.parse(openKey) });
      }
    }
    function failed(say) {
      return function () { ctx.busy = false; page.removeAttribute("aria-busy"); say(); };
    }

    function draw() {
      if (!ctx.data) { parts.forEach(function (part) { if (part.wait) part.wait(ctx); }); return; }
      head();
      parts.forEach(function (part) { if (part.draw) part.draw(ctx); });
      if (own.draw) own.draw(ctx.data);
      tw.ageAll();
    }
    ctx.redraw = draw;

    function head() {
      var data = ctx.data, comma = en ? ", " : "，";
      var html = "<h1>" + data.headline.map(function (part, at) {
        return (at ? comma : "") + '<span class="' + esc(part.tone) + '">' + esc(part.text) + "</span>";
      }).join("") + "</h1>";
      var source = data.source ? (data.sub ? (en ? " · " : "·") : "") + '<span class="dk-source"' + attr("data-received", data.source.received) + ' data-late="' + data.source.late + '" data-stale="' + data.source.stale +
        '" data-silent="' + data.source.silent + '" data-lang="' + lang + '">' + esc(data.source.name) + " " + (data.source.received === null ? (en ? "never received" : "从未收到") : "<span data-age>" + esc(tw.ageText(data.source.received, lang)) + "</span>") + "</span>" : "";
      html += "<p>" + esc(data.sub) + source + "</p>";
      put(ctx.$("head"), html);
      put(ctx.$("past"), data.past ? '<p class="dk-past" role="status">' + icon("replay", 16) + "<span>" + esc(data.past) + '</span><button type="button" data-k="now" data-act="now">' + ctx.say("回到现在", "Back to now") + "</button></p>" : "");
      put(ctx.$("notices"), data.bar.notices.map(function (text) { return '<p class="dk-notice" role="status">' + icon("info", 16) + esc(text) + "</p>"; }).join(""));
      document.title = data.headline.map(function (part) { return part.text; }).join(comma);
    }

    /* Pages of our own are reached without loading; files and the API are not pages. */
    function follow(event) {
      var link = event.target.closest("a[href]");
      if (!link || link.origin !== location.origin || link.target || link.hasAttribute("download") || /^\/(api|assets)\//.test(link.pathname) || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return false;
      event.preventDefault();
      history.pushState({}, "", link.href);
      window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
      if (link.pathname !== ctx.path) window.scrollTo(0, 0);
      return true;
    }
    function click(event) {
      if (follow(event)) return;
      var act = event.target.closest("[data-act]");
      if (act && act.dataset.act === "now") { ctx.set({ day: null, as_of: null, from: null, to: null }); return; }
      for (var at = 0; at < parts.length; at += 1) if (parts[at].click && parts[at].click(ctx, event)) return;
      /* Cross-filter: data-pick="key:value" on any mark, cell, bar or row. */
      var pick = event.target.closest("[data-pick]");
      if (pick) { picked(pick); return; }
      if (own.click) own.click(event);
    }
    function picked(element) {
      var at = element.dataset.pick.indexOf(":"), key = element.dataset.pick.slice(0, at), value = element.dataset.pick.slice(at + 1);
      if (own.pick && own.pick(key, value, element)) return;
      ctx.toggle(key, value, true);
    }
    function outside(event) { parts.forEach(function (part) { if (part.outside) part.outside(ctx, event); }); }
    function keydown(event) {
      if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
      var field = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName || "");
      for (var at = 0; at < parts.length; at += 1) {
        if (parts[at].key && parts[at].key(ctx, event, field)) { event.preventDefault(); return; }
      }
      if (field) return;
      var pick = event.target.closest && event.target.closest("[data-pick]");
      if (pick && (event.key === "Enter" || event.key === " ") && pick.tagName !== "BUTTON") { event.preventDefault(); picked(pick); return; }
      if (own.key && own.key(event)) { event.preventDefault(); return; }
      /* 1-4: the choices of the segment control. */
      if (/^[1-4]$/.test(event.key) && ctx.data) {
        var segment = ctx.data.bar.filters.filter(function (filter) { return filter.form === "segment"; })[0];
        var choice = segment && segment.choices[Number(event.key) - 1];
        if (choice) { event.preventDefault(); ctx.choose(segment, choice.value); return; }
      }
      if (event.key === "Escape" && ctx.get("open")) { event.preventDefault(); ctx.open(""); }
    }
    /* A segment holds one value; its default leaves the address. */
    ctx.choose = function (filter, value) {
      var changes = {};
      changes[filter.key] = value === filter.default ? null : value || null;
      ctx.set(changes);
    };
    function sized() {
      page.classList.toggle("dk-tight", page.clientWidth < 1232);
      page.classList.toggle("dk-small", page.clientWidth < 960);
      if (!ctx.data) return;
      parts.forEach(function (part) { if (part.size) part.size(ctx); });
      if (own.size) own.size();
    }

    var notices = window.townMarks.notices(page, lang);
    pages.push(ctx);
    parts.forEach(function (part) { if (part.mount) part.mount(ctx); });
    page.addEventListener("click", click);
    document.addEventListener("click", outside);
    document.addEventListener("keydown", keydown);
    var observer = new ResizeObserver(sized);
    sized();
    observer.observe(page);
    if (own.mount) own.mount();
    ctx.read();
    return function () {
      if (end) end();
      if (endOpen) endOpen();
      pages.splice(pages.indexOf(ctx), 1);
      observer.disconnect();
      document.removeEventListener("click", outside);
      document.removeEventListener("keydown", keydown);
      parts.forEach(function (part) { if (part.end) part.end(ctx); });
      if (own.end) own.end();
    };
  }

  desk.part = function (part) { parts.push(part); };
  desk.esc = esc;
  desk.icon = icon;
  desk.put = put;
  desk.figure = figure;
  desk.attr = attr;
  desk.addressWith = addressWith;
  TW.desk = desk;
})();
