"""A real server on a loopback port for the time of a test, with boards that the test itself moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import websockets
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from dashboard.access.viewer import Role, Viewer
from dashboard.domain.place import RegionPack, Town

PATIENCE_S = 20.0
"""Longest wait for a condition before a test fails; no test waits for time itself."""

TOWNS = ("330421111", "330421103", "330421100")
PACK = RegionPack(
    region="330421",
    name="嘉善县",
    name_en="Jiashan",
    valid_from=20200101,
    timezone="Asia/Shanghai",
    towns=(
        Town(TOWNS[0], "姚庄镇", "Yaozhuang", "330421"),
        Town(TOWNS[1], "西塘镇", "Xitang", "330421"),
        Town(TOWNS[2], "魏塘街道", "Weitang", "330421"),
    ),
    places=(),
    beats=(),
    visit_rules=(),
    shifts=(),
    duty_hours=(),
)

VIEWERS = {
    "office": Viewer(name="秦月", roles=frozenset({Role.ADMINISTRATOR, Role.CHIEF})),
    "county": Viewer(name="方远", name_en="Fang Yuan", roles=frozenset({Role.LEADER})),
    "yaozhuang": Viewer(name="沈立", roles=frozenset({Role.CHIEF}), towns=frozenset({TOWNS[0]})),
    "xitang": Viewer(name="陆敏", roles=frozenset({Role.CHIEF}), towns=frozenset({TOWNS[1]})),
}


def by_header(connection: HTTPConnection) -> Viewer | None:
    """Says who connects by a header; the county's leader when there is none, nobody when it is unknown."""
    return VIEWERS.get(connection.headers.get("x-viewer", "county"))


class Moment:
    """As much of a board as the hub and the tests' own views read."""

    def __init__(self, seq: int, viewer: Viewer) -> None:
        self.seq = seq
        self.now = 1_582_000_000_000 + seq
        self.viewer = viewer
        self.pack = PACK
        self.towns = tuple(town for town in TOWNS if viewer.sees(town))


class Boards:
    """A board source whose only change is a number, moved by :meth:`change`."""

    def __init__(self) -> None:
        self.seq = 1
        self.read = 0
        self._changed: asyncio.Queue[int] = asyncio.Queue()

    async def board(self, viewer: Viewer) -> Any:
        """The present moment."""
        self.read += 1
        return Moment(self.seq, viewer)

    async def changes(self) -> AsyncIterator[object]:
        """Each change as it is made."""
        while True:
            yield await self._changed.get()

    def change(self) -> int:
        """Something changed; returns the new number."""
        self.seq += 1
        self._changed.put_nowait(self.seq)
        return self.seq


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, yielding to the loop; fails with ``what`` when it does not come."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_S
    while not condition():
        if loop.time() > end:
            raise AssertionError(f"never came: {what}")
        await asyncio.sleep(0.005)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """``host:port`` of the application, served by uvicorn in this very loop."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="warning", lifespan="on", ws_per_message_deflate=False
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started or task.done(), "the server's start")
    if task.done():
        task.result()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


class Page:
    """A page's end of the socket."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection

    async def say(self, **message: object) -> None:
        """Send one message."""
        await self.connection.send(json.dumps(message))

    async def subscribe(self, view: str, scope: str = "all", lang: str = "zh") -> None:
        """Ask for a view."""
        await self.say(do="subscribe", view=view, scope=scope, lang=lang)

    async def hear(self, kind: str, **wanted: object) -> dict[str, Any]:
        """The next message of a kind (and with these values); others are passed over."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                if message["type"] == kind and all(message.get(key) == value for key, value in wanted.items()):
                    return message

    async def hear_seq(self, view: str, seq: int) -> dict[str, Any]:
        """The first document of a view that includes ``seq``."""
        while True:
            message = await self.hear("view", view=view)
            if message["seq"] >= seq:
                return message


@asynccontextmanager
async def page(host: str, viewer: str = "county", origin: str | None = None) -> AsyncIterator[Page]:
    """An open page of a viewer."""
    headers = {"x-viewer": viewer}
    async with websockets.connect(
        f"ws://{host}/live",
        additional_headers=headers,
        origin=None if origin is None else websockets.Origin(origin),
        compression=None,
        max_size=None,
        proxy=None,
    ) as connection:
        yield Page(connection)
