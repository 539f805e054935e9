"""The core put together as ``working`` does it, on a clock that the test moves and with a worker stepped by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import func, select

from dashboard import working
from dashboard.access.viewer import LOCAL_VIEWER, Viewer
from dashboard.clock import FixedClock
from dashboard.domain.day import MINUTE, day_of, day_start, iso
from dashboard.domain.figure import Figure
from dashboard.domain.place import Place
from dashboard.feeds import feed_named
from dashboard.queries.board import BoardReader
from dashboard.queries.past import Past
from dashboard.settings import Settings
from dashboard.stores import tables
from dashboard.stores.history import migrate, open_engine
from dashboard.stores.stream import partition_key
from ingest.decode import Door
from ingest.intake import Intake, Receipt
from ingest.projector import Projector
from ingest.publisher import Publisher
from ingest.worker import Worker

YAOZHUANG, DAYUN = "330421111", "330421102"
CHECKPOINT, ALWAYS_ON_DUTY = f"{YAOZHUANG}-K01", "330421001-K01"
UNIT = f"{YAOZHUANG}-U1"
MAX_STEPS = 200


def ms(text: str) -> int:
    """18 February 2020, hh:mm or hh:mm:ss in Shanghai; or a whole ISO time."""
    full = text if "T" in text else f"2020-02-18T{text}+08:00"
    return int(datetime.fromisoformat(full).timestamp() * 1000)


NOON = ms("12:00")


def reading(number: int | str, at: str = "11:58", **changes: Any) -> dict[str, Any]:
    """A valid temperature record; ``changes`` of ``None`` leave a field out."""
    record = {
        "id": f"t-{number}", "town": YAOZHUANG, "at": iso(ms(at)), "checkpoint": CHECKPOINT, "device": "D-1",
        "celsius": 36.5, "method": "infrared", "site": "forehead",
    } | changes  # fmt: skip
    return {name: value for name, value in record.items() if value is not None}


def fix(number: int | str, at: str, lon: float, lat: float, **changes: Any) -> dict[str, Any]:
    """A valid patrol position."""
    return {
        "id": f"f-{number}", "town": YAOZHUANG, "at": iso(ms(at)), "unit": UNIT, "kind": "position",
        "lon": lon, "lat": lat, "accuracy": 5, "mode": "vehicle",
    } | changes  # fmt: skip


class Core:
    """One data directory on one Redis, with one worker (more by :meth:`another_worker`)."""

    def __init__(self, data_dir: Path, redis_url: str, at: int = NOON, **settings: Any) -> None:
        self.settings = Settings.load(
            data_dir, redis_url=redis_url, **{"partitions": 2, "batch_wait_ms": 1, **settings}
        )
        engine = open_engine(self.settings.database_url)
        migrate(engine)
        engine.dispose()
        self.parts = working.parts_of(self.settings)
        self.clock = self.parts.clock = FixedClock(at)
        self.history, self.stream, self.live = self.parts.history, self.parts.stream, self.parts.live
        self.intake = Intake(self.stream)
        self.worker = self.another_worker()

    def close(self) -> None:
        """Let go of the files and connections."""
        self.history.engine.dispose()
        self.parts.client.close()

    def another_worker(self, share: int | None = None) -> Worker:
        """A worker with nothing in memory, as a new process would be."""
        return Worker(
            self.history,
            self.stream,
            self.live,
            Projector(self.history, self.parts.region_at),
            Publisher(self.history, self.live, self.parts.region_at),
            self.clock,
            wait_ms=1,
            share=lambda: share,
        )

    def door(self, source: str = "gate", towns: frozenset[str] | None = None) -> Door:
        """What a token of a source opens."""
        region = self.parts.region_at(day_of(self.clock.now()))
        return Door(source, region, towns, self.parts.zone)

    def send(
        self, feed: str, *records: Mapping[str, Any], source: str = "gate", received_at: int | None = None
    ) -> Receipt:
        """Records through the door and onto the road."""
        at = self.clock.now() if received_at is None else received_at
        return self.intake.accept(feed_named(feed), records, self.door(source), at)

    def work(self, worker: Worker | None = None) -> None:
        """Step until the road and the dead letters are empty."""
        worker = worker or self.worker
        for _ in range(MAX_STEPS):
            worker.step()
            if self.on_the_road() == (0, 0, 0):
                return
        raise AssertionError(f"the road is not empty after {MAX_STEPS} steps: {self.on_the_road()}")

    def accept(self, feed: str, *records: Mapping[str, Any], **how: Any) -> Receipt:
        """Send and let the worker do its work."""
        receipt = self.send(feed, *records, **how)
        self.work()
        return receipt

    def on_the_road(self) -> tuple[int, int, int]:
        """(events by the gauge, entries in the streams, dead letters on the road), read anew."""
        client: redis.Redis = self.parts.client
        partitions = range(self.stream.partitions)
        return (
            sum(self.stream.lag(partition)[0] for partition in partitions),
            sum(_length(client, partition_key(partition)) for partition in partitions),
            _length(client, "tw:dead"),
        )

    def reader(self) -> BoardReader:
        """The read side, as a web process has it."""
        return BoardReader(self.live, Past(self.history, self.parts.region_at), self.parts.region_at, self.clock)

    def figure(self, kpi: str, town: str = YAOZHUANG, viewer: Viewer = LOCAL_VIEWER) -> Figure:
        """A figure in the window, as a page reads it."""
        return self.reader().board(viewer).figure(kpi, town)

    def value(self, kpi: str, town: str = YAOZHUANG) -> float | int | None:
        """A figure's value in the window."""
        return self.figure(kpi, town).value

    def window(self) -> dict[tuple[str, str, str], tuple[Any, Any, Any]]:
        """Every figure in the window by (feed, KPI, town)."""
        found = self.reader().board(LOCAL_VIEWER).figures(breakdowns=False)
        return {(one.feed, one.kpi, one.town): (one.value, one.numerator, one.denominator) for one in found}

    def owed(self) -> tuple[Place, int, int]:
        """A place of the town that owes one visit before noon, and its window in ms."""
        pack = self.parts.region_at(day_of(NOON)).pack
        midnight = day_start(day_of(NOON))
        for rule in pack.rules_by_town[YAOZHUANG]:
            place = pack.place_by_code[rule.place]
            if rule.times == 1 and rule.end - rule.start >= 60 and rule.end <= 11 * 60 and place.lon is not None:
                return place, midnight + rule.start * MINUTE, midnight + rule.end * MINUTE
        raise AssertionError("the pack owes no visit before eleven")

    def count(self, table: str) -> int:
        """Rows of a table of the truth."""
        with self.history.reading() as connection:
            return int(connection.scalar(select(func.count()).select_from(tables.METADATA.tables[table])) or 0)

    def states(self) -> dict[tuple[str, int, str], bytes]:
        """Every stored state by (feed, day, subject)."""
        with self.history.reading() as connection:
            rows = connection.execute(select(tables.projection))
            return {(row.feed, row.day, row.subject): row.state for row in rows}

    def letters(self, state: str | None = None) -> list[dict[str, Any]]:
        """Dead letters in the store."""
        from ingest import deadletter

        return deadletter.listed(self.history, state)


Batch = tuple[str, Sequence[Mapping[str, Any]]]
"""A feed's name and records of it."""


def clean_run(data_dir: Path, redis_url: str, batches: Sequence[Batch], **how: Any) -> Core:
    """What a core without any mishap makes of batches in a directory of its own, without the road."""
    from ingest.decode import decode_records

    data_dir.mkdir(parents=True, exist_ok=True)
    core = Core(data_dir, redis_url, **how)
    for feed, records in batches:
        events, rejected = decode_records(feed_named(feed), records, core.door(), core.clock.now())
        assert not rejected, rejected
        core.worker.projector.apply(events, core.clock.now())
    return core


def raising(error: BaseException) -> Callable[..., Any]:
    """A function that does nothing but raise."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def _length(client: redis.Redis, key: str) -> int:
    return int(client.xlen(key))
