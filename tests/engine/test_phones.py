"""Phones over real HTTP: what each really sends, what is odd, what is hostile; no answer ever is a 5xx of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dashboard.domain.day import MINUTE, iso
from dashboard.domain.event import Event
from dashboard.stores import redis_server as embedded
from tests.conftest import Databases
from tests.engine.core import DAYUN, UNIT, YAOZHUANG, Core, ms, raising
from tests.engine.gateway import Gateway, basic, gateway, pack_with_devices

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real messages lie beside the checkout and are not here")
OTHER = f"{YAOZHUANG}-U2"
DEVICES = {
    "902064": UNIT,
    "123456": OTHER,
    "861001000719969": UNIT,
    "123456789012345": UNIT,
    "48241179": UNIT,
    "8737767034": UNIT,
    "13800138000": OTHER,
    "5t": UNIT,
    "JJ": OTHER,
}
HERE = "lat=30.912&lon=120.957"
LON, LAT = 120.957, 30.912
NOW = ms("2026-03-02T12:00:00+08:00")
AT = "2026-03-02T11:59:00+08:00"
SECONDS = ms(AT) // 1000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Gateway]:
    """The gateway of this module: its own Redis and database, and a pack that knows the phones."""
    server = embedded.start(tmp_path_factory.mktemp("redis"))
    pack = pack_with_devices(tmp_path_factory.mktemp("packs") / "jiashan", DEVICES)
    core = Core(tmp_path_factory.mktemp("data"), server.url, at=NOW, region=str(pack), database_url=databases.new())
    with gateway(core) as found:
        yield found
    core.close()
    server.stop()


@pytest.fixture
def phones(served: Gateway) -> Gateway:
    """The gateway without any record, on 2 March 2026 at noon: after every real message was made."""
    served.clear(NOW)
    return served


def said(event: Event) -> tuple[Any, ...]:
    """(unit, town, time, lon, lat, other fields) of a position."""
    fields = dict(event.fields)
    unit, kind = fields.pop("unit"), fields.pop("kind")
    assert kind == "position"
    assert event.source == "phones"
    return unit, event.town, iso(event.at, "UTC"), event.lon, event.lat, fields


def only(gateway: Gateway) -> tuple[Any, ...]:
    """The one event there is."""
    (event,) = gateway.events()
    return said(event)


# -- every real message ----------------------------------------------------------------------------------------------

# Hand-stated, in the order of the files: a unit of the pack keeps its own town outside the region.
OSMAND = [
    (UNIT, YAOZHUANG, "2016-01-27T18:55:47+00:00", -88.23412, 42.06288, {"speed": 0, "accuracy": 30}),
    (OTHER, YAOZHUANG, "2013-08-22T13:14:27+00:00", 30.0, 60.0, {"speed": 0, "heading": 0}),
    (OTHER, YAOZHUANG, "2013-08-22T13:14:27+00:00", 30.0, 60.0, {}),
    (UNIT, YAOZHUANG, iso(NOW, "UTC"), -0.883333, 41.666667, {"speed": 0}),
    # 40 knots are 74.08 km/h.
    (UNIT, YAOZHUANG, "2017-09-07T05:56:50+00:00", -74.0061408571, 40.7232948571, {"speed": 74.08, "heading": 7.2}),
    # A heading of −1 is unknown.
    (UNIT, YAOZHUANG, "2025-06-15T13:45:12.862+00:00", -122.084, 37.4219983, {"speed": 0, "accuracy": 5}),
    # 18.67 m/s are 67.21 km/h.
    (UNIT, YAOZHUANG, "2021-07-21T08:06:34.444+00:00", 106.6837015, -6.1148096,
     {"speed": 67.21, "heading": 63, "accuracy": 3.8}),
]  # fmt: skip
OWNTRACKS = [
    (UNIT, YAOZHUANG, "2019-03-06T12:21:18+00:00", 11.1512805, 46.0681247, {"speed": 0, "accuracy": 15}),
    (OTHER, YAOZHUANG, "2017-06-13T10:21:56+00:00", 2.29513, 48.85833, {"speed": 61, "heading": 271, "accuracy": 5}),
    (OTHER, YAOZHUANG, "2017-06-14T21:40:56+00:00", 2.295, 48.85, {}),
]


def _lines(name: str) -> list[dict[str, str]]:
    if not REAL.is_dir():
        return []
    return [json.loads(line) for line in (REAL / name).read_text(encoding="utf-8").splitlines()]


@real
@pytest.mark.parametrize("number", range(len(OSMAND)))
def test_real_osmand_requests(phones: Gateway, number: int) -> None:
    assert len(_lines("osmand_give.jsonl")) == len(OSMAND)
    line = _lines("osmand_give.jsonl")[number]
    target = f"/osmand/{phones.token}{line['uri'].removeprefix('/')}"
    headers = {"Content-Type": line["content_type"]} if "content_type" in line else {}
    answer = phones.ask(line["method"], target, line.get("body", "").encode() or None, **headers)
    assert (answer.status, answer.json) == (200, {"accepted": 1, "rejected": [], "left_out": []})
    unit, town, at, lon, lat, fields = only(phones)
    assert (unit, town, at, lon, lat, fields) == OSMAND[number]
    assert phones.letters() == []


@real
@pytest.mark.parametrize("number", range(len(OWNTRACKS)))
def test_real_owntracks_messages(phones: Gateway, number: int) -> None:
    assert len(_lines("owntracks_give.jsonl")) == len(OWNTRACKS)
    line = _lines("owntracks_give.jsonl")[number]
    answer = phones.owntracks(line["body"].encode())
    assert (answer.status, answer.body) == (200, b"[]")
    assert only(phones) == OWNTRACKS[number]


@real
def test_real_requests_of_unknown_phones_far_away_are_kept_with_the_reason(phones: Gateway) -> None:
    line = _lines("osmand_give.jsonl")[0]
    answer = phones.ask("GET", f"/osmand/{phones.token}{line['uri'].removeprefix('/').replace('902064', 'stranger')}")
    assert answer.status == 200
    assert phones.events() == []
    (letter,) = phones.letters()
    assert letter["message"] == "字段 lon 是“-88.23412, 42.06288”，应为嘉善县范围内的坐标，或写明 town"
    assert letter["body"]["unit"] == "stranger"


# -- units and oddities of the OsmAnd protocol -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "at"),
    [
        (str(SECONDS), "2026-03-02T03:59:00+00:00"),
        (f"{SECONDS}.5", "2026-03-02T03:59:00.500+00:00"),
        (f"{SECONDS}123", "2026-03-02T03:59:00.123+00:00"),
        ("2026-03-02T03:59:00Z", "2026-03-02T03:59:00+00:00"),
        ("2026-03-02T11:59:00+08:00", "2026-03-02T03:59:00+00:00"),
        # Neither is escaped by every client: "+" arrives as a blank.
        ("2026-03-02T11:59:00%2B08:00", "2026-03-02T03:59:00+00:00"),
        # A time without an offset is of the token's zone.
        ("2014-06-04 09:10:11", "2014-06-04T01:10:11+00:00"),
        ("2014-06-04%2009:10:11", "2014-06-04T01:10:11+00:00"),
        ("", "2026-03-02T04:00:00+00:00"),
    ],
)
def test_times_as_phones_write_them(phones: Gateway, given: str, at: str) -> None:
    given = given if "%" in given else given.replace(" ", "%20")
    assert phones.osmand(f"id={UNIT}&{HERE}&timestamp={given}").json["accepted"] == 1
    assert only(phones)[2] == at


def test_a_time_without_an_offset_is_of_the_zone_that_the_token_declares(phones: Gateway) -> None:
    token = phones.writer(zone="Asia/Urumqi")
    phones.osmand(f"id={UNIT}&{HERE}&timestamp=2014-06-04%2009:10:11", token)
    assert only(phones)[2] == "2014-06-04T03:10:11+00:00"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("speed=10", {"speed": 18.52}),
        ("speed=10&speed_unit=ms", {"speed": 36}),
        ("speed=10&speed_unit=kmh", {"speed": 10}),
        ("speed=-1&bearing=-1&accuracy=-1", {}),
        ("speed=&bearing=&accuracy=&altitude=&batt=", {}),
        ("bearing=90", {"heading": 90}),
        ("heading=91&altitude=12&batt=87.0&ignition=true&rpm=933", {"heading": 91}),
        ("accuracy=12.5&hdop=1.2", {"accuracy": 12.5}),
        ("hdop=1.2", {"accuracy": 6}),
        ("hdop=0.0", {}),
        ("officers=3&mode=vehicle", {"officers": 3, "mode": "vehicle"}),
        ("officers=3&mode=%E8%BD%A6%E5%B7%A1", {"officers": 3, "mode": "vehicle"}),
        ("valid=true", {}),
    ],
)
def test_measures_in_our_units(phones: Gateway, query: str, fields: dict[str, Any]) -> None:
    assert phones.osmand(f"id={UNIT}&{HERE}&timestamp={SECONDS}&{query}").json["accepted"] == 1
    assert only(phones)[5] == fields


@pytest.mark.parametrize("query", [f"id={UNIT}&{HERE}", f"deviceid={UNIT}&location={LAT},{LON}"])
@pytest.mark.parametrize("form", ["GET", "query", "body"])
def test_a_fix_in_the_address_or_in_a_form(phones: Gateway, query: str, form: str) -> None:
    query += f"&timestamp={SECONDS}"
    if form == "body":
        kind = "application/x-www-form-urlencoded"
        answer = phones.ask("POST", f"/osmand/{phones.token}", query.encode(), Content_Type=kind)
    else:
        answer = phones.ask("GET" if form == "GET" else "POST", f"/osmand/{phones.token}?{query}")
    assert answer.status == 200
    assert only(phones) == (UNIT, YAOZHUANG, "2026-03-02T03:59:00+00:00", LON, LAT, {})


@pytest.mark.parametrize(
    "query", [f"id={UNIT}", f"id={UNIT}&timestamp={SECONDS}&batt=50", f"deviceid={UNIT}&lat=&lon="]
)
def test_a_heartbeat_is_answered_and_not_kept(phones: Gateway, query: str) -> None:
    answer = phones.osmand(query)
    assert (answer.status, answer.json["left_out"]) == (200, ["heartbeat"])
    assert (phones.events(), phones.letters()) == ([], [])


def location(at: str = AT, **coords: Any) -> dict[str, Any]:
    """A location as Traccar Client 9 writes it."""
    return {
        "timestamp": at,
        "coords": {"latitude": LAT, "longitude": LON, "accuracy": 5, "speed": 10, "heading": 90, "altitude": 4}
        | coords,
        "is_moving": True,
        "event": "motionchange",
        "battery": {"level": 0.9, "is_charging": False},
        "extras": {},
    }


def test_json_in_metres_per_second_and_minus_one_for_unknown(phones: Gateway) -> None:
    phones.traccar({"location": location(), "device_id": UNIT})
    phones.traccar(
        {"location": location("2026-03-02T11:59:30+08:00", speed=-1, heading=-1, accuracy=-1), "device_id": UNIT}
    )
    assert [event.fields for event in phones.events()] == [
        {"unit": UNIT, "kind": "position", "speed": 36, "heading": 90, "accuracy": 5},
        {"unit": UNIT, "kind": "position"},
    ]


def test_batches_of_locations(phones: Gateway) -> None:
    batch = [location(iso(ms(AT) - number * 1000)) for number in range(20)]
    assert phones.traccar({"location": batch, "device_id": UNIT}).json["accepted"] == 20
    assert phones.traccar([{"location": one, "device_id": UNIT} for one in batch]).json["accepted"] == 20
    assert phones.traccar(batch, f"id={UNIT}").json["accepted"] == 20
    assert len(phones.events()) == 20, "one batch sent three times in three shapes is one batch"


def test_one_wrong_fix_of_a_batch_stops_no_other(phones: Gateway) -> None:
    batch = [location(), location(latitude="abc"), {"event": "heartbeat"}, 7, location("2026-03-02T11:59:30+08:00")]
    answer = phones.traccar({"location": batch, "device_id": 8737767034})
    assert answer.status == 200
    assert (answer.json["accepted"], answer.json["left_out"]) == (2, ["heartbeat"])
    assert sorted(one["field"] for one in answer.json["rejected"]) == ["(record)", "lat"]
    assert len(phones.events()) == len(phones.letters()) == 2


# -- who it is -------------------------------------------------------------------------------------------------------


def test_a_device_is_the_unit_that_the_pack_names_for_it(phones: Gateway) -> None:
    phones.osmand(f"id=8737767034&{HERE}&timestamp={SECONDS}")
    assert only(phones)[0] == UNIT


def test_a_phone_number_as_device_never_enters_and_still_finds_its_unit(phones: Gateway) -> None:
    phones.osmand(f"id=13800138000&{HERE}&timestamp={SECONDS}")
    (event,) = phones.events()
    assert event.fields["unit"] == OTHER
    assert "13800138000" not in repr(event)


def test_a_phone_number_that_no_unit_has_is_refused_and_masked(phones: Gateway) -> None:
    assert phones.osmand(f"id=13912345678&{HERE}&timestamp={SECONDS}").status == 200
    (letter,) = phones.letters()
    assert letter["field"] == "unit"
    assert "13912345678" not in repr(letter)


def test_an_unknown_device_is_a_provisional_unit_in_the_town_of_its_coordinate(phones: Gateway) -> None:
    phones.osmand(f"id=%E4%B8%B4%E6%97%B6%E7%BB%84&{HERE}&timestamp={SECONDS}")
    assert only(phones)[:2] == ("临时组", YAOZHUANG)


def test_a_unit_abroad_counts_where_it_is_and_at_home_where_its_token_ends(phones: Gateway) -> None:
    dayun = "lat=30.7854&lon=120.9454"
    phones.osmand(f"id={UNIT}&{dayun}&timestamp={SECONDS}")
    phones.osmand(f"id={UNIT}&{dayun}&timestamp={SECONDS - 60}", phones.writer(towns=(YAOZHUANG,)))
    assert [event.town for event in phones.events()] == [DAYUN, YAOZHUANG]


def test_a_fix_of_another_town_than_the_tokens_is_kept_as_a_dead_letter(phones: Gateway) -> None:
    answer = phones.osmand(f"id=stranger&{HERE}&timestamp={SECONDS}", phones.writer(towns=(DAYUN,)))
    assert answer.status == 200, "refused for good: the phone must go on"
    (letter,) = phones.letters()
    assert letter["field"] == "town"


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_every_place_for_a_token(phones: Gateway) -> None:
    query = f"id={UNIT}&{HERE}&timestamp="
    asked = [
        phones.ask("GET", f"/osmand/{phones.token}?{query}{SECONDS}"),
        phones.ask("GET", f"/osmand?token={phones.token}&{query}{SECONDS - 1}"),
        phones.ask("POST", f"/osmand?{query}{SECONDS - 2}", Authorization=basic(UNIT, phones.token)),
        phones.ask("POST", f"/osmand?{query}{SECONDS - 3}", Authorization=f"Bearer {phones.token}"),
        phones.ask("GET", f"/osmand/?token={phones.token}&{query}{SECONDS - 4}"),
    ]
    assert [one.status for one in asked] == [200] * 5
    assert len(phones.events()) == 5


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic Zm9v",
        "Basic " + "/" * 44,
        "Bearer",
        "Digest x",
        basic("u", "nonsense"),
        "Basic 5Lit",
    ],
)
def test_without_a_valid_token_the_phone_keeps_its_fix(phones: Gateway, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    for method, path in (("GET", f"/osmand?id={UNIT}&{HERE}"), ("POST", "/owntracks"), ("POST", "/osmand/nonsense")):
        answer = phones.ask(method, path, b"{}" if method == "POST" else None, **headers)
        assert answer.status == 401
        assert "error" in answer.json
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert (phones.events(), phones.letters()) == ([], [])


def test_a_token_for_something_else_is_403(phones: Gateway) -> None:
    reader = phones.tokens.create(NOW, source=None, read=True)
    for token in (reader, phones.writer(feeds=("temperature",))):
        assert phones.osmand(f"id={UNIT}&{HERE}", token).status == 403
        assert phones.owntracks({"_type": "location"}, token=token).status == 403


# -- OwnTracks -------------------------------------------------------------------------------------------------------


def moved(**more: Any) -> dict[str, Any]:
    """A location as OwnTracks writes it."""
    return {"_type": "location", "lat": LAT, "lon": LON, "tst": SECONDS, "tid": "zz", "acc": 12, "vel": 40, **more}


@pytest.mark.parametrize(
    ("message", "user", "headers", "unit"),
    [
        (moved(), UNIT, {}, UNIT),
        (moved(), "phones", {"X_Limit_U": UNIT, "X_Limit_D": "pixel"}, UNIT),
        (moved(), "phones", {"X_Limit_U": "phones", "X_Limit_D": UNIT}, UNIT),
        (moved(topic=f"owntracks/{UNIT}/iphone"), "phones", {}, UNIT),
        (moved(topic=f"owntracks/anybody/{UNIT}"), "phones", {}, UNIT),
        (moved(tid="JJ"), "phones", {}, OTHER),
        (moved(), "phones", {}, "zz"),
        (moved(), "巡逻一组", {}, "巡逻一组"),
        (moved(), "phones", {"X_Limit_U": "巡逻一组".encode().decode("latin-1")}, "巡逻一组"),
    ],
)
def test_who_it_is(phones: Gateway, message: Any, user: str, headers: dict[str, str], unit: str) -> None:
    answer = phones.owntracks(message, user, **headers)
    assert (answer.status, answer.body) == (200, b"[]")
    assert only(phones) == (unit, YAOZHUANG, "2026-03-02T03:59:00+00:00", LON, LAT, {"speed": 40, "accuracy": 12})


def test_an_empty_body_is_answered_with_an_empty_list(phones: Gateway) -> None:
    for body in (b"", b"  \n"):
        answer = phones.owntracks(body)
        assert (answer.status, answer.body) == (200, b"[]")
    assert (phones.events(), phones.letters()) == ([], [])


@pytest.mark.parametrize(
    "kind", ["lwt", "transition", "waypoint", "waypoints", "cmd", "card", "steps", "status", "dump"]
)
def test_other_kinds_are_answered_and_not_kept(phones: Gateway, kind: str) -> None:
    answer = phones.owntracks({"_type": kind, "tst": SECONDS, "lat": LAT, "lon": LON, "event": "enter"}, UNIT)
    assert (answer.status, answer.body) == (200, b"[]")
    assert (phones.events(), phones.letters()) == ([], [])


def test_an_encrypted_message_is_told_of_once_a_unit(phones: Gateway) -> None:
    for number in range(5):
        answer = phones.owntracks({"_type": "encrypted", "data": f"secret{number}"}, UNIT)
        assert (answer.status, answer.body) == (200, b"[]")
    (letter,) = phones.letters()
    assert letter["message"].startswith("OwnTracks 消息已加密，服务器没有密钥")
    assert (letter["got"], letter["body"]) == ("encrypted", {"unit": UNIT})


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"_type": "surprise"}, "_type"),
        ({}, "_type"),
        ({"_type": ["location"]}, "_type"),
        ([1], "(record)"),
        ("text", "(record)"),
        (moved(tst=None), "at"),
        ({"_type": "location", "lat": LAT, "lon": LON}, "at"),
        (moved(tst=-2_177_452_800), "at"),
        (moved(lat=None), "lat"),
        (moved(lat="NaN"), "lat"),
        (moved(lat=True), "lat"),
        (moved(lat={"a": 1}), "lat"),
        (moved(lon=1e308), "lon"),
        (moved(lon=0, lat=0), "lon"),
        (moved(vel="fast"), "speed"),
        (moved(vel=1e300), "speed"),
        (moved(acc=1e9), "accuracy"),
    ],
)
def test_wrong_owntracks_messages_are_kept_with_the_reason(phones: Gateway, message: Any, field: str) -> None:
    answer = phones.owntracks(message, UNIT)
    assert (answer.status, answer.body) == (200, b"[]")
    (letter,) = phones.letters()
    assert letter["field"] == field
    assert phones.events() == []


# -- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("-2177452800", "应为2000 年以后的时间"),
        ("1901-12-13T20:45:52Z", "应为2000 年以后的时间"),
        ("0", "应为2000 年以后的时间"),
        # 1970 in milliseconds: eleven digits, like a phone number.
        ("13812345678", "应为不晚于现在 10 分钟"),
        (str(SECONDS + 3600), "应为不晚于现在 10 分钟"),
        ("99999999999999", "应为不晚于现在 10 分钟"),
        ("1e308", "应为带时区的 ISO-8601 时间"),
        ("-99999999999999999999", "应为带时区的 ISO-8601 时间"),
        ("NaN", "应为带时区的 ISO-8601 时间"),
        ("yesterday", "应为带时区的 ISO-8601 时间"),
        ("2026-02-30T00:00:00Z", "应为带时区的 ISO-8601 时间"),
        ("0001-01-01T00:00:00%2B14:00", "2000 年以后的时间"),
    ],
)
def test_impossible_times_are_kept_with_the_reason_and_the_phone_goes_on(
    phones: Gateway, given: str, reason: str
) -> None:
    answer = phones.osmand(f"id={UNIT}&{HERE}&timestamp={given}")
    assert (answer.status, answer.json["accepted"]) == (200, 0)
    (letter,) = phones.letters()
    assert (letter["field"], letter["body"]["unit"]) == ("at", UNIT)
    assert reason in letter["message"]
    assert phones.events() == []


def test_a_resend_changes_nothing_and_disorder_does_not_matter(phones: Gateway) -> None:
    track = [f"id={UNIT}&lat={LAT + n / 10_000:.5f}&lon={LON}&timestamp={SECONDS + n * 10}" for n in range(6)]
    for n in (0, 3, 1, 5, 1, 0, 4, 2, 5):
        assert phones.osmand(track[n]).json["accepted"] == 1
    events = phones.events()
    assert sorted(event.at for event in events) == [(SECONDS + n * 10) * 1000 for n in range(6)]
    states = phones.core.states()
    for query in track:
        phones.osmand(query)
    assert [event.id for event in phones.events()] == [event.id for event in events]
    assert phones.core.states() == states


def test_a_repeated_timestamp_with_another_position_is_one_fix(phones: Gateway) -> None:
    phones.osmand(f"id={UNIT}&{HERE}&timestamp={SECONDS}")
    phones.core.clock.set(NOW + 1000)
    phones.osmand(f"id={UNIT}&lat=30.913&lon={LON}&timestamp={SECONDS}")
    assert only(phones)[4] == 30.913, "a unit is at one place at a time: the fix received last counts"


def test_two_phones_of_one_unit_at_one_moment_are_two_fixes(phones: Gateway) -> None:
    phones.osmand(f"id=902064&{HERE}&timestamp={SECONDS}")
    phones.osmand(f"id=48241179&{HERE}&timestamp={SECONDS}")
    assert [event.fields["unit"] for event in phones.events()] == [UNIT, UNIT]


def test_a_clock_that_runs_ahead_a_little_is_marked(phones: Gateway) -> None:
    phones.osmand(f"id={UNIT}&{HERE}&timestamp={(NOW + 6 * MINUTE) // 1000}")
    (event,) = phones.events()
    assert event.skewed


# -- fixes that are none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (f"id={UNIT}&lat=0&lon=0.0", "lon"),
        (f"id={UNIT}&{HERE}&valid=false", "valid"),
        (f"id={UNIT}&{HERE}&mock=true", "mock"),
        (f"id={UNIT}&lat=abc&lon=120", "lat"),
        (f"id={UNIT}&lat=30.9", "lon"),
        (f"id={UNIT}&lon=120.9", "lat"),
        (f"id={UNIT}&lat=NaN&lon=NaN", "lon"),
        (f"id={UNIT}&lat=30.9&lon=1e308", "lon"),
        (f"id={UNIT}&lat=91&lon=120.9", "lat"),
        (f"id={UNIT}&lat=inf&lon=120.9", "lat"),
        (f"id={UNIT}&location=here", "lon"),
        (f"id={UNIT}&location=,", "lon"),
        (f"id={UNIT}&location=1,2,3", "lon"),
        (f"id={UNIT}&{HERE}&speed=fast", "speed"),
        (f"id={UNIT}&{HERE}&speed=1e308", "speed"),
        (f"id={UNIT}&{HERE}&bearing=720", "heading"),
        (f"id={UNIT}&{HERE}&accuracy=nan", "accuracy"),
        (f"id={UNIT}&{HERE}&officers=-3", "officers"),
        (f"id={UNIT}&{HERE}&mode=rocket", "mode"),
        (HERE, "unit"),
        (f"id={'x' * 300}&{HERE}", "unit"),
        (f"id=%00%01&{HERE}", "unit"),
        ("id=%FF%FE&lat=1&lon=2", "(record)"),
        ("", "(record)"),
        ("&&&=&=;", "(record)"),
        ("&".join(f"a{n}={n}" for n in range(5000)), "(record)"),
        (quote("id=" + UNIT), "(record)"),
    ],
)
def test_hostile_and_wrong_fixes_are_kept_with_the_reason(phones: Gateway, query: str, field: str) -> None:
    answer = phones.osmand(query if "timestamp" in query else f"{query}&timestamp={SECONDS}" if query else "")
    assert (answer.status, answer.json["accepted"]) == (200, 0)
    (letter,) = phones.letters()
    assert letter["field"] == field
    assert len(letter["message"]) < 300
    assert phones.events() == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 200_000,
        b'{"location":' * 50_000,
        b'{"location": "here", "device_id": "x"}',
        b'{"location": {"coords": [1, 2]}, "device_id": "x"}',
        b'{"location": [], "device_id": "x"}',
        b"[]",
        b"{}",
        b'{"device_id": "' + b"\xff\xfe" + b'", "location": {}}',
        b'{"location": {"coords": {"latitude": 1e999, "longitude": 2}}}',
        b'{"location": {"coords": {"latitude": ' + b"9" * 5000 + b"}}}",
        b"\x00\x01\x02\xff\xfe",
        "é=ü".encode("latin-1"),
        b"a=1&" * 20_000,
        b"--boundary\r\nContent-Disposition: form-data; name=\"lat\"\r\n\r\n1\r\n--boundary--",
    ],
    ids=range(15),
)  # fmt: skip
def test_hostile_bodies_are_answered_and_told_of(phones: Gateway, body: bytes) -> None:
    answer = phones.ask("POST", f"/osmand/{phones.token}", body)
    assert (answer.status, answer.json["accepted"]) == (200, 0)
    assert len(phones.letters()) == 1
    answer = phones.owntracks(body, UNIT)
    assert (answer.status, answer.body) == (200, b"[]")
    assert phones.events() == []


def test_a_body_beyond_the_limit_is_413(phones: Gateway) -> None:
    body = b'{"location": "' + b"x" * (3 * 1024 * 1024) + b'"}'
    assert phones.ask("POST", f"/osmand/{phones.token}", body).status == 413
    assert phones.owntracks(body).status == 413


def test_no_unexpected_method_and_path_is_an_error_of_ours(phones: Gateway) -> None:
    for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        assert phones.ask(method, f"/osmand/{phones.token}").status == 405
        assert phones.ask(method, "/owntracks").status == 405
    assert phones.ask("GET", "/owntracks").status == 405
    assert phones.ask("GET", f"/osmand/{phones.token}/more").status == 404
    assert phones.ask("GET", "/osmand/%FF%FE%00").status == 401


# -- a road that is full, a store that is away -----------------------------------------------------------------------


def test_a_full_road_asks_each_app_to_come_back_as_it_understands(phones: Gateway) -> None:
    phones.core.stream.limit = 0
    full = phones.osmand(f"id={UNIT}&{HERE}&timestamp={SECONDS}")
    assert (full.status, full.headers["retry-after"]) == (429, "5")
    full = phones.owntracks(moved(), UNIT)
    # OwnTracks on iOS throws away what is answered 4xx.
    assert (full.status, full.headers["retry-after"]) == (503, "5")
    phones.core.stream.limit = 1000
    assert phones.osmand(f"id={UNIT}&{HERE}&timestamp={SECONDS}").status == 200
    assert len(phones.events()) == 1


def test_without_redis_nothing_is_promised(phones: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.errors import StoreUnavailable

    monkeypatch.setattr(phones.core.stream, "_send", raising(StoreUnavailable("没有应答")))
    for answer in (phones.osmand(f"id={UNIT}&{HERE}"), phones.owntracks(moved(), UNIT), phones.osmand("id=%FF")):
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    monkeypatch.undo()
    assert (phones.events(), phones.letters()) == ([], [])


def test_a_dead_letter_of_a_phone_is_corrected_and_sent_again(phones: Gateway) -> None:
    from dashboard import wiring

    phones.osmand(f"id={UNIT}&{HERE}&timestamp={SECONDS}&bearing=720")
    (letter,) = phones.letters()
    wiring.replay_dead_letter(phones.core.settings, letter["number"], {"heading": 0})
    assert only(phones) == (UNIT, YAOZHUANG, "2026-03-02T03:59:00+00:00", LON, LAT, {"heading": 0})
