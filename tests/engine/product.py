"""The product's figures for the property tests: applied by the worker's transaction, read back from SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import pytest
import redis

from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.archetypes import LIFE, engine_of
from dashboard.domain.day import day_end, day_of
from dashboard.domain.figure import Figure
from dashboard.domain.place import RegionPack
from dashboard.feeds import FEEDS
from dashboard.queries.board import Board, Trends
from dashboard.queries.figures import ALL, REPORTING, figures_of, reporting_kpi
from dashboard.queries.past import Past, Summaries
from dashboard.stores import tables
from dashboard.stores.history import History, migrate, open_engine
from dashboard.stores.live import LiveStore
from ingest.projector import Applied, Projector
from ingest.publisher import Publisher
from tests.oracle import Row

CORE = {name: FEEDS[name] for name in ("patrol", "temperature", "dispute", "enterprise")}
"""The feeds that the plain implementation knows."""


class Examples(NamedTuple):
    """How many streams a property is tried on. PostgreSQL answers over a socket and folds the same: it gets a quarter."""

    sqlite: int
    postgresql: int


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
        # Batches here are small: states are kept, and versions written aside, as soon as they are of thousands.
        self.projector = Projector(self.history, self.region_at, mark_every=3, aside_from=6)
        self.past = Past(self.history, self.region_at)

    def seq(self) -> int:
        """The last ``known_seq``."""
        with self.history.reading() as connection:
            return self.history.seq(connection)

    def figures(self, now: int) -> dict[tuple[str, str], Row]:
        """All figures at ``now`` from the stored projections."""
        return rows(self._summaries(now), self.region_at(day_of(now)).pack, now)

    def _summaries(self, now: int) -> dict[str, Summaries]:
        found: dict[str, Summaries] = {}
        region = self.region_at(day_of(now))
        for name, feed in CORE.items():
            engine = engine_of(feed)
            states = partial(self.past.states, name)
            found[name] = engine.summarise(states, region, now, None, self.past.provisional(), self.past.others(name))
        return found

    def figures_as_of(self, at: int, seq: int) -> dict[tuple[str, str], Row]:
        """All figures as they were known at ``seq``, judged at ``at``."""
        return rows({name: self.past.as_of(name, at, seq) for name in CORE}, self.region.pack, at)

    def figures_of_day(self, day: int) -> dict[tuple[str, str], Row]:
        """All figures of a past local day at its end, as it is known now."""
        found = {name: self.past.at_end_of(name, day) for name in CORE}
        return rows(found, self.region_at(day).pack, day_end(day) - 1)

    def figures_over(self, now: int, days: tuple[int, int], kpis: set[str]) -> dict[tuple[str, str], Row]:
        """Some plain figures over local days as a board of ``now`` tells them."""
        region = self.region_at(day_of(now))
        trends = Trends(self.past)
        trends.wait = True
        board = Board(self._summaries(now), now, self.seq(), region, LOCAL_VIEWER, trends)
        told: dict[tuple[str, str], Row] = {}
        for name, feed in CORE.items():
            for kpi in feed.kpis:
                for town in (ALL, *board.towns) if kpi.key in kpis else ():
                    parts = board.span(kpi.key, town, *days, name)
                    numerator = None if parts.numerator is None else int(parts.numerator)
                    told[kpi.key, town] = (parts.value, numerator, parts.denominator)
        return told

    def rebuilt(self) -> bool:
        """Whether folding every stored record again gives the stored states, byte for byte."""
        with self.history.reading() as connection:
            for name, feed in CORE.items():
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


class Window:
    """The figures in Redis as a worker keeps them: published after each commit, and when time alone has acted."""

    def __init__(self, product: Product, client: redis.Redis, now: int) -> None:
        self.product = product
        self.live = LiveStore(client)
        self.live.clear()
        self.publisher = Publisher(product.history, self.live, product.region_at, CORE)
        self.publisher.rebuild(now)

    def follow(self, applied: Applied | None, now: int) -> None:
        """What a worker does after a batch, or after none."""
        if applied is not None:
            self.publisher.forget_places()
            self.publisher.publish(now, {feed for feed, _ in applied.touched})
        self.publisher.tick(now)

    def figures(self, now: int) -> dict[tuple[str, str], Row]:
        """All figures in the window."""
        found = {name: self.live.read(feed).summaries for name, feed in CORE.items()}
        return rows(found, self.product.region_at(day_of(now)).pack, now)


def same(product: dict[tuple[str, str], Row], plain: dict[tuple[str, str], Row], what: str) -> None:
    """The product's figures are the plain implementation's, each part of them and no other."""
    for key in sorted(plain):
        got, expected = product[key], plain[key]
        if got[0] is not None and expected[0] is not None:
            assert got[0] == pytest.approx(expected[0], rel=1e-12), (what, key, got, expected)
        else:
            assert (got[0], expected[0]) == (None, None), (what, key, got, expected)
        if expected[2] is not None or got[2] is not None:
            assert got[1:] == expected[1:], (what, key, got, expected)
        else:
            assert got[1] == expected[1], (what, key, got, expected)
    assert product.keys() == plain.keys()


def rows(found: Mapping[str, Summaries], pack: RegionPack, now: int) -> dict[tuple[str, str], Row]:
    """Figures in the oracle's form, those of a breakdown as ``kpi[dimension=value]``."""
    told: dict[tuple[str, str], Row] = {}
    for name, feed in CORE.items():
        for kpi in (*feed.kpis, reporting_kpi(feed)):
            key = f"{REPORTING}:{name}" if kpi.key == REPORTING else kpi.key
            for town in (ALL, *(one.code for one in pack.towns)):
                for figure in figures_of(feed, kpi, found[name], town, now, breakdowns=True, small_cells=True):
                    told[f"{key}{_dims(figure)}", town] = _row(figure)
    return told


def _dims(figure: Figure) -> str:
    return "".join(f"[{name}={value}]" for name, value in figure.dims.items())


def _row(figure: Figure) -> Row:
    numerator = None if figure.numerator is None else int(figure.numerator)
    return (figure.value, numerator, figure.denominator)
