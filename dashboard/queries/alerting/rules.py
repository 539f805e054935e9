"""The rules of alerts as they are in force: what the feeds declare, changed by what the region's pack says.

Minutes of the declaration are milliseconds here. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from dashboard.domain.day import HOUR, MINUTE, day_start
from dashboard.domain.feed import AlertRule, Condition, Feed
from dashboard.domain.place import RegionPack
from dashboard.feeds import FEEDS

Severity = Literal["alert", "watch"]
ROLES = ("officer", "chief", "leader")
"""Who is told: at once, and as long as nobody takes it, one after the other."""
REOPEN_MS = 30 * MINUTE
"""A cause that comes back within this time after it was over is the same alert, opened again."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One alert rule in force."""

    key: str
    feed: str
    declared: AlertRule
    limit: float
    clear: float | None
    urgent: float | None
    for_ms: int
    hold_ms: int
    repeat_ms: int
    escalate: tuple[tuple[int, str], ...]
    """(after so long without anybody, the role that is told), in this order."""
    hours: tuple[float, float] | None
    quiet: tuple[float, float] | None

    @property
    def condition(self) -> Condition:
        """What it looks at."""
        return self.declared.condition

    def severity(self, value: float | None) -> Severity:
        """How urgent a value is."""
        if self.declared.severity == "alert":
            return "alert"
        return "alert" if self.urgent is not None and value is not None and value >= self.urgent else "watch"

    def looks(self, now: int, zone: str, day: int) -> bool:
        """Whether the condition is looked at now."""
        return self.hours is None or within(self.hours, hour_of(now, zone, day))

    def is_quiet(self, severity: str, now: int, zone: str, day: int) -> bool:
        """Whether nobody is to be told now. What is urgent is never quiet."""
        return severity != "alert" and self.quiet is not None and within(self.quiet, hour_of(now, zone, day))


def hour_of(now: int, zone: str, day: int) -> float:
    """The local hour of the day, with its fraction."""
    return (now - day_start(day, zone)) / HOUR


def within(span: tuple[float, float], hour: float) -> bool:
    """Whether an hour lies in a span, which may run past midnight; equal ends mean never."""
    first, last = span
    return first <= hour < last if first <= last else hour >= first or hour < last


def rules_of(pack: RegionPack, feeds: Mapping[str, Feed] = FEEDS) -> dict[str, Rule]:
    """Key -> rule, in the order of declaration, those that are switched off left out."""
    found: dict[str, Rule] = {}
    for feed in feeds.values():
        for declared in feed.alerts:
            rule = _in_force(feed, declared, pack.thresholds)
            if rule is not None:
                found[rule.key] = rule
    return found


def _in_force(feed: Feed, declared: AlertRule, set_here: Mapping[str, float]) -> Rule | None:
    base = f"{feed.name}.alert.{declared.name}"

    def value(suffix: str, default: float | None) -> float | None:
        return set_here.get(base + suffix, default)

    def minutes(suffix: str, default: float) -> int:
        return round((value(suffix, default) or 0) * MINUTE)

    def span(suffix: str, default: tuple[float, float] | None) -> tuple[float, float] | None:
        first = value(f"{suffix}from", default[0] if default else None)
        last = value(f"{suffix}to", default[1] if default else None)
        return None if first is None or last is None or first == last else (first, last)

    if (value(".off", 0) or 0) >= 1:
        return None
    return Rule(
        key=declared.key(feed.name),
        feed=feed.name,
        declared=declared,
        limit=value("", declared.limit) or 0.0,
        clear=value(".clear", declared.clear),
        urgent=value(".urgent", declared.urgent),
        for_ms=minutes(".for", declared.for_min),
        hold_ms=round(declared.hold_min * MINUTE),
        repeat_ms=max(MINUTE, minutes(".repeat", declared.repeat_min)),
        escalate=(
            (minutes(".chief", declared.chief_min), "chief"),
            (minutes(".leader", declared.leader_min), "leader"),
        ),
        hours=span(".", declared.hours),
        quiet=span(".quiet_", declared.quiet),
    )


__all__ = ["REOPEN_MS", "ROLES", "Rule", "Severity", "hour_of", "rules_of", "within"]
