/* Whom to call about a case: a part of the drawer (04-desk-lists.js leaves <div class="dk-contact" data-feed data-case>).
   The number comes from POST /api/v1/cases/{feed}/{case}/contact alone, stands for as long as the server says and is
   taken away again; nothing of it is kept here. */
(function () {
  "use strict";
  var FORM = { "Content-Type": "application/json", "X-Townwatch-Form": "page" };
  function en() { return document.documentElement.lang === "en"; }
  function say(zh, english) { return en() ? english : zh; }
  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  }
  function button(text, act, main) {
    var element = make("button", "dk-btn" + (main ? " ton" : ""), text);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  }
  function field(name, label, most, mode) {
    var row = make("label", "", ""), input = make("input", "", "");
    row.appendChild(make("span", "", label));
    input.name = name;
    input.maxLength = most;
    input.autocomplete = "off";
    if (mode) input.inputMode = mode;
    row.appendChild(input);
    return row;
  }
  function ask(box, method, body) {
    var path = "/api/v1/cases/" + encodeURIComponent(box.dataset.feed) + "/" + encodeURIComponent(box.dataset.case) + "/contact";
    var options = { method: method, headers: method === "GET" ? { Accept: "application/json" } : FORM, cache: "no-store", credentials: "same-origin" };
    if (body) options.body = JSON.stringify(body);
    return fetch(path, options).then(function (answer) {
      return answer.json().catch(function () { return {}; }).then(function (told) {
        if (!answer.ok) throw new Error(String(told.error || told.detail || answer.status));
        return told;
      });
    }, function () { throw new Error(say("现在连不上，请稍后再试", "No connection just now; try again")); });
  }
  function own(text) {
    var parts = text.split(" · ");
    return en() ? parts[parts.length - 1] : parts[0];
  }
  function wrong(box, error) {
    var told = box.querySelector(".dk-contact-wrong") || box.appendChild(make("p", "dk-contact-wrong", ""));
    told.setAttribute("role", "alert");
    told.textContent = own(error.message);
  }

  function start(box) {
    box.textContent = "";
    ask(box, "GET").then(function (state) {
      box.textContent = "";
      if (!state.kept && !state.put) return;
      box.appendChild(make("h3", "", say("联系方式", "Contact")));
      var row = box.appendChild(make("div", "dk-contact-row", ""));
      if (state.kept) row.appendChild(button(say("打电话", "Call"), function () { if (state.way === "chief") why(box); else open(box, ""); }, true));
      else row.appendChild(make("span", "", say("没有留，或不是你承办", "None, or the case is not yours")));
      if (state.put) row.appendChild(button(state.kept ? say("更改", "Change") : say("留联系方式", "Add"), function () { form(box); }));
      if (state.kept) row.appendChild(button(say("删除", "Erase"), function () {
        box.textContent = "";
        var sure = box.appendChild(make("div", "dk-contact-row", ""));
        sure.appendChild(make("span", "", say("删除后不能恢复", "It cannot be brought back")));
        sure.appendChild(button(say("删除", "Erase"), function () { ask(box, "DELETE", {}).then(function () { start(box); }, function (error) { wrong(box, error); }); }, true));
        sure.appendChild(button(say("取消", "Cancel"), function () { start(box); }));
      }));
    }, function () { box.textContent = ""; });
  }
  /* A chief says why before a number is shown. */
  function why(box) {
    box.textContent = "";
    var lines = box.appendChild(make("form", "dk-contact-form", ""));
    lines.appendChild(field("reason", say("为什么要看", "Why"), 120));
    lines.appendChild(make("p", "dk-contact-note", say("每次查看都会记入审计", "Each opening is noted in the audit")));
    var row = lines.appendChild(make("div", "dk-contact-row", "")), send = make("button", "dk-btn ton", say("查看", "Open"));
    send.type = "submit";
    row.appendChild(send);
    row.appendChild(button(say("取消", "Cancel"), function () { start(box); }));
    lines.addEventListener("submit", function (event) { event.preventDefault(); open(box, lines.elements.reason.value); });
    lines.elements.reason.focus();
  }
  function open(box, reason) {
    ask(box, "POST", reason ? { reason: reason } : {}).then(function (told) {
      var left = told.seconds;
      box.textContent = "";
      box.appendChild(make("h3", "", say("联系方式", "Contact")));
      var shown = box.appendChild(make("div", "dk-contact-shown", "")), call = make("a", "dk-contact-call", told.phone);
      call.href = "tel:" + told.phone.replace(/[^0-9+]/g, "");
      if (told.name) shown.appendChild(make("b", "", told.name));
      shown.appendChild(call);
      if (told.note) shown.appendChild(make("p", "", told.note));
      var foot = shown.appendChild(make("p", "dk-contact-note", ""));
      (function count() {
        if (!box.isConnected) return;
        if (left <= 0) { start(box); return; }
        foot.textContent = say(left + " 秒后收起，这次查看已记入审计", "Hidden in " + left + " s; this opening is in the audit");
        left -= 1;
        window.setTimeout(count, 1000);
      })();
    }, function (error) { wrong(box, error); });
  }
  function form(box) {
    box.textContent = "";
    var lines = box.appendChild(make("form", "dk-contact-form", ""));
    lines.appendChild(field("name", say("联系人", "Name"), 40));
    lines.appendChild(field("phone", say("联系电话", "Phone"), 30, "tel"));
    lines.appendChild(field("note", say("备注", "Note"), 200));
    var row = lines.appendChild(make("div", "dk-contact-row", "")), send = make("button", "dk-btn ton", say("保存", "Save"));
    send.type = "submit";
    row.appendChild(send);
    row.appendChild(button(say("取消", "Cancel"), function () { start(box); }));
    lines.addEventListener("submit", function (event) {
      event.preventDefault();
      var given = lines.elements;
      ask(box, "PUT", { name: given.name.value, phone: given.phone.value, note: given.note.value }).then(function () { start(box); }, function (error) { wrong(lines, error); });
    });
    lines.elements.name.focus();
  }

  function look() {
    document.querySelectorAll(".dk-contact:not([data-begun])").forEach(function (box) {
      box.dataset.begun = "1";
      start(box);
    });
  }
  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
})();
