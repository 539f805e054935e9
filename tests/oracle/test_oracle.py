"""The checker must itself be right: each rule in a small case whose numbers were worked out by hand.

Everything lies near the equator, where one degree of longitude is a * pi / 180 = 6378137 * 0.017453292519943 =
111319.490793 m of WGS-84 exactly. So 0.001 degrees are 111.319490793 m, in integers 111319 mm; 0.0004 degrees are
44.53 m (inside 50 m), 0.0005 are 55.66 m (inside 50 m + 10 m of accuracy), 0.0008 are 89.06 m and 0.0009 are 100.19 m
(outside the cap of 100 m). The day is 18 February 2020 in Shanghai (UTC+8, no summer time).
"""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest

from dashboard.domain.event import Event
from dashboard.domain.place import (
    Beat,
    DutyHours,
    Place,
    PlaceKind,
    RegionPack,
    Shift,
    Town,
    VisitRule,
)
from tests.oracle import Row, admitted, figures, figures_over

MIDNIGHT = 1_581_955_200_000
"""2020-02-18T00:00+08:00 = 2020-02-17T16:00Z: 18309 days * 86400 s + 57600 s since 1970."""
MISSING = (None, None, None)
ids = count(1)

PACK = RegionPack(
    region="t",
    name="试",
    name_en="Trial",
    valid_from=20200101,
    timezone="Asia/Shanghai",
    towns=(Town("A", "甲", "A", "t"), Town("B", "乙", "B", "t")),
    places=(
        Place("P", PlaceKind.PATROL_POINT, "A", "点", lon=0.0, lat=0.0, beat="W"),
        Place("Q", PlaceKind.PATROL_POINT, "B", "无班", lon=1.0, lat=0.0),
        Place("K1", PlaceKind.CHECKPOINT, "A", "昼"),
        Place("K2", PlaceKind.CHECKPOINT, "A", "全天"),
        Place("K3", PlaceKind.CHECKPOINT, "B", "乙卡"),
    ),
    beats=(Beat("W", "A", "班", units=("u1", "u2")),),
    visit_rules=(VisitRule("P", 2, 480, 540), VisitRule("Q", 1, 480, 540)),
    shifts=(Shift("day", "白", "Day", 480, 1200), Shift("night", "夜", "Night", 1320, 360)),
    duty_hours=(DutyHours("K1", 480, 1080),),
    cells={"A": ("0", "1", "2"), "B": ("0",)},
)


def clock(text: str, day: int = 0) -> int:
    """``8:30`` or ``8:30:01`` or ``8:30:01.5`` of 18 February, or of a day so many days later."""
    hour, minute, second = (*text.split(":"), "0")[:3]
    return MIDNIGHT + day * 86_400_000 + int(hour) * 3_600_000 + int(minute) * 60_000 + round(float(second) * 1000)


def event(feed: str, at: int, town: str, subject: str, lon: float | None = None, **fields: Any) -> Event:
    """A first version of a new record; ``lon`` stands on the equator."""
    name = fields.pop("id", f"r{next(ids):05}")
    return Event(
        feed=feed,
        source=fields.pop("source", "s"),
        id=name,
        town=town,
        subject=subject,
        at=at,
        received_at=at,
        rev=1,
        lon=lon,
        lat=None if lon is None else 0.0,
        fields=fields,
    )


def fix(at: int, lon: float, unit: str = "u1", town: str = "A", **fields: Any) -> Event:
    return event("patrol", at, town, unit, lon, unit=unit, kind="position", **fields)


def duty(kind: str, at: int, unit: str = "u1", town: str = "A", **fields: Any) -> Event:
    return event("patrol", at, town, unit, unit=unit, kind=kind, **fields)


def checkin(at: int, place: str, unit: str = "u1", town: str = "A") -> Event:
    return event("patrol", at, town, unit, unit=unit, kind="checkin", place=place)


def walk(start: int, times: int, step: float, lon: float = 0.0, unit: str = "u1", town: str = "A") -> list[Event]:
    """Fixes at one spot, ``step`` seconds apart."""
    return [fix(start + round(n * step * 1000), lon, unit, town) for n in range(times)]


def reading(at: int, celsius: float, checkpoint: str = "K1", town: str = "A", **fields: Any) -> Event:
    return event("temperature", at, town, checkpoint, checkpoint=checkpoint, celsius=celsius, **fields)


def report(feed: str, town: str, at: int) -> Event:
    """零报告."""
    return msgspec.structs.replace(event(feed, at, town, ""), nothing=True)


def of(events: list[Event], now: int, pack: RegionPack = PACK, upto: int | None = None) -> dict[tuple[str, str], Row]:
    """Figures of versions known in the order given; the region reaches 10 degrees, a cell is a degree of longitude."""
    return figures(
        list(enumerate(events, 1)), pack, lambda lon, _lat: abs(lon) < 10, lambda lon, _lat: str(int(lon)), now, upto
    )


def change(old: Event, **to: Any) -> Event:
    return msgspec.structs.replace(old, **to)


NOON = clock("12:00")


# Versions and reporting.


def test_highest_rev_wins_whatever_the_order_of_arrival() -> None:
    first = reading(clock("9:00"), 36.5)
    second = change(first, rev=3, fields={**first.fields, "celsius": 38.0})
    late = change(first, rev=2, fields={**first.fields, "celsius": 36.6})
    assert of([first, second, late], NOON)["fever_count", "A"] == (1, 1, None)
    assert of([late, second, first], NOON)["fever_count", "A"] == (1, 1, None)
    assert of([first, second, late], NOON)["screened", "A"] == (1, 1, None)


def test_of_equal_revs_the_later_received_wins_then_the_later_known() -> None:
    first = reading(clock("9:00"), 36.5)
    fever = {**first.fields, "celsius": 38.0}
    again = change(first, fields=fever)
    assert of([first, again], NOON)["fever_count", "A"] == (1, 1, None)
    assert of([again, first], NOON)["fever_count", "A"] == (0, 0, None)
    later = change(first, fields=fever, received_at=first.received_at + 1)
    assert of([first, later], NOON)["fever_count", "A"] == (1, 1, None)
    assert of([later, first], NOON)["fever_count", "A"] == (1, 1, None)


def test_void_withdraws_until_a_higher_rev_and_as_of_sees_what_was_known() -> None:
    first = reading(clock("9:00"), 36.5)
    gone = change(first, rev=2, void=True)
    back = change(first, rev=3)
    assert of([first, gone], NOON)["screened", "A"] == MISSING
    assert of([first, gone, back], NOON)["screened", "A"] == (1, 1, None)
    assert of([first, gone, back], NOON, upto=1)["screened", "A"] == (1, 1, None)
    assert of([first, gone, back], NOON, upto=2)["screened", "A"] == MISSING
    assert of([first, gone, back], NOON, upto=0)["screened", "A"] == MISSING
    assert of([first, change(gone, rev=0)], NOON)["screened", "A"] == (1, 1, None)


def test_identity_is_source_and_id() -> None:
    same_id = [reading(clock("9:00"), 36.5, id="x", source=source) for source in ("s1", "s2")]
    assert of(same_id, NOON)["screened", "A"] == (2, 2, None)


def test_a_correction_moves_a_record_to_another_town_and_day() -> None:
    first = reading(clock("9:00"), 36.5)
    assert of([first, change(first, rev=2, town="B")], NOON)["screened", "A"] == MISSING
    assert of([first, change(first, rev=2, town="B")], NOON)["screened", "B"] == (1, 1, None)
    assert of([first, change(first, rev=2, at=clock("9:00", -1))], NOON)["screened", "all"] == MISSING


def test_admitted_takes_no_equal_body_without_a_higher_rev() -> None:
    first = reading(clock("9:00"), 36.5)
    resent = change(first, received_at=clock("9:05"), rev=0)
    corrected = change(first, rev=5, fields={**first.fields, "celsius": 36.9})
    raised = change(first, rev=7)
    arrivals = [first, first, resent, corrected, first, resent, raised]
    # The second `first`, both resends (without a rev) and the third `first` say nothing new.
    assert [(seq, event.rev) for seq, event in admitted(arrivals)] == [(1, 1), (2, 5), (3, 7)]


def test_reporting_rate_counts_records_and_nothing_reports_of_the_day() -> None:
    found = of([reading(clock("9:00"), 36.5), report("patrol", "B", clock("0:00"))], NOON)
    assert found["reporting_rate:temperature", "A"] == (1.0, 1, 1)
    assert found["reporting_rate:temperature", "B"] == (0.0, 0, 1)
    assert found["reporting_rate:temperature", "all"] == (0.5, 1, 2)
    assert found["reporting_rate:patrol", "A"] == (0.0, 0, 1)
    assert found["reporting_rate:patrol", "B"] == (1.0, 1, 1)
    yesterday = of([reading(clock("23:59:59.999", -1), 36.5)], NOON)
    assert yesterday["reporting_rate:temperature", "all"] == (0.0, 0, 2)


def test_a_nothing_report_makes_zero_of_missing() -> None:
    found = of([report("temperature", "A", clock("9:00")), report("patrol", "A", clock("9:00"))], NOON)
    assert found["screened", "A"] == (0, 0, None)
    assert found["fever_rate", "A"] == (None, 0, 0)
    assert found["health_code_mix", "A"] == (None, 0, 0)
    assert found["distance_km", "A"] == (0.0, 0, None)
    assert found["person_times", "A"] == (0, 0, None)
    assert found["units_on_duty", "A"] == (0, 0, None)
    assert found["cells_seen", "A"] == (0.0, 0, 3)
    assert found["device_drift", "A"] == MISSING
    assert found["screened", "B"] == MISSING
    assert found["screened", "all"] == (0, 0, None)


def test_without_any_record_only_obligations_and_reporting_are_given() -> None:
    found = of([], clock("8:30"))
    given = {key for key, row in found.items() if row != MISSING}
    states = ("open", "met", "lapsed", "unobservable")
    targets = ("", "[target=patrol_point]", "[target=enterprise]")
    feeds = ("patrol", "temperature", "dispute", "enterprise")
    assert given == {(f"obligations_{state}{of}", town) for state in states for of in targets for town in "AB"} | {
        (f"reporting_rate:{feed}", town) for feed in feeds for town in ("A", "B", "all")
    }


# Distance.


def test_distance_sums_rounded_segments_in_the_town_of_the_later_fix() -> None:
    t = clock("9:00")
    found = of([fix(t, 0.0), fix(t + 60_000, 0.001), fix(t + 120_000, 0.003, town="B")], NOON)
    # 111.319490793 m -> 111319 mm in A; 222.638981587 m -> 222639 mm in B.
    assert found["distance_km", "A"] == (0.111319, 111319, None)
    assert found["distance_km", "B"] == (0.222639, 222639, None)
    assert found["distance_km", "all"] == (0.333958, 333958, None)


@pytest.mark.parametrize(("gap_ms", "counts"), [(120_000, True), (120_001, False), (1_000, False)])
def test_distance_needs_a_gap_of_at_most_120_seconds(gap_ms: int, counts: bool) -> None:
    # In one second 111 m are 401 km/h.
    t = clock("9:00")
    assert of([fix(t, 0.0), fix(t + gap_ms, 0.001)], NOON)["distance_km", "A"][1] == (111319 if counts else 0)


@pytest.mark.parametrize(
    ("mode", "gap_ms", "counts"),
    # 111319 mm: at 150 km/h (41.667 mm/ms) 2671.7 ms, at 25 km/h (6.9444 mm/ms) 16029.9 ms.
    [("vehicle", 2671, False), ("vehicle", 2672, True), ("foot", 16_029, False), ("foot", 16_030, True)],
)
def test_distance_leaves_out_impossible_speeds(mode: str, gap_ms: int, counts: bool) -> None:
    t = clock("9:00")
    earlier = fix(t, 0.0, mode="foot" if mode == "vehicle" else "vehicle")
    found = of([earlier, fix(t + gap_ms, 0.001, mode=mode)], NOON)
    assert found["distance_km", "A"][1] == (111319 if counts else 0)


def test_a_teleport_costs_both_its_segments() -> None:
    t = clock("9:00")
    found = of([fix(t, 0.0), fix(t + 10_000, 5.0), fix(t + 20_000, 0.001), fix(t + 30_000, 0.002)], NOON)
    assert found["distance_km", "A"][1] == 111319


def test_unusable_fixes_are_passed_over() -> None:
    t = clock("9:00")
    bad = [fix(t + 30_000, 0.0005, accuracy=100.5), fix(t + 40_000, 20.0), fix(t + 45_000, 0.5, accuracy=101)]
    found = of([fix(t, 0.0, accuracy=100), *bad, fix(t + 60_000, 0.001)], NOON)
    assert found["distance_km", "A"][1] == 111319


def test_of_fixes_at_one_instant_only_the_first_by_source_and_id_counts() -> None:
    t = clock("9:00")
    events = [
        fix(t, 0.0),
        fix(t + 60_000, 0.002, source="b", id="1"),
        fix(t + 60_000, 0.001, source="a", id="2"),
        fix(t + 60_000, 0.003, source="a", id="3"),
        fix(t + 120_000, 0.002),
    ]
    # 0 -> 0.001 -> 0.002, whatever else the unit claims to have been.
    assert of(events, NOON)["distance_km", "A"][1] == 222638
    assert of(events[::-1], NOON)["distance_km", "A"][1] == 222638


def test_segments_across_midnight_and_between_units_are_not_counted() -> None:
    events = [fix(clock("23:59:30", -1), 0.0), fix(clock("0:00:10"), 0.001), fix(clock("0:00:30"), 0.002, "u2")]
    assert of(events, NOON)["distance_km", "A"][1] == 0
    assert of([*events, fix(clock("0:00:40"), 0.002)], NOON)["distance_km", "A"][1] == 111319


def test_any_kind_with_a_position_is_a_fix_and_records_ahead_of_now_count() -> None:
    t = clock("12:05")
    start = event("patrol", t, "A", "u1", 0.0, unit="u1", kind="start")
    assert of([start, fix(t + 60_000, 0.001)], NOON)["distance_km", "A"][1] == 111319


def test_a_late_fix_between_two_distant_ones_joins_them() -> None:
    t = clock("9:00")
    ends = [fix(t, 0.0), fix(t + 200_000, 0.002)]
    assert of(ends, NOON)["distance_km", "A"][1] == 0
    assert of([*ends, fix(t + 100_000, 0.001)], NOON)["distance_km", "A"][1] == 222638


# Cells.


def test_cells_seen_counts_listed_cells_whatever_the_towns_of_the_fixes() -> None:
    events = [fix(clock("9:00"), 0.5, town="B"), fix(clock("9:00", -1), 1.5), fix(clock("9:01"), 7.5, town="B")]
    found = of(events, NOON)
    # Neither yesterday's fix nor the unlisted cell 7 counts; A sent nothing today.
    assert found["cells_seen", "A"] == MISSING
    assert found["cells_seen", "B"] == (1.0, 1, 1)
    assert found["cells_seen", "all"] == (1.0, 1, 1)
    both = of([*events, report("patrol", "A", NOON)], NOON)
    assert both["cells_seen", "A"] == (1 / 3, 1, 3)
    assert both["cells_seen", "all"] == (2 / 4, 2, 4)


# Visits and obligations. P owes two visits from 8:00 to 9:00, on the beat of u1 and u2; Q one, without a beat.


def states(events: list[Event], now: int, town: str = "A", pack: RegionPack = PACK) -> tuple[int | None, ...]:
    """(open, met, lapsed, unobservable)."""
    found = of(events, now, pack)
    return tuple(found[f"obligations_{state}", town][1] for state in ("open", "met", "lapsed", "unobservable"))


@pytest.mark.parametrize(
    ("events", "met"),
    [
        pytest.param(walk(clock("8:10"), 3, 30), 1, id="60 s from first to last"),
        pytest.param(walk(clock("8:10"), 3, 29.9995), 0, id="59.999 s"),
        pytest.param(walk(clock("8:10"), 2, 120), 1, id="a gap of 120 s"),
        pytest.param(walk(clock("8:10"), 2, 120.001), 0, id="a gap over 120 s"),
        pytest.param(walk(clock("8:10"), 3, 30, lon=0.0004), 1, id="45 m off"),
        pytest.param(walk(clock("8:10"), 3, 30, lon=0.0005), 0, id="56 m off"),
        pytest.param(
            [fix(clock("8:10") + n * 60_000, 0.0005, accuracy=10) for n in (0, 1)], 1, id="56 m within 50 + 10"
        ),
        pytest.param([fix(clock("8:10") + n * 60_000, 0.0008, accuracy=90) for n in (0, 1)], 1, id="89 m within 100"),
        pytest.param(
            [fix(clock("8:10") + n * 60_000, 0.0009, accuracy=90) for n in (0, 1)], 0, id="never beyond 100 m"
        ),
        pytest.param(
            [fix(clock("8:10"), 0.0), fix(clock("8:10:30"), 0.002), fix(clock("8:11"), 0.0)], 0, id="left between"
        ),
        pytest.param(
            [fix(clock("8:10"), 0.0), fix(clock("8:10:30"), 0.002, accuracy=500), fix(clock("8:11"), 0.0)],
            1,
            id="an unusable fix between does not end it",
        ),
        pytest.param([fix(clock("8:10"), 0.0), fix(clock("8:11"), 0.0, "u2")], 0, id="two units do not add up"),
        pytest.param(walk(clock("8:10"), 21, 30), 1, id="ten minutes are one visit"),
        pytest.param([*walk(clock("8:10"), 3, 30), *walk(clock("8:20"), 3, 30)], 2, id="two visits"),
        pytest.param([*walk(clock("8:10"), 3, 30), *walk(clock("8:10"), 3, 30, unit="u9")], 2, id="of two units"),
        pytest.param(walk(clock("7:59"), 5, 30), 1, id="60 s inside the window"),
        pytest.param(walk(clock("7:58:59"), 5, 30), 0, id="59 s inside the window"),
        pytest.param(walk(clock("8:59"), 9, 30), 1, id="60 s before its end"),
        pytest.param(walk(clock("8:59:01"), 9, 30), 0, id="59 s before its end"),
        pytest.param([checkin(clock("8:00"), "P")], 1, id="check-in at the start"),
        pytest.param([checkin(clock("9:00"), "P")], 0, id="check-in at the end"),
        pytest.param([checkin(clock("7:59:59.999"), "P")], 0, id="check-in before"),
        pytest.param([checkin(clock("8:30"), "Q")], 0, id="check-in elsewhere"),
        pytest.param([checkin(clock("8:30"), "P", town="B")], 1, id="the place's town owns it"),
        pytest.param([checkin(clock("8:30", -1), "P")], 0, id="yesterday"),
        pytest.param(
            [checkin(clock("8:05"), "P"), *walk(clock("8:30"), 3, 30), checkin(clock("8:50"), "P")], 2, id="3"
        ),
    ],
)
def test_what_meets_an_obligation(events: list[Event], met: int) -> None:
    assert states(events, NOON)[1] == met


def test_a_dwell_does_not_run_across_midnight() -> None:
    night = msgspec.structs.replace(PACK, visit_rules=(VisitRule("P", 1, 0, 60),))
    events = [*walk(clock("23:59:20", -1), 3, 30), fix(clock("0:01:10"), 0.0)]
    # 23:59:20, 23:59:50 and 0:00:20, 0:01:10: less than a minute on either day, though 70 s of it after midnight.
    assert states(events, NOON, pack=night)[1] == 0
    assert states([*events, fix(clock("0:01:20"), 0.0)], NOON, pack=night)[1] == 1


def test_an_obligation_is_open_until_met_or_its_window_ends() -> None:
    events = [*walk(clock("8:10"), 11, 30), checkin(clock("8:40"), "P")]
    assert states(events, clock("8:10:59.999")) == (2, 0, 0, 0)
    assert states(events, clock("8:11")) == (1, 1, 0, 0)
    assert states(events, clock("8:39:59.999")) == (1, 1, 0, 0)
    assert states(events, clock("8:40")) == (0, 2, 0, 0)
    assert states(events, NOON) == (0, 2, 0, 0)
    assert states(events[:11], clock("8:59:59.999")) == (1, 1, 0, 0)
    assert states(events[:11], clock("7:00")) == (2, 0, 0, 0)


def test_a_dwell_from_before_the_window_counts_a_minute_into_it() -> None:
    events = walk(clock("7:50"), 41, 30)
    assert states(events, clock("8:00:59.999")) == (2, 0, 0, 0)
    assert states(events, clock("8:01")) == (1, 1, 0, 0)


def test_with_nobody_on_duty_it_lapses_if_the_town_reported_else_nobody_can_tell() -> None:
    assert states([], NOON) == (0, 0, 0, 2)
    assert states([report("patrol", "A", clock("1:00"))], NOON) == (0, 0, 2, 0)
    assert states([report("patrol", "B", clock("1:00"))], NOON) == (0, 0, 0, 2)
    assert states([report("temperature", "A", clock("1:00"))], NOON) == (0, 0, 0, 2)


@pytest.mark.parametrize(
    ("fixes", "state"),
    # The window is 60 min; 31 fixes one minute apart are 30 min heard, so silence is exactly half: lapsed.
    [(31, "lapsed"), (30, "unobservable"), (1, "unobservable"), (61, "lapsed")],
)
def test_a_unit_silent_for_more_than_half_of_the_window_cannot_be_judged(fixes: int, state: str) -> None:
    events = walk(clock("8:00"), fixes, 60, lon=3.0)
    assert states(events, NOON) == ((0, 0, 2, 0) if state == "lapsed" else (0, 0, 0, 2))


def test_heard_time_is_clipped_to_the_window_and_gaps_are_silence() -> None:
    before = walk(clock("7:00"), 91, 60, lon=3.0)  # to 8:30: heard 30 of 60 minutes
    assert states(before, NOON) == (0, 0, 2, 0)
    assert states(before[:-1], NOON) == (0, 0, 0, 2)
    sparse = walk(clock("8:00"), 30, 120.001, lon=3.0)
    assert states(sparse, NOON) == (0, 0, 0, 2)
    assert states(walk(clock("8:00"), 30, 120, lon=3.0), NOON) == (0, 0, 2, 0)


def test_time_between_fixes_on_either_side_of_midnight_is_not_heard() -> None:
    night = msgspec.structs.replace(PACK, visit_rules=(VisitRule("P", 1, 0, 4),))
    events = walk(clock("23:59", -1), 4, 60, lon=3.0)
    # 23:59, 0:00, 0:01, 0:02: heard for 2 of 4 minutes. Without the fix of midnight only for the last of them.
    assert states(events, NOON, pack=night) == (0, 0, 1, 0)
    assert states([events[0], *events[2:]], NOON, pack=night) == (0, 0, 0, 1)


def test_every_unit_of_the_beat_on_duty_must_have_been_silent() -> None:
    heard, silent = walk(clock("8:00"), 40, 60, 3.0, "u1"), [duty("start", clock("7:00"), "u2")]
    assert states(silent, NOON) == (0, 0, 0, 2)
    assert states([*silent, *heard], NOON) == (0, 0, 2, 0)


def test_a_unit_of_another_beat_does_not_answer_for_this_one() -> None:
    heard = walk(clock("8:00"), 40, 60, 3.0, "u9", "B")
    assert states([duty("start", clock("7:00")), *heard], NOON) == (0, 0, 0, 2)
    # B reported, A did not, and nobody of the beat was on duty: unobservable in A.
    assert states(heard, NOON) == (0, 0, 0, 2)


@pytest.mark.parametrize(
    ("events", "on_duty"),
    [
        ([duty("start", clock("20:00", -1))], True),
        ([duty("start", clock("23:00", -2))], False),
        ([duty("start", clock("8:59:59.999"))], True),
        ([duty("start", clock("9:00"))], False),
        ([duty("start", clock("6:00")), duty("end", clock("7:59"))], False),
        ([duty("start", clock("6:00")), duty("end", clock("8:01"))], True),
        ([duty("end", clock("5:00")), duty("start", clock("6:00"))], True),
        ([fix(clock("8:00"), 3.0)], True),
        ([fix(clock("9:00"), 3.0)], False),
        ([fix(clock("8:00"), 3.0, accuracy=200)], False),
    ],
)
def test_who_is_on_duty_in_a_window(events: list[Event], on_duty: bool) -> None:
    # On duty yet silent is unobservable; nobody on duty in a town that reported is lapsed.
    events = [*events, report("patrol", "A", clock("1:00"))]
    assert states(events, NOON) == ((0, 0, 0, 2) if on_duty else (0, 0, 2, 0))


def test_a_place_without_a_beat_belongs_to_all_units_on_duty_in_its_town() -> None:
    elsewhere = [duty("start", clock("7:00"), "u9", "A"), report("patrol", "B", NOON)]
    assert states(elsewhere, NOON, "B") == (0, 0, 1, 0)
    assert states([*elsewhere, fix(clock("8:00"), 3.0, "u9", "A")], NOON, "B") == (0, 0, 1, 0)
    assert states([duty("start", clock("7:00"), "u9", "B")], NOON, "B") == (0, 0, 0, 1)
    assert states([fix(clock("8:00"), 3.0, "u9", "B")], NOON, "B") == (0, 0, 0, 1)
    no_units = msgspec.structs.replace(PACK, beats=(Beat("W", "A", "班"),))
    assert states([duty("start", clock("7:00"), "u9", "A")], NOON, "A", no_units) == (0, 0, 0, 2)
    assert states(walk(clock("8:00"), 40, 60, 3.0, "u9"), NOON, "A", no_units) == (0, 0, 2, 0)


def test_coverage_is_of_closed_windows_and_over_towns_from_parts() -> None:
    events = [checkin(clock("8:30"), "P"), report("patrol", "B", clock("1:00"))]
    found = of(events, NOON)
    # A: one met, one lapsed (a check-in is no fix, so nobody was on duty); B: one lapsed.
    assert found["patrol_coverage", "A"] == (0.5, 1, 2)
    assert found["patrol_coverage", "B"] == (0.0, 0, 1)
    assert found["patrol_coverage", "all"] == (1 / 3, 1, 3)
    assert of(events, clock("8:59"))["patrol_coverage", "A"] == (None, 0, 0)
    assert of(events, clock("8:59"))["obligations_met", "A"] == (1, 1, None)
    assert of(events, clock("9:00"))["patrol_coverage", "A"] == (0.5, 1, 2)


def test_a_town_that_has_not_reported_stands_outside_the_sum() -> None:
    found = of([checkin(clock("8:30"), "P")], NOON)
    assert found["obligations_unobservable", "B"] == (1, 1, None)
    assert found["obligations_unobservable", "all"] == (0, 0, None)
    assert found["patrol_coverage", "B"] == MISSING
    assert found["patrol_coverage", "all"] == (0.5, 1, 2)


# Units, people, gaps.


@pytest.mark.parametrize(
    ("events", "now", "on_duty"),
    [
        ([duty("start", clock("8:00"))], NOON, 1),
        ([duty("start", clock("7:59:59.999"))], NOON, 0),
        ([duty("start", clock("12:00"))], NOON, 1),
        ([duty("start", clock("12:00:01")), report("patrol", "A", clock("9:00"))], NOON, 0),
        ([duty("start", clock("9:00")), duty("end", clock("12:00"))], NOON, 0),
        ([duty("start", clock("9:00")), duty("end", clock("12:00:01"))], NOON, 1),
        ([duty("start", clock("9:00")), duty("end", clock("10:00")), duty("start", clock("11:00"))], NOON, 1),
        ([fix(clock("11:45:00.001"), 0.0)], NOON, 1),
        ([fix(clock("11:45"), 0.0)], NOON, 0),
        ([fix(clock("11:50"), 0.0, accuracy=200)], NOON, 0),
        ([fix(clock("11:50"), 0.0), duty("end", clock("11:55"))], NOON, 1),
        ([checkin(clock("11:50"), "P")], NOON, 0),
        # Night runs from 22:00 to 6:00: at 2:00 it began yesterday.
        ([duty("start", clock("22:00", -1)), report("patrol", "A", clock("1:00"))], clock("2:00"), 1),
        ([duty("start", clock("21:59", -1)), report("patrol", "A", clock("1:00"))], clock("2:00"), 0),
        ([duty("start", clock("22:00", -1)), report("patrol", "A", clock("1:00"))], clock("22:30"), 0),
        # From 20:00 to 22:00 there is no shift.
        ([duty("start", clock("20:30"))], clock("21:00"), 0),
    ],
)
def test_units_on_duty(events: list[Event], now: int, on_duty: int) -> None:
    assert of(events, now)["units_on_duty", "A"] == (on_duty, on_duty, None)


def test_a_unit_is_on_duty_in_the_town_of_its_latest_record() -> None:
    events = [
        duty("start", clock("9:00")),
        fix(clock("11:00"), 0.0, town="B"),
        fix(clock("12:01"), 0.0),
        duty("start", clock("9:30"), "u2"),
    ]
    found = of(events, NOON)
    assert found["units_on_duty", "A"] == (1, 1, None)
    assert found["units_on_duty", "B"] == (1, 1, None)
    assert found["units_on_duty", "all"] == (2, 2, None)
    assert of(events, clock("12:01"))["units_on_duty", "A"] == (2, 2, None)


def test_person_times_are_the_most_officers_of_each_unit_and_shift_in_each_town() -> None:
    events = [
        duty("start", clock("1:00"), officers=2),  # night
        duty("end", clock("5:59"), officers=3),  # night: 3
        duty("start", clock("8:00"), officers=4),  # day
        fix(clock("9:00"), 0.0, officers=2),  # day: 4
        duty("start", clock("7:00"), officers=5),  # between shifts: 5
        duty("start", clock("9:00"), "u2", officers=6),  # day: 6
        duty("start", clock("9:00"), "u2", "B", officers=7),  # day, in B: 7
        duty("start", clock("9:00", -1), "u3", officers=9),  # yesterday
        duty("start", clock("9:00"), "u4"),  # says nothing of officers
    ]
    found = of(events, NOON)
    assert found["person_times", "A"] == (18, 18, None)
    assert found["person_times", "B"] == (7, 7, None)
    assert found["person_times", "all"] == (25, 25, None)


def test_longest_gap_runs_from_the_end_of_the_last_visit() -> None:
    nothing = [report("patrol", town, clock("1:00")) for town in "AB"]
    found = of([*nothing, *walk(clock("9:00"), 121, 30), checkin(clock("7:00"), "P")], NOON)
    # The dwell ends at 10:00. Q was not visited since the day six days back began: 6 * 24 + 12 hours.
    assert found["longest_gap_hours", "A"] == (2.0, 7_200_000, None)
    assert found["longest_gap_hours", "B"] == (156.0, 561_600_000, None)
    assert found["longest_gap_hours", "all"] == (156.0, 561_600_000, None)
    assert of([*nothing, *walk(clock("9:00"), 121, 30)], clock("9:30"))["longest_gap_hours", "A"] == (0.0, 0, None)


def test_longest_gap_looks_back_seven_local_days_and_not_before_the_pack() -> None:
    nothing = report("patrol", "B", clock("1:00"))
    assert of([nothing, checkin(clock("0:00", -6), "Q")], NOON)["longest_gap_hours", "B"][0] == 156.0
    assert of([nothing, checkin(clock("1:00", -6), "Q")], NOON)["longest_gap_hours", "B"][0] == 155.0
    assert of([nothing, checkin(clock("23:00", -7), "Q")], NOON)["longest_gap_hours", "B"][0] == 156.0
    assert of([nothing, checkin(clock("12:01"), "Q")], NOON)["longest_gap_hours", "B"][0] == 156.0
    young = msgspec.structs.replace(PACK, valid_from=20200217)
    assert of([nothing], NOON, young)["longest_gap_hours", "B"] == (36.0, 129_600_000, None)
    no_rules = msgspec.structs.replace(PACK, visit_rules=())
    assert of([nothing], NOON, no_rules)["longest_gap_hours", "B"] == MISSING


# Temperature.


def test_screened_counts_readings_of_the_day_in_their_own_towns() -> None:
    events = [
        reading(clock("0:00"), 36.5),
        reading(clock("23:59:59.999"), 36.5),
        reading(clock("9:00"), 36.5, "K1", "B"),
        reading(clock("0:00", 1), 36.5),
        reading(clock("23:59:59.999", -1), 36.5),
    ]
    found = of(events, NOON)
    assert [found["screened", town][1] for town in ("A", "B", "all")] == [2, 1, 3]


@pytest.mark.parametrize(
    ("celsius", "fields", "fever"),
    [
        (37.3, {}, True),
        (37.299, {}, False),
        (37.2996, {}, True),  # 37300 milli-degrees when rounded
        (37.2994, {}, False),
        (36.0, {"device_verdict": "fever"}, True),
        (37.3, {"device_verdict": "normal"}, True),
        (37.1, {"device_threshold": 37.0}, True),
        (37.0, {"device_threshold": 37.0}, True),
        (37.1, {"device_threshold": 37.0, "device_verdict": "normal"}, False),
        (36.9, {"device_threshold": 37.0}, False),
        (37.3, {"device_threshold": 38.0}, True),
        (36.8, {"method": "infrared", "site": "wrist"}, True),  # its own 36.8
        (36.7, {"method": "infrared", "site": "wrist"}, False),
        (37.0, {"method": "contact", "site": "wrist"}, True),  # any wrist 37.0
        (36.9, {"method": "contact", "site": "wrist"}, False),
        (37.0, {"site": "wrist"}, True),
        (37.5, {"method": "thermal_camera", "site": "wrist"}, True),  # the site goes before the method
        (37.5, {"method": "thermal_camera", "site": "face"}, False),  # any camera 37.6
        (37.6, {"method": "thermal_camera"}, True),
        (37.3, {"method": "contact", "site": "oral"}, True),
    ],
)
def test_fever_by_rule(celsius: float, fields: dict[str, Any], fever: bool) -> None:
    thresholds = {"fever.infrared/wrist": 36.8, "fever./wrist": 37.0, "fever.thermal_camera/": 37.6}
    pack = msgspec.structs.replace(PACK, thresholds=thresholds)
    found = of([reading(clock("9:00"), celsius, **fields), reading(clock("9:00"), 36.0)], NOON, pack)
    assert found["fever_count", "A"] == (int(fever), int(fever), None)
    assert found["fever_rate", "A"] == (0.5 if fever else 0.0, int(fever), 2)


def test_fever_rate_over_towns_is_from_parts() -> None:
    events = [reading(clock("9:00"), 38.0), *(reading(clock("9:00"), 36.5, "K3", "B") for _ in range(3))]
    assert of(events, NOON)["fever_rate", "all"] == (0.25, 1, 4)


def fever_then(*, after: str, celsius: float = 38.0, **fields: Any) -> list[Event]:
    who = {"person_ref": "p"} | {key: value for key, value in fields.items() if key != "outcome"}
    second = reading(
        clock(after), celsius, **{**who, **({"outcome": fields["outcome"]} if "outcome" in fields else {})}
    )
    return [reading(clock("9:00"), 38.0, person_ref="p"), second]


@pytest.mark.parametrize(
    ("events", "confirmed"),
    [
        ([reading(clock("9:00"), 38.0, person_ref="p")], 0),
        ([reading(clock("9:00"), 38.0, person_ref="p", outcome="transferred")], 1),
        ([reading(clock("9:00"), 36.5, person_ref="p", outcome="transferred")], 0),
        (fever_then(after="9:30"), 1),
        (fever_then(after="9:30:00.001"), 0),
        (fever_then(after="9:00"), 0),
        (fever_then(after="9:00:00.001"), 1),
        (fever_then(after="9:10", celsius=36.5), 0),
        (fever_then(after="9:10", celsius=36.5, outcome="transferred"), 1),
        (fever_then(after="9:00", celsius=36.5, outcome="transferred"), 1),
        (fever_then(after="9:30:00.001", celsius=36.5, outcome="transferred"), 0),
        (fever_then(after="9:10", celsius=36.5, outcome="refused"), 0),
        (fever_then(after="9:10", person_ref="q"), 0),
        ([reading(clock(t), 38.0, k, person_ref="p") for t, k in (("9:00", "K1"), ("9:10", "K2"))], 1),
        # Once a day, however often.
        ([reading(clock(t), 38.0, person_ref="p") for t in ("9:00", "9:10", "9:20", "11:00", "11:10")], 1),
        # Without a person, the chain is the checkpoint's.
        ([reading(clock(t), 38.0) for t in ("9:00", "9:10")], 1),
        ([reading(clock("9:00"), 38.0), reading(clock("9:10"), 38.0, "K2")], 0),
        ([reading(clock("9:00"), 38.0), reading(clock("9:10"), 38.0, person_ref="p")], 0),
        # A first fever that came to nothing does not hide a later one.
        ([reading(clock(t), 38.0, person_ref="p") for t in ("9:00", "10:00", "10:10")], 1),
    ],
)
def test_fever_confirmed(events: list[Event], confirmed: int) -> None:
    assert of(events, NOON)["fever_confirmed", "A"] == (confirmed, confirmed, None)


def test_a_confirmed_fever_belongs_to_the_day_and_town_of_the_first_reading() -> None:
    pair = [
        reading(clock("23:50"), 38.0, person_ref="p"),
        reading(clock("0:10", 1), 38.0, "K3", "B", person_ref="p"),
    ]
    today, tomorrow = of(pair, clock("23:55")), of(pair, clock("0:30", 1))
    assert today["fever_confirmed", "A"] == (1, 1, None)
    assert today["fever_confirmed", "B"] == MISSING
    assert tomorrow["fever_confirmed", "A"] == MISSING
    assert tomorrow["fever_confirmed", "B"] == (0, 0, None)


def test_a_person_confirmed_in_two_towns_counts_once_in_the_first() -> None:
    events = [reading(clock(t), 38.0, person_ref="p") for t in ("9:00", "9:10")]
    events += [reading(clock(t), 38.0, "K3", "B", person_ref="p") for t in ("10:00", "10:10")]
    found = of(events, NOON)
    assert [found["fever_confirmed", town][1] for town in ("A", "B", "all")] == [1, 0, 1]


@pytest.mark.parametrize(
    ("events", "now", "parts"),
    [
        # K1 is on duty from 8:00 to 18:00, K2 round the clock.
        ([reading(clock("11:50:00.001"), 36.5)], NOON, (0.5, 1, 2)),
        ([reading(clock("11:50"), 36.5)], NOON, (0.0, 0, 2)),
        ([reading(clock("12:10"), 36.5)], NOON, (0.5, 1, 2)),
        ([reading(clock("12:10:00.001"), 36.5)], NOON, (0.0, 0, 2)),
        ([reading(clock("17:59"), 36.5)], clock("18:00"), (0.0, 0, 1)),
        ([reading(clock("7:59"), 36.5)], clock("8:00"), (0.5, 1, 2)),
        ([reading(clock("7:59"), 36.5)], clock("7:59:59"), (0.0, 0, 1)),
        ([reading(clock("11:55"), 36.5, k) for k in ("K1", "K2")], NOON, (1.0, 2, 2)),
        # K9 is on no list: a provisional place.
        ([reading(clock("11:55"), 36.5, "K9")], NOON, (1 / 3, 1, 3)),
        ([reading(clock("3:00"), 36.5, "K9")], clock("3:30"), (0.0, 0, 2)),
        # A checkpoint stays its own town's, whatever town the reading names.
        ([reading(clock("11:55"), 36.5, "K3", "A")], NOON, (0.0, 0, 2)),
    ],
)
def test_checkpoints_online(events: list[Event], now: int, parts: Row) -> None:
    assert of(events, now)["checkpoints_online", "A"] == parts


def test_checkpoints_online_over_towns() -> None:
    found = of([reading(clock("11:55"), 36.5), reading(clock("11:55"), 36.5, "K3", "B")], NOON)
    assert found["checkpoints_online", "all"] == (2 / 3, 2, 3)


def series(device: str, values: list[float], start: str = "9:00", day: int = 0, **fields: Any) -> list[Event]:
    """A device's readings, one a minute."""
    common = {"method": "infrared", "site": "forehead", "device": device} | fields
    return [reading(clock(start, day) + n * 60_000, value, **common) for n, value in enumerate(values)]


def test_device_drift_is_median_against_the_pooled_median_of_the_others() -> None:
    b: dict[str, Any] = {"checkpoint": "K3", "town": "B"}
    events = [*series("d1", [36.2] * 20), *series("d2", [36.5] * 25, **b), *series("d3", [36.7] * 20, **b)]
    found = of(events, NOON)
    # d1: 36.2 against 25 of 36.5 and 20 of 36.7, whose median (the 23rd) is 36.5: 0.3. d2: against 20 of 36.2 and 20
    # of 36.7, median 36.45: 0.05. d3: against 20 of 36.2 and 25 of 36.5, median 36.5: 0.2.
    assert found["device_drift", "A"] == (0.3, 300, None)
    assert found["device_drift", "B"] == (0.2, 200, None)
    assert found["device_drift", "all"] == (0.3, 300, None)


@pytest.mark.parametrize(
    ("events", "drift"),
    [
        (series("d1", [36.2] * 20), None),  # no peers
        ([*series("d1", [36.2] * 20), *series("d2", [36.5] * 19)], None),  # a peer with too few
        ([*series("d1", [36.2] * 20), *series("d2", [36.5] * 20, site="ear")], None),
        ([*series("d1", [36.2] * 20), *series("d2", [36.5] * 20, method="contact")], None),
        ([*series("d1", [36.2] * 20), *series("d2", [36.5] * 20)], 300),
        # Only the last 50: the first 50 of 100 are forgotten.
        ([*series("d1", [30.0] * 50 + [36.2] * 50, "8:00"), *series("d2", [36.5] * 20)], 300),
        # Ten readings of yesterday and ten of today make twenty; the day before does not.
        ([*series("d1", [36.2] * 10, day=-1), *series("d1", [36.2] * 10), *series("d2", [36.5] * 20)], 300),
        ([*series("d1", [36.2] * 10, day=-2), *series("d1", [36.2] * 10), *series("d2", [36.5] * 20)], None),
        # Readings to 12:10 are in (11 of d1 from 12:00), those after are not.
        ([*series("d1", [36.2] * 9 + [36.0] * 11 + [39.0] * 30, "11:51"), *series("d2", [36.5] * 20)], 500),
        # d1: ten of 36.001 and ten of 36.002, median 36.0015; against 36.001 half a milli-degree, rounded to even: 0.
        ([*series("d1", [36.001] * 10 + [36.002] * 10), *series("d2", [36.001] * 20)], 0),
        # Against 36.003 a milli-degree and a half, rounded to even: 2.
        ([*series("d1", [36.001] * 10 + [36.002] * 10), *series("d2", [36.003] * 20)], 2),
    ],
)
def test_device_drift_windows(events: list[Event], drift: int | None) -> None:
    expected = MISSING if drift is None else (drift / 1000, drift, None)
    assert of(events, NOON)["device_drift", "A"] == expected


def test_health_code_mix_is_green_of_those_with_a_code() -> None:
    codes = ["green", "green", "yellow", "none", None]
    events = [reading(clock("9:00"), 36.5, **({"health_code": code} if code else {})) for code in codes]
    assert of(events, NOON)["health_code_mix", "A"] == (0.5, 2, 4)


def test_figures_do_not_depend_on_the_order_of_arrival() -> None:
    t = clock("8:10")
    events = [*walk(t, 9, 20), *walk(t, 5, 50, 0.001, "u2"), checkin(t, "P"), *series("d1", [36.0, 38.0] * 12)]
    assert of(events, NOON) == of(events[::-1], NOON)


# Cases.


def dispute(at: int, stage: str, case: str = "D1", town: str = "A", **fields: Any) -> Event:
    return event("dispute", at, town, case, case=case, stage=stage, **fields)


def firm(at: int, stage: str, code: str = "E1", town: str = "A", lon: float | None = None, **fields: Any) -> Event:
    return event("enterprise", at, town, code, lon, enterprise=code, stage=stage, **fields)


def mix(found: dict[tuple[str, str], Row], kpi: str, town: str = "all") -> dict[str, int | None]:
    """Value of a dimension -> numerator, of a figure's breakdown in a town; zeros left out."""
    return {
        key.split("=")[1].rstrip("]"): row[1]
        for (key, of_town), row in found.items()
        if key.startswith(f"{kpi}[") and of_town == town and row[1]
    }


def test_a_dispute_is_open_until_its_latest_record_ends_it() -> None:
    records = [
        dispute(clock("9:00"), "reported", kind="wages"),
        dispute(clock("11:00"), "resolved", source="z"),
        dispute(clock("10:00"), "mediating", kind="housing"),
    ]
    assert of(records, clock("10:30"))["dispute_open", "A"] == (1, 1, None)
    assert mix(of(records, clock("10:30")), "dispute_open") == {"housing": 1}
    found = of(records, NOON)
    assert found["dispute_open", "A"] == (0, 0, None)
    assert found["dispute_resolved", "A"] == (1, 1, None)
    assert found["resolution_hours_median", "A"] == (2.0, 2 * 3_600_000, None)
    assert found["dispute_open", "B"] == MISSING
    tomorrow = of(records, clock("12:00", 1))
    assert tomorrow["dispute_open", "A"] == (0, 0, None), "a standing figure: the town reported once"
    assert tomorrow["dispute_resolved", "A"] == MISSING, "a figure of the day: nothing was reported today"


def test_the_median_of_an_even_number_is_the_middle_of_the_two() -> None:
    records = [dispute(clock("8:00"), "reported", f"D{n}") for n in range(4)]
    records += [dispute(clock("8:00") + hours * 3_600_000, "resolved", f"D{n}") for n, hours in enumerate((1, 2, 3, 4))]
    assert of(records, NOON)["resolution_hours_median", "all"] == (2.5, 2 * 3_600_000, None)


def test_the_rate_is_of_the_cases_opened_in_the_period_less_the_withdrawn() -> None:
    records = [dispute(clock("9:00", -1), "reported", "old"), dispute(clock("9:00"), "resolved", "old")]
    for case, end in (("a", "resolved"), ("b", "escalated"), ("c", "withdrawn"), ("d", "accepted")):
        records += [dispute(clock("9:00"), "reported", case), dispute(clock("10:00"), end, case)]
    found = of(records, NOON)
    assert found["resolution_rate", "A"] == (1 / 3, 1, 3)
    assert found["dispute_new", "A"] == (4, 4, None)
    assert found["dispute_open", "A"] == (1, 1, None)
    over = figures_over(list(enumerate(records)), PACK, lambda *_: True, lambda *_: "", NOON, (20200217, 20200218))
    assert over["resolution_rate", "A"] == (2 / 4, 2, 4)
    assert over["dispute_resolved", "A"] == (2, 2, None)
    before = figures_over(list(enumerate(records)), PACK, lambda *_: True, lambda *_: "", NOON, (20200217, 20200217))
    assert before["resolution_rate", "A"] == (0.0, 0, 1), "at the end of yesterday nothing was resolved"


@pytest.mark.parametrize(("off", "overdue"), [(-1, 0), (0, 0), (1, 1)])
def test_a_dispute_is_overdue_after_its_due_time(off: int, overdue: int) -> None:
    stated = [dispute(clock("9:00"), "reported", due=NOON)]
    assert of(stated, NOON + off)["dispute_overdue", "A"] == (overdue, overdue, None)
    by_rule = msgspec.structs.replace(PACK, thresholds={"dispute.due_hours": 3.0})
    unstated = [dispute(clock("9:00"), "reported")]
    assert of(unstated, NOON + off, by_rule)["dispute_overdue", "A"] == (overdue, overdue, None)
    assert of(unstated, NOON + off)["dispute_overdue", "A"] == (0, 0, None)


@pytest.mark.parametrize(
    ("hours", "bucket"), [(0, "lt24h"), (23, "lt24h"), (24, "1-3d"), (72, "3-7d"), (167, "3-7d"), (168, "gt7d")]
)
def test_age_counts_from_the_first_record(hours: int, bucket: str) -> None:
    records = [dispute(NOON - hours * 3_600_000, "reported"), dispute(NOON, "accepted")]
    assert mix(of(records, NOON), "dispute_age") == {bucket: 1}


def test_a_case_belongs_to_the_town_of_its_latest_record() -> None:
    records = [dispute(clock("9:00"), "reported"), dispute(clock("10:00"), "accepted", town="B")]
    found = of(records, NOON)
    assert (found["dispute_open", "A"], found["dispute_open", "B"]) == ((0, 0, None), (1, 1, None))
    assert found["dispute_new", "B"] == (1, 1, None)


def test_a_clock_ahead_counts_at_once_but_not_before_its_own_day() -> None:
    records = [dispute(clock("0:05", 1), "reported")]
    assert of(records, clock("23:59:59.999"))["dispute_open", "A"] == MISSING
    assert of(records, clock("0:00", 1))["dispute_open", "A"] == (1, 1, None)
    assert of([dispute(clock("12:10"), "reported")], NOON)["dispute_open", "A"] == (1, 1, None)
    assert of([dispute(clock("12:10"), "reported")], NOON - 1)["dispute_open", "A"] == MISSING


def test_suspended_stays_in_the_denominator_and_staff_is_of_resumed_only() -> None:
    records = [
        firm(clock("9:00"), "resumed", "E1", staff_total=100, staff_returned=40, scale="above", liaison="P-1"),
        firm(clock("9:00"), "resumed", "E2", staff_total=10, staff_returned=10, scale="below"),
        firm(clock("9:00"), "resumed", "E3", staff_total=10),
        firm(clock("9:00"), "registered", "E4", staff_total=50, staff_returned=50, scale="below"),
        firm(clock("10:00"), "suspended", "E2"),
    ]
    found = of(records, NOON)
    assert found["resumption_rate", "A"] == (2 / 4, 2, 4)
    assert found["resumption_rate[scale=above]", "A"] == (1.0, 1, 1)
    assert found["resumption_rate[scale=below]", "A"] == (0.0, 0, 2)
    assert found["resumption_rate[scale=unknown]", "A"] == (1.0, 1, 1)
    assert found["staff_return_rate", "A"] == (0.4, 40, 100)
    assert found["staff_back", "A"] == (100, 100, None)
    assert found["liaison_coverage", "A"] == (1 / 4, 1, 4)
    assert mix(found, "enterprise_stage") == {"registered": 1, "resumed": 2, "suspended": 1}


def test_stuck_is_longer_than_the_limit_since_the_stage_was_entered() -> None:
    records = [
        firm(clock("9:00", -3), "applied"),
        firm(clock("12:00", -2), "reviewing"),
        firm(clock("9:00", -1), "reviewing", review="safety:passed"),
    ]
    assert of(records, NOON)["enterprise_stuck", "A"] == (0, 0, None)
    assert mix(of(records, NOON + 1), "enterprise_stuck") == {"reviewing": 1}
    patient = msgspec.structs.replace(PACK, thresholds={"enterprise.sla.reviewing": 72})
    assert of(records, NOON + 1, patient)["enterprise_stuck", "A"] == (0, 0, None)
    again = [*records, firm(clock("11:00"), "applied")]
    assert of(again, NOON + 1)["enterprise_stuck", "A"] == (0, 0, None), "returned, and applied again"


OWED = "[target=enterprise]"


def test_a_resumed_enterprise_owes_a_visit_from_the_next_day_until_it_stops() -> None:
    records = [firm(clock("9:00", -1), "resumed"), firm(clock("11:00"), "suspended"), firm(clock("13:00"), "resumed")]
    assert of(records, clock("23:59:59.999", -1))[f"obligations_open{OWED}", "A"] == (0, 0, None)
    assert of(records, clock("0:00"))[f"obligations_open{OWED}", "A"] == (1, 1, None)
    assert of(records, NOON)[f"obligations_open{OWED}", "A"] == (0, 0, None)
    assert of(records, clock("14:00"))[f"obligations_open{OWED}", "A"] == (0, 0, None), "it resumed today"
    assert of(records, clock("0:00", 1))[f"obligations_open{OWED}", "A"] == (1, 1, None)


def test_a_window_up_to_midnight_closes_with_the_last_millisecond_and_still_holds_it() -> None:
    records = [firm(clock("9:00", -1), "resumed"), report("patrol", "A", NOON)]
    last = clock("23:59:59.999")
    assert of(records, last - 1)[f"obligations_open{OWED}", "A"] == (1, 1, None)
    assert of(records, last)[f"obligations_lapsed{OWED}", "A"] == (1, 1, None)
    assert of(records, last)[f"patrol_coverage{OWED}", "A"] == (0.0, 0, 1)
    found = of([*records, checkin(last, "E1")], last)
    assert found[f"obligations_met{OWED}", "A"] == (1, 1, None)
    assert found[f"patrol_coverage{OWED}", "A"] == (1.0, 1, 1)
    assert found["patrol_coverage[target=patrol_point]", "A"] == (0.0, 0, 2)
    assert found["patrol_coverage", "A"] == (1 / 3, 1, 3)


def test_enterprises_at_one_place_owe_it_one_visit_since_the_first() -> None:
    records = [
        firm(clock("9:00", -1), "resumed", "E8", place="X"),
        firm(clock("9:00", -3), "resumed", "E9", place="X"),
        report("patrol", "A", clock("6:00")),
    ]
    found = of(records, clock("7:00"))
    assert found[f"obligations_open{OWED}", "A"] == (1, 1, None)
    bare = msgspec.structs.replace(PACK, visit_rules=())
    assert of(records, clock("7:00"), bare)["longest_gap_hours", "A"] == (2 * 24 + 7, (2 * 24 + 7) * 3_600_000, None)
