"""Every act that comes by HTTP is noted in the audit, whether or not its route thinks of it.

What changes something is noted before it is done: where it cannot be noted it is answered 503 and not done. What hands
out records, files or snapshots is noted before the first byte goes out. What is refused (401, 403) is noted when it is.
A route of a colleague that nobody thought of is an act like any other: every method but GET, HEAD and OPTIONS is.

Not noted one by one: records that devices and programs send (they are the truth themselves, with source and time),
figures, and the pages' own callbacks. Routes in ``OWN`` say more than a path does and note themselves.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from sqlalchemy.exc import OperationalError
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.audit import Audit, Kind
from dashboard.access.viewer import Viewer
from dashboard.api.common import Gate, Refused, refusal
from dashboard.clock import Clock
from dashboard.errors import StoreUnavailable

UNKNOWN = "?"
"""Somebody without a valid token or session."""
STREAMED = re.compile(r"/(?:api/v1/events/|osmand|owntracks|_dash|_reload|assets/)")
"""Not acts one by one; only refusals are noted."""
OWN = re.compile(
    r"/api/v1/(?:forms/(?!nothing$)|cases/[^/]+/.+/contact$|actions|snapshots|replay$"
    r"|imports/[^/]+/(?:commit|withdraw|restore)$)|/signin|/sign-?out|/pair"
)
"""Routes that note themselves what they change."""
QUESTIONS = re.compile(r"/api/v1/forms/[^/]+/check")
"""They ask and change nothing, although by POST."""
WRITES: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"/api/v1/imports?/"), Kind.IMPORT),
    (re.compile(r"/api/v1/(?:admin/)?tokens"), Kind.TOKEN),
    (re.compile(r"/api/v1/(?:admin/)?(?:accounts?|devices?|sessions?|users?)"), Kind.ACCOUNT),
    (re.compile(r"/api/v1/snapshots"), Kind.SNAPSHOT),
)
READS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"/api/v1/records\.\w+|/api/v1/export/|/api/v1/access\.\w+"), Kind.EXPORT),
    (re.compile(r"/api/v1/imports/[^/]+/errors\."), Kind.EXPORT),
    (re.compile(r"/api/v1/records|/api/v1/dead-letters|/api/v1/imports/"), Kind.VIEW),
    (re.compile(r"/api/v1/snapshots/\d[^/]*\.\w+"), Kind.SNAPSHOT),
)


class Audited:
    """The middleware. Innermost, so that an answer of its own gets the headers that every answer has."""

    def __init__(self, app: ASGIApp, audit: Audit, gate: Gate, clock: Clock) -> None:
        self.app, self.audit, self.gate, self.clock = app, audit, gate, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, noting what it is."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        safe = method in ("GET", "HEAD", "OPTIONS")
        own = not safe and bool(OWN.match(path))
        # Thousands of records a second come this way: nothing is made for them but the look at their answer.
        plain = own or STREAMED.match(path) or QUESTIONS.fullmatch(path)
        kind = None if plain else _kind(READS, path) if safe else (_kind(WRITES, path) or Kind.CHANGE)
        asked = None if kind is None else _Asked(self, scope, kind, safe)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                if status in (401, 403):
                    await asyncio.to_thread((asked or _Asked(self, scope, None, safe)).refused)
                elif asked is not None and safe and status < 400 and method == "GET":
                    await asyncio.to_thread(asked.noted)
                elif asked is not None and asked.number and status >= 400:
                    await asyncio.to_thread(asked.failed, status)
            await send(message)

        try:
            if asked is not None and not safe:
                await asyncio.to_thread(asked.noted)
            await self.app(scope, receive, told)
        except _NotNoted as away:
            await refusal(away.error)(scope, receive, send)


class _NotNoted(Exception):
    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Asked:
    """One request as the audit tells it."""

    def __init__(self, door: Audited, scope: Scope, kind: Kind | None, safe: bool) -> None:
        self.door, self.scope, self.kind, self.safe = door, scope, kind, safe
        self.number = 0
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        self.town = query.get("town", query.get("scope", [""]))[-1]
        # Unescaped: a number written as 138%205730%201234 must be known for one when it is masked.
        asked = unquote_plus(scope.get("query_string", b"").decode("latin-1"), errors="replace")
        self.what = scope["path"].removeprefix("/api/v1/") + (f"?{asked}" if safe and asked else "")

    def who(self) -> str:
        """Who asks: a person, ``token:<label>``, or ``?``."""
        connection = HTTPConnection(self.scope)
        return who_asks(self.door.gate, connection)

    def noted(self) -> None:
        """Note the act; an unknown somebody is refused by the route, and that is noted."""
        try:
            who = self.who()
            if self.kind is not None and who != UNKNOWN:
                note = self.door.audit.once if self.safe and self.kind is Kind.VIEW else self.door.audit.note
                outcome = "done" if self.safe else "asked"
                self.number = note(self.door.clock.now(), who, self.kind, self.what, self.town, outcome) or 0
        except (StoreUnavailable, OperationalError) as error:
            raise _NotNoted(error) from error

    def refused(self) -> None:
        """Note that it was refused."""
        try:
            who = self.who()
        except (StoreUnavailable, OperationalError):
            return
        what, town = self.what, self.town
        if who == UNKNOWN:
            # Whoever is nobody could fill the audit with addresses made up one by one.
            what, town = self.scope["path"].removeprefix("/api/v1/").strip("/").partition("/")[0], ""
        self.door.audit.refused(self.door.clock.now(), who, f"{self.scope['method']} {what}", town)

    def failed(self, status: int) -> None:
        """Note that what was noted came to nothing."""
        if self.kind is not None:
            now = self.door.clock.now()
            self.door.audit.failed(now, self.who(), self.kind, self.what, self.town, str(status))


def who_asks(gate: Gate, connection: Any) -> str:
    """The name under which the audit knows whoever asks."""
    if gate.secret(connection) is not None:
        try:
            return f"token:{gate.grant(connection).label}"
        except Refused:
            return UNKNOWN
    viewer = gate.viewer(connection)
    return UNKNOWN if viewer is None else viewer.name


def _kind(table: tuple[tuple[re.Pattern[str], Kind], ...], path: str) -> Kind | None:
    return next((kind for pattern, kind in table if pattern.match(path)), None)


def opened(audit: Audit, clock: Clock) -> Callable[[Viewer, str, str, str], None]:
    """What the hub tells of before it shows a row's details."""

    def note(viewer: Viewer, view: str, row: str, scope: str) -> None:
        audit.once(clock.now(), viewer.name, Kind.VIEW, f"{view}/{row}", "" if scope == "all" else scope)

    return note


def turned_away(audit: Audit, clock: Clock) -> Callable[[Viewer | None, str], None]:
    """What the hub tells of when it refuses somebody."""

    def note(viewer: Viewer | None, what: str) -> None:
        audit.refused(clock.now(), UNKNOWN if viewer is None else viewer.name, what)

    return note
