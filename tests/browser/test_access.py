"""Sign-in to sign-out in a real browser: no script is kept out that a page needs, a wall is paired, sessions end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from dashboard.app import PAGES
from dashboard.feeds import FEEDS
from tests.browser.running import ROOT, Running, _environment, running
from tests.browser.tabs import DESK, PATIENCE_MS, PHONE, TOWN, Tab, Tabs

PASSWORD = "三月-春风-Ferry-7"
SPELLED = {"town": f"/town/{TOWN}", "handover": f"/town/{TOWN}/handover", "feeds": "/feeds/permit", "record": "/record"}


def user(product: Running, name: str, *options: str) -> None:
    """Make an account by the command, its password on standard input."""
    command = [sys.executable, "-m", "dashboard", "user", "create", name, *options, "--password-stdin"]
    subprocess.run(
        [*command, "--data", str(product.data)], cwd=ROOT, env=_environment(), input=PASSWORD, text=True, check=True,
        capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A product with an administrator and a chief."""
    with running(tmp_path_factory.mktemp("guarded") / "data") as product:
        product.post("temperature", [product.reading(TOWN, 36.5), product.reading(TOWN, 38.1)])
        user(product, "秦月", "--role", "administrator")
        user(product, "沈立", "--role", "chief", "--towns", TOWN, "--staff", "J-021")
        yield product


def sign_in(tab: Tab, address: str, name: str, path: str = "/") -> None:
    """As a person does it: open the page, be sent to sign in, type."""
    tab.page.goto(address + path)
    tab.page.wait_for_selector("input[name=password]")
    tab.page.fill("input[name=name]", name)
    tab.page.fill("input[name=password]", PASSWORD)
    tab.page.click("button[type=submit]")
    tab.live("up")


def test_nobody_signed_in_sees_nothing_and_every_page_runs_under_its_policy(guarded: Running, tabs: Tabs) -> None:
    tab = tabs.new(DESK)
    address = guarded.address
    sign_in(tab, address, "秦月", "/patrols?shift=day")
    assert tab.page.url == f"{address}/patrols?shift=day"
    seen = 0
    for page in PAGES:
        path = SPELLED.get(page.name, page.path.pattern)
        assert page.path.fullmatch(path), path
        tab.open(address + path)
        tab.page.wait_for_selector(f'main[data-page="{page.name}"]', state="attached", timeout=PATIENCE_MS)
        assert tab.errors == [], path
        seen += 1
    assert seen == len(PAGES)
    assert len(FEEDS) > 4
    for path in ("/signin?next=/", "/pair"):
        other = tabs.new(PHONE)
        other.page.goto(address + path)
        assert other.page.locator("h1").count() == 1
        assert other.errors == [], path
        assert other.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_wall_is_paired_and_sign_out_everywhere_closes_open_pages(guarded: Running, tabs: Tabs) -> None:
    address = guarded.address
    chief, elsewhere, admin, wall = (tabs.new(DESK) for _ in range(4))
    sign_in(chief, address, "沈立", f"/town/{TOWN}")
    sign_in(elsewhere, address, "沈立")
    assert "沈立" in chief.page.inner_text(".tw-me")
    assert chief.page.locator('.tw-nav a[href^="/wall"], .tw-nav a[href^="/system"]').count() == 0
    # The screen shows a code; an administrator types it.
    wall.page.goto(address + "/pair")
    wall.page.click("button[type=submit]")
    code = wall.page.get_attribute("#code", "data-code")
    assert code
    sign_in(admin, address, "秦月", "/admin?tab=devices")
    admin.page.fill("input[name=code]", code)
    admin.page.fill("form[data-form=pair] input[name=name]", "指挥中心东墙")
    admin.page.click("form[data-form=pair] button[type=submit]")
    admin.page.wait_for_selector("[data-device]:has-text('指挥中心东墙')", timeout=PATIENCE_MS)
    wall.arrives(address + "/wall")
    wall.live("up")
    wall.drawn()
    # Every tab of the administrator's page is drawn.
    for name in ("accounts", "tokens", "sessions", "access"):
        admin.page.click(f"[data-tab={name}]")
        admin.page.wait_for_selector(f'[data-tab={name}][aria-selected="true"]')
        admin.page.wait_for_selector("#admin-body table")
    assert admin.page.locator("#admin-body tbody tr").count() > 100
    # Signed out everywhere in one place: the page open in another goes, too.
    elsewhere.open(address + "/account")
    elsewhere.page.on("dialog", lambda dialog: dialog.accept())
    for tab in (elsewhere, chief):
        tab.page.evaluate(
            "() => { localStorage.setItem('townwatch-my:me::zh', '{}'); sessionStorage.setItem('townwatch-draft:dispute', '{}'); }"
        )
    elsewhere.page.click("[data-do=everywhere]")
    for tab in (elsewhere, chief):
        tab.arrives(f"{address}/signin")
    assert chief.page.url == f"{address}/signin?next=%2Ftown%2F{TOWN}"
    # Whoever sits down here next finds no list and no draft of who has gone.
    left = "() => Object.keys(localStorage).concat(Object.keys(sessionStorage)).filter((name) => /^townwatch-(my|source|draft)/.test(name))"
    assert [tab.page.evaluate(left) for tab in (elsewhere, chief)] == [[], []]
    # The wall and the administrator stay.
    assert wall.page.url == address + "/wall"
    admin.page.click("[data-tab=devices]")
    admin.page.on("dialog", lambda dialog: dialog.accept())
    admin.page.click("[data-wall]")
    wall.arrives(address + "/pair")
    for tab in (chief, elsewhere, admin, wall):
        assert tab.errors == []
