"""The pages that stand before the product: sign-in, choosing a password, pairing a wall, and why somebody may not.

Whole documents without any inline script: whoever is not signed in gets nothing of Dash. Their look is that of the desk
(``00-tokens.css``, ``65-access.css``).
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

WORDS: dict[str, tuple[str, str]] = {
    "sign_in": ("登录", "Sign in"),
    "name": ("账号", "Account"),
    "password": ("密码", "Password"),
    "forgot": ("忘记密码请找管理员重设", "Forgotten it? The administrator can reset it"),
    "or": ("或", "or"),
    "with": ("用 {name} 登录", "Sign in with {name}"),
    "unit": ("单位账号", "the office account"),
    "wrong": ("账号或密码不对", "The account or the password is wrong"),
    "wait": ("尝试次数太多，请 {s} 秒后再试", "Too many attempts: wait {s} seconds"),
    "wait_minutes": ("尝试次数太多，请 {m} 分钟后再试", "Too many attempts: wait {m} minutes"),
    "old_form": ("页面已过期，请再试一次", "The page was out of date: please try again"),
    "away": ("数据库没有应答，暂时不能登录，请稍后再试", "The database does not answer: try again later"),
    "choose": ("设置密码", "Choose a password"),
    "choose_for": ("账号 {name}", "Account {name}"),
    "new": ("新密码", "New password"),
    "again": ("再输一次", "Once more"),
    "rule": ("至少 10 个字符，不含账号名", "At least 10 characters, without the account's name"),
    "differ": ("两次输入的密码不一样", "The two passwords differ"),
    "save": ("保存并登录", "Save and sign in"),
    "link_over": ("这个链接已用过或已过期", "This link has been used or is over"),
    "link_over_note": ("请管理员再发一个。", "Ask the administrator for another one."),
    "pair": ("大屏配对", "Pair this wall"),
    "pair_note": (
        "请管理员打开“管理 › 大屏”，输入这个配对码。批准后这里会自动显示大屏，断电重启后也不用再配对。",
        "An administrator enters this code under Administration › Walls. The wall then appears by itself, and again"
        " after every power cut.",
    ),
    "pair_left": ("配对码 15 分钟内有效，过期自动换新", "The code is good for 15 minutes and renews itself"),
    "pair_start": ("把这台屏幕设为大屏", "Make this screen a wall"),
    "refused": ("不能登录", "You cannot sign in"),
    "back": ("返回登录", "Back to sign-in"),
    "title": ("镇哨", "Townwatch"),
    "motto": ("镇街防疫与复工实时看板", "Live dashboards for towns"),
}

STYLES = ("00-tokens.css", "01-fonts.css", "10-shell.css", "65-access.css")


def word(key: str, lang: str, **given: object) -> str:
    """A text in ``zh`` or ``en``."""
    return WORDS[key][1 if lang == "en" else 0].format(**given)


def document(lang: str, title: str, body: str, here: str, script: str = "", refresh: str = "") -> str:
    """A whole document around a card. ``here``: path and query for the language switch, without ``lang``."""
    links = "".join(f'<link rel="stylesheet" href="/assets/{name}">' for name in STYLES)
    glue = "&amp;" if "?" in here else "?"
    switch = "".join(
        f'<a href="{escape(here)}{glue}lang={code}" lang="{tag}"'
        f"{' aria-current=true' if code == lang else ''}>{shown}</a>"
        for code, tag, shown in (("zh", "zh-CN", "中"), ("en", "en", "EN"))
    )
    return (
        f'<!doctype html>\n<html lang="{"en" if lang == "en" else "zh-CN"}" data-theme="light" data-surface="desk">'
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light"><meta name="robots" content="noindex">{refresh}'
        f"<title>{escape(title)} · {word('title', lang)}</title>"
        f'<link rel="icon" type="image/svg+xml" href="/assets/mark.svg">{links}</head>'
        '<body class="adm-door"><header class="adm-top"><span class="tw-brand">'
        '<span class="tw-mark" aria-hidden="true">'
        f'</span><span>{word("title", lang)}</span></span><span class="adm-motto">{word("motto", lang)}</span>'
        f'<span class="tw-space"></span><nav class="tw-lang" aria-label="中 / EN">{switch}</nav></header>'
        f'<main class="adm-card">{body}</main>'
        + (f'<script src="/assets/{script}" defer></script>' if script else "")
        + "</body></html>\n"
    )


def sign_in(lang: str, target: str, form: str, *, name: str = "", error: str = "", provider: str | None = None) -> str:
    """The page of ``/signin``. ``form`` is the token of the form, ``provider`` the name of the OpenID provider."""
    query = urlencode({"next": target}) if target != "/" else ""
    other = ""
    if provider is not None:
        shown = word("with", lang, name=provider or word("unit", lang))
        other = (
            f'<p class="adm-or"><span>{word("or", lang)}</span></p>'
            f'<a class="adm-btn" href="/signin/oidc{"?" + escape(query) if query else ""}">{escape(shown)}</a>'
        )
    body = (
        f"<h1>{word('sign_in', lang)}</h1>{_error(error)}"
        '<form method="post" action="/signin" autocomplete="on">'
        f'<input type="hidden" name="form" value="{escape(form)}">'
        f'<input type="hidden" name="next" value="{escape(target)}"><input type="hidden" name="lang" value="{lang}">'
        f'<label for="name">{word("name", lang)}</label><input id="name" name="name" value="{escape(name)}" '
        f'autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="40"'
        f"{'' if name else ' autofocus'}>"
        f'<label for="password">{word("password", lang)}</label><input id="password" name="password" type="password" '
        f'autocomplete="current-password" required maxlength="200"{" autofocus" if name else ""}>'
        f'<button class="adm-btn adm-main" type="submit">{word("sign_in", lang)}</button></form>{other}'
        f'<p class="adm-note">{word("forgot", lang)}</p>'
    )
    return document(lang, word("sign_in", lang), body, "/signin" + (f"?{query}" if query else ""))


def choose(lang: str, secret: str, name: str, form: str, error: str = "") -> str:
    """The page of a one-time link."""
    body = (
        f'<h1>{word("choose", lang)}</h1><p class="adm-sub">{escape(word("choose_for", lang, name=name))}</p>'
        f'{_error(error)}<form method="post" action="/signin/link/{escape(secret)}">'
        f'<input type="hidden" name="form" value="{escape(form)}"><input type="hidden" name="lang" value="{lang}">'
        f'<input type="text" name="name" value="{escape(name)}" autocomplete="username" hidden>'
        f'<label for="password">{word("new", lang)}</label><input id="password" name="password" type="password" '
        'autocomplete="new-password" required minlength="10" maxlength="200" autofocus aria-describedby="rule">'
        f'<label for="again">{word("again", lang)}</label><input id="again" name="again" type="password" '
        'autocomplete="new-password" required minlength="10" maxlength="200">'
        f'<p class="adm-note" id="rule">{word("rule", lang)}</p>'
        f'<button class="adm-btn adm-main" type="submit">{word("save", lang)}</button></form>'
    )
    return document(lang, word("choose", lang), body, f"/signin/link/{secret}")


def pair(lang: str, code: str) -> str:
    """The page of ``/pair``: the code, large enough to be read across a room, or the button that asks for one."""
    if not code:
        body = (
            f'<h1>{word("pair", lang)}</h1><p class="adm-sub">{word("pair_note", lang)}</p>'
            '<form method="post" action="/pair">'
            f'<input type="hidden" name="lang" value="{lang}">'
            f'<button class="adm-btn adm-main" type="submit">{word("pair_start", lang)}</button></form>'
        )
        return document(lang, word("pair", lang), body, "/pair")
    shown = f"{code[:3]} {code[3:]}"
    body = (
        f"<h1>{word('pair', lang)}</h1>"
        f'<p class="adm-code" id="code" data-code="{escape(code)}">{escape(shown)}</p>'
        f'<p class="adm-sub">{word("pair_note", lang)}</p>'
        f'<p class="adm-note" role="status">{word("pair_left", lang)}</p>'
    )
    return document(lang, word("pair", lang), body, "/pair", script="pair.js")


def refused(lang: str, sentence: str, title: str = "refused") -> str:
    """Why somebody may not come in."""
    body = (
        f'<h1>{word(title, lang)}</h1><p class="adm-sub" role="alert">{escape(sentence)}</p>'
        f'<a class="adm-btn" href="/signin?lang={lang}">{word("back", lang)}</a>'
    )
    return document(lang, word(title, lang), body, "/signin")


def _error(sentence: str) -> str:
    return f'<p class="adm-error" role="alert">{escape(sentence)}</p>' if sentence else ""
