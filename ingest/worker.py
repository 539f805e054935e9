"""The worker: read the road, commit, publish, acknowledge, in this order; and let time act.

One process. It holds leases on partitions, takes over what a dead worker left unacknowledged, and parks a record that
cannot be applied as a dead letter instead of standing still.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import Any
from zlib import crc32

import structlog

from dashboard.clock import Clock
from dashboard.domain.day import MINUTE, day_of, iso
from dashboard.domain.event import Event, encode_events
from dashboard.domain.figure import Quantity
from dashboard.errors import Archived, LeaseLost, StoreUnavailable
from dashboard.feeds import STREAMS
from dashboard.stores import leases
from dashboard.stores.history import History
from dashboard.stores.live import LiveStore
from dashboard.stores.room import out_of_memory
from dashboard.stores.stream import DeadLetter, Entry, Stream
from dashboard.telemetry import metric
from ingest import deadletter
from ingest.projector import Applied, Projector
from ingest.publisher import Publisher

log = structlog.get_logger("worker")

MAX_BACKOFF_S = 10.0
SET_BACK_MS = MINUTE
"""A clock that goes back further than this was wrong before; less is what machines do to keep in step."""
MAX_ENTRIES = 64
"""Most entries taken from one partition at once: a gateway's entries hold up to 500 events."""
_YOUNG_OBJECTS = 1_000_000
_COLLECT = ((200, 2), (50, 1), (1, 0))
"""Every so many rounds, how deep the collector looks: it is not woken by itself any more."""
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Gives what batches left free back to the machine. Of the GNU C library; others have none."""
LOGGED_REQUESTS = 50
"""Most requests that a line of the log names."""


def calm_collector() -> None:
    """Set Python up for a worker, its garbage collector above all: call it once, when the process has all its parts.

    A batch makes some hundred thousand rows and texts that live until its commit and hold no cycles. With the
    collector's own settings they are gone through dozens of times, and the program's modules and tables with them: a
    tenth of a worker's time. So the collector looks after a batch, when its rows are gone (:meth:`Worker.step`).
    """
    # Between two statements the thread that writes waits for its turn: with Python's own 5 ms as long as it writes.
    sys.setswitchinterval(0.001)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


class Worker:
    """Runs until ``stop`` is set. A transaction ends with the entry that brings it to ``batch_events``."""

    def __init__(
        self,
        history: History,
        stream: Stream,
        live: LiveStore,
        projector: Projector,
        publisher: Publisher,
        clock: Clock,
        batch_events: int = 20_000,
        wait_ms: int = 50,
        share: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.history, self.stream, self.live = history, stream, live
        self.projector, self.publisher, self.clock = projector, publisher, clock
        self.batch_events, self.wait_ms, self.share = batch_events, wait_ms, share
        self._entry_events = 500.0
        """Events an entry held in the last batch; until there was one, the most that a gateway puts into it."""
        self.owner = leases.owner_here()
        self.stop = False
        self.held: dict[int, int] = {}
        self._renew_at = 0.0
        """When leases are renewed next (monotonic seconds): a clock that is set back must not put it off."""
        self._looked_at = 0
        """The world's time when the last round began."""
        self._taken_over: set[int] = set()
        self._owed: set[str] = set()
        """Feeds that were committed, by us or by a worker before us, and may not have been published."""
        self.applied = 0
        self._rounds = 0

    def run(self) -> None:
        """Work until told to stop; a store that does not answer is waited for."""
        backoff = 0.1
        while not self.stop:
            try:
                self.step()
                backoff = 0.1
            except (StoreUnavailable, LeaseLost) as trouble:
                metric("worker_waits_total").labels("lease" if isinstance(trouble, LeaseLost) else "store").inc()
                log.warning("waiting", reason=trouble.sentence)
                self.held = {}
                self._renew_at = 0.0
                self._taken_over.clear()
                time.sleep(backoff)
                backoff = min(backoff * 2, MAX_BACKOFF_S)
        try:
            leases.release(self.history, self.owner)
        except StoreUnavailable:
            log.warning("leases_left", owner=self.owner)

    def step(self) -> int:
        """One round: renew leases, take a batch, let time act. Returns how many records were applied."""
        self._renew()
        self._mind_the_clock()
        self._adopt()
        if not self.live.ready():
            self.publisher.rebuild(self.clock.now())
            self._owed.clear()
        taken = self._take()
        done = sum(self._work(part) for part in self._parts(taken))
        if done:
            del taken
            self._rounds += 1
            depth = next(depth for every, depth in _COLLECT if self._rounds % every == 0)
            gc.collect(depth)
            if depth and _trim is not None:
                _trim(0)
        self._publish([])
        deadletter.drain(self.history, self.stream)
        self.publisher.tick(self.clock.now())
        return done

    def _mind_the_clock(self) -> None:
        """Figures of a time that has not come must not stand: a clock that was set back empties the window.

        A publication replaces another only when it is of a later moment, so those of the wrong time would stay until
        the clock is there again.
        """
        now, before = self.clock.now(), self._looked_at
        self._looked_at = now
        if now < before - SET_BACK_MS:
            log.warning("clock_set_back", seconds=(before - now) // 1000)
            self.live.clear()

    def _renew(self) -> None:
        if time.monotonic() < self._renew_at:
            return
        before = set(self.held)
        self.history.make_ahead(day_of(self.clock.now(), self.projector.region_at(0).pack.timezone))
        self.held = leases.acquire(self.history, self.owner, range(self.stream.partitions), self.share())
        for partition in self.held.keys() - before:
            self.stream.open(partition)
            # Whoever held it before may have died between the commit and the publication.
            self._owed.update(self.publisher.engines)
        self.stream.open_dead()
        # A worker that does not know yet that its lease has passed may read entries and not be allowed to write them:
        # they are looked for again and again, not only at the take-over.
        self._taken_over.clear()
        self._renew_at = time.monotonic() + leases.TERM_MS / 3000

    def _adopt(self) -> None:
        """Let rules count that somebody changed: figures of every feed may be others by them."""
        if self.held and self.projector.adopt(self.clock.now(), self.held):
            self.publisher.forget_places()
            self._owed.update(self.publisher.engines)

    def _take(self) -> dict[int, list[Entry]]:
        for partition in sorted(self.held.keys() - self._taken_over):
            left = self.stream.unfinished(partition, self._count(1))
            if left:
                log.info("took_over", partition=partition, entries=len(left))
                metric("takeovers_total").inc()
                return {partition: left}
            self._taken_over.add(partition)
        if not self.held:
            time.sleep(self.wait_ms / 1000)
            return {}
        return self.stream.read(sorted(self.held), self._count(len(self.held)), self._block_ms())

    def _count(self, partitions: int) -> int:
        """How many entries to ask each of some partitions for, so that they make about one transaction."""
        return max(1, min(MAX_ENTRIES, int(self.batch_events / self._entry_events / partitions)))

    def _parts(self, taken: dict[int, list[Entry]]) -> Iterator[dict[int, list[Entry]]]:
        """What was taken, in portions of one transaction each; the order within a partition stays."""
        counts = [entry.count for entries in taken.values() for entry in entries]
        if counts:
            self._entry_events = max(1.0, sum(counts) / len(counts))
        part: dict[int, list[Entry]] = {}
        size = 0
        for partition, entries in taken.items():
            for entry in entries:
                part.setdefault(partition, []).append(entry)
                size += len(entry.events or ())
                if size >= self.batch_events:
                    yield part
                    part, size = {}, 0
        if part:
            yield part

    def _block_ms(self) -> int:
        """How long to wait for records: until time acts next, within bounds that keep dead letters moving."""
        due = self.publisher.next_due()
        if due is None or self.clock.speed <= 0:
            return max(1, self.wait_ms)
        return max(1, min(self.wait_ms * 4, int((due - self.clock.now()) / self.clock.speed)))

    def _work(self, taken: dict[int, list[Entry]]) -> int:
        events: list[Event] = []
        for partition, entries in taken.items():
            for entry in entries:
                if entry.events is None:
                    self._park_unreadable(partition, entry)
                else:
                    events += entry.events
        positions = {partition: entries[-1].id for partition, entries in taken.items()}
        held = {partition: self.held[partition] for partition in taken}
        began = time.perf_counter()
        applied = self._apply(events, held, positions)
        committed = time.perf_counter()
        _tell(taken, events, applied, self.clock.now(), committed - began)
        try:
            self._publish(applied)
            metric("worker_seconds").labels("publish").observe(time.perf_counter() - committed)
        except StoreUnavailable as away:
            if out_of_memory(away.__cause__):
                # It takes no figures, but lets go of what is committed, and that makes room; what could not be
                # published stays owed.
                self.stream.finish(taken)
            raise
        self.stream.finish(taken)
        self.applied += len(events)
        return len(events)

    def _apply(self, events: Sequence[Event], held: dict[int, int], positions: dict[int, str]) -> list[Applied]:
        """Apply a batch; one that fails is halved until the record that cannot be applied is alone."""
        try:
            return [self.projector.apply(events, self.clock.now(), held, positions)]
        except (StoreUnavailable, LeaseLost):
            raise
        except Exception as error:
            log.exception("batch_failed", events=len(events))
            if len(events) <= 1:
                for event in events:
                    self._park(event, error)
                return []
            middle = len(events) // 2
            return self._apply(events[:middle], held, {}) + self._apply(events[middle:], held, positions)

    def _publish(self, applied: Sequence[Applied]) -> None:
        self._owed |= {feed for one in applied for feed, _ in one.touched}
        if any(one.provisional for one in applied):
            self.publisher.forget_places()
        if self._owed:
            self.publisher.publish(self.clock.now(), self._owed)
            self._owed.clear()

    def _park(self, event: Event, error: Exception) -> None:
        letter = DeadLetter(
            ref=f"poison:{blake2b(encode_events([event]), digest_size=12).hexdigest()}",
            feed=event.feed,
            source=event.source,
            record=event.id,
            town=event.town,
            received_at=event.received_at,
            field="(record)",
            got=type(error).__name__,
            allowed="程序能够处理的记录",
            message=error.sentence.partition(" · ")[0]
            if isinstance(error, Archived)
            else "程序处理这条记录时出错，记录已保留，请把日志交给维护人员",
            body=_as_sent(event),
        )
        deadletter.store(self.history, [letter])

    def _park_unreadable(self, partition: int, entry: Entry) -> None:
        letter = DeadLetter(
            # Entries of two partitions may have one id: it is the millisecond in which they came.
            ref=f"entry:{partition}:{entry.id}:{crc32(entry.raw):08x}",
            feed="(unknown)",
            source="(road)",
            record=None,
            town=None,
            received_at=self.clock.now(),
            field="(entry)",
            got=f"{len(entry.raw)} 字节",
            allowed="由网关写入的记录",
            message="这条流记录不是网关写入的格式，内容未被使用",
            body={},
        )
        deadletter.store(self.history, [letter])


def _tell(
    taken: Mapping[int, Sequence[Entry]], events: Sequence[Event], applied: Sequence[Applied], now: int, took_s: float
) -> None:
    """One line a transaction, by which a request's id leads to the ``known_seq`` that includes its records."""
    counts = {what: sum(getattr(one, what) for one in applied) for what in ("new", "corrected", "repeated")}
    counted = metric("worker_events_total")
    for what, number in counts.items():
        if number:
            counted.labels(what).inc(number)
    metric("worker_batch_events").observe(len(events))
    metric("worker_seconds").labels("commit").observe(took_s)
    if events:
        metric("worker_lag_seconds").observe(max(0, now - min(map(_received, events))) / 1000)
    names = dict.fromkeys(name for entries in taken.values() for entry in entries for name in entry.batch.split(","))
    log.info(
        "committed",
        batch=max((one.seq for one in applied), default=0),
        events=len(events),
        **counts,
        partitions=sorted(taken),
        requests=[name for name in names if name][:LOGGED_REQUESTS],
        ms=round(took_s * 1000, 1),
    )


_received = attrgetter("received_at")


def _as_sent(event: Event) -> dict[str, Any]:
    """An event as a record that the door takes again."""
    record: dict[str, Any] = {"id": event.id, "town": event.town, "at": iso(event.at)}
    record |= {"lon": event.lon, "lat": event.lat, "rev": event.rev or None}
    record |= {"void": event.void or None, "nothing": event.nothing or None}
    times = {field.name for field in STREAMS[event.feed].fields if field.kind == "time"}
    amounts = {field.name for field in STREAMS[event.feed].fields if field.kind == "quantity"}
    fields = {name: iso(value) if name in times else value for name, value in event.fields.items()}
    fields |= {name: Quantity.of(fields[name]).as_said() for name in amounts & fields.keys()}
    return {name: value for name, value in record.items() if value not in (None, "")} | fields


__all__ = ["MAX_BACKOFF_S", "Worker", "calm_collector"]
