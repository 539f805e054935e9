"""Which H3 cells patrols should be seen in: a town's built-up cells, as far as its places tell.

A cell counts when its centre lies within 600 m of a patrol point, a checkpoint or the seat of a town. It belongs to
the town of the nearest of these, so no cell is listed twice.
"""

from __future__ import annotations

from collections.abc import Iterable

import h3
import numpy as np
import pyproj

from dashboard.domain.place import Place, PlaceKind, Town
from geodata.region import h3_cell

BUILT_UP_METRES = 600.0
_KINDS = (PlaceKind.PATROL_POINT, PlaceKind.CHECKPOINT)
_RINGS = 4
"""Cells of resolution 9 lie some 300 m apart or more: four rings reach beyond 600 m."""


def built_up_cells(towns: Iterable[Town], places: Iterable[Place]) -> dict[str, tuple[str, ...]]:
    """Town code -> sorted cells (hex strings). Distances are geodesic metres on WGS-84."""
    anchors = [(town.code, *town.seat) for town in towns if town.seat is not None]
    anchors += [
        (place.town, place.lon, place.lat)
        for place in places
        if place.kind in _KINDS and place.lon is not None and place.lat is not None
    ]

    geod = pyproj.Geod(ellps="WGS84")
    nearest: dict[str, tuple[float, str]] = {}
    for town, lon, lat in anchors:
        cells = sorted(h3.grid_disk(h3_cell(lon, lat), _RINGS))
        centres = np.array([h3.cell_to_latlng(cell) for cell in cells])
        same = np.full(len(cells), 1.0)
        _, _, metres = geod.inv(same * lon, same * lat, centres[:, 1], centres[:, 0])
        for cell, distance in zip(cells, metres.tolist(), strict=True):
            if distance <= BUILT_UP_METRES:
                nearest[cell] = min(nearest.get(cell, (distance, town)), (distance, town))
    found: dict[str, list[str]] = {}
    for cell, (_, town) in sorted(nearest.items()):
        found.setdefault(town, []).append(cell)
    return {town: tuple(cells) for town, cells in sorted(found.items())}
