"""``/api/v1/me``, ``/api/v1/account…``: one's own account; ``/api/v1/admin…`` and ``/api/v1/access``: everybody's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.access import sessions as doors
from dashboard.access.accounts import ROLES, Account
from dashboard.access.audit import Kind
from dashboard.access.policy import ROLE_WORDS, Open, Permission, allows, needs
from dashboard.access.viewer import Viewer
from dashboard.api import matrix
from dashboard.api.common import Refused, answer, body_of, refusal
from dashboard.api.guard import doors_of
from dashboard.api.signin import LANGUAGE_COOKIE, Doors, address_of, tell
from dashboard.clock import machine_ms
from dashboard.domain.day import iso
from dashboard.domain.place import RegionPack
from dashboard.errors import ConfigurationError
from dashboard.feeds import FEEDS

MOST_BODY = 64 * 1024
HOUR_MS = 3_600_000
LONGEST_OVERLAP_H = 24 * 30


class Password(msgspec.Struct):
    """A change of one's own password."""

    old: str
    new: str


class NewAccount(msgspec.Struct):
    """An account to be made. ``towns`` is absent for every town."""

    name: str
    roles: list[str]
    towns: list[str] | None = None
    staff: str = ""
    name_en: str = ""


class Changed(msgspec.Struct):
    """What of an account is to change; what is absent stays."""

    roles: list[str] | msgspec.UnsetType = msgspec.UNSET
    towns: list[str] | None | msgspec.UnsetType = msgspec.UNSET
    staff: str | msgspec.UnsetType = msgspec.UNSET
    name_en: str | msgspec.UnsetType = msgspec.UNSET


class Wall(msgspec.Struct):
    """A wall to be approved."""

    code: str
    name: str = ""


class NewToken(msgspec.Struct):
    """A token to be made; a reader's has no source."""

    source: str = ""
    read: bool = False
    feeds: list[str] | None = None
    towns: list[str] | None = None
    days: int | None = None


class Overlap(msgspec.Struct):
    """For how long both tokens are good."""

    hours: float = 24.0
    days: int | None = None


def router(at: Doors, pack: Callable[[], RegionPack]) -> APIRouter:
    """The routes of both resources. ``pack`` is the region in force."""
    routes = APIRouter(prefix="/api/v1", tags=["access"])

    async def do(request: Request, work: Callable[[Viewer, bytes], Any]) -> Response:
        """Answer; after a change open sockets whose session it ended are told at once."""
        try:
            body = await body_of(request, MOST_BODY) if request.method != "GET" else b""

            def asked() -> Any:
                viewer = at.gate.known(request)
                if viewer is None:
                    raise Refused(401, "请先登录 · Sign in first.")
                return work(viewer, body)

            found = await asyncio.to_thread(asked)
        except Exception as error:
            return refusal(error)
        await tell(request)
        return found if isinstance(found, Response) else answer(found)

    def own(viewer: Viewer) -> Account:
        found = at.accounts.find(viewer.name) if ":" not in viewer.session and viewer.session else None
        if found is None:
            raise Refused(409, "你不是用账号登录的，没有可改的账号 · You did not sign in with an account of your own.")
        return found

    # -- one's own account -------------------------------------------------------------------------------------------

    @routes.get("/me", summary="Who is asking: name, roles, towns, staff id, permissions, language")
    @needs(Open.SIGNED)
    async def me(request: Request, lang: str = "zh") -> Response:
        def work(viewer: Viewer, _: bytes) -> Any:
            names = pack().town_by_code
            mine = None
            if viewer.session and ":" not in viewer.session:
                mine = at.accounts.find(viewer.name)
            english = 1 if lang == "en" else 0
            return {
                "name": viewer.name,
                "name_en": viewer.name_en or viewer.name,
                "roles": [{"role": one.value, "name": ROLE_WORDS[one][english]} for one in sorted(viewer.roles)],
                "towns": None
                if viewer.towns is None
                else [
                    {"code": code, "name": (names[code].name_en if english else names[code].name)}
                    for code in sorted(viewer.towns)
                    if code in names
                ],
                "staff": viewer.staff,
                "may": [one.value for one in Permission if allows(viewer, one)],
                "account": mine is not None,
                "password": bool(mine and mine.password),
                "language": mine.language if mine else "",
            }

        return await do(request, work)

    @routes.post("/account/password", summary="Change one's own password; every other session ends")
    @needs(Open.SIGNED)
    async def password(request: Request) -> Response:
        def work(viewer: Viewer, body: bytes) -> Any:
            given, mine = _said(Password, body), own(viewer)
            now, address = machine_ms(), address_of(request)
            left = at.throttle.wait(now, mine.name, address)
            if left:
                raise Refused(429, f"尝试次数太多，请 {-(-left // 1000)} 秒后再试", Retry_After=str(-(-left // 1000)))
            if at.accounts.check(mine.name, given.old) is None:
                at.throttle.failed(now, mine.name, address)
                raise Refused(403, "现在的密码不对 · The present password is wrong.")
            at.accounts.set_password(now, mine.name, given.new)
            at.sessions.forget()
            agent = request.headers.get("user-agent", "")
            made = answer({"changed": True})
            at.give(made, request, at.sessions.open(now, mine.name, "password", agent, address))
            return made

        return await do(request, work)

    @routes.post("/account/language", summary="Choose the language that pages open in")
    @needs(Open.SIGNED)
    async def language(request: Request) -> Response:
        def work(viewer: Viewer, body: bytes) -> Any:
            chosen = _said(dict[str, str], body).get("language", "")
            if chosen not in ("zh", "en"):
                raise Refused(422, f"language 是“{chosen[:20]}”，应为 zh 或 en")
            if viewer.session and ":" not in viewer.session:
                at.accounts.change(machine_ms(), viewer.name, language=chosen)
            made = answer({"language": chosen})
            made.set_cookie(
                LANGUAGE_COOKIE, chosen, max_age=400 * 86_400, samesite="lax", secure=at.gate.secure(request)
            )
            return made

        return await do(request, work)

    @routes.get("/account/sessions", summary="Where one is signed in")
    @needs(Open.SIGNED)
    async def mine(request: Request) -> Response:
        def work(viewer: Viewer, _: bytes) -> Any:
            return {"sessions": [_session(one, viewer) for one in at.sessions.all(machine_ms(), own(viewer).name)]}

        return await do(request, work)

    @routes.post("/account/sessions/{key}/end", summary="End one of one's own sessions")
    @needs(Open.SIGNED)
    async def end_mine(key: str, request: Request) -> Response:
        def work(viewer: Viewer, _: bytes) -> Any:
            if not at.sessions.end_key(key, own(viewer).name):
                raise Refused(404, "没有这次登录，可能已经结束 · There is no such session.")
            return {"ended": 1}

        return await do(request, work)

    @routes.post("/account/signout-everywhere", summary="End every session of one's own account, this one included")
    @needs(Open.SIGNED)
    async def everywhere(request: Request) -> Response:
        def work(viewer: Viewer, _: bytes) -> Any:
            ended = at.sessions.end_all(own(viewer).name)
            at.note(viewer.name, Kind.SIGN_OUT, "everywhere", sessions=ended)
            made = answer({"ended": ended, "next": "/signin"})
            at.take(made, request)
            return made

        return await do(request, work)

    # -- everybody's -------------------------------------------------------------------------------------------------

    @routes.get("/admin/access", summary="Accounts, walls, tokens and sessions")
    @needs(Permission.ADMINISTER)
    async def everything(request: Request, lang: str = "zh") -> Response:
        def work(viewer: Viewer, _: bytes) -> Any:
            now, region, english = machine_ms(), pack(), 1 if lang == "en" else 0
            return {
                "now": now,
                "me": viewer.name,
                "local": not viewer.session,
                "accounts": [_account(one, english) for one in at.accounts.all()],
                "devices": [msgspec.structs.asdict(one) for one in at.devices.all(now)],
                "tokens": [_token(one, at.clock.now()) for one in at.gate.tokens.rows()],
                "sessions": [_session(one, viewer) for one in at.sessions.all(now)],
                "roles": [{"role": one.value, "name": ROLE_WORDS[one][english]} for one in ROLES],
                "towns": [{"code": one.code, "name": one.name_en if english else one.name} for one in region.towns],
                "feeds": [{"feed": one.name, "name": one.words.of(lang)} for one in FEEDS.values()],
                "world": at.clock.now(),
            }

        return await do(request, work)

    @routes.post("/admin/accounts", summary="Make an account; answers a one-time link by which its owner comes in")
    @needs(Permission.ADMINISTER)
    async def create(request: Request) -> Response:
        def work(_: Viewer, body: bytes) -> Any:
            given, now = _said(NewAccount, body), machine_ms()
            made = at.accounts.create(
                now, given.name, given.roles, _towns(given.towns, pack()), staff=given.staff, name_en=given.name_en
            )
            return {"name": made.name, "link": f"/signin/link/{at.accounts.link(now, made.name)}"}

        return await do(request, work)

    @routes.post("/admin/accounts/{name}/{act}", summary="change, disable, enable, reset (a new link) or signout")
    @needs(Permission.ADMINISTER)
    async def account(name: str, act: str, request: Request) -> Response:
        def work(viewer: Viewer, body: bytes) -> Any:
            now = machine_ms()
            at.accounts.get(name)
            if act == "change":
                said = {
                    key: value for key, value in msgspec.structs.asdict(_said(Changed, body)).items()
                    if value is not msgspec.UNSET
                }  # fmt: skip
                if "towns" in said:
                    said["towns"] = _towns(said["towns"], pack())
                at.accounts.change(now, name, **said)
            elif act == "disable":
                at.accounts.disable(now, name)
            elif act == "enable":
                at.accounts.enable(now, name)
            elif act == "signout":
                at.sessions.end_all(name)
            elif act == "reset":
                at.sessions.end_all(name)
                return {"name": name, "link": f"/signin/link/{at.accounts.link(now, name)}"}
            else:
                raise Refused(404, f"没有“{act[:20]}”这个操作，可用的有 change、disable、enable、reset、signout")
            at.sessions.forget()
            if act == "change" and name == viewer.name and at.gate.viewer(request) is None:
                # Whoever changes their own account goes on, in a new session.
                agent = request.headers.get("user-agent", "")
                made = answer({"name": name, "done": act})
                at.give(made, request, at.sessions.open(now, name, "change", agent, address_of(request)))
                return made
            return {"name": name, "done": act}

        return await do(request, work)

    @routes.post("/admin/devices", summary="Approve the screen that shows a code")
    @needs(Permission.ADMINISTER)
    async def approve(request: Request) -> Response:
        def work(viewer: Viewer, body: bytes) -> Any:
            given = _said(Wall, body)
            return msgspec.structs.asdict(at.devices.approve(machine_ms(), given.code, given.name, viewer.name))

        return await do(request, work)

    @routes.post("/admin/devices/{label}/revoke", summary="End a wall")
    @needs(Permission.ADMINISTER)
    async def revoke_wall(label: str, request: Request) -> Response:
        def work(_: Viewer, __: bytes) -> Any:
            at.devices.revoke(machine_ms(), label)
            return {"revoked": label}

        return await do(request, work)

    @routes.post("/admin/tokens", summary="Make a token; its secret is answered once")
    @needs(Permission.ADMINISTER)
    async def token(request: Request) -> Response:
        def work(_: Viewer, body: bytes) -> Any:
            given, now = _said(NewToken, body), at.clock.now()
            if given.read == bool(given.source):
                raise Refused(422, "写入令牌要有来源名，只读令牌没有：二者给且只给一个")
            towns = _towns(given.towns, pack())
            secret = at.gate.tokens.create(
                now, source=given.source or None, feeds=given.feeds, towns=towns, read=given.read,
                expires_at=_until(now, given.days),
            )  # fmt: skip
            return {"secret": secret}

        return await do(request, work)

    @routes.post("/admin/tokens/{label}/{act}", summary="rotate (a new one, both good for `hours`) or revoke")
    @needs(Permission.ADMINISTER)
    async def change_token(label: str, act: str, request: Request) -> Response:
        def work(_: Viewer, body: bytes) -> Any:
            now = at.clock.now()
            if act == "revoke":
                at.gate.tokens.revoke(label, now)
                return {"revoked": label}
            if act != "rotate":
                raise Refused(404, f"没有“{act[:20]}”这个操作，可用的有 rotate、revoke")
            given = _said(Overlap, body or b"{}")
            if not 0 <= given.hours <= LONGEST_OVERLAP_H:
                raise Refused(422, f"hours 是 {given.hours:g}，应为 0 到 {LONGEST_OVERLAP_H} 的数")
            secret = at.gate.tokens.rotate(label, now, int(given.hours * HOUR_MS), _until(now, given.days))
            return {"secret": secret, "follows": label}

        return await do(request, work)

    @routes.post("/admin/sessions/{key}/end", summary="End anybody's session")
    @needs(Permission.ADMINISTER)
    async def end(key: str, request: Request) -> Response:
        def work(_: Viewer, __: bytes) -> Any:
            if not at.sessions.end_key(key):
                raise Refused(404, "没有这次登录，可能已经结束 · There is no such session.")
            return {"ended": 1}

        return await do(request, work)

    # -- who can see what --------------------------------------------------------------------------------------------

    def table(request: Request) -> list[matrix.Line]:
        state = request.app.state
        return list(matrix.lines(state.pages, doors_of(request.app.router.routes), state.hub.views))

    @routes.get("/access", summary="Who can see what, from the application itself")
    @needs(Permission.ADMINISTER)
    async def access(request: Request, lang: str = "zh") -> Response:
        return await do(request, lambda *_: matrix.document(table(request), lang))

    @routes.get("/access.csv", summary="Who can see what, as CSV")
    @needs(Permission.ADMINISTER)
    async def access_csv(request: Request, lang: str = "zh") -> Response:
        def work(*_: Any) -> Response:
            name = "who-can-see-what.csv" if lang == "en" else "谁能看什么.csv"
            headers = {
                "Content-Disposition": f"attachment; filename=\"access.csv\"; filename*=UTF-8''{quote(name)}",
                "Cache-Control": "no-store",
            }
            return Response(matrix.as_csv(table(request), lang), headers=headers, media_type="text/csv; charset=utf-8")

        return await do(request, work)

    return routes


def _said(kind: Any, body: bytes) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise Refused(422, f"请求内容不对：{error}") from None


def _towns(given: list[str] | None, pack: RegionPack) -> list[str] | None:
    if given is None:
        return None
    if not given:
        raise ConfigurationError("至少选一个镇（街道），或全部 · Choose at least one town, or all.")
    for one in given:
        if one not in pack.town_by_code:
            raise ConfigurationError(f"没有代码或名称为“{one[:40]}”的镇（街道） · There is no town {one[:40]!r}.")
    return sorted({pack.town_by_code[one].code for one in given})


def _until(now: int, days: int | None) -> int | None:
    if days is None:
        return None
    if not 1 <= days <= 3650:
        raise Refused(422, f"days 是 {days}，应为 1 到 3650 的整数")
    return now + days * 24 * HOUR_MS


def _account(one: Account, english: int) -> dict[str, Any]:
    return {
        "name": one.name,
        "name_en": one.name_en,
        "roles": sorted(one.roles),
        "role_names": [ROLE_WORDS[role][english] for role in sorted(one.roles)],
        "towns": None if one.towns is None else sorted(one.towns),
        "staff": one.staff,
        "password": one.password,
        "outside": one.subject is not None,
        "disabled": one.disabled_at is not None,
        "created_at": one.created_at,
    }


def _token(row: Any, now: int) -> dict[str, Any]:
    over = row.expires_at is not None and row.expires_at <= now
    return {
        "label": row.label,
        "kind": row.kind,
        "source": row.source,
        "feeds": row.feeds,
        "towns": row.towns,
        "created_at": iso(row.created_at, row.zone),
        "expires_at": None if row.expires_at is None else iso(row.expires_at, row.zone),
        "follows": row.follows,
        "state": "revoked" if row.revoked_at else "over" if over else "good",
    }


def _session(one: doors.Session, viewer: Viewer) -> Mapping[str, Any]:
    return msgspec.structs.asdict(one) | {"here": one.key == viewer.session}


__all__ = ["router"]
