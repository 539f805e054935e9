"""What a column's header means: a field of the feed, nothing, or a person's name or number.

Synonyms of a feed's own fields stand in its declaration (``Field.headers``); here are those of the event envelope.
Light on imports: workbooks are read in a process of their own, which should start at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from dashboard.domain.imports import Column
from dashboard.domain.privacy import mask, plain_header, private_header

if TYPE_CHECKING:
    from dashboard.domain.feed import Feed

HEADER_WITHIN = 10
"""Rows that may stand above the header: titles, ``sep=;``."""

ENVELOPE: Mapping[str, tuple[str, ...]] = {
    "id": ("编号", "记录编号", "id"),
    "town": ("镇街", "乡镇", "所属乡镇", "镇（街道）", "所属镇街", "所在乡镇", "街道", "镇街代码", "town"),
    "at": (
        *("时间", "发生时间", "记录时间", "测温时间", "申请时间", "登记时间", "更新时间", "受理时间", "填报时间"),
        *("at", "time"),
    ),
    "lon": ("经度", "lon", "longitude"),
    "lat": ("纬度", "lat", "latitude"),
    "lonlat": ("经纬度", "坐标", "lonlat"),
    "crs": ("坐标系", "crs"),
    "rev": ("版本", "rev"),
    "void": ("作废", "void"),
    "nothing": ("零报告", "nothing"),
}
"""Headers of the event envelope, the most telling first; ``lonlat`` is both coordinates in one cell."""
ENVELOPE_WORDS: Mapping[str, tuple[str, str]] = {
    "id": ("编号", "Record id"),
    "town": ("镇（街道）", "Town"),
    "at": ("事件时间", "Event time"),
    "lon": ("经度", "Longitude"),
    "lat": ("纬度", "Latitude"),
    "lonlat": ("经纬度", "Longitude, latitude"),
    "crs": ("坐标系", "Coordinate system"),
    "rev": ("版本", "Revision"),
    "void": ("作废", "Void"),
    "nothing": ("零报告", "Nothing to report"),
    "(row)": ("整行", "Whole row"),
}
LEFT_OUT = (
    *("序号", "行号", "备注", "说明", "no", "no.", "#"),
    *("所属区", "区县", "单位地址", "计划开工时间", "企业防控情况说明"),
    *("矛盾纠纷名称", "矛盾纠纷内容", "矛盾纠纷所在地网格编号", "矛盾纠纷所在全地址", "矛盾纠纷所在地址"),
    *("发生地点", "管辖单位", "责任单位", "协议（协商）方式", "紧急程度", "反馈内容"),
    *("得到", "允许"),
)
"""Columns of the forms in use that no feed reads: known as such, so nobody is asked. A row's number (序号) starts anew
in every file and is therefore nobody's identity. The last two are those of our own error file."""
ADDED = ("得到", "允许")
"""Headers of the columns that the error file adds."""
SAMPLE_MARK = "示例，导入时跳过"
"""Stands in the template's row that shows how to fill it in; a row with such a cell is passed over."""

NO_FIELD = ""
"""Said of a header: nothing is read from it."""

Known = Mapping[str, str]
"""Plain header -> field name, :data:`NO_FIELD` for a column known to be none."""


def field_words(feed: Feed, name: str) -> tuple[str, str]:
    """A field's name in Chinese and English, the envelope's included."""
    field = feed.field(name)
    return (field.words.zh, field.words.en) if field is not None else ENVELOPE_WORDS.get(name, (name, name))


def known_headers(feed: Feed) -> dict[str, str]:
    """What every header that needs no question means."""
    known = {plain_header(header): NO_FIELD for header in LEFT_OUT}
    known |= {plain_header(header): name for name in ENVELOPE for header in accepted_envelope(name)}
    for field in feed.fields:
        for header in (field.name, field.words.zh, field.words.en, *field.headers):
            known[plain_header(header)] = field.name
    # A row number starts again in every file: as an identity it would correct another day's record.
    for header in ("序号", "行号"):
        known[plain_header(header)] = NO_FIELD
    for prefix in (feed.words.zh, feed.short.zh):
        # A register puts its own name before each of its headers: 矛盾纠纷编号, 矛盾纠纷状态.
        own = {plain_header(prefix) + header: name for header, name in known.items() if name}
        known = own | known
    return known


def ranks(feed: Feed) -> dict[str, int]:
    """Plain header -> how telling it is among the headers of its field, 0 first."""
    told: dict[str, int] = {}
    for name in ENVELOPE:
        told |= {plain_header(header): rank for rank, header in enumerate(accepted_envelope(name))}
    for field in feed.fields:
        own = (field.words.zh, field.name, field.words.en, *field.headers)
        told |= {plain_header(header): rank for rank, header in enumerate(own)}
    return told


def accepted_envelope(name: str) -> tuple[str, ...]:
    """Headers that mean a field of the envelope: the name that our own template writes before all others."""
    return tuple(dict.fromkeys((*ENVELOPE_WORDS[name], *ENVELOPE[name])))


def accepted_headers(feed: Feed, name: str) -> tuple[str, ...]:
    """Headers that mean a field, as a person may write them."""
    field = feed.field(name)
    if field is None:
        return accepted_envelope(name)
    return tuple(dict.fromkeys((field.words.zh, *field.headers, field.name, field.words.en)))


def meaning(header: str, known: Known) -> str | None:
    """The field of a header: as it is, else without a unit in brackets: 体温（℃）. ``None``: nobody has said."""
    plain = plain_header(header)
    if plain in known:
        return known[plain]
    return known.get(re.sub(r"[(\[][^()\[\]]*[)\]]$", "", plain))


def score(row: Sequence[str], known: Known) -> int:
    """How much a row looks like a header: cells that name a field or a personal column."""
    return sum(1 for cell in row if len(cell) < 100 and (meaning(cell, known) or (cell and private_header(cell))))


def find_header(rows: Iterable[Sequence[str]], known: Known) -> tuple[int, int]:
    """(score, place) of the header among the first rows; score 0 when none of them looks like one."""
    best = (0, 0)
    for place, row in enumerate(rows):
        found = score(row, known)
        if found > best[0]:
            best = (found, place)
    return best


def letter_of(place: int) -> str:
    """A column's letters by its place from 0: A … Z, AA …"""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def match(
    header: Sequence[str], known: Known, rank: Mapping[str, int], said: Mapping[str, str] = {}
) -> tuple[Column, ...]:
    """What the columns of a header mean. ``said`` (plain header -> field or nothing) goes before what is ``known``.

    Of several columns that mean one field, the one with the most telling header is read.
    """
    header = list(header)
    while header and not header[-1].strip():
        header.pop()
    columns: list[Column] = []
    plains: list[str] = []
    for place, cell in enumerate(header):
        letter, shown, plain = letter_of(place), mask(" ".join(cell.split()))[:40], plain_header(cell)
        plains.append(plain)
        if cell.strip() and private_header(cell):
            columns.append(Column(letter, shown, None, "private"))
        elif plain in said:
            field = said[plain] or None
            columns.append(Column(letter, shown, field, "remembered" if field else "left_out"))
        elif not plain:
            columns.append(Column(letter, shown, None, "left_out"))
        else:
            found = meaning(cell, known)
            columns.append(
                Column(letter, shown, found or None, "unknown" if found is None else "known" if found else "left_out")
            )
    best: dict[str, int] = {}
    for place, column in enumerate(columns):
        if column.field is None:
            continue
        order = (column.state != "remembered", rank.get(plains[place], 99), place)
        held = best.get(column.field)
        if held is None or order < (columns[held].state != "remembered", rank.get(plains[held], 99), held):
            best[column.field] = place
    return tuple(
        column
        if column.field is None or best[column.field] == place
        else Column(column.letter, column.header, None, "twin")
        for place, column in enumerate(columns)
    )


def header_key(columns: Sequence[Column]) -> str:
    """The name of a set of headers, whatever their order: mappings are remembered under it.

    An error file that comes back has the headers of the table it was made of.
    """
    named = {column.header for column in columns if column.header and not private_header(column.header)}
    plains = sorted({plain_header(header) for header in named} - set(ADDED))
    return blake2b("\n".join(plains).encode(), digest_size=16).hexdigest()


def settled(
    header: Sequence[str],
    known: Known,
    rank: Mapping[str, int],
    remembered: Mapping[str, Mapping[str, str]],
    said: Mapping[str, str],
) -> tuple[Column, ...]:
    """The columns of a header as known, as remembered of this set of headers, and as said now; the last counts most."""
    columns = match(header, known, rank)
    before = remembered.get(header_key(columns), {})
    return match(header, known, rank, {**before, **said}) if before or said else columns
