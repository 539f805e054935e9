"""A process writes records into SQLite through one connection, whose pages stay warm, and reads beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dashboard.errors import StoreUnavailable
from dashboard.stores import sqlite
from dashboard.stores.history import History, migrate, open_engine


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.2)
    engine = open_engine(f"sqlite:///{tmp_path / 'town.db'}")
    migrate(engine)
    yield History(engine)
    engine.dispose()


def _cache(connection: Any) -> int:
    return int(connection.execute(text("PRAGMA cache_size")).scalar_one())


def test_one_connection_writes_and_others_read_meanwhile(history: History) -> None:
    seen = set()
    for number in range(1, 4):
        with history.writing() as connection, history.reading() as other:
            seen.add(id(connection.connection.driver_connection))
            assert other.connection.driver_connection is not connection.connection.driver_connection
            assert (_cache(connection), _cache(other)) == (sqlite.WRITER_CACHE_KB, -65_536)
            history.note_folded(connection, number)
            assert history.folded_by(other) == (number - 1 or None), "what is not committed is not seen"
    assert len(seen) == 1


def test_who_waits_too_long_for_the_writer_is_told_so(history: History) -> None:
    with history.writing(), pytest.raises(StoreUnavailable, match="稍后会自动再试"), history.writing():
        pass
    with history.writing() as connection:
        history.note_folded(connection, 1)


def test_the_writer_goes_with_its_engine(history: History) -> None:
    with history.writing():
        pass
    before: Any = history.writer.pool
    assert before.checkedin() == 1
    history.engine.dispose()
    assert before.checkedin() == 0
