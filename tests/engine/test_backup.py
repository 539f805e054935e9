"""Backup and restore while records flow: what was accepted before the backup is there after the directory was destroyed,
each record once, and the figures are the same. On SQLite and on PostgreSQL.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import select

from dashboard import backup as keeping
from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.errors import ConfigurationError, TownwatchError
from dashboard.processes import locked
from dashboard.settings import Settings
from dashboard.stores import redis_server as embedded
from dashboard.stores import tables
from dashboard.stores.history import History, migrate, open_engine
from dashboard.stores.redis_server import RedisServer
from tests.engine.core import Core, clean_run, reading

BEFORE, WAITING = 400, 60


def _figures(core: Core) -> dict[tuple[Any, ...], Any]:
    # Another directory's figures may be in the window, with a greater known_seq.
    core.live.clear()
    core.worker.publisher.rebuild(core.clock.now())
    board = core.reader().board(LOCAL_VIEWER, exact=True)
    return {
        (one.feed, one.kpi, one.town, tuple(sorted(one.dims.items()))): (one.value, one.numerator, one.denominator)
        for one in board.figures()
    }


def _fill(home: Path) -> None:
    """What else a data directory holds."""
    (home / "packs").mkdir(exist_ok=True)
    (home / "townwatch.toml").write_text('log_level = "warning"\n', encoding="utf-8")
    (home / "vault.key").write_bytes(b"k" * 32)
    (home / "vault.key").chmod(0o600)
    (home / "snapshots").mkdir()
    (home / "snapshots" / "a.json").write_text("{}", encoding="utf-8")
    for left_out in ("logs", "metrics"):
        (home / left_out).mkdir(exist_ok=True)
        (home / left_out / "x").write_text("not kept", encoding="utf-8")


@pytest.fixture
def own_redis(tmp_path: Path) -> Any:
    server = embedded.start(tmp_path / "road")
    yield server
    server.stop()


def test_what_was_accepted_before_the_backup_is_there_after_the_directory_was_destroyed(
    own_redis: RedisServer, tmp_path: Path, new_database: Callable[[], str]
) -> None:
    home, file = tmp_path / "data", tmp_path / "kept" / "one.backup"
    url = new_database()
    home.mkdir()
    core = Core(home, own_redis.url, database_url=url)
    _fill(home)
    points = [one for one in core.parts.region_at(0).pack.places if one.kind == "checkpoint"][:8]
    for start in range(0, BEFORE, 100):
        more = range(start, start + 100)
        core.send("temperature", *(reading(n, checkpoint=points[n % 8].code, town=points[n % 8].town) for n in more))
    core.work()
    core.send("temperature", *(reading(f"w{n}") for n in range(WAITING)))
    core.send("temperature", reading("bad", celsius=99))
    # While the backup is made records are accepted and committed: they may be in it or not, and never twice.
    done = threading.Event()
    flowing = threading.Event()

    def flow() -> None:
        number = 0
        while not done.is_set() and number < 400:
            core.send("temperature", reading(f"later-{number}"))
            if number > 3:
                core.worker.step()
            number += 1
            if number == 3:
                flowing.set()

    thread = threading.Thread(target=flow)
    thread.start()
    assert flowing.wait(60)
    manifest = keeping.backup(core.settings, file)
    done.set()
    thread.join()
    assert keeping.read(file) == manifest

    assert file.stat().st_mode & 0o077 == 0
    core.work()
    core.close()
    own_redis.stop()
    shutil.rmtree(home)

    # A new machine: another directory, another database, another Redis.
    again = Settings.load(tmp_path / "again", database_url=new_database_without_tables(url, new_database), partitions=2)
    restored, old = keeping.restore(again, file, force=url.startswith("postgresql"))
    assert restored == manifest
    assert old is None
    assert (again.data_dir / "vault.key").stat().st_mode & 0o777 == 0o600
    assert (again.data_dir / "snapshots" / "a.json").read_text() == "{}"
    assert not (again.data_dir / "logs").exists()
    server = embedded.start(again.data_dir)
    try:
        named = again.with_values(redis_url=server.url)
        keeping.put_back(named, file)
        engine = open_engine(again.database_url)
        migrate(engine)
        engine.dispose()
        other = Core(again.data_dir, server.url, database_url=again.database_url)
        other.work()
        with other.history.reading() as connection:
            ids = list(connection.scalars(select(tables.event_key.c.id)))
        assert len(ids) == len(set(ids)) == other.count("event")
        assert {f"t-{n}" for n in range(BEFORE)} | {f"t-w{n}" for n in range(WAITING)} <= set(ids)
        assert other.count("dead_letter") == 1
        # The tables go on where they stood: what comes in now gets numbers of its own.
        other.send("temperature", reading("worse", celsius=98))
        other.work()
        assert other.count("dead_letter") == 2
        # A plain directory that took the same records shows the same figures.
        by_id = {f"t-{n}": reading(n, checkpoint=points[n % 8].code, town=points[n % 8].town) for n in range(BEFORE)}
        sent = [by_id.get(one, reading(one.removeprefix("t-"))) for one in ids if one != "t-worse"]
        plain = clean_run(tmp_path / "plain", server.url, [("temperature", sent)])
        assert _figures(plain) == _figures(other)
        plain.close()
        other.close()
    finally:
        server.stop()


def new_database_without_tables(url: str, new_database: Callable[[], str]) -> str:
    """SQLite goes into the new directory; PostgreSQL into an empty database."""
    return "" if url.startswith("sqlite") else new_database()


def test_a_damaged_backup_and_a_full_directory_are_refused(
    redis_client: redis.Redis, redis_server: RedisServer, tmp_path: Path
) -> None:
    home, file = tmp_path / "data", tmp_path / "one.backup"
    home.mkdir()
    core = Core(home, redis_server.url)
    core.send("temperature", *(reading(n) for n in range(20)))
    core.work()
    core.send("temperature", *(reading(f"w{n}") for n in range(5)))
    core.close()
    settings = Settings.load(home, redis_url=redis_server.url)
    assert keeping.backup(settings, file).waiting == 5
    with pytest.raises(ConfigurationError, match="--force"):
        keeping.backup(settings, file)
    with pytest.raises(ConfigurationError, match="--force"):
        keeping.restore(settings, file)
    with locked(home), pytest.raises(ConfigurationError, match="Another townwatch runs"):
        keeping.restore(settings, file, force=True)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    bad = tmp_path / "bad.backup"
    bad.write_bytes(data)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(TownwatchError):
        keeping.restore(settings, bad, force=True)
    bad.write_bytes(bytes(data[: len(data) // 3]))
    with pytest.raises(ConfigurationError, match="whole backup"):
        keeping.read(bad)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    manifest, old = keeping.restore(settings, file, force=True)
    assert manifest.tables["event"] == 20
    assert old is not None
    assert (old / "townwatch.db").is_file()
    history = History(open_engine(settings.database_url))
    with history.reading() as connection:
        assert history.seq(connection) == 20
    history.engine.dispose()


def test_the_commands_bring_a_destroyed_directory_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dashboard.commands import keeping as commands

    home, file = tmp_path / "data", tmp_path / "one.backup"
    home.mkdir()
    server = embedded.start(home)
    core = Core(home, server.url, partitions=8)
    core.send("temperature", *(reading(n) for n in range(20)))
    core.work()
    core.send("temperature", *(reading(f"w{n}") for n in range(5)))
    core.close()
    # While Redis runs, as under `up`; then everything is gone.
    commands.backup(file, data=home)
    server.stop()
    shutil.rmtree(home)
    commands.restore(file, check=True, data=home)
    assert not home.exists()
    commands.restore(file, data=home)
    said = capsys.readouterr().out
    assert "20 个版本的记录，路上 5 条" in said
    assert "路上放回 5 条" in said
    with pytest.raises(ConfigurationError, match="--force"):
        commands.restore(file, data=home)
    server = embedded.start(home)
    try:
        again = Core(home, server.url, partitions=8)
        again.work()
        assert again.count("event") == again.count("event_key") == 25
        with again.history.reading() as connection:
            kinds = list(connection.scalars(select(tables.METADATA.tables["audit"].c.what)))
        assert kinds == ["backup → one.backup", "restore ← one.backup"]
        again.close()
    finally:
        server.stop()
