"""规则 /admin/rules: every rule that may be changed from a day on, what is scheduled, and who changed what.

``assets/rules.js`` draws the view ``rules`` into the containers left empty here and hands what is asked of the one
write door to ``callbacks/rules.py`` through the two stores.
"""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import desk_page, panel

WORDS: dict[str, tuple[str, str]] = {
    "rules": ("规则", "Rules"),
    "scheduled": ("已排定", "Scheduled"),
    "recent": ("最近改动", "Latest changes"),
}


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    return html.Div(
        [
            desk_page(
                "rules",
                lang,
                [
                    html.Div(id="rules-said", className="ru-said", role="status"),
                    html.Div(
                        [
                            html.Div(id="rules-main", className="ru-main"),
                            html.Div(
                                [
                                    panel("rules-plans", word("scheduled", lang), [html.Div(id="rules-scheduled")]),
                                    panel("rules-latest", word("recent", lang), [html.Div(id="rules-recent")]),
                                ],
                                className="ru-side",
                            ),
                        ],
                        className="ru-body",
                    ),
                ],
            ),
            dcc.Store(id="rules-ask"),
            dcc.Store(id="rules-answer"),
            dcc.Store(id="rules-heard"),
        ]
    )
