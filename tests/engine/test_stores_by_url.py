"""The product as it is started with a PostgreSQL and a Redis by URL: real processes, real servers, stopped and started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from dashboard.errors import ConfigurationError, StoreUnavailable
from dashboard.settings import PREFIX, Settings
from dashboard.stores import chosen
from dashboard.stores import redis_server as embedded
from dashboard.stores.redis_server import RedisServer
from tests.browser.running import now
from tests.postgres_server import PostgresServer, serving

ROOT = Path(__file__).parents[2]
TOWN = "330421111"
PATIENCE_S = 90.0
SECRET = "r-geheim-7"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

pytestmark = pytest.mark.timeout(300)


def environment(**settings: str) -> dict[str, str]:
    """The environment of a command: none of this machine's settings but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    given = {PREFIX + name.upper(): value for name, value in settings.items()}
    return {**kept, **given, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def command(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command of the program, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "dashboard", *words],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )


class Up:
    """A running ``up``."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address

    def ask(self, path: str, token: str = "", records: list[dict[str, Any]] | None = None) -> tuple[int, Any]:
        """(status, answer) of one request."""
        request = urllib.request.Request(
            self.address + path,
            data=None if records is None else json.dumps(records).encode(),
            headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
        )
        try:
            with _DIRECT.open(request, timeout=30) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, body = refused.code, refused.read()
        return status, json.loads(body) if body[:1] in (b"{", b"[") else body.decode()

    def screened(self) -> int | None:
        """The figure in the window."""
        status, answer = self.ask(f"/api/v1/figures?kpi=screened&town={TOWN}")
        assert status == 200, answer
        value: int | None = answer["figures"][0]["value"]
        return value

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition while the program runs."""
        end, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while not condition():
            assert self.process.poll() is None, "up has ended"
            assert time.monotonic() < end, f"never came: {what}"
            pause.wait(0.05)


@contextlib.contextmanager
def up(data: Path, *options: str, **settings: str) -> Iterator[Up]:
    """Starts ``up`` and stops it as Ctrl-C does."""
    words = ["up", "--no-browser", "--port", "0", "--data", str(data), *options]
    with subprocess.Popen(
        [sys.executable, "-m", "dashboard", *words],
        cwd=ROOT,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith("READY"):
                    break
            assert process.poll() is None, said
            yield Up(process, line.split()[1].rstrip("/"))
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that this test may stop."""
    with serving() as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test alone, that nothing in the data directory knows."""
    server = embedded.start(tmp_path / "elsewhere")
    yield server
    server.stop()


def readings(first: int, count: int) -> list[dict[str, Any]]:
    """Valid readings of this moment."""
    return [
        {"id": f"r-{number}", "town": TOWN, "at": now(), "checkpoint": f"{TOWN}-K01", "celsius": 36.5}
        for number in range(first, first + count)
    ]


def test_up_runs_on_both_and_a_database_that_goes_away_and_comes_back_loses_nothing(
    own_server: PostgresServer, own_redis: RedisServer, data_dir: Path
) -> None:
    database = own_server.url(own_server.make())
    with redis.Redis.from_url(own_redis.url) as client:
        client.acl_setuser("default", enabled=True, reset_passwords=True, passwords=[f"+{SECRET}"])
    road = own_redis.url.replace("unix://", f"unix://:{SECRET}@")
    told = {"database_url": database, "redis_url": road}
    with up(data_dir, "--database", database, "--redis", road) as product:
        # A command that does not know where the records are must not make a second world beside them.
        lost = command("token", "create", "--source", "gate", "--data", str(data_dir))
        assert lost.returncode == 1
        assert "的记录在另一个数据库里：是 postgresql://townwatch@127.0.0.1" in lost.stderr
        assert "name it in TOWNWATCH_DATABASE_URL" in lost.stderr
        made = command("token", "create", "--source", "gate", "--data", str(data_dir), **told)
        token = made.stdout.splitlines()[-1]
        assert product.ask("/api/v1/events/temperature", token, readings(0, 5))[0] == 202
        product.until(lambda: product.screened() == 5, "the first records")

        own_server.stop(signal.SIGQUIT)
        status, ready = product.ask("/readyz")
        assert (status, ready["parts"]["redis"]) == (503, "ok")
        assert ready["parts"]["database"].startswith("数据库没有应答（")
        # Records are still taken: they wait on the road.
        assert product.ask("/api/v1/events/temperature", token, readings(5, 7)) == (
            202,
            {"accepted": 7, "rejected": []},
        )
        status, answer = product.ask(f"/api/v1/figures?kpi=screened&town={TOWN}&day=2020-02-18")
        assert status == 503
        assert answer["error"].startswith("数据库没有应答（")
        assert product.screened() == 5, "what was known is still shown"
        for page in ("/", "/wall", "/system"):
            assert product.ask(page)[0] == 200

        own_server.start()
        product.until(lambda: product.screened() == 12, "what was accepted while the database was away")
        product.until(lambda: product.ask("/readyz")[0] == 200, "a ready program")

        seen = command("doctor", "--data", str(data_dir), "--port", product.address.rpartition(":")[2], **told)
        assert seen.returncode == 0, seen.stdout
        assert "synchronous_commit = on" in seen.stdout
        assert "may make tables" in seen.stdout
    logs = "".join(path.read_text(encoding="utf-8") for path in (data_dir / "logs").iterdir())
    for secret in (own_server.password, SECRET):
        assert secret not in logs + seen.stdout + seen.stderr + made.stderr + lost.stderr
        assert secret not in (data_dir / chosen.FILE).read_text(encoding="utf-8")


def test_a_database_that_is_not_there_ends_the_start_with_one_sentence(
    own_server: PostgresServer, data_dir: Path
) -> None:
    own_server.stop()
    done = command("up", "--no-browser", "--port", "0", "--data", str(data_dir), "--database", own_server.url("x"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("townwatch: 连不上数据库 postgresql://townwatch@127.0.0.1:")
    assert "请启动它，或改正 TOWNWATCH_DATABASE_URL · The database" in line
    assert own_server.password not in done.stdout + done.stderr
    assert not (data_dir / chosen.FILE).exists(), "an address that was of no use is not held against the next try"
    seen = command("doctor", "--data", str(data_dir), database_url=own_server.url("x"))
    assert seen.returncode == 1
    assert "fail  database                连不上数据库" in seen.stdout


def test_a_redis_that_is_not_there_ends_the_start_with_one_sentence(data_dir: Path, tmp_path: Path) -> None:
    done = command(
        "up",
        "--no-browser",
        "--port",
        "0",
        "--data",
        str(data_dir),
        "--redis",
        f"unix://:{SECRET}@{tmp_path}/none.sock",
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("townwatch: Redis 没有应答（")
    assert SECRET not in done.stdout + done.stderr


def test_a_lossy_redis_is_refused_at_start_unless_loss_is_accepted(own_redis: RedisServer, data_dir: Path) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("appendfsync", "everysec")
    options = ("up", "--no-browser", "--port", "0", "--data", str(data_dir), "--redis", own_redis.url)
    done = command(*options)
    assert done.returncode == 1
    assert "write `appendfsync always` in redis.conf" in done.stderr
    with up(data_dir, "--redis", own_redis.url, "--accept-loss") as product:
        assert product.ask("/readyz")[0] == 200


# --- Redis: what is said when it cannot be used -----------------------------------------------------------------------


def test_a_managed_redis_that_forbids_config_is_refused_and_may_be_tried(own_redis: RedisServer) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.acl_setuser(
            "managed", enabled=True, passwords=[f"+{SECRET}"], keys=["*"], channels=["*"], commands=["+@all", "-config"]
        )
    with embedded.client_of(own_redis.url.replace("unix://", f"unix://managed:{SECRET}@")) as managed:
        with pytest.raises(ConfigurationError, match="托管的 Redis 常禁用 CONFIG") as caught:
            embedded.check_durability(managed)
        assert "managed ones often forbid CONFIG" in caught.value.sentence
        assert SECRET not in caught.value.sentence
        assert embedded.check_durability(managed, accept_loss=True) == [caught.value.sentence]


def test_a_wrong_password_of_redis_is_one_sentence(own_redis: RedisServer) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.acl_setuser("default", enabled=True, reset_passwords=True, passwords=["+another"])
    for url in (own_redis.url, own_redis.url.replace("unix://", f"unix://:{SECRET}@")):
        with (
            embedded.client_of(url) as stranger,
            pytest.raises(ConfigurationError, match="Redis 不接受这个用户和密码") as caught,
        ):
            embedded.check_durability(stranger)
        assert SECRET not in caught.value.sentence


def test_a_replica_is_refused_and_its_primary_named(own_redis: RedisServer) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.replicaof("192.0.2.1", 6379)
        with pytest.raises(ConfigurationError, match=r"是从库，不能写入，请.*改成主库（192\.0\.2\.1:6379）"):
            embedded.check_durability(client, accept_loss=True)
        client.replicaof("NO", "ONE")
        assert embedded.check_durability(client) == []


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"redis_version": "6.0.16"}, "Redis 6.0.16 太旧"),
        ({"redis_version": "7.2.4", "redis_mode": "cluster"}, "是集群模式"),
        ({"redis_version": "7.2.4", "valkey_version": "8.0.1", "redis_mode": "standalone"}, ""),
    ],
    ids=["old", "cluster", "valkey"],
)
def test_what_a_server_says_of_itself_decides(server: dict[str, str], words: str) -> None:
    if words:
        with pytest.raises(ConfigurationError, match=words):
            embedded._check_server(server, {"role": "master"})
    else:
        embedded._check_server(server, {"role": "master"})


@pytest.mark.parametrize("url", [f"redis://:{SECRET}@host:sechs/0", f"redis://:{SECRET}@host/0?sparkle=1"])
def test_a_redis_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="读不懂，应写成 redis://用户:密码@主机:6379/0") as caught:
        embedded.client_of(url)
    assert SECRET not in caught.value.sentence


# --- where the records of a data directory are ------------------------------------------------------------------------


def test_a_data_directory_that_was_moved_keeps_its_own_stores(data_dir: Path, tmp_path: Path) -> None:
    chosen.remember(Settings.load(data_dir))
    moved = tmp_path / "moved"
    data_dir.rename(moved)
    chosen.check_database(Settings.load(moved))
    chosen.check_redis(Settings.load(moved))


def test_another_database_or_redis_is_refused_until_the_note_is_deleted(data_dir: Path) -> None:
    first = Settings.load(data_dir, database_url="postgresql://a:x@db/one", redis_url="redis://:y@r:6379/0")
    chosen.remember(first)
    chosen.remember(first.with_values(database_url="postgresql://a:changed@db/one"))
    for other in ({"database_url": "postgresql://a:x@db/two"}, {"redis_url": "redis://r:6379/1"}):
        with pytest.raises(ConfigurationError, match=r"stores\.json to begin anew"):
            chosen.remember(first.with_values(**other))
    with pytest.raises(ConfigurationError, match="redis://r:6379/0"), embedded.attached(Settings.load(data_dir)):
        pass
    (data_dir / chosen.FILE).unlink()
    chosen.remember(Settings.load(data_dir))


def test_a_silent_redis_is_no_matter_of_configuration(tmp_path: Path) -> None:
    with embedded.client_of(f"unix://{tmp_path}/none.sock") as client, pytest.raises(StoreUnavailable):
        embedded.check_durability(client)
