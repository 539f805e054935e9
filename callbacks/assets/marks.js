/* Shapes of the desk pages: one shape per state, numbered pins, and the town's map as one drawing without tiles.
   Never colour alone: every state has its own shape (DESIGN-UI §2). Loaded before town.js and system.js. */
(function () {
  "use strict";

  var SURFACE = "var(--tw-surface)";
  var DIAMOND = '<path d="M0,-6.5L6.5,0L0,6.5L-6.5,0Z" style="fill:var(--tw-alert)"/>';
  var RING = '<circle r="4.6" style="fill:' + SURFACE + ';stroke:var(--tw-watch)" stroke-width="2.6"/><circle r="6.2" fill="none" style="stroke:var(--tw-watch-edge)" stroke-width=".7"/>';
  var ARROW = "M0,-6.5L5,5.5L0,3L-5,5.5Z";
  var SHAPES = {
    ok: '<circle r="4" style="fill:var(--tw-ok)"/>',
    watch: '<path d="M0,-6L6.5,5.4H-6.5Z" style="fill:var(--tw-watch);stroke:var(--tw-watch-edge)" stroke-width="1" stroke-linejoin="round"/>',
    alert: DIAMOND + '<path d="M0,-3.2V.6" style="stroke:var(--tw-alert-on)" stroke-width="1.6" stroke-linecap="round"/><circle cy="3.1" r="1" style="fill:var(--tw-alert-on)"/>',
    stale: '<circle r="5.5" fill="none" style="stroke:var(--tw-stale-text)" stroke-width="1.3"/><path d="M0,-3V0L2.4,1.4" fill="none" style="stroke:var(--tw-stale-text)" stroke-width="1.3" stroke-linecap="round"/>',
    none: '<circle r="4.6" fill="none" style="stroke:var(--tw-text-3)" stroke-width="1.3" stroke-dasharray="2.4 1.8"/>',
    lapsed: DIAMOND,
    soon: RING,
    open: '<circle r="3.8" style="fill:' + SURFACE + ';stroke:var(--tw-feed-patrol)" stroke-width="1.6"/>',
    met: '<circle r="3.8" style="fill:color-mix(in srgb,var(--tw-feed-patrol) 50%,' + SURFACE + ')"/>',
    unobservable: '<rect x="-4.6" y="-4.6" width="9.2" height="9.2" rx="1.2" style="fill:' + SURFACE + ';stroke:var(--tw-stale-text)" stroke-width="1.3" stroke-dasharray="2.2 1.6"/><path d="M-2.3,2.3L2.3,-2.3" style="stroke:var(--tw-stale-text)" stroke-width="1.4"/>',
    unit: '<path d="' + ARROW + '" style="fill:var(--tw-feed-patrol)"/>',
    unit_off: '<path d="' + ARROW + '" style="fill:' + SURFACE + ';stroke:var(--tw-text-3)" stroke-width="1.2" stroke-dasharray="2 1.5"/>',
    gate: '<rect x="-5" y="-5" width="10" height="10" rx="2" style="fill:' + SURFACE + ';stroke:var(--tw-text-2)" stroke-width="1.5"/><path d="M-2.5,0H2.5" style="stroke:var(--tw-text-2)" stroke-width="1.6"/>',
    fever: '<circle r="4.6" style="fill:' + SURFACE + ';stroke:var(--tw-feed-temp)" stroke-width="1.7"/>'
  };

  function mark(kind, size) {
    return '<svg style="width:' + size + "px;height:" + size + 'px;flex:none" viewBox="-7 -7 14 14" aria-hidden="true">' + (SHAPES[kind] || SHAPES.none) + "</svg>";
  }
  function pinShape(number, kind) {
    var over = kind === "alert";
    return (over
      ? '<path d="M0,-13.5L13.5,0L0,13.5L-13.5,0Z" style="fill:var(--tw-alert);stroke:' + SURFACE + '" stroke-width="2.5" stroke-linejoin="round" paint-order="stroke"/>'
      : '<circle r="10.5" style="fill:' + SURFACE + ';stroke:var(--tw-watch)" stroke-width="3"/><circle r="12.2" fill="none" style="stroke:var(--tw-watch-edge)" stroke-width=".8"/>') +
      '<text y="4.3" font-size="' + (number > 99 ? 9.5 : 12) + '" font-weight="700" text-anchor="middle" style="fill:var(--tw-' + (over ? "alert-on" : "text") + ')">' + number + "</text>";
  }
  function pin(number, kind, size) {
    return '<svg class="pin" style="width:' + size + "px;height:" + size + 'px" viewBox="-14.5 -14.5 29 29" aria-hidden="true">' + pinShape(number, kind) + "</svg>";
  }

  function esc(value) {
    return String(value === null || value === undefined ? "" : value).replace(/[&<>"]/g, function (c) {
      return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c];
    });
  }

  /* Longitude shortened by the latitude's cosine; the town fills the box, else whatever points there are. */
  function fit(map, width, height) {
    var west = Infinity, east = -Infinity, south = Infinity, north = -Infinity;
    function take(p) { west = Math.min(west, p[0]); east = Math.max(east, p[0]); south = Math.min(south, p[1]); north = Math.max(north, p[1]); }
    map.shapes.forEach(function (shape) { if (shape.own) shape.rings.forEach(function (ring) { ring.forEach(take); }); });
    if (west === Infinity) [map.points, map.checkpoints, map.pins].forEach(function (list) { list.forEach(function (item) { take([item.lon, item.lat]); }); });
    if (west === Infinity) return null;
    near(map);
    /* Where all places crowd in one corner of the town, the corner is shown, and never less than four tenths of it. */
    function near(map) {
      var box = [Infinity, Infinity, -Infinity, -Infinity];
      [map.points, map.checkpoints, map.pins].forEach(function (list) {
        list.forEach(function (p) { box = [Math.min(box[0], p.lon), Math.min(box[1], p.lat), Math.max(box[2], p.lon), Math.max(box[3], p.lat)]; });
      });
      if (!map.shapes.length || box[0] === Infinity) return;
      var w = east - west, h = north - south, pw = (box[2] - box[0]) * 1.15, ph = (box[3] - box[1]) * 1.15;
      if (pw > .7 * w || ph > .7 * h) return;
      pw = Math.max(pw, .4 * w); ph = Math.max(ph, .4 * h);
      var cx = (box[0] + box[2]) / 2, cy = (box[1] + box[3]) / 2;
      west = cx - pw / 2; east = cx + pw / 2; south = cy - ph / 2; north = cy + ph / 2;
    }
    var k = Math.cos((south + north) / 2 * Math.PI / 180), wide = Math.max((east - west) * k, .002), high = Math.max(north - south, .002);
    var pad = map.shapes.length ? 16 : 36, scale = Math.min((width - 2 * pad) / wide, (height - 2 * pad) / high);
    var ox = (width - wide * scale) / 2, oy = (height - high * scale) / 2;
    return function (lon, lat) { return [ox + (lon - west) * k * scale, oy + (north - lat) * scale]; };
  }
  function path(ring, at) {
    return "M" + ring.map(function (p) { var q = at(p[0], p[1]); return q[0].toFixed(1) + "," + q[1].toFixed(1); }).join("L") + "Z";
  }
  function put(p, inner, extra) { return '<g transform="translate(' + p[0].toFixed(1) + "," + p[1].toFixed(1) + ')"' + (extra || "") + ">" + inner + "</g>"; }
  function title(text) { return "<title>" + esc(text) + "</title>"; }

  /* Where a neighbour's name fits: the middle of what is to be seen of it. */
  function seen(shape, at, width, height) {
    var xs = [], ys = [];
    shape.rings.forEach(function (ring) {
      ring.forEach(function (p) {
        var q = at(p[0], p[1]);
        if (q[0] > 0 && q[0] < width && q[1] > 0 && q[1] < height) { xs.push(q[0]); ys.push(q[1]); }
      });
    });
    if (xs.length < 4) return null;
    var x = (Math.min.apply(null, xs) + Math.max.apply(null, xs)) / 2, y = (Math.min.apply(null, ys) + Math.max.apply(null, ys)) / 2;
    /* Pushed to the nearer edge, away from the town in the middle. */
    var left = x < width / 2, top = y < height / 2;
    return { x: left ? 10 : width - 10, y: top ? Math.max(20, Math.min(y, height * .3)) : Math.min(height - 12, Math.max(y, height * .7)), anchor: left ? "start" : "end" };
  }

  function draw(map, options) {
    var W = options.width, H = options.height, at = fit(map, W, H);
    if (!at) return '<p class="tp-none">' + (options.lang === "en" ? "No places yet" : "暂无点位") + "</p>";
    var o = '<svg class="tm" viewBox="0 0 ' + W + " " + H + '" role="img" aria-label="' + esc(options.label) + '">';
    map.shapes.forEach(function (shape) {
      if (!shape.own) shape.rings.forEach(function (ring) { o += '<path d="' + path(ring, at) + '" style="fill:color-mix(in srgb,var(--tw-sunken) 80%,var(--tw-line));stroke:var(--tw-surface)" stroke-width="1.5"/>'; });
    });
    map.shapes.forEach(function (shape) {
      if (shape.own) shape.rings.forEach(function (ring) { o += '<path d="' + path(ring, at) + '" style="fill:var(--tw-surface);stroke:var(--tw-text-3)" stroke-width="1.3" stroke-linejoin="round"/>'; });
    });
    var taken = map.approximate ? [{ x: W - 8, y: H - 8 }] : [];
    function crowded(spot) { return taken.some(function (other) { return Math.abs(other.x - spot.x) < 90 && Math.abs(other.y - spot.y) < 18; }); }
    map.shapes.forEach(function (shape) {
      if (shape.own) return;
      var spot = seen(shape, at, W, H);
      for (var tries = 0; spot && crowded(spot) && tries < 4; tries += 1) spot.y -= 18;
      if (!spot || crowded(spot) || spot.y < 14) return;
      taken.push(spot);
      o += '<text x="' + spot.x.toFixed(1) + '" y="' + spot.y.toFixed(1) + '" font-size="12" text-anchor="' + spot.anchor + '" style="fill:var(--tw-text-3)">' + esc(shape.name) + "</text>";
    });
    if (map.approximate) o += '<text x="' + (W - 8) + '" y="' + (H - 8) + '" font-size="12" text-anchor="end" style="fill:var(--tw-text-3)">' + esc(map.approximate) + "</text>";
    var pinned = {};
    map.pins.forEach(function (item) { pinned[item.place] = true; });
    var order = { met: 0, none: 0, open: 1, unobservable: 2, lapsed: 3 };
    map.points.slice().sort(function (a, b) { return order[a.state] - order[b.state]; }).forEach(function (point) {
      if (pinned[point.place]) return;
      o += put(at(point.lon, point.lat), title(point.name) + (point.state === "none" ? SHAPES.none : SHAPES[point.state]));
    });
    map.units.forEach(function (unit) {
      if (unit.trail.length > 1) {
        o += '<path d="M' + unit.trail.map(function (p) { var q = at(p[0], p[1]); return q[0].toFixed(1) + "," + q[1].toFixed(1); }).join("L") +
          '" fill="none" style="stroke:var(--tw-feed-patrol)" stroke-width="1.6" stroke-linejoin="round" opacity=".32"/>';
      }
    });
    map.checkpoints.forEach(function (gate) { o += put(at(gate.lon, gate.lat), title(gate.name) + '<g transform="scale(1.35)"' + (gate.state === "offline" || gate.state === "unknown" ? ' stroke-dasharray="2.4 1.8"' : "") + ">" + SHAPES.gate + "</g>"); });
    map.units.forEach(function (unit) {
      o += put(at(unit.lon, unit.lat), title(unit.name) + '<g transform="rotate(' + (unit.heading || 0) + ') scale(1.45)" style="stroke:' + (unit.signal ? SURFACE : "none") + ';paint-order:stroke" stroke-width="1.6" stroke-linejoin="round">' + (unit.signal ? SHAPES.unit : SHAPES.unit_off) + "</g>");
    });
    var at_place = {}, total = {};
    map.pins.forEach(function (item) { total[item.place] = (total[item.place] || 0) + 1; });
    map.pins.slice().reverse().forEach(function (item) {
      var p = at(item.lon, item.lat), n = total[item.place], k = at_place[item.place] = (at_place[item.place] || 0) + 1;
      /* Several at one place stand side by side, the first number leftmost. */
      p = [Math.max(15, Math.min(W - 15, p[0] + (n - k - (n - 1) / 2) * 23)), Math.max(15, Math.min(H - 15, p[1]))];
      var on = item.key === options.key, muted = !options.keep[item.key] && !on;
      o += put(p, (on ? '<circle class="tm-ring" r="18.5" fill="none" style="stroke:var(--tw-accent)" stroke-width="3"/>' : "") + '<g transform="scale(.92)">' + pinShape(item.number, item.shape) + "</g>",
        ' data-pin="' + esc(item.key) + '"' + (muted ? ' class="muted"' : ""));
    });
    if (options.place && !map.pins.some(function (item) { return item.key === options.key; })) {
      var spot = map.points.concat(map.checkpoints).filter(function (item) { return item.place === options.place; })[0];
      if (spot) o += put(at(spot.lon, spot.lat), '<circle class="tm-ring" r="11" fill="none" style="stroke:var(--tw-accent)" stroke-width="3"/>');
    }
    return o + "</svg>";
  }

  window.townMarks = { mark: mark, pin: pin, map: draw };
})();
