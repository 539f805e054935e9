"""Archetype *case*: where a case stands at a moment, whatever the order in which its records came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import permutations
from random import Random
from typing import Any, cast

import msgspec
import pytest

from dashboard.archetypes import LIFE, engine_of
from dashboard.domain.day import HOUR, day_of
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed
from dashboard.domain.place import Place, PlaceKind, RegionPack, Town
from dashboard.domain.summary import CaseNow, CaseSummary, ObligationState, TrackSummary
from dashboard.feeds import FEEDS
from dashboard.queries.figures import figures_of
from geodata.region import Region
from tests.engine.product import MadeUpRegion

TOWN, OTHER = "900000001", "900000002"
PACK = RegionPack(
    region="900000",
    name="试验县",
    name_en="Trial",
    valid_from=20200101,
    timezone="Asia/Shanghai",
    towns=(Town(TOWN, "甲镇", "Jia", "900000"), Town(OTHER, "乙镇", "Yi", "900000")),
    places=(Place("E1", PlaceKind.ENTERPRISE, TOWN, "一号厂", lon=120.9, lat=30.8),),
    beats=(),
    visit_rules=(),
    shifts=(),
    duty_hours=(),
)
REGION = cast(Region, MadeUpRegion(PACK, lambda lon, lat: True))
DISPUTE, ENTERPRISE, PATROL = FEEDS["dispute"], FEEDS["enterprise"], FEEDS["patrol"]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(f"2020-02-{text}+08:00").timestamp() * 1000)


def record(feed: Feed, subject: str, at: int, town: str = TOWN, **fields: Any) -> Event:
    return Event(
        feed=feed.name,
        source="s",
        id=f"{subject}-{at}",
        town=town,
        subject=subject,
        at=at,
        received_at=at,
        rev=0,
        lon=None,
        lat=None,
        fields={feed.subject: subject, **fields},
    )


def zero(feed: Feed, at: int, town: str = TOWN) -> Event:
    return Event(feed.name, "s", f"zero-{at}", town, f"0:{town}", at, at, 0, None, None, {}, nothing=True)


def states(feed: Feed, events: Sequence[Event]) -> dict[str, Any]:
    engine = engine_of(feed)
    found: dict[str, Any] = {}
    for event in events:
        assert engine.fold(found.setdefault(event.subject, engine.new()), [event], REGION)
    return {subject: engine.decode(engine.encode(state)) for subject, state in found.items()}


def summed(feed: Feed, events: Sequence[Event], now: int, region: Region = REGION) -> Mapping[str, CaseSummary]:
    known = states(feed, events)
    found = engine_of(feed).summarise(lambda day: known if day == LIFE else {}, region, now, None, ())
    return cast(Mapping[str, CaseSummary], found)


def only(feed: Feed, events: Sequence[Event], now: int, region: Region = REGION) -> CaseNow:
    (case,) = summed(feed, events, now, region)[TOWN].cases
    return case


def value(kpi: str, feed: Feed, events: Sequence[Event], now: int, town: str = "all") -> Any:
    declared = feed.kpi(kpi)
    assert declared is not None
    return figures_of(feed, declared, summed(feed, events, now), town, now)[0].value


LIFE_OF_A_CASE = [
    record(DISPUTE, "D1", ms("18T09:00:00"), stage="reported", kind="wages", parties=3),
    record(DISPUTE, "D1", ms("18T10:00:00"), stage="accepted", handler="P-1"),
    record(DISPUTE, "D1", ms("19T09:00:00"), stage="mediating", handler="P-2"),
    record(DISPUTE, "D1", ms("20T15:00:00"), stage="resolved"),
]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_stage_is_that_of_the_latest_record_whatever_came_first(order: tuple[int, ...]) -> None:
    case = only(DISPUTE, [LIFE_OF_A_CASE[index] for index in order], ms("20T16:00:00"))
    assert (case.stage, case.ends, case.opened, case.since) == (
        "resolved",
        "done",
        ms("18T09:00:00"),
        ms("20T15:00:00"),
    )
    assert [step.stage for step in case.steps] == ["reported", "accepted", "mediating", "resolved"]
    assert case.fields == {"case": "D1", "kind": "wages", "parties": 3, "handler": "P-2"}


def test_at_an_earlier_moment_a_case_stands_where_it_stood() -> None:
    case = only(DISPUTE, LIFE_OF_A_CASE, ms("19T08:00:00"))
    assert (case.stage, case.value("handler")) == ("accepted", "P-1")
    assert summed(DISPUTE, LIFE_OF_A_CASE, ms("18T08:00:00"))[TOWN].cases == ()


def test_a_clock_that_runs_ahead_counts_at_once_but_never_before_its_own_day() -> None:
    events = [record(DISPUTE, "D1", ms("19T00:05:00"), stage="reported")]
    assert summed(DISPUTE, events, ms("18T23:58:00"))[TOWN].cases == ()
    assert only(DISPUTE, events, ms("19T00:00:00")).stage == "reported"


def test_a_record_that_repeats_the_stage_does_not_start_the_stay_anew() -> None:
    events = [
        record(ENTERPRISE, "E1", ms("18T09:00:00"), stage="applied"),
        record(ENTERPRISE, "E1", ms("19T09:00:00"), stage="applied", staff_total=10),
    ]
    case = only(ENTERPRISE, events, ms("20T09:00:00"))
    assert case.since == ms("18T09:00:00")
    assert not case.stuck
    assert only(ENTERPRISE, events, ms("20T09:00:00") + 1).stuck


def test_a_region_sets_its_own_limits() -> None:
    pack = msgspec.structs.replace(PACK, thresholds={"enterprise.sla.applied": 1.0, "dispute.due_hours": 2.0})
    region = cast(Region, MadeUpRegion(pack, lambda lon, lat: True))
    applied = [record(ENTERPRISE, "E1", ms("18T09:00:00"), stage="applied")]
    assert only(ENTERPRISE, applied, ms("18T10:00:01"), region).stuck
    reported = [record(DISPUTE, "D1", ms("18T09:00:00"), stage="reported")]
    assert only(DISPUTE, reported, ms("18T11:00:01"), region).overdue
    assert not only(DISPUTE, reported, ms("25T11:00:01")).overdue, "no time limit was stated and none is set"


def test_verdicts_count_from_the_last_application() -> None:
    def review(at: str, verdict: str) -> Event:
        return record(ENTERPRISE, "E1", ms(at), stage="reviewing", review=verdict)

    events = [
        record(ENTERPRISE, "E1", ms("18T09:00:00"), stage="applied"),
        review("18T10:00:00", "development:passed"),
        review("18T11:00:00", "safety:returned"),
    ]
    case = only(ENTERPRISE, events, ms("18T12:00:00"))
    assert case.verdicts == {"development": "passed", "safety": "returned"}
    events.append(record(ENTERPRISE, "E1", ms("18T13:00:00"), stage="applied"))
    assert only(ENTERPRISE, events, ms("18T14:00:00")).verdicts == {}
    events += [review("18T15:00:00", "safety:passed")]
    events += [
        record(ENTERPRISE, "E1", ms("18T16:00:00") + number, stage="committed", pledge=who)
        for number, who in enumerate(("individual", "enterprise"))
    ]
    case = only(ENTERPRISE, events, ms("18T17:00:00"))
    assert (case.verdicts, case.pledges) == ({"safety": "passed"}, ("enterprise", "individual"))


def test_a_suspended_enterprise_is_in_the_denominator_only() -> None:
    events = [
        record(ENTERPRISE, "E1", ms("18T09:00:00"), stage="resumed", staff_total=100, staff_returned=40),
        record(ENTERPRISE, "E2", ms("18T09:00:00"), stage="resumed", staff_total=10, staff_returned=10),
        record(ENTERPRISE, "E3", ms("18T09:00:00"), stage="registered"),
    ]
    now = ms("20T12:00:00")
    assert value("resumption_rate", ENTERPRISE, events, now) == 2 / 3
    assert value("staff_return_rate", ENTERPRISE, events, now) == 50 / 110
    events.append(record(ENTERPRISE, "E1", ms("20T10:00:00"), stage="suspended"))
    assert value("resumption_rate", ENTERPRISE, events, now) == 1 / 3
    assert value("staff_return_rate", ENTERPRISE, events, now) == 1.0


def test_the_resolution_rate_is_of_the_cases_opened_in_the_period() -> None:
    today = ms("20T00:00:00")
    events = [
        record(DISPUTE, "old", today - 24 * HOUR, stage="reported"),
        record(DISPUTE, "old", today + HOUR, stage="resolved"),
    ]
    ends = {"a": "resolved", "b": "escalated", "c": "withdrawn", "d": "mediating"}
    for case, stage in ends.items():
        events += [
            record(DISPUTE, case, today + HOUR, stage="reported"),
            record(DISPUTE, case, today + 3 * HOUR, stage=stage),
        ]
    now = today + 5 * HOUR
    assert value("resolution_rate", DISPUTE, events, now) == 1 / 3
    assert value("dispute_open", DISPUTE, events, now) == 1
    assert value("dispute_new", DISPUTE, events, now) == 4
    assert value("dispute_resolved", DISPUTE, events, now) == 2
    assert value("resolution_hours_median", DISPUTE, events, now) == (2 + 25) / 2


@pytest.mark.parametrize(
    ("hours", "bucket"), [(23.99, "lt24h"), (24, "1-3d"), (71.99, "1-3d"), (72, "3-7d"), (168, "gt7d")]
)
def test_age_buckets_include_their_lower_edge(hours: float, bucket: str) -> None:
    now = ms("20T12:00:00")
    declared = DISPUTE.kpi("dispute_age")
    assert declared is not None
    found = summed(DISPUTE, [record(DISPUTE, "D1", now - round(hours * HOUR), stage="reported")], now)
    by_age = {
        figure.dims["age"]: figure.value
        for figure in figures_of(DISPUTE, declared, found, "all", now, breakdowns=True)
        if figure.dims
    }
    assert by_age == {age: int(age == bucket) for age in ("lt24h", "1-3d", "3-7d", "gt7d")}


def test_a_standing_figure_counts_towns_that_ever_reported_a_days_figure_those_of_today() -> None:
    events = [record(DISPUTE, "D1", ms("18T09:00:00"), stage="reported")]
    now = ms("19T09:00:00")
    assert value("dispute_open", DISPUTE, events, now, TOWN) == 1
    assert value("dispute_new", DISPUTE, events, now, TOWN) is None
    assert value("dispute_open", DISPUTE, events, now, OTHER) is None
    events.append(zero(DISPUTE, ms("19T08:00:00"), OTHER))
    assert value("dispute_open", DISPUTE, events, now, OTHER) == 0
    assert value("dispute_new", DISPUTE, events, now, OTHER) == 0


def test_time_acts_at_due_at_the_limit_at_an_age_and_at_midnight() -> None:
    due = ms("20T12:00:00")
    engine = engine_of(DISPUTE)
    events = [record(DISPUTE, "D1", ms("18T09:00:00"), stage="reported", due=due)]
    now = ms("20T11:00:00")
    assert engine.next_change(summed(DISPUTE, events, now)[TOWN], REGION) == due + 1
    assert not only(DISPUTE, events, due).overdue
    assert only(DISPUTE, events, due + 1).overdue
    assert engine.next_change(summed(DISPUTE, events, due + 1)[TOWN], REGION) == ms("21T00:00:00")
    assert engine.next_change(summed(DISPUTE, events, ms("21T08:00:00"))[TOWN], REGION) == ms("21T09:00:00")


# --- resumed enterprises owe patrol visits (EXACTNESS 16) --------------------------------------------------------------


def test_a_summary_hands_out_by_time_what_going_through_every_case_finds() -> None:
    drawn = Random(7)
    cases = []
    for number in range(80):
        opened = drawn.randrange(20)
        ends, since = drawn.choice(["", "", "done", "withdrawn"]), opened + drawn.randrange(20)
        cases.append(CaseNow(f"J{number:02d}", "s", since, opened, ends, (), {"kind": drawn.choice("ab")}))
    found = CaseSummary(TOWN, 20200218, 40, True, True, None, tuple(cases))
    assert list(found.open) == [case for case in cases if not case.ends]
    for first, last in ((0, None), (5, 12), (12, 12), (39, None), (50, None)):
        end = 99 if last is None else last
        opened_then = sorted(case.case for case in cases if first <= case.opened < end)
        ended_then = sorted(case.case for case in cases if case.ends and first <= case.since < end)
        assert sorted(case.case for case in found.opened_in(first, last)) == opened_then
        assert sorted(case.case for case in found.ended_in(first, last)) == ended_then
    assert found.opened_first == min(case.opened for case in cases)
    assert (found.find("J07"), found.find("J99")) == (cases[7], None)
    assert found.count_by(lambda case: case.value("kind"))["a"] == sum(case.value("kind") == "a" for case in cases)


def test_moments_that_judge_a_case_alike_share_it() -> None:
    engine = engine_of(DISPUTE)
    stored = states(DISPUTE, [record(DISPUTE, "J1", ms("18T08:00:00"), stage="accepted", due=ms("18T09:00:00"))])

    def judged(at: str) -> CaseNow:
        summary = engine.summarise(lambda day: stored if day == LIFE else {}, REGION, ms(at), None, ())[TOWN]
        return cast(CaseSummary, summary).cases[0]

    before, late, later = judged("18T08:30:00"), judged("18T09:30:00"), judged("18T12:00:00")
    assert (before.overdue, late.overdue) == (False, True)
    assert late is later


def patrols(events: Sequence[Event], firms: Sequence[Event], now: int) -> TrackSummary:
    folded = states(PATROL, events)
    known = states(ENTERPRISE, firms)
    engine = engine_of(PATROL)
    day = day_of(now)
    others = {"enterprise": lambda bucket: known if bucket == LIFE else {}}
    found = engine.summarise(lambda d: folded if d == day else {}, REGION, now, None, (), others)
    return cast(TrackSummary, found[TOWN])


RESUMED = [record(ENTERPRISE, "E1", ms("18T09:00:00"), stage="resumed")]


def test_an_enterprise_owes_its_first_visit_the_day_after_it_resumed() -> None:
    assert patrols([], RESUMED, ms("18T23:59:59")).obligations == ()
    (judged,) = patrols([], RESUMED, ms("19T00:00:00")).obligations
    assert (judged.place, judged.target, judged.state) == ("E1", "enterprise", ObligationState.OPEN)


def test_a_checkin_meets_it_and_its_window_closes_within_its_own_day() -> None:
    came = record(PATROL, "u1", ms("19T10:00:00"), kind="checkin", place="E1")
    (judged,) = patrols([came], RESUMED, ms("19T12:00:00")).obligations
    assert judged.state == ObligationState.MET
    evening = patrols([came], RESUMED, ms("20T00:00:00") - 1)
    assert evening.met_closed == 1
    missed = patrols([zero(PATROL, ms("19T10:00:00"))], RESUMED, ms("20T00:00:00") - 1)
    assert [one.state for one in missed.obligations] == [ObligationState.LAPSED]


def test_a_unit_that_stays_at_a_listed_enterprise_visits_it() -> None:
    fixes = [
        msgspec.structs.replace(
            record(PATROL, "u1", ms("19T10:00:00") + step * 30_000, kind="position"), lon=120.9, lat=30.8
        )
        for step in range(4)
    ]
    (judged,) = patrols(fixes, RESUMED, ms("19T12:00:00")).obligations
    assert judged.state == ObligationState.MET


def test_an_enterprise_that_stops_again_owes_nothing() -> None:
    firms = [*RESUMED, record(ENTERPRISE, "E1", ms("19T09:00:00"), stage="suspended")]
    assert len(patrols([], firms, ms("19T08:00:00")).obligations) == 1
    assert patrols([], firms, ms("19T09:00:00")).obligations == ()
    assert patrols([], RESUMED, ms("19T09:30:00")).gaps[0].since == ms("19T00:00:00")
