/* 简报: published snapshots. The address says which day, month, words or pair; what is shown is what was published. */
(function () {
  "use strict";
  var tw = window.townwatch;
  var W = {
    none: ["还没有发布过简报", "No snapshot has been published yet"], noneNote: ["每天到点自动发布，或用 ./townwatch snapshot publish 发布", "They appear when published by the schedule or by ./townwatch snapshot publish"],
    find: ["搜索", "Search"], findHint: ["如 陶庄镇、转诊", "such as a town's name"], two: ["两日对比", "Compare two days"], go: ["对比", "Compare"], back: ["返回", "Back"],
    issue: ["第 {n} 期", "No. {n}"], open: ["单独打开", "Open alone"], hash: ["PDF 的 SHA-256：{h}", "SHA-256 of the PDF: {h}"], failed: ["读取失败，请刷新", "Could not be read: reload"],
    figure: ["指标", "Figure"], change: ["变化", "Change"], nothing: ["没有符合的简报", "No snapshot matches"], prev: ["上个月", "Earlier month"], next: ["下个月", "Later month"], week: ["一二三四五六日", "MTWTFSS"]
  };
  function mount(page) {
    var at = page.dataset.lang === "en" ? 1 : 0, lang = at ? "en" : "zh", all = [], found = null, asked = {}, ended = false, timer = 0;
    var side = page.querySelector("#snapshots-side"), main = page.querySelector("#snapshots-main");
    function esc(text) { var box = document.createElement("i"); box.textContent = String(text); return box.innerHTML.replace(/"/g, "&quot;"); }
    function say(key, given) { return W[key][at].replace(/\{(\w+)\}/g, function (_, name) { return given[name]; }); }
    function get(path) { return fetch(path, { headers: { Accept: "application/json" } }).then(function (r) { return r.json().then(function (body) { if (!r.ok) throw new Error(body.error); return body; }); }); }
    function read() { var p = new URLSearchParams(location.search); asked = {}; ["date", "month", "q", "a", "b"].forEach(function (k) { if (p.get(k)) asked[k] = p.get(k); }); }
    function write() { var url = new URL(location.href); ["date", "month", "q", "a", "b"].forEach(function (k) { if (asked[k]) url.searchParams.set(k, asked[k]); else url.searchParams.delete(k); }); history.replaceState(history.state, "", url.href); }
    function days() { return all.filter(function (s) { return s.kind === "day" && s.edition === all[0].edition; }); }
    function chosen() { return all.find(function (s) { return s.date === asked.date && s.kind === "day"; }) || days()[0]; }
    function calendar() {
      var month = asked.month || chosen().date.slice(0, 7), year = +month.slice(0, 4), m = +month.slice(5), first = new Date(Date.UTC(year, m - 1, 1)), lead = (first.getUTCDay() + 6) % 7, count = new Date(Date.UTC(year, m, 0)).getUTCDate();
      var cells = "", row = "<tr>" + "<td></td>".repeat(lead);
      for (var d = 1; d <= count; d++) {
        var date = month + "-" + String(d).padStart(2, "0"), has = all.some(function (s) { return s.date === date && s.kind === "day"; });
        row += "<td>" + (has ? '<button type="button" data-date="' + date + '" aria-pressed="' + (date === chosen().date && !asked.a) + '" aria-label="' + date + '">' + d + "</button>" : d) + "</td>";
        if ((lead + d) % 7 === 0) { cells += row + "</tr>"; row = "<tr>"; }
      }
      cells += row + "</tr>";
      function move(by) { var to = new Date(Date.UTC(year, m - 1 + by, 1)); return to.toISOString().slice(0, 7); }
      return '<div class="sn-cal"><header><button type="button" class="sn-btn" data-month="' + move(-1) + '" aria-label="' + say("prev") + '">‹</button><span>' + (at ? month : year + "年" + m + "月") + '</span><button type="button" class="sn-btn" data-month="' + move(1) + '" aria-label="' + say("next") + '">›</button></header><table><thead><tr>' +
        W.week[at].split("").map(function (w) { return "<th>" + w + "</th>"; }).join("") + "</tr></thead><tbody>" + cells + "</tbody></table></div>";
    }
    function drawSide() {
      if (!all.length) { side.innerHTML = ""; return; }
      var list = found === null ? "" : found.length ? '<ul class="sn-list">' + found.map(function (s) { return '<li><button type="button" class="sn-btn" data-date="' + s.date + '">' + s.date + " " + esc(say("issue", { n: s.number })) + "</button></li>"; }).join("") + "</ul>" : '<p class="sn-hash">' + say("nothing") + "</p>";
      var options = function (pick) { return days().map(function (s) { return "<option" + (s.date === pick ? " selected" : "") + ">" + s.date + "</option>"; }).join(""); };
      var two = days().length > 1 ? '<div class="sn-two"><label>' + say("two") + '</label><select data-pair="a" aria-label="A">' + options(asked.a || days()[1].date) + '</select><select data-pair="b" aria-label="B">' + options(asked.b || days()[0].date) + '</select><button type="button" class="sn-btn" data-go="1">' + say("go") + "</button></div>" : "";
      side.innerHTML = calendar() + '<div class="sn-find"><label for="sn-q">' + say("find") + '</label><input id="sn-q" type="search" placeholder="' + say("findHint") + '" value="' + esc(asked.q || "") + '"></div>' + list + two;
    }
    function show(value, row) { if (value === null) return "—"; return row.unit === "ratio" ? (value * 100).toFixed(row.decimals) + "%" : Number(value.toFixed(row.decimals)).toLocaleString("en-US", { minimumFractionDigits: row.decimals }); }
    function drawMain() {
      if (!all.length) { main.innerHTML = '<div class="sn-none"><b>' + say("none") + "</b><p>" + esc(say("noneNote")) + "</p></div>"; return; }
      if (asked.a && asked.b) {
        get("/api/v1/snapshots/compare?a=" + asked.a + "&b=" + asked.b + "&edition=" + all[0].edition + "&lang=" + lang).then(function (body) {
          if (ended) return;
          main.innerHTML = '<div class="sn-bar"><strong>' + asked.a + " / " + asked.b + '</strong><button type="button" class="sn-btn" data-back="1">' + say("back") + '</button></div><table class="sn-table"><thead><tr><th>' + say("figure") + "</th><th>" + asked.a + "</th><th>" + asked.b + "</th><th>" + say("change") + "</th></tr></thead><tbody>" +
            body.figures.map(function (row) {
              var change = "—";
              if (row.a !== null && row.b !== null) { var scale = row.unit === "ratio" ? 100 : 1, n = +(row.b * scale).toFixed(row.decimals) - +(row.a * scale).toFixed(row.decimals); change = (n > 0 ? "+" : n < 0 ? "\u2212" : "") + Math.abs(n).toLocaleString("en-US", { minimumFractionDigits: row.decimals, maximumFractionDigits: row.decimals }); }
              return '<tr data-kpi="' + row.kpi + '"><td>' + esc(row.name) + "</td><td>" + show(row.a, row) + "</td><td>" + show(row.b, row) + "</td><td>" + change + "</td></tr>";
            }).join("") + "</tbody></table>";
        }, fail);
        return;
      }
      var one = chosen(), href = one.page + (at ? (one.page.indexOf("?") < 0 ? "?" : "&") + "lang=en" : "");
      main.innerHTML = '<div class="sn-bar"><strong>' + esc(one.title) + " " + one.date + " " + esc(say("issue", { n: one.number })) + "</strong>" +
        ["pdf", "docx", "xlsx", "png", "json"].map(function (f) { var h = one.forms[f].href; return '<a class="sn-btn" download href="' + esc(h + (at && f !== "json" ? (h.indexOf("?") < 0 ? "?" : "&") + "lang=en" : "")) + '">' + f.toUpperCase() + "</a>"; }).join("") +
        '<a class="sn-btn" target="_blank" href="' + esc(href) + '">' + say("open") + '</a></div><iframe class="sn-frame" title="' + esc(one.title) + '" src="' + esc(href) + '"></iframe><p class="sn-hash">' + esc(say("hash", { h: one.forms.pdf.sha256 })) + "</p>";
    }
    function fail(error) { if (!ended) main.innerHTML = '<div class="sn-none" role="alert">' + esc(error && error.message || say("failed")) + "</div>"; }
    function draw() { drawSide(); drawMain(); }
    function search() {
      if (!asked.q) { found = null; drawSide(); return; }
      get("/api/v1/snapshots?kind=day&q=" + encodeURIComponent(asked.q) + "&lang=" + lang).then(function (body) { if (ended) return; found = body.snapshots; var box = side.querySelector("#sn-q"), here = document.activeElement === box; drawSide(); if (here) { box = side.querySelector("#sn-q"); box.focus(); box.setSelectionRange(box.value.length, box.value.length); } }, fail);
    }
    function click(event) {
      var button = event.target.closest("button"); if (!button) return; var d = button.dataset;
      if (d.date) { asked.date = d.date; delete asked.a; delete asked.b; } else if (d.month) asked.month = d.month;
      else if (d.go) { side.querySelectorAll("[data-pair]").forEach(function (s) { asked[s.dataset.pair] = s.value; }); } else if (d.back) { delete asked.a; delete asked.b; } else return;
      write(); if (d.month) drawSide(); else draw();
    }
    function input(event) { if (event.target.id !== "sn-q") return; asked.q = event.target.value.trim(); write(); clearTimeout(timer); timer = setTimeout(search, 250); }
    page.addEventListener("click", click); page.addEventListener("input", input);
    read();
    get("/api/v1/snapshots?lang=" + lang).then(function (body) { if (ended) return; all = body.snapshots; draw(); if (asked.q) search(); }, fail);
    return function () { ended = true; clearTimeout(timer); page.removeEventListener("click", click); page.removeEventListener("input", input); };
  }
  tw.onPage("#snapshots-page", mount);
})();
