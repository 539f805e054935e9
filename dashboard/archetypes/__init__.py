"""Archetypes carry out what a feed declares: fold records into states, sum states up for a town at a moment.

``engine_of(feed)`` gives the worker, the read side and the tests one interface over all archetypes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

import msgspec

from dashboard.archetypes import reading, track
from dashboard.domain.day import day_of, shift_day
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed, ReadingSpec, TrackSpec
from dashboard.domain.place import Place
from dashboard.domain.summary import ReadingSummary, Summary, TrackSummary
from geodata.region import Region

State = Any
"""A state of any archetype: a mutable MessagePack-able struct of one subject's local day."""

StatesOf = Callable[[int], Mapping[str, State]]
"""Local day (yyyymmdd) -> states of one feed by subject."""


class Engine(Protocol):
    """What an archetype does for one feed."""

    feed: Feed
    back_days: int
    """How many days before today a summary looks at."""

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
        self, states: StatesOf, region: Region, now: int, towns: Iterable[str] | None, provisional: Iterable[Place]
    ) -> Mapping[str, Summary]:
        """What is true of towns (``None``: all) at ``now``."""
        ...

    def next_change(self, summary: Summary, region: Region) -> int:
        """When time alone will next change a summary."""
        ...

    def records(self, state: State) -> Mapping[str, int]:
        """Town -> records folded into a state."""
        ...


class _Codec:
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

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return track.fold(state, events, self.spec, region)

    def summarise(
        self, states: StatesOf, region: Region, now: int, towns: Iterable[str] | None, provisional: Iterable[Place]
    ) -> Mapping[str, Summary]:
        day = day_of(now, region.pack.timezone)
        latest: dict[str, int] = {}
        for back in range(self.back_days, 0, -1):
            latest |= track.last_visits(states(shift_day(day, -back)).values(), self.spec)
        days = track.TrackDays(states(day), states(shift_day(day, -1)), latest)
        return track.summarise(days, self.spec, region.pack, now, towns)

    def next_change(self, summary: Summary, region: Region) -> int:
        return track.next_change(cast(TrackSummary, summary), self.spec, region.pack)

    def records(self, state: State) -> Mapping[str, int]:
        return cast(track.UnitState, state).records


class ReadingEngine(_Codec):
    """:class:`Engine` of reading feeds."""

    back_days = 1

    def __init__(self, feed: Feed, spec: ReadingSpec) -> None:
        super().__init__(feed, reading.CheckpointState)
        self.spec = spec

    def fold(self, state: State, events: Sequence[Event], region: Region) -> bool:
        return reading.fold(state, events, self.spec, region.pack)

    def summarise(
        self, states: StatesOf, region: Region, now: int, towns: Iterable[str] | None, provisional: Iterable[Place]
    ) -> Mapping[str, Summary]:
        day = day_of(now, region.pack.timezone)
        days = reading.ReadingDays(states(day), states(shift_day(day, -1)), states(shift_day(day, 1)))
        return reading.summarise(days, self.spec, region.pack, now, towns, provisional)

    def next_change(self, summary: Summary, region: Region) -> int:
        return reading.next_change(cast(ReadingSummary, summary), self.spec, region.pack)

    def records(self, state: State) -> Mapping[str, int]:
        return {town: counts.records for town, counts in cast(reading.CheckpointState, state).towns.items()}


def engine_of(feed: Feed) -> Engine:
    """The engine that carries out a feed's archetype."""
    spec = feed.archetype
    if isinstance(spec, TrackSpec):
        return TrackEngine(feed, spec)
    return ReadingEngine(feed, spec)


SUMMARY_TYPES: Mapping[type[Any], type[Any]] = {TrackSpec: TrackSummary, ReadingSpec: ReadingSummary}
"""Archetype parameters -> the summary that the archetype makes."""
