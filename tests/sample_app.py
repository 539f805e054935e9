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
from dashboard.api import export, geo
from dashboard.app import ASSETS, ROOT, build_app
from dashboard.domain.day import day_of, day_start, shift_day
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


class SampleReader:
    """Boards for exports."""

    def __init__(self, boards: SampleBoards) -> None:
        self.boards = boards

    def board(self, viewer: Viewer, exact: bool = False) -> Any:
        """The board of the present moment."""
        return self.boards.sample(viewer)

    def moments(self, viewer: Viewer) -> SampleMoments:
        """Boards of other moments."""
        return SampleMoments(viewer)


class SampleMoments:
    """Other moments of the sample, at once."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer

    def _at(self, now: int) -> Any:
        return importlib.import_module("tests.board_sample").SampleBoard(at=now, viewer=self.viewer)

    def as_of(self, at: int) -> Any:
        """As the hub asks for it."""
        return self._at(at)

    def day(self, day: int) -> Any:
        """As the hub asks for it."""
        return self._at(day_start(shift_day(day, 1)) - 1)

    def same_time(self, day: int, now: int) -> Any:
        """As the hub asks for it."""
        return self._at(day_start(day) + now - day_start(day_of(now)))


class SampleGate:
    """Everybody is this machine's own viewer."""

    def viewer(self, request: object) -> Viewer:
        """As the API asks for it."""
        return LOCAL_VIEWER

    reader = viewer


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
    hub = Hub(boards, VIEWS, clock, build, identify=lambda _: LOCAL_VIEWER, moments=cast(Any, SampleMoments))
    boundaries = geo.router(lambda: board.region, cast(Any, SampleGate()))
    files = export.router(cast(Any, SampleReader(boards)), cast(Any, SampleGate()), VIEWS)
    app = build_app(Settings.load(port=given.port), hub, boards, None, [boundaries, files], board.pack, clock)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", ws_per_message_deflate=False)


if __name__ == "__main__":
    main()
