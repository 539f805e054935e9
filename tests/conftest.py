"""Fixtures that every test may use: a real Redis, a data directory, and no settings of the machine's own.

A service that cannot be had makes a test skip on a developer's machine and fail in CI.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import redis

from dashboard.errors import TownwatchError
from dashboard.settings import PREFIX
from dashboard.stores import redis_server as embedded
from dashboard.stores.history import migrate, open_engine
from dashboard.stores.redis_server import RedisServer
from tests.postgres_server import PostgresServer, in_memory, serving

KEPT = {"TOWNWATCH_CHROMIUM", "TOWNWATCH_VENV"}


def missing(sentence: str) -> NoReturn:
    """Ends a test that lacks a service: a failure in CI, else a skip that says what to install."""
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX) and name not in KEPT]:
        monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data directory."""
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real embedded Redis with production durability, one per test process."""
    try:
        server = embedded.start(tmp_path_factory.mktemp("redis"))
    except TownwatchError as error:
        missing(error.sentence)
    yield server
    server.stop()


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of an empty Redis; answers are bytes."""
    client = redis.Redis.from_url(redis_server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def sqlite_url(data_dir: Path) -> str:
    """The URL of an SQLite database in a data directory of its own, without tables yet."""
    return f"sqlite:///{data_dir / 'townwatch.db'}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL with production durability, one per test process."""
    try:
        with serving() as server:
            yield server
    except TownwatchError as error:
        missing(error.sentence)


class Databases:
    """Makes databases of one kind, with all tables."""

    def __init__(self, kind: str, folder: Path, server: PostgresServer | None) -> None:
        self.kind, self.folder, self.server = kind, folder, server
        self._numbers = itertools.count(1)
        self._template = ""

    def new(self) -> str:
        """The URL of a new one."""
        # Copying a database takes a tenth of the time that making its tables does.
        if not self._template:
            self._template = self._blank()
            engine = open_engine(self._template)
            migrate(engine)
            engine.dispose()
        if self.server is None:
            url = self._blank()
            shutil.copy(self._template.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
            return url
        return self.server.url(self.server.make(self._template.rpartition("/")[2]))

    def _blank(self) -> str:
        if self.server is None:
            return f"sqlite:///{self.folder / f'd{next(self._numbers)}.db'}"
        return self.server.url(self.server.make())

    def drop(self, url: str) -> None:
        """Remove one."""
        if self.server is not None:
            self.server.drop(url.rpartition("/")[2])
            return
        for end in ("", "-wal", "-shm"):
            Path(url.removeprefix("sqlite:///") + end).unlink(missing_ok=True)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Both kinds of database: whatever uses this, or a database of it, runs on SQLite and on PostgreSQL.

    Thousands of commits with a real fsync each would take minutes on a slow disk: SQLite's files too lie in memory,
    where there is such a place.
    """
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    folder = in_memory("db")
    yield Databases(request.param, folder, server)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_database(databases: Databases) -> Iterator[Callable[[], str]]:
    """Makes databases that go with the test; each call returns another URL."""
    made: list[str] = []

    def make() -> str:
        made.append(databases.new())
        return made[-1]

    yield make
    for url in made:
        databases.drop(url)


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """The URL of a database of this test alone."""
    return new_database()
