"""What is due in a town: which things count, in which group, in which order, with which number."""

from __future__ import annotations

from collections import Counter

import msgspec

from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.summary import CheckpointNow, FeverState, Judged, ObligationState
from dashboard.queries.duties import Duty, DutyKind, Group, due_in, firm_visits, tallies
from dashboard.queries.timeline import bands, timeline
from tests.town_board import (
    DISPUTES,
    ENTERPRISES,
    GATES,
    NOW,
    POINTS,
    READING,
    SILENT_TOWN,
    START,
    TOWN,
    TRACK,
    at,
    town_board,
)


def by_group(duties: tuple[Duty, ...]) -> dict[Group, list[Duty]]:
    return {group: [duty for duty in duties if duty.group == group] for group in Group}


def test_every_open_and_lapsed_visit_unsettled_fever_and_silent_checkpoint_is_due() -> None:
    duties = due_in(town_board(), TOWN)
    owed = Counter(judged.state for judged in TRACK.obligations)
    kinds = Counter(duty.kind for duty in duties)
    assert kinds[DutyKind.VISIT] == owed[ObligationState.OPEN] + owed[ObligationState.LAPSED]
    assert kinds[DutyKind.FEVER] == sum(
        1 for fever in READING.fevers if fever.state in (FeverState.PENDING, FeverState.UNRESOLVED)
    )
    assert kinds[DutyKind.CHECKPOINT] == READING.on_duty - READING.online


def test_groups_follow_urgency() -> None:
    groups = by_group(due_in(town_board(), TOWN))
    assert [duty.case for duty in groups[Group.BURNING]] == ["A-17"]
    assert [duty.place for duty in groups[Group.OVERDUE]] == [
        POINTS[2].code,
        GATES[0].code,
        POINTS[3].code,
        GATES[1].code,
    ]
    assert [duty.place for duty in groups[Group.SOON]] == [GATES[2].code, POINTS[0].code, POINTS[1].code]
    assert [duty.due for duty in groups[Group.LATER]] == [at(18), at(18), at(20)]


def test_the_longest_overdue_stands_first_and_the_soonest_due_first() -> None:
    groups = by_group(due_in(town_board(), TOWN))
    for group in (Group.OVERDUE, Group.SOON, Group.LATER):
        dues = [duty.due for duty in groups[group]]
        assert dues == sorted(dues)


def test_numbers_run_through_the_list_and_later_has_none() -> None:
    duties = due_in(town_board(), TOWN)
    numbered = [duty.number for duty in duties if duty.group != Group.LATER]
    assert numbered == list(range(1, len(numbered) + 1))
    assert {duty.number for duty in duties if duty.group == Group.LATER} == {0}


def test_keys_are_unique_and_survive_the_next_minute() -> None:
    first, later = due_in(town_board(), TOWN), due_in(town_board(now=NOW + MINUTE), TOWN)
    assert len({duty.key for duty in first}) == len(first)
    assert {duty.key for duty in first} == {duty.key for duty in later}


def test_a_visit_due_in_exactly_two_hours_is_soon() -> None:
    def group_at(now: int) -> Group:
        duties = due_in(town_board(now=now), TOWN)
        return next(duty.group for duty in duties if duty.due == at(16, 32))

    assert group_at(at(14, 32)) == Group.SOON
    assert group_at(at(14, 32) - 1) == Group.LATER


def test_a_fever_without_recheck_is_overdue_since_thirty_minutes_after_it() -> None:
    fever = next(duty for duty in due_in(town_board(), TOWN) if duty.case == "A-16")
    assert fever.group == Group.OVERDUE
    assert fever.due == at(13, 40)


def test_a_settled_fever_is_not_due() -> None:
    cases = {duty.case for duty in due_in(town_board(), TOWN) if duty.kind == DutyKind.FEVER}
    assert cases == {"A-17", "A-16"}


def test_a_checkpoint_just_on_duty_is_awaited_before_it_is_missing() -> None:
    duty = next(duty for duty in due_in(town_board(), TOWN) if duty.place == GATES[2].code)
    assert (duty.group, duty.never, duty.since, duty.due) == (Group.SOON, True, at(14, 25), at(14, 35))
    duty = next(duty for duty in due_in(town_board(now=at(14, 35)), TOWN) if duty.place == GATES[2].code)
    assert duty.group == Group.OVERDUE


def test_silence_counts_from_the_start_of_the_duty_not_from_last_night() -> None:
    night = CheckpointNow(GATES[1].code, True, False, at(0) - 5 * HOUR, 0, 0)
    reading = msgspec.structs.replace(READING, checkpoints=(night,))
    duty = next(duty for duty in due_in(town_board(reading=reading), TOWN) if duty.kind == DutyKind.CHECKPOINT)
    assert duty.since == at(7)


def test_a_visit_knows_its_beat_and_units_and_which_of_several_it_is() -> None:
    duties = due_in(town_board(), TOWN)
    visit = next(duty for duty in duties if duty.place == POINTS[0].code)
    assert (visit.beat, visit.units) == ("B1", ("U1", "U2"))
    twice = [duty for duty in duties if duty.place == POINTS[2].code and duty.due == at(18)]
    assert sorted((duty.nth, duty.times) for duty in twice) == [(1, 2), (2, 2)]
    loose = next(duty for duty in duties if duty.place == POINTS[5].code)
    assert (loose.beat, loose.units) == (None, ())


def test_tallies_add_up_to_the_figures() -> None:
    board = town_board()
    duties = due_in(board, TOWN)
    visit, fever, gate = tallies(board, TOWN, duties)[:3]
    assert (visit.undone, visit.done, visit.total, visit.overdue, visit.unobservable) == (7, 3, 11, 2, 1)
    assert (fever.undone, fever.done, fever.total, fever.burning, fever.overdue) == (2, 2, READING.fever_count, 1, 1)
    assert (gate.undone, gate.done, gate.total) == (2, 1, 3)
    assert sum(tally.undone or 0 for tally in (visit, fever, gate)) == len(duties)
    assert visit.total == (visit.undone or 0) + (visit.done or 0) + visit.unobservable


def test_a_town_that_sent_nothing_has_no_numbers_rather_than_zero() -> None:
    board = town_board()
    assert due_in(board, SILENT_TOWN) == ()
    assert [(tally.undone, tally.total) for tally in tallies(board, SILENT_TOWN, ())] == [(None, None)] * 5


def test_cases_whose_time_is_up_today_are_due() -> None:
    board = town_board(dispute=DISPUTES, enterprise=ENTERPRISES)
    own = [duty for duty in due_in(board, TOWN) if duty.kind == DutyKind.CASE]
    assert {(duty.case[-5:], duty.group) for duty in own} == {
        ("D0001", Group.OVERDUE),
        ("D0002", Group.SOON),
        ("D0003", Group.LATER),
        ("E0001", Group.OVERDUE),
        ("E0002", Group.SOON),
    }
    assert {duty.category for duty in own} == {"dispute", "enterprise"}
    first = next(duty for duty in own if duty.case.endswith("D0001"))
    assert (first.place, first.lon) == (POINTS[0].code, POINTS[0].lon)
    stuck = next(duty for duty in own if duty.case.endswith("E0001"))
    assert (stuck.place, stuck.lon, stuck.lat) == ("", 120.95, 30.92)


def test_a_case_tally_counts_what_was_settled_or_moved_on_today() -> None:
    board = town_board(dispute=DISPUTES, enterprise=ENTERPRISES)
    dispute, enterprise = tallies(board, TOWN, due_in(board, TOWN))[3:]
    assert (dispute.feed, dispute.undone, dispute.done, dispute.total, dispute.overdue) == ("dispute", 3, 1, 4, 1)
    assert (enterprise.feed, enterprise.undone, enterprise.done, enterprise.total) == ("enterprise", 2, 1, 3)
    assert enterprise.overdue == 1


def test_what_enterprises_owe_is_counted_apart_from_the_patrol_points() -> None:
    owed = [
        Judged(
            f"{TOWN}-E{n:04d}", START, START + 24 * HOUR - 1, 1, state, at(9) if state == "met" else None, "enterprise"
        )
        for n, state in enumerate((ObligationState.MET, ObligationState.OPEN, ObligationState.OPEN), start=1)
    ]
    track = msgspec.structs.replace(TRACK, obligations=(*TRACK.obligations, *owed))
    board = town_board(track)
    assert firm_visits(board, TOWN) == (1, 3)
    assert firm_visits(town_board(), TOWN) is None
    (rounds,) = (duty for duty in due_in(board, TOWN) if duty not in due_in(town_board(), TOWN))
    assert (rounds.kind, rounds.group, rounds.times, rounds.lapsed) == (DutyKind.ROUND, Group.LATER, 2, 0)
    assert rounds.firms == (f"{TOWN}-E0002", f"{TOWN}-E0003")
    assert tallies(board, TOWN, ()) == tallies(town_board(), TOWN, ())
    assert timeline(board, TOWN) == timeline(town_board(), TOWN)


def test_timeline_rows_are_beats_with_their_counts() -> None:
    day = timeline(town_board(), TOWN)
    assert [(row.beat, row.met, row.total) for row in day.rows] == [("B1", 2, 7), ("B2", 1, 3), (None, 0, 1)]
    assert (day.start, day.end) == (at(8), at(20))
    first = day.rows[0]
    assert [lane.unit for lane in first.lanes] == ["U1", "U2"]
    assert {(due.at, due.state, due.count) for due in first.dues} == {
        (at(12), "lapsed", 1),
        (at(15), "soon", 1),
        (at(16, 32), "soon", 1),
        (at(18), "open", 2),
    }


def test_a_unit_on_duty_that_fell_silent_is_hatched_up_to_now() -> None:
    day = next(day for day in TRACK.unit_days if day.unit == "U2")
    assert [(band.kind, band.end) for band in bands(day, NOW, on_duty=True)] == [
        ("moving", at(13, 50)),
        ("silent", NOW),
    ]
    assert [band.kind for band in bands(day, NOW, on_duty=False)] == ["moving"]


def test_short_gaps_join_and_standing_splits_a_band() -> None:
    day = next(day for day in TRACK.unit_days if day.unit == "U1")
    found = [(band.kind, band.start, band.end) for band in bands(day, NOW, on_duty=True)]
    assert found == [
        ("moving", at(8), at(9, 29)),
        ("standing", at(9, 29), at(9, 33)),
        ("moving", at(9, 33), NOW - 8_000),
    ]


def test_timeline_of_a_night_shift_shows_the_whole_day() -> None:
    day = timeline(town_board(now=at(21)), TOWN)
    assert (day.start, day.end) == (at(0), at(24))
