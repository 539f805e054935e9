"""Playing a scenario: each record when it is due, none lost at a stop, a flood or a silence of the road."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.clock import FixedClock
from dashboard.domain.day import DEFAULT_ZONE, HOUR, MINUTE, day_start, iso
from dashboard.domain.feed import Words
from dashboard.errors import Backpressure, ConfigurationError, StoreUnavailable
from ingest.scenarios.base import Batch, Draft, Scenario, Stream
from ingest.scenarios.player import CHUNK, Player, Position, resume_at

START = day_start(20200218) + 8 * HOUR


class EverySecond(Stream):
    """One record a second of the first hour after the start, arriving half a second later."""

    name = "every-second"
    feed = "temperature"

    def day(self, day: int) -> list[Draft]:
        if day != 20200218:
            return []
        times = [START + n * 1000 for n in range(3600)]
        return [Draft(at + 500, {"id": f"r{n}", "at": iso(at, DEFAULT_ZONE)}) for n, at in enumerate(times)]


SCENARIO = Scenario(
    name="tick",
    words=Words("每秒一条", "One a second"),
    region="330421",
    first_day=20200218,
    last_day=20200218,
    warm_from=day_start(20200218),
    start=START,
    source="scenario-tick",
    streams=(EverySecond(),),
)


class Road:
    """What was sent, in which batches, when; ``trouble`` may refuse a batch."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.batches: list[tuple[int, Batch]] = []
        self.trouble: Callable[[Batch], None] = lambda batch: None

    def send(self, batch: Batch) -> None:
        self.trouble(batch)
        self.batches.append((self.clock.now(), batch))

    @property
    def ids(self) -> list[str]:
        return [record["id"] for _, batch in self.batches for record in batch.records]


class Time:
    """A clock at x30 that only waiting moves, until ``stop_at``."""

    def __init__(self, begin: int, stop_at: int) -> None:
        self.clock = FixedClock(begin, "replay")
        self.clock.speed = 30.0
        self.stop_at = stop_at
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.clock.set(self.clock.now() + round(seconds * 1000 * self.clock.speed))
        return self.clock.now() >= self.stop_at


def play(time: Time, road: Road, directory: Path) -> Player:
    player = Player(SCENARIO, time.clock, road.send, Position(directory, "tick"), time.wait)
    player.run()
    return player


def test_each_record_is_sent_when_it_is_due(tmp_path: Path) -> None:
    time = Time(START, START + 5 * MINUTE)
    road = Road(time.clock)
    play(time, road, tmp_path)
    assert road.ids == [f"r{n}" for n in range(len(road.ids))]
    assert 290 <= len(road.ids) <= 300
    for now, batch in road.batches:
        assert now - 5_000 <= batch.received_at <= now
    assert min(time.waits) >= 0.1


def test_play_goes_on_where_it_stopped_and_loses_nothing(tmp_path: Path) -> None:
    ids: list[str] = []
    for begin, stop in (
        (START, START + 7 * MINUTE),
        (START + 7 * MINUTE, START + 20 * MINUTE),
        (START + 3 * HOUR, 1 << 60),
    ):
        time = Time(begin, stop)
        road = Road(time.clock)
        play(time, road, tmp_path)
        ids += road.ids
    assert ids == [f"r{n}" for n in range(3600)]


def test_a_crash_sends_some_again_and_loses_nothing(tmp_path: Path) -> None:
    time = Time(START, 1 << 60)
    road = Road(time.clock)

    def fail_late(batch: Batch) -> None:
        if len(road.ids) > 1_000:
            raise KeyboardInterrupt

    road.trouble = fail_late
    with pytest.raises(KeyboardInterrupt):
        play(time, road, tmp_path)
    again = Time(time.clock.now(), 1 << 60)
    second = Road(again.clock)
    play(again, second, tmp_path)
    assert {*road.ids, *second.ids} == {f"r{n}" for n in range(3600)}


def test_a_long_gap_is_made_up_in_chunks(tmp_path: Path) -> None:
    time = Time(START + 5 * HOUR, 1 << 60)
    road = Road(time.clock)
    play(time, road, tmp_path)
    assert [len(batch.records) for _, batch in road.batches] == [CHUNK, 3600 - CHUNK]
    assert all(wait >= 0.1 for wait in time.waits)


def test_a_road_that_is_away_or_full_is_waited_for(tmp_path: Path) -> None:
    time = Time(START + 5 * HOUR, 1 << 60)
    road = Road(time.clock)
    troubles = iter(
        [StoreUnavailable("Redis 没有应答"), Backpressure("路满了", retry_after=7), StoreUnavailable("又没有应答")]
    )

    def away(batch: Batch) -> None:
        trouble = next(troubles, None)
        if trouble:
            raise trouble

    road.trouble = away
    play(time, road, tmp_path)
    assert road.ids == [f"r{n}" for n in range(3600)]
    assert 7 in time.waits


def test_an_error_that_waiting_cannot_mend_ends_the_player(tmp_path: Path) -> None:
    time = Time(START + HOUR, 1 << 60)
    road = Road(time.clock)

    def wrong(batch: Batch) -> None:
        raise ConfigurationError("区域包不对")

    road.trouble = wrong
    with pytest.raises(ConfigurationError):
        play(time, road, tmp_path)


def test_a_stop_while_the_road_is_away_keeps_the_position(tmp_path: Path) -> None:
    time = Time(START + HOUR, START + HOUR + 1)
    road = Road(time.clock)

    def away(batch: Batch) -> None:
        raise StoreUnavailable("Redis 没有应答")

    road.trouble = away
    play(time, road, tmp_path)
    position = Position(tmp_path, "tick")
    assert position.read() == START
    assert resume_at(SCENARIO, position) == START


def test_a_torn_position_file_counts_as_none(tmp_path: Path) -> None:
    position = Position(tmp_path, "tick")
    position.path.write_text('{"unti', "utf-8")
    assert position.read() is None
    position.save(START + 5)
    assert resume_at(SCENARIO, position) == START + 5


class Jumping:
    """A jump of the clock that the player is to make; the clock stands still until it is made."""

    def __init__(self, time: Time, road: Road, to: int) -> None:
        self.time, self.road, self.to = time, road, to
        self.reached: list[int] = []
        time.clock.speed = 0.0

    def target(self) -> int | None:
        return None if self.reached and self.reached[-1] >= self.to else self.to

    def settled(self) -> bool:
        return True

    def reach(self, moment: int) -> None:
        self.reached.append(moment)
        self.time.clock.set(moment)
        if moment >= self.to:
            self.time.clock.speed = 30.0


def test_a_jump_brings_every_record_between_and_none_before_its_time(tmp_path: Path) -> None:
    time = Time(START, START + 20 * MINUTE + 30_000)
    road = Road(time.clock)
    jump = Jumping(time, road, START + 20 * MINUTE)
    Player(SCENARIO, time.clock, road.send, Position(tmp_path, "tick"), time.wait, jump).run()
    assert jump.reached == [START + n * MINUTE for n in (8, 16, 20)]
    assert road.ids[:1199] == [f"r{n}" for n in range(1199)]
    for now, batch in road.batches:
        assert batch.received_at <= now


def test_a_jump_beyond_the_last_record_ends_there(tmp_path: Path) -> None:
    time = Time(START, START + 9 * HOUR)
    road = Road(time.clock)
    jump = Jumping(time, road, START + 2 * HOUR)
    Player(SCENARIO, time.clock, road.send, Position(tmp_path, "tick"), time.wait, jump).run()
    assert len(road.ids) == 3600
    assert jump.reached[-1] == START + 2 * HOUR
