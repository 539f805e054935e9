/* /admin: accounts, walls, tokens, sessions, and who sees what. The tab is in the address; every act is the server's. */
(function () {
  "use strict";
  var tw = window.townwatch, TABS = ["accounts", "devices", "tokens", "sessions", "access"];
  var W = {
    accounts: ["账号", "Accounts"], devices: ["大屏", "Walls"], tokens: ["令牌", "Tokens"], sessions: ["登录", "Sessions"], access: ["谁能看什么", "Who sees what"],
    sub: ["{a} 个账号、{d} 块大屏、{t} 个令牌", "{a} accounts, {d} walls, {t} tokens"],
    local: ["还没有账号，本机打开的页面都是管理员。请先给自己建一个管理员账号。", "There are no accounts yet, so whoever is at this machine administers. Make yourself an administrator's account first."],
    name: ["账号", "Account"], role: ["角色", "Role"], towns: ["镇（街道）", "Towns"], staff: ["工号", "Staff id"], state: ["状态", "State"],
    every: ["全部", "All"], chosen: ["{n} 个", "{n} chosen"], add: ["新建账号", "New account"], make: ["新建", "Make"], save: ["保存", "Save"], edit: ["修改", "Change"],
    addNote: ["建好后给出一次性链接，本人 24 小时内打开，自己设密码。", "A one-time link is shown then: its owner opens it within 24 hours and chooses a password."],
    disable: ["停用", "Disable"], enable: ["恢复", "Enable"], reset: ["重设密码", "Reset"], signout: ["全部退出", "Sign out"], cancel: ["取消", "Cancel"],
    good: ["有效", "Good"], off: ["已停用", "Disabled"], nopass: ["等本人设密码", "Waits for a password"], outside: ["单位身份系统", "Identity provider"],
    link: ["把这个链接交给本人，只能用一次：", "Give this link to its owner; it works once:"],
    noaccounts: ["还没有账号", "No accounts yet"],
    pair: ["批准一块大屏", "Approve a wall"], pairNote: ["在大屏上打开 {u}，把上面的配对码填到这里。大屏只能看 /wall，断电重启后不用再配对。", "Open {u} on the screen and enter the code that it shows. A wall opens /wall only, and again after a power cut."],
    code: ["配对码", "Code"], wallName: ["名称，如 指挥中心东墙", "Name, e.g. Command centre east"], approve: ["批准", "Approve"], revoke: ["吊销", "Revoke"],
    waiting: ["等待批准", "Waiting"], by: ["批准人", "Approved by"], since: ["起", "Since"], seen: ["最近使用", "Last used"], revoked: ["已吊销", "Revoked"], nowalls: ["还没有大屏", "No walls yet"],
    token: ["新建令牌", "New token"], source: ["来源名，如 卡点网关", "Source, e.g. gate-gateway"], kind: ["种类", "Kind"], write: ["写入", "Writes"], read: ["只读", "Reads"], feeds: ["数据流", "Feeds"],
    until: ["有效至", "Good until"], forever: ["一直", "Always"], days: ["有效天数，空为一直", "Days; empty: always"], rotate: ["换新", "Rotate"], over: ["已过期", "Over"], follows: ["接替 {l}", "follows {l}"],
    rotateHow: ["新旧令牌同时有效多少小时？", "For how many hours are both good?"], secret: ["令牌只显示这一次：", "The token is shown this once:"], notokens: ["还没有令牌", "No tokens yet"],
    who: ["账号", "Account"], device: ["设备", "Device"], address: ["地址", "Address"], here: ["这里", "Here"], end: ["结束", "End"], nosessions: ["没有人登录", "Nobody is signed in"],
    what: ["种类", "Kind"], thing: ["名称", "Name"], needs: ["需要", "Needs"], all: ["全部种类", "Every kind"], csv: ["下载 CSV", "Download CSV"],
    accessNote: ["由程序自身列出。“所管镇街”：看账号所管的镇；“须管全部”：只有管全部镇的账号能用。没有声明的一律拒绝。", "Listed by the application itself. “Their towns”: what the account is for; “all towns only”: accounts for every town. What declares nothing is refused."],
    sureOff: ["停用“{n}”？此账号的登录随即全部结束。", "Disable {n}? All its sessions end at once."], sureReset: ["重设“{n}”的密码？此账号的登录随即全部结束。", "Reset the password of {n}? All its sessions end at once."],
    sureWall: ["吊销大屏“{n}”？画面随即关闭。", "Revoke the wall {n}? It goes dark at once."], sureToken: ["吊销令牌 {n}？用它的设备随即不能发送。", "Revoke the token {n}? Its senders are refused at once."],
    done: ["已完成", "Done"], fail: ["没有成功，请重试", "It did not work: please try again"], copy: ["复制", "Copy"]
  };
  function mount(page) {
    var at = page.dataset.lang === "en" ? 1 : 0, lang = at ? "en" : "zh", body = page.querySelector("#admin-body"), tabs = page.querySelector("#admin-tabs");
    var said = page.querySelector("#admin-said"), data = null, table = null, kind = "", editing = "", ended = false;
    function say(key, given) { return W[key][at].replace(/\{(\w)\}/g, function (_, name) { return given[name]; }); }
    function esc(text) { var box = document.createElement("i"); box.textContent = text == null ? "" : String(text); return box.innerHTML.replace(/"/g, "&quot;"); }
    function time(ms) { return ms ? new Date(ms).toLocaleString(at ? "en-GB" : "zh-CN", { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false }) : "—"; }
    function tab() { var found = new URLSearchParams(location.search).get("tab"); return TABS.indexOf(found) < 0 ? "accounts" : found; }
    function ask(path, given) {
      var options = given === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given || {}) };
      return fetch("/api/v1/" + path, options).then(function (answer) {
        return answer.json().then(function (found) {
          if (answer.status === 401) location.assign("/signin?next=" + encodeURIComponent("/admin?tab=" + tab()));
          if (!answer.ok) throw new Error((found.error || say("fail")).split(" · ")[at] || found.error);
          return found;
        });
      });
    }
    function tell(html, bad) { said.innerHTML = html ? '<div class="' + (bad ? "bad" : "") + '">' + html + "</div>" : ""; }
    function fail(error) { tell(esc(error.message), true); }
    function act(path, given, words) {
      return ask(path, given).then(function (found) {
        var shown = found.link ? esc(say("link")) + "<code>" + esc(location.origin + found.link) + "</code>" : found.secret ? esc(say("secret")) + "<code>" + esc(found.secret) + "</code>" : esc(words || say("done"));
        tell(shown);
        editing = "";
        return load();
      }).catch(fail);
    }
    function names(codes) {
      if (codes === null || codes === "all") return say("every");
      var known = {};
      data.towns.forEach(function (one) { known[one.code] = one.name; });
      return (Array.isArray(codes) ? codes : codes.split(",")).map(function (code) { return known[code] || code; }).join(at ? ", " : "、");
    }
    function feedNames(given) {
      if (given === "all") return say("every");
      var known = {};
      data.feeds.forEach(function (one) { known[one.feed] = one.name; });
      return given.split(",").map(function (name) { return known[name] || name; }).join(at ? ", " : "、");
    }
    function pick(name, options, every, chosen) {
      var shown = chosen && chosen.length ? say("chosen", { n: chosen.length }) : say("every");
      return '<details class="adm-towns"><summary>' + esc(shown) + "</summary><div>" + options.map(function (one) {
        return '<label><input type="checkbox" name="' + name + '" value="' + esc(one[0]) + '"' + (chosen && chosen.indexOf(one[0]) >= 0 ? " checked" : "") + ">" + esc(one[1]) + "</label>";
      }).join("") + "</div></details>";
    }
    function roleSelect(chosen) { return '<select name="role">' + data.roles.map(function (one) { return '<option value="' + one.role + '"' + (one.role === chosen ? " selected" : "") + ">" + esc(one.name) + "</option>"; }).join("") + "</select>"; }
    function townsOf() { return data.towns.map(function (one) { return [one.code, one.name]; }); }
    function grid(heads, rows, empty) {
      if (!rows.length) return "<p>" + say(empty) + "</p>";
      return '<div class="adm-scroll"><table class="adm-table adm-cards"><thead><tr>' + heads.map(function (key) { return "<th>" + (key ? say(key) : "") + "</th>"; }).join("") + "</tr></thead><tbody>" + rows.join("") + "</tbody></table></div>";
    }
    function cell(key, html, cls) { return '<td data-label="' + say(key) + '"' + (cls ? ' class="' + cls + '"' : "") + ">" + html + "</td>"; }
    function button(words, given, cls) { return '<button class="adm-btn ' + (cls || "") + '" ' + Object.keys(given).map(function (key) { return "data-" + key + '="' + esc(given[key]) + '"'; }).join(" ") + ">" + words + "</button>"; }

    var DRAW = {
      accounts: function () {
        var rows = data.accounts.map(function (one) {
          if (editing === one.name) return '<tr><td colspan="6"><form class="adm-form" data-form="change" data-name="' + esc(one.name) + '"><label>' + say("name") + '<input value="' + esc(one.name) + '" disabled></label><label>' + say("role") + roleSelect(one.roles[0]) + "</label><label>" + say("towns") + pick("towns", townsOf(), true, one.towns) + "</label><label>" + say("staff") + '<input name="staff" size="10" maxlength="40" value="' + esc(one.staff) + '"></label>' + button(say("save"), { submit: 1 }, "adm-main") + button(say("cancel"), { cancel: 1 }) + "</form></td></tr>";
          var state = one.disabled ? '<span class="adm-tag">' + say("off") + "</span>" : one.outside ? '<span class="adm-tag">' + say("outside") + "</span>" : one.password ? say("good") : '<span class="adm-tag watch">' + say("nopass") + "</span>";
          return '<tr data-account="' + esc(one.name) + '"' + (one.disabled ? ' class="off"' : "") + "><td><b>" + esc(at && one.name_en ? one.name_en : one.name) + "</b></td>" + cell("role", one.role_names.map(esc).join(at ? ", " : "、")) + cell("towns", esc(names(one.towns))) + cell("staff", esc(one.staff || "—"), "num") + cell("state", state) + "<td>" +
            (one.disabled ? button(say("enable"), { act: "enable", name: one.name }) : button(say("edit"), { edit: one.name }) + button(say("reset"), { act: "reset", name: one.name }) + button(say("signout"), { act: "signout", name: one.name }) + button(say("disable"), { act: "disable", name: one.name }, "adm-bad")) + "</td></tr>";
        });
        return '<section class="adm-panel">' + grid(["name", "role", "towns", "staff", "state", ""], rows, "noaccounts") + '</section><section class="adm-panel"><h2>' + say("add") + "</h2><p>" + say("addNote") + '</p><form class="adm-form" data-form="account"><label>' + say("name") + '<input name="name" required maxlength="40" autocomplete="off"></label><label>' + say("role") + roleSelect(data.accounts.length ? "chief" : "administrator") + "</label><label>" + say("towns") + pick("towns", townsOf(), true) + "</label><label>" + say("staff") + '<input name="staff" maxlength="40" autocomplete="off" size="12"></label><button class="adm-btn adm-main" type="submit">' + say("make") + "</button></form></section>";
      },
      devices: function () {
        var rows = data.devices.map(function (one) {
          var state = one.revoked_at ? say("revoked") : one.approved_at ? say("good") : '<span class="adm-tag watch">' + say("waiting") + "</span>";
          return '<tr data-device="' + esc(one.label) + '"' + (one.revoked_at ? ' class="off"' : "") + "><td><b>" + esc(one.name || one.code || one.label) + "</b></td>" + cell("address", esc(one.address || "—"), "num") + cell("since", time(one.approved_at || one.asked_at), "num") + cell("seen", time(one.seen_at), "num") + cell("by", esc(one.approved_by || "—")) + cell("state", state) + "<td>" + (one.revoked_at ? "" : button(say("revoke"), { wall: one.label, name: one.name || one.code }, "adm-bad")) + "</td></tr>";
        });
        return '<section class="adm-panel"><h2>' + say("pair") + "</h2><p>" + esc(say("pairNote", { u: location.origin + "/pair" })) + '</p><form class="adm-form" data-form="pair"><label>' + say("code") + '<input class="code" name="code" required maxlength="8" autocomplete="off" autocapitalize="characters" size="8"></label><label>' + say("wallName") + '<input name="name" maxlength="40" autocomplete="off"></label><button class="adm-btn adm-main" type="submit">' + say("approve") + '</button></form></section><section class="adm-panel">' + grid(["devices", "address", "since", "seen", "by", "state", ""], rows, "nowalls") + "</section>";
      },
      tokens: function () {
        var rows = data.tokens.map(function (one) {
          var state = one.state === "good" ? say("good") : say(one.state);
          return '<tr data-token="' + esc(one.label) + '"' + (one.state === "good" ? "" : ' class="off"') + "><td><b>" + esc(one.source) + '</b> <span class="adm-tag">' + esc(one.label) + "</span>" + (one.follows ? '<span class="adm-tag">' + esc(say("follows", { l: one.follows })) + "</span>" : "") + "</td>" + cell("kind", say(one.kind)) + cell("feeds", esc(feedNames(one.feeds))) + cell("towns", esc(names(one.towns))) + cell("until", one.expires_at ? esc(one.expires_at.slice(0, 16).replace("T", " ")) : say("forever"), "num") + cell("state", state) + "<td>" +
            (one.state === "good" ? button(say("rotate"), { rotate: one.label }) + button(say("revoke"), { token: one.label }, "adm-bad") : "") + "</td></tr>";
        });
        return '<section class="adm-panel">' + grid(["tokens", "kind", "feeds", "towns", "until", "state", ""], rows, "notokens") + '</section><section class="adm-panel"><h2>' + say("token") + '</h2><form class="adm-form" data-form="token"><label>' + say("kind") + '<select name="kind"><option value="write">' + say("write") + '</option><option value="read">' + say("read") + "</option></select></label><label>" + say("source") + '<input name="source" maxlength="80" autocomplete="off"></label><label>' + say("feeds") + pick("feeds", data.feeds.map(function (one) { return [one.feed, one.name]; }), true) + "</label><label>" + say("towns") + pick("towns", townsOf(), true) + "</label><label>" + say("days") + '<input name="days" type="number" min="1" max="3650" size="6"></label><button class="adm-btn adm-main" type="submit">' + say("make") + "</button></form></section>";
      },
      sessions: function () {
        var rows = data.sessions.map(function (one) {
          return '<tr data-session="' + esc(one.key) + '"><td><b>' + esc(one.account) + "</b>" + (one.here ? ' <span class="adm-tag here">' + say("here") + "</span>" : "") + "</td>" + cell("device", esc(one.agent || "—")) + cell("address", esc(one.address || "—"), "num") + cell("since", time(one.created_at), "num") + cell("seen", time(one.seen_at), "num") + "<td>" + button(say("end"), { session: one.key }) + "</td></tr>";
        });
        return '<section class="adm-panel">' + grid(["who", "device", "address", "since", "seen", ""], rows, "nosessions") + "</section>";
      },
      access: function () {
        if (!table) { ask("access?lang=" + lang).then(function (found) { table = found; draw(); }, fail); return '<section class="adm-panel"></section>'; }
        var kinds = table.lines.reduce(function (found, one) { if (!found.some(function (k) { return k[0] === one.kind; })) found.push([one.kind, one.kind_name]); return found; }, []);
        return '<section class="adm-panel"><div class="adm-row"><span>' + say("accessNote") + '</span><span class="adm-space"></span><select class="adm-btn" data-kind aria-label="' + say("what") + '"><option value="">' + say("all") + "</option>" + kinds.map(function (one) { return '<option value="' + one[0] + '"' + (one[0] === kind ? " selected" : "") + ">" + esc(one[1]) + "</option>"; }).join("") + '</select><a class="adm-btn" download href="/api/v1/access.csv?lang=' + lang + '">' + say("csv") + '</a></div><div class="adm-scroll"><table class="adm-table adm-cards adm-matrix"><thead><tr><th>' + say("what") + "</th><th>" + say("thing") + "</th><th>" + say("needs") + "</th>" + table.roles.map(function (one) { return "<th>" + esc(one.name) + "</th>"; }).join("") + "</tr></thead><tbody>" +
          table.lines.filter(function (one) { return !kind || one.kind === kind; }).map(function (one) {
            return "<tr><td>" + esc(one.kind_name) + "</td><td><code>" + esc(one.name) + "</code></td><td>" + esc(one.needs_name) + "</td>" + table.roles.map(function (role) { var how = one.reach[role.role]; return '<td class="' + how + '" data-label="' + esc(role.name) + '">' + esc(table.reach[how]) + "</td>"; }).join("") + "</tr>";
          }).join("") + "</tbody></table></div></section>";
      }
    };
    function draw() {
      if (ended || !data) return;
      var counts = { accounts: data.accounts.length, devices: data.devices.length, tokens: data.tokens.length, sessions: data.sessions.length };
      page.querySelector("#admin-sub").textContent = say("sub", { a: counts.accounts, d: data.devices.filter(function (one) { return one.approved_at && !one.revoked_at; }).length, t: data.tokens.filter(function (one) { return one.state === "good"; }).length });
      tabs.innerHTML = TABS.map(function (one) { return '<button role="tab" data-tab="' + one + '" aria-selected="' + (one === tab()) + '">' + say(one) + (one in counts ? "<b>" + counts[one] + "</b>" : "") + "</button>"; }).join("");
      body.innerHTML = (data.local && !data.accounts.length ? '<section class="adm-panel"><b>' + say("local") + "</b></section>" : "") + DRAW[tab()]();
    }
    function load() { return ask("admin/access?lang=" + lang).then(function (found) { data = found; draw(); }).catch(fail); }
    function checked(form, name) { var found = [].slice.call(form.querySelectorAll('input[name="' + name + '"]:checked')).map(function (one) { return one.value; }); return found.length ? found : null; }
    function click(event) {
      var target = event.target.closest("button");
      if (!target) return;
      var d = target.dataset;
      if (d.tab) {
        var address = new URL(location.href);
        address.searchParams.set("tab", d.tab);
        history.replaceState(history.state, "", address.href);
        tell("");
        draw();
      } else if (d.edit) { editing = d.edit; draw(); }
      else if (d.cancel) { event.preventDefault(); editing = ""; draw(); }
      else if (d.act) {
        if (d.act === "disable" && !window.confirm(say("sureOff", { n: d.name }))) return;
        if (d.act === "reset" && !window.confirm(say("sureReset", { n: d.name }))) return;
        act("admin/accounts/" + encodeURIComponent(d.name) + "/" + d.act, {});
      } else if (d.wall) { if (window.confirm(say("sureWall", { n: d.name }))) act("admin/devices/" + d.wall + "/revoke", {}); }
      else if (d.token) { if (window.confirm(say("sureToken", { n: d.token }))) act("admin/tokens/" + d.token + "/revoke", {}); }
      else if (d.rotate) {
        var hours = window.prompt(say("rotateHow"), "24");
        if (hours !== null) act("admin/tokens/" + d.rotate + "/rotate", { hours: Number(hours) });
      } else if (d.session) act("admin/sessions/" + d.session + "/end", {});
    }
    /* An account of several roles keeps them unless another one is chosen. */
    function changes(form) {
      var one = data.accounts.find(function (found) { return found.name === form.dataset.name; });
      var said = { towns: checked(form, "towns"), staff: form.staff.value.trim() };
      if (form.role.value !== one.roles[0]) said.roles = [form.role.value];
      return said;
    }
    function submit(event) {
      event.preventDefault();
      var form = event.target, which = form.dataset.form;
      if (which === "account") act("admin/accounts", { name: form.name.value, roles: [form.role.value], towns: checked(form, "towns"), staff: form.staff.value.trim() });
      if (which === "change") act("admin/accounts/" + encodeURIComponent(form.dataset.name) + "/change", changes(form));
      if (which === "pair") act("admin/devices", { code: form.code.value, name: form.name.value });
      if (which === "token") act("admin/tokens", { read: form.kind.value === "read", source: form.kind.value === "read" ? "" : form.source.value.trim(), feeds: checked(form, "feeds"), towns: checked(form, "towns"), days: form.days.value ? Number(form.days.value) : null });
    }
    function change(event) {
      if (event.target.matches("[data-kind]")) { kind = event.target.value; draw(); }
      var list = event.target.closest(".adm-towns");
      if (list) { var n = list.querySelectorAll("input:checked").length; list.querySelector("summary").textContent = n ? say("chosen", { n: n }) : say("every"); }
    }
    page.addEventListener("click", click); page.addEventListener("submit", submit); page.addEventListener("change", change);
    load();
    return function () { ended = true; page.removeEventListener("click", click); page.removeEventListener("submit", submit); page.removeEventListener("change", change); };
  }
  /* This file is loaded before live.js. */
  document.addEventListener("DOMContentLoaded", function () { tw = window.townwatch; tw.onPage("#admin-page", mount); });
})();
