"""Plays a scenario into a data directory: its history at once, then each record when the world's clock reaches it.

The history goes through the loader (the road's decoder and transactions without the road), the rest through the intake
that every gateway uses. Nothing here decides what a record says. Times are ms since 1970 UTC of the world, unless a
name says otherwise.

A jump forwards (``clock.Steering``) is played too, only faster: the clock goes by steps of some minutes, each when the
records of the last one have arrived, so that nothing in between looks silent.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import redis
import structlog

from dashboard.clock import LOOK_MS, Clock, ReplayClock, Steering, machine_ms, read_clock, write_world
from dashboard.domain.day import MINUTE
from dashboard.errors import Backpressure, TownwatchError
from dashboard.feeds import feed_named
from dashboard.settings import Settings
from dashboard.stores.history import History, open_engine
from dashboard.stores.rules import book_of
from dashboard.stores.stream import Stream
from geodata.library import open_library
from geodata.region import Region
from ingest import loader
from ingest.decode import Door
from ingest.intake import Intake
from ingest.scenarios import scenario_named
from ingest.scenarios.base import Batch, Scenario, Sent, batches

log = structlog.get_logger("player")

TICK_S = 0.1
"""Records due within a tick of machine time travel together."""

CHUNK = 2_000
"""Most records sent at once, so that catching up never floods the road."""

WARM_SPAN_MS = 30_000
"""History that arrived within half a minute is loaded as one batch; its records share one received time."""

MAX_BACKOFF_S = 10.0

SAVE_EVERY_MS = 1_000

STEP_MS = 8 * MINUTE
"""A jump goes by steps of so much world time: less than what makes any feed look silent."""

LOOK_S = 1.2 * LOOK_MS / 1000
"""After so long every process knows how far a jump has come."""

SETTLING_S = 0.03

SETTLE_S = 20.0
"""Longest that a step waits for its records to have arrived: a worker that is away must not hold a jump for ever."""

PLAYING_FILE = "player.lock"

Send = Callable[[Batch], None]
Wait = Callable[[float], bool]
"""Waits so many machine seconds at most; true when it is time to stop."""


class Position:
    """How far a data directory's replay has come: everything that arrived before ``read()`` is in. Survives a crash.

    ``history`` is a file that stands there once the history is loaded whole; a broken load starts again.
    """

    def __init__(self, data_dir: Path, scenario: str) -> None:
        self.path = Path(data_dir) / f"player-{scenario}.json"
        self.history = Path(data_dir) / f"history-{scenario}.loaded"

    def read(self) -> int | None:
        """The recorded moment; ``None`` when nothing was played or the file is torn (then all is sent again)."""
        try:
            return int(json.loads(self.path.read_text("utf-8"))["until"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, until: int) -> None:
        """Record a moment; a crash leaves the old file or the new one."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"until": until}), "utf-8")
        os.replace(fresh, self.path)


class Jumps(Protocol):
    """Where a jump leads, and how far it has come."""

    def target(self) -> int | None:
        """The moment to come to; ``None``: no jump is being made."""
        ...

    def settled(self) -> bool:
        """Whether everything that was sent has arrived."""
        ...

    def reach(self, moment: int) -> None:
        """Everything up to now is in: the world's clock may stand at ``moment``."""
        ...


class Player:
    """Sends what is due, tick by tick, until told to stop or at the scenario's end."""

    def __init__(
        self, scenario: Scenario, clock: Clock, send: Send, position: Position, wait: Wait, jumps: Jumps | None = None
    ) -> None:
        self.scenario, self.clock, self.position = scenario, clock, position
        self._send, self._wait, self._jumps = send, wait, jumps
        self.sent = 0
        self._saved_at = 0

    def run(self) -> None:
        """Play from the recorded position on. What a crash sends twice changes nothing: its ids are the same."""
        done = self.position.read() or self.scenario.start
        upcoming = self.scenario.between(done, self.scenario.end)
        following = next(upcoming, None)
        while following is not None:
            now, jumping = self.clock.now(), self._jumping()
            if following.arrival > now:
                if jumping is not None and not self._arrive(min(jumping, now + STEP_MS)):
                    break
                if self._wait(LOOK_S if jumping is not None else self._pause(following.arrival - now)):
                    break
                continue
            due, following = self._due(following, upcoming, now)
            behind = following is not None and following.arrival <= now
            if not self._deliver(due):
                break
            done = due[-1].arrival if behind else now + 1
            self._record(done)
            # A tick between chunks lets live traffic through while a long gap is made up.
            if jumping is None and self._wait(TICK_S):
                break
        target = self._jumping()
        if following is None and target is not None:
            # It leads beyond the last record.
            self._arrive(target)
        self.position.save(done)
        log.info("stopped", until=done, sent=self.sent, finished=following is None)

    def _jumping(self) -> int | None:
        """Where a jump leads; ``None``: none is being made, or the clock has not stopped for it yet."""
        target = self._jumps.target() if self._jumps is not None else None
        return None if target is None or self.clock.speed else target

    def _arrive(self, moment: int) -> bool:
        """Wait for what was sent to have arrived, then let the clock stand at ``moment``. False when told to stop."""
        waited = 0.0
        while self._jumps is not None and not self._jumps.settled() and waited < SETTLE_S:
            if self._wait(SETTLING_S):
                return False
            waited += SETTLING_S
        if self._jumps is not None:
            self._jumps.reach(moment)
        return True

    def _pause(self, world_ms: int) -> float:
        speed = self.clock.speed or 1.0
        return min(max(world_ms / 1000 / speed, TICK_S), 1.0)

    @staticmethod
    def _due(first: Sent, upcoming: Iterator[Sent], now: int) -> tuple[list[Sent], Sent | None]:
        due = [first]
        following = next(upcoming, None)
        while following is not None and following.arrival <= now and len(due) < CHUNK:
            due.append(following)
            following = next(upcoming, None)
        return due, following

    def _deliver(self, due: list[Sent]) -> bool:
        """Send, again and again while the road is full or away. False when told to stop before all was taken."""
        for batch in batches(iter(due), most=CHUNK, span_ms=1 << 62):
            backoff = TICK_S
            while True:
                try:
                    self._send(batch)
                    self.sent += len(batch.records)
                    break
                except TownwatchError as trouble:
                    if not trouble.retry:
                        raise
                    pause = trouble.retry_after if isinstance(trouble, Backpressure) else backoff
                    log.warning("waiting", reason=trouble.sentence, seconds=pause)
                    backoff = min(backoff * 2, MAX_BACKOFF_S)
                    if self._wait(pause):
                        return False
        return True

    def _record(self, done: int) -> None:
        now = machine_ms()
        if now - self._saved_at >= SAVE_EVERY_MS:
            self.position.save(done)
            self._saved_at = now


def resume_at(scenario: Scenario, position: Position) -> int:
    """Where the world's clock goes on: where play stopped last, at least the scenario's start."""
    return max(position.read() or 0, scenario.start)


def warm(settings: Settings, scenario: str, speed: float, progress: Callable[[int, int], None]) -> None:
    """Load a scenario's history unless the data directory has it, and set the world's clock going.

    The clock goes on where play stopped last, so a demo started the next day does not skip the time between.
    ``progress`` gets (records loaded, records expected); the last call has both equal.

    Raises:
        ConfigurationError: no such scenario, or the region pack is of another region.
        StoreUnavailable: the database does not answer.
    """
    region_at = _region_at(settings)
    made = scenario_named(scenario, region_at(0).pack)
    position = Position(settings.data_dir, scenario)
    if not position.history.exists():
        total = made.expected(made.warm_from, made.start)
        grouped = batches(made.between(made.warm_from, made.start), most=CHUNK, span_ms=WARM_SPAN_MS)
        engine = open_engine(settings.database_url)
        try:
            history = History(engine)
            loaded = loader.load(
                history,
                # Rules may have been changed in a world whose history is loaded again.
                book_of(history, *open_library(settings.data_dir, settings.region)),
                ((batch.feed, made.source, batch.records, batch.received_at) for batch in grouped),
                lambda done: progress(min(done, total), total),
            )
        finally:
            engine.dispose()
        progress(loaded.records, loaded.records)
        log.info("history_loaded", records=loaded.records, rejected=loaded.rejected, seq=loaded.seq)
        position.history.touch()
    write_world(settings.data_dir, scenario, speed, resume_at(made, position))


def play(settings: Settings, scenario: str, speed: float) -> None:
    """The player's process: send records as the world's clock reaches them, until SIGTERM or the scenario's end.

    A directory that is no replay yet becomes one that starts where the live part starts. A world that is running keeps
    its own speed, because its pages have read it already.

    Raises:
        ConfigurationError: no such scenario, or the region pack is of another region.
    """
    region = _region_at(settings)(0)
    made = scenario_named(scenario, region.pack)
    position = Position(settings.data_dir, scenario)
    clock: Clock = read_clock(settings.data_dir)
    if clock.world != "replay":
        clock = write_world(settings.data_dir, scenario, speed, resume_at(made, position))
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    client = redis.Redis.from_url(settings.redis_url, socket_timeout=10, socket_connect_timeout=5)
    stream = Stream(client, settings.partitions, settings.stream_limit)
    intake = Intake(stream)
    door = Door(source=made.source, region=region, zone=made.zone)
    report = _Report(clock)

    def send(batch: Batch) -> None:
        receipt = intake.accept(feed_named(batch.feed), batch.records, door, clock.now())
        report.note(batch, receipt.accepted, len(receipt.rejected))

    log.info("playing", scenario=scenario, speed=clock.speed, now=clock.now())
    try:
        with _playing(settings.data_dir):
            Player(made, clock, send, position, stopping.wait, _OnRoad(settings.data_dir, clock, stream)).run()
    finally:
        client.close()


class _OnRoad:
    """Jumps of a data directory; records have arrived when the road is empty."""

    def __init__(self, data_dir: Path, clock: Clock, stream: Stream) -> None:
        self.steering, self.clock, self.stream = Steering(data_dir), clock, stream

    def target(self) -> int | None:
        return self.clock.state.target if isinstance(self.clock, ReplayClock) else None

    def settled(self) -> bool:
        return all(self.stream.lag(number) == (0, 0) for number in range(self.stream.partitions))

    def reach(self, moment: int) -> None:
        self.steering.reach(moment)


@contextmanager
def _playing(data_dir: Path) -> Iterator[None]:
    with open(Path(data_dir) / PLAYING_FILE, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def plays(data_dir: Path) -> bool:
    """Whether a player is at work in a data directory: it holds a lock as long as it lives."""
    try:
        with open(Path(data_dir) / PLAYING_FILE, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class _Report:
    """One log line a minute of machine time, so that weeks of play do not fill a disk."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.accepted = self.rejected = 0
        self.at = machine_ms()

    def note(self, batch: Batch, accepted: int, rejected: int) -> None:
        """Count a batch; log when a minute is over."""
        self.accepted += accepted
        self.rejected += rejected
        if machine_ms() - self.at >= MINUTE:
            behind = max(0, self.clock.now() - batch.received_at) // 1000
            log.info("played", accepted=self.accepted, rejected=self.rejected, behind_s=behind)
            self.accepted = self.rejected = 0
            self.at = machine_ms()


def _region_at(settings: Settings) -> Callable[[int], Region]:
    """The region in force on a local day, from the packs of the data directory."""
    library, code = open_library(settings.data_dir, settings.region)
    return lambda day: library.at(code, day)
