"""``GET /api/v1/rules``: every rule that may be changed, as it is on a day, what is scheduled, and who changed what.

Reading only. Rules are changed on the page and by the command, where somebody is known by name.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Permission, needs
from dashboard.access.viewer import Viewer
from dashboard.api.common import Gate, Refused, answer, local_day, refusal
from dashboard.domain.day import iso
from dashboard.queries.board import BoardReader
from dashboard.queries.rules import RuleBook, Timeline, iso_day
from dashboard.stores.rules import RuleChange
from geodata.revise import THRESHOLDS, Rows

MOST_CHANGES = 1000
TABLES = ("duty_hours", "shifts", "visit_rules")


def router(reader: BoardReader, gate: Gate) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(prefix="/api/v1", tags=["read"])

    @routes.get(
        "/rules",
        summary="Rules on a `day` (today): thresholds, duty hours, shifts, visits; `changes=1` adds who changed what",
    )
    @needs(Permission.FIGURES)
    async def rules(request: Request, day: str | None = None, changes: bool = False) -> Response:
        def work() -> Response:
            viewer = gate.reader(request)
            return answer(document(reader, viewer, None if day is None else local_day("day", day), changes))

        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            return refusal(error)

    return routes


def document(reader: BoardReader, viewer: Viewer, day: int | None, changes: bool) -> dict[str, Any]:
    """The answer for a viewer.

    Raises:
        Refused: 404 where rules have no history.
    """
    board = reader.board(viewer)
    book = board.rules
    if book is None:
        raise Refused(404, "这里的规则没有历史")
    asked = day or board.day
    timeline = book.timeline()
    found: dict[str, Any] = {
        "day": iso_day(asked),
        "base": book.base(),
        "thresholds": [
            {
                "key": one.key,
                "feed": feed.name,
                "name": one.words.zh,
                "name_en": one.words.en,
                "unit": one.unit,
                "value": _value(timeline.rows(THRESHOLDS, one.key, asked), one.default),
                "default": one.default,
                "low": one.low,
                "high": one.high,
                **_times(timeline, THRESHOLDS, one.key, asked),
            }
            for feed in board.feeds
            for one in feed.rules
        ],
    }
    places = {place.code: place.town for place in board.pack.places}
    for table in TABLES:
        found[table] = [
            {"key": key, "town": places.get(key), "rows": [dict(row) for row in rows]}
            | _times(timeline, table, key, asked)
            for key, rows in timeline.at(asked).table(table).items()
            if table == "shifts" or places.get(key) in board.towns
        ]
    if changes:
        found["changes"] = [_change(one, board.zone) for one in _seen(book, board.towns)]
    return found


def _value(rows: Rows, default: float | None) -> float | None:
    return float(rows[0]["value"]) if rows else default


def _times(timeline: Timeline, table: str, key: str, day: int) -> dict[str, Any]:
    since, later = timeline.since(table, key, day), timeline.next(table, key, day)
    return {
        "since": iso_day(since) if since else None,
        "next": {"valid_from": iso_day(later[0]), "rows": [dict(row) for row in later[1]]} if later else None,
    }


def _seen(book: RuleBook, towns: tuple[str, ...]) -> list[RuleChange]:
    return [one for one in book.changes() if one.town is None or one.town in towns][:MOST_CHANGES]


def _change(one: RuleChange, zone: str) -> dict[str, Any]:
    return {
        "change": one.change,
        "at": iso(one.at, zone),
        "who": one.who,
        "kind": one.kind,
        "key": one.key,
        "town": one.town,
        "before": [dict(row) for row in one.before],
        "after": [dict(row) for row in one.after],
        "valid_from": iso_day(one.valid_from),
        "reason": one.reason,
        "version": one.version,
        "undoes": one.undoes,
        "known_at": None if one.known_at is None else iso(one.known_at, zone),
    }
