"""A chief's day, from sign-in to handover: what is due, take, undo, assign, postpone, done; an officer's phone without a
connection; the sheet for the next shift."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.running import Running, now, running
from tests.browser.tabs import LAPTOP, PHONE, Tab, Tabs
from tests.browser.test_access import sign_in, user

TOWN = "330421003"
"""A town that no other test sends records of."""
PATIENCE_MS = 40_000


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A product with a chief and an officer, a fever that nobody has seen to, and disputes near their time."""
    with running(tmp_path_factory.mktemp("day") / "data") as product:
        prepare(product)
        yield product


def prepare(product: Running) -> None:
    """A fever, and three disputes: over their time, due soon, and with nobody."""
    soon = datetime.now(UTC)
    product.post("temperature", [product.reading(TOWN, 36.4), product.reading(TOWN, 38.2)])
    # Minutes, not hours: late in the evening what is due in an hour is due tomorrow.
    for number, hours in ((1, -5), (2, 0.3), (3, -30)):
        record = {
            "id": f"day-{number}", "town": TOWN, "at": now(), "case": f"{TOWN}-D{number:04}", "stage": "mediating",
            "kind": ("wages", "housing", "neighbour")[number - 1], "parties": 2,
            "due": (soon + timedelta(hours=hours)).isoformat(),
        }  # fmt: skip
        product.post("dispute", [record | ({"handler": "P-8013 陆敏"} if number == 2 else {})])
    user(product, "沈立", "--role", "chief", "--towns", TOWN, "--staff", "P-0001")
    user(product, "陆敏", "--role", "officer", "--towns", TOWN, "--staff", "P-8013")


def standing(tab: Tab, item: str) -> dict[str, Any]:
    """How an item stands, as the API tells whoever is at the page; empty: nobody has touched it."""
    found: dict[str, Any] = tab.page.evaluate(
        "async ([town, item]) => (await (await fetch('/api/v1/actions?town=' + town, {cache: 'no-store'})).json())"
        ".items.find((one) => one.item === item) || {}",
        [TOWN, item],
    )
    return found


def open_disputes(tab: Tab) -> Any:
    """The figure of open disputes as the API tells it."""
    return tab.page.evaluate(
        "async (town) => (await (await fetch('/api/v1/figures?kpi=dispute_open&town=' + town)).json()).figures[0].value",
        TOWN,
    )


def until_state(tab: Tab, item: str, state: str, acts: int = 0) -> None:
    """Wait until an item stands so; ``""``: nobody has touched it."""
    # Asked from here: a page's condition that is a promise counts as met at once.
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        one = standing(tab, item)
        if one.get("state", "") == state and acts in (0, len(one.get("history", ()))):
            return
        assert time.monotonic() < deadline, one
        tab.page.wait_for_timeout(200)


def row(page: Page, kind: str, text: str = "") -> Locator:
    """A row of the list by its page and what it says."""
    return page.locator(f".{kind}-row", has_text=text).first


def item_of(found: Locator) -> str:
    """The item behind a row's button."""
    return str(found.locator("[data-ac-item]").first.get_attribute("data-ac-item"))


def test_a_day_at_the_desk(day: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP)
    sign_in(tab, day.address, "沈立", f"/town/{TOWN}")
    page = tab.page
    fever = page.locator(".tp-row.burning").first
    expect(fever).to_contain_text("38.2 ℃", timeout=PATIENCE_MS)
    expect(fever).to_contain_text("未签收")
    item = item_of(fever)

    # By the keyboard: take it, take that back, take it again.
    fever.focus()
    page.keyboard.press("a")
    undo = page.locator(f'[data-ac-undo="{item}"]').first
    expect(undo).to_be_visible()
    until_state(tab, item, "acknowledged")
    page.keyboard.press("u")
    until_state(tab, item, "")
    button = page.locator(f'.tp-row [data-ac-item="{item}"]')
    expect(button).to_have_text("签收", timeout=PATIENCE_MS)
    button.click()
    until_state(tab, item, "acknowledged", 1)
    expect(page.locator(".tp-row.held", has_text="38.2 ℃")).to_contain_text("已签收")

    # Give a dispute to somebody, from the roster.
    page.fill("#town-search input", "D0001")
    found = row(page, "tp", "D0001")
    expect(found).to_contain_text("超")
    first = item_of(found)
    found.locator('[data-ac="assign"]').click()
    dialog = page.locator(".ac-dialog")
    dialog.locator('button[type="submit"]').click()
    expect(dialog.locator(".ac-wrong")).to_have_text("请选一个")
    dialog.locator(".ac-find input").fill("陆敏")
    dialog.locator('[data-to="P-8013 陆敏"]').click()
    dialog.locator('button[type="submit"]').click()
    until_state(tab, first, "assigned")
    assert standing(tab, first)["owner"] == "P-8013 陆敏"
    expect(row(page, "tp", "D0001")).to_contain_text("已派单")

    # Put one off with a reason, from its open row.
    page.fill("#town-search input", "D0002")
    row(page, "tp", "D0002").click()
    page.locator('.tp-menu [data-ac="postpone"]').click()
    dialog.locator('[data-field="until"] .ac-chip').last.click()
    dialog.locator('button[type="submit"]').click()
    expect(dialog.locator(".ac-wrong")).to_have_text("请选一个")
    dialog.locator('[data-value="waiting"]').click()
    dialog.locator('button[type="submit"]').click()
    until_state(tab, f"case:dispute:{TOWN}-D0002", "postponed")

    # Finish one with a note: it goes aside, and the figure of open disputes does not move.
    before = open_disputes(tab)
    page.fill("#town-search input", "D0003")
    third = row(page, "tp", "D0003")
    expect(third).to_be_visible()
    if page.locator(".tp-menu").count() == 0:
        third.click()
    page.locator('.tp-menu [data-ac="done"]').click()
    dialog.locator('button[type="submit"]').click()
    expect(dialog.locator(".ac-wrong")).to_have_text("写一句说明")
    dialog.locator(".ac-chip").first.click()
    dialog.locator('button[type="submit"]').click()
    until_state(tab, f"case:dispute:{TOWN}-D0003", "done")
    assert open_disputes(tab) == before == 3
    page.fill("#town-search input", "")
    handled = page.locator("[data-handled]")
    expect(handled).to_contain_text(re.compile("已处理，待记录"), timeout=PATIENCE_MS)

    # Filters stand in the address; the list goes away as a file.
    page.click('[data-who="held"]')
    assert "who=held" in page.url
    with page.expect_download() as coming:
        page.locator("#town-files a[download]").first.click()
    text = coming.value.path().read_text("utf-8-sig")
    assert "陆敏" in text
    assert "D0003" in text
    assert tab.errors == []


def test_on_a_phone_without_a_connection_an_act_is_kept_and_sent_once(day: Running, tabs: Tabs) -> None:
    tab = tabs.new(PHONE)
    sign_in(tab, day.address, "陆敏", "/my")
    page = tab.page
    mine = page.locator(f'.my-row[data-key="{TOWN}-D0001"]')
    expect(mine).to_contain_text("已派单", timeout=PATIENCE_MS)
    expect(page.locator("#my-head h1")).to_contain_text("我手上 1 件")
    expect(page.locator("html[data-kept]")).to_have_count(1, timeout=PATIENCE_MS)
    box = mine.locator(".ac-btn").bounding_box()
    assert box is not None
    assert box["height"] >= 44, "a thumb finds it"
    item = item_of(mine)

    page.context.set_offline(True)
    mine.locator('[data-ac="done"]').click()
    page.locator(".ac-dialog .ac-chip").first.click()
    page.locator('.ac-dialog button[type="submit"]').click()
    expect(mine.locator(".ac-unsent")).to_have_text("未发送", timeout=PATIENCE_MS)

    # The page opens again without a connection, with its list and what was not sent.
    page.reload()
    expect(page.locator("#my-strip")).to_contain_text("未发送", timeout=PATIENCE_MS)
    expect(mine.locator(".ac-unsent")).to_be_visible()

    page.context.set_offline(False)
    until_state(tab, item, "done", 2)
    expect(page.locator("#my-strip")).to_be_empty(timeout=PATIENCE_MS)
    page.click('.tp-tab[data-tab="finished"]')
    expect(page.locator("#my-list li").first).to_contain_text("标为办结", timeout=PATIENCE_MS)
    assert [act["verb"] for act in standing(tab, item)["history"]] == ["assign", "done"]
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE[0]
    # An officer takes and finishes; giving away is the chief's.
    page.click('.tp-tab[data-tab="free"]')
    expect(page.locator(".my-row").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator('.my-row [data-ac="acknowledge"]').first).to_be_visible()
    expect(page.locator('[data-ac="assign"]')).to_have_count(0)


def test_the_sheet_for_the_next_shift_is_printed(day: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP)
    sign_in(tab, day.address, "沈立", f"/town/{TOWN}/handover")
    page = tab.page
    sheet = page.locator("#handover-sheet")
    expect(sheet.locator("h1")).to_have_text("惠民街道交班单", timeout=PATIENCE_MS)
    expect(sheet.locator("table.open")).to_contain_text("38.2 ℃")
    expect(sheet.locator(".signs")).to_contain_text("交班人")
    expect(sheet.locator(".signs")).to_contain_text("接班人")
    expect(sheet.locator("table.events")).to_contain_text("沈立 派给 陆敏")
    page.emulate_media(media="print")
    expect(page.locator(".ho-bar")).to_be_hidden()
    expect(page.locator(".tw-top")).to_be_hidden()
    wide = sheet.evaluate("(element) => element.scrollWidth <= element.clientWidth + 1")
    assert wide
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Type /Page\n") + paper.count(b"/Type/Page\n") <= 4
    assert tab.errors == []
