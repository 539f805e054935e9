"""The figures object of a snapshot: every number that any of its forms shows, and nothing that is laid out.

Instants are ms since 1970 UTC, days local yyyymmdd, ratios 0…1. A missing value is ``None``. No person stands in it:
places, towns and counts only. ``SCHEMA`` names the version of this shape; readers of older files stay able to.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SCHEMA = "townwatch.snapshot/1"

Kind = Literal["day", "week", "campaign"]


class Cell(msgspec.Struct, frozen=True):
    """One KPI of one town (``all``: of the edition), with the same time of yesterday and of a week ago."""

    kpi: str
    feed: str
    town: str
    unit: str
    decimals: int
    value: float | int | None
    numerator: float | int | None
    denominator: int | None
    qualifier: str
    before: float | int | None = None
    before_numerator: float | int | None = None
    before_denominator: int | None = None
    week: float | int | None = None
    detail: dict[str, float | int] = {}


class Definition(msgspec.Struct, frozen=True):
    """What a figure is, in both languages: (zh, en)."""

    kpi: str
    feed: str
    name: tuple[str, str]
    measure: tuple[str, str]
    definition: tuple[str, str]


class TownName(msgspec.Struct, frozen=True):
    """A town of the edition."""

    code: str
    name: str
    name_en: str


class Outline(msgspec.Struct, frozen=True):
    """A town on the map: an SVG path and where its label goes, in a box of :attr:`Brief.map_size`."""

    town: str
    path: str
    x: float
    y: float


class DayPoint(msgspec.Struct, frozen=True):
    """A figure of one day; ``partial``: the day was not over."""

    day: int
    value: float | int | None
    partial: bool = False


class Trend(msgspec.Struct, frozen=True):
    """A KPI through the last days, oldest first."""

    kpi: str
    points: tuple[DayPoint, ...]


class Course(msgspec.Struct, frozen=True):
    """Patrol coverage through the day: (minute, value) of today so far and of all yesterday."""

    today: tuple[tuple[int, float], ...]
    yesterday: tuple[tuple[int, float], ...]


class Stage(msgspec.Struct, frozen=True):
    """Cases that stand in one stage on the way. ``median_ms`` is how long they have stood there."""

    stage: str
    name: tuple[str, str]
    count: int
    stuck: int
    median_ms: int | None
    limit_hours: float | None
    stuck_towns: tuple[tuple[str, int], ...]


class ShiftRow(msgspec.Struct, frozen=True):
    """Obligations whose window begins in a shift. Coverage is ``met`` ÷ (``met`` + ``lapsed``) of closed windows."""

    shift: str
    name: tuple[str, str]
    met: int
    lapsed: int
    open: int
    unobservable: int


class Gap(msgspec.Struct, frozen=True):
    """A place that has gone unvisited longest. ``visited`` is false when it never was."""

    place: str
    name: str
    town: str
    since: int
    visited: bool
    target: str


class Fevers(msgspec.Struct, frozen=True):
    """From readings to what became of the fevers; the states add up to ``fever``."""

    screened: int | None
    fever: int | None
    pending: int
    cleared: int
    confirmed: int
    transferred: int
    unresolved: int
    low: float | None
    high: float | None
    points: tuple[tuple[str, str, str, int], ...]
    """(checkpoint, its name, town, fevers), most first."""


class Disputes(msgspec.Struct, frozen=True):
    """The periodic report: cases opened in the period and what became of them; no parties, no case numbers."""

    opened: int
    resolved: int
    escalated: int
    withdrawn: int
    under_way: int
    kinds: tuple[tuple[str, tuple[str, str], int, int], ...]
    """(kind, its name, opened in the period, open now)."""
    ages: tuple[tuple[str, tuple[str, str], int], ...]


class Point(msgspec.Struct, frozen=True):
    """A point for attention with the facts that say why. ``kind`` decides its sentence."""

    kind: str
    level: int
    town: str
    kpi: str
    value: float | int | None
    facts: dict[str, float | int | str]


class Follow(msgspec.Struct, frozen=True):
    """What became of a point of the last snapshot: ``closed``, ``better``, ``open`` or ``worse``."""

    point: Point
    state: str
    now: float | int | None


class Order(msgspec.Struct, frozen=True):
    """Work about a feed (``""``: about alerts) that was given out in a town. ``late`` is part of what is left."""

    town: str
    feed: str
    given: int
    closed: int
    late: int


class Correction(msgspec.Struct, frozen=True):
    """A figure of an earlier snapshot that reads otherwise by what is known now.

    ``up`` and ``down`` are what was added and taken away over the towns (gross, of the numerator); ``value`` − the
    published one is the net. ``late``, ``changed`` and ``withdrawn`` count the records of that day that became known
    after its publication.
    """

    day: int
    kpi: str
    published: float | int | None
    value: float | int | None
    up: float | int
    down: float | int
    late: int
    changed: int
    withdrawn: int


class Silence(msgspec.Struct, frozen=True):
    """A town from which nothing has come for longer than the feed's limit allows, by time of receipt."""

    town: str

    start: int
    end: int


class Quality(msgspec.Struct, frozen=True):
    """How complete a feed is: who did not report, until when it is known, how long nothing came, what was refused."""

    feed: str
    name: tuple[str, str]
    reported: int
    towns: int
    missing: tuple[str, ...]
    received: int | None
    freshness: str
    silences: tuple[Silence, ...]
    rejected: int


class Brief(msgspec.Struct, frozen=True):
    """One edition of a snapshot."""

    schema: str
    kind: Kind
    region: str
    region_name: tuple[str, str]
    edition: str
    """``all``, or the code of the town that it is about."""
    world: str
    zone: str
    first: int
    day: int
    at: int
    known_seq: int
    number: int
    office: str
    signer: str
    towns: tuple[TownName, ...]
    cells: tuple[Cell, ...]
    definitions: tuple[Definition, ...]
    points: tuple[Point, ...]
    follow: tuple[Follow, ...]
    trends: tuple[Trend, ...]
    course: Course
    stages: tuple[Stage, ...]
    firms_on_the_way: int
    shifts: tuple[ShiftRow, ...]
    gaps: tuple[Gap, ...]
    fevers: Fevers
    disputes: Disputes
    corrections: tuple[Correction, ...]
    corrected_days: tuple[int, ...]
    """Earlier published days that were looked at for corrections."""
    quality: tuple[Quality, ...]
    map: tuple[Outline, ...]
    map_size: tuple[int, int]
    approximate: bool
    document: str = ""
    """The document number 文号, where the office gives one."""
    orders: tuple[Order, ...] = ()

    def cell(self, kpi: str, town: str = "all") -> Cell | None:
        """A KPI's plain figure."""
        return next((one for one in self.cells if one.kpi == kpi and one.town == town), None)

    def town_name(self, code: str) -> str:
        """A town's Chinese name; the code where it is none of the edition's."""
        return next((one.name for one in self.towns if one.code == code), code)


def as_json(brief: Brief) -> bytes:
    """The object as JSON: the same bytes for the same object."""
    return msgspec.json.format(msgspec.json.encode(brief, order="deterministic"), indent=1)


def from_json(body: bytes) -> Brief:
    """A stored figures object.

    Raises:
        msgspec.ValidationError: it is none of this version.
    """
    return msgspec.json.decode(body, type=Brief)


def schema() -> dict[str, Any]:
    """The JSON Schema of the object."""
    return msgspec.json.schema(Brief) | {"$id": SCHEMA}


__all__ = [
    "SCHEMA",
    "Brief",
    "Cell",
    "Correction",
    "Course",
    "DayPoint",
    "Definition",
    "Disputes",
    "Fevers",
    "Follow",
    "Gap",
    "Kind",
    "Order",
    "Outline",
    "Point",
    "Quality",
    "ShiftRow",
    "Silence",
    "Stage",
    "TownName",
    "Trend",
    "as_json",
    "from_json",
    "schema",
]
