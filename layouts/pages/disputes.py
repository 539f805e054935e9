"""纠纷 /disputes: what is open and how old, by kind and day, the register, one case's history, the periodic report.

``assets/disputes.js`` draws the view ``disputes`` into the containers left empty here; the kit draws the rest.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.components.desk import compare_panel, desk_page, panel, register
from layouts.components.map import desk_map

WORDS: dict[str, tuple[str, str]] = {
    "ages": ("未结时长", "Age of what is open"),
    "backlog": ("未结与逾期，近 14 天", "Open and overdue, 14 days"),
    "kinds": ("按类型", "By kind"),
    "map": ("各镇未结", "Open by town"),
    "map_label": ("未结纠纷分布图", "Map of open disputes"),
    "register": ("纠纷登记", "Register"),
    "report": ("定期报告和研判", "Periodic report"),
}


def word(key: str, lang: str) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return en if lang == "en" else zh


def layout(pack: RegionPack, lang: str, **_params: str) -> Component:
    """The page with its empty containers."""

    def part(name: str, children: list[Component], note: str = "", class_name: str = "") -> Component:
        return panel(f"disputes-{name}-panel", word(name, lang), children, note_id=note, class_name=class_name)

    return desk_page(
        "disputes",
        lang,
        [
            html.Div(id="disputes-figures", className="dk-panel cs-figures cs-six"),
            compare_panel("disputes"),
            html.Div(
                [
                    html.Div(
                        [
                            part("ages", [html.Div(id="disputes-ages", className="cs-ages")]),
                            part("backlog", [html.Div(id="disputes-backlog", className="cs-curve")], "disputes-key"),
                            part("kinds", [html.Div(id="disputes-kinds", className="cs-kinds")], "disputes-kind-note"),
                        ],
                        className="cs-stack",
                    ),
                    part(
                        "map",
                        [desk_map(pack, "disputes-map", lang, word("map_label", lang))],
                        "disputes-legend",
                        "cs-map cs-tall",
                    ),
                ],
                className="cs-two",
            ),
            part(
                "register",
                [register("disputes", lang), html.Div(id="disputes-foot", className="cs-foot")],
                class_name="cs-register",
            ),
            part("report", [html.Div(id="disputes-report", className="cs-report")], "disputes-report-note"),
        ],
    )
