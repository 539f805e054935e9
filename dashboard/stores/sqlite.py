"""SQLite's own ways: write-ahead log, every commit synced, one writer at a time."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dashboard.errors import StoreUnavailable
from dashboard.stores.dialect import Key

VARIABLES = 18_000
"""Values bound to one statement: well below the 32,766 that SQLite allows since 3.32, of 2020."""
BUSY_S = 30
"""Seconds that a writer waits for another."""
WRITER_CACHE_KB = -196_608
"""192 MB for the connection that writes: a batch of random keys among millions looks at as many pages as it has
records, and looks at them twice, when it asks and when it writes."""
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-65536",
    "temp_store=MEMORY",
    # 64 MB of log: pages that many commits change, those of keys and indices above all, reach the file once.
    "wal_autocheckpoint=16384",
)


class SQLite:
    """The embedded database."""

    name = "SQLite"

    def open(self, url: str) -> Engine:
        """An engine on a file that is made when missing."""
        return _engine(url)

    def writer(self, engine: Engine) -> Engine:
        """An engine of one connection: its pages stay warm only as long as nobody else writes, and of two writers one
        waits anyway. It goes when ``engine`` is disposed of."""
        writer = _engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=BUSY_S)
        event.listen(
            writer, "connect", lambda connection, _: connection.execute(f"PRAGMA cache_size={WRITER_CACHE_KB}")
        )
        event.listen(engine, "engine_disposed", lambda _: writer.dispose())
        return writer

    def trouble(self, error: BaseException) -> StoreUnavailable | None:
        """A file that is locked, full or away is waited for."""
        if isinstance(error, OperationalError):
            return StoreUnavailable(f"数据库没有应答（{error.orig}），恢复后会自动继续")
        if isinstance(error, PoolTimeout):
            return StoreUnavailable(f"数据库 {BUSY_S} 秒内没有轮到这次写入，稍后会自动再试")
        return None

    @contextmanager
    def alone(self, engine: Engine) -> Iterator[None]:
        """Nothing to do: a migration begins with the writer's lock and looks at the version only then."""
        yield

    def hold_ledger(self, connection: Connection) -> None:
        """Nothing to do: BEGIN IMMEDIATE has the whole file."""

    def stored(self, connection: Connection, keys: Sequence[Key]) -> Iterable[Sequence[Any]]:
        """(source, id, versions) of the keys that are there."""
        # A statement a source: taking an identity out of plain texts is twice as fast as out of pairs.
        statement = text(
            "SELECT k.source, k.id, k.versions FROM json_each(:ids) AS j CROSS JOIN event_key AS k"
            " ON k.source = :source AND k.id = j.value"
        )
        ids: dict[str, list[str]] = {}
        for source, name in keys:
            ids.setdefault(source, []).append(name)
        return [
            row
            for source, names in ids.items()
            for row in connection.execute(statement, {"source": source, "ids": json.dumps(names)})
        ]

    def append(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows given in the order of the table's columns."""
        # Building a dictionary of bound parameters for every row costs more than SQLite takes to write it, and its
        # driver needs none of the conversions that come with it.
        names = [column.name for column in table.c]
        into = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "  # noqa: S608 - names of our own
        marks = f"({', '.join('?' * len(names))})"
        # Many rows a statement: SQLite works through them in one go, and other threads of the process do meanwhile.
        many = VARIABLES // len(names)
        for start in range(0, len(rows), many):
            part = rows[start : start + many]
            connection.exec_driver_sql(into + ", ".join([marks] * len(part)), tuple(chain.from_iterable(part)))

    def make_room(self, connection: Connection, days: Collection[int]) -> None:
        """Nothing to do: one table holds every month."""

    def end_events(self, connection: Connection, ended: Mapping[int, tuple[int, int]]) -> None:
        """Mark events as superseded."""
        rows = [(new, old) for old, (_, new) in ended.items()]
        if rows:
            connection.exec_driver_sql("UPDATE event SET ended = ? WHERE seq = ?", rows)

    def change_keys(self, connection: Connection, rows: Sequence[tuple[str, str, bytes]]) -> None:
        """Write the versions of keys that are there."""
        if rows:
            changed = [(versions, source, name) for source, name, versions in rows]
            connection.exec_driver_sql("UPDATE event_key SET versions = ? WHERE source = ? AND id = ?", changed)

    def save_states(self, connection: Connection, rows: Sequence[tuple[str, int, str, int, bytes]]) -> None:
        """Write or overwrite states."""
        if rows:
            connection.exec_driver_sql(
                "INSERT INTO projection (feed, day, subject, seq, state) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (feed, day, subject) DO UPDATE SET seq = excluded.seq, state = excluded.state",
                list(rows),
            )

    def describe(self, connection: Connection) -> tuple[str, str]:
        """Name with version, and the settings that make a commit durable."""
        version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synced = {2: "FULL", 3: "EXTRA"}.get(connection.exec_driver_sql("PRAGMA synchronous").scalar_one(), "OFF")
        return f"SQLite {version}", f"journal_mode = {mode}, synchronous = {synced}"

    def may_not_make_tables(self, connection: Connection) -> str | None:
        """Whoever can write the file may."""
        return None

    def size(self, connection: Connection) -> int:
        """Bytes of the file."""
        statement = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        return int(connection.exec_driver_sql(statement).scalar_one())


def _engine(url: str | URL, **pool: Any) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
        # No statement's parameters in an error: they are records, and errors are logged.
        hide_parameters=True,
        # The connection that was used last is used next: its pages are the warm ones.
        pool_use_lifo=True,
        **pool,
    )
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _pragmas(connection: Any, _: Any) -> None:
    # The driver must not begin transactions by itself, or BEGIN IMMEDIATE below would come too late.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
