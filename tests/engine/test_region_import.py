"""The command ``geodata import`` on a data directory, and the records that then come: each lands in its town."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner, Result

from callbacks.places import reply
from dashboard.access.viewer import LOCAL_VIEWER, Role, Viewer
from dashboard.actions import Actions
from dashboard.cli import app, main
from dashboard.queries.asked import canonical
from dashboard.queries.export import as_csv
from dashboard.queries.views.places import VIEW
from dashboard.settings import Settings
from dashboard.stores.redis_server import RedisServer
from geodata.library import PackLibrary, open_library
from geodata.region import Region
from ingest.revision import Revisions
from tests import geofiles
from tests.engine.core import Core, fix, reading

LAKE, TANG, BRIDGE = "990101001", "990101002", "990101003"
DAY = "20200210"


def run(data_dir: Path, *words: object) -> Result:
    command = ["geodata", "import", *map(str, words), "--data", str(data_dir)]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, command)


def lists(room: Path) -> list[Path]:
    return [
        geofiles.borders(room / "镇界.geojson"),
        geofiles.checkpoints(room / "卡点.csv"),
        geofiles.enterprises(room / "企业.xlsx"),
    ]


@pytest.fixture
def county(data_dir: Path, tmp_path: Path) -> Path:
    """A data directory into which the county was imported, in force from 10 February 2020."""
    done = run(data_dir, *lists(tmp_path), "--name", "云溪县", "--valid-from", DAY)
    assert done.exit_code == 0, done.output
    return data_dir


@pytest.fixture
def core(county: Path, redis_client: redis.Redis, redis_server: RedisServer) -> Iterator[Core]:
    made = Core(county, redis_server.url)
    made.worker.step()
    yield made
    made.close()


def in_force(data_dir: Path, day: int) -> Region:
    library, region = open_library(data_dir, Settings.load(data_dir).region)
    return library.at(region, day)


def towns_of(core: Core) -> dict[str, str | None]:
    """Record id -> the town it was kept under."""
    found: dict[str, str | None] = {}
    with core.history.reading() as connection:
        for feed in ("temperature", "patrol"):
            for events in core.history.events_of_day(connection, feed, None).values():
                found |= {event.id: event.town for event in events}
    return found


def test_records_land_in_the_imported_towns(core: Core) -> None:
    receipt = core.accept(
        "temperature",
        reading("code", town=TANG, checkpoint=f"{TANG}-K01"),
        reading("name", town="西塘镇", checkpoint=f"{TANG}-K01"),
        reading("alias", town="西塘", checkpoint=f"{TANG}-K01"),
        reading("long", town=f"{TANG}000", checkpoint=f"{TANG}-K01"),
        reading("place", town=None, checkpoint=f"{BRIDGE}-K01"),
        reading("foreign", town="330421111"),
    )
    assert receipt.accepted == 5
    assert [why.field for why in receipt.rejected] == ["town"]
    inside = fix("point", "11:59", 120.95, 30.95, unit="U1")
    inside.pop("town")
    outside = {**inside, "id": "f-far", "lon": 121.9}
    receipt = core.accept("patrol", inside, outside)
    assert receipt.accepted == 1
    assert towns_of(core) == {
        "t-code": TANG, "t-name": TANG, "t-alias": TANG, "t-long": TANG, "t-place": BRIDGE, "f-point": LAKE,
    }  # fmt: skip
    assert core.value("screened", TANG) == 4
    assert core.value("screened", BRIDGE) == 1


def test_the_directory_then_speaks_of_the_imported_region(county: Path) -> None:
    assert Settings.load(county).region == "990101"
    assert in_force(county, 20200218).pack.name == "云溪县"
    assert (county / "990101-check.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_second_import_keeps_the_first_for_earlier_days(county: Path, tmp_path: Path) -> None:
    first = in_force(county, 20200218).pack
    more = geofiles.table(
        tmp_path / "卡点2.csv", ("卡点名称", "镇街", "经度", "纬度"), [("新卡点", "南桥镇", 120.87, 30.85)]
    )
    done = run(county, more, "--valid-from", "20200220")
    assert done.exit_code == 0, done.output
    assert f"2020-02-20 以前仍用版本 {first.version}（自 2020-02-10 起）" in done.output
    assert "沿用现行版本的 4 个镇和边界" in done.output
    before, after = in_force(county, 20200219), in_force(county, 20200220)
    assert before.pack == first
    assert {place.name for place in after.pack.places if place.kind == "checkpoint"} == {"新卡点"}
    assert len([place for place in after.pack.places if place.kind == "enterprise"]) == 2
    again = run(county, more, "--valid-from", "20200220")
    assert again.exit_code == 0
    assert "没有改动" in again.output
    assert len(PackLibrary(county / "packs").versions("990101")) == 2


def test_a_running_world_takes_a_new_list_over(core: Core, tmp_path: Path) -> None:
    more = geofiles.table(
        tmp_path / "卡点2.csv", ("卡点名称", "镇街", "经度", "纬度"), [("新卡点", "南桥镇", 120.87, 30.85)]
    )
    done = run(core.settings.data_dir, more, "--valid-from", "20200218")
    assert done.exit_code == 0, done.output
    core.work()
    core.worker.step()
    posts = {place.name for place in core.parts.region_at(20200218).pack.places if place.kind == "checkpoint"}
    assert posts == {"新卡点"}
    assert "客运站卡点" in {place.name for place in core.parts.region_at(20200217).pack.places}
    receipt = core.accept("temperature", reading(1, town=None, checkpoint=f"{BRIDGE}-K02"))
    assert receipt.accepted == 1
    assert towns_of(core) == {"t-1": BRIDGE}


def test_a_list_of_towns_only_says_more_about_them(county: Path, tmp_path: Path) -> None:
    rows = [(code, name, f"Town {code[-1]}") for code, (name, _) in geofiles.TOWNS.items()]
    roll = geofiles.table(tmp_path / "名录.csv", ("代码", "名称", "英文名"), [*rows, ("990102001", "外镇", "Other")])
    done = run(county, roll, "--valid-from", "20200220")
    assert done.exit_code == 0, done.output
    pack = in_force(county, 20200220).pack
    assert [town.name_en for town in pack.towns] == ["Town 1", "Town 2", "Town 3", "Town 4"]
    assert len(pack.places) == 5
    assert not pack.approximate


def test_errors_load_nothing_and_the_report_and_the_picture_agree(data_dir: Path, tmp_path: Path) -> None:
    posts = geofiles.checkpoints(tmp_path / "卡点.csv", row_2=(2, "远处", "西塘镇", 121.9, 30.9, "全天", "", ""))
    borders = geofiles.borders(tmp_path / "镇界.geojson")
    told, picture = tmp_path / "report.json", tmp_path / "p.svg"
    done = run(data_dir, borders, posts, "--name", "云溪县", "--json", told, "--picture", picture)
    assert done.exit_code == 1
    assert "什么也没有载入" in done.output
    assert not (data_dir / "packs").exists()
    report = json.loads(told.read_text(encoding="utf-8"))
    assert (report["errors"], report["installed"]) == (1, None)
    error = next(finding for finding in report["findings"] if finding["level"] == "error")
    assert (error["kind"], error["number"], error["lon"]) == ("far", 1, 121.9)
    assert "远处" in picture.read_text(encoding="utf-8")


def test_a_pack_can_be_written_instead_and_only_checked(data_dir: Path, tmp_path: Path) -> None:
    files = lists(tmp_path)
    done = run(data_dir, *files, "--name", "云溪县", "--check", "--picture", tmp_path / "a.svg")
    assert done.exit_code == 0
    assert not (data_dir / "packs").exists()
    out = tmp_path / "pack"
    done = run(data_dir, *files, "--name", "云溪县", "--out", out, "--picture", tmp_path / "b.svg")
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, ["geodata", "check", str(out)]).exit_code == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x", encoding="utf-8")
    assert (
        run(data_dir, *files, "--name", "x", "--out", tmp_path / "other", "--picture", tmp_path / "c.svg").exit_code
        != 0
    )
    assert (tmp_path / "other" / "mine.txt").exists()


def test_a_hostile_file_is_one_sentence_of_the_command(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(SystemExit) as ended:
        main(["geodata", "import", str(bad), "--name", "x", "--data", str(data_dir)])
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.count("\n") == 1
    assert "压缩包损坏" in said


def test_a_directory_that_holds_records_is_not_turned_to_another_region(core: Core, tmp_path: Path) -> None:
    core.accept("temperature", reading(1, town=TANG, checkpoint=f"{TANG}-K01"))
    settings = Settings.load(core.settings.data_dir)
    (settings.data_dir / "townwatch.toml").unlink()
    towns = {code.replace("9901", "9902"): one for code, one in geofiles.TOWNS.items()}
    done = run(settings.data_dir, geofiles.borders(tmp_path / "other.geojson", towns), "--name", "另一县")
    assert done.exit_code == 0, done.output
    assert "请把" in done.output
    assert not (settings.data_dir / "townwatch.toml").exists()


# -- the page that edits places --------------------------------------------------------------------------------------

CHIEF = Viewer("秦月", frozenset({Role.CHIEF}), frozenset({TANG}))


def actions(core: Core) -> Actions:
    region = lambda: core.parts.region_at(20200218)  # noqa: E731 - one word for one thing
    return Actions(
        core.intake, core.history, region, core.clock, Revisions(core.history, core.parts.region_at, core.clock)
    )


def asked(core: Core, viewer: Viewer = LOCAL_VIEWER, **question: Any) -> dict[str, Any]:
    found = reply(actions(core), viewer, {"turn": 1, "reason": "路口改道", **question})
    core.worker.step()
    core.worker.step()
    return found


def document(core: Core, **params: str) -> dict[str, Any]:
    board = core.reader().board(LOCAL_VIEWER)
    return VIEW.document(VIEW.ask(board, "zh", canonical(params)), "all")


POST = f"{TANG}-K01"


def test_a_place_that_is_moved_counts_there_from_its_day_on(core: Core) -> None:
    said = asked(core, do="save", what="place", key=POST, set={"lon": "120.83", "lat": "30.93", "name": "新客运站卡点"})
    assert said["ok"], said
    assert "自2月19日起" in said["text"]
    region_at = core.parts.region_at
    assert region_at(20200218).pack.place_by_code[POST].lon == 120.84
    moved = region_at(20200219).pack.place_by_code[POST]
    assert (moved.name, moved.lon, moved.lat) == ("新客运站卡点", 120.83, 30.93)
    row = next(row for row in document(core)["rows"] if row["code"] == POST)
    assert (row["name"], row["soon"]) == ("客运站卡点", "明天起改名称、位置")
    opened = document(core, open=f"places/{POST}")
    assert opened["form"]["values"]["name"] == "新客运站卡点"
    assert [item["text"].split("·")[0] for item in opened["drawer"]["sections"][0]["items"]] == [
        "客运站卡点；120.84000, 30.94000 → 新客运站卡点；120.83000, 30.93000"
    ]


def test_from_today_is_possible_and_undone_by_restoring(core: Core) -> None:
    said = asked(core, do="close", what="place", key=POST, valid_from="2020-02-18")
    assert said["ok"], said
    assert POST not in core.parts.region_at(20200218).pack.place_by_code
    assert POST in core.parts.region_at(20200217).pack.place_by_code
    change = document(core, part="changes")["log"][0]
    assert (change["who"], change["after"], change["state"]) == ("本机", "已关闭", "已生效")
    back = asked(core, do="restore", number=said["change"], valid_from="2020-02-18")
    assert back["ok"], back
    assert core.parts.region_at(20200218).pack.place_by_code[POST].name == "客运站卡点"
    states = {(one["number"], one["state"]) for one in document(core, part="changes")["log"]}
    assert (said["change"], "已恢复") in states


def test_a_new_beat_with_a_unit_and_places_and_a_scheduled_one_taken_back(core: Core) -> None:
    today: dict[str, Any] = {"valid_from": "2020-02-18"}
    unit = asked(
        core, do="save", what="unit", key="", set={"name": "一组", "town": TANG, "devices": "phone-1"}, **today
    )
    assert unit["ok"], unit
    point = {
        "name": "老街",
        "kind": "patrol_point",
        "town": TANG,
        "lon": "120.85",
        "lat": "30.95",
        "visits": "08:00-20:00 x2",
    }
    place = asked(core, do="save", what="place", key="", set=point, **today)
    beat = asked(
        core, do="save", what="beat", key="", set={"name": "老街段", "town": TANG, "units": unit["key"]}, **today
    )
    joined = asked(core, do="save", what="beat", key=beat["key"], set={"places": place["key"]}, **today)
    assert joined["ok"], joined
    pack = core.parts.region_at(20200218).pack
    assert pack.place_by_code[place["key"]].beat == beat["key"]
    assert pack.beat_by_code[beat["key"]].units == (unit["key"],)
    assert pack.devices == {"phone-1": unit["key"]}
    assert core.figure("obligations_open", TANG).value == 2
    later = asked(core, do="save", what="place", key=place["key"], set={"beat": ""})
    taken = asked(core, do="cancel", number=later["change"])
    assert taken["ok"], taken
    assert core.parts.region_at(20200219).pack.place_by_code[place["key"]].beat == beat["key"]


def test_refusals_are_sentences_and_change_nothing(core: Core) -> None:
    before = len(PackLibrary(core.settings.data_dir / "packs").versions("990101"))
    for viewer, question, part in (
        (CHIEF, {"do": "save", "what": "place", "key": POST, "set": {"name": "x"}}, "身份"),
        (LOCAL_VIEWER, {"do": "save", "what": "place", "key": POST, "set": {}}, "没有改动"),
        (LOCAL_VIEWER, {"do": "save", "what": "place", "key": POST, "set": {"lon": "10"}}, "20 公里以上"),
        (LOCAL_VIEWER, {"do": "save", "what": "place", "key": "x", "set": {"name": "y"}}, "没有编号为 x 的地点"),
        (LOCAL_VIEWER, {"do": "save", "what": "place", "key": POST, "set": {"name": "y"}, "reason": ""}, "原因"),
        (
            LOCAL_VIEWER,
            {"do": "save", "what": "place", "key": POST, "set": {"name": "y"}, "valid_from": "2020-02-01"},
            "生效日期",
        ),
        (LOCAL_VIEWER, {"do": "save", "what": "moon", "key": POST, "set": {"name": "y"}}, "不知道要保存什么"),
        (LOCAL_VIEWER, {"do": "close", "what": "moon", "key": POST}, "不知道要关闭什么"),
    ):
        found = asked(core, viewer, **question)
        assert not found["ok"]
        assert part in found["text"], found
    assert "请先登录" in reply(actions(core), None, {"do": "save"})["text"]
    assert len(PackLibrary(core.settings.data_dir / "packs").versions("990101")) == before


def test_whoever_has_not_seen_the_latest_change_is_told(core: Core) -> None:
    base = document(core)["base"]
    assert asked(core, do="save", what="place", key=POST, set={"name": "甲"}, base=base)["ok"]
    late = asked(core, do="save", what="place", key=POST, set={"name": "乙"}, base=base)
    assert not late["ok"]
    assert "核对后再改" in late["text"]


def test_the_list_as_a_file(core: Core) -> None:
    board = core.reader().board(LOCAL_VIEWER)
    question = VIEW.ask(board, "zh", canonical({"kind": "checkpoint"}))
    assert VIEW.tables is not None
    places = next(table for table in VIEW.tables(question, "all") if table.name == "places")
    assert [row[0] for row in places.rows] == [f"{LAKE}-K01", POST, f"{BRIDGE}-K01"]
    assert "客运站卡点" in as_csv(question, "地点与巡段", places).decode("utf-8-sig")


def test_the_document_is_kept_until_something_changes(core: Core) -> None:
    first = document(core)
    core.accept("temperature", reading(1, town=TANG, checkpoint=POST))
    assert document(core) is first
    assert asked(core, do="save", what="place", key=POST, set={"name": "甲"})["ok"]
    assert document(core) is not first
