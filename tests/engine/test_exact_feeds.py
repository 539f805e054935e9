"""Exact by property for the further feeds: whatever arrives, the product's figures are the plain implementation's.

Live, while records arrive, after crashes before and after the commit, ``as_of`` every commit, at the end of past days,
rebuilt byte for byte, and under rules that change in mid-stream. The four core feeds have ``test_exact.py``.

``ORACLE_SEED=7 ORACLE_MORE=20`` tries other streams, and twenty times as many; ``ORACLE_FEEDS=permit,census`` only those
of some feeds.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from dashboard.archetypes import LIFE, engine_of
from dashboard.domain.day import day_end, day_of, shift_day
from dashboard.domain.figure import Figure
from dashboard.domain.place import RegionPack
from dashboard.feeds import FEEDS
from dashboard.queries.figures import ALL, figures_of, reporting_kpi
from dashboard.queries.past import Summaries
from ingest.decode import FUTURE_MS
from tests.conftest import Databases
from tests.engine.feed_streams import feed_streams
from tests.engine.product import MadeUpRegion, Product
from tests.engine.strategies import PACK, Stream, near
from tests.oracle import admitted
from tests.oracle.catalogue import FURTHER, further
from tests.oracle.sums import Told

pytestmark = pytest.mark.timeout(3000)

SEED, MORE = (int(os.environ.get(name, default)) for name, default in (("ORACLE_SEED", "0"), ("ORACLE_MORE", "1")))
EXAMPLES = {"sqlite": 60, "postgresql": 12}
EXACT = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
NAMES = tuple(sorted(FURTHER))
ONLY = tuple(name for name in os.environ.get("ORACLE_FEEDS", "").split(",") if name) or NAMES
ELSEWHERE = {
    # The clock of an isolation and the checks owed under it.
    "isolation_overdue", "isolation_extended", "isolation_checked", "isolation_missed", "isolation_back_tomorrow",
    "isolation_load",
}  # fmt: skip
"""Figures of these feeds that a plain second computation of their own compares."""
BY_OTHERS = {"patrol", "temperature", "dispute", "enterprise", "declaration", "action"}
"""Feeds that other tests compare with a plain second computation."""

Rows = dict[tuple[str, str], Told]


class Feeds(Product):
    """The product's figures of the further feeds."""

    names: tuple[str, ...] = ()
    """The feeds of the stream: of the others nothing arrives."""

    def told(self, found: Mapping[str, Summaries], pack: RegionPack, now: int) -> dict[str, Rows]:
        """Feed -> its figures in the oracle's form."""
        rows: dict[str, Rows] = {}
        for name in self.names:
            feed = FEEDS[name]
            rows[name] = {}
            for kpi in (*feed.kpis, reporting_kpi(feed)):
                if kpi.key not in ELSEWHERE:
                    for town in (ALL, *(one.code for one in pack.towns)):
                        for figure in figures_of(feed, kpi, found[name], town, now, breakdowns=True, small_cells=True):
                            rows[name][kpi.key + _dims(figure), town] = _row(figure)
        return rows

    def now(self, now: int) -> dict[str, Rows]:
        """Figures from the stored states."""
        found: dict[str, Summaries] = {}
        for name in self.names:
            states = partial(self.past.states, name)
            found[name] = engine_of(FEEDS[name]).summarise(states, self.region, now, None, ())
        return self.told(found, self.region.pack, now)

    def as_known(self, at: int, seq: int) -> dict[str, Rows]:
        """Figures as they were known at ``seq``."""
        return self.told({name: self.past.as_of(name, at, seq) for name in self.names}, self.region.pack, at)

    def of_day(self, day: int) -> dict[str, Rows]:
        """Figures of a past day at its end."""
        found = {name: self.past.at_end_of(name, day) for name in self.names}
        return self.told(found, self.region.pack, day_end(day) - 1)

    def folded_anew(self) -> bool:
        """Whether folding every stored record again gives the stored states."""
        with self.history.reading() as connection:
            for name in self.names:
                engine = engine_of(FEEDS[name])
                stored = {row[0]: row[2] for row in self.history.states_since(connection, name, LIFE, 0)}
                events = self.history.events_of_day(connection, name, None)
                for subject, data in stored.items():
                    state = engine.new()
                    engine.fold(state, events.get(subject, []), self.region)
                    if engine.decode(engine.encode(state)) != engine.decode(data):
                        return False
                if events.keys() - stored.keys():
                    return False
        return True


def _dims(figure: Figure) -> str:
    return "".join(f"[{name}={value}]" for name, value in figure.dims.items())


def _row(figure: Figure) -> Told:
    return (figure.value, figure.numerator, figure.denominator, str(figure.qualifier))


@pytest.fixture(scope="module")
def product(databases: Databases) -> Iterator[Feeds]:
    """One database for all examples of this module; each example starts from empty tables."""
    made = Feeds(databases.new(), MadeUpRegion(PACK, near))
    yield made
    made.engine.dispose()


def test_every_figure_of_every_feed_has_a_second_computation() -> None:
    for name, feed in FEEDS.items():
        if name in BY_OTHERS:
            continue
        assert {kpi.key for kpi in feed.kpis} - ELSEWHERE == set(FURTHER[name].kpis), name
        assert FURTHER[name].subject == feed.subject


def _same(got: dict[str, Rows], versions: list[Any], pack: RegionPack, now: int, what: str) -> None:
    for name in got:
        plain = further(name, versions, pack, now)
        for key in sorted(plain):
            assert key in got[name], (what, name, key, "is not shown", plain[key])
            shown, expected = got[name][key], plain[key]
            assert shown[1:] == expected[1:], (what, name, key, shown, expected)
            assert shown[0] == (None if expected[0] is None else pytest.approx(expected[0], rel=1e-12)), (what, key)
        assert got[name].keys() == plain.keys(), (what, name, got[name].keys() ^ plain.keys())


RULES = {
    "verification.due_hours": (1, 30), "verification.sla.received": (5, 48), "transport.sla.held": (1, 5),
}  # fmt: skip


@st.composite
def _packs(draw: st.DrawFn) -> RegionPack:
    """The made-up pack with other rules for these feeds."""
    thresholds = dict(PACK.thresholds)
    for key in draw(st.lists(st.sampled_from(sorted(RULES)), unique=True)):
        thresholds[key] = draw(st.sampled_from(RULES[key]))
    return msgspec.structs.replace(PACK, thresholds=thresholds)


class _Killed(BaseException):
    pass


def _apply_and_die(product: Feeds, batch: tuple[Any, ...]) -> None:
    def die(*_: object) -> None:
        raise _Killed

    product.history.close_batch = die  # type: ignore[assignment, method-assign]
    # A batch in which nothing is new closes nothing.
    with contextlib.suppress(_Killed):
        product.projector.apply(batch, 0)
    del product.history.close_batch


def test_figures_are_those_of_the_plain_implementation(product: Feeds) -> None:
    wanted = EXAMPLES["sqlite" if product.history.sqlite else "postgresql"] * MORE

    @seed(SEED)
    @settings(EXACT, max_examples=wanted)
    @given(stream=feed_streams(ONLY), pack=_packs())
    def holds(stream: Stream, pack: RegionPack) -> None:
        _holds(product, stream, pack)

    holds()


def _holds(product: Feeds, stream: Stream, pack: RegionPack) -> None:
    product.region = MadeUpRegion(PACK, near)
    product.names = tuple(sorted({event.feed for event in stream.arrivals}))
    product.reset()
    newest = max(event.at for event in stream.arrivals)
    now = max([newest, *(at for at in stream.moments if newest <= at + FUTURE_MS)])
    note(f"now={now}")
    crashes = {crash.batch % len(stream.batches): crash.point for crash in stream.crashes}
    shown = []
    for index, batch in enumerate(stream.batches):
        if index in crashes:
            if crashes[index] == "before_commit":
                _apply_and_die(product, batch)
            else:
                product.projector.apply(batch, 0)
            product.restart()
        product.projector.apply(batch, 0)
        if index in (0, len(stream.batches) // 2):
            known = admitted([event for part in stream.batches[: index + 1] for event in part])
            before = product.now(now)
            _same(before, known, PACK, now, f"after batch {index}")
            shown.append((product.seq(), before))
    versions = admitted(stream.arrivals)
    _same(product.now(now), versions, PACK, now, "at the end")
    assert product.folded_anew()
    for seq, figures in shown:
        assert product.as_known(now, seq) == figures, f"as known at {seq}"
    day = shift_day(day_of(now), -1)
    _same(product.of_day(day), versions, PACK, day_end(day) - 1, f"at the end of {day}")
    # Other rules from now on: nothing is folded again, everything is judged by them; yesterday's figures had the old ones.
    product.region = MadeUpRegion(pack, near)
    product.restart()
    _same(product.now(now), versions, pack, now, "by other rules")
