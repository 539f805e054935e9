"""告警 /alerts: what was raised and is not over, by rule and town, who has it; each alert's whole life in the drawer.

``assets/alerts.js`` draws the view ``alerts`` into the containers left empty here; the kit draws the rest.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import desk_page, panel


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    return desk_page(
        "alerts",
        lang,
        [
            panel(
                "alerts-panel",
                "告警" if lang != "en" else "Alerts",
                [html.Div(id="alerts-list", className="al-list"), html.Div(id="alerts-pages", className="al-pages")],
                note_id="alerts-note",
                class_name="al-panel",
            )
        ],
    )
