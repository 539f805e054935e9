"""GPX through the import door and the command line: real tracks, odd ones, hostile ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import cli
from dashboard.domain.day import iso
from dashboard.stores import redis_server as embedded
from tests.conftest import Databases
from tests.engine.answers import Answer
from tests.engine.core import UNIT, YAOZHUANG, Core, ms
from tests.engine.gateway import Gateway, gateway

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "gpx"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real tracks lie beside the checkout and are not here")
BUS, KORITA = "304_bus_2019-02-18.gpx", "korita-zbevnica.gpx"
NOW = ms("2026-03-02T12:00:00+08:00")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Gateway]:
    """The gateway of this module: its own Redis and database."""
    server = embedded.start(tmp_path_factory.mktemp("redis"))
    core = Core(tmp_path_factory.mktemp("data"), server.url, at=NOW, database_url=databases.new())
    with gateway(core) as found:
        yield found
    core.close()
    server.stop()


@pytest.fixture
def tracks(served: Gateway) -> Gateway:
    """The gateway without any record."""
    served.clear(NOW)
    return served


def upload(gateway: Gateway, name: str, data: bytes, unit: str = "", feed: str = "patrol") -> Answer:
    """A file as a browser sends it."""
    parts = [f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + data]
    if unit:
        parts.insert(0, f'Content-Disposition: form-data; name="unit"\r\n\r\n{unit}'.encode())
    body = b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"
    kind = "multipart/form-data; boundary=edge"
    told = f"Bearer {gateway.token}"
    return gateway.ask("POST", f"/api/v1/import/{feed}", body, Content_Type=kind, Authorization=told)


def gpx(*points: str, head: str = "") -> bytes:
    """A file of one track."""
    return f'<?xml version="1.0"?>{head}<gpx><trk><trkseg>{"".join(points)}</trkseg></trk></gpx>'.encode()


def point(time: str = "2026-03-02T01:00:00Z", more: str = "", lat: str = "30.912", lon: str = "120.957") -> str:
    """A track point in Yaozhuang."""
    return f'<trkpt lat="{lat}" lon="{lon}"><time>{time}</time>{more}</trkpt>'


@real
def test_a_real_track_goes_in_once_whatever_it_is_called(tracks: Gateway) -> None:
    data = (REAL / BUS).read_bytes()
    answer = upload(tracks, "轨迹.gpx", data, UNIT)
    assert answer.status == 202
    assert (answer.json["rows"], answer.json["accepted"], answer.json["rejected"]) == (2144, 2144, [])
    events = tracks.events()
    assert len(events) == 2144
    first = min(events, key=lambda event: event.at)
    assert (iso(first.at, "UTC"), first.lon, first.lat) == ("2019-02-18T07:45:50+00:00", -8.661746, 52.629151)
    assert first.fields == {"unit": UNIT, "kind": "position"}
    assert {event.town for event in events} == {YAOZHUANG}, "far from home a unit of the pack keeps its own town"
    assert upload(tracks, f"{UNIT} again.gpx", data).json["accepted"] == 2144
    assert [event.id for event in tracks.events()] == [event.id for event in events]


@real
def test_a_real_file_of_four_tracks_of_which_one_has_no_times(tracks: Gateway) -> None:
    answer = upload(tracks, "korita.gpx", (REAL / KORITA).read_bytes(), UNIT)
    assert answer.status == 202
    assert (answer.json["rows"], answer.json["accepted"], answer.json["left_out"]) == (871, 513, 2)
    rejected = answer.json["rejected"]
    assert [one["row"] for one in rejected] == list(range(1, 359))
    assert {one["field"] for one in rejected} == {"at"}
    assert len(tracks.events()) == 513
    assert len(tracks.core.letters()) > 0


@real
def test_a_real_track_of_an_unknown_unit_far_away_is_refused_point_by_point(tracks: Gateway) -> None:
    answer = upload(tracks, "car.gpx", (REAL / "around-visnjan-with-car.gpx").read_bytes(), "stranger")
    assert (answer.status, answer.json["accepted"], len(answer.json["rejected"])) == (422, 0, 104)
    assert answer.json["rejected"][0]["field"] == "lon"


def test_measures_and_clocks(tracks: Gateway) -> None:
    speed = "<speed>10</speed><course>90.5</course><hdop>2</hdop>"
    data = gpx(
        point(more=speed),
        point("2026-03-02T01:00:00Z", lat="30.9121"),
        point("2026-03-02T09:00:30+08:00"),
        point("2026-03-02T01:00:20"),
        point("1901-12-13T20:45:52Z"),
        point("2026-03-03T01:00:00Z"),
        point("yesterday"),
        point(lat="abc"),
        point(lon="1e308"),
        point(more="<speed>-1</speed>", time="2026-03-02T01:01:00Z"),
        point(more="<speed>fast</speed>", time="2026-03-02T01:01:10Z"),
    )
    answer = upload(tracks, "a.gpx", data, UNIT)
    assert answer.json["accepted"] == 5
    assert [(one["row"], one["field"]) for one in answer.json["rejected"]] == [
        (5, "at"), (6, "at"), (7, "at"), (8, "lat"), (9, "lon"), (11, "speed")
    ]  # fmt: skip
    assert "2000 年以后" in answer.json["rejected"][0]["message"]
    events = sorted(tracks.events(), key=lambda event: (event.at, event.lat))
    assert [iso(event.at, "UTC")[11:19] for event in events] == [
        "01:00:00", "01:00:00", "01:00:20", "01:00:30", "01:01:00"
    ]  # fmt: skip
    assert events[0].fields == {"unit": UNIT, "kind": "position", "speed": 36, "heading": 90.5, "accuracy": 10}
    assert events[0].town_by == "point"
    assert events[4].fields == {"unit": UNIT, "kind": "position"}


def test_the_body_may_be_the_track_itself(tracks: Gateway) -> None:
    told = f"Bearer {tracks.token}"
    for number, kind in enumerate(("application/gpx+xml", "application/gpx+xml; charset=utf-8")):
        answer = tracks.ask(
            "POST", f"/api/v1/import/patrol?unit={UNIT}", gpx(point(f"2026-03-02T01:00:0{number}Z")),
            Content_Type=kind, Authorization=told,
        )  # fmt: skip
        assert (answer.status, answer.json["unit"]) == (202, UNIT)
    assert len(tracks.events()) == 2


def test_a_dry_run_says_the_same_and_keeps_nothing(tracks: Gateway) -> None:
    told = f"Bearer {tracks.token}"
    body = gpx(point(), point(lat="abc"))
    target = f"/api/v1/import/patrol?unit={UNIT}&dry_run=true"
    answer = tracks.ask("POST", target, body, Content_Type="application/gpx+xml", Authorization=told)
    assert (answer.status, answer.json["accepted"], len(answer.json["rejected"])) == (200, 1, 1)
    assert (tracks.events(), tracks.letters()) == ([], [])


@pytest.mark.parametrize(
    ("name", "data", "unit", "sentence"),
    [
        ("a.gpx", gpx(point()), "", "不知道这条轨迹是哪个巡逻组的"),
        ("a.gpx", gpx('<trkpt lat="1" lon="2"/>'), UNIT, "1 个轨迹点都没有时间"),
        ("a.gpx", gpx(), UNIT, "文件里没有轨迹点"),
        ("a.gpx", b"", UNIT, "文件是空的"),
        ("a.gpx", b"\xff\xfe\x00", UNIT, "文件不是完整的 GPX"),
        ("a.gpx", gpx(point(), head='<!DOCTYPE gpx [<!ENTITY a "b">]>'), UNIT, "GPX 文件里有 DOCTYPE"),
        ("a", gpx(point(), head='<!DOCTYPE gpx SYSTEM "file:///etc/passwd">'), UNIT, "GPX 文件里有 DOCTYPE"),
    ],
)
def test_files_that_are_refused_whole(tracks: Gateway, name: str, data: bytes, unit: str, sentence: str) -> None:
    answer = upload(tracks, name, data, unit)
    assert answer.status == 422
    assert answer.json["error"].startswith(sentence)
    assert (tracks.events(), tracks.letters()) == ([], [])


def test_a_unit_that_is_a_phone_number_is_refused_point_by_point_and_masked(tracks: Gateway) -> None:
    answer = upload(tracks, "a.gpx", gpx(point()), "13912345678")
    assert answer.status == 422
    assert b"13912345678" not in answer.body
    assert "13912345678" not in repr(tracks.letters())


def test_a_track_of_another_feed_of_another_token_and_on_a_full_road(tracks: Gateway) -> None:
    assert upload(tracks, "a.gpx", gpx(point()), UNIT, "temperature").status == 422
    assert upload(tracks, "a.gpx", gpx(point()), UNIT, "nothing").status == 404
    assert upload(tracks, "a.gpx", b" " * (3 * 1024 * 1024), UNIT).status == 413
    tracks.core.stream.limit = 0
    full = upload(tracks, "a.gpx", gpx(point()), UNIT)
    assert (full.status, full.headers["retry-after"]) == (429, "5")
    tracks.core.stream.limit = 1000
    assert upload(tracks, "a.gpx", gpx(point()), UNIT).status == 202


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def command(tracks: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The same data directory for commands."""
    for name, value in tracks.core.settings.environment().items():
        monkeypatch.setenv(name, value)
    return tracks


@real
def test_a_track_from_the_command_line(command: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(REAL / BUS)
    for words in (["import", "patrol", path, "--unit", UNIT], ["import", path, "--feed", "patrol", "--unit", UNIT]):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        shown = capsys.readouterr().out
        assert not ended.value.code, shown
        assert f"{BUS} → 巡逻日志 patrol，巡逻组 {UNIT}，来源 gpx，GPX" in shown
        assert "共 2144 个点（1 段）：接收 2144，退回 0 · 2144 points: 2144 accepted, 0 rejected" in shown
        assert len(command.events()) == 2144


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", "patrol", "FILE"], "不知道这条轨迹是哪个巡逻组的"),
        (["import", "temperature", "FILE", "--unit", "U"], "GPX 轨迹不能导入卡点体温"),
        (["import", "patrol", "LARGE", "--unit", "U"], "LARGE.gpx：GPX 文件有 100.0 MiB，应不超过 32 MiB"),
        (["import", "FILE"], "写作 import 数据流 文件"),
        (["import", "patrol", "FILE", "--feed", "patrol"], "写作 import 数据流 文件"),
        (["import", "patrol", "nowhere.gpx"], "没有文件 nowhere.gpx"),
    ],
)
def test_commands_that_are_refused(
    command: Gateway, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], sentence: str
) -> None:
    (tmp_path / "FILE.gpx").write_bytes(gpx(point()))
    with open(tmp_path / "LARGE.gpx", "wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(SystemExit) as ended:
        cli.main([str(tmp_path / f"{word}.gpx") if word in ("FILE", "LARGE") else word for word in words])
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert sentence in shown
    assert len(shown.splitlines()) == 1
    assert command.events() == []
