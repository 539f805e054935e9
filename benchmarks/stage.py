"""A Townwatch of its own in a temporary directory: the real parts as real processes, gone when it is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import redis

from dashboard import processes, working
from dashboard.access.tokens import TokenStore
from dashboard.clock import machine_ms, write_world
from dashboard.errors import TownwatchError
from dashboard.settings import Settings
from dashboard.stores import redis_server
from dashboard.stores.history import History, migrate, open_engine

if TYPE_CHECKING:
    from benchmarks.bulk import Made

START_S = 60.0
ROOT = Path(__file__).resolve().parent.parent


class NotMeasured(TownwatchError):
    """A benchmark could not be carried out; the sentence says why."""


class Stage:
    """Embedded Redis with its durability, migrated SQLite on disk, and whatever processes are asked for."""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="townwatch-bench-"))
        self._children: list[subprocess.Popen[bytes]] = []
        self.redis: redis_server.RedisServer | None = None
        try:
            self.redis = redis_server.start(self.folder, patience_s=START_S)
            self.settings = Settings.load(
                data_dir=self.folder,
                redis_url=self.redis.url,
                port=processes.free_port("127.0.0.1", 0),
                stream_limit=10_000_000,
            )
            self.settings.logs.mkdir(exist_ok=True)
            migrate(open_engine(self.settings.database_url))
            self.parts = working.parts_of(self.settings)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for child in reversed(self._children):
            processes.end_group(child, 5.0)
        if self.redis is not None:
            self.redis.stop(5.0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *names: str) -> None:
        """Start ``worker`` or ``web`` processes and wait until they answer.

        Raises:
            NotMeasured: one ended, or did not answer in time.
        """
        environment = processes.environment_of(self.settings)
        for name in names:
            with open(self.settings.logs / f"{name}.log", "ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-P", "-m", "dashboard", name, "--data", str(self.folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                    preexec_fn=redis_server.dies_with_parent(),
                )
            self._children.append(child)
        if "worker" in names:
            self._await("worker", self.parts.live.ready)
        if "web" in names:
            # Without a worker nothing fills the window, and the process alone is what is measured.
            path = "/readyz" if self.parts.live.ready() else "/healthz"
            self._await("web", lambda: processes.answers(self.settings.address(path)))

    def _await(self, name: str, good: Callable[[], object]) -> None:
        until = time.monotonic() + START_S
        while not good():
            log = self.settings.logs / f"{name}.log"
            if any(child.poll() is not None for child in self._children):
                raise NotMeasured(f"{name}: {redis_server.last_words(log)}")
            if time.monotonic() > until:
                raise NotMeasured(f"{name} 在 {START_S:.0f} 秒内没有应答：{redis_server.last_words(log)}")
            time.sleep(0.05)

    def on(self, made: Made, packs: Path | None = None) -> None:
        """Put this stage on a database that is there: its records, the time at which they end, and the region packs
        that it was made with, which lie beside it or where ``packs`` says."""
        packs = packs or Path(made.path).parent / "packs"
        # The program's own pack may be another by now; taking it up would fold millions of records again.
        shutil.rmtree(self.folder / "packs", ignore_errors=True)
        shutil.copytree(packs, self.folder / "packs")
        write_world(self.folder, "bench", 1.0, made.until)
        self.settings = Settings.load(
            data_dir=self.folder,
            redis_url=self.settings.redis_url,
            port=self.settings.port,
            stream_limit=self.settings.stream_limit,
            database_url=f"sqlite:///{made.path}",
        )
        migrate(open_engine(self.settings.database_url))
        self.parts = working.parts_of(self.settings)

    @property
    def children(self) -> list[int]:
        """Process numbers of what was started, in order."""
        return [child.pid for child in self._children]

    def token(self, source: str = "bench") -> str:
        """A writer's token for everything."""
        return TokenStore(self.parts.history.engine).create(machine_ms(), source=source)

    def other_redis(self) -> redis.Redis:
        """The same Redis server, another keyspace: for baselines."""
        client = redis.Redis.from_url(self.settings.redis_url, db=1)
        client.flushdb()
        return client

    def other_history(self, name: str) -> History:
        """A migrated database of its own beside the stage's: for baselines."""
        history = History(open_engine(f"sqlite:///{self.folder / name}.db"))
        migrate(history.engine)
        return history


def cpu_s(process: int) -> float:
    """Seconds of processor time that a process has taken so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(process: int) -> float:
    """Megabytes of memory that a process holds."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise NotMeasured(f"进程 {process} 已经结束")
