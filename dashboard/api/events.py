"""``POST /api/v1/events/{feed}``: one JSON object, an array, or NDJSON. ``202`` means on disk."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Open, needs
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, body_of, refusal
from dashboard.domain.event import Rejected
from ingest.decode import Unreadable
from ingest.intake import Receipt

JSON_TYPES = {"application/json", ""}
LINE_TYPES = {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
SMALL_RECORDS, SMALL_BYTES = 8, 16 * 1024
"""Up to here decoding is shorter than handing the work to a thread and back."""
_decoder = msgspec.json.Decoder()


def records_of(kind: str, body: bytes) -> list[Any]:
    """The records of a body.

    Raises:
        Refused: 415 for a content type that is not one of ours, 422 when the body is not JSON.
    """
    if kind in LINE_TYPES:
        return [_line(line) for line in body.split(b"\n") if line.strip()]
    if kind not in JSON_TYPES:
        raise Refused(415, f"内容类型是“{kind[:60]}”，应为 application/json 或 application/x-ndjson")
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(422, f"请求体不是 JSON（{error}）") from None
    return found if isinstance(found, list) else [found]


def _line(line: bytes) -> Any:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Unreadable.of(line)


def router(actions: Actions, gate: Gate, max_body: int) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["write"])

    @needs(Open.WRITER)
    async def take(request: Request) -> Response:
        feed = request.path_params["feed"]
        try:
            grant = gate.grant_held(request)
            if grant is None:
                grant = await asyncio.to_thread(gate.grant, request)
            actions.check(grant, feed)
            body = await body_of(request, max_body)
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            records = records_of(kind, body)
            if not records:
                raise Refused(422, "请求里没有记录")
            if len(records) <= SMALL_RECORDS and len(body) <= SMALL_BYTES:
                receipt = await actions.accept_small(grant, feed, records)
            else:
                receipt = await asyncio.to_thread(actions.accept, grant, feed, records)
        except Exception as error:
            if isinstance(error, asyncio.CancelledError):
                raise
            return refusal(error)
        return report(receipt)

    # The framework's reading of parameters costs more than the record itself: requests take the plain route, which
    # stands first, and the declared one is what the description of the API is made of.
    routes.add_route("/api/v1/events/{feed}", take, methods=["POST"], include_in_schema=False)

    @routes.post("/events/{feed}", summary="Send records of a feed", status_code=202)
    @needs(Open.WRITER)
    async def post(feed: str, request: Request) -> Response:
        return await take(request)

    return routes


def report(receipt: Receipt) -> Response:
    """A receipt as the answer that DESIGN.md §4 fixes."""
    body = {"accepted": receipt.accepted, "rejected": [_told(one) for one in receipt.rejected]}
    if receipt.accepted:
        return answer(body, 202)
    forbidden = receipt.rejected and all(one.code == "forbidden_town" for one in receipt.rejected)
    return answer(body, 403 if forbidden else 422)


def _told(one: Rejected) -> dict[str, Any]:
    return {
        "index": one.index,
        "id": one.id,
        "field": one.field,
        "got": one.got,
        "allowed": one.allowed,
        "message": one.message,
    }
