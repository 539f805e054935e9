/* The form of one feed: puts inputs into the fields that layouts/pages/record.py drew, keeps what is typed in the tab
   until the server has taken it, and asks the server's own decoder what is wrong, field by field. */
(function () {
  "use strict";
  var tw = window.townwatch;
  var UNDO_S = 10, CHECK_MS = 500, SHOWN = 60, LOCATE_MS = 15000;
  var WORDS = {
    now: ["现在", "now"], change: ["改时间", "Change"], useNow: ["用现在", "Use now"], here: ["用现在的位置", "Use my position"], locating: ["正在定位…", "locating…"],
    byHand: ["手工填", "Type it"], again: ["重新定位", "Again"], clear: ["清除", "Clear"], lon: ["经度", "Longitude"], lat: ["纬度", "Latitude"], crs: ["坐标系", "Coordinates"],
    within: ["±{n} 米", "±{n} m"], insecure: ["浏览器只在 https 或本机地址上给出位置，请手工填", "Browsers give a position over https only; please type it"],
    denied: ["没有得到允许：请在浏览器里允许使用位置，或手工填", "Not allowed: allow the position in your browser, or type it"], nowhere: ["现在定不了位，请稍后再试或手工填", "No position now; try again or type it"],
    pick: ["请选", "Choose"], find: ["搜索名称或编号", "Search name or number"], none: ["没有符合的", "Nothing matches"], moreHits: ["还有 {n} 个，请输入几个字再找", "{n} more: type a few letters"],
    own: ["用“{q}”（清单里没有）", "Use “{q}” (on no list)"], fresh: ["新建一件，编号自动生成", "A new one, numbered by itself"], isNew: ["新建", "new"], loading: ["正在读取清单…", "reading the list…"], close: ["关闭", "Close"],
    rest: ["其他环节", "Other stages"], standing: ["{stage}（现在）", "{stage} (now)"], was: ["现在：{value}", "now: {value}"],
    send: ["提交", "Send"], fix: ["提交更正", "Send the correction"], sending: ["正在提交…", "Sending…"], more: ["再记一条", "Enter another"], undo: ["撤销（{n} 秒）", "Undo ({n} s)"], undone: ["已撤销", "Undone"], undoing: ["正在撤销…", "Undoing…"],
    received: ["已收到", "Received"], corrected: ["已更正", "Corrected"], id: ["编号", "ID"], see: ["看记录", "See records"], unsent: ["还没发送", "Not sent yet"],
    kept: ["没有连接。已存在这台设备上，联网后自动发送，不用再填。", "No connection. Kept on this device and sent when connected; no need to type it again."], edit: ["改一改", "Change it"],
    draft: ["接着填上次没有提交的内容", "This is what you had not sent"], wipe: ["清空", "Empty it"], fixing: ["更正 {id}：改好再提交，原值会留存可查", "Correcting {id}: the old values stay on record"], gone: ["这条记录找不到，或不是你登记的，不能更正", "That record was not found or is not yours to correct"],
    check: ["请看标红的 {n} 项", "{n} fields need attention"], choose: ["先选镇（街道）", "Choose a town first"], refused: ["没有收下", "Not accepted"], position: ["请给出位置", "a position is needed"]
  };

  window.twRecordForm = function (page) {
    var root = page.page.querySelector("#record-form");
    if (!root) return null;
    var rec = window.twRecord, esc = window.TW.esc, icon = window.TW.icon, at = page.lang === "en" ? 1 : 0;
    var feed = root.dataset.feed, kept = root.dataset.kept.split(","), subject = root.dataset.subject, names = JSON.parse(root.dataset.names);
    var fields = {}, ends = [], choices = {}, values = {}, labels = {}, touched = {}, problems = {}, wrongTown = "";
    var id = rec.newId(), entry = "", mode = "fill", fix = null, time = "", place = null, locating = "", expanded = false;
    var checkTimer = 0, undoTimer = 0, last = null, drafted = false, picker = null, wanted = new URLSearchParams(location.search);
    var fixId = wanted.get("fix") || "", KEY = "townwatch-draft:" + feed + (fixId ? ":" + fixId : "");

    function say(key, given) { return WORDS[key][at].replace(/\{(\w+)\}/g, function (_, name) { return given && given[name] !== undefined ? given[name] : ""; }); }
    function $(name) { return root.querySelector("#record-" + name); }
    function listen(target, kind, fn) { target.addEventListener(kind, fn); ends.push(function () { target.removeEventListener(kind, fn); }); }

    root.querySelectorAll(".rf-field").forEach(function (row) {
      var d = row.dataset;
      fields[d.field] = { name: d.field, row: row, box: row.querySelector(".rf-control"), error: row.querySelector(".rf-error"), current: row.querySelector(".rf-current"),
        control: d.control, required: Boolean(d.required), when: d.when ? d.when.split(";").map(function (one) { return one.split("="); }) : [], d: d };
    });
    function asked(control) { return Object.keys(fields).map(function (name) { return fields[name]; }).filter(function (field) { return field.control === control; }); }

    /* ---- controls ---- */
    function build() {
      Object.keys(fields).forEach(function (name) {
        var field = fields[name];
        if (field.control === "number" || field.control === "text" || field.control === "time") input(field);
        else if (field.control === "place" || field.control === "unit" || field.control === "case") pickerButton(field);
        else if (field.control === "chips") chips(field);
      });
      root.addEventListener("keydown", function (event) {
        if (event.key === "Enter" && event.target.tagName === "INPUT" && !event.target.closest(".rf-picker")) { event.preventDefault(); send(); }
      });
      $("send").addEventListener("click", send);
    }
    function input(field) {
      var element = document.createElement("input"), d = field.d;
      element.className = "rf-input";
      element.id = "record-input-" + field.name;
      element.type = field.control === "time" ? "datetime-local" : "text";
      if (field.control !== "time") { element.inputMode = d.inputmode; element.placeholder = d.example; }
      if (d.max) element.maxLength = Number(d.max);
      element.autocomplete = "off";
      element.spellcheck = false;
      element.setAttribute("aria-labelledby", "record-label-" + field.name);
      element.setAttribute("aria-describedby", "record-error-" + field.name);
      field.input = element;
      field.box.appendChild(element);
      if (d.unit) { var unit = document.createElement("span"); unit.className = "rf-unit"; unit.textContent = d.unit; field.box.appendChild(unit); }
      element.addEventListener("input", function () { set(field.name, element.value, "", true); });
      element.addEventListener("blur", function () { if (element.value) touch(field.name); });
    }
    function chips(field) {
      field.box.addEventListener("click", function (event) {
        var chip = event.target.closest("[data-value]");
        if (event.target.closest(".rf-rest")) { expanded = true; drawStages(); return; }
        if (!chip) return;
        /* A second tap takes a choice back that need not be made. */
        var same = values[field.name] === chip.dataset.value;
        set(field.name, same && !field.required ? "" : chip.dataset.value, "");
        touch(field.name);
      });
      field.box.addEventListener("keydown", function (event) {
        var step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        var all = Array.prototype.filter.call(field.box.querySelectorAll("[data-value]"), function (chip) { return chip.offsetParent !== null; });
        var next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
        if (next) { event.preventDefault(); next.focus(); }
      });
    }

    /* ---- values ---- */
    function set(name, value, label, typing) {
      if (value === "" || value === null || value === undefined) { delete values[name]; delete labels[name]; } else { values[name] = String(value); if (label) labels[name] = label; else delete labels[name]; }
      if (touched[name]) later();
      keep();
      if (!typing) drawField(fields[name]);
      drawRules();
      if (fields[name] && fields[name].control === "case") picked(name);
      if (values[name] && problems[name] && !typing) { delete problems[name]; drawProblems(); }
    }
    function touch(name) { touched[name] = true; later(); }
    function drawField(field) {
      if (!field) return;
      var value = values[field.name] || "";
      if (field.input && field.input.value !== value) field.input.value = value;
      if (field.control === "chips") field.box.querySelectorAll("[data-value]").forEach(function (chip) { chip.setAttribute("aria-checked", String(chip.dataset.value === value)); });
      if (field.button) {
        var known = option(field, value);
        field.button.querySelector("b").textContent = value ? labels[field.name] || (known ? known.name : value) : say("pick");
        field.button.classList.toggle("empty", !value);
        var sub = value && known && known.name !== value ? value : "";
        field.button.querySelector("small").textContent = sub;
      }
    }
    function option(field, code) { return (choices[field.name] || []).find(function (one) { return one.code === code; }); }
    function needed(field) { return field.required || field.when.some(function (rule) { return values[rule[0]] === rule[1]; }); }
    function drawRules() {
      Object.keys(fields).forEach(function (name) { fields[name].row.classList.toggle("needed", needed(fields[name])); });
    }
    function drawAll() {
      Object.keys(fields).forEach(function (name) { drawField(fields[name]); });
      drawRules();
      drawTime();
      drawPlace();
      drawProblems();
      asked("case").forEach(function (field) { picked(field.name); });
      state();
    }

    /* ---- the tab keeps what is typed ---- */
    function keep() {
      try {
        var filled = Object.keys(values).length || place || time;
        if (filled && mode === "fill") sessionStorage.setItem(KEY, JSON.stringify({ id: id, values: values, labels: labels, time: time, place: place, fix: fix }));
        else sessionStorage.removeItem(KEY);
      } catch (error) { /* no storage: it lives as long as the page */ }
    }
    function restore() {
      var draft = null;
      try { draft = JSON.parse(sessionStorage.getItem(KEY) || "null"); } catch (error) { /* nothing kept */ }
      if (!draft) return false;
      /* It is on its way already. */
      if (rec.items().some(function (item) { return item.values && item.values.id === draft.id; })) return false;
      take(draft);
      return true;
    }
    function take(given) {
      id = given.id || id;
      values = given.values || {};
      labels = given.labels || {};
      time = given.time || "";
      place = given.place || null;
      fix = given.fix || fix;
    }
    /* What stood in the form when an older entry was opened in it comes back afterwards. */
    function said() { return Object.keys(values).some(function (name) { return kept.indexOf(name) < 0; }) || Boolean(place); }
    function stash() {
      if (mode !== "fill" || !said()) return;
      try { sessionStorage.setItem(KEY + ":aside", JSON.stringify({ id: id, values: values, labels: labels, time: time, place: place })); } catch (error) { /* no storage */ }
    }
    function unstash() {
      try {
        var aside = JSON.parse(sessionStorage.getItem(KEY + ":aside") || "null");
        sessionStorage.removeItem(KEY + ":aside");
        if (aside) { take(aside); drafted = true; }
        return Boolean(aside);
      } catch (error) { return false; }
    }
    function openEntry(item) {
      stash();
      empty(false);
      take(item.values);
      problems = byField(item.problems);
      Object.keys(problems).forEach(function (name) { touched[name] = true; });
      rec.drop(item.key);
      show("fill");
      window.scrollTo({ top: 0 });
    }
    function empty(keeping) {
      var stay = {}, stayLabels = {};
      if (keeping) kept.forEach(function (name) { if (values[name]) { stay[name] = values[name]; if (labels[name]) stayLabels[name] = labels[name]; } });
      values = stay;
      labels = stayLabels;
      time = "";
      place = null;
      touched = {};
      problems = {};
      id = rec.newId();
      entry = "";
      drafted = false;
      expanded = false;
    }

    /* ---- time: now, unless somebody says otherwise ---- */
    function drawTime() {
      var field = fields.at;
      if (time) {
        if (!field.input) {
          field.box.innerHTML = '<input type="datetime-local" class="rf-input" aria-labelledby="record-label-at" aria-describedby="record-error-at"><button type="button" class="rf-btn" data-do="useNow">' + esc(say("useNow")) + "</button>";
          field.input = field.box.querySelector("input");
          field.input.addEventListener("input", function () { time = field.input.value; touched.at = true; keep(); later(); });
        }
        if (field.input.value !== time) field.input.value = time;
      } else {
        field.input = null;
        field.box.innerHTML = '<span class="rf-now"><b data-clock="hm" data-lang="' + page.lang + '"></b> ' + esc(say("now")) + '</span><button type="button" class="rf-btn" data-do="change">' + esc(say("change")) + "</button>";
        tw.ageAll();
      }
    }
    function local(ms) { return tw.clockText("date", ms) + "T" + tw.clockText("hm", ms); }

    /* ---- position: one tap ---- */
    function drawPlace() {
      var field = fields.position, html = "";
      if (place && place.manual) {
        html = ["lon", "lat"].map(function (name) {
          return '<label class="rf-coordinate"><span>' + esc(say(name)) + '</span><input type="text" inputmode="decimal" autocomplete="off" class="rf-input" data-coordinate="' + name + '" value="' + esc(place[name] || "") + '"></label>';
        }).join("") + '<label class="rf-coordinate"><span>' + esc(say("crs")) + '</span><select class="rf-input" data-coordinate="crs">' + ["WGS-84", "GCJ-02", "BD-09"].map(function (crs) {
          return "<option" + (place.crs === crs ? " selected" : "") + ">" + crs + "</option>";
        }).join("") + "</select></label>" + act("clear");
      } else if (place) {
        html = '<span class="rf-now"><b>' + esc(Number(place.lon).toFixed(5) + ", " + Number(place.lat).toFixed(5)) + "</b> " + (place.accuracy ? esc(say("within", { n: Math.round(place.accuracy) })) : "") + "</span>" + act("again") + act("clear");
      } else {
        html = '<button type="button" class="rf-btn" data-do="here"' + (locating === "…" ? " disabled" : "") + ">" + icon("map", 18) + esc(say(locating === "…" ? "locating" : "here")) + "</button>" + act("byHand");
      }
      if (field.box.__html !== html) { field.box.__html = html; field.box.innerHTML = html; }
      if (locating && locating !== "…") field.error.textContent = locating;
    }
    function act(name) { return '<button type="button" class="rf-btn" data-do="' + name + '">' + esc(say(name)) + "</button>"; }
    function locate() {
      locating = "";
      fields.position.error.textContent = "";
      if (!navigator.geolocation || !window.isSecureContext) { locating = say("insecure"); drawPlace(); return; }
      locating = "…";
      drawPlace();
      navigator.geolocation.getCurrentPosition(function (found) {
        var c = found.coords;
        locating = "";
        delete problems.lon;
        place = { lon: c.longitude.toFixed(6), lat: c.latitude.toFixed(6), accuracy: c.accuracy };
        /* What the device says of the fix belongs to the record where the feed has room for it. */
        if (fields.accuracy) set("accuracy", String(Math.round(c.accuracy)), "");
        if (fields.speed && c.speed !== null && c.speed >= 0) set("speed", (c.speed * 3.6).toFixed(1), "");
        if (fields.heading && c.heading !== null && !isNaN(c.heading)) set("heading", String(Math.round(c.heading)), "");
        keep();
        drawPlace();
        drawProblems();
      }, function (error) {
        locating = say(error.code === 1 ? "denied" : "nowhere");
        drawPlace();
      }, { enableHighAccuracy: true, timeout: LOCATE_MS, maximumAge: 10000 });
    }
    var does = {
      change: function () { time = local(tw.now()); drawTime(); fields.at.input.focus(); },
      useNow: function () { time = ""; delete problems.at; drawTime(); drawProblems(); },
      here: locate,
      again: locate,
      byHand: function () { place = { manual: true, lon: "", lat: "", crs: "WGS-84" }; locating = ""; fields.position.error.textContent = ""; drawPlace(); },
      clear: function () { place = null; ["accuracy", "speed", "heading"].forEach(function (name) { if (fields[name]) set(name, "", ""); }); delete problems.lon; delete problems.lat; drawPlace(); drawProblems(); },
      more: function () { empty(true); leaveFix(); unstash(); show("fill"); focusFirst(); },
      undo: undo,
      edit: function () { rec.drop(entry); entry = ""; show("fill"); },
      wipe: function () { empty(false); drafted = false; drawBanner(); drawAll(); keep(); }
    };
    root.addEventListener("click", function (event) {
      var target = event.target.closest("[data-do]");
      if (!target || !does[target.dataset.do]) return;
      does[target.dataset.do]();
      keep();
    });
    root.addEventListener("input", function (event) {
      var name = event.target.dataset && event.target.dataset.coordinate;
      if (name && place) { place[name] = event.target.value.trim(); touched.lon = touched.lat = true; keep(); later(); }
    });

    /* ---- pickers ---- */
    function pickerButton(field) {
      field.box.innerHTML = '<button type="button" class="rf-pick empty" aria-haspopup="listbox" aria-expanded="false"><span><b></b><small></small></span>' + icon("chevd", 18) + "</button>";
      field.button = field.box.querySelector("button");
      field.button.setAttribute("aria-describedby", "record-error-" + field.name);
      field.button.addEventListener("click", function () { if (picker) closePicker(true); else openPicker(field); });
    }
    function openPicker(field) {
      var panel = document.createElement("div");
      panel.className = "rf-picker";
      panel.innerHTML = '<div class="rf-find">' + icon("search", 18) + '<input type="text" autocomplete="off" spellcheck="false" role="combobox" aria-expanded="true" aria-controls="record-options" placeholder="' + esc(say("find")) +
        '" aria-label="' + esc(names[field.name] + " " + say("find")) + '"><button type="button" class="rf-x" aria-label="' + esc(say("close")) + '">' + icon("x", 18) + '</button></div><ul id="record-options" role="listbox"></ul>';
      field.box.appendChild(panel);
      field.button.setAttribute("aria-expanded", "true");
      picker = { field: field, panel: panel, input: panel.querySelector("input"), list: panel.querySelector("ul"), on: 0, hits: [] };
      document.documentElement.classList.add("rf-picking");
      picker.input.addEventListener("input", function () { picker.on = 0; drawOptions(); });
      picker.input.addEventListener("keydown", pickerKey);
      panel.querySelector(".rf-x").addEventListener("click", function () { closePicker(true); });
      picker.list.addEventListener("click", function (event) {
        var row = event.target.closest("[data-at]");
        if (row) choose(picker.hits[Number(row.dataset.at)]);
      });
      drawOptions();
      picker.input.focus();
    }
    function closePicker(back) {
      if (!picker) return;
      var field = picker.field;
      picker.panel.remove();
      picker = null;
      document.documentElement.classList.remove("rf-picking");
      field.button.setAttribute("aria-expanded", "false");
      if (back) field.button.focus({ preventScroll: true });
    }
    function pickerKey(event) {
      var step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); picker.on = (picker.on + step + picker.hits.length) % Math.max(1, picker.hits.length); drawOptions(); }
      if (event.key === "Enter") { event.preventDefault(); event.stopPropagation(); if (picker.hits[picker.on]) choose(picker.hits[picker.on]); }
      if (event.key === "Escape") { event.stopPropagation(); closePicker(true); }
    }
    function drawOptions() {
      var field = picker.field, q = picker.input.value.trim(), low = q.toLowerCase().split(/\s+/).filter(Boolean), all = choices[field.name];
      var found = (all || []).filter(function (one) {
        var text = (one.name + " " + one.code + " " + (one.sub || "")).toLowerCase();
        return low.every(function (word) { return text.indexOf(word) >= 0; });
      });
      var hits = found.slice(0, SHOWN);
      if (field.control === "case" && !q) hits.unshift({ fresh: true, code: "", name: say("fresh") });
      if (q && !(all || []).some(function (one) { return one.code === q; })) hits.push({ typed: true, code: q, name: say("own", { q: q }) });
      picker.hits = hits;
      picker.list.innerHTML = hits.map(function (one, place) {
        return '<li role="option" id="record-option-' + place + '" data-at="' + place + '" data-code="' + esc(one.code) + '" aria-selected="' + (place === picker.on) + '" class="' + (one.ended ? "ended" : one.fresh || one.typed ? "own" : "") + '"><b>' + esc(one.name) + "</b><span>" + esc(one.sub || "") + "</span></li>";
      }).join("") + (found.length > SHOWN ? '<li class="note">' + esc(say("moreHits", { n: found.length - SHOWN })) + "</li>" : "") +
        (!all ? '<li class="note">' + esc(say(page.town() ? "loading" : "choose")) + "</li>" : !hits.length ? '<li class="note">' + esc(say("none")) + "</li>" : "");
      picker.input.setAttribute("aria-activedescendant", "record-option-" + picker.on);
      var row = picker.list.children[picker.on];
      if (row) row.scrollIntoView({ block: "nearest" });
    }
    function choose(one) {
      var field = picker.field;
      closePicker(true);
      if (one.fresh) { var code = rec.newCase(page.town(), feed); set(field.name, code, code + " " + say("isNew")); } else set(field.name, one.code, one.typed ? one.code : one.name);
      touch(field.name);
    }
    listen(document, "pointerdown", function (event) { if (picker && !picker.field.box.contains(event.target)) closePicker(false); });

    /* ---- a case: where it stands, and what may follow ---- */
    function picked(name) {
      var one = values[name] ? option(fields[name], values[name]) : null;
      if (fields[name].current) fields[name].current.textContent = one && one.now ? one.now : "";
      Object.keys(fields).forEach(function (other) {
        var field = fields[other];
        if (!field.current || field.control === "case") return;
        var known = one && one.fields && one.fields[other];
        field.current.textContent = known ? say("was", { value: known }) : "";
      });
      drawStages();
    }
    function drawStages() {
      var cases = asked("case")[0], field = fields[root.dataset.stage];
      if (!cases || !field || field.control !== "chips") return;
      var one = values[cases.name] ? option(cases, values[cases.name]) : null, next = one ? one.next : null;
      var rest = field.box.querySelector(".rf-rest"), back = 0;
      field.box.querySelectorAll("[data-value]").forEach(function (chip) {
        if (!chip.dataset.word) chip.dataset.word = chip.textContent;
        var place = next ? next.findIndex(function (stage) { return stage.code === chip.dataset.value; }) : -1, stage = place >= 0 ? next[place] : null;
        chip.style.order = place >= 0 ? place : "";
        chip.textContent = stage && stage.kind === "here" ? say("standing", { stage: chip.dataset.word }) : chip.dataset.word;
        var behind = Boolean(stage && stage.kind === "back" && !one.ended && !expanded && values[field.name] !== stage.code);
        chip.hidden = behind;
        if (behind) back += 1;
      });
      if (!rest && back) { rest = document.createElement("button"); rest.type = "button"; rest.className = "rf-chip rf-rest"; rest.textContent = say("rest"); rest.style.order = 99; field.box.appendChild(rest); }
      if (rest) rest.hidden = !back;
    }
    function readChoices(town) {
      if (!town) return;
      rec.call("GET", page.address("/api/v1/forms/" + feed + "/choices", { town: town })).then(function (answer) {
        if (answer.status !== 200 || answer.body.town !== page.town()) return;
        choices = answer.body.fields;
        Object.keys(fields).forEach(function (name) { drawField(fields[name]); });
        asked("case").forEach(function (field) { picked(field.name); });
        if (picker) drawOptions();
      }, function () { setTimeout(function () { if (root.isConnected && page.town() === town) readChoices(town); }, 5000); });
    }

    /* ---- what is wrong, by the decoder that will read it ---- */
    function record() {
      var body = { id: id, town: page.town(), at: time ? unchanged("at", time) : new Date(tw.now()).toISOString() };
      if (page.who()) body.source = page.who().source;
      Object.keys(values).forEach(function (name) {
        if (fields[name]) body[name] = fields[name].control === "time" ? unchanged(name, values[name]) : values[name];
      });
      if (place && (place.lon || place.lat)) { body.lon = place.lon; body.lat = place.lat; if (place.manual && place.crs !== "WGS-84") body.crs = place.crs; }
      return body;
    }
    /* An input of times knows minutes only: what nobody changed keeps its seconds. */
    function unchanged(name, shown) {
      var before = fix && fix.before[name];
      return before && local(Date.parse(before)) === shown ? before : shown;
    }
    function later() { clearTimeout(checkTimer); checkTimer = setTimeout(check, CHECK_MS); }
    function check() {
      if (mode !== "fill" || !page.town()) return;
      var sent = record();
      rec.call("POST", page.address("/api/v1/forms/" + feed + "/check", { lang: page.lang }), { record: sent }).then(function (answer) {
        if (answer.status !== 200 || mode !== "fill" || sent.id !== id) return;
        var found = byField(answer.body.problems);
        /* Only what somebody has been at is spoken of before it is sent. */
        problems = {};
        Object.keys(found).forEach(function (name) { if (touched[name] && (values[name] || name === "at" || name === "lon" || name === "lat")) problems[name] = found[name]; });
        drawProblems();
      }, function () { /* without a connection the server says it when it gets the record */ });
    }
    function byField(list) {
      var found = {};
      (list || []).forEach(function (one) { if (!found[one.field]) found[one.field] = one.message; });
      return found;
    }
    function drawProblems() {
      wrongTown = problems.town || "";
      Object.keys(fields).forEach(function (name) {
        var field = fields[name], text = name === "position" ? problems.lon || problems.lat || problems.crs || (locating !== "…" ? locating : "") : problems[name] || "";
        field.error.textContent = text;
        field.row.classList.toggle("wrong", Boolean(text));
        var control = field.input || field.button;
        if (control) control.setAttribute("aria-invalid", String(Boolean(text)));
        var folded = text && field.row.closest("details");
        if (folded) folded.open = true;
      });
      state();
    }

    /* ---- sending ---- */
    function state() {
      var box = $("state"), who = page.who(), button = $("send"), count = Object.keys(fields).filter(function (name) { return fields[name].row.classList.contains("wrong"); }).length;
      var blocked = !who || !who.may || !page.town() || (fixId && !fix);
      button.disabled = Boolean(blocked) || mode === "sending";
      button.textContent = say(mode === "sending" ? "sending" : fix ? "fix" : "send");
      var text = wrongTown || (who && who.may && !page.town() ? say("choose") : count ? say("check", { n: count }) : problems.record || "");
      box.textContent = text;
      box.classList.toggle("wrong", Boolean(text));
    }
    function label() {
      var head = names[subject] && values[subject] ? labels[subject] || (option(fields[subject], values[subject]) || {}).name || values[subject] : "";
      var number = asked("number").filter(function (field) { return field.required && values[field.name]; })[0];
      var first = number ? values[number.name] + " " + number.d.unit : "";
      var chip = asked("chips").filter(function (field) { return field.required && values[field.name]; })[0];
      var chosen = chip && chip.box.querySelector('[data-value="' + CSS.escape(values[chip.name]) + '"]');
      return page.join([page.page.querySelector(".rf-tab.rf-on").textContent.trim(), head, first, chosen ? chosen.dataset.word || chosen.textContent : ""]);
    }
    function send() {
      if (mode !== "fill" || $("send").disabled) return;
      closePicker(false);
      var body = record();
      mode = "sending";
      state();
      entry = id + (fix ? "-" + (fix.rev + 1) : "");
      last = { body: body, label: label(), fix: fix };
      rec.submit({
        key: entry, path: "/api/v1/forms/" + feed + "?lang=" + page.lang, feed: feed, town: page.town(), label: last.label,
        values: { id: id, values: values, labels: labels, time: time || local(tw.now()), place: place, fix: fix }, body: fix ? { record: body, correct: fix.rev } : { record: body }
      });
    }
    listen(document, "townwatch:entry", function (event) {
      var told = event.detail;
      if (!entry || told.key !== entry) return;
      if (told.state === "accepted") {
        last.rev = told.answer.rev;
        last.source = told.answer.source;
        last.at = tw.now();
        if (last.undoing) { show("undone"); return; }
        show("accepted");
      } else if (told.state === "unsent") {
        if (mode === "sending") show("unsent");
      } else if (told.state === "refused") {
        var why = told.answer || {};
        rec.drop(entry);
        if (mode !== "sending" && mode !== "unsent") return;
        show("fill");
        problems = byField(why.problems);
        if (why.error || !why.problems || !why.problems.length) problems.record = rec.sentence(why.error) || say("refused");
        if (problems.source) problems.record = problems.source;
        Object.keys(problems).forEach(function (name) { touched[name] = true; });
        drawProblems();
        var first = root.querySelector(".rf-field.wrong");
        if (first) { first.scrollIntoView({ block: "center", behavior: "smooth" }); var target = first.querySelector("input, .rf-pick, [data-value]"); if (target) target.focus({ preventScroll: true }); }
      }
    });

    /* ---- afterwards: receipt, ten seconds to undo, another one ---- */
    function show(what) {
      mode = what;
      clearInterval(undoTimer);
      var fill = what === "fill" || what === "sending";
      $("fields").hidden = !fill;
      $("foot").hidden = !fill;
      $("done").hidden = fill;
      if (fill) drawAll();
      else {
        drawDone(what);
      }
      drawBanner();
      keep();
      page.draw();
    }
    function drawDone(what) {
      var done = $("done"), left = UNDO_S, sign = what === "unsent" ? window.TW.glyph("stale", 28) : icon("check", 28);
      var head = what === "unsent" ? say("unsent") : what === "undone" ? say("undone") : what === "undoing" ? say("undoing") : say(last.fix ? "corrected" : "received");
      var when = last.at ? " " + tw.clockText("hm", last.at) : "";
      done.className = "rf-done " + what;
      done.dataset.done = what;
      done.innerHTML = '<div class="rf-sign">' + sign + "<h2>" + esc(head + (what === "accepted" ? when : "")) + "</h2></div><p>" + esc(last.label) + "</p>" +
        (what === "unsent" ? "<p>" + esc(say("kept")) + "</p>" : '<p class="rf-id">' + esc(say("id")) + " <code>" + esc(last.body.id) + "</code></p>") +
        '<div class="rf-acts">' + (what === "undoing" ? "" : '<button type="button" class="rf-btn fill big" data-do="more">' + icon("plus", 18) + esc(say("more")) + "</button>") +
        (what === "accepted" ? '<button type="button" class="rf-btn big" data-do="undo">' + esc(say("undo", { n: left })) + "</button>" : "") +
        (what === "unsent" ? '<button type="button" class="rf-btn big" data-do="edit">' + esc(say("edit")) + "</button>" : "") +
        (what === "accepted" ? '<a class="rf-link" href="' + esc(page.address("/records", { feed: feed, town: last.body.town })) + '">' + esc(say("see")) + "</a>" : "") + "</div>";
      var more = done.querySelector('[data-do="more"]');
      if (more) more.focus({ preventScroll: true });
      if (what !== "accepted") return;
      undoTimer = setInterval(function () {
        left -= 1;
        var button = done.querySelector('[data-do="undo"]');
        if (!button) { clearInterval(undoTimer); return; }
        if (left <= 0) { clearInterval(undoTimer); button.remove(); } else button.textContent = say("undo", { n: left });
      }, 1000);
    }
    function undo() {
      clearInterval(undoTimer);
      last.undoing = true;
      if (last.fix) {
        entry = last.body.id + "-" + (last.rev + 1);
        show("undoing");
        rec.submit({ key: entry, path: "/api/v1/forms/" + feed + "?lang=" + page.lang, feed: feed, town: page.town(), label: last.label, body: { record: last.fix.before, correct: last.rev } });
      } else {
        entry = last.body.id + "-undo";
        show("undoing");
        rec.submit({ key: entry, path: "/api/v1/forms/" + feed + "/withdraw?lang=" + page.lang, feed: feed, town: page.town(), label: last.label, voids: last.body.id,
          body: { id: last.body.id, source: last.source, rev: last.rev, reason: page.undo } });
      }
    }
    function focusFirst() {
      var first = Object.keys(fields).map(function (name) { return fields[name]; }).find(function (field) { return needed(field) && !values[field.name] && field.name !== "position"; });
      var target = first && first.row.querySelector("input, .rf-pick, [data-value]");
      if (target && window.matchMedia("(min-width: 768px)").matches) target.focus({ preventScroll: true });
      window.scrollTo({ top: 0 });
    }

    /* ---- a correction of one's own record ---- */
    function drawBanner() {
      var html = "";
      if (fix && mode === "fill") html = '<div class="rf-notice rf-fixing">' + icon("replay", 18) + "<span>" + esc(say("fixing", { id: fix.id })) + "</span></div>";
      else if (fixId && mode === "missing") html = '<div class="rf-notice rf-block">' + icon("lock", 18) + "<span>" + esc(say("gone")) + "</span></div>";
      else if (drafted && mode === "fill") html = '<div class="rf-notice rf-draft">' + icon("clock", 18) + "<span>" + esc(say("draft")) + '</span><em><button type="button" class="rf-btn" data-do="wipe">' + esc(say("wipe")) + "</button></em></div>";
      $("banner").innerHTML = html;
    }
    function leaveFix() {
      if (!fix && !fixId) return;
      fix = null;
      fixId = "";
      KEY = "townwatch-draft:" + feed;
      var url = new URL(location.href);
      url.searchParams.delete("fix");
      history.replaceState(history.state, "", url.href);
    }
    function readFix() {
      if (!page.who()) return;
      rec.call("GET", page.address("/api/v1/records", { feed: feed, source: page.who().source, id: fixId })).then(function (answer) {
        var found = answer.status === 200 && answer.body.records[0];
        if (!found || found.state === "withdrawn" || found.nothing) { mode = "missing"; drawBanner(); state(); return; }
        var before = Object.assign({ id: found.id, town: found.town, at: found.at, source: found.source }, found.fields);
        if (found.lon !== null) { before.lon = found.lon; before.lat = found.lat; }
        Object.keys(before).forEach(function (name) { if (fields[name] && fields[name].control === "time") before[name] = new Date(before[name]).toISOString(); });
        fix = { id: found.id, rev: found.rev, before: before };
        if (!restore()) {
          id = found.id;
          Object.keys(found.fields).forEach(function (name) {
            if (!fields[name]) return;
            values[name] = fields[name].control === "time" ? local(found.fields[name]) : String(found.fields[name]);
          });
          time = local(Date.parse(found.at));
          if (found.lon !== null) place = { lon: found.lon, lat: found.lat };
        }
        fix.rev = found.rev;
        drawBanner();
        drawAll();
      }, function () { setTimeout(function () { if (root.isConnected) readFix(); }, 5000); });
    }

    /* ---- begin ---- */
    build();
    var entryKey = wanted.get("entry"), item = entryKey && rec.items().find(function (one) { return one.key === entryKey; });
    if (item && item.values) {
      if (restore()) stash();
      empty(false);
      take(item.values);
      problems = byField(item.problems);
      rec.drop(item.key);
    } else if (!fixId) drafted = restore() || unstash();
    if (entryKey) { var clean = new URL(location.href); clean.searchParams.delete("entry"); history.replaceState(history.state, "", clean.href); }
    if (!drafted && !fixId) wanted.forEach(function (value, name) { if (fields[name] && fields[name].control !== "at" && name !== "position") values[name] = value; });
    /* What the address asks for is shown, even where it is folded away otherwise. */
    wanted.forEach(function (value, name) {
      var row = fields[name] && fields[name].row, folded = row && row.closest && row.closest("details");
      if (folded) folded.open = true;
    });
    drawBanner();
    drawAll();
    keep();
    var began = false;
    page.onTown(function (town) {
      readChoices(town);
      if (fixId && !began) { began = true; readFix(); }
      state();
    });

    return {
      state: state,
      fixing: function () { return Boolean(fix); },
      open: openEntry,
      holds: function (key) { return key === entry && mode !== "fill"; },
      end: function () {
        clearTimeout(checkTimer);
        clearInterval(undoTimer);
        closePicker(false);
        ends.forEach(function (end) { end(); });
      }
    };
  };
})();
