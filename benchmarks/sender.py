"""An HTTP client that costs as little as one can: keep-alive connections that send bodies made beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from benchmarks.stage import NotMeasured

T = TypeVar("T")
ANSWER_S = 30.0


def run(job: Coroutine[Any, Any, T], patience_s: float) -> T:
    """Run a job on a fast event loop.

    Raises:
        NotMeasured: it takes longer than ``patience_s``.
    """
    import uvloop

    async def bounded() -> T:
        async with asyncio.timeout(patience_s):
            return await job

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(bounded())
        except TimeoutError:
            raise NotMeasured(f"{patience_s:.0f} 秒内没有测完") from None


class Sender:
    """One connection to one address."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def request(self, feed: str, body: bytes, lines: bool) -> bytes:
        """A request's bytes."""
        kind = "application/x-ndjson" if lines else "application/json"
        head = (
            f"POST /api/v1/events/{feed} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def send(self, request: bytes) -> None:
        """Send a request and wait for its 202.

        Raises:
            NotMeasured: another answer.
        """
        if self._writer is not None and (self._reader is None or self._reader.at_eof() or self._writer.is_closing()):
            # The server ends a connection that was idle for five seconds, as it should.
            await self.close()
            self._reader = self._writer = None
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writer.write(request)
        async with asyncio.timeout(ANSWER_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line[15:])
            body = await self._reader.readexactly(length)
        if b" 202 " not in head[:20]:
            raise NotMeasured(f"网关回答 {head[:40].decode()}：{body[:200].decode('utf-8', 'replace')}")

    async def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()


async def send_all(port: int, token: str, queues: Sequence[Sequence[tuple[str, bytes]]], lines: bool) -> float:
    """Send queues of (feed, body), each over a connection of its own, at once; returns the seconds taken."""
    senders = [Sender(port, token) for _ in queues]
    ready = [
        [one.request(feed, body, lines) for feed, body in queue] for one, queue in zip(senders, queues, strict=True)
    ]

    async def drain(sender: Sender, requests: Sequence[bytes]) -> None:
        for request in requests:
            await sender.send(request)

    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        await asyncio.gather(*(drain(one, requests) for one, requests in zip(senders, ready, strict=True)))
        return loop.time() - start
    finally:
        for one in senders:
            await one.close()
