/* 简报: published snapshots, and drafts for those who release them. The address says which (date, kind, town, month, q, a,
   b); what is shown is what was published. The server decides who sees a draft and who may release it. */
(function () {
  "use strict";
  var tw = window.townwatch, OWN = ["date", "kind", "town", "month", "q", "a", "b"];
  var HEADER = { Accept: "application/json", "X-Townwatch-Form": "page" };
  var W = {
    none: ["还没有发布过简报", "No snapshot has been published yet"],
    auto: ["每天 {at} 自动发布", "One is published every day at {at}"], byHand: ["每天 {at} 自动生成草稿，签发后发布", "A draft is made every day at {at} and published when released"],
    noPlan: ["没有打开自动发布，管理员可设置 snapshot_auto", "None is published by itself: an administrator may set snapshot_auto"],
    make: ["现在生成今天的草稿", "Make today's draft now"], makeNote: ["数据截至生成的时刻；签发前可以重新生成，签发后今天不再发布", "Data as of then. It can be made anew until it is released; then it is today's only one"],
    find: ["搜索", "Search"], findHint: ["如 陶庄镇、转诊", "such as a town's name"], nothing: ["没有符合的简报", "No snapshot matches"],
    two: ["两日对比", "Compare two days"], go: ["对比", "Compare"], back: ["返回", "Back"],
    issue: ["第 {n} 期", "No. {n}"], open: ["单独打开", "Open alone"], hash: ["PDF 的 SHA-256：{h}", "SHA-256 of the PDF: {h}"],
    failed: ["读取失败，请刷新", "Could not be read: reload"], figure: ["指标", "Figure"], change: ["变化", "Change"],
    prev: ["上个月", "Earlier month"], next: ["下个月", "Later month"], week: ["一二三四五六日", "MTWTFSS"],
    edition: ["版本", "Edition"], kind: ["期间", "Period"], region: ["全部镇（街道）", "All towns"],
    kinds: [{ day: "每日", week: "每周", campaign: "全程" }, { day: "Daily", week: "Weekly", campaign: "Campaign" }],
    draft: ["草稿", "Draft"], waiting: ["草稿，数据截至 {at}，签发前只有能签发的人看得到", "Draft, data as of {at}: only those who may release it see it"],
    release: ["签发", "Release"], redraw: ["按现在的数据重新生成", "Make anew from what is known now"],
    sure: ["签发后不再改动，确定签发 {date} 的简报？", "It never changes once released. Release the snapshot of {date}?"],
    sureRedraw: ["用现在已知的数据替换这份草稿？", "Replace this draft by what is known now?"],
    other: ["换一天、搜索、对比", "Another day, search, compare"],
    by: ["签发：{who}", "Released by {who}"], busy: ["正在处理", "Working"]
  };
  function mount(page) {
    var at = page.dataset.lang === "en" ? 1 : 0, lang = at ? "en" : "zh", all = [], plan = null, today = null, found = null, asked = {}, ended = false, timer = 0, said = "", wide = window.matchMedia("(min-width: 901px)");
    var side = page.querySelector("#snapshots-side"), main = page.querySelector("#snapshots-main");
    function esc(text) { var box = document.createElement("i"); box.textContent = String(text); return box.innerHTML.replace(/"/g, "&quot;"); }
    function say(key, given) { return W[key][at].replace(/\{(\w+)\}/g, function (_, name) { return given[name]; }); }
    function send(path, method) {
      return fetch(path, { method: method || "GET", headers: HEADER }).then(function (r) {
        return r.json().then(function (body) { if (!r.ok) throw new Error(body.error); return body; });
      });
    }
    function read() {
      var given = new URLSearchParams(location.search);
      asked = {};
      OWN.forEach(function (key) { if (given.get(key)) asked[key] = given.get(key); });
    }
    function write() {
      var url = new URL(location.href);
      OWN.forEach(function (key) { if (asked[key]) url.searchParams.set(key, asked[key]); else url.searchParams.delete(key); });
      history.replaceState(history.state, "", url.href);
    }
    function values(name, pick) { return all.filter(pick || Boolean).map(function (s) { return s[name]; }).filter(function (v, n, list) { return list.indexOf(v) === n; }); }
    function edition() { return asked.town || (all.some(function (s) { return s.edition === "all"; }) ? "all" : all[0].edition); }
    function kind() { return asked.kind || (pool("day").length ? "day" : all[0].kind); }
    function pool(of) { return all.filter(function (s) { return s.edition === edition() && s.kind === (of || kind()); }); }
    function chosen() { return pool().find(function (s) { return s.date === asked.date; }) || pool()[0] || all[0]; }
    function option(value, text, pick) { return '<option value="' + esc(value) + '"' + (value === pick ? " selected" : "") + ">" + esc(text) + "</option>"; }

    /* ---- the side: which one ---- */
    function calendar() {
      var month = asked.month || chosen().date.slice(0, 7), year = +month.slice(0, 4), m = +month.slice(5);
      var lead = (new Date(Date.UTC(year, m - 1, 1)).getUTCDay() + 6) % 7, count = new Date(Date.UTC(year, m, 0)).getUTCDate();
      var cells = "", row = "<tr>" + "<td></td>".repeat(lead);
      for (var d = 1; d <= count; d++) {
        var date = month + "-" + String(d).padStart(2, "0"), one = pool().find(function (s) { return s.date === date; });
        row += "<td>" + (one ? '<button type="button" data-date="' + date + '"' + (one.draft ? ' class="draft"' : "") + ' aria-pressed="' + (date === chosen().date && !asked.a) + '" aria-label="' + date + (one.draft ? " " + say("draft") : "") + '">' + d + "</button>" : d) + "</td>";
        if ((lead + d) % 7 === 0) { cells += row + "</tr>"; row = "<tr>"; }
      }
      cells += row + "</tr>";
      function move(by) { return new Date(Date.UTC(year, m - 1 + by, 1)).toISOString().slice(0, 7); }
      function step(by, key, sign) { return '<button type="button" class="sn-btn" data-month="' + move(by) + '" aria-label="' + say(key) + '">' + sign + "</button>"; }
      return '<div class="sn-cal"><header>' + step(-1, "prev", "‹") + "<span>" + (at ? month : year + "年" + m + "月") + "</span>" + step(1, "next", "›") +
        "</header><table><thead><tr>" + W.week[at].split("").map(function (w) { return "<th>" + w + "</th>"; }).join("") + "</tr></thead><tbody>" + cells + "</tbody></table></div>";
    }
    /* For those who may release: today's, as long as there is none. */
    function making() {
      if (!today || all.some(function (s) { return s.date === today.date && s.kind === "day" && s.edition === today.edition; })) return "";
      return '<div class="sn-make"><button type="button" class="sn-btn' + (all.length ? "" : " main") + '" data-act="make">' + say("make") + "</button><p>" + esc(say("makeNote")) + "</p></div>";
    }
    function which() {
      var kinds = values("kind"), towns = values("edition");
      if (kinds.length < 2 && towns.length < 2) return "";
      return '<div class="sn-two">' +
        (towns.length > 1 ? '<label for="sn-town">' + say("edition") + '</label><select id="sn-town" data-pick="town">' + towns.map(function (t) { return option(t, t === "all" ? say("region") : all.find(function (s) { return s.edition === t; }).edition_name[at], edition()); }).join("") + "</select>" : "") +
        (kinds.length > 1 ? '<label for="sn-kind">' + say("kind") + '</label><select id="sn-kind" data-pick="kind">' + kinds.map(function (k) { return option(k, W.kinds[at][k], kind()); }).join("") + "</select>" : "") + "</div>";
    }
    function drawSide() {
      if (!all.length) { side.innerHTML = ""; return; }
      var list = found === null ? "" : found.length ? '<ul class="sn-list">' + found.map(function (s) { return '<li><button type="button" class="sn-btn" data-date="' + s.date + '">' + s.date + " " + esc(say("issue", { n: s.number })) + "</button></li>"; }).join("") + "</ul>" : '<p class="sn-hash">' + say("nothing") + "</p>";
      var days = pool("day").filter(function (s) { return !s.draft; }).map(function (s) { return s.date; });
      function pair(name, pick) { return '<select data-pair="' + name + '" aria-label="' + name.toUpperCase() + '">' + days.map(function (d) { return option(d, d, pick); }).join("") + "</select>"; }
      var two = days.length > 1 ? '<div class="sn-two"><label>' + say("two") + "</label>" + pair("a", asked.a || days[1]) + pair("b", asked.b || days[0]) + '<button type="button" class="sn-btn" data-go="1">' + say("go") + "</button></div>" : "";
      /* On a phone the page itself comes first to the eye: what chooses another one is folded, unless it is in use. */
      var fold = side.querySelector("details"), open = wide.matches || (fold ? fold.open : Boolean(asked.q || asked.month));
      side.innerHTML = '<details class="sn-fold"' + (open ? " open" : "") + "><summary>" + say("other") + '</summary><div class="sn-fold-in">' + which() + calendar() + '<div class="sn-find"><label for="sn-q">' + say("find") + '</label><input id="sn-q" type="search" placeholder="' + say("findHint") + '" value="' + esc(asked.q || "") + '"></div>' + list + two + making() + "</div></details>";
    }

    /* ---- the page itself, or two days side by side ---- */
    function show(value, row) {
      if (value === null) return "—";
      if (row.unit === "ratio") return (value * 100).toFixed(row.decimals) + "%";
      return Number(value.toFixed(row.decimals)).toLocaleString("en-US", { minimumFractionDigits: row.decimals });
    }
    function change(row) {
      if (row.a === null || row.b === null) return "—";
      var scale = row.unit === "ratio" ? 100 : 1, n = +(row.b * scale).toFixed(row.decimals) - +(row.a * scale).toFixed(row.decimals);
      var shown = Math.abs(n).toLocaleString("en-US", { minimumFractionDigits: row.decimals, maximumFractionDigits: row.decimals });
      return (n > 0 ? "+" : n < 0 ? "\u2212" : "") + shown;
    }
    function drawPair() {
      send("/api/v1/snapshots/compare?a=" + asked.a + "&b=" + asked.b + "&edition=" + edition() + "&lang=" + lang).then(function (body) {
        if (ended) return;
        main.innerHTML = '<div class="sn-bar"><strong>' + esc(asked.a) + " / " + esc(asked.b) + '</strong><button type="button" class="sn-btn" data-back="1">' + say("back") + '</button></div><table class="sn-table"><thead><tr><th>' +
          [say("figure"), esc(asked.a), esc(asked.b), say("change")].join("</th><th>") + "</th></tr></thead><tbody>" +
          body.figures.map(function (row) { return '<tr data-kpi="' + row.kpi + '"><td>' + [esc(row.name), show(row.a, row), show(row.b, row), change(row)].join("</td><td>") + "</td></tr>"; }).join("") + "</tbody></table>";
      }, fail);
    }
    function english(href) { return at ? href + (href.indexOf("?") < 0 ? "?" : "&") + "lang=en" : href; }
    function drawMain() {
      if (!all.length) {
        main.innerHTML = '<div class="sn-none"><b>' + say("none") + "</b><p>" + esc(say(!plan ? "noPlan" : plan.by_hand ? "byHand" : "auto", plan || {})) + "</p>" + making() + (said ? '<p class="sn-said" role="alert">' + esc(said) + "</p>" : "") + "</div>";
        return;
      }
      if (asked.a && asked.b) { drawPair(); return; }
      var one = chosen(), href = english(one.page);
      var draft = one.draft ? '<div class="sn-draft" role="status"><span>' + esc(say("waiting", { at: one.as_of.slice(0, 16).replace("T", " ") })) + '</span><button type="button" class="sn-btn main" data-act="release">' + say("release") + '</button><button type="button" class="sn-btn" data-act="redraw">' + say("redraw") + "</button></div>" : "";
      main.innerHTML = '<div class="sn-bar"><strong>' + esc(one.title) + " " + one.date + " " + esc(say("issue", { n: one.number })) + "</strong>" +
        ["pdf", "docx", "xlsx", "png", "json"].map(function (f) { var h = one.forms[f].href; return '<a class="sn-btn" download href="' + esc(f === "json" ? h : english(h)) + '">' + f.toUpperCase() + "</a>"; }).join("") +
        '<a class="sn-btn" target="_blank" href="' + esc(href) + '">' + say("open") + "</a></div>" + draft + (said ? '<p class="sn-said" role="alert">' + esc(said) + "</p>" : "") +
        '<iframe class="sn-frame" title="' + esc(one.title) + '" src="' + esc(href) + '"></iframe><p class="sn-hash">' +
        (one.released_by ? esc(say("by", { who: one.released_by })) + " · " : "") + esc(say("hash", { h: one.forms.pdf.sha256 })) + "</p>";
      var frame = main.querySelector("iframe");
      frame.addEventListener("load", function () { fit(frame); });
    }
    /* As high as what it shows: one scroll bar, no empty foot. */
    function fit(frame) {
      var inner = frame && frame.contentDocument && frame.contentDocument.documentElement;
      if (!inner) return;
      frame.style.height = "0";
      frame.style.height = inner.scrollHeight + 2 + "px";
    }
    function fail(error) { if (!ended) main.innerHTML = '<div class="sn-none" role="alert">' + esc(error && error.message || say("failed")) + "</div>"; }
    function draw() { drawSide(); drawMain(); }
    function load() { return send("/api/v1/snapshots?lang=" + lang).then(function (body) { if (!ended) { all = body.snapshots; plan = body.plan; today = body.today; draw(); } }); }

    /* ---- what is pressed ---- */
    function act(name, button) {
      var make = name === "make", one = make ? { date: today.date, kind: "day", edition: today.edition } : chosen();
      if (!make && !window.confirm(say(name === "release" ? "sure" : "sureRedraw", { date: one.date }))) return;
      /* Nobody releases what is just being made anew. */
      page.querySelectorAll("[data-act]").forEach(function (one) { one.disabled = true; });
      button.textContent = say("busy"); said = "";
      var query = "?kind=" + one.kind + "&town=" + encodeURIComponent(one.edition);
      send("/api/v1/snapshots/" + one.date + "/" + (make ? "redraw" : name) + query, "POST").then(function () {
        if (make) { asked = { date: one.date, kind: one.kind, town: one.edition }; write(); }
      }).catch(function (error) { said = error && error.message || say("failed"); }).then(load).catch(fail);
    }
    function search() {
      if (!asked.q) { found = null; drawSide(); return; }
      send("/api/v1/snapshots?kind=" + kind() + "&edition=" + edition() + "&q=" + encodeURIComponent(asked.q) + "&lang=" + lang).then(function (body) {
        if (ended) return;
        found = body.snapshots;
        var box = side.querySelector("#sn-q"), here = document.activeElement === box;
        drawSide();
        if (here) { box = side.querySelector("#sn-q"); box.focus(); box.setSelectionRange(box.value.length, box.value.length); }
      }, fail);
    }
    function click(event) {
      var button = event.target.closest("button"); if (!button) return;
      var d = button.dataset;
      if (d.act) { act(d.act, button); return; }
      if (d.date) { asked.date = d.date; delete asked.a; delete asked.b; }
      else if (d.month) asked.month = d.month;
      else if (d.go) side.querySelectorAll("[data-pair]").forEach(function (s) { asked[s.dataset.pair] = s.value; });
      else if (d.back) { delete asked.a; delete asked.b; }
      else return;
      said = "";
      write();
      if (d.month) drawSide(); else draw();
    }
    function input(event) {
      var box = event.target;
      if (box.dataset.pick) { asked[box.dataset.pick] = box.value; ["date", "month", "a", "b"].forEach(function (key) { delete asked[key]; }); write(); draw(); return; }
      if (box.id !== "sn-q") return;
      asked.q = box.value.trim(); write(); clearTimeout(timer); timer = setTimeout(search, 250);
    }
    function unfold() { var fold = side.querySelector("details"); if (fold && wide.matches) fold.open = true; }
    function refit() { unfold(); fit(main.querySelector("iframe")); }
    page.addEventListener("click", click); page.addEventListener("input", input); window.addEventListener("resize", refit);
    read();
    load().then(function () { if (asked.q) search(); }, fail);
    return function () { ended = true; clearTimeout(timer); page.removeEventListener("click", click); page.removeEventListener("input", input); window.removeEventListener("resize", refit); };
  }
  tw.onPage("#snapshots-page", mount);
})();
