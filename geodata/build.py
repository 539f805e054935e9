"""Builds the Jiashan pack from open data: ``python -m geodata.build --inputs DIR --out DIR``.

No open town polygons exist for Jiashan. The county polygon is divided among today's nine towns by Voronoi cells
around their seats and the seats of the towns merged into them; the straight borders are then bent by a seeded
midpoint displacement, once for both neighbours. The result is marked approximate. No public list of checkpoints,
patrol points or beats exists either: those are invented, named for what they are for, and ``pack.toml`` says so.
The same inputs give the same files, byte for byte. Cutting is done in UTM zone 51N, metres; files hold WGS-84.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import random
import sys
import tempfile
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPoint, Point, Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

from dashboard.domain.place import Place, PlaceKind, Town
from dashboard.errors import PackError
from geodata.cells import built_up_cells
from geodata.pack import BOUNDARIES, COLUMNS, MANIFEST, load_pack
from geodata.plan_jiashan import (
    CHECKPOINT_HOURS,
    EARLY,
    LEADERS,
    MERGED,
    NIGHT_LEADERS,
    NIGHT_UNIT,
    NIGHT_UNIT_EN,
    PLANS,
    REGION,
    SHIFTS,
    SITES,
    SOURCES,
    TownPlan,
)
from geodata.region import Region

COUNTIES = "counties_wgs84.geojson"
TOWNS = "towns.csv"
GEONAMES = "geonames_wgs84.csv"

_DECIMALS = 6
_STEP_METRES = 130.0
_BEND = 0.07
"""Largest first displacement of a border as a share of its length, before halving where borders would meet."""
_BEND_METRES = 420.0
_ROUGHNESS = 0.56
_SPACING_METRES = 400.0
_INSET_METRES = 160.0
_COMPACT_SQUARE_METRES = 25_000_000.0
"""A town of this size needs no wider scatter than planned; larger ones are patrolled farther out."""
OBLIGATIONS = 382
"""Visits owed a day over all patrol points, in 2 to 6 windows each."""
_FIRST_HOUR, _LAST_HOUR = 8, 20
"""The day shift, in which all but the early visits are owed."""

_UTM = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32651", always_xy=True)


class _Site(NamedTuple):
    town: str
    x: float
    y: float


def _to_plane(points: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = _UTM.transform(points[:, 0], points[:, 1])
    return np.column_stack([x, y])


def _to_degrees(points: NDArray[np.float64]) -> NDArray[np.float64]:
    lon, lat = _UTM.transform(points[:, 0], points[:, 1], direction="INVERSE")
    return np.round(np.column_stack([lon, lat]), _DECIMALS)


def _point_to_degrees(x: float, y: float) -> tuple[float, float]:
    lon, lat = _to_degrees(np.array([[x, y]]))[0].tolist()
    return lon, lat


def _text(inputs: Path, name: str) -> str:
    try:
        return (inputs / name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PackError(
            f"{inputs} 里的 {name} 读不出来（{error.strerror}），请给出原始数据的目录"
            f" · {name} cannot be read in {inputs} ({error.strerror}): give the raw inputs' folder."
        ) from None


def _table(inputs: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_text(inputs, name))))


def _county(inputs: Path) -> Polygon:
    """The county polygon in degrees.

    Raises:
        PackError: when the file has no single polygon of the region.
    """
    for feature in json.loads(_text(inputs, COUNTIES))["features"]:
        if feature["properties"]["adcode"] == REGION:
            polygon = shape(feature["geometry"])
            if isinstance(polygon, Polygon) and polygon.is_valid and not polygon.interiors:
                return shapely.orient_polygons(polygon)
    raise PackError(
        f"{COUNTIES} 中 adcode {REGION} 没有有效的多边形，应为一个无洞的多边形"
        f" · {COUNTIES}, adcode {REGION}: got no valid polygon, allowed is one polygon without holes."
    )


def _seats(inputs: Path) -> dict[str, tuple[float, float]]:
    rows = {row["code"]: row for row in _table(inputs, TOWNS)}
    missing = [plan.code for plan in PLANS if plan.code not in rows]
    if missing:
        raise PackError(
            f"{TOWNS} 的字段 code 里没有 {missing[0]}，应列出 {REGION} 的全部镇街"
            f" · {TOWNS}, field code: got no town {missing[0]}, allowed is a file with all towns of {REGION}."
        )
    return {plan.code: (float(rows[plan.code]["lon_wgs84"]), float(rows[plan.code]["lat_wgs84"])) for plan in PLANS}


def _old_towns(inputs: Path) -> dict[str, tuple[float, float]]:
    rows = [row for row in _table(inputs, GEONAMES) if row["adcode"] == REGION]
    found = {row["name"]: (float(row["lon"]), float(row["lat"])) for row in rows}
    missing = [name for name in SITES if name not in found]
    if missing:
        raise PackError(
            f"{GEONAMES} 的字段 name 里没有 adcode 为 {REGION} 的 {missing[0]}，应有一行"
            f" · {GEONAMES}, field name: got no {missing[0]} with adcode {REGION}, allowed is one row of it."
        )
    return found


def _sites(seats: dict[str, tuple[float, float]], old: dict[str, tuple[float, float]]) -> list[_Site]:
    named = [*seats.items(), *((SITES[name], old[name]) for name in sorted(SITES))]
    plane = _to_plane(np.array([point for _, point in named]))
    return [_Site(town, x, y) for (town, _), (x, y) in zip(named, plane.tolist(), strict=True)]


def divide(county: Polygon, sites: Sequence[_Site]) -> dict[str, Polygon]:
    """The county (degrees) divided among the towns of ``sites`` (metres): valid, edge-matched, without gaps.

    Raises:
        PackError: when the division does not leave one connected polygon per town.
    """
    flat = shapely.transform(county, _to_plane)
    points = MultiPoint([(site.x, site.y) for site in sites])
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=flat.buffer(5_000), ordered=True))
    codes = sorted({site.town for site in sites})
    wide = {
        code: shapely.union_all([cell for cell, site in zip(cells, sites, strict=True) if site.town == code])
        for code in codes
    }
    straight = _inner_borders(wide, flat)
    ring = _with_ends(flat, county, straight)
    bent = _bend(straight, ring)
    faces = shapely.get_parts(shapely.polygonize(_noded([ring, *bent])))
    return _assign(faces.tolist(), {code: shapely.transform(area, _to_degrees) for code, area in wide.items()})


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


def _with_ends(flat: Polygon, county: Polygon, lines: Iterable[LineString]) -> LineString:
    """The county's ring in degrees, with a vertex wherever an inner border ends on it."""
    ring = LineString(flat.exterior.coords)
    stations = [(ring.project(Point(x, y)), tuple(county.exterior.coords[index]))
                for index, (x, y) in enumerate(ring.coords[:-1])]  # fmt: skip
    # The first and last vertex are one point, and project() finds the start for both.
    for line in lines:
        for x, y in (line.coords[0], line.coords[-1]):
            end = Point(x, y)
            if ring.distance(end) < 0.01:
                stations.append((ring.project(end), _point_to_degrees(x, y)))
    vertices = [point for _, point in sorted(stations)]
    return LineString([*vertices, vertices[0]])


def _bend(straight: Sequence[LineString], ring: LineString) -> list[LineString]:
    """Every border bent as far as it may be without meeting another one, in degrees."""
    degrees = [shapely.transform(line, _to_degrees) for line in straight]
    county = Polygon(ring)
    for index, line in enumerate(straight):
        others = [*degrees[:index], *degrees[index + 1 :], ring]
        for share in (1.0, 0.5, 0.25, 0.1):
            candidate = shapely.transform(_meander(line, share, index), _to_degrees)
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
            f"{COUNTIES} 没有分给镇 {bare} 的地，应每镇都有"
            f" · {COUNTIES}: got no land for town {bare}, allowed is some for each."
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
                f"{COUNTIES} 把镇 {code} 分成了几块，应为一个多边形"
                f" · {COUNTIES}: got town {code} in several parts, allowed is one polygon."
            )
        result[code] = shapely.orient_polygons(town)
    return result


class _Scatter:
    """Chooses seeded positions (metres) inside one town, never closer to any other place than the spacing."""

    def __init__(self, plan: TownPlan, polygon: Polygon, seat: tuple[float, float], taken: list[Point]) -> None:
        flat = shapely.transform(polygon, _to_plane)
        self._inner = flat.buffer(-_INSET_METRES)
        self._draw = random.Random(f"places {plan.code}")
        self._taken = taken
        self._stretch = max(1.0, math.sqrt(flat.area / _COMPACT_SQUARE_METRES))
        x, y = _to_plane(np.array([seat]))[0].tolist()
        self.seat = Point(x, y)

    def at_border(self, bearing: float, share: float) -> Point:
        """A point ``share`` of the way from the seat to the border in a direction (degrees from north)."""
        for turn in (0, 6, -6, 12, -12, 18, -18, 24, -24):
            angle = math.radians(bearing + turn)
            far = Point(self.seat.x + 40_000 * math.sin(angle), self.seat.y + 40_000 * math.cos(angle))
            ray = LineString([self.seat, far])
            inside = shapely.intersection(ray, self._inner)
            nearest = min(shapely.get_parts(inside).tolist(), key=lambda part: float(part.distance(self.seat)))
            way = LineString([self.seat, Point(nearest.coords[-1])])
            point = way.interpolate(way.length * share)
            if self._free(point):
                return self._take(point)
        return self.around(point, 500.0)

    def around(self, centre: Point, spread: float) -> Point:
        """A point near a centre; the spread (metres, standard deviation) grows until one is free."""
        spread *= self._stretch
        if not self._inner.contains(centre):
            centre = shapely.get_point(shapely.shortest_line(self._inner, centre), 0)
        while True:
            for _ in range(40):
                point = Point(centre.x + self._draw.gauss(0, spread), centre.y + self._draw.gauss(0, spread))
                if self._free(point):
                    return self._take(point)
            spread *= 1.15

    def _free(self, point: Point) -> bool:
        # A metre more than the spacing leaves room for rounding and for the scale of the projection.
        near = any(point.distance(other) < _SPACING_METRES + 1 for other in self._taken)
        return not near and bool(self._inner.contains(point))

    def _take(self, point: Point) -> Point:
        self._taken.append(point)
        return point


def _place(code: str, kind: PlaceKind, town: str, name: str, name_en: str, point: Point, beat: str | None) -> Place:
    lon, lat = _point_to_degrees(point.x, point.y)
    return Place(code=code, kind=kind, town=town, name=name, name_en=name_en, lon=lon, lat=lat, beat=beat)


def _places(
    polygons: dict[str, Polygon], seats: dict[str, tuple[float, float]], old: dict[str, tuple[float, float]]
) -> list[Place]:
    taken: list[Point] = []
    places: list[Place] = []
    for plan in PLANS:
        town = plan.code
        scatter = _Scatter(plan, polygons[town], seats[town], taken)
        station = scatter.around(scatter.seat, 250.0)
        short = plan.name.removesuffix("街道").removesuffix("镇")
        names = f"{short}派出所", f"{plan.name_en} police station"
        places.append(_place(f"{town}-S01", PlaceKind.STATION, town, *names, station, None))
        for number, stop in enumerate(plan.checkpoints, start=1):
            point = scatter.at_border(stop.bearing, stop.share)
            code = f"{town}-K{number:02d}"
            places.append(_place(code, PlaceKind.CHECKPOINT, town, stop.name, stop.name_en, point, None))
        number = 0
        for nth, beat in enumerate(plan.beats, start=1):
            for area in beat.areas:
                centre = scatter.seat
                if area.old_town is not None:
                    centre = Point(_to_plane(np.array([old[area.old_town]]))[0])
                angle, metres = math.radians(area.bearing), area.km * 1000
                centre = Point(centre.x + metres * math.sin(angle), centre.y + metres * math.cos(angle))
                for within in range(1, area.points + 1):
                    number += 1
                    point = scatter.around(centre, area.spread_km * 1000)
                    names = f"{area.name} {within} 号点", f"{area.name_en} point {within}"
                    code = f"{town}-P{number:02d}"
                    places.append(_place(code, PlaceKind.PATROL_POINT, town, *names, point, f"{town}-B{nth}"))
    return places


def _early_windows(places: Sequence[Place]) -> dict[str, tuple[int, int]]:
    """Place -> start and end hour of its early visit; a town's early points take the windows in turn."""
    windows: dict[str, tuple[int, int]] = {}
    for plan in PLANS:
        early: list[str] = []
        for nth, beat in enumerate(plan.beats, start=1):
            early += [place.code for place in places if place.beat == f"{plan.code}-B{nth}"][: beat.early]
        windows |= {code: EARLY[number % len(EARLY)] for number, code in enumerate(early)}
    return windows


def _visit_windows(places: Sequence[Place]) -> list[tuple[str, int, int]]:
    """(place, start hour, end hour): windows of one place never overlap, so that one visit meets one obligation.

    An early point owes the first of its visits before the day shift begins.
    """
    draw = random.Random("visits")
    early = _early_windows(places)
    points = [place.code for place in places if place.kind == PlaceKind.PATROL_POINT]
    visits = {code: draw.choices((2, 3, 4, 5, 6), weights=(2, 4, 5, 3, 2))[0] for code in points}
    while (missing := OBLIGATIONS - sum(visits.values())) != 0:
        step = 1 if missing > 0 else -1
        code = draw.choice([code for code in points if 2 <= visits[code] + step <= 6])
        visits[code] += step
    windows = []
    hours = _LAST_HOUR - _FIRST_HOUR
    for code in points:
        for nth in range(visits[code]):
            opens = _FIRST_HOUR + nth * hours // visits[code]
            closes = _FIRST_HOUR + (nth + 1) * hours // visits[code]
            length = draw.randint(1, min(3, closes - opens))
            end = draw.randint(opens + length, closes)
            windows.append((code, *early[code]) if nth == 0 and code in early else (code, end - length, end))
    return windows


def _towns(seats: dict[str, tuple[float, float]]) -> list[Town]:
    towns = []
    for plan in PLANS:
        short = plan.name.removesuffix("街道").removesuffix("镇")
        suffix = "Subdistrict" if plan.name.endswith("街道") else "Town"
        # Statistics files write the same town with twelve digits.
        aliases = [short, f"{plan.code}000"]
        if suffix == "Subdistrict":
            aliases.append(f"{short}镇")
        for english in (plan.name_en, *(old for old in MERGED.get(plan.code, {}).values())):
            aliases += [english, english.lower()]
        aliases.append(f"{plan.name_en} {suffix}")
        for old in MERGED.get(plan.code, {}):
            aliases += [old, f"{old}镇"]
        towns.append(Town(plan.code, plan.name, plan.name_en, REGION, tuple(aliases), seats[plan.code]))
    return towns


def _write_csv(out: Path, name: str, rows: Iterable[Sequence[object]]) -> None:
    with (out / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS[name])
        writer.writerows(rows)


def _hour(hour: int) -> str:
    return f"{hour:02d}:00"


def _write_boundaries(out: Path, polygons: dict[str, Polygon], towns: Sequence[Town]) -> None:
    features: list[dict[str, Any]] = []
    for town in towns:
        properties = {"code": town.code, "name": town.name, "approximate": True}
        features.append({"type": "Feature", "properties": properties, "geometry": mapping(polygons[town.code])})
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    (out / BOUNDARIES).write_text(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n', encoding="utf-8")


def _write_manifest(out: Path) -> None:
    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    lines = [
        f"region = {quoted(REGION)}",
        'name = "嘉善县"',
        'name_en = "Jiashan County"',
        'timezone = "Asia/Shanghai"',
        "valid_from = 20200101",
        "# Town borders are drawn around seats, not surveyed.",
        "approximate = true",
        'note = "卡点、必巡点、巡段、巡逻组与组长均为虚构，仅供演示。Checkpoints, patrol points, beats, units and '
        'their leaders are invented for demonstration."',
        "",
        "[titles]",
        'wall_zh = "嘉善县疫情防控与复工复产"',
        'wall_en = "Jiashan: epidemic control and resumption of work"',
        "",
        "# Rule parameters that differ from the feeds' defaults: none.",
        "[thresholds]",
    ]
    for source in SOURCES:
        lines += ["", "[[sources]]", *(f"{field} = {quoted(text)}" for field, text in source.items())]
    (out / MANIFEST).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_sources(out: Path) -> None:
    rows = "\n".join(f"| {s['what']} | {s['source']} | {s['licence']} | {s['changes']} |" for s in SOURCES)
    text = (
        "# Sources of the Jiashan pack\n\n"
        "Written by `python -m geodata.build`; change the builder, not this file.\n\n"
        "| what | source | licence | what was changed |\n| --- | --- | --- | --- |\n"
        f"{rows}\n\n"
        "Town borders are approximate: no open town polygons exist for Jiashan. Cells drawn around town seats put\n"
        "about three quarters of real village points into their own town, so a record's own town code decides first.\n"
        "The names and positions of checkpoints, patrol points, beats, units and leaders are invented and do not\n"
        "describe any real post, business or person; each town's one police station stands near the town's seat, not\n"
        "at its real address.\n"
    )
    (out / "SOURCES.md").write_text(text, encoding="utf-8")


def build(inputs: Path | str, out: Path | str) -> Region:
    """Build the pack from the raw inputs, check it by loading it, put it at ``out`` (replaced) and return it.

    Raises:
        PackError: when an input is missing or the result would not be a valid pack; ``out`` is then untouched.
    """
    source, target = Path(inputs), Path(out)
    county, seats, old = _county(source), _seats(source), _old_towns(source)
    polygons = divide(county, _sites(seats, old))
    towns = _towns(seats)
    places = _places(polygons, seats, old)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as room:
        staged = Path(room) / "pack"
        staged.mkdir()
        _write_manifest(staged)
        _write_sources(staged)
        _write_boundaries(staged, polygons, towns)
        _write_tables(staged, towns, places)
        region = load_pack(staged)
        if region.warnings:
            chinese, _, english = region.warnings[0].partition(" · ")
            raise PackError(
                f"生成的区域包有问题：{chinese}，请修改 geodata 里的规划"
                f" · The built pack has a flaw: {english} Change the plan in geodata."
            )
        if target.exists():
            target.rename(Path(room) / "old")
        staged.rename(target)
    return region


def _write_tables(out: Path, towns: Sequence[Town], places: Sequence[Place]) -> None:
    _write_csv(
        out, "towns.csv", ((t.code, t.name, t.name_en, "|".join(t.aliases), *(t.seat or ("", ""))) for t in towns)
    )
    _write_csv(
        out,
        "places.csv",
        ((p.code, p.kind, p.town, p.name, p.name_en, f"{p.lon:.6f}", f"{p.lat:.6f}", p.beat or "") for p in places),
    )
    beats, units = [], []
    for plan in PLANS:
        for nth, beat in enumerate(plan.beats, start=1):
            codes = [f"{plan.code}-U{unit}" for unit in beat.units]
            if beat.early:
                codes.append(f"{plan.code}-N1")
            beats.append((f"{plan.code}-B{nth}", plan.code, beat.name, beat.name_en, "|".join(codes)))
        leaders = LEADERS[plan.code]
        for unit, leader in enumerate(leaders, start=1):
            units.append((f"{plan.code}-U{unit}", plan.code, f"{'一二三四'[unit - 1]}组", f"Unit {unit}", leader))
        units.append((f"{plan.code}-N1", plan.code, NIGHT_UNIT, NIGHT_UNIT_EN, NIGHT_LEADERS[plan.code]))
    _write_csv(out, "beats.csv", beats)
    _write_csv(out, "units.csv", units)
    windows = _visit_windows(places)
    _write_csv(out, "visit_rules.csv", ((code, 1, _hour(start), _hour(end)) for code, start, end in windows))
    _write_csv(out, "shifts.csv", SHIFTS)
    checkpoints = [place.code for place in places if place.kind == PlaceKind.CHECKPOINT]
    _write_csv(out, "duty_hours.csv", ((code, *CHECKPOINT_HOURS.get(code, ("00:00", "00:00"))) for code in checkpoints))
    cells = built_up_cells(towns, places)
    _write_csv(out, "cells.csv", ((town, cell) for town, listed in cells.items() for cell in listed))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when the pack was written, 1 with a sentence on standard error when not."""
    parser = argparse.ArgumentParser(prog="python -m geodata.build", description=str(__doc__).split("\n", 1)[0])
    parser.add_argument(
        "--inputs", type=Path, required=True, help=f"原始数据目录，内有 · folder with {COUNTIES}, {TOWNS}, {GEONAMES}"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="区域包目录，已有则替换 · folder of the pack; replaced when it exists"
    )
    options = parser.parse_args(arguments)
    try:
        region = build(options.inputs, options.out)
    except PackError as error:
        print(error.sentence, file=sys.stderr)
        return 1
    pack = region.pack
    print(
        f"{pack.name} {pack.name_en} {pack.valid_from}-{pack.version}：{len(pack.towns)} 个镇街、"
        f"{len(pack.places)} 个地点、{len(pack.visit_rules)} 条巡查要求、"
        f"{sum(len(cells) for cells in pack.cells.values())} 个格 · {len(pack.towns)} towns, "
        f"{len(pack.places)} places, {len(pack.visit_rules)} visit rules, "
        f"{sum(len(cells) for cells in pack.cells.values())} cells"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
