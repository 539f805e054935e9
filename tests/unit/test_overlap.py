"""Figures whose people overlap are never divided by one another: 343 served, 274 key persons (seed 003).

The declaration refuses it, the one place that divides refuses it, nothing else divides, and no page, API answer or
snapshot shows such a quotient.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.domain.feed import Feed, Kpi, Words
from dashboard.domain.figure import Figure, Parts
from dashboard.errors import Overlapping
from dashboard.feeds import FEEDS
from dashboard.queries.asked import canonical
from dashboard.queries.board import Board
from dashboard.queries.explain import explanation
from dashboard.queries.figures import figures_of
from dashboard.queries.views import VIEWS
from dashboard.snapshot.build import _cells
from tests.unit.test_case import ms
from tests.unit.test_catalogue_rules import event, region, summed

ROOT = Path(__file__).parents[2]
KEY, SERVED = "isolation_key", "isolation_served"
NOW = ms("18T12:00:00")
# Primes, so that a quotient of the two is met by no other pair of figures by chance.
KEYS, SERVEDS, BOTH = 31, 37, 19


def people() -> list[Any]:
    feed, found = FEEDS["isolation"], []
    for number in range(KEYS + SERVEDS - BOTH):
        key, served = number < KEYS, number >= KEYS - BOTH
        found.append(
            event(
                feed, number, ms("10T09:00:00") + number, f"A{number}", stage="started", site="home",
                group="key" if key else "family", served="yes" if served else "no", steward=f"G{number % 5}",
                enterprise=f"E{number % 7}",
            )
        )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def board() -> Board:
    return Board({"isolation": summed(FEEDS["isolation"], people(), NOW)}, NOW, 1, region(), LOCAL_VIEWER)


def test_the_two_figures_stand_side_by_side(board: Board) -> None:
    assert (board.figure(KEY).value, board.figure(SERVED).value) == (KEYS, SERVEDS)


def test_dividing_them_is_refused_both_ways(board: Board) -> None:
    one, other = board.figure(KEY), board.figure(SERVED)
    for over, under in ((one, other), (other, one)):
        with pytest.raises(Overlapping, match="重叠"):
            over.share_of(under)
    # What is a part of the other may be divided.
    isolating = board.figure("isolating")
    assert one.share_of(isolating) == Parts.ratio(KEYS, isolating.value)  # type: ignore[arg-type]


def test_no_feed_can_declare_their_quotient() -> None:
    feed = FEEDS["isolation"]
    words = Words("重点人员服务率", "Key persons served")
    quotient = Kpi(
        "bad", words, "ratio", lambda towns: Parts(), words, numerator=words, denominator=words, of=(KEY, SERVED)
    )
    with pytest.raises(ValueError, match="overlap"):
        msgspec.structs.replace(feed, kpis=(*feed.kpis, quotient))
    alone = tuple(msgspec.structs.replace(kpi, apart=()) if kpi.key == SERVED else kpi for kpi in feed.kpis)
    with pytest.raises(ValueError, match="both"):
        msgspec.structs.replace(feed, kpis=alone)


def test_their_help_says_so(board: Board) -> None:
    feed = FEEDS["isolation"]
    kpi = cast(Kpi, feed.kpi(KEY))
    rows = explanation(board.figure(KEY), feed, kpi, board, "zh")["rows"]
    assert any("重叠" in row["head"] and "服务对象" in row["text"] for row in rows)


def _shares(found: Any) -> list[float]:
    """Every number of a document."""
    if isinstance(found, dict):
        return [number for value in found.values() for number in _shares(value)]
    if isinstance(found, list | tuple):
        return [number for value in found for number in _shares(value)]
    return [float(found)] if isinstance(found, int | float) and not isinstance(found, bool) else []


def test_no_page_api_answer_or_snapshot_shows_it(board: Board) -> None:
    forbidden = [KEYS / SERVEDS, SERVEDS / KEYS]
    told: list[Any] = []
    for name in ("feed-isolation", "wall", "wall_more"):
        view = VIEWS[name]
        scope = "all"
        if view.filters is None:
            told.append(view.build(board, scope, "zh"))
        else:
            asked = view.ask(board, "zh", canonical({}))
            told.append(view.build(asked, scope))
            assert view.tables is not None
            told += [[list(row) for row in table.rows] for table in view.tables(asked, scope)]
    told += [msgspec.to_builtins(one) for one in board.figures(breakdowns=True)]
    told += [msgspec.to_builtins(one) for one in _cells(board, board, None, cast(Any, None), board.day)]
    numbers = _shares(json.loads(msgspec.json.encode(told)))
    assert len(numbers) > 200
    for quotient in forbidden:
        assert not any(abs(number - scale * quotient) < 1e-6 for number in numbers for scale in (1, 100))
    pairs = {(one.numerator, one.denominator) for one in board.figures(breakdowns=True) if one.unit == "ratio"}
    assert not pairs & {(KEYS, SERVEDS), (SERVEDS, KEYS)}


ALLOWED = {
    # The same figure at two moments.
    ("dashboard/queries/views/wall.py", "before.value"),
}


def test_nothing_else_divides_figures() -> None:
    """In every room that reads figures: no ``/`` with a figure's value, numerator or denominator on either side."""
    found = []
    for room in (
        "dashboard/queries",
        "dashboard/snapshot",
        "dashboard/api",
        "dashboard/alerts",
        "layouts",
        "callbacks",
    ):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv):
                    left, right = ast.unparse(node.left), ast.unparse(node.right)
                    # A number that is written out is a unit; two values of one list of points are a chart's heights.
                    if isinstance(node.right, ast.Constant | ast.JoinedStr) or right in ("HOUR", "most", "whole"):
                        continue
                    if _is_figure(node.right):
                        found.append((str(file.relative_to(ROOT)), left, right))
    assert {(file, right) for file, _, right in found} <= ALLOWED, found


def _is_figure(node: ast.expr) -> bool:
    names = ("value", "numerator", "denominator", "number")
    return any(isinstance(part, ast.Attribute) and part.attr in names for part in ast.walk(node))


def test_a_figure_carries_what_it_is_apart_from() -> None:
    feed: Feed = FEEDS["isolation"]
    found = summed(feed, people(), NOW)
    figure: Figure = figures_of(feed, cast(Kpi, feed.kpi(KEY)), found, "all", NOW)[0]
    assert figure.apart == (SERVED,)
