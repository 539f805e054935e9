"""What several suites of the engine put together alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from dashboard.stores.redis_server import RedisServer
from tests.engine.core import Core
from tests.engine.outside import Receiver


@pytest.fixture
def core(data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer, database_url: str) -> Iterator[Core]:
    """A core on an empty Redis and on either database, its figures published once."""
    made = Core(data_dir, redis_server.url, database_url=database_url)
    made.worker.step()
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who takes webhooks."""
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()
