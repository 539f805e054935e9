"""Workbooks as people make them, written by other libraries than the product reads and writes them with."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
import xlwt

from tests.conftest import missing

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SECRETS = ("王小明", "13812345678", "李阿姨", "13987654321")
"""Names and numbers of people: not one of them may get past the door."""

Rows = Sequence[Sequence[Any]]


def form_headers(name: str) -> list[str]:
    """The columns of a real form."""
    path = DATA / "form_headers.json"
    if not path.exists():
        missing("form_headers.json of the open data is not here: put the folder shared/data beside the checkout.")
    return list(json.loads(path.read_text(encoding="utf-8"))[name])


def xlsx(rows: Rows, change: Callable[[Any, Any], None] = lambda book, sheet: None, title: str = "企业") -> bytes:
    """A workbook of one sheet; ``change`` may do more to it."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    change(book, sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(rows: Rows) -> bytes:
    """An old workbook (BIFF8)."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("企业")
    dated = xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm")
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            if value is not None:
                sheet.write(number, place, value, *([dated] if isinstance(value, datetime) else []))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods(rows: Rows, encrypted: bool = False) -> bytes:
    """An OpenDocument table of texts and numbers."""

    def cell(value: Any) -> str:
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        return (
            f'<table:table-cell office:value-type="string"><text:p>{escape(str(value))}</text:p></table:table-cell>'
            if value is not None
            else "<table:table-cell/>"
        )

    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="企业">{body}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    note = "<manifest:encryption-data/>" if encrypted else ""
    manifest = f'<manifest:manifest xmlns:manifest="urn:manifest">{note}</manifest:manifest>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", kind, zipfile.ZIP_STORED)
        package.writestr("META-INF/manifest.xml", manifest)
        package.writestr("content.xml", content)
    return out.getvalue()


def locked() -> bytes:
    """What a workbook with an opening password looks like from outside: an OLE file with an encrypted package."""
    data = bytearray(xls([["编号"]]))
    name = "Workbook".encode("utf-16-le")
    at = data.find(name)
    new = "EncryptedPackage".encode("utf-16-le")
    data[at : at + 64] = new.ljust(64, b"\0")
    data[at + 64 : at + 66] = (len(new) + 2).to_bytes(2, "little")
    return bytes(data)


def bomb(size: int = 420 * 1024 * 1024) -> bytes:
    """A workbook of half a megabyte whose sheet unpacks to a thousand times as much."""
    whole = xlsx([["编号", "时间"], ["1", "2020-02-18"]])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.infolist():
            if one.filename.endswith("sheet1.xml"):
                with new.open(one.filename, "w", force_zip64=True) as part:
                    part.write(old.read(one.filename).replace(b"</sheetData></worksheet>", b""))
                    for _ in range(size // (1 << 20)):
                        part.write(b" " * (1 << 20))
            else:
                new.writestr(one, old.read(one.filename))
    return out.getvalue()


def read_back(data: bytes, sheet: str | None = None) -> list[list[Any]]:
    """Every row of a sheet as another library reads it."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    found: Any = book[sheet] if sheet else book.worksheets[0]
    return [list(row) for row in found.iter_rows(values_only=True)]


def enterprise_rows(count: int, change: Callable[[int, list[Any]], None] = lambda number, row: None) -> list[list[Any]]:
    """A resumption export as it comes: a title, the real columns, dates as text in several forms and as dates.

    ``change`` gets the row's number as a spreadsheet shows it.
    """
    head = form_headers("enterprise_resumption_xlsx_columns")
    rows: list[list[Any]] = [["姚庄镇企业复工申报表"], head]
    for one in range(count):
        at = datetime.fromisoformat("2020-02-10 08:00") + timedelta(minutes=41 * one)
        shape = ("%Y年%m月%d日 %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S GMT+8", "%Y.%m.%d %H:%M")[one % 4]
        values = {
            "单位名称": f"云澜{one}号电子有限公司",
            "所属区": "嘉善县",
            "所属乡镇": "姚庄镇",
            "单位地址": "工业园路 1 号",
            "计划开工时间": "2020-02-20",
            "联系人": SECRETS[0],
            "联系电话": SECRETS[1],
            "企业防控情况说明": f"联系{SECRETS[2]} {SECRETS[3]}",
            "企业规模": ("规上", "规下")[one % 2],
            "职工人数": 100 + one,
            "已复工人数": one,
            "所属大类": "制造业",
            "所属行业": "电子",
            "组织机构代码": f"MA2A{one:04d}-X",
            "申请时间": at if one % 5 == 0 else at.strftime(shape),
            "审核状态": ("审核中", "审核通过", "不通过")[one % 3],
        }
        row = [values[header] for header in head]
        change(one + 3, row)
        rows.append(row)
    return rows
