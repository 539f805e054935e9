"""What a page shows, as a file: CSV with BOM or XLSX, Chinese intact, numbers as numbers, no formula ever.

A file says itself what it holds: page, filters, moment, ``known_seq``. Ratios are 0…1 in a :class:`Table`; a CSV has
them in percent as a reader sees them, an XLSX as full numbers with a percent format. A missing value is an empty cell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import xlsxwriter

from dashboard.domain.day import as_date, iso
from dashboard.queries import wording
from dashboard.queries.asked import Asked, past_text, said, when_text

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so would be a formula to a spreadsheet."""
SHEET_LENGTH = 31
WIDEST = 60
"""Characters of the widest column."""
FIRST_WIDE = 0x2E80
"""From here on characters are as wide as they are high."""

Kind = Literal["text", "count", "number", "percent", "time", "day"]


class Column(msgspec.Struct, frozen=True):
    """One column. ``time`` is ms since 1970 UTC, ``day`` yyyymmdd, ``percent`` a ratio 0…1."""

    title: str
    kind: Kind = "text"
    decimals: int = 1


class Table(msgspec.Struct, frozen=True):
    """One table of a page. ``name`` chooses it in an address (``?table=gaps``)."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]


def about(asked: Asked, title: str) -> list[tuple[str, str]]:
    """What a file says of itself, in this order."""
    zh, board = asked.lang != "en", asked.board
    found = [
        ("页面" if zh else "Page", title),
        ("地区" if zh else "Region", board.pack.name if zh else board.pack.name_en),
        ("日期" if zh else "Date", when_text(asked)),
        ("截至" if zh else "As of", iso(board.now, board.zone)),
        ("known_seq", str(board.seq)),
    ]
    if not asked.when.live:
        found.append(("说明" if zh else "Note", past_text(asked)))
    if board.world == "replay":
        found.append(("说明" if zh else "Note", "演示数据，不是实况" if zh else "demonstration data, not live"))
    narrowed = said(asked) or [("筛选" if zh else "Filters", "无" if zh else "none")]
    return [*found, *narrowed]


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv_cell(value: Any, column: Column, zone: str) -> str:
    if value is None:
        return ""
    if column.kind == "percent":
        return str(wording.rounded(value * 100, column.decimals))
    if column.kind == "number":
        return str(wording.rounded(value, column.decimals))
    if column.kind == "count":
        return str(int(value))
    if column.kind == "time":
        return iso(int(value), zone)
    if column.kind == "day":
        return as_date(int(value)).isoformat()
    return safe(str(value))


def _head(column: Column, zh: bool) -> str:
    if column.kind == "percent":
        return f"{column.title}（%）" if zh else f"{column.title} (%)"
    return column.title


def as_csv(asked: Asked, title: str, table: Table) -> bytes:
    """One table as UTF-8 with BOM; lines before the head begin with ``#`` and say what the file holds."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    zh = asked.lang != "en"
    for name, value in about(asked, f"{title} · {table.title}"):
        writer.writerow([f"# {name}", safe(value)])
    writer.writerow([safe(_head(column, zh)) for column in table.columns])
    for row in table.rows:
        writer.writerow(
            [_csv_cell(value, column, asked.board.zone) for value, column in zip(row, table.columns, strict=True)]
        )
    return stream.getvalue().encode("utf-8-sig")


def as_xlsx(asked: Asked, title: str, tables: Sequence[Table]) -> bytes:
    """Every table on a sheet of its own, behind a first sheet that says what the file holds."""
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, options)
    zh = asked.lang != "en"
    bold = book.add_format({"bold": True})
    text = book.add_format({"num_format": "@"})
    # A leading apostrophe of Excel's own kind: the cell stays text when somebody edits it.
    quoted = book.add_format({"num_format": "@", "quote_prefix": True})
    formats: dict[tuple[str, int], Format] = {}

    def format_of(column: Column) -> Format:
        key = (column.kind, column.decimals)
        if key not in formats:
            tail = "." + "0" * column.decimals if column.decimals else ""
            number = {
                "percent": f"0{tail}%", "number": f"#,##0{tail}", "count": "#,##0", "day": "yyyy-mm-dd",
                "time": "yyyy-mm-dd hh:mm:ss",
            }.get(column.kind, "@")  # fmt: skip
            formats[key] = book.add_format({"num_format": number})
        return formats[key]

    sheet = book.add_worksheet("说明" if zh else "About")
    for line, (name, value) in enumerate(about(asked, title)):
        sheet.write_string(line, 0, name, bold)
        sheet.write_string(line, 1, value, quoted if value.startswith(FORMULA) else text)
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 60)
    for table in tables:
        sheet = book.add_worksheet(_sheet_name(table.title))
        for at, column in enumerate(table.columns):
            sheet.write_string(0, at, column.title, bold)
        for line, row in enumerate(table.rows, start=1):
            for at, (value, column) in enumerate(zip(row, table.columns, strict=True)):
                _write(sheet, line, at, value, column, asked.board.zone, format_of(column), quoted)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, len(table.rows)), max(0, len(table.columns) - 1))
        for at, column in enumerate(table.columns):
            sheet.set_column(at, at, _width(column, [row[at] for row in table.rows]))
    book.close()
    return stream.getvalue()


def _width(column: Column, values: Sequence[Any]) -> float:
    """Characters that a column needs; a Chinese character takes two, which a spreadsheet's own measure forgets."""
    least = {"time": 19, "day": 10, "percent": 8}.get(column.kind, 0)
    tail = column.decimals + 1 if column.kind == "number" and column.decimals else 0
    longest = 0
    for value in values:
        if isinstance(value, str):
            longest = max(longest, _wide(value))
        elif value is not None and not least:
            longest = max(longest, len(f"{int(value):,}") + tail)
    # The title has the filter's arrow beside it.
    return float(min(WIDEST, max(least, longest, _wide(column.title) + 2) + 1))


def _wide(text: str) -> int:
    return sum(2 if ord(one) >= FIRST_WIDE else 1 for one in text)


def _sheet_name(title: str) -> str:
    for sign in "[]:*?/\\":
        title = title.replace(sign, " ")
    return title.strip("' ")[:SHEET_LENGTH] or "1"


def _write(
    sheet: Worksheet, line: int, at: int, value: Any, column: Column, zone: str, form: Format, quoted: Format
) -> None:
    if value is None:
        return
    if column.kind == "text":
        text = str(value)
        sheet.write_string(line, at, text, quoted if text.startswith(FORMULA) else form)
    elif column.kind == "time":
        sheet.write_datetime(line, at, wording.local(int(value), zone).replace(tzinfo=None), form)
    elif column.kind == "day":
        sheet.write_datetime(line, at, as_date(int(value)), form)
    else:
        sheet.write_number(line, at, value, form)


def file_name(asked: Asked, title: str, ending: str) -> str:
    """``巡逻-20200224-1432.csv``."""
    local = wording.local(asked.board.now, asked.board.zone)
    return f"{title}-{local:%Y%m%d-%H%M}.{ending}"
