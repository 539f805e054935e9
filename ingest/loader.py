"""Load a history fast: the same decoder and the same transaction as the road, without the road.

For scenarios and restores only. Loading twice changes nothing: records are idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from dashboard.domain.event import Event
from dashboard.feeds import feed_named
from dashboard.stores.history import History
from dashboard.stores.stream import DeadLetter
from geodata.region import Region
from ingest import deadletter
from ingest.decode import Door, decode_records
from ingest.intake import dead_letter
from ingest.projector import Projector

CHUNK = 20_000


class Loaded(msgspec.Struct):
    """What a load did."""

    records: int = 0
    rejected: int = 0
    seq: int = 0


def load(
    history: History,
    region_at: Callable[[int], Region],
    batches: Iterable[tuple[str, str, list[dict[str, Any]], int]],
    progress: Callable[[int], None] = lambda done: None,
    chunk: int = CHUNK,
) -> Loaded:
    """Load batches given as (feed, source, records, received_at) in order of arrival.

    What is loaded became known when the last record of its chunk was received.
    """
    projector = Projector(history, region_at)
    region = region_at(0)
    loaded = Loaded()
    waiting: list[Event] = []
    letters: list[DeadLetter] = []

    def flush(known_at: int) -> None:
        if waiting:
            loaded.seq = projector.apply(waiting, known_at).seq
        deadletter.store(history, letters)
        waiting.clear()
        letters.clear()

    known_at = 0
    for name, source, records, received_at in batches:
        feed = feed_named(name)
        door = Door(source=source, region=region, zone=region.pack.timezone)
        events, rejected = decode_records(feed, records, door, received_at)
        waiting += events
        letters += [dead_letter(feed, records[one.index], one, source, received_at) for one in rejected]
        loaded.records += len(records)
        loaded.rejected += len(rejected)
        known_at = received_at
        if len(waiting) >= chunk:
            flush(known_at)
        progress(loaded.records)
    flush(known_at)
    return loaded
