"""The truth in SQL: events, keys, projections, and the one transaction in which a batch becomes known.

SQLite (WAL, ``synchronous=FULL``) or PostgreSQL (``synchronous_commit=on``) through SQLAlchemy Core. Nothing here knows
Redis or what a feed means; folding is handed in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    insert,
    select,
    text,
    update,
)

from dashboard.domain.event import Event
from dashboard.errors import StoreUnavailable
from dashboard.stores import tables as t

MIGRATIONS = Path(__file__).parent / "migrations"
_CHUNK = 400


class Version(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One stored version of a record; the greatest (rev, received_at, seq) is the effective one."""

    seq: int
    rev: int
    received_at: int
    digest: int

    @property
    def rank(self) -> tuple[int, int, int]:
        """What decides between versions, whatever the order of arrival (EXACTNESS 6)."""
        return (self.rev, self.received_at, self.seq)


_versions = msgspec.msgpack.Decoder(list[Version])
_pack = msgspec.msgpack.Encoder()
_event = msgspec.msgpack.Decoder(Event)


def open_engine(url: str) -> Engine:
    """An engine with the durability that ``accepted`` promises (EXACTNESS 2)."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})
        event.listen(engine, "connect", _sqlite_pragmas)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    # psycopg 3 is the driver that is installed; a plain postgresql:// address would ask for another.
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True)
    event.listen(engine, "connect", _postgres_durability)
    return engine


def _sqlite_pragmas(connection: Any, _: Any) -> None:
    # The driver must not begin transactions by itself, or BEGIN IMMEDIATE below would come too late.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _postgres_durability(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    connection.commit()


def _sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def migrate(engine: Engine) -> str:
    """Bring the tables to the newest migration and return its number."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    command.upgrade(config, "head")
    return migration(engine) or ""


def migration(engine: Engine) -> str | None:
    """The migration that the database is at."""
    with engine.connect() as connection:
        from alembic.runtime.migration import MigrationContext

        return MigrationContext.configure(connection).get_current_revision()


def _insert(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Append rows given in the order of the table's columns."""
    names = [column.name for column in table.c]
    if connection.dialect.name == "sqlite":
        # Building a dictionary of bound parameters for every row costs more than SQLite takes to write it, and its
        # driver needs none of the conversions that come with it.
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names of our own
        connection.exec_driver_sql(statement, list(rows))
    else:
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


class History:
    """Reads and writes of the truth. One per process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that holds the ledger: versions become known in commit order (EXACTNESS 7).

        Raises:
            StoreUnavailable: when the database does not answer.
        """
        from sqlalchemy.exc import OperationalError

        try:
            with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
                if not self.sqlite:
                    connection.execute(select(t.ledger.c.seq).with_for_update())
                yield connection
        except OperationalError as error:
            raise StoreUnavailable(f"数据库没有应答（{error.orig}），恢复后会自动继续") from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent read.

        Raises:
            StoreUnavailable: when the database does not answer.
        """
        from sqlalchemy.exc import OperationalError

        try:
            with self.engine.connect() as connection:
                if not self.sqlite:
                    connection = connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    yield connection
        except OperationalError as error:
            raise StoreUnavailable(f"数据库没有应答（{error.orig}），恢复后会自动继续") from error

    # --- keys and versions -----------------------------------------------------------------------------------------

    def versions_of(
        self, connection: Connection, keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Version]]:
        """Stored versions of records by (source, id); unknown records are absent."""
        if not keys:
            return {}
        rows: Iterable[Any]
        if self.sqlite:
            # A statement a source: taking an identity out of plain texts is twice as fast as out of pairs.
            statement = text(
                "SELECT k.source, k.id, k.versions FROM json_each(:ids) AS j CROSS JOIN event_key AS k"
                " ON k.source = :source AND k.id = j.value"
            )
            ids: dict[str, list[str]] = {}
            for source, name in keys:
                ids.setdefault(source, []).append(name)
            rows = [
                row
                for source, names in ids.items()
                for row in connection.execute(statement, {"source": source, "ids": json.dumps(names)})
            ]
        else:
            statement = text(
                "SELECT k.source, k.id, k.versions"
                " FROM unnest(cast(:sources AS text[]), cast(:ids AS text[])) AS j(s, i)"
                " JOIN event_key k ON k.source = j.s AND k.id = j.i FOR UPDATE OF k"
            )
            rows = connection.execute(statement, {"sources": [k[0] for k in keys], "ids": [k[1] for k in keys]})
        return {(row[0], row[1]): _versions.decode(row[2]) for row in rows}

    def save_keys(
        self,
        connection: Connection,
        new: Mapping[tuple[str, str], list[Version]],
        changed: Mapping[tuple[str, str], list[Version]],
    ) -> None:
        """Write the version lists of new and of changed records."""
        if new:
            _insert(connection, t.event_key, [(s, i, _pack.encode(found)) for (s, i), found in new.items()])
        if changed:
            statement = (
                update(t.event_key)
                .where(t.event_key.c.source == bindparam("s"), t.event_key.c.id == bindparam("i"))
                .values(versions=bindparam("v"))
            )
            connection.execute(
                statement, [{"s": s, "i": i, "v": _pack.encode(found)} for (s, i), found in changed.items()]
            )

    def add_events(self, connection: Connection, rows: Sequence[tuple[int, int, int | None, Event]]) -> None:
        """Append versions given as (seq, local day, ended, event)."""
        if not rows:
            return
        _insert(
            connection,
            t.event,
            [
                (seq, event.feed, day, event.subject, event.town, event.at, ended, event.void, _pack.encode(event))
                for seq, day, ended, event in rows
            ],
        )

    def end_versions(self, connection: Connection, ended: Mapping[int, int]) -> None:
        """Mark versions as superseded: seq -> the seq that took its place."""
        if ended:
            statement = update(t.event).where(t.event.c.seq == bindparam("old")).values(ended=bindparam("new"))
            connection.execute(statement, [{"old": old, "new": new} for old, new in ended.items()])

    def events_by_seq(self, connection: Connection, seqs: Iterable[int]) -> dict[int, tuple[int, Event]]:
        """seq -> (local day, event)."""
        found: dict[int, tuple[int, Event]] = {}
        wanted = list(seqs)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            statement = select(t.event.c.seq, t.event.c.day, t.event.c.body).where(t.event.c.seq.in_(chunk))
            found |= {row.seq: (row.day, _event.decode(row.body)) for row in connection.execute(statement)}
        return found

    def subject_day(self, connection: Connection, feed: str, day: int, subject: str) -> list[Event]:
        """The effective records of one subject's local day, in event order."""
        statement = select(t.event.c.body).where(
            t.event.c.feed == feed,
            t.event.c.day == day,
            t.event.c.subject == subject,
            t.event.c.ended.is_(None),
            t.event.c.void.is_(False),
        )
        return sorted((_event.decode(row.body) for row in connection.execute(statement)), key=lambda found: found.order)

    def events_of_day(
        self,
        connection: Connection,
        feed: str,
        day: int | None,
        upto: int | None = None,
        subjects: Collection[str] | None = None,
    ) -> dict[str, list[Event]]:
        """Subject -> the records effective at ``known_seq`` ``upto`` (now, when ``None``), in event order.

        ``day`` ``None`` reads every day. ``subjects`` narrows to some; many are read in one sweep and left out here.
        """
        statement = select(t.event.c.subject, t.event.c.body).where(t.event.c.feed == feed, t.event.c.void.is_(False))
        if day is not None:
            statement = statement.where(t.event.c.day == day)
        if upto is None:
            statement = statement.where(t.event.c.ended.is_(None))
        else:
            statement = statement.where(t.event.c.seq <= upto, (t.event.c.ended.is_(None)) | (t.event.c.ended > upto))
        if subjects is not None and len(subjects) <= _CHUNK:
            statement = statement.where(t.event.c.subject.in_(sorted(subjects)))
        found: dict[str, list[Event]] = {}
        for row in connection.execute(statement):
            if subjects is None or row.subject in subjects:
                found.setdefault(row.subject, []).append(_event.decode(row.body))
        for events in found.values():
            events.sort(key=lambda one: one.order)
        return found

    # --- projections -----------------------------------------------------------------------------------------------

    def load_states(
        self, connection: Connection, keys: Sequence[tuple[str, int, str]]
    ) -> dict[tuple[str, int, str], bytes]:
        """(feed, day, subject) -> encoded state, where there is one."""
        p = t.projection.c
        found: dict[tuple[str, int, str], bytes] = {}
        groups: dict[tuple[str, int], list[str]] = {}
        for feed, day, subject in keys:
            groups.setdefault((feed, day), []).append(subject)
        for (feed, day), subjects in groups.items():
            for start in range(0, len(subjects), _CHUNK):
                statement = select(p.subject, p.state).where(
                    p.feed == feed, p.day == day, p.subject.in_(subjects[start : start + _CHUNK])
                )
                found |= {(feed, day, row.subject): row.state for row in connection.execute(statement)}
        return found

    def save_states(self, connection: Connection, states: Mapping[tuple[str, int, str], bytes], seq: int) -> None:
        """Write states as of ``seq``."""
        if states:
            connection.execute(
                text(
                    "INSERT INTO projection (feed, day, subject, seq, state)"
                    " VALUES (:feed, :day, :subject, :seq, :state)"
                    " ON CONFLICT (feed, day, subject) DO UPDATE SET seq = excluded.seq, state = excluded.state"
                ),
                [
                    {"feed": feed, "day": day, "subject": subject, "seq": seq, "state": state}
                    for (feed, day, subject), state in states.items()
                ],
            )

    def states_since(self, connection: Connection, feed: str, day: int, seq: int) -> list[tuple[str, int, bytes]]:
        """(subject, seq, state) of one feed's local day written after ``seq``."""
        p = t.projection.c
        statement = select(p.subject, p.seq, p.state).where(p.feed == feed, p.day == day, p.seq > seq)
        return [(row.subject, row.seq, row.state) for row in connection.execute(statement)]

    def days_of(self, connection: Connection, feed: str) -> list[int]:
        """Local days on which a feed has records, oldest first."""
        statement = (
            select(t.projection.c.day).where(t.projection.c.feed == feed).distinct().order_by(t.projection.c.day)
        )
        return list(connection.scalars(statement))

    # --- the ledger ------------------------------------------------------------------------------------------------

    def seq(self, connection: Connection) -> int:
        """The last ``known_seq``."""
        return connection.scalar(select(t.ledger.c.seq)) or 0

    def close_batch(self, connection: Connection, seq: int, known_at: int) -> None:
        """Record that everything up to ``seq`` became known at ``known_at``."""
        connection.execute(update(t.ledger).values(seq=seq))
        connection.execute(insert(t.commit_log).values(seq=seq, known_at=known_at))

    def seq_at(self, connection: Connection, at: int) -> int:
        """The ``known_seq`` that was current at an instant."""
        statement = select(func.max(t.commit_log.c.seq)).where(t.commit_log.c.known_at <= at)
        return connection.scalar(statement) or 0

    def provisional(self, connection: Connection) -> list[Row[Any]]:
        """Places that records named before any list did: code, kind, town."""
        return list(connection.execute(select(t.provisional_place).order_by(t.provisional_place.c.code)))
