"""The commands of tutorial and README, as they stand there, against a real ``up``; and what they are said to print."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from dashboard.processes import free_port
from tests.conftest import missing

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-hour.md"
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DONE = "@@done@@"
PATIENCE_S = 60.0

pytestmark = pytest.mark.timeout(300)


def blocks(page: Path) -> list[tuple[str, str]]:
    """(commands, what they print) in order; nothing printed is promised where no block follows."""
    found: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append((text, ""))
        else:
            found[-1] = (found[-1][0], text)
    return found


def promised(output: str, words: str) -> bool:
    """Whether each line of ``words`` stands in the output; ``…`` is anything."""
    return all(re.search(".*".join(re.escape(part) for part in line.split("…")), output) for line in words.splitlines())


def read_until(stream: IO[str], words: str, seconds: float) -> str:
    """Output up to a line that holds ``words``."""
    seen, deadline = "", time.monotonic() + seconds
    while words not in seen:
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(stream.fileno(), 65536).decode() if ready else ""
        assert part, f"never said {words!r}, but:\n{seen}"
        seen += part
    return seen


@contextlib.contextmanager
def running(command: list[str], place: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A process in ``place`` whose settings name the port; stopped at the end."""
    # The shell of a reader has no PYTHONPATH; here it leads from the stand-in to the code under test.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TOWNWATCH_PORT": str(port)}
    with subprocess.Popen(
        command,
        cwd=place,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def say(shell: subprocess.Popen[str], commands: str) -> str:
    """What a shell prints for some commands."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{commands}\necho {DONE}\n")
    shell.stdin.flush()
    return read_until(shell.stdout, DONE, PATIENCE_S).replace(DONE, "")


def test_every_command_does_what_the_pages_say(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing("The tutorial needs curl: install it (on Debian: apt-get install curl).")
    stand_in = tmp_path / "townwatch"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m dashboard "$@"\n', encoding="utf-8")
    stand_in.chmod(0o755)
    port = free_port("127.0.0.1", 0)
    first, second, *others = blocks(TUTORIAL)
    assert first[0] == "./townwatch demo\n"
    assert second[0] == "./townwatch up\n"
    two, *examples = blocks(README)
    assert two[0] == "./townwatch demo\n./townwatch test\n"
    others += [(commands, "accepted") for commands, _ in examples]
    with (
        running([*second[0].split(), "--no-browser"], tmp_path, port) as up,
        running(["bash"], tmp_path, port) as shell,
    ):
        assert up.stdout is not None
        read_until(up.stdout, f"READY http://127.0.0.1:{port}/", 90)
        for commands, words in others:
            commands = commands.replace(":8050/", f":{port}/")
            output, deadline = say(shell, commands), time.monotonic() + PATIENCE_S
            # What is read may be asked for again until the worker has done its part; what is written may not.
            while not promised(output, words):
                asks = "api/v1/figures" in commands or "dead-letters list" in commands
                assert asks, f"{commands}\nprinted:\n{output}\nand not:\n{words}"
                assert time.monotonic() < deadline, f"{commands}\nprinted:\n{output}\nand not:\n{words}"
                output = say(shell, commands)
        up.terminate()
        assert up.wait(30) == 0
