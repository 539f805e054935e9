"""Loading a scenario's history: once, whole, and with the world's clock set going where play stopped."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select

from dashboard.clock import ReplayClock, read_clock
from dashboard.domain.day import HOUR
from dashboard.settings import Settings
from dashboard.stores import tables
from dashboard.stores.history import migrate, open_engine
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from ingest.scenarios import player, scenario_named
from ingest.scenarios.base import Scenario


@pytest.fixture
def scenario(monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """The last hour before the start."""
    whole = scenario_named("yaozhuang", load_pack(BUNDLED_PACK).pack)
    short = msgspec.structs.replace(whole, warm_from=whole.start - HOUR)
    monkeypatch.setattr(player, "scenario_named", lambda name, pack: short)
    return short


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    settings = Settings.load(tmp_path, database_url=database_url)
    engine = open_engine(settings.database_url)
    migrate(engine)
    engine.dispose()
    return settings


def stored(settings: Settings) -> int:
    engine = open_engine(settings.database_url)
    with engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(tables.event)).scalar_one()
    engine.dispose()
    return int(count)


def world(settings: Settings) -> ReplayClock:
    clock = read_clock(settings.data_dir)
    assert isinstance(clock, ReplayClock)
    return clock


def test_history_is_loaded_whole_and_the_clock_starts(settings: Settings, scenario: Scenario) -> None:
    seen: list[tuple[int, int]] = []
    player.warm(settings, "yaozhuang", 30.0, lambda done, total: seen.append((done, total)))
    sent = list(scenario.between(scenario.warm_from, scenario.start))
    assert stored(settings) == len({item.record["id"] for item in sent if not item.wrong})
    assert seen[-1] == (len(sent), len(sent))
    assert all(done <= total for done, total in seen)
    assert (world(settings).base_sim, world(settings).speed) == (scenario.start, 30.0)
    assert world(settings).scenario == "yaozhuang"


def test_a_second_warming_loads_nothing_and_goes_on_where_play_stopped(settings: Settings, scenario: Scenario) -> None:
    player.warm(settings, "yaozhuang", 30.0, lambda done, total: None)
    before = stored(settings)
    player.Position(settings.data_dir, "yaozhuang").save(scenario.start + HOUR)
    seen: list[int] = []
    player.warm(settings, "yaozhuang", 60.0, lambda done, total: seen.append(done))
    assert seen == []
    assert stored(settings) == before
    assert (world(settings).base_sim, world(settings).speed) == (scenario.start + HOUR, 60.0)


def test_a_broken_load_is_finished_by_the_next(settings: Settings, scenario: Scenario) -> None:
    def interrupted(done: int, total: int) -> None:
        if done > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        player.warm(settings, "yaozhuang", 30.0, interrupted)
    player.warm(settings, "yaozhuang", 30.0, lambda done, total: None)
    ids = {item.record["id"] for item in scenario.between(scenario.warm_from, scenario.start) if not item.wrong}
    assert stored(settings) == len(ids)
