"""Patrol units at work: which unit visits which place when, the way it takes, and what its device sends of it.

A stream of the feed ``patrol`` over any region pack with units, beats and visit rules. Times within a day are seconds
after local midnight, points are metres in a :class:`~ingest.scenarios.tracks.Frame`.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from dashboard.domain.day import DEFAULT_ZONE, day_start, shift_day
from dashboard.domain.place import RegionPack, Shift, Unit
from ingest.scenarios.base import CLOCK, Draft, Record, Stream, day_prefix, delays, generator, repeated, seed
from ingest.scenarios.duties import Duties, Silence, Task
from ingest.scenarios.ground import Ground
from ingest.scenarios.tracks import Fixes, fixes
from ingest.scenarios.walk import DENSE, SPARSE, Paces, Walk

DAY_S = 86_400
OFFLINE_S = 25 * 60


class Patrols(Stream):
    """All units of a pack on their rounds.

    ``night_units`` work the night shift, all others the day shift. ``weak_towns`` hold most of the visits that lapse.
    From ``dense_from`` on the fixes of the day shift come every 40 s.
    """

    name = "patrol"
    feed = "patrol"

    def __init__(
        self,
        pack: RegionPack,
        scenario: str,
        source: str,
        *,
        night_units: Collection[str],
        weak_towns: tuple[str, ...],
        dense_from: int,
        zone: str = DEFAULT_ZONE,
    ) -> None:
        self.pack, self.scenario, self.source, self.zone, self.dense_from = pack, scenario, source, zone, dense_from
        self.ground = Ground(pack, scenario)
        self.frame = self.ground.frame
        self.units = pack.units or tuple(
            Unit(code, beat.town, code) for beat in pack.beats for code in dict.fromkeys(beat.units)
        )
        weak = {pack.town_by_code[name].code for name in weak_towns if name in pack.town_by_code}
        self.shifts = pack.shifts or (
            Shift("day", "白班", "Day", 480, 1200),
            Shift("night", "夜班", "Night", 1200, 480),
        )
        self.by_day = next((shift for shift in self.shifts if shift.start < shift.end), self.shifts[0])
        self.by_night = next((shift for shift in self.shifts if shift.start >= shift.end), None)
        self.night_units = frozenset(night_units) if self.by_night else frozenset()
        self.base = {unit.code: self.ground.base(unit) for unit in self.units}
        self.duties = Duties(pack, self.ground.owing, self.units, self._spans, self.by_day, self.night_units, weak)

    def expected(self, day: int) -> int:
        """About how many records a day has."""
        by_night = len(self.night_units)
        return 12 * ((len(self.units) - by_night) * (74 if day >= self.dense_from else 45) + by_night * 45)

    def day(self, day: int) -> list[Draft]:
        """All records of one local day."""
        random = generator(self.scenario, self.name, day)
        silences = self.duties.silences(random)
        tasks = self.duties.tasks(day, random, silences)
        offline = self._offline(random, silences)
        drafts: list[Draft] = []
        for unit in self.units:
            own = generator(self.scenario, self.name, day, unit.code)
            quiet = [silence for silence in silences if unit.code in silence.units]
            # Nights stay sparse, so that the history loads within a minute.
            paces = DENSE if day >= self.dense_from and unit.code not in self.night_units else SPARSE
            drafts.extend(self._unit_day(unit, day, own, tasks[unit.code], paces, quiet, offline.get(unit.code)))
        drafts.extend(repeated(drafts, random, 0.004))
        drafts.extend(self._wrong(drafts, random))
        return drafts

    def _spans(self, unit: str) -> list[tuple[int, int, Shift]]:
        if self.by_night and unit in self.night_units:
            return [(0, self.by_night.end * 60, self.by_night), (self.by_night.start * 60, DAY_S, self.by_night)]
        return [(self.by_day.start * 60, self.by_day.end * 60, self.by_day)]

    def _offline(self, random: np.random.Generator, silences: list[Silence]) -> dict[str, int]:
        """Three units that by day are without network for 25 minutes and then send their backlog at once."""
        silent = {unit for silence in silences for unit in silence.units}
        units = [unit.code for unit in self.units if unit.code not in silent | self.night_units]
        chosen = random.permutation(len(units))[:3].tolist()
        begins = random.integers(9 * 3600, 18 * 3600, len(chosen)).tolist()
        return {units[k]: begin for k, begin in zip(chosen, begins, strict=True)}

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
            walk = Walk(self.ground, unit, self.base[unit.code], style, random, paces, first)
            walk.work([task for task in tasks if begin <= task.planned < end], last)
            positions = self._positions(unit, day, fixes(walk.legs, last, random))
            if not opens and positions:
                # A shift that began the evening before states its strength to the new day.
                positions[0][1]["officers"] = self._officers(unit, shift, shift_day(day, -1))
            records.extend(positions)
            records.extend((at, self._scan(unit, day, at, place)) for at, place in walk.scans)
            if opens:
                officers = self._officers(unit, shift, day)
                records.append((first, self._stated(unit, day, first, "start", officers=officers, mode=style)))
            if closes:
                records.append((last, self._stated(unit, day, last, "end")))
        heard = [item for item in records if not any(silence.holds(item[0]) for silence in silences)]
        return self._sent(unit, day, heard, random, offline)

    def _officers(self, unit: Unit, shift: Shift, day: int) -> int:
        """How many a unit is in the shift that began on a day: two to six, at night two or three."""
        return 2 + seed(self.scenario, unit.code, shift.code, day) % (2 if unit.code in self.night_units else 5)

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
