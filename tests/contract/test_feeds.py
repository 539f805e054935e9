"""What every declared feed keeps, whatever it is: a new feed is tested by existing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from dashboard.archetypes import Engine, engine_of
from dashboard.domain.day import MINUTE, day_of, iso
from dashboard.domain.event import Event, Rejected
from dashboard.domain.feed import Feed, Field
from dashboard.domain.figure import Freshness, Parts, Qualifier
from dashboard.domain.summary import Summary
from dashboard.feeds import FEEDS, KPIS, STREAMS
from dashboard.queries.figures import ALL, figures_of, reporting_kpi
from geodata.library import open_library
from geodata.region import Region
from ingest.decode import Door, decode_records
from tests.engine.core import DAYUN, YAOZHUANG, ms

NOON = ms("12:00")
DAY = day_of(NOON)
DESIGN = {
    "patrol": (
        "patrol_coverage", "obligations_open", "obligations_met", "obligations_lapsed", "obligations_unobservable",
        "cells_seen", "units_on_duty", "person_times", "distance_km", "longest_gap_hours",
    ),
    "temperature": (
        "screened", "fever_count", "fever_rate", "fever_confirmed", "checkpoints_online", "device_drift",
        "health_code_mix", "wrongful_blocks",
    ),
}  # fmt: skip
"""The keys that DESIGN.md §4 fixes, and those that have come since."""

every_feed = pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
every_stream = pytest.mark.parametrize("feed", STREAMS.values(), ids=STREAMS)
"""The program's own feeds too: whatever goes the road is folded, stored and rebuilt alike."""
every_field = pytest.mark.parametrize(
    ("feed", "field"),
    [(feed, field) for feed in FEEDS.values() for field in feed.fields],
    ids=[f"{feed.name}.{field.name}" for feed in FEEDS.values() for field in feed.fields],
)
every_kpi = pytest.mark.parametrize("key", KPIS)


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Region:
    """The built-in pack."""
    library, code = open_library(tmp_path_factory.mktemp("data"), "330421")
    return library.at(code, DAY)


@dataclass(frozen=True)
class Taken:
    """What the door made of records."""

    events: list[Event]
    rejected: list[Rejected]


def take(feed: Feed, region: Region, *records: Mapping[str, Any]) -> Taken:
    return Taken(*decode_records(feed, records, Door("test", region), NOON))


def sample(feed: Feed, number: int = 0, /, **changes: Any) -> dict[str, Any]:
    """The feed's own sample, made into another record; changes of ``None`` leave a field out."""
    record = {**feed.sample, "id": f"{feed.sample['id']}-{number}"} | changes
    return {name: value for name, value in record.items() if value is not None}


def stream(feed: Feed, region: Region) -> list[Event]:
    """Forty records of three subjects in two towns, half a minute apart, one 零报告 among them."""
    records = [
        sample(
            feed, number, at=iso(NOON - 30 * MINUTE + number * MINUTE // 2), town=(YAOZHUANG, DAYUN)[number // 2 % 2],
        ) | {feed.subject: f"{feed.sample[feed.subject]}-{number % 3}"}
        for number in range(40)
    ]  # fmt: skip
    found = take(feed, region, *records, {"id": "zero", "town": YAOZHUANG, "at": iso(NOON), "nothing": True})
    assert not found.rejected
    return found.events


def fold(engine: Engine, events: Sequence[Event], region: Region, one_by_one: bool) -> dict[str, Any]:
    """States by subject."""
    states: dict[str, Any] = {}
    by_subject: dict[str, list[Event]] = {}
    for event in events:
        by_subject.setdefault(event.subject, []).append(event)
    for subject, members in by_subject.items():
        members.sort(key=lambda event: event.order)
        state = engine.new()
        for part in [[member] for member in members] if one_by_one else [members]:
            assert engine.fold(state, part, region), "records in order never need the whole day again"
        states[subject] = state
    return states


def summaries(feed: Feed, region: Region, states: Mapping[str, Any], now: int = NOON) -> Mapping[str, Summary]:
    engine = engine_of(feed)
    bucket = engine.bucket(day_of(now))
    return engine.summarise(lambda day: states if day == bucket else {}, region, now, None, ())


# --- the declaration ------------------------------------------------------------------------------------------------


@every_stream
def test_its_sample_is_accepted_by_the_door(feed: Feed, region: Region) -> None:
    taken = take(feed, region, feed.sample)
    assert taken.rejected == []
    assert taken.events[0].subject == feed.sample[feed.subject]
    assert {field.name for field in feed.fields} >= taken.events[0].fields.keys()


@every_feed
def test_it_has_words_in_both_languages(feed: Feed) -> None:
    for words in (feed.words, feed.short, *(field.words for field in feed.fields)):
        assert words.zh
        assert words.en
    for field in feed.fields:
        assert all(words.zh and words.en for words in field.choices.values())
        assert set(field.choice_aliases.values()) <= set(field.choices)


@every_feed
def test_its_subject_is_a_required_field_and_its_place_a_declared_one(feed: Feed) -> None:
    subject = feed.field(feed.subject)
    assert subject is not None
    assert subject.required
    if feed.place_field:
        assert feed.field(feed.place_field) is not None
        assert feed.place_kind


@every_feed
def test_its_kpis_are_those_of_the_design_and_reporting_rate(feed: Feed) -> None:
    keys = tuple(kpi.key for kpi in feed.kpis)
    assert len(set(keys)) == len(keys)
    assert keys == DESIGN.get(feed.name, keys)
    assert reporting_kpi(feed).key == "reporting_rate"
    others = {kpi.key for other in FEEDS.values() if other is not feed for kpi in other.kpis}
    assert not others.intersection(keys)


@every_kpi
def test_every_kpi_is_defined_in_both_languages_and_a_ratio_names_its_parts(key: str) -> None:
    _, kpi = KPIS[key]
    for words in (kpi.words, kpi.definition):
        assert words.zh
        assert words.en
    if kpi.unit == "ratio":
        assert kpi.numerator is not None
        assert kpi.denominator is not None
        assert all((kpi.numerator.zh, kpi.numerator.en, kpi.denominator.zh, kpi.denominator.en))


# --- the door -------------------------------------------------------------------------------------------------------


def refused(feed: Feed, region: Region, name: str, /, **changes: Any) -> Rejected:
    """The rejection of the sample with changes, checked for being a sentence about that field."""
    taken = take(feed, region, sample(feed, **changes))
    assert taken.events == []
    (one,) = taken.rejected
    assert one.field == name
    assert name in one.message
    assert one.got
    assert one.allowed
    assert one.allowed in one.message
    return one


@every_field
def test_a_required_field_may_not_be_absent(feed: Feed, field: Field, region: Region) -> None:
    if field.required:
        assert refused(feed, region, field.name, **{field.name: None}).got == "（空）"
        assert refused(feed, region, field.name, **{field.name: ""}).got == "（空）"
    elif field.name not in {name for rule in feed.required for name in rule.fields}:
        assert take(feed, region, sample(feed) | {field.name: None}).rejected == []


@every_field
def test_values_outside_what_is_declared_are_refused(feed: Feed, field: Field, region: Region) -> None:
    wrong: list[Any] = [[1], {"a": 1}, True]
    if field.kind == "choice":
        wrong += ["nonsense", 5]
    elif field.kind == "text":
        wrong += ["长" * (field.max_length + 1), "a\x00b", 1.5]
    else:
        wrong += ["many", float("inf")]
        wrong += [] if field.low is None else [field.low - 1]
        wrong += [] if field.high is None else [field.high + 1]
        wrong += [1.5] if field.kind == "integer" else []
    for value in wrong:
        refused(feed, region, field.name, **{field.name: value})


@every_field
def test_every_declared_spelling_of_a_choice_is_understood(feed: Feed, field: Field, region: Region) -> None:
    spellings = {code: code for code in field.choices} | dict(field.choice_aliases)
    spellings |= {words.zh: code for code, words in field.choices.items()}
    base = {"place": "P1"} if feed.field("place") else {}
    for name in {name for rule in feed.required for name in rule.fields} - {field.name}:
        other = feed.field(name)
        base |= {name: other.example} if other and other.example and other.kind == "text" else {}
    for spelling, code in spellings.items():
        (event,) = take(feed, region, sample(feed) | base | {field.name: spelling}).events
        assert event.fields[field.name] == code


@every_feed
def test_conditionally_required_fields_may_not_be_absent(feed: Feed, region: Region) -> None:
    for rule in feed.required:
        for name in rule.fields:
            absent = ("lon", "lat") if name in ("lon", "lat") else (name,)
            taken = take(feed, region, sample(feed) | {rule.when: rule.equals} | dict.fromkeys(absent))
            assert [one.field for one in taken.rejected] in (["lon"], ["lat"], [name])
            assert name in rule.fields


# --- the figures ----------------------------------------------------------------------------------------------------


@every_feed
def test_an_empty_day_has_no_ratio_of_0_or_1(feed: Feed, region: Region) -> None:
    found = summaries(feed, region, {})
    for kpi in feed.kpis:
        (figure, *_) = figures_of(feed, kpi, found, ALL, NOON, breakdowns=True)
        assert figure.value is None, kpi.key
        for town in (YAOZHUANG, DAYUN):
            (figure, *_) = figures_of(feed, kpi, found, town, NOON)
            assert figure.value is None or kpi.by_rule, kpi.key
            assert figure.unit != "ratio" or figure.value is None
    (figure,) = figures_of(feed, reporting_kpi(feed), found, ALL, NOON)
    assert (figure.numerator, figure.denominator) == (0, 9)


@every_feed
def test_a_zero_report_alone_gives_counts_of_0_and_no_ratio_without_a_denominator(feed: Feed, region: Region) -> None:
    events = take(feed, region, {"id": "zero", "town": YAOZHUANG, "at": iso(NOON), "nothing": True}).events
    found = summaries(feed, region, fold(engine_of(feed), events, region, False))
    for kpi in feed.kpis:
        (figure, *_) = figures_of(feed, kpi, found, YAOZHUANG, NOON)
        if kpi.unit == "ratio":
            assert (figure.value is None) == (not figure.denominator)
    (figure,) = figures_of(feed, reporting_kpi(feed), found, YAOZHUANG, NOON)
    assert figure.value == 1


@every_feed
def test_figures_over_towns_are_recomputed_from_the_parts(feed: Feed, region: Region) -> None:
    found = summaries(feed, region, fold(engine_of(feed), stream(feed, region), region, False))
    reported = [summary for summary in found.values() if summary.reported]
    assert len(reported) == 2
    for kpi in feed.kpis:
        (figure, *_) = figures_of(feed, kpi, found, ALL, NOON)
        parts = kpi.parts(reported)
        assert (figure.value, figure.numerator, figure.denominator) == (parts.value, parts.numerator, parts.denominator)
        if kpi.unit == "ratio" and figure.denominator:
            each = [figures_of(feed, kpi, found, summary.town, NOON)[0] for summary in reported]
            assert figure.denominator == sum(one.denominator or 0 for one in each)
            assert figure.numerator == sum(one.numerator or 0 for one in each)
            assert figure.value == figure.numerator / figure.denominator


@every_stream
def test_folding_in_one_go_equals_folding_one_by_one(feed: Feed, region: Region) -> None:
    engine, events = engine_of(feed), stream(feed, region)
    whole, single = fold(engine, events, region, False), fold(engine, events, region, True)
    assert summaries(feed, region, whole) == summaries(feed, region, single)
    assert {subject: engine.encode(state) for subject, state in whole.items()} == {
        subject: engine.encode(state) for subject, state in single.items()
    }


@every_stream
def test_a_state_survives_being_stored(feed: Feed, region: Region) -> None:
    engine = engine_of(feed)
    events = sorted(stream(feed, region), key=lambda event: event.order)
    half = fold(engine, events[:20], region, False)
    stored = {subject: engine.decode(engine.encode(state)) for subject, state in half.items()}
    assert stored == half
    for subject, state in stored.items():
        assert engine.fold(state, [event for event in events[20:] if event.subject == subject], region)
    rest = fold(engine, [event for event in events if event.subject not in stored], region, False)
    assert summaries(feed, region, stored | rest) == summaries(feed, region, fold(engine, events, region, False))


@every_feed
def test_a_figure_carries_all_that_belongs_to_it(feed: Feed, region: Region) -> None:
    found = summaries(feed, region, fold(engine_of(feed), stream(feed, region), region, False))
    for kpi in (*feed.kpis, reporting_kpi(feed)):
        for figure in figures_of(feed, kpi, found, YAOZHUANG, NOON, breakdowns=True):
            assert (figure.kpi, figure.feed, figure.town, figure.unit) == (kpi.key, feed.name, YAOZHUANG, kpi.unit)
            assert figure.as_of == NOON
            assert isinstance(figure.qualifier, Qualifier)
            assert figure.freshness is Freshness.FRESH
            if figure.unit == "ratio" and figure.value is not None:
                assert 0 <= figure.value <= 1
                assert figure.denominator


BY_WORK = {"stage", "checkpoint"}
"""Breakdowns that tell of the work, not of the people: how far a case has come, where somebody was wrongly refused."""


@every_feed
def test_breakdowns_of_records_about_the_public_are_declared_to_count_people(feed: Feed, region: Region) -> None:
    """A new figure of such a feed is declared, or this says which."""
    found = summaries(feed, region, fold(engine_of(feed), stream(feed, region), region, False))
    reported = [summary for summary in found.values() if summary.reported]
    personal = any(field.person for field in feed.fields)
    for kpi in feed.kpis:
        assert not kpi.people or (kpi.breakdown and personal), kpi.key
        cells = kpi.breakdown(reported) if kpi.breakdown and personal else []
        dims = {name for named, _ in cells for name in named}
        assert kpi.people or dims <= BY_WORK, kpi.key


@every_kpi
def test_small_cells_of_people_are_not_told_and_everything_else_is(key: str, region: Region) -> None:
    """EXACTNESS 20: of one to two people nothing, of nobody 0, of three all; wholes are exact, a first fever is told."""
    feed, kpi = KPIS[key]
    found = summaries(feed, region, fold(engine_of(feed), stream(feed, region), region, False))
    sizes = [
        ({"by": str(size)}, Parts.ratio(size, 9) if kpi.unit == "ratio" else Parts.count(size)) for size in range(5)
    ]
    for declared in (kpi, replace(kpi, breakdown=lambda towns: sizes)) if kpi.breakdown else (kpi,):
        exact, told = (
            figures_of(feed, declared, found, ALL, NOON, breakdowns=True, small_cells=small) for small in (True, False)
        )
        assert told[0].value == exact[0].value == declared.parts([one for one in found.values() if one.reported]).value
        for shown, counted in zip(told[1:], exact[1:], strict=True):
            people = counted.numerator if counted.numerator is not None else counted.value
            assert shown.suppressed == (kpi.people and people in (1, 2)), shown.dims
            if shown.suppressed:
                assert (shown.value, shown.numerator, shown.denominator, shown.detail) == (None, None, None, {})
            else:
                assert shown == counted
    if "fever" in key:
        assert not kpi.people, "a first fever is never hidden"


@every_stream
def test_time_alone_changes_it_later_and_by_midnight(feed: Feed, region: Region) -> None:
    engine = engine_of(feed)
    for states in ({}, fold(engine, stream(feed, region), region, False)):
        for summary in summaries(feed, region, states).values():
            assert NOON < engine.next_change(summary, region) <= ms("2020-02-19T00:00:00+08:00")
