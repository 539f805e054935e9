"""An outline divided among towns of which only seats are known: Voronoi cells whose borders are then bent.

Cells around the seats are cut to the outline; the straight borders are bent by a seeded midpoint displacement, once for
both neighbours, so that the result is valid, edge-matched and without gaps. It is a guess and must be marked
approximate: such cells put about three quarters of real village points into their own town. The same input gives the
same borders. Cutting is done in metres of a UTM zone; polygons are in WGS-84 degrees of six decimals.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPoint, Point, Polygon
from shapely.geometry.base import BaseGeometry

from dashboard.errors import PackError

_DECIMALS = 6
_STEP_METRES = 130.0
_BEND = 0.07
"""Largest first displacement of a border as a share of its length, before halving where borders would meet."""
_BEND_METRES = 420.0
_ROUGHNESS = 0.56


class Site(NamedTuple):
    """A centre of a town, in metres of the plane. A town may have several."""

    town: str
    x: float
    y: float


class MetricPlane:
    """A UTM zone: degrees (WGS-84, longitude first) to metres and back, six decimals."""

    def __init__(self, epsg: int) -> None:
        self._utm = pyproj.Transformer.from_crs("EPSG:4326", f"EPSG:{epsg}", always_xy=True)

    @classmethod
    def around(cls, lon: float, lat: float) -> MetricPlane:
        """The zone that a point lies in."""
        return cls((32600 if lat >= 0 else 32700) + int((lon + 180) // 6) % 60 + 1)

    def to_plane(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows of (lon, lat) as rows of (x, y)."""
        x, y = self._utm.transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    def to_degrees(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The reverse of :meth:`to_plane`, rounded."""
        lon, lat = self._utm.transform(points[:, 0], points[:, 1], direction="INVERSE")
        return np.round(np.column_stack([lon, lat]), _DECIMALS)

    def point_to_degrees(self, x: float, y: float) -> tuple[float, float]:
        """One point in degrees."""
        lon, lat = self.to_degrees(np.array([[x, y]]))[0].tolist()
        return lon, lat


def divide(county: Polygon, sites: Sequence[Site], plane: MetricPlane) -> dict[str, Polygon]:
    """The county (degrees) divided among the towns of ``sites`` (metres): valid, edge-matched, without gaps.

    Raises:
        PackError: when the division does not leave one connected polygon per town.
    """
    flat = shapely.transform(county, plane.to_plane)
    points = MultiPoint([(site.x, site.y) for site in sites])
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=flat.buffer(5_000), ordered=True))
    codes = sorted({site.town for site in sites})
    wide = {
        code: shapely.union_all([cell for cell, site in zip(cells, sites, strict=True) if site.town == code])
        for code in codes
    }
    straight = _inner_borders(wide, flat)
    ring = _with_ends(flat, county, straight, plane)
    bent = _bend(straight, ring, plane)
    faces = shapely.get_parts(shapely.polygonize(_noded([ring, *bent])))
    return _assign(faces.tolist(), {code: shapely.transform(area, plane.to_degrees) for code, area in wide.items()})


def _inner_borders(wide: dict[str, BaseGeometry], county: Polygon) -> list[LineString]:
    """The borders between each two towns inside the county, in metres, each as few lines as possible."""
    codes, lines = sorted(wide), []
    for position, first in enumerate(codes):
        for second in codes[position + 1 :]:
            shared = shapely.intersection(wide[first].boundary, wide[second].boundary)
            inside = shapely.intersection(shared, county)
            pieces = [part for part in shapely.get_parts(inside).tolist() if isinstance(part, LineString)]
            merged = shapely.line_merge(shapely.multilinestrings(pieces)) if pieces else shapely.multilinestrings([])
            lines += [part for part in shapely.get_parts(merged).tolist() if not part.is_empty]
    return sorted(lines, key=lambda line: tuple(line.coords[0]))


def _with_ends(flat: Polygon, county: Polygon, lines: Iterable[LineString], plane: MetricPlane) -> LineString:
    """The county's ring in degrees, with a vertex wherever an inner border ends on it."""
    ring = LineString(flat.exterior.coords)
    stations = [(ring.project(Point(x, y)), tuple(county.exterior.coords[index]))
                for index, (x, y) in enumerate(ring.coords[:-1])]  # fmt: skip
    # The first and last vertex are one point, and project() finds the start for both.
    for line in lines:
        for x, y in (line.coords[0], line.coords[-1]):
            end = Point(x, y)
            if ring.distance(end) < 0.01:
                stations.append((ring.project(end), plane.point_to_degrees(x, y)))
    vertices = [point for _, point in sorted(stations)]
    return LineString([*vertices, vertices[0]])


def _bend(straight: Sequence[LineString], ring: LineString, plane: MetricPlane) -> list[LineString]:
    """Every border bent as far as it may be without meeting another one, in degrees."""
    degrees = [shapely.transform(line, plane.to_degrees) for line in straight]
    county = Polygon(ring)
    for index, line in enumerate(straight):
        others = [*degrees[:index], *degrees[index + 1 :], ring]
        for share in (1.0, 0.5, 0.25, 0.1):
            candidate = shapely.transform(_meander(line, share, index), plane.to_degrees)
            if candidate.is_simple and county.covers(candidate) and _meets_only_at_ends(candidate, others):
                degrees[index] = candidate
                break
    return degrees


def _meets_only_at_ends(line: LineString, others: Iterable[LineString]) -> bool:
    ends = MultiPoint([line.coords[0], line.coords[-1]])
    meetings = (shapely.intersection(line, other) for other in others)
    return all(meeting.is_empty or ends.covers(meeting) for meeting in meetings)


def _meander(line: LineString, share: float, seed: int) -> LineString:
    """A line with the same ends, its corners rounded and its course displaced sideways at random (metres)."""
    rounded = np.array(line.coords)
    for _ in range(3):
        if len(rounded) > 2:
            quarter, rest = rounded[:-1] * 0.75 + rounded[1:] * 0.25, rounded[:-1] * 0.25 + rounded[1:] * 0.75
            cut = np.stack([quarter, rest], axis=1).reshape(-1, 2)[1:-1]
            rounded = np.vstack([rounded[:1], cut, rounded[-1:]])
    smooth = LineString(rounded)
    halvings = max(1, round(math.log2(max(2.0, smooth.length / _STEP_METRES))))
    count = 2**halvings
    offsets = [0.0, 0.0]
    draw = random.Random(f"border {seed}")
    reach = min(_BEND * smooth.length, _BEND_METRES) * share
    for _ in range(halvings):
        middles = [(a + b) / 2 + draw.uniform(-reach, reach) for a, b in pairwise(offsets)]
        offsets = [value for pair in zip(offsets, middles, strict=False) for value in pair] + offsets[-1:]
        reach *= _ROUGHNESS
    along = np.linspace(0.0, smooth.length, count + 1)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(smooth, along))
    # The direction over a stretch, not of one segment: sideways then changes slowly and bends do not fold over.
    span = max(2 * _STEP_METRES, smooth.length / 8)
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(smooth, np.minimum(along + span, smooth.length)))
    behind = shapely.get_coordinates(shapely.line_interpolate_point(smooth, np.maximum(along - span, 0.0)))
    direction = ahead - behind
    direction /= np.hypot(direction[:, 0], direction[:, 1])[:, None]
    sideways = np.column_stack([-direction[:, 1], direction[:, 0]])
    moved = middle + sideways * np.array(offsets)[:, None]
    moved[0], moved[-1] = line.coords[0], line.coords[-1]
    return LineString(moved)


def _noded(lines: Sequence[LineString]) -> list[LineString]:
    return list(shapely.get_parts(shapely.union_all(list(lines))).tolist())


def _assign(faces: list[Polygon], areas: dict[str, BaseGeometry]) -> dict[str, Polygon]:
    """Each face to the town that it mostly lies in; scraps cut off from their town go to the longest neighbour."""
    shares = [max((shapely.intersection(face, area).area, code) for code, area in areas.items()) for face in faces]
    main: dict[str, int] = {}
    for index, (_, code) in enumerate(shares):
        if code not in main or faces[index].area > faces[main[code]].area:
            main[code] = index
    if set(main) != set(areas):
        bare = min(set(areas) - set(main))
        raise PackError(
            f"镇 {bare} 的驻地在外边界里分不到地，请核对它的经纬度"
            f" · Town {bare} gets no land within the outline: check the position of its seat."
        )
    towns: dict[str, BaseGeometry] = {code: faces[index] for code, index in main.items()}
    scraps = sorted(
        (face for index, face in enumerate(faces) if index not in main.values()), key=lambda face: -face.area
    )
    for face in scraps:
        _, code = max((shapely.intersection(face.boundary, town.boundary).length, code) for code, town in towns.items())
        towns[code] = shapely.union(towns[code], face)
    result = {}
    for code in sorted(towns):
        town = towns[code]
        if not isinstance(town, Polygon):
            raise PackError(
                f"外边界把镇 {code} 分成了几块，应为一个多边形"
                f" · The outline cuts town {code} into several parts; allowed is one polygon."
            )
        result[code] = shapely.orient_polygons(town)
    return result


def share_out(outline: BaseGeometry, seats: Mapping[str, tuple[float, float]]) -> dict[str, BaseGeometry]:
    """An outline (degrees; islands and holes allowed) divided among the towns of ``seats`` (degrees).

    Each part is divided among the seats in it; a part without one goes to the town whose seat is nearest.

    Raises:
        PackError: a seat lies outside the outline or gets no land.
    """
    plane = MetricPlane.around(outline.centroid.x, outline.centroid.y)
    places = plane.to_plane(np.array(list(seats.values()))).tolist()
    sites = [Site(town, x, y) for town, (x, y) in zip(seats, places, strict=True)]
    found: dict[str, list[BaseGeometry]] = {town: [] for town in seats}
    for part in shapely.get_parts(outline).tolist():
        # Rings as they are written elsewhere: six decimals.
        whole = Polygon(part.exterior)
        rounded = shapely.transform(whole, lambda points: np.round(points, _DECIMALS))
        whole = shapely.orient_polygons(rounded if rounded.is_valid else whole)
        inside = [site for site in sites if shapely.intersects_xy(whole, *seats[site.town])]
        if len(inside) > 1:
            for town, area in divide(whole, inside, plane).items():
                found[town].append(area)
            continue
        x, y = plane.to_plane(np.array([[whole.centroid.x, whole.centroid.y]]))[0].tolist()
        nearest = min(inside or sites, key=lambda site: math.hypot(site.x - x, site.y - y))
        found[nearest.town].append(whole)
    bare = [town for town, areas in found.items() if not areas]
    if bare:
        raise PackError(
            f"镇 {bare[0]} 的驻地不在外边界里，请核对它的经纬度"
            f" · The seat of town {bare[0]} lies outside the outline: check its position."
        )
    holes = shapely.union_all([Polygon(ring) for part in shapely.get_parts(outline) for ring in part.interiors])
    return {town: shapely.difference(shapely.union_all(areas), holes) for town, areas in found.items()}
