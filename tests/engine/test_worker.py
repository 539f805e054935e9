"""The worker with a real Redis on both databases: one record, one effect, whatever happens in between."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import select, update

from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.clock import machine_ms
from dashboard.domain.day import MINUTE, iso
from dashboard.domain.event import Event
from dashboard.domain.figure import Freshness
from dashboard.domain.summary import ObligationState
from dashboard.errors import Backpressure, LeaseLost, NotAllowed, StoreUnavailable, TownwatchError
from dashboard.processes import environment_of
from dashboard.stores import leases, tables
from dashboard.stores.redis_server import RedisServer
from dashboard.stores.room import Room
from dashboard.stores.stream import partition_key, partition_of
from ingest import deadletter
from ingest.projector import Projector
from tests.engine.core import (
    ALWAYS_ON_DUTY,
    CHECKPOINT,
    DAYUN,
    NOON,
    UNIT,
    YAOZHUANG,
    Batch,
    Core,
    clean_run,
    fix,
    ms,
    raising,
    reading,
)

PHONE, IDENTITY = "13812345678", "110101199003074477"


def standing(core: Core, second: int) -> dict[str, Any]:
    """A position at the place that owes a visit, so many seconds after five minutes into its window."""
    place, start, _ = core.owed()
    assert place.lon is not None
    assert place.lat is not None
    return fix(second, iso(start + 5 * MINUTE + second * 1000), place.lon, place.lat)


class Killed(BaseException):
    """The process ends here: nothing may catch it."""


# --- one record, one effect -----------------------------------------------------------------------------------------


def test_accepted_records_become_figures_in_the_window(core: Core) -> None:
    assert core.value("screened") is None
    receipt = core.accept("temperature", reading(1), reading(2, celsius=38.2), reading(3, town=DAYUN))
    assert receipt.accepted == 3
    assert core.value("screened") == 2
    assert core.value("fever_count") == 1
    assert core.value("screened", "all") == 3
    assert core.figure("screened").freshness is Freshness.FRESH
    assert core.on_the_road() == (0, 0, 0)


def test_duplicates_and_redelivery_change_nothing(core: Core) -> None:
    core.accept("temperature", reading(1), reading(2))
    before = core.window(), core.states(), core.count("event")
    core.accept("temperature", reading(1), reading(2), reading(1))
    assert (core.window(), core.states(), core.count("event")) == before


def test_the_same_id_of_another_source_is_another_record(core: Core) -> None:
    core.accept("temperature", reading(1), source="gate")
    core.accept("temperature", reading(1), source="other")
    assert core.value("screened") == 2


def test_a_correction_by_rev_takes_the_place_and_a_late_lower_rev_does_not(core: Core) -> None:
    core.accept("temperature", reading(1, celsius=38.5, rev=1))
    assert core.value("fever_count") == 1
    core.accept("temperature", reading(1, celsius=36.4, rev=3))
    assert core.value("fever_count") == 0
    core.accept("temperature", reading(1, celsius=39.0, rev=2))
    assert (core.value("fever_count"), core.value("screened")) == (0, 1)
    assert core.count("event") == 3, "every version is kept"


def test_without_rev_the_version_received_last_counts_whatever_the_order_of_arrival(core: Core) -> None:
    core.send("temperature", reading(1, celsius=36.4), received_at=NOON + 1000)
    core.work()
    core.send("temperature", reading(1, celsius=38.5), received_at=NOON)
    core.work()
    assert core.value("fever_count") == 0


def test_a_correction_may_move_a_record_to_another_town_day_and_checkpoint(core: Core) -> None:
    core.accept("temperature", reading(1), reading(2))
    core.accept("temperature", reading(1, town=DAYUN, checkpoint=f"{DAYUN}-K01", rev=1))
    assert (core.value("screened"), core.value("screened", DAYUN)) == (1, 1)
    core.accept("temperature", reading(1, at="2020-02-17T09:00:00+08:00", rev=2))
    assert (core.value("screened"), core.value("screened", DAYUN)) == (1, None)


def test_void_needs_only_the_id(core: Core) -> None:
    core.accept("temperature", reading(1), reading(2))
    receipt = core.accept("temperature", {"id": "t-1", "void": True})
    assert receipt.accepted == 1
    assert core.value("screened") == 1


@pytest.mark.parametrize("rev", [None, 4])
def test_void_counts_even_when_the_worker_sees_it_before_the_original(core: Core, rev: int | None) -> None:
    core.accept("temperature", {"id": "t-1", "void": True, "rev": rev}, received_at=NOON + 1)
    core.accept("temperature", reading(1), reading(2), received_at=NOON)
    assert core.value("screened") == 1


def test_nobody_can_void_another_sources_record(core: Core) -> None:
    core.accept("temperature", reading(1))
    core.accept("temperature", {"id": "t-1", "void": True, "rev": 9}, source="other")
    assert core.value("screened") == 1


def test_a_late_fix_refolds_the_units_day(core: Core) -> None:
    """Two fixes 150 s apart are no stay; the one between them, arriving last, makes them one of 150 s."""
    core.accept("patrol", standing(core, 0), standing(core, 150))
    assert core.value("obligations_met") == 0
    core.accept("patrol", standing(core, 75))
    assert core.value("obligations_met") == 1
    core.accept("patrol", {"id": "f-75", "void": True})
    assert core.value("obligations_met") == 0


def test_a_town_that_reports_nothing_has_reported(core: Core) -> None:
    core.accept("temperature", {"id": "zero", "town": YAOZHUANG, "at": iso(NOON), "nothing": True})
    assert core.value("screened") == 0
    assert core.value("fever_rate") is None
    assert core.figure("reporting_rate", "all").numerator in (0, 1)


# --- crash points ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["before_commit", "before_publish", "before_acknowledge"])
@pytest.mark.parametrize("how", [Killed(), StoreUnavailable("Redis is away")])
def test_a_crash_at_any_point_leaves_the_figures_of_a_clean_run(
    core: Core,
    point: str,
    how: BaseException,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    redis_server: RedisServer,
    new_database: Callable[[], str],
) -> None:
    records = [reading(number, celsius=38 if number % 3 == 0 else 36.5) for number in range(9)]
    core.send("temperature", *records)
    visit = [standing(core, 0), standing(core, 90)]
    core.send("patrol", *visit)
    place = {
        "before_commit": (core.history, "close_batch"),
        "before_publish": (core.live, "publish"),
        "before_acknowledge": (core.stream, "finish"),
    }[point]
    with monkeypatch.context() as patch:
        patch.setattr(*place, raising(how))
        with pytest.raises(type(how)):
            core.work()
    assert core.on_the_road()[1] > 0, "an entry is deleted only after it is committed and published"
    assert core.count("event") == (0 if point == "before_commit" else 11)
    leases.release(core.history, core.worker.owner)
    # The window is not cleared: the successor must know by itself that it owes a publication.
    core.work(core.another_worker())
    assert core.on_the_road() == (0, 0, 0)
    batches: list[Batch] = [("temperature", records), ("patrol", visit)]
    clean = clean_run(tmp_path / "clean", redis_server.url, batches, database_url=new_database())
    assert core.states() == clean.states()
    assert core.value("screened") == 9
    assert core.value("fever_count") == 3
    assert core.value("obligations_met") == 1
    clean.close()


def test_a_worker_that_lost_redis_between_commit_and_publication_publishes_afterwards(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.send("temperature", reading(1))
    with monkeypatch.context() as patch:
        patch.setattr(core.live, "publish", raising(StoreUnavailable("Redis is away")))
        with pytest.raises(StoreUnavailable):
            core.work()
    # As Worker.run does after such an error.
    core.worker.held, core.worker._renew_at = {}, 0
    core.worker._taken_over.clear()
    core.work()
    assert core.value("screened") == 1


def _worker_process(core: Core) -> subprocess.Popen[bytes]:
    with open(core.settings.data_dir / "worker.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard", "worker", "--data", str(core.settings.data_dir)],
            env=environment_of(core.settings),
            stdout=log,
            stderr=log,
        )


def _until(
    process: subprocess.Popen[bytes], condition: Callable[[], bool], what: str, patience_s: float = 60.0
) -> None:
    """Wait for a condition that a child brings about; it may not end before."""
    until = machine_ms() + patience_s * 1000
    pause = threading.Event()
    while not condition():
        assert process.poll() is None, f"the worker ended before: {what}"
        assert machine_ms() < until, f"never came: {what}"
        pause.wait(0.002)


def _committed(core: Core, events: int) -> bool:
    return core.count("event") >= events


def screened(core: Core) -> dict[tuple[str, int, str], int]:
    """Readings by stored state. Whole states differ in when each record was received."""
    engine = core.worker.projector.engines["temperature"]
    return {key: engine.decode(state).towns[YAOZHUANG].screened for key, state in core.states().items()}


def test_a_worker_killed_outright_again_and_again_loses_and_doubles_nothing(
    core: Core, tmp_path: Path, redis_server: RedisServer, new_database: Callable[[], str]
) -> None:
    leases.release(core.history, core.worker.owner)
    now = machine_ms()
    core.clock.set(now)
    batches = [
        ("temperature", [reading(f"{batch}-{one}", iso(now - MINUTE - one)) for one in range(40)])
        for batch in range(60)
    ]
    for feed, records in batches:
        core.send(feed, *records)
    total = 60 * 40
    for part in (1, total // 3):
        process = _worker_process(core)
        try:
            _until(process, partial(_committed, core, part), f"{part} committed events")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        # Its lease would run out by itself after ten seconds; the test does not wait for that.
        with core.history.writing() as connection:
            connection.execute(update(tables.lease).values(expires_at=0))
    process = _worker_process(core)
    try:
        _until(process, lambda: core.on_the_road() == (0, 0, 0) and core.live.ready(), "an empty road")
    finally:
        process.terminate()
        process.wait()
    assert core.count("event") == core.count("event_key") == total
    clean = clean_run(tmp_path / "clean", redis_server.url, batches, at=now, database_url=new_database())
    assert screened(core) == screened(clean)
    assert sum(screened(core).values()) == total
    clean.close()


# --- leases ---------------------------------------------------------------------------------------------------------


def test_a_new_worker_takes_over_what_a_dead_one_left_unacknowledged(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.send("temperature", *(reading(number, checkpoint=f"K-{number}") for number in range(20)))
    with monkeypatch.context() as patch:
        patch.setattr(core.worker.projector, "apply", raising(Killed()))
        with pytest.raises(Killed):
            core.work()
    heir = core.another_worker()
    heir.step()
    assert heir.held == {}, "a living lease is nobody else's"
    with core.history.writing() as connection:
        connection.execute(update(tables.lease).values(expires_at=0))
    heir._renew_at = 0
    core.work(heir)
    assert core.value("screened") == 20
    assert {owner for owner, _, _ in leases.owners(core.history).values()} == {heir.owner}


def test_a_worker_whose_lease_has_passed_cannot_write(core: Core) -> None:
    held = dict(core.worker.held)
    with core.history.writing() as connection:
        connection.execute(update(tables.lease).values(expires_at=0))
    heir = core.another_worker()
    heir.step()
    assert all(heir.held[partition] == fence + 1 for partition, fence in held.items())
    core.send("temperature", reading(1))
    with pytest.raises(LeaseLost):
        core.work()
    assert core.count("event") == 0, "rolled back"
    # The first worker read the entry before it knew; the heir looks for such at each renewal.
    heir._renew_at = 0
    core.work(heir)
    assert core.count("event") == 1
    assert core.value("screened") == 1


def test_a_worker_that_gets_its_partition_back_does_not_trust_its_memory(core: Core) -> None:
    """What another worker committed meanwhile is in SQL and not in the first one's cached states."""
    first = core.worker
    core.accept("temperature", reading(1))
    leases.release(core.history, first.owner)
    second = core.another_worker()
    core.send("temperature", reading(2))
    core.work(second)
    leases.release(core.history, second.owner)
    first._renew_at = 0
    core.send("temperature", reading(3))
    core.work(first)
    assert core.value("screened") == 3
    core.work(core.worker)
    assert core.count("event") == 3


def test_two_workers_share_the_partitions_and_a_void_in_the_others_partition_is_seen(core: Core) -> None:
    leases.release(core.history, core.worker.owner)
    one, two = core.another_worker(share=1), core.another_worker(share=1)
    one.step()
    two.step()
    assert sorted([*one.held, *two.held]) == [0, 1]
    here = partition_of(CHECKPOINT, 2)
    record = next(found for found in map(reading, range(50)) if partition_of(found["id"], 2) != here)
    core.send("temperature", record, reading("stays"))
    for worker in (one, two, one, two):
        worker.step()
    core.send("temperature", {"id": record["id"], "void": True})
    for worker in (one, two, one, two):
        worker.step()
    core.send("temperature", reading("later"))
    for worker in (one, two, one, two):
        worker.step()
    assert core.value("screened") == 2
    assert core.on_the_road() == (0, 0, 0)


def test_a_late_acknowledgement_by_a_worker_that_slept_does_not_spoil_the_gauge(core: Core) -> None:
    core.send("temperature", reading(1))
    partition = partition_of(CHECKPOINT, 2)
    core.stream.open(partition)
    entries = core.stream.read([partition], 10, 1)[partition]
    for _ in range(2):
        core.stream.finish({partition: entries})
    assert core.stream.lag(partition) == (0, 0)
    core.send("temperature", reading(2))
    assert core.stream.lag(partition)[0] == 1


# --- what cannot be applied -----------------------------------------------------------------------------------------


def test_a_record_that_cannot_be_applied_is_parked_and_the_rest_goes_on(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = Projector._settle

    def poisoned(self: Projector, connection: Any, events: list[Event], *more: Any) -> Any:
        if any(event.id == "t-7" for event in events):
            raise ArithmeticError("a fault of the program")
        return settle(self, connection, events, *more)

    monkeypatch.setattr(Projector, "_settle", poisoned)
    core.accept("temperature", *(reading(number) for number in range(20)))
    assert core.value("screened") == 19
    (letter,) = core.letters()
    assert (letter["record"], letter["feed"], letter["source"]) == ("t-7", "temperature", "gate")
    assert core.on_the_road() == (0, 0, 0)

    monkeypatch.setattr(Projector, "_settle", settle)
    receipt = deadletter.resend(core.history, core.intake, core.door(), letter["number"], {}, core.clock.now())
    core.work()
    assert receipt.accepted == 1
    assert core.value("screened") == 20


def test_poison_of_a_source_with_a_long_name_is_kept_record_by_record(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Projector, "_settle", raising(ArithmeticError("a fault of the program")))
    core.accept("patrol", standing(core, 0), standing(core, 60), source="s" * 80)
    assert {letter["record"] for letter in core.letters()} == {"f-0", "f-60"}
    assert all(letter["body"]["lon"] == core.owed()[0].lon for letter in core.letters()), (
        "it can be sent again as it was"
    )


def test_an_entry_that_no_gateway_wrote_is_parked(core: Core) -> None:
    core.parts.client.xadd(partition_key(0), {"e": b"\xc1 not events", "n": 1})
    core.parts.client.xadd("tw:dead", {"d": b"not a letter"})
    core.accept("temperature", reading(1))
    assert core.value("screened") == 1
    assert sorted(letter["source"] for letter in core.letters()) == ["(road)", "(road)"]
    assert core.on_the_road() == (0, 0, 0)


# --- the road -------------------------------------------------------------------------------------------------------


def test_an_emptied_redis_is_filled_again_from_sql_and_records_flow_on(core: Core) -> None:
    core.accept("temperature", reading(1), reading(2, celsius=38))
    before = core.window()
    core.parts.client.flushall()
    assert core.value("screened") is None
    assert not core.live.ready()
    core.worker.step()
    assert core.live.ready()
    assert core.window() == before
    core.accept("temperature", reading(3))
    assert core.value("screened") == 3
    assert core.on_the_road() == (0, 0, 0)


def test_a_full_road_takes_nothing_and_says_when_to_come_back(core: Core) -> None:
    core.stream.limit = 10
    core.send("temperature", *(reading(number) for number in range(10)))
    road = core.on_the_road()
    core.stream._gauge = (0.0, 0)
    with pytest.raises(Backpressure) as refused:
        core.send("temperature", reading(10), reading(11, celsius=99))
    assert refused.value.retry_after > 0
    assert core.on_the_road() == road
    core.work()
    assert core.count("event") == 10
    assert core.count("dead_letter") == 0
    core.stream._gauge = (0.0, 0)
    assert core.accept("temperature", reading(10)).accepted == 1


def test_a_redis_that_refuses_to_write_is_a_reason_to_come_back_and_no_fault_of_the_record(core: Core) -> None:
    client = core.parts.client
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(Backpressure):
            core.send("temperature", reading(1))
    finally:
        client.config_set("maxmemory", "0")
    # Whether there is room is looked at twice a second.
    core.stream.room = Room(core.stream.servers)
    assert core.accept("temperature", reading(1)).accepted == 1


# --- time alone -----------------------------------------------------------------------------------------------------


def test_an_obligation_lapses_by_time_alone(core: Core) -> None:
    """Every unit of the town reports its position all the time, far from any place: nothing is unobservable."""
    place, start, end = core.owed()
    units = [unit.code for unit in core.parts.region_at(20200218).pack.units if unit.town == YAOZHUANG]
    for at in range(start - MINUTE, end, MINUTE):
        core.clock.set(at)
        core.send("patrol", *(fix(f"{unit}-{at}", iso(at), 120.84, 30.79, unit=unit) for unit in units))
    core.clock.set(end - 1)
    core.work()

    def state() -> ObligationState:
        track = core.reader().board(LOCAL_VIEWER).track(YAOZHUANG)
        assert track is not None
        return next(one.state for one in track.obligations if (one.place, one.end) == (place.code, end))

    assert state() is ObligationState.OPEN
    core.clock.set(end)
    core.worker.step()
    assert state() is ObligationState.LAPSED


def test_a_checkpoint_goes_offline_by_time_alone(core: Core) -> None:
    core.accept("temperature", reading(1, "12:00", town="330421001", checkpoint=ALWAYS_ON_DUTY))
    assert core.figure("checkpoints_online", "330421001").numerator == 1
    core.clock.set(ms("12:09:59"))
    core.worker.step()
    assert core.figure("checkpoints_online", "330421001").numerator == 1
    core.clock.set(ms("12:10"))
    core.worker.step()
    assert core.figure("checkpoints_online", "330421001").numerator == 0


def test_midnight_rolls_the_day_over_by_time_alone(core: Core) -> None:
    core.clock.set(ms("23:59"))
    core.accept("temperature", reading(1, "23:58"))
    assert core.value("screened") == 1
    core.clock.set(ms("2020-02-19T00:00:00+08:00"))
    core.worker.step()
    assert core.value("screened") is None, "nobody has reported on the new day"
    assert core.figure("reporting_rate", "all").numerator == 0


def test_what_time_did_while_redis_was_away_is_published_when_it_is_back(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.accept("temperature", reading(1, "12:00", town="330421001", checkpoint=ALWAYS_ON_DUTY))
    core.clock.set(ms("12:10"))
    with monkeypatch.context() as patch:
        patch.setattr(core.live, "publish", raising(StoreUnavailable("Redis is away")))
        with pytest.raises(StoreUnavailable):
            core.worker.step()
    core.worker.step()
    assert core.figure("checkpoints_online", "330421001").numerator == 0


def test_an_older_publication_does_not_replace_a_newer_one(core: Core) -> None:
    core.accept("temperature", reading(1))
    window = core.live.read(core.worker.publisher.engines["temperature"].feed)
    core.accept("temperature", reading(2))
    assert core.live.publish("temperature", window.summaries, window.seq, core.clock.now()) == 0
    assert core.value("screened") == 2


def test_a_feed_that_was_not_published_anew_is_not_fetched_again(core: Core) -> None:
    feeds = {name: engine.feed for name, engine in core.worker.publisher.engines.items()}
    core.accept("temperature", reading(1))
    first = core.live.read_all(feeds.values())
    assert first.keys() == feeds.keys()
    again = core.live.read_all(feeds.values())
    assert all(again[name] is first[name] for name in feeds)
    core.accept("temperature", reading(2))
    after = core.live.read_all(feeds.values())
    assert after["temperature"].seq > first["temperature"].seq
    assert after["patrol"] is first["patrol"]
    assert core.value("screened") == 2
    core.live.clear()
    assert {name: window.summaries for name, window in core.live.read_all(feeds.values()).items()} == {
        name: {} for name in feeds
    }


# --- dead letters and privacy ---------------------------------------------------------------------------------------


def test_a_rejected_record_is_kept_corrected_and_replayed(core: Core) -> None:
    receipt = core.accept("temperature", reading(1, celsius=99.9), reading(2))
    assert receipt.accepted == 1
    (letter,) = core.letters("open")
    assert (letter["field"], letter["got"], letter["town"]) == ("celsius", "99.9", YAOZHUANG)
    assert "30" in letter["allowed"]
    number = letter["number"]
    deadletter.correct(core.history, number, {"celsius": 36.9})
    (letter,) = core.letters("corrected")
    assert letter["body"]["celsius"] == 36.9
    with pytest.raises(TownwatchError):
        deadletter.correct(core.history, number, {"shoe_size": 43})
    with pytest.raises(NotAllowed):
        deadletter.resend(core.history, core.intake, core.door("other"), number, {}, core.clock.now())
    assert deadletter.resend(core.history, core.intake, core.door(), number, {}, core.clock.now()).accepted == 1
    core.work()
    (letter,) = core.letters("replayed")
    assert letter["resolved_at"] == core.clock.now()
    assert core.value("screened") == 2
    with pytest.raises(TownwatchError):
        deadletter.resend(core.history, core.intake, core.door(), number, {}, core.clock.now())


def test_a_correction_that_is_still_wrong_leaves_the_letter_open(core: Core) -> None:
    core.accept("temperature", reading(1, celsius=99.9))
    number = core.letters("open")[0]["number"]
    receipt = deadletter.resend(core.history, core.intake, core.door(), number, {"celsius": 12}, core.clock.now())
    assert receipt.rejected[0].field == "celsius"
    assert number in {letter["number"] for letter in core.letters("open")}


def test_the_same_rejected_record_twice_is_one_letter(core: Core) -> None:
    for _ in range(3):
        core.accept("temperature", reading(1, celsius=99.9))
    assert len(core.letters()) == 1


def test_a_letter_is_of_the_town_that_its_spelling_means(core: Core) -> None:
    core.accept("temperature", reading(1, celsius=99.9, town="姚庄"))
    assert len(deadletter.listed(core.history, towns=frozenset({YAOZHUANG}))) == 1


@pytest.mark.parametrize(
    "personal",
    [
        {"device": f"call {PHONE}"},
        {"person_ref": IDENTITY},
        {"celsius": int(PHONE)},
        {"device_threshold": float(PHONE)},
        {"name": "张三", "phone": PHONE},
        {"checkpoint": f"138-1234-5678 {IDENTITY}"},
        {"town": PHONE},
        {"at": IDENTITY},
        {"id": IDENTITY},
        {"id": int(PHONE)},
        {"source": PHONE},
        {"id": {"phone": PHONE}},
    ],
    ids=str,
)
def test_phone_and_identity_numbers_get_no_further_than_the_door(core: Core, personal: dict[str, Any]) -> None:
    receipt = core.send("temperature", reading(1) | personal)
    keys: Any = core.parts.client.keys("tw:*")
    on_disk = b"".join(value for key in keys for value in _stream_values(core.parts.client, key))
    core.work()
    with core.history.reading() as connection:
        for table in (tables.event, tables.dead_letter, tables.event_key, tables.projection, tables.provisional_place):
            for row in connection.execute(select(table)):
                on_disk += b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    told = " ".join(f"{one.id} {one.got} {one.message}" for one in receipt.rejected)
    for number in (PHONE, IDENTITY, "138-1234-5678", "张三"):
        assert number.encode() not in on_disk
        assert number not in told
    assert not re.search(rb"\xcf\x00\x00\x00\x03\x37", on_disk), "the phone number as a MessagePack integer"


def _stream_values(client: redis.Redis, key: bytes) -> list[bytes]:
    if client.type(key) != b"stream":
        return []
    entries: Any = client.xrange(key)
    return [value for _, fields in entries for value in fields.values()]


def test_an_unknown_place_becomes_provisional_once(core: Core) -> None:
    core.accept("temperature", reading(1, checkpoint="K-new"), reading(2, checkpoint="K-new"))
    core.accept("temperature", reading(3, checkpoint="K-new"))
    with core.history.reading() as connection:
        (row,) = core.history.provisional(connection)
    assert (row.code, row.kind, row.town) == ("K-new", "checkpoint", YAOZHUANG)
    assert core.figure("checkpoints_online").numerator == 1


def test_units_on_patrol_check_in_at_a_place(core: Core) -> None:
    place, start, _ = core.owed()
    record = {"id": "c", "town": YAOZHUANG, "at": iso(start + 1), "unit": UNIT, "kind": "checkin", "place": place.code}
    core.accept("patrol", record)
    assert core.value("obligations_met") == 1
