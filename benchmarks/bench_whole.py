"""The whole path: HTTP, gateway, road, worker, window. Baseline: the worker's bare loop."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from benchmarks import records, sender
from benchmarks.bench_worker import bare_rate, events_of
from benchmarks.outcome import Outcome, Size, middle
from benchmarks.stage import NotMeasured, Stage
from dashboard.clock import machine_ms
from dashboard.stores.live import CHANNEL

PATIENCE_S = 120.0


def measure(size: Size) -> Iterator[Outcome]:
    """From the first byte sent until the window holds the last record."""
    rates, bases = [], []
    with Stage() as stage:
        stage.start("worker", "web")
        token, region = stage.token(), stage.parts.region_at(0)
        half, sent, last = size.events // 2, 0, 0
        for number in range(size.rounds):
            bases.append(bare_rate(stage, f"bare{number}", events_of(stage, f"b{number}", size.events)))
            now = machine_ms()
            # Later rounds come after earlier ones, as time does.
            span = records.SPAN_MS if number == 0 else max(1000, now - last)
            last = now
            queues = [
                [
                    ("temperature", body)
                    for body in records.bodies(records.readings(region, f"et{number}", half, now, span=span))
                ],
                [
                    ("patrol", body)
                    for body in records.bodies(records.fixes(region, f"ep{number}", half, now, span=span))
                ],
            ]
            with stage.parts.client.pubsub() as channel:  # type: ignore[no-untyped-call]
                channel.subscribe(CHANNEL)
                start = time.perf_counter()
                sender.run(sender.send_all(stage.settings.port, token, queues, lines=True), PATIENCE_S)
                sent += 2 * half
                while True:
                    message = channel.get_message(ignore_subscribe_messages=True, timeout=1.0)
                    if message and msgspec.json.decode(message["data"])["seq"] >= sent:
                        break
                    if time.perf_counter() - start > PATIENCE_S:
                        raise NotMeasured(f"窗口在 {PATIENCE_S:.0f} 秒内没有跟上")
                rates.append(2 * half / (time.perf_counter() - start))
    yield Outcome("whole path: HTTP to window", middle(rates), "events/s", None, middle(bases))
