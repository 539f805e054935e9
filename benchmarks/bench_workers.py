"""Several workers, and one over a long time: processor time an event with two against one, and memory over millions."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks import bulk
from benchmarks.bench_worker import events_of, fill
from benchmarks.outcome import Outcome, Size, middle
from benchmarks.stage import NotMeasured, Stage, cpu_s, memory_mb
from dashboard.domain.day import shift_day
from dashboard.stores import leases

PATIENCE_S = 120.0
FULL_ROAD = 200_000
"""Events on the road above which nothing more is put there while memory is watched."""
WARM = 0.2
"""Share of the records after which a worker's memory is as large as it should ever be."""


def measure(size: Size) -> Iterator[Outcome]:
    """One worker and two in turn."""
    one, two = [], []
    for number in range(size.rounds):
        one.append(_cost(size, 1, number))
        two.append(_cost(size, 2, number))
    yield Outcome("one worker: processor time", middle(one), "µs an event")
    name = "two workers: processor time an event, of one worker's"
    note = f"{middle(one):.1f} µs an event by one, {middle(two):.1f} µs by two"
    yield Outcome(name, middle(two) / middle(one), "×", 1.2, 1.0, at_most=True, note=note)


def _cost(size: Size, workers: int, number: int) -> float:
    """Microseconds of processor time an event, by all workers together."""
    with Stage() as stage:
        batches = events_of(stage, f"n{workers}{number}", size.events)
        stage.start(*["worker"] * workers)
        until = time.monotonic() + PATIENCE_S
        while len({owner for owner, _, _ in leases.owners(stage.parts.history).values()}) < workers:
            if time.monotonic() > until:
                raise NotMeasured(f"{workers} 个工作进程在 {PATIENCE_S:.0f} 秒内没有分好分区")
            time.sleep(0.05)
        before = sum(cpu_s(child) for child in stage.children)
        total = fill(stage.parts.stream, batches)
        _emptied(stage, total)
        return (sum(cpu_s(child) for child in stage.children) - before) / total * 1e6


def _emptied(stage: Stage, total: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        with stage.parts.history.reading() as connection:
            if stage.parts.history.seq(connection) >= total:
                return
        if time.monotonic() > until:
            raise NotMeasured(f"工作进程在 {PATIENCE_S:.0f} 秒内没有处理完 {total:,} 条")
        time.sleep(0.02)


def memory(size: Size) -> Iterator[Outcome]:
    """A worker's memory while millions of records pass."""
    with Stage() as stage:
        stage.start("worker")
        region, stream = stage.parts.region_at(0), stage.parts.stream
        warm = highest = 0.0
        sent = number = 0
        start = time.monotonic()
        while sent < size.memory:
            day = shift_day(bulk.FIRST_DAY, number)
            for batch in bulk.day_records(region, day, number, size.day_records):
                for first in range(0, len(batch), 500):
                    stream.append(batch[first : first + 500])
                sent += len(batch)
                while stream.pending() > FULL_ROAD:
                    time.sleep(0.05)
                held = memory_mb(stage.children[0])
                if sent < WARM * size.memory:
                    warm = max(warm, held)
                else:
                    highest = max(highest, held)
            number += 1
        with stage.parts.history.reading() as connection:
            done = stage.parts.history.seq(connection)
        rate = done / (time.monotonic() - start)
    note = f"{warm:.0f} MB after {WARM:.0%}, at most {highest:.0f} MB after that; {rate:,.0f} events/s all the while"
    yield Outcome(f"worker's memory over {sent:,} events", highest / warm, "×", 1.1, 1.0, at_most=True, note=note)
