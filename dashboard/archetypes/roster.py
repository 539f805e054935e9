"""Archetype *roster*: items with a target, progress against it and people on duty.

A roster item lives longer than a day: its state is that of a case, all records in event order, and what counts is the
latest stated value of every field. Fields that are stated day by day are added up over days. Times are ms since 1970
UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboard.archetypes.case import CaseState, Entry, Heard, horizon
from dashboard.domain.day import day_end, day_of, day_start
from dashboard.domain.feed import RosterSpec
from dashboard.domain.figure import Quantity
from dashboard.domain.place import RegionPack
from dashboard.domain.summary import Item, RosterSummary


def summarise(
    spec: RosterSpec,
    states: Mapping[str, CaseState],
    pack: RegionPack,
    now: int,
    towns: Iterable[str] | None = None,
) -> dict[str, RosterSummary]:
    """Sum up towns at ``now`` from the states of all items. Pure."""
    zone = pack.timezone
    day = day_of(now, zone)
    start, upto = day_start(day, zone), horizon(now, zone)
    wanted = list(towns) if towns is not None else [town.code for town in pack.towns]
    found: dict[str, Heard] = defaultdict(Heard)
    for name, state in states.items():
        entries = [entry for entry in state.entries if entry.at <= upto]
        for entry in entries:
            found[entry.town].note(entry, start)
        stated = [entry for entry in entries if not entry.nothing]
        if stated:
            found[stated[-1].town].standing.append(_item(spec, name, stated, zone))
    return {
        town: RosterSummary(
            town=town,
            day=day,
            now=now,
            reported=found[town].reported,
            ever=found[town].ever,
            last_received=found[town].received,
            items=tuple(sorted(found[town].standing, key=lambda item: item.item)),
        )
        for town in wanted
    }


def _item(spec: RosterSpec, name: str, entries: Sequence[Entry], zone: str) -> Item:
    quantities: dict[str, Quantity] = {}
    fields: dict[str, Any] = {}
    days: dict[int, dict[str, Quantity]] = {}
    for entry in entries:
        for field, value in entry.fields.items():
            if field in spec.daily:
                of_day = days.setdefault(day_of(entry.at, zone), {})
                stated = Quantity.of(value)
                if field not in of_day or stated.number > of_day[field].number:
                    of_day[field] = stated
            elif field in spec.quantity_fields:
                quantities[field] = Quantity.of(value)
            else:
                fields[field] = value
    return Item(name, entries[-1].at, quantities, fields, days)


def next_change(summary: RosterSummary, pack: RegionPack) -> int:
    """Time alone changes a roster at midnight."""
    return day_end(summary.day, pack.timezone)


__all__ = ["next_change", "summarise"]
