"""Documentation: the reference is what the program says, links lead somewhere, nothing speaks of one machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard import cli, reference
from dashboard.pictures import SHOTS
from dashboard.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|\bsrc=\"([^\"]+)\"")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE_OF = ("dashboard", "ingest", "geodata", "layouts", "callbacks")
VARIABLE = re.compile(r"\"(TOWNWATCH_[A-Z_]+)\"")
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users|mnt)/|\b(?:10|192\.168)\.\d+\.\d+")
SHORT_RECORD = 50
LARGEST_PICTURE = 600 * 1024


def name(page: Path) -> str:
    """A page's path as it stands in the repository."""
    return str(page.relative_to(ROOT))


def test_the_generated_reference_is_up_to_date() -> None:
    stale = reference.write(ROOT / "docs" / "reference", cli.app, check=True)
    assert not stale, "run `./townwatch reference` and commit what it writes"


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    for setting in Settings.model_fields:
        assert f"| `{setting}` |" in page


def test_what_a_command_cannot_do_without_is_marked_as_required() -> None:
    page = reference.commands_page(cli.app)
    sections = {part.partition("`")[0]: part for part in page.split("## `./townwatch ")[1:]}
    required = re.compile(r"^\| `(\S+)` \| \(required\) \|", re.MULTILINE)
    assert required.findall(sections["feed new"]) == ["NAME"]
    assert required.findall(sections["user create"]) == ["NAME", "--role"]
    assert required.findall(sections["backup"]) == ["FILE"]
    assert required.findall(sections["retention"]) == []
    assert required.findall(sections["up"]) == []


def test_every_variable_that_the_program_reads_is_documented() -> None:
    """Settings are; what is read past them has to be named beside them."""
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    files = [ROOT / "townwatch", *(path for part in CODE_OF for path in (ROOT / part).rglob("*.py"))]
    read = {found for file in files for found in VARIABLE.findall(file.read_text(encoding="utf-8"))}
    assert {"TOWNWATCH_VENV", "TOWNWATCH_CHROMIUM", "TOWNWATCH_FEEDS"} <= read
    assert [name for name in sorted(read) if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    for link, source in LINK.findall(text):
        target = (link or source).partition("#")[0]
        if target and "://" not in target:
            assert (page.parent / target).exists(), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_page_speaks_of_one_machine(page: Path) -> None:
    assert MACHINE.findall(page.read_text(encoding="utf-8")) == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link, _ in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            target = target / "README.md" if target.is_dir() else target
            if target.suffix == ".md" and target.is_file():
                waiting.append(target)
    assert [name(page) for page in PAGES if page not in reached] == []


def test_decision_records_are_short() -> None:
    for page in (ROOT / "docs" / "adr").glob("0*.md"):
        lines = page.read_text(encoding="utf-8").splitlines()
        assert len(lines) < SHORT_RECORD, name(page)
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert any(line.startswith(part) for line in lines), (name(page), part)


def test_test_files_that_the_explanation_names_exist() -> None:
    text = (ROOT / "docs" / "explanation" / "exactness.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:unit|contract|engine|oracle|browser)/test_\w+\.py)`", text))
    assert named
    assert [file for file in sorted(named) if not (ROOT / "tests" / file).is_file()] == []


def test_pictures_are_all_there_and_small() -> None:
    for shot in SHOTS:
        assert (ROOT / "docs" / "pictures" / f"{shot.name}.png").stat().st_size < LARGEST_PICTURE, shot.name
