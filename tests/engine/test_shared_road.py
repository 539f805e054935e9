"""Group commit: senders of one moment share a round trip, and each is told its own truth about it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis

from dashboard.domain.event import Event
from dashboard.errors import Backpressure, StoreUnavailable
from dashboard.stores.redis_server import RedisServer
from dashboard.stores.room import Room
from dashboard.stores.stream import Batch, DeadLetter, Stream
from ingest.intake import SharedRoad
from tests.engine.core import Core, reading


class Always(Room):
    """Nothing is ever full."""

    def __init__(self) -> None:
        """It looks at nothing."""

    def refusal(self) -> None:
        """There is room."""


class Road(Stream):
    """A road that answers when the test says so, as the test says."""

    def __init__(self, limit: int = 100, broken: bool = False) -> None:
        self.limit, self.partitions, self.broken = limit, 1, broken
        self.answer = threading.Event()
        self.room = Always()
        self.trips: list[int] = []

    def pending(self) -> int:
        """An empty road."""
        return 0

    def append_all(self, batches: Sequence[Batch], names: Sequence[str] = ()) -> list[Backpressure | None]:
        """Wait for the test, then do as the real road does."""
        self.trips.append(len(batches))
        self.answer.wait(20)
        if self.broken:
            raise StoreUnavailable("没有应答")
        return super().append_all(batches, names)

    def _send(self, groups: object, dead: Sequence[DeadLetter], names: object) -> None:
        return None


def event(number: int) -> Event:
    """A reading."""
    return Event("temperature", "gate", f"e-{number}", "330421111", "K01", number, number, 0, None, None, {})


async def _all(road: Road, sizes: Sequence[int]) -> list[BaseException | None]:
    shared = SharedRoad(road)
    sent = [asyncio.ensure_future(shared.append([event(n) for n in range(size)], [])) for size in sizes]
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(one.done() for one in sent), "told before the road answered"
    road.answer.set()
    return await asyncio.gather(*sent, return_exceptions=True)


def test_senders_of_one_moment_share_a_round_trip() -> None:
    road = Road()
    assert asyncio.run(_all(road, [1] * 10)) == [None] * 10
    assert sum(road.trips) == 10
    assert len(road.trips) == 1


def test_an_error_reaches_everybody_in_the_round_trip() -> None:
    told = asyncio.run(_all(Road(broken=True), [1, 2, 3]))
    assert all(isinstance(one, StoreUnavailable) for one in told)


def test_a_full_road_refuses_only_what_does_not_fit() -> None:
    told = asyncio.run(_all(Road(limit=5), [3, 4, 2]))
    assert told[0] is None
    assert isinstance(told[1], Backpressure)
    assert told[2] is None


def test_a_sender_that_goes_away_stops_nobody() -> None:
    road = Road()

    async def work() -> None:
        shared = SharedRoad(road)
        gone, stays = (asyncio.ensure_future(shared.append([event(n)], [])) for n in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        road.answer.set()
        await stays
        await shared.append([event(3)], [])

    asyncio.run(work())


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_worker_ends_transactions_at_the_bound(
    data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer, database_url: str, size: int
) -> None:
    core = Core(data_dir, redis_server.url, database_url=database_url)
    for number in range(7):
        core.send("temperature", reading(number))
    core.worker.batch_events = size
    seen: list[int] = []
    apply = core.worker.projector.apply

    def counted(events: Sequence[Event], *rest: object) -> object:
        seen.append(len(events))
        return apply(events, *rest)  # type: ignore[arg-type]

    core.worker.projector.apply = counted  # type: ignore[method-assign, assignment]
    core.work()
    assert sum(seen) == 7
    assert max(seen) <= size
    core.close()
