/* Shapes shared by every page: status glyphs, pins, hatch, sparkline, columns. Functions from data to SVG text; nothing
   here touches the page. Sizes are px at a root of 16 px and grow with the root (the wall's rem). Status is never colour
   alone: each has its own outline (DESIGN-UI, section 2). */
(function () {
  "use strict";
  var TW = window.TW = window.TW || {};

  TW.esc = function (value) {
    return String(value === null || value === undefined ? "" : value).replace(/[&<>"]/g, function (c) {
      return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c];
    });
  };
  var esc = TW.esc;
  function n1(value) { return Math.round(value * 10) / 10; }
  function rem(size) { return (size / 16).toFixed(4).replace(/\.?0+$/, "") + "rem"; }
  TW.rem = rem;

  /* An icon of layouts/icons.py in the colour of the text around it. */
  TW.icon = function (name, size) {
    size = size || 20;
    return '<span class="tw-ic tw-ic-' + esc(name) + '" style="width:' + rem(size) + ";height:" + rem(size) + '" aria-hidden="true"></span>';
  };

  TW.text = function (x, y, s, size, fill, anchor, weight, style) {
    return '<text x="' + n1(x) + '" y="' + n1(y) + '" font-size="' + size + '" font-weight="' + (weight || 400) + '" text-anchor="' + (anchor || "start") +
      '" style="fill:var(--tw-' + (fill || "text-2") + ");" + (style || "") + '">' + esc(s) + "</text>";
  };
  TW.hatch = function (id, gap, width, opacity) {
    gap = gap || 7;
    return '<pattern id="' + id + '" width="' + gap + '" height="' + gap + '" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="' + (width || 1.6) +
      '" height="' + gap + '" style="fill:var(--tw-stale)" opacity="' + (opacity || 0.4) + '"/></pattern>';
  };

  var ARROW = "M0,-10L7.5,8L0,4L-7.5,8Z";
  function stroked(d, colour, width, extra) {
    return '<path d="' + d + '" fill="none" style="stroke:var(--tw-' + colour + ')" stroke-width="' + width + '" stroke-linecap="round" stroke-linejoin="round" ' + (extra || "") + "/>";
  }

  /* Inner shapes in a box of -8..8 around the origin. */
  var SHAPES = {
    ok: function () { return '<circle r="3.7" style="fill:var(--tw-ok)"/>'; },
    watch: function () {
      return '<path d="M0,-5.9L6.5,5.2L-6.5,5.2Z" style="fill:var(--tw-watch);stroke:var(--tw-watch-edge)" stroke-width="1" stroke-linejoin="round"/>';
    },
    alert: function () {
      return '<path d="M0,-7.2L7.2,0L0,7.2L-7.2,0Z" style="fill:var(--tw-alert)"/><path d="M0,-3.3V.7" style="stroke:var(--tw-alert-on)" stroke-width="1.6" stroke-linecap="round"/>' +
        '<circle cy="3.1" r="1" style="fill:var(--tw-alert-on)"/>';
    },
    lapsed: function () { return '<path d="M0,-6.4L6.4,0L0,6.4L-6.4,0Z" style="fill:var(--tw-alert)"/>'; },
    stale: function () {
      return '<circle r="5.6" fill="none" style="stroke:var(--tw-stale-text)" stroke-width="1.4"/>' + stroked("M0,-3V0L2.5,1.5", "stale-text", 1.4);
    },
    silent: function () { return '<circle r="5" fill="none" style="stroke:var(--tw-text-3)" stroke-width="1.4" stroke-dasharray="3 2.2"/>'; },
    partial: function () {
      return '<circle r="5.4" fill="none" style="stroke:var(--tw-text-2)" stroke-width="1.3"/><path d="M0,0V-5.4A5.4,5.4 0 1 1 -5.4,0Z" style="fill:var(--tw-text-2)"/>';
    },
    due: function () {
      return '<circle r="4.9" fill="none" style="stroke:var(--tw-watch-edge)" stroke-width="3.4"/><circle r="4.9" fill="none" style="stroke:var(--tw-watch)" stroke-width="2.2"/>';
    },
    open: function () { return '<circle r="4.1" style="fill:var(--tw-surface);stroke:var(--tw-feed-patrol)" stroke-width="1.7"/>'; },
    met: function () { return '<circle r="4.1" style="fill:color-mix(in srgb,var(--tw-feed-patrol) 50%,var(--tw-surface))"/>'; },
    unobservable: function () {
      return '<rect x="-5" y="-5" width="10" height="10" rx="1.5" style="fill:var(--tw-surface);stroke:var(--tw-text-2)" stroke-width="1.3" stroke-dasharray="2.6 1.9"/>' + stroked("M-2.5,2.5L2.5,-2.5", "text-2", 1.3);
    },
    unit: function () { return '<path transform="scale(.72)" d="' + ARROW + '" style="fill:var(--tw-feed-patrol)"/>'; },
    "unit-off": function () {
      return '<path transform="scale(.72)" d="' + ARROW + '" fill="none" style="stroke:var(--tw-text-3)" stroke-width="1.8" stroke-dasharray="3 2.5" stroke-linejoin="round"/>';
    },
    gate: function () { return gate("text", "bg"); },
    "gate-off": function () { return gate("text-3", "bg", "3 2.4"); },
    fever: function () { return '<circle r="5" style="fill:var(--tw-surface);stroke:var(--tw-feed-temp)" stroke-width="1.8"/>'; },
    done: function () { return stroked("M-4.5,.5L-1.3,3.7L4.7,-3.3", "text-3", 1.6); }
  };
  SHAPES.burning = SHAPES.overdue = SHAPES.alert;
  SHAPES.soon = SHAPES.due;
  SHAPES.late = SHAPES.watch;
  SHAPES.empty = SHAPES.none = SHAPES.silent;
  SHAPES.unit_off = SHAPES["unit-off"];

  function gate(line, fill, dash) {
    return '<rect x="-6" y="-6" width="12" height="12" rx="2.2" style="fill:var(--tw-' + fill + ");stroke:var(--tw-" + line + ')" stroke-width="1.4"' + (dash ? ' stroke-dasharray="' + dash + '"' : "") +
      "/>" + stroked("M-3.2,0H3.2", line, 1.8);
  }

  TW.shape = function (kind) { return (SHAPES[kind] || SHAPES.silent)(); };
  TW.glyph = function (kind, size) {
    size = size || 20;
    return '<svg class="tw-gl" style="width:' + rem(size) + ";height:" + rem(size) + '" viewBox="-8 -8 16 16" aria-hidden="true">' + TW.shape(kind) + "</svg>";
  };

  /* A numbered pin around the origin, about 40 high. kinds: alert, watch, due, open, stale, unobservable. */
  TW.pinShape = function (number, kind) {
    var label = number === "" || number === null || number === undefined ? "" : String(number), size = label.length > 1 ? 15.5 : 18;
    function word(y, fill) {
      return label ? '<text x="0" y="' + y + '" font-size="' + size + '" font-weight="700" text-anchor="middle" style="fill:' + fill + '">' + esc(label) + "</text>" : "";
    }
    var edge = 'stroke="var(--tw-bg)" stroke-width="3" stroke-linejoin="round" paint-order="stroke"';
    if (kind === "alert" || kind === "lapsed") {
      return '<path d="M0,-19L19,0L0,19L-19,0Z" style="fill:var(--tw-alert)" ' + edge + "/>" + word(6.3, "var(--tw-alert-on)");
    }
    if (kind === "watch") {
      return '<path d="M0,-19L20,15L-20,15Z" style="fill:var(--tw-watch);stroke:var(--tw-watch-edge)" stroke-width="1.5" stroke-linejoin="round"/>' + word(11.5, "var(--tw-watch-on)");
    }
    if (kind === "due") {
      return '<circle r="14" style="fill:var(--tw-surface);stroke:var(--tw-watch-edge)" stroke-width="7"/><circle r="14" fill="none" style="stroke:var(--tw-watch)" stroke-width="5"/>' + word(6, "var(--tw-text)");
    }
    if (kind === "unobservable" || kind === "stale") {
      return '<rect x="-15" y="-15" width="30" height="30" rx="4" style="fill:var(--tw-surface);stroke:var(--tw-stale-text)" stroke-width="2.2" stroke-dasharray="5 3.5"/>' + word(6.5, "var(--tw-text)");
    }
    return '<circle r="14" style="fill:var(--tw-surface);stroke:var(--tw-text-3)" stroke-width="2.4"/>' + word(6, "var(--tw-text)");
  };
  TW.pin = function (number, kind, size) {
    size = size || 36;
    return '<svg class="tw-pin" style="width:' + rem(size) + ";height:" + rem(size) + '" viewBox="-22 -22 44 44" aria-hidden="true">' + TW.pinShape(number, kind) + "</svg>";
  };
  TW.arrow = ARROW;

  function range(points, lines) {
    var values = [];
    lines.forEach(function (line) { line.forEach(function (point) { if (point[1] !== null) values.push(point[1]); }); });
    if (!values.length) return null;
    var low = Math.min.apply(null, values), high = Math.max.apply(null, values);
    if (high - low < 1e-9) { low -= 1; high += 1; if (low < 0 && high <= 2) { low = -0.2; high = 1; } }
    return [low, high];
  }
  /* A gap in the data is a gap in the line. */
  function path(points, X, Y, stepped) {
    var d = "", pen = false;
    points.forEach(function (point) {
      if (point[1] === null) { pen = false; return; }
      if (!pen) d += "M" + n1(X(point[0])) + "," + n1(Y(point[1]));
      else if (stepped) d += "H" + n1(X(point[0])) + "V" + n1(Y(point[1]));
      else d += "L" + n1(X(point[0])) + "," + n1(Y(point[1]));
      pen = true;
    });
    return d;
  }
  /* options: today, yesterday [[minute, value|null]], status, step, now (minute), staleFrom (minute|null), id.
     x is always 00-24 of today; y is a shape, not a measure. */
  TW.spark = function (options) {
    var W = 256, H = 44, status = options.status || "ok";
    var today = options.today || [], yesterday = options.yesterday || [];
    var span = range(null, [today, yesterday]);
    function X(minute) { return minute / 1440 * (W - 2) + 1; }
    var o = '<svg class="tw-spark" viewBox="0 0 ' + W + " " + H + '" preserveAspectRatio="none" aria-hidden="true">';
    o += '<path d="M0,' + (H - 0.75) + "H" + W + '" style="stroke:var(--tw-line)" stroke-width="1.5"/>';
    [360, 720, 1080].forEach(function (minute) { o += '<path d="M' + n1(X(minute)) + "," + H + 'v-4" style="stroke:var(--tw-line-strong)" stroke-width="1.5"/>'; });
    if (span) {
      var Y = function (value) { return H - 6 - (value - span[0]) / (span[1] - span[0]) * (H - 13); };
      if (options.staleFrom !== null && options.staleFrom !== undefined) {
        o += "<defs>" + TW.hatch(options.id + "-h", 7, 2, 0.55) + '</defs><rect x="' + n1(X(options.staleFrom)) + '" y="2" width="' +
          n1(Math.max(0, X(options.now) - X(options.staleFrom))) + '" height="' + (H - 4) + '" fill="url(#' + options.id + '-h)"/>';
      }
      o += '<path d="' + path(yesterday, X, Y, options.step) + '" fill="none" style="stroke:var(--tw-text-3)" stroke-width="1.5" stroke-dasharray="3 4" opacity=".75"/>';
      o += '<path d="' + path(today, X, Y, options.step) + '" fill="none" style="stroke:var(--tw-' + (status === "stale" ? "stale" : "text-2") + ')" stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round"/>';
      var ends = today.filter(function (point) { return point[1] !== null; });
      /* One value alone is no curve: until the day's course is there the axis stands empty. */
      if (ends.length > 1 || yesterday.length) {
        if (!ends.length) return o + "</svg>";
        var end = ends[ends.length - 1], fill = { watch: "watch", alert: "alert", stale: "stale", silent: "stale" }[status] || "text";
        o += '<circle cx="' + n1(X(end[0])) + '" cy="' + n1(Y(end[1])) + '" r="4.5" style="fill:var(--tw-' + fill + ')"/>';
      }
    }
    return o + "</svg>";
  };

  /* Hourly columns of today over a dashed step of yesterday, the peak labelled, and a strip of events on the same axis.
     options: today[24], yesterday[24], hour (the current one, drawn paler), gridlines [{value,text}], peak {hour,text},
     strip {label, hours: [{hour, closed, open}], note}, ticks [{hour,text}], width, height, label. */
  TW.columns = function (options) {
    var W = options.width || 424, H = options.height || 212, top = options.top || 30, stripH = options.strip ? 36 : 0, base = H - 30 - stripH;
    var high = Math.max.apply(null, [1].concat(options.today, options.yesterday || [], (options.gridlines || []).map(function (line) { return line.value; })));
    var bh = base - top, bw = W / 24;
    function Y(value) { return base - value / high * bh; }
    var o = '<svg class="tw-columns" viewBox="0 0 ' + W + " " + H + '" role="img" aria-label="' + esc(options.label) + '">';
    (options.gridlines || []).forEach(function (line) {
      o += '<path d="M0,' + n1(Y(line.value)) + "H" + W + '" style="stroke:var(--tw-line)"/>' + TW.text(W, Y(line.value) - 5, line.text, 18, "text-3", "end");
    });
    options.today.forEach(function (value, hour) {
      if (!value) return;
      o += '<rect x="' + n1(hour * bw + 2) + '" y="' + n1(Y(value)) + '" width="' + n1(bw - 4) + '" height="' + n1(base - Y(value)) + '" rx="1.5" style="fill:var(--tw-ramp-b)" opacity="' + (hour === options.hour ? 0.55 : 1) + '"/>';
    });
    if (options.yesterday) {
      var d = "";
      options.yesterday.forEach(function (value, hour) { d += (hour ? "V" : "M0,") + n1(Y(value)) + "H" + n1((hour + 1) * bw); });
      o += '<path d="' + d + '" fill="none" style="stroke:var(--tw-text-3)" stroke-width="1.5" stroke-dasharray="3 3"/>';
    }
    o += '<path d="M0,' + base + "H" + W + '" style="stroke:var(--tw-line-strong)" stroke-width="1.5"/>';
    if (options.peak) {
      var px = Math.max(26, Math.min(W - 90, (options.peak.hour + 0.5) * bw));
      o += TW.text(px, Y(options.today[options.peak.hour]) - 8, options.peak.text, 19, "text", "middle", 700, "paint-order:stroke;stroke:var(--tw-surface);stroke-width:5");
    }
    if (options.strip) {
      var fy = base + 22, last = 0;
      var used = options.strip.hours.map(function (item) { return item.hour; });
      options.strip.hours.forEach(function (item) {
        var x = (item.hour + 0.5) * bw;
        last = Math.max(last, x);
        if (item.open) o += '<path d="M' + n1(x) + "," + (fy - 9) + 'l9,9l-9,9l-9,-9Z" style="fill:var(--tw-alert)"/>';
        else o += '<circle cx="' + n1(x) + '" cy="' + fy + '" r="7.5" fill="none" style="stroke:var(--tw-text-2)" stroke-width="1.8"/>';
        if (item.open + item.closed > 1) o += TW.text(x, fy + 5.4, item.open + item.closed, 15, item.open ? "alert-on" : "text", "middle", 700);
      });
      var width = options.strip.labelWidth || 78;
      if (!used.some(function (hour) { return hour * bw < width + 4; })) o += TW.text(0, fy + 6, options.strip.label, 18, "text-3");
      if (options.strip.note) {
        var right = last + 16, room = W - right > (options.strip.noteWidth || 90);
        if (room) o += TW.text(right, fy + 6, options.strip.note, 18, options.strip.tone || "alert-text", "start", 700);
      }
    }
    (options.ticks || []).forEach(function (tick) {
      var anchor = tick.hour === 0 ? "start" : tick.hour === 24 ? "end" : "middle";
      o += TW.text(tick.hour * bw, H - 5, tick.text, 18, "text-3", anchor);
    });
    return o + "</svg>";
  };
})();
