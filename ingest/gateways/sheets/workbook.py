"""Reads workbooks (XLSX, XLS, ODS) in a process of its own with bounded memory and time.

A hostile workbook (a megabyte that unpacks to gigabytes, a row repeated a million times) ends this process and nothing
else. Cells of personal columns and of columns that nothing is read from do not leave it; phone and ID numbers leave it
masked. Asked and answered over pipes: :func:`read` is the parent's end, ``python -m`` of this module the other.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec

from dashboard.domain.imports import Column, SheetName
from dashboard.errors import ConfigurationError, NotATable
from ingest.gateways.sheets.cells import ERRORS, NO_RESULT, text_of
from ingest.gateways.sheets.columns import HEADER_WITHIN, SAMPLE_MARK, find_header, settled
from ingest.gateways.sheets.grid import MAX_ROWS, Grid, Raw, contact_columns, contact_of, raw_row

ROOT = Path(__file__).resolve().parents[3]
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
MAX_UNPACKED = 400 * 1024 * 1024
"""Bytes that a workbook may unpack to: a sheet of 100,000 rows and 30 columns has about half of it."""
MAX_MEMORY = 3 * 1024 * 1024 * 1024
MAX_CPU_S = 60
MAX_SHEETS = 30
MAX_TEXT = 64 * 1024 * 1024
"""Characters of all cells that are read."""

TOO_LARGE = (
    "这个工作簿展开后太大，读不下：请删去空行空列和多余的工作表，或另存为 CSV · the workbook unpacks to too much"
)
TOO_MANY = (
    f"一个工作表最多导入 {MAX_ROWS} 行，请分成几个文件 · a sheet may have at most {MAX_ROWS} rows: split the file"
)
PROTECTED = "工作簿有打开密码：请在表格软件里去掉密码再上传 · the workbook is protected by a password: remove it"
BROKEN = "这个工作簿读不出来，可能没有保存完整：请用表格软件打开，另存为 xlsx 再上传 · the workbook cannot be read"
NO_HEADER = (
    f"前 {HEADER_WITHIN} 行里没有认得的列名：第一行应是列名，如 镇街、时间，也可先下载模板"
    " · no known column names found: the first row names the columns"
)
ARCHIVE = "这是压缩包，不是工作簿：请解压后上传里面的表格 · this is an archive, not a workbook: unpack it"
EMPTY = "文件是空的：请选一个有内容的文件 · the file is empty"
HEADER_ONLY = "文件只有表头，没有一行记录：请填好再导入 · the file has a header and no rows"


class Asked(msgspec.Struct, frozen=True):
    """What the parent wants read. ``sheet`` is a name; empty: the visible one that looks most like the feed's."""

    known: dict[str, str]
    rank: dict[str, int]
    remembered: dict[str, dict[str, str]] = {}
    said: dict[str, str] = {}
    sheet: str = ""
    contacts: bool = False
    """Whether whom to call is read too, for the vault alone."""


class _Answer(msgspec.Struct, frozen=True):
    grid: Grid | None = None
    error: str = ""


def read(data: bytes, asked: Asked) -> Grid:
    """The sheet of a workbook.

    Raises:
        ConfigurationError, NotATable: one sentence says why nothing could be read.
    """
    command = [sys.executable, "-m", "ingest.gateways.sheets.workbook"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with process:
        try:
            head = msgspec.json.encode(asked)
            said, _ = process.communicate(head + b"\n" + data, timeout=MAX_CPU_S * 2)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ConfigurationError(TOO_LARGE) from None
        except BrokenPipeError:
            said = b""
    if process.returncode:
        # Ended by its limits: there is no more to be learnt from such a file.
        raise ConfigurationError(TOO_LARGE)
    answer = msgspec.msgpack.decode(said, type=_Answer)
    if answer.grid is None:
        raise (NotATable if answer.error == ARCHIVE else ConfigurationError)(answer.error)
    return answer.grid


# --- the reading process ---------------------------------------------------------------------------------------------


class _Refused(Exception):
    """Carries the sentence."""


def main() -> None:
    """Read what stands on standard input and answer on standard output."""
    import resource

    for limit, most in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CPU, MAX_CPU_S)):
        resource.setrlimit(limit, (most, most))
    head, _, data = sys.stdin.buffer.read().partition(b"\n")
    try:
        answer = _Answer(_read(data, msgspec.json.decode(head, type=Asked)))
    except _Refused as why:
        answer = _Answer(error=str(why))
    except MemoryError:
        answer = _Answer(error=TOO_LARGE)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


def _read(data: bytes, asked: Asked) -> Grid:
    import python_calamine

    package = _package(data)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(data))
    except python_calamine.PasswordError:
        raise _Refused(PROTECTED) from None
    except Exception:
        raise _Refused(PROTECTED if b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e" in data else BROKEN) from None
    hidden = {
        one.name: one.visible != python_calamine.SheetVisibleEnum.Visible
        for one in book.sheets_metadata
        if one.typ == python_calamine.SheetTypeEnum.WorkSheet
    }
    if len(hidden) > MAX_SHEETS:
        raise _Refused(f"工作簿有 {len(hidden)} 个工作表，最多 {MAX_SHEETS} 个：请只留要导入的 · too many sheets")
    if asked.sheet and asked.sheet not in hidden:
        raise _Refused(f"没有名为“{asked.sheet[:40]}”的工作表，有的是 {'、'.join(hidden)} · no such sheet")
    found: list[tuple[SheetName, Any, tuple[int, int]]] = []
    for name in hidden:
        try:
            sheet = book.get_sheet_by_name(name)
        except Exception:
            if name == asked.sheet:
                raise _Refused(BROKEN) from None
            continue
        top = find_header(list(islice(_rows(sheet), HEADER_WITHIN)), {**asked.known, **asked.said})
        rows = sum(1 for _ in _rows(sheet)) - top[1] - 1 if top[0] else 0
        found.append((SheetName(name, max(rows, 0), hidden[name]), sheet, top))
    if not any(sheet.height for _, sheet, _ in found):
        raise _Refused(EMPTY)
    wanted = [one for one in found if one[0].name == asked.sheet] if asked.sheet else found
    # A hidden sheet is taken only when no visible one can be meant.
    best = max(wanted, key=lambda one: (one[2][0] > 0, not one[0].hidden, one[2][0]), default=None)
    if best is None or not best[2][0]:
        raise _Refused(NO_HEADER)
    return _grid(best[0].name, best[1], best[2][1], package, asked, tuple(one[0] for one in found))


def _rows(sheet: Any) -> Iterator[list[str]]:
    """A sheet's rows as texts, from its first, blank ones included."""
    pad = [""] * (sheet.start[1] if sheet.start else 0)
    for row in sheet.iter_rows():
        yield [*pad, *map(text_of, row)]


def _grid(name: str, sheet: Any, top: int, package: _Package, asked: Asked, sheets: tuple[SheetName, ...]) -> Grid:
    extras = package.extras(name)
    columns: tuple[Column, ...] = ()
    read: list[int] = []
    rows: list[Raw] = []
    to_call: dict[str, int] = {}
    called: dict[int, tuple[str, str]] = {}
    hidden = size = last = 0
    filled = _merged(sheet, top)
    for place, texts in enumerate(_rows(sheet)):
        if place < top:
            continue
        if place == top:
            columns = settled(texts, asked.known, asked.rank, asked.remembered, asked.said)
            read = [at for at, column in enumerate(columns) if column.field is not None]
            to_call = contact_columns(texts, columns) if asked.contacts else {}
            continue
        for at, (held, _) in filled.get(place, {}).items():
            if at < len(texts) and not texts[at]:
                texts[at] = held
        for at, mark in extras.marks.get(place, {}).items():
            texts += [""] * (at + 1 - len(texts))
            texts[at] = mark
        _hold(filled, place, texts)
        if SAMPLE_MARK in texts or not any(texts[at] for at in read if at < len(texts)):
            continue
        row = raw_row(place + 1, texts, columns, read, beyond=False)
        size += sum(map(len, row.cells))
        rows.append(row)
        if to_call and (whom := contact_of(texts, to_call)):
            called[place + 1] = whom
        hidden += place in extras.hidden
        last = place + 1
        if len(rows) > MAX_ROWS:
            raise _Refused(TOO_MANY)
        if size > MAX_TEXT:
            raise _Refused(TOO_LARGE)
    if not rows:
        raise _Refused(HEADER_ONLY)
    return Grid(
        kind=package.kind,
        columns=columns,
        rows=rows,
        sheet=name,
        sheets=sheets,
        header_row=top + 1,
        claimed=extras.claimed if extras.claimed > last else 0,
        hidden=hidden,
        contacts=called,
    )


def _merged(sheet: Any, top: int) -> dict[int, dict[int, tuple[str, tuple[int, int, int]]]]:
    """Row -> column -> (text to come, (first row, last row, column)) of cells merged downwards below the header.

    People merge the town's cell over all rows of a town; a spreadsheet keeps its text in the first of them.
    """
    try:
        ranges = sheet.merged_cell_ranges or []
    except Exception:
        return {}
    found: dict[int, dict[int, tuple[str, tuple[int, int, int]]]] = {}
    cells = 0
    for (first, left), (final, right) in ranges:
        if first <= top or final <= first or right != left:
            continue
        cells += final - first
        if cells > MAX_ROWS:
            break
        for row in range(first, final + 1):
            found.setdefault(row, {})[left] = ("", (first, final, left))
    return found


def _hold(filled: dict[int, dict[int, tuple[str, tuple[int, int, int]]]], place: int, texts: Sequence[str]) -> None:
    """Hand the text of a merged cell's first row to the rows below it."""
    for _, span in list(filled.get(place, {}).values()):
        first, final, left = span
        if place == first and left < len(texts) and texts[left]:
            for row in range(first + 1, final + 1):
                filled[row][left] = (texts[left], span)


class _Extras(msgspec.Struct, frozen=True):
    """What the table reader does not tell: rows the sheet claims, hidden rows, cells that are errors."""

    claimed: int = 0
    hidden: frozenset[int] = frozenset()
    marks: dict[int, dict[int, str]] = {}


class _Package:
    """The parts of an XLSX or ODS package; of an XLS file there are none."""

    def __init__(self, kind: str, parts: zipfile.ZipFile | None = None) -> None:
        self.kind, self.parts = kind, parts

    def extras(self, sheet: str) -> _Extras:
        """What a sheet's own XML says beside its values; nothing when it cannot be found."""
        if self.kind != "xlsx" or self.parts is None:
            return _Extras()
        try:
            path = _part_of(self.parts, sheet)
            return _extras(self.parts.read(path)) if path else _Extras()
        except (KeyError, ElementTree.ParseError, zipfile.BadZipFile, ValueError):
            return _Extras()


def _package(data: bytes) -> _Package:
    if data.startswith(OLE):
        return _Package("xls")
    try:
        parts = zipfile.ZipFile(BytesIO(data))
    except zipfile.BadZipFile:
        raise _Refused(BROKEN) from None
    names = parts.namelist()
    if sum(one.file_size for one in parts.infolist()) > MAX_UNPACKED:
        raise _Refused(TOO_LARGE)
    if "content.xml" in names:
        manifest = parts.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in names else b""
        if b"encryption-data" in manifest:
            raise _Refused(PROTECTED)
        return _Package("ods", parts)
    if not any(name.startswith("xl/") for name in names):
        raise _Refused(ARCHIVE)
    return _Package("xlsx", parts)


_RELATED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def _part_of(parts: zipfile.ZipFile, sheet: str) -> str | None:
    """The path of a sheet's XML within the package."""
    book = ElementTree.fromstring(parts.read("xl/workbook.xml"))  # noqa: S314 - in a process of its own
    ids = {one.get("name"): one.get(_RELATED) for one in book.iter() if one.tag.endswith("}sheet")}
    related = ElementTree.fromstring(parts.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - likewise
    targets: Mapping[str | None, str] = {one.get("Id"): one.get("Target", "") for one in related}
    target = targets.get(ids.get(sheet), "")
    if not target:
        return None
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


_DIMENSION = re.compile(rb'<(?:\w+:)?dimension\b[^>]*\bref="[A-Z]+\d+:[A-Z]+(\d+)"')
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_CELL_ERROR = re.compile(rb'<(?:\w+:)?c\b([^>]*\bt="e"[^>]*)>(.{0,4000}?)</(?:\w+:)?c>', re.DOTALL)
_NO_RESULT = re.compile(
    rb"<(?:\w+:)?c\b([^>]*[^/])>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]{0,8000}</(?:\w+:)?f>)"
    rb"\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_AT = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_VALUE = re.compile(rb"<(?:\w+:)?v>([^<]{1,20})</")


def _extras(xml: bytes) -> _Extras:
    dimension = _DIMENSION.search(xml, 0, 8000)
    claimed = int(dimension[1]) if dimension else 0
    tail = _ROW.findall(xml, max(0, len(xml) - 20_000))
    for attributes in tail[-1:]:
        number = re.search(rb'\br="(\d{1,7})"', attributes)
        claimed = max(claimed, int(number[1]) if number else 0)
    hidden = set()
    for attributes in _ROW.findall(xml):
        if b'hidden="1"' in attributes or b'hidden="true"' in attributes:
            number = re.search(rb'\br="(\d{1,7})"', attributes)
            if number:
                hidden.add(int(number[1]) - 1)
    marks: dict[int, dict[int, str]] = {}
    for attributes, body in _CELL_ERROR.findall(xml):
        at, value = _AT.search(attributes), _VALUE.search(body)
        said = value[1].decode("utf-8", "replace") if value else ""
        if at:
            marks.setdefault(int(at[2]) - 1, {})[_place(at[1])] = said if said in ERRORS else ERRORS[0]
    for attributes in _NO_RESULT.findall(xml):
        at = _AT.search(attributes)
        if at and b't="str"' not in attributes:
            marks.setdefault(int(at[2]) - 1, {})[_place(at[1])] = NO_RESULT
    return _Extras(claimed, frozenset(hidden), marks)


def _place(letters: bytes) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + letter - 64
    return place - 1


if __name__ == "__main__":
    main()
