"""What becomes of one cause as time goes on: pending, raised, taken, worse, better, over, back again. Pure.

``advance`` is called with what is held of a cause and what was seen of it, and returns what is to be held and the steps
that were made. It is the same for the same input whenever it is called, so an engine that dies and starts again goes on
where the last transaction ended. Times are ms since 1970 UTC of the world's clock.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from dashboard.alerts.conditions import Found
from dashboard.queries.alerting.life import Alert, State, Step, What
from dashboard.queries.alerting.rules import REOPEN_MS, Rule


class Handling(msgspec.Struct, frozen=True):
    """What people have done about it (``dashboard.queries.standing``)."""

    state: str
    owner: str
    since: int
    until: int | None = None
    by: str = ""


_WEIGHT = {"": 0, "resolved": 1, "repeated": 2, "reopened": 3, "worse": 4, "escalated": 5, "raised": 6}


def advance(
    held: Alert | None,
    found: Found | None,
    rule: Rule | None,
    now: int,
    *,
    blind: bool = False,
    covered: bool = False,
    handling: Handling | None = None,
    quiet: bool = False,
) -> tuple[Alert | None, list[Step]]:
    """The next state of a cause. ``rule`` ``None``: it is not in force any more.

    ``blind``: nothing can be said of the condition now, so it neither holds on nor is over. ``covered``: a wider cause
    that is raised has it in.
    """
    if held is None:
        if found is None or rule is None or covered:
            return None, []
        return _pend(found, rule, now)
    life = _Life(held, now)
    if held.state == State.PENDING:
        if rule is None or covered or (found is None and not blind):
            return None, []
        if found is not None:
            life.see(found, rule)
            if now - held.pending_at >= rule.for_ms:
                life.raise_()
        return life.end()
    life.condition(found, rule, blind, covered)
    if life.alert.active:
        life.people(handling)
    if life.alert.active and rule is not None:
        life.press(rule, quiet)
    return life.end()


def _pend(found: Found, rule: Rule, now: int) -> tuple[Alert, list[Step]]:
    name = blake2b(f"{found.cause}@{now}".encode(), digest_size=8).hexdigest()
    life = _Life(
        Alert(
            id=name,
            cause=found.cause,
            rule=rule.key,
            feed=rule.feed,
            town=found.town,
            severity=found.severity,
            peak=found.severity,
            state=State.PENDING,
            owner=found.owner,
            pending_at=now,
            begun_at=now,
            changed_at=now,
        ),
        now,
    )
    life.see(found, rule)
    if rule.for_ms <= 0:
        life.raise_()
    done, steps = life.end()
    assert done is not None  # noqa: S101 - a new alert is always held
    return done, steps


class _Life:
    def __init__(self, alert: Alert, now: int) -> None:
        self.alert, self.now, self.made = alert, now, list[Step]()

    def end(self) -> tuple[Alert | None, list[Step]]:
        return self.alert, self.made

    def set(self, **changes: Any) -> None:
        if any(getattr(self.alert, name) != value for name, value in changes.items()):
            self.alert = msgspec.structs.replace(self.alert, **changes)

    def step(self, what: What, who: str = "", tell: str = "", **detail: Any) -> None:
        number = self.alert.steps + 1
        untold = tell if _WEIGHT[tell] > _WEIGHT[self.alert.untold] else self.alert.untold
        self.set(steps=number, changed_at=self.now, untold=untold)
        self.made.append(Step(self.alert.id, number, self.now, what, who, detail))

    def see(self, found: Found, rule: Rule) -> None:
        """Take over what is seen now; how urgent it is only rises here while it is pending."""
        alert = self.alert
        self.set(
            town=found.town,
            place=found.place,
            case=found.case,
            value=alert.value if found.aging and alert.state != State.PENDING else found.value,
            limit=rule.limit,
            since=found.since,
            facts=found.facts,
        )
        if self.alert.state == State.PENDING:
            self.set(severity=found.severity, peak=found.severity)

    def raise_(self) -> None:
        self.set(state=State.OPEN, raised_at=self.now, begun_at=self.now)
        self.step(What.RAISED, tell="raised", value=self.alert.value, severity=self.alert.severity)

    def over(self, what: What, who: str = "") -> None:
        told = "resolved" if self.alert.told_at is not None else ""
        # Nobody needs to hear of something that came and went before anybody was told.
        if not told:
            self.set(untold="")
        self.set(state=State.RESOLVED, resolved_at=self.now, resolution=str(what), snoozed=None)
        self.step(what, who, tell=told, value=self.alert.value)

    def again(self, found: Found, rule: Rule) -> None:
        self.set(
            state=State.OPEN, begun_at=self.now, resolved_at=None, resolution="", gone_at=None, level=0, handled="",
            role="officer", by="", owner=found.owner, times=self.alert.times + 1, snoozed=None, untold="",
        )  # fmt: skip
        self.see(found, rule)
        self.set(severity=found.severity, peak=found.severity)
        self.step(What.REOPENED, tell="reopened", value=found.value, severity=found.severity)

    def condition(self, found: Found | None, rule: Rule | None, blind: bool, covered: bool) -> None:
        alert = self.alert
        if rule is None:
            if alert.active:
                self.over(What.CLEARED, "rule")
            self.set(live=False)
        elif covered:
            if alert.active:
                self.over(What.MERGED)
            self.set(gone_at=self.now if alert.gone_at is None else alert.gone_at)
        elif found is not None:
            self._holds(found, rule)
        elif not blind:
            self._gone(rule)

    def _holds(self, found: Found, rule: Rule) -> None:
        alert = self.alert
        if alert.state == State.RESOLVED:
            news = found.counted and found.value is not None and found.value > (alert.value or 0)
            # What a person has called done stays done as long as it only goes on; what was over is back.
            if alert.gone_at is not None or news:
                self.again(found, rule)
            return
        if found.counted and found.value is not None and found.value > (alert.value or 0) and alert.state != State.OPEN:
            self.see(found, rule)
            self.step(What.WORSE, tell="worse", value=found.value)
        self.set(gone_at=None)
        self.see(found, rule)
        if found.severity == alert.severity:
            return
        self.set(severity=found.severity)
        if found.severity == "alert":
            # A value that swings around the limit is told once.
            self.step(What.WORSE, tell="worse" if alert.peak != "alert" else "", value=found.value)
            self.set(peak="alert")
        else:
            self.step(What.BETTER, value=found.value)

    def _gone(self, rule: Rule) -> None:
        alert = self.alert
        gone = self.now if alert.gone_at is None else alert.gone_at
        self.set(gone_at=gone)
        if alert.active:
            if self.now - gone >= rule.hold_ms:
                self.over(What.CLEARED)
        elif self.now - gone >= REOPEN_MS:
            self.set(live=False)

    def people(self, handling: Handling | None) -> None:
        """Follow what people have done about it since it began."""
        counts = handling is not None and handling.since >= self.alert.begun_at
        mark = f"{handling.state}@{handling.since}" if handling is not None and counts else ""
        if mark == self.alert.handled:
            return
        self.set(handled=mark)
        if handling is None or not counts or handling.state in ("open", "undo", ""):
            if self.alert.state != State.OPEN or self.alert.snoozed is not None:
                self.set(state=State.OPEN, by="", snoozed=None)
                self.step(What.RETURNED, handling.by if handling else "")
            return
        who = handling.by or handling.owner
        if handling.state == "acknowledged":
            self.set(state=State.ACKNOWLEDGED, by=who, owner=handling.owner or who, snoozed=None)
            self.step(What.ACKNOWLEDGED, who)
        elif handling.state == "assigned":
            self.set(state=State.ASSIGNED, by=who, owner=handling.owner, snoozed=None)
            self.step(What.ASSIGNED, who, to=handling.owner)
        elif handling.state == "postponed":
            self.set(state=State.ACKNOWLEDGED, by=who, owner=handling.owner or who, snoozed=handling.until)
            self.step(What.POSTPONED, who, until=handling.until)
        elif handling.state == "done":
            self.set(by=who)
            self.over(What.RESOLVED, who)

    def press(self, rule: Rule, quiet: bool) -> None:
        """Go on to the next role, and tell again, as long as nobody has taken it."""
        alert = self.alert
        if alert.snoozed is not None:
            if self.now < alert.snoozed:
                return
            self.set(state=State.OPEN, snoozed=None, by="", begun_at=self.now, level=0, role="officer")
            self.step(What.RETURNED, tell="repeated")
        if self.alert.state != State.OPEN or self.alert.gone_at is not None or quiet:
            return
        for level, (after, role) in enumerate(rule.escalate, start=1):
            if self.alert.level < level and self.now - self.alert.begun_at >= after:
                self.set(level=level, role=role)
                self.step(What.ESCALATED, tell="escalated", role=role)
        told = self.alert.told_at
        if not self.alert.untold and told is not None and self.now - told >= rule.repeat_ms:
            self.step(What.REPEATED, tell="repeated")


__all__ = ["Handling", "advance"]
