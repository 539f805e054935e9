"""What each kind of database does in its own way; the rest of ``stores`` is the same SQL for all.

``sqlite`` and ``postgres`` carry it out. Nothing here knows events or feeds: rows are plain values, bodies are bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from dashboard.errors import ConfigurationError, StoreUnavailable

Key = tuple[str, str]
"""(source, id)."""


class Dialect(Protocol):
    """One kind of database."""

    name: str
    """As people write it."""

    def open(self, url: str) -> Engine:
        """An engine that promises what ``accepted`` promises (EXACTNESS 2)."""
        ...

    def writer(self, engine: Engine) -> Engine:
        """The engine by which a process that knows ``engine`` writes records and what is made of them."""
        ...

    def trouble(self, error: BaseException) -> StoreUnavailable | None:
        """The sentence about an error of the driver that trying again may cure; ``None`` for any other."""
        ...

    def alone(self, engine: Engine) -> AbstractContextManager[None]:
        """While it lasts, no other process migrates this database or folds it again; waits for one that does."""
        ...

    def hold_ledger(self, connection: Connection) -> None:
        """Make this writing transaction the only one until it ends: versions become known in commit order."""
        ...

    def stored(self, connection: Connection, keys: Sequence[Key]) -> Iterable[Sequence[Any]]:
        """(source, id, versions) of the keys that are there, held against other writers."""
        ...

    def append(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows that are known to be new, given in the order of the table's columns."""
        ...

    def make_room(self, connection: Connection, days: Collection[int]) -> None:
        """Make sure that events of these local days have a place to go to."""
        ...

    def end_events(self, connection: Connection, ended: Mapping[int, tuple[int, int]]) -> None:
        """Mark events as superseded: seq -> (its local day, the seq that took its place)."""
        ...

    def change_keys(self, connection: Connection, rows: Sequence[tuple[str, str, bytes]]) -> None:
        """Write the versions of keys that are there: (source, id, versions)."""
        ...

    def save_states(self, connection: Connection, rows: Sequence[tuple[str, int, str, int, bytes]]) -> None:
        """Write or overwrite (feed, day, subject, seq, state)."""
        ...

    def describe(self, connection: Connection) -> tuple[str, str]:
        """Name with version, and the settings that make a commit durable."""
        ...

    def may_not_make_tables(self, connection: Connection) -> str | None:
        """Who has to grant what before we may make tables, as a sentence; ``None`` when we may."""
        ...

    def size(self, connection: Connection) -> int:
        """Bytes that the database takes."""
        ...


def shown(url: str) -> str:
    """An address as it may be told: without password and options."""
    try:
        full = make_url(url)
        plain = URL.create(full.drivername, full.username, None, full.host, full.port, full.database)
        return plain.render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return url.partition(":")[0] + "://…"


def unreadable(url: str) -> ConfigurationError:
    """The error of an address that is none."""
    return ConfigurationError(
        f"数据库地址（{shown(url)}）读不懂，应写成 postgresql://用户:密码@主机:5432/数据库，"
        "密码里的 @、/、: 等要写成 %40、%2F、%3A"
        f" · The database address ({shown(url)}) cannot be read: write postgresql://user:password@host:5432/database, "
        "with @, / and : in the password as %40, %2F and %3A."
    )


def in_one_line(words: object, url: str = "") -> str:
    """What a driver says, on one line and without the address's password."""
    line = " ".join(str(words).split())
    try:
        password = make_url(url).password if url else None
    except (ArgumentError, ValueError):
        password = None
    return line.replace(str(password), "…") if password else line
