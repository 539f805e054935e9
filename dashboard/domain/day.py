"""The region's own day. A day is the integer yyyymmdd in the region's time zone; instants are ms since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = 60_000
HOUR = 60 * MINUTE
DEFAULT_ZONE = "Asia/Shanghai"


@lru_cache(maxsize=4096)
def _bounds(day: int, zone: str) -> tuple[int, int]:
    start = date(day // 10000, day // 100 % 100, day % 100)
    tz = ZoneInfo(zone)
    first = datetime(start.year, start.month, start.day, tzinfo=tz)
    after = start + timedelta(days=1)
    last = datetime(after.year, after.month, after.day, tzinfo=tz)
    return int(first.timestamp() * 1000), int(last.timestamp() * 1000)


@lru_cache(maxsize=65536)
def _day_of_quarter(quarter: int, zone: str) -> int:
    # Every zone offset in use is a multiple of 15 minutes, so all instants of a quarter hour share a local day.
    local = datetime.fromtimestamp(quarter * 900, tz=ZoneInfo(zone))
    return local.year * 10000 + local.month * 100 + local.day


def day_of(at: int, zone: str = DEFAULT_ZONE) -> int:
    """The local day (yyyymmdd) of an instant."""
    return _day_of_quarter(at // 900_000, zone)


def day_start(day: int, zone: str = DEFAULT_ZONE) -> int:
    """The instant at which a local day begins."""
    return _bounds(day, zone)[0]


def day_end(day: int, zone: str = DEFAULT_ZONE) -> int:
    """The instant at which a local day ends (the next one's start)."""
    return _bounds(day, zone)[1]


def shift_day(day: int, days: int) -> int:
    """The local day ``days`` later (negative: earlier)."""
    moved = date(day // 10000, day // 100 % 100, day % 100) + timedelta(days=days)
    return moved.year * 10000 + moved.month * 100 + moved.day


def days_between(first: int, last: int) -> list[int]:
    """The local days from ``first`` to ``last`` inclusive; none when ``last`` is earlier."""
    return [shift_day(first, number) for number in range((as_date(last) - as_date(first)).days + 1)]


def minute_of(at: int, zone: str = DEFAULT_ZONE) -> int:
    """Whole minutes since local midnight."""
    return (at - day_start(day_of(at, zone), zone)) // MINUTE


def as_date(day: int) -> date:
    """The calendar date of a day number."""
    return date(day // 10000, day // 100 % 100, day % 100)


def iso(at: int, zone: str = DEFAULT_ZONE) -> str:
    """An instant as ISO-8601 with the region's offset, to the millisecond where there are any."""
    moment = datetime.fromtimestamp(at / 1000, tz=UTC).astimezone(ZoneInfo(zone))
    return moment.isoformat(timespec="milliseconds" if at % 1000 else "seconds")
