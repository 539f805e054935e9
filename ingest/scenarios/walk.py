"""The way of one unit through one span of duty: to its visits and posts and back, as legs in time.

Times are seconds of the local day, points metres in a :class:`~ingest.scenarios.tracks.Frame`.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from dashboard.domain.place import Unit
from ingest.scenarios.duties import Task
from ingest.scenarios.ground import Ground
from ingest.scenarios.tracks import Leg, Point, length_m


class Paces(msgspec.Struct, frozen=True):
    """Seconds between fixes; none may come near the 120 s that break a visit."""

    moving: float
    foot: float
    visit: float
    standing: float


SPARSE = Paces(moving=60, foot=42, visit=50, standing=100)
DENSE = Paces(moving=40, foot=40, visit=40, standing=55)

KMH = {"vehicle": (25.0, 35.0), "motorcycle": (22.0, 30.0), "foot": (4.0, 5.0)}


class Walk:
    """The legs of one unit through one span of duty, from its base and back."""

    def __init__(
        self,
        ground: Ground,
        unit: Unit,
        base: Point,
        style: str,
        random: np.random.Generator,
        paces: Paces,
        begin: float,
    ) -> None:
        self.ground, self.unit, self.style, self.random, self.paces = ground, unit, style, random, paces
        self.now: float = begin
        self.base = self.at = base
        self.mode = style
        self.legs: list[Leg] = []
        self.scans: list[tuple[int, str]] = []
        self.at_place = False

    def work(self, tasks: list[Task], end: float) -> None:
        """Pay the visits in order and fill the time between them; be back at the base at ``end``."""
        for task in tasks:
            point = self.ground.points[task.place]
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
                post = self.ground.clear((self.at[0] + 90.0, self.at[1] + 60.0))
                path, mode, needs = self._way(post)
                self._travel(path, mode, needs)
                continue
            self._travel(path, mode, needs)
            self._stand(min(left, float(self.random.uniform(480, 1500))))
        spare = until - self.now - self._needs(self.at, then)
        if spare > 5:
            self._stand(spare)

    def _post(self, spare: float) -> Point:
        choices = self.ground.roam(self.unit.town) or [self.base]
        picks = [choices[k] for k in self.random.integers(0, len(choices), 3).tolist()]
        reach = 700 if self.style == "foot" and spare > 900 else 2_500
        near = min(picks, key=lambda point: abs(math.dist(point, self.at) - reach / 2))
        x, y = self.random.uniform(-70, 70, 2).tolist()
        return self.ground.clear((near[0] + x, near[1] + y))

    def _needs(self, begin: Point, end: Point) -> float:
        """About how long a way takes."""
        metres = (abs(begin[0] - end[0]) + abs(begin[1] - end[1])) * 1.12 + 60
        kmh = 4.5 if self.style == "foot" and metres < 900 else 29.0
        return metres * 3.6 / kmh

    def _way(self, end: Point) -> tuple[list[Point], str, float]:
        draw = self.random.random(2).tolist()
        path = self.ground.roads.path(self.at, end, draw[0])
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
