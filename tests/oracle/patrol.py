"""Patrol figures by plain loops over the records in force (EXACTNESS 13–15 and the formulas below them)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from pyproj import Geod

from dashboard.domain.event import Event
from dashboard.domain.place import PlaceKind, RegionPack
from tests.oracle.case import Owed
from tests.oracle.records import (
    HOUR,
    MINUTE,
    SECOND,
    day_of,
    day_start,
    days_after,
    days_before,
    in_hours,
    minute_of,
    order,
)

GEOD = Geod(ellps="WGS84")
TARGETS = ("patrol_point", "enterprise")
DAY_MINUTES = 1440


class Judged(NamedTuple):
    """One visit owed today: where, to what, when its window closes, and how it stands."""

    town: str
    target: str
    closes: int
    state: str


class Visit(NamedTuple):
    """A unit was at a place from first to last; a check-in is one instant."""

    place: str
    first: int
    last: int
    checkin: bool


class Fix(NamedTuple):
    """A usable fix. ``accuracy`` is metres, 0 when the device gave none."""

    at: int
    day: int
    town: str
    lon: float
    lat: float
    accuracy: float
    mode: str | None


def metres(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Geodesic distance on WGS-84."""
    return float(GEOD.inv(lon1, lat1, lon2, lat2)[2])


def unit_of(record: Event) -> str:
    """The unit that a record is about."""
    return str(record.fields.get("unit") or record.subject)


class Patrol:
    """The patrol figures of one moment. ``records`` are those in force, ordered by (at, source, id)."""

    def __init__(
        self,
        records: Sequence[Event],
        pack: RegionPack,
        near: Callable[[float, float], bool],
        cell_of: Callable[[float, float], str],
        now: int,
        reported: set[str],
        pack_of: Callable[[int], RegionPack] | None = None,
        firms: Sequence[Owed] = (),
    ) -> None:
        self.firms = firms
        """Places that owe a visit today because enterprises resumed, beside those of the pack."""
        self.pack = pack
        self.pack_of = pack_of or (lambda day: pack)
        """The pack of a local day: what counted as a visit is told by the rules of that day."""
        self.zone = pack.timezone
        self.now = now
        self.day = day_of(now, self.zone)
        self.reported = reported
        self.cell_of = cell_of
        # A 零报告 says that a town has reported and nothing else.
        self.records = [record for record in records if not record.nothing]
        self.fixes = self._usable_fixes(near)
        self.owed = {rule.place for rule in pack.visit_rules}
        self.places = {place.code: place for place in pack.places}
        self.visits = self._checkins() + self._dwells()
        self.judged: list[Judged] = []
        for rule in pack.visit_rules:
            if rule.place in self.places:
                window = self._window(rule.start, rule.end)
                self._judge("patrol_point", self.places[rule.place].town, rule.place, rule.times, window)
        for owed in firms:
            self._judge("enterprise", owed.town, owed.place, 1, self._window(0, DAY_MINUTES))

    def _usable_fixes(self, near: Callable[[float, float], bool]) -> dict[str, list[Fix]]:
        """Usable fixes of each unit in order; of several at one instant the first by (source, id)."""
        found: dict[str, list[Fix]] = {}
        for record in sorted(self.records, key=order):
            if record.lon is None or record.lat is None:
                continue
            accuracy = record.fields.get("accuracy")
            if accuracy is not None and accuracy > 100:
                continue
            if not near(record.lon, record.lat):
                continue
            fixes = found.setdefault(unit_of(record), [])
            if fixes and fixes[-1].at == record.at:
                continue
            day = day_of(record.at, self.zone)
            mode = record.fields.get("mode")
            fixes.append(Fix(record.at, day, record.town, record.lon, record.lat, accuracy or 0, mode))
        return found

    def _checkins(self) -> list[Visit]:
        return [
            Visit(record.fields["place"], record.at, record.at, True)
            for record in self.records
            if record.fields.get("kind") == "checkin" and record.fields.get("place")
        ]

    def _dwells(self) -> list[Visit]:
        visits = []
        days = sorted({fix.day for fixes in self.fixes.values() for fix in fixes})
        for day in days:
            pack = self.pack_of(day)
            radius, stay = pack.thresholds.get("patrol.radius_m", 50), self._stay(pack)
            owed = {rule.place for rule in pack.visit_rules}
            for place in pack.places:
                # Any listed enterprise may come to owe visits; nothing else does that no rule names.
                if place.code not in owed and place.kind != PlaceKind.ENTERPRISE:
                    continue
                if place.lon is None or place.lat is None:
                    continue
                for fixes in self.fixes.values():
                    runs = runs_at(place.lon, place.lat, [fix for fix in fixes if fix.day == day], radius)
                    long = [run for run in runs if run[-1].at - run[0].at >= stay]
                    visits += [Visit(place.code, run[0].at, run[-1].at, False) for run in long]
        return visits

    def _stay(self, pack: RegionPack) -> int:
        return round(pack.thresholds.get("patrol.dwell_s", 60) * SECOND)

    def _window(self, start: int, end: int) -> tuple[int, int]:
        """A window of today, from minutes of the day to instants."""
        midnight = day_start(self.day, self.zone)
        return midnight + start * MINUTE, midnight + end * MINUTE

    def _judge(self, target: str, town: str, place: str, times: int, window: tuple[int, int]) -> None:
        """How each visit stands that a place owes in a window of today."""
        begin, end = window
        # A window up to midnight is seen as closed in the last millisecond of its own day.
        closes = min(end, day_start(days_after(self.day, 1), self.zone) - 1)
        counted = 0
        for visit in self.visits:
            if visit.place != place:
                continue
            if visit.checkin:
                counts = begin <= visit.first < end
                moment = visit.first
            else:
                stay = self._stay(self.pack)
                counts = min(visit.last, end) - max(visit.first, begin) >= stay
                moment = max(visit.first, begin) + stay
            if counts and moment <= self.now:
                counted += 1
        for nth in range(1, times + 1):
            if counted >= nth:
                state = "met"
            elif self.now < closes:
                state = "open"
            else:
                state = self._missed(place, town, begin, end)
            self.judged.append(Judged(town, target, closes, state))

    def _missed(self, code: str, town: str, begin: int, end: int) -> str:
        """Lapsed or unobservable, of an obligation whose window closed unmet (EXACTNESS 14)."""
        assigned: tuple[str, ...] = ()
        for beat in self.pack.beats:
            if code in self.places and beat.code == self.places[code].beat:
                assigned = beat.units
        units = {unit_of(record) for record in self.records}
        if assigned:
            on_duty = [unit for unit in units if unit in assigned and self._on_duty_in(unit, begin, end, None)]
        else:
            on_duty = [unit for unit in units if self._on_duty_in(unit, begin, end, town)]
        if not on_duty:
            return "lapsed" if town in self.reported else "unobservable"
        for unit in on_duty:
            heard = 0
            fixes = self.fixes.get(unit, [])
            for earlier, later in pairwise(fixes):
                if earlier.day == later.day and later.at - earlier.at <= 2 * MINUTE:
                    heard += max(0, min(later.at, end) - max(earlier.at, begin))
            silent = (end - begin) - heard
            if not 2 * silent > end - begin:
                return "lapsed"
        return "unobservable"

    def _on_duty_in(self, unit: str, begin: int, end: int, town: str | None) -> bool:
        """Whether a unit was on duty in a window of today; with a town, whether it was so there."""
        for fix in self.fixes.get(unit, []):
            if begin <= fix.at < end and town in (None, fix.town):
                return True
        ends = [record.at for record in self._of_kind(unit, "end")]
        for start in self._of_kind(unit, "start"):
            if start.at >= end or town not in (None, start.town):
                continue
            if day_of(start.at, self.zone) not in (self.day, days_before(self.day, 1)):
                continue
            if not any(start.at < at < begin for at in ends):
                return True
        return False

    def _of_kind(self, unit: str, kind: str) -> list[Event]:
        return [r for r in self.records if unit_of(r) == unit and r.fields.get("kind") == kind]

    def obligations(self, towns: Sequence[str], state: str, target: str | None = None) -> int:
        """How many of today's obligations (to patrol points or enterprises, or both) are in a state."""
        return sum(
            1 for one in self.judged if one.town in towns and one.state == state and target in (None, one.target)
        )

    def coverage(self, towns: Sequence[str], target: str | None = None) -> tuple[int, int]:
        """Met ÷ (met + lapsed) of obligations whose window has closed (EXACTNESS 13)."""
        met = 0
        for one in self.judged:
            if one.town in towns and one.state == "met" and one.closes <= self.now and target in (None, one.target):
                met += 1
        return met, met + self.obligations(towns, "lapsed", target)

    def cells_seen(self, towns: Sequence[str]) -> tuple[int, int]:
        """Listed cells with a usable fix of today, of any unit, ÷ listed cells."""
        seen = {self.cell_of(f.lon, f.lat) for fixes in self.fixes.values() for f in fixes if f.day == self.day}
        numerator = denominator = 0
        for town in towns:
            listed = self.pack.cells.get(town, ())
            denominator += len(listed)
            numerator += sum(1 for cell in listed if cell in seen)
        return numerator, denominator

    def distance_mm(self, towns: Sequence[str]) -> int:
        """Millimetres between consecutive usable fixes of today, credited to the later fix's town."""
        total = 0
        for fixes in self.fixes.values():
            for earlier, later in pairwise(fixes):
                if earlier.day != self.day or later.day != self.day or later.town not in towns:
                    continue
                took = later.at - earlier.at
                if took > 2 * MINUTE:
                    continue
                length = round(metres(earlier.lon, earlier.lat, later.lon, later.lat) * 1000)
                limit = 25 if later.mode == "foot" else 150
                # km/h = mm/ms * 3.6, kept in integers.
                if length * 36 <= limit * 10 * took:
                    total += length
        return total

    def units_on_duty(self, towns: Sequence[str]) -> int:
        """Units on duty now, each in the town of its latest record of the last 48 hours."""
        past = [record for record in self.records if self.now - 48 * HOUR < record.at <= self.now]
        latest: dict[str, Event] = {}
        for record in sorted(past, key=order):
            latest[unit_of(record)] = record
        return sum(1 for unit, record in latest.items() if record.town in towns and self._on_duty_now(unit))

    def _on_duty_now(self, unit: str) -> bool:
        for fix in self.fixes.get(unit, []):
            if self.now - self.pack.thresholds.get("patrol.signal_minutes", 15) * MINUTE < fix.at <= self.now:
                return True
        shift_start = self._current_shift_start()
        if shift_start is None:
            return False
        ends = [record.at for record in self._of_kind(unit, "end")]
        for start in self._of_kind(unit, "start"):
            if shift_start <= start.at <= self.now and not any(start.at < at <= self.now for at in ends):
                return True
        return False

    def _current_shift_start(self) -> int | None:
        minute = minute_of(self.now, self.zone)
        for shift in self.pack.shifts:
            if in_hours(minute, shift.start, shift.end):
                day = self.day if minute >= shift.start else days_before(self.day, 1)
                return day_start(day, self.zone) + shift.start * MINUTE
        return None

    def person_times(self, towns: Sequence[str]) -> int:
        """Over each town, unit and shift of today, the most officers stated, each once."""
        most: dict[tuple[str, str, str], int] = {}
        for record in self.records:
            officers = record.fields.get("officers")
            if record.town not in towns or officers is None or day_of(record.at, self.zone) != self.day:
                continue
            minute = minute_of(record.at, self.zone)
            shift = next((s.code for s in self.pack.shifts if in_hours(minute, s.start, s.end)), "")
            key = (record.town, unit_of(record), shift)
            most[key] = max(most.get(key, 0), officers)
        return sum(most.values())

    def longest_gap_ms(self, towns: Sequence[str]) -> int | None:
        """Over places that owe visits: now − the end of the last visit of seven local days, or since when one is owed.

        ``None`` where no place owes any.
        """
        week_start = day_start(days_before(self.day, 6), self.zone)
        owing = [
            (code, max(week_start, self._owed_since(code)))
            for code in self.owed
            if code in self.places and self.places[code].town in towns
        ]
        owing += [(firm.place, max(week_start, firm.since)) for firm in self.firms if firm.town in towns]
        gaps = []
        for code, since in owing:
            ends = [
                min(visit.last, self.now)
                for visit in self.visits
                if visit.place == code and week_start <= visit.first <= self.now
            ]
            gaps.append(self.now - min(max(ends, default=since), self.now))
        return max(gaps, default=None)

    def _owed_since(self, place: str) -> int:
        """The instant from which a place has owed visits without a day in between, at most a week back."""
        day = self.day
        for _ in range(7):
            before = days_before(day, 1)
            pack = self.pack_of(before)
            if pack.valid_from > before or place not in {rule.place for rule in pack.visit_rules}:
                break
            day = before
        return day_start(max(day, self.pack.valid_from) if day == self.day else day, self.zone)


def runs_at(lon: float, lat: float, fixes: Sequence[Fix], radius: float) -> list[list[Fix]]:
    """Maximal runs of consecutive fixes at a point, on one local day, without a gap over 120 s (EXACTNESS 15)."""
    runs: list[list[Fix]] = []
    previous: Fix | None = None
    """The fix just before, when it lay at the point."""
    for fix in fixes:
        if metres(fix.lon, fix.lat, lon, lat) > max(radius, min(radius + fix.accuracy, 100)):
            previous = None
            continue
        if previous is not None and fix.day == previous.day and fix.at - previous.at <= 120 * SECOND:
            runs[-1].append(fix)
        else:
            runs.append([fix])
        previous = fix
    return runs
