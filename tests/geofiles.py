"""A small county as people hand it over: four towns in a square, with the lists that an office has of them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
from shapely.geometry import Point, box, mapping
from shapely.geometry.base import BaseGeometry

WEST, SOUTH, STEP = 120.80, 30.80, 0.10
TOWNS: dict[str, tuple[str, BaseGeometry]] = {
    "990101001": ("东湖街道", box(120.90, 30.90, 121.00, 31.00)),
    "990101002": ("西塘镇", box(120.80, 30.90, 120.90, 31.00)),
    "990101003": ("南桥镇", box(120.80, 30.80, 120.90, 30.90)),
    "990101004": ("北山乡", box(120.90, 30.80, 121.00, 30.90)),
}
"""Code -> name and ground. The four meet at one point."""
SEATS = {
    "990101001": (120.95, 30.95),
    "990101002": (120.85, 30.95),
    "990101003": (120.85, 30.85),
    "990101004": (120.95, 30.85),
}


def geojson(
    file: Path,
    shapes: Iterable[tuple[BaseGeometry, Mapping[str, Any]]],
    encoding: str = "utf-8",
    **members: Any,
) -> Path:
    """A FeatureCollection with extra members such as ``crs``."""
    features = [{"type": "Feature", "properties": dict(told), "geometry": mapping(shape)} for shape, told in shapes]
    document = {"type": "FeatureCollection", **members, "features": features}
    file.write_text(json.dumps(document, ensure_ascii=False), encoding=encoding)
    return file


def borders(file: Path, towns: Mapping[str, tuple[str, BaseGeometry]] | None = None, **members: Any) -> Path:
    """The towns' borders with the keys of a survey office."""
    shapes = [(shape, {"XZQDM": code, "XZQMC": name}) for code, (name, shape) in (towns or TOWNS).items()]
    return geojson(file, shapes, **members)


def frame(crs: str | int | None = 4326) -> geopandas.GeoDataFrame:
    """The towns as a table of shapes, for Shapefile and GeoPackage."""
    names = [name for name, _ in TOWNS.values()]
    shapes = [shape for _, shape in TOWNS.values()]
    return geopandas.GeoDataFrame({"代码": list(TOWNS), "名称": names}, geometry=shapes, crs=crs)


def table(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8") -> Path:
    """A CSV file."""
    with file.open("w", encoding=encoding, newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(header)
        writer.writerows(rows)
    return file


def workbook(file: Path, sheets: Mapping[str, Iterable[Sequence[object]]]) -> Path:
    """An XLSX file."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(file)
    return file


def zipped(file: Path, members: Mapping[str, bytes]) -> Path:
    """A zip with members of any name."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def shapefile(file: Path, data: geopandas.GeoDataFrame, encoding: str = "UTF-8") -> Path:
    """A shapefile with its companions."""
    data.to_file(file, driver="ESRI Shapefile", encoding=encoding, engine="pyogrio")
    return file


def checkpoints(file: Path, encoding: str = "gb18030", **changed: Sequence[object]) -> Path:
    """A list of checkpoints with a title above its header and columns about people; ``row_2=…`` replaces a row."""
    rows: list[Sequence[object]] = [
        (1, "高速出口卡点", "东湖街道", 120.96, 30.96, "全天", "王某", "13800001111"),
        (2, "客运站卡点", "西塘镇", 120.84, 30.94, "6:00-22:00", "李某", "13800002222"),
        (3, "南桥卡点", "南桥镇", 120.86, 30.84, "08：00至20：00", "赵某", "13800003333"),
    ]
    for name, row in changed.items():
        number = int(name.removeprefix("row_"))
        rows[number - 1 : number] = [row]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["云溪县卡点一览表（2月）"])
    writer.writerow(["序号", "卡点名称", "所属镇街", "经度", "纬度", "值守时间", "责任人", "联系电话"])
    writer.writerows(rows)
    file.write_bytes(text.getvalue().encode(encoding))
    return file


ENTERPRISE_HEADER = (
    *("单位名称", "所属区", "所属乡镇", "单位地址", "计划开工时间", "联系人", "联系电话", "企业防控情况说明"),
    *("企业规模", "职工人数", "已复工人数", "所属大类", "所属行业", "组织机构代码", "申请时间", "审核状态"),
)


def enterprises(file: Path, blank: int = 0) -> Path:
    """The resumption form of February 2020: no coordinates, people's columns, some rows without a town."""
    rows: list[Sequence[object]] = [ENTERPRISE_HEADER]
    for number, (town, where) in enumerate(
        [("东湖街道", "东湖街道科技路 1 号"), ("", "云溪县西塘镇工业路 8 号")], start=1
    ):
        rows.append(
            (f"云澜电子{number}厂", "云溪县", town, where, "2020-02-18", "周某", "13900001111", "", "规上", 120, 80,
             "制造业", "电子", f"91990101MA28A000{number}X", "2020-02-17 08:00:00 GMT+8", "审核通过")
        )  # fmt: skip
    rows += [[None]] * blank
    return workbook(file, {"企业": rows})


def point(lon: float, lat: float, **told: Any) -> tuple[BaseGeometry, dict[str, Any]]:
    """A point with its texts."""
    return Point(lon, lat), told
