"""The ledger of rules in SQL: which versions of a region pack count since which ``known_seq``, and who changed what.

A version is asked for (by a change of rules, or by a pack that was loaded) and counts once a worker has adopted it:
folded by it what it changes, in one transaction that has a ``known_seq`` of its own. So ``as_of`` before that moment
shows what was shown. Times are ms since 1970 UTC, days yyyymmdd.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update

from dashboard.stores.history import History
from dashboard.stores.tables import pack_adoption, rule_change
from geodata.library import Adopted, PackLibrary, RegionBook

Rows = tuple[Mapping[str, str], ...]


class Asked(msgspec.Struct, frozen=True):
    """A version that was asked for; ``seq`` and ``known_at`` once it counts, ``change`` unless a pack was loaded."""

    number: int
    valid_from: int
    version: str
    change: int | None
    asked_at: int
    seq: int | None
    known_at: int | None


class RuleChange(msgspec.Struct, frozen=True):
    """One rule that somebody changed: ``kind`` and ``key`` are the pack's table and key, ``version`` the new one.

    ``known_at`` is when it began to count, ``None`` while no worker has adopted it.
    """

    number: int
    change: int
    at: int
    who: str
    kind: str
    key: str
    town: str | None
    before: Rows
    after: Rows
    valid_from: int
    reason: str
    version: str
    undoes: int | None = None
    known_at: int | None = None


def book_of(history: History, library: PackLibrary, region: str) -> RegionBook:
    """The book of a region that follows this ledger."""

    def ledger() -> Sequence[Adopted]:
        with history.reading() as connection:
            return adopted(connection, region)

    return RegionBook(library, region, ledger)


def adopted(connection: Connection, region: str) -> list[Adopted]:
    """The versions that count, in order; none before the first worker has looked."""
    return [
        Adopted(one.number, one.valid_from, one.version, one.seq)
        for one in asked(connection, region)
        if one.seq is not None
    ]


def asked(connection: Connection, region: str) -> list[Asked]:
    """Every version that was asked for, in order."""
    a = pack_adoption.c
    statement = select(pack_adoption).where(a.region == region).order_by(a.number)
    return [
        Asked(row.number, row.valid_from, row.version, row.change_id, row.asked_at, row.seq, row.known_at)
        for row in connection.execute(statement)
    ]


def enrol(connection: Connection, library: PackLibrary, region: str, now: int) -> None:
    """Note versions that were installed without a change of rules.

    The very first ones count since ever: whatever is stored was folded by them. Later ones wait for a worker.
    """
    known = asked(connection, region)
    pairs = {(one.valid_from, one.version) for one in known}
    fresh = [found for found in library.versions(region) if not found.held]
    rows = [
        {
            "region": region,
            "valid_from": found.valid_from,
            "version": found.version,
            "asked_at": now,
            "seq": None if known else 0,
            "known_at": None if known else 0,
        }
        for found in sorted(fresh, key=lambda found: found.order)
        if (found.valid_from, found.version) not in pairs
    ]
    if rows:
        connection.execute(insert(pack_adoption), rows)


def ask(connection: Connection, region: str, versions: Mapping[int, str], change: int, now: int) -> None:
    """Ask that versions count: valid_from -> version."""
    rows = [
        {"region": region, "valid_from": day, "version": version, "change_id": change, "asked_at": now}
        for day, version in sorted(versions.items())
    ]
    connection.execute(insert(pack_adoption), rows)


def adopt(connection: Connection, numbers: Collection[int], seq: int, known_at: int) -> None:
    """Versions count from ``seq`` on."""
    a = pack_adoption.c
    connection.execute(update(pack_adoption).where(a.number.in_(sorted(numbers))).values(seq=seq, known_at=known_at))


def next_change(connection: Connection) -> int:
    """The id for a change that is about to be noted; the caller holds the ledger."""
    return (connection.scalar(select(func.max(rule_change.c.change_id))) or 0) + 1


def note(connection: Connection, region: str, changes: Sequence[RuleChange]) -> None:
    """Keep who changed what; ``number`` and ``known_at`` are not read."""
    rows = [
        {
            "change_id": one.change,
            "region": region,
            "at": one.at,
            "who": one.who,
            "kind": one.kind,
            "key": one.key,
            "town": one.town,
            "before": json.dumps(one.before, ensure_ascii=False),
            "after": json.dumps(one.after, ensure_ascii=False),
            "valid_from": one.valid_from,
            "reason": one.reason,
            "version": one.version,
            "undoes": one.undoes,
        }
        for one in changes
    ]
    connection.execute(insert(rule_change), rows)


def changes(connection: Connection, region: str, change: int | None = None) -> list[RuleChange]:
    """Who changed what, newest first; ``change`` narrows to what was saved at once."""
    c = rule_change.c
    known = select(pack_adoption.c.change_id, func.min(pack_adoption.c.known_at).label("known_at"))
    known = known.where(pack_adoption.c.region == region, pack_adoption.c.change_id.is_not(None))
    when = known.group_by(pack_adoption.c.change_id).subquery()
    statement = (
        select(rule_change, when.c.known_at)
        .outerjoin(when, when.c.change_id == c.change_id)
        .where(c.region == region)
        .order_by(c.number.desc())
    )
    if change is not None:
        statement = statement.where(c.change_id == change)
    return [_change(row) for row in connection.execute(statement)]


def _change(row: Row[tuple[object, ...]]) -> RuleChange:
    return RuleChange(
        row.number,
        row.change_id,
        row.at,
        row.who,
        row.kind,
        row.key,
        row.town,
        tuple(json.loads(row.before)),
        tuple(json.loads(row.after)),
        row.valid_from,
        row.reason,
        row.version,
        row.undoes,
        row.known_at,
    )


__all__ = [
    "Asked",
    "RuleChange",
    "adopt",
    "adopted",
    "ask",
    "asked",
    "book_of",
    "changes",
    "enrol",
    "next_change",
    "note",
]
