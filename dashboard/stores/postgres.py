"""PostgreSQL's own ways: COPY for what is new, one partition of ``event`` a month, every commit synced.

Writers take the ledger's row first, so they are one at a time and nothing here can race with another writer. A month's
partition is made before its first record goes in, ahead of time where it can be; there is no default partition, which
would swallow what belongs nowhere and keep its month from being made.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    Table,
    create_engine,
    event,
    exc,
)
from sqlalchemy.engine import ExceptionContext, make_url

from dashboard.errors import ConfigurationError, StoreUnavailable
from dashboard.stores.dialect import Key, in_one_line, shown, unreadable

log = structlog.get_logger("postgres")

LEAST_VERSION = 140_000
DURABLE = {"synchronous_commit": ("on", "remote_apply"), "fsync": ("on",)}
"""What must be read back before ``accepted`` may mean “on disk” (EXACTNESS 2), the first being the plain choice."""

SESSION = {
    # Waiting for ever looks like working: a lock that somebody forgot becomes a sentence in the log and a new try.
    "lock_timeout": "30s",
    # A page that makes a file of what it read may take its time, but not for ever: the server cannot tidy meanwhile.
    "idle_in_transaction_session_timeout": "10min",
    # Plans made for a handful of rows would be kept while a load makes millions of them.
    "plan_cache_mode": "force_custom_plan",
    # Compiling a plan takes longer than any of our statements.
    "jit": "off",
}
IDLE_WRITER = "60s"
"""A worker that was stopped in the middle of a transaction holds the ledger: after this the others go on without it."""
CONNECT: dict[str, Any] = {
    "application_name": "townwatch",
    "connect_timeout": 10,
    # A machine that vanished is noticed within half a minute and not after two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
# Classes of SQLSTATE that another try may cure: connection, rollback, resources, operator, system.
PASSING = ("08", "40", "53", "57", "58")
PASSING_STATES = {"55P03", "25P03", "25006"}
"""A lock was not to be had; we were idle for too long; the server is a standby now."""
MIGRATION_LOCK = 0x746F776E_77617463
"""The key of the advisory lock that whoever migrates or folds again holds: “townwatc” in ASCII."""

_COPY_TYPES: tuple[tuple[type[Any], str], ...] = (
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (LargeBinary, "bytea"),
)


class PostgreSQL:
    """A PostgreSQL of 14 or newer, by URL."""

    name = "PostgreSQL"

    def open(self, url: str) -> Engine:
        """An engine whose every connection has been asked whether a commit is on disk.

        Raises:
            ConfigurationError: the address is none, or names another driver than psycopg.
        """
        try:
            address = make_url(url)
        except Exception:
            raise unreadable(url) from None
        if address.drivername not in ("postgresql", "postgresql+psycopg"):
            raise ConfigurationError(
                f"数据库地址以 {address.drivername}:// 开头，应以 postgresql:// 开头"
                f" · The database address starts with {address.drivername}://: it must start with postgresql://."
            )
        engine = create_engine(
            address.set(drivername="postgresql+psycopg"),
            connect_args={name: value for name, value in CONNECT.items() if name not in address.query},
            isolation_level="READ COMMITTED",
            # No statement's parameters in an error: they are records, and errors are logged.
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=16,
            pool_timeout=10,
        )
        reached: list[bool] = []
        event.listen(engine, "connect", lambda connection, _: reached.append(_greet(connection, url)))
        event.listen(engine, "handle_error", lambda context: _translate(context, url, bool(reached)))
        event.listen(engine, "before_cursor_execute", _without_nul, retval=True)
        return engine

    def writer(self, engine: Engine) -> Engine:
        """The same: its server keeps the pages."""
        return engine

    def trouble(self, error: BaseException) -> StoreUnavailable | None:
        """A server that is away, starting, full or busy is waited for."""
        if isinstance(error, exc.TimeoutError):
            return StoreUnavailable("数据库的连接都在使用中，稍后会自动重试")
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if not isinstance(cause, psycopg.Error):
            return None
        state = cause.sqlstate
        lost = state is None and isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
        if lost or (state is not None and (state[:2] in PASSING or state in PASSING_STATES)):
            return StoreUnavailable(f"数据库没有应答（{_why(cause)}），恢复后会自动继续")
        return None

    @contextmanager
    def alone(self, engine: Engine) -> Iterator[None]:
        """Hold the advisory lock of whoever migrates or folds again, on a connection of its own that ends with it."""
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()
            connection.exec_driver_sql("SET idle_session_timeout = 0")
            waiting = False
            # Asked again and again: who waits inside a statement would keep CREATE INDEX CONCURRENTLY waiting for it.
            while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK})").scalar():
                if not waiting:
                    log.info("waiting_for_another_start")
                waiting = True
                time.sleep(0.1)
            yield

    def hold_ledger(self, connection: Connection) -> None:
        """Lock the ledger's row, and make sure once more that this commit will be on disk.

        Raises:
            ConfigurationError: somebody has turned durability off under way.
        """
        asked = ", ".join(f"current_setting('{name}')" for name in DURABLE)
        idle = f"set_config('idle_in_transaction_session_timeout', '{IDLE_WRITER}', true)"
        found = connection.exec_driver_sql(f"SELECT {asked}, {idle} FROM ledger FOR UPDATE").one()  # noqa: S608
        _insist(dict(zip(DURABLE, found[:-1], strict=True)))

    def stored(self, connection: Connection, keys: Sequence[Key]) -> Iterable[Sequence[Any]]:
        """(source, id, versions) of the keys that are there, their rows locked (EXACTNESS 6)."""
        # A subquery with a lock is never merged into the join: each key is one look into the index, whatever the
        # planner believes of a table that has just been loaded.
        return connection.exec_driver_sql(
            "SELECT k.source, k.id, k.versions FROM unnest(%s::text[], %s::text[]) AS j(s, i)"
            " CROSS JOIN LATERAL (SELECT * FROM event_key WHERE source = j.s AND id = j.i FOR UPDATE) AS k",
            ([source for source, _ in keys], [name for _, name in keys]),
        )

    def append(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """COPY rows given in the order of the table's columns."""
        columns = list(table.c)
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(table.name), sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
        )
        with _cursor(connection) as cursor, cursor.copy(statement) as copy:
            copy.set_types([_copy_type(column.type) for column in columns])
            for row in rows:
                copy.write_row(row)

    def make_room(self, connection: Connection, days: Collection[int]) -> None:
        """Make the partitions of the days' months that are not there; the caller holds the ledger."""
        wanted = {month_of(day) for day in days}
        for month in sorted(wanted - months(connection)):
            add_month(connection, month)
            log.info("partition_made", month=month)

    def end_events(self, connection: Connection, ended: Mapping[int, tuple[int, int]]) -> None:
        """Mark events as superseded, month by month: a bound on the day leaves the other months alone."""
        by_month: dict[int, list[tuple[int, int]]] = {}
        for old, (day, new) in ended.items():
            by_month.setdefault(month_of(day), []).append((old, new))
        for month, pairs in by_month.items():
            connection.exec_driver_sql(
                "UPDATE event SET ended = j.new FROM unnest(%s::bigint[], %s::bigint[]) AS j(old, new)"
                " WHERE event.seq = j.old AND event.day >= %s AND event.day < %s",
                ([old for old, _ in pairs], [new for _, new in pairs], *bounds(month)),
            )

    def change_keys(self, connection: Connection, rows: Sequence[tuple[str, str, bytes]]) -> None:
        """Write the versions of keys that are there and whose rows :meth:`stored` has locked."""
        if rows:
            connection.exec_driver_sql(
                "UPDATE event_key SET versions = j.v FROM unnest(%s::text[], %s::text[], %b::bytea[]) AS j(s, i, v)"
                " WHERE event_key.source = j.s AND event_key.id = j.i",
                tuple(map(list, zip(*rows, strict=True))),
            )

    def save_states(self, connection: Connection, rows: Sequence[tuple[str, int, str, int, bytes]]) -> None:
        """Write or overwrite states in one statement."""
        if rows:
            connection.exec_driver_sql(
                "INSERT INTO projection (feed, day, subject, seq, state)"
                " SELECT * FROM unnest(%s::text[], %s::int[], %s::text[], %s::bigint[], %b::bytea[])"
                " ON CONFLICT (feed, day, subject) DO UPDATE SET seq = excluded.seq, state = excluded.state",
                tuple(map(list, zip(*rows, strict=True))),
            )

    def describe(self, connection: Connection) -> tuple[str, str]:
        """Name with version, and the settings that make a commit durable."""
        asked = ", ".join(f"current_setting('{name}')" for name in ("server_version", *DURABLE))
        version, *values = connection.exec_driver_sql(f"SELECT {asked}").one()
        told = ", ".join(f"{name} = {value}" for name, value in zip(DURABLE, values, strict=True))
        return f"PostgreSQL {version.split()[0]}", told

    def may_not_make_tables(self, connection: Connection) -> str | None:
        """Asks for the right on the schema that new tables would go to."""
        may, role, database = connection.exec_driver_sql(
            "SELECT has_schema_privilege(current_schema(), 'CREATE'), current_user, current_database()"
        ).one()
        return None if may else not_allowed(role, database)

    def size(self, connection: Connection) -> int:
        """Bytes of the whole database."""
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


# --- months ----------------------------------------------------------------------------------------------------------


def month_of(day: int) -> int:
    """The month (yyyymm) whose partition holds a local day; 0 for the day 0 of withdrawals that name only a record."""
    return day // 100


def bounds(month: int) -> tuple[int, int]:
    """The first day number of a month's partition and the first beyond it."""
    return month * 100, month * 100 + 100


def partition(month: int) -> str:
    """The name of a month's table."""
    return f"event_{month:06d}"


def months(connection: Connection) -> set[int]:
    """The months that have a partition."""
    found = connection.exec_driver_sql(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = to_regclass('event')"
    )
    return {int(name.rpartition("_")[2]) for name in found.scalars()}


def add_month(connection: Connection, month: int) -> None:
    """Make the partition of a month.

    Made apart and then attached: that keeps nobody from reading or writing, where CREATE … PARTITION OF would need the
    whole table to itself.
    """
    low, high = bounds(month)
    connection.exec_driver_sql(f"CREATE TABLE {partition(month)} (LIKE event INCLUDING ALL)")
    connection.exec_driver_sql(
        f"ALTER TABLE event ATTACH PARTITION {partition(month)} FOR VALUES FROM ({low}) TO ({high})"
    )


# --- connections -----------------------------------------------------------------------------------------------------


def _cursor(connection: Connection) -> psycopg.Cursor[Any]:
    """The driver's own cursor within the connection's transaction."""
    raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return raw.cursor()


def _copy_type(kind: object) -> str:
    return next((name for known, name in _COPY_TYPES if isinstance(kind, known)), "text")


def _greet(connection: Any, url: str) -> bool:
    """Set a new connection up and ask what it stands for, in one round trip; ``True``."""
    settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in SESSION.items())
    asked = ", ".join(f"current_setting('{name}')" for name in (*DURABLE, "server_encoding", "server_version_num"))
    try:
        with connection.cursor() as cursor:
            # One row of two arrays: what is set first is of no interest.
            cursor.execute(f"SELECT ARRAY[{settings}], ARRAY[{asked}], pg_is_in_recovery()")
            _, (*durable, encoding, version), standby = cursor.fetchone()
        connection.commit()
        _suits(int(version), encoding, standby, url)
        _insist(dict(zip(DURABLE, durable, strict=True)))
    except BaseException:
        connection.close()
        raise
    return True


def not_allowed(role: str, database: str) -> str:
    """The sentence about a role that may not make tables."""
    grant = f'GRANT USAGE, CREATE ON SCHEMA public TO "{role}"'
    return (
        f"{role} 不能在数据库 {database} 里建表，请由管理员在该库执行：{grant}"
        f" · {role} may not make tables in the database {database}: have its administrator run there: {grant}."
    )


def _without_nul(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> tuple[str, Any]:
    """Texts for people may hold anything that was sent; PostgreSQL takes all of it but NUL.

    The hot path passes tuples and is left alone: what it writes has been through the door.
    """
    rows = parameters if many else [parameters]
    if not any(isinstance(row, dict) and any("\0" in v for v in row.values() if type(v) is str) for row in rows):
        return statement, parameters
    clean = [
        {name: value.replace("\0", "\ufffd") if type(value) is str else value for name, value in row.items()}
        for row in rows
    ]
    return statement, clean if many else clean[0]


def _suits(version: int, encoding: str, standby: bool, url: str) -> None:
    if version < LEAST_VERSION:
        old = f"{version // 10_000}.{version % 10_000}"
        raise ConfigurationError(
            f"{shown(url)} 是 PostgreSQL {old}，请换成 14 或更新的版本"
            f" · {shown(url)} is PostgreSQL {old}: take 14 or newer."
        )
    if encoding != "UTF8":
        raise ConfigurationError(
            f"数据库 {shown(url)} 的编码是 {encoding}，存不下所有文字，"
            "请新建一个：CREATE DATABASE 名称 ENCODING 'UTF8' TEMPLATE template0"
            f" · The database {shown(url)} is encoded in {encoding}, which cannot hold every text: "
            "make one with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0."
        )
    if standby:
        raise StoreUnavailable(
            f"{shown(url)} 是只读的备库，请把 TOWNWATCH_DATABASE_URL 改成主库"
            f" · {shown(url)} is a standby and takes no writes: name the primary in TOWNWATCH_DATABASE_URL."
        )


def _insist(found: Mapping[str, str]) -> None:
    """Refuse a server that would lose what it has committed.

    Raises:
        ConfigurationError: names the line to change.
    """
    for name, allowed in DURABLE.items():
        if found[name] not in allowed:
            remedy = (
                "ALTER ROLE CURRENT_USER SET synchronous_commit = on"
                if name == "synchronous_commit"
                else "fsync = on (postgresql.conf)"
            )
            raise ConfigurationError(
                f"PostgreSQL 的设置是 {name} = {found[name]}，断电可能丢失已接受的记录，"
                f"请改为 `{remedy}` 后重新启动镇哨"
                f" · PostgreSQL has {name} = {found[name]} and may lose accepted records at a power cut: "
                f"set `{remedy}` and start Townwatch again."
            )


def _translate(context: ExceptionContext, url: str, reached: bool) -> BaseException | None:
    """The driver's error as one of ours, wherever the engine is used; what is ours to repair stays as it is."""
    if context.is_pre_ping:
        return None
    cause = context.original_exception
    if not reached and context.connection is None and isinstance(cause, psycopg.OperationalError):
        # Never once connected: it may well be the address that is wrong.
        said = _why(cause, url)
        return StoreUnavailable(
            f"连不上数据库 {shown(url)}（{said}），请启动它，或改正 TOWNWATCH_DATABASE_URL"
            f" · The database {shown(url)} cannot be reached ({said}): start it, or correct TOWNWATCH_DATABASE_URL."
        )
    return POSTGRESQL.trouble(cause)


_REASON = re.compile(r"connection to server .*? failed: (?P<why>.*)")
_HINT = " Is the server running "


def _why(error: BaseException, url: str = "") -> str:
    """The reason among the driver's words, on one line."""
    line = in_one_line(error, url)
    if "Multiple connection attempts failed" not in line:
        found = _REASON.search(line)
        line = found["why"] if found else line
    return line.partition(_HINT)[0].removeprefix("FATAL: ").strip()


POSTGRESQL = PostgreSQL()
