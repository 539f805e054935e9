"""What the daily snapshot costs where millions of records are stored: one on time in all six forms, and a month.

Baseline of one: the same at the smallest database. Each is built in a desk of its own that has nothing in memory. The
month is published day by day in one process, as catching up does, each day with the corrections to the seven before it;
its baseline is thirty times one.
"""

from __future__ import annotations

import cProfile
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks import bulk
from benchmarks.bench_worker import told
from benchmarks.bulk import Made
from benchmarks.outcome import Outcome, Size
from benchmarks.stage import memory_mb
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
        note = _profiled(folder, middle) if after > ONE_S else ""
        yield Outcome(
            f"snapshot: one in six forms, {millions} records", after, "s", ONE_S, before, at_most=True, note=note
        )
        days = min(MONTH, _days(middle))
        goal = MONTH_S * days / MONTH
        taken, memory = _month(folder, middle, days)
        note = f"processor {taken.processor:.0f} s; memory at the most {memory:.0f} MB"
        if taken.wall > goal:
            profile = cProfile.Profile()
            profile.enable()
            slower, _ = _month(folder, middle, min(days, 10))
            profile.disable()
            note = f"{note}; {told(profile, slower.wall)}"
        yield Outcome(
            f"snapshot: {days} days one after another, {millions} records",
            taken.wall,
            "s",
            goal,
            after * days,
            at_most=True,
            note=note,
        )


class Taken(msgspec.Struct, frozen=True):
    """Seconds by the clock, and of processor time."""

    wall: float
    processor: float


def _profiled(folder: Path, made: Made) -> str:
    profile = cProfile.Profile()
    profile.enable()
    taken = _one(folder, made)
    profile.disable()
    return told(profile, taken)


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


def _month(folder: Path, made: Made, days: int) -> tuple[Taken, float]:
    """What it takes, and the most memory in MB that the process had after any of the days."""
    most = 0.0
    with tempfile.TemporaryDirectory(prefix="townwatch-snapshot-") as archive:
        desk = _desk(folder, made, Path(archive))
        start, busy = time.perf_counter(), time.process_time()
        for back in range(days, 0, -1):
            desk.publish(shift_day(made.day, 1 - back), made.until)
            most = max(most, memory_mb(os.getpid()))
        taken = Taken(time.perf_counter() - start, time.process_time() - busy)
        desk.past.history.engine.dispose()
        return taken, most


def _days(made: Made) -> int:
    count = 1
    while shift_day(made.day, -count) >= bulk.FIRST_DAY:
        count += 1
    return count
