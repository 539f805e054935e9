"""企业 /enterprises: the stages on the way back to work, who is waited for, the register and one enterprise's history.

``assets/enterprises.js`` draws the view ``enterprises`` into the containers left empty here; the kit draws the rest.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import compare_panel, desk_page, panel, register
from layouts.components.map import desk_map

WORDS: dict[str, tuple[str, str]] = {
    "stages": ("环节", "Stages"),
    "register": ("企业名册", "Register"),
    "map": ("企业分布", "Where they are"),
    "map_label": ("企业分布图", "Map of enterprises"),
    "curve": ("复工率，近 14 天", "Resumption rate, 14 days"),
}


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    return desk_page(
        "enterprises",
        lang,
        [
            html.Div(id="enterprises-figures", className="dk-panel cs-figures"),
            compare_panel("enterprises"),
            panel(
                "enterprises-stages",
                word("stages", lang),
                [
                    html.Div(id="enterprises-pipeline", className="cs-pipeline"),
                    html.Div(id="enterprises-pledges", className="cs-pledges"),
                ],
                note_id="enterprises-key",
                class_name="cs-stages",
            ),
            panel(
                "enterprises-register",
                word("register", lang),
                [register("enterprises", lang), html.Div(id="enterprises-foot", className="cs-foot")],
                class_name="cs-register",
            ),
            html.Div(
                [
                    panel(
                        "enterprises-places",
                        word("map", lang),
                        [desk_map(pack, "enterprises-map", lang, word("map_label", lang))],
                        note_id="enterprises-legend",
                        class_name="cs-map",
                    ),
                    panel(
                        "enterprises-days",
                        word("curve", lang),
                        [html.Div(id="enterprises-curve", className="cs-curve")],
                        note_id="enterprises-curve-note",
                        class_name="cs-days",
                    ),
                ],
                className="cs-pair",
            ),
        ],
    )
