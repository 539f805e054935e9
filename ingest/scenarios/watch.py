"""Units on duty that check in at their points: feed ``patrol`` where a report tells of strength and not of tracks.

Every unit of a pack works its shift every day; what it states as its strength is the scenario's. Between check-ins it
sends its position on the straight way to the next point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dashboard.domain.day import HOUR, MINUTE, day_start
from dashboard.domain.place import Place, PlaceKind, RegionPack, Unit
from ingest.scenarios.base import Draft, delays, generator
from ingest.scenarios.counted import Prepared

Strength = Callable[[int, int], int]
"""(day's number, unit's number) -> officers."""

STEPS = 12
"""Positions a unit sends on its way between two points."""


class Watch(Prepared):
    """All units of a pack on all days."""

    def __init__(
        self,
        pack: RegionPack,
        source: str,
        days: Sequence[int],
        strength: Strength,
        *,
        night: str = "夜巡组",
        missed: float = 0.05,
    ) -> None:
        super().__init__("patrol", "watch", source)
        self.pack, self.days, self.strength, self.night, self.missed = pack, days, strength, night, missed

    def laid_out(self) -> list[Draft]:
        drafts: list[Draft] = []
        for count, day in enumerate(self.days):
            random = generator(self.source, "watch", day)
            for number, unit in enumerate(self.pack.units):
                points = self.pack.places_of(unit.town, PlaceKind.PATROL_POINT)
                drafts += self._shift(unit, points, day, self.strength(count, number), random)
        return drafts

    def _shift(
        self, unit: Unit, points: Sequence[Place], day: int, officers: int, random: np.random.Generator
    ) -> list[Draft]:
        by_night = unit.name == self.night
        begin = day_start(day) + (20 if by_night else 8) * HOUR + int(random.integers(0, 5)) * MINUTE
        end = day_start(day) + (23 * HOUR + 50 * MINUTE if by_night else 19 * HOUR + 50 * MINUTE)
        said = {"town": unit.town, "unit": unit.code, "officers": officers, "mode": "vehicle"}
        found = [self.draft(f"{unit.code}-{day}-start", begin, said | {"kind": "start"}, 900)]
        stops = [] if by_night else [place for _ in range(3) for place in points]
        step = (end - begin) // (len(stops) + 1)
        here = points[0]
        for nth, place in enumerate(stops):
            at = begin + nth * step + int(random.integers(4, 9)) * MINUTE
            found += self._way(unit, here, place, at, begin + (nth + 1) * step, f"{day}-{nth}", random)
            here = place
            if random.random() >= self.missed:
                came = {"town": unit.town, "unit": unit.code, "kind": "checkin", "place": place.code}
                found.append(self.draft(f"{unit.code}-{day}-{nth}", at + step // 2, came, 1200))
        over = {"town": unit.town, "unit": unit.code, "kind": "end"}
        return [*found, self.draft(f"{unit.code}-{day}-end", end, over, 900)]

    def _way(
        self, unit: Unit, here: Place, there: Place, begin: int, end: int, key: str, random: np.random.Generator
    ) -> list[Draft]:
        if here.lon is None or here.lat is None or there.lon is None or there.lat is None:
            return []
        waits = delays(random, STEPS)
        found = []
        for nth in range(STEPS):
            share = nth / STEPS
            position = {
                "town": unit.town,
                "unit": unit.code,
                "kind": "position",
                "mode": "vehicle",
                "lon": round(here.lon + (there.lon - here.lon) * share, 6),
                "lat": round(here.lat + (there.lat - here.lat) * share, 6),
                "accuracy": int(random.integers(4, 16)),
            }
            at = begin + nth * min(100_000, (end - begin) // (STEPS + 1))
            found.append(self.draft(f"{unit.code}-{key}-{nth}", at // 1000 * 1000, position, waits[nth]))
        return found


class Gates(Prepared):
    """People passing the checkpoints of a pack: readings by the hour, few fevers, each followed by a recheck."""

    def __init__(self, pack: RegionPack, source: str, days: Sequence[int], a_day: int = 60) -> None:
        super().__init__("temperature", "gates", source)
        self.pack, self.days, self.a_day = pack, days, a_day

    def laid_out(self) -> list[Draft]:
        drafts: list[Draft] = []
        gates = [place for place in self.pack.places if place.kind == PlaceKind.CHECKPOINT]
        for day in self.days:
            random = generator(self.source, "gates", day)
            for gate in gates:
                # Two peaks: to work and home.
                seconds = np.concatenate(
                    [
                        random.normal(8.2 * 3600, 4000, self.a_day // 2),
                        random.normal(17.3 * 3600, 5000, self.a_day // 2),
                    ]
                )
                waits = delays(random, self.a_day)
                for nth, second in enumerate(sorted(np.clip(seconds, 0, 86_000).astype(int).tolist())):
                    fever = random.random() < 0.002
                    said = {
                        "town": gate.town,
                        "checkpoint": gate.code,
                        "device": f"{gate.code}-D1",
                        "celsius": round(float(random.normal(37.8 if fever else 36.4, 0.2)), 1),
                        "method": "infrared",
                        "site": "forehead",
                        "direction": "in" if nth % 2 else "out",
                        "person_ref": f"p{nth:05d}{day}",
                        "health_code": "yellow" if fever else "green",
                        "outcome": "transferred" if fever else "pass",
                    }
                    at = day_start(day) + second * 1000
                    drafts.append(self.draft(f"{gate.code}-{day}-{nth}", at, said, waits[nth]))
        return drafts


__all__ = ["Gates", "Strength", "Watch"]
