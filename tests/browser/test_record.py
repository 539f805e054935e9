"""Records entered by hand, on a phone and on a desk: with a connection and without one, corrected, withdrawn, drilled."""

from __future__ import annotations

import csv
import io
import itertools
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.domain.feed import Feed
from dashboard.domain.form import form_of
from dashboard.feeds import FEEDS
from tests.browser.running import Running
from tests.browser.tabs import DESK, LAPTOP, PHONE, Tab, Tabs

TOWN, ZERO, CASES = "330421105", "330421107", "330421102"
"""Towns that no other test sends records of: one for readings, one for 零报告, one for disputes."""
TABLET = (768, 1024)
HAN = re.compile(r"[\u3400-\u9fff]+")
PATIENCE_MS = 40_000
_numbers = itertools.count(1)


@pytest.fixture
def phone(tabs: Tabs) -> Tab:
    """A phone's tab."""
    return tabs.new(PHONE)


def opened(tab: Tab, product: Running, path: str) -> Page:
    """A page of forms that knows who is at it."""
    tab.open(product.address + path)
    tab.page.wait_for_selector("#record-head p:not(:empty)", timeout=PATIENCE_MS)
    return tab.page


def pick(page: Page, field: str, text: str) -> None:
    """Choose from a picker by typing."""
    page.click(f'[data-field="{field}"] .rf-pick')
    page.wait_for_selector(".rf-picker li[data-at]")
    page.fill(".rf-picker input", text)
    page.wait_for_selector(f'.rf-picker li[data-code*="{text}"]')
    page.keyboard.press("Enter")
    expect(page.locator(".rf-picker")).to_have_count(0)


def fill_reading(page: Page, celsius: str) -> None:
    """A temperature at the town's first checkpoint."""
    pick(page, "checkpoint", f"{TOWN}-K01")
    page.fill('[data-field="celsius"] input', celsius)
    page.click('[data-field="direction"] [data-value="in"]')


def done(page: Page, what: str) -> Locator:
    """The receipt, once it says so."""
    found = page.locator(f'#record-done[data-done="{what}"]')
    expect(found).to_be_visible(timeout=PATIENCE_MS)
    return found


def stored(product: Running, query: str, count: int, tab: Tab) -> list[dict[str, object]]:
    """The records that a query finds, once there are so many."""
    tab.told(
        "async ([query, count]) => (await (await fetch('/api/v1/records?' + query, {cache: 'no-store'})).json()).total === count",
        [query, count],
    )
    found: list[dict[str, object]] = product.get(f"/api/v1/records?{query}")["records"]
    return found


def figure(product: Running, kpi: str, town: str) -> int:
    """A count as the API tells it; a town that has not reported has none yet."""
    return int(product.figure(kpi, town) or 0)


def until_figure(tab: Tab, kpi: str, town: str, value: int) -> None:
    """Wait for a figure of the API."""
    tab.told(
        "async ([kpi, town, value]) => ((await (await fetch(`/api/v1/figures?kpi=${kpi}&town=${town}`, {cache: 'no-store'})).json()).figures[0].value || 0) === value",
        [kpi, town, value],
    )


def test_a_reading_entered_on_a_phone_counts_and_can_be_undone(product: Running, phone: Tab) -> None:
    page = opened(phone, product, f"/record/temperature?town={TOWN}")
    before = figure(product, "screened", TOWN)
    fill_reading(page, "38.4")
    page.click("#record-send")
    receipt = done(page, "accepted")
    expect(receipt).to_contain_text(re.compile(r"编号 \d{8}-[0-9A-Z]{10}"))
    until_figure(phone, "screened", TOWN, before + 1)
    expect(page.locator("#record-mine .rf-row[data-record]").first).to_contain_text("38.4 ℃", timeout=PATIENCE_MS)
    receipt.locator('[data-do="undo"]').click()
    done(page, "undone")
    until_figure(phone, "screened", TOWN, before)
    # Another one keeps the town and the place, and nothing that was said.
    page.click('[data-do="more"]')
    expect(page.locator('[data-field="checkpoint"] .rf-pick small')).to_have_text(f"{TOWN}-K01")
    expect(page.locator('[data-field="celsius"] input')).to_have_value("")
    assert phone.errors == []


def test_two_quick_taps_send_one_record(product: Running, phone: Tab) -> None:
    page = opened(phone, product, f"/record/temperature?town={TOWN}")
    before = product.get(f"/api/v1/records?feed=temperature&town={TOWN}")["total"]
    fill_reading(page, "36.2")
    page.evaluate("() => { const send = document.querySelector('#record-send'); send.click(); send.click(); }")
    done(page, "accepted")
    stored(product, f"feed=temperature&town={TOWN}", before + 1, phone)


def test_without_a_connection_an_entry_is_kept_and_sent_once_when_there_is_one(product: Running, phone: Tab) -> None:
    page = opened(phone, product, f"/record/temperature?town={TOWN}")
    before = product.get(f"/api/v1/records?feed=temperature&town={TOWN}")["total"]
    fill_reading(page, "36.7")
    page.context.set_offline(True)
    page.click("#record-send")
    receipt = done(page, "unsent")
    expect(receipt).to_contain_text("联网后自动发送")
    receipt.locator('[data-do="more"]').click()
    notice = page.locator('#record-notice [data-state="unsent"]')
    expect(notice).to_contain_text("还没发送")
    expect(notice).to_contain_text("36.7")
    assert product.get(f"/api/v1/records?feed=temperature&town={TOWN}")["total"] == before
    page.context.set_offline(False)
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    expect(page.locator("#record-notice [data-entry]")).to_have_count(0, timeout=PATIENCE_MS)
    found = stored(product, f"feed=temperature&town={TOWN}", before + 1, phone)
    assert [one["fields"]["celsius"] for one in found][:1] == [36.7]  # type: ignore[index]
    assert page.evaluate("() => localStorage.getItem('townwatch-unsent')") == "[]"


def test_what_names_somebody_is_refused_and_not_kept_by_the_browser(product: Running, phone: Tab) -> None:
    page = opened(phone, product, f"/record/dispute?town={CASES}")
    expect(page.locator('[data-field="handler"] .rf-help')).to_have_text("不写姓名、电话")
    page.evaluate(
        """(town) => twRecord.submit({ path: '/api/v1/forms/dispute', feed: 'dispute', town, label: '', body: { record: {
        id: twRecord.newId(), town, at: new Date(townwatch.now()).toISOString(), case: 'x', handler: '当事人王建国' } } })""",
        CASES,
    )
    page.wait_for_function("() => twRecord.items().some((item) => item.state === 'refused')", timeout=PATIENCE_MS)
    assert (
        page.evaluate("() => twRecord.items()[0].problems.find((one) => one.field === 'handler').message")
        == "不能写姓名，请写编号或代号"
    )
    assert "王建国" not in page.evaluate("() => JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")


def test_what_was_sent_without_a_connection_survives_a_reload(product: Running, phone: Tab) -> None:
    page = opened(phone, product, f"/record/temperature?town={TOWN}")
    before = product.get(f"/api/v1/records?feed=temperature&town={TOWN}")["total"]
    fill_reading(page, "36.9")
    page.route("**/api/v1/forms/temperature?*", lambda route: route.abort())
    page.click("#record-send")
    done(page, "unsent")
    page.unroute("**/api/v1/forms/temperature?*")
    opened(phone, product, "/record")
    stored(product, f"feed=temperature&town={TOWN}", before + 1, phone)
    expect(page.locator("#record-notice [data-entry]")).to_have_count(0, timeout=PATIENCE_MS)
    # The tab does not offer again what is on its way.
    opened(phone, product, f"/record/temperature?town={TOWN}")
    expect(page.locator('[data-field="celsius"] input')).to_have_value("")


def test_an_answer_that_got_lost_makes_no_second_record(product: Running, phone: Tab) -> None:
    page = opened(phone, product, f"/record/temperature?town={TOWN}")
    before = product.get(f"/api/v1/records?feed=temperature&town={TOWN}")["total"]
    fill_reading(page, "36.3")

    def swallow(route: object) -> None:
        route.fetch()  # type: ignore[attr-defined]
        route.abort()  # type: ignore[attr-defined]

    page.route("**/api/v1/forms/temperature?*", swallow, times=1)
    page.click("#record-send")
    done(page, "unsent")
    page.evaluate("() => window.twRecord.flush()")
    done(page, "accepted")
    stored(product, f"feed=temperature&town={TOWN}", before + 1, phone)


def test_what_is_typed_stays_in_the_tab_and_what_is_wrong_is_said_beside_it(product: Running, phone: Tab) -> None:
    page = opened(phone, product, f"/record/temperature?town={TOWN}")
    page.click("#record-send")
    expect(page.locator('[data-field="checkpoint"] .rf-error')).to_have_text("请选卡点")
    expect(page.locator('[data-field="celsius"] .rf-error')).to_have_text("请填体温")
    page.fill('[data-field="celsius"] input', "366")
    page.locator('[data-field="celsius"] input').blur()
    # Before it is sent, by the server's decoder.
    expect(page.locator('[data-field="celsius"] .rf-error')).to_have_text("得到“366”，应为 30 到 45 之间的数 ℃")
    assert page.get_attribute('[data-field="celsius"] input', "aria-invalid") == "true"
    page.reload()
    page.wait_for_selector("#record-head p:not(:empty)", timeout=PATIENCE_MS)
    expect(page.locator('[data-field="celsius"] input')).to_have_value("366")
    page.click('[data-do="wipe"]')
    expect(page.locator('[data-field="celsius"] input')).to_have_value("")


def test_one_tap_gives_the_position_and_a_refusal_is_told(product: Running, tabs: Tabs) -> None:
    tab = tabs.new(PHONE)
    page = opened(tab, product, f"/record/patrol?town={TOWN}")
    page.context.grant_permissions(["geolocation"], origin=product.address)
    page.context.set_geolocation({"longitude": 120.95701, "latitude": 30.91202, "accuracy": 12})
    page.click('[data-field="kind"] [data-value="position"]')
    expect(page.locator('[data-field="position"] .rf-required')).to_be_visible()
    page.click('[data-do="here"]')
    expect(page.locator('[data-field="position"]')).to_contain_text("120.95701, 30.91202")
    expect(page.locator('[data-field="position"]')).to_contain_text("±12 米")
    pick(page, "unit", f"{TOWN}-U1")
    before = product.get(f"/api/v1/records?feed=patrol&town={TOWN}")["total"]
    page.click("#record-send")
    done(page, "accepted")
    found = stored(product, f"feed=patrol&town={TOWN}", before + 1, tab)[0]
    assert (found["lon"], found["lat"], found["fields"]["accuracy"]) == (120.95701, 30.91202, 12)  # type: ignore[index]

    other = tabs.new(PHONE)
    page = opened(other, product, f"/record/patrol?town={TOWN}")
    page.context.clear_permissions()
    page.click('[data-do="here"]')
    expect(page.locator('[data-field="position"] .rf-error')).to_contain_text("手工填")


def test_a_case_is_chosen_and_moved_on(product: Running, phone: Tab) -> None:
    case = f"{CASES}-D{next(_numbers):04}"
    page = opened(phone, product, f"/record/dispute?town={CASES}")
    page.click('[data-field="case"] .rf-pick')
    page.fill(".rf-picker input", case)
    page.click(".rf-picker li.own")
    page.click('[data-field="stage"] [data-value="reported"]')
    page.click('[data-field="kind"] [data-value="wages"]')
    page.click("#record-send")
    done(page, "accepted")
    until_figure(phone, "dispute_open", CASES, 1)
    # A feed's page opens the form with its case in the address.
    page = opened(phone, product, f"/record/dispute?town={CASES}&case={case}")
    expect(page.locator('[data-field="case"] .rf-current')).to_contain_text("现在：已登记")
    expect(page.locator('[data-field="stage"] [data-value="reported"]')).to_have_text("已登记（现在）")
    page.click('[data-field="stage"] [data-value="resolved"]')
    page.click("#record-send")
    done(page, "accepted")
    until_figure(phone, "dispute_open", CASES, 0)
    until_figure(phone, "dispute_resolved", CASES, 1)


def test_a_zero_report_takes_two_taps_and_one_to_take_back(product: Running, phone: Tab) -> None:
    page = opened(phone, product, f"/record?town={ZERO}")
    expect(page.locator("#record-head h1")).to_have_text("陶庄镇今天还有 4 路没报")
    card = page.locator('[data-card="dispute"]')
    card.locator('[data-act="ask"]').click()
    expect(card.locator(".rf-confirm")).to_contain_text(re.compile("陶庄镇，.*纠纷.*由 本机 报零"))
    card.locator('[data-act="report"]').click()
    expect(card.locator(".rf-stand")).to_have_text(re.compile(r"本机 \d\d:\d\d 报零"), timeout=PATIENCE_MS)
    expect(page.locator("#record-head h1")).to_have_text("陶庄镇今天还有 3 路没报")
    assert [one["nothing"] for one in product.get(f"/api/v1/records?feed=dispute&town={ZERO}")["records"]] == [True]
    card.locator('[data-act="unreport"]').click()
    expect(card.locator(".rf-stand")).to_have_text("今天还没报", timeout=PATIENCE_MS)
    # All of a town at once.
    page.locator('[data-card="every"] [data-act="ask"]').click()
    page.locator('[data-card="every"] [data-act="report"]').click()
    expect(page.locator("#record-head h1")).to_have_text("陶庄镇今天 4 路都报了", timeout=PATIENCE_MS)
    for feed in (name for name, declared in FEEDS.items() if declared.core):
        page.locator(f'[data-card="{feed}"] [data-act="unreport"]').click()
        expect(page.locator(f'[data-card="{feed}"] .rf-stand')).to_have_text("今天还没报", timeout=PATIENCE_MS)
    assert phone.errors == []


def test_a_record_is_corrected_withdrawn_with_a_reason_and_found_with_its_versions(
    product: Running, tabs: Tabs
) -> None:
    tab = tabs.new(LAPTOP)
    page = opened(tab, product, f"/record/temperature?town={TOWN}")
    fill_reading(page, "35.5")
    page.click("#record-send")
    done(page, "accepted")
    row = page.locator("#record-mine .rf-row[data-record]", has_text="35.5 ℃").first
    row.locator("a", has_text="更正").click()
    page.wait_for_selector(".rf-fixing", timeout=PATIENCE_MS)
    expect(page.locator('[data-field="celsius"] input')).to_have_value("35.5")
    page.fill('[data-field="celsius"] input', "35.7")
    page.click("#record-send")
    expect(done(page, "accepted")).to_contain_text("已更正")
    row = page.locator("#record-mine .rf-row[data-record]", has_text="35.7 ℃").first
    expect(row.locator(".rf-tag")).to_have_text("更正过", timeout=PATIENCE_MS)
    name = row.get_attribute("data-record")

    tab.open(f"{product.address}/records?feed=temperature&town={TOWN}")
    line = page.locator(f'tr[data-record="{name}"]')
    expect(line).to_contain_text("35.7 ℃", timeout=PATIENCE_MS)
    line.locator(".rf-tag").click()
    expect(page.locator(".rl-scroll .rf-history")).to_contain_text("体温：35.5 ℃ → 35.7 ℃")
    line.locator("[data-withdraw]").click()
    page.locator(".rl-scroll [data-void]").click()
    assert page.get_attribute(".rl-scroll [data-reason]", "aria-invalid") == "true"
    page.fill(".rl-scroll [data-reason]", "测试用")
    page.locator(".rl-scroll [data-void]").click()
    expect(line).to_have_count(0, timeout=PATIENCE_MS)
    page.click('[data-state="withdrawn"]')
    gone = page.locator(f'tr[data-record="{name}"]')
    expect(gone).to_be_visible(timeout=PATIENCE_MS)
    gone.locator(".rf-tag").click()
    expect(page.locator(".rl-scroll .rf-history")).to_contain_text("理由：测试用")
    assert "state=withdrawn" in page.url


def test_a_figure_leads_to_its_records_and_the_file_holds_them(product: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP)
    product.post("temperature", [product.reading(TOWN, 38.0 + one / 10) for one in range(3)])
    until_figure_at_least = figure(product, "fever_count", TOWN)
    tab.open(f"{product.address}/records?kpi=fever_count&town={TOWN}")
    page = tab.page
    expect(page.locator("#records-head h1")).to_contain_text("体温异常，由", timeout=PATIENCE_MS)
    shown = page.locator("tr[data-record]").count()
    assert shown >= min(3, until_figure_at_least)
    # What a device sent, nobody here can change; the page says whom to ask.
    expect(page.locator(".rl-asks")).to_contain_text("只有发送方能更正或作废")
    with page.expect_download() as download:
        page.click("#records-files a >> nth=0")
    text = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    rows = [line for line in csv.reader(io.StringIO(text)) if not line[0].startswith("#")]
    assert len(rows) - 1 == page.locator("tr[data-record]").count()
    page.click('[data-drop="kpi"]')
    expect(page.locator("#records-head h1")).to_contain_text(re.compile(r"体温 \d+ 条记录"), timeout=PATIENCE_MS)
    assert "kpi" not in page.url


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", ["/record", *(f"/record/{name}" for name in FEEDS), "/records"])
def test_every_page_of_records_is_whole_at_every_size_and_every_field_has_its_name(
    product: Running, phone: Tab, path: str, lang: str
) -> None:
    page = phone.page
    phone.open(f"{product.address}{path}?town={TOWN}&lang={lang}")
    page.wait_for_selector("#record-head p:not(:empty), #records-head h1:not(:empty)", timeout=PATIENCE_MS)
    # 44 px under a thumb, but for links in texts.
    small = page.evaluate(
        """() => [...document.querySelectorAll('#main button, #main select, #main input, #main .rf-tab, #main .rf-btn')]
          .filter((one) => one.offsetParent !== null && !one.closest('.rl-bar') && !one.closest('details:not([open])'))
          .filter((one) => one.getBoundingClientRect().height < 42).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert small == []
    feed = FEEDS.get(path.rpartition("/")[2])
    if feed is not None and lang == "en":
        every_field_by_its_name(page, feed)
    # The page grows as a window does: what is laid out by width alone needs no new page.
    for width, height in (PHONE, TABLET, LAPTOP, DESK):
        page.set_viewport_size({"width": width, "height": height})
        own = page.evaluate(
            "() => [document.querySelector('#main').scrollWidth, document.querySelector('#main').clientWidth]"
        )
        assert own[0] <= own[1], (width, own)
    assert phone.errors == []
    assert phone.hosts == {product.address.removeprefix("http://")}


def every_field_by_its_name(page: Page, feed: Feed) -> None:
    """Each field of an English form can be seen and is called as the feed declares it; no Chinese is left."""
    for more in page.locator(".rf-more summary").all():
        more.click()
    for one in form_of(feed).fields:
        row = page.locator(f'[data-field="{one.name}"]')
        expect(row).to_be_visible()
        if one.control in ("number", "text"):
            assert row.locator("input").get_attribute("inputmode") == one.inputmode
            expect(row.locator("input")).to_have_accessible_name(one.field.words.en)
    texts = page.locator("#record-form").inner_text()
    for field in feed.fields:
        texts = texts.replace(field.example, "")
    assert HAN.findall(texts) == []


def test_a_reader_of_figures_enters_nothing(product: Running, tabs: Tabs) -> None:
    tab = tabs.new(PHONE, product.reader(TOWN))
    tab.open(f"{product.address}/record/temperature?town={TOWN}")
    expect(tab.page.locator("h1")).to_have_text("无查看权限", timeout=PATIENCE_MS)
    expect(tab.page.locator("#record-send")).to_have_count(0)


def test_an_entry_that_was_not_taken_is_opened_again_and_nothing_typed_meanwhile_is_lost(
    product: Running, phone: Tab
) -> None:
    page = opened(phone, product, f"/record/temperature?town={TOWN}")
    before = product.get(f"/api/v1/records?feed=temperature&town={TOWN}")["total"]
    fill_reading(page, "366")
    # The page has no connection, so that nobody has said what is wrong.
    page.context.set_offline(True)
    page.click("#record-send")
    done(page, "unsent").locator('[data-do="more"]').click()
    page.fill('[data-field="celsius"] input', "36.1")
    page.context.set_offline(False)
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    refused = page.locator('#record-notice [data-state="refused"]')
    expect(refused).to_contain_text("得到“366”", timeout=PATIENCE_MS)
    refused.locator('[data-act="edit"]').click()
    expect(page.locator('[data-field="celsius"] input')).to_have_value("366")
    expect(page.locator('[data-field="celsius"] .rf-error')).to_contain_text("366")
    page.fill('[data-field="celsius"] input', "36.6")
    page.click("#record-send")
    done(page, "accepted").locator('[data-do="more"]').click()
    expect(page.locator('[data-field="celsius"] input')).to_have_value("36.1")
    page.click("#record-send")
    done(page, "accepted")
    found = stored(product, f"feed=temperature&town={TOWN}", before + 2, phone)
    assert [one["fields"]["celsius"] for one in found[:2]] == [36.1, 36.6]  # type: ignore[index]
