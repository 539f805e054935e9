/* Lists of a desk page: rows in HTML up to 60, AG Grid beyond; the drawer of the opened row (DESIGN-UI-2, section 7);
   two sides beside each other. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc, icon = desk.icon;
  var MOST = 60;

  /* A row's key is its own; row.open is what its drawer is opened by, where several rows share one.
     columns: [{field, head, width, grow, num, html}] where row["_" + field] is the cell's HTML if html is set and
     row[field] the plain value for sorting; rows: [{key, label, ...}]. Draws into #<name>-rows and the grid
     #<name>-grid that layouts/components/desk.py put there. A row opens its drawer. */
  desk.register = function (ctx, columns, rows, empty) {
    var box = ctx.$("rows"), wrap = ctx.$("grid-wrap");
    var open = ctx.get("open"), big = rows.length > MOST && wrap;
    if (wrap) wrap.hidden = !big;
    box.hidden = Boolean(big);
    if (big) { grid(ctx, columns, rows, open); return; }
    if (!rows.length) { desk.put(box, '<p class="dk-none">' + esc(empty) + "</p>"); return; }
    desk.put(box, '<table class="dk-table"><thead><tr>' + columns.map(function (column) {
      return '<th scope="col"' + (column.num ? ' class="num"' : "") + (column.width ? ' style="width:' + column.width + 'px"' : "") + ">" + esc(column.head) + "</th>";
    }).join("") + "</tr></thead><tbody>" + rows.map(function (row) {
      return '<tr data-k="row-' + esc(row.key) + '" data-open="' + esc(row.open || row.key) + '" tabindex="0" aria-selected="' + ((row.open || row.key) === open) + '"' + (row.label ? ' aria-label="' + esc(row.label) + '"' : "") + ">" + columns.map(function (column) {
        return "<td" + (column.num ? ' class="num"' : "") + ">" + (column.html ? row["_" + column.field] : esc(row[column.field])) + "</td>";
      }).join("") + "</tr>";
    }).join("") + "</tbody></table>");
  };
  function grid(ctx, columns, rows, open) {
    ctx.gridOpens = {};
    rows.forEach(function (row) { ctx.gridOpens[row.key] = row.open || row.key; });
    var small = ctx.page.classList.contains("dk-small");
    var id = ctx.name + "-grid", shape = JSON.stringify([columns, small]), text = JSON.stringify(rows);
    if (ctx.gridShape !== shape || ctx.gridText !== text) {
      var props = { rowData: rows };
      if (ctx.gridShape !== shape) props.columnDefs = columns.map(function (column, at) {
        var made = { field: column.field, headerName: column.head, sortable: true, resizable: true, suppressMovable: true };
        if (column.width) made.width = column.width;
        if (column.grow) { made.flex = column.grow; made.minWidth = column.min || 92; }
        /* On a phone the first column stays where it is while the others are pushed aside. */
        if (small && at === 0) { made.pinned = "left"; made.width = 124; delete made.flex; }
        if (column.num) { made.type = "rightAligned"; made.comparator = { "function": "TWOrder" }; }
        if (column.html) made.cellRenderer = "TWCell";
        return made;
      });
      if (!window.townwatch.setProps(id, props)) { setTimeout(function () { ctx.redraw(); }, 200); return; }
      ctx.gridShape = shape;
      ctx.gridText = text;
    }
    if (ctx.gridOpen !== open) {
      ctx.gridOpen = open;
      window.townwatch.setProps(id, { selectedRows: open ? { ids: rows.filter(function (row) { return (row.open || row.key) === open; }).map(function (row) { return row.key; }).slice(0, 1) } : [] });
    }
  }
  var cells = window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {};
  cells.TWCell = function (props) {
    /* The page's own drawing of a cell: made from escaped texts, never from a record as it came. */
    return window.React.createElement("span", { className: "dk-cell", dangerouslySetInnerHTML: { __html: props.data ? props.data["_" + props.colDef.field] || "" : "" } });
  };
  var functions = window.dashAgGridFunctions = window.dashAgGridFunctions || {};
  functions.TWOrder = function (a, b) { return (a === null || a === undefined ? -Infinity : a) - (b === null || b === undefined ? -Infinity : b); };

  /* ---- drawer: {key, title, over, facts, due{text, tone, action}, rows[{head,text}], sections[{title, items[{state,
     time, text, tone}]}], contact{feed, case}, links[{text, href}], foot} ---- */
  function drawer(ctx) {
    var box = ctx.$("drawer"), key = ctx.get("open"), data = ctx.opened;
    if (!box) return;
    var on = Boolean(key);
    ctx.page.classList.toggle("dk-opened", on);
    box.hidden = !on;
    if (!on) { desk.put(box, ""); return; }
    var mark = window.townMarks.mark, close = '<button type="button" class="x" data-k="drawer-close" data-act="drawer-close" aria-label="' + ctx.say("关闭", "Close") + '">' + icon("x", 20) + "</button>";
    if (!data || !data.drawer) {
      var words = data ? ctx.say("这里没有这一条", "There is no such row here") : ctx.say("读取中…", "Reading…");
      desk.put(box, "<header><span>" + esc(key) + "</span>" + close + '</header><p class="dk-none">' + words + "</p>");
      return;
    }
    var d = data.drawer;
    box.setAttribute("aria-label", d.title);
    var html = "<header><span>" + esc(d.over) + "</span>" + close + "</header><h2>" + esc(d.title) + "</h2>" + (d.facts ? '<p class="facts">' + esc(d.facts) + "</p>" : "");
    if (d.due) html += '<div class="due ' + esc(d.due.tone) + '">' + mark(d.due.shape || "alert", 16) + "<b>" + esc(d.due.text) + "</b><span>" + esc(d.due.note || "") + "</span></div>";
    if (d.rows && d.rows.length) html += "<dl>" + d.rows.map(function (row) { return "<dt>" + esc(row.head) + "</dt><dd>" + esc(row.text) + "</dd>"; }).join("") + "</dl>";
    (d.sections || []).forEach(function (section) {
      html += "<h3>" + esc(section.title) + "</h3>" + (section.items.length ? "<ul>" + section.items.map(function (item) {
        return '<li class="' + esc(item.tone || "") + '">' + (item.state ? mark(item.state, 15) : "<i></i>") + "<time>" + esc(item.time) + "</time><span>" + esc(item.text) + "</span></li>";
      }).join("") + "</ul>" : '<p class="dk-none">' + esc(section.empty || "") + "</p>");
    });
    if (d.contact) html += '<div class="dk-contact" data-no-picture data-feed="' + esc(d.contact.feed) + '" data-case="' + esc(d.contact.case) + '"></div>';
    html += "<footer>" + (d.links || []).map(function (link, at) { return '<a class="dk-btn" data-k="drawer-link-' + at + '" href="' + esc(link.href) + '">' + esc(link.text) + "</a>"; }).join("") + (d.foot ? "<p>" + esc(d.foot) + "</p>" : "") + "</footer>";
    desk.put(box, html);
  }

  /* ---- two sides ---- */
  function compare(ctx) {
    var box = ctx.$("compare"), data = ctx.data.compare;
    if (!box) return;
    box.hidden = !data;
    if (!data) { desk.put(box, ""); return; }
    function cells(side) {
      return data.rows.map(function (row) {
        if (side === "delta") return '<td class="num">' + esc(row.delta) + "</td>";
        var told = { kpi: row.kpi, town: side === "a" ? row.town : row.other, raw: side === "a" ? row.raw_a : row.raw_b, dims: row.dims };
        return '<td class="num" data-side="' + side + '"' + desk.figure(told) + "><b>" + esc(row[side]) + "</b></td>";
      }).join("");
    }
    desk.put(box, '<table class="dk-table"><thead><tr><th scope="col"><h2>' + esc(data.title) + "</h2></th>" + data.rows.map(function (row) { return '<th scope="col" class="num">' + esc(row.label) + "</th>"; }).join("") + "</tr></thead><tbody>" +
      ["a", "b", "delta"].map(function (side, at) { return '<tr><th scope="row">' + esc(data.heads[at]) + "</th>" + cells(side) + "</tr>"; }).join("") + "</tbody></table>");
  }

  function rowsOf(ctx) { return Array.prototype.slice.call(ctx.page.querySelectorAll("[data-open]")); }
  desk.part({
    draw: function (ctx) { drawer(ctx); compare(ctx); },
    opened: drawer,
    click: function (ctx, event) {
      if (event.target.closest('[data-act="drawer-close"]')) { shut(ctx); return true; }
      if (event.target.closest("#" + ctx.name + "-drawer")) return true;
      var row = event.target.closest("[data-open]"), inner = event.target.closest("a,button,[data-pick]");
      if (row && (!inner || inner === row)) { ctx.open(row.dataset.open === ctx.get("open") ? "" : row.dataset.open); return true; }
      var cell = event.target.closest(".ag-row[row-id]");
      if (cell && !inner) { toggle(ctx, cell); return true; }
      return false;
    },
    key: function (ctx, event, field) {
      if (event.key === "Escape" && ctx.get("open") && !field) { shut(ctx); return true; }
      if (field) return false;
      var row = event.target.closest && event.target.closest("[data-open]"), line = event.target.closest && event.target.closest(".ag-row[row-id]");
      if (line && event.key === "Enter") { toggle(ctx, line); return true; }
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp" && !(row && (event.key === "Enter" || event.key === " "))) return false;
      if (event.key === "Enter" || event.key === " ") {
        if (event.target !== row) return false;
        ctx.open(row.dataset.open === ctx.get("open") ? "" : row.dataset.open);
        return true;
      }
      if (event.target.closest(".ag-root,.leaflet-container,[role=grid]")) return false;
      var rows = rowsOf(ctx), open = ctx.get("open"), at = rows.indexOf(row);
      if (at < 0 && open) at = rows.findIndex(function (one) { return one.dataset.open === open; });
      if (at < 0 && !(event.target === document.body || event.target.id === "main")) return false;
      var next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))];
      if (!next) return false;
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
      /* With the drawer open the arrows go through the rows' drawers. */
      if (open) ctx.open(next.dataset.open);
      return true;
    }
  });
  function toggle(ctx, line) {
    var key = (ctx.gridOpens || {})[line.getAttribute("row-id")] || line.getAttribute("row-id");
    ctx.open(key === ctx.get("open") ? "" : key);
  }
  function shut(ctx) {
    var key = ctx.get("open");
    ctx.open("");
    var row = ctx.page.querySelector('[data-open="' + CSS.escape(key) + '"]');
    if (row) row.focus({ preventScroll: true });
  }
})();
