"""What ``/metrics`` asks for at each scrape: the road, the stores, the feeds, sources' clocks, disk and pages.

Counters of work done are kept where it is done (``telemetry.metric``); here is what can only be looked up. A store that
does not answer is itself a figure (``store_up``) and never an error of the scrape. Every name is declared in
``telemetry.METRICS``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from dashboard.clock import Clock, machine_ms
from dashboard.errors import StoreUnavailable
from dashboard.feeds import FEEDS
from dashboard.stores import leases
from dashboard.stores.history import History
from dashboard.stores.live import LiveStore
from dashboard.stores.stream import Stream
from dashboard.stores.tables import commit_log, dead_letter, source_delay
from dashboard.telemetry import family

DAY_MS = 86_400_000
LOOK_BACK_DAYS = 7
LEAST_SPAN_MS = 3_600_000
"""An hour of records is the least from which a day's growth is judged."""


class Growth(msgspec.Struct, frozen=True):
    """How fast the database grows. ``days`` until ``free`` bytes are gone; ``None``: it does not grow."""

    events_per_day: float
    bytes_per_event: float
    free: int
    days: float | None


class Pages(Protocol):
    """What the hub counts."""

    computed: int
    sent: int
    dropped: int
    troubles: int

    @property
    def subscribers(self) -> int:
        """How many there are now."""
        ...

    @property
    def subscriptions(self) -> int:
        """How many there are now."""
        ...

    @property
    def topics(self) -> int:
        """How many there are now."""
        ...


def growth(history: History, data_dir: Path, now: int) -> Growth | None:
    """The database's growth over the last week, or since the first record; ``None`` until there is an hour of it.

    Bytes an event are those of the whole database: keys, indices and projections grow with the events. ``now`` is the
    world's time, which records are known by; a replay's days are those of its own clock.
    """
    with history.reading() as connection:
        since = now - LOOK_BACK_DAYS * DAY_MS
        before = connection.scalar(select(func.max(commit_log.c.seq)).where(commit_log.c.known_at <= since))
        first = since
        if before is None:
            first = connection.scalar(select(func.min(commit_log.c.known_at))) or now
        seq, size = history.seq(connection), history.dialect.size(connection)
    span = now - first
    if not seq or span < LEAST_SPAN_MS:
        return None
    per_day = (seq - (before or 0)) / span * DAY_MS
    per_event = size / seq
    free = shutil.disk_usage(data_dir).free
    return Growth(per_day, per_event, free, free / (per_day * per_event) if per_day > 0 else None)


def delays(history: History) -> dict[str, int]:
    """Source -> median of received less happened over its latest records, ms; negative: its clock runs ahead."""
    with history.reading() as connection:
        return {row.source: row.median_ms for row in connection.execute(select(source_delay))}


class OfPages(Collector):
    """What the hub of a web process counts."""

    def __init__(self, hub: Pages) -> None:
        self.hub = hub

    def collect(self) -> Iterable[Metric]:
        """Sockets, views and texts."""
        hub = self.hub
        yield _filled("live_subscribers", {(): hub.subscribers})
        yield _filled("live_topics", {(): hub.topics})
        yield _filled("live_subscriptions", {(): hub.subscriptions})
        yield _filled("live_computed_total", {(): hub.computed})
        yield _filled("live_sent_total", {(): hub.sent})
        yield _filled("live_dropped_total", {(): hub.dropped})
        yield _filled("live_troubles_total", {(): hub.troubles})


class Measured(Collector):
    """Looks everything up when it is asked."""

    def __init__(
        self, data_dir: Path, clock: Clock, history: History, stream: Stream, live: LiveStore, pages: Pages | None
    ) -> None:
        self.data_dir, self.clock, self.history = data_dir, clock, history
        self.stream, self.live, self.pages = stream, live, pages

    def collect(self) -> Iterable[Metric]:
        """Every metric that is looked up."""
        up: dict[tuple[str, ...], float] = {}
        for store, ask in (("redis", self._road), ("database", self._database)):
            found: list[Metric] = []
            try:
                found += ask()
                up[store,] = 1
            except StoreUnavailable:
                up[store,] = 0
            yield from found
        yield _filled("store_up", up)
        yield _filled("disk_free_bytes", {(): shutil.disk_usage(self.data_dir).free})
        if self.pages is not None:
            yield from OfPages(self.pages).collect()

    def _road(self) -> Iterator[Metric]:
        stream = self.stream
        waiting = dict(enumerate(stream.counts()))
        yield _filled("road_events", {(str(p),): count for p, count in waiting.items()})
        taken = {(str(p),): stream.lag(p)[1] for p in range(stream.partitions)}
        yield _filled("road_unacknowledged", taken)
        memory = [one.info("memory") for one in stream.servers.ask(stream.servers.every)]
        yield _filled("redis_used_bytes", {(): sum(int(told["used_memory"]) for told in memory)})
        now = self.clock.now()
        received: dict[str, int] = {}
        for name, window in self.live.read_all(FEEDS.values()).items():
            known = [one.last_received for one in window.summaries.values() if one.last_received is not None]
            if known:
                received[name] = max(known)
        yield _filled("feed_age_seconds", {(name,): (now - at) / 1000 for name, at in received.items()})

    def _database(self) -> Iterator[Metric]:
        held = leases.owners(self.history)
        now = machine_ms()
        partitions = range(self.stream.partitions)
        owned = {(str(p),): int(p in held and held[p][2] > now) for p in partitions}
        yield _filled("partition_owned", owned)
        with self.history.reading() as connection:
            yield _filled("known_seq", {(): self.history.seq(connection)})
            yield _filled("database_bytes", {(): self.history.dialect.size(connection)})
            waiting = select(func.count()).select_from(dead_letter).where(dead_letter.c.state == "open")
            yield _filled("dead_letters_open", {(): connection.scalar(waiting) or 0})
        told = growth(self.history, self.data_dir, self.clock.now())
        yield _filled("disk_full_days", {(): told.days} if told is not None and told.days is not None else {})
        yield _filled(
            "source_delay_seconds", {(source,): median / 1000 for source, median in delays(self.history).items()}
        )


def _filled(name: str, values: Mapping[Any, float]) -> Metric:
    """A family with its values by labels."""
    made = family(name)
    for labels, value in values.items():
        made.add_metric(labels, value)
    return made


__all__ = ["Growth", "Measured", "OfPages", "delays", "growth"]
