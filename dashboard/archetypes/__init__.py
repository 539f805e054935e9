"""Archetypes carry out what a feed declares: fold records into states, sum states up for a town at a moment.

``engine_of(feed)`` gives the worker, the read side and the tests one interface over all archetypes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, cast

import msgspec

from dashboard.archetypes import case, reading, track
from dashboard.domain.day import day_of, shift_day
from dashboard.domain.event import Event
from dashboard.domain.feed import CaseSpec, Feed, ReadingSpec, TrackSpec
from dashboard.domain.place import Place
from dashboard.domain.summary import CaseSummary, ReadingSummary, Summary, TrackSummary
from dashboard.feeds import FEEDS
from geodata.region import Region

State = Any
"""A state of any archetype: a mutable MessagePack-able struct of one subject's local day."""

StatesOf = Callable[[int], Mapping[str, State]]
"""Local day (yyyymmdd), or ``LIFE`` -> states of one feed by subject."""

LIFE = 1
"""Stands for the day where a state holds a subject's whole life."""


class Engine(Protocol):
    """What an archetype does for one feed."""

    feed: Feed
    needs: tuple[str, ...]
    """Feeds whose states a summary of this one reads too."""

    def bucket(self, day: int) -> int:
        """Under which day the state is kept that a record of a local day belongs to."""
        ...

    def days(self, today: int) -> Sequence[int]:
        """The days (or ``LIFE``) whose states a summary of ``today`` looks at."""
        ...

    def new(self) -> State:
        """An empty state."""
        ...

    def encode(self, state: State) -> bytes:
        """A state as bytes."""
        ...

    def decode(self, data: bytes) -> State:
        """The reverse of :meth:`encode`."""
        ...

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        """Fold further records, in event order; ``False``: fold the day again from the stored records."""
        ...

    def summarise(
        self,
        states: StatesOf,
        region: Region,
        now: int,
        towns: Iterable[str] | None,
        provisional: Iterable[Place],
        others: Mapping[str, StatesOf] = ...,
    ) -> Mapping[str, Summary]:
        """What is true of towns (``None``: all) at ``now``. ``others``: states of the feeds that it :attr:`needs`."""
        ...

    def next_change(self, summary: Summary, region: Region) -> int:
        """When time alone will next change a summary."""
        ...

    def records(self, state: State, day: int, zone: str) -> Mapping[str, int]:
        """Town -> records of a local day folded into a state."""
        ...


NOTHING: Mapping[str, StatesOf] = MappingProxyType({})


class _Codec:
    needs: tuple[str, ...] = ()
    back_days = 1
    """How many days before today a summary looks at."""

    def bucket(self, day: int) -> int:
        return day

    def days(self, today: int) -> Sequence[int]:
        # Tomorrow too: a device whose clock runs ahead may be there already shortly before midnight.
        return [shift_day(today, -back) for back in range(-1, self.back_days + 1)]

    def __init__(self, feed: Feed, state: type[Any]) -> None:
        self.feed = feed
        self._state = state
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(state)

    def new(self) -> State:
        return self._state()

    def encode(self, state: State) -> bytes:
        return self._encoder.encode(state)

    def decode(self, data: bytes) -> State:
        return self._decoder.decode(data)


class TrackEngine(_Codec):
    """:class:`Engine` of track feeds."""

    back_days = track.GAP_DAYS

    def __init__(self, feed: Feed, spec: TrackSpec) -> None:
        super().__init__(feed, track.UnitState)
        self.spec = spec
        self.needs = tuple(name for name in spec.visits_for if name in FEEDS)
        self._owing = {name: _cases_of(FEEDS[name]) for name in self.needs}

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return track.fold(state, events, self.spec, region)

    def summarise(
        self,
        states: StatesOf,
        region: Region,
        now: int,
        towns: Iterable[str] | None,
        provisional: Iterable[Place],
        others: Mapping[str, StatesOf] = NOTHING,
    ) -> Mapping[str, Summary]:
        day = day_of(now, region.pack.timezone)
        latest: dict[str, int] = {}
        for back in range(self.back_days, 0, -1):
            latest |= track.last_visits(states(shift_day(day, -back)).values(), self.spec)
        owed = self._owed(region, now, others)
        days = track.TrackDays(states(day), states(shift_day(day, -1)), latest, owed)
        return track.summarise(days, self.spec, region.pack, now, towns)

    def _owed(self, region: Region, now: int, others: Mapping[str, StatesOf]) -> dict[str, list[track.Owed]]:
        found: dict[str, list[track.Owed]] = {}
        for name, cases in self._owing.items():
            if name in others:
                for town, places in case.owing(cases, others[name](LIFE), region.pack, now).items():
                    found.setdefault(town, []).extend(track.Owed(place, since, name) for place, since in places)
        return found

    def next_change(self, summary: Summary, region: Region) -> int:
        return track.next_change(cast(TrackSummary, summary), self.spec, region.pack)

    def records(self, state: State, day: int, zone: str) -> Mapping[str, int]:
        return cast(track.UnitState, state).records


class ReadingEngine(_Codec):
    """:class:`Engine` of reading feeds."""

    def __init__(self, feed: Feed, spec: ReadingSpec) -> None:
        super().__init__(feed, reading.CheckpointState)
        self.spec = spec

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return reading.fold(state, events, self.spec, region.pack)

    def summarise(
        self,
        states: StatesOf,
        region: Region,
        now: int,
        towns: Iterable[str] | None,
        provisional: Iterable[Place],
        others: Mapping[str, StatesOf] = NOTHING,
    ) -> Mapping[str, Summary]:
        day = day_of(now, region.pack.timezone)
        days = reading.ReadingDays(states(day), states(shift_day(day, -1)), states(shift_day(day, 1)))
        return reading.summarise(days, self.spec, region.pack, now, towns, provisional)

    def next_change(self, summary: Summary, region: Region) -> int:
        return reading.next_change(cast(ReadingSummary, summary), self.spec, region.pack)

    def records(self, state: State, day: int, zone: str) -> Mapping[str, int]:
        return {town: counts.records for town, counts in cast(reading.CheckpointState, state).towns.items()}


class CaseEngine(_Codec):
    """:class:`Engine` of case feeds: one state holds a case's whole life."""

    def __init__(self, feed: Feed, spec: CaseSpec) -> None:
        super().__init__(feed, case.CaseState)
        self.spec = spec
        self._cases = _cases_of(feed)

    def bucket(self, day: int) -> int:
        return LIFE

    def days(self, today: int) -> Sequence[int]:
        return [LIFE]

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return case.fold(state, events)

    def summarise(
        self,
        states: StatesOf,
        region: Region,
        now: int,
        towns: Iterable[str] | None,
        provisional: Iterable[Place],
        others: Mapping[str, StatesOf] = NOTHING,
    ) -> Mapping[str, Summary]:
        return case.summarise(self._cases, states(LIFE), region.pack, now, towns)

    def next_change(self, summary: Summary, region: Region) -> int:
        return case.next_change(cast(CaseSummary, summary), self.spec, region.pack)

    def records(self, state: State, day: int, zone: str) -> Mapping[str, int]:
        entries = cast(case.CaseState, state).entries
        return Counter(entry.town for entry in entries if day_of(entry.at, zone) == day)


def _cases_of(feed: Feed) -> case.Cases:
    return case.Cases(feed.name, cast(CaseSpec, feed.archetype))


def engine_of(feed: Feed) -> Engine:
    """The engine that carries out a feed's archetype."""
    spec = feed.archetype
    if isinstance(spec, TrackSpec):
        return TrackEngine(feed, spec)
    if isinstance(spec, CaseSpec):
        return CaseEngine(feed, spec)
    return ReadingEngine(feed, spec)


SUMMARY_TYPES: Mapping[type[Any], type[Any]] = {
    TrackSpec: TrackSummary,
    ReadingSpec: ReadingSummary,
    CaseSpec: CaseSummary,
}
"""Archetype parameters -> the summary that the archetype makes."""
