"""What a cell says: numbers, times and texts as people and spreadsheets write them, and texts safe to give back.

Standard library only: workbooks are read in a process of their own, which should start at once.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

LONGEST = 1000
"""No field allows as much text, so that more of a cell need not be carried to be refused."""
SCIENTIFIC = re.compile(r"\d(?:\.\d+)?[eE]\+\d+")
"""A number that a spreadsheet shortened: its last digits are lost."""
ERRORS = ("#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!")
NO_RESULT = "#（公式没有结果）"
"""Stands for a formula whose result the file does not carry."""

_AS_TEXT = re.compile(r'="([^"]*)"')
_SERIAL = re.compile(r"[34567]\d{4}(?:\.\d+)?")
_TIME = re.compile(
    r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))"
    r"(?:[T\s,]*(上午|下午)?\s*(\d{1,2})[:时点](?:(\d{1,2})分?(?::?(\d{1,2})(\.\d+)?秒?)?)?)?"
    r"\s*(Z|(?:GMT|UTC)?[+-]\d{1,2}(?::?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_WIDE = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_WIDE_NUMBER = {**_WIDE, 0xFF0E: ".", 0xFF0D: "-", 0xFF0B: "+", 0xFF0C: ",", 0xFF05: "%", 0x3000: " ", 0x2212: "-"}
_WIDE_TIME = {**_WIDE_NUMBER, 0xFF1A: ":", 0xFF0F: "/"}
_NUMBER = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)?(\.\d+)?")
_PERSONS = ("人次", "人", "家", "件", "个", "名", "户", "次", "℃", "°C", "km/h", "m")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def text_of(value: Any) -> str:
    """A workbook's cell as text: whole numbers without a point, times as ``yyyy-mm-dd hh:mm:ss``, to the second."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()[:LONGEST]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, datetime):
        # A serial number is a fraction of a day: 08:12 is stored as 08:11:59.999997.
        return (value + timedelta(milliseconds=500)).replace(microsecond=0).isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.replace(microsecond=0).isoformat()
    return str(value)[:LONGEST]


def _number_text(value: float) -> str:
    if abs(value) >= 1e15:
        # Beyond 15 digits a spreadsheet has lost the last ones: told as such rather than as digits that look right.
        return f"{value:.6E}"
    return str(int(value)) if value == int(value) else repr(round(value, 12))


def plain_text(cell: str) -> str:
    """A cell without what only layout brings: blanks around, ``="0012"``, full-width letters and digits."""
    cell = cell.strip().strip("\u3000\ufeff\u200b\u00a0").strip()
    # Exports write ="0012" so that a spreadsheet keeps it as text.
    as_text = _AS_TEXT.fullmatch(cell)
    if as_text:
        cell = as_text[1].strip()
    if len(cell) > 1 and cell[0] == "'" and cell[1] in "=+-@":
        # Our own error file and template neutralise a text this way; it comes back as it was.
        cell = cell[1:]
    return cell.translate(_WIDE)


def number_text(cell: str) -> str:
    """A number as people write it, as digits; what is no number stays as it is: ``１，２００ 人`` is ``1200``."""
    said = cell.translate(_WIDE_NUMBER).replace(" ", "")
    for unit in _PERSONS:
        if said.endswith(unit):
            said = said[: -len(unit)]
            break
    found = _NUMBER.fullmatch(said)
    if found is None or not (found[2] or found[3]):
        return cell
    return f"{'-' if found[1] == '-' else ''}{(found[2] or '0').replace(',', '')}{found[3] or ''}"


def local_time(cell: str, dated: bool = False) -> str:
    """A time as people and spreadsheets write it, as ISO-8601; what is no such time stays as it is.

    Takes ``2020/2/18 8:12``, ``2020年2月18日 8时12分``, ``20200218``, a trailing ``GMT+8`` and a spreadsheet's serial
    number (days since 1899-12-30, to the second). With ``dated`` a day without a time of day stays a day.
    """
    if _SERIAL.fullmatch(cell):
        moment = datetime(1899, 12, 30) + timedelta(seconds=round(float(cell) * 86_400))  # noqa: DTZ001 - a local time
        return moment.date().isoformat() if dated and "." not in cell else moment.isoformat()
    found = _TIME.fullmatch(" ".join(cell.translate(_WIDE_TIME).split()))
    if found is None:
        return cell
    year, month, day, month_2, day_2, half, hour, minute, second, fraction, offset = found.groups()
    hours = int(hour or 0)
    if half == "下午" and hours < 12:
        hours += 12
    on = f"{year}-{int(month or month_2):02d}-{int(day or day_2):02d}"
    if dated and hour is None and offset is None:
        return on if is_time(on) else cell
    clock = f"{hours:02d}:{int(minute or 0):02d}:{int(second or 0):02d}"
    written = f"{on}T{clock}{(fraction or '')[:7]}"
    written += _offset(offset)
    return written if is_time(written) else cell


def is_time(text: str) -> bool:
    """Whether a text is an ISO-8601 time."""
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


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula when the file is opened: ``=cmd()`` becomes ``'=cmd()``.

    A plain number keeps its sign.
    """
    if text.startswith(_FORMULA) and not re.fullmatch(r"[+-]?\d+(?:\.\d+)?", text):
        return "'" + text
    return text
