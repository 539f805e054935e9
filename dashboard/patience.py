"""How long the server waits for a client that sends slowly, and how much it takes before it knows what is asked.

uvicorn alone waits for ever for the rest of a request's head, and keeps a head of any size: a few hundred idle
connections or one endless header would be enough to end the service. A body may take as long as it keeps coming.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 15.0
"""For the whole head of a request, from its first byte or from the opening of the connection."""
HEAD_BYTES = 64 * 1024
"""For the whole head of a request; our own pages need 2 KiB."""
BODY_S, BODY_BYTES = 20.0, 4096
"""In every such time at least so much of a body must come: 1.6 kbit/s, less than any telephone has."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = None
        self._in_body = False
        self._taken = 0
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes, and begin to wait where a further request begins."""
        self._taken += len(data)
        if not self._in_body:
            if self._timer is None:
                self._wait_for_head()
                self._taken = len(data)
            if self._taken > HEAD_BYTES and len(data) < self._taken:
                self._end("431 Request Header Fields Too Large")
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is there: from now on its body is waited for."""
        self._stop()
        self._in_body = True
        self._taken = 0
        size = sum(len(name) + len(value) for name, value in self.headers) + len(self.url)
        super().on_headers_complete()
        if size > HEAD_BYTES:
            self.transport.close()
            return
        self._watch_body()

    def on_message_complete(self) -> None:
        """The request is there."""
        self._stop()
        self._in_body = False
        self._taken = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """A socket has a patience of its own."""
        self._stop()
        super().handle_websocket_upgrade()

    def _wait_for_head(self) -> None:
        self._stop()
        self._timer = self.loop.call_later(HEAD_S, self._end, "408 Request Timeout")

    def _watch_body(self) -> None:
        self._stop()
        self._timer = self.loop.call_later(BODY_S, self._body_came, self._taken)

    def _body_came(self, before: int) -> None:
        # While we do not read, nothing can come.
        if self.flow.read_paused or self._taken - before >= BODY_BYTES:
            self._watch_body()
        else:
            self._stop()
            self.transport.close()

    def _end(self, status: str) -> None:
        self._stop()
        if not self.transport.is_closing():
            answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            self.transport.write(answer.encode("ascii"))
            self.transport.close()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


SERVED: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "http": PatientProtocol,
    "ws": "websockets-sansio",
    "ws_max_size": 64 * 1024,
    "server_header": False,
    "ws_per_message_deflate": False,
    "timeout_graceful_shutdown": 3,
}
"""How every web process is served."""
