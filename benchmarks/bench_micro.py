"""Decoding and folding by themselves. Baseline: msgspec decoding the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec

from benchmarks import records
from benchmarks.outcome import Outcome, Size, middle
from benchmarks.stage import Stage
from dashboard.archetypes import Engine, engine_of
from dashboard.clock import machine_ms
from dashboard.domain.day import day_of
from dashboard.domain.event import Event, decode_events, encode_events
from dashboard.feeds import feed_named
from ingest.decode import Door, decode_records

COUNT = 10_000


def _seconds(rounds: int, job: Callable[[], object]) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        taken.append(time.perf_counter() - start)
    return middle(taken)


def measure(size: Size) -> Iterator[Outcome]:
    """Both feeds, ten thousand records each."""
    with Stage() as stage:
        region = stage.parts.region_at(0)
    now = machine_ms()
    json = msgspec.json.Decoder()
    door = Door("bench", region, zone=region.pack.timezone)
    for name, sent in (
        ("temperature", records.readings(region, "m", COUNT, now)),
        ("patrol", records.fixes(region, "m", COUNT, now)),
    ):
        feed = feed_named(name)
        lines = [records.body(one) for one in sent]
        base = COUNT / _seconds(size.rounds, lambda lines=lines: [json.decode(line) for line in lines])  # type: ignore[misc]
        rate = COUNT / _seconds(
            size.rounds,
            lambda feed=feed, lines=lines: decode_records(feed, [json.decode(line) for line in lines], door, now),  # type: ignore[misc]
        )
        yield Outcome(f"decode: {name}", rate, "records/s", None, base)
        events, _ = decode_records(feed, sent, door, now)
        packed = encode_events(events)
        base = COUNT / _seconds(size.rounds, lambda packed=packed: decode_events(packed))  # type: ignore[misc]
        # A state is of one local day; shortly after midnight the records are of two.
        groups: dict[tuple[int, str], list[Event]] = {}
        for event in events:
            groups.setdefault((day_of(event.at, region.pack.timezone), event.subject), []).append(event)
        engine = engine_of(feed)

        def fold(engine: Engine = engine, groups: dict[tuple[int, str], list[Event]] = groups) -> None:
            for members in groups.values():
                engine.fold(engine.new(), members, region)

        yield Outcome(f"fold: {name}", COUNT / _seconds(size.rounds, fold), "records/s", None, base)
