"""A source understood: its rows as fields, its positions in WGS-84 degrees, and what was decided about it, in words.

Which coordinate system a file is in is told, first found: by the person, by a column or member of the file, by its
description (``.prj``), else it is taken for WGS-84 degrees and said. Latitude written before longitude is put right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from dashboard.domain.place import PlaceKind
from dashboard.errors import PackError
from geodata import columns
from geodata.checks import Finding
from geodata.columns import KIND_WORDS, ROLE_WORDS, Meaning, Role
from geodata.crs import WGS84, System
from geodata.reading import Layer, Source, finite
from geodata.sheets import Table

T = TypeVar("T")
_Shapes = NDArray[np.object_]
_CHINA = (73.0, 136.0, 3.0, 54.0)


class Asked(msgspec.Struct, frozen=True):
    """What a person has said about the files: roles, columns and coordinate systems, for all files (``""``) or one."""

    roles: dict[str, str] = {}
    columns: dict[str, dict[str, str]] = {}
    systems: dict[str, str] = {}

    def role(self, file: str) -> tuple[Role, PlaceKind | None] | None:
        """The role that was said of a file.

        Raises:
            PackError: it is none.
        """
        said = _of(self.roles, file)
        return None if said is None else columns.role_named(said)

    def header(self, file: str) -> dict[str, str]:
        """Field -> header that was said for a file."""
        return {**self.columns.get("", {}), **(_of(self.columns, file, general=False) or {})}

    def system(self, file: str) -> str | None:
        """The coordinate system that was said for a file."""
        return _of(self.systems, file)


def _of(said: Mapping[str, T], file: str, general: bool = True) -> T | None:
    for key, value in said.items():
        if key and (file == key or file.startswith((f"{key}/", f"{key}:", f"{key}「")) or file.endswith(f"/{key}")):
            return value
    return said.get("") if general else None


class Row(msgspec.Struct, frozen=True):
    """One row of a list: where it stands, its fields as texts, its position or shape in WGS-84 degrees."""

    where: str
    fields: dict[str, str]
    shape: BaseGeometry | None = None

    def get(self, field: str) -> str:
        """A field's text, empty where there is none."""
        return self.fields.get(field, "")

    @property
    def point(self) -> tuple[float, float] | None:
        """Longitude and latitude, where the row has a position."""
        if self.shape is None:
            return None
        at = self.shape if isinstance(self.shape, Point) else self.shape.representative_point()
        return round(float(at.x), 6), round(float(at.y), 6)


class Listing(msgspec.Struct, frozen=True):
    """A source as a list of something."""

    file: str
    role: Role
    kind: PlaceKind | None
    rows: tuple[Row, ...]
    system: str
    """Name of the coordinate system it was read in; empty where it has no positions."""
    sure: bool
    """Whether the system was said by somebody rather than assumed."""
    raw: _Shapes | None
    """Positions as written, degrees, for trying another system; ``None`` where they are projected."""
    told: str
    findings: tuple[Finding, ...] = ()

    @property
    def polygons(self) -> bool:
        """Whether its shapes are areas."""
        return any(row.shape is not None and row.shape.geom_type in ("Polygon", "MultiPolygon") for row in self.rows)


def understand(source: Source, asked: Asked) -> Listing:
    """A source as a list.

    Raises:
        PackError: what it is, or which column is which, cannot be told; the sentence names the option that says it.
    """
    return _table(source, asked) if isinstance(source, Table) else _layer(source, asked)


def _table(table: Table, asked: Asked) -> Listing:
    header = asked.header(table.file)
    found = columns.header_of(table.rows, header.values())
    if found is None:
        first = "、".join(value for value in table.rows[0][1] if value)[:120]
        raise PackError(
            f"{table.file} 前 {columns.HEADER_WITHIN} 行里没有认得的列名（第一行：{first}），请加 --column name=列名"
            f" · {table.file}: no known header within {columns.HEADER_WITHIN} rows; say one with --column name=HEADER."
        )
    place, names, line = found
    body = [(number, cells) for number, cells in table.rows[place + 1 :]]
    role, kind = asked.role(table.file) or columns.role_of(table.file, names, [cells for _, cells in body])
    meaning = columns.meaning(table.file, role, kind, names, line, header)
    rows = [(f"{table.file} 第 {number} 行", _fields(meaning, cells)) for number, cells in body]
    by = ("列名", "its header") if meaning.system else ("", "")
    return _listing(table.file, table.encoding, meaning, kind, rows, None, meaning.system, by, "", asked)


def _fields(meaning: Meaning, cells: Sequence[str]) -> dict[str, str]:
    found = {field: cells[place] for field, place in meaning.fields.items() if place < len(cells) and cells[place]}
    return {field: text.strip() for field, text in found.items() if text.strip() not in ("", "/", "-", "—", "无")}


def _layer(layer: Layer, asked: Asked) -> Listing:
    areas = any(one is not None and one.geom_type in ("Polygon", "MultiPolygon") for one in layer.shapes)
    rows = [[row.get(key, "") for key in layer.header] for row in layer.texts]
    said = asked.role(layer.file)
    role, kind = said or columns.role_of(layer.file, layer.header, rows)
    if said is None and areas:
        role, kind = Role.TOWNS, None
    header = asked.header(layer.file)
    # An outline needs no name, and a town may be named by a list that knows its code.
    meaning = columns.meaning(layer.file, role, kind, layer.header, 1, header, strict=role != Role.TOWNS)
    meaning = msgspec.structs.replace(meaning, private=layer.private)
    found = [(f"{layer.file} 第 {number} 个图形", _fields(meaning, row)) for number, row in enumerate(rows, 1)]
    shapes = list(layer.shapes)
    faults = tuple(
        Finding(
            "error",
            "invalid",
            f"{layer.file} 第 {number} 个图形{zh}，请改正",
            f"{layer.file}, feature {number}: {en}.",
            f"{layer.file} 第 {number} 个图形",
        )
        for number, zh, en in layer.faults
    )
    listing = _listing(layer.file, "", meaning, kind, found, shapes, layer.system, layer.system_by, layer.amap, asked)
    return msgspec.structs.replace(listing, findings=(*faults, *listing.findings))


def _listing(
    file: str,
    encoding: str,
    meaning: Meaning,
    kind: PlaceKind | None,
    rows: Sequence[tuple[str, dict[str, str]]],
    shapes: Sequence[BaseGeometry | None] | None,
    system: str,
    system_by: tuple[str, str],
    amap: str,
    asked: Asked,
) -> Listing:
    findings: list[Finding] = []
    raw = np.array(list(shapes) if shapes is not None else _positions(rows, findings), dtype=object)
    declared = asked.system(file)
    located = bool(len(raw)) and any(one is not None for one in raw)
    column_system = {fields["crs"] for _, fields in rows if fields.get("crs")}
    used, how, sure = _decide(file, declared, system, system_by, column_system, raw, located)
    settled = raw
    if located:
        settled, swapped = _swapped(raw, used)
        if swapped:
            findings.append(_swap_finding(file, [rows[index][0] for index in swapped], len(raw)))
        raw = settled
        settled = _converted(file, raw, used, [fields.get("crs", "") for _, fields in rows], declared)
        if amap and declared is None and used.name == WGS84:
            findings.append(
                Finding(
                    "warning",
                    "crs",
                    f"{file} 看着出自高德（{amap}），高德的数是 GCJ-02，即使写着 WGS-84；按 WGS-84 读会偏 400–600 米，"
                    f"是的话请加 --crs {file}=gcj02",
                    f"{file} seems to come from AMap ({amap}), whose coordinates are GCJ-02 even where WGS-84 is "
                    f"stated; read as WGS-84 they are 400–600 m off: add --crs {file}=gcj02 if so.",
                    file,
                )
            )
    made = tuple(Row(where, fields, settled[index] if located else None) for index, (where, fields) in enumerate(rows))
    what = KIND_WORDS[kind] if kind is not None else ROLE_WORDS[meaning.role]
    parts = [f"{file}：{what} {len(made)} 行"]
    if encoding:
        parts.append(encoding)
    if meaning.fields:
        parts.append(f"列：{meaning.told()}")
    if meaning.private:
        parts.append(f"入口移除：{'、'.join(meaning.private)}")
    if meaning.unused:
        parts.append(f"没有用到：{'、'.join(meaning.unused)}")
    if located:
        parts.append(f"坐标：{used.name}（{how}）")
    degrees = raw if located and used.degrees else None
    return Listing(
        file, meaning.role, kind, made, used.name if located else "", sure, degrees, "；".join(parts), tuple(findings)
    )


def _positions(rows: Sequence[tuple[str, dict[str, str]]], findings: list[Finding]) -> list[BaseGeometry | None]:
    """Each row's position as written."""
    made: list[BaseGeometry | None] = []
    for where, fields in rows:
        lon, lat = fields.get("lon", ""), fields.get("lat", "")
        if fields.get("point") and not lon:
            lon, lat = ([*re.split(r"[,，;；\s]+", fields["point"].strip("()（）[] ")), ""])[:2]
        if not lon and not lat:
            made.append(None)
            continue
        x, y = _number(lon), _number(lat)
        if x is None or y is None:
            wrong, field = (lon, "经度") if x is None else (lat, "纬度")
            findings.append(
                Finding(
                    "error",
                    "coordinate",
                    f"{where}的{field}是“{wrong[:30] or '空的'}”，应为数，如 120.9118",
                    f"{where}: got “{wrong[:30]}” for a coordinate, allowed is a number such as 120.9118.",
                    where,
                )
            )
            made.append(None)
        else:
            made.append(Point(x, y))
    return made


_DMS = re.compile(r"^([东西南北EWSN])?(\d{1,3})[°度](\d{1,2})['′分](?:(\d{1,2}(?:\.\d+)?)[\"″秒]?)?([EWSN])?$")


def _number(text: str) -> float | None:
    plain = text.strip().replace("，", ".")
    dms = _DMS.match(plain.replace("''", '"'))
    if dms:
        value = int(dms[2]) + int(dms[3]) / 60 + float(dms[4] or 0) / 3600
        return -value if (dms[1] or dms[5] or "") in ("W", "S", "西", "南") else value
    try:
        value = float(plain.rstrip("°度"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _decide(
    file: str,
    declared: str | None,
    system: str,
    system_by: tuple[str, str],
    columns_say: set[str],
    raw: _Shapes,
    located: bool,
) -> tuple[System, str, bool]:
    """The system that positions are in, how that is known, and whether somebody said it."""
    if not located:
        return System(WGS84), "", True
    bounds = _bounds(raw)
    plain = max(abs(edge) for edge in bounds) <= 180.0
    if declared is not None:
        asked = System(declared)
        own = System(system) if system else None
        if not plain and asked.degrees and own is not None and not own.degrees:
            # “gcj02” of a projected file: its own projection leads to degrees, which are then shifted.
            return _Both(own, asked), f"{system_by[0]}，再按 --crs", True
        if plain != asked.degrees:
            _mismatch(file, declared, bounds)
        return asked, "按 --crs", True
    if system:
        own = System(system)
        if own.degrees == plain:
            return own, f"按{system_by[0]}", True
        _mismatch(file, own.name, bounds)
    if not plain:
        raise PackError(
            f"{file} 的坐标是米（{bounds[0]:.0f}, {bounds[1]:.0f} …），没有写明坐标系，请加 --crs {_guess(bounds)[0]}"
            f" · {file}: coordinates are metres of an unstated system: add --crs {_guess(bounds)[1]}."
        )
    if columns_say:
        return System(WGS84), "按“坐标系”列", True
    return System(WGS84), "没有写明，按 WGS-84", False


class _Both(System):
    """A projection of degrees that are not WGS-84."""

    def __init__(self, projection: System, degrees: System) -> None:
        super().__init__(degrees.name)
        self._first = projection

    @property
    def degrees(self) -> bool:
        return False

    def to_wgs84(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return super().to_wgs84(self._first.to_wgs84(points))


def _mismatch(file: str, system: str, bounds: tuple[float, float, float, float]) -> None:
    raise PackError(
        f"{file} 的坐标（{bounds[0]:.6g}, {bounds[1]:.6g} …）不像 {system}，请用 --crs {file}=坐标系 写明实际的"
        f" · {file}: coordinates such as {bounds[0]:.6g}, {bounds[1]:.6g} are not those of {system}: state the actual "
        f"system with --crs {file}=SYSTEM."
    )


def _guess(bounds: tuple[float, float, float, float]) -> tuple[str, str]:
    """What a projected file of China is likely to be in: CGCS2000, 3-degree zones with the zone before the easting."""
    zone = int(bounds[0] // 1_000_000)
    if 25 <= zone <= 45:
        code = f"EPSG:{4513 + zone - 25}"
        return f"{code}（像是 CGCS2000 3 度带第 {zone} 带）", code
    return "EPSG:编号（如 CGCS2000 3 度带、中央经线 120° 是 EPSG:4549）", "EPSG:number, e.g. EPSG:4549"


def _bounds(shapes: _Shapes) -> tuple[float, float, float, float]:
    # Points of an empty cell are None and count for nothing.
    boxes = shapely.bounds(np.array([one for one in shapes if one is not None and not one.is_empty], dtype=object))
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(boxes):
        return (0.0, 0.0, 0.0, 0.0)
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _swapped(shapes: _Shapes, system: System) -> tuple[_Shapes, list[int]]:
    """Shapes with latitude written first turned round, and which they were.

    The ranges of longitude and latitude in China do not meet, so there is nothing to doubt.
    """
    if not system.degrees:
        return shapes, []
    west, east, south, north = _CHINA
    found, turned = shapes.copy(), []
    for index, shape in enumerate(shapes):
        if shape is None or shape.is_empty or not finite(shape):
            continue
        left, low, right, high = shape.bounds
        if south <= left <= right <= north and west <= low <= high <= east:
            found[index] = shapely.transform(shape, lambda points: points[:, ::-1])
            turned.append(index)
    return found, turned


def _swap_finding(file: str, where: Sequence[str], count: int) -> Finding:
    shown = "、".join(one.removeprefix(f"{file} ") for one in where[:5]) + ("等" if len(where) > 5 else "")
    which = "全部" if len(where) == count else f"{shown} {len(where)} 处"
    return Finding(
        "warning",
        "swapped",
        f"{file} {which}经纬度写反了，已对调",
        f"{file}: latitude and longitude were swapped in {len(where)} of {count} and were put right.",
        file,
    )


def _converted(file: str, shapes: _Shapes, system: System, said: Sequence[str], declared: str | None) -> _Shapes:
    own = {text: System(text) for text in set(said) if text} if declared is None else {}
    found = shapes.copy()
    groups: dict[str, list[int]] = {}
    for index, shape in enumerate(shapes):
        if shape is not None:
            groups.setdefault(said[index] if said[index] in own else "", []).append(index)
    for text, indexes in groups.items():
        moved = shapely.transform(shapes[indexes], own.get(text, system).to_wgs84)
        for index, shape in zip(indexes, moved, strict=True):
            found[index] = shape
    return found


def located(rows: Sequence[Row]) -> Iterator[tuple[int, tuple[float, float]]]:
    """(index, position) of the rows that have one."""
    for index, row in enumerate(rows):
        if (point := row.point) is not None:
            yield index, point
