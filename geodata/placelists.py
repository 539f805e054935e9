"""Places, beats, units, duty hours and visit rules from lists, each row checked; what is wrong is a finding.

A row's own town decides before its coordinate. A place without a coordinate is kept without one: it stands at its town,
and only a check-in, never a passing patrol, can count as a visit to it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from dashboard.domain.place import Beat, DutyHours, Place, PlaceKind, Shift, Town, Unit, VisitRule
from dashboard.domain.privacy import mask, personal
from dashboard.errors import PackError
from geodata.checks import Finding
from geodata.columns import KIND_WORDS, Role, kind_named
from geodata.listing import Listing, Row
from geodata.pack import MAX_TIMES
from geodata.times import DAY, span
from geodata.townlists import plain_code, plain_name, short_name

LETTERS: Mapping[PlaceKind, str] = {
    PlaceKind.CHECKPOINT: "K",
    PlaceKind.PATROL_POINT: "P",
    PlaceKind.ENTERPRISE: "E",
    PlaceKind.VENUE: "V",
    PlaceKind.STATION: "S",
    PlaceKind.RENTAL: "R",
}
DEFAULT_WINDOW = (8 * 60, 20 * 60)
DEFAULT_SHIFTS = (Shift("day", "白班", "Day shift", 480, 1200), Shift("night", "夜班", "Night shift", 1200, 480))
_SEVERAL = re.compile(r"[|、，,;；/\s]+")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class Lists(msgspec.Struct):
    """What the lists hold besides towns."""

    places: list[Place] = []
    beats: list[Beat] = []
    units: list[Unit] = []
    devices: dict[str, str] = {}
    duty_hours: list[DutyHours] = []
    visit_rules: list[VisitRule] = []
    shifts: list[Shift] = []
    findings: list[Finding] = []
    kinds: set[PlaceKind] = set()
    """Kinds of which there is a list."""
    roles: set[Role] = set()
    skipped: int = 0
    """Rows left out because something is wrong with them."""


class Reader:
    """Reads the lists of one import. ``town_at`` finds the town of a position.

    ``known`` are codes of earlier places by (town, kind, name), ``ruled`` those that owe visits already.
    """

    def __init__(
        self,
        towns: Sequence[Town],
        town_at: Callable[[float, float], str | None],
        known: Mapping[tuple[str, str, str], str],
        visits: int,
        ruled: Iterable[str] = (),
    ) -> None:
        self.town_at, self.known, self.visits = town_at, known, visits
        self.found = Lists()
        self._towns = {town.code: town for town in towns}
        self._spelling: dict[str, str] = {}
        for town in towns:
            for name in (town.code, town.name, *town.aliases, short_name(town.name)):
                self._spelling.setdefault(name, town.code)
        self._taken: dict[str, str] = {}
        self._ruled = frozenset(ruled)
        self._numbers: dict[tuple[str, str], int] = {}
        self._beat_of: dict[str, str] = {}
        self._rows_of_places: dict[str, Row] = {}
        self._made_codes: dict[PlaceKind, int] = {}
        self._guessed: dict[str, int] = {}

    # -- places ------------------------------------------------------------------------------------------------------

    def places(self, listing: Listing) -> None:
        """Take a list of places.

        Raises:
            PackError: what kind of places they are cannot be told.
        """
        self.found.roles.add(Role.PLACES)
        if listing.kind is None and not any(row.get("kind") for row in listing.rows):
            kinds = "、".join(f"{kind.value} {words}" for kind, words in KIND_WORDS.items())
            raise PackError(
                f"{listing.file} 看不出是哪类地点，请加 --as {listing.file}=类型（{kinds}），或加一列“类型”"
                f" · {listing.file}: which kind of place is not told: add --as {listing.file}=KIND "
                f"({', '.join(kind.value for kind in KIND_WORDS)}) or a column 类型."
            )
        seen: dict[tuple[str, str, str], Place] = {}
        for row in listing.rows:
            kind = self._kind(row, listing)
            name = self._name(row)
            if kind is None or name is None:
                continue
            self.found.kinds.add(kind)
            town = self._town(row, f"{name}")
            if town is None:
                continue
            point = row.point
            twin = seen.get((town, kind, name))
            code = self._code(row, town, kind, name, twin is not None)
            if code is None:
                continue
            if twin is not None and not row.get("code"):
                far = point is not None and (twin.lon, twin.lat) != point
                if not far:
                    self._say(
                        "warning",
                        "duplicate",
                        row.where,
                        f"“{name}”在{self._towns[town].name}重复，只留第一行",
                        f"“{name}” is twice in {self._towns[town].name_en}; the first row counts.",
                    )
                    self.found.skipped += 1
                    continue
            if twin is not None:
                self._say(
                    "warning",
                    "duplicate",
                    row.where,
                    f"“{name}”在{self._towns[town].name}有两处，编号不同，请核对",
                    f"“{name}” is twice in {self._towns[town].name_en} under different codes: check.",
                    point,
                )
            place = Place(
                code, kind, town, name, row.get("name_en"), point[0] if point else None, point[1] if point else None
            )
            seen.setdefault((town, kind, name), place)
            self._taken[code] = row.where
            self.found.places.append(place)
            self._rows_of_places[code] = row
            self._hours_in(row, place)
            self._visits_in(row, place)
            if row.get("beat"):
                self._beat_of[code] = row.get("beat")

    def _kind(self, row: Row, listing: Listing) -> PlaceKind | None:
        text = row.get("kind")
        kind = kind_named(text) if text else None
        # A type of enterprise (“纸制品”) says nothing of the kind of place; the list does.
        kind = kind if kind is not None and listing.kind in (None, kind) else listing.kind or kind
        if kind is None:
            words = "、".join(KIND_WORDS.values())
            self._wrong(
                row.where,
                "kind",
                f"类型是“{text[:20] or '空的'}”，应为 {words} 之一",
                f"got kind “{text[:20]}”, allowed is one of {', '.join(kind.value for kind in KIND_WORDS)}.",
            )
        return kind

    def _name(self, row: Row) -> str | None:
        name = row.get("name")
        if not name:
            self._wrong(row.where, "name", "没有名称", "has no name.")
            return None
        if personal(name):
            self._say(
                "warning",
                "personal",
                row.where,
                f"名称里有电话或证件号，已遮去：“{mask(name)[:40]}”",
                "a phone or identity number in the name was masked.",
            )
            name = mask(name)
        return name[:80]

    def _town(self, row: Row, name: str) -> str | None:
        said = row.get("town")
        point = row.point
        if said:
            found = self._spelling.get(plain_code(said)) or self._spelling.get(plain_name(said))
            found = found or self._within(said)
            if found is None:
                near = difflib.get_close_matches(plain_name(said), list(self._spelling), n=1, cutoff=0.5)
                hint = f"，是不是“{self._towns[self._spelling[near[0]]].name}”？" if near else ""
                names = "、".join(town.name for town in list(self._towns.values())[:12])
                self._wrong(
                    row.where,
                    "town",
                    f"“{name}”的镇是“{said[:20]}”，应为 {names}{' 等' if len(self._towns) > 12 else ''}{hint}",
                    f"got town “{said[:20]}” of “{name}”, allowed is a town of this region.",
                    point,
                )
            return found
        found = self._within(row.get("address"))
        if found is not None:
            self._guessed["address"] = self._guessed.get("address", 0) + 1
            return found
        if point is not None:
            found = self.town_at(*point)
            if found is not None:
                self._guessed["point"] = self._guessed.get("point", 0) + 1
                return found
            self._wrong(
                row.where,
                "outside",
                f"“{name}”没有写镇，坐标（{point[0]:.5f}, {point[1]:.5f}）又不在任何镇内",
                f"“{name}” names no town and its coordinate lies in none.",
                point,
            )
            return None
        self._wrong(
            row.where,
            "town",
            f"“{name}”没有写镇，地址里也没有，又没有坐标，不知属于哪个镇",
            f"“{name}” has neither a town nor an address with one nor a coordinate.",
        )
        return None

    def _within(self, text: str) -> str | None:
        """The one town whose name stands in a text such as an address: the name that ends first is the town."""
        hits = {code for name, code in self._spelling.items() if len(name) > 2 and name in text and not name.isdigit()}
        return hits.pop() if len(hits) == 1 else None

    def _code(self, row: Row, town: str, kind: PlaceKind, name: str, twin: bool) -> str | None:
        code = row.get("code")
        if code:
            if self._taken.get(code):
                self._wrong(
                    row.where,
                    "duplicate",
                    f"编号 {mask(code)[:40]} 与 {self._taken[code]}重复",
                    f"code {mask(code)[:40]} is used twice.",
                    row.point,
                )
                return None
            return code[:60]
        kept = None if twin else self.known.get((town, kind, name))
        if kept and not self._taken.get(kept):
            return kept
        width = 4 if kind == PlaceKind.ENTERPRISE else 2
        while True:
            number = self._numbers[town, kind] = self._numbers.get((town, kind), 0) + 1
            made = f"{town}-{LETTERS[kind]}{number:0{width}d}"
            if made not in self._taken and made not in self.known.values():
                self._made_codes[kind] = self._made_codes.get(kind, 0) + 1
                return made

    # -- what stands beside places -----------------------------------------------------------------------------------

    def _hours_in(self, row: Row, place: Place) -> None:
        if place.kind != PlaceKind.CHECKPOINT or not (row.get("hours") or row.get("start")):
            return
        hours = self._span(row, row.get("hours") or f"{row.get('start')}-{row.get('end')}", "值守时间")
        if hours is not None:
            self.found.duty_hours.append(DutyHours(place.code, *hours))

    def _visits_in(self, row: Row, place: Place) -> None:
        silent = not row.get("times") and not row.get("window")
        if silent and place.code in self._ruled:
            # What it owed before it goes on owing.
            return
        if place.kind == PlaceKind.PATROL_POINT or row.get("times"):
            self._visit(row, place.code, row.get("times"), row.get("window"))

    def _span(self, row: Row, text: str, what: str) -> tuple[int, int] | None:
        try:
            return span(text)
        except ValueError:
            self._wrong(
                row.where,
                "hours",
                f"{what}是“{text[:30]}”，应如 08:00-20:00 或 全天",
                f"got “{text[:30]}” for hours, allowed is such as 08:00-20:00.",
            )
            return None

    def _visit(self, row: Row, place: str, times: str, window: str) -> None:
        count = re.sub(r"(次|/天|每天|每日|一天)", "", times).strip() if times else str(self.visits)
        if not (count.isascii() and count.isdigit() and 1 <= int(count) <= MAX_TIMES):
            self._wrong(
                row.where,
                "visits",
                f"每日次数是“{times[:20]}”，应为 1 到 {MAX_TIMES} 的整数",
                f"got “{times[:20]}” for visits a day, allowed is a whole number from 1 to {MAX_TIMES}.",
            )
            return
        for part in re.split(r"[、，,;；]", window) if window else [""]:
            hours = self._span(row, part, "巡查时段") if part.strip() else DEFAULT_WINDOW
            if hours is None:
                return
            start, end = (0, DAY) if hours == (0, 0) else hours
            if start >= end:
                self._wrong(
                    row.where,
                    "hours",
                    f"巡查时段“{part[:30]}”跨了零点，请写成两段，如 22:00-24:00、00:00-06:00",
                    f"the window “{part[:30]}” passes midnight: give two, such as 22:00-24:00 and 00:00-06:00.",
                )
                return
            rule = VisitRule(place, int(count), start, end)
            if any((old.place, old.start, old.end) == (place, start, end) for old in self.found.visit_rules[-8:]):
                continue
            self.found.visit_rules.append(rule)

    def named(self, places: Sequence[Place]) -> Mapping[str, list[Place]]:
        """Places by code and by name."""
        found: dict[str, list[Place]] = {}
        for place in places:
            for key in dict.fromkeys((place.code, place.name)):
                found.setdefault(key, []).append(place)
        return found

    def duty(self, listing: Listing, places: Sequence[Place]) -> None:
        """Take a list of duty hours."""
        self.found.roles.add(Role.DUTY)
        by_name = self.named([place for place in places if place.kind == PlaceKind.CHECKPOINT])
        listed = {hours.checkpoint for hours in self.found.duty_hours}
        for row in listing.rows:
            place = self._one(row, row.get("checkpoint"), by_name, "卡点", "checkpoint")
            if place is None:
                continue
            if place.code in listed:
                self._wrong(row.where, "duplicate", f"{place.name} 的值守时间重复", f"{place.code} is listed twice.")
                continue
            hours = self._span(row, row.get("hours") or f"{row.get('start')}-{row.get('end')}", "值守时间")
            if hours is not None:
                listed.add(place.code)
                self.found.duty_hours.append(DutyHours(place.code, *hours))

    def visit_rules(self, listing: Listing, places: Sequence[Place]) -> None:
        """Take a list of what visits are owed; it replaces what the places' own rows or the default say."""
        self.found.roles.add(Role.VISITS)
        by_name = self.named(places)
        said: set[str] = set()
        for row in listing.rows:
            place = self._one(row, row.get("place"), by_name, "点位", "place")
            if place is None:
                continue
            if place.code not in said:
                said.add(place.code)
                self.found.visit_rules = [rule for rule in self.found.visit_rules if rule.place != place.code]
            window = row.get("window") or (f"{row.get('start')}-{row.get('end')}" if row.get("start") else "")
            self._visit(row, place.code, row.get("times"), window)

    def _one(self, row: Row, said: str, by_name: Mapping[str, list[Place]], zh: str, en: str) -> Place | None:
        found = by_name.get(said, [])
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            self._wrong(row.where, "unknown_place", f"{zh}“{said[:30]}”有 {len(found)} 处同名，请写编号",
                        f"{en} “{said[:30]}” is the name of {len(found)}: give the code.")  # fmt: skip
        else:
            near = difflib.get_close_matches(said, list(by_name), n=1)
            hint = f"，是不是“{near[0]}”？" if near else ""
            self._wrong(row.where, "unknown_place", f"{zh}“{said[:30]}”不在名单里{hint}",
                        f"{en} “{said[:30]}” is in no list.")  # fmt: skip
        return None

    # -- beats and units ---------------------------------------------------------------------------------------------

    def unit_list(self, listing: Listing) -> None:
        """Take a list of patrol units."""
        self.found.roles.add(Role.UNITS)
        for row in listing.rows:
            name = self._name(row)
            town = self._town(row, name or "") if name else None
            if name is None or town is None:
                continue
            code = row.get("code") or self._unit_code(town)
            if code in {unit.code for unit in self.found.units}:
                self._wrong(row.where, "duplicate", f"巡逻组 {code} 重复", f"unit {code} is listed twice.")
                continue
            self.found.units.append(Unit(code, town, name, row.get("name_en"), row.get("leader")[:20]))
            for device in filter(None, _SEVERAL.split(row.get("devices"))):
                if personal(device):
                    self._wrong(
                        row.where,
                        "personal",
                        "设备号是电话号码，请另起一个名字",
                        "a device is named by a phone number: give it another name.",
                    )
                else:
                    self.found.devices[device] = code

    def _unit_code(self, town: str) -> str:
        number = sum(1 for unit in self.found.units if unit.town == town) + 1
        while f"{town}-U{number}" in {unit.code for unit in self.found.units}:
            number += 1
        return f"{town}-U{number}"

    def beats(self, listings: Sequence[Listing], places: Sequence[Place]) -> list[Place]:
        """Take the lists of beats and the beats that places name; the places with their beats."""
        by_name = self.named(places)
        beat_by_place: dict[str, str] = {}
        by_town_name: dict[tuple[str, str], str] = {}
        for listing in listings:
            self.found.roles.add(Role.BEATS)
            for row in listing.rows:
                self._beat(row, by_name, beat_by_place, by_town_name)
        for place in places:
            said = self._beat_of.get(place.code)
            if said is None:
                continue
            code = by_town_name.get((place.town, said)) or by_town_name.get(("", said))
            if code is None:
                code = self._new_beat(place.town, said, ())
                by_town_name[place.town, said] = code
            beat_by_place.setdefault(place.code, code)
            units = self._rows_of_places[place.code].get("units")
            if units:
                self._join_units(code, place.town, units)
        return [
            msgspec.structs.replace(place, beat=beat_by_place[place.code]) if place.code in beat_by_place else place
            for place in places
        ]

    def _beat(
        self,
        row: Row,
        by_name: Mapping[str, list[Place]],
        beat_by_place: dict[str, str],
        by_town_name: dict[tuple[str, str], str],
    ) -> None:
        name = self._name(row)
        if name is None:
            return
        members = []
        for said in filter(None, _SEVERAL.split(row.get("places"))):
            place = self._one(row, said, by_name, f"巡段“{name}”的点位", f"place of beat “{name}”")
            if place is not None:
                members.append(place)
        towns = {place.town for place in members}
        town = self._town(row, name) if row.get("town") or len(towns) != 1 else towns.pop()
        if town is None:
            return
        code = self._new_beat(town, name, (), row.get("code"), row.get("name_en"))
        by_town_name[town, name] = code
        by_town_name["", code] = code
        if row.get("units"):
            self._join_units(code, town, row.get("units"))
        for place in members:
            if place.town != town:
                self._say("warning", "foreign_beat", row.where,
                          f"{place.name} 在{self._towns[place.town].name}，巡段“{name}”在{self._towns[town].name}",
                          f"{place.code} lies in another town than beat “{name}”.")  # fmt: skip
            beat_by_place[place.code] = code

    def _new_beat(self, town: str, name: str, units: tuple[str, ...], code: str = "", name_en: str = "") -> str:
        taken = {beat.code for beat in self.found.beats}
        number = sum(1 for beat in self.found.beats if beat.town == town) + 1
        made = code or f"{town}-B{number}"
        while made in taken:
            number += 1
            made = f"{town}-B{number}"
        self.found.beats.append(Beat(made, town, name, name_en, units))
        return made

    def _join_units(self, beat: str, town: str, said: str) -> None:
        codes = []
        for name in filter(None, _SEVERAL.split(said)):
            unit = next((u for u in self.found.units if name == u.code or (u.town, u.name) == (town, name)), None)
            if unit is None:
                plain = bool(_CODE.fullmatch(name))
                unit = Unit(name if plain else self._unit_code(town), town, name)
                self.found.units.append(unit)
            codes.append(unit.code)
        for index, one in enumerate(self.found.beats):
            if one.code == beat:
                units = tuple(dict.fromkeys((*one.units, *codes)))
                self.found.beats[index] = msgspec.structs.replace(one, units=units)

    def shift_list(self, listing: Listing) -> None:
        """Take a list of shifts."""
        self.found.roles.add(Role.SHIFTS)
        for number, row in enumerate(listing.rows, start=1):
            hours = self._span(row, row.get("hours") or f"{row.get('start')}-{row.get('end')}", "班次时间")
            if hours is not None:
                code, name = row.get("code") or f"S{number}", row.get("name")
                self.found.shifts.append(Shift(code, name, row.get("name_en") or name, *hours))

    # -- at the end --------------------------------------------------------------------------------------------------

    def conclude(self) -> Lists:
        """Everything, with what was made up or told by something else than the row's own words."""
        if self._made_codes:
            made = "、".join(f"{KIND_WORDS[kind]} {count}" for kind, count in self._made_codes.items())
            total = sum(self._made_codes.values())
            self._say("note", "no_code", "", f"没有编号的地点已编号：{made}；再次导入时按镇和名称沿用",
                      f"{total} places had no code and got one; kept by town and name next time.")  # fmt: skip
        if self._guessed.get("address"):
            count = self._guessed["address"]
            self._say("note", "town_by_address", "", f"{count} 处没有写镇，按地址里的镇名归镇",
                      f"{count} places name no town; their address does.")  # fmt: skip
        if self._guessed.get("point"):
            count = self._guessed["point"]
            self._say("warning", "town_by_point", "", f"{count} 处没有写镇，按坐标归镇，请在图上核对",
                      f"{count} places name no town; their coordinate decided: check the picture.")  # fmt: skip
        return self.found

    def _say(
        self, level: str, kind: str, where: str, zh: str, en: str, point: tuple[float, float] | None = None
    ) -> None:
        lon, lat = point or (None, None)
        opening = f"{where}：" if where else ""
        english = f"{where}: " if where else ""
        made = Finding(level, kind, f"{opening}{zh}", f"{english}{en}", where, lon, lat)  # type: ignore[arg-type]
        self.found.findings.append(made)

    def _wrong(self, where: str, kind: str, zh: str, en: str, point: tuple[float, float] | None = None) -> None:
        self._say("error", kind, where, zh, en, point)
        self.found.skipped += 1
