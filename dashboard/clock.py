"""The one clock: the system's, a replay's, or a chosen moment. Nothing else may ask the machine for the time.

A replay is another world: its clock lives in ``world.json`` of its own data directory, so that every process of that
directory agrees. It may be steered while it runs (:class:`Steering`): the processes look at the file ten times a
second, and what is changed comes into force half a second later, in all of them at once, so that no clock of the world
ever goes back. Times are integer milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from dashboard.errors import ConfigurationError

WORLD_FILE = "world.json"
LOOK_MS = 100
"""A process looks this often, in machine time, whether its replay has been steered."""
SWITCH_MS = 500
"""What steers a replay comes into force after this: when every process has looked."""


def machine_ms() -> int:
    """The machine's own time, for measuring and for what is about the machine rather than the world."""
    return time.time_ns() // 1_000_000


class Clock(Protocol):
    """Where ``now`` comes from."""

    world: str

    @property
    def speed(self) -> float:
        """World seconds per machine second."""
        ...

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


class Law(NamedTuple):
    """From the machine's ``real`` on the world's time is ``sim`` and goes at ``speed``."""

    real: int
    sim: int
    speed: float

    def at(self, real: int) -> int:
        """The world's time when the machine's is ``real``."""
        return self.sim + int((real - self.real) * self.speed)


class World(NamedTuple):
    """What ``world.json`` says. ``chosen`` is the speed of play; ``target`` where a jump leads, while one is made."""

    scenario: str
    laws: tuple[Law, ...]
    chosen: float
    target: int | None = None

    def law(self, real: int) -> Law:
        """The law in force at a moment of the machine."""
        return next((law for law in reversed(self.laws) if law.real <= real), self.laws[0])


class ReplayClock:
    """A scenario's time: it stood at ``base_sim`` when the machine's time was ``base_real``.

    With a ``path`` it follows what is written there; without, it runs as it was made.
    """

    world = "replay"

    def __init__(
        self, base_real: int, base_sim: int, speed: float, scenario: str = "", path: Path | None = None
    ) -> None:
        self._read(World(scenario, (Law(base_real, base_sim, speed),), speed))
        self._path = path
        self._seen: tuple[int, int] | None = (0, 0)
        self._looked = machine_ms()

    def _read(self, world: World) -> None:
        self.state = world
        self.scenario = world.scenario
        self.base_real, self.base_sim, _ = world.laws[-1]

    def _law(self, real: int) -> Law:
        # A machine's clock that is set back must not stop the looking.
        if self._path is not None and not 0 <= real - self._looked < LOOK_MS:
            self._looked = real
            seen = _mark(self._path)
            if seen != self._seen:
                self._seen = seen
                world = _world(self._path)
                if world is not None:
                    self._read(world)
        return self.state.law(real)

    @property
    def speed(self) -> float:
        """World seconds per machine second now; 0 while it is paused or jumping."""
        return self._law(machine_ms()).speed

    def now(self) -> int:
        """The scenario's time."""
        real = machine_ms()
        return self._law(real).at(real)


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
        world = _parsed(path)
    except FileNotFoundError:
        return SystemClock()
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path} 读不出来（{error}），请删除它或换一个 --data 目录") from error
    except KeyError as missing:
        raise ConfigurationError(f"{path} 缺少 {missing}，请删除它或换一个 --data 目录") from missing
    clock = ReplayClock(*world.laws[-1], scenario=world.scenario, path=path)
    clock.state = world
    return clock


def write_world(data_dir: Path, scenario: str, speed: float, sim_now_ms: int) -> ReplayClock:
    """Make a data directory a replay's: its clock stands at ``sim_now_ms`` now and runs at ``speed``."""
    path = Path(data_dir) / WORLD_FILE
    real = machine_ms()
    _write(path, World(scenario, (Law(real, sim_now_ms, speed),), speed))
    return ReplayClock(real, sim_now_ms, speed, scenario, path)


class Steering:
    """Steers a replay that runs: pause, speed, and a jump forwards that the player makes step by step.

    Safe between processes. Every method raises ConfigurationError where the directory is no replay's.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = Path(data_dir) / WORLD_FILE

    def state(self) -> World:
        """What is written."""
        world = _world(self.path)
        if world is None:
            raise ConfigurationError("这里没有正在回放的场景 · No scenario is being replayed here.")
        return world

    def speed(self, speed: float) -> None:
        """Play at another speed; a replay that is paused stays so, one that jumps goes on at it afterwards."""
        with self._turn() as world:
            running = world.law(machine_ms() + SWITCH_MS).speed > 0
            self._switch(world, speed if running else 0.0, chosen=speed)

    def pause(self) -> None:
        """Stand still; a jump ends where it has come to."""
        with self._turn() as world:
            self._switch(world, 0.0)

    def go_on(self) -> None:
        """Play on at the chosen speed; a jump ends where it has come to."""
        with self._turn() as world:
            self._switch(world, world.chosen)

    def jump(self, target: int) -> None:
        """Stand still until the player has come to ``target``; see :meth:`reach`."""
        with self._turn() as world:
            self._switch(world, 0.0, target=target)

    def reach(self, moment: int) -> bool:
        """A jump has come to ``moment``: at its target the replay plays on. False: no jump is being made any more."""
        with self._turn() as world:
            real = machine_ms()
            law = world.law(real)
            if world.target is None or law.speed or moment <= law.sim:
                return world.target is not None
            here = Law(real, min(moment, world.target), 0.0)
            if here.sim < world.target:
                _write(self.path, world._replace(laws=(here,)))
            else:
                laws = (here, Law(real + SWITCH_MS, here.sim, world.chosen))
                _write(self.path, World(world.scenario, laws, world.chosen))
            return True

    def _switch(self, world: World, speed: float, chosen: float | None = None, target: int | None = None) -> None:
        real = machine_ms()
        since = real + SWITCH_MS
        # Those that others may still be going by stay: the one in force and what was to follow it.
        kept = [law for law in world.laws if law.real > real]
        laws = (world.law(real), *kept, Law(since, world.law(since).at(since), speed))
        if chosen is not None:
            target = world.target
        _write(self.path, World(world.scenario, laws, world.chosen if chosen is None else chosen, target))

    @contextmanager
    def _turn(self) -> Iterator[World]:
        self.state()
        with open(self.path.with_suffix(".lock"), "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield self.state()


def _mark(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_ino, found.st_mtime_ns)


def _world(path: Path) -> World | None:
    try:
        return _parsed(path)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _parsed(path: Path) -> World:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    last = Law(found["base_real_ms"], found["base_sim_ms"], found["speed"])
    laws = (*(Law(*law) for law in found.get("before", ())), last)
    return World(found.get("scenario", ""), laws, found.get("chosen", last.speed), found.get("target"))


def _write(path: Path, world: World) -> None:
    real, sim, speed = world.laws[-1]
    body: dict[str, Any] = {
        "world": "replay",
        "scenario": world.scenario,
        "speed": speed,
        "base_real_ms": real,
        "base_sim_ms": sim,
        "before": world.laws[:-1],
        "chosen": world.chosen,
        "target": world.target,
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(body), "utf-8")
    os.replace(fresh, path)
