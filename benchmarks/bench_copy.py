"""Ways of appending events to PostgreSQL, each as a ratio to a multi-row INSERT of the same run.

Not part of ``./townwatch bench``, which needs no server: ``python -m benchmarks.bench_copy postgresql://…`` with an
empty database of your own. What the product does is the way called COPY.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as Sheet
from sqlalchemy import Connection

from dashboard.stores import tables as t
from dashboard.stores.history import History, migrate, open_engine

ROWS, ROUNDS, DAY = 20_000, 6, 20200218
BODY = 220
"""Bytes of a body, as readings and fixes have them."""
NAMES = [column.name for column in t.event.c]
COLUMNS = ", ".join(NAMES)
TYPES = (
    "%s::bigint[], %s::text[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bool[], %b::bytea[]"
)

Rows = Sequence[tuple[Any, ...]]


def rows_from(seq: int) -> Rows:
    """Rows of one transaction."""
    chance = random.Random(seq)
    return [
        (seq + n, "temperature", DAY, f"K{n % 40}", f"T{n % 9}", seq + n, None, False, chance.randbytes(BODY))
        for n in range(ROWS)
    ]


def by_insert(history: History, connection: Connection, rows: Rows) -> None:
    """INSERT … VALUES of a thousand rows at a time."""
    for start in range(0, len(rows), 1000):
        part = rows[start : start + 1000]
        marks = ", ".join([f"({', '.join(['%s'] * len(NAMES))})"] * len(part))
        values = tuple(value for row in part for value in row)
        connection.exec_driver_sql(f"INSERT INTO event ({COLUMNS}) VALUES {marks}", values)


def by_unnest(history: History, connection: Connection, rows: Rows) -> None:
    """INSERT … SELECT FROM unnest of an array a column."""
    arrays = tuple(map(list, zip(*rows, strict=True)))
    connection.exec_driver_sql(f"INSERT INTO event ({COLUMNS}) SELECT * FROM unnest({TYPES})", arrays)


def by_staging(history: History, connection: Connection, rows: Rows) -> None:
    """COPY into a temporary table, then INSERT … ON CONFLICT DO NOTHING."""
    connection.exec_driver_sql("CREATE TEMP TABLE IF NOT EXISTS staged (LIKE event) ON COMMIT DELETE ROWS")
    staged = t.event.to_metadata(t.METADATA.__class__(), name="staged")
    history.dialect.append(connection, staged, rows)
    connection.exec_driver_sql(f"INSERT INTO event ({COLUMNS}) SELECT {COLUMNS} FROM staged ON CONFLICT DO NOTHING")


def by_copy(history: History, connection: Connection, rows: Rows) -> None:
    """COPY into the partitioned table: under the ledger's lock new records are known to be new."""
    history.dialect.append(connection, t.event, rows)


WAYS: tuple[Callable[[History, Connection, Rows], None], ...] = (by_insert, by_unnest, by_staging, by_copy)


def main(url: str) -> None:
    """Measure and print."""
    history = History(open_engine(url))
    migrate(history.engine)
    sheet = Sheet(title=f"{ROWS:,} events a transaction, best of {ROUNDS}")
    for heading in ("way", "rows/s", "ratio"):
        sheet.add_column(heading, justify="left" if heading == "way" else "right")
    base = 0.0
    for way in WAYS:
        best = 0.0
        for round_ in range(ROUNDS):
            rows = rows_from(round_ * ROWS + 1)
            start = time.perf_counter()
            with history.writing() as connection:
                history.dialect.make_room(connection, {DAY})
                way(history, connection, rows)
            best = max(best, ROWS / (time.perf_counter() - start))
        with history.writing() as connection:
            connection.exec_driver_sql("TRUNCATE event")
        base = base or best
        sheet.add_row(way.__name__.removeprefix("by_"), f"{best:,.0f}", f"{best / base:.2f}")
    Console().print(sheet)


if __name__ == "__main__":
    main(sys.argv[1])
