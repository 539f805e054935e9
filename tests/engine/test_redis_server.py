"""The embedded Redis: real processes, real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from dashboard.errors import ConfigurationError, StoreUnavailable
from dashboard.settings import Settings
from dashboard.stores import redis_server as embedded

ROOT = Path(__file__).parents[2]


def test_it_is_durable_and_keeps_what_it_has_over_a_restart(data_dir: Path) -> None:
    for expected in (None, b"1"):
        server = embedded.start(data_dir)
        with redis.Redis.from_url(server.url) as client:
            assert embedded.check_durability(client) == []
            assert client.get("kept") == expected
            client.set("kept", "1")
        server.stop()
        assert not server.alive()
        assert not server.socket.exists()


def test_a_socket_path_that_is_too_long_moves_to_a_private_directory(data_dir: Path) -> None:
    deep = data_dir / ("深" * 40)
    server = embedded.start(deep)
    try:
        assert len(os.fsencode(server.socket)) <= embedded.SOCKET_PATH_LIMIT
        assert server.socket.parent.stat().st_mode & 0o777 == 0o700
        assert embedded.recorded_socket(deep) == server.socket
        assert embedded.running(deep) == server.pid
    finally:
        server.stop()
    assert not server.socket.parent.exists()


def test_a_second_one_on_the_same_files_is_refused_by_name(data_dir: Path) -> None:
    server = embedded.start(data_dir)
    try:
        with pytest.raises(ConfigurationError, match=rf"Another townwatch runs in .* pid {server.pid}") as caught:
            embedded.start(data_dir)
        assert f"{data_dir} 里已有一个镇哨在运行（Redis 进程 {server.pid}），请先停掉它" in caught.value.sentence
    finally:
        server.stop()


def test_tools_join_the_running_one_and_else_start_their_own(data_dir: Path) -> None:
    settings = Settings.load(data_dir)
    server = embedded.start(data_dir)
    with embedded.attached(settings) as joined:
        assert joined.redis_url == server.url
    assert server.alive()
    server.stop()
    with embedded.attached(settings) as joined, redis.Redis.from_url(joined.redis_url) as client:
        assert client.ping()
        assert embedded.running(data_dir) is not None
    assert embedded.running(data_dir) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("appendfsync", "everysec"), ("maxmemory-policy", "allkeys-lru"), ("no-appendfsync-on-rewrite", "yes")],
)
def test_another_configuration_is_refused_with_the_line_to_change(
    name: str, value: str, redis_client: redis.Redis
) -> None:
    redis_client.config_set(name, value)
    try:
        wanted = embedded.DURABLE[name]
        with pytest.raises(ConfigurationError, match=f"write `{name} {wanted}` in redis.conf") as caught:
            embedded.check_durability(redis_client)
        chinese, english = caught.value.sentence.split(" · ")
        assert chinese.startswith(f"Redis 的设置是 `{name} {value}`，可能丢失已接受的记录，")
        assert f"请在 redis.conf 里写 `{name} {wanted}` 并重启 Redis" in chinese
        assert english.startswith(f"Redis has `{name} {value}`")
        assert len(embedded.check_durability(redis_client, accept_loss=True)) == 1
    finally:
        redis_client.config_set(name, embedded.DURABLE[name])


def test_a_redis_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    with (
        redis.Redis(unix_socket_path=str(tmp_path / "none.sock")) as client,
        pytest.raises(StoreUnavailable, match=r"Redis 没有应答（.*TOWNWATCH_REDIS_URL · Redis does not answer \("),
    ):
        embedded.check_durability(client)


def test_it_ends_when_its_parent_is_killed(data_dir: Path) -> None:
    script = (
        "import sys, pathlib, signal\n"
        "from dashboard.stores import redis_server\n"
        "print(redis_server.start(pathlib.Path(sys.argv[1])).pid, flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watched = os.pidfd_open(pid)
        parent.send_signal(signal.SIGKILL)
    try:
        wait_for_exit(watched)
    finally:
        os.close(watched)
    server = embedded.start(data_dir)
    server.stop()


def wait_for_exit(pidfd: int, patience_s: float = 20.0) -> None:
    """Waits until the process behind a pidfd has ended, whoever's child it is."""
    import select

    readable, _, _ = select.select([pidfd], [], [], patience_s)
    assert readable, "the process did not end"
