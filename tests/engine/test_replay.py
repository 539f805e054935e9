"""Steering a replay over real HTTP: who may, what is refused, what every process of the world then goes by."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard import wiring
from dashboard.access.accounts import AccountStore
from dashboard.access.audit import Audit
from dashboard.access.policy import Role
from dashboard.clock import Steering, read_clock, write_world
from dashboard.domain.day import DEFAULT_ZONE, HOUR, iso
from dashboard.stores import redis_server as embedded
from dashboard.stores.history import open_engine
from ingest.scenarios.player import PLAYING_FILE
from tests.engine.answers import serving
from tests.engine.core import NOON, Core
from tests.engine.people import PASSWORD, Browser

PEOPLE = {"秦月": Role.ADMINISTRATOR, "方远": Role.LEADER}


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = embedded.start(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


@pytest.fixture
def world(tmp_path: Path, redis_url: str) -> Iterator[dict[str, Browser]]:
    """A replay that has come to noon of 18 February; no player is at work."""
    core = Core(tmp_path, redis_url)
    write_world(tmp_path, "yaozhuang", 30.0, NOON)
    core.parts.clock = read_clock(tmp_path)
    accounts = AccountStore(core.history.engine)
    for name, role in PEOPLE.items():
        accounts.create(0, name, [role], None, password=PASSWORD)
    core.work()
    with serving(wiring.web_of(core.settings, core.parts, "all").app) as port:
        yield {name: Browser(port) for name in PEOPLE}
    core.close()


def steer(browser: Browser, **said: Any) -> Any:
    return browser.send("/api/v1/replay", said, X_Townwatch_Form="page")


def test_a_replay_is_steered_by_administrators_and_by_nobody_else(world: dict[str, Browser], tmp_path: Path) -> None:
    leader, admin = world["方远"], world["秦月"]
    for name, browser in world.items():
        assert browser.sign_in(name).status == 303
    seen = leader.get("/api/v1/replay").json
    assert (seen["may"], seen["replay"]["scenario"], seen["replay"]["plays"]) == (False, "yaozhuang", False)
    assert {row["number"] for row in seen["replay"]["figures"]} == {13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25}
    assert steer(leader, do="pause").status == 403
    assert read_clock(tmp_path).speed == 30.0

    told = steer(admin, do="speed", speed=600).json
    assert (told["may"], told["replay"]["speed"], read_clock(tmp_path).speed) == (True, 600.0, 600.0)
    first = steer(admin, do="pause").json["replay"]
    second = admin.get("/api/v1/replay").json["replay"]
    assert (first["paused"], first["now"]) == (True, second["now"])
    assert steer(admin, do="go_on").json["replay"]["paused"] is False

    for wrong in ({"do": "speed", "speed": 3601}, {"do": "speed", "speed": True}, {"do": "rewind"}, {"do": "jump"}):
        assert steer(admin, **wrong).status == 422, wrong
    later = iso(read_clock(tmp_path).now() + HOUR, DEFAULT_ZONE)
    assert "player" in steer(admin, do="jump", to=later).json["error"]
    # A player holds this lock as long as it lives.
    with open(tmp_path / PLAYING_FILE, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert steer(admin, do="jump", to=iso(NOON, DEFAULT_ZONE)).status == 422
        assert steer(admin, do="jump", to=later).json["replay"]["jumping_to"] == later
    target = Steering(tmp_path).state().target
    assert target is not None
    assert Steering(tmp_path).reach(target)
    assert any(admin.get("/api/v1/replay").json["replay"]["jumping_to"] is None for _ in range(200))
    assert read_clock(tmp_path).now() >= target
    noted = [
        row.what for row in Audit(open_engine(f"sqlite:///{tmp_path / 'townwatch.db'}")).rows() if row.kind == "change"
    ]
    assert {"replay: speed 600", "replay: pause", "replay: go_on", f"replay: jump to {later}"} <= set(noted)


def test_there_is_nothing_to_steer_in_a_live_world(tmp_path: Path, redis_url: str) -> None:
    core = Core(tmp_path, redis_url)
    core.work()
    with serving(wiring.web_of(core.settings, core.parts, "all").app) as port:
        browser = Browser(port)
        seen = browser.get("/api/v1/replay").json
        assert (seen["replay"], seen["may"], seen["scenarios"][0]) == (None, False, "xianlin")
        assert steer(browser, do="pause").status == 409
    core.close()
    assert not (tmp_path / "world.json").exists()
