"""总览 overview: the region's towns side by side, one row each, one column a feed; the map; what moved most.

``assets/overview.js`` draws the view ``overview`` into the containers left empty here; the kit draws the rest.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes
from layouts.components.desk import compare_panel, desk_page, panel
from layouts.components.map import desk_map

WORDS: dict[str, tuple[str, str]] = {
    "towns": ("各镇（街道）四路对照", "Towns by feed"),
    "map": ("地图", "Map"),
    "map_label": ("各镇（街道）指标图", "Map of figures by town"),
    "movers": ("变动最大", "Biggest movers"),
    "quality": ("数据质量", "Data quality"),
}


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""
    region = pack.name_en if lang == "en" else pack.name
    label = f"Overview of {region}" if lang == "en" else f"{region}总览"
    return desk_page(
        "overview",
        lang,
        [
            html.Div(id="overview-figures", className="ov-tiles"),
            compare_panel("overview"),
            html.Div(
                [
                    panel(
                        "overview-towns",
                        word("towns", lang),
                        [html.Div(id="tw-overview", className="ov-table-box", **attributes(aria_label=label))],
                        note_id="overview-legend",
                        class_name="ov-towns",
                    ),
                    html.Div(
                        [
                            panel(
                                "overview-map-panel",
                                word("map", lang),
                                [
                                    html.Div(
                                        [
                                            desk_map(pack, "overview-map", lang, word("map_label", lang)),
                                            html.Div(id="overview-tip", className="ov-tip"),
                                            html.Div(id="overview-classes", className="ov-classes"),
                                        ],
                                        className="ov-map-box",
                                    )
                                ],
                                note_id="overview-modes",
                                class_name="ov-map",
                            ),
                            panel(
                                "overview-movers-panel",
                                word("movers", lang),
                                [html.Div(id="overview-movers", className="ov-movers")],
                                note_id="overview-movers-note",
                                class_name="ov-moved",
                            ),
                        ],
                        className="ov-side",
                    ),
                ],
                className="ov-body",
            ),
            html.Section(
                id="overview-quality", className="dk-panel ov-quality", **attributes(aria_label=word("quality", lang))
            ),
        ],
    )
