/* 总览: draws the view "overview": figures, towns by feed, map, biggest movers, quality of the data. Words, numbers and
   states come from the server; what is chosen stands in the address. Only the page's own: map (the figure it shows). */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk;

  TW.desk("overview", function (ctx) {
    var esc = ctx.esc, icon = ctx.icon, hot = "", outlined = null;
    function mark(kind, size) { return window.townMarks.mark(kind, size); }
    function n1(value) { return Math.round(value * 10) / 10; }
    function table() { return ctx.page.querySelector("#tw-overview"); }

    function href(path) {
      var kept = new URLSearchParams(), now = new URLSearchParams(location.search);
      ["lang", "theme"].forEach(function (key) { if (now.has(key)) kept.set(key, now.get(key)); });
      return path + (kept.size ? "?" + kept : "");
    }
    function pages(feed) { return { patrol: "/patrols", temperature: "/checkpoints", dispute: "/disputes", enterprise: "/enterprises" }[feed] || "/records?feed=" + feed; }

    /* ---- figures: status, why, and the day's curve over yesterday's ---- */
    function tile(one, at) {
      var old = one.status === "stale" || one.status === "silent", state = one.partial ? "partial" : one.status;
      return '<section class="ov-tile ' + esc(state) + '" data-tile="' + esc(one.id) + '"' + desk.figure(one) + '><div class="k"><span>' + esc(one.label) + "</span>" + desk.helpButton(ctx, one.id, one.label) +
        '<span class="st">' + mark(one.shape, 13) + "<span>" + esc(one.word) + '</span></span></div><div class="v"><b>' + esc(one.value) + "</b><small>" + esc(one.unit) + "</small><em>" + esc(one.parts) +
        '</em></div><div class="d"><span>' + esc(one.delta) + "</span><span>" + esc(old ? "" : one.note) + "</span></div>" +
        TW.spark({ today: one.today, yesterday: one.yesterday, status: one.status === "silent" ? "stale" : one.status, step: one.step, now: one.now, staleFrom: one.stale_from, id: "ov-s" + at }) + "</section>";
    }
    function drawTiles() { ctx.put(ctx.$("figures"), ctx.data.tiles.map(tile).join("")); }

    /* ---- charts: one form and one scale a column ---- */
    function hatched(id) { return "<defs>" + TW.hatch(id, 5, 1.6, 0.7) + "</defs>"; }
    function line(days, column, state) {
      var low = column.low, high = column.high, room = high - low || 0.01;
      function x(at) { return n1(2 + at * 84 / (days.length - 1)); }
      function y(value) { return n1(26 - (value - low) / room * 22); }
      var path = "", pen = false, last = days[days.length - 1];
      days.forEach(function (value, at) {
        if (value === null) { pen = false; return; }
        path += (pen ? "L" : "M") + x(at) + "," + y(value);
        pen = true;
      });
      var colour = state === "watch" ? "watch-text" : state === "alert" ? "alert" : state === "old" ? "stale" : "feed-ent";
      return '<svg class="ov-chart" viewBox="0 0 90 30" aria-hidden="true">' + (column.target === null ? "" : '<path d="M2,' + y(column.target) + 'H88" class="goal"/>') +
        '<path d="' + path + '" fill="none" style="stroke:var(--tw-' + colour + ')" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>' +
        (last === null ? "" : '<circle cx="' + x(days.length - 1) + '" cy="' + y(last) + '" r="2.8" style="fill:var(--tw-' + colour + ')"/>') + "</svg>";
    }
    function bar(parts) {
      if (!parts) return '<span class="ov-bar"></span>';
      return '<span class="ov-bar" aria-hidden="true">' + ["met", "lapsed", "unobservable"].map(function (kind) {
        return parts[kind] ? '<i class="' + kind + '" style="width:' + (100 * parts[kind] / parts.total).toFixed(2) + '%"></i>' : "";
      }).join("") + "</span>";
    }
    /* The day's fevers on its hours: a ring is settled, a diamond waits for somebody, the stroke is now. */
    function dots(given) {
      function x(minute) { return n1(2 + minute / 1440 * 88); }
      var o = '<path d="M0,21.5H92M24,21.5v-2M46,21.5v-2M68,21.5v-2" style="stroke:var(--tw-line-strong)"/>';
      if (!given) return '<svg class="ov-chart" viewBox="0 0 92 26" aria-hidden="true">' + o + "</svg>";
      if (given.now !== null) o += '<path d="M' + x(given.now) + ',4V22" style="stroke:var(--tw-text)" stroke-width="1.2"/>';
      given.at.forEach(function (one) {
        if (!one[1]) o += '<circle cx="' + x(one[0]) + '" cy="13" r="3.5" style="fill:var(--tw-surface);stroke:var(--tw-text-2)" stroke-width="1.3"/>';
      });
      given.at.forEach(function (one) {
        if (one[1]) o += '<path d="M' + x(one[0]) + ',8l5,5l-5,5l-5,-5z" style="fill:var(--tw-alert)"/>';
      });
      return '<svg class="ov-chart" viewBox="0 0 92 26" aria-hidden="true">' + o + "</svg>";
    }
    function bars(days, high, old, id) {
      var o = old ? hatched(id) : "", most = high || 1;
      days.forEach(function (value, at) {
        var h = value === null ? 0 : Math.max(value ? 1.5 : 0, 22 * value / most), last = at === days.length - 1;
        if (value === null) { o += '<path d="M' + n1(at * 12.6 + 3) + ',24.5h5" style="stroke:var(--tw-line-strong)"/>'; return; }
        o += '<rect x="' + n1(at * 12.6) + '" y="' + n1(25 - h) + '" width="10.6" height="' + n1(h) + '" class="' + (last ? "last" : "") + '"' + (last && old ? ' style="fill:url(#' + id + ');stroke:var(--tw-stale)"' : "") + "/>";
      });
      return '<svg class="ov-chart ov-cols" viewBox="0 0 88 26" aria-hidden="true">' + o + '<path d="M0,25.5H86" style="stroke:var(--tw-line-strong)"/></svg>';
    }
    function chart(cell, column, at, region) {
      var state = cell.old ? "old" : cell.status;
      if (!cell.reported && column.form !== "bar") return '<span class="ov-none"></span>';
      if (column.form === "line") return line(cell.days, column, state);
      if (column.form === "bar") return bar(cell.bar);
      if (column.form === "dots") return dots(cell.dots);
      /* The whole is many times a town: it has a scale of its own. */
      var high = region ? Math.max.apply(null, cell.days.map(function (value) { return value || 0; })) : column.high;
      return bars(cell.days, high, cell.old, "ov-h" + at + cell.town);
    }
    function cell(one, column, at, region) {
      var state = one.old ? "old" : one.status === "alert" || one.status === "watch" ? one.status : "", under = one.delta;
      var beneath = column.form === "bar" || !one.reported ? one.note : "";
      if (column.form === "bars" && one.note && one.reported) under = under ? under + (ctx.en ? " · " : "·") + one.note : one.note;
      return '<td class="' + (one.old ? "ov-old" : "") + (one.reported ? "" : " ov-unreported") + '" data-label="' + esc(column.label) + '"><span class="ov-cell ' + state + '"' + desk.figure(one) + ' title="' + esc(one.label) + '"><span class="c">' + chart(one, column, at, region) +
        (beneath ? '<small class="n">' + esc(beneath) + "</small>" : "") + '</span><span class="v"><b>' + esc(one.value) + "</b><small>" + esc(under) + "</small></span></span></td>";
    }
    function row(one, region) {
      var columns = ctx.data.columns, name = region ? esc(one.name) : '<a href="' + esc(href("/town/" + one.town)) + '" data-k="town-' + esc(one.town) + '" title="' + esc(one.title) + '">' + esc(one.name) + "</a>";
      return '<tr class="' + (region ? "ov-region" : "ov-town") + (one.town === hot ? " hot" : "") + '"' + (region ? "" : ' data-row="' + esc(one.town) + '"') + '><th scope="row"><span class="ov-name"><i>' + esc(region ? "" : one.number === null ? "–" : one.number) + "</i>" + name +
        (one.worst && !region ? '<span class="g" role="img" aria-label="' + esc(one.worst_word) + '">' + mark(one.worst, 14) + "</span>" : "") + "</span></th>" +
        one.cells.map(function (made, at) { return cell(made, columns[at], at, region); }).join("") + '<td class="go">' + (region ? "" : icon("chev", 16)) + "</td></tr>";
    }
    function head(column) {
      var order = ctx.data.order, on = order.kpi === column.kpi, way = on ? (order.up ? "ascending" : "descending") : "none";
      return '<th scope="col" aria-sort="' + way + '"><span class="h"><span style="color:var(--tw-feed-' + esc(column.colour) + ')">' + icon(column.icon, 16) + '</span><button type="button" data-k="sort-' + esc(column.kpi) + '" data-sort="' + esc(column.kpi) + '"><b>' + esc(column.label) + "</b>" +
        (on ? '<span class="w' + (order.up ? " up" : "") + '">' + icon("chevd", 14) + "</span>" : "") + "</button>" + (column.old ? mark("stale", 13) : "") + desk.helpButton(ctx, "column-" + column.kpi, column.label) +
        '</span><small><a href="' + esc(href(pages(column.feed))) + '" data-k="feed-' + esc(column.feed) + '">' + esc(column.sub) + "</a></small></th>";
    }
    function drawTable() {
      var data = ctx.data, order = data.order, legend = data.words.legend;
      var html = '<span class="dk-legend">' + ["met", "lapsed", "unobservable", "open"].map(function (kind) { return '<span><i class="k ' + kind + '"></i>' + esc(legend[kind]) + "</span>"; }).join("") +
        "<span>" + mark("open", 13) + esc(legend.cleared) + "</span><span>" + mark("lapsed", 13) + esc(legend.waiting) + "</span></span>";
      ctx.put(ctx.$("legend"), html);
      if (!data.rows.length) { ctx.put(table(), '<p class="dk-none">' + esc(data.empty) + "</p>"); return; }
      ctx.put(table(), '<table class="ov-table"><thead><tr><th scope="col"><span class="h">' + icon("sort", 16) + esc(order.text) + "</span><small>" + esc(order.moved) + "</small></th>" + data.columns.map(head).join("") + '<th class="go" aria-hidden="true"></th></tr></thead><tbody>' +
        row(data.region, true) + data.rows.map(function (one) { return row(one, false); }).join("") + "</tbody></table>");
    }

    /* ---- map: any of the figures; the town under the pointer stands out here and in the table ---- */
    function shown() {
      return ctx.data.maps.filter(function (one) { return one.kpi === ctx.get("map"); })[0] || ctx.data.maps[0];
    }
    function drawMap() {
      var map = shown();
      ctx.put(ctx.$("modes"), '<span class="dk-seg low" role="group" aria-label="' + esc(ctx.data.words.map) + '">' + ctx.data.maps.map(function (one) {
        return '<button type="button" data-k="map-' + one.kpi + '" data-map="' + one.kpi + '" aria-pressed="' + (one === map) + '">' + esc(one.label) + "</button>";
      }).join("") + "</span>");
      if (!map) return;
      ctx.put(ctx.$("classes"), map.classes.map(function (text, at) { return "<span>" + '<i class="c' + (at + 1) + '"></i>' + esc(text) + "</span>"; }).join(""));
      TW.map.county("overview-map", { towns: map.towns, units: [], checkpoints: [], pins: ctx.data.pins, scale: 0.66 });
      var box = ctx.$("map");
      if (box) box.setAttribute("aria-label", map.title + (ctx.en ? ": " : "：") + map.towns.map(function (one) { return one.name + " " + one.text; }).join(ctx.en ? ", " : "，"));
      outline();
      tip();
    }
    function layers(act) {
      var own = TW.map.held["overview-map"];
      if (own && own.leaflet) own.leaflet.eachLayer(function (layer) { if (layer.feature && layer.feature.properties && layer.setStyle) act(layer, layer.feature.properties.code, layer.feature); });
    }
    function outline() {
      layers(function (layer, code, feature) {
        if (code === hot) { layer.setStyle({ color: "var(--tw-accent)", weight: 3 }); layer.bringToFront(); }
        else if (code === outlined || !hot) layer.setStyle(TW.map.style(feature, { hideout: { map: "overview-map" } }));
      });
      outlined = hot;
    }
    function tip() {
      var one = ctx.data.rows.filter(function (row) { return row.town === hot; })[0] || ctx.data.rows[ctx.data.rows.length - 1];
      ctx.put(ctx.$("tip"), one ? "<b>" + esc(one.name) + "</b>" + one.facts.map(function (text) { return "<span>" + esc(text) + "</span>"; }).join("") + '<a href="' + esc(href("/town/" + one.town)) + '" data-k="tip">' + esc(ctx.data.words.open) + icon("chev", 14) + "</a>" : "");
    }
    function warm(code) {
      if (code === hot || !ctx.data) return;
      hot = code;
      ctx.page.querySelectorAll("[data-row]").forEach(function (element) { element.classList.toggle("hot", element.dataset.row === hot); });
      outline();
      tip();
    }
    function under(event) {
      var found = "";
      layers(function (layer, code) {
        var path = layer._path, matrix = path && path.getScreenCTM && path.getScreenCTM();
        if (!matrix || found) return;
        if (path.isPointInFill(new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()))) found = code;
      });
      return ctx.data && ctx.data.rows.some(function (one) { return one.town === found; }) ? found : "";
    }

    /* ---- biggest movers ---- */
    function drawMovers() {
      var data = ctx.data;
      ctx.put(ctx.$("movers-note"), esc(data.words.movers) + desk.helpButton(ctx, "movers", data.words.movers));
      ctx.put(ctx.$("movers"), data.movers.length ? "<ul>" + data.movers.map(function (one) {
        var inner = '<span class="g">' + (one.shape ? mark(one.shape, 15) : "") + '</span><span class="t"><b>' + esc(one.name) + "</b>" + esc(one.label) + '</span><span class="f">' + esc(one.from) + " → <b>" + esc(one.to) + '</b></span><span class="d">' + esc(one.delta) + '</span><span class="w">' + esc(one.fact) + "</span>" + icon("chev", 14);
        var path = one.town === "all" ? pages(columnFeed(one.kpi)) : "/town/" + one.town;
        return "<li><a href=\"" + esc(href(path)) + '" data-k="mover-' + esc(one.kpi + one.town) + '"' + (one.town === "all" ? "" : ' data-warm="' + esc(one.town) + '"') + ">" + inner + "</a></li>";
      }).join("") + "</ul>" : '<p class="dk-none">' + esc(data.still) + "</p>");
    }
    function columnFeed(kpi) {
      var found = ctx.data.columns.concat(ctx.data.tiles).filter(function (one) { return one.kpi === kpi; })[0];
      return found ? found.feed : "";
    }

    /* ---- quality of the data: always the last line ---- */
    function drawQuality() {
      var quality = ctx.data.quality;
      ctx.put(ctx.$("quality"), "<h2>" + esc(ctx.data.words.quality) + "</h2>" + quality.feeds.map(function (one) {
        return '<span class="q ' + esc(one.state) + '" data-feed="' + esc(one.feed) + '">' + mark(one.state === "ok" ? "ok" : one.state, 13) + esc(one.name) + " <b>" + esc(one.count) + "</b> <em>" + esc(one.detail) + "</em></span>";
      }).join("") + '<span class="sp"></span>' + quality.links.map(function (link, at) { return '<a href="' + esc(href(link.href)) + '" data-k="quality-' + at + '">' + esc(link.text) + icon("chev", 14) + "</a>"; }).join(""));
    }

    function leave(event) { if (!event.relatedTarget || !event.relatedTarget.closest || !event.relatedTarget.closest("[data-row],[data-warm],#overview-map,#overview-tip")) warm(""); }
    function over(event) {
      var found = event.target.closest && event.target.closest("[data-row],[data-warm]");
      if (found) warm(found.dataset.row || found.dataset.warm);
    }
    return {
      local: ["map"],
      cleared: ["map"],
      draw: function () { drawTiles(); drawTable(); drawMap(); drawMovers(); drawQuality(); },
      mount: function () {
        ctx.put(ctx.$("figures"), new Array(7).join('<section class="ov-tile wait" aria-hidden="true"></section>'));
        ctx.page.addEventListener("mouseover", over);
        ctx.page.addEventListener("focusin", over);
        ctx.page.addEventListener("mouseout", leave);
        ctx.$("map").addEventListener("mousemove", function (event) { warm(under(event)); });
        ctx.$("map").addEventListener("click", function (event) { warm(under(event)); });
      },
      size: drawMap,
      click: function (event) {
        var found;
        if ((found = event.target.closest("[data-map]"))) ctx.set({ map: found.dataset.map === ctx.data.maps[0].kpi ? null : found.dataset.map });
        else if ((found = event.target.closest("[data-sort]"))) {
          var order = ctx.data.order, kpi = found.dataset.sort, same = order.kpi === kpi, next = same && !order.up ? "-" + kpi : kpi;
          ctx.set({ sort: next === ctx.data.columns[0].kpi ? null : next });
        } else if ((found = event.target.closest("[data-row]"))) { found.querySelector("a").click(); }
      }
    };
  });
})();
