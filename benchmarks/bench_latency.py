"""From an event's post to the changed figure, at a socket and in a real browser, among 200 watching sockets.

Baseline of the socket: one durable XADD and a PUBLISH until a subscriber has it. Baseline of the page: the socket.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import redis

from benchmarks import records, sender
from benchmarks.outcome import Outcome, Size, percentile
from benchmarks.stage import NotMeasured, Stage
from dashboard import suite
from dashboard.clock import machine_ms

SOCKETS = 200
WARM_RECORDS = 2_000
EVERY_S = 0.1
ANSWER_S = 10.0
PATIENCE_S = 240.0
KPI = "fever_count"
# The wall first; the overview stands in for it where the wall does not show the figure.
PAGES = (("/wall", "wall"), ("/", "overview"))

# Mutation records come in the microtask after the change, before the next frame; the page's clock is the machine's.
WATCH = """([kpi, town]) => {
  const seen = window.benchSeen = [];
  const look = () => {
    const all = `[data-kpi="${kpi}"]`;
    const found = document.querySelector(`${all}[data-town="all"]`)
      || document.querySelector(`${all}[data-town="${town}"]`) || document.querySelector(all);
    const value = found === null ? NaN : Number.parseFloat(found.dataset.value);
    if (!Number.isNaN(value) && (seen.length === 0 || seen[seen.length - 1][0] !== value))
      seen.push([value, performance.timeOrigin + performance.now()]);
  };
  const what = {subtree: true, childList: true, attributes: true, attributeFilter: ["data-value"]};
  new MutationObserver(look).observe(document.body, what);
  look();
}"""


def measure(size: Size) -> Iterator[Outcome]:
    """Latency under ``size.load`` events a second."""
    with Stage() as stage:
        base = sorted(_bare(stage.other_redis(), 50))
        stage.start("worker", "web")
        socket, page, note = sender.run(_measure(stage, size), PATIENCE_S)
    under = f"{size.load:,} events/s, {SOCKETS} sockets"
    yield Outcome(f"post to socket p50 ({under})", percentile(socket, 0.5), "ms", None, percentile(base, 0.5))
    yield Outcome(f"post to socket p99 ({under})", percentile(socket, 0.99), "ms", None, percentile(base, 0.99))
    for share, goal in ((0.5, 250), (0.99, 600)):
        name = f"post to page p{share * 100:.0f} ({under})"
        value = percentile(page, share) if page else None
        yield Outcome(name, value, "ms", goal, percentile(socket, share), at_most=True, note=note)


def _bare(client: redis.Redis, count: int) -> list[float]:
    taken = []
    with client.pubsub() as channel:  # type: ignore[no-untyped-call]
        channel.subscribe("bare")
        channel.get_message(timeout=1)
        for number in range(count):
            start = time.perf_counter()
            client.xadd("bare", {"e": b"x" * 300})
            client.publish("bare", number)
            channel.get_message(ignore_subscribe_messages=True, timeout=1)
            taken.append((time.perf_counter() - start) * 1000)
    return taken


async def _measure(stage: Stage, size: Size) -> tuple[list[float], list[float], str]:
    token, region, port = stage.token(), stage.parts.region_at(0), stage.settings.port
    point = next(place for place in region.pack.places if place.kind == "checkpoint")
    watch = Watch(point.town)
    now = machine_ms()
    warm = [
        ("temperature", body) for body in records.bodies(records.readings(region, "lt", WARM_RECORDS, now, fever=0.0))
    ] + [("patrol", body) for body in records.bodies(records.fixes(region, "lp", WARM_RECORDS, now))]
    await sender.send_all(port, token, [warm], lines=True)
    async with _browser(stage, point.town) as (page, path, view, note), asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_subscriber(port, view, watch if number == 0 else None)) for number in range(SOCKETS)
        ]
        load = group.create_task(_load(stage, token, size.load))
        try:
            socket, shown = await _probe(stage, token, watch, page, size.probes, point.code, point.town)
        finally:
            for task in (*tasks, load):
                task.cancel()
    return socket, shown, note or ("" if path == "/wall" else f"/wall 上没有 {KPI}，量的是 {path}")


class Watch:
    """The figure as one socket tells it: (value, moment in ms), and who waits for a change."""

    def __init__(self, town: str) -> None:
        self.town = town
        self.seen: list[tuple[float, float]] = []
        self.changed = asyncio.Condition()

    async def told(self, text: str | bytes) -> None:
        """Take a text of the socket."""
        at = time.time() * 1000
        document = msgspec.json.decode(text)
        value = _figure(document.get("data"), self.town)
        if value is not None and (not self.seen or self.seen[-1][0] != value):
            async with self.changed:
                self.seen.append((value, at))
                self.changed.notify_all()

    async def reach(self, value: float) -> float:
        """The moment at which the figure was first ``value`` or more."""
        async with self.changed:
            await self.changed.wait_for(lambda: bool(self.seen) and self.seen[-1][0] >= value)
        return next(at for found, at in self.seen if found >= value)


def _figure(node: Any, town: str) -> float | None:
    """The figure wherever a view's document has it: the region's own, else the town's."""
    if isinstance(node, dict):
        if node.get("kpi") == KPI and node.get("town", "all") in ("all", town):
            value = node.get("raw", node.get("value"))
            if isinstance(value, int | float):
                return float(value)
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            found = _figure(inner, town)
            if found is not None:
                return found
    return None


async def _subscriber(port: int, view: str, watch: Watch | None) -> None:
    from websockets.asyncio.client import connect

    async with connect(f"ws://127.0.0.1:{port}/live", compression=None, max_size=None, proxy=None) as socket:
        await socket.send(msgspec.json.encode({"do": "subscribe", "view": view, "scope": "all", "lang": "zh"}).decode())
        async for text in socket:
            if watch is not None:
                await watch.told(text)


async def _load(stage: Stage, token: str, rate: int) -> None:
    """Readings and fixes in equal numbers, ten posts a second of each, until cancelled."""
    region, loop = stage.parts.region_at(0), asyncio.get_running_loop()
    ends = [sender.Sender(stage.settings.port, token) for _ in range(2)]
    each, number, due = max(1, int(rate * EVERY_S / 2)), 0, loop.time()
    try:
        while True:
            now, number, due = machine_ms(), number + 1, due + EVERY_S
            heat = records.readings(region, f"xt{number}", each, now, fever=0.0, span=int(EVERY_S * 1000))
            walk = records.fixes(region, f"xp{number}", each, now, span=int(EVERY_S * 1000))
            await asyncio.gather(
                ends[0].send(ends[0].request("temperature", records.bodies(heat)[0], lines=True)),
                ends[1].send(ends[1].request("patrol", records.bodies(walk)[0], lines=True)),
            )
            await asyncio.sleep(max(0.0, due - loop.time()))
    finally:
        for end in ends:
            await end.close()


async def _probe(
    stage: Stage, token: str, watch: Watch, page: Any, count: int, point: str, town: str
) -> tuple[list[float], list[float]]:
    end = sender.Sender(stage.settings.port, token)
    at_socket, on_page, posted = [], [], []
    async with asyncio.timeout(60):
        await watch.reach(0)
    base = watch.seen[-1][0]
    # Load and sockets must have been going for a while before anything is measured.
    await asyncio.sleep(2)
    for number in range(count):
        record = {
            "id": f"probe-{number}",
            "town": town,
            "at": records.iso(machine_ms()),
            "checkpoint": point,
            "celsius": 38.5,
            "method": "contact",
            "site": "axillary",
            "person_ref": f"p-probe-{number}",
            "outcome": "recheck",
        }
        request = end.request("temperature", records.body(record), lines=False)
        posted.append(time.time() * 1000)
        await end.send(request)
        try:
            async with asyncio.timeout(ANSWER_S):
                at_socket.append(await watch.reach(base + number + 1) - posted[-1])
                if page is not None:
                    wanted = base + number + 1
                    await page.wait_for_function(
                        "wanted => window.benchSeen.some(one => one[0] >= wanted)", arg=wanted, polling=25
                    )
        except TimeoutError:
            raise NotMeasured(f"探测 {number} 在 {ANSWER_S:.0f} 秒内没有到页面或连接") from None
        # Uneven pauses, so that the probes fall anywhere between two rounds of the hub.
        await asyncio.sleep(0.25 + 0.037 * (number % 8))
    if page is not None:
        seen: list[tuple[float, float]] = await page.evaluate("window.benchSeen")
        for number, at in enumerate(posted):
            on_page.append(next(moment for value, moment in seen if value >= base + number + 1) - at)
    await end.close()
    if min(at_socket + on_page) < 0:
        raise NotMeasured("数字在探测发出之前就变了，这次测得的延迟不能用")
    return at_socket, on_page


def _chromium() -> str | None:
    named = os.environ.get("TOWNWATCH_CHROMIUM")
    return named or next((found for name in suite.BROWSERS if (found := shutil.which(name))), None)


@asynccontextmanager
async def _browser(stage: Stage, town: str) -> AsyncIterator[tuple[Any, str, str, str]]:
    """(page, its path, its view, why there is no page)."""
    path, view = PAGES[0]
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError:
        yield None, path, view, "没有 playwright（./townwatch test 会装上），没有量页面"
        return
    binary = _chromium()
    if binary is None:
        yield None, path, view, "没有 Chromium（Debian：apt-get install chromium），没有量页面"
        return
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            page = await browser.new_page(viewport={"width": 1920, "height": 1080})
            for path, view in PAGES:
                await page.goto(stage.settings.address(path), wait_until="domcontentloaded")
                try:
                    await page.wait_for_selector(f'[data-kpi="{KPI}"][data-value]', state="attached", timeout=15_000)
                except Error:
                    continue
                await page.evaluate(WATCH, [KPI, town])
                yield page, path, view, ""
                return
            yield None, *PAGES[0], f"页面上没有 {KPI}，没有量页面"
        finally:
            await browser.close()
