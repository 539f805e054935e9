"""Archetype *tally*: count what was done or issued, by local day, hour and sort.

One state holds all of a town's counts of one feed and subject. Everything is a sum of whole numbers, so the order in
which records come does not matter; a correction or a withdrawal folds the subject again. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from dashboard.archetypes.case import CaseState, Entry, Heard, horizon
from dashboard.domain.day import HOUR, day_end, day_of, day_start
from dashboard.domain.event import Event
from dashboard.domain.feed import TallySpec
from dashboard.domain.figure import Quantity
from dashboard.domain.place import RegionPack
from dashboard.domain.summary import Sorted, Tallied, TallySummary

LATEST = 60
"""How many judged records of a town are published one by one."""

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
        by = [_said(event.fields.get(name)) for name in spec.by]
        key = "\t".join([event.town, str(day), str(hour), *by])
        stated = event.fields.get(spec.amount_field) if spec.amount_field else None
        amount = Quantity(1) if stated is None else Quantity.of(stated)
        state.counts[key] = state.counts[key].plus(amount) if key in state.counts else amount
    return True


def _said(value: object) -> str:
    # Nought is something said: a registration that took no minute.
    return "" if value is None else str(value)


class _Town:
    def __init__(self) -> None:
        self.counts: dict[tuple[int, int, tuple[str, ...]], Quantity] = {}
        self.days: set[int] = set()
        self.received: int | None = None


def summarise(
    states: Mapping[str, TallyState],
    pack: RegionPack,
    now: int,
    towns: Iterable[str] | None = None,
    width: int = 0,
) -> dict[str, TallySummary]:
    """Sum up towns at ``now``. Pure. Records of later days are not counted yet.

    ``width``: how many fields a sort has; states kept before a feed declared another one have fewer and say nothing of
    it.
    """
    zone = pack.timezone
    today = day_of(horizon(now, zone), zone)
    wanted = list(towns) if towns is not None else [town.code for town in pack.towns]
    found: dict[str, _Town] = defaultdict(_Town)
    for state in states.values():
        for key, amount in state.counts.items():
            town, day, hour, *by = key.split("\t")
            by += [""] * (width - len(by))
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


class _Counted(NamedTuple):
    town: str
    sums: Tallied
    shown: Sorted


class Judged:
    """Sums up a tally with a rule (``TallySpec.judge``). Remembers what the rules last in force said of a state."""

    def __init__(self, spec: TallySpec) -> None:
        self.spec = spec
        self._pack: RegionPack | None = None
        self._known: WeakKeyDictionary[CaseState, tuple[tuple[int, int], _Counted]] = WeakKeyDictionary()

    def _counted(self, subject: str, state: CaseState, count: int, pack: RegionPack) -> _Counted:
        known = self._known.get(state)
        key = (count, len(state.entries))
        if known is None or known[0] != key:
            known = self._known[state] = (key, self._count(subject, state.entries[:count], pack))
        return known[1]

    def _count(self, subject: str, entries: Sequence[Entry], pack: RegionPack) -> _Counted:
        spec, zone, first = self.spec, pack.timezone, entries[0].at
        fields: dict[str, Any] = {}
        for entry in entries:
            fields |= entry.fields
        said = fields | dict(spec.judge(fields, pack) if spec.judge else {})
        by = tuple(str(said.get(name) or "") for name in spec.by)
        stated = fields.get(spec.amount_field) if spec.amount_field else None
        amount = Quantity(1) if stated is None else Quantity.of(stated)
        day = day_of(first, zone)
        hour = (first - day_start(day, zone)) // HOUR
        return _Counted(entries[-1].town, Tallied(day, hour, by, amount), Sorted(subject, first, by))

    def summarise(
        self, states: Mapping[str, CaseState], pack: RegionPack, now: int, towns: Iterable[str] | None = None
    ) -> dict[str, TallySummary]:
        """Sum up towns at ``now``: every subject once, in the town of its latest record, as the rules judge it now."""
        if pack is not self._pack:
            self._known.clear()
            self._pack = pack
        zone = pack.timezone
        day = day_of(now, zone)
        start, upto = day_start(day, zone), horizon(now, zone)
        wanted = list(towns) if towns is not None else [town.code for town in pack.towns]
        heard: dict[str, Heard] = defaultdict(Heard)
        counts: dict[str, dict[tuple[int, int, tuple[str, ...]], Quantity]] = defaultdict(dict)
        latest: dict[str, list[Sorted]] = defaultdict(list)
        for subject, state in states.items():
            count = len(state.entries)
            while count and state.entries[count - 1].at > upto:
                count -= 1
            for entry in state.entries[:count]:
                heard[entry.town].note(entry, start)
            if not count or state.entries[0].nothing:
                continue
            one = self._counted(subject, state, count, pack)
            of_town = counts[one.town]
            sort = (one.sums.day, one.sums.hour, one.sums.by)
            of_town[sort] = of_town[sort].plus(one.sums.amount) if sort in of_town else one.sums.amount
            latest[one.town].append(one.shown)
        return {
            town: TallySummary(
                town=town,
                day=day,
                now=now,
                reported=heard[town].reported,
                ever=heard[town].ever,
                last_received=heard[town].received,
                counts=tuple(Tallied(*sort, amount) for sort, amount in sorted(counts[town].items())),
                zone=zone,
                latest=tuple(nlargest(LATEST, latest[town], key=lambda shown: (shown.at, shown.subject))),
            )
            for town in wanted
        }


def next_change(summary: TallySummary, spec: TallySpec, pack: RegionPack) -> int:
    """Time alone changes a tally at midnight, and when what was issued expires."""
    moments = [day_end(summary.day, pack.timezone)]
    if spec.until is not None:
        at = spec.by.index(spec.until)
        moments += [int(one.by[at]) for one in summary.counts if one.by[at]]
    return min(moment for moment in moments if moment > summary.now)


__all__ = ["Judged", "TallyState", "fold", "next_change", "summarise"]
