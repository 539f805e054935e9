"""Tables that are given back: the wrong rows with what is wrong in them, and the template to fill in.

No cell of a table that leaves is a formula, whatever somebody wrote into it: ``=cmd()`` goes out as ``'=cmd()``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from dashboard.domain.feed import Feed
from dashboard.domain.place import RegionPack
from ingest.gateways.sheets.cells import harmless
from ingest.gateways.sheets.columns import ADDED, SAMPLE_MARK, field_words
from ingest.gateways.sheets.grid import Grid
from ingest.gateways.sheets.rows import Wrong
from ingest.gateways.sheets.telling import allowed_words

VALUES, NOTES = "允许值", "填写说明"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
_HEAD = {"bold": True, "bg_color": "#ECEEF1", "num_format": "@"}
_NEEDED = {"bold": True, "bg_color": "#E8F0FA", "num_format": "@"}
_BAD = {"bg_color": "#F9ECE9", "font_color": "#B3260D", "num_format": "@"}
_ROWS = 2000
"""Rows of a template that offer lists of allowed values."""


def _safe(text: str) -> str:
    return harmless(_ILLEGAL.sub("", text))


def error_rows(grid: Grid, wrong: Sequence[Wrong]) -> Iterator[tuple[list[str], set[int]]]:
    """The header and then each wrong row: its cells and which of them are wrong.

    The columns are those of the table that came, in their order, and two more: what was got and what is allowed.
    Columns that are not read are empty, since nothing of them was kept.
    """
    yield [*(column.header for column in grid.columns), *ADDED], set()
    cells_of = {raw.number: raw.cells for raw in grid.rows}
    letters = {column.letter: place for place, column in enumerate(grid.columns)}
    headers = {column.letter: column.header for column in grid.columns}
    for row in wrong:
        line = [""] * len(grid.columns)
        for (place, _), cell in zip(grid.read, cells_of.get(row.number, ()), strict=False):
            line[place] = cell
        got = [f"{one.column} {headers.get(one.column, '')}：{one.got}".strip() for one in row.errors]
        allowed = [f"{one.column} {one.allowed.zh}".strip() for one in row.errors]
        bad = {letters[one.column] for one in row.errors if one.column in letters}
        yield [*line, "；".join(got), "；".join(allowed)], bad


def errors_csv(grid: Grid, wrong: Sequence[Wrong]) -> bytes:
    """The wrong rows as CSV with a byte order mark, so that spreadsheets read the Chinese."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([_safe(cell) for cell in cells] for cells, _ in error_rows(grid, wrong))
    return out.getvalue().encode("utf-8-sig")


def errors_xlsx(grid: Grid, wrong: Sequence[Wrong]) -> bytes:
    """The wrong rows as a workbook; wrong cells are tinted, every cell is text."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, _OPTIONS) as book:
        sheet = book.add_worksheet(_title(grid.sheet or "退回的行"))
        head, bad, text = book.add_format(_HEAD), book.add_format(_BAD), book.add_format({"num_format": "@"})
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(grid.columns):
            sheet.set_column(place, place, max(10, min(28, 2 * len(column.header) + 4)), text)
        sheet.set_column(len(grid.columns), len(grid.columns) + 1, 44, text)
        for number, (cells, marked) in enumerate(error_rows(grid, wrong)):
            for place, cell in enumerate(cells):
                if cell or number == 0 or place in marked:
                    how = head if number == 0 else bad if place in marked else text
                    sheet.write_string(number, place, _safe(cell), how)
    return stream.getvalue()


def template_xlsx(feed: Feed, pack: RegionPack) -> bytes:
    """A workbook to fill in: a header, a row that shows how (it is passed over), allowed values as lists to pick from.

    Sheets: the table, :data:`VALUES`, :data:`NOTES`.
    """
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, _OPTIONS) as book:
        position = ["lon", "lat"] if any("lon" in rule.fields for rule in feed.required) else []
        names = ["", "town", "at", *(field.name for field in feed.fields), *position]
        lists = _lists(feed, pack)
        _table(book, feed, pack, names, lists)
        values = book.add_worksheet(VALUES)
        bold = book.add_format({"bold": True})
        values.set_column(0, len(lists), 18)
        for place, (name, entries) in enumerate(lists.items()):
            values.write_string(0, place, _safe(field_words(feed, name)[0]), bold)
            for row, entry in enumerate(entries, 1):
                values.write_string(row, place, _safe(entry))
        _notes(book, feed, pack, names)
    return stream.getvalue()


def _needed(feed: Feed, name: str) -> bool:
    field = feed.field(name)
    return name in ("town", "at") or (field is not None and field.required)


def _table(
    book: xlsxwriter.Workbook, feed: Feed, pack: RegionPack, names: Sequence[str], lists: dict[str, list[str]]
) -> None:
    sheet = book.add_worksheet(_title(feed.words.zh))
    head, needed = book.add_format(_HEAD), book.add_format(_NEEDED)
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(names):
        field = feed.field(name)
        timed = name == "at" or (field is not None and field.kind == "time")
        number = field is not None and field.kind in ("integer", "number")
        shape = "General" if number else "yyyy-mm-dd hh:mm" if timed else "@"
        sheet.set_column(place, place, 20 if timed or not name else 16, book.add_format({"num_format": shape}))
        title = _safe(field_words(feed, name)[0]) if name else "说明"
        sheet.write_string(0, place, title, needed if _needed(feed, name) else head)
        sample = book.add_format({"italic": True, "font_color": "#626A74", "num_format": shape})
        sheet.write_string(1, place, _safe(_sample(feed, pack, name)) if name else SAMPLE_MARK, sample)
        if name in lists:
            column = xl_col_to_name(list(lists).index(name))
            sheet.data_validation(
                1,
                place,
                _ROWS,
                place,
                {
                    "validate": "list",
                    "source": f"='{VALUES}'!${column}$2:${column}${len(lists[name]) + 1}",
                    "ignore_blank": not _needed(feed, name),
                    "error_title": "不在允许值里",
                    "error_message": _short(allowed_words(feed, name, pack).zh),
                },
            )


def _lists(feed: Feed, pack: RegionPack) -> dict[str, list[str]]:
    lists = {"town": [town.name for town in pack.towns]}
    lists |= {
        field.name: [words.zh for words in field.choices.values()] for field in feed.fields if field.kind == "choice"
    }
    return lists


def _sample(feed: Feed, pack: RegionPack, name: str) -> str:
    given = feed.sample.get(name)
    if name == "town":
        town = pack.town_by_code.get(str(given))
        return (town or pack.towns[0]).name
    field = feed.field(name)
    if name == "at":
        return _moment(str(given)) if given else "2020-02-24 14:30"
    if field is None:
        return "" if given is None else str(given)
    if given is None:
        given = field.example
    if field.kind == "choice":
        return field.choices[str(given)].zh if str(given) in field.choices else ""
    return _moment(str(given)) if field.kind == "time" else str(given)


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return text


def _notes(book: xlsxwriter.Workbook, feed: Feed, pack: RegionPack, names: Sequence[str]) -> None:
    sheet = book.add_worksheet(NOTES)
    head, wrapped = book.add_format(_HEAD), book.add_format({"text_wrap": True, "valign": "top"})
    for place, (title, width) in enumerate((("列名", 18), ("必填", 8), ("可以填", 60), ("例", 24))):
        sheet.write_string(0, place, title, head)
        sheet.set_column(place, place, width, wrapped)
    row = 1
    for name in names[1:]:
        field = feed.field(name)
        allowed = allowed_words(feed, name, pack).zh
        if field is not None and field.kind == "choice":
            allowed = "、".join(words.zh for words in field.choices.values())
        line = (field_words(feed, name)[0], "是" if _needed(feed, name) else "", allowed, _sample(feed, pack, name))
        for place, text in enumerate(line):
            sheet.write_string(row, place, _safe(text), wrapped)
        row += 1
    for note in (
        "联系人、联系电话、姓名、身份证号等个人信息列不用填：有也会在入口移除，不读、不存。",
        "时间可写 2020-02-24 14:30、2020/2/24 14:30、2020年2月24日 14:30，或用日期格式。",
        "同一份表再导入一次不会重复；改一格再导入，只更正那一条。",
    ):
        row += 1
        sheet.write_string(row, 0, note)


def _title(name: str) -> str:
    return re.sub(r"[\\/*?:\[\]']", " ", name).strip()[:31] or "Sheet1"


def _short(text: str) -> str:
    # A spreadsheet refuses a whole file for a message of more than 255 characters.
    return text if len(text) <= 200 else text[:199] + "…"
