"""The page 卡点 in a browser: narrowed by a click, drilled, taken out as files and read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook

from tests.browser.desks import download, drawn, query_of
from tests.browser.running import Running
from tests.browser.tabs import LAPTOP, OTHER, PHONE, TOWN, Tab, Tabs

KPIS = ("screened", "fever_count", "fever_rate", "fever_confirmed", "checkpoints_online", "device_drift")


@pytest.fixture
def tab(product: Running, tabs: Tabs) -> Iterator[Tab]:
    """The page at its default, drawn; its console must stay silent."""
    one = tabs.new(LAPTOP)
    show(one, product)
    yield one
    assert one.errors == []


def show(tab: Tab, product: Running, **query: str) -> None:
    """Open the page under a query and wait until it is drawn."""
    tab.open(f"{product.address}/checkpoints?{urlencode(query)}")
    settled(tab)


def settled(tab: Tab) -> None:
    """Wait until the page shows what its address asks for."""
    drawn(tab, "checkpoints", "#checkpoints-figures [data-kpi]")


def agree(tab: Tab, product: Running, town: str = "all") -> None:
    """Every figure at the page's head is the API's."""
    for kpi in KPIS:
        raw = tab.page.get_attribute(f'#checkpoints-figures [data-kpi="{kpi}"]', "data-value") or ""
        assert (float(raw) if raw else None) == product.figure(kpi, town), kpi


def test_the_figures_are_the_apis_and_follow_a_record(product: Running, tab: Tab) -> None:
    agree(tab, product)
    before = product.figure("fever_count", "all")
    product.fever(TOWN)
    tab.shows('#checkpoints-figures [data-kpi="fever_count"]', before + 1)
    agree(tab, product)
    expect(tab.page.locator("#checkpoints-head .alert")).to_be_visible()


def test_a_towns_row_filters_everything_and_again_takes_it_back(product: Running, tab: Tab) -> None:
    page = tab.page
    page.click(f'#checkpoints-matrix [data-pick="town:{OTHER}"]')
    settled(tab)
    assert query_of(page) == {"town": OTHER}
    tab.until("() => document.querySelectorAll('#checkpoints-matrix tbody tr').length === 1")
    agree(tab, product, OTHER)
    codes = page.locator("#checkpoints-rows [data-open]").evaluate_all("all => all.map(one => one.dataset.open)")
    assert codes
    assert all(code.startswith(OTHER) for code in codes)
    page.click(f'#checkpoints-matrix [data-pick="town:{OTHER}"]')
    tab.until("() => document.querySelectorAll('#checkpoints-matrix tbody tr').length === 9")
    assert query_of(page) == {}


def test_one_checkpoint_narrows_its_figures(product: Running, tab: Tab) -> None:
    page = tab.page
    row = page.locator(f'#checkpoints-rows [data-open="{TOWN}-K01"]')
    screened = row.locator("td").nth(4).inner_text()
    show(tab, product, checkpoint=f"{TOWN}-K01")
    figure = page.locator('#checkpoints-figures [data-kpi="screened"]')
    expect(figure).to_have_attribute("data-value", screened)
    expect(figure).to_have_attribute("data-dims", f'{{"checkpoint":"{TOWN}-K01"}}')
    expect(page.locator('#checkpoints-figures [data-kpi="fever_confirmed"]')).to_contain_text("不分卡点")


def test_a_fever_opens_its_checkpoints_drawer(product: Running, tab: Tab) -> None:
    page = tab.page
    first = page.locator("#checkpoints-fevers [data-open]").first
    key, case = first.get_attribute("data-open"), first.locator("b").first.inner_text()
    first.focus()
    page.keyboard.press("Enter")
    drawer = page.locator("#checkpoints-drawer")
    expect(drawer).to_contain_text(case)
    assert query_of(page) == {"open": key}
    expect(drawer.locator('a[href^="/records?feed=temperature"]')).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


def test_the_files_hold_what_the_api_tells(product: Running, tab: Tab, tmp_path: Path) -> None:
    body = download(tab, '[data-k="csv-figures"]', tmp_path).read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    values = {(line[0], line[2]): line[4] for line in lines if len(line) > 4}
    book = CalamineWorkbook.from_path(str(download(tab, '[data-k="xlsx"]', tmp_path)))
    found = {(row[0], row[2]): row[4] for row in book.get_sheet_by_name("指标").to_python()[1:]}
    for kpi in KPIS:
        for town in ("all", TOWN, OTHER):
            value = product.figure(kpi, town)
            got = values[kpi, town]
            assert (float(got) if got else None) == (None if value is None else pytest.approx(value, abs=1e-6)), kpi
            assert found[kpi, town] == ("" if value is None else pytest.approx(value, abs=1e-9)), kpi
    points = book.get_sheet_by_name("卡点").to_python()
    assert sum(float(str(row[5])) for row in points[1:]) == product.figure("screened", "all")
    cases = [row[0] for row in book.get_sheet_by_name("体温异常").to_python()[1:]]
    assert len(cases) == product.figure("fever_count", "all")


def test_english_and_a_phone(product: Running, tabs: Tabs) -> None:
    tab = tabs.new(PHONE)
    show(tab, product, lang="en")
    assert tab.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    expect(tab.page.locator("#checkpoints-head h1")).to_contain_text("screened")
    assert tab.errors == []
