"""Files of every kind are read; what is damaged, hostile or no geodata is one sentence."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import geopandas
import pytest
from shapely.geometry import Point

from dashboard.errors import PackError
from geodata import sheets
from geodata.reading import Layer, read
from geodata.sheets import Table
from tests import geofiles


def only(path: Path) -> Layer | Table:
    found = read(path)
    assert len(found) == 1
    return found[0]


def layer(path: Path) -> Layer:
    found = only(path)
    assert isinstance(found, Layer)
    return found


def refused(path: Path) -> str:
    """The sentence: one line, both languages, naming the file."""
    with pytest.raises(PackError) as caught:
        read(path)
    sentence = caught.value.sentence
    assert "\n" not in sentence
    assert " · " in sentence
    assert path.name in sentence
    return sentence


NAMES = [name for name, _ in geofiles.TOWNS.values()]


def test_geojson_in_either_encoding(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        shapes = [(shape, {"name": name}) for name, shape in geofiles.TOWNS.values()]
        found = layer(geofiles.geojson(tmp_path / "towns.geojson", shapes, encoding))
        assert [row["name"] for row in found.texts] == NAMES
        assert found.system == ""


def test_a_declared_crs_member_is_told(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}
    found = layer(geofiles.borders(tmp_path / "towns.geojson", crs=crs))
    assert (found.system, found.system_by[0]) == ("urn:ogc:def:crs:EPSG::4490", "文件里的 crs")


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
@pytest.mark.parametrize("with_page", [True, False])
def test_a_shapefile_with_chinese_names(tmp_path: Path, encoding: str, with_page: bool) -> None:
    path = geofiles.shapefile(tmp_path / "镇界.shp", geofiles.frame(), encoding)
    if not with_page:
        (tmp_path / "镇界.cpg").unlink()
    found = layer(path)
    assert [row["名称"] for row in found.texts] == NAMES
    assert (found.system, found.system_by[1]) == ("EPSG:4326", "its .prj")


def test_a_zipped_shapefile_in_a_folder_and_without_an_index(tmp_path: Path) -> None:
    path = geofiles.shapefile(tmp_path / "a.shp", geofiles.frame())
    parts = {f"云溪/TOWN{end.upper()}": path.with_suffix(end).read_bytes() for end in (".shp", ".dbf", ".prj", ".cpg")}
    found = layer(geofiles.zipped(tmp_path / "up.zip", {**parts, "__MACOSX/._TOWN.SHP": b"\0", "readme.md": b"x"}))
    assert [row["名称"] for row in found.texts] == NAMES
    assert found.file == "up.zip/TOWN.SHP"


def test_every_layer_of_a_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "county.gpkg"
    geofiles.frame(4490).to_file(path, layer="towns", engine="pyogrio")
    points = geopandas.GeoDataFrame({"名称": ["甲"]}, geometry=[Point(120.9, 30.9)], crs=4490)
    points.to_file(path, layer="posts", engine="pyogrio")
    found = {source.file: source for source in read(path)}
    assert set(found) == {"county.gpkg:towns", "county.gpkg:posts"}
    towns = found["county.gpkg:towns"]
    assert isinstance(towns, Layer)
    assert (towns.system, len(towns.shapes)) == ("EPSG:4490", 4)


def test_people_are_dropped_from_properties(tmp_path: Path) -> None:
    path = geofiles.geojson(
        tmp_path / "p.geojson", [geofiles.point(120.9, 30.9, 名称="厂", 联系人="周某", 联系电话="1390")]
    )
    found = layer(path)
    assert found.texts == ({"名称": "厂"},)
    assert found.private == ("联系人", "联系电话")


def test_amap_is_noticed_by_its_keys_and_by_a_name(tmp_path: Path) -> None:
    told = {"adcode": 330421, "name": "x", "childrenNum": 0, "acroutes": [1], "subFeatureIndex": 0}
    shapes = [(geofiles.TOWNS["990101001"][1], told)]
    assert "acroutes" in layer(geofiles.geojson(tmp_path / "a.json", shapes)).amap
    assert layer(geofiles.borders(tmp_path / "高德镇界.geojson")).amap == "高德镇界.geojson"
    assert layer(geofiles.borders(tmp_path / "gcj02转wgs84.geojson")).amap == ""


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.geojson", b"", "是空文件"),
        ("a.geojson", b'{"type":"FeatureCollection","features":[{"type":"Feat', "不是完整的 JSON"),
        ("a.geojson", b"[" * 200_000, "不是 GeoJSON|括号套得太深|不是完整的 JSON"),
        ("a.geojson", b'{"type":"Topology"}', "TopoJSON"),
        ("a.geojson", b'{"a":1}', "不是 GeoJSON"),
        ("a.geojson", b'{"type":"FeatureCollection","features":[]}', "一个图形也没有"),
        ("a.geojson", b"\x00\x01\x02\x03" * 50, "内容不是 geojson"),
        ("a.csv", b"\x00\x01\x02\x03" * 50, "既不是 UTF-8 也不是 GB18030"),
        ("a.csv", b"\n\n,,\n", "是空表"),
        ("a.kml", b"<?xml version='1.0'?><kml/>", "KML"),
        ("a.shp", b"\x00\x00\x27\x0a" + b"\0" * 20, "不是 Shapefile"),
        ("a.gpkg", b"SQLite format 3\x00" + b"\0" * 100, "打不开"),
        ("a.zip", b"PK\x03\x04 not really", "压缩包损坏"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "工作簿打不开"),
    ],
)
def test_what_is_no_geodata_is_one_sentence(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert any(part in refused(path) for part in said.split("|"))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    assert "没有这个文件" in refused(tmp_path / "none.geojson")


def test_a_truncated_shapefile_and_zip(tmp_path: Path) -> None:
    path = geofiles.shapefile(tmp_path / "a.shp", geofiles.frame())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "没有传完" in refused(path)
    whole = geofiles.zipped(tmp_path / "z.zip", {"a.geojson": b'{"type":"FeatureCollection"}' * 500})
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:-40])
    assert "压缩包损坏" in refused(cut)


def test_a_shapefile_that_is_something_else_is_never_handed_on(tmp_path: Path) -> None:
    # A file of this kind makes readers open other files and addresses.
    path = tmp_path / "a.shp"
    path.write_text(
        "<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    assert "XML" in refused(path)


@pytest.mark.parametrize(
    "inner", ["../../evil.geojson", "/etc/evil.geojson", "C:\\evil.geojson", "a\\..\\..\\evil.csv"]
)
def test_a_zip_that_points_outside_is_not_opened(tmp_path: Path, inner: str) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(inner), b"{}")
    assert "指向外面的路径" in refused(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.zip"]


def test_a_zip_bomb_is_not_unfolded(tmp_path: Path) -> None:
    path = geofiles.zipped(tmp_path / "bomb.zip", {"a.geojson": b"\0" * (64 * 1024 * 1024)})
    assert path.stat().st_size < 200_000
    assert "大得不正常" in refused(path)


def test_a_zip_of_zips_many_files_and_nothing_useful(tmp_path: Path) -> None:
    inner = geofiles.zipped(tmp_path / "inner.zip", {"x": b"1"})
    assert ".shp" in refused(geofiles.zipped(tmp_path / "outer.zip", {"inner.zip": inner.read_bytes()}))
    assert "最多" in refused(geofiles.zipped(tmp_path / "many.zip", {f"{n}.txt": b"" for n in range(2100)}))


def test_sixty_five_thousand_empty_rows_are_no_rows(tmp_path: Path) -> None:
    found = only(geofiles.enterprises(tmp_path / "e.xlsx", blank=65_000))
    assert isinstance(found, Table)
    assert len(found.rows) == 3
    text = "名称,镇街\n厂,东湖街道\n" + ",\n" * 65_000
    (tmp_path / "e.csv").write_text(text, encoding="utf-8")
    table = only(tmp_path / "e.csv")
    assert isinstance(table, Table)
    assert [number for number, _ in table.rows] == [1, 2]


def test_a_sheet_of_a_billion_cells_is_not_unfolded(tmp_path: Path) -> None:
    path = geofiles.workbook(tmp_path / "w.xlsx", {"x": [["名称"]]})
    out = tmp_path / "wide.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            if member == "xl/worksheets/sheet1.xml":
                far = b'<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row></sheetData>'
                data = data.replace(b"</sheetData>", far)
            new.writestr(member, data)
    assert "铺开有 1048576 行" in refused(out)


def test_cells_are_texts_as_people_read_them(tmp_path: Path) -> None:
    import datetime

    rows: list[list[object]] = [
        ["a", "b", "c", "d", "e"],
        [330421001.0, datetime.time(8, 30), "  x\t\n y ", 1.25, None],
    ]
    table = only(geofiles.workbook(tmp_path / "c.xlsx", {"s": rows}))
    assert isinstance(table, Table)
    assert table.rows[1][1] == ("330421001", "08:30", "x y", "1.25", "")


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    table = only(geofiles.workbook(tmp_path / "r.xlsx", {"s": [[None], [None], ["名称"], [None], ["甲"]]}))
    assert isinstance(table, Table)
    assert [number for number, _ in table.rows] == [3, 5]


def test_delimiters_and_a_second_sheet(tmp_path: Path) -> None:
    for delimiter in ",;\t|":
        (tmp_path / "d.csv").write_text(f"编号{delimiter}名称\n1{delimiter}甲\n", encoding="gb18030")
        found = only(tmp_path / "d.csv")
        assert isinstance(found, Table)
        assert found.rows[1] == (2, ("1", "甲"))
    book = geofiles.workbook(
        tmp_path / "two.xlsx", {"卡点": [["名称"], ["甲"]], "空": [], "必巡点": [["名称"], ["乙"]]}
    )
    assert [source.file for source in read(book)] == ["two.xlsx「卡点」", "two.xlsx「必巡点」"]


def test_a_feature_that_cannot_be_read_is_named_and_the_others_stay(tmp_path: Path) -> None:
    good = {
        "type": "Feature",
        "properties": {"name": "甲"},
        "geometry": {"type": "Point", "coordinates": [120.9, 30.9]},
    }
    bad = {**good, "geometry": {"type": "Polygon", "coordinates": [[["x", 1], [2, 3]]]}}
    none = {**good, "geometry": None}
    path = tmp_path / "f.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [good, bad, none]}), encoding="utf-8")
    found = layer(path)
    assert [shape is None for shape in found.shapes] == [False, True, True]
    assert [number for number, _, _ in found.faults] == [2, 3]


def test_the_length_that_a_shapefile_states_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = geofiles.shapefile(tmp_path / "a.shp", geofiles.frame())
    assert struct.unpack(">i", path.read_bytes()[24:28])[0] * 2 == path.stat().st_size


def test_utf16_text_is_read() -> None:
    assert sheets.text_of("x.csv", "名称,镇街".encode("utf-16"))[0].endswith("名称,镇街")
