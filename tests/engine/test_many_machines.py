"""Several machines in small: a Redis Cluster of three masters, PostgreSQL, and gateways, pages and workers as processes
of their own that come, go and die while records flow. Nothing is lost and nothing is doubled.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import func, select

from benchmarks.records import bodies, readings
from dashboard.access.tokens import TokenStore
from dashboard.clock import machine_ms
from dashboard.domain.day import day_of
from dashboard.errors import ConfigurationError, StoreUnavailable
from dashboard.feeds import FEEDS
from dashboard.processes import environment_of
from dashboard.queries.reader import LiveBoards
from dashboard.settings import Settings
from dashboard.stores import leases, tables
from dashboard.stores import redis_server as embedded
from dashboard.stores.history import History, migrate, open_engine
from dashboard.stores.servers import node_urls
from dashboard.stores.stream import Stream
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from tests.engine.core import CHECKPOINT, Core, reading
from tests.postgres_server import PostgresServer
from tests.redis_cluster import Cluster, cluster

PATIENCE_S = 90.0
BATCH = 250
LIMIT = 20_000


@pytest.fixture(scope="module")
def masters() -> Iterator[Cluster]:
    """Three masters."""
    with cluster() as made:
        yield made


def _until(good: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not good():
        assert time.monotonic() < until, f"never came: {what}"
        time.sleep(0.05)


# --- one process on a cluster ------------------------------------------------------------------------------------------


def test_the_road_and_the_window_work_across_slots(masters: Cluster, data_dir: Path) -> None:
    masters.empty()
    core = Core(data_dir, masters.url, partitions=8)
    try:
        points = [one.code for one in core.parts.region_at(0).pack.places if one.kind == "checkpoint"][:24]
        sent = [reading(n, checkpoint=point, town=None) for n, point in enumerate(points * 40)]
        pack = core.parts.region_at(0).pack
        sent = [{**one, "town": pack.place_by_code[one["checkpoint"]].town} for one in sent]
        receipt = core.send("temperature", *sent)
        assert receipt.accepted == len(sent), receipt.rejected[:1]
        counts = core.stream.counts()
        assert sum(counts) == len(sent)
        # A test that never leaves one slot would show nothing.
        assert len(core.stream.servers.apart(f"tw:{{p{p}}}:events" for p, count in enumerate(counts) if count)) > 1
        core.send("temperature", reading("bad", celsius=99))
        core.work()
        assert core.count("event") == core.count("event_key") == len(sent)
        assert core.count("dead_letter") == 1
        assert sum(core.stream.counts()) == 0
        window = core.live.read(FEEDS["temperature"])
        assert sum(getattr(one, "screened", 0) for one in window.summaries.values()) == len(sent)
        asyncio.run(_hears(core, masters.url))
        core.live.clear()
        assert not core.live.ready()
    finally:
        core.close()


async def _hears(core: Core, url: str) -> None:
    """Word of a publication reaches a listener on any node."""
    for turn in range(len(node_urls(url))):
        boards = LiveBoards(core.reader(), url)
        boards._turn = turn
        changes = boards.changes()
        waiting = asyncio.ensure_future(anext(changes))
        async with asyncio.timeout(30):
            while not waiting.done():
                core.live.announce(["temperature"], 1, 1)
                await asyncio.wait([waiting], timeout=0.05)
        await changes.aclose()  # type: ignore[attr-defined]


def test_a_master_that_is_away_refuses_and_nothing_is_lost_or_doubled(masters: Cluster, data_dir: Path) -> None:
    masters.empty()
    core = Core(data_dir, masters.url, partitions=8)
    try:
        pack = core.parts.region_at(0).pack
        points = [one for one in pack.places if one.kind == "checkpoint"][:32]
        sent = [reading(n, checkpoint=one.code, town=one.town) for n, one in enumerate(points * 10)]
        masters.nodes[1].kill()
        with pytest.raises(StoreUnavailable):
            core.send("temperature", *sent)
        masters.nodes[1].start()

        def taken() -> bool:
            try:
                return core.send("temperature", *sent).accepted == len(sent)
            except StoreUnavailable:
                return False

        _until(taken, "an accepted batch")
        _until(lambda: _worked(core, len(sent)), "every record in the store")
        assert core.count("event") == core.count("event_key") == len(sent)
        assert sum(core.stream.counts()) == 0
    finally:
        core.close()


def _worked(core: Core, wanted: int) -> bool:
    try:
        core.work()
    except StoreUnavailable:
        return False
    return core.count("event_key") == wanted


def test_a_cluster_must_be_named_as_one_and_be_durable(masters: Cluster) -> None:
    alone = embedded.client_of(node_urls(masters.url)[0])
    with pytest.raises(ConfigurationError, match=r"redis\+cluster://"):
        embedded.check_durability(alone)
    client = embedded.client_of(masters.url)
    assert embedded.check_durability(client) == []
    assert "3 masters" in embedded.version_of(client)
    with masters.nodes[2].client() as node:
        node.config_set("appendfsync", "everysec")
        try:
            with pytest.raises(ConfigurationError, match="appendfsync always"):
                embedded.check_durability(client)
        finally:
            node.config_set("appendfsync", "always")
    wrong = masters.url.replace("cluster%40" if "cluster%40" in masters.url else "%40", "other", 1)
    with pytest.raises(StoreUnavailable) as caught:
        embedded.client_of(wrong)
    assert "pw-of" not in caught.value.sentence
    with pytest.raises(ConfigurationError, match="读不懂"):
        embedded.client_of("redis+cluster://")


def test_workers_divide_the_partitions_and_take_over_from_those_that_left(
    redis_client: redis.Redis, redis_server: embedded.RedisServer, data_dir: Path
) -> None:
    core = Core(data_dir, redis_server.url, partitions=8)
    try:
        first, second, third = (core.another_worker() for _ in range(3))
        for one in (first, second, third):
            one.share = lambda one=one: leases.share(core.history, one.owner, 8)  # type: ignore[misc]

        def renewed(*workers: Any) -> list[int]:
            for one in workers:
                one._renew_at = 0
                one.step()
            return [len(one.held) for one in workers]

        assert renewed(first) == [8]
        renewed(first, second)
        assert renewed(first, second) == [4, 4]
        assert leases.others(core.history, first.owner) == [second.owner]
        renewed(first, second, third)
        assert sorted(renewed(first, second, third)) in ([2, 3, 3], [2, 2, 3])
        renewed(first, second, third)
        assert sum(renewed(first, second, third)) == 8
        leases.release(core.history, second.owner)
        renewed(first, third)
        assert renewed(first, third) == [4, 4]
        core.send("temperature", *(reading(n, checkpoint=CHECKPOINT) for n in range(50)))
        first.step()
        third.step()
        assert core.count("event") == 50
    finally:
        core.close()


# --- many processes ----------------------------------------------------------------------------------------------------


class Machines:
    """Supervisors of single parts that share a cluster and a database."""

    def __init__(self, folder: Path, redis_url: str, database_url: str) -> None:
        self.settings = Settings.load(
            folder, redis_url=redis_url, database_url=database_url, stream_limit=LIMIT, partitions=8
        )
        engine = open_engine(database_url)
        migrate(engine)
        self.history = History(engine)
        self.stream = Stream(embedded.client_of(redis_url), 8, LIMIT)
        self.token = TokenStore(engine).create(machine_ms(), source="gate")
        self._stack = ExitStack()
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.ports: dict[str, int] = {}

    def start(self, role: str, name: str) -> None:
        """Start ``up --role`` under a name; :meth:`ready` waits for it."""
        environment = environment_of(self.settings)
        self.running[name] = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "dashboard", "up", "--no-browser"),
                *("--role", role, "--name", name, "--port", "0", "--data", str(self.settings.data_dir)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def ready(self, name: str) -> None:
        """Wait until a part says so."""
        said = ""
        for line in self.running[name].stdout or ():
            said += line
            if line.startswith("READY"):
                found = re.search(r":(\d+)/", line)
                self.ports[name] = int(found[1]) if found else 0
                return
        pytest.fail(f"{name} did not start:\n{said}")

    def kill(self, name: str) -> None:
        """End a part and its supervisor without a word."""
        supervisor = self.running.pop(name)
        for child in Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        supervisor.kill()
        supervisor.communicate()

    def stop(self) -> None:
        """End them all, in order."""
        for one in self.running.values():
            one.terminate()
        for one in self.running.values():
            try:
                one.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                one.kill()
                one.communicate()
        self.history.engine.dispose()
        self.stream.client.close()

    def ask(self, name: str, path: str) -> Any:
        """A JSON answer of a part."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=20) as answer:
            return json.load(answer)

    def owners(self) -> set[str]:
        """Workers that hold a partition now."""
        found = leases.owners(self.history).values()
        return {owner for owner, _, expires_at in found if expires_at > machine_ms()}

    def count(self, table: str) -> int:
        """Rows of a table."""
        with self.history.reading() as connection:
            return int(connection.scalar(select(func.count()).select_from(tables.METADATA.tables[table])) or 0)


class Sender(threading.Thread):
    """Sends batches to gateways in turn and again until each is accepted, until it is told to stop."""

    def __init__(self, machines: Machines, gates: tuple[str, ...]) -> None:
        super().__init__(daemon=True)
        self.machines, self.gates = machines, gates
        self.enough = threading.Event()
        self.accepted: list[dict[str, Any]] = []
        self.refused = 0
        self.trouble = ""
        self._region = load_pack(BUNDLED_PACK)

    def run(self) -> None:
        """Send."""
        number = 0
        while not self.enough.is_set():
            records = readings(self._region, f"m{number}", BATCH, machine_ms(), span=600_000)
            (body,) = bodies(records, BATCH)
            while not self._sent(body, number):
                self.refused += 1
                self.enough.wait(0.1)
                number += 1 if not self.trouble else 0
                if self.trouble:
                    return
            self.accepted += records
            number += 1

    def _sent(self, body: bytes, number: int) -> bool:
        port = self.machines.ports[self.gates[number % len(self.gates)]]
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/events/temperature",
            body,
            {"Authorization": f"Bearer {self.machines.token}", "Content-Type": "application/x-ndjson"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:
                told = json.load(answer)
                if told["accepted"] != BATCH:
                    self.trouble = str(told)[:400]
                return bool(told["accepted"] == BATCH)
        except urllib.error.HTTPError as refusal:
            if refusal.code not in (429, 503):
                self.trouble = f"{refusal.code} {refusal.read()[:400]!r}"
            return False
        except OSError:
            return False


@contextmanager
def machines(folder: Path, redis_url: str, database_url: str) -> Iterator[Machines]:
    """Machines that are stopped when left."""
    made = Machines(folder, redis_url, database_url)
    try:
        yield made
    finally:
        made.stop()


def test_many_processes_lose_and_double_nothing_while_they_come_and_go(
    masters: Cluster, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    masters.empty()
    url = postgres_server.url(postgres_server.make())
    with machines(tmp_path / "shared", masters.url, url) as all_of_them:
        first = {"w1": "worker", "w2": "worker", "g1": "gateway", "g2": "gateway", "p1": "pages", "p2": "pages"}
        for name, role in first.items():
            all_of_them.start(role, name)
        for name in first:
            all_of_them.ready(name)
        sender = Sender(all_of_them, ("g1", "g2"))
        sender.start()
        _until(lambda: len(all_of_them.owners()) == 2 and len(sender.accepted) > 4 * BATCH, "two workers at work")
        before = len(sender.accepted)
        all_of_them.kill("w1")
        all_of_them.start("worker", "w3")
        masters.nodes[2].kill()
        masters.nodes[2].start()
        all_of_them.ready("w3")
        _until(lambda: len(sender.accepted) > before + 4 * BATCH, "records accepted after the restart")
        _until(lambda: len(all_of_them.owners()) == 2, "two workers again")
        sender.enough.set()
        sender.join(60)
        assert not sender.trouble
        wanted = len(sender.accepted)
        _until(lambda: all_of_them.count("event_key") >= wanted, "every record in the store")
        _until(lambda: sum(all_of_them.stream.counts()) == 0, "an empty road")
        # Each once: as many versions as records, as many records as were accepted.
        assert all_of_them.count("event") == all_of_them.count("event_key") == wanted
        today = str(day_of(machine_ms()))
        of_today = sum(one["at"][:10].replace("-", "") == today for one in sender.accepted)

        def shown(page: str) -> int:
            told = all_of_them.ask(page, "/api/v1/figures?kpi=screened&town=all")
            return int(told["figures"][0]["value"] or 0)

        for page in ("p1", "p2"):
            _until(lambda page=page: shown(page) == of_today, f"{page} shows every record")  # type: ignore[misc]
            assert all_of_them.ask(page, "/readyz")["status"] == "ready"
