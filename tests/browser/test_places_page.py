"""The page 地点与巡段 in a real browser: filter, move on the map, add, close, take back, export, and who may not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from dashboard.domain.place import RegionPack
from tests.browser.running import Running, running
from tests.browser.tabs import LAPTOP, PATIENCE_MS, PHONE, TOWN, Tab, Tabs

POST = f"{TOWN}-K01"
ROW = "#places-grid .ag-center-cols-container .ag-row"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A world of this module's own: what is changed here must not be seen by other tests."""
    with running(tmp_path_factory.mktemp("places") / "data") as product:
        yield product


def opened(world: Running, tabs: Tabs, query: str = "", size: tuple[int, int] = LAPTOP, **how: Any) -> Tab:
    tab = tabs.new(size, **how)
    tab.open(f"{world.address}/admin/places{query}")
    return tab


def places(world: Running) -> dict[str, dict[str, Any]]:
    return {place["code"]: place for place in world.get("/api/v1/places")["places"]}


def saved(tab: Tab, words: str = "已保存") -> None:
    expect(tab.page.locator("#places-said")).to_contain_text(words, timeout=PATIENCE_MS)


def reason(tab: Tab, text: str = "路口改道") -> None:
    tab.page.locator('.pl-form [name="reason"]').fill(text)


def test_filters_narrow_list_map_and_address(world: Running, tabs: Tabs, pack: RegionPack) -> None:
    tab = opened(world, tabs, f"?kind=checkpoint&town={TOWN}")
    own = [place for place in pack.places if place.town == TOWN and place.kind == "checkpoint"]
    expect(tab.page.locator("#places-rows tbody tr")).to_have_count(len(own), timeout=PATIENCE_MS)
    tab.until("(n) => document.querySelector('#places-map canvas')?.dataset.places === n", str(len(own)))
    tab.page.locator('#places-bar [data-choose="beats"], #places-bar button:has-text("巡段")').first.click()
    tab.until("() => new URLSearchParams(location.search).get('part') === 'beats'")
    beats = [beat for beat in pack.beats if beat.town == TOWN]
    expect(tab.page.locator("#places-rows tbody tr")).to_have_count(len(beats), timeout=PATIENCE_MS)
    assert tab.errors == []


def test_a_post_is_moved_on_the_map_from_tomorrow(world: Running, tabs: Tabs) -> None:
    before = places(world)[POST]
    tab = opened(world, tabs, f"?kind=checkpoint&town={TOWN}&open=places/{POST}")
    form = tab.page.locator(".pl-form")
    expect(form.locator('[name="lat"]')).to_have_value(f"{before['lat']:.6f}", timeout=PATIENCE_MS)
    form.locator("[data-pickon]").click()
    ring = tab.page.locator("[data-ring]")
    expect(ring).to_be_visible(timeout=PATIENCE_MS)
    box = ring.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x + 14, y - 10, steps=4)
    tab.page.mouse.up()
    moved = form.locator('[name="lat"]').input_value()
    assert float(moved) > before["lat"]
    reason(tab)
    form.locator('button[type="submit"]').click()
    saved(tab)
    expect(tab.page.locator("#places-rows tr", has_text=before["name"])).to_contain_text(
        "明天起改位置", timeout=PATIENCE_MS
    )
    # Today nothing has moved.
    assert places(world)[POST] == before
    expect(tab.page.locator("#places-recent")).to_contain_text("路口改道")
    assert tab.errors == []


def test_a_new_place_from_today_is_there_at_once_and_can_be_taken_back(world: Running, tabs: Tabs) -> None:
    tab = opened(world, tabs, f"?town={TOWN}")
    tab.page.locator('[data-add="place"]').click()
    form = tab.page.locator(".pl-form")
    form.locator('[name="name"]').fill("高铁站卡点")
    form.locator('[name="town"]').select_option(TOWN)
    form.locator("[data-pickon]").click()
    area = tab.page.locator("#places-map").bounding_box()
    assert area is not None
    tab.page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    expect(form.locator('[name="lat"]')).not_to_have_value("", timeout=PATIENCE_MS)
    form.locator('[name="hours"]').fill("25:00")
    form.locator('[data-day]:has-text("今天起")').click()
    reason(tab, "新设")
    form.locator('button[type="submit"]').click()
    # What is not allowed is said in the form, and nothing typed is lost.
    expect(form.locator(".wrong")).to_contain_text("时段得到“25:00”", timeout=PATIENCE_MS)
    form.locator('[name="hours"]').fill("06:00-22:00")
    form.locator('button[type="submit"]').click()
    saved(tab)
    tab.until(
        "() => fetch('/api/v1/places').then((a) => a.json()).then((d) => d.places.some((p) => p.name === '高铁站卡点'))",
        every_ms=300,
    )
    tab.page.goto(f"{world.address}/admin/places?part=changes")
    row = tab.page.locator("#places-log tr[data-change]", has_text="高铁站卡点").first
    expect(row).to_contain_text("新设", timeout=PATIENCE_MS)
    row.locator("[data-back]").click()
    back = tab.page.locator(".ru-form")
    back.locator('[name="reason"]').fill("撤回")
    day = datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()
    back.locator('[name="day"]').fill(day)
    back.locator('button[type="submit"]').click()
    saved(tab)
    tab.until(
        "() => fetch('/api/v1/places').then((a) => a.json()).then((d) => !d.places.some((p) => p.name === '高铁站卡点'))",
        every_ms=300,
    )
    assert tab.errors == []


def test_a_place_is_closed_only_when_it_is_said_twice(world: Running, tabs: Tabs) -> None:
    code = f"{TOWN}-K02"
    tab = opened(world, tabs, f"?open=places/{code}")
    form = tab.page.locator(".pl-form")
    form.locator("[data-close]").click(timeout=PATIENCE_MS)
    form.locator("[data-keep]").click()
    form.locator("[data-close]").click()
    reason(tab, "撤点")
    form.locator("[data-close]").click()
    saved(tab)
    tab.page.goto(f"{world.address}/admin/places?open=places/{code}")
    expect(tab.page.locator(".pl-note")).to_contain_text("从明天起已关闭", timeout=PATIENCE_MS)
    assert code in places(world)


def test_what_is_shown_is_what_the_file_holds(world: Running, tabs: Tabs, pack: RegionPack) -> None:
    tab = opened(world, tabs, "?kind=station")
    own = [place for place in pack.places if place.kind == "station"]
    expect(tab.page.locator("#places-rows tbody tr")).to_have_count(len(own), timeout=PATIENCE_MS)
    shown = tab.page.locator("#places-rows tbody tr .pl-name").all_inner_texts()
    answer = tab.page.request.get(f"{world.address}/api/v1/export/places.csv?table=places&kind=station&lang=zh")
    assert answer.ok
    rows = list(csv.reader(io.StringIO(answer.body().decode("utf-8-sig"))))
    at = next(number for number, row in enumerate(rows) if row[:2] == ["编号", "名称"])
    assert [row[1] for row in rows[at + 1 :] if row] == shown


def test_a_viewer_of_one_town_is_refused_and_a_phone_works(world: Running, tabs: Tabs) -> None:
    tab = opened(world, tabs, headers=world.reader(TOWN))
    expect(tab.page.locator(".tw-notice")).to_contain_text("无查看权限", timeout=PATIENCE_MS)
    phone = opened(world, tabs, f"?open=places/{TOWN}-S01", size=PHONE)
    form = phone.page.locator(".pl-form")
    expect(form).to_be_visible(timeout=PATIENCE_MS)
    form.locator("[data-pickon]").click()
    expect(phone.page.locator("[data-picked]")).to_be_visible()
    phone.page.locator("[data-picked]").click()
    expect(form).to_be_visible()
    form.locator('[name="name"]').fill("姚庄中心派出所")
    reason(phone, "更名")
    form.locator('button[type="submit"]').click()
    saved(phone)
    wide = phone.page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= PHONE[0]
    assert phone.errors == []


def test_a_reader_of_all_towns_may_look_and_not_change(world: Running, tabs: Tabs) -> None:
    tab = opened(world, tabs, f"?open=places/{POST}", headers=world.reader())
    expect(tab.page.locator(".pl-note")).to_contain_text("您可以查看，不能修改", timeout=PATIENCE_MS)
    assert tab.page.locator(".pl-form").count() == 0
    assert tab.page.locator("[data-add]").count() == 0


def test_tomorrow_is_what_a_change_is_made_for(world: Running) -> None:
    packs = [path.name for path in Path(world.data, "packs", "330421").iterdir()]
    tomorrow = (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(days=1)).strftime("%Y%m%d")
    assert any(name.startswith(tomorrow) for name in packs)
