"""Imports of tables in SQL: remembered column mappings, and what each import holds and did.

Knows nothing of feeds or cells. None of this is a figure, so none of it takes the ledger's lock.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import OperationalError

from dashboard.domain.event import Event
from dashboard.domain.imports import Report, Run, RunState
from dashboard.errors import StoreUnavailable
from dashboard.stores.history import History, Version
from dashboard.stores.tables import column_mapping as m
from dashboard.stores.tables import event_key
from dashboard.stores.tables import import_run as r

STUCK_MS = 2 * 60_000
"""A commit that has said nothing for so long has died with its process and may be begun again."""

_CHUNK = 400
_versions = msgspec.msgpack.Decoder(list[Version])
_report = msgspec.msgpack.Decoder(Report)


class Touched(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that an import made (``added``) or corrected: its id, what it said, as which revision."""

    id: str
    added: bool
    digest: int
    rev: int
    received_at: int


class ColumnMapping(msgspec.Struct, frozen=True):
    """What the columns of a source's tables with a certain set of headers mean."""

    source: str
    feed: str
    headers: str
    columns: dict[str, str]
    """Header -> field, empty for a column that is not imported."""
    updated_at: int
    updated_by: str


_touched = msgspec.msgpack.Decoder(list[Touched])
_HEAD = (r.c.id, r.c.uploader, r.c.state, r.c.created_at, r.c.finished_at, r.c.expires_at, r.c.voided, r.c.kept)


class ImportStore:
    """Reads and writes of imports. Safe to share between threads."""

    def __init__(self, history: History) -> None:
        self.history = history

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
                yield connection
        except OperationalError as error:
            raise StoreUnavailable(f"数据库没有应答（{error.orig}），恢复后会自动继续") from error

    # --- mappings --------------------------------------------------------------------------------------------------

    def recall(self, source: str, feed: str, headers: str) -> ColumnMapping | None:
        """What was said of a set of headers."""
        found = self.mappings(source, feed, headers)
        return found[0] if found else None

    def mappings(self, source: str | None, feed: str | None = None, headers: str | None = None) -> list[ColumnMapping]:
        """Remembered mappings, the last changed first; ``source`` ``None`` is every source's."""
        statement = select(m).order_by(m.c.updated_at.desc())
        for column, wanted in ((m.c.source, source), (m.c.feed, feed), (m.c.headers, headers)):
            if wanted is not None:
                statement = statement.where(column == wanted)
        with self.history.reading() as connection:
            rows = list(connection.execute(statement))
        return [
            ColumnMapping(row.source, row.feed, row.headers, json.loads(row.columns), row.updated_at, row.updated_by)
            for row in rows
        ]

    def remember(self, mapping: ColumnMapping) -> None:
        """Keep a mapping in the place of what was said before."""
        key = (m.c.source == mapping.source, m.c.feed == mapping.feed, m.c.headers == mapping.headers)
        values = {
            "columns": json.dumps(mapping.columns, ensure_ascii=False),
            "updated_at": mapping.updated_at,
            "updated_by": mapping.updated_by,
        }
        with self._writing() as connection:
            connection.execute(delete(m).where(*key))
            connection.execute(
                insert(m).values(source=mapping.source, feed=mapping.feed, headers=mapping.headers, **values)
            )

    def forget(self, source: str, feed: str, headers: str) -> bool:
        """Forget a mapping; whether there was one."""
        with self._writing() as connection:
            done = connection.execute(delete(m).where(m.c.source == source, m.c.feed == feed, m.c.headers == headers))
        return bool(done.rowcount)

    # --- imports ---------------------------------------------------------------------------------------------------

    def add(self, run: Run, content: bytes) -> None:
        """Keep a checked import."""
        with self._writing() as connection:
            connection.execute(
                insert(r).values(
                    id=run.id,
                    feed=run.report.feed,
                    source=run.report.source,
                    uploader=run.uploader,
                    state=run.state,
                    created_at=run.created_at,
                    changed_at=run.created_at,
                    expires_at=run.expires_at,
                    settled=True,
                    voided=0,
                    kept=0,
                    report=msgspec.msgpack.encode(run.report),
                    content=zlib.compress(content, 1),
                )
            )

    def get(self, name: str) -> Run | None:
        """An import by its id."""
        with self.history.reading() as connection:
            row = connection.execute(select(*_HEAD, r.c.report).where(r.c.id == name)).one_or_none()
        return None if row is None else _run(row)

    def listed(self, uploader: str | None, limit: int, feed: str | None = None) -> list[Run]:
        """Imports that went in, newest first; ``uploader`` ``None`` is everybody's."""
        statement = select(*_HEAD, r.c.report).where(r.c.state.in_(("done", "withdrawn")))
        if uploader is not None:
            statement = statement.where(r.c.uploader == uploader)
        if feed is not None:
            statement = statement.where(r.c.feed == feed)
        with self.history.reading() as connection:
            rows = list(connection.execute(statement.order_by(r.c.created_at.desc()).limit(limit)))
        return [_run(row) for row in rows]

    def content(self, name: str) -> bytes | None:
        """The cells of an import; ``None`` once they are gone."""
        with self.history.reading() as connection:
            found = connection.scalar(select(r.c.content).where(r.c.id == name))
        return None if found is None else zlib.decompress(found)

    def touched(self, name: str) -> list[Touched]:
        """The records that an import made or corrected."""
        with self.history.reading() as connection:
            found = connection.scalar(select(r.c.touched).where(r.c.id == name))
        return [] if found is None else _touched.decode(zlib.decompress(found))

    def move(self, name: str, from_: Sequence[RunState], to: RunState, now: int) -> bool:
        """Change an import's state if it is one of ``from_``; whether it was. A commit that died may be taken over."""
        stuck = (r.c.state == "committing") & (r.c.changed_at < now - STUCK_MS)
        allowed = or_(r.c.state.in_(tuple(from_)), stuck) if "checked" in from_ else r.c.state.in_(tuple(from_))
        with self._writing() as connection:
            done = connection.execute(update(r).where(r.c.id == name, allowed).values(state=to, changed_at=now))
        return bool(done.rowcount)

    def save(
        self,
        name: str,
        *,
        report: Report | None = None,
        content: bytes | None = None,
        touched: Sequence[Touched] | None = None,
        **values: Any,
    ) -> None:
        """Change what is kept of an import; ``values`` are columns of the table."""
        if report is not None:
            values |= {"report": msgspec.msgpack.encode(report), "source": report.source, "feed": report.feed}
        if content is not None:
            values["content"] = zlib.compress(content, 1)
        if touched is not None:
            values["touched"] = zlib.compress(msgspec.msgpack.encode(list(touched)), 1)
        with self._writing() as connection:
            connection.execute(update(r).where(r.c.id == name).values(**values))

    def drop(self, name: str, uploader: str) -> None:
        """Forget an import that has not gone in."""
        with self._writing() as connection:
            connection.execute(delete(r).where(r.c.id == name, r.c.uploader == uploader, r.c.state == "checked"))

    def stored(self, source: str, ids: Sequence[str]) -> dict[str, list[Version]]:
        """Stored versions of a source's records by id; unknown records are absent. Locks nothing."""
        found: dict[str, list[Version]] = {}
        wanted = list(dict.fromkeys(ids))
        k = event_key.c
        with self.history.reading() as connection:
            for start in range(0, len(wanted), _CHUNK):
                statement = select(k.id, k.versions).where(k.source == source, k.id.in_(wanted[start : start + _CHUNK]))
                found |= {row.id: _versions.decode(row.versions) for row in connection.execute(statement)}
        return found

    def events(self, versions: Sequence[Version]) -> dict[int, Event]:
        """The events of stored versions by their ``seq``."""
        with self.history.reading() as connection:
            found = self.history.events_by_seq(connection, [version.seq for version in versions])
        return {seq: event for seq, (_, event) in found.items()}

    def unsettled(self, source: str, feed: str) -> list[tuple[str, list[Touched]]]:
        """Imports of a source whose records may still be on the road: (id, touched), oldest first."""
        statement = (
            select(r.c.id, r.c.touched)
            .where(r.c.settled.is_(False), r.c.source == source, r.c.feed == feed, r.c.touched.isnot(None))
            .order_by(r.c.created_at)
        )
        with self.history.reading() as connection:
            rows = list(connection.execute(statement))
        return [(row.id, _touched.decode(zlib.decompress(row.touched))) for row in rows]

    def purge(self, now: int) -> None:
        """Let go of the cells whose time is over, and of checks that nobody committed."""
        with self._writing() as connection:
            connection.execute(delete(r).where(r.c.state == "checked", r.c.expires_at <= now))
            connection.execute(
                update(r).where(r.c.content.isnot(None), r.c.expires_at <= now).values(content=None, expires_at=None)
            )


def _run(row: Any) -> Run:
    values = row._mapping
    return Run(
        id=values["id"],
        uploader=values["uploader"],
        state=values["state"],
        created_at=values["created_at"],
        report=_report.decode(values["report"]),
        finished_at=values["finished_at"],
        expires_at=values["expires_at"],
        voided=values["voided"],
        kept=values["kept"],
    )
