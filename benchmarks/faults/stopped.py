"""A process that stands still and wakes up again: SIGSTOP for a minute. What it held has passed to others meanwhile."""

from __future__ import annotations

from benchmarks.faults.fault import Blow, Fault
from dashboard.stores import leases


def _worker(blow: Blow) -> None:
    ground = blow.ground
    first = ground.pid("worker")
    assert first is not None
    ground.another_worker()
    blow.struck()
    with ground.stopped(first):
        blow.last(60, 20)
        taken = _owners(blow)
    blow.over()
    others = {owner for owner in taken if f"-{first}-" not in owner}
    # The one that woke up still believes that it holds the partitions; the fence is what stops it.
    blow.found.append(f"停顿期间 {len(others)} 个 worker 接管 · taken over meanwhile by {len(others)}")
    if not others:
        blow.broken.append("nobody took over the partitions of the worker that stood still")


def _owners(blow: Blow) -> set[str]:
    with blow.ground.history() as history:
        return {owner for owner, _, _ in leases.owners(history).values()}


def _redis(blow: Blow) -> None:
    number = blow.ground.pid("redis")
    assert number is not None
    blow.struck()
    with blow.ground.stopped(number):
        blow.last(60, 20)
    blow.over()


def _web(blow: Blow) -> None:
    number = blow.ground.pid("web")
    assert number is not None
    blow.struck()
    with blow.ground.stopped(number):
        blow.last(60, 5)
    blow.over()


FAULTS = (
    Fault("stop-worker", "worker 停顿（SIGSTOP）后醒来", "worker stands still (SIGSTOP) and wakes up", _worker),
    Fault("stop-redis", "Redis 停顿（SIGSTOP）", "Redis stands still (SIGSTOP)", _redis),
    Fault("stop-web", "网页与网关停顿（SIGSTOP）", "web and gateway stand still (SIGSTOP)", _web),
)
