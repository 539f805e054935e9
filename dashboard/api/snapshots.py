"""``GET /api/v1/snapshots``: published snapshots, their forms exactly as published, and two days side by side.

Nothing is built here. The Chinese forms are the published bytes; English is laid out from the same published figures.
Drafts are shown to those who may release them, and to nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from dashboard.access.policy import Permission, allows, needs
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.api.common import Gate, Refused, answer, local_day, refusal
from dashboard.domain.day import as_date, day_of, iso
from dashboard.domain.feed import Words
from dashboard.feeds import FEEDS
from dashboard.queries.figures import REPORTING, reporting_kpi
from dashboard.snapshot.archive import Archive, Link
from dashboard.snapshot.brief import Brief, Kind, schema
from dashboard.snapshot.forms import FORMS
from dashboard.snapshot.sheet import sheet_of

KINDS = ("day", "week", "campaign")
MOST = 500


def router(actions: Actions, archive: Archive, gate: Gate, zone: str, auto: bool = False) -> APIRouter:
    """The routes of this resource, and the page of one snapshot at ``/snapshots/{date}``. ``auto``: the day's snapshot
    is made by itself at its hour."""
    routes = APIRouter(tags=["read"])

    @lru_cache(maxsize=64)
    def held(digest: str) -> Brief:
        known = (*archive.links(), *archive.drafts())
        return archive.brief(next(one for one in known if one.files["json"] == digest))

    def brief(link: Link) -> Brief:
        return held(link.files["json"])

    async def told(work: Callable[[], Response]) -> Response:
        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            return refusal(error)

    def plan() -> dict[str, Any] | None:
        """When a day's snapshot is made by itself, and whether it waits for its release; ``None``: it is not."""
        office = actions.snapshots.office
        hour, minute = divmod(office.minute, 60)
        return {"at": f"{hour:02d}:{minute:02d}", "by_hand": office.by_hand} if auto else None

    def today(viewer: Viewer) -> dict[str, str] | None:
        """The day and edition of which this viewer may make a draft now; ``None``: of none, or it is published."""
        day = day_of(actions.clock.now(), zone)
        edition = "all" if viewer.towns is None else min(viewer.towns, default="")
        if not allows(viewer, Permission.RELEASE, edition) or archive.link(day, "day", edition) is not None:
            return None
        return {"date": as_date(day).isoformat(), "edition": edition}

    @routes.get("/api/v1/snapshots", summary="Published snapshots, newest first; `q` searches their words")
    @needs(Permission.FIGURES)
    async def listed(request: Request) -> Response:
        def work() -> Response:
            viewer = gate.reader(request)
            asked = request.query_params
            lang = "en" if asked.get("lang") == "en" else "zh"
            first = local_day("from", asked["from"]) if asked.get("from") else 0
            last = local_day("to", asked["to"]) if asked.get("to") else 99999999
            found = []
            for link in (*archive.links(), *archive.drafts()):
                if not _seen(viewer, link) or not first <= link.day <= last:
                    continue
                if asked.get("edition", link.edition) != link.edition or asked.get("kind", link.kind) != link.kind:
                    continue
                sheet = sheet_of(brief(link), lang)
                words = "".join(run.text for run in sheet.prose)
                whole = words + "".join(run.text for one in sheet.sections for line in one.lines for run in line)
                if asked.get("q") and asked["q"].lower() not in whole.lower():
                    continue
                found.append(_described(link, zone) | _named(brief(link)) | {"title": sheet.title, "summary": words})
            found.sort(key=lambda one: (one["date"], one["published_at"]), reverse=True)
            told = {"snapshots": found[:MOST], "head": archive.head(), "plan": plan(), "today": today(viewer)}
            return answer(told)

        return await told(work)

    @routes.get("/api/v1/snapshots/schema", summary="JSON Schema of a snapshot's figures")
    @needs(Permission.FIGURES)
    async def shape(request: Request) -> Response:
        def work() -> Response:
            gate.reader(request)
            return answer(schema())

        return await told(work)

    @routes.get("/api/v1/snapshots/compare", summary="The figures of two published days side by side")
    @needs(Permission.FIGURES)
    async def compare(request: Request) -> Response:
        def work() -> Response:
            viewer = gate.reader(request)
            asked = request.query_params
            days = [local_day(name, asked.get(name, "")) for name in ("a", "b")]
            town = asked.get("town", "all")
            one, two = (brief(_found(archive, viewer, day, "day", asked.get("edition", "all"))) for day in days)
            rows = []
            for cell in one.cells:
                other = two.cell(cell.kpi, town)
                if cell.town == town and other is not None:
                    name = next((d.name for d in one.definitions if d.kpi == cell.kpi), None) or _reporting(cell.kpi)
                    rows.append(
                        {
                            "kpi": cell.kpi,
                            "name": name[1 if asked.get("lang") == "en" else 0],
                            "unit": cell.unit,
                            "decimals": cell.decimals,
                            "a": cell.value,
                            "b": other.value,
                        }
                    )
            return answer({"a": asked["a"], "b": asked["b"], "town": town, "figures": rows})

        return await told(work)

    @routes.get(
        "/api/v1/snapshots/{name}", summary="One snapshot: `2020-02-24`, or with .html .pdf .xlsx .docx .png .json"
    )
    @needs(Permission.FIGURES)
    async def one(name: str, request: Request) -> Response:
        def work() -> Response:
            viewer = gate.reader(request)
            day, dot, ending = name.partition(".")
            ending = ending if dot else "json"
            if ending not in FORMS:
                raise Refused(404, f"没有“{ending[:20]}”格式，可用的有：{'、'.join(FORMS)}")
            asked = request.query_params
            link = _found(archive, viewer, local_day("日期", day), _kind(asked), asked.get("town", "all"))
            media, make = FORMS[ending]
            english = asked.get("lang") == "en" and ending != "json"
            body = make(brief(link), "en") if english else archive.read(link, ending)
            stem = f"{sheet_of(brief(link), 'zh').title}-{day}"
            headers = {
                "Cache-Control": "no-store" if link.draft else "private, max-age=86400",
                "ETag": f'"{link.files[ending]}{"-en" if english else ""}"',
            }
            if ending not in ("html", "json"):
                shown = quote(f"{stem}.{ending}")
                headers["Content-Disposition"] = (
                    f"attachment; filename=\"snapshot-{day}.{ending}\"; filename*=UTF-8''{shown}"
                )
            return Response(body, headers=headers, media_type=media)

        return await told(work)

    async def changed(date: str, request: Request, act: Callable[[Viewer, int, Kind, str], Link]) -> Response:
        def work() -> Response:
            viewer, asked = gate.reader(request), request.query_params
            link = act(viewer, local_day("日期", date), _kind(asked), asked.get("town", "all"))
            return answer(_described(link, zone))

        return await told(work)

    @routes.post("/api/v1/snapshots/{date}/release", summary="Release a draft: the figures it has become final")
    @needs(Permission.RELEASE)
    async def release(date: str, request: Request) -> Response:
        return await changed(date, request, actions.release_snapshot)

    @routes.post("/api/v1/snapshots/{date}/redraw", summary="Make a draft, or make it anew, from what is known now")
    @needs(Permission.RELEASE)
    async def redraw(date: str, request: Request) -> Response:
        return await changed(date, request, actions.redraw_snapshot)

    @routes.get("/snapshots/{day}", include_in_schema=False)
    @needs(Permission.FIGURES)
    async def page(day: str, request: Request) -> Response:
        def work() -> Response:
            viewer = gate.viewer(request)
            if viewer is None:
                raise Refused(401, "请先登录")
            asked = request.query_params
            link = _found(archive, viewer, local_day("日期", day), _kind(asked), asked.get("town", "all"))
            if asked.get("lang") == "en":
                return HTMLResponse(FORMS["html"][1](brief(link), "en"))
            return HTMLResponse(archive.read(link, "html"))

        try:
            return await asyncio.to_thread(work)
        except Refused as refused:
            return HTMLResponse(
                f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>简报</title>'
                f'<p style="font:16px sans-serif;margin:40px">{refused.message} '
                f'<a href="/snapshots">返回简报</a></p></html>',
                refused.status,
            )
        except Exception as error:
            return refusal(error)

    return routes


def _reporting(kpi: str) -> tuple[str, str]:
    """The name of a feed's reporting rate, which stands in snapshots as ``<feed>_reporting_rate``; else the key."""
    feed = FEEDS.get(kpi.removesuffix(f"_{REPORTING}"))
    words = reporting_kpi(feed).words if feed is not None else Words(kpi, kpi)
    return (words.zh, words.en)


def _kind(asked: Mapping[str, str]) -> Kind:
    kind = asked.get("kind", "day")
    if kind not in KINDS:
        raise Refused(422, f"kind 是“{kind[:20]}”，应为 {'、'.join(KINDS)} 之一")
    return cast(Kind, kind)


def _seen(viewer: Viewer, link: Link) -> bool:
    if link.draft and not allows(viewer, Permission.RELEASE, link.edition):
        return False
    return viewer.towns is None if link.edition == "all" else viewer.sees(link.edition)


def _found(archive: Archive, viewer: Viewer, day: int, kind: str, edition: str) -> Link:
    link = archive.link(day, kind, edition)
    if link is None:
        draft = archive.draft(day, kind, edition)
        # To those who may not release it a draft is not there yet.
        link = draft if draft is not None and _seen(viewer, draft) else None
    if link is not None and not _seen(viewer, link):
        raise Refused(403, "没有查看这一版快照的权限")
    if link is None:
        if edition != "all" and not viewer.sees(edition):
            raise Refused(403, "没有查看这一版快照的权限")
        raise Refused(404, f"{as_date(day).isoformat()} 没有发布快照，已发布的见 /api/v1/snapshots")
    return link


def _named(brief: Brief) -> dict[str, Any]:
    town = next((one for one in brief.towns if one.code == brief.edition), None)
    return {"edition_name": (town.name, town.name_en) if town is not None else brief.region_name}


def _described(link: Link, zone: str) -> dict[str, Any]:
    date = as_date(link.day).isoformat()
    query = "&".join(
        part
        for part in (
            f"kind={link.kind}" if link.kind != "day" else "",
            f"town={link.edition}" if link.edition != "all" else "",
        )
        if part
    )
    return {
        "date": date,
        "kind": link.kind,
        "edition": link.edition,
        "number": link.issue,
        "as_of": iso(link.at, zone),
        "published_at": iso(link.published_at, zone),
        "known_seq": link.known_seq,
        "draft": link.draft,
        "released_by": link.released_by,
        "page": f"/snapshots/{date}" + (f"?{query}" if query else ""),
        "forms": {
            name: {"href": f"/api/v1/snapshots/{date}.{name}" + (f"?{query}" if query else ""), "sha256": digest}
            for name, digest in link.files.items()
        },
    }


__all__ = ["router"]
