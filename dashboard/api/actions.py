"""``/api/v1/actions``: what staff do about obligations and alerts. ``202`` means on disk.

An act carries an id made where it was done, so that one kept on a phone may be sent again and again and counts once.
For people at a page: what changes something needs the header ``X-Townwatch-Form``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Permission, needs, require
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, json_body, moment, refusal
from dashboard.errors import NotAllowed, TownwatchError
from dashboard.queries.board import BoardReader
from dashboard.queries.standing import standing
from dashboard.queries.worklist import WHOSE, document
from ingest.acting import VERBS, body_text


def router(actions: Actions, reader: BoardReader, gate: Gate) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["actions"])

    async def ask(work: Callable[[], Any]) -> Response:
        try:
            return answer(await asyncio.to_thread(work))
        except Exception as error:
            return refusal(error)

    @routes.get("/actions", summary="How far people are with the obligations and alerts of a town")
    @needs(Permission.ACT)
    async def standings(request: Request, town: str, as_of: str | None = None) -> Response:
        def work() -> Any:
            viewer = gate.reader(request)
            code = town_of(reader, town)
            require(viewer, Permission.ACT, code)
            board = reader.board(viewer) if as_of is None else reader.as_of(viewer, moment("as_of", as_of))
            found = standing(board, code)
            return {"town": code, "known_seq": board.seq, "items": [_told(found[item]) for item in sorted(found)]}

        return await ask(work)

    @routes.get("/duties", summary="What is to be done: `who` me, free, held or empty; `of` somebody else; `town`")
    @needs(Permission.FIGURES)
    async def duties(request: Request, who: str = "me", of: str = "", town: str = "", lang: str = "zh") -> Response:
        def work() -> Any:
            viewer = gate.reader(request)
            if who not in WHOSE:
                raise Refused(422, f"who 是“{who[:20]}”，应为 me、free、held 之一，或留空")
            code = town_of(reader, town) if town else ""
            if code and not viewer.sees(code):
                raise NotAllowed("这个镇（街道）的事项你看不到 · You may not see the items of this town")
            return document(reader.board(viewer), "en" if lang == "en" else "zh", who, of, code)

        return await ask(work)

    @routes.post("/actions", summary="Acknowledge, assign, finish, hand over, postpone, reopen, undo", status_code=202)
    @needs(Permission.ACT)
    async def act(request: Request) -> Response:
        try:
            body = await json_body(request)
            return await asyncio.to_thread(lambda: _take(actions, gate.reader(request), body))
        except Exception as error:
            return refusal(error)

    return routes


def _take(actions: Actions, viewer: Viewer, body: Mapping[str, Any]) -> Response:
    verb = body_text(body, "verb", 40)
    if verb not in VERBS:
        raise Refused(422, f"verb 是“{verb}”，应为 {'、'.join(VERBS)} 之一")
    town, item, name = (body_text(body, key, 160) for key in ("town", "item", "id"))
    if not town or not item or not name:
        raise Refused(422, "缺少 town、item 或 id：镇（街道）代码、事项和这一步的编号")
    by = body_text(body, "source", 120)
    if by and by != viewer.source:
        raise NotAllowed(
            f"这一步是 {by} 做的，现在登录的是 {viewer.source}，没有发送 · Done by {by}, you are {viewer.source}"
        )
    at, until = (
        None if not text else moment(key, text)
        for key, text in (("at", body_text(body, "at", 40)), ("until", body_text(body, "until", 40)))
    )
    done = actions.act(
        viewer,
        item,
        verb,
        town=town,
        name=name,
        at=at,
        to=body_text(body, "to", 80),
        until=until,
        reason=body_text(body, "reason", 40),
        note=body_text(body, "note", 400),
        case=body_text(body, "case", 80),
        undoes=body_text(body, "undoes", 160),
    )
    problems = [{"field": one.field, "message": one.message} for one in done.faults]
    told = {"accepted": int(done.accepted), "id": done.id, "item": done.item, "verb": done.verb, "at": done.at}
    if problems:
        return answer(told | {"error": problems[0]["message"], "problems": problems}, 422)
    return answer(told, 202)


def town_of(reader: BoardReader, given: str) -> str:
    """The code of a town.

    Raises:
        TownwatchError: there is none of that code or name.
    """
    known = reader.region_at(0).pack.town_by_code.get(given)
    if known is None:
        raise TownwatchError(f"没有代码为“{given[:40]}”的镇（街道） · There is no such town")
    return known.code


def _told(one: Any) -> dict[str, Any]:
    found = dict(msgspec.structs.asdict(one))
    return found | {"history": [msgspec.structs.asdict(act) for act in one.history]}
