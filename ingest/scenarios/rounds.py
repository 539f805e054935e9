"""Patrol units at work: which unit visits which place when, the way it takes, and what its device sends of it.

A stream of the feed ``patrol`` over any region pack with units, beats and visit rules. Times within a day are seconds
after local midnight, points are metres in a :class:`~ingest.scenarios.tracks.Frame`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import h3
import msgspec
import numpy as np

from dashboard.domain.day import DEFAULT_ZONE, day_start
from dashboard.domain.place import Place, PlaceKind, RegionPack, Shift, Unit
from ingest.scenarios.base import CLOCK, Draft, Record, Stream, day_prefix, delays, generator, repeated, seed
from ingest.scenarios.tracks import Fixes, Frame, Leg, Point, Roads, fixes, length_m

DAY_S = 86_400
CLEAR_M = 190.0
"""Posts keep this far from places that owe a visit: standing there must not count as one."""

SILENT = (0.15, 0.77)
"""The part of a window in which a silent beat sends nothing: more than half makes it unobservable."""

OFFLINE_S = 25 * 60


class Paces(msgspec.Struct, frozen=True):
    """Seconds between fixes; none may come near the 120 s that break a visit."""

    moving: float
    foot: float
    visit: float
    standing: float


SPARSE = Paces(moving=60, foot=42, visit=50, standing=100)
DENSE = Paces(moving=40, foot=40, visit=40, standing=55)

KMH = {"vehicle": (25.0, 35.0), "motorcycle": (22.0, 30.0), "foot": (4.0, 5.0)}


class Owed(msgspec.Struct, frozen=True):
    """One visit that a place owes on this day, with the part of the window in which it is planned."""

    place: str
    beat: str
    town: str
    begin: int
    end: int
    """The window."""
    slot: tuple[float, float]
    """This visit's share of the window: the n-th of ``times`` equal parts."""


class Task(msgspec.Struct, frozen=True):
    """A visit as given to a unit."""

    planned: float
    place: str
    end: int
    stay: float
    scans: bool


class Silence(msgspec.Struct, frozen=True):
    """Units whose devices send nothing between two moments of a day."""

    units: tuple[str, ...]
    beat: str
    begin: float
    end: float
    window: tuple[int, int] = (0, 0)

    def holds(self, second: float) -> bool:
        """Whether a moment is silent."""
        return self.begin <= second < self.end


class Patrols(Stream):
    """All units of a pack on their rounds.

    ``night`` units also work the night shift. ``weak_towns`` hold most of the visits that lapse. ``quiet_town`` has
    nobody on duty at night and says so (零报告). From ``dense_from`` on the fixes come every 40 s.
    """

    name = "patrol"
    feed = "patrol"

    def __init__(
        self,
        pack: RegionPack,
        scenario: str,
        source: str,
        *,
        night: int,
        weak_towns: tuple[str, ...],
        quiet_town: str,
        dense_from: int,
        zone: str = DEFAULT_ZONE,
    ) -> None:
        self.pack, self.scenario, self.source, self.zone, self.dense_from = pack, scenario, source, zone, dense_from
        known = [town.seat for town in pack.towns if town.seat] or [
            (place.lon, place.lat) for place in pack.places if place.lon is not None and place.lat is not None
        ]
        self.frame = Frame(sum(p[0] for p in known) / len(known), sum(p[1] for p in known) / len(known))
        self.roads = Roads(scenario)
        self.points = {
            place.code: self.frame.metres(place.lon, place.lat)
            for place in pack.places
            if place.lon is not None and place.lat is not None
        }
        self.owing = {rule.place for rule in pack.visit_rules if rule.place in self.points}
        self._near: dict[tuple[int, int], list[Point]] = defaultdict(list)
        for code in sorted(self.owing):
            x, y = self.points[code]
            self._near[(int(x // 400), int(y // 400))].append((x, y))
        self.units = pack.units or tuple(
            Unit(code, beat.town, code) for beat in pack.beats for code in dict.fromkeys(beat.units)
        )
        self.town_of = {unit.code: unit.town for unit in self.units}
        self.weak = {pack.town_by_code[name].code for name in weak_towns if name in pack.town_by_code}
        quiet = pack.town_by_code.get(quiet_town)
        self.quiet = quiet.code if quiet else ""
        self.shifts = pack.shifts or (
            Shift("day", "白班", "Day", 480, 1200),
            Shift("night", "夜班", "Night", 1200, 480),
        )
        self.by_day = next((shift for shift in self.shifts if shift.start < shift.end), self.shifts[0])
        self.by_night = next((shift for shift in self.shifts if shift.start >= shift.end), None)
        self.night_units = self._night_units(night) if self.by_night else frozenset()
        self.base = {unit.code: self._base(unit) for unit in self.units}
        self.roam = {town.code: self._roam(town.code) for town in pack.towns}

    def expected(self, day: int) -> int:
        """About how many records a day has."""
        hours = 12 * (len(self.units) + len(self.night_units))
        return round(hours * (74 if day >= self.dense_from else 45))

    def day(self, day: int) -> list[Draft]:
        """All records of one local day."""
        random = generator(self.scenario, self.name, day)
        paces = DENSE if day >= self.dense_from else SPARSE
        silences = self._silences(random)
        tasks = self._tasks(day, random, silences)
        offline = self._offline(random, silences)
        drafts: list[Draft] = []
        for unit in self.units:
            own = generator(self.scenario, self.name, day, unit.code)
            quiet = [silence for silence in silences if unit.code in silence.units]
            drafts.extend(self._unit_day(unit, day, own, tasks[unit.code], paces, quiet, offline.get(unit.code)))
        drafts.extend(repeated(drafts, random, 0.004))
        drafts.extend(self._nothing(day))
        drafts.extend(self._wrong(drafts, random))
        return drafts

    # Who works when ---------------------------------------------------------------------------------------------

    def _night_units(self, count: int) -> frozenset[str]:
        """The first unit of towns with visits owed at night, then of the others; never the quiet town's."""
        owed_at_night = {
            self.pack.place_by_code[rule.place].town
            for rule in self.pack.visit_rules
            if rule.place in self.owing and not (self.by_day.start <= rule.start and rule.end <= self.by_day.end)
        }
        firsts: dict[str, list[str]] = defaultdict(list)
        for unit in self.units:
            firsts[unit.town].append(unit.code)
        towns = sorted(
            (town for town in firsts if town != self.quiet),
            key=lambda town: (town not in owed_at_night, -len(firsts[town]), town),
        )
        return frozenset(firsts[town][0] for town in towns[:count])

    def _spans(self, unit: str) -> list[tuple[int, int, Shift]]:
        spans = [(self.by_day.start * 60, self.by_day.end * 60, self.by_day)]
        if self.by_night and unit in self.night_units:
            spans = [
                (0, self.by_night.end * 60, self.by_night),
                *spans,
                (self.by_night.start * 60, DAY_S, self.by_night),
            ]
        return spans

    def _base(self, unit: Unit) -> Point:
        stations = [place for place in self.pack.places_of(unit.town, PlaceKind.STATION) if place.code in self.points]
        seat = self.pack.town_by_code[unit.town].seat
        if stations:
            x, y = self.points[stations[seed(unit.code) % len(stations)].code]
        elif seat:
            x, y = self.frame.metres(*seat)
        else:
            x, y = next(
                (self.points[p.code] for p in self.pack.places if p.town == unit.town and p.code in self.points),
                (0.0, 0.0),
            )
        spread = generator(self.scenario, "base", unit.code).uniform(-60, 60, 2).tolist()
        return self._clear((x + spread[0], y + spread[1]))

    def _roam(self, town: str) -> list[Point]:
        cells = self.pack.cells.get(town, ())
        if cells:
            return [self.frame.metres(lon, lat) for lat, lon in (h3.cell_to_latlng(cell) for cell in cells)]
        return [
            self.points[place.code] for place in self.pack.places if place.town == town and place.code in self.points
        ]

    def _clear(self, point: Point) -> Point:
        """The point, moved away from any place that owes a visit."""
        for _ in range(8):
            cell = (int(point[0] // 400), int(point[1] // 400))
            near = [
                place
                for di in (-1, 0, 1)
                for dj in (-1, 0, 1)
                for place in self._near.get((cell[0] + di, cell[1] + dj), ())
                if math.dist(place, point) < CLEAR_M
            ]
            if not near:
                return point
            away = near[0]
            angle = math.atan2(point[1] - away[1], point[0] - away[0]) + 0.5
            point = (away[0] + (CLEAR_M + 15) * math.cos(angle), away[1] + (CLEAR_M + 15) * math.sin(angle))
        return point

    # What is owed, who lapses, who is silent ----------------------------------------------------------------------

    def _owed(self) -> list[Owed]:
        found: list[Owed] = []
        for rule in self.pack.visit_rules:
            if rule.place not in self.owing:
                continue
            place = self.pack.place_by_code[rule.place]
            begin, end = rule.start * 60, min(rule.end, 1440) * 60
            part = (end - begin) / rule.times
            found.extend(
                Owed(place.code, self._beat(place), place.town, begin, end, (begin + n * part, begin + (n + 1) * part))
                for n in range(rule.times)
            )
        return found

    def _beat(self, place: Place) -> str:
        if place.beat in self.pack.beat_by_code:
            return place.beat or ""
        return ""

    def _crew(self, owed: Owed) -> list[str]:
        """The units that could pay a visit: the beat's on duty in its slot, else the town's."""
        beat = self.pack.beat_by_code.get(owed.beat)
        of_town = [unit.code for unit in self.units if unit.town == owed.town]
        for units in (beat.units if beat else (), of_town):
            crew = [unit for unit in units if unit in self.town_of and self._best_span(unit, owed)]
            if crew:
                return crew
        return []

    def _best_span(self, unit: str, owed: Owed) -> tuple[float, float] | None:
        """The longest time of a visit's slot that a unit is on duty, less the way; ``None`` if too short."""
        spans = [
            (max(begin + 420, owed.slot[0] + 60), min(end - 900, owed.slot[1] - 900))
            for begin, end, _ in self._spans(unit)
        ]
        best = max(spans, key=lambda span: span[1] - span[0])
        return best if best[1] - best[0] >= 300 else None

    def _silences(self, random: np.random.Generator) -> list[Silence]:
        """One beat whose units all fall silent for most of a window, and one single unit for two hours."""
        windows: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for owed in self._owed():
            if owed.beat and self.by_day.start * 60 <= owed.begin and owed.end <= self.by_day.end * 60:
                windows[owed.beat].add((owed.begin, owed.end))
        # A short window and few units: a silence of hours that a flat battery explains.
        choices = sorted(
            ((end - begin) * max(1, len(self.pack.beat_by_code[beat].units)), beat, begin, end)
            for beat, found in windows.items()
            for begin, end in found
            if self.pack.town_by_code[self.pack.beat_by_code[beat].town].code not in self.weak
        )
        silences = []
        if choices:
            _, beat, begin, end = choices[int(random.integers(0, max(1, len(choices) // 2)))]
            length = end - begin
            silences.append(
                Silence(
                    tuple(self.pack.beat_by_code[beat].units),
                    beat,
                    begin + SILENT[0] * length,
                    begin + SILENT[1] * length,
                    (begin, end),
                )
            )
        single = self.units[int(random.integers(0, len(self.units)))].code
        at = float(random.uniform(9, 16)) * 3600
        silences.append(Silence((single,), "", at, at + 7200))
        return silences

    def _tasks(self, day: int, random: np.random.Generator, silences: list[Silence]) -> dict[str, list[Task]]:
        owed = self._owed()
        lost = self._lost(owed, random, silences)
        tasks: dict[str, list[Task]] = defaultdict(list)
        draws = random.random((len(owed), 4)).tolist()
        for number, (visit, draw) in enumerate(zip(owed, draws, strict=True)):
            crew = self._crew(visit)
            if number in lost or not crew:
                continue
            unit = crew[seed(visit.place, day) % len(crew)]
            span = self._best_span(unit, visit)
            assert span is not None  # noqa: S101 - the crew was chosen by it
            planned = span[0] + draw[0] * (span[1] - span[0])
            for silence in silences:
                if unit in silence.units:
                    planned = _around(planned, span, silence, visit)
            scans = draw[1] < 0.12
            stay = 35 + 20 * draw[2] if scans and draw[3] < 0.5 else 80 + 120 * draw[2]
            tasks[unit].append(Task(planned, visit.place, visit.end, stay, scans))
        for found in tasks.values():
            found.sort(key=lambda task: task.planned)
        return tasks

    def _lost(self, owed: list[Owed], random: np.random.Generator, silences: list[Silence]) -> set[int]:
        """The visits nobody pays: some 6 of 100, two thirds of them in the weak towns."""
        silent = {(silence.beat, silence.window) for silence in silences if silence.beat}
        judged = [n for n, visit in enumerate(owed) if (visit.beat, (visit.begin, visit.end)) not in silent]
        weak = [n for n in judged if owed[n].town in self.weak]
        others = [n for n in judged if owed[n].town not in self.weak]
        wanted = round(len(judged) * float(random.uniform(0.052, 0.064)))
        of_weak = min(round(wanted * 0.68), round(len(weak) * 0.4))
        picked = random.permutation(weak)[:of_weak].tolist() if weak else []
        return {int(n) for n in [*picked, *random.permutation(others)[: wanted - of_weak].tolist()]}

    def _offline(self, random: np.random.Generator, silences: list[Silence]) -> dict[str, int]:
        """Three units a day that are without network for 25 minutes and then send their backlog at once."""
        silent = {unit for silence in silences for unit in silence.units}
        units = [unit.code for unit in self.units if unit.code not in silent]
        chosen = random.permutation(len(units))[:3].tolist()
        begins = random.integers(9 * 3600, 18 * 3600, len(chosen)).tolist()
        return {units[k]: begin for k, begin in zip(chosen, begins, strict=True)}

    # The way of one unit ------------------------------------------------------------------------------------------

    def _unit_day(
        self,
        unit: Unit,
        day: int,
        random: np.random.Generator,
        tasks: list[Task],
        paces: Paces,
        silences: list[Silence],
        offline: int | None,
    ) -> list[Draft]:
        style = ("vehicle", "vehicle", "foot", "vehicle", "motorcycle", "foot")[seed(unit.code, "style") % 6]
        records: list[tuple[int, Record]] = []
        for begin, end, shift in self._spans(unit.code):
            late, early = random.integers(5, 150, 2).tolist()
            opens, closes = begin == shift.start * 60, end == shift.end * 60
            first, last = begin + late * opens, end - early * closes
            walk = _Walk(self, unit, style, random, paces, first)
            walk.work([task for task in tasks if begin <= task.planned < end], last)
            records.extend(self._positions(unit, day, fixes(walk.legs, last, random)))
            records.extend((at, self._scan(unit, day, at, place)) for at, place in walk.scans)
            if opens:
                officers = 2 + seed(self.scenario, unit.code, shift.code, day) % 5
                records.append((first, self._stated(unit, day, first, "start", officers=officers, mode=style)))
            if closes:
                records.append((last, self._stated(unit, day, last, "end")))
        heard = [item for item in records if not any(silence.holds(item[0]) for silence in silences)]
        return self._sent(unit, day, heard, random, offline)

    def _positions(self, unit: Unit, day: int, found: Fixes) -> list[tuple[int, Record]]:
        lon = np.round(self.frame.lon + found.x / self.frame.east_m, 6).tolist()
        _, lat_of_metre = self.frame.degrees(0.0, 1.0)
        lat = np.round(self.frame.lat + found.y * (lat_of_metre - self.frame.lat), 6).tolist()
        seconds = found.second.tolist()
        prefix, code, town, source = day_prefix(day), unit.code, unit.town, self.source
        return [
            (
                second,
                {
                    "id": "",
                    "source": source,
                    "town": town,
                    "at": f"{prefix}{CLOCK[second]}+08:00",
                    "unit": code,
                    "kind": "position",
                    "mode": mode,
                    "lon": x,
                    "lat": y,
                    "speed": speed,
                    "heading": heading,
                    "accuracy": accuracy,
                },
            )
            for second, x, y, speed, heading, accuracy, mode in zip(
                seconds,
                lon,
                lat,
                np.round(found.speed, 1).tolist(),
                found.heading.tolist(),
                found.accuracy.tolist(),
                found.mode,
                strict=True,
            )
        ]

    def _stated(self, unit: Unit, day: int, second: int, kind: str, **fields: object) -> Record:
        at = f"{day_prefix(day)}{CLOCK[second]}+08:00"
        return {"id": "", "source": self.source, "town": unit.town, "at": at, "unit": unit.code, "kind": kind, **fields}

    def _scan(self, unit: Unit, day: int, second: int, place: str) -> Record:
        found = self.pack.place_by_code[place]
        return self._stated(unit, day, second, "checkin", place=place, lon=found.lon, lat=found.lat)

    def _sent(
        self, unit: Unit, day: int, records: list[tuple[int, Record]], random: np.random.Generator, offline: int | None
    ) -> list[Draft]:
        records.sort(key=lambda item: item[0])
        midnight = day_start(day, self.zone)
        drafts = []
        for k, ((second, record), delay) in enumerate(zip(records, delays(random, len(records)), strict=True)):
            record["id"] = f"patrol-{day}-{unit.code}-{k:04d}"
            arrival = midnight + second * 1000 + delay
            if offline is not None and offline <= second < offline + OFFLINE_S:
                arrival = midnight + (offline + OFFLINE_S) * 1000 + 40 * (second - offline) // 4 + 500
            drafts.append(Draft(arrival, record))
        return drafts

    # Beside the rounds --------------------------------------------------------------------------------------------

    def _nothing(self, day: int) -> Iterable[Draft]:
        if not self.quiet or not self.by_night:
            return
        for n, second in enumerate((1_800, self.by_night.start * 60 + 1_800)):
            at = f"{day_prefix(day)}{CLOCK[second]}+08:00"
            record: Record = {
                "id": f"patrol-{day}-{self.quiet}-nothing-{n}",
                "source": self.source,
                "town": self.quiet,
                "at": at,
                "nothing": True,
            }
            yield Draft(day_start(day, self.zone) + second * 1000 + 700, record)

    def _wrong(self, drafts: list[Draft], random: np.random.Generator) -> list[Draft]:
        """Fewer than one row in a thousand that the door must refuse: no unit, or a town that does not exist."""
        positions = [draft for draft in drafts if draft.record.get("kind") == "position"]
        wrong = []
        for n, k in enumerate(random.integers(0, len(positions), len(positions) // 2500).tolist()):
            record = dict(positions[k].record, id=f"{positions[k].record['id']}-x{n}")
            if n % 2:
                record["town"] = f"{self.pack.region}999"
            else:
                del record["unit"]
            wrong.append(Draft(positions[k].arrival + 5, record, wrong=True))
        return wrong


def _around(planned: float, span: tuple[float, float], silence: Silence, visit: Owed) -> float:
    """When to go, given that the device is silent for a while: within it when the window is to be unobservable."""
    if silence.beat == visit.beat and silence.window == (visit.begin, visit.end):
        # Leave and arrive unseen; the way takes up to a quarter of an hour.
        begin, end = silence.begin + 600, silence.end - 1800
        return begin + (planned - span[0]) / (span[1] - span[0]) * (end - begin)
    if silence.begin - 600 <= planned < silence.end + 300:
        before, after = silence.begin - 1500, silence.end + 600
        if after < span[1]:
            return after
        if before > span[0]:
            return before
    return planned


class _Walk:
    """The legs of one unit through one span of duty, from its base and back."""

    def __init__(
        self, patrols: Patrols, unit: Unit, style: str, random: np.random.Generator, paces: Paces, begin: float
    ) -> None:
        self.patrols, self.unit, self.style, self.random, self.paces = patrols, unit, style, random, paces
        self.now: float = begin
        self.base = self.at = patrols.base[unit.code]
        self.mode = style
        self.legs: list[Leg] = []
        self.scans: list[tuple[int, str]] = []
        self.at_place = False

    def work(self, tasks: list[Task], end: float) -> None:
        """Pay the visits in order and fill the time between them; be back at the base at ``end``."""
        for task in tasks:
            point = self.patrols.points[task.place]
            self._idle(task.planned, point)
            self._visit(task, point, end)
        # Bends make a way up to a third longer than estimated.
        self._idle(end - 420, self.base)
        self._go(self.base)
        self._stand(max(1.0, end - self.now))

    def _visit(self, task: Task, point: Point, end: float) -> None:
        offset = self.random.uniform(-9, 9, 2).tolist()
        target = (point[0] + offset[0], point[1] + offset[1])
        path, mode, needs = self._way(target)
        done = self.now + needs + task.stay
        if done + 20 > task.end or done + 1.35 * self._needs(target, self.base) > end:
            return
        self._travel(path, mode, needs)
        if task.scans:
            self.scans.append((int(self.now + 12 + 0.2 * task.stay), task.place))
        self._stand(task.stay, visit=True)
        self.at_place = True

    def _idle(self, until: float, then: Point) -> None:
        """Roam the town and stand at posts so as to leave in time for ``then``."""
        for _ in range(60):
            spare = until - self.now - self._needs(self.at, then)
            if spare < (150 if self.at_place else 30):
                break
            post = self._post(spare)
            path, mode, needs = self._way(post)
            left = until - self.now - needs - self._needs(post, then)
            if left < 20:
                if not self.at_place or spare < 420:
                    break
                # Too little time for a round, too much to linger at the place: step aside.
                post = self.patrols._clear((self.at[0] + 90.0, self.at[1] + 60.0))
                path, mode, needs = self._way(post)
                self._travel(path, mode, needs)
                continue
            self._travel(path, mode, needs)
            self._stand(min(left, float(self.random.uniform(480, 1500))))
        spare = until - self.now - self._needs(self.at, then)
        if spare > 5:
            self._stand(spare)

    def _post(self, spare: float) -> Point:
        choices = self.patrols.roam.get(self.unit.town) or [self.base]
        picks = [choices[k] for k in self.random.integers(0, len(choices), 3).tolist()]
        reach = 700 if self.style == "foot" and spare > 900 else 2_500
        near = min(picks, key=lambda point: abs(math.dist(point, self.at) - reach / 2))
        x, y = self.random.uniform(-70, 70, 2).tolist()
        return self.patrols._clear((near[0] + x, near[1] + y))

    def _needs(self, begin: Point, end: Point) -> float:
        """About how long a way takes."""
        metres = (abs(begin[0] - end[0]) + abs(begin[1] - end[1])) * 1.12 + 60
        kmh = 4.5 if self.style == "foot" and metres < 900 else 29.0
        return metres * 3.6 / kmh

    def _way(self, end: Point) -> tuple[list[Point], str, float]:
        draw = self.random.random(2).tolist()
        path = self.patrols.roads.path(self.at, end, draw[0])
        metres = length_m(path)
        mode = self.style if self.style != "foot" or metres < 900 else "vehicle"
        low, high = KMH[mode]
        return path, mode, metres * 3.6 / (low + draw[1] * (high - low))

    def _go(self, end: Point) -> None:
        self._travel(*self._way(end))

    def _travel(self, path: list[Point], mode: str, needs: float) -> None:
        if needs >= 1:
            every = self.paces.foot if mode == "foot" else self.paces.moving
            self.legs.append(Leg(self.now, self.now + needs, path, mode, every))
            self.now += needs
        self.at, self.mode, self.at_place = path[-1], mode, False

    def _stand(self, seconds: float, *, visit: bool = False) -> None:
        every = self.paces.visit if visit else self.paces.standing
        self.legs.append(Leg(self.now, self.now + seconds, [self.at], self.mode, every, visit))
        self.now += seconds
