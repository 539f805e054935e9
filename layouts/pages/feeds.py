"""/feeds/{feed}: the page of any feed without one of its own, made from its declaration.

``assets/feeds.js`` draws the view ``feed-<name>`` into the containers left empty here; the kit draws the rest.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import compare_panel, desk_page, panel, register

WORDS: dict[str, tuple[str, str]] = {
    "mixes": ("分项", "Breakdowns"),
    "towns": ("各镇", "By town"),
    "register": ("明细", "Rows"),
}


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, feed: str = "", **_params: str) -> Component:
    """The page with its empty containers."""
    return desk_page(
        "feeds",
        lang,
        [
            html.Div(id="feeds-figures", className="dk-panel cs-figures cs-many"),
            compare_panel("feeds"),
            html.Div(
                [
                    panel("feeds-mixes-panel", word("mixes", lang), [html.Div(id="feeds-mixes", className="cs-mixes")]),
                    panel(
                        "feeds-towns-panel", word("towns", lang), [html.Div(id="feeds-towns", className="cs-report")]
                    ),
                ],
                className="cs-pair",
            ),
            html.Div(id="feeds-extras", className="cs-extras"),
            panel("feeds-register", word("register", lang), [register("feeds", lang)], note_id="feeds-total"),
        ],
        view=f"feed-{feed}",
    )
