"""``/api/v1/cases/{feed}/{case}/contact``: whom to call about a case. One case at a time; each opening is audited.

The number is in the answer of the POST alone and is never kept by a browser or a proxy. What changes or opens something
needs the header ``X-Townwatch-Form``: a page of another site can send a form, but no header of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Permission, needs
from dashboard.access.vault import NoContact
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, json_body, refusal

NO_STORE = {"Cache-Control": "no-store"}
MAX_CASE = 200


def router(actions: Actions, gate: Gate) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["contacts"])

    async def told(work: Callable[[], Response]) -> Response:
        try:
            return await asyncio.to_thread(work)
        except NoContact as none:
            return refusal(Refused(404, none.sentence))
        except Exception as error:
            return refusal(error)

    async def sent(request: Request, work: Callable[[Viewer, dict[str, Any]], Response]) -> Response:
        try:
            body = await json_body(request)
        except Exception as error:
            return refusal(error)
        return await told(lambda: work(gate.reader(request), body))

    # A case may bear any name, a slash in it too.
    path = "/cases/{feed}/{case:path}/contact"

    @routes.get(path, summary="Whether a case has a contact, and what one may do with it; opens nothing")
    @needs(Permission.CASES)
    async def state(feed: str, case: str, request: Request) -> Response:
        return await told(lambda: answer(actions.contacts.state(gate.reader(request), feed, case[:MAX_CASE])))

    @routes.post(path, summary="Open the contact of a case; noted in the audit. A chief gives a `reason`")
    @needs(Permission.REVEAL)
    async def reveal(feed: str, case: str, request: Request) -> Response:
        def work(viewer: Viewer, body: dict[str, Any]) -> Response:
            found = actions.contacts.reveal(viewer, feed, case[:MAX_CASE], _text(body, "reason"))
            return answer(msgspec.structs.asdict(found), 200, NO_STORE)

        return await sent(request, work)

    @routes.put(path, summary="Keep the contact of a case: `name`, `phone`, `note`")
    @needs(Permission.RECORD)
    async def put(feed: str, case: str, request: Request) -> Response:
        def work(viewer: Viewer, body: dict[str, Any]) -> Response:
            given = {name: _text(body, name) for name in ("name", "phone", "note")}
            actions.contacts.put(viewer, feed, case[:MAX_CASE], given)
            return answer({"kept": True})

        return await sent(request, work)

    @routes.delete(path, summary="Erase the contact of a case before its time")
    @needs(Permission.REVEAL)
    async def erase(feed: str, case: str, request: Request) -> Response:
        def work(viewer: Viewer, _: dict[str, Any]) -> Response:
            actions.contacts.erase(viewer, feed, case[:MAX_CASE])
            return answer({"kept": False})

        return await sent(request, work)

    return routes


def _text(body: dict[str, Any], name: str) -> str:
    given = body.get(name, "")
    if not isinstance(given, str):
        # What was given is not repeated: it may be somebody's number.
        raise Refused(422, f"{name} 应为文字 · {name} must be a text")
    return given[:400]
