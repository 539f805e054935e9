"""Boards for the hub: reads the window off the event loop and listens for changes on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import redis.asyncio

from dashboard.access.viewer import Viewer
from dashboard.errors import StoreUnavailable
from dashboard.queries.board import Board, BoardReader
from dashboard.stores.live import CHANNEL
from dashboard.stores.servers import node_urls

QUIET_S = 5.0
"""How long a line to Redis may be quiet before it is asked, and how long it may take to answer."""


class LiveBoards:
    """The hub's source of boards."""

    def __init__(self, reader: BoardReader, redis_url: str) -> None:
        self.reader = reader
        self.addresses = node_urls(redis_url)
        self._turn = 0

    async def board(self, viewer: Viewer) -> Board:
        """The board of now for a viewer."""
        return await asyncio.to_thread(self.reader.board, viewer)

    async def changes(self) -> AsyncIterator[object]:
        """Word of every publication; raises when Redis goes away (the hub asks again)."""
        # Every node of a cluster hears of every publication; one that has gone away is followed by the next.
        client = redis.asyncio.from_url(self.addresses[self._turn % len(self.addresses)])
        self._turn += 1
        try:
            async with client.pubsub() as channel:
                await channel.subscribe(CHANNEL)
                asked = False
                while True:
                    message = await channel.get_message(timeout=QUIET_S)
                    if message is not None:
                        asked = False
                        if message["type"] != "pong":
                            yield message
                    elif asked:
                        raise StoreUnavailable("Redis 没有应答，恢复后会自动继续")
                    else:
                        # A line that was cut looks like one on which nothing happens: it has to answer now and then.
                        await channel.ping()
                        asked = True
        finally:
            await client.aclose()
