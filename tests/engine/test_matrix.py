"""Role × town × page × route × view, enumerated from the application itself: every pair is asked for, none is left out."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import websockets
from fastapi import APIRouter
from msgspec.structs import replace
from starlette.routing import Route

from dashboard import wiring
from dashboard.access.policy import GRANTS, Open, Permission, Role, allows, needed, permits, require
from dashboard.access.viewer import LOCAL_VIEWER, Viewer
from dashboard.api.guard import Door, doors_of
from dashboard.app import PAGES, Page, build_app
from dashboard.errors import NotAllowed
from dashboard.feeds import FEEDS
from dashboard.live import Hub
from dashboard.queries.export import Table
from dashboard.queries.view import View
from dashboard.queries.views import VIEWS
from dashboard.reference import api_page
from dashboard.settings import Settings
from dashboard.stores import redis_server as embedded
from tests.engine.answers import Answer, request, serving
from tests.engine.core import DAYUN, YAOZHUANG
from tests.engine.people import Browser, Town, town
from tests.engine.served import PACK, VIEWERS, Boards
from tests.engine.test_app_traps import CLOCK

SCOPES: dict[str, tuple[str, ...] | None] = {"all": None, "one": (YAOZHUANG,)}
ROLES = (Role.CLERK, Role.OFFICER, Role.CHIEF, Role.LEADER, Role.ADMINISTRATOR, Role.WALL)
PEOPLE = {f"{role.value}-{scope}": (role, towns) for role in ROLES for scope, towns in SCOPES.items()}
REFUSALS = (401, 403)
"""What a door that stays shut answers; anything else has been let in (and may then be 404, 409, 413, 415 or 422)."""


@dataclass
class World:
    """The product and a session of everybody in the table, made without the slow way through the form."""

    town: Town
    browsers: dict[str, Browser]
    viewers: dict[str, Viewer]

    def ask(self, who: str, method: str, target: str) -> Answer:
        """As this person's browser asks; no body, so that what is let in changes nothing."""
        return self.browsers[who].ask(method, target, b"" if method != "GET" else None, X_Townwatch_Form="page")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One product, twelve people and nobody."""
    from dashboard.access.sessions import csrf_of
    from dashboard.clock import machine_ms

    server = embedded.start(tmp_path_factory.mktemp("redis"))
    with (
        pytest.MonkeyPatch.context() as patched,
        town(tmp_path_factory.mktemp("data"), server.url, PEOPLE, before=lambda: _light(patched)) as made,
    ):
        _remembered(made)
        browsers, viewers = {"": Browser(made.port)}, {}
        for name in PEOPLE:
            secret = made.sessions.open(machine_ms(), name)
            browsers[name] = Browser(made.port, {"townwatch": secret, "_csrf_token": csrf_of(secret)})
            viewers[name] = made.accounts.get(name).viewer()
        for scope, towns in SCOPES.items():
            secret = made.tokens.create(made.core.clock.now(), source=None, read=True, towns=towns)
            browsers[f"api-{scope}"] = _Bearer(made.port, secret)
            viewers[f"api-{scope}"] = made.tokens.check(secret, made.core.clock.now()).viewer()  # type: ignore[union-attr]
        yield World(made, browsers, viewers)
    server.stop()


def _light(patched: pytest.MonkeyPatch) -> None:
    """Every view with its own declarations and an empty document: who may see it is asked, not what it says."""
    table = Table("t", "t", (), ())
    light = {
        name: replace(view, build=lambda *_: {}, tables=None if view.tables is None else lambda *_: [table])
        for name, view in VIEWS.items()
    }
    patched.setattr(wiring, "VIEWS", light)


def _remembered(made: Town) -> None:
    """Each board is read once: there are no records, and reading it a thousand times says nothing more."""
    boards: dict[str, Any] = {}
    plain = made.reader.board

    def board(viewer: Viewer, exact: bool = False) -> Any:
        key = f"{viewer.scope}|{sorted(viewer.feeds or ())}"
        if key not in boards:
            boards[key] = plain(viewer, exact=exact)
        return boards[key]

    made.reader.board = board  # type: ignore[method-assign]


class _Bearer(Browser):
    """A program with a reader's token."""

    def __init__(self, port: int, secret: str) -> None:
        super().__init__(port)
        self.secret = secret

    def ask(self, method: str, target: str, body: bytes | None = None, **_: str) -> Answer:
        """One request, with the token."""
        return request(self.port, method, target, body, {"Authorization": f"Bearer {self.secret}"})


def _doors(world: World) -> list[Door]:
    return [door for door in doors_of(world.town.app.router.routes) if door.needs is not None]


def _target(door: Door) -> str:
    """An address of a door: things that are not there, so that nothing is done."""
    if door.path == "/assets":
        return "/assets/mark.svg"
    known = {"feed": "dispute", "level": "towns", "day": "2020-02-01", "kind": "csv"}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: known.get(found[1], "nothing"), door.path)


# --- nothing is undeclared ------------------------------------------------------------------------------------------


DASH_ONLY = {"/_reload-hash", "/_favicon.ico"}
"""Doors of Dash that nobody needs: they declare nothing and stay shut."""


def test_every_door_page_and_view_declares_what_it_needs(world: World) -> None:
    undeclared = {door.path for door in doors_of(world.town.app.router.routes) if door.needs is None}
    assert undeclared == DASH_ONLY, "declare it: @needs(...) below @routes.get(...)"
    assert [page.name for page in PAGES if page.needs is None] == [], "declare it: Page(..., needs=...)"
    views = world.town.app.state.hub.views.values()
    assert [view.name for view in views if view.needs is None] == [], "declare it: View(..., needs=...)"
    assert len(views) >= 18
    assert len(PAGES) >= 16
    for path in DASH_ONLY:
        assert world.ask("administrator-all", "GET", path).status == 403


def test_what_declares_nothing_is_refused_at_run_time() -> None:
    async def quiet(*_: Any) -> None:
        return None

    router = APIRouter()

    @router.get("/api/v1/forgotten")
    async def forgotten() -> dict[str, str]:
        return {"secret": "figures"}

    view = View("forgotten", lambda board, scope, lang: {"secret": 1})
    hub = Hub(Boards(), [view], CLOCK, "build", 60, identify=lambda _: LOCAL_VIEWER)
    app = build_app(Settings.load(), hub, None, None, [router], PACK, CLOCK)
    # One that is added later, past the routers, is seen, too.
    app.router.routes.insert(0, Route("/api/v1/later", lambda _: None))

    async def story(port: int) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/live") as page, asyncio.timeout(20):
            await page.send(json.dumps({"do": "subscribe", "view": "forgotten", "scope": "all", "lang": "zh"}))
            while (message := json.loads(await page.recv()))["type"] != "refused":
                assert message["type"] != "view"

    with serving(app) as port:
        for path in ("/api/v1/forgotten", "/api/v1/later"):
            got = request(port, "GET", path, None, {})
            assert (got.status, list(got.json)) == (403, ["error"])
        asyncio.run(story(port))
    page = Page("forgotten", re.compile("/forgotten"), ("", ""))
    assert not page.lets(LOCAL_VIEWER)
    assert needed(forgotten) is None
    assert not permits(LOCAL_VIEWER, None)
    assert not allows(None, Permission.FIGURES)
    with pytest.raises(NotAllowed, match="declares no"):
        require(LOCAL_VIEWER, None)


def test_every_described_door_stands_in_the_reference(world: World) -> None:
    described = world.town.app.openapi()["paths"]
    doors = {(method.upper(), path) for path, operations in described.items() for method in operations}
    told = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \|", api_page(), re.MULTILINE)
    assert set(told) == doors
    assert len(told) == len(doors) > 60


# --- the policy -----------------------------------------------------------------------------------------------------


def test_the_table_is_what_the_domain_says() -> None:
    assert set(GRANTS) == set(Role)
    assert GRANTS[Role.WALL] == {Permission.WALL}
    who = {permission: {role for role in Role if permission in GRANTS[role]} for permission in Permission}
    assert all(who.values()), "every permission is somebody's"
    # Single cases and contacts: those whose work they are.
    assert Role.LEADER not in who[Permission.CASES]
    assert who[Permission.REVEAL] == {Role.OFFICER, Role.CHIEF}
    assert who[Permission.ADMINISTER] == who[Permission.AUDIT] == {Role.ADMINISTRATOR}
    # A reader's token changes nothing.
    reading = {Permission.WALL, Permission.FIGURES, Permission.EXPORT, Permission.CASES, Permission.SYSTEM}
    assert GRANTS[Role.API] <= reading


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_towns_people_have_no_say_elsewhere(role: Role, permission: Permission) -> None:
    whole, some, none = (Viewer("x", frozenset({role}), towns) for towns in (None, frozenset({YAOZHUANG}), frozenset()))
    assert not allows(some, permission, DAYUN)
    assert not allows(some, permission, "all")
    assert not allows(none, permission, YAOZHUANG)
    if allows(some, permission, YAOZHUANG):
        assert allows(some, permission)
        assert allows(whole, permission, YAOZHUANG)
    assert not allows(Viewer("x", frozenset()), permission)
    if not allows(some, permission, DAYUN):
        with pytest.raises(NotAllowed):
            require(some, permission, DAYUN)


# --- every pair, for real -------------------------------------------------------------------------------------------


def test_every_role_at_every_route(world: World) -> None:
    told: Counter[str] = Counter()
    wrong = []
    for door in _doors(world):
        for method in sorted(door.methods - {"HEAD"}):
            if door.path == "/assets" and method != "GET":
                continue
            target = _target(door)
            for who in ["", *world.viewers]:
                if door.path in ("/signout", "/api/v1/account/signout-everywhere") and who:
                    # It would end the very session that asks; test_access.py does it.
                    continue
                viewer = world.viewers.get(who)
                opens = permits(viewer, door.needs) or door.needs is Open.MACHINE
                got = world.ask(who, method, target)
                told["let in" if opens else "refused"] += 1
                shut = got.status in REFUSALS
                if not opens:
                    # Nobody is told to sign in, somebody that it is not theirs.
                    good = got.status == (401 if not who else 403)
                elif door.needs in (Open.WRITER, Open.MIXED):
                    # It asks for its own token.
                    good = got.status < 500
                elif door.needs in (Open.PUBLIC, Open.SIGNED, Open.MACHINE):
                    good = got.status < 500
                else:
                    # Let in by permission; a town of others may still be refused inside.
                    good = got.status < 500 and (not shut or (viewer is not None and viewer.towns is not None))
                if not good:
                    wrong.append((method, target, who, door.needs, got.status, got.body[:120]))
    assert not wrong, "\n".join(map(str, wrong))
    assert told["refused"] > 200
    assert told["let in"] > 300


def _addresses(page: Page) -> list[tuple[str, str | None]]:
    """Addresses of a page, each with the town that it is of."""
    if page.name in ("town", "handover"):
        pattern = page.path.pattern
        start = pattern.index("(?P<code>")
        rest = pattern[start:].split(")", 1)[1]
        return [(pattern[:start] + code + rest, code) for code in (YAOZHUANG, DAYUN)]
    if page.name == "feeds":
        return [(f"/feeds/{name}", None) for name in FEEDS if page.path.fullmatch(f"/feeds/{name}")]
    if page.name == "record":
        return [("/record", None), ("/record/dispute", None)]
    return [(page.path.pattern, None)]


def test_every_role_at_every_page_of_every_town(world: World) -> None:
    wrong = []
    asked = 0
    for page in PAGES:
        for address, code in _addresses(page):
            assert page.path.fullmatch(address), (page.name, address)
            for who in ["", *world.viewers]:
                viewer = world.viewers.get(who)
                opens = page.lets(viewer) and (code is None or (viewer is not None and viewer.sees(code)))
                got = world.ask(who, "GET", address)
                asked += 1
                expected = {200} if opens else {303} if not who else {403, 303} if address == "/" else {403}
                if got.status not in expected:
                    wrong.append((address, who, got.status, expected))
                elif not opens and who and got.status == 403:
                    frame = got.body.decode()
                    assert "data-kpi" not in frame
    assert wrong == []
    assert asked >= 15 * 30


def test_every_role_at_every_view_of_every_town(world: World) -> None:
    hub = world.town.app.state.hub
    wrong: list[Any] = []

    async def story(who: str) -> int:
        browser, viewer = world.browsers[who], world.viewers[who]
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        headers = {"Authorization": f"Bearer {browser.secret}"} if isinstance(browser, _Bearer) else {"Cookie": cookie}
        asked = 0
        async with websockets.connect(f"ws://127.0.0.1:{browser.port}/live", additional_headers=headers) as page:
            for scope in ("all", YAOZHUANG, DAYUN, f"{YAOZHUANG},{DAYUN}"):
                for name in hub.views:
                    await page.send(json.dumps({"do": "subscribe", "view": name, "scope": scope, "lang": "zh"}))
                answers: dict[str, str] = {}
                async with asyncio.timeout(60):
                    while len(answers) < len(hub.views):
                        message = json.loads(await page.recv())
                        if message.get("scope") == scope and message["type"] in ("view", "refused", "trouble"):
                            answers.setdefault(message["view"], message["type"])
                for name, view in hub.views.items():
                    asked += 1
                    opens = view.lets(viewer, scope, own=name in hub.open_views)
                    if answers[name] != ("view" if opens else "refused"):
                        wrong.append((who, name, scope, answers[name], opens))
                    await page.send(json.dumps({"do": "unsubscribe", "view": name, "scope": scope, "lang": "zh"}))
        return asked

    async def everybody() -> int:
        return sum([await story(who) for who in world.viewers])

    assert asyncio.run(everybody()) == len(world.viewers) * len(hub.views) * 4
    assert wrong == []


def test_single_cases_open_for_those_whose_work_they_are(world: World) -> None:
    hub = world.town.app.state.hub
    opening = [view for view in hub.views.values() if view.opens is not None]
    assert {"disputes", "feed-isolation"} <= {view.name for view in opening}

    async def answer(who: str, name: str) -> str:
        browser = world.browsers[who]
        cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
        async with (
            websockets.connect(f"ws://127.0.0.1:{browser.port}/live", additional_headers={"Cookie": cookie}) as page,
            asyncio.timeout(20),
        ):
            say = {"view": name, "scope": "all", "lang": "zh", "params": {"open": "case-1"}}
            await page.send(json.dumps({"do": "subscribe", **say}))
            while True:
                message = json.loads(await page.recv())
                if message["type"] in ("view", "refused", "trouble"):
                    return str(message["type"])

    async def story() -> dict[tuple[str, str], str]:
        people = ("leader-all", "clerk-all", "chief-all", "leader-one")
        return {(who, view.name): await answer(who, view.name) for who in people for view in opening}

    for (who, name), kind in asyncio.run(story()).items():
        assert (kind == "refused") == (not allows(world.viewers[who], Permission.CASES)), (who, name, kind)


def test_every_role_at_every_export_of_every_town(world: World) -> None:
    hub = world.town.app.state.hub
    offered = [view for view in hub.views.values() if view.tables is not None]
    assert len(offered) >= 7
    wrong = []
    for view in offered:
        for scope in ("all", YAOZHUANG, DAYUN):
            for who, viewer in world.viewers.items():
                opens = allows(viewer, Permission.EXPORT) and view.lets(viewer, scope)
                got = world.ask(who, "GET", f"/api/v1/export/{view.name}.csv?scope={scope}")
                if (got.status == 200) != opens or (not opens and got.status != 403):
                    wrong.append((view.name, scope, who, got.status, opens))
    assert wrong == []


def test_other_towns_figures_are_nobodys_of_one_town(world: World) -> None:
    for who, viewer in world.viewers.items():
        if not allows(viewer, Permission.FIGURES):
            continue
        for kind in ("figures?town=", "records?feed=dispute&town=", "series?kpi=dispute_open&town="):
            needs = Permission.CASES if kind.startswith("records") else Permission.FIGURES
            for code in (YAOZHUANG, DAYUN):
                got = world.ask(who, "GET", f"/api/v1/{kind}{code}")
                assert (got.status == 200) == allows(viewer, needs, code), (who, kind, code, got.status)


# --- the page and the file that say so ------------------------------------------------------------------------------


def test_the_list_of_who_can_see_what_is_the_application(world: World) -> None:
    got = world.ask("administrator-all", "GET", "/api/v1/access.csv")
    assert got.status == 200
    rows = list(csv.reader(io.StringIO(got.body.decode("utf-8-sig"))))
    head, body = rows[0], rows[1:]
    assert head[:3] == ["种类", "名称", "需要的权限"]
    kinds = Counter(row[0] for row in body)
    hub = world.town.app.state.hub
    assert kinds["页面"] == len(PAGES)
    assert kinds["接口"] == len(doors_of(world.town.app.router.routes))
    assert kinds["实时视图"] == len(hub.views)
    assert kinds["导出"] == sum(view.tables is not None for view in hub.views.values())
    assert kinds["单条个案"] == sum(view.cases for view in hub.views.values())
    found = {(row[0], row[1]): dict(zip(head[3:], row[3:], strict=True)) for row in body}
    assert (found["单条个案", "disputes"]["领导"], found["单条个案", "disputes"]["所长"]) == ("—", "所管镇街")
    assert found["页面", "/wall"]["大屏"] == "须管全部"
    assert found["页面", "/patrols"]["大屏"] == "—"
    assert found["页面", "/town/{code}"]["所长"] == "所管镇街"
    assert found["页面", "/town/{code}/handover"]["大屏"] == "—"
    assert found["页面", "/records"]["领导"] == "—"
    assert found["接口", "GET /api/v1/access.csv"]["管理员"] == "须管全部"
    shown = world.ask("administrator-all", "GET", "/api/v1/access").json["lines"]
    assert [line["name"] for line in shown] == [row[1] for row in body]
    for who in ("administrator-one", "chief-all", "leader-all", "api-all"):
        assert world.ask(who, "GET", "/api/v1/access.csv").status == 403


def test_the_viewers_of_other_tests_are_people_of_the_table() -> None:
    assert all(viewer.roles <= set(Role) for viewer in VIEWERS.values())
