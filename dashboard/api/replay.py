"""``/api/v1/replay``: what is being replayed and how far it has come; steering it, for administrators.

A world that is steered is a replay's: in a live one there is nothing to steer. Going back is refused, because what a
world has been told it knows: a replay that is to begin anew begins in another data directory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.audit import Kind
from dashboard.access.policy import Permission, allows, needs
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, json_body, moment, refusal
from dashboard.clock import SWITCH_MS, Steering
from dashboard.domain.day import iso
from dashboard.queries.board import BoardReader
from dashboard.queries.replaying import Known, Replay
from ingest.acting import body_text

SLOWEST, FASTEST = 1.0, 3600.0
VERBS = ("speed", "pause", "go_on", "jump")


def router(
    actions: Actions, reader: BoardReader, gate: Gate, data_dir: Path, steered: Callable[[], Awaitable[object]]
) -> APIRouter:
    """The routes of this resource; ``steered`` tells the open pages that the clock goes otherwise."""
    routes = APIRouter(prefix="/api/v1", tags=["read"])
    steering = Steering(data_dir)

    @routes.get("/replay", summary="What is replayed, how far it has come, the report's figures; null in a live world")
    @needs(Permission.FIGURES)
    async def shown(request: Request) -> Response:
        def work() -> Response:
            viewer = gate.reader(request)
            board = reader.board(viewer)
            known = board.replay or Known(())
            told = None if known.replay is None else _document(known.replay, board.now, reader.past.zone)
            may = known.replay is not None and allows(viewer, Permission.ADMINISTER)
            return answer({"replay": told, "may": may, "scenarios": [one.name for one in known.scenarios]})

        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            return refusal(error)

    @routes.post("/replay", summary="Steer the replay: `do` speed (with `speed`), pause, go_on or jump (with `to`)")
    @needs(Permission.ADMINISTER)
    async def steer(request: Request) -> Response:
        try:
            body = await json_body(request)
            await asyncio.to_thread(lambda: _steer(actions, reader, steering, gate.reader(request), body))
            # Until every process goes by it.
            await asyncio.sleep(SWITCH_MS / 1000)
            await steered()
        except Exception as error:
            return refusal(error)
        return await shown(request)

    return routes


def _steer(actions: Actions, reader: BoardReader, steering: Steering, viewer: Viewer, body: Mapping[str, Any]) -> None:
    verb = body_text(body, "do", 20)
    if verb not in VERBS:
        raise Refused(422, f"do 是“{verb}”，应为 {'、'.join(VERBS)} 之一 · do must be one of {', '.join(VERBS)}")
    board = reader.board(viewer)
    replay = board.replay.replay if board.replay else None
    if replay is None:
        raise Refused(409, "这里是实况，没有回放可以控制 · This is the live world: there is no replay to steer")
    if verb == "speed":
        speed = _speed(body)
        with actions.noted(viewer.name, Kind.CHANGE, f"replay: speed {speed:g}"):
            steering.speed(speed)
    elif verb == "jump":
        to = _target(body, replay, board.now, reader.past.zone)
        with actions.noted(viewer.name, Kind.CHANGE, f"replay: jump to {iso(to, reader.past.zone)}"):
            steering.jump(to)
    else:
        with actions.noted(viewer.name, Kind.CHANGE, f"replay: {verb}"):
            (steering.pause if verb == "pause" else steering.go_on)()


def _speed(body: Mapping[str, Any]) -> float:
    given = body.get("speed")
    if isinstance(given, bool) or not isinstance(given, int | float) or not SLOWEST <= given <= FASTEST:
        shown = f"{given}"[:20]
        raise Refused(422, f"speed 是“{shown}”，应为 1 到 3600 的数 · speed is {shown!r}: a number from 1 to 3600")
    return float(given)


def _target(body: Mapping[str, Any], replay: Replay, now: int, zone: str) -> int:
    to = moment("to", body_text(body, "to", 40))
    if not replay.plays:
        raise Refused(
            409, "播放程序没有在运行，跳不过去 · The player is not running: nothing can be played up to there"
        )
    if not now < to <= replay.end:
        raise Refused(
            422,
            f"to 是 {iso(to, zone)}，应在 {iso(now, zone)} 之后、{iso(replay.end, zone)} 之前，回放不能倒退"
            f" · to must lie after {iso(now, zone)} and up to {iso(replay.end, zone)}: a replay does not go back",
        )
    return to


def _document(replay: Replay, now: int, zone: str) -> dict[str, Any]:
    return {
        "scenario": replay.scenario.name,
        "report": replay.report,
        "now": iso(now, zone),
        "start": iso(replay.start, zone),
        "end": iso(replay.end, zone),
        "speed": replay.speed,
        "paused": replay.paused,
        "jumping_to": None if replay.target is None else iso(replay.target, zone),
        "plays": replay.plays,
        "figures": [
            {
                "number": row.number,
                "kpi": row.kpi,
                "town": row.town,
                "dims": dict(row.dims),
                "stated": row.stated,
                "qualifier": row.qualifier,
                "computed": row.computed,
                "met": row.met,
            }
            for row in replay.rows
        ],
    }


__all__ = ["router"]
