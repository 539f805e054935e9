"""Whatever the description of the API allows, and much that it does not, is answered and never by a 5xx.

``SCHEMATHESIS_EXAMPLES=200`` tries more of each operation; CI takes a few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from dashboard.stores.redis_server import RedisServer
from tests.engine.fort import Fort, fort, public, valid

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "3"))


@pytest.fixture(scope="module")
def castle(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fort]:
    redis.Redis.from_url(redis_server.url).flushall()
    with fort(tmp_path_factory.mktemp("openapi"), redis_server.url) as found:
        for feed in public():
            found.post(feed.name, valid(feed, 1))
        found.settled()
        yield found


def tried(operation: Any, headers: dict[str, str], asked: dict[str, int]) -> None:
    """Ask one operation what its description allows and what it does not."""
    allowed, wrong = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=allowed | wrong)
    def one(case: Any) -> None:
        answer = case.call(headers=headers)
        asked[operation.label] = asked.get(operation.label, 0) + 1
        assert answer.status_code < 500, (operation.label, answer.status_code, answer.content[:300])

    one()


def test_no_operation_answers_5xx(castle: Fort) -> None:
    schema: Any = schemathesis.openapi.from_url(f"http://127.0.0.1:{castle.port}/api/openapi.json")
    asked: dict[str, int] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/readyz":
            # Nothing runs here that would make it ready: 503 is the truth.
            continue
        written = operation.path.startswith("/api/v1/events")
        headers = {"Authorization": f"Bearer {castle.writer}"} if written else castle.cookies("root")
        tried(operation, headers, asked)
    assert len(asked) > 40
    assert castle.ask("GET", "/healthz").status == 200
