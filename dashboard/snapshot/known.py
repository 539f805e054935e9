"""What was known at a ``known_seq``, at any moment: the boards that a snapshot compares.

Reads the truth through :class:`dashboard.queries.past.Past`; nothing here is published or laid out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec
from sqlalchemy import select

from dashboard.access.viewer import Viewer
from dashboard.archetypes import LIFE, State
from dashboard.domain.day import day_end, day_of
from dashboard.domain.event import Event
from dashboard.domain.place import Place
from dashboard.queries.board import Board
from dashboard.queries.past import Past, Summaries
from dashboard.stores.tables import event as event_table
from geodata.library import region_known

_event = msgspec.msgpack.Decoder(Event)


class Later(msgspec.Struct, frozen=True):
    """How many records of a day became known after a snapshot of it, and how."""

    late: int = 0
    changed: int = 0
    withdrawn: int = 0

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.late or self.changed or self.withdrawn)


class Known(Past):
    """The past as it was known at ``seq``. Shares what ``past`` has in memory wherever nothing newer touches it."""

    def __init__(self, past: Past, seq: int) -> None:
        self.past, self.seq = past, seq
        self.history, self.region_at, self.feeds, self.engines = past.history, past.region_at, past.feeds, past.engines
        self.zone, self.rules = past.zone, past.rules
        self._folded: dict[tuple[str, int], Mapping[str, State]] = {}
        self._moments: dict[tuple[str, int], Summaries] = {}

    def _newest(self, feed: str, bucket: int) -> int:
        return self.past._kept(feed, bucket).seq

    def states(self, feed: str, day: int) -> Mapping[str, State]:
        """All states of a feed's local day (or ``LIFE``) from the records known at ``seq``."""
        key = (feed, day)
        if key not in self._folded:
            self._folded[key] = self.past.known(feed, day, self.seq)
        return self._folded[key]

    def provisional(self, seq: int | None = None) -> list[Place]:
        """Places that records named before any list did, as far as they were known."""
        return self.past.provisional(self.seq if seq is None else seq)

    def end(self, feed: str, day: int) -> Summaries:
        """Summaries of a local day at its last millisecond."""
        engine = self.engines[feed]
        buckets = [(feed, engine.bucket(day)), *((n, self.engines[n].bucket(day)) for n in engine.needs)]
        if all(self.past.newest(*one) <= self.seq for one in buckets):
            return self.past.at_end_of(feed, day)
        return self._judged(feed, day_end(day, self.zone) - 1)

    def _judged(self, feed: str, at: int, own: Mapping[str, State] | None = None) -> Summaries:
        day = day_of(at, self.zone)
        engine = self.engines[feed]

        def states(of: int) -> Mapping[str, State]:
            return own if own is not None and of == engine.bucket(day) else self.states(feed, of)

        region = region_known(self.region_at, day, self.seq)
        return engine.summarise(states, region, at, None, self.provisional(), self._others(feed))

    def _others(self, feed: str) -> dict[str, partial[Mapping[str, State]]]:
        return {name: partial(self.states, name) for name in self.engines[feed].needs if name in self.engines}

    def moment(self, feed: str, at: int, shown: int | None = None) -> Summaries:
        """Summaries of the records with an event time up to ``at``, judged at ``at``.

        ``shown`` is a ``known_seq`` at which that moment was shown: records that counted then with a time just ahead
        of the clock go on counting, so that the two readings differ by what became known since and nothing else.
        """
        key = (feed, at)
        if shown is None and key in self._moments:
            return self._moments[key]
        day = day_of(at, self.zone)
        if self.engines[feed].bucket(day) == LIFE:
            found = self._judged(feed, at)
        else:
            found = self._judged(feed, at, self._until(feed, day, at, shown))
        if shown is None:
            self._moments[key] = found
        return found

    def _until(self, feed: str, day: int, at: int, shown: int | None) -> dict[str, State]:
        engine = self.engines[feed]
        region = region_known(self.region_at, day, self.seq)
        with self.history.reading() as connection:
            now = self.history.events_of_day(connection, feed, day, self.seq)
            then = self.history.events_of_day(connection, feed, day, shown) if shown is not None else {}
        ahead = {(one.source, one.id) for members in then.values() for one in members if one.at > at}
        states: dict[str, State] = {}
        for subject, members in now.items():
            kept = [one for one in members if one.at <= at or (one.source, one.id) in ahead]
            if kept:
                states[subject] = engine.new()
                engine.fold(states[subject], kept, region)
        return states

    def board(self, viewer: Viewer, at: int, shown: int | None = None) -> Board:
        """The board of an earlier moment, by event time."""
        found = {name: self.moment(name, at, shown) for name in self.feeds}
        return Board(found, at, self.seq, region_known(self.region_at, day_of(at, self.zone), self.seq), viewer)

    def as_of(self, feed: str, at: int, seq: int) -> Summaries:
        """What was shown at ``at``; a state that was folded for one feed serves every other that reads it."""
        return self._judged(feed, at) if seq == self.seq else super().as_of(feed, at, seq)

    def shown(self, viewer: Viewer, at: int) -> Board:
        """The board that was shown at ``at``, known up to ``seq``."""
        found = {name: self.as_of(name, at, self.seq) for name in self.feeds}
        region = region_known(self.region_at, day_of(at, self.zone), self.seq)
        return Board(found, at, self.seq, region, viewer)

    def ended(self, viewer: Viewer, day: int, feeds: set[str] | None = None) -> Board:
        """The board of a past local day at its end."""
        found = {name: self.end(name, day) for name in self.feeds if feeds is None or name in feeds}
        return Board(found, day_end(day, self.zone) - 1, self.seq, self.region_at(day), viewer)

    def later(self, feed: str, at: int, since: int, towns: frozenset[str] | None = None) -> Later:
        """Records with an event time up to ``at`` that became known after ``since`` and up to ``seq``.

        Of feeds that are counted by day those of that day, of cases and rosters those of any day before it too.
        """
        t = event_table.c
        fresh = select(t.body, t.void).where(t.feed == feed, t.seq > since, t.seq <= self.seq, t.at <= at)
        gone = select(t.body).where(
            t.feed == feed, t.seq <= since, t.ended > since, t.ended <= self.seq, t.void.is_(False), t.at <= at
        )
        day = day_of(at, self.zone)
        if self.engines[feed].bucket(day) != LIFE:
            fresh, gone = fresh.where(t.day == day), gone.where(t.day == day)
        with self.history.reading() as connection:
            new = [(_event.decode(row.body), row.void) for row in connection.execute(fresh)]
            old = [_event.decode(row.body) for row in connection.execute(gone)]
        replaced = {(one.source, one.id) for one in old if towns is None or one.town in towns}
        counted = {(one.source, one.id) for one, void in new if not void and (towns is None or one.town in towns)}
        return Later(len(counted - replaced), len(counted & replaced), len(replaced - counted))


__all__ = ["Known", "Later"]
