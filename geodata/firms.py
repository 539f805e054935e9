"""Invents a region's enterprises: names that belong to nobody, places inside their town among its built-up cells.

For the demonstration pack only. Seeded: the same towns and places give the same enterprises. Distances are metres in a
metric plane, coordinates WGS-84 degrees.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

import h3
import numpy as np
import shapely
from shapely.geometry import Polygon

from dashboard.domain.place import Place, PlaceKind, Town
from geodata.cells import built_up_cells
from geodata.dividing import MetricPlane
from geodata.plan_jiashan import FIRMS, TRADES, WORKS

_INSET_METRES = 80.0
_CLEAR_METRES = 115.0
"""Standing at a patrol point must not count as a visit to an enterprise: a visit reaches 100 m at most."""
_APART_METRES = 40.0
_CELL_METRES = 170.0
_PULL_METRES = 1_200.0
_PULL = 5.0
"""How much likelier a cell in the middle of an industrial area is to hold an enterprise than one far from any."""

_FIRST = "澜衡禾岚骏旭铭翊泓昱朔沐晟霖拓锐瑾煜屹澄弘凯誉璟硕澎珩柏彦谦诺程钧恺沅湛轩琅渊"
_SECOND = "序禹川石舟原野帆峤岑汀塬栎桐榆杉梧钰铎镒锴钺驰骞辰曜昀晖暄煦熠炜霁霄霆翎翮翰翔翌"


def firms(
    towns: Sequence[Town], places: Sequence[Place], polygons: Mapping[str, Polygon], plane: MetricPlane
) -> list[Place]:
    """The enterprises of every town as the plan counts them, in order of their codes (``330421111-E0001`` …)."""
    names = _names(sum(FIRMS.values()))
    cells = built_up_cells(towns, places)
    found: list[Place] = []
    for town in towns:
        own = [place for place in places if place.town == town.code]
        points = _points(town.code, own, cells[town.code], polygons[town.code], plane)
        for number, (lon, lat) in enumerate(points, start=1):
            code = f"{town.code}-E{number:04d}"
            found.append(Place(code, PlaceKind.ENTERPRISE, town.code, next(names), "", lon, lat))
    return found


def _names(count: int) -> Iterator[str]:
    """Different invented names: two characters that make no word, then a trade."""
    draw = random.Random("firm names")
    heads = [first + second for first in _FIRST for second in _SECOND if first != second]
    draw.shuffle(heads)
    trades = draw.choices(list(TRADES), k=count)
    # More enterprises than heads: a head comes again, but never with the same trade.
    taken: set[str] = set()
    for number, trade in enumerate(trades):
        head = heads[number % len(heads)]
        name = head + trade
        while name in taken:
            name = head + draw.choice(list(TRADES))
        taken.add(name)
        yield name


def _points(
    town: str, places: Sequence[Place], cells: Sequence[str], polygon: Polygon, plane: MetricPlane
) -> list[tuple[float, float]]:
    draw = random.Random(f"firms {town}")
    inner = shapely.transform(polygon, plane.to_plane).buffer(-_INSET_METRES)
    shapely.prepare(inner)
    centres = plane.to_plane(np.array([h3.cell_to_latlng(cell)[::-1] for cell in cells]))
    works = _flat([p for p in places if p.kind == PlaceKind.PATROL_POINT and any(w in p.name for w in WORKS)], plane)
    nearest = np.full(len(centres), np.inf)
    if len(works):
        nearest = np.min(np.hypot(*(centres[:, None, :] - works[None, :, :]).transpose(2, 0, 1)), axis=1)
    weights = (1.0 + _PULL * np.exp(-((nearest / _PULL_METRES) ** 2))).tolist()
    posts = [(float(x), float(y)) for x, y in _flat([p for p in places if p.kind == PlaceKind.PATROL_POINT], plane)]
    grid: dict[tuple[int, int], list[tuple[float, float]]] = {}
    chosen: list[tuple[float, float]] = []
    while len(chosen) < FIRMS[town]:
        x, y = centres[draw.choices(range(len(cells)), weights)[0]].tolist()
        x, y = x + draw.uniform(-_CELL_METRES, _CELL_METRES), y + draw.uniform(-_CELL_METRES, _CELL_METRES)
        square = (int(x // _APART_METRES), int(y // _APART_METRES))
        near = [point for i in (-1, 0, 1) for j in (-1, 0, 1) for point in grid.get((square[0] + i, square[1] + j), ())]
        if (
            any(np.hypot(x - a, y - b) < _APART_METRES for a, b in near)
            or any(np.hypot(x - a, y - b) < _CLEAR_METRES for a, b in posts)
            or not shapely.contains_xy(inner, x, y)
        ):
            continue
        grid.setdefault(square, []).append((x, y))
        chosen.append(plane.point_to_degrees(x, y))
    return chosen


def _flat(places: Sequence[Place], plane: MetricPlane) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    points = [(place.lon, place.lat) for place in places if place.lon is not None and place.lat is not None]
    return plane.to_plane(np.array(points)) if points else np.empty((0, 2))
