"""我的账号 /account: who one is here, password, language, where one is signed in. ``assets/account.js`` draws it."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty container."""
    return html.Div(
        [
            html.Header(html.H1("我的账号" if lang != "en" else "My account"), className="adm-head"),
            html.Div(id="account-body", className="adm-body", role="region"),
        ],
        id="account-page",
        className="adm",
        **attributes(data_lang="en" if lang == "en" else "zh"),
    )
