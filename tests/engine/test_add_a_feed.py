"""“Add a feed in ten minutes”: a file that nobody has heard of is found everywhere, with nothing else changed.

``./townwatch feed new`` writes the file into a folder of the test's own; a process that is told of the folder serves it
over HTTP and is asked for it on every surface. The contract suite and the scaffold's own test run on it too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.commands.scaffold import begin
from dashboard.errors import ConfigurationError

ROOT = Path(__file__).parents[2]


def run(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TOWNWATCH_FEEDS": str(folder), "ADDED_FEED": name, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)


def test_a_new_feed_is_found_everywhere(tmp_path: Path) -> None:
    """A case feed on every surface; of all three archetypes the contract suite and the scaffold's own tests."""
    name = "pet_care"
    written = [
        begin(name, "case", "宠物代管", "Pet care", tmp_path),
        begin("extra_tally", "tally", "新业务", "New work", tmp_path),
        begin("extra_roster", "roster", "新名册", "New roster", tmp_path),
    ]
    assert {feed.parent for feed, _ in written} == {tmp_path}
    done = run(tmp_path, name, "tests/engine/added_feed.py", *(str(own) for _, own in written))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    contract = run(tmp_path, name, "tests/contract/test_feeds.py", "-k", "pet_care or extra_tally or extra_roster")
    assert contract.returncode == 0, contract.stdout[-4000:]
    assert " passed" in contract.stdout


@pytest.mark.parametrize("name", ["Pets", "p", "dispute", "1st", "../x", "pet-care"])
def test_names_that_cannot_be_are_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        begin(name, "case", out=tmp_path)
    assert name in refused.value.sentence
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_feed_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken_one.py").write_text("FEED = nothing\n", encoding="utf-8")
    command = [sys.executable, "-m", "dashboard", "feed", "list"]
    environment = os.environ | {"TOWNWATCH_FEEDS": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "broken_one.py" in done.stderr
    assert "Traceback" not in done.stderr
