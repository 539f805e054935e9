"""The hub over real sockets: computed once, latest wins, nobody sees another's, and one failure stops nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from fastapi import FastAPI

from dashboard.access.policy import Open, Permission
from dashboard.access.viewer import Role, Viewer
from dashboard.clock import FixedClock
from dashboard.live import Hub, build_id
from dashboard.queries.view import View
from tests.engine.served import PATIENCE_S, TOWNS, Boards, by_header, page, served, until

CLOCK = FixedClock(1_582_000_000_000, "replay")


def _figures(board: Any, scope: str, lang: str) -> dict[str, Any]:
    return {"seq": board.seq, "scope": scope, "lang": lang, "towns": list(board.towns)}


def _broken(board: Any, scope: str, lang: str) -> dict[str, Any]:
    raise ValueError("a view that cannot be built")


FIGURES = View("figures", _figures, needs=Permission.FIGURES)
OWN = View("shell", _figures, needs=Open.SIGNED)
BROKEN = View("broken", _broken, needs=Permission.FIGURES)


def hub_with(*views: View, heartbeat_s: float = 60, round_s: float = 0.0, **more: Any) -> tuple[Hub, Boards]:
    """A hub of these views over boards that the test moves."""
    boards = Boards()
    return Hub(boards, views, CLOCK, "build-1", heartbeat_s, identify=by_header, round_s=round_s, **more), boards


@asynccontextmanager
async def serving(hub: Hub) -> AsyncIterator[str]:
    """The hub alone on an application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await hub.start()
        yield
        await hub.stop()

    app = FastAPI(lifespan=lifespan)
    hub.attach(app)
    async with served(app) as host:
        yield host


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a test's story in a loop of its own."""

    async def bounded() -> None:
        async with asyncio.timeout(3 * PATIENCE_S):
            await story()

    asyncio.run(bounded())


def test_a_view_is_computed_once_for_fifty_subscribers() -> None:
    async def story() -> None:
        hub, boards = hub_with(FIGURES)
        async with serving(hub) as host, contextlib.AsyncExitStack() as stack:
            pages = [await stack.enter_async_context(page(host)) for _ in range(50)]
            for one in pages:
                await one.subscribe("figures")
            first = [await one.hear_seq("figures", 1) for one in pages]
            assert {json.dumps(message) for message in first} == {json.dumps(first[0])}
            assert (hub.subscribers, hub.topics, hub.subscriptions) == (50, 1, 50)
            computed, read = hub.computed, boards.read
            assert computed == 1
            seq = boards.change()
            assert [(await one.hear_seq("figures", seq))["data"]["seq"] for one in pages] == [seq] * 50
            assert (hub.computed, boards.read) == (computed + 1, read + 1)
        assert (hub.topics, hub.subscribers) == (0, 0)

    run(story)


def test_views_of_one_moment_share_one_board() -> None:
    async def story() -> None:
        hub, boards = hub_with(FIGURES, OWN)
        async with serving(hub) as host, page(host) as one:
            await one.subscribe("figures")
            await one.subscribe("shell")
            await one.hear_seq("figures", 1)
            await one.hear_seq("shell", 1)
            read = boards.read
            seq = boards.change()
            await one.hear_seq("figures", seq)
            await one.hear_seq("shell", seq)
            assert boards.read == read + 1

    run(story)


def test_a_burst_of_changes_is_computed_at_once_and_then_together() -> None:
    async def story() -> None:
        hub, boards = hub_with(FIGURES, round_s=0.2)
        async with serving(hub) as host, page(host) as one:
            await one.subscribe("figures")
            await one.hear_seq("figures", 1)
            computed = hub.computed
            for _ in range(99):
                boards.change()
            last = boards.change()
            await one.hear_seq("figures", last)
            assert hub.computed - computed <= 3

    run(story)


def test_the_hello_says_build_clock_and_viewer() -> None:
    async def story() -> None:
        hub, _ = hub_with(FIGURES)
        async with serving(hub) as host, page(host, "yaozhuang") as one:
            hello = await one.hear("hello")
            assert hello["build"] == "build-1"
            assert hello["clock"] == {"now": CLOCK.now(), "speed": 0.0, "world": "replay"}
            assert hello["viewer"] == {"name": "沈立", "name_en": "沈立", "towns": [TOWNS[0]]}

    run(story)


def test_the_same_subscription_twice_is_one_and_resends_the_view() -> None:
    async def story() -> None:
        hub, _ = hub_with(FIGURES)
        async with serving(hub) as host, page(host) as one:
            await one.subscribe("figures")
            await one.hear_seq("figures", 1)
            await one.subscribe("figures")
            await one.hear_seq("figures", 1)
            assert (hub.subscriptions, hub.computed) == (1, 1)
            await one.say(do="unsubscribe", view="figures", scope="all", lang="zh")
            await until(lambda: hub.topics == 0, "the end of the only subscription")

    run(story)


def test_ten_reloads_leave_one_subscription() -> None:
    async def story() -> None:
        hub, _ = hub_with(FIGURES)
        async with serving(hub) as host:
            for _ in range(9):
                async with page(host) as one:
                    await one.subscribe("figures")
                    await one.hear_seq("figures", 1)
            async with page(host) as one:
                await one.subscribe("figures")
                await one.hear_seq("figures", 1)
                await until(lambda: hub.subscribers == 1, "one socket")
                assert (hub.subscriptions, hub.topics) == (1, 1)

    run(story)


def test_two_viewers_of_different_scope_never_see_each_others_data() -> None:
    async def story() -> None:
        hub, boards = hub_with(FIGURES, OWN)
        async with serving(hub) as host, page(host, "yaozhuang") as a, page(host, "xitang") as b:
            for one, own, other in ((a, TOWNS[0], TOWNS[1]), (b, TOWNS[1], TOWNS[0])):
                await one.subscribe("figures", other)
                assert (await one.hear("refused"))["reason"] == "scope"
                await one.subscribe("figures", "all")
                assert (await one.hear("refused"))["reason"] == "scope"
                await one.subscribe("figures", own)
                await one.subscribe("shell")
            for _ in range(3):
                seq = boards.change()
                for one, own in ((a, TOWNS[0]), (b, TOWNS[1])):
                    message = await one.hear_seq("figures", seq)
                    assert (message["scope"], message["data"]["towns"]) == (own, [own])
                for one, own in ((a, TOWNS[0]), (b, TOWNS[1])):
                    await one.subscribe("shell")
                    assert (await one.hear_seq("shell", seq))["data"]["towns"] == [own]
            assert hub.topics == 4

    run(story)


def test_viewers_of_other_feeds_do_not_share_a_text() -> None:
    async def story() -> None:
        hub, _ = hub_with(FIGURES)
        few = Viewer(name="一路", roles=frozenset({Role.API}), feeds=frozenset({"patrol"}))
        every = Viewer(name="全部", roles=frozenset({Role.API}))
        hub.identify = lambda connection: few if connection.headers["x-viewer"] == "few" else every
        async with serving(hub) as host, page(host, "few") as a, page(host, "every") as b:
            for one in (a, b):
                await one.subscribe("figures")
                await one.hear_seq("figures", 1)
            assert hub.topics == 2

    run(story)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"do": "subscribe", "view": "nothing", "scope": "all", "lang": "zh"}, "view"),
        ({"do": "subscribe", "view": "figures", "scope": "999999999", "lang": "zh"}, "scope"),
        ({"do": "subscribe", "view": "figures", "scope": "all", "lang": "xx"}, "view"),
        ({"do": 1}, "message"),
    ],
)
def test_what_does_not_exist_is_refused_and_keeps_nothing(asked: dict[str, object], reason: str) -> None:
    async def story() -> None:
        hub, _ = hub_with(FIGURES)
        async with serving(hub) as host, page(host) as one:
            await one.say(**asked)
            assert (await one.hear("refused"))["reason"] == reason
            assert hub.topics == 0
            await one.subscribe("figures")
            await one.hear_seq("figures", 1)

    run(story)


def test_a_foreign_origin_is_refused() -> None:
    async def story() -> None:
        hub, _ = hub_with(FIGURES)
        async with serving(hub) as host:
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with page(host, origin="http://evil.example"):
                    pass
            assert refused.value.response.status_code == 403
            async with page(host, origin=f"http://{host}") as own:
                await own.hear("hello")

    run(story)


def test_nobody_is_told_so_and_closed_with_4401() -> None:
    async def story() -> None:
        hub, _ = hub_with(FIGURES)
        async with serving(hub) as host, page(host, "stranger") as one:
            assert (await one.hear("bye"))["reason"] == "session"
            with pytest.raises(websockets.ConnectionClosed):
                await one.connection.recv()
            assert one.connection.close_code == 4401

    run(story)


def test_beats_come_with_the_clock_and_rebuild_views_of_time_alone() -> None:
    async def story() -> None:
        timed = View("timed", _figures, clock_only=True, needs=Permission.FIGURES)
        hub, _ = hub_with(FIGURES, timed, heartbeat_s=0.02)
        async with serving(hub) as host, page(host) as one:
            await one.subscribe("timed")
            await one.subscribe("figures")
            await one.hear_seq("timed", 1)
            for _ in range(3):
                assert (await one.hear("beat"))["clock"]["now"] == CLOCK.now()
                await one.hear("view", view="timed")

    run(story)


def test_an_ended_session_is_closed_on_the_next_beat() -> None:
    async def story() -> None:
        standing = {"沈立": True}
        hub, _ = hub_with(FIGURES, heartbeat_s=0.02, recheck=lambda viewer: standing.get(viewer.name, True))
        async with serving(hub) as host, page(host, "yaozhuang") as one, page(host) as other:
            await one.hear("beat")
            standing["沈立"] = False
            assert (await one.hear("bye"))["reason"] == "session"
            with pytest.raises(websockets.ConnectionClosed):
                await one.connection.recv()
            assert one.connection.close_code == 4401
            await other.hear("beat")
            await other.hear("beat")

    run(story)


def test_a_check_that_cannot_be_made_ends_no_session() -> None:
    async def story() -> None:
        async def unreachable(viewer: Viewer) -> bool:
            raise ConnectionError("the database is away")

        hub, _ = hub_with(FIGURES, heartbeat_s=0.02, recheck=unreachable)
        async with serving(hub) as host, page(host) as one:
            await one.hear("beat")
            await one.hear("beat")

    run(story)


def test_an_error_in_one_view_never_stops_another() -> None:
    async def story() -> None:
        hub, boards = hub_with(BROKEN, FIGURES)
        async with serving(hub) as host, page(host) as one, page(host) as other:
            await one.subscribe("broken")
            await other.subscribe("figures")
            trouble = await one.hear("trouble")
            assert (trouble["view"], trouble["scope"], trouble["lang"]) == ("broken", "all", "zh")
            for _ in range(3):
                seq = boards.change()
                await other.hear_seq("figures", seq)
                await one.hear("trouble")
            assert hub.troubles >= 4

    run(story)


def test_a_view_that_hangs_holds_up_nothing_but_itself() -> None:
    async def story() -> None:
        release = threading.Event()

        def hanging(board: Any, scope: str, lang: str) -> dict[str, Any]:
            release.wait(PATIENCE_S)
            return {}

        hub, boards = hub_with(View("hanging", hanging, needs=Permission.FIGURES), FIGURES)
        try:
            async with serving(hub) as host, page(host) as one:
                await one.subscribe("hanging")
                await one.subscribe("figures")
                for _ in range(3):
                    await one.hear_seq("figures", boards.change())
                release.set()
                await one.hear("view", view="hanging")
        finally:
            release.set()

    run(story)


def test_a_lost_change_channel_is_asked_for_again() -> None:
    async def story() -> None:
        class Breaking(Boards):
            asked = 0

            async def changes(self) -> AsyncIterator[object]:
                self.asked += 1
                if self.asked < 3:
                    raise ConnectionError("Redis is away")
                async for change in super().changes():
                    yield change

        boards = Breaking()
        hub = Hub(boards, [FIGURES], CLOCK, "b", 60, identify=by_header, round_s=0)
        async with serving(hub) as host, page(host) as one:
            await one.subscribe("figures")
            await until(lambda: boards.asked >= 3, "a third connection")
            await one.hear_seq("figures", boards.change())

    run(story)


def test_a_stalled_client_does_not_grow_the_server_and_gets_the_latest_when_it_reads_again() -> None:
    body = "巡" * 200_000

    def big(board: Any, scope: str, lang: str) -> dict[str, Any]:
        return {"seq": board.seq, "body": body}

    async def story() -> None:
        hub, boards = hub_with(View("big", big, needs=Permission.FIGURES), FIGURES)
        async with serving(hub) as host, page(host) as reader:
            stalled = await asyncio.to_thread(_handshake, host)
            try:
                await reader.subscribe("figures")
                await until(lambda: hub.subscriptions == 2, "both subscriptions")

                async def push(times: int) -> int:
                    seq = 0
                    for _ in range(times):
                        computed = hub.computed
                        seq = boards.change()
                        await reader.hear_seq("figures", seq)
                        await until(lambda before=computed: hub.computed >= before + 2, "both views")  # type: ignore[misc]
                    return seq

                await push(20)
                tracemalloc.start()
                before = tracemalloc.get_traced_memory()[0]
                last = await push(60)
                grown = tracemalloc.get_traced_memory()[0] - before
                tracemalloc.stop()
                assert hub.dropped >= 60
                # Sixty documents of 600 kB would be 36 MB; one slot and the socket's own buffer may turn over.
                assert grown < 5_000_000
                assert await asyncio.to_thread(_read_until, stalled, f'"seq":{last}') < 40
            finally:
                stalled.close()

    run(story)


def _handshake(host: str) -> socket.socket:
    """A client that subscribes to ``big`` and then reads nothing."""
    name, port = host.split(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(PATIENCE_S)
    made.connect((name, int(port)))
    made.sendall(
        f"GET /live HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += made.recv(1)
    text = json.dumps({"do": "subscribe", "view": "big", "scope": "all", "lang": "zh"}).encode()
    mask = os.urandom(4)
    made.sendall(bytes((0x81, 0x80 | len(text))) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
    return made


def _read_until(stalled: socket.socket, wanted: str) -> int:
    """Read until the newest document is there; how many documents came."""
    seen, tail = 0, b""
    needle = wanted.encode()
    while True:
        chunk = tail + stalled.recv(1 << 20)
        seen += chunk.count(b'"type":"view"') - tail.count(b'"type":"view"')
        if needle in chunk:
            return seen
        tail = chunk[-64:]


def test_the_build_id_follows_the_source(tmp_path: Any) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    first = build_id(tmp_path)
    (tmp_path / "notes.txt").write_text("not of the build")
    assert build_id(tmp_path) == first
    (tmp_path / "a.py").write_text("x = 2")
    assert build_id(tmp_path) != first
    assert len(first) == 12
