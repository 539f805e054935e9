"""What was given to somebody since the last snapshot, and how far it is. Counts by town and feed; nobody is named."""

from __future__ import annotations

from collections import Counter

from dashboard.domain.day import HOUR
from dashboard.domain.summary import ActionSummary, ActState, Standing
from dashboard.feeds import FEEDS
from dashboard.queries.board import Board
from dashboard.queries.duties import Group, due_in
from dashboard.queries.standing import FEED
from dashboard.snapshot.brief import Order

GIVEN = ("assign", "handover")
MOST = 4
_LATE = (Group.BURNING, Group.OVERDUE)


def orders_of(now: Board) -> tuple[Order, ...]:
    """Work given out in the last 24 hours, or earlier and still open: the towns with the most left come first.

    A thing is closed when somebody said that it is done, or when the records themselves no longer owe it.
    """
    found: dict[tuple[str, str], Counter[str]] = {}
    summaries = now.summaries(FEED)
    for town in now.towns:
        summary = summaries.get(town)
        items = summary.items if isinstance(summary, ActionSummary) else ()
        duties = {duty.item: duty for duty in due_in(now, town)} if items else {}
        for one in items:
            kind, feed = _about(one.item)
            duty = duties.get(one.item)
            closed = one.state == ActState.DONE or (kind != "alert" and duty is None)
            if not _given(one, now.now, closed):
                continue
            counts = found.setdefault((town, feed), Counter())
            counts["given"] += 1
            counts["closed"] += closed
            counts["late"] += not closed and duty is not None and (duty.own or duty.group) in _LATE
    rows = [Order(town, feed, many["given"], many["closed"], many["late"]) for (town, feed), many in found.items()]
    return tuple(sorted(rows, key=lambda row: (row.closed - row.given, -row.late, row.town, row.feed))[:MOST])


def _given(one: Standing, now: int, closed: bool) -> bool:
    at = max((act.at for act in one.history if act.verb in GIVEN), default=None)
    return at is not None and (at > now - 24 * HOUR or not closed)


def _about(item: str) -> tuple[str, str]:
    """What kind of item it is, and the feed that it is about; an alert is about none."""
    kind, _, rest = item.partition(":")
    feed = rest.partition(":")[0]
    return kind, feed if feed in FEEDS else ""


__all__ = ["orders_of"]
