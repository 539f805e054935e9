"""``GET /api/v1/qr/{feed}.svg?place=``: a QR code that opens a feed's phone form at a place, to be printed and put up.

The code holds an address and nothing else: whoever opens it is asked to sign in as on any page.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access.policy import Permission, needs
from dashboard.api.common import Gate, Refused, refusal
from dashboard.feeds import feed_named
from geodata.region import Region

LONGEST = 80
MODULE = 6
"""Size of a module in SVG units; the drawing scales to whatever it is shown in."""


def router(region: Callable[[], Region], gate: Gate, public_url: str = "") -> APIRouter:
    """The routes of this resource. ``public_url``: the address under which phones reach the pages."""
    routes = APIRouter(prefix="/api/v1", tags=["read"])

    @routes.get(
        "/qr/{feed}.svg",
        summary="A QR code (SVG) that opens the phone form of a feed at a place",
        responses={200: {"content": {"image/svg+xml": {}}}},
    )
    @needs(Permission.FIGURES)
    async def code(feed: str, request: Request, place: str = "") -> Response:
        try:
            viewer = await asyncio.to_thread(gate.reader, request)
            declared = feed_named(feed)
            if viewer.feeds is not None and feed not in viewer.feeds:
                raise Refused(403, "这个账号看不到这路数据")
            query = {}
            if place:
                if len(place) > LONGEST or not place.isprintable():
                    raise Refused(422, f"place 应为 1 到 {LONGEST} 个字的地点编号")
                known = region().pack.place_by_code.get(place)
                if known is not None and not viewer.sees(known.town):
                    raise Refused(403, "这个账号看不到这个地点")
                query["place"] = place
                if known is not None:
                    query["town"] = known.town
            base = (public_url or str(request.base_url)).rstrip("/")
            body = drawn(f"{base}/record/{declared.name}" + (f"?{urlencode(query)}" if query else ""))
            return Response(body, media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=3600"})
        except Exception as error:
            return refusal(error)

    return routes


def drawn(address: str) -> bytes:
    """The SVG of an address, with room around it and enough redundancy for a scratched print."""
    out = io.BytesIO()
    made = segno.make(address, error="m", micro=False)
    # Colours are fixed: a scanner wants dark on light, whatever theme the page has.
    made.save(out, kind="svg", scale=MODULE, border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return out.getvalue()


__all__ = ["drawn", "router"]
