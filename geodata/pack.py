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
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import h3
import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dashboard.domain.day import DEFAULT_ZONE, as_date
from dashboard.domain.place import Beat, DutyHours, Place, PlaceKind, RegionPack, Shift, Town, Unit, VisitRule
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
    "cells.csv": ("town", "cell"),
}
OPTIONAL = frozenset({"cells.csv"})
FILES = (MANIFEST, BOUNDARIES, *COLUMNS)
"""The files that make a pack; its version is their hash. Others (``SOURCES.md``) may lie beside them."""

MAX_TIMES = 24
_MANIFEST_KEYS = frozenset(
    {"region", "name", "name_en", "timezone", "valid_from", "approximate", "note", "titles", "thresholds", "sources"}
)
_OVERLAP_SQUARE_METRES = 1.0
_GAP_METRES = 1.0
"""Borders that run closer than this without touching have a gap between them. Wider slits that open to the outside
cannot be told from a real inlet of the region's outline (Jiashan has one of 5 m) and pass."""
_METRES_A_DEGREE = 111_000.0
_LAKE_SQUARE_METRES = 1_000_000.0
"""A hole in the region below this is a mistake between towns; above it may be a lake or another county's enclave."""


def load_pack(path: Path | str) -> Region:
    """Read, check and return the pack in a directory.

    Raises:
        PackError: at the first thing that is wrong.
    """
    directory = Path(path)
    if not directory.is_dir():
        raise PackError(f"{directory} is not a directory: give the directory that holds {MANIFEST}.")
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
        cells=_cells(directory, codes, towns, places),
        thresholds=manifest["thresholds"],
        titles=manifest["titles"],
        approximate=bool(manifest["approximate"]),
        version=pack_version(directory),
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


def _wrong(where: str, field: str, got: object, allowed: str) -> NoReturn:
    shown = "nothing" if got in ("", None) else f"“{got}”"
    raise PackError(f"{where}, field {field}: got {shown}, allowed is {allowed}.")


class _Row:
    """One line of a CSV file, with its place for error sentences."""

    def __init__(self, file: str, line: int, cells: Mapping[str, str]) -> None:
        self.where = f"{file}, line {line}"
        self._cells = cells

    def wrong(self, field: str, allowed: str) -> NoReturn:
        _wrong(self.where, field, self._cells[field], allowed)

    def text(self, field: str) -> str:
        return self._cells[field]

    def needed(self, field: str) -> str:
        return self._cells[field] or self.wrong(field, "a text")

    def several(self, field: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self._cells[field].split("|") if part.strip())

    def one_of(self, field: str, known: Iterable[str], file: str) -> str:
        value = self._cells[field]
        if value not in known:
            self.wrong(field, f"a code of {file}")
        return value

    def time(self, field: str) -> int:
        try:
            return parse_time(self._cells[field])
        except ValueError:
            self.wrong(field, "a time HH:MM between 00:00 and 24:00")

    def degrees(self, field: str, limit: float) -> float | None:
        text = self._cells[field]
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not -limit <= value <= limit:
            self.wrong(field, f"degrees between -{limit:g} and {limit:g}, WGS-84")
        return value

    def point(self, lon_field: str, lat_field: str) -> tuple[float, float] | None:
        lon, lat = self.degrees(lon_field, 180), self.degrees(lat_field, 90)
        if lon is None and lat is None:
            return None
        if lon is None:
            self.wrong(lon_field, f"a number, because {lat_field} has one")
        if lat is None:
            self.wrong(lat_field, f"a number, because {lon_field} has one")
        return lon, lat


def _read(directory: Path, name: str) -> str:
    try:
        return (directory / name).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PackError(f"{name} is missing in {directory}: a pack needs it.") from None
    except UnicodeDecodeError as error:
        raise PackError(f"{name}, byte {error.start}: got bytes that are not UTF-8; save the file as UTF-8.") from None
    except OSError as error:
        raise PackError(f"{name} in {directory} cannot be read ({error.strerror}): check its permissions.") from None


def _rows(directory: Path, name: str) -> list[_Row]:
    if name in OPTIONAL and not (directory / name).exists():
        return []
    reader = csv.reader(_read(directory, name).splitlines())
    columns = COLUMNS[name]
    header = tuple(cell.strip() for cell in next(reader, []))
    if set(header) != set(columns) or len(header) != len(columns):
        _wrong(f"{name}, line 1", "header", ",".join(header), ",".join(columns))
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise PackError(
                f"{name}, line {reader.line_num}: got {len(cells)} cells, allowed is {len(header)} as in line 1."
            )
        rows.append(_Row(name, reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    return rows


class _Unique:
    """Remembers where a code was first seen and refuses it the second time."""

    def __init__(self) -> None:
        self._seen: dict[object, str] = {}

    def add(self, row: _Row, field: str, key: object) -> None:
        first = self._seen.setdefault(key, row.where)
        if first != row.where:
            row.wrong(field, f"each only once (first in {first})")


def _manifest(directory: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(_read(directory, MANIFEST))
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{MANIFEST} is not TOML: {error}.") from None
    unknown = sorted(set(found) - _MANIFEST_KEYS)
    if unknown:
        _wrong(MANIFEST, unknown[0], found[unknown[0]], f"only {', '.join(sorted(_MANIFEST_KEYS))}")
    for field in ("region", "name", "name_en"):
        if not isinstance(found.get(field), str) or not found[field]:
            _wrong(MANIFEST, field, found.get(field), "a text in quotes")
    if any(letter in found["region"] for letter in "/\\.: ") or not found["region"].isprintable():
        # The code becomes a directory name in the library.
        _wrong(MANIFEST, "region", found["region"], "a code without spaces, points or slashes")
    zone = found.setdefault("timezone", DEFAULT_ZONE)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        _wrong(MANIFEST, "timezone", zone, "a name of the time zone database such as Asia/Shanghai")
    check_valid_from(found.get("valid_from"), MANIFEST)
    if not isinstance(found.setdefault("approximate", True), bool):
        _wrong(MANIFEST, "approximate", found["approximate"], "true or false")
    titles = found.setdefault("titles", {})
    if not isinstance(titles, dict) or not all(isinstance(text, str) for text in titles.values()):
        _wrong(MANIFEST, "titles", titles, "a table of texts")
    thresholds = found.setdefault("thresholds", {})
    if not isinstance(thresholds, dict):
        _wrong(MANIFEST, "thresholds", thresholds, "a table of numbers")
    for key, value in thresholds.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            _wrong(MANIFEST, f"thresholds.{key}", value, "a number")
    found["thresholds"] = {key: float(value) for key, value in thresholds.items()}
    sources = found.get("sources")
    if not isinstance(sources, list) or not sources:
        _wrong(MANIFEST, "sources", sources, "at least one [[sources]] with what, source and licence")
    for entry in sources:
        for field in ("what", "source", "licence"):
            if not isinstance(entry, dict) or not isinstance(entry.get(field), str) or not entry[field]:
                _wrong(MANIFEST, f"sources.{field}", entry.get(field) if isinstance(entry, dict) else entry, "a text")
    return found


def check_valid_from(day: object, where: str) -> int:
    """``day`` when it is a calendar day as the integer yyyymmdd.

    Raises:
        PackError: when it is not; ``where`` opens the sentence.
    """
    try:
        if isinstance(day, bool) or not isinstance(day, int):
            raise ValueError
        as_date(day)
    except ValueError:
        _wrong(where, "valid_from", day, "a day as the number yyyymmdd, such as 20200101")
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
                row.wrong(field, f"only spellings that no other town has (“{spelling}” is also {spellings[spelling]})")
        towns.append(town)
    if not towns:
        raise PackError("towns.csv, line 2: got no town, allowed is one or more.")
    return tuple(towns)


def _units(directory: Path, towns: set[str]) -> tuple[Unit, ...]:
    unique, units = _Unique(), []
    for row in _rows(directory, "units.csv"):
        unique.add(row, "code", row.needed("code"))
        town = row.one_of("town", towns, "towns.csv")
        units.append(Unit(row.text("code"), town, row.needed("name"), row.text("name_en"), row.text("leader")))
    return tuple(units)


def _beats(directory: Path, towns: set[str], units: set[str]) -> tuple[Beat, ...]:
    unique, beats = _Unique(), []
    for row in _rows(directory, "beats.csv"):
        unique.add(row, "code", row.needed("code"))
        town = row.one_of("town", towns, "towns.csv")
        listed = row.several("units")
        if not units.issuperset(listed):
            row.wrong("units", "codes of units.csv, separated by |")
        beats.append(Beat(row.text("code"), town, row.needed("name"), row.text("name_en"), listed))
    return tuple(beats)


def _places(directory: Path, towns: set[str], beats: set[str]) -> tuple[Place, ...]:
    unique, places = _Unique(), []
    kinds = [kind.value for kind in PlaceKind]
    for row in _rows(directory, "places.csv"):
        unique.add(row, "code", row.needed("code"))
        if row.text("kind") not in kinds:
            row.wrong("kind", f"one of {', '.join(kinds)}")
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
            row.wrong("times", f"a whole number from 1 to {MAX_TIMES}")
        rule = VisitRule(place, int(times), row.time("start"), row.time("end"))
        if rule.start >= rule.end:
            row.wrong("end", f"a time after start ({row.text('start')}); give a window past midnight as two rows")
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
                row.wrong("start", f"a time at which shift {earlier.code} is over")
    if not shifts:
        raise PackError("shifts.csv, line 2: got no shift, allowed is one or more.")
    return tuple(shifts)


def _duty_hours(directory: Path, kinds: Mapping[str, PlaceKind]) -> tuple[DutyHours, ...]:
    unique, hours = _Unique(), []
    for row in _rows(directory, "duty_hours.csv"):
        checkpoint = row.text("checkpoint")
        if kinds.get(checkpoint) != PlaceKind.CHECKPOINT:
            row.wrong("checkpoint", "the code of a checkpoint of places.csv")
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
            row.wrong("cell", f"an H3 cell of resolution {CELL_RESOLUTION}")
        unique.add(row, "cell", cell)
        found.setdefault(town, []).append(cell)
    return {town: tuple(cells) for town, cells in found.items()}


def _boundaries(directory: Path, codes: set[str]) -> tuple[dict[str, BaseGeometry], list[str]]:
    try:
        collection = json.loads(_read(directory, BOUNDARIES))
    except ValueError as error:
        raise PackError(f"{BOUNDARIES} is not JSON: {error}.") from None
    if not isinstance(collection, dict) or not isinstance(collection.get("features"), list):
        kind = collection.get("type") if isinstance(collection, dict) else type(collection).__name__
        _wrong(BOUNDARIES, "type", kind, "a FeatureCollection")
    found: dict[str, BaseGeometry] = {}
    for number, feature in enumerate(collection["features"], start=1):
        where = f"{BOUNDARIES}, feature {number}"
        properties = feature.get("properties") if isinstance(feature, dict) else None
        code = properties.get("code") if isinstance(properties, dict) else None
        if code not in codes:
            _wrong(where, "properties.code", code, "a code of towns.csv")
        if code in found:
            _wrong(where, "properties.code", code, "each only once")
        found[code] = _polygon(f"{where} (town {code})", feature.get("geometry"))
    missing = sorted(codes - set(found))
    if missing:
        _wrong(BOUNDARIES, "features", f"no polygon of town {missing[0]}", "one polygon for each town of towns.csv")
    return found, _check_coverage(found)


def _polygon(where: str, geometry: Any) -> BaseGeometry:
    kind = geometry.get("type") if isinstance(geometry, dict) else geometry
    if kind not in ("Polygon", "MultiPolygon"):
        _wrong(where, "geometry", kind, "a Polygon or a MultiPolygon")
    try:
        polygon: BaseGeometry = shapely.force_2d(shape(geometry))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        _wrong(where, "geometry", error, "GeoJSON coordinates with closed rings")
    if polygon.is_empty:
        _wrong(where, "geometry", None, "a polygon that is not empty")
    west, south, east, north = polygon.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        _wrong(where, "geometry", f"{west:g}, {south:g} … {east:g}, {north:g}", "degrees, longitude first, WGS-84")
    if not polygon.is_valid:
        _wrong(where, "geometry", shapely.is_valid_reason(polygon), "a valid polygon that does not touch itself")
    return polygon


def _check_coverage(found: Mapping[str, BaseGeometry]) -> list[str]:
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
                text = f"towns {codes[first]} and {codes[second]} overlapping by {area:,.0f} m²"
                _wrong(BOUNDARIES, "geometry", text, "no overlap")

    warnings = []
    for part in shapely.get_parts(shapely.union_all(degrees)):
        for ring in part.interiors:
            area = plane.project(shapely.polygons(ring)).area
            around = [codes[index] for index in np.flatnonzero(shapely.intersects(degrees, ring)).tolist()]
            text = f"a hole of {area:,.0f} m² bordered by {', '.join(around)}"
            if area < _LAKE_SQUARE_METRES:
                _wrong(BOUNDARIES, "geometry", text, "no gap between towns")
            warnings.append(f"{BOUNDARIES}: {text} belongs to no town.")

    unmatched = shapely.coverage_invalid_edges(degrees, gap_width=_GAP_METRES / _METRES_A_DEGREE)
    wrong = [codes[index] for index in np.flatnonzero(~shapely.is_empty(unmatched)).tolist()]
    if wrong:
        text = f"borders of {', '.join(wrong)} that run beside each other without sharing their vertices"
        _wrong(BOUNDARIES, "geometry", text, "borders that are the same points for both neighbours, without gaps")
    return warnings


def _misplaced(region: Region) -> list[str]:
    located = [place for place in region.pack.places if place.lon is not None and place.lat is not None]
    towns = region.towns_of([place.lon or 0.0 for place in located], [place.lat or 0.0 for place in located])
    warnings = []
    for place, town in zip(located, towns, strict=True):
        if town is None:
            warnings.append(f"places.csv: {place.code} {place.name} lies outside every town.")
        elif town != place.town:
            warnings.append(f"places.csv: {place.code} {place.name} lies in {town}, not in its own town {place.town}.")
    return warnings


def _foreign_beats(pack: RegionPack) -> list[str]:
    return [
        f"places.csv: {place.code} {place.name} is on beat {place.beat} of another town."
        for place in pack.places
        if place.beat is not None and pack.beat_by_code[place.beat].town != place.town
    ]
