"""Every request has an id, the sender's ``X-Request-Id`` or one of ours: it is answered, logged, and goes with records.

Outermost of all layers, so that refusals and errors have it too. Counts and times answers by door.
"""

from __future__ import annotations

import re
import secrets
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.telemetry import REQUEST, counted

log = structlog.get_logger("request")

HEADER = b"x-request-id"
_NAME = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
DOORS = (
    ("/api/v1/events/", "events"),
    ("/api/", "api"),
    ("/osmand", "phones"),
    ("/owntracks", "phones"),
    ("/assets/", "assets"),
    ("/_dash", "pages"),
    ("/healthz", "machine"),
    ("/readyz", "machine"),
    ("/metrics", "machine"),
)
"""Beginning of a path -> its door; anything else is a page. Few and fixed: a label for every path would be endless."""


def door_of(path: str) -> str:
    """The door of a path."""
    return next((door for start, door in DOORS if path.startswith(start)), "pages")


class Requests:
    """Names, counts and times requests."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        # What is not plainly a name is not repeated: it goes into logs and into an answer's head.
        name = given if _NAME.fullmatch(given) else secrets.token_hex(8).encode()
        began = time.perf_counter()
        status = 500
        held = REQUEST.set(name.decode())

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, name)]
            await send(message)

        try:
            await self.app(scope, receive, named)
        finally:
            door = door_of(scope["path"])
            took = time.perf_counter() - began
            counted("requests_total", door, str(status)).inc()
            counted("request_seconds", door).observe(took)
            if status >= 500:
                log.warning("answered", door=door, path=scope["path"], status=status, ms=round(took * 1000, 1))
            REQUEST.reset(held)


__all__ = ["DOORS", "HEADER", "Requests", "door_of"]
