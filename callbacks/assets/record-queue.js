/* What people enter goes out here: at once, or as soon as there is a connection again. Nothing that was typed is lost:
   an entry stays in this browser until the server has it on disk. An entry keeps the id that its form was opened with,
   so that sending it twice changes nothing. Others use window.twRecord. */
(function () {
  "use strict";
  var tw = window.townwatch;
  var KEY = "townwatch-unsent", TOWN = "townwatch-town";
  var ANSWER_MS = 15000;
  var WAIT_S = [2, 5, 10, 20, 40, 60];
  var items = load(), attempt = 0, timer = 0, busy = false, source = null;

  function load() {
    try {
      var kept = JSON.parse(localStorage.getItem(KEY) || "[]");
      if (!Array.isArray(kept)) return [];
      kept.forEach(function (item) { delete item.sending; });
      return kept;
    } catch (error) { return []; }
  }
  function save() {
    /* What was refused because somebody is named in it lives as long as the tab, no longer. */
    try { localStorage.setItem(KEY, JSON.stringify(items.filter(function (item) { return !item.personal; }))); } catch (error) { /* no storage: it lives as long as the tab */ }
  }
  /* Another tab may have sent or added some. */
  window.addEventListener("storage", function (event) {
    if (event.key !== KEY) return;
    var now = load(), ours = items.filter(function (item) { return item.sending || item.personal; });
    items = now.filter(function (item) { return !ours.some(function (own) { return own.key === item.key; }); }).concat(ours);
    tell(null, "changed");
  });

  function say(key, state, detail) {
    document.dispatchEvent(new CustomEvent("townwatch:entry", { detail: Object.assign({ key: key, state: state }, detail || {}) }));
  }
  function tell(item, state, detail) { say(item && item.key, state, Object.assign({ item: item }, detail || {})); }

  /* One request. Resolves with {status, body}; rejects when nobody answered. */
  function call(method, path, body) {
    var stop = new AbortController(), late = setTimeout(function () { stop.abort(); }, ANSWER_MS);
    var options = { method: method, signal: stop.signal, cache: "no-store", credentials: "same-origin", headers: {} };
    if (method !== "GET") {
      options.headers = { "Content-Type": "application/json", "X-Townwatch-Form": "1" };
      options.body = JSON.stringify(body);
    }
    return fetch(path, options).then(function (answer) {
      return answer.text().then(function (text) {
        var parsed = null;
        try { parsed = JSON.parse(text); } catch (error) { /* told by the status */ }
        return { status: answer.status, body: parsed || {}, retry: Number(answer.headers.get("Retry-After")) || 0 };
      });
    }).finally(function () { clearTimeout(late); });
  }

  /* An entry: {path, body, label, feed, town}. Returns its key; what becomes of it is told by "townwatch:entry" on the
     document: accepted, refused (with the answer), unsent (kept, will be sent by itself). */
  function submit(entry) {
    var key = entry.key || newId();
    if (items.some(function (item) { return item.key === key; })) { flush(true); return key; }
    items.push(Object.assign({ key: key, source: source, made: tw.now() }, entry, { key: key, state: "new" }));
    save();
    flush(true);
    return key;
  }
  function mine(item) { return !item.source || !source || item.source === source; }
  function waiting() { return items.filter(function (item) { return item.state !== "refused" && mine(item); }); }

  function flush(now) {
    if (now) { attempt = 0; clearTimeout(timer); timer = 0; }
    if (busy || timer) return;
    var next = waiting()[0];
    if (!next) return;
    busy = true;
    if (source === null) { learn(next); return; }
    next.sending = true;
    say(next.key, "sending", { item: next });
    call("POST", next.path, next.body).then(function (answer) {
      busy = false;
      delete next.sending;
      if (answer.status === 202) { drop(next.key); forget(next); attempt = 0; tell(next, "accepted", { answer: answer.body }); flush(); return; }
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 401 && answer.status !== 408 && answer.status !== 429) {
        next.state = "refused";
        next.error = answer.body.error || "";
        next.problems = answer.body.problems || answer.body.reports || [];
        next.personal = next.problems.some(function (one) { return one.code === "personal"; });
        save();
        tell(next, "refused", { answer: answer.body, status: answer.status });
        flush();
        return;
      }
      keep(next, answer.retry, answer.body.error);
    }, function () {
      busy = false;
      delete next.sending;
      keep(next, 0, "");
    });
  }
  /* Never in another's name: who is at this browser now may not be who entered it. */
  function learn(item) {
    call("GET", "/api/v1/forms").then(function (answer) {
      busy = false;
      if (answer.status === 200) { source = answer.body.source; flush(); } else keep(item, 0, answer.body.error);
    }, function () { busy = false; keep(item, 0, ""); });
  }
  function keep(item, seconds, error) {
    items.forEach(function (one) { if (one.state !== "refused") one.state = "unsent"; });
    item.error = error || "";
    save();
    tell(item, "unsent");
    var wait = seconds || WAIT_S[Math.min(attempt, WAIT_S.length - 1)];
    attempt += 1;
    clearTimeout(timer);
    timer = setTimeout(function () { timer = 0; flush(); }, wait * 1000 * (0.75 + Math.random() * 0.5));
  }
  /* A page that was loaded again while its entry was under way must not offer it as not sent. */
  function forget(item) {
    if (!item.values) return;
    try {
      Object.keys(sessionStorage).forEach(function (name) {
        if (name.indexOf("townwatch-draft:" + item.feed) !== 0) return;
        if (JSON.parse(sessionStorage.getItem(name)).id === item.values.id) sessionStorage.removeItem(name);
      });
    } catch (error) { /* no storage */ }
  }
  function drop(key) {
    items = items.filter(function (item) { return item.key !== key; });
    save();
  }

  window.addEventListener("online", function () { flush(true); });
  document.addEventListener("visibilitychange", function () { if (document.visibilityState === "visible") flush(true); });
  /* The page's own socket is the best witness that the server is there again. */
  function watch() {
    var shell = document.getElementById("tw-shell");
    if (!shell) { setTimeout(watch, 100); return; }
    var state = shell.dataset.live;
    new MutationObserver(function () {
      if (shell.dataset.live === "up" && state !== "up") flush(true);
      state = shell.dataset.live;
    }).observe(shell, { attributes: true, attributeFilter: ["data-live"] });
    if (state === "up") flush(true);
  }
  watch();

  /* ---- identities: made when a form opens; unique without asking anybody ---- */
  var ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  function letters(n) {
    var bytes = new Uint8Array(n), text = "";
    crypto.getRandomValues(bytes);
    bytes.forEach(function (byte) { text += ALPHABET[byte % 32]; });
    return text;
  }
  function newId() { return tw.clockText("date").replace(/-/g, "") + "-" + letters(10); }
  /* A number for a case that has none: short enough to be read out, unlike any other. */
  function newCase(town, feed) {
    return town + "-" + feed.charAt(0).toUpperCase() + tw.clockText("date").slice(5).replace("-", "") + "-" + letters(4);
  }

  function remember(town) { try { localStorage.setItem(TOWN, town); } catch (error) { /* no storage */ } }
  function remembered() { try { return localStorage.getItem(TOWN) || ""; } catch (error) { return ""; } }

  /* Errors come as “中文 · English”. */
  function sentence(text) {
    var parts = String(text || "").split(" · ");
    if (parts.length < 2) return String(text || "");
    return tw.lang() === "en" ? parts[parts.length - 1] : parts[0];
  }

  window.twRecord = {
    call: call,
    submit: submit,
    items: function () { return items.slice(); },
    mine: mine,
    drop: function (key) { drop(key); say(key, "dropped"); },
    retry: function (key) {
      items.forEach(function (item) { if (item.key === key && item.state === "refused") item.state = "unsent"; });
      save();
      flush(true);
    },
    flush: function () { flush(true); },
    as: function (name) { source = name; flush(true); },
    source: function () { return source; },
    newId: newId,
    newCase: newCase,
    remember: remember,
    remembered: remembered,
    sentence: sentence
  };
})();
