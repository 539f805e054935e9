"""GPX as it comes: what is odd in real files is read, and a moved track keeps its metres and says that it was moved."""

from __future__ import annotations

import io
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from dashboard.domain.day import day_start
from dashboard.errors import ConfigurationError
from ingest.scenarios.gpx import WGS84, Fix, read_gpx, reanchor

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "gpx"
START = day_start(20200218) + 9 * 3_600_000
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real tracks lie beside the checkout and are not here")


def gpx(body: str, head: str = '<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">') -> io.BytesIO:
    return io.BytesIO(f"<?xml version='1.0'?>{head}{body}</gpx>".encode())


def point(lat: float, lon: float, time: str = "", more: str = "") -> str:
    said = f"<time>{time}</time>" if time else ""
    return f'<trkpt lat="{lat}" lon="{lon}">{said}{more}</trkpt>'


def track(*points: str) -> str:
    return f"<trk><trkseg>{''.join(points)}</trkseg></trk>"


@pytest.mark.parametrize(
    "head",
    [
        "<gpx>",
        '<gpx version="1.0" xmlns="http://www.topografix.com/GPX/1/0">',
        '<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">',
    ],
)
def test_any_namespace_is_read(head: str) -> None:
    fixes = read_gpx(gpx(track(point(30.9, 120.9, "2020-02-18T01:00:00Z")), head))
    assert fixes == [Fix(120.9, 30.9, 1_581_987_600_000)]


def test_impossible_and_missing_times_are_no_times() -> None:
    body = track(
        point(30.9, 120.9, "1901-12-13T20:45:52Z"),
        point(30.9, 120.9, "1970-01-01T00:00:00Z"),
        point(30.9, 120.9, "yesterday"),
        point(30.9, 120.9),
        point(30.9, 120.9, "2020-02-18T01:00:00"),
        point(30.9, 120.9, "2020-02-18T09:00:00.500+08:00"),
    )
    assert [fix.at for fix in read_gpx(gpx(body))] == [None, None, None, None, 1_581_987_600_000, 1_581_987_600_500]


def test_repeated_and_disordered_times_stay_as_they_came() -> None:
    clocks = ("01:00:10", "01:00:10", "01:00:05", "01:00:20")
    body = track(*(point(30.9 + n / 10_000, 120.9, f"2020-02-18T{clock}Z") for n, clock in enumerate(clocks)))
    records = reanchor(read_gpx(gpx(body)), 120.95, 30.91, START, "U1", "330421111")
    assert [record["at"][17:19] for record in records] == ["05", "05", "00", "15"]
    assert len({record["id"] for record in records}) == 4


def test_positions_that_are_none_are_left_out() -> None:
    body = track('<trkpt lat="" lon="120"/>', '<trkpt lat="95" lon="120"/>', "<trkpt/>", point(30.9, 120.9))
    assert read_gpx(gpx(body)) == [Fix(120.9, 30.9)]


def test_speed_is_read_from_the_point_and_from_extensions() -> None:
    extension = '<extensions><x:E xmlns:x="urn:x"><x:speed>10</x:speed></x:E></extensions>'
    body = track(point(30.9, 120.9, "", "<speed>5</speed>"), point(30.9, 120.9, "", extension))
    assert [fix.speed for fix in read_gpx(gpx(body))] == [18.0, 36.0]


def test_waypoints_and_empty_tracks_give_no_records() -> None:
    fixes = read_gpx(gpx('<wpt lat="1" lon="2"/>' + track()))
    assert fixes == []
    assert reanchor(fixes, 120.9, 30.9, START, "U1", "330421111") == []


def test_a_track_without_times_is_walked() -> None:
    fixes = [Fix(120.9, 30.9 + n / 1000) for n in range(4)]
    records = reanchor(fixes, 120.95, 30.91, START, "U1", "330421111", untimed_kmh=5.0)
    times = [datetime.fromisoformat(record["at"]).timestamp() for record in records]
    assert times[0] == START / 1000
    assert all(abs(b - a - 110.9 * 3.6 / 5) < 0.2 for a, b in pairwise(times))


def test_what_is_not_gpx_is_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"不是可读的 GPX 文件（.* · .* is no GPX file that can be read"):
        read_gpx(io.BytesIO(b"PK\x03\x04"))
    with pytest.raises(
        ConfigurationError, match=r"^nowhere\.gpx 不是可读的 GPX 文件（.* · nowhere\.gpx is no GPX file"
    ):
        read_gpx(Path("nowhere.gpx"))


def lengths(points: list[tuple[float, float]]) -> list[float]:
    found: list[float] = list(WGS84.line_lengths([lon for lon, _ in points], [lat for _, lat in points]))
    return found


@real
@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("304_bus_2019-02-18.gpx", 2144),
        ("korita-zbevnica.gpx", 871),
        ("around-visnjan-with-car.gpx", 104),
        ("gpx1.1_with_extensions.gpx", 0),
    ],
)
def test_a_real_track_keeps_its_metres_and_is_labelled(file: str, count: int) -> None:
    fixes = read_gpx(REAL / file)
    assert len(fixes) == count
    records = reanchor(fixes, 120.953, 30.911, START, "330421111-U9", "330421111", name=file)
    assert all(record["id"].startswith("re-anchored:") and record["source"] == "gpx-replay" for record in records)
    if not records:
        return
    kept = [fix for fix in fixes if fix.at is not None] or fixes
    assert len(records) == len(kept)
    before = lengths([(fix.lon, fix.lat) for fix in kept])
    after = lengths([(record["lon"], record["lat"]) for record in records])
    assert sum(after) == pytest.approx(sum(before), rel=2e-4)
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) < 0.5
    assert (records[0]["lon"], records[0]["lat"]) == (120.953, 30.911)
