"""PostgreSQL: ``event`` becomes a table with one partition a month, while records come and pages are read.

What is there is copied in portions beside the running system into partitions that nobody knows yet. The last portion,
what was superseded meanwhile and the change of names are one short transaction. Whatever interrupts it, the next start
goes on where it was. SQLite keeps its one table.
"""

# ruff: noqa: S608 - names and numbers of our own

from __future__ import annotations

import structlog
from alembic import op
from sqlalchemy import Connection, Engine

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

log = structlog.get_logger("migration")

PORTION = 50_000
LOCK_TIMEOUT = "3s"
"""How long readers may have to wait behind us; then they pass and we try again."""
COLUMNS = "seq, feed, day, subject, town, at, ended, void, body"
NEW, OLD = "event_by_month", "event_before_months"


def upgrade() -> None:
    """Copy, catch up, change the names, check, and drop the old table."""
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    engine = bind.engine
    # Each portion commits by itself: nothing may be held while the next one is copied.
    with op.get_context().autocommit_block():
        if not _done(engine):
            _prepare(engine)
            while _copy(engine):
                pass
            _change_names(engine)
        _drop_old(engine)


def downgrade() -> None:
    """Not possible: an older version would find records of months it cannot place."""
    raise NotImplementedError


def _done(engine: Engine) -> bool:
    with engine.begin() as connection:
        kind = connection.exec_driver_sql("SELECT relkind FROM pg_class WHERE oid = to_regclass('event')").scalar()
        return str(kind) == "p"


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {NEW} (LIKE event INCLUDING DEFAULTS, PRIMARY KEY (seq, day))"
            " PARTITION BY RANGE (day)"
        )
        connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS ix_event_subject_month ON {NEW} (feed, day, subject)")
    # Superseding is the one thing that happens to a copied row; finding it must not take a walk through the table.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()
        valid = connection.exec_driver_sql(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_event_ended')"
        ).scalar()
        if valid is False:
            # An earlier attempt was interrupted.
            connection.exec_driver_sql("DROP INDEX CONCURRENTLY ix_event_ended")
        if not valid:
            # It waits for whoever is in the middle of something, and keeps nobody waiting.
            connection.exec_driver_sql("SET lock_timeout = 0")
            connection.exec_driver_sql("CREATE INDEX CONCURRENTLY ix_event_ended ON event (ended)")


def _copy(engine: Engine) -> bool:
    """Copy the next portion; whether there may be more."""
    with engine.begin() as connection:
        copied = _portion(connection, PORTION)
    if copied:
        log.info("events_copied", rows=copied)
    return copied == PORTION


def _portion(connection: Connection, most: int) -> int:
    """Copy at most so many rows beyond the last one copied: ``seq`` only grows, and in the order of commits."""
    last = connection.exec_driver_sql(f"SELECT max(seq) FROM {NEW}").scalar() or 0
    upto = connection.exec_driver_sql(
        f"SELECT max(seq) FROM (SELECT seq FROM event WHERE seq > {last} ORDER BY seq LIMIT {most}) AS s"
    ).scalar()
    if upto is None:
        return 0
    source = f"FROM event WHERE seq > {last} AND seq <= {upto}"
    for (month,) in connection.exec_driver_sql(f"SELECT DISTINCT day / 100 {source}").all():
        _add_month(connection, month)
    return connection.exec_driver_sql(f"INSERT INTO {NEW} ({COLUMNS}) SELECT {COLUMNS} {source}").rowcount


def _superseded(connection: Connection, since: int) -> int:
    """Carry over what was superseded after ``since`` or while its row was copied; returns the ``seq`` of now."""
    now = connection.exec_driver_sql("SELECT seq FROM ledger").scalar() or 0
    connection.exec_driver_sql(
        f"UPDATE {NEW} AS n SET ended = o.ended FROM event AS o"
        f" WHERE o.ended > {since} AND n.seq = o.seq AND n.day = o.day AND n.ended IS DISTINCT FROM o.ended"
    )
    return now


def _add_month(connection: Connection, month: int) -> None:
    name = f"event_{month:06d}"
    if connection.exec_driver_sql(f"SELECT to_regclass('{name}')").scalar() is None:
        connection.exec_driver_sql(
            f"CREATE TABLE {name} PARTITION OF {NEW} FOR VALUES FROM ({month * 100}) TO ({month * 100 + 100})"
        )


def _change_names(engine: Engine) -> None:
    with engine.begin() as connection:
        since = _superseded(connection, 0)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        # Writers take the ledger first and wait there; readers go on until the names change.
        connection.exec_driver_sql("SELECT seq FROM ledger FOR UPDATE")
        while _portion(connection, PORTION):
            pass
        _superseded(connection, since)
        connection.exec_driver_sql("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        connection.exec_driver_sql(f"ALTER TABLE event RENAME TO {OLD}")
        connection.exec_driver_sql("ALTER INDEX ix_event_subject RENAME TO ix_event_subject_before_months")
        connection.exec_driver_sql(f"ALTER TABLE {NEW} RENAME TO event")
        connection.exec_driver_sql("ALTER INDEX ix_event_subject_month RENAME TO ix_event_subject")


def _drop_old(engine: Engine) -> None:
    with engine.begin() as connection:
        if connection.exec_driver_sql(f"SELECT to_regclass('{OLD}')").scalar() is None:
            return
        # Nobody writes to it any more, and what is beyond its end is new.
        lost = connection.exec_driver_sql(
            f"SELECT count(*) FROM {OLD} AS o WHERE NOT EXISTS"
            " (SELECT FROM event AS n WHERE n.seq = o.seq AND n.day = o.day)"
        ).scalar()
        if lost:
            raise RuntimeError(f"{lost} rows of {OLD} are not in event; both tables are kept")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        connection.exec_driver_sql(f"DROP TABLE {OLD}")
