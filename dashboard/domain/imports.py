"""What the import of a table says: its columns, its wrong cells, the counts that sum to the rows found.

Plain data, shared by the gateway that reads tables, the API that tells of them and the page that shows them. Cells of
personal columns are in none of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from dashboard.domain.feed import Words

ColumnState = Literal["known", "remembered", "left_out", "twin", "private", "unknown"]
"""``known``: by its header; ``remembered``: as somebody said; ``left_out``: known or said to be no field; ``twin``: its
field is read from another column; ``private``: removed at the door; ``unknown``: nobody has said yet."""
RunState = Literal["checked", "committing", "done", "withdrawn"]


class Column(msgspec.Struct, frozen=True):
    """One column of a file. ``field`` is ``None`` when nothing of it is read."""

    letter: str
    header: str
    field: str | None = None
    state: ColumnState = "known"

    @property
    def private(self) -> bool:
        """Whether the column carries people's names or numbers and is dropped unread."""
        return self.state == "private"


class Fix(msgspec.Struct, frozen=True):
    """The only allowed value that a wrong cell can have meant."""

    value: str
    words: Words


class RowError(msgspec.Struct, frozen=True):
    """One wrong cell. ``got`` is masked; ``column`` is a letter, empty when the file has no such column."""

    row: int
    column: str
    field: str
    id: str | None
    got: str
    allowed: Words
    message: str
    code: str = "invalid"
    fix: Fix | None = None


class Counts(msgspec.Struct, frozen=True):
    """Rows by what becomes of them: they sum to the rows found."""

    added: int = 0
    corrected: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def rows(self) -> int:
        """Rows found."""
        return self.added + self.corrected + self.unchanged + self.rejected

    @property
    def good(self) -> int:
        """Rows that may go in."""
        return self.rows - self.rejected


class SheetName(msgspec.Struct, frozen=True):
    """A sheet of a workbook: how many rows it was found to hold, and whether the workbook hides it."""

    name: str
    rows: int
    hidden: bool = False


class Report(msgspec.Struct, frozen=True):
    """What a file holds, and what becomes or became of its rows."""

    file: str
    feed: str
    source: str
    kind: str
    """``xlsx``, ``xls``, ``ods`` or ``csv``."""
    columns: tuple[Column, ...]
    counts: Counts
    rejected: tuple[RowError, ...]
    """One entry a wrong cell, in order of rows; a row may have several."""
    named: bool = True
    """Whether the rows carry ids of their own."""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[SheetName, ...] = ()
    header_row: int = 1
    claimed: int = 0
    """Rows that the sheet says it has, where it has fewer; else 0."""
    hidden: int = 0
    """Rows of these that the sheet hides; they are read like any other."""
    superseded: int = 0
    """Unchanged rows that say what an older version said: the newer one, or its withdrawal, stays in force."""
    town: str = ""
    """The town of every row, when the whole file was said to be of one."""
    problem: Words | None = None
    """Why no row can go in yet: a required column that nobody named."""
    unlisted: int = 0
    """Wrong cells beyond those listed."""
    contacts: int = 0
    """Rows whose contact goes into the vault when they go in."""

    @property
    def rows(self) -> int:
        """Rows found."""
        return self.counts.rows

    @property
    def accepted(self) -> int:
        """Rows that went in or may go in."""
        return self.counts.good

    @property
    def places(self) -> int:
        """Wrong cells."""
        return len(self.rejected) + self.unlisted

    @property
    def ignored(self) -> tuple[Column, ...]:
        """Columns that nothing is read of, but for personal ones."""
        return tuple(one for one in self.columns if one.field is None and not one.private and one.header)

    @property
    def unknown(self) -> tuple[Column, ...]:
        """Columns that nobody has said anything about."""
        return tuple(one for one in self.columns if one.state == "unknown" and one.header)

    @property
    def personal(self) -> tuple[Column, ...]:
        """Columns that were dropped unread because they carry people's names or numbers."""
        return tuple(one for one in self.columns if one.private)


class Run(msgspec.Struct, frozen=True):
    """One import, from its check to what became of it. Times are ms."""

    id: str
    uploader: str
    state: RunState
    created_at: int
    report: Report
    finished_at: int | None = None
    expires_at: int | None = None
    """Until when the rows are kept for corrections and for the error file; ``None``: they are gone."""
    voided: int = 0
    """Records that a withdrawal took back."""
    kept: int = 0
    """Records that a withdrawal left alone, because they were corrected since."""


class PreviewRow(msgspec.Struct, frozen=True):
    """A row as the file shows it: one text a column, ``None`` where nothing was read."""

    number: int
    cells: tuple[str | None, ...]
    wrong: Mapping[int, str] = {}
    """Place of a column -> the sentence about its cell."""
