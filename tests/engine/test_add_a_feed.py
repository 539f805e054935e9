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


def test_a_new_case_feed_is_found_everywhere(tmp_path: Path) -> None:
    name = "pet_care"
    feed, own = begin(name, "case", "宠物代管", "Pet care", tmp_path)
    assert feed.parent == tmp_path
    suites = ("tests/engine/added_feed.py", str(own))
    done = run(tmp_path, name, *suites)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    contract = run(tmp_path, name, "tests/contract/test_feeds.py", "-k", name)
    assert contract.returncode == 0, contract.stdout[-4000:]
    assert " passed" in contract.stdout


@pytest.mark.parametrize("archetype", ["tally", "roster"])
def test_the_other_archetypes_keep_the_contract_at_once(tmp_path: Path, archetype: str) -> None:
    name = f"extra_{archetype}"
    _, own = begin(name, archetype, "新业务", "New work", tmp_path)
    done = run(tmp_path, name, "tests/contract/test_feeds.py", str(own), "-k", name)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("name", ["Pets", "p", "dispute", "1st", "../x", "pet-care"])
def test_names_that_cannot_be_are_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        begin(name, "case", out=tmp_path)
    assert name in refused.value.sentence
    assert not list(tmp_path.iterdir())
