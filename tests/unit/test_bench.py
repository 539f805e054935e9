"""What the benchmarks tell: a run that is carried on keeps the lines of before, and the page its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import bench_keeping, bulk, run
from benchmarks.outcome import Outcome
from dashboard.commands import common
from dashboard.errors import ConfigurationError
from dashboard.settings import Settings
from dashboard.stores.history import History, open_engine


def _line(bench: str, value: float, goal: float | None = None) -> run.Line:
    return {"bench": bench, **Outcome(f"{bench}: rate", value, "events/s", goal, note=f"why of {bench}").document()}


def test_a_run_that_is_carried_on_takes_the_place_of_its_own_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    run._write(path, run._merged([], [_line("worker", 1), _line("scale", 2)]))
    merged = run._merged(run._lines(path), [_line("gateway", 3), _line("scale", 4)])
    assert [(line["bench"], line["value"]) for line in merged] == [("gateway", 3), ("worker", 1), ("scale", 4)]


def test_a_file_of_something_else_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"a": 1}', "utf-8")
    with pytest.raises(ConfigurationError, match="name another file"):
        run._lines(path)


def test_an_unknown_benchmark_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigurationError, match="there is no “wrker”; there are gateway, worker"):
        run._chosen("worker,wrker")


def test_the_page_keeps_its_words_around_the_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{run.BEGIN}\nold\n{run.END}\n\n## After\n", "utf-8")
    run.document([_line("worker", 40_000, 50_000), _line("gateway", 60_000, 50_000)], page)
    told = page.read_text("utf-8")
    assert (told[:9], told[-10:]) == ("# Before\n", "\n## After\n")
    assert "old" not in told
    assert "| worker | worker: rate | 40,000 events/s | ≥ 50,000 | — | — | **missed** |" in told
    assert "| gateway | gateway: rate | 60,000 events/s | ≥ 50,000 | — | — | yes |" in told
    assert "- worker: rate: why of worker" in told
    run.document([_line("worker", 50_000, 50_000)], page)
    assert page.read_text("utf-8").count(run.BEGIN) == 1


def test_the_page_has_the_marks_that_a_full_run_writes_between() -> None:
    told = run.DOCUMENT.read_text("utf-8")
    assert told.index(run.BEGIN) < told.index(run.END)


def test_an_upgrade_is_measured_with_what_is_folded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again: list[Settings] = []

    def folded(settings: Settings) -> None:
        history = History(open_engine(settings.database_url))
        assert history.folded_otherwise()
        common.folded(settings)
        assert not history.folded_otherwise()
        again.append(settings)
        history.engine.dispose()

    monkeypatch.setattr(bench_keeping, "folded", folded)
    made = bulk.Maker(tmp_path, lambda _: None).all([400], 200)[0]
    told = {one.name: one.value for one in bench_keeping._upgrade(made)}
    assert len(again) == 1
    what = f"upgrade of {made.events / 1e6:.3g} M records"
    tables, folding, whole = (
        told[f"{what}: {part}"] or 0 for part in ("tables", "folded again", "until figures stand")
    )
    assert 0 < tables + folding < whole
    assert told["upgrade: records lost or doubled"] == 0
