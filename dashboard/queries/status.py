"""The status of a figure: one of six words, from the limits its KPI declares and the freshness of its feed.

The order is deliberate: what nobody heard of is silent, what is old claims nothing, then the limits speak
(DESIGN-UI §2, §5). Colour is never decided here; a page gives each status its shape and colour.
"""

from __future__ import annotations

from enum import StrEnum

from dashboard.domain.feed import Kpi, Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.summary import FeverState


class Status(StrEnum):
    """What a figure asks of a person."""

    OK = "ok"
    WATCH = "watch"
    ALERT = "alert"
    STALE = "stale"
    SILENT = "silent"
    EMPTY = "empty"
    """The feed lives, but there is nothing to divide by or nothing was reported: “—” and no claim."""


WORDS: dict[Status, Words] = {
    Status.OK: Words("正常", "Normal"),
    Status.WATCH: Words("关注", "Watch"),
    Status.ALERT: Words("告警", "Alert"),
    Status.STALE: Words("滞后", "Stale"),
    Status.SILENT: Words("无数据", "No data"),
    Status.EMPTY: Words("未报", "Not reported"),
}

_WAITING = (FeverState.PENDING, FeverState.UNRESOLVED)
_FOLLOWED = (FeverState.CONFIRMED, FeverState.TRANSFERRED)


def status_of(figure: Figure, kpi: Kpi) -> Status:
    """The status of a figure. Limits compare the exact value, not the displayed one."""
    if figure.freshness == Freshness.SILENT:
        return Status.SILENT
    if figure.freshness == Freshness.STALE:
        return Status.STALE
    if figure.value is None:
        return Status.EMPTY
    return _softened(figure, judge(figure.value, kpi))


def judge(value: float, kpi: Kpi) -> Status:
    """A value against the declared limits alone."""
    if (kpi.alert_below is not None and value < kpi.alert_below) or (
        kpi.alert_above is not None and value > kpi.alert_above
    ):
        return Status.ALERT
    if (kpi.watch_below is not None and value < kpi.watch_below) or (
        kpi.watch_above is not None and value > kpi.watch_above
    ):
        return Status.WATCH
    return Status.OK


def _softened(figure: Figure, status: Status) -> Status:
    """An alert of which every case has been followed up needs no action now: watch it, or nothing once all cleared."""
    states = {state: figure.detail.get(str(state), 0) for state in FeverState}
    if status != Status.ALERT or not any(states.values()):
        return status
    if any(states[state] for state in _WAITING):
        return Status.ALERT
    return Status.WATCH if any(states[state] for state in _FOLLOWED) else Status.OK


def status_word(status: Status, lang: str) -> str:
    """The word of a status."""
    return WORDS[status].of(lang)
