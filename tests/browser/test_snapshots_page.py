"""The page 简报 in a browser: a draft read, released, found again and taken away as the bytes that were published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard.clock import machine_ms
from dashboard.domain.day import as_date, day_of
from dashboard.settings import Settings
from dashboard.snapshot.brief import Brief
from dashboard.snapshot.desk import desk_of
from dashboard.snapshot.publish import Desk
from dashboard.stores.history import History, open_engine
from tests.browser.running import Running
from tests.browser.tabs import LAPTOP, PHONE, Tabs


@pytest.fixture
def desk(product: Running) -> Iterator[Desk]:
    """The product's snapshot desk, as a command has it."""
    settings = Settings.load(data_dir=product.data, snapshot_release="hand", snapshot_at="23:59")
    engine = open_engine(settings.database_url)
    yield desk_of(settings, History(engine))
    engine.dispose()


def test_a_draft_is_read_released_and_final(product: Running, tabs: Tabs, desk: Desk, tmp_path: Path) -> None:
    now = machine_ms()
    day = day_of(now, desk.past.zone)
    date = as_date(day).isoformat()
    tab = tabs.new(LAPTOP)
    tab.open(f"{product.address}/snapshots")
    expect(tab.page.locator("#snapshots-main")).to_contain_text("还没有发布过简报")
    expect(tab.page.locator("#snapshots-main")).to_contain_text("没有打开自动发布")
    tab.page.click('[data-act="make"]')
    expect(tab.page.locator(".sn-draft")).to_contain_text("草稿")
    expect(tab.page.locator('[data-act="make"]')).to_have_count(0)
    brief: Brief = desk.archive.brief(desk.draft(day, now))
    count = brief.cell("screened")
    assert count is not None

    tab.open(f"{product.address}/snapshots")
    expect(tab.page.locator(".sn-draft")).to_contain_text("草稿")
    expect(tab.page.locator(f'[data-date="{date}"]')).to_have_class("draft")
    expect(tab.page.frame_locator(".sn-frame").locator("body")).to_contain_text(f"查验{count.value}人次")
    tab.page.on("dialog", lambda dialog: dialog.accept())
    tab.page.click('[data-act="release"]')
    expect(tab.page.locator(".sn-draft")).to_have_count(0)
    expect(tab.page.locator(".sn-hash")).to_contain_text("签发：本机")
    link = desk.archive.link(day)
    assert link is not None
    assert desk.archive.brief(link).cells == brief.cells
    assert desk.archive.verify() == []

    with tab.page.expect_download() as coming:
        tab.page.click('.sn-bar a[href*=".pdf"]')
    target = tmp_path / "taken.pdf"
    coming.value.save_as(target)
    assert target.read_bytes() == desk.archive.read(link, "pdf")

    tab.page.fill("#sn-q", "查验")
    expect(tab.page.locator(".sn-list [data-date]")).to_have_count(1)
    tab.page.fill("#sn-q", "没有这样的词")
    expect(tab.page.locator(".sn-side")).to_contain_text("没有符合的简报")
    assert "q=" in tab.page.url
    assert tab.errors == []

    phone = tabs.new(PHONE)
    phone.open(f"{product.address}/snapshots?lang=en")
    expect(phone.page.frame_locator(".sn-frame").locator("body")).to_contain_text("Data as of")
    assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert phone.errors == []
