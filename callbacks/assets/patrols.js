/* 巡逻: draws the view "patrols": figures, map of places, beats by hour, longest gaps, register. Words and numbers come
   from the server; what is chosen stands in the address. Only the page's own: map (mode), fold (open towns). */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk;

  TW.desk("patrols", function (ctx) {
    var esc = ctx.esc, icon = ctx.icon, cursor = null, before = null;
    function mark(kind, size) { return window.townMarks.mark(kind, size); }
    function words() { return ctx.data.words; }
    function folds() { return ctx.get("fold") === "-" ? [] : ctx.get("fold") ? ctx.get("fold").split(",") : null; }

    /* ---- figures ---- */
    function drawFigures() {
      var data = ctx.data, share = data.share, box = ctx.$("figures"), total = share.total || 1;
      var bar = share.parts.map(function (part) {
        return part.count ? '<i class="' + part.state + '" style="width:' + (100 * part.count / total).toFixed(2) + '%"></i>' : "";
      }).join("");
      var key = share.parts.map(function (part) {
        return '<button type="button" data-k="state-' + part.state + '" data-pick="state:' + part.state + '" class="' + (part.state === "lapsed" && part.count ? "red" : "") + '"' + desk.figure({ kpi: part.kpi, town: share.town, raw: part.count, dims: share.dims }) +
          ">" + mark(part.state, 13) + esc(part.label) + " <b>" + esc(part.text) + "</b></button>";
      }).join("");
      ctx.put(box, '<div class="pt-cover">' + desk.tile(ctx, data.tiles[0], { big: true }) + '<div class="pt-share"><p class="eq"><b>' + esc(share.met) + "</b> ÷ (<b>" + esc(share.met) + "</b> + <b>" + esc(share.lapsed) + "</b>)<span>" + esc(share.progress) +
        "</span></p>" + '<div class="pt-bar" role="img" aria-label="' + esc(share.parts.map(function (part) { return part.label + " " + part.text; }).join(ctx.en ? ", " : "，")) + '">' + bar + '</div><div class="pt-key">' + key + "</div></div></div>" +
        '<div class="pt-tiles">' + data.tiles.slice(1).map(function (one) { return desk.tile(ctx, one); }).join("") + "</div>");
    }

    /* ---- map ---- */
    function drawMap() {
      var map = ctx.data.map, mode = ctx.get("map");
      ctx.put(ctx.$("modes"), '<span class="dk-seg low" role="group" aria-label="' + ctx.say("地图显示", "Map shows") + '">' + words().modes.map(function (one) {
        return '<button type="button" data-k="mode-' + one[0] + '" data-mode="' + one[0] + '" aria-pressed="' + (mode === one[0]) + '">' + esc(one[1]) + "</button>";
      }).join("") + "</span>");
      var legend = words().legend;
      ctx.put(ctx.$("legend"), "<span>" + mark("unit", 14) + esc(legend.unit) + " " + map.signal + "</span>" + (map.dark ? "<span>" + mark("unit_off", 14) + esc(legend.dark) + " " + map.dark + "</span>" : "") +
        "<span>" + mark("lapsed", 14) + esc(legend.lapsed) + "</span>");
      var box = ctx.$("map");
      if (box) box.setAttribute("aria-label", map.label);
      TW.map.desk("patrols-map", Object.assign({}, map, { mode: mode, selected: ctx.get("open"), dims: JSON.stringify(ctx.data.share.dims) }), {
        open: function (key) { ctx.open(key === ctx.get("open") ? "" : key); },
        town: function (code) { ctx.toggle("town", code, true); }
      });
    }

    /* ---- beats by hour ---- */
    function kind(cell) {
      if (!cell) return "e";
      var met = cell[0], lapsed = cell[1], unseen = cell[2], open = cell[3];
      if (lapsed) return lapsed > 1 ? "l" : "l1";
      if (unseen) return "u";
      return open ? "o" : met ? "m" : "e";
    }
    function text(cell) {
      if (!cell) return "";
      var met = cell[0], lapsed = cell[1], unseen = cell[2], open = cell[3];
      var box = unseen ? "<sup>" + unseen + "</sup>" : "";
      if (lapsed) return met + "/" + (met + lapsed) + box;
      if (unseen) return (met || "") + box;
      if (open) return met ? met + "/" + (met + open) : String(open);
      return String(met);
    }
    function spoken(name, hour, cell) {
      var say = words().spoken, comma = ctx.en ? ", " : "，";
      var said = [say.hour.replace("{name}", name).replace("{hour}", hour)];
      if (!cell) return said.concat(say.none).join(comma);
      if (cell[0] + cell[1]) said.push(say.closed.replace("{n}", cell[0] + cell[1]));
      [["met", cell[0]], ["lapsed", cell[1]], ["unobservable", cell[2]], ["open", cell[3]]].forEach(function (pair) {
        if (pair[1]) said.push(say[pair[0]].replace("{n}", pair[1]));
      });
      return said.join(comma);
    }
    function hourChosen(hour) {
      var filter = ctx.filter("hour");
      return filter.changed && filter.choices.some(function (choice) { return choice.on && choice.value === hour; });
    }
    function line(row, name, key, pick, at, extra) {
      var matrix = ctx.data.matrix, chosen = ctx.filter(row.beat !== undefined ? "beat" : "town"), own = row.beat !== undefined ? row.beat : row.town;
      var on = chosen.changed && chosen.choices.some(function (choice) { return choice.on && choice.value === own; });
      return '<tr role="row" class="' + (row.beat !== undefined ? "bt" : "tn") + '">' + extra + row.cells.map(function (cell, column) {
        var hour = matrix.hours[column], here = key + "|" + hour;
        return '<td role="gridcell" class="' + kind(cell) + (cell && text(cell).replace(/<[^>]*>/g, "").length > (cell[2] ? 3 : 4) ? " w" : "") + (column === matrix.now ? " p" : "") + (on && hourChosen(hour) ? " on" : "") + '" data-k="cell-' + esc(here) + '" data-cell="' + esc(here) + '" tabindex="' + (cursor === here || !cursor && at === 0 && column === 0 ? 0 : -1) +
          '" aria-label="' + esc(spoken(name, hour, cell)) + '">' + (column === matrix.now ? "<u></u>" : "") + (cell ? "<i>" + text(cell) + "</i>" : "") + "</td>";
      }).join("") + '<td class="n x">' + (row.closed ? row.met + "/" + row.closed : "—") + '</td><td class="n' + (row.bad ? " red" : "") + '"' +
        (row.town && row.beat === undefined ? desk.figure({ kpi: "patrol_coverage", town: row.town, raw: row.share, dims: ctx.data.share.dims }) : "") + ">" + (row.beat === undefined ? "<b>" + esc(row.text) + "</b>" : esc(row.text)) + "</td></tr>";
    }
    function drawMatrix() {
      var matrix = ctx.data.matrix, box = ctx.$("matrix"), open = folds(), keys = words().keys;
      ctx.put(ctx.$("keys"), '<span class="dk-legend"><span><i class="k m"></i>' + esc(keys.met) + '</span><span><i class="k l"></i>' + esc(keys.lapsed) + '</span><span><i class="k u"></i>' + esc(keys.unobservable) + '</span><span><i class="k o"></i>' + esc(keys.open) + "</span></span>");
      if (!matrix.rows.length) { ctx.put(box, '<p class="dk-none">' + esc(ctx.data.empty) + "</p>"); return; }
      /* The worst town stands open until somebody opens or closes one. */
      if (open === null) open = matrix.rows.length === 1 || matrix.rows[0].bad ? [matrix.rows[0].town] : [];
      ctx.openTowns = open;
      var html = '<table role="grid" aria-label="' + esc(words().matrix) + '" aria-rowcount="' + (matrix.rows.length + 1) + '"><colgroup><col class="c0">' + matrix.hours.map(function () { return "<col>"; }).join("") + '<col class="c1"><col class="c1"></colgroup><thead><tr role="row"><th scope="col">' + esc(matrix.order) + "</th>" +
        matrix.hours.map(function (hour, at) { return '<th scope="col" class="h' + (at === matrix.now ? " nw" : "") + '">' + hour + "</th>"; }).join("") + '<th scope="col" class="n">' + esc(matrix.heads[0]) + '</th><th scope="col" class="n">' + esc(matrix.heads[1]) + "</th></tr></thead><tbody>";
      var shownAt = 0;
      matrix.rows.forEach(function (row) {
        var unfolded = open.indexOf(row.town) >= 0;
        html += line(row, row.name, row.town + "|", "town", shownAt, '<th scope="row" title="' + esc(row.title) + '"><button type="button" data-k="fold-' + esc(row.town) + '" data-fold="' + esc(row.town) + '" aria-expanded="' + unfolded + '">' + icon(unfolded ? "chevd" : "chev", 14) + "<b>" + esc(row.name) + "</b></button></th>");
        shownAt += 1;
        if (unfolded) row.beats.forEach(function (beat) {
          html += line(beat, row.name + " " + beat.name, row.town + "|" + beat.beat, "beat", shownAt, '<th scope="row"><span title="' + esc(beat.name + " " + beat.units) + '">' + esc(beat.name) + "<em>" + esc(beat.units) + "</em></span></th>");
          shownAt += 1;
        });
      });
      ctx.put(box, html + "</tbody></table>");
    }
    function cells() { return Array.prototype.slice.call(ctx.page.querySelectorAll("#patrols-matrix [data-cell]")); }
    function moveCell(cell, key) {
      var rows = Array.prototype.slice.call(ctx.page.querySelectorAll("#patrols-matrix tbody tr")), row = cell.parentNode, line_ = rows.indexOf(row), inRow = Array.prototype.slice.call(row.querySelectorAll("[data-cell]")), at = inRow.indexOf(cell);
      if (key === "ArrowRight") at += 1;
      if (key === "ArrowLeft") at -= 1;
      if (key === "ArrowDown") line_ += 1;
      if (key === "ArrowUp") line_ -= 1;
      if (key === "Home") at = 0;
      if (key === "End") at = inRow.length - 1;
      var target = rows[Math.max(0, Math.min(rows.length - 1, line_))].querySelectorAll("[data-cell]")[Math.max(0, Math.min(inRow.length - 1, at))];
      if (!target) return;
      cells().forEach(function (one) { one.tabIndex = -1; });
      target.tabIndex = 0;
      cursor = target.dataset.cell;
      target.focus({ preventScroll: false });
    }
    function chooseCell(cell) {
      var parts = cell.dataset.cell.split("|"), changes = { town: parts[0], beat: parts[1] || null, hour: hours(parts[2]) };
      cursor = cell.dataset.cell;
      if (ctx.get("town") === changes.town && ctx.get("beat") === (changes.beat || "") && ctx.get("hour") === changes.hour) changes = { town: null, beat: null, hour: null };
      /* What stands open stays open: the first town need not be the worst one of the narrowed table. */
      if (folds() === null && ctx.openTowns) changes.fold = ctx.openTowns.join(",") || null;
      ctx.set(changes);
    }
    function hours(first) {
      var found = [], step = ctx.data.matrix.step;
      for (var hour = Number(first); hour < Number(first) + step; hour += 1) found.push(String(hour));
      return found.join(",");
    }

    /* ---- longest gaps ---- */
    function stateTag(row) {
      return '<span class="dk-tag' + (row.state === "lapsed" ? " red" : "") + '">' + mark(row.state, 13) + esc(row.state_text) + "</span>";
    }
    function pin(row, size) {
      if (!row.number) return mark(row.state, 16);
      var kind = row.state === "lapsed" ? "alert" : row.state === "soon" ? "due" : row.state;
      return window.townMarks.pin(row.number, kind, size);
    }
    function drawGaps() {
      var gaps = ctx.data.gaps, open = ctx.get("open"), w = words(), all = Boolean(ctx.get("list"));
      ctx.put(ctx.$("gap-note"), esc(gaps.note) + ' <button type="button" class="dk-text" data-k="list" data-list aria-expanded="' + all + '">' + esc(all ? w.fewer : w.all) + "</button>");
      if (!gaps.shown.length) { ctx.put(ctx.$("gap-list"), '<p class="dk-none">' + esc(ctx.data.empty || gaps.none) + "</p>"); return; }
      ctx.put(ctx.$("gap-list"), '<div class="head" aria-hidden="true"><span></span><span>' + esc(w.heads[0]) + '</span><span class="r">' + esc(w.heads[1]) + '</span><span class="r">' + esc(w.heads[2]) + "</span><span>" + esc(w.heads[3]) + "</span><span>" + esc(w.heads[4]) + "</span><span></span></div><ul>" +
        gaps.shown.map(function (row) {
          return '<li data-k="gap-' + esc(row.key) + '" data-open="' + esc(row.key) + '" tabindex="0" role="button" aria-pressed="' + (row.key === open) + '" aria-label="' + esc(row.label) + '">' + pin(row, 28) + '<span class="g1" title="' + esc(row.title || row.name) + '"><b>' + esc(row.name) + "</b><em>" + esc(row.town) + '</em></span><span class="r g2">' + esc(row.last) +
            '</span><b class="r g3">' + esc(row.age) + "</b>" + stateTag(row) + '<span class="g5" title="' + esc(row.unit + " " + row.unit_note) + '">' + esc(row.unit) + "<em>" + esc(row.unit_note) + '</em></span><button type="button" class="dk-btn sm" data-k="locate-' + esc(row.key) + '" data-locate="' + esc(row.key) + '" aria-label="' + esc(w.locate + " " + row.name) + '">' + esc(w.locate) + "</button></li>";
        }).join("") + "</ul>");
    }
    function drawRegister() {
      var box = ctx.page.querySelector("#patrols-register"), told = ctx.data.register, w = words();
      box.hidden = !told;
      if (!told) return;
      var rows = told.rows.map(function (values) {
        var row = {};
        told.fields.forEach(function (field, at) { row[field] = values[at]; });
        row._name = (row.number ? pin(row, 24) : "") + "<b>" + esc(row.name) + "</b>";
        row._state_text = stateTag(row);
        row._age_ms = "<b>" + esc(row.age) + "</b>";
        row._end = esc(row.window);
        return row;
      });
      ctx.put(box.querySelector("h2"), esc(w.lists[told.kind]));
      ctx.put(ctx.$("register-note"), "<b>" + rows.length.toLocaleString("en-US") + "</b>" + ctx.say("处", "") + ' <button type="button" class="dk-text" data-k="list-off" data-list>' + esc(w.fewer) + "</button>");
      var heads = told.kind === "places" ? w.columns : w.owed_columns, first = [
        { field: "name", head: heads[0], grow: 2, html: true }, { field: "town", head: heads[1], grow: 1 }, { field: "beat", head: heads[2], grow: 1 }
      ];
      desk.register(ctx, first.concat(told.kind === "places" ? [
        { field: "last", head: heads[3], width: 130 }, { field: "age_ms", head: heads[4], num: true, width: 140, html: true }, { field: "done", head: heads[5], num: true, width: 110 }, { field: "state_text", head: heads[6], width: 120, html: true }, { field: "unit", head: heads[7], grow: 1 }
      ] : [
        { field: "end", head: heads[3], num: true, width: 160, html: true }, { field: "nth", head: heads[4], num: true, width: 90 }, { field: "met", head: heads[5], num: true, width: 90 }, { field: "state_text", head: heads[6], width: 130, html: true }, { field: "unit", head: heads[7], grow: 1 }
      ]), rows, ctx.data.empty);
    }
    function locate(key) {
      var point = ctx.data.map.points.filter(function (one) { return one[0] === key; })[0];
      if (!point) return;
      TW.map.focus("patrols-map", { lon: point[1], lat: point[2] });
      ctx.$("map").scrollIntoView({ block: "nearest" });
      ctx.open(key);
    }

    return {
      local: ["map", "fold"],
      draw: function () {
        var listed = ctx.data.register ? ctx.data.register.kind : "";
        drawFigures(); drawMap(); drawMatrix(); drawGaps(); drawRegister();
        /* Asked for by a click: where it comes into view. */
        if (listed && before === "") ctx.page.querySelector("#patrols-register").scrollIntoView({ block: "nearest" });
        before = listed;
      },
      mount: function () { ctx.put(ctx.$("figures"), '<div class="pt-cover">' + desk.tilesWaiting(1) + '</div><div class="pt-tiles">' + desk.tilesWaiting(5) + "</div>"); },
      size: drawMap,
      click: function (event) {
        var found;
        if ((found = event.target.closest("[data-mode]"))) ctx.set({ map: found.dataset.mode || null });
        else if ((found = event.target.closest("[data-fold]"))) {
          var open = ctx.openTowns || [], town = found.dataset.fold, next = open.indexOf(town) >= 0 ? open.filter(function (one) { return one !== town; }) : open.concat([town]);
          ctx.set({ fold: next.join(",") || "-" }, true);
        } else if (event.target.closest("[data-list]")) {
          ctx.set({ list: ctx.get("list") ? null : "places" });
        } else if ((found = event.target.closest("[data-locate]"))) locate(found.dataset.locate);
        else if ((found = event.target.closest("[data-cell]"))) chooseCell(found);
      },
      key: function (event) {
        var cell = event.target.closest && event.target.closest("[data-cell]");
        if (!cell) return false;
        if (/^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(event.key)) { moveCell(cell, event.key); return true; }
        if (event.key === "Enter" || event.key === " ") { chooseCell(cell); return true; }
        return false;
      }
    };
  });
})();
