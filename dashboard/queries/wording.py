"""Numbers, dates, ages and lists in words, Chinese and English (DESIGN-UI §6). Pure; nothing here knows a feed.

Times are ms since 1970 UTC, days local yyyymmdd, ratios 0…1. A missing value is “—”, never 0, NaN or an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.domain.day import as_date, day_of
from dashboard.domain.feed import Kpi
from dashboard.domain.figure import FEW, SMALL_CELL, Qualifier, Quantity, few

MISSING = "—"
FEWER = f"< {SMALL_CELL}"
"""What stands for a number of people in a breakdown that is too small to be told (EXACTNESS 20)."""
MINUS = "\u2212"
WEEKDAYS_ZH = "一二三四五六日"
WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STAFF = re.compile(r"[A-Z]{1,3}-?\d{2,6}")
_HAN = re.compile(r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")


def rounded(value: float, decimals: int = 0) -> Decimal:
    """Half-up: 81.25 with one decimal is 81.3. Binary noise beyond the ninth decimal is not a digit of the value."""
    exact = Decimal(repr(round(float(value), 9)))
    return exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def decimal(value: float, decimals: int) -> str:
    """A number with fixed decimals, comma thousands and a true minus; a negative zero is zero."""
    number = rounded(value, decimals)
    if number == 0:
        number = abs(number)
    return f"{number:,f}".replace("-", MINUS)


def count(value: float, lang: str) -> str:
    """A whole number with comma thousands."""
    return decimal(value, 0)


def people(number: float | str, lang: str) -> str:
    """A number of people in a breakdown, or of a ``detail`` (``FEW``); small ones are not told, nobody is 0."""
    return FEWER if number == FEW or few(float(number)) else count(float(number), lang)


def percent(value: float | None, decimals: int = 1) -> str:
    """A ratio 0…1 as ``81.3%``."""
    return MISSING if value is None else f"{decimal(value * 100, decimals)}%"


def signed(value: float, decimals: int) -> str:
    """A number with its sign always shown; zero carries none."""
    number = rounded(value, decimals)
    return f"+{decimal(value, decimals)}" if number > 0 else decimal(value, decimals)


def shown(value: float, kpi: Kpi) -> Decimal:
    """The number that a reader sees for a KPI's value; percents in percent."""
    return rounded(value * 100, kpi.decimals) if kpi.unit == "ratio" else rounded(value, kpi.decimals)


def delta(value: float, before: float, kpi: Kpi, lang: str, short: bool = False) -> str:
    """The difference of the two *displayed* values, so that a reader's subtraction agrees. ``short`` has no unit."""
    difference = shown(value, kpi) - shown(before, kpi)
    if difference == 0:
        return "持平" if lang != "en" else "no change"
    text = signed(float(difference), kpi.decimals)
    if short:
        return text
    if kpi.unit == "ratio":
        return f"{text} 个百分点" if lang != "en" else f"{text} pp"
    return join_unit(text, kpi.measure.of(lang))


def join_unit(value: str, unit: str) -> str:
    """A value and its unit: ``87.1%``, ``7 人次``, ``1 unit``."""
    if not unit or value == MISSING:
        return value
    if unit == "%":
        return f"{value}%"
    return f"{value} {unit_for(value, unit)}"


def unit_for(value: str, unit: str) -> str:
    """The English unit agrees with a displayed 1 (``1 reading``); Chinese units do not change."""
    if value.lstrip(f"+{MINUS}") == "1" and unit.isascii():
        return {"people": "person"}.get(unit, unit.removesuffix("s") if len(unit) > 2 else unit)
    return unit


def quantity(stored: Any, lang: str) -> str:
    """A quantity as it was stated: ``3,000余``, ``近 1,000``."""
    stated = Quantity.of(stored)
    return qualified(count(stated.number, lang), stated.qualifier, lang)


def qualified(text: str, qualifier: Qualifier, lang: str) -> str:
    """A number as shown, with how sure it is (EXACTNESS 21)."""
    zh = lang != "en"
    if qualifier == Qualifier.AT_LEAST:
        return f"{text} 余" if zh else f"{text}+"
    if qualifier == Qualifier.NEARLY:
        return f"近 {text}" if zh else f"nearly {text}"
    if qualifier == Qualifier.ABOUT:
        return f"约 {text}" if zh else f"about {text}"
    return text


def celsius(milli: int | None) -> str:
    """Milli-degrees as ``37.9 ℃``."""
    return MISSING if milli is None else f"{decimal(milli / 1000, 1)} ℃"


def span(ms: float, lang: str) -> str:
    """A length of time: ``8 秒``, ``12 分``, ``3 小时 26 分``, ``1 天 4 小时``. Below zero reads zero."""
    seconds = max(0, int(ms // 1000))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    zh = lang != "en"
    if seconds < 60:
        return f"{seconds} 秒" if zh else f"{seconds} s"
    if minutes < 60:
        return f"{minutes} 分" if zh else f"{minutes} min"
    if hours < 24:
        return f"{hours} 小时 {minutes % 60} 分" if zh else f"{hours} h {minutes % 60} min"
    return f"{days} 天 {hours % 24} 小时" if zh else f"{days} d {hours % 24} h"


def rough_span(ms: float, lang: str) -> str:
    """A length of time in one unit, for where there is little room: ``38 小时``, ``2.4 天``; below an hour minutes."""
    hours = max(0.0, ms) / 3_600_000
    zh = lang != "en"
    if hours < 1:
        return span(ms, lang)
    if hours < 48:
        return f"{decimal(hours, 0)} {'小时' if zh else 'h'}"
    return f"{decimal(hours / 24, 1)} {'天' if zh else 'd'}"


def ago(ms: float, lang: str) -> str:
    """An age: ``8 秒前``, ``3 h 26 min ago``."""
    return f"{span(ms, lang)}前" if lang != "en" else f"{span(ms, lang)} ago"


def local(at: int, zone: str) -> datetime:
    """An instant (ms) as local time."""
    return datetime.fromtimestamp(at / 1000, tz=UTC).astimezone(ZoneInfo(zone))


def clock(at: int, zone: str) -> str:
    """``14:32``."""
    return local(at, zone).strftime("%H:%M")


def clock_seconds(at: int, zone: str) -> str:
    """``14:32:07``."""
    return local(at, zone).strftime("%H:%M:%S")


def day(day: int, lang: str) -> str:
    """``2月24日`` or ``24 Feb``."""
    date = as_date(day)
    return f"{date.month}月{date.day}日" if lang != "en" else f"{date.day} {MONTHS_EN[date.month - 1]}"


def date_line(day_number: int, lang: str) -> str:
    """``2月24日 星期一`` or ``Mon 24 Feb``."""
    weekday = as_date(day_number).weekday()
    if lang == "en":
        return f"{WEEKDAYS_EN[weekday]} {day(day_number, lang)}"
    return f"{day(day_number, lang)} 星期{WEEKDAYS_ZH[weekday]}"


def moment(at: int, today: int, zone: str, lang: str) -> str:
    """``14:32`` on the day itself, else with its date: ``2月17日 18:05``."""
    when = day_of(at, zone)
    return clock(at, zone) if when == today else f"{day(when, lang)} {clock(at, zone)}"


def as_of(at: int, zone: str, lang: str) -> str:
    """``截至 14:32`` or ``as of 14:32``."""
    return f"截至 {clock(at, zone)}" if lang != "en" else f"as of {clock(at, zone)}"


def not_reported(lang: str) -> str:
    """What stands where a town has not reported."""
    return "未报" if lang != "en" else "not reported"


def join(texts: Sequence[str], lang: str) -> str:
    """Texts with a middle dot between them, empty ones left out; beside Han the dot needs no spaces."""
    said = [text for text in texts if text]
    whole = said[0] if said else ""
    for text in said[1:]:
        after_han = bool(_HAN.match(whole[-1])) and not text[0].isdigit()
        tight = lang != "en" and (bool(_HAN.match(text[0])) or after_han)
        whole += f"·{text}" if tight else f" · {text}"
    return whole


def listed(names: Sequence[str], lang: str, most: int = 3) -> str:
    """Names in a row; beyond ``most`` the rest is a count."""
    comma = "、" if lang != "en" else ", "
    if len(names) <= most:
        return comma.join(names)
    head = comma.join(names[:most])
    return f"{head}等 {len(names)} 个" if lang != "en" else f"{head} and {len(names) - most} more"


def device(code: str, town: str) -> str:
    """A device beside the name of its town or checkpoint: ``330421103-K02-D2`` is ``K02-D2``."""
    return code.removeprefix(f"{town}-") if town else code


def staff(text: str) -> str:
    """A member of staff as people say it: ``P-8013 陆敏`` reads 陆敏; an id alone stays."""
    code, _, name = text.partition(" ")
    return name.strip() if name.strip() and _STAFF.fullmatch(code) else text


def bytes_text(size: float | None) -> str:
    """A size: ``512 B``, ``1.4 MB``, ``23.0 GB``."""
    if size is None:
        return MISSING
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{decimal(value, 0 if unit == 'B' else 1)} {unit}"
        value /= 1024
    return f"{decimal(value, 1)} TB"
