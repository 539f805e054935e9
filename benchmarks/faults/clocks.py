"""The machine's clock is set wrong and right again under every process: ahead over midnight, back, behind, back."""

from __future__ import annotations

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.ground import Lay
from dashboard.domain.day import HOUR

AHEAD, BEHIND = 26 * HOUR, -2 * HOUR


def _jump(blow: Blow) -> None:
    ground = blow.ground
    blow.struck()
    ground.clock.jump(AHEAD)
    blow.last(30, 6)
    ground.clock.jump(0)
    blow.last(30, 6)
    ground.clock.jump(BEHIND)
    blow.last(30, 6)
    # A worker that dies now leaves leases that end in an hour by a clock that is right.
    ground.clock.jump(0)
    blow.last(10, 3)
    ground.clock.jump(BEHIND)
    ground.kill("worker")
    blow.over()


FAULTS = (
    Fault(
        "clock-jumps",
        "系统时钟前跳 26 小时、后跳 2 小时，其间 worker 被杀",
        "the clock jumps 26 h ahead, back, 2 h behind; the worker is killed there",
        _jump,
        Lay(clock=True),
        behind_ms=3 * HOUR,
    ),
)
