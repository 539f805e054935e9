"""The one clock: the machine's, a replay's, or a chosen moment."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dashboard import clock as module
from dashboard.clock import FixedClock, ReplayClock, SystemClock, machine_ms, read_clock, write_world
from dashboard.errors import ConfigurationError

ROOT = Path(__file__).parents[2]


def test_a_directory_without_a_world_runs_on_the_machines_time(data_dir: Path) -> None:
    clock = read_clock(data_dir)
    assert isinstance(clock, SystemClock)
    before = machine_ms()
    assert before <= clock.now() <= machine_ms()
    assert (clock.world, clock.speed) == ("live", 1.0)


def test_a_replay_runs_at_its_speed_from_its_own_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ReplayClock(base_real=1000, base_sim=1_581_984_000_000, speed=30)
    monkeypatch.setattr(module, "machine_ms", lambda: 3000)
    assert clock.now() == 1_581_984_000_000 + 60_000


def test_every_process_of_a_directory_reads_the_same_world(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_world(data_dir, "yaozhuang", 60.0, 1_581_984_000_000)
    monkeypatch.setattr(module, "machine_ms", lambda: written.base_real + 500)
    read = read_clock(data_dir)
    assert isinstance(read, ReplayClock)
    assert read.now() == written.now() == 1_581_984_000_000 + 30_000
    assert (read.world, read.scenario, read.speed) == ("replay", "yaozhuang", 60.0)


@pytest.mark.parametrize("text", ["", "not json", "{}", '{"base_real_ms": 1}'])
def test_a_world_that_cannot_be_read_is_one_sentence_with_the_remedy(data_dir: Path, text: str) -> None:
    (data_dir / "world.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"world\.json"):
        read_clock(data_dir)


def test_a_chosen_moment_stands_until_it_is_moved() -> None:
    clock = FixedClock(5)
    assert clock.now() == clock.now() == 5
    clock.set(9)
    assert clock.now() == 9


def test_nothing_else_asks_the_machine_for_the_time() -> None:
    """``time.monotonic`` measures and is free; the doctor examines the machine's own clock."""
    asked = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    files = [
        path
        for folder in ("dashboard", "ingest", "geodata", "layouts", "callbacks")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in ("clock.py", "doctor.py")
    ]
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in asked
    ]
    assert found == []
