/* 大屏: draws the view "wall". Nobody touches this page, so there is no pointer, hover, scroll or focus here.
   Words and numbers come from the server; ages are counted on here, so that a dead server still makes figures old. */
(function () {
  "use strict";
  var tw = window.townwatch, TW = window.TW, esc = TW.esc;
  var SHIFT_MS = 180000, RING = [[4, 0], [3, 3], [0, 4], [-3, 3], [-4, 0], [-3, -3], [0, -4], [3, -3]];
  var HOLD_MS = 600000, FLASH_MS = 3000, KEPT = 200, AHEAD_MS = 4000, PATIENCE_MS = 6000;

  function put(element, html) {
    if (!element || element.__html === html) return false;
    element.__html = html;
    element.innerHTML = html;
    return true;
  }
  function set(element, text) { if (element && element.textContent !== text) element.textContent = text; }

  function mount(page) {
    var lang = page.dataset.lang === "en" ? "en" : "zh", zh = lang === "zh", scope = page.dataset.scope || "all";
    var data = null, seen = null, flashed = {}, clockOff = false;
    var current = (page.dataset.scenes || "overview").split(",")[0], docs = {}, ends = {};
    function $(id) { return page.querySelector("#" + id); }
    function raw(value) { return value === null || value === undefined ? "" : value; }

    /* ---- header ---- */
    function drawFeeds() {
      if (!data) return;
      var rows = data.feeds.map(function (feed) { return { feed: feed, state: tw.freshness(feed.received, feed.late, feed.stale, feed.silent) }; });
      function old(row) { return row.state === "stale" || row.state === "silent"; }
      rows = rows.filter(function (row) { return !old(row); }).concat(rows.filter(old));
      put($("wall-feeds"), rows.map(function (row) {
        var feed = row.feed, never = feed.received === null;
        return '<div class="wl-fd' + (old(row) ? " tw-stale" : "") + '" data-feed="' + esc(feed.feed) + '" data-freshness="' + row.state + '" data-received="' + raw(feed.received) +
          '" data-late="' + feed.late + '" data-stale="' + feed.stale + '" data-silent="' + feed.silent + '" data-lang="' + lang + '">' + TW.icon(old(row) ? "clock" : feed.icon, 24) +
          "<div><span>" + esc(feed.name) + "</span><b>" + (row.state === "late" ? TW.glyph("watch", 16) : "") +
          (never ? esc(feed.word) : "<span data-age></span>") + "</b></div></div>";
      }).join(""));
    }
    function drawClock() {
      var now = tw.now(), long = tw.clockText("long", now, lang).split(" ");
      if (zh) { set($("wall-date"), long[0]); set($("wall-weekday"), long[1] || ""); }
      else { set($("wall-date"), long.slice(1).join(" ")); set($("wall-weekday"), long[0]); }
      set($("wall-seconds"), tw.clockText("s", now).slice(1));
    }

    /* ---- tiles ---- */
    function tileHtml(tile, at) {
      var state = tw.freshness(tile.received, tile.late, tile.stale, tile.silent), aged = tile.status !== "stale" && tile.status !== "silent" && (state === "stale" || state === "silent");
      var status = aged ? "stale" : tile.status, shape = aged ? "stale" : tile.shape, word = aged ? tile.aged.word : tile.word;
      var old = status === "stale" || status === "silent";
      var note = old ? (tile.received === null ? "" : "<b data-age></b>") : esc(tile.note);
      var staleFrom = aged ? Math.max(0, tile.now - Math.floor((tw.now() - tile.received) / 60000)) : tile.stale_from;
      return '<section class="wl-kpi ' + status + (tile.partial ? " partial" : "") + (current !== "overview" && about(current) === tile.kpi ? " sel" : "") + '" data-kpi="' + esc(tile.kpi) + '" data-town="' + esc(scope) + '" data-value="' + raw(tile.raw) +
        '" data-freshness="' + (aged ? state : tile.freshness) + '" data-received="' + raw(tile.received) + '" data-lang="' + lang + '" aria-label="' + esc(tile.label + " " + tile.value + tile.unit + " " + word) + '">' +
        '<div class="k1"><span class="kl">' + esc(tile.label) + '</span><span class="chip ' + status + '">' + TW.glyph(shape, 20) + esc(word) + "</span></div>" +
        '<div class="k2' + (tile.value.length + tile.unit.length > (zh ? 8 : 9) && tile.value.length > 5 ? " long" : "") + '"><span class="kv">' + esc(tile.value) + '</span><span class="ku">' + esc(tile.unit) + "</span></div>" +
        '<div class="k3"><span>' + esc(aged ? tile.aged.delta : tile.delta) + '</span><span class="note">' + note + "</span></div>" +
        TW.spark({ today: tile.today, yesterday: tile.yesterday, status: status === "silent" ? "stale" : status, step: tile.step, now: tile.now, staleFrom: staleFrom, id: "wl-s" + at }) + "</section>";
    }
    function drawTiles() { if (data) put($("wall-tiles"), data.tiles.map(tileHtml).join("")); }

    /* ---- map: one for all scenes ---- */
    function drawMap() {
      var map = current === "overview" ? data && data.map : docs[current] && docs[current].map, box = page.querySelector(".wl-map-pan");
      box.hidden = !map;
      if (!map) return;
      var side = map.classes ? '<div class="wl-classes" aria-hidden="true">' + map.classes.map(function (text, at) {
        return '<div><i style="background:var(--tw-ramp-' + (at + 1) + ')"></i><span>' + esc(text) + "</span></div>";
      }).join("") + "</div>" : '<div class="wl-key">' + (map.key || []).map(function (row) {
        return '<span class="' + esc(row.glyph) + '">' + TW.glyph(row.glyph, 24) + esc(row.name) + "<b>" + esc(row.text) + "</b></span>";
      }).join("") + "</div>";
      put($("wall-map-head"), "<h2>" + esc(map.heading) + "</h2>" + side);
      put($("wall-legend"), map.legend.map(function (row) {
        return '<div>' + TW.glyph(row.glyph, 24) + "<span>" + esc(row.name) + "</span><b>" + esc(row.text) + "</b></div>";
      }).join("") + (map.approximate ? '<div class="approx">' + esc(map.approximate) + "</div>" : ""));
      if (TW.map) TW.map.county("wall-map", map);
      put(figuresOf(page), map.towns.map(function (town) {
        return '<span data-kpi="' + esc(map.kpi) + '" data-town="' + esc(town.code) + '" data-value="' + raw(town.value) + '" data-freshness="' + esc(town.freshness) + '"' + (map.dims ? ' data-dims="target=' + esc(map.dims.target) + '"' : "") + ">" + esc(town.name + " " + town.text) + "</span>";
      }).join(""));
    }
    /* The map's figures in words, for those who do not see it. */
    function figuresOf(root) {
      var found = root.querySelector(".wl-map-words");
      if (!found) {
        found = document.createElement("div");
        found.className = "wl-map-words wl-spoken";
        root.querySelector(".wl-map-pan").appendChild(found);
      }
      return found;
    }

    /* ---- ranking ---- */
    function drawRanking() {
      var rank = data.ranking, box = $("wall-overview-ranking");
      if (!box) return;
      box.hidden = !rank;
      if (!rank) return;
      var target = rank.target === null ? "" : '<b style="left:' + (rank.target * 100).toFixed(2) + '%"></b>';
      var html = '<div class="wl-ph"><h2>' + esc(rank.heading) + '</h2><span class="s">' + esc(rank.whole) + " <b>" + esc(rank.parts.split(" / ")[0]) + "</b>" + (rank.parts.indexOf(" / ") > 0 ? " / " + esc(rank.parts.split(" / ")[1]) : "") + " " + esc(rank.measure) + "</span></div>";
      if (!rank.rows.length) { put(box, html + '<p class="wl-none">' + esc(rank.empty) + "</p>"); return; }
      html += '<div class="wl-rank" style="--rows:' + rank.rows.length + '"><div class="r head"><span></span><span>' + esc(rank.town_head) + '</span><span class="tgt">' + esc(rank.target_text) + '</span><span class="num">%</span><span class="num">' + esc(rank.delta_head) + "</span></div>";
      rank.rows.forEach(function (row) {
        if (row.more) { html += '<div class="r more"><span>' + esc(row.more) + "</span></div>"; return; }
        var low = row.reported && (row.status === "alert" || row.status === "watch") ? row.status : "";
        var bar = row.share === null ? "" : '<i style="width:' + (row.share * 100).toFixed(2) + '%"></i>';
        html += '<div class="r ' + (low ? "low " + low : "") + (row.reported ? "" : " missing") + (row.status === "stale" ? " old" : "") + '" data-kpi="' + esc(row.kpi) + '" data-town="' + esc(row.town) + '" data-value="' + raw(row.raw) + '" data-freshness="' + esc(row.freshness) + '">' +
          '<span class="no">' + esc(row.rank) + '</span><span class="tn' + (row.name.length > 6 && zh ? " long" : "") + '">' + esc(row.name) + (low ? TW.glyph(low, 17) : "") + '</span><span class="trk">' + bar + (row.reported ? target : "") + "</span>" +
          (row.reported ? '<span class="num v">' + esc(row.text) + '</span><span class="num d">' + esc(row.delta) + "</span>" : '<span class="num ms">' + esc(row.missing) + "</span>") + "</div>";
      });
      put(box, html + "</div>");
    }

    /* ---- alerts ---- */
    function since(row) { return esc(row.state).replace("{age}", row.since === null ? "" : '<span data-since="' + row.since + '"></span>'); }
    /* ---- sound: only where the address asks for it (/wall?sound=1), one short tone for each new urgent alert ---- */
    var wanted = new URLSearchParams(location.search).get("sound") === "1", audio = null, heard = null;
    function waken() {
      if (!wanted) return;
      var Audio = window.AudioContext || window.webkitAudioContext;
      if (!Audio) return;
      audio = audio || new Audio();
      if (audio.state === "suspended") audio.resume().then(hint, hint);
      hint();
    }
    /* A browser plays nothing before somebody has touched the page: the wall says so instead of being silent. */
    function hint() {
      var on = Boolean(audio && audio.state === "running"), box = $("wall-sound");
      page.dataset.sound = on ? "on" : "waiting";
      if (!box) {
        box = document.createElement("button");
        box.type = "button";
        box.id = "wall-sound";
        box.className = "wl-sound";
        box.addEventListener("click", waken);
        page.appendChild(box);
      }
      box.hidden = on;
      set(box, zh ? "点一下屏幕开启声音" : "Touch the screen for sound");
    }
    function tone() {
      page.dataset.tones = Number(page.dataset.tones || 0) + 1;
      if (!audio || audio.state !== "running") return;
      var at = audio.currentTime, gain = audio.createGain(), wave = audio.createOscillator();
      wave.frequency.value = 880;
      gain.gain.setValueAtTime(0.0001, at);
      gain.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.45);
      wave.connect(gain).connect(audio.destination);
      wave.start(at);
      wave.stop(at + 0.5);
    }
    function listen(ids) {
      if (!wanted) return;
      var fresh = heard && ids.some(function (id) { return !heard[id]; });
      heard = {};
      ids.forEach(function (id) { heard[id] = true; });
      if (fresh) tone();
    }
    if (wanted) { waken(); ["pointerdown", "keydown"].forEach(function (name) { document.addEventListener(name, waken, { once: true }); }); }
    /* The other scenes have no list: what nobody has taken stands in the head there. */
    function drawBanner() {
      var feeds = $("wall-feeds"), box = $("wall-banner"), told = data && data.alerts.banner;
      if (!box && feeds) {
        box = document.createElement("div");
        box.id = "wall-banner";
        box.className = "wl-banner";
        box.setAttribute("role", "status");
        feeds.parentNode.insertBefore(box, feeds);
      }
      if (!box) return;
      box.hidden = !told || current === "overview";
      put(box, told ? TW.glyph("alert", 22) + "<span>" + since({ state: told.text, since: told.since }) + "</span>" : "");
    }
    function drawAlerts() {
      var alerts = data.alerts;
      listen(alerts.urgent_ids || []);
      var fresh = alerts.rows.filter(function (row) { return seen && !seen[row.key]; });
      fresh.forEach(function (row) { flashed[row.key] = performance.now(); });
      var parts = alerts.parts.map(function (pair) { return esc(pair[0]) + " <b>" + esc(pair[1]) + "</b>"; }).join(" · ");
      var html = '<div class="wl-ph"><h2>' + esc(alerts.heading) + '</h2><span class="s">' + (alerts.open ? parts : "") + "</span></div>";
      if (!alerts.rows.length) {
        html += '<div class="wl-calm">' + TW.glyph("ok", 40) + "<b>" + esc(alerts.empty) + "</b><span>" + esc(alerts.empty_note) + "</span></div>";
      } else {
        html += '<ol class="wl-al">' + alerts.rows.map(function (row) {
          var lead = row.level === "done" ? TW.icon("check", 26) : row.level === "stale" ? TW.glyph("stale", 26) : TW.pin(row.number, row.level, row.hot ? 42 : 36);
          return '<li class="' + (row.hot ? "hot " : "") + row.level + '" data-alert="' + esc(row.key) + '"><span class="ld">' + lead + '</span><div class="at"><b>' + esc(row.title) + "</b><span>" + esc(row.fact) +
            '</span></div><div class="am"><span class="tm">' + esc(row.time) + '</span><span class="stt">' + since(row) + "</span></div></li>";
        }).join("") + "</ol>" + (alerts.rest ? '<p class="wl-rest">' + esc(alerts.rest) + "</p>" : "");
      }
      put($("wall-overview-alerts"), html);
      drawBanner();
      if (fresh.some(function (row) { return row.level === "alert"; })) held = performance.now() + HOLD_MS;
      Object.keys(flashed).forEach(function (key) {
        var row = $("wall-overview-alerts") && $("wall-overview-alerts").querySelector('[data-alert="' + CSS.escape(key) + '"]'), left = FLASH_MS - (performance.now() - flashed[key]);
        if (left <= 0) delete flashed[key];
        else if (row) { row.classList.add("tw-flash"); row.style.animationDelay = (left - FLASH_MS) + "ms"; }
      });
      fresh = fresh.filter(function (row) { return row.spoken; });
      if (fresh.length) set($("wall-spoken"), fresh.map(function (row) { return row.spoken.replace("{age}", ""); }).join("；"));
      var known = Object.assign({}, seen || {});
      alerts.rows.forEach(function (row) { known[row.key] = true; });
      /* A wall runs for weeks: what was seen is not kept for ever. */
      if (Object.keys(known).length > KEPT) { known = {}; alerts.rows.forEach(function (row) { known[row.key] = true; }); }
      seen = known;
    }

    /* ---- checkpoints by the hour ---- */
    function hoursHtml(hours, width, height) {
      var html = '<div class="wl-ph"><h2>' + esc(hours.heading) + '</h2><span class="s">' + (zh ? esc(hours.lead) + " " : "") + '<b data-kpi="' + esc(hours.kpi) + '" data-town="' + esc(scope) + '" data-value="' + raw(hours.raw) + '" data-freshness="' + esc(hours.freshness) + '">' + esc(hours.total) + "</b> " +
        (zh ? esc(hours.unit) : "") + (hours.old ? "<em>" + esc(hours.old) + "</em>" : hours.change ? "<em>" + esc(hours.change) + "</em>" : "") + "</span></div>";
      if (hours.empty && !(hours.yesterday || []).some(Boolean)) return html + '<p class="wl-none">' + esc(hours.empty) + "</p>";
      return html + TW.columns({
        width: width, height: height, label: hours.label, today: hours.today, yesterday: hours.yesterday, hour: hours.hour, gridlines: hours.gridlines, peak: hours.peak,
        strip: { label: hours.fevers.label, labelWidth: 78, hours: hours.fevers.hours, note: hours.fevers.note }, ticks: hours.ticks
      });
    }
    function drawHours() {
      var hours = data.hours, box = $("wall-overview-hours");
      if (!box) return;
      box.hidden = !hours;
      if (!hours) return;
      box.classList.toggle("old", Boolean(hours.old));
      put(box, hoursHtml(hours, 424, 212));
    }

    /* ---- cases that wait, or where there are none: longest since a visit ---- */
    function drawWaiting() {
      var box = $("wall-overview-backlog"), gaps = data.gaps;
      if (!box) return;
      box.hidden = !data.backlog && !gaps;
      box.classList.toggle("old", Boolean(data.backlog && data.backlog.old));
      if (data.backlog) { put(box, TW.backlogPanel(data.backlog, [396, 216], scope, lang)); return; }
      if (!gaps) return;
      var html = '<div class="wl-ph"><h2>' + esc(gaps.heading) + '</h2><span class="s">' + esc(gaps.parts[0]) + " <b>" + esc(gaps.parts[1]) + "</b> " + esc(gaps.parts[2]) + "</span></div>";
      if (!gaps.rows.length) html += '<p class="wl-none">' + esc(gaps.empty) + "</p>";
      html += '<ol class="wl-gp">' + gaps.rows.map(function (row) {
        return '<li class="' + esc(row.state) + '">' + TW.glyph(row.state, 22) + '<div class="at"><b>' + esc(row.title) + "</b><span>" + esc(row.sub) + '</span></div><div class="am"><b data-since="' + row.since + '">' +
          esc(row.age) + "</b><span>" + esc(row.word) + "</span></div></li>";
      }).join("") + "</ol>";
      put(box, html);
    }

    /* ---- scenes: the page's address names them, the server says for which there is something to show ---- */
    var asked = (page.dataset.scenes || "overview").split(","), names = (page.dataset.names || "").split("|"), titles = (page.dataset.titles || "").split("|");
    var dwell = (page.dataset.dwell || "60").split(",").map(Number), began = performance.now(), held = 0, barred = {};
    function about(scene) { return (data.scenes.filter(function (one) { return one.scene === scene; })[0] || {}).kpi || ""; }
    function order() {
      var known = data ? data.scenes.map(function (one) { return one.scene; }) : [];
      var found = asked.filter(function (scene) { return known.indexOf(scene) >= 0 && !barred[scene]; });
      return found.length ? found : data ? ["overview"] : [current];
    }
    function want(scene) {
      if (scene === "overview" || ends[scene]) return;
      ends[scene] = tw.subscribe("wall_" + scene, scope, lang, function (given) {
        if (given.missing) { barred[scene] = true; return; }
        docs[scene] = given;
        clear();
        if (scene === current) drawScene();
      }, { trouble: trouble, refused: function () { barred[scene] = true; } });
    }
    function leave(scene) {
      if (ends[scene]) { ends[scene](); delete ends[scene]; }
      delete docs[scene];
    }
    function show(scene) {
      var before = current;
      current = scene;
      began = performance.now();
      want(scene);
      $("wall-body").dataset.scene = scene;
      page.querySelectorAll(".wl-side").forEach(function (side) { side.hidden = side.dataset.scene !== scene; });
      sceneName = titles[asked.indexOf(scene)] || "";
      if (!page.dataset.trouble) set($("wall-scene"), sceneName);
      if (before !== scene) leave(before);
      drawTiles();
      drawScene();
      drawScenes();
    }
    function drawScene() {
      drawMap();
      var told = docs[current];
      if (current === "overview" || !told) { if (data) put($("wall-note"), esc(data.note)); return; }
      var panels = TW.wallScenes[current](told, { scope: scope, lang: lang, narrow: window.innerWidth <= 900, hours: hoursHtml });
      Object.keys(panels).forEach(function (name) {
        var box = $("wall-" + current + "-" + name);
        put(box, panels[name]);
        if (box) box.classList.toggle("old", Boolean(told.old));
      });
      put($("wall-note"), esc(told.note));
      ages();
    }
    function drawScenes() {
      var list = order(), at = Math.max(0, list.indexOf(current)), many = list.length > 1 && window.innerWidth > 900;
      var spent = performance.now() - began, whole = (dwell[asked.indexOf(current)] || 60) * 1000, next = list[(at + 1) % list.length];
      var urgent = data && data.alerts.rows.some(function (row) { return row.level === "alert"; });
      if (!urgent) held = 0;
      /* An alert that has just come holds the overview, at most ten minutes; those that stood there before do not. */
      var holding = current === "overview" && performance.now() < held;
      if (data && list.indexOf(current) < 0) { show(list[0]); return; }
      if (many && !holding && next !== current) {
        /* The next scene is asked for before it is due, so that it stands there at once. */
        if (spent >= whole - AHEAD_MS) want(next);
        var ready = next === "overview" || docs[next];
        if (spent >= whole && (ready || spent >= whole + PATIENCE_MS)) {
          if (!ready) { leave(next); next = list[(at + 2) % list.length]; }
          show(next);
          return;
        }
      }
      put($("wall-scenes"), list.map(function (scene) {
        return '<span class="' + (scene === current ? "on" : "") + '">' + esc(names[asked.indexOf(scene)] || scene) + (scene === current && many ? "<em><i></i></em>" : "") + "</span>";
      }).join(""));
      var bar = $("wall-scenes").querySelector("em i");
      if (bar) bar.style.width = Math.min(100, spent / whole * 100).toFixed(0) + "%";
    }

    /* ---- every second ---- */
    function tick() {
      drawClock();
      drawBanner();
      drawScenes();
      ages();
      night();
      tw.ageAll();
    }
    function ages() { page.querySelectorAll("[data-since]").forEach(function (element) { set(element, tw.ageText(element.dataset.since, lang, true)); }); }
    /* Tiles turn old at their feed's limit whether or not anything is heard. */
    var agedBefore = "";
    function ageTiles() {
      if (!data) return;
      var now = data.tiles.map(function (tile) { return tw.freshness(tile.received, tile.late, tile.stale, tile.silent); }).join();
      if (now !== agedBefore) { agedBefore = now; drawTiles(); drawFeeds(); }
    }
    function hour() { return Number(tw.clockText("hm", tw.now()).slice(0, 2)); }
    function night() {
      var at = hour(), dim = (at >= 23 || at < 6) && !(data && data.alerts.open);
      page.classList.toggle("dim", dim);
    }
    function burnIn() {
      var spot = RING[Math.floor(Date.now() / SHIFT_MS) % RING.length];
      page.style.transform = "translate(" + spot[0] / 16 + "rem," + spot[1] / 16 + "rem)";
    }
    /* Once a day at 03:40 of the room's own clock, when nothing is open and the server answers: the old picture stays
       until the new page can be had. */
    var reloaded = new Date().toDateString();
    function daily() {
      var clock = new Date();
      if (clock.getHours() !== 3 || clock.getMinutes() !== 40 || reloaded === clock.toDateString() + "x") return;
      if (data && data.alerts.open) return;
      reloaded = clock.toDateString() + "x";
      if (performance.now() < 600000) return;
      fetch(location.href, { cache: "no-store" }).then(function (answer) { if (answer.ok) location.reload(); }).catch(function () { /* tomorrow */ });
    }
    /* The machine's clock against the server's, where the world is live. */
    function skew() {
      var clock = tw.clock(), off = clock.world === "live" ? Math.round((Date.now() - clock.now) / 1000) : 0;
      clockOff = Math.abs(off) > 5;
      set($("wall-skew"), clockOff ? (zh ? "时钟偏差 " + Math.abs(off) + " 秒" : "clock off by " + Math.abs(off) + " s") : "");
    }

    function draw(given) {
      data = given;
      drawFeeds();
      drawTiles();
      drawRanking();
      drawAlerts();
      drawHours();
      drawWaiting();
      if (current === "overview" || !docs[current]) drawScene();
      set(page.querySelector(".wl-title h1"), data.title);
      page.dataset.drawn = "1";
      tick();
    }
    /* The view cannot be read: the last picture stays, looks old, and the header says since when. */
    function failed(text) { page.dataset.trouble = text; set($("wall-scene"), text); }
    function trouble() { failed((zh ? "读取失败 " : "Read failed ") + tw.clockText("hm")); }
    function refused() { failed(zh ? "无查看权限" : "No permission to view"); }
    var sceneName = $("wall-scene") ? $("wall-scene").textContent : "";
    function clear() { if (page.dataset.trouble) { delete page.dataset.trouble; set($("wall-scene"), sceneName); } }

    var timer = setInterval(function () { tick(); ageTiles(); skew(); daily(); }, 1000), shifter = setInterval(burnIn, 10000);
    burnIn();
    drawClock();
    drawScenes();
    want(current);
    var end = tw.subscribe("wall", scope, lang, function (given) { clear(); draw(given); }, { trouble: trouble, refused: refused });
    return function () { clearInterval(timer); clearInterval(shifter); end(); Object.keys(ends).forEach(leave); };
  }

  tw.onPage("#tw-wall", mount);
})();
