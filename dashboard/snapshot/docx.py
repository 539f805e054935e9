"""A snapshot as a document that Word and WPS open and people may quote from: the texts and tables, without charts."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from dashboard.snapshot.brief import Brief
from dashboard.snapshot.sheet import Run, Section, Table, sheet_of

SONG, HEI = "宋体", "黑体"
ALIGN = {"left": WD_ALIGN_PARAGRAPH.LEFT, "right": WD_ALIGN_PARAGRAPH.RIGHT, "center": WD_ALIGN_PARAGRAPH.CENTER}


def as_docx(brief: Brief, lang: str = "zh") -> bytes:
    """The document, A4."""
    sheet = sheet_of(brief, lang)
    made: Any = docx.Document()
    moment = datetime.fromtimestamp(brief.at / 1000, UTC).replace(tzinfo=None)
    made.core_properties.title, made.core_properties.author = sheet.title, sheet.office
    made.core_properties.created = made.core_properties.modified = moment
    page = made.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(20)
    page.top_margin = page.bottom_margin = Mm(18)
    normal = made.styles["Normal"]
    normal.font.name, normal.font.size = SONG, Pt(10.5)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), SONG)
    normal.paragraph_format.space_after = Pt(3)
    _line(made, f"{sheet.number}　　{sheet.date}")
    title = made.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = title.add_run(sheet.title)
    run.bold, run.font.size, run.font.color.rgb = True, Pt(24), RGBColor(0xA6, 0x1E, 0x16)
    _line(made, "　　".join(text for text in (sheet.office, sheet.signer, sheet.as_of) if text))
    for section in sheet.sections:
        if section.name in ("trends", "map"):
            continue
        _section(made, section)
        if section.name == "overview":
            paragraph = made.add_paragraph()
            paragraph.paragraph_format.first_line_indent = Pt(21)
            _runs(paragraph, sheet.prose)
            _strip(made, sheet.strip)
    _line(made, sheet.foot)
    stream = BytesIO()
    made.save(stream)
    return stream.getvalue()


def _line(made: Any, text: str) -> None:
    made.add_paragraph(text)


def _runs(paragraph: Any, runs: tuple[Run, ...]) -> None:
    for run in runs:
        paragraph.add_run(run.text).bold = run.bold


def _section(made: Any, section: Section) -> None:
    head = made.add_paragraph()
    head.paragraph_format.space_before, head.paragraph_format.keep_with_next = Pt(8), True
    run = head.add_run(section.title)
    run.bold, run.font.size, run.font.name = True, Pt(12), HEI
    run.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), HEI)
    for line in section.lines:
        _runs(made.add_paragraph(), line)
    if section.table is not None:
        _table(made, section.table)
    if section.note:
        made.add_paragraph().add_run(section.note).font.size = Pt(9)


def _strip(made: Any, strip: tuple[Any, ...]) -> None:
    table = made.add_table(rows=3, cols=len(strip))
    table.style = "Table Grid"
    for n, one in enumerate(strip):
        delta = f"{one.arrow}{one.delta}"
        for row, text in enumerate((one.label, f"{one.value}{one.unit}", delta)):
            table.cell(row, n).text = text


def _table(made: Any, content: Table) -> None:
    table = made.add_table(rows=1, cols=len(content.columns))
    table.style = "Table Grid"
    for cell, column in zip(table.rows[0].cells, content.columns, strict=True):
        _cell(cell, column.label + (f" {column.unit}" if column.unit else ""), column.align, False)
    for row in content.rows:
        cells = table.add_row().cells
        for cell, entry, column in zip(cells, row, content.columns, strict=True):
            text = f"{entry.mark} {entry.text}".strip() + entry.small
            _cell(cell, text, column.align, entry.bold or entry.flag)


def _cell(cell: Any, text: str, align: str, bold: bool) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.alignment = ALIGN[align]
    paragraph.paragraph_format.space_after = Pt(0)
    run = paragraph.add_run(text)
    run.font.size, run.bold = Pt(9), bold


__all__ = ["as_docx"]
