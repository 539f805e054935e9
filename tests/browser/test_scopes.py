"""Two viewers of different towns, each with a token: neither is ever sent what belongs to the other."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from dashboard.domain.place import RegionPack
from tests.browser.running import Running
from tests.browser.tabs import OTHER, TOWN, Tabs

FIGURES = """() => [...document.querySelectorAll('[data-kpi]')].map((element) => ({
  kpi: element.dataset.kpi, town: element.dataset.town, value: element.dataset.value }))"""


@pytest.fixture(scope="module")
def viewers(product: Running) -> dict[str, dict[str, str]]:
    """The headers of a viewer of each town."""
    return {town: product.reader(town) for town in (TOWN, OTHER)}


@pytest.mark.parametrize(("own", "foreign"), [(TOWN, OTHER), (OTHER, TOWN)])
def test_a_viewer_is_sent_nothing_of_another_town(
    product: Running, tabs: Tabs, pack: RegionPack, viewers: dict[str, dict[str, str]], own: str, foreign: str
) -> None:
    tab, other = (tabs.new(headers=viewers[town]) for town in (own, foreign))
    other.open(f"{product.address}/town/{foreign}")
    tab.open(f"{product.address}/town/{own}")
    tab.drawn()
    assert tab.page.evaluate("() => townwatch.viewer().towns") == [own]
    told = {one["town"] for one in tab.page.evaluate(FIGURES)}
    assert told == {own}

    tab.open(f"{product.address}/")
    tab.drawn()
    assert {one["town"] for one in tab.page.evaluate(FIGURES)} == {own, "all"}
    # A map names the neighbours; a table of figures does not.
    expect(tab.page.locator("#tw-shell")).not_to_contain_text(pack.town_by_code[foreign].name)
    # What the viewer may see is not the county.
    expect(tab.page.locator("#tw-overview")).not_to_contain_text("全县")
    # A fever in the other town is seen there, and the viewer's sums stay those of the own town.
    mine = f'#tw-overview [data-kpi="fever_count"][data-town="{own}"]'
    count = product.figure("fever_count", own)
    tab.shows(mine, count)
    theirs = f'#town-figures [data-kpi="fever_count"][data-town="{foreign}"]'
    before = int(other.value(theirs) or 0)
    product.fever(foreign)
    other.shows(theirs, before + 1)
    # One of the viewer's own comes after it: what the foreign one causes has arrived by then.
    product.fever(own)
    tab.shows(mine, count + 1)
    for figure in tab.page.evaluate(FIGURES):
        if figure["kpi"] == "fever_count":
            assert figure["value"] == str(count + 1)

    places = {place.code for place in pack.places if place.town == foreign}
    for frame in tab.frames:
        document = json.loads(frame)
        assert document.get("scope") != foreign
        values = list(_words(document))
        assert not any(_belongs(value, foreign, places) for value in values), frame[:400]


def _words(document: object) -> list[str]:
    if isinstance(document, dict):
        return [word for key, value in document.items() for word in (key, *_words(value))]
    if isinstance(document, list):
        return [word for value in document for word in _words(value)]
    return [document] if isinstance(document, str) else []


def _belongs(word: str, town: str, places: set[str]) -> bool:
    return word == town or word in places or word.startswith(f"{town}-")


def test_the_page_of_another_town_is_refused(product: Running, tabs: Tabs, viewers: dict[str, dict[str, str]]) -> None:
    for lang, words in (("zh", "无查看权限"), ("en", "Not allowed")):
        tab = tabs.new(headers=viewers[TOWN])
        answer = tab.open(f"{product.address}/town/{OTHER}?lang={lang}")
        assert answer.status == 403
        expect(tab.page.locator(".tw-notice h1")).to_have_text(words)
        assert tab.page.locator("[data-kpi]").count() == 0
        assert tab.page.locator(f'#tw-switch a[href^="/town/{OTHER}"]').count() == 0
        assert tab.page.locator(f'#tw-switch a[href^="/town/{TOWN}"]').count() == 1


@pytest.mark.parametrize("path", ["/wall", "/system"])
def test_a_page_of_the_whole_region_says_that_it_may_not_be_seen(
    product: Running, tabs: Tabs, viewers: dict[str, dict[str, str]], path: str
) -> None:
    for lang, words in (("zh", "无查看权限"), ("en", "Not allowed")):
        tab = tabs.new(headers=viewers[TOWN])
        tab.open(f"{product.address}{path}?lang={lang}")
        expect(tab.page.locator("#main")).to_contain_text(words)
        assert tab.page.locator("[data-kpi]").count() == 0
