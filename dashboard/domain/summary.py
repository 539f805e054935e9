"""Summaries: what is true of one town in one feed at one moment. KPIs read these and nothing else.

An archetype makes them from stored states; the worker publishes them; pages, API and alerts read them back.
All times are ms since 1970 UTC, lengths are integer millimetres, temperatures are integer milli-degrees Celsius:
sums of integers do not depend on order. Coordinates are WGS-84.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from dashboard.domain.day import DEFAULT_ZONE
from dashboard.domain.figure import Quantity


class ObligationState(StrEnum):
    """A silent device is not an idle patrol: ``unobservable`` is nobody's failure (EXACTNESS 13, 14)."""

    OPEN = "open"
    MET = "met"
    LAPSED = "lapsed"
    UNOBSERVABLE = "unobservable"


class Judged(msgspec.Struct, frozen=True):
    """One obligation (a place owes one visit in a window) as judged at the summary's moment.

    ``nth`` is 1 for the first visit owed in the window, 2 for the second, and so on. ``met_at`` is the end of the
    visit that met it (for a check-in, its time).
    """

    place: str
    start: int
    end: int
    nth: int
    state: ObligationState
    met_at: int | None = None
    target: str = "patrol_point"
    """What owes the visit: ``patrol_point`` by the pack's rules, ``enterprise`` since it resumed."""


class PlaceGap(msgspec.Struct, frozen=True):
    """A place that owes visits: when it was last visited, or since when it has owed one without any visit."""

    place: str
    since: int
    visited: bool
    target: str = "patrol_point"


class UnitNow(msgspec.Struct, frozen=True):
    """A patrol unit's last known position and duty. ``at`` is the time of its last usable fix."""

    unit: str
    town: str
    at: int | None
    lon: float | None
    lat: float | None
    heading: float | None
    speed: float | None
    mode: str | None
    on_duty: bool
    signal: bool
    """A usable fix in the last 15 minutes."""
    trail: tuple[tuple[int, float, float], ...] = ()
    """(at, lon, lat) of the last hour, thinned to at most one a minute, oldest first."""


class UnitDay(msgspec.Struct, frozen=True):
    """What one unit did today, for the shift timeline. Intervals are (from, to)."""

    unit: str
    signal: tuple[tuple[int, int], ...]
    """Stretches with usable fixes no more than 120 s apart."""
    standing: tuple[tuple[int, int], ...]
    """Parts of ``signal`` spent within a visited place."""
    visits: tuple[tuple[str, int, int], ...]
    """(place, first, last)."""


class TrackSummary(msgspec.Struct, frozen=True):
    """One town's patrols at ``now`` on local day ``day``."""

    town: str
    day: int
    now: int
    reported: bool
    last_received: int | None
    obligations: tuple[Judged, ...]
    cells_seen: int
    cells_listed: int
    units: tuple[UnitNow, ...]
    unit_days: tuple[UnitDay, ...]
    person_times: int
    distance_mm: int
    gaps: tuple[PlaceGap, ...]
    """Every place that owes visits, longest unvisited first."""

    def count(self, state: ObligationState) -> int:
        """How many of today's obligations are in a state."""
        return sum(1 for judged in self.obligations if judged.state == state)

    @property
    def met_closed(self) -> int:
        """Met obligations whose window has closed: the numerator of coverage (EXACTNESS 13)."""
        return sum(1 for judged in self.obligations if judged.state == ObligationState.MET and judged.end <= self.now)

    @property
    def units_on_duty(self) -> int:
        """Units on duty now."""
        return sum(1 for unit in self.units if unit.on_duty)


class FeverState(StrEnum):
    """What became of a fever reading."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    TRANSFERRED = "transferred"
    CLEARED = "cleared"
    """A later reading of the same person within 30 min was not a fever."""
    UNRESOLVED = "unresolved"
    """30 minutes passed without a recheck."""


class FeverNow(msgspec.Struct, frozen=True):
    """One fever reading of today. ``rule`` says by which rule it is one; never who was measured."""

    checkpoint: str
    at: int
    milli_celsius: int
    rule: str
    """``threshold:<method>/<site>``, ``device_threshold`` or ``device_verdict``."""
    state: FeverState
    case: str
    """A short case number for display, e.g. ``A-17``; not derived from the person."""


class CheckpointNow(msgspec.Struct, frozen=True):
    """One checkpoint now. ``last_at`` is the event time of its last reading, ``None`` when it never sent one."""

    checkpoint: str
    on_duty: bool
    online: bool
    last_at: int | None
    screened: int
    fever: int


class DriftNow(msgspec.Struct, frozen=True):
    """One device's drift: median of its last 50 less the pooled median of its peers, milli-degrees, signed."""

    device: str
    checkpoint: str
    method: str
    site: str
    milli: int
    readings: int


class BlockNow(msgspec.Struct, frozen=True, array_like=True):
    """Somebody with a green code and a normal temperature who was refused at a checkpoint; never who."""

    checkpoint: str
    at: int
    case: str
    """A short case number for display."""


class ReadingSummary(msgspec.Struct, frozen=True):
    """One town's checkpoint temperatures at ``now`` on local day ``day``."""

    town: str
    day: int
    now: int
    reported: bool
    last_received: int | None
    screened: int
    hourly: tuple[int, ...]
    """Readings per local hour, 24 numbers."""
    fever_count: int
    fever_confirmed: int
    fevers: tuple[FeverNow, ...]
    """Newest first, at most 200."""
    codes: dict[str, int]
    """Readings by health code (green, yellow, red, none); readings without the field are left out."""
    refused: int
    checkpoints: tuple[CheckpointNow, ...]
    drifts: tuple[DriftNow, ...]
    """Devices with 20 readings or more, largest drift first."""

    must_pass: int = 0
    """Readings with a green code and a normal temperature: nobody may be refused or held for them."""
    blocked: dict[str, int] = {}
    """Checkpoint -> those of them that were refused all the same."""
    blocks: tuple[BlockNow, ...] = ()
    """Newest first, at most 100."""

    @property
    def on_duty(self) -> int:
        """Checkpoints on duty now."""
        return sum(1 for point in self.checkpoints if point.on_duty)

    @property
    def online(self) -> int:
        """Checkpoints on duty now with a reading in the last ten minutes."""
        return sum(1 for point in self.checkpoints if point.on_duty and point.online)


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One entry into a stage: since when, and the stage. Records that leave the stage as it is make no step."""

    at: int
    stage: str


class CaseNow(msgspec.Struct, frozen=True, array_like=True):
    """One case at the summary's moment: what its records up to then add up to."""

    case: str
    """Code of the case (of the enterprise) as its records name it."""
    stage: str
    since: int
    """When it entered its current stage."""
    opened: int
    """Event time of its first record."""
    ends: str
    """How it has ended (``Stage.ends``), ``""`` while it is open."""
    steps: tuple[Step, ...]
    """Every entry into a stage, oldest first; the last one is (``since``, ``stage``)."""
    fields: dict[str, Any]
    """The latest stated value of every declared field, the stage left out."""
    verdicts: dict[str, str] = {}
    """Reviewer -> ``passed`` or ``returned``."""
    pledges: tuple[str, ...] = ()
    """Who has pledged, in declared order."""
    due: int | None = None
    """When the case must have ended: its own ``due``, else that of the feed's rule."""
    limit: int | None = None
    """When its stay in the current stage becomes too long (SLA); ``None``: never."""
    overdue: bool = False
    stuck: bool = False
    last_at: int = 0
    """Event time of its latest record."""
    lon: float | None = None
    lat: float | None = None
    began: int | None = None
    """When its clock began (``CaseSpec.clock``); ``None`` without one."""
    restarts: int = 0
    extended: int = 0
    """Days by which its clock was extended."""
    checks: tuple[int, ...] = ()
    """Event times of its checks since the day before the summary's."""
    attempts: int = 0
    """Records of the stages of ``CaseSpec.counted``."""
    earlier: dict[str, tuple[str, ...]] = {}
    """Field of ``CaseSpec.tracked`` -> the values it had before its latest, oldest first."""

    def value(self, field: str) -> Any:
        """The latest stated value of a field, or ``None``."""
        return self.fields.get(field)

    def was(self, field: str, value: str) -> bool:
        """Whether a tracked field had this value before another one."""
        return value in self.earlier.get(field, ())


class CaseSummary(msgspec.Struct, frozen=True, dict=True):
    """One town's cases at ``now`` on local day ``day``. A case belongs to the town of its latest record.

    Cases stay for ever, so what asks for those that are open, or of some days, takes them from an order that a summary
    makes once, when it is first asked, and does not go through all that ever were.
    """

    town: str
    day: int
    now: int
    reported: bool
    """A record or a zero report on ``day``."""
    ever: bool
    """A record or a zero report at any time up to ``now``."""
    last_received: int | None
    cases: tuple[CaseNow, ...]
    """Every case by code."""
    day_from: int = 0
    """The instant at which ``day`` begins."""

    @cached_property
    def open(self) -> tuple[CaseNow, ...]:
        """Cases that have not ended, by code."""
        return tuple(case for case in self.cases if not case.ends)

    @cached_property
    def _by_opening(self) -> tuple[list[int], list[CaseNow]]:
        found = sorted(self.cases, key=lambda case: case.opened)
        return [case.opened for case in found], found

    @cached_property
    def _by_ending(self) -> tuple[list[int], list[CaseNow]]:
        found = sorted((case for case in self.cases if case.ends), key=lambda case: case.since)
        return [case.since for case in found], found

    @cached_property
    def _by_code(self) -> dict[str, CaseNow]:
        return {case.case: case for case in self.cases}

    @cached_property
    def kept(self) -> dict[Hashable, Any]:
        """What is worked out of the summary and kept with it, by whatever names it; it holds nothing of the moment at
        which it was asked for."""
        return {}

    @property
    def opened_first(self) -> int | None:
        """When the first case of all was opened."""
        times, _ = self._by_opening
        return times[0] if times else None

    def opened_in(self, first: int, last: int | None = None) -> list[CaseNow]:
        """Cases opened at ``first`` <= instant < ``last``, in the order of their opening."""
        times, found = self._by_opening
        return found[bisect_left(times, first) : None if last is None else bisect_left(times, last)]

    def ended_in(self, first: int, last: int | None = None) -> list[CaseNow]:
        """Cases that stand in a stage that ends them since ``first`` <= instant < ``last``, in the order of ending."""
        times, found = self._by_ending
        return found[bisect_left(times, first) : None if last is None else bisect_left(times, last)]

    def find(self, code: str) -> CaseNow | None:
        """The case of that code."""
        return self._by_code.get(code)

    def those(self, counts: Callable[[CaseNow], bool]) -> tuple[CaseNow, ...]:
        """The cases for which ``counts`` holds, found once; a condition that is declared, not made for a question."""
        found: tuple[CaseNow, ...] | None = self.kept.get(("those", counts))
        if found is None:
            found = self.kept["those", counts] = tuple(case for case in self.cases if counts(case))
        return found

    def count_by(self, of: Callable[[CaseNow], Hashable]) -> Mapping[Hashable, int]:
        """How many cases there are of each value of ``of``, counted once; ``of`` as in :meth:`those`."""
        found: Counter[Hashable] | None = self.kept.get(("count", of))
        if found is None:
            found = self.kept["count", of] = Counter(of(case) for case in self.cases)
        return found


class Tallied(msgspec.Struct, frozen=True, array_like=True):
    """How many of one sort were counted in one hour of a local day (yyyymmdd). ``by`` follows ``TallySpec.by``."""

    day: int
    hour: int
    by: tuple[str, ...]
    amount: Quantity


class Sorted(msgspec.Struct, frozen=True, array_like=True):
    """One judged record of a tally: its subject, when it was first stated, and what ``by`` says of it now."""

    subject: str
    at: int
    by: tuple[str, ...]


class TallySummary(msgspec.Struct, frozen=True, dict=True):
    """One town's counts at ``now``: every hour that has any, from the first record on. They are added up once, by day
    and by sort, when they are first asked for."""

    town: str
    day: int
    now: int
    reported: bool
    ever: bool
    last_received: int | None
    counts: tuple[Tallied, ...]
    """By day, hour and sort."""
    zone: str = DEFAULT_ZONE
    latest: tuple[Sorted, ...] = ()
    """Of a tally with a rule: the newest records, at most 60, newest first."""

    @cached_property
    def kept(self) -> dict[Hashable, Any]:
        """As a case summary's."""
        return {}

    @cached_property
    def days(self) -> Mapping[int, Mapping[tuple[str, ...], Quantity]]:
        """Local day -> sort -> how many."""
        found: dict[int, dict[tuple[str, ...], Quantity]] = {}
        for one in self.counts:
            of_day = found.setdefault(one.day, {})
            of_day[one.by] = of_day[one.by].plus(one.amount) if one.by in of_day else one.amount
        return found

    @cached_property
    def sums(self) -> Mapping[tuple[str, ...], Quantity]:
        """Sort -> how many, from the first record on."""
        found: dict[tuple[str, ...], Quantity] = {}
        for of_day in self.days.values():
            for by, amount in of_day.items():
                found[by] = found[by].plus(amount) if by in found else amount
        return found


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One item of a roster at the summary's moment."""

    item: str
    at: int
    """Event time of its latest record."""
    quantities: dict[str, Quantity]
    fields: dict[str, Any]
    days: dict[int, dict[str, Quantity]] = {}
    """Local day -> the largest value of each daily field stated on it."""


class RosterSummary(msgspec.Struct, frozen=True):
    """One town's roster at ``now`` on local day ``day``. An item belongs to the town of its latest record."""

    town: str
    day: int
    now: int
    reported: bool
    ever: bool
    last_received: int | None
    items: tuple[Item, ...]
    """By name."""


class ActState(StrEnum):
    """How far people are with an item (an obligation, an alert). It never changes what the figures say of it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    DONE = "done"
    POSTPONED = "postponed"


class Act(msgspec.Struct, frozen=True, array_like=True):
    """One thing that somebody did about an item and did not take back."""

    at: int
    verb: str
    by: str
    """Who: a staff id, with the name where it is known."""
    to: str = ""
    until: int | None = None
    reason: str = ""
    note: str = ""
    id: str = ""
    source: str = ""


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """How far people are with one item of a town at the summary's moment."""

    item: str
    state: ActState
    owner: str
    """Who has it: a staff id, a unit's code, ``town:<code>`` for a town's station; ``""``: nobody."""
    since: int
    """When the act that made this state was done."""
    history: tuple[Act, ...]
    """Oldest first, at most the last 40."""
    until: int | None = None
    """Postponed: until when. Kept after that moment, when the state has fallen back."""
    reason: str = ""
    note: str = ""
    case: str = ""

    @property
    def last(self) -> Act:
        """The latest act."""
        return self.history[-1]


class ActionSummary(msgspec.Struct, frozen=True):
    """What people are doing in one town at ``now`` on local day ``day``."""

    town: str
    day: int
    now: int
    reported: bool
    ever: bool
    last_received: int | None
    items: tuple[Standing, ...]
    """Items about which something was done and not taken back, by name."""


Summary = TrackSummary | ReadingSummary | CaseSummary | TallySummary | RosterSummary | ActionSummary
