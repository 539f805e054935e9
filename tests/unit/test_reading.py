"""Fevers and devices that cross towns and midnights: the corners that generated streams found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dashboard.archetypes import engine_of
from dashboard.domain.day import day_of
from dashboard.domain.event import Event
from dashboard.domain.summary import ReadingSummary
from dashboard.feeds import feed_named
from tests.engine.product import MadeUpRegion
from tests.engine.strategies import PACK, TOWNS, near

ENGINE = engine_of(feed_named("temperature"))
REGION: Any = MadeUpRegion(PACK, near)


def ms(text: str) -> int:
    """An instant of Shanghai."""
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


def reading(number: int, at: str, checkpoint: str, town: str, celsius: float = 36.5, **fields: Any) -> Event:
    """One reading as the door makes it."""
    moment = ms(at)
    given = {"checkpoint": checkpoint, "celsius": celsius, **fields}
    return Event("temperature", "s", f"r{number}", town, checkpoint, moment, moment, 0, None, None, given)


def summaries(events: list[Event], now: str) -> dict[str, ReadingSummary]:
    """Fold the readings by checkpoint and day, and sum them up."""
    states: dict[int, dict[str, Any]] = {}
    for event in sorted(events, key=lambda one: one.order):
        state = states.setdefault(day_of(event.at), {}).setdefault(event.subject, ENGINE.new())
        assert ENGINE.fold(state, [event], REGION)
    found = ENGINE.summarise(lambda day: states.get(day, {}), REGION, ms(now), None, ())
    return {town: one for town, one in found.items() if isinstance(one, ReadingSummary)}


def test_a_person_confirmed_in_two_towns_counts_once_in_the_first() -> None:
    events = [
        reading(1, "2020-02-17T09:00:00", "K3", TOWNS[1], 37.8, person_ref="p"),
        reading(2, "2020-02-17T09:10:00", "K3", TOWNS[1], 38.0, person_ref="p"),
        reading(3, "2020-02-17T15:00:00", "K1", TOWNS[0], 38.1, person_ref="p", outcome="transferred"),
    ]
    found = summaries(events, "2020-02-17T16:00:00")
    assert [found[town].fever_confirmed for town in TOWNS] == [0, 1, 0]


def test_a_fever_before_midnight_is_confirmed_by_one_after_it() -> None:
    events = [
        reading(1, "2020-02-17T23:50:00", "K1", TOWNS[0], 37.8, person_ref="p"),
        reading(2, "2020-02-18T00:05:00", "K1", TOWNS[0], 38.0, person_ref="p"),
    ]
    assert summaries(events, "2020-02-17T23:59:00")[TOWNS[0]].fever_confirmed == 1
    assert summaries(events[:1], "2020-02-17T23:59:00")[TOWNS[0]].fever_confirmed == 0


def test_a_device_stands_in_the_town_of_its_latest_reading_of_any_kind() -> None:
    same = {"method": "infrared", "site": "forehead"}
    events = [reading(n, f"2020-02-17T09:{n:02d}:00", "K1", TOWNS[0], 36.2, device="d1", **same) for n in range(20)] + [
        reading(100 + n, f"2020-02-17T09:{n:02d}:30", "K3", TOWNS[1], 36.8, device="d2", **same) for n in range(20)
    ]
    events.append(reading(200, "2020-02-17T10:00:00", "K5", TOWNS[2], 36.4, device="d1", method="contact", site="oral"))
    found = summaries(events, "2020-02-17T10:01:00")
    assert [(drift.device, drift.milli) for drift in found[TOWNS[2]].drifts] == [("d1", -600)]
    assert [(drift.device, drift.milli) for drift in found[TOWNS[1]].drifts] == [("d2", 600)]
    assert found[TOWNS[0]].drifts == ()
