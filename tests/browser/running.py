"""The product as it is installed: supervisor, Redis, worker and web process of one data directory, on a free port."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dashboard.access.tokens import TokenStore
from dashboard.clock import machine_ms
from dashboard.settings import PREFIX, Settings
from dashboard.stores.history import open_engine

ROOT = Path(__file__).parents[2]
START_S = 120.0
STOP_S = 30.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _environment() -> dict[str, str]:
    # What is set on this machine is not what is tested.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@dataclass
class Running:
    """``python -m dashboard up`` that has said ``READY``."""

    address: str
    data: Path
    supervisor: subprocess.Popen[str]
    writer: str = ""
    _number: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def token(self, source: str | None = None, towns: Sequence[str] = ()) -> str:
        """A new token's secret: a writer's of a source, else a reader's of some towns, of every one without any."""
        engine = open_engine(Settings.load(self.data).database_url)
        try:
            return TokenStore(engine).create(machine_ms(), source=source, towns=towns or None, read=source is None)
        finally:
            engine.dispose()

    def reader(self, *towns: str) -> dict[str, str]:
        """The headers of a viewer of some towns; of every town without any."""
        return {"Authorization": f"Bearer {self.token(towns=towns)}"}

    def get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        """A JSON answer."""
        request = urllib.request.Request(self.address + path, headers=headers or {})
        with _DIRECT.open(request, timeout=30) as answer:
            return json.load(answer)

    def figure(self, kpi: str, town: str) -> Any:
        """One figure's value as the API tells it."""
        return self.get(f"/api/v1/figures?kpi={kpi}&town={town}")["figures"][0]["value"]

    def post(self, feed: str, records: Sequence[dict[str, Any]]) -> None:
        """Send records; every one must be accepted."""
        request = urllib.request.Request(
            f"{self.address}/api/v1/events/{feed}",
            data=json.dumps(list(records)).encode(),
            headers={"Authorization": f"Bearer {self.writer}", "Content-Type": "application/json"},
        )
        with _DIRECT.open(request, timeout=30) as answer:
            receipt = json.load(answer)
        assert (receipt["accepted"], receipt["rejected"]) == (len(records), [])

    def reading(self, town: str, celsius: float, gate: int = 1) -> dict[str, Any]:
        """A temperature reading of this moment at one of a town's checkpoints."""
        return {
            "id": f"reading-{next(self._number)}",
            "town": town,
            "at": now(),
            "checkpoint": f"{town}-K{gate:02}",
            "device": f"D-{town[-3:]}-{gate}",
            "celsius": celsius,
            "method": "infrared",
            "site": "forehead",
            "direction": "in",
            "health_code": "green",
            "outcome": "recheck" if celsius >= 37.3 else "pass",
        }

    def fix(self, town: str, unit: str, lon: float, lat: float) -> dict[str, Any]:
        """Where a patrol unit is at this moment."""
        return {
            "id": f"fix-{next(self._number)}", "town": town, "at": now(), "unit": unit, "officers": 2, "mode": "foot",
            "kind": "position", "lon": lon, "lat": lat, "accuracy": 8,
        }  # fmt: skip

    def fever(self, town: str) -> None:
        """Somebody with a fever comes to a checkpoint."""
        self.post("temperature", [self.reading(town, 38.4)])

    def process(self, name: str) -> int:
        """The process id of a part that runs now."""
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if parent == self.supervisor.pid and b"dashboard" in words and name.encode() in words:
                    return int(folder.name)
        raise AssertionError(f"No {name} runs.")


def now() -> str:
    """This moment in ISO-8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@contextlib.contextmanager
def running(data: Path) -> Iterator[Running]:
    """Starts the product in a data directory, and stops it as Ctrl-C does."""
    command = [sys.executable, "-m", "dashboard", "up", "--no-browser", "--port", "0", "--data", str(data)]
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            product = Running(_ready(process).rstrip("/"), data, process)
            product.writer = product.token("browser-tests")
            yield product
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _ready(process: subprocess.Popen[str]) -> str:
    said, until = "", time.monotonic() + START_S
    assert process.stdout is not None
    while "READY" not in said or not said.endswith("\n"):
        left = until - time.monotonic()
        assert left > 0, f"not ready within {START_S:.0f} s: {said}"
        if select.select([process.stdout], [], [], left)[0]:
            piece = os.read(process.stdout.fileno(), 65536).decode()
            assert piece, f"up has ended: {said}"
            said += piece
    return next(line.split()[1] for line in said.splitlines() if line.startswith("READY"))
