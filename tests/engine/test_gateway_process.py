"""The gateway as the process that `up --role gateway` starts: what it logs, what it watches, what a kill leaves."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from dashboard.access.tokens import TokenStore
from dashboard.clock import machine_ms
from dashboard.domain.day import iso
from dashboard.processes import environment_of, free_port
from dashboard.stores.redis_server import RedisServer
from tests.engine.core import CHECKPOINT, UNIT, YAOZHUANG, Core
from tests.engine.gateway import basic

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data" / "gpx"
PATIENCE_S = 60.0


class Running:
    """A gateway's process in a data directory."""

    def __init__(self, core: Core, folder: Path) -> None:
        self.core, self.folder = core, folder
        self.port = free_port("127.0.0.1", 0)
        self.log = core.settings.data_dir / "gateway.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, role: str = "gateway") -> None:
        """Start it and wait until it answers."""
        settings = self.core.settings.with_values(
            port=self.port, watch_folder=str(self.folder), watch_settle_s=0.1, log_level="debug"
        )
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dashboard", "web", "--role", role],
                env=environment_of(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.until(self.answers, "the gateway's answer")

    def answers(self) -> bool:
        """Whether it says that it is ready."""
        try:
            return self.ask("GET", "/healthz") == 200
        except OSError:
            return False

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> int:
        """A request's status."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition of the process."""
        end, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while not condition():
            # The process needs the core that asking without a break would take.
            pause.wait(0.02)
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < end, f"never came: {what}; {self.log.read_text(encoding='utf-8')}"

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_S)
            self.process = None


@pytest.fixture
def running(
    data_dir: Path, tmp_path: Path, redis_client: object, redis_server: RedisServer, database_url: str
) -> Iterator[Running]:
    """A gateway that is not started yet, its core on the machine's own clock."""
    (tmp_path / "收件").mkdir()
    core = Core(data_dir, redis_server.url, at=machine_ms(), database_url=database_url)
    found = Running(core, tmp_path / "收件")
    yield found
    found.end(signal.SIGKILL)
    core.close()


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", ["gateway", "all"])
def test_no_token_reaches_a_log_wherever_a_phone_carries_it(running: Running, role: str) -> None:
    token = TokenStore(running.core.history.engine).create(machine_ms(), source="phones")
    forged = "tww_" + "forged-Token_" * 3
    running.start(role)
    fix = f"id={UNIT}&lat=30.912&lon=120.957"
    for secret, status in ((token, 200), (forged, 401)):
        assert running.ask("GET", f"/osmand/{secret}?{fix}") == status
        assert running.ask("POST", f"/osmand/{secret}?id={UNIT}&lat=abc&lon=1") == status
        assert running.ask("GET", f"/osmand?token={secret}&{fix}") == status
        assert running.ask("POST", "/owntracks", b"{", Authorization=basic("u", secret)) == status
        assert running.ask("POST", f"/owntracks?token={secret}", b"[[1]]") == status
        assert running.ask("PUT", f"/osmand/{secret}") == 405
        assert running.ask("GET", f"/osmand/{secret}/more?token={secret}") == 404
        assert running.ask("GET", f"/osmand/{secret * 3000}") in (400, 401, 414, 431)
    running.end()
    log = running.log.read_text(encoding="utf-8")
    assert "phone_heard" in log, "what was refused is logged"
    assert token not in log
    assert forged not in log
    for path in running.core.settings.data_dir.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


def test_a_log_line_with_a_token_is_masked_whoever_writes_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import logging, pathlib, sys\n"
        "from dashboard import telemetry\n"
        "telemetry.configure('debug', True, pathlib.Path(sys.argv[1]))\n"
        "secret = 'tww_' + 'aB3-_' * 8\n"
        "logging.getLogger('uvicorn.access').info('%s - \"%s %s HTTP/%s\" %d', '1.2.3.4', 'GET', '/osmand/' + secret, '1.1', 200)\n"
        "telemetry.log('x').warning('event', url='/osmand?token=' + secret)\n"
        "try:\n    raise ValueError(secret)\n"
        "except ValueError:\n    telemetry.log('x').exception('broke')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(log)], check=True, cwd=ROOT)
    text = log.read_text(encoding="utf-8")
    assert text.count("tw***") >= 3
    assert "aB3" not in text


def table(day: int, rows: int) -> bytes:
    """A day's readings as a clerk saves them, with an index column that begins at 1 in every file."""
    at = iso(machine_ms() - day * 86_400_000)[:10]
    lines = ["编号,镇街,卡点,时间,体温,联系电话"]
    lines += [
        f"{n},{YAOZHUANG},{CHECKPOINT},{at} 00:{n // 60 % 60:02d}:{n % 60:02d},36.{n % 10},13800138000"
        for n in range(1, rows + 1)
    ]
    return ("\n".join(lines) + "\n").encode("gb18030")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real tracks lie beside the checkout and are not here")
@pytest.mark.timeout(300)  # four processes start one after the other
def test_a_watched_folder_survives_kills_without_loss_or_doubling(running: Running) -> None:
    inbox = running.folder / "temperature"
    inbox.mkdir()
    days, rows = 4, 3000
    for day in range(1, days + 1):
        (inbox / f"{day} 天前的体温.csv").write_bytes(table(day, rows))
    patrol = running.folder / "patrol"
    patrol.mkdir()
    (patrol / f"{UNIT} 304路.gpx").write_bytes((REAL / "304_bus_2019-02-18.gpx").read_bytes())
    work = inbox / "work"

    def under_way() -> bool:
        return work.is_dir() and any(work.iterdir())

    for _ in range(3):
        running.start()
        running.until(under_way, "a file in work")
        running.end(signal.SIGKILL)
        assert under_way(), "killed while a file was being imported"
    running.start()
    done = [inbox / "done", patrol / "done"]

    def finished() -> bool:
        found = [path for folder in done if folder.is_dir() for path in folder.iterdir()]
        return sum(1 for path in found if path.name.endswith(".report.txt")) == days + 1 and not under_way()

    running.until(lambda: finished() and not any((patrol / "work").iterdir()), "every file in done")
    running.end()
    running.core.work()
    assert running.core.count("event") == days * rows + 2144
    assert running.core.count("dead_letter") == 0
    names = sorted(path.name for folder in done for path in folder.iterdir())
    assert len(names) == 2 * (days + 1)
    reports = [path.read_text(encoding="utf-8") for path in (inbox / "done").glob("*.report.txt")]
    assert all(f"接收 {rows}" in report for report in reports)
    assert not list(running.folder.glob("*/failed/*"))
    assert "13800138000" not in running.log.read_text(encoding="utf-8")


def _reported(folder: Path, count: int) -> bool:
    return len(list(folder.glob("*.report.txt"))) == count


def test_files_dropped_while_it_runs_and_the_same_file_again(running: Running) -> None:
    running.start()
    inbox = running.folder / "temperature"
    running.until(inbox.is_dir, "the folder of the feed")
    for turn, name in enumerate(("早班.csv", "早班 (2).csv"), 1):
        whole = table(1, 5).replace(b"36.3", b"366")
        (inbox / ".upload").write_bytes(whole)
        (inbox / ".upload").rename(inbox / name)
        running.until(partial(_reported, inbox / "done", turn), name)
        running.core.work()
        assert running.core.count("event") == 4
        assert running.core.count("dead_letter") == 1
    first = next((inbox / "done").glob("早班.*.report.txt")).read_text(encoding="utf-8")
    assert "接收 4（新增 4，更正 0，未变 0），退回 1" in first
    again = next((inbox / "done").glob("早班 (2).*.report.txt")).read_text(encoding="utf-8")
    assert "接收 4（新增 0，更正 0，未变 4），退回 1" in again
    wrong = next((inbox / "done").glob("早班.*.rejected.xlsx"))
    header, row = CalamineWorkbook.from_path(wrong).get_sheet_by_index(0).to_python()
    assert row[header.index("体温")] == "366"
    assert row[header.index("联系电话")] == "", "nothing of a personal column is kept"
    assert "30" in str(row[-1]), "what is allowed"
    (inbox / "表.csv").write_bytes("没有,列名\n1,2\n".encode())
    running.until(lambda: list((inbox / "failed").glob("*.report.txt")), "the failure's report")
    running.end()
