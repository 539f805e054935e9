/* The filter bar of a desk page (DESIGN-UI-2, section 2): chips with menus, segment, search, clear, saved views; a sheet
   where there is no room. Everything it does is a change of the address. */
(function () {
  "use strict";
  var desk = window.TW.desk, esc = desk.esc, icon = desk.icon;
  var SAVED = "townwatch-views";

  function saved(path) {
    try {
      return JSON.parse(localStorage.getItem(SAVED) || "[]").filter(function (one) { return one && typeof one.search === "string" && (!path || one.path === path); });
    } catch (error) { return []; }
  }
  function keep(list) { try { localStorage.setItem(SAVED, JSON.stringify(list.slice(-60))); } catch (error) { /* no storage: nothing is kept */ } }

  function chip(ctx, key, label, value, changed, apart) {
    var open = ctx.menu === key;
    return (apart ? '<i class="dk-rule"></i>' : "") + '<span class="dk-chip' + (changed ? " changed" : "") + '" data-chip="' + key + '">' +
      '<button type="button" data-k="chip-' + key + '" data-menu="' + key + '" aria-haspopup="dialog" aria-expanded="' + open + '"><em>' + esc(label) + "</em><b>" + esc(value) + "</b>" +
      (changed ? "" : icon("chevd", 14)) + "</button>" +
      (changed ? '<button type="button" class="x" data-k="clear-' + key + '" data-clear="' + key + '" aria-label="' + esc(ctx.say("清除", "Clear ") + label) + '">' + icon("x", 14) + "</button>" : "") + "</span>";
  }
  function segment(ctx, filter) {
    return (filter.apart ? '<i class="dk-rule"></i>' : "") + '<span class="dk-seg" role="group" aria-label="' + esc(filter.label) + '">' + filter.choices.map(function (choice) {
      return '<button type="button" data-k="seg-' + filter.key + "-" + esc(choice.value) + '" data-seg="' + filter.key + '" data-value="' + esc(choice.value) + '" aria-pressed="' + choice.on + '"' +
        (choice.count === 0 && !choice.on ? ' class="none"' : "") + ">" + esc(choice.text) + (choice.count === null ? "" : " " + choice.count.toLocaleString("en-US")) + "</button>";
    }).join("") + "</span>" + (filter.apart ? '<i class="dk-rule"></i>' : "");
  }

  function draw(ctx) {
    var box = ctx.$("bar");
    if (!box) return;
    var data = ctx.data.bar;
    if (!box.firstChild) {
      box.innerHTML = '<button type="button" class="dk-narrow" data-k="narrow" data-act="sheet" aria-expanded="false"></button><div class="dk-chips" role="group" aria-label="' + ctx.say("筛选", "Filters") +
        '"></div><span class="dk-space"></span><div class="dk-acts"></div>' + (data.search ? '<label class="dk-find">' + icon("search", 15) + '<input type="search" autocomplete="off" spellcheck="false" maxlength="60"><kbd>/</kbd></label>' : "");
      var input = box.querySelector("input");
      if (input) {
        input.placeholder = data.search;
        input.setAttribute("aria-label", data.search);
        input.addEventListener("input", function () {
          clearTimeout(ctx.typing);
          ctx.typing = setTimeout(function () { ctx.set({ q: input.value.trim() || null }, true); }, 250);
        });
      }
    }
    var field = box.querySelector("input");
    if (field && document.activeElement !== field && field.value !== ctx.get("q")) field.value = ctx.get("q");
    var html = chip(ctx, "when", data.when.label, data.when.value, data.when.changed, false);
    data.filters.forEach(function (filter) {
      if (filter.quiet && !filter.changed) return;
      html += filter.form === "segment" ? segment(ctx, filter) : chip(ctx, filter.key, filter.label, filter.value, filter.changed, filter.apart);
    });
    if (data.versus.changed) html += chip(ctx, "vs", data.versus.label, data.versus.value, true, true);
    desk.put(box.querySelector(".dk-chips"), html);
    desk.put(box.querySelector(".dk-acts"), (data.clear ? '<button type="button" class="dk-text" data-k="clear" data-act="clear">' + esc(data.clear) + '</button><i class="dk-rule"></i>' : "") +
      (data.versus.changed ? "" : '<button type="button" class="dk-text" data-k="chip-vs" data-menu="vs" aria-haspopup="dialog" aria-expanded="' + (ctx.menu === "vs") + '">' + icon("versus", 15) + esc(data.versus.label) + "</button>") +
      '<button type="button" class="dk-text icon-only" data-k="save" data-menu="saved" aria-haspopup="dialog" aria-expanded="' + (ctx.menu === "saved") + '" title="' + ctx.say("存为视图", "Save view") + '">' + icon("star", 15) + "<span>" + ctx.say("存为视图", "Save view") + "</span></button>");
    desk.put(box.querySelector(".dk-narrow"), icon("filter", 16) + ctx.say("筛选", "Filters") + (data.changed ? " " + data.changed : ""));
    menu(ctx);
  }

  /* ---- menus: one at a time, under its chip ---- */
  function options(filter, typed) {
    var html = "", group = "";
    filter.choices.forEach(function (choice) {
      if (typed && (choice.text + choice.group + choice.value).toLowerCase().indexOf(typed) < 0) return;
      if (choice.group && choice.group !== group) { group = choice.group; html += '<p class="head">' + esc(group) + "</p>"; }
      html += '<button type="button" role="menuitemcheckbox" data-k="opt-' + esc(choice.value) + '" data-option="' + esc(choice.value) + '" aria-checked="' + choice.on + '"' + (choice.count === 0 ? ' class="none"' : "") + "><i>" +
        (choice.on ? icon("check", 15) : "") + "</i><span>" + esc(choice.text) + "</span>" + (choice.count === null ? "" : "<b>" + choice.count.toLocaleString("en-US") + "</b>") + "</button>";
    });
    return html;
  }
  function radio(act, one, noted) {
    return '<button type="button" role="menuitemradio" data-k="' + act + "-" + esc(one.value) + '" data-' + act + '="' + esc(one.value) + '" aria-checked="' + one.on + '"><i>' + (one.on ? icon("check", 15) : "") + "</i><span>" + esc(one.text) +
      "</span>" + (noted && one.note ? "<b>" + esc(one.note) + "</b>" : "") + "</button>";
  }
  function menuHtml(ctx) {
    var bar = ctx.data.bar;
    if (ctx.menu === "when") {
      var when = bar.when;
      return when.days.map(function (day) { return radio("day", day, true); }).join("") +
        '<form data-form="day"><p class="head">' + ctx.say("某一天", "One day") + '</p><div class="row"><input type="date" name="day" max="' + when.today + '" value="' + when.day + '" aria-label="' + ctx.say("某一天", "One day") + '"><button type="submit" data-k="go-day">' + ctx.say("查看", "Show") + "</button></div></form>" +
        '<form data-form="span"><p class="head">' + ctx.say("一段日子，最多 31 天", "A span, 31 days at most") + '</p><div class="row"><input type="date" name="from" max="' + when.today + '" value="' + when.first + '" aria-label="' + ctx.say("从", "From") + '"><span>–</span><input type="date" name="to" max="' + when.today +
        '" value="' + when.last + '" aria-label="' + ctx.say("到", "To") + '"><button type="submit" data-k="go-span">' + ctx.say("查看", "Show") + "</button></div></form>";
    }
    if (ctx.menu === "vs") {
      var vs = bar.versus;
      return '<p class="head">' + esc(vs.heads[0]) + "</p>" + vs.days.map(function (day) { return radio("vs", day); }).join("") +
        '<form data-form="vs"><div class="row"><input type="date" name="vs" max="' + bar.when.today + '" value="' + vs.day + '" aria-label="' + esc(vs.heads[0]) + '"><button type="submit" data-k="go-vs">' + ctx.say("对比", "Compare") + "</button></div></form>" +
        (vs.towns.length ? '<p class="head">' + esc(vs.heads[1]) + "</p>" + vs.towns.map(function (town) { return radio("vs", town); }).join("") : "");
    }
    if (ctx.menu === "saved") {
      var kept = saved(ctx.path);
      return '<form data-form="save"><p class="head">' + ctx.say("把现在的筛选存为", "Save the present view as") + '</p><div class="row"><input type="text" name="name" maxlength="40" required aria-label="' + ctx.say("名称", "Name") + '" value="' + esc(suggestion(ctx)) + '"><button type="submit" data-k="go-save">' + ctx.say("保存", "Save") + "</button></div></form>" +
        (kept.length ? '<p class="head">' + ctx.say("已存的视图", "Saved views") + "</p>" : "") + kept.map(function (one) {
          return '<div class="saved"><button type="button" data-k="view-' + esc(one.search) + '" data-saved="' + esc(one.search) + '"><span>' + esc(one.name) + '</span></button><button type="button" class="x" data-k="drop-' + esc(one.search) + '" data-drop="' + esc(one.search) + '" aria-label="' + esc(ctx.say("删除视图 ", "Delete view ") + one.name) + '">' + icon("x", 14) + "</button></div>";
        }).join("");
    }
    var filter = ctx.filter(ctx.menu);
    if (!filter) return "";
    var long = filter.choices.length > 12;
    return (long ? '<input type="search" class="narrow" placeholder="' + ctx.say("查找", "Find") + '" aria-label="' + ctx.say("查找", "Find") + '">' : "") +
      '<button type="button" role="menuitem" class="all" data-k="opt-all" data-all="' + esc(filter.key) + '"><i></i><span>' + ctx.say("全部", "All") + "</span></button>" +
      '<div class="options">' + options(filter, "") + "</div>";
  }
  function suggestion(ctx) {
    var bar = ctx.data.bar, said = bar.filters.filter(function (filter) { return filter.changed; }).map(function (filter) { return filter.value; });
    if (bar.when.changed) said.unshift(bar.when.value);
    if (bar.q) said.push(bar.q);
    return said.join(" ").slice(0, 40) || ctx.say("我的视图", "My view");
  }
  function menu(ctx) {
    var box = ctx.$("menu");
    if (!box) return;
    if (!ctx.menu) { box.hidden = true; box.__html = ""; box.innerHTML = ""; return; }
    var named = { when: ctx.data.bar.when.label, vs: ctx.data.bar.versus.label, saved: ctx.say("存为视图", "Save view") }[ctx.menu] || (ctx.filter(ctx.menu) || {}).label;
    box.setAttribute("aria-label", named || "");
    /* A form somebody is filling in is left alone; a long list is only renewed inside. */
    var typing = box.contains(document.activeElement) && document.activeElement.tagName === "INPUT";
    var filter = ctx.filter(ctx.menu), inner = box.querySelector(".options"), find = box.querySelector("input.narrow");
    if (box.dataset.shown === ctx.menu && filter && inner) desk.put(inner, options(filter, find ? find.value.trim().toLowerCase() : ""));
    else if (!(typing && box.dataset.shown === ctx.menu)) desk.put(box, menuHtml(ctx));
    box.dataset.shown = ctx.menu;
    box.hidden = false;
    place(ctx);
  }
  function place(ctx) {
    var box = ctx.$("menu"), from = ctx.page.querySelector('[data-menu="' + ctx.menu + '"]');
    if (!box || !from || box.hidden) return;
    var at = from.getBoundingClientRect(), host = ctx.page.getBoundingClientRect();
    var left = Math.max(0, Math.min(at.left - host.left, host.width - box.offsetWidth));
    box.style.left = left + "px";
    box.style.top = at.bottom - host.top + 6 + "px";
    box.style.maxHeight = Math.max(180, window.innerHeight - at.bottom - 24) + "px";
  }
  function open(ctx, name) {
    ctx.menu = name;
    draw(ctx);
    var box = ctx.$("menu"), first = box && (box.querySelector("input.narrow") || box.querySelector('[aria-checked="true"]') || box.querySelector("input[name=name],button"));
    if (first) first.focus({ preventScroll: true });
  }
  function close(ctx, back) {
    var name = ctx.menu;
    if (!name) return;
    ctx.menu = "";
    draw(ctx);
    var from = back && ctx.page.querySelector('[data-menu="' + name + '"]');
    if (from) from.focus({ preventScroll: true });
  }

  function sheet(ctx, on) {
    var box = ctx.$("bar");
    box.classList.toggle("sheet", on);
    ctx.sheet = on;
    box.querySelector(".dk-narrow").setAttribute("aria-expanded", String(on));
    var first = on && box.querySelector(".dk-chips button");
    if (first) first.focus();
  }

  function click(ctx, event) {
    var t = event.target, found;
    if ((found = t.closest("[data-clear]"))) {
      var key = found.dataset.clear, changes = {};
      if (key === "when") changes = { day: null, as_of: null, from: null, to: null };
      else changes[key] = null;
      ctx.set(changes);
      var again = ctx.page.querySelector('[data-menu="' + key + '"]');
      if (again) again.focus({ preventScroll: true });
      return true;
    }
    if (t.closest('[data-act="clear"]')) { ctx.clear(); return true; }
    if (t.closest('[data-act="sheet"]')) { sheet(ctx, !ctx.sheet); return true; }
    if ((found = t.closest("[data-seg]"))) { ctx.choose(ctx.filter(found.dataset.seg), found.dataset.value); return true; }
    if ((found = t.closest("#" + ctx.name + "-bar [data-menu]"))) {
      if (ctx.menu === found.dataset.menu) close(ctx, true); else open(ctx, found.dataset.menu);
      return true;
    }
    if (!t.closest("#" + ctx.name + "-menu")) return false;
    if ((found = t.closest("[data-option]"))) { ctx.toggle(ctx.menu, found.dataset.option); return true; }
    if ((found = t.closest("[data-all]"))) {
      var filter = ctx.filter(found.dataset.all), all = {};
      all[filter.key] = filter.default ? "all" : null;
      ctx.set(all);
      return true;
    }
    if ((found = t.closest("[data-day]"))) { close(ctx, true); ctx.set({ day: found.dataset.day || null, as_of: null, from: null, to: null }); return true; }
    if ((found = t.closest("[data-vs]"))) { close(ctx, true); ctx.set({ vs: ctx.get("vs") === found.dataset.vs ? null : found.dataset.vs }); return true; }
    if ((found = t.closest("[data-saved]"))) {
      close(ctx, true);
      history.pushState({}, "", ctx.path + found.dataset.saved);
      ctx.read();
      return true;
    }
    if ((found = t.closest("[data-drop]"))) {
      keep(saved().filter(function (one) { return one.path !== ctx.path || one.search !== found.dataset.drop; }));
      menu(ctx);
      return true;
    }
    return true;
  }
  function submit(ctx, event) {
    var form = event.target.closest("form[data-form]");
    if (!form) return;
    event.preventDefault();
    var given = Object.fromEntries(new FormData(form)), kind = form.dataset.form;
    if (kind === "save") {
      var list = saved().filter(function (one) { return one.path !== ctx.path || one.search !== location.search; });
      list.push({ name: given.name.trim() || suggestion(ctx), path: ctx.path, search: location.search });
      keep(list);
      document.activeElement.blur();
      close(ctx, true);
      return;
    }
    if (kind === "day" && !given.day || kind === "vs" && !given.vs || kind === "span" && !(given.from && given.to)) return;
    close(ctx, true);
    if (kind === "day") ctx.set({ day: given.day === ctx.data.bar.when.today ? null : given.day, as_of: null, from: null, to: null });
    if (kind === "span") ctx.set({ from: given.from, to: given.to, day: null, as_of: null });
    if (kind === "vs") ctx.set({ vs: given.vs });
  }
  function key(ctx, event, field) {
    var box = ctx.$("menu");
    if (event.key === "Escape") {
      if (ctx.menu) { close(ctx, true); return true; }
      if (ctx.sheet) { sheet(ctx, false); ctx.page.querySelector(".dk-narrow").focus(); return true; }
      var input = event.target.closest && event.target.closest(".dk-find input");
      if (input) { input.value = ""; clearTimeout(ctx.typing); input.blur(); ctx.set({ q: null }, true); return true; }
      return false;
    }
    if (ctx.menu && box && box.contains(event.target) && (event.key === "ArrowDown" || event.key === "ArrowUp" || event.key === "Home" || event.key === "End")) {
      if (field && event.target.type === "date") return false;
      var all = Array.prototype.slice.call(box.querySelectorAll("button:not(.x)")), at = all.indexOf(document.activeElement);
      var next = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : Math.max(0, Math.min(all.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)));
      if (all[next]) all[next].focus();
      return true;
    }
    if (event.key === "/" && !field) {
      var find = ctx.page.querySelector(".dk-find input");
      if (find) { find.focus(); find.select(); return true; }
    }
    return false;
  }

  desk.part({
    mount: function (ctx) {
      ctx.menu = "";
      ctx.submit = function (event) { submit(ctx, event); };
      ctx.filtered = function (event) { if (event.target.matches("#" + ctx.name + "-menu input.narrow")) menu(ctx); };
      ctx.page.addEventListener("submit", ctx.submit);
      ctx.page.addEventListener("input", ctx.filtered);
    },
    draw: draw, click: click, key: key, size: place,
    outside: function (ctx, event) {
      if (!event.target.isConnected) return;
      if (ctx.menu && !event.target.closest("#" + ctx.name + "-menu") && !event.target.closest("[data-menu]") && !event.target.closest("[data-clear]")) close(ctx, false);
    },
    end: function (ctx) { clearTimeout(ctx.typing); }
  });
})();
