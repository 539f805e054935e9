"""Writes a region pack: a :class:`RegionPack` with its boundaries as the files that ``geodata.pack`` reads.

The same pack gives the same bytes, and so the same version. Cells are left out: they are derived from the places.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from dashboard.domain.place import RegionPack
from geodata.pack import BOUNDARIES, COLUMNS, MANIFEST


def write_pack(
    out: Path,
    pack: RegionPack,
    boundaries: Mapping[str, BaseGeometry],
    sources: Sequence[Mapping[str, str]],
    note: str = "",
) -> None:
    """The pack's files in an existing directory. ``sources`` have ``what``, ``source`` and ``licence``."""
    _write_manifest(out / MANIFEST, pack, sources, note)
    write_boundaries(
        out / BOUNDARIES,
        {town.code: boundaries[town.code] for town in pack.towns},
        {town.code: {"name": town.name, "approximate": pack.approximate} for town in pack.towns},
    )
    hours = {hours.checkpoint: hours for hours in pack.duty_hours}
    tables: dict[str, Iterable[Sequence[object]]] = {
        "towns.csv": [
            (t.code, t.name, t.name_en, "|".join(t.aliases), *(_degrees(d) for d in t.seat or (None, None)))
            for t in pack.towns
        ],
        "places.csv": [
            (p.code, p.kind, p.town, p.name, p.name_en, _degrees(p.lon), _degrees(p.lat), p.beat or "")
            for p in pack.places
        ],
        "beats.csv": [(b.code, b.town, b.name, b.name_en, "|".join(b.units)) for b in pack.beats],
        "visit_rules.csv": [(r.place, r.times, clock(r.start), clock(r.end)) for r in pack.visit_rules],
        "shifts.csv": [(s.code, s.name, s.name_en, clock(s.start), clock(s.end)) for s in pack.shifts],
        "duty_hours.csv": [(code, clock(one.start), clock(one.end)) for code, one in hours.items()],
        "units.csv": [(u.code, u.town, u.name, u.name_en, u.leader) for u in pack.units],
    }
    if pack.devices:
        tables["devices.csv"] = sorted(pack.devices.items())
    if pack.risks:
        tables["risks.csv"] = [(risk.code, risk.level, risk.name) for risk in pack.risks]
    for name, rows in tables.items():
        write_table(out / name, rows)


def write_table(file: Path, rows: Iterable[Sequence[object]]) -> None:
    """One of the pack's CSV files, named by its columns."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(COLUMNS[file.name])
        writer.writerows(rows)


def write_boundaries(
    file: Path, boundaries: Mapping[str, BaseGeometry], properties: Mapping[str, Mapping[str, Any]]
) -> None:
    """The towns as GeoJSON, a line each, with their code among their properties."""
    lines = []
    for code, shape in boundaries.items():
        told = {"code": code, **properties[code]}
        geometry = shapely.geometry.mapping(shape)
        feature = {"type": "Feature", "properties": told, "geometry": geometry}
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    text = ",\n".join(lines)
    file.write_text(f'{{"type":"FeatureCollection","features":[\n{text}\n]}}\n', encoding="utf-8")


def clock(minutes: int) -> str:
    """Minutes of the local day as HH:MM."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _write_manifest(file: Path, pack: RegionPack, sources: Sequence[Mapping[str, str]], note: str) -> None:
    lines = [
        f"region = {_quoted(pack.region)}",
        f"name = {_quoted(pack.name)}",
        f"name_en = {_quoted(pack.name_en)}",
        f"timezone = {_quoted(pack.timezone)}",
        f"valid_from = {pack.valid_from}",
        f"approximate = {str(pack.approximate).lower()}",
    ]
    if note:
        lines.append(f"note = {_quoted(note)}")
    lines += ["", "[titles]", *(f"{key} = {_quoted(text)}" for key, text in pack.titles.items())]
    if pack.since:
        lines.insert(5, f"since = {pack.since}")
    if pack.owed_since:
        lines += ["", "[owed_since]", *(f"{_quoted(key)} = {day}" for key, day in pack.owed_since.items())]
    lines += ["", "[thresholds]", *(f"{_quoted(key)} = {value}" for key, value in pack.thresholds.items())]
    for source in sources:
        lines += ["", "[[sources]]", *(f"{field} = {_quoted(text)}" for field, text in source.items())]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for one character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
