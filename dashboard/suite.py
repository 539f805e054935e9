"""``townwatch test``: the machine's Chromium, then every test, the browser's last."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dashboard.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FONTS = Path("/usr/share/fonts")
NO_TESTS = 5
"""pytest's exit code when it collected nothing."""


def run(arguments: Sequence[str]) -> int:
    """Runs pytest with the arguments, or all of it without any; pytest's exit code.

    Raises:
        ConfigurationError: what a test needs is missing and cannot be installed.
    """
    environment = dict(os.environ)
    if any("browser" in argument for argument in arguments) or not any("tests" in argument for argument in arguments):
        environment["TOWNWATCH_CHROMIUM"] = chromium()
    if not arguments or any("snapshot" in argument for argument in arguments):
        poppler()
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.run([*pytest, *arguments], cwd=ROOT, env=environment, check=False).returncode
    apart = [*pytest, "-n", "2", "tests/unit", "tests/contract", "tests/oracle", "tests/engine"]
    codes = [subprocess.run(apart, cwd=ROOT, env=environment, check=False).returncode]
    if any((ROOT / "tests" / "browser").glob("test_*.py")):
        # A module stays with one process: its tests share a running product, and some tell one day's story. Half of
        # their time pages are waited for: three keep two cores busy.
        drawn = [*pytest, "-n", "3", "--dist", "loadfile", "tests/browser"]
        codes.append(subprocess.run(drawn, cwd=ROOT, env=environment, check=False).returncode)
    if all(code == NO_TESTS for code in codes):
        return NO_TESTS
    return next((code for code in codes if code not in (0, NO_TESTS)), 0)


def poppler() -> None:
    """Installs pdftotext, which reads printed snapshots back, where that can be done quietly."""
    if shutil.which("pdftotext") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("[镇哨] 安装 poppler-utils · installing poppler-utils", file=sys.stderr, flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", "poppler-utils"]):
            subprocess.run(
                ["apt-get", "-q", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                check=False,
            )


def chromium() -> str:
    """The machine's Chromium, installed with Chinese fonts when that can be done quietly.

    Raises:
        ConfigurationError: there is none; says how to install it.
    """
    found = browser()
    if found and chinese_fonts():
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("[镇哨] 安装 Chromium 与中文字体 · installing Chromium and Chinese fonts", file=sys.stderr, flush=True)
        with tempfile.NamedTemporaryFile("w", prefix="townwatch-apt-", suffix=".log", delete=False) as log:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium", "fonts-noto-cjk"]):
                done = subprocess.run(
                    ["apt-get", "-q", *words],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    check=False,
                )
            if done.returncode == 0:
                Path(log.name).unlink()
            elif not found:
                raise ConfigurationError(
                    f"Chromium 没有装上，原因见 {log.name} · Chromium could not be installed: see {log.name}."
                )
    found = browser()
    if not found:
        raise ConfigurationError(
            "浏览器测试需要 Chromium，请先安装（Debian：apt-get install chromium fonts-noto-cjk）"
            " · The browser tests need Chromium: install it (on Debian: apt-get install chromium fonts-noto-cjk)."
        )
    if not chinese_fonts():
        print(
            "[镇哨] 缺少中文字体，请安装：apt-get install fonts-noto-cjk"
            " · Chinese fonts are missing: apt-get install fonts-noto-cjk",
            file=sys.stderr,
        )
    return found


def browser() -> str | None:
    """The path of a Chromium: ``TOWNWATCH_CHROMIUM``, else one on the path."""
    named = os.environ.get("TOWNWATCH_CHROMIUM")
    return named or next((path for path in map(shutil.which, BROWSERS) if path), None)


def chinese_fonts() -> bool:
    """Whether this machine can draw Chinese."""
    if shutil.which("fc-list"):
        done = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False)
        return bool(done.stdout.strip())
    return any(FONTS.rglob("*CJK*")) if FONTS.is_dir() else sys.platform == "darwin"
