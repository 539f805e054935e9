"""The catalogue in a browser: a declaration from its QR code on a phone to its explained decision, the table of regional
risk edited beside it, a wrongful block on the page of checkpoints, and further feeds on the wall."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import expect

from tests.browser.running import Running, now, running
from tests.browser.tabs import DESK, LAPTOP, PATIENCE_MS, PHONE, TOWN, Tabs

GATE = f"{TOWN}-K01"
COUNTS = (
    "async ([kpi, town, value]) => ((await (await fetch(`/api/v1/figures?kpi=${kpi}&town=${town}`,"
    " {cache: 'no-store'})).json()).figures[0].value || 0) === value"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A world of its own: its rules are changed."""
    with running(tmp_path_factory.mktemp("catalogue") / "data") as product:
        said = {"town": TOWN, "at": now(), "health_code": "green", "celsius": 36.5, "went_home": "no"}
        product.post(
            "declaration",
            [
                {**said, "id": f"d{n}", "declaration": f"S-{n}", "origin": origin}
                for n, origin in enumerate(["420106", "510000", "330381"])
            ],
        )
        product.post(
            "temperature", [product.reading(TOWN, 36.4), {**product.reading(TOWN, 36.5), "outcome": "refused"}]
        )
        yield product


def test_a_code_leads_to_the_form_of_its_place_and_the_decision_explains_itself(made: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP)
    tab.open(f"{made.address}/feeds/declaration?town={TOWN}")
    page = tab.page
    code = page.locator(f'.cs-codes img[src*="{GATE}"]')
    expect(code).to_be_visible()
    assert page.evaluate("element => element.decode().then(() => element.naturalWidth > 0)", code.element_handle())

    # On the phone, without a network: kept, and sent once there is one.
    phone = tabs.new(PHONE)
    phone.open(f"{made.address}/record/declaration?place={GATE}&town={TOWN}")
    form = phone.page
    expect(form.locator('[data-field="place"] .rf-pick')).to_contain_text(GATE, timeout=PATIENCE_MS)
    form.locator('[data-field="declaration"] input').fill("S-9")
    form.locator('[data-field="origin"] input').fill("510100")
    form.locator('[data-field="celsius"] input').fill("36.6")
    form.click('[data-field="health_code"] [data-value="green"]')
    before = made.figure("declarations", TOWN)
    form.context.set_offline(True)
    form.click("#record-send")
    expect(form.locator('#record-done[data-done="unsent"]')).to_be_visible(timeout=PATIENCE_MS)
    form.context.set_offline(False)
    phone.told(COUNTS, ["declarations", TOWN, before + 1])

    # One decision, with the row of the table that it read.
    page.click('[data-open="S-0"]')
    drawer = page.locator("#feeds-drawer")
    expect(drawer).to_contain_text("不准回厂")
    expect(drawer).to_contain_text("420000 高风险 湖北省")
    expect(drawer).to_contain_text("绿码")
    assert tab.errors == []


def test_the_table_of_risk_is_edited_and_sorts_anew(made: Running, tabs: Tabs) -> None:
    today = date.fromisoformat(made.get("/api/v1/rules")["day"])
    assert made.figure("declarations_cleared", TOWN), "somebody from Sichuan is cleared"
    tab = tabs.new(LAPTOP)
    tab.open(f"{made.address}/admin/rules?part=risks")
    page = tab.page
    expect(page.locator('[data-rule="risks/420000"]')).to_contain_text("高风险 湖北省")
    page.click('[data-edit="risks/new"]')
    form = page.locator(".ru-form")
    form.locator("[name=text]").fill("510000 中风险 四川省")
    form.locator("[name=day]").fill(today.isoformat())
    form.locator("[name=reason]").fill("按通报调整")
    expect(form.locator(".trial")).to_contain_text("回厂隔离")
    form.locator(".ru-save").click()
    expect(page.locator('[data-rule="risks/510000"]')).to_contain_text("中风险 四川省")
    # However many there are, none of them is cleared any more; all others were not.
    tab.told(COUNTS, ["declarations_cleared", TOWN, 0])
    assert tab.errors == []


def test_a_wrongful_block_is_listed_at_its_checkpoint(made: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP)
    tab.open(f"{made.address}/checkpoints")
    page = tab.page
    expect(page.locator(".ck-blocks")).to_contain_text("误拦 1")
    expect(page.locator('#checkpoints-page [data-kpi="wrongful_blocks"]').first).to_contain_text("1")
    assert tab.errors == []


def test_feeds_without_a_scene_of_their_own_have_one_together(made: Running, tabs: Tabs) -> None:
    tab = tabs.new(DESK)
    tab.open(f"{made.address}/wall?scenes=more")
    card = tab.page.locator(".wl-more section", has_text="二维码申报")
    expect(card.locator('[data-kpi="declarations"]')).to_contain_text(str(made.figure("declarations", "all")))
    box = card.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 1080
    assert tab.errors == []
