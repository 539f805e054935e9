"""The door: a record is taken whole or refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.domain.day import iso
from dashboard.domain.event import Event, Rejected
from dashboard.feeds import feed_named
from geodata.library import open_library
from geodata.region import Region
from ingest.decode import Door, Unreadable, declared, decode_records
from tests.engine.core import DAYUN, NOON, YAOZHUANG, fix, ms, reading

TEMPERATURE, PATROL = feed_named("temperature"), feed_named("patrol")


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Region:
    library, code = open_library(tmp_path_factory.mktemp("data"), "330421")
    return library.at(code, 20200218)


def one(region: Region, record: Any, **door: Any) -> Event | Rejected:
    feed = PATROL if isinstance(record, dict) and "unit" in record else TEMPERATURE
    events, rejected = decode_records(feed, [record], Door("gate", region, **door), NOON)
    found: list[Event | Rejected] = [*events, *rejected]
    return found[0]


def taken(region: Region, record: Any, **door: Any) -> Event:
    found = one(region, record, **door)
    assert isinstance(found, Event), found
    return found


def refused(region: Region, record: Any, **door: Any) -> Rejected:
    found = one(region, record, **door)
    assert isinstance(found, Rejected), found
    return found


def test_every_record_is_in_one_of_the_two_lists_with_its_place(region: Region) -> None:
    records = [reading(1), 5, reading(2, celsius=99), reading(3)]
    events, rejected = decode_records(TEMPERATURE, records, Door("gate", region), NOON)
    assert [event.id for event in events] == ["t-1", "t-3"]
    assert [(why.index, why.id, why.field) for why in rejected] == [(1, None, "(record)"), (2, "t-2", "celsius")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2020-02-18T11:00:00+08:00", ms("11:00")),
        ("2020-02-18T03:00:00Z", ms("11:00")),
        ("2020-02-17T22:00:00-05:00", ms("11:00")),
        ("2020/02/18 11:00:00+08:00", ms("11:00")),
        ("2020-02-18T11:00:00.250+08:00", ms("11:00") + 250),
        (" 2020-02-18T11:00:00+08:00 ", ms("11:00")),
        (iso(NOON + 10 * 60_000), NOON + 10 * 60_000),
    ],
)
def test_a_time_with_an_offset_is_an_instant(region: Region, given: str, expected: int) -> None:
    assert taken(region, reading(1) | {"at": given}).at == expected


@pytest.mark.parametrize(
    "given",
    ["", None, "noon", 1_582_000_000, True, "2020-02-30T00:00:00+08:00", "1999-12-31T23:59:59+00:00",
     "1901-01-01T00:00:00+08:00",
     iso(NOON + 10 * 60_000 + 1), "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2020-02-18T11:00:00"],
)  # fmt: skip
def test_a_time_that_is_none_or_too_late_or_without_an_offset_is_refused(region: Region, given: Any) -> None:
    assert refused(region, reading(1) | {"at": given}).field == "at"


def test_a_time_without_an_offset_is_of_the_tokens_zone(region: Region) -> None:
    assert taken(region, reading(1) | {"at": "2020-02-18 11:00:00"}, zone="Asia/Shanghai").at == ms("11:00")


def test_a_clock_that_runs_ahead_by_more_than_five_minutes_is_marked(region: Region) -> None:
    assert taken(region, reading(1) | {"at": iso(NOON + 5 * 60_000 + 1)}).skewed
    assert not taken(region, reading(1) | {"at": iso(NOON + 5 * 60_000)}).skewed
    assert not taken(region, reading(1, "03:00")).skewed, "late is not skewed"


def test_its_own_town_decides_and_a_coordinate_only_where_there_is_none(region: Region) -> None:
    event = taken(region, fix(1, "11:00", 120.9454, 30.7854))
    assert (event.town, event.town_by) == (YAOZHUANG, "code")
    event = taken(region, fix(1, "11:00", 120.9454, 30.7854, town=None))
    assert (event.town, event.town_by) == (DAYUN, "point")
    event = taken(region, reading(1, town=None))
    assert (event.town, event.town_by) == (YAOZHUANG, "place")
    assert refused(region, reading(1, town=None, checkpoint="K-new")).field == "town"
    assert refused(region, fix(1, "11:00", 2.35, 48.85, town=None)).field == "lon"


@pytest.mark.parametrize("spelling", [YAOZHUANG, "姚庄镇", "姚庄", "Yaozhuang", int(YAOZHUANG), f" {YAOZHUANG} "])
def test_a_town_is_known_by_code_name_and_alias(region: Region, spelling: str | int) -> None:
    assert taken(region, reading(1, town=spelling)).town == YAOZHUANG


def test_a_token_for_some_towns_takes_no_record_of_another(region: Region) -> None:
    why = refused(region, reading(1, town=DAYUN), towns=frozenset({YAOZHUANG}))
    assert (why.field, why.code) == ("town", "forbidden_town")


@pytest.mark.parametrize("crs", ["GCJ-02", "gcj02", "BD_09"])
def test_a_declared_system_is_converted_on_entry(region: Region, crs: str) -> None:
    event = taken(region, fix(1, "11:00", 120.96, 30.91, crs=crs))
    assert event.lon is not None
    assert 0.003 < 120.96 - event.lon < 0.012


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"lon": 181}, "lon"), ({"lat": -91}, "lat"), ({"lon": None}, "lon"), ({"lat": ""}, "lat"),
     ({"crs": "CGCS"}, "crs"),
     ({"lon": True}, "lon"), ({"lon": 10**400}, "lon"), ({"lat": "nan"}, "lat"), ({"lat": [1]}, "lat")],
)  # fmt: skip
def test_half_a_position_or_an_impossible_one_is_refused(region: Region, changes: dict[str, Any], field: str) -> None:
    assert refused(region, fix(1, "11:00", 120.96, 30.91) | changes).field == field


@pytest.mark.parametrize("given", [None, "", True, 1.5, [], {}, " ", "x" * 161, "a\nb", "\x00", "\u202e"])
def test_an_id_is_a_visible_text_or_a_whole_number(region: Region, given: Any) -> None:
    assert refused(region, reading(1) | {"id": given}).field == "id"


def test_a_whole_number_and_its_text_are_one_id(region: Region) -> None:
    assert taken(region, reading(1, id=17)).id == taken(region, reading(1, id=" 17 ")).id == "17"


@pytest.mark.parametrize("given", [-1, 1.5, "x", True, 2**62, 10**400, [], "1e3"])
def test_a_rev_is_a_whole_number(region: Region, given: Any) -> None:
    assert refused(region, reading(1, rev=given)).field == "rev"


@pytest.mark.parametrize("given", [True, 1, "true", "是"])
def test_void_needs_only_the_id(region: Region, given: Any) -> None:
    event = taken(region, {"id": "t-1", "void": given, "town": "nowhere"})
    assert event.void
    assert event.town == ""


@pytest.mark.parametrize("name", ["void", "nothing"])
def test_a_flag_is_true_or_false(region: Region, name: str) -> None:
    assert refused(region, reading(1, **{name: "perhaps"})).field == name
    assert isinstance(one(region, reading(1, **{name: "false"})), Event)


def test_a_zero_report_needs_a_town_and_a_time_only(region: Region) -> None:
    event = taken(region, {"id": "zero", "town": YAOZHUANG, "at": iso(NOON), "nothing": True})
    assert event.nothing
    assert event.fields == {}


def test_numbers_come_as_text_too(region: Region) -> None:
    assert taken(region, reading(1, celsius=" 36.6 ")).fields["celsius"] == 36.6


def test_what_could_not_be_read_is_told_by_size_only(region: Region) -> None:
    why = refused(region, Unreadable.of('{"name": "张三'.encode()))
    assert (why.field, why.code) == ("(record)", "malformed")
    assert "张三" not in why.message
    assert "16 字节" in why.got


def test_a_structure_where_a_value_should_be_is_told_by_kind_only(region: Region) -> None:
    why = refused(region, reading(1, town={"name": "张三"}))
    assert why.got == "dict"


def test_a_dead_letter_keeps_declared_fields_masked(region: Region) -> None:
    record = {"id": "1", "celsius": 13812345678, "device": "打 138 1234 5678", "site": ["x"], "rev": 10**400}
    kept = declared(TEMPERATURE, record | {"name": "张三"})
    assert kept["celsius"] == "138********"
    assert "1234" not in kept["device"]
    assert isinstance(kept["rev"], str)
    assert kept.keys() == {"id", "celsius", "device", "rev"}
    assert declared(TEMPERATURE, [1]) == {}


def test_an_id_may_hold_long_numbers_that_are_no_phone(region: Region) -> None:
    uuid = "0f8fad5b-d9cb-469f-a165-13812345678a"
    for good in (uuid, "1582000000123", "kx13812345678", "20200218-0001-0002", "9b13812345678f0e"):
        assert taken(region, reading(1, id=good)).id == good
    assert refused(region, reading(1, id="call-13812345678")).code == "personal"
