"""The page of a replay in a real browser: what plays is told, and steering it is seen at once."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard import wiring
from dashboard.clock import read_clock, write_world
from dashboard.stores import redis_server as embedded
from ingest.scenarios.player import PLAYING_FILE
from tests.browser.running import Running
from tests.browser.tabs import Tabs
from tests.engine.answers import serving
from tests.engine.core import NOON, Core


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[str]:
    """The address of a replay at noon of 18 February, for whoever is at this machine."""
    server = embedded.start(tmp_path)
    try:
        core = Core(tmp_path, server.url)
        write_world(tmp_path, "yaozhuang", 30.0, NOON)
        core.parts.clock = read_clock(tmp_path)
        core.work()
        # A player holds this lock as long as it lives; what it sends is told elsewhere.
        with (
            open(tmp_path / PLAYING_FILE, "w", encoding="utf-8") as lock,
            serving(wiring.web_of(core.settings, core.parts, "all").app) as port,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield f"http://127.0.0.1:{port}"
        core.close()
    finally:
        server.stop()


def test_a_replay_is_steered_on_its_page_and_every_page_says_so(replay: str, tabs: Tabs) -> None:
    tab = tabs.new()
    tab.open(f"{replay}/replay")
    page = tab.page
    expect(page.locator("#replay-headline")).to_contain_text("报告的 12 项数字")
    expect(page.locator(".rp-figures tbody tr")).to_have_count(12)
    page.click('[data-speed="600"]')
    expect(page.locator('[data-speed="600"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#tw-speed")).to_have_text("×600")
    page.click('[data-do="pause"]')
    expect(page.locator("#replay-headline")).to_contain_text("已暂停")
    expect(page.locator('[data-do="go_on"]')).to_be_enabled()
    page.click('.rp-days [data-day="2020-02-20"]')
    page.click('[data-k="go"]')
    expect(page.locator("#replay-headline")).to_contain_text("正在快进，到 2月20日 08:00")
    page.click('[data-do="pause"]')
    expect(page.locator("#replay-headline")).to_contain_text("已暂停")


def test_a_live_world_says_that_nothing_is_replayed(product: Running, tabs: Tabs) -> None:
    tab = tabs.new()
    tab.open(f"{product.address}/replay?lang=en")
    page = tab.page
    expect(page.locator("#replay-headline")).to_contain_text("nothing is being replayed")
    expect(page.locator(".rp-ways code").first).to_have_text("./townwatch demo --scenario xianlin")
    expect(page.locator("#replay-table")).to_be_hidden()
