"""An alert: one episode of one cause, the states it passes through and the steps of its life. Plain data.

Times are ms since 1970 UTC of the world's clock. A cause is one thing that is wrong, named so that it is the same at
every look.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from dashboard.queries.alerting.rules import Severity


class State(StrEnum):
    """Where an alert stands. ``pending`` is not shown: its condition has not held long enough."""

    PENDING = "pending"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"


class What(StrEnum):
    """A step in the life of an alert."""

    RAISED = "raised"
    WORSE = "worse"
    BETTER = "better"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    POSTPONED = "postponed"
    RETURNED = "returned"
    """Somebody gave it back, or took back that they had taken it."""
    ESCALATED = "escalated"
    REPEATED = "repeated"
    CLEARED = "cleared"
    MERGED = "merged"
    """A wider cause has taken it in."""
    RESOLVED = "resolved"
    """By a person."""
    REOPENED = "reopened"


ACTIVE = (State.OPEN, State.ACKNOWLEDGED, State.ASSIGNED)


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: one episode of one cause. ``cause`` is free for the next episode when ``live`` is false."""

    id: str
    cause: str
    live: bool = True
    rule: str
    feed: str
    town: str
    place: str = ""
    case: str = ""
    severity: Severity
    peak: Severity
    state: State
    owner: str = ""
    """Whose it is by rule, or to whom somebody gave it."""
    by: str = ""
    """Who took it last."""
    value: float | None = None
    limit: float = 0.0
    since: int | None = None
    """Since when the thing itself has been so."""
    pending_at: int
    begun_at: int
    """When it was raised, or opened again: actions before this count no more."""
    raised_at: int | None = None
    changed_at: int
    gone_at: int | None = None
    """Since when the condition has not held."""
    resolved_at: int | None = None
    resolution: str = ""
    """``cleared``, ``merged`` or ``resolved`` (by a person)."""
    level: int = 0
    """How often it has been escalated since it began."""
    handled: str = ""
    """The person's action that counts now, as ``state@since``."""
    snoozed: int | None = None
    times: int = 0
    """How often it was opened again."""
    told_at: int | None = None
    untold: str = ""
    """The weightiest step that nobody has been told of yet."""
    role: str = "officer"
    """The highest role that it has reached."""
    steps: int = 0
    facts: dict[str, Any] = {}

    @property
    def active(self) -> bool:
        """Raised and not over."""
        return self.state in ACTIVE

    @property
    def item(self) -> str:
        """What actions call it."""
        return f"alert:{self.id}"


class Step(msgspec.Struct, frozen=True):
    """One step of an alert's life; ``n`` counts from 1."""

    alert: str
    n: int
    at: int
    what: What
    who: str = ""
    detail: dict[str, Any] = {}


class Mark(msgspec.Struct, frozen=True):
    """A number that a condition compares with later: ``high`` and ``last`` of a local day."""

    day: int
    high: float
    last: float


__all__ = ["ACTIVE", "Alert", "Mark", "State", "Step", "What"]
