"""The gateway: HTTP to disk. Baseline: a bare loop of XADD of the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import bare, records, sender
from benchmarks.outcome import Outcome, Size, middle
from benchmarks.stage import Stage
from dashboard.clock import machine_ms

CONNECTIONS = 32


def measure(size: Size) -> Iterator[Outcome]:
    """Batches and single posts against one web process."""
    with Stage() as stage:
        stage.start("web")
        client, token, port = stage.other_redis(), stage.token(), stage.settings.port
        region = stage.parts.region_at(0)
        count = size.batches // 2 * records.BATCH
        rates, bases = [], []
        for number in range(size.rounds):
            now = machine_ms()
            heat = records.bodies(records.readings(region, f"gt{number}", count, now))
            walk = records.bodies(records.fixes(region, f"gp{number}", count, now))
            bases.append(2 * count / bare.put(client, heat + walk))
            queues = [[("temperature", body) for body in heat], [("patrol", body) for body in walk]]
            rates.append(2 * count / sender.run(sender.send_all(port, token, queues, lines=True), 120))
        yield Outcome("gateway: NDJSON batches of 500", middle(rates), "records/s", 50_000, middle(bases))

        rates, bases = [], []
        for number in range(size.rounds):
            single = [records.body(one) for one in records.readings(region, f"gs{number}", size.singles, machine_ms())]
            bases.append(len(single) / bare.put(client, single))
            queues = [[("temperature", body) for body in single[k::CONNECTIONS]] for k in range(CONNECTIONS)]
            rates.append(len(single) / sender.run(sender.send_all(port, token, queues, lines=False), 120))
        yield Outcome("gateway: single posts, 32 connections", middle(rates), "posts/s", 3_000, middle(bases))
