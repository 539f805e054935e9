"""One cause through time: raised once, taken, worse, better, over, back again, told in order (Hypothesis)."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.alerts.conditions import Found
from dashboard.alerts.machine import Handling, advance
from dashboard.domain.day import MINUTE
from dashboard.domain.feed import AlertRule, OnFigure, Words
from dashboard.queries.alerting.life import Alert, State, Step, What
from dashboard.queries.alerting.rules import REOPEN_MS, Rule, within

NOW = 1_582_000_000_000


def rule(**changes: object) -> Rule:
    declared = AlertRule(name="low", words=Words("低", "Low"), condition=OnFigure("patrol_coverage", "below"))
    made = Rule(
        key="patrol.low", feed="patrol", declared=declared, limit=75, clear=80, urgent=None, for_ms=0,
        hold_ms=2 * MINUTE, repeat_ms=60 * MINUTE, escalate=((15 * MINUTE, "chief"), (60 * MINUTE, "leader")),
        hours=None, quiet=None,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def found(value: float = 70, severity: str = "watch", **changes: object) -> Found:
    made = Found(cause="patrol.low|1", rule="patrol.low", town="1", severity=severity, value=value)  # type: ignore[arg-type]
    return msgspec.structs.replace(made, **changes)


class Life:
    """A cause that is looked at again and again."""

    def __init__(self, under: Rule) -> None:
        self.rule, self.now, self.held = under, NOW, None
        self.steps: list[Step] = []
        self.shown: list[Alert] = []

    held: Alert | None

    def look(self, one: Found | None, minutes: float = 0, **how: object) -> Alert | None:
        self.now += round(minutes * MINUTE)
        moved, made = advance(self.held, one, self.rule, self.now, **how)  # type: ignore[arg-type]
        self.steps += made
        if moved is not None:
            self.shown.append(moved)
        # As the engine does: a cause that is free again is held no more, and what is told is told.
        self.held = moved if moved is not None and moved.live else None
        if self.held is not None and self.held.untold:
            self.held = msgspec.structs.replace(self.held, untold="", told_at=self.now)
        return moved

    def made(self) -> list[str]:
        return [str(step.what) for step in self.steps]


def test_it_is_raised_when_the_condition_has_held_long_enough_and_never_for_a_blip() -> None:
    life = Life(rule(for_ms=10 * MINUTE))
    assert life.look(found()).state == State.PENDING  # type: ignore[union-attr]
    assert life.look(None, 5) is None
    life.look(found(), 1)
    life.look(found(), 9)
    assert life.made() == []
    assert life.look(found(), 1).state == State.OPEN  # type: ignore[union-attr]
    assert life.made() == ["raised"]


def test_it_is_over_after_it_has_been_gone_and_the_same_alert_comes_back_within_half_an_hour() -> None:
    life = Life(rule())
    first = life.look(found())
    life.look(None, 1)
    life.look(found(), 0.5)
    assert life.made() == ["raised"], "a gap shorter than the hold is no end"
    life.look(None, 1)
    over = life.look(None, 2)
    assert over is not None
    assert over.state == State.RESOLVED
    assert over.resolution == "cleared"
    again = life.look(found(), 10)
    assert again is not None
    assert first is not None
    assert again.id == first.id
    assert again.times == 1
    assert life.made() == ["raised", "cleared", "reopened"]
    life.look(None, 1)
    life.look(None, 2)
    life.look(None, 31)
    assert life.held is None
    fresh = life.look(found(), 1)
    assert fresh is not None
    assert fresh.id != first.id


def test_blindness_neither_raises_nor_clears() -> None:
    life = Life(rule())
    life.look(found())
    life.look(None, 60, blind=True, quiet=True)
    assert life.held is not None
    assert life.held.state == State.OPEN
    assert life.held.gone_at is None


def test_nobody_takes_it_so_the_chief_is_told_then_the_leader_each_once_and_in_order() -> None:
    life = Life(rule())
    life.look(found())
    life.look(found(), 14)
    assert life.made() == ["raised"]
    life.look(found(), 200)
    roles = [step.detail["role"] for step in life.steps if step.what == What.ESCALATED]
    assert roles == ["chief", "leader"]
    life.look(found(), 59)
    life.look(found(), 1)
    assert life.made() == ["raised", "escalated", "escalated", "repeated"]


def test_whoever_takes_it_stops_the_escalation_and_taking_it_back_starts_it_again() -> None:
    life = Life(rule())
    life.look(found())
    taken = Handling("acknowledged", "P-1", life.now + 1, by="P-1")
    held = life.look(found(), 1, handling=taken)
    assert held is not None
    assert (held.state, held.by) == (State.ACKNOWLEDGED, "P-1")
    life.look(found(), 300, handling=taken)
    assert life.made() == ["raised", "acknowledged"]
    given_away = Handling("assigned", "P-2", life.now, by="P-1")
    assert life.look(found(), 1, handling=given_away).owner == "P-2"  # type: ignore[union-attr]
    assert life.look(found(), 1).state == State.OPEN  # type: ignore[union-attr]
    assert life.made()[-1] == "escalated", "the clock of the escalation has run on"


def test_done_by_a_person_stays_done_while_it_only_goes_on_and_counts_again_when_more_happens() -> None:
    life = Life(rule())
    life.look(found(2, counted=True))
    done = Handling("done", "", life.now, by="P-1")
    assert life.look(found(2, counted=True), 1, handling=done).resolution == "resolved"  # type: ignore[union-attr]
    life.look(found(2, counted=True), 600, handling=done)
    assert life.made() == ["raised", "resolved"]
    more = life.look(found(3, counted=True), 1, handling=done)
    assert more is not None
    assert more.state == State.OPEN
    assert life.made()[-1] == "reopened"
    life.look(found(3, counted=True), 1, handling=done)
    assert life.held is not None
    assert life.held.state == State.OPEN, "what was done before it came back counts no more"


def test_postponed_it_is_quiet_until_then_and_waits_for_somebody_again() -> None:
    life = Life(rule())
    life.look(found())
    later = Handling("postponed", "", life.now, until=life.now + 120 * MINUTE, by="P-1")
    life.look(found(), 1, handling=later)
    life.look(found(), 100, handling=later)
    assert life.made() == ["raised", "postponed"]
    assert life.look(found(), 20, handling=later).state == State.OPEN  # type: ignore[union-attr]


def test_a_wider_cause_takes_it_in_and_what_swings_is_told_once() -> None:
    life = Life(rule())
    life.look(found())
    assert life.look(found(), 1, covered=True).resolution == "merged"  # type: ignore[union-attr]
    other = Life(rule())
    other.look(found())
    for severity in ("alert", "watch", "alert", "watch", "alert"):
        before = other.held
        moved = other.look(found(severity=severity), 1)
        assert moved is not None
        assert before is not None
    assert other.made() == ["raised", "worse", "better", "worse", "better", "worse"]
    told = [one for one in other.shown if one.untold == "worse"]
    assert len(told) == 1


def test_hours_may_run_past_midnight() -> None:
    assert within((22, 7), 23)
    assert within((22, 7), 6.9)
    assert not within((22, 7), 7)
    assert within((8, 20), 8)
    assert not within((8, 20), 20)


looks = st.lists(
    st.tuples(
        st.sampled_from(["on", "on", "off", "blind", "covered", "urgent"]),
        st.floats(0.1, 90),
        st.sampled_from(["", "", "acknowledged", "assigned", "done", "postponed"]),
    ),
    max_size=40,
)


@given(looks=looks, for_min=st.sampled_from([0, 5]))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_a_cause_has_one_alert_and_its_life_makes_sense(
    looks: list[tuple[str, float, str]], for_min: int
) -> None:
    life = Life(rule(for_ms=for_min * MINUTE))
    handling: Handling | None = None
    gone_for = 0.0
    for kind, minutes, act in looks:
        before = life.held
        if act:
            handling = Handling(act, "P-2", life.now + 1, until=life.now + 30 * MINUTE, by="P-1")
        one = None if kind in ("off", "blind") else found(severity="alert" if kind == "urgent" else "watch")
        made = len(life.steps)
        moved = life.look(one, minutes, blind=kind == "blind", covered=kind == "covered", handling=handling)
        # The same look once more, as after a crash before the commit, leads to the same.
        after, steps, now = life.held, life.steps[made:], life.now
        life.held, life.now = before, now
        again, repeated = advance(
            before, one, life.rule, now, blind=kind == "blind", covered=kind == "covered", handling=handling
        )
        assert again == moved
        assert repeated == steps
        life.held = after
        if before is not None and moved is not None:
            assert moved.id == before.id, "never a second alert while one holds the cause"
        if kind == "off":
            gone_for += minutes
        else:
            gone_for = 0
        if moved is not None and moved.active and kind == "off":
            assert gone_for * MINUTE < life.rule.hold_ms + 90 * MINUTE
        if moved is not None and not moved.live:
            assert moved.state == State.RESOLVED
    by_alert: dict[str, list[Step]] = {}
    for step in life.steps:
        by_alert.setdefault(step.alert, []).append(step)
    for own in by_alert.values():
        assert [step.n for step in own] == list(range(1, len(own) + 1))
        assert own[0].what == What.RAISED
        assert [step.what for step in own].count(What.RAISED) == 1
        assert [step.at for step in own] == sorted(step.at for step in own)
        level = 0
        open_ = False
        for step in own:
            if step.what in (What.RAISED, What.REOPENED):
                assert not open_
                open_, level = True, 0
            elif step.what in (What.CLEARED, What.MERGED, What.RESOLVED):
                assert open_
                open_ = False
            elif step.what == What.RETURNED:
                level = 0
            elif step.what == What.ESCALATED:
                assert open_
                level += 1
                assert step.detail["role"] == ("chief", "leader")[level - 1] if level <= 2 else True
    assert REOPEN_MS > 0
