"""简报 /snapshots: published snapshots by calendar, search, and two days side by side.

The address says which (``date``, ``month``, ``q``, ``a``, ``b``); ``assets/snapshots.js`` reads ``/api/v1/snapshots``
and shows the published page itself in a frame, so that what is read here is what was published.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    return html.Div(
        [
            html.Div(id="snapshots-side", className="sn-side"),
            html.Div(id="snapshots-main", className="sn-main", role="region"),
        ],
        id="snapshots-page",
        className="sn",
        **attributes(data_lang="en" if lang == "en" else "zh"),
    )
