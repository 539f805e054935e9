"""巡逻 /patrols: what was owed, made and missed, by beat and hour, where, and which place waits longest.

``assets/patrols.js`` draws the view ``patrols`` into the containers left empty here; the kit draws the rest.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import compare_panel, desk_page, panel, register
from layouts.components.map import desk_map

WORDS: dict[str, tuple[str, str]] = {
    "map": ("义务点位", "Places"),
    "map_label": ("义务点位图", "Map of places that owe visits"),
    "matrix": ("巡段 × 时段", "Beats by hour"),
    "gaps": ("最久未到", "Longest since visit"),
    "register": ("全部点位", "All places"),
}


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    return desk_page(
        "patrols",
        lang,
        [
            html.Div(id="patrols-figures", className="dk-panel pt-figures"),
            compare_panel("patrols"),
            html.Div(
                [
                    panel(
                        "patrols-places",
                        word("map", lang),
                        [
                            desk_map(pack, "patrols-map", lang, word("map_label", lang)),
                            html.Div(id="patrols-legend", className="pt-legend"),
                        ],
                        note_id="patrols-modes",
                        class_name="pt-map",
                    ),
                    html.Div(
                        [
                            panel(
                                "patrols-beats",
                                word("matrix", lang),
                                [html.Div(id="patrols-matrix", className="pt-matrix")],
                                note_id="patrols-keys",
                                class_name="pt-beats",
                            ),
                            panel(
                                "patrols-gaps",
                                word("gaps", lang),
                                [html.Div(id="patrols-gap-list", className="pt-gaps")],
                                note_id="patrols-gap-note",
                                class_name="pt-gap-panel",
                            ),
                        ],
                        className="pt-right",
                    ),
                ],
                className="pt-body",
            ),
            panel(
                "patrols-register", word("register", lang), [register("patrols", lang)], note_id="patrols-register-note"
            ),
        ],
    )
