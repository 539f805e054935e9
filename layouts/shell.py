"""The frame around every page: top bar, replay strip, banner place, and the pages for what is not there.

Pure functions from data to components: no queries. What moves (feed badges, clock, banner) is drawn by
``assets/shell.js`` and ``assets/live.js`` into the containers left empty here. The wall page brings its own header, so
its frame is bare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack, Town
from layouts.attributes import attributes
from layouts.icons import icon

LANGUAGES = ("zh", "en")

WORDS: dict[str, tuple[str, str]] = {
    "name": ("镇哨", "Townwatch"),
    "skip": ("跳到正文", "Skip to content"),
    "nav": ("主导航", "Main"),
    "more": ("更多", "More"),
    "overview": ("总览", "Overview"),
    "alerts": ("告警", "Alerts"),
    "patrols": ("巡逻", "Patrols"),
    "checkpoints": ("卡点", "Checkpoints"),
    "disputes": ("纠纷", "Disputes"),
    "enterprises": ("企业", "Enterprises"),
    "record": ("登记", "Enter"),
    "my": ("我的", "Mine"),
    "snapshots": ("简报", "Snapshots"),
    "imports": ("导入", "Import"),
    "wall": ("大屏", "Wall"),
    "system": ("系统", "System"),
    "town": ("镇页", "Town"),
    "account": ("我的账号", "My account"),
    "feeds": ("数据新鲜度", "Feed freshness"),
    "switch": ("切换镇（街道）", "Change town"),
    "region": ("全县", "County"),
    "towns": ("镇（街道）", "Towns"),
    "language": ("语言", "Language"),
    "replay": ("回放", "Replay"),
    "replay_strip": ("演示：情景回放", "Demonstration: scenario replay"),
    "paused": ("已暂停", "paused"),
    "replay_note": ("画面上的数字不是实况", "Figures on this page are not live"),
    "missing": ("没有这一页", "No such page"),
    "missing_note": ("地址可能写错了，或页面已经不在。", "The address may be mistyped, or the page is gone."),
    "no_town": ("没有这个镇（街道）", "No such town"),
    "no_town_note": (
        "请从上面的列表里选一个。",
        "Please choose one from the list above.",
    ),
    "forbidden": ("无查看权限", "Not allowed"),
    "forbidden_note": (
        "你的账号不能打开这一页，需要时请找管理员。",
        "Your account may not open this page. Ask the administrator.",
    ),
    "sign_in": ("请先登录", "Please sign in"),
    "sign_in_note": ("登录后才能查看数据。", "Figures are shown to signed-in staff only."),
    "broken": ("这一页读取失败", "This page could not be read"),
    "broken_note": (
        "已记入日志，其他页面不受影响。请稍后再试。",
        "It has been logged; other pages are not affected. Try again.",
    ),
    "home": ("返回总览", "Back to overview"),
}

NAV: tuple[tuple[str, str, str], ...] = (
    ("overview", "/", "list"),
    ("alerts", "/alerts", "bell"),
    ("my", "/my", "user"),
    ("patrols", "/patrols", "patrol"),
    ("checkpoints", "/checkpoints", "gate"),
    ("disputes", "/disputes", "dispute"),
    ("enterprises", "/enterprises", "ent"),
    ("record", "/record", "plus"),
    ("snapshots", "/snapshots", "list"),
    ("imports", "/import", "down"),
    ("wall", "/wall", "screen"),
    ("replay", "/replay", "replay"),
    ("system", "/system", "layers"),
)
"""(word, path, icon) of the pages there are."""
SELDOM = frozenset({"imports", "wall", "replay", "system"})
"""Pages that stand behind “more” in the bar: a dozen English words are wider than a laptop."""


def word(key: str, lang: str) -> str:
    """A text of the shell in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


@dataclass(frozen=True)
class Address:
    """Where a page is: path and query. A page's state is its address, so a link reopens the same view."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def parse(path: str, search: str) -> Address:
        """From a browser's path and ``?search``; the first value of a repeated key counts."""
        query: dict[str, str] = {}
        for key, value in parse_qsl(search.removeprefix("?"), keep_blank_values=True):
            query.setdefault(key, value)
        trimmed = path.rstrip("/") or "/"
        return Address(trimmed, query)

    def language(self, default: str = "zh") -> str:
        """The language that the address asks for."""
        asked = self.query.get("lang", default)
        return asked if asked in LANGUAGES else default

    def with_query(self, **changes: str | None) -> str:
        """The same page with some of the query changed; ``None`` takes a key away."""
        query = {key: value for key, value in {**self.query, **changes}.items() if value is not None}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    def to(self, path: str) -> str:
        """Another page in the same language and theme: nothing else of the state belongs to it."""
        kept = {key: self.query[key] for key in ("lang", "theme") if key in self.query}
        return f"{path}?{urlencode(kept)}" if kept else path


@dataclass(frozen=True)
class Frame:
    """What the shell shows around a page. ``towns`` are those that the viewer may see, ``town`` the one shown."""

    pack: RegionPack
    lang: str
    address: Address
    towns: Sequence[Town]
    viewer: str = ""
    town: Town | None = None
    replay: bool = False
    speed: float = 1.0
    day: str = ""
    """The world's date, yyyy-mm-dd; shown while it is a replay's."""
    open: frozenset[str] | None = None
    """Names of the pages that the viewer may open; ``None``: all of them."""

    @property
    def nav(self) -> list[tuple[str, str, str]]:
        """Pages of the bar that the viewer may open."""
        return [one for one in NAV if self.open is None or one[0] in self.open]


def root() -> Component:
    """The part of every page that never changes: state holder, address, banner, and the place of the frame."""
    return html.Div(
        [
            dcc.Location(id="tw-url", refresh=False),
            html.Div(id="tw-banner", role="alert"),
            html.Div(id="tw-frame"),
        ],
        id="tw-shell",
        **attributes(data_live="down"),
    )


def frame(given: Frame, page: str, body: Component, title: str = "") -> list[Component]:
    """The shell around ``body``; ``page`` is its name (``wall`` stands alone and dark)."""
    wall = page == "wall"
    theme = given.address.query.get("theme", "dark" if wall else "light")
    main = html.Main(
        body,
        id="main",
        tabIndex=-1,
        className=f"tw-page tw-page-{page}",
        **attributes(
            data_page=page,
            data_surface="wall" if wall else "desk",
            data_theme=theme if theme in ("dark", "light") else "light",
            data_lang="en" if given.lang == "en" else "zh-CN",
            data_title=page_title(title, given.lang),
        ),
    )
    if wall:
        return [*([_replay_strip(given)] if given.replay else []), main]
    parts: list[Component] = [
        html.A(word("skip", given.lang), href="#main", className="tw-skip"),
        top_bar(given, page),
        html.Div(id="tw-feeds-phone", className="tw-phone-feeds", role="status", **attributes(data_lang=given.lang)),
    ]
    if given.replay:
        parts.append(_replay_strip(given))
    return [*parts, main]


def page_title(title: str, lang: str) -> str:
    """A document title."""
    name = word("name", lang)
    return f"{title} · {name}" if title else name


def top_bar(given: Frame, page: str) -> Component:
    """The desk's 54 px bar; on a phone the same parts, the pages inside the switch."""
    lang = given.lang
    return html.Header(
        [
            dcc.Link(
                [html.Span(className="tw-mark", **attributes(aria_hidden="true")), html.Span(word("name", lang))],
                href=given.address.to("/"),
                className="tw-brand",
            ),
            _switch(given, page),
            html.Nav(
                [
                    *(_nav_link(given, key, path, page) for key, path, _ in given.nav if key not in SELDOM),
                    _more(given, page),
                ],
                className="tw-nav",
                **attributes(aria_label=word("nav", lang)),
            ),
            html.Span(className="tw-space"),
            html.Div(
                id="tw-feeds",
                className="tw-feeds",
                role="status",
                **attributes(aria_label=word("feeds", lang), data_lang=lang),
            ),
            _languages(given),
            dcc.Link(
                [icon("user", 20), html.Span(given.viewer)],
                href=given.address.to("/account"),
                className="tw-me",
                title=word("account", lang),
            )
            if given.viewer
            else None,
        ],
        id="tw-top",
        className="tw-top",
    )


def _nav_link(given: Frame, key: str, path: str, page: str) -> Component:
    current = attributes(aria_current="page") if key == page else {}
    link = dcc.Link(word(key, given.lang), href=given.address.to(path), className="tw-on" if current else "")
    # How many alerts are open; shell.js fills it.
    badge = html.Span(id="tw-alerts", className="tw-nav-badge", hidden=True) if key == "alerts" else None
    # dcc.Link takes no aria attributes, so the current page is marked on its item.
    return html.Span([link, badge], **current)


def _more(given: Frame, page: str) -> Component | None:
    links = [
        dcc.Link(
            [icon(symbol, 18), html.Span(word(key, given.lang))],
            href=given.address.to(path),
            className="tw-choice tw-on" if key == page else "tw-choice",
        )
        for key, path, symbol in given.nav
        if key in SELDOM
    ]
    if not links:
        return None
    current = " tw-on" if page in SELDOM else ""
    return html.Details(
        [
            html.Summary([html.Span(word("more", given.lang)), icon("chevd", 16)], className=f"tw-more-word{current}"),
            html.Div(links, className="tw-switch-list"),
        ],
        className="tw-more",
        id="tw-more",
    )


def _switch(given: Frame, page: str) -> Component:
    lang, pack = given.lang, given.pack
    region = pack.name_en if lang == "en" else pack.name
    shown = given.town.name if given.town else region
    pages = [
        dcc.Link([icon(symbol, 18), html.Span(word(key, lang))], href=given.address.to(path), className="tw-choice")
        for key, path, symbol in (*given.nav, ("account", "/account", "user"))
    ]
    towns = [
        dcc.Link(
            town.name,
            href=given.address.to(f"/town/{town.code}"),
            className="tw-choice tw-on" if given.town and town.code == given.town.code else "tw-choice",
            title=town.name_en,
        )
        for town in given.towns
    ]
    return html.Details(
        [
            html.Summary(
                [html.Span(shown), icon("chevd", 16)],
                title=given.town.name_en if given.town else pack.name_en,
                **attributes(
                    aria_label=f"{shown}，{word('switch', lang)}" if lang == "zh" else f"{shown}, change town"
                ),
            ),
            html.Div(
                [
                    html.Div(pages, className="tw-switch-pages"),
                    dcc.Link(region, href=given.address.to("/"), className="tw-choice tw-region"),
                    html.Div(towns, className="tw-switch-towns", **attributes(aria_label=word("towns", lang))),
                ],
                className="tw-switch-list",
            ),
        ],
        className="tw-switch",
        id="tw-switch",
    )


def _languages(given: Frame) -> Component:
    def link(lang: str, shown: str) -> Component:
        current = attributes(aria_current="true") if given.lang == lang else {}
        # A plain link: the whole document changes its language, so it is loaded anew at the same address.
        return html.A(
            shown,
            href=given.address.with_query(lang=lang),
            className="tw-on" if current else "",
            lang="en" if lang == "en" else "zh-CN",
            **current,
        )

    return html.Div(
        [link("zh", "中"), link("en", "EN")],
        className="tw-lang",
        role="group",
        **attributes(aria_label=word("language", given.lang)),
    )


def _replay_strip(given: Frame) -> Component:
    # shell.js writes what the speed is when it is changed.
    speed = html.Span(f"×{given.speed:g}" if given.speed else word("paused", given.lang), id="tw-speed")
    told: list[str | Component] = [f"{word('replay_strip', given.lang)} ", speed]
    reachable = given.address.path != "/wall" and (given.open is None or "replay" in given.open)
    return html.Div(
        [
            icon("replay", 16),
            dcc.Link([*told], href=given.address.to("/replay")) if reachable else html.Span([*told]),
            html.Span(" · "),
            html.Span(given.day, **attributes(data_clock="date")),
            html.Span(word("replay_note", given.lang), className="tw-strip-note"),
        ],
        className="tw-strip",
        id="tw-replay",
        role="note",
    )


def notice(given: Frame, kind: str) -> Component:
    """A page that says why there is nothing: ``missing``, ``no_town``, ``forbidden``, ``sign_in`` or ``broken``."""
    lang = given.lang
    symbol = "lock" if kind in ("forbidden", "sign_in") else "info"
    return html.Section(
        [
            icon(symbol, 28),
            html.H1(word(kind, lang)),
            html.P(word(f"{kind}_note", lang)),
            html.P(html.Code(given.address.path)) if kind == "missing" else None,
            dcc.Link(word("home", lang), href=given.address.to("/"), className="tw-button"),
        ],
        className="tw-notice",
    )
