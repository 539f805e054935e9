/* Drawings that the pages of cases share: bars and a line over days, with their numbers written beside them. */
(function () {
  "use strict";
  var TW = window.TW = window.TW || {};
  function esc(text) { return TW.desk.esc(text); }

  /* One unit is one px: letters keep their size on a phone, and days without room for theirs go without. */
  function across(width) { return Math.max(280, Math.min(900, Math.round(width || 560))); }
  function everyNth(days, step) {
    var widest = Math.max.apply(null, days.map(function (day) { return day.label.replace(/[\u4e00-\u9fff]/g, "xx").length; }).concat([1]));
    return Math.max(1, Math.ceil((widest * 6.5 + 6) / Math.max(1, step)));
  }

  /* days: [{label, value 0..1 or null, text, new}] - a line for the rate, columns for what was new that day. */
  function curve(days, en, px) {
    var W = across(px), H = 230, L = 18, R = 62, T = 24, B = 26, n = days.length, inner = W - L - R, step = inner / Math.max(1, n - 1), nth = everyNth(days, step);
    var known = days.filter(function (day) { return day.value !== null; });
    if (!known.length) return '<p class="dk-none">' + (en ? "No record yet" : "还没有记录") + "</p>";
    var most = Math.max.apply(null, days.map(function (day) { return day.new; })) || 1;
    function x(at) { return L + at * step; }
    function y(value) { return T + (1 - value) * (H - T - B); }
    var html = '<svg viewBox="0 0 ' + W + " " + H + '" role="img" aria-label="' + esc(days.map(function (day) { return day.label + " " + day.text; }).join(en ? ", " : "，")) + '">';
    [0, 0.5, 1].forEach(function (value) {
      html += '<line class="grid" x1="0" x2="' + (W - R + 14) + '" y1="' + y(value) + '" y2="' + y(value) + '"/>' + '<text class="axis" x="' + (W - R + 20) + '" y="' + (y(value) + 4) + '">' + Math.round(value * 100) + "%</text>";
    });
    days.forEach(function (day, at) {
      var height = (H - T - B) * 0.62 * day.new / most, width = Math.min(18, step * 0.5);
      html += '<rect class="col" x="' + (x(at) - width / 2).toFixed(1) + '" y="' + (H - B - height).toFixed(1) + '" width="' + width.toFixed(1) + '" height="' + height.toFixed(1) + '" rx="1.5"><title>' + esc(day.label + " +" + day.new) + "</title></rect>";
      if (day.new && (step >= 26 || (n - 1 - at) % 2 === 0)) html += '<text class="new" x="' + x(at).toFixed(1) + '" y="' + (H - B - height - 3).toFixed(1) + '">' + day.new + "</text>";
      if ((n - 1 - at) % nth === 0) html += '<text class="axis mid" x="' + x(at).toFixed(1) + '" y="' + (H - 8) + '">' + esc(day.label) + "</text>";
    });
    var path = "", pen = false;
    days.forEach(function (day, at) {
      if (day.value === null) { pen = false; return; }
      path += (pen ? "L" : "M") + x(at).toFixed(1) + " " + y(day.value).toFixed(1);
      pen = true;
    });
    var last = days[n - 1];
    html += '<path class="line" d="' + path + '"/>';
    if (last.value !== null) html += '<circle class="dot" cx="' + x(n - 1).toFixed(1) + '" cy="' + y(last.value).toFixed(1) + '" r="4"/><text class="now" x="' + (x(n - 1) - 8).toFixed(1) + '" y="' + (y(last.value) - 9).toFixed(1) + '">' + esc(last.text) + "</text>";
    return html + "</svg>";
  }

  /* days: [{label, open, overdue, text}] - open cases at the end of each day, the overdue part at the foot. */
  function stacks(days, en, px) {
    var W = across(px), H = 170, L = 8, R = 8, T = 20, B = 26, n = days.length, step = (W - L - R) / n, nth = everyNth(days, step);
    var most = Math.max.apply(null, days.map(function (day) { return day.open || 0; })) || 1;
    var html = '<svg viewBox="0 0 ' + W + " " + H + '" role="img" aria-label="' + esc(days.map(function (day) { return day.label + " " + day.text; }).join(en ? ", " : "，")) + '">';
    days.forEach(function (day, at) {
      var middle = L + (at + 0.5) * step, width = Math.min(30, step * 0.56);
      if ((n - 1 - at) % nth === 0) html += '<text class="axis mid" x="' + middle.toFixed(1) + '" y="' + (H - 8) + '">' + esc(day.label) + "</text>";
      if (day.open === null) { html += '<text class="axis mid" x="' + middle.toFixed(1) + '" y="' + (H - B - 4) + '">—</text>'; return; }
      var height = (H - T - B) * day.open / most, over = (H - T - B) * day.overdue / most;
      html += '<rect class="col' + (at === n - 1 ? " today" : "") + '" x="' + (middle - width / 2).toFixed(1) + '" y="' + (H - B - height).toFixed(1) + '" width="' + width.toFixed(1) + '" height="' + height.toFixed(1) + '" rx="1.5"/>';
      if (over) html += '<rect class="over" x="' + (middle - width / 2).toFixed(1) + '" y="' + (H - B - over).toFixed(1) + '" width="' + width.toFixed(1) + '" height="' + over.toFixed(1) + '"/>';
      html += '<text class="new" x="' + middle.toFixed(1) + '" y="' + (H - B - height - 4).toFixed(1) + '">' + day.open + "</text>";
    });
    return html + "</svg>";
  }

  TW.cases = { curve: curve, stacks: stacks };
})();
