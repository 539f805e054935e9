/* 地点与巡段: draws the view "places": list, map, changes. Words and values come from the server. What is changed goes through
   callbacks/places.py: put into #places-ask, answered in #places-answer. The form stands in the kit's drawer and sends only
   what was changed. Only the page's own in the address: edit (which change is being taken back). */
(function () {
  "use strict";
  var TW = window.TW, turn = 0, MAP = "places-map";
  var space = window.dash_clientside = window.dash_clientside || {};
  space.townwatch_places = {
    answer: function (data) {
      if (data) document.dispatchEvent(new CustomEvent("townwatch:places", { detail: data }));
      return data ? data.turn : null;
    }
  };
  function ask(question) {
    turn += 1;
    question.turn = turn;
    try { window.dash_clientside.set_props("places-ask", { data: question }); } catch (error) { return 0; }
    return turn;
  }
  /* Kinds on the map, drawn alike on the canvas and in the legend. */
  var ORDER = ["rental", "enterprise", "patrol_point", "venue", "checkpoint", "station"];
  var INK = { checkpoint: "feed-temp", patrol_point: "feed-patrol", enterprise: "feed-ent", venue: "text-3", station: "text", rental: "feed-dispute" };
  function legendMark(kind) {
    var ink = "var(--tw-" + INK[kind] + ")", o = "";
    if (kind === "checkpoint") o = '<rect x="-6" y="-6" width="12" height="12" rx="2.5" style="fill:' + ink + '"/><path d="M-3.4,0H3.4" style="stroke:var(--tw-surface)" stroke-width="2.2"/>';
    else if (kind === "station") o = '<circle r="6" style="fill:' + ink + '"/><circle r="2.2" style="fill:var(--tw-surface)"/>';
    else if (kind === "venue") o = '<rect x="-4" y="-4" width="8" height="8" style="fill:var(--tw-surface);stroke:' + ink + '" stroke-width="1.6"/>';
    else if (kind === "rental") o = '<circle r="3.4" style="fill:var(--tw-surface);stroke:' + ink + '" stroke-width="1.4"/>';
    else o = '<circle r="3.6" style="fill:' + ink + '"/>';
    return '<svg style="width:14px;height:14px;flex:none" viewBox="-8 -8 16 16" aria-hidden="true">' + o + "</svg>";
  }
  function dot(pen, x, y, kind, ink, ground, many) {
    pen.fillStyle = ink;
    pen.strokeStyle = ground;
    pen.lineWidth = 1;
    pen.beginPath();
    if (kind === "checkpoint") {
      pen.roundRect(x - 5.5, y - 5.5, 11, 11, 2);
      pen.fill();
      pen.stroke();
      pen.beginPath();
      pen.moveTo(x - 3.2, y);
      pen.lineTo(x + 3.2, y);
      pen.lineWidth = 2;
      pen.stroke();
    } else if (kind === "venue" || kind === "rental") {
      if (kind === "venue") pen.rect(x - 3.4, y - 3.4, 6.8, 6.8); else pen.arc(x, y, 2.6, 0, 7);
      pen.fillStyle = ground;
      pen.fill();
      pen.strokeStyle = ink;
      pen.lineWidth = 1.4;
      pen.stroke();
    } else if (kind === "station") {
      pen.arc(x, y, 5.6, 0, 7);
      pen.fill();
      pen.stroke();
      pen.beginPath();
      pen.arc(x, y, 2, 0, 7);
      pen.fillStyle = ground;
      pen.fill();
    } else {
      pen.arc(x, y, kind === "patrol_point" ? 3.2 : many ? 1.8 : 2.6, 0, 7);
      pen.globalAlpha = kind === "patrol_point" ? 0.85 : 0.62;
      pen.fill();
      pen.globalAlpha = 1;
    }
  }

  TW.desk("places", function (ctx) {
    var esc = ctx.esc, icon = ctx.icon, form = null, back = null, said = { text: "" }, picking = false;
    function w() { return ctx.data.words; }
    function fill(text, n) { return text.replace("{n}", n); }

    /* ---- list ---- */
    function columns(part) {
      var narrow = Boolean(ctx.get("open")) || ctx.page.clientWidth < 700;
      var name = { field: "name", head: w().name, grow: 3, html: true }, town = { field: "town", head: w().town, width: 96 }, soon = { field: "soon", head: w().soon, width: narrow ? 110 : 150, html: true };
      var code = { field: "code", head: w().code, width: 148 };
      if (part === "beats") return narrow ? [name, town, soon] : [name, town, { field: "places", head: w().members, width: 70, num: true }, { field: "units", head: w().units, grow: 3 }, soon];
      if (part === "units") return narrow ? [name, town, soon] : [name, code, town, { field: "leader", head: w().leader, width: 84 }, { field: "beats", head: w().beats, grow: 3 }, { field: "devices", head: ctx.say("设备", "Devices"), grow: 2 }, soon];
      return narrow ? [name, town, soon] : [name, code, town, { field: "beat", head: w().beat, width: 104 }, soon];
    }
    function drawList() {
      var data = ctx.data, log = data.part === "changes";
      ctx.$("log").hidden = !log;
      ctx.page.querySelector(".pl-list .dk-register").hidden = log;
      var add = { places: ["place", w().add_place], beats: ["beat", w().add_beat], units: ["unit", w().add_unit] }[data.part];
      var count = log ? data.log.length : data.rows.length;
      var note = "<span>" + esc(fill(ctx.say("{n} 行", "{n} rows"), count.toLocaleString("en"))) + "</span>";
      if (!data.may) note += "<span>" + esc(w().read_only) + "</span>";
      else if (add) note += '<button type="button" class="dk-btn sm" data-k="add" data-add="' + add[0] + '">' + icon("plus", 16) + esc(add[1]) + "</button>";
      ctx.put(ctx.$("list-note"), note);
      ctx.put(ctx.page.querySelector("#places-list .dk-panel-head h2"), esc(ctx.filter("part").choices.filter(function (one) { return one.value === data.part; })[0].text));
      if (log) { ctx.put(ctx.$("log"), changes()); placeBack(); return; }
      data.rows.forEach(function (row) {
        row._name = '<span class="pl-kind">' + (row.kind ? legendMark(row.kind) : "") + '<b class="pl-name">' + esc(row.name) + "</b></span>" + (row.bare ? "<em>" + esc(w().bare) + "</em>" : "");
        row._soon = row.soon ? '<span class="pl-soon">' + window.townMarks.mark("due", 12) + esc(row.soon) + "</span>" : "";
        row.label = [row.name, row.kind_name, row.town].filter(Boolean).join(ctx.en ? ", " : "，");
      });
      if (ctx.gridPart !== data.part) { ctx.gridPart = data.part; ctx.gridShape = ctx.gridText = ""; }
      TW.desk.register(ctx, columns(data.part), data.rows, w().none);
    }

    /* ---- changes ---- */
    function fate(one) {
      var kind = one.fate === "taken" ? "" : one.fate === "scheduled" ? "due" : "ok";
      return '<span class="ru-state ' + esc(one.fate) + '">' + (kind ? window.townMarks.mark(kind, 12) : "") + esc(one.state) + "</span>";
    }
    function act(one) {
      if (!one.edit) return "";
      var kind = one.ahead && one.fate === "scheduled" ? "cancel" : "restore", id = kind + ":" + one.number;
      return '<button type="button" class="dk-text" data-k="act-' + esc(id + one.id) + '" data-back="' + esc(id) + '" aria-expanded="' + (ctx.get("edit") === id) + '">' + esc(kind === "cancel" ? w().cancel : w().restore) + "</button>";
    }
    function slot(one, first, wide) {
      var id = ctx.get("edit");
      if (!first || id !== "cancel:" + one.number && id !== "restore:" + one.number) return "";
      var inner = '<div data-slot="' + esc(id) + '"></div>';
      return wide ? '<tr class="ru-slot"><td colspan="' + wide + '">' + inner + "</td></tr>" : inner;
    }
    function changes() {
      var data = ctx.data, seen = {};
      if (!data.log.length) return '<p class="dk-none">' + esc(w().no_changes) + "</p>";
      return '<div class="dk-rows"><table class="dk-table ru-table ru-log"><thead><tr>' + w().heads.map(function (head) { return '<th scope="col">' + esc(head) + "</th>"; }).join("") + "<th></th></tr></thead><tbody>" + data.log.map(function (one) {
        var first = !seen[one.number];
        seen[one.number] = true;
        return '<tr data-k="log-' + one.number + esc(one.id) + '" data-change="' + one.number + '" class="' + esc(one.fate) + '"><td class="t">' + esc(one.at) + "</td><td>" + esc(one.who) + '</td><td><b class="ru-name">' + esc(one.name) + "</b><em>" + esc([one.kind, one.town].filter(Boolean).join(" ")) + "</em></td><td>" + esc(one.before) + "</td><td><b>" + esc(one.after) + '</b></td><td class="t">' + esc(one.from) + "</td><td>" + fate(one) + '</td><td class="why">' + esc(one.reason) + '</td><td class="c-act">' + (first ? act(one) : "") + "</td></tr>" + slot(one, first, 9);
      }).join("") + "</tbody></table></div>";
    }
    function drawRecent() {
      var list = ctx.data.recent, seen = {};
      if (!list.length) { ctx.put(ctx.$("recent"), '<p class="dk-none">' + esc(w().no_changes) + "</p>"); return; }
      ctx.put(ctx.$("recent"), '<ul class="ru-cards">' + list.map(function (one) {
        var first = !seen[one.number], log = ctx.data.part === "changes";
        seen[one.number] = true;
        return '<li data-change="' + one.number + '"><div class="top"><b>' + esc(one.name) + "</b><span>" + esc(one.at) + '</span></div><div class="val"><span>' + esc(one.before) + "</span>→ <b>" + esc(one.after) + '</b></div><div class="by"><span>' + esc([one.who, one.from + ctx.say("起", ""), one.reason].filter(Boolean).join(" · ")) + "</span>" + fate(one) + (log ? "" : first ? act(one) : "") + "</div>" + (log ? "" : slot(one, first, 0)) + "</li>";
      }).join("") + "</ul>");
      placeBack();
    }

    /* ---- map ---- */
    function drawMap() {
      var data = ctx.data, kinds = {}, many = data.points.length > 600;
      data.points.forEach(function (point) { kinds[point[3]] = (kinds[point[3]] || 0) + 1; });
      var names = {};
      data.options.kinds.forEach(function (one) { names[one[0]] = one[1]; });
      ctx.put(ctx.$("legend"), picking ? '<b class="pl-picking">' + esc(w().moving) + '</b><button type="button" class="dk-btn sm" data-k="picked" data-picked>' + esc(ctx.say("完成", "Done")) + "</button>" :
        '<span class="dk-legend">' + ORDER.slice().reverse().filter(function (kind) { return kinds[kind]; }).map(function (kind) { return "<span>" + legendMark(kind) + esc(names[kind]) + " <b>" + kinds[kind].toLocaleString("en") + "</b></span>"; }).join("") + (data.bare ? "<span>" + esc(fill(w().bare_n, data.bare.toLocaleString("en"))) + "</span>" : "") + "</span>");
      if (!TW.map.held || !document.getElementById(MAP)) return;
      var town = ctx.filter("town"), chosen = town && town.changed ? town.choices.filter(function (one) { return one.on; }).map(function (one) { return one.value; }) : [];
      TW.map.desk(MAP, {
        points: data.points.map(function (point) { return [point[0], point[1], point[2], "met", "", point[4]]; }), cells: [], heat: [], units: [], mode: "", selected: "", limit: chosen,
        approximate: data.approximate ? ctx.say("镇界近似", "Approximate borders") : "",
        towns: data.towns.map(function (one) { return { code: one.code, label: one.name, text: "", meant: !chosen.length || chosen.indexOf(one.code) >= 0, chosen: chosen.indexOf(one.code) >= 0, reported: true }; })
      }, {
        open: function (key) { if (!picking) ctx.open("places/" + key); },
        town: function (code) { if (!picking) ctx.toggle("town", code, true); }
      });
      var own = TW.map.held[MAP];
      if (!own) return;
      var base = own.paint, spot = ring();
      own.under = function (pen, at, ink, ground) {
        var told = getComputedStyle(own.wrapper), inks = {};
        ORDER.forEach(function (kind) { inks[kind] = told.getPropertyValue("--tw-" + INK[kind]); });
        var watch = told.getPropertyValue("--tw-watch-edge"), beat = /^beats\//.test(ctx.get("open")) ? ctx.get("open").slice(6) : "";
        ORDER.forEach(function (kind) {
          data.points.forEach(function (point) {
            if (point[3] !== kind) return;
            var here = at(point[1], point[2]);
            dot(pen, here[0], here[1], kind, inks[kind], ground, many);
            if (beat && point[6] === beat) { pen.beginPath(); pen.arc(here[0], here[1], 7.5, 0, 7); pen.strokeStyle = told.getPropertyValue("--tw-accent"); pen.lineWidth = 2; pen.stroke(); }
            if (point[5]) { pen.beginPath(); pen.arc(here[0], here[1], 8.5, 0, 7); pen.strokeStyle = watch; pen.lineWidth = 1.6; pen.stroke(); }
          });
        });
        own.canvas.dataset.places = String(data.points.length);
      };
      own.paint = function (at, k, towns) {
        var o = base(at, k, towns);
        spot = ring();
        if (!spot) return o;
        var here = at(spot[0], spot[1]);
        return o + '<g class="pl-ring' + (picking ? " on" : "") + '" data-ring="1" transform="translate(' + here + ')"><circle r="17" fill="transparent"/><circle r="13" fill="none" style="stroke:var(--tw-surface)" stroke-width="5"/><circle r="13" fill="none" style="stroke:var(--tw-accent)" stroke-width="2.6"/><circle r="2.6" style="fill:var(--tw-accent)"/></g>';
      };
      repaint();
      if (!own.placesListening) {
        own.placesListening = true;
        own.wrapper.addEventListener("click", function (event) { pick(own, event); }, true);
        own.wrapper.addEventListener("pointerdown", function (event) { grab(own, event); }, true);
      }
    }
    function repaint() {
      var own = TW.map.held && TW.map.held[MAP];
      if (own && own.leaflet && isFinite(own.leaflet.getZoom())) own.leaflet.fire("move");
    }
    /* Where the place of the form stands: as typed, picked or dragged. */
    function ring() {
      if (!form || form.what !== "place") return null;
      var lon = parseFloat(form.value("lon")), lat = parseFloat(form.value("lat"));
      return isFinite(lon) && isFinite(lat) ? [lon, lat] : null;
    }
    function spotOf(own, event) {
      var box = own.leaflet.getContainer().getBoundingClientRect();
      return own.leaflet.containerPointToLatLng([event.clientX - box.left, event.clientY - box.top]);
    }
    function pick(own, event) {
      if (!picking || !form || !own.leaflet) return;
      event.stopPropagation();
      form.put(spotOf(own, event));
    }
    function grab(own, event) {
      if (!picking || !form || !event.target.closest("[data-ring]")) return;
      event.preventDefault();
      event.stopPropagation();
      own.leaflet.dragging.disable();
      function move(next) { form.put(spotOf(own, next)); }
      function drop() {
        document.removeEventListener("pointermove", move);
        document.removeEventListener("pointerup", drop);
        own.leaflet.dragging.enable();
      }
      document.addEventListener("pointermove", move);
      document.addEventListener("pointerup", drop);
    }
    function pickMode(on) {
      picking = on;
      ctx.page.classList.toggle("pl-pick", on);
      drawMap();
      if (on && ctx.page.clientWidth < 960) ctx.page.querySelector(".pl-map").scrollIntoView({ block: "start" });
      if (form) form.picked(on);
    }

    /* ---- the form in the drawer: an element of its own that redrawing puts back, so that nobody's typing is lost ---- */
    function options(list, value, none) {
      return (none === undefined ? "" : '<option value="">' + esc(none) + "</option>") + list.map(function (one) {
        return '<option value="' + esc(one[0]) + '"' + (one[0] === value ? " selected" : "") + ">" + esc(one[1]) + "</option>";
      }).join("");
    }
    function field(label, name, input, hint) {
      return '<label class="pl-f pl-f-' + name + '"><span>' + esc(label) + "</span>" + input + (hint ? "<em>" + esc(hint) + "</em>" : "") + "</label>";
    }
    function text(name, value, more) { return '<input name="' + name + '" autocomplete="off" maxlength="80" value="' + esc(value) + '"' + (more || "") + ">"; }
    function body(told) {
      var v = told.values, o = ctx.data.options, html = "";
      if (told.what === "place") {
        html += field(w().name, "name", text("name", v.name || ""));
        html += '<div class="pl-two">' + field(w().kind, "kind", "<select name=\"kind\">" + options(o.kinds, v.kind || "checkpoint") + "</select>") + field(w().town, "town", '<select name="town">' + options(o.towns, v.town || "", told.key ? undefined : ctx.say("请选择", "Choose")) + "</select>") + "</div>";
        html += field(w().beat, "beat", '<select name="beat"></select>');
        html += '<div class="pl-two">' + field(w().lat, "lat", text("lat", v.lat || "", ' inputmode="decimal"')) + field(w().lon, "lon", text("lon", v.lon || "", ' inputmode="decimal"')) + "</div>";
        html += '<div class="pl-at"><button type="button" class="dk-btn sm" data-pickon aria-pressed="false">' + icon("map", 16) + esc(w().move) + '</button><button type="button" class="dk-text" data-clear>' + esc(w().clear) + "</button></div>";
        html += field(w().hours, "hours", text("hours", v.hours || ""), w().hours_hint);
        html += field(w().visits, "visits", text("visits", v.visits || "", ' data-long="1"').replace('maxlength="80"', 'maxlength="600"'), w().visits_hint);
      } else if (told.what === "beat") {
        html += field(w().name, "name", text("name", v.name || ""));
        html += field(w().town, "town", '<select name="town"' + (told.key ? " disabled" : "") + ">" + options(o.towns, v.town || "", told.key ? undefined : ctx.say("请选择", "Choose")) + "</select>");
        html += '<fieldset class="pl-f"><legend>' + esc(w().units) + '</legend><div class="pl-checks" data-checks="units"></div></fieldset>';
        if (told.key) html += '<fieldset class="pl-f"><legend>' + esc(w().members) + '</legend><div class="pl-checks tall" data-checks="places"></div></fieldset>';
      } else {
        html += '<div class="pl-two">' + field(w().name, "name", text("name", v.name || "")) + field(w().code, "code", text("code", told.key, told.key ? " disabled" : "")) + "</div>";
        html += '<div class="pl-two">' + field(w().town, "town", '<select name="town">' + options(o.towns, v.town || "", told.key ? undefined : ctx.say("请选择", "Choose")) + "</select>") + field(w().leader, "leader", text("leader", v.leader || "")) + "</div>";
        html += field(w().devices, "devices", text("devices", v.devices || "", "").replace('maxlength="80"', 'maxlength="400"'), w().devices_hint);
      }
      return html;
    }
    function when() {
      var day = ctx.data;
      return '<fieldset class="pl-f pl-when"><legend>' + esc(w().from) + '</legend><div class="dk-seg" role="group"><button type="button" data-day="' + day.tomorrow + '" aria-pressed="true">' + esc(w().tomorrow) + '</button><button type="button" data-day="' + day.today + '" aria-pressed="false">' + esc(w().now) + '</button><button type="button" data-day="" aria-pressed="false">' + esc(w().other) + '</button></div><input type="date" name="day" min="' + day.today + '" max="' + day.last + '" value="' + day.tomorrow + '" hidden aria-label="' + esc(w().other) + '"><em class="note"></em></fieldset>';
    }
    function makeForm(told, open) {
      var element = document.createElement("form"), first = {}, waiting = 0, closing = false;
      element.className = "pl-form";
      element.noValidate = true;
      element.innerHTML = body(told) + when() + field(w().reason, "reason", '<input name="reason" maxlength="200" autocomplete="off" placeholder="' + esc(w().reason_hint) + '">') +
        '<p class="wrong" role="alert"></p><div class="pl-acts"><button type="submit" class="ru-save">' + esc(told.key ? w().save : w().add) + "</button>" +
        (told.key ? '<button type="button" class="dk-btn" data-close>' + esc({ place: w().close, beat: w().close_beat, unit: w().close_unit }[told.what]) + "</button>" : "") + "</div>";
      var made = { open: open, what: told.what, element: element, base: ctx.data.base };
      function one(name) { return element.elements[name]; }
      made.value = function (name) { return one(name) ? one(name).value.trim() : ""; };
      function checks(kind, list, on) {
        var box = element.querySelector('[data-checks="' + kind + '"]');
        if (!box) return;
        box.innerHTML = list.length ? list.map(function (item) {
          return '<label><input type="checkbox" value="' + esc(item[0]) + '"' + (on.indexOf(item[0]) >= 0 ? " checked" : "") + "><span>" + esc(item[1]) + "</span>" + (item[2] ? "<em>" + esc(item[2]) + "</em>" : "") + "</label>";
        }).join("") : '<p class="none">' + esc(ctx.say("这个镇还没有", "None in this town yet")) + "</p>";
      }
      function picked(kind) {
        return Array.prototype.map.call(element.querySelectorAll('[data-checks="' + kind + '"] input:checked'), function (box) { return box.value; }).sort().join("|");
      }
      function fields() {
        var found = {};
        Array.prototype.forEach.call(element.elements, function (item) {
          if (item.name && ["day", "reason"].indexOf(item.name) < 0 && !item.disabled) found[item.name] = item.value.trim();
        });
        ["units", "places"].forEach(function (kind) { if (element.querySelector('[data-checks="' + kind + '"]')) found[kind] = picked(kind); });
        if (told.what === "place") {
          /* A field that its kind has no use for is not asked and not sent. */
          if (found.kind !== "checkpoint") delete found.hours;
          if (found.kind !== "patrol_point" && !told.values.visits) delete found.visits;
        }
        return found;
      }
      function follow() {
        if (told.what === "place") {
          var town = one("town").value, was = one("beat").value || (one("beat").options.length ? "" : told.values.beat || "");
          one("beat").innerHTML = options(ctx.data.options.beats.filter(function (beat) { return beat[2] === town; }), was, w().no_beat);
          element.querySelector(".pl-f-hours").hidden = one("kind").value !== "checkpoint";
          element.querySelector(".pl-f-visits").hidden = one("kind").value !== "patrol_point" && !told.values.visits;
          element.querySelector(".pl-f-beat").hidden = one("kind").value === "enterprise" && !told.values.beat;
        }
        if (told.what === "beat") {
          var of = one("town").value;
          checks("units", ctx.data.options.units.filter(function (unit) { return unit[2] === of; }).map(function (unit) { return [unit[0], unit[1], unit[0].replace(of + "-", "")]; }), (told.values.units || "").split("|"));
        }
      }
      function note() {
        var day = one("day").value;
        element.querySelector(".note").textContent = day === ctx.data.today ? w().today_note : w().later_note;
        Array.prototype.forEach.call(element.querySelectorAll("[data-day]"), function (button) {
          var other = !one("day").hidden;
          button.setAttribute("aria-pressed", String(button.dataset.day ? !other && button.dataset.day === day : other));
        });
      }
      function wrong(sentence) { element.querySelector(".wrong").textContent = sentence; }
      made.put = function (spot) {
        one("lat").value = spot.lat.toFixed(6);
        one("lon").value = spot.lng.toFixed(6);
        repaint();
      };
      made.picked = function (on) {
        var button = element.querySelector("[data-pickon]");
        if (button) button.setAttribute("aria-pressed", String(on));
      };
      function send(question) {
        wrong("");
        question.lang = ctx.lang;
        question.what = told.what;
        question.key = told.key;
        question.base = made.base;
        question.valid_from = one("day").value;
        question.reason = one("reason").value;
        waiting = ask(question);
        element.classList.toggle("busy", Boolean(waiting));
        if (!waiting) wrong(ctx.say("页面还没有连上，请稍后再按", "The page is not connected yet; try again"));
      }
      made.hear = function (answer) {
        if (!waiting || answer.turn !== waiting) return;
        waiting = 0;
        element.classList.remove("busy");
        if (!answer.ok) { wrong(answer.text); return; }
        tell(answer.text, !answer.odd);
        leave();
      };
      element.addEventListener("input", function (event) {
        if (event.target.name === "town" || event.target.name === "kind") follow();
        if (event.target.name === "lat" || event.target.name === "lon") repaint();
        if (event.target.name === "day") note();
      });
      element.addEventListener("keydown", function (event) { event.stopPropagation(); if (event.key === "Escape") leave(); });
      element.addEventListener("click", function (event) {
        event.stopPropagation();
        var day = event.target.closest("[data-day]");
        if (day) {
          one("day").hidden = Boolean(day.dataset.day);
          if (day.dataset.day) one("day").value = day.dataset.day; else one("day").focus();
          note();
        }
        if (event.target.closest("[data-pickon]")) pickMode(!picking);
        if (event.target.closest("[data-clear]")) { one("lat").value = one("lon").value = ""; repaint(); }
        if (event.target.closest("[data-keep]")) { closing = false; acts(); }
        var close = event.target.closest("[data-close]");
        if (close && !closing) { closing = true; acts(); }
        else if (close) send({ "do": "close" });
      });
      function acts() {
        var box = element.querySelector(".pl-acts");
        box.innerHTML = closing ? '<button type="button" class="ru-save danger" data-close>' + esc(w().sure) + '</button><button type="button" class="dk-text" data-keep>' + esc(w().keep) + "</button>" :
          '<button type="submit" class="ru-save">' + esc(w().save) + '</button><button type="button" class="dk-btn" data-close>' + esc({ place: w().close, beat: w().close_beat, unit: w().close_unit }[told.what]) + "</button>";
      }
      element.addEventListener("submit", function (event) {
        event.preventDefault();
        if (waiting) return;
        var now = fields(), set = {};
        Object.keys(now).forEach(function (name) { if (!told.key || now[name] !== first[name]) set[name] = now[name]; });
        send({ "do": "save", set: set });
      });
      follow();
      if (told.what === "beat" && told.key) checks("places", (told.candidates || []).map(function (item) { return [item[0], item[1], item[2] + (item[3] && (told.values.places || "").split("|").indexOf(item[0]) < 0 ? "·" + item[3] : "")]; }), (told.values.places || "").split("|"));
      if (told.from) { one("day").value = told.from; one("day").hidden = false; }
      first = fields();
      note();
      return made;
    }
    function leave() {
      form = null;
      pickMode(false);
      ctx.set({ open: null }, true);
    }
    function drawForm() {
      var box = ctx.$("drawer"), open = ctx.get("open"), told = ctx.opened && ctx.opened.form;
      if (!open || !told || !ctx.data || ctx.opened.drawer.key !== open) {
        if (form && form.open !== open) { form = null; if (picking) pickMode(false); else repaint(); }
        return;
      }
      if (!told.may) {
        if (!box.querySelector(".pl-note")) {
          var line = document.createElement("p");
          line.className = "pl-note";
          line.textContent = ctx.data.may ? w().closed : w().read_only;
          box.insertBefore(line, box.querySelector("h3,footer"));
        }
        return;
      }
      if (!form || form.open !== open) {
        if (picking) pickMode(false);
        form = makeForm(told, open);
        repaint();
        follow(told);
      }
      if (form.element.parentNode !== box) {
        var held = form.element.contains(document.activeElement) ? document.activeElement : null;
        box.insertBefore(form.element, box.querySelector("h3,footer"));
        if (held) held.focus();
      }
    }
    /* The map goes to where the opened place stands. */
    function follow(told) {
      var own = TW.map.held && TW.map.held[MAP];
      if (!own || !own.leaflet || told.what !== "place" || !told.values.lon) return;
      var point = [parseFloat(told.values.lat), parseFloat(told.values.lon)];
      if (!own.leaflet.getBounds().pad(-0.1).contains(point)) own.leaflet.panTo(point, { animate: false });
    }

    /* ---- taking a change back ---- */
    function makeBack(id) {
      var parts = id.split(":"), cancel = parts[0] === "cancel", element = document.createElement("form"), waiting = 0;
      element.className = "ru-form";
      element.noValidate = true;
      element.innerHTML = (cancel ? "" : "<label><span>" + esc(w().from) + '</span><input type="date" name="day" min="' + ctx.data.today + '" max="' + ctx.data.last + '" value="' + ctx.data.tomorrow + '"></label>') +
        '<label class="why"><span>' + esc(w().reason) + '</span><input name="reason" maxlength="200" autocomplete="off"></label><span class="acts"><button type="submit" class="ru-save">' + esc(cancel ? w().take_back : w().restore_all) + '</button><button type="button" class="dk-text" data-shut>' + esc(w().keep_it || ctx.say("不改", "Leave it")) + '</button></span><p class="wrong" role="alert"></p>';
      function shut() { back = null; ctx.set({ edit: null }, true); }
      element.addEventListener("click", function (event) { event.stopPropagation(); if (event.target.closest("[data-shut]")) shut(); });
      element.addEventListener("keydown", function (event) { event.stopPropagation(); if (event.key === "Escape") shut(); });
      element.addEventListener("submit", function (event) {
        event.preventDefault();
        if (waiting) return;
        var question = { "do": parts[0], number: Number(parts[1]), lang: ctx.lang, reason: element.elements.reason.value };
        if (element.elements.day) question.valid_from = element.elements.day.value;
        waiting = ask(question);
      });
      return {
        id: id, element: element, hear: function (answer) {
          if (!waiting || answer.turn !== waiting) return;
          waiting = 0;
          if (!answer.ok) { element.querySelector(".wrong").textContent = answer.text; return; }
          tell(answer.text, true);
          shut();
        }
      };
    }
    function placeBack() {
      var id = ctx.get("edit"), slot_ = id ? ctx.page.querySelector('[data-slot="' + CSS.escape(id) + '"]') : null;
      if (!slot_) { if (!id) back = null; return; }
      if (!back || back.id !== id) { back = makeBack(id); slot_.appendChild(back.element); back.element.elements.reason.focus(); }
      else if (back.element.parentNode !== slot_) slot_.appendChild(back.element);
    }

    function tell(sentence, ok) {
      said = { text: sentence };
      ctx.put(ctx.$("said"), sentence ? '<p class="' + (ok ? "ok" : "odd") + '">' + icon(ok ? "check" : "warn", 16) + "<span>" + esc(sentence) + "</span></p>" : "");
      if (sentence) setTimeout(function () { if (said.text === sentence) tell("", true); }, 15000);
    }
    function heard(event) {
      if (form) form.hear(event.detail);
      if (back) back.hear(event.detail);
    }

    return {
      local: ["edit"],
      cleared: ["edit"],
      mount: function () { document.addEventListener("townwatch:places", heard); },
      end: function () { document.removeEventListener("townwatch:places", heard); form = back = null; },
      draw: function () {
        ctx.page.classList.toggle("pl-changes", ctx.data.part === "changes");
        drawList();
        drawRecent();
        drawForm();
        drawMap();
      },
      opened: function () { drawForm(); },
      size: function () { drawList(); },
      click: function (event) {
        var add = event.target.closest("[data-add]");
        if (add) { ctx.open("new/" + add.dataset.add); return; }
        if (event.target.closest("[data-picked]")) { pickMode(false); return; }
        var undo = event.target.closest("[data-back]");
        if (undo) ctx.set({ edit: ctx.get("edit") === undo.dataset.back ? null : undo.dataset.back }, true);
      }
    };
  });
})();
