"""Records entered by hand, over real HTTP on both databases: entered, corrected, withdrawn, 零报告, and drilled into."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
import redis

from dashboard.access.tokens import TokenStore
from dashboard.access.viewer import LOCAL_VIEWER, Role, Viewer
from dashboard.actions import Actions
from dashboard.api import forms, records
from dashboard.api.common import Gate
from dashboard.app import build_gateway
from dashboard.domain.day import day_of, iso
from dashboard.domain.feed import CaseSpec
from dashboard.feeds import FEEDS
from dashboard.queries.figures import ALL
from dashboard.queries.views import VIEWS
from dashboard.stores.redis_server import RedisServer
from tests.engine.answers import Answer, request, serving
from tests.engine.core import CHECKPOINT, DAYUN, NOON, UNIT, YAOZHUANG, Core, fix, ms, reading

PHONE = "13812345678"
VIEWERS = {
    "local": LOCAL_VIEWER,
    "shen": Viewer("沈立", frozenset({Role.CLERK}), frozenset({YAOZHUANG})),
    "lu": Viewer("陆敏", frozenset({Role.OFFICER}), frozenset({YAOZHUANG})),
    "chief": Viewer("方远", frozenset({Role.CHIEF}), frozenset({DAYUN})),
    "admin": Viewer("秦月", frozenset({Role.ADMINISTRATOR}), frozenset({YAOZHUANG})),
    "wall": Viewer("大屏", frozenset({Role.WALL})),
    "leader": Viewer("领导", frozenset({Role.LEADER})),
    "api": Viewer("reader", frozenset({Role.API}), frozenset({YAOZHUANG})),
    "patrols": Viewer("reader", frozenset({Role.API}), None, feeds=frozenset({"patrol"})),
}
OURS = {"X-Townwatch-Form": "1", "Content-Type": "application/json"}


class Named(Gate):
    """Says who asks by a header; nobody when there is none."""

    def viewer(self, request: Any) -> Viewer | None:
        return VIEWERS.get(request.headers.get("x-viewer", ""))


class Desk:
    """The forms' routes as a web process serves them, and the core behind them."""

    def __init__(self, core: Core, port: int) -> None:
        self.core, self.port = core, port

    def ask(self, method: str, path: str, viewer: str, body: Any = None, headers: Mapping[str, str] = OURS) -> Answer:
        """One request of a viewer."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        told = {"X-Viewer": viewer, **(headers if method == "POST" else {})}
        return request(self.port, method, quote(f"/api/v1/{path}", safe="/?&=:%+-,."), data, told)

    def enter(self, feed: str, record: Mapping[str, Any], viewer: str = "shen", seen: int | None = None) -> Answer:
        """Send a form, and let the worker do its work."""
        body: dict[str, Any] = {"record": dict(record)} | ({} if seen is None else {"correct": seen})
        answer = self.ask("POST", f"forms/{feed}", viewer, body)
        self.core.work()
        return answer

    def withdraw(
        self,
        feed: str,
        name: str,
        viewer: str = "shen",
        reason: str = "重复登记",
        source: str | None = None,
        rev: int = 0,
    ) -> Answer:
        """Withdraw a record, of the viewer's own unless told."""
        body = {"id": name, "reason": reason, "rev": rev} | ({} if source is None else {"source": source})
        answer = self.ask("POST", f"forms/{feed}/withdraw", viewer, body)
        self.core.work()
        return answer

    def nothing(self, *feeds: str, viewer: str = "shen", town: str = YAOZHUANG, name: str = "n") -> Answer:
        """Report that there is nothing to report."""
        reports = [{"feed": feed, "id": f"{name}-{feed}"} for feed in feeds]
        answer = self.ask(
            "POST", "forms/nothing", viewer, {"town": town, "at": iso(self.core.clock.now()), "reports": reports}
        )
        self.core.work()
        return answer

    def listed(self, query: str, viewer: str = "shen") -> Any:
        """The records that a query finds."""
        answer = self.ask("GET", f"records?{query}", viewer)
        assert answer.status == 200, answer.json
        return answer.json

    def ids(self, query: str, viewer: str = "shen") -> list[str]:
        """Their ids."""
        return [one["id"] for one in self.listed(query, viewer)["records"]]


@pytest.fixture
def desk(data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer, database_url: str) -> Iterator[Desk]:
    core = Core(data_dir, redis_server.url, database_url=database_url)
    core.worker.step()
    gate = Named(TokenStore(core.history.engine), core.clock, local=False)
    reader, region = core.reader(), core.parts.region_at
    actions = Actions(core.intake, core.history, lambda: region(day_of(core.clock.now())), core.clock)
    app = build_gateway([records.router(reader, gate), forms.router(actions, reader, gate)], {}, "build", gate.viewer)
    with serving(app) as port:
        yield Desk(core, port)
    core.close()


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """A temperature as a form sends it: numbers as they were typed, a time without an offset."""
    record = {
        "id": f"20200218-{number}", "town": YAOZHUANG, "at": "2020-02-18T11:58", "checkpoint": CHECKPOINT,
        "celsius": "36.5", "site": "forehead", "method": "infrared",
    } | changes  # fmt: skip
    return {name: value for name, value in record.items() if value is not None}


# --- entered, and what becomes of it ----------------------------------------------------------------------------------


def test_what_is_entered_becomes_a_figure_and_the_record_behind_it(desk: Desk) -> None:
    answer = desk.enter("temperature", entry(1, celsius="38.1"))
    assert (answer.status, answer.json) == (
        202,
        {"accepted": 1, "source": "form:沈立", "id": "20200218-1", "rev": 0, "problems": []},
    )
    assert [desk.core.value(kpi) for kpi in ("screened", "fever_count")] == [1, 1]
    found = desk.listed(f"kpi=fever_count&town={YAOZHUANG}")
    assert found["total"] == 1
    assert found["records"][0] == {
        "feed": "temperature", "id": "20200218-1", "source": "form:沈立", "town": YAOZHUANG, "subject": CHECKPOINT,
        "at": "2020-02-18T11:58:00+08:00", "received_at": iso(NOON), "rev": 0, "known_seq": 1, "state": "effective",
        "nothing": False, "lon": None, "lat": None,
        "fields": {"checkpoint": CHECKPOINT, "celsius": 38.1, "site": "forehead", "method": "infrared"},
    }  # fmt: skip


def test_sending_twice_counts_once(desk: Desk) -> None:
    assert [desk.enter("temperature", entry(1)).status for _ in range(3)] == [202, 202, 202]
    assert desk.core.value("screened") == 1
    assert desk.core.count("event") == 1


def test_a_withdrawn_entry_leaves_the_figure_and_stays_on_record_with_its_reason(desk: Desk) -> None:
    desk.enter("temperature", entry(1, celsius="38.1"))
    desk.enter("temperature", entry(2))
    assert desk.withdraw("temperature", "20200218-1", reason="登记到别的卡点了").status == 202
    assert [desk.core.value(kpi) for kpi in ("screened", "fever_count")] == [1, 0]
    query = f"feed=temperature&town={YAOZHUANG}"
    assert desk.ids(query) == ["20200218-2"]
    gone = desk.listed(f"{query}&state=withdrawn&lang=zh")["records"]
    assert [(one["id"], one["state"], one["fields"]["celsius"]) for one in gone] == [("20200218-1", "withdrawn", 38.1)]
    assert [one["kind"] for one in gone[0]["shown"]["history"]] == ["收到", "作废"]
    assert gone[0]["versions"][-1] | {"known_seq": 0} == {
        "rev": 1, "known_seq": 0, "received_at": iso(NOON), "void": True, "changed": {},
        "reason": "登记到别的卡点了", "by": "",
    }  # fmt: skip
    # Twice is as good as once, and nothing can be corrected that is gone.
    assert desk.withdraw("temperature", "20200218-1").status == 202
    assert desk.core.count("event") == 3
    assert desk.enter("temperature", entry(1, celsius="36.1"), seen=1).status == 409


def test_undo_reaches_a_record_that_is_still_on_the_road(desk: Desk) -> None:
    body = {"record": entry(1)}
    assert desk.ask("POST", "forms/temperature", "shen", body).status == 202
    assert desk.core.count("event") == 0
    assert desk.withdraw("temperature", "20200218-1").status == 202
    assert desk.core.value("screened") in (0, None)
    assert desk.core.count("event") == 2


def test_a_correction_takes_the_place_of_what_was_and_shows_both(desk: Desk) -> None:
    desk.enter("temperature", entry(1, celsius="38.1"))
    answer = desk.enter("temperature", entry(1, celsius="36.1"), seen=0)
    assert (answer.status, answer.json["rev"]) == (202, 1)
    assert [desk.core.value(kpi) for kpi in ("screened", "fever_count")] == [1, 0]
    record = desk.listed(f"feed=temperature&town={YAOZHUANG}&state=corrected&lang=zh")["records"][0]
    assert (record["rev"], record["fields"]["celsius"]) == (1, 36.1)
    assert record["versions"][-1]["changed"] == {"celsius": {"from": 38.1, "to": 36.1}}
    assert record["shown"]["history"][-1]["changes"] == [{"label": "体温", "from": "38.1 ℃", "to": "36.1 ℃"}]
    # The same correction tapped twice is one; another one must have seen the first.
    assert desk.enter("temperature", entry(1, celsius="36.1"), seen=0).status == 202
    assert desk.core.count("event") == 2
    late = desk.enter("temperature", entry(1, celsius="36.4"), seen=0)
    assert late.status == 409
    assert "刚被改过" in late.json["error"]
    assert desk.enter("temperature", entry(1, celsius="36.4"), seen=1).json["rev"] == 2
    assert desk.core.value("fever_count") == 0


def test_a_correction_may_move_a_record_to_another_day_and_both_figures_follow(desk: Desk) -> None:
    desk.enter("temperature", entry(1))
    desk.enter("temperature", entry(1, at="2020-02-17T20:00"), seen=0)
    query = f"feed=temperature&town={YAOZHUANG}"
    assert desk.ids(query) == []
    assert desk.ids(f"{query}&day=2020-02-17") == ["20200218-1"]
    assert desk.ids(f"{query}&from=2020-02-16&to=2020-02-18") == ["20200218-1"]
    assert desk.core.value("screened") in (0, None)


def test_what_is_wrong_is_told_beside_each_field_and_makes_no_dead_letter(desk: Desk) -> None:
    answer = desk.enter("temperature", entry(1, celsius="366", checkpoint=None))
    assert answer.status == 422
    assert answer.json["problems"] == [
        {"field": "checkpoint", "message": "请选卡点"},
        {"field": "celsius", "message": "得到“366”，应为 30 到 45 之间的数 ℃"},
    ]
    told = desk.ask("POST", "forms/temperature/check?lang=en", "shen", {"record": entry(1, celsius="366")}).json
    assert told == {"problems": [{"field": "celsius", "message": "got “366”, should be a number from 30 to 45 ℃"}]}
    assert desk.core.letters() == []
    assert desk.core.count("event") == 0


def test_a_phone_number_gets_into_nothing(desk: Desk) -> None:
    case = {"id": "d-1", "town": YAOZHUANG, "at": "2020-02-18T11:00", "case": f"{YAOZHUANG}-D0001", "stage": "reported"}
    assert desk.enter("dispute", {**case, "handler": PHONE}).json["problems"][0]["message"] == "不能写手机号或身份证号"
    desk.enter("dispute", case)
    answer = desk.withdraw("dispute", "d-1", reason=f"打 {PHONE} 问过")
    assert (answer.status, answer.json["problems"][0]["field"]) == (422, "reason")
    assert PHONE not in answer.body.decode()
    assert desk.core.value("dispute_open") == 1


# --- who may do what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("viewer", ["wall", "leader", "api"])
def test_those_who_only_read_enter_nothing(desk: Desk, viewer: str) -> None:
    for path, body in (
        ("forms/temperature", {"record": entry(1)}),
        ("forms/temperature/check", {"record": entry(1)}),
        ("forms/temperature/withdraw", {"id": "x", "reason": "y"}),
        ("forms/nothing", {"town": YAOZHUANG, "at": iso(NOON), "reports": [{"feed": "dispute", "id": "x"}]}),
    ):
        answer = desk.ask("POST", path, viewer, body)
        assert answer.status == 403, path
        assert "内勤" in answer.json["error"]
    assert desk.core.on_the_road() == (0, 0, 0)


def test_nobody_known_gets_nothing(desk: Desk) -> None:
    assert [desk.ask("GET", path, "").status for path in ("forms", "records?feed=patrol", "records.csv?feed=patrol")] == [
        401, 401, 401,
    ]  # fmt: skip
    assert desk.ask("POST", "forms/temperature", "", {"record": entry(1)}).status == 401


def test_another_town_is_refused_beside_the_field(desk: Desk) -> None:
    answer = desk.enter("temperature", entry(1, town=DAYUN))
    assert (answer.status, answer.json["problems"][0]["field"]) == (422, "town")
    assert desk.nothing("temperature", town=DAYUN).status == 422


def test_a_page_of_another_site_sends_nothing(desk: Desk) -> None:
    body = {"record": entry(1)}
    for headers in (
        {"Content-Type": "application/json"},
        {"Content-Type": "text/plain"},
        {**OURS, "Origin": "http://elsewhere.example"},
    ):
        assert desk.ask("POST", "forms/temperature", "shen", body, headers).status == 403
    assert desk.ask("POST", "forms/temperature", "shen", b"a=1", {**OURS, "Content-Type": "text/plain"}).status == 415
    for broken in (b"{", b"[]", b'{"record": 1}', b'{"record": {}, "correct": "x"}', b'{"record": {}, "correct": -1}'):
        assert desk.ask("POST", "forms/temperature", "shen", broken).status == 422
    assert desk.ask("POST", "forms/temperature", "shen", b" " * 70_000).status == 413
    assert desk.ask("POST", "forms/unknown", "shen", body).status == 404
    assert desk.core.on_the_road() == (0, 0, 0)


def test_a_form_speaks_in_nobody_elses_name(desk: Desk) -> None:
    answer = desk.enter("temperature", entry(1, source="form:陆敏"))
    assert (answer.status, answer.json["problems"][0]["field"]) == (422, "source")
    body = {"town": YAOZHUANG, "at": iso(NOON), "source": "form:陆敏", "reports": [{"feed": "dispute", "id": "x"}]}
    assert desk.ask("POST", "forms/nothing", "shen", body).status == 403
    assert desk.core.on_the_road() == (0, 0, 0)


def test_records_of_others_are_left_to_them_and_the_page_says_whom_to_ask(desk: Desk) -> None:
    desk.core.accept("temperature", reading(1))
    desk.enter("temperature", entry(1), viewer="shen")
    assert desk.withdraw("temperature", "t-1", "admin", source="gate").status == 403
    assert desk.withdraw("temperature", "20200218-1", "lu", source="form:沈立").status == 403
    assert desk.enter("temperature", entry(1, celsius="36.1"), viewer="lu", seen=0).status == 422
    assert desk.withdraw("temperature", "20200218-1", "chief", source="form:沈立").status == 403
    assert desk.core.value("screened") == 2

    def may(viewer: str) -> dict[str, dict[str, Any]]:
        found = desk.listed(f"feed=temperature&town={YAOZHUANG}&lang=zh", viewer)["records"]
        return {one["id"]: one["shown"]["may"] for one in found}

    assert may("shen")["20200218-1"] == {"correct": True, "withdraw": True, "ask": ""}
    assert may("shen")["t-1"] == {
        "correct": False, "withdraw": False, "ask": "来自“gate”，只有发送方能更正或作废，请联系它的负责人",
    }  # fmt: skip
    assert may("lu")["20200218-1"] == {
        "correct": False, "withdraw": False, "ask": "由 沈立 登记，请本人或管理员更正、作废",
    }  # fmt: skip
    assert may("admin")["20200218-1"] == {"correct": False, "withdraw": True, "ask": "更正请找登记人 沈立"}
    assert may("api")["20200218-1"]["withdraw"] is False


def test_an_administrator_withdraws_what_others_entered_and_is_kept_with_it(desk: Desk) -> None:
    desk.enter("temperature", entry(1))
    assert desk.withdraw("temperature", "20200218-1", "admin", source="form:沈立").status == 202
    assert desk.core.value("screened") in (0, None)
    gone = desk.listed(f"feed=temperature&town={YAOZHUANG}&state=withdrawn")["records"][0]
    assert (gone["source"], gone["versions"][-1]["by"], gone["versions"][-1]["reason"]) == (
        "form:沈立", "form:秦月", "重复登记",
    )  # fmt: skip
    # Of a town that is not theirs they withdraw nothing.
    desk.enter("temperature", entry(2, town=DAYUN, checkpoint=f"{DAYUN}-K01"), viewer="chief")
    assert desk.withdraw("temperature", "20200218-2", "admin", source="form:方远").status == 403
    assert desk.withdraw("temperature", "20200218-9", "admin", source="form:方远").status == 422
    assert desk.core.value("screened", DAYUN) == 1


def test_a_withdrawal_needs_a_reason_and_the_right_feed(desk: Desk) -> None:
    desk.enter("temperature", entry(1))
    assert "理由" in desk.withdraw("temperature", "20200218-1", reason="  ").json["error"]
    assert desk.withdraw("dispute", "20200218-1").status == 422
    assert desk.core.value("screened") == 1


def test_single_records_are_for_the_town_and_its_feeds_only(desk: Desk) -> None:
    desk.core.accept("temperature", reading(1), reading(2, town=DAYUN, checkpoint=f"{DAYUN}-K01"))
    assert desk.ids("feed=temperature") == ["t-1"]
    assert set(desk.ids("feed=temperature", "local")) == {"t-1", "t-2"}
    assert desk.ids("feed=temperature", "chief") == ["t-2"]
    assert desk.ask("GET", f"records?feed=temperature&town={DAYUN}", "shen").status == 403
    assert desk.ids("feed=temperature&source=gate&id=t-2", "shen") == []
    for viewer in ("wall", "leader"):
        for path in ("records?feed=temperature", "records.csv?feed=temperature", "forms"):
            assert desk.ask("GET", path, viewer).status == 403
    assert desk.ask("GET", "records?feed=temperature", "patrols").status == 403
    assert desk.ask("GET", f"forms/temperature/choices?town={DAYUN}", "shen").status == 403
    assert desk.ask("GET", f"forms?town={DAYUN}", "shen").status == 403


def test_no_pseudonym_leaves_by_any_of_these_doors(desk: Desk) -> None:
    desk.core.accept("temperature", reading(1, person_ref="p-7f3a91", celsius=38.4))
    desk.core.accept("temperature", reading(1, person_ref="p-7f3a92", celsius=38.5, rev=1))
    query = f"feed=temperature&town={YAOZHUANG}&lang=zh"
    for path in (
        f"records?{query}",
        f"records?{query}&state=corrected",
        f"records.csv?{query}",
        f"forms?town={YAOZHUANG}",
    ):
        body = desk.ask("GET", path, "shen").body.decode()
        assert "p-7f3a9" not in body
        assert "person_ref" not in body


# --- 零报告 -----------------------------------------------------------------------------------------------------------


def test_a_town_that_reports_nothing_has_reported(desk: Desk) -> None:
    assert desk.core.value("reporting_rate", ALL) == 0
    answer = desk.nothing("temperature", "dispute")
    assert (answer.status, answer.json["accepted"]) == (202, 2)
    for feed in ("temperature", "dispute"):
        figure = desk.core.reader().board(LOCAL_VIEWER).figure("reporting_rate", ALL, feed)
        assert (figure.numerator, figure.denominator) == (1, 9)
    assert desk.core.value("screened") == 0
    told = {one["feed"]: one for one in desk.ask("GET", f"forms?town={YAOZHUANG}", "shen").json["feeds"]}
    assert (told["dispute"]["records"], told["dispute"]["nothing"]["by"]) == (0, "沈立")
    assert told["dispute"]["nothing"]["may"]["withdraw"]
    assert told["patrol"]["nothing"] is None
    # A second one, by whomever, changes nothing.
    again = desk.nothing("dispute", viewer="lu", name="again")
    assert [one["state"] for one in again.json["reports"]] == ["already"]
    assert desk.core.count("event") == 2


def test_an_open_page_hears_that_a_feed_has_reported(desk: Desk) -> None:
    def reported() -> dict[str, bool]:
        board = desk.core.reader().board(LOCAL_VIEWER)
        return {one["feed"]: one["reported"] for one in VIEWS["record"].build(board, YAOZHUANG, "zh")["feeds"]}

    assert not any(reported().values())
    desk.nothing("dispute")
    assert {feed for feed, yes in reported().items() if yes} == {"dispute"}


def test_a_zero_report_is_taken_back(desk: Desk) -> None:
    desk.nothing("dispute")
    assert desk.withdraw("dispute", "n-dispute").status == 202
    figure = desk.core.reader().board(LOCAL_VIEWER).figure("reporting_rate", ALL, "dispute")
    assert figure.numerator == 0
    assert [one["state"] for one in desk.nothing("dispute", name="m").json["reports"]] == ["accepted"]


def test_where_records_are_there_is_no_zero_report(desk: Desk) -> None:
    desk.core.accept("temperature", *(reading(number) for number in range(3)))
    answer = desk.nothing("temperature", "dispute")
    states = {one["feed"]: (one["state"], one["records"]) for one in answer.json["reports"]}
    assert (answer.status, states) == (202, {"temperature": ("refused", 3), "dispute": ("accepted", 0)})
    alone = desk.nothing("temperature", name="alone")
    assert alone.status == 409
    assert alone.json["reports"][0]["message"].startswith("体温当天已有 3 条记录，不用零报告")
    # Yesterday's records are not today's.
    desk.core.clock.set(ms("2020-02-19T09:00:00+08:00"))
    assert desk.nothing("temperature", name="morrow").status == 202


def test_a_zero_report_names_feeds_that_there_are_and_a_time_that_has_come(desk: Desk) -> None:
    assert desk.nothing().status == 422
    assert desk.nothing("unknown").status == 404
    body = {"town": YAOZHUANG, "at": "2020-02-18T18:00", "reports": [{"feed": "dispute", "id": "x"}]}
    answer = desk.ask("POST", "forms/nothing", "shen", body)
    assert (answer.status, "不晚于现在" in answer.json["error"]) == (422, True)


# --- what a form offers -----------------------------------------------------------------------------------------------


def choices(desk: Desk, feed: str, field: str) -> dict[str, dict[str, Any]]:
    """What may be picked for a field, by code."""
    found = desk.ask("GET", f"forms/{feed}/choices?town={YAOZHUANG}&lang=zh", "shen").json["fields"][field]
    return {one["code"]: one for one in found}


def test_places_units_and_what_records_named_first_may_be_picked(desk: Desk) -> None:
    desk.core.accept("temperature", reading(1, checkpoint="Q-9"))
    pack = desk.core.parts.region_at(day_of(NOON)).pack
    points = choices(desk, "temperature", "checkpoint")
    assert points[CHECKPOINT]["name"] == pack.place_by_code[CHECKPOINT].name
    assert "清单里没有" in points["Q-9"]["sub"]
    assert all(code == "Q-9" or pack.place_by_code[code].town == YAOZHUANG for code in points)
    assert choices(desk, "patrol", "unit")[UNIT]["name"] == pack.unit_by_code[UNIT].name


def test_a_case_shows_where_it_stands_and_what_may_follow(desk: Desk) -> None:
    case = f"{YAOZHUANG}-D0001"
    record = {"town": YAOZHUANG, "case": case, "kind": "wages", "parties": "3"}
    desk.enter("dispute", {**record, "id": "d-1", "at": "2020-02-18T09:00", "stage": "reported"})
    desk.enter("dispute", {**record, "id": "d-2", "at": "2020-02-18T10:00", "stage": "accepted"})
    one = choices(desk, "dispute", "case")[case]
    assert (one["stage"], one["now"], one["name"]) == ("accepted", "现在：已受理，10:00 起", "工资报酬")
    assert [(stage["code"], stage["kind"]) for stage in one["next"]] == [
        ("accepted", "here"), ("mediating", "next"), ("resolved", "next"), ("escalated", "next"),
        ("withdrawn", "next"), ("reported", "back"),
    ]  # fmt: skip
    assert one["fields"]["parties"] == "3 人"
    desk.enter("dispute", {"town": YAOZHUANG, "case": case, "id": "d-3", "at": "2020-02-18T11:00", "stage": "resolved"})
    assert desk.core.value("dispute_open") == 0
    assert choices(desk, "dispute", "case")[case]["ended"]
    desk.withdraw("dispute", "d-3")
    assert desk.core.value("dispute_open") == 1
    assert choices(desk, "dispute", "case")[case]["stage"] == "accepted"


def test_a_listed_enterprise_that_nobody_registered_is_offered_with_the_first_stage_ahead(desk: Desk) -> None:
    pack = desk.core.parts.region_at(day_of(NOON)).pack
    listed = {place.code for place in pack.places if place.town == YAOZHUANG and place.kind == "enterprise"}
    offered = choices(desk, "enterprise", "enterprise")
    assert offered.keys() == listed
    record = {"id": "e-1", "town": YAOZHUANG, "at": "2020-02-18T09:00", "enterprise": f"{YAOZHUANG}-E9999",
              "name": "云澜电子", "stage": "registered"}  # fmt: skip
    desk.enter("enterprise", record)
    offered = choices(desk, "enterprise", "enterprise")
    assert offered[f"{YAOZHUANG}-E9999"]["name"] == "云澜电子"
    for one in offered.values():
        assert one["next"][0]["code"] == "registered"


# --- the records behind figures ---------------------------------------------------------------------------------------


def morning(core: Core) -> None:
    """A morning's records of every feed in two towns."""
    for number in range(30):
        town, gate = (YAOZHUANG, CHECKPOINT) if number % 3 else (DAYUN, f"{DAYUN}-K01")
        core.send(
            "temperature",
            reading(
                number, f"{8 + number // 10:02}:{number * 2 % 60:02}", town=town, checkpoint=gate,
                celsius=38.2 if number % 7 == 0 else 36.4, health_code=("green", "red")[number % 2],
                outcome="transferred" if number == 7 else None,
            ),
        )  # fmt: skip
    core.send("patrol", {**fix(1, "09:00", 120.9, 30.9, kind="start", officers=3)}, fix(2, "09:01", 120.957, 30.912))
    for number in range(8):
        town = YAOZHUANG if number % 2 else DAYUN
        stages = ("reported", "accepted", "mediating", "resolved")[: 1 + number % 4]
        for step, stage in enumerate(stages):
            record = {"id": f"d{number}-{stage}", "town": town, "at": iso(ms("08:00") - number * 86_400_000 // 2 + step * 60_000),
                      "case": f"{town}-D{number}", "stage": stage, "kind": ("wages", "housing")[number % 2]}  # fmt: skip
            core.send("dispute", record | ({"due": "2020-02-17"} if number == 4 else {}))
        for stage in ("registered", "applied", "resumed")[: 1 + number % 3]:
            at = iso(ms("08:00") - 86_400_000 + len(stage) * 1000)
            core.send("enterprise", {"id": f"e{number}-{stage}", "town": town, "at": at, "enterprise": f"{town}-E{number}",
                                     "stage": stage, "scale": ("above", "below")[number % 2]})  # fmt: skip
    core.work()


def test_the_records_behind_every_figure_can_be_read_and_behind_counts_they_make_the_count(desk: Desk) -> None:
    morning(desk.core)
    board = desk.core.reader().board(LOCAL_VIEWER)
    drilled = 0
    for feed, kpi in board.kpis():
        if kpi.key == "reporting_rate":
            continue
        for town in (ALL, YAOZHUANG, DAYUN):
            found = desk.listed(f"feed={feed.name}&kpi={kpi.key}&town={town}&limit=500&lang=zh", "local")
            assert found["headline"]["text"].startswith(f"{kpi.words.zh}，由 ")
            figure = board.figure(kpi.key, town, feed.name)
            if kpi.key in ("screened", "fever_count"):
                assert found["total"] == figure.value
            elif isinstance(feed.archetype, CaseSpec) and kpi.unit in ("count", "ratio"):
                cases = {one["subject"] for one in found["records"]}
                counted = figure.denominator if kpi.unit == "ratio" else figure.value
                if kpi.key != "staff_return_rate":
                    assert len(cases) == (counted or 0), (kpi.key, town)
                    drilled += bool(counted)
    assert drilled > 20


def test_a_cell_of_a_breakdown_has_its_own_records(desk: Desk) -> None:
    morning(desk.core)
    for figure in desk.core.reader().board(LOCAL_VIEWER).figures("dispute", "dispute_open"):
        if figure.dims and figure.town == YAOZHUANG:
            dims = ",".join(f"{name}:{value}" for name, value in figure.dims.items())
            found = desk.listed(f"kpi=dispute_open&town={YAOZHUANG}&dims={dims}", "local")
            assert len({one["subject"] for one in found["records"]}) == figure.value
    coded = desk.listed("kpi=health_code_mix&dims=health_code:red&limit=500", "local")["records"]
    assert coded
    assert {one["fields"]["health_code"] for one in coded} == {"red"}


def test_a_standing_figure_of_a_past_day_has_the_records_of_then(desk: Desk) -> None:
    morning(desk.core)
    desk.enter("dispute", {"id": "late", "town": YAOZHUANG, "at": "2020-02-18T11:30", "case": f"{YAOZHUANG}-D3",
                           "stage": "mediating"}, viewer="lu")  # fmt: skip
    today = {one["id"] for one in desk.listed(f"kpi=dispute_open&town={YAOZHUANG}&limit=500", "local")["records"]}
    before = {one["id"] for one in desk.listed(f"kpi=dispute_open&town={YAOZHUANG}&day=2020-02-17&limit=500", "local")["records"]}  # fmt: skip
    assert "late" in today
    assert "late" not in before


def test_portions_follow_each_other_without_a_gap_or_a_repeat(desk: Desk) -> None:
    morning(desk.core)
    whole = desk.ids("feed=temperature&limit=500", "local")
    seen: list[str] = []
    cursor = ""
    while True:
        found = desk.listed(f"feed=temperature&limit=7&cursor={cursor}", "local")
        assert found["total"] == 30
        seen += [one["id"] for one in found["records"]]
        if not found["next"]:
            break
        cursor = found["next"]
    assert seen == whole
    assert len(set(seen)) == 30


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422), ("feed=unknown", 404), ("kpi=unknown", 404), ("feed=patrol&kpi=screened", 404),
        ("feed=patrol&town=000", 404), ("feed=patrol&day=yesterday", 422), ("feed=patrol&limit=0", 422),
        ("feed=patrol&cursor=x", 422), ("feed=patrol&state=lost", 422), ("feed=dispute&kpi=dispute_open&dims=x", 422),
        ("feed=patrol&day=2020-02-18&from=2020-02-17", 422), ("feed=patrol&from=2020-02-18&to=2020-02-17", 422),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_is_answered_by_one_sentence(desk: Desk, query: str, status: int) -> None:
    answer = desk.ask("GET", f"records?{query}", "local")
    assert (answer.status, set(answer.json)) == (status, {"error"})


# --- as a file --------------------------------------------------------------------------------------------------------


def test_a_file_holds_exactly_the_records_that_are_listed(desk: Desk) -> None:
    morning(desk.core)
    desk.enter("dispute", {"id": "=1+1", "town": YAOZHUANG, "at": "2020-02-18T11:30", "case": f"{YAOZHUANG}-D3",
                           "stage": "mediating", "handler": "=HYPERLINK(1)"}, viewer="lu")  # fmt: skip
    query = f"kpi=dispute_open&town={YAOZHUANG}&lang=zh"
    shown = desk.listed(f"{query}&limit=500")["records"]
    answer = desk.ask("GET", f"records.csv?{query}", "shen")
    assert answer.status == 200
    assert answer.body.startswith(b"\xef\xbb\xbf")
    assert "UTF-8''" in answer.headers["content-disposition"]
    lines = [line for line in csv.reader(io.StringIO(answer.body.decode("utf-8-sig"))) if not line[0].startswith("#")]
    head, rows = lines[0], lines[1:]
    assert head[:4] == ["时间", "镇（街道）", "镇代码", "对象"]
    assert [row[head.index("编号")].lstrip("'") for row in rows] == [one["id"] for one in shown]
    assert [row[0] for row in rows] == [one["at"] for one in shown]
    cells = [cell for row in rows for cell in row]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
    assert "'=HYPERLINK(1)" in cells

    book = openpyxl.load_workbook(io.BytesIO(desk.ask("GET", f"records.xlsx?{query}", "shen").body))
    sheet = book.worksheets[1]
    values = list(sheet.iter_rows(values_only=True))
    at = values[0].index("编号")
    assert [row[at] for row in values[1:]] == [one["id"] for one in shown]
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert desk.ask("GET", "records.pdf?feed=dispute", "shen").status == 404


def test_a_file_says_what_was_corrected_and_why_something_is_gone(desk: Desk) -> None:
    desk.enter("temperature", entry(1, celsius="38.1"))
    desk.enter("temperature", entry(1, celsius="36.1"), seen=0)
    desk.enter("temperature", entry(2))
    desk.withdraw("temperature", "20200218-2", reason="测试")
    query = f"feed=temperature&town={YAOZHUANG}"
    text = desk.ask("GET", f"records.csv?{query}", "shen").body.decode()
    assert "体温 38.1 ℃ → 36.1 ℃" in text
    gone = desk.ask("GET", f"records.csv?{query}&state=withdrawn", "shen").body.decode()
    assert "作废：测试" in gone
    assert "20200218-1" not in gone


def test_every_feed_can_be_entered_as_its_sample_and_listed(desk: Desk) -> None:
    for name, feed in FEEDS.items():
        record = {key: value for key, value in feed.sample.items() if key not in ("person_ref", "id")}
        answer = desk.enter(name, {**record, "id": f"sample-{name}"})
        assert answer.status == 202, answer.json
        assert f"sample-{name}" in desk.ids(f"feed={name}&town={record['town']}")
    mine = desk.ask("GET", f"forms?town={YAOZHUANG}&lang=en", "shen").json["mine"]
    assert {one["feed"] for one in mine} == FEEDS.keys()
