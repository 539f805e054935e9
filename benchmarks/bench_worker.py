"""The worker: road to SQL and window. Baseline: a bare loop that reads, inserts, commits and acknowledges."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Iterator, Sequence

from benchmarks import bare, records
from benchmarks.outcome import Outcome, Size, middle
from benchmarks.stage import NotMeasured, Stage
from dashboard import working
from dashboard.clock import machine_ms
from dashboard.domain.event import Event
from dashboard.feeds import feed_named
from dashboard.stores.stream import Stream
from ingest.decode import Door, decode_records
from ingest.worker import Worker, calm_collector

PATIENCE_S = 120.0
GOAL = 50_000
SHOWN = 10


def events_of(stage: Stage, name: str, count: int) -> list[list[Event]]:
    """Batches as the gateway decodes them, both feeds taking turns."""
    region, now = stage.parts.region_at(0), machine_ms()
    door = Door("bench", region, zone=stage.parts.zone)
    found: list[list[Event]] = []
    heat = records.readings(region, f"{name}t", count // 2, now)
    walk = records.fixes(region, f"{name}p", count // 2, now)
    for start in range(0, count // 2, records.BATCH):
        for feed, sent in (("temperature", heat), ("patrol", walk)):
            events, rejected = decode_records(feed_named(feed), sent[start : start + records.BATCH], door, now)
            if rejected:
                raise NotMeasured(rejected[0].message)
            found.append(events)
    return found


def fill(stream: Stream, batches: Sequence[list[Event]]) -> int:
    """Put batches on a road; returns how many events."""
    for number in range(stream.partitions):
        stream.open(number)
    for batch in batches:
        stream.append(batch)
    return sum(len(batch) for batch in batches)


def bare_rate(stage: Stage, name: str, batches: Sequence[list[Event]]) -> float:
    """Events a second of the bare loop over the same batches."""
    stream = Stream(stage.other_redis(), stage.settings.partitions, stage.settings.stream_limit)
    total = fill(stream, batches)
    return total / bare.take(stream, stage.other_history(name), total)


def worker_of(stage: Stage) -> Worker:
    """A worker as its process makes it."""
    worker = working.worker_of(stage.parts)
    calm_collector()
    worker.step()
    return worker


def work(worker: Worker, total: int) -> float:
    """Let a worker take ``total`` events off the road; returns seconds.

    Raises:
        NotMeasured: it does not get there.
    """
    goal, start = worker.applied + total, time.perf_counter()
    while worker.applied < goal:
        worker.step()
        if time.perf_counter() - start > PATIENCE_S:
            raise NotMeasured(f"工作进程在 {PATIENCE_S:.0f} 秒内只处理了 {worker.applied} 条")
    return time.perf_counter() - start


def _profile(stage: Stage, count: int) -> str:
    """What a worker that missed its goal spends its time with, by the profiler, which itself makes it slower."""
    batches = events_of(stage, "profile", count)
    worker = worker_of(stage)
    total = fill(stage.parts.stream, batches)
    profile = cProfile.Profile()
    profile.enable()
    taken = work(worker, total)
    profile.disable()
    return told(profile, taken)


def told(profile: cProfile.Profile, taken: float) -> str:
    """Where the time went, largest first."""
    found = pstats.Stats(profile).get_stats_profile().func_profiles
    largest = sorted(found.items(), key=lambda item: -item[1].tottime)[:SHOWN]
    parts = [f"{name} {one.tottime / taken:.0%}" for name, one in largest]
    return f"profiled: {', '.join(parts)}"


def measure(size: Size) -> Iterator[Outcome]:
    """Batches of a full road through one worker."""
    rates, bases = [], []
    for number in range(size.rounds):
        with Stage() as stage:
            batches = events_of(stage, f"w{number}", size.events)
            bases.append(bare_rate(stage, "bare", batches))
            worker = worker_of(stage)
            total = fill(stage.parts.stream, batches)
            rates.append(total / work(worker, total))
    note = ""
    if middle(rates) < GOAL:
        with Stage() as stage:
            note = _profile(stage, size.events)
    ratio = middle([rate / base for rate, base in zip(rates, bases, strict=True)])
    yield Outcome("worker: road to SQL and window", middle(rates), "events/s", GOAL, middle(bases), note=note)
    yield Outcome("worker: share of the bare loop", ratio, "ratio", 0.4, 1.0)
