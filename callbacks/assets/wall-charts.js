/* Charts of the wall's scenes: functions from data to SVG text, in px at a root of 16 px, like draw.js. */
(function () {
  "use strict";
  var TW = window.TW = window.TW || {};
  var GREYS = ["wait-1", "wait-2", "wait-3", "wait-4"];
  function n1(value) { return Math.round(value * 10) / 10; }
  function esc(value) { return TW.esc(value); }
  function head(W, H, label) { return '<svg class="tw-chart" viewBox="0 0 ' + W + " " + H + '" role="img" aria-label="' + esc(label) + '">'; }
  function rect(x, y, w, h, fill, more) { return '<rect x="' + n1(x) + '" y="' + n1(y) + '" width="' + n1(Math.max(0, w)) + '" height="' + n1(Math.max(0, h)) + '" style="fill:' + fill + '" ' + (more || "") + "/>"; }
  /* About how wide a text at 18 px is. */
  function wide(text) { return Array.from(text).reduce(function (sum, sign) { return sum + (sign > "\u2e7f" ? 18 : 9.6); }, 0); }
  function baseline(W, y) { return '<path d="M0,' + n1(y) + "H" + W + '" style="stroke:var(--tw-line-strong)" stroke-width="1.5"/>'; }

  /* How old what is open is, in one bar, then the days of a week with the part over time; today hatched when old.
     options: width, height, ages [{key, name, count}], days [{name, open, overdue, today}], old, label, id. */
  TW.backlog = function (options) {
    var W = options.width, H = options.height, o = head(W, H, options.label), total = 0, x = 0;
    options.ages.forEach(function (row) { total += row.count; });
    var shown = options.ages.filter(function (row) { return row.count; }), room = W - 2 * Math.max(0, shown.length - 1);
    /* A part must hold its number, whatever its share. */
    var least = 34, spare = shown.reduce(function (sum, row) { return sum + Math.max(0, row.count / total * room - least); }, 0);
    var free = room - least * shown.length, ends = [], tail = shown[shown.length - 1];
    var limit = tail && tail.key === "overdue" ? W - wide(tail.name) - 8 : W;
    o += "<defs>" + TW.hatch(options.id + "-h", 7, 2.2, 0.55) + "</defs>";
    options.ages.forEach(function (row, at) {
      if (!row.count) return;
      var late = row.key === "overdue", w = shown.length * least > room ? room / shown.length : least + (spare ? Math.max(0, row.count / total * room - least) / spare * free : 0);
      var grey = late ? GREYS[3] : GREYS[Math.min(2, at)];
      o += rect(x, 2, w, 34, "var(--tw-" + grey + ")", 'rx="3"') + TW.text(x + w / 2, 26, row.count, 20, grey === "wait-1" ? "text" : "sunken", "middle", 700);
      /* A name needs more room than a number: it is left out where the next would run into it. */
      var end = x + wide(row.name);
      if (late) o += TW.text(W, 60, row.name, 18, "text-3", "end");
      else if ((!ends.length || x >= ends[ends.length - 1]) && end <= limit) { o += TW.text(x, 60, row.name, 18, "text-3"); ends.push(end + 8); }
      x += w + 2;
    });
    if (!total) o += rect(0, 2, W, 34, "var(--tw-raised)", 'rx="3"');
    return o + days(options, 78) + "</svg>";
  };
  function days(options, top) {
    var W = options.width, H = options.height, rows = options.days, base = H - 28, bw = W / Math.max(1, rows.length), o = "";
    var high = Math.max.apply(null, [1].concat(rows.map(function (row) { return row.open || 0; }))), bh = base - top - 24;
    rows.forEach(function (row, at) {
      var x = at * bw + bw * 0.19, w = bw * 0.62;
      if (row.open === null) {
        o += TW.text(x + w / 2, base - 8, "—", 18, "text-3", "middle");
      } else {
        var h = row.open / high * bh, late = row.overdue / high * bh, old = row.today && options.old;
        var body = Math.max(0, h - late - (late ? 1.5 : 0));
        o += rect(x, base - h, w, body, old ? "url(#" + options.id + "-h)" : "var(--tw-wait-1)", old ? 'stroke="var(--tw-stale)" stroke-width="1.5" stroke-dasharray="3 3"' : "");
        o += rect(x, base - late, w, late, "var(--tw-wait-4)");
        o += TW.text(x + w / 2, base - h - 7, row.open, 18, "text-2", "middle", row.today ? 700 : 400);
      }
      o += TW.text(x + w / 2, H - 6, row.name, 18, "text-3", "middle");
    });
    return o + baseline(W, base);
  }

  /* New above the line, settled below it, a pair a day. options: width, height, days [{name, new, done, today}], up, down. */
  TW.pairs = function (options) {
    var W = options.width, H = options.height, rows = options.days, left = /[a-z]/.test(options.down) ? 84 : 52, bw = (W - left) / Math.max(1, rows.length);
    var high = Math.max.apply(null, [1].concat(rows.map(function (row) { return Math.max(row.new, row.done); })));
    var top = 24, foot = H - 52, middle = (top + foot) / 2, bh = (foot - top) / 2 - 2, o = head(W, H, options.label);
    o += TW.text(0, middle - 12, options.up, 18, "text-3") + TW.text(0, middle + 25, options.down, 18, "text-3");
    rows.forEach(function (row, at) {
      var x = left + at * bw + bw * 0.22, w = bw * 0.56, pale = row.today ? 'opacity=".7"' : "";
      var up = row.new / high * bh, down = row.done / high * bh;
      o += rect(x, middle - 1 - up, w, up, "var(--tw-wait-2)", 'rx="1.5" ' + pale) + rect(x, middle + 1, w, down, "var(--tw-ramp-b)", 'rx="1.5" ' + pale);
      if (row.new) o += TW.text(x + w / 2, middle - up - 7, row.new, 18, "text-2", "middle", row.today ? 700 : 400);
      if (row.done) o += TW.text(x + w / 2, middle + down + 19, row.done, 18, "text-2", "middle", row.today ? 700 : 400);
      o += TW.text(x + w / 2, H - 6, row.name, 18, "text-3", "middle");
    });
    return o + '<path d="M' + left + "," + n1(middle) + "H" + W + '" style="stroke:var(--tw-line-strong)" stroke-width="1.5"/></svg>';
  };

  /* A rate on seven days, its target dotted. options: width, height, points [{name, value, text}], target, targetText. */
  TW.trend = function (options) {
    var W = options.width, H = options.height, points = options.points, bw = W / Math.max(1, points.length), top = 44, base = H - 40;
    var values = points.filter(function (point) { return point.value !== null; }).map(function (point) { return point.value; });
    var o = head(W, H, options.label);
    if (values.length) {
      var low = Math.min.apply(null, values.concat(options.target || values)), high = Math.max.apply(null, values.concat(options.target || values));
      if (high - low < 0.02) { low -= 0.01; high += 0.01; }
      var X = function (at) { return (at + 0.5) * bw; }, Y = function (value) { return base - (value - low) / (high - low) * (base - top); };
      if (options.target) {
        o += '<path d="M0,' + n1(Y(options.target)) + "H" + W + '" style="stroke:var(--tw-text-3)" stroke-width="1.5" stroke-dasharray="2 5"/>';
        /* At the end whose value is farther from the line. */
        var first = points[0].value, last = points[points.length - 1].value;
        var right = first !== null && (last === null || Math.abs(last - options.target) >= Math.abs(first - options.target));
        o += TW.text(right ? W : 0, Y(options.target) - 8, options.targetText, 18, "text-3", right ? "end" : "start", 400, "paint-order:stroke;stroke:var(--tw-surface);stroke-width:6");
      }
      var d = "", pen = false;
      points.forEach(function (point, at) {
        if (point.value === null) { pen = false; return; }
        d += (pen ? "L" : "M") + n1(X(at)) + "," + n1(Y(point.value));
        pen = true;
      });
      o += '<path d="' + d + '" fill="none" style="stroke:var(--tw-ramp-b)" stroke-width="3" stroke-linejoin="round" stroke-linecap="round"/>';
      points.forEach(function (point, at) {
        if (point.value === null) return;
        var last = at === points.length - 1;
        o += '<circle cx="' + n1(X(at)) + '" cy="' + n1(Y(point.value)) + '" r="' + (last ? 6 : 4) + '" style="fill:var(--tw-' + (last ? "text" : "ramp-b") + ')"/>';
        o += TW.text(X(at), Y(point.value) - 13, point.text, last ? 20 : 18, last ? "text" : "text-2", "middle", last ? 700 : 400, "paint-order:stroke;stroke:var(--tw-surface);stroke-width:6");
      });
    }
    points.forEach(function (point, at) { o += TW.text((at + 0.5) * bw, H - 6, point.name, 18, "text-3", "middle"); });
    return o + baseline(W, H - 30) + "</svg>";
  };

  /* Beats in time: signal as a band, none as hatch, visits as dots, missed ones as diamonds, those to come hollow. */
  TW.beats = function (options) {
    var W = options.width, H = options.height, rows = options.rows, left = options.left || (rows.some(function (row) { return /[a-z]/.test(row.name); }) ? 216 : 156), right = 70, top = 6, foot = H - 30;
    var rh = Math.min(46, (foot - top) / Math.max(1, rows.length));
    function X(minute) { return left + (minute - options.from) / (options.to - options.from) * (W - left - right); }
    var o = head(W, H, options.label) + "<defs>" + TW.hatch(options.id + "-h", 9, 2.6, 0.75) + "</defs>";
    var now = options.now >= options.from && options.now <= options.to ? options.now : null;
    options.ticks.forEach(function (tick) {
      o += '<path d="M' + n1(X(tick.minute)) + ",0V" + foot + '" style="stroke:var(--tw-line)"/>';
      if (now === null || Math.abs(X(tick.minute) - X(now)) > 62) o += TW.text(X(tick.minute), H - 6, tick.text, 18, "text-3", tick.minute === options.to ? "end" : "middle");
    });
    rows.forEach(function (row, at) {
      var y = top + at * rh + rh / 2;
      o += TW.text(0, y + 7, row.name, 19, "text") + rect(X(options.from), y - 13, X(options.to) - X(options.from), 26, "var(--tw-raised)", 'rx="3"');
      row.bands.forEach(function (band) { o += rect(X(Math.max(options.from, band[0])), y - 13, X(Math.min(options.to, band[1])) - X(Math.max(options.from, band[0])), 26, "var(--tw-band)", 'rx="2"'); });
      row.silent.forEach(function (band) { o += rect(X(Math.max(options.from, band[0])), y - 13, X(Math.min(options.to, band[1])) - X(Math.max(options.from, band[0])), 26, "url(#" + options.id + "-h)"); });
      row.visits.forEach(function (minute) { if (minute >= options.from && minute <= options.to) o += '<circle cx="' + n1(X(minute)) + '" cy="' + n1(y) + '" r="5" style="fill:var(--tw-band-dot)"/>'; });
      row.dues.forEach(function (due) {
        if (due[0] < options.from || due[0] > options.to) return;
        for (var nth = 0; nth < Math.min(3, due[2]); nth += 1) {
          var x = X(due[0]) - nth * 13;
          if (due[1] === "lapsed") o += '<path transform="translate(' + n1(x) + "," + n1(y) + ')" d="M0,-11L11,0L0,11L-11,0Z" style="fill:var(--tw-alert);stroke:var(--tw-surface)" stroke-width="2" paint-order="stroke"/>';
          else if (due[1] === "unobservable") o += '<g transform="translate(' + n1(x) + "," + n1(y) + ') scale(1.5)">' + TW.shape("unobservable") + "</g>";
          else o += '<circle cx="' + n1(x) + '" cy="' + n1(y) + '" r="5" style="fill:var(--tw-surface);stroke:var(--tw-' + (due[1] === "soon" ? "watch" : "text-3") + ')" stroke-width="2"/>';
        }
      });
      o += TW.text(W, y + 7, row.text, 20, row.low ? "alert-text" : "text", "end", 700);
    });
    if (now !== null) {
      o += '<path d="M' + n1(X(now)) + ",-2V" + foot + '" style="stroke:var(--tw-text)" stroke-width="2"/>' + rect(X(now) - 32, foot + 2, 64, 26, "var(--tw-text)", 'rx="4"') +
        '<text x="' + n1(X(now)) + '" y="' + (foot + 21) + '" font-size="18" font-weight="700" text-anchor="middle" style="fill:var(--tw-bg)">' + esc(options.clock) + "</text>";
    }
    return o + "</svg>";
  };
})();
