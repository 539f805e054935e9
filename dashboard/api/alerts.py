"""``GET /api/v1/alerts``: what was raised, as it stands; acts on it go to ``POST /api/v1/actions`` as ``alert:<id>``.

Staff are named to those who may see cases or act; members of the public are case numbers, given to the former only.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Permission, needs
from dashboard.api.common import Gate, Refused, answer, refusal
from dashboard.domain.day import iso
from dashboard.queries import acting
from dashboard.queries.alerting import groups, words
from dashboard.queries.alerting.life import Alert, State
from dashboard.queries.board import Board, BoardReader

MOST = 1000


def router(reader: BoardReader, gate: Gate) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["read"])

    @routes.get(
        "/api/v1/alerts",
        summary="Alerts: `state` (open, acknowledged, assigned, active, over), `severity`, `town`, `feed`, `rule`",
    )
    @needs(Permission.FIGURES)
    async def listed(request: Request) -> Response:
        def work() -> Response:
            asked = request.query_params
            board = reader.board(gate.reader(request))
            limit, offset = (
                _number(asked.get("limit"), "limit", 200, MOST),
                _number(asked.get("offset"), "offset", 0, 10**6),
            )
            state = asked.get("state", "active")
            _known("state", state, ("active", "over", *(str(one) for one in State if one != State.PENDING)))
            _known("severity", asked.get("severity", "alert"), ("alert", "watch"))
            found = _found(board, state)
            for name in ("severity", "town", "feed", "rule"):
                if asked.get(name):
                    found = [one for one in found if getattr(one, name) == asked[name]]
            found.sort(key=groups.urgency)
            lang = "en" if asked.get("lang") == "en" else "zh"
            shown = [told(board, one, lang) for one in found[offset : offset + limit]]
            return answer({"now": iso(board.now, board.zone), "total": len(found), "alerts": shown})

        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            return refusal(error)

    @routes.get("/api/v1/alerts/{name}", summary="One alert with its whole life and what was told outside")
    @needs(Permission.FIGURES)
    async def one(request: Request, name: str) -> Response:
        def work() -> Response:
            board = reader.board(gate.reader(request))
            book = board.alerts
            found = book.one(name[:40]) if book is not None else None
            if book is None or found is None or not groups.seen(board, [found]):
                raise Refused(
                    404, "没有这个告警，或不在你能看的镇 · There is no such alert, or not in a town that you see."
                )
            seen = acting.named(board.viewer, found.town)
            steps: list[dict[str, Any]] = []
            for step in book.steps(found.id):
                detail = {key: value for key, value in step.detail.items() if seen or key != "to"}
                at = iso(step.at, board.zone)
                steps.append({"n": step.n, "at": at, "what": str(step.what), "who": step.who if seen else "", **detail})
            sent = [
                {key: one[key] for key in ("id", "channel", "kind", "state", "tries")}
                for one in book.deliveries(found.id)
            ]
            lang = "en" if request.query_params.get("lang") == "en" else "zh"
            return answer(told(board, found, lang) | {"steps": steps, "deliveries": sent})

        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            return refusal(error)

    return routes


def _found(board: Board, state: str) -> list[Alert]:
    found = groups.current(board) or []
    if state == "active":
        return [one for one in found if one.active]
    if state in ("over", str(State.RESOLVED)):
        past: list[Alert] = []
        if board.alerts is not None:
            towns = None if board.viewer.towns is None else {*board.towns, groups.ALL}
            past = groups.seen(board, board.alerts.past(towns, board.now + 1, MOST))
        return past
    return [one for one in found if str(one.state) == state]


def told(board: Board, one: Alert, lang: str) -> dict[str, Any]:
    """One alert as the API gives it."""

    def at(moment: int | None) -> str | None:
        return iso(moment, board.zone) if moment is not None else None

    viewer = board.viewer
    return {
        "id": one.id,
        "item": one.item,
        "rule": one.rule,
        "words": words.rule_words(one.rule).of(lang),
        "where": words.where(board, one, lang),
        "fact": words.fact(board, one, lang, viewer.details),
        "feed": one.feed,
        "town": one.town,
        "place": one.place,
        "case": one.case if viewer.details else "",
        "severity": one.severity,
        "state": str(one.state),
        "owner": one.owner if acting.named(viewer, one.town) else "",
        "role": one.role,
        "value": one.value,
        "limit": one.limit,
        "since": at(one.since),
        "raised_at": at(one.raised_at),
        "begun_at": at(one.begun_at),
        "resolved_at": at(one.resolved_at),
        "resolution": one.resolution,
        "times": one.times,
    }


def _number(given: str | None, name: str, default: int, most: int) -> int:
    if given is None or given == "":
        return default
    if not (given.isascii() and given.isdigit()) or len(given) > 7 or int(given) > most:
        raise Refused(422, f"{name} 是“{given[:20]}”，应为 0 到 {most} 的整数 · {name}: allowed is 0 to {most}.")
    return int(given)


def _known(name: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise Refused(
            422, f"{name} 是“{given[:20]}”，应为 {'、'.join(allowed)} · {name}: allowed are {', '.join(allowed)}."
        )


__all__ = ["router"]
