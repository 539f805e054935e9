"""The page of a replay: where it stands, and what it says of each of the report's figures."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from dashboard.domain.day import day_end, day_start, shift_day
from dashboard.domain.feed import Words
from dashboard.queries.asked import canonical
from dashboard.queries.export import as_csv
from dashboard.queries.replaying import Known, Replay, Row, Scenario
from dashboard.queries.views import VIEWS
from tests.board_sample import SampleBoard

SCENARIOS = (Scenario("one", Words("一", "One")), Scenario("two", Words("二", "Two")))


class Played(SampleBoard):
    """A board of a world that replays something, or nothing."""

    known = Known(SCENARIOS)

    @property
    def replay(self) -> Known:
        return self.known


def row(computed: float | None, met: bool = False, **changes: Any) -> Row:
    words = Words("已复工企业", "Resumed")
    made = Row(1, "enterprise_resumed", "all", {}, words, "resumed", 100, "exact", False, computed, met)
    return msgspec.structs.replace(made, **changes)


def replay(board: Played, *rows: Row, **changes: Any) -> None:
    """Make the board one of the middle of a period of five days."""
    first, last = shift_day(board.day, -2), shift_day(board.day, 2)
    made = Replay(
        scenario=SCENARIOS[0], report="001", first_day=first, last_day=last, start=day_start(board.day, board.zone),
        end=day_end(last, board.zone), speed=60.0, paused=False, target=None, plays=True, rows=rows,
        stated_feeds=frozenset({"enterprise"}), feeds=("enterprise", "patrol"),
    )  # fmt: skip
    board.known = Known(SCENARIOS, msgspec.structs.replace(made, **changes))


def shown(board: Played, lang: str = "zh") -> dict[str, Any]:
    return VIEWS["replay"].build(board, "all", lang)


def test_a_live_world_says_so_and_how_to_start_a_replay() -> None:
    told = shown(Played())
    assert told["live"]
    assert "没有回放" in told["headline"][0]["text"]
    assert [one["command"] for one in told["scenarios"]] == [f"./townwatch demo --scenario {n}" for n in ("one", "two")]


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (row(100, True), "met"),
        (row(99), "coming"),
        (row(None), "coming"),
        (row(101), "missed"),
        (row(12, qualifier="within", stated=10), "coming"),
    ],
)
def test_what_is_not_yet_reached_is_missed_only_at_the_end(one: Row, verdict: str) -> None:
    board = Played()
    replay(board, one)
    assert shown(board)["rows"][0]["verdict"] == verdict
    replay(board, one, end=board.now)
    assert shown(board)["rows"][0]["verdict"] == ("met" if one.met else "missed")


def test_the_bar_tells_what_was_loaded_what_was_played_and_what_is_to_come() -> None:
    board = Played()
    replay(board, row(99), target=board.now + 1, paused=False)
    told = shown(board)
    assert [day["phase"] for day in told["bar"]["days"]] == ["loaded", "loaded", "now", "coming", "coming"]
    assert 0.4 <= told["bar"]["start"] <= told["bar"]["now"] <= told["bar"]["target"] <= 0.6
    assert told["state"] == "jumping"
    assert [one["stated"] for one in told["feeds"]] == [True, False]
    replay(board, row(99), paused=True)
    assert (shown(board)["state"], shown(board)["headline"][0]["text"]) == ("paused", "已暂停")
    replay(board, row(99), plays=False)
    assert shown(board)["state"] == "stopped"


def test_the_table_is_a_file_with_real_numbers() -> None:
    board, view = Played(), VIEWS["replay"]
    asked = view.ask(board, "zh", canonical({}))
    assert view.tables is not None
    assert [list(table.rows) for table in view.tables(asked, "all")] == [[]], "a live world has none"
    replay(board, row(99.96, percent=True), row(None))
    (table,) = view.tables(asked, "all")
    heads = [column.title for column in table.columns]
    first, second = (dict(zip(heads, one, strict=True)) for one in table.rows)
    assert (first["报告的数"], first["现在"], first["单位"], first["结论"]) == (100, 99.96, "%", "未到")
    assert (second["现在"], second["结论"]) == (None, "还没有记录")
    head, *lines = as_csv(asked, "回放", table).decode("utf-8-sig").splitlines()[-3:]
    assert head.split(",") == heads
    assert [line.split(",")[4:6] for line in lines] == [["100", "100.0"], ["100", ""]]


def test_english_carries_no_chinese() -> None:
    board = Played()
    replay(board, row(99), row(100, True, qualifier="at least"), row(9, True, qualifier="within"))
    assert re.findall(r"[\u4e00-\u9fff]+", str(shown(board, "en"))) == []
