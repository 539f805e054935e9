"""A sheet as it was read: what its columns mean, and of each row only the cells that a field is read from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from dashboard.domain.feed import Feed
from dashboard.domain.imports import Column, SheetName
from dashboard.domain.names import bare
from dashboard.domain.privacy import NAME_MASK, contact_part, mask, names_somebody, personal
from ingest.gateways.sheets.cells import LONGEST, plain_text
from ingest.gateways.sheets.columns import letter_of

MAX_ROWS = 100_000
_PHONE_ID = re.compile(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?![0-9A-Za-z])")
"""A phone number on its own, as the door asks of identifiers: one may well hold such digits among others."""
_SMALL = re.compile(r"\d{1,6}")
_DECIMAL = re.compile(r"[+-]?\d+\.\d+")


class Raw(msgspec.Struct, frozen=True, array_like=True):
    """One row: its number as a spreadsheet shows it, and a text for each column that is read, in order.

    ``beyond`` tells of cells right of the header: (letter, what the first says, how many cells the row has).
    """

    number: int
    cells: list[str]
    beyond: tuple[str, str, int] | None = None


class Grid(msgspec.Struct, frozen=True):
    """A sheet's columns and rows, blank rows left out."""

    kind: str
    columns: tuple[Column, ...]
    rows: list[Raw]
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[SheetName, ...] = ()
    header_row: int = 1
    claimed: int = 0
    hidden: int = 0
    contacts: dict[int, tuple[str, str]] = {}
    """Row number -> (name, phone), read only where the vault takes them; sealed before anything is kept."""
    sealed: tuple[str, bytes] | None = None
    """``contacts`` as they are kept until the import goes in: (id of the vault's key, sealed bytes)."""

    @property
    def read(self) -> list[tuple[int, str]]:
        """(place, field) of the columns that are read; a row's cells are in this order."""
        return [(place, column.field) for place, column in enumerate(self.columns) if column.field is not None]

    @property
    def named(self) -> bool:
        """Whether the rows carry ids of their own."""
        return any(column.field == "id" for column in self.columns)

    def letter(self, field: str) -> str:
        """The letter of a field's column, empty when the file has none; both coordinates may stand in one."""
        names = (field, "lonlat") if field in ("lon", "lat") else (field,)
        return next((column.letter for column in self.columns if column.field in names), "")


def kept(field: str, cell: str) -> str:
    """A cell as it may be carried on: without what only layout brings, phone and ID numbers masked.

    A masked cell is refused when its row is checked; a decimal's digits are nobody's phone number.
    """
    text = plain_text(cell[: LONGEST + 1])[:LONGEST]
    if _DECIMAL.fullmatch(text):
        return text
    if field == "id":
        return mask(text) if _PHONE_ID.search(text) or names_somebody(text) else text
    return mask(text) if personal(text) else text


def raw_row(number: int, texts: Sequence[str], columns: Sequence[Column], read: Sequence[int], beyond: bool) -> Raw:
    """A row's cells of the columns that are read. ``beyond``: cells right of the header make the row wrong."""
    cells = [kept(columns[at].field or "", texts[at]) if at < len(texts) else "" for at in read]
    if beyond and len(texts) > len(columns):
        first = next((at for at in range(len(columns), len(texts)) if texts[at].strip()), None)
        if first is not None:
            return Raw(number, cells, (letter_of(first), mask(texts[first].strip())[:120], len(texts)))
    return Raw(number, cells)


def contact_columns(header: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    """``name`` and ``phone`` -> place of the first personal column that says it."""
    found: dict[str, int] = {}
    for place, column in enumerate(columns):
        if column.private and (part := contact_part(header[place])):
            found.setdefault(part, place)
    return found


def contact_of(texts: Sequence[str], places: Mapping[str, int]) -> tuple[str, str] | None:
    """(name, phone) of a row; ``None`` where there is no number to call."""
    said = [
        plain_text(texts[places[part]][:LONGEST]) if part in places and places[part] < len(texts) else ""
        for part in ("name", "phone")
    ]
    return (said[0][:40], said[1][:30]) if said[1] else None


def without_names(grid: Grid, feed: Feed) -> Grid:
    """A sheet whose columns of people's codes hold no name that stands alone, before anything of it is kept."""
    people = {field.name for field in feed.fields if field.person}
    places = {at for at, (_, field) in enumerate(grid.read) if field in people}
    if not places:
        return grid
    rows = [
        Raw(
            raw.number,
            [NAME_MASK if at in places and bare(one) else one for at, one in enumerate(raw.cells)],
            raw.beyond,
        )
        for raw in grid.rows
    ]
    return replace(grid, rows=rows)


def without_row_numbers(grid: Grid) -> Grid:
    """A sheet whose column of ids only counts its rows, without that column.

    Every file counts its rows from 1 again: taken for ids they would correct another file's records.
    """
    read = grid.read
    at = next((at for at, (_, field) in enumerate(read) if field == "id"), None)
    if at is None or len(grid.rows) < 2:
        return grid
    told = [raw.cells[at] for raw in grid.rows if at < len(raw.cells)]
    if not all(_SMALL.fullmatch(one) for one in told):
        return grid
    numbers = [int(one) for one in told]
    if numbers[0] not in (0, 1) or numbers != list(range(numbers[0], numbers[0] + len(grid.rows))):
        return grid
    place = read[at][0]
    columns = tuple(
        replace(one, field=None, state="left_out") if here == place else one for here, one in enumerate(grid.columns)
    )
    rows = [Raw(raw.number, [*raw.cells[:at], *raw.cells[at + 1 :]], raw.beyond) for raw in grid.rows]
    return replace(grid, columns=columns, rows=rows)
