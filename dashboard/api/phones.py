"""``GET|POST /osmand`` and ``POST /owntracks``: phones and trackers send their positions; each fix is a patrol record.

What a phone sends again for ever would block its queue: once a token is valid, everything that will never be right is
kept as a dead letter and answered with success. Only what may be right later (no token yet, a full road, a store that
does not answer) is refused, so that the phone keeps it. Tokens in addresses never reach a log (``telemetry.masked``).
"""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response
from msgspec.structs import replace

from dashboard.access.policy import Open, needs
from dashboard.access.tokens import Grant
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, body_of, refusal
from dashboard.errors import Backpressure
from ingest.device import Fix, Heard, LeftOut, Refusal, letter_of, record_of
from ingest.gateways import osmand, owntracks
from ingest.intake import Receipt

FEED = "patrol"
SMALL_RECORDS, SMALL_BYTES = 8, 16 * 1024
"""Up to here decoding is shorter than handing the work to a thread and back."""
MISSING = "缺少令牌：地址写作 /osmand/令牌，或用 HTTP Basic，密码填令牌 · no token: see docs/how-to/phones.md"

TOKEN = {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}

log = structlog.get_logger("phones")


class Carried:
    """The token of a request and the user beside it, wherever a phone can put them."""

    def __init__(self, request: Request) -> None:
        self.user: str | None = None
        self.secret: str | None = request.path_params.get("token")
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            self.user, password = _basic(told)
            self.secret = self.secret or password
        elif kind.lower() == "bearer":
            self.secret = self.secret or told.strip()
        self.secret = self.secret or request.query_params.get("token") or None


def router(actions: Actions, gate: Gate, max_body: int) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["write"])

    async def taken(request: Request, protocol: str, hear: Callable[[bytes, Carried], list[Heard]]) -> dict[str, Any]:
        carried = Carried(request)
        grant = None if carried.secret is None else gate.tokens.held(carried.secret)
        if grant is None:
            if carried.secret is None:
                raise Refused(401, MISSING, WWW_Authenticate='Basic realm="townwatch"')
            grant = await asyncio.to_thread(gate.grant_of, carried.secret, 'Basic realm="townwatch"')
        actions.check(grant, FEED)
        body = await body_of(request, max_body)
        heard = hear(body, carried)
        receipt = await _accept(actions, grant, protocol, heard, len(body))
        left = [one.what for one in heard if isinstance(one, LeftOut)]
        if left or receipt.rejected:
            # What was refused is a dead letter with its reason; here only its place in time.
            say = log.info if receipt.rejected else log.debug
            fields = sorted({one.field for one in receipt.rejected})
            say("phone_heard", protocol=protocol, source=grant.source, left_out=left[:20], rejected=fields[:20])
        return {
            "accepted": receipt.accepted,
            "rejected": [{"id": one.id, "field": one.field, "message": one.message} for one in receipt.rejected],
            "left_out": left,
        }

    @needs(Open.WRITER)
    async def osmand_request(request: Request) -> Response:
        def hear(body: bytes, _: Carried) -> list[Heard]:
            return osmand.hear(request.scope["query_string"], body)

        return await _answered(lambda: taken(request, osmand.PROTOCOL, hear))

    @needs(Open.WRITER)
    async def owntracks_request(request: Request) -> Response:
        def hear(body: bytes, carried: Carried) -> list[Heard]:
            asked = {name: values[-1] for name, values in parse_qs(request.url.query).items()}
            user = _header(request, "x-limit-u") or asked.get("u") or carried.user
            device = _header(request, "x-limit-d") or asked.get("d")
            return owntracks.hear(body, user, device, asked.get("mode"), asked.get("officers"))

        async def work() -> list[Any]:
            await taken(request, owntracks.PROTOCOL, hear)
            # The app reads a success's body as messages for it: anything but a list counts as a failure.
            return []

        # The app on iOS throws away what is answered 4xx and keeps what is answered 5xx.
        return await _answered(work, busy=503)

    for path, name in (("/osmand", "osmand"), ("/osmand/{token}", "osmand_token")):
        extra = {"parameters": [TOKEN]} if "{token}" in path else {}
        for method in ("GET", "POST"):
            summary = "Positions of phones and trackers (Traccar Client, OsmAnd)"
            named = f"{name}_{method.lower()}"
            routes.add_api_route(
                path, osmand_request, methods=[method], summary=summary, name=named, openapi_extra=extra
            )
    routes.add_api_route("/osmand/", osmand_request, methods=["GET", "POST"], include_in_schema=False)
    summary = "Positions of phones (OwnTracks in HTTP mode)"
    routes.add_api_route("/owntracks", owntracks_request, methods=["POST"], summary=summary)
    routes.add_api_route("/owntracks/", owntracks_request, methods=["POST"], include_in_schema=False)
    return routes


async def _answered(work: Callable[[], Awaitable[Any]], busy: int = 429) -> Response:
    try:
        return answer(await work())
    except Backpressure as error:
        return answer({"error": error.sentence}, busy, {"Retry-After": str(error.retry_after)})
    except Exception as error:
        return refusal(error)


async def _accept(actions: Actions, grant: Grant, protocol: str, heard: list[Heard], size: int) -> Receipt:
    if len(heard) <= SMALL_RECORDS and size <= SMALL_BYTES:
        records, refused = _records(actions, grant, protocol, heard)
        return await actions.accept_small(grant, FEED, records, refused)

    def work() -> Receipt:
        records, refused = _records(actions, grant, protocol, heard)
        return actions.accept(grant, FEED, records, refused)

    return await asyncio.to_thread(work)


def _records(actions: Actions, grant: Grant, protocol: str, heard: list[Heard]) -> tuple[list[Any], list[Any]]:
    door, now = actions.door(grant), actions.clock.now()
    records = [record_of(one, protocol, door, now) for one in heard if isinstance(one, Fix)]
    refused = []
    for index, one in enumerate(heard):
        if isinstance(one, Refusal):
            record, why = letter_of(one, protocol, door, now)
            refused.append((record, replace(why, index=index)))
    return records, refused


def _basic(told: str) -> tuple[str | None, str | None]:
    """User and password of HTTP Basic; ``None`` for both when it is none."""
    try:
        text = b64decode(told.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None, None
    user, colon, password = text.partition(":")
    return (user or None, password or None) if colon else (None, None)


def _header(request: Request, name: str) -> str | None:
    """A header's text; names of units may be Chinese, and headers arrive as Latin-1."""
    raw = request.headers.get(name)
    if raw is None:
        return None
    try:
        return raw.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return raw
