"""地点与巡段 /admin/places: a list and a map of the places, beats and patrol units, and a form that changes one.

``assets/places.js`` draws the view ``places`` into the containers left empty here and hands what is changed to the one
write door through ``callbacks/places.py`` and the two stores.
"""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import desk_page, panel, register
from layouts.components.map import desk_map

WORDS: dict[str, tuple[str, str]] = {
    "list": ("名单", "List"),
    "map": ("地图", "Map"),
    "map_of": ("全县地点地图", "Map of the region's places"),
    "recent": ("最近改动", "Latest changes"),
    "form": ("修改", "Change"),
}


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    return html.Div(
        [
            desk_page(
                "places",
                lang,
                [
                    html.Div(id="places-said", className="pl-said", role="status"),
                    html.Div(
                        [
                            panel(
                                "places-list",
                                word("list", lang),
                                [register("places", lang), html.Div(id="places-log", hidden=True)],
                                note_id="places-list-note",
                                class_name="pl-list",
                            ),
                            html.Div(
                                [
                                    panel(
                                        "places-map-panel",
                                        word("map", lang),
                                        [desk_map(pack, "places-map", lang, word("map_of", lang))],
                                        note_id="places-legend",
                                        class_name="pl-map",
                                    ),
                                    panel("places-latest", word("recent", lang), [html.Div(id="places-recent")]),
                                ],
                                className="pl-right",
                            ),
                        ],
                        className="pl-body",
                    ),
                ],
            ),
            dcc.Store(id="places-ask"),
            dcc.Store(id="places-answer"),
            dcc.Store(id="places-heard"),
        ]
    )
