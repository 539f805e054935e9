"""总览 overview: the region's towns side by side, one row each; every row leads to its town's page.

The rows are drawn by ``assets/overview.js`` from the view ``overview``.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty container."""
    region = pack.name_en if lang == "en" else pack.name
    label = f"Overview of {region}" if lang == "en" else f"{region}总览"
    return html.Div(id="tw-overview", className="tw-overview", **attributes(data_lang=lang, aria_label=label))
