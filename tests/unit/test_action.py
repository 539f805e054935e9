"""What staff do about items: the fold is independent of order, later wins, an undo takes back what it names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.archetypes import LIFE, engine_of
from dashboard.domain.day import DEFAULT_ZONE, HOUR, MINUTE, day_of
from dashboard.domain.event import Event
from dashboard.domain.place import RegionPack, Town
from dashboard.domain.summary import ActionSummary, ActState, Standing
from dashboard.feeds import FEEDS, STREAMS

A, B = "330421111", "330421103"
NOW = 1_582_525_920_000
SPEC = STREAMS["action"].archetype
ENGINE = engine_of(STREAMS["action"])
PACK = RegionPack(
    region="330421", name="测试", name_en="Test", valid_from=0, timezone=DEFAULT_ZONE,
    towns=(Town(A, "姚庄镇", "Yaozhuang", "330421"), Town(B, "大云镇", "Dayun", "330421")),
    places=(), beats=(), visit_rules=(), shifts=(), duty_hours=(),
)  # fmt: skip


class Region:
    """A region without boundaries."""

    pack = PACK


def act(
    number: int, verb: str, at: int, item: str = "case:dispute:D1", town: str = A, by: str = "P-1", **said: Any
) -> Event:
    fields = {"item": item, "verb": verb, "by": by, **said}
    return Event("action", f"act:{by}", f"a{number}", town, item, at, at, 0, None, None, fields)


def summed(events: list[Event], now: int = NOW) -> dict[tuple[str, str], Standing]:
    """Items by (town, item), as the worker's engine sums them up after folding the events one by one."""
    states: dict[str, Any] = {}
    for event in events:
        state = states.setdefault(event.subject, ENGINE.new())
        assert ENGINE.fold(state, [event], Region)  # type: ignore[arg-type]
    states = {item: ENGINE.decode(ENGINE.encode(state)) for item, state in states.items()}
    found = ENGINE.summarise(lambda day: states if day == LIFE else {}, Region, now, None, ())  # type: ignore[arg-type]
    return {(town, one.item): one for town, summary in found.items() for one in _items(summary)}


def _items(summary: Any) -> tuple[Standing, ...]:
    assert isinstance(summary, ActionSummary)
    return summary.items


def plain(events: list[Event], now: int) -> dict[tuple[str, str], tuple[str, str, int]]:
    """The same by a plain loop over raw acts, latest first: (state, owner, since)."""
    found: dict[tuple[str, str], tuple[str, str, int]] = {}
    for key in {(event.town, event.subject) for event in events}:
        own = sorted((e for e in events if (e.town, e.subject) == key), key=lambda e: (e.at, e.source, e.id))
        kept = []
        for one in own:
            back = [
                e for e in own
                if e.fields["verb"] == "undo" and e.source == one.source and e.fields["undoes"] == one.id
                and one.at <= e.at <= one.at + 15_000
            ]  # fmt: skip
            if one.fields["verb"] != "undo" and not back:
                kept.append(one)
        if not kept:
            continue
        owner = ""
        for one in kept:
            verb = one.fields["verb"]
            if verb == "acknowledge":
                owner = one.fields["by"]
            elif verb in ("assign", "handover"):
                owner = one.fields["to"]
            elif verb == "reopen":
                owner = ""
            elif verb == "done":
                owner = owner or one.fields["by"]
        last = kept[-1].fields
        state = {
            "acknowledge": "acknowledged", "assign": "assigned", "handover": "assigned", "done": "done",
            "reopen": "open", "postpone": "postponed",
        }[last["verb"]]  # fmt: skip
        if state == "postponed" and last["until"] <= now:
            state = "assigned" if owner else "open"
        found[key] = (state, owner, kept[-1].at)
    return found


VERBS = ("acknowledge", "assign", "handover", "done", "postpone", "reopen", "undo")


@st.composite
def acts(draw: st.DrawFn) -> list[Event]:
    found = []
    for number in range(draw(st.integers(1, 14))):
        verb = draw(st.sampled_from(VERBS))
        said: dict[str, Any] = {}
        if verb in ("assign", "handover"):
            said["to"] = draw(st.sampled_from(("P-2", "P-3", f"town:{B}")))
        if verb == "postpone":
            said |= {"until": NOW + draw(st.integers(-3, 3)) * HOUR, "reason": "waiting"}
        if verb == "undo":
            said["undoes"] = f"a{draw(st.integers(0, 14))}"
        at = NOW - draw(st.integers(0, 40)) * 5_000
        town, by = draw(st.sampled_from((A, A, B))), draw(st.sampled_from(("P-1", "P-9")))
        found.append(act(number, verb, at, draw(st.sampled_from(("visit:patrol:x", "alert:7"))), town, by, **said))
    return found


@settings(max_examples=150, deadline=None)
@given(acts(), st.randoms(use_true_random=False))
def test_acts_stand_as_a_plain_loop_says_in_whatever_order_they_come(events: list[Event], random: Any) -> None:
    expected = plain(events, NOW)
    shuffled = [*events]
    random.shuffle(shuffled)
    for order in (events, shuffled):
        found = summed(order)
        assert {key: (str(one.state), one.owner, one.since) for key, one in found.items()} == expected
    assert summed(events) == summed(shuffled)


def test_a_later_act_wins_whenever_it_arrives() -> None:
    taken, given_on = act(1, "acknowledge", NOW - HOUR), act(2, "assign", NOW - MINUTE, to="P-8013 陆敏")
    for order in ([taken, given_on], [given_on, taken]):
        one = summed(order)[A, "case:dispute:D1"]
        assert (one.state, one.owner) == (ActState.ASSIGNED, "P-8013 陆敏")
        assert [entry.verb for entry in one.history] == ["acknowledge", "assign"]


@pytest.mark.parametrize(("late", "state"), [(9_000, ActState.ACKNOWLEDGED), (16_000, ActState.DONE)])
def test_an_undo_counts_for_some_seconds_only(late: int, state: ActState) -> None:
    events = [
        act(1, "acknowledge", NOW - HOUR),
        act(2, "done", NOW - MINUTE, note="已上门"),
        act(3, "undo", NOW - MINUTE + late, undoes="a2"),
    ]
    assert summed(events)[A, "case:dispute:D1"].state == state


def test_nobody_takes_back_what_another_did() -> None:
    events = [act(1, "done", NOW - 9_000), act(2, "undo", NOW - 5_000, by="P-9", undoes="a1")]
    assert summed(events)[A, "case:dispute:D1"].state == ActState.DONE


def test_an_item_touched_and_undone_stands_as_if_never_touched() -> None:
    assert not summed([act(1, "done", NOW - 9_000), act(2, "undo", NOW - 5_000, undoes="a1")])


def test_another_town_does_not_reach_an_item_of_the_same_name() -> None:
    found = summed([act(1, "acknowledge", NOW - HOUR), act(2, "done", NOW - MINUTE, town=B, by="P-9")])
    assert found[A, "case:dispute:D1"].state == ActState.ACKNOWLEDGED
    assert found[B, "case:dispute:D1"].state == ActState.DONE


def test_a_postponement_ends_by_time_alone() -> None:
    taken = act(2, "acknowledge", NOW - 2 * MINUTE)
    events = [taken, act(1, "postpone", NOW - MINUTE, until=NOW + HOUR, reason="waiting")]
    now, later = summed(events), summed(events, NOW + HOUR)
    assert now[A, "case:dispute:D1"].state == ActState.POSTPONED
    assert (later[A, "case:dispute:D1"].state, later[A, "case:dispute:D1"].until) == (ActState.ASSIGNED, NOW + HOUR)
    assert summed(events[1:], NOW + HOUR)[A, "case:dispute:D1"].state == ActState.OPEN, "nobody had it"
    state = ENGINE.new()
    ENGINE.fold(state, events, Region)  # type: ignore[arg-type]
    summary = ENGINE.summarise(lambda _: {"case:dispute:D1": state}, Region, NOW, None, ())[A]  # type: ignore[arg-type]
    assert ENGINE.next_change(summary, Region) == NOW + HOUR  # type: ignore[arg-type]


def test_what_is_finished_leaves_the_window_after_days() -> None:
    events = [act(1, "done", NOW), act(2, "acknowledge", NOW, item="alert:7")]
    week = summed(events, NOW + 8 * 24 * HOUR)
    assert set(week) == {(A, "alert:7")}
    assert not summed(events, NOW + 92 * 24 * HOUR)


def test_the_feed_is_the_programs_own() -> None:
    assert "action" not in FEEDS
    assert STREAMS["action"].internal
    assert day_of(NOW, DEFAULT_ZONE) == 20200224
