"""The one clock: the system's, a replay's, or a chosen moment. Nothing else may ask the machine for the time.

A replay is another world: its clock lives in ``world.json`` of its own data directory, so that every process of that
directory agrees. Times are integer milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Protocol

from dashboard.errors import ConfigurationError

WORLD_FILE = "world.json"


def machine_ms() -> int:
    """The machine's own time, for measuring and for what is about the machine rather than the world."""
    return time.time_ns() // 1_000_000


class Clock(Protocol):
    """Where ``now`` comes from. ``speed`` is world seconds per machine second."""

    speed: float
    world: str

    def now(self) -> int:
        """The world's time."""
        ...


class SystemClock:
    """The machine's time: the live world."""

    speed = 1.0
    world = "live"

    def now(self) -> int:
        """The machine's time."""
        return machine_ms()


class ReplayClock:
    """A scenario's time: it stood at ``base_sim`` when the machine's time was ``base_real``."""

    world = "replay"

    def __init__(self, base_real: int, base_sim: int, speed: float, scenario: str = "") -> None:
        self.base_real = base_real
        self.base_sim = base_sim
        self.speed = speed
        self.scenario = scenario

    def now(self) -> int:
        """The scenario's time."""
        return self.base_sim + int((machine_ms() - self.base_real) * self.speed)


class FixedClock:
    """A chosen moment; ``set`` moves it (loading history, tests)."""

    speed = 0.0

    def __init__(self, at: int, world: str = "live") -> None:
        self._at = at
        self.world = world

    def now(self) -> int:
        """The chosen moment."""
        return self._at

    def set(self, at: int) -> None:
        """Move to another moment."""
        self._at = at


def read_clock(data_dir: Path) -> SystemClock | ReplayClock:
    """The clock of a data directory: a replay's when ``world.json`` says so, else the machine's.

    Raises:
        ConfigurationError: when the file cannot be read as a world.
    """
    path = Path(data_dir) / WORLD_FILE
    try:
        world = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return SystemClock()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} 读不出来（{error}），请删除它或换一个 --data 目录") from error
    try:
        return ReplayClock(world["base_real_ms"], world["base_sim_ms"], world["speed"], world.get("scenario", ""))
    except KeyError as missing:
        raise ConfigurationError(f"{path} 缺少 {missing}，请删除它或换一个 --data 目录") from missing


def write_world(data_dir: Path, scenario: str, speed: float, sim_now_ms: int) -> ReplayClock:
    """Make a data directory a replay's: its clock stands at ``sim_now_ms`` now and runs at ``speed``."""
    clock = ReplayClock(machine_ms(), sim_now_ms, speed, scenario)
    path = Path(data_dir) / WORLD_FILE
    fresh = path.with_suffix(".new")
    body = {
        "world": "replay",
        "scenario": scenario,
        "speed": speed,
        "base_real_ms": clock.base_real,
        "base_sim_ms": sim_now_ms,
    }
    fresh.write_text(json.dumps(body), "utf-8")
    os.replace(fresh, path)
    return clock
