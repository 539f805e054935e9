"""Whether there is room for more records: in Redis's memory and on the disk that the data are on.

Asked before a record is taken. A Redis that has run out of memory could not even publish the figures of what is on the
road, and one whose disk is full ends itself; so senders are told to come back while a reserve is left.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import redis

from dashboard.errors import Backpressure, DiskFull
from dashboard.stores.servers import TROUBLE, Servers

MOST_OF_MEMORY = 0.9
"""Share of Redis's ``maxmemory`` from which nothing more is taken: the rest is for figures."""
EVERY_S = 0.5
RETRY_AFTER_S = 5
DISK_RETRY_AFTER_S = 30


class Room:
    """Looks twice a second at most. Safe to share between threads."""

    def __init__(self, servers: Servers, folders: Iterable[Path] = (), reserve_bytes: int = 0) -> None:
        self.servers, self.folders, self.reserve = servers, tuple(folders), reserve_bytes
        self._lock = threading.Lock()
        self._looked: float | None = None
        self._found: Backpressure | None = None

    def refusal(self) -> Backpressure | None:
        """Why nothing may be taken now; ``None`` when there is room."""
        with self._lock:
            if self._looked is None or time.monotonic() - self._looked > EVERY_S:
                self._found = self._disk() or self._memory()
                self._looked = time.monotonic()
            return self._found

    def _disk(self) -> Backpressure | None:
        for folder in self.folders:
            try:
                free = shutil.disk_usage(folder).free
            except OSError:
                # A directory that is not there has its own sentence elsewhere.
                continue
            if free < self.reserve:
                return DiskFull(
                    f"磁盘只剩 {free >> 20} MB，低于保留的 {self.reserve >> 20} MB，暂不接收；请腾出空间，随后重发"
                    f" · The disk has {free >> 20} MB left, less than the reserve of {self.reserve >> 20} MB: "
                    "nothing is taken until there is space.",
                    DISK_RETRY_AFTER_S,
                )
        return None

    def _memory(self) -> Backpressure | None:
        try:
            told: list[Any] = [server.info("memory") for server in self.servers.every()]
        except redis.ResponseError:
            # A managed one that was accepted for a trial shows nothing.
            return None
        except TROUBLE:
            # Whether it answers is found out by whoever writes.
            return None
        for info in told:
            most, used = int(info.get("maxmemory") or 0), int(info.get("used_memory") or 0)
            if most and used >= most * MOST_OF_MEMORY:
                return Backpressure(
                    f"Redis 的内存已用 {used * 100 // most}%，请稍后重发"
                    f" · Redis has used {used * 100 // most} % of its memory: send again a little later.",
                    RETRY_AFTER_S,
                )
        return None


def out_of_memory(error: BaseException | None) -> bool:
    """Whether a Redis refused because its memory is used up."""
    return isinstance(error, redis.OutOfMemoryError) or "OOM command not allowed" in str(error)


__all__ = ["Room", "out_of_memory"]
