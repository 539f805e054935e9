"""Every condition of the declared rules, on one invented afternoon that is exact to the minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from dashboard.alerts.conditions import Found, look
from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.place import RegionPack
from dashboard.queries.alerting.life import Mark
from dashboard.queries.alerting.rules import rules_of
from tests.town_board import (
    DAY,
    DISPUTES,
    ENTERPRISES,
    GATES,
    NOW,
    PACK,
    POINTS,
    READING,
    TOWN,
    TRACK,
    at,
    town_board,
)

RULES = rules_of(PACK)


def found(rule: str, given: Mapping[str, Any] | None = None, firing: tuple[str, ...] = (), **how: Any) -> list[Found]:
    """What is found of one rule on the afternoon's board, or on one with other summaries."""
    board = town_board(dispute=DISPUTES, enterprise=ENTERPRISES) if given is None else town_board(**given)
    return look(board, {rule: RULES[rule]}, firing, **how).found


def test_fevers_without_recheck_are_found_each_by_its_own_case() -> None:
    fevers = found("temperature.fever")
    assert [(one.case, one.severity, one.place) for one in fevers] == [
        ("A-17", "alert", GATES[0].code),
        ("A-16", "alert", GATES[0].code),
    ]


def test_red_codes_and_refusals_are_counted_and_not_added_up() -> None:
    (one,) = found("temperature.refused", {"reading": replace(READING, codes={"red": 2}, refused=3)})
    assert (one.value, one.counted, one.facts) == (3, True, {"red": 2, "refused": 3})
    assert found("temperature.refused", {"reading": replace(READING, codes={}, refused=0)}) == []


def test_a_checkpoint_is_silent_from_when_its_duty_began_and_a_town_that_never_sent_is_not_connected() -> None:
    assert [one.place for one in found("temperature.silent")] == [GATES[1].code]
    later = found("temperature.silent", {"now": NOW + 3 * MINUTE})
    assert [one.place for one in later] == [GATES[1].code, GATES[2].code]
    never = replace(READING, last_received=None, checkpoints=(READING.checkpoints[2],))
    assert found("temperature.silent", {"reading": never, "now": NOW + HOUR}) == []


def test_all_checkpoints_of_a_town_silent_are_one_cause_above_theirs() -> None:
    every = found("temperature.silent", {"now": NOW + HOUR})
    whole = [one for one in every if not one.place]
    assert [one.town for one in whole] == [TOWN]
    assert all(whole[0].cause in one.under for one in every if one.place)
    assert len(every) == 4


def test_a_drift_has_two_limits_and_is_no_news_behind_a_silent_checkpoint() -> None:
    (one,) = found("temperature.drift")
    assert (one.facts["device"], one.value) == ("D-0012", 0.62)
    assert f"temperature.silent|{GATES[0].code}" in one.under
    near = {"reading": replace(READING, drifts=(replace(READING.drifts[0], milli=-450),))}
    assert found("temperature.drift", near) == []
    assert len(found("temperature.drift", near, firing=("temperature.drift|D-0012",))) == 1


def test_a_gap_is_found_half_an_hour_before_and_until_somebody_has_been_there() -> None:
    gaps = {one.place: one for one in found("patrol.gap")}
    # P1 lapses in 28 minutes; P3 and P4 have lapsed; P2 has two hours, P5 was not observed, P6 is open till eight.
    assert set(gaps) == {POINTS[0].code, POINTS[2].code, POINTS[3].code}
    assert gaps[POINTS[0].code].value == -28
    assert (gaps[POINTS[0].code].severity, gaps[POINTS[2].code].severity) == ("watch", "alert")
    assert gaps[POINTS[0].code].owner == "U1"
    been = replace(TRACK, gaps=(replace(TRACK.gaps[0], since=at(14, 10), visited=True), *TRACK.gaps[1:]))
    assert POINTS[3].code not in {one.place for one in found("patrol.gap", {"track": been})}


def test_a_unit_on_duty_without_signal_is_unseen() -> None:
    (one,) = found("patrol.silent")
    assert (one.facts["unit"], one.value) == ("U2", 42)
    assert "patrol.feed|all" in one.under


def test_a_figure_has_a_limit_and_a_limit_at_which_it_is_over_and_nothing_is_said_of_an_old_feed() -> None:
    (low,) = found("patrol.coverage")
    assert low.value is not None
    assert low.value < 75
    old = town_board(track=replace(TRACK, last_received=NOW - HOUR))
    sight = look(old, {"patrol.coverage": RULES["patrol.coverage"]})
    assert sight.found == []
    assert ("patrol.coverage", TOWN) in sight.blind
    few = replace(RULES["patrol.coverage"], limit=1.0, clear=99.0)
    board = town_board()
    assert look(board, {"patrol.coverage": few}).found == []
    assert len(look(board, {"patrol.coverage": few}, {f"patrol.coverage|{TOWN}"}).found) == 1


def test_a_rate_falls_from_yesterdays_end_or_todays_highest() -> None:
    key = f"high:resumption_rate:{TOWN}"
    rule = {"enterprise.falls": RULES["enterprise.falls"]}
    board = town_board(enterprise=ENTERPRISES)
    sight = look(board, rule)
    assert (sight.found, sight.marks[key]) == ([], Mark(DAY, 20.0, 20.0))
    (fallen,) = look(board, rule, (), {key: Mark(DAY - 1, 90.0, 22.5)}).found
    assert fallen.value == 2.5
    assert look(board, rule, (), {key: Mark(DAY - 1, 90.0, 21.5)}).found == []


def test_cases_overdue_stuck_and_new_at_a_resumed_enterprise() -> None:
    (late,) = found("dispute.overdue")
    assert (late.case, late.severity, late.owner) == (f"{TOWN}-D0001", "alert", "M-8001 陆敏")
    (stuck,) = found("enterprise.stuck")
    assert (stuck.case, stuck.severity, stuck.owner) == (f"{TOWN}-E0001", "watch", "P-8013 徐静")
    assert found("dispute.at_enterprise") == []
    at_work = tuple(
        replace(one, fields={**one.fields, "place": f"{TOWN}-E0004"}) if one.case.endswith("D0003") else one
        for one in DISPUTES.cases
    )
    (new,) = found("dispute.at_enterprise", {"dispute": replace(DISPUTES, cases=at_work), "enterprise": ENTERPRISES})
    assert new.case == f"{TOWN}-D0003"


def test_a_feed_that_has_sent_before_is_missed_and_one_that_never_did_is_not() -> None:
    assert found("dispute.feed") == []
    (gone,) = found("dispute.feed", {"dispute": replace(DISPUTES, last_received=NOW - 3 * HOUR)})
    assert gone.town == "all"
    assert found("dispute.feed", {"dispute": replace(DISPUTES, last_received=None)}) == []


def test_yesterdays_figure_is_marked_after_two_and_found_when_it_moves() -> None:
    rule = {"temperature.corrected": RULES["temperature.corrected"]}
    before = replace(READING, day=DAY - 1)

    def closed(one: Any) -> Any:
        return lambda feed: {TOWN: one}

    sight = look(town_board(), rule, (), {}, closed(before))
    assert sight.found == []
    marks = sight.marks
    assert marks[f"told:fever_count:{TOWN}"].high == 4
    moved = look(town_board(), rule, (), marks, closed(replace(before, fever_count=5))).found
    assert [(one.facts["kpi"], one.facts["before"], one.facts["after"]) for one in moved] == [("fever_count", 4, 5)]


def test_a_pack_changes_limits_hours_and_switches_rules_off() -> None:
    def pack(**thresholds: float) -> RegionPack:
        given = {key.replace("__", "."): value for key, value in thresholds.items()}
        return replace(PACK, thresholds=given)

    rules = rules_of(pack(patrol__alert__gap=10, patrol__alert__silent__off=1, patrol__alert__coverage__from=20))
    assert rules["patrol.gap"].limit == 10
    assert "patrol.silent" not in rules
    early = rules_of(pack(patrol__alert__coverage__from=20, patrol__alert__coverage__to=6))["patrol.coverage"]
    assert look(town_board(), {"patrol.coverage": early}).found == []
    night = RULES["dispute.overdue"]
    assert night.is_quiet("watch", at(23), "Asia/Shanghai", DAY)
    assert not night.is_quiet("alert", at(23), "Asia/Shanghai", DAY)
