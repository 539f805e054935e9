"""The map of a county or a town: Leaflet without tiles, towns as GeoJSON, everything else drawn above by ``map.js``.

Town fills change through the GeoJSON's ``hideout``; names, units, checkpoints and pins are one SVG over the map. The
boundaries come from ``/geo/{level}.json``, kept by the browser for as long as the pack has the same version.
"""

from __future__ import annotations

import dash_leaflet as dl
from dash import html
from dash.development.base_component import Component

from dashboard.domain.place import RegionPack
from layouts.attributes import attributes

STYLE = {"variable": "TW.map.style"}
EACH = {"variable": "TW.map.each"}


def county_map(pack: RegionPack, name: str, lang: str, label: str) -> Component:
    """The whole region on a page that nobody touches: no pointer, no zoom. ``name`` is the id of the whole."""
    return _map(pack, name, "wall", lang, label, still=True)


def town_map(pack: RegionPack, code: str, lang: str, name: str = "town-map") -> Component:
    """One town with its neighbours around it; can be moved and zoomed. ``TW.map.town(name, data, onPick)`` fills it."""
    town = pack.town_by_code.get(code)
    place = (town.name_en if lang == "en" and town.name_en else town.name) if town else code
    label = f"Map of {place}" if lang == "en" else f"{place}地图"
    return _map(pack, name, "town", lang, label, still=False, scope=town.code if town else code)


def desk_map(pack: RegionPack, name: str, lang: str, label: str) -> Component:
    """The region on a desk page: can be moved and zoomed. ``TW.map.desk(name, data, handlers)`` fills it."""
    return _map(pack, name, "desk", lang, label, still=False)


def _bounds(pack: RegionPack, scope: str = "") -> list[list[float]]:
    """Seats and places with a margin: where the map stands until the boundaries are there."""
    points = [(p.lon, p.lat) for p in pack.places if p.lon is not None and p.lat is not None and scope in ("", p.town)]
    points += [town.seat for town in pack.towns if town.seat is not None and scope in ("", town.code)]
    points = points or [(120.92, 30.84)]
    west, east = min(lon for lon, _ in points), max(lon for lon, _ in points)
    south, north = min(lat for _, lat in points), max(lat for _, lat in points)
    return [[south - 0.02, west - 0.02], [north + 0.02, east + 0.02]]


def _map(pack: RegionPack, name: str, level: str, lang: str, label: str, still: bool, scope: str = "") -> Component:
    address = f"/geo/{level}.json?v={pack.version}"
    inner = dl.Map(
        [
            dl.Pane(
                dl.GeoJSON(
                    id=f"{name}-towns",
                    url=address,
                    style=STYLE,
                    onEachFeature=EACH,
                    hideout={"map": name, "scope": scope, "fills": {}},
                    interactive=False,
                ),
                name=f"{name}-towns",
                style={"zIndex": 410},
            )
        ],
        id=f"{name}-leaflet",
        bounds=_bounds(pack, scope),
        zoomControl=False,
        # Nothing on the server wants to know where the map stands, and without a centre Leaflet's wrapper would fail.
        trackViewport=False,
        attributionControl=False,
        zoomSnap=0,
        # Marks are drawn above the map: an animated zoom would run away from them.
        zoomAnimation=False,
        fadeAnimation=False,
        inertia=False,
        dragging=not still,
        scrollWheelZoom=False,
        doubleClickZoom=not still,
        touchZoom=not still,
        boxZoom=False,
        keyboard=not still,
        maxBoundsViscosity=1.0,
        className="tw-map-leaflet",
    )
    return html.Div(
        inner,
        id=name,
        className="tw-map tw-map-still" if still else "tw-map",
        role="img" if still else "group",
        **attributes(aria_label=label, data_geo=address, data_scope=scope, data_lang="en" if lang == "en" else "zh"),
    )
