"""记录 /records: the records behind a figure, or of a feed, a town and a day, with every version of them.

The address says which (``feed``, ``town``, ``day`` or ``from`` and ``to``, ``subject``, ``kpi``, ``dims``, ``state``);
``assets/records.js`` reads them from ``/api/v1/records`` and draws them here.
"""

from __future__ import annotations

import json

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from dashboard.feeds import FEEDS, KPIS
from layouts.attributes import attributes


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    feeds = [
        {"feed": feed.name, "name": feed.short.of(lang), "icon": feed.icon, "colour": feed.colour}
        for feed in sorted(FEEDS.values(), key=lambda feed: not feed.core)
    ]
    kpis = {key: {"name": kpi.words.of(lang), "feed": feed.name} for key, (feed, kpi) in KPIS.items()}
    return html.Div(
        [
            html.Div(
                [
                    html.Div(id="records-head", className="rl-answer"),
                    html.Div(id="records-files", className="rl-files"),
                ],
                className="rl-head",
            ),
            html.Div(id="records-bar", className="rl-bar"),
            html.Div(id="records-notice", className="rf-notices", role="status"),
            html.Div(id="records-list", className="rl-list"),
            html.Div(id="records-sheet"),
        ],
        id="records-page",
        className="rl",
        **attributes(
            data_lang="en" if lang == "en" else "zh",
            data_feeds=json.dumps(feeds, ensure_ascii=False),
            data_kpis=json.dumps(kpis, ensure_ascii=False),
        ),
    )
