"""KPIs of tallies, cases and rosters by declaration: a feed says what counts, the counting is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from dashboard.domain.day import day_of
from dashboard.domain.feed import Kpi, TallySpec, Words
from dashboard.domain.figure import Parts, Quantity
from dashboard.domain.summary import CaseNow, CaseSummary, Item, RosterSummary, Tallied, TallySummary

T = TypeVar("T")

THOSE = Words("其中符合的", "Those that do")
LISTED = Words("列入的全部", "All that are listed")

Only = Mapping[str, str | tuple[str, ...]]
"""Field of ``TallySpec.by`` -> the value or values that count."""


def grouped(
    by: str, named: Iterable[tuple[str | None, T]], part: Callable[[list[T]], Parts]
) -> list[tuple[dict[str, str], Parts]]:
    """A breakdown: what is named alike makes one part; what has no name is ``unknown``."""
    groups: dict[str, list[T]] = {}
    for name, one in named:
        groups.setdefault(name or "unknown", []).append(one)
    return [({by: name}, part(groups[name])) for name in sorted(groups)]


def _sum(quantities: Iterable[Quantity]) -> Parts:
    return Parts.quantity(Quantity.total(quantities))


def _chosen(spec: TallySpec, towns: Iterable[TallySummary], only: Only) -> Iterable[tuple[TallySummary, Tallied]]:
    wanted = [(spec.by.index(name), (values,) if isinstance(values, str) else values) for name, values in only.items()]
    for town in towns:
        for counted in town.counts:
            if all(counted.by[place] in values for place, values in wanted):
                yield town, counted


def tallied(
    spec: TallySpec,
    key: str,
    words: Words,
    definition: Words,
    measure: Words,
    *,
    only: Only | None = None,
    today: bool = False,
    by: str | None = None,
) -> Kpi:
    """The sum of a tally's amounts, from the first record on or of ``today``; ``by`` breaks it down by one field."""
    chosen = only or {}

    def counts(towns: Sequence[TallySummary]) -> Iterable[Tallied]:
        return (one for town, one in _chosen(spec, towns, chosen) if not today or one.day == town.day)

    def parts(towns: Sequence[TallySummary]) -> Parts:
        return _sum(one.amount for one in counts(towns))

    def mix(towns: Sequence[TallySummary]) -> list[tuple[dict[str, str], Parts]]:
        field = by or ""
        return grouped(field, ((one.by[spec.by.index(field)], one.amount) for one in counts(towns)), _sum)

    def period(towns: Sequence[TallySummary], first: int, last: int) -> Parts:
        return _sum(
            one.amount
            for town, one in _chosen(spec, towns, chosen)
            if day_of(first, town.zone) <= one.day <= day_of(last - 1, town.zone)
        )

    return Kpi(
        key,
        words,
        "count",
        parts,
        definition,
        measure=measure,
        breakdown=mix if by else None,
        standing=not today,
        period=period,
    )


def cases(
    key: str,
    words: Words,
    definition: Words,
    measure: Words,
    counts: Callable[[CaseNow], bool] = lambda case: True,
    *,
    distinct: str | None = None,
    by: str | None = None,
    today: bool = False,
    watch_above: float | None = None,
) -> Kpi:
    """How many cases count now; with ``distinct`` how many different values of that field; by stage or a field.

    ``today`` counts cases that entered their current stage today.
    """

    def found(towns: Sequence[CaseSummary]) -> list[CaseNow]:
        return [
            case for town in towns for case in town.cases if counts(case) and (not today or case.since >= town.day_from)
        ]

    def number(chosen: Sequence[CaseNow]) -> int:
        if distinct is None:
            return len(chosen)
        return len({value for case in chosen if (value := case.value(distinct)) is not None})

    def parts(towns: Sequence[CaseSummary]) -> Parts:
        return Parts.count(number(found(towns)))

    def mix(towns: Sequence[CaseSummary]) -> list[tuple[dict[str, str], Parts]]:
        field = by or ""
        named = ((case.stage if by == "stage" else str(case.value(field) or ""), case) for case in found(towns))
        return grouped(field, named, lambda own: Parts.count(number(own)))

    return Kpi(
        key,
        words,
        "count",
        parts,
        definition,
        measure=measure,
        breakdown=mix if by else None,
        standing=not today,
        watch_above=watch_above,
    )


def share(
    key: str,
    words: Words,
    definition: Words,
    measure: Words,
    counts: Callable[[CaseNow], bool],
    of: Callable[[CaseNow], bool] = lambda case: True,
    *,
    numerator: Words = THOSE,
    denominator: Words = LISTED,
    watch_below: float | None = None,
) -> Kpi:
    """Of the cases that ``of`` takes, the share that counts."""

    def parts(towns: Sequence[CaseSummary]) -> Parts:
        base = [case for town in towns for case in town.cases if of(case)]
        return Parts.ratio(sum(1 for case in base if counts(case)), len(base))

    return Kpi(
        key,
        words,
        "ratio",
        parts,
        definition,
        numerator=numerator,
        denominator=denominator,
        measure=measure,
        decimals=1,
        standing=True,
        watch_below=watch_below,
    )


def summed(
    key: str,
    words: Words,
    definition: Words,
    measure: Words,
    field: str,
    counts: Callable[[CaseNow], bool] = lambda case: True,
) -> Kpi:
    """The sum of a quantity field over the cases that count; cases that state none add nothing."""

    def parts(towns: Sequence[CaseSummary]) -> Parts:
        stated = [
            Quantity.of(value)
            for town in towns
            for case in town.cases
            if counts(case) and (value := case.value(field)) is not None
        ]
        return _sum(stated)

    return Kpi(key, words, "count", parts, definition, measure=measure, standing=True)


def _quantity(item: Item, field: str) -> Quantity:
    daily = [of_day[field] for of_day in item.days.values() if field in of_day]
    return Quantity.total(daily) if daily else item.quantities.get(field, Quantity(0))


def listed(
    key: str,
    words: Words,
    definition: Words,
    measure: Words,
    field: str | None = None,
    counts: Callable[[Item], bool] = lambda item: True,
    *,
    by: str | None = None,
    today: bool = False,
) -> Kpi:
    """The sum of a field over a roster's items, or how many items there are; ``today`` takes a daily field's value."""

    def of(town: RosterSummary, item: Item) -> Quantity:
        if field is None:
            return Quantity(1)
        if today:
            return item.days.get(town.day, {}).get(field, Quantity(0))
        return _quantity(item, field)

    def parts(towns: Sequence[RosterSummary]) -> Parts:
        return _sum(of(town, item) for town in towns for item in town.items if counts(item))

    def mix(towns: Sequence[RosterSummary]) -> list[tuple[dict[str, str], Parts]]:
        field = by or ""
        items = ((town, item) for town in towns for item in town.items if counts(item))
        return grouped(field, ((str(item.fields.get(field) or ""), of(town, item)) for town, item in items), _sum)

    return Kpi(
        key,
        words,
        "count",
        parts,
        definition,
        measure=measure,
        breakdown=mix if by else None,
        standing=not today,
    )


def progress(
    key: str, words: Words, definition: Words, measure: Words, done: str, target: str, counts: Callable[[Item], bool]
) -> Kpi:
    """Done ÷ target over a roster's items that state a target."""

    def parts(towns: Sequence[RosterSummary]) -> Parts:
        items = [item for town in towns for item in town.items if counts(item) and target in item.quantities]
        reached = sum(_quantity(item, done).number for item in items)
        wanted = sum(item.quantities[target].number for item in items)
        return Parts.ratio(reached, wanted, shortfall=max(0, wanted - reached))

    return Kpi(
        key,
        words,
        "ratio",
        parts,
        definition,
        measure=measure,
        decimals=1,
        standing=True,
        numerator=Words("已完成", "Done"),
        denominator=Words("目标", "Target"),
    )


__all__ = ["cases", "grouped", "listed", "progress", "share", "summed", "tallied"]
