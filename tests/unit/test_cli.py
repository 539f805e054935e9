"""The command line: every command starts without any other part of the program, and errors are one sentence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dashboard import cli, retention, telemetry
from dashboard.commands.common import settings_of
from dashboard.commands.dead_letters import _pair
from dashboard.errors import ConfigurationError
from dashboard.telemetry import METRICS


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command's words."""
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name)) if hasattr(each, "commands") else [(*path, name)]


ALL = sorted(commands(typer.main.get_command(cli.app)))


def run(*arguments: str) -> int:
    """A command's exit code."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    return int(ended.value.code or 0)


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_has_help_and_takes_a_data_directory(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*command, "--help") == 0
    shown = capsys.readouterr().out
    assert "--data" in shown or command == ("setup",)


def test_an_error_is_one_sentence_with_the_setting(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("doctor", "--data", str(data_dir), "--port", "99999") == 1
    assert capsys.readouterr().err.splitlines() == [
        "townwatch: 设置 port（启动时给出）是 99999，应为 0 到 65535 的整数"
        " · Setting port (as given): got 99999, allowed is a whole number from 0 to 65535."
    ]


def test_a_defect_is_one_sentence_and_a_file(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("13812345678")

    monkeypatch.setattr(cli, "settings_of", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run("doctor", "--data", str(data_dir)) == cli.EXIT_DEFECT
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) == 1
    (log,) = tmp_path.glob("townwatch-error-*.log")
    assert shown.startswith("townwatch: 程序出错（KeyError")
    assert f"请附上 {log} 报告 · This should not happen (KeyError" in shown
    assert f"please report it with {log}." in shown
    assert "Traceback" in log.read_text(encoding="utf-8")
    assert "13812345678" not in shown + log.read_text(encoding="utf-8")


def test_retention_checks_an_archive_without_a_day_and_asks_for_one_otherwise(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = data_dir / "archive" / "202001.parquet"
    file.parent.mkdir()
    file.write_bytes(b"as it was written")
    told = {"path": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    (file.parent / retention.MANIFEST).write_text(json.dumps({"format": 1, "files": [told]}), encoding="utf-8")
    assert run("retention", "--check", "--data", str(data_dir)) == 0
    assert "every file is as it was written" in capsys.readouterr().out
    file.write_bytes(b"otherwise")
    assert run("retention", "--check", "--data", str(data_dir)) == 1
    assert "202001.parquet 与写入时不同" in capsys.readouterr().out
    assert run("retention", "--data", str(data_dir)) == 1
    assert capsys.readouterr().err.splitlines() == [
        "townwatch: 请用 --before 写明移走哪一天以前的记录，如 --before 2020-01-01，或用 --check 核对归档文件"
        " · Say with --before which day's earlier records go, e.g. --before 2020-01-01, or check the archive's files "
        "with --check."
    ]


def test_ctrl_c_is_quiet(data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "settings_of", interrupted)
    assert run("doctor", "--data", str(data_dir)) == cli.EXIT_INTERRUPTED
    assert capsys.readouterr().err.strip() == ""


def test_the_demo_has_a_data_directory_of_its_own_unless_one_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    own = Path("data") / "demo-yaozhuang"
    assert settings_of(own, own_data=False).data_dir == tmp_path / own
    monkeypatch.setenv("TOWNWATCH_DATA_DIR", str(tmp_path / "named"))
    assert settings_of(own, own_data=False).data_dir == tmp_path / "named"
    assert settings_of(tmp_path / "given").data_dir == tmp_path / "given"


def test_a_correction_is_a_pair() -> None:
    assert _pair("celsius=36.5") == ("celsius", "36.5")
    with pytest.raises(
        ConfigurationError, match=r"改正应写成 FIELD=VALUE.*，得到的是 'celsius' · .* FIELD=VALUE, and 'celsius' is not"
    ):
        _pair("celsius")


def test_metrics_are_all_named_once_and_shown() -> None:
    assert len({each.name for each in METRICS}) == len(METRICS)
    shown = telemetry.exposition().decode()
    # The others are looked up where there is something to look at: tests/engine/test_measured.py.
    for each in (one for one in METRICS if not one.asked):
        assert f"# HELP townwatch_{each.name} {each.help}" in shown


@pytest.mark.parametrize("private", ["13812345678", "33042119900101001X", "330421199001010011"])
def test_phone_and_identity_numbers_are_masked_in_logs(private: str) -> None:
    assert private not in telemetry.masked(f"联系 {private}。")
    assert telemetry.masked("1582012345678 ms, 330421") == "1582012345678 ms, 330421"
