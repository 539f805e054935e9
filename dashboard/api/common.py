"""What every resource of the REST door shares: who is asking, how an error looks, how a moment is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from fastapi.responses import Response
from msgspec import DecodeError, json
from sqlalchemy.exc import OperationalError
from starlette.requests import ClientDisconnect

from dashboard.access import devices, sessions
from dashboard.access.devices import DeviceStore
from dashboard.access.sessions import SessionStore
from dashboard.access.tokens import Grant, TokenStore
from dashboard.access.viewer import LOCAL_VIEWER, Viewer
from dashboard.clock import Clock, machine_ms
from dashboard.errors import Backpressure, DiskFull, NotAllowed, Outdated, StoreUnavailable, TownwatchError, UnknownFeed

log = structlog.get_logger("api")
HEADER = "x-townwatch-form"
"""What a page of ours sends along: a page of another site can send a form, but no header of ours."""
MAX_BODY = 64 * 1024
"""A form's body is a line; nothing typed by hand is longer."""


class Refused(Exception):
    """An answer other than success: HTTP status, sentence, headers."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(json.encode(body), status, headers, media_type="application/json")


def refusal(error: Exception) -> Response:
    """An error as JSON: ``{"error": sentence}`` with the status that fits."""
    if isinstance(error, Refused):
        return answer({"error": error.message}, error.status, error.headers)
    if isinstance(error, Backpressure):
        status = 507 if isinstance(error, DiskFull) else 429
        return answer({"error": error.sentence}, status, {"Retry-After": str(error.retry_after)})
    if isinstance(error, StoreUnavailable):
        return answer({"error": error.sentence}, 503, {"Retry-After": "5"})
    if isinstance(error, NotAllowed):
        return answer({"error": error.sentence}, 403)
    if isinstance(error, UnknownFeed):
        return answer({"error": error.sentence}, 404)
    if isinstance(error, Outdated):
        return answer({"error": error.sentence}, 409)
    if isinstance(error, TownwatchError):
        return answer({"error": error.sentence}, 422)
    if isinstance(error, OperationalError):
        return answer({"error": "数据库没有应答，请稍后重试"}, 503, {"Retry-After": "5"})
    if isinstance(error, ClientDisconnect):
        return answer({"error": "连接在发送途中断开"}, 400)
    # Our fault, not the sender's: told as such, so that nobody throws records away because of it.
    log.error("request_failed", exc_info=error)
    return answer({"error": "服务器处理请求时出错，请稍后重试，并把日志交给维护人员"}, 500)


FIRST_YEAR, LAST_YEAR = 2000, 2999
"""No record is older (``ingest.decode.EARLIEST``); far beyond them calendars and time zones end."""


class Gate:
    """Tells who a request comes from. Deny by default."""

    def __init__(
        self,
        tokens: TokenStore,
        clock: Clock,
        local: bool,
        sessions: SessionStore | None = None,
        devices: DeviceStore | None = None,
        https: bool = False,
    ) -> None:
        self.tokens, self.clock, self.local = tokens, clock, local
        """``local``: pages are offered to this machine only, so it has a viewer until the first account exists."""
        self.sessions, self.devices, self.https = sessions, devices, https
        """``https``: people come by https, whatever the connection from their proxy looks like."""

    def secret(self, request: Any) -> str | None:
        """The bearer token of a request."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        return secret.strip() or None if kind.lower() == "bearer" else None

    def grant(self, request: Any) -> Grant:
        """What the request's token allows.

        Raises:
            Refused: 401 without a valid token.
        """
        secret = self.secret(request)
        if secret is None:
            raise Refused(401, "缺少令牌：请带上 Authorization: Bearer 令牌", WWW_Authenticate="Bearer")
        return self.grant_of(secret)

    def grant_of(self, secret: str, scheme: str = "Bearer") -> Grant:
        """What a token allows, however it was carried here.

        Raises:
            Refused: 401 when it is not valid.
        """
        found = self.tokens.check(secret, self.clock.now())
        if found is None:
            raise Refused(401, "令牌无效、已过期或已吊销", WWW_Authenticate=scheme)
        return found

    def grant_held(self, request: Any) -> Grant | None:
        """What the token allows if it was looked up a moment ago; ``None``: ask :meth:`grant`. Never waits."""
        secret = self.secret(request)
        return None if secret is None else self.tokens.held(secret)

    def viewer(self, request: Any) -> Viewer | None:
        """Who is reading a page or the socket; ``None``: nobody known."""
        if self.secret(request) is not None:
            try:
                found = self.grant(request)
            except Refused:
                return None
            return found.viewer() if found.kind == "read" else None
        signed = self._signed(request)
        if signed is not None:
            return signed
        if self.local and not self.tokens.accounts_exist():
            return LOCAL_VIEWER
        return None

    def secure(self, request: Any) -> bool:
        """Whether a request came by https."""
        return self.https or request.url.scheme in ("https", "wss")

    def cookie(self, request: Any, names: tuple[str, str]) -> str:
        """The secret in a cookie of ours. By https only the ``__Host-`` one counts: no other site could set it."""
        return cookie_of(request, names[:1] if self.secure(request) else names)

    def _signed(self, request: Any) -> Viewer | None:
        """Who signed in, or which wall it is."""
        now = machine_ms()
        for store, names in ((self.sessions, sessions.COOKIES), (self.devices, devices.COOKIES)):
            secret = "" if store is None else self.cookie(request, names)
            found = store.viewer(secret, now) if store is not None and secret else None
            if found is not None:
                return found
        return None

    def known(self, request: Any) -> Viewer | None:
        """:meth:`viewer`, with the reason when a token is none.

        Raises:
            Refused: 401 for a token that is not valid, 403 for a writer's.
        """
        return self.reader(request) if self.secret(request) is not None else self.viewer(request)

    def stands(self, viewer: Viewer) -> bool:
        """Whether somebody who came in is still who they were: what ended meanwhile ends for open sockets, too."""
        kind, _, rest = viewer.session.partition(":")
        if kind == "wall":
            return self.devices is not None and self.devices.stands(viewer.session)
        if kind == "token":
            return self.tokens.stands(rest, self.clock.now())
        if kind:
            return self.sessions is not None and self.sessions.stands(kind, machine_ms()) == viewer
        return not (self.local and viewer == LOCAL_VIEWER and self.tokens.accounts_exist())

    def reader(self, request: Any) -> Viewer:
        """Who is reading the API.

        Raises:
            Refused: 401 without a token, 403 with a writer's.
        """
        if self.secret(request) is not None:
            found = self.grant(request)
            if found.kind != "read":
                raise Refused(403, "这是写入令牌，不能读取；请用 ./townwatch token create --read 创建读取令牌")
            return found.viewer()
        viewer = self.viewer(request)
        if viewer is None:
            raise Refused(401, "缺少令牌：请带上 Authorization: Bearer 令牌", WWW_Authenticate="Bearer")
        return viewer


def moment(name: str, given: str) -> int:
    """An instant from ISO-8601 with an offset.

    Raises:
        Refused: 422 when it is not one.
    """
    try:
        # A "+" that was not escaped arrives as a space.
        found = datetime.fromisoformat(given.replace(" ", "+") if given.count(" ") == 1 and "T" in given else given)
        if found.tzinfo is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError
        return int(found.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Refused(
            422, f"{name} 是“{given[:40]}”，应为带时区的 ISO-8601 时间，如 2020-02-18T18:00:00+08:00"
        ) from None


def local_day(name: str, given: str) -> int:
    """A local day from yyyy-mm-dd.

    Raises:
        Refused: 422 when it is not one.
    """
    try:
        found = datetime.strptime(given, "%Y-%m-%d")  # noqa: DTZ007 - a calendar day has no zone
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError
    except ValueError:
        raise Refused(422, f"{name} 是“{given[:40]}”，应为日期，如 2020-02-18") from None
    return found.year * 10000 + found.month * 100 + found.day


async def body_of(request: Request, limit: int) -> bytes:
    """A request's body, read no further than ``limit``.

    Raises:
        Refused: 413.
    """
    sentence = f"请求体超过 {limit // 1024 // 1024} MiB，请分批发送"
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise Refused(413, sentence)
    parts, size = [], 0
    while True:
        # The framework's stream of a body costs as much as decoding a record.
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise Refused(413, sentence)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def cookie_of(connection: Any, names: Sequence[str] = sessions.COOKIES) -> str:
    """The secret of the first of these cookies that the request carries; empty without any."""
    for header in connection.headers.getlist("cookie"):
        try:
            jar: SimpleCookie = SimpleCookie(header)
        except CookieError:
            continue
        for name in names:
            if name in jar and jar[name].value:
                return jar[name].value
    return ""


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object of a page of ours.

    Raises:
        Refused: 403 when it does not come from a page of ours, 415, 413 or 422 when it is none.
    """
    origin = request.headers.get("origin")
    if not request.headers.get(HEADER) or (origin and urlsplit(origin).netloc != request.headers.get("host")):
        raise Refused(
            403, f"这个入口只给本站页面里的表单用；程序和设备请用 /api/v1/events（缺少 {HEADER} 或来自别的站点）"
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, f"内容类型是“{kind[:60]}”，应为 application/json")
    try:
        body = json.decode(await body_of(request, MAX_BODY))
    except (DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(422, f"请求体不是 JSON（{error}）") from None
    if not isinstance(body, dict):
        raise Refused(422, "请求体应为 JSON 对象")
    return body
