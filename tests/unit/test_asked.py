"""A page's query: read from its address, checked against the board, narrowing rows, compared, never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.domain.day import day_of, day_start
from dashboard.domain.feed import Words
from dashboard.queries.asked import (
    BadParams,
    Choice,
    Filter,
    Narrowed,
    Params,
    ask,
    bar,
    canonical,
    past_text,
    said,
    shift_choices,
    town_choices,
    when_text,
)
from tests.town_board import DAY, NOW, SILENT_TOWN, TOWN, town_board

FILTERS = (
    Filter("town", Words("镇", "Town"), town_choices, lambda row: row[0]),
    Filter("shift", Words("班次", "Shift"), shift_choices, lambda row: row[1]),
    Filter(
        "kind",
        Words("类", "Kind"),
        lambda board, lang: [Choice("a", "甲"), Choice("b", "乙")],
        lambda row: row[2],
        form="segment",
        default=("a",),
    ),
)
ROWS = [
    (TOWN, "day", ("a",), "北门"),
    (TOWN, "night", ("a", "b"), "南门"),
    (SILENT_TOWN, "day", ("a",), "东门"),
    (SILENT_TOWN, "day", ("b",), "西门"),
]


class Moments:
    """Every other moment is the same board, marked by what was asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def as_of(self, at: int) -> Any:
        """As the reader's."""
        self.calls.append(("as_of", at))
        return town_board(now=at)

    def day(self, day: int) -> Any:
        """As the reader's."""
        self.calls.append(("day", day))
        return town_board(now=day_start(day) + 24 * 3_600_000 - 1)

    def same_time(self, day: int, now: int) -> Any:
        """As the reader's."""
        self.calls.append(("same_time", day))
        return town_board(now=day_start(day) + now - day_start(day_of(now)))


def asked(lang: str = "zh", /, moments: Moments | None = None, **params: str) -> Any:
    """The query of these parameters against the afternoon of ``town_board``."""
    return read(params, moments, lang)


def read(params: dict[str, str], moments: Moments | None = None, lang: str = "zh") -> Any:
    """The same of parameters whose names are no Python ones."""
    return ask(town_board(), lang, canonical(params), FILTERS, moments or Moments(), ("table",))


def test_parameters_are_sorted_emptied_and_bounded() -> None:
    expected: Params = (("a", "1"), ("b", "2"))
    assert canonical({"b": "2", "a": "1", "c": ""}) == expected
    with pytest.raises(BadParams):
        canonical({str(number): "x" for number in range(25)})
    with pytest.raises(BadParams):
        canonical({"q": "x" * 601})
    with pytest.raises(BadParams):
        canonical({"x" * 25: "1"})


def test_without_parameters_everything_passes_but_the_default() -> None:
    found = asked()
    assert found.chosen == {"kind": ("a",)}
    assert (found.changed, found.notices, found.when.live) == ((), (), True)
    assert found.board is found.live


def test_values_are_taken_in_the_order_of_the_choices_and_unknown_ones_are_said() -> None:
    found = asked(town=f"{SILENT_TOWN},nowhere,{TOWN}")
    assert found.chosen["town"] == (TOWN, SILENT_TOWN)
    assert found.notices == ("没有名为“nowhere”的镇，已忽略",)
    assert asked("en", town="nowhere").notices == ("Town “nowhere” is not known and was ignored",)
    assert "town" not in asked(town="nowhere").chosen


def test_an_unknown_key_is_said_and_a_declared_one_is_kept() -> None:
    found = asked(colour="red", table="gaps")
    assert found.notices == ("地址里的“colour”不认识，已忽略",)
    assert dict(found.more) == {"table": "gaps"}


def test_all_lifts_a_default() -> None:
    found = asked(kind="all")
    assert "kind" not in found.chosen
    assert found.changed == ("kind",)
    assert asked(kind="a").changed == ()


def test_rows_pass_every_filter_and_the_search() -> None:
    assert [row[3] for row in Narrowed(ROWS, asked()).rows] == ["北门", "南门", "东门"]
    assert [row[3] for row in Narrowed(ROWS, asked(town=TOWN)).rows] == ["北门", "南门"]
    assert [row[3] for row in Narrowed(ROWS, asked(q="南"), lambda row: row[3]).rows] == ["南门"]
    assert Narrowed(ROWS, asked(q="南 北"), lambda row: row[3]).rows == []


def test_a_choice_says_what_choosing_it_would_show() -> None:
    found = Narrowed(ROWS, asked(town=TOWN, kind="b"))
    assert [row[3] for row in found.rows] == ["南门"]
    # By town under kind b alone; by kind under the town alone.
    assert (found.counts["town"][TOWN], found.counts["town"][SILENT_TOWN]) == (1, 1)
    assert (found.counts["kind"]["a"], found.counts["kind"]["b"]) == (2, 1)
    for value, count in found.counts["town"].items():
        if value != "all":
            assert len(Narrowed(ROWS, asked(town=value, kind="b")).rows) == count
    assert [row[3] for row in found.but("town")] == ["南门", "西门"]


def test_rows_that_no_filter_tells_apart_are_narrowed_as_if_one_by_one() -> None:
    groups = [[(*row[:3], f"{row[3]}{n}") for n in range(3)] for row in ROWS[2:]]
    each = [row for group in groups for row in group]
    for query in (asked(), asked(town=TOWN), asked(kind="b"), asked(q="1"), asked(q="东", kind="a,b")):
        together = Narrowed(ROWS[:2], query, lambda row: row[3], groups)
        apart = Narrowed([*ROWS[:2], *each], query, lambda row: row[3])
        assert (together.rows, together.counts) == (apart.rows, apart.counts)
        assert together.but("kind") == apart.but("kind")


def test_the_bar_shows_zero_choices_and_counts_what_is_changed() -> None:
    query = asked(town=TOWN, shift="night", q="门")
    drawn = bar(query, Narrowed(ROWS, query, lambda row: row[3]), Words("搜", "Search"))
    town, shift, kind = drawn["filters"]
    assert [(choice["value"], choice["count"], choice["on"]) for choice in town["choices"]] == [
        (TOWN, 1, True),
        (SILENT_TOWN, 0, False),
    ]
    assert (town["value"], town["changed"]) == ("姚庄镇", True)
    assert shift["value"] == "夜班"
    assert [choice["text"] for choice in kind["choices"]] == ["甲", "乙", "全部"]
    assert (drawn["changed"], drawn["clear"]) == (3, "清除 3 项")
    assert bar(asked(), None)["clear"] == ""
    assert said(query) == [("镇", "姚庄镇"), ("班次", "夜班"), ("类", "甲"), ("搜索", "门")]


def test_a_past_day_is_another_board_and_not_live() -> None:
    moments = Moments()
    found = asked(moments=moments, day="2020-02-20")
    assert moments.calls == [("day", 20200220)]
    assert (found.when.kind, found.when.live, found.board.day, found.live.day) == ("day", False, 20200220, DAY)
    assert (when_text(found), past_text(found)) == ("2月20日", "这是 2月20日 全天，按现在所知，不是实况")
    assert bar(found, None)["changed"] == 1


def test_today_by_its_date_is_live() -> None:
    assert asked(day="2020-02-24").when.live


def test_as_of_is_an_instant_with_an_offset() -> None:
    moments = Moments()
    found = asked(moments=moments, as_of="2020-02-24T10:30:00+08:00")
    assert moments.calls == [("as_of", day_start(DAY) + 630 * 60_000)]
    assert past_text(found) == "这是 2月24日 10:30 当时所见，不是实况"
    # A plus that was not escaped arrives as a space.
    assert asked(as_of="2020-02-24T10:30:00 08:00").when.at == day_start(DAY) + 630 * 60_000


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"day": "yesterday"}, "day"),
        ({"day": "2020-02-25"}, "day"),
        ({"day": "1999-12-31"}, "day"),
        ({"as_of": "2020-02-24T10:30:00"}, "as_of"),
        ({"as_of": "2020-02-24T23:30:00+08:00"}, "as_of"),
        ({"from": "2020-02-23", "to": "2020-02-20"}, "from"),
        ({"from": "2020-01-01", "to": "2020-02-23"}, "from"),
        ({"from": "x"}, "from"),
        ({"from": "2020-02-20", "to": "2020-03-01"}, "to"),
    ],
)
def test_a_moment_that_cannot_be_is_said_and_now_is_shown(params: dict[str, str], name: str) -> None:
    found = read(params)
    assert found.when.live
    assert len(found.notices) == 1
    assert found.notices[0].startswith(f"{name} 是“")
    assert "显示的是现在" in found.notices[0]
    assert found.board.now == NOW


def test_a_span_has_the_boards_of_its_days_oldest_first() -> None:
    moments = Moments()
    found = read({"from": "2020-02-22", "to": "2020-02-24"}, moments)
    assert [board.day for board in found.boards] == [20200222, 20200223, 20200224]
    assert found.boards[-1] is found.live
    assert moments.calls == [("day", 20200222), ("day", 20200223)]
    assert when_text(found) == "2月22日–2月24日"


def test_a_comparison_names_a_town_or_a_day_at_the_same_time() -> None:
    moments = Moments()
    found = asked(moments=moments, vs="2020-02-23")
    assert moments.calls == [("same_time", 20200223)]
    assert found.other is not None
    assert found.other.now == NOW - 24 * 3_600_000
    town = asked(vs=f"town:{SILENT_TOWN}")
    assert town.versus is not None
    assert town.versus.town == SILENT_TOWN
    past = Moments()
    asked(moments=past, day="2020-02-20", vs="2020-02-19")
    # A whole day is compared with a whole day.
    assert past.calls == [("day", 20200220), ("day", 20200219)]
    wrong = asked(vs="town:elsewhere")
    assert wrong.versus is None
    assert wrong.notices == ("vs 是“town:elsewhere”，应为 town:镇代码 或日期，已忽略",)


def test_where_the_past_cannot_be_read_the_page_says_so() -> None:
    found = ask(town_board(), "zh", (("day", "2020-02-20"),), FILTERS, None)
    assert found.when.live
    assert found.notices == ("这里不能查看过去的时间，显示的是现在",)
