"""Archetype *case*: keep all of a case's records, and say of any moment where the case stood.

A case lives longer than a day, so there is one state for its whole life. The state holds what each record said, in
event order; everything else (stage, dwell, verdicts, overdue) is derived for the moment that is asked for. So a record
that comes out of order needs no second fold. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from dashboard.domain.day import HOUR, MINUTE, day_end, day_of, day_start, shift_day
from dashboard.domain.event import Event
from dashboard.domain.feed import CaseSpec, ClockSpec
from dashboard.domain.place import Place, PlaceKind, RegionPack
from dashboard.domain.summary import CaseNow, CaseSummary, Step

DAY = 24 * HOUR
MOST_JUDGED = 8
"""Forms of one case that are shared: what time makes of it is seldom more than three, and packs may change."""
AHEAD_MS = 10 * MINUTE
"""How far a device's clock may run ahead (EXACTNESS 12): its record counts at once, but never before its own day."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one record said. ``fields`` are the feed's declared fields, the stage among them."""

    at: int
    source: str
    id: str
    received: int
    town: str
    fields: dict[str, Any]
    lon: float | None = None
    lat: float | None = None
    nothing: bool = False

    @property
    def order(self) -> tuple[int, str, str]:
        """The order of a subject's records, as :attr:`Event.order`."""
        return (self.at, self.source, self.id)


class CaseState(msgspec.Struct, array_like=True, weakref=True):
    """All records of one case in event order, or all 零报告 of one town."""

    entries: list[Entry] = msgspec.field(default_factory=list)

    def __hash__(self) -> int:
        # A state changes as records come: what is remembered of it belongs to the object, not to its content.
        return id(self)


Judgement = tuple[int | None, int | None, bool, bool, tuple[int, ...]]
"""What time makes of a case: due, limit, overdue, stuck, and the checks that still count."""


class Standing(msgspec.Struct, frozen=True):
    """Where a case stood after some of its records, whatever the time."""

    town: str
    case: CaseNow
    stage_hours: float | None
    judged: dict[Judgement, CaseNow] = {}
    """The case by what time has made of it: summaries of many moments share what is the same in them."""


def fold(state: CaseState, events: Sequence[Event]) -> bool:
    """Fold further records of one case, in any order; always enough."""
    for event in events:
        entry = Entry(
            event.at,
            event.source,
            event.id,
            event.received_at,
            event.town,
            event.fields,
            event.lon,
            event.lat,
            event.nothing,
        )
        if not state.entries or state.entries[-1].order < entry.order:
            state.entries.append(entry)
        else:
            insort(state.entries, entry, key=lambda found: found.order)
    return True


class Cuts:
    """Cuts states at instants of event time. A cut is remembered as long as its state lives: instants between which
    nothing was said share it, and whatever is derived of it."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[CaseState, tuple[int, dict[int, CaseState]]] = WeakKeyDictionary()

    def upto(self, state: CaseState, moment: int) -> CaseState:
        """The state that the records up to an instant make, not to be folded into; itself if there are no others."""
        size = len(state.entries)
        count = bisect_right(state.entries, moment, key=lambda entry: entry.at)
        if count == size:
            return state
        known = self._known.get(state)
        if known is None or known[0] != size:
            known = self._known[state] = (size, {})
        found = known[1].get(count)
        if found is None:
            found = known[1][count] = CaseState(state.entries[:count])
        return found


def horizon(now: int, zone: str) -> int:
    """The latest event time that counts at ``now``."""
    return min(now + AHEAD_MS, day_end(day_of(now, zone), zone) - 1)


class _Clock:
    """What a case's records say of its clock (``CaseSpec.clock``)."""

    def __init__(self, spec: ClockSpec) -> None:
        self.spec = spec
        self.began: int | None = None
        self.restarts = self.extended = 0
        self.due: int | None = None
        self.checks: list[int] = []
        self._stage = ""

    def hear(self, entry: Entry, stage: str, due_field: str | None) -> None:
        """The next record of the case."""
        spec, fields = self.spec, entry.fields
        again = fields.get(spec.restart[0]) == spec.restart[1]
        if stage == spec.stage and (again or self._stage != stage):
            self.restarts += self.began is not None
            self.began, self.extended, self.due = entry.at, 0, None
        self._stage = stage
        stated = fields.get(due_field) if due_field else None
        if stated is not None:
            self.due = stated
        self.extended += fields.get(spec.extend_field) or 0
        if fields.get(spec.check_field) is not None:
            self.checks.append(entry.at)


class Cases:
    """Reads states of one feed. Remembers where a case stood at the moments asked for, as long as its state lives."""

    def __init__(self, feed: str, spec: CaseSpec) -> None:
        self.feed, self.spec = feed, spec
        self._stages = {stage.code: stage for stage in spec.stages}
        self._known: WeakKeyDictionary[CaseState, tuple[int, dict[int, Standing]]] = WeakKeyDictionary()

    def standing(self, subject: str, state: CaseState, upto: int) -> Standing | None:
        """Where a case stood after its records up to ``upto``; ``None`` before the first."""
        count = len(state.entries)
        while count and state.entries[count - 1].at > upto:
            count -= 1
        if not count or state.entries[0].nothing:
            return None
        known = self._known.get(state)
        if known is None or known[0] != len(state.entries):
            known = self._known[state] = (len(state.entries), {})
        found = known[1].get(count)
        if found is None:
            found = known[1][count] = self._stand(subject, state.entries[:count])
        return found

    def _stand(self, subject: str, entries: Sequence[Entry]) -> Standing:
        spec = self.spec
        steps: list[Step] = []
        fields: dict[str, Any] = {}
        verdicts: dict[str, str] = {}
        pledges: set[str] = set()
        lon = lat = None
        clock = _Clock(spec.clock) if spec.clock else None
        attempts = 0
        told: dict[str, list[str]] = {name: [] for name in spec.tracked}
        for entry in entries:
            stage = entry.fields.get(spec.stage_field, "")
            if clock:
                clock.hear(entry, stage, spec.due_field)
            attempts += stage in spec.counted
            for name in spec.tracked:
                value = entry.fields.get(name)
                if value is not None and told[name][-1:] != [value]:
                    told[name].append(str(value))
            if not steps or steps[-1].stage != stage:
                steps.append(Step(entry.at, stage))
                if stage == spec.review_from:
                    verdicts, pledges = {}, set()
            fields |= entry.fields
            verdict = entry.fields.get(spec.review_field) if spec.review_field else None
            if verdict:
                who, _, said = verdict.partition(":")
                verdicts[who] = said
            pledge = entry.fields.get(spec.pledge_field) if spec.pledge_field else None
            if pledge:
                pledges.add(pledge)
            if entry.lon is not None:
                lon, lat = entry.lon, entry.lat
        stage = steps[-1].stage
        declared = self._stages.get(stage)
        fields.pop(spec.stage_field, None)
        case = CaseNow(
            case=subject,
            stage=stage,
            since=steps[-1].at,
            opened=entries[0].at,
            ends=declared.ends if declared else "",
            steps=tuple(steps),
            fields=fields,
            verdicts=verdicts,
            pledges=tuple(sorted(pledges)),
            due=fields.get(spec.due_field) if spec.due_field else None,
            last_at=entries[-1].at,
            lon=lon,
            lat=lat,
            attempts=attempts,
            earlier={name: tuple(values[:-1]) for name, values in told.items() if len(values) > 1},
        )
        if clock and clock.began is not None:
            case = msgspec.structs.replace(
                case,
                began=clock.began,
                restarts=clock.restarts,
                extended=clock.extended,
                checks=tuple(clock.checks),
                due=clock.due,
            )
        return Standing(entries[-1].town, case, declared.sla_hours if declared else None)

    def judged(self, standing: Standing, pack: RegionPack, now: int) -> CaseNow:
        """A case with what time has done to it: overdue, too long in its stage."""
        case = standing.case
        due, limit, checks = case.due, None, case.checks
        if case.began is not None and self.spec.clock is not None:
            days = pack.thresholds.get(f"{self.feed}.clock_days", self.spec.clock.days)
            due = (due if due is not None else case.began + round(days * DAY)) + case.extended * DAY
            since = day_start(shift_day(day_of(now, pack.timezone), -1), pack.timezone)
            checks = tuple(at for at in case.checks if at >= since)
        hours = pack.thresholds.get(f"{self.feed}.due_hours")
        if due is None and hours is not None:
            due = case.opened + round(hours * HOUR)
        stay = pack.thresholds.get(f"{self.feed}.sla.{case.stage}", standing.stage_hours)
        if stay is not None and not case.ends:
            limit = case.since + round(stay * HOUR)
        overdue = not case.ends and due is not None and now > due
        stuck = limit is not None and now > limit
        judgement = (due, limit, overdue, stuck, checks)
        if judgement == (case.due, case.limit, case.overdue, case.stuck, case.checks):
            return case
        found = standing.judged.get(judgement)
        if found is None:
            if len(standing.judged) >= MOST_JUDGED:
                standing.judged.clear()
            found = msgspec.structs.replace(case, due=due, limit=limit, overdue=overdue, stuck=stuck, checks=checks)
            standing.judged[judgement] = found
        return found


class Heard:
    """What is gathered of one town while the states of a life are read: whether it reported, and what stands there."""

    def __init__(self) -> None:
        self.standing: list[Any] = []
        self.reported = False
        self.ever = False
        self.received: int | None = None

    def note(self, entry: Entry, start: int) -> None:
        """A record of the town; the day begins at ``start``."""
        self.ever = True
        self.reported = self.reported or entry.at >= start
        self.received = max(entry.received, self.received or 0)


def summarise(
    cases: Cases, states: Mapping[str, CaseState], pack: RegionPack, now: int, towns: Iterable[str] | None = None
) -> dict[str, CaseSummary]:
    """Sum up towns at ``now`` from the states of all cases. Pure but for what ``cases`` remembers."""
    zone = pack.timezone
    day = day_of(now, zone)
    start, upto = day_start(day, zone), horizon(now, zone)
    wanted = list(towns) if towns is not None else [town.code for town in pack.towns]
    found: dict[str, Heard] = defaultdict(Heard)
    for subject, state in states.items():
        for entry in state.entries:
            if entry.at > upto:
                break
            found[entry.town].note(entry, start)
        standing = cases.standing(subject, state, upto)
        if standing is not None and (towns is None or standing.town in wanted):
            found[standing.town].standing.append(cases.judged(standing, pack, now))
    return {
        town: CaseSummary(
            town=town,
            day=day,
            now=now,
            reported=found[town].reported,
            ever=found[town].ever,
            last_received=found[town].received,
            cases=tuple(sorted(found[town].standing, key=lambda case: case.case)),
            day_from=start,
        )
        for town in wanted
    }


def owing(
    cases: Cases, states: Mapping[str, CaseState], pack: RegionPack, now: int
) -> dict[str, list[tuple[Place, int]]]:
    """Town -> (place, since when) of the cases that owe a visit today (EXACTNESS 16), by code of the place.

    A case owes from the local day after the one on which it entered the stage, as long as it stands there. Of several
    cases of a town at one place the place owes one visit, since the first of them owed it.
    """
    zone = pack.timezone
    today, upto = day_of(now, zone), horizon(now, zone)
    start = day_start(today, zone)
    found: dict[str, dict[str, tuple[Place, int]]] = defaultdict(dict)
    for subject, state in states.items():
        standing = cases.standing(subject, state, upto)
        if standing is None or standing.case.stage != cases.spec.owes_visits or standing.case.since >= start:
            continue
        case = standing.case
        place = _place_of(case, standing.town, pack)
        since = day_end(day_of(case.since, zone), zone)
        known = found[standing.town].get(place.code)
        if known is None or since < known[1]:
            found[standing.town][place.code] = (place, since)
    return {town: [places[code] for code in sorted(places)] for town, places in found.items()}


def _place_of(case: CaseNow, town: str, pack: RegionPack) -> Place:
    for code in (case.value("place"), case.case):
        if code is not None and (known := pack.place_by_code.get(code)) is not None:
            return known
    name = case.value("name") or case.case
    return Place(case.value("place") or case.case, PlaceKind.ENTERPRISE, town, name, lon=case.lon, lat=case.lat)


def next_change(summary: CaseSummary, spec: CaseSpec, pack: RegionPack) -> int:
    """When time alone will next change what this summary says (EXACTNESS 10)."""
    now = summary.now
    moments = [day_end(summary.day, pack.timezone)]
    for case in summary.cases:
        if case.ends:
            continue
        moments += [at + 1 for at in (case.due, case.limit) if at is not None]
        moments += [case.opened + hours * HOUR for hours in spec.age_hours]
    if spec.clock is not None:
        start = day_start(summary.day, pack.timezone)
        moments += [start + minute * MINUTE for window in spec.clock.windows for minute in window]
    return min(at for at in moments if at > now)


__all__ = ["CaseState", "Cases", "Heard", "fold", "horizon", "next_change", "owing", "summarise"]
