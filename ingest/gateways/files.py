"""Tables from files: CSV as people and spreadsheets write it, through the same door as every other record.

A file is read whole or not at all (one sentence says why); a row is taken or reported by row and column, and a row that
is not taken is kept as a dead letter. Cells are data and nothing else: a formula is a piece of text. Columns that carry
people's names or numbers are dropped unread, and so is every column that the feed does not declare.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import redis

from dashboard.clock import read_clock
from dashboard.domain.day import day_of
from dashboard.domain.event import Rejected
from dashboard.domain.feed import Feed
from dashboard.domain.privacy import mask, plain_header, private_header
from dashboard.errors import ConfigurationError
from dashboard.feeds import feed_named
from dashboard.settings import Settings
from dashboard.stores.redis_server import check_durability
from dashboard.stores.stream import Stream
from geodata.library import RegionBook, open_library
from ingest.decode import Door
from ingest.intake import Intake, dead_letter

CHUNK = 1000
LISTED = 50
"""Wrong rows that a printed report lists; the rest are counted."""
HEADER_WITHIN = 10
"""Rows that may stand above the header: titles, ``sep=;``."""
_LONGEST = 1000
"""No field allows as much text, so that more of a cell need not be carried to be refused."""

ENVELOPE: Mapping[str, tuple[str, ...]] = {
    "id": ("编号", "记录编号", "id"),
    "town": ("镇街", "乡镇", "所属乡镇", "镇（街道）", "镇街代码", "town"),
    "at": ("时间", "发生时间", "记录时间", "测温时间", "at", "time"),
    "lon": ("经度", "lon", "longitude"),
    "lat": ("纬度", "lat", "latitude"),
    "crs": ("坐标系", "crs"),
    "rev": ("版本", "rev"),
    "void": ("作废", "void"),
    "nothing": ("零报告", "nothing"),
}
"""Headers of the event envelope."""
_DELIMITERS = {",": "逗号", ";": "分号", "\t": "制表符"}
_GB = {"gb18030", "gbk", "gb2312", "cp936", "936", "hz"}
_UTF8 = {"utf8", "utf8sig"}
# A workbook or another binary file is named by its first bytes.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b]")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?[eE]\+\d+")
_AS_TEXT = re.compile(r'="([^"]*)"')
_SERIAL = re.compile(r"[34567]\d{4}(?:\.\d+)?")
_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T\s]*(\d{1,2})[:时](\d{1,2})分?(?::?(\d{1,2})(\.\d+)?秒?)?)?"
    r"\s*(Z|(?:GMT|UTC)?[+-]\d{1,2}(?::?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)

# Python's limit of 128 KiB a cell would end the whole file; here a huge cell is only a wrong cell of its row.
csv.field_size_limit(sys.maxsize)

Progress = Callable[[int, int], object]


class Column(msgspec.Struct, frozen=True):
    """One column of a file. ``field`` is ``None`` when nothing of it is read."""

    letter: str
    header: str
    field: str | None = None
    private: bool = False


class Row(msgspec.Struct, frozen=True):
    """One row as a record, with its number as a spreadsheet shows it. ``wrong`` is (field, got, allowed, message)."""

    number: int
    record: dict[str, Any]
    wrong: tuple[str, str, str, str] | None = None
    letter: str | None = None
    """The column of ``wrong`` where that is not the field's own."""


class Sheet(msgspec.Struct, frozen=True):
    """A file that can be imported: what its columns mean and its rows, blank ones left out."""

    feed: Feed
    encoding: str
    delimiter: str
    columns: tuple[Column, ...]
    cells: list[tuple[int, list[str]]]

    @property
    def named(self) -> bool:
        """Whether the rows carry ids of their own."""
        return any(column.field == "id" for column in self.columns)

    def column(self, field: str) -> Column | None:
        """The column of a field."""
        return next((column for column in self.columns if column.field == field), None)

    def rows(self) -> Iterator[Row]:
        """The rows as records, in order.

        Without an id column a row's id is made of what it says and of how many rows said the same before it, so that
        the same file sent again changes nothing.
        """
        read = [(place, column.field) for place, column in enumerate(self.columns) if column.field is not None]
        seen: dict[bytes, int] = {}
        first: dict[str, tuple[int, bytes]] = {}
        for number, cells in self.cells:
            record = _record(read, cells)
            beyond = next((i for i in range(len(self.columns), len(cells)) if cells[i].strip()), None)
            if beyond is not None:
                sentence = f"这一行有 {len(cells)} 列，表头只有 {len(self.columns)} 列：内容里的分隔符要加引号"
                got = mask(cells[beyond].strip())[:120]
                wrong = ("(row)", got, f"不超过 {len(self.columns)} 列", sentence)
                yield Row(number, record, wrong, letter_of(beyond))
                continue
            said = _digest(record)
            if not self.named:
                seen[said] = seen.get(said, 0) + 1
                record = {"id": f"row-{said.hex()}-{seen[said]}", **record}
                wrong_id = None
            else:
                wrong_id = _wrong_id(record, number, said, first)
            yield Row(number, record, wrong_id or _wrong_time(record))


class RowError(msgspec.Struct, frozen=True):
    """Why a row was not taken. ``got`` is masked; ``column`` is a letter, empty when the file has no such column."""

    row: int
    column: str
    field: str
    id: str | None
    got: str
    allowed: str
    message: str
    code: str = "invalid"


class Report(msgspec.Struct, frozen=True):
    """What became of a file; ``str`` is what a person reads."""

    file: str
    feed: Feed
    source: str
    encoding: str
    delimiter: str
    columns: tuple[Column, ...]
    named: bool
    rows: int
    accepted: int
    rejected: tuple[RowError, ...]

    @property
    def ignored(self) -> tuple[Column, ...]:
        """Columns whose header means no field of the feed."""
        return tuple(one for one in self.columns if one.field is None and not one.private and one.header)

    @property
    def private(self) -> tuple[Column, ...]:
        """Columns that were dropped unread because they carry people's names or numbers."""
        return tuple(one for one in self.columns if one.private)

    def __str__(self) -> str:
        words = self.feed.words
        lines = [
            f"{self.file} → {words.zh} {self.feed.name}，来源 {self.source}，"
            f"{self.encoding}，{_DELIMITERS[self.delimiter]}分隔",
            f"共 {self.rows} 行：接收 {self.accepted}，退回 {len(self.rejected)}"
            f" · {self.rows} rows: {self.accepted} accepted, {len(self.rejected)} rejected",
        ]
        if self.rejected:
            lines.append("退回的行已留存，用 ./townwatch dead-letters list 查看、改正 · kept as dead letters")
            lines.append("行 · 列 · 字段 · 得到 · 允许")
            lines += [self._line(one) for one in self.rejected[:LISTED]]
            if len(self.rejected) > LISTED:
                more = len(self.rejected) - LISTED
                lines.append(f"还有 {more} 行未列出 · {more} more rows")
        if self.ignored:
            names = "、".join(f"{one.letter} {one.header}" for one in self.ignored)
            lines.append("没有用到的列 · columns ignored：" + names)
        if self.private:
            names = "、".join(f"{one.letter} {one.header}" for one in self.private)
            lines.append("个人信息列，未读取 · personal columns, dropped unread：" + names)
        if not self.named:
            lines.append("没有编号列，按整行内容识别：重复导入不会变，改过的行算新记录 · rows are known by content")
        return "\n".join(lines)

    def _line(self, one: RowError) -> str:
        field = self.feed.field(one.field)
        name = f"{field.words.zh} {one.field}" if field else _zh(one.field)
        return f"{one.row} · {one.column or '—'} · {name} · {one.got} · {one.allowed}"


def parse_csv(data: bytes, feed: Feed, encoding: str | None = None) -> Sheet:
    """Read a CSV file: UTF-8 or gb18030, comma, semicolon or tab, headers in Chinese or English.

    Raises:
        ConfigurationError: the file cannot be imported; one sentence says why.
    """
    text, used = _text(data, encoding)
    known = _headers(feed)
    delimiter, place, header = _header(text, known)
    columns = _columns(header, known)
    _check(feed, columns)
    cells = [(number, row) for number, row in _table(text, delimiter) if number > place and any(map(str.strip, row))]
    if not cells:
        raise ConfigurationError("文件只有表头，没有一行记录：请填好再导入 · the file has a header and no rows")
    return Sheet(feed, used, delimiter, columns, cells)


def import_sheet(
    sheet: Sheet, name: str, intake: Intake, door: Door, now: Callable[[], int], progress: Progress = lambda *_: None
) -> Report:
    """Send a sheet's rows through the door in chunks.

    Raises:
        Backpressure, StoreUnavailable: some chunks may have been taken; importing the file again is harmless.
    """
    accepted, done = 0, 0
    wrong: list[RowError] = []
    letters = {column.field: column.letter for column in sheet.columns if column.field is not None}
    rows = sheet.rows()
    while chunk := list(islice(rows, CHUNK)):
        received_at = now()
        good = [row for row in chunk if row.wrong is None]
        bad = [(row, _rejected(row)) for row in chunk if row.wrong is not None]
        receipt = intake.accept(sheet.feed, [row.record for row in good], door, received_at)
        intake.append([], [dead_letter(sheet.feed, row.record, why, door.source, received_at) for row, why in bad])
        accepted += receipt.accepted
        told = [(good[why.index], why) for why in receipt.rejected] + bad
        for row, why in sorted(told, key=lambda pair: pair[0].number):
            column = row.letter or letters.get(why.field, "")
            shown = why.id if sheet.named else None
            wrong.append(RowError(row.number, column, why.field, shown, why.got, why.allowed, why.message, why.code))
        done += len(chunk)
        progress(done, len(sheet.cells))
    return Report(
        file=name,
        feed=sheet.feed,
        source=door.source,
        encoding=sheet.encoding,
        delimiter=sheet.delimiter,
        columns=sheet.columns,
        named=sheet.named,
        rows=len(sheet.cells),
        accepted=accepted,
        rejected=tuple(wrong),
    )


def import_file(
    settings: Settings,
    path: Path,
    feed: str,
    source: str | None = None,
    encoding: str | None = None,
    progress: Progress = lambda *_: None,
) -> Report:
    """Import a CSV file into the road of a data directory whose Redis the settings name.

    ``source`` is ``file:<stem>`` when not given. Times without an offset are the region's local time.

    Raises:
        UnknownFeed: no such feed.
        ConfigurationError: the file cannot be read as a table of that feed; nothing was imported.
        Backpressure, StoreUnavailable: importing the file again is harmless.
    """
    declared = feed_named(feed)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path.name} 读不出来（{error.strerror}）：请检查路径和权限") from error
    try:
        sheet = parse_csv(data, declared, encoding)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path.name}：{error.sentence}") from None
    library, code = open_library(settings.data_dir, settings.region)
    region_at = RegionBook(library, code)
    clock = read_clock(settings.data_dir)
    zone = region_at(0).pack.timezone
    door = Door(source or _source(path), region_at(day_of(clock.now(), zone)), zone=zone)
    with redis.Redis.from_url(settings.redis_url) as client:
        check_durability(client, settings.accept_loss)
        intake = Intake(Stream(client, settings.partitions, settings.stream_limit))
        return import_sheet(sheet, mask(path.name), intake, door, clock.now, progress)


def workbook(data: bytes) -> bool:
    """Whether bytes are a spreadsheet's workbook rather than a CSV file."""
    return data.startswith(_WORKBOOKS)


def letter_of(place: int) -> str:
    """A column's letters by its place from 0: A … Z, AA …"""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def local_time(cell: str) -> str:
    """A time as people and spreadsheets write it, as ISO-8601; what is no such time stays as it is.

    Takes ``2020/2/18 8:12``, ``2020年2月18日 8时12分``, a trailing ``GMT+8`` and a spreadsheet's serial number (days
    since 1899-12-30, to the second).
    """
    if _SERIAL.fullmatch(cell):
        moment = datetime(1899, 12, 30) + timedelta(seconds=round(float(cell) * 86_400))  # noqa: DTZ001 - a local time
        return moment.isoformat()
    found = _TIME.fullmatch(cell)
    if found is None:
        return cell
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    clock = f"{int(hour or 0):02d}:{int(minute or 0):02d}:{int(second or 0):02d}"
    written = f"{year}-{int(month):02d}-{int(day):02d}T{clock}{(fraction or '')[:7]}{_offset(offset)}"
    return written if _is_time(written) else cell


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _offset(given: str | None) -> str:
    if given is None:
        return ""
    digits = given.upper().removeprefix("GMT").removeprefix("UTC")
    if digits == "Z":
        return "+00:00"
    hours, _, minutes = digits[1:].partition(":")
    if len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    return f"{digits[0]}{int(hours):02d}:{int(minutes or 0):02d}"


def _text(data: bytes, encoding: str | None) -> tuple[str, str]:
    """A file's text and the name of its encoding."""
    if not data.strip():
        raise ConfigurationError("文件是空的：请选一个有内容的 CSV 文件 · the file is empty")
    if workbook(data):
        raise ConfigurationError("这是 Excel 工作簿，目前只收 CSV：请另存为“CSV UTF-8” · save the workbook as CSV")
    wanted = ["utf-8", "gb18030"]
    if encoding is not None:
        name = encoding.lower().replace("-", "").replace("_", "")
        if name not in _UTF8 | _GB:
            raise ConfigurationError(f"编码“{encoding}”不认识，应为 utf-8 或 gb18030 · allowed: utf-8, gb18030")
        wanted = ["utf-8" if name in _UTF8 else "gb18030"]
    for name in wanted:
        try:
            text = data.decode(name).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return text, name
    names = " / ".join(wanted)
    raise ConfigurationError(f"文件不是 {names} 文本：请在表格软件里另存为“CSV UTF-8” · not a text file in {names}")


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


def _headers(feed: Feed) -> dict[str, str]:
    """Plain header -> field name."""
    known = {plain_header(header): name for name, headers in ENVELOPE.items() for header in headers}
    for field in feed.fields:
        for header in (field.name, field.words.zh, field.words.en, *field.headers):
            known[plain_header(header)] = field.name
    return known


def _meaning(header: str, known: Mapping[str, str]) -> str | None:
    """The field of a header: as it is, else without a unit in brackets: 体温（℃）."""
    plain = plain_header(header)
    return known.get(plain) or known.get(re.sub(r"[(\[][^()\[\]]*[)\]]$", "", plain))


def _header(text: str, known: Mapping[str, str]) -> tuple[str, int, list[str]]:
    """(delimiter, row number, cells) of the header: the row among the first with the most headers that mean something.

    Which delimiter a file uses is told by that, too: a comma in a title proves nothing.
    """
    best: tuple[int, str, int, list[str]] = (0, ",", 1, [])
    for delimiter in _DELIMITERS:
        # A quote that is never closed is told of once the delimiter is known.
        rows = enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1)
        for number, row in islice(rows, HEADER_WITHIN):
            score = sum(1 for cell in row if len(cell) < 100 and _meaning(cell, known) is not None)
            if score > best[0]:
                best = (score, delimiter, number, row)
    if not best[0]:
        raise ConfigurationError(
            f"前 {HEADER_WITHIN} 行里没有认得的列名：第一行应是列名，如 镇街、时间 · the first row names the columns"
        )
    return best[1], best[2], best[3]


def _columns(header: list[str], known: Mapping[str, str]) -> tuple[Column, ...]:
    while header and not header[-1].strip():
        header = header[:-1]
    columns: list[Column] = []
    for place, cell in enumerate(header):
        letter, shown = letter_of(place), mask(" ".join(cell.split()))[:40]
        if private_header(cell):
            columns.append(Column(letter, shown, private=True))
            continue
        field = _meaning(cell, known)
        twin = next((one for one in columns if field is not None and one.field == field), None)
        if twin is not None:
            raise ConfigurationError(
                f"{twin.letter} 列“{twin.header}”和 {letter} 列“{shown}”都是 {field}：请只留一列"
                f" · columns {twin.letter} and {letter} both mean {field}"
            )
        columns.append(Column(letter, shown, field))
    return tuple(columns)


def _check(feed: Feed, columns: tuple[Column, ...]) -> None:
    """A file without a required column would be nothing but errors: say so once.

    Raises:
        ConfigurationError: names the column and its accepted headers.
    """
    present = {column.field for column in columns}
    if {"id", "void"} <= present:
        return
    needed = ["at"]
    if not ({"town", feed.place_field} & present or {"lon", "lat"} <= present):
        needed.append("town")
    if "nothing" not in present:
        needed += [field.name for field in feed.fields if field.required]
    missing = [name for name in needed if name not in present]
    if missing:
        which = "；".join(f"{_zh(name, feed)}（列名可写 {'、'.join(_accepted(name, feed))}）" for name in missing)
        raise ConfigurationError(f"缺少必需的列：{which}；什么都没有导入 · missing column: {', '.join(missing)}")


def _zh(name: str, feed: Feed | None = None) -> str:
    field = feed.field(name) if feed else None
    if field is not None:
        return field.words.zh
    if name == "(row)":
        return "整行"
    return ENVELOPE[name][0] if name in ENVELOPE else name


def _accepted(name: str, feed: Feed) -> tuple[str, ...]:
    field = feed.field(name)
    if field is None:
        return ENVELOPE[name]
    return tuple(dict.fromkeys((field.words.zh, *field.headers, field.name, field.words.en)))


def _record(read: list[tuple[int, str]], cells: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for place, name in read:
        value = cells[place].strip() if place < len(cells) else ""
        # Exports write ="0012" so that a spreadsheet keeps it as text.
        as_text = _AS_TEXT.fullmatch(value)
        if as_text:
            value = as_text[1].strip()
        if value:
            record[name] = local_time(value) if name == "at" else value[:_LONGEST]
    return record


def _digest(record: Mapping[str, Any]) -> bytes:
    return blake2b(msgspec.json.encode(record, order="sorted"), digest_size=12).digest()


def _wrong_id(
    record: Mapping[str, Any], number: int, said: bytes, first: dict[str, tuple[int, bytes]]
) -> tuple[str, str, str, str] | None:
    """An id that cannot be meant: two rows of one file under one id would be taken for a correction."""
    identity = record.get("id")
    if not isinstance(identity, str):
        return None
    shown = mask(identity)[:120]
    if _SCIENTIFIC.fullmatch(identity):
        return ("id", shown, "完整的编号", f"编号被表格软件写成了“{shown}”：请把这一列设为文本格式后重填")
    before = first.setdefault(identity, (number, said))
    if before[1] == said or "rev" in record or "void" in record:
        return None
    sentence = f"编号“{shown}”在第 {before[0]} 行已用过，内容不同：更正请加“版本”列，否则请换编号"
    return ("id", shown, "本文件里不重复的编号", sentence)


def _wrong_time(record: Mapping[str, Any]) -> tuple[str, str, str, str] | None:
    """A time that cannot be read, told in the words of a table: the door would ask for ISO-8601."""
    at = record.get("at")
    if at is None or _is_time(at):
        return None
    got, allowed = mask(at)[:120], "时间，如 2020-02-18 08:12"
    return ("at", got, allowed, f"时间是“{got}”，应为{allowed}")


def _rejected(row: Row) -> Rejected:
    field, got, allowed, message = row.wrong or ("", "", "", "")
    identity = row.record.get("id")
    return Rejected(0, mask(identity)[:120] if isinstance(identity, str) else None, field, got, allowed, message)


def _source(path: Path) -> str:
    stem = "".join(character for character in mask(path.stem) if character.isprintable()).strip()
    return f"file:{stem[:60] or 'csv'}"
