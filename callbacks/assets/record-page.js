/* 登记: how each feed of a town stands today, what was entered, what still waits to be sent. The form beside it is
   record-form.js. Words and numbers come from the server; what the server has not seen yet says so. */
(function () {
  "use strict";
  var tw = window.townwatch;
  var WORDS = {
    choose: ["先选镇（街道）", "Choose a town first"], pick: ["请选", "Choose"], town: ["镇（街道）", "Town"],
    left: ["{town}今天还有 {n} 路没报", "{n} feeds not reported today"], one: ["{town}今天还有 1 路没报", "1 feed not reported today"],
    all: ["{town}今天 {n} 路都报了", "All {n} feeds reported today"],
    by: ["登记人 {name}", "entered by {name}"], enter: ["登记", "Enter"], nothing: ["零报告", "Nothing to report"],
    confirm: ["{town}，{day}，{feed}：没有要报的。由 {name} 报零。", "{town}, {day}, {feed}: nothing to report. Reported by {name}."],
    yes: ["确认零报告", "Confirm"], no: ["取消", "Cancel"], every: ["{n} 路一起零报告", "Nothing to report in all {n}"],
    undo: ["撤销", "Undo"], reportedBy: ["{name} {at} 报零", "nothing to report, {name} {at}"],
    none: ["今天还没有记", "Nothing entered today"], received: ["已收到，正在入库", "received, being stored"],
    correct: ["更正", "Correct"], withdraw: ["作废", "Withdraw"], why: ["为什么作废？", "Why withdraw it?"],
    reason: ["写一句理由，不写姓名和电话", "say why; no names or numbers"], history: ["版本", "Versions"], withdrawn: ["已作废", "Withdrawn"], corrected: ["更正过", "Corrected"],
    unsent: ["还没发送", "Not sent yet"], kept: ["存在这台设备上，联网后自动发送", "kept on this device, sent when connected"], now: ["现在发送", "Send now"],
    refused: ["没有收下", "Not accepted"], edit: ["打开改", "Open"], drop: ["不要了", "Discard"], sure: ["确定不要", "Really discard"], got: ["知道了", "OK"],
    other: ["另有 {n} 条由别人填写、还没发送，等那位登录后再发", "{n} unsent entries of somebody else wait until they sign in"],
    failed: ["读取失败，正在重试", "Could not be read, retrying"], sending: ["正在发送", "sending"], more: ["全部记录", "All records"]
  };
  var REASONS = [["重复登记", "Entered twice"], ["记错了镇或地点", "Wrong town or place"], ["数值记错", "Wrong value"], ["测试", "A test"]];
  var UNDO = ["登记后立即撤销", "Undone at once"];
  var LEAST_MS = 2000, COUNT_MS = 15000;

  function mount(page) {
    var lang = page.dataset.lang === "en" ? "en" : "zh", at = lang === "en" ? 1 : 0;
    var esc = window.TW.esc, icon = window.TW.icon, rec = window.twRecord;
    var shownFeed = page.dataset.feed, who = null, today = null, town = "", ended = false, failed = "";
    var open = { nothing: "", withdraw: "", history: "", drop: "", reason: "" };
    var just = [], asked = 0, timer = 0, seen = { seq: -1, reported: "" }, unsubscribe = null, ends = [], onTown = [];

    function say(key, values) {
      return WORDS[key][at].replace(/\{(\w+)\}/g, function (_, name) { return values && values[name] !== undefined ? values[name] : ""; });
    }
    function $(id) { return page.querySelector("#" + id); }
    function put(element, html) {
      if (!element || element.__html === html) return;
      element.__html = html;
      /* Nobody's typing is taken away. */
      var typing = document.activeElement, id = typing && typing.id && element.contains(typing) && typing.tagName === "INPUT" ? typing.id : "", from = id ? typing.selectionStart : 0;
      element.innerHTML = html;
      var again = id && element.querySelector("#" + id);
      if (again) { again.focus({ preventScroll: true }); again.setSelectionRange(from, from); }
    }
    function listen(target, kind, fn) {
      target.addEventListener(kind, fn);
      ends.push(function () { target.removeEventListener(kind, fn); });
    }
    function address(path, query) {
      var params = new URLSearchParams();
      Object.keys(query || {}).forEach(function (key) { if (query[key]) params.set(key, query[key]); });
      if (lang === "en") params.set("lang", "en");
      var text = params.toString();
      return path + (text ? "?" + text : "");
    }
    /* Beside Han the dot needs no spaces. */
    function join(parts) {
      return parts.filter(Boolean).reduce(function (whole, part) {
        return whole + (!at && /[\u4e00-\u9fff]$/.test(whole) && !/^\d/.test(part) ? "·" : " · ") + part;
      });
    }
    function feedIcon(feed, size) {
      return '<span class="rf-ic" style="color:var(--tw-feed-' + esc(feed.colour) + ')">' + icon(feed.icon, size) + "</span>";
    }

    /* ---- who, where, how it stands ---- */
    function wantedTown() { return new URLSearchParams(location.search).get("town") || rec.remembered(); }

    function load(first) {
      asked = performance.now();
      var given = first ? wantedTown() : town;
      return rec.call("GET", address("/api/v1/forms", { town: given })).then(function (answer) {
        if (ended) return;
        if ((answer.status === 403 || answer.status === 404) && given && first) { rec.remember(""); setAddress(""); return load(false); }
        if (answer.status !== 200) { blocked(answer); return; }
        failed = "";
        who = answer.body;
        rec.as(who.source);
        if (!who.may) { failed = who.reason; draw(); return; }
        if (answer.body.feeds) {
          today = answer.body;
          just = just.filter(function (one) { return !today.mine.some(function (row) { return row.id === one.id && row.rev >= one.rev; }); });
          if (town !== today.town) settle(today.town);
        } else if (who.towns.length === 1 && !town) { town = who.towns[0].code; return load(false); }
        draw();
      }, function () { if (!ended) { failed = say("failed"); draw(); later(5000); } });
    }
    function blocked(answer) {
      failed = rec.sentence(answer.body.error) || say("failed");
      draw();
      if (answer.status >= 500 || answer.status === 429) later(5000);
    }
    function settle(code) {
      town = code;
      rec.remember(code);
      setAddress(code);
      follow();
      onTown.forEach(function (fn) { fn(code); });
    }
    function setAddress(code) {
      var url = new URL(location.href);
      if (code) url.searchParams.set("town", code); else url.searchParams.delete("town");
      if (url.href !== location.href) history.replaceState(history.state, "", url.href);
      page.querySelectorAll(".rf-tab").forEach(function (link) {
        var to = new URL(link.href, location.href);
        if (code) to.searchParams.set("town", code);
        link.setAttribute("href", to.pathname + to.search);
      });
    }
    function choose(code) {
      town = code;
      today = null;
      seen = { seq: -1, reported: "" };
      draw();
      load(false);
    }
    /* The hub says when something has moved; only then is the truth asked again. */
    function follow() {
      if (unsubscribe) unsubscribe();
      unsubscribe = tw.subscribe("record", town, lang, function (data, message) {
        var reported = data.day + data.feeds.map(function (feed) { return feed.feed + feed.reported; }).join();
        var waits = just.length > 0 || reported !== seen.reported;
        var stale = message.seq !== seen.seq && performance.now() - asked > COUNT_MS;
        seen = { seq: message.seq, reported: reported };
        if (waits || stale) later(waits ? 0 : LEAST_MS);
      });
    }
    function later(ms) {
      if (timer || ended) return;
      var wait = Math.max(ms, LEAST_MS - (performance.now() - asked), 100);
      timer = setTimeout(function () { timer = 0; if (!ended && document.visibilityState === "visible") load(!who); }, wait);
    }

    /* ---- drawing ---- */
    function draw() {
      drawTown();
      drawHead();
      drawNotices();
      drawCards();
      drawReports();
      drawMine();
      if (api.form) api.form.state();
    }
    function townName() {
      var known = who && who.towns.find(function (one) { return one.code === town; });
      return known ? known.name : "";
    }
    function drawTown() {
      var box = $("record-town");
      if (!who || !who.towns.length) return;
      if (who.towns.length === 1) { put(box, '<b class="rf-only">' + esc(who.towns[0].name) + "</b>"); return; }
      if (!box.querySelector("select")) {
        box.innerHTML = '<label class="rf-select"><span>' + esc(say("town")) + "</span><select></select>" + icon("chevd", 16) + "</label>";
        var select = box.querySelector("select");
        select.innerHTML = '<option value="">' + esc(say("pick")) + "</option>" + who.towns.map(function (one) {
          return '<option value="' + esc(one.code) + '">' + esc(one.name) + "</option>";
        }).join("");
        select.addEventListener("change", function () { if (select.value) choose(select.value); });
      }
      box.querySelector("select").value = town;
    }
    function unreported() {
      return today ? today.feeds.filter(function (feed) { return !feed.records && !feed.nothing; }) : [];
    }
    function drawHead() {
      var head = "", sub = "";
      if (shownFeed) {
        head = esc(page.dataset.title);
        if (today && api.form && api.form.fixing()) head = esc(say("correct") + " · " + page.dataset.title);
      } else if (today) {
        var n = unreported().length;
        var key = n === 0 ? "all" : n === 1 ? "one" : "left";
        head = esc(say(key, { town: today.town_name, n: n || today.feeds.length }));
      } else if (who) head = esc(say("choose"));
      if (today) sub = join([today.day, shownFeed ? today.town_name : "", say("by", { name: who.name })]);
      put($("record-head"), "<h1>" + head + "</h1><p>" + esc(sub) + "</p>");
    }

    function drawNotices() {
      var html = "";
      if (failed) html += '<div class="rf-notice rf-block">' + icon("lock", 18) + "<span>" + esc(failed) + "</span></div>";
      var items = rec.items(), foreign = items.filter(function (item) { return !rec.mine(item); }).length;
      items.filter(rec.mine).forEach(function (item) {
        if (item.state === "new" || (api.form && api.form.holds(item.key))) return;
        var refused = item.state === "refused", dropping = open.drop === item.key;
        var told = refused ? why(item) : item.sending ? say("sending") : say("kept");
        html += '<div class="rf-notice ' + (refused ? "rf-refused" : "rf-unsent") + '" data-entry="' + esc(item.key) + '" data-state="' + esc(item.state) + '">' + icon(refused ? "warn" : "clock", 18) +
          "<span><b>" + esc(say(refused ? "refused" : "unsent")) + "</b> " + esc(item.label) + " · " + esc(tw.clockText("hm", item.made)) + "<small>" + esc(told) + "</small></span><em>" +
          (item.values && opens(item) ? button("edit", "edit", item.key) : refused ? "" : button("now", "now", item.key)) +
          button(refused && !item.values ? "got" : dropping ? "sure" : "drop", refused && !item.values ? "dropnow" : dropping ? "dropnow" : "drop", item.key) + "</em></div>";
      });
      if (foreign) html += '<div class="rf-notice rf-unsent">' + icon("clock", 18) + "<span>" + esc(say("other", { n: foreign })) + "</span></div>";
      put($("record-notice"), html);
    }
    /* Without a connection another page cannot be reached. */
    function opens(item) { return (api.form && item.feed === shownFeed && item.town === town) || tw.status().open; }
    function why(item) {
      var first = (item.problems || []).find(function (one) { return one.message; });
      return rec.sentence(first ? first.message : item.error);
    }
    function button(word, act, key, kind) {
      return '<button type="button" class="rf-btn ' + (kind || "") + '" data-act="' + act + '" data-key="' + esc(key) + '">' + esc(say(word)) + "</button>";
    }

    /* ---- 零报告 ---- */
    function drawCards() {
      var box = $("record-cards");
      if (!box) return;
      if (!today) { put(box, who && !failed && !town ? '<p class="rf-towns">' + who.towns.map(function (one) { return '<button type="button" class="rf-btn" data-town="' + esc(one.code) + '">' + esc(one.name) + "</button>"; }).join("") + "</p>" : ""); return; }
      var left = unreported(), html = "";
      if (left.length > 1) {
        html += '<div class="rf-every" data-card="every">' + (open.nothing === "every" ? confirmation(left, "every") :
          '<button type="button" class="rf-btn ton" data-act="ask" data-key="every">' + icon("check", 16) + esc(say("every", { n: left.length })) + "</button>") + "</div>";
      }
      put(box, html + today.feeds.map(card).join(""));
    }
    function drawReports() {
      var box = $("record-reports");
      if (!box) return;
      var feed = today && today.feeds.find(function (one) { return one.feed === shownFeed; });
      put(box, feed ? reportState(feed) + (open.nothing === feed.feed ? confirmation([feed], feed.feed) : "") +
        '<div class="rf-acts">' + reportButtons(feed) + "</div>" : who && !town ? '<p class="rf-empty">' + esc(say("choose")) + "</p>" : "");
    }
    function pendingNothing(feed) {
      return just.some(function (one) { return one.nothing && one.feed === feed.feed; }) ||
        rec.items().some(function (item) { return item.nothing && item.nothing.indexOf(feed.feed) >= 0 && item.state !== "refused" && item.town === town; });
    }
    function reportState(feed) {
      var state = feed.records ? "full" : feed.nothing ? "zero" : "none";
      var text = feed.nothing && !feed.records ? say("reportedBy", { name: feed.nothing.by, at: feed.nothing.at }) : feed.state;
      var mark = state === "none" ? "silent" : "done";
      return '<p class="rf-stand ' + state + '" data-reported="' + (state !== "none") + '" data-records="' + feed.records + '">' + window.TW.glyph(mark, 16) + "<span>" + esc(text) + "</span></p>";
    }
    function reportButtons(feed) {
      if (feed.nothing && !feed.records) return feed.nothing.may.withdraw ? button("undo", "unreport", feed.feed) : "";
      if (feed.records || open.nothing === feed.feed) return "";
      if (pendingNothing(feed)) return "<small>" + esc(say("received")) + "</small>";
      return button("nothing", "ask", feed.feed);
    }
    function card(feed) {
      return '<article class="rf-card" data-card="' + esc(feed.feed) + '"><h2>' + feedIcon(feed, 22) + esc(feed.title) + "</h2>" + reportState(feed) +
        (open.nothing === feed.feed ? confirmation([feed], feed.feed) : "") +
        '<div class="rf-acts"' + (open.nothing === feed.feed ? " hidden" : "") + '><a class="rf-btn ton" href="' + esc(address("/record/" + feed.feed, { town: town })) + '">' + icon("plus", 16) + esc(say("enter")) + "</a>" +
        reportButtons(feed) + "</div></article>";
    }
    function confirmation(feeds, key) {
      var names = feeds.map(function (feed) { return feed.name; }).join(at ? ", " : "、");
      return '<div class="rf-confirm" role="group"><p>' + esc(say("confirm", { town: today.town_name, day: today.day, feed: names, name: who.name })) + "</p><div>" +
        button("no", "noask", key) + button("yes", "report", key, "fill") + "</div></div>";
    }
    function report(key) {
      var feeds = key === "every" ? unreported() : today.feeds.filter(function (feed) { return feed.feed === key; });
      open.nothing = "";
      var reports = feeds.map(function (feed) { return { feed: feed.feed, id: rec.newId() }; });
      rec.submit({
        path: "/api/v1/forms/nothing?lang=" + lang, town: town, nothing: reports.map(function (one) { return one.feed; }),
        label: say("nothing") + " · " + today.town_name + " " + feeds.map(function (feed) { return feed.name; }).join(at ? ", " : "、"),
        body: { town: town, at: new Date(tw.now()).toISOString(), source: who.source, reports: reports }
      });
      draw();
    }
    function unreport(name) {
      var feed = today.feeds.find(function (one) { return one.feed === name; });
      if (!feed || !feed.nothing) return;
      withdraw(name, feed.nothing, UNDO[at], say("undo") + " " + say("nothing") + " · " + feed.name);
    }
    function withdraw(feed, record, reason, label) {
      rec.submit({
        path: "/api/v1/forms/" + feed + "/withdraw?lang=" + lang, town: town, label: label, voids: record.id,
        body: { id: record.id, source: record.source, rev: record.rev, reason: reason }
      });
    }

    /* ---- what was entered ---- */
    function rows() {
      return today ? today.mine.filter(function (row) { return !shownFeed || row.feed === shownFeed; }) : [];
    }
    function drawMine() {
      var box = $("record-mine");
      if (!box) return;
      var mine = rows(), waiting = just.filter(function (one) { return !one.nothing && !one.void && (!shownFeed || one.feed === shownFeed); });
      var html = waiting.map(function (one) {
        return '<li class="rf-row" data-pending="' + esc(one.id) + '"><div class="rf-what"><b>' + esc(one.label) + "</b><span>" + esc(say("received")) + "</span></div></li>";
      }).join("") + mine.map(row).join("");
      put(box, html ? "<ul>" + html + "</ul>" : '<p class="rf-empty">' + esc(say("none")) + "</p>");
      put($("record-mine-note"), town ? '<a href="' + esc(address("/records", { feed: shownFeed || (mine[0] && mine[0].feed) || "", town: town })) + '">' + esc(say("more")) + "</a>" : "");
    }
    function row(record) {
      var shown = record.shown, gone = record.state === "withdrawn", versions = shown.history.length > 1;
      var state = gone ? "withdrawn" : versions ? "corrected" : "";
      var html = '<li class="rf-row' + (gone ? " gone" : "") + '" data-record="' + esc(record.id) + '" data-state="' + esc(record.state) + '">' +
        '<time>' + esc(shown.at) + "</time>" + feedIcon(shown, 18) + '<div class="rf-what"><b>' + esc(shown.title) + "</b><span>" + esc(shown.summary || shown.feed) + "</span></div>" +
        (state ? '<button type="button" class="rf-tag" data-act="history" data-key="' + esc(record.id) + '" aria-expanded="' + (open.history === record.id) + '">' + esc(say(state)) + "</button>" : "") +
        '<div class="rf-acts">';
      if (shown.may.correct) html += '<a class="rf-btn sm" href="' + esc(address("/record/" + record.feed, { town: record.town, fix: record.id })) + '">' + esc(say("correct")) + "</a>";
      if (shown.may.withdraw) html += '<button type="button" class="rf-btn sm" data-act="askvoid" data-key="' + esc(record.id) + '">' + esc(say("withdraw")) + "</button>";
      html += "</div>";
      if (open.withdraw === record.id) html += reasons(record.id);
      if (open.history === record.id) html += window.twRecordHistory(shown.history, lang);
      return html + "</li>";
    }
    function reasons(key) {
      return '<div class="rf-confirm" role="group"><p>' + esc(say("why")) + '</p><div class="rf-chips">' + REASONS.map(function (one) {
        return '<button type="button" class="rf-chip" data-act="reason" data-key="' + esc(one[at]) + '" aria-pressed="' + (open.reason === one[at]) + '">' + esc(one[at]) + "</button>";
      }).join("") + '</div><input type="text" class="rf-input" id="record-reason" maxlength="200" placeholder="' + esc(say("reason")) + '" aria-label="' + esc(say("why")) + '" value="' + esc(open.reason) + '"><div>' +
        button("no", "novoid", key) + button("withdraw", "void", key, "danger") + "</div></div>";
    }

    /* ---- what is pressed ---- */
    var acts = {
      ask: function (key) { open.nothing = key; },
      noask: function () { open.nothing = ""; },
      report: report,
      unreport: unreport,
      askvoid: function (key) { open.withdraw = open.withdraw === key ? "" : key; open.reason = ""; },
      novoid: function () { open.withdraw = ""; },
      history: function (key) { open.history = open.history === key ? "" : key; },
      reason: function (text) { open.reason = text; },
      "void": function (key) {
        var record = today.mine.find(function (one) { return one.id === key; }), reason = open.reason.trim(), input = page.querySelector("#record-reason");
        if (!record) return;
        if (!reason) { if (input) { input.setAttribute("aria-invalid", "true"); input.focus(); } return false; }
        open.withdraw = "";
        withdraw(record.feed, record, reason, say("withdraw") + " · " + record.shown.title);
      },
      now: function () { rec.flush(); },
      edit: function (key) {
        var item = rec.items().find(function (one) { return one.key === key; });
        if (!item) return;
        if (api.form && item.feed === shownFeed && item.town === town) api.form.open(item);
        else location.assign(address("/record/" + item.feed, { town: item.town, entry: key }));
      },
      drop: function (key) { open.drop = key; },
      dropnow: function (key) { open.drop = ""; rec.drop(key); }
    };
    listen(page, "click", function (event) {
      var target = event.target.closest("[data-town]");
      if (target) { choose(target.dataset.town); return; }
      target = event.target.closest("[data-act]");
      if (!target || !acts[target.dataset.act]) return;
      if (acts[target.dataset.act](target.dataset.key) === false) return;
      draw();
      var focus = page.querySelector('.rf-confirm [data-act="report"], .rf-confirm input');
      if (focus && (target.dataset.act === "ask" || target.dataset.act === "askvoid")) focus.focus({ preventScroll: true });
    });
    listen(page, "input", function (event) { if (event.target.id === "record-reason") { open.reason = event.target.value; event.target.removeAttribute("aria-invalid"); } });
    listen(document, "townwatch:entry", function (event) {
      var told = event.detail, item = told.item;
      if (item && told.state === "accepted") {
        if (item.nothing) item.nothing.forEach(function (feed) { just.push({ feed: feed, nothing: true, id: "nothing-" + feed + "-" + item.key, rev: 0 }); });
        else just.push({ feed: item.feed, id: item.voids || (told.answer && told.answer.id), rev: (told.answer && told.answer.rev) || 0, label: item.label, "void": Boolean(item.voids) });
        setTimeout(function () { just = just.filter(function (one) { return !one.nothing; }); }, 6000);
        later(0);
      }
      if (!ended) draw();
    });

    var api = { page: page, lang: lang, say: say, town: function () { return town; }, townName: townName, who: function () { return who; },
      today: function () { return today; }, onTown: function (fn) { onTown.push(fn); if (town) fn(town); }, address: address, draw: draw, join: join,
      withdraw: withdraw, undo: UNDO[at], form: null };
    if (shownFeed && window.twRecordForm) api.form = window.twRecordForm(api);
    var tab = page.querySelector(".rf-tab.rf-on");
    if (tab) tab.parentNode.parentNode.scrollLeft = tab.offsetLeft - tab.parentNode.parentNode.clientWidth / 2 + tab.offsetWidth / 2;
    draw();
    load(true);
    return function () {
      ended = true;
      clearTimeout(timer);
      if (unsubscribe) unsubscribe();
      ends.forEach(function (end) { end(); });
      if (api.form) api.form.end();
    };
  }

  /* Versions of a record: what was, what it became, who, when, why. Used by the list of records too. */
  window.twRecordHistory = function (history, lang) {
    var esc = window.TW.esc, en = lang === "en";
    return '<ol class="rf-history">' + history.map(function (one) {
      return '<li class="' + (one.void ? "void" : "") + '"><time>' + esc(one.time) + "</time><b>" + esc(one.kind) + "</b><span>" + esc(one.by) + "</span>" +
        one.changes.map(function (change) {
          return '<p>' + esc(change.label) + (en ? ": " : "：") + "<s>" + esc(change.from) + "</s> → <strong>" + esc(change.to) + "</strong></p>";
        }).join("") + (one.reason ? "<p>" + esc(en ? "Reason: " : "理由：") + esc(one.reason) + "</p>" : "") + "</li>";
    }).join("") + "</ol>";
  };
  tw.onPage("#record-page", mount);
})();
