"""The supervisor of ``demo`` and ``up``: Redis, worker, web and player, started, watched and stopped in order.

Children are separate sessions, so that Ctrl-C reaches the supervisor alone and it decides the order; the kernel ends
them when the supervisor is killed outright. Does no work of its own on records or pages.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from types import FrameType

from dashboard.errors import ConfigurationError, TownwatchError
from dashboard.settings import Settings
from dashboard.stores import redis_server
from dashboard.stores.redis_server import RedisServer, check_durability, client_of, dies_with_parent, in_both
from dashboard.telemetry import MULTIPROCESS

ROOT = Path(__file__).resolve().parent.parent
KEPT_LOGS = 5
LARGEST_LOG = 64 * 1024 * 1024
LOGS_S = 10.0
PATIENCE_S = 10.0
LONGEST_BACK_OFF_S = 30.0
LONGEST_REDIS_BACK_OFF_S = 5.0
REDIS_PAUSE_S = 1.0
HEALTHY_S = 60.0
"""A child that lived this long has recovered: its next failure starts the back-off anew."""
TICK_S = 0.1
READY_S = 180.0
START_TRIES = 3


@dataclass(frozen=True)
class Part:
    """One child: its name, its command with options, and whether it may end by itself."""

    name: str
    arguments: tuple[str, ...]
    may_end: bool = False


@dataclass
class Child:
    """A part that runs, or waits to be started again at ``due`` (monotonic seconds)."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0
    ended: bool = False


@dataclass
class Supervisor:
    """Runs parts beside one Redis until a signal comes.

    ``parts`` are in starting order; they stop in the reverse one, Redis last. ``checks`` are addresses that must answer
    200 before ``READY`` is printed.
    """

    settings: Settings
    parts: Sequence[Part]
    checks: Sequence[str] = ()
    browser: bool = False
    program: tuple[str, ...] = (sys.executable, "-P", "-m", "dashboard")
    """What runs a part; a part's arguments and ``--data DIR`` follow."""
    say: Callable[[str], None] = lambda text: _say(text)
    before: Callable[[Settings], None] | None = None
    """Called once Redis answers and before the first part starts, with the settings that name it."""
    beside: str = ""
    """The name of a supervisor that may run beside others in one data directory, with a Redis that is not its own."""
    children: list[Child] = field(default_factory=list)
    stopping: bool = False
    server: RedisServer | None = None
    redis_failures: int = 0
    redis_due: float = 0.0
    """When an embedded Redis that did not come up is started again (monotonic seconds)."""

    def run(self) -> int:
        """Starts everything, prints ``READY``, watches, and stops everything; the exit code.

        Raises:
            TownwatchError: something is not as it must be; everything that was started is stopped by then.
        """
        with locked(self.settings.data_dir, self.beside):
            self.settings.logs.mkdir(parents=True, exist_ok=True)
            for log in (self._log("redis"), *(self._log(part.name) for part in self.parts)):
                if log.stem != "redis" or not self.beside:
                    rotate(log)
            # Counters of processes that are gone would be added to the new ones'.
            shutil.rmtree(self._metrics, ignore_errors=True)
            self._metrics.mkdir(parents=True, mode=0o700)
            before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                self._start()
                self._watch()
            except Stopped:
                pass
            finally:
                self.stopping = True
                self._end()
                shutil.rmtree(self._metrics, ignore_errors=True)
                for number, handler in before.items():
                    signal.signal(number, handler)
        return 0

    @property
    def _metrics(self) -> Path:
        """Where the parts put their numbers: in memory where there is such a place. The files are mapped, and writing
        to a mapped file on a full disk ends a process."""
        memory = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, for us alone
        room = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
        name = blake2b(f"{os.getuid()} {self.settings.data_dir} {self.beside}".encode(), digest_size=8).hexdigest()
        return room / f"townwatch-metrics-{name}"

    def _log(self, name: str) -> Path:
        return self.settings.logs / f"{self.beside or name}.log"

    def _stop(self, number: int, frame: FrameType | None) -> None:
        # The first signal interrupts whatever waits; later ones must not interrupt the orderly end.
        if not self.stopping:
            self.stopping = True
            raise Stopped

    def _start(self) -> None:
        if self.settings.redis_url:
            self.say("[镇哨] 使用指定的 Redis · using the Redis that was named")
        else:
            self.server = redis_server.start(self.settings.data_dir)
            self.settings = self.settings.with_values(redis_url=self.server.url)
            self.say("[镇哨] Redis 已启动 · Redis is up")
        with contextlib.closing(client_of(self.settings.redis_url)) as client:
            for finding in check_durability(client, self.settings.accept_loss):
                chinese, english = in_both(finding)
                self.say(f"[镇哨] 警告：{chinese} · warning: {english}")
        if self.before is not None:
            self.before(self.settings)
        for part in self.parts:
            child = Child(part)
            self.children.append(child)
            self._launch(child)
        self.say("[镇哨] 正在启动 · starting " + ", ".join(part.name for part in self.parts))
        self._await_ready()

    def _launch(self, child: Child) -> None:
        environment = environment_of(self.settings) | {MULTIPROCESS: str(self._metrics)}
        data = ("--data", str(self.settings.data_dir))
        with open(self._log(child.part.name), "ab") as log:
            child.process = subprocess.Popen(
                [*self.program, *child.part.arguments, *data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                preexec_fn=dies_with_parent(),
            )
        child.started = time.monotonic()

    def _await_ready(self) -> None:
        until = time.monotonic() + READY_S
        waiting = list(self.checks)
        while waiting:
            self._look_after(first=True)
            if answers(waiting[0]):
                waiting.pop(0)
            elif time.monotonic() > until:
                raise ConfigurationError(
                    f"{waiting[0]} 过了 {READY_S:.0f} 秒仍没有应答，请查看 {self.settings.logs} 里的日志"
                    f" · {waiting[0]} does not answer after {READY_S:.0f} s: see the files in {self.settings.logs}."
                )
            else:
                time.sleep(TICK_S)
        self.say(f"READY {self.settings.address()}" if self.checks else "READY")
        if self.browser:
            webbrowser.open(self.settings.address("/wall"))

    def _watch(self) -> None:
        looked = 0.0
        while True:
            self._look_after(first=False)
            if time.monotonic() - looked > LOGS_S:
                looked = time.monotonic()
                for name in ("redis", *(child.part.name for child in self.children)):
                    shorten(self._log(name))
            time.sleep(TICK_S)

    def _look_after(self, first: bool) -> None:
        """Starts again what has ended, later and later; ``first`` is until everything has been ready once."""
        now = time.monotonic()
        if self.server is not None and not self.server.alive() and now >= self.redis_due:
            self._restart_redis(now)
        for child in self.children:
            if child.ended:
                continue
            if child.process is None:
                if now >= child.due:
                    self._relaunch(child, now)
                continue
            code = child.process.poll()
            if code is not None:
                self._ended(child, code, now, first)

    def _restart_redis(self, now: float) -> None:
        """Start Redis again; one that does not come up (its disk is full) is tried again, later and later."""
        self.say("[镇哨] Redis 意外退出，正在重启 · Redis ended, starting it again")
        try:
            self.server = redis_server.start(self.settings.data_dir)
        except (TownwatchError, OSError) as error:
            wait = min(LONGEST_REDIS_BACK_OFF_S, 0.5 * 2**self.redis_failures)
            self.redis_failures += 1
            self.redis_due = time.monotonic() + wait
            words = error.sentence if isinstance(error, TownwatchError) else error.strerror or type(error).__name__
            chinese, english = in_both(words)
            self.say(
                f"[镇哨] Redis 没有起来（{chinese}），{wait:g} 秒后再试 · "
                f"Redis did not come up ({english}), trying again in {wait:g} s"
            )
        else:
            self.redis_failures = 0
            # One that ends again at once must not be started ten times a second.
            self.redis_due = now + REDIS_PAUSE_S

    def _relaunch(self, child: Child, now: float) -> None:
        try:
            self._launch(child)
        except OSError as error:
            # Its log cannot be opened on a full disk, or there is no memory for another process.
            child.due = now + LONGEST_REDIS_BACK_OFF_S
            self.say(f"[镇哨] {child.part.name} 没有启动 · {child.part.name} was not started: {error.strerror}")

    def _ended(self, child: Child, code: int, now: float, first: bool) -> None:
        name = child.part.name
        log = self._log(name)
        if code == 0 and child.part.may_end:
            child.ended = True
            self.say(f"[镇哨] {name} 已完成 · {name} has finished")
            return
        # A part that starts slowly may refuse after the pages have answered: its first start is what counts.
        words = redis_server.last_words(log)
        refused = code in (1, 2) and (first or (child.failures == 0 and now - child.started <= HEALTHY_S))
        # After everything has been ready, only a sentence is a refusal: whoever could write none has crashed.
        refused = refused and (first or words.startswith("townwatch: "))
        if refused or (first and child.failures >= START_TRIES):
            # A sentence rather than a crash, or the same crash over and over: starting again would only repeat it.
            chinese, english = in_both(words.removeprefix("townwatch: "))
            raise ConfigurationError(
                f"{name} 没有启动：{chinese}（详见 {log}） · {name} did not start: {english} (see {log})."
            )
        if now - child.started > HEALTHY_S:
            child.failures = 0
        wait = min(LONGEST_BACK_OFF_S, 0.5 * 2**child.failures)
        child.failures += 1
        child.process, child.due = None, now + wait
        self.say(
            f"[镇哨] {name} 意外退出（{code}），{wait:g} 秒后重启（详见 {log}） · "
            f"{name} ended with {code}, starting again in {wait:g} s (see {log})"
        )

    def _end(self) -> None:
        if self.children or self.server is not None:
            self.say("[镇哨] 正在停止 · stopping")
        for child in reversed(self.children):
            if child.process is not None:
                end_group(child.process)
        if self.server is not None:
            self.server.stop()


def _say(text: str) -> None:
    # Whoever reads along may be gone, and the disk that keeps the words full: neither may end what is supervised.
    with contextlib.suppress(OSError):
        print(text, flush=True)


class Stopped(BaseException):
    """A signal asked the supervisor to stop. Not an ``Exception``: nothing that is under way may swallow it."""


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a process of ours that these settings are for."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        # With an arena of memory for every thread a process keeps several times what it uses.
        "MALLOC_ARENA_MAX": "2",
        **os.environ,
        **settings.environment(),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
    }


def end_group(process: subprocess.Popen[bytes], patience_s: float = PATIENCE_S) -> None:
    """Asks a child to end; after ``patience_s`` ends it and what it started."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience_s)
    # The child leads a group of its own; whoever is left in it is an orphan.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def locked(data_dir: Path, beside: str = "") -> Iterator[None]:
    """Holds a data directory for this supervisor alone; with a name ``beside`` others that have names of their own.

    Raises:
        ConfigurationError: another one has it (and which), or it cannot be written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = open(data_dir / "lock", "a+", encoding="utf-8")  # noqa: SIM115 - closed below, after the lock is released
    except OSError as error:
        raise _unwritable(data_dir, error) from None
    with file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if beside else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip()
            raise ConfigurationError(
                f"{data_dir} 里已有一个镇哨在运行（进程 {pid or '号不明'}），请先停掉它，或用 --data 换一个目录"
                f" · Another townwatch runs in {data_dir} (pid {pid or 'unknown'}): "
                "stop that one, or take another directory with --data."
            ) from None
        if beside:
            with named(data_dir / f"lock-{beside}", beside):
                yield
            return
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def named(path: Path, name: str) -> Iterator[None]:
    """Holds a name among the supervisors of one data directory.

    Raises:
        ConfigurationError: another one has it.
    """
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"这个数据目录里已有一个叫 {name} 的镇哨在运行，请用 --name 另取一个名字"
                f" · A townwatch named {name} runs in this data directory: take another --name."
            ) from None
        yield


def claim_world(data_dir: Path, world: str) -> None:
    """Marks a new data directory as of one world (``live`` or ``replay <scenario>``); they never share one.

    Raises:
        ConfigurationError: the directory is of another world.
    """
    mark = data_dir / "world"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        found = mark.read_text(encoding="utf-8").strip() if mark.exists() else ""
        if not found:
            mark.write_text(world + "\n", encoding="utf-8")
    except OSError as error:
        raise _unwritable(data_dir, error) from None
    if found and found != world:
        raise ConfigurationError(
            f"{data_dir} 里是 {found!r} 的数据，不是 {world!r}，请用 --data 换一个目录"
            f" · {data_dir} holds the world {found!r} and not {world!r}: take another directory with --data."
        )


def _unwritable(data_dir: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"数据目录 {data_dir} 不能写入（{error.strerror}），请改成可写，或用 --data 换一个目录"
        f" · The data directory {data_dir} cannot be written ({error.strerror}): make it writable, or use --data."
    )


def free_port(host: str, port: int) -> int:
    """The port if it can be listened on; for 0 one that can.

    Raises:
        ConfigurationError: it cannot; says why and how to choose another.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                other = port % 65535 + 1
                chinese = f"已被其他程序占用，请换一个，如 --port {other}"
                english = f"is in use by another program: choose another, e.g. --port {other}"
            elif error.errno == errno.EACCES:
                chinese = "只有管理员能用，请换一个大于 1023 的，如 --port 8050"
                english = "is for the administrator only: choose one above 1023, e.g. --port 8050"
            else:
                chinese = f"在 {host} 上监听不了（{error.strerror}），请用 --host 给出本机的地址"
                english = f"cannot be listened on at {host} ({error.strerror}): give this machine's own --host"
            raise ConfigurationError(f"端口 {port} {chinese} · Port {port} {english}.") from None
        return int(probe.getsockname()[1])


def refuse_open_address(settings: Settings, accounts: bool = False) -> None:
    """Pages without accounts are for this machine only.

    Raises:
        ConfigurationError: the address is open to others.
    """
    if not settings.loopback and not accounts:
        raise ConfigurationError(
            f"还没有账号，镇哨不在 {settings.host} 上监听，"
            "请先用 ./townwatch user create 名称 --role administrator 建一个，或用 --host 127.0.0.1"
            f" · Townwatch does not listen on {settings.host} without accounts, and there are none: "
            "make one with ./townwatch user create NAME --role administrator, or use --host 127.0.0.1."
        )


def rotate(log: Path, keep: int = KEPT_LOGS) -> None:
    """Moves a log of an earlier start aside: ``web.log`` → ``web.log.1`` → …, the oldest goes."""
    for number in range(keep, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log if number == 1 else log.with_name(f"{log.name}.{number - 1}")
        if newer.exists():
            newer.replace(older)


def shorten(log: Path, largest: int = LARGEST_LOG) -> None:
    """Moves a log aside that has grown too large. Whoever writes it goes on: it is copied and then emptied.

    A line written in between is lost, and so is the copy when there is no room for it; the log itself must not be what
    fills the disk.
    """
    try:
        if log.stat().st_size <= largest:
            return
        rotated = log.with_name(f"{log.name}.copy")
        with contextlib.suppress(OSError):
            shutil.copyfile(log, rotated)
        os.truncate(log, 0)
        if rotated.exists():
            for number in range(KEPT_LOGS, 1, -1):
                older = log.with_name(f"{log.name}.{number - 1}")
                if older.exists():
                    older.replace(log.with_name(f"{log.name}.{number}"))
            rotated.replace(log.with_name(f"{log.name}.1"))
    except OSError:
        return


def answers(address: str) -> bool:
    """Whether an address on this machine answers 200 now."""
    # Without the machine's proxies: they cannot reach our loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def screen_present() -> bool:
    """Whether a browser could be shown to somebody."""
    return sys.stdout.isatty() and bool(
        sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
