"""One FastAPI application: Dash pages, the socket, the API and the machine's doors, put together and nothing decided.

Pages are chosen by their path here (``PAGES``), drawn by pure layouts, and filled over ``/live``. The traps of Dash
4.4.1 on FastAPI that this module works around are each named where it does and tested in
``tests/engine/test_app_traps.py``.
"""

from __future__ import annotations

import asyncio
import html as html_text
import importlib
import inspect
import pkgutil
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import urlencode

import structlog
from dash import Dash, Input, Output
from dash.backends._fastapi import get_current_request, reset_current_request, set_current_request
from dash.development.base_component import Component
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Match, Route, request_response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import callbacks as page_callbacks
from dashboard.access.policy import Needs, Open, Permission, allows, needs, permits
from dashboard.access.viewer import Viewer
from dashboard.api.guard import OWN, Guard, Identify, flat
from dashboard.apidocs import docs_page
from dashboard.clock import Clock
from dashboard.domain.day import day_of
from dashboard.domain.place import RegionPack, Town
from dashboard.errors import StoreUnavailable
from dashboard.feeds import FEEDS
from dashboard.live import Hub
from dashboard.measured import OfPages
from dashboard.settings import Settings
from dashboard.telemetry import exposition
from layouts import shell

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "callbacks" / "assets"
UNTRACED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework's own traces: ``/metrics`` and the log say what they would, and only asking whether anybody wants them
takes a twentieth of a post."""
READY_S = 3.0
"""Longest that one part may take to say that it is ready."""

log = structlog.get_logger(__name__)

Check = Callable[[], "Awaitable[object] | object"]
PackInForce = RegionPack | Callable[[], RegionPack]


class PageModule(Protocol):
    """What a module of ``layouts.pages`` offers."""

    @staticmethod
    def layout(pack: RegionPack, lang: str, **params: str) -> Component:
        """The page's components; live content stays out of them."""
        ...


@dataclass(frozen=True)
class Page:
    """A page: its name (and module in ``layouts.pages``), its path, and the word of its title.

    ``needs``: what a viewer must be permitted; a page that declares nothing is refused to everybody.
    ``whole``: it shows the region as one, so viewers of some towns only are refused.
    """

    name: str
    path: re.Pattern[str]
    title: tuple[str, str]
    whole: bool = False
    needs: Needs | None = None

    def lets(self, viewer: Viewer | None) -> bool:
        """Whether it opens for a viewer at all; a town's own page asks for the town besides."""
        return viewer is not None and permits(viewer, self.needs) and (not self.whole or viewer.sees("all"))

    @property
    def module(self) -> PageModule:
        """The page's layout module."""
        return cast(PageModule, importlib.import_module(f"layouts.pages.{self.name}"))


PAGES: tuple[Page, ...] = (
    Page("overview", re.compile(r"/"), ("总览", "Overview"), needs=Permission.FIGURES),
    Page("alerts", re.compile(r"/alerts"), ("告警", "Alerts"), needs=Permission.FIGURES),
    Page("wall", re.compile(r"/wall"), ("大屏", "Wall"), whole=True, needs=Permission.WALL),
    Page("town", re.compile(r"/town/(?P<code>[^/]{1,40})"), ("镇页", "Town"), needs=Permission.FIGURES),
    Page(
        "handover",
        re.compile(r"/town/(?P<code>[^/]{1,40})/handover"),
        ("交班单", "Handover"),
        needs=Permission.FIGURES,
    ),
    Page("my", re.compile(r"/my"), ("我的", "Mine"), needs=Permission.FIGURES),
    Page("patrols", re.compile(r"/patrols"), ("巡逻", "Patrols"), needs=Permission.FIGURES),
    Page("checkpoints", re.compile(r"/checkpoints"), ("卡点", "Checkpoints"), needs=Permission.FIGURES),
    Page("disputes", re.compile(r"/disputes"), ("纠纷", "Disputes"), needs=Permission.FIGURES),
    Page("enterprises", re.compile(r"/enterprises"), ("企业", "Enterprises"), needs=Permission.FIGURES),
    Page(
        "feeds",
        re.compile(rf"/feeds/(?P<feed>{'|'.join(name for name, feed in FEEDS.items() if not feed.core)})"),
        ("数据流", "Feed"),
        needs=Permission.FIGURES,
    ),
    Page(
        "record", re.compile(rf"/record(?:/(?P<feed>{'|'.join(FEEDS)}))?"), ("登记", "Enter"), needs=Permission.RECORD
    ),
    Page("records", re.compile(r"/records"), ("记录", "Records"), needs=Permission.CASES),
    Page("snapshots", re.compile(r"/snapshots"), ("简报", "Snapshots"), needs=Permission.FIGURES),
    Page("replay", re.compile(r"/replay"), ("回放", "Replay"), needs=Permission.FIGURES),
    Page("imports", re.compile(r"/import"), ("导入", "Import"), needs=Permission.IMPORT),
    Page("rules", re.compile(r"/admin/rules"), ("规则", "Rules"), needs=Permission.FIGURES),
    Page(
        "places", re.compile(r"/admin/places"), ("地点与巡段", "Places and beats"), whole=True, needs=Permission.FIGURES
    ),
    Page("audit", re.compile(r"/admin/audit"), ("审计", "Audit"), whole=True, needs=Permission.AUDIT),
    Page("account", re.compile(r"/account"), ("我的账号", "My account"), needs=Open.SIGNED),
    Page("admin", re.compile(r"/admin"), ("管理", "Administration"), needs=Permission.ADMINISTER),
    Page("system", re.compile(r"/system"), ("系统", "System"), whole=True, needs=Permission.SYSTEM),
)


@dataclass(frozen=True)
class Shown:
    """What a request's page is: its HTTP status, its name, its language and its components."""

    status: int
    page: str
    address: shell.Address
    lang: str
    title: str
    children: list[Component]


class Pages:
    """Chooses and frames the page of an address for a viewer. Pure but for the clock."""

    def __init__(self, settings: Settings, pack: PackInForce, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self._pack = pack

    @property
    def pack(self) -> RegionPack:
        """The region pack in force."""
        return self._pack() if callable(self._pack) else self._pack

    def show(self, path: str, search: str, viewer: Viewer | None, lang: str = "") -> Shown:
        """The page at an address, or the notice that says why there is none. ``lang``: chosen by the viewer."""
        pack = self.pack
        address = shell.Address.parse(path, search)
        lang = address.language(lang or self.settings.languages)
        towns = [town for town in pack.towns if viewer is not None and viewer.sees(town.code)]
        match, page = next(((m, page) for page in PAGES if (m := page.path.fullmatch(address.path))), (None, None))
        own = ("pack", "lang", "code", "town")
        params = {key: value for key, value in address.query.items() if key.isidentifier() and key not in own}
        town: Town | None = None
        if page is not None and match is not None and "code" in match.groupdict():
            town = pack.town_by_code.get(match["code"])
            params |= {"code": town.code, "town": town.code} if town else {}
        elif match is not None:
            params |= {key: value for key, value in match.groupdict().items() if value}
        frame = self._frame(pack, lang, address, towns, viewer, town)
        status, kind = 200, ""
        if viewer is None:
            status, kind = 401, "sign_in"
        elif page is None:
            status, kind = 404, "missing"
        elif page.name in ("town", "handover") and town is None:
            status, kind = 404, "no_town"
        elif town is not None and not viewer.sees(town.code):
            # The town's name is no secret, but the switch must not offer what the viewer may not open.
            status, kind = 403, "forbidden"
        elif not page.lets(viewer):
            status, kind = 403, "forbidden"
        if page is None or kind:
            title = shell.word(kind, lang)
            children = shell.frame(frame, "notice", shell.notice(frame, kind), title)
            return Shown(status, "notice", address, lang, title, children)
        title = page.title[1 if lang == "en" else 0]
        if town is not None:
            title = town.name if page.name == "town" else f"{town.name} {title}"
        try:
            body = page.module.layout(pack, lang, **params)
        except Exception:
            # One broken page must not take the frame, and with it every other page, away.
            log.exception("page.failed", page=page.name)
            children = shell.frame(frame, "notice", shell.notice(frame, "broken"), title)
            return Shown(500, "notice", address, lang, title, children)
        return Shown(200, page.name, address, lang, title, shell.frame(frame, page.name, body, title))

    def _frame(
        self,
        pack: RegionPack,
        lang: str,
        address: shell.Address,
        towns: list[Town],
        viewer: Viewer | None,
        town: Town | None,
    ) -> shell.Frame:
        day = str(day_of(self.clock.now(), pack.timezone))
        name = "" if viewer is None else (viewer.name_en or viewer.name) if lang == "en" else viewer.name
        return shell.Frame(
            pack=pack,
            lang=lang,
            address=address,
            towns=towns,
            viewer=name,
            town=town,
            replay=self.clock.world == "replay",
            speed=self.clock.speed,
            day=f"{day[:4]}-{day[4:6]}-{day[6:]}",
            open=frozenset(page.name for page in PAGES if page.lets(viewer)),
        )


class TownwatchDash(Dash):
    """Dash whose document says its language, theme and build before any script has run."""

    document: Callable[[Request], dict[str, str]]

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]
        """The document; ``<html>`` carries what the stylesheet needs, so that no page flashes in the wrong theme."""
        told = self.document(get_current_request())
        attributes = " ".join(f'{key}="{html_text.escape(value)}"' for key, value in told.items() if key in _ON_HTML)
        return (
            f"<!DOCTYPE html>\n<html {attributes}>\n<head>\n{parts['metas']}\n"
            f'<meta name="townwatch-build" content="{html_text.escape(told["build"])}">\n'
            f"<title>{html_text.escape(told['title'])}</title>\n"
            f'<link rel="icon" type="image/svg+xml" href="{self.get_asset_url("mark.svg")}">\n{parts["css"]}\n</head>\n'
            f"<body>\n{parts['app_entry']}\n{parts['config']}\n{parts['scripts']}\n{parts['renderer']}\n</body>\n</html>\n"
        )


_ON_HTML = ("lang", "data-theme", "data-surface")


def build_app(
    settings: Settings,
    hub: Hub,
    queries: object,
    actions: object,
    api_routers: Iterable[APIRouter],
    pack: PackInForce,
    clock: Clock,
    *,
    checks: Mapping[str, Check] | None = None,
    identify: Identify | None = None,
) -> FastAPI:
    """The whole web process. ``identify`` says who asks at a door and why not (as a rule the hub's own).
    ``checks`` are the parts that must answer before it is ready (``redis``, ``database``).

       ``pack`` may be a function that returns the pack in force today. ``hub.identify`` says who asks for a page too.
    """
    pages = Pages(settings, pack, clock)
    ready = {"pages": False}

    @asynccontextmanager
    async def lifespan(server: FastAPI) -> AsyncIterator[None]:
        await hub.start()
        # Trap: Dash prepares assets and callbacks on the first request for "/" or "/_dash-*" only, so a fresh process
        # would serve "/wall" without its scripts. The process asks itself first.
        await _get(server, "/_dash-layout")
        ready["pages"] = True
        warming = asyncio.create_task(_warm(hub))
        try:
            yield
        finally:
            warming.cancel()
            with suppress(asyncio.CancelledError):
                await warming
            await hub.stop()

    # Trap: backend="fastapi" alone loses the documentation, so the server is ours. The stock documentation page
    # fetches its scripts from a public host; ours is made here from the same schema and fetches nothing.
    server = FastAPI(
        title="Townwatch 镇哨",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
        telemetry=UNTRACED,
    )
    for router in api_routers:
        server.include_router(router)
    server.add_exception_handler(RequestValidationError, _unreadable)
    server.add_exception_handler(StoreUnavailable, _away)
    hub.attach(server)
    _doors(server, hub, ready, checks or {})

    dash = TownwatchDash(
        "dashboard",
        server=False,
        backend="fastapi",
        assets_folder=str(ASSETS),
        assets_ignore=r"^\.",
        serve_locally=True,
        title="镇哨 Townwatch",
        update_title="",
        meta_tags=[{"name": "color-scheme", "content": "light dark"}],
        add_log_handler=False,
    )
    # Trap: pages open "/_dash-ws-callback" even with websocket_callbacks=False; one socket a page, and it is ours.
    dash.backend.websocket_capability = False
    dash.document = _document(pages, hub)
    answer = _catch_all(server, dash, pages, hub)
    # Before Dash's own "/", which answers 200 whoever asks.
    server.router.routes.append(Route("/", answer, methods=["GET", "HEAD"]))
    dash.init_app(server)
    dash.layout = shell.root()
    # Component packages register themselves when imported; one imported after Dash listed them reaches no page.
    for page in PAGES:
        importlib.import_module(f"layouts.pages.{page.name}")
    # Trap: Dash looks for the ids of callbacks in the first layout; it is shown the pages that have any.
    called = {module.name for module in pkgutil.iter_modules(page_callbacks.__path__)}
    shown = [shell.root(), *(page.module.layout(pages.pack, "zh") for page in PAGES if page.name in called)]
    dash.validation_layout = shown  # type: ignore[assignment]
    _register_routing(dash, pages, hub)
    _register_callbacks(dash, queries, hub, actions)

    # After Dash's own routes and before the catch-all that Dash adds when the process starts.
    server.router.routes.append(Route("/{path:path}", answer, methods=list(_METHODS)))
    server.add_middleware(Compression, minimum_size=500)
    server.add_middleware(Headers, policy=_policy(dash), https=settings.https)
    # Innermost: nothing is reached past it.
    pages_alone = request_response(answer)
    server.user_middleware.append(
        Middleware(Guard, routes=lambda: server.router.routes, identify=identify or hub.identify, pages=pages_alone)
    )
    server.state.dash = dash
    server.state.pages = PAGES
    server.state.hub = hub
    # Whoever knows the stores puts more there.
    server.state.measured = OfPages(hub)
    return server


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _document(pages: Pages, hub: Hub) -> Callable[[Request], dict[str, str]]:
    def document(request: Request) -> dict[str, str]:
        address = shell.Address.parse(request.url.path, request.url.query)
        lang = address.language(_chosen(request) or pages.settings.languages)
        wall = address.path == "/wall"
        theme = address.query.get("theme", "dark" if wall else "light")
        page = next((page for page in PAGES if page.path.fullmatch(address.path)), None)
        title = page.title[1 if lang == "en" else 0] if page else shell.word("missing", lang)
        return {
            "lang": "en" if lang == "en" else "zh-CN",
            "data-theme": theme if theme in ("dark", "light") else "light",
            "data-surface": "wall" if wall else "desk",
            "build": hub.build,
            "title": shell.page_title(title, lang),
        }

    return document


async def _viewer(hub: Hub, connection: HTTPConnection) -> Viewer | None:
    found = hub.identify(connection)
    return await found if inspect.isawaitable(found) else found


def _register_routing(dash: Dash, pages: Pages, hub: Hub) -> None:
    @dash.callback(Output("tw-frame", "children"), Input("tw-url", "pathname"), Input("tw-url", "search"))
    async def show(path: str | None, search: str | None) -> list[Component]:
        request = get_current_request()
        viewer = await _viewer(hub, request)
        return pages.show(path or "/", search or "", viewer, _chosen(request)).children


def _chosen(request: Request) -> str:
    """The language that the viewer has chosen in the account; empty: none."""
    found = request.cookies.get("townwatch-lang", "")
    return found if found in shell.LANGUAGES else ""


def _register_callbacks(dash: Dash, queries: object, hub: Hub, actions: object) -> None:
    for module in sorted(pkgutil.iter_modules(page_callbacks.__path__), key=lambda entry: entry.name):
        register = getattr(importlib.import_module(f"{page_callbacks.__name__}.{module.name}"), "register", None)
        if register is not None:
            register(dash, queries, hub, actions)


def _catch_all(server: FastAPI, dash: Dash, pages: Pages, hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    """Answers every path that nothing else does: a page, the 404 page in its frame, or a JSON 404 for machines.

    Trap: Dash's own catch-all answers 200 with the page to anything, ``/api/*`` and missing assets included.
    """

    async def answer(request: Request) -> Response:
        allowed = _allowed_elsewhere(server, request)
        if allowed:
            return JSONResponse({"detail": "Method Not Allowed"}, 405, {"Allow": ", ".join(allowed)})
        machine = request.url.path.startswith(("/api/", "/_dash", "/_reload", "/assets/")) or request.url.path == "/api"
        if machine or request.method not in ("GET", "HEAD"):
            return JSONResponse({"detail": f"There is nothing at {request.url.path}; see /api/docs."}, 404)
        viewer = await _viewer(hub, request)
        elsewhere = _elsewhere(server, request, viewer)
        if elsewhere:
            return RedirectResponse(elsewhere, 303)
        shown = pages.show(request.url.path, request.url.query, viewer, _chosen(request))
        # Dash reads the request from here, and sets it itself for "/" and "/_dash-*" only.
        token = set_current_request(request)  # type: ignore[no-untyped-call]
        try:
            return HTMLResponse(dash.index(), shown.status)  # type: ignore[no-untyped-call]
        finally:
            reset_current_request(token)  # type: ignore[no-untyped-call]

    return answer


def _elsewhere(server: FastAPI, request: Request, viewer: Viewer | None) -> str:
    """Where somebody is sent instead: to sign in, or, for a screen that may show the wall alone, there."""
    asked = request.url.path
    if viewer is None and any(
        route.path == "/signin" for route in flat(server.router.routes) if hasattr(route, "path")
    ):
        found = {"next": asked + (f"?{request.url.query}" if request.url.query else "")}
        # Who reads English is asked in English.
        return "/signin?" + urlencode(found | ({"lang": "en"} if request.query_params.get("lang") == "en" else {}))
    if asked == "/" and allows(viewer, Permission.WALL) and not allows(viewer, Permission.FIGURES):
        return "/wall" + (f"?{request.url.query}" if request.url.query else "")
    return ""


def _allowed_elsewhere(server: FastAPI, request: Request) -> list[str]:
    """Methods that the path answers to although not to this one: then it is a 405, not a 404."""
    routes = [
        route for route in server.router.routes if getattr(route, "path", "") not in ("/{path:path}", "{path:path}")
    ]
    others = [method for method in _METHODS if method not in (request.method, "HEAD", "OPTIONS")]
    return [
        method
        for method in others
        if any(route.matches({**request.scope, "method": method})[0] == Match.FULL for route in routes)
    ]


# -- the machine's doors ---------------------------------------------------------------------------------------------


def _doors(server: FastAPI, hub: Hub, ready: Mapping[str, bool], checks: Mapping[str, Check]) -> None:
    @server.get("/healthz", tags=["machine"], summary="The process is alive")
    @needs(Open.PUBLIC)
    async def healthz() -> dict[str, str]:
        return {"status": "alive", "build": hub.build}

    @server.get("/readyz", tags=["machine"], summary="The process can serve: every part answers")
    @needs(Open.PUBLIC)
    async def readyz() -> JSONResponse:
        parts = await _states(checks)
        parts["board"] = "ok" if hub.first_board else "no board has been read yet"
        parts["pages"] = "ok" if ready["pages"] else "pages are being prepared"
        good = all(state == "ok" for state in parts.values())
        return JSONResponse({"status": "ready" if good else "not ready", "parts": parts}, 200 if good else 503)

    @server.get("/metrics", tags=["machine"], summary="Figures of the process itself, for Prometheus")
    @needs(Open.MACHINE)
    async def metrics() -> Response:
        return await _told(server)

    @server.get("/favicon.ico", include_in_schema=False)
    @needs(Open.PUBLIC)
    async def favicon() -> FileResponse:
        return FileResponse(ASSETS / "mark.svg", media_type="image/svg+xml")

    @server.get("/sw.js", include_in_schema=False)
    @needs(Open.PUBLIC)
    async def offline() -> Response:
        script = (ASSETS.parent / "offline" / "sw.js").read_text(encoding="utf-8").replace("{build}", hub.build)
        return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    @server.get("/api/docs", include_in_schema=False)
    @needs(Open.PUBLIC)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(server.openapi()))


async def _told(server: FastAPI) -> Response:
    """All metrics; what has to be looked up is looked up off the event loop."""
    text = await asyncio.to_thread(exposition, getattr(server.state, "measured", None))
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _unreadable(_: Request, error: Exception) -> Response:
    """A parameter that is missing or of the wrong kind, in one sentence."""
    found = cast(RequestValidationError, error).errors()[0]
    name = ".".join(str(part) for part in found["loc"][1:]) or "请求"
    got = "" if found.get("input") in (None, {}) else f"是“{str(found['input'])[:40]}”，"
    return JSONResponse({"error": f"参数 {name} {got}不对或缺少：{found['msg']}"}, 422)


async def _away(request: Request, error: Exception) -> Response:
    """A page that cannot be made while a store is away: says so and asks again by itself."""
    sentence = cast(StoreUnavailable, error).sentence
    headers = {"Retry-After": "5"}
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": sentence}, 503, headers)
    page = (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
        "<title>镇哨 Townwatch</title><p>镇哨暂时打不开，恢复后会自动显示 · "
        f"Townwatch cannot be shown just now and will come back by itself</p><p>{html_text.escape(sentence)}</p></html>"
    )
    return HTMLResponse(page, 503, headers)


def build_gateway(
    api_routers: Iterable[APIRouter], checks: Mapping[str, Check], build: str, identify: Identify = lambda _: None
) -> FastAPI:
    """A web process that only takes records: no pages, no socket, so that heavy intake never slows a page."""
    server = FastAPI(
        title="Townwatch 镇哨", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json", telemetry=UNTRACED
    )
    for router in api_routers:
        server.include_router(router)

    @server.get("/healthz", tags=["machine"], summary="The process is alive")
    @needs(Open.PUBLIC)
    async def healthz() -> dict[str, str]:
        return {"status": "alive", "build": build}

    @server.get("/readyz", tags=["machine"], summary="The process can serve: every part answers")
    @needs(Open.PUBLIC)
    async def readyz() -> JSONResponse:
        parts = await _states(checks)
        good = all(state == "ok" for state in parts.values())
        return JSONResponse({"status": "ready" if good else "not ready", "parts": parts}, 200 if good else 503)

    @server.get("/metrics", tags=["machine"], summary="Figures of the process itself, for Prometheus")
    @needs(Open.MACHINE)
    async def metrics() -> Response:
        return await _told(server)

    server.user_middleware.append(Middleware(Guard, routes=lambda: server.router.routes, identify=identify))
    return server


async def _states(checks: Mapping[str, Check]) -> dict[str, str]:
    """What every part says, asked at once: one that hangs must not keep the others' answers back."""
    return dict(zip(checks, await asyncio.gather(*map(_asked, checks.values())), strict=True))


async def _asked(check: Check) -> str:
    try:
        async with asyncio.timeout(READY_S):
            # A store that hangs must hold up nobody but who asks for it: not the loop, which serves every page.
            found = await asyncio.to_thread(check)
            answer = await found if inspect.isawaitable(found) else found
        return "ok" if answer is None or answer else "does not answer"
    except TimeoutError:
        return f"did not answer within {READY_S:g} s"
    except Exception as error:
        return str(error) or type(error).__name__


async def _warm(hub: Hub) -> None:
    wait = 0.1
    while not hub.first_board:
        try:
            await hub.warm()
        except Exception as error:
            log.warning("app.no_board_yet", error=str(error))
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)


async def _get(app: ASGIApp, path: str) -> None:
    """Ask this very process for a path, without a socket."""
    statuses: list[int] = []
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        OWN: True,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    if statuses != [200]:
        raise HTTPException(500, f"{path} answered {statuses} while the process was starting")


# -- headers ---------------------------------------------------------------------------------------------------------


def _policy(dash: Dash) -> str:
    # Dash writes inline styles and starts its renderer by one inline script, whose hash is allowed; nothing else
    # inline runs, and nothing comes from another host.
    scripts = " ".join(["'self'", *dash.csp_hashes()])
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


class Compression(GZipMiddleware):
    """Compresses what people read. Receipts of records are a line each, and there are thousands of them a second."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope["path"].startswith("/api/v1/events/"):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class Headers:
    """Sets the security headers on every HTTP answer."""

    def __init__(self, app: ASGIApp, policy: str, https: bool = False) -> None:
        self.app, self.https = app, https
        fixed = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "X-Frame-Options": "SAMEORIGIN",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), payment=()",
        }
        self.fixed = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fixed.items()]
        self._names = frozenset(name for name, _ in self.fixed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add what an answer does not already say itself."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        https = self.https or scope.get("scheme") == "https"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                said = {name.lower(): value for name, value in headers}
                if self._names.isdisjoint(said):
                    headers += self.fixed
                else:
                    headers += [(name, value) for name, value in self.fixed if name not in said]
                if https:
                    headers.append((b"strict-transport-security", b"max-age=31536000"))
                fleeting = said.get(b"content-type", b"").startswith((b"text/html", b"application/json"))
                if fleeting and b"cache-control" not in said:
                    # Figures and pages are of the moment; only assets and suites may be kept.
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, guarded)


if __name__ == "__main__":
    # Looking at pages while they are built; `townwatch up` and `demo` start the real thing.
    importlib.import_module("tests.sample_app").main()
