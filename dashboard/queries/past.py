"""What was: states of earlier days, what was known at an earlier moment, and how figures moved through a day.

Everything is computed by the archetypes from stored records, never from stored answers.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import Connection

from dashboard.access.audit import Audit
from dashboard.archetypes import LIFE, Engine, State, engine_of
from dashboard.domain.day import MINUTE, day_end, day_of, day_start
from dashboard.domain.event import Event, put_in_order
from dashboard.domain.feed import Feed
from dashboard.domain.place import Place, PlaceKind
from dashboard.domain.summary import Summary, TrackSummary
from dashboard.feeds import STREAMS
from dashboard.queries.alerting.book import AlertBook
from dashboard.queries.replaying import Replaying
from dashboard.queries.rules import RuleBook
from dashboard.stores.history import History, Named
from geodata.library import RegionBook, region_known
from geodata.region import Region

Summaries = Mapping[str, Summary]
SERIES_STEP = 30
"""Minutes between the points of a day's course."""
KEPT_DAYS = 80
KEPT_ENDS = 1_000
KEPT_MOMENTS = 24
"""How many days of a feed's states, ends of days and states up to a moment are held in memory."""
KEPT_JUDGED = 250
Ahead = frozenset[tuple[str, str]]
"""(source, id) of records that count though their event time has not come."""
NONE_AHEAD: Ahead = frozenset()
NOTHING: Mapping[str, list[Event]] = MappingProxyType({})


Moved = Mapping[tuple[str | None, str | None], int]
"""(town before, town now) -> how many records: ``None`` before for those that are new, now for those that are gone."""


def moved_of(new: Iterable[Named], old: Iterable[Named]) -> Moved:
    """Records by the versions of them that count since a moment, and those that did until then."""
    before = {(one.source, one.id): one.town for one in old}
    now = {(one.source, one.id): one.town for one in new}
    return Counter((before.get(key), now.get(key)) for key in before.keys() | now.keys())


class _Kept(msgspec.Struct, frozen=True):
    """All states of a feed's day up to ``seq``, and each one's own. Never changed: newer ones take its place."""

    seq: int
    states: dict[str, State]
    seqs: dict[str, int]
    asked: int = 0
    """Where the ledger stood when it was last asked whether there are newer ones."""


class _Moment(msgspec.Struct, frozen=True):
    """States of a local day's records up to some instant, as they were known at ``seq``."""

    seq: int
    states: Mapping[str, State]


class Judged(msgspec.Struct, frozen=True):
    """Summaries of the records up to some instant, as they were known at ``seq``."""

    seq: int
    region: Region
    places: list[Place]
    """Places that records named before any list did."""
    found: Summaries


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
        self.replay: Replaying | None = None
        """What is being replayed and what could be; given where pages are served."""
        self._lock = threading.Lock()
        self._states: dict[tuple[str, int], _Kept] = {}
        self._ends: dict[tuple[str, int], tuple[tuple[object, ...], Summaries]] = {}
        self._courses: dict[tuple[str, int], Course] = {}
        self._moments: dict[tuple[str, int, int, Ahead], _Moment] = {}
        self._ahead: dict[tuple[str, int, int, int], Ahead] = {}
        self.judged: dict[tuple[str, int, Ahead], Judged] = {}
        """What snapshots found at other moments, by (feed, instant, records that counted ahead of it)."""
        self._moved: dict[tuple[str, int, int, int], tuple[int, Moved]] = {}

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

    def states(self, feed: str, day: int, upto: int | None = None) -> Mapping[str, State]:
        """All states of a feed's local day, kept up to date by ``seq``; ``upto``: at least up to that one."""
        return self._kept(feed, day, upto).states

    def newest(self, feed: str, day: int, upto: int | None = None) -> int:
        """The ``seq`` of the last change of a feed's local day (or ``LIFE``), of those up to ``upto`` at least."""
        return self._kept(feed, day, upto).seq

    def known(self, feed: str, day: int, seq: int) -> Mapping[str, State]:
        """All states of a feed's local day (or ``LIFE``) from the records known up to ``seq``."""
        held = self._kept(feed, day, seq)
        if held.seq <= seq:
            return held.states
        with self.history.reading() as connection:
            return self._known(connection, feed, day, seq, held)

    def _kept(self, feed: str, day: int, upto: int | None = None) -> _Kept:
        """``upto``: newer changes than those of that ``seq`` need not be in it."""
        with self._lock:
            held = self._states.get((feed, day), _Kept(0, {}, {}))
            if upto is not None and held.asked >= upto > 0:
                self._states[feed, day] = self._states.pop((feed, day))
                return held
            with self.history.reading() as connection:
                asked = self.history.seq(connection)
                rows = self.history.states_since(connection, feed, day, held.asked) if asked != held.asked else []
            if not rows:
                held = msgspec.structs.replace(held, asked=asked)
            else:
                decode = self.engines[feed].decode
                states, seqs = dict(held.states), dict(held.seqs)
                for subject, row_seq, data in rows:
                    states[subject], seqs[subject] = decode(data), row_seq
                held = _Kept(max(held.seq, *(row[1] for row in rows)), states, seqs, asked)
            # The day that was asked for last is forgotten last.
            self._states.pop((feed, day), None)
            self._states[feed, day] = held
            _trim(self._states, KEPT_DAYS)
            return held

    def others(self, feed: str, upto: int | None = None) -> dict[str, Callable[[int], Mapping[str, State]]]:
        """States of the feeds that summaries of this one read too."""
        needs = [name for name in self.engines[feed].needs if name in self.engines]
        return {name: partial(self.states, name, upto=upto) for name in needs}

    def _version(self, feed: str, day: int, upto: int | None) -> tuple[object, ...]:
        """What the summaries of a day depend on, as far as it can change: the rules, and the ``seq`` of states."""
        engine = self.engines[feed]
        buckets = [(feed, engine.bucket(day))]
        buckets += [(name, self.engines[name].bucket(day)) for name in engine.needs if name in self.engines]
        return (self.region_at(day).pack.version, *(self._kept(*key, upto).seq for key in buckets))

    def at_end_of(self, feed: str, day: int, upto: int | None = None) -> Summaries:
        """Summaries of a past local day at its last millisecond; ``upto``: newer changes need not be in them."""
        version = self._version(feed, day, upto)
        cached = self._ends.get((feed, day))
        if cached is not None and cached[0] == version:
            return cached[1]
        now = day_end(day, self.zone) - 1
        engine = self.engines[feed]
        states, others = partial(self.states, feed, upto=upto), self.others(feed, upto)
        found = engine.summarise(states, self.region_at(day), now, None, self.provisional(), others)
        with self._lock:
            self._ends[feed, day] = (version, found)
            _trim(self._ends, KEPT_ENDS)
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
        if changed and day == LIFE:
            region = region_known(self.region_at, 0, seq)
            for subject, events in self.history.events_of_day(connection, feed, None, seq, changed).items():
                states[subject] = engine.new()
                engine.fold(states[subject], events, region)
        elif changed:
            marks = {
                subject: (known, engine.decode(data))
                for subject, (known, data) in self.history.marked(connection, feed, day, seq).items()
                if subject in changed
            }
            states |= self._carried_on(connection, feed, day, changed, marks, seq)
        return states

    def until(self, feed: str, day: int, at: int, seq: int, ahead: Ahead = NONE_AHEAD) -> Mapping[str, State]:
        """States that a local day's records known at ``seq`` make up to the instant ``at`` of event time.

        The records of ``ahead``, as (source, id), count whatever their time. Subjects without a record are absent.
        Equal to folding those records anew, which is done of those subjects only of which nothing nearer is kept.
        """
        held = self._kept(feed, day, seq)
        key = (feed, day, at, ahead)
        known = self._moments.get(key)
        if known is None or held.seq > min(known.seq, seq):
            known = _Moment(seq, self._until(feed, day, at, seq, ahead, held))
            with self._lock:
                self._moments.pop(key, None)
                self._moments[key] = known
                _trim(self._moments, KEPT_MOMENTS)
        # Else: nothing of the day became known after both, so both know all of it.
        return known.states

    def _until(self, feed: str, day: int, at: int, seq: int, ahead: Ahead, held: _Kept) -> dict[str, State]:
        engine = self.engines[feed]
        states: dict[str, State] = {}
        for subject, row_seq in held.seqs.items():
            last = engine.last(held.states[subject])
            # Shared, and nothing is folded further into it: there is nothing else, neither later nor not yet known.
            if row_seq <= seq and last is not None and last <= at:
                states[subject] = held.states[subject]
        with self.history.reading() as connection:
            bound = min(seq, self.history.seq_at(connection, at))
            marks = self._marks_until(connection, engine, day, at, bound)
            extra = self._effective(connection, feed, day, ahead, seq, at)
            states |= self._carried_on(connection, feed, day, held.seqs.keys() - states, marks, seq, at, extra)
        return states

    def _carried_on(
        self,
        connection: Connection,
        feed: str,
        day: int,
        subjects: Collection[str],
        marks: Mapping[str, tuple[int, State]],
        seq: int,
        at: int | None = None,
        extra: Mapping[str, list[Event]] = NOTHING,
    ) -> dict[str, State]:
        """States of a local day's subjects at ``seq``, each from what was kept of it (``marks``) and the records after
        that, up to the instant ``at`` where one is given, with those of ``extra``. A subject to which that cannot be
        added is folded from its first record."""
        engine, region = self.engines[feed], region_known(self.region_at, day, seq)
        states: dict[str, State] = {}

        def members(found: Mapping[str, list[Event]], subject: str) -> list[Event]:
            return put_in_order(found.get(subject, []) + extra[subject]) if subject in extra else found.get(subject, [])

        after = {subject: marks[subject][0] if subject in marks else 0 for subject in subjects}
        further = self.history.events_after(connection, feed, day, after, seq, at)
        again: dict[str, int] = {}
        for subject in after:
            own = members(further, subject)
            state = marks[subject][1] if subject in marks else engine.new()
            if own and not engine.fold(state, own, region):
                again[subject] = 0
            elif own or subject in marks:
                states[subject] = state
        whole = self.history.events_after(connection, feed, day, again, seq, at)
        for subject in again:
            states[subject] = engine.new()
            engine.fold(states[subject], members(whole, subject), region)
        return states

    def _marks_until(
        self, connection: Connection, engine: Engine, day: int, at: int, upto: int
    ) -> dict[str, tuple[int, State]]:
        """Subject -> (seq, a state of its own) of those kept at or before ``upto`` that hold no record after ``at``."""
        found: dict[str, tuple[int, State]] = {}
        for subject, (known, data) in self.history.marked(connection, engine.feed.name, day, upto).items():
            state = engine.decode(data)
            last = engine.last(state)
            if last is not None and last <= at:
                found[subject] = (known, state)
        return found

    def _effective(
        self, connection: Connection, feed: str, day: int, keys: Collection[tuple[str, str]], seq: int, at: int
    ) -> dict[str, list[Event]]:
        """Subject -> those of some records that count at ``seq`` on a feed's local day with a time after ``at``."""
        known = self.history.versions_then(connection, keys)
        counting = [max((o for o in one if o.seq <= seq), key=lambda o: o.rank).seq for one in known]
        found: dict[str, list[Event]] = {}
        for of, event in self.history.events_by_seq(connection, counting).values():
            if (event.feed, of) == (feed, day) and event.at > at and not event.void:
                found.setdefault(event.subject, []).append(event)
        return found

    def ahead(self, feed: str, day: int, at: int, seq: int) -> Ahead:
        """(source, id) of the records of a local day that counted at ``seq`` with an event time after ``at``."""
        key = (feed, day, at, seq)
        found = self._ahead.get(key)
        if found is None:
            engine, held = self.engines[feed], self._kept(feed, day, seq)
            with self.history.reading() as connection:
                marks = self._marks_until(connection, engine, day, at, seq)
                after = {subject: marks[subject][0] if subject in marks else 0 for subject in held.seqs}
                found = frozenset(self.history.ahead(connection, feed, day, after, seq, at))
            with self._lock:
                self._ahead[key] = found
                _trim(self._ahead, KEPT_ENDS)
        return found

    def keep_judged(self, key: tuple[str, int, Ahead], found: Judged) -> None:
        """Hold what was found for the snapshots to come."""
        with self._lock:
            self.judged.pop(key, None)
            self.judged[key] = found
            _trim(self.judged, KEPT_JUDGED)

    def moved(self, feed: str, day: int, at: int, since: int, seq: int) -> Moved:
        """What ``seq`` knows of a local day's records up to the instant ``at`` that ``since`` did not."""
        held = self._kept(feed, day, seq)
        key = (feed, day, at, since)
        known = self._moved.get(key)
        if known is None or held.seq > min(known[0], seq):
            with self.history.reading() as connection:
                # What a state was kept of has not been superseded: no record that ``since`` knew before it has gone.
                marks = self.history.marks_of(connection, feed, day, since)
                after = {subject: marks.get(subject, 0) for subject, newest in held.seqs.items() if newest > since}
                found = moved_of(*self.history.moved(connection, feed, day, after, since, seq, at))
            known = (seq, found)
            with self._lock:
                self._moved[key] = known
                _trim(self._moved, KEPT_ENDS)
        return known[1]

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


def _shared(summary: Summary, same: dict[Any, Any]) -> Summary:
    """The summary with what earlier ones hold alike: half a hundred moments of a day owe the same visits."""
    if not isinstance(summary, TrackSummary):
        return summary
    return msgspec.structs.replace(
        summary,
        obligations=tuple(same.setdefault(one, one) for one in summary.obligations),
        gaps=tuple(same.setdefault(one, one) for one in summary.gaps),
    )


def _trim(held: dict[Any, Any], size: int) -> None:
    while len(held) > size:
        del held[next(iter(held))]


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
        self._frozen: Mapping[str, State] | None = None
        """States to cut instead of those of now, so that several moments are made of the same ones."""
        self._played: tuple[Mapping[str, State], list[tuple[int, Summaries]]] | None = None
        """The states of which points were made last, and the points."""

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
        if not self._cuts:
            return False
        whole = self._frozen if self._frozen is not None else self.past.states(self.feed, self.bucket)
        cut = {subject: self.engine.upto(state, moment) for subject, state in whole.items()}
        # Before its first record, and after its last one was withdrawn, a subject is not there.
        self._states = {subject: state for subject, state in cut.items() if state is not None and state.entries}
        return True

    @property
    def _cuts(self) -> bool:
        """Whether the states keep what every record said."""
        return self.engine.upto(self.engine.new(), 0) is not None

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
        stand: list[tuple[int, Summaries]] = []
        if self._cuts and step == SERIES_STEP:
            course._frozen = self.past.states(self.feed, self.bucket)
            stand = self._still(course._frozen)[: len(moments)]
        found = list(stand)
        same: dict[Any, Any] = {}
        for at in moments[len(stand) :]:
            known = course.at(min(at, self.end - 1))
            found.append(((at - self.start) // MINUTE, {town: _shared(one, same) for town, one in known.items()}))
        if course._frozen is not None:
            self._played = (course._frozen, found)
        return found

    def _still(self, states: Mapping[str, State]) -> list[tuple[int, Summaries]]:
        """The points made last, if no record up to the last of them has come, gone or changed since."""
        before, points = self._played or ({}, [])
        if not points:
            return []
        moment = min(self.start + points[-1][0] * MINUTE, self.end - 1)
        moved = (name for name in before.keys() | states.keys() if before.get(name) is not states.get(name))
        same = all(self._said(before.get(name), moment) == self._said(states.get(name), moment) for name in moved)
        return points if same else []

    def _said(self, state: State | None, moment: int) -> Any:
        cut = None if state is None else self.engine.upto(state, moment)
        return [] if cut is None else cut.entries
