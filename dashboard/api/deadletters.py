"""``GET /api/v1/dead-letters`` and sending one again: records that were not accepted, and why."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Open, Permission, needs
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, body_of, refusal
from dashboard.api.events import report
from dashboard.domain.day import iso
from dashboard.feeds import FEEDS
from ingest import deadletter


def router(actions: Actions, gate: Gate, max_body: int) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["read"])

    @routes.get("/dead-letters", summary="Records that were not accepted, newest first")
    @needs(Permission.CASES)
    async def listed(request: Request, state: str = "open", feed: str | None = None, limit: int = 200) -> Response:
        def work() -> Any:
            viewer = gate.reader(request)
            if state not in ("open", "corrected", "replayed", "all"):
                raise Refused(422, f"state 是“{state[:20]}”，应为 open、corrected、replayed、all 之一")
            if not 1 <= limit <= 1000:
                raise Refused(422, f"limit 是“{limit}”，应为 1 到 1000")
            if feed is not None and feed not in FEEDS:
                raise Refused(404, f"没有名为“{feed[:40]}”的数据流，可用的有：{'、'.join(FEEDS)}")
            if viewer.feeds is not None and feed is None:
                raise Refused(422, f"这个令牌只看得到部分数据流，请写明 feed={'|'.join(sorted(viewer.feeds))}")
            if viewer.feeds is not None and feed not in viewer.feeds:
                raise Refused(403, f"这个令牌看不到数据流 {feed}")
            found = deadletter.listed(actions.history, None if state == "all" else state, feed, limit, viewer.towns)
            return {"dead_letters": [{**one, "received_at": iso(one["received_at"])} for one in found]}

        try:
            return answer(await asyncio.to_thread(work))
        except Exception as error:
            return refusal(error)

    @routes.post("/dead-letters/{number}/replay", summary="Correct a record and send it again", status_code=202)
    @needs(Open.WRITER)
    async def replay(number: int, request: Request) -> Response:
        try:
            grant = await asyncio.to_thread(gate.grant, request)
            body = await body_of(request, max_body)
            changes = msgspec.json.decode(body) if body else {}
            if not isinstance(changes, dict):
                raise Refused(422, "请求体应为 JSON 对象：字段名和改正后的值")
            return report(await asyncio.to_thread(actions.replay_letter, grant, number, changes))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return refusal(Refused(422, f"请求体不是 JSON（{error}）"))
        except Exception as error:
            return refusal(error)

    return routes
