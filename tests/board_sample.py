"""An invented afternoon of the nine towns of Jiashan, exact and repeatable: 24 February 2020, 14:32.

Real summaries behind the real board: 42 obligations a town in all four states, 31 units of which four have no signal,
27 checkpoints of which one is silent, seven fevers of which one awaits its recheck. ``step`` moves the clock two
seconds at a time. Nothing here is a record of those towns.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import msgspec
import shapely
from shapely.geometry.base import BaseGeometry

from dashboard.access.viewer import LOCAL_VIEWER, Viewer
from dashboard.domain.day import HOUR, MINUTE, day_of, day_start, shift_day
from dashboard.domain.place import Beat, DutyHours, Place, PlaceKind, RegionPack, Shift, Town, Unit, VisitRule
from dashboard.domain.summary import (
    CaseSummary,
    CheckpointNow,
    DriftNow,
    FeverNow,
    FeverState,
    Judged,
    ObligationState,
    PlaceGap,
    ReadingSummary,
    Summary,
    TrackSummary,
    UnitDay,
    UnitNow,
)
from dashboard.queries.board import Board
from geodata.pack import load_pack
from geodata.region import Region
from tests import board_cases

DAY = 20200224
NOW = day_start(DAY) + 14 * HOUR + 32 * MINUTE
ZONE = "Asia/Shanghai"
PACK_FOLDER = Path(__file__).resolve().parent.parent / "geodata" / "packs" / "jiashan"

TOWNS = (
    Town("330421001", "魏塘街道", "Weitang", "330421", (), (120.911894, 30.850213)),
    Town("330421002", "罗星街道", "Luoxing", "330421", (), (120.890445, 30.82702)),
    Town("330421003", "惠民街道", "Huimin", "330421", (), (120.970317, 30.839171)),
    Town("330421102", "大云镇", "Dayun", "330421", (), (120.945421, 30.785379)),
    Town("330421103", "西塘镇", "Xitang", "330421", (), (120.88716, 30.941155)),
    Town("330421105", "干窑镇", "Ganyao", "330421", (), (120.895144, 30.889147)),
    Town("330421107", "陶庄镇", "Taozhuang", "330421", (), (120.810527, 30.968584)),
    Town("330421111", "姚庄镇", "Yaozhuang", "330421", (), (120.957169, 30.912129)),
    Town("330421112", "天凝镇", "Tianning", "330421", (), (120.816163, 30.892046)),
)
BIG = {"330421001", "330421002", "330421003", "330421103"}
GATE_NAMES = ("东出口", "大桥", "西村口")
POINT_NAMES = (
    "老街", "农贸市场", "工业点 1 号", "工业点 2 号", "村部", "物流园", "客运站",
    "科创园", "水产市场", "渡口", "小学", "卫生院", "园区北", "园区南",
)  # fmt: skip
WINDOWS = ((8 * 60, 11 * 60), (11 * 60, 14 * 60), (14 * 60, 18 * 60))
LAPSES = {
    "330421002": 5,
    "330421107": 4,
    "330421112": 2,
    "330421001": 1,
    "330421105": 2,
    "330421103": 1,
    "330421111": 1,
    "330421003": 1,
    "330421102": 0,
}
UNSEEN = {"330421107": 3, "330421002": 2, "330421103": 1, "330421105": 1, "330421003": 1}
SILENT_UNITS = {"330421107-U2", "330421103-U3", "330421105-U1", "330421001-U4"}
SILENT_GATE = "330421107-K02"
LOAD = (
    40,
    25,
    18,
    22,
    60,
    190,
    640,
    1180,
    1240,
    980,
    860,
    790,
    760,
    920,
    880,
    930,
    1010,
    1180,
    960,
    620,
    380,
    240,
    150,
    80,
)
"""Readings an hour of all checkpoints together, before each town's share and the day's chance."""
FEVERS = {
    DAY: (
        ("330421001", 0, 7, 12, 37_500, FeverState.CLEARED),
        ("330421003", 1, 8, 5, 37_400, FeverState.CLEARED),
        ("330421103", 0, 8, 41, 37_600, FeverState.CLEARED),
        ("330421002", 2, 10, 20, 37_400, FeverState.CLEARED),
        ("330421102", 0, 11, 8, 38_100, FeverState.TRANSFERRED),
        ("330421003", 0, 12, 48, 37_400, FeverState.CLEARED),
        ("330421111", 0, 14, 29, 37_900, FeverState.PENDING),
    ),
    shift_day(DAY, -1): tuple(
        ("330421001" if hour % 2 else "330421111", 0, hour, 10, 37_500, FeverState.CLEARED)
        for hour in (5, 7, 7, 8, 8, 8, 9, 11, 11, 13, 16, 18)
    ),
}


def _unit_count(town: str) -> int:
    return 4 if town in BIG else 3


def _somewhere(town: Town, key: str, taken: list[tuple[float, float]], apart: float) -> tuple[float, float]:
    """A point of the town, away from its border and from the points that are there already."""
    chance = random.Random(f"{town.code}{key}")
    whole = _boundaries()[town.code]
    inner = shapely.buffer(whole, -0.006)
    west, south, east, north = whole.bounds
    for attempt in range(400):
        point = (round(chance.uniform(west, east), 5), round(chance.uniform(south, north), 5))
        near = min((math.dist(point, other) for other in taken), default=1.0)
        if shapely.contains_xy(inner, *point) and near > apart * (1 - attempt / 400):
            break
    taken.append(point)
    return point


def _pack() -> RegionPack:
    places: list[Place] = []
    for town in TOWNS:
        taken: list[tuple[float, float]] = []
        for number, name in enumerate(POINT_NAMES, start=1):
            lon, lat = _somewhere(town, f"P{number}", taken, 0.016)
            short = town.name[:2]
            code = f"{town.code}-P{number:02d}"
            beat = f"{town.code}-B{1 + number % 2}"
            places.append(Place(code, PlaceKind.PATROL_POINT, town.code, f"{short}{name}", "", lon, lat, beat))
        for number, name in enumerate(GATE_NAMES, start=1):
            lon, lat = _somewhere(town, f"K{number}", taken, 0.03)
            code = f"{town.code}-K{number:02d}"
            places.append(Place(code, PlaceKind.CHECKPOINT, town.code, f"{town.name[:2]}{name}", "", lon, lat))
    units = [
        Unit(f"{town.code}-U{n}", town.code, f"{town.name[:2]}{'一二三四'[n - 1]}组", f"{town.name_en} unit {n}")
        for town in TOWNS
        for n in range(1, _unit_count(town.code) + 1)
    ]
    return RegionPack(
        region="330421",
        name="嘉善县",
        name_en="Jiashan",
        valid_from=20200123,
        timezone=ZONE,
        towns=TOWNS,
        places=tuple(places),
        beats=tuple(
            Beat(
                f"{t.code}-B{n}", t.code, f"{t.name[:2]}{'一二'[n - 1]}段", f"{t.name_en} beat {n}", (f"{t.code}-U{n}",)
            )
            for t in TOWNS
            for n in (1, 2)
        ),
        visit_rules=tuple(
            VisitRule(place.code, 1, first, last)
            for place in places
            if place.kind == PlaceKind.PATROL_POINT
            for first, last in WINDOWS
        ),
        shifts=(Shift("day", "白班", "Day shift", 480, 1200), Shift("night", "夜班", "Night shift", 1200, 480)),
        duty_hours=tuple(DutyHours(place.code, 0, 0) for place in places if place.kind == PlaceKind.CHECKPOINT),
        units=tuple(units),
        titles={"wall_zh": "嘉善县疫情防控与复工复产", "wall_en": "Jiashan epidemic control and resumption"},
        version="sample000001",
    )


@lru_cache(maxsize=1)
def sample_region() -> Region:
    """The sample's region."""
    return Region(_pack(), _boundaries())


@lru_cache(maxsize=1)
def _boundaries() -> dict[str, BaseGeometry]:
    """Those of the built-in pack where it is, else cells around the seats."""
    try:
        known = load_pack(PACK_FOLDER).boundaries
    except Exception:
        known = {}
    if set(known) >= {town.code for town in TOWNS}:
        return {town.code: known[town.code] for town in TOWNS}
    seats = [shapely.Point(town.seat) for town in TOWNS if town.seat]
    frame = shapely.buffer(shapely.convex_hull(shapely.MultiPoint(seats)), 0.045)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(seats), extend_to=frame))
    shapes: dict[str, BaseGeometry] = {}
    for town, seat in zip(TOWNS, seats, strict=True):
        cell = next(cell for cell in cells if shapely.contains(cell, seat))
        shapes[town.code] = shapely.intersection(cell, frame)
    return shapes


@lru_cache(maxsize=64)
def _round_of(town: str, n: int, places: int) -> list[int]:
    return random.Random(f"{town}{n}path").sample(range(places), places)


class SampleDays:
    """Summaries of any town at any moment; the same moment always gives the same summaries."""

    def __init__(self, calm: bool = False) -> None:
        self.calm = calm

    def track(self, town: str, now: int) -> TrackSummary:
        """A town's patrols at a moment."""
        day = day_of(now, ZONE)
        start = day_start(day, ZONE)
        judged, last_visit = self._obligations(town, day, now)
        units = tuple(self._unit(town, n, now) for n in range(1, _unit_count(town) + 1))
        hour = (now - start) / HOUR
        gaps = sorted(
            (PlaceGap(place, since, since > start - 12 * HOUR) for place, since in last_visit.items()),
            key=lambda gap: (gap.since, gap.place),
        )
        patrolled = max(0.0, min(1.0, (hour - 7) / 9))
        chance = random.Random(f"{town}{day}cells")
        return TrackSummary(
            town=town,
            day=day,
            now=now,
            reported=True,
            last_received=now - 8_000 - 1_000 * (int(town[-2:]) % 7),
            obligations=judged,
            cells_seen=round((96 + chance.randint(-8, 8)) * patrolled**0.7),
            cells_listed=118,
            units=units,
            unit_days=tuple(UnitDay(unit.unit, ((start + 8 * HOUR, now),), (), ()) for unit in units if unit.signal),
            person_times=_unit_count(town) * 3 if hour >= 8 else 0,
            distance_mm=int(41_240_000 * patrolled * _unit_count(town) / 3),
            gaps=tuple(gaps),
        )

    def _obligations(self, town: str, day: int, now: int) -> tuple[tuple[Judged, ...], dict[str, int]]:
        start = day_start(day, ZONE)
        chance = random.Random(f"{town}{day}visits")
        slots = [(n, window) for window in WINDOWS[:2] for n in range(1, 15)]
        chance.shuffle(slots)
        lapses = 0 if self.calm else LAPSES[town] + (day != DAY)
        unseen = 0 if self.calm else UNSEEN.get(town, 0)
        lapsed, dark = set(slots[:lapses]), set(slots[lapses : lapses + unseen])
        found: list[Judged] = []
        last_visit: dict[str, int] = {}
        for n in range(1, 15):
            place = f"{town}-P{n:02d}"
            last_visit[place] = start - chance.randint(3, 15) * HOUR - chance.randint(0, 59) * MINUTE
            for window in WINDOWS:
                first, end = start + window[0] * MINUTE, start + window[1] * MINUTE
                met = first + chance.randint(5, 175) * MINUTE + (window == WINDOWS[2]) * chance.randint(0, 60) * MINUTE
                state, met_at = ObligationState.OPEN, None
                if (n, window) in lapsed or (n, window) in dark:
                    if now >= end:
                        state = ObligationState.LAPSED if (n, window) in lapsed else ObligationState.UNOBSERVABLE
                elif now >= met:
                    state, met_at = ObligationState.MET, met
                    last_visit[place] = met
                found.append(Judged(place, first, end, 1, state, met_at))
        return tuple(found), last_visit

    def _unit(self, town: str, n: int, now: int) -> UnitNow:
        code = f"{town}-U{n}"
        silent = code in SILENT_UNITS and not self.calm
        at = now - 50 * MINUTE if silent else now - 8_000
        trail = tuple((moment, *self._path(town, n, moment)) for moment in range(at - 58 * MINUTE, at + 1, 2 * MINUTE))
        (_, x0, y0), (_, x1, y1) = trail[-2], trail[-1]
        heading = math.degrees(math.atan2((x1 - x0) * 0.86, y1 - y0)) % 360
        return UnitNow(code, town, at, x1, y1, round(heading, 1), 14.0, "vehicle", True, not silent, trail)

    def _path(self, town: str, n: int, at: int) -> tuple[float, float]:
        """Round the points of the town, 14 minutes from one to the next, each unit in an order of its own."""
        places = sample_region().pack.places_of(town, PlaceKind.PATROL_POINT)
        order = _round_of(town, n, len(places))
        leg, share = divmod(at / MINUTE / 14, 1)
        here, there = places[order[int(leg) % len(order)]], places[order[(int(leg) + 1) % len(order)]]
        bend = 0.002 * math.sin(share * math.pi)
        lon = (here.lon or 0) + ((there.lon or 0) - (here.lon or 0)) * share + bend
        lat = (here.lat or 0) + ((there.lat or 0) - (here.lat or 0)) * share - bend
        return round(lon, 5), round(lat, 5)

    def reading(self, town: str, now: int) -> ReadingSummary:
        """A town's temperatures at a moment."""
        day = day_of(now, ZONE)
        start = day_start(day, ZONE)
        share = (1.3 if town in BIG else 0.8) / 9.2 * 4.1
        chance = random.Random(f"{town}{day}load")
        hourly = []
        for hour in range(24):
            whole = LOAD[hour] * share * chance.uniform(0.9, 1.1)
            passed = max(0.0, min(1.0, (now - start - hour * HOUR) / HOUR))
            hourly.append(int(whole * passed))
        screened = sum(hourly)
        fevers = self._fevers(town, day, now)
        gates = []
        for n in range(1, 4):
            code = f"{town}-K{n:02d}"
            silent = code == SILENT_GATE and not self.calm and now >= day_start(DAY) + 14 * HOUR + 24 * MINUTE
            last = day_start(DAY) + 14 * HOUR + 14 * MINUTE if silent else now - 41_000
            own = sum(1 for fever in fevers if fever.checkpoint == code)
            gates.append(CheckpointNow(code, True, not silent, last, screened // 3, own))
        return ReadingSummary(
            town=town,
            day=day,
            now=now,
            reported=True,
            last_received=now - 41_000,
            screened=screened,
            hourly=tuple(hourly),
            fever_count=len(fevers),
            fever_confirmed=sum(1 for fever in fevers if fever.state == FeverState.TRANSFERRED),
            fevers=tuple(fevers),
            codes={"green": screened - screened // 60, "yellow": screened // 90, "red": 0, "none": screened // 200},
            refused=0,
            checkpoints=tuple(gates),
            drifts=(DriftNow(f"D-{town[-3:]}1", f"{town}-K01", "infrared", "forehead", 120, 50),),
        )

    def _fevers(self, town: str, day: int, now: int) -> list[FeverNow]:
        if self.calm:
            return []
        found = []
        for number, (where, gate, hour, minute, milli, state) in enumerate(FEVERS.get(day, ()), start=1):
            at = day_start(day, ZONE) + hour * HOUR + minute * MINUTE
            if where == town and at <= now:
                late = state == FeverState.PENDING and now - at > 30 * MINUTE
                shown = FeverState.UNRESOLVED if late else state
                rule = "threshold:infrared/forehead"
                found.append(FeverNow(f"{town}-K{gate + 1:02d}", at, milli, rule, shown, f"A-{number + 10}"))
        return found[::-1]

    def at(self, feed: str, now: int) -> dict[str, Summary]:
        """Every town's summary of a feed at a moment; feeds without a sample have none."""
        makers: dict[str, Callable[[str, int], Summary]] = {
            "patrol": self.track,
            "temperature": self.reading,
            "dispute": lambda town, moment: board_cases.disputes(town, moment, self.calm),
            "enterprise": lambda town, moment: board_cases.enterprises(town, moment, self.calm),
        }
        make = makers.get(feed)
        return {town.code: make(town.code, now) for town in TOWNS} if make else {}


class SampleTrends:
    """Stands where the board's trends stand: yesterday, courses and ends of days."""

    def __init__(self, days: SampleDays) -> None:
        self.days = days
        self._yesterday: dict[str, tuple[int, dict[str, Summary]]] = {}
        self._courses: dict[tuple[str, int], list[tuple[int, dict[str, Summary]]]] = {}

    def yesterday(self, feed: str, now: int) -> dict[str, Summary]:
        """Summaries of yesterday at this time of day."""
        moment = (now - 24 * HOUR) // MINUTE * MINUTE
        if self._yesterday.get(feed, (0, {}))[0] != moment:
            self._yesterday[feed] = (moment, self.days.at(feed, moment))
        return self._yesterday[feed][1]

    def course(self, feed: str, day: int, now: int) -> list[tuple[int, dict[str, Summary]]]:
        """(minute, summaries) every half hour, so far as the day has gone."""
        start = day_start(day, ZONE)
        held = self._courses.setdefault((feed, day), [])
        while len(held) <= 48 and start + 30 * len(held) * MINUTE <= now:
            minute = 30 * len(held)
            # The last point of a day stands a moment before midnight, when it is still that day.
            held.append((minute, self.days.at(feed, start + minute * MINUTE - (minute == 1440))))
        return held

    def day_end(self, feed: str, day: int) -> dict[str, Summary]:
        """Summaries of a past day at its end."""
        return self.days.at(feed, day_start(shift_day(day, 1), ZONE) - 1)


_TRENDS = {calm: SampleTrends(SampleDays(calm)) for calm in (False, True)}


class SampleBoard(Board):
    """The board of the sample ``step`` moves after 14:32.

    ``missing``: (feed, town) pairs that have not reported. ``old``: feed -> age in ms of its last record, ``None`` for
    a feed of which nothing ever came. ``calm``: a day on which nothing is wrong. ``world``: replay or live. ``at``: another
    moment altogether, ms.
    """

    def __init__(
        self,
        step: int = 0,
        viewer: Viewer = LOCAL_VIEWER,
        *,
        missing: tuple[tuple[str, str], ...] = (),
        old: dict[str, int | None] | None = None,
        calm: bool = False,
        world: str = "replay",
        at: int | None = None,
        **health: Any,
    ) -> None:
        now = NOW + 2_000 * step if at is None else at
        days = _TRENDS[calm].days
        summaries: dict[str, dict[str, Summary]] = {}
        for feed in ("patrol", "temperature", "dispute", "enterprise"):
            found = days.at(feed, now)
            age = (old or {}).get(feed, 0)
            if age is None:
                found = {}
            elif age:
                found = {code: _aged(one, now - age) for code, one in found.items()}
            summaries[feed] = {
                code: _unreported(one) if (feed, code) in missing else one for code, one in found.items()
            }
        super().__init__(
            cast(Any, summaries),
            now,
            48_213 + step,
            sample_region(),
            viewer,
            cast(Any, _TRENDS[calm]),
            health=(lambda: health) if health else None,
        )
        self.world, self.speed = world, 30.0 if world == "replay" else 1.0


def _aged(one: Summary, received: int) -> Summary:
    return msgspec.structs.replace(one, last_received=received)


def _unreported(one: Summary) -> Summary:
    if isinstance(one, CaseSummary):
        return msgspec.structs.replace(one, reported=False, ever=False, last_received=None, cases=())
    return msgspec.structs.replace(one, reported=False, last_received=None)
