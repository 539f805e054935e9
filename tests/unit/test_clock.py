"""The one clock: the machine's, a replay's, or a chosen moment."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

import pytest

from dashboard import clock as module
from dashboard.clock import (
    LOOK_MS,
    SWITCH_MS,
    FixedClock,
    ReplayClock,
    Steering,
    SystemClock,
    machine_ms,
    read_clock,
    write_world,
)
from dashboard.domain.day import HOUR
from dashboard.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
START = 1_581_984_000_000


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


def test_a_replay_that_is_steered_never_goes_back_in_any_process(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [1_000_000]
    monkeypatch.setattr(module, "machine_ms", lambda: at[0])
    write_world(data_dir, "yaozhuang", 3600.0, START)
    steering, processes = Steering(data_dir), [read_clock(data_dir), read_clock(data_dir)]
    seen = [START]

    def run(for_ms: int, step: int = 30) -> None:
        # The second process looks three times as rarely as the first.
        for n in range(for_ms // step):
            at[0] += step
            seen.append(processes[0].now())
            if n % 3 == 0:
                assert processes[1].now() == seen[-1] or at[0] - changed < LOOK_MS + 3 * step

    changed = at[0]
    run(300)
    slow, fast = partial(steering.speed, 1.0), partial(steering.speed, 600.0)
    for change in (slow, steering.pause, fast, steering.go_on):
        changed = at[0]
        change()
        run(SWITCH_MS + 600)
    assert seen == sorted(seen)
    assert [one.speed for one in processes] == [600.0, 600.0]
    assert seen[-1] > seen[-2]


def test_a_jump_goes_on_at_the_chosen_speed_from_its_target(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = [1_000_000]
    monkeypatch.setattr(module, "machine_ms", lambda: at[0])
    write_world(data_dir, "yaozhuang", 60.0, START)
    steering, clock = Steering(data_dir), read_clock(data_dir)
    assert isinstance(clock, ReplayClock)
    steering.jump(START + HOUR)
    at[0] += SWITCH_MS
    stood = clock.now()
    assert (clock.speed, clock.state.target) == (0.0, START + HOUR)
    assert steering.reach(START + HOUR // 2)
    at[0] += LOOK_MS
    assert stood < clock.now() == START + HOUR // 2
    assert steering.reach(START + 2 * HOUR)
    at[0] += SWITCH_MS + 1000
    assert (clock.now(), clock.speed, clock.state.target) == (START + HOUR + 60_000, 60.0, None)
    assert not steering.reach(START + 3 * HOUR)


def test_only_a_replay_can_be_steered(data_dir: Path) -> None:
    with pytest.raises(ConfigurationError, match="replayed"):
        Steering(data_dir).pause()
    assert list(data_dir.iterdir()) == []


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
