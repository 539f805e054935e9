"""镇页 /town/{code}: a town's day for its station chief. The list is first; map, shift and figures stand beside it.

``assets/town.js`` draws the view ``town`` into the containers left empty here, ``assets/map.js`` what is on the map.
"""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes
from layouts.components.map import town_map
from layouts.icons import icon

WORDS: dict[str, tuple[str, str]] = {
    "list": ("今天的事项", "Due today"),
    "search": ("搜索点位、巡段、组", "Search places, beats, units"),
    "map": ("点位", "Places"),
    "shift": ("班次覆盖", "Shift coverage"),
    "week": ("近 7 日", "Last 7 days"),
    "week_note": ("右端为今日，变化与昨日此时比", "today at the right, change on same time yesterday"),
    "figures": ("全部指标", "All figures"),
    "checkpoints": ("卡点", "Checkpoints"),
    "hourly": ("每小时查验", "Screened per hour"),
    "enter": ("登记", "Enter"),
    "handover": ("交班单", "Handover"),
    "whose": ("谁在办", "Who has it"),
    "patrols": ("巡逻", "Patrols"),
    "tabs": ("本页各部分", "Parts of this page"),
    "tab_list": ("待办", "To do"),
    "tab_map": ("地图", "Map"),
    "tab_shift": ("班次", "Shift"),
    "tab_data": ("数据", "Data"),
    "keys": (
        "j k 选择 · Enter 打开 · a 处置 · u 撤销 · 1–5 分类 · / 搜索 · Esc 关闭",
        "j k move · Enter open · a act · u undo · 1–5 category · / search · Esc close",
    ),
}

TABS: tuple[tuple[str, str, str], ...] = (
    ("tab_list", "town-todo", "list"),
    ("tab_map", "town-panel-places", "map"),
    ("tab_shift", "town-panel-shifts", "clock"),
    ("tab_data", "town-data", "layers"),
)


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, code: str = "", **_params: str) -> Component:
    """The page of the town ``code`` with its empty containers."""
    return html.Div(
        [
            html.Div(
                [
                    html.Div(id="town-headline", className="tp-answer"),
                    _handover(code, lang),
                    _patrols(code, lang),
                    _enter(code, lang, "tp-enter", 16),
                    _search(lang),
                ],
                className="tp-head",
            ),
            html.Div(
                [
                    html.Div(id="town-cards", className="tp-cards"),
                    html.Div(
                        [
                            html.Div(
                                id="town-who",
                                className="tp-who",
                                role="group",
                                **attributes(aria_label=word("whose", lang)),
                            ),
                            html.Div(id="town-beside", className="tp-beside"),
                            html.Div(id="town-files", className="tp-files"),
                        ],
                        className="tp-tools",
                    ),
                    html.Div(
                        html.Div(id="town-list", className="tp-scroll"),
                        className="tp-list",
                        role="region",
                        **attributes(aria_label=word("list", lang)),
                    ),
                    html.P(word("keys", lang), className="tp-keys", **attributes(aria_hidden="true")),
                ],
                id="town-todo",
                className="tp-left",
            ),
            html.Div(
                [
                    _panel(
                        "places",
                        word("map", lang),
                        [town_map(pack, code, lang)],
                        note_id="town-legend",
                    ),
                    _panel(
                        "shifts",
                        word("shift", lang),
                        [html.Div(id="town-shift"), html.P(id="town-on-duty", className="tp-on-duty")],
                        note_id="town-shift-legend",
                    ),
                    _panel(
                        "days",
                        word("week", lang),
                        [html.Div(id="town-week", className="tp-week")],
                        note=word("week_note", lang),
                    ),
                ],
                className="tp-right",
            ),
            html.Div(
                [
                    _panel(
                        "figures", word("figures", lang), [html.Div(id="town-figures")], note_id="town-figures-note"
                    ),
                    html.Div(
                        [
                            _panel("gates", word("checkpoints", lang), [html.Div(id="town-gates")]),
                            _panel(
                                "hours",
                                word("hourly", lang),
                                [html.Div(id="town-hourly")],
                                note_id="town-hourly-legend",
                            ),
                        ],
                        className="tp-side",
                    ),
                ],
                id="town-data",
                className="tp-data",
            ),
            html.Div(id="town-sheet", className="tp-sheet", role="alert"),
            _tabs(code, lang),
            html.Div(id="town-pop"),
        ],
        id="town-page",
        className="tp",
        **attributes(data_scope=code, data_lang="en" if lang == "en" else "zh"),
    )


def _search(lang: str) -> Component:
    return html.Div(
        [
            icon("search", 16),
            html.Div(id="town-search", className="tp-search-field", **attributes(data_label=word("search", lang))),
        ],
        className="tp-search",
    )


def _panel(name: str, title: str, children: Sequence[Component], note_id: str = "", note: str = "") -> Component:
    beside = html.Div(id=note_id, className="tp-note") if note_id else html.Span(note, className="tp-note")
    return html.Section(
        [html.Div([html.H2(title), beside], className="tp-panel-head"), *children],
        id=f"town-panel-{name}",
        className=f"tp-panel tp-panel-{name}",
    )


def _patrols(code: str, lang: str) -> Component:
    """The way to this town's patrols."""
    href = f"/patrols?town={code}" + ("&lang=en" if lang == "en" else "")
    return dcc.Link([html.Span(icon("patrol", 16)), html.Span(word("patrols", lang))], href=href, className="tp-enter")


def _handover(code: str, lang: str) -> Component:
    """The way to the sheet that one shift hands to the next."""
    href = f"/town/{code}/handover" + ("?lang=en" if lang == "en" else "")
    return dcc.Link([html.Span(icon("print", 16)), html.Span(word("handover", lang))], href=href, className="tp-enter")


def _enter(code: str, lang: str, class_name: str, size: int) -> Component:
    """The way to the forms of this town."""
    href = f"/record?town={code}" + ("&lang=en" if lang == "en" else "")
    return dcc.Link([html.Span(icon("plus", size)), html.Span(word("enter", lang))], href=href, className=class_name)


def _tabs(code: str, lang: str) -> Component:
    tabs: list[Component] = [
        html.A(
            [html.Span(icon(symbol, 24), className="tp-tab-icon"), html.Span(word(key, lang))],
            href=f"#{target}",
            className="tp-tab",
            **attributes(data_target=target),
        )
        for key, target, symbol in TABS
    ]
    return html.Nav(
        [*tabs[:2], _enter(code, lang, "tp-add", 26), *tabs[2:]],
        className="tp-tabs",
        id="town-tabs",
        **attributes(aria_label=word("tabs", lang)),
    )
