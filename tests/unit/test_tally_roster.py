"""Archetypes *tally* and *roster*: counts by hour and sort, items with targets, quantities that know how sure they are."""

from __future__ import annotations

from itertools import permutations
from typing import Any, cast

import pytest

from dashboard.archetypes import LIFE, engine_of
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed
from dashboard.domain.figure import Qualifier, Quantity
from dashboard.domain.summary import RosterSummary, TallySummary
from dashboard.feeds import FEEDS
from dashboard.queries.figures import figures_of, over_period
from geodata.region import Region
from ingest.decode import Door, decode_records
from tests.engine.product import MadeUpRegion
from tests.unit.test_case import OTHER, PACK, TOWN, ms

REGION = cast(Region, MadeUpRegion(PACK, lambda lon, lat: True))
PERMIT, SHIFT, CENSUS = FEEDS["permit"], FEEDS["shift"], FEEDS["census"]


def record(feed: Feed, number: int, at: str, subject: str, town: str = TOWN, **fields: Any) -> Event:
    moment = ms(at)
    given = {feed.subject: subject, **fields}
    return Event(feed.name, "s", f"r{number}", town, subject, moment, moment, 0, None, None, given)


def summed(feed: Feed, events: list[Event], now: str) -> Any:
    engine = engine_of(feed)
    states: dict[str, Any] = {}
    for event in events:
        assert engine.fold(states.setdefault(event.subject, engine.new()), [event], REGION)
    kept = {subject: engine.decode(engine.encode(state)) for subject, state in states.items()}
    return engine.summarise(lambda day: kept if day == LIFE else {}, REGION, ms(now), None, ())


def figure(feed: Feed, kpi: str, events: list[Event], now: str, town: str = "all") -> Any:
    declared = feed.kpi(kpi)
    assert declared is not None
    return figures_of(feed, declared, summed(feed, events, now), town, ms(now))[0]


ISSUED = [
    record(PERMIT, 1, "18T09:10:00", "S1", action="issued", kind="county", count=40),
    record(PERMIT, 2, "18T15:00:00", "S1", action="issued", kind="vehicle", count=[900, "at_least"]),
    record(PERMIT, 3, "19T09:10:00", "S2", OTHER, action="issued", kind="county", count=7),
    record(PERMIT, 4, "19T09:30:00", "S2", OTHER, action="refused", kind="county"),
]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::7])
def test_a_tally_adds_up_whatever_the_order(order: tuple[int, ...]) -> None:
    events = [ISSUED[n] for n in order]
    total = figure(PERMIT, "permits_issued", events, "19T10:00:00")
    assert (total.value, total.qualifier) == (947, Qualifier.AT_LEAST)
    assert figure(PERMIT, "permits_issued", events, "19T10:00:00", OTHER).value == 7
    assert figure(PERMIT, "permits_today", events, "19T10:00:00", OTHER).value == 7
    assert figure(PERMIT, "permits_refused", events, "19T10:00:00", OTHER).value == 1


def test_a_record_without_an_amount_is_one() -> None:
    assert figure(PERMIT, "permits_refused", ISSUED, "19T10:00:00").value == 1


def test_earlier_days_do_not_know_later_records() -> None:
    assert figure(PERMIT, "permits_issued", ISSUED, "18T23:00:00").value == 940
    found = cast(TallySummary, summed(PERMIT, ISSUED, "18T23:00:00")[TOWN])
    assert [(one.day, one.hour, one.amount.number) for one in found.counts] == [(20200218, 9, 40), (20200218, 15, 900)]


def test_a_breakdown_is_by_the_declared_field() -> None:
    declared = PERMIT.kpi("permits_issued")
    assert declared is not None
    found = figures_of(PERMIT, declared, summed(PERMIT, ISSUED, "19T10:00:00"), "all", ms("19T10:00:00"), True)
    assert {one.dims["kind"]: one.value for one in found if one.dims} == {"county": 47, "vehicle": 900}


def test_of_a_roster_item_the_latest_value_counts_and_daily_ones_add_up() -> None:
    events = [
        record(SHIFT, 1, "18T09:00:00", "C1", kind="service", published=60, worked=10, on_duty=4),
        record(SHIFT, 2, "18T18:00:00", "C1", worked=25, on_duty=6),
        record(SHIFT, 3, "19T09:00:00", "C1", on_duty=5),
        record(SHIFT, 4, "19T09:00:00", "C2", OTHER, kind="service", published=40, worked=[30, "nearly"]),
    ]
    for arranged in (events, events[::-1]):
        worked = figure(SHIFT, "services_worked", arranged, "19T10:00:00")
        assert (worked.value, worked.qualifier) == (55, Qualifier.NEARLY)
        assert figure(SHIFT, "on_duty_today", arranged, "19T10:00:00", TOWN).value == 5
        item = cast(RosterSummary, summed(SHIFT, arranged, "19T10:00:00")[TOWN]).items[0]
        assert item.days[20200218]["on_duty"] == Quantity(6), "of a day the largest"


def test_progress_is_of_the_items_that_state_a_target() -> None:
    events = [
        record(CENSUS, 1, "18T09:00:00", "G1", houses=80, houses_target=100),
        record(CENSUS, 2, "18T09:00:00", "G2", houses=500),
    ]
    found = figure(CENSUS, "census_progress", events, "18T10:00:00")
    assert (found.numerator, found.denominator) == (80, 100)
    assert figure(CENSUS, "census_houses", events, "18T10:00:00").value == 580


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("3000余", [3000, "at_least"]),
        ("8,900+", [8900, "at_least"]),
        ("近1000人", [1000, "nearly"]),
        ("约20", [20, "about"]),
        (7, 7),
        ("7", 7),
    ],
)
def test_a_quantity_keeps_how_sure_it_was_stated(said: object, stored: object) -> None:
    given = {
        "id": "1",
        "town": TOWN,
        "at": "2020-02-18T09:00:00+08:00",
        "item": "S1",
        "action": "issued",
        "count": said,
    }
    events, rejected = decode_records(PERMIT, [given], Door("s", REGION), ms("18T10:00:00"))
    assert rejected == []
    assert events[0].fields["count"] == stored
    assert Quantity.of(stored).number == int(str(said).strip("余+近约人").replace(",", ""))


@pytest.mark.parametrize("said", ["许多", -1, "1.5", True, "10^9", [3, "exact"]])
def test_what_is_no_quantity_is_refused_in_words(said: object) -> None:
    given = {
        "id": "1",
        "town": TOWN,
        "at": "2020-02-18T09:00:00+08:00",
        "item": "S1",
        "action": "issued",
        "count": said,
    }
    events, rejected = decode_records(PERMIT, [given], Door("s", REGION), ms("18T10:00:00"))
    assert events == []
    assert rejected[0].field == "count"
    assert "整数" in rejected[0].message


@pytest.mark.parametrize(
    ("first", "last", "issued"), [("18T00:00:00", "19T00:00:00", 940), ("19T00:00:00", "20T00:00:00", 7)]
)
def test_a_tally_over_a_period_counts_its_days_only(first: str, last: str, issued: int) -> None:
    declared = PERMIT.kpi("permits_issued")
    assert declared is not None
    chosen = list(summed(PERMIT, ISSUED, "19T10:00:00").values())
    assert over_period(declared, chosen, ms(first), ms(last)).value == issued
