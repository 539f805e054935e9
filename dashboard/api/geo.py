"""``GET /geo/{level}.json``: the boundaries that the maps draw, simplified by zoom. No figures, no places."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Open, needs
from dashboard.api.common import Gate, Refused, answer, refusal
from geodata.region import Region

LEVELS: dict[str, Literal["wall", "desk", "town"]] = {"wall": "wall", "desk": "desk", "town": "town"}


def router(region: Callable[[], Region], gate: Gate) -> APIRouter:
    """The routes of this resource. Pages name the pack's version in the address, so an answer may be kept for a day."""
    routes = APIRouter(tags=["read"])

    @routes.get("/geo/{level}.json", summary="Town boundaries as GeoJSON (WGS-84), simplified for a zoom level")
    @needs(Open.SIGNED)
    async def boundaries(level: str, request: Request) -> Response:
        try:
            if await asyncio.to_thread(gate.viewer, request) is None:
                raise Refused(401, "请先登录或带上读取令牌", WWW_Authenticate="Bearer")
            if level not in LEVELS:
                raise Refused(404, f"没有“{level[:20]}”这一级边界，应为 {'、'.join(LEVELS)} 之一")
            found = await asyncio.to_thread(region().geojson, LEVELS[level])
            return answer(found, headers={"Cache-Control": "private, max-age=86400"})
        except Exception as error:
            return refusal(error)

    return routes
