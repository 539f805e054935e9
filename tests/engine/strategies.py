"""Generated streams for the proof of EXACTNESS 24, and the small made-up region in which they happen.

:func:`streams` yields what a road would carry: batches of versions in order of arrival, with duplicates, reordering,
late records, corrections of higher and lower ``rev``, withdrawals, identical bodies, skewed clocks, midnight, shift
changes, silent towns, units that cross borders, bad accuracy, teleports, and dwells, rechecks and windows near each
threshold; cases over many days that go forward, back and round, move between towns and are named by two sources;
beside them the moments at which figures are asked for and the points at which a worker dies. Nothing here
knows how a figure is computed. Times are ms since 1970 UTC, coordinates WGS-84 degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import h3
import msgspec
from hypothesis import strategies as st

from dashboard.domain.event import Event
from dashboard.domain.place import (
    Beat,
    DutyHours,
    Place,
    PlaceKind,
    RegionPack,
    Shift,
    Town,
    Unit,
    VisitRule,
)

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MIDNIGHT = 1_581_955_200_000
"""The start of 18 February 2020 in Shanghai; fixes and readings lie within a day and a half of it, cases may have begun
up to nine days before."""
TOWNS = ("900000001", "900000002", "900000003")
UNITS = ("u1", "u2", "u3", "u4", "u5")
CHECKPOINTS = ("K1", "K2", "K3", "K4", "K5", "K6")
DEGREE_M = 111_000.0
"""Metres in a degree of latitude, near enough for placing things."""
POINTS = {
    # The first town: a beat with units, points 333 m and 1.4 km apart (walked or driven within a minute).
    "P1": (TOWNS[0], 120.9000, 30.8000, "W1"),
    "P2": (TOWNS[0], 120.9000, 30.8030, "W1"),
    "P3": (TOWNS[0], 120.9150, 30.8000, "W1"),
    # The second: a beat without units, and a point of no beat, 78 m from the border's other side.
    "P4": (TOWNS[1], 120.9300, 30.8000, "W2"),
    "P5": (TOWNS[1], 120.9400, 30.8000, None),
    "P6": (TOWNS[1], 120.9496, 30.8000, "W3"),
    # The third: within reach of P6 at once, and a point that has no coordinates (check-in only).
    "P7": (TOWNS[2], 120.9504, 30.8000, None),
    "P8": (TOWNS[2], None, None, None),
}

FIRMS = {
    # Listed enterprises: one of a beat with units, one that a walk from P3 passes, one without coordinates.
    "E1": (TOWNS[0], 120.9020, 30.8000, "W1"),
    "E2": (TOWNS[1], 120.9160, 30.8000, None),
    "E3": (TOWNS[2], None, None, None),
}
UNLISTED_FIRMS = ("E8", "E9")
CASES = ("D1", "D2", "D3", "D4")

CrashPoint = Literal["before_commit", "after_commit", "after_publish"]
CRASH_POINTS: tuple[CrashPoint, ...] = ("before_commit", "after_commit", "after_publish")


@dataclass(frozen=True)
class Crash:
    """The worker dies at a point of its handling of a batch (an index into the stream's batches)."""

    batch: int
    point: CrashPoint


@dataclass(frozen=True)
class Stream:
    """What arrives, when it is looked at, and where the worker dies."""

    batches: tuple[tuple[Event, ...], ...]
    """In order of arrival; redeliveries and resends are in it."""
    moments: tuple[int, ...]
    """Values of ``now``, ascending."""
    crashes: tuple[Crash, ...]

    @property
    def arrivals(self) -> list[Event]:
        """Every arrival in order."""
        return [event for batch in self.batches for event in batch]


SPOTS = POINTS | FIRMS


def cell_of(lon: float, lat: float) -> str:
    """The H3 resolution 9 cell."""
    return str(h3.latlng_to_cell(lat, lon, 9))


def near(lon: float, lat: float) -> bool:
    """Whether a point lies in the made-up region or close to it."""
    return 120.7 <= lon <= 121.15 and 30.6 <= lat <= 31.0


def _listed() -> dict[str, tuple[str, ...]]:
    cells: dict[str, list[str]] = {}
    for town, lon, lat, _ in POINTS.values():
        if lon is None or lat is None:
            continue
        for cell in (cell_of(lon, lat), cell_of(lon + 0.02, lat + 0.02)):
            if cell not in cells.setdefault(town, []):
                cells[town].append(cell)
    return {town: tuple(found) for town, found in cells.items()}


PACK = RegionPack(
    region="made-up",
    name="试验区",
    name_en="Made-up County",
    valid_from=20200201,
    timezone="Asia/Shanghai",
    towns=tuple(Town(code, f"镇{n}", f"Town {n}", "made-up") for n, code in enumerate(TOWNS, 1)),
    places=(
        *(
            Place(code, PlaceKind.PATROL_POINT, town, f"点{code}", code, lon=lon, lat=lat, beat=beat)
            for code, (town, lon, lat, beat) in POINTS.items()
        ),
        *(
            Place(code, PlaceKind.CHECKPOINT, TOWNS[n // 2], f"卡点{code}", code, lon=120.9 + n / 50, lat=30.81)
            for n, code in enumerate(CHECKPOINTS)
        ),
        *(
            Place(code, PlaceKind.ENTERPRISE, town, f"厂{code}", code, lon=lon, lat=lat, beat=beat)
            for code, (town, lon, lat, beat) in FIRMS.items()
        ),
    ),
    beats=(
        Beat("W1", TOWNS[0], "一班", "Beat 1", units=("u1", "u2")),
        Beat("W2", TOWNS[1], "二班", "Beat 2"),
        Beat("W3", TOWNS[1], "三班", "Beat 3", units=("u3",)),
    ),
    visit_rules=(
        VisitRule("P1", 2, 480, 540),
        VisitRule("P1", 1, 0, 30),
        VisitRule("P2", 1, 480, 1200),
        VisitRule("P3", 3, 0, 1440),
        VisitRule("P4", 1, 480, 540),
        VisitRule("P5", 1, 540, 600),
        VisitRule("P6", 1, 480, 600),
        VisitRule("P7", 1, 480, 540),
        VisitRule("P8", 1, 1410, 1440),
    ),
    shifts=(Shift("day", "白班", "Day", 480, 1200), Shift("night", "夜班", "Night", 1260, 420)),
    duty_hours=(
        DutyHours("K1", 480, 1080),
        DutyHours("K2", 1320, 360),
        DutyHours("K3", 0, 0),
        DutyHours("K5", 540, 600),
    ),
    units=tuple(Unit(code, TOWNS[n % 3], code, code) for n, code in enumerate(UNITS)),
    cells=_listed(),
    thresholds={"fever.infrared/wrist": 36.8, "fever./face": 37.0, "fever.thermal_camera/": 37.6},
    version="made-up",
)
"""Three towns, six checkpoints, eight patrol points, three enterprises, two shifts (none from 20:00 to 21:00 and from 7:00 to 8:00),
beats with and without units."""

ANCHORS = tuple(
    MIDNIGHT + day * DAY + minute * MINUTE
    for day, minute in (
        (-1, 540), (-1, 1260), (-1, 1410), (0, 0), (0, 0), (0, 30), (0, 420), (0, 480), (0, 480), (0, 510), (0, 540),
        (0, 540), (0, 600), (0, 720), (0, 1200), (0, 1260), (0, 1410), (1, 0), (1, 0), (1, 480),
    )
)  # fmt: skip
"""Instants near which something can go wrong: midnights, shift changes, and the beginnings and ends of windows."""
NUDGES = (0, 0, 1, -1, SECOND, -SECOND, MINUTE, -MINUTE, 59 * SECOND, -61 * SECOND, 10 * MINUTE, -15 * MINUTE, HOUR)


@st.composite
def instants(draw: st.DrawFn) -> int:
    """An instant on, near or some way off an anchor."""
    anchor = draw(st.sampled_from(ANCHORS))
    return anchor + draw(st.sampled_from(NUDGES) | st.integers(-3 * HOUR, 3 * HOUR))


def _event(feed: str, at: int, town: str, subject: str, **fields: Any) -> Event:
    """A record yet without id, source and times of reception, which :func:`streams` gives."""
    lon, lat = fields.pop("lon", None), fields.pop("lat", None)
    said = {name: value for name, value in fields.items() if value is not None}
    return Event(feed, "", "", town, subject, at, at, 0, lon, lat, said)


@st.composite
def walks(draw: st.DrawFn, units: Sequence[str] = UNITS, towns: Sequence[str] = TOWNS) -> list[Event]:
    """A unit's fixes: it stands by places for a while, jumps between them, and its device is not always good."""
    unit = draw(st.sampled_from(units))
    at = draw(instants())
    step = draw(st.sampled_from((20, 30, 60, 60, 119, 120, 121))) * SECOND
    mode = draw(st.sampled_from((None, "foot", "vehicle")))
    officers = draw(st.sampled_from((None, 1, 2, 5)))
    # Either the device names the town of the place or, as forms do, always that of its owner.
    own_town = draw(st.sampled_from((None, *towns)))
    found: list[Event] = []
    for _ in range(draw(st.integers(1, 4))):
        spots = [code for code, (town, lon, *_) in SPOTS.items() if lon and town in towns]
        place = draw(st.sampled_from(spots))
        town, lon, lat, _ = SPOTS[place]
        assert lon is not None
        assert lat is not None
        # The last but one is 300 m off; the last is outside any region.
        north_m = draw(st.sampled_from((0, 0, 20, 48, 52, 75, 98, 102, 300, 3_000_000)))
        accuracy = draw(st.sampled_from((None, None, 0, 10.0, 30.0, 60.0, 100.0, 100.5, 300.0)))
        for _ in range(draw(st.sampled_from((1, 2, 2, 3, 4, 7)))):
            found.append(
                _event(
                    "patrol",
                    at,
                    own_town or town,
                    unit,
                    unit=unit,
                    kind="position",
                    mode=mode,
                    officers=officers,
                    accuracy=accuracy,
                    lon=lon,
                    lat=lat + north_m / DEGREE_M,
                )
            )
            at += step
        at += draw(st.sampled_from((0, 0, 0, -step, SECOND - step, 5 * MINUTE)))
    return found


@st.composite
def signals(draw: st.DrawFn, units: Sequence[str] = UNITS, towns: Sequence[str] = TOWNS) -> list[Event]:
    """A unit's device heard without a break for about half of a window, near no place."""
    unit, town = draw(st.sampled_from(units)), draw(st.sampled_from(towns))
    start = MIDNIGHT + draw(st.sampled_from((475, 480, 485, 510))) * MINUTE
    fixes = draw(st.sampled_from((15, 16, 30, 31, 32, 61)))
    step = draw(st.sampled_from((60, 60, 120, 121))) * SECOND
    return [
        _event("patrol", start + n * step, town, unit, unit=unit, kind="position", lon=120.96, lat=30.85 + n / 10_000)
        for n in range(fixes)
    ]


@st.composite
def duties(draw: st.DrawFn, units: Sequence[str] = UNITS, towns: Sequence[str] = TOWNS) -> list[Event]:
    """Starts and ends of duty, check-ins and reports of nothing."""
    kind = draw(st.sampled_from(("start", "start", "end", "checkin", "checkin", "nothing")))
    at = draw(instants())
    town = draw(st.sampled_from(towns))
    if kind == "nothing":
        feed = draw(st.sampled_from(("patrol", "patrol", "temperature", "dispute", "enterprise")))
        return [msgspec.structs.replace(_event(feed, at, town, f"0:{town}"), nothing=True)]
    unit = draw(st.sampled_from(units))
    officers = draw(st.sampled_from((None, 1, 3, 4)))
    place = None
    if kind == "checkin":
        own = [code for code, (of, *_) in SPOTS.items() if of in towns]
        place = draw(st.sampled_from([*own, *UNLISTED_FIRMS]))
    position: dict[str, float] = {}
    if draw(st.booleans()):
        position = {"lon": 120.9, "lat": 30.8}
    return [_event("patrol", at, town, unit, unit=unit, kind=kind, officers=officers, place=place, **position)]


@st.composite
def device_runs(draw: st.DrawFn, towns: Sequence[str] = TOWNS) -> list[Event]:
    """A device's readings, few or many, near the sizes from which drift is told."""
    device = draw(st.sampled_from(("d1", "d2", "d3", "d4", None)))
    method, site = draw(st.sampled_from((("infrared", "forehead"), ("infrared", "forehead"), ("contact", "axillary"))))
    checkpoint, town = draw(_checkpoints(towns))
    at = draw(instants())
    step = draw(st.sampled_from((0, 1, 20, 60))) * SECOND
    base = draw(st.sampled_from((36.1, 36.25, 36.5, 36.8)))
    code = draw(st.sampled_from((None, "green", "green", "yellow", "none")))
    many = draw(st.sampled_from((2, 5, 19, 20, 21, 26, 52)))
    return [
        _event(
            "temperature",
            at + n * step,
            town,
            checkpoint,
            checkpoint=checkpoint,
            device=device,
            celsius=round(base + n * 7 % 5 / 100 + n % 3 / 1000, 3),
            method=method,
            site=site,
            health_code=code,
        )
        for n in range(many)
    ]


@st.composite
def _checkpoints(draw: st.DrawFn, towns: Sequence[str]) -> tuple[str, str]:
    """A checkpoint and the town that its record names: mostly its own; some checkpoints are on no list."""
    town = draw(st.sampled_from(towns))
    number = TOWNS.index(town)
    own = CHECKPOINTS[2 * number : 2 * number + 2]
    # An unlisted code always names the same town: nothing says to which of two it would belong.
    return draw(st.sampled_from((*own, *own, *own, f"K-new-{number}", CHECKPOINTS[0]))), town


@st.composite
def fevers(draw: st.DrawFn, towns: Sequence[str] = TOWNS) -> list[Event]:
    """A reading near the threshold and what follows it: recheck, transfer, nothing, too late, elsewhere."""
    at = draw(instants())
    person = draw(st.sampled_from((None, "p1", "p2")))
    checkpoint, town = draw(_checkpoints(towns))
    found: list[Event] = []
    for _ in range(draw(st.integers(1, 4))):
        method, site = draw(
            st.sampled_from(((None, None), ("infrared", "wrist"), ("contact", "face"), ("thermal_camera", "forehead")))
        )
        found.append(
            _event(
                "temperature",
                at,
                town,
                checkpoint,
                checkpoint=checkpoint,
                celsius=draw(st.sampled_from((36.5, 36.8, 36.999, 37.0, 37.299, 37.2996, 37.3, 37.6, 38.5))),
                method=method,
                site=site,
                device_threshold=draw(st.sampled_from((None, None, 36.9, 37.3, 38.0))),
                device_verdict=draw(st.sampled_from((None, None, "normal", "fever"))),
                outcome=draw(st.sampled_from((None, None, "pass", "recheck", "transferred"))),
                health_code=draw(st.sampled_from((None, "green", "red"))),
                person_ref=person,
            )
        )
        at += draw(st.sampled_from((0, 1, 5 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE, 30 * MINUTE + 1)))
        if draw(st.booleans()):
            checkpoint, town = draw(_checkpoints(towns))
    return found


STEPS = (0, 0, 1, SECOND, MINUTE, HOUR, 5 * HOUR, DAY, DAY - 1, DAY + 1, 2 * DAY, 2 * DAY + 1, 3 * DAY)
"""From one record of a case to the next, some on the edges of ages and limits."""
DISPUTE_STAGES = ("reported", "accepted", "mediating", "resolved", "escalated", "withdrawn")
ENTERPRISE_STAGES = (
    "registered", "applied", "reviewing", "committed", "approved", "posted", "resumed", "suspended",
)  # fmt: skip


# Strategies that are drawn for every record are made once: making them costs more than drawing from them.
_STEP = st.sampled_from(STEPS)
_BACK = st.sampled_from((0, 0, 0, DAY, 2 * DAY, 3 * DAY, 7 * DAY))
_MOVES = st.sampled_from((False, False, False, False, False, True))
_SAID = st.sampled_from((0, 1, 1, 1, 2))
_DUE = st.none() | st.sampled_from((0, 1, -1, HOUR, DAY)) | st.sampled_from(ANCHORS)
"""An offset from the record, or an instant."""
_OF_DISPUTE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "kind": st.sampled_from((None, None, "wages", "housing", "other")),
        "parties": st.sampled_from((None, 2)),
        "handler": st.sampled_from((None, "P-1", "P-2")),
        "due": _DUE,
    }
)
_OF_ENTERPRISE = st.fixed_dictionaries(
    {
        "scale": st.sampled_from((None, "above", "below")),
        "industry": st.sampled_from((None, None, "电子", "纺织")),
        "review": st.sampled_from((None, "safety:passed", "epidemic:returned")),
        "staff_total": st.sampled_from((None, 0, 10, 250)),
        "staff_returned": st.sampled_from((None, 0, 4, 180)),
        "liaison": st.sampled_from((None, None, "P-7")),
        # Two enterprises in one building; one that stands at a patrol point; a place nobody has listed.
        "place": st.sampled_from((None, None, None, None, "E1", "P5", "X1")),
        "lon": st.sampled_from((None, None, 120.93)),
    }
)
ROUNDS = (
    ("applied", "reviewing", "reviewing", "applied", "reviewing", "committed", "approved", "posted", "resumed"),
    ("resumed", "suspended", "resumed"),
    ("resumed", "resumed"),
    ("registered", "resumed"),
    ("resumed",),
)
_DOCKET = st.lists(st.sampled_from(CASES), min_size=1, max_size=4, unique=True)
_SETTLING = st.sampled_from(
    (
        ("reported", "resolved"),
        ("reported", "accepted", "mediating", "resolved"),
        ("reported", "resolved", "mediating", "resolved"),
        ("accepted", "escalated"),
        ("reported", "withdrawn"),
    )
)
_ROUND = st.sampled_from(ROUNDS)
_COURSES: dict[tuple[str, ...], st.SearchStrategy[list[str]]] = {
    stages: st.lists(st.sampled_from(stages), min_size=1, max_size=6) for stages in (DISPUTE_STAGES, ENTERPRISE_STAGES)
}


@st.composite
def _courses(draw: st.DrawFn, stages: tuple[str, ...]) -> list[str]:
    """Stages in the usual order with some left out or said twice, or in any order at all."""
    if draw(st.booleans()):
        start = draw(st.integers(0, len(stages) - 1))
        return [stage for stage in stages[start:] for _ in range(draw(_SAID))]
    return draw(_COURSES[stages])


@st.composite
def disputes(draw: st.DrawFn, towns: Sequence[str] = TOWNS) -> list[Event]:
    """Some disputes' records: every stage and none, due times on, before or after what follows, sometimes moved."""
    found: list[Event] = []
    for case in draw(_DOCKET):
        found += draw(_dispute(case, towns))
    return found


@st.composite
def _dispute(draw: st.DrawFn, case: str, towns: Sequence[str]) -> list[Event]:
    where = st.sampled_from(towns)
    town, at = draw(where), draw(instants()) - draw(_BACK)
    found = []
    for stage in draw(_SETTLING) if draw(st.booleans()) else draw(_courses(DISPUTE_STAGES)):
        said = draw(_OF_DISPUTE)
        if said["due"] is not None and said["due"] <= DAY:
            said["due"] += at
        found.append(_event("dispute", at, town, case, case=case, stage=stage, **said))
        at += draw(_STEP)
        if draw(_MOVES):
            town = draw(where)
    return found


@st.composite
def enterprises(draw: st.DrawFn, towns: Sequence[str] = TOWNS) -> list[Event]:
    """An enterprise's records: on its way, returned by a reviewer and applying again, stopped and back again."""
    own = [code for code, (town, *_) in FIRMS.items() if town in towns]
    firm, where = draw(st.sampled_from((*own, *own, *UNLISTED_FIRMS))), st.sampled_from(towns)
    town = FIRMS[firm][0] if firm in own else draw(where)
    at = draw(instants()) - draw(_BACK)
    found = []
    for stage in draw(_ROUND) if draw(st.booleans()) else draw(_courses(ENTERPRISE_STAGES)):
        said = draw(_OF_ENTERPRISE)
        said["lat"] = 30.8 if said["lon"] else None
        found.append(_event("enterprise", at, town, firm, enterprise=firm, stage=stage, **said))
        at += draw(_STEP)
        if draw(_MOVES):
            town = draw(where)
    return found


@st.composite
def visits_to_firms(draw: st.DrawFn, towns: Sequence[str] = TOWNS) -> list[Event]:
    """An enterprise that resumed some days ago, and somebody who checks in there, at the edges of days too."""
    own = [code for code, (town, *_) in FIRMS.items() if town in towns]
    firm = draw(st.sampled_from((*own, *UNLISTED_FIRMS)))
    town = FIRMS[firm][0] if firm in own else draw(st.sampled_from(towns))
    back = draw(st.sampled_from((1, 1, 2, 5)))
    resumed = draw(instants()) - back * DAY
    at = draw(instants() | st.sampled_from((MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + DAY - 1, MIDNIGHT + DAY)))
    unit = draw(st.sampled_from(UNITS))
    return [
        _event("enterprise", resumed, town, firm, enterprise=firm, stage="resumed"),
        _event("patrol", at, town, unit, unit=unit, kind="checkin", place=firm),
    ]


@st.composite
def _corrected(draw: st.DrawFn, event: Event) -> Event:
    """Another version of a record: other figures, another time, town, unit or place, or a withdrawal."""
    # A rev of 0 is one that the source did not give. Received later all the same, it is ordered by that.
    rev = draw(st.sampled_from((0, 0, event.rev, event.rev + 1, max(0, event.rev - 1), 9)))
    event = msgspec.structs.replace(event, rev=rev, received_at=event.received_at + draw(st.integers(1, 3 * HOUR)))
    what = draw(st.sampled_from(("void", "void", "same", "at", "day", "town", "subject", "value")))
    fields = dict(event.fields)
    if what == "void":
        return msgspec.structs.replace(event, void=True, fields={}, lon=None, lat=None)
    if what == "at":
        return msgspec.structs.replace(event, at=event.at + draw(st.sampled_from((-MINUTE, SECOND, MINUTE, HOUR))))
    if what == "day":
        return msgspec.structs.replace(event, at=event.at + draw(st.sampled_from((-DAY, DAY))))
    if what == "town":
        return msgspec.structs.replace(event, town=draw(st.sampled_from(TOWNS))) if not _unlisted(event) else event
    if what == "subject" and "unit" in fields:
        unit = draw(st.sampled_from(UNITS))
        return msgspec.structs.replace(event, subject=unit, fields=fields | {"unit": unit})
    if what == "subject" and "checkpoint" in fields:
        code = draw(st.sampled_from(CHECKPOINTS))
        return msgspec.structs.replace(event, subject=code, fields=fields | {"checkpoint": code})
    if what == "subject" and "case" in fields:
        code = draw(st.sampled_from(CASES))
        return msgspec.structs.replace(event, subject=code, fields=fields | {"case": code})
    if what == "subject" and "enterprise" in fields:
        code = draw(st.sampled_from((*FIRMS, *UNLISTED_FIRMS)))
        return msgspec.structs.replace(event, subject=code, fields=fields | {"enterprise": code})
    if what == "value" and "stage" in fields:
        stages = DISPUTE_STAGES if "case" in fields else ENTERPRISE_STAGES
        changed = {name: value for name, value in fields.items() if name not in ("due", "liaison", "place")}
        return msgspec.structs.replace(event, fields=changed | {"stage": draw(st.sampled_from(stages))})
    if what == "value" and "celsius" in fields:
        return msgspec.structs.replace(event, fields=fields | {"celsius": draw(st.sampled_from((36.4, 37.3, 38.1)))})
    if what == "value" and event.lat is not None:
        return msgspec.structs.replace(event, lat=event.lat + draw(st.sampled_from((30, 60, 500))) / DEGREE_M)
    return event


def _unlisted(event: Event) -> bool:
    return str(event.fields.get("checkpoint", "")).startswith("K-new")


@st.composite
def streams(draw: st.DrawFn, max_parts: int = 10) -> Stream:
    """A stream of the core feeds, of some or all. Of an example without parts nothing arrives at all."""
    towns = tuple(draw(st.lists(st.sampled_from(TOWNS), min_size=1, max_size=3, unique=True)))
    units = tuple(draw(st.lists(st.sampled_from(UNITS), min_size=1, max_size=3, unique=True)))
    moving = (
        walks(units, towns), walks(units, towns), duties(units, towns), duties(units, towns), signals(units, towns),
    )  # fmt: skip
    measuring = (device_runs(towns), device_runs(towns), fevers(towns), fevers(towns))
    lasting = (disputes(towns), enterprises(towns), enterprises(towns), visits_to_firms(towns))
    mixture = draw(
        st.sampled_from(
            ((*moving, *measuring), (*moving, *measuring), (*lasting, duties(units, towns)), (*moving, *lasting))
        )
    )
    parts = draw(st.lists(st.one_of(*mixture), max_size=max_parts))
    records: list[Event] = []
    for number, part in enumerate(parts):
        # Ids repeat between sources, and sources share a unit or a checkpoint.
        source = draw(st.sampled_from(("s1", "s2")))
        # A device is ahead or behind by up to ten minutes, or sends what it kept for hours.
        delay = draw(st.sampled_from((0, SECOND, SECOND, -9 * MINUTE, 6 * MINUTE, 3 * HOUR, 26 * HOUR)))
        rev = draw(st.sampled_from((0, 0, 5)))
        for place, event in enumerate(part):
            records.append(
                msgspec.structs.replace(
                    event,
                    source=source,
                    id=f"{number}-{place}",
                    received_at=event.at + delay,
                    rev=rev,
                    skewed=abs(delay) > 5 * MINUTE,
                )
            )
    versions = list(records)
    if records:
        for victim in draw(st.lists(st.sampled_from(records), max_size=8)):
            changed = draw(_corrected(victim))
            versions.append(changed)
            if draw(st.booleans()):
                versions.append(draw(_corrected(changed)))
        for again in draw(st.lists(st.sampled_from(versions), max_size=6)):
            # A redelivery is the same to the last bit; a resend is received again.
            versions.append(again)
            versions.append(msgspec.structs.replace(again, received_at=again.received_at + MINUTE))
    arrivals = draw(_disordered(versions))
    return Stream(_cut(arrivals, draw(st.integers(1, 60))), draw(_moments(records)), draw(_crashes()))


@st.composite
def _disordered(draw: st.DrawFn, versions: list[Event]) -> list[Event]:
    """In order of reception, as listed, backwards, or shuffled."""
    how = draw(st.sampled_from(("received", "received", "listed", "backwards", "shuffled")))
    if how == "received":
        return sorted(versions, key=lambda event: event.received_at)
    if how == "backwards":
        return versions[::-1]
    if how == "shuffled":
        # One seed in place of a drawn permutation: hundreds of draws would exhaust an example.
        draw(st.randoms(use_true_random=False)).shuffle(shuffled := list(versions))
        return shuffled
    return versions


def _cut(arrivals: Sequence[Event], size: int) -> tuple[tuple[Event, ...], ...]:
    return tuple(tuple(arrivals[start : start + size]) for start in range(0, len(arrivals), size))


@st.composite
def _moments(draw: st.DrawFn, records: Sequence[Event]) -> tuple[int, ...]:
    """Moments near anchors, at the ends of days, and near thresholds of what was recorded."""
    moment: st.SearchStrategy[int] = instants() | st.sampled_from((0, 1, 2)).map(lambda day: MIDNIGHT + day * DAY - 1)
    if records:
        after = st.sampled_from(
            (0, -1, 1, MINUTE, 10 * MINUTE, 15 * MINUTE, 15 * MINUTE - 1, 30 * MINUTE, -10 * MINUTE, -10 * MINUTE - 1,
             DAY - 1, DAY, 2 * DAY, 2 * DAY + 1, 3 * DAY - 1, 3 * DAY, 7 * DAY)
        )  # fmt: skip
        marks = [record.at for record in records]
        marks += [record.fields["due"] for record in records if "due" in record.fields]
        moment |= st.builds(int.__add__, st.sampled_from(marks), after)
    return tuple(sorted(draw(st.lists(moment, min_size=1, max_size=4, unique=True))))


@st.composite
def _crashes(draw: st.DrawFn) -> tuple[Crash, ...]:
    """Deaths of the worker; a batch beyond the last one's index means that this one does not happen."""
    crash = st.builds(Crash, st.integers(0, 9), st.sampled_from(CRASH_POINTS))
    return tuple(sorted(draw(st.lists(crash, max_size=3, unique=True)), key=lambda c: (c.batch, c.point)))
