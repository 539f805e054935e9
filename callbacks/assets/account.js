/* /account: who one is here, one's password and language, and where one is signed in. */
(function () {
  "use strict";
  var tw = window.townwatch;
  var W = {
    who: ["身份", "Who you are"], name: ["账号", "Account"], roles: ["角色", "Roles"], towns: ["镇（街道）", "Towns"], every: ["全部", "All"],
    staff: ["工号", "Staff id"], none: ["未设", "None"], local: ["还没有账号：本机打开的页面都是管理员。第一个账号建好后就要登录。", "There are no accounts yet: whoever is at this machine administers. Once the first exists, people sign in."],
    notown: ["这里没有你的账号（用令牌或大屏打开）", "You have no account here (a token or a wall opened this page)"],
    language: ["语言", "Language"], zh: ["中文", "中文"], en: ["English", "English"],
    password: ["修改密码", "Change the password"], old: ["现在的密码", "Present password"], fresh: ["新密码（至少 10 个字符）", "New password (10 characters or more)"],
    again: ["再输一次", "Once more"], save: ["保存", "Save"], differ: ["两次输入的新密码不一样", "The new passwords differ"],
    saved: ["密码已改，其他地方的登录已全部结束", "The password is changed; every other session has ended"],
    sessions: ["登录的地方", "Where you are signed in"], since: ["登录", "Since"], seen: ["最近使用", "Last used"], device: ["设备", "Device"], address: ["地址", "Address"],
    here: ["这里", "Here"], end: ["结束", "End"], out: ["退出登录", "Sign out"], everywhere: ["全部退出", "Sign out everywhere"],
    unsent: ["还有 {n} 条没有发送。退出后留在这台设备上，等你再登录才发送。继续？", "{n} entries are not sent yet. They stay on this device until you sign in again. Go on?"],
    sure: ["所有设备上的登录都会结束，包括这里。继续？", "Every session ends, this one included. Go on?"],
    admin: ["管理", "Administration"],
    fail: ["没有成功，请重试", "It did not work: please try again"], by: ["由单位身份系统登录，密码在那里改", "You sign in by the office's identity provider: change the password there"]
  };
  function mount(page) {
    var at = page.dataset.lang === "en" ? 1 : 0, body = page.querySelector("#account-body"), me = null, list = [], said = null, ended = false;
    function say(key) { return W[key][at]; }
    function esc(text) { var box = document.createElement("i"); box.textContent = text == null ? "" : String(text); return box.innerHTML.replace(/"/g, "&quot;"); }
    function time(ms) { return new Date(ms).toLocaleString(at ? "en-GB" : "zh-CN", { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false }); }
    function ask(path, given) {
      var options = given === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given || {}) };
      return fetch("/api/v1/" + path, options).then(function (answer) {
        return answer.json().then(function (found) {
          if (answer.status === 401) { location.assign("/signin?next=/account"); }
          if (!answer.ok) throw new Error((found.error || say("fail")).split(" · ")[at] || found.error);
          return found;
        });
      });
    }
    function note() { return '<div class="adm-said" role="status">' + (said ? '<div class="' + (said.bad ? "bad" : "") + '">' + esc(said.text) + "</div>" : "") + "</div>"; }
    function administer() { return me.may.indexOf("administer") < 0 ? "" : '<a class="adm-btn" href="/admin' + (at ? "?lang=en" : "") + '">' + say("admin") + "</a>"; }
    function draw() {
      if (ended || !me) return;
      var towns = me.towns === null ? say("every") : me.towns.map(function (one) { return one.name; }).join(at ? ", " : "、");
      var facts = [[say("name"), at ? me.name_en : me.name], [say("roles"), me.roles.map(function (one) { return one.name; }).join(at ? ", " : "、")], [say("towns"), towns], [say("staff"), me.staff || say("none")]];
      var html = '<div class="adm-body"><section class="adm-panel"><h2>' + say("who") + '</h2><dl class="adm-facts">' + facts.map(function (one) { return "<dt>" + one[0] + "</dt><dd>" + esc(one[1]) + "</dd>"; }).join("") + "</dl>" +
        (me.account ? '<div class="adm-row" style="margin:14px 0 0"><button class="adm-btn" data-do="out">' + say("out") + "</button>" + administer() + "</div>" : '<p style="margin-top:12px">' + say(me.may.indexOf("administer") >= 0 ? "local" : "notown") + "</p>" + '<div class="adm-row" style="margin:0">' + administer() + "</div>") + "</section>";
      html += '<section class="adm-panel"><h2>' + say("language") + '</h2><div class="adm-row" style="margin:0">' + ["zh", "en"].map(function (code) {
        return '<button class="adm-btn' + ((at ? "en" : "zh") === code ? " adm-main" : "") + '" lang="' + (code === "en" ? "en" : "zh-CN") + '" data-lang-pick="' + code + '" aria-pressed="' + ((at ? "en" : "zh") === code) + '">' + say(code) + "</button>";
      }).join("") + "</div></section>";
      if (me.account) {
        html += '<section class="adm-panel"><h2>' + say("password") + "</h2>" + (me.password ? '<form class="adm-form" data-form="password"><input type="text" name="name" autocomplete="username" value="' + esc(me.name) + '" hidden>' +
          [["old", "current-password"], ["fresh", "new-password"], ["again", "new-password"]].map(function (one) { return "<label>" + say(one[0]) + '<input type="password" name="' + one[0] + '" required maxlength="200" autocomplete="' + one[1] + '"></label>'; }).join("") +
          '<button class="adm-btn adm-main" type="submit">' + say("save") + "</button></form>" : "<p>" + say("by") + "</p>") + note() + "</section>";
      }
      html += "</div>";
      if (me.account) {
        html += '<section class="adm-panel"><div class="adm-row"><h2 style="margin:0">' + say("sessions") + '</h2><span class="adm-space"></span><button class="adm-btn adm-bad" data-do="everywhere">' + say("everywhere") + '</button></div><table class="adm-table adm-cards"><thead><tr>' +
          ["device", "address", "since", "seen"].map(function (key) { return "<th>" + say(key) + "</th>"; }).join("") + "<th></th></tr></thead><tbody>" +
          list.map(function (one) {
            return '<tr data-session="' + esc(one.key) + '"><td>' + esc(one.agent || "—") + (one.here ? ' <span class="adm-tag here">' + say("here") + "</span>" : "") + '</td><td class="num" data-label="' + say("address") + '">' + esc(one.address || "—") + '</td><td class="num" data-label="' + say("since") + '">' + time(one.created_at) + '</td><td class="num" data-label="' + say("seen") + '">' + time(one.seen_at) + "</td><td>" +
              (one.here ? "" : '<button class="adm-btn" data-end="' + esc(one.key) + '">' + say("end") + "</button>") + "</td></tr>";
          }).join("") + "</tbody></table></section>";
      }
      body.innerHTML = html;
    }
    function load() {
      return ask("me?lang=" + (at ? "en" : "zh")).then(function (found) {
        me = found;
        return me.account ? ask("account/sessions").then(function (got) { list = got.sessions; }) : null;
      }).then(draw, fail);
    }
    function fail(error) { said = { bad: true, text: error.message }; draw(); }
    /* What is not sent yet stays on the device, goes out only in the name of who entered it, and is shown to nobody else. */
    function sent() {
      var rec = window.twRecord, left = rec ? rec.items().filter(rec.mine).length : 0;
      return !left || window.confirm(say("unsent").replace("{n}", left));
    }
    function leave(got) { tw.forget(); location.assign(got.next); }
    function click(event) {
      var button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.do === "out" && sent()) ask("../../signout", {}).then(leave, fail);
      if (button.dataset.do === "everywhere" && window.confirm(say("sure")) && sent()) ask("account/signout-everywhere", {}).then(leave, fail);
      if (button.dataset.end) ask("account/sessions/" + button.dataset.end + "/end", {}).then(load, fail);
      if (button.dataset.langPick) ask("account/language", { language: button.dataset.langPick }).then(function (got) {
        var address = new URL(location.href);
        address.searchParams.set("lang", got.language);
        location.assign(address.href);
      }, fail);
    }
    function submit(event) {
      event.preventDefault();
      var form = event.target;
      if (form.fresh.value !== form.again.value) { fail(new Error(say("differ"))); return; }
      ask("account/password", { old: form.old.value, new: form.fresh.value }).then(function () { said = { text: say("saved") }; return load(); }, fail);
    }
    page.addEventListener("click", click); page.addEventListener("submit", submit);
    load();
    return function () { ended = true; page.removeEventListener("click", click); page.removeEventListener("submit", submit); };
  }
  /* This file is loaded before live.js. */
  document.addEventListener("DOMContentLoaded", function () { tw = window.townwatch; tw.onPage("#account-page", mount); });
})();
