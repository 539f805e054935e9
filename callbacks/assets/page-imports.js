/* 导入: hands files in, presses what is pressed, and then changes the page's state; Dash draws it. The file itself stays
   in this tab: columns that are not read never leave it for good, so to match them anew it is handed in again. */
(function () {
  "use strict";
  var tw = window.townwatch;
  var HEADER = { "X-Townwatch-Form": "page" };
  var LIMIT = 16 * 1024 * 1024;
  var SAY = {
    checking: ["正在读", "Reading"],
    sending: ["正在上传", "Uploading"],
    going: ["正在入库", "Importing"],
    of: ["{a} / {b} 行", "{a} of {b} rows"],
    large: ["文件有 {size} MiB，最多 16 MiB：请删去空行空列，或分成几个文件", "The file has {size} MiB; at most 16 MiB: split it"],
    many: ["一次导入一个文件，请只拖一个", "One file at a time, please"],
    broken: ["连接断了，没有收到结果：请再试一次，重复导入不会重复入库", "The connection broke: try again, nothing goes in twice"],
    again: ["请再选一次这个文件：没读的列没有留在服务器上", "Choose the file again: columns that were not read were not kept"],
    drop: ["松开就读这个表格", "Release to read this table"]
  };

  function mount(page) {
    var lang = page.dataset.lang === "en" ? 1 : 0;
    var state = { run: "", feed: page.dataset.feed, source: "", n: 0 };
    var file = null, said = {}, sheet = "", busy = false, depth = 0, pressed = "";
    var chooser = document.createElement("input");
    chooser.type = "file";
    chooser.accept = page.dataset.accept;
    chooser.id = "imports-file";
    chooser.tabIndex = -1;
    chooser.setAttribute("aria-hidden", "true");
    page.appendChild(chooser);
    var box = $("source-box");
    if (box && !$("source")) {
      var field = document.createElement("input");
      field.id = "imports-source";
      field.type = "text";
      field.maxLength = 40;
      field.placeholder = box.dataset.placeholder || "";
      field.value = box.dataset.value || "";
      field.autocomplete = "off";
      box.appendChild(field);
    }
    var address = new URLSearchParams(location.search);
    state.run = address.get("run") || "";
    state.source = address.get("source") || "";

    function $(id) { return document.getElementById("imports-" + id); }
    function text(key, values) {
      return SAY[key][lang].replace(/\{(\w+)\}/g, function (_, name) { return values[name]; });
    }
    function half(sentence) {
      var parts = String(sentence).split(" · ");
      return parts[lang] || parts[0];
    }
    function notice(sentence) {
      var box = $("notice");
      box.textContent = sentence ? half(sentence) : "";
      box.classList.toggle("im-shown", Boolean(sentence));
    }
    function progress(label, share, note) {
      var box = $("progress");
      box.textContent = "";
      box.classList.toggle("im-shown", Boolean(label));
      if (!label) return;
      var words = document.createElement("span"), bar = document.createElement("i"), inner = document.createElement("b");
      words.textContent = label + (note ? " " + note : "");
      if (share === null) bar.className = "im-unsure"; else inner.style.width = (share * 100).toFixed(1) + "%";
      bar.appendChild(inner);
      box.appendChild(words);
      box.appendChild(bar);
    }
    function work(on) {
      busy = on;
      page.setAttribute("aria-busy", String(on));
      if (!on) progress("");
    }
    function show(changes) {
      Object.keys(changes).forEach(function (key) { state[key] = changes[key]; });
      state.n += 1;
      var url = new URL(location.href);
      if (state.run) url.searchParams.set("run", state.run); else url.searchParams.delete("run");
      if (state.source) url.searchParams.set("source", state.source); else url.searchParams.delete("source");
      url.searchParams.set("feed", state.feed);
      if (url.href !== location.href) history.replaceState(history.state, "", url.href);
      /* The state is a store, which has no element: townwatch.setProps would take it for absent. */
      if (page.isConnected) window.dash_clientside.set_props("imports-state", { data: Object.assign({}, state) });
    }
    function query() { return state.source ? "?source=" + encodeURIComponent(state.source) : ""; }

    /* ---- handing in ---- */
    function upload(changes) {
      if (busy || !file) return;
      if (file.size > LIMIT) { notice(text("large", { size: Math.ceil(file.size / 1048576) })); return; }
      notice("");
      work(true);
      var source = $("source"), town = $("town");
      state.source = source ? source.value.trim() : state.source;
      var form = new FormData();
      form.append("columns", JSON.stringify(said));
      form.append("sheet", sheet);
      form.append("town", town ? town.value : "");
      form.append("replaces", state.run);
      form.append("file", file, file.name);
      var request = new XMLHttpRequest();
      request.open("POST", "/api/v1/import/" + state.feed + query() + (query() ? "&" : "?") + "dry_run=true");
      Object.keys(HEADER).forEach(function (name) { request.setRequestHeader(name, HEADER[name]); });
      request.upload.onprogress = function (event) {
        if (event.lengthComputable && event.loaded < event.total) progress(text("sending"), event.loaded / event.total);
        else progress(text("checking"), null);
      };
      progress(text("checking"), null);
      request.onerror = function () { work(false); notice(text("broken")); };
      request.onload = function () {
        work(false);
        var told = {};
        try { told = JSON.parse(request.responseText); } catch (error) { told = {}; }
        if (request.status !== 200) { notice(told.error || text("broken")); return; }
        show(Object.assign({ run: told.id, everything: false, page: 0, errors: 6, confirmed: false, asking: "" }, changes || {}));
      };
      request.send(form);
    }
    function take(list) {
      if (!list || !list.length) return;
      if (list.length > 1) { notice(text("many")); return; }
      file = list[0];
      upload();
    }
    chooser.addEventListener("change", function () { take(chooser.files); chooser.value = ""; });
    function again() {
      if (file) { upload(); return; }
      notice(text("again"));
      chooser.click();
    }

    /* ---- asking the API ---- */
    function ask(method, path, body, done) {
      if (busy) return;
      notice("");
      work(true);
      fetch("/api/v1/" + path, {
        method: method, headers: Object.assign({ "Content-Type": "application/json" }, HEADER), body: body ? JSON.stringify(body) : undefined
      }).then(function (answer) {
        return answer.json().then(function (told) { return { good: answer.ok, told: told }; });
      }).then(function (answer) {
        work(false);
        if (!answer.good) { notice(answer.told.error || text("broken")); return; }
        done(answer.told);
      }).catch(function () { work(false); notice(text("broken")); });
    }
    function headers() {
      var columns = {};
      page.querySelectorAll('[data-pick="column"]').forEach(function (pick) {
        columns[pick.dataset.header] = pick.value === "?" ? "" : pick.value;
      });
      return columns;
    }
    function remember(done) { ask("PUT", "import/" + state.feed + "/columns" + query(), { columns: headers() }, done); }
    function commit() {
      if (Object.keys(said).length) remember(send); else send();
    }
    function send() {
      if (busy) return;
      notice("");
      work(true);
      progress(text("going"), 0);
      var run = state.run, left = "";
      fetch("/api/v1/imports/" + run + "/commit", { method: "POST", headers: Object.assign({ Accept: "text/event-stream" }, HEADER) }).then(function (answer) {
        if (!answer.ok || !answer.body) return answer.json().then(function (told) { finish(told); });
        var reader = answer.body.getReader(), decoder = new TextDecoder();
        return reader.read().then(function read(piece) {
          left += piece.value ? decoder.decode(piece.value, { stream: true }) : "";
          var lines = left.split("\n\n");
          left = lines.pop();
          lines.forEach(function (line) { step(JSON.parse(line.slice(6))); });
          return piece.done ? null : reader.read().then(read);
        });
      }).catch(function () { work(false); notice(text("broken")); show({}); });
      function step(told) {
        if (told.total !== undefined) progress(text("going"), told.total ? told.done / told.total : 1, text("of", { a: told.done.toLocaleString("en"), b: told.total.toLocaleString("en") }));
        else finish(told);
      }
      function finish(told) {
        work(false);
        if (told.error) notice(told.error);
        else { file = null; said = {}; sheet = ""; }
        show({ everything: false, page: 0, errors: 6 });
      }
    }

    /* ---- what is pressed ---- */
    var acts = {
      pick: function () { chooser.click(); },
      another: function () { file = null; said = {}; sheet = ""; notice(""); show({ run: "", asking: "", confirmed: false }); },
      confirm: function () { remember(function () { said = {}; if (file) upload(); else show({ confirmed: true }); }); },
      forget: function () { forget(); },
      commit: commit,
      everything: function () { show({ everything: true, page: 0 }); },
      near: function () { show({ everything: false, page: 0 }); },
      page: function (at) { show({ page: Number(at.dataset.page) }); },
      errors: function (at) { show({ errors: Number(at.dataset.errors) }); },
      mend: function (at) {
        var body = { row: Number(at.dataset.row), column: at.dataset.column, value: at.dataset.value };
        ask("POST", "imports/" + state.run + "/mend", body, function () { show({}); });
      },
      open: function (at) { notice(""); show({ run: at.dataset.run, asking: "" }); window.scrollTo(0, 0); },
      withdraw: function (at) { show({ asking: at.dataset.run }); },
      "withdraw-sure": function (at) { ask("POST", "imports/" + at.dataset.run + "/withdraw", null, function () { show({ asking: "" }); }); },
      restore: function (at) { ask("POST", "imports/" + at.dataset.run + "/restore", null, function () { show({}); }); }
    };
    function forget() {
      ask("GET", "import/" + state.feed + "/columns" + query(), null, function (told) {
        var mine = Object.keys(headers()).sort().join("\n");
        var one = told.mappings.find(function (mapping) { return Object.keys(mapping.columns).sort().join("\n") === mine; }) || told.mappings[0];
        if (!one) { show({}); return; }
        ask("DELETE", "import/" + state.feed + "/columns/" + one.headers + query(), null, function () { said = {}; if (file) upload(); else show({}); });
      });
    }
    function click(event) {
      var at = event.target.closest("[data-act]");
      if (!at || !page.contains(at) || at.disabled) return;
      var act = acts[at.dataset.act];
      pressed = at.dataset.act;
      if (act) act(at);
    }
    function change(event) {
      var at = event.target;
      if (at.dataset && at.dataset.pick === "column") { said[at.dataset.header] = at.value === "?" ? "" : at.value; again(); }
      else if (at.dataset && at.dataset.pick === "sheet") { sheet = at.value; said = {}; again(); }
    }
    page.addEventListener("click", click);
    page.addEventListener("change", change);

    /* ---- dragging: anywhere on the page ---- */
    function carries(event) { return event.dataTransfer && Array.prototype.indexOf.call(event.dataTransfer.types || [], "Files") >= 0; }
    function enter(event) { if (!carries(event)) return; event.preventDefault(); depth += 1; page.classList.add("im-over"); page.dataset.drop = text("drop"); }
    function over(event) { if (carries(event)) { event.preventDefault(); event.dataTransfer.dropEffect = "copy"; } }
    function leave() { depth = Math.max(0, depth - 1); if (!depth) page.classList.remove("im-over"); }
    function drop(event) {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      page.classList.remove("im-over");
      said = {};
      sheet = "";
      take(event.dataTransfer.files);
    }
    document.addEventListener("dragenter", enter);
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop);

    /* A list drawn anew keeps the choice of the one before it, unless it is told. */
    function settle() {
      page.querySelectorAll("select[data-value]").forEach(function (pick) {
        if (pick.value !== pick.dataset.value) pick.value = pick.dataset.value;
      });
      /* What was pressed may be gone: the keyboard goes on at its like, or at what comes next. */
      if (!pressed || busy || (document.activeElement && document.activeElement !== document.body)) return;
      var next = page.querySelector('[data-act="' + pressed + '"]:not([disabled])') || page.querySelector("#imports-body .im-btn:not([disabled])") || page.querySelector('[data-act="pick"]');
      if (!next || !next.offsetWidth) return;
      pressed = "";
      next.focus({ preventScroll: true });
    }
    var watcher = new MutationObserver(settle);
    watcher.observe(page, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-value"] });
    settle();
    return function () {
      watcher.disconnect();
      document.removeEventListener("dragenter", enter);
      document.removeEventListener("dragover", over);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop);
    };
  }

  tw.onPage("#imports-page", mount);
})();
