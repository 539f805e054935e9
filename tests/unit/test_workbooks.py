"""Workbooks as they come: what a cell says, which sheet is meant, what is refused and in which words."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest

from dashboard.errors import NotATable, TownwatchError
from dashboard.feeds import FEEDS
from ingest.gateways.sheets.cells import harmless, local_time, number_text
from ingest.gateways.sheets.columns import letter_of
from ingest.gateways.sheets.grid import Grid
from ingest.gateways.sheets.reading import read_table
from tests.workbooks import SECRETS, bomb, enterprise_rows, form_headers, locked, ods, xls, xlsx

FEED = FEEDS["temperature"]
NINE = datetime.fromisoformat("2020-02-24 09:05")
HEAD: list[Any] = ["编号", "镇街", "测温时间", "卡点", "设备", "体温"]
ROW: list[Any] = ["a1", "姚庄镇", "2020-02-18 08:12", "K1", "D1", 36.5]


def read(data: bytes, feed: str = "temperature", **how: Any) -> Grid:
    """A file's sheet."""
    return read_table(data, FEEDS[feed], **how)


def cells(grid: Grid, field: str) -> list[str]:
    """A column as texts."""
    at = [name for _, name in grid.read].index(field)
    return [raw.cells[at] for raw in grid.rows]


def refused(data: bytes, feed: str = "temperature") -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(TownwatchError) as caught:
        read(data, feed)
    assert "\n" not in caught.value.sentence
    assert " · " in caught.value.sentence
    return caught.value.sentence


@pytest.mark.parametrize("make", [xlsx, xls, ods])
def test_workbooks_of_every_kind_say_the_same(make: Any) -> None:
    grid = read(make([HEAD, ROW, ["a2", *ROW[1:]]]))
    assert (grid.kind, grid.sheet, grid.header_row) == (make.__name__, "企业", 1)
    assert [raw.cells for raw in grid.rows] == [
        ["a1", "姚庄镇", "2020-02-18 08:12", "K1", "D1", "36.5"],
        ["a2", "姚庄镇", "2020-02-18 08:12", "K1", "D1", "36.5"],
    ]


def test_what_a_file_is_its_bytes_say_and_not_its_name() -> None:
    assert read(xls([HEAD, ROW])).kind == "xls"
    assert read(("\n".join([",".join(HEAD), ",".join(map(str, ROW))])).encode()).kind == "csv"


def test_dates_as_dates_and_as_text_stand_in_one_column() -> None:
    times = [
        NINE,
        date(2020, 2, 24),
        43885.37847222222,
        "2020年2月24日 9:05",
        "2020/2/24 9:05",
        "2020.2.24 9：05",
        "20200224",
        " 2020-02-24\t09:05 ",
        "２０２０年２月２４日　９时５分",
        "2020/2/24 下午 3:05",
        time(9, 5),
    ]
    grid = read(xlsx([HEAD, *([f"a{at}", "姚庄镇", moment, "K1", "D1", 36] for at, moment in enumerate(times))]))
    read_as = [local_time(cell) for cell in cells(grid, "at")]
    nine = "2020-02-24T09:05:00"
    day = "2020-02-24T00:00:00"
    assert read_as == [nine, day, nine, nine, nine, nine, day, nine, nine, "2020-02-24T15:05:00", "09:05:00"]


def test_dates_of_a_book_that_counts_from_1904_are_the_days_meant() -> None:
    def count_from_1904(book: Any, sheet: Any) -> None:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
        sheet["C2"] = NINE

    assert cells(read(xlsx([HEAD, ROW], count_from_1904)), "at") == ["2020-02-24 09:05:00"]


def test_numbers_are_read_as_people_write_them() -> None:
    said = ["１２０", " 1，200 人", "1,200", "118人", "36.5℃", "+7", "－5", "3.0", "十", "1e3", "12,34", ""]
    meant = ["120", "1200", "1200", "118", "36.5", "7", "-5", "3.0", "十", "1e3", "12,34", ""]
    assert [number_text(one) for one in said] == meant
    long = read(xlsx([HEAD, [12345678901234567, *ROW[1:5], 118.0], ["a2", *ROW[1:5], 1e15 / 3]]))
    assert cells(long, "id") == ["1.234568E+16", "a2"]
    assert cells(long, "celsius")[0] == "118"


def test_layout_is_no_content() -> None:
    odd = ["\u3000a１\u00a0", " 姚庄镇\n", ROW[2], "东门\t1 号\n\n", "Ｄ１", "36.5 "]
    grid = read(xlsx([HEAD, odd]))
    assert grid.rows[0].cells == ["a1", "姚庄镇", "2020-02-18 08:12", "东门\t1 号", "D1", "36.5"]


def test_a_sheet_that_claims_65_000_rows_and_holds_few() -> None:
    def claim(book: Any, sheet: Any) -> None:
        sheet["F65000"].font = openpyxl.styles.Font(bold=True)

    grid = read(xlsx([HEAD, ROW, [None] * 6, ["a2", *ROW[1:]]], claim))
    assert (grid.claimed, [raw.number for raw in grid.rows]) == (65_000, [2, 4])


def test_rows_that_only_their_number_fills_are_blank() -> None:
    rows = [["序号", *HEAD], [1, *ROW], *([at] for at in range(2, 400))]
    assert len(read(xlsx(rows)).rows) == 1


def test_hidden_rows_are_read_and_counted() -> None:
    def hide(book: Any, sheet: Any) -> None:
        sheet.row_dimensions[3].hidden = True

    grid = read(xlsx([HEAD, ROW, ["a2", *ROW[1:]]], hide))
    assert (len(grid.rows), grid.hidden) == (2, 1)


def test_a_merged_title_above_the_header_and_a_town_merged_over_its_rows() -> None:
    def merge(book: Any, sheet: Any) -> None:
        sheet.merge_cells("A1:F1")
        sheet.merge_cells("B4:B5")

    rows = [["姚庄镇测温登记表"], ["填表人：", "某某"], HEAD, ROW, ["a2", None, *ROW[2:]], ["a3", *ROW[1:]]]
    grid = read(xlsx(rows, merge))
    assert grid.header_row == 3
    assert cells(grid, "town") == ["姚庄镇"] * 3


def test_the_sheet_that_looks_like_the_feed_is_read_and_another_may_be_named() -> None:
    def add(book: Any, sheet: Any) -> None:
        book.create_sheet("说明", 0)["A1"] = "填表说明：时间写到分钟"
        other = book.create_sheet("二月")
        for row in (HEAD, ["b1", *ROW[1:]], ["b2", *ROW[1:]]):
            other.append(row)
        secret = book.create_sheet("旧表")
        secret.sheet_state = "hidden"
        for row in (HEAD, ["h1", *ROW[1:]]):
            secret.append(row)

    data = xlsx([HEAD, ROW], add)
    grid = read(data)
    assert grid.sheet == "企业"
    assert [(one.name, one.rows, one.hidden) for one in grid.sheets] == [
        ("说明", 0, False), ("企业", 1, False), ("二月", 2, False), ("旧表", 1, True),
    ]  # fmt: skip
    assert cells(read(data, sheet="二月"), "id") == ["b1", "b2"]
    with pytest.raises(TownwatchError, match="二月"):
        read(data, sheet="三月")


def test_formulas_give_their_results_and_a_cell_in_error_is_told() -> None:
    def write(book: Any, sheet: Any) -> None:
        sheet["F2"] = "#N/A"
        sheet["F3"] = "=36+0.5"

    grid = read(xlsx([HEAD, ROW, ["a2", *ROW[1:]], ["a3", *ROW[1:]]], write))
    assert cells(grid, "celsius") == ["#N/A", "#（公式没有结果）", "36.5"]
    cached = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx([HEAD, ROW]))) as old, zipfile.ZipFile(cached, "w") as new:
        for name in old.namelist():
            text = old.read(name).replace(b"<v>36.5</v>", b"<f>36+0.5</f><v>36.5</v>")
            new.writestr(name, text)
    assert cells(read(cached.getvalue()), "celsius") == ["36.5"]


def test_personal_columns_stay_in_the_reading_process() -> None:
    rows = enterprise_rows(3)
    grid = read(xlsx(rows), "enterprise")
    assert not any(secret in repr(grid) for secret in SECRETS)
    assert [one.header for one in grid.columns if one.private] == ["联系人", "联系电话"]
    # Nor do columns that nothing is read from: they may hold anything.
    assert "工业园路" not in repr(grid)


@pytest.mark.parametrize(
    "header",
    [
        "联系人",
        "联 系 电话",
        "法人手机",
        "负责人姓名",
        "身份证号码",
        "ＰＨＯＮＥ",
        "Mobile",
        "涉及人员",
        "申请人",
        "家庭住址",
    ],
)
def test_headers_of_persons_are_private_whatever_somebody_says(header: str) -> None:
    grid = read(xlsx([[*HEAD, header], [*ROW, SECRETS[0]]]), said={header.casefold(): "device"})
    assert grid.columns[-1].private
    assert SECRETS[0] not in repr(grid)


def test_headers_that_only_resemble_them_are_not() -> None:
    grid = read(
        xlsx([["涉及人员总数", "当事人数", *form_headers("dispute_xlsx_columns")], ["2", "3", *["x"] * 20]]), "dispute"
    )
    assert not any(one.private for one in grid.columns[:2])


def test_the_real_dispute_register_is_understood() -> None:
    head = form_headers("dispute_xlsx_columns")
    grid = read(xlsx([head, ["x"] * len(head)]), "dispute")
    assert {one.header: one.field for one in grid.columns if one.field} == {
        "矛盾纠纷编号": "case",
        "发生时间": "at",
        "涉及人员总数": "parties",
        "经纬度": "lonlat",
        "矛盾纠纷类型": "kind",
        "矛盾纠纷状态": "stage",
        "负责人员": "handler",
    }
    assert [one.header for one in grid.columns if one.private] == ["涉及人员"]
    assert not [one.header for one in grid.columns if one.state == "unknown"]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (locked(), "密码"),
        (ods([HEAD, ROW], encrypted=True), "密码"),
        (bomb, "太大"),
        (xlsx([[]]), "空"),
        (xlsx([HEAD]), "只有表头"),
        (xlsx([["甲", "乙"], ["1", "2"]]), "列名"),
        (b"PK\x03\x04" + bytes(500), "读不出来"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "读不出来"),
    ],
    ids=["locked", "locked ods", "bomb", "empty", "header only", "strange header", "broken zip", "broken ole"],
)
def test_what_cannot_be_read_is_one_sentence(data: bytes | Callable[[], bytes], word: str) -> None:
    assert word in refused(data() if callable(data) else data)


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body><table><tr><td>\xe7\xbc\x96\xe5\x8f\xb7</td></tr></table></body></html>",
        b'\xef\xbb\xbf<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
        b"%PDF-1.7\n\x00\x01\x02",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
    ],
    ids=["html", "xml", "pdf", "png"],
)
def test_what_is_no_table_at_all_says_what_to_save_it_as(data: bytes) -> None:
    with pytest.raises(NotATable, match="xlsx"):
        read(data)


def test_an_archive_is_to_be_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("报表.csv", "编号\n1\n")
    with pytest.raises(NotATable, match="压缩包"):
        read(out.getvalue())


def test_a_row_repeated_a_million_times_ends_the_reading_process_alone() -> None:
    row = '<table:table-cell office:value-type="string" table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>'
    data = ods([HEAD, ROW])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = (
                old.read(name)
                .decode()
                .replace(
                    "</table:table>",
                    f'<table:table-row table:number-rows-repeated="1048000">{row}</table:table-row></table:table>',
                )
            )
            new.writestr(name, text)
    assert refused(out.getvalue())
    assert len(read(data).rows) == 1


def test_no_text_that_goes_out_is_a_formula() -> None:
    for text in ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"):
        assert harmless(text) == "'" + text
    for text in ("-5", "+3.5", "规上", "a=b", ""):
        assert harmless(text) == text
    assert letter_of(26) == "AA"
