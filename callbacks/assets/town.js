/* 镇页: draws the view "town". The list is the page; map, shift and figures answer to the row that is open.
   State kept in the address: cat (category), open (row). Words and numbers come from the server. */
(function () {
  "use strict";
  var tw = window.townwatch, mark = window.townMarks.mark, pin = window.townMarks.pin;

  var WORDS = {
    locate: ["定位", "Locate"], acted: ["处置", "Actions"], said: ["说明", "Note"], go: ["打开", "Open"], all: ["全部", "All"], detail: ["查看", "Details"],
    close: ["关闭", "Close"], records: ["看这些记录", "See the records"], version: ["版本", "Version"],
    found: ["没有符合的事项", "Nothing matches"], cleared: ["清除", "Clear"], help: ["怎么算", "how it is counted"]
  };

  var WHO = [["", "全部", "All"], ["free", "没人接", "Unclaimed"], ["mine", "我的", "Mine"], ["held", "在办", "Under way"]];

  function esc(value) {
    return String(value === null || value === undefined ? "" : value).replace(/[&<>"]/g, function (c) {
      return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c];
    });
  }
  function icon(name, size) {
    return '<span class="tw-ic tw-ic-' + esc(name) + '" style="width:' + size + "px;height:" + size + 'px" aria-hidden="true"></span>';
  }
  function feedIcon(item, size) {
    return '<span style="color:var(--tw-feed-' + esc(item.colour) + ');display:inline-flex">' + icon(item.icon, size) + "</span>";
  }
  /* Joined texts break between the parts only. */
  function pieces(text) {
    return text.split(/( ?· ?)/).map(function (part, at) { return at % 2 ? part + "<wbr>" : '<span class="tp-piece">' + esc(part) + "</span>"; }).join("");
  }
  function put(element, html) {
    if (!element || element.__html === html) return false;
    element.__html = html;
    element.innerHTML = html;
    return true;
  }

  function mount(page) {
    var lang = page.dataset.lang === "en" ? "en" : "zh", zh = lang === "zh", scope = page.dataset.scope;
    function say(key) { return WORDS[key][zh ? 0 : 1]; }
    function $(id) { return page.querySelector("#" + id); }
    var data = null, query = "", pop = null, sized = [];
    var state = readAddress(), hovered = "", seen = {};
    var acts = window.TW.acts.bind(page, {
      choices: function () { return data && data.choices || {}; },
      find: function (item) { return data && rows().filter(function (row) { return row.item === item; })[0]; },
      redraw: function () { if (data && !data.missing) { drawList(); drawSheet(); drawWho(); } }
    });
    function rows() { return acts.hold(data.rows); }

    /* ---- address ---- */
    function readAddress() {
      var params = new URLSearchParams(location.search);
      return { cat: params.get("cat") || "", open: params.get("open") || "", later: params.get("later"), who: params.get("who") || "", q: params.get("q") || "", handled: params.get("handled") };
    }
    function writeAddress() {
      var url = new URL(location.href);
      ["cat", "open", "later", "who", "q", "handled"].forEach(function (key) {
        if (state[key]) url.searchParams.set(key, state[key]); else url.searchParams.delete(key);
      });
      if (url.href !== location.href) history.replaceState(history.state, "", url.href);
    }

    /* ---- head ---- */
    function drawHead() {
      var parts = data.headline, html = "<h1>";
      parts.forEach(function (part, at) {
        var comma = at ? '<span class="comma' + (at - 1) + (at > 1 ? " " + esc(part.tone) : "") + '">' + (zh ? "，" : ", ") + "</span>" : "";
        if (at === 1) html += comma + '<span class="rest">';
        else html += comma;
        html += '<span class="' + (at === 0 ? "first " : "") + esc(part.tone) + '">' + esc(part.text) + "</span>";
      });
      if (parts.length > 1) html += "</span>";
      html += "</h1>";
      var share = data.progress.total ? data.progress.done / data.progress.total * 100 : 0;
      html += '<div class="tp-bar"><i style="width:' + share.toFixed(1) + '%"></i></div>';
      html += '<p class="sub"><span class="wide">' + esc(data.sub.text) + '</span><span class="narrow">' + esc(data.progress.text) +
        '</span><span class="narrow">' + esc(data.sub.short) + "</span>" +
        (data.alerts ? ' <a class="tp-alerts ' + esc(data.alerts.tone) + '" href="' + esc(data.alerts.href) + '">' + (data.alerts.tone ? window.TW.glyph(data.alerts.tone, 14) : "") + esc(data.alerts.text) + "</a>" : "") + "</p>";
      put($("town-headline"), html);
      document.title = (data.headline[0].text || "") + " · " + data.town.name;
    }

    /* ---- search: drawn once, so that nobody's typing is taken away ---- */
    function drawSearch() {
      var field = $("town-search");
      if (!field || field.firstChild) return;
      field.innerHTML = '<input type="search" autocomplete="off" spellcheck="false"><kbd>/</kbd>';
      var input = field.firstChild;
      input.placeholder = field.dataset.label;
      input.setAttribute("aria-label", field.dataset.label);
      if (state.q) { input.value = state.q; query = state.q.toLowerCase(); }
      input.addEventListener("input", function () { state.q = input.value.trim(); query = state.q.toLowerCase(); writeAddress(); drawList(); drawMap(); });
      input.addEventListener("keydown", function (event) {
        if (event.key === "Escape") { input.value = query = state.q = ""; writeAddress(); input.blur(); drawList(); drawMap(); event.stopPropagation(); }
        if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); move(1, true); }
      });
    }

    /* ---- cards ---- */
    function drawCards() {
      var total = data.rows.length;
      var html = '<button type="button" class="tp-card all" data-cat="" aria-pressed="' + !state.cat + '"><span class="chip">' + say("all") + " " + total + "</span></button>";
      data.cards.forEach(function (card) {
        var pressed = state.cat === card.kind;
        var over = card.over ? '<span class="over">' + mark("alert", 13) + '<span class="long">' + esc(card.over) + '</span><span class="short">' + esc(card.over.replace(/\D+/g, "")) + "</span></span>" : "";
        html += '<button type="button" class="tp-card' + (card.old ? " old" : "") + '" data-cat="' + esc(card.kind) + '" aria-pressed="' + pressed +
          '" data-freshness="' + esc(card.freshness) + '"><span class="c1">' + feedIcon(card, 18) + esc(card.label) +
          (card.old ? '<span class="tp-old">' + mark("stale", 13) + "</span>" : "") + over +
          '</span><span class="c2"><b>' + esc(card.undone) + "</b> " + esc(card.unit) + '<span class="done">' + esc(card.note ? card.note + " · " : "") + '<span class="long">' + esc(card.done) + '</span><span class="short">' + esc(card.ratio || card.done) + "</span>" +
          '</span></span><span class="bar"><i style="width:' + ((card.share || 0) * 100).toFixed(1) + '%"></i></span>' +
          '<span class="chip">' + feedIcon(card, 17) + esc(card.label) + " " + esc(card.undone) + "</span></button>";
      });
      var beside = data.cards.filter(function (card) { return card.beside; })[0];
      put($("town-beside"), beside ? '<a href="' + esc(beside.beside.href + (zh ? "" : "&lang=en")) + '">' + feedIcon(beside, 14) + esc(beside.beside.text) + icon("chev", 14) + "</a>" : "");
      $("town-cards").classList.toggle("many", data.cards.length > 4);
      $("town-cards").classList.toggle("six", data.cards.length === 6);
      keepFocus($("town-cards"), html, "data-cat");
    }

    /* Redraw without taking the focus away from whoever is on a row or card. */
    function keepFocus(element, html, attribute) {
      if (!element || element.__html === html) return false;
      var active = document.activeElement, found = active && element.contains(active) ? active.closest("[" + attribute + "]") : null;
      var key = found ? found.getAttribute(attribute) : null, inner = found && active !== found ? active.className : "";
      put(element, html);
      if (key !== null) {
        var again = element.querySelector("[" + attribute + '="' + CSS.escape(key) + '"]');
        if (again && inner) again = again.querySelector("." + inner.split(" ")[0]) || again;
        if (again) again.focus({ preventScroll: true });
      }
      return true;
    }

    /* ---- list ---- */
    function matches(row) {
      if (state.cat && row.kind !== state.cat) return false;
      if (!whose(state.who, row)) return false;
      if (!query) return true;
      return (row.title + " " + row.sub + " " + row.owner + " " + row.place + " " + row.name_en + " " + row.type).toLowerCase().indexOf(query) >= 0;
    }
    /* free: nobody has it; mine: I have it; held: somebody does. */
    function whose(who, row) {
      var owner = row.acting ? row.acting.owner : "";
      if (who === "free") return !row.acting;
      if (who === "held") return Boolean(row.acting);
      return who !== "mine" || acts.mine(owner);
    }
    function shown() { return rows().filter(matches); }
    function drawWho() {
      var all = rows(), html = WHO.map(function (one) {
        var count = one[0] ? all.filter(function (row) { return whose(one[0], row); }).length : all.length;
        return '<button type="button" data-who="' + one[0] + '" aria-pressed="' + (state.who === one[0]) + '"' + (count ? "" : ' class="none"') + ">" + one[zh ? 1 : 2] + " " + count + "</button>";
      }).join("");
      put($("town-who"), html);
      var query = "?scope=" + encodeURIComponent(scope) + (state.who ? "&who=" + state.who : "") + (state.cat ? "&cat=" + encodeURIComponent(state.cat) : "") + (zh ? "" : "&lang=en");
      put($("town-files"), '<a href="/my' + (zh ? "" : "?lang=en") + '">' + (zh ? "我的清单" : "My list") + '</a><a href="/api/v1/export/duties.csv' + esc(query) + '" download>CSV</a><a href="/api/v1/export/duties.xlsx' + esc(query) + '" download>XLSX</a>');
    }
    function laterOpen(rows) {
      if (state.later) return state.later === "1";
      if (query) return true;
      return rows.every(function (row) { return row.group === "later" || row.group === "handled"; }) ||
        (page.clientWidth >= 1280 && rows.filter(function (row) { return row.group !== "later" && row.group !== "handled"; }).length < 9);
    }
    /* A row that was just acted upon stays where it was for ten seconds, also when it was the last of its group. */
    function groups(rows) {
      data.groups.forEach(function (group) { seen[group.key] = group; });
      return ["burning", "overdue", "soon", "later", "handled"].filter(function (key) {
        return rows.some(function (row) { return row.group === key; });
      }).map(function (key) { return seen[key] || { key: key, label: "", count: "", note: "" }; });
    }
    function drawList() {
      var rows = shown(), urgent = rows.filter(function (row) { return row.group !== "later" && row.group !== "handled"; });
      var html = "", open = laterOpen(rows);
      if (!rows.length && (query || state.cat || state.who) && data.rows.length) {
        html += '<div class="tp-empty"><b>' + say("found") + "</b></div>";
      } else if (!urgent.length) {
        html += '<div class="tp-empty"><b>' + esc(data.empty.title) + "</b>" + esc(data.empty.text) + "</div>";
      }
      groups(rows).forEach(function (group) {
        var own = rows.filter(function (row) { return row.group === group.key; });
        if (!own.length) return;
        var counted = own.length === data.rows.filter(function (row) { return row.group === group.key; }).length;
        var count = counted ? group.count : zh ? own.length + " 件" : String(own.length);
        if (group.key === "later" || group.key === "handled") {
          var unfolded = group.key === "later" ? open : state.handled === "1" || !data.rows.some(function (row) { return row.group !== "handled"; });
          html += '<button type="button" class="tp-group" data-' + group.key + ' aria-expanded="' + unfolded + '"><span class="chev">' + icon("chev", 16) + "</span><b>" + esc(group.label) +
            "</b>" + esc(count) + '<span class="note">' + esc(group.note) + "</span></button>";
          if (!unfolded) return;
        } else if (group.key !== "burning") {
          html += '<div class="tp-group" role="heading" aria-level="2">' + mark(group.key === "overdue" ? "alert" : "soon", 15) + "<b>" + esc(group.label) +
            "</b>" + esc(count) + '<span class="note">' + esc(group.note) + "</span></div>";
        }
        html += '<ul class="' + esc(group.key) + '">' + own.map(rowHtml).join("") + "</ul>";
      });
      keepFocus($("town-list"), html, "data-key");
    }
    function rowHtml(row) {
      var open = state.open === row.key;
      var old = row.old ? '<span class="tp-old">' + mark("stale", 12) + esc(row.old) + "</span>" : "";
      var pinned = row.number ? pin(row.number, row.pin, 28) : mark("open", 16);
      var name = row.name_en ? ' title="' + esc(row.name_en) + '"' : "";
      var held = row.acting || row.just, tone = row.group === "burning" ? "go" : row.group === "overdue" ? "ton" : "";
      var act = acts.button(row, tone);
      return "<li" + (open ? ' class="open"' : "") + '><div class="tp-row ' + esc(row.group) + (held ? " held" : "") + '" tabindex="0" role="button" aria-expanded="' + open + '" data-key="' + esc(row.key) + '">' +
        '<span class="pin">' + pinned + "</span>" +
        '<span class="type">' + feedIcon(row, 18) + "<span>" + esc(row.type) + "</span></span>" +
        '<div class="what"' + name + "><b>" + esc(row.title) + '</b><span class="wide">' + segments(row.steps) + "<span>" + esc(row.sub) + "</span>" + old + "</span>" +
        '<span class="mini">' + feedIcon(row, 15) + "<em>" + esc(row.due) + "</em><span>" + esc(row.owner || row.sub) + "</span>" + (row.old ? mark("stale", 13) : "") + "</span></div>" +
        '<span class="owner">' + pieces(row.owner) + (row.acting && !row.just ? '<small class="ac-state">' + esc(row.acting.word) + "</small>" : "") + "</span>" +
        '<div class="due"><b>' + esc(row.due) + "</b><span>" + esc(row.limit) + "</span></div>" +
        (act ? '<span class="tp-act">' + act + "</span></div>" : row.href ? '<a class="tp-locate" href="' + esc(row.href + (zh ? "" : "&lang=en")) + '" aria-label="' + esc(row.title) + " " + say("go") + '">' + say("go") + "</a></div>"
          : '<button type="button" class="tp-locate" aria-label="' + esc(row.title) + " " + say("locate") + '">' + say("locate") + "</button></div>") +
        (open ? detailHtml(row) : "") + "</li>";
    }
    /* Stages on the way: passed grey, the current one by how it stands, the rest empty. */
    function segments(steps) {
      if (!steps) return "";
      var html = '<i class="tp-steps" aria-hidden="true">';
      for (var at = 0; at < steps.all; at += 1) html += "<u" + (at < steps.passed ? ' class="on"' : at === steps.passed ? ' class="' + (steps.stuck ? "stuck" : "now") + '"' : "") + "></u>";
      return html + "</i>";
    }
    function detailHtml(row) {
      var html = '<div class="tp-detail"><dl>' + row.detail.map(function (item) {
        return "<dt>" + esc(item.head) + "</dt><dd>" + esc(item.text) + "</dd>";
      }).join("") + "</dl>";
      if (row.acting && (row.acting.note || row.acting.reason)) html = html.replace("</dl>", "<dt>" + say("said") + "</dt><dd>" + esc([row.acting.reason, row.acting.note].filter(Boolean).join(" · ")) + "</dd></dl>");
      var way = row.href ? '<a class="ac-btn" href="' + esc(row.href + (zh ? "" : "&lang=en")) + '">' + say("go") + "</a>" : "";
      if (row.acted && row.acted.length) {
        html += '<div class="past acted"><h3>' + say("acted") + "</h3><ul>" + row.acted.map(function (item) {
          return "<li>" + mark(item.state, 14) + "<time>" + esc(item.time) + "</time>" + esc(item.text) + "</li>";
        }).join("") + "</ul></div>";
      }
      html += '<div class="tp-menu">' + acts.menu(row) + '<button type="button" class="ac-btn" data-locate="' + esc(row.key) + '">' + say("locate") + "</button>" + way + "</div>";
      if (row.history.length) {
        html += '<div class="past"><h3>' + esc(row.past) + "</h3><ul>" + row.history.map(function (item) {
          return "<li>" + mark(item.state, 14) + "<time>" + esc(item.time) + "</time>" + esc(item.text) + "</li>";
        }).join("") + "</ul></div>";
      }
      return html + "</div>";
    }

    function rowOf(key) { return data && rows().filter(function (row) { return row.key === key; })[0]; }
    function openRow(key, locate) {
      state.open = key;
      var row = rowOf(key);
      if (row && row.group === "later" && !laterOpen(shown())) state.later = "1";
      writeAddress();
      drawList();
      drawMap();
      if (locate) { locateRow(row); return; }
      /* What was opened is not left under the bar at the foot. */
      var opened = page.querySelector(".tp-list .tp-detail");
      if (opened) opened.scrollIntoView({ block: "nearest" });
    }
    function closeRow() { state.open = ""; writeAddress(); drawList(); drawMap(); }
    function locateRow(row) {
      if (!row) return;
      window.TW.map.focus("town-map", { place: row.place, lon: row.lon, lat: row.lat });
      if (page.clientWidth < 768) {
        var places = $("town-panel-places");
        if (places) places.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "start" });
      }
    }
    function calm() { return window.matchMedia("(prefers-reduced-motion: reduce)").matches; }

    function move(step, fromSearch) {
      var rows = Array.prototype.slice.call(page.querySelectorAll(".tp-row"));
      if (!rows.length) return;
      var at = rows.indexOf(document.activeElement);
      var next = fromSearch || at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + step));
      rows[next].focus();
      rows[next].scrollIntoView({ block: "nearest" });
    }
    function setCategory(kind) {
      state.cat = state.cat === kind ? "" : kind;
      writeAddress();
      drawCards();
      drawList();
      drawMap();
    }

    /* ---- map ---- */
    function pickPin(key) {
      openRow(key, false);
      var listed = page.querySelector('.tp-row[data-key="' + CSS.escape(key) + '"]');
      if (listed) { listed.scrollIntoView({ block: "nearest" }); listed.focus({ preventScroll: true }); }
    }
    function drawMap() {
      var element = $("town-map");
      if (!data || !element) return;
      var keep = {}, open = rowOf(state.open);
      shown().forEach(function (row) { keep[row.key] = true; });
      window.TW.map.town("town-map", Object.assign({}, data.map, {
          pins: data.map.pins.map(function (item) { return Object.assign({}, item, { muted: !keep[item.key], selected: item.key === state.open || item.key === hovered }); }),
          selected: open ? open.place : null
        }), pickPin);
      var words = data.map.legend, legend = [["lapsed", words.overdue], ["soon", words.soon], ["open", words.open], ["met", words.met]];
      if (data.map.points.some(function (point) { return point.state === "unobservable"; })) legend.push(["unobservable", words.unobservable]);
      legend.push(["unit", words.unit], ["gate", words.checkpoint]);
      put($("town-legend"), '<span class="tp-legend">' + legend.map(function (item) { return "<span>" + mark(item[0], 14) + esc(item[1]) + "</span>"; }).join("") + "</span>");
    }

    /* ---- charts drawn at the width they have, so that their text keeps its size ---- */
    function text(x, y, s, size, fill, anchor, weight) {
      return '<text x="' + x.toFixed(1) + '" y="' + y.toFixed(1) + '" font-size="' + size + '" font-weight="' + (weight || 400) + '" text-anchor="' + (anchor || "start") +
        '" style="fill:var(--tw-' + (fill || "text-2") + ')">' + esc(s) + "</text>";
    }
    function hatch(id, gap, width) {
      return '<pattern id="' + id + '" width="' + gap + '" height="' + gap + '" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="' + width +
        '" height="' + gap + '" style="fill:var(--tw-stale)" opacity=".75"/></pattern>';
    }
    function widthOf(element) { return Math.max(240, Math.round(element.clientWidth || 0)); }

    function drawShift() {
      var element = $("town-shift");
      if (!element) return;
      var shift = data.shift, words = shift.legend;
      put($("town-shift-legend"), '<span class="tp-legend">' + [["moving", "var(--tp-pale)"], ["standing", "var(--tp-faint)"], ["silent", null]].map(function (item) {
        var style = item[1] ? "background:" + item[1] : "background:repeating-linear-gradient(135deg,var(--tw-stale) 0 1.3px,transparent 1.3px 4px)";
        return '<span><i style="width:14px;height:8px;border-radius:1px;display:inline-block;' + style + '"></i>' + esc(words[item[0]]) + "</span>";
      }).join("") + "</span>");
      if (!shift.rows.length) { put(element, '<p class="tp-none">' + esc(shift.empty) + "</p>"); return; }
      var W = widthOf(element), left = Math.min(168, Math.round(W * .27)), right = 50, fs = 12.5;
      var X = function (ms) { return left + (ms - shift.from) / (shift.to - shift.from) * (W - left - right); };
      var rh = shift.rows.map(function (row) { return Math.max(36, row.lanes.length * 18 + 14); });
      var body = rh.reduce(function (a, b) { return a + b; }, 0), H = body + 26, now = shift.now, y = 0;
      var o = '<svg class="tp-svg" viewBox="0 0 ' + W + " " + H + '" role="img" aria-label="' + esc(shift.rows.map(function (row) { return row.label; }).join(zh ? "；" : "; ")) + '"><defs>' + hatch("tpsh", 6, 2) + "</defs>";
      shift.ticks.forEach(function (tick) {
        var x = X(tick[0]);
        o += '<path d="M' + x.toFixed(1) + ",0V" + (H - 24) + '" style="stroke:var(--tw-line)"/>';
        if (Math.abs(x - X(now)) > 30) o += text(x, H - 8, tick[1], fs - .5, "text-3", "middle");
      });
      shift.rows.forEach(function (row, at) {
        var h = rh[at], cy = y + h / 2 - 1, lanes = row.lanes.length || 1, lh = lanes > 1 ? Math.min(12, (h - 12) / lanes - 2) : 14;
        o += "<g><title>" + esc(row.label + (row.units ? " · " + row.units : "")) + "</title>";
        o += text(0, row.units ? cy - 1 : cy + 5, clip(row.name, left - 8, fs + 1), fs + 1, "text", "start", 700) + text(0, cy + 14, clip(row.units, left - 8, fs - .5), fs - .5, "text-3");
        (row.lanes.length ? row.lanes : [{ bands: [] }]).forEach(function (lane, k) {
          var top = cy - (lanes * (lh + 2) - 2) / 2 + k * (lh + 2);
          o += '<rect x="' + X(shift.from).toFixed(1) + '" y="' + top.toFixed(1) + '" width="' + (X(shift.to) - X(shift.from)).toFixed(1) + '" height="' + lh.toFixed(1) + '" rx="2" style="fill:var(--tw-sunken)"/>';
          lane.bands.forEach(function (band) {
            var a = Math.max(band[1], shift.from), b = Math.min(band[2], shift.to);
            if (b <= a) return;
            var fill = band[0] === "moving" ? "var(--tp-pale)" : band[0] === "standing" ? "var(--tp-faint)" : "url(#tpsh)";
            o += '<rect x="' + X(a).toFixed(1) + '" y="' + top.toFixed(1) + '" width="' + Math.max(1, X(b) - X(a) - .5).toFixed(1) + '" height="' + lh.toFixed(1) + '" rx="1.5" style="fill:' + fill + '"/>';
          });
        });
        row.visits.forEach(function (ms) { if (ms >= shift.from && ms <= shift.to) o += '<circle cx="' + X(ms).toFixed(1) + '" cy="' + cy.toFixed(1) + '" r="2.8" style="fill:var(--tw-feed-patrol)"/>'; });
        row.dues.forEach(function (due) { o += dueMark(X(due[0]), cy, due[1], due[2]); });
        o += text(W, cy + 5, row.text, fs + 1, "text", "end", 700) + "</g>";
        y += h;
      });
      var nx = X(Math.min(Math.max(now, shift.from), shift.to));
      o += '<path d="M' + nx.toFixed(1) + ",-4V" + (H - 22) + '" style="stroke:var(--tw-text)" stroke-width="1.5"/><rect x="' + (nx - 20).toFixed(1) + '" y="' + (H - 22) +
        '" width="40" height="18" rx="3" style="fill:var(--tw-text)"/>' + text(nx, H - 9, shift.clock, 12, "bg", "middle", 700);
      put(element, o + "</svg>");
    }
    function dueMark(x, y, kind, count) {
      var mark = '<g transform="translate(' + x.toFixed(1) + "," + y.toFixed(1) + ')">';
      var label = count > 1 ? count : "";
      if (kind === "lapsed") mark += '<path d="M0,-8.5l8.5,8.5l-8.5,8.5l-8.5,-8.5Z" style="fill:var(--tw-alert);stroke:var(--tw-surface)" stroke-width="1.5"/>' + (label ? text(0, 3.8, label, 10.5, "alert-on", "middle", 700) : "");
      else if (kind === "soon") mark += '<circle r="' + (label ? 7.4 : 4.6) + '" style="fill:var(--tw-surface);stroke:var(--tw-watch)" stroke-width="2.6"/>' + (label ? text(0, 3.6, label, 10.5, "text", "middle", 700) : "");
      else if (kind === "unobservable") mark += '<rect x="-6.5" y="-6.5" width="13" height="13" rx="1.5" style="fill:var(--tw-surface);stroke:var(--tw-stale-text)" stroke-width="1.3" stroke-dasharray="2.2 1.6"/>' + (label ? text(0, 3.8, label, 10.5, "text-2", "middle") : '<path d="M-3,3L3,-3" style="stroke:var(--tw-stale-text)" stroke-width="1.4"/>');
      else mark += '<circle r="' + (label ? 7.4 : 3.6) + '" style="fill:var(--tw-surface);stroke:var(--tw-feed-patrol)" stroke-width="1.6"/>' + (label ? text(0, 3.7, label, 10.5, "text-2", "middle") : "");
      return mark + "</g>";
    }
    /* Text cut to a width by a rough measure: Han are as wide as they are high, Latin a little over half. */
    function clip(value, width, size) {
      var used = 0;
      for (var at = 0; at < value.length; at += 1) {
        used += value.charCodeAt(at) > 0x2e80 ? size : size * .56;
        if (used > width) return value.slice(0, Math.max(1, at - 1)) + "…";
      }
      return value;
    }

    function drawWeek() {
      put($("town-week"), data.week.map(function (item) {
        var known = item.values.filter(function (value) { return value !== null; });
        var most = Math.max.apply(null, known.concat([0])) || 1;
        var bars = item.values.map(function (value, at) {
          var last = at === item.values.length - 1, cls = (last ? "now" : "") + (last && item.old ? " old" : "");
          var tip = item.days[at] + " " + item.texts[at];
          if (value === null) return '<i class="none" title="' + esc(tip) + '"></i>';
          return '<i class="' + cls + '" style="height:' + Math.max(4, value / most * 100).toFixed(1) + '%" title="' + esc(tip) + '"></i>';
        }).join("");
        return '<div class="' + (item.old ? "old" : "") + '" data-kpi="' + esc(item.kpi) + '" data-town="' + esc(item.town) + '" data-value="' + esc(item.raw) + '" data-freshness="' + esc(item.freshness) +
          '"><span class="k" title="' + esc(item.label) + '">' + esc(item.label) + '</span><span class="v"><b>' + esc(item.value) + (item.unit === "%" ? "%" : "") + "</b><small>" +
          esc(item.unit === "%" ? "" : item.unit) + '</small></span><span class="d">' + (esc(item.delta) || "&nbsp;") + '</span><div class="tp-cols" role="img" aria-label="' +
          esc(item.days.map(function (day, at) { return day + " " + item.texts[at]; }).join(zh ? "，" : ", ")) + '">' + bars + "</div></div>";
      }).join(""));
    }

    /* ---- figures and their help ---- */
    function drawFigures() {
      var html = data.figures.map(function (feed) {
        var old = feed.freshness === "stale" || feed.freshness === "silent";
        return '<div class="tp-feed"><div class="tp-feed-head">' + feedIcon(feed, 18) + "<span>" + esc(feed.label) + '</span><span class="age' + (old ? " tw-stale" : "") +
          '" data-received="' + esc(feed.received) + '" data-late="' + feed.late + '" data-stale="' + feed.stale + '" data-lang="' + lang + '">' + mark(old ? "stale" : feed.freshness === "late" ? "watch" : "ok", 12) +
          '<span data-age>' + esc(tw.ageText(feed.received, lang)) + '</span></span></div><div class="tp-tiles">' + feed.tiles.map(tileHtml).join("") + "</div></div>";
      }).join("");
      if (keepFocus($("town-figures"), html, "data-tile") && pop) placePop();
    }
    function tileHtml(tile) {
      var judged = tile.status !== "ok" && tile.status !== "empty";
      var open = pop && pop.kpi === tile.kpi;
      return '<div class="tp-tile ' + esc(tile.status) + '" data-tile="' + esc(tile.kpi) + '" data-kpi="' + esc(tile.kpi) + '" data-town="' + esc(tile.town) + '" data-value="' + esc(tile.raw) +
        '" data-freshness="' + esc(tile.freshness) + '"><div class="k"><span title="' + esc(tile.label) + '">' + esc(tile.label) + '</span><button type="button" class="tp-help" data-help="' + esc(tile.kpi) +
        '" aria-expanded="' + Boolean(open) + '" aria-label="' + esc(tile.label) + " " + say("help") + '">' + icon("info", 15) + "</button>" +
        (judged ? '<span class="st">' + mark(tile.status === "silent" ? "stale" : tile.status, 12) + esc(tile.status_word) + "</span>" : "") + '</div><div class="v"><b>' + esc(tile.value) + "</b><small>" + esc(tile.unit) +
        '</small></div>' + (tile.parts ? '<div class="p">' + pieces(tile.parts) + "</div>" : "") + (tile.delta ? '<div class="d">' + esc(tile.delta) + "</div>" : "") + "</div>";
    }
    function tileOf(kpi) {
      var found = null;
      data.figures.forEach(function (feed) { feed.tiles.forEach(function (tile) { if (tile.kpi === kpi) found = tile; }); });
      return found;
    }
    function openPop(kpi) {
      if (pop && pop.kpi === kpi) { closePop(true); return; }
      pop = { kpi: kpi };
      drawFigures();
      drawPop();
      placePop();
      var close = $("town-pop").querySelector("button");
      if (close) close.focus({ preventScroll: true });
    }
    function closePop(back) {
      if (!pop) return;
      var kpi = pop.kpi;
      pop = null;
      put($("town-pop"), "");
      drawFigures();
      var button = back && page.querySelector('[data-help="' + CSS.escape(kpi) + '"]');
      if (button) button.focus({ preventScroll: true });
    }
    function drawPop() {
      if (!pop) return;
      var tile = tileOf(pop.kpi);
      if (!tile) { closePop(false); return; }
      var help = tile.help, focused = $("town-pop").contains(document.activeElement);
      var changed = put($("town-pop"), '<div class="tp-pop" role="dialog" aria-label="' + esc(help.title) + '"><h3>' + esc(help.title) + '<button type="button" data-close aria-label="' + say("close") + '">' + icon("x", 18) +
        "</button></h3><dl>" + help.rows.map(function (row) {
          return "<dt>" + esc(row.head) + "</dt><dd>" + (row.number ? "<b>" + esc(row.number) + "</b>" : "") + esc(row.text) + "</dd>";
        }).join("") + "</dl><footer><span>known_seq " + esc(help.seq) + '</span><a href="/api/v1/figures?town=' + esc(tile.town) + "&amp;kpi=" + esc(tile.kpi) + '" target="_blank" rel="noopener">' + say("records") + " ›</a></footer></div>");
      if (changed) {
        placePop();
        if (focused) $("town-pop").querySelector("button").focus({ preventScroll: true });
      }
    }
    function placePop() {
      var box = $("town-pop").firstElementChild, button = pop && page.querySelector('[data-help="' + CSS.escape(pop.kpi) + '"]');
      if (!box || !button) return;
      var tile = button.closest(".tp-tile") || button;
      var at = tile.getBoundingClientRect(), host = box.offsetParent ? box.offsetParent.getBoundingClientRect() : { left: 0, top: 0 };
      var width = box.offsetWidth, height = box.offsetHeight, room = document.documentElement.clientWidth;
      var left = Math.max(12, Math.min(at.left, room - width - 12)), below = at.bottom + 4;
      var reserve = page.clientWidth < 768 ? 72 : 8;
      var top = below + height > window.innerHeight - reserve && at.top - height - 4 > 60 ? at.top - height - 4 : below;
      box.style.left = left - host.left + "px";
      box.style.top = top - host.top + "px";
    }

    /* ---- checkpoints ---- */
    function drawGates() {
      var gates = data.checkpoints;
      if (!gates.rows.length) { put($("town-gates"), '<p class="tp-none">' + esc(gates.empty) + "</p>"); return; }
      put($("town-gates"), '<div class="tp-wide"><table class="tp-table' + (gates.old ? " old" : "") + '"><thead><tr>' + gates.heads.map(function (head, at) {
        return "<th" + (at > 1 ? ' class="num"' : "") + ' scope="col">' + esc(head) + "</th>";
      }).join("") + "</tr></thead><tbody>" + gates.rows.map(function (row) {
        return '<tr data-place="' + esc(row.place) + '"><td title="' + esc(row.name_en) + '">' + esc(row.name) + '</td><td><span class="state ' + esc(row.shape) + '">' + mark(row.shape, 13) + esc(row.word) +
          '</span></td><td class="num" data-received="' + esc(row.last_at) + '" data-lang="' + lang + '"' + (row.last_at ? " data-age" : "") + ">" + esc(row.last) + '</td><td class="num">' + esc(row.screened) + '</td><td class="num' +
          (row.pending ? " bad" : "") + '">' + esc(row.fever) + '</td><td class="num' + (row.drift_over ? " watch" : "") + '">' + '<span class="state">' + (row.drift_over ? mark("watch", 12) : "") + esc(row.drift) + "</span>" +
          (row.drift_device ? '<small title="' + esc(row.drift_device_full) + '">' + esc(row.drift_device) + "</small>" : "") + "</td></tr>";
      }).join("") + "</tbody></table></div>");
    }

    /* ---- hourly: columns, yesterday as a dashed step, fever as a strip on the same axis ---- */
    function drawHourly() {
      var element = $("town-hourly"), hours = data.hourly, words = hours.legend;
      if (!element) return;
      var line = '<svg width="16" height="8" viewBox="0 0 16 8" aria-hidden="true"><path d="M0,4H16" style="stroke:var(--tw-text-3)" stroke-width="1.5" stroke-dasharray="4 3"/></svg>';
      put($("town-hourly-legend"), '<span class="tp-legend"><span><i style="width:10px;height:10px;border-radius:1px;display:inline-block;background:var(--tw-ramp-b)"></i>' + esc(words.today) + "</span><span>" + line + esc(words.yesterday) +
        "</span>" + (hours.fevers.length ? "<span>" + mark("fever", 12) + esc(words.fever) + "</span><span>" + mark("lapsed", 12) + esc(words.pending) + "</span>" : "") + "</span>");
      var W = widthOf(element), top = 20, plot = 116, strip = hours.fevers.length ? 22 : 0, H = top + plot + strip + 22, bw = W / 24;
      var most = Math.max.apply(null, hours.today.concat(hours.yesterday, [1])), Y = function (v) { return top + plot - v / most * plot; };
      var o = '<svg class="tp-svg" viewBox="0 0 ' + W + " " + H + '" role="img" aria-label="' + esc(hours.label) + '"><defs>' + hatch("tphh", 7, 2) + "</defs>";
      o += '<path d="M0,' + (top + plot + .5) + "H" + W + '" style="stroke:var(--tw-line-strong)"/>';
      if (hours.old_from !== null) {
        var a = hours.old_from / 1440 * W, b = hours.minute / 1440 * W;
        if (b > a) o += '<rect x="' + a.toFixed(1) + '" y="' + top + '" width="' + (b - a).toFixed(1) + '" height="' + plot + '" fill="url(#tphh)" opacity=".5"/>';
      }
      hours.today.forEach(function (value, hour) {
        if (hour > hours.hour || !value) return;
        var y = Y(value);
        o += '<rect x="' + (hour * bw + 1.5).toFixed(1) + '" y="' + y.toFixed(1) + '" width="' + (bw - 3).toFixed(1) + '" height="' + (top + plot - y).toFixed(1) + '" rx="1" style="fill:var(--tw-ramp-b)"' + (hour === hours.hour ? ' opacity=".55"' : "") + "/>";
      });
      if (hours.yesterday.some(Boolean)) {
        var d = "";
        hours.yesterday.forEach(function (value, hour) { d += (hour ? "V" : "M0,") + Y(value).toFixed(1) + "H" + ((hour + 1) * bw).toFixed(1); });
        o += '<path d="' + d + '" fill="none" style="stroke:var(--tw-text-3)" stroke-width="1.3" stroke-dasharray="4 3"/>';
      }
      if (hours.peak !== null) o += text(Math.min(W - 14, Math.max(14, (hours.peak + .5) * bw)), Y(hours.today[hours.peak]) - 6, hours.peak_text, 12.5, "text", "middle", 700);
      if (hours.empty) o += '<g style="paint-order:stroke;stroke:var(--tw-surface)" stroke-width="5">' + text(W / 2, top + plot / 2, hours.empty, 13, "text-2", "middle") + "</g>";
      var sy = top + plot + 12;
      hours.fevers.forEach(function (fever) {
        var x = fever.minute / 1440 * W;
        o += fever.pending ? '<path transform="translate(' + x.toFixed(1) + "," + sy + ')" d="M0,-6l6,6l-6,6l-6,-6Z" style="fill:var(--tw-alert);stroke:var(--tw-surface)" stroke-width="1"/>'
          : '<circle cx="' + x.toFixed(1) + '" cy="' + sy + '" r="4" style="fill:var(--tw-surface);stroke:var(--tw-feed-temp)" stroke-width="1.6"/>';
      });
      hours.ticks.forEach(function (tick) {
        var x = tick[0] / 24 * W;
        o += text(x, H - 5, tick[1], 12, "text-3", tick[0] === 0 ? "start" : tick[0] === 24 ? "end" : "middle");
      });
      put(element, o + "</svg>");
    }

    /* ---- phone: the burning item and the tabs ---- */
    function drawSheet() {
      var hot = rows().filter(function (row) { return row.group === "burning"; })[0];
      var sheet = $("town-sheet");
      put(sheet, hot ? '<div class="l">' + pin(hot.number, "alert", 34) + "<div><b>" + esc(hot.title) + '</b><span class="s"><em>' + esc(hot.due) + "</em>" + esc(hot.sub) +
        '</span></div></div><div class="acts"><button type="button" class="see" data-see="' + esc(hot.key) + '">' + icon("list", 20) + say("detail") + '</button>' +
        (hot.acts && hot.acts.length ? acts.button(hot, "go") : '<button type="button" class="go" data-go="' + esc(hot.key) + '">' + icon("map", 20) + say("locate") + "</button>") + "</div>" : "");
      page.style.setProperty("--tp-sheet", hot ? (sheet.offsetHeight || 0) + "px" : "0px");
      var tab = page.querySelector('[data-target="town-todo"] .tp-tab-icon'), link = page.querySelector('[data-target="town-todo"]');
      if (tab && link) {
        if (data.rows.length) link.setAttribute("data-count", data.rows.length); else link.removeAttribute("data-count");
      }
    }
    function markTab() {
      var tabs = page.querySelectorAll(".tp-tab"), current = null;
      tabs.forEach(function (tab) {
        var target = $(tab.dataset.target);
        if (target && target.getBoundingClientRect().top <= window.innerHeight * .4) current = tab;
      });
      tabs.forEach(function (tab) { if (tab === (current || tabs[0])) tab.setAttribute("aria-current", "true"); else tab.removeAttribute("aria-current"); });
    }

    /* ---- all ---- */
    function drawAll() {
      if (!data) return;
      if (data.missing) { put($("town-headline"), "<h1>—</h1>"); return; }
      drawHead();
      drawCards();
      drawWho();
      drawList();
      drawMap();
      drawShift();
      put($("town-on-duty"), esc(data.on_duty));
      drawWeek();
      drawFigures();
      drawPop();
      drawGates();
      drawHourly();
      drawSheet();
      markTab();
    }

    function onClick(event) {
      var target = event.target, found;
      if ((found = target.closest(".tp-card"))) { if (found.dataset.cat) setCategory(found.dataset.cat); else { state.cat = ""; writeAddress(); drawCards(); drawList(); drawMap(); } return; }
      if ((found = target.closest("[data-who]"))) { state.who = found.dataset.who; writeAddress(); drawWho(); drawList(); drawMap(); return; }
      if (target.closest("[data-handled]")) { state.handled = state.handled === "1" ? "" : "1"; writeAddress(); drawList(); return; }
      if ((found = target.closest("[data-locate]"))) { locateRow(rowOf(found.dataset.locate)); return; }
      if (target.closest("[data-later]")) { state.later = laterOpen(shown()) ? "0" : "1"; writeAddress(); drawList(); return; }
      if ((found = target.closest("[data-help]"))) { openPop(found.dataset.help); return; }
      if (target.closest("[data-close]")) { closePop(true); return; }
      if ((found = target.closest("[data-go]"))) { openRow(found.dataset.go, true); return; }
      if ((found = target.closest("[data-see]"))) { openRow(found.dataset.see, false); var row = page.querySelector('.tp-row[data-key="' + CSS.escape(found.dataset.see) + '"]'); if (row) row.scrollIntoView({ block: "center" }); return; }
      if ((found = target.closest(".tp-tab"))) {
        event.preventDefault();
        var part = $(found.dataset.target);
        if (part) part.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "start" });
        return;
      }
      if (target.closest("a.tp-locate")) return;
      if ((found = target.closest(".tp-row"))) {
        var locate = Boolean(target.closest(".tp-locate")), key = found.dataset.key;
        if (!locate && state.open === key) closeRow(); else openRow(key, locate || page.clientWidth >= 768);
        return;
      }
    }
    function onOutside(event) {
      if (pop && !event.target.closest("#town-pop") && !event.target.closest("[data-help]")) closePop(false);
    }
    function onKey(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      var field = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName || "");
      if (event.key === "Escape") {
        if (pop) closePop(true); else if (state.open) closeRow(); else if (state.cat) setCategory(state.cat);
        return;
      }
      if (field || acts.busy()) return;
      if (event.key === "u") { acts.undo(); return; }
      if (event.key === "j" || event.key === "k") { event.preventDefault(); move(event.key === "j" ? 1 : -1); return; }
      if (event.key === "a") {
        var chosen = document.activeElement && document.activeElement.closest && document.activeElement.closest(".tp-row");
        var row_ = rowOf(chosen ? chosen.dataset.key : state.open);
        if (row_) { event.preventDefault(); acts.press(row_); }
        return;
      }
      if (event.key === "/") { var input = page.querySelector("#town-search input"); if (input) { event.preventDefault(); input.focus(); input.select(); } return; }
      if (/^[1-9]$/.test(event.key) && data && !data.missing && data.cards[Number(event.key) - 1]) { setCategory(data.cards[Number(event.key) - 1].kind); return; }
      if (event.target.closest && event.target.closest(".leaflet-container")) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); move(event.key === "ArrowDown" ? 1 : -1); return; }
      var row = event.target.classList && event.target.classList.contains("tp-row") ? event.target : null;
      if (row && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        if (state.open === row.dataset.key) closeRow(); else openRow(row.dataset.key, true);
      }
    }
    function onSize() { if (data && !data.missing) { drawMap(); drawShift(); drawHourly(); drawList(); if (pop) placePop(); } }
    function onPop() { state = readAddress(); if (data && !data.missing) drawAll(); }

    drawSearch();
    put($("town-list"), new Array(6).join("x").split("").concat("x").map(function () { return '<div class="tp-wait"><i style="width:62%"></i></div>'; }).join(""));
    page.addEventListener("click", onClick);
    /* Pointing at a row shows where it is. */
    page.addEventListener("mouseover", function (event) {
      var row = event.target.closest && event.target.closest(".tp-row"), key = row ? row.dataset.key : "";
      if (key !== hovered && data && !data.missing) { hovered = key; drawMap(); }
    });
    document.addEventListener("click", onOutside);
    document.addEventListener("keydown", onKey);
    window.addEventListener("scroll", markTab, { passive: true });
    window.addEventListener("popstate", onPop);
    var observer = new ResizeObserver(onSize);
    ["town-map", "town-shift", "town-hourly"].forEach(function (id) { var element = $(id); if (element) observer.observe(element); });
    var first = true;
    var notices = window.townMarks.notices(page, lang);
    function without(told) { return function () { told(); if (!data) { put($("town-headline"), "<h1>—</h1>"); put($("town-list"), ""); } }; }
    var end = tw.subscribe("town", scope, lang, function (document_) {
      notices.clear();
      data = document_;
      drawAll();
      if (first && !data.missing && state.open && rowOf(state.open)) { first = false; locateRow(rowOf(state.open)); }
      first = false;
    }, { trouble: without(notices.trouble), refused: without(notices.refused) });
    return function () {
      end();
      acts.end();
      observer.disconnect();
      document.removeEventListener("click", onOutside);
      document.removeEventListener("keydown", onKey);
      window.removeEventListener("scroll", markTab);
      window.removeEventListener("popstate", onPop);
    };
  }

  tw.onPage("#town-page", mount);
})();
