"""The pictures of the documentation, taken from a running demo: ``./townwatch pictures``.

Needs Chromium and the packages of ``requirements-dev.txt``; never part of a running product.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dashboard.errors import ConfigurationError
from dashboard.suite import chromium

TOWN = "330421111"
PATIENCE_MS = 30_000
SETTLED = """() => {
  const shell = document.querySelector('#tw-shell');
  const figures = [...document.querySelectorAll('[data-kpi]')];
  return shell && shell.dataset.live === 'up' && (figures.length > 0 || !document.querySelector('.leaflet-container'))
    && document.fonts.status === 'loaded';
}"""
"""The socket is up and the first figures are drawn."""


class Shot(NamedTuple):
    """One picture: file name, page, size of the window in CSS pixels, whether the whole page is taken."""

    name: str
    page: str
    width: int
    height: int
    whole: bool = False


SHOTS = (
    Shot("wall", "/wall", 1920, 1080),
    Shot("town", f"/town/{TOWN}", 1440, 900),
    Shot("town-phone", f"/town/{TOWN}", 390, 844, whole=True),
    Shot("system", "/system", 1440, 900),
)


def take(address: str, out: Path) -> Iterator[Path]:
    """Takes every picture from the demo at ``address`` (``http://host:port``), yielding each file as it is written.

    Raises:
        ConfigurationError: no browser, no demo, or a page that does not come to life.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise ConfigurationError(
            "Pictures need the packages for development: run `./townwatch setup --dev` first."
        ) from None
    program = chromium()
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--hide-scrollbars"])
        try:
            for shot in SHOTS:
                path = out / f"{shot.name}.png"
                try:
                    _take(browser, address.rstrip("/") + shot.page, shot, path)
                except Error as error:
                    words = str(error).splitlines()[0]
                    raise ConfigurationError(
                        f"{address}{shot.page} gave no picture ({words}): start `./townwatch demo` and give its address"
                        " with --address."
                    ) from None
                yield path
        finally:
            browser.close()


def _take(browser: Any, address: str, shot: Shot, path: Path) -> None:
    page = browser.new_page(viewport={"width": shot.width, "height": shot.height}, locale="zh-CN")
    try:
        page.goto(address, timeout=PATIENCE_MS)
        page.wait_for_function(SETTLED, timeout=PATIENCE_MS)
        # The map glides to its place and units are drawn frame by frame after the first figures are there.
        page.wait_for_timeout(2500)
        page.screenshot(path=str(path), full_page=shot.whole, animations="disabled")
    finally:
        page.close()
