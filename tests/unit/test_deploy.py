"""The files that others run Townwatch by are what their programs take: systemd units, Compose, Dockerfile, Prometheus.

Where systemd or Docker's Compose are on the machine they are asked themselves; no container engine runs in these tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard.cli import app
from dashboard.settings import PREFIX, Settings
from dashboard.stores.redis_server import DURABLE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
HARDENED = {"NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "RestrictAddressFamilies", "UMask"}
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


def _section(unit: Path, name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    here = ""
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            here = line.strip("[]")
        elif "=" in line and not line.startswith("#") and here == name:
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_what_systemd_takes(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (apt-get install systemd)")
    # The place that a unit names need not be on this machine: a program stands there for the while.
    stand_in = tmp_path / "townwatch"
    stand_in.write_text("#!/bin/sh\n", encoding="utf-8")
    stand_in.chmod(0o755)
    folder = tmp_path / "units"
    folder.mkdir()
    for each in UNITS:
        text = each.read_text(encoding="utf-8").replace("/opt/townwatch/townwatch", str(stand_in))
        (folder / each.name).write_text(text.replace("/opt/townwatch", str(tmp_path)), encoding="utf-8")
    name = unit.name.replace("@.", "@worker-1.")
    if name != unit.name:
        (folder / name).write_text((folder / unit.name).read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [program, "verify", "--man=no", str(folder / name)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if "townwatch" in line]
    assert done.returncode == 0, said
    assert not [line for line in said if "Unknown" in line or "Failed" in line or "ignor" in line], said


@pytest.mark.parametrize("unit", [one for one in UNITS if one.suffix == ".service"], ids=lambda unit: unit.name)
def test_services_are_hardened_and_call_commands_that_exist(unit: Path) -> None:
    service = _section(unit, "Service")
    assert service.keys() >= HARDENED
    assert service["User"] == ["townwatch"]
    assert service["ProtectSystem"] == ["strict"]
    (start,) = service["ExecStart"]
    called = re.search(r"townwatch/townwatch (\w+)", start)
    assert called is not None
    command = {one.name or one.callback.__name__: one for one in app.registered_commands if one.callback}[called[1]]
    assert command.callback is not None
    given = set(re.findall(r" --([a-z-]+)", start))
    assert {one.replace("-", "_") for one in given} <= set(command.callback.__annotations__)
    for line in service.get("Environment", []):
        assert line.partition("=")[0] in SETTINGS


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


SERVICE = {
    "image": str, "build": dict, "environment": dict, "volumes": list, "depends_on": dict, "restart": str,
    "stop_grace_period": str, "read_only": bool, "tmpfs": list, "cap_drop": list, "security_opt": list,
    "logging": dict, "command": list, "healthcheck": dict, "ports": list, "shm_size": str,
}  # fmt: skip
"""What we use of the Compose specification, and of which kind each is."""


def test_the_compose_file_keeps_to_the_specification() -> None:
    told = _compose()
    assert {key for key in told if not key.startswith("x-")} == {"name", "services", "volumes"}
    for name, service in told["services"].items():
        for key, value in service.items():
            assert isinstance(value, SERVICE[key]), f"{name}.{key}"
        assert all(other in told["services"] for other in service.get("depends_on", {})), name
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in told["volumes"], name
        for key, value in service.get("environment", {}).items():
            assert isinstance(value, str), f"{name}.{key}"
            assert key in SETTINGS or key.startswith("POSTGRES_"), f"{name}: {key} is no setting"
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} is open to everybody: {port}"
        if service["image"] == "townwatch":
            assert service["command"][0] == "up"
            roles = {"worker", "pages", "gateway"}
            assert service["command"][service["command"].index("--role") + 1] in roles
            assert service["command"][service["command"].index("--name") + 1] == name
    given = told["services"]["redis"]["command"]
    for name, value in DURABLE.items():
        assert given[given.index(f"--{name}") + 1] == value


def test_docker_compose_takes_the_file() -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("docker compose is not installed; the file is read strictly by the test above")
    done = subprocess.run(
        ["docker", "compose", "-f", str(DEPLOY / "compose.yaml"), "config", "-q"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "POSTGRES_PASSWORD": "x"},
    )
    assert done.returncode == 0, done.stderr


def test_the_image_holds_what_the_program_needs() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    known = {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL"}
    steps = [line for line in lines if re.match(r"[A-Z]+ ", line)]
    assert {line.split()[0] for line in steps} <= known | {"ENTRYPOINT", "CMD"}
    copied = {word for line in steps if line.startswith("COPY ") for word in line.split()[1:-1]}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= copied
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied <= {line[1:] for line in kept if line.startswith("!")}
    assert steps.index("USER townwatch") < steps.index(next(line for line in steps if line.startswith("ENTRYPOINT")))
    entry = json.loads(next(line for line in steps if line.startswith("ENTRYPOINT")).partition(" ")[2])
    assert entry[-1] == "dashboard"
    for name in re.findall(rf"{PREFIX}[A-Z_]+", "\n".join(lines)):
        assert name in SETTINGS


def test_prometheus_and_grafana_files_are_whole() -> None:
    scrape = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert scrape["scrape_configs"][0]["metrics_path"] == "/metrics"
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["expr"].count("(") == rule["expr"].count(")")
    board = json.loads((DEPLOY / "grafana" / "townwatch.json").read_text(encoding="utf-8"))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        for target in panel["targets"]:
            assert target["expr"].count("(") == target["expr"].count(")")
