"""The bare loops that everything is compared with: the same bytes, the same durability, no sense."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

import msgspec
import redis

from dashboard.domain.event import Event
from dashboard.stores.history import History, Version
from dashboard.stores.stream import Stream

_pack = msgspec.msgpack.Encoder().encode


def put(client: redis.Redis, bodies: Sequence[bytes]) -> float:
    """XADD each body in a pipeline of its own; each answer means on disk. Returns seconds."""
    start = time.perf_counter()
    for body in bodies:
        pipe = client.pipeline(transaction=False)
        pipe.xadd("bare", {"e": body})
        pipe.execute()
    return time.perf_counter() - start


def take(stream: Stream, history: History, total: int, batch: int = 64) -> float:
    """Read ``total`` events off a road, insert them into the real schema, commit, acknowledge. Returns seconds."""
    path = history.engine.url.database or ""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    seq = connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0]
    done = 0
    start = time.perf_counter()
    while done < total:
        taken = stream.read(range(stream.partitions), batch, 1000)
        if not taken:
            break
        events: list[Event] = [event for entries in taken.values() for entry in entries for event in entry.events or ()]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO event (seq, feed, day, subject, town, at, ended, void, body) VALUES (?,?,?,?,?,?,NULL,0,?)",
            [(seq + i, e.feed, 20200218, e.subject, e.town, e.at, _pack(e)) for i, e in enumerate(events, 1)],
        )
        connection.executemany(
            "INSERT INTO event_key (source, id, versions) VALUES (?,?,?)",
            [(e.source, e.id, _pack([Version(seq + i, e.rev, e.received_at, 0)])) for i, e in enumerate(events, 1)],
        )
        connection.execute("COMMIT")
        for partition, entries in taken.items():
            stream.finish({partition: entries})
        seq += len(events)
        done += len(events)
    taken_s = time.perf_counter() - start
    connection.close()
    return taken_s
