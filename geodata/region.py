"""A region at work: a :class:`RegionPack` with its boundaries. Point -> town, distance to the region, GeoJSON by zoom.

Coordinates are WGS-84 degrees, longitude first. Nothing here reads a file; ``geodata.pack`` does. A record's own town
code decides before any polygon (DOMAIN.md §2): most boundaries are approximate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import h3
import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from dashboard.domain.place import RegionPack
from dashboard.errors import PackError

Level = Literal["wall", "desk", "town"]
CELL_RESOLUTION = 9
NEAR_METRES = 20_000.0
"""“Inside the region plus 20 km” (EXACTNESS, ``distance_km``)."""

_TOLERANCE_METRES: dict[str, float] = {"wall": 90.0, "desk": 45.0, "town": 8.0}
"""A wall shows a county of 40 km on some 900 pixels; what is smaller than two of them is only weight."""
_DECIMALS = 5
_BUFFER_SEGMENTS = 64
"""Per quarter circle: the chords of a 20 km buffer then lie within 2 m of the arc."""

_Bounds = tuple[float, float, float, float]


def h3_cell(lon: float, lat: float) -> str:
    """The H3 resolution 9 cell of a point, as a hex string."""
    return str(h3.latlng_to_cell(lat, lon, CELL_RESOLUTION))


def h3_cells(lons: Iterable[float], lats: Iterable[float]) -> list[str]:
    """:func:`h3_cell` of many points."""
    cell = h3.latlng_to_cell
    return [cell(lat, lon, CELL_RESOLUTION) for lon, lat in zip(lons, lats, strict=True)]


class Plane:
    """A local metric plane (azimuthal equidistant, metres) around a point; distances from that point are geodesic."""

    def __init__(self, lon: float, lat: float) -> None:
        local = pyproj.CRS.from_dict({"proj": "aeqd", "lon_0": lon, "lat_0": lat, "datum": "WGS84", "units": "m"})
        self._to = pyproj.Transformer.from_crs("EPSG:4326", local, always_xy=True)

    def project(self, geometry: Any) -> Any:
        """A geometry (or an array of them) in degrees, in metres."""
        return shapely.transform(geometry, lambda points: self._moved(points, "FORWARD"))

    def unproject(self, geometry: Any) -> Any:
        """The reverse of :meth:`project`."""
        return shapely.transform(geometry, lambda points: self._moved(points, "INVERSE"))

    def _moved(self, points: NDArray[np.float64], direction: str) -> NDArray[np.float64]:
        x, y = self._to.transform(points[:, 0], points[:, 1], direction=direction)
        return np.column_stack([x, y])

    @classmethod
    def around(cls, bounds: _Bounds) -> Plane:
        """The plane around the middle of (west, south, east, north)."""
        return cls((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)


class Region:
    """One version of a region: its pack, and its towns' boundaries as valid, edge-matched polygons.

    ``warnings`` are sentences about what is odd but usable, such as a place outside its own town.
    """

    def __init__(self, pack: RegionPack, boundaries: Mapping[str, BaseGeometry], warnings: Iterable[str] = ()) -> None:
        self.pack = pack
        self.boundaries: dict[str, BaseGeometry] = dict(boundaries)
        self.warnings: tuple[str, ...] = tuple(warnings)
        self._codes = list(self.boundaries)
        self._shapes: NDArray[np.object_] = np.array([self.boundaries[code] for code in self._codes], dtype=object)
        shapely.prepare(self._shapes)
        self._boxes: list[_Bounds] = [tuple(box) for box in shapely.bounds(self._shapes).tolist()]
        west, south, east, north = (float(edge) for edge in shapely.total_bounds(self._shapes))
        self.bounds: _Bounds = (west, south, east, north)
        """West, south, east, north in degrees."""
        self._near: dict[float, tuple[BaseGeometry, _Bounds, _Bounds]] = {}
        self._geojson: dict[str, dict[str, Any]] = {}
        self._outlines: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        return f"Region({self.pack.region} {self.pack.name}, {self.pack.valid_from}-{self.pack.version})"

    def town_of(self, lon: float, lat: float) -> str | None:
        """The code of the town that a point lies in, ``None`` outside the region (and for NaN).

        A point exactly on a shared border belongs to the town that stands first in the pack's boundaries.
        """
        for index, (west, south, east, north) in enumerate(self._boxes):
            if west <= lon <= east and south <= lat <= north and shapely.intersects_xy(self._shapes[index], lon, lat):
                return self._codes[index]
        return None

    def towns_of(self, lons: ArrayLike, lats: ArrayLike) -> list[str | None]:
        """:meth:`town_of` of many points, 10,000 in milliseconds."""
        x, y = np.atleast_1d(np.asarray(lons, dtype=np.float64)), np.atleast_1d(np.asarray(lats, dtype=np.float64))
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(f"lons and lats must be one-dimensional and of one length; got {x.shape} and {y.shape}.")
        # The prepared towns ask the points, not the other way round: a tree over nine polygons would test every
        # candidate pair against an unprepared outline.
        tree = shapely.STRtree(np.asarray(shapely.points(x, y), dtype=object))
        town, point = tree.query(self._shapes, predicate="intersects")
        found = np.full(len(x), len(self._codes), dtype=np.intp)
        np.minimum.at(found, point, town)
        names: list[str | None] = [*self._codes, None]
        return [names[index] for index in found.tolist()]

    def near(self, lon: float, lat: float, metres: float = NEAR_METRES) -> bool:
        """Whether a point lies in the region or at most ``metres`` (geodesic, within 2 m at 20 km) from it."""
        shape, (west, south, east, north), (w, s, e, n) = self._near.get(metres) or self._within(metres)
        if w <= lon <= e and s <= lat <= n:
            return True
        return west <= lon <= east and south <= lat <= north and bool(shapely.intersects_xy(shape, lon, lat))

    def near_all(self, lons: ArrayLike, lats: ArrayLike, metres: float = NEAR_METRES) -> NDArray[np.bool_]:
        """:meth:`near` of many points."""
        x, y = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        shape, _, _ = self._within(metres)
        return np.asarray(shapely.intersects_xy(shape, x, y), dtype=np.bool_)

    def geojson(self, level: Level = "wall") -> dict[str, Any]:
        """The towns as a GeoJSON FeatureCollection for ``wall``, ``desk`` or ``town`` zoom; cached, do not change it.

        Shared borders stay shared: they are simplified once for both neighbours. Coordinates have five decimals.
        Properties: ``code``, ``name``, ``name_en``, ``label`` ([lon, lat] of the point farthest from any border),
        ``approximate``.

        Raises:
            PackError: when the level is not known.
        """
        if level not in self._geojson:
            self._simplify(level)
        return self._geojson[level]

    def outline(self, level: Level = "wall") -> dict[str, Any]:
        """The region's outer border as one GeoJSON Feature whose vertices are those of :meth:`geojson`; cached.

        Raises:
            PackError: when the level is not known.
        """
        if level not in self._outlines:
            self._simplify(level)
        return self._outlines[level]

    def _within(self, metres: float) -> tuple[BaseGeometry, _Bounds, _Bounds]:
        """The region widened by ``metres``, its bounds, and a box that lies wholly in it (empty when there is none).

        Nearly every fix lies in the box, which is asked a hundred times faster than the outline.
        """
        if metres not in self._near:
            plane = Plane.around(self.bounds)
            buffered = plane.project(shapely.union_all(self._shapes)).buffer(metres, quad_segs=_BUFFER_SEGMENTS)
            shape = plane.unproject(buffered)
            shapely.prepare(shape)
            west, south, east, north = shape.bounds
            inner: _Bounds = self.bounds if shape.covers(shapely.box(*self.bounds)) else (1.0, 1.0, 0.0, 0.0)
            self._near[metres] = (shape, (west, south, east, north), inner)
        return self._near[metres]

    def _simplify(self, level: str) -> None:
        tolerance = _TOLERANCE_METRES.get(level)
        if tolerance is None:
            raise PackError(
                f"level 是“{level}”，应为 {'、'.join(_TOLERANCE_METRES)} 之一"
                f" · level: got “{level}”, allowed is one of {', '.join(_TOLERANCE_METRES)}."
            )
        plane = Plane.around(self.bounds)
        flat = plane.project(self._shapes)
        rounded = shapely.transform(
            plane.unproject(shapely.coverage_simplify(flat, tolerance)), lambda points: np.round(points, _DECIMALS)
        )
        if not (shapely.is_valid(rounded).all() and shapely.coverage_is_valid(rounded)):
            # A neck narrower than the rounding: unsimplified borders are heavier, but never overlap.
            rounded = shapely.transform(self._shapes, lambda points: np.round(points, _DECIMALS + 1))
        labels = plane.unproject(shapely.get_point(shapely.maximum_inscribed_circle(flat, tolerance=50.0), 0))
        features = []
        for code, shape, label in zip(self._codes, rounded, labels, strict=True):
            town = self.pack.town_by_code[code]
            properties = {
                "code": code,
                "name": town.name,
                "name_en": town.name_en,
                "label": [round(label.x, _DECIMALS), round(label.y, _DECIMALS)],
                "approximate": self.pack.approximate,
            }
            features.append(_feature(code, properties, shape))
        self._geojson[level] = {"type": "FeatureCollection", "features": features}
        name = {"code": self.pack.region, "name": self.pack.name, "name_en": self.pack.name_en}
        self._outlines[level] = _feature(self.pack.region, name, shapely.coverage_union_all(rounded))


def _feature(code: str, properties: dict[str, Any], shape: BaseGeometry) -> dict[str, Any]:
    geometry = shapely.geometry.mapping(shape)
    return {"type": "Feature", "id": code, "properties": properties, "geometry": _as_lists(geometry)}


def _as_lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_lists(inner) for key, inner in value.items()}
    return [_as_lists(inner) for inner in value] if isinstance(value, tuple | list) else value
