"""The entry script, as a person calls it: every obstacle is one sentence, nothing is left half-made."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "townwatch"


def call(venv: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script in a process of its own, from another working directory."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=venv.parent if venv.parent.is_dir() else None,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TOWNWATCH_VENV": str(venv), **environment},
    )


@pytest.fixture
def script() -> ModuleType:
    """The script as a module."""
    loader = SourceFileLoader("townwatch_entry", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def prepared(tmp_path: Path, script: ModuleType) -> Path:
    """A directory that counts as a finished environment: its Python only prints how it was called."""
    venv = tmp_path / "environment"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    python = venv / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$PWD|$PYTHONPATH|$*"\n')
    python.chmod(0o755)
    (venv / script.STAMP).write_text(json.dumps(script.wanted(venv, dev=True)))
    return venv


def test_it_is_executable() -> None:
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")


def test_it_hands_over_from_any_working_directory(prepared: Path) -> None:
    done = call(prepared, "up", "--data", "here", PYTHONPATH="")
    assert done.stdout.strip() == f"{prepared.parent}|{ROOT}|-P -m dashboard up --data here"
    assert done.stderr == ""


def test_setup_prepares_and_stops(prepared: Path) -> None:
    done = call(prepared, "setup", "--dev")
    assert (done.returncode, done.stdout) == (0, "")


def test_changed_requirements_and_interrupted_installs_are_not_ready(prepared: Path, script: ModuleType) -> None:
    need = script.wanted(prepared, dev=False)
    assert script.ready(prepared, need)
    assert not script.ready(prepared, {**need, "requirements.txt": "changed"})
    assert not script.ready(prepared, {**need, "about": "another Python"})
    (prepared / script.UNFINISHED).touch()
    assert not script.ready(prepared, need)


def test_without_an_index_it_says_so_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    index = f"http://127.0.0.1:{port}/simple"
    venv = tmp_path / "environment"
    nothing = {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_RETRIES": "0"}
    done = call(venv, "up", PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=index, PIP_NO_CACHE_DIR="1", **nothing)
    assert done.returncode == 1
    *progress, last = done.stderr.splitlines()
    assert all(line.startswith("[townwatch] ") for line in progress)
    assert last.startswith("townwatch: 连不上 Python 软件包索引，请检查网络或 pip 的索引和代理设置")
    assert " · The Python package index cannot be reached: check the network" in last
    assert last.count(str(venv / ".townwatch-install.log")) == 2
    assert "Traceback" not in done.stderr


def test_a_directory_of_something_else_is_never_touched(tmp_path: Path) -> None:
    venv = tmp_path / "precious"
    venv.mkdir()
    (venv / "letter").write_text("dear")
    done = call(venv, "up")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"townwatch: {venv} 里已有别的文件，不是 Python 环境，请用 TOWNWATCH_VENV 另指一个位置 · "
    )
    assert f" · {venv} holds something that is not a Python environment" in done.stderr
    assert [path.name for path in venv.iterdir()] == ["letter"]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = call(tmp_path / "file" / "environment", "up")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "用不了（" in done.stderr
    assert "用 TOWNWATCH_VENV 为环境另指一个位置" in done.stderr
    assert "name another place for the environment in TOWNWATCH_VENV" in done.stderr


@pytest.mark.parametrize(
    ("words", "chinese", "english"),
    [
        (
            "ERROR: ... an OSError: [Errno 28] No space left on device",
            "所在磁盘已满，请腾出 1500 MB",
            "is full: free 1500 MB",
        ),
        (
            "WARNING: Retrying ... NewConnectionError(... Connection refused)",
            "连不上 Python 软件包索引",
            "index cannot be reached",
        ),
        (
            "ERROR: No matching distribution found for h3==4.5.0",
            "软件包索引里没有适合本机 Python",
            "has no h3==4.5.0 for Python",
        ),
        (
            "Error: Command '... -m ensurepip ...' returned non-zero exit status 1.",
            "请安装它的 venv 软件包",
            "venv package",
        ),
        ("something nobody has seen", "Python 环境没有创建成功，请查看 ", "could not be made: see "),
    ],
)
def test_what_pip_says_becomes_a_sentence(
    words: str, chinese: str, english: str, tmp_path: Path, script: ModuleType
) -> None:
    first, second = script.meaning(words, tmp_path).split(" · ")
    assert chinese in first
    assert english in second
    assert ("h3==4.5.0" in first) == ("h3==4.5.0" in second)


def test_too_little_disk_is_said_before_anything_is_written(
    tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "NEEDED_MB", 10**12)
    with pytest.raises(script.Refusal, match=r"只剩 \d+ MB，环境需要 10{12} MB，.* · Only \d+ MB are free"):
        script.prepare(tmp_path / "environment", dev=False)
    assert not (tmp_path / "environment" / "pyvenv.cfg").exists()


def test_a_python_that_is_too_old_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 7))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit) as ended:
        exec(compile(text, str(SCRIPT), "exec"), {"__name__": "old"})
    first, second = str(ended.value.code).split(" · ")
    assert first == "需要 Python 3.11 或更新的版本，这里是 3.9，请换新版本运行，如 `python3.11 townwatch`"
    assert "needs Python 3.11 or newer, and this is 3.9: run it with a newer one" in second


def test_requirements_are_exact_and_name_no_host() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                assert "==" in line, line
                assert "://" not in line, line
