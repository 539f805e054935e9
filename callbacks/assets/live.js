/* The page's end of the socket /live: one socket a tab, for as long as the tab lives.
   Contract: docs/explanation/live-views.md. Others use window.townwatch and never open a socket of their own. */
(function () {
  "use strict";
  if (window.townwatch) return;

  var DEAD_MS = 14000; /* told nothing for this long the socket is dead whatever it says; checked every second, so said within 15 s */
  var BANNER_MS = 10000;
  var STALE_MS = 60000;
  var RESTORED_MS = 5000;
  var RETRY_S = [2, 4, 8, 16, 30];
  var TYPING_MS = 60000;

  var ZONE = "Asia/Shanghai";
  var topics = new Map(); /* key -> {view, scope, lang, handlers, last} */
  var base = { now: Date.now(), speed: 1, world: "live", at: performance.now() };
  var socket = null;
  var heard = performance.now();
  var opened = false; /* hello was received on the present socket */
  var ever = false;
  var attempt = 0;
  var retryTimer = 0;
  var bannerShown = false;
  var restoredUntil = 0;
  var ended = ""; /* reason of a bye */
  var typedAt = -Infinity;
  var viewer = null;
  var waitingBuild = "";

  function english() { return document.documentElement.lang.slice(0, 2) === "en"; }
  function lang() { return english() ? "en" : "zh"; }
  function shell() { return document.getElementById("tw-shell"); }

  /* ---- the world's clock ---- */
  function setClock(clock) {
    base = { now: clock.now, speed: clock.speed, world: clock.world, at: performance.now() };
  }
  function now() { return base.now + (performance.now() - base.at) * base.speed; }

  var formats = {};
  function parts(ms) {
    var format = formats[ZONE] || (formats[ZONE] = new Intl.DateTimeFormat("en-GB", {
      timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit", weekday: "short",
      hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"
    }));
    var found = {};
    format.formatToParts(new Date(ms)).forEach(function (part) { found[part.type] = part.value; });
    return found;
  }
  var WEEK = { Mon: "一", Tue: "二", Wed: "三", Thu: "四", Fri: "五", Sat: "六", Sun: "日" };
  var MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  /* kind: hm 14:32, hms 14:32:05, s :05, date 2020-02-18, long 2020年2月24日 星期一 / Mon 24 Feb 2020 */
  function clockText(kind, ms, language) {
    var p = parts(ms === undefined ? now() : ms);
    var en = (language || lang()) === "en";
    if (kind === "hm") return p.hour + ":" + p.minute;
    if (kind === "hms") return p.hour + ":" + p.minute + ":" + p.second;
    if (kind === "s") return ":" + p.second;
    if (kind === "date") return p.year + "-" + p.month + "-" + p.day;
    if (en) return p.weekday + " " + Number(p.day) + " " + MONTHS[Number(p.month) - 1] + " " + p.year;
    return p.year + "年" + Number(p.month) + "月" + Number(p.day) + "日 星期" + WEEK[p.weekday];
  }

  /* Age of an instant in words. bare: without 前 / ago, as the top bar has it. */
  function ageText(received, language, bare) {
    if (received === null || received === undefined || received === "") return "—";
    var seconds = Math.max(0, Math.floor((now() - Number(received)) / 1000));
    var en = (language || lang()) === "en";
    var minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
    var text;
    if (seconds < 60) text = en ? seconds + " s" : seconds + " 秒";
    else if (minutes < 60) text = en ? minutes + " min" : minutes + " 分";
    else if (hours < 24) text = en ? hours + " h " + (minutes % 60) + " min" : hours + " 小时 " + (minutes % 60) + " 分";
    else text = en ? days + " d " + (hours % 24) + " h" : days + " 天 " + (hours % 24) + " 小时";
    return bare ? text : en ? text + " ago" : text + "前";
  }

  function freshness(received, late, stale, silent) {
    if (received === null || received === undefined || received === "") return "silent";
    var age = now() - Number(received);
    if (age >= Number(silent || 86400000)) return "silent";
    if (age >= Number(stale || Infinity)) return "stale";
    return age >= Number(late || Infinity) ? "late" : "fresh";
  }

  /* Every second: what is shown of time is computed here, so that a dead server still makes figures old. */
  function put(element, text) { if (element.textContent !== text) element.textContent = text; }
  function ageAll() {
    document.querySelectorAll("[data-clock]").forEach(function (element) {
      put(element, clockText(element.dataset.clock, undefined, element.dataset.lang));
    });
    document.querySelectorAll("[data-received]").forEach(function (element) {
      var d = element.dataset;
      var state = d.stale ? freshness(d.received, d.late, d.stale, d.silent) : "";
      if (state && d.freshness !== state) {
        d.freshness = state;
        element.classList.toggle("tw-stale", state === "stale" || state === "silent");
        element.dispatchEvent(new CustomEvent("townwatch:aged", { bubbles: true, detail: state }));
      }
      var target = element.querySelector("[data-age]") || (element.hasAttribute("data-age") ? element : null);
      if (target) put(target, ageText(d.received, d.lang, target.dataset.age === "bare"));
    });
  }

  /* ---- subscriptions ---- */
  function keyOf(view, scope, language, params) {
    var told = params || {};
    return [view, scope, language].concat(Object.keys(told).sort().map(function (key) { return key + "=" + told[key]; })).join("\n");
  }
  function say(message) {
    if (socket && opened && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }
  function request(verb, topic) { say({ do: verb, view: topic.view, scope: topic.scope, lang: topic.lang, params: topic.params }); }

  /* fn(data, message) is called with every document, at once when one is there. Returns a function that ends it.
     options.trouble(message): the view failed on the server; options.refused(message): it may not be seen;
     options.params: the query of a view that takes one, without empty values. */
  function subscribe(view, scope, language, fn, options) {
    var params = (options && options.params) || undefined;
    var key = keyOf(view, scope || "all", language || lang(), params);
    var topic = topics.get(key);
    if (!topic) {
      topic = { view: view, scope: scope || "all", lang: language || lang(), params: params, handlers: new Set(), last: null, leaving: 0 };
      topics.set(key, topic);
      request("subscribe", topic);
    }
    clearTimeout(topic.leaving);
    topic.leaving = 0;
    var handler = { fn: fn, options: options || {} };
    topic.handlers.add(handler);
    if (topic.last) deliver(handler, topic.last);
    return function () {
      if (!topic.handlers.delete(handler) || topic.handlers.size) return;
      /* Navigation takes a page away and puts the next one up: a topic both use is not asked for twice. */
      topic.leaving = setTimeout(function () {
        if (topic.handlers.size) return;
        topics.delete(key);
        request("unsubscribe", topic);
        /* A query is left for another one, not for another page: the server need not answer it any longer. */
      }, params ? 50 : 1000);
    };
  }

  function deliver(handler, message) {
    try { handler.fn(message.data, message); } catch (error) { console.error("townwatch: view " + message.view, error); }
  }

  function older(message, last) {
    return last && (message.seq < last.seq || (message.seq === last.seq && message.now < last.now));
  }

  function receive(message) {
    var topic;
    switch (message.type) {
      case "hello":
        hello(message);
        break;
      case "beat":
        setClock(message.clock);
        say({ do: "pong" });
        break;
      case "view":
        topic = topics.get(keyOf(message.view, message.scope, message.lang, message.params));
        if (!topic || older(message, topic.last)) return;
        topic.last = message;
        if (message.data && message.data.zone) ZONE = message.data.zone;
        topic.handlers.forEach(function (handler) { deliver(handler, message); });
        document.dispatchEvent(new CustomEvent("townwatch:view", { detail: message }));
        break;
      case "trouble":
      case "refused":
        topic = topics.get(keyOf(message.view, message.scope, message.lang, message.params));
        if (topic) {
          topic.handlers.forEach(function (handler) {
            var told = handler.options[message.type];
            if (told) try { told(message); } catch (error) { console.error("townwatch", error); }
          });
        }
        document.dispatchEvent(new CustomEvent("townwatch:" + message.type, { detail: message }));
        break;
      case "bye":
        ended = message.reason || "session";
        leave();
        break;
    }
  }

  /* Whoever uses this browser next finds nothing of what was read or begun: copies of lists, drafts, the name. */
  function forget() {
    try {
      [[localStorage, /^townwatch-(my|source)/], [sessionStorage, /^townwatch-draft/]].forEach(function (pair) {
        Object.keys(pair[0]).forEach(function (name) { if (pair[1].test(name)) pair[0].removeItem(name); });
      });
    } catch (error) { /* no storage */ }
  }
  /* Signed out, here or elsewhere: what is on the page is no longer this person's to see. Never under somebody's hands.
     The word may come over the socket before the answer to the very request that signed out. */
  function leave() {
    if (ended !== "session") return;
    if (typing()) { setTimeout(leave, 2000); return; }
    forget();
    var here = location.pathname + location.search;
    location.assign(document.documentElement.dataset.surface === "wall" ? "/pair" : "/signin?next=" + encodeURIComponent(here));
  }

  function hello(message) {
    opened = true;
    ended = "";
    attempt = 0;
    viewer = message.viewer;
    setClock(message.clock);
    /* Another process or a restarted world may count from elsewhere: what was seen before is no measure. */
    topics.forEach(function (topic) {
      if (topic.last) topic.last = Object.assign({}, topic.last, { seq: -1, now: -1 });
      request("subscribe", topic);
    });
    checkBuild(message.build);
    if (bannerShown) restoredUntil = performance.now() + RESTORED_MS;
    ever = true;
    state();
  }

  /* ---- a page of an older build reloads itself, but never under somebody's hands ---- */
  function pageBuild() {
    var meta = document.querySelector('meta[name="townwatch-build"]');
    return meta ? meta.content : "";
  }
  function typing() {
    var element = document.activeElement;
    var field = element && (/^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) || element.isContentEditable);
    return Boolean(field) && (performance.now() - typedAt < TYPING_MS || Boolean(element.value));
  }
  function checkBuild(build) { waitingBuild = build && pageBuild() && build !== pageBuild() ? build : ""; reloadWhenIdle(); }
  function reloadWhenIdle() {
    if (!waitingBuild || typing()) return;
    /* Two processes of different builds behind one address must not make a page reload for ever. */
    var mark = "townwatch-reloaded:" + waitingBuild, last = 0;
    try { last = Number(sessionStorage.getItem(mark)) || 0; sessionStorage.setItem(mark, String(Date.now())); } catch (e) { /* no storage */ }
    if (Date.now() - last < 60000) { waitingBuild = ""; return; }
    location.reload();
  }

  /* ---- connection ---- */
  function connect() {
    clearTimeout(retryTimer);
    retryTimer = 0;
    abandon();
    heard = Math.max(heard, performance.now() - DEAD_MS + 5000); /* five seconds to be answered */
    var address = (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/live";
    var mine;
    try { mine = new WebSocket(address); } catch (error) { retry(); return; }
    socket = mine;
    opened = false;
    mine.onmessage = function (event) {
      if (mine !== socket) return;
      heard = performance.now();
      var message;
      try { message = JSON.parse(event.data); } catch (error) { return; }
      receive(message);
      state();
    };
    mine.onclose = mine.onerror = function () {
      if (mine !== socket) return;
      abandon();
      state();
      retry();
    };
  }
  function abandon() {
    if (!socket) return;
    var old = socket;
    socket = null;
    opened = false;
    old.onmessage = old.onclose = old.onerror = null;
    try { old.close(); } catch (error) { /* already gone */ }
  }
  function retry() {
    if (retryTimer) return;
    var seconds = ended ? 30 : RETRY_S[Math.min(attempt, RETRY_S.length - 1)];
    attempt += 1;
    retryTimer = setTimeout(connect, seconds * 1000 * (0.75 + Math.random() * 0.5));
  }
  function connectNow() {
    if (socket && opened && performance.now() - heard < DEAD_MS) return;
    attempt = 0;
    connect();
  }

  /* ---- what the page says of its connection ---- */
  var told = performance.now(); /* when the server last said anything; connecting alone is no word */
  function quiet() { return performance.now() - told; }

  function state() {
    if (opened && socket) told = heard;
    var element = shell();
    var up = Boolean(socket && opened && performance.now() - heard < DEAD_MS);
    var silence = quiet();
    if (element) {
      var live = up ? "up" : "down";
      if (element.dataset.live !== live) element.dataset.live = live;
      if (silence >= STALE_MS) element.dataset.cut = "stale";
      else if (element.dataset.cut) delete element.dataset.cut;
    }
    banner(silence);
  }

  function banner(silence) {
    var element = document.getElementById("tw-banner");
    if (!element) return;
    var en = english(), text = "", kind = "";
    if (ended) {
      text = en ? "Session ended; please sign in again" : "登录已失效，请重新登录";
      kind = "cut";
    } else if (silence >= BANNER_MS) {
      var seen = lastSeen ? clockText("hm", lastSeen) : "";
      if (!ever) text = en ? "No connection, retrying" : "连接不上，正在重试";
      else text = en ? "Connection lost; showing data of " + seen + ", reconnecting" : "连接中断，画面为 " + seen + " 数据，正在重连";
      kind = "cut";
    } else if (performance.now() < restoredUntil) {
      text = (en ? "Restored " : "已恢复 ") + clockText("hm");
      kind = "restored";
    }
    if (kind === "cut") bannerShown = true;
    else if (!kind) bannerShown = false;
    if (element.dataset.kind !== kind) element.dataset.kind = kind;
    put(element, text);
  }
  var lastSeen = 0; /* world time of the newest document ever shown */
  document.addEventListener("townwatch:view", function (event) { lastSeen = event.detail.now; });

  function tick() {
    if (socket && performance.now() - heard >= DEAD_MS) {
      /* Open by its own account, but told nothing: a dead peer behind a proxy. */
      abandon();
      retry();
    }
    if (waitingBuild) reloadWhenIdle();
    ageAll();
    state();
  }

  /* ---- page scripts: mounted when a Dash page's container appears, ended when it goes ---- */
  var mounts = []; /* {selector, mount} */
  var mounted = new Map(); /* element -> [{mount, end}] */
  function onPage(selector, mount) {
    mounts.push({ selector: selector, mount: mount });
    document.querySelectorAll(selector).forEach(function (element) { mountOn(element, selector, mount); });
  }
  function mountOn(element, selector, mount) {
    var ends = mounted.get(element) || [];
    if (ends.some(function (entry) { return entry.mount === mount; })) return;
    var end = null;
    try { end = mount(element); } catch (error) { console.error("townwatch: mounting " + selector, error); }
    ends.push({ mount: mount, end: end });
    mounted.set(element, ends);
  }
  function sweep() {
    mounted.forEach(function (ends, element) {
      if (element.isConnected) return;
      mounted.delete(element);
      ends.forEach(function (entry) {
        if (typeof entry.end === "function") try { entry.end(); } catch (error) { console.error("townwatch", error); }
      });
    });
    mounts.forEach(function (entry) {
      document.querySelectorAll(entry.selector).forEach(function (element) { mountOn(element, entry.selector, entry.mount); });
    });
  }
  new MutationObserver(function (records) {
    /* Drawing changes much inside mounted containers; only elements that come or go can be containers. */
    var elements = records.some(function (record) {
      function isElement(node) { return node.nodeType === 1 && !node.ownerSVGElement; }
      return Array.prototype.some.call(record.addedNodes, isElement) || Array.prototype.some.call(record.removedNodes, isElement);
    });
    if (elements) sweep();
  }).observe(document.documentElement, { childList: true, subtree: true });

  /* Hand values to Dash; set_props throws on an id that is not on the page, so those are skipped. */
  function setProps(id, props) {
    var domId = typeof id === "string" ? id : JSON.stringify(id, Object.keys(id).sort());
    if (!document.getElementById(domId) || !window.dash_clientside || !window.dash_clientside.set_props) return false;
    try { window.dash_clientside.set_props(id, props); return true; } catch (error) { return false; }
  }

  /* ---- what wakes a page ---- */
  document.addEventListener("visibilitychange", function () {
    /* Timers of a hidden tab are slowed to one a minute: catch up at once when it is looked at. */
    if (document.visibilityState === "visible") { tick(); connectNow(); }
  });
  window.addEventListener("online", connectNow);
  window.addEventListener("pageshow", function (event) { if (event.persisted) connectNow(); });
  window.addEventListener("pagehide", abandon);
  document.addEventListener("input", function () { typedAt = performance.now(); }, true);

  window.townwatch = {
    subscribe: subscribe,
    now: now,
    clock: function () { return { now: now(), speed: base.speed, world: base.world }; },
    clockText: clockText,
    ageText: ageText,
    freshness: freshness,
    ageAll: ageAll,
    onPage: onPage,
    setProps: setProps,
    lang: lang,
    forget: forget,
    viewer: function () { return viewer; },
    /* For tests and the console: what is subscribed and how the line is. */
    status: function () {
      return { open: opened, topics: topics.size, attempt: attempt, quiet: quiet(), build: pageBuild(), zone: ZONE };
    },
    reconnect: connectNow
  };

  setInterval(tick, 1000);
  connect();
})();
