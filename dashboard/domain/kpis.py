"""KPIs of tallies, cases and rosters by declaration: a feed says what counts, the counting is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from dashboard.domain.day import HOUR, day_of
from dashboard.domain.feed import Kpi, TallySpec, Words
from dashboard.domain.figure import Parts, Qualifier, Quantity
from dashboard.domain.summary import CaseNow, CaseSummary, Item, RosterSummary, TallySummary

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


Counted = tuple[tuple[str, ...], Quantity]
"""A sort (values of ``TallySpec.by``) and how many there are of it."""


def _matching(spec: TallySpec, only: Only, counted: Iterable[Counted]) -> Iterable[Counted]:
    wanted = [(spec.by.index(name), (values,) if isinstance(values, str) else values) for name, values in only.items()]
    for one in counted:
        if all(one[0][place] in values for place, values in wanted):
            yield one


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
    people: bool = False,
) -> Kpi:
    """The sum of a tally's amounts, from the first record on or of ``today``; ``by`` breaks it down by one field.

    ``people``: the cells count people (``Kpi.people``).
    """
    chosen = only or {}

    def counts(towns: Sequence[TallySummary]) -> Iterable[Counted]:
        sums = (town.days.get(town.day, {}) if today else town.sums for town in towns)
        return _matching(spec, chosen, (one for of_town in sums for one in of_town.items()))

    def parts(towns: Sequence[TallySummary]) -> Parts:
        return _sum(amount for _, amount in counts(towns))

    def mix(towns: Sequence[TallySummary]) -> list[tuple[dict[str, str], Parts]]:
        field = by or ""
        return grouped(field, ((sort[spec.by.index(field)], amount) for sort, amount in counts(towns)), _sum)

    def period(towns: Sequence[TallySummary], first: int, last: int) -> Parts:
        within = (
            one
            for town in towns
            for day, of_day in town.days.items()
            if day_of(first, town.zone) <= day <= day_of(last - 1, town.zone)
            for one in of_day.items()
        )
        return _sum(amount for _, amount in _matching(spec, chosen, within))

    return Kpi(
        key,
        words,
        "count",
        parts,
        definition,
        measure=measure,
        breakdown=mix if by else None,
        people=people,
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
    people: bool = False,
    today: bool = False,
    watch_above: float | None = None,
    apart: tuple[str, ...] = (),
) -> Kpi:
    """How many cases count now; with ``distinct`` how many different values of that field; by stage or a field.

    ``today`` counts cases that entered their current stage today; ``people``: the cells count people (``Kpi.people``).
    """

    def found(towns: Sequence[CaseSummary]) -> list[CaseNow]:
        return [case for town in towns for case in town.those(counts) if not today or case.since >= town.day_from]

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
        people=people,
        standing=not today,
        watch_above=watch_above,
        apart=apart,
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
        base = sum(len(town.those(of)) for town in towns)
        return Parts.ratio(sum(1 for town in towns for case in town.those(counts) if of(case)), base)

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
            for case in town.those(counts)
            if (value := case.value(field)) is not None
        ]
        return _sum(stated)

    return Kpi(key, words, "count", parts, definition, measure=measure, standing=True)


def ranked(spans: Sequence[int], share: float) -> int | None:
    """The nearest-rank percentile of whole numbers; ``None`` of none."""
    ordered = sorted(spans)
    return ordered[max(0, -(-round(share * 100) * len(ordered) // 100) - 1)] if ordered else None


def spent(
    key: str,
    words: Words,
    definition: Words,
    span: Callable[[CaseNow], int | None],
    share: float = 0.5,
    *,
    watch_above: float | None = None,
) -> Kpi:
    """How long it took (hours): of the spans in ms that cases have, the nearest-rank percentile, 0.5 for the median."""

    def parts(towns: Sequence[CaseSummary]) -> Parts:
        spans = [took for town in towns for case in town.cases if (took := span(case)) is not None]
        found = ranked(spans, share)
        if found is None:
            return Parts.count(None)
        return Parts(numerator=found, value=found / HOUR, detail={"cases": len(spans), "milliseconds": found})

    return Kpi(
        key,
        words,
        "hours",
        parts,
        definition,
        measure=Words("小时", "h"),
        decimals=1,
        standing=True,
        watch_above=watch_above,
    )


def entered(case: CaseNow, stage: str) -> int | None:
    """When a case first came to a stage; ``None`` if it never did."""
    return next((step.at for step in case.steps if step.stage == stage), None)


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
        reached = Quantity.total(_quantity(item, done) for item in items)
        wanted = Quantity.total(item.quantities[target] for item in items)
        made = Parts.ratio(reached.number, wanted.number, shortfall=max(0, wanted.number - reached.number))
        # More than so many of exactly so many is more than so much of it; any other pair is about right.
        sure = reached.qualifier if wanted.qualifier == Qualifier.EXACT else Qualifier.ABOUT
        return msgspec.structs.replace(made, qualifier=sure)

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


def left_over(
    key: str,
    words: Words,
    definition: Words,
    measure: Words,
    target: str,
    done: str,
    counts: Callable[[Item], bool] = lambda item: True,
    *,
    watch_above: float | None = None,
) -> Kpi:
    """What is still to do over a roster's items: of each that states ``target``, what ``done`` leaves of it."""

    def parts(towns: Sequence[RosterSummary]) -> Parts:
        left = []
        for town in towns:
            for item in town.items:
                if counts(item) and target in item.quantities:
                    wanted, reached = item.quantities[target], _quantity(item, done)
                    sure = wanted.qualifier.plus(reached.qualifier)
                    left.append(Quantity(max(0, wanted.number - reached.number), sure))
        return Parts.quantity(Quantity.total(left), items=sum(1 for one in left if one.number))

    return Kpi(key, words, "count", parts, definition, measure=measure, standing=True, watch_above=watch_above)


__all__ = [
    "cases",
    "entered",
    "grouped",
    "left_over",
    "listed",
    "progress",
    "ranked",
    "share",
    "spent",
    "summed",
    "tallied",
]
