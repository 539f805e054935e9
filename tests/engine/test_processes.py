"""The supervisor, with real processes: a stub stands for worker, web and player, Redis is real."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import processes
from dashboard.errors import ConfigurationError
from dashboard.settings import Settings
from dashboard.stores import redis_server as embedded

ROOT = Path(__file__).parents[2]
STUB = """
import http.server, os, pathlib, signal, sys
name, data = sys.argv[1], pathlib.Path(sys.argv[sys.argv.index("--data") + 1])
def note(what):
    with open(data / "notes", "a") as file:
        file.write(f"{name} {what} {os.getpid()}\\n")
def leave(*_):
    note("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
assert os.environ["TOWNWATCH_REDIS_URL"].startswith("unix://")
if name == "crash" and not (data / "crashed").exists():
    (data / "crashed").touch()
    os.abort()
note("started")
if name == "refuse":
    sys.stdout.buffer.write("townwatch: 可以改正 · this can be put right.\\n".encode())
    sys.stdout.flush()
    sys.exit(1)
if name == "player":
    sys.exit(0)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
if name == "web":
    http.server.HTTPServer(("127.0.0.1", int(os.environ["TOWNWATCH_PORT"])), Page).serve_forever()
signal.pause()
"""
DRIVER = """
import sys
from dashboard import processes
from dashboard.errors import TownwatchError
from dashboard.settings import Settings
stub, data, *names = sys.argv[1:]
settings = Settings.load(data)
settings = settings.with_values(port=processes.free_port(settings.host, 0))
supervisor = processes.Supervisor(
    settings,
    parts=[processes.Part(name, (name,), may_end=name == "player") for name in names],
    checks=[settings.address("/readyz")] if "web" in names else [],
    program=(sys.executable, stub),
)
try:
    sys.exit(supervisor.run())
except TownwatchError as error:
    sys.exit(error.sentence)
"""


@contextlib.contextmanager
def supervised(data_dir: Path, *names: str) -> Iterator[subprocess.Popen[str]]:
    """A supervisor of stubs in a process of its own; killed at the end if it still runs."""
    stub = data_dir.parent / "stub.py"
    stub.write_text(STUB, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(stub), str(data_dir), *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """The line of standard output that holds the words; fails when the output ends without it."""
    seen = ""
    for line in process.stdout or ():
        seen += line
        if words in line:
            return line
    errors = process.stderr.read() if process.stderr else ""
    pytest.fail(f"never said {words!r}, but:\n{seen}{errors}")


def notes(data_dir: Path) -> list[tuple[str, str, int]]:
    """What the stubs noted: name, what, process id."""
    lines = (data_dir / "notes").read_text().splitlines()
    return [(name, what, int(pid)) for name, what, pid in map(str.split, lines)]


def test_ready_means_that_the_page_answers_and_sigterm_stops_in_order(data_dir: Path) -> None:
    with supervised(data_dir, "worker", "web", "player") as process:
        line = read_until(process, "READY")
        assert processes.answers(line.split()[1] + "wall")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert [name for name, what, _ in notes(data_dir) if what == "stopped"] == ["web", "worker"]
    assert embedded.running(data_dir) is None


def test_a_second_supervisor_names_the_first(data_dir: Path) -> None:
    with supervised(data_dir, "worker") as first:
        read_until(first, "READY")
        with supervised(data_dir, "worker") as second:
            _, errors = second.communicate(timeout=30)
        assert second.returncode == 1
        assert f"{data_dir} 里已有一个镇哨在运行（进程 {first.pid}），请先停掉它，或用 --data 换一个目录 · " in errors
        assert f"Another townwatch runs in {data_dir} (pid {first.pid})" in errors
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 0


def test_killing_the_supervisor_leaves_nobody_behind(data_dir: Path) -> None:
    with supervised(data_dir, "worker", "web") as process:
        read_until(process, "READY")
        server = embedded.running(data_dir)
        assert server is not None
        watched = [os.pidfd_open(pid) for pid in (server, *(pid for _, _, pid in notes(data_dir)))]
        process.kill()
        process.wait()
        for pidfd in watched:
            readable, _, _ = select.select([pidfd], [], [], 20)
            os.close(pidfd)
            assert readable, "a child outlived its supervisor"


def test_a_crashed_part_is_started_again_and_said_so(data_dir: Path) -> None:
    with supervised(data_dir, "web", "crash") as process:
        assert "crash" in read_until(process, "starting again")
        pause = threading.Event()
        while not any(note[:2] == ("crash", "started") for note in notes(data_dir)):
            pause.wait(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_part_that_refuses_ends_the_start_with_its_sentence(data_dir: Path) -> None:
    with supervised(data_dir, "refuse", "web") as process:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
    log = data_dir / "logs" / "refuse.log"
    assert (
        f"refuse 没有启动：可以改正（详见 {log}） · refuse did not start: this can be put right (see {log})." in errors
    )
    assert embedded.running(data_dir) is None


def test_a_port_in_use_is_named_with_another(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "dashboard", "up", "--port", str(port), "--data", str(data_dir)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"townwatch: 端口 {port} 已被其他程序占用，请换一个，如 --port {port % 65535 + 1}"
        f" · Port {port} is in use by another program: choose another, e.g. --port {port % 65535 + 1}."
    ]
    assert list(data_dir.iterdir()) == []


def test_an_open_address_is_refused_without_accounts(data_dir: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"还没有账号，镇哨不在 0\.0\.0\.0 上监听，.* on 0\.0\.0\.0 without accounts"
    ):
        processes.refuse_open_address(Settings.load(data_dir, host="0.0.0.0"))


def test_a_data_directory_has_one_world(data_dir: Path) -> None:
    processes.claim_world(data_dir, "replay yaozhuang")
    processes.claim_world(data_dir, "replay yaozhuang")
    with pytest.raises(ConfigurationError, match="take another directory") as caught:
        processes.claim_world(data_dir, "live")
    assert f"{data_dir} 里是 'replay yaozhuang' 的数据，不是 'live'，请用 --data 换一个目录 · " in caught.value.sentence
    assert "holds the world 'replay yaozhuang' and not 'live'" in caught.value.sentence


def test_logs_of_earlier_starts_move_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for number in range(4):
        log.write_text(str(number))
        processes.rotate(log, keep=2)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"web.log.1": "3", "web.log.2": "2"}


def test_a_log_that_grew_too_large_is_moved_aside_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with open(log, "ab", buffering=0) as writing:
        for number in range(8):
            writing.write(b"%d" % number * 100)
            processes.shorten(log, largest=50)
        processes.shorten(log, largest=50)
        writing.write(b"short")
    processes.shorten(log, largest=50)
    assert log.read_bytes() == b"short"
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["worker.log", *(f"worker.log.{number}" for number in range(1, processes.KEPT_LOGS + 1))]
    assert (tmp_path / "worker.log.1").read_bytes() == b"7" * 100


def test_supervisors_of_parts_share_a_directory_under_names_of_their_own(data_dir: Path) -> None:
    with processes.locked(data_dir, "worker-1"), processes.locked(data_dir, "pages-8050"):
        with pytest.raises(ConfigurationError, match="--name"), processes.locked(data_dir, "worker-1"):
            pass
        with pytest.raises(ConfigurationError, match="Another townwatch"), processes.locked(data_dir):
            pass
    with (
        processes.locked(data_dir),
        pytest.raises(ConfigurationError, match="Another townwatch"),
        processes.locked(data_dir, "worker-1"),
    ):
        pass
