"""Tables are brought up to date from any earlier version, with data in them, while others read and write."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from dashboard.domain.event import Event
from dashboard.errors import ConfigurationError
from dashboard.stores import schema
from dashboard.stores.history import History, migrate, migration, open_engine
from dashboard.stores.tables import METADATA
from tests.conftest import Databases
from tests.postgres_server import PostgresServer

ROOT = Path(__file__).parents[2]
MONTHS = (20200131, 20200201, 20200229, 20200301, 20210615)
FIRST = "0001"


@pytest.fixture
def blank(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, of either kind."""
    if databases.server is None:
        yield f"sqlite:///{tmp_path / 'blank.db'}"
        return
    name = databases.server.make()
    yield databases.server.url(name)
    databases.server.drop(name)


@pytest.fixture
def blank_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a PostgreSQL database without tables."""
    name = postgres_server.make()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def engine(blank: str) -> Iterator[Engine]:
    """A connection to the database without tables."""
    made = open_engine(blank)
    yield made
    made.dispose()


def at_first(engine: Engine) -> None:
    """Makes the tables as the first version did."""
    config = schema._config()
    config.attributes["engine"] = engine
    command.upgrade(config, FIRST)
    assert migration(engine) == FIRST


def as_first(connection: Connection, start: int, count: int) -> int:
    """Writes a batch as the first version did: one table, rows by statement. Returns the last ``seq``."""
    history = History(connection.engine)
    for seq in range(start + 1, start + count + 1):
        day = MONTHS[seq % len(MONTHS)]
        void = seq % 11 == 0
        event = Event("temperature", "gate", f"t-{seq}", "330421111", f"K{seq % 3}", seq, seq, 0, None, None, {}, void)
        connection.execute(
            text(
                "INSERT INTO event (seq, feed, day, subject, town, at, ended, void, body)"
                " VALUES (:seq, 'temperature', :day, :subject, '330421111', :seq, NULL, :void, :body)"
            ),
            {"seq": seq, "day": 0 if void else day, "subject": f"K{seq % 3}", "void": void, "body": _packed(event)},
        )
    # Every third record is corrected by the one that follows it.
    for old in range(start + 1, start + count, 3):
        connection.execute(text("UPDATE event SET ended = :new WHERE seq = :old"), {"old": old, "new": old + 1})
    history.close_batch(connection, start + count, start + count)
    return start + count


def _packed(event: Event) -> bytes:
    import msgspec

    return msgspec.msgpack.encode(event)


def ended(seq: int, batch: int) -> int | None:
    """What :func:`as_first` left in ``ended``."""
    place = (seq - 1) % batch
    return seq + 1 if place % 3 == 0 and place < batch - 1 else None


def events(engine: Engine) -> list[tuple[Any, ...]]:
    """Every row of ``event``, but for the body."""
    with engine.connect() as connection:
        found = connection.execute(text("SELECT seq, day, ended, void, subject FROM event ORDER BY seq"))
        return [tuple(row) for row in found]


def shape(engine: Engine) -> dict[str, Any]:
    """Tables, columns and indexes."""
    found = inspect(engine)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(table)],
            sorted((index["name"] or "", tuple(index["column_names"])) for index in found.get_indexes(table)),
            tuple(found.get_pk_constraint(table)["constrained_columns"]),
        )
        for table in sorted(found.get_table_names())
        if table in METADATA.tables
    }


def test_a_new_database_and_one_from_the_first_version_are_the_same_and_as_declared(
    engine: Engine, new_database: Callable[[], str]
) -> None:
    at_first(engine)
    migrate(engine)
    fresh = open_engine(new_database())
    try:
        assert shape(engine) == shape(fresh)
        assert shape(engine).keys() == METADATA.tables.keys()
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, METADATA) == []
    finally:
        fresh.dispose()


def test_records_of_the_first_version_are_all_there_afterwards(engine: Engine) -> None:
    at_first(engine)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        as_first(connection, 0, 60)
    before = events(engine)
    assert migrate(engine) == schema.newest()
    assert events(engine) == before
    assert [row[2] for row in before] == [ended(seq, 60) for seq in range(1, 61)]
    history = History(engine)
    with history.reading() as connection:
        assert history.seq(connection) == 60
        assert set(history.events_by_seq(connection, range(1, 61))) == set(range(1, 61))
        found = history.events_of_day(connection, "temperature", 20200229)
    wanted = [seq for seq, day, old, void, _ in before if day == 20200229 and old is None and not void]
    assert sorted(event.at for known in found.values() for event in known) == wanted


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    assert migrate(engine) == schema.newest()
    before = shape(engine)
    assert migrate(engine) == schema.newest()
    assert shape(engine) == before


def test_a_declared_table_that_is_missing_is_made(engine: Engine) -> None:
    migrate(engine)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(text("DROP TABLE source_stat"))
    assert schema.missing(engine) == ["source_stat"]
    migrate(engine)
    assert schema.missing(engine) == []


def test_a_database_of_a_newer_version_is_refused_and_left_alone(engine: Engine) -> None:
    migrate(engine)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        ConfigurationError, match=r"版本是 9999.* · The database is at migration 9999.*run the newer one"
    ):
        migrate(engine)
    assert migration(engine) == "9999"


def starting(url: str) -> subprocess.Popen[str]:
    """A process of its own that brings the database up to date."""
    script = (
        "import sys\n"
        "from dashboard.stores.history import migrate, open_engine\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "engine = open_engine(sys.argv[1])\n"
        "print(migrate(engine), flush=True)\n"
        "engine.dispose()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_start_at_once_end_with_one_set_of_tables(blank: str, engine: Engine) -> None:
    processes = [starting(blank) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    told = [process.communicate("go\n", timeout=100) for process in processes]
    for process, (out, errors) in zip(processes, told, strict=True):
        assert process.returncode == 0, errors
        assert out.splitlines()[-1] == schema.newest()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger")).scalar() == 1


# --- PostgreSQL alone -------------------------------------------------------------------------------------------------


def test_whoever_comes_second_waits_for_the_one_that_migrates(blank_postgres: str) -> None:
    engine = open_engine(blank_postgres)
    with closing_engine(engine), History(engine).dialect.alone(engine), starting(blank_postgres) as second:
        assert second.stdin is not None
        assert second.stdout is not None
        second.stdin.write("go\n")
        second.stdin.flush()
        said = ""
        while "waiting_for_another_start" not in said:
            line = second.stdout.readline()
            assert line, said
            said += line
        assert inspect(engine).get_table_names() == []
        # Only now the first one gives way; leaving this block would wait for the second.
        with engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            )
        out, errors = second.communicate(timeout=100)
        assert second.returncode == 0, errors
        assert out.splitlines()[-1] == schema.newest()


def closing_engine(engine: Engine) -> closing[Any]:
    """Disposes of an engine at the end of a block."""

    class _Closes:
        def close(self) -> None:
            engine.dispose()

    return closing(_Closes())


def test_readers_and_writers_go_on_while_the_events_move_into_months(blank_postgres: str) -> None:
    """The writer is an older version that knows one table; it writes before, between and after the change of names."""
    engine = open_engine(blank_postgres)
    at_first(engine)
    batch, done, last = 30, threading.Event(), [0]
    seen: list[int] = []
    failed: list[BaseException] = []

    def write() -> None:
        with engine.begin() as connection:
            connection.execute(text("SELECT seq FROM ledger FOR UPDATE"))
            last[0] = as_first(connection, last[0], batch)

    def read() -> None:
        try:
            while not done.is_set():
                with engine.connect() as connection:
                    seen.append(connection.execute(text("SELECT count(*) FROM event")).scalar_one())
        except BaseException as error:
            failed.append(error)

    def keep_writing() -> None:
        try:
            while not done.is_set():
                write()
        except BaseException as error:
            failed.append(error)

    with closing_engine(engine):
        for _ in range(20):
            write()
        threads = [threading.Thread(target=work) for work in (read, keep_writing)]
        for thread in threads:
            thread.start()
        try:
            assert migrate(engine) == schema.newest()
            reached = last[0]
            pause = threading.Event()
            while last[0] < reached + 3 * batch and not failed:
                pause.wait(0.01)
        finally:
            done.set()
            for thread in threads:
                thread.join(60)
        assert failed == []
        assert seen == sorted(seen), "no reader ever saw fewer records than before"
        rows = events(engine)
        assert [row[0] for row in rows] == list(range(1, last[0] + 1))
        assert [row[2] for row in rows] == [ended(row[0], batch) for row in rows]
        names = inspect(engine).get_table_names()
        assert {f"event_{day // 100}" for day in MONTHS} | {"event_000000"} <= set(names)
        assert not {"event_before_months", "event_by_month"} & set(names)


def test_an_interrupted_move_goes_on_where_it_was(blank_postgres: str) -> None:
    engine = open_engine(blank_postgres)
    with closing_engine(engine):
        at_first(engine)
        with engine.begin() as connection:
            as_first(connection, 0, 90)
        script = ScriptDirectory.from_config(schema._config()).get_revision("0004")
        assert script is not None
        months = script.module
        # A first attempt dies after some portions, one row being superseded since.
        months._prepare(engine)
        with engine.begin() as connection:
            assert months._portion(connection, 40) == 40
        with engine.begin() as connection:
            connection.execute(text("UPDATE event SET ended = 90 WHERE seq = 2"))
        before = events(engine)
        migrate(engine)
        assert events(engine) == before
        assert (2, 90) in [(row[0], row[2]) for row in events(engine)]


def test_what_is_superseded_just_before_the_names_change_is_carried_over(
    blank_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(blank_postgres)
    with closing_engine(engine):
        at_first(engine)
        with engine.begin() as connection:
            as_first(connection, 0, 30)
        script = ScriptDirectory.from_config(schema._config()).get_revision("0004")
        assert script is not None
        months = script.module
        months._prepare(engine)
        assert not months._copy(engine)
        carry: Callable[[Connection, int], int] = months._superseded
        done: list[int] = []

        def carry_and_supersede(connection: Connection, since: int) -> Any:
            found = carry(connection, since)
            if not done:
                # Everything was compared, the ledger is not held yet: another worker commits.
                done.append(1)
                with engine.begin() as other:
                    other.execute(text("UPDATE event SET ended = 31 WHERE seq = 5"))
                    as_first(other, 30, 1)
            return found

        monkeypatch.setattr(months, "_superseded", carry_and_supersede)
        months._change_names(engine)
        months._drop_old(engine)
        rows = {row[0]: row[2] for row in events(engine)}
        assert sorted(rows) == list(range(1, 32))
        assert rows[5] == 31


def test_a_reader_that_stays_is_waited_for_and_holds_up_nobody_else(
    blank_postgres: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(blank_postgres)
    with closing_engine(engine):
        at_first(engine)
        with engine.begin() as connection:
            as_first(connection, 0, 30)
        stays = engine.connect()
        stays.execute(text("SELECT count(*) FROM event"))
        told: list[str] = []
        dialect = History(engine).dialect
        thread = threading.Thread(target=lambda: told.append(schema.migrate(engine, dialect, pause_s=0.01)))
        thread.start()
        try:
            said = ""
            while "migration_waits_for_a_lock" not in said:
                assert thread.is_alive(), said
                with engine.connect() as connection:
                    assert connection.execute(text("SELECT count(*) FROM event")).scalar() == 30
                said += capsys.readouterr().out
            assert told == []
        finally:
            stays.close()
            thread.join(60)
        assert told == [schema.newest()]
        assert len(events(engine)) == 30
