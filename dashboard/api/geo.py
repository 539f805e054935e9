"""``GET /geo/{level}.json``: boundaries of the towns for maps, simplified for a wall, a desk or a town.

Boundaries are public geography and hold no figure; still only a known viewer gets them.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response
from msgspec import json

from dashboard.access.viewer import Viewer
from geodata.region import Region

LEVELS = ("wall", "desk", "town")
KEPT = "private, max-age=604800"
"""A page asks with the pack's version in the address, so another version is another address."""


def router(
    region: Callable[[], Region], identify: Callable[[Request], Viewer | None | Awaitable[Viewer | None]]
) -> APIRouter:
    """The route. ``region`` gives the region in force, ``identify`` says who asks."""
    routes = APIRouter()
    made: dict[tuple[str, str], bytes] = {}

    @routes.get("/geo/{level}.json", include_in_schema=False)
    async def geo(request: Request, level: str) -> Response:
        found = identify(request)
        viewer = await found if inspect.isawaitable(found) else found
        if viewer is None:
            return Response('{"error":"需要登录"}', 401, media_type="application/json")
        if level not in LEVELS:
            return Response('{"error":"没有这一级边界"}', 404, media_type="application/json")
        now = region()
        key = (level, now.pack.version)
        if key not in made:
            made[key] = json.encode(now.geojson(level))
        return Response(made[key], media_type="application/geo+json", headers={"Cache-Control": KEPT})

    return routes
