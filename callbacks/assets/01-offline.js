/* Pages for the road open without a connection: callbacks/offline/sw.js keeps them. Here the worker is started, and told
   once what the first page of all had loaded before the worker was there. Loaded early: it hears what Dash asks for. */
(function () {
  "use strict";
  var asked = [], told = false;
  var plain = window.fetch;
  window.fetch = function (target, options) {
    if (!told && typeof target === "string" && /\/_dash-update-component(\?|$)/.test(target) && options && typeof options.body === "string" && options.body.indexOf("tw-frame") >= 0) {
      var headers = {};
      new Headers(options.headers || {}).forEach(function (value, name) { headers[name] = value; });
      asked.push({ address: target, body: options.body, headers: headers });
    }
    return plain.apply(this, arguments);
  };
  function ours() { return /^\/(my|record)(\/|$)/.test(location.pathname); }
  function tell(worker) {
    if (told || !worker || !ours()) return;
    told = true;
    var seen = performance.getEntriesByType("resource").map(function (entry) { return entry.name; });
    worker.postMessage({ addresses: seen.concat(location.pathname), posted: asked.slice(-2) });
    asked = [];
  }
  function start() {
    if (!("serviceWorker" in navigator) || !ours()) return;
    navigator.serviceWorker.addEventListener("message", function (event) {
      if (event.data && event.data.kept) document.documentElement.dataset.kept = "1";
    });
    navigator.serviceWorker.register("/sw.js", { scope: "/" }).then(function () { return navigator.serviceWorker.ready; }).then(function (ready) {
      /* A moment, so that the page's own loading is over. */
      setTimeout(function () { tell(ready.active); }, 1500);
    }, function () { /* refused (no https): the page works, but not without a connection */ });
  }
  if (document.readyState === "complete") start(); else window.addEventListener("load", start);
})();
