"""Tables of CSV and spreadsheet files as rows of texts, with the row numbers that a spreadsheet shows.

Blank rows are left out: sheets claim 65,000 rows and hold 300. Which row is the header, and what a column means, is
told elsewhere (``geodata.columns``).
"""

from __future__ import annotations

import csv
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NoReturn

import msgspec
import python_calamine as calamine

from dashboard.errors import PackError

MAX_ROWS = 200_000
MAX_CELLS = 20_000_000
"""A sheet is unfolded to its used rectangle: two cells in opposite corners would fill the memory."""
MAX_COLUMNS = 500
LONGEST = 2000
"""No cell needs more characters; what is longer is cut."""

OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b]")
_REFERENCE = re.compile(rb'<c[^>]{0,80}? r="([A-Z]{1,3})(\d{1,7})"')
_DELIMITERS = ",\t;|"
_DAY = timedelta(days=1)

csv.field_size_limit(sys.maxsize)


class Table(msgspec.Struct, frozen=True):
    """The rows of one sheet that are not blank: (number as a spreadsheet shows it, cells)."""

    file: str
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    encoding: str = ""


def _refuse(file: str, zh: str, en: str) -> NoReturn:
    raise PackError(f"{file}：{zh} · {file}: {en}.")


def text_of(name: str, data: bytes) -> tuple[str, str]:
    """A file's text and the name of its encoding: UTF-8, else gb18030.

    Raises:
        PackError: it is neither.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return text, encoding.removesuffix("-sig")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), "utf-16"
    _refuse(
        name,
        "既不是 UTF-8 也不是 GB18030 文本，文件可能损坏，或不是表格",
        "is a text in neither UTF-8 nor GB18030: it may be damaged, or no table",
    )


def cell(value: Any) -> str:
    """A cell or a property as a text: no blanks around it, whole numbers without ``.0``, times as HH:MM."""
    if value is None or isinstance(value, bool) or (isinstance(value, float) and value != value):
        return "" if not isinstance(value, bool) else str(value).lower()
    if isinstance(value, datetime):
        return f"{value:%H:%M}" if value.date() <= date(1900, 1, 1) else value.isoformat(sep=" ")
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, timedelta):
        minutes = round(value / _DAY * 1440)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:
        return str(int(value))
    return " ".join(str(value).split())[:LONGEST]


def csv_table(name: str, data: bytes) -> Table:
    """A CSV file: UTF-8 (with or without BOM) or gb18030; comma, tab, semicolon or bar.

    Raises:
        PackError: it is no text, or holds no row.
    """
    text, encoding = text_of(name, data)
    delimiter = max(_DELIMITERS, key=lambda one: (_width(text, one), -_DELIMITERS.index(one)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = enumerate((tuple(cell(value) for value in row) for row in reader), start=1)
    return Table(name, _kept(name, rows), encoding)


def _width(text: str, delimiter: str) -> int:
    """How many columns the widest of the first rows has."""
    widest = 0
    for number, row in enumerate(csv.reader(io.StringIO(text[:65536], newline=""), delimiter=delimiter)):
        if number >= 20:
            break
        widest = max(widest, sum(1 for value in row if value.strip(_DELIMITERS + " ")))
    return widest


def _kept(name: str, rows: Iterator[tuple[int, tuple[str, ...]]]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    kept = []
    for number, row in rows:
        if any(row):
            kept.append((number, row[:MAX_COLUMNS]))
            if len(kept) > MAX_ROWS:
                _refuse(
                    name,
                    f"超过 {MAX_ROWS} 行，请只留本区县的",
                    f"has more than {MAX_ROWS} rows: keep this county's only",
                )
    if not kept:
        _refuse(name, "是空表，没有一行内容", "is an empty table")
    return tuple(kept)


def check_workbook(name: str, archive: zipfile.ZipFile) -> None:
    """Refuses a workbook whose sheets would unfold to more cells than anybody has.

    Raises:
        PackError: a sheet's used rectangle is too large.
    """
    for member in archive.namelist():
        if not (member.startswith("xl/worksheets/") and member.endswith(".xml")):
            continue
        rows, columns, first = 0, 0, 1 << 30
        tail = b""
        with archive.open(member) as opened:
            while chunk := opened.read(1 << 20):
                for letters, number in _REFERENCE.findall(tail + chunk):
                    rows, first = max(rows, int(number)), min(first, int(number))
                    columns = max(columns, _number(letters))
                tail = chunk[-120:]
        if columns * max(0, rows - first + 1) > MAX_CELLS:
            _refuse(
                name,
                f"工作表铺开有 {rows} 行 × {columns} 列，请删去多余的行列",
                f"has a sheet of {rows} rows × {columns} columns: delete what is not used",
            )


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def workbook(name: str, data: bytes) -> list[Table]:
    """The sheets of an XLSX or XLS file that hold something.

    Raises:
        PackError: it cannot be opened, or every sheet is empty.
    """
    found = []
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        for title in book.sheet_names:
            sheet = book.get_sheet_by_name(title)
            first = (sheet.start or (0, 0))[0]
            rows = [
                (first + place, tuple(cell(value) for value in row))
                for place, row in enumerate(sheet.to_python(skip_empty_area=True), start=1)
            ]
            if any(any(row) for _, row in rows):
                shown = f"{name}「{title}」" if len(book.sheet_names) > 1 else name
                found.append(Table(shown, _kept(shown, iter(rows)), "xlsx"))
    except (calamine.CalamineError, calamine.PasswordError, ValueError, OSError) as error:
        locked = isinstance(error, calamine.PasswordError)
        _refuse(
            name,
            "工作簿加了密码，请解开后再导入" if locked else "工作簿打不开，可能损坏或加了密码，请另存一份",
            "is encrypted: remove the password" if locked else "cannot be opened: damaged or encrypted; save it anew",
        )
    if not found:
        _refuse(name, "是空表，没有一行内容", "is an empty table")
    return found
