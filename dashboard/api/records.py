"""``GET /api/v1/records``: the records behind figures, with every version; and the same list as a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.access.policy import Permission, needs
from dashboard.access.viewer import Viewer
from dashboard.api.common import Gate, Refused, answer, local_day, refusal
from dashboard.domain.day import iso
from dashboard.domain.feed import Words
from dashboard.domain.form import unit_of
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries import records as read
from dashboard.queries import wording
from dashboard.queries.asked import Choice, Filter, ask, canonical
from dashboard.queries.board import Board, BoardReader
from dashboard.queries.export import Column, Table, as_csv, as_xlsx, file_name
from dashboard.queries.figures import ALL, REPORTING
from dashboard.queries.records import Found, Records, Wanted

PAGE, MOST = 50, 500
"""Records of an answer unless told, and at most."""
FILE_ROWS = 50_000
"""Records of a file at most; beyond it the file would not open where it is needed."""
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TITLE = Words("记录", "Records")
_CURSOR = re.compile(r"-?\d{1,16}\.\d{1,16}")
From = Annotated[str | None, Query(alias="from", description="First local day, yyyy-mm-dd")]
To = Annotated[str | None, Query(alias="to", description="Last local day, yyyy-mm-dd")]

Name = Annotated[str, Query(alias="id", description="With `source`: this record alone, whatever its state")]


def router(reader: BoardReader, gate: Gate) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["read"])
    records = Records(reader)

    @routes.get("/records", summary="The records behind a figure, or of a feed, town and day, newest first")
    @needs(Permission.CASES)
    async def listed(
        request: Request, feed: str | None = None, town: str = ALL, day: str | None = None, first: From = None,
        last: To = None, subject: str = "", name: Name = "", kpi: str = "", dims: str = "", state: str = "effective",
        source: str = "", limit: int = PAGE, cursor: str = "", lang: str = "",
    ) -> Response:  # fmt: skip
        def work() -> Any:
            viewer = gate.reader(request)
            wanted = _wanted(reader, viewer, dict(request.query_params))
            if not 1 <= limit <= MOST:
                raise Refused(422, f"limit 是“{limit}”，应为 1 到 {MOST}")
            if cursor and not _CURSOR.fullmatch(cursor):
                raise Refused(422, f"cursor 是“{cursor[:40]}”，应为上一份答复里的 next")
            found = records.listing(viewer, wanted, limit, cursor)
            return _page(found, viewer, lang)

        try:
            return answer(await asyncio.to_thread(work))
        except Exception as error:
            return refusal(error)

    @routes.get(
        "/records.{kind}",
        summary="The same list as a file: CSV (UTF-8 with BOM) or XLSX; query as of `records`",
        responses={200: {"content": {kind.partition(";")[0]: {} for kind in KINDS.values()}}},
    )
    @needs(Permission.EXPORT)
    async def export(kind: str, request: Request) -> Response:
        def work() -> Response:
            viewer = gate.reader(request)
            if kind not in KINDS:
                raise Refused(404, f"没有“{kind[:20]}”格式，可用的有：{'、'.join(KINDS)}")
            query = dict(request.query_params)
            wanted = _wanted(reader, viewer, query)
            lang = "en" if query.get("lang") == "en" else "zh"
            found = records.listing(viewer, wanted, FILE_ROWS + 1)
            if found.total > FILE_ROWS:
                raise Refused(422, f"共 {found.total} 条，一个文件最多 {FILE_ROWS} 条：请缩小到一个镇（街道）或一天")
            return _file(found, viewer, query, lang, kind)

        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            return refusal(error)

    return routes


def _wanted(reader: BoardReader, viewer: Viewer, query: Mapping[str, str]) -> Wanted:
    """The query, checked.

    Raises:
        Refused: 404 for what does not exist, 422 for what is none.
    """
    feed, kpi, town = query.get("feed"), query.get("kpi", ""), query.get("town") or ALL
    if kpi and kpi != REPORTING and kpi not in KPIS:
        raise Refused(404, f"没有名为“{kpi[:60]}”的指标，见 /api/docs")
    if not feed and kpi in KPIS:
        feed = KPIS[kpi][0].name
    if not feed:
        raise Refused(422, f"请写明 feed，可用的有：{'、'.join(FEEDS)}")
    if feed not in FEEDS:
        raise Refused(404, f"没有名为“{feed[:40]}”的数据流，可用的有：{'、'.join(FEEDS)}")
    if kpi in KPIS and KPIS[kpi][0].name != feed:
        raise Refused(404, f"数据流 {feed} 没有指标 {kpi}，它属于 {KPIS[kpi][0].name}")
    pack = reader.region_at(0).pack
    if town != ALL:
        known = pack.town_by_code.get(town)
        if known is None:
            raise Refused(404, f"没有代码为“{town[:40]}”的镇（街道）")
        town = known.code
    state = query.get("state") or "effective"
    if state not in read.STATES:
        raise Refused(422, f"state 是“{state[:20]}”，应为 {'、'.join(read.STATES)} 之一")
    day, first, last = (query.get(key) or None for key in ("day", "from", "to"))
    if day and (first or last):
        raise Refused(422, "day 和 from/to 只能给一种")
    begin = local_day("day", day) if day else local_day("from", first) if first else 0
    end = local_day("day", day) if day else local_day("to", last) if last else 0
    if begin and end and begin > end:
        raise Refused(422, f"from 是“{first}”，应不晚于 to（{last}）")
    dims: dict[str, str] = {}
    for part in query.get("dims", "").split(","):
        name, colon, value = part.partition(":")
        if part and not (colon and name and value):
            raise Refused(422, f"dims 是“{part[:40]}”，应为 名称:值，如 scale:above")
        if part:
            dims[name] = value
    return Wanted(
        feed=feed,
        town=town,
        first=begin or end,
        last=end,
        subject=query.get("subject", "")[:200],
        kpi=kpi,
        dims=dims,
        state=state,
        source=query.get("source", "")[:200],
        id=query.get("id", "")[:200],
    )


def _page(found: read.Listing, viewer: Viewer, lang: str) -> dict[str, Any]:
    board = found.board
    body: dict[str, Any] = {
        "as_of": iso(board.now, board.zone),
        "known_seq": board.seq,
        "total": found.total,
        "next": found.next or None,
        "records": [read.told(one, board.zone) for one in found.found],
    }
    if lang in ("zh", "en"):
        feed = FEEDS[found.wanted.feed]
        for record, one in zip(body["records"], found.found, strict=True):
            record["shown"] = read.shown(one, board, viewer, lang)
        body["headline"] = headline(found, lang)
        body["columns"] = [
            {"field": field.name, "label": field.words.of(lang), "number": field.kind in ("integer", "number")}
            for field in read.columns_of(feed, found.found)
            if field.name != feed.subject
        ]
    return body


def headline(found: read.Listing, lang: str) -> dict[str, str]:
    """What a list of records answers, in words: which figure, where, when, how many."""
    board, wanted, zh = found.board, found.wanted, lang != "en"
    feed = FEEDS[wanted.feed]
    kpi = feed.kpi(wanted.kpi) if wanted.kpi else None
    if wanted.town != ALL:
        where = board.pack.town_by_code[wanted.town].name
    elif board.viewer.towns is None:
        where = "全部镇（街道）" if zh else "All towns"
    else:
        where = "可查看的镇（街道）" if zh else "Towns you may see"
    first, last = wanted.first or board.day, wanted.last or board.day
    when = wording.day(first, lang) if first == last else f"{wording.day(first, lang)}–{wording.day(last, lang)}"
    count, state = wording.count(found.total, lang), read.STATES[wanted.state].of(lang)
    plain = wanted.state == "effective"
    if zh:
        records = f"{count} 条记录" if plain else f"{count} 条{state}的记录"
        what = f"{kpi.words.zh}，由 {records}算出" if kpi else f"{feed.short.zh} {records}"
    else:
        records = f"{count} {'' if plain else state.lower() + ' '}{'record' if found.total == 1 else 'records'}"
        what = f"{kpi.words.en}: made of {records}" if kpi else f"{feed.short.en}: {records}"
    note = wording.join([when, where, kpi.definition.of(lang) if kpi else ""], lang)
    return {"text": what, "note": note, "count": str(found.total)}


# -- as a file -------------------------------------------------------------------------------------------------------


def _table(found: read.Listing, viewer: Viewer, lang: str) -> Table:
    feed, board, zh = FEEDS[found.wanted.feed], found.board, lang != "en"
    fields = read.columns_of(feed, found.found)
    heads = [
        Column("时间" if zh else "Time", "time"),
        Column("镇（街道）" if zh else "Town"),
        Column("镇代码" if zh else "Town code"),
        Column("对象" if zh else "About"),
        *(Column(_head(field, lang), _kind(field.kind)) for field in fields),
        Column("经度" if zh else "Longitude", "number", 5),
        Column("纬度" if zh else "Latitude", "number", 5),
        Column("来源" if zh else "Source"),
        Column("编号" if zh else "ID"),
        Column("收到" if zh else "Received", "time"),
        Column("版本" if zh else "Revision", "count"),
        Column("状态" if zh else "State"),
        Column("更正与作废" if zh else "Corrections"),
    ]
    return Table("records", feed.short.of(lang), tuple(heads), [_line(one, board, fields, lang) for one in found.found])


def _head(field: Any, lang: str) -> str:
    unit = unit_of(field, lang)
    if not unit:
        return str(field.words.of(lang))
    return f"{field.words.of(lang)}（{unit}）" if lang != "en" else f"{field.words.of(lang)} ({unit})"


def _kind(kind: str) -> Any:
    return {"integer": "count", "number": "number", "time": "time"}.get(kind, "text")


def _line(one: Found, board: Board, fields: list[Any], lang: str) -> list[Any]:
    event, said = one.event, read.said(one.event)
    town = board.pack.town_by_code.get(event.town)
    values = [
        said.get(field.name)
        if field.kind in ("integer", "number", "time", "text")
        else read.value_text(board, field, field.name, said[field.name], lang)
        if field.name in said
        else None
        for field in fields
    ]
    return [
        event.at,
        town.name if town else event.town,
        event.town,
        read.title_of(board, event, lang),
        *values,
        event.lon,
        event.lat,
        read.source_text(event.source, lang),
        event.id,
        one.received_at,
        one.rev,
        read.STATES["withdrawn" if one.state == "withdrawn" else "effective"].of(lang),
        read.history_text(one, board, lang),
    ]


def _file(found: read.Listing, viewer: Viewer, query: dict[str, str], lang: str, kind: str) -> Response:
    board, wanted, feed = found.board, found.wanted, FEEDS[found.wanted.feed]
    said = headline(found, lang)
    more = ("feed", "subject", "kpi", "dims", "state", "source", "limit", "cursor", "lang", "theme")
    params = canonical({key: value for key, value in query.items() if key not in ("day", "from", "to", "as_of")})
    towns = Filter(
        "town",
        Words("镇（街道）", "Town"),
        lambda b, _: [Choice(town.code, town.name) for town in b.pack.towns if town.code in b.towns],
        lambda _: "",
    )
    asked = ask(board, lang, tuple(pair for pair in params if pair[0] in ("town", *more)), (towns,), None, more)
    title = f"{TITLE.of(lang)} {said['text']} {said['note']}" if wanted.kpi else f"{TITLE.of(lang)} {said['note']}"
    table = _table(found, viewer, lang)
    body = as_xlsx(asked, title, [table]) if kind == "xlsx" else as_csv(asked, title, table)
    name = quote(file_name(asked, f"{feed.short.of(lang)}-{TITLE.of(lang)}", kind))
    headers = {
        "Content-Disposition": f"attachment; filename=\"records.{kind}\"; filename*=UTF-8''{name}",
        "Cache-Control": "no-store",
    }
    return Response(body, headers=headers, media_type=KINDS[kind])
