"""Enterprises, their visits and disputes of the scenario: the same every time, in order, and like a real February."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import datetime
from typing import Any, cast

import pytest

from dashboard.archetypes.case import Cases, CaseState, fold, summarise
from dashboard.domain.day import HOUR, MINUTE, day_end, day_of, day_start, shift_day
from dashboard.domain.event import Event
from dashboard.domain.feed import CaseSpec
from dashboard.domain.place import RegionPack
from dashboard.domain.summary import CaseSummary
from dashboard.feeds import FEEDS
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from geodata.plan_jiashan import FIRMS
from geodata.region import Region
from ingest.decode import Door, decode_records
from ingest.scenarios import scenario_named
from ingest.scenarios.base import Draft, Scenario, Sent
from ingest.scenarios.disputes import KINDS
from ingest.scenarios.enterprises import Enterprises
from ingest.scenarios.yaozhuang import FIRST_DAY, LAST_DAY, MOVING_FROM, OUTAGES, SOURCE

YAOZHUANG, WEAK = "330421111", {"330421002", "330421107"}
NEXT = {
    "registered": {"registered", "applied"},
    "applied": {"reviewing"},
    "reviewing": {"reviewing", "applied", "committed"},
    "committed": {"committed", "approved"},
    "approved": {"posted"},
    "posted": {"resumed"},
    "resumed": {"resumed", "suspended"},
    "suspended": {"resumed"},
}
"""The stage a record may name after each."""


@pytest.fixture(scope="module")
def region() -> Region:
    return load_pack(BUNDLED_PACK)


@pytest.fixture(scope="module")
def scenario(region: Region) -> Scenario:
    return scenario_named("yaozhuang", region.pack)


@pytest.fixture(scope="module")
def sent(scenario: Scenario) -> dict[str, list[Sent]]:
    """What the case feeds and the officers' visits send from the first day to the end, by stream."""
    found: dict[str, list[Sent]] = {"enterprise": [], "dispute": [], "visit": []}
    numbers = [n for n, stream in enumerate(scenario.streams) if stream.name in ("enterprise", "dispute", "liaison")]
    for number in numbers:
        name = {"liaison": "visit"}.get(scenario.streams[number].name, scenario.streams[number].name)
        found[name] = list(scenario._stream_between(number, scenario.warm_from, scenario.end))
    return found


def at(record: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(record["at"]).timestamp() * 1000)


@pytest.fixture(scope="module")
def events(region: Region, scenario: Scenario, sent: dict[str, list[Sent]]) -> dict[str, list[tuple[int, Event]]]:
    """What the real door makes of them, each with the moment of its arrival; read once for every moment asked about."""
    door = Door(source=scenario.source, region=region, zone=scenario.zone)
    return {
        feed: [
            (item.arrival, event)
            for item in sent[feed]
            for event in decode_records(FEEDS[feed], [item.record], door, item.arrival)[0]
        ]
        for feed in ("enterprise", "dispute")
    }


def summed(region: Region, events: dict[str, list[tuple[int, Event]]], feed: str, now: int) -> list[CaseSummary]:
    """Where the towns' cases stand at a moment, by the real archetype."""
    kept: dict[str, Event] = {}
    for arrival, event in events[feed]:
        if arrival > now:
            break
        held = kept.get(event.id)
        if held is None or (event.rev, event.received_at) > (held.rev, held.received_at):
            kept[event.id] = event
    states: dict[str, CaseState] = defaultdict(CaseState)
    for event in kept.values():
        if not event.void:
            fold(states[event.subject], [event])
    spec = cast(CaseSpec, FEEDS[feed].archetype)
    return list(summarise(Cases(feed, spec), states, region.pack, now).values())


def figure(feed: str, kpi: str, towns: list[CaseSummary]) -> float:
    found = FEEDS[feed].kpi(kpi)
    assert found is not None
    value = found.parts(towns).value
    assert value is not None
    return float(value)


def moment(day: int, hour: float) -> int:
    return day_start(day) + int(hour * HOUR)


def test_towns_have_the_enterprises_of_the_pack_and_all_of_yaozhuangs_resume(
    region: Region, events: dict[str, list[tuple[int, Event]]]
) -> None:
    end = summed(region, events, "enterprise", day_end(LAST_DAY) - 1)
    assert {town.town: len(town.cases) for town in end} == FIRMS
    own = next(town for town in end if town.town == YAOZHUANG)
    assert len(own.cases) == 467
    assert {case.stage for case in own.cases} == {"resumed"}
    assert 0.9 < figure("enterprise", "resumption_rate", end) < 0.97


def test_work_resumes_slowly_then_fast(region: Region, events: dict[str, list[tuple[int, Event]]]) -> None:
    days = [shift_day(FIRST_DAY, n) for n in range(20)]
    towns = {day: summed(region, events, "enterprise", day_end(day) - 1) for day in days}
    rates = {day: figure("enterprise", "resumption_rate", towns[day]) for day in days}
    assert all(a < b for a, b in itertools.pairwise(rates.values()))
    assert rates[20200217] < 0.2
    steps = {b: rates[b] - rates[a] for a, b in itertools.pairwise(days)}
    assert min(steps[day] for day in (20200219, 20200220, 20200221)) > 2 * max(
        steps[day] for day in days[1:] if day < 20200217
    )
    now = summed(region, events, "enterprise", moment(20200224, 14.5))
    assert 0.77 < figure("enterprise", "resumption_rate", now) < 0.84
    by_town = {town.town: figure("enterprise", "resumption_rate", [town]) for town in now}
    assert min(by_town, key=lambda code: by_town[code]) == "330421107"
    assert max(by_town, key=lambda code: by_town[code]) == YAOZHUANG
    assert sum(rate < 0.75 for rate in by_town.values()) in (1, 2, 3)
    back = [figure("enterprise", "staff_return_rate", towns[day]) for day in (20200214, 20200224, 20200229)]
    assert back[0] < back[1] < back[2] < 0.95


def test_some_enterprises_are_stuck_and_some_have_no_officer(
    region: Region, events: dict[str, list[tuple[int, Event]]]
) -> None:
    for day in (20200218, 20200221, 20200224):
        now = summed(region, events, "enterprise", moment(day, 14.5))
        assert 10 <= figure("enterprise", "enterprise_stuck", now) <= 80
        assert 0.93 < figure("enterprise", "liaison_coverage", now) < 0.99
        stages = Counter(case.stage for town in now for case in town.cases)
        assert min(stages[stage] for stage in NEXT) > 0
        assert 0 < stages["suspended"] < 0.02 * sum(stages.values())
        assert any("returned" in case.verdicts.values() for town in now for case in town.cases)


def test_every_enterprise_goes_its_way_in_order(sent: dict[str, list[Sent]]) -> None:
    lives: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in {item.record["id"]: item.record for item in sent["enterprise"] if not item.wrong}.values():
        lives[record["enterprise"]].append(record)
    for records in lives.values():
        records.sort(key=at)
        verdicts: set[str] = set()
        pledges: set[str] = set()
        assert records[0]["stage"] == "registered"
        for before, after in itertools.pairwise(records):
            assert after["stage"] in NEXT[before["stage"]]
            if after["stage"] == "applied":
                verdicts, pledges = set(), set()
            verdicts |= {after["review"]} if "review" in after else set()
            pledges |= {after["pledge"]} if "pledge" in after else set()
            if after["stage"] == "committed":
                assert verdicts == {"development:passed", "safety:passed", "epidemic:passed"}
            if after["stage"] == "approved":
                assert pledges == {"enterprise", "community", "individual"}
            assert after.get("staff_returned", 0) <= after.get("staff_total", 10_000)


def test_records_are_made_in_office_hours_on_the_whole(sent: dict[str, list[Sent]]) -> None:
    for feed, first, last in (("enterprise", 6, 18), ("dispute", 8, 21)):
        hours = Counter(int(item.record["at"][11:13]) for item in sent[feed] if "nothing" not in item.record)
        inside = sum(count for hour, count in hours.items() if first <= hour < last)
        assert inside > 0.93 * sum(hours.values())


def test_corrections_carry_a_revision_and_set_the_scale_right(sent: dict[str, list[Sent]]) -> None:
    first = {item.record["id"]: item.record for item in reversed(sent["enterprise"]) if "rev" not in item.record}
    changes = [item for item in sent["enterprise"] if "rev" in item.record]
    assert 30 < len(changes) < 150
    scales = [(first[item.record["id"]]["scale"], item.record["scale"]) for item in changes]
    assert ("above", "below") in scales
    for item in changes:
        assert item.record["rev"] == 1
        assert item.arrival > at(item.record) + 10 * MINUTE
        same = {name: value for name, value in item.record.items() if name not in ("rev", "scale", "staff_total")}
        assert same == {
            name: value for name, value in first[item.record["id"]].items() if name not in ("scale", "staff_total")
        }


def test_resumed_enterprises_are_visited_from_the_next_day_on(
    region: Region, events: dict[str, list[tuple[int, Event]]], sent: dict[str, list[Sent]]
) -> None:
    pack = region.pack
    visits = {(item.record["id"]): item for item in sent["visit"]}.values()
    for day in (20200219, 20200224, 20200228):
        morning = summed(region, events, "enterprise", day_start(day))
        owing = {case.case: town.town for town in morning for case in town.cases if case.stage == "resumed"}
        own = [item.record for item in visits if day_of(at(item.record)) == day]
        assert {record["place"] for record in own} <= set(owing)
        met = Counter(owing[record["place"]] for record in own if record["at"][11:16] < "20:00")
        owed = Counter(owing.values())
        assert 0.9 < sum(met.values()) / sum(owed.values()) < 0.98
        rates = {town: met[town] / owed[town] for town in owed}
        assert max(rates[town] for town in WEAK) < min(rate for town, rate in rates.items() if town not in WEAK)
        assert all(pack.unit_by_code[record["unit"]].town == record["town"] for record in own)
        by_hour = Counter(int(record["at"][11:13]) for record in own)
        assert max(by_hour.values()) < 0.2 * len(own)
    assert min(day_of(at(item.record)) for item in visits) == MOVING_FROM


def test_disputes_come_up_are_settled_and_some_run_over_time(
    region: Region, events: dict[str, list[tuple[int, Event]]]
) -> None:
    for day in (20200218, 20200224, 20200227):
        now = summed(region, events, "dispute", moment(day, 15.5))
        assert 20 <= figure("dispute", "dispute_open", now) <= 60
        assert 2 <= figure("dispute", "dispute_overdue", now) <= 15
        assert all(town.reported for town in now)
    end = summed(region, events, "dispute", day_end(LAST_DAY) - 1)
    cases = [case for town in end for case in town.cases]
    new = Counter(day_of(case.opened) for case in cases)
    assert all(5 <= new[shift_day(FIRST_DAY, n)] <= 30 for n in range(20))
    assert {case.value("kind") for case in cases} == set(KINDS)
    assert {case.value("parties") for case in cases} == {2, 3, 4, 5}
    stages = Counter(case.stage for case in cases)
    assert min(stages[stage] for stage in ("accepted", "mediating", "resolved", "escalated", "withdrawn")) > 0
    assert all(case.value("handler") and case.due for case in cases if case.stage != "reported")
    assert all(case.lon is None and case.value("place") is None for case in cases if case.value("kind") == "isolation")
    ended = Counter(case.ends for case in cases)
    assert ended["done"] > 4 * (ended["passed_on"] + ended["withdrawn"])
    mornings = sum(8 <= (case.opened - day_start(day_of(case.opened))) / HOUR < 12 for case in cases)
    assert mornings > len(cases) / 4


def test_an_outage_of_the_platform_is_made_up_for_at_once(sent: dict[str, list[Sent]]) -> None:
    for day, (begins, ends) in OUTAGES.items():
        begin, end = (day_start(day) + minute * MINUTE for minute in (begins, ends))
        assert not [item for item in sent["dispute"] if begin <= item.arrival < end]
        held = [item for item in sent["dispute"] if begin <= at(item.record) < end]
        assert len(held) >= 5
        assert sum(end <= item.arrival < end + 5 * MINUTE for item in held) > 0.8 * len(held)
        assert not [item for item in held if "nothing" in item.record]


def test_platforms_without_news_say_so_through_the_day(region: Region, sent: dict[str, list[Sent]]) -> None:
    for town in region.pack.towns:
        day = 20200221
        heard = sorted(
            {
                item.arrival
                for item in sent["dispute"]
                if item.record["town"] == town.code and day_of(item.arrival) == day
            }
        )
        working = [moment for moment in heard if 8 * HOUR <= moment - day_start(day) < 20 * HOUR]
        assert max(b - a for a, b in itertools.pairwise(working)) < 60 * MINUTE


def drafted(pack: RegionPack, name: str) -> list[Draft]:
    stream = Enterprises(pack, name, SOURCE, first_day=FIRST_DAY, last_day=LAST_DAY, pace={}, complete=())
    return stream.day(20200220)


def test_another_seed_makes_other_lives_and_the_same_seed_the_same(region: Region) -> None:
    assert drafted(region.pack, "one") == drafted(region.pack, "one")
    one, two = drafted(region.pack, "one"), drafted(region.pack, "two")
    assert one != two
    assert len(one) == pytest.approx(len(two), rel=0.1)


def test_no_person_but_staff_and_no_contact_stands_in_a_record(sent: dict[str, list[Sent]]) -> None:
    allowed = {
        *("id", "source", "town", "at", "lon", "lat", "rev", "void", "nothing", "unit"),
        *(field.name for feed in ("enterprise", "dispute") for field in FEEDS[feed].fields),
    }
    for stream in ("enterprise", "dispute", "visit"):
        for item in sent[stream]:
            assert set(item.record) - {"kind"} <= allowed
            assert item.record["source"] == SOURCE
