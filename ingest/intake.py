"""The one way onto the road for every gateway: decode, report, put on the road, and only then say “accepted”."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace

from dashboard.domain.event import Event, Rejected
from dashboard.domain.feed import Feed
from dashboard.errors import StoreUnavailable
from dashboard.stores.stream import Batch, DeadLetter, Stream
from dashboard.telemetry import REQUEST, counted
from ingest.decode import Door, declared, decode_records


class Receipt(msgspec.Struct, frozen=True):
    """What became of a batch: every record is either accepted or reported."""

    accepted: int
    rejected: list[Rejected]


Refused = tuple[Any, Rejected]
"""A record that a gateway itself could not take, and why."""


Sent = tuple[Batch, str, asyncio.Future[None]]
"""What one sender wants on the road, the name of its request, and what it waits for."""


class SharedRoad:
    """Group commit: whoever comes while Redis is busy with others goes with the next round trip. For one event loop.

    A sender is told after Redis has answered the round trip that carried its batch, never before; an error of a round
    trip reaches everybody in it.
    """

    MOST = 500
    """Most batches in one round trip."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._waiting: list[Sent] = []
        self._carrier: asyncio.Task[None] | None = None

    async def append(self, events: Sequence[Event], dead: Sequence[DeadLetter]) -> None:
        """Put decoded events and dead letters on the road; returns once Redis has them on disk.

        Raises:
            Backpressure, StoreUnavailable: as :meth:`Stream.append`.
        """
        loop = asyncio.get_running_loop()
        told: asyncio.Future[None] = loop.create_future()
        self._waiting.append(((events, dead), REQUEST.get(), told))
        if self._carrier is None:
            self._carrier = loop.create_task(self._carry())
        await told

    async def _carry(self) -> None:
        going: list[Sent] = []
        try:
            while self._waiting:
                going, self._waiting = self._waiting[: self.MOST], self._waiting[self.MOST :]
                try:
                    batches, names = [batch for batch, _, _ in going], [name for _, name, _ in going]
                    refused = await asyncio.to_thread(self.stream.append_all, batches, names)
                except Exception as error:
                    _fail(going, error)
                    continue
                for (_, _, told), why in zip(going, refused, strict=True):
                    if told.done():
                        # The sender has gone; its records are on the road all the same.
                        continue
                    if why is None:
                        told.set_result(None)
                    else:
                        told.set_exception(why)
        finally:
            # Only a loop that ends leaves somebody untold here.
            self._carrier = None
            left, self._waiting = [*going, *self._waiting], []
            _fail(left, StoreUnavailable("服务正在停止，请稍后重发"))


class Intake:
    """Accepts batches. Safe to share between threads."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._shared = SharedRoad(stream)

    def accept(
        self, feed: Feed, records: Sequence[Any], door: Door, received_at: int, refused: Sequence[Refused] = ()
    ) -> Receipt:
        """Take a batch whole: returns once what was accepted is on disk and what was not is a dead letter.

        ``refused`` is what the gateway itself could not take, with its reasons.

        Raises:
            Backpressure, StoreUnavailable: nothing was promised; sending the batch again is harmless.
        """
        events, letters, rejected = self._decode(feed, records, door, received_at, refused)
        self.append(events, letters)
        _count(feed, len(events), rejected)
        return Receipt(len(events), rejected)

    async def accept_small(
        self, feed: Feed, records: Sequence[Any], door: Door, received_at: int, refused: Sequence[Refused] = ()
    ) -> Receipt:
        """:meth:`accept` for a few records, decoded at once; senders of one moment share a round trip.

        Raises:
            Backpressure, StoreUnavailable: nothing was promised; sending the batch again is harmless.
        """
        events, letters, rejected = self._decode(feed, records, door, received_at, refused)
        if events or letters:
            await self._shared.append(events, letters)
        _count(feed, len(events), rejected)
        return Receipt(len(events), rejected)

    def _decode(
        self, feed: Feed, records: Sequence[Any], door: Door, received_at: int, refused: Sequence[Refused]
    ) -> tuple[list[Event], list[DeadLetter], list[Rejected]]:
        events, rejected = decode_records(feed, records, door, received_at)
        wrong = [(records[one.index], one) for one in rejected] + list(refused)
        letters = [dead_letter(feed, record, why, door.source, received_at) for record, why in wrong]
        towns = door.region.pack.town_by_code
        # A letter is of the town that its spelling means: a reader of that town finds it.
        letters = [replace(one, town=towns[one.town].code) if one.town in towns else one for one in letters]
        return events, letters, [why for _, why in wrong]

    def append(self, events: Sequence[Event], dead: Sequence[DeadLetter]) -> None:
        """Put decoded events and dead letters on the road."""
        if events or dead:
            self.stream.append(events, dead, REQUEST.get())


def _count(feed: Feed, accepted: int, rejected: Sequence[Rejected]) -> None:
    if accepted:
        counted("records_accepted_total", feed.name).inc(accepted)
    for why in rejected:
        counted("records_rejected_total", feed.name, why.code).inc()


def _fail(senders: Sequence[Sent], error: Exception) -> None:
    for _, _, told in senders:
        if not told.done():
            told.set_exception(error)


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
