"""Files of a page: Chinese intact, real numbers, no formula, and saying themselves what they hold."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

from python_calamine import CalamineWorkbook

from dashboard.domain.day import day_start
from dashboard.domain.feed import Words
from dashboard.queries.asked import Filter, ask, town_choices
from dashboard.queries.export import Column, Table, as_csv, as_xlsx, file_name
from tests.town_board import DAY, TOWN, town_board

FILTERS = (Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row),)
COLUMNS = (
    Column("点位"),
    Column("次数", "count"),
    Column("覆盖率", "percent"),
    Column("小时", "number"),
    Column("到访", "time"),
    Column("日期", "day"),
)
AT = day_start(DAY) + 631 * 60_000
HOSTILE = ["=1+1", "+8613800000000", "-2+3", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x","y")', "http://example.org"]
ROWS: list[list[Any]] = [
    ["汾湖“水产”市场, 2 号", 3, 261 / 279, 18.8333, AT, DAY],
    ["—", None, None, None, None, None],
    *([text, -4, 0.5, -1.25, None, None] for text in HOSTILE),
]
TABLE = Table("gaps", "最久未到", COLUMNS, ROWS)


def query(lang: str = "zh", **params: str) -> Any:
    """A checked query of a town."""
    return ask(town_board(), lang, tuple(sorted(params.items())), FILTERS)


def lines(body: bytes) -> list[list[str]]:
    """The rows of a CSV as a spreadsheet reads them."""
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


def test_a_csv_has_a_bom_says_what_it_holds_and_keeps_numbers() -> None:
    found = lines(as_csv(query(town=TOWN), "巡逻", TABLE))
    about = {row[0]: row[1] for row in found if row[0].startswith("#")}
    assert about["# 页面"] == "巡逻 · 最久未到"
    assert about["# 镇（街道）"] == "姚庄镇"
    assert about["# 截至"] == "2020-02-24T14:32:00+08:00"
    assert about["# known_seq"] == "48213"
    head = found[len(about)]
    assert head == ["点位", "次数", "覆盖率（%）", "小时", "到访", "日期"]
    assert found[len(about) + 1] == [
        "汾湖“水产”市场, 2 号",
        "3",
        "93.5",
        "18.8",
        "2020-02-24T10:31:00+08:00",
        "2020-02-24",
    ]
    assert found[len(about) + 2] == ["—", "", "", "", "", ""]


def test_no_cell_of_a_csv_is_a_formula_and_negative_numbers_stay_numbers() -> None:
    body = lines(as_csv(query(), "巡逻", TABLE))[-len(HOSTILE) :]
    for row, text in zip(body, HOSTILE, strict=True):
        assert row[0] == (text if text.startswith("http") else f"'{text}")
        assert (row[1], row[3]) == ("-4", "-1.3")


def test_a_workbook_has_a_sheet_for_each_table_and_one_that_says_what_it_holds() -> None:
    body = as_xlsx(query(town=TOWN), "巡逻", [TABLE, Table("b", "巡段/时段[1]" + "长" * 40, COLUMNS[:1], [["一"]])])
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    assert book.sheet_names[:2] == ["说明", "最久未到"]
    assert len(book.sheet_names[2]) <= 31
    about = {row[0]: row[1] for row in book.get_sheet_by_name("说明").to_python()}
    assert about["镇（街道）"] == "姚庄镇"
    assert about["known_seq"] == "48213"
    rows = book.get_sheet_by_name("最久未到").to_python()
    assert rows[1][:2] == ["汾湖“水产”市场, 2 号", 3]
    assert abs(float(str(rows[1][2])) - 261 / 279) < 1e-12
    assert str(rows[1][4]) == "2020-02-24 10:31:00"
    assert str(rows[1][5]) == "2020-02-24"
    assert [row[0] for row in rows[3:]] == HOSTILE


def test_a_workbook_holds_neither_formulas_nor_links() -> None:
    body = as_xlsx(query(), "巡逻", [TABLE])
    with zipfile.ZipFile(io.BytesIO(body)) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not [name for name in parts.namelist() if "_rels/sheet" in name or "externalLink" in name]
    assert sheets
    assert not [sheet for sheet in sheets if "<f>" in sheet or "<hyperlink" in sheet]


def test_a_file_says_that_it_is_of_the_past_or_of_a_demonstration() -> None:
    board = town_board()
    board.world = "replay"
    found = lines(as_csv(ask(board, "zh", (), FILTERS), "巡逻", TABLE))
    assert ["# 说明", "演示数据，不是实况"] in found
    assert ["# 筛选", "无"] in found
    english = lines(as_csv(ask(board, "en", (), FILTERS), "Patrols", TABLE))
    assert ["# Note", "demonstration data, not live"] in english
    assert ["# Filters", "none"] in english


def test_the_files_name_has_page_and_moment() -> None:
    assert file_name(query(), "巡逻", "csv") == "巡逻-20200224-1432.csv"
