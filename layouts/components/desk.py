"""The frame of a desk page: headline, files, filter bar, panels, drawer, popover - all empty, drawn by the kit.

``assets/00-desk.js`` and its fellows fill it from the view of the same name; docs/explanation/pages.md says how.
"""

from __future__ import annotations

from collections.abc import Sequence

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from layouts.attributes import attributes


def desk_page(name: str, lang: str, children: Sequence[Component], *, view: str = "", scope: str = "all") -> Component:
    """A page named ``name`` around its own panels. ``view`` is the live view, by default of the same name."""
    zh = lang != "en"
    return html.Div(
        [
            html.Div(id=f"{name}-past", className="dk-pasts"),
            html.Div(
                [
                    html.Div(id=f"{name}-head", className="dk-head"),
                    html.Div(id=f"{name}-files", className="dk-files", **attributes(data_no_picture="")),
                ],
                className="dk-top",
            ),
            html.Div(id=f"{name}-bar", className="dk-bar"),
            html.Div(id=f"{name}-notices", className="dk-notices"),
            *children,
            html.Aside(
                id=f"{name}-drawer",
                className="dk-drawer",
                hidden=True,
                **attributes(data_no_picture="", aria_label="详情" if zh else "Details"),
            ),
            html.Div(
                html.Div(id=f"{name}-menu", className="dk-menu", role="dialog", hidden=True),
                className="dk-over",
                **attributes(data_no_picture=""),
            ),
            html.Div(id=f"{name}-pop", className="dk-pop", role="dialog", hidden=True),
        ],
        id=f"{name}-page",
        className=f"dk dk-{name}",
        **attributes(data_view=view or name, data_scope=scope, data_lang="en" if lang == "en" else "zh"),
    )


def panel(
    part: str,
    title: str,
    children: Sequence[Component],
    *,
    note_id: str = "",
    class_name: str = "",
) -> Component:
    """A panel with its head, offered as a picture; what stands at the right of the head is drawn into ``note_id``."""
    head: list[Component] = [html.H2(title)]
    if note_id:
        head.append(html.Div(id=note_id, className="dk-note"))
    return html.Section(
        [html.Div(head, className="dk-panel-head"), *children],
        className=f"dk-panel {class_name}".strip(),
        id=part,
        **attributes(data_picture=title),
    )


def compare_panel(name: str) -> Component:
    """Where two sides stand beside each other; absent until something is compared."""
    return html.Section(id=f"{name}-compare", className="dk-panel dk-compare", hidden=True)


def register(name: str, lang: str) -> Component:
    """A list: rows up to 60 as HTML, more in a grid of 36 px rows. Filled by ``TW.desk.register``."""
    return html.Div(
        [
            html.Div(id=f"{name}-rows", className="dk-rows"),
            html.Div(
                dag.AgGrid(
                    id=f"{name}-grid",
                    columnDefs=[],
                    rowData=[],
                    getRowId="params.data.key",
                    columnSize=None,
                    dashGridOptions={
                        "rowHeight": 36,
                        "headerHeight": 34,
                        "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": False},
                        "suppressCellFocus": False,
                        "animateRows": False,
                        "localeText": {"noRowsToShow": "没有符合的记录" if lang != "en" else "Nothing matches"},
                    },
                    style={"height": "100%", "width": "100%"},
                ),
                id=f"{name}-grid-wrap",
                className="dk-grid",
                hidden=True,
            ),
        ],
        className="dk-register",
    )
