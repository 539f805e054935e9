/* Marks of the desk pages in text: one shape per state and numbered pins (the drawings are draw.js's, which is loaded
   before), and the line above a page whose view failed. */
(function () {
  "use strict";

  /* The shapes are those of draw.js; here they have the sizes of the desk. */
  function mark(kind, size) {
    return '<svg style="width:' + size + "px;height:" + size + 'px;flex:none" viewBox="-7.6 -7.6 15.2 15.2" aria-hidden="true">' + window.TW.shape(kind) + "</svg>";
  }
  function pin(number, kind, size) {
    return '<svg class="pin" style="width:' + size + "px;height:" + size + 'px" viewBox="-20.5 -20.5 41 41" aria-hidden="true">' + window.TW.pinShape(number, kind) + "</svg>";
  }

  /* A view that failed, or may not be seen: the last picture stays, and a line above it says so and since when. */
  function notices(page, lang) {
    var line = document.createElement("p"), en = lang === "en";
    line.className = "tw-failed";
    line.setAttribute("role", "status");
    line.hidden = true;
    page.prepend(line);
    function say(text) { line.textContent = text; line.hidden = !text; }
    return {
      clear: function () { if (!line.hidden) say(""); },
      trouble: function () { say((en ? "Read failed " : "读取失败 ") + window.townwatch.clockText("hm", undefined, lang)); },
      refused: function () { say(en ? "No permission to view" : "无查看权限"); }
    };
  }

  window.townMarks = { notices: notices, mark: mark, pin: pin };
})();
