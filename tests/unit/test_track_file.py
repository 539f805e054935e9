"""GPX files as devices, people and attackers write them: read, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.errors import ConfigurationError
from dashboard.feeds import feed_named
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from ingest import trackfile
from ingest.gateways.gpx import LARGEST, is_track, parse_gpx, unit_named, unit_of_file
from ingest.trackfile import Point, read_track_file

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "gpx"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real tracks lie beside the checkout and are not here")
PATROL = feed_named("patrol")
PACK = load_pack(BUNDLED_PACK).pack
TIMED = '<trkpt lat="30.9" lon="120.9"><time>2020-02-18T01:00:00Z</time></trkpt>'


def gpx(body: str, head: str = "<gpx>", declared: str = "") -> bytes:
    """A file around a body."""
    return f'<?xml version="1.0"{declared}?>{head}<trk><trkseg>{body}</trkseg></trk></gpx>'.encode()


def refused(data: bytes) -> str:
    """The sentence of a file that is not read."""
    with pytest.raises(ConfigurationError) as caught:
        parse_gpx(data, PATROL)
    sentence = caught.value.sentence
    assert " · " in sentence
    assert len(sentence) < 300
    return sentence


@real
@pytest.mark.parametrize(
    ("file", "points", "timed", "tracks", "segments", "others"),
    [
        ("304_bus_2019-02-18.gpx", 2144, 2144, 1, 1, 0),
        ("around-visnjan-with-car.gpx", 104, 104, 1, 1, 0),
        ("korita-zbevnica.gpx", 871, 513, 4, 4, 2),
        ("gpx1.1_with_extensions.gpx", 0, 0, 0, 0, 1),
    ],
)
def test_real_files_are_read(file: str, points: int, timed: int, tracks: int, segments: int, others: int) -> None:
    found = read_track_file((REAL / file).read_bytes())
    assert len(found.points) == points
    assert sum(1 for point in found.points if point.time) == timed
    assert (found.tracks, found.segments, found.waypoints + found.route_points) == (tracks, segments, others)


@real
def test_a_real_file_of_waypoints_is_refused() -> None:
    assert refused((REAL / "gpx1.1_with_extensions.gpx").read_bytes()).startswith("文件里只有 1 个航点")


def test_segments_and_extensions() -> None:
    more = (
        "<extensions><x:speed>9</x:speed><x:course>45</x:course></extensions><speed>5</speed><hdop> 1.5 </hdop>"
        "<ele>7</ele>"
    )
    head = '<gpx xmlns="http://www.topografix.com/GPX/1/1" xmlns:x="urn:x">'
    body = f'{TIMED}</trkseg><trkseg><trkpt lat=" 30.9 " lon="120.9">{more}</trkpt>'
    found = read_track_file(gpx(body, head))
    assert found.points == [
        Point(1, 1, "120.9", "30.9", "2020-02-18T01:00:00Z"),
        Point(2, 2, "120.9", "30.9", "", "5", "45", "1.5"),
    ]


def test_what_is_wrong_in_a_point_is_handed_on_as_it_stands() -> None:
    body = '<trkpt lat="abc"><time>yesterday</time><speed>fast</speed></trkpt>' + f'<trkpt lon="{"9" * 500}"/>'
    first, second = read_track_file(gpx(body)).points
    assert (first.lon, first.lat, first.time, first.speed) == ("", "abc", "yesterday", "fast")
    assert len(second.lon) < 100


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030", "gbk", "gb2312", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    name = "姚庄" if encoding != "iso-8859-1" else "Zaton"
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><gpx><trk><name>{name}</name><trkseg>{TIMED}</trkseg></trk></gpx>'
    )
    assert len(read_track_file(text.encode(encoding)).points) == 1


def test_names_in_gb_under_a_declaration_of_utf8() -> None:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><gpx><trk><name>姚庄镇巡逻</name><trkseg>{TIMED}</trkseg></trk></gpx>'
    )
    assert len(read_track_file(text.encode("gb18030")).points) == 1
    assert len(read_track_file(b"\xef\xbb\xbf" + text.encode()).points) == 1


BOMB = (
    '<!DOCTYPE gpx [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "文件是空的"),
        (b"  \n", "文件是空的"),
        (b"PK\x03\x04", "文件不是完整的 GPX"),
        (b"lat,lon\n1,2\n", "文件不是完整的 GPX"),
        (b"<html><body/></html>", "文件不是 GPX（最外层是“html”）"),
        (gpx(TIMED)[:-20], "文件不是完整的 GPX（第 1 行"),
        (gpx(""), "文件里没有轨迹点"),
        (gpx('<trkpt lat="1" lon="2"/>' * 3), "3 个轨迹点都没有时间"),
        (gpx(TIMED, BOMB + "<gpx>").replace(b"<trkpt", b"&j;<trkpt"), "GPX 文件里有 DOCTYPE"),
        (
            gpx(TIMED, '<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/passwd">]><gpx>').replace(b"<trkpt", b"&x;<trkpt"),
            "GPX 文件里有 DOCTYPE",
        ),
        (gpx(TIMED, '<!DOCTYPE gpx SYSTEM "http://localhost:1/x.dtd"><gpx>'), "GPX 文件里有 DOCTYPE"),
        (gpx("&undeclared;" + TIMED), "文件不是完整的 GPX"),
        (gpx(TIMED, declared=' encoding="utf-7"'), "文件的编码不认识"),
        (gpx(TIMED, declared=' encoding="nonsense"'), "文件的编码不认识"),
        (gpx("\u00ff", declared=' encoding="gbk"').replace("\u00ff".encode(), b"\xff\xff"), "文件写明编码是 gbk"),
        (gpx(TIMED) + b"\x00" * 10, "文件不是完整的 GPX"),
        (b"\xff\xfe\x00\x00" + gpx(TIMED).decode().encode("utf-32-le"), "文件"),
        (b"<gpx " + b"a" * 100_000, "文件不是完整的 GPX"),
        (b"<gpx>" + b"<a>" * 200_000, "文件不是完整的 GPX"),
        (b" " * (LARGEST + 1), "GPX 文件有 32.0 MiB"),
    ],
    ids=range(20),
)  # fmt: skip
def test_files_that_are_refused(data: bytes, sentence: str) -> None:
    assert refused(data).startswith(sentence)


def test_too_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackfile, "MOST_POINTS", 10)
    assert refused(gpx(TIMED * 11)).startswith("轨迹超过 10 个点")
    assert len(parse_gpx(gpx(TIMED * 10), PATROL).points) == 10


def test_a_deep_file_is_read_without_a_deep_stack() -> None:
    body = "<a>" * 50_000 + "</a>" * 50_000
    assert (
        len(read_track_file(gpx(f'<trkpt lat="1" lon="2">{body}<time>2020-02-18T01:00:00Z</time></trkpt>')).points) == 1
    )


def test_a_track_goes_into_patrol_only() -> None:
    with pytest.raises(ConfigurationError, match="GPX 轨迹不能导入卡点体温 temperature"):
        parse_gpx(gpx(TIMED), feed_named("temperature"))


def test_which_files_are_tracks() -> None:
    assert is_track("今天.GPX", b"")
    assert is_track("upload", gpx(TIMED))
    assert is_track("upload", b'<?xml version="1.0"?>\n<g:gpx xmlns:g="x">')
    assert not is_track("upload.csv", "镇街,时间\n".encode())
    assert not is_track("upload", b"<gpxx>")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("330421111-U1.gpx", "330421111-U1"),
        ("330421111-U1 2月18日.gpx", "330421111-U1"),
        ("330421111-U1_2020-02-18.gpx", "330421111-U1"),
        ("330421111-U12.gpx", None),
        ("330421111.gpx", None),
        ("早班.gpx", None),
        (".gpx", None),
    ],
)
def test_whose_track_a_file_is_stands_in_its_name(name: str, unit: str | None) -> None:
    assert unit_of_file(name, PACK) == unit
    if unit is None:
        with pytest.raises(ConfigurationError, match="不知道这条轨迹是哪个巡逻组的"):
            unit_named(" ", name, PACK)
    assert unit_named(" U 9 ", name, PACK) == "U 9"
