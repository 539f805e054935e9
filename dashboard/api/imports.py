"""``POST /api/v1/import/{feed}``: a CSV file as multipart upload; ``202`` means on disk.

The report is by row and column, as a spreadsheet shows them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from dashboard.access.tokens import Grant
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, body_of, refusal
from dashboard.domain.privacy import mask
from dashboard.feeds import feed_named
from ingest.gateways import files

WORKBOOK = "目前只收 CSV 文件：请在表格软件里另存为“CSV UTF-8（逗号分隔）”再上传"


class _Upload(msgspec.Struct, frozen=True):
    name: str
    data: bytes
    encoding: str | None


def router(actions: Actions, gate: Gate, max_body: int) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["write"])

    @routes.post("/import/{feed}", summary="Import a CSV file of a feed's records", status_code=202)
    async def post(feed: str, request: Request) -> Response:
        try:
            grant = await asyncio.to_thread(gate.grant, request)
            actions.check(grant, feed)
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in ("multipart/form-data", "text/csv"):
                raise Refused(415, f"内容类型是“{kind[:60]}”，应为 multipart/form-data，文件放在 file 一栏")
            body = await body_of(request, max_body)
            upload = await _upload(request.headers, body) if kind != "text/csv" else _Upload("csv", body, None)
            if files.workbook(upload.data) or upload.name.lower().endswith((".xlsx", ".xls", ".ods", ".et")):
                raise Refused(415, WORKBOOK)
            done = await asyncio.to_thread(_import, actions, grant, feed, upload)
        except Exception as error:
            return refusal(error)
        return report(done)

    return routes


async def _upload(headers: Headers, body: bytes) -> _Upload:
    """The file of a multipart body, and the ``encoding`` that may stand beside it.

    Raises:
        Refused: 422 when there is no file or the body is no multipart.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(headers, stream(), max_files=1, max_fields=8).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refused(422, f"上传的内容读不出来（{error}），应为 multipart/form-data，只放一个文件") from None
    try:
        found = next((part for part in form.values() if isinstance(part, UploadFile)), None)
        if found is None:
            raise Refused(422, "请求里没有文件：请把 CSV 放在 file 一栏")
        encoding = form.get("encoding")
        named = encoding if isinstance(encoding, str) and encoding else None
        return _Upload(mask(found.filename or "csv"), await found.read(), named)
    finally:
        await form.close()


def _import(actions: Actions, grant: Grant, feed: str, upload: _Upload) -> files.Report:
    door = actions.door(grant)
    if door.zone is None:
        # A file is written where the region is: its times are local.
        door = msgspec.structs.replace(door, zone=door.region.pack.timezone)
    sheet = files.parse_csv(upload.data, feed_named(feed), upload.encoding)
    return files.import_sheet(sheet, upload.name, actions.intake, door, actions.clock.now)


def report(done: files.Report) -> Response:
    """A file's report as JSON, with the status that a batch of events would have."""
    body = {
        "rows": done.rows,
        "accepted": done.accepted,
        "rejected": [
            {
                "row": one.row,
                "column": one.column,
                "field": one.field,
                "id": one.id,
                "got": one.got,
                "allowed": one.allowed,
                "message": one.message,
            }
            for one in done.rejected
        ],
        "ignored": [{"column": one.letter, "header": one.header} for one in done.ignored],
        "dropped": [{"column": one.letter, "header": one.header} for one in done.private],
    }
    if done.accepted:
        return answer(body, 202)
    forbidden = bool(done.rejected) and all(one.code == "forbidden_town" for one in done.rejected)
    return answer(body, 403 if forbidden else 422)
