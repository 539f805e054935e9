/* /feeds/{feed}: figures, breakdowns, towns and rows of a feed, from its declaration. Drawn from the view feed-<name> into
   layouts/pages/feeds.py; the kit (00-desk.js) draws the rest. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc;

  desk("feeds", function (ctx) {
    function drawMixes() {
      ctx.page.querySelector("#feeds-mixes-panel").hidden = !ctx.data.mixes.length;
      ctx.page.querySelector("#feeds-towns-panel").parentNode.classList.toggle("one", !ctx.data.mixes.length || ctx.data.heads.length > 7);
      ctx.put(ctx.$("mixes"), ctx.data.mixes.length ? ctx.data.mixes.map(function (mix) {
        return '<div class="cs-kinds"><h3>' + esc(mix.title) + "</h3>" + mix.bars.map(function (bar) {
          return '<p class="cs-kind"><span>' + esc(bar.name) + '</span><span class="tri"><i style="width:' + (100 * bar.share).toFixed(1) + '%"></i></span><b' + desk.figure(bar) + ">" + esc(bar.text) + "</b></p>";
        }).join("") + "</div>";
      }).join("") : '<p class="dk-none">' + ctx.say("没有分项", "No breakdown") + "</p>");
    }
    function drawTowns() {
      ctx.put(ctx.$("towns"), '<table class="dk-table"><thead><tr>' + ctx.data.heads.map(function (head, at) { return '<th scope="col"' + (at ? ' class="num"' : "") + ">" + esc(head) + "</th>"; }).join("") + "</tr></thead><tbody>" + ctx.data.towns.map(function (row) {
        return '<tr data-pick="town:' + esc(row.key) + '" tabindex="0" data-k="town-' + esc(row.key) + '"><th scope="row">' + esc(row.name) + "</th>" + row.cells.map(function (cell) { return '<td class="num"' + desk.figure(cell) + ">" + esc(cell.text) + "</td>"; }).join("") + "</tr>";
      }).join("") + "</tbody></table>");
    }
    function drawExtras() {
      ctx.put(ctx.$("extras"), (ctx.data.extras || []).map(function (one) {
        var head = '<section class="dk-panel cs-extra"><h2>' + esc(one.title) + '</h2>' + (one.note ? '<p class="cs-note">' + esc(one.note) + "</p>" : "");
        if (one.codes) {
          return head + '<div class="cs-codes">' + one.codes.map(function (code) {
            return '<figure><img alt="' + esc(code.text) + '" src="' + esc(code.src) + '" width="168" height="168" loading="lazy"><figcaption>' + esc(code.text) + '</figcaption><a class="dk-btn" href="' + esc(code.src) + '" target="_blank" rel="noopener">' + esc(one.open) + "</a></figure>";
          }).join("") + "</div></section>";
        }
        return head + '<div class="dk-rows"><table class="dk-table"><thead><tr>' + one.heads.map(function (text, at) { return '<th scope="col"' + (one.numbers[at] ? ' class="num"' : "") + ">" + esc(text) + "</th>"; }).join("") + "</tr></thead><tbody>" + one.rows.map(function (row) {
          return "<tr>" + row.map(function (text, at) { return at ? "<td" + (one.numbers[at] ? ' class="num"' : "") + ">" + esc(text) + "</td>" : '<th scope="row">' + esc(text) + "</th>"; }).join("") + "</tr>";
        }).join("") + "</tbody></table></div>" + (one.rows.length ? "" : '<p class="dk-none">' + esc(one.empty) + "</p>") + "</section>";
      }).join(""));
    }
    function drawRows() {
      var columns = ctx.data.columns.map(function (head, at) { return { field: "c" + at, head: head, grow: 1 }; });
      if (ctx.data.tally) columns.shift();
      ctx.put(ctx.$("total"), esc(ctx.data.total));
      desk.register(ctx, columns, ctx.data.rows.map(function (row) {
        var made = { key: row.key, open: row.open };
        row.cells.forEach(function (text, at) { made["c" + at] = text; });
        return made;
      }), ctx.data.empty);
    }
    return {
      draw: function () { ctx.put(ctx.$("figures"), ctx.data.tiles.map(function (one) { return desk.tile(ctx, one); }).join("")); drawMixes(); drawTowns(); drawExtras(); drawRows(); },
      mount: function () { ctx.put(ctx.$("figures"), desk.tilesWaiting(4)); }
    };
  });
})();
