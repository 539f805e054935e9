"""The REST door over real HTTP: the application as a web process has it, on a loopback port, its worker stepped."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from dashboard.access.tokens import TokenStore
from dashboard.actions import Actions
from dashboard.api import deadletters, events, figures
from dashboard.api.common import Gate
from dashboard.app import build_app
from dashboard.domain.day import day_of, iso
from dashboard.feeds import FEEDS
from dashboard.live import Hub
from dashboard.queries.reader import LiveBoards
from dashboard.queries.views import VIEWS
from dashboard.stores import redis_server as embedded
from tests.conftest import Databases
from tests.engine.answers import Answer, request, serving
from tests.engine.core import CHECKPOINT, DAYUN, NOON, YAOZHUANG, Core, fix, ms, reading

MAX_BODY = 2 * 1024 * 1024
ACCEPTED, REJECTED = {"accepted", "rejected"}, {"index", "id", "field", "got", "allowed", "message"}
FIGURE = {
    "kpi", "feed", "town", "value", "numerator", "denominator", "unit", "qualifier", "as_of", "freshness", "dims",
}  # fmt: skip


class Api:
    """The served application, its core, and tokens for it."""

    def __init__(self, core: Core, port: int) -> None:
        self.core, self.port = core, port
        self.tokens = TokenStore(core.history.engine)
        self.writer = self.tokens.create(NOON, source="gate")
        self.reader = self.tokens.create(NOON, source=None, read=True)

    def ask(self, method: str, path: str, token: str | None, body: bytes | None = None, kind: str = "") -> Answer:
        """One request. ``path`` may hold Chinese."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if kind:
            headers["Content-Type"] = kind
        return request(self.port, method, quote(path, safe="/?&=:%+-,"), body, headers)

    def get(self, path: str, token: str | None = None) -> Answer:
        """Read with the reader's token, or another."""
        return self.ask("GET", f"/api/v1/{path}", token or self.reader)

    def post(self, feed: str, body: Any, token: str | None = None, kind: str = "application/json") -> Answer:
        """Send records, as JSON unless they are bytes already."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", f"/api/v1/events/{feed}", token or self.writer, data, kind)

    def figure(self, kpi: str, town: str = YAOZHUANG, rest: str = "", token: str | None = None) -> dict[str, Any]:
        """The plain figure of a KPI."""
        found = self.get(f"figures?kpi={kpi}&town={town}{rest}", token).json["figures"]
        plain: dict[str, Any] = next(one for one in found if not one["dims"])
        return plain


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Api]:
    """The application of this module: its own Redis, its own database, served by uvicorn in a thread."""
    server = embedded.start(tmp_path_factory.mktemp("redis"))
    core = Core(tmp_path_factory.mktemp("data"), server.url, database_url=databases.new(), max_body_bytes=MAX_BODY)
    gate = Gate(TokenStore(core.history.engine), core.clock, local=False)
    reader = core.reader()
    hub = Hub(LiveBoards(reader, server.url), VIEWS, core.clock, "build", identify=gate.viewer)
    region = core.parts.region_at
    actions = Actions(core.intake, core.history, lambda: region(day_of(core.clock.now())), core.clock)
    routers = [
        events.router(actions, gate, MAX_BODY),
        figures.router(reader, gate),
        deadletters.router(actions, gate, MAX_BODY),
    ]
    pack = region(day_of(NOON)).pack
    app = build_app(core.settings, hub, reader, actions, routers, pack, core.clock, identify=gate.known)
    with serving(app) as port:
        yield Api(core, port)
    core.close()
    server.stop()


@pytest.fixture
def api(served: Api) -> Api:
    """The application with no records at all."""
    core = served.core
    with core.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
        for table in (
            "event",
            "event_key",
            "projection",
            "dead_letter",
            "provisional_place",
            "commit_log",
            "source_stat",
        ):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    core.parts.client.flushall()
    core.clock.set(NOON)
    core.stream.limit = 2_000_000
    core.stream._gauge = (0.0, 0)
    core.worker = core.another_worker()
    with core.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.exec_driver_sql("DELETE FROM lease")
    core.work()
    return served


# --- writing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson", "application/json; charset=utf-8", ""])
def test_an_object_an_array_and_lines_are_accepted(api: Api, kind: str) -> None:
    records = [reading(1), reading(2)]
    body = "\n".join(map(json.dumps, records)).encode() if "ndjson" in kind else json.dumps(records).encode()
    got = api.post("temperature", body, kind=kind)
    assert (got.status, got.json) == (202, {"accepted": 2, "rejected": []})
    if "ndjson" not in kind:
        got = api.post("temperature", reading(3), kind=kind)
        assert (got.status, got.json) == (202, {"accepted": 1, "rejected": []})
    api.core.work()
    assert api.core.value("screened") == (2 if "ndjson" in kind else 3)


def test_every_record_is_accepted_or_reported_with_its_place(api: Api) -> None:
    good, bad, other = (json.dumps(one) for one in (reading(1), reading(3, celsius=50), reading(4)))
    lines = [good, "{not json 13812345678", bad, "", other, "7"]
    got = api.post("temperature", "\n".join(lines).encode(), kind="application/x-ndjson")
    assert got.status == 202
    assert set(got.json) == ACCEPTED
    assert got.json["accepted"] == 2
    rejected = got.json["rejected"]
    assert [set(one) for one in rejected] == [REJECTED] * 3
    assert [(one["index"], one["field"]) for one in rejected] == [(1, "(record)"), (2, "celsius"), (4, "(record)")]
    assert rejected[1]["id"] == "t-3"
    assert rejected[1]["got"] == "50"
    assert "13812345678" not in got.body.decode()
    assert b"Unreadable" not in got.body
    api.core.work()
    assert len(api.core.letters()) == 3


def test_two_different_unreadable_lines_are_two_letters(api: Api) -> None:
    api.post("temperature", b"{one\n{two\n{one", kind="application/x-ndjson")
    api.core.work()
    assert len(api.core.letters()) == 2


def test_repeats_count_as_accepted_and_change_nothing(api: Api) -> None:
    for _ in range(2):
        assert api.post("temperature", [reading(1), reading(1)]).json == {"accepted": 2, "rejected": []}
        api.core.work()
    assert api.core.value("screened") == 1


def test_a_batch_of_which_nothing_is_accepted_is_422_with_the_same_report(api: Api) -> None:
    got = api.post("temperature", [reading(1, celsius=12), {"id": "x"}])
    assert got.status == 422
    assert set(got.json) == ACCEPTED
    assert (got.json["accepted"], len(got.json["rejected"])) == (0, 2)


def test_without_a_valid_token_nothing_is_taken(api: Api) -> None:
    for token in ("", "forged", api.writer[:-1]):
        got = api.ask("POST", "/api/v1/events/temperature", token, b"{}", "application/json")
        assert got.status == 401
        assert got.headers["www-authenticate"] == "Bearer"
        assert set(got.json) == {"error"}


def test_a_token_writes_to_its_feeds_only(api: Api) -> None:
    token = api.tokens.create(NOON, source="only", feeds=["patrol"])
    assert api.post("temperature", reading(1), token).status == 403
    assert api.post("patrol", fix(1, "11:00", 120.95, 30.91), token).status == 202


def test_foreign_towns_are_reported_by_record_and_403_when_it_is_all_of_them(api: Api) -> None:
    token = api.tokens.create(NOON, source="town", towns=[YAOZHUANG])
    got = api.post("temperature", [reading(1), reading(2, town=DAYUN)], token)
    assert (got.status, got.json["accepted"]) == (202, 1)
    assert (got.json["rejected"][0]["index"], got.json["rejected"][0]["field"]) == (1, "town")
    got = api.post("temperature", [reading(3, town=DAYUN), reading(4, town=DAYUN)], token)
    assert got.status == 403
    assert len(got.json["rejected"]) == 2
    got = api.post("temperature", [reading(5, town=DAYUN), reading(6, celsius=1)], token)
    assert got.status == 422, "not all of them are foreign"


def test_a_record_may_leave_its_source_out_and_may_not_differ(api: Api) -> None:
    assert api.post("temperature", reading(1, source="gate")).status == 202
    got = api.post("temperature", reading(2, source="somebody"))
    assert (got.status, got.json["rejected"][0]["field"]) == (422, "source")


def test_undeclared_fields_are_dropped_unread(api: Api) -> None:
    assert api.post("temperature", reading(1, name="张三", secret={"deep": [1, 2]})).status == 202
    api.post("temperature", reading(2, celsius=99, name="张三", secret={"deep": [1, 2]}))
    api.core.work()
    assert set(api.core.letters()[0]["body"]) == set(reading(2))
    with api.core.history.reading() as connection:
        bodies = [row[0] for row in connection.exec_driver_sql("SELECT body FROM event")]
    assert "张三".encode() not in b"".join(bodies)


@pytest.mark.parametrize(
    ("path", "body", "kind", "status"),
    [
        ("nothing", b"{}", "application/json", 404),
        ("temperature", b"{}", "text/csv", 415),
        ("temperature", b"<a/>", "application/xml", 415),
        ("temperature", b"[]", "application/json", 422),
        ("temperature", b"", "application/json", 422),
        ("temperature", b"", "application/x-ndjson", 422),
        ("temperature", b"not json", "application/json", 422),
        ("temperature", b" " * (MAX_BODY + 1), "application/json", 413),
    ],
)
def test_a_request_that_cannot_be_read_is_told_why_in_a_sentence(
    api: Api, path: str, body: bytes, kind: str, status: int
) -> None:
    got = api.post(path, body, kind=kind)
    assert got.status == status
    assert set(got.json) == {"error"}
    assert len(got.json["error"]) > 5


def test_a_full_road_is_429_with_retry_after_and_nothing_is_taken(api: Api) -> None:
    api.core.stream.limit = 3
    assert api.post("temperature", [reading(number) for number in range(3)]).status == 202
    api.core.stream._gauge = (0.0, 0)
    got = api.post("temperature", [reading(8), reading(9, celsius=1)])
    assert got.status == 429
    assert int(got.headers["retry-after"]) > 0
    assert set(got.json) == {"error"}
    api.core.work()
    assert (api.core.count("event"), api.core.count("dead_letter")) == (3, 0)


def test_a_zero_report_makes_a_town_reported(api: Api) -> None:
    assert api.post("temperature", {"id": "zero", "town": "姚庄", "at": iso(NOON), "nothing": True}).status == 202
    api.core.work()
    rates = {one["feed"]: one for one in api.get("figures?kpi=reporting_rate&town=all").json["figures"]}
    assert (rates["temperature"]["numerator"], rates["temperature"]["denominator"]) == (1, 9)
    assert rates["patrol"]["numerator"] == 0
    assert api.figure("screened")["value"] == 0


def test_an_unknown_checkpoint_becomes_a_place(api: Api) -> None:
    api.post("temperature", reading(1, checkpoint="K-new"))
    api.core.work()
    (place,) = [one for one in api.get("places").json["places"] if one["code"] == "K-new"]
    unknown = {"lon": None, "lat": None}
    assert place == {"code": "K-new", "kind": "checkpoint", "town": YAOZHUANG, "name": "K-new"} | unknown


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'[{"id":' + b"[" * 900 + b"]" * 900 + b"}]",
        b'[{"town":' + b'{"a":' * 400 + b"1" + b"}" * 400 + b',"id":"x","at":"2020-02-18T11:00:00+08:00"}]',
        json.dumps([reading(1, celsius=10**400)]).encode(),
        json.dumps([reading(1, rev=10**400)]).encode(),
        json.dumps([reading(1, rev=1e300)]).encode(),
        json.dumps([reading(1, id=10**400)]).encode(),
        json.dumps([reading(1, lon=10**400, lat=3)]).encode(),
        json.dumps([reading(1, lon="1e400", lat=3)]).encode(),
        json.dumps([reading(1, device=10**4000)]).encode(),
        json.dumps([reading(1) | {"at": 10**30}]).encode(),
        json.dumps([reading(1) | {"at": "0001-01-01T00:00:00+08:00"}]).encode(),
        json.dumps([reading(1) | {"at": "9999-12-31T23:59:59-23:59"}]).encode(),
        json.dumps([reading(1, celsius=float("nan"))]).encode(),
        json.dumps([reading(1, celsius="NaN"), reading(2, celsius="inf"), reading(3, celsius="-1e999")]).encode(),
        json.dumps([reading(1, device="A" * 1_000_000)]).encode(),
        json.dumps([reading("A" * 1_000_000)]).encode(),
        json.dumps([reading(1, town="1" * 1_000_000)]).encode(),
        json.dumps([reading("'; DROP TABLE event; --", checkpoint="x' OR '1'='1", device='"; --')]).encode(),
        json.dumps([reading(1, device="\x00\u202e\ud800")]).encode(),
        json.dumps([reading("\ud800", town="\ud800")]).encode(),
        b'[{"id": "\xff\xfe", "town": "\xc3\x28"}]',
        b"\xff" * 1000,
        b'{"id":1}' * 3,
        b"null",
        b'[null, true, 1, [], [[]], "x", {}]',
        json.dumps([reading(1, nothing=[], void={})]).encode(),
        json.dumps([reading(1, crs=["a"], lon=1, lat=2)]).encode(),
    ],
    ids=range(28),
)
def test_a_hostile_body_is_never_a_fault_of_the_server(api: Api, body: bytes) -> None:
    for kind in ("application/json", "application/x-ndjson"):
        got = api.post("temperature", body, kind=kind)
        assert got.status in (202, 422), (got.status, got.body[:200])
        assert b"Traceback" not in got.body
        assert len(got.body) < 20_000 or got.json["rejected"]
    api.core.work()
    assert not any(letter["got"] in ("OverflowError", "ValueError") for letter in api.core.letters())
    assert api.post("temperature", reading("after")).status == 202
    api.core.work()
    assert (api.core.value("screened") or 0) >= 1


def test_one_wild_number_does_not_cost_the_batch(api: Api) -> None:
    got = api.post("temperature", [reading(1), reading(2, celsius=10**400), reading(3)])
    assert (got.status, got.json["accepted"]) == (202, 2)
    assert [one["index"] for one in got.json["rejected"]] == [1]


# --- reading --------------------------------------------------------------------------------------------------------


def test_figures_have_the_fixed_keys_and_missing_is_null(api: Api) -> None:
    got = api.get("figures")
    assert got.status == 200
    assert set(got.json) == {"as_of", "known_seq", "figures"}
    assert got.json["as_of"] == iso(NOON)
    declared = {kpi.key for feed in FEEDS.values() if feed.core for kpi in feed.kpis} | {"reporting_rate"}
    assert {one["kpi"] for one in got.json["figures"]} == declared
    towns = {town.code for town in api.core.parts.region_at(20200218).pack.towns}
    assert {one["town"] for one in got.json["figures"]} == {"all", *towns}
    for one in got.json["figures"]:
        assert set(one) - {"low", "high"} == FIGURE
        assert one["qualifier"] == "exact"
        assert one["freshness"] == "silent"
        assert one["unit"] in ("ratio", "count", "hours", "km", "celsius")
        by_rule = one["kpi"].startswith("obligations_") or one["kpi"] == "reporting_rate"
        assert by_rule or one["value"] is None, one


def test_figures_of_a_feed_that_nobody_uses_yet_are_there_when_asked_for(api: Api) -> None:
    asked = api.get("figures?feed=permit")
    assert {one["kpi"] for one in asked.json["figures"]} == {kpi.key for kpi in FEEDS["permit"].kpis} | {
        "reporting_rate"
    }
    assert {one["value"] for one in asked.json["figures"] if one["kpi"] != "reporting_rate"} == {None}
    assert api.get("figures?kpi=permits_issued").json["figures"][0]["value"] is None


def test_a_ratio_is_between_0_and_1_and_stands_on_its_parts(api: Api) -> None:
    fevers = [reading(number, celsius=38.5, health_code="green" if number else "red") for number in range(3)]
    api.post("temperature", fevers + [reading(number, health_code="green") for number in range(3, 40)])
    api.core.work()
    rate = api.figure("fever_rate")
    assert (rate["numerator"], rate["denominator"]) == (3, 40)
    assert rate["value"] == pytest.approx(0.075)
    assert rate["low"] == pytest.approx(0.02583, abs=1e-4)
    assert rate["high"] == pytest.approx(0.19864, abs=1e-4)
    assert rate["freshness"] == "fresh"
    mix = api.get(f"figures?kpi=health_code_mix&town={YAOZHUANG}").json["figures"]
    assert [one["value"] for one in mix if one["dims"] == {"health_code": "green"}] == [pytest.approx(39 / 40)]
    assert {one["dims"]["health_code"]: one["numerator"] for one in mix if one["dims"]} == {
        "green": 39, "yellow": 0, "red": None, "none": 0,
    }  # fmt: skip
    assert [one["dims"] for one in mix if not one["dims"]] == [{}]


def test_a_small_cell_of_people_is_null_and_says_so_while_totals_and_fevers_are_told(api: Api) -> None:
    """EXACTNESS 20."""
    feed = FEEDS["isolation"]
    cases = [
        dict(feed.sample) | {"id": f"i-{number}", "case": f"A-{number}", "site": "home" if number < 3 else "central"}
        for number in range(5)
    ]
    api.post("isolation", cases)
    api.post("temperature", [reading(1, celsius=38.4, health_code="red")])
    api.core.work()
    for town in (YAOZHUANG, "all"):
        whole, *cells = api.get(f"figures?kpi=isolating&town={town}").json["figures"]
        assert (whole["value"], whole["numerator"], "suppressed" in whole) == (5, 5, False)
        home, central = sorted(cells, key=lambda one: one["dims"]["site"], reverse=True)
        assert (home["dims"], home["value"], "suppressed" in home) == ({"site": "home"}, 3, False)
        assert (central["dims"], central["suppressed"]) == ({"site": "central"}, True)
        assert (central["value"], central["numerator"], central["denominator"]) == (None, None, None)
        (first,) = api.get(f"figures?kpi=fever_count&town={town}").json["figures"]
        assert first["value"] == 1, "a first fever is never hidden"


def test_figures_are_filtered_by_feed_kpi_and_town_in_any_spelling(api: Api) -> None:
    assert {one["feed"] for one in api.get("figures?feed=patrol").json["figures"]} == {"patrol"}
    assert {one["town"] for one in api.get("figures?town=姚庄").json["figures"]} == {YAOZHUANG}
    assert {one["kpi"] for one in api.get("figures?kpi=screened").json["figures"]} == {"screened"}


def test_as_of_shows_what_was_known_then(api: Api) -> None:
    core = api.core
    core.clock.set(ms("10:00"))
    core.accept("temperature", reading(1, "09:59"))
    core.clock.set(ms("11:00"))
    core.accept("temperature", reading(2, "09:58"), reading(1, "09:59", celsius=39, rev=1))
    core.clock.set(NOON)
    then = api.get(f"figures?kpi=screened&town={YAOZHUANG}&as_of=2020-02-18T10:30:00%2B08:00").json
    assert (then["figures"][0]["value"], then["as_of"]) == (1, "2020-02-18T10:30:00+08:00")
    now = api.get(f"figures?kpi=screened&town={YAOZHUANG}").json
    assert now["figures"][0]["value"] == 2
    assert then["known_seq"] < now["known_seq"]
    assert api.figure("fever_count", rest="&as_of=2020-02-18T10:30:00+08:00")["value"] == 0
    assert api.figure("fever_count", rest="&as_of=2020-02-18T11:30:00%2B08:00")["value"] == 1


def test_a_day_and_a_span_of_days(api: Api) -> None:
    days = ["2020-02-16", "2020-02-17", "2020-02-18"]
    for number, day in enumerate(days):
        api.core.send("temperature", *(reading(f"{day}-{one}", f"{day}T09:00:00+08:00") for one in range(number + 1)))
    api.core.work()
    assert [api.figure("screened", rest=f"&day={day}")["value"] for day in days] == [1, 2, 3]
    assert api.figure("screened", rest="&from=2020-02-16&to=2020-02-17")["value"] == 3
    assert api.figure("screened", rest="&from=2020-02-16")["value"] == 6
    assert api.figure("screened", "all", rest="&from=2020-02-16&to=2020-02-18")["value"] == 6
    api.core.accept("temperature", reading("late", "2020-02-16T08:00:00+08:00"))
    assert api.figure("screened", rest="&from=2020-02-16&to=2020-02-16")["value"] == 2, "late ones count at once"


def test_series_of_a_day_and_of_days(api: Api) -> None:
    api.core.accept("temperature", reading(1, "08:05"), reading(2, "10:05"), reading(3, "2020-02-17T09:00:00+08:00"))
    got = api.get(f"series?kpi=screened&town={YAOZHUANG}&step=60").json
    assert set(got) == {"kpi", "town", "points"}
    at = {point["at"]: point["value"] for point in got["points"]}
    assert at["2020-02-18T09:00:00+08:00"] == 1
    assert at["2020-02-18T11:00:00+08:00"] == 2
    assert got["points"][-1]["value"] == 2
    named = api.get("series?kpi=screened&town=姚庄&step=60").json
    assert named["points"] == got["points"]
    days = api.get(f"series?kpi=screened&town={YAOZHUANG}&from=2020-02-17&to=2020-02-18").json["points"]
    assert [point["value"] for point in days] == [1, 2]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("figures?town=999", 404),
        ("figures?feed=nothing", 404),
        ("figures?kpi=nothing", 404),
        ("figures?feed=patrol&kpi=screened", 404),
        ("series?kpi=screened&feed=patrol", 404),
        ("series?kpi=nothing", 404),
        ("series?kpi=screened&step=7", 422),
        ("series?kpi=screened&day=2020-02-19", 422),
        ("figures?as_of=yesterday", 422),
        ("figures?as_of=2020-02-18T10:00:00", 422),
        ("figures?as_of=2020-02-18T13:00:00%2B08:00", 422),
        ("figures?as_of=0001-01-01T00:00:00%2B08:00", 422),
        ("figures?as_of=9999-12-31T23:59:59%2B08:00", 422),
        ("figures?day=0001-01-01", 422),
        ("figures?day=9999-12-31", 422),
        ("figures?day=2020-02-30", 422),
        ("figures?day=2020-02-19", 422),
        ("figures?day=2020-02-18&from=2020-02-17", 422),
        ("figures?from=2020-02-18&to=2020-02-17", 422),
        ("figures?from=2010-01-01&to=2020-02-17", 422),
        ("places?town=999", 404),
        ("dead-letters?state=lost", 422),
        ("dead-letters?limit=0", 422),
        ("dead-letters?feed=nothing", 404),
    ],
)
def test_a_parameter_that_makes_no_sense_is_told_so_in_a_sentence(api: Api, path: str, status: int) -> None:
    got = api.get(path)
    assert got.status == status, got.body
    assert len(got.json["error"]) > 5
    assert "没有办成" not in got.json["error"]


@pytest.mark.parametrize("path", ["series", "series?kpi=screened&step=ten", "dead-letters?limit=many"])
def test_a_parameter_of_the_wrong_kind_is_422(api: Api, path: str) -> None:
    assert api.get(path).status == 422


def test_towns_places_and_clock(api: Api) -> None:
    towns = api.get("towns").json["towns"]
    assert len(towns) == 9
    assert all(set(town) == {"code", "name", "name_en", "region", "aliases"} for town in towns)
    places = api.get("places").json["places"]
    assert all(set(place) == {"code", "kind", "town", "name", "lon", "lat"} for place in places)
    assert CHECKPOINT in {place["code"] for place in places}
    of = api.get("places?town=姚庄&kind=checkpoint").json["places"]
    assert {(place["town"], place["kind"]) for place in of} == {(YAOZHUANG, "checkpoint")}
    assert api.get("clock").json == {"now": iso(NOON), "speed": 0.0, "world": "live"}


# --- who may --------------------------------------------------------------------------------------------------------


def test_a_reader_of_one_town_sees_that_town_and_all_means_its_own_towns(api: Api) -> None:
    """Decided: “all” of a reader of some towns is recomputed from those towns; no figure of it tells of another."""
    api.core.accept("temperature", reading(1), reading(2, town=DAYUN), reading(3, town=DAYUN, celsius=99))
    api.core.accept("temperature", reading(4, celsius=99))
    token = api.tokens.create(NOON, source=None, read=True, towns=[YAOZHUANG])
    got = api.get("figures", token).json["figures"]
    assert {one["town"] for one in got} == {"all", YAOZHUANG}
    assert api.figure("screened", "all", token=token)["value"] == 1
    assert api.figure("screened", "all")["value"] == 2
    assert api.figure("reporting_rate", "all", "&feed=temperature", token)["denominator"] == 1
    for path in (
        f"figures?town={DAYUN}",
        f"series?kpi=screened&town={DAYUN}",
        "figures?town=大云镇",
        f"places?town={DAYUN}",
    ):
        assert api.get(path, token).status == 403
    assert [town["code"] for town in api.get("towns", token).json["towns"]] == [YAOZHUANG]
    assert {place["town"] for place in api.get("places", token).json["places"]} == {YAOZHUANG}
    assert [one["town"] for one in api.get("dead-letters", token).json["dead_letters"]] == [YAOZHUANG]


def test_a_reader_of_one_feed_sees_that_feed(api: Api) -> None:
    token = api.tokens.create(NOON, source=None, read=True, feeds=["temperature"])
    assert {one["feed"] for one in api.get("figures", token).json["figures"]} == {"temperature"}
    for path in (
        "figures?feed=patrol",
        "series?kpi=patrol_coverage",
        "figures?kpi=patrol_coverage",
        "dead-letters?feed=patrol",
    ):
        assert api.get(path, token).status == 403
    assert api.get("series?kpi=reporting_rate", token).status == 200


def test_a_writers_token_cannot_read_and_a_readers_cannot_write(api: Api) -> None:
    for path in ("figures", "towns", "places", "clock", "series?kpi=screened", "dead-letters"):
        assert api.get(path, api.writer).status == 403
        assert api.ask("GET", f"/api/v1/{path}", None).status == 401
    assert api.post("temperature", reading(1), api.reader).status == 403


def test_a_revoked_token_ends(api: Api) -> None:
    store = TokenStore(api.core.history.engine)
    token = store.create(NOON, source="leaving")
    assert api.post("temperature", reading(1), token).status == 202
    label = next(row.label for row in store.rows() if row.source == "leaving")
    store.revoke(label, NOON)
    patience = threading.Event()
    assert any(api.post("temperature", reading(1), token).status == 401 or patience.wait(0.05) for _ in range(200))
    assert api.post("temperature", reading(1), token).status == 401


def test_an_expired_token_is_401(api: Api) -> None:
    token = api.tokens.create(NOON - 2, source="guest", expires_at=NOON - 1)
    assert api.post("temperature", reading(1), token).status == 401


# --- dead letters ---------------------------------------------------------------------------------------------------


def test_dead_letters_are_listed_corrected_and_replayed(api: Api) -> None:
    api.post("temperature", [reading(1, celsius=99)])
    api.core.work()
    (letter,) = api.get("dead-letters").json["dead_letters"]
    assert {"number", "feed", "source", "record", "town", "received_at", "body", "state"} <= set(letter)
    assert {"field", "got", "allowed", "message"} <= set(letter)
    assert letter["received_at"] == iso(NOON)
    path = f"/api/v1/dead-letters/{letter['number']}/replay"
    other = api.tokens.create(NOON, source="other")
    patrol = api.tokens.create(NOON, source="gate", feeds=["patrol"])
    twin = api.tokens.create(NOON, source="gate", read=True)
    for token, status in ((None, 401), (other, 403), (patrol, 403), (twin, 403), (api.reader, 403)):
        assert api.ask("POST", path, token, b'{"celsius": 36.5}').status == status
    assert api.ask("POST", path, api.writer, b"[1]").status == 422
    assert api.ask("POST", path, api.writer, b"{").status == 422
    got = api.ask("POST", path, api.writer, b'{"celsius": 36.5}')
    assert (got.status, got.json) == (202, {"accepted": 1, "rejected": []})
    api.core.work()
    assert api.figure("screened")["value"] == 1
    assert api.get("dead-letters").json["dead_letters"] == []
    assert len(api.get("dead-letters?state=replayed").json["dead_letters"]) == 1
    assert api.ask("POST", path, api.writer, b"{}").status == 422


# --- the door itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/figures", "/api/v1/events"])
def test_an_unknown_path_under_api_is_a_json_404(api: Api, path: str) -> None:
    got = api.ask("GET", path, api.reader)
    assert got.status == 404
    assert got.headers["content-type"].startswith("application/json")


def test_openapi_lists_the_routes(api: Api) -> None:
    paths = api.ask("GET", "/api/openapi.json", None).json["paths"]
    names = ("events/{feed}", "figures", "series", "towns", "places", "clock", "dead-letters")
    assert {f"/api/v1/{name}" for name in names} <= set(paths)
