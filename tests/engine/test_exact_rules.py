"""Exact by property while the rules change in mid-stream: each day is judged by the rules that it had.

A second version of the made-up pack begins to count after some of the batches, from yesterday, today or tomorrow of
the stream on, at any crash point; the plain implementation is given the pack of each day (EXACTNESS 11, 24).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from dashboard.domain.day import MINUTE, day_end, day_of
from dashboard.domain.place import DutyHours, Place, PlaceKind, RegionPack, Shift, VisitRule
from dashboard.stores import rules
from geodata.library import Adopted, PackVersion, RegionBook
from ingest.decode import FUTURE_MS
from tests import oracle
from tests.conftest import Databases
from tests.engine.product import Examples, MadeUpRegion, Product, same
from tests.engine.strategies import PACK, Stream, cell_of, near, streams

pytestmark = pytest.mark.timeout(600)

EXACT = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
MANY = Examples(60, 15)
FIRST = PACK.valid_from


class MadeUpLibrary:
    """A library in memory: packs by (valid_from, version). The second counts only once it is asked for."""

    def __init__(self) -> None:
        self.regions: dict[tuple[int, str], MadeUpRegion] = {}

    def put(self, pack: RegionPack) -> None:
        """Install a version."""
        self.regions[pack.valid_from, pack.version] = MadeUpRegion(pack, near)

    def versions(self, region: str) -> tuple[PackVersion, ...]:
        """Every version, the first one not held."""
        return tuple(
            PackVersion(region, day, version, order, Path(version), held=order > 1)
            for order, (day, version) in enumerate(self.regions, 1)
        )

    def find(self, region: str, valid_from: int, version: str) -> PackVersion:
        """The version of that day and name."""
        return next(one for one in self.versions(region) if (one.valid_from, one.version) == (valid_from, version))

    def load(self, version: PackVersion) -> MadeUpRegion:
        """The region of a version."""
        return self.regions[version.valid_from, version.version]

    def at(self, region: str, day: int) -> MadeUpRegion:
        """The version in force before any ledger."""
        return next(iter(self.regions.values()))


class RuledProduct(Product):
    """A product whose rules follow the ledger."""

    def restart(self) -> None:
        """A worker that starts anew, with the packs there are."""
        if not hasattr(self, "library"):
            self.library = MadeUpLibrary()
            self.library.put(PACK)
        library: Any = self.library

        def ledger() -> list[Adopted]:
            with self.history.reading() as connection:
                return rules.adopted(connection, PACK.region)

        self.book = RegionBook(library, PACK.region, ledger)
        self.region_at = self.book
        super().restart()

    def reset(self) -> None:
        """Only the first pack, and nothing known."""
        self.__dict__.pop("library", None)
        super().reset()

    def ask(self, pack: RegionPack) -> None:
        """Install a version and ask that it counts."""
        self.library.put(pack)
        with self.history.writing() as connection:
            rules.enrol(connection, self.book.library, PACK.region, 0)
            rules.ask(connection, PACK.region, {pack.valid_from: pack.version}, 1, 0)

    def figures_as_of(self, at: int, seq: int) -> dict[tuple[str, str], oracle.Row]:
        """All figures as they were known at ``seq``, judged at ``at`` by the rules known then."""
        self.region = self.book.known(day_of(at), seq)
        return super().figures_as_of(at, seq)


@pytest.fixture(scope="module")
def product(databases: Databases) -> Iterator[RuledProduct]:
    """One database for all examples of this module; each example starts from empty tables."""
    made = RuledProduct(databases.new(), MadeUpRegion(PACK, near))
    yield made
    made.engine.dispose()


THRESHOLDS: dict[str, tuple[float | None, ...]] = {
    "fever.default": (36.9, 37.6),
    "fever.infrared/wrist": (None, 37.2),
    "fever./face": (None, 36.5),
    "temperature.recheck_minutes": (15, 45),
    "temperature.online_minutes": (2, 30),
    "patrol.radius_m": (30, 80, 120),
    "patrol.dwell_s": (30, 120, 300),
    "patrol.signal_minutes": (5, 60),
    "dispute.due_hours": (1, 24, 72),
    "enterprise.sla.registered": (24,),
    "enterprise.sla.applied": (1, 24),
    "enterprise.sla.reviewing": (5, 72),
}


@st.composite
def revised(draw: st.DrawFn) -> RegionPack:
    """Another version of the made-up pack: thresholds, hours, shifts, visit rules or places are not the same."""
    thresholds = dict(PACK.thresholds)
    for key in draw(st.lists(st.sampled_from(sorted(THRESHOLDS)), max_size=6, unique=True)):
        value = draw(st.sampled_from(THRESHOLDS[key]))
        if value is None:
            thresholds.pop(key, None)
        else:
            thresholds[key] = value
    hours, shifts, visits, places = PACK.duty_hours, PACK.shifts, PACK.visit_rules, PACK.places
    if draw(st.booleans()):
        hours = (DutyHours("K1", 600, 900), DutyHours("K2", 0, 0), DutyHours("K4", 1380, 60))
    if draw(st.booleans()):
        shifts = (Shift("day", "白班", "Day", 360, 840), Shift("late", "中班", "Late", 840, 1320))
    what = draw(st.sampled_from(("", "fewer", "more", "other windows", "moved", "firms")))
    if what == "fewer":
        visits = tuple(rule for rule in visits if rule.place not in ("P1", "P6"))
    elif what == "more":
        visits = (*visits, VisitRule("P4", 1, 0, 480), VisitRule("P7", 2, 600, 1200))
    elif what == "other windows":
        visits = tuple(msgspec.structs.replace(rule, start=rule.start // 2) for rule in visits)
    elif what == "moved":
        places = tuple(
            msgspec.structs.replace(place, lat=place.lat + 0.003) if place.code == "P1" and place.lat else place
            for place in places
        )
    elif what == "firms":
        # One enterprise is no longer listed, and one is that records had named before any list did.
        listed = Place("E8", PlaceKind.ENTERPRISE, PACK.towns[1].code, "厂E8", lon=120.93, lat=30.8)
        places = (*(place for place in places if place.code != "E2"), listed)
    return msgspec.structs.replace(
        PACK,
        valid_from=draw(st.sampled_from((20200217, 20200218, 20200218, 20200219))),
        since=FIRST,
        thresholds=thresholds,
        duty_hours=hours,
        shifts=shifts,
        visit_rules=visits,
        places=places,
        version="revised",
    )


def _plain(versions: list[Any], now: int, second: RegionPack | None) -> dict[tuple[str, str], oracle.Row]:
    def pack_of(day: int) -> RegionPack:
        return second if second is not None and day >= second.valid_from else PACK

    return oracle.figures(versions, pack_of(day_of(now)), near, cell_of, now, None, pack_of)


def test_each_day_is_judged_by_the_rules_it_had_whenever_they_came(product: RuledProduct) -> None:
    @settings(EXACT, max_examples=MANY.sqlite if product.history.sqlite else MANY.postgresql)
    @given(streams(), revised(), st.integers(0, 12), st.sampled_from(("plain", "dies", "restarts")))
    def holds(stream: Stream, second: RegionPack, after: int, how: str) -> None:
        _judged_by_its_rules(product, stream, second, after, how)

    holds()


def _judged_by_its_rules(product: RuledProduct, stream: Stream, second: RegionPack, after: int, how: str) -> None:
    product.reset()
    at = min(after, len(stream.batches))
    newest = max((event.at for event in stream.arrivals), default=0)
    moments = [*[now for now in stream.moments if newest <= now + FUTURE_MS], newest, newest + 7 * MINUTE]
    shown: dict[int, dict[tuple[str, str], oracle.Row]] = {}
    seq = 0
    for index in range(len(stream.batches) + 1):
        if index == at:
            shown, seq = {now: product.figures(now) for now in moments}, product.seq()
            product.ask(second)
            if how == "dies":
                _adopt_and_die(product)
            if how != "plain":
                product.restart()
            assert product.projector.adopt(0)
            assert not product.projector.adopt(0), "once"
            assert product.rebuilt()
        if index < len(stream.batches):
            product.projector.apply(stream.batches[index], 0)
    versions = oracle.admitted(stream.arrivals)
    for now in moments:
        note(f"now={now}")
        same(product.figures(now), _plain(versions, now, second), f"at {now}")
        same(product.figures_as_of(now, seq), shown[now], f"as known before the change, at {now}")
    # Yesterday with yesterday's rules: each day that is over, at its end.
    for day in sorted({day_of(event.at) for event in stream.arrivals} & {20200216, 20200217, 20200218, 20200219}):
        if day < day_of(moments[-1]):
            plain = _plain(versions, day_end(day) - 1, second)
            same(product.figures_of_day(day), plain, f"at the end of {day}")
    assert product.rebuilt()


class _Killed(BaseException):
    pass


def _adopt_and_die(product: RuledProduct) -> None:
    before = product.seq()

    def die(*_: object) -> None:
        raise _Killed

    product.history.close_batch = die  # type: ignore[assignment, method-assign]
    try:
        with pytest.raises(_Killed):
            product.projector.adopt(0)
        assert product.seq() == before
    finally:
        del product.history.close_batch
