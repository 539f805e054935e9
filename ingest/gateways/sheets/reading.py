"""From a file's bytes to its sheet: which kind of file it is, which encoding, where its header stands.

CSV and other delimited text is read here, workbooks in a process of their own (``workbook``).
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import islice

from dashboard.domain.feed import Feed
from dashboard.errors import ConfigurationError, NotATable
from ingest.gateways.sheets import workbook
from ingest.gateways.sheets.columns import HEADER_WITHIN, SAMPLE_MARK, find_header, known_headers, ranks, settled
from ingest.gateways.sheets.grid import MAX_ROWS, Grid, Raw, contact_columns, contact_of, raw_row

DELIMITERS = {",": "逗号", ";": "分号", "\t": "制表符", "|": "竖线"}
NO_SIGN = (
    "文件是网页或 XML，不是工作簿：请用表格软件打开，另存为 xlsx 再上传 · this is a web page or XML, not a workbook"
)
_GB = {"gb18030", "gbk", "gb2312", "cp936", "936", "hz"}
_UTF8 = {"utf8", "utf8sig"}
_BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b]")
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|table|meta|\?xml|!--|\w+:\w+|style|div)\b", re.IGNORECASE)

# Python's limit of 128 KiB a cell would end the whole file; here a huge cell is only a wrong cell of its row.
csv.field_size_limit(sys.maxsize)


def is_workbook(data: bytes) -> bool:
    """Whether bytes are a spreadsheet's workbook rather than delimited text."""
    return data.startswith((workbook.ZIP, workbook.OLE))


def read_table(
    data: bytes,
    feed: Feed,
    *,
    encoding: str | None = None,
    sheet: str = "",
    remembered: Mapping[str, Mapping[str, str]] = {},
    said: Mapping[str, str] = {},
    contacts: bool = False,
) -> Grid:
    """Read a table: a workbook (XLSX, XLS, ODS), or text with commas, semicolons, tabs or bars.

    Text is UTF-8, GB18030 or UTF-16 with its mark. What kind of file it is, its first bytes say, never its name.
    ``remembered`` (set of headers -> plain header -> field, empty for none) goes before what headers are known to
    mean, ``said`` (plain header -> field) before both. ``contacts``: whom to call is read too, for the vault alone.

    Raises:
        ConfigurationError, NotATable: the file cannot be imported; one sentence says why.
    """
    if not data.strip():
        raise ConfigurationError(workbook.EMPTY)
    known = known_headers(feed)
    if is_workbook(data):
        plain = {key: dict(columns) for key, columns in remembered.items()}
        return workbook.read(data, workbook.Asked(known, ranks(feed), plain, dict(said), sheet, contacts))
    if _MARKUP.match(data.removeprefix(b"\xef\xbb\xbf")):
        raise NotATable(NO_SIGN)
    text, used = _text(data, encoding)
    delimiter, place, header = _header(text, {**known, **said})
    columns = settled(header, known, ranks(feed), remembered, said)
    read = [at for at, column in enumerate(columns) if column.field is not None]
    rows: list[Raw] = []
    to_call = contact_columns(header, columns) if contacts else {}
    called: dict[int, tuple[str, str]] = {}
    for number, texts in _table(text, delimiter):
        if number <= place or SAMPLE_MARK in texts or not any(texts[at].strip() for at in read if at < len(texts)):
            continue
        rows.append(raw_row(number, texts, columns, read, beyond=True))
        if to_call and (whom := contact_of(texts, to_call)):
            called[number] = whom
        if len(rows) > MAX_ROWS:
            raise ConfigurationError(workbook.TOO_MANY)
    if not rows:
        raise ConfigurationError(workbook.HEADER_ONLY)
    return Grid("csv", columns, rows, encoding=used, delimiter=delimiter, header_row=place, contacts=called)


def _text(data: bytes, encoding: str | None) -> tuple[str, str]:
    """A file's text and the name of its encoding."""
    marked = _BOMS.get(data[:2])
    if marked is not None and encoding is None:
        # A spreadsheet's “Unicode text”.
        wanted = [marked]
    elif encoding is None:
        wanted = ["utf-8", "gb18030"]
    else:
        name = encoding.lower().replace("-", "").replace("_", "")
        if name not in _UTF8 | _GB:
            raise ConfigurationError(
                f"编码“{encoding[:40]}”不认识，应为 utf-8 或 gb18030 · unknown encoding, allowed: utf-8, gb18030"
            )
        wanted = ["utf-8" if name in _UTF8 else "gb18030"]
    for name in wanted:
        try:
            text = data.decode(name).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return text, name
    names = " / ".join(wanted)
    raise NotATable(
        f"文件既不是工作簿，也不是 {names} 文本：请在表格软件里另存为 xlsx 或“CSV UTF-8”"
        f" · neither a workbook nor text in {names}: save it as xlsx or CSV"
    )


def _table(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of every row as a spreadsheet counts them, from 1.

    Raises:
        ConfigurationError: a quote is never closed; it would swallow all rows after it.
    """
    held: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            held.append(line)
            yield line

    for number, row in enumerate(csv.reader(lines(), delimiter=delimiter), 1):
        if len(held) > 1 and _unclosed(held, delimiter):
            raise ConfigurationError(f"第 {number} 行有引号没有闭合：请补上再导入 · unclosed quote in row {number}")
        held.clear()
        yield number, row


def _unclosed(lines: list[str], delimiter: str) -> bool:
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _header(text: str, known: Mapping[str, str]) -> tuple[str, int, list[str]]:
    """(delimiter, row number, cells) of the header: the row among the first with the most headers that mean something.

    Which delimiter a file uses is told by that, too: a comma in a title proves nothing.
    """
    best: tuple[int, str, int, list[str]] = (0, ",", 1, [])
    for delimiter in DELIMITERS:
        # A quote that is never closed is told of once the delimiter is known.
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), HEADER_WITHIN))
        score, place = find_header(rows, known)
        if score > best[0]:
            best = (score, delimiter, place + 1, rows[place])
    if not best[0]:
        raise ConfigurationError(workbook.NO_HEADER)
    return best[1], best[2], best[3]
