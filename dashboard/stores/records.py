"""Single records out of the truth: what is effective, what was corrected or withdrawn, who sent it. Reads only.

Every function takes a connection, so that one answer is of one consistent read. Bodies are decoded here; days are local
yyyymmdd; a version's ``seq`` is its ``known_seq``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, select

from dashboard.domain.event import Event
from dashboard.stores import tables as t
from dashboard.stores.history import Version

_CHUNK = 400
_event = msgspec.msgpack.Decoder(Event)
_versions = msgspec.msgpack.Decoder(list[Version])

Key = tuple[str, str]
"""(source, id)."""


class Span(msgspec.Struct, frozen=True):
    """Which records of a feed: of local days ``first`` to ``last``, of towns, of subjects; ``None`` is every one."""

    feed: str
    first: int | None = None
    last: int | None = None
    towns: frozenset[str] | None = None
    subjects: frozenset[str] | None = None

    def holds(self, event: Event) -> bool:
        """What the statement leaves to be checked: long lists are cheaper to look up here."""
        return self.subjects is None or event.subject in self.subjects

    def where(self) -> list[ColumnElement[bool]]:
        """The conditions that the database checks."""
        e = t.event.c
        found: list[ColumnElement[bool]] = [e.feed == self.feed]
        if self.first is not None and self.first == self.last:
            found.append(e.day == self.first)
        else:
            # Day 0 is a withdrawal that names nothing but its record.
            found.append(e.day >= max(1, self.first or 0))
            if self.last is not None:
                found.append(e.day <= self.last)
        if self.towns is not None:
            found.append(e.town.in_(sorted(self.towns)))
        if self.subjects is not None and len(self.subjects) <= _CHUNK:
            found.append(e.subject.in_(sorted(self.subjects)))
        return found


class Row(msgspec.Struct, frozen=True):
    """One stored version, decoded only when somebody looks into it."""

    seq: int
    at: int
    body: bytes

    @property
    def event(self) -> Event:
        """The version."""
        return _event.decode(self.body)


def effective(connection: Connection, span: Span) -> Iterator[Row]:
    """Effective records, 零报告 included, newest event time first."""
    e = t.event.c
    statement = select(e.seq, e.at, e.subject, e.body).where(*span.where(), e.ended.is_(None), e.void.is_(False))
    for row in connection.execute(statement.order_by(e.at.desc(), e.seq.desc())):
        if span.subjects is None or row.subject in span.subjects:
            yield Row(row.seq, row.at, row.body)


def withdrawn(connection: Connection, span: Span) -> list[Row]:
    """What withdrawn records last said, newest event time first."""
    e = t.event.c
    # Few records are ever corrected, and only those can have been withdrawn.
    statement = select(e.seq, e.at, e.body).where(*span.where(), e.ended.is_not(None), e.void.is_(False))
    old = {row.seq: Row(row.seq, row.at, row.body) for row in connection.execute(statement)}
    events = {seq: row.event for seq, row in old.items()}
    versions = versions_of(connection, {(event.source, event.id) for event in events.values()})
    bodies = bodies_of(connection, sorted({one.seq for known in versions.values() for one in known}))
    found = []
    for known in versions.values():
        ranked = sorted(known, key=lambda one: one.rank)
        if not bodies[ranked[-1].seq].void:
            continue
        said = next((one.seq for one in reversed(ranked) if not bodies[one.seq].void), None)
        # What it said may be of another town or day than the version that was asked for.
        if said is not None and said in old and span.holds(events[said]):
            found.append(old[said])
    return sorted(found, key=lambda row: (row.at, row.seq), reverse=True)


def versions_of(connection: Connection, keys: Collection[Key]) -> dict[Key, list[Version]]:
    """Stored versions of records in order of arrival; unknown records are absent. Locks nothing."""
    k = t.event_key.c
    by_source: dict[str, list[str]] = {}
    for source, name in keys:
        by_source.setdefault(source, []).append(name)
    found: dict[Key, list[Version]] = {}
    for source, names in by_source.items():
        for start in range(0, len(names), _CHUNK):
            statement = select(k.id, k.versions).where(k.source == source, k.id.in_(names[start : start + _CHUNK]))
            found |= {(source, row.id): _versions.decode(row.versions) for row in connection.execute(statement)}
    return found


def bodies_of(connection: Connection, seqs: Sequence[int]) -> dict[int, Event]:
    """seq -> the version that was stored under it."""
    e = t.event.c
    found: dict[int, Event] = {}
    for start in range(0, len(seqs), _CHUNK):
        statement = select(e.seq, e.body).where(e.seq.in_(seqs[start : start + _CHUNK]))
        found |= {row.seq: _event.decode(row.body) for row in connection.execute(statement)}
    return found


def from_source(connection: Connection, source: str, since: int) -> list[Key]:
    """Records of a source of which a version was received at ``since`` or later."""
    k = t.event_key.c
    rows = connection.execute(select(k.id, k.versions).where(k.source == source))
    return [(source, row.id) for row in rows if any(one.received_at >= since for one in _versions.decode(row.versions))]


def best(versions: Iterable[Version]) -> Version:
    """The effective one of a record's versions."""
    return max(versions, key=lambda one: one.rank)


def counts(connection: Connection, feed: str, day: int) -> dict[str, tuple[int, int]]:
    """Town -> (effective records, effective 零报告) of a local day."""
    e = t.event.c
    zero = case((e.subject == "0:" + e.town, 1), else_=0)
    statement = (
        select(e.town, func.count().label("every"), func.sum(zero).label("zero"))
        .where(e.feed == feed, e.day == day, e.ended.is_(None), e.void.is_(False))
        .group_by(e.town)
    )
    return {row.town: (int(row.every - row.zero), int(row.zero)) for row in connection.execute(statement)}


def reports(connection: Connection, feed: str, day: int, town: str) -> list[Event]:
    """A town's effective 零报告 of a local day, newest first."""
    span = Span(feed, day, day, frozenset({town}), frozenset({f"0:{town}"}))
    return [row.event for row in effective(connection, span)]


def find(connection: Connection, source: str, name: str) -> list[tuple[Version, Event]]:
    """The versions of one record, the effective one last; empty when there is no such record."""
    known = versions_of(connection, [(source, name)]).get((source, name), [])
    bodies = bodies_of(connection, [one.seq for one in known])
    return [(one, bodies[one.seq]) for one in sorted(known, key=lambda one: one.rank)]


__all__ = [
    "Key", "Span", "best", "bodies_of", "counts", "effective", "find", "from_source", "reports", "versions_of",
    "withdrawn",
]  # fmt: skip
