/* 规则: draws the view "rules": thresholds by feed, duty hours, shifts and visits, changes. Words and values come from the
   server. What is asked of the write door goes through callbacks/rules.py: put into #rules-ask, answered in #rules-answer.
   Only the page's own in the address: edit (which rule is being changed), more (folded thresholds that stand open). */
(function () {
  "use strict";
  var TW = window.TW, turn = 0;
  var FEW = 6; /* so many rules that nobody has set are not worth folding away */
  var space = window.dash_clientside = window.dash_clientside || {};
  space.townwatch_rules = {
    answer: function (data) {
      if (data) document.dispatchEvent(new CustomEvent("townwatch:rules", { detail: data }));
      return data ? data.turn : null;
    }
  };
  function ask(question) {
    turn += 1;
    question.turn = turn;
    try { window.dash_clientside.set_props("rules-ask", { data: question }); } catch (error) { return 0; }
    return turn;
  }

  TW.desk("rules", function (ctx) {
    var esc = ctx.esc, icon = ctx.icon, chosen = new Set(), form = null, said = { text: "", ok: true };
    function w() { return ctx.data.words; }
    function fill(text, n) { return text.replace("{n}", n); }

    /* ---- pieces ---- */
    function next(line) {
      return line.next ? '<span class="ru-next">' + window.townMarks.mark("due", 13) + "<b>" + esc(line.next.value) + "</b><em>" + esc(line.next.day) + ctx.say("起", "") + "</em></span>" : "";
    }
    function since(line) { return line.since ? esc(line.since) : '<em class="ru-ever">' + esc(w().ever) + "</em>"; }
    function editButton(line) {
      return line.edit ? '<button type="button" class="dk-btn sm" data-k="edit-' + esc(line.id) + '" data-edit="' + esc(line.id) + '" aria-expanded="' + (ctx.get("edit") === line.id) + '" aria-label="' + esc(w().edit + " " + line.name) + '">' + esc(w().edit) + "</button>" : "";
    }
    function slot(line, columns) {
      return ctx.get("edit") === line.id && line.edit ? '<tr class="ru-slot"><td colspan="' + columns + '"><div data-slot="' + esc(line.id) + '"></div></td></tr>' : "";
    }
    function row(line, cells) {
      return '<tr data-k="row-' + esc(line.id) + '" data-open="' + esc(line.id) + '" data-rule="' + esc(line.id) + '" tabindex="0" aria-selected="' + (ctx.get("open") === line.id) + '">' + cells + "</tr>";
    }
    function band(hours) {
      return '<span class="ru-band" aria-hidden="true">' + hours.map(function (one) {
        return '<i style="left:' + (one[0] / 14.4).toFixed(2) + "%;width:" + ((one[1] - one[0]) / 14.4).toFixed(2) + '%"></i>';
      }).join("") + "<u></u><u></u><u></u></span>";
    }
    function heads(list) {
      return "<thead><tr>" + list.map(function (one) { return '<th scope="col"' + (one[1] ? ' class="' + one[1] + '"' : "") + ">" + esc(one[0]) + "</th>"; }).join("") + "</tr></thead>";
    }
    function panel(title, note, body, extra) {
      return '<section class="dk-panel ' + (extra || "") + '" data-picture="' + esc(title) + '"><div class="dk-panel-head"><h2>' + title + "</h2>" + (note ? '<div class="dk-note">' + note + "</div>" : "") + "</div>" + body + "</section>";
    }

    /* ---- thresholds ---- */
    function thresholds() {
      var data = ctx.data, open = ctx.get("more").split(",");
      if (!data.groups.length) return '<p class="dk-none">' + esc(w().none) + "</p>";
      return data.groups.map(function (group) {
        var quiet = group.lines.filter(function (line) { return line.quiet; });
        if (quiet.length <= FEW) quiet = [];
        var all = open.indexOf(group.feed) >= 0 || Boolean(ctx.get("q")) || ctx.filter("state").changed;
        var shown = all ? group.lines : group.lines.filter(function (line) { return quiet.indexOf(line) < 0 || ctx.get("edit") === line.id; });
        var body = '<div class="dk-rows"><table class="dk-table ru-table ru-rules">' + heads([[w().rule, "c-name"], [w().value, "num"], [w().default, "num c-def"], [w().since, "c-since"], [w().next, "c-next"], ["", "c-act"]]) + "<tbody>" + shown.map(function (line) {
          return row(line, "<td><b class=\"ru-name\">" + esc(line.name) + '</b></td><td class="num' + (line.own ? " own" : "") + '" data-value="' + esc(line.raw) + '"><b>' + esc(line.value) + "</b> " + esc(line.unit) + '</td><td class="num c-def">' + esc(line.default) + '</td><td class="c-since">' + since(line) + '</td><td class="c-next">' + next(line) + '</td><td class="c-act">' + editButton(line) + "</td>") + slot(line, 6);
        }).join("") + "</tbody></table></div>";
        if (quiet.length && !(ctx.get("q") || ctx.filter("state").changed)) {
          body += '<button type="button" class="dk-text ru-more" data-k="more-' + esc(group.feed) + '" data-more="' + esc(group.feed) + '" aria-expanded="' + all + '">' + icon(all ? "chevd" : "chev", 14) + esc(all ? w().less : fill(w().more, quiet.length)) + "</button>";
        }
        return panel('<span class="ru-feed" style="color:var(--tw-feed-' + esc(group.colour) + ')">' + icon(group.icon, 17) + "</span>" + esc(group.name), "", body);
      }).join("");
    }

    /* ---- duty hours: a grid with choosing ---- */
    function box(key, on, label, some) {
      return '<button type="button" role="checkbox" class="ru-box" data-k="box-' + esc(key) + '" data-box="' + esc(key) + '" aria-checked="' + (some ? "mixed" : on) + '" aria-label="' + esc(label) + '">' + (on && !some ? icon("check", 14) : some ? "<i></i>" : "") + "</button>";
    }
    function lines() { return ctx.data.places.reduce(function (all, town) { return all.concat(town.lines); }, []); }
    function duty() {
      var data = ctx.data, editable = lines().filter(function (line) { return line.edit; });
      chosen.forEach(function (id) { if (!editable.some(function (line) { return line.id === id; })) chosen.delete(id); });
      if (!data.places.length) return '<p class="dk-none">' + esc(w().none) + "</p>";
      var bulk = ctx.get("edit") === "bulk" && chosen.size;
      var note = editable.length ? (chosen.size ? '<b>' + esc(fill(w().chosen, chosen.size)) + '</b><button type="button" class="dk-btn sm ton" data-k="bulk" data-edit="bulk" aria-expanded="' + Boolean(bulk) + '">' + esc(w().bulk) + "…</button>" : "") : esc(w().read_only);
      var hours = '<span class="ru-hours"><i>0</i><i>6</i><i>12</i><i>18</i><i>24</i></span>';
      var body = (bulk ? '<div data-slot="bulk"></div>' : "") + '<div class="dk-rows"><table class="dk-table ru-table ru-duty"><thead><tr><th scope="col" class="c-box">' + (editable.length ? box("*", chosen.size === editable.length, ctx.say("全选", "All"), chosen.size && chosen.size < editable.length) : "") + '</th><th scope="col" class="c-name">' + esc(w().point) +
        '</th><th scope="col" class="c-band">' + hours + '</th><th scope="col" class="c-hours">' + esc(w().hours) + '</th><th scope="col" class="c-since">' + esc(w().since) + '</th><th scope="col" class="c-next">' + esc(w().next) + '</th><th class="c-act"></th></tr></thead>';
      body += data.places.map(function (town) {
        var own = town.lines.filter(function (line) { return line.edit; }), on = own.filter(function (line) { return chosen.has(line.id); }).length;
        return '<tbody><tr class="ru-town"><td class="c-box">' + (own.length ? box("town:" + town.town, on === own.length, town.name, on && on < own.length) : "") + '</td><th scope="rowgroup" colspan="6">' + esc(town.name) + "</th></tr>" + town.lines.map(function (line) {
          return row(line, '<td class="c-box">' + (line.edit ? box(line.id, chosen.has(line.id), line.name) : "") + '</td><td><b class="ru-name">' + esc(line.name) + '</b></td><td class="c-band">' + band(line.hours) + '</td><td class="c-hours" data-value="' + esc(line.raw) + '">' + esc(line.value) + '</td><td class="c-since">' + since(line) + '</td><td class="c-next">' + next(line) + '</td><td class="c-act">' + editButton(line) + "</td>") + slot(line, 7);
        }).join("") + "</tbody>";
      }).join("") + "</table></div>";
      return panel(esc(ctx.filter("part").choices.filter(function (one) { return one.value === "duty"; })[0].text), note, body);
    }

    /* ---- shifts and visits ---- */
    function visits() {
      var data = ctx.data, html = "";
      if (data.shifts.length) {
        html += panel(esc(w().shift), "", '<div class="dk-rows"><table class="dk-table ru-table">' + heads([[w().shift, "c-name"], ["", "c-band"], [w().hours, "c-hours"], [w().since, "c-since"], [w().next, "c-next"], ["", "c-act"]]) + "<tbody>" + data.shifts.map(function (line) {
          return row(line, '<td><b class="ru-name">' + esc(line.name) + '</b></td><td class="c-band">' + band(line.hours) + '</td><td class="c-hours" data-value="' + esc(line.raw) + '">' + esc(line.raw.replace("-", "–")) + '</td><td class="c-since">' + since(line) + '</td><td class="c-next">' + next(line) + '</td><td class="c-act">' + editButton(line) + "</td>") + slot(line, 6);
        }).join("") + "</tbody></table></div>");
      }
      var places = data.places.filter(function (town) { return town.lines.length; });
      if (places.length) {
        html += panel(esc(w().owed), "", '<div class="dk-rows"><table class="dk-table ru-table">' + heads([[w().place, "c-name"], [w().owed, "c-owed"], [w().since, "c-since"], [w().next, "c-next"], ["", "c-act"]]) + places.map(function (town) {
          return '<tbody><tr class="ru-town"><th scope="rowgroup" colspan="5">' + esc(town.name) + "</th></tr>" + town.lines.map(function (line) {
            return row(line, '<td><b class="ru-name">' + esc(line.name) + '</b></td><td class="c-hours" data-value="' + esc(line.raw) + '">' + esc(line.value) + '</td><td class="c-since">' + since(line) + '</td><td class="c-next">' + next(line) + '</td><td class="c-act">' + editButton(line) + "</td>") + slot(line, 5);
          }).join("") + "</tbody>";
        }).join("") + "</table></div>");
      }
      return html || '<p class="dk-none">' + esc(w().none) + "</p>";
    }

    /* ---- the table of regional risk ---- */
    function risks() {
      var data = ctx.data;
      var add = data.may.all ? '<button type="button" class="dk-btn sm" data-edit="risks/new" data-k="risks-new" aria-expanded="' + (ctx.get("edit") === "risks/new") + '">' + esc(w().new_region) + "</button>" : "";
      var slot_ = ctx.get("edit") === "risks/new" ? '<div data-slot="risks/new"></div>' : "";
      var body = data.risks.length ? '<div class="dk-rows"><table class="dk-table ru-table">' + heads([[w().region, "c-name"], [w().level, "c-hours"], [w().since, "c-since"], [w().next, "c-next"], ["", "c-act"]]) + "<tbody>" + data.risks.map(function (line) {
        return row(line, '<td><b class="ru-name">' + esc(line.name) + '</b></td><td class="c-hours" data-value="' + esc(line.raw) + '">' + esc(line.value) + '</td><td class="c-since">' + since(line) + '</td><td class="c-next">' + next(line) + '</td><td class="c-act">' + editButton(line) + "</td>") + slot(line, 5);
      }).join("") + "</tbody></table></div>" : '<p class="dk-none">' + esc(ctx.say("名单是空的：所有地区按低风险", "The list is empty: every region is at low risk")) + "</p>";
      return panel(esc(ctx.filter("part").choices.filter(function (one) { return one.value === "risks"; })[0].text), esc(w().risk_note), (add ? '<p class="ru-add">' + add + "</p>" : "") + slot_ + body);
    }

    /* ---- changes ---- */
    function fate(one) {
      var kind = one.fate === "taken" ? "" : one.fate === "scheduled" ? "due" : "ok";
      return '<span class="ru-state ' + esc(one.fate) + '">' + (kind ? window.townMarks.mark(kind, 12) : "") + esc(one.state) + "</span>";
    }
    function act(one) {
      if (!one.edit) return "";
      var many = one.of > 1 ? ctx.say("（" + one.of + " 条）", " (" + one.of + ")") : "";
      var kind = one.ahead && one.fate === "scheduled" ? "cancel" : "restore", id = kind + ":" + one.number;
      return '<button type="button" class="dk-text" data-k="act-' + esc(id + one.id) + '" data-edit="' + esc(id) + '" aria-expanded="' + (ctx.get("edit") === id) + '">' + esc((kind === "cancel" ? w().cancel : ctx.say("恢复", "Restore")) + many) + "</button>";
    }
    function actSlot(one, first, columns) {
      var id = ctx.get("edit");
      if (!first || (id !== "cancel:" + one.number && id !== "restore:" + one.number)) return "";
      return columns ? '<tr class="ru-slot"><td colspan="' + columns + '"><div data-slot="' + esc(id) + '"></div></td></tr>' : '<div data-slot="' + esc(id) + '"></div>';
    }
    function log() {
      var data = ctx.data, seen = {};
      if (!data.log.length) return panel(esc(ctx.say("改动记录", "Changes")), "", '<p class="dk-none">' + esc(w().no_changes) + "</p>");
      return panel(esc(ctx.say("改动记录", "Changes")), ctx.say("新的在前", "newest first"), '<div class="dk-rows"><table class="dk-table ru-table ru-log">' + heads(w().heads.map(function (one) { return [one, ""]; }).concat([["", "c-act"]])) + "<tbody>" + data.log.map(function (one) {
        var first = !seen[one.number];
        seen[one.number] = true;
        return '<tr data-k="log-' + one.number + esc(one.id) + '" data-open="' + esc(one.id) + '" data-change="' + one.number + '" tabindex="0" class="' + esc(one.fate) + '" aria-selected="' + (ctx.get("open") === one.id) + '"><td class="t">' + esc(one.at) + '</td><td><button type="button" class="ru-who" data-k="who-' + one.number + esc(one.id) + '" data-pick="who:' + esc(one.who) + '">' + esc(one.who) + '</button></td><td><b class="ru-name">' + esc(one.name) + "</b><em>" + esc([one.kind, one.town_name].filter(Boolean).join(" ")) + "</em></td><td>" + esc(one.before) + "</td><td><b>" + esc(one.after) + '</b></td><td class="t">' + esc(one.from) + "</td><td>" + fate(one) + '</td><td class="why">' + esc(one.reason) + '</td><td class="c-act">' + (first ? act(one) : "") + "</td></tr>" + actSlot(one, first, 9);
      }).join("") + "</tbody></table></div>");
    }
    function cards(list, none, acting) {
      if (!list.length) return '<p class="dk-none">' + esc(none) + "</p>";
      var seen = {};
      return '<ul class="ru-cards">' + list.map(function (one) {
        var first = !seen[one.number];
        seen[one.number] = true;
        return '<li data-change="' + one.number + '"><div class="top"><b>' + esc(one.name) + "</b><span>" + esc(acting ? one.from + ctx.say("起", "") : one.at) + '</span></div><div class="val"><span>' + esc(one.before) + "</span>" + ctx.say("→ ", "→ ") + "<b>" + esc(one.after) + '</b></div><div class="by"><span>' + esc([one.town_name, one.who, one.reason].filter(Boolean).join(" · ")) + "</span>" + (acting ? act(one) : fate(one)) + "</div>" + (acting ? actSlot(one, first, 0) : "") + "</li>";
      }).join("") + "</ul>";
    }

    /* ---- the form of one edit: an element of its own that redrawing puts back, so that nobody's typing is lost ---- */
    function line(id) {
      var data = ctx.data, found = null;
      data.groups.forEach(function (group) { group.lines.forEach(function (one) { if (one.id === id) found = one; }); });
      lines().concat(data.shifts, data.risks || []).forEach(function (one) { if (one.id === id) found = one; });
      if (id === "risks/new") return { id: id, table: "risks", key: "", raw: "", name: w().new_region };
      return found;
    }
    function makeForm(id) {
      var kind = /^(cancel|restore):\d+$/.test(id) ? id.split(":")[0] : "edit", of = kind === "edit" && id !== "bulk" ? line(id) : null, data = ctx.data;
      var table = of ? of.table : id === "bulk" ? "duty_hours" : "", hint = id === "risks/new" ? w().risk_new_hint : table === "risks" ? w().risk_hint : table === "visit_rules" ? w().visit_hint : w().all_day_hint;
      var element = document.createElement("form"), number = table === "thresholds";
      element.className = "ru-form";
      element.noValidate = true;
      var html = "";
      if (kind === "edit") {
        html += '<label><span>' + esc(w().new) + '</span><input name="text" autocomplete="off" ' + (number ? 'inputmode="decimal" class="short" placeholder="' + esc(of.hint) + '"' : 'placeholder="' + esc(id === "risks/new" ? "420000 高风险 湖北省" : table === "risks" ? "高风险 湖北省" : table === "visit_rules" ? "08:00-11:00 x1" : "06:00-22:00") + '"') + ' value="' + esc(of ? of.raw : "") + '">' + (number ? "<em>" + esc(of.long_unit) + "</em>" : "") + "</label>";
        if (table === "duty_hours") html += '<button type="button" class="dk-btn sm" data-round>' + esc(w().round) + "</button>";
        if (number && of.own) html += '<button type="button" class="dk-btn sm" data-reset>' + esc(w().reset) + "</button>";
      }
      if (kind !== "cancel") html += "<label><span>" + esc(w().from) + '</span><input type="date" name="day" min="' + data.today + '" max="' + data.last + '" value="' + data.tomorrow + '"></label>';
      html += '<label class="why"><span>' + esc(w().reason) + '</span><input name="reason" maxlength="200" autocomplete="off"></label>';
      html += '<span class="acts"><button type="submit" class="ru-save">' + esc(kind === "cancel" ? w().take_back : kind === "restore" ? w().restore : w().save) + '</button><button type="button" class="dk-text" data-shut>' + esc(kind === "cancel" ? ctx.say("不取消", "Keep it") : w().cancel) + "</button></span>";
      html += '<p class="note"></p><p class="trial" role="status"></p><p class="wrong" role="alert"></p>';
      element.innerHTML = html;
      var made = { id: id, kind: kind, element: element, waiting: 0, trying: 0, timer: 0, table: table, of: of, base: data.base };
      function field(name) { return element.elements[name]; }
      function part(name, text) { element.querySelector("." + name).textContent = text; }
      function edits() {
        var text = field("text").value.trim();
        if (id === "bulk") return Array.from(chosen).map(function (one) { return { table: "duty_hours", key: one.slice("duty_hours/".length), text: text }; });
        if (id === "risks/new") return [{ table: "risks", key: text.split(/\s+/)[0], text: text.split(/\s+/).slice(1).join(" ") }];
        return [{ table: of.table, key: of.key, text: text }];
      }
      function question(verb) {
        var asked = { "do": verb, lang: ctx.lang, reason: field("reason").value, base: made.base };
        if (kind === "edit") asked.edits = edits(); else asked.number = Number(id.split(":")[1]);
        if (field("day")) asked.valid_from = field("day").value;
        return asked;
      }
      function note() {
        var day = field("day"), text = !day ? "" : day.value === ctx.data.today ? w().today_note : w().later_note;
        part("note", [number ? w().allowed + " " + of.allowed : kind === "edit" ? hint : "", text].filter(Boolean).join(ctx.en ? ". " : "。"));
      }
      function attempt() {
        clearTimeout(made.timer);
        part("wrong", "");
        if (kind !== "edit") return;
        if (!field("text").value.trim() && !(number && of.own)) { part("trial", ""); return; }
        made.timer = setTimeout(function () {
          part("trial", w().trying);
          made.trying = ask(question("try"));
        }, 450);
      }
      made.hear = function (told) {
        if (told.turn === made.trying && told["do"] === "try") {
          var effects = told.effects;
          if (!told.ok) { part("trial", ""); part("wrong", told.text); return; }
          part("trial", effects === null ? w().no_trial : !effects.length ? w().trial + ctx.say("：", ": ") + w().no_effect : w().trial + ctx.say("：", ": ") + effects.map(function (one) {
            return one.name + " " + one.before + " → " + one.after + (one.delta ? ctx.say("（", " (") + one.delta + ctx.say("）", ")") : "");
          }).join(ctx.say("，", "; ")));
        }
        if (told.turn === made.waiting) {
          made.waiting = 0;
          element.querySelector(".ru-save").disabled = false;
          if (!told.ok) { part("wrong", told.text); return; }
          tell(told.text, true);
          shut();
          chosen.clear();
        }
      };
      element.addEventListener("input", function (event) { if (event.target.name === "text") attempt(); if (event.target.name === "day") note(); });
      element.addEventListener("click", function (event) {
        if (event.target.closest("[data-shut]")) shut(true);
        if (event.target.closest("[data-round]")) { field("text").value = "全天"; attempt(); }
        if (event.target.closest("[data-reset]")) { field("text").value = ""; attempt(); field("reason").focus(); }
      });
      element.addEventListener("keydown", function (event) { if (event.key === "Escape") { event.stopPropagation(); shut(true); } });
      element.addEventListener("submit", function (event) {
        event.preventDefault();
        if (made.waiting) return;
        part("wrong", "");
        clearTimeout(made.timer);
        made.waiting = ask(question(kind === "edit" ? "save" : kind));
        element.querySelector(".ru-save").disabled = Boolean(made.waiting);
        if (!made.waiting) part("wrong", ctx.say("页面还没有连上，请稍后再按", "The page is not connected yet; try again"));
      });
      note();
      return made;
    }
    function shut(back) {
      var id = ctx.get("edit");
      form = null;
      ctx.set({ edit: null }, true);
      var button = back && ctx.page.querySelector('[data-edit="' + CSS.escape(id) + '"]');
      if (button) button.focus();
    }
    function place() {
      var id = ctx.get("edit"), slot_ = id ? ctx.page.querySelector('[data-slot="' + CSS.escape(id) + '"]') : null;
      if (!slot_) { form = null; return; }
      if (!form || form.id !== id) {
        form = makeForm(id);
        slot_.appendChild(form.element);
        var first = form.element.querySelector("input");
        if (first) { first.focus(); first.select(); }
      } else if (form.element.parentNode !== slot_) {
        var held = form.element.contains(document.activeElement) ? document.activeElement : null;
        slot_.appendChild(form.element);
        if (held) held.focus();
      }
    }
    function tell(text, ok) {
      said = { text: text, ok: ok };
      ctx.put(ctx.$("said"), text ? '<p class="' + (ok ? "ok" : "bad") + '">' + icon(ok ? "check" : "warn", 16) + esc(text) + "</p>" : "");
      if (text) setTimeout(function () { if (said.text === text) tell("", true); }, 12000);
    }
    function heard(event) { if (form) form.hear(event.detail); }

    return {
      local: ["edit", "more"],
      cleared: ["edit"],
      mount: function () { document.addEventListener("townwatch:rules", heard); },
      end: function () { document.removeEventListener("townwatch:rules", heard); },
      draw: function () {
        var part = ctx.data.part, make = { rules: thresholds, duty: duty, visits: visits, risks: risks, changes: log }[part] || thresholds;
        ctx.put(ctx.$("main"), make());
        var inLog = part === "changes";
        ctx.put(ctx.$("scheduled"), cards(ctx.data.scheduled, w().no_plans, !inLog));
        ctx.put(ctx.$("recent"), cards(ctx.data.recent, w().no_changes, false));
        ctx.page.classList.toggle("ru-wide", inLog);
        place();
      },
      click: function (event) {
        var found = event.target.closest("[data-edit]");
        if (found) { ctx.set({ edit: ctx.get("edit") === found.dataset.edit ? null : found.dataset.edit }, true); return; }
        found = event.target.closest("[data-more]");
        if (found) {
          var open = ctx.get("more").split(",").filter(Boolean), at = open.indexOf(found.dataset.more);
          if (at >= 0) open.splice(at, 1); else open.push(found.dataset.more);
          ctx.set({ more: open.join(",") || null }, true);
          return;
        }
        found = event.target.closest("[data-box]");
        if (found) { choose(found.dataset.box, found.getAttribute("aria-checked") !== "true"); ctx.redraw(); }
      }
    };
    function choose(key, on) {
      lines().forEach(function (one) {
        if (!one.edit || !(key === "*" || key === one.id || key === "town:" + one.town)) return;
        if (on) chosen.add(one.id); else chosen.delete(one.id);
      });
    }
  });
})();
