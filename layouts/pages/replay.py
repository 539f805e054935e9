"""回放 /replay: what plays, where it has come to, how fast, and the report's headline figures while it plays.

``assets/replay.js`` draws the view ``replay`` into the containers left empty here.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes

PARTS = ("place", "table", "feeds", "scenarios")
"""Containers in reading order; the styles place them."""


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    return html.Div(
        [
            html.Div(id="replay-headline", className="sp-head"),
            html.Div(id="replay-said", className="rp-said", role="status"),
            html.Div(
                [html.Section(id=f"replay-{part}", className=f"sp-panel rp-{part}") for part in PARTS],
                className="rp-grid",
            ),
        ],
        id="replay-page",
        className="sp rp",
        **attributes(data_scope="all", data_lang="en" if lang == "en" else "zh"),
    )
