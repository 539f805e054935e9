"""Real Chromium on pages whose records are full of markup: no script runs, no tag appears, nothing is asked elsewhere.

And whom to call about a case: shown to who has it, for as long as it is said, and never to anybody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from playwright.sync_api import Browser, BrowserContext, Page

from dashboard.access.audit import Wanted
from dashboard.access.sessions import COOKIE, csrf_of
from dashboard.app import PAGES
from dashboard.feeds import FEEDS
from dashboard.stores.redis_server import RedisServer
from ingest import contacts
from tests.browser.tabs import PATIENCE_MS
from tests.engine.core import YAOZHUANG
from tests.engine.fort import MARK, SECRET, Fort, fort, marked, public, valid

EVIL = f'"><img src=x data-xss onerror=__xss=1><b data-xss>{MARK}</b>'
"""Breaks out of an attribute, of a text and of a script's string, where any of them is written without care."""
RECORDS = "/records?feed=dispute&day=2020-02-18"
SHOWS = {"/disputes", "/enterprises", RECORDS}
"""Pages that show texts of records as soon as they are open."""


@pytest.fixture(scope="module")
def castle(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fort]:
    redis.Redis.from_url(redis_server.url).flushall()
    with fort(tmp_path_factory.mktemp("hostile"), redis_server.url) as found:
        for feed in public():
            assert found.post(feed.name, marked(feed, EVIL, 1)).status == 202, feed.name
        found.post("callback", valid(FEEDS["callback"], 2, call="C-1", stage="queued", caller="P-1"))
        found.settled()
        found.web.actions.contacts.vault.keys.make()
        yield found


PLANTED = "marks => marks.some(mark => document.body.innerText.includes(mark))"


def signed_in(chromium: Browser, castle: Fort, who: str, width: int = 1440, height: int = 900) -> BrowserContext:
    """Somebody's browser."""
    context = chromium.new_context(viewport={"width": width, "height": height}, has_touch=width < 500)
    secret, address = castle.secrets[who], f"http://127.0.0.1:{castle.port}"
    context.add_cookies(
        [
            {"name": COOKIE, "value": secret, "url": address, "httpOnly": True},
            {"name": "_csrf_token", "value": csrf_of(secret), "url": address},
        ]
    )
    return context


def addresses() -> list[tuple[str, str]]:
    """(name, address) of every page, those of one feed for every feed, and drawers of what can be opened."""
    found = []
    for page in PAGES:
        pattern = page.path.pattern
        if re.fullmatch(r"[/\w-]+", pattern):
            found.append((page.name, pattern))
    found += [("town", f"/town/{YAOZHUANG}"), ("records", RECORDS)]
    # Every feed without a page of its own is drawn by one view: three of each archetype are enough to look at.
    others: dict[str, list[str]] = {}
    for feed in public():
        if not feed.core:
            others.setdefault(type(feed.archetype).__name__, []).append(feed.name)
    found += [("feeds", f"/feeds/{name}") for names in others.values() for name in names[:3]]
    found += [("drawer", f"/{page}?open={quote(EVIL)}") for page in ("disputes", "enterprises", "feeds/callback")]
    found += [("record", f"/record/dispute?case={quote(EVIL)}&town={YAOZHUANG}")]
    found += [("echo", f"/disputes?q={quote(EVIL)}&kind={quote(EVIL)}&lang=en"), ("echo", f"/{quote(EVIL)}")]
    return found


def test_no_script_of_a_record_runs_on_any_page(chromium: Browser, castle: Fort) -> None:
    context = signed_in(chromium, castle, "root")
    tab = context.new_page()
    said: list[str] = []
    asked: set[str] = set()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("dialog", lambda dialog: said.append(f"Content Security Policy dialog {dialog.message}"))
    tab.on("request", lambda request: asked.add(request.url.split("/")[2]))
    shown = 0
    pages = addresses()
    assert len(pages) > 25
    for name, address in pages:
        tab.goto(f"http://127.0.0.1:{castle.port}{address}")
        if name != "echo":
            tab.wait_for_selector('#tw-shell[data-live="up"]', state="attached", timeout=PATIENCE_MS)
        if address in SHOWS:
            tab.wait_for_function(PLANTED, arg=[MARK, SECRET], timeout=PATIENCE_MS)
        shown += int(tab.evaluate(PLANTED, [MARK, SECRET]))
        assert tab.evaluate("() => window.__xss === undefined"), address
        assert tab.evaluate("() => document.querySelectorAll('[data-xss]').length") == 0, address
    assert shown > 5, "hardly any page showed what was planted"
    assert not [one for one in said if "Content Security Policy" in one], said[:5]
    assert asked == {f"127.0.0.1:{castle.port}"}
    context.close()


def contact_of(tab: Page, castle: Fort) -> None:
    """Open the case C-1."""
    tab.goto(f"http://127.0.0.1:{castle.port}/feeds/callback?open=C-1")
    tab.wait_for_selector("#feeds-drawer h2, .dk-drawer h2", timeout=PATIENCE_MS)


def test_whom_to_call_is_put_in_and_called_by_who_has_the_case(
    chromium: Browser, castle: Fort, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(contacts, "SHOWN_S", 3)
    phone = signed_in(chromium, castle, "amy", 390, 844)
    tab = phone.new_page()
    contact_of(tab, castle)
    tab.get_by_role("button", name="留联系方式").click()
    tab.fill(".dk-contact input[name=name]", "沈小梅")
    tab.fill(".dk-contact input[name=phone]", "12")
    tab.get_by_role("button", name="保存").click()
    tab.wait_for_selector(".dk-contact-wrong", timeout=PATIENCE_MS)
    tab.fill(".dk-contact input[name=phone]", "138 5730 1234")
    tab.get_by_role("button", name="保存").click()
    tab.get_by_role("button", name="打电话").click()
    call = tab.wait_for_selector("a.dk-contact-call", timeout=PATIENCE_MS)
    assert call is not None
    assert call.get_attribute("href") == "tel:13857301234"
    tab.screenshot(path=str(tmp_path / "contact.png"))
    tab.wait_for_selector("a.dk-contact-call", state="detached", timeout=PATIENCE_MS)
    assert "1234" not in tab.content()
    phone.close()

    chief = signed_in(chromium, castle, "chief")
    tab = chief.new_page()
    contact_of(tab, castle)
    tab.get_by_role("button", name="打电话").click()
    tab.fill(".dk-contact input[name=reason]", "承办人休假")
    tab.get_by_role("button", name="查看", exact=True).click()
    tab.wait_for_selector("a.dk-contact-call", timeout=PATIENCE_MS)
    chief.close()
    rows = castle.web.actions.audit.rows(Wanted(kind="reveal"))
    assert [(one.who, one.what) for one in rows] == [("chief", "callback/C-1"), ("amy", "callback/C-1")]

    other = signed_in(chromium, castle, "root")
    tab = other.new_page()
    contact_of(tab, castle)
    tab.wait_for_function("() => document.querySelector('.dk-contact[data-begun]')", timeout=PATIENCE_MS)
    tab.get_by_role("button", name="留联系方式").wait_for(timeout=PATIENCE_MS)
    assert tab.get_by_role("button", name="打电话").count() == 0
    other.close()


@pytest.mark.parametrize(("width", "lang"), [(1440, "zh"), (390, "en")])
def test_the_audit_is_a_page(chromium: Browser, castle: Fort, width: int, lang: str, tmp_path: Path) -> None:
    context = signed_in(chromium, castle, "root", width, 844)
    tab = context.new_page()
    tab.goto(f"http://127.0.0.1:{castle.port}/admin/audit?lang={lang}")
    tab.wait_for_selector('.au-chain[data-whole="true"]', timeout=PATIENCE_MS)
    tab.wait_for_selector("#audit-page [data-open], #audit-page .ag-row", timeout=PATIENCE_MS)
    assert tab.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    tab.screenshot(path=str(tmp_path / f"audit-{width}.png"))
    tab.goto(f"http://127.0.0.1:{castle.port}/admin/audit?lang={lang}&open=1")
    tab.wait_for_selector(".dk-drawer dl dd", timeout=PATIENCE_MS)
    tab.screenshot(path=str(tmp_path / f"audit-{width}-open.png"))
    context.close()
