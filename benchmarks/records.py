"""Records of the default region as its devices would send them: seeded, in order, ending now."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec

from geodata.region import Region

BATCH = 500
SPAN_MS = 2 * 3_600_000
"""How far back a stream's first record lies."""
_LOCAL = timezone(timedelta(hours=8))
_encode = msgspec.json.Encoder().encode

Record = dict[str, Any]


def iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, _LOCAL).isoformat(timespec="milliseconds")


def _moments(count: int, until: int, span: int) -> list[int]:
    return [until - span + (span * (index + 1)) // count for index in range(count)]


def readings(
    region: Region, name: str, count: int, until: int, fever: float = 0.001, span: int = SPAN_MS
) -> list[Record]:
    """Readings at all checkpoints; ``name`` keeps their ids apart from other streams'."""
    chance = random.Random(f"readings {name}")
    points = [place for place in region.pack.places if place.kind == "checkpoint"]
    found = []
    for index, at in enumerate(_moments(count, until, span)):
        point = points[index % len(points)]
        hot = chance.random() < fever
        found.append(
            {
                "id": f"{name}-{index}",
                "town": point.town,
                "at": iso(at),
                "checkpoint": point.code,
                "device": f"{point.code}-D{index // len(points) % 2}",
                "celsius": round(chance.uniform(37.4, 38.6) if hot else min(37.0, chance.gauss(36.4, 0.25)), 1),
                "method": "infrared",
                "site": "forehead",
                "direction": "in",
                "person_ref": f"p-{name}-{index:x}",
                "health_code": "green",
                "outcome": "recheck" if hot else "pass",
            }
        )
    return found


def fixes(region: Region, name: str, count: int, until: int, span: int = SPAN_MS) -> list[Record]:
    """Fixes of all units, each walking about a place of its town."""
    chance = random.Random(f"fixes {name}")
    units = region.pack.units
    points = {place.town: place for place in region.pack.places if place.kind == "patrol_point"}
    here = {unit.code: [points[unit.town].lon or 0.0, points[unit.town].lat or 0.0] for unit in units}
    found = []
    for index, at in enumerate(_moments(count, until, span)):
        unit = units[index % len(units)]
        place = here[unit.code]
        place[0] += chance.uniform(-0.0001, 0.0001)
        place[1] += chance.uniform(-0.0001, 0.0001)
        found.append(
            {
                "id": f"{name}-{index}",
                "town": unit.town,
                "at": iso(at),
                "unit": unit.code,
                "officers": 3,
                "mode": "foot",
                "kind": "position",
                "lon": round(place[0], 6),
                "lat": round(place[1], 6),
                "speed": 4,
                "heading": 90,
                "accuracy": 8,
            }
        )
    return found


def bodies(records: Sequence[Record], batch: int = BATCH) -> list[bytes]:
    """NDJSON bodies of ``batch`` records."""
    return [
        b"\n".join(_encode(record) for record in records[start : start + batch])
        for start in range(0, len(records), batch)
    ]


def body(record: Record) -> bytes:
    """One record as a JSON body."""
    return _encode(record)
