"""A snapshot as a workbook: real numbers, ratios as formulas over their parts, every correction and definition."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from dashboard.domain.day import as_date
from dashboard.snapshot.brief import Brief, Cell
from dashboard.snapshot.sheet import sheet_of


def as_xlsx(brief: Brief, lang: str = "zh") -> bytes:
    """The workbook. A ratio's cell is ``numerator / denominator`` with its value cached, so that it reads anywhere."""
    stream = BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    # The time in the file is the snapshot's, so that the same figures give the same bytes.
    sheet = sheet_of(brief, lang)
    created = datetime.fromtimestamp(brief.at / 1000, UTC).replace(tzinfo=None)
    book.set_properties({"title": sheet.title, "author": sheet.office, "created": created})
    _Writer(book, brief, lang).write()
    book.close()
    return stream.getvalue()


class _Writer:
    def __init__(self, book: Any, brief: Brief, lang: str) -> None:
        self.book, self.b, self.zh = book, brief, lang != "en"
        self.sheet = sheet_of(brief, lang)
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.title = book.add_format({"bold": True, "font_size": 16, "font_color": "#A61E16"})
        self.wrap = book.add_format({"text_wrap": True, "valign": "top"})
        self.rate = book.add_format({"num_format": "0.0%"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})

    def t(self, zh: str, en: str) -> str:
        return zh if self.zh else en

    def number(self, decimals: int) -> Any:
        return self.book.add_format({"num_format": "#,##0" + ("." + "0" * decimals if decimals else "")})

    def page(self, name: str, heads: list[str], widths: list[int]) -> Any:
        page = self.book.add_worksheet(name)
        page.write_row(0, 0, heads, self.head)
        for n, width in enumerate(widths):
            page.set_column(n, n, width)
        page.freeze_panes(1, 0)
        return page

    def write(self) -> None:
        self.summary()
        self.figures()
        self.trends()
        self.corrections()
        self.definitions()

    def summary(self) -> None:
        page = self.book.add_worksheet(self.t("总体情况", "Summary"))
        page.set_column(0, 0, 100)
        lines = ["".join(run.text for run in self.sheet.prose)]
        for section in self.sheet.sections:
            texts = ["".join(run.text for run in line) for line in section.lines]
            if texts or section.note:
                lines += ["", section.title, *texts, *([section.note] if section.note else [])]
        page.write_string(0, 0, self.sheet.title, self.title)
        page.write_string(1, 0, f"{self.sheet.number} {self.sheet.date} {self.sheet.office} {self.sheet.as_of}")
        for n, line in enumerate(lines, start=3):
            page.write_string(n, 0, line, self.wrap)

    def figures(self) -> None:
        heads = [
            self.t("指标", "Figure"), self.t("代码", "Key"), self.t("镇（街道）", "Town"),
            self.t("镇代码", "Town code"),
            self.t("数值", "Value"), self.t("分子", "Numerator"), self.t("分母", "Denominator"),
            self.t("昨日同时段", "Yesterday"), self.t("昨日分子", "Yesterday's numerator"),
            self.t("昨日分母", "Yesterday's denominator"), self.t("上周同时段", "A week ago"),
            self.t("单位", "Unit"), self.t("限定", "Qualifier"),
        ]  # fmt: skip
        page = self.page(self.t("指标", "Figures"), heads, [18, 24, 14, 12, 11, 11, 11, 11, 11, 11, 11, 9, 9])
        names = {one.code: one.name if self.zh else one.name_en or one.name for one in self.b.towns}
        words = {one.kpi: one for one in self.b.definitions}
        for row, cell in enumerate(self.b.cells, start=1):
            said = words.get(cell.kpi)
            at = 0 if self.zh else 1
            page.write_string(row, 0, said.name[at] if said else cell.kpi)
            page.write_string(row, 1, cell.kpi)
            page.write_string(row, 2, self.t("全部", "All") if cell.town == "all" else names.get(cell.town, cell.town))
            page.write_string(row, 3, cell.town)
            self.value(page, row, 4, cell, cell.value, cell.denominator)
            self.plain(page, row, 5, cell.numerator)
            self.plain(page, row, 6, cell.denominator)
            self.value(page, row, 7, cell, cell.before, cell.before_denominator)
            self.plain(page, row, 8, cell.before_numerator)
            self.plain(page, row, 9, cell.before_denominator)
            if cell.week is not None:
                page.write_number(row, 10, cell.week, self.rate if cell.unit == "ratio" else self.number(cell.decimals))
            page.write_string(row, 11, (said.measure[at] if said else "") or cell.unit)
            page.write_string(row, 12, cell.qualifier)

    def value(self, page: Any, row: int, column: int, cell: Cell, value: float | None, denominator: int | None) -> None:
        if value is None:
            page.write_string(row, column, "—")
        elif cell.unit == "ratio" and denominator:
            left, right = chr(ord("A") + column + 1), chr(ord("A") + column + 2)
            page.write_formula(row, column, f"={left}{row + 1}/{right}{row + 1}", self.rate, value)
        else:
            page.write_number(row, column, value, self.rate if cell.unit == "ratio" else self.number(cell.decimals))

    def plain(self, page: Any, row: int, column: int, value: float | None) -> None:
        if value is not None:
            page.write_number(row, column, value)

    def trends(self) -> None:
        words = {one.kpi: one.name[0 if self.zh else 1] for one in self.b.definitions}
        heads = [self.t("日期", "Day"), *(words.get(one.kpi, one.kpi) for one in self.b.trends)]
        page = self.page(self.t("走势", "Trends"), heads, [12] + [14] * len(self.b.trends))
        for column, trend in enumerate(self.b.trends, start=1):
            ratio = trend.kpi.endswith("_rate")
            for row, point in enumerate(trend.points, start=1):
                page.write_datetime(row, 0, datetime.combine(as_date(point.day), datetime.min.time()), self.day)
                if point.value is not None:
                    page.write_number(row, column, point.value, self.rate if ratio else None)

    def corrections(self) -> None:
        heads = [
            self.t("日期", "Day"), self.t("指标", "Figure"), self.t("代码", "Key"), self.t("原发布", "Published"),
            self.t("更正为", "Now"), self.t("净变化", "Net"), self.t("分子增", "Up"), self.t("分子减", "Down"),
            self.t("迟报 条", "Late"), self.t("更改 条", "Changed"), self.t("撤回 条", "Withdrawn"),
        ]  # fmt: skip
        page = self.page(self.t("更正", "Corrections"), heads, [12, 18, 24] + [11] * 8)
        words = {one.kpi: one.name[0 if self.zh else 1] for one in self.b.definitions}
        for row, one in enumerate(self.b.corrections, start=1):
            page.write_datetime(row, 0, datetime.combine(as_date(one.day), datetime.min.time()), self.day)
            page.write_string(row, 1, words.get(one.kpi, one.kpi))
            page.write_string(row, 2, one.kpi)
            self.plain(page, row, 3, one.published)
            self.plain(page, row, 4, one.value)
            if one.published is not None and one.value is not None:
                page.write_formula(row, 5, f"=E{row + 1}-D{row + 1}", None, one.value - one.published)
            for column, count in enumerate((one.up, one.down, one.late, one.changed, one.withdrawn), start=6):
                page.write_number(row, column, count)

    def definitions(self) -> None:
        heads = [self.t("指标", "Figure"), self.t("代码", "Key"), self.t("定义", "Definition")]
        page = self.page(self.t("定义", "Definitions"), heads, [20, 26, 80])
        at = 0 if self.zh else 1
        for row, one in enumerate(self.b.definitions, start=1):
            page.write_row(row, 0, [one.name[at], one.kpi, one.definition[at]])


__all__ = ["as_xlsx"]
