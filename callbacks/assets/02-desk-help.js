/* Figures of a desk page: tiles in all their states (DESIGN-UI-2, section 9), and the help behind every one of them
   (section 3). A button with data-help="<key>" opens data.helps[key]; Esc or x closes, the focus goes back. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc, icon = desk.icon;

  desk.helpButton = function (ctx, key, label) {
    return '<button type="button" class="dk-help" data-k="help-' + esc(key) + '" data-help="' + esc(key) + '" aria-haspopup="dialog" aria-expanded="' + (ctx.help === key) + '" aria-label="' +
      esc(label + ctx.say("怎么算", ": how it is counted")) + '">' + icon("info", 16) + "</button>";
  };
  var SHAPES = { alert: "alert", watch: "watch", stale: "stale", silent: "none" };
  /* options: big (the page's first figure), plain (no status word) */
  desk.tile = function (ctx, one, options) {
    var mark = window.townMarks.mark, big = options && options.big, shape = SHAPES[one.status];
    var state = one.state === "stale" || one.state === "forbidden" ? one.state : one.status === "alert" || one.status === "watch" ? one.status : one.state;
    var status = one.state === "partial" ? '<span class="st">' + mark("partial", 13) + "</span>" : one.state === "forbidden" ? '<span class="st">' + icon("lock", 14) + "</span>" :
      shape && one.status !== "silent" ? '<span class="st">' + mark(shape, 13) + '<span class="word">' + esc(one.status_word) + "</span></span>" : "";
    return '<div class="dk-tile ' + esc(state) + (big ? " big" : "") + '" data-tile="' + esc(one.id) + '"' + desk.figure(one) + '><div class="l"><span>' + esc(one.label) + "</span>" +
      (one.state === "forbidden" ? "" : desk.helpButton(ctx, one.id, one.label)) + status + '</div><div class="v"><b>' + esc(one.value) + "</b><small>" + esc(one.unit) + '</small></div><div class="n">' +
      (one.missing ? '<span class="partial">' + esc(one.missing) + "</span>" : esc(one.delta && big ? one.delta : one.note || one.delta)) + "</div></div>";
  };
  desk.tilesWaiting = function (count) {
    return new Array(count + 1).join('<div class="dk-tile wait" aria-hidden="true"><div class="l"><i></i></div><div class="v"><i></i></div><div class="n"><i></i></div></div>');
  };

  function helpOf(ctx) { return ctx.help && ctx.data && ctx.data.helps[ctx.help]; }
  function draw(ctx) {
    var box = ctx.$("pop"), help = helpOf(ctx);
    if (!box) return;
    ctx.page.querySelectorAll("[data-help]").forEach(function (button) { button.setAttribute("aria-expanded", String(button.dataset.help === ctx.help)); });
    if (!help) { box.hidden = true; desk.put(box, ""); return; }
    box.setAttribute("aria-label", help.title);
    var source = 'data-received="' + esc(help.received) + '" data-lang="' + ctx.lang + '"';
    desk.put(box, "<h3>" + esc(help.title) + '<button type="button" data-k="pop-close" data-act="pop-close" aria-label="' + ctx.say("关闭", "Close") + '">' + icon("x", 18) + "</button></h3><dl>" +
      help.rows.map(function (row) {
        var age = row.aged && help.received && ctx.data.live ? ' <span class="age" ' + source + "><span data-age></span></span>" : "";
        return "<dt>" + esc(row.head) + "</dt><dd>" + (row.number ? "<b>" + esc(row.number) + "</b>" : "") + esc(row.text) + age + "</dd>";
      }).join("") + "</dl><footer><span>" + ctx.say("版本 k ", "version k ") + esc(help.seq) + "</span>" +
      (help.records ? '<a data-k="pop-records" href="' + esc(help.records.href) + '">' + esc(help.records.text) + " ›</a>" : "") + "</footer>");
    box.hidden = false;
    place(ctx);
  }
  /* Below its figure; above where there is no room below. */
  function place(ctx) {
    var box = ctx.$("pop"), button = ctx.help && ctx.page.querySelector('[data-help="' + CSS.escape(ctx.help) + '"]');
    if (!box || box.hidden || !button) return;
    var at = (button.closest("[data-tile]") || button).getBoundingClientRect(), host = ctx.page.getBoundingClientRect();
    var left = Math.max(0, Math.min(at.left - host.left, host.width - box.offsetWidth)), bottom = Math.max(at.bottom, button.getBoundingClientRect().bottom);
    var over = bottom + 4 + box.offsetHeight > window.innerHeight - 8 && at.top - box.offsetHeight - 4 > 58;
    box.style.left = left + "px";
    box.style.top = (over ? at.top - box.offsetHeight - 4 : bottom + 4) - host.top + "px";
    box.classList.toggle("over", over);
  }
  function open(ctx, key) {
    ctx.help = key;
    draw(ctx);
    window.townwatch.ageAll();
    var close = ctx.$("pop").querySelector("button");
    if (close) close.focus({ preventScroll: true });
  }
  function close(ctx, back) {
    var key = ctx.help;
    if (!key) return;
    ctx.help = "";
    draw(ctx);
    var button = back && ctx.page.querySelector('[data-help="' + CSS.escape(key) + '"]');
    if (button) button.focus({ preventScroll: true });
  }

  desk.part({
    mount: function (ctx) { ctx.help = ""; },
    draw: draw,
    size: place,
    click: function (ctx, event) {
      var button = event.target.closest("[data-help]");
      if (button) { if (ctx.help === button.dataset.help) close(ctx, true); else open(ctx, button.dataset.help); return true; }
      if (event.target.closest('[data-act="pop-close"]')) { close(ctx, true); return true; }
      return Boolean(event.target.closest("#" + ctx.name + "-pop")) && !event.target.closest("a");
    },
    outside: function (ctx, event) {
      if (ctx.help && event.target.isConnected && !event.target.closest("#" + ctx.name + "-pop") && !event.target.closest("[data-help]")) close(ctx, false);
    },
    key: function (ctx, event) {
      if (event.key === "Escape" && ctx.help) { close(ctx, true); return true; }
      return false;
    }
  });
})();
