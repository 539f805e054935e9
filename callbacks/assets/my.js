/* 我的: what is mine to do now, phone first. The list comes from /api/v1/duties; a copy stays in this browser, so that the
   page opens without a connection and says how old it is. State in the address: tab, who (of), cat, open, q. */
(function () {
  "use strict";
  var tw = window.townwatch, KEY = "townwatch-my", LEAST_MS = 8000;
  var WORDS = {
    all: ["全部", "All"], old: ["没有连接，这是 {at} 的清单", "No connection: this is the list of {at}"], unsent: ["{n} 步处置未发送，联网后自动发送", "{n} actions not sent yet; they go out by themselves"],
    none: ["没有要办的事", "Nothing to do"], noneFree: ["没有无人接手的事", "Nothing that nobody has"], noneDone: ["今天还没有处置", "Nothing done today"],
    waiting: ["未发送", "Not sent"], refused: ["没有收下", "Not accepted"], locate: ["看地图", "On the map"], go: ["打开", "Open"], failed: ["读取失败，正在重试", "Could not be read, retrying"],
    who: ["没有工号的账号看到的是以“{name}”名义接下的事", "Without a staff id this is what was taken as “{name}”"], of: ["看 {name} 手上的", "What {name} has"], mine: ["看我的", "Mine"],
    acted: ["处置", "Actions"], note: ["说明", "Note"], done: ["今天办了 {n} 步", "{n} actions today"], free: ["{n} 件没人接", "{n} unclaimed"], own: ["我的", "Mine"], unclaimed: ["没人接", "Unclaimed"], parts: ["看谁的", "Whose"], comes: ["在镇页或“没人接”里接下的事都在这里", "What you take on a town's page or under “Unclaimed” is here"], detail: ["查看", "Details"]
  };

  function mount(page) {
    var mark = window.townMarks.mark, pin = window.townMarks.pin, esc = window.TW.esc, icon = window.TW.icon, rec = window.twRecord;
    var zh = page.dataset.lang !== "en", data = null, saved = 0, online = true, asked = -1e9, timer = 0, ended = false, failed = "", seen = {}, state = read();
    function say(key, values) { return WORDS[key][zh ? 0 : 1].replace(/\{(\w+)\}/g, function (_, name) { return values[name]; }); }
    function $(id) { return page.querySelector("#" + id); }
    function put(element, html) {
      if (!element || element.__html === html) return;
      var focus = document.activeElement, key = focus && element.contains(focus) && focus.closest("[data-key]") ? focus.closest("[data-key]").dataset.key : "", button = key && focus.classList.contains("ac-btn");
      element.__html = html;
      element.innerHTML = html;
      var again = key && element.querySelector('[data-key="' + CSS.escape(key) + '"]');
      if (again) ((button && again.querySelector(".ac-btn")) || again).focus({ preventScroll: true });
    }
    function read() {
      var params = new URLSearchParams(location.search);
      return { tab: params.get("tab") || "todo", of: params.get("of") || "", cat: params.get("cat") || "", open: params.get("open") || "" };
    }
    function write() {
      var url = new URL(location.href);
      Object.keys(state).forEach(function (key) { if (state[key] && !(key === "tab" && state[key] === "todo")) url.searchParams.set(key, state[key]); else url.searchParams.delete(key); });
      if (url.href !== location.href) history.replaceState(history.state, "", url.href);
    }
    var acts = window.TW.acts.bind(page, {
      choices: function (row) { return data && data.choices[row.town] || {}; },
      find: function (item) { return data && rows().filter(function (row) { return row.item === item; })[0]; },
      redraw: function () { if (data) draw(); soon(1200); }
    });
    function rows() { return acts.hold(data.rows); }

    /* ---- the list: asked of the server, kept here ---- */
    function place() { return KEY + ":" + (state.tab === "free" ? "free" : "me") + ":" + state.of + ":" + (zh ? "zh" : "en"); }
    function held() { try { return JSON.parse(localStorage.getItem(place()) || "null"); } catch (error) { return null; } }
    function keep() { try { localStorage.setItem(place(), JSON.stringify({ at: saved, data: data })); } catch (error) { /* no storage */ } }
    function forget() { try { Object.keys(localStorage).forEach(function (name) { if (name.indexOf(KEY) === 0) localStorage.removeItem(name); }); } catch (error) { /* no storage */ } }
    function load() {
      clearTimeout(timer);
      timer = 0;
      asked = performance.now();
      var tab = state.tab, of = state.of;
      var query = "?who=" + (tab === "free" ? "free" : "me") + (of ? "&of=" + encodeURIComponent(of) : "") + (zh ? "" : "&lang=en");
      rec.call("GET", "/api/v1/duties" + query).then(function (answer) {
        if (ended || tab !== state.tab || of !== state.of) return;
        if (answer.status === 401 || answer.status === 403) { forget(); data = null; failed = rec.sentence(answer.body.error); draw(); return; }
        if (answer.status !== 200) { failed = say("failed"); draw(); soon(5000); return; }
        failed = "";
        online = true;
        data = answer.body;
        saved = data.now;
        rec.as(data.who.source);
        keep();
        draw();
      }, function () {
        if (ended) return;
        online = false;
        if (!data) recall();
        draw();
        soon(5000);
      });
    }
    function recall() {
      var kept = held();
      if (kept) { data = kept.data; saved = kept.at; } else data = null;
    }
    function soon(ms) {
      if (ended || timer) return;
      timer = setTimeout(load, Math.max(ms, ms < 2000 ? ms : LEAST_MS - (performance.now() - asked)));
    }

    /* ---- drawing ---- */
    function feedIcon(row, size) { return '<span class="my-feed" style="color:var(--tw-feed-' + esc(row.colour) + ')">' + icon(row.icon, size) + "</span>"; }
    function shown() { return rows().filter(function (row) { return !state.cat || row.kind === state.cat; }); }
    function draw() {
      var unsent = window.TW.acts.unsent().filter(function (one) { return one.state !== "refused"; }).length;
      var strip = [];
      if (!online && data) strip.push(say("old", { at: tw.clockText("hm", saved) }));
      if (unsent && (!online || window.TW.acts.unsent().some(function (one) { return one.state === "unsent"; }))) strip.push(say("unsent", { n: unsent }));
      if (failed) strip.push(failed);
      put($("my-strip"), strip.length ? icon("clock", 16) + "<span>" + strip.map(esc).join(zh ? "；" : "; ") + "</span>" : "");
      page.dataset.online = String(online);
      if (!data) { put($("my-head"), "<h1>—</h1>"); put($("my-list"), ""); return; }
      var html = "<h1>" + data.headline.map(function (part, at) { return '<span class="' + esc(part.tone) + '">' + (at ? (zh ? "，" : ", ") : "") + esc(part.text) + "</span>"; }).join("") + "</h1>";
      if (state.tab === "free") html = "<h1>" + esc(say("free", { n: data.rows.length })) + "</h1>";
      html += "<p>" + esc(data.sub) + "</p>";
      if (!data.who.staff && !state.of && state.tab === "todo") html += '<p class="hint">' + esc(say("who", { name: data.who.name })) + "</p>";
      if (state.of) html += '<p class="hint">' + esc(say("of", { name: state.of.split(" ").slice(1).join(" ") || state.of })) + ' <button type="button" class="my-text" data-of="">' + say("mine") + "</button></p>";
      /* On a desk there are no tabs at the foot. */
      html += '<div class="my-switch" role="group" aria-label="' + say("parts") + '">' + [["todo", "own", state.tab === "todo" ? data.rows.length : null], ["free", "unclaimed", state.tab === "free" ? data.rows.length : data.free]].map(function (one) {
        return '<button type="button" class="my-chip" data-tab="' + one[0] + '" aria-pressed="' + (state.tab === one[0]) + '">' + say(one[1]) + (one[2] === null ? "" : " " + one[2]) + "</button>";
      }).join("") + "</div>";
      put($("my-head"), html);
      document.title = (data.headline[0] || {}).text || "";
      chips();
      list();
      finished();
      sheet();
      page.querySelectorAll(".tp-tab").forEach(function (tab) {
        if (tab.dataset.tab === state.tab) tab.setAttribute("aria-current", "true"); else tab.removeAttribute("aria-current");
        var count = tab.dataset.tab === "todo" && state.tab !== "free" ? data.rows.length : tab.dataset.tab === "free" ? (state.tab === "free" ? data.rows.length : data.free) : 0;
        if (count) tab.setAttribute("data-count", count > 99 ? "99+" : count); else tab.removeAttribute("data-count");
      });
      page.dataset.tab = state.tab;
    }
    function chips() {
      var counts = {}, order = [];
      rows().forEach(function (row) { if (!counts[row.kind]) { counts[row.kind] = { n: 0, row: row }; order.push(row.kind); } counts[row.kind].n += 1; });
      if (state.cat && !counts[state.cat]) state.cat = "";
      put($("my-chips"), order.length < 2 ? "" : '<button type="button" class="my-chip" data-cat="" aria-pressed="' + !state.cat + '">' + say("all") + " " + rows().length + "</button>" + order.map(function (kind) {
        var one = counts[kind];
        return '<button type="button" class="my-chip" data-cat="' + esc(kind) + '" aria-pressed="' + (state.cat === kind) + '">' + feedIcon(one.row, 17) + esc(one.row.type) + " " + one.n + "</button>";
      }).join(""));
    }
    function list() {
      var own = shown(), html = "";
      if (state.tab === "finished") { put($("my-list"), doneHtml()); return; }
      if (!own.length) {
        html = '<div class="tp-empty"><b>' + say(state.tab === "free" ? "noneFree" : "none") + "</b>" + (state.tab === "free" || state.of ? "" : esc(say("comes")) + '<p class="my-towns">' + data.towns.map(function (town) {
          return '<a class="ac-btn" href="/town/' + esc(town.code) + (zh ? "" : "?lang=en") + '">' + esc(town.name) + "</a>";
        }).join("") + "</p>") + "</div>";
      }
      data.groups.forEach(function (group) { seen[group.key] = group; });
      ["burning", "overdue", "soon", "later", "handled"].forEach(function (name) {
        var group = seen[name] || { key: name, label: "" }, members = own.filter(function (row) { return row.group === name; });
        if (!members.length) return;
        if (group.label && group.key !== "burning") {
          html += '<div class="tp-group" role="heading" aria-level="2">' + mark(group.key === "overdue" ? "alert" : group.key === "soon" ? "soon" : "open", 15) + "<b>" + esc(group.label) + "</b>" + (zh ? members.length + " 件" : members.length) + "</div>";
        }
        html += '<ul class="' + esc(group.key) + '">' + members.map(rowHtml).join("") + "</ul>";
      });
      put($("my-list"), html);
    }
    function rowHtml(row) {
      var open = state.open === row.key, tone = row.group === "burning" ? "go" : row.group === "overdue" ? "ton" : "";
      var due = online ? row.due : row.limit || row.due;
      return "<li" + (open ? ' class="open"' : "") + '><div class="my-row ' + esc(row.group) + (row.acting || row.just ? " held" : "") + '" tabindex="0" role="button" aria-expanded="' + open + '" data-key="' + esc(row.key) + '"><span class="pin">' +
        (row.number ? pin(row.number, row.pin, 30) : mark("open", 16)) + '</span><div class="what"><b>' + esc(row.title) + '</b><span class="mini">' + feedIcon(row, 15) + "<em>" + esc(due) + "</em><span>" +
        esc([data.towns.length > 1 ? (zh ? row.town_name : row.town_name_en) : "", row.owner || row.sub].filter(Boolean).join(zh ? "·" : " · ")) + "</span></span>" +
        (row.acting && !row.just ? '<span class="my-state">' + esc(row.acting.word) + "</span>" : "") + '</div><span class="tp-act">' + acts.button(row, tone) + "</span></div>" + (open ? detailHtml(row) : "") + "</li>";
    }
    function detailHtml(row) {
      var html = '<div class="tp-detail"><dl>' + row.detail.map(function (item) { return "<dt>" + esc(item.head) + "</dt><dd>" + esc(item.text) + "</dd>"; }).join("");
      if (row.acting && (row.acting.note || row.acting.reason)) html += "<dt>" + say("note") + "</dt><dd>" + esc([row.acting.reason, row.acting.note].filter(Boolean).join(" · ")) + "</dd>";
      html += "</dl>";
      if (row.acted && row.acted.length) html += '<div class="past"><h3>' + say("acted") + "</h3><ul>" + row.acted.map(function (one) { return "<li>" + mark(one.state, 14) + "<time>" + esc(one.time) + "</time>" + esc(one.text) + "</li>"; }).join("") + "</ul></div>";
      var map = "/town/" + encodeURIComponent(row.town) + "?open=" + encodeURIComponent(row.key) + (zh ? "" : "&lang=en");
      return html + '<div class="tp-menu">' + acts.menu(row) + '<a class="ac-btn" href="' + esc(map) + '">' + say("locate") + "</a>" + (row.href ? '<a class="ac-btn" href="' + esc(row.href + (zh ? "" : "&lang=en")) + '">' + say("go") + "</a>" : "") + "</div></div>";
    }
    function doneHtml() {
      var waiting = window.TW.acts.unsent().map(function (one) {
        return '<li class="unsent"><time>' + esc(tw.clockText("hm", one.made)) + '</time><div><b>' + esc(one.label) + '</b><span class="ac-unsent' + (one.state === "refused" ? " bad" : "") + '">' + icon("clock", 12) + say(one.state === "refused" ? "refused" : "waiting") + (one.error ? " · " + esc(rec.sentence(one.error)) : "") + "</span></div></li>";
      }).join("");
      var done = data.done.map(function (one) { return '<li data-act="' + esc(one.id) + '"><time>' + esc(one.time) + "</time><div><b>" + esc(one.title) + "</b><span>" + esc(one.text) + "</span></div></li>"; }).join("");
      return waiting || done ? "<ul>" + waiting + done + "</ul>" : '<p class="my-none">' + say("noneDone") + "</p>";
    }
    function finished() { put($("my-done"), doneHtml()); }
    function sheet() {
      var hot = rows().filter(function (row) { return row.group === "burning"; })[0], box = $("my-sheet");
      put(box, hot && state.tab !== "finished" ? '<div class="l">' + pin(hot.number, "alert", 34) + "<div><b>" + esc(hot.title) + '</b><span class="s"><em>' + esc(hot.due) + "</em>" + esc(hot.sub) + '</span></div></div><div class="acts"><button type="button" class="see ac-btn" data-see="' + esc(hot.key) + '">' + say("detail") + "</button>" + acts.button(hot, "go") + "</div>" : "");
      page.style.setProperty("--tp-sheet", box.firstChild ? box.offsetHeight + "px" : "0px");
    }

    /* ---- doing ---- */
    function toggle(key) {
      state.open = state.open === key ? "" : key;
      write();
      list();
      /* What was opened is not left under the bar at the foot. */
      var opened = state.open && page.querySelector(".my-list .tp-detail");
      if (opened) opened.scrollIntoView({ block: "nearest" });
    }
    function move(step) {
      var all = Array.prototype.slice.call(page.querySelectorAll(".my-row")), at = all.indexOf(document.activeElement);
      if (!all.length) return;
      var next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + step))];
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    }
    function click(event) {
      var found;
      if ((found = event.target.closest("button[data-tab]"))) {
        if (found.dataset.tab === "town") { var town = (data && (data.rows[0] || {}).town) || (data && data.towns[0] || {}).code; if (town) location.href = "/town/" + town + (zh ? "" : "?lang=en"); return; }
        state.tab = found.dataset.tab; state.open = ""; state.cat = ""; write(); recall(); if (data) draw(); load(); window.scrollTo(0, 0);
        return;
      }
      if ((found = event.target.closest("[data-cat]"))) { state.cat = state.cat === found.dataset.cat ? "" : found.dataset.cat; write(); draw(); return; }
      if ((found = event.target.closest("[data-of]"))) { state.of = found.dataset.of; write(); recall(); load(); return; }
      if ((found = event.target.closest("[data-see]"))) { state.open = found.dataset.see; write(); list(); var row = page.querySelector('.my-row[data-key="' + CSS.escape(found.dataset.see) + '"]'); if (row) row.scrollIntoView({ block: "center" }); return; }
      if (event.target.closest("a, .tp-detail")) return;
      if ((found = event.target.closest(".my-row"))) toggle(found.dataset.key);
    }
    function key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey || !data || acts.busy() || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName || "")) return;
      var focused = event.target.closest && event.target.closest(".my-row");
      if (event.key === "j" || event.key === "ArrowDown") { event.preventDefault(); move(1); }
      else if (event.key === "k" || event.key === "ArrowUp") { event.preventDefault(); move(-1); }
      else if (event.key === "u") acts.undo();
      else if (event.key === "Escape" && state.open) toggle(state.open);
      else if (focused && event.target === focused && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); toggle(focused.dataset.key); }
      else if (event.key === "a") {
        var name = focused ? focused.dataset.key : state.open, row = rows().filter(function (one) { return one.key === name; })[0];
        if (row) { event.preventDefault(); acts.press(row); }
      }
    }
    function back() { state = read(); if (data) draw(); }
    function again() { if (performance.now() - asked > LEAST_MS) load(); else soon(LEAST_MS); }
    function visible() { if (document.visibilityState === "visible") again(); }
    function entry(event) { var one = event.detail.item; if (one && one.path === "/api/v1/actions" && event.detail.state === "accepted") soon(800); }
    page.addEventListener("click", click);
    document.addEventListener("keydown", key);
    document.addEventListener("townwatch:entry", entry);
    document.addEventListener("visibilitychange", visible);
    window.addEventListener("popstate", back);
    window.addEventListener("online", load);
    recall();
    if (data) draw();
    load();
    /* The hub says when something has moved; only then is the list asked for again. */
    var end = tw.subscribe("shell", "all", zh ? "zh" : "en", again);
    var minute = setInterval(function () { if (data && document.visibilityState === "visible") again(); }, 30000);
    return function () {
      ended = true;
      clearTimeout(timer);
      clearInterval(minute);
      end();
      acts.end();
      document.removeEventListener("keydown", key);
      document.removeEventListener("townwatch:entry", entry);
      document.removeEventListener("visibilitychange", visible);
      window.removeEventListener("popstate", back);
      window.removeEventListener("online", load);
    };
  }
  tw.onPage("#my-page", mount);
})();
