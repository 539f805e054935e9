"""审计 /admin/audit: who did what, when, with what outcome, and whether the chain is whole.

``assets/audit.js`` draws the view ``audit`` into the containers left empty here.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import desk_page, panel, register


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    zh = lang != "en"
    return desk_page(
        "audit",
        lang,
        [
            panel(
                "audit-chain-panel",
                "核对" if zh else "Chain",
                [html.Div(id="audit-chain", role="status")],
                note_id="audit-note",
            ),
            register("audit", lang),
        ],
    )
