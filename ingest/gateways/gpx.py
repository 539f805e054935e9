"""GPX tracks as patrol positions: a file is read whole or not at all, a point is taken or reported by its number.

A point's id is made of the unit, its time and its place, so that the same track under another name, or exported once
more with a few points added, changes nothing that is there already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import PurePath
from typing import Any

import msgspec

from dashboard.domain.event import Rejected
from dashboard.domain.feed import Feed, TrackSpec
from dashboard.domain.place import RegionPack
from dashboard.domain.privacy import mask
from dashboard.errors import ConfigurationError
from ingest.decode import Door, decode_records
from ingest.device import KMH_PER_MS, accuracy_of, scaled, town_for
from ingest.intake import Intake
from ingest.trackfile import Point, TrackFile, instant, read_track_file

SUFFIX = ".gpx"
KIND = "application/gpx+xml"
LARGEST = 32 * 1024 * 1024
"""Bytes of the largest file that is read."""
CHUNK = 1000
LISTED = 50
"""Wrong points that a printed report lists; the rest are counted."""
_HEAD = re.compile(rb"<(?:[\w.-]{1,40}:)?gpx[\s>]")

Progress = Callable[[int, int], object]


class PointError(msgspec.Struct, frozen=True):
    """Why a point was not taken. ``point`` counts the track points of the file from 1; ``got`` is masked."""

    point: int
    field: str
    got: str
    allowed: str
    message: str
    code: str = "invalid"


class TrackReport(msgspec.Struct, frozen=True):
    """What became of a track; ``str`` is what a person reads."""

    file: str
    unit: str
    source: str
    segments: int
    points: int
    accepted: int
    rejected: tuple[PointError, ...]
    others: int = 0
    """Waypoints and points of routes, which are no fixes and are not read."""

    def __str__(self) -> str:
        lines = [
            f"{self.file} → 巡逻日志 patrol，巡逻组 {self.unit}，来源 {self.source}，GPX",
            f"共 {self.points} 个点（{self.segments} 段）：接收 {self.accepted}，退回 {len(self.rejected)}"
            f" · {self.points} points: {self.accepted} accepted, {len(self.rejected)} rejected",
        ]
        if self.rejected:
            lines.append("退回的点已留存，用 ./townwatch dead-letters list 查看 · kept as dead letters")
            lines.append("点 · 字段 · 得到 · 允许")
            lines += [f"{one.point} · {one.field} · {one.got} · {one.allowed}" for one in self.rejected[:LISTED]]
            if len(self.rejected) > LISTED:
                more = len(self.rejected) - LISTED
                lines.append(f"还有 {more} 个点未列出 · {more} more points")
        if self.others:
            lines.append(f"航点和计划路线上的 {self.others} 个点不是定位，未读取 · waypoints and routes are not read")
        return "\n".join(lines)


def is_track(name: str, data: bytes) -> bool:
    """Whether a file is to be read as GPX: by its name, or by how it begins."""
    return name.lower().endswith(SUFFIX) or _HEAD.search(data[:1000]) is not None


def parse_gpx(data: bytes, feed: Feed) -> TrackFile:
    """Read a GPX file that may be imported.

    Raises:
        ConfigurationError: it cannot be; one sentence says why, and nothing was imported.
    """
    if not isinstance(feed.archetype, TrackSpec):
        raise ConfigurationError(
            f"GPX 轨迹不能导入{feed.words.zh} {feed.name}，应导入巡逻日志 patrol · a GPX track goes into patrol"
        )
    check_size(len(data))
    found = read_track_file(data)
    if not found.points:
        others = f"只有 {found.waypoints + found.route_points} 个航点或计划路线的点，" if _others(found) else ""
        raise ConfigurationError(
            f"文件里{others}没有轨迹点（trkpt）：请导出走过的轨迹 · the file holds no track points: export the track"
        )
    if not any(point.time for point in found.points):
        raise ConfigurationError(
            f"{len(found.points)} 个轨迹点都没有时间，不知道什么时候到过哪里：请导出带时间的轨迹"
            " · no point of the track has a time: export the track with times"
        )
    return found


def check_size(size: int) -> None:
    """Refuse a file of more bytes than are read.

    Raises:
        ConfigurationError: says how large it is and how large it may be.
    """
    if size > LARGEST:
        most = LARGEST // 1024 // 1024
        raise ConfigurationError(
            f"GPX 文件有 {size / 1024 / 1024:.1f} MiB，应不超过 {most} MiB：请按天拆开"
            " · the file is too large: split it by day"
        )


def unit_of_file(name: str, pack: RegionPack) -> str | None:
    """The unit that a file's name begins with: ``330421111-U1 2月18日.gpx``; the longest, if several fit."""
    stem = PurePath(name).stem
    fits = [code for code in (*pack.unit_by_code, *pack.devices) if _begins(stem, code)]
    found = max(fits, key=len, default=None)
    return None if found is None else pack.devices.get(found, found)


def unit_named(given: str | None, name: str, pack: RegionPack) -> str:
    """The unit of a track: as said, else as the file's name begins.

    Raises:
        ConfigurationError: neither says it.
    """
    found = " ".join((given or "").split()) or unit_of_file(name, pack)
    if not found:
        raise ConfigurationError(
            "不知道这条轨迹是哪个巡逻组的：请用 unit 写明（命令行 --unit），或让文件名以巡逻组编号开头，"
            "如 330421111-U1.gpx · say whose track it is: --unit, or a file name that begins with the unit's code"
        )
    return pack.devices.get(found, found)


def import_track(
    track: TrackFile,
    name: str,
    unit: str,
    feed: Feed,
    intake: Intake | None,
    door: Door,
    now: Callable[[], int],
    progress: Progress = lambda *_: None,
) -> TrackReport:
    """Send a track's points through the door in chunks; without an intake they are only checked.

    Raises:
        Backpressure, StoreUnavailable: some chunks may have been taken; importing the file again is harmless.
    """
    accepted, done = 0, 0
    wrong: list[PointError] = []
    points = iter(track.points)
    while chunk := list(islice(points, CHUNK)):
        records = list(_records(chunk, unit, door))
        if intake is None:
            events, rejected = decode_records(feed, records, door, now())
            good = len(events)
        else:
            receipt = intake.accept(feed, records, door, now())
            good, rejected = receipt.accepted, receipt.rejected
        accepted += good
        wrong += [_wrong(chunk[why.index], why) for why in rejected]
        done += len(chunk)
        progress(done, len(track.points))
    return TrackReport(
        mask(name), mask(unit), door.source, track.segments, len(track.points), accepted, tuple(wrong), _others(track)
    )


def _records(points: list[Point], unit: str, door: Door) -> Iterator[dict[str, Any]]:
    for point in points:
        moment = instant(point.time) if point.time else None
        at = point.time if moment is None else moment.isoformat()
        record = {
            "id": f"gpx-{_digest(unit, at if moment is None else moment.timestamp(), point.lon, point.lat)}",
            "at": at,
            "unit": unit,
            "town": town_for(unit, point.lon, point.lat, door),
            "kind": "position",
            "lon": point.lon,
            "lat": point.lat,
            "speed": scaled(point.speed, KMH_PER_MS),
            "heading": scaled(point.course),
            "accuracy": accuracy_of(point.hdop),
        }
        yield {name: value for name, value in record.items() if value is not None and value != ""}


def _wrong(point: Point, why: Rejected) -> PointError:
    return PointError(point.number, why.field, why.got, why.allowed, why.message, why.code)


def _digest(unit: str, at: Any, lon: str, lat: str) -> str:
    return blake2b(msgspec.json.encode((unit, at, _degrees(lon), _degrees(lat))), digest_size=12).hexdigest()


def _degrees(text: str) -> float | str:
    """A coordinate so that ``30.9120`` and ``30.912`` are one: to a centimetre, as devices write it."""
    try:
        return round(float(text), 7)
    except (ValueError, OverflowError):
        return text


def _others(track: TrackFile) -> int:
    return track.waypoints + track.route_points


def _begins(stem: str, code: str) -> bool:
    return stem == code or (stem.startswith(code) and not stem[len(code)].isalnum())
