"""The one way onto the road for every gateway: decode, report, put on the road, and only then say “accepted”."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace

from dashboard.domain.event import Event, Rejected
from dashboard.domain.feed import Feed
from dashboard.stores.stream import DeadLetter, Stream
from ingest.decode import Door, declared, decode_records


class Receipt(msgspec.Struct, frozen=True):
    """What became of a batch: every record is either accepted or reported."""

    accepted: int
    rejected: list[Rejected]


class Intake:
    """Accepts batches. Safe to share between threads."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def accept(self, feed: Feed, records: Sequence[Any], door: Door, received_at: int) -> Receipt:
        """Take a batch whole: returns once what was accepted is on disk and what was not is a dead letter.

        Raises:
            Backpressure, StoreUnavailable: nothing was promised; sending the batch again is harmless.
        """
        events, rejected = decode_records(feed, records, door, received_at)
        letters = [dead_letter(feed, records[one.index], one, door.source, received_at) for one in rejected]
        towns = door.region.pack.town_by_code
        # A letter is of the town that its spelling means: a reader of that town finds it.
        letters = [replace(one, town=towns[one.town].code) if one.town in towns else one for one in letters]
        self.append(events, letters)
        return Receipt(len(events), rejected)

    def append(self, events: Sequence[Event], dead: Sequence[DeadLetter]) -> None:
        """Put decoded events and dead letters on the road."""
        if events or dead:
            self.stream.append(events, dead)


def dead_letter(feed: Feed, record: Any, why: Rejected, source: str, received_at: int) -> DeadLetter:
    """A rejected record as it is kept: declared fields only, masked. The same record rejected for the same reason is
    the same letter, so that a source that retries does not fill the store."""
    body = declared(feed, record)
    what = msgspec.json.encode((feed.name, source, why.id, why.field, why.got, body), order="sorted")
    town = body.get("town")
    return DeadLetter(
        ref=blake2b(what, digest_size=12).hexdigest(),
        feed=feed.name,
        source=source,
        record=why.id,
        town=str(town)[:40] if town not in (None, "") else None,
        received_at=received_at,
        field=why.field,
        got=why.got,
        allowed=why.allowed,
        message=why.message,
        body=body,
    )
