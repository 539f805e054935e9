/* What stands above the Leaflet map: units with their trails on a canvas, since they move all the time; above it names and
   values of towns, checkpoints, points and numbered pins in one SVG. Towns themselves are Leaflet's, filled by hideout. */
(function () {
  "use strict";
  var TW = window.TW = window.TW || {}, esc = TW.esc;
  var held = {}; /* map id -> {wrapper, leaflet, svg, paint, pick, bounds} */
  var shapes = {}; /* address -> promise of {code: properties} with bounds */
  var fills = {}; /* map id -> {code: fill} */

  function hooked(map) {
    setTimeout(function () {
      var wrapper = map.getContainer && map.getContainer().closest(".tw-map");
      if (wrapper) attach(wrapper, map);
    }, 0);
  }
  if (window.L && window.L.Map && window.L.Map.addInitHook) window.L.Map.addInitHook(function () { hooked(this); });

  function entry(id) {
    var wrapper = document.getElementById(id);
    if (!wrapper) return null;
    var found = held[id];
    /* Navigation gives a new element under the same id; what was drawn on the old one is gone with it. */
    if (!found || found.wrapper !== wrapper) found = held[id] = { wrapper: wrapper, leaflet: null, svg: null, paint: null, pick: null, key: "" };
    return found;
  }

  function attach(wrapper, map) {
    var own = entry(wrapper.id);
    if (!own || own.leaflet === map) return;
    own.leaflet = map;
    var svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "tw-map-marks");
    svg.setAttribute("aria-hidden", "true");
    var canvas = document.createElement("canvas");
    canvas.className = "tw-map-units";
    canvas.setAttribute("aria-hidden", "true");
    map.getContainer().appendChild(canvas);
    map.getContainer().appendChild(svg);
    own.canvas = canvas;
    own.svg = svg;
    svg.addEventListener("click", function (event) {
      var pin = event.target.closest("[data-key]");
      if (pin && own.pick) own.pick(pin.dataset.key);
    });
    map.on("move zoom viewreset", function () { repaint(own); });
    if (window.ResizeObserver) {
      var box = "";
      own.sized = new ResizeObserver(function () {
        var now = wrapper.clientWidth + "x" + wrapper.clientHeight;
        if (now === box || !wrapper.isConnected) return;
        box = now;
        fit(own);
      });
      own.sized.observe(wrapper);
    }
    fit(own);
  }

  function outline(wrapper) {
    var address = wrapper.dataset.geo;
    if (!shapes[address]) {
      shapes[address] = fetch(address).then(function (answer) {
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.json();
      }).then(function (collection) {
        var found = {};
        collection.features.forEach(function (feature) {
          var box = [Infinity, Infinity, -Infinity, -Infinity];
          (function walk(part) {
            if (typeof part[0] === "number") {
              box = [Math.min(box[0], part[0]), Math.min(box[1], part[1]), Math.max(box[2], part[0]), Math.max(box[3], part[1])];
            } else part.forEach(walk);
          })(feature.geometry.coordinates);
          found[feature.properties.code] = Object.assign({ box: box }, feature.properties);
        });
        return found;
      });
      shapes[address].catch(function () { delete shapes[address]; });
    }
    return shapes[address];
  }

  function fit(own) {
    outline(own.wrapper).then(function (towns) {
      var map = own.leaflet, scope = own.wrapper.dataset.scope, rem = root();
      if (!map || !own.wrapper.isConnected) return;
      var box = [Infinity, Infinity, -Infinity, -Infinity];
      var only = own.limit && own.limit.length ? own.limit : scope ? [scope] : Object.keys(towns);
      only.forEach(function (code) {
        var b = towns[code] && towns[code].box;
        if (b) box = [Math.min(box[0], b[0]), Math.min(box[1], b[1]), Math.max(box[2], b[2]), Math.max(box[3], b[3])];
      });
      /* A map without a size has no scale; it is fitted when it gets one. */
      if (own.wrapper.clientWidth < 40 || own.wrapper.clientHeight < 40) return;
      map.invalidateSize(false);
      var pad = own.wrapper.classList.contains("tw-map-still") ? [rem * 0.5, rem * 0.5] : [10, 10];
      if (isFinite(box[0])) map.fitBounds([[box[1], box[0]], [box[3], box[2]]], { padding: pad, animate: false });
      repaint(own);
    }).catch(function () {
      own.wrapper.dataset.trouble = "1";
    });
  }

  function root() { return parseFloat(getComputedStyle(document.documentElement).fontSize) || 16; }
  /* Marks are drawn for a map 884 wide at a root of 16 px; on a phone they may not fall below two thirds. */
  function scale(own) {
    var wide = own.wrapper.clientWidth, k = root() / 16;
    return document.documentElement.dataset.surface === "wall" ? Math.max(0.66 * k, Math.min(k, wide / 620)) : own.scale || 1;
  }

  function repaint(own) {
    if (!own.leaflet || !own.svg || !own.paint || !isFinite(own.leaflet.getZoom()) || !isFinite(own.leaflet.getCenter().lat)) return;
    var k = scale(own);
    function at(lon, lat) {
      var point = own.leaflet.latLngToContainerPoint([lat, lon]);
      return [Math.round(point.x * 10) / 10, Math.round(point.y * 10) / 10];
    }
    outline(own.wrapper).then(function (towns) {
      if (!own.wrapper.isConnected) return;
      var html = own.paint(at, k, towns);
      if (own.html !== html) { own.html = html; own.svg.innerHTML = html; }
      paintUnits(own, at, k);
    }).catch(function () { /* said by fit */ });
  }

  function place(point, k, inner, extra) {
    return '<g transform="translate(' + point[0] + "," + point[1] + ") scale(" + k + ')"' + (extra || "") + ">" + inner + "</g>";
  }
  /* Units: an arrowhead with its heading, a dot when that is unknown, hollow and dashed without a signal. */
  var arrow = null;
  function paintUnits(own, at, k) {
    var canvas = own.canvas, ratio = window.devicePixelRatio || 1;
    var wide = own.wrapper.clientWidth, high = own.wrapper.clientHeight;
    if (!canvas || !wide || !high) return;
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(high * ratio);
    }
    var told = getComputedStyle(own.wrapper), pen = canvas.getContext("2d");
    var ink = told.getPropertyValue("--tw-feed-patrol"), edge = told.getPropertyValue("--tw-bg"), off = told.getPropertyValue("--tw-stale-text");
    own.watch = told.getPropertyValue("--tw-watch");
    k *= own.unitScale || 1;
    arrow = arrow || new Path2D(TW.arrow);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, wide, high);
    pen.lineJoin = pen.lineCap = "round";
    if (own.under) own.under(pen, at, ink, told.getPropertyValue("--tw-surface"));
    (own.units || []).forEach(function (unit) {
      if (!own.trails || !unit.trail || unit.trail.length < 2) return;
      pen.beginPath();
      unit.trail.forEach(function (point, index) {
        var spot = at(point[0], point[1]);
        if (index) pen.lineTo(spot[0], spot[1]); else pen.moveTo(spot[0], spot[1]);
      });
      pen.strokeStyle = ink;
      pen.lineWidth = own.trailWidth || 1.8;
      pen.globalAlpha = (own.trailAlpha || 0.55) * (unit.signal ? 1 : 0.5);
      pen.stroke();
      pen.globalAlpha = 1;
    });
    (own.units || []).forEach(function (unit) {
      if (unit.lon === null || unit.lon === undefined) return;
      var spot = at(unit.lon, unit.lat), known = unit.heading !== null && unit.heading !== undefined;
      pen.save();
      pen.translate(spot[0], spot[1]);
      pen.scale(k, k);
      if (known) pen.rotate(unit.heading * Math.PI / 180);
      if (!unit.signal) {
        pen.setLineDash([3, 2.5]);
        pen.lineWidth = 1.7;
        pen.strokeStyle = off;
        pen.stroke(arrow);
      } else {
        var shape = arrow;
        if (!known) { shape = new Path2D(); shape.arc(0, 0, 6, 0, 2 * Math.PI); }
        pen.lineWidth = 4;
        pen.strokeStyle = edge;
        pen.stroke(shape);
        pen.fillStyle = ink;
        pen.fill(shape);
      }
      pen.restore();
    });
    /* What a test can ask of a canvas: how many units stand on it, and where the first one is. */
    canvas.dataset.units = String((own.units || []).length);
  }
  function gateShape(gate) {
    var quiet = gate.on_duty === false || gate.state === "offline" || gate.state === "unknown" || gate.state === "off_duty";
    var line = quiet ? "text-3" : "text";
    return '<rect x="-8" y="-8" width="16" height="16" rx="3" style="fill:var(--tw-bg);stroke:var(--tw-' + line + ')" stroke-width="1.8"' + (quiet ? ' stroke-dasharray="3.5 2.5"' : "") +
      '/><path d="M-4.2,0H4.2" style="stroke:var(--tw-' + line + ')" stroke-width="2.4" stroke-linecap="round"/>';
  }
  function label(point, k, town, fill) {
    var halo = "paint-order:stroke;stroke:" + fill + ";stroke-width:6;stroke-linejoin:round";
    return place(point, k, TW.text(0, -6, town.name, 19, "map-label", "middle", 400, halo) +
      TW.text(0, 21, town.text, 24, !town.reported || town.old ? "stale-text" : town.tone === "alert" ? "alert-text" : "map-label", "middle", 700, halo));
  }

  /* Names keep clear of one another, of pins and of marks: of some places around a town's middle the cheapest is taken. */
  var TRIES = [[0, 0]];
  [22, 44, 66].forEach(function (reach) {
    for (var turn = 0; turn < 12; turn += 1) TRIES.push([reach * Math.cos(turn * Math.PI / 6), reach * 0.8 * Math.sin(turn * Math.PI / 6)]);
  });
  function clear(point, k, box, labels, pins, marks, frame) {
    var best = point, least = Infinity;
    TRIES.forEach(function (step) {
      var x = point[0] + step[0] * k, y = point[1] + step[1] * k, cost = Math.hypot(step[0], step[1]) / 22;
      if (x - 46 * k < box[0] || x + 46 * k > box[2] || y - 22 * k < box[1] || y + 24 * k > box[3]) cost += 8;
      if (x < 40 * k || x > frame.clientWidth - 40 * k || y < 24 * k || y > frame.clientHeight - 26 * k) cost += 60;
      labels.forEach(function (other) { if (Math.abs(other[0] - x) < 92 * k && Math.abs(other[1] - y) < 54 * k) cost += 40; });
      pins.forEach(function (pin) { if (Math.abs(pin[0] - x) < 60 * k && Math.abs(pin[1] - y - 2 * k) < 44 * k) cost += 14; });
      marks.forEach(function (mark) { if (Math.abs(mark[0] - x) < 50 * k && Math.abs(mark[1] - y - 2 * k) < 34 * k) cost += 2.5; });
      if (cost < least) { least = cost; best = [x, y]; }
    });
    return best;
  }
  /* Two pins on one spot would hide each other: later ones step aside. */
  function apart(points, k) {
    var placed = [];
    return points.map(function (point) {
      var spot = point;
      for (var turn = 0; turn < 9; turn += 1) {
        var near = placed.some(function (other) { return Math.hypot(other[0] - spot[0], other[1] - spot[1]) < 34 * k; });
        if (!near) break;
        spot = [point[0] + 36 * k * Math.cos(turn * Math.PI / 4), point[1] + 36 * k * Math.sin(turn * Math.PI / 4)];
      }
      placed.push(spot);
      return spot;
    });
  }

  function ramp(fill) {
    if (fill === "plain") return "var(--tw-map-plain, var(--tw-ramp-1))";
    return fill === "nodata" || !fill ? "var(--tw-nodata)" : "var(--tw-ramp-" + fill + ")";
  }

  function county(id, data) {
    var own = entry(id);
    if (!own) return;
    var wanted = {}, limit = data.towns.map(function (town) { return town.code; });
    data.towns.forEach(function (town) { wanted[town.code] = town.fill; });
    if (JSON.stringify(own.limit) !== JSON.stringify(limit)) { own.limit = limit; if (own.leaflet) fit(own); }
    recolour(id, wanted, "");
    own.units = data.units || [];
    own.scale = data.scale || 1;
    /* Scenes take turns on one map: what one draws below the units must not stay for the next. */
    own.trails = Boolean(data.points);
    own.trailWidth = 2.4 * root() / 16;
    own.under = data.points ? function (pen, at, ink) { dots(own, pen, at, ink, data.points); } : null;
    var gates = data.checkpoints || [], points = (data.points || []).filter(function (point) { return point[2] === "lapsed" || point[2] === "unobservable"; });
    own.paint = function (at, k, towns) {
      var pins = data.pins.map(function (pin) { return at(pin.lon, pin.lat); });
      pins = apart(pins, k);
      var o = "";
      gates.forEach(function (gate) { o += place(at(gate.lon, gate.lat), k, gateShape(gate)); });
      points.forEach(function (point) { o += place(at(point[0], point[1]), k * 1.25, TW.shape(point[2])); });
      /* Units move all the time and names must not jump after them: only what stands still is kept clear of. */
      var marks = gates.map(function (gate) { return at(gate.lon, gate.lat); }).concat(points.map(function (point) { return at(point[0], point[1]); })), labels = [];
      data.towns.forEach(function (town) {
        var known = towns[town.code];
        if (!known) return;
        var low = at(known.box[0], known.box[1]), high = at(known.box[2], known.box[3]);
        var spot = clear(at(known.label[0], known.label[1]), k, [low[0], high[1], high[0], low[1]], labels, pins, marks, own.wrapper);
        labels.push(spot);
        o += label(spot, k, town, ramp(town.fill));
      });
      data.pins.slice().reverse().forEach(function (pin, back) {
        var spot = pins[data.pins.length - 1 - back];
        o += place(spot, k * (pin.number ? pin.level === "alert" ? 1.15 : 1 : 0.6), TW.pinShape(pin.number || "", pin.level), ' data-pin="' + esc(pin.number) + '"');
      });
      return o;
    };
    repaint(own);
  }

  /* Points that are met or not due yet lie below the ways of the last hour. points: [[lon, lat, state]]. */
  function dots(own, pen, at, ink, points) {
    var k = scale(own);
    points.forEach(function (point) {
      if (point[2] !== "met" && point[2] !== "open") return;
      var spot = at(point[0], point[1]);
      pen.beginPath();
      pen.arc(spot[0], spot[1], 3.7 * k, 0, 2 * Math.PI);
      if (point[2] === "met") { pen.globalAlpha = 0.5; pen.fillStyle = ink; pen.fill(); pen.globalAlpha = 1; return; }
      pen.strokeStyle = ink;
      pen.globalAlpha = 0.8;
      pen.lineWidth = 1.6 * k;
      pen.stroke();
      pen.globalAlpha = 1;
    });
  }

  function town(id, data, onPick) {
    var own = entry(id);
    if (!own) return;
    own.pick = onPick;
    recolour(id, {}, own.wrapper.dataset.scope);
    own.units = data.units || [];
    own.trails = true;
    own.paint = function (at, k, towns) {
      var o = "", wide = own.wrapper.clientWidth, high = own.wrapper.clientHeight;
      Object.keys(towns).forEach(function (code) {
        var spot = at(towns[code].label[0], towns[code].label[1]);
        if (code === own.wrapper.dataset.scope || spot[0] < 30 || spot[0] > wide - 30 || spot[1] < 14 || spot[1] > high - 8) return;
        o += TW.text(spot[0], spot[1], own.wrapper.dataset.lang === "en" ? towns[code].name_en : towns[code].name, 12, "text-3", "middle", 400, "");
      });
      var pinned = {};
      (data.pins || []).forEach(function (pin) { pinned[pin.place] = true; });
      (data.points || []).forEach(function (point) {
        if (pinned[point.place]) return;
        o += place(at(point.lon, point.lat), 0.85, TW.shape(point.state === "none" ? "open" : point.state), "");
      });
      (data.checkpoints || []).forEach(function (gate) {
        if (gate.lon !== null && gate.lon !== undefined && !pinned[gate.place || gate.checkpoint]) o += place(at(gate.lon, gate.lat), 0.82, gateShape(gate));
      });
      var all = (data.pins || []).slice();
      var spots = apart(all.map(function (pin) { return at(pin.lon, pin.lat); }), 0.62);
      all.map(function (pin, index) { return [pin, spots[index]]; }).sort(function (a, b) {
        return (a[0].selected ? 1 : 0) - (b[0].selected ? 1 : 0) || b[0].number - a[0].number;
      }).forEach(function (pair) {
        var pin = pair[0], k = pin.selected ? 0.85 : 0.66;
        var ring = pin.selected ? '<circle r="25" fill="none" style="stroke:var(--tw-accent)" stroke-width="3"/>' : "";
        o += place(pair[1], k, ring + TW.pinShape(pin.number, pin.shape), ' class="tw-map-pin" data-key="' + esc(pin.key) + '" opacity="' + (pin.muted ? 0.25 : 1) + '"');
      });
      if (data.selected && !pinned[data.selected]) {
        var chosen = (data.points || []).concat(data.checkpoints || []).filter(function (point) { return (point.place || point.checkpoint) === data.selected; })[0];
        if (chosen) o += place(at(chosen.lon, chosen.lat), 1, '<circle r="11" fill="none" style="stroke:var(--tw-accent)" stroke-width="2.5"/>');
      }
      return o;
    };
    note(own, data.approximate);
    repaint(own);
  }

  /* A desk page's map of the region. data: points [[key, lon, lat, state, number, name]], cells [[lon, lat, met, open]],
     heat [{count, outline, at}], units, towns [{code, name, text, bad, meant, chosen}], limit, mode, selected.
     Met and open lie below the trails, lapsed and unobservable above, numbered gaps on top. */
  function desk(id, data, handlers) {
    var own = entry(id);
    if (!own) return;
    own.pick = null;
    own.desk = { data: data, handlers: handlers };
    if (JSON.stringify(own.limit || []) !== JSON.stringify(data.limit)) { own.limit = data.limit; if (own.leaflet) fit(own); }
    recolour(id, { desk: data.towns.filter(function (town) { return town.meant; }).map(function (town) { return town.code; }), chosen: data.towns.filter(function (town) { return town.chosen; }).map(function (town) { return town.code; }) }, "");
    own.units = data.mode === "heat" ? [] : data.units;
    own.trails = true;
    own.trailWidth = data.mode === "trails" ? 2 : 1.3;
    own.trailAlpha = data.mode === "trails" ? 0.6 : 0.3;
    own.unitScale = 0.68;
    var quiet = data.mode === "heat" || data.mode === "trails";
    own.under = function (pen, at, ink, ground) {
      if (quiet) return;
      data.points.forEach(function (point) {
        if (point[4] || point[3] !== "met" && point[3] !== "open" && point[3] !== "soon") return;
        var spot = at(point[1], point[2]);
        pen.beginPath();
        pen.arc(spot[0], spot[1], point[3] === "met" ? 2.5 : 2.7, 0, 2 * Math.PI);
        if (point[3] === "met") { pen.fillStyle = ink; pen.globalAlpha = 0.45; pen.fill(); pen.globalAlpha = 1; return; }
        pen.fillStyle = ground;
        pen.fill();
        pen.strokeStyle = point[3] === "soon" ? own.watch : ink;
        pen.lineWidth = point[3] === "soon" ? 1.8 : 1.2;
        pen.stroke();
      });
      data.cells.forEach(function (cell) {
        var spot = at(cell[0], cell[1]), all = cell[2] + cell[3], r = Math.min(13, 3 + Math.sqrt(all) * 1.6);
        pen.beginPath();
        pen.arc(spot[0], spot[1], r, 0, 2 * Math.PI);
        pen.fillStyle = ink;
        pen.globalAlpha = 0.14 + 0.26 * (all ? cell[2] / all : 0);
        pen.fill();
        pen.globalAlpha = 1;
      });
    };
    own.paint = function (at, k, towns) {
      var o = "", wide = own.wrapper.clientWidth, high = own.wrapper.clientHeight, pins = [];
      if (data.mode === "heat") {
        var most = data.heat.reduce(function (found, cell) { return Math.max(found, cell.count); }, 1);
        data.heat.forEach(function (cell) {
          o += '<path d="M' + cell.outline.map(function (point) { return at(point[0], point[1]).join(","); }).join("L") + 'Z" style="fill:var(--tw-alert);stroke:var(--tw-surface)" fill-opacity="' + (0.2 + 0.6 * cell.count / most).toFixed(2) + '" stroke-width="1"/>';
          var middle = at(cell.at[0], cell.at[1]);
          o += TW.text(middle[0], middle[1] + 4, cell.count, 12, "text", "middle", 700, "paint-order:stroke;stroke:var(--tw-surface);stroke-width:3");
        });
      }
      data.points.forEach(function (point) {
        var spot = at(point[1], point[2]);
        if (point[4]) { if (!quiet) pins.push([point, spot]); return; }
        if (quiet && !(data.mode === "trails" && point[3] === "lapsed")) return;
        if (point[3] === "lapsed") o += '<path transform="translate(' + spot + ')" d="M0,-5.5L5.5,0L0,5.5L-5.5,0Z" style="fill:var(--tw-alert);stroke:var(--tw-surface)" stroke-width="1.5" paint-order="stroke"/>';
        else if (point[3] === "unobservable") o += place(spot, 0.88, TW.shape("unobservable"), "");
      });
      var moved = apart(pins.map(function (pair) { return pair[1]; }), 0.66), labels = [], drawn = "";
      var marked = data.mode === "heat" ? data.heat.map(function (cell) { return at(cell.at[0], cell.at[1]); }) : quiet ? [] : data.points.filter(function (point) { return !point[4] && (point[3] === "lapsed" || point[3] === "unobservable"); }).map(function (point) { return at(point[1], point[2]); });
      data.towns.forEach(function (town) {
        var known = towns[town.code];
        if (!known || !town.meant) return;
        var low = at(known.box[0], known.box[1]), highest = at(known.box[2], known.box[3]);
        var spot = clear(at(known.label[0], known.label[1]), 0.72, [low[0], highest[1], highest[0], low[1]], labels, moved, marked, own.wrapper);
        if (spot[0] < 20 || spot[0] > wide - 20 || spot[1] < 12 || spot[1] > high - 12) return;
        labels.push(spot);
        var halo = "paint-order:stroke;stroke:var(--tw-surface);stroke-width:4;stroke-linejoin:round";
        drawn += '<g class="tw-map-pin" data-pick="town:' + esc(town.code) + '"' + (town.text ? ' data-kpi="' + esc(data.kpi || "patrol_coverage") + '" data-town="' + esc(town.code) + '" data-value="' + esc(town.raw) + '" data-freshness="' + esc(town.freshness) + '"' + (data.dims ? ' data-dims="' + esc(data.dims) + '"' : "") : "") + ">" +
          TW.text(spot[0], spot[1] - 3, town.label, 12, "text-2", "middle", 400, halo) +
          TW.text(spot[0], spot[1] + 12, town.text, 13.5, !town.reported ? "stale-text" : town.bad ? "alert-text" : "text", "middle", 700, halo) + "</g>";
      });
      o += drawn;
      pins.map(function (pair, index) { return [pair[0], moved[index]]; }).reverse().forEach(function (pair) {
        var shape = pair[0][3] === "lapsed" ? "alert" : pair[0][3] === "soon" ? "due" : pair[0][3];
        o += place(pair[1], 0.67, TW.pinShape(pair[0][4], shape), ' class="tw-map-pin" data-open="' + esc(pair[0][0]) + '"');
      });
      var chosen = data.points.filter(function (point) { return point[0] === data.selected; })[0];
      if (chosen) o += place(at(chosen[1], chosen[2]), 1, '<circle r="15" fill="none" style="stroke:var(--tw-accent)" stroke-width="2.5"/>', "");
      return o;
    };
    if (!own.listening) {
      own.listening = true;
      own.wrapper.addEventListener("click", function (event) { deskClick(own, event); });
    }
    note(own, data.approximate);
    repaint(own);
  }
  /* Dots are on a canvas: the nearest one within a finger's breadth is meant, else the town that lies there. */
  function deskClick(own, event) {
    if (!own.leaflet || event.target.closest("[data-pick],[data-open]")) return;
    var box = own.leaflet.getContainer().getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top, best = null, least = 9;
    own.desk.data.points.forEach(function (point) {
      var spot = own.leaflet.latLngToContainerPoint([point[2], point[1]]), far = Math.hypot(spot.x - x, spot.y - y);
      if (far < least) { least = far; best = point; }
    });
    if (best) { own.desk.handlers.open(best[0]); return; }
    var hit = null;
    own.leaflet.eachLayer(function (layer) {
      if (!layer.feature || !layer.feature.properties || !layer.getLatLngs) return;
      if (inside(own.leaflet, layer.getLatLngs(), x, y)) hit = layer.feature.properties.code;
    });
    if (hit && own.desk.data.towns.some(function (town) { return town.code === hit; })) own.desk.handlers.town(hit);
  }
  function inside(map, rings, x, y) {
    if (!rings.length) return false;
    if (Array.isArray(rings[0])) return rings.some(function (ring) { return inside(map, ring, x, y); });
    var found = false, before = map.latLngToContainerPoint(rings[rings.length - 1]);
    rings.forEach(function (corner) {
      var here = map.latLngToContainerPoint(corner);
      if ((here.y > y) !== (before.y > y) && x < (before.x - here.x) * (y - here.y) / (before.y - here.y) + here.x) found = !found;
      before = here;
    });
    return found;
  }

  function note(own, text) {
    var element = own.wrapper.querySelector(".tw-map-note");
    if (!text) { if (element) element.remove(); return; }
    if (!element) {
      element = document.createElement("span");
      element.className = "tw-map-note";
      own.wrapper.appendChild(element);
    }
    if (element.textContent !== text) element.textContent = text;
  }

  function recolour(id, wanted, scope) {
    var key = JSON.stringify([wanted, scope]), own = entry(id);
    if (own.key === key) return;
    own.key = key;
    fills[id] = wanted;
    /* Not townwatch.setProps: a GeoJSON has no element of its own to look for. */
    try {
      window.dash_clientside.set_props(id + "-towns", { hideout: { map: id, scope: scope, fills: wanted } });
    } catch (error) { own.key = ""; }
  }

  function style(feature, context) {
    /* Figures may come before the map is there, and then its hideout is still the empty one. */
    var told = (context && context.hideout) || {}, wanted = fills[told.map] || told.fills || {};
    var code = feature.properties.code, fill = wanted[code];
    if (told.scope) {
      var own = code === told.scope;
      return { fillColor: own ? "var(--tw-map-own, var(--tw-surface))" : "var(--tw-sunken)", fillOpacity: 1, color: own ? "var(--tw-line-strong)" : "var(--tw-line)", weight: own ? 1.6 : 1 };
    }
    if (wanted.desk) {
      var picked = wanted.chosen.indexOf(code) >= 0, meant = wanted.desk.indexOf(code) >= 0;
      return { fillColor: meant ? "var(--tw-map-own, var(--tw-surface))" : "var(--tw-sunken)", fillOpacity: 1, color: picked ? "var(--tw-accent)" : "var(--tw-line-strong)", weight: picked ? 2.5 : 1.2, lineJoin: "round" };
    }
    var k = root() / 16, known = Object.keys(wanted).length > 0;
    if (known && fill === undefined) return { fillColor: "var(--tw-map-bg)", fillOpacity: 0.5, color: "var(--tw-line)", weight: 1 * k };
    if (fill === "plain") return { fillColor: ramp(fill), fillOpacity: 1, color: "var(--tw-line-strong)", weight: 1.5 * k, lineJoin: "round" };
    return { fillColor: fill === "nodata" || !fill ? "url(#tw-map-hatch)" : ramp(fill), fillOpacity: 1, color: "var(--tw-map-line)", weight: 2.4 * k, lineJoin: "round" };
  }

  /* Every town knows its map once it is on it: the way in where Leaflet is not to be had by name. */
  function each(feature, layer) {
    layer.on("add", function () { if (layer._map) hooked(layer._map); });
  }

  function focus(id, point) {
    var own = entry(id);
    if (!own || !own.leaflet || point.lon === null || point.lon === undefined) return;
    own.leaflet.setView([point.lat, point.lon], Math.max(own.leaflet.getZoom(), 13.2), { animate: false });
  }

  /* The hatch of towns that have not reported, once in the page. */
  function hatch() {
    if (document.getElementById("tw-map-defs")) return;
    var box = document.createElement("div");
    box.id = "tw-map-defs";
    box.style.cssText = "position:absolute;width:0;height:0;overflow:hidden";
    box.innerHTML = '<svg width="0" height="0" aria-hidden="true"><defs><pattern id="tw-map-hatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">' +
      '<rect width="9" height="9" style="fill:var(--tw-nodata)"/><rect width="2" height="9" style="fill:var(--tw-stale)" opacity=".4"/></pattern></defs></svg>';
    document.body.appendChild(box);
  }
  if (document.body) hatch(); else document.addEventListener("DOMContentLoaded", hatch);

  TW.map = { style: style, each: each, county: county, town: town, desk: desk, focus: focus, held: held };
})();
