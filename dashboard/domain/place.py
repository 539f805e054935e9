"""Places: towns, checkpoints, patrol points, beats and the rules of a region.

Plain data only. Geometry (boundaries, point -> town) belongs to ``geodata``; nothing here reads a file.
Coordinates are WGS-84 degrees. Times of day are whole minutes after local midnight.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

import msgspec


class PlaceKind(StrEnum):
    """Kinds of place (DOMAIN.md §2)."""

    CHECKPOINT = "checkpoint"
    PATROL_POINT = "patrol_point"
    ENTERPRISE = "enterprise"
    VENUE = "venue"
    STATION = "station"
    RENTAL = "rental"


class Town(msgspec.Struct, frozen=True):
    """A town or subdistrict. ``code`` is the 9-digit division code where known."""

    code: str
    name: str
    name_en: str
    region: str
    aliases: tuple[str, ...] = ()
    seat: tuple[float, float] | None = None
    """Longitude, latitude of the town's seat, WGS-84."""


class Place(msgspec.Struct, frozen=True):
    """A named point that figures refer to. ``provisional`` places were named by a record before any list did."""

    code: str
    kind: PlaceKind
    town: str
    name: str
    name_en: str = ""
    lon: float | None = None
    lat: float | None = None
    beat: str | None = None
    provisional: bool = False


class Beat(msgspec.Struct, frozen=True):
    """Places plus the units assigned to walk them (EXACTNESS 14)."""

    code: str
    town: str
    name: str
    name_en: str = ""
    units: tuple[str, ...] = ()


class VisitRule(msgspec.Struct, frozen=True):
    """A place is owed ``times`` visits a day between ``start`` and ``end`` minutes of the local day (end exclusive)."""

    place: str
    times: int
    start: int
    end: int


class Shift(msgspec.Struct, frozen=True):
    """A shift by minutes of the local day; ``end`` <= ``start`` means that it runs past midnight."""

    code: str
    name: str
    name_en: str
    start: int
    end: int

    def contains(self, minute: int) -> bool:
        """Whether a minute of the local day falls in this shift."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


class DutyHours(msgspec.Struct, frozen=True):
    """When a checkpoint is on duty; ``start`` == ``end`` means round the clock."""

    checkpoint: str
    start: int
    end: int

    def contains(self, minute: int) -> bool:
        """Whether a minute of the local day falls in the duty hours."""
        if self.start == self.end:
            return True
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


class Unit(msgspec.Struct, frozen=True):
    """A patrol unit as staff know it: its name and its leader, who are staff and shown by name."""

    code: str
    town: str
    name: str
    name_en: str = ""
    leader: str = ""


class RegionRisk(msgspec.Struct, frozen=True):
    """One row of the regional-risk table: what level a region is at. ``code`` is a division code, e.g. 420000."""

    code: str
    level: str
    """``high``, ``medium`` or ``low``."""
    name: str


class RegionPack(msgspec.Struct, frozen=True, dict=True):
    """One version of a region's places and rules, in force from the local day ``valid_from`` (yyyymmdd)."""

    region: str
    name: str
    name_en: str
    valid_from: int
    timezone: str
    towns: tuple[Town, ...]
    places: tuple[Place, ...]
    beats: tuple[Beat, ...]
    visit_rules: tuple[VisitRule, ...]
    shifts: tuple[Shift, ...]
    duty_hours: tuple[DutyHours, ...]
    units: tuple[Unit, ...] = ()
    devices: dict[str, str] = {}
    """Name of a phone or tracker, as it calls itself -> code of the unit that carries it."""
    cells: dict[str, tuple[str, ...]] = {}
    """Town code -> H3 resolution 9 cells (hex strings) that patrols should be seen in."""
    thresholds: dict[str, float] = {}
    """Rule parameters that differ from the feed's defaults, e.g. ``{"fever.axillary": 37.3}``, degrees Celsius."""
    titles: dict[str, str] = {}
    """Display titles: ``{"wall_zh": …, "wall_en": …}``."""
    approximate: bool = True
    """Whether the boundaries were drawn around seats rather than surveyed."""
    version: str = ""
    """First twelve hex digits of the SHA-256 over the pack's files."""
    since: int = 0
    """From which local day places have owed visits, where this version only goes on with an earlier one's places; 0:
    since ``valid_from``."""
    owed_since: dict[str, int] = {}
    """Places that came to owe visits later -> from which local day."""
    risks: tuple[RegionRisk, ...] = ()
    """The regional-risk table in force: regions that are not at low risk, and those within them that are."""

    @cached_property
    def town_by_code(self) -> dict[str, Town]:
        """Towns by code and by every alias and name, so that any spelling finds its town."""
        found: dict[str, Town] = {}
        for town in self.towns:
            for key in (town.name, *town.aliases):
                found.setdefault(key, town)
        for town in self.towns:
            found[town.code] = town
        return found

    @cached_property
    def place_by_code(self) -> dict[str, Place]:
        """Places by code."""
        return {place.code: place for place in self.places}

    @cached_property
    def beat_by_code(self) -> dict[str, Beat]:
        """Beats by code."""
        return {beat.code: beat for beat in self.beats}

    @cached_property
    def unit_by_code(self) -> dict[str, Unit]:
        """Units by code."""
        return {unit.code: unit for unit in self.units}

    @cached_property
    def duty_by_checkpoint(self) -> dict[str, DutyHours]:
        """Duty hours by checkpoint code."""
        return {hours.checkpoint: hours for hours in self.duty_hours}

    def places_of(self, town: str, kind: PlaceKind) -> tuple[Place, ...]:
        """The places of one kind in one town, in pack order."""
        return self._by_town_kind.get((town, kind), ())

    @cached_property
    def _by_town_kind(self) -> dict[tuple[str, PlaceKind], tuple[Place, ...]]:
        found: dict[tuple[str, PlaceKind], list[Place]] = {}
        for place in self.places:
            found.setdefault((place.town, place.kind), []).append(place)
        return {key: tuple(places) for key, places in found.items()}

    @cached_property
    def rules_by_town(self) -> dict[str, tuple[VisitRule, ...]]:
        """Visit rules by the town of their place, in pack order."""
        found: dict[str, list[VisitRule]] = {}
        for rule in self.visit_rules:
            place = self.place_by_code.get(rule.place)
            if place is not None:
                found.setdefault(place.town, []).append(rule)
        return {town: tuple(rules) for town, rules in found.items()}

    @cached_property
    def cell_numbers(self) -> dict[str, frozenset[int]]:
        """Town -> its listed H3 cells as integers."""
        return {town: frozenset(int(cell, 16) for cell in cells) for town, cells in self.cells.items()}

    @cached_property
    def risk_by_prefix(self) -> dict[str, RegionRisk]:
        """Rows of the risk table by the digits of their code that say something: ``42`` for 420000."""
        return {prefix_of(row.code): row for row in self.risks}

    def risk_of(self, origin: str) -> RegionRisk | None:
        """The row that speaks for a division code: of the rows above it the nearest."""
        digits = prefix_of(origin)
        for length in range(len(digits), 1, -1):
            row = self.risk_by_prefix.get(digits[:length])
            if row is not None:
                return row
        return None

    def owes_since(self, place: str) -> int:
        """From which local day (yyyymmdd) a place with a visit rule has owed visits."""
        return self.owed_since.get(place, self.since or self.valid_from)

    def shift_at(self, minute: int) -> Shift | None:
        """The shift that holds a minute of the local day, or ``None`` between shifts."""
        return next((shift for shift in self.shifts if shift.contains(minute)), None)


def prefix_of(code: str) -> str:
    """The digits of a division code that say something: province, city, county, then town; 420000 reads ``42``."""
    digits = code.strip()
    while len(digits) > 6 and digits.endswith("000"):
        digits = digits[:-3]
    while 2 < len(digits) <= 6 and digits.endswith("00"):
        digits = digits[:-2]
    return digits
