"""The event envelope (DOMAIN.md §3): what every record is once it has passed the door.

Times are integer milliseconds since 1970-01-01 UTC. Coordinates are WGS-84 degrees.
"""

from __future__ import annotations

from hashlib import blake2b
from operator import lt
from struct import Struct
from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One accepted version of one record.

    Identity is (``source``, ``id``); versions of one record are ordered by (``rev``, ``received_at``). ``subject`` is
    whose order must be kept (unit, checkpoint, case): streams are partitioned by it. ``fields`` holds the feed's own
    declared fields only.
    """

    feed: str
    source: str
    id: str
    town: str
    subject: str
    at: int
    """Event time."""
    received_at: int
    """When the gateway accepted it."""
    rev: int
    """Given by the source, else 0. Versions are ordered by (``rev``, ``received_at``)."""
    lon: float | None
    lat: float | None
    fields: dict[str, Any]
    void: bool = False
    nothing: bool = False
    """A 零报告: the town reports that there is nothing to report."""
    town_by: str = "code"
    """``code`` when the record named its town, ``point`` when a coordinate did, ``place`` when its place did."""
    skewed: bool = False
    """Device time differs from ours by more than five minutes."""

    @property
    def order(self) -> tuple[int, str, str]:
        """The order of a subject's records: event time, then identity, so that ties never depend on arrival."""
        return (self.at, self.source, self.id)

    @property
    def digest(self) -> int:
        """64-bit digest of what the record says, whenever and as whichever revision it was sent."""
        said = (self.feed, self.town, self.subject, self.at, self.lon, self.lat, self.void, self.nothing)
        body = _encode((said, sorted(self.fields.items())))
        number: int = _signed(blake2b(body, digest_size=8).digest())[0]
        return number


class Rejected(msgspec.Struct, frozen=True):
    """Why a record was not accepted: one sentence, with the field, what was got and what is allowed.

    ``got`` has phone and ID number patterns masked. ``index`` is the record's place in its batch, from 0.
    """

    index: int
    id: str | None
    field: str
    got: str
    allowed: str
    message: str
    code: str = "invalid"
    """``invalid``, ``forbidden_town``, ``malformed``, ``too_large``: lets a caller act without reading the sentence."""


def put_in_order(events: list[Event]) -> list[Event]:
    """Sort a subject's records into event order, in place; most come in it already, and then nothing is compared."""
    times = [event.at for event in events]
    if not all(map(lt, times, times[1:])):
        events.sort(key=_order)
    return events


def _order(event: Event) -> tuple[int, str, str]:
    return event.order


_signed = Struct(">q").unpack
_pack = msgspec.msgpack.Encoder()
_encode = _pack.encode
_unpack_events = msgspec.msgpack.Decoder(list[Event])


def encode_events(events: list[Event]) -> bytes:
    """Events as one MessagePack array."""
    return _pack.encode(events)


def decode_events(data: bytes) -> list[Event]:
    """The reverse of :func:`encode_events`.

    Raises:
        msgspec.DecodeError: when the bytes are not events.
    """
    return _unpack_events.decode(data)
