"""The way in and out: sign-in by password, link or identity provider, pairing of walls, sign-out.

Answers say nothing about which accounts there are: a wrong name and a wrong password look alike and take as long.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.exc import OperationalError

from dashboard.access import devices as walls
from dashboard.access import sessions as doors
from dashboard.access.accounts import Account, AccountStore
from dashboard.access.audit import Audit, Kind
from dashboard.access.devices import DeviceStore
from dashboard.access.oidc import Provider, Unknown
from dashboard.access.policy import Open, needs
from dashboard.access.sessions import SessionStore, csrf_of
from dashboard.access.throttle import Throttle
from dashboard.api import signin_page as page
from dashboard.api.common import Gate, Refused, answer, body_of, refusal
from dashboard.api.guard import CSRF_COOKIE
from dashboard.clock import Clock, machine_ms
from dashboard.errors import ConfigurationError, StoreUnavailable, TownwatchError

FORM_COOKIE, OIDC_COOKIE, LANGUAGE_COOKIE = "townwatch-form", "townwatch-oidc", "townwatch-lang"
MOST_BODY = 16 * 1024
DEVICE_S = 400 * 86_400
"""As long as a browser keeps a cookie at all; every look at the wall renews it."""

log = structlog.get_logger("signin")


class Doors:
    """What the routes share: the stores, and how a cookie is set."""

    def __init__(
        self,
        gate: Gate,
        sessions: SessionStore,
        devices: DeviceStore,
        audit: Audit,
        clock: Clock,
        provider: Provider | None = None,
        language: str = "zh",
    ) -> None:
        self.gate, self.sessions, self.devices, self.audit, self.clock = gate, sessions, devices, audit, clock
        self.provider, self.language = provider, language
        self.accounts = AccountStore(sessions.engine)
        self.throttle = Throttle(sessions.engine)

    def lang(self, request: Request, given: Mapping[str, str] | None = None) -> str:
        """The language of a page: asked for, chosen before, or the setting's."""
        asked = (given or {}).get("lang") or request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
        return asked if asked in ("zh", "en") else self.language

    def note(self, who: str, kind: Kind, what: str, outcome: str = "done", **detail: str | int) -> None:
        """Tell the audit; what cannot be told is not done."""
        self.audit.note(self.clock.now(), who, kind, what, outcome=outcome, detail=detail)

    def enter(self, request: Request, found: Account, way: str, target: str) -> Response:
        """Open a session and send its owner where they wanted to go."""
        self.note(found.name, Kind.SIGN_IN, way)
        before = self.gate.cookie(request, doors.COOKIES)
        agent = request.headers.get("user-agent", "")
        secret = self.sessions.open(machine_ms(), found.name, way, agent, address_of(request), instead=before)
        made = RedirectResponse(target, 303)
        self.give(made, request, secret)
        if found.language:
            self._set(made, request, LANGUAGE_COOKIE, found.language, 400 * 86_400, script=True)
        return made

    def give(self, made: Response, request: Request, secret: str) -> None:
        """The session's cookies. Both end with the browser or the session, whichever is first."""
        secure = self.gate.secure(request)
        self._set(made, request, doors.SECURE_COOKIE if secure else doors.COOKIE, secret)
        self._set(made, request, CSRF_COOKIE, csrf_of(secret), script=True)
        made.delete_cookie(FORM_COOKIE, path="/")

    def take(self, made: Response, request: Request) -> None:
        """Take the session's cookies away."""
        secure = self.gate.secure(request)
        for name in (doors.SECURE_COOKIE if secure else doors.COOKIE, CSRF_COOKIE):
            made.delete_cookie(name, path="/", secure=secure, httponly=name != CSRF_COOKIE, samesite="lax")

    def _set(
        self, made: Response, request: Request, name: str, value: str, age: int | None = None, script: bool = False
    ) -> None:
        made.set_cookie(
            name, value, max_age=age, path="/", secure=self.gate.secure(request), httponly=not script, samesite="lax"
        )

    def form(self, request: Request, make: Callable[[str], str], status: int = 200) -> Response:
        """A page with a form, and the cookie that its token must fit."""
        token = request.cookies.get(FORM_COOKIE, "")
        if not 20 <= len(token) <= 60 or not token.isascii():
            token = secrets.token_urlsafe(24)
        made = HTMLResponse(make(token), status)
        self._set(made, request, FORM_COOKIE, token, 86_400)
        return made


def router(doors_: Doors) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(include_in_schema=False)
    at = doors_

    def provider_name() -> str | None:
        return None if at.provider is None else at.provider.name

    @routes.get("/signin")
    @needs(Open.PUBLIC)
    async def shown(request: Request) -> Response:
        target = path_of(request.query_params.get("next", "/"))
        viewer = await asyncio.to_thread(at.gate.viewer, request)
        if viewer is not None:
            return RedirectResponse(target, 303)
        lang = at.lang(request)
        return at.form(request, lambda form: page.sign_in(lang, target, form, provider=provider_name()))

    @routes.post("/signin")
    @needs(Open.PUBLIC)
    async def sign_in(request: Request) -> Response:
        try:
            given = await _form(request)
        except Exception as error:
            return refusal(error)
        lang, target, name = at.lang(request, given), path_of(given.get("next", "/")), given.get("name", "")[:200]

        def again(error: str, status: int) -> Response:
            return at.form(
                request,
                lambda form: page.sign_in(lang, target, form, name=name[:40], error=error, provider=provider_name()),
                status,
            )

        def work() -> Response:
            now, address = machine_ms(), address_of(request)
            left = at.throttle.wait(now, name, address)
            if left:
                made = again(_wait(lang, left), 429)
                made.headers["Retry-After"] = str(-(-left // 1000))
                return made
            found = at.accounts.check(name, given.get("password", ""))
            if found is None:
                at.throttle.failed(now, name, address)
                # Whatever was typed as a name may be a password: it is kept only where it is a name indeed.
                known = at.accounts.find(name.strip())
                at.note("?" if known is None else known.name, Kind.SIGN_IN, "password", "refused", address=address)
                return again(page.word("wrong", lang), 401)
            at.throttle.passed(now, name)
            return at.enter(request, found, "password", target)

        if not _fits(request, given):
            return again(page.word("old_form", lang), 403)
        try:
            return await asyncio.to_thread(work)
        except (StoreUnavailable, OperationalError):
            return again(page.word("away", lang), 503)

    @routes.get("/signin/link/{secret}")
    @needs(Open.PUBLIC)
    async def link(secret: str, request: Request) -> Response:
        lang = at.lang(request)
        name = await asyncio.to_thread(at.accounts.linked, machine_ms(), secret)
        if name is None:
            return HTMLResponse(page.refused(lang, page.word("link_over_note", lang), "link_over"), 404)
        return at.form(request, lambda form: page.choose(lang, secret, name, form))

    @routes.post("/signin/link/{secret}")
    @needs(Open.PUBLIC)
    async def linked(secret: str, request: Request) -> Response:
        try:
            given = await _form(request)
        except Exception as error:
            return refusal(error)
        lang = at.lang(request, given)

        def work() -> Response:
            now = machine_ms()
            name = at.accounts.linked(now, secret)
            found = None if name is None else at.accounts.find(name)
            if name is None or found is None or found.disabled_at is not None:
                return HTMLResponse(page.refused(lang, page.word("link_over_note", lang), "link_over"), 404)

            def again(error: str) -> Response:
                return at.form(request, lambda form: page.choose(lang, secret, name, form, error), 422)

            if not _fits(request, given):
                return again(page.word("old_form", lang))
            if given.get("password") != given.get("again"):
                return again(page.word("differ", lang))
            try:
                at.note(name, Kind.ACCOUNT, "password by link")
                at.accounts.set_password(now, name, given.get("password", ""))
            except ConfigurationError as error:
                return again(_in(lang, error))
            at.throttle.passed(now, name)
            at.sessions.forget()
            return at.enter(request, found, "link", "/")

        try:
            return await asyncio.to_thread(work)
        except (StoreUnavailable, OperationalError):
            return HTMLResponse(page.refused(lang, page.word("away", lang)), 503)

    @routes.post("/signout")
    @needs(Open.SIGNED)
    async def sign_out(request: Request) -> Response:
        def work() -> Response:
            viewer = at.gate.viewer(request)
            if viewer is not None:
                at.note(viewer.name, Kind.SIGN_OUT, "here")
            at.sessions.end(at.gate.cookie(request, doors.COOKIES))
            made = answer({"signed_out": True, "next": "/signin"})
            at.take(made, request)
            return made

        return await _at_once(request, work)

    @routes.get("/signin/oidc")
    @needs(Open.PUBLIC)
    async def outside(request: Request) -> Response:
        if at.provider is None:
            return HTMLResponse(page.refused(at.lang(request), "没有设置 OpenID Connect · Not set up."), 404)
        try:
            where, kept = await asyncio.to_thread(
                at.provider.begin, _base(at, request), path_of(request.query_params.get("next", "/"))
            )
        except TownwatchError as error:
            return HTMLResponse(page.refused(at.lang(request), error.sentence), 503)
        made = RedirectResponse(where, 303)
        at._set(made, request, OIDC_COOKIE, kept, 600)
        return made

    @routes.get("/signin/oidc/callback")
    @needs(Open.PUBLIC)
    async def back(request: Request) -> Response:
        lang, provider = at.lang(request), at.provider
        if provider is None:
            return HTMLResponse(page.refused(lang, "没有设置 OpenID Connect · Not set up."), 404)

        def work() -> Response:
            kept, asked = request.cookies.get(OIDC_COOKIE, ""), dict(request.query_params)
            try:
                who, target = provider.finish(_base(at, request), asked, kept, machine_ms() // 1000)
                found = provider.account(at.accounts, machine_ms(), who)
            except Unknown as error:
                at.note("?", Kind.SIGN_IN, "oidc", "refused", reason=error.kind, address=address_of(request))
                return HTMLResponse(page.refused(lang, _in(lang, error)), 403)
            at.sessions.forget()
            return at.enter(request, found, "oidc", path_of(target))

        try:
            made = await asyncio.to_thread(work)
        except TownwatchError as error:
            made = HTMLResponse(page.refused(lang, _in(lang, error)), 503)
        made.delete_cookie(OIDC_COOKIE, path="/")
        return made

    @routes.get("/pair")
    @needs(Open.PUBLIC)
    async def pair(request: Request) -> Response:
        lang = at.lang(request)

        def work() -> Response:
            secret = at.gate.cookie(request, walls.COOKIES)
            found = at.devices.waiting(machine_ms(), secret) if secret else None
            if found is not None and found.approved_at is not None:
                return RedirectResponse("/wall", 303)
            return HTMLResponse(page.pair(lang, "" if found is None else found.code or ""))

        return await _html(lang, work)

    @routes.post("/pair")
    @needs(Open.PUBLIC)
    async def ask(request: Request) -> Response:
        lang = at.lang(request)

        def work() -> Response:
            secret, _ = at.devices.ask(machine_ms(), address_of(request))
            made = RedirectResponse(f"/pair?lang={lang}", 303)
            name = walls.SECURE_COOKIE if at.gate.secure(request) else walls.COOKIE
            at._set(made, request, name, secret, DEVICE_S)
            return made

        return await _html(lang, work)

    @routes.get("/pair/state")
    @needs(Open.PUBLIC)
    async def state(request: Request) -> Response:
        def work() -> Response:
            secret = at.gate.cookie(request, walls.COOKIES)
            found = at.devices.waiting(machine_ms(), secret) if secret else None
            fate = "over" if found is None else "waiting" if found.approved_at is None else "approved"
            made = answer({"state": fate})
            if fate == "approved":
                # From the moment it counts, for as long as a browser keeps one.
                name = walls.SECURE_COOKIE if at.gate.secure(request) else walls.COOKIE
                at._set(made, request, name, secret, DEVICE_S)
            return made

        return await _at_once(request, work)

    return routes


async def _at_once(request: Request, work: Callable[[], Response]) -> Response:
    """Do it, and let open sockets whose session it ended know without waiting for the next beat."""
    try:
        made = await asyncio.to_thread(work)
    except Exception as error:
        return refusal(error)
    await tell(request)
    return made


async def tell(request: Request) -> None:
    """Have the hub look at once at who is still signed in."""
    hub = getattr(request.app.state, "hub", None)
    check: Callable[[], Awaitable[None]] | None = getattr(hub, "check_sessions", None)
    if check is not None and request.method != "GET":
        await check()


async def _html(lang: str, work: Callable[[], Response]) -> Response:
    try:
        return await asyncio.to_thread(work)
    except (StoreUnavailable, OperationalError):
        return HTMLResponse(page.refused(lang, page.word("away", lang)), 503, {"Retry-After": "5"})
    except TownwatchError as error:
        return HTMLResponse(page.refused(lang, _in(lang, error)), 429)


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused(415, "登录表单应为 application/x-www-form-urlencoded")
    body = await body_of(request, MOST_BODY)
    try:
        return {
            key: values[0] for key, values in parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20).items()
        }
    except ValueError:
        raise Refused(422, "登录表单读不懂 · The form cannot be read.") from None


def _fits(request: Request, given: Mapping[str, str]) -> bool:
    """Whether a form was sent from a page of ours that this very browser was shown."""
    kept = request.cookies.get(FORM_COOKIE, "")
    return bool(kept) and hmac.compare_digest(kept.encode(), given.get("form", "").encode("utf-8", "replace"))


def path_of(given: str) -> str:
    """A path of our own to go on to; anything else is the first page. Never another site's address."""
    parts = urlsplit(given) if given.isprintable() and len(given) <= 2000 else None
    good = (
        parts is not None
        and not parts.scheme
        and not parts.netloc
        and given.startswith("/")
        and not given.startswith("//")
        and "\\" not in given
        and not parts.path.startswith(("/signin", "/signout", "/api/", "/_dash", "/pair"))
    )
    return given if good else "/"


def address_of(request: Any) -> str:
    """Where a request came from."""
    return request.client.host if request.client is not None else ""


def _base(at: Doors, request: Request) -> str:
    return at.provider.public_url if at.provider and at.provider.public_url else str(request.base_url).rstrip("/")


def _wait(lang: str, left_ms: int) -> str:
    seconds = -(-left_ms // 1000)
    if seconds > 90:
        return page.word("wait_minutes", lang, m=-(-seconds // 60))
    return page.word("wait", lang, s=seconds)


def _in(lang: str, error: TownwatchError) -> str:
    """A sentence in one language."""
    zh, sign, en = error.sentence.partition(" · ")
    return en if lang == "en" and sign else zh
