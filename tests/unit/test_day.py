"""The region's own day: whole days of local time, whatever the offset does."""

from __future__ import annotations

from datetime import date

import pytest

from dashboard.domain.day import HOUR, as_date, day_end, day_of, day_start, iso, minute_of, shift_day

MIDNIGHT = 1_581_955_200_000
"""18 February 2020, 00:00 in Shanghai."""


def test_a_day_begins_at_local_midnight_and_ends_where_the_next_begins() -> None:
    assert day_start(20200218) == MIDNIGHT
    assert day_end(20200218) == day_start(20200219) == MIDNIGHT + 24 * HOUR
    assert (day_of(MIDNIGHT), day_of(MIDNIGHT - 1)) == (20200218, 20200217)


@pytest.mark.parametrize(
    ("at", "zone", "day"),
    [(MIDNIGHT, "UTC", 20200217), (MIDNIGHT, "Asia/Kathmandu", 20200217), (0, "Asia/Shanghai", 19700101)],
)
def test_the_zone_decides(at: int, zone: str, day: int) -> None:
    assert day_of(at, zone) == day


def test_days_of_23_and_25_hours_are_days() -> None:
    assert day_end(20200329, "Europe/Berlin") - day_start(20200329, "Europe/Berlin") == 23 * HOUR
    assert day_end(20201025, "Europe/Berlin") - day_start(20201025, "Europe/Berlin") == 25 * HOUR


@pytest.mark.parametrize(
    ("day", "days", "expected"),
    [(20200228, 1, 20200229), (20200229, 1, 20200301), (20200101, -1, 20191231), (20200218, 0, 20200218)],
)
def test_days_are_counted_by_the_calendar(day: int, days: int, expected: int) -> None:
    assert shift_day(day, days) == expected


def test_minutes_dates_and_iso() -> None:
    assert minute_of(MIDNIGHT + 8 * HOUR + 59_999) == 480
    assert as_date(20200218) == date(2020, 2, 18)
    assert iso(MIDNIGHT) == "2020-02-18T00:00:00+08:00"
    assert iso(MIDNIGHT + 7) == "2020-02-18T00:00:00.007+08:00"
    assert iso(MIDNIGHT, "UTC") == "2020-02-17T16:00:00+00:00"
