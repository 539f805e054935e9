/* 审计 /admin/audit: the state of the chain and the rows. Drawn from the view `audit` into layouts/pages/audit.py; the kit
   (00-desk.js) draws the rest. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc, icon = desk.icon;

  desk("audit", function (ctx) {
    function mark(kind, size) { return window.townMarks.mark(kind, size); }
    function drawChain() {
      var chain = ctx.data.chain, bad = chain.tone === "alert";
      ctx.put(ctx.$("note"), esc(chain.note));
      ctx.put(ctx.$("chain"), '<p class="au-chain' + (bad ? " bad" : "") + '" data-whole="' + !bad + '">' + (bad ? mark("lapsed", 18) : icon("check", 18)) +
        "<b>" + esc(chain.text) + "</b><span>" + esc(chain.head || "") + "</span></p>" +
        (chain.findings.length ? "<ul class=\"au-found\">" + chain.findings.map(function (one) { return "<li>" + esc(one) + "</li>"; }).join("") + "</ul>" : ""));
    }
    function drawRows() {
      var heads = ctx.data.heads;
      desk.register(ctx, [
        { field: "number", head: heads[0], num: true, width: 76 }, { field: "at", head: heads[1], width: 132 }, { field: "who", head: heads[2], width: 132 },
        { field: "kind", head: heads[3], width: 92 }, { field: "what", head: heads[4], grow: 1, html: true }, { field: "town", head: heads[5], width: 104 },
        { field: "outcome", head: heads[6], width: 96, html: true }
      ], ctx.data.rows.map(function (row) {
        return Object.assign({}, row, {
          _what: '<span class="au-what">' + esc(row.what) + "</span>",
          _outcome: '<span class="au-out ' + row.tone + '">' + (row.tone ? mark(row.tone === "alert" ? "lapsed" : "soon", 13) : "") + esc(row.outcome) + "</span>"
        });
      }), ctx.data.empty);
    }
    return { draw: function () { drawChain(); drawRows(); } };
  });
})();
