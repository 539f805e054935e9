"""The alert engine on real figures: one cause one alert, taken by people, told outside, and no crash counts twice."""

from __future__ import annotations

import email
import email.header
import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, func, select, update

from dashboard import working
from dashboard.access.policy import Role
from dashboard.access.viewer import LOCAL_VIEWER, Viewer
from dashboard.actions import Actions
from dashboard.alerts import engine as engines
from dashboard.alerts.channels import read
from dashboard.alerts.conditions import Found, Sight
from dashboard.alerts.deliver import MOST_MS, Deliveries, Unsent, allowed_address, pause_ms, signature
from dashboard.alerts.engine import AlertEngine
from dashboard.clock import machine_ms
from dashboard.domain.day import MINUTE, day_of, iso
from dashboard.errors import ConfigurationError, LeaseLost, NotAllowed
from dashboard.feeds import STREAMS
from dashboard.queries.alerting.book import AlertBook
from dashboard.queries.alerting.life import Alert, State
from dashboard.queries.alerting.rules import rules_of
from dashboard.stores import tables as t
from geodata.revise import checked, parameters, threshold
from ingest.revision import Change, Revisions
from tests.engine.core import ALWAYS_ON_DUTY, CHECKPOINT, DAYUN, NOON, YAOZHUANG, Core, reading
from tests.engine.outside import Mailbox, Receiver, channels, until_done

PHONE = "13812345678"


def engine_of(core: Core, deliveries: Deliveries | None = None, owner: str = "one") -> AlertEngine:
    """An engine with nothing in memory, as a new process would have it."""
    return AlertEngine(core.history, core.parts.live, core.reader(), core.clock, owner, deliveries)


def later(core: Core, minutes: float) -> None:
    core.clock.set(core.clock.now() + round(minutes * MINUTE))
    core.worker.step()


def current(core: Core, rule: str = "") -> list[Alert]:
    return [one for one in AlertBook(core.history).current() if one.rule.startswith(rule)]


def steps(core: Core, alert: Alert) -> list[str]:
    return [str(step.what) for step in AlertBook(core.history).steps(alert.id)]


def act(core: Core, alert: Alert, verb: str, **more: Any) -> None:
    record = {
        "id": f"{verb}-{core.clock.now()}", "town": alert.town, "at": iso(core.clock.now()), "item": alert.item,
        "verb": verb, "by": "P-0417",
    }  # fmt: skip
    core.intake.accept(STREAMS["action"], [record | more], core.door("form:P-0417"), core.clock.now())
    core.work()


def test_a_fever_is_raised_taken_escalated_and_over_when_the_recheck_is_made(core: Core) -> None:
    alerts = engine_of(core)
    core.accept("temperature", reading(1, celsius=38.2, person_ref="p-1"))
    assert alerts.step()
    assert not alerts.step()
    (fever,) = current(core, "temperature.fever")
    assert (fever.town, fever.place, fever.severity, fever.state) == (YAOZHUANG, CHECKPOINT, "alert", State.OPEN)
    later(core, 6)
    alerts.step()
    assert steps(core, fever) == ["raised", "escalated"]
    act(core, fever, "acknowledge")
    alerts.step()
    (taken,) = current(core, "temperature.fever")
    assert (taken.state, taken.by) == (State.ACKNOWLEDGED, "P-0417")
    later(core, 1)
    core.accept("temperature", reading(2, at=iso(core.clock.now()), celsius=36.4, person_ref="p-1"))
    alerts.step()
    (over,) = current(core, "temperature.fever")
    assert (over.state, over.resolution) == (State.RESOLVED, "cleared")
    assert steps(core, fever) == ["raised", "escalated", "acknowledged", "cleared"]


def test_an_alert_is_dealt_with_in_its_own_town_only(core: Core) -> None:
    alerts = engine_of(core)
    core.accept("temperature", reading(1, celsius=38.2, person_ref="p-1"))
    alerts.step()
    (fever,) = current(core, "temperature.fever")
    region = core.parts.region_at
    actions = Actions(core.intake, core.history, lambda: region(day_of(core.clock.now())), core.clock)
    neighbour = Viewer("邻", frozenset({Role.CHIEF}), frozenset({DAYUN}))
    own = Viewer("沈立", frozenset({Role.CHIEF}), frozenset({YAOZHUANG}))
    for item in (fever.item, "alert:0000", "alert:../x"):
        with pytest.raises(NotAllowed):
            actions.act(neighbour, item, "acknowledge", town=DAYUN, name=f"n-{item}")
    # What somebody brings onto the road past the door is not followed either.
    act(core, msgspec.structs.replace(fever, town=DAYUN), "done")
    alerts.step()
    assert current(core, "temperature.fever")[0].state == State.OPEN
    assert actions.act(own, fever.item, "acknowledge", town=YAOZHUANG, name="a-1").accepted
    core.work()
    alerts.step()
    assert current(core, "temperature.fever")[0].state == State.ACKNOWLEDGED


def test_silence_is_one_cause_a_checkpoint_then_its_town_and_never_its_feed_too(core: Core) -> None:
    pack = core.parts.region_at(20200218).pack
    posts = [place.code for place in pack.places if place.kind == "checkpoint" and place.town == YAOZHUANG]
    for number, code in enumerate(posts):
        core.send("temperature", reading(f"a{number}", checkpoint=code, at="11:59"))
    core.work()
    alerts = engine_of(core)
    alerts.step()
    before = {one.cause for one in current(core, "temperature.silent")}
    later(core, 8)
    for number, code in enumerate(posts[1:]):
        core.send("temperature", reading(f"b{number}", checkpoint=code, at=iso(core.clock.now())))
    core.work()
    later(core, 4)
    alerts.step()
    silent = [one for one in current(core, "temperature.silent") if one.cause not in before and one.active]
    assert [one.place for one in silent if one.town == YAOZHUANG] == [posts[0]]
    # Another town goes on sending: it is no fault of the whole region.
    core.clock.set(core.clock.now() + 8 * MINUTE)
    core.accept("temperature", reading("c", checkpoint=ALWAYS_ON_DUTY, town="330421001", at=iso(core.clock.now())))
    alerts.step()
    own = [one for one in current(core, "temperature.silent") if one.town == YAOZHUANG and one.cause not in before]
    assert [one.place for one in own if one.active] == [""], "all of them silent: one alert, the town's"
    assert {one.resolution for one in own if not one.active} == {"merged"}
    assert not [one for one in current(core, "temperature.feed") if one.active]


def test_rules_are_the_regions_own_and_a_figure_has_two_limits(core: Core) -> None:
    board = core.reader().board(LOCAL_VIEWER)
    changed: Any = msgspec.structs.replace(
        board.pack,
        thresholds={**board.pack.thresholds, "temperature.alert.silent": 25, "temperature.alert.drift.off": 1,
                    "dispute.alert.overdue.quiet_from": 20, "temperature.alert.fever.chief": 3},
    )  # fmt: skip
    rules: Any = rules_of(changed)
    assert rules["temperature.silent"].limit == 25
    assert "temperature.drift" not in rules
    assert rules["dispute.overdue"].quiet == (20, 7)
    assert rules["temperature.fever"].escalate[0] == (3 * MINUTE, "chief")


def test_a_limit_that_somebody_changes_from_today_counts_at_the_next_look_and_stands_in_the_ledger(core: Core) -> None:
    for key in ("temperature.alert.silent", "dispute.alert.overdue.quiet_from", "patrol.alert.coverage.clear"):
        assert key in parameters()
    core.accept("temperature", reading(1, at="11:47"))
    book, today = core.parts.region_at, day_of(core.clock.now())
    edits = (checked(threshold("temperature.alert.silent", 25)),)
    Revisions(core.history, book, core.clock).save(LOCAL_VIEWER, Change(edits), today, "夜间线路不稳")
    core.worker.step()
    core.worker.step()
    alerts, whole = engine_of(core), f"temperature.silent|{YAOZHUANG}"
    alerts.step()
    assert whole not in {one.cause for one in current(core)}, "silent for 13 minutes: by the declared limit it would be"
    later(core, 13)
    alerts.step()
    assert [one.limit for one in current(core) if one.cause == whole] == [25]
    kept = core.reader().board(LOCAL_VIEWER).rules
    assert kept is not None
    assert [(one.key, one.reason) for one in kept.changes()] == [("temperature.alert.silent", "夜间线路不稳")]


class Storm:
    """Stands in for the conditions: as many causes as a test wants, over real figures' boards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[Found] = []
        monkeypatch.setattr(engines, "look", lambda *_: Sight(list(self.found), set(), {}))

    def rages(self, count: int, towns: list[str], first: int = 0) -> None:
        self.found = [
            Found(
                cause=f"temperature.fever|{n}", rule="temperature.fever", town=towns[n % len(towns)],
                severity="alert", value=38.0, place=CHECKPOINT, case=f"A-{n}", since=NOON,
            )
            for n in range(first, first + count)
        ]  # fmt: skip


HOOK = {
    "name": "hook",
    "kind": "webhook",
    "url": "http://127.0.0.1:9/hook",
    "secret": "s3cret",
    "rules": ["temperature.fever"],
}


def test_ten_thousand_in_a_minute_are_told_as_a_few_and_read_at_once(
    core: Core, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storm, towns = Storm(monkeypatch), list(core.reader().board(LOCAL_VIEWER).towns)
    deliveries = Deliveries(core.history, channels(data_dir, HOOK))
    alerts = engine_of(core, deliveries)
    begun = time.perf_counter()
    for wave in range(1, 5):
        storm.rages(2500 * wave, towns)
        alerts.step()
        alerts.forget()
        later(core, 0.25)
    took = time.perf_counter() - begun
    begun = time.perf_counter()
    open_ = current(core)
    reading_took = time.perf_counter() - begun
    assert len(open_) == 10_000
    assert len({one.cause for one in open_}) == 10_000
    with core.history.reading() as connection:
        bodies = [json.loads(row.body) for row in connection.execute(select(t.delivery))]
    # Each town once at the first wave; what came within the minute is told together after it.
    assert len(bodies) == len(towns)
    assert all(len(body["alerts"]) <= engines.LISTED for body in bodies)
    later(core, 1)
    alerts.step()
    with core.history.reading() as connection:
        rows = list(connection.execute(select(t.delivery)))
        told = connection.scalar(select(func.count(func.distinct(t.delivery_alert.c.alert))))
    assert told == 10_000
    assert len(rows) == 2 * len(towns)
    print(f"10,000 raised in {took:.1f} s of engine time, read in {reading_took:.2f} s")


class Crash(Exception):
    pass


def test_a_crash_at_any_statement_raises_nothing_twice_and_loses_nothing(
    core: Core, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storm, towns = Storm(monkeypatch), [YAOZHUANG]
    deliveries = Deliveries(core.history, channels(data_dir, HOOK))
    left = [0]

    def bite(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        # The lease's own statements are a worker's as well: what is cut is the engine's transaction.
        if "alert" in statement.lower() or "delivery" in statement.lower() or "lease" not in statement.lower():
            left[0] -= 1
            if left[0] == 0:
                raise Crash

    crashes = 0
    for wave in range(1, 4):
        storm.rages(wave, towns)
        if wave == 3:
            storm.found = storm.found[1:]
        for point in range(1, 40):
            left[0] = point
            both = {core.history.engine, core.history.writer}
            for one in both:
                event.listen(one, "before_cursor_execute", bite)
            try:
                engine_of(core, deliveries).step()
                survived = left[0] > 0
            except Crash:
                survived = False
                crashes += 1
            finally:
                for one in both:
                    event.remove(one, "before_cursor_execute", bite)
            if survived:
                break
        later(core, 2)
    assert crashes > 15
    engine_of(core, deliveries).step()
    with core.history.reading() as connection:
        rows = [row.alert for row in connection.execute(select(t.alert_step).where(t.alert_step.c.what == "raised"))]
        told = Counter(row.alert for row in connection.execute(select(t.delivery_alert)))
        causes = [row.holds for row in connection.execute(select(t.alert))]
    assert len(rows) == len(set(rows)) == 3
    assert sorted(causes) == [f"temperature.fever|{n}" for n in range(3)]
    assert set(told) == set(rows)
    (over,) = [one for one in current(core) if not one.active]
    assert over.cause == "temperature.fever|0"


def test_only_the_engine_with_the_lease_writes(core: Core) -> None:
    first, second = engine_of(core, owner="one"), engine_of(core, owner="two")
    core.accept("temperature", reading(1, celsius=38.2, person_ref="p-1"))
    assert first.step()
    assert not second.step()
    assert second.fence is None
    with core.history.writing() as connection:
        connection.execute(update(t.lease).where(t.lease.c.partition == engines.LEASE).values(expires_at=0))
    second.forget()
    assert second.hold()
    core.accept("temperature", reading(2, celsius=38.6, person_ref="p-2"))
    with pytest.raises(LeaseLost):
        first.step()
    second.step()
    assert len(current(core, "temperature.fever")) == 2


# -- the world outside


def test_a_signed_webhook_and_a_mail_arrive_after_failures_and_every_attempt_is_kept(
    core: Core, data_dir: Path, receiver: Receiver
) -> None:
    box = Mailbox(data_dir)
    box.server.start()
    try:
        mail = {"name": "mail", "kind": "email", "host": "127.0.0.1", "port": box.port, "sender": "tw@example.org",
                "to": ["duty@example.org"], "severity": "alert", "rules": ["temperature.fever"], "starttls": True,
                "username": "townwatch", "password": "s3cret", "ca_file": str(box.certificate)}  # fmt: skip
        elsewhere = HOOK | {"name": "elsewhere", "url": receiver.url, "towns": ["330421102"]}
        given = channels(data_dir, HOOK | {"url": receiver.url}, mail, elsewhere)
        deliveries = Deliveries(core.history, given, tries=4)
        receiver.failures = 2
        core.accept("temperature", reading(1, celsius=38.2, person_ref="p-secret"))
        engine_of(core, deliveries).step()
        until_done(core, deliveries)
    finally:
        box.server.stop()
    (fever,) = current(core, "temperature.fever")
    fate = {one["channel"]: one for one in AlertBook(core.history).deliveries(fever.id)}
    assert set(fate) == {"hook", "mail"}, "a channel of another town hears nothing"
    assert [one["outcome"] for one in fate["hook"]["attempts"]] == ["failed", "failed", "sent"]
    assert [one["outcome"] for one in fate["mail"]["attempts"]] == ["failed", "sent"]
    assert "503" in fate["hook"]["attempts"][0]["told"]
    assert "451" in fate["mail"]["attempts"][0]["told"]
    own = [(headers, body) for headers, body in receiver.got if json.loads(body)["rule"] == "temperature.fever"]
    assert len({headers["X-Townwatch-Id"] for headers, _ in own}) == 1
    assert len(own) == 3
    for headers, body in own:
        assert headers["X-Townwatch-Signature"] == signature(b"s3cret", headers["X-Townwatch-Timestamp"], body)
        assert b"p-secret" not in body
        assert b"P-0417" not in body
    subject = str(email.header.make_header(email.header.decode_header(box.letters[0]["Subject"])))
    text = box.letters[0].get_payload(decode=True).decode()
    assert "姚庄镇" in subject
    assert "体温异常" in subject
    assert "38.2" in text
    assert "p-secret" not in text


def test_what_never_arrives_is_given_up_and_nothing_else_waits_for_it(
    core: Core, data_dir: Path, receiver: Receiver
) -> None:
    bad = HOOK | {"name": "dead", "url": "http://127.0.0.1:9/none"}
    given = channels(data_dir, bad, HOOK | {"url": receiver.url})
    deliveries = Deliveries(core.history, given, tries=3)
    core.accept("temperature", reading(1, celsius=38.2, person_ref="p-1"))
    engine_of(core, deliveries).step()
    until_done(core, deliveries)
    (fever,) = current(core, "temperature.fever")
    fate = {one["channel"]: (one["state"], one["tries"]) for one in AlertBook(core.history).deliveries(fever.id)}
    assert fate == {"dead": ("dead", 3), "hook": ("sent", 1)}


def test_messages_go_to_configured_addresses_only_and_a_wrong_file_is_told(data_dir: Path) -> None:
    for host in ("169.254.169.254", "0.0.0.0", "224.0.0.1", "::ffff:169.254.169.254"):
        with pytest.raises(Unsent):
            allowed_address(host, 80)
    for wrong, word in (
        ({"url": "ftp://x/"}, "url"), ({"url": "http://u:p@x/"}, "url"), ({"secret": ""}, "secret"),
        ({"roles": ["mayor"]}, "roles"), ({"colour": 1}, "colour"),
    ):  # fmt: skip
        given = channels(data_dir, HOOK | wrong)
        assert given.all() == ()
        assert word in given.trouble
        with pytest.raises(ConfigurationError):
            read(given.path)


def test_pauses_double_and_an_opened_page_shows_the_fate(core: Core, data_dir: Path) -> None:
    pauses = [pause_ms("x", n) for n in range(1, 12)]
    assert all(a < b for a, b in pairwise(pauses[:7]))
    assert max(pauses) <= MOST_MS * 1.2
    deliveries = Deliveries(core.history, channels(data_dir, HOOK))
    core.accept("temperature", reading(1, celsius=38.2, person_ref="p-1"))
    engine_of(core, deliveries).step()
    before = machine_ms()
    assert deliveries.work() == 1
    assert deliveries.work() == 0, "not before its time has come again"
    with core.history.reading() as connection:
        (row,) = list(connection.execute(select(t.delivery)))
    assert row.state == "waiting"
    assert row.due_at > before


def test_the_parts_are_wired_as_a_worker_runs_them(core: Core) -> None:
    service = working.alerts_of(core.parts, "wired")
    core.accept("temperature", reading(1, celsius=38.2, person_ref="p-1"))
    service.engine.step()
    assert current(core, "temperature.fever")
