"""The guard before every door: what declares nothing is refused, and what is declared is asked for.

It stands inside the headers and before every route. A path that no route has goes to the pages alone, so that nothing
can be reached which the guard has not seen. Requests that a browser sends for somebody else's page (CSRF) end here too.
"""

from __future__ import annotations

import hmac
import inspect
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.policy import Needs, Open, Permission, needed, permits, require
from dashboard.access.sessions import csrf_of
from dashboard.access.viewer import Viewer
from dashboard.api.common import Refused, cookie_of, refusal
from dashboard.errors import NotAllowed
from dashboard.live import same_origin

CSRF_COOKIE, CSRF_HEADER = "_csrf_token", "x-csrftoken"
"""Dash sends the header from this cookie by itself; ``00-csrf.js`` does it for everything else."""

OWN = "townwatch.own"
"""Key of the scope of requests that the process makes to itself; nothing from outside can set one."""

FIXED: Mapping[str, Needs] = {
    "/api/openapi.json": Open.PUBLIC,
    "/assets": Open.PUBLIC,
    "/_dash-component-suites/{package_name}/{fingerprinted_path:path}": Open.PUBLIC,
    "/_dash-layout": Open.SIGNED,
    "/_dash-dependencies": Open.SIGNED,
    "/_dash-update-component": Open.SIGNED,
}
"""What is needed at routes that are not ours to mark: Dash's and FastAPI's own."""

_CALLBACK = "/_dash-update-component"
_DASH = frozenset({_CALLBACK, "/_dash-component-suites/{package_name}/{fingerprinted_path:path}"})

PAGES = frozenset({"/", "/{path:path}", "{path:path}"})
"""Paths of routes that show pages; pages declare for themselves what they need."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_KEPT = 2000

Identify = Callable[[HTTPConnection], "Viewer | None | Awaitable[Viewer | None]"]


class Door(msgspec.Struct, frozen=True):
    """A route with what it needs; ``None``: it declares nothing."""

    methods: frozenset[str]
    path: str
    needs: Needs | None
    route: Any


def flat(routes: Iterable[BaseRoute]) -> Iterator[Any]:
    """Every route, those of included routers one by one."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from flat(inner.routes)
        else:
            yield route


def doors_of(routes: Iterable[BaseRoute]) -> list[Door]:
    """Every door for HTTP of an application, in the order in which they are tried."""
    found = []
    for route in flat(routes):
        path = getattr(route, "path", "")
        if path in PAGES or not hasattr(route, "matches") or type(route).__name__ == "APIWebSocketRoute":
            continue
        declared = needed(getattr(route, "endpoint", None)) or FIXED.get(path)
        found.append(Door(frozenset(getattr(route, "methods", None) or _METHODS), path, declared, route))
    return found


class Guard:
    """Lets a request in if its door opens for whoever sends it.

    ``routes`` gives the application's routes (Dash adds some late). ``pages`` answers what no route has. ``identify``
    says who asks; it may raise what :func:`refusal` knows. What is refused is noted by whoever stands outside.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Callable[[], Sequence[BaseRoute]],
        identify: Identify,
        pages: ASGIApp | None = None,
    ) -> None:
        self.app, self.routes, self.identify, self.pages = app, routes, identify, pages
        self._doors: list[Door] = []
        self._seen = -1
        self._known: dict[tuple[str, str], Door | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "websocket" and scope["path"] != "/live":
            await send({"type": "websocket.close", "code": 1008, "reason": "no such socket"})
            return
        if scope["type"] != "http" or OWN in scope:
            await self.app(scope, receive, send)
            return
        door = self.door(scope["method"], scope["path"], scope)
        if door is None:
            await (self.pages or self.app)(scope, receive, send)
            return
        if door.needs is Open.WRITER:
            await self._straight(door)(scope, receive, send)
            return
        refused = await self._refused(door, scope)
        if refused is None and door.path in _DASH:
            refused = await self._asked_of_dash(door, scope, receive, send)
        elif refused is None:
            await self.app(scope, receive, send)
        if refused is not None:
            await refused(scope, receive, send)

    def _straight(self, door: Door) -> ASGIApp:
        """The shortest way to a door that asks for its token itself.

        Records come thousands a second. A plain route answers for its own errors, and needs nothing of what the
        framework does before a declared one: looking for it a second time costs more than decoding the record.
        """
        if type(door.route) is not Route:
            return self.app
        route = door.route

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            scope.update(route.matches(scope)[1])
            await route.handle(scope, receive, send)

        return answer

    async def _asked_of_dash(self, door: Door, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Trap: Dash answers 500 to what it does not know; it is told here what was wrong with the question."""
        if door.path == _CALLBACK and dict(scope["headers"]).get(b"content-length", b"0") == b"0":
            return refusal(Refused(400, "这里只接受页面自己的请求 · Only the pages themselves ask here."))
        begun = False

        async def told(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, told)
        except Exception:
            if begun or door.path == _CALLBACK:
                raise
            return refusal(Refused(404, "没有这个文件 · There is no such file."))
        return None

    def door(self, method: str, path: str, scope: Scope) -> Door | None:
        """The door that a request comes to."""
        routes = self.routes()
        if len(routes) != self._seen:
            self._doors, self._seen = doors_of(routes), len(routes)
            self._known.clear()
        key = (method, path)
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = next((door for door in self._doors if door.route.matches(scope)[0] == Match.FULL), None)
        return self._known[key]

    async def _refused(self, door: Door, scope: Scope) -> Response | None:
        """Why the door stays shut; ``None``: it opens."""
        connection = HTTPConnection(scope)
        if door.needs is None:
            return refusal(NotAllowed("这个地址没有声明谁可以使用，因此谁也不能用"))
        if scope["method"] not in _SAFE:
            forged = forged_by(connection, token=door.needs is not Open.PUBLIC)
            if forged:
                return refusal(Refused(403, forged))
        if door.needs in (Open.PUBLIC, Open.MIXED):
            return None
        if door.needs is Open.MACHINE and _same_machine(connection):
            return None
        try:
            found = self.identify(connection)
            viewer = await found if inspect.isawaitable(found) else found
        except Exception as error:
            return refusal(error)
        if viewer is None:
            sentence = "请先登录，或带上读取令牌 Authorization: Bearer 令牌 · Sign in, or send a reader's token."
            return refusal(Refused(401, sentence, WWW_Authenticate="Bearer"))
        needs = Permission.SYSTEM if door.needs is Open.MACHINE else door.needs
        if permits(viewer, needs):
            return None
        try:
            require(viewer, needs if isinstance(needs, Permission) else None)
        except NotAllowed as error:
            return refusal(error)
        return None


def forged_by(connection: HTTPConnection, token: bool = True) -> str:
    """Why a changing request may be somebody else's page's; empty: it is not.

    Programs that bring a token in ``Authorization`` are exempt: no browser adds one by itself.
    """
    headers = connection.headers
    if headers.get("authorization"):
        return ""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or not same_origin(connection):
        return "请求来自别的网站 · The request comes from another site."
    secret = cookie_of(connection)
    if token and secret:
        given = headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf_of(secret).encode()):
            return "页面已过期，请刷新后再试 · The page is out of date: reload it and try again."
    return ""


def _same_machine(connection: HTTPConnection) -> bool:
    """Whether a program of this machine asks, and not somebody through a proxy on it."""
    if connection.client is None or any(name in connection.headers for name in ("x-forwarded-for", "forwarded")):
        return False
    try:
        return ipaddress.ip_address(connection.client.host).is_loopback
    except ValueError:
        return False


__all__ = ["FIXED", "OWN", "Door", "Guard", "doors_of", "forged_by"]
