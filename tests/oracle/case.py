"""Case figures by plain loops over the records in force (DOMAIN.md §5, EXACTNESS 16–19 and the formulas below them).

A case is gone through anew for every question: nothing is carried along, so nothing can be carried along wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dashboard.domain.event import Event
from dashboard.domain.place import RegionPack
from tests.oracle.records import HOUR, MINUTE, day_of, day_start, days_after, order

KINDS = ("labour", "wages", "housing", "isolation", "consumer", "medical", "neighbour", "business", "other")
SETTLED = ("resolved", "escalated", "withdrawn")
AGES = ((0, "lt24h"), (24, "1-3d"), (72, "3-7d"), (168, "gt7d"))
"""(from this many hours on, bucket)."""
STAGES = ("registered", "applied", "reviewing", "committed", "approved", "posted", "resumed", "suspended")
LIMITS = {"applied": 48, "reviewing": 48, "committed": 48, "approved": 48, "posted": 48}
"""Hours an enterprise may stand in a stage; in the others as long as it takes."""


class Owed(NamedTuple):
    """A place that owes one visit today because its enterprise has resumed, and since which instant it owes them."""

    town: str
    place: str
    since: int


def latest_that_counts(now: int, zone: str) -> int:
    """A device up to ten minutes ahead is heard at once, but what it dates tomorrow is tomorrow's."""
    tomorrow = day_start(days_after(day_of(now, zone), 1), zone)
    return min(now + 10 * MINUTE, tomorrow - 1)


class Case:
    """One case: its records up to a moment, at least one, by (at, source, id)."""

    def __init__(self, code: str, records: Sequence[Event]) -> None:
        self.code = code
        self.records = sorted(records, key=order)

    @property
    def stage(self) -> str:
        """The stage of the latest record."""
        return str(self.records[-1].fields["stage"])

    @property
    def town(self) -> str:
        """The town of the latest record: a case that moves takes its whole life along."""
        return self.records[-1].town

    @property
    def opened(self) -> int:
        """When its first record was."""
        return self.records[0].at

    @property
    def since(self) -> int:
        """When it entered the stage it is in; saying the same stage again does not enter it again."""
        at = self.records[-1].at
        for record in reversed(self.records):
            if record.fields["stage"] != self.stage:
                break
            at = record.at
        return at

    def value(self, field: str) -> Any:
        """The latest value that any record stated."""
        for record in reversed(self.records):
            if field in record.fields:
                return record.fields[field]
        return None


class _Feed:
    """The cases of one feed and one moment, and which towns reported."""

    code_field = ""

    def __init__(self, records: Sequence[Event], pack: RegionPack, now: int) -> None:
        self.pack, self.now = pack, now
        self.zone = pack.timezone
        self.day = day_of(now, self.zone)
        self.midnight = day_start(self.day, self.zone)
        self.tomorrow = day_start(days_after(self.day, 1), self.zone)
        heard = [record for record in records if record.at <= latest_that_counts(now, self.zone)]
        self.today = {record.town for record in heard if day_of(record.at, self.zone) == self.day}
        """Towns with a record or a 零报告 today."""
        self.ever = {record.town for record in heard}
        by_code: dict[str, list[Event]] = {}
        for record in heard:
            if not record.nothing:
                by_code.setdefault(str(record.fields[self.code_field]), []).append(record)
        self.cases = [Case(code, of_case) for code, of_case in by_code.items()]

    def of(self, towns: Sequence[str], keep: Callable[[Case], bool] = lambda case: True) -> list[Case]:
        """The cases of some towns that are to be kept."""
        return [case for case in self.cases if case.town in towns and keep(case)]


class Disputes(_Feed):
    """The dispute figures of one moment."""

    code_field = "case"

    def is_open(self, case: Case) -> bool:
        """Neither resolved, passed on to the courts nor withdrawn."""
        return case.stage not in SETTLED

    def open(self, towns: Sequence[str]) -> int:
        """Open now, whatever their age."""
        return len(self.of(towns, self.is_open))

    def open_by_kind(self, towns: Sequence[str]) -> dict[str, int]:
        """Open now by kind; without a kind they are of the other kinds."""
        found = dict.fromkeys(KINDS, 0)
        for case in self.of(towns, self.is_open):
            found[case.value("kind") or "other"] += 1
        return found

    def by_age(self, towns: Sequence[str]) -> dict[str, int]:
        """Open now by how long ago their first record was; a bucket's lower edge is in it."""
        found = {bucket: 0 for _, bucket in AGES}
        for case in self.of(towns, self.is_open):
            within = "lt24h"
            for hours, bucket in AGES:
                if self.now - case.opened >= hours * HOUR:
                    within = bucket
            found[within] += 1
        return found

    def overdue(self, towns: Sequence[str]) -> int:
        """Open, and past the due time stated, or where none is the one that the region's rule sets."""
        count = 0
        for case in self.of(towns, self.is_open):
            due = case.value("due")
            allowed = self.pack.thresholds.get("dispute.due_hours")
            if due is None and allowed is not None:
                due = case.opened + round(allowed * HOUR)
            if due is not None and self.now > due:
                count += 1
        return count

    def new(self, towns: Sequence[str], first: int, last: int) -> int:
        """Cases whose first record lies in [first, last)."""
        return len(self.of(towns, lambda case: first <= case.opened < last))

    def resolved(self, towns: Sequence[str], first: int, last: int) -> list[Case]:
        """Cases that became resolved in [first, last) and still are."""
        return self.of(towns, lambda case: case.stage == "resolved" and first <= case.since < last)

    def rate(self, towns: Sequence[str], first: int, last: int) -> tuple[int, int]:
        """Of the cases opened in [first, last): resolved ÷ all but withdrawn (EXACTNESS 17)."""
        cohort = self.of(towns, lambda case: first <= case.opened < last)
        resolved = sum(1 for case in cohort if case.stage == "resolved")
        return resolved, sum(1 for case in cohort if case.stage != "withdrawn")

    def spans(self, towns: Sequence[str], first: int, last: int) -> list[int]:
        """Milliseconds from opened to resolved, ascending, of the cases resolved in [first, last)."""
        return sorted(case.since - case.opened for case in self.resolved(towns, first, last))


class Enterprises(_Feed):
    """The enterprise figures of one moment."""

    code_field = "enterprise"

    def resumed(self, towns: Sequence[str]) -> list[Case]:
        """Enterprises that stand at work now (EXACTNESS 18)."""
        return self.of(towns, lambda case: case.stage == "resumed")

    def rate(self, towns: Sequence[str]) -> tuple[int, int]:
        """Resumed ÷ registered; suspended ones are in the denominator only."""
        return len(self.resumed(towns)), len(self.of(towns))

    def rate_by(self, towns: Sequence[str], field: str) -> dict[str, tuple[int, int]]:
        """Resumed ÷ registered among those that state each value; those that state none are unknown."""
        found: dict[str, tuple[int, int]] = {}
        for case in self.of(towns):
            name = case.value(field) or "unknown"
            resumed, registered = found.get(name, (0, 0))
            found[name] = (resumed + (case.stage == "resumed"), registered + 1)
        return found

    def staff(self, towns: Sequence[str]) -> tuple[int, int]:
        """Σ returned ÷ Σ total over resumed enterprises that have stated both."""
        returned = total = 0
        for case in self.resumed(towns):
            back, everyone = case.value("staff_returned"), case.value("staff_total")
            if back is not None and everyone is not None:
                returned += back
                total += everyone
        return returned, total

    def staff_back(self, towns: Sequence[str]) -> int:
        """Σ returned over all enterprises, whatever stage they are in."""
        return sum(case.value("staff_returned") or 0 for case in self.of(towns))

    def approved(self, towns: Sequence[str]) -> int:
        """Enterprises in a stage from the approval on, suspended ones left out."""
        return len(self.of(towns, lambda case: case.stage in ("approved", "posted", "resumed")))

    def by_stage(self, towns: Sequence[str]) -> dict[str, int]:
        """Enterprises by the stage they are in."""
        return {stage: len(self.of(towns, lambda case, at=stage: case.stage == at)) for stage in STAGES}  # type: ignore[misc]

    def stuck(self, towns: Sequence[str]) -> dict[str, int]:
        """Enterprises in a stage for longer than its limit, by the stage; where it has one."""
        found: dict[str, int] = dict.fromkeys(LIMITS, 0)
        for case in self.of(towns):
            if case.stage in ("resumed", "suspended"):
                continue
            hours = self.pack.thresholds.get(f"enterprise.sla.{case.stage}", LIMITS.get(case.stage))
            if hours is not None and self.now - case.since > round(hours * HOUR):
                found[case.stage] = found.get(case.stage, 0) + 1
        return found

    def liaison(self, towns: Sequence[str]) -> tuple[int, int]:
        """With a named officer ÷ registered."""
        return len(self.of(towns, lambda case: bool(case.value("liaison")))), len(self.of(towns))

    def owing(self) -> list[Owed]:
        """Places of enterprises that resumed before today and still stand at work (EXACTNESS 16).

        Of several enterprises of a town at one place the place owes one visit, since the first of them owed it.
        """
        listed = {place.code for place in self.pack.places}
        found: dict[tuple[str, str], int] = {}
        for case in self.cases:
            if case.stage != "resumed" or case.since >= self.midnight:
                continue
            stated = case.value("place")
            place = stated if stated in listed or (stated and case.code not in listed) else case.code
            since = day_start(days_after(day_of(case.since, self.zone), 1), self.zone)
            found[case.town, place] = min(since, found.get((case.town, place), since))
        return [Owed(town, place, since) for (town, place), since in found.items()]


def broken_down(kpi: str, dimension: str, counts: Mapping[str, Any]) -> dict[str, Any]:
    """``dispute_open[kind=wages]`` and so on: names of the figures of a breakdown."""
    return {f"{kpi}[{dimension}={name}]": count for name, count in counts.items()}
