"""A real Redis Cluster for tests: masters on loopback from the embedded server's binary, each with its own files.

Every write is on disk before it is acknowledged, as in production; a password is asked for, as in production.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis

from dashboard.stores.redis_server import DURABLE, dies_with_parent, find_binary
from tests.postgres_server import in_memory

SLOTS = 16_384
PASSWORD = "pw-of:the@cluster"
PATIENCE_S = 30.0


class Node:
    """One master: its port and its process, which may be ended and started again with the same files."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.process: subprocess.Popen[bytes] | None = None
        home.mkdir()
        lines = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(home),
            "daemonize": "no",
            "save": '""',
            "requirepass": PASSWORD,
            "masterauth": PASSWORD,
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "cluster-node-timeout": "2000",
            "cluster-require-full-coverage": "no",
            **DURABLE,
        }
        (home / "redis.conf").write_text("".join(f"{name} {value}\n" for name, value in lines.items()))

    def start(self) -> None:
        """Start it and wait until it has loaded its files."""
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(
                [str(find_binary()), str(self.home / "redis.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=dies_with_parent(),
            )
        with contextlib.closing(self.client()) as client:
            _until(lambda: _answers(client), f"node {self.port}")

    def kill(self) -> None:
        """End it without a word."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def client(self) -> redis.Redis:
        """A client of this node alone."""
        return redis.Redis(port=self.port, password=PASSWORD, socket_timeout=5)


class Cluster:
    """Masters that divide the slots evenly; no replicas."""

    def __init__(self, home: Path, masters: int) -> None:
        self.nodes = [Node(home / f"n{number}", _free_port()) for number in range(masters)]
        for node in self.nodes:
            node.start()
        share = -(-SLOTS // masters)
        for number, node in enumerate(self.nodes):
            with contextlib.closing(node.client()) as client:
                _ask(client, "ADDSLOTS", *range(number * share, min((number + 1) * share, SLOTS)))
                _ask(client, "SET-CONFIG-EPOCH", number + 1)
                if number:
                    _ask(client, "MEET", "127.0.0.1", self.nodes[0].port)
        _until(self._agreed, "the cluster")

    def _agreed(self) -> bool:
        for node in self.nodes:
            with contextlib.closing(node.client()) as client:
                told = str(_ask(client, "INFO"))
                if "cluster_state:ok" not in told or f"cluster_slots_ok:{SLOTS}" not in told:
                    return False
        return True

    @property
    def url(self) -> str:
        """The address that names all nodes."""
        places = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://:{PASSWORD.replace(':', '%3A').replace('@', '%40')}@{places}"

    def empty(self) -> None:
        """Forget every key."""
        for node in self.nodes:
            with contextlib.closing(node.client()) as client:
                client.flushall()

    def stop(self) -> None:
        """End every node."""
        for node in self.nodes:
            node.kill()


@contextlib.contextmanager
def cluster(masters: int = 3) -> Iterator[Cluster]:
    """A cluster whose files go when it is left."""
    home = in_memory("cluster")
    made: Cluster | None = None
    try:
        made = Cluster(home, masters)
        yield made
    finally:
        if made is not None:
            made.stop()
        shutil.rmtree(home, ignore_errors=True)


def _ask(client: redis.Redis, *words: object) -> object:
    found: object = client.execute_command("CLUSTER", *words)  # type: ignore[no-untyped-call]
    return found


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _until(good: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not good():
        assert time.monotonic() < until, f"{what} did not come up"
        time.sleep(0.02)


def _free_port() -> int:
    # The cluster's bus listens 10,000 above.
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:
            with socket.socket() as bus, contextlib.suppress(OSError):
                bus.bind(("127.0.0.1", port + 10_000))
                return port
