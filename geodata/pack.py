"""The region pack on disk: one directory of TOML, CSV and GeoJSON, read and checked as a whole.

``load_pack`` either returns a :class:`Region` or raises a :class:`PackError` whose sentence names the file, the line
or feature, the field, what was got and what is allowed. It never repairs. All files are UTF-8; coordinates are WGS-84
degrees; times of day are ``HH:MM`` of the region's own day; several values in one cell are separated by ``|``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import h3
import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dashboard.domain.day import DEFAULT_ZONE, as_date
from dashboard.domain.place import (
    Beat,
    DutyHours,
    Place,
    PlaceKind,
    RegionPack,
    RegionRisk,
    Shift,
    Town,
    Unit,
    VisitRule,
    prefix_of,
)
from dashboard.errors import PackError
from geodata.cells import built_up_cells
from geodata.region import CELL_RESOLUTION, Plane, Region

MANIFEST = "pack.toml"
BOUNDARIES = "boundaries.geojson"
COLUMNS: dict[str, tuple[str, ...]] = {
    "towns.csv": ("code", "name", "name_en", "aliases", "seat_lon", "seat_lat"),
    "places.csv": ("code", "kind", "town", "name", "name_en", "lon", "lat", "beat"),
    "beats.csv": ("code", "town", "name", "name_en", "units"),
    "visit_rules.csv": ("place", "times", "start", "end"),
    "shifts.csv": ("code", "name", "name_en", "start", "end"),
    "duty_hours.csv": ("checkpoint", "start", "end"),
    "units.csv": ("code", "town", "name", "name_en", "leader"),
    "devices.csv": ("device", "unit"),
    "risks.csv": ("region", "level", "name"),
    "cells.csv": ("town", "cell"),
}
OPTIONAL = frozenset({"cells.csv", "devices.csv", "risks.csv"})
RISK_LEVELS = ("high", "medium", "low")
FILES = (MANIFEST, BOUNDARIES, *COLUMNS)
"""The files that make a pack; its version is their hash. Others (``SOURCES.md``) may lie beside them."""

MAX_TIMES = 24
_MANIFEST_KEYS = frozenset(
    {"region", "name", "name_en", "timezone", "valid_from", "approximate", "note", "titles", "thresholds", "sources"}
    | {"since", "owed_since"}
)
_OVERLAP_SQUARE_METRES = 1.0
GAP_METRES = 1.0
"""Borders that run closer than this without touching have a gap between them. Wider slits that open to the outside
cannot be told from a real inlet of the region's outline (Jiashan has one of 5 m) and pass."""
_METRES_A_DEGREE = 111_000.0
LAKE_SQUARE_METRES = 1_000_000.0
"""A hole in the region below this is a mistake between towns; above it may be a lake or another county's enclave."""


class Words(NamedTuple):
    """The same words in Chinese and in English, for the two halves of a sentence."""

    zh: str
    en: str


_READ: OrderedDict[str, Region] = OrderedDict()
_READ_MOST = 4
"""Packs that this process has read, by content: one that is installed is read where it came from, and as copied."""


def load_pack(path: Path | str) -> Region:
    """Read, check and return the pack in a directory; a content that was read before is not checked again.

    Raises:
        PackError: at the first thing that is wrong.
    """
    directory = Path(path)
    try:
        version = pack_version(directory)
    except OSError:
        # Reading says which file, in a sentence.
        return _checked(directory)
    known = _READ.get(version)
    if known is None:
        known = _checked(directory)
        # What changed while it was read is not what that version names.
        if known.pack.version == version == pack_version(directory):
            _READ[version] = known
            while len(_READ) > _READ_MOST:
                _READ.popitem(last=False)
    return known


def _checked(directory: Path) -> Region:
    if not directory.is_dir():
        raise PackError(
            f"{directory} 不是目录，请给出 {MANIFEST} 所在的目录"
            f" · {directory} is not a directory: give the directory that holds {MANIFEST}."
        )
    manifest = _manifest(directory)
    towns = _towns(directory, str(manifest["region"]))
    codes = {town.code for town in towns}
    units = _units(directory, codes)
    beats = _beats(directory, codes, {unit.code for unit in units})
    places = _places(directory, codes, {beat.code for beat in beats})
    kinds = {place.code: place.kind for place in places}
    boundaries, warnings = _boundaries(directory, codes)
    pack = RegionPack(
        region=str(manifest["region"]),
        name=str(manifest["name"]),
        name_en=str(manifest["name_en"]),
        valid_from=int(manifest["valid_from"]),
        timezone=str(manifest["timezone"]),
        towns=towns,
        places=places,
        beats=beats,
        visit_rules=_visit_rules(directory, kinds),
        shifts=_shifts(directory),
        duty_hours=_duty_hours(directory, kinds),
        units=units,
        devices=_devices(directory, {unit.code for unit in units}),
        cells=_cells(directory, codes, towns, places),
        thresholds=manifest["thresholds"],
        titles=manifest["titles"],
        approximate=bool(manifest["approximate"]),
        version=pack_version(directory),
        since=manifest["since"],
        owed_since=manifest["owed_since"],
        risks=_risks(directory),
    )
    region = Region(pack, boundaries, warnings)
    return Region(pack, boundaries, (*warnings, *_misplaced(region), *_foreign_beats(pack)))


def pack_version(directory: Path) -> str:
    """The first twelve hex digits of the SHA-256 over the pack's files, sorted by name, each with name and length."""
    digest = hashlib.sha256()
    for name in sorted(FILES):
        file = directory / name
        if file.is_file():
            data = file.read_bytes()
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data)
    return digest.hexdigest()[:12]


def parse_time(text: str) -> int:
    """``HH:MM`` (00:00 … 24:00) as minutes after midnight.

    Raises:
        ValueError: when it is not such a time.
    """
    hours, colon, minutes = text.partition(":")
    if not (colon and len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()):
        raise ValueError(text)
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > 24 * 60:
        raise ValueError(text)
    return total


def _wrong(where: str | Words, field: str, got: object, allowed: Words) -> NoReturn:
    place = where if isinstance(where, Words) else Words(where, where)
    if isinstance(got, Words):
        shown = Words(f"“{got.zh}”", f"“{got.en}”")
    else:
        shown = Words("空的", "nothing") if got in ("", None) else Words(f"“{got}”", f"“{got}”")
    space = " " if allowed.zh[0].isascii() else ""
    raise PackError(
        f"{place.zh}，字段 {field} 是{shown.zh}，应为{space}{allowed.zh}"
        f" · {place.en}, field {field}: got {shown.en}, allowed is {allowed.en}."
    )


def _line(file: str, line: int) -> Words:
    return Words(f"{file} 第 {line} 行", f"{file}, line {line}")


class _Row:
    """One line of a CSV file, with its place for error sentences."""

    def __init__(self, file: str, line: int, cells: Mapping[str, str]) -> None:
        self.where = _line(file, line)
        self._cells = cells

    def wrong(self, field: str, chinese: str, english: str) -> NoReturn:
        _wrong(self.where, field, self._cells[field], Words(chinese, english))

    def text(self, field: str) -> str:
        return self._cells[field]

    def needed(self, field: str) -> str:
        return self._cells[field] or self.wrong(field, "文字，不能为空", "a text")

    def several(self, field: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self._cells[field].split("|") if part.strip())

    def one_of(self, field: str, known: Iterable[str], file: str) -> str:
        value = self._cells[field]
        if value not in known:
            self.wrong(field, f"{file} 里的代码", f"a code of {file}")
        return value

    def time(self, field: str) -> int:
        try:
            return parse_time(self._cells[field])
        except ValueError:
            self.wrong(field, "00:00 到 24:00 的时刻，写作 HH:MM", "a time HH:MM between 00:00 and 24:00")

    def degrees(self, field: str, limit: float) -> float | None:
        text = self._cells[field]
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not -limit <= value <= limit:
            self.wrong(
                field,
                f"-{limit:g} 到 {limit:g} 之间的度数，WGS-84",
                f"degrees between -{limit:g} and {limit:g}, WGS-84",
            )
        return value

    def point(self, lon_field: str, lat_field: str) -> tuple[float, float] | None:
        lon, lat = self.degrees(lon_field, 180), self.degrees(lat_field, 90)
        if lon is None and lat is None:
            return None
        if lon is None:
            self.wrong(lon_field, f"数，因为 {lat_field} 有值", f"a number, because {lat_field} has one")
        if lat is None:
            self.wrong(lat_field, f"数，因为 {lon_field} 有值", f"a number, because {lon_field} has one")
        return lon, lat


def _read(directory: Path, name: str) -> str:
    try:
        return (directory / name).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PackError(
            f"{directory} 里缺少 {name}，区域包必须有它，请补上 · {name} is missing in {directory}: a pack needs it."
        ) from None
    except UnicodeDecodeError as error:
        raise PackError(
            f"{name} 第 {error.start} 字节起不是 UTF-8，请把文件另存为 UTF-8"
            f" · {name}, byte {error.start}: got bytes that are not UTF-8; save the file as UTF-8."
        ) from None
    except OSError as error:
        raise PackError(
            f"{directory} 里的 {name} 读不出来（{error.strerror}），请检查权限"
            f" · {name} in {directory} cannot be read ({error.strerror}): check its permissions."
        ) from None


def _rows(directory: Path, name: str) -> list[_Row]:
    if name in OPTIONAL and not (directory / name).exists():
        return []
    reader = csv.reader(_read(directory, name).splitlines())
    columns = COLUMNS[name]
    header = tuple(cell.strip() for cell in next(reader, []))
    if set(header) != set(columns) or len(header) != len(columns):
        _wrong(_line(name, 1), "header", ",".join(header), Words(",".join(columns), ",".join(columns)))
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            place = _line(name, reader.line_num)
            raise PackError(
                f"{place.zh}有 {len(cells)} 格，应与第 1 行一样是 {len(header)} 格"
                f" · {place.en}: got {len(cells)} cells, allowed is {len(header)} as in line 1."
            )
        rows.append(_Row(name, reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    return rows


class _Unique:
    """Remembers where a code was first seen and refuses it the second time."""

    def __init__(self) -> None:
        self._seen: dict[object, Words] = {}

    def add(self, row: _Row, field: str, key: object) -> None:
        first = self._seen.setdefault(key, row.where)
        if first != row.where:
            row.wrong(field, f"不重复的值（首次出现在 {first.zh}）", f"each only once (first in {first.en})")


def _manifest(directory: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(_read(directory, MANIFEST))
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{MANIFEST} 不是 TOML，请改正：{error} · {MANIFEST} is not TOML: {error}.") from None
    unknown = sorted(set(found) - _MANIFEST_KEYS)
    if unknown:
        keys = sorted(_MANIFEST_KEYS)
        only = Words(f"{'、'.join(keys)} 之一", f"only {', '.join(keys)}")
        _wrong(MANIFEST, unknown[0], found[unknown[0]], only)
    for field in ("region", "name", "name_en"):
        if not isinstance(found.get(field), str) or not found[field]:
            _wrong(MANIFEST, field, found.get(field), Words("引号里的文字", "a text in quotes"))
    if any(letter in found["region"] for letter in "/\\.: ") or not found["region"].isprintable():
        # The code becomes a directory name in the library.
        allowed = Words("不含空格、点和斜杠的代码", "a code without spaces, points or slashes")
        _wrong(MANIFEST, "region", found["region"], allowed)
    zone = found.setdefault("timezone", DEFAULT_ZONE)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        allowed = Words("时区库里的名称，如 Asia/Shanghai", "a name of the time zone database such as Asia/Shanghai")
        _wrong(MANIFEST, "timezone", zone, allowed)
    check_valid_from(found.get("valid_from"), MANIFEST)
    if not isinstance(found.setdefault("approximate", True), bool):
        _wrong(MANIFEST, "approximate", found["approximate"], Words("true 或 false", "true or false"))
    titles = found.setdefault("titles", {})
    if not isinstance(titles, dict) or not all(isinstance(text, str) for text in titles.values()):
        _wrong(MANIFEST, "titles", titles, Words("由文字组成的表", "a table of texts"))
    thresholds = found.setdefault("thresholds", {})
    if not isinstance(thresholds, dict):
        _wrong(MANIFEST, "thresholds", thresholds, Words("由数组成的表", "a table of numbers"))
    for key, value in thresholds.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            _wrong(MANIFEST, f"thresholds.{key}", value, Words("数", "a number"))
    found["thresholds"] = {key: float(value) for key, value in thresholds.items()}
    if found.setdefault("since", 0) != 0:
        check_valid_from(found["since"], MANIFEST)
    owed = found.setdefault("owed_since", {})
    if not isinstance(owed, dict):
        _wrong(MANIFEST, "owed_since", owed, Words("由日期组成的表", "a table of days"))
    for place, day in owed.items():
        check_valid_from(day, Words(f"{MANIFEST}，owed_since.{place}", f"{MANIFEST}, owed_since.{place}"))
    sources = found.get("sources")
    if not isinstance(sources, list) or not sources:
        allowed = Words(
            "至少一个 [[sources]]，含 what、source 和 licence", "at least one [[sources]] with what, source and licence"
        )
        _wrong(MANIFEST, "sources", sources, allowed)
    for entry in sources:
        for field in ("what", "source", "licence"):
            if not isinstance(entry, dict) or not isinstance(entry.get(field), str) or not entry[field]:
                got = entry.get(field) if isinstance(entry, dict) else entry
                _wrong(MANIFEST, f"sources.{field}", got, Words("文字，不能为空", "a text"))
    return found


def check_valid_from(day: object, where: str | Words) -> int:
    """``day`` when it is a calendar day as the integer yyyymmdd.

    Raises:
        PackError: when it is not; ``where`` opens the sentence.
    """
    try:
        if isinstance(day, bool) or not isinstance(day, int):
            raise ValueError
        as_date(day)
    except ValueError:
        allowed = Words("写作 yyyymmdd 的日期，如 20200101", "a day as the number yyyymmdd, such as 20200101")
        _wrong(where, "valid_from", day, allowed)
    return day


def _towns(directory: Path, region: str) -> tuple[Town, ...]:
    unique, spellings, towns = _Unique(), dict[str, str](), []
    for row in _rows(directory, "towns.csv"):
        code = row.needed("code")
        unique.add(row, "code", code)
        town = Town(
            code=code,
            name=row.needed("name"),
            name_en=row.needed("name_en"),
            region=region,
            aliases=row.several("aliases"),
            seat=row.point("seat_lon", "seat_lat"),
        )
        for field, spelling in [("name", town.name), *(("aliases", alias) for alias in town.aliases)]:
            if spellings.setdefault(spelling, code) != code:
                row.wrong(
                    field,
                    f"别的镇没有用过的写法（“{spelling}”也是 {spellings[spelling]}）",
                    f"only spellings that no other town has (“{spelling}” is also {spellings[spelling]})",
                )
        towns.append(town)
    if not towns:
        raise PackError(
            "towns.csv 第 2 行起没有镇，应至少有一个 · towns.csv, line 2: got no town, allowed is one or more."
        )
    return tuple(towns)


def _units(directory: Path, towns: set[str]) -> tuple[Unit, ...]:
    unique, units = _Unique(), []
    for row in _rows(directory, "units.csv"):
        unique.add(row, "code", row.needed("code"))
        town = row.one_of("town", towns, "towns.csv")
        units.append(Unit(row.text("code"), town, row.needed("name"), row.text("name_en"), row.text("leader")))
    return tuple(units)


def _devices(directory: Path, units: set[str]) -> dict[str, str]:
    unique, devices = _Unique(), dict[str, str]()
    for row in _rows(directory, "devices.csv"):
        unique.add(row, "device", row.needed("device"))
        devices[row.text("device")] = row.one_of("unit", units, "units.csv")
    return devices


def _risks(directory: Path) -> tuple[RegionRisk, ...]:
    unique, risks = _Unique(), []
    for row in _rows(directory, "risks.csv"):
        code = row.needed("region")
        if not (code.isascii() and code.isdigit() and 2 <= len(code) <= 12):
            row.wrong("region", "2 到 12 位数字的代码，如 420000", "a division code of 2 to 12 digits, e.g. 420000")
        unique.add(row, "region", prefix_of(code))
        if row.text("level") not in RISK_LEVELS:
            row.wrong("level", "high、medium、low 之一", "one of high, medium, low")
        risks.append(RegionRisk(code, row.text("level"), row.text("name")))
    return tuple(risks)


def _beats(directory: Path, towns: set[str], units: set[str]) -> tuple[Beat, ...]:
    unique, beats = _Unique(), []
    for row in _rows(directory, "beats.csv"):
        unique.add(row, "code", row.needed("code"))
        town = row.one_of("town", towns, "towns.csv")
        listed = row.several("units")
        if not units.issuperset(listed):
            row.wrong("units", "units.csv 里的代码，用 | 分隔", "codes of units.csv, separated by |")
        beats.append(Beat(row.text("code"), town, row.needed("name"), row.text("name_en"), listed))
    return tuple(beats)


def _places(directory: Path, towns: set[str], beats: set[str]) -> tuple[Place, ...]:
    unique, places = _Unique(), []
    kinds = [kind.value for kind in PlaceKind]
    for row in _rows(directory, "places.csv"):
        unique.add(row, "code", row.needed("code"))
        if row.text("kind") not in kinds:
            row.wrong("kind", f"{'、'.join(kinds)} 之一", f"one of {', '.join(kinds)}")
        point = row.point("lon", "lat")
        places.append(
            Place(
                code=row.text("code"),
                kind=PlaceKind(row.text("kind")),
                town=row.one_of("town", towns, "towns.csv"),
                name=row.needed("name"),
                name_en=row.text("name_en"),
                lon=point[0] if point else None,
                lat=point[1] if point else None,
                beat=row.one_of("beat", beats, "beats.csv") if row.text("beat") else None,
            )
        )
    return tuple(places)


def _visit_rules(directory: Path, kinds: Mapping[str, PlaceKind]) -> tuple[VisitRule, ...]:
    unique, rules = _Unique(), []
    for row in _rows(directory, "visit_rules.csv"):
        place = row.one_of("place", kinds, "places.csv")
        times = row.text("times")
        if not (times.isascii() and times.isdigit() and 1 <= int(times) <= MAX_TIMES):
            row.wrong("times", f"1 到 {MAX_TIMES} 的整数", f"a whole number from 1 to {MAX_TIMES}")
        rule = VisitRule(place, int(times), row.time("start"), row.time("end"))
        if rule.start >= rule.end:
            row.wrong(
                "end",
                f"晚于 start（{row.text('start')}）的时刻，跨零点的时段请写成两行",
                f"a time after start ({row.text('start')}); give a window past midnight as two rows",
            )
        unique.add(row, "place", (rule.place, rule.start, rule.end))
        rules.append(rule)
    return tuple(rules)


def _shifts(directory: Path) -> tuple[Shift, ...]:
    unique, shifts = _Unique(), []
    for row in _rows(directory, "shifts.csv"):
        unique.add(row, "code", row.needed("code"))
        start, end = row.time("start"), row.time("end")
        shifts.append(Shift(row.text("code"), row.needed("name"), row.text("name_en"), start, end))
        for earlier in shifts[:-1]:
            shared = next((minute for minute in (start, earlier.start) if earlier.contains(minute % 1440)), None)
            if shared is not None and shifts[-1].contains(shared % 1440):
                row.wrong("start", f"班次 {earlier.code} 结束后的时刻", f"a time at which shift {earlier.code} is over")
    if not shifts:
        raise PackError(
            "shifts.csv 第 2 行起没有班次，应至少有一个 · shifts.csv, line 2: got no shift, allowed is one or more."
        )
    return tuple(shifts)


def _duty_hours(directory: Path, kinds: Mapping[str, PlaceKind]) -> tuple[DutyHours, ...]:
    unique, hours = _Unique(), []
    for row in _rows(directory, "duty_hours.csv"):
        checkpoint = row.text("checkpoint")
        if kinds.get(checkpoint) != PlaceKind.CHECKPOINT:
            row.wrong("checkpoint", "places.csv 里卡点的代码", "the code of a checkpoint of places.csv")
        unique.add(row, "checkpoint", checkpoint)
        hours.append(DutyHours(checkpoint, row.time("start"), row.time("end")))
    return tuple(hours)


def _cells(
    directory: Path, codes: set[str], towns: tuple[Town, ...], places: tuple[Place, ...]
) -> dict[str, tuple[str, ...]]:
    if not (directory / "cells.csv").exists():
        return built_up_cells(towns, places)
    unique, found = _Unique(), dict[str, list[str]]()
    for row in _rows(directory, "cells.csv"):
        town, cell = row.one_of("town", codes, "towns.csv"), row.text("cell")
        if not h3.is_valid_cell(cell) or h3.get_resolution(cell) != CELL_RESOLUTION:
            row.wrong("cell", f"{CELL_RESOLUTION} 级的 H3 格", f"an H3 cell of resolution {CELL_RESOLUTION}")
        unique.add(row, "cell", cell)
        found.setdefault(town, []).append(cell)
    return {town: tuple(cells) for town, cells in found.items()}


def _boundaries(directory: Path, codes: set[str]) -> tuple[dict[str, BaseGeometry], list[str]]:
    try:
        collection = json.loads(_read(directory, BOUNDARIES))
    except ValueError as error:
        raise PackError(f"{BOUNDARIES} 不是 JSON，请改正：{error} · {BOUNDARIES} is not JSON: {error}.") from None
    if not isinstance(collection, dict) or not isinstance(collection.get("features"), list):
        kind = collection.get("type") if isinstance(collection, dict) else type(collection).__name__
        _wrong(BOUNDARIES, "type", kind, Words("FeatureCollection", "a FeatureCollection"))
    found: dict[str, BaseGeometry] = {}
    for number, feature in enumerate(collection["features"], start=1):
        where = Words(f"{BOUNDARIES} 第 {number} 个 feature", f"{BOUNDARIES}, feature {number}")
        properties = feature.get("properties") if isinstance(feature, dict) else None
        code = properties.get("code") if isinstance(properties, dict) else None
        if code not in codes:
            _wrong(where, "properties.code", code, Words("towns.csv 里的代码", "a code of towns.csv"))
        if code in found:
            _wrong(where, "properties.code", code, Words("不重复的值", "each only once"))
        where = Words(f"{where.zh}（镇 {code}）", f"{where.en} (town {code})")
        found[code] = _polygon(where, feature.get("geometry"))
    missing = sorted(codes - set(found))
    if missing:
        got = Words(f"没有镇 {missing[0]} 的多边形", f"no polygon of town {missing[0]}")
        allowed = Words("towns.csv 的每个镇一个多边形", "one polygon for each town of towns.csv")
        _wrong(BOUNDARIES, "features", got, allowed)
    return found, check_coverage(found)


def _polygon(where: Words, geometry: Any) -> BaseGeometry:
    kind = geometry.get("type") if isinstance(geometry, dict) else geometry
    if kind not in ("Polygon", "MultiPolygon"):
        _wrong(where, "geometry", kind, Words("Polygon 或 MultiPolygon", "a Polygon or a MultiPolygon"))
    try:
        polygon: BaseGeometry = shapely.force_2d(shape(geometry))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        allowed = Words("环首尾相接的 GeoJSON 坐标", "GeoJSON coordinates with closed rings")
        _wrong(where, "geometry", error, allowed)
    if polygon.is_empty:
        _wrong(where, "geometry", None, Words("不为空的多边形", "a polygon that is not empty"))
    west, south, east, north = polygon.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        allowed = Words("WGS-84 度数，经度在前", "degrees, longitude first, WGS-84")
        _wrong(where, "geometry", f"{west:g}, {south:g} … {east:g}, {north:g}", allowed)
    if not polygon.is_valid:
        allowed = Words("有效、不与自己相交的多边形", "a valid polygon that does not touch itself")
        _wrong(where, "geometry", shapely.is_valid_reason(polygon), allowed)
    return polygon


def check_coverage(found: Mapping[str, BaseGeometry]) -> list[str]:
    """Whether towns (code -> polygon in degrees) fill their region without overlaps and gaps; sentences about lakes.

    Raises:
        PackError: two overlap, a hole between them is smaller than a lake, or borders do not share their points.
    """
    codes = list(found)
    degrees = np.array(list(found.values()), dtype=object)
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(degrees))
    plane = Plane.around((west, south, east, north))
    # Compared in degrees, as they are written: projecting would part a vertex from the straight border it lies on.
    left, right = shapely.STRtree(degrees).query(degrees, predicate="intersects")
    for first, second in sorted(zip(left.tolist(), right.tolist(), strict=True)):
        if first < second:
            area = plane.project(shapely.intersection(degrees[first], degrees[second])).area
            if area > _OVERLAP_SQUARE_METRES:
                text = Words(
                    f"镇 {codes[first]} 与 {codes[second]} 重叠 {area:,.0f} 平方米",
                    f"towns {codes[first]} and {codes[second]} overlapping by {area:,.0f} m²",
                )
                _wrong(BOUNDARIES, "geometry", text, Words("互不重叠的边界", "no overlap"))

    warnings = []
    for part in shapely.get_parts(shapely.union_all(degrees)):
        for ring in part.interiors:
            area = plane.project(shapely.polygons(ring)).area
            around = [codes[index] for index in np.flatnonzero(shapely.intersects(degrees, ring)).tolist()]
            text = Words(
                f"{'、'.join(around)} 之间 {area:,.0f} 平方米的空洞",
                f"a hole of {area:,.0f} m² bordered by {', '.join(around)}",
            )
            if area < LAKE_SQUARE_METRES:
                _wrong(BOUNDARIES, "geometry", text, Words("镇与镇之间没有空隙的边界", "no gap between towns"))
            warnings.append(f"{BOUNDARIES}：{text.zh}不属于任何镇 · {BOUNDARIES}: {text.en} belongs to no town.")

    unmatched = shapely.coverage_invalid_edges(degrees, gap_width=GAP_METRES / _METRES_A_DEGREE)
    wrong = [codes[index] for index in np.flatnonzero(~shapely.is_empty(unmatched)).tolist()]
    if wrong:
        text = Words(
            f"{'、'.join(wrong)} 的边界相邻而顶点不同",
            f"borders of {', '.join(wrong)} that run beside each other without sharing their vertices",
        )
        allowed = Words(
            "相邻两镇共用同样的点、没有缝隙的边界",
            "borders that are the same points for both neighbours, without gaps",
        )
        _wrong(BOUNDARIES, "geometry", text, allowed)
    return warnings


def _misplaced(region: Region) -> list[str]:
    located = [place for place in region.pack.places if place.lon is not None and place.lat is not None]
    towns = region.towns_of([place.lon or 0.0 for place in located], [place.lat or 0.0 for place in located])
    warnings = []
    for place, town in zip(located, towns, strict=True):
        if town is None:
            warnings.append(
                f"places.csv：{place.code} {place.name} 不在任何镇内"
                f" · places.csv: {place.code} {place.name} lies outside every town."
            )
        elif town != place.town:
            warnings.append(
                f"places.csv：{place.code} {place.name} 落在 {town}，不在所属的镇 {place.town}"
                f" · places.csv: {place.code} {place.name} lies in {town}, not in its own town {place.town}."
            )
    return warnings


def _foreign_beats(pack: RegionPack) -> list[str]:
    return [
        f"places.csv：{place.code} {place.name} 所在的巡段 {place.beat} 属于别的镇"
        f" · places.csv: {place.code} {place.name} is on beat {place.beat} of another town."
        for place in pack.places
        if place.beat is not None and pack.beat_by_code[place.beat].town != place.town
    ]
