"""Paths: a road-like lattice, journeys along it, and the fixes that a phone on such a journey would report.

Everything happens in a local tangent frame: metres east and north of an origin. Over a county (some 40 km) the frame is
wrong by less than a metre in a kilometre, which is far below the noise of the fixes themselves.
"""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.scenarios.base import seed

Floats = NDArray[np.float64]
Point = tuple[float, float]
"""Metres east and north."""

EARTH_M = 6_371_008.8
DEGREE_M = math.pi * EARTH_M / 180


class Frame(msgspec.Struct, frozen=True):
    """A local tangent frame at an origin (WGS-84 degrees); longitude is scaled by the cosine of the latitude."""

    lon: float
    lat: float

    @property
    def east_m(self) -> float:
        """Metres of one degree of longitude."""
        return DEGREE_M * math.cos(math.radians(self.lat))

    def metres(self, lon: float, lat: float) -> Point:
        """Metres east and north of the origin."""
        return (lon - self.lon) * self.east_m, (lat - self.lat) * DEGREE_M

    def degrees(self, x: float, y: float) -> Point:
        """Longitude and latitude of a point of the frame."""
        return self.lon + x / self.east_m, self.lat + y / DEGREE_M


class Roads(msgspec.Struct, frozen=True):
    """An endless lattice of roads: blocks of ``block_m``, turned a little, its crossings moved by up to a fifth.

    The same crossing lies at the same point for everybody, so units use the same roads.
    """

    name: str
    block_m: float = 380.0
    turned: float = 0.17

    def crossing(self, i: int, j: int) -> Point:
        """Where a crossing lies."""
        number = seed(self.name, i, j)
        x = (i + ((number & 0xFFFF) / 0xFFFF - 0.5) * 0.4) * self.block_m
        y = (j + ((number >> 16 & 0xFFFF) / 0xFFFF - 0.5) * 0.4) * self.block_m
        cos, sin = math.cos(self.turned), math.sin(self.turned)
        return x * cos - y * sin, x * sin + y * cos

    def nearest(self, point: Point) -> tuple[int, int]:
        """The crossing next to a point."""
        cos, sin = math.cos(self.turned), math.sin(self.turned)
        x, y = point[0] * cos + point[1] * sin, point[1] * cos - point[0] * sin
        return round(x / self.block_m), round(y / self.block_m)

    def path(self, begin: Point, end: Point, bend: float) -> list[Point]:
        """A way from one point to another along the lattice. ``bend`` (0…1) says where it turns off."""
        (i, j), (to_i, to_j) = self.nearest(begin), self.nearest(end)
        if abs(to_i - i) + abs(to_j - j) <= 1:
            return [begin, end]
        middle = i + round((to_i - i) * bend)
        nodes = [
            *((k, j) for k in _steps(i, middle)),
            *((middle, k) for k in _steps(j, to_j)),
            *((k, to_j) for k in _steps(middle, to_i)),
        ]
        points = [begin]
        before = None
        for node in nodes:
            if node != before:
                points.append(self.crossing(*node))
            before = node
        return [*points, end]


def _steps(begin: int, end: int) -> range:
    return range(begin, end + 1) if begin <= end else range(begin, end - 1, -1)


def length_m(path: list[Point]) -> float:
    """The length of a path in metres."""
    return sum(math.dist(a, b) for a, b in pairwise(path))


MODES = ("foot", "vehicle", "motorcycle")


class Leg(msgspec.Struct, frozen=True):
    """A stretch of a unit's day: standing when ``path`` has one point. Seconds of the local day."""

    begin: float
    end: float
    path: list[Point]
    mode: str
    every: float
    """Seconds between fixes."""
    visit: bool = False
    """Standing at a place that owes a visit: the phone lies in the open and reports no bad fix."""


class Fixes(msgspec.Struct, frozen=True):
    """What a unit's device reported over a day, one array per column, in order of time."""

    second: NDArray[np.int64]
    x: Floats
    y: Floats
    speed: Floats
    heading: NDArray[np.int64]
    accuracy: NDArray[np.int64]
    mode: list[str]


def _times(leg: Leg, random: np.random.Generator) -> Floats:
    """When a leg reports: at its start, then regularly with a little jitter that never lengthens a gap beyond 1.1."""
    moments = np.arange(leg.begin, leg.end - 3, leg.every)
    if len(moments) > 1:
        moments[1:] += random.uniform(-0.08, 0.02, len(moments) - 1) * leg.every
    return moments


def fixes(legs: list[Leg], until: float, random: np.random.Generator) -> Fixes:
    """Fixes along a unit's legs before the second ``until``. Legs must follow each other without a gap.

    Accuracy is 4-15 m, in two of a hundred 30-120 m. A standing phone drifts by decimetres; a moving one scatters.
    About one fix in 3,000 is a glitch: a jump of kilometres, half of them with an accuracy that admits it.
    """
    times = [_times(leg, random) for leg in legs]
    counts = [len(moments) for moments in times]
    owner = np.repeat(np.arange(len(legs)), counts)
    moment = np.concatenate(times)
    second = np.floor(moment).astype(np.int64)
    fresh = np.concatenate(([True], np.diff(second) > 0)) & (second < until)
    owner, moment, second = owner[fresh], moment[fresh], second[fresh]
    knots_t: list[float] = []
    knots_x: list[float] = []
    knots_y: list[float] = []
    pace: list[float] = []
    for leg in legs:
        along = [0.0]
        for a, b in pairwise(leg.path):
            along.append(along[-1] + math.dist(a, b))
        total = along[-1]
        if total:
            span = leg.end - leg.begin
            knots_t.extend(leg.begin + span * way / total for way in along)
            pace.append(3.6 * total / span)
        else:
            knots_t.extend((leg.begin, leg.end))
            pace.append(0.0)
        path = leg.path if total else [leg.path[0]] * 2
        knots_x.extend(point[0] for point in path)
        knots_y.extend(point[1] for point in path)
    x, y = np.interp(second, knots_t, knots_x), np.interp(second, knots_t, knots_y)
    ahead_x = np.interp(second + 4, knots_t, knots_x) - np.interp(second - 1, knots_t, knots_x)
    ahead_y = np.interp(second + 4, knots_t, knots_y) - np.interp(second - 1, knots_t, knots_y)
    heading = np.rint(np.degrees(np.arctan2(ahead_x, ahead_y))).astype(np.int64) % 360
    paces = np.asarray(pace)[owner]
    moving = paces > 0
    count = len(second)
    accuracy = random.integers(4, 16, count)
    visit = np.asarray([leg.visit for leg in legs])[owner]
    bad = random.random(count) < 0.02
    accuracy[bad] = random.integers(30, 121, int(bad.sum()))
    # At a place to visit a poor fix stays below the 100 m that a visit allows.
    accuracy[bad & visit] = np.minimum(accuracy[bad & visit], 70)
    scatter = np.where(moving, 0.30, 0.05) * accuracy
    rest = random.normal(0.0, 2.5, (2, len(legs)))[:, owner]
    x = x + random.normal(0.0, 1.0, count) * scatter + rest[0] * ~moving
    y = y + random.normal(0.0, 1.0, count) * scatter + rest[1] * ~moving
    glitch = (random.random(count) < 1 / 3000) & ~visit
    jumped = int(glitch.sum())
    # Far enough that even the longest interval between two fixes implies more than 150 km/h.
    x[glitch] += random.choice([-1.0, 1.0], jumped) * random.uniform(5_000, 7_000, jumped)
    y[glitch] += random.uniform(-2_500, 2_500, jumped)
    accuracy[glitch] = np.where(random.random(jumped) < 0.5, 8, random.integers(300, 900, jumped))
    speed = np.where(moving, np.abs(paces * random.normal(1.0, 0.12, count)), 0.0)
    modes = [leg.mode for leg in legs]
    return Fixes(second, x, y, speed, heading, accuracy, [modes[k] for k in owner.tolist()])
