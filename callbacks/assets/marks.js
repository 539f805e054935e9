/* Shapes of the desk pages: one shape per state, and numbered pins.
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

  /* A view that failed, or may not be seen: the last picture stays, and a line above it says so and since when. */
  function notices(page, lang) {
    var line = document.createElement("p"), en = lang === "en";
    line.className = "tw-failed";
    line.setAttribute("role", "status");
    line.hidden = true;
    page.prepend(line);
    function say(text) { line.textContent = text; line.hidden = !text; }
    return {
      clear: function () { if (!line.hidden) say(""); },
      trouble: function () { say((en ? "Read failed " : "读取失败 ") + window.townwatch.clockText("hm", undefined, lang)); },
      refused: function () { say(en ? "No permission to view" : "无查看权限"); }
    };
  }

  window.townMarks = { notices: notices, mark: mark, pin: pin };
})();
