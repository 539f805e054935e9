"""One file that holds a data directory at one moment, made while everything runs, and a directory made from it.

What is taken, and why in this order: files (settings, keys, snapshots, the audit's anchor), then the road, then the
database, then region packs. A record that was accepted before the road was read is in the road or in the database, and
may be in both: it is known by its id and counts once. A pack that the database names is there already when packs are
taken. The file is a Zstandard-compressed tar; its last member, ``manifest.json``, has every part's size and SHA-256.

The window in Redis, logs and metrics are not taken: they are made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import redis
from psycopg import sql
from sqlalchemy import Engine, Integer, func, select

from dashboard.clock import machine_ms
from dashboard.domain.event import decode_events
from dashboard.errors import ConfigurationError, StoreUnavailable, TownwatchError
from dashboard.processes import locked
from dashboard.settings import Settings
from dashboard.stores import history as truth
from dashboard.stores import redis_server, schema
from dashboard.stores import tables as t
from dashboard.stores.stream import DEAD, Stream, count_key, partition_key

FORMAT = 1
MANIFEST = "manifest.json"
ROAD = "road.msgpack"
DATABASE = "townwatch.db"
FILES = "files/"
TABLES = "tables/"
LEFT_OUT = {"redis", "logs", "metrics", "lock"}
"""What belongs to running processes. Files of the database, locks and half-written files are left out too."""
PACKS = "packs"
_CHUNK = 1024 * 1024
NOBODY = ("UPDATE lease SET expires_at = 0", "DELETE FROM worker_seen")
"""Whoever held a partition when the backup was made is gone; the fencing numbers go on."""


class Part(msgspec.Struct, frozen=True):
    """One member of a backup."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. ``tables`` are rows by table, ``columns`` the columns that PostgreSQL's parts have."""

    format: int
    kind: str
    migration: str
    region: str
    partitions: int
    made_at: int
    known_seq: int
    waiting: int
    tables: dict[str, int]
    columns: dict[str, list[str]]
    parts: list[Part]


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """A stream entry that no transaction had taken for certain; ``partition`` -1 is the dead-letter stream."""

    partition: int
    body: bytes
    count: int
    batch: str


_waiting = msgspec.msgpack.Decoder(list[Waiting])


# --- backing up ----------------------------------------------------------------------------------------------------


def backup(settings: Settings, file: Path, force: bool = False) -> Manifest:
    """Write a backup of a data directory and whatever its settings name; nothing has to stop for it.

    Raises:
        ConfigurationError: the file exists (without ``force``), or there is nothing to back up.
        StoreUnavailable: a store does not answer; nothing is left behind.
    """
    if file.exists() and not force:
        raise ConfigurationError(
            f"{file} 已经存在，请换个文件名，或加 --force 覆盖"
            f" · {file} exists: take another name, or --force to replace it."
        )
    engine = truth.open_engine(settings.database_url)
    fresh = file.with_name(file.name + ".part")
    try:
        if truth.migration(engine) is None:
            raise ConfigurationError(
                f"{settings.data_dir} 里没有记录，没有可备份的 · There are no records in {settings.data_dir}."
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        with _writing(fresh) as writer:
            manifest = _write(settings, engine, writer)
        os.replace(fresh, file)
        _sync(file.parent)
    except OSError as error:
        raise ConfigurationError(
            f"备份写不到 {file}（{error.strerror or error}），请检查空间和权限"
            f" · The backup cannot be written to {file} ({error.strerror or error}): check space and permissions."
        ) from None
    finally:
        fresh.unlink(missing_ok=True)
        engine.dispose()
    return manifest


class _Writer:
    """Members on their way into the archive, counted and hashed."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self.archive = archive
        self.parts: list[Part] = []

    def add(self, name: str, path: Path) -> None:
        """A file as it is now."""
        with open(path, "rb") as stream:
            self._add(name, stream, os.fstat(stream.fileno()).st_size, path.stat().st_mode & 0o777)

    def add_bytes(self, name: str, data: bytes) -> None:
        """A member that is in memory."""
        self._add(name, io.BytesIO(data), len(data), 0o600)

    def _add(self, name: str, stream: Any, size: int, mode: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, mode
        told = _Hashed(stream, size)
        self.archive.addfile(info, told)
        self.parts.append(Part(name, size, told.digest.hexdigest()))


class _Hashed:
    """A stream of ``size`` bytes that hashes what is read of it; a file that grows meanwhile is cut where it stood."""

    def __init__(self, stream: Any, size: int) -> None:
        self.stream, self.left = stream, size
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data: bytes = self.stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        self.digest.update(data)
        return data


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[_Writer]:
    import pyarrow

    # Keys and tokens' digests are inside: for the owner alone.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as raw:
        with (
            pyarrow.CompressedOutputStream(pyarrow.PythonFile(raw, "w"), "zstd") as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            yield _Writer(archive)
        if not raw.closed:
            raw.flush()
            os.fsync(raw.fileno())
    if raw.closed:
        with open(path, "rb") as again:
            os.fsync(again.fileno())


def _write(settings: Settings, engine: Engine, writer: _Writer) -> Manifest:
    home = settings.data_dir
    for path in _files(home):
        with contextlib.suppress(FileNotFoundError):
            writer.add(FILES + path.relative_to(home).as_posix(), path)
    with redis_server.attached(settings) as joined:
        waiting = _road(joined)
    writer.add_bytes(ROAD, msgspec.msgpack.encode(waiting))
    sqlite = engine.dialect.name == "sqlite"
    columns: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="townwatch-backup-", dir=_room(settings)) as room:
        if sqlite:
            rows = _copy_sqlite(engine, Path(room) / DATABASE)
            writer.add(DATABASE, Path(room) / DATABASE)
            seq = rows.pop("known_seq")
        else:
            rows, columns, seq = _copy_postgres(engine, Path(room), writer)
    for path in _files(home / PACKS) if (home / PACKS).is_dir() else ():
        writer.add(FILES + path.relative_to(home).as_posix(), path)
    manifest = Manifest(
        format=FORMAT,
        kind=engine.dialect.name,
        migration=truth.migration(engine) or "",
        region=settings.region,
        partitions=settings.partitions,
        made_at=machine_ms(),
        known_seq=seq,
        waiting=sum(one.count for one in waiting if one.partition >= 0),
        tables=rows,
        columns=columns,
        parts=list(writer.parts),
    )
    writer.add_bytes(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def _room(settings: Settings) -> Path:
    """Where the copy of the database waits: beside the original, where there must be room for files like it."""
    return settings.data_dir


def _files(home: Path) -> list[Path]:
    """Regular files to keep under a folder, sorted; packs are taken apart and last."""
    found = []
    for folder, names, files in os.walk(home, followlinks=True):
        here = Path(folder)
        top = here == home
        if top and home.name != PACKS:
            names[:] = [name for name in names if name not in LEFT_OUT and name != PACKS]
        names[:] = sorted(name for name in names if not name.startswith((".staging-", "townwatch-backup-")))
        for name in files:
            path = here / name
            if top and (name in LEFT_OUT or name.startswith((f"{DATABASE}", "lock-"))):
                continue
            if path.is_file() and not name.endswith((".part", ".new", ".sock")):
                found.append(path)
    return sorted(found)


def _road(settings: Settings) -> list[Waiting]:
    """Every entry that is still on the road, taken or not."""
    stream = Stream(redis_server.client_of(settings.redis_url), settings.partitions, settings.stream_limit)
    found: list[Waiting] = []
    try:
        for number, key in [*((p, partition_key(p)) for p in range(settings.partitions)), (-1, DEAD)]:
            first = "-"
            while True:
                told: Any = stream.servers.ask(partial(stream.servers.at(key).xrange, key, first, "+", 200))
                for _, fields in told:
                    body = fields.get(b"e" if number >= 0 else b"d", b"")
                    count, batch = int(fields.get(b"n", 0)), fields.get(b"b", b"").decode("utf-8", "replace")
                    found.append(Waiting(number, body, count, batch))
                if len(told) < 200:
                    break
                first = "(" + told[-1][0].decode()
    finally:
        stream.client.close()
    return found


def _copy_sqlite(engine: Engine, target: Path) -> dict[str, int]:
    """A consistent copy by SQLite's own backup; writers go on. Rows by table, and the ``known_seq``."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{engine.url.database}?mode=ro", uri=True, timeout=30)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        # In one step: a copy in many would begin anew at every commit.
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE")
        return _sqlite_rows(copy)


def _sqlite_rows(copy: sqlite3.Connection) -> dict[str, int]:
    wrong = [row[0] for row in copy.execute("PRAGMA quick_check(3)") if row[0] != "ok"]
    if wrong:
        raise TownwatchError(
            f"数据库文件已损坏（{wrong[0]}），请从较早的备份恢复"
            f" · The database file is damaged ({wrong[0]}): restore an earlier backup."
        )
    names = [row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = {
        name: int(copy.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608 - names of its own
        for name in sorted(names)
        if not name.startswith("sqlite_")
    }
    return rows | {"known_seq": int(copy.execute("SELECT seq FROM ledger").fetchone()[0])}


def _copy_postgres(engine: Engine, room: Path, writer: _Writer) -> tuple[dict[str, int], dict[str, list[str]], int]:
    """Every table by COPY within one snapshot; writers go on. (rows by table, columns by table, ``known_seq``)."""
    rows: dict[str, int] = {}
    columns: dict[str, list[str]] = {}
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
            seq = connection.scalar(select(t.ledger.c.seq)) or 0
            for table in t.METADATA.sorted_tables:
                columns[str(table.name)] = [str(column.name) for column in table.columns]
                path = room / table.name
                names = sql.SQL(", ").join(map(sql.Identifier, columns[table.name]))
                statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(names, sql.Identifier(table.name))
                with open(path, "wb") as out, raw.cursor() as cursor:
                    with cursor.copy(statement) as copy:
                        out.writelines(copy)
                    rows[str(table.name)] = cursor.rowcount
                writer.add(TABLES + table.name, path)
                path.unlink()
    return rows, columns, seq


# --- restoring -----------------------------------------------------------------------------------------------------


def read(file: Path, into: Path | None = None) -> Manifest:
    """Read a backup to its end and check every part; with ``into`` its parts are written there.

    Raises:
        ConfigurationError: it is no backup, or of a newer program.
        TownwatchError: a part is not as it was written.
    """
    import pyarrow

    told: dict[str, Part] = {}
    manifest: Manifest | None = None
    try:
        with (
            open(file, "rb") as raw,
            pyarrow.CompressedInputStream(pyarrow.PythonFile(raw, "r"), "zstd") as packed,
            tarfile.open(fileobj=packed, mode="r|") as archive,
        ):
            for member in archive:
                stream = archive.extractfile(member)
                if stream is None:
                    continue
                if member.name == MANIFEST:
                    manifest = msgspec.json.decode(stream.read(), type=Manifest)
                    continue
                target = None if into is None else _inside(into, member.name)
                told[member.name] = _extract(member, stream, target)
    except (OSError, tarfile.TarError, msgspec.DecodeError) as error:
        raise ConfigurationError(
            f"{file} 不是完整的镇哨备份（{error}） · {file} is not a whole backup of Townwatch ({error})."
        ) from None
    if manifest is None or manifest.format > FORMAT:
        raise ConfigurationError(
            f"{file} 没有写完，或来自更新的版本 · {file} was not finished, or is of a newer Townwatch."
        )
    for part in manifest.parts:
        if told.get(part.name) != part:
            raise TownwatchError(
                f"备份 {file} 里的 {part.name} 与写入时不同，请换一份备份"
                f" · {part.name} in the backup {file} is not as it was written: take another backup."
            )
    return manifest


def _inside(home: Path, name: str) -> Path:
    path = (home / name).resolve()
    if not path.is_relative_to(home.resolve()):
        raise ConfigurationError(f"备份里有越界的文件名 {name!r} · The backup names a file outside: {name!r}.")
    return path


def _extract(member: tarfile.TarInfo, stream: Any, target: Path | None) -> Part:
    digest, size = hashlib.sha256(), 0
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    with open(target or os.devnull, "wb") as out:
        while data := stream.read(_CHUNK):
            digest.update(data)
            size += len(data)
            out.write(data)
        out.flush()
        if target is not None:
            os.fsync(out.fileno())
            target.chmod(member.mode)
    return Part(member.name, size, digest.hexdigest())


def restore(settings: Settings, file: Path, force: bool = False) -> tuple[Manifest, Path | None]:
    """Make a data directory and the database that the settings name from a backup.

    Returns what it holds and where the old directory is now.

    The old directory is moved aside and not deleted. What was waiting on the road waits there again.

    Raises:
        ConfigurationError: there is something already (without ``force``), it is in use, or the backup is of another
            kind of database.
        TownwatchError: the backup is damaged; nothing was changed.
    """
    home = settings.data_dir
    occupied = home.is_dir() and any(True for path in home.iterdir() if path.name not in ("lock", "townwatch.toml"))
    if occupied and not force:
        raise ConfigurationError(
            f"{home} 里已有数据，请换一个 --data 目录，或加 --force（旧的会移到旁边保留）"
            f" · {home} is not empty: take another --data, or --force (what is there is moved aside and kept)."
        )
    if occupied:
        with locked(home):
            pass
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        room = Path(tempfile.mkdtemp(prefix=f"{home.name}.restoring-", dir=home.parent))
        try:
            manifest = read(file, room)
            kind = "sqlite" if settings.database_url.startswith("sqlite") else "postgresql"
            if manifest.kind != kind:
                raise ConfigurationError(
                    f"这份备份的数据库是 {manifest.kind}，设置里是 {kind}，请用 --database 指明同类的"
                    f" · The backup is of {manifest.kind} and the settings name {kind}: name one with --database."
                )
            made = room / "made"
            made.mkdir()
            if (room / FILES).is_dir():
                for path in (room / FILES).iterdir():
                    path.rename(made / path.name)
            _restore_database(settings, manifest, room, made, force)
            old = _swap(home, made)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(
            f"恢复不到 {home}（{error.strerror or error}），请检查空间和权限"
            f" · It cannot be restored to {home} ({error.strerror or error}): check space and permissions."
        ) from None
    return manifest, old


def put_back(settings: Settings, file: Path, force: bool = False) -> int:
    """The last step of a restoration: what waited on the road waits there again. Returns the events.

    Raises:
        ConfigurationError: the Redis that the settings name holds other records (without ``force``).
    """
    with tempfile.TemporaryDirectory(prefix="townwatch-restore-") as room:
        read(file, Path(room))
        entries = _waiting.decode((Path(room) / ROAD).read_bytes())
    with redis_server.attached(settings) as joined:
        client = redis_server.client_of(joined.redis_url)
        try:
            stream = Stream(client, settings.partitions, settings.stream_limit)
            return _put_back(stream, entries, force)
        finally:
            client.close()


def _put_back(stream: Stream, entries: list[Waiting], force: bool) -> int:
    servers = stream.servers
    there = sum(stream.counts())
    if there and not force:
        raise ConfigurationError(
            f"这个 Redis 里还有 {there} 条别的记录，请换一个，或加 --force 清掉"
            f" · This Redis holds {there} other records: take another, or --force to drop them."
        )
    for server in servers.every():
        keys: list[bytes] = servers.ask(partial(_keys, server))
        for found in keys:
            servers.ask(partial(server.delete, found))
    stream._gauge = (0.0, 0)
    done = 0
    for entry in entries:
        if entry.partition < 0:
            servers.ask(partial(servers.at(DEAD).xadd, DEAD, {"d": entry.body}))
            continue
        try:
            events = decode_events(entry.body)
        except msgspec.DecodeError:
            # Unreadable then and now: the worker parks it as a dead letter, as it would have.
            place = entry.partition % stream.partitions
            server = servers.at(partition_key(place))
            servers.ask(partial(server.xadd, partition_key(place), {"e": entry.body, "n": entry.count}))
            servers.ask(partial(server.incrby, count_key(place), entry.count))
            continue
        # By the subject again: the number of partitions may be another now.
        stream.append(events, (), entry.batch)
        done += len(events)
    return done


def _keys(server: redis.Redis) -> list[bytes]:
    return list(server.scan_iter("tw:*"))


def _swap(home: Path, made: Path) -> Path | None:
    """Put the new directory in the place of the old one; where the old one is now."""
    old: Path | None = None
    if home.exists():
        if any(True for path in home.iterdir() if path.name not in ("lock", "townwatch.toml")):
            number = 1
            while home.with_name(f"{home.name}.before-{number}").exists():
                number += 1
            old = home.rename(home.with_name(f"{home.name}.before-{number}"))
        else:
            for name in ("townwatch.toml",):
                if (home / name).exists() and not (made / name).exists():
                    shutil.copy2(home / name, made / name)
            shutil.rmtree(home)
    made.rename(home)
    _sync(home.parent)
    return old


def _restore_database(settings: Settings, manifest: Manifest, room: Path, made: Path, force: bool) -> None:
    if manifest.kind == "sqlite":
        path = room / DATABASE
        with contextlib.closing(sqlite3.connect(path)) as copy:
            _compare(manifest, _sqlite_rows(copy))
            for statement in NOBODY:
                copy.execute(statement)
            copy.commit()
        own = settings.database_url == f"sqlite:///{settings.data_dir / DATABASE}"
        target = made / DATABASE if own else Path(settings.database_url.removeprefix("sqlite:///"))
        if not own and target.exists() and not force:
            raise ConfigurationError(
                f"{target} 已经存在，请换一个数据库，或加 --force · {target} exists: name another, or --force."
            )
        if not own:
            for end in ("-wal", "-shm"):
                target.with_name(target.name + end).unlink(missing_ok=True)
        shutil.move(path, target)
        return
    engine = truth.open_engine(settings.database_url)
    try:
        _load_postgres(engine, manifest, room, force)
    finally:
        engine.dispose()


def _load_postgres(engine: Engine, manifest: Manifest, room: Path, force: bool) -> None:
    from dashboard.stores.postgres import PostgreSQL, month_of

    history = truth.History(engine)
    if truth.migration(engine) is not None:
        with history.reading() as connection:
            rows = connection.scalar(select(func.count()).select_from(t.event))
        if rows and not force:
            raise ConfigurationError(
                f"数据库里已有 {rows} 条记录，请换一个空的，或加 --force（会清掉它们）"
                f" · The database holds {rows} records: name an empty one, or --force (they are dropped)."
            )
        _drop_all(engine)
    schema.migrate_to(engine, PostgreSQL(), manifest.migration)
    with history.writing() as connection:
        raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        known = {table.name: table for table in t.METADATA.sorted_tables}
        with raw.cursor() as cursor:
            for name, columns in manifest.columns.items():
                if name not in known:
                    raise ConfigurationError(f"备份里有本版本没有的表 {name} · This version has no table {name}.")
                if name == "event":
                    days = _days(room / (TABLES + name), columns.index("day"))
                    history.dialect.make_room(connection, {day for day in days if month_of(day) >= 0})
                if name == "ledger":
                    cursor.execute("DELETE FROM ledger")
                names = sql.SQL(", ").join(map(sql.Identifier, columns))
                statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(name), names)
                with open(room / (TABLES + name), "rb") as source, cursor.copy(statement) as copy:
                    while data := source.read(_CHUNK):
                        copy.write(data)
            for table in known.values():
                for column in table.primary_key.columns:
                    if isinstance(column.type, Integer) and column.autoincrement is True:
                        cursor.execute(
                            sql.SQL(
                                "SELECT setval(s, greatest((SELECT max({c}) FROM {t}), 1),"
                                " EXISTS (SELECT 1 FROM {t})) FROM pg_get_serial_sequence({n}, {m}) AS s"
                                " WHERE s IS NOT NULL"
                            ).format(
                                c=sql.Identifier(column.name),
                                t=sql.Identifier(table.name),
                                n=sql.Literal(table.name),
                                m=sql.Literal(column.name),
                            )
                        )
        found = {
            name: int(connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one())  # noqa: S608
            for name in manifest.tables
        }
        _compare(manifest, found | {"known_seq": history.seq(connection)})
        for forget in NOBODY:
            connection.exec_driver_sql(forget)


def _days(path: Path, at: int) -> set[int]:
    with open(path, "rb") as lines:
        return {int(line.split(b"\t")[at]) for line in lines}


def _drop_all(engine: Engine) -> None:
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        t.METADATA.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")


def _compare(manifest: Manifest, found: Mapping[str, int]) -> None:
    """Make sure that what was restored is what was backed up."""
    wanted = {**manifest.tables, "known_seq": manifest.known_seq}
    wrong = [name for name, rows in wanted.items() if found.get(name) != rows]
    if wrong:
        raise TownwatchError(
            f"恢复出来的 {'、'.join(wrong)} 与备份时不同，请换一份备份"
            f" · {', '.join(wrong)} restored is not what was backed up: take another backup."
        )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def described(manifest: Manifest) -> str:
    """A line about what a backup holds."""
    events = manifest.tables.get("event", 0)
    return (
        f"{events} 个版本的记录，路上 {manifest.waiting} 条，{len(manifest.parts)} 个部分都核对过"
        f" · {events} stored versions, {manifest.waiting} on the road, {len(manifest.parts)} parts, all checked"
    )


__all__ = ["Manifest", "StoreUnavailable", "backup", "described", "put_back", "read", "restore"]
