"""大屏 /wall: the duty room's display. Dark, untouched, up for weeks; ``wall.js`` draws the view ``wall`` into it.

``?scenes=`` names scenes with commas between, ``?dwell=`` seconds for each (one number, or one per scene), ``?towns=``
limits the towns. Sizes are rem of the wall's root, so that 4K is twice 1080 (DESIGN-UI §2).
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes
from layouts.components.map import county_map

SCENES: dict[str, tuple[str, str]] = {
    "overview": ("总览", "Overview"),
    "work": ("复工复产", "Back to work"),
    "patrol": ("巡逻防控", "Patrols"),
    "gates": ("卡点防控", "Checkpoints"),
    "disputes": ("矛盾纠纷", "Disputes"),
    "more": ("其他工作", "Further work"),
}
"""Scene -> its name in Chinese and English, in the order of the rotation."""
DWELL = {"overview": 60, "work": 30, "patrol": 30, "gates": 30, "disputes": 30, "more": 30}
"""Seconds of a scene on the screen."""
TITLES: dict[str, tuple[str, str]] = {**SCENES, "overview": ("值守总览", "Duty overview")}
PANELS: dict[str, tuple[str, ...]] = {
    "overview": ("ranking", "alerts", "hours", "backlog"),
    "work": ("towns", "stages", "days", "stuck"),
    "patrol": ("towns", "gaps", "beats"),
    "gates": ("hours", "towns", "fevers"),
    "disputes": ("backlog", "kinds", "flow", "late"),
    "more": ("feeds",),
}
"""What stands beside the map in each scene; ``wall.js`` and ``wall-scenes.js`` draw it."""
MIN_DWELL, MAX_DWELL = 10, 3600


def layout(
    pack: RegionPack, lang: str, scenes: str = "", dwell: str = "", towns: str = "", **_params: str
) -> Component:
    """The wall with its empty containers."""
    english = lang == "en"
    shown = chosen_scenes(scenes)
    seconds = dwell_of(dwell, shown)
    codes = [pack.town_by_code[code].code for code in towns.split(",") if code in pack.town_by_code]
    region = pack.name_en if english else pack.name
    title = pack.titles.get("wall_en" if english else "wall_zh") or region
    label = (
        "Map of the towns with units, checkpoints and alerts" if english else "各镇（街道）分布图，含巡逻组、卡点、告警"
    )
    return html.Div(
        [
            html.Header(
                [
                    html.Span(className="tw-mark wl-mark", **attributes(aria_hidden="true")),
                    html.Div([html.B("镇哨"), html.Span("Townwatch")], className="wl-brand"),
                    html.Div(
                        [html.H1(title), html.Span(TITLES[shown[0]][1 if english else 0], id="wall-scene")],
                        className="wl-title",
                    ),
                    html.Div(
                        id="wall-feeds",
                        className="wl-feeds",
                        role="status",
                        **attributes(aria_label="Feeds" if english else "数据新鲜度"),
                    ),
                    html.Div(
                        [
                            html.Div([html.Span(id="wall-date"), html.Span(id="wall-weekday")], className="wl-date"),
                            html.Div(
                                [
                                    html.Span("--:--", **attributes(data_clock="hm")),
                                    html.I(id="wall-seconds"),
                                ],
                                className="wl-time",
                            ),
                            html.Span(id="wall-skew", className="wl-skew"),
                        ],
                        className="wl-clock",
                    ),
                ],
                className="wl-head",
            ),
            html.Div(id="wall-tiles", className="wl-tiles"),
            html.Div(
                [
                    html.Section(
                        [
                            html.Div(id="wall-map-head", className="wl-ph"),
                            html.Div(
                                [
                                    county_map(pack, "wall-map", lang, label),
                                    html.Div(id="wall-legend", className=f"wl-legend {_corner(pack)}".strip()),
                                ],
                                className="wl-map-box",
                            ),
                        ],
                        className="wl-pan wl-map-pan",
                    ),
                    *(_side(name, first=name == shown[0]) for name in shown),
                ],
                id="wall-body",
                className="wl-body",
                **attributes(data_scene=shown[0]),
            ),
            html.Footer(
                [html.Div(id="wall-scenes", className="wl-scenes"), html.Div(id="wall-note", className="wl-note")],
                className="wl-foot",
            ),
            html.Div(id="wall-spoken", className="wl-spoken", role="log", **attributes(aria_live="assertive")),
        ],
        id="tw-wall",
        className="wl",
        **attributes(
            data_scope=",".join(codes) or "all",
            data_lang="en" if english else "zh",
            data_scenes=",".join(shown),
            data_dwell=",".join(str(second) for second in seconds),
            data_names="|".join(SCENES[name][1 if english else 0] for name in shown),
            data_titles="|".join(TITLES[name][1 if english else 0] for name in shown),
        ),
    )


def _corner(pack: RegionPack) -> str:
    """Where the legend hides no town: ``right`` when one lies in the map's lower left and none in its lower right."""
    seats = [town.seat for town in pack.towns if town.seat is not None]
    if len(seats) < 3:
        return ""
    west, east = min(lon for lon, _ in seats), max(lon for lon, _ in seats)
    south, north = min(lat for _, lat in seats), max(lat for _, lat in seats)
    low = [(lon - west) / (east - west or 1) for lon, lat in seats if lat - south < 0.25 * (north - south)]
    return "right" if any(at < 0.3 for at in low) and not any(at > 0.7 for at in low) else ""


def _side(scene: str, first: bool) -> Component:
    """The empty panels of a scene; those of the others are hidden."""
    panels = [html.Section(className=f"wl-pan wl-{scene}-{name}", id=f"wall-{scene}-{name}") for name in PANELS[scene]]
    return html.Div(panels, className="wl-side", hidden=not first, **attributes(data_scene=scene))


def chosen_scenes(asked: str) -> list[str]:
    """The scenes of ``?scenes=`` that exist, in its order; all of them when it names none."""
    found = [name for name in dict.fromkeys(asked.split(",")) if name in SCENES]
    return found or list(SCENES)


def dwell_of(asked: str, scenes: list[str]) -> list[int]:
    """Seconds of each scene: one number for all or one each; what is not a number is the scene's own."""
    parts = [part.strip() for part in asked.split(",")]
    found = []
    for at, name in enumerate(scenes):
        part = parts[0] if len(parts) == 1 else parts[at] if at < len(parts) else ""
        seconds = int(part) if part.isascii() and part.isdigit() else DWELL[name]
        found.append(max(MIN_DWELL, min(MAX_DWELL, seconds)))
    return found
