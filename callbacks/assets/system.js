/* 系统: draws the view "system". Words and numbers come from the server; ages run here. */
(function () {
  "use strict";
  var tw = window.townwatch, mark = window.townMarks.mark;

  function esc(value) {
    return String(value === null || value === undefined ? "" : value).replace(/[&<>"]/g, function (c) {
      return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c];
    });
  }
  function icon(name, size) {
    return '<span class="tw-ic tw-ic-' + esc(name) + '" style="width:' + size + "px;height:" + size + 'px" aria-hidden="true"></span>';
  }
  function put(element, html) {
    if (!element || element.__html === html) return;
    element.__html = html;
    element.innerHTML = html;
  }
  function shape(kind) { return kind ? mark(kind, 13) : ""; }
  function title(text, note, link) {
    return '<div class="sp-title"><h2>' + esc(text) + "</h2><span>" + esc(note || "") + (link || "") + "</span></div>";
  }
  function aged(received, lang, text) {
    if (received === null || received === undefined) return esc(text);
    return '<span data-received="' + esc(received) + '" data-lang="' + lang + '"><span data-age>' + esc(tw.ageText(received, lang)) + "</span></span>";
  }

  /* A feed a row: there are more feeds than a screen has room for, and as many towns as a county has. On a phone the
     towns give way to the names of those that are old. */
  function matrix(data, lang) {
    var en = lang === "en";
    function named(row) { return en ? row.name_en || row.name : row.name; }
    function kind(row) { return row.town === "all" || data.rows.length === 1 ? "all" : "town"; }
    function cell(row, at) {
      var one = row.cells[at];
      return '<td class="' + kind(row) + '" data-feed="' + esc(one.feed) + '" data-town="' + esc(row.town) + '" data-freshness="' + esc(one.freshness) + '" title="' + esc([one.word, one.at].filter(Boolean).join(" ")) + '"><div class="sp-cell">' + shape(one.shape) +
        "<span>" + aged(one.received, lang, one.age) + '</span><span class="n">' + esc(one.today) + "</span></div></td>";
    }
    function old(at) {
      var towns = data.rows.filter(function (row) { return kind(row) === "town"; });
      var late = towns.filter(function (row) { return /stale|silent/.test(row.cells[at].freshness); }).map(named);
      return !late.length ? "" : late.length === towns.length ? (en ? "all towns" : "各镇（街道）") : late.join(en ? ", " : "、");
    }
    return title(data.title, data.note) + '<div class="sp-wide"><table class="sp-table sp-feeds"><thead><tr><th scope="col"></th>' + data.rows.map(function (row) {
      return '<th scope="col" class="' + kind(row) + '">' + esc(named(row)) + "</th>";
    }).join("") + "</tr></thead><tbody>" + data.feeds.map(function (feed, at) {
      var late = old(at);
      return '<tr><td><span class="mark"><span style="color:var(--tw-feed-' + esc(feed.colour) + ',currentColor);display:inline-flex">' + icon(feed.icon, 16) + "</span><b>" + esc(feed.label) + "</b></span><small>" + esc(feed.limits) + "</small>" +
        (late ? '<small class="sp-old">' + (en ? "Old: " : "滞后：") + esc(late) + "</small>" : "") + "</td>" + data.rows.map(function (row) { return cell(row, at); }).join("") + "</tr>";
    }).join("") + "</tbody></table></div>";
  }
  function facts(data) {
    return title(data.title, data.note) + '<dl class="sp-facts">' + data.rows.map(function (row) {
      return "<dt>" + esc(row.label) + '</dt><dd class="' + esc(row.shape) + '">' + shape(row.shape) + "<span>" + esc(row.value) + "</span>" + (row.note ? "<small>" + esc(row.note) + "</small>" : "") + "</dd>";
    }).join("") + "</dl>";
  }
  function heads(list, numeric) {
    return "<thead><tr>" + list.map(function (head, at) { return '<th scope="col"' + (numeric(at) ? ' class="num"' : "") + ">" + esc(head) + "</th>"; }).join("") + "</tr></thead>";
  }
  function worker(data) {
    if (!data.rows.length) return title(data.title) + '<p class="sp-none">' + esc(data.empty) + "</p>";
    var numeric = function (at) { return at > 0 && at !== 4; };
    return title(data.title) + '<div class="sp-wide"><table class="sp-table sp-cards">' + heads(data.heads, numeric) + "<tbody>" + data.rows.map(function (row) {
      return "<tr>" + row.cells.map(function (cell, at) {
        return "<td" + (numeric(at) ? ' class="num"' : "") + (at ? ' data-head="' + esc(data.heads[at]) + '"' : "") + ">" + (at ? esc(cell) : '<span class="mark">' + shape(row.shape) + esc(cell) + "</span>") + "</td>";
      }).join("") + "</tr>";
    }).join("") + "</tbody></table></div>";
  }
  function dead(data) {
    var link = '<a href="/api/v1/dead-letters" target="_blank" rel="noopener">' + esc(data.link) + " ›</a>";
    var html = title(data.title, data.count, link);
    if (!data.rows.length) return html + '<p class="sp-none">' + esc(data.empty) + "</p>";
    html += '<div class="sp-reasons">' + data.reasons.map(function (reason) { return "<span>" + esc(reason.field) + "<b>" + esc(reason.count) + "</b></span>"; }).join("") + "<span>" + esc(data.note) + "</span></div>";
    return html + '<div class="sp-wide"><table class="sp-table sp-cards">' + heads(data.heads, function () { return false; }) + "<tbody>" + data.rows.map(function (row) {
      var time = row.link ? '<a href="' + esc(row.link) + '" target="_blank" rel="noopener">' + esc(row.time) + "</a>" : esc(row.time);
      function head(at) { return ' data-head="' + esc(data.heads[at]) + '"'; }
      return '<tr title="' + esc(row.message) + '"><td>' + time + "</td><td" + head(1) + ">" + esc(row.feed) + "</td><td" + head(2) + ">" + esc(row.source) + "</td><td" + head(3) + ">" + esc(row.field) + '</td><td class="text"' + head(4) + ">" + esc(row.got) + '</td><td class="text"' + head(5) + ">" + esc(row.allowed) + "</td></tr>";
    }).join("") + "</tbody></table></div>";
  }
  function sources(data, lang) {
    if (!data.rows.length) return title(data.title, data.note) + '<p class="sp-none">' + esc(data.empty) + "</p>";
    var numeric = function (at) { return at > 1; };
    return title(data.title, data.note) + '<div class="sp-wide"><table class="sp-table sp-cards">' + heads(data.heads, numeric) + "<tbody>" + data.rows.map(function (row) {
      function head(at) { return ' data-head="' + esc(data.heads[at]) + '"'; }
      return "<tr><td>" + esc(row.source) + "</td><td" + head(1) + ">" + aged(row.received, lang, row.age) + '</td><td class="num"' + head(2) + ">" + esc(row.delay) + '</td><td class="num ' + esc(row.shape) + '"' + head(3) + '><span class="mark">' + shape(row.shape) + esc(row.offset) + '</span></td><td class="num"' + head(4) + ">" + esc(row.accepted) + '</td><td class="num"' + head(5) + ">" + esc(row.rejected) + "</td></tr>";
    }).join("") + "</tbody></table></div>";
  }

  tw.onPage("#system-page", function (page) {
    var lang = page.dataset.lang === "en" ? "en" : "zh";
    function $(part) { return page.querySelector("#system-" + part); }
    var notices = window.townMarks.notices(page, lang);
    return tw.subscribe("system", page.dataset.scope || "all", lang, function (data) {
      notices.clear();
      put($("headline"), "<h1>" + data.headline.map(function (part) { return '<span class="' + esc(part.tone) + '">' + esc(part.text) + "</span>"; }).join(lang === "zh" ? "，" : ", ") + "</h1><p>" + esc(data.sub) + "</p>");
      put($("matrix"), matrix(data.matrix, lang));
      put($("clock"), facts(data.clock));
      put($("worker"), worker(data.worker));
      put($("redis"), facts(data.redis));
      put($("database"), facts(data.database));
      put($("machine"), facts(data.machine));
      put($("dead"), dead(data.dead));
      put($("sources"), sources(data.sources, lang));
    }, { trouble: notices.trouble, refused: notices.refused });
  });
})();
