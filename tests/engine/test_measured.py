"""What the program says of itself: every metric is in the table and every one in the table is exported, a request's id
leads from its answer to the transaction of its records, and dashboards ask only for what there is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.stage import Stage
from dashboard.api.requests import DOORS
from dashboard.telemetry import METRICS, PREFIX

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NAME = re.compile(r"\btownwatch_[a-z_]+")
DECLARED = {f"{PREFIX}{one.name}": one for one in METRICS}
RARE = {
    # Only a fault, a takeover, an alert or an hour of records brings these about.
    "townwatch_worker_waits_total",
    "townwatch_takeovers_total",
    "townwatch_disk_full_days",
    "townwatch_alerts_open",
    "townwatch_alert_steps_total",
    "townwatch_alert_look_seconds",
    "townwatch_deliveries_total",
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A worker and a web process that tell their numbers together, as under ``up``."""
    folder = tmp_path_factory.mktemp("metrics")
    before = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    try:
        with Stage() as made:
            made.start("worker", "web")
            yield made
    finally:
        if before is None:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]
        else:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = before


def _post(stage: Stage, token: str, records: list[dict[str, Any]], **headers: str) -> Any:
    asked = urllib.request.Request(
        stage.settings.address("/api/v1/events/temperature"),
        json.dumps(records).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers},
    )
    try:
        return urllib.request.urlopen(asked, timeout=30)
    except urllib.error.HTTPError as refused:
        return refused


def _metrics(stage: Stage) -> str:
    with urllib.request.urlopen(stage.settings.address("/metrics"), timeout=30) as answer:
        return str(answer.read().decode())


def _records(stage: Stage, name: str, count: int) -> list[dict[str, Any]]:
    from benchmarks.records import readings
    from dashboard.clock import machine_ms

    return readings(stage.parts.region_at(0), name, count, machine_ms(), span=60_000)


def test_what_is_exported_under_load_is_the_table(stage: Stage) -> None:
    token = stage.token()
    for number in range(5):
        with _post(stage, token, _records(stage, f"load{number}", 200)) as answer:
            assert json.load(answer)["accepted"] == 200
    with _post(stage, token, [{"id": "x"}]) as answer:
        assert answer.status == 422
    text = ""
    until, pause = time.monotonic() + 60, threading.Event()
    wanted = set(DECLARED) - RARE

    def names() -> set[str]:
        found = set()
        for family in text_string_to_metric_families(text):
            if family.name.startswith(PREFIX) and family.samples:
                found.add(family.name + ("_total" if family.type == "counter" else ""))
        return found

    while not wanted <= names() or f'{PREFIX}road_events{{partition="0"}} 0.0' not in text:
        assert time.monotonic() < until, f"never exported: {wanted - names()}"
        pause.wait(0.05)
        text = _metrics(stage)
    assert names() <= set(DECLARED), f"not in the table: {names() - set(DECLARED)}"
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for family in families.values():
        declared = DECLARED.get(family.name + ("_total" if family.type == "counter" else ""))
        if declared is not None:
            assert family.type == declared.kind, family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le", "pid"}
            assert labels <= set(declared.labels), family.name
    committed = sum(
        sample.value for sample in families["townwatch_worker_events"].samples if sample.labels["outcome"] == "new"
    )
    accepted = families["townwatch_records_accepted"].samples[0]
    assert committed == accepted.value == 1000
    partitions = {sample.labels["partition"] for sample in families["townwatch_road_events"].samples}
    assert len(partitions) == stage.settings.partitions
    doors = {sample.labels["door"] for sample in families["townwatch_requests"].samples}
    assert "events" in doors
    assert doors <= {door for _, door in DOORS} | {"pages"}


def test_a_request_leads_to_its_transaction_and_its_log_lines(stage: Stage) -> None:
    token = stage.token("named")
    with _post(stage, token, _records(stage, "named", 40), **{"X-Request-Id": "from-the-sender-1"}) as answer:
        assert answer.headers["X-Request-Id"] == "from-the-sender-1"
    with _post(stage, token, _records(stage, "single", 1)) as answer:
        ours = answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{16}", ours)
    with _post(stage, token, _records(stage, "odd", 1), **{"X-Request-Id": "no name; at all"}) as answer:
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])
    log = stage.settings.logs / "worker.log"
    until, pause = time.monotonic() + 30, threading.Event()
    named: dict[str, int] = {}
    while not {"from-the-sender-1", ours} <= named.keys():
        assert time.monotonic() < until, log.read_text()[-2000:]
        pause.wait(0.02)
        for line in log.read_text(encoding="utf-8").splitlines():
            told = json.loads(line) if line.startswith("{") else {}
            if told.get("event") == "committed":
                named |= dict.fromkeys(told["requests"], told["batch"])
    # The number is the known_seq that includes them.
    with stage.parts.history.reading() as connection:
        assert 0 < named["from-the-sender-1"] <= stage.parts.history.seq(connection)


def _queries(document: Any) -> list[str]:
    if isinstance(document, dict):
        own = [value for key, value in document.items() if key == "expr" and isinstance(value, str)]
        return own + [found for value in document.values() for found in _queries(value)]
    if isinstance(document, list):
        return [found for value in document for found in _queries(value)]
    return []


def test_dashboards_and_alert_rules_ask_only_for_what_is_exported() -> None:
    board = json.loads((DEPLOY / "grafana" / "townwatch.json").read_text(encoding="utf-8"))
    rules = (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    asked = _queries(board)
    assert len(asked) >= 12
    asked.append(rules)
    samples = {
        f"{name}{end}"
        for name, one in DECLARED.items()
        for end in (("_bucket", "_sum", "_count") if one.kind == "histogram" else ("",))
    }
    for query in asked:
        for name in NAME.findall(query):
            assert name in samples, f"{name} in {query[:120]}"
    for query in _queries(board):
        assert NAME.search(query), query


def test_a_dead_store_is_a_figure_and_not_an_error() -> None:
    code = (
        "from prometheus_client.parser import text_string_to_metric_families as parse\n"
        "from dashboard import telemetry\n"
        "from dashboard.measured import Measured\n"
        "from dashboard.clock import FixedClock\n"
        "from dashboard.stores.history import History, open_engine\n"
        "from dashboard.stores.live import LiveStore\n"
        "from dashboard.stores.stream import Stream\n"
        "from dashboard.stores.redis_server import client_of\n"
        "import pathlib\n"
        "client = client_of('redis://127.0.0.1:1/0')\n"
        "history = History(open_engine('postgresql://a:b@127.0.0.1:1/x'))\n"
        "told = Measured(pathlib.Path('.'), FixedClock(1), history, Stream(client, 2, 10), LiveStore(client), None)\n"
        "text = telemetry.exposition(told).decode()\n"
        "up = [s.value for f in parse(text) if f.name == 'townwatch_store_up' for s in f.samples]\n"
        "assert up == [0.0, 0.0], text\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
