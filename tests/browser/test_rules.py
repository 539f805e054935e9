"""The page of rules: a person changes one, sees what it would do, and finds the record of it in a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.running import Running, running
from tests.browser.tabs import LAPTOP, OTHER, TOWN, Tabs

RULE = '[data-rule="thresholds/fever.infrared/forehead"]'


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A world of its own: what is changed here must not judge the records of other tests."""
    with running(tmp_path_factory.mktemp("rules") / "data") as product:
        product.post("temperature", [product.reading(TOWN, 36.4 + one / 20, 1 + one % 3) for one in range(12)])
        yield product


def test_a_rule_is_tried_saved_scheduled_cancelled_and_exported(ruled: Running, tabs: Tabs) -> None:
    shown = ruled.get("/api/v1/rules")
    today = date.fromisoformat(shown["day"])
    tab = tabs.new(LAPTOP)
    tab.open(f"{ruled.address}/admin/rules?feed=temperature&more=temperature")
    page = tab.page
    expect(page.locator("#rules-main .dk-panel")).to_have_count(1)

    # Inline, from today: what it would do is told before it is saved, and the value comes back over the socket.
    page.click('[data-edit="thresholds/fever.infrared/forehead"]')
    form = page.locator(".ru-form")
    form.locator("[name=text]").fill("36.8")
    form.locator("[name=day]").fill(today.isoformat())
    expect(form.locator(".trial")).to_contain_text("体温异常")
    form.locator("[name=reason]").fill("按通知下调")
    before = ruled.figure("fever_count", "all")
    form.locator(".ru-save").click()
    expect(page.locator(f"{RULE} td.own")).to_contain_text("36.8")
    assert ruled.figure("fever_count", "all") > before
    expect(form).to_have_count(0)

    # A wrong value is one sentence beside the field, and nothing is kept.
    page.click('[data-edit="thresholds/temperature.drift"]')
    form.locator("[name=text]").fill("9")
    form.locator("[name=reason]").fill("试")
    form.locator(".ru-save").click()
    expect(form.locator(".wrong")).to_contain_text("应为 0.1 到 3 ℃ 的数")
    form.locator("[name=text]").press("Escape")
    expect(form).to_have_count(0)

    # Several checkpoints at once, for tomorrow; the address keeps where one is.
    page.click('#rules-bar button:has-text("值守时段")')
    page.click(f'[data-box="town:{TOWN}"]')
    page.click('[data-edit="bulk"]')
    form.locator("[name=text]").fill("07:00-21:00")
    form.locator("[name=reason]").fill("夜间由交警值守")
    form.locator(".ru-save").click()
    tomorrow = today + timedelta(days=1)
    text = f"07:00–21:00{tomorrow.month}月{tomorrow.day}日起"
    expect(page.locator(f'[data-rule="duty_hours/{TOWN}-K01"] .ru-next')).to_have_text(text)
    assert "part=duty" in page.url
    page.reload()
    expect(page.locator(f'[data-rule="duty_hours/{TOWN}-K01"] .ru-next')).to_have_text(text)

    # Taken back before its day; the record of both stays and can be had as a file.
    page.goto(f"{ruled.address}/admin/rules?part=changes&town={TOWN}")
    page.locator('[data-edit^="cancel:"]').first.click()
    form.locator("[name=reason]").fill("再议")
    form.locator(".ru-save").click()
    expect(page.locator("#rules-main tr.taken").first).to_be_visible()
    page.click('[data-act="files"]')
    with page.expect_download() as download:
        page.click('[data-k="csv-changes"]')
    rows = _rows(Path(download.value.path()))
    gates = [row for row in rows if row["键"] == f"{TOWN}-K01"]
    assert [(row["改为"], row["原因"], row["状态"]) for row in gates] == [
        ("全天", "再议", "已排定"),
        ("07:00–21:00", "夜间由交警值守", "已取消"),
    ]
    assert not [row for row in rows if row["键"].startswith(OTHER)]
    assert tab.errors == []


def test_a_town_viewer_reads_rules_and_changes_none(ruled: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP, ruled.reader(TOWN))
    tab.open(f"{ruled.address}/admin/rules?part=duty")
    page = tab.page
    expect(page.locator(f'[data-rule="duty_hours/{TOWN}-K01"]')).to_be_visible()
    expect(page.locator("[data-edit]")).to_have_count(0)
    expect(page.locator(f'[data-rule^="duty_hours/{OTHER}"]')).to_have_count(0)


def _rows(file: Path) -> list[dict[str, str]]:
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(line for line in raw.decode("utf-8-sig").splitlines() if not line.startswith("#")))
