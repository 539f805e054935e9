"""A thousand sockets on one view that changes once a second. Baseline: the first socket that has it.

The bench commits a record and publishes, as a worker does; what is measured is the web process: from the publication
until each socket has the view, and the processor time.
"""

from __future__ import annotations

import asyncio
import base64
import os
import resource
import time
from collections.abc import Iterator
from typing import cast

import msgspec

from benchmarks import records, sender
from benchmarks.bench_worker import events_of
from benchmarks.outcome import Outcome, Size, middle, percentile
from benchmarks.stage import NotMeasured, Stage, cpu_s
from dashboard.clock import machine_ms
from dashboard.domain.event import Event
from dashboard.feeds import feed_named
from ingest.decode import Door, decode_records
from ingest.projector import Projector
from ingest.publisher import Publisher

WANTED_BYTES = 20_000
VIEWS = ("overview", "wall", "temperature", "checkpoints", "patrols", "disputes")
PATIENCE_S = 180.0
SETTLE_S = 5.0
SMALL = 2_000
"""Bytes below which a frame is a heartbeat, not a view."""


def measure(size: Size) -> Iterator[Outcome]:
    """The sockets of ``size`` and as many moments."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Stage() as stage:
        projector = Projector(stage.parts.history, stage.parts.region_at)
        publisher = Publisher(stage.parts.history, stage.parts.live, stage.parts.region_at)
        projector.adopt(machine_ms())
        for batch in events_of(stage, "s", 4_000):
            projector.apply(batch, machine_ms())
        publisher.rebuild(machine_ms())
        stage.start("web")
        told = sender.run(_measure(stage, size, projector, publisher), PATIENCE_S)
    what = f"{size.sockets:,} sockets, {told.bytes / 1000:.0f} KB ({told.view}) a second"
    first = [min(moment) for moment in told.taken]
    every = [one for moment in told.taken for one in moment]
    yield Outcome(f"{what}: p99", percentile(every, 0.99), "ms", 250, percentile(first, 0.99), at_most=True)
    yield Outcome("the same: p50", percentile(every, 0.5), "ms", None, percentile(first, 0.5))
    yield Outcome("the same: processor", told.cores, "cores", 0.2, at_most=True)
    name = "the same: computations of the view a change"
    yield Outcome(name, told.computed, "×", 1.0, at_most=True, note=told.note)


Arrived = asyncio.Queue[tuple[float, int, str]]
"""(moment, bytes of the view or -1, its beginning)."""


class Told(msgspec.Struct):
    """What was measured: per change the milliseconds of each socket."""

    view: str
    bytes: int
    taken: list[list[float]]
    cores: float
    computed: float
    note: str = ""


class Watcher(asyncio.Protocol):
    """A socket that does nothing but note when a view's last byte was there."""

    def __init__(self, port: int, view: str, arrived: Arrived, tell: bool) -> None:
        self.port, self.view, self.arrived, self.tell = port, view, arrived, tell
        self._held = b""
        self._open = False
        self.bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the socket."""
        # A fast loop's transport is no subclass of it.
        self.transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self.transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        """Take frames: texts from a server are whole and not masked."""
        held = self._held + data
        if not self._open:
            head, found, held = held.partition(b"\r\n\r\n")
            if not found:
                self._held = head
                return
            if b" 101 " not in head[:20]:
                self.arrived.put_nowait((0.0, -1, head[:60].decode("latin-1")))
                return
            self._open = True
            ask = msgspec.json.encode({"do": "subscribe", "view": self.view, "scope": "all", "lang": "zh"})
            mask = b"\0\0\0\0"
            size = bytes([0x80 | len(ask)]) if len(ask) < 126 else b"\xfe" + len(ask).to_bytes(2, "big")
            self.transport.write(b"\x81" + size + mask + ask)
        while len(held) >= 2:
            length, start = held[1] & 127, 2
            if length == 126:
                length, start = int.from_bytes(held[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(held[2:10], "big"), 10
            if len(held) < start + length:
                break
            if length >= SMALL:
                text = held[start : start + 400].decode("utf-8", "replace") if self.tell else ""
                self.arrived.put_nowait((time.perf_counter(), length, text))
            held = held[start + length :]
        self._held = held


async def _measure(stage: Stage, size: Size, projector: Projector, publisher: Publisher) -> Told:
    port, web = stage.settings.port, stage.children[0]
    loop = asyncio.get_running_loop()
    view, length = await _nearest(port)
    arrived: Arrived = asyncio.Queue()
    ends = []
    for number in range(size.sockets):
        transport = await _watch(port, view, arrived, tell=number == 0)
        ends.append(transport)
    await _all(arrived, size.sockets)
    await asyncio.sleep(SETTLE_S)
    _drained(arrived)
    taken: list[list[float]] = []
    further: list[float] = []
    cpu, began = cpu_s(web), loop.time()
    for number in range(size.moments):
        due = began + number + 1
        await asyncio.sleep(max(0.0, due - loop.time()))
        if number:
            further.append(_drained(arrived) / size.sockets)
        event = _reading(stage, number)
        await asyncio.to_thread(projector.apply, [event], machine_ms())
        start = time.perf_counter()
        await asyncio.to_thread(publisher.publish, machine_ms(), ["temperature"])
        moments = await _all(arrived, size.sockets)
        taken.append([(at - start) * 1000 for at in moments])
    await asyncio.sleep(max(0.0, began + size.moments + 1 - loop.time()))
    further.append(_drained(arrived) / size.sockets)
    cores = (cpu_s(web) - cpu) / (loop.time() - began)
    for end in ends:
        end.close()
    note = f"{size.moments + sum(further):.0f} computations for {size.moments} changes and {size.sockets:,} sockets"
    # Time changes a view too: now and then one comes between two changes.
    return Told(view, length, taken, cores, 1 + middle(further), note)


def _drained(arrived: Arrived) -> int:
    count = arrived.qsize()
    while not arrived.empty():
        arrived.get_nowait()
    return count


async def _watch(port: int, view: str, arrived: Arrived, tell: bool) -> asyncio.BaseTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: Watcher(port, view, arrived, tell), "127.0.0.1", port)
    return transport


async def _all(arrived: Arrived, count: int) -> list[float]:
    found = []
    async with asyncio.timeout(30):
        for _ in range(count):
            at, length, text = await arrived.get()
            if length < 0:
                raise NotMeasured(f"连接没有打开：{text}")
            found.append(at)
    return found


async def _nearest(port: int) -> tuple[str, int]:
    """The view whose text is nearest to the wanted size, and its bytes."""
    found: list[tuple[int, str, int]] = []
    for view in VIEWS:
        arrived: Arrived = asyncio.Queue()
        end = await _watch(port, view, arrived, tell=True)
        try:
            async with asyncio.timeout(20):
                _, length, _ = await arrived.get()
            if length > 0:
                found.append((abs(length - WANTED_BYTES), view, length))
        except TimeoutError:
            continue
        finally:
            end.close()
    if not found:
        raise NotMeasured("没有一个视图有回答")
    _, view, length = min(found)
    return view, length


def _reading(stage: Stage, number: int) -> Event:
    now = machine_ms()
    region = stage.parts.region_at(0)
    door = Door("bench", region, zone=stage.parts.zone)
    one = records.readings(region, f"sock{number}", 1, now, span=1000)
    return decode_records(feed_named("temperature"), one, door, now)[0][0]
