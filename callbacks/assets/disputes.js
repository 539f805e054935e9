/* 纠纷 /disputes: ages, backlog, kinds, map, register and the periodic report. Drawn from the view `disputes` into
   layouts/pages/disputes.py; the kit (00-desk.js) draws the rest. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc, icon = desk.icon;

  desk("disputes", function (ctx) {
    function mark(kind, size) { return window.townMarks.mark(kind, size); }
    function chosen(key, value) {
      var filter = ctx.filter(key);
      return filter.changed && filter.choices.some(function (one) { return one.on && one.value === value; });
    }
    function drawFigures() {
      ctx.put(ctx.$("figures"), ctx.data.tiles.map(function (one) { return desk.tile(ctx, one); }).join(""));
    }
    function drawAges() {
      var ages = ctx.data.ages, total = ages.reduce(function (sum, one) { return sum + one.count; }, 0);
      if (!total) { ctx.put(ctx.$("ages"), '<p class="dk-none">' + (ctx.data.rows.length ? ctx.say("没有未结纠纷", "No dispute is open") : esc(ctx.data.empty)) + "</p>"); return; }
      ctx.put(ctx.$("ages"), '<div class="cs-agebar">' + ages.map(function (one, at) {
        return one.count ? '<button type="button" class="a' + (at + 1) + '" data-k="age-' + one.key + '" data-pick="age:' + one.key + '" aria-pressed="' + chosen("age", one.key) + '" style="width:' + (100 * one.share).toFixed(2) + '%" aria-label="' + esc(one.name + " " + one.count) + '">' + (one.share > 0.06 ? one.count : "") + "</button>" : "";
      }).join("") + '</div><div class="cs-agekey">' + ages.map(function (one) {
        return "<span" + desk.figure({ kpi: "dispute_age", town: ctx.data.tiles[0].town, raw: one.count, dims: { age: one.key } }) + ">" + esc(one.name) + " <b>" + one.count + "</b></span>";
      }).join("") + "</div>");
    }
    function drawBacklog() {
      var w = ctx.data.words;
      ctx.put(ctx.$("key"), '<span class="dk-legend"><span><i class="cs-k"></i>' + esc(w.open) + '</span><span><i class="cs-k over"></i>' + esc(w.overdue) + "</span></span>");
      ctx.put(ctx.$("backlog"), TW.cases.stacks(ctx.data.backlog, ctx.en, ctx.$("backlog").clientWidth));
    }
    function drawKinds() {
      var kinds = ctx.data.kinds, most = Math.max.apply(null, kinds.map(function (one) { return one.open; }).concat([1]));
      ctx.put(ctx.$("kind-note"), ctx.say("未结，件；右为本期化解", "open; at the right: resolved of the period"));
      ctx.put(ctx.$("kinds"), kinds.length ? kinds.map(function (one) {
        return '<button type="button" class="cs-kind' + (chosen("kind", one.key) ? " on" : "") + '" data-k="kind-' + one.key + '" data-pick="kind:' + one.key + '" aria-pressed="' + chosen("kind", one.key) + '"><span>' + esc(one.name) + '</span><span class="tri"><i class="over" style="width:' + (100 * one.overdue / most).toFixed(1) + '%"></i><i style="width:' + (100 * (one.open - one.overdue) / most).toFixed(1) + '%"></i></span><b' +
          desk.figure({ kpi: "dispute_open", town: ctx.data.tiles[0].town, raw: one.open, dims: { kind: one.key } }) + ">" + one.open + "</b><em>" + esc(one.text) + "</em></button>";
      }).join("") : '<p class="dk-none">' + esc(ctx.data.empty) + "</p>");
    }
    function drawMap() {
      var map = ctx.data.map, w = ctx.data.words, box = ctx.$("map");
      ctx.put(ctx.$("legend"), '<span class="dk-legend"><span>' + mark("lapsed", 14) + esc(w.overdue) + "</span><span>" + mark("soon", 14) + esc(w.soon) + "</span><span>" + mark("open", 14) + esc(w.open) + "</span></span>");
      if (box) box.setAttribute("aria-label", map.label);
      TW.map.desk("disputes-map", Object.assign({}, map, { mode: "", selected: ctx.get("open"), dims: JSON.stringify(ctx.data.tiles[0].dims) }), {
        open: function (key) { ctx.open(key === ctx.get("open") ? "" : key); },
        town: function (code) { ctx.toggle("town", code, true); }
      });
    }
    function drawRegister() {
      var heads = ctx.data.words.heads;
      desk.register(ctx, [
        { field: "name", head: heads[0], grow: 1, html: true }, { field: "town", head: heads[1], grow: 1 }, { field: "kind", head: heads[2], grow: 1 }, { field: "stage_text", head: heads[3], width: 96 }, { field: "opened_at", head: heads[4], width: 130, html: true },
        { field: "age", head: heads[5], num: true, width: 130, html: true }, { field: "due_at", head: heads[6], num: true, width: 150, html: true }, { field: "parties", head: heads[7], num: true, width: 84 }, { field: "handler", head: heads[8], grow: 1 }
      ], ctx.data.rows.map(function (row) {
        var shape = row.tone === "alert" ? "lapsed" : row.tone === "watch" ? "soon" : "";
        return Object.assign({}, row, {
          _name: "<b>" + esc(row.name) + "</b>", _opened_at: esc(row.opened), _age: esc(row.age_text),
          _due_at: shape ? '<span class="cs-stay' + (row.tone === "alert" ? " red" : "") + '">' + mark(shape, 13) + "<b>" + esc(row.due) + "</b></span>" : esc(row.due || "—")
        });
      }), ctx.data.empty);
      ctx.put(ctx.$("foot"), "<span>" + esc(ctx.data.foot.left) + "</span>");
    }
    function drawReport() {
      var report = ctx.data.report;
      function table(head, lines) {
        return '<table class="dk-table"><thead><tr><th scope="col">' + esc(head) + "</th>" + report.heads.slice(1).map(function (text) { return '<th scope="col" class="num">' + esc(text) + "</th>"; }).join("") + "</tr></thead><tbody>" + lines.concat([report.whole]).map(function (one) {
          return '<tr><th scope="row">' + esc(one.name) + "</th>" + [one.found, one.resolved, one.escalated, one.withdrawn, one.open, one.rate].map(function (value) { return '<td class="num">' + esc(value) + "</td>"; }).join("") + "</tr>";
        }).join("") + "</tbody></table>";
      }
      ctx.put(ctx.$("report-note"), '<button type="button" class="dk-text" data-k="print" data-print>' + icon("print", 16) + esc(ctx.data.words.print) + "</button>");
      ctx.put(ctx.$("report"), "<p><b>" + esc(report.title) + "</b></p><p>" + esc(report.text) + '</p><div class="cs-pair"><div>' + table(report.by[0], report.kinds) + "</div><div>" + table(report.by[1], report.towns) + "</div></div>");
    }

    return {
      draw: function () { drawFigures(); drawAges(); drawBacklog(); drawKinds(); drawMap(); drawRegister(); drawReport(); },
      mount: function () { ctx.put(ctx.$("figures"), desk.tilesWaiting(6)); },
      size: function () { drawMap(); drawBacklog(); },
      click: function (event) { if (event.target.closest("[data-print]")) window.print(); }
    };
  });
})();
