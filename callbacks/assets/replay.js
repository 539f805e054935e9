/* 回放: draws the view "replay" and, for those who may, steers: speed, pause, on, and a jump to a later moment. */
(function () {
  "use strict";
  var tw = window.townwatch, mark = window.townMarks.mark;
  var HEADERS = { "Content-Type": "application/json", "X-Townwatch-Form": "page", Accept: "application/json" };
  var SHAPE = { met: "ok", missed: "alert", coming: "open" };
  var W = {
    place: ["进度", "Where it is"], table: ["报告的数字", "The report's figures"], feeds: ["数据从哪里来", "Where the data come from"],
    scenarios: ["场景", "Scenarios"], speed: ["倍速", "Speed"], pause: ["暂停", "Pause"], go_on: ["继续", "Go on"],
    here: ["停在这里", "Stop here"], jump: ["跳到", "Jump to"], go: ["跳过去", "Jump"], only: ["只能向前", "forwards only"],
    set: ["改", "Set"], other: ["其他倍速", "Another speed"],
    figure: ["数字", "Figure"], town: ["镇（街道）", "Town"], stated: ["报告", "Report"], computed: ["现在", "So far"], verdict: ["结论", "Verdict"],
    from: ["有报告总数的数据流", "Streams whose totals the report gives"], made: ["报告没有写，全部合成的数据流", "Streams that the report does not contain: synthetic as a whole"],
    how: ["另一个场景是另一个世界：在这台机器上运行它的命令，用自己的数据目录。", "Another scenario is another world: run its command on this machine; it has a data directory of its own."],
    current: ["正在回放", "playing here"], none: ["没有报告数字", "No figures of a report"], files: ["导出", "Export"],
    fewer: ["只列出你能看的镇（街道）", "only towns that you may see"],
    who: ["暂停、倍速和跳转由管理员操作", "Pausing, speed and jumps are the administrator's"], failed: ["没有送到，请再试", "It did not arrive: try again"]
  };
  function esc(value) {
    return String(value === null || value === undefined ? "" : value).replace(/[&<>"]/g, function (c) {
      return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c];
    });
  }
  function put(element, html) {
    if (!element || element.__html === html) return;
    var held = element.contains(document.activeElement) ? document.activeElement : null;
    var name = held && held.dataset.k, typed = held && held.value;
    element.__html = html;
    element.innerHTML = html;
    var again = name && element.querySelector('[data-k="' + name + '"]');
    if (again) { if (again.tagName === "INPUT") again.value = typed; again.focus({ preventScroll: true }); }
  }
  function icon(name, size) {
    return '<span class="tw-ic tw-ic-' + esc(name) + '" style="width:' + size + "px;height:" + size + 'px" aria-hidden="true"></span>';
  }

  tw.onPage("#replay-page", function (page) {
    var at = page.dataset.lang === "en" ? 1 : 0, lang = at ? "en" : "zh", data = null, may = false, busy = false, picked = null, ended = false;
    function say(key) { return W[key][at]; }
    function $(part) { return page.querySelector("#replay-" + part); }
    var notices = window.townMarks.notices(page, lang);
    function title(text, note) { return '<div class="sp-title"><h2>' + esc(text) + "</h2><span>" + esc(note || "") + "</span></div>"; }
    function pct(share) { return (100 * share).toFixed(3) + "%"; }

    function steer() {
      if (!may || data.state === "over") return may ? "" : '<p class="rp-who">' + esc(say("who")) + "</p>";
      var off = busy ? " disabled" : "", run = { playing: "pause", paused: "go_on", jumping: "pause", stopped: "" }[data.state];
      var word = data.state === "jumping" ? say("here") : run ? say(run) : "";
      var html = '<div class="rp-steer">' + (run ? '<button type="button" class="rp-main" data-do="' + run + '" data-k="run"' + off + ">" + esc(word) + "</button>" : "");
      html += '<div class="rp-speeds" role="group" aria-label="' + esc(say("speed")) + '"><span>' + esc(say("speed")) + "</span>" + data.speeds.map(function (speed) {
        return '<button type="button" data-speed="' + speed + '" data-k="s' + speed + '" aria-pressed="' + (speed === data.speed) + '"' + off + ">\u00d7" + speed + "</button>";
      }).join("") + '<form data-form="speed"><input type="number" min="1" max="3600" step="any" required data-k="speed" aria-label="' + esc(say("other")) + '" placeholder="' + (data.speeds.indexOf(data.speed) < 0 ? data.speed : "1–3600") + '"><button data-k="set"' + off + ">" + esc(say("set")) + "</button></form></div>";
      if (data.state === "playing" || data.state === "paused") {
        var ahead = data.bar.days.filter(function (one) { return one.phase === "coming" || one.phase === "now"; });
        var chosen = picked && ahead.some(function (one) { return one.day === picked.day; }) ? picked : { day: ahead.length > 1 ? ahead[1].day : ahead.length ? ahead[0].day : "", time: "08:00" };
        html += '<form class="rp-jump" data-form="jump"><span>' + esc(say("jump")) + '</span><select data-k="day" aria-label="' + esc(say("jump")) + '">' + ahead.map(function (one) {
          return '<option value="' + one.day + '"' + (one.day === chosen.day ? " selected" : "") + ">" + esc(one.name) + "</option>";
        }).join("") + '</select><input type="time" required value="' + chosen.time + '" data-k="time" aria-label="HH:MM"><button data-k="go"' + off + ">" + esc(say("go")) + "</button><small>" + esc(say("only")) + "</small></form>";
      }
      return html + "</div>";
    }
    function bar() {
      var one = data.bar;
      return '<div class="rp-bar"><div class="rp-days">' + one.days.map(function (day) {
        var coming = may && (day.phase === "coming");
        return "<" + (coming ? 'button type="button" data-day="' + day.day + '" data-k="' + day.day + '"' : "span") + ' class="' + day.phase + (day.week ? " week" : "") + '" title="' + esc(day.name) + '"' + (day.phase === "now" ? ' aria-current="date"' : "") + "></" + (coming ? "button" : "span") + ">";
      }).join("") + '<i class="rp-start" style="left:' + pct(one.start) + '"></i><i class="rp-now" style="left:' + pct(one.now) + '"></i>' +
        (one.target === null ? "" : '<i class="rp-target" style="left:' + pct(one.target) + '"></i>') + '</div><div class="rp-labels">' + one.days.map(function (day, n) {
        /* Mondays, and the first of a month; the very first day gives way to a Monday next to it. */
        var shown = day.week || day.month && !one.days.slice(n + 1, n + 3).some(function (next) { return next.week; }) && !one.days.slice(Math.max(0, n - 2), n).some(function (last) { return last.week; });
        return "<span>" + (shown ? "<b>" + esc(day.name) + "</b>" : "") + "</span>";
      }).join("") + "</div></div><p class=\"rp-note\">" + esc(one.note) + "</p>";
    }
    function table() {
      if (!data.rows.length) return title(say("table")) + '<p class="sp-none">' + esc(data.fewer ? say("fewer") : say("none")) + "</p>";
      var html = title(say("table"), data.count + (data.fewer ? " · " + say("fewer") : "")) + '<p class="rp-files"><span>' + esc(say("files")) + "</span>" + ["csv", "xlsx"].map(function (ending) {
        return '<a download data-k="' + ending + '" href="/api/v1/export/replay.' + ending + "?lang=" + lang + '">' + ending.toUpperCase() + "</a>";
      }).join("") + '</p><table class="sp-table rp-figures"><thead><tr><th scope="col">' + esc(say("figure")) + '</th><th scope="col" class="t">' + esc(say("town")) +
        '</th><th scope="col" class="num">' + esc(say("stated")) + '</th><th scope="col" class="num">' + esc(say("computed")) + '</th><th scope="col" class="b" aria-hidden="true"></th><th scope="col">' + esc(say("verdict")) + "</th></tr></thead><tbody>";
      return html + data.rows.map(function (row) {
        return '<tr data-row="' + row.number + '" data-verdict="' + row.verdict + '"><td title="' + esc(row.said) + '"><span class="rp-name">' + '<i style="color:var(--tw-feed-' + esc(row.colour) + ',currentColor)">' + icon(row.icon, 16) + "</i><span>" + esc(row.name) + '<small class="rp-where">' + esc(row.town) + '</small></span></span></td><td class="t">' + esc(row.town) +
          '</td><td class="num">' + esc(row.stated) + '</td><td class="num" data-kpi="' + esc(row.kpi) + '" data-town="' + esc(row.code) + '" data-value="' + esc(row.raw === null ? "" : row.raw) + '" data-dims="' + esc(JSON.stringify(row.dims)) + '"><b>' + esc(row.computed) +
          '</b></td><td class="b"><span class="rp-share"><i style="width:' + (row.share === null ? 0 : pct(row.share)) + '"></i></span></td><td class="v"><span class="mark ' + (row.verdict === "missed" ? "alert" : "") + '">' + mark(SHAPE[row.verdict], 13) + esc(row.word) + "</span></td></tr>";
      }).join("") + "</tbody></table>";
    }
    function feeds() {
      function list(stated) {
        return '<p class="rp-list">' + data.feeds.filter(function (one) { return one.stated === stated; }).map(function (one) {
          return '<span><i style="color:var(--tw-feed-' + esc(one.colour) + ',currentColor)">' + icon(one.icon, 16) + "</i>" + esc(one.name) + "</span>";
        }).join("") + "</p>";
      }
      return title(say("feeds")) + "<h3>" + esc(say("from")) + "</h3>" + list(true) + (data.feeds.some(function (one) { return !one.stated; }) ? "<h3>" + esc(say("made")) + "</h3>" + list(false) : "");
    }
    function scenarios() {
      return title(say("scenarios")) + '<p class="rp-note">' + esc(say("how")) + '</p><ul class="rp-ways">' + data.scenarios.map(function (one) {
        return "<li" + (one.current ? ' class="on"' : "") + "><b>" + esc(one.title) + "</b>" + (one.current ? "<em>" + esc(say("current")) + "</em>" : "") + "<code>" + esc(one.command) + "</code></li>";
      }).join("") + "</ul>";
    }
    function draw() {
      put($("headline"), "<h1>" + data.headline.map(function (part) { return '<span class="' + esc(part.tone) + '">' + esc(part.text) + "</span>"; }).join(at ? ", " : "，") + "</h1><p>" + esc(data.sub) + "</p>");
      page.dataset.state = data.live ? "live" : data.state;
      ["place", "table", "feeds"].forEach(function (part) { $(part).hidden = data.live; });
      if (!data.live) {
        put($("place"), title(data.title) + bar() + steer());
        put($("table"), table());
        put($("feeds"), feeds());
      }
      put($("scenarios"), scenarios());
    }
    function tell(text) { $("said").textContent = text || ""; }
    function send(body) {
      busy = true; tell(""); draw();
      fetch("/api/v1/replay", { method: "POST", headers: HEADERS, body: JSON.stringify(body) }).then(function (answer) {
        return answer.json().then(function (found) { if (!answer.ok) throw new Error(found.error); });
      }).catch(function (error) { var said = error.message || ""; tell(said.indexOf(" · ") < 0 ? said || say("failed") : said.split(" · ")[at]); }).then(function () {
        busy = false;
        if (!ended && data) draw();
      });
    }
    function form() { return page.querySelector('[data-form="jump"]'); }
    function keep() { var one = form(); if (one) picked = { day: one.querySelector("select").value, time: one.querySelector("input").value || "08:00" }; }
    page.addEventListener("click", function (event) {
      var found = event.target.closest("[data-do], [data-speed], [data-day]");
      if (!found || found.disabled) return;
      if (found.dataset.do) send({ do: found.dataset.do });
      else if (found.dataset.speed) send({ do: "speed", speed: Number(found.dataset.speed) });
      else { picked = { day: found.dataset.day, time: "08:00" }; draw(); var go = page.querySelector('[data-k="go"]'); if (go) go.focus(); }
    });
    page.addEventListener("change", function (event) { if (event.target.closest('[data-form="jump"]')) { keep(); draw(); } });
    page.addEventListener("submit", function (event) {
      event.preventDefault();
      var which = event.target.dataset.form;
      if (which === "speed") send({ do: "speed", speed: Number(event.target.querySelector("input").value) });
      if (which === "jump") { keep(); send({ do: "jump", to: picked.day + "T" + picked.time + ":00" + data.offset }); picked = null; }
    });
    fetch("/api/v1/replay", { headers: HEADERS }).then(function (answer) { return answer.ok ? answer.json() : {}; }).then(function (found) {
      may = Boolean(found.may);
      if (data && !ended) draw();
    }).catch(function () { /* Without an answer nobody may steer. */ });
    var end = tw.subscribe("replay", page.dataset.scope || "all", lang, function (found) { notices.clear(); data = found; draw(); }, { trouble: notices.trouble, refused: notices.refused });
    return function () { ended = true; end(); };
  });
})();
