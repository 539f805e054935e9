"""From a sheet's rows to records with lasting ids, each checked by the same door as every other record.

A row without an id of its own is known by the natural key that its feed declares, so that tomorrow's export of the same
register corrects today's records instead of adding to them, and never another day's. Without a natural key a row is
known by what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from dashboard.domain.event import Event, Rejected
from dashboard.domain.feed import Feed, Words
from dashboard.domain.imports import Counts, RowError
from dashboard.domain.privacy import mask
from dashboard.stores.history import Version
from ingest.decode import Door, decode_records, faults
from ingest.gateways.sheets.cells import ERRORS, NO_RESULT, SCIENTIFIC, is_time, local_time, number_text
from ingest.gateways.sheets.columns import field_words
from ingest.gateways.sheets.grid import Grid, Raw
from ingest.gateways.sheets.telling import allowed_words, bad_time, fix_of, moment_allowed, sentence, told

Kind = Literal["added", "corrected", "unchanged"]
Stored = Mapping[str, Sequence[Version]]
"""Record id -> its stored versions; an unknown record is absent."""
Lookup = Callable[[Sequence[str]], Stored]
"""Asks for the stored versions of records by id."""

NO_ID = "row"
"""Stands for an id that is yet to be made."""
_MASKED = re.compile(r"\*{8}")
_NUMBERS = ("integer", "number")
_PROBED = 8
"""How many further ids of one natural key are asked for at a time."""


class Line(msgspec.Struct, frozen=True):
    """A row that may go in: the event it makes and what it does. ``stale``: a newer version stays in force."""

    number: int
    event: Event
    kind: Kind
    stale: bool = False


class Wrong(msgspec.Struct, frozen=True):
    """A row that may not: the record as far as it was understood, and every wrong cell, the door's own word first."""

    number: int
    record: dict[str, Any]
    errors: tuple[RowError, ...]

    @property
    def rejected(self) -> Rejected:
        """The reason as a dead letter carries it."""
        first = self.errors[0]
        return Rejected(0, first.id, first.field, first.got, first.allowed.zh, first.message, first.code)


class Checked(msgspec.Struct, frozen=True):
    """Every row of a sheet is in one of the two lists, in order."""

    lines: list[Line]
    wrong: list[Wrong]

    @property
    def counts(self) -> Counts:
        """Rows by what becomes of them."""
        kinds = [line.kind for line in self.lines]
        return Counts(kinds.count("added"), kinds.count("corrected"), kinds.count("unchanged"), len(self.wrong))

    @property
    def errors(self) -> list[RowError]:
        """Every wrong cell, in order of rows."""
        return [error for row in self.wrong for error in row.errors]


class _Cell(msgspec.Struct, frozen=True):
    """A cell that is wrong before the door is asked."""

    field: str
    got: str
    code: str
    sentence: str = ""


def check_rows(grid: Grid, feed: Feed, door: Door, now: int, lookup: Lookup, town: str = "") -> Checked:
    """Check every row of a sheet against the door and the records that are stored.

    ``town`` is given to rows that name none. ``now`` is the moment at which the rows would be received, ms.
    """
    sheet = _Sheet(grid, feed, door, now, town)
    ready: list[tuple[Raw, dict[str, Any]]] = []
    wrong: list[Wrong] = []
    first: dict[str, tuple[int, bytes]] = {}
    for raw in grid.rows:
        record, found = sheet.record(raw)
        if not found and grid.named:
            found = _wrong_id(record, raw.number, first)
        if found:
            wrong.append(sheet.wrong(raw, record, found))
        else:
            ready.append((raw, record))
    passed: list[_Passed] = []
    records = [record if grid.named else _with_id(record) for _, record in ready]
    events, refused = decode_records(feed, records, door, now)
    bad = {why.index for why in refused}
    wrong += [sheet.wrong(*ready[at], []) for at in sorted(bad)]
    good = [row for at, row in enumerate(ready) if at not in bad]
    for (raw, record), event in zip(good, events, strict=True):
        passed.append(
            _Passed(raw.number, event, event.void or (event.id == NO_ID and _says_void(record, door, feed, now)))
        )
    lines = _classified(passed, lookup) if grid.named else _identified(passed, feed, lookup)
    wrong.sort(key=lambda row: row.number)
    return Checked(lines, wrong)


def _with_id(record: dict[str, Any]) -> dict[str, Any]:
    if record.get("id"):
        return record
    # A withdrawal names nothing but its record: without an id, the row itself says which one that is.
    return {**{name: value for name, value in record.items() if name != "void"}, "id": NO_ID}


class _Passed(msgspec.Struct, frozen=True):
    """A row that the door takes; ``void``: it withdraws the record that it describes."""

    number: int
    event: Event
    void: bool


def _says_void(record: dict[str, Any], door: Door, feed: Feed, now: int) -> bool:
    if "void" not in record:
        return False
    asked, _ = decode_records(feed, [{"id": NO_ID, "void": record["void"]}], door, now)
    return bool(asked) and asked[0].void


class _Sheet:
    """What is needed to read and tell of each row."""

    def __init__(self, grid: Grid, feed: Feed, door: Door, now: int, town: str) -> None:
        self.grid, self.feed, self.door, self.now, self.town = grid, feed, door, now, town
        self.read = grid.read
        self.kinds = {field.name: field.kind for field in feed.fields}

    def record(self, raw: Raw) -> tuple[dict[str, Any], list[_Cell]]:
        """A row as a record, and the cells that are wrong in themselves."""
        record: dict[str, Any] = {}
        found: list[_Cell] = []
        if raw.beyond is not None:
            _, got, cells = raw.beyond
            columns = len(self.grid.columns)
            found.append(
                _Cell("(row)", got, "shifted", f"这一行有 {cells} 列，表头只有 {columns} 列：内容里的分隔符要加引号")
            )
        for (_, name), cell in zip(self.read, raw.cells, strict=False):
            if not cell:
                continue
            wrong = self._wrong_cell(name, cell)
            if wrong is not None:
                found.append(wrong)
            elif name == "lonlat":
                record["lon"], record["lat"] = _pair(cell) or ("", "")
            else:
                record[name] = self._value(name, cell)
        if self.town and not record.get("town"):
            record["town"] = self.town
        return record, found

    def _value(self, name: str, cell: str) -> str:
        kind = self.kinds.get(name, "")
        if name == "at":
            return local_time(cell)
        if kind == "time":
            return local_time(cell, dated=True)
        if kind in _NUMBERS or name in ("lon", "lat", "rev"):
            return number_text(cell)
        if kind == "choice" or name == "town":
            return "".join(cell.split()) if not cell.isascii() else cell
        return cell

    def _wrong_cell(self, name: str, cell: str) -> _Cell | None:
        if cell in ERRORS or cell == NO_RESULT:
            return _Cell(name, cell.removeprefix("#（").removesuffix("）") if cell == NO_RESULT else cell, "formula")
        if _MASKED.search(cell):
            return _Cell(name, cell, "personal")
        kind = self.kinds.get(name, "")
        if SCIENTIFIC.fullmatch(cell) and (name == "id" or kind == "text"):
            zh, _ = field_words(self.feed, name)
            return _Cell(name, cell, "shortened", f"{zh}被表格软件写成了“{cell}”：请把这一列设为文本格式后重填")
        if (name == "at" and not is_time(local_time(cell))) or (
            kind == "time" and not is_time(local_time(cell, dated=True))
        ):
            return _Cell(name, cell, "time")
        if name == "lonlat" and _pair(cell) is None:
            return _Cell(name, cell, "invalid")
        return None

    def wrong(self, raw: Raw, record: dict[str, Any], found: Sequence[_Cell], why: Rejected | None = None) -> Wrong:
        """A row with every wrong cell told."""
        texts = {name: cell for (_, name), cell in zip(self.read, raw.cells, strict=False)}
        identity = record.get("id")
        shown = mask(str(identity))[:120] if identity and self.grid.named else None
        errors = [self._cell_error(raw, one, shown) for one in found]
        if not any(one.code in ("shifted", "repeated") for one in found):
            errors += self._refusals(raw, record, {one.field for one in found}, shown, texts)
        places = {column.letter: place for place, column in enumerate(self.grid.columns)}
        errors.sort(key=lambda error: places.get(error.column, len(places)))
        kept = {**record, "id": identity or self._made_id(record)}
        return Wrong(raw.number, kept, tuple(errors))

    def _made_id(self, record: dict[str, Any]) -> str:
        """An id for a row that is not understood: what it says, so that the same row again is the same letter."""
        said = msgspec.json.encode({name: str(value) for name, value in record.items()}, order="sorted")
        return "w-" + blake2b(said, digest_size=10).hexdigest()

    def _cell_error(self, raw: Raw, one: _Cell, shown: str | None) -> RowError:
        feed, got = self.feed, mask(one.got)[:120]
        if one.code == "shifted":
            letter, _, _ = raw.beyond or ("", "", 0)
            columns = len(self.grid.columns)
            allowed = Words(f"不超过 {columns} 列", f"at most {columns} columns")
            return RowError(raw.number, letter, "(row)", shown, got, allowed, one.sentence, one.code)
        allowed = allowed_words(feed, one.field, self.door.region.pack)
        if one.code == "personal":
            why = Rejected(0, None, one.field, got, "", "", "personal")
            allowed, message = told(feed, why, self.door, self.now)
        else:
            if one.code == "time":
                allowed = bad_time(one.got)
            elif one.code == "shortened":
                allowed = Words("完整的编号", "the whole number, as text")
            message = one.sentence or sentence(feed, one.field, got, allowed)
        letter = self.grid.letter(one.field)
        return RowError(raw.number, letter, one.field, shown, got, allowed, message, one.code)

    def _refusals(
        self, raw: Raw, record: dict[str, Any], known: set[str], shown: str | None, texts: Mapping[str, str]
    ) -> list[RowError]:
        """What else the door refuses in a row, a field each."""
        errors: list[RowError] = []
        given = {name: value for name, value in record.items() if name not in known}
        asked = given if self.grid.named and "id" not in known else _with_id(given)
        for why in faults(self.feed, asked, self.door, self.now):
            name = "lonlat" if why.field in ("lon", "lat") and "lonlat" in texts else why.field
            if name in known or why.field in known:
                continue
            allowed, message = told(self.feed, why, self.door, self.now)
            cell = texts.get(name, "")
            got = mask(cell)[:120] if cell and why.code != "personal" else why.got
            if why.field == "at" and is_time(str(record.get("at"))):
                allowed = moment_allowed(str(record["at"]), self.now)
            message = sentence(self.feed, name, got, allowed) if cell else message
            fix = None
            if cell and why.code not in ("forbidden_town", "personal"):
                fix = fix_of(self.feed, name, cell, self.door, self.now)
            errors.append(
                RowError(raw.number, self.grid.letter(name), name, shown, got, allowed, message, why.code, fix)
            )
        return errors


def _pair(cell: str) -> tuple[str, str] | None:
    """Longitude and latitude of one cell."""
    parts = [number_text(part) for part in re.split(r"[,，;；、\s/]+", cell.strip("()（）[] ")) if part]
    try:
        lon, lat = map(float, parts)
    except ValueError:
        return None
    # In China no latitude is above 60 and no longitude below 70, so the order tells itself.
    return (parts[1], parts[0]) if lon < 60 < lat else (parts[0], parts[1])


def _digest(record: Mapping[str, Any]) -> bytes:
    return blake2b(msgspec.json.encode(record, order="sorted"), digest_size=12).digest()


def _wrong_id(record: Mapping[str, Any], number: int, first: dict[str, tuple[int, bytes]]) -> list[_Cell]:
    """An id that cannot be meant: two rows of one file under one id would be taken for a correction."""
    identity = record.get("id")
    if not isinstance(identity, str):
        return []
    shown, said = mask(identity)[:120], _digest(record)
    before = first.setdefault(identity, (number, said))
    if before[1] == said or "rev" in record or "void" in record:
        return []
    return [
        _Cell(
            "id",
            shown,
            "repeated",
            f"编号“{shown}”在第 {before[0]} 行已用过，内容不同：更正请加“版本”列，否则请换编号"
            f" · id “{shown}” stands in row {before[0]} already, with other contents",
        )
    ]


# --- identity and effect ---------------------------------------------------------------------------------------------


def effect(event: Event, versions: Sequence[Version]) -> tuple[Kind, bool]:
    """What an event does to a record with these stored versions, and whether a newer version stays in force.

    The rule is the projector's (EXACTNESS 6).
    """
    if not versions:
        return "added", False
    top = max(versions, key=lambda version: version.rank)
    if event.rev <= max(version.rev for version in versions) and any(
        version.digest == event.digest for version in versions
    ):
        return "unchanged", top.digest != event.digest
    if (event.rev, event.received_at) < (top.rev, top.received_at):
        return "unchanged", True
    return "corrected", False


def as_version(event: Event) -> Version:
    """What the key table would hold of an event."""
    return Version(0, event.rev, event.received_at, event.digest)


def _classified(passed: Sequence[_Passed], lookup: Lookup) -> list[Line]:
    """Rows with ids of their own."""
    stored = {name: list(found) for name, found in lookup([row.event.id for row in passed]).items()}
    lines = []
    for row in passed:
        event = row.event
        versions = stored.setdefault(event.id, [])
        kind, stale = effect(event, versions)
        if kind != "unchanged":
            versions.append(as_version(event))
        lines.append(Line(row.number, event, kind, stale))
    return lines


def natural_id(feed: Feed, event: Event) -> str:
    """The id of a record that has none, by the natural key of its feed; without one by what the record says.

    A register lists each case once, in the stage it has now and under the time it began: tomorrow's export of the same
    line is a correction of it, so the stage is no part of what tells lines apart.
    """
    if event.nothing:
        said: tuple[Any, ...] = ("nothing", event.town, event.at)
    else:
        names = [name for name in feed.natural_key if name != "stage"]
        values = [
            event.at if name == "at" else event.town if name == "town" else event.fields.get(name) for name in names
        ]
        said = (*names, *values) if names else (event.digest,)
    return "k-" + blake2b(msgspec.json.encode((feed.name, said)), digest_size=10).hexdigest()


def _numbered(base: str, turn: int) -> str:
    return base if turn == 1 else f"{base}-{turn:02d}"


def _identified(passed: Sequence[_Passed], feed: Feed, lookup: Lookup) -> list[Line]:
    """Rows without ids: each gets that of its natural key.

    Several rows may share one key (readings of one device in one minute, two stages of one day): they are numbered. A
    row that says what a stored one says is that one; the others take the free numbers in order.
    """
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(passed):
        groups.setdefault(natural_id(feed, row.event), []).append(at)
    series = _series(groups, lookup)
    register = "stage" in feed.natural_key
    found: dict[int, Line] = {}
    for base, members in groups.items():
        versions = series[base]
        same: dict[tuple[int, bool], int] = {}
        turns: dict[int, int] = {}
        waiting: list[int] = []
        for at in members:
            row = passed[at]
            if register and same.setdefault((row.event.digest, row.void), at) != at:
                # A register that repeats a line says the same thing twice.
                continue
            turn = _saying(row.event, versions, set(turns.values()))
            if turn is None:
                waiting.append(at)
            else:
                turns[at] = turn
        if not register:
            # Without anything stored the numbers must not depend on the order of rows that are no history.
            waiting.sort(key=lambda at: passed[at].event.digest)
        free = iter(turn for turn in range(1, len(versions) + len(members) + 1) if turn not in set(turns.values()))
        turns |= {at: next(free) for at in waiting}
        for at in members:
            first = same.get((passed[at].event.digest, passed[at].void), at)
            turn = turns[first]
            line = _line(passed[at], f"{base}-{turn:02d}" if turn > 1 else base, _nth(versions, turn))
            found[at] = line if first == at else replace(line, kind="unchanged")
    return [found[at] for at in range(len(passed))]


def _nth(versions: Sequence[Sequence[Version]], turn: int) -> Sequence[Version]:
    return versions[turn - 1] if turn <= len(versions) else ()


def _line(row: _Passed, name: str, versions: Sequence[Version]) -> Line:
    event = replace(row.event, id=name)
    if row.void:
        event = voiding(event.feed, event.source, name, event.rev, event.received_at)
    kind, stale = effect(event, versions)
    return Line(row.number, event, kind, stale)


def voiding(feed: str, source: str, name: str, rev: int, received_at: int, **said: str) -> Event:
    """The withdrawal of a record; ``said`` is why and by whom."""
    return Event(feed, source, name, "", name, 0, received_at, rev, None, None, dict(said), void=True)


def _saying(event: Event, versions: Sequence[Sequence[Version]], taken: Collection[int]) -> int | None:
    """The number of the stored record that says what an event says: one that says so now before one that did."""
    said = [turn for turn, found in enumerate(versions, 1) if turn not in taken and _says(event, found)]
    current = [turn for turn in said if max(versions[turn - 1], key=lambda one: one.rank).digest == event.digest]
    return next(iter(current or said), None)


def _says(event: Event, versions: Sequence[Version]) -> bool:
    return any(version.digest == event.digest for version in versions)


def _series(groups: Mapping[str, Sequence[int]], lookup: Lookup) -> dict[str, list[list[Version]]]:
    """Per natural key the stored records of its series, first to last; more are asked for as long as there are."""
    series: dict[str, list[list[Version]]] = {base: [] for base in groups}
    asked = {base: (1, len(members) + 1) for base, members in groups.items()}
    while asked:
        names = {
            base: [f"{base}-{turn:02d}" if turn > 1 else base for turn in range(first, last + 1)]
            for base, (first, last) in asked.items()
        }
        stored = lookup([name for found in names.values() for name in found])
        further: dict[str, tuple[int, int]] = {}
        for base, found in names.items():
            series[base] += [list(stored.get(name, ())) for name in found]
            if series[base][-1]:
                further[base] = (asked[base][1] + 1, asked[base][1] + _PROBED)
        asked = further
    for found_versions in series.values():
        while found_versions and not found_versions[-1]:
            found_versions.pop()
    return series
