"""The import page in a real browser: choose, match, mend, commit, take the error file away and bring it back mended."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.browser.running import Running, running
from tests.browser.tabs import LAPTOP, PATIENCE_MS, PHONE, Tab, Tabs
from tests.workbooks import SECRETS, enterprise_rows, read_back, xlsx

pytestmark = pytest.mark.timeout(300)
SIZES = (LAPTOP, (1280, 800), (768, 1024), PHONE)
HAN = re.compile(r"[\u3400-\u9fff]")


@pytest.fixture(scope="module")
def town_hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A live world of this module alone: what is imported here changes nobody else's figures."""
    with running(tmp_path_factory.mktemp("import") / "data") as product:
        yield product


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """A page of this module waits for the server; how fast it is, no test asserts."""
    expect.set_options(timeout=PATIENCE_MS)
    yield
    expect.set_options(timeout=5_000)


def table(folder: Path, name: str, extra: bool = False) -> Path:
    """Twelve enterprises; three rows are wrong, in four places, one of them by a year."""

    def change(number: int, row: list[Any]) -> None:
        row[13] = f"{name}-{number}"
        if number == 5:
            row[8] = "中型"
        if number == 7:
            row[2], row[10] = "姚莊镇", "不详"
        if number == 10:
            row[14] = "2099-02-20 09:14"

    rows = enterprise_rows(12, change)
    if extra:
        rows = [[*row, "批次" if at == 1 else "第一批"] for at, row in enumerate(rows)]
    path = folder / f"{name}.xlsx"
    path.write_bytes(xlsx(rows))
    return path


def at_page(tabs: Tabs, product: Running, query: str = "", size: tuple[int, int] = LAPTOP) -> Tab:
    """The import page at its first step."""
    tab = tabs.new(size)
    tab.open(f"{product.address}/import{query}")
    tab.page.wait_for_selector("#imports-steps li", timeout=PATIENCE_MS)
    return tab


def choose(page: Page, path: Path) -> None:
    """Hand a file in as the file dialog does."""
    page.set_input_files("#imports-file", str(path))


def count(page: Page, name: str, value: int) -> None:
    """Wait until the file card says so."""
    expect(page.locator(f'[data-count="{name}"]')).to_have_attribute("data-value", str(value))


def step(page: Page, number: int) -> None:
    """Wait until the page is at a step."""
    expect(page.locator(f'#imports-steps li:nth-child({number})[aria-current="step"]')).to_be_visible(
        timeout=PATIENCE_MS
    )


def test_a_table_is_matched_mended_imported_and_its_errors_come_back(
    town_hall: Running, tabs: Tabs, tmp_path: Path
) -> None:
    tab = at_page(tabs, town_hall, "?feed=enterprise&source=浏览器")
    page = tab.page
    step(page, 1)
    before = town_hall.figure("enterprise_registered", "all") or 0
    choose(page, table(tmp_path, "甲", extra=True))

    # One column is not known: it is amber, and nothing goes in before somebody has said something.
    step(page, 2)
    expect(page.locator("h1")).to_contain_text("1 列没认出")
    expect(page.locator('[data-act="commit"]')).to_be_disabled()
    expect(page.locator(".im-unknown b")).to_have_text("批次")
    expect(page.locator(".im-private b")).to_have_text(["联系人", "联系电话"])
    page.click('[data-act="confirm"]')
    step(page, 3)
    expect(page.locator("h1")).to_contain_text("12 行里 9 行可以入库")
    expect(page.locator("h1 .alert")).to_have_text("3 行有错")
    expect(page.locator(".im-columns-panel .im-s")).to_contain_text("沿用上次")

    # Each wrong cell is told by row and column, and marked where it stands.
    expect(page.locator("[data-error]")).to_have_count(4)
    expect(page.locator('[data-error="5I"]')).to_contain_text("规上、规下")
    expect(page.locator('[data-row="5"] [data-bad="I"]')).to_have_text("中型")
    assert page.locator('[data-error="5I"] [data-act="mend"]').count() == 0
    page.click('[data-error="7C"] [data-act="mend"]')
    expect(page.locator("[data-error]")).to_have_count(3)
    for name, value in (("added", 9), ("corrected", 0), ("unchanged", 0), ("rejected", 3)):
        count(page, name, value)

    with page.expect_download() as download:
        page.click("#imports-errors")
    rows = read_back(Path(download.value.path()).read_bytes())
    assert download.value.suggested_filename == "甲_退回.xlsx"
    assert [row[13] for row in rows[1:]] == ["甲-5", "甲-7", "甲-10"]
    assert rows[0][-2:] == ["得到", "允许"]

    page.click('[data-act="commit"]')
    expect(page.locator("h1")).to_contain_text("9 行已入库")
    expect(page.locator("[data-past]")).to_have_count(1)
    tab.told(
        "async (n) => (await (await fetch('/api/v1/figures?kpi=enterprise_registered&town=all')).json())"
        ".figures.find((one) => !Object.keys(one.dims).length).value === n",
        before + 9,
    )

    # Mended in a spreadsheet, the file of wrong rows comes back, its columns are still known, and all of it goes in.
    rows[1][8], rows[2][10], rows[3][14] = "规下", 12, "2020-02-20 09:14"
    mended = tmp_path / "改好.xlsx"
    mended.write_bytes(xlsx(rows))
    page.click('[data-act="another"]')
    step(page, 1)
    choose(page, mended)
    step(page, 3)
    count(page, "added", 3)
    expect(page.locator("h1")).to_have_text("3 行都可以入库")
    page.click('[data-act="commit"]')
    expect(page.locator("[data-past]")).to_have_count(2)

    shown = page.content()
    assert not any(secret in shown for secret in SECRETS)
    assert tab.errors == []
    assert tab.hosts == {town_hall.address.removeprefix("http://")}


def test_an_import_is_withdrawn_and_restored_from_the_list(town_hall: Running, tabs: Tabs, tmp_path: Path) -> None:
    tab = at_page(tabs, town_hall, "?feed=enterprise&source=撤回")
    page = tab.page
    choose(page, table(tmp_path, "乙"))
    step(page, 3)
    page.click('[data-act="commit"]')
    latest = page.locator("[data-past]").first
    expect(latest).to_contain_text("乙.xlsx")
    latest.locator('[data-act="withdraw"]').click()
    expect(latest.locator(".im-sure")).to_contain_text("新增的 9 条作废")
    latest.locator('[data-act="withdraw-sure"]').click()
    expect(latest).to_have_attribute("data-state", "withdrawn")
    expect(latest).to_contain_text("作废 9 条")
    expect(page.locator("h1")).to_have_text("这次导入已撤回")
    latest.locator('[data-act="restore"]').click()
    expect(latest).to_have_attribute("data-state", "done")
    assert tab.errors == []


def test_the_address_keeps_feed_source_and_import(town_hall: Running, tabs: Tabs, tmp_path: Path) -> None:
    tab = at_page(tabs, town_hall, "?feed=temperature")
    page = tab.page
    expect(page.locator('.im-tabs [aria-current="true"]')).to_have_text("卡点体温")
    page.click('.im-tabs a[href*="feed=enterprise"]')
    expect(page.locator('.im-tabs [aria-current="true"]')).to_have_text("企业复工")
    page.fill("#imports-source", "窗口")
    choose(page, table(tmp_path, "丙"))
    step(page, 3)
    assert re.search(r"[?&]run=[\w-]{32}", page.url)
    assert "feed=enterprise" in page.url
    page.reload()
    step(page, 3)
    count(page, "added", 9)
    # Another file of the same form: what is kept of the first is given up.
    page.click('[data-act="everything"]')
    expect(page.locator(".im-preview tbody tr")).to_have_count(12)
    tab.open(f"{town_hall.address}/import?run=nosuchimport")
    expect(page.locator(".im-message")).to_contain_text("没有这次导入")
    assert tab.errors == []


def test_a_column_is_given_another_meaning(town_hall: Running, tabs: Tabs, tmp_path: Path) -> None:
    tab = at_page(tabs, town_hall, "?feed=enterprise&source=改列")
    page = tab.page
    choose(page, table(tmp_path, "丁"))
    step(page, 3)
    page.select_option('[data-header="职工人数"]', "")
    expect(page.locator('.im-skip [data-header="职工人数"]')).to_be_visible(timeout=PATIENCE_MS)
    page.select_option('[data-header="申请时间"]', "")
    step(page, 2)
    expect(page.locator(".im-problem")).to_contain_text("缺少必需的列")
    page.select_option('[data-header="申请时间"]', "at")
    step(page, 3)
    page.click('[data-act="commit"]')
    expect(page.locator("h1")).to_contain_text("9 行已入库")
    page.click('[data-act="another"]')
    choose(page, table(tmp_path, "丁"))
    expect(page.locator(".im-columns-panel .im-s")).to_contain_text("沿用上次")
    count(page, "unchanged", 9)
    assert tab.errors == []


def test_a_file_is_dropped_on_the_page(town_hall: Running, tabs: Tabs) -> None:
    tab = at_page(tabs, town_hall, "?feed=temperature&source=拖放")
    page = tab.page
    drop = """(text) => {
      const bag = new DataTransfer();
      bag.items.add(new File([text], '早班.csv', {type: 'text/csv'}));
      for (const kind of ['dragenter', 'dragover'])
        document.dispatchEvent(new DragEvent(kind, {dataTransfer: bag, bubbles: true, cancelable: true}));
      const marked = document.getElementById('imports-page').classList.contains('im-over');
      document.dispatchEvent(new DragEvent('drop', {dataTransfer: bag, bubbles: true, cancelable: true}));
      return marked;
    }"""
    text = "镇街,时间,卡点,体温\n姚庄镇,2020-02-18 08:12,K1,36.5\n姚庄镇,2020-02-18 08:12,K1,99\n"
    assert page.evaluate(drop, text)
    step(page, 3)
    expect(page.locator(".im-file b").first).to_have_text("早班.csv")
    count(page, "added", 1)
    assert tab.errors == []


def test_the_page_is_worked_by_keyboard(town_hall: Running, tabs: Tabs, tmp_path: Path) -> None:
    tab = at_page(tabs, town_hall, "?feed=enterprise&source=键盘")
    page = tab.page
    with page.expect_file_chooser() as chooser:
        page.locator('[data-act="pick"]').press("Enter")
    chooser.value.set_files(str(table(tmp_path, "戊")))
    step(page, 3)
    page.locator('[data-error="7C"] [data-act="mend"]').press("Enter")
    expect(page.locator("[data-error]")).to_have_count(3)
    # What was pressed is gone, and the keyboard is not lost with it.
    tab.until("() => document.activeElement.closest('#imports-page [data-act]') !== null")
    page.locator('[data-act="commit"]').press("Space")
    expect(page.locator("h1")).to_contain_text("9 行已入库")
    assert tab.errors == []


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("网页.xls", b"<html><table><tr><td>1</td></tr></table></html>", "网页"),
        ("空.xlsx", b"", "空"),
        ("旧.csv", "甲,乙\n1,2\n".encode(), "列名"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_the_page_stays(
    town_hall: Running, tabs: Tabs, tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    tab = at_page(tabs, town_hall)
    page = tab.page
    (tmp_path / name).write_bytes(data)
    choose(page, tmp_path / name)
    expect(page.locator("#imports-notice")).to_contain_text(words)
    step(page, 1)
    # The refusal itself is an answer that browsers write to their console.
    assert all("status of 4" in error for error in tab.errors)


def test_the_template_opens_in_a_spreadsheet(town_hall: Running, tabs: Tabs) -> None:
    tab = at_page(tabs, town_hall, "?feed=dispute")
    with tab.page.expect_download() as download:
        tab.page.click(".im-template .im-btn")
    assert download.value.suggested_filename == "矛盾纠纷模板.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert [cell.value for cell in book.worksheets[0][1]][:4] == ["说明", "镇（街道）", "事件时间", "案件编号"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_is_whole_at_every_size_and_in_both_languages(
    town_hall: Running, tabs: Tabs, tmp_path: Path, lang: str
) -> None:
    tab = at_page(tabs, town_hall, f"?lang={lang}&feed=enterprise&source=size{lang}")
    page = tab.page
    own = (
        "#imports-head, #imports-steps, .im-ph h2, .im-btn, .im-sums, .im-errors th, .im-left .im-mute, .im-fix,"
        " .im-allowed, .im-template .im-mute"
    )
    for number in (1, 3):
        if number == 3:
            choose(page, table(tmp_path, "己"))
            step(page, 3)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            inside = page.evaluate(
                "() => [...document.querySelectorAll('.im-pan, .im-head, .im-act > *')].every((one) =>"
                " !one.offsetWidth || one.getBoundingClientRect().right <= document.documentElement.clientWidth + 1)"
            )
            assert inside, (number, width)
        if lang == "en":
            said = " ".join(page.locator(own).all_inner_texts())
            for name in ("姚庄镇", "规上", "规下"):
                said = said.replace(name, "")
            assert HAN.findall(said) == []
    assert tab.errors == []


def test_a_reader_is_told_that_it_may_not_import(town_hall: Running, tabs: Tabs) -> None:
    tab = tabs.new(LAPTOP, headers=town_hall.reader())
    tab.open(f"{town_hall.address}/import")
    expect(tab.page.locator("h1")).to_have_text("无查看权限")
    expect(tab.page.locator("#imports-controls")).to_have_count(0)
