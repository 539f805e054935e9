"""我的 /my: what is mine to do now, phone first. ``assets/my.js`` draws; without a connection it shows what it had.

Acts made without a connection are kept in the browser, shown as not sent, and sent once there is one again.
"""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes
from layouts.icons import icon

WORDS: dict[str, tuple[str, str]] = {
    "list": ("我要办的", "Mine to do"),
    "done": ("我今天办的", "Done by me today"),
    "todo": ("待办", "To do"),
    "free": ("没人接", "Unclaimed"),
    "enter": ("登记", "Enter"),
    "finished": ("已办", "Done"),
    "town": ("镇页", "Town"),
    "tabs": ("本页各部分", "Parts of this page"),
    "keys": (
        "j k 选择 · Enter 打开 · a 处置 · u 撤销 · Esc 关闭",
        "j k move · Enter open · a act · u undo · Esc close",
    ),
}
TABS = (("todo", "list"), ("free", "bell"), ("finished", "check"), ("town", "map"))


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    named = "en" if lang == "en" else "zh"
    return html.Div(
        [
            html.Div(id="my-strip", className="my-strip", role="status"),
            html.Div(id="my-head", className="my-head"),
            html.Div(id="my-chips", className="my-chips"),
            html.Div(
                [
                    html.Div(
                        id="my-list",
                        className="my-list",
                        role="region",
                        **attributes(aria_label=word("list", lang)),
                    ),
                    html.Aside(
                        [html.H2(word("done", lang)), html.Div(id="my-done", className="my-done")],
                        className="my-side",
                    ),
                ],
                className="my-body",
            ),
            html.P(word("keys", lang), className="tp-keys", **attributes(aria_hidden="true")),
            html.Div(id="my-sheet", className="tp-sheet", role="alert"),
            _tabs(lang),
        ],
        id="my-page",
        className="my",
        **attributes(data_lang=named, data_zone=pack.timezone),
    )


def _tabs(lang: str) -> Component:
    tabs: list[Component] = [
        html.Button(
            [html.Span(icon(symbol, 24), className="tp-tab-icon"), html.Span(word(key, lang))],
            className="tp-tab",
            type="button",
            **attributes(data_tab=key),
        )
        for key, symbol in TABS
    ]
    enter = dcc.Link(
        [html.Span(icon("plus", 26)), html.Span(word("enter", lang))],
        href="/record" + ("?lang=en" if lang == "en" else ""),
        className="tp-add",
    )
    return html.Nav([*tabs[:2], enter, *tabs[2:]], className="tp-tabs", **attributes(aria_label=word("tabs", lang)))
