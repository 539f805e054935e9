/* 交班单: one A4 sheet, drawn from the view "handover" and printed by the browser. Address: shift, day. */
(function () {
  "use strict";
  var tw = window.townwatch;

  function mount(page) {
    var esc = window.TW.esc, icon = window.TW.icon, mark = window.townMarks.mark, lang = page.dataset.lang, scope = page.dataset.scope, end = null;
    var notices = window.townMarks.notices(page, lang);
    function $(id) { return page.querySelector("#" + id); }
    function params() {
      var found = {}, query = new URLSearchParams(location.search);
      ["shift", "day", "as_of"].forEach(function (key) { if (query.get(key)) found[key] = query.get(key); });
      return found;
    }
    function put(element, html) { if (element.__html !== html) { element.__html = html; element.innerHTML = html; } }
    function follow() {
      if (end) end();
      var asked = params();
      end = tw.subscribe("handover", scope, lang, draw, { params: Object.keys(asked).length ? asked : undefined, trouble: notices.trouble, refused: notices.refused });
    }
    var MARKS = { burning: "alert", overdue: "alert", soon: "soon", later: "open", handled: "met" };
    function draw(data) {
      notices.clear();
      if (data.missing) { put($("handover-sheet"), "<p>—</p>"); return; }
      var w = data.words;
      put($("handover-shifts"), data.shifts.map(function (one) {
        return '<button type="button" data-shift="' + esc(one.code) + '" aria-pressed="' + (one.code === data.shift) + '">' + esc(one.name) + "</button>";
      }).join(""));
      var query = "?scope=" + encodeURIComponent(scope) + Object.keys(params()).map(function (key) { return "&" + key + "=" + encodeURIComponent(params()[key]); }).join("") + (lang === "en" ? "&lang=en" : "");
      put($("handover-tools"), '<a class="ac-btn" href="/api/v1/export/handover.xlsx' + esc(query) + '" download>XLSX</a><button type="button" class="ac-btn go" data-print>' + icon("print", 16) + esc(w.print) + "</button>");
      var html = '<header><h1>' + esc(data.title) + "</h1><p><b>" + esc(data.span) + "</b><span>" + esc(data.as_of) + " · known_seq " + esc(data.known_seq) + (data.note ? " · " + esc(data.note) : "") + '</span></p><p class="answer">' + esc(data.answer) + "</p></header>";
      html += '<section class="ho-figures"><h2>' + esc(w.figures) + '</h2><div>' + data.counts.map(function (one) {
        return "<div><span>" + esc(one.name) + "</span><b>" + esc(one.undone) + "</b><small>" + esc(one.done) + "</small></div>";
      }).join("") + "<div><span>" + esc(w.visits) + '</span><small class="wide">' + esc(data.visits) + "</small></div></div></section>";
      html += "<section><h2>" + esc(w.open) + " <small>" + data.open.length + "</small></h2>" + table([w.number, w.item, w.owner, w.limit, w.state], data.open.map(function (row) {
        return '<tr class="' + esc(row.state) + '"><td class="no">' + mark(MARKS[row.state] || "open", 12) + esc(row.number) + "</td><td><b>" + esc(row.type) + " " + esc(row.title) + "</b> <span>" + esc(row.sub) + "</span></td><td>" + esc(row.owner) + '</td><td class="when"><b>' + esc(row.due) + "</b> <span>" + esc(row.limit) + "</span></td><td>" + (esc(row.acting) || '<span class="line"></span>') + "</td></tr>";
      }), w.none, "open") + "</section>";
      html += "<section><h2>" + esc(w.events) + " <small>" + data.happened + "</small></h2>" + table([w.time, w.what, w.how], data.events.map(function (row) {
        return "<tr><td>" + esc(row.time) + "</td><td>" + esc(row.what) + "</td><td>" + esc(row.text) + "</td></tr>";
      }), w.none, "events") + (data.more ? '<p class="more">' + data.more + " " + esc(w.more) + "</p>" : "") + "</section>";
      html += '<div class="ho-pair"><section><h2>' + esc(w.due) + (data.next ? " <small>" + esc(data.next) + "</small>" : "") + "</h2>" + table([w.time, w.what, w.how], data.due.map(function (row) {
        return "<tr><td>" + esc(row.time) + "</td><td>" + esc(row.what) + "</td><td>" + esc(row.text) + "</td></tr>";
      }), w.none, "due") + "</section><section><h2>" + esc(w.duty) + "</h2>" + (data.duty.length ? "<ul>" + data.duty.map(function (one) { return "<li><b>" + esc(one.name) + "</b> " + esc(one.text) + "</li>"; }).join("") + "</ul>" : "<p>" + esc(w.none) + "</p>") + "</section></div>";
      html += '<footer><p class="remark"><span>' + esc(w.remark) + '</span></p><div class="signs"><p><span>' + esc(w.giver) + "</span></p><p><span>" + esc(w.time) + "</span></p><p><span>" + esc(w.taker) + "</span></p><p><span>" + esc(w.time) + "</span></p></div></footer>";
      put($("handover-sheet"), html);
    }
    function table(heads, rows, none, kind) {
      if (!rows.length) return "<p>" + esc(none) + "</p>";
      return '<table class="' + kind + '"><thead><tr>' + heads.map(function (head) { return '<th scope="col">' + esc(head) + "</th>"; }).join("") + "</tr></thead><tbody>" + rows.join("") + "</tbody></table>";
    }
    function click(event) {
      var found;
      if (event.target.closest("[data-print]")) { window.print(); return; }
      if ((found = event.target.closest("[data-shift]"))) {
        var url = new URL(location.href);
        url.searchParams.set("shift", found.dataset.shift);
        history.replaceState(history.state, "", url.href);
        follow();
      }
    }
    page.addEventListener("click", click);
    follow();
    return function () { if (end) end(); };
  }
  tw.onPage("#handover-page", mount);
})();
