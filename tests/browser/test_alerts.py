"""Alerts as people meet them: live on the page and the wall, taken by the town's officer, unseen from another town."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.running import ROOT, Running, running
from tests.browser.tabs import LAPTOP, OTHER, PHONE, TOWN, Tab, Tabs

PASSWORD = "三月-春风-Ferry-7"
FEVERS = "/alerts?rule=temperature.fever"
ROW = '.al-row[data-state="open"]'


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A product of its own: accounts are made here."""
    with running(tmp_path_factory.mktemp("alerts") / "data") as started:
        started.post("temperature", [started.reading(TOWN, 36.5), started.reading(OTHER, 36.5)])
        yield started


def account(product: Running, name: str, role: str, towns: str) -> None:
    command = [sys.executable, "-m", "dashboard", "user", "create", name, "--role", role, "--towns", towns]
    command += ["--staff", f"P-{len(name):04}", "--password-stdin", "--data", str(product.data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, env=environment, input=PASSWORD, text=True, check=True, capture_output=True)


def signed_in(product: Running, tabs: Tabs, name: str, path: str, size: tuple[int, int] = LAPTOP) -> Tab:
    tab = tabs.new(size)
    tab.page.goto(f"{product.address}/signin?next={path}")
    tab.page.fill("#name", name)
    tab.page.fill("#password", PASSWORD)
    tab.page.click('form button[type="submit"]')
    tab.live("up")
    return tab


def test_an_alert_comes_to_page_and_wall_is_taken_in_town_and_unseen_elsewhere(product: Running, tabs: Tabs) -> None:
    page, wall = tabs.new(LAPTOP), tabs.new()
    page.open(product.address + FEVERS)
    wall.open(f"{product.address}/wall?sound=1")
    page.page.wait_for_selector(".al-calm")
    wall.page.wait_for_selector(".wl-al, .wl-calm", state="attached")
    product.post("temperature", [product.reading(TOWN, 38.4) | {"person_ref": "p-first"}])
    page.page.wait_for_selector(ROW)
    expect(page.page.locator(ROW)).to_contain_text("38.4")
    expect(wall.page.locator("#wall-overview-alerts")).to_contain_text("未签收")
    wall.until("() => Number(document.querySelector('[data-tones]')?.dataset.tones || 0) >= 1")
    expect(page.page.locator("#tw-alerts")).to_be_visible()

    # From here on there are accounts: everybody signs in.
    account(product, "秦月", "administrator", "all")
    account(product, "陆敏", "officer", TOWN)
    account(product, "邻", "officer", OTHER)
    wall_of_all = signed_in(product, tabs, "秦月", "/wall", (1920, 1080))
    foreign = signed_in(product, tabs, "邻", FEVERS)
    foreign.page.wait_for_selector(".al-calm")
    expect(foreign.page.locator(".al-row")).to_have_count(0)
    own = signed_in(product, tabs, "陆敏", FEVERS, PHONE)
    own.page.wait_for_selector(ROW)
    own.page.click(f'{ROW} [data-ac="acknowledge"]')
    own.page.wait_for_selector('.al-row[data-state="acknowledged"]')
    expect(wall_of_all.page.locator("#wall-overview-alerts")).to_contain_text("已签收")
    own.page.locator('.al-row[data-state="acknowledged"] .al-what').click()
    expect(own.page.locator("#alerts-drawer")).to_contain_text("签收·陆敏")
    assert not [error for error in own.errors if "alerts" in error]


def test_a_killed_worker_raises_nothing_twice_and_the_next_one_goes_on(product: Running, tabs: Tabs) -> None:
    reader = product.reader()

    def fevers() -> list[str]:
        found = product.get("/api/v1/alerts?rule=temperature.fever&state=active&limit=100", reader)
        return [one["id"] for one in found["alerts"]]

    before = fevers()
    os.kill(product.process("worker"), signal.SIGKILL)
    # Three people: a second fever of the same one would be the first one's recheck.
    product.post("temperature", [product.reading(TOWN, 38.4) | {"person_ref": f"p-{n}"} for n in range(3)])
    until = time.monotonic() + 60
    while len(fevers()) < len(before) + 3:
        assert time.monotonic() < until
    after = fevers()
    assert len(after) == len(set(after)) == len(before) + 3
    assert set(before) <= set(after)
