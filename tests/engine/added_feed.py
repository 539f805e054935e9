"""What a feed that was just begun is found in; run by ``test_add_a_feed.py`` in a process of its own.

``TOWNWATCH_FEEDS`` names the folder with the feed's file, ``ADDED_FEED`` its name. Nothing else knows of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import openpyxl
import pytest

from dashboard.access.tokens import TokenStore
from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.actions import Actions
from dashboard.alerts.conditions import look
from dashboard.api import events, figures, imports
from dashboard.api.common import Gate
from dashboard.app import build_app
from dashboard.domain.day import HOUR, day_of, iso
from dashboard.domain.feed import CaseSpec, RosterSpec
from dashboard.feeds import FEEDS
from dashboard.live import Hub
from dashboard.queries.alerting.rules import rules_of
from dashboard.queries.asked import canonical
from dashboard.queries.board import Board
from dashboard.queries.duties import due_in
from dashboard.queries.past import Past
from dashboard.queries.reader import LiveBoards
from dashboard.queries.views import VIEWS
from dashboard.snapshot.build import Ask, build
from dashboard.snapshot.sheet import sheet_of
from dashboard.stores import redis_server as embedded
from tests.engine.answers import request, serving
from tests.engine.core import NOON, YAOZHUANG, Core

FEED = FEEDS[os.environ["ADDED_FEED"]]
MAX_BODY = 1 << 20
COUNT = 3


class Product:
    """The application on a loopback port, its worker stepped."""

    def __init__(self, core: Core, port: int) -> None:
        self.core, self.port = core, port
        tokens = TokenStore(core.history.engine)
        self.writer = tokens.create(NOON, source="desk")
        self.reader = tokens.create(NOON, source=None, read=True)

    def board(self) -> Board:
        return self.core.reader().board(LOCAL_VIEWER)

    def ask(self, method: str, path: str, token: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return request(self.port, method, path, data, headers)


def records() -> list[dict[str, Any]]:
    """Three records two days old: long enough ago that a case stands too long where it is."""
    at = NOON - 47 * HOUR
    subject = str(FEED.sample[FEED.subject])
    return [
        {**FEED.sample, "id": f"x-{n}", "at": iso(at + n * 1000), "town": YAOZHUANG, FEED.subject: f"{subject}-{n}"}
        for n in range(COUNT)
    ]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    server = embedded.start(tmp_path_factory.mktemp("redis"))
    core = Core(tmp_path_factory.mktemp("data"), server.url, max_body_bytes=MAX_BODY)
    gate = Gate(TokenStore(core.history.engine), core.clock, local=False)
    reader = core.reader()
    hub = Hub(LiveBoards(reader, server.url), VIEWS, core.clock, "build", identify=gate.viewer)
    region = core.parts.region_at
    actions = Actions(core.intake, core.history, lambda: region(day_of(core.clock.now())), core.clock)
    routers = [
        events.router(actions, gate, MAX_BODY),
        imports.router(actions, gate, MAX_BODY),
        figures.router(reader, gate),
    ]
    app = build_app(core.settings, hub, reader, actions, routers, region(day_of(NOON)).pack, core.clock)
    with serving(app) as port:
        made = Product(core, port)
        answer = made.ask("POST", f"/api/v1/events/{FEED.name}", made.writer, records())
        assert (answer.status, answer.json["accepted"]) == (202, COUNT), answer.json
        core.work()
        yield made
    core.close()
    server.stop()


def first_value() -> int:
    """What the first figure of the scaffold is, by a loop over what was sent."""
    if isinstance(FEED.archetype, RosterSpec):
        return sum(int(one["done"]) for one in records())
    return sum(int(one.get("count", 1)) for one in records())


def test_the_api_gives_its_figures(product: Product) -> None:
    key = FEED.kpis[0].key
    found = product.ask("GET", f"/api/v1/figures?kpi={key}&town={YAOZHUANG}", product.reader).json["figures"]
    plain = next(one for one in found if not one["dims"])
    assert (plain["feed"], plain["value"]) == (FEED.name, first_value())


def test_it_has_an_import_template(product: Product) -> None:
    answer = product.ask("GET", f"/api/v1/import/{FEED.name}/template.xlsx", product.writer)
    assert answer.status == 200
    sheet = openpyxl.load_workbook(BytesIO(answer.body)).worksheets[0]
    heads = [str(cell.value) for cell in sheet[1]]
    for field in FEED.fields:
        assert any(field.words.zh in head for head in heads), field.name


def test_it_is_on_the_wall(product: Product) -> None:
    board = product.board()
    scenes = VIEWS["wall"].build(board, "all", "zh")["scenes"]
    assert "more" in [one["scene"] for one in scenes]
    cards = VIEWS["wall_more"].build(board, "all", "zh")["feeds"]["cards"]
    (card,) = [one for one in cards if one["feed"] == FEED.name]
    assert card["name"] == FEED.words.zh
    shown = [one["kpi"] for one in card["figures"]]
    assert shown[: len(FEED.headlines)] == list(FEED.headlines)
    assert card["figures"][0]["raw"] == first_value()


def test_the_town_page_shows_it(product: Product) -> None:
    panels = VIEWS["town"].build(product.board(), YAOZHUANG, "zh")["figures"]
    (panel,) = [one for one in panels if one["feed"] == FEED.name]
    assert [tile["kpi"] for tile in panel["tiles"]] == [kpi.key for kpi in FEED.kpis]


def test_it_has_a_page_of_its_own(product: Product) -> None:
    view, board = VIEWS[f"feed-{FEED.name}"], product.board()
    document = view.build(view.ask(board, "zh", canonical({})), "all")
    assert document["title"] == FEED.words.zh
    assert document["tiles"]
    assert document["rows"]


def test_what_is_to_be_done_is_an_obligation(product: Product) -> None:
    own = [duty for duty in due_in(product.board(), YAOZHUANG) if duty.feed == FEED.name]
    if isinstance(FEED.archetype, CaseSpec):
        assert len(own) == COUNT
        assert all(duty.group == "overdue" for duty in own)
    else:
        assert own == []


def test_its_alerts_are_looked_at(product: Product) -> None:
    board = product.board()
    rules = {key: rule for key, rule in rules_of(board.pack).items() if rule.feed == FEED.name}
    assert set(rules) == {rule.key(FEED.name) for rule in FEED.alerts}
    found = [one for one in look(board, rules).found if one.town == YAOZHUANG]
    assert bool(found) == isinstance(FEED.archetype, CaseSpec)


def test_the_snapshot_tells_of_it(product: Product) -> None:
    core = product.core
    brief = build(Past(core.history, core.parts.region_at), Ask(day_of(NOON), core.clock.now()))
    cell = brief.cell(FEED.kpis[0].key)
    assert cell is not None
    assert cell.value == first_value()
    for lang in ("zh", "en"):
        section = sheet_of(brief, lang).section("others")
        assert section is not None
        assert FEED.words.of(lang) in section.lines[0][0].text
