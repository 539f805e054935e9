"""Checks owed on a case whose clock runs: one in each declared window of the local day. Pure; times are ms UTC."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from dashboard.domain.day import MINUTE
from dashboard.domain.feed import ClockSpec
from dashboard.domain.summary import CaseNow


class CheckState(StrEnum):
    """Whether a check was made in its window."""

    OPEN = "open"
    DONE = "done"
    MISSED = "missed"


class Check(msgspec.Struct, frozen=True):
    """One check that is owed: its window, and when it was made."""

    nth: int
    """1 for the first window of the day."""
    start: int
    end: int
    state: CheckState
    at: int | None = None


def owed(case: CaseNow, clock: ClockSpec, day_from: int, now: int) -> list[Check]:
    """Today's checks of a case whose window has begun by ``now``; the day begins at ``day_from``.

    A check is owed in a window that begins once the clock runs and before the case has left the clock's stage; a
    window that the leaving cuts short is owed no more unless it was met.
    """
    return list(_owed(case, clock, day_from, now))


def _owed(case: CaseNow, clock: ClockSpec, day_from: int, now: int) -> Iterable[Check]:
    if case.began is None:
        return
    left = case.since if case.stage != clock.stage else None
    for nth, (first, last) in enumerate(clock.windows, start=1):
        start, end = day_from + first * MINUTE, day_from + last * MINUTE
        if start > now or start < case.began or (left is not None and left <= start):
            continue
        made = next((at for at in case.checks if start <= at < end and at <= now), None)
        if made is not None:
            yield Check(nth, start, end, CheckState.DONE, made)
        elif left is not None and left < end:
            continue
        else:
            yield Check(nth, start, end, CheckState.OPEN if now < end else CheckState.MISSED)


__all__ = ["Check", "CheckState", "owed"]
