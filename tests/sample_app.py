"""The pages on invented figures, for looking at them while they are built: ``python -m dashboard.app --sample``.

No Redis, no worker, no database: a sample board whose figures move every two seconds, through the real hub and socket.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import uvicorn

from dashboard.access.viewer import LOCAL_VIEWER, Viewer
from dashboard.api import geo
from dashboard.app import ASSETS, ROOT, build_app
from dashboard.live import Hub, build_id
from dashboard.queries.views import VIEWS
from dashboard.settings import Settings
from tests.town_board import town_board


class SampleClock:
    """A replay's clock that reads its time from the board shown, so that ages fit what is on screen."""

    world = "replay"

    def __init__(self, start: int, speed: float) -> None:
        self._loop_start: float | None = None
        self._start = start
        self.speed = speed

    def now(self) -> int:
        """World time, ms."""
        from dashboard.clock import machine_ms

        if self._loop_start is None:
            self._loop_start = machine_ms()
        return self._start + int((machine_ms() - self._loop_start) * self.speed)


class SampleBoards:
    """A board source over ``tests.board_sample.SampleBoard``: every two seconds another moment."""

    def __init__(self, every_s: float = 2.0) -> None:
        self.every_s = every_s
        self.moment = 0
        self._made: dict[Any, Any] = {}

    def sample(self, viewer: Viewer) -> Any:
        """The board of the present moment for a viewer."""
        try:
            return importlib.import_module("tests.board_sample").SampleBoard(step=self.moment, viewer=viewer)
        except ModuleNotFoundError:
            return town_board()

    async def board(self, viewer: Viewer) -> Any:
        """As the hub asks for it."""
        return await asyncio.to_thread(self.sample, viewer)

    async def changes(self) -> AsyncIterator[object]:
        """One change every two seconds."""
        while True:
            await asyncio.sleep(self.every_s)
            self.moment += 1
            yield self.moment


class SampleGate:
    """Everybody is this machine's own viewer."""

    def viewer(self, request: object) -> Viewer:
        """As the API asks for it."""
        return LOCAL_VIEWER


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the sample until it is stopped."""
    parser = argparse.ArgumentParser(description="Townwatch pages on invented figures")
    parser.add_argument("--sample", action="store_true", required=True)
    parser.add_argument("--port", type=int, default=8060)
    parser.add_argument("--speed", type=float, default=1.0)
    given = parser.parse_args(arguments)
    boards = SampleBoards()
    board = boards.sample(LOCAL_VIEWER)
    clock = SampleClock(board.now, given.speed)
    build = build_id(ROOT / "dashboard", ROOT / "layouts", ASSETS.parent)
    hub = Hub(boards, VIEWS, clock, build, identify=lambda _: LOCAL_VIEWER)
    boundaries = geo.router(lambda: board.region, cast(Any, SampleGate()))
    app = build_app(Settings.load(port=given.port), hub, boards, None, [boundaries], board.pack, clock)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", ws_per_message_deflate=False)


if __name__ == "__main__":
    main()
