"""Single cases before those who may not see them (``Permission.CASES``): figures, stages and ages stay, rows go.

One rule for pages, files and answers: whatever lists cases passes its rows through here, and says :func:`why` in their
place. Walls show none to anybody. ``tests/engine/test_without_cases.py`` asks every view, file and door.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from dashboard.domain.feed import Words
from dashboard.queries.duties import Duty, DutyKind

if TYPE_CHECKING:
    from dashboard.queries.board import Board

T = TypeVar("T")

WHY = Words(
    "按你的角色只看件数、环节和时长，单条记录由本镇的内勤、民警和所长看",
    "Your role sees counts, stages and ages; single records are for the town's clerks, officers and chief",
)
KINDS = frozenset({DutyKind.CASE, DutyKind.FEVER})
"""Duties that are somebody's case."""
ITEMS = ("case", "owed", "fever")
"""How the names of such items begin."""


def rows(board: Board, found: Sequence[T]) -> Sequence[T]:
    """Rows that are a case each: all of them, or none before those who may not see cases."""
    return found if board.viewer.details else ()


def empty(board: Board, lang: str, otherwise: str) -> str:
    """What stands where there are no rows."""
    return otherwise if board.viewer.details else WHY.of(lang)


def duties(board: Board, found: Iterable[Duty]) -> tuple[Duty, ...]:
    """Duties that may be listed: visits, rounds and silent checkpoints for everybody, cases for those who may see."""
    if board.viewer.details:
        return tuple(found)
    left = [one for one in found if one.kind not in KINDS]
    # Numbers stand in the list and on the map: without gaps, as if there were nothing else.
    return tuple(replace(one, number=at) if one.number else one for at, one in enumerate(left, start=1))


def unlisted(board: Board, found: Sequence[Duty], lang: str) -> str:
    """One sentence on the duties that :func:`duties` leaves out; empty when it leaves out none."""
    left = len(found) - len(duties(board, found))
    if not left:
        return ""
    return f"另有个案 {left} 件，不列单条" if lang != "en" else f"{left} more are single cases and not listed"


def item(board: Board, name: str) -> bool:
    """Whether an item may be named: the name of one about a case holds the case's number."""
    return board.viewer.details or name.partition(":")[0] not in ITEMS


__all__ = ["duties", "empty", "item", "rows", "unlisted"]
