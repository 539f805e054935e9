"""Things break, and what was accepted is there exactly once: the most telling faults, short.

All of them, longer and in one table: ``./townwatch bench --faults``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from benchmarks.faults import killed, run, unsynced
from benchmarks.faults.fault import Blow, Fault, Row
from benchmarks.faults.ground import Ground, Lay
from dashboard import processes
from dashboard.clock import machine_ms
from dashboard.errors import Backpressure, DiskFull, StoreUnavailable
from dashboard.stores import leases, redis_server
from dashboard.stores.room import Room
from dashboard.stores.servers import Servers
from dashboard.stores.stream import partition_key
from tests.engine.core import Core, raising, reading

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))) and not os.environ.get("CI"), reason="there is no C compiler"
)


# --- under `up`, with real processes ---------------------------------------------------------------------------------


def _good(row: Row) -> None:
    assert (row.lost, row.doubled, row.wrong) == (0, 0, []), row
    assert row.accepted > 200


@pytest.mark.timeout(300)
@needs_compiler
def test_kills_and_a_power_cut_lose_and_double_nothing() -> None:
    def everything(blow: Blow) -> None:
        for name in ("worker", "redis"):
            killed._kill(name, blow)
        before = blow.ground.pid("redis")
        with blow.ground.stopped(blow.ground.supervisor.pid):
            blow.ground.kill("redis")
            blow.ground.until(lambda: unsynced._gone(before), "the end of Redis", 20)
            blow.ground.power.cut(blow.ground.data / "redis")
        blow.over()

    fault = Fault("all", "都坏", "everything", everything, Lay(power=True))
    with Ground(fault.lay) as ground:
        _good(run.carry_out(ground, fault, True, {}))


@needs_compiler
def test_the_power_cut_bites_where_nothing_is_synced() -> None:
    assert unsynced.bites("always", 200) == (0, 200)
    lost, sent = unsynced.bites("no", 200)
    assert lost > 0, f"of {sent} answered entries none was lost: the cut proves nothing"


# --- what the faults had found, each by itself -----------------------------------------------------------------------


@pytest.fixture
def core(data_dir: Path, redis_client: redis.Redis, redis_server: Any) -> Any:
    """A core on an empty Redis."""
    made = Core(data_dir, redis_server.url)
    yield made
    made.close()


def test_a_worker_that_died_here_is_followed_at_once(core: Core) -> None:
    child = subprocess.run(
        [sys.executable, "-c", "from dashboard.stores import leases; print(leases.owner_here())"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    gone = child.stdout.strip()
    assert set(leases.acquire(core.history, gone, range(2))) == {0, 1}
    leases.share(core.history, gone, 2)
    heir = leases.owner_here()
    assert leases.share(core.history, heir, 2) == 2, "the dead one is not counted"
    assert set(leases.acquire(core.history, heir, range(2))) == {0, 1}
    other = leases.owner_here()
    assert leases.acquire(core.history, other, range(2)) == {}, "one that lives keeps what it holds"


def test_a_lease_of_a_clock_that_was_ahead_is_not_waited_for(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    now = machine_ms()
    monkeypatch.setattr(leases, "machine_ms", lambda: now + 7_200_000)
    fences = leases.acquire(core.history, "elsewhere-1-x", range(2))
    leases.share(core.history, "elsewhere-1-x", 2)
    monkeypatch.setattr(leases, "machine_ms", lambda: now)
    assert leases.share(core.history, "here-2-y", 2) == 2
    taken = leases.acquire(core.history, "here-2-y", range(2))
    assert {partition: fence + 1 for partition, fence in fences.items()} == taken


def test_a_clock_that_is_set_back_leaves_no_figures_of_tomorrow(core: Core) -> None:
    core.accept("temperature", reading(1))
    assert core.value("screened") == 1
    noon = core.clock.now()
    core.clock.set(noon + 26 * 3_600_000)
    core.work()
    assert core.value("screened") is None, "nothing has been reported tomorrow"
    core.clock.set(noon)
    core.work()
    assert core.value("screened") == 1


def test_unreadable_entries_of_two_partitions_are_two_letters(core: Core) -> None:
    core.worker.step()
    for partition in range(2):
        core.parts.client.xadd(partition_key(partition), {"e": b"\xc1", "n": 1}, id="1700000000000-0")
    core.work()
    assert len(core.letters()) == 2


def test_what_is_committed_leaves_the_road_though_it_cannot_be_published(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.worker.step()
    core.send("temperature", reading(1))
    full = StoreUnavailable("Redis is away")
    full.__cause__ = redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'")
    with monkeypatch.context() as away:
        away.setattr(core.live, "publish", raising(full))
        with pytest.raises(StoreUnavailable):
            core.worker.step()
    assert core.on_the_road() == (0, 0, 0)
    core.worker.step()
    assert core.value("screened") == 1, "what was owed is published"


def test_near_its_memory_limit_nothing_is_taken_and_senders_come_back(core: Core) -> None:
    client = core.parts.client
    try:
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.05))
        core.stream.room = Room(Servers(client))
        with pytest.raises(Backpressure, match="内存已用") as full:
            core.send("temperature", reading(1))
        assert full.value.retry_after > 0
        core.stream.room.refusal = lambda: None  # type: ignore[method-assign]
        client.config_set("maxmemory", 1)
        with pytest.raises(Backpressure, match="内存已用完"):
            core.send("temperature", reading(1))
    finally:
        client.config_set("maxmemory", 0)
    assert core.on_the_road() == (0, 0, 0)
    core.stream.room = Room(Servers(client))
    assert core.accept("temperature", reading(1)).accepted == 1


def test_below_the_reserve_of_the_disk_nothing_is_taken(core: Core) -> None:
    core.stream.room = Room(Servers(core.parts.client), (core.settings.data_dir,), 1 << 60)
    with pytest.raises(DiskFull, match="低于保留的"):
        core.send("temperature", reading(1))
    core.stream.room = Room(Servers(core.parts.client), (core.settings.data_dir,), 0)
    assert core.send("temperature", reading(1)).accepted == 1


def test_a_redis_that_is_started_again_is_where_it_was(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    first = redis_server.start(deep)
    try:
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        second = redis_server.start(deep)
        second.stop()
        assert second.url == first.url, "whoever knew the first must find the second"
    finally:
        first.stop()


def test_a_redis_that_does_not_come_up_does_not_end_its_supervisor(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard.settings import Settings

    said: list[str] = []
    supervisor = processes.Supervisor(Settings.load(data_dir), parts=(), say=said.append)
    supervisor.server = redis_server.start(data_dir)
    supervisor.server.process.kill()
    supervisor.server.process.wait()
    with monkeypatch.context() as full:
        full.setattr(redis_server, "start", raising(OSError(28, "No space left on device")))
        supervisor._look_after(first=False)
    assert "No space left on device" in said[-1]
    supervisor.redis_due = 0.0
    supervisor._look_after(first=False)
    assert supervisor.server.alive()
    supervisor.server.stop()


def test_a_log_that_cannot_be_written_ends_nobody() -> None:
    code = (
        "from dashboard import telemetry\n"
        "telemetry.configure('info', True)\n"
        "telemetry.log('x').warning('event')\n"
        "print('goes on')\n"
    )
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert (done.returncode, done.stdout) == (0, "goes on\n")


def test_a_part_that_ends_without_a_word_is_started_again(data_dir: Path) -> None:
    from dashboard.settings import Settings

    said: list[str] = []
    supervisor = processes.Supervisor(Settings.load(data_dir), parts=(), say=said.append)
    child = processes.Child(processes.Part("worker", ("worker",)), started=0.0)
    supervisor._ended(child, 1, 1.0, first=False)
    assert "starting again" in said[-1], "on a full disk nobody can say why he ends"
    assert child.due > 1.0
