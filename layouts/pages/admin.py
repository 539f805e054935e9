"""管理 /admin: accounts, walls, tokens, sessions, who sees what. ``assets/admin.js`` draws it from the API."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes

LINKS = (
    ("/admin/rules", "规则", "Rules"),
    ("/admin/places", "地点与巡段", "Places and beats"),
    ("/admin/audit", "审计", "Audit"),
    ("/system", "系统", "System"),
)


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers; the tab is in the address (``tab=``)."""
    english = lang == "en"
    return html.Div(
        [
            html.Header(
                [
                    html.Div([html.H1("管理" if not english else "Administration"), html.P(id="admin-sub")]),
                    html.Nav(
                        [
                            dcc.Link(f"{en if english else zh} ›", href=path + ("?lang=en" if english else ""))
                            for path, zh, en in LINKS
                        ],
                        className="adm-links",
                    ),
                ],
                className="adm-head",
            ),
            html.Div(id="admin-tabs", className="adm-tabs", role="tablist"),
            html.Div(id="admin-said", className="adm-said", role="status"),
            html.Div(id="admin-body", className="adm-body", role="tabpanel"),
        ],
        id="admin-page",
        className="adm",
        **attributes(data_lang="en" if english else "zh"),
    )
