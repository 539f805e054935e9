"""Archetypes carry out what a feed declares: fold records into states, sum states up for a town at a moment.

``engine_of(feed)`` gives the worker, the read side and the tests one interface over all archetypes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, cast

import msgspec

from dashboard.archetypes import action, case, reading, roster, tally, track
from dashboard.archetypes.parameters import reading_in, track_in
from dashboard.domain.day import day_of, shift_day
from dashboard.domain.event import Event
from dashboard.domain.feed import ActionSpec, CaseSpec, Feed, ReadingSpec, RosterSpec, TallySpec, TrackSpec
from dashboard.domain.place import Place, RegionPack
from dashboard.domain.summary import (
    ActionSummary,
    CaseSummary,
    ReadingSummary,
    RosterSummary,
    Summary,
    TallySummary,
    TrackSummary,
)
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

    def upto(self, state: State, moment: int) -> State | None:
        """The state that its records up to an instant of event time make; ``None`` where only folding them can tell.

        The state itself when there is nothing later in it."""
        ...

    def last(self, state: State) -> int | None:
        """The latest event time of the records in a state; ``None`` where it does not tell, or has none."""
        ...

    def rules(self, region: Region) -> object:
        """What :meth:`fold` takes from a region: equal for two versions by which every record folds alike."""
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

    def upto(self, state: State, moment: int) -> State | None:
        return None

    def last(self, state: State) -> int | None:
        return None

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
        self.needs = tuple(name for name in spec.visits_for if name in FEEDS)
        self._owing = {name: _cases_of(FEEDS[name]) for name in self.needs}

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return track.fold(state, events, track_in(self.feed, region.pack), region)

    def last(self, state: State) -> int | None:
        newest = cast(track.UnitState, state).newest
        return newest[0] if newest is not None else None

    def rules(self, region: Region) -> object:
        return track.rules(track_in(self.feed, region.pack), region)

    def summarise(
        self,
        states: StatesOf,
        region: Region,
        now: int,
        towns: Iterable[str] | None,
        provisional: Iterable[Place],
        others: Mapping[str, StatesOf] = NOTHING,
    ) -> Mapping[str, Summary]:
        spec = track_in(self.feed, region.pack)
        day = day_of(now, region.pack.timezone)
        latest: dict[str, int] = {}
        for back in range(self.back_days, 0, -1):
            latest |= track.last_visits(states(shift_day(day, -back)).values(), spec)
        owed = self._owed(region, now, others)
        days = track.TrackDays(states(day), states(shift_day(day, -1)), latest, owed)
        return track.summarise(days, spec, region.pack, now, towns)

    def _owed(self, region: Region, now: int, others: Mapping[str, StatesOf]) -> dict[str, list[track.Owed]]:
        found: dict[str, list[track.Owed]] = {}
        for name, cases in self._owing.items():
            if name in others:
                for town, places in case.owing(cases, others[name](LIFE), region.pack, now).items():
                    found.setdefault(town, []).extend(track.Owed(place, since, name) for place, since in places)
        return found

    def next_change(self, summary: Summary, region: Region) -> int:
        return track.next_change(cast(TrackSummary, summary), track_in(self.feed, region.pack), region.pack)

    def records(self, state: State, day: int, zone: str) -> Mapping[str, int]:
        return cast(track.UnitState, state).records


class ReadingEngine(_Codec):
    """:class:`Engine` of reading feeds."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed, reading.CheckpointState)

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return reading.fold(state, events, reading_in(self.feed, region.pack), region.pack)

    def last(self, state: State) -> int | None:
        return reading.last(state)

    def rules(self, region: Region) -> object:
        return reading.rules(reading_in(self.feed, region.pack), region.pack)

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
        spec = reading_in(self.feed, region.pack)
        return reading.summarise(days, spec, region.pack, now, towns, provisional)

    def next_change(self, summary: Summary, region: Region) -> int:
        return reading.next_change(cast(ReadingSummary, summary), reading_in(self.feed, region.pack), region.pack)

    def records(self, state: State, day: int, zone: str) -> Mapping[str, int]:
        return {town: counts.records for town, counts in cast(reading.CheckpointState, state).towns.items()}


class _LifeCodec(_Codec):
    """One state holds a subject's whole life. Its limits are judged, never folded."""

    def bucket(self, day: int) -> int:
        return LIFE

    def days(self, today: int) -> Sequence[int]:
        return [LIFE]

    def rules(self, region: Region) -> object:
        return ()

    def summarise(
        self,
        states: StatesOf,
        region: Region,
        now: int,
        towns: Iterable[str] | None,
        provisional: Iterable[Place],
        others: Mapping[str, StatesOf] = NOTHING,
    ) -> Mapping[str, Summary]:
        return self._sum_up(states(LIFE), region.pack, now, towns)

    def _sum_up(
        self, states: Mapping[str, State], pack: RegionPack, now: int, towns: Iterable[str] | None
    ) -> Mapping[str, Summary]:
        raise NotImplementedError


class _EntriesCodec(_LifeCodec):
    """The state keeps what every record said (:class:`case.CaseState`)."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed, case.CaseState)
        self._cuts = case.Cuts()

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return case.fold(state, events)

    def upto(self, state: State, moment: int) -> State | None:
        return self._cuts.upto(state, moment)

    def records(self, state: State, day: int, zone: str) -> Mapping[str, int]:
        entries = cast(case.CaseState, state).entries
        return Counter(entry.town for entry in entries if day_of(entry.at, zone) == day)


class CaseEngine(_EntriesCodec):
    """:class:`Engine` of case feeds."""

    def __init__(self, feed: Feed, spec: CaseSpec) -> None:
        super().__init__(feed)
        self.spec = spec
        self._cases = _cases_of(feed)

    def _sum_up(
        self, states: Mapping[str, State], pack: RegionPack, now: int, towns: Iterable[str] | None
    ) -> Mapping[str, Summary]:
        return case.summarise(self._cases, states, pack, now, towns)

    def next_change(self, summary: Summary, region: Region) -> int:
        return case.next_change(cast(CaseSummary, summary), self.spec, region.pack)


class RosterEngine(_EntriesCodec):
    """:class:`Engine` of roster feeds."""

    def __init__(self, feed: Feed, spec: RosterSpec) -> None:
        super().__init__(feed)
        self.spec = spec

    def _sum_up(
        self, states: Mapping[str, State], pack: RegionPack, now: int, towns: Iterable[str] | None
    ) -> Mapping[str, Summary]:
        return roster.summarise(self.spec, states, pack, now, towns)

    def next_change(self, summary: Summary, region: Region) -> int:
        return roster.next_change(cast(RosterSummary, summary), region.pack)


class ActionEngine(_EntriesCodec):
    """:class:`Engine` of the feed of what people do about items."""

    def __init__(self, feed: Feed, spec: ActionSpec) -> None:
        super().__init__(feed)
        self.spec = spec

    def _sum_up(
        self, states: Mapping[str, State], pack: RegionPack, now: int, towns: Iterable[str] | None
    ) -> Mapping[str, Summary]:
        return action.summarise(self.spec, states, pack, now, towns)

    def next_change(self, summary: Summary, region: Region) -> int:
        return action.next_change(cast(ActionSummary, summary), region.pack)


class TallyEngine(_LifeCodec):
    """:class:`Engine` of tally feeds."""

    def __init__(self, feed: Feed, spec: TallySpec) -> None:
        super().__init__(feed, tally.TallyState)
        self.spec = spec

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return tally.fold(state, events, self.spec, region.pack.timezone)

    def _sum_up(
        self, states: Mapping[str, State], pack: RegionPack, now: int, towns: Iterable[str] | None
    ) -> Mapping[str, Summary]:
        return tally.summarise(states, pack, now, towns, len(self.spec.by))

    def next_change(self, summary: Summary, region: Region) -> int:
        return tally.next_change(cast(TallySummary, summary), self.spec, region.pack)

    def records(self, state: State, day: int, zone: str) -> Mapping[str, int]:
        heard = cast(tally.TallyState, state).heard
        return {town: days[day][0] for town, days in heard.items() if day in days}


class _Earlier(case.CaseState):
    """A state that an earlier version of the program kept in another shape. The next start folds it again from its
    records, like every state of another :data:`FOLDING`; should a record come before that, it does so for its subject.
    """


class JudgedEngine(_EntriesCodec):
    """:class:`Engine` of tally feeds with a rule that judges every subject by the rules in force."""

    def __init__(self, feed: Feed, spec: TallySpec) -> None:
        super().__init__(feed)
        self.spec = spec
        self._judged = tally.Judged(spec)

    def decode(self, data: bytes) -> State:
        try:
            return super().decode(data)
        except msgspec.DecodeError:
            return _Earlier()

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return not isinstance(state, _Earlier) and super().fold(state, events, region)

    def _sum_up(
        self, states: Mapping[str, State], pack: RegionPack, now: int, towns: Iterable[str] | None
    ) -> Mapping[str, Summary]:
        return self._judged.summarise(states, pack, now, towns)

    def next_change(self, summary: Summary, region: Region) -> int:
        return tally.next_change(cast(TallySummary, summary), self.spec, region.pack)


def _cases_of(feed: Feed) -> case.Cases:
    return case.Cases(feed.name, cast(CaseSpec, feed.archetype))


def engine_of(feed: Feed) -> Engine:
    """The engine that carries out a feed's archetype."""
    spec = feed.archetype
    if isinstance(spec, TrackSpec):
        return TrackEngine(feed, spec)
    if isinstance(spec, CaseSpec):
        return CaseEngine(feed, spec)
    if isinstance(spec, TallySpec):
        return JudgedEngine(feed, spec) if spec.judge else TallyEngine(feed, spec)
    if isinstance(spec, RosterSpec):
        return RosterEngine(feed, spec)
    if isinstance(spec, ActionSpec):
        return ActionEngine(feed, spec)
    return ReadingEngine(feed)


SUMMARY_TYPES: Mapping[type[Any], type[Any]] = {
    TrackSpec: TrackSummary,
    ReadingSpec: ReadingSummary,
    CaseSpec: CaseSummary,
    TallySpec: TallySummary,
    RosterSpec: RosterSummary,
    ActionSpec: ActionSummary,
}
"""Archetype parameters -> the summary that the archetype makes."""
