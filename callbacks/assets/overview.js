/* 总览: draws the view "overview". Words, numbers and states come from the server. */
(function () {
  "use strict";
  var tw = window.townwatch;

  function esc(value) {
    return String(value === null || value === undefined ? "" : value).replace(/[&<>"]/g, function (c) {
      return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c];
    });
  }

  /* Never colour alone: a diamond means act, a triangle means look. */
  function glyph(state, word) {
    var shapes = {
      alert: '<path d="M8 .8L15.2 8 8 15.2.8 8z" style="fill:var(--tw-alert)"/><path d="M8 4.700v4" style="stroke:var(--tw-alert-on)" stroke-width="1.6" stroke-linecap="round"/><circle cx="8" cy="11.1" r="1" style="fill:var(--tw-alert-on)"/>',
      watch: '<path d="M8 2L14.5 13.200h-13z" style="fill:var(--tw-watch);stroke:var(--tw-watch-edge)" stroke-linejoin="round"/>'
    };
    if (!shapes[state]) return "";
    return '<svg class="ov-glyph" viewBox="0 0 16 16" role="img" aria-label="' + esc(word) + '">' + shapes[state] + "</svg>";
  }

  function bar(parts) {
    if (!parts) return "";
    var html = ["met", "lapsed", "unobservable"].map(function (kind) {
      return parts[kind] ? '<i class="' + kind + '" style="width:' + (100 * parts[kind] / parts.total).toFixed(2) + '%"></i>' : "";
    }).join("");
    return '<span class="ov-bar" aria-hidden="true">' + html + "</span>";
  }

  function share(given) {
    if (!given || given.value === null) return "";
    var target = given.target ? '<u style="left:' + (100 * given.target).toFixed(1) + '%"></u>' : "";
    return '<span class="ov-bar share" aria-hidden="true"><i style="width:' + (100 * given.value).toFixed(2) + '%"></i>' + target + "</span>";
  }

  /* The wall's figures, at the desk's size: status, why, and the day's curve over yesterday's. */
  function tile(one, at) {
    var old = one.status === "stale" || one.status === "silent";
    return '<section class="ov-tile ' + esc(one.status) + '" data-kpi="' + esc(one.kpi) + '" data-town="all" data-value="' + esc(one.raw) + '" data-freshness="' + esc(one.freshness) + '"><div class="k"><span>' + esc(one.label) +
      '</span><span class="st">' + window.townMarks.mark(one.shape, 14) + esc(one.word) + '</span></div><div class="v"><b>' + esc(one.value) + "</b><small>" + esc(one.unit) + '</small></div><div class="d"><span>' + esc(one.delta) + "</span><span>" + esc(old ? "" : one.note) + "</span></div>" +
      window.TW.spark({ today: one.today, yesterday: one.yesterday, status: one.status === "silent" ? "stale" : one.status, step: one.step, now: one.now, staleFrom: one.stale_from, id: "ov-s" + at }) + "</section>";
  }

  /* The day's fevers on its hours: a ring is settled, a diamond waits for somebody, the stroke is now. */
  function dots(given) {
    if (!given) return "";
    function x(minute) { return (2 + minute / 1440 * 88).toFixed(1); }
    var html = '<path d="M0,17.5H92M24,17.5v-2M46,17.5v-2M68,17.5v-2" style="stroke:var(--tw-line-strong)"/><path d="M' + x(given.now) + ',3V18" style="stroke:var(--tw-text)" stroke-width="1.2"/>';
    given.at.forEach(function (one) {
      html += one[1] ? '<path d="M' + x(one[0]) + ',5l5,5l-5,5l-5,-5z" style="fill:var(--tw-alert)"/>' : '<circle cx="' + x(one[0]) + '" cy="10" r="3.6" style="fill:var(--tw-surface);stroke:var(--tw-text-2)" stroke-width="1.3"/>';
    });
    return '<svg class="ov-dots" viewBox="0 0 92 20" aria-hidden="true">' + html + "</svg>";
  }

  function cell(one, column) {
    var state = one.status === "alert" || one.status === "watch" ? one.status : "";
    return '<td data-label="' + esc(column.label) + (column.unit ? "（" + esc(column.unit) + "）" : "") + '"' + (one.old ? ' class="ov-old"' : "") +
      '><span class="ov-cell ' + (one.old ? "old" : state) + '" data-kpi="' + esc(one.kpi) + '" data-town="' + esc(one.town) + '" data-value="' +
      esc(one.raw) + '" data-freshness="' + esc(one.freshness) + '">' + bar(one.bar) + share(one.share) + dots(one.dots) + "<b>" + esc(one.value) + "</b>" +
      (one.old ? "" : glyph(state, one.status_word)) + "<small>" + esc(one.note) + "</small></span></td>";
  }

  function href(town) {
    var kept = new URLSearchParams(), now = new URLSearchParams(location.search);
    ["lang", "theme"].forEach(function (key) { if (now.has(key)) kept.set(key, now.get(key)); });
    return "/town/" + encodeURIComponent(town) + (kept.size ? "?" + kept : "");
  }

  function row(one, columns, region) {
    var name = region ? esc(one.name) : '<a href="' + esc(href(one.town)) + '" title="' + esc(one.title) + '">' + esc(one.name) + "</a>";
    return '<tr class="' + (region ? "ov-region" : "ov-town") + '"><th scope="row"><span class="ov-name">' + name + "</span></th>" +
      one.cells.map(function (each, at) { return cell(each, columns[at]); }).join("") + "</tr>";
  }

  function head(column, barred) {
    return '<th scope="col"' + (barred ? ' class="ov-wide"' : "") + "><b>" + '<span class="tw-ic tw-ic-' + esc(column.icon) + '" style="color:var(--tw-feed-' + esc(column.colour) +
      ')" aria-hidden="true"></span>' + esc(column.label) + "</b>" + (column.unit ? esc(column.unit) : "&nbsp;") + "</th>";
  }

  var LEGEND = { met: ["已巡", "Met"], lapsed: ["漏巡", "Lapsed"], unobservable: ["无法判定", "Unobservable"], open: ["未到期", "Open"] };

  tw.onPage("#tw-overview", function (page) {
    var en = page.dataset.lang === "en";
    var sheet = document.createElement("div");
    page.appendChild(sheet);
    var notices = window.townMarks.notices(page, page.dataset.lang);
    sheet.innerHTML = '<div class="ov-sheet">' + (en ? "Reading…" : "读取中…") + "</div>";
    var drawn = "";

    function draw(data) {
      var columns = data.columns, comma = en ? ", " : "，";
      var titles = data.headline.map(function (part) { return '<span class="' + esc(part.tone) + '">' + esc(part.text) + "</span>"; }).join(comma);
      var legend = data.region.cells.some(function (one) { return one.bar; }) ? '<div class="ov-legend" aria-hidden="true">' +
        Object.keys(LEGEND).map(function (kind) { return '<span><i class="' + kind + '"></i>' + LEGEND[kind][en ? 1 : 0] + "</span>"; }).join("") + "</div>" : "";
      var html = '<div class="ov-head"><h1>' + titles + "</h1><p>" + data.sub.map(esc).join("·") + '</p></div><div class="ov-tiles">' + data.tiles.map(tile).join("") + '</div><div class="ov-panel"><table class="ov-table"><thead><tr><th scope="col">' +
        esc(data.place) + "</th>" + columns.map(function (column, at) { return head(column, data.region.cells[at].bar || data.region.cells[at].share); }).join("") + "</tr></thead><tbody>" + row(data.region, columns, true) +
        data.rows.map(function (one) { return row(one, columns, false); }).join("") + "</tbody></table>" + legend + "</div>";
      notices.clear();
      if (html === drawn) return;
      drawn = html;
      /* A redraw must not take the focus from somebody who goes through the rows by keyboard. */
      var focused = page.contains(document.activeElement) && document.activeElement.getAttribute("href");
      sheet.innerHTML = html;
      if (focused) {
        var again = page.querySelector('a[href="' + CSS.escape(focused) + '"]');
        if (again) again.focus({ preventScroll: true });
      }
    }

    function without(told) { return function () { told(); if (!drawn) sheet.innerHTML = ""; }; }
    page.addEventListener("click", function (event) {
      var line = event.target.closest("tr.ov-town");
      if (line && !event.target.closest("a") && !String(getSelection())) line.querySelector("a").click();
    });
    return tw.subscribe("overview", "all", page.dataset.lang, draw, { trouble: without(notices.trouble), refused: without(notices.refused) });
  });
})();
