"""Two workers on the same partitions, each stopped in turn in the middle of its work: the fence decides who writes."""

from __future__ import annotations

from benchmarks.faults.fault import Blow, Fault


def _turns(blow: Blow) -> None:
    ground = blow.ground
    first, second = ground.pid("worker"), ground.another_worker()
    assert first is not None
    blow.struck()
    for turn in range(2 if blow.quick else 6):
        # Longer than a lease lasts: whoever is stopped loses what it holds and does not know it.
        with ground.stopped((first, second)[turn % 2]):
            blow.last(14, 12)
    blow.over()


FAULTS = (
    Fault(
        "two-workers",
        "两个 worker 争同一批分区，轮流停顿",
        "two workers on the same partitions, stopped in turn",
        _turns,
        rate=400,
    ),
)
