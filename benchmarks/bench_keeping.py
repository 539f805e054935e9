"""What it costs to keep many records: backup, restoration, retention and an upgrade, each while records flow.

Baseline of backup and restoration: copying the database's file. Everything is counted at the end: what was accepted is
there once, whatever was going on.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select

from benchmarks import bulk, records
from benchmarks.bulk import Made
from benchmarks.outcome import Outcome, Size
from benchmarks.stage import NotMeasured, Stage
from dashboard import backup as keeping
from dashboard import retention
from dashboard.clock import machine_ms
from dashboard.commands.common import folded
from dashboard.feeds import feed_named
from dashboard.settings import Settings
from dashboard.stores import schema, tables
from dashboard.stores.history import History, migrate, open_engine
from dashboard.stores.rules import book_of
from dashboard.stores.sqlite import SQLite
from geodata.library import open_library
from ingest.decode import Door
from ingest.intake import Intake
from ingest.rebuild import rebuild

OLD = "0003"
"""The migration that an old database is at: before monthly tables, accounts and all that came after."""
BATCH, PAUSE_S = 200, 0.1
DRAIN_S = 120.0


class Flow:
    """Records that go through the door all the while, some 2,000 a second."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage, self.name = stage, name
        self.accepted = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Flow:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        region = self.stage.parts.region_at(0)
        intake, number = Intake(self.stage.parts.stream), 0
        while not self._end.wait(PAUSE_S):
            now = machine_ms()
            sent = records.readings(region, f"{self.name}{number}", BATCH, now, span=10_000)
            self.accepted += intake.accept(feed_named("temperature"), sent, Door(self.name, region), now).accepted
            number += 1


def measure(size: Size) -> Iterator[Outcome]:
    """Backup, restoration and retention of the small database, an upgrade of the middle one."""
    with bulk.room(size.keep) as folder:
        small, middle = bulk.Maker(folder, print).all(size.stored[:2], size.day_records)
        yield from _keep(small)
        yield from _upgrade(small)
        yield from _upgrade(middle)


@contextlib.contextmanager
def _stage(database: Path) -> Iterator[Stage]:
    """A stage on a copy of a database."""
    with Stage() as stage:
        stage.parts.history.engine.dispose()
        for end in ("", "-wal", "-shm"):
            (stage.folder / f"townwatch.db{end}").unlink(missing_ok=True)
        shutil.copyfile(database, stage.folder / "townwatch.db")
        # The versions of the pack that its records were folded by.
        if (database.parent / "packs").is_dir():
            shutil.copytree(database.parent / "packs", stage.folder / "packs", dirs_exist_ok=True)
        yield stage


def _keep(made: Made) -> Iterator[Outcome]:
    millions = f"{made.events / 1e6:.2g} M"
    with tempfile.TemporaryDirectory(prefix="townwatch-keeping-") as room, _stage(Path(made.path)) as stage:
        began = time.perf_counter()
        shutil.copyfile(made.path, Path(room) / "plain.db")
        plain_s = time.perf_counter() - began
        migrate(stage.parts.history.engine)
        stage.start("worker")
        file = Path(room) / "one.backup"
        with Flow(stage, "keep") as flow:
            began = time.perf_counter()
            manifest = keeping.backup(stage.settings, file)
            took = time.perf_counter() - began
        yield Outcome(f"backup, {millions} records, records flowing", took, "s", baseline=plain_s)
        yield Outcome("backup: bytes a record", file.stat().st_size / manifest.tables["event"], "B")
        began = time.perf_counter()
        again = Settings.load(Path(room) / "again")
        keeping.restore(again, file)
        keeping.put_back(again, file)
        yield Outcome(f"restore, {millions} records", time.perf_counter() - began, "s", baseline=plain_s)
        _drained(stage, made.events + flow.accepted)
        yield from _retention(stage, made, Path(room) / "archive")


def _retention(stage: Stage, made: Made, to: Path) -> Iterator[Outcome]:
    library, code = open_library(stage.settings.data_dir, stage.settings.region)
    history = stage.parts.history
    last = made.day
    # A kept database may have been folded by an earlier program: what is archived must be what this one would fold.
    rebuild(stage.settings, history, machine_ms())
    with Flow(stage, "retain") as flow:
        before = _rows(history)
        began = time.perf_counter()
        kept = retention.archive(history, book_of(history, library, code), last, to, machine_ms())
        took = time.perf_counter() - began
    rows = sum(one.rows for one in kept)
    if not rows:
        raise NotMeasured(f"没有早于 {last} 的记录可归档")
    yield Outcome("retention, written, proved and removed, records flowing", rows / took, "records/s")
    yield Outcome("retention: Parquet bytes a record", sum(one.bytes for one in kept) / rows, "B")
    until = time.monotonic() + DRAIN_S
    while sum(stage.parts.stream.counts()) and time.monotonic() < until:
        time.sleep(0.05)
    missing = before - rows + flow.accepted - _rows(history)
    yield Outcome("retention: records lost or doubled", abs(missing), "", goal=0, at_most=True)


def _upgrade(made: Made) -> Iterator[Outcome]:
    with tempfile.TemporaryDirectory(prefix="townwatch-upgrade-") as room:
        old = Path(room) / "old.db"
        _as_of_old(Path(made.path), old)
        with _stage(old) as stage, Flow(stage, "up") as flow:
            # No worker runs meanwhile: what is accepted waits on the road.
            began = time.perf_counter()
            migrate(stage.parts.history.engine)
            tables_s = time.perf_counter() - began
            # Its states are those of another version: `up` folds them again before it starts a worker.
            if not stage.parts.history.folded_otherwise():
                raise NotMeasured("旧数据库不用重新计算，测不到升级要多久")
            begun = time.perf_counter()
            folded(stage.settings)
            folded_s = time.perf_counter() - begun
            stage.start("worker")
            ready = time.perf_counter() - began
            until = time.monotonic() + 5
            while flow.accepted < 10 * BATCH and time.monotonic() < until:
                time.sleep(0.05)
            flow._end.set()
            flow._thread.join()
            what = f"upgrade of {made.events / 1e6:.3g} M records"
            yield Outcome(f"{what}: tables", tables_s, "s")
            yield Outcome(f"{what}: folded again", folded_s, "s")
            yield Outcome(f"{what}: until figures stand", ready, "s")
            lost = _drained(stage, made.events + flow.accepted)
            yield Outcome("upgrade: records lost or doubled", lost, "", goal=0, at_most=True)


def _as_of_old(path: Path, old: Path) -> None:
    """The same records in the tables of an earlier version."""
    engine = open_engine(f"sqlite:///{old}")
    schema.migrate_to(engine, SQLite(), OLD, alone=True)
    engine.dispose()
    with contextlib.closing(sqlite3.connect(old, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous=OFF")
        copy.execute("ATTACH ? AS new", (str(path),))
        for table in ("event", "event_key", "projection", "ledger", "commit_log", "source_stat"):
            columns = [row[1] for row in copy.execute(f"PRAGMA main.table_info({table})")]
            names = ", ".join(columns)
            copy.execute(f"DELETE FROM main.{table}")
            copy.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}")


def _rows(history: History) -> int:
    with history.reading() as connection:
        return int(connection.scalar(select(func.count()).select_from(tables.event)) or 0)


def _drained(stage: Stage, wanted: int) -> int:
    """Wait until the road is empty; how many records there are too many or too few."""
    until = time.monotonic() + DRAIN_S
    while sum(stage.parts.stream.counts()):
        if time.monotonic() > until:
            raise NotMeasured("worker 没有处理完路上的记录")
        time.sleep(0.05)
    history = stage.parts.history
    with history.reading() as connection:
        keys = int(connection.scalar(select(func.count()).select_from(tables.event_key)) or 0)
    return abs(wanted - _rows(history)) + abs(wanted - keys)


__all__ = ["measure"]
