"""An application served on a free loopback port, one request to it, and its answer."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import uvicorn


class Answer:
    """One HTTP answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, {name.lower(): value for name, value in headers.items()}, body
        self.cookies: list[str] = []
        """Each ``Set-Cookie`` as it came."""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def request(port: int, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    """Ask this machine's server at a port; ``target`` goes as it stands."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, target, body, dict(headers))
        got = connection.getresponse()
        answer = Answer(got.status, dict(got.getheaders()), got.read())
        answer.cookies = got.headers.get_all("Set-Cookie") or []
        return answer


@contextlib.contextmanager
def serving(app: Any, **how: Any) -> Iterator[int]:
    """The port at which an application answers, served by uvicorn in a thread of its own; ``how`` are its settings."""
    web = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, **({"log_config": None} | how)))
    ready, started = threading.Event(), web.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        ready.set()

    web.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=web.run)
    thread.start()
    try:
        assert ready.wait(60)
        yield web.servers[0].sockets[0].getsockname()[1]
    finally:
        web.should_exit = True
        thread.join()
