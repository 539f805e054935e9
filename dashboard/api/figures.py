"""``GET /api/v1/figures``, ``series``, ``towns``, ``places``, ``clock``: the read side as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from msgspec.structs import replace

from dashboard.access.policy import Open, Permission, needs
from dashboard.access.viewer import Viewer
from dashboard.api.common import Gate, Refused, answer, local_day, moment, refusal
from dashboard.domain.day import day_start, days_between, iso, shift_day
from dashboard.domain.figure import Figure
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries.board import Board, BoardReader
from dashboard.queries.figures import ALL, REPORTING
from dashboard.queries.past import SERIES_STEP

MAX_SPAN_DAYS = 366
From = Annotated[str | None, Query(alias="from", description="First local day, yyyy-mm-dd")]
To = Annotated[str | None, Query(alias="to", description="Last local day, yyyy-mm-dd")]


def told(figure: Figure, zone: str) -> dict[str, Any]:
    """A figure as DESIGN.md §4 fixes it."""
    body: dict[str, Any] = {
        "kpi": figure.kpi,
        "feed": figure.feed,
        "town": figure.town,
        "value": figure.value,
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "unit": figure.unit,
        "qualifier": figure.qualifier,
        "as_of": iso(figure.as_of, zone),
        "freshness": figure.freshness,
        "dims": figure.dims,
    }
    if figure.suppressed:
        # Fewer people than a breakdown tells: the numbers are null, and nobody would have been 0.
        body["suppressed"] = True
    for bound in ("low", "high"):
        if bound in figure.detail:
            body[bound] = figure.detail[bound]
    return body


def _checked(feed: str | None, kpi: str | None, town: str | None, viewer: Viewer, board: Board) -> str | None:
    """The town's code by whichever spelling it was asked for.

    Raises:
        Refused: 404 for what does not exist, 403 for what the viewer may not see.
    """
    if feed is not None and feed not in FEEDS:
        raise Refused(404, f"没有名为“{feed[:40]}”的数据流，可用的有：{'、'.join(FEEDS)}")
    if kpi is not None and kpi != REPORTING and kpi not in KPIS:
        raise Refused(404, f"没有名为“{kpi[:60]}”的指标，见 /api/docs")
    if feed is not None and kpi is not None and kpi != REPORTING and KPIS[kpi][0].name != feed:
        raise Refused(404, f"数据流 {feed} 没有指标 {kpi}，它属于 {KPIS[kpi][0].name}")
    of = feed or (KPIS[kpi][0].name if kpi in KPIS else None)
    if of is not None and viewer.feeds is not None and of not in viewer.feeds:
        raise Refused(403, f"这个令牌看不到数据流 {of}")
    if town is not None and town != ALL:
        if town not in board.pack.town_by_code:
            raise Refused(404, f"没有代码为“{town[:40]}”的镇（街道）")
        if not viewer.sees(board.pack.town_by_code[town].code):
            raise Refused(403, "这个令牌看不到这个镇（街道）")
        return board.pack.town_by_code[town].code
    return town


def router(reader: BoardReader, gate: Gate) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["read"])

    async def read(request: Request, work: Callable[[Viewer], Any]) -> Response:
        try:
            viewer = await asyncio.to_thread(gate.reader, request)
            return answer(await asyncio.to_thread(work, viewer))
        except Exception as error:
            return refusal(error)

    @routes.get("/figures", summary="Figures of now, of an earlier moment, of a day or of a span of days")
    @needs(Permission.FIGURES)
    async def figures(
        request: Request, town: str | None = None, feed: str | None = None, kpi: str | None = None,
        as_of: str | None = None, day: str | None = None,
        first: From = None, last: To = None,
    ) -> Response:  # fmt: skip
        def work(viewer: Viewer) -> Any:
            if sum(part is not None for part in (as_of, day, first or last)) > 1:
                raise Refused(422, "as_of、day、from/to 只能给一种")
            board = reader.board(viewer, exact=True) if first or last else _board(reader, viewer, as_of, day)
            code = _checked(feed, kpi, town, viewer, board)
            if first or last:
                found = _span(board, viewer, feed, kpi, code, first, last)
            else:
                found = board.figures(feed, kpi, code)
            return {
                "as_of": iso(board.now, board.zone),
                "known_seq": board.seq,
                "figures": [told(figure, board.zone) for figure in found],
            }

        return await read(request, work)

    @routes.get("/series", summary="How a figure moved: through a day in steps, or from day to day")
    @needs(Permission.FIGURES)
    async def series(
        request: Request, kpi: str, town: str = ALL, feed: str | None = None, day: str | None = None, step: int = 30,
        first: From = None, last: To = None,
    ) -> Response:  # fmt: skip
        def work(viewer: Viewer) -> Any:
            board = reader.board(viewer, exact=True)
            code = _checked(feed, kpi, town, viewer, board) or ALL
            which = feed or (board.feeds[0].name if kpi == REPORTING and board.feeds else None)
            if first or last:
                found = _by_day(reader, viewer, board, kpi, code, which, first, last)
                return {"kpi": kpi, "town": code, "points": found}
            if step % SERIES_STEP or not SERIES_STEP <= step <= 720:
                raise Refused(422, f"step 是“{step}”，应为 {SERIES_STEP} 到 720 之间、{SERIES_STEP} 的倍数（分钟）")
            number = local_day("day", day) if day else board.day
            if number > board.day:
                raise Refused(422, "day 不能晚于今天")
            start = day_start(number, board.zone)
            found = [
                {"at": iso(start + minute * 60_000, board.zone), "value": value}
                for minute, value in board.series(kpi, code, number, step, which)
            ]
            return {"kpi": kpi, "town": code, "points": found}

        return await read(request, work)

    @routes.get("/towns", summary="Towns that may be seen")
    @needs(Permission.FIGURES)
    async def towns(request: Request) -> Response:
        def work(viewer: Viewer) -> Any:
            board = reader.board(viewer)
            return {
                "towns": [
                    {
                        "code": one.code,
                        "name": one.name,
                        "name_en": one.name_en,
                        "region": one.region,
                        "aliases": list(one.aliases),
                    }
                    for one in board.pack.towns
                    if viewer.sees(one.code)
                ]
            }

        return await read(request, work)

    @routes.get("/places", summary="Places of the towns that may be seen, those that a record named first included")
    @needs(Permission.FIGURES)
    async def places(request: Request, town: str | None = None, kind: str | None = None) -> Response:
        def work(viewer: Viewer) -> Any:
            board = reader.board(viewer, exact=True)
            code = _checked(None, None, town, viewer, board)
            return {
                "places": [
                    {
                        "code": one.code,
                        "kind": one.kind,
                        "town": one.town,
                        "name": one.name,
                        "lon": one.lon,
                        "lat": one.lat,
                    }
                    for one in (*board.pack.places, *board.provisional.values())
                    if viewer.sees(one.town) and code in (None, ALL, one.town) and kind in (None, one.kind)
                ]
            }

        return await read(request, work)

    @routes.get("/clock", summary="The world's time")
    @needs(Open.SIGNED)
    async def clock(request: Request) -> Response:
        def work(_: Viewer) -> Any:
            now = reader.clock.now()
            return {"now": iso(now, reader.past.zone), "speed": reader.clock.speed, "world": reader.clock.world}

        return await read(request, work)

    return routes


def _board(reader: BoardReader, viewer: Viewer, as_of: str | None, day: str | None) -> Board:
    if as_of is not None:
        at = moment("as_of", as_of)
        if at > reader.clock.now():
            raise Refused(422, "as_of 不能晚于现在")
        return reader.as_of(viewer, at)
    if day is not None:
        number = local_day("day", day)
        today = reader.board(viewer)
        if number > today.day:
            raise Refused(422, "day 不能晚于今天")
        return reader.day(viewer, number)
    return reader.board(viewer)


def _days(board: Board, first: str | None, last: str | None) -> tuple[int, int]:
    begin = local_day("from", first) if first else board.day
    end = local_day("to", last) if last else board.day
    if begin > end:
        raise Refused(422, "from 不能晚于 to")
    if shift_day(begin, MAX_SPAN_DAYS) < end:
        raise Refused(422, f"from 到 to 最多 {MAX_SPAN_DAYS} 天")
    return begin, end


def _span(
    board: Board,
    viewer: Viewer,
    feed: str | None,
    kpi: str | None,
    town: str | None,
    first: str | None,
    last: str | None,
) -> list[Figure]:
    begin, end = _days(board, first, last)
    found = []
    for one, declared in board.kpis(feed):
        if kpi not in (None, declared.key):
            continue
        for name in [town] if town is not None else [ALL, *board.towns]:
            parts = board.span(declared.key, name, begin, end, one.name)
            found.append(
                replace(
                    board.figure(declared.key, name, one.name),
                    value=parts.value,
                    numerator=parts.numerator,
                    denominator=parts.denominator,
                    detail=parts.detail,
                )
            )
    return found


def _by_day(
    reader: BoardReader,
    viewer: Viewer,
    board: Board,
    kpi: str,
    town: str,
    feed: str | None,
    first: str | None,
    last: str | None,
) -> list[dict[str, Any]]:
    begin, end = _days(board, first, last)
    return [
        {
            "at": iso(day_start(day, board.zone), board.zone),
            "value": reader.day(viewer, day).figure(kpi, town, feed).value,
        }
        for day in days_between(begin, min(end, board.day))
    ]
