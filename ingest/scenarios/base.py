"""What a scenario is: deterministic streams of records over a region pack, in the order in which they arrive.

Records are plain dicts exactly as a source would post them over HTTP. Nothing here decodes, stores or sends one, and
nothing asks for the time. Instants are ms since 1970 UTC, days are local (yyyymmdd), coordinates are WGS-84 degrees.

Every stream makes one local day at a time from a seed of its own (scenario, stream, day), so that a day made alone
holds the same records as the same day of the whole.
"""

from __future__ import annotations

import hashlib
import heapq
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from dashboard.domain.day import DEFAULT_ZONE, HOUR, as_date, day_end, day_of, day_start, days_between
from dashboard.domain.feed import Words
from dashboard.domain.place import RegionPack

Record = dict[str, Any]

LONGEST_DELAY = 3 * HOUR
"""No record arrives later than this after its event time; so a moment needs the streams of two days at most."""

CLOCK = tuple(f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400))
"""Second of the local day -> ``HH:MM:SS``: formatting a datetime for each record would cost most of the time."""


class Sent(NamedTuple):
    """One record on its way. Tuples order by arrival, then by ``order``, which no two records of a scenario share."""

    arrival: int
    order: int
    feed: str
    record: Record
    wrong: bool = False
    """Wrong on purpose: the door must refuse it."""


class Draft(NamedTuple):
    """A record as a stream makes it. Its event time says which local day it belongs to."""

    arrival: int
    record: Record
    wrong: bool = False


def seed(*parts: str | int) -> int:
    """A number that depends on the parts alone, the same on every machine and run."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:8], "big")


def generator(*parts: str | int) -> np.random.Generator:
    """A random generator seeded by :func:`seed`."""
    return np.random.Generator(np.random.PCG64(seed(*parts)))


def day_prefix(day: int) -> str:
    """``2020-02-18T``: what stands before the clock time in a record's ``at``."""
    return f"{as_date(day).isoformat()}T"


class Stream(ABC):
    """One kind of record of a scenario."""

    name: str
    feed: str

    @abstractmethod
    def day(self, day: int) -> list[Draft]:
        """All records whose event time lies in a local day, in any order; none arrives later than LONGEST_DELAY.

        A correction (``rev``) belongs to the day on which it is made, whenever that happened which it corrects.
        """

    def expected(self, day: int) -> int:
        """About how many records a day has: for progress only."""
        return 10_000


class From(Stream):
    """Another stream that begins on a later day than the scenario."""

    def __init__(self, stream: Stream, first_day: int) -> None:
        self.stream, self.first_day = stream, first_day
        self.name, self.feed = stream.name, stream.feed

    def day(self, day: int) -> list[Draft]:
        """The other stream's records, none before its first day."""
        return self.stream.day(day) if day >= self.first_day else []

    def expected(self, day: int) -> int:
        """About how many records a day has."""
        return self.stream.expected(day) if day >= self.first_day else 0


class Scenario(msgspec.Struct, frozen=True):
    """A deterministic replay over a region pack.

    History from ``warm_from`` up to ``start`` is loaded at once; from ``start`` the records are played as they arrive.
    ``last_day`` is the last day that has records.
    """

    name: str
    words: Words
    region: str
    first_day: int
    last_day: int
    warm_from: int
    start: int
    source: str
    streams: tuple[Stream, ...]
    zone: str = DEFAULT_ZONE

    @property
    def end(self) -> int:
        """The instant after which nothing arrives any more."""
        return day_end(self.last_day, self.zone) + LONGEST_DELAY

    def between(self, begin: int, end: int) -> Iterator[Sent]:
        """The records that arrive in ``begin <= arrival < end``, in order of arrival, made lazily day by day."""
        if begin < end:
            yield from heapq.merge(*(self._stream_between(n, begin, end) for n in range(len(self.streams))))

    def day(self, day: int) -> Iterator[Sent]:
        """The records that arrive on one local day."""
        return self.between(day_start(day, self.zone), day_end(day, self.zone))

    def expected(self, begin: int, end: int) -> int:
        """About how many records arrive between two instants: for progress only."""
        total = 0.0
        for day in self._days(begin, end):
            opens, closes = day_start(day, self.zone), day_end(day, self.zone)
            share = max(0, min(end, closes) - max(begin, opens)) / (closes - opens)
            total += share * sum(stream.expected(day) for stream in self.streams)
        return round(total)

    def _days(self, begin: int, end: int) -> list[int]:
        first, last = day_of(begin, self.zone), day_of(end - 1, self.zone)
        return days_between(max(first, self.first_day), min(last, self.last_day))

    def _stream_between(self, number: int, begin: int, end: int) -> Iterator[Sent]:
        waiting: list[Sent] = []
        for day in self._days(begin - LONGEST_DELAY, end):
            closes = day_end(day, self.zone)
            made = sorted([*waiting, *self._made(number, day)])
            # What arrives after midnight waits for the next day's records, among which it has its place.
            cut = bisect_left(made, (closes,))
            waiting = made[cut:]
            yield from made[bisect_left(made, (begin,)) : min(cut, bisect_left(made, (end,)))]
        yield from waiting[bisect_left(waiting, (begin,)) : bisect_left(waiting, (end,))]

    def _made(self, number: int, day: int) -> Iterator[Sent]:
        stream = self.streams[number]
        first = (day * 64 + number) << 24
        feed = stream.feed
        return (
            Sent(draft.arrival, first + k, feed, draft.record, draft.wrong) for k, draft in enumerate(stream.day(day))
        )


class Batch(NamedTuple):
    """Records of one feed that arrived together. ``received_at`` is the arrival of the last."""

    feed: str
    records: list[Record]
    received_at: int


def batches(sent: Iterator[Sent], most: int, span_ms: int) -> Iterator[Batch]:
    """Group records by feed as a gateway would receive them: at most ``most`` records and ``span_ms`` of arrivals."""
    held: dict[str, list[Record]] = {}
    since = last = 0
    for item in sent:
        if held and (item.arrival - since >= span_ms or len(held.get(item.feed, ())) >= most):
            yield from (Batch(feed, records, last) for feed, records in held.items())
            held = {}
        if not held:
            since = item.arrival
        held.setdefault(item.feed, []).append(item.record)
        last = item.arrival
    yield from (Batch(feed, records, last) for feed, records in held.items())


ScenarioMaker = Callable[[RegionPack], Scenario]


def delays(random: np.random.Generator, count: int) -> list[int]:
    """Network delays in ms: mostly under 2 s, one in a hundred 15-90 s, so that records overtake each other."""
    usual = 250 + random.exponential(450, count)
    slow = random.random(count) < 0.01
    usual[slow] += random.uniform(15_000, 90_000, int(slow.sum()))
    found: list[int] = usual.astype(np.int64).tolist()
    return found


def repeated(drafts: Sequence[Draft], random: np.random.Generator, share: float) -> list[Draft]:
    """Some of the records once more, some seconds later: a device that did not hear the answer sends again."""
    picked = np.flatnonzero(random.random(len(drafts)) < share).tolist()
    later = random.integers(2_000, 45_000, len(picked)).tolist()
    return [drafts[k]._replace(arrival=drafts[k].arrival + wait) for k, wait in zip(picked, later, strict=True)]
