"""Old records go to Parquet and no figure changes: on SQLite and on PostgreSQL, with corrections and withdrawals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from dashboard import retention
from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.domain.day import HOUR
from dashboard.errors import Archived, TownwatchError
from dashboard.stores.redis_server import RedisServer
from ingest.rebuild import rebuild
from tests.engine.core import Core, fix, ms, reading

DAYS = (20200215, 20200216, 20200217, 20200218)
BEFORE = 20200217


def _at(day: int, time: str) -> str:
    return f"2020-02-{day % 100:02d}T{time}:00+08:00"


@pytest.fixture
def core(
    redis_client: redis.Redis, redis_server: RedisServer, tmp_path: Path, new_database: Callable[[], str]
) -> Iterator[Core]:
    """Four days of readings and positions, with corrections and withdrawals, and a case that began on the first."""
    made = Core(tmp_path / "data", redis_server.url, database_url=new_database())
    for day in DAYS:
        made.clock.set(ms(_at(day, "12:00")))
        noon = [
            reading(f"{day}-{n}", _at(day, f"{8 + n // 20:02d}:{n % 20:02d}"), celsius=36 + n % 25 / 10)
            for n in range(40)
        ]
        made.send("temperature", *noon)
        walk = [fix(f"{day}-{n}", _at(day, f"09:{n:02d}"), 120.95 + n / 5000, 30.9) for n in range(30)]
        made.send("patrol", *walk)
        made.send("temperature", {**noon[3], "celsius": 38.5, "rev": 2}, {"id": noon[4]["id"], "void": True})
        made.work()
    made.clock.set(ms(_at(DAYS[-1], "14:00")))
    yield made
    made.close()


def _all_figures(core: Core, days: tuple[int, ...] = DAYS) -> dict[tuple[Any, ...], Any]:
    core.live.clear()
    core.worker.publisher.rebuild(core.clock.now())
    reader = core.reader()
    found: dict[tuple[Any, ...], Any] = {}
    boards = [(day, reader.day(LOCAL_VIEWER, day)) for day in days]
    boards.append((0, reader.as_of(LOCAL_VIEWER, core.clock.now() - HOUR)))
    for day, board in boards:
        for one in board.figures():
            key = (day, one.feed, one.kpi, one.town, tuple(sorted(one.dims.items())))
            found[key] = (one.value, one.numerator, one.denominator, str(one.qualifier))
    return found


def test_no_figure_changes_when_old_records_go_to_parquet(core: Core, tmp_path: Path) -> None:
    to = tmp_path / "archive"
    before, states = _all_figures(core), core.states()
    rows = core.count("event")
    keys = core.count("event_key")
    made = retention.archive(core.history, core.parts.region_at, BEFORE, to, core.clock.now())
    assert {(one.feed, one.first, one.last) for one in made} == {
        ("temperature", 20200215, 20200216),
        ("patrol", 20200215, 20200216),
    }
    moved = sum(one.rows for one in made)
    # Two days of 40 readings, one corrected each, and 30 positions; withdrawals name no day and stay.
    assert moved == 2 * (40 + 1 + 30)
    assert core.count("event") == rows - moved
    assert core.count("event_key") == keys
    assert core.states() == states
    assert _all_figures(core) == before
    assert retention.check(to) == []
    # Running it again finds nothing; nothing is proved by an empty comparison.
    assert retention.archive(core.history, core.parts.region_at, BEFORE, to, core.clock.now()) == []
    assert len(before) > 1000
    assert any(value[0] for key, value in before.items() if key[0] == DAYS[0])
    # The file holds what was there, ready to be read by others.
    told = [
        event for one in made if one.feed == "temperature" for _, _, event in retention.read(to / one.path, DAYS[0])
    ]
    assert len(told) == 41
    # A rebuild proves what is left and leaves the archived days as they are.
    done = rebuild(core.settings, core.history, core.clock.now(), at_once=1)
    assert done.differing == 0
    assert core.states() == states


def test_what_belongs_to_an_archived_day_is_refused_and_changes_nothing(core: Core, tmp_path: Path) -> None:
    retention.archive(core.history, core.parts.region_at, BEFORE, tmp_path / "archive", core.clock.now())
    days = (DAYS[0], DAYS[-1])
    before, rows = _all_figures(core, days), core.count("event")
    late = reading("late", _at(DAYS[0], "10:00"))
    corrected = {**reading(f"{DAYS[0]}-7", _at(DAYS[0], "08:07")), "celsius": 39.0, "rev": 9}
    core.send("temperature", late, corrected, {"id": f"t-{DAYS[1]}-5", "void": True}, reading("fine"))
    core.work()
    assert core.count("event") == rows + 1
    letters = core.letters("open")
    assert len(letters) == 3
    assert all("已移入归档" in one["message"] for one in letters)
    after = _all_figures(core, days)
    changed = {key for key in before if before[key] != after[key]}
    assert changed
    assert all(key[0] in (0, DAYS[-1]) for key in changed)
    with pytest.raises(Archived, match="归档"):
        core.reader().same_time(LOCAL_VIEWER, DAYS[0], core.clock.now())


def test_a_day_whose_file_does_not_give_the_stored_states_stays(core: Core, tmp_path: Path) -> None:
    with core.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
        found = connection.exec_driver_sql(
            "SELECT subject FROM projection WHERE feed = 'patrol' AND day = 20200215"
        ).scalar_one()
        connection.exec_driver_sql("DELETE FROM projection WHERE feed = 'patrol' AND day = 20200215")
    rows = core.count("event")
    with pytest.raises(TownwatchError, match="rebuild"):
        retention.archive(core.history, core.parts.region_at, BEFORE, tmp_path / "archive", core.clock.now())
    assert found
    assert core.count("event") >= rows - 2 * 41
    with core.history.reading() as connection:
        assert "patrol" not in core.history.archived(connection)
