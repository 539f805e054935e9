"""What was: states of earlier days, what was known at an earlier moment, and how figures moved through a day.

Everything is computed by the archetypes from stored records, never from stored answers.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from sqlalchemy import Connection

from dashboard.access.audit import Audit
from dashboard.archetypes import LIFE, Engine, State, engine_of
from dashboard.domain.day import MINUTE, day_end, day_of, day_start
from dashboard.domain.event import Event, put_in_order
from dashboard.domain.feed import Feed
from dashboard.domain.place import Place, PlaceKind
from dashboard.domain.summary import Summary
from dashboard.feeds import STREAMS
from dashboard.queries.alerting.book import AlertBook
from dashboard.queries.rules import RuleBook
from dashboard.stores.history import History
from geodata.library import RegionBook, region_known
from geodata.region import Region

Summaries = Mapping[str, Summary]
SERIES_STEP = 30
"""Minutes between the points of a day's course."""


class _Kept(msgspec.Struct, frozen=True):
    """All states of a feed's day up to ``seq``, and each one's own. Never changed: newer ones take its place."""

    seq: int
    states: dict[str, State]
    seqs: dict[str, int]


class Past:
    """Reads the truth. Safe to share between threads; finished days are kept in memory until a record changes them."""

    def __init__(
        self, history: History, region_at: Callable[[int], Region], feeds: Mapping[str, Feed] = STREAMS
    ) -> None:
        self.history, self.region_at, self.feeds = history, region_at, feeds
        self.engines: dict[str, Engine] = {name: engine_of(feed) for name, feed in feeds.items()}
        self.zone = region_at(0).pack.timezone
        self.rules = RuleBook(history, region_at) if isinstance(region_at, RegionBook) else None
        """The rules with their history; ``None`` where the region's version never changes."""
        self.audit: Audit | None = None
        """Who did what, for the page that shows it; given where pages are served."""
        self.alerts = AlertBook(history)
        self._lock = threading.Lock()
        self._states: dict[tuple[str, int], _Kept] = {}
        self._ends: dict[tuple[str, int], tuple[tuple[object, ...], Summaries]] = {}
        self._courses: dict[tuple[str, int], Course] = {}

    def provisional(self, seq: int | None = None) -> list[Place]:
        """Places that records named before any list did; ``seq``: as far as they were known then."""
        with self.history.reading() as connection:
            rows = self.history.provisional(connection)
        return [
            Place(row.code, PlaceKind(row.kind), row.town, row.code, provisional=True)
            for row in rows
            if seq is None or row.seq <= seq
        ]

    def seq_at(self, at: int) -> int:
        """The ``known_seq`` that was current at an instant."""
        with self.history.reading() as connection:
            return self.history.seq_at(connection, at)

    def states(self, feed: str, day: int) -> Mapping[str, State]:
        """All states of a feed's local day, kept up to date by ``seq``."""
        return self._kept(feed, day).states

    def newest(self, feed: str, day: int) -> int:
        """The ``seq`` of the last change of a feed's local day (or ``LIFE``)."""
        return self._kept(feed, day).seq

    def known(self, feed: str, day: int, seq: int) -> Mapping[str, State]:
        """All states of a feed's local day (or ``LIFE``) from the records known up to ``seq``."""
        held = self._kept(feed, day)
        if held.seq <= seq:
            return held.states
        with self.history.reading() as connection:
            return self._known(connection, feed, day, seq, held)

    def _kept(self, feed: str, day: int) -> _Kept:
        with self._lock:
            held = self._states.get((feed, day), _Kept(0, {}, {}))
            with self.history.reading() as connection:
                rows = self.history.states_since(connection, feed, day, held.seq)
            if rows:
                decode = self.engines[feed].decode
                states, seqs = dict(held.states), dict(held.seqs)
                for subject, row_seq, data in rows:
                    states[subject], seqs[subject] = decode(data), row_seq
                held = _Kept(max(held.seq, *(row[1] for row in rows)), states, seqs)
            self._states[feed, day] = held
            while len(self._states) > 200:
                del self._states[next(iter(self._states))]
            return held

    def others(self, feed: str) -> dict[str, Callable[[int], Mapping[str, State]]]:
        """States of the feeds that summaries of this one read too."""
        return {name: partial(self.states, name) for name in self.engines[feed].needs if name in self.engines}

    def _version(self, feed: str, day: int) -> tuple[object, ...]:
        """What the summaries of a day depend on, as far as it can change: the rules, and the ``seq`` of states."""
        engine = self.engines[feed]
        buckets = [(feed, engine.bucket(day))]
        buckets += [(name, self.engines[name].bucket(day)) for name in engine.needs if name in self.engines]
        return (self.region_at(day).pack.version, *(self._kept(*key).seq for key in buckets))

    def at_end_of(self, feed: str, day: int) -> Summaries:
        """Summaries of a past local day at its last millisecond."""
        version = self._version(feed, day)
        cached = self._ends.get((feed, day))
        if cached is not None and cached[0] == version:
            return cached[1]
        now = day_end(day, self.zone) - 1
        engine = self.engines[feed]
        found = engine.summarise(
            partial(self.states, feed), self.region_at(day), now, None, self.provisional(), self.others(feed)
        )
        self._ends[feed, day] = (version, found)
        return found

    def as_of(self, feed: str, at: int, seq: int) -> Summaries:
        """What was shown at ``at``: records known up to ``seq``, folded anew and judged at that moment."""
        engine = self.engines[feed]
        today = day_of(at, self.zone)
        names = (feed, *(need for need in engine.needs if need in self.engines))
        # Before a connection is taken: whoever keeps states up to date needs one.
        kept = {name: {day: self._kept(name, day) for day in self.engines[name].days(today)} for name in names}
        with self.history.reading() as connection:
            known = {
                name: {day: self._known(connection, name, day, seq, held) for day, held in days.items()}
                for name, days in kept.items()
            }

        def states(name: str, day: int) -> Mapping[str, State]:
            return known[name].get(day, {})

        others = {name: partial(states, name) for name in known if name != feed}
        region = region_known(self.region_at, today, seq)
        return engine.summarise(partial(states, feed), region, at, None, self.provisional(seq), others)

    def _known(self, connection: Connection, feed: str, day: int, seq: int, kept: _Kept) -> dict[str, State]:
        """States of a feed's day (or ``LIFE``) from the records known up to ``seq``."""
        engine = self.engines[feed]
        states: dict[str, State] = {}
        changed = set()
        for subject, row_seq in kept.seqs.items():
            # A state that nothing has changed since is what it was then; only the others are folded anew.
            if row_seq <= seq:
                states[subject] = kept.states[subject]
            else:
                changed.add(subject)
        if changed:
            of_day = None if day == LIFE else day
            region = region_known(self.region_at, of_day or 0, seq)
            if of_day is not None:
                found = self._from_marks(connection, engine, of_day, seq, changed, region)
                states |= found
                changed -= found.keys()
        if changed:
            for subject, events in self.history.events_of_day(connection, feed, of_day, seq, changed).items():
                states[subject] = engine.new()
                engine.fold(states[subject], events, region)
        return states

    def _from_marks(
        self, connection: Connection, engine: Engine, day: int, seq: int, changed: set[str], region: Region
    ) -> dict[str, State]:
        """States at ``seq`` of the subjects of which an earlier one was kept and needs but further records."""
        feed = engine.feed.name
        kept = {
            subject: mark
            for subject, mark in self.history.marked(connection, feed, day, seq).items()
            if subject in changed
        }
        if not kept:
            return {}
        after = {subject: known for subject, (known, _) in kept.items()}
        further = self.history.events_after(connection, feed, day, after, seq)
        found: dict[str, State] = {}
        for subject, (_, data) in kept.items():
            state = engine.decode(data)
            if engine.fold(state, further.get(subject, []), region):
                found[subject] = state
        return found

    def versions(self, feed: str, subject: str, upto: int) -> list[tuple[Event, int | None]]:
        """Every version of a subject's records known up to a ``known_seq``, and the seq that ended it."""
        with self.history.reading() as connection:
            return self.history.versions_of_subject(connection, feed, subject, upto)

    def records(self, feed: str, day: int) -> dict[str, int]:
        """Town -> effective records of a feed on a local day."""
        found: dict[str, int] = {}
        engine = self.engines[feed]
        for state in self.states(feed, engine.bucket(day)).values():
            for town, count in engine.records(state, day, self.zone).items():
                found[town] = found.get(town, 0) + count
        return found

    def course(self, feed: str, day: int) -> Course:
        """How a feed's summaries moved through a local day, by event time."""
        with self._lock:
            course = self._courses.get((feed, day))
            if course is None or course.region is not self.region_at(day):
                course = self._courses[feed, day] = Course(self, feed, day)
                while len(self._courses) > 4 * len(self.engines):
                    del self._courses[next(iter(self._courses))]
        return course


class Course:
    """A local day played again from its stored records.

    ``at(t)`` is what the day's records up to event time ``t`` add up to; asked with rising times it only folds what is
    new, so that “yesterday at this time” costs no more than the minutes that have passed. States that keep what every
    record said are cut at ``t`` instead. Records that wait are held as they are stored, and those folded not at all.
    """

    def __init__(self, past: Past, feed: str, day: int) -> None:
        self.past, self.feed, self.day = past, feed, day
        self.engine = past.engines[feed]
        self.bucket = self.engine.bucket(day)
        self.region = past.region_at(day)
        self.start = day_start(day, past.zone)
        self.end = day_end(day, past.zone)
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, str, bytes]] | None = None
        self._states: dict[str, State] = {}
        self._moment = 0
        self._last: tuple[int, Summaries] | None = None

    def _load(self) -> None:
        with self.past.history.reading() as connection:
            day = None if self.bucket == LIFE else self.day
            self._waiting = deque(self.past.history.in_time(connection, self.feed, day))
        self._states, self._moment = {}, 0

    def at(self, moment: int) -> Summaries:
        """Summaries of the day's records up to ``moment``, judged at ``moment``."""
        with self._lock:
            if self._last is not None and self._last[0] == moment:
                return self._last[1]
            if not self._cut(moment):
                if self._waiting is None or moment < self._moment:
                    self._load()
                self._fold(moment)
            others = self.past.others(self.feed)
            found = self.engine.summarise(self._states_of, self.region, moment, None, (), others)
            self._moment, self._last = moment, (moment, found)
            return found

    def _cut(self, moment: int) -> bool:
        """Take the states as they are known now, without what came later; whether they can be taken so."""
        if self.engine.upto(self.engine.new(), moment) is None:
            return False
        cut = {
            subject: self.engine.upto(state, moment)
            for subject, state in self.past.states(self.feed, self.bucket).items()
        }
        # Before its first record, and after its last one was withdrawn, a subject is not there.
        self._states = {subject: state for subject, state in cut.items() if state is not None and state.entries}
        return True

    def _fold(self, moment: int) -> None:
        waiting = self._waiting or deque()
        groups: dict[str, list[Event]] = {}
        while waiting and waiting[0][0] <= moment:
            _, subject, body = waiting.popleft()
            groups.setdefault(subject, []).append(self.past.history.event_of(body))
        for subject, members in groups.items():
            state = self._states.setdefault(subject, self.engine.new())
            # Records of one and the same instant come here together.
            self.engine.fold(state, put_in_order(members), self.region)

    def _states_of(self, day: int) -> Mapping[str, State]:
        return self._states if day == self.bucket else self.past.states(self.feed, day)

    def points(self, upto: int, step: int = SERIES_STEP) -> list[tuple[int, Summaries]]:
        """(minute of the day, summaries) every ``step`` minutes from the day's start up to ``upto``."""
        course = Course(self.past, self.feed, self.day)
        moments = range(self.start + step * MINUTE, min(upto, self.end) + 1, step * MINUTE)
        return [((at - self.start) // MINUTE, course.at(min(at, self.end - 1))) for at in moments]
