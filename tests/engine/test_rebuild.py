"""A rebuild beside the running product: what is right stays untouched, what is wrong is put right, once and for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.stores import redis_server as embedded
from dashboard.stores.tables import projection
from ingest.rebuild import Told, rebuild
from tests.conftest import Databases
from tests.engine.core import NOON, YAOZHUANG, Core, fix, reading


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
    from ingest import rebuild as module

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
