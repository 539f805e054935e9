"""Where patrols go: the places of a pack in metres, the roads between them, bases and posts.

Points are metres in a :class:`~ingest.scenarios.tracks.Frame` about the middle of the region.
"""

from __future__ import annotations

import math
from collections import defaultdict

import h3

from dashboard.domain.place import PlaceKind, RegionPack, Unit
from ingest.scenarios.base import generator, seed
from ingest.scenarios.tracks import Frame, Point, Roads

CLEAR_M = 190.0
"""Posts keep this far from places that owe a visit: standing there must not count as one."""


class Ground:
    """A pack as patrols see it. ``name`` seeds the roads and the bases."""

    def __init__(self, pack: RegionPack, name: str) -> None:
        self.pack, self.name = pack, name
        known = [town.seat for town in pack.towns if town.seat] or [
            (place.lon, place.lat) for place in pack.places if place.lon is not None and place.lat is not None
        ]
        self.frame = Frame(sum(p[0] for p in known) / len(known), sum(p[1] for p in known) / len(known))
        self.roads = Roads(name)
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
        self._roam = {town.code: self._posts(town.code) for town in pack.towns}

    def roam(self, town: str) -> list[Point]:
        """Where a town's units go between their visits: its listed cells, else its places."""
        return self._roam.get(town, [])

    def base(self, unit: Unit) -> Point:
        """Where a unit starts and ends: near its town's station, away from places that owe a visit."""
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
        spread = generator(self.name, "base", unit.code).uniform(-60, 60, 2).tolist()
        return self.clear((x + spread[0], y + spread[1]))

    def _posts(self, town: str) -> list[Point]:
        cells = self.pack.cells.get(town, ())
        if cells:
            return [self.frame.metres(lon, lat) for lat, lon in (h3.cell_to_latlng(cell) for cell in cells)]
        return [
            self.points[place.code] for place in self.pack.places if place.town == town and place.code in self.points
        ]

    def clear(self, point: Point) -> Point:
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
