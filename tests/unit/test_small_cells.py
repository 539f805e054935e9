"""Fewer than three people in a breakdown are not told: on pages, in their help, in files and exports (EXACTNESS 20).

The engine's side of it (every KPI there is) is in ``tests/contract/test_feeds.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest

from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.archetypes import engine_of
from dashboard.domain.day import HOUR, day_of, day_start
from dashboard.domain.event import Event
from dashboard.domain.feed import Kpi
from dashboard.feeds import FEEDS
from dashboard.queries.asked import canonical
from dashboard.queries.board import Board
from dashboard.queries.explain import explanation, parts_text
from dashboard.queries.export import as_csv
from dashboard.queries.views import VIEWS
from dashboard.snapshot import analysts
from tests.unit.test_case import TOWN, ms
from tests.unit.test_catalogue_rules import event, region

NOW = ms("18T12:00:00")
AT = ms("18T09:00:00")
FEW = "< 3"


def summed(feed: str, events: Iterable[Event]) -> Any:
    engine = engine_of(FEEDS[feed])
    states: dict[str, Any] = {}
    for one in events:
        assert engine.fold(states.setdefault(one.subject, engine.new()), [one], region())
    bucket = engine.bucket(day_of(NOW))
    return engine.summarise(lambda day: states if day == bucket else {}, region(), NOW, None, ())


def isolated() -> Iterable[Event]:
    """Eight people: six at home, two elsewhere; tomorrow three go back to E1, one to E2; a steward has one of them."""
    for number in range(8):
        yield event(
            FEEDS["isolation"], number, ms("17T09:00:00") + number, f"A-{number}", stage="started",
            site="home" if number < 6 else "central", steward="S-2" if number == 7 else "S-1",
            enterprise="E1" if number < 3 else "E2", due=day_start(20200219) + 24 * HOUR if number < 4 else None,
        )  # fmt: skip


def called() -> Iterable[Event]:
    """Four who come to E1, two to E2, one of whom needs lodging."""
    for number in range(6):
        yield event(
            FEEDS["callback"], number, AT + number, f"H-{number}", stage="reached", willing="yes",
            enterprise="E1" if number < 4 else "E2", lodging="needs" if number == 5 else "has", question="wages",
        )  # fmt: skip


def firms() -> Iterable[Event]:
    for number, firm in enumerate(("E1", "E2")):
        yield event(
            FEEDS["enterprise"], number, AT + number, firm, stage="resumed", name=f"厂{number + 1}",
            staff_total=50, staff_returned=40,
        )  # fmt: skip


def measured() -> Iterable[Event]:
    """Ten readings with a code, one of them red and the only fever."""
    for number in range(10):
        yield event(
            FEEDS["temperature"], number, AT + number, f"{TOWN}-K01", celsius=36.5 if number else 38.4,
            health_code="green" if number else "red", outcome="pass" if number else "recheck",
        )  # fmt: skip


@pytest.fixture(scope="module")
def board() -> Board:
    told = {"isolation": isolated(), "callback": called(), "enterprise": firms(), "temperature": measured()}
    found = {feed: summed(feed, events) for feed, events in told.items()}
    return Board(found, NOW, 1, region(), LOCAL_VIEWER)


def page(board: Board, name: str, lang: str = "zh") -> dict[str, Any]:
    return VIEWS[name].build(VIEWS[name].ask(board, lang, canonical({})), "all")


def panel(board: Board, name: str, title: str) -> dict[str, list[str]]:
    (found,) = (one for one in page(board, name)["extras"] if one["name"] == title)
    return {row[0]: row[1:] for row in found["rows"]}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_bars_of_a_page_say_so_in_words(board: Board, lang: str) -> None:
    mixes = {mix["title"]: mix["bars"] for mix in page(board, "feed-isolation", lang)["mixes"]}
    home, central = mixes[FEEDS["isolation"].kpis[0].words.of(lang)]
    assert (home["text"], home["raw"]) == ("6", 6)
    assert (central["text"], central["raw"], central["share"]) == (FEW, None, 0)
    (total,) = (tile for tile in page(board, "feed-isolation", lang)["tiles"] if tile["kpi"] == "isolating")
    assert total["value"] == "8", "the whole is exact"


def test_who_is_back_tomorrow_and_whom_a_steward_has(board: Board) -> None:
    assert panel(board, "feed-isolation", "tomorrow") == {"厂1": ["3"], "厂2": [FEW]}
    stewards = panel(board, "feed-isolation", "stewards")
    assert stewards["S-1"] == ["7", "0", "0", "7"]
    # So many checks are owed a head: they would tell how few.
    assert stewards["S-2"] == [FEW, "0", "0", "—"]


def test_the_labour_table_leaves_no_difference_that_tells(board: Board) -> None:
    labour = panel(board, "feed-callback", "labour")
    assert labour["厂1"] == ["50", "40", "10", "4", "0", "0", "6"]
    assert labour["厂2"] == ["50", "40", "10", FEW, "0", FEW, "—"]


def test_files_have_an_empty_cell_and_numbers_stay_numbers(board: Board) -> None:
    for name, table in (("feed-isolation", "tomorrow"), ("feed-callback", "labour")):
        asked = VIEWS[name].ask(board, "zh", canonical({}))
        tables = VIEWS[name].tables
        assert tables is not None
        (found,) = (one for one in tables(asked, "all") if one.name == table)
        kinds = [column.kind for column in found.columns]
        assert kinds == ["text", *("count" for _ in kinds[1:])]
        rows = {row[0]: row[1:] for row in found.rows}
        assert rows["厂2"][-1] is None
        lines = as_csv(asked, name, found).decode("utf-8-sig").splitlines()
        assert next(line for line in lines if line.startswith("厂2")).endswith(",")


def test_health_codes_are_told_alike_by_tile_and_help_and_the_first_fever_is_told(board: Board) -> None:
    tiles = {tile["kpi"]: tile for tile in page(board, "checkpoints")["tiles"]}
    assert tiles["health_code_mix"]["note"] == f"红码 {FEW}"
    assert tiles["fever_count"]["value"] == "1"
    feed, figure = FEEDS["temperature"], board.figure("health_code_mix")
    kpi = cast(Kpi, feed.kpi("health_code_mix"))
    for text in (parts_text(figure, kpi, board, "zh"), str(explanation(figure, feed, kpi, board, "zh")["rows"])):
        assert f"绿码 9 · 黄码 0 · 红码 {FEW}" in text.replace("·", " · ").replace("  ", " ")
    assert (figure.value, figure.numerator, figure.denominator) == (0.9, 9, 10)
    assert board.figure("fever_count").value == 1


def test_the_analysts_export_has_no_number_and_says_why(board: Board) -> None:
    names = list(analysts.COLUMNS)
    rows = [dict(zip(names, row, strict=True)) for row in analysts._rows(board)]
    found = {row["dims"]: row for row in rows if row["kpi"] == "callbacks_returning" and row["town"] == "all"}
    assert (found[""]["value"], found["enterprise=E1"]["value"]) == (6, 4)
    few = found["enterprise=E2"]
    assert (few["value"], few["numerator"], few["denominator"], few["suppressed"]) == (None, None, None, True)
    assert not any(row["suppressed"] for row in rows if not row["dims"])


def test_the_order_of_rows_does_not_tell_which_of_two_small_cells_is_larger() -> None:
    isolation = FEEDS["isolation"]
    events = [
        event(isolation, number, AT + number, f"A-{number}", stage="started", steward=who)
        for number, who in enumerate(("S-1", "S-2", "S-2", "S-3", "S-3", "S-3"))
    ]
    told = Board({"isolation": summed("isolation", events)}, NOW, 1, region(), LOCAL_VIEWER)
    assert list(panel(told, "feed-isolation", "stewards")) == ["S-3", "S-1", "S-2"]
