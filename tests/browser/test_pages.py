"""Every page in both languages and at three sizes: nothing broken, nothing foreign, nothing made up."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from dashboard.domain.place import RegionPack
from tests.browser.running import Running
from tests.browser.tabs import DESK, LAPTOP, PHONE, SILENT, TOWN, Tabs

PAGES = ("/", "/wall", f"/town/{TOWN}", "/system")
LANGUAGES = ("zh", "en")
HAN = re.compile(r"[\u3400-\u9fff]+")

DIFFERENT = """async () => {
  const told = (await (await fetch('/api/v1/figures', {cache: 'no-store'})).json()).figures;
  const same = (a, b) => a === null ? b === '' : b !== '' && Math.abs(a - Number(b)) < 1e-9;
  window.different = [...document.querySelectorAll('[data-kpi]')].map((element) => element.dataset).filter((d) =>
    !told.some((one) => one.kpi === d.kpi && one.town === d.town && same(one.value, d.value)
      && one.freshness === d.freshness)).map((d) => ({...d}));
  return window.different.length === 0;
}"""
INCOMPLETE = """() => [...document.querySelectorAll('[data-kpi]')].filter((element) =>
  !['kpi', 'town', 'freshness'].every((name) => element.dataset[name]) || element.dataset.value === undefined)
  .map((element) => element.outerHTML.slice(0, 200))"""
MEASURED = '[data-kpi]:not([data-kpi^="obligations_"])'
"""What only records can tell. How many visits are owed, the region pack tells without any."""
TEXTS = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (!holder.closest('script, style, [lang="zh-CN"]')) found.push(walker.currentNode.textContent.trim());
  }
  for (const element of document.body.querySelectorAll('*'))
    for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
      if (element.hasAttribute(name)) found.push(element.getAttribute(name));
  return [...found, document.title].filter(Boolean);
}"""


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_at_every_size_and_an_english_one_is_english(
    product: Running, tabs: Tabs, pack: RegionPack, path: str, lang: str
) -> None:
    tab = tabs.new()
    page = tab.page
    for sizes in ((DESK, LAPTOP), (PHONE,)):
        for nth, (width, height) in enumerate(sizes):
            page.set_viewport_size({"width": width, "height": height})
            if nth == 0:
                answer = tab.open(f"{product.address}{path}?lang={lang}")
                assert answer.status == 200
                page.wait_for_selector("#system-page h1" if path == "/system" else "[data-kpi]", state="attached")
                assert page.get_attribute("html", "lang") == ("en" if lang == "en" else "zh-CN")
            if (width, height) == PHONE:
                wide = page.evaluate(
                    "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
                )
                assert wide[0] <= wide[1]
            assert page.evaluate(INCOMPLETE) == []
        if lang == "en":
            assert chinese(page, pack) == []
    assert tab.errors == []
    assert tab.hosts == {product.address.removeprefix("http://")}


@pytest.mark.parametrize("path", ["/", "/wall", f"/town/{TOWN}", f"/town/{SILENT}"])
def test_figures_are_those_of_the_api(product: Running, tabs: Tabs, path: str) -> None:
    tab = tabs.new()
    tab.open(product.address + path)
    tab.drawn()
    try:
        tab.told(DIFFERENT)
    except AssertionError:
        pytest.fail(f"not what the API says: {tab.page.evaluate('() => window.different')}")


@pytest.mark.parametrize("path", [f"/town/{SILENT}", "/no-such-page", "/town/000000"])
def test_an_english_page_is_english(product: Running, tabs: Tabs, pack: RegionPack, path: str) -> None:
    tab = tabs.new()
    tab.open(f"{product.address}{path}?lang=en")
    tab.page.wait_for_selector("[data-kpi], .tw-notice", state="attached")
    assert chinese(tab.page, pack) == []


def chinese(page: Page, pack: RegionPack) -> list[str]:
    """The texts of a page that hold Chinese other than names."""
    names = {pack.name, "镇哨"}
    for town in pack.towns:
        names |= {town.name, *town.aliases}
    names |= {one.name for kind in (pack.places, pack.beats, pack.units) for one in kind}
    names |= {unit.leader for unit in pack.units}
    # Enterprises that other tests of this session registered stand by their names too.
    names |= {f"测试企业{number}" for number in range(10)}
    longest_first = re.compile("|".join(map(re.escape, sorted(filter(HAN.search, names), key=len, reverse=True))))
    return [text for text in page.evaluate(TEXTS) if HAN.search(longest_first.sub("", text))]


@pytest.mark.parametrize(("lang", "word"), [("zh", "未报|无数据"), ("en", "(?i)not reported|no data|silent|never")])
def test_silence_is_shown_as_silence(empty: Running, tabs: Tabs, lang: str, word: str) -> None:
    tab = tabs.new()
    page = tab.page
    for path, figures in (("/", "#tw-overview"), ("/wall", "#wall-tiles"), (f"/town/{TOWN}", "#town-figures")):
        tab.open(f"{empty.address}{path}?lang={lang}")
        tab.drawn()
        assert set(page.eval_on_selector_all("[data-kpi]", "all => all.map(e => e.dataset.freshness)")) == {"silent"}
        measured = page.locator(MEASURED)
        assert set(measured.evaluate_all("all => all.map(e => e.dataset.value)")) == {""}
        for shown in page.locator(figures).locator(MEASURED).all_inner_texts():
            assert "—" in shown
            assert re.search(word, shown)
            assert not re.search(r"(?<![\d.])0(?![\d.])", shown)
        whole = page.locator("#main").inner_text()
        assert "各镇正常" not in whole
        assert "all towns normal" not in whole


@pytest.mark.parametrize(("lang", "words"), [("zh", "没有这一页"), ("en", "No such page")])
def test_an_unknown_page_is_a_404_in_the_frame(product: Running, tabs: Tabs, lang: str, words: str) -> None:
    tab = tabs.new()
    answer = tab.open(f"{product.address}/no-such-page?lang={lang}")
    assert answer.status == 404
    expect(tab.page.locator("h1")).to_have_text(words)
    expect(tab.page.locator("#tw-top")).to_be_visible()
    tab.page.click(".tw-notice a")
    tab.page.wait_for_selector("#tw-overview [data-kpi]")


def test_a_page_is_reached_by_keyboard(product: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP)
    page = tab.page
    tab.open(f"{product.address}/town/{TOWN}")
    tab.drawn()
    page.keyboard.press("Tab")
    expect(page.locator(".tw-skip")).to_be_focused()
    expect(page.locator(".tw-skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("/")
    search = page.locator("#town-search input")
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    page.keyboard.type("/")
    expect(search).to_have_value("/")
    assert tab.errors == []
