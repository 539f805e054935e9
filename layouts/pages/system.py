"""系统 /system, for administrators: feeds, worker, Redis, database, rejected records, sources, this machine.

``assets/system.js`` draws the view ``system`` into the containers left empty here.
"""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes

PARTS: tuple[str, ...] = ("matrix", "clock", "machine", "worker", "redis", "database", "sources", "dead")
"""Containers in reading order; the styles place them."""


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    return html.Div(
        [
            html.Div(id="system-headline", className="sp-head"),
            html.Nav(
                [
                    _link("/admin/rules", "规则", "Rules", lang),
                    _link("/admin/places", "地点与巡段", "Places and beats", lang),
                ],
                className="sp-links",
            ),
            html.Div(
                [html.Section(id=f"system-{part}", className=f"sp-panel sp-{part}") for part in PARTS],
                className="sp-grid",
            ),
        ],
        id="system-page",
        className="sp",
        **attributes(data_scope="all", data_lang="en" if lang == "en" else "zh"),
    )


def _link(path: str, zh: str, en: str, lang: str) -> Component:
    if lang == "en":
        return dcc.Link(f"{en} ›", href=f"{path}?lang=en")
    return dcc.Link(f"{zh} ›", href=path)
