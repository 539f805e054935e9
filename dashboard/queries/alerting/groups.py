"""Alerts as people look at them: those of one rule in one town together, the most urgent first. Pure over a board."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from dashboard.domain.day import HOUR
from dashboard.queries.alerting.life import Alert, State
from dashboard.queries.alerting.rules import Severity
from dashboard.queries.attention import Attention, Kind, Level

if TYPE_CHECKING:
    from dashboard.queries.board import Board

ALL = "all"
DONE_MS = 2 * HOUR
LEVELS = {"alert": Level.ALERT, "watch": Level.WATCH}
_STATES = {State.OPEN: 0, State.ASSIGNED: 1, State.ACKNOWLEDGED: 2, State.RESOLVED: 3}


class Group(msgspec.Struct, frozen=True):
    """Alerts of one rule in one town; ``first`` is the one that stands for them."""

    key: str
    rule: str
    town: str
    alerts: tuple[Alert, ...]

    @property
    def first(self) -> Alert:
        """The most urgent of them, nobody has taken before taken, then the newest."""
        return self.alerts[0]

    @property
    def severity(self) -> Severity:
        """The most urgent one's."""
        return self.first.severity

    @property
    def open(self) -> int:
        """How many nobody has taken."""
        return sum(1 for one in self.alerts if one.state == State.OPEN)

    @property
    def active(self) -> bool:
        """Whether any of them is not over."""
        return any(one.active for one in self.alerts)


def urgency(one: Alert) -> tuple[int, int, int, int, str]:
    """Order of a list: what is not over first, then severity, then what nobody has taken, then the newest."""
    return (not one.active, one.severity != "alert", _STATES.get(one.state, 4), -one.begun_at, one.id)


def seen(board: Board, found: Iterable[Alert]) -> list[Alert]:
    """The alerts that the board's viewer may see: of its towns, and what concerns the whole region."""
    towns, feeds = {*board.towns, ALL}, {feed.name for feed in board.feeds}
    return [one for one in found if one.town in towns and one.feed in feeds]


def grouped(found: Sequence[Alert]) -> list[Group]:
    """Groups in the order of urgency. What is over stands apart from what is not."""
    parts: dict[tuple[str, str, bool], list[Alert]] = {}
    for one in sorted(found, key=urgency):
        parts.setdefault((one.rule, one.town, one.active), []).append(one)
    return [
        Group(f"{rule}|{town}{'' if active else '|over'}", rule, town, tuple(own))
        for (rule, town, active), own in parts.items()
    ]


def current(board: Board) -> list[Alert] | None:
    """The alerts of now that the viewer may see; ``None`` where the board has none to ask."""
    return seen(board, board.alerts.current()) if board.alerts is not None else None


def entries(board: Board) -> tuple[Attention, ...] | None:
    """Groups that are not over as the wall's list and map take them, numbered from 1; ``None`` without alerts.

    Turns between the kinds, so that many of one leave room for the others; fevers come before all.
    """
    found = current(board)
    if found is None:
        return None
    groups = grouped([one for one in found if one.active])
    turns: dict[tuple[str, str], int] = {}
    placed: list[tuple[int, int, int, Group]] = []
    for at, group in enumerate(groups):
        turn = 0 if group.rule.endswith(".fever") else 1 + turns.get((group.severity, group.rule), 0)
        turns[group.severity, group.rule] = turns.get((group.severity, group.rule), 0) + 1
        placed.append((group.severity != "alert", turn, at, group))
    placed.sort(key=lambda one: one[:3])
    return tuple(
        Attention(
            kind=Kind.RAISED,
            level=Level.STALE if group.rule.endswith(".feed") else LEVELS[group.severity],
            feed=group.first.feed,
            since=group.first.begun_at,
            number=number,
            town=None if group.town == ALL else group.town,
            place=group.first.place or None,
            count=len(group.alerts),
            case=group.key,
            state=str(group.first.state),
            raised=group.first,
            open=group.open,
        )
        for number, (*_, group) in enumerate(placed, start=1)
    )


def over(board: Board) -> list[Alert]:
    """Alerts that ended lately (while their cause is still held) and were not taken in by another, the latest first."""
    found = [
        one
        for one in current(board) or []
        if one.resolved_at is not None and one.resolution != "merged" and board.now - one.resolved_at < DONE_MS
    ]
    return sorted(found, key=lambda one: -(one.resolved_at or 0))


def urgent_ids(board: Board, most: int = 50) -> list[str]:
    """Ids of the newest urgent alerts that nobody has taken: what a wall may sound for."""
    found = [one for one in current(board) or [] if one.state == State.OPEN and one.severity == "alert"]
    return [one.id for one in sorted(found, key=lambda one: -one.begun_at)[:most]]


__all__ = ["ALL", "Group", "current", "entries", "grouped", "over", "seen", "urgency", "urgent_ids"]
