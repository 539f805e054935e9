"""Builds the two libraries that are preloaded into real processes: a power cut for Redis, and a clock that jumps."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

from benchmarks.stage import NotMeasured

HERE = Path(__file__).resolve().parent
COMPILERS = ("cc", "gcc", "clang")


def build(name: str, folder: Path) -> Path:
    """The library made of ``NAME.c``, in a folder.

    Raises:
        NotMeasured: there is no C compiler and none can be installed.
    """
    made = folder / f"{name}.so"
    if not made.exists():
        command = [_compiler(), "-O2", "-shared", "-fPIC", "-o", str(made), str(HERE / f"{name}.c"), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotMeasured(f"{name}.c 编译不了：{done.stderr.strip()[-300:]}")
    return made


def _compiler() -> str:
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", "gcc", "libc6-dev"]):
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run(["apt-get", "-q", *words], env=environment, check=False, **quiet)  # type: ignore[call-overload]
        found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is None:
        raise NotMeasured(
            "缺少 C 编译器，请安装（Debian：apt-get install gcc libc6-dev）"
            " · A C compiler is needed: install one (on Debian: apt-get install gcc libc6-dev)."
        )
    return found


class Power:
    """The notes of what a Redis has synced, and the cut that takes the rest away."""

    def __init__(self, folder: Path) -> None:
        self.notes = folder / "synced"
        self.environment = {
            "LD_PRELOAD": str(build("synced", folder)),
            "TOWNWATCH_FAULT_SYNCED": str(self.notes),
        }

    def cut(self, home: Path) -> int:
        """Take away what was never synced in the files under ``home``; no process may have them open. Bytes dropped."""
        synced: dict[tuple[int, int], int] = {}
        for line in self.notes.read_text("ascii").splitlines():
            device, inode, length = map(int, line.split())
            synced[device, inode] = length
        dropped = 0
        for path in home.rglob("*"):
            if not path.is_file():
                continue
            found = path.stat()
            length = synced.get((found.st_dev, found.st_ino), found.st_size)
            if length < found.st_size:
                dropped += found.st_size - length
                os.truncate(path, length)
        return dropped


class Wrong:
    """The machine's clock as processes see it: off by what :meth:`jump` says."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "clock-is-off"
        self.jump(0)
        self.environment = {"LD_PRELOAD": str(build("clock", folder)), "TOWNWATCH_FAULT_CLOCK": str(self.path)}

    def jump(self, ms: int) -> None:
        """Set the clock to so many milliseconds ahead of the machine's (behind, when negative), for all at once."""
        # In place: the processes have this very file in their memory.
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("=q", ms))
