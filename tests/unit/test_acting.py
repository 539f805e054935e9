"""What staff did about a duty moves its row and names who has it; it never changes what the figures say."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from dashboard.access.viewer import LOCAL_VIEWER, Role, Viewer
from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.feed import DutyRule, Owes, Words
from dashboard.domain.summary import Act, ActionSummary, ActState, CaseNow, CaseSummary, Standing
from dashboard.feeds import FEEDS
from dashboard.queries import duties
from dashboard.queries.acting import acts_for, owner_name, people, postponements
from dashboard.queries.board import Board
from dashboard.queries.duties import DutyKind, Group, due_in, owed_in, tallies
from dashboard.queries.standing import standing
from dashboard.queries.views import VIEWS
from dashboard.queries.views.handover import MOST_EVENTS, Happened, happened, on_sheet, span_of
from dashboard.queries.views.town import build
from dashboard.queries.worklist import document, item_title, listed
from tests.town_board import DAY, DISPUTES, ENTERPRISES, NOW, PACK, READING, TOWN, TRACK, at, town_board

D1, D4 = f"case:dispute:{TOWN}-D0001", f"case:dispute:{TOWN}-D0004"
LU = Viewer("陆敏", frozenset({Role.OFFICER}), frozenset({TOWN}), staff="M-8001")
WALL = Viewer("大屏", frozenset({Role.WALL}))


def held(item: str, state: ActState, owner: str = "P-8013 陆敏", since: int = NOW - MINUTE, **more: Any) -> Standing:
    verb = {"acknowledged": "acknowledge", "assigned": "assign", "done": "done", "postponed": "postpone"}.get(
        state, "reopen"
    )
    act = Act(
        since, verb, "P-0001 沈立", owner if verb == "assign" else "", more.get("until"), id="a1", source="act:沈立"
    )
    return Standing(item, state, owner, since, (act,), **more)


def board_with(
    *found: Standing, viewer: Viewer = LOCAL_VIEWER, now: int = NOW, disputes: CaseSummary = DISPUTES
) -> Board:
    """The invented afternoon with acts of staff."""
    summary = ActionSummary(TOWN, DAY, now, True, True, now, tuple(found))
    board = town_board(dispute=disputes, enterprise=ENTERPRISES, now=now)
    board._summaries["action"] = {TOWN: summary}
    board.viewer = viewer
    return board


def of(board: Board, item: str) -> duties.Duty:
    return next(duty for duty in due_in(board, TOWN) if duty.item == item)


def fever() -> str:
    return next(duty.item for duty in due_in(town_board(), TOWN) if duty.group == Group.BURNING)


def test_items_have_names_of_their_own_for_ever() -> None:
    owed = owed_in(board_with(), TOWN)
    items = [duty.item for duty in owed]
    assert len(set(items)) == len(items)
    assert all(re.fullmatch(r"(visit|fever|silence|case|round|owed):[a-z_]+:\S+", item) for item in items)
    assert all(str(DAY) in item for item in items if not item.startswith("case:")), "tomorrow's are others"
    assert max(len(item) for item in items) <= 160


def test_a_fever_that_somebody_took_burns_no_longer_and_is_still_to_be_rechecked() -> None:
    item = fever()
    before, after = board_with(), board_with(held(item, ActState.ACKNOWLEDGED))
    assert of(before, item).group == Group.BURNING
    assert of(after, item).group == Group.SOON
    assert tallies(after, TOWN, due_in(after, TOWN)) == tallies(before, TOWN, due_in(before, TOWN))


@pytest.mark.parametrize("state", [ActState.ACKNOWLEDGED, ActState.ASSIGNED, ActState.DONE, ActState.POSTPONED])
def test_no_act_changes_a_figure_or_a_card(state: ActState) -> None:
    plain = board_with()
    items = [duty.item for duty in due_in(plain, TOWN)]
    board = board_with(*(held(item, state, until=NOW + 30 * HOUR) for item in items))
    assert tallies(board, TOWN, due_in(board, TOWN)) == tallies(plain, TOWN, due_in(plain, TOWN))
    assert [card["value"] for card in build(board, TOWN, "zh")["cards"]] == [
        card["value"] for card in build(plain, TOWN, "zh")["cards"]
    ]
    assert len(due_in(board, TOWN)) == len(items)


def test_what_is_said_to_be_done_goes_aside_for_the_day_and_comes_back_tomorrow() -> None:
    today, yesterday = held(D1, ActState.DONE), held(D1, ActState.DONE, since=at(-2))
    duty = of(board_with(today), D1)
    assert (duty.group, duty.number) == (Group.HANDLED, 0)
    again = of(board_with(yesterday), D1)
    assert again.group == Group.OVERDUE
    assert again.standing is not None
    assert again.standing.state == ActState.ASSIGNED


def test_a_postponed_one_is_due_at_its_new_time() -> None:
    later = of(board_with(held(D1, ActState.POSTPONED, until=NOW + HOUR)), D1)
    assert (later.group, later.due) == (Group.SOON, NOW + HOUR)
    tomorrow = of(board_with(held(D1, ActState.POSTPONED, until=NOW + 30 * HOUR)), D1)
    assert tomorrow.group == Group.HANDLED


def test_a_row_says_who_has_it_and_what_may_be_done() -> None:
    board = board_with(held(D1, ActState.ASSIGNED, "U1", since=at(14, 20), note="先去看看"))
    (found,) = (one for one in build(board, TOWN, "zh")["rows"] if one["item"] == D1)
    assert found["owner"] == "一组 何涛"
    assert found["acting"]["word"] == "已派单 14:20"
    assert [one["verb"] for one in found["acts"]] == ["done", "assign", "handover", "postpone", "reopen"]
    assert found["acted"][0]["text"] == "沈立 派给 一组 何涛"
    other = next(one for one in build(board, TOWN, "zh")["rows"] if one["kind"] == "visit")
    assert "postpone" not in [one["verb"] for one in other["acts"]], "a visit's window is a rule"


def test_buttons_are_for_those_who_may_press_them() -> None:
    verbs = ("acknowledge", "assign", "done", "handover", "postpone")
    chief = board_with(viewer=Viewer("沈立", frozenset({Role.CHIEF}), frozenset({TOWN})))
    assert [one["verb"] for one in acts_for(chief, TOWN, verbs, None, "zh")][:2] == ["assign", "acknowledge"]
    officer = board_with(viewer=LU)
    assert "assign" not in [one["verb"] for one in acts_for(officer, TOWN, verbs, None, "zh")]
    assert acts_for(officer, "330421102", verbs, None, "zh") == []
    assert acts_for(board_with(viewer=WALL), TOWN, verbs, None, "zh") == []


def test_a_wall_is_told_no_case_no_name_and_no_note() -> None:
    visit = next(duty.item for duty in due_in(town_board(), TOWN) if duty.kind == DutyKind.VISIT)
    taken = [held(item, ActState.ASSIGNED, note="先去看看") for item in (D1, visit)]
    rows = build(board_with(*taken, viewer=WALL), TOWN, "zh")["rows"]
    assert "先去看看" not in msgspec.json.encode(rows).decode()
    (found,) = (one for one in rows if one["item"] in (D1, visit))
    assert (found["item"], found["owner"], found["acting"]["owner"]) == (visit, "已有责任人", "")


def test_units_on_duty_stand_first_among_those_who_can_be_given_something() -> None:
    groups = people(board_with(held(D1, ActState.ASSIGNED)), TOWN, "zh")
    assert [group["key"] for group in groups] == ["on", "staff", "station"]
    assert [one["name"] for one in groups[0]["choices"]] == ["一组 何涛", "二组 许斌", "四组 朱琳"]
    assert {"陆敏", "徐静"} <= {one["name"] for one in groups[1]["choices"]}
    load = {one["value"]: one["note"] for one in groups[1]["choices"]}
    assert load["P-8013 陆敏"] == "手上 1 件"
    assert groups[2]["choices"][0]["name"] == "姚庄镇值班室"
    assert owner_name(board_with(), f"town:{TOWN}", "en") == "Yaozhuang station"


def test_times_to_put_something_off_to_lie_ahead_and_are_in_order() -> None:
    for now in (NOW, at(7, 59), at(20), at(23, 30)):
        times = [one["at"] for one in postponements(board_with(now=now), "zh")]
        assert times == sorted(times)
        assert min(times) > now


def test_mine_is_what_was_given_to_me_and_what_the_records_say_is_mine() -> None:
    plain = board_with(viewer=LU)
    assert {one.duty.case for one in listed(plain, [TOWN], "me")} == {f"{TOWN}-D0001", f"{TOWN}-D0002"}
    named = Viewer("徐静", frozenset({Role.OFFICER}), frozenset({TOWN}), staff="P-8013")
    assert {one.duty.case for one in listed(board_with(viewer=named), [TOWN], "me")} == {
        f"{TOWN}-E0001",
        f"{TOWN}-E0002",
    }
    leader = Viewer("朱琳", frozenset({Role.OFFICER}), frozenset({TOWN}))
    assert {one.duty.place for one in listed(board_with(viewer=leader), [TOWN], "me")} == {f"{TOWN}-P04"}
    # One that is not due today is on its owner's list all the same.
    given = board_with(held(D4, ActState.ASSIGNED, "P-8013 徐静"), viewer=named)
    assert D4 in {one.duty.item for one in listed(given, [TOWN], "me")}
    assert D4 not in {duty.item for duty in due_in(given, TOWN)}
    # What was given to somebody else is not mine any more.
    away = board_with(held(f"case:enterprise:{TOWN}-E0001", ActState.ASSIGNED, "U1"), viewer=named)
    assert {one.duty.case for one in listed(away, [TOWN], "me")} == {f"{TOWN}-E0002"}


def test_my_page_lists_what_i_did_today_newest_first() -> None:
    acts = (
        Act(at(9), "acknowledge", "M-8001 陆敏", id="a1"),
        Act(at(10), "done", "M-8001 陆敏", note="已上门", id="a2"),
        Act(at(-3), "acknowledge", "M-8001 陆敏", id="a0"),
        Act(at(11), "reopen", "P-0001 沈立", id="a3"),
    )
    found = Standing(D1, ActState.OPEN, "", at(11), tuple(sorted(acts, key=lambda act: act.at)))
    told = document(board_with(found, viewer=LU), "zh")["done"]
    assert [(one["id"], one["time"]) for one in told] == [("a2", "10:00"), ("a1", "09:00")]
    assert told[0]["title"] == "工资报酬·D0001"
    assert told[0]["text"] == "陆敏 标为办结·已上门"


def test_every_item_can_be_named_when_it_is_on_no_list_any_more() -> None:
    board = board_with()
    for duty in owed_in(board, TOWN):
        for lang in ("zh", "en"):
            title = item_title(board, TOWN, duty.item, lang)
            assert title
            assert not title.startswith(duty.item.split(":")[0] + ":")


def test_a_feed_joins_by_declaring_what_it_owes(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(case: CaseNow, now: int, start: int) -> list[Owes]:
        return [Owes(start, start + 10 * HOUR, Words("上午体温未报", "no morning check"), "am")]

    rule = DutyRule("owed", owed=twice, words=Words("随访", "Check"), verbs=("acknowledge", "done"))
    declared = msgspec.structs.replace(FEEDS["dispute"], duties=(DutyRule("due"), rule))
    monkeypatch.setitem(FEEDS, "dispute", declared)
    board = board_with()
    own = [duty for duty in due_in(board, TOWN) if duty.item.startswith("owed:")]
    assert {duty.group for duty in own} == {Group.OVERDUE}
    assert {duty.item for duty in own} == {f"owed:dispute:{TOWN}-D000{n}.am.{DAY}" for n in range(1, 5)}
    found = next(one for one in build(board, TOWN, "zh")["rows"] if one["item"] == own[0].item)
    assert found["title"].endswith("上午体温未报")
    assert found["type"] == "随访"
    assert {one["verb"] for one in found["acts"]} == {"acknowledge", "done"}


def test_a_case_that_nobody_has_is_due_until_somebody_has_it() -> None:
    loose = msgspec.structs.replace(DISPUTES.cases[3], opened=at(-6), due=None)
    disputes = msgspec.structs.replace(DISPUTES, cases=(*DISPUTES.cases[:3], loose))

    def left(*found: Standing) -> list[tuple[str, DutyKind, int]]:
        board = board_with(*found, disputes=disputes)
        return [(one.item, one.kind, one.due) for one in due_in(board, TOWN) if one.unassigned]

    assert left() == [(D4, DutyKind.CASE, at(18))]
    assert left(held(D4, ActState.ASSIGNED)) == []


def test_a_handover_sheet_says_what_happened_in_its_shift_and_what_falls_due_in_the_next() -> None:
    board = board_with(held(D1, ActState.ASSIGNED, since=at(14, 20)), held(D4, ActState.DONE, since=at(6)))
    view = VIEWS["handover"]
    for lang in ("zh", "en"):
        sheet = view.build(view.ask(board, lang, ()), TOWN)
        assert len(sheet["open"]) == len(due_in(board, TOWN))
        assert sheet["due"], "the dispute of tomorrow morning"
    span = span_of(board, "", "zh")
    assert (span.code, span.first, span.last) == ("day", at(8), at(20))
    events = happened(board, TOWN, span, "zh")
    assert [one.at for one in events] == sorted(one.at for one in events)
    assert all(at(8) <= one.at < at(20) for one in events)
    assert [one.what for one in events if one.kind == "act"] == ["工资报酬·D0001"], "06:00 was the night's"
    assert sum(one.kind == "lapse" for one in events) == 2
    night = span_of(board, "night", "zh")
    assert (night.first, night.last) == (at(-4), at(8))
    assert [one.what for one in happened(board, TOWN, night, "zh") if one.kind == "act"] == ["其他·D0004"]


def test_nothing_is_known_of_towns_beyond_reach() -> None:
    assert standing(board_with(held(D1, ActState.DONE)), "330421102") == {}
    assert PACK.town_by_code[TOWN].name == "姚庄镇"
    assert READING.town == TRACK.town == TOWN


def test_routine_does_not_crowd_out_what_the_next_shift_must_know() -> None:
    routine = [Happened(2 * n, "case", f"租房 R{n}", "新增，待查", "租房") for n in range(MOST_EVENTS)]
    fever = Happened(1, "fever", "东出口 个案 A-1", "37.9 ℃，待复测")
    told, left = on_sheet(sorted([*routine, fever], key=lambda one: one.at), "zh")
    assert (told, left) == ([fever, Happened(routine[-1].at, "case", "租房", f"新增，待查 {MOST_EVENTS} 件")], 0)
    acts = [Happened(n, "act", f"事项 {n}", "签收") for n in range(MOST_EVENTS + 5)]
    assert on_sheet(acts, "zh") == (acts[5:], 5), "acts are never summed up; the latest stay"
