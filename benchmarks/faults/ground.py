"""A Townwatch under its own supervisor, as ``./townwatch up`` runs it, and the handles by which things are broken.

Redis, worker and web are what the supervisor starts; the database is a file or a PostgreSQL of its own; the disk may be
a small one, and the network one that can be cut. Knows nothing of what is sent or counted.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import redis

from benchmarks.faults.preload import Power, Wrong
from benchmarks.stage import ROOT, NotMeasured
from dashboard import processes
from dashboard.access.tokens import TokenStore
from dashboard.clock import machine_ms
from dashboard.settings import PREFIX, Settings
from dashboard.stores import redis_server
from dashboard.stores.history import History, open_engine

START_S = 120.0
DISK = "160m"
"""The small disk: what a Townwatch needs, its reserve, and a little more."""


class Lay(msgspec.Struct, frozen=True):
    """What a fault needs beneath it. Faults that need the same share one ground."""

    postgres: bool = False
    power: bool = False
    """Unsynced writes of Redis can be taken away."""
    clock: bool = False
    disk: bool = False
    network: bool = False
    """Redis and PostgreSQL are on the other side of a network that can be cut."""
    settings: tuple[tuple[str, str], ...] = ()


@dataclass
class Ground:
    """Started when entered, gone when left."""

    lay: Lay
    quick: bool = True
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="tw-faults-"))
        self.data = self.folder / "data"
        self.data.mkdir()
        self._undo = contextlib.ExitStack()
        try:
            self._prepare()
            self.up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        values: dict[str, Any] = {"port": processes.free_port("127.0.0.1", 0)}
        environment: dict[str, str] = {}
        if self.lay.disk:
            self._undo.enter_context(small_disk(self.data))
        self.net = self._undo.enter_context(Network()) if self.lay.network else None
        if self.lay.power:
            self.power = Power(self.folder)
            environment |= self.power.environment
        if self.lay.clock:
            self.clock = Wrong(self.folder)
            environment |= self.clock.environment
        if self.net is not None:
            values["redis_url"] = self._undo.enter_context(self.net.redis(self.folder / "redis"))
        if self.lay.postgres:
            self.database = self._undo.enter_context(postgres(self.net))
            values["database_url"] = self.database.url
        values |= dict(self.lay.settings)
        self.settings = Settings.load(self.data, **values)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        said = {PREFIX + name.upper(): str(value) for name, value in values.items()}
        self.environment = {**clean, **said, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}

    # --- the product -----------------------------------------------------------------------------------------------

    def up(self) -> None:
        """Start the supervisor and wait until it says READY."""
        self.log = self.folder / "up.log"
        with open(self.log, "ab") as log:
            self.supervisor = self._spawn("up", "--no-browser", log=log)
        self.until(lambda: processes.answers(self.settings.address("/readyz")), "the start", START_S)

    def _spawn(self, *words: str, log: Any) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "dashboard", *words, "--data", str(self.data)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
            preexec_fn=redis_server.dies_with_parent(),
        )
        self.children.append(child)
        return child

    def another_worker(self) -> int:
        """One more worker beside the supervisor's, as another machine would run it; its pid."""
        environment = self.environment
        try:
            self.environment = {**environment, PREFIX + "REDIS_URL": self.redis_url}
            with open(self.folder / f"worker-{len(self.children)}.log", "ab") as log:
                return self._spawn("worker", log=log).pid
        finally:
            self.environment = environment

    def pid(self, name: str) -> int | None:
        """The process id of a part of the supervisor: ``redis``, ``worker`` or ``web``."""
        marks = {"redis": "redis-server", "worker": " worker ", "web": " web "}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                number = int(entry.name)
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                if int(stat[1]) == self.supervisor.pid and stat[0] != "Z" and marks[name] in words:
                    return number
        return None

    def started_again(self, name: str, before: int | None) -> None:
        """Wait until the supervisor has started a part anew.

        Raises:
            NotMeasured: it does not within a minute.
        """
        self.until(lambda: self.pid(name) not in (None, before), f"{name} 重新启动", 60)

    def kill(self, name: str) -> None:
        """``kill -9`` of a part."""
        number = self.pid(name)
        if number is None:
            raise NotMeasured(f"{name} 没有在运行，杀不了")
        os.kill(number, signal.SIGKILL)

    @contextlib.contextmanager
    def stopped(self, number: int) -> Iterator[None]:
        """A process that stands still for a while: SIGSTOP, then SIGCONT."""
        os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGCONT)

    # --- its stores ------------------------------------------------------------------------------------------------

    @property
    def redis_url(self) -> str:
        """Where its Redis listens."""
        if self.settings.redis_url:
            return self.settings.redis_url
        return f"unix://{redis_server.recorded_socket(self.data)}"

    @contextlib.contextmanager
    def redis(self) -> Iterator[redis.Redis]:
        """A client of its Redis."""
        with contextlib.closing(redis.Redis.from_url(self.redis_url, socket_timeout=10)) as client:
            yield client

    @contextlib.contextmanager
    def history(self) -> Iterator[History]:
        """Its database."""
        engine = open_engine(self.settings.database_url)
        try:
            yield History(engine)
        finally:
            engine.dispose()

    def token(self, source: str | None) -> str:
        """A writer's token of a source; a reader's for none."""
        with self.history() as history:
            return TokenStore(history.engine).create(machine_ms(), source=source, read=source is None)

    # --- waiting and leaving ---------------------------------------------------------------------------------------

    def until(self, good: Callable[[], object], what: str, patience_s: float) -> None:
        """Wait for a condition.

        Raises:
            NotMeasured: it does not come, or the supervisor has ended.
        """
        end = time.monotonic() + patience_s
        while not good():
            if self.supervisor.poll() is not None:
                raise NotMeasured(f"等待 {what} 时 up 已退出：{redis_server.last_words(self.log)}")
            if time.monotonic() > end:
                raise NotMeasured(f"{patience_s:.0f} 秒内没有等到：{what}")
            time.sleep(0.05)

    def close(self) -> None:
        """End every process and remove every file."""
        for child in reversed(self.children):
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGCONT)
            processes.end_group(child, 20.0)
        self._undo.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of a few megabytes at a folder.

    Raises:
        NotMeasured: only the administrator may mount one.
    """
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotMeasured(f"挂载不了小磁盘（{done.stderr.strip()[-100:]}），请以管理员身份运行 · needs root to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


class Network:
    """A namespace of its own, joined to this machine by one cable that can be pulled."""

    def __init__(self) -> None:
        self.name = f"tw{secrets.token_hex(3)}"
        self.ours, self.theirs = f"{self.name}a", f"{self.name}b"
        part = secrets.randbelow(200) + 20
        self.here, self.there = f"10.213.{part}.1", f"10.213.{part}.2"

    def __enter__(self) -> Self:
        try:
            self._ip("netns", "add", self.name)
            self._ip("link", "add", self.ours, "type", "veth", "peer", "name", self.theirs, "netns", self.name)
            self._ip("address", "add", f"{self.here}/30", "dev", self.ours)
            self._ip("link", "set", self.ours, "up")
            self._ip("-n", self.name, "address", "add", f"{self.there}/30", "dev", self.theirs)
            self._ip("-n", self.name, "link", "set", "lo", "up")
            self._ip("-n", self.name, "link", "set", self.theirs, "up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for words in (("link", "delete", self.ours), ("netns", "delete", self.name)):
            with contextlib.suppress(NotMeasured):
                self._ip(*words)

    def _ip(self, *words: str) -> None:
        if shutil.which("ip") is None:
            raise NotMeasured("缺少 ip 命令（Debian：apt-get install iproute2），网络没有断开 · needs iproute2")
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotMeasured(
                f"ip {' '.join(words)}：{done.stderr.strip()[-100:]} · needs root for a network of its own"
            )

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Pull the cable: packets vanish, and nobody is told."""
        self._ip("-n", self.name, "link", "set", self.theirs, "down")
        try:
            yield
        finally:
            self._ip("-n", self.name, "link", "set", self.theirs, "up")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Whatever this thread starts or opens meanwhile is on the other side."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.name}", "rb") as away:
            if libc.setns(away.fileno(), 0):
                raise NotMeasured(f"进不了网络命名空间（{os.strerror(ctypes.get_errno())}）· needs root")
            try:
                yield
            finally:
                libc.setns(home.fileno(), 0)

    @contextlib.contextmanager
    def redis(self, home: Path) -> Iterator[str]:
        """A durable Redis on the other side; its address."""
        home.mkdir()
        port = 6390
        lines: Mapping[str, str] = {
            "port": str(port),
            "bind": f"{self.there} 127.0.0.1",
            "protected-mode": "no",
            "dir": str(home),
            "save": '""',
            **redis_server.DURABLE,
        }
        conf = home / "redis.conf"
        conf.write_text("".join(f"{name} {value}\n" for name, value in lines.items()), "utf-8")
        binary = str(redis_server.find_binary())
        with self.inside(), open(home / "log", "ab") as log:
            server = subprocess.Popen(
                [binary, str(conf)], stdout=log, stderr=log, preexec_fn=redis_server.dies_with_parent()
            )
        url = f"redis://{self.there}:{port}/0"
        try:
            with contextlib.closing(redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)) as client:
                _await(lambda: _pings(client), "Redis")
            yield url
        finally:
            server.kill()
            server.wait()


@dataclass
class Database:
    """A PostgreSQL and the address of one database in it."""

    server: Any
    url: str

    def crash(self) -> None:
        """``kill -9`` of all of its processes."""
        number = self.server.process.pid
        for one in [*_children(number), number]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self.server.process.wait()

    def start(self) -> None:
        """Start it again on its files; it recovers by itself."""
        for left in reversed(range(20)):
            try:
                self.server.start()
                return
            except Exception:
                # What its killed processes shared goes a moment after they do.
                if not left:
                    raise
                time.sleep(0.2)


@contextlib.contextmanager
def postgres(net: Network | None) -> Iterator[Database]:
    """A PostgreSQL on this machine, or on the other side of a network.

    Raises:
        NotMeasured: the wheel of requirements-dev.txt that brings one is not installed.
    """
    try:
        from tests.postgres_server import PostgresServer
    except ImportError:
        raise NotMeasured(
            "需要开发依赖里的 PostgreSQL（pip install -r requirements-dev.txt --no-deps）· needs requirements-dev.txt"
        ) from None
    with contextlib.ExitStack() as stack:
        stack.enter_context(net.inside() if net is not None else contextlib.nullcontext())
        server = PostgresServer()
        name = server.make()
        url = server.url(name)
        if net is not None:
            with open(server.home / "data" / "pg_hba.conf", "a", encoding="utf-8") as file:
                file.write(f"host all all {net.here}/32 scram-sha-256\n")
            with open(server.home / "data" / "postgresql.conf", "a", encoding="utf-8") as file:
                file.write(f"listen_addresses = '127.0.0.1,{net.there}'\n")
            server.stop()
            server.start()
            url = url.replace("127.0.0.1", net.there)
    try:
        yield Database(server, url)
    finally:
        server.close()


def _children(parent: int) -> list[int]:
    try:
        words = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    return [int(word) for word in words]


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _await(good: Callable[[], bool], what: str, patience_s: float = 30.0) -> None:
    end = time.monotonic() + patience_s
    while not good():
        if time.monotonic() > end:
            raise NotMeasured(f"{what} 没有应答")
        time.sleep(0.02)
