"""Times of day as people write them: ``8:00-20:00``, ``8点至20点``, ``全天``. Minutes after local midnight."""

from __future__ import annotations

import re

DAY = 24 * 60
_ALL_DAY = re.compile(r"^(全天|全日|昼夜|24小时|24h|全天候|0?0:00-24:00|round the clock)", re.IGNORECASE)
_TIME = re.compile(r"^(上午|下午|晚上|晚|中午|早|凌晨)?(\d{1,2})(?:[:时点](\d{1,2})?分?(?::\d{2})?)?$")
_BETWEEN = re.compile(r"\s*(?:-|–|—|－|~|～|至|到)+\s*")


def minute(text: str) -> int:
    """A time of day (0 … 1440).

    Raises:
        ValueError: it is none.
    """
    found = _TIME.match(text.replace("：", ":").replace("半", "30分").replace(" ", ""))
    if found is None:
        raise ValueError(text)
    half, hours, minutes = found[1], int(found[2]), int(found[3] or 0)
    if half in ("下午", "晚上", "晚") and hours < 12:
        hours += 12
    total = hours * 60 + minutes
    if minutes > 59 or total > DAY:
        raise ValueError(text)
    return total


def span(text: str) -> tuple[int, int]:
    """A span of the day as (start, end); ``(0, 0)`` is round the clock, an end before the start the next day's.

    Raises:
        ValueError: it is none.
    """
    plain = text.strip()
    if _ALL_DAY.match(plain.replace("：", ":").replace(" ", "")):
        return 0, 0
    parts = _BETWEEN.split(plain.removeprefix("每天").removeprefix("每日"))
    if len(parts) != 2:
        raise ValueError(text)
    start, end = minute(parts[0]), minute(parts[1].removeprefix("次日").removeprefix("翌日"))
    return (0, 0) if (start, end) == (0, DAY) else (start, end)
