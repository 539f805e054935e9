"""Two hundred open pages that read nothing: nobody else may notice, and the process may not grow."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import struct
import time
from pathlib import Path

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.recount import screened

SOCKETS = 200
GROWTH_MB = 200


def _stall(blow: Blow) -> None:
    ground = blow.ground
    number = ground.pid("web")
    assert number is not None
    before = _memory_mb(number)
    reader = ground.token(None)
    blow.struck()
    with contextlib.ExitStack() as stack:
        for index in range(SOCKETS):
            stack.enter_context(
                contextlib.closing(_mute(ground.settings.port, reader, ("wall", "overview")[index % 2]))
            )
        blow.last(60, 10)
        # While they stall, a figure must still get through to those who read.
        start, target = time.monotonic(), blow.load.accepted()
        ground.until(lambda: (screened(ground, reader) or 0) and blow.load.accepted() > target, "别的页面", 30)
        took = time.monotonic() - start
        grown = _memory_mb(number) - before
    blow.over()
    blow.found.append(
        f"{SOCKETS} 个不读的页面：其他页面 {took:.1f} 秒有新数字，进程多占 {grown:.0f} MB"
        f" · others saw new figures within {took:.1f} s, the process grew by {grown:.0f} MB"
    )
    if grown > GROWTH_MB:
        blow.broken.append(f"the process grew by {grown:.0f} MB for {SOCKETS} pages that do not read")


def _mute(port: int, token: str, view: str) -> socket.socket:
    """A page's socket that subscribes and never reads again."""
    line = socket.create_connection(("127.0.0.1", port), timeout=20)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    key = base64.b64encode(os.urandom(16)).decode()
    line.sendall(
        f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Authorization: Bearer {token}\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    line.recv(1)
    words = json.dumps({"do": "subscribe", "view": view, "scope": "all", "lang": "zh"}).encode()
    mask = b"\0\0\0\0"
    line.sendall(struct.pack("!BB", 0x81, 0x80 | len(words)) + mask + words)
    return line


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


FAULTS = (Fault("stalled", "200 个页面不读数据", "200 open pages that read nothing", _stall),)
