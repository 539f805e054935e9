"""The product's figures for the property tests: applied by the worker's transaction, read back from SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dashboard.archetypes import LIFE, engine_of
from dashboard.domain.day import day_of
from dashboard.domain.figure import Figure
from dashboard.domain.place import RegionPack
from dashboard.feeds import FEEDS
from dashboard.queries.figures import ALL, REPORTING, figures_of, reporting_kpi
from dashboard.queries.past import Past, Summaries
from dashboard.stores import tables
from dashboard.stores.history import History, migrate, open_engine
from ingest.projector import Projector
from tests.oracle import Row


class MadeUpRegion:
    """A region without boundaries: a pack and a rule of what is near."""

    def __init__(self, pack: RegionPack, near: Callable[[float, float], bool]) -> None:
        self.pack = pack
        self.near = near


class Product:
    """A database of its own and everything that turns events into figures."""

    def __init__(self, url: str, region: Any) -> None:
        self.engine = open_engine(url)
        migrate(self.engine)
        self.history = History(self.engine)
        self.region = region
        self.region_at: Callable[[int], Any] = lambda day: self.region
        self.reset()

    def reset(self) -> None:
        """Empty the tables and forget every cached state."""
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            for table in reversed(tables.METADATA.sorted_tables):
                if table.name != "ledger":
                    connection.execute(table.delete())
            connection.execute(tables.ledger.update().values(seq=0))
        self.restart()

    def restart(self) -> None:
        """A worker that starts anew: nothing in memory."""
        self.projector = Projector(self.history, self.region_at)
        self.past = Past(self.history, self.region_at)

    def seq(self) -> int:
        """The last ``known_seq``."""
        with self.history.reading() as connection:
            return self.history.seq(connection)

    def figures(self, now: int) -> dict[tuple[str, str], Row]:
        """All figures at ``now`` from the stored projections."""
        found: dict[str, Summaries] = {}
        region = self.region_at(day_of(now))
        for name, feed in FEEDS.items():
            engine = engine_of(feed)
            states = partial(self.past.states, name)
            found[name] = engine.summarise(states, region, now, None, self.past.provisional(), self.past.others(name))
        return rows(found, region.pack, now)

    def figures_as_of(self, at: int, seq: int) -> dict[tuple[str, str], Row]:
        """All figures as they were known at ``seq``, judged at ``at``."""
        return rows({name: self.past.as_of(name, at, seq) for name in FEEDS}, self.region.pack, at)

    def rebuilt(self) -> bool:
        """Whether folding every stored record again gives the stored states, byte for byte."""
        with self.history.reading() as connection:
            for name, feed in FEEDS.items():
                engine = engine_of(feed)
                for day in self.history.days_of(connection, name):
                    stored = {row[0]: row[2] for row in self.history.states_since(connection, name, day, 0)}
                    events = self.history.events_of_day(connection, name, None if day == LIFE else day)
                    for subject, data in stored.items():
                        state = engine.new()
                        engine.fold(state, events.get(subject, []), self.region_at(0 if day == LIFE else day))
                        if engine.decode(engine.encode(state)) != engine.decode(data):
                            return False
                    if events.keys() - stored.keys():
                        return False
        return True


def rows(found: Mapping[str, Summaries], pack: RegionPack, now: int) -> dict[tuple[str, str], Row]:
    """Figures in the oracle's form."""
    told: dict[tuple[str, str], Row] = {}
    for name, feed in FEEDS.items():
        for kpi in (*feed.kpis, reporting_kpi(feed)):
            key = f"{REPORTING}:{name}" if kpi.key == REPORTING else kpi.key
            for town in (ALL, *(one.code for one in pack.towns)):
                figure: Figure = figures_of(feed, kpi, found[name], town, now)[0]
                numerator = None if figure.numerator is None else int(figure.numerator)
                told[key, town] = (figure.value, numerator, figure.denominator)
    return told
