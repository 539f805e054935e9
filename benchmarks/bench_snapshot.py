"""What the daily snapshot costs where millions of records are stored: one on time in all six forms, and a month.

Baseline of one: the same at the smallest database. Each is built in a desk of its own that has nothing in memory.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import bulk
from benchmarks.bulk import Made
from benchmarks.outcome import Outcome, Size
from dashboard.domain.day import shift_day
from dashboard.queries.past import Past
from dashboard.settings import Settings
from dashboard.snapshot.forms import all_forms
from dashboard.snapshot.publish import Desk, Office
from dashboard.stores.rules import book_of
from geodata.library import open_library

ONE_S, MONTH_S = 3.0, 60.0
MONTH = 30
TIMES = 3


def measure(size: Size) -> Iterator[Outcome]:
    """One and a month."""
    with bulk.room(size.keep) as folder:
        small, middle, _ = bulk.Maker(folder, print).all(size.stored, size.day_records)
        _one(folder, middle)  # the typesetter finds its fonts, and the machine the file
        before = min(_one(folder, small) for _ in range(TIMES))
        after = min(_one(folder, middle) for _ in range(TIMES))
        millions = f"{middle.events / 1e6:.1f} M"
        yield Outcome(f"snapshot: one in six forms, {millions} records", after, "s", ONE_S, before, at_most=True)
        days = min(MONTH, _days(middle))
        yield Outcome(
            f"snapshot: {days} days one after another, {millions} records",
            _month(folder, middle, days),
            "s",
            MONTH_S * days / MONTH,
            after * days,
            at_most=True,
        )


def _desk(folder: Path, made: Made, archive: Path) -> Desk:
    history = made.open()
    library, region = open_library(folder, Settings.load(data_dir=folder).region)
    return Desk(archive, Past(history, book_of(history, library, region)), Office(world="replay"))


def _one(folder: Path, made: Made) -> float:
    with tempfile.TemporaryDirectory(prefix="townwatch-snapshot-") as archive:
        desk = _desk(folder, made, Path(archive))
        start = time.perf_counter()
        all_forms(desk.brief(made.day, made.until))
        taken = time.perf_counter() - start
        desk.past.history.engine.dispose()
        return taken


def _month(folder: Path, made: Made, days: int) -> float:
    with tempfile.TemporaryDirectory(prefix="townwatch-snapshot-") as archive:
        desk = _desk(folder, made, Path(archive))
        start = time.perf_counter()
        for back in range(days, 0, -1):
            desk.publish(shift_day(made.day, 1 - back), made.until)
        taken = time.perf_counter() - start
        desk.past.history.engine.dispose()
        return taken


def _days(made: Made) -> int:
    count = 1
    while shift_day(made.day, -count) >= bulk.FIRST_DAY:
        count += 1
    return count
