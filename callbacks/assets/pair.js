/* The pairing page of a wall: asks whether the code has been approved, and goes on when it has. */
(function () {
  "use strict";
  var code = document.getElementById("code");
  if (!code) return;
  function ask() {
    fetch("/pair/state", { cache: "no-store" }).then(function (answer) { return answer.json(); }).then(function (found) {
      if (found.state === "approved") { location.replace("/wall"); return; }
      /* A code that is over: the button for another one is asked for. */
      if (found.state === "over") { location.replace("/pair"); return; }
      setTimeout(ask, 2000);
    }, function () { setTimeout(ask, 4000); });
  }
  setTimeout(ask, 1000);
})();
