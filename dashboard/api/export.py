"""``GET /api/v1/export/{view}.{csv|xlsx}``: exactly what a page shows under its address, as a file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Permission, needs
from dashboard.access.viewer import Viewer
from dashboard.api.common import Gate, Refused, refusal
from dashboard.queries.asked import BadParams, canonical
from dashboard.queries.board import BoardReader
from dashboard.queries.export import as_csv, as_xlsx, file_name
from dashboard.queries.view import View

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FRAME = ("lang", "theme", "scope", "table", "open")
"""Keys of the address that choose how, not what."""


def router(reader: BoardReader, gate: Gate, views: Mapping[str, View]) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["read"])
    offered = {name: view for name, view in views.items() if view.tables is not None}

    @routes.get(
        "/export/{name}",
        summary="What a page shows, as CSV (BOM, one `table`) or XLSX (every table), under the page's own query",
        responses={200: {"content": {kind.partition(";")[0]: {} for kind in TYPES.values()}}},
    )
    @needs(Permission.EXPORT)
    async def export(name: str, request: Request) -> Response:
        def work() -> Response:
            viewer = gate.reader(request)
            page, _, ending = name.rpartition(".")
            return _file(reader, viewer, offered, page, ending, dict(request.query_params))

        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            return refusal(error)

    return routes


def _file(
    reader: BoardReader, viewer: Viewer, offered: Mapping[str, View], page: str, ending: str, query: dict[str, str]
) -> Response:
    if ending not in TYPES:
        raise Refused(404, f"没有“{ending[:20]}”格式，可用的有：{'、'.join(TYPES)}")
    view = offered.get(page)
    if view is None or view.tables is None:
        raise Refused(404, f"没有名为“{page[:40]}”的页面可导出，可用的有：{'、'.join(offered)}")
    scope = query.get("scope", "all")
    if not view.lets(viewer, scope):
        raise Refused(403, "这个令牌看不到这个范围")
    try:
        params = canonical({key: value for key, value in query.items() if key not in FRAME})
    except BadParams:
        raise Refused(422, "参数太多或太长") from None
    lang = "en" if query.get("lang") == "en" else "zh"
    asked = view.ask(reader.board(viewer, exact=True), lang, params, reader.moments(viewer))
    tables = view.tables(asked, scope)
    title = view.title.of(lang) or page
    if ending == "xlsx":
        body = as_xlsx(asked, title, tables)
    else:
        wanted = query.get("table", tables[0].name)
        table = next((table for table in tables if table.name == wanted), None)
        if table is None:
            names = "、".join(table.name for table in tables)
            raise Refused(404, f"没有名为“{wanted[:40]}”的表，可用的有：{names}")
        title = f"{title}-{table.title}"
        body = as_csv(asked, view.title.of(lang) or page, table)
    shown = quote(file_name(asked, title, ending))
    headers = {
        "Content-Disposition": f"attachment; filename=\"{page}.{ending}\"; filename*=UTF-8''{shown}",
        "Cache-Control": "no-store",
    }
    return Response(body, headers=headers, media_type=TYPES[ending])
