"""After the commit: read what changed from SQL, sum it up, publish absolute summaries, and know when time acts next.

The publisher reads projections back by ``seq`` instead of trusting a worker's memory, so it sees what every worker
committed, and a cold start is the same code as a change.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping

import msgspec
from sqlalchemy import Connection

from dashboard.archetypes import Engine, State, engine_of
from dashboard.domain.day import day_of
from dashboard.domain.feed import Feed
from dashboard.domain.place import Place, PlaceKind
from dashboard.domain.summary import Summary
from dashboard.errors import StoreUnavailable
from dashboard.feeds import STREAMS
from dashboard.stores.history import History
from dashboard.stores.live import LiveStore
from dashboard.telemetry import metric
from geodata.library import region_known
from geodata.region import Region


class _Day(msgspec.Struct):
    asked: int = 0
    """Where the ledger stood when SQL was last asked."""
    states: dict[str, State] = {}


class Mirror:
    """States of one feed's recent days, kept up with SQL by ``seq``."""

    def __init__(self, history: History, engine: Engine) -> None:
        self.history = history
        self.engine = engine
        self._days: dict[int, _Day] = {}

    def refresh(self, connection: Connection, today: int, seq: int) -> None:
        """Bring the days that a summary of ``today`` looks at up to the connection's moment, that of ``seq``."""
        wanted = self.engine.days(today)
        for old in self._days.keys() - set(wanted):
            del self._days[old]
        for day in wanted:
            held = self._days.setdefault(day, _Day())
            if held.asked != seq:
                for subject, _, data in self.history.states_since(connection, self.engine.feed.name, day, held.asked):
                    held.states[subject] = self.engine.decode(data)
                held.asked = seq

    def states(self, day: int) -> Mapping[str, State]:
        """States of a local day by subject."""
        held = self._days.get(day)
        return held.states if held else {}


class Publisher:
    """Keeps the window true. One per worker process."""

    def __init__(
        self,
        history: History,
        live: LiveStore,
        region_at: Callable[[int], Region],
        feeds: Mapping[str, Feed] = STREAMS,
    ) -> None:
        self.history, self.live, self.region_at = history, live, region_at
        self.engines = {name: engine_of(feed) for name, feed in feeds.items()}
        self._mirrors = {name: Mirror(history, engine) for name, engine in self.engines.items()}
        self._due: list[tuple[int, str, str]] = []
        self._next: dict[tuple[str, str], int] = {}
        self._provisional: list[Place] | None = None

    def forget_places(self) -> None:
        """Read provisional places again at the next publication."""
        self._provisional = None

    def publish(self, now: int, feeds: Iterable[str], towns: Mapping[str, Iterable[str]] | None = None) -> int:
        """Publish summaries of feeds at ``now``; ``towns`` may narrow a feed to some. Returns the ``known_seq``."""
        zone = self.region_at(0).pack.timezone
        today = day_of(now, zone)
        names, towns = self._with_dependents(feeds, towns)
        found: dict[str, Mapping[str, Summary]] = {}
        with self.history.reading() as connection:
            seq = self.history.seq(connection)
            region = region_known(self.region_at, today, seq)
            if self._provisional is None:
                self._provisional = [
                    Place(row.code, PlaceKind(row.kind), row.town, row.code, provisional=True)
                    for row in self.history.provisional(connection)
                ]
            for read in {*names, *(need for name in names for need in self._needs(name))}:
                self._mirrors[read].refresh(connection, today, seq)
        for name in names:
            engine = self.engines[name]
            narrowed = list(towns[name]) if towns is not None and name in towns else None
            others = {need: self._mirrors[need].states for need in self._needs(name)}
            found[name] = engine.summarise(self._mirrors[name].states, region, now, narrowed, self._provisional, others)
        for name, summaries in found.items():
            self.live.publish(name, summaries, seq, now)
            for town, summary in summaries.items():
                self._expect(name, town, self.engines[name].next_change(summary, region))
        for name in names:
            metric("published_total").labels(name).inc()
        self.live.announce(names, seq, now)
        return seq

    def _needs(self, feed: str) -> list[str]:
        return [need for need in self.engines[feed].needs if need in self.engines]

    def _with_dependents(
        self, feeds: Iterable[str], towns: Mapping[str, Iterable[str]] | None
    ) -> tuple[list[str], Mapping[str, Iterable[str]] | None]:
        """Feeds and those whose summaries read them: an enterprise that resumes makes an obligation of patrols."""
        names = list(dict.fromkeys(feeds))
        narrowed = {name: set(where) for name, where in towns.items()} if towns is not None else None
        for name in self.engines:
            moved = [need for need in self._needs(name) if need in names]
            if not moved or (name in names and (narrowed is None or name not in narrowed)):
                continue
            if narrowed is not None and all(need in narrowed for need in moved):
                narrowed[name] = narrowed.get(name, set()).union(*(narrowed[need] for need in moved))
            elif narrowed is not None:
                narrowed.pop(name, None)
            if name not in names:
                names.append(name)
        return names, narrowed

    def _expect(self, feed: str, town: str, at: int) -> None:
        self._next[feed, town] = at
        heapq.heappush(self._due, (at, feed, town))

    def next_due(self) -> int | None:
        """When time alone will next change a figure."""
        while self._due and self._next.get(self._due[0][1:]) != self._due[0][0]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def tick(self, now: int) -> bool:
        """Publish the towns for which time has acted; whether there were any."""
        due: dict[str, set[str]] = {}
        while (at := self.next_due()) is not None and at <= now:
            _, feed, town = heapq.heappop(self._due)
            self._next.pop((feed, town), None)
            due.setdefault(feed, set()).add(town)
        if due:
            try:
                self.publish(now, due, due)
            except StoreUnavailable:
                # Time has acted all the same: what could not be published stays due.
                for feed, towns in due.items():
                    for town in towns:
                        self._expect(feed, town, now)
                raise
        return bool(due)

    def rebuild(self, now: int) -> int:
        """Fill the window from SQL: at start, and when Redis was lost."""
        self._due.clear()
        self._next.clear()
        self._mirrors = {name: Mirror(self.history, engine) for name, engine in self.engines.items()}
        self.forget_places()
        seq = self.publish(now, list(self.engines))
        self.live.set_ready(seq)
        return seq
