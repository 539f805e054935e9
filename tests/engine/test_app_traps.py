"""The traps of Dash 4.4.1 on FastAPI, each met once and each held shut here; and the doors around the pages."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import APIRouter

from dashboard.access.policy import Open, needs
from dashboard.app import PAGES, Check, build_app
from dashboard.clock import FixedClock
from dashboard.live import Hub
from dashboard.settings import Settings
from tests.engine.served import PACK, TOWNS, Boards, by_header, page, served

CLOCK = FixedClock(1_582_000_000_000, "replay")


class Answer:
    """One HTTP answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.text = body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


Ask = Callable[..., Awaitable[Answer]]


def _ask(host: str) -> Ask:
    def blocking(path: str, method: str, headers: Mapping[str, str], body: object) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{host}{path}", data, dict(headers), method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request) as got:
                return Answer(got.status, dict(got.headers), got.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    async def ask(path: str, method: str = "GET", body: object = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await asyncio.to_thread(blocking, path, method, named, body)

    return ask


@asynccontextmanager
async def running(
    boards: Boards | None = None, checks: Mapping[str, Check] | None = None
) -> AsyncIterator[tuple[str, Ask]]:
    """A whole application on a fresh process's footing: nothing has been asked of it yet."""
    hub = Hub(boards or Boards(), [], CLOCK, "build-1", 60, identify=by_header)
    router = APIRouter(prefix="/api/v1", tags=["figures"])

    @router.get("/figures", summary="Figures")
    @needs(Open.SIGNED)
    async def figures() -> dict[str, list[str]]:
        return {"figures": []}

    app = build_app(Settings.load(), hub, None, None, [router], PACK, CLOCK, checks=checks)
    async with served(app) as host:
        yield host, _ask(host)


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a test's story in a loop of its own."""
    asyncio.run(story())  # type: ignore[arg-type]


def test_the_first_request_of_a_fresh_process_may_be_for_the_wall() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            wall = await ask("/wall")
            assert wall.status == 200
            for asset in ("00-tokens.css", "10-shell.css", "live.js", "shell.js"):
                assert f"/assets/{asset}" in wall.text
            assert '"tw-frame.children"' in (await ask("/_dash-dependencies")).text

    run(story)


def test_pages_open_no_socket_but_ours() -> None:
    async def story() -> None:
        async with running() as (host, ask):
            config = json.loads(re.findall(r'id="_dash-config"[^>]*>(.*?)</script>', (await ask("/")).text)[0])
            assert "websocket" not in config
            assert (await ask("/_dash-ws-callback")).status == 404
            async with page(host, origin=f"http://{host}") as one:
                assert (await one.hear("hello"))["build"] == "build-1"

    run(story)


@pytest.mark.parametrize("path", ["/api/nothing", "/api", "/api/v1/nothing", "/assets/nothing.js", "/_dash-nothing"])
def test_what_a_machine_asks_for_and_is_not_there_is_a_json_404(path: str) -> None:
    async def story() -> None:
        async with running() as (_, ask):
            for method in ("GET", "POST"):
                answer = await ask(path, method)
                assert answer.status in (404, 405), method
                assert answer.headers["content-type"].startswith("application/json")
            assert (await ask(path)).status == 404

    run(story)


def test_a_wrong_method_is_a_405_that_says_which_is_right() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            answer = await ask("/api/v1/figures", "POST")
            assert (answer.status, answer.headers["allow"]) == (405, "GET")

    run(story)


def test_an_unknown_page_is_a_404_inside_the_shell() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            for path in ("/nothing", "/town/999999999", "/town"):
                answer = await ask(path)
                assert answer.status == 404
                assert "/assets/live.js" in answer.text

    run(story)


def test_the_documentation_is_kept_and_fetches_nothing() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            docs = await ask("/api/docs")
            assert docs.status == 200
            assert "/api/v1/figures" in docs.text
            assert not re.search(r'(?:src|href)="(?:https?:)?//', docs.text)
            assert "/api/v1/figures" in (await ask("/api/openapi.json")).json["paths"]

    run(story)


def test_nothing_comes_from_another_host() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            for path in ("/", "/wall", "/system"):
                found = re.findall(r'(?:src|href)="([^"]+)"', (await ask(path)).text)
                assert found
                assert [address for address in found if not address.startswith("/")] == []

    run(story)


def test_the_document_is_in_its_language_theme_and_surface_before_any_script() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            wall = (await ask("/wall")).text
            assert '<html lang="zh-CN" data-theme="dark" data-surface="wall">' in wall
            system = (await ask("/system?lang=en")).text
            assert '<html lang="en" data-theme="light" data-surface="desk">' in system
            assert "<title>System · Townwatch</title>" in system
            assert '<meta name="townwatch-build" content="build-1">' in system
            assert '"><script>' not in (await ask('/nothing?lang="><script>')).text

    run(story)


def test_every_answer_carries_the_security_headers() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            for path in ("/", "/api/nothing", "/healthz", "/assets/live.js"):
                headers = (await ask(path)).headers
                policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
                assert "unsafe" not in policy["script-src"]
                assert (policy["frame-ancestors"], policy["object-src"]) == ("'self'", "'none'")
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["referrer-policy"] == "same-origin"

    run(story)


def test_the_documents_only_inline_script_is_the_one_the_policy_allows() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            text = (await ask("/")).text
            inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", text)
            assert [("application/json" in one, "_dash-renderer" in one) for one in inline] == [
                (True, False),
                (False, True),
            ]
            assert not re.search(r"\son[a-z]+=", text.split("_dash-config", 1)[0])

    run(story)


def test_answers_are_compressed() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            assert (await ask("/", Accept_Encoding="gzip")).headers["content-encoding"] == "gzip"

    run(story)


async def _framed(ask: Ask, path: str, search: str = "", **headers: str) -> str:
    given = [
        {"id": "tw-url", "property": "pathname", "value": path},
        {"id": "tw-url", "property": "search", "value": search},
    ]
    body = {
        "output": "tw-frame.children",
        "outputs": {"id": "tw-frame", "property": "children"},
        "inputs": given,
        "changedPropIds": ["tw-url.pathname"],
    }
    answer = await ask("/_dash-update-component", "POST", body, **headers)
    assert answer.status == 200, answer.text
    return json.dumps(answer.json["response"]["tw-frame"]["children"], ensure_ascii=False)


def test_each_page_comes_in_its_frame() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            for name, path in (
                ("overview", "/"),
                ("town", f"/town/{TOWNS[0]}"),
                ("system", "/system"),
                ("wall", "/wall"),
            ):
                text = await _framed(ask, path)
                assert f'"data-page": "{name}"' in text, path
                assert "演示：情景回放" in text
                assert ('"tw-top"' in text) == (name != "wall")
            assert "没有这一页" in await _framed(ask, "/nothing")
            assert "No such page" in await _framed(ask, "/nothing", "?lang=en")

    run(story)


def test_a_viewer_opens_and_is_offered_its_own_towns_only() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            own = await _framed(ask, f"/town/{TOWNS[0]}", x_viewer="yaozhuang")
            assert '"data-page": "town"' in own
            assert "西塘镇" not in own
            other = await _framed(ask, f"/town/{TOWNS[1]}", x_viewer="yaozhuang")
            assert "无查看权限" in other
            assert (await ask(f"/town/{TOWNS[1]}", x_viewer="yaozhuang")).status == 403
            assert (await ask("/", x_viewer="stranger")).status == 401
            with pytest.raises(AssertionError, match="请先登录"):
                await _framed(ask, "/", x_viewer="stranger")
            for path in ("/_dash-layout", "/_dash-dependencies", "/api/v1/figures"):
                assert (await ask(path, x_viewer="stranger")).status == 401

    run(story)


def test_every_callback_names_ids_that_some_page_has() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            spelled = {
                "town": f"/town/{TOWNS[0]}",
                "handover": f"/town/{TOWNS[0]}/handover",
                "record": "/record/patrol",
                "feeds": "/feeds/permit",
            }
            paths = [spelled.get(one.name, one.path.pattern) for one in PAGES]
            assert all(one.path.fullmatch(path) for one, path in zip(PAGES, paths, strict=True))
            known = set(
                re.findall(
                    r'"id": "([^"{]+)"', "".join([await _framed(ask, path, x_viewer="office") for path in paths])
                )
            )
            known |= set(re.findall(r'"id":"([^"{]+)"', (await ask("/_dash-layout")).text))
            for callback in (await ask("/_dash-dependencies")).json:
                for given in [*callback["inputs"], *callback["state"]]:
                    assert given["id"].startswith("{") or given["id"] in known, callback

    run(story)


def test_alive_is_not_ready_until_every_part_answers() -> None:
    class Waiting(Boards):
        there = False

        async def board(self, viewer: Any) -> Any:
            if not self.there:
                raise ConnectionError("Redis 不应答")
            return await super().board(viewer)

    async def story() -> None:
        boards, database = Waiting(), {"up": True}

        async def asked() -> None:
            if not database["up"]:
                raise ConnectionError("the database does not answer")

        async with running(boards, {"database": asked, "redis": lambda: True}) as (_, ask):
            assert (await ask("/healthz")).json["status"] == "alive"
            early = await ask("/readyz")
            assert early.status == 503
            assert early.json["parts"]["board"] == "no board has been read yet"
            assert early.json["parts"]["database"] == early.json["parts"]["redis"] == "ok"
            boards.there = True
            await _ready(ask)
            database["up"] = False
            late = await ask("/readyz")
            assert (late.status, late.json["parts"]["database"]) == (503, "the database does not answer")

    run(story)


async def _ready(ask: Ask) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + 20
    while (await ask("/readyz")).status != 200:
        assert loop.time() < end, "never became ready"


def test_metrics_count_open_sockets() -> None:
    async def story() -> None:
        async with running() as (host, ask), page(host) as one:
            await one.hear("hello")
            text = (await ask("/metrics")).text
            assert "townwatch_live_subscribers 1.0" in text

    run(story)


def test_the_mark_is_the_icon() -> None:
    async def story() -> None:
        async with running() as (_, ask):
            assert (await ask("/favicon.ico")).headers["content-type"].startswith("image/svg+xml")
            assert 'href="/assets/mark.svg' in (await ask("/")).text

    run(story)


def test_two_applications_in_one_process_do_not_share_pages() -> None:
    async def story() -> None:
        async with running() as (_, first), running() as (_, second):
            assert (await first("/nothing")).status == (await second("/nothing")).status == 404
            assert '"data-page": "overview"' in await _framed(first, "/")
            assert '"data-page": "overview"' in await _framed(second, "/")

    run(story)
