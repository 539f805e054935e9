"""Entries that no gateway writes: bytes that are no records, a record that breaks the fold. Others must not wait."""

from __future__ import annotations

from sqlalchemy import text

from benchmarks.faults.fault import Blow, Fault
from dashboard.clock import machine_ms
from dashboard.domain.event import Event, encode_events
from dashboard.stores.stream import partition_key, partition_of


def _poison(blow: Blow) -> None:
    ground, now = blow.ground, machine_ms()
    partitions = ground.settings.partitions
    town = blow.load.region.pack.towns[0].code
    breaking = Event(
        "temperature",
        "poison",
        f"p-{now}",
        town,
        f"{town}-KX",
        now,
        now,
        0,
        None,
        None,
        {"checkpoint": 7, "celsius": "x"},
    )
    before = _letters(blow)
    blow.struck()
    with ground.redis() as client:
        for partition in range(partitions):
            client.xadd(partition_key(partition), {"e": b"\xc1 no MessagePack", "n": 1})
        client.xadd(partition_key(partition_of(breaking.subject, partitions)), {"e": encode_events([breaking]), "n": 1})
        client.xadd("tw:dead", {"d": b"{"})
    ground.until(lambda: _letters(blow) >= before + partitions + 2, "退回的毒记录", 60)
    blow.over()
    blow.found.append(f"退回 {_letters(blow) - before} 条 · {_letters(blow) - before} put aside with a reason")


def _letters(blow: Blow) -> int:
    with blow.ground.history() as history, history.reading() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM dead_letter")) or 0)


FAULTS = (
    Fault("poison", "毒记录（解不开、算不了）", "poison records: unreadable, and one that breaks the fold", _poison),
)
