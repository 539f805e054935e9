/* What changes something says which page it comes from: the session's token goes along, from the cookie that holds it.
   Dash's own callbacks do the same by themselves. */
(function () {
  "use strict";
  var HEADER = "X-CSRFToken", SAFE = /^(GET|HEAD|OPTIONS)$/i;
  function token() {
    var found = document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/);
    return found ? decodeURIComponent(found[1]) : "";
  }
  function ours(address) { return new URL(address, location.href).origin === location.origin; }
  var plain = window.fetch;
  window.fetch = function (input, options) {
    var asked = input instanceof Request ? input : null;
    var method = (options && options.method) || (asked && asked.method) || "GET";
    var mark = token();
    if (SAFE.test(method) || !mark || !ours(asked ? asked.url : String(input))) return plain.call(window, input, options);
    var headers = new Headers((options && options.headers) || (asked && asked.headers) || {});
    headers.set(HEADER, mark);
    return plain.call(window, input, Object.assign({}, options, { headers: headers }));
  };
  var open = XMLHttpRequest.prototype.open, send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.open = function (method, address) {
    this.townwatchMark = !SAFE.test(method) && ours(String(address));
    return open.apply(this, arguments);
  };
  XMLHttpRequest.prototype.send = function () {
    var mark = this.townwatchMark && token();
    if (mark) this.setRequestHeader(HEADER, mark);
    return send.apply(this, arguments);
  };
})();
