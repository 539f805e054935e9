"""From versions to records, and from instants to local days: what every feed of the oracle needs.

Nothing here knows a figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.domain.event import Event

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def current(versions: Iterable[tuple[int, Event]], upto_seq: int | None) -> list[Event]:
    """The records in force, by (at, source, id): of each record its winning version, unless that withdraws it.

    The highest (``rev``, ``received_at``) wins whatever the order of arrival, among equals the later ``known_seq``
    (EXACTNESS 6, 7); versions known after ``upto_seq`` are unknown.
    """
    winners: dict[tuple[str, str], tuple[tuple[int, int, int], Event]] = {}
    for seq, event in versions:
        if upto_seq is not None and seq > upto_seq:
            continue
        key = (event.source, event.id)
        rank = (event.rev, event.received_at, seq)
        if key not in winners or rank > winners[key][0]:
            winners[key] = (rank, event)
    records = [event for _, event in winners.values() if not event.void]
    return sorted(records, key=order)


def admitted(arrivals: Sequence[Event]) -> list[tuple[int, Event]]:
    """Which arrivals become versions, numbered from 1 in order of arrival (EXACTNESS 6).

    An arrival whose body equals a stored version's, without a higher ``rev`` than that version's, is nothing new. A
    record sent without a ``rev`` has 0, so sending it again never undoes a correction.
    """
    stored: dict[tuple[str, str], list[Event]] = {}
    versions: list[tuple[int, Event]] = []
    for event in arrivals:
        earlier = stored.setdefault((event.source, event.id), [])
        if any(body(old) == body(event) and old.rev >= event.rev for old in earlier):
            continue
        earlier.append(event)
        versions.append((len(versions) + 1, event))
    return versions


def body(event: Event) -> tuple[Any, ...]:
    """What a source says in a record, whenever and as whichever revision it sent it."""
    fields = sorted(event.fields.items())
    return (event.feed, event.town, event.subject, event.at, event.lon, event.lat, event.void, event.nothing, fields)


def order(event: Event) -> tuple[int, str, str]:
    """The order of records: event time, then identity, so that it never depends on arrival."""
    return (event.at, event.source, event.id)


def day_of(at: int, zone: str) -> int:
    """The local day, yyyymmdd."""
    local = datetime.fromtimestamp(at // SECOND, tz=ZoneInfo(zone))
    return local.year * 10000 + local.month * 100 + local.day


def day_start(day: int, zone: str) -> int:
    """The instant at which a local day begins."""
    midnight = datetime(day // 10000, day // 100 % 100, day % 100, tzinfo=ZoneInfo(zone))
    return int(midnight.timestamp()) * SECOND


def days_before(day: int, days: int) -> int:
    """The local day so many days earlier."""
    earlier = date(day // 10000, day // 100 % 100, day % 100) - timedelta(days=days)
    return earlier.year * 10000 + earlier.month * 100 + earlier.day


def days_after(day: int, days: int) -> int:
    """The local day so many days later."""
    return days_before(day, -days)


def minute_of(at: int, zone: str) -> int:
    """Whole minutes since local midnight."""
    return (at - day_start(day_of(at, zone), zone)) // MINUTE


def in_hours(minute: int, start: int, end: int) -> bool:
    """Whether a minute of the day lies in [start, end), where an end not after the start is on the next day."""
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end
