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
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon, shape

from dashboard.domain.place import Place, PlaceKind, Town
from dashboard.errors import PackError
from geodata.cells import built_up_cells
from geodata.dividing import MetricPlane, Site, divide
from geodata.firms import firms
from geodata.pack import BOUNDARIES, MANIFEST, load_pack
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
from geodata.plan_risks import risks_of
from geodata.region import Region
from geodata.writing import write_boundaries, write_table

COUNTIES = "counties_wgs84.geojson"
TOWNS = "towns.csv"
GEONAMES = "geonames_wgs84.csv"

_SPACING_METRES = 400.0
_INSET_METRES = 160.0
_COMPACT_SQUARE_METRES = 25_000_000.0
"""A town of this size needs no wider scatter than planned; larger ones are patrolled farther out."""
OBLIGATIONS = 382
"""Visits owed a day over all patrol points, in 2 to 6 windows each."""
_FIRST_HOUR, _LAST_HOUR = 8, 20
"""The day shift, in which all but the early visits are owed."""

_PLANE = MetricPlane(32651)


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


def _sites(seats: dict[str, tuple[float, float]], old: dict[str, tuple[float, float]]) -> list[Site]:
    named = [*seats.items(), *((SITES[name], old[name]) for name in sorted(SITES))]
    plane = _PLANE.to_plane(np.array([point for _, point in named]))
    return [Site(town, x, y) for (town, _), (x, y) in zip(named, plane.tolist(), strict=True)]


class _Scatter:
    """Chooses seeded positions (metres) inside one town, never closer to any other place than the spacing."""

    def __init__(self, plan: TownPlan, polygon: Polygon, seat: tuple[float, float], taken: list[Point]) -> None:
        flat = shapely.transform(polygon, _PLANE.to_plane)
        self._inner = flat.buffer(-_INSET_METRES)
        self._draw = random.Random(f"places {plan.code}")
        self._taken = taken
        self._stretch = max(1.0, math.sqrt(flat.area / _COMPACT_SQUARE_METRES))
        x, y = _PLANE.to_plane(np.array([seat]))[0].tolist()
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
    lon, lat = _PLANE.point_to_degrees(point.x, point.y)
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
                    centre = Point(_PLANE.to_plane(np.array([old[area.old_town]]))[0])
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


def _hour(hour: int) -> str:
    return f"{hour:02d}:00"


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
        'note = "卡点、必巡点、企业、巡段、巡逻组与组长均为虚构，仅供演示。Checkpoints, patrol points, enterprises, '
        'beats, units and their leaders are invented for demonstration."',
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
        "The names and positions of checkpoints, patrol points, enterprises, beats, units and leaders are invented\n"
        "and do not describe any real post, business or person; a name like a real one's is chance. Each town's one\n"
        "police station stands near the town's seat, not at its real address.\n"
    )
    (out / "SOURCES.md").write_text(text, encoding="utf-8")


def build(inputs: Path | str, out: Path | str) -> Region:
    """Build the pack from the raw inputs, check it by loading it, put it at ``out`` (replaced) and return it.

    Raises:
        PackError: when an input is missing or the result would not be a valid pack; ``out`` is then untouched.
    """
    source, target = Path(inputs), Path(out)
    county, seats, old = _county(source), _seats(source), _old_towns(source)
    polygons = divide(county, _sites(seats, old), _PLANE)
    towns = _towns(seats)
    places = _places(polygons, seats, old)
    places += firms(towns, places, polygons, _PLANE)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as room:
        staged = Path(room) / "pack"
        staged.mkdir()
        _write_manifest(staged)
        _write_sources(staged)
        properties = {town.code: {"name": town.name, "approximate": True} for town in towns}
        write_boundaries(staged / BOUNDARIES, {town.code: polygons[town.code] for town in towns}, properties)
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
    write_table(
        out / "towns.csv", ((t.code, t.name, t.name_en, "|".join(t.aliases), *(t.seat or ("", ""))) for t in towns)
    )
    write_table(
        out / "places.csv",
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
    write_table(out / "beats.csv", beats)
    write_table(out / "units.csv", units)
    windows = _visit_windows(places)
    write_table(out / "visit_rules.csv", ((code, 1, _hour(start), _hour(end)) for code, start, end in windows))
    write_table(out / "shifts.csv", SHIFTS)
    checkpoints = [place.code for place in places if place.kind == PlaceKind.CHECKPOINT]
    write_table(
        out / "duty_hours.csv", ((code, *CHECKPOINT_HOURS.get(code, ("00:00", "00:00"))) for code in checkpoints)
    )
    write_table(out / "risks.csv", ((risk.code, risk.level, risk.name) for risk in risks_of("jiashan")))
    cells = built_up_cells(towns, places)
    write_table(out / "cells.csv", ((town, cell) for town, listed in cells.items() for cell in listed))


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
