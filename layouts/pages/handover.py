"""交班单 /town/{code}/handover: an A4 sheet that one shift hands to the next. ``assets/town-handover.js`` draws it."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes


def layout(pack: RegionPack, lang: str, code: str = "", **_params: str) -> Component:
    """The page of the town ``code``: a bar of tools that is not printed, and the empty sheet."""
    zh = lang != "en"
    back = f"/town/{code}" + ("" if zh else "?lang=en")
    return html.Div(
        [
            html.Div(
                [
                    dcc.Link("返回镇页" if zh else "Back to the town", href=back, className="ho-back"),
                    html.Div(id="handover-shifts", className="ho-shifts"),
                    html.Div(id="handover-tools", className="ho-tools"),
                ],
                className="ho-bar",
            ),
            html.Div(id="handover-notice", className="dk-notices"),
            html.Div(id="handover-sheet", className="ho-sheet"),
        ],
        id="handover-page",
        className="ho",
        **attributes(data_scope=code, data_lang="en" if lang == "en" else "zh"),
    )
