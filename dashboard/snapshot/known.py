"""What was known at a ``known_seq``, at any moment: the boards that a snapshot compares.

Reads the truth through :class:`dashboard.queries.past.Past`; nothing here is published or laid out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from dashboard.access.viewer import Viewer
from dashboard.archetypes import LIFE, State
from dashboard.domain.day import day_end, day_of
from dashboard.domain.place import Place
from dashboard.errors import Archived
from dashboard.queries.board import Board
from dashboard.queries.past import NONE_AHEAD, Ahead, Judged, Past, Summaries, moved_of
from geodata.library import region_known


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
        self._then: dict[tuple[str, int], Summaries] = {}
        self._provisional: list[Place] | None = None
        self._from: dict[tuple[str, int], float] = {}

    def states(self, feed: str, day: int, upto: int | None = None) -> Mapping[str, State]:
        """All states of a feed's local day (or ``LIFE``) from the records known at ``seq``, whatever ``upto``."""
        key = (feed, day)
        if key not in self._folded:
            self._folded[key] = self.past.known(feed, day, self.seq)
        return self._folded[key]

    def provisional(self, seq: int | None = None) -> list[Place]:
        """Places that records named before any list did, as far as they were known."""
        if seq is not None and seq != self.seq:
            return self.past.provisional(seq)
        if self._provisional is None:
            self._provisional = self.past.provisional(self.seq)
        return self._provisional

    def end(self, feed: str, day: int) -> Summaries:
        """Summaries of a local day at its last millisecond."""
        if all(self.past.newest(*one, self.seq) <= self.seq for one in self._buckets(feed, day)):
            return self.past.at_end_of(feed, day, self.seq)
        return self._once(feed, day_end(day, self.zone) - 1)

    def _buckets(self, feed: str, day: int) -> list[tuple[str, int]]:
        """The (feed, day) whose states summaries of a day look at."""
        names = [feed, *(name for name in self.engines[feed].needs if name in self.engines)]
        return [(name, of) for name in names for of in self.engines[name].days(day)]

    def _once(self, feed: str, at: int, ahead: Ahead = NONE_AHEAD) -> Summaries:
        """Summaries of the records up to ``at``, judged then: those of an earlier snapshot where they are the same."""
        day = day_of(at, self.zone)
        region = region_known(self.region_at, day, self.seq)
        key = (feed, at, ahead)
        kept = self.past.judged.get(key)
        same = kept is not None and kept.region is region and kept.places == self.provisional()
        if kept is None or not same or not self._unmoved(feed, day, kept.seq):
            own = None
            if self.engines[feed].bucket(day) != LIFE and at < day_end(day, self.zone) - 1:
                own = self.past.until(feed, day, at, self.seq, ahead)
            kept = Judged(self.seq, region, self.provisional(), self._judged(feed, at, own))
        self.past.keep_judged(key, msgspec.structs.replace(kept, seq=self.seq))
        return kept.found

    def _unmoved(self, feed: str, day: int, then: int) -> bool:
        """Whether ``then`` knew of a day and those before it, as far as a feed looks at them, what is known now."""
        for name, of in self._buckets(feed, day):
            if self.past.newest(name, of, max(then, self.seq)) <= min(then, self.seq):
                continue
            if of != LIFE or then > self.seq or self._moved_from(name, then) < day_end(day, self.zone):
                return False
        return True

    def _moved_from(self, feed: str, since: int) -> float:
        """The earliest event time of the versions that came or went after ``since``: before it nothing has changed."""
        key = (feed, since)
        if key not in self._from:
            with self.history.reading() as connection:
                found = self.history.moved_from(connection, feed, since, self.seq)
            self._from[key] = math.inf if found is None else found
        return self._from[key]

    def _judged(self, feed: str, at: int, own: Mapping[str, State] | None = None) -> Summaries:
        day = day_of(at, self.zone)
        engine = self.engines[feed]

        def states(of: int) -> Mapping[str, State]:
            return own if own is not None and of == engine.bucket(day) else self.states(feed, of)

        region = region_known(self.region_at, day, self.seq)
        return engine.summarise(states, region, at, None, self.provisional(), self.others(feed))

    def moment(self, feed: str, at: int, shown: int | None = None) -> Summaries:
        """Summaries of the records with an event time up to ``at``, judged at ``at``.

        ``shown`` is a ``known_seq`` at which that moment was shown: records that counted then with a time just ahead
        of the clock go on counting, so that the two readings differ by what became known since and nothing else.
        """
        key = (feed, at)
        if shown is None and key in self._then:
            return self._then[key]
        day = day_of(at, self.zone)
        by_day = self.engines[feed].bucket(day) != LIFE
        found = self._once(
            feed, at, self.past.ahead(feed, day, at, shown) if shown is not None and by_day else NONE_AHEAD
        )
        if shown is None:
            self._then[key] = found
        return found

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
        day = day_of(at, self.zone)
        bucket = self.engines[feed].bucket(day)
        if self.past.newest(feed, bucket, self.seq) <= since:
            return Later()
        if bucket == LIFE:
            with self.history.reading() as connection:
                moved = moved_of(*self.history.moved_ever(connection, feed, since, self.seq, at))
        else:
            try:
                moved = self.past.moved(feed, day, at, since, self.seq)
            except Archived:
                # Nothing reaches a day any more whose records are in files.
                return Later()
        late = changed = withdrawn = 0
        for (before, now), count in moved.items():
            was, stands = _of(before, towns), _of(now, towns)
            late += count * (stands and not was)
            changed += count * (stands and was)
            withdrawn += count * (was and not stands)
        return Later(late, changed, withdrawn)


def _of(town: str | None, towns: frozenset[str] | None) -> bool:
    return town is not None and (towns is None or town in towns)


__all__ = ["Known", "Later"]
