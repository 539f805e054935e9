"""The truth in SQL: events, keys, projections, and the one transaction in which a batch becomes known.

The same SQL for SQLite and PostgreSQL through SQLAlchemy Core; what each does in its own way is in ``sqlite`` and
``postgres``. Nothing here knows Redis or what a feed means; folding is handed in.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Row,
    Select,
    String,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
    values,
)

from dashboard.domain.event import Event, put_in_order
from dashboard.domain.folding import FOLDING
from dashboard.errors import Archived
from dashboard.stores import tables as t
from dashboard.stores.dialect import Dialect
from dashboard.stores.sqlite import SQLite

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


class Named(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a stored record is called and whose it is: the beginning of its event, read in a third of the time."""

    feed: str
    source: str
    id: str
    town: str


_versions = msgspec.msgpack.Decoder(list[Version])
_pack = msgspec.msgpack.Encoder()
_event = msgspec.msgpack.Decoder(Event)
_named = msgspec.msgpack.Decoder(Named)


@cache
def _since(by_seq: bool) -> Select[Any]:
    """States of a feed's day after a ``seq``. A publication asks this of every day that a figure looks at: putting the
    question together costs more than asking it."""
    p = t.projection.c
    feed, day = (literal_column("+feed"), literal_column("+day")) if by_seq else (p.feed, p.day)
    # A sign before a column keeps SQLite from the key that begins with it: the index of ``seq`` is shorter.
    return select(p.subject, p.seq, p.state).where(
        feed == bindparam("of_feed", type_=String),
        day == bindparam("of_day", type_=Integer),
        p.seq > bindparam("after"),
    )


def _turned(since: int, upto: int) -> ColumnElement[bool]:
    """Versions that ``upto`` knows to count and ``since`` did not, and those of which it is the other way round."""
    e = t.event.c
    came = (e.seq > since) & (e.seq <= upto) & ((e.ended.is_(None)) | (e.ended > upto))
    went = (e.seq <= since) & (e.ended > since) & (e.ended <= upto)
    return came | went


def _parted(rows: Iterable[tuple[int, bytes]], since: int) -> tuple[list[Named], list[Named]]:
    new: list[Named] = []
    old: list[Named] = []
    for seq, body in rows:
        (new if seq > since else old).append(_named.decode(body))
    return new, old


def open_engine(url: str) -> Engine:
    """An engine with the durability that ``accepted`` promises (EXACTNESS 2).

    Raises:
        ConfigurationError: the address cannot be read.
    """
    return _dialect(url.partition(":")[0].partition("+")[0]).open(url)


def migrate(engine: Engine) -> str:
    """Bring the tables to the newest migration and return its number (``stores.schema``)."""
    from dashboard.stores import schema

    return schema.migrate(engine, _dialect(engine.dialect.name))


def migration(engine: Engine) -> str | None:
    """The migration that the database is at."""
    from dashboard.stores import schema

    return schema.migration(engine)


def _dialect(name: str) -> Dialect:
    if name == "sqlite":
        return SQLite()
    # Its driver is loaded only where it is used.
    from dashboard.stores.postgres import POSTGRESQL

    return POSTGRESQL


class History:
    """Reads and writes of the truth. One per process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect = _dialect(engine.dialect.name)
        self.sqlite = engine.dialect.name == "sqlite"
        self.writer = self.dialect.writer(engine)
        self._ahead: list[int] = []

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that holds the ledger: versions become known in commit order (EXACTNESS 7).

        Raises:
            StoreUnavailable: when the database does not answer.
        """
        with (
            self._available(),
            self.writer.connect().execution_options(writing=True) as connection,
            connection.begin(),
        ):
            self.dialect.hold_ledger(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent read.

        Raises:
            StoreUnavailable: when the database does not answer.
        """
        with self._available(), self.engine.connect() as connection:
            if not self.sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While it lasts, no other process migrates this database or folds it again; waits for one that does. Ordinary
        reading and writing go on. On SQLite nobody waits: to fold twice at the same time is only slower.

        Raises:
            StoreUnavailable: when the database does not answer.
        """
        with self._available(), self.dialect.alone(self.engine):
            yield

    @contextmanager
    def _available(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            trouble = self.dialect.trouble(error)
            if trouble is None:
                raise
            raise trouble from error

    # --- keys and versions -----------------------------------------------------------------------------------------

    def versions_of(
        self, connection: Connection, keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Version]]:
        """Stored versions of records by (source, id); unknown records are absent."""
        if not keys:
            return {}
        rows = self.dialect.stored(connection, keys)
        return {(row[0], row[1]): _versions.decode(row[2]) for row in rows}

    def versions_then(self, connection: Connection, keys: Collection[tuple[str, str]]) -> list[list[Version]]:
        """Stored versions of records by (source, id), read without holding them for a writer."""
        k = t.event_key.c
        ids: dict[str, list[str]] = {}
        for source, name in sorted(keys):
            ids.setdefault(source, []).append(name)
        found: list[list[Version]] = []
        for source, names in ids.items():
            for start in range(0, len(names), _CHUNK):
                some = select(k.versions).where(k.source == source, k.id.in_(names[start : start + _CHUNK]))
                found += [_versions.decode(data) for data in connection.scalars(some)]
        return found

    def save_keys(
        self,
        connection: Connection,
        new: Mapping[tuple[str, str], list[Version]],
        changed: Mapping[tuple[str, str], list[Version]],
    ) -> None:
        """Write the version lists of new and of changed records."""
        if new:
            self.dialect.append(connection, t.event_key, [(s, i, _pack.encode(found)) for (s, i), found in new.items()])
        self.dialect.change_keys(connection, [(s, i, _pack.encode(found)) for (s, i), found in changed.items()])

    def add_events(self, connection: Connection, rows: Collection[tuple[int, int, int | None, Event]]) -> None:
        """Append versions given as (seq, local day, ended, event)."""
        if not rows:
            return
        self.dialect.make_room(connection, {day for _, day, _, _ in rows})
        self.dialect.append(
            connection,
            t.event,
            [
                (seq, event.feed, day, event.subject, event.town, event.at, ended, event.void, _pack.encode(event))
                for seq, day, ended, event in rows
            ],
        )

    def end_versions(self, connection: Connection, ended: Mapping[int, int], days: Mapping[int, int]) -> None:
        """Mark versions as superseded: seq -> the seq that took its place; ``days`` are the local days of theirs."""
        self.dialect.end_events(connection, {old: (days[old], new) for old, new in ended.items()})

    def make_ahead(self, day: int, months: int = 2) -> None:
        """Make room for the month of a local day and some to come, so that no record has to wait for it."""
        first = day // 10000 * 12 + day // 100 % 100 - 1
        wanted = [number // 12 * 10000 + (number % 12 + 1) * 100 + 1 for number in range(first, first + months + 1)]
        if wanted != self._ahead:
            with self.writing() as connection:
                self.dialect.make_room(connection, wanted)
            self._ahead = wanted

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
        if day is not None:
            self.refuse_archived(connection, feed, day)
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
        # A row's names are looked up for every row; a row taken apart is not.
        for subject, body in connection.execute(statement):
            if subjects is None or subject in subjects:
                found.setdefault(subject, []).append(_event.decode(body))
        for events in found.values():
            put_in_order(events)
        return found

    def in_time(self, connection: Connection, feed: str, day: int | None) -> list[tuple[int, str, bytes]]:
        """(event time, subject, body) of the effective records of a local day (``None``: of all), oldest first.

        A body takes a fifth of the event that :meth:`event_of` makes of it."""
        if day is not None:
            self.refuse_archived(connection, feed, day)
        e = t.event.c
        statement = select(e.at, e.subject, e.body).where(e.feed == feed, e.ended.is_(None), e.void.is_(False))
        if day is not None:
            statement = statement.where(e.day == day)
        # One text a subject, not one a record.
        names: dict[str, str] = {}
        rows = connection.execute(statement)
        return sorted(
            ((at, names.setdefault(subject, subject), body) for at, subject, body in rows), key=lambda row: row[0]
        )

    @staticmethod
    def event_of(body: bytes) -> Event:
        """The event that a stored body is."""
        return _event.decode(body)

    def events_after(
        self,
        connection: Connection,
        feed: str,
        day: int,
        after: Mapping[str, int],
        upto: int,
        until: int | None = None,
    ) -> dict[str, list[Event]]:
        """Subject -> its records of a local day known after a ``seq`` of its own and effective at ``upto``, in event
        order. ``until``: only those with an event time up to it."""
        e = t.event.c
        effective = [e.seq <= upto, (e.ended.is_(None)) | (e.ended > upto)]
        if until is not None:
            effective.append(e.at <= until)
        found: dict[str, list[Event]] = {}
        for _, subject, body in self._after(connection, feed, day, after, effective):
            found.setdefault(subject, []).append(_event.decode(body))
        for events in found.values():
            put_in_order(events)
        return found

    def ahead(
        self, connection: Connection, feed: str, day: int, after: Mapping[str, int], upto: int, at: int
    ) -> set[tuple[str, str]]:
        """(source, id) of the records that :meth:`events_after` finds with an event time after ``at``."""
        e = t.event.c
        later = [e.seq <= upto, (e.ended.is_(None)) | (e.ended > upto), e.at > at]
        named = (_named.decode(body) for _, _, body in self._after(connection, feed, day, after, later))
        return {(one.source, one.id) for one in named}

    def moved(
        self, connection: Connection, feed: str, day: int, after: Mapping[str, int], since: int, upto: int, at: int
    ) -> tuple[list[Named], list[Named]]:
        """What ``upto`` knows of a local day's records up to the instant ``at`` that ``since`` did not: (versions that
        count since, versions that do so no longer), of those that became known after a ``seq`` of their subject's."""
        turned = [t.event.c.at <= at, _turned(since, upto)]
        return _parted(((seq, body) for seq, _, body in self._after(connection, feed, day, after, turned)), since)

    def moved_ever(
        self, connection: Connection, feed: str, since: int, upto: int, at: int
    ) -> tuple[list[Named], list[Named]]:
        """As :meth:`moved`, of the records of all days: what a case or a roster said stands until more is said."""
        e = t.event.c
        statement = select(e.seq, e.body).where(e.feed == feed, e.void.is_(False), e.at <= at, _turned(since, upto))
        return _parted(((row[0], row[1]) for row in connection.execute(statement)), since)

    def moved_from(self, connection: Connection, feed: str, since: int, upto: int) -> int | None:
        """The earliest event time of a feed's versions that came or went after ``since`` and up to ``upto``; ``None``:
        there are none."""
        e = t.event.c
        came, went = (e.seq > since) & (e.seq <= upto), (e.ended > since) & (e.ended <= upto)
        found: int | None = connection.scalar(select(func.min(e.at)).where(e.feed == feed, came | went))
        return found

    def _after(
        self,
        connection: Connection,
        feed: str,
        day: int,
        after: Mapping[str, int],
        conditions: Sequence[ColumnElement[bool]],
    ) -> Iterator[tuple[int, str, bytes]]:
        """(seq, subject, body) of the versions of a local day that are no withdrawal, of each subject after its seq."""
        e = t.event.c
        pairs = sorted(after.items())
        if pairs:
            self.refuse_archived(connection, feed, day)
        for start in range(0, len(pairs), _CHUNK):
            # The index leads to each subject's own versions after its own ``seq``; the least of all would read days.
            wanted = (
                values(column("subject", String), column("known", BigInteger), name="wanted")
                .data(pairs[start : start + _CHUNK])
                .cte("wanted")
            )
            own = wanted.join(t.event, (e.subject == wanted.c.subject) & (e.seq > wanted.c.known))
            statement = (
                select(e.seq, e.subject, e.body)
                .select_from(own)
                .where(e.feed == feed, e.day == day, e.void.is_(False), *conditions)
            )
            yield from ((row[0], row[1], row[2]) for row in connection.execute(statement))

    def versions_of_subject(
        self, connection: Connection, feed: str, subject: str, upto: int
    ) -> list[tuple[Event, int | None]]:
        """Every version known up to ``upto`` that named a subject, in order of arrival, and the seq that ended it."""
        statement = (
            select(t.event.c.body, t.event.c.ended)
            .where(t.event.c.feed == feed, t.event.c.subject == subject, t.event.c.seq <= upto)
            .order_by(t.event.c.seq)
        )
        return [
            (_event.decode(row.body), row.ended if row.ended is not None and row.ended <= upto else None)
            for row in connection.execute(statement)
        ]

    # --- the archive -----------------------------------------------------------------------------------------------

    def archived(self, connection: Connection) -> dict[str, int]:
        """Feed -> the first local day whose records are still here; feeds of which nothing was archived are absent."""
        return {row.feed: row.before for row in connection.execute(select(t.archive_limit))}

    def set_archived(self, connection: Connection, feed: str, before: int) -> None:
        """Note that a feed's records of local days before ``before`` are in files."""
        done = connection.execute(update(t.archive_limit).where(t.archive_limit.c.feed == feed).values(before=before))
        if not done.rowcount:
            connection.execute(insert(t.archive_limit), {"feed": feed, "before": before})

    def refuse_archived(self, connection: Connection, feed: str, day: int) -> None:
        """Make sure that a local day's records are still here.

        Raises:
            Archived: they are not, and nothing may be computed from what is left of them.
        """
        limit = self.archived(connection).get(feed, 0)
        if 0 < day < limit:
            raise Archived(feed, day, limit)

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
        rows = [(feed, day, subject, seq, state) for (feed, day, subject), state in states.items()]
        self.dialect.save_states(connection, rows)

    def states_since(self, connection: Connection, feed: str, day: int, seq: int) -> list[tuple[str, int, bytes]]:
        """(subject, seq, state) of one feed's local day written after ``seq``.

        Ask for all (0), or for what came since the ledger stood at ``seq`` when it was last asked: few states then, of
        whatever feed, while a life's feed has as many as there ever were cases.
        """
        rows = connection.execute(_since(bool(seq) and self.sqlite), {"of_feed": feed, "of_day": day, "after": seq})
        return [(subject, known, state) for subject, known, state in rows]

    def changed_since(self, connection: Connection, seq: int) -> list[tuple[str, int, str]]:
        """(feed, day, subject) of the states written after ``seq``."""
        p = t.projection.c
        rows = connection.execute(select(p.feed, p.day, p.subject).where(p.seq > seq))
        return [(row.feed, row.day, row.subject) for row in rows]

    def mark_states(self, connection: Connection, states: Mapping[tuple[str, int, str], bytes], seq: int) -> None:
        """Keep states as they are at ``seq``, for later questions about that moment."""
        rows = [
            {"feed": feed, "day": day, "subject": subject, "seq": seq, "state": zlib.compress(state, 1)}
            for (feed, day, subject), state in states.items()
        ]
        if rows:
            connection.execute(insert(t.projection_then), rows)

    def forget_marks(
        self, connection: Connection, feed: str, day: int, subjects: Collection[str] | None = None
    ) -> None:
        """Forget earlier states of a feed's local day, because its records are effective or folded otherwise now."""
        m = t.projection_then.c
        of_day = delete(t.projection_then).where(m.feed == feed, m.day == day)
        if subjects is None:
            connection.execute(of_day)
            return
        wanted = sorted(subjects)
        for start in range(0, len(wanted), _CHUNK):
            connection.execute(of_day.where(m.subject.in_(wanted[start : start + _CHUNK])))

    def forget_all_marks(self, connection: Connection) -> None:
        """Forget every earlier state that was kept."""
        connection.execute(delete(t.projection_then))

    def marked(self, connection: Connection, feed: str, day: int, upto: int) -> dict[str, tuple[int, bytes]]:
        """Subject -> (seq, state) of the latest state kept of a local day at or before ``upto``.

        No record that was effective at that ``seq`` has been superseded since.
        """
        m = t.projection_then.c
        latest = (
            select(m.subject.label("subject"), func.max(m.seq).label("seq"))
            .where(m.feed == feed, m.day == day, m.seq <= upto)
            .group_by(m.subject)
            .subquery()
        )
        statement = select(m.subject, m.seq, m.state).join(
            latest, (latest.c.subject == m.subject) & (latest.c.seq == m.seq)
        )
        rows = connection.execute(statement.where(m.feed == feed, m.day == day))
        return {row.subject: (row.seq, zlib.decompress(row.state)) for row in rows}

    def marks_of(self, connection: Connection, feed: str, day: int, upto: int) -> dict[str, int]:
        """Subject -> ``seq`` of the latest state that :meth:`marked` would find."""
        m = t.projection_then.c
        statement = (
            select(m.subject, func.max(m.seq)).where(m.feed == feed, m.day == day, m.seq <= upto).group_by(m.subject)
        )
        return {row[0]: row[1] for row in connection.execute(statement)}

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

    def folded_by(self, connection: Connection) -> int | None:
        """By which folding all states were made, if that was noted."""
        return connection.scalar(select(t.folding.c.number))

    def folded_otherwise(self) -> bool:
        """Whether another version of the program folded what is stored. A new database is noted as this one's.

        Raises:
            StoreUnavailable: when the database does not answer.
        """
        with self.reading() as connection:
            number, seq = self.folded_by(connection), self.seq(connection)
        if seq or number == FOLDING:
            return number != FOLDING
        with self.writing() as connection:
            self.note_folded(connection, FOLDING)
        return False

    def note_folded(self, connection: Connection, number: int) -> None:
        """All states are made by this folding."""
        connection.execute(delete(t.folding))
        connection.execute(insert(t.folding).values(one=1, number=number))

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
