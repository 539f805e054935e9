/* 记录: the records behind a figure. The address says which; the list, its files and its words come from the server.
   Asked again when the address changes, when something is withdrawn, and when somebody presses 刷新: a list that is being
   read does not move under the reader. */
(function () {
  "use strict";
  var tw = window.townwatch;
  var KEYS = ["feed", "town", "day", "from", "to", "subject", "kpi", "dims", "state", "source"], PAGE = 50;
  var WORDS = {
    feed: ["数据", "Feed"], town: ["镇（街道）", "Town"], day: ["日期", "Day"], all: ["全部", "All"], kpi: ["指标", "Figure"], subject: ["对象", "About"], source: ["来源", "Source"],
    effective: ["有效", "In force"], corrected: ["更正过", "Corrected"], withdrawn: ["已作废", "Withdrawn"], clear: ["清除 {n} 项", "Clear {n}"],
    time: ["时间", "Time"], about: ["对象", "About"], received: ["收到", "Received"], from: ["来源", "Source"], versions: ["版本", "Versions"], act: ["更正、作废", "Correct, withdraw"],
    correct: ["更正", "Correct"], withdraw: ["作废", "Withdraw"], why: ["为什么作废？", "Why withdraw it?"], reason: ["写一句理由，不写姓名和电话", "say why; no names or numbers"], no: ["取消", "Cancel"],
    csv: ["CSV", "CSV"], xlsx: ["XLSX", "XLSX"], more: ["再看 {n} 条", "{n} more"], shown: ["已列出 {n}/{total} 条，按时间从新到旧", "{n} of {total} listed, newest first"],
    none: ["没有记录", "No records"], noneNote: ["换一个镇、日期或状态再看", "Try another town, day or state"], failed: ["读取失败", "Could not be read"], again: ["再试", "Try again"],
    corrections: ["{n} 个版本", "{n} versions"], going: ["正在作废…", "withdrawing…"], refresh: ["可能有新记录，刷新", "There may be newer ones: refresh"]
  };

  function mount(page) {
    var at = page.dataset.lang === "en" ? 1 : 0, lang = at ? "en" : "zh", esc = window.TW.esc, icon = window.TW.icon, rec = window.twRecord;
    var feeds = JSON.parse(page.dataset.feeds), kpis = JSON.parse(page.dataset.kpis), asked = {}, who = null, data = null, rows = [], failed = "", ended = false, turn = 0;
    var open = { history: "", withdraw: "", reason: "" }, going = {}, newer = false, unsubscribe = null, ends = [], timer = 0;

    function say(key, given) { return WORDS[key][at].replace(/\{(\w+)\}/g, function (_, name) { return given && given[name] !== undefined ? given[name] : ""; }); }
    function $(id) { return page.querySelector("#records-" + id); }
    function put(element, html) { if (element && element.__html !== html) { element.__html = html; element.innerHTML = html; } }
    function listen(target, kind, fn) { target.addEventListener(kind, fn); ends.push(function () { target.removeEventListener(kind, fn); }); }

    function readAddress() {
      var params = new URLSearchParams(location.search);
      asked = {};
      KEYS.forEach(function (key) { var value = params.get(key); if (value) asked[key] = value; });
      if (!asked.feed) asked.feed = kpis[asked.kpi] ? kpis[asked.kpi].feed : feeds[0].feed;
    }
    function writeAddress() {
      var url = new URL(location.href);
      KEYS.forEach(function (key) { if (asked[key]) url.searchParams.set(key, asked[key]); else url.searchParams.delete(key); });
      if (url.href !== location.href) history.replaceState(history.state, "", url.href);
    }
    function query(more) {
      var params = new URLSearchParams();
      KEYS.forEach(function (key) { if (asked[key]) params.set(key, asked[key]); });
      Object.keys(more || {}).forEach(function (key) { if (more[key]) params.set(key, more[key]); });
      params.set("lang", lang);
      return params.toString();
    }

    function load(cursor) {
      var mine = ++turn;
      if (!cursor) newer = false;
      rec.call("GET", "/api/v1/records?" + query({ limit: PAGE, cursor: cursor })).then(function (answer) {
        if (ended || mine !== turn) return;
        if (answer.status !== 200) { failed = rec.sentence(answer.body.error) || say("failed"); data = null; rows = []; draw(); return; }
        failed = "";
        data = answer.body;
        rows = cursor ? rows.concat(data.records) : data.records;
        rows.forEach(function (row) { if (row.state === "withdrawn") delete going[row.id]; });
        draw();
      }, function () { if (!ended && mine === turn) { failed = say("failed"); draw(); } });
    }
    function change(key, value) {
      if (value) asked[key] = value; else delete asked[key];
      if (key === "feed") { ["kpi", "dims", "subject"].forEach(function (name) { delete asked[name]; }); }
      if (key === "day") { delete asked.from; delete asked.to; }
      open = { history: "", withdraw: "", reason: "" };
      writeAddress();
      drawBar();
      load();
      follow();
    }
    function follow() {
      if (unsubscribe) unsubscribe();
      var first = -1;
      unsubscribe = tw.subscribe("shell", "all", lang, function (data_, message) {
        if (first < 0) { first = message.seq; return; }
        if (message.seq !== first && data && Object.keys(going).length) { clearTimeout(timer); timer = setTimeout(load, 300); }
        if (message.seq !== first && !asked.day && !newer) { newer = true; first = message.seq; drawFoot(); }
      });
    }

    /* ---- drawing ---- */
    function select(key, label, choices) {
      var value = asked[key] || "";
      return '<label class="' + (value && key !== "feed" ? "changed" : "") + '"><span>' + esc(label) + '</span><select data-key="' + key + '">' + choices.map(function (one) {
        return '<option value="' + esc(one[0]) + '"' + (one[0] === value ? " selected" : "") + ">" + esc(one[1]) + "</option>";
      }).join("") + "</select></label>";
    }
    function drawBar() {
      var towns = who ? who.towns : [], changed = KEYS.filter(function (key) { return key !== "feed" && asked[key]; }).length;
      var html = select("feed", say("feed"), feeds.map(function (one) { return [one.feed, one.name]; }));
      if (towns.length > 1) html += select("town", say("town"), [["", say("all")]].concat(towns.map(function (one) { return [one.code, one.name]; })));
      html += '<label class="' + (asked.day ? "changed" : "") + '"><span>' + esc(say("day")) + '</span><input type="date" data-key="day" value="' + esc(asked.day || tw.clockText("date")) + '" max="' + esc(tw.clockText("date")) + '"></label>';
      ["kpi", "subject", "source"].forEach(function (key) {
        if (!asked[key]) return;
        var text = key === "kpi" ? (kpis[asked.kpi] ? kpis[asked.kpi].name : asked.kpi) + (asked.dims ? " · " + asked.dims : "") : asked[key];
        html += '<label class="changed"><span>' + esc(say(key)) + '</span><b>' + esc(text) + '</b><button type="button" data-drop="' + key + '" aria-label="' + esc(say("clear", { n: 1 })) + '">' + icon("x", 16) + "</button></label>";
      });
      html += '<div class="rl-seg" role="group">' + ["effective", "corrected", "withdrawn"].map(function (state) {
        return '<button type="button" data-state="' + state + '" aria-pressed="' + ((asked.state || "effective") === state) + '">' + esc(say(state)) + "</button>";
      }).join("") + "</div>";
      if (changed) html += '<button type="button" class="rl-clear" data-clear="1">' + esc(say("clear", { n: changed })) + "</button>";
      put($("bar"), html);
    }
    function draw() {
      drawBar();
      var head = data ? data.headline : { text: failed || "", note: "" };
      put($("head"), "<h1>" + esc(head.text) + "</h1><p>" + esc(head.note) + "</p>");
      put($("files"), data && data.total ? ["csv", "xlsx"].map(function (kind) {
        return '<a class="rf-btn" download href="/api/v1/records.' + kind + "?" + esc(query()) + '">' + icon("down", 16) + esc(say(kind)) + "</a>";
      }).join("") : "");
      if (failed) { put($("list"), '<div class="rl-none"><b>' + esc(failed) + '</b><button type="button" class="rf-btn" data-again="1">' + esc(say("again")) + "</button></div>"); return; }
      if (!data) { put($("list"), ""); return; }
      if (!rows.length) { put($("list"), '<div class="rl-none"><b>' + esc(say("none")) + "</b>" + esc(say("noneNote")) + '</div><div class="rl-foot"></div>'); drawFoot(); return; }
      put($("list"), '<div class="rl-scroll">' + table() + '</div><div class="rl-cards"><ul>' + rows.map(card).join("") + '</ul></div>' + asks() + '<div class="rl-foot"></div>');
      drawFoot();
    }
    /* Whom to ask, once for each source that is listed. */
    function asks() {
      var told = [];
      rows.forEach(function (row) { var ask = row.shown.may.ask; if (ask && told.indexOf(ask) < 0) told.push(ask); });
      return told.length ? '<ul class="rl-asks">' + told.slice(0, 8).map(function (ask) { return "<li>" + icon("lock", 14) + esc(ask) + "</li>"; }).join("") + "</ul>" : "";
    }
    function drawFoot() {
      var foot = page.querySelector(".rl-foot");
      if (!foot || !data) return;
      var left = data.total - rows.length;
      put(foot, "<span>" + esc(rows.length ? say("shown", { n: rows.length, total: data.total }) : "") + "</span>" +
        (data.next ? '<button type="button" class="rf-btn sm" data-more="1">' + esc(say("more", { n: Math.min(PAGE, left) })) + "</button>" : "") +
        (newer ? '<button type="button" class="rf-btn sm" data-again="1">' + icon("replay", 16) + esc(say("refresh")) + "</button>" : ""));
    }
    function cell(row, column) {
      var found = row.shown.fields.find(function (one) { return one.field === column.field; });
      return '<td class="v' + (column.number ? " n" : "") + '">' + esc(found ? found.text : "—") + "</td>";
    }
    function table() {
      var many = !asked.town && who && who.towns.length > 1, columns = data.columns;
      var heads = [say("time")].concat(many ? [say("town")] : [], [say("about")]);
      var html = "<table><thead><tr>" + heads.map(function (head) { return '<th scope="col">' + esc(head) + "</th>"; }).join("") + columns.map(function (column) {
        return '<th scope="col" class="' + (column.number ? "n" : "") + '">' + esc(column.label) + "</th>";
      }).join("") + [say("from"), say("received"), say("versions"), say("act")].map(function (head) { return '<th scope="col">' + esc(head) + "</th>"; }).join("") + "</tr></thead><tbody>";
      var width = heads.length + columns.length + 4;
      return html + rows.map(function (row) {
        var shown = row.shown, versions = shown.history.length, gone = row.state === "withdrawn";
        var line = '<tr class="' + (gone ? "gone" : "") + '" data-record="' + esc(row.id) + '" data-state="' + esc(row.state) + '"><td>' + esc(shown.at) + "</td>" + (many ? "<td>" + esc(shown.town) + "</td>" : "") +
          "<td><b>" + esc(shown.title) + "</b></td>" + columns.map(function (column) { return cell(row, column); }).join("") + "<td>" + esc(shown.source) + "</td><td>" + esc(shown.received) + "</td><td>" +
          (versions > 1 ? tag(row) : "") + "</td><td>" + acts(row) + "</td></tr>";
        if (open.history === row.id) line += '<tr class="more"><td colspan="' + width + '">' + window.twRecordHistory(shown.history, lang) + "</td></tr>";
        if (open.withdraw === row.id) line += '<tr class="more"><td colspan="' + width + '">' + reasons(row) + "</td></tr>";
        return line;
      }).join("") + "</tbody></table>";
    }
    function card(row) {
      var shown = row.shown, gone = row.state === "withdrawn";
      return '<li class="rf-row' + (gone ? " gone" : "") + '" data-state="' + esc(row.state) + '"><time>' + esc(shown.at) + '</time><div class="rf-what"><b>' + esc(shown.title) + "</b><span>" + esc(shown.summary) +
        '</span><span>' + esc(shown.source + (asked.town ? "" : " · " + shown.town)) + "</span></div>" + (shown.history.length > 1 ? tag(row) : "") + '<div class="rf-acts">' + acts(row) + "</div>" +
        (open.history === row.id ? window.twRecordHistory(shown.history, lang) : "") + (open.withdraw === row.id ? reasons(row) : "") + "</li>";
    }
    function tag(row) {
      return '<button type="button" class="rf-tag" data-history="' + esc(row.id) + '" aria-expanded="' + (open.history === row.id) + '">' + esc(row.state === "withdrawn" ? say("withdrawn") : say("corrections", { n: row.shown.history.length })) + "</button>";
    }
    function acts(row) {
      var may = row.shown.may, html = "";
      if (going[row.id]) return '<span class="ask">' + esc(say("going")) + "</span>";
      if (may.correct) html += '<a class="rf-btn sm" href="/record/' + esc(row.feed) + "?town=" + encodeURIComponent(row.town) + "&fix=" + encodeURIComponent(row.id) + (at ? "&lang=en" : "") + '">' + esc(say("correct")) + "</a> ";
      if (may.withdraw) html += '<button type="button" class="rf-btn sm" data-withdraw="' + esc(row.id) + '">' + esc(say("withdraw")) + "</button>";
      if (may.ask && !may.withdraw) html += '<span class="lock" role="img" aria-label="' + esc(may.ask) + '" title="' + esc(may.ask) + '">' + icon("lock", 16) + "</span>";
      return html;
    }
    function reasons(row) {
      return '<div class="rf-confirm" role="group"><p>' + esc(say("why")) + '</p><input type="text" class="rf-input" maxlength="200" data-reason="1" placeholder="' + esc(say("reason")) + '" aria-label="' + esc(say("why")) + '">' +
        '<div><button type="button" class="rf-btn" data-withdraw="' + esc(row.id) + '">' + esc(say("no")) + '</button><button type="button" class="rf-btn danger" data-void="' + esc(row.id) + '">' + esc(say("withdraw")) + "</button></div></div>";
    }

    /* ---- what is pressed ---- */
    listen(page, "change", function (event) {
      var key = event.target.dataset && event.target.dataset.key;
      if (key) change(key, key === "day" && event.target.value === tw.clockText("date") ? "" : event.target.value);
    });
    listen(page, "input", function (event) { if (event.target.dataset && event.target.dataset.reason) { open.reason = event.target.value; event.target.removeAttribute("aria-invalid"); } });
    listen(page, "click", function (event) {
      var target = event.target.closest("button");
      if (!target) return;
      var d = target.dataset;
      if (d.state) change("state", d.state === "effective" ? "" : d.state);
      else if (d.drop) { if (d.drop === "kpi") delete asked.dims; change(d.drop, ""); }
      else if (d.clear) { asked = { feed: asked.feed }; change("feed", asked.feed); }
      else if (d.more) load(data.next);
      else if (d.again) load();
      else if (d.history) { open.history = open.history === d.history ? "" : d.history; draw(); }
      else if (d.withdraw) {
        open.withdraw = open.withdraw === d.withdraw ? "" : d.withdraw;
        open.reason = "";
        draw();
        var input = visible("[data-reason]");
        if (input) input.focus({ preventScroll: true });
      } else if (d.void) withdraw(d.void);
    });
    function visible(selector) { return Array.prototype.find.call(page.querySelectorAll(selector), function (one) { return one.offsetParent !== null; }); }
    function withdraw(id) {
      var row = rows.find(function (one) { return one.id === id; }), input = visible("[data-reason]");
      if (!row) return;
      if (!open.reason.trim()) { if (input) { input.setAttribute("aria-invalid", "true"); input.focus(); } return; }
      going[id] = true;
      rec.submit({ path: "/api/v1/forms/" + row.feed + "/withdraw?lang=" + lang, town: row.town, feed: row.feed, label: say("withdraw") + " · " + row.shown.title, voids: id,
        body: { id: id, source: row.source, rev: row.rev, reason: open.reason.trim() } });
      open.withdraw = "";
      draw();
    }
    listen(document, "townwatch:entry", function (event) {
      var item = event.detail.item;
      if (!item || !item.voids || !going[item.voids]) return;
      if (event.detail.state === "accepted") { clearTimeout(timer); timer = setTimeout(load, 400); }
      if (event.detail.state === "refused") {
        delete going[item.voids];
        rec.drop(item.key);
        put($("notice"), '<div class="rf-notice rf-refused">' + icon("warn", 18) + "<span>" + esc(rec.sentence(item.error) || (item.problems[0] || {}).message || "") + "</span></div>");
        draw();
      }
    });

    readAddress();
    drawBar();
    rec.call("GET", "/api/v1/forms?lang=" + lang).then(function (answer) {
      if (ended || answer.status !== 200) return;
      who = answer.body;
      rec.as(who.source);
      draw();
    }, function () { /* the list itself says what is wrong */ });
    load();
    follow();
    return function () {
      ended = true;
      clearTimeout(timer);
      if (unsubscribe) unsubscribe();
      ends.forEach(function (end) { end(); });
    };
  }
  tw.onPage("#records-page", mount);
})();
