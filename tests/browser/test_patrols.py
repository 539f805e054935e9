"""The page of patrols in a browser: filtered, drilled, compared, taken out as files and read back, by mouse and by keys."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook

from tests.browser.desks import download, drawn, query_of
from tests.browser.running import Running, now
from tests.browser.tabs import DESK, LAPTOP, OTHER, PHONE, TOWN, Tab, Tabs

COVERAGE = '#patrols-figures [data-tile="patrol_coverage"]'
CELL = "#patrols-matrix [data-cell]"
KPIS = ("patrol_coverage", "obligations_met", "obligations_lapsed", "obligations_unobservable", "obligations_open")


@pytest.fixture
def tab(product: Running, tabs: Tabs) -> Iterator[Tab]:
    """The page at its default, drawn; its console must stay silent."""
    one = tabs.new(LAPTOP)
    show(one, product)
    yield one
    assert one.errors == []


def show(tab: Tab, product: Running, **query: str) -> None:
    """Open the page under a query and wait until its table is drawn."""
    tab.open(f"{product.address}/patrols?{urlencode(query)}")
    settled(tab)


def settled(tab: Tab) -> None:
    """Wait until the page shows what its address asks for."""
    drawn(tab, "patrols", "#patrols-matrix [data-cell], #patrols-matrix .dk-none")


def api(product: Running, kpi: str, town: str = "all", target: str | None = "patrol_point") -> dict[str, Any]:
    """A figure as the API tells it, of patrol points alone as the page shows them."""
    found: list[dict[str, Any]] = product.get(f"/api/v1/figures?kpi={kpi}&town={town}")["figures"]
    return next(one for one in found if one["dims"] == ({"target": target} if target else {}))


def shown(tab: Tab, kpi: str) -> str | None:
    """A figure's raw value at the page's head."""
    return tab.page.get_attribute(f'#patrols-figures [data-kpi="{kpi}"]', "data-value")


def agree(tab: Tab, product: Running, town: str = "all") -> None:
    """Every figure at the page's head is the API's."""
    for kpi in KPIS:
        value = api(product, kpi, town)["value"]
        raw = shown(tab, kpi) or ""
        assert (float(raw) if raw else None) == value, kpi


def test_the_figures_are_the_apis_and_follow_a_record(product: Running, tab: Tab) -> None:
    agree(tab, product)
    place = next(
        one
        for one in product.get(f"/api/v1/places?kind=patrol_point&town={TOWN}")["places"]
        if one["code"].endswith("P03")
    )
    before = shown(tab, "person_times")
    product.post(
        "patrol",
        [
            {
                "id": f"checkin-{now()}",
                "town": TOWN,
                "at": now(),
                "unit": f"{TOWN}-U4",
                "officers": 7,
                "kind": "checkin",
                "place": place["code"],
            }
        ],
    )
    tab.until(
        "before => document.querySelector('#patrols-figures [data-kpi=person_times]').dataset.value !== before", before
    )
    agree(tab, product)


def test_a_filter_goes_into_the_address_and_back_and_forward_take_it(product: Running, tab: Tab) -> None:
    page = tab.page
    tab.mark()
    page.click('[data-menu="town"]')
    page.click(f'#patrols-menu [data-option="{TOWN}"]')
    settled(tab)
    assert query_of(page) == {"town": TOWN}
    expect(page.locator('[data-chip="town"]')).to_have_class(re.compile("changed"))
    agree(tab, product, TOWN)
    assert page.locator("#patrols-matrix tr.tn").count() == 1
    page.keyboard.press("Escape")
    expect(page.locator("#patrols-menu")).to_be_hidden()
    expect(page.locator('[data-menu="town"]')).to_be_focused()

    page.click('[data-pick="state:open"]')
    settled(tab)
    assert query_of(page) == {"town": TOWN, "state": "open"}
    link = page.url
    page.go_back()
    tab.until("() => !location.search.includes('state')")
    settled(tab)
    assert query_of(page) == {"town": TOWN}
    page.go_back()
    settled(tab)
    tab.until("() => document.querySelectorAll('#patrols-matrix tr.tn').length === 9")
    agree(tab, product)
    page.go_forward()
    tab.until("() => document.querySelectorAll('#patrols-matrix tr.tn').length === 1")
    agree(tab, product, TOWN)
    # It was one document all the way, and one socket.
    assert tab.marked()
    assert len(tab.sockets) == 1

    # Late in the evening nothing of the town may be open: then the page says so instead of a row.
    page.goto(link)
    settled(tab)
    tab.until("() => document.querySelectorAll('#patrols-matrix tr.tn').length <= 1")
    assert page.locator('[data-act="clear"]').inner_text() == "清除 2 项"
    page.click('[data-act="clear"]')
    settled(tab)
    assert query_of(page) == {}


def test_what_cannot_be_is_said_and_the_page_stands(product: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP)
    show(tab, product, town="nowhere", day="2999-01-01", colour="red")
    notices = tab.page.locator(".dk-notice")
    expect(notices).to_have_count(3)
    expect(notices.first).to_contain_text("day 是“2999-01-01”")
    agree(tab, product)


def test_the_table_is_walked_by_keys_and_a_cell_filters_everything(product: Running, tab: Tab) -> None:
    page = tab.page
    page.locator(CELL).first.focus()
    first = page.evaluate("() => document.activeElement.dataset.cell")
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.evaluate("() => document.activeElement.dataset.cell") == first
    page.keyboard.press("End")
    assert page.evaluate("() => document.activeElement.dataset.cell").endswith(
        "|" + page.locator("#patrols-matrix th.h").last.inner_text()
    )
    # One stop for the tab key, however many cells.
    assert page.locator(f'{CELL}[tabindex="0"]').count() == 1

    filled = page.locator("#patrols-matrix tr.tn [data-cell]:not(.e)").first
    spoken = filled.get_attribute("aria-label") or ""
    assert re.match(r"^\S+ \d+ 时，(应结|已巡|漏巡|无法判定|未到期)", spoken), spoken
    town, _, hour = (filled.get_attribute("data-cell") or "").split("|")
    filled.focus()
    page.keyboard.press("Enter")
    settled(tab)
    assert query_of(page)["town"] == town
    assert query_of(page)["hour"].split(",")[0] == hour
    tab.until("() => document.querySelectorAll('#patrols-matrix tr.tn').length === 1")
    assert page.evaluate("() => document.activeElement.dataset.cell") == f"{town}||{hour}"
    codes = page.evaluate("() => TW.map.held['patrols-map'].desk.data.points.map(point => point[0])")
    assert codes
    assert all(code.startswith(town) for code in codes)
    page.keyboard.press("Enter")
    settled(tab)
    assert "town" not in query_of(page)


def test_a_click_on_the_map_filters_its_town(product: Running, tab: Tab) -> None:
    page = tab.page
    page.wait_for_selector(f'#patrols-map [data-pick="town:{OTHER}"]')
    page.locator(f'#patrols-map [data-pick="town:{OTHER}"]').click(force=True)
    settled(tab)
    assert query_of(page) == {"town": OTHER}
    agree(tab, product, OTHER)


def test_a_row_opens_its_drawer_by_mouse_and_keys(product: Running, tab: Tab) -> None:
    page = tab.page
    rows = page.locator("#patrols-gap-list [data-open]")
    key = rows.first.get_attribute("data-open")
    rows.first.focus()
    page.keyboard.press("Enter")
    drawer = page.locator("#patrols-drawer")
    expect(drawer.locator("h2")).to_have_text(rows.first.locator(".g1 b").inner_text())
    assert query_of(page) == {"open": key}
    expect(drawer.locator(f'a[href^="/town/{(key or "")[:9]}"]')).to_be_visible()
    page.keyboard.press("ArrowDown")
    tab.until("key => new URLSearchParams(location.search).get('open') !== key", key)
    expect(drawer.locator("h2")).to_have_text(rows.nth(1).locator(".g1 b").inner_text())
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    assert query_of(page) == {}
    expect(rows.nth(1)).to_be_focused()


def test_help_opens_by_key_agrees_with_its_figure_and_leads_to_the_records(product: Running, tab: Tab) -> None:
    page = tab.page
    button = page.locator('[data-help="patrol_coverage"]')
    button.focus()
    page.keyboard.press("Enter")
    pop = page.locator("#patrols-pop")
    expect(pop).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    figure = api(product, "patrol_coverage")
    heads = pop.locator("dt").all_inner_texts()
    assert heads == ["定义", "分子", "分母", "不计入", "来源", "规则"]
    assert pop.locator("dd b").nth(0).inner_text() == f"{figure['numerator']:,}"
    assert pop.locator("dd b").nth(1).inner_text() == f"{figure['denominator']:,}"
    link = pop.locator("footer a")
    assert link.inner_text() == f"看这 {figure['denominator']:,} 处 ›"
    page.keyboard.press("Escape")
    expect(pop).to_be_hidden()
    expect(button).to_be_focused()

    page.keyboard.press("Enter")
    link.click()
    settled(tab)
    assert query_of(page) == {"list": "closed"}
    expect(page.locator("#patrols-register-note b")).to_have_text(f"{figure['denominator']:,}")
    box = page.locator('[data-help="cells_seen"]')
    box.click()
    expect(pop).to_be_visible()
    page.click("#patrols-head h1")
    expect(pop).to_be_hidden()


def test_slash_searches_and_what_is_typed_stays_while_figures_come_in(product: Running, tab: Tab) -> None:
    page = tab.page
    page.keyboard.press("/")
    field = page.locator(".dk-find input")
    expect(field).to_be_focused()
    page.keyboard.type(f"{TOWN}-P01")
    tab.until(
        "() => document.querySelectorAll('#patrols-gap-list [data-open]').length <= 1 && location.search.includes('q=')"
    )
    product.post("patrol", [product.fix(TOWN, f"{TOWN}-U1", 120.95, 30.91)])
    assert query_of(page)["q"] == f"{TOWN}-P01"
    expect(field).to_have_value(f"{TOWN}-P01")
    page.keyboard.press("Escape")
    settled(tab)
    assert query_of(page) == {}


def test_two_towns_stand_beside_each_other(product: Running, tab: Tab) -> None:
    page = tab.page
    page.click('[data-menu="vs"]')
    page.click(f'#patrols-menu [data-vs="town:{OTHER}"]')
    settled(tab)
    assert query_of(page) == {"vs": f"town:{OTHER}"}
    other = page.locator('#patrols-compare [data-side="b"][data-kpi="obligations_open"]')
    expect(other).to_have_attribute("data-value", str(api(product, "obligations_open", OTHER)["value"]))
    expect(other).to_have_attribute("data-town", OTHER)
    page.click('[data-clear="vs"]')
    expect(page.locator("#patrols-compare")).to_be_hidden()


def test_a_past_day_says_that_it_is_not_live(product: Running, tab: Tab) -> None:
    page = tab.page
    page.click('[data-menu="when"]')
    page.locator("#patrols-menu [data-day]").nth(1).click()
    settled(tab)
    expect(page.locator(".dk-past")).to_contain_text("不是实况")
    day = query_of(page)["day"]
    found = product.get(f"/api/v1/figures?kpi=obligations_unobservable&town={TOWN}&day={day}")["figures"]
    value = next(one["value"] for one in found if one["dims"] == {"target": "patrol_point"})
    page.goto(f"{page.url}&town={TOWN}")
    settled(tab)
    tab.until(
        "value => document.querySelector('#patrols-figures [data-kpi=obligations_unobservable]')?.dataset.value === value",
        str(value),
    )
    page.click('[data-act="now"]')
    settled(tab)
    assert "day" not in query_of(page)


def test_the_files_hold_what_the_page_shows(product: Running, tab: Tab, tmp_path: Path) -> None:
    page = tab.page
    show(tab, product, town=f"{TOWN},{OTHER}", target="all")
    listed = page.evaluate("() => TW.map.held['patrols-map'].desk.data.points.map(point => point[0])")
    raw = float(shown(tab, "obligations_open") or "nan")

    file = download(tab, '[data-k="csv-figures"]', tmp_path)
    assert re.fullmatch(r"巡逻-指标-\d{8}-\d{4}\.csv", file.name)
    body = file.read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    about = {line[0]: line[1] for line in lines if line[0].startswith("# ")}
    names = {one["code"]: one["name"] for one in product.get("/api/v1/towns")["towns"]}
    assert set(about["# 镇（街道）"].split("、")) == {names[TOWN], names[OTHER]}
    assert int(about["# known_seq"]) <= product.get("/api/v1/figures?kpi=screened")["known_seq"]
    head = lines[len([line for line in lines if line[0].startswith("# ")])]
    rows = [dict(zip(head, line, strict=True)) for line in lines[lines.index(head) + 1 :]]
    values = {(row["指标代码"], row["镇（街道）代码"]): row["值"] for row in rows}
    whole = next(town for kpi, town in values if "," in town)
    assert set(whole.split(",")) == {TOWN, OTHER}
    assert float(values["obligations_open", whole]) == raw
    for town in (TOWN, OTHER):
        for kpi in KPIS:
            value = api(product, kpi, town, None)["value"]
            got = values[kpi, town]
            assert (None if got == "" else float(got)) == (None if value is None else pytest.approx(value, abs=1e-6)), (
                kpi
            )

    book = CalamineWorkbook.from_path(str(download(tab, '[data-k="xlsx"]', tmp_path)))
    assert book.sheet_names == ["说明", "最久未到", "巡段", "巡逻义务", "指标"]
    gaps = book.get_sheet_by_name("最久未到").to_python()
    assert {row[1] for row in gaps[1:]} == set(listed)
    table = book.get_sheet_by_name("指标").to_python()
    sheet = {(row[0], row[2]): row[4] for row in table[1:]}
    assert sheet["obligations_open", whole] == raw
    owed = book.get_sheet_by_name("巡逻义务").to_python()
    assert sum(row[9] == "未到期" for row in owed[1:]) == raw
    assert tab.errors == []


def test_pictures_are_of_what_is_drawn(product: Running, tab: Tab, tmp_path: Path) -> None:
    page = tab.page
    drawing = download(tab, '[data-picture-of="2"][data-ending="svg"]', tmp_path).read_text("utf-8")
    assert "@font-face" in drawing
    assert "data:font/woff2;base64," in drawing
    said = re.sub(r"\s+", "", "".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawing)))
    for word in page.locator("#patrols-matrix tbody b").all_inner_texts():
        assert re.sub(r"\s+", "", word) in said, word
    assert "<foreignObject" not in drawing
    picture = download(tab, '[data-picture-of="0"][data-ending="png"]', tmp_path).read_bytes()
    assert picture.startswith(b"\x89PNG")
    width, height = int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])
    box = page.locator("#patrols-page").bounding_box()
    assert box is not None
    assert abs(width - 2 * (box["width"] + 24)) <= 4
    assert abs(height - 2 * (box["height"] + 24)) <= 40


def test_a_view_is_kept_by_name_and_opened_again(product: Running, tab: Tab) -> None:
    page = tab.page
    show(tab, product, town=TOWN, state="open")
    page.click('[data-menu="saved"]')
    page.fill("#patrols-menu input[name=name]", "姚庄未到期")
    page.keyboard.press("Enter")
    page.click('[data-act="clear"]')
    settled(tab)
    page.click('[data-menu="saved"]')
    page.click("#patrols-menu [data-saved]")
    settled(tab)
    assert query_of(page) == {"town": TOWN, "state": "open"}


def test_a_viewer_of_one_town_sees_and_takes_its_own(product: Running, tabs: Tabs) -> None:
    headers = product.reader(TOWN)
    tab = tabs.new(LAPTOP, headers=headers)
    show(tab, product)
    tab.until("() => document.querySelectorAll('#patrols-matrix tr.tn').length === 1")
    frames = [json.loads(frame) for frame in tab.frames]
    told = json.dumps([frame["data"] for frame in frames if frame["type"] == "view" and frame["view"] == "patrols"])
    assert set(re.findall(r"330421\d{3}", told)) == {TOWN}
    with pytest.raises(Exception, match="403"):
        product.get(f"/api/v1/export/patrols.csv?scope={OTHER}", headers)
    with pytest.raises(Exception, match="404"):
        product.get("/api/v1/export/nothing.csv", headers)
    with pytest.raises(Exception, match="404"):
        product.get("/api/v1/export/patrols.csv?table=nothing", headers)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("sizes", [(DESK, LAPTOP, (1280, 800)), (PHONE, (768, 1024))])
def test_nothing_runs_over_the_edge(
    product: Running, tabs: Tabs, sizes: tuple[tuple[int, int], ...], lang: str
) -> None:
    tab = tabs.new(sizes[0])
    show(tab, product, lang=lang, town=TOWN, vs=f"town:{OTHER}")
    for width, height in sizes:
        tab.page.set_viewport_size({"width": width, "height": height})
        # Charts follow their boxes after the resize.
        tab.until(
            "() => { const page = document.querySelector('#patrols-page'); return page.scrollWidth <= page.clientWidth; }"
        )
        if width < 900:
            if (width, height) == sizes[0]:
                tab.page.click(".dk-narrow")
            expect(tab.page.locator(".dk-bar.sheet [data-menu=town]")).to_be_visible()
    assert tab.errors == []
