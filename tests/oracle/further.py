"""The further feeds by plain loops: everything a page shows of them, counted anew from the records for every question.

What each figure means is written here a second time, from DOMAIN.md and the sentence beside the figure; nothing is taken
from the feeds. A figure is a function of the records of some towns, told by a :class:`View`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dashboard.domain.event import Event
from dashboard.domain.place import RegionPack
from tests.oracle.case import Case, latest_that_counts
from tests.oracle.records import HOUR, day_of, day_start, days_after, order
from tests.oracle.sums import Stated, Told, count, quantity, ratio, stated, total


class View:
    """The records of one feed at a moment, of some towns."""

    def __init__(self, feed: str, subject: str, records: Sequence[Event], pack: RegionPack, now: int) -> None:
        self.feed, self.subject, self.pack, self.now = feed, subject, pack, now
        self.zone = pack.timezone
        self.day = day_of(now, self.zone)
        self.midnight = day_start(self.day, self.zone)
        self.tomorrow = day_start(days_after(self.day, 1), self.zone)
        self.records = sorted(records, key=order)
        self.towns: tuple[str, ...] = ()

    def of(self, towns: Sequence[str]) -> View:
        """The same moment in some towns."""
        made = View(self.feed, self.subject, self.records, self.pack, self.now)
        made.towns = tuple(towns)
        return made

    def heard(self) -> list[Event]:
        """Every record that counts by now, wherever it is from."""
        last = latest_that_counts(self.now, self.zone)
        return [one for one in self.records if one.at <= last]

    # --- of tallies ------------------------------------------------------------------------------------------------

    def counted(self, today: bool = False, **wanted: Any) -> list[Event]:
        """Records up to today's end whose fields say so; a tuple means any of these, ``""`` not stated."""
        found = []
        for one in self.records:
            if one.nothing or one.town not in self.towns or one.at >= self.tomorrow:
                continue
            if today and one.at < self.midnight:
                continue
            if all(
                _said(one, name) in (given if isinstance(given, tuple) else (given,)) for name, given in wanted.items()
            ):
                found.append(one)
        return found

    # --- of cases and rosters --------------------------------------------------------------------------------------

    def lives(self) -> list[Case]:
        """Cases and items whose latest record names one of the towns."""
        by_code: dict[str, list[Event]] = {}
        for one in self.heard():
            if not one.nothing:
                by_code.setdefault(str(one.fields[self.subject]), []).append(one)
        made = [Case(code, records) for code, records in by_code.items()]
        return [case for case in made if case.town in self.towns]


def _said(record: Event, field: str) -> str:
    value = record.fields.get(field)
    return "" if value is None else str(value)


def amount(record: Event, field: str = "count") -> Stated:
    """How many a record of a tally stands for: one, where it does not say."""
    return stated(record.fields.get(field, 1))


# --- how figures are put together --------------------------------------------------------------------------------------

Figure = Callable[[View], Told]
Mix = Callable[[View], dict[str, Told]]


class Kpi(NamedTuple):
    """A figure, whether it stands (else it is of the day), and its breakdown by one field."""

    told: Figure
    standing: bool = True
    by: str = ""
    mix: Mix | None = None


def added(today: bool = False, by: str = "", every_record_is_one: bool = False, **wanted: Any) -> Kpi:
    """The amounts of the records of a tally that say so."""

    def sum_(records: Iterable[Event]) -> Told:
        return quantity(total((1, "exact") if every_record_is_one else amount(one) for one in records))

    def mix(view: View) -> dict[str, Told]:
        return _apart(view.counted(today, **wanted), lambda one: _said(one, by), sum_)

    return Kpi(lambda view: sum_(view.counted(today, **wanted)), not today, by, mix if by else None)


def having(is_so: Callable[[View, Case], bool], by: str = "", distinct: str = "") -> Kpi:
    """How many cases are so, or how many values of a field they have among them."""

    def number(cases: Sequence[Case]) -> Told:
        if not distinct:
            return count(len(cases))
        return count(len({case.value(distinct) for case in cases} - {None}))

    def found(view: View) -> list[Case]:
        return [case for case in view.lives() if is_so(view, case)]

    def mix(view: View) -> dict[str, Told]:
        return _apart(found(view), lambda case: case.stage if by == "stage" else str(case.value(by) or ""), number)

    return Kpi(lambda view: number(found(view)), True, by, mix if by else None)


def part_of(is_so: Callable[[View, Case], bool], whole: Callable[[View, Case], bool]) -> Kpi:
    """Of some cases the share that is so."""

    def told(view: View) -> Told:
        base = [case for case in view.lives() if whole(view, case)]
        return ratio(sum(1 for case in base if is_so(view, case)), len(base))

    return Kpi(told)


def _apart(things: Iterable[Any], name: Callable[[Any], str], told: Callable[[list[Any]], Told]) -> dict[str, Told]:
    groups: dict[str, list[Any]] = {}
    for one in things:
        groups.setdefault(name(one) or "unknown", []).append(one)
    return {key: told(members) for key, members in groups.items()}


def anything(view: View, case: Case) -> bool:
    """Every case."""
    return True


def stands(*stages: str) -> Callable[[View, Case], bool]:
    """Cases that stand in one of these stages."""
    return lambda view, case: case.stage in stages


def says(field: str, *values: str) -> Callable[[View, Case], bool]:
    """Cases whose latest word on a field is one of these."""
    return lambda view, case: case.value(field) in values


def both(*conditions: Callable[[View, Case], bool]) -> Callable[[View, Case], bool]:
    """Cases for which all of it holds."""
    return lambda view, case: all(one(view, case) for one in conditions)


def first_in(case: Case, stage: str) -> int | None:
    """When a case first stood in a stage."""
    return next((one.at for one in case.records if one.fields["stage"] == stage), None)


def too_long(feed: str, hours: Mapping[str, float], open_stages: Sequence[str]) -> Callable[[View, Case], bool]:
    """Cases that have stood in their stage longer than the rule or the declaration allows."""

    def judge(view: View, case: Case) -> bool:
        limit = view.pack.thresholds.get(f"{feed}.sla.{case.stage}", hours.get(case.stage))
        return limit is not None and case.stage in open_stages and view.now > case.since + round(limit * HOUR)

    return judge


def overdue(feed: str, field: str, open_stages: Sequence[str]) -> Callable[[View, Case], bool]:
    """Cases that are open past the time that they state, or that the rule gives them from their first record on."""

    def judge(view: View, case: Case) -> bool:
        due, allowed = case.value(field), view.pack.thresholds.get(f"{feed}.due_hours")
        if due is None and allowed is not None:
            due = case.opened + round(allowed * HOUR)
        return due is not None and case.stage in open_stages and view.now > due

    return judge


# --- of rosters ----------------------------------------------------------------------------------------------------------


def listed(
    field: str = "", by: str = "", daily: bool = False, today: bool = False, has: str = "", **wanted: str
) -> Kpi:
    """A field summed over a roster's items, or how many items there are."""

    def one(view: View, item: Case) -> Stated:
        if not field:
            return (1, "exact")
        if not daily:
            value = item.value(field)
            return (0, "exact") if value is None else stated(value)
        days: dict[int, Stated] = {}
        for record in item.records:
            if field in record.fields:
                said = stated(record.fields[field])
                number = day_of(record.at, view.zone)
                # Of one day the largest, of equals the one said first.
                if number not in days or said[0] > days[number][0]:
                    days[number] = said
        if today:
            return days.get(view.day, (0, "exact"))
        return total(days.values())

    def items(view: View) -> list[Case]:
        return [
            item
            for item in view.lives()
            if (not has or item.value(has) is not None)
            and all(item.value(name) == value for name, value in wanted.items())
        ]

    def mix(view: View) -> dict[str, Told]:
        return _apart(
            items(view), lambda item: str(item.value(by) or ""), lambda own: quantity(total(one(view, i) for i in own))
        )

    return Kpi(
        lambda view: quantity(total(one(view, item) for item in items(view))), not today, by, mix if by else None
    )


def reached(done: str, target: str) -> Kpi:
    """Done ÷ target over the items that state a target."""

    def told(view: View) -> Told:
        items = [item for item in view.lives() if item.value(target) is not None]
        made = total(stated(item.value(done) or 0) for item in items)
        wanted = total(stated(item.value(target)) for item in items)
        # Of a target that is not exact nobody knows on which side the share lies.
        return (*ratio(made[0], wanted[0])[:3], made[1] if wanted[1] == "exact" else "about")

    return Kpi(told)


def missing(target: str, done: str) -> Kpi:
    """What is still to do: of each item that states a target, what is done taken off it, never below nothing."""

    def told(view: View) -> Told:
        left = []
        for item in view.lives():
            if item.value(target) is None:
                continue
            wanted, made = stated(item.value(target)), stated(item.value(done) or 0)
            left.append((max(0, wanted[0] - made[0]), total([wanted, made])[1]))
        return quantity(total(left))

    return Kpi(told)
