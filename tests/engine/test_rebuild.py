"""A rebuild beside the running product: what is right stays untouched, what is wrong is put right, once and for all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dashboard import doctor
from dashboard.access.audit import Audit
from dashboard.commands.common import folded
from dashboard.domain.day import day_of
from dashboard.domain.folding import FOLDING
from dashboard.settings import Settings
from dashboard.stores import postgres
from dashboard.stores import redis_server as embedded
from dashboard.stores.history import History, migrate, open_engine
from dashboard.stores.tables import projection
from ingest import rebuild as module
from ingest.rebuild import Done, Told, rebuild
from tests.conftest import Databases
from tests.engine.core import NOON, YAOZHUANG, Core, fix, reading
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Core]:
    """A data directory with some records of a day, a corrected one and a withdrawn one among them."""
    server = embedded.start(tmp_path_factory.mktemp("redis"))
    found = Core(tmp_path_factory.mktemp("data"), server.url, database_url=databases.new())
    found.accept("temperature", *(reading(n, f"11:{n:02}", celsius=36.5 + n % 3) for n in range(30)))
    found.accept("temperature", reading(3, "11:03", celsius=38.9, rev=1), {"id": "t-4", "void": True, "rev": 1})
    found.accept("patrol", *(fix(n, f"11:{n:02}", 120.957 + n * 1e-4, 30.912) for n in range(30)))
    stages = ("reported", "accepted")
    found.accept(
        "dispute",
        *(
            {"id": s, "town": YAOZHUANG, "at": "2020-02-18T09:00:00+08:00", "case": "J1", "stage": s, "kind": "wages"}
            for s in stages
        ),
    )
    yield found
    found.close()
    server.stop()


def _stored(core: Core) -> dict[tuple[str, int, str], bytes]:
    with core.history.reading() as connection:
        return {
            (name, day, row[0]): row[2]
            for name in ("temperature", "patrol", "dispute")
            for day in core.history.days_of(connection, name)
            for row in core.history.states_since(connection, name, day, 0)
        }


def _spoil(core: Core, feed: str) -> tuple[str, int, str]:
    """Write a feed's first state as if it had no records."""
    key = next(key for key in _stored(core) if key[0] == feed)
    with core.history.writing() as connection:
        empty = core.worker.projector.engines[feed]
        p = projection.c
        connection.execute(
            projection.update()
            .where(p.feed == feed, p.day == key[1], p.subject == key[2])
            .values(state=empty.encode(empty.new()))
        )
    return key


def test_what_is_right_is_left_alone(core: Core) -> None:
    told: list[Told] = []
    before = _stored(core)
    with core.history.reading() as connection:
        seq = core.history.seq(connection)
    done = rebuild(core.settings, core.history, NOON, told.append)
    assert (done.differing, done.written) == (0, 0)
    assert done.states == len(before)
    assert (told[-1].done, told[-1].total) == (done.events, done.events + 2), "two versions are superseded"
    assert _stored(core) == before
    with core.history.reading() as connection:
        assert core.history.seq(connection) == seq, "nothing became known"


@pytest.mark.parametrize("feed", ["temperature", "patrol", "dispute"])
def test_what_is_wrong_is_put_right_by_several_processes(core: Core, feed: str) -> None:
    before = _stored(core)
    key = _spoil(core, feed)
    assert rebuild(core.settings, core.history, NOON, write=False).differing == 1
    assert _stored(core)[key] != before[key], "comparing writes nothing"
    done = rebuild(core.settings, core.history, NOON, at_once=2 if feed == "patrol" else 1)
    assert (done.differing, done.written) == (1, 1)
    engine = core.worker.projector.engines[feed]
    assert engine.decode(_stored(core)[key]) == engine.decode(before[key])


def test_a_state_that_a_worker_went_on_from_meanwhile_is_put_right_too(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil(core, "temperature")
    fold = module.fold

    def slow(history: object, book: object, feed: object, day: int) -> object:
        folded = fold(history, book, feed, day)  # type: ignore[arg-type]
        if folded.piece[0] == "temperature":
            core.accept("temperature", reading("late", "10:00"))
        return folded

    monkeypatch.setattr(module, "fold", slow)
    done = rebuild(core.settings, core.history, NOON, at_once=1)
    assert (done.differing, done.written) == (1, 1)
    monkeypatch.undo()
    assert rebuild(core.settings, core.history, NOON, write=False).differing == 0
    core.accept("temperature", reading("after", "11:59"))
    assert rebuild(core.settings, core.history, NOON, write=False).differing == 0, "a worker goes on from what is right"


def test_what_another_version_folded_is_folded_again_at_the_next_start(core: Core) -> None:
    with core.history.writing() as connection:
        core.history.note_folded(connection, FOLDING - 1)
    before = _stored(core)
    key = _spoil(core, "dispute")
    with core.history.writing() as connection:
        core.history.mark_states(connection, {("temperature", day_of(NOON), "x"): b"of the other version"}, 1)
    assert core.history.folded_otherwise()
    folded(core.settings)
    assert _stored(core)[key] == before[key]
    with core.history.reading() as connection:
        assert core.history.marked(connection, "temperature", day_of(NOON), 2**40) == {}, (
            "what was kept is of the other version"
        )
        assert core.history.folded_by(connection) == FOLDING
    assert not core.history.folded_otherwise()
    told = Audit(core.history.engine, core.settings.data_dir).rows(limit=1)
    assert [(entry.kind, entry.what) for entry in told] == [("change", "rebuild")]


def test_of_two_that_are_started_together_one_folds_and_the_other_waits(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_server.url(postgres_server.make())
    settings = Settings.load(tmp_path, database_url=url)
    history = History(open_engine(url))
    migrate(history.engine)
    with history.writing() as connection:
        history.close_batch(connection, 1, NOON)
        history.note_folded(connection, FOLDING - 1)
    begun: list[str] = []
    told, go_on = threading.Event(), threading.Event()
    real = module.brought_up

    def brought_up(*given: Any) -> Done:
        begun.append(threading.current_thread().name)
        told.set()
        assert go_on.wait(60)
        return real(*given)

    def info(what: str, **_: object) -> None:
        if what == "waiting_for_another_start":
            told.set()

    monkeypatch.setattr(module, "brought_up", brought_up)
    monkeypatch.setattr(postgres.log, "info", info)
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(folded, settings)]
        assert told.wait(60)
        told.clear()
        done.append(pool.submit(folded, settings))
        # It waits, or, as it must not, begins as well.
        assert told.wait(60)
        go_on.set()
        for one in done:
            one.result(60)
    assert len(begun) == 1
    assert not history.folded_otherwise()
    assert [entry.what for entry in Audit(history.engine, tmp_path).rows()] == ["rebuild"]
    history.engine.dispose()


def test_the_doctor_says_that_the_next_start_folds_again_and_writes_nothing(
    databases: Databases, tmp_path: Path
) -> None:
    settings = Settings.load(tmp_path, database_url=databases.new())
    history = History(open_engine(settings.database_url))
    migrate(history.engine)
    assert list(doctor._folding(settings)) == [], "a new database has nothing to fold"
    with history.reading() as connection:
        assert history.folded_by(connection) is None
    with history.writing() as connection:
        history.close_batch(connection, 36_000_000, NOON)
    for number in (None, FOLDING - 1, FOLDING + 1):
        if number is not None:
            with history.writing() as connection:
                history.note_folded(connection, number)
        (found,) = doctor._folding(settings)
        assert found.health == doctor.Health.WARN
        assert "下次启动时先重算 36,000,000 条记录才显示，双核约 3 分钟 · " in found.text
        assert found.text.endswith(
            "the next start folds 36,000,000 records again before it shows anything, about 3 min on two cores"
        )
        with history.reading() as connection:
            assert history.folded_by(connection) == number
    with history.writing() as connection:
        connection.execute(text("DROP TABLE folding"))
    assert len(list(doctor._folding(settings))) == 1, "of a version that did not note it"
    migrate(history.engine)
    with history.writing() as connection:
        history.note_folded(connection, FOLDING)
    assert list(doctor._folding(settings)) == []
    history.engine.dispose()


def test_a_new_database_is_this_versions_own(databases: Databases) -> None:
    history = History(open_engine(databases.new()))
    migrate(history.engine)
    assert not history.folded_otherwise()
    with history.reading() as connection:
        assert history.folded_by(connection) == FOLDING
    history.engine.dispose()
