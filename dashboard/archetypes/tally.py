"""Archetype *tally*: count what was done or issued, by local day, hour and sort.

One state holds all of a town's counts of one feed and subject. Everything is a sum of whole numbers, so the order in
which records come does not matter; a correction or a withdrawal folds the subject again. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dashboard.archetypes.case import horizon
from dashboard.domain.day import HOUR, day_end, day_of, day_start
from dashboard.domain.event import Event
from dashboard.domain.feed import TallySpec
from dashboard.domain.figure import Quantity
from dashboard.domain.place import RegionPack
from dashboard.domain.summary import Tallied, TallySummary

Sort = tuple[str, int, int, tuple[str, ...]]
"""(town, local day, hour, values of ``TallySpec.by``)."""


class TallyState(msgspec.Struct, array_like=True):
    """Counts of one subject. Keys are :data:`Sort` joined by tabs: a map's key must be plain in MessagePack."""

    counts: dict[str, Quantity] = msgspec.field(default_factory=dict)
    heard: dict[str, dict[int, tuple[int, int]]] = msgspec.field(default_factory=dict)
    """Town -> local day -> (records, latest ``received_at``), 零报告 included."""


def fold(state: TallyState, events: Sequence[Event], spec: TallySpec, zone: str) -> bool:
    """Fold further records, in any order; always enough."""
    for event in events:
        day = day_of(event.at, zone)
        heard = state.heard.setdefault(event.town, {})
        records, received = heard.get(day, (0, 0))
        heard[day] = (records + 1, max(received, event.received_at))
        if event.nothing:
            continue
        hour = (event.at - day_start(day, zone)) // HOUR
        by = [str(event.fields.get(name) or "") for name in spec.by]
        key = "\t".join([event.town, str(day), str(hour), *by])
        stated = event.fields.get(spec.amount_field) if spec.amount_field else None
        amount = Quantity(1) if stated is None else Quantity.of(stated)
        state.counts[key] = state.counts[key].plus(amount) if key in state.counts else amount
    return True


class _Town:
    def __init__(self) -> None:
        self.counts: dict[tuple[int, int, tuple[str, ...]], Quantity] = {}
        self.days: set[int] = set()
        self.received: int | None = None


def summarise(
    states: Mapping[str, TallyState], pack: RegionPack, now: int, towns: Iterable[str] | None = None
) -> dict[str, TallySummary]:
    """Sum up towns at ``now``. Pure. Records of later days are not counted yet."""
    zone = pack.timezone
    today = day_of(horizon(now, zone), zone)
    wanted = list(towns) if towns is not None else [town.code for town in pack.towns]
    found: dict[str, _Town] = defaultdict(_Town)
    for state in states.values():
        for key, amount in state.counts.items():
            town, day, hour, *by = key.split("\t")
            if int(day) <= today:
                counts = found[town].counts
                sort = (int(day), int(hour), tuple(by))
                counts[sort] = counts[sort].plus(amount) if sort in counts else amount
        for town, days in state.heard.items():
            for number, (_, received) in days.items():
                if number <= today:
                    found[town].days.add(number)
                    found[town].received = max(received, found[town].received or 0)
    return {
        town: TallySummary(
            town=town,
            day=today,
            now=now,
            reported=today in found[town].days,
            ever=bool(found[town].days),
            last_received=found[town].received,
            counts=tuple(Tallied(*sort, amount) for sort, amount in sorted(found[town].counts.items())),
            zone=zone,
        )
        for town in wanted
    }


def next_change(summary: TallySummary, pack: RegionPack) -> int:
    """Time alone changes a tally at midnight."""
    return day_end(summary.day, pack.timezone)


__all__ = ["TallyState", "fold", "next_change", "summarise"]
