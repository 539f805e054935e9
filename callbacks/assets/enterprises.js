/* 企业 /enterprises: stages, three reviewers, register, map and the curve of resumption. Drawn from the view `enterprises`
   into layouts/pages/enterprises.py; the kit (00-desk.js) draws the rest. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc, icon = desk.icon;

  desk("enterprises", function (ctx) {
    function mark(kind, size) { return window.townMarks.mark(kind, size); }
    function words() { return ctx.data.words; }

    function drawFigures() {
      ctx.put(ctx.$("figures"), ctx.data.tiles.map(function (one) { return desk.tile(ctx, one); }).join(""));
    }

    /* ---- stages: one bar scale, over the limit at the foot, moved on today on the arrow ---- */
    function chosen(key, value) {
      var filter = ctx.filter(key);
      return filter.changed && filter.choices.some(function (one) { return one.on && one.value === value; });
    }
    function stage(one, extra) {
      var w = words(), height = Math.max(one.count ? 4 : 1, Math.round(64 * one.share)), over = Math.round(height * one.over_share);
      return '<button type="button" class="cs-stage' + (chosen("stage", one.key) ? " on" : "") + '" data-k="stage-' + esc(one.key) + '" data-pick="stage:' + esc(one.key) + '" aria-pressed="' + chosen("stage", one.key) + '">' +
        '<b class="n">' + esc(one.name) + '</b><span class="b"><span class="bar" style="height:' + height + 'px"><i style="height:' + (one.over ? Math.max(2, over) : 0) + 'px"></i></span><span class="c"><b' +
        desk.figure({ kpi: "enterprise_stage", town: ctx.data.resumed.town, raw: one.count, dims: { stage: one.key } }) + ">" + esc(one.text) + "</b><em>" + esc(w.above_short) + " " + one.above + "</em><em>" + esc(w.below_short) + " " + one.below + "</em></span></span>" +
        '<em class="m">' + esc(one.median) + '</em><span class="o' + (one.over ? " red" : "") + '">' + (one.over ? mark("lapsed", 13) : "") + esc(one.over_text) + "</span></button>" + (extra || "");
    }
    function three() {
      var w = words(), most = ctx.data.reviewers.length ? ctx.data.reviewers[0].total : 0;
      return '<div class="cs-three"><p><b>' + esc(w.three) + "</b><em>" + esc(w.pending) + "</em><em>" + esc(w.returned) + "</em></p>" + ctx.data.reviewers.map(function (one) {
        function part(name) { return one[name] && most ? '<i class="' + name + '" style="width:' + (100 * one[name] / most).toFixed(1) + '%"></i>' : ""; }
        return '<p><b>' + esc(one.name) + '</b><span class="tri" role="img" aria-label="' + esc(one.name + " " + one.passed + "/" + one.total) + '">' + part("passed") + part("pending") + part("returned") + '</span><b class="num">' + one.pending + '</b><span class="num' + (one.returned ? " ret" : "") + '">' + one.returned + "</span></p>";
      }).join("") + "</div>";
    }
    function drawPipeline() {
      var data = ctx.data, w = words(), r = data.resumed;
      ctx.put(ctx.$("key"), '<span class="dk-legend"><span><i class="cs-k here"></i>' + esc(w.here) + '</span><span><i class="cs-k over"></i>' + esc(w.over) + "</span><span>" + icon("chev", 14) + esc(w.moved) + "</span></span>");
      var html = data.pipeline.map(function (one, at) {
        var arrow = '<span class="cs-arrow"><b>' + (one.moved || "") + "</b>" + icon("chev", 16) + "</span>";
        var widest = one.key === "reviewing";
        return (widest ? '<div class="cs-wide">' : "") + stage(one, widest ? three() + "</div>" : "") + arrow;
      }).join("");
      html += '<button type="button" class="cs-done" data-k="stage-resumed" data-pick="stage:resumed" aria-pressed="' + chosen("stage", "resumed") + '"><b class="n">' + esc(r.name) + '</b><b class="big"' + desk.figure({ kpi: r.kpi, town: r.town, raw: r.raw, dims: r.dims }) + ">" + esc(r.text) + "</b><span>" + esc(r.rate) + " <em>" + esc(r.today) + "</em></span>" +
        r.lines.map(function (line) { return "<em>" + esc(line) + "</em>"; }).join("") + "</button>";
      ctx.put(ctx.$("pipeline"), html);
      var pledges = data.pledges;
      ctx.put(ctx.$("pledges"), "<b>" + esc(w.pledges) + "</b>" + pledges.parts.map(function (one) { return "<span>" + esc(one.name) + " <b>" + one.count + "</b>/" + pledges.total + "</span>"; }).join(""));
    }

    /* ---- register ---- */
    function segments(row) {
      var at = words().stages.indexOf(row.stage);
      return '<span class="cs-seg" aria-hidden="true">' + words().stages.map(function (_, nth) {
        return '<i class="' + (at < 0 ? "stop" : nth < at || row.stage === "resumed" ? "past" : nth === at ? (row.over ? "over" : "here") : "") + '"></i>';
      }).join("") + "</span>" + esc(row.stage_text);
    }
    function verdict(said) {
      var w = words().verdicts;
      if (said === "passed") return '<span class="cs-v ok">' + icon("check", 14) + esc(w.passed) + "</span>";
      if (said === "returned") return '<span class="cs-v ret">' + icon("replay", 14) + "<b>" + esc(w.returned) + "</b></span>";
      if (said === "pending") return '<span class="cs-v wait"><i></i><b>' + esc(w.pending) + "</b></span>";
      return '<span class="cs-v none">' + esc(w.none) + "</span>";
    }
    function drawRegister() {
      var heads = words().heads, rows = ctx.data.rows;
      desk.register(ctx, [
        { field: "name", head: heads[0], grow: 2, html: true }, { field: "town", head: heads[1], grow: 1 }, { field: "scale", head: heads[2], width: ctx.en ? 108 : 74, html: true }, { field: "industry", head: heads[3], grow: 1 },
        { field: "stage_text", head: heads[4], width: ctx.en ? 176 : 160, html: true }, { field: "v0", head: heads[5], width: ctx.en ? 118 : 92, html: true }, { field: "v1", head: heads[6], width: ctx.en ? 104 : 92, html: true }, { field: "v2", head: heads[7], width: ctx.en ? 104 : 92, html: true },
        { field: "stay", head: heads[8], num: true, width: 140, html: true }, { field: "share", head: heads[9], num: true, width: 104, html: true }, { field: "liaison", head: heads[10], grow: 1, html: true }
      ], rows.map(function (row) {
        return {
          key: row.key, label: row.label, name: row.name, _name: "<b>" + esc(row.name) + "</b>", town: row.town, scale: row.scale, _scale: row.above ? "<b>" + esc(row.scale) + "</b>" : esc(row.scale), industry: row.industry,
          stage_text: row.stage_text, _stage_text: segments(row), v0: row.verdicts[0], _v0: verdict(row.verdicts[0]), v1: row.verdicts[1], _v1: verdict(row.verdicts[1]), v2: row.verdicts[2], _v2: verdict(row.verdicts[2]),
          stay: row.stay, _stay: row.over ? '<span class="cs-stay red">' + mark("lapsed", 13) + "<b>" + esc(row.stay_text) + "</b></span>" : esc(row.stay_text),
          share: row.share, _share: esc(row.staff), liaison: row.liaison, _liaison: row.liaison ? esc(row.liaison) : '<span class="cs-orphan">' + ctx.say("未配", "none") + "</span>"
        };
      }), ctx.data.empty);
      ctx.put(ctx.$("foot"), "<span>" + esc(ctx.data.foot.left) + '</span><span class="r">' + esc(ctx.data.foot.right) + "</span>");
    }

    /* ---- map and curve ---- */
    function drawMap() {
      var map = ctx.data.map;
      ctx.put(ctx.$("legend"), '<span class="dk-legend"><span>' + mark("lapsed", 14) + esc(words().over) + "</span><span>" + mark("open", 14) + ctx.say("未复工", "not resumed") + "</span><span>" + mark("met", 14) + ctx.say("已复工", "resumed") + "</span></span>");
      var box = ctx.$("map");
      if (box) box.setAttribute("aria-label", map.label);
      TW.map.desk("enterprises-map", Object.assign({}, map, { mode: "", selected: ctx.get("open"), dims: JSON.stringify(ctx.data.resumed.dims) }), {
        open: function (key) { ctx.open(key === ctx.get("open") ? "" : key); },
        town: function (code) { ctx.toggle("town", code, true); }
      });
    }
    function drawCurve() {
      ctx.put(ctx.$("curve-note"), esc(words().curve));
      ctx.put(ctx.$("curve"), window.TW.cases.curve(ctx.data.curve, ctx.en, ctx.$("curve").clientWidth));
    }

    return {
      draw: function () { drawFigures(); drawPipeline(); drawRegister(); drawMap(); drawCurve(); },
      mount: function () { ctx.put(ctx.$("figures"), desk.tilesWaiting(4)); },
      size: function () { drawMap(); drawCurve(); }
    };
  });
})();
