"""Old records to Parquet, and then out of the database, while everything runs; no figure changes by it.

Days are moved whole and in order, of the feeds whose states are those of a day: positions and readings, nearly all of
the volume. Cases, rosters and tallies stay, whose subjects have one state for life: what becomes of a case tomorrow
depends on how it began. A day leaves the database only after its states have been folded again from the very file that
was written, and are the stored ones. States and keys stay, so every figure of every day stays; what cannot be asked any
more (a day's course, its records) says so.

What is written is what the database held: never a name, a phone number or an identity number, which never came in.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update

from dashboard.archetypes import LIFE, engine_of
from dashboard.domain.day import iso
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed
from dashboard.errors import ConfigurationError, TownwatchError
from dashboard.feeds import STREAMS
from dashboard.stores import tables as t
from dashboard.stores.history import History
from geodata.library import RegionBook

MANIFEST = "manifest.json"
_CHUNK = 20_000
_event = msgspec.msgpack.Decoder(Event)
_json = msgspec.json.Encoder()


class Kept(msgspec.Struct, frozen=True):
    """One file of the archive: local days ``first`` to ``last`` of a feed, with its rows and SHA-256."""

    feed: str
    month: int
    first: int
    last: int
    rows: int
    bytes: int
    sha256: str
    path: str


Tell = Callable[[str], None]


def archivable(feed: Feed) -> bool:
    """Whether a feed's days stand by themselves."""
    return engine_of(feed).bucket(20200101) != LIFE


def archive(
    history: History, book: RegionBook, before: int, to: Path, now: int, tell: Tell = lambda text: None
) -> list[Kept]:
    """Move every record of local days before ``before`` into Parquet files under ``to``; returns the new files.

    Raises:
        ConfigurationError: the folder cannot be written.
        TownwatchError: a day's file does not give the stored states; it and later days of its feed stay where they are.
        StoreUnavailable: the database does not answer; what was moved is moved, and another run goes on.
    """
    made: list[Kept] = []
    try:
        to.mkdir(parents=True, exist_ok=True)
        for name, feed in STREAMS.items():
            if not archivable(feed):
                continue
            _finish(history, name)
            for month, days in _months(history, name, before).items():
                kept = _export(history, feed, month, days, to)
                _prove(history, book, feed, kept, to)
                _register(history, kept)
                _remove(history, kept, now, to)
                made.append(kept)
                tell(f"{name} {month // 100}-{month % 100:02d}  {kept.rows}  {kept.path}")
        _manifest(history, to)
    except OSError as error:
        raise ConfigurationError(
            f"归档写不到 {to}（{error.strerror or error}），请检查空间和权限"
            f" · The archive cannot be written to {to} ({error.strerror or error}): check space and permissions."
        ) from None
    return made


def _months(history: History, feed: str, before: int) -> dict[int, list[int]]:
    e = t.event.c
    with history.reading() as connection:
        statement = select(e.day).where(e.feed == feed, e.day > 0, e.day < before).distinct().order_by(e.day)
        found: dict[int, list[int]] = {}
        for day in connection.scalars(statement):
            found.setdefault(day // 100, []).append(day)
    return found


def _export(history: History, feed: Feed, month: int, days: list[int], to: Path) -> Kept:
    """Write one month's days of a feed, a row group a day or more, zstd."""
    import pyarrow
    import pyarrow.parquet

    folder = to / feed.name
    folder.mkdir(exist_ok=True)
    number = 1
    while (path := folder / (f"{month}.parquet" if number == 1 else f"{month}-{number}.parquet")).exists():
        number += 1
    fresh = path.with_name(path.name + ".part")
    schema = pyarrow.schema(
        [
            ("seq", pyarrow.int64()),
            ("day", pyarrow.int32()),
            ("source", pyarrow.string()),
            ("id", pyarrow.string()),
            ("rev", pyarrow.int64()),
            ("received_at", pyarrow.int64()),
            ("at", pyarrow.int64()),
            ("at_iso", pyarrow.string()),
            ("town", pyarrow.string()),
            ("subject", pyarrow.string()),
            ("lon", pyarrow.float64()),
            ("lat", pyarrow.float64()),
            ("void", pyarrow.bool_()),
            ("nothing", pyarrow.bool_()),
            ("ended", pyarrow.int64()),
            ("fields", pyarrow.string()),
            ("body", pyarrow.binary()),
        ]
    )
    rows = 0
    with pyarrow.parquet.ParquetWriter(fresh, schema, compression="zstd") as writer:
        for chunk in _rows(history, feed.name, days):
            writer.write_table(pyarrow.Table.from_pylist(chunk, schema))
            rows += len(chunk)
    with open(fresh, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    fresh.rename(path)
    return Kept(feed.name, month, days[0], days[-1], rows, path.stat().st_size, digest, path.relative_to(to).as_posix())


def _rows(history: History, feed: str, days: list[int]) -> Iterator[list[dict[str, Any]]]:
    e = t.event.c
    for day in days:
        after = 0
        while True:
            with history.reading() as connection:
                statement = (
                    select(e.seq, e.ended, e.body)
                    .where(e.feed == feed, e.day == day, e.seq > after)
                    .order_by(e.seq)
                    .limit(_CHUNK)
                )
                found = list(connection.execute(statement))
            if not found:
                break
            after = found[-1].seq
            yield [_row(row.seq, day, row.ended, row.body) for row in found]


def _row(seq: int, day: int, ended: int | None, body: bytes) -> dict[str, Any]:
    event = _event.decode(body)
    return {
        "seq": seq,
        "day": day,
        "source": event.source,
        "id": event.id,
        "rev": event.rev,
        "received_at": event.received_at,
        "at": event.at,
        "at_iso": iso(event.at),
        "town": event.town,
        "subject": event.subject,
        "lon": event.lon,
        "lat": event.lat,
        "void": event.void,
        "nothing": event.nothing,
        "ended": ended,
        "fields": _json.encode(event.fields).decode(),
        "body": body,
    }


def read(path: Path, day: int) -> list[tuple[int, int | None, Event]]:
    """(seq, ended, event) of one local day from a file of the archive, in the order of ``seq``."""
    import pyarrow.parquet

    columns = ["seq", "ended", "body"]
    found = pyarrow.parquet.read_table(path, columns=columns, filters=[("day", "=", day)]).to_pydict()
    events = map(_event.decode, found["body"])
    return sorted(zip(found["seq"], found["ended"], events, strict=True), key=lambda row: row[0])


def days_in(path: Path) -> dict[int, tuple[int, int, int]]:
    """Local day -> (rows, sum of ``seq``, sum of ``ended``) of a file: the database must have the same to the end."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path, columns=["day", "seq", "ended"])
    told = table.group_by("day").aggregate([("seq", "count"), ("seq", "sum"), ("ended", "sum")]).to_pydict()
    return {
        day: (rows, total, ended or 0)
        for day, rows, total, ended in zip(
            told["day"], told["seq_count"], told["seq_sum"], told["ended_sum"], strict=True
        )
    }


def _prove(history: History, book: RegionBook, feed: Feed, kept: Kept, to: Path) -> None:
    """Fold every day again from the file, and compare with what is stored.

    Raises:
        TownwatchError: another state comes out; nothing was removed.
    """
    engine = engine_of(feed)
    for day in sorted(days_in(to / kept.path)):
        subjects: dict[str, list[Event]] = {}
        for _, ended, event in read(to / kept.path, day):
            if ended is None and not event.void:
                subjects.setdefault(event.subject, []).append(event)
        with history.reading() as connection:
            stored = {subject: data for subject, _, data in history.states_since(connection, feed.name, day, 0)}
        for subject in subjects.keys() | stored.keys():
            state = engine.new()
            engine.fold(state, sorted(subjects.get(subject, []), key=lambda one: one.order), book(day))
            same = subject in stored and engine.decode(stored[subject]) == engine.decode(engine.encode(state))
            if not same:
                raise TownwatchError(
                    f"{feed.name} {day} 的记录与存下的结果对不上（{subject}），没有移走，请先运行 rebuild"
                    f" · Records of {feed.name} {day} do not give the stored states ({subject}): nothing was removed, "
                    "rebuild first."
                )


def _register(history: History, kept: Kept) -> None:
    with history.writing() as connection:
        connection.execute(insert(t.archive_file), msgspec.structs.asdict(kept))


def _finish(history: History, feed: str) -> None:
    """What an earlier run wrote and did not come to remove is written again: records may have changed since."""
    f = t.archive_file.c
    with history.writing() as connection:
        limit = history.archived(connection).get(feed, 0)
        for row in list(connection.execute(select(t.archive_file).where(f.feed == feed, f.last >= limit))):
            if row.first >= limit:
                connection.execute(delete(t.archive_file).where(f.path == row.path))
            elif row.last >= limit:
                connection.execute(update(t.archive_file).where(f.path == row.path).values(last=limit - 1))


def _remove(history: History, kept: Kept, now: int, to: Path) -> None:
    e = t.event.c
    wanted = days_in(to / kept.path)
    for day in sorted(wanted):
        with history.writing() as connection:
            there = connection.execute(
                select(func.count(), func.coalesce(func.sum(e.seq), 0), func.coalesce(func.sum(e.ended), 0)).where(
                    e.feed == kept.feed, e.day == day
                )
            ).one()
            if tuple(map(int, there)) != wanted[day]:
                raise TownwatchError(
                    f"{kept.feed} {day} 在归档时又有记录变动，这一天没有移走，请再运行一次"
                    f" · Records of {kept.feed} {day} changed while they were archived: run it once more."
                )
            connection.execute(delete(t.event).where(e.feed == kept.feed, e.day == day))
            history.set_archived(connection, kept.feed, day + 1)
            # A number of its own: every worker notices that something is otherwise.
            history.close_batch(connection, history.seq(connection) + 1, now)


def _manifest(history: History, to: Path) -> None:
    with history.reading() as connection:
        f = t.archive_file.c
        statement = select(t.archive_file).order_by(f.feed, f.month, f.path)
        rows = [dict(row._mapping) for row in connection.execute(statement)]
    fresh = to / (MANIFEST + ".part")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode({"format": 1, "files": rows})) + b"\n")
    fresh.replace(to / MANIFEST)


def check(to: Path) -> list[str]:
    """Files of an archive that are missing or not as they were written, by the manifest."""
    told = msgspec.json.decode((to / MANIFEST).read_bytes())
    wrong = []
    for one in told["files"]:
        path = to / one["path"]
        if not path.is_file():
            wrong.append(f"{one['path']} 不见了 · is missing")
            continue
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != one["sha256"]:
                wrong.append(f"{one['path']} 与写入时不同 · is not as it was written")
    return wrong


def missing(to: Path) -> list[str]:
    """Files that the manifest names and that are not there; nothing is read."""
    told = msgspec.json.decode((to / MANIFEST).read_bytes())
    return [one["path"] for one in told["files"] if not (to / one["path"]).is_file()]


__all__ = ["Kept", "archivable", "archive", "check", "days_in", "missing", "read"]
