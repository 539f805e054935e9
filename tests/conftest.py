"""Fixtures that every test may use: a real Redis, a data directory, and no settings of the machine's own.

A service that cannot be had makes a test skip on a developer's machine and fail in CI.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import redis

from dashboard.errors import TownwatchError
from dashboard.settings import PREFIX
from dashboard.stores import redis_server as embedded
from dashboard.stores.redis_server import RedisServer

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
