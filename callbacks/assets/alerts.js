/* 告警 /alerts: groups of alerts and the alerts of one group, with the buttons of staff-acts.js. Drawn from the view
   `alerts` into layouts/pages/alerts.py; the kit (00-desk.js) draws the rest. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc, icon = desk.icon;

  desk("alerts", function (ctx) {
    var acts = TW.acts.bind(ctx.page, {
      choices: function (row) { return ctx.opened && ctx.opened.row && ctx.opened.row.item === row.item ? ctx.opened.choices : ctx.data && ctx.data.people[row.town] || {}; },
      find: function (item) {
        var own = ctx.opened && ctx.opened.row;
        if (own && own.item === item) return own;
        return ctx.data && ctx.data.rows.filter(function (row) { return row.item === item; })[0];
      },
      redraw: function () { if (ctx.data) { drawList(); drawMenu(); } }
    });
    function mark(row) {
      if (row.over) return '<span class="al-mark done">' + icon("check", 20) + "</span>";
      return '<span class="al-mark">' + TW.glyph(row.severity === "alert" ? "alert" : "watch", 24) + "</span>";
    }
    function line(row) {
      var key = row.group || row.open, age = row.since ? '<span data-since="' + row.since + '">' + esc(window.townwatch.ageText(row.since, ctx.page.dataset.lang, true)) + "</span>" : "";
      return '<li class="al-row' + (row.hot ? " hot" : "") + (row.over ? " over" : "") + (row.standing === "open" || row.over ? "" : " held") + '" data-k="al-' + esc(row.key) + '" data-alert="' + esc(row.key) + '" data-severity="' + esc(row.severity) + '" data-state="' + esc(row.over ? "over" : row.standing) + '" ' +
        (row.group ? 'data-group="' + esc(row.group) + '"' : 'data-open="' + esc(row.open) + '"') + ' tabindex="0" role="button" aria-label="' + esc(row.word + " " + row.title + " " + row.fact + " " + row.state) + '"' + (ctx.get("open") === key ? ' aria-pressed="true"' : "") + ">" +
        mark(row) + '<span class="al-feed">' + icon(row.icon, 18) + "<em>" + esc(row.feed) + "</em></span>" +
        '<span class="al-what"><b>' + esc(row.title) + (row.count > 1 ? ' <i class="al-n">' + row.count + "</i>" : "") + "</b><span>" + esc(row.fact) + "</span></span>" +
        '<span class="al-who">' + esc(row.owner || "") + "</span>" +
        '<span class="al-state"><b>' + esc(row.state) + " " + age + "</b><span>" + esc(row.time) + (row.level ? " · " + esc(row.level) : "") + "</span></span>" +
        '<span class="al-act">' + (row.group ? '<span class="al-more">' + ctx.say("展开", "Open") + "</span>" : acts.button(row)) + "</span></li>";
    }
    function drawList() {
      var data = ctx.data, rows = data.rows, html = "";
      ctx.put(ctx.$("note"), data.group ? '<button type="button" class="al-back" data-k="al-back" data-al="back">' + ctx.say("全部告警", "All alerts") + "</button><b>" + esc(data.group.text) + "</b>" : "");
      if (!rows.length) html = '<div class="al-calm">' + TW.glyph("ok", 34) + "<p>" + esc(data.empty) + "</p></div>";
      else html = '<ol class="al-rows">' + rows.map(line).join("") + "</ol>";
      ctx.put(ctx.$("list"), html);
      var page = data.page;
      ctx.put(ctx.$("pages"), page.of < 2 ? "" : '<button type="button" class="dk-btn" data-k="al-prev" data-al="prev"' + (page.at < 2 ? " disabled" : "") + ">" + ctx.say("上一页", "Previous") + "</button><span>" + esc(page.text) + '</span><button type="button" class="dk-btn" data-k="al-next" data-al="next"' + (page.at >= page.of ? " disabled" : "") + ">" + ctx.say("下一页", "Next") + "</button>");
    }
    /* The buttons of the opened alert, under its head in the drawer that the kit draws. */
    function drawMenu() {
      var box = ctx.$("drawer"), own = ctx.opened && ctx.opened.row, head = box && (box.querySelector(".due") || box.querySelector(".facts") || box.querySelector("h2"));
      if (!box || !own || !head) return;
      var bar = box.querySelector(".al-menu");
      if (!bar) {
        bar = document.createElement("div");
        bar.className = "al-menu";
        head.insertAdjacentElement("afterend", bar);
      }
      ctx.put(bar, acts.menu(own));
    }
    function click(event) {
      var button = event.target.closest("[data-al]"), group = event.target.closest("[data-group]");
      if (button) {
        var at = ctx.data.page.at;
        if (button.dataset.al === "back") ctx.set({ group: null, page: null });
        else ctx.set({ page: String(button.dataset.al === "next" ? at + 1 : at - 1) }, true);
      } else if (group) ctx.set({ group: group.dataset.group, page: null });
    }
    function keydown(event) {
      var row = event.target.closest && event.target.closest("[data-group]");
      if (row && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); ctx.set({ group: row.dataset.group, page: null }); }
    }
    function ages() {
      ctx.page.querySelectorAll("[data-since]").forEach(function (element) {
        var text = window.townwatch.ageText(element.dataset.since, ctx.page.dataset.lang, true);
        if (element.textContent !== text) element.textContent = text;
      });
    }
    ctx.page.addEventListener("click", click);
    ctx.page.addEventListener("keydown", keydown);
    var timer = setInterval(ages, 5000), watch = new MutationObserver(drawMenu), drawer = ctx.$("drawer");
    if (drawer) watch.observe(drawer, { childList: true });
    return {
      cleared: ["group", "page"],
      draw: function () { drawList(); drawMenu(); },
      end: function () { clearInterval(timer); watch.disconnect(); acts.end(); ctx.page.removeEventListener("click", click); ctx.page.removeEventListener("keydown", keydown); }
    };
  });
})();
