/* 卡点 /checkpoints: hours with yesterday's step and fevers, towns by hour, map, fevers, drift of devices, register.
   Drawn from the view `checkpoints` into layouts/pages/checkpoints.py; the kit (00-desk.js) draws the rest. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc;
  var MARKS = { online: "met", offline: "unobservable", off: "open" };

  desk("checkpoints", function (ctx) {
    function mark(kind, size) { return window.townMarks.mark(kind, size); }
    function words() { return ctx.data.words; }
    function chosen(key, value) {
      var filter = ctx.filter(key);
      return filter.changed && filter.choices.some(function (one) { return one.on && one.value === value; });
    }
    function drawFigures() {
      ctx.put(ctx.$("figures"), ctx.data.tiles.map(function (one) { return desk.tile(ctx, one); }).join(""));
    }
    function drawHours() {
      var hours = ctx.data.hours, w = words();
      ctx.put(ctx.$("key"), (hours.note ? "<span>" + esc(hours.note) + "</span>" : "") + '<span class="dk-legend"><span><i class="ck-k"></i>' + esc(w.today) + '</span><span><i class="ck-k step"></i>' + esc(w.yesterday) + "</span><span>" + mark("lapsed", 13) + esc(w.states.waiting) + "</span></span>");
      var box = ctx.$("hours"), wide = Math.max(420, Math.round((box.clientWidth || 720) * 1.45)); /* its letters are 18 high: 12 on the page */
      ctx.put(box, TW.columns(Object.assign({ width: wide, height: Math.round(Math.max(220, Math.min(300, wide * 0.3))) }, hours)));
    }
    function drawMatrix() {
      var matrix = ctx.data.matrix, w = words(), most = matrix.most || 1, hour, heads = "";
      for (hour = 0; hour < 24; hour += 1) heads += '<th scope="col"' + (hour === matrix.now ? ' class="nw"' : "") + ">" + (hour % 3 ? "" : hour) + "</th>";
      if (!matrix.rows.length) { ctx.put(ctx.$("matrix"), '<p class="dk-none">' + esc(ctx.data.empty) + "</p>"); return; }
      ctx.put(ctx.$("matrix"), '<table aria-label="' + esc(w.matrix) + '"><thead><tr><th scope="col">' + esc(w.town) + "</th>" + heads + '<th scope="col" class="num">' + esc(w.whole) + "</th></tr></thead><tbody>" + matrix.rows.map(function (row) {
        return '<tr class="' + (chosen("town", row.town) ? "on" : "") + (row.reported ? "" : " none") + '"><th scope="row"><button type="button" data-k="row-' + esc(row.town) + '" data-pick="town:' + esc(row.town) + '" aria-pressed="' + chosen("town", row.town) + '">' + esc(row.name) + "</button></th>" + row.cells.map(function (n, at) {
          var share = n ? 14 + Math.round(86 * n / most) : 0;
          return "<td" + (at === matrix.now ? ' class="nw"' : "") + ' title="' + esc(row.name + " " + at + ":00  " + n) + '"><i style="--n:' + share + '%"' + (at > matrix.now ? ' class="to"' : "") + ' aria-label="' + n + '"></i></td>';
        }).join("") + '<td class="num"' + desk.figure({ kpi: "screened", town: row.town, raw: row.raw, freshness: row.freshness, dims: matrix.dims }) + "><b>" + esc(row.text) + "</b></td></tr>";
      }).join("") + "</tbody></table>");
    }
    function drawMap() {
      var map = ctx.data.map, w = words(), box = ctx.$("map");
      ctx.put(ctx.$("legend"), '<span class="dk-legend"><span>' + mark("lapsed", 14) + esc(w.states.waiting) + "</span><span>" + mark("unobservable", 14) + esc(w.states.offline) + "</span><span>" + mark("met", 14) + esc(w.states.online) + "</span><span>" + mark("open", 14) + esc(w.states.off) + "</span></span>");
      if (box) box.setAttribute("aria-label", map.label);
      TW.map.desk("checkpoints-map", Object.assign({}, map, { mode: "", selected: ctx.get("open"), dims: Object.keys(map.dims).length ? JSON.stringify(map.dims) : "" }), {
        open: function (key) { ctx.open(key === ctx.get("open") ? "" : key); },
        town: function (code) { ctx.toggle("town", code, true); }
      });
    }
    function drawFevers() {
      var rows = ctx.data.fevers, w = words(), open = ctx.get("open");
      ctx.put(ctx.$("fever-note"), "<b>" + ctx.data.fevers_total + "</b>" + ctx.say("人次", ""));
      ctx.put(ctx.$("fevers"), (rows.length ? "<ul>" + rows.map(function (row) {
        return '<li class="' + (row.open ? "red" : "") + '" data-k="fever-' + esc(row.case) + '" data-open="' + esc(row.checkpoint) + '" tabindex="0" role="button" aria-pressed="' + (row.checkpoint === open) + '">' + (row.number ? window.townMarks.pin(row.number, "alert", 26) : mark(row.open ? "lapsed" : "done", 15)) +
          "<b>" + esc(row.case) + "</b><time>" + esc(row.time) + '</time><span class="w">' + esc(row.name) + "<em>" + esc(row.town) + '</em></span><span class="t">' + esc(row.degrees) + '</span><span class="r">' + esc(row.rule) + '</span><span class="s">' + esc(row.state) + "</span></li>";
      }).join("") + "</ul>" : '<p class="dk-none">' + esc(w.none) + "</p>") + blocks());
    }
    /* Incidents of the rule that a green code and a normal temperature pass everywhere. */
    function blocks() {
      var rows = ctx.data.blocks || [];
      return !rows.length ? "" : '<h3 class="ck-blocks">' + ctx.say("误拦", "Wrongly refused") + " <b>" + rows.length + "</b></h3><ul>" + rows.map(function (row) {
        return '<li data-k="block-' + esc(row.case + row.checkpoint) + '" data-open="' + esc(row.checkpoint) + '" tabindex="0" role="button">' + mark("watch", 15) + "<b>" + esc(row.case) + "</b><time>" + esc(row.time) + '</time><span class="w">' + esc(row.name) + "<em>" + esc(row.town) + '</em></span><span class="t"></span><span class="r">' + esc(row.rule) + '</span><span class="s">' + esc(row.state) + "</span></li>";
      }).join("") + "</ul>";
    }
    function drawDrifts() {
      var drifts = ctx.data.drifts, w = words();
      ctx.put(ctx.$("drift-note"), esc(w.drift_note) + " <b>" + esc(drifts.limit_text) + "</b>");
      ctx.put(ctx.$("drifts"), drifts.rows.length ? "<ul>" + drifts.rows.map(function (row) {
        var wide = Math.abs(row.share) * 50, left = row.share < 0 ? 50 - wide : 50;
        return '<li data-k="drift-' + esc(row.device + row.checkpoint) + '" data-open="' + esc(row.checkpoint) + '" tabindex="0" role="button" aria-label="' + esc(row.device + " " + row.name + " " + row.text) + '"><span class="w"><b>' + esc(row.device) + "</b><em>" + esc(row.name) + '</em></span><span class="bar"><u style="left:' + (50 - 50 * drifts.limit) + '%"></u><u style="left:' + (50 + 50 * drifts.limit) + '%"></u><u class="z" style="left:50%"></u><i class="' + (row.over ? "over" : "") + '" style="left:' + left.toFixed(1) + "%;width:" + Math.max(0.6, wide).toFixed(1) + '%"></i></span>' +
          '<span class="v">' + (row.over ? mark("watch", 13) : "") + "<b>" + esc(row.text) + "</b></span><em>" + esc(row.readings) + "</em></li>";
      }).join("") + "</ul>" : '<p class="dk-none">' + esc(w.no_drift) + "</p>");
    }
    function drawRegister() {
      var heads = words().heads;
      ctx.put(ctx.$("register-note"), "<b>" + ctx.data.rows.length + "</b>" + ctx.say("个", ""));
      desk.register(ctx, [
        { field: "name", head: heads[0], grow: 2, html: true }, { field: "town", head: heads[1], grow: 1 }, { field: "state_text", head: heads[2], width: 120, html: true }, { field: "last_at", head: heads[3], width: 130, html: true },
        { field: "screened", head: heads[4], num: true, width: 90 }, { field: "fever", head: heads[5], num: true, width: 140, html: true }, { field: "drift", head: heads[6], num: true, width: 120, html: true }, { field: "duty", head: heads[7], width: 130 }
      ], ctx.data.rows.map(function (row) {
        return Object.assign({}, row, {
          _name: "<b>" + esc(row.name) + "</b>", _state_text: '<button type="button" class="dk-tag" data-k="state-' + esc(row.key) + '" data-pick="state:' + esc(row.state) + '">' + mark(MARKS[row.state], 13) + esc(row.state_text) + "</button>", _last_at: esc(row.last),
          _fever: row.waiting ? '<span class="red"><b>' + row.fever + "</b> " + esc(row.waiting) + "</span>" : esc(row.fever),
          _drift: '<span class="dk-tag">' + (row.drift_over ? mark("watch", 13) : "") + esc(row.drift_text) + "</span>"
        });
      }), ctx.data.empty);
    }
    return {
      draw: function () { drawFigures(); drawHours(); drawMatrix(); drawMap(); drawFevers(); drawDrifts(); drawRegister(); },
      mount: function () { ctx.put(ctx.$("figures"), desk.tilesWaiting(8)); },
      size: function () { drawMap(); drawHours(); }
    };
  });
})();
