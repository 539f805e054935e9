"""The audit: who did what, when, to what, with what outcome. Rows are added and never changed.

Each row carries the SHA-256 of itself and of the row before it, so that a changed, removed or inserted row breaks the
chain where it is. The newest row is anchored in ``audit.head`` in the data directory too, so that cutting off the tail
is found. Writers of any number of processes add to one chain: they take turns by the database's own lock.

An act is noted *before* it is done, and its row says ``done``; when it is refused or fails after that, a second row
says so. So the audit may tell of an act that did not happen, and never misses one that did. When the database is away
the act is refused. No personal data: phone numbers, identity numbers and tokens are masked in every text.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Engine, Row, Select, func, insert, or_, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from dashboard.access.tables import audit as table
from dashboard.clock import machine_ms
from dashboard.domain.privacy import mask
from dashboard.errors import StoreUnavailable
from dashboard.telemetry import masked

log = structlog.get_logger("audit")

HEAD_FILE = "audit.head"
FIRST = "0" * 64
"""What stands before the first row."""
_LOCK = 0x746F776E_61756474
"""The key of PostgreSQL's advisory lock that a writer holds: “townaudt” in ASCII."""
CHUNK = 2000
LIKE_MS = 60_000
"""Refusals and openings that are alike are noted once in this time; the next row says how many there were."""
_LENGTHS = {"who": 80, "what": 200, "town": 40, "outcome": 20}


class Kind(StrEnum):
    """What an act is."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    VIEW = "view"
    CHANGE = "change"
    IMPORT = "import"
    EXPORT = "export"
    SNAPSHOT = "snapshot"
    REVEAL = "reveal"
    TOKEN = "token"  # noqa: S105 - a word
    ACCOUNT = "account"
    ERASE = "erase"
    REFUSED = "refused"


class Entry(msgspec.Struct, frozen=True):
    """One row. ``at`` is ms since 1970 UTC on the world's clock; ``detail`` are further facts, words and numbers."""

    number: int
    at: int
    who: str
    kind: str
    what: str
    town: str
    outcome: str
    detail: dict[str, str | int]
    before: str
    hash: str


class Finding(msgspec.Struct, frozen=True):
    """What is wrong with the chain. ``number``: the row; ``last``: of several, the last."""

    problem: str
    number: int
    last: int
    sentence: str


class Verdict(msgspec.Struct, frozen=True):
    """What verifying found. ``rows`` were read; ``head`` is the newest row's number and hash."""

    rows: int
    head: tuple[int, str]
    anchored: int | None
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


class Wanted(msgspec.Struct, frozen=True):
    """What to search for; an empty field lets everything through. Times in ms, ``last`` exclusive."""

    who: str = ""
    kind: str = ""
    what: str = ""
    town: str = ""
    outcome: str = ""
    first: int = 0
    last: int = 0


class Audit:
    """Writes, searches and verifies the audit. Safe to share between threads; one per process."""

    def __init__(self, engine: Engine, folder: Path | None = None) -> None:
        self.engine, self.folder = engine, folder
        """``folder``: the data directory, where the head is anchored; without one it is not."""
        self._alike: dict[tuple[str, ...], tuple[int, int]] = {}
        self._guard = threading.Lock()

    # -- writing -----------------------------------------------------------------------------------------------------

    def note(
        self,
        now: int,
        who: str,
        kind: Kind | str,
        what: str = "",
        town: str = "",
        outcome: str = "done",
        detail: Mapping[str, str | int] | None = None,
    ) -> int:
        """Add a row and return its number.

        Raises:
            StoreUnavailable: it is not noted, so the act must not be done.
            ValueError: no such kind.
        """
        values = {"who": who, "what": what, "town": town, "outcome": outcome}
        said = {name: _clean(value, _LENGTHS[name]) for name, value in values.items()}
        more = {_clean(key, 40): value if isinstance(value, int) else _clean(value, 500)
                for key, value in (detail or {}).items()}  # fmt: skip
        chosen = Kind(kind).value
        try:
            with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
                number, before = self._newest(connection, hold=True)
                entry = Entry(number + 1, now, said["who"], chosen, said["what"], said["town"], said["outcome"],
                              more, before, "")  # fmt: skip
                digest = digest_of(entry)
                row = msgspec.structs.asdict(entry) | {"detail": _json(more), "hash": digest}
                connection.execute(insert(table).values(**row))
        except StoreUnavailable as away:
            raise StoreUnavailable(f"审计写不进去，这一步没有做：{away.sentence}") from away
        except (OperationalError, DBAPIError) as error:
            raise StoreUnavailable(
                "审计写不进去，这一步没有做，请稍后重试 · The audit cannot be written: not done"
            ) from error
        self._anchor(entry.number, digest)
        return entry.number

    def once(
        self,
        now: int,
        who: str,
        kind: Kind | str,
        what: str = "",
        town: str = "",
        outcome: str = "done",
        detail: Mapping[str, str | int] | None = None,
    ) -> int | None:
        """:meth:`note`, but what is alike is one row a minute; the next row says how many were ``alike`` since.

        For what anybody can repeat at will: refusals, and pages that ask again when their line was lost.
        """
        key, machine = (who, str(kind), what, town, outcome), machine_ms()
        with self._guard:
            begun, count = self._alike.get(key, (0, 0))
            if begun and machine - begun < LIKE_MS:
                self._alike[key] = (begun, count + 1)
                return None
            if len(self._alike) > 5000:
                self._alike.clear()
            self._alike[key] = (machine, 0)
        try:
            return self.note(
                now, who, kind, what, town, outcome, {**(detail or {}), **({"alike": count} if count else {})}
            )
        except BaseException:
            with self._guard:
                self._alike.pop(key, None)
            raise

    def refused(
        self, now: int, who: str, what: str, town: str = "", detail: Mapping[str, str | int] | None = None
    ) -> None:
        """Note that somebody was refused. Who is refused stays refused when it cannot be noted."""
        try:
            self.once(now, who, Kind.REFUSED, what, town, "refused", detail)
        except StoreUnavailable as away:
            log.warning("audit_away", reason=away.sentence)

    def failed(self, now: int, who: str, kind: Kind | str, what: str, town: str, why: str) -> None:
        """Note that an act that was noted was not done after all. It must not hide the error that stopped it."""
        try:
            self.note(now, who, kind, what, town, "failed", {"error": why})
        except StoreUnavailable as away:
            log.warning("audit_away", reason=away.sentence)

    def _newest(self, connection: Connection, hold: bool = False) -> tuple[int, str]:
        if hold and self.engine.dialect.name == "postgresql":
            # SQLite's writers are one at a time anyway; here the chain's writers wait for each other alone.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        row = connection.execute(
            select(table.c.number, table.c.hash).order_by(table.c.number.desc()).limit(1)
        ).one_or_none()
        return (0, FIRST) if row is None else (int(row.number), str(row.hash))

    # -- the anchor --------------------------------------------------------------------------------------------------

    def _anchor(self, number: int, digest: str) -> None:
        if self.folder is None:
            return
        path = self.folder / HEAD_FILE
        try:
            with open(path, "a+", encoding="ascii") as file:
                # Whoever commits later may come here first: the head only ever moves forward.
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                if number > _anchor_in(file.read())[0]:
                    # One write of one fixed length: a reader sees the old head or the new one.
                    line = f"{number:020d} {digest}\n"
                    file.truncate(0)
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            log.error("audit_head_not_written", reason=str(error))

    def anchored(self) -> tuple[int, str] | None:
        """The newest row as the data directory has it; ``None`` without a data directory or file."""
        if self.folder is None:
            return None
        try:
            with open(self.folder / HEAD_FILE, encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                found = _anchor_in(file.read())
        except (OSError, UnicodeDecodeError):
            return None
        return found if found[0] else None

    # -- reading -----------------------------------------------------------------------------------------------------

    def rows(self, wanted: Wanted | None = None, limit: int = 200, below: int = 0) -> list[Entry]:
        """The newest rows that match, newest first; ``below``: only those with a smaller number.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        statement = _where(select(table), wanted or Wanted()).order_by(table.c.number.desc()).limit(limit)
        if below:
            statement = statement.where(table.c.number < below)
        with self._reading() as connection:
            return [_entry(row) for row in connection.execute(statement)]

    def count(self, wanted: Wanted | None = None) -> int:
        """How many rows match."""
        with self._reading() as connection:
            return int(connection.scalar(_where(_count, wanted or Wanted())) or 0)

    def whos(self) -> list[str]:
        """Everybody who has a row, in order."""
        with self._reading() as connection:
            return [row[0] for row in connection.execute(select(table.c.who).distinct().order_by(table.c.who))][:500]

    def head(self) -> tuple[int, str]:
        """The newest row's number and hash; (0, zeros) when there is none."""
        with self._reading() as connection:
            return self._newest(connection)

    def _reading(self) -> _Reading:
        return _Reading(self.engine)

    # -- verifying ---------------------------------------------------------------------------------------------------

    def verify(self, expected: tuple[int, str] | None = None, most: int = 100) -> Verdict:
        """Read every row and say what is wrong with the chain, at most ``most`` findings.

        ``expected``: a number and hash that somebody wrote down elsewhere and that must still be there.
        """
        # Asked first: what is added meanwhile makes the table longer than the anchor, which is no fault.
        anchors = [anchor for anchor in (self.anchored(), expected) if anchor is not None]
        findings: list[Finding] = []
        rows, number, hashed = 0, 0, FIRST
        unmet = dict(anchors)
        for entry in self._all():
            rows += 1
            if entry.number < 1:
                findings.append(_found("inserted", entry.number, entry.number))
                continue
            if entry.number > number + 1:
                findings.append(_found("removed", number + 1, entry.number - 1))
            elif entry.before != hashed:
                # This row stands on another one than the row before it: one of the two was put there afterwards.
                findings.append(_found("replaced", number, entry.number))
            if digest_of(entry) != entry.hash:
                findings.append(_found("changed", entry.number, entry.number))
            if entry.number in unmet and unmet.pop(entry.number) != entry.hash:
                findings.append(_found("rewritten", entry.number, entry.number))
            number, hashed = entry.number, entry.hash
        findings += [_found("truncated", number + 1, missing) for missing in sorted(unmet) if missing > number]
        anchored = self.anchored()
        if self.folder is not None and anchored is None and rows:
            findings.append(_found("unanchored", number, number))
        if not self._protected():
            findings.append(_found("unprotected", 0, 0))
        return Verdict(rows, (number, hashed), None if anchored is None else anchored[0], tuple(findings[:most]))

    def _all(self) -> Iterator[Entry]:
        last: int | None = None
        while True:
            statement = select(table).order_by(table.c.number).limit(CHUNK)
            if last is not None:
                statement = statement.where(table.c.number > last)
            with self._reading() as connection:
                found = [_entry(row) for row in connection.execute(statement)]
            yield from found
            if len(found) < CHUNK:
                return
            last = found[-1].number

    def _protected(self) -> bool:
        """Whether the database still refuses to change rows."""
        with self._reading() as connection:
            if self.engine.dialect.name == "sqlite":
                statement = (
                    "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
                    " AND name IN ('audit_no_update', 'audit_no_delete')"
                )
                return bool(connection.scalar(text(statement)) == 2)
            statement = (
                "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'audit'::regclass"
                " AND tgname IN ('audit_fixed', 'audit_kept') AND tgenabled IN ('O', 'A')"
            )
            return bool(connection.scalar(text(statement)) == 2)


class _Reading:
    """A connection for reading, with a database that is away as the one error that pages know."""

    def __init__(self, engine: Engine) -> None:
        self._connecting = engine.connect

    def __enter__(self) -> Connection:
        try:
            self._connection = self._connecting()
        except OperationalError as error:
            raise StoreUnavailable("数据库没有应答，恢复后会自动继续") from error
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        with suppress(DBAPIError, StoreUnavailable):
            self._connection.close()
        if isinstance(error, OperationalError):
            raise StoreUnavailable("数据库没有应答，恢复后会自动继续") from error


def digest_of(entry: Entry) -> str:
    """SHA-256 over a row and the hash before it: UTF-8 JSON of the values in order, keys of ``detail`` sorted."""
    values = [entry.number, entry.at, entry.who, entry.kind, entry.what, entry.town, entry.outcome, entry.detail,
              entry.before]  # fmt: skip
    return hashlib.sha256(_json(values).encode()).hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _clean(given: str, length: int) -> str:
    """A text as it may be kept: masked, on one line, of a length, and the same bytes in every database."""
    plain = "".join(sign if sign.isprintable() else " " for sign in str(given))
    return masked(mask(plain)).strip()[:length]


def _anchor_in(said: str) -> tuple[int, str]:
    number, _, digest = said.strip().partition(" ")
    return (int(number), digest) if number.isdecimal() and len(digest) == 64 else (0, FIRST)


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    try:
        detail = json.loads(row.detail)
    except ValueError:
        # Somebody changed it by hand: it is told as it is, and its hash no longer fits.
        detail = {"?": str(row.detail)}
    return Entry(row.number, row.at, row.who, row.kind, row.what, row.town, row.outcome,
                 detail if isinstance(detail, dict) else {"?": str(row.detail)}, row.before, row.hash)  # fmt: skip


_count: Select[Any] = select(func.count()).select_from(table)


def _where(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    for name in ("who", "kind", "town", "outcome"):
        if getattr(wanted, name):
            statement = statement.where(table.c[name] == getattr(wanted, name))
    if wanted.what:
        pattern = "%" + "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in wanted.what) + "%"
        statement = statement.where(
            or_(*(column.like(pattern, escape="\\") for column in (table.c.what, table.c.who, table.c.detail)))
        )
    if wanted.first:
        statement = statement.where(table.c.at >= wanted.first)
    if wanted.last:
        statement = statement.where(table.c.at < wanted.last)
    return statement


def _found(problem: str, first: int, last: int) -> Finding:
    one = first == last
    rows, english = (
        (f"第 {first} 行", f"row {first}") if one else (f"第 {first} 到 {last} 行", f"rows {first} to {last}")
    )
    sentence = {
        "changed": f"{rows}被改过 · {english} has been changed",
        "removed": f"{rows}被删除 · {english} {'has' if one else 'have'} been removed",
        "replaced": f"第 {first} 行和第 {last} 行接不上：其中一行是后来放进去的"
        f" · Rows {first} and {last} do not join: one of them was put there afterwards",
        "inserted": f"{rows}是插进去的 · {english} has been inserted",
        "truncated": f"{rows}被截去（数据目录里的 {HEAD_FILE} 记得它们）"
        f" · {english} {'has' if one else 'have'} been cut off ({HEAD_FILE} in the data directory knows them)",
        "rewritten": f"{rows}不是当初记下的那一行，它和之前的行可能被整体改写"
        f" · {english} is not the one that was anchored: it and those before it may have been rewritten",
        "unanchored": f"数据目录里没有 {HEAD_FILE}，截去末尾就发现不了"
        f" · {HEAD_FILE} is missing from the data directory: a cut-off tail cannot be found",
        "unprotected": "数据库不再禁止修改审计表（触发器没有了）"
        " · The database no longer refuses to change the audit (its trigger is gone)",
    }[problem]
    return Finding(problem, first, last, sentence[0].upper() + sentence[1:])
