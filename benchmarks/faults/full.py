"""The disk is full: nothing is taken, nothing that was taken is lost, and all goes on once there is room."""

from __future__ import annotations

import contextlib
import os

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.ground import Lay


def _full(blow: Blow) -> None:
    ballast = blow.ground.data / "ballast"
    blow.struck()
    _fill(ballast)
    blow.last(30, 8)
    refused = sum(count for status, count in blow.load.answers.items() if status in ("429", "503", "507"))
    broken = {status for status in blow.load.answers if status in ("500", "502", "504")}
    ballast.unlink()
    blow.over()
    blow.found.append(f"磁盘满时拒收 {refused} 次 · refused {refused} times while it was full")
    if broken:
        blow.broken.append(f"answered {', '.join(sorted(broken))} while the disk was full")


def _fill(path: os.PathLike[str]) -> None:
    """Take every byte there is: large pieces, then small ones, synced so that nothing is given back."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
        with contextlib.suppress(OSError):
            os.fsync(file.fileno())


FAULTS = (
    Fault("disk-full", "磁盘写满后腾出空间", "the disk is full, then has room again", _full, Lay(disk=True), rate=100),
)
