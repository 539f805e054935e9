"""Imports of tables: ``/api/v1/import/{feed}`` takes files, ``/api/v1/imports`` tells what became of them.

For programs with a writer's token and for people at the page, who send the header ``X-Townwatch-Form``: a page of
another site can send a form, but no header of ours. The report is by row and column, as a spreadsheet shows them.
``202`` means on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from dashboard.access.policy import Open, needs
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, body_of, refusal
from dashboard.api.tracks import take_track
from dashboard.domain.day import iso
from dashboard.domain.imports import Run
from dashboard.domain.privacy import mask
from dashboard.errors import NotATable, UnknownImport
from dashboard.feeds import feed_named
from dashboard.live import same_origin
from ingest.gateways import gpx
from ingest.gateways.sheets import outgoing
from ingest.gateways.sheets.columns import ENVELOPE, accepted_headers, field_words
from ingest.gateways.sheets.desk import Clerk, Desk, Upload
from ingest.gateways.sheets.report import document

HEADER = "x-townwatch-form"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_COLUMNS = 64 * 1024
"""Bytes of a body that is no file."""


class _Mended(msgspec.Struct, frozen=True):
    row: int
    column: str
    value: str


class _Said(msgspec.Struct, frozen=True):
    columns: dict[str, str]


_columns = msgspec.json.Decoder(dict[str, str])
_mended = msgspec.json.Decoder(_Mended)
_said = msgspec.json.Decoder(_Said)


def router(actions: Actions, gate: Gate, max_body: int) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["write"])
    door = _Door(actions, gate)

    @routes.post("/import/{feed}", summary="Import a table (XLSX, XLS, ODS, CSV) or a GPX track", status_code=202)
    @needs(Open.MIXED)
    async def post(
        feed: str,
        request: Request,
        dry_run: bool = False,
        source: str = "",
        sheet: str = "",
        town: str = "",
        unit: str = "",
    ) -> Response:
        try:
            clerk = await asyncio.to_thread(door.clerk, request, source)
            clerk.may(feed)
            upload = await _uploaded(request, max_body, sheet, town, unit)
            if gpx.is_track(upload.name, upload.data):
                return await asyncio.to_thread(take_track, actions, clerk, feed, upload, dry_run)
            desk = actions.desk
            work = desk.check if dry_run else desk.take
            done = await asyncio.to_thread(work, clerk, feed, upload)
        except Exception as error:
            return _refusal(error)
        return _reported(done, dry_run)

    @routes.get("/import/{feed}/template.xlsx", summary="A workbook to fill in, with lists of allowed values")
    @needs(Open.MIXED)
    async def template(feed: str, request: Request) -> Response:
        try:
            await asyncio.to_thread(door.anybody, request)
            declared = feed_named(feed)
            made = await asyncio.to_thread(outgoing.template_xlsx, declared, actions.region().pack)
        except Exception as error:
            return _refusal(error)
        return _file(made, f"{declared.words.zh}模板.xlsx", XLSX)

    @routes.get("/import/{feed}/columns", summary="What columns may mean, and what they were said to mean before")
    @needs(Open.MIXED)
    async def columns(feed: str, request: Request, source: str = "") -> Response:
        def work(desk: Desk, clerk: Clerk) -> Any:
            declared = clerk.may(feed)
            names = [*ENVELOPE, *(field.name for field in declared.fields)]
            fields = [
                {
                    "field": name,
                    "zh": field_words(declared, name)[0],
                    "en": field_words(declared, name)[1],
                    "headers": list(accepted_headers(declared, name)),
                }
                for name in names
            ]
            return {"source": clerk.source, "fields": fields, "mappings": desk.mappings(clerk, feed)}

        return await door.ask(request, work, source)

    @routes.put("/import/{feed}/columns", summary="Say what the columns of a source's tables mean from now on")
    @needs(Open.MIXED)
    async def remember(feed: str, request: Request, source: str = "") -> Response:
        def work(desk: Desk, clerk: Clerk, body: bytes) -> Any:
            return desk.remember(clerk, feed, _decoded(_said, body, '{"columns": {"列名": "字段，或空"}}').columns)

        return await door.send(request, work, source)

    @routes.delete("/import/{feed}/columns/{headers}", summary="Forget what a set of columns was said to mean")
    @needs(Open.MIXED)
    async def forget(feed: str, headers: str, request: Request, source: str = "") -> Response:
        def work(desk: Desk, clerk: Clerk, _: bytes) -> Any:
            if not desk.forget(clerk, feed, headers):
                raise Refused(404, "没有记住过这组列名 · no such mapping is remembered")
            return {"forgotten": headers}

        return await door.send(request, work, source)

    @routes.get("/imports", summary="Imports that went in, newest first")
    @needs(Open.MIXED)
    async def history(request: Request, feed: str = "", limit: int = 20) -> Response:
        def work(desk: Desk, clerk: Clerk) -> Any:
            found = desk.history(clerk, max(1, min(limit, 200)), feed or None)
            return {"imports": [_told(run, brief=True) for run in found]}

        return await door.ask(request, work)

    @routes.get("/imports/{name}", summary="One import: its report")
    @needs(Open.MIXED)
    async def one(name: str, request: Request) -> Response:
        return await door.ask(request, lambda desk, clerk: _told(desk.run(clerk, name)))

    @routes.post("/imports/{name}/mend", summary="Put another value into a cell and all that say the same")
    @needs(Open.MIXED)
    async def mend(name: str, request: Request) -> Response:
        def work(desk: Desk, clerk: Clerk, body: bytes) -> Any:
            given = _decoded(_mended, body, '{"row": 67, "column": "C", "value": "陶庄镇"}')
            return _told(desk.mend(clerk, name, given.row, given.column, given.value))

        return await door.send(request, work)

    @routes.post("/imports/{name}/commit", summary="Put the good rows of a checked table in", status_code=202)
    @needs(Open.MIXED)
    async def commit(name: str, request: Request) -> Response:
        if "text/event-stream" in request.headers.get("accept", ""):
            try:
                clerk = await asyncio.to_thread(door.clerk, request)
                await asyncio.to_thread(actions.desk.run, clerk, name)
            except Exception as error:
                return _refusal(error)
            return StreamingResponse(_progress(actions.desk, clerk, name), 200, media_type="text/event-stream")
        return await door.send(request, lambda desk, clerk, _: _told(desk.commit(clerk, name)), status=202)

    @routes.post("/imports/{name}/withdraw", summary="Void the records that an import introduced", status_code=202)
    @needs(Open.MIXED)
    async def withdraw(name: str, request: Request) -> Response:
        return await door.send(request, lambda desk, clerk, _: _told(desk.withdraw(clerk, name)), status=202)

    @routes.post("/imports/{name}/restore", summary="Take the withdrawal of an import back", status_code=202)
    @needs(Open.MIXED)
    async def restore(name: str, request: Request) -> Response:
        return await door.send(request, lambda desk, clerk, _: _told(desk.restore(clerk, name)), status=202)

    @routes.get("/imports/{name}/errors.xlsx", summary="The wrong rows as a workbook, for who imported them")
    @needs(Open.MIXED)
    async def errors_xlsx(name: str, request: Request) -> Response:
        return await door.file(request, name, outgoing.errors_xlsx, "xlsx", XLSX)

    @routes.get("/imports/{name}/errors.csv", summary="The wrong rows as CSV, for who imported them")
    @needs(Open.MIXED)
    async def errors_csv(name: str, request: Request) -> Response:
        return await door.file(request, name, outgoing.errors_csv, "csv", "text/csv; charset=utf-8")

    return routes


class _Door:
    """Says who asks, lets the desk work on a thread, and tells errors as the API does."""

    def __init__(self, actions: Actions, gate: Gate) -> None:
        self.actions, self.gate = actions, gate

    def clerk(self, request: Request, label: str = "") -> Clerk:
        """Who imports: a writer's token, or whoever is at the page.

        Raises:
            Refused: 401 without either, 403 for what may come from a page of another site.
            NotAllowed, ConfigurationError: as :meth:`Clerk.of_viewer`.
        """
        if self.gate.secret(request) is not None:
            grant = self.gate.grant(request)
            viewer = self.gate.viewer(request) if grant.kind == "read" else None
            return Clerk.of_token(grant) if viewer is None else Clerk.of_viewer(viewer, label)
        viewer = self.gate.viewer(request) if HEADER in request.headers else None
        if viewer is None:
            return Clerk.of_token(self.gate.grant(request))
        if not same_origin(request):
            raise Refused(403, "请求来自别的网站 · the request comes from another site")
        return Clerk.of_viewer(viewer, label)

    def reader(self, request: Request, label: str = "") -> Clerk:
        """Who reads: a link in the page carries no header of ours, and changes nothing."""
        viewer = None if self.gate.secret(request) is not None else self.gate.viewer(request)
        return self.clerk(request, label) if viewer is None else Clerk.of_viewer(viewer, label)

    def anybody(self, request: Request) -> None:
        """Whether somebody known asks: any token, any viewer."""
        if self.gate.secret(request) is not None or self.gate.viewer(request) is None:
            self.gate.grant(request)

    async def ask(self, request: Request, work: Callable[[Desk, Clerk], Any], label: str = "") -> Response:
        """Answer a question."""
        try:
            return answer(await asyncio.to_thread(lambda: work(self.actions.desk, self.reader(request, label))))
        except Exception as error:
            return _refusal(error)

    async def send(
        self, request: Request, work: Callable[[Desk, Clerk, bytes], Any], label: str = "", status: int = 200
    ) -> Response:
        """Do what is asked."""
        try:
            body = await body_of(request, MAX_COLUMNS)
            done = await asyncio.to_thread(lambda: work(self.actions.desk, self.clerk(request, label), body))
        except Exception as error:
            return _refusal(error)
        return answer(done, status)

    async def file(
        self, request: Request, name: str, made: Callable[[Any, Any], bytes], suffix: str, kind: str
    ) -> Response:
        """Hand the wrong rows out."""

        def work() -> tuple[bytes, str]:
            desk, clerk = self.actions.desk, self.reader(request)
            run = desk.run(clerk, name)
            return made(*desk.wrong(clerk, name)), run.report.file.rpartition(".")[0] or run.report.file

        try:
            data, stem = await asyncio.to_thread(work)
        except Exception as error:
            return _refusal(error)
        return _file(data, f"{stem}_退回.{suffix}", kind)


def _refusal(error: Exception) -> Response:
    if isinstance(error, UnknownImport):
        error = Refused(404, error.sentence)
    elif isinstance(error, NotATable):
        error = Refused(415, error.sentence)
    return refusal(error)


def _decoded(decoder: Any, body: bytes, example: str) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise Refused(422, f"请求体读不出来（{error}），应为 {example}") from None


async def _uploaded(request: Request, max_body: int, sheet: str, town: str, unit: str) -> Upload:
    """The file of a request: the body itself, or the ``file`` of a form with what stands beside it.

    Raises:
        Refused: 413, 415 or 422.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "text/csv", XLSX, gpx.KIND):
        raise Refused(415, f"内容类型是“{kind[:60]}”，应为 multipart/form-data，文件放在 file 一栏")
    try:
        body = await body_of(request, max_body)
    except Refused as refused:
        if refused.status != 413:
            raise
        most = max_body // 1024 // 1024
        raise Refused(
            413, f"文件超过 {most} MiB：请删去空行空列，或分成几个文件 · the file is larger than {most} MiB: split it"
        ) from None
    if kind != "multipart/form-data":
        name = {XLSX: "xlsx", gpx.KIND: "track.gpx"}.get(kind, "csv")
        return Upload(name, body, sheet=sheet, town=town, unit=unit)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(Headers(request.headers), stream(), max_files=1, max_fields=8).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refused(422, f"上传的内容读不出来（{error}），应为 multipart/form-data，只放一个文件") from None
    try:
        found = next((part for part in form.values() if isinstance(part, UploadFile)), None)
        if found is None:
            raise Refused(422, "请求里没有文件：请把表格放在 file 一栏 · there is no file in the request")
        name = mask((found.filename or "csv").replace("\\", "/").rpartition("/")[2])
        given = _text(form, "columns")
        columns = _decoded(_columns, given.encode(), 'columns={"列名": "字段，或空"}') if given else {}
        return Upload(
            name=name,
            data=await found.read(),
            encoding=_text(form, "encoding") or None,
            sheet=_text(form, "sheet") or sheet,
            columns=columns,
            town=_text(form, "town") or town,
            replaces=_text(form, "replaces"),
            unit=_text(form, "unit") or unit,
        )
    finally:
        await form.close()


def _text(form: FormData, name: str) -> str:
    found = form.get(name)
    return found if isinstance(found, str) else ""


async def _progress(desk: Desk, clerk: Clerk, name: str) -> AsyncIterator[bytes]:
    """A commit's steps as server-sent events: ``{"done", "total"}`` …, then ``{"run"}`` or ``{"error", "status"}``."""
    loop = asyncio.get_running_loop()
    steps: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def step(done: int, total: int) -> None:
        loop.call_soon_threadsafe(steps.put_nowait, {"done": done, "total": total})

    async def work() -> None:
        try:
            steps.put_nowait({"run": _told(await asyncio.to_thread(desk.commit, clerk, name, step))})
        except Exception as error:
            told = _refusal(error)
            steps.put_nowait({"error": msgspec.json.decode(bytes(told.body))["error"], "status": told.status_code})

    task = asyncio.create_task(work())
    while True:
        said = await steps.get()
        yield b"data: " + msgspec.json.encode(said) + b"\n\n"
        if "done" not in said:
            break
    await task


def _told(run: Run, brief: bool = False) -> dict[str, Any]:
    rows = document(run.report)
    if brief:
        for name in ("rejected", "columns", "sheets", "unknown", "ignored", "dropped"):
            rows.pop(name)
    link = f"/api/v1/imports/{run.id}/errors"
    kept = run.expires_at is not None and run.report.counts.rejected > 0
    return {
        "id": run.id,
        "state": run.state,
        "created_at": iso(run.created_at),
        "finished_at": None if run.finished_at is None else iso(run.finished_at),
        "uploader": run.uploader,
        "errors": {"xlsx": f"{link}.xlsx", "csv": f"{link}.csv"} if kept else None,
        "kept_until": None if run.expires_at is None else iso(run.expires_at),
        "voided": run.voided,
        "kept": run.kept,
        **rows,
    }


def _reported(run: Run, dry_run: bool) -> Response:
    """An import's answer, with the status that a batch of events would have."""
    told = {"dry_run": dry_run, **_told(run)}
    if dry_run:
        return answer(told)
    if run.report.accepted:
        return answer(told, 202)
    codes = {one.code for one in run.report.rejected}
    return answer(told, 403 if codes == {"forbidden_town"} else 422)


def _file(data: bytes, name: str, kind: str) -> Response:
    plain = f"table.{name.rpartition('.')[2]}"
    how = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    return Response(data, media_type=kind, headers={"Content-Disposition": how, "Cache-Control": "no-store"})
