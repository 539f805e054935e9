"""The overview in a browser: ordered, narrowed, drilled, compared, taken out as files and read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.browser.desks import download, drawn, query_of
from tests.browser.running import Running
from tests.browser.tabs import LAPTOP, OTHER, PHONE, SILENT, TOWN, Tab, Tabs

ROWS = "#tw-overview [data-row]"


@pytest.fixture
def tab(product: Running, tabs: Tabs) -> Iterator[Tab]:
    """The page at its default, drawn; its console must stay silent."""
    one = tabs.new(LAPTOP)
    show(one, product)
    yield one
    assert one.errors == []


def show(tab: Tab, product: Running, **query: str) -> None:
    """Open the page under a query and wait until its table is drawn."""
    tab.open(f"{product.address}/?{urlencode(query)}")
    settled(tab)


def settled(tab: Tab) -> None:
    """Wait until the page shows what its address asks for."""
    drawn(tab, "overview", "#tw-overview tr, #tw-overview .dk-none")


def order(page: Page) -> list[str]:
    """The towns from the top."""
    found: list[str] = page.locator(ROWS).evaluate_all("all => all.map(one => one.dataset.row)")
    return found


def cell(page: Page, kpi: str, town: str) -> str | None:
    """A figure's raw value in the table."""
    return page.get_attribute(f'#tw-overview [data-kpi="{kpi}"][data-town="{town}"]', "data-value")


def test_the_figures_are_the_apis_and_follow_a_record(product: Running, tab: Tab) -> None:
    page = tab.page
    for town in ("all", TOWN, OTHER):
        assert cell(page, "fever_count", town) == str(product.figure("fever_count", town))
    assert cell(page, "fever_count", SILENT) == ""
    before = product.figure("fever_count", TOWN)
    product.fever(TOWN)
    tab.shows(f'#tw-overview [data-kpi="fever_count"][data-town="{TOWN}"]', before + 1)
    assert page.get_attribute('#overview-figures [data-kpi="fever_count"]', "data-value") == str(
        product.figure("fever_count", "all")
    )


def test_a_column_head_orders_and_who_is_silent_stays_last(product: Running, tab: Tab) -> None:
    page = tab.page
    page.click('[data-sort="fever_count"]')
    settled(tab)
    tab.until("() => document.querySelector('[aria-sort=descending] [data-sort=fever_count]')")
    assert query_of(page) == {"sort": "fever_count"}
    down = [cell(page, "fever_count", town) for town in order(page)]
    known = [int(value) for value in down if value]
    assert known == sorted(known, reverse=True)
    assert down[: len(known)] == [str(value) for value in known]
    page.click('[data-sort="fever_count"]')
    tab.until("() => document.querySelector('[aria-sort=ascending] [data-sort=fever_count]')")
    up = [cell(page, "fever_count", town) for town in order(page)]
    assert [int(value) for value in up if value] == sorted(known)
    assert up[-1] == ""
    page.go_back()
    tab.until("() => document.querySelector('[aria-sort=descending] [data-sort=fever_count]')")


def test_a_filter_narrows_rows_sums_and_map(product: Running, tab: Tab) -> None:
    page = tab.page
    page.click('[data-menu="town"]')
    page.click(f'#overview-menu [data-option="{TOWN}"]')
    settled(tab)
    assert query_of(page) == {"town": TOWN}
    tab.until("selector => document.querySelectorAll(selector).length === 1", ROWS)
    figure = page.locator('#overview-figures [data-kpi="screened"], #overview-figures [data-kpi="fever_count"]').first
    kpi = figure.get_attribute("data-kpi") or ""
    assert figure.get_attribute("data-value") == str(product.figure(kpi, TOWN))


def test_pointer_and_focus_join_row_and_map_and_a_row_leads_to_its_town(product: Running, tab: Tab) -> None:
    page = tab.page
    name = page.locator(f'[data-row="{TOWN}"] a').inner_text()
    page.hover(f'[data-row="{TOWN}"]')
    expect(page.locator("#overview-tip b")).to_have_text(name)
    other = page.locator(f'[data-row="{OTHER}"] a')
    other.focus()
    expect(page.locator("#overview-tip b")).to_have_text(other.inner_text())
    page.click(f'[data-row="{TOWN}"] td >> nth=1')
    page.wait_for_url(f"**/town/{TOWN}")


def test_the_map_shows_another_figure(product: Running, tab: Tab) -> None:
    page = tab.page
    page.click('[data-map="fever_count"]')
    expect(page.locator('[data-map="fever_count"]')).to_have_attribute("aria-pressed", "true")
    assert query_of(page) == {"map": "fever_count"}
    expect(page.locator("#overview-classes span")).to_have_count(5)
    expect(page.locator("#overview-classes span").first).to_have_text("0")
    label = page.get_attribute("#overview-map", "aria-label") or ""
    name = page.locator(f'[data-row="{TOWN}"] a').inner_text()
    assert f"{name} {product.figure('fever_count', TOWN)}" in label


def test_help_says_how_and_two_towns_stand_beside_each_other(product: Running, tab: Tab) -> None:
    page = tab.page
    page.locator('[data-help="column-fever_count"]').click()
    expect(page.locator("#overview-pop dt").first).to_have_text("定义")
    page.keyboard.press("Escape")
    expect(page.locator("#overview-pop")).to_be_hidden()
    show(tab, product, town=TOWN, vs=f"town:{OTHER}")
    for side, town in (("a", TOWN), ("b", OTHER)):
        found = page.locator(f'#overview-compare [data-side="{side}"][data-kpi="fever_count"]')
        expect(found).to_have_attribute("data-value", str(product.figure("fever_count", town)))


def test_the_last_line_names_how_many_towns_reported(product: Running, tab: Tab) -> None:
    figures = product.get("/api/v1/figures?kpi=reporting_rate&feed=temperature&town=all")["figures"]
    line = tab.page.locator('#overview-quality [data-feed="temperature"]')
    expect(line).to_contain_text(f"{figures[0]['numerator']}/{figures[0]['denominator']} 镇")


def test_the_files_hold_what_the_api_tells(product: Running, tab: Tab, tmp_path: Path) -> None:
    figures: dict[str, Any] = {
        town: product.figure("fever_count", "all" if town == "all" else town) for town in ("all", TOWN, OTHER)
    }
    body = download(tab, '[data-k="csv-figures"]', tmp_path).read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    values = {(line[0], line[2]): line[4] for line in lines if len(line) > 4}
    for town, value in figures.items():
        assert float(values["fever_count", town]) == value
    assert values["fever_count", SILENT] == ""

    book = CalamineWorkbook.from_path(str(download(tab, '[data-k="xlsx"]', tmp_path)))
    assert book.sheet_names == ["说明", "各镇（街道）", "指标", "变动最大", "数据质量"]
    sheet = book.get_sheet_by_name("指标").to_python()
    found = {(row[0], row[2]): row[4] for row in sheet[1:]}
    for town, value in figures.items():
        assert found["fever_count", town] == value


def test_a_phone_has_every_figure_and_no_sideways_scroll(product: Running, tabs: Tabs) -> None:
    tab = tabs.new(PHONE)
    show(tab, product)
    assert tab.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.page.locator(ROWS).count() == 9
    assert tab.errors == []
