"""The commands of “your county in thirty minutes”, as they stand there, tried as a new user would."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

from dashboard.processes import free_port
from tests.conftest import missing
from tests.engine.test_tutorial import PATIENCE_S, ROOT, blocks, promised, read_until, running, say

TUTORIAL = ROOT / "docs" / "tutorial" / "your-county.md"

pytestmark = pytest.mark.timeout(300)


def test_every_command_does_what_the_page_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing("The tutorial needs curl: install it (on Debian: apt-get install curl).")
    stand_in = tmp_path / "townwatch"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m dashboard "$@"\n', encoding="utf-8")
    stand_in.chmod(0o755)
    shutil.copytree(ROOT / "docs" / "tutorial" / "your-county", tmp_path / "docs" / "tutorial" / "your-county")
    port = free_port("127.0.0.1", 0)
    check, load, start, *others = blocks(TUTORIAL)
    assert start[0] == "./townwatch up --data yunxi\n"
    with running(["bash"], tmp_path, port) as shell:
        for commands, words in (check, load):
            output = say(shell, commands)
            assert promised(output, words), f"{commands}\nprinted:\n{output}\nand not:\n{words}"
        assert "云溪街道" in (tmp_path / "check.svg").read_text(encoding="utf-8")
        with running([*start[0].split(), "--no-browser"], tmp_path, port) as up:
            assert up.stdout is not None
            read_until(up.stdout, f"READY http://127.0.0.1:{port}/", 90)
            for commands, words in others:
                commands = commands.replace(":8050/", f":{port}/")
                output, deadline = say(shell, commands), time.monotonic() + PATIENCE_S
                # What is read may be asked for again until the worker has done its part; what is written may not.
                while not promised(output, words):
                    asks = "api/v1/figures" in commands
                    assert asks, f"{commands}\nprinted:\n{output}\nand not:\n{words}"
                    assert time.monotonic() < deadline, f"{commands}\nprinted:\n{output}\nand not:\n{words}"
                    output = say(shell, commands)
            up.terminate()
            assert up.wait(30) == 0
