"""Archetype *track*: fold one unit's day of records into a state, and judge a town's patrols from the states.

Folding in event order, one record at a time or all at once, gives the same state; a record that comes out of order, a
correction or a withdrawal makes the worker fold the unit's day again from the stored records (EXACTNESS 15).
Lengths are integer millimetres on the WGS-84 ellipsoid, times ms since 1970 UTC, coordinates WGS-84 degrees.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import cos, radians

import msgspec
from h3.api.basic_int import latlng_to_cell
from pyproj import Geod

from dashboard.domain.day import HOUR, MINUTE, day_end, day_of, day_start, minute_of, shift_day
from dashboard.domain.event import Event
from dashboard.domain.feed import TrackSpec
from dashboard.domain.place import Place, PlaceKind, RegionPack, VisitRule
from dashboard.domain.summary import (
    Judged,
    ObligationState,
    PlaceGap,
    TrackSummary,
    UnitDay,
    UnitNow,
)
from geodata.region import Region

GEOD = Geod(ellps="WGS84")
CELL_RESOLUTION = 9
DAY_MINUTES = 1440
GAP_DAYS = 6
"""How many earlier days are searched for a place's last visit."""
_VECTOR_FROM = 12
_DEGREE_M = 111_195.0
"""Metres a degree of latitude on a sphere."""
_SURE = 1.02
"""Over some hundred metres sphere and ellipsoid differ by less than 1 %: beyond 2 % the sphere alone can tell."""


class Fix(msgspec.Struct, frozen=True, array_like=True):
    """The last usable fix of a unit."""

    at: int
    lon: float
    lat: float
    town: str
    heading: float | None = None
    speed: float | None = None
    mode: str | None = None


class UnitState(msgspec.Struct, array_like=True):
    """One unit's local day, as far as its records tell."""

    newest: tuple[int, str, str] | None = None
    """Order key of the last record folded."""
    records: dict[str, int] = msgspec.field(default_factory=dict)
    received: dict[str, int] = msgspec.field(default_factory=dict)
    """Town -> when its latest record was received."""
    fix: Fix | None = None
    latest: tuple[int, str] | None = None
    """(at, town) of the latest record of any kind."""
    distance: dict[str, int] = msgspec.field(default_factory=dict)
    cells: set[int] = msgspec.field(default_factory=set)
    runs: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    """Place -> (first, last) of the stay that may still go on."""
    visits: list[tuple[str, int, int, bool]] = msgspec.field(default_factory=list)
    """(place, first, last, by check-in)."""
    signal: list[tuple[int, int]] = msgspec.field(default_factory=list)
    officers: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """Town -> shift code -> largest strength stated."""
    present: list[tuple[str, int, int]] = msgspec.field(default_factory=list)
    """(town, first, last) of the parts of ``signal`` whose fixes name one town."""
    duty: list[tuple[int, bool, str]] = msgspec.field(default_factory=list)
    """(at, whether it is a start, town); ends are ``False``."""
    towns: list[tuple[int, str]] = msgspec.field(default_factory=list)
    """(at, town) at every change of town, in order."""
    trail: list[tuple[int, float, float]] = msgspec.field(default_factory=list)
    dwell: int = 0
    """How long a stay must be on this day, ms: the rule may be another one by the time somebody looks back."""


class PlaceIndex:
    """Places that can be visited, by small squares: which may lie within the largest radius of a point."""

    _STEP = 0.002
    _FINE = 0.00025
    """Units go about in few small squares: the places near one of 28 m are picked out once."""
    _FINE_KEPT = 100_000

    def __init__(self, places: Iterable[Place], reach_m: float) -> None:
        self._reach_m = reach_m
        self._squares: dict[tuple[int, int], list[tuple[str, float, float, float]]] = defaultdict(list)
        self._fine: dict[tuple[float, float], tuple[tuple[str, float, float, float], ...]] = {}
        # A degree of longitude is at least 80 km up to 44° north and a degree of latitude always is.
        degrees = reach_m / 80_000 + self._FINE
        for place in places:
            if place.lon is None or place.lat is None:
                continue
            entry = (place.code, place.lon, place.lat, _DEGREE_M * cos(radians(place.lat)))
            for x in range(self._square(place.lon - degrees), self._square(place.lon + degrees) + 1):
                for y in range(self._square(place.lat - degrees), self._square(place.lat + degrees) + 1):
                    self._squares[x, y].append(entry)

    def _square(self, degrees: float) -> int:
        return int(degrees // self._STEP)

    def around(self, lon: float, lat: float) -> Sequence[tuple[str, float, float, float]]:
        """(code, lon, lat, metres a degree of longitude on a sphere) of the places that may be near."""
        key = (lon // self._FINE, lat // self._FINE)
        found = self._fine.get(key)
        return found if found is not None else self._pick(key)

    def _pick(self, key: tuple[float, float]) -> Sequence[tuple[str, float, float, float]]:
        west, south = key[0] * self._FINE, key[1] * self._FINE
        # What is within reach of any point of the square lies in this box, rounding included.
        reach = self._reach_m / 80_000 + 0.01 * self._FINE
        found = tuple(
            entry
            for entry in self._squares.get((self._square(west), self._square(south)), ())
            if west - reach <= entry[1] <= west + self._FINE + reach
            and south - reach <= entry[2] <= south + self._FINE + reach
        )
        if len(self._fine) >= self._FINE_KEPT:
            self._fine.clear()
        self._fine[key] = found
        return found


def _sought(pack: RegionPack) -> list[Place]:
    """The places that visits are looked for at."""
    owed = {rule.place for rule in pack.visit_rules}
    # An enterprise owes visits as soon as it has resumed, which no pack can know beforehand.
    return [place for place in pack.places if place.code in owed or place.kind == PlaceKind.ENTERPRISE]


@lru_cache(maxsize=16)
def _index_of(region: Region, reach_m: float) -> PlaceIndex:
    return PlaceIndex(_sought(region.pack), reach_m)


def rules(spec: TrackSpec, region: Region) -> object:
    """What folding takes from a region: its borders, shifts, and the places that visits are looked for at."""
    pack = region.pack
    places = {(place.code, place.lon, place.lat) for place in _sought(pack)}
    return (spec, pack.timezone, pack.shifts, places, getattr(region, "boundaries", None))


def _segments(start: Fix | None, fixes: Sequence[Event]) -> list[int]:
    """Geodesic length in mm from each fix's predecessor; 0 for a day's first."""
    chain = ([(start.lon, start.lat)] if start else []) + [(fix.lon or 0.0, fix.lat or 0.0) for fix in fixes]
    if len(chain) < 2:
        return [0] * len(fixes)
    if len(chain) < _VECTOR_FROM:
        lengths = [GEOD.inv(*a, *b)[2] for a, b in pairwise(chain)]
    else:
        lons, lats = zip(*chain, strict=True)
        lengths = GEOD.inv(lons[:-1], lats[:-1], lons[1:], lats[1:])[2]
    measured = [round(length * 1000) for length in lengths]
    return measured if start else [0, *measured]


def fold(state: UnitState, events: Sequence[Event], spec: TrackSpec, region: Region) -> bool:
    """Fold one unit's further records of one local day, given in event order.

    Returns ``False``, with the state spoilt, when the records do not all come after what was folded before: then the
    day must be folded again from the stored records.
    """
    if state.newest is not None and events and events[0].order <= tuple(state.newest):
        return False
    pack, zone = region.pack, region.pack.timezone
    state.dwell = spec.dwell_ms
    visits = len(state.visits)
    usable: list[Event] = []
    shifts: dict[int, str] = {}
    last_at = state.fix.at if state.fix else None
    midnight = day_start(day_of(events[0].at, zone), zone) if events else 0
    towns = state.towns
    near, max_accuracy = region.near, spec.max_accuracy_m
    latest: Event | None = None
    stated: tuple[str, int, str] | None = None
    # Every record passes here: what those of one town share is written once a town.
    here, count, newest = "", 0, 0
    for event in events:
        at, town, fields = event.at, event.town, event.fields
        if town != here:
            if count:
                _count(state, here, count, newest)
            here, count, newest = town, 0, 0
        count += 1
        if event.received_at > newest:
            newest = event.received_at
        if event.nothing:
            continue
        if not towns or towns[-1][1] != town:
            towns.append((at, town))
        latest = event
        kind = fields.get("kind")
        if kind == "start" or kind == "end":
            state.duty.append((at, kind == "start", town))
        elif kind == "checkin":
            state.visits.append((fields["place"], at, at, True))
        officers = fields.get("officers")
        if officers is not None:
            minute = (at - midnight) // MINUTE
            code = shifts.get(minute)
            if code is None:
                shift = pack.shift_at(minute)
                code = shifts[minute] = shift.code if shift else ""
            if (town, officers, code) != stated:
                stated = (town, officers, code)
                _fold_officers(state, town, officers, code)
        lon, lat = event.lon, event.lat
        # Of fixes with one and the same time the first by identity counts.
        if at != last_at and lon is not None and lat is not None:
            accuracy = fields.get("accuracy")
            if (accuracy is None or accuracy <= max_accuracy) and near(lon, lat):
                usable.append(event)
                last_at = at
    if count:
        _count(state, here, count, newest)
    if latest is not None:
        state.latest = (latest.at, latest.town)
    _fold_fixes(state, usable, _segments(state.fix, usable), spec, region)
    if len(state.visits) > visits:
        # Check-ins are taken up before the fixes of the same batch: without an order batches would show in the state.
        state.visits.sort(key=lambda visit: (visit[1], visit[2], visit[0], visit[3]))
    if events:
        state.newest = events[-1].order
    return True


def _count(state: UnitState, town: str, records: int, received: int) -> None:
    state.records[town] = state.records.get(town, 0) + records
    if received > state.received.get(town, 0):
        state.received[town] = received


def _fold_officers(state: UnitState, town: str, officers: int, code: str) -> None:
    stated = state.officers.setdefault(town, {})
    if officers > stated.get(code, 0) or code not in stated:
        stated[code] = max(stated.get(code, 0), officers)


def _fold_fixes(
    state: UnitState, fixes: Sequence[Event], lengths: Sequence[int], spec: TrackSpec, region: Region
) -> None:
    """Every fix passes here, so what the fixes of a batch share is looked up once, and a stretch is written when it
    ends."""
    if not fixes:
        return
    signal, present, trail, runs = state.signal, state.present, state.trail, state.runs
    distance, seen = state.distance, state.cells.add
    max_gap_ms, foot, other = spec.max_gap_ms, spec.max_foot_speed_kmh, spec.max_speed_kmh
    radius_m, max_radius_m = spec.radius_m, spec.max_radius_m
    around = _index_of(region, max_radius_m).around
    before_at = state.fix.at if state.fix else None
    drawn = trail[-1][0] // MINUTE if trail else None
    for event, length in zip(fixes, lengths, strict=True):
        at, lon, lat, town, fields = event.at, event.lon or 0.0, event.lat or 0.0, event.town, event.fields
        joined = before_at is not None and at - before_at <= max_gap_ms
        if before_at is not None and joined:
            limit = foot if fields.get("mode") == "foot" else other
            # mm per ms is m/s; 3.6 makes km/h.
            if length * 3.6 <= limit * (at - before_at):
                distance[town] = distance.get(town, 0) + length
        if not joined or present[-1][0] != town:
            if before_at is not None:
                _end(signal, present, before_at)
            if not joined:
                signal.append((at, at))
            present.append((town, at, at))
        seen(latlng_to_cell(lat, lon, CELL_RESOLUTION))
        candidates = around(lon, lat)
        if candidates or runs:
            reach = min(radius_m + (fields.get("accuracy") or 0.0), max_radius_m)
            _fold_stays(state, (at, lon, lat), reach, candidates, joined, spec)
        before_at = at
        minute = at // MINUTE
        if minute != drawn:
            drawn = minute
            trail.append((at, lon, lat))
            if len(trail) > 61:
                del trail[0]
    _end(signal, present, at)
    state.fix = Fix(at, lon, lat, town, fields.get("heading"), fields.get("speed"), fields.get("mode"))


def _end(signal: list[tuple[int, int]], present: list[tuple[str, int, int]], at: int) -> None:
    """Write down how far the last stretch of a signal, and of presence in a town, goes."""
    signal[-1] = (signal[-1][0], at)
    present[-1] = (present[-1][0], present[-1][1], at)


def _fold_stays(
    state: UnitState,
    fix: tuple[int, float, float],
    reach: float,
    candidates: Sequence[tuple[str, float, float, float]],
    joined: bool,
    spec: TrackSpec,
) -> None:
    """``fix``: (at, lon, lat); ``candidates``: the places that may be near it."""
    at, lon, lat = fix
    runs = state.runs
    near: list[str] = []
    # Squares of metres: a root for each place that may be near costs more than the rest.
    far, close = (reach * _SURE) ** 2, (reach / _SURE) ** 2
    for place, place_lon, place_lat, degree_m in candidates:
        east, north = (lon - place_lon) * degree_m, (lat - place_lat) * _DEGREE_M
        about = east * east + north * north
        if about > far:
            continue
        if about < close or GEOD.inv(lon, lat, place_lon, place_lat)[2] <= reach:
            near.append(place)
    if runs:
        for place in [place for place in runs if not joined or place not in near]:
            first, last = runs.pop(place)
            if last - first >= spec.dwell_ms:
                state.visits.append((place, first, last, False))
    for place in near:
        runs[place] = (runs[place][0] if place in runs else at, at)


def visits_of(state: UnitState, spec: TrackSpec) -> list[tuple[str, int, int, bool]]:
    """All visits of a unit's day, the one that may still go on included."""
    dwell = state.dwell or spec.dwell_ms
    going = [(place, first, last, False) for place, (first, last) in state.runs.items() if last - first >= dwell]
    return state.visits + going if going else state.visits


class Owed(msgspec.Struct, frozen=True):
    """A place that owes one visit a day because of what became of a case, not by a rule of the pack."""

    place: Place
    since: int
    """The instant from which it has owed visits."""
    target: str


class TrackDays(msgspec.Struct):
    """The states a judgement needs: today's and yesterday's by unit, and last visits of the days before."""

    today: Mapping[str, UnitState]
    yesterday: Mapping[str, UnitState]
    last_visits: Mapping[str, int]
    """Place -> end of its latest visit on the ``GAP_DAYS`` days before today."""
    owed: Mapping[str, Sequence[Owed]] = {}
    """Town -> what owes a visit today beyond the pack's rules."""


def last_visits(states: Iterable[UnitState], spec: TrackSpec) -> dict[str, int]:
    """Place -> end of its latest visit among some days' states."""
    latest: dict[str, int] = {}
    for state in states:
        for place, _, last, _ in visits_of(state, spec):
            if last > latest.get(place, 0):
                latest[place] = last
    return latest


class _Moment:
    """What all towns share at one moment: visits by place, duty, signal."""

    def __init__(self, days: TrackDays, spec: TrackSpec, pack: RegionPack, now: int) -> None:
        self.days, self.spec, self.pack, self.now = days, spec, pack, now
        self.zone = pack.timezone
        self.day = day_of(now, self.zone)
        self.start = day_start(self.day, self.zone)
        self.end = day_end(self.day, self.zone)
        self.visits: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
        self.cells: set[int] = set()
        for state in days.today.values():
            self.cells |= state.cells
            for place, first, last, checkin in visits_of(state, spec):
                self.visits[place].append((first, last, checkin))
        self.shift_start = self._shift_start()

    def _shift_start(self) -> int | None:
        shift = self.pack.shift_at(minute_of(self.now, self.zone))
        if shift is None:
            return None
        begins = self.start + shift.start * MINUTE
        return begins if begins <= self.now else begins - (day_end(self.day, self.zone) - self.start)

    def states(self, unit: str) -> list[UnitState]:
        """Yesterday's and today's states of a unit, in this order."""
        found = (self.days.yesterday.get(unit), self.days.today.get(unit))
        return [state for state in found if state is not None]

    def town_of(self, unit: str) -> str | None:
        """The town of the unit's latest record up to now."""
        town = None
        for state in self.states(unit):
            for at, name in state.towns:
                if at <= self.now:
                    town = name
        return town

    def on_duty(self, unit: str) -> bool:
        """EXACTNESS, units_on_duty: started and not ended in this shift, or a usable fix in the last 15 minutes."""
        if self.signal(unit):
            return True
        if self.shift_start is None:
            return False
        started = False
        for at, begins, _ in sorted(entry for state in self.states(unit) for entry in state.duty):
            if self.shift_start <= at <= self.now:
                started = begins
        return started

    def signal(self, unit: str) -> bool:
        """Whether a usable fix came in the last 15 minutes."""
        edge = self.now - self.spec.signal_ms
        # Fixes of a stretch are at most 120 s apart, so a stretch that overlaps the 15 minutes has one inside them.
        return any(first <= self.now and last > edge for state in self.states(unit) for first, last in state.signal)

    def on_duty_in(self, unit: str, start: int, end: int, town: str | None = None) -> bool:
        """Whether a unit was on duty in a window (and in a town): a start before its end and no later end before its
        start, or a usable fix in it."""
        started = False
        for at, begins, where in sorted(entry for state in self.states(unit) for entry in state.duty):
            if begins and at < end and town in (None, where):
                started = True
            elif not begins and at < start:
                started = False
        today = self.days.today.get(unit)
        return started or (
            today is not None
            and any(first < end and last >= start and town in (None, where) for where, first, last in today.present)
        )

    def silent(self, unit: str, start: int, end: int) -> int:
        """Milliseconds of a window in which a unit sent no usable fixes 120 s apart or less."""
        state = self.days.today.get(unit)
        if state is None:
            return end - start
        covered = sum(max(0, min(last, end) - max(first, start)) for first, last in state.signal)
        return end - start - covered


def summarise(
    days: TrackDays,
    spec: TrackSpec,
    pack: RegionPack,
    now: int,
    towns: Iterable[str] | None = None,
) -> dict[str, TrackSummary]:
    """Judge towns at ``now`` from unit states. Pure: the same states and moment give the same summaries."""
    moment = _Moment(days, spec, pack, now)
    wanted = list(towns) if towns is not None else [town.code for town in pack.towns]
    units = {unit: moment.town_of(unit) for unit in days.yesterday.keys() | days.today.keys()}
    return {town: _town(moment, town, units) for town in wanted}


def _town(moment: _Moment, town: str, units: Mapping[str, str | None]) -> TrackSummary:
    today, pack = moment.days.today, moment.pack
    reported = any(state.records.get(town) for state in today.values())
    received = [
        state.received[town] for state in (*moment.days.yesterday.values(), *today.values()) if town in state.received
    ]
    rules = pack.rules_by_town.get(town, ())
    owed = moment.days.owed.get(town, ())
    owing = [(rule, pack.place_by_code[rule.place], "patrol_point") for rule in rules]
    owing += [(VisitRule(one.place.code, 1, 0, DAY_MINUTES), one.place, one.target) for one in owed]
    first_day = shift_day(moment.day, -GAP_DAYS)
    searched = day_start(first_day, moment.zone)
    gaps = [
        _gap(moment, place, day_start(max(first_day, pack.owes_since(place)), moment.zone))
        for place in dict.fromkeys(rule.place for rule in rules)
    ]
    gaps += [_gap(moment, one.place.code, max(one.since, searched), one.target) for one in owed]
    here = sorted(unit for unit, where in units.items() if where == town)
    listed = pack.cell_numbers.get(town, frozenset())
    officers = [state.officers[town] for state in today.values() if town in state.officers]
    return TrackSummary(
        town=town,
        day=moment.day,
        now=moment.now,
        reported=reported,
        last_received=max(received, default=None),
        obligations=tuple(
            judged
            for rule, place, target in owing
            for judged in _judge(moment, rule, place, target, town, units, reported)
        ),
        cells_seen=len(listed & moment.cells),
        cells_listed=len(listed),
        units=tuple(_unit_now(moment, unit, town) for unit in here),
        unit_days=tuple(_unit_day(moment, unit) for unit in here if unit in today),
        person_times=sum(count for stated in officers for count in stated.values()),
        distance_mm=sum(state.distance.get(town, 0) for state in today.values()),
        gaps=tuple(sorted(gaps, key=_gap_order)),
    )


def _counting(moment: _Moment, place: str, start: int, end: int) -> list[int]:
    """When each visit that counts for a window came to count, earliest first."""
    dwell = moment.spec.dwell_ms
    counting = []
    for first, last, checkin in moment.visits.get(place, ()):
        if checkin:
            if start <= first < end:
                counting.append(first)
        elif min(last, end) - max(first, start) >= dwell:
            counting.append(max(first, start) + dwell)
    return sorted(at for at in counting if at <= moment.now)


def _judge(
    moment: _Moment,
    rule: VisitRule,
    place: Place,
    target: str,
    town: str,
    units: Mapping[str, str | None],
    reported: bool,
) -> Iterable[Judged]:
    start, end = moment.start + rule.start * MINUTE, moment.start + rule.end * MINUTE
    # A window up to midnight closes with the day's last millisecond: the figures of its day must still hold it.
    closes = min(end, moment.end - 1)
    counting = _counting(moment, rule.place, start, end)
    missed: ObligationState | None = None
    for nth in range(1, rule.times + 1):
        if nth <= len(counting):
            yield Judged(rule.place, start, closes, nth, ObligationState.MET, counting[nth - 1], target)
        elif moment.now < closes:
            yield Judged(rule.place, start, closes, nth, ObligationState.OPEN, None, target)
        else:
            missed = missed or _missed(moment, place, town, units, reported, start, end)
            yield Judged(rule.place, start, closes, nth, missed, None, target)


def _missed(
    moment: _Moment,
    place: Place,
    town: str,
    units: Mapping[str, str | None],
    reported: bool,
    start: int,
    end: int,
) -> ObligationState:
    """Lapsed or unobservable (EXACTNESS 14)."""
    beat = moment.pack.beat_by_code.get(place.beat or "")
    if beat is not None and beat.units:
        on_duty = [unit for unit in beat.units if moment.on_duty_in(unit, start, end)]
    else:
        on_duty = [unit for unit in units if moment.on_duty_in(unit, start, end, town)]
    if not on_duty:
        return ObligationState.LAPSED if reported else ObligationState.UNOBSERVABLE
    if all(moment.silent(unit, start, end) * 2 > end - start for unit in on_duty):
        return ObligationState.UNOBSERVABLE
    return ObligationState.LAPSED


def _gap(moment: _Moment, place: str, first: int, target: str = "patrol_point") -> PlaceGap:
    """``first``: since when the place has owed visits, for one that was never visited."""
    ends = [min(last, moment.now) for begun, last, _ in moment.visits.get(place, ()) if begun <= moment.now]
    if place in moment.days.last_visits:
        ends.append(moment.days.last_visits[place])
    if ends:
        return PlaceGap(place, max(ends), True, target)
    return PlaceGap(place, first, False, target)


def _gap_order(gap: PlaceGap) -> tuple[int, str]:
    return (gap.since, gap.place)


def _unit_now(moment: _Moment, unit: str, town: str) -> UnitNow:
    fix, trail = None, []
    for state in moment.states(unit):
        fix = state.fix or fix
        trail += [point for point in state.trail if moment.now - HOUR <= point[0] <= moment.now]
    return UnitNow(
        unit=unit,
        town=town,
        at=fix.at if fix else None,
        lon=fix.lon if fix else None,
        lat=fix.lat if fix else None,
        heading=fix.heading if fix else None,
        speed=fix.speed if fix else None,
        mode=fix.mode if fix else None,
        on_duty=moment.on_duty(unit),
        signal=moment.signal(unit),
        trail=tuple(trail),
    )


def _unit_day(moment: _Moment, unit: str) -> UnitDay:
    state = moment.days.today[unit]
    visits = sorted(visits_of(state, moment.spec), key=lambda visit: visit[1])
    return UnitDay(
        unit=unit,
        signal=tuple((first, last) for first, last in state.signal),
        standing=tuple((first, last) for _, first, last, checkin in visits if not checkin),
        visits=tuple((place, first, last) for place, first, last, _ in visits),
    )


def next_change(summary: TrackSummary, spec: TrackSpec, pack: RegionPack) -> int:
    """When time alone will next change what this summary says (EXACTNESS 10); at the latest in six minutes.

    Six minutes are a tenth of an hour, the finest step in which the longest gap is shown.
    """
    now = summary.now
    moments = [now + 6 * MINUTE, day_end(summary.day, pack.timezone)]
    moments += [judged.end for judged in summary.obligations if judged.end > now]
    moments += [unit.at + spec.signal_ms for unit in summary.units if unit.at is not None and unit.signal]
    start = day_start(summary.day, pack.timezone)
    moments += [start + shift.start * MINUTE for shift in pack.shifts]
    return min(at for at in moments if at > now)


__all__ = ["Owed", "TrackDays", "UnitState", "fold", "last_visits", "next_change", "summarise", "visits_of"]
