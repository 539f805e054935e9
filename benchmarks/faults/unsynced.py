"""A power cut at Redis: killed, and every byte that it had not synced is gone (EXACTNESS 3).

The same cut must take something away from a Redis that syncs now and then, or it proves nothing: :func:`bites`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import redis

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.ground import Lay
from benchmarks.faults.preload import Power
from dashboard.stores import redis_server


def _cut(blow: Blow) -> None:
    ground = blow.ground
    blow.struck()
    dropped = 0
    for _ in range(1 if blow.quick else 5):
        before = ground.pid("redis")
        # The supervisor must not start the next one before the bytes are gone.
        with ground.stopped(ground.supervisor.pid):
            ground.kill("redis")
            ground.until(partial(_gone, before), "Redis 的结束", 10)
            dropped += ground.power.cut(ground.data / "redis")
        blow.over()
        ground.started_again("redis", before)
        blow.last(3, 0)
    blow.found.append(f"未落盘被丢弃 {dropped} 字节 · {dropped} unsynced bytes dropped")
    for policy in ("always", "everysec", "no"):
        lost, sent = bites(policy, 2000)
        blow.found.append(f"appendfsync {policy}: {sent} 条丢 {lost} 条 · lost {lost} of {sent}")
        if policy == "always" and lost:
            blow.broken.append(f"appendfsync always lost {lost}")
        if policy != "always" and not lost:
            blow.broken.append(f"the cut does not bite: appendfsync {policy} lost nothing")


def _gone(pid: int | None) -> bool:
    try:
        return pid is None or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def bites(policy: str, count: int) -> tuple[int, int]:
    """(lost, answered): entries that a bare Redis of a policy had answered and has no more after a power cut."""
    with tempfile.TemporaryDirectory(prefix="tw-power-") as name:
        folder = Path(name)
        home = folder / "redis"
        home.mkdir()
        power = Power(folder)
        socket = home / "s"
        words = {"port": "0", "unixsocket": str(socket), "dir": str(home), "save": '""'}
        words |= {"appendonly": "yes", "appendfsync": policy}
        (folder / "conf").write_text("".join(f"{name} {value}\n" for name, value in words.items()), "utf-8")

        @contextlib.contextmanager
        def running():  # type: ignore[no-untyped-def]
            process = subprocess.Popen(
                [str(redis_server.find_binary()), str(folder / "conf")],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **power.environment},
                preexec_fn=redis_server.dies_with_parent(),
            )
            try:
                with contextlib.closing(redis.Redis(unix_socket_path=str(socket))) as client:
                    while not _pings(client):
                        time.sleep(0.01)
                    yield client
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()

        with running() as client:
            for start in range(0, count, 10):
                pipe = client.pipeline(transaction=False)
                for number in range(start, start + 10):
                    pipe.xadd("road", {"n": number})
                pipe.execute()
        power.cut(home)
        socket.unlink(missing_ok=True)
        with running() as client:
            return count - int(client.xlen("road")), count


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


FAULTS = (
    Fault(
        "power-cut-redis",
        "Redis 断电（未落盘的写入全部丢弃）",
        "power cut at Redis: unsynced writes dropped",
        _cut,
        Lay(power=True),
    ),
)
