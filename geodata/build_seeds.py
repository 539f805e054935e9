"""Builds the packs of the four scenarios beside Jiashan: ``python -m geodata.build_seeds --inputs DIR --out DIR``.

Outlines and seats are open data (Vonng/adcode, CC BY 4.0); towns are divided around their seats and marked
approximate. Checkpoints, patrol points, beats and units are invented and say so. The same inputs give the same files.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dashboard.domain.place import Beat, DutyHours, Place, PlaceKind, RegionPack, Shift, Town, Unit, VisitRule
from geodata.dividing import share_out
from geodata.pack import load_pack
from geodata.plan_risks import risks_of
from geodata.region import Region
from geodata.writing import write_pack

SHIFTS = (Shift("day", "白班", "Day shift", 8 * 60, 20 * 60), Shift("night", "夜班", "Night shift", 20 * 60, 8 * 60))
WINDOWS = ((8 * 60, 12 * 60), (12 * 60, 16 * 60), (16 * 60, 20 * 60))
POINTS, CHECKPOINTS = 4, 2
SOURCES = (
    {
        "what": "county outlines, town seats",
        "source": "Vonng/adcode (upstream AMap and the National Bureau of Statistics), 2016-18",
        "licence": "CC BY 4.0",
        "changes": "converted from GCJ-02 to WGS-84; counties divided among their towns",
    },
    {
        "what": "checkpoints, patrol points, beats, units, visit rules, duty hours",
        "source": "Townwatch",
        "licence": "as the program",
        "changes": "invented for demonstration; no real place or person",
    },
)
NOTE = (
    "卡点、必巡点、巡段、巡逻组均为虚构，仅供演示。"
    "Checkpoints, patrol points, beats and units are invented for demonstration."
)


class Plan(NamedTuple):
    """One pack. ``towns`` are codes of towns, or of whole counties where the report speaks of counties."""

    name: str
    region: str
    words: tuple[str, str]
    title: tuple[str, str]
    towns: Mapping[str, str]
    """Code -> English name."""
    counties: tuple[str, ...]
    """Whose outlines are divided; when the towns are counties, each keeps its own."""
    aliases: Mapping[str, tuple[str, ...]] = {}
    seats: Mapping[str, tuple[float, float]] = {}
    """Longitude and latitude, WGS-84, where the open data has none."""


PLANS = (
    Plan(
        "xianlin",
        "330110",
        ("余杭区西部", "West of Yuhang"),
        ("闲林派出所：疫情防控与复工复产", "Xianlin station: epidemic control and resumption"),
        {"330110011": "Xianlin", "330110005": "Wuchang", "330110012": "Cangqian", "330110013": "Yuhang"},
        ("330110",),
        aliases={"330110011": ("闲林", "330110010")},
        # A point of the town's main street; the open data has none for it.
        seats={"330110011": (119.9932, 30.2313)},
    ),
    Plan(
        "lishui",
        "331100",
        ("丽水市（及椒江区）", "Lishui (and Jiaojiang)"),
        ("丽水公安与椒江法院：助企复工", "Lishui police and Jiaojiang court: back to work"),
        {
            "331181": "Longquan",
            "331127": "Jingning",
            "331126": "Qingyuan",
            "331121": "Qingtian",
            "331122": "Jinyun",
            "331102": "Liandu",
            "331002": "Jiaojiang",
        },
        (),
    ),
    Plan(
        "zhuhai",
        "370211",
        ("西海岸新区", "West Coast New Area"),
        ("珠海街道：管家式服务促复工", "Zhuhai subdistrict: stewards for resumption"),
        {"370211009": "Zhuhai"},
        ("370211",),
        aliases={"370211009": ("珠海街道",)},
    ),
    Plan(
        "quanzhou",
        "350521-tiz",
        ("泉州台商投资区", "Quanzhou TIZ"),
        ("泉州台商投资区：战疫情、促复工", "Quanzhou TIZ: epidemic control and resumption"),
        {"350521104": "Luoyang", "350521105": "Dongyuan", "350521106": "Zhangban", "350521200": "Baiqi"},
        ("350521",),
    ),
)


class _Open(NamedTuple):
    """The open data: names, seats and county outlines."""

    names: Mapping[str, str]
    seats: Mapping[str, tuple[float, float]]
    outlines: Mapping[str, BaseGeometry]

    @staticmethod
    def read(inputs: Path) -> _Open:
        with (inputs / "towns.csv").open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
        seats = {
            row["code"]: (float(row["lon_wgs84"]), float(row["lat_wgs84"])) for row in rows if row["lon_wgs84"] != ""
        }
        told = json.loads((inputs / "counties_wgs84.geojson").read_text(encoding="utf-8"))
        outlines = {
            str(feature["properties"].get("code") or feature["properties"].get("adcode")): shape(feature["geometry"])
            for feature in told["features"]
        }
        return _Open({row["code"]: row["name"] for row in rows}, seats, outlines)


def _boundaries(plan: Plan, data: _Open) -> dict[str, BaseGeometry]:
    if not plan.counties:
        # Neighbours keep one and the same border.
        shapes = shapely.coverage_simplify([data.outlines[code] for code in plan.towns], 0.004)
        return dict(zip(plan.towns, shapes.tolist() if hasattr(shapes, "tolist") else shapes, strict=True))
    found: dict[str, BaseGeometry] = {}
    for county in plan.counties:
        seats = {
            code: plan.seats.get(code) or data.seats[code]
            for code in data.names
            if code.startswith(county) and len(code) == 9 and (code in data.seats or code in plan.seats)
        }
        outline = data.outlines[county]
        inside = {code: seat for code, seat in seats.items() if shapely.intersects_xy(outline, *seat)}
        found |= share_out(outline, inside)
    return {code: found[code] for code in plan.towns}


def _around(seat: tuple[float, float], area: BaseGeometry, nth: int, of: int, share: float) -> tuple[float, float]:
    """The ``nth`` of ``of`` points around a seat, ``share`` of the way to the border."""
    bearing = 2 * math.pi * (nth + 0.35) / of
    far = shapely.LineString([seat, (seat[0] + 3 * math.cos(bearing), seat[1] + 3 * math.sin(bearing))]).intersection(
        area
    )
    line = min(shapely.get_parts(far).tolist(), key=lambda part: part.distance(shapely.Point(seat)))
    point = line.interpolate(share, normalized=True)
    return (round(point.x, 6), round(point.y, 6))


def _pack(plan: Plan, data: _Open, boundaries: Mapping[str, BaseGeometry]) -> RegionPack:
    towns, places, beats, units = [], [], [], []
    for code, english in plan.towns.items():
        seat = plan.seats.get(code) or data.seats[code]
        if not shapely.intersects_xy(boundaries[code], *seat):
            middle = boundaries[code].representative_point()
            seat = (round(middle.x, 6), round(middle.y, 6))
        # People say 珠海街道; the register's 珠海街道办事处 stays as another spelling.
        name = data.names[code].removesuffix("办事处")
        aliases = tuple(one for one in (*plan.aliases.get(code, ()), data.names[code]) if one != name)
        towns.append(Town(code, name, english, plan.region, aliases, seat))
        beat = f"{code}-B1"
        beats.append(Beat(beat, code, "中心巡段", "Centre", (f"{code}-U1", f"{code}-U2", f"{code}-N1")))
        units += [Unit(f"{code}-U{n}", code, f"{'一二'[n - 1]}组", f"Unit {n}", f"{'陈林'[n - 1]}警官") for n in (1, 2)]
        units.append(Unit(f"{code}-N1", code, "夜巡组", "Night unit", "周警官"))
        for nth in range(POINTS):
            lon, lat = _around(seat, boundaries[code], nth, POINTS, 0.25)
            places.append(
                Place(
                    f"{code}-P{nth + 1:02d}",
                    PlaceKind.PATROL_POINT,
                    code,
                    f"必巡点{nth + 1}",
                    f"Point {nth + 1}",
                    lon,
                    lat,
                    beat,
                )
            )
        for nth in range(CHECKPOINTS):
            lon, lat = _around(seat, boundaries[code], nth, CHECKPOINTS, 0.85)
            places.append(
                Place(
                    f"{code}-K{nth + 1:02d}",
                    PlaceKind.CHECKPOINT,
                    code,
                    f"{'东西'[nth]}卡点",
                    f"Checkpoint {nth + 1}",
                    lon,
                    lat,
                )
            )
    return RegionPack(
        region=plan.region,
        name=plan.words[0],
        name_en=plan.words[1],
        valid_from=20200101,
        timezone="Asia/Shanghai",
        towns=tuple(towns),
        places=tuple(places),
        beats=tuple(beats),
        visit_rules=tuple(
            VisitRule(place.code, 1, start, end)
            for place in places
            if place.kind == PlaceKind.PATROL_POINT
            for start, end in WINDOWS
        ),
        shifts=SHIFTS,
        duty_hours=tuple(DutyHours(place.code, 0, 0) for place in places if place.kind == PlaceKind.CHECKPOINT),
        units=tuple(units),
        titles={"wall_zh": plan.title[0], "wall_en": plan.title[1]},
        approximate=True,
        risks=risks_of(plan.name),
    )


def build(inputs: Path, out: Path) -> dict[str, Region]:
    """Build every pack under ``out``; each is loaded again before it counts.

    Raises:
        PackError: a pack would not be valid.
    """
    data = _Open.read(inputs)
    found: dict[str, Region] = {}
    for plan in PLANS:
        boundaries = _boundaries(plan, data)
        target = out / plan.name
        with tempfile.TemporaryDirectory(prefix=".building-", dir=out) as room:
            staged = Path(room) / "pack"
            staged.mkdir()
            write_pack(staged, _pack(plan, data, boundaries), boundaries, SOURCES, NOTE)
            found[plan.name] = load_pack(staged)
            if target.exists():
                target.rename(Path(room) / "old")
            staged.rename(target)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    for name, region in build(given.inputs, given.out).items():
        print(name, len(region.pack.towns), len(region.pack.places), region.warnings[:3])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
