"""Real GPX tracks as inputs: read them as they come, and move one to another place without bending it.

A moved track is never to be taken for one of that place: its records carry the source ``gpx-replay`` and ids that begin
with ``re-anchored:``. Coordinates are WGS-84 degrees, times ms since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from pyproj import Geod

from dashboard.domain.day import iso
from dashboard.errors import ConfigurationError
from ingest.scenarios.base import Record
from ingest.trackfile import Point, instant, read_track_file

SOURCE = "gpx-replay"
LABEL = "re-anchored:"
WGS84 = Geod(ellps="WGS84")

EARLIEST = datetime(1980, 1, 6, tzinfo=UTC)
"""The first second of GPS time. Devices without a clock write 1901 or 1970."""


class Fix(msgspec.Struct, frozen=True):
    """One track point. ``at`` is ``None`` when it is missing or cannot be a GPS time; ``speed`` is in km/h."""

    lon: float
    lat: float
    at: int | None = None
    speed: float | None = None


def read_gpx(file: Path | IO[bytes]) -> list[Fix]:
    """The track points of a GPX file, in the order of the file, repeated and disordered times and all.

    Points without a valid position are left out; naive times are UTC.

    Raises:
        ConfigurationError: the file is missing or is no GPX.
    """
    try:
        found = read_track_file(file.read_bytes() if isinstance(file, Path) else file.read())
    except (ConfigurationError, OSError) as error:
        raise ConfigurationError(
            f"{file} 不是可读的 GPX 文件（{error}），请换一个文件"
            f" · {file} is no GPX file that can be read ({error}): give another."
        ) from error
    return [fix for fix in map(_fix, found.points) if fix is not None]


def _fix(point: Point) -> Fix | None:
    try:
        lon, lat = float(point.lon), float(point.lat)
    except ValueError:
        return None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        return None
    return Fix(lon, lat, _time(point.time), _speed(point.speed))


def _time(text: str) -> int | None:
    moment = instant(text)
    return round(moment.timestamp() * 1000) if moment is not None and moment >= EARLIEST else None


def _speed(text: str) -> float | None:
    """GPX gives metres per second."""
    try:
        value = float(text) * 3.6
    except ValueError:
        return None
    return round(value, 1) if 0 <= value <= 400 else None


def reanchor(
    fixes: Sequence[Fix],
    to_lon: float,
    to_lat: float,
    start_at_ms: int,
    unit: str,
    town: str,
    source: str = SOURCE,
    *,
    name: str = "track",
    mode: str | None = None,
    untimed_kmh: float = 5.0,
) -> list[Record]:
    """Patrol records of a real track whose first point is put at (``to_lon``, ``to_lat``) at ``start_at_ms``.

    Each point keeps its geodesic distance and bearing from the first, so lengths on the ground stay (a local tangent
    frame about either place; plain degrees would stretch a track by the cosine of the latitude). Times keep their
    distances from the earliest, in the order of the file. Points without a time are left out; a track without any time
    gets one as if it were walked at ``untimed_kmh``.
    """
    timed = [fix for fix in fixes if fix.at is not None]
    kept = timed or list(fixes)
    if not kept:
        return []
    lon, lat = np.asarray([fix.lon for fix in kept]), np.asarray([fix.lat for fix in kept])
    first = np.full(len(kept), lon[0]), np.full(len(kept), lat[0])
    bearing, _, metres = WGS84.inv(*first, lon, lat)
    moved_lon, moved_lat, _ = WGS84.fwd(np.full(len(kept), to_lon), np.full(len(kept), to_lat), bearing, metres)
    if timed:
        earliest = min(fix.at for fix in timed if fix.at is not None)
        times = [start_at_ms + (fix.at or 0) - earliest for fix in timed]
    else:
        steps = np.asarray(WGS84.line_lengths(lon, lat)) if len(kept) > 1 else np.zeros(0)
        along = np.concatenate(([0.0], np.cumsum(steps)))[: len(kept)]
        times = (start_at_ms + along / untimed_kmh * 3600).astype(np.int64).tolist()
    records = []
    for k, (fix, x, y, at) in enumerate(zip(kept, moved_lon.tolist(), moved_lat.tolist(), times, strict=True)):
        record: Record = {
            "id": f"{LABEL}{name}:{unit}:{k:05d}",
            "source": source,
            "town": town,
            "at": iso(at),
            "unit": unit,
            "kind": "position",
            "lon": round(x, 7),
            "lat": round(y, 7),
        }
        if fix.speed is not None:
            record["speed"] = fix.speed
        if mode is not None:
            record["mode"] = mode
        records.append(record)
    return records
