"""``/api/v1/forms``: what the forms in the pages ask and send. For people at a page, not for devices.

What changes something needs the header ``X-Townwatch-Form``: a page of another site can send a form, but no header of
ours. Records take the same way as every other: ``202`` means on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.audit import Kind
from dashboard.access.policy import Permission, needs
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, json_body, refusal
from dashboard.domain.event import Rejected
from dashboard.errors import NotAllowed
from dashboard.feeds import feed_named
from dashboard.queries import forms as read
from dashboard.queries.board import BoardReader
from dashboard.queries.records import NO_DETAILS, Records
from ingest.byhand import Entered


def router(actions: Actions, reader: BoardReader, gate: Gate) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["forms"])
    records = Records(reader)

    async def ask(request: Request, work: Callable[[Viewer], Any]) -> Response:
        try:
            return answer(await asyncio.to_thread(lambda: work(gate.reader(request))))
        except Exception as error:
            return refusal(error)

    async def send(request: Request, work: Callable[[Viewer, dict[str, Any]], Response]) -> Response:
        try:
            body = await json_body(request)
            return await asyncio.to_thread(lambda: work(gate.reader(request), body))
        except Exception as error:
            return refusal(error)

    @routes.get("/forms", summary="Who is at the form, how each feed stands in a town today, what was entered today")
    @needs(Permission.CASES)
    async def state(request: Request, town: str = "", lang: str = "zh") -> Response:
        def work(viewer: Viewer) -> Any:
            board = reader.board(viewer, exact=True)
            about = read.who(board, viewer, lang)
            if not viewer.details:
                raise NotAllowed(NO_DETAILS)
            if not town:
                return about
            return about | read.today(records, viewer, _town(reader, town), lang)

        return await ask(request, work)

    @routes.get("/forms/{feed}/choices", summary="Places, units and cases that a form offers in a town")
    @needs(Permission.CASES)
    async def choices(feed: str, request: Request, town: str, lang: str = "zh") -> Response:
        def work(viewer: Viewer) -> Any:
            code = _town(reader, town)
            declared = records.check(viewer, feed, code)
            return read.choices(reader.board(viewer, exact=True), declared, code, lang)

        return await ask(request, work)

    @routes.post("/forms/nothing", summary="零报告: a town has nothing to report today in some feeds", status_code=202)
    @needs(Permission.RECORD)
    async def nothing(request: Request) -> Response:
        def work(viewer: Viewer, body: dict[str, Any]) -> Response:
            given = body.get("reports")
            pairs = [
                (str(one.get("feed", "")), str(one.get("id", "")))
                for one in (given if isinstance(given, list) else [])
                if isinstance(one, dict)
            ]
            if body.get("source") not in (None, "", viewer.source):
                raise Refused(403, f"这份零报告是 {body['source']} 填的，现在登录的是 {viewer.source}，没有发送")
            at = body.get("at")
            done = actions.by_hand.report_nothing(viewer, str(body.get("town", "")), at or "", pairs)
            taken = [one for one in done if one.state != "refused"]
            told = [msgspec.structs.asdict(one) for one in done]
            return answer({"accepted": len(taken), "source": viewer.source, "reports": told}, 202 if taken else 409)

        return await send(request, work)

    @routes.post("/forms/{feed}/check", summary="What is wrong with an entry so far, a sentence a field")
    @needs(Permission.RECORD)
    async def check(feed: str, request: Request, lang: str = "zh") -> Response:
        def work(viewer: Viewer, body: dict[str, Any]) -> Response:
            found = actions.by_hand.faults(viewer, feed, _record(body))
            return answer({"problems": _problems(feed, found, lang)})

        return await send(request, work)

    @routes.post("/forms/{feed}", summary="Enter a record, or correct one of one's own", status_code=202)
    @needs(Permission.RECORD)
    async def enter(feed: str, request: Request, lang: str = "zh") -> Response:
        def work(viewer: Viewer, body: dict[str, Any]) -> Response:
            record, seen = _record(body), body.get("correct")
            name, town = str(record.get("id", "")), str(record.get("town", ""))
            how = "enter" if seen is None else "correct"
            with actions.noted(viewer.name, Kind.CHANGE, f"{feed}/{name}", town, how=how):
                if seen is None:
                    done = actions.by_hand.record(viewer, feed, record)
                else:
                    done = actions.by_hand.correct(viewer, feed, name, _number(seen), record)
            return _answer(feed, done, lang)

        return await send(request, work)

    @routes.post("/forms/{feed}/withdraw", summary="Withdraw a record; the reason is kept with it", status_code=202)
    @needs(Permission.RECORD)
    async def withdraw(feed: str, request: Request, lang: str = "zh") -> Response:
        def work(viewer: Viewer, body: dict[str, Any]) -> Response:
            name, source = str(body.get("id", "")), str(body.get("source") or viewer.source)
            reason = str(body.get("reason") or "")
            with actions.noted(viewer.name, Kind.CHANGE, f"{feed}/{name}", how="withdraw", source=source):
                done = actions.by_hand.withdraw(viewer, feed, source, name, reason, _number(body.get("rev") or 0))
            return _answer(feed, done, lang)

        return await send(request, work)

    return routes


def _town(reader: BoardReader, given: str) -> str:
    known = reader.region_at(0).pack.town_by_code.get(given)
    if known is None:
        raise Refused(404, f"没有代码为“{given[:40]}”的镇（街道）")
    return known.code


def _record(body: Mapping[str, Any]) -> dict[str, Any]:
    record = body.get("record")
    if not isinstance(record, dict):
        raise Refused(422, "record 应为 JSON 对象：字段名和值")
    return record


def _number(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 2**62:
        raise Refused(422, f"rev 是“{str(given)[:20]}”，应为不小于 0 的整数")
    return given


def _problems(feed: str, found: list[Rejected] | tuple[Rejected, ...], lang: str) -> list[dict[str, str]]:
    declared = feed_named(feed)
    # A browser keeps what was refused, but not where somebody is named in it.
    return [
        {"field": one.field, "message": read.problem(declared, one, lang)}
        | ({"code": one.code} if one.code == "personal" else {})
        for one in found
    ]


def _answer(feed: str, done: Entered, lang: str) -> Response:
    body = {"accepted": int(done.accepted), "source": done.source, "id": done.id, "rev": done.rev}
    return answer(body | {"problems": _problems(feed, done.faults, lang)}, 202 if done.accepted else 422)
