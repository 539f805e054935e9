/* What staff do about obligations and alerts: the button of a row, its menu, the dialogs, ten seconds to take it back.
   An act goes out by the queue of record-queue.js: without a connection it is kept in this browser, shown as not sent,
   and sent later with the same id, so that it counts once. Others use window.TW.acts:

     var acts = TW.acts.bind(page, { lang: "zh", choices: function (row) { … }, find: function (item) { … }, redraw: draw });
     acts.button(row)   the one button of a row, or what has just been done with 撤销 beside it
     acts.menu(row)     every button of a row, for where it is open
     acts.hold(rows)    rows as they stand on the page: what was just done stays in its place for ten seconds
     acts.press(row)    the first button by the keyboard; acts.undo() takes the latest back; acts.end() when the page goes

   A row has item, town, case, acts [{verb, label}] (the first is its button), acting {word, who, owner, last} or null. */
(function () {
  "use strict";
  var tw = window.townwatch;
  var PATH = "/api/v1/actions", UNDO_MS = 10000, ME = "townwatch-source";
  var AT_ONCE = { acknowledge: true, reopen: true };
  var WORDS = {
    undo: ["撤销", "Undo"], undoing: ["正在撤销", "undoing"], unsent: ["未发送", "Not sent"], refused: ["没有收下", "Not accepted"],
    retry: ["重试", "Retry"], drop: ["不要了", "Discard"], cancel: ["取消", "Cancel"], to: ["交给谁", "Who takes it"], find: ["找人、找组", "Find"],
    note: ["说明", "Note"], notePlace: ["写明情况，不写姓名和电话", "What happened; no names or numbers"], must: ["写一句说明", "Say what was done"],
    until: ["延到", "Until"], reason: ["原因", "Reason"], other: ["其他时间", "Another time"], confirm: ["确定", "Confirm"], past: ["时间要在将来", "It must lie ahead"],
    choose: ["请选一个", "Choose one"], nobody: ["没有符合的人", "Nobody found"], more: ["更多", "More"], close: ["关闭", "Close"],
    figure: ["办结只改事项，数字以记录为准", "This marks the item; figures follow the records"],
    visit: ["巡逻要有到访记录才算完成", "A visit counts only when a unit has been there"]
  };
  var DONE = { acknowledge: ["已签收", "taken"], assign: ["已派单", "assigned"], done: ["已标办结", "said done"], handover: ["已移交", "handed over"], postpone: ["已延期", "postponed"], reopen: ["已重开", "reopened"] };
  var NOTES = [["已上门处理", "Seen to on the spot"], ["已电话联系", "Telephoned"], ["已复测，正常", "Rechecked, normal"], ["已登记进展", "Progress is on record"]];
  var local = {}, bound = [], timer = 0, started = false, dialog = null, before = null, last = "";

  function at() { return tw.lang() === "en" ? 1 : 0; }
  function say(key) { return WORDS[key][at()]; }
  function esc(value) { return window.TW.esc(value === null || value === undefined ? "" : value); }
  function icon(name, size) { return window.TW.icon(name, size); }
  function rec() { return window.twRecord; }
  function redraw() { bound.forEach(function (one) { one.redraw(); }); }

  /* ---- who is at this browser: remembered, so that a page loaded without a connection knows it too ---- */
  function me() {
    var told = tw.viewer();
    /* Those who may act and not enter records have no form to ask. */
    if (!rec().source() && told && told.name) rec().as("form:" + told.name);
    var known = rec().source();
    if (known) { try { localStorage.setItem(ME, known); } catch (error) { /* no storage */ } return known; }
    try { return localStorage.getItem(ME) || ""; } catch (error) { return ""; }
  }
  function mine(owner) {
    var name = me().replace(/^form:/, "");
    return Boolean(owner && name) && (owner === name || owner.split(" ").slice(1).join(" ") === name);
  }

  function start() {
    if (started) return;
    started = true;
    rec().items().forEach(function (queued) {
      if (queued.path !== PATH || !queued.act || queued.body.verb === "undo") return;
      local[queued.body.item] = Object.assign({}, queued.act, { id: queued.key, ends: 0, state: queued.state === "refused" ? "refused" : "unsent", error: queued.error || "" });
    });
    document.addEventListener("townwatch:entry", function (event) {
      var queued = event.detail.item;
      if (!queued || queued.path !== PATH) return;
      var body = queued.body, found = local[body.item], state = event.detail.state;
      if (!found) return;
      if (body.verb === "undo") {
        if (state === "accepted") { found.undone = true; found.ends = Date.now() + 4000; } else if (state === "refused") { found.undoing = false; found.error = queued.error || ""; rec().drop(queued.key); }
      } else if (body.id === found.id) {
        if (state === "accepted") found.state = "accepted";
        else if (state === "unsent") found.state = "unsent";
        else if (state === "refused") { found.state = "refused"; found.error = queued.error || ""; }
      }
      run();
      redraw();
    });
  }
  function tick() {
    var now = Date.now(), left = false, over = false;
    Object.keys(local).forEach(function (item) {
      var one = local[item];
      if (one.ends > now) left = true;
      else if (one.state === "accepted" && !one.undoing || one.undone) { delete local[item]; over = true; }
    });
    document.querySelectorAll("[data-ac-left]").forEach(function (element) {
      var one = local[element.dataset.acLeft];
      if (one) element.textContent = Math.max(0, Math.ceil((one.ends - now) / 1000));
    });
    if (over) redraw();
    if (left || Object.keys(local).some(function (item) { return local[item].state === "new"; })) timer = setTimeout(tick, 250); else timer = 0;
  }
  function run() { if (!timer) timer = setTimeout(tick, 250); }

  /* ---- sending ---- */
  function iso(ms) { return new Date(ms).toISOString(); }
  function send(row, verb, said) {
    start();
    var id = rec().newId() + "-a", now = Math.floor(tw.now()), acts = { item: row.item, verb: verb, at: now, name: (said && said.name) || "", row: Object.assign({}, row) };
    var body = { id: id, item: row.item, town: row.town, verb: verb, at: iso(now), case: row.case || "", source: me() };
    if (said) ["to", "note", "reason", "until", "undoes"].forEach(function (key) { if (said[key]) body[key] = said[key]; });
    local[row.item] = Object.assign({ id: id, ends: Date.now() + UNDO_MS, state: "new", error: "" }, acts);
    last = row.item;
    run();
    rec().submit({ key: id, path: PATH, body: body, act: acts, label: (DONE[verb] || ["", ""])[at()] + " " + (row.title || row.item), feed: "action", town: row.town });
    redraw();
  }
  function undo(item) {
    var found = local[item || last];
    if (!found || found.undoing || found.undone) return;
    var queued = rec().items().filter(function (one) { return one.key === found.id; })[0];
    if (found.state === "refused" || queued && !queued.sending && found.state !== "accepted") {
      rec().drop(found.id);
      delete local[found.item];
      redraw();
      return;
    }
    if (found.ends <= Date.now()) return;
    found.undoing = true;
    /* Ten seconds of the person at the page, however fast a replay's clock runs. */
    var id = rec().newId() + "-u", now = Math.min(Math.floor(tw.now()), found.at + UNDO_MS - Math.max(0, found.ends - Date.now()));
    rec().submit({ key: id, path: PATH, act: { item: found.item, verb: "undo" }, feed: "action", town: found.row.town, label: say("undo") + " " + (found.row.title || found.item),
      body: { id: id, item: found.item, town: found.row.town, verb: "undo", undoes: found.id, at: iso(now), source: me() } });
    redraw();
  }

  /* ---- what stands in a row ---- */
  function doneHtml(one) {
    var word = (DONE[one.verb] || ["", ""])[at()] + " " + tw.clockText("hm", one.at);
    var html = '<span class="ac-done" data-ac-state="' + esc(one.state) + '"><em>' + esc(one.undoing || one.undone ? say("undoing") : word) + "</em>";
    if (one.state === "unsent") html += '<span class="ac-unsent">' + icon("clock", 12) + say("unsent") + "</span>";
    if (one.state === "refused") html += '<span class="ac-unsent bad" title="' + esc(rec().sentence(one.error)) + '">' + say("refused") + "</span>";
    if (!one.undoing && !one.undone && (one.ends > Date.now() || one.state === "unsent" || one.state === "refused")) {
      html += '<button type="button" class="ac-undo" data-ac-undo="' + esc(one.item) + '">' + (one.state === "refused" ? say("drop") : say("undo")) +
        (one.ends > Date.now() && one.state !== "unsent" && one.state !== "refused" ? ' <i data-ac-left="' + esc(one.item) + '">' + Math.ceil((one.ends - Date.now()) / 1000) + "</i>" : "") + "</button>";
    }
    return html + "</span>";
  }
  function buttonHtml(row, tone) {
    start();
    me();
    var one = local[row.item], first = (row.acts || [])[0];
    if (one) return doneHtml(one);
    if (!first) return "";
    return '<button type="button" class="ac-btn ' + esc(tone || "") + '" data-ac="' + esc(first.verb) + '" data-ac-item="' + esc(row.item) + '" aria-label="' + esc(first.label + " " + (row.title || "")) + '">' + esc(first.label) + "</button>";
  }
  function menuHtml(row) {
    start();
    if (local[row.item]) return '<div class="ac-menu">' + doneHtml(local[row.item]) + "</div>";
    if (!row.acts || !row.acts.length) return "";
    return '<div class="ac-menu">' + row.acts.map(function (one, nth) {
      return '<button type="button" class="ac-btn ' + (nth ? "" : "ton") + '" data-ac="' + esc(one.verb) + '" data-ac-item="' + esc(row.item) + '">' + esc(one.label) + "</button>";
    }).join("") + "</div>";
  }
  function hold(rows) {
    start();
    var now = Date.now(), seen = {}, found = rows.map(function (row) {
      var one = local[row.item];
      seen[row.item] = true;
      if (!one || one.ends <= now && one.state === "accepted") return row;
      return Object.assign({}, row, { group: one.row.group, number: one.row.number, pin: one.row.pin, due: one.row.due, limit: one.row.limit, just: true });
    });
    Object.keys(local).forEach(function (item) {
      var one = local[item];
      if (!seen[item] && one.row && one.row.group && one.ends > now) found.push(Object.assign({}, one.row, { just: true }));
    });
    return found;
  }

  /* ---- dialogs ---- */
  function close(back) {
    if (!dialog) return;
    dialog.remove();
    dialog = null;
    if (back && before && document.contains(before)) before.focus({ preventScroll: true });
  }
  function open(row, verb, choices, label) {
    close(false);
    before = document.activeElement;
    dialog = document.createElement("div");
    dialog.className = "ac-back";
    var giving = verb === "assign" || verb === "handover", html = "";
    if (giving) {
      html += '<label class="ac-find">' + icon("search", 16) + '<input type="search" autocomplete="off" aria-label="' + say("find") + '" placeholder="' + say("find") + '"></label><div class="ac-people" role="radiogroup" aria-label="' + say("to") + '"></div>';
    }
    if (verb === "postpone") {
      html += "<h3>" + say("until") + '</h3><div class="ac-chips" data-field="until">' + (choices.times || []).filter(function (time) { return time.at > tw.now(); }).map(function (time) {
        return '<button type="button" class="ac-chip" aria-pressed="false" data-value="' + time.at + '"><b>' + esc(time.name) + "</b> <small>" + esc(time.text) + "</small></button>";
      }).join("") + '</div><label class="ac-field">' + say("other") + '<input type="datetime-local" name="until"></label><h3>' + say("reason") + '</h3><div class="ac-chips" data-field="reason">' + (choices.reasons || []).map(function (reason) {
        return '<button type="button" class="ac-chip" aria-pressed="false" data-value="' + esc(reason.value) + '">' + esc(reason.name) + "</button>";
      }).join("") + "</div>";
    }
    if (verb === "done") {
      html += '<div class="ac-chips" data-field="words">' + NOTES.map(function (words) { return '<button type="button" class="ac-chip" data-say="' + esc(words[at()]) + '">' + esc(words[at()]) + "</button>"; }).join("") + "</div>";
    }
    html += '<label class="ac-field">' + say("note") + '<textarea name="note" maxlength="200" rows="2" placeholder="' + say("notePlace") + '"></textarea></label>';
    if (verb === "done") html += '<p class="ac-hint">' + icon("info", 14) + say(/^(visit|round):/.test(row.item) ? "visit" : "figure") + "</p>";
    dialog.innerHTML = '<form class="ac-dialog" role="dialog" aria-modal="true" aria-label="' + esc(label) + '"><header><div><b>' + esc(label) + "</b><span>" + esc(row.title) + '</span></div><button type="button" class="ac-x" data-ac-close aria-label="' + say("close") + '">' + icon("x", 20) + '</button></header><div class="ac-body">' + html +
      '</div><p class="ac-wrong" role="alert"></p><footer><button type="button" class="ac-btn" data-ac-close>' + say("cancel") + '</button><button type="submit" class="ac-btn go">' + esc(label) + "</button></footer></form>";
    document.body.appendChild(dialog);
    var form = dialog.firstChild, said = { to: "", until: 0, reason: "" };
    function wrong(key) { form.querySelector(".ac-wrong").textContent = key ? say(key) : ""; }
    function people() {
      var box = form.querySelector(".ac-people"), query = (form.querySelector(".ac-find input").value || "").trim().toLowerCase(), html = "";
      (choices.people || []).forEach(function (group) {
        var own = group.choices.filter(function (one) { return (one.name + " " + one.value).toLowerCase().indexOf(query) >= 0 && !(row.acting && row.acting.owner === one.value); });
        if (!own.length) return;
        html += "<h3>" + esc(group.label) + "</h3>" + own.map(function (one) {
          return '<button type="button" class="ac-person" role="radio" aria-checked="' + (said.to === one.value) + '" data-to="' + esc(one.value) + '"><span>' + esc(one.name) + "</span><small>" + esc(one.note) + "</small></button>";
        }).join("");
      });
      box.innerHTML = html || '<p class="ac-none">' + say("nobody") + "</p>";
    }
    if (giving) { people(); form.querySelector(".ac-find input").addEventListener("input", people); }
    form.addEventListener("click", function (event) {
      var found;
      if (event.target.closest("[data-ac-close]")) { close(true); return; }
      if ((found = event.target.closest("[data-to]"))) { said.to = found.dataset.to; said.name = found.firstChild.textContent; wrong(""); form.querySelectorAll("[data-to]").forEach(function (one) { one.setAttribute("aria-checked", String(one === found)); }); return; }
      if ((found = event.target.closest("[data-say]"))) { form.elements.note.value = found.dataset.say; wrong(""); return; }
      if ((found = event.target.closest(".ac-chip[data-value]"))) {
        said[found.parentNode.dataset.field] = found.dataset.value;
        if (found.parentNode.dataset.field === "until") form.elements.until.value = "";
        wrong("");
        found.parentNode.querySelectorAll(".ac-chip").forEach(function (one) { one.setAttribute("aria-pressed", String(one === found)); });
      }
    });
    if (verb === "postpone") form.elements.until.addEventListener("input", function () {
      said.until = 0;
      form.querySelectorAll('[data-field="until"] .ac-chip').forEach(function (one) { one.setAttribute("aria-pressed", "false"); });
    });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var note = form.elements.note.value.trim(), ready = { note: note, name: said.name };
      if (giving) { if (!said.to) { wrong("choose"); return; } ready.to = said.to; }
      if (verb === "done" && !note) { wrong("must"); form.elements.note.focus(); return; }
      if (verb === "postpone") {
        var typed = form.elements.until.value, when = typed ? zoned(typed) : Number(said.until);
        if (!when || !said.reason) { wrong("choose"); return; }
        if (when <= tw.now()) { wrong("past"); return; }
        ready.until = iso(when);
        ready.reason = said.reason;
      }
      close(true);
      send(row, verb, ready);
    });
    dialog.addEventListener("click", function (event) { if (event.target === dialog) close(true); });
    dialog.addEventListener("keydown", function (event) {
      event.stopPropagation();
      if (event.key === "Escape") close(true);
      if (event.key !== "Tab") return;
      var all = Array.prototype.slice.call(form.querySelectorAll("button, input, textarea")), edge = event.shiftKey ? all[0] : all[all.length - 1];
      if (document.activeElement === edge) { event.preventDefault(); (event.shiftKey ? all[all.length - 1] : all[0]).focus(); }
    });
    var first = form.querySelector(".ac-person, .ac-chip, textarea");
    if (first) first.focus();
  }
  /* What is typed is the region's time: this device may be elsewhere. */
  function zoned(typed) {
    var asUtc = Date.parse(typed + ":00Z");
    return asUtc - (Date.parse(tw.clockText("date", asUtc) + "T" + tw.clockText("hms", asUtc) + "Z") - asUtc);
  }

  function bind(page, how) {
    var own = { redraw: how.redraw };
    bound.push(own);
    start();
    function press(row, verb) {
      var chosen = (row.acts || []).filter(function (one) { return !verb || one.verb === verb; })[0];
      if (!chosen || local[row.item]) return;
      if (AT_ONCE[chosen.verb]) send(row, chosen.verb, null); else open(row, chosen.verb, how.choices(row) || {}, chosen.label);
    }
    function click(event) {
      var found = event.target.closest("[data-ac]"), back = event.target.closest("[data-ac-undo]");
      if (!found && !back) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (back) { undo(back.dataset.acUndo); return; }
      var row = how.find(found.dataset.acItem);
      if (row) press(row, found.dataset.ac);
    }
    page.addEventListener("click", click, true);
    return {
      button: buttonHtml, menu: menuHtml, hold: hold, press: press, undo: function () { undo(last); }, mine: mine,
      busy: function () { return Boolean(dialog); },
      end: function () { bound = bound.filter(function (one) { return one !== own; }); page.removeEventListener("click", click, true); close(false); }
    };
  }
  window.TW = window.TW || {};
  window.TW.acts = { bind: bind, unsent: function () { return rec().items().filter(function (one) { return one.path === PATH; }); } };
})();
