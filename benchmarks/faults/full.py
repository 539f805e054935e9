"""The disk is full: nothing is taken, nothing that was taken is lost, and all goes on once there is room."""

from __future__ import annotations

import contextlib
import os
import shutil

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.ground import Lay

LEFT = 40 << 20


def _low(blow: Blow) -> None:
    """Somebody else has used the disk up to less than our reserve."""
    ballast = blow.ground.data / "ballast"
    blow.struck()
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(blow.ground.data).free - LEFT)
    blow.ground.until(lambda: blow.load.answers["507"] > 3, "507", 30)
    before = blow.load.accepted()
    blow.last(30, 5)
    if blow.load.accepted() > before:
        blow.broken.append("records were taken below the reserve")
    if any(status in blow.load.answers for status in ("500", "503", "no connection")):
        blow.broken.append(f"answered {dict(blow.load.answers)} below the reserve")
    ballast.unlink()
    blow.over()


def _full(blow: Blow) -> None:
    """Not one byte is left, and nothing was kept in reserve."""
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
    Fault("disk-low", "磁盘低于保留空间", "the disk has less left than the reserve", _low, Lay(disk=True)),
    Fault(
        "disk-full",
        "磁盘一个字节不剩，随后腾出空间",
        "not one byte of disk is left, then there is room again",
        _full,
        Lay(disk=True, settings=(("disk_reserve_mb", "0"),)),
    ),
)
