"""卡点 /checkpoints: who is screened where and when, which checkpoints are silent, fevers and what became of them.

``assets/checkpoints.js`` draws the view ``checkpoints`` into the containers left empty here; the kit draws the rest.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import compare_panel, desk_page, panel, register
from layouts.components.map import desk_map

WORDS: dict[str, tuple[str, str]] = {
    "hours": ("每小时查验", "Readings by hour"),
    "matrix": ("镇 × 时段", "Towns by hour"),
    "map": ("卡点地图", "Map"),
    "map_label": ("卡点图", "Map of checkpoints"),
    "fevers": ("体温异常", "Fevers"),
    "drifts": ("设备偏差", "Device drift"),
    "register": ("卡点名册", "Register"),
}


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""

    def part(name: str, children: list[Component], note: str = "", class_name: str = "") -> Component:
        return panel(f"checkpoints-{name}-panel", word(name, lang), children, note_id=note, class_name=class_name)

    return desk_page(
        "checkpoints",
        lang,
        [
            html.Div(id="checkpoints-figures", className="dk-panel ck-figures"),
            compare_panel("checkpoints"),
            html.Div(
                [
                    html.Div(
                        [
                            part("hours", [html.Div(id="checkpoints-hours", className="ck-hours")], "checkpoints-key"),
                            part("matrix", [html.Div(id="checkpoints-matrix", className="ck-matrix")]),
                        ],
                        className="cs-stack",
                    ),
                    part(
                        "map",
                        [desk_map(pack, "checkpoints-map", lang, word("map_label", lang))],
                        "checkpoints-legend",
                        "cs-map cs-tall",
                    ),
                ],
                className="cs-two",
            ),
            html.Div(
                [
                    part(
                        "fevers", [html.Div(id="checkpoints-fevers", className="ck-fevers")], "checkpoints-fever-note"
                    ),
                    part(
                        "drifts", [html.Div(id="checkpoints-drifts", className="ck-drifts")], "checkpoints-drift-note"
                    ),
                ],
                className="cs-two",
            ),
            part("register", [register("checkpoints", lang)], "checkpoints-register-note"),
        ],
    )
