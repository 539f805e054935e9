"""What ``202`` rests on in SQL (EXACTNESS 2), and the ledger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from dashboard.stores.history import History, migrate, migration, open_engine


@pytest.fixture
def history(database_url: str) -> Iterator[History]:
    """An empty database with all tables."""
    engine = open_engine(database_url)
    migrate(engine)
    yield History(engine)
    engine.dispose()


def test_a_commit_waits_for_the_disk(history: History) -> None:
    with history.reading() as connection:
        if not history.sqlite:
            assert connection.scalar(text("SELECT current_setting('synchronous_commit')")) == "on"
            assert connection.scalar(text("SELECT current_setting('fsync')")) == "on"
            return
    with history.reading() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2


def test_migrating_twice_changes_nothing(history: History) -> None:
    before = migration(history.engine)
    assert migrate(history.engine) == before


def test_what_was_known_at_a_moment_is_the_last_batch_up_to_it(history: History) -> None:
    for seq, known_at in ((3, 1000), (7, 2000), (9, 2000)):
        with history.writing() as connection:
            history.close_batch(connection, seq, known_at)
    with history.reading() as connection:
        assert history.seq(connection) == 9
        assert [history.seq_at(connection, at) for at in (999, 1000, 1999, 2000)] == [0, 3, 3, 9]


def test_a_transaction_that_fails_leaves_the_ledger(history: History) -> None:
    def crash() -> None:
        with history.writing() as connection:
            history.close_batch(connection, 5, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    with history.reading() as connection:
        assert history.seq(connection) == 0
