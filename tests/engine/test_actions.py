"""Acts of staff over real HTTP on both databases: once however often they are sent, refused to whom they are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from dashboard.access.tokens import TokenStore
from dashboard.access.viewer import Role, Viewer
from dashboard.actions import Actions
from dashboard.api import actions as acts
from dashboard.api import export
from dashboard.api.common import Gate
from dashboard.app import build_gateway
from dashboard.archetypes import LIFE, engine_of
from dashboard.domain.day import HOUR, MINUTE, day_of, iso
from dashboard.domain.summary import ActState, Standing
from dashboard.errors import ConfigurationError, StoreUnavailable, UnknownFeed
from dashboard.feeds import STREAMS, feed_named
from dashboard.queries.standing import standing
from dashboard.queries.views import VIEWS
from dashboard.stores import leases
from dashboard.stores.redis_server import RedisServer
from tests.engine.answers import Answer, request, serving
from tests.engine.core import DAYUN, NOON, YAOZHUANG, Core, raising, reading

ITEM = "case:dispute:330421111-D0017"
VIEWERS = {
    "chief": Viewer("沈立", frozenset({Role.CHIEF}), frozenset({YAOZHUANG}), staff="P-0001"),
    "lu": Viewer("陆敏", frozenset({Role.OFFICER}), frozenset({YAOZHUANG}), staff="P-8013"),
    "gu": Viewer("顾伟", frozenset({Role.OFFICER}), frozenset({YAOZHUANG}), staff="P-8014"),
    "other": Viewer("方远", frozenset({Role.CHIEF}), frozenset({DAYUN}), staff="P-0002"),
    "clerk": Viewer("内勤", frozenset({Role.CLERK}), frozenset({YAOZHUANG})),
    "leader": Viewer("领导", frozenset({Role.LEADER})),
    "wall": Viewer("大屏", frozenset({Role.WALL})),
    "api": Viewer("reader", frozenset({Role.API}), frozenset({YAOZHUANG})),
}
OURS = {"X-Townwatch-Form": "1", "Content-Type": "application/json"}


class Named(Gate):
    """Says who asks by a header; nobody when there is none."""

    def viewer(self, request: Any) -> Viewer | None:
        return VIEWERS.get(request.headers.get("x-viewer", ""))


class Station:
    """The routes as a web process serves them, and the core behind them."""

    def __init__(self, core: Core, port: int) -> None:
        self.core, self.port = core, port

    def ask(self, method: str, path: str, viewer: str, body: Any = None) -> Answer:
        """One request of a viewer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Viewer": viewer} | (OURS if method == "POST" else {})
        return request(self.port, method, f"/api/v1/{path}", data, headers)

    def act(self, name: str, verb: str, viewer: str = "chief", item: str = ITEM, ago: int = 0, **said: Any) -> Answer:
        """Do something about an item, and let the worker do its work."""
        at = iso(self.core.clock.now() - ago)
        body = {"id": name, "verb": verb, "item": item, "town": YAOZHUANG, "at": at} | said
        answer = self.ask("POST", "actions", viewer, body)
        self.core.work()
        return answer

    def standing(self, item: str = ITEM, town: str = YAOZHUANG) -> Standing | None:
        """How an item stands on the board of now."""
        return standing(self.core.reader().board(VIEWERS["leader"]), town).get(item)


@pytest.fixture
def station(
    data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer, database_url: str
) -> Iterator[Station]:
    core = Core(data_dir, redis_server.url, database_url=database_url)
    core.worker.step()
    gate = Named(TokenStore(core.history.engine), core.clock, local=False)
    reader, region = core.reader(), core.parts.region_at
    actions = Actions(
        core.intake,
        core.history,
        lambda: region(day_of(core.clock.now())),
        core.clock,
        holder=lambda viewer, town, item: standing(reader.board(viewer), town).get(item),
    )
    routers = [acts.router(actions, reader, gate), export.router(reader, gate, VIEWS)]
    app = build_gateway(routers, {}, "build", lambda connection: gate.viewer(connection))
    with serving(app) as port:
        yield Station(core, port)
    core.close()


def test_a_working_day_of_one_item(station: Station) -> None:
    assert station.act("a1", "acknowledge", "lu", ago=50 * MINUTE).status == 202
    found = station.standing()
    assert found is not None
    assert (found.state, found.owner) == (ActState.ACKNOWLEDGED, "P-8013 陆敏")
    until = iso(NOON + 2 * HOUR)
    assert station.act("a2", "postpone", "lu", ago=40 * MINUTE, until=until, reason="waiting").status == 202
    assert station.act("a3", "assign", "chief", ago=30 * MINUTE, to="P-8014 顾伟").status == 202
    assert station.act("a4", "done", "gu", ago=20 * MINUTE, note="已上门，电话 13812345678").status == 202
    found = station.standing()
    assert found is not None
    assert (found.state, found.owner) == (ActState.DONE, "P-8014 顾伟")
    assert found.note == "已上门，电话 138********", "no number of a person is kept"
    assert [act.verb for act in found.history] == ["acknowledge", "postpone", "assign", "done"]
    told = station.ask("GET", f"actions?town={YAOZHUANG}", "chief").json["items"]
    assert [(one["item"], one["state"]) for one in told] == [(ITEM, "done")]


def test_an_act_sent_again_counts_once_and_its_figures_stay(station: Station) -> None:
    station.core.accept("temperature", reading(1, celsius=38.5))
    before = station.core.window()
    for _ in range(3):
        assert station.act("a1", "done", "lu", ago=MINUTE, note="已复测").status == 202
    found = station.standing()
    assert found is not None
    assert len(found.history) == 1
    assert station.core.count("event") == 2
    assert station.core.window() == before, "what people do about a thing is no figure"


def test_an_undo_takes_back_within_ten_seconds_in_whatever_order_they_come(station: Station) -> None:
    assert station.act("u1", "undo", "lu", ago=MINUTE - 8_000, undoes="a1").status == 202
    assert station.act("a1", "done", "lu", ago=MINUTE, note="按错了").status == 202
    assert station.standing() is None
    station.act("a2", "done", "lu", ago=MINUTE, note="办完")
    station.act("u2", "undo", "gu", ago=MINUTE - 8_000, undoes="a2")
    found = station.standing()
    assert found is not None
    assert found.state == ActState.DONE, "nobody takes back what another did"


def test_one_kept_on_a_phone_comes_late_and_does_not_undo_what_was_done_since(station: Station) -> None:
    station.act("a2", "assign", "chief", ago=10 * MINUTE, to="P-8014 顾伟")
    assert station.act("a1", "acknowledge", "lu", ago=3 * HOUR).status == 202
    found = station.standing()
    assert found is not None
    assert (found.state, found.owner) == (ActState.ASSIGNED, "P-8014 顾伟")
    late = station.act("a0", "acknowledge", "lu", ago=8 * 24 * HOUR)
    assert (late.status, "7 天" in late.json["error"]) == (422, True)


MAY = (
    ("chief", "assign", 202),
    ("leader", "assign", 202),
    ("lu", "acknowledge", 202),
    ("lu", "assign", 403),
    ("lu", "handover", 403),
    ("other", "acknowledge", 403),
    ("clerk", "acknowledge", 403),
    ("wall", "acknowledge", 403),
    ("api", "acknowledge", 403),
    ("nobody", "acknowledge", 401),
)


def test_who_may_act_and_who_may_give_away(station: Station) -> None:
    for number, (viewer, verb, status) in enumerate(MAY):
        item = f"visit:patrol:P{number}"
        said: dict[str, Any] = {"to": "P-8014 顾伟"} if verb != "acknowledge" else {}
        answer = station.act(f"a{number}", verb, viewer, item, **said)
        assert answer.status == status, (viewer, verb, answer.json)
        assert (station.standing(item) is not None) == (status == 202), (viewer, verb)


def test_whoever_has_an_item_may_hand_it_on(station: Station) -> None:
    station.act("a1", "acknowledge", "lu", ago=MINUTE)
    assert station.act("a2", "handover", "gu", to="P-8014").status == 403
    assert station.act("a3", "handover", "lu", to=f"town:{YAOZHUANG}").status == 202
    found = station.standing()
    assert found is not None
    assert found.owner == f"town:{YAOZHUANG}"


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"verb": "assign"}, "to"),
    ({"verb": "postpone", "reason": "waiting"}, "until"),
    ({"verb": "postpone", "until": iso(NOON + HOUR), "reason": "lazy"}, "reason"),
    ({"verb": "undo"}, "undoes"),
    ({"verb": "acknowledge", "town": "999"}, "town"),
    ({"verb": "acknowledge", "item": ""}, "item"),
    ({"verb": "burn"}, "verb"),
    ({"verb": "acknowledge", "note": 5}, "note"),
    ({"verb": "acknowledge", "at": "gestern"}, "at"),
    ({"verb": "postpone", "until": iso(NOON - HOUR), "reason": "waiting"}, "将来"),
)


def test_a_wrong_act_gets_a_sentence_and_leaves_nothing(station: Station) -> None:
    for said, field in WRONG:
        more = {name: value for name, value in said.items() if name != "verb"}
        answer = station.act("a1", said["verb"], "leader" if "town" in said else "chief", **more)
        assert answer.status == 422, said
        assert field in answer.json["error"], (said, answer.json)
    assert station.core.count("event") == 0
    assert station.core.letters() == []


def test_a_page_of_another_site_and_another_person_cannot_act(station: Station) -> None:
    body = json.dumps({"id": "a1", "verb": "acknowledge", "item": ITEM, "town": YAOZHUANG}).encode()
    foreign = request(
        station.port, "POST", "/api/v1/actions", body, {"X-Viewer": "lu", "Content-Type": "application/json"}
    )
    assert foreign.status == 403
    assert station.act("a1", "acknowledge", "lu", source="form:顾伟").status == 403


def test_tokens_and_forms_do_not_know_the_feed(station: Station) -> None:
    with pytest.raises(UnknownFeed):
        feed_named("action")
    with pytest.raises(ConfigurationError, match="act:"):
        TokenStore(station.core.history.engine).create(station.core.clock.now(), source="act:沈立")


class Killed(BaseException):
    """The process ends here: nothing may catch it."""


def test_a_worker_killed_at_any_point_loses_and_doubles_no_act(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, worker = station.core, station.core.worker
    for turn, place in enumerate(
        ((core.history, "close_batch"), (core.live, "publish"), (core.stream, "finish")), start=1
    ):
        for number in range(6):
            body = {"id": f"a{turn}{number}", "verb": "acknowledge", "item": f"visit:patrol:P{number % 3}"}
            body |= {"town": YAOZHUANG, "at": iso(NOON - (9 - number) * MINUTE)}
            assert station.ask("POST", "actions", "lu", body).status == 202
        with monkeypatch.context() as patch:
            patch.setattr(*place, raising(Killed()))
            with pytest.raises(Killed):
                core.work(worker)
        leases.release(core.history, worker.owner)
        worker = core.another_worker()
        core.work(worker)
        assert core.count("event") == 6 * turn
        found = standing(core.reader().board(VIEWERS["leader"]), YAOZHUANG)
        assert {item: len(one.history) for item, one in found.items()} == {
            f"visit:patrol:P{n}": 2 * turn for n in range(3)
        }


def test_as_of_shows_what_was_known_and_a_rebuild_is_identical(station: Station) -> None:
    station.act("a1", "acknowledge", "lu", ago=50 * MINUTE)
    known = station.core.clock.now()
    station.core.clock.set(known + HOUR)
    station.act("a2", "done", "lu", ago=55 * MINUTE, note="补记")
    reader, leader = station.core.reader(), VIEWERS["leader"]
    then = standing(reader.as_of(leader, known), YAOZHUANG)[ITEM]
    assert then.state == ActState.ACKNOWLEDGED, "what was done before but told later was not known then"
    now = standing(reader.board(leader), YAOZHUANG)[ITEM]
    assert now.state == ActState.DONE
    engine, history = engine_of(STREAMS["action"]), station.core.history
    with history.reading() as connection:
        stored = {row[0]: row[2] for row in history.states_since(connection, "action", LIFE, 0)}
        events = history.events_of_day(connection, "action", None)
    assert set(stored) == set(events) == {ITEM}
    state = engine.new()
    engine.fold(state, events[ITEM], station.core.parts.region_at(0))
    assert engine.encode(state) == stored[ITEM]
    station.core.live.clear()
    station.core.worker.publisher.rebuild(station.core.clock.now())
    assert standing(station.core.reader().board(leader), YAOZHUANG)[ITEM] == now


def test_without_the_road_nothing_is_promised(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(station.core.stream, "append", raising(StoreUnavailable("Redis is away")))
        assert station.act("a1", "done", "lu", ago=MINUTE, note="x").status == 503
    assert station.act("a1", "done", "lu", ago=MINUTE, note="x").status == 202
    found = station.standing()
    assert found is not None
    assert len(found.history) == 1


def test_the_list_and_its_files_are_of_towns_that_one_sees(station: Station) -> None:
    station.core.accept("temperature", reading(1, celsius=38.5, at="11:58"))
    mine = station.ask("GET", "duties?who=free", "chief").json
    assert [row["kind"] for row in mine["rows"] if row["feed"] == "temperature"][:1] == ["fever"]
    assert station.ask("GET", f"duties?who=free&town={DAYUN}", "chief").status == 403
    assert station.ask("GET", "duties?who=everyone", "chief").status == 422
    assert {row["town"] for row in station.ask("GET", "duties?who=free", "other").json["rows"]} == {DAYUN}
    item = next(row["item"] for row in mine["rows"] if row["kind"] == "fever")
    station.act("a1", "assign", "chief", item=item, ago=MINUTE, to="P-8013 陆敏")
    assert [row["item"] for row in station.ask("GET", "duties?who=me", "lu").json["rows"]] == [item]
    assert [row["item"] for row in station.ask("GET", "duties?who=me", "gu").json["rows"]] == []
    assert station.ask("GET", f"export/duties.csv?scope={YAOZHUANG}&who=held", "chief").status == 200
    assert station.ask("GET", f"export/duties.csv?scope={YAOZHUANG}", "other").status == 403
    sheet = station.ask("GET", f"export/handover.xlsx?scope={YAOZHUANG}", "chief")
    assert sheet.status == 200
