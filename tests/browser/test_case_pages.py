"""The pages 企业 and 纠纷 in a browser: narrowed by a stage or an age, drilled, taken out as files and read back."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook

from tests.browser.desks import download
from tests.browser.running import Running
from tests.browser.tabs import LAPTOP, OTHER, TOWN, Tab, Tabs

_numbers = itertools.count(1)
FIRMS = {"enterprises": ("resumption_rate", "staff_return_rate"), "disputes": ("dispute_open", "dispute_overdue")}


def _ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="milliseconds")


def _firm(town: str, number: int, stage: str, hours: float, **said: Any) -> dict[str, Any]:
    return {
        "id": f"case-pages-{next(_numbers)}", "town": town, "at": _ago(hours), "enterprise": f"{town}-E9{number:03}",
        "name": f"测试企业{number}", "scale": "above" if number % 2 else "below", "industry": "电子", "stage": stage,
        "staff_total": 100, "staff_returned": 10 * number, **said,
    }  # fmt: skip


def _quarrel(town: str, number: int, stage: str, hours: float, **said: Any) -> dict[str, Any]:
    return {
        "id": f"case-pages-{next(_numbers)}", "town": town, "at": _ago(hours), "case": f"{town}-D9{number:03}",
        "stage": stage, "kind": "wages" if number % 2 else "housing", "parties": 2 + number, "handler": "P-0417", **said,
    }  # fmt: skip


@pytest.fixture(scope="module")
def cases(product: Running) -> Running:
    """Enterprises in four stages and disputes of three ages, in two towns."""
    product.post(
        "enterprise",
        [
            _firm(TOWN, 1, "applied", 3), _firm(TOWN, 2, "reviewing", 200), _firm(TOWN, 3, "reviewing", 2),
            _firm(TOWN, 4, "resumed", 5), _firm(OTHER, 5, "resumed", 5), _firm(OTHER, 6, "applied", 2),
        ],
    )  # fmt: skip
    product.post(
        "dispute",
        [
            _quarrel(TOWN, 1, "accepted", 2), _quarrel(TOWN, 2, "mediating", 40), _quarrel(TOWN, 3, "mediating", 45),
            _quarrel(TOWN, 4, "reported", 90, due=_ago(1)), _quarrel(OTHER, 5, "accepted", 3),
            _quarrel(OTHER, 6, "resolved", 4),
        ],
    )  # fmt: skip
    return product


@pytest.fixture
def tab(tabs: Tabs) -> Iterator[Tab]:
    """A tab whose console must stay silent."""
    one = tabs.new(LAPTOP)
    yield one
    assert one.errors == []


def show(tab: Tab, product: Running, name: str, **query: str) -> None:
    """Open a page under a query and wait until it shows what there is."""
    tab.open(f"{product.address}/{name}?{urlencode(query)}")
    tab.page.wait_for_selector(f"#{name}-figures [data-kpi]", state="attached")
    settled(tab, name)


def settled(tab: Tab, name: str) -> None:
    """Wait until the page shows what its address asks for."""
    tab.until("name => !document.querySelector(`#${name}-page`).hasAttribute('aria-busy')", name)


def query_of(tab: Tab) -> dict[str, str]:
    """What stands in the address."""
    return {key: values[0] for key, values in parse_qs(urlsplit(tab.page.url).query).items()}


def api(product: Running, kpi: str, town: str = "all", **dims: str) -> Any:
    """A figure's value as the API tells it, plain or of one cell of its breakdown."""
    found = product.get(f"/api/v1/figures?kpi={kpi}&town={town}")["figures"]
    return next((one["value"] for one in found if one["dims"] == dims), None)


def opened(tab: Tab, name: str) -> list[str]:
    """The rows of the register by what they open."""
    found: list[str] = tab.page.locator(f"#{name}-rows [data-open]").evaluate_all(
        "all => all.map(one => one.dataset.open)"
    )
    return found


@pytest.mark.parametrize("name", sorted(FIRMS))
def test_the_figures_at_the_head_are_the_apis(cases: Running, tab: Tab, name: str) -> None:
    show(tab, cases, name)
    for kpi in FIRMS[name]:
        value = api(cases, kpi)
        tab.shows(f'#{name}-figures [data-kpi="{kpi}"]', value)
    show(tab, cases, name, town=TOWN)
    for kpi in FIRMS[name]:
        figure = tab.page.locator(f'#{name}-figures [data-kpi="{kpi}"]').first
        expect(figure).to_have_attribute("data-value", str(api(cases, kpi, TOWN)))


def test_a_click_on_a_stage_filters_the_enterprises(cases: Running, tab: Tab) -> None:
    show(tab, cases, "enterprises", town=TOWN)
    count = tab.page.locator('#enterprises-pipeline [data-pick="stage:reviewing"] [data-kpi="enterprise_stage"]')
    expect(count).to_have_attribute("data-value", str(api(cases, "enterprise_stage", TOWN, stage="reviewing")))
    tab.page.click('#enterprises-pipeline [data-pick="stage:reviewing"] .n')
    settled(tab, "enterprises")
    assert query_of(tab) == {"town": TOWN, "stage": "reviewing"}
    tab.until("count => document.querySelectorAll('#enterprises-rows [data-open]').length === count", 2)
    assert set(opened(tab, "enterprises")) == {f"{TOWN}-E9002", f"{TOWN}-E9003"}
    tab.page.click('#enterprises-pipeline [data-pick="stage:reviewing"] .n')
    settled(tab, "enterprises")
    assert query_of(tab) == {"town": TOWN}


def test_a_click_on_an_age_filters_the_disputes(cases: Running, tab: Tab) -> None:
    show(tab, cases, "disputes", town=TOWN)
    count = tab.page.locator("#disputes-ages [data-dims*='\"1-3d\"']")
    expect(count).to_have_attribute("data-value", str(api(cases, "dispute_age", TOWN, age="1-3d")))
    tab.page.click('#disputes-ages [data-pick="age:1-3d"]')
    settled(tab, "disputes")
    assert query_of(tab) == {"town": TOWN, "age": "1-3d"}
    tab.until("count => document.querySelectorAll('#disputes-rows [data-open]').length === count", 2)
    assert set(opened(tab, "disputes")) == {f"{TOWN}-D9002", f"{TOWN}-D9003"}


@pytest.mark.parametrize(
    ("name", "key", "word"),
    [("enterprises", f"{TOWN}-E9002", "测试企业2"), ("disputes", f"{TOWN}-D9004", "超 ")],
)
def test_a_row_opens_its_drawer_and_escape_closes_it(cases: Running, tab: Tab, name: str, key: str, word: str) -> None:
    show(tab, cases, name, town=TOWN)
    row = tab.page.locator(f'#{name}-rows [data-open="{key}"]')
    row.focus()
    tab.page.keyboard.press("Enter")
    drawer = tab.page.locator(f"#{name}-drawer")
    expect(drawer).to_contain_text(word)
    assert query_of(tab) == {"town": TOWN, "open": key}
    tab.page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(row).to_be_focused()


@pytest.mark.parametrize("name", sorted(FIRMS))
def test_the_files_hold_what_the_api_tells(cases: Running, tab: Tab, tmp_path: Path, name: str) -> None:
    show(tab, cases, name, town=f"{TOWN},{OTHER}")
    listed = opened(tab, name)
    body = download(tab, '[data-k="csv-figures"]', tmp_path).read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    values = {(line[0], line[2]): line[4] for line in lines if len(line) > 4}
    book = CalamineWorkbook.from_path(str(download(tab, '[data-k="xlsx"]', tmp_path)))
    sheets = {one: book.get_sheet_by_name(one).to_python() for one in book.sheet_names}
    found = {(row[0], row[2]): row[4] for row in sheets["指标"][1:]}
    for kpi in FIRMS[name]:
        for town in (TOWN, OTHER):
            value = api(cases, kpi, town)
            got = values[kpi, town]
            assert (float(got) if got else None) == (None if value is None else pytest.approx(value, abs=1e-6)), kpi
            assert found[kpi, town] == ("" if value is None else pytest.approx(value, abs=1e-9)), kpi
    # The first table is the register: the very rows of the page, and nobody's formula.
    first = sheets[book.sheet_names[1]]
    assert {row[0] for row in first[1:]} == set(listed)


def test_a_formula_in_a_name_stays_a_text(cases: Running, tab: Tab, tmp_path: Path) -> None:
    cases.post("enterprise", [_firm(OTHER, 7, "applied", 1, name="=1+1")])
    show(tab, cases, "enterprises", town=OTHER)
    tab.until("key => document.querySelector(`[data-open='${key}']`)", f"{OTHER}-E9007")
    text = download(tab, '[data-k="csv-enterprises"]', tmp_path).read_text("utf-8-sig")
    assert "'=1+1" in text
    assert ",=1+1" not in text
