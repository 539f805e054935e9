"""From a county's files to a pack: what is understood, what is said, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import Point, box

from dashboard.domain.place import DutyHours, PlaceKind, VisitRule
from dashboard.errors import PackError
from geodata.crs import GCJ02, from_wgs84
from geodata.importing import Imported, Request, assemble, same_content, written
from geodata.pack import load_pack
from geodata.picture import draw
from geodata.region import Region
from tests import geofiles

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "geo"
needs_inputs = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/geo beside the checkout")


def run(*files: Path, **asked: Any) -> Imported:
    return assemble(Request(files=files, **{"name": "云溪县", **asked}))


def kinds(found: Imported, level: str) -> list[str]:
    return [finding.kind for finding in found.of(level)]


def loaded(found: Imported) -> Region:
    with written(found) as directory:
        return load_pack(directory)


@pytest.fixture
def county(tmp_path: Path) -> Path:
    return geofiles.borders(tmp_path / "云溪镇界.geojson")


def test_a_county_with_its_lists(tmp_path: Path, county: Path) -> None:
    points = geofiles.table(
        tmp_path / "必巡点.csv",
        ("编号", "点位名称", "乡镇", "经纬度", "巡段", "巡逻组", "每日次数", "巡查时段"),
        [
            ("P-1", "老街", "西塘", "120.83，30.95", "老街段", "一组", "2次", "8:00-20:00"),
            ("P-2", "码头", "西塘镇", "(120.84, 30.96)", "老街段", "二组", "", ""),
            ("P-3", "工业园", "990101003000", "120.86 30.83", "", "", "1", "08:00-12:00；14点至18点"),
        ],
    )
    found = run(
        county, geofiles.checkpoints(tmp_path / "卡点.csv"), points, geofiles.enterprises(tmp_path / "名单.xlsx")
    )
    assert found.of("error") == []
    region = loaded(found)
    pack = region.pack
    assert (pack.region, pack.name, pack.approximate) == ("990101", "云溪县", False)
    assert [(town.code, town.name) for town in pack.towns] == [
        (code, name) for code, (name, _) in geofiles.TOWNS.items()
    ]
    assert pack.town_by_code["东湖"].code == "990101001"
    assert pack.town_by_code["990101001000"].code == "990101001"

    posts = [place for place in pack.places if place.kind == PlaceKind.CHECKPOINT]
    assert [(p.code, p.name, p.town, p.lon, p.lat) for p in posts] == [
        ("990101001-K01", "高速出口卡点", "990101001", 120.96, 30.96),
        ("990101002-K01", "客运站卡点", "990101002", 120.84, 30.94),
        ("990101003-K01", "南桥卡点", "990101003", 120.86, 30.84),
    ]
    assert pack.duty_hours == (
        DutyHours("990101001-K01", 0, 0), DutyHours("990101002-K01", 360, 1320), DutyHours("990101003-K01", 480, 1200),
    )  # fmt: skip
    assert set(pack.visit_rules) == {
        VisitRule("P-1", 2, 480, 1200), VisitRule("P-2", 1, 480, 1200),
        VisitRule("P-3", 1, 480, 720), VisitRule("P-3", 1, 840, 1080),
    }  # fmt: skip
    assert [(b.code, b.name, b.units) for b in pack.beats] == [
        ("990101002-B1", "老街段", ("990101002-U1", "990101002-U2"))
    ]
    assert [unit.name for unit in pack.units] == ["一组", "二组"]
    assert pack.place_by_code["P-2"].beat == "990101002-B1"
    assert pack.place_by_code["P-3"].beat is None

    firms = [place for place in pack.places if place.kind == PlaceKind.ENTERPRISE]
    # The second row names no town; its address does. Neither has a coordinate, and none is invented.
    assert [(firm.code, firm.town, firm.lon) for firm in firms] == [
        ("91990101MA28A0001X", "990101001", None),
        ("91990101MA28A0002X", "990101002", None),
    ]
    assert {"unlocated", "town_by_address", "no_code"} <= set(kinds(found, "note"))
    bare = next(finding for finding in found.of("warning") if finding.kind == "no_place")
    assert bare.where == "北山乡"
    told = "\n".join(found.told)
    assert "name←卡点名称" in told
    assert "入口移除：责任人、联系电话" in told
    assert "入口移除：联系人、联系电话" in told


def test_nothing_about_people_is_in_the_pack_the_report_or_the_picture(tmp_path: Path, county: Path) -> None:
    named = geofiles.table(tmp_path / "场所.csv", ("名称", "镇街"), [("便民店 13811112222", "西塘镇")])
    found = run(
        county, geofiles.checkpoints(tmp_path / "卡点.csv"), geofiles.enterprises(tmp_path / "企业.xlsx"), named
    )
    with written(found) as directory:
        text = "".join(file.read_text(encoding="utf-8") for file in directory.iterdir())
    everything = text + draw(found) + "\n".join(found.told) + "\n".join(str(finding) for finding in found.findings)
    for secret in ("13800001111", "王某", "13900001111", "周某", "13811112222"):
        assert secret not in everything
    assert "personal" in kinds(found, "warning")


@pytest.mark.parametrize("kind", ["shp", "zip", "gpkg"])
def test_borders_in_other_formats_and_systems(tmp_path: Path, kind: str) -> None:
    projected = geofiles.frame().to_crs(4549)
    if kind == "gpkg":
        file = tmp_path / "towns.gpkg"
        projected.to_file(file, engine="pyogrio")
    else:
        file = geofiles.shapefile(tmp_path / "towns.shp", projected)
        if kind == "zip":
            parts = {part.name: part.read_bytes() for part in tmp_path.iterdir() if part.stem == "towns"}
            file = geofiles.zipped(tmp_path / "towns.zip", parts)
    found = run(file)
    assert found.sound
    region = loaded(found)
    for code, (_, shape) in geofiles.TOWNS.items():
        # A straight border between two points in one system is not quite straight in another.
        assert shapely.symmetric_difference(region.boundaries[code], shape).area / shape.area < 1e-3


def test_a_projected_file_without_a_system_asks_for_it(tmp_path: Path) -> None:
    frame = geofiles.frame().to_crs(4528)
    frame.crs = None
    file = geofiles.shapefile(tmp_path / "towns.shp", frame)
    with pytest.raises(
        PackError, match=r"坐标是米.*请加 --crs EPSG:4528（像是 CGCS2000 3 度带第 40 带） · .*--crs EPSG:4528"
    ):
        run(file)
    assert run(file, crs=("EPSG:4528",)).sound
    with pytest.raises(PackError, match=r"不像 gcj02，请用 --crs towns\.shp=坐标系"):
        run(file, crs=("gcj02",))


def shifted(file: Path, **members: Any) -> Path:
    """The borders as AMap has them."""

    def to_gcj(points: Any) -> Any:
        return np.column_stack(from_wgs84(points[:, 0], points[:, 1], GCJ02))

    shapes = [
        (shapely.transform(shape, to_gcj), {"adcode": code, "name": name, "childrenNum": 0, "subFeatureIndex": 1})
        for code, (name, shape) in geofiles.TOWNS.items()
    ]
    return geofiles.geojson(file, shapes, **members)


def test_amap_borders_are_gcj02_whatever_the_file_says(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "EPSG:4326"}}
    file = shifted(tmp_path / "towns.geojson", crs=crs)
    found = run(file)
    warning = next(finding for finding in found.of("warning") if finding.kind == "crs")
    assert "--crs towns.geojson=gcj02" in warning.zh
    assert "400–600" in warning.zh
    # Believed, since the person has not said otherwise …
    assert found.boundaries["990101001"].bounds[0] == pytest.approx(120.9 + 0.0046, abs=0.001)
    # … and converted once the person does.
    found = run(file, crs=("towns.geojson=gcj02",))
    assert kinds(found, "warning") == ["no_place"]
    assert loaded(found).boundaries["990101001"].bounds == pytest.approx((120.9, 30.9, 121.0, 31.0), abs=1e-6)


def test_a_prj_of_wgs84_does_not_outweigh_what_is_declared(tmp_path: Path) -> None:
    frame = geofiles.frame()
    frame.geometry = [
        shapely.transform(shape, lambda p: np.column_stack(from_wgs84(p[:, 0], p[:, 1], GCJ02)))
        for shape in frame.geometry
    ]
    file = geofiles.shapefile(tmp_path / "高德镇界.shp", frame)
    assert "crs" in kinds(run(file), "warning")
    found = run(file, crs=("gcj02",))
    assert "crs" not in kinds(found, "warning")
    assert loaded(found).boundaries["990101003"].bounds == pytest.approx((120.8, 30.8, 120.9, 30.9), abs=1e-6)


def test_points_that_fit_their_towns_better_in_another_system_are_noticed(tmp_path: Path, county: Path) -> None:
    # Just inside the west side of their town: shifted east they stay, so they are put just inside the east side.
    rows = []
    for number in range(20):
        lon, lat = from_wgs84(120.8985, 30.81 + number * 0.004, GCJ02)
        rows.append((f"{number}", f"厂{number}", "南桥镇", lon, lat))
    file = geofiles.table(tmp_path / "企业.csv", ("编号", "名称", "镇街", "经度", "纬度"), rows)
    found = run(county, file)
    said = [finding.zh for finding in found.of("warning") if finding.kind == "crs"]
    assert len(said) == 1
    assert "像是 GCJ-02：按它有 100% 的点落在所写的镇，按 WGS-84 只有 0%" in said[0]
    found = run(county, file, crs=("企业.csv=gcj02",))
    assert "crs" not in kinds(found, "warning")
    assert found.pack.places[0].lon == pytest.approx(120.8985, abs=1e-6)


def test_a_column_may_name_the_system_and_a_header_too(tmp_path: Path, county: Path) -> None:
    lon, lat = from_wgs84(120.85, 30.85, GCJ02)
    by_row = geofiles.table(
        tmp_path / "卡点.csv", ("名称", "镇街", "经度", "纬度", "坐标系"),
        [("甲", "南桥镇", lon, lat, "GCJ-02"), ("乙", "南桥镇", 120.85, 30.85, "WGS84")],
    )  # fmt: skip
    by_header = geofiles.table(
        tmp_path / "派出所.csv", ("名称", "镇街", "lon_gcj02", "lat_gcj02"), [("丙", "南桥镇", lon, lat)]
    )
    found = run(county, by_row, by_header)
    for place in found.pack.places:
        assert (place.lon, place.lat) == pytest.approx((120.85, 30.85), abs=2e-6)


def test_latitude_written_first_is_put_right_and_said(tmp_path: Path) -> None:
    turned = {c: (n, shapely.transform(s, lambda p: p[:, ::-1])) for c, (n, s) in geofiles.TOWNS.items()}
    file = geofiles.borders(tmp_path / "towns.geojson", turned)
    posts = geofiles.checkpoints(
        tmp_path / "卡点.csv", row_2=(2, "客运站卡点", "西塘镇", 30.94, 120.84, "全天", "", "")
    )
    found = run(file, posts)
    assert kinds(found, "warning").count("swapped") == 2
    assert loaded(found).boundaries["990101001"].bounds == (120.9, 30.9, 121.0, 31.0)
    assert [(p.lon, p.lat) for p in found.pack.places][1] == (120.84, 30.94)


def test_rows_with_errors_are_named_by_row_and_may_be_left_out(tmp_path: Path, county: Path) -> None:
    file = geofiles.table(
        tmp_path / "卡点.csv",
        ("编号", "名称", "镇街", "经度", "纬度", "值守时间"),
        [
            ("1", "好卡点", "西塘镇", 120.85, 30.95, "全天"),
            ("2", "", "西塘镇", 120.85, 30.95, ""),
            ("3", "错镇", "西糖镇", 120.85, 30.95, ""),
            ("4", "错数", "西塘镇", "abc", 30.95, ""),
            ("5", "非数", "西塘镇", "NaN", 30.95, ""),
            ("1", "重号", "西塘镇", 120.85, 30.95, ""),
            ("7", "时间", "西塘镇", 120.85, 30.95, "25:00-9"),
            ("8", "没镇", "", "", "", ""),
            ("9", "好卡点", "西塘镇", 120.86, 30.95, ""),
        ],
    )
    found = run(county, file)
    said = {finding.where.rpartition("第 ")[2]: (finding.kind, finding.zh) for finding in found.of("error")}
    assert {where: kind for where, (kind, _) in said.items()} == {
        "3 行": "name", "4 行": "town", "5 行": "coordinate", "6 行": "coordinate", "7 行": "duplicate",
        "8 行": "hours", "9 行": "town",
    }  # fmt: skip
    assert "是不是“西塘镇”" in said["4 行"][1]
    assert "编号 1 与 卡点.csv 第 2 行重复" in said["7 行"][1]
    assert "duplicate" in kinds(found, "warning"), "one name under two codes"
    found = run(county, file, skip_bad_rows=True)
    assert found.sound
    # A wrong time of day costs the time, not the post; a wrong coordinate the coordinate.
    assert [place.name for place in loaded(found).pack.places] == ["好卡点", "错数", "非数", "时间", "好卡点"]


def test_places_outside_their_town_every_town_and_the_region(tmp_path: Path, county: Path) -> None:
    file = geofiles.table(
        tmp_path / "卡点.csv",
        ("名称", "镇街", "经度", "纬度"),
        [
            ("邻镇", "西塘镇", 120.95, 30.95),
            ("界外", "西塘镇", 120.79, 30.95),
            ("远处", "西塘镇", 121.9, 30.95),
            ("按坐标", "", 120.85, 30.85),
        ],
    )
    found = run(county, file)
    assert [(f.kind, f.lon) for f in found.of("error")] == [("far", 121.9)]
    assert {(f.kind, f.lon) for f in found.of("warning") if f.lon} == {("elsewhere", 120.95), ("outside", 120.79)}
    assert "town_by_point" in kinds(found, "warning")
    assert found.pack.places[3].town == "990101003"
    numbers = [finding.number for finding in found.findings if finding.number]
    assert numbers == [1, 2, 3]


def test_towns_without_codes_get_some_and_keep_them(tmp_path: Path) -> None:
    shapes = [(shape, {"乡镇名称": name}) for name, shape in geofiles.TOWNS.values()]
    file = geofiles.geojson(tmp_path / "towns.geojson", shapes)
    found = run(file, name_en="Yunxi County")
    assert [town.code for town in found.pack.towns] == [f"yunxi-county-T{n:02d}" for n in range(1, 5)]
    assert "no_code" in kinds(found, "warning")
    roll = geofiles.table(tmp_path / "名录.csv", ("代码", "名称"), [(c, n) for c, (n, _) in geofiles.TOWNS.items()])
    found = run(file, roll)
    assert [town.code for town in found.pack.towns] == list(geofiles.TOWNS)


def test_duplicate_town_codes(tmp_path: Path) -> None:
    names = list(geofiles.TOWNS.values())
    shapes = [(shape, {"code": "990101001", "name": name}) for name, shape in names[:2]]
    found = run(geofiles.geojson(tmp_path / "t.geojson", shapes))
    assert [f.kind for f in found.of("error")] == ["duplicate"]
    halves = [(box(120.9, 30.9, 120.95, 31.0), {"code": "990101001", "name": "东湖街道"}),
              (box(120.95, 30.9, 121.0, 31.0), {"code": "990101001", "name": "东湖街道"})]  # fmt: skip
    found = run(geofiles.geojson(tmp_path / "t.geojson", halves))
    assert found.sound
    assert loaded(found).boundaries["990101001"].area == pytest.approx(0.01)


def test_an_outline_and_seats_make_approximate_towns(tmp_path: Path) -> None:
    outline = geofiles.geojson(tmp_path / "county.geojson", [(box(120.8, 30.8, 121.0, 31.0), {"adcode": "990101"})])
    rows = [(code, name, *geofiles.SEATS[code]) for code, (name, _) in geofiles.TOWNS.items()]
    roll = geofiles.table(tmp_path / "名录.csv", ("代码", "名称", "经度", "纬度"), rows)
    found = run(outline, roll)
    assert found.pack.approximate
    assert "approximate" in kinds(found, "warning")
    region = loaded(found)
    for code, seat in geofiles.SEATS.items():
        assert region.town_of(*seat) == code
    assert shapely.union_all(list(region.boundaries.values())).area == pytest.approx(0.04, rel=1e-6)
    with pytest.raises(
        PackError, match=r"东湖街道 990101001 既没有边界也没有驻地坐标，请用 --seat 990101001=经度,纬度"
    ):
        run(
            outline,
            geofiles.table(
                tmp_path / "名录.csv", ("代码", "名称", "经度", "纬度"), [(*rows[0][:2], "", ""), *rows[1:]]
            ),
        )
    again = run(outline, tmp_path / "名录.csv", seats=("990101001=120.95,30.95",))
    assert loaded(again).town_of(120.95, 30.95) == "990101001"
    with pytest.raises(PackError, match=r"的驻地（121\.50000, 30\.95000）不在区县外边界里.*--seat 990101001="):
        run(outline, tmp_path / "名录.csv", seats=("990101001=121.5,30.95",))


def test_a_jurisdiction_is_a_list_of_towns(tmp_path: Path, county: Path) -> None:
    found = run(county, name="台商投资区", name_en="Investment Zone", towns=("东湖街道,990101002",))
    assert found.pack.region == "investment-zone"
    assert [town.name for town in found.pack.towns] == ["东湖街道", "西塘镇"]
    listed = geofiles.table(
        tmp_path / "辖区.csv",
        ("镇街代码", "镇街名称", "别名"),
        [("990101001", "东湖街道", "990101011|东湖办"), ("990101004", "北山乡", "")],
    )
    found = run(county, towns=(str(listed),), code="zone1")
    assert [town.code for town in found.pack.towns] == ["990101001", "990101004"]
    assert found.pack.town_by_code["990101011"].code == "990101001"
    assert found.pack.town_by_code["东湖办"].code == "990101001"
    with pytest.raises(PackError, match=r"--towns 里的“西糖镇”不在任何名录或边界里，是不是“西塘镇”？ · .*did you mean"):
        run(county, towns=("西糖镇",))


def test_two_codes_of_one_town_become_one(tmp_path: Path) -> None:
    file = geofiles.borders(tmp_path / "t.geojson")
    roll = geofiles.table(tmp_path / "名录.csv", ("代码", "名称"), [("990101011", "东湖街道")])
    posts = geofiles.table(
        tmp_path / "卡点.csv", ("名称", "镇街代码", "经度", "纬度"), [("甲", "990101011", 120.95, 30.95)]
    )
    found = run(file, roll, posts, aliases=("990101011=990101001",))
    assert found.sound
    assert found.pack.places[0].town == "990101001"
    assert "990101011" in found.pack.towns[0].aliases


def test_several_counties_are_asked_about(tmp_path: Path) -> None:
    more = {**geofiles.TOWNS, "990102001": ("外镇", box(121.0, 30.9, 121.1, 31.0))}
    file = geofiles.borders(tmp_path / "t.geojson", more)
    with pytest.raises(PackError, match=r"有 2 个区县的镇（990101、990102），请用 --code 指定一个，或用 --towns"):
        run(file)
    assert len(run(file, code="990102").pack.towns) == 1


def test_beats_duty_visits_units_and_shifts_from_lists_of_their_own(tmp_path: Path, county: Path) -> None:
    points = geofiles.table(
        tmp_path / "必巡点.csv", ("编号", "名称", "镇街", "经度", "纬度"),
        [("P1", "老街", "西塘镇", 120.83, 30.95), ("P2", "码头", "西塘镇", 120.84, 30.96), ("P3", "桥头", "西塘镇", 120.85, 30.96)],
    )  # fmt: skip
    posts = geofiles.table(
        tmp_path / "卡点.csv", ("名称", "镇街", "经度", "纬度"), [("东卡", "东湖街道", 120.95, 30.95)]
    )
    beats = geofiles.table(
        tmp_path / "巡段.csv",
        ("巡段", "镇街", "点位", "巡逻组"),
        [("老街段", "", "老街、P2", "一组"), ("桥段", "西塘镇", "P3、P9", "U-9")],
    )
    units = geofiles.table(
        tmp_path / "巡逻组.csv",
        ("组号", "组名", "镇街", "组长", "设备号"),
        [("G1", "一组", "西塘镇", "何涛", "phone-1")],
    )
    duty = geofiles.table(tmp_path / "值守.csv", ("卡点", "值守时间"), [("东卡", "7:00-19:00"), ("没有", "全天")])
    visits = geofiles.table(tmp_path / "要求.csv", ("点位", "次数", "时段"), [("老街", "3", "8:00-18:00")])
    shifts = geofiles.table(tmp_path / "班次.csv", ("班次", "时间"), [("早班", "6:00-14:00"), ("晚班", "14:00-22:00")])
    found = run(county, points, posts, beats, units, duty, visits, shifts, skip_bad_rows=True)
    left_out = [finding for finding in found.of("warning") if finding.kind == "unknown_place"]
    assert len(left_out) == 2
    assert "P9" in left_out[0].zh + left_out[1].zh
    pack = loaded(found).pack
    assert [(b.name, b.units) for b in pack.beats] == [("老街段", ("G1",)), ("桥段", ("U-9",))]
    assert [place.beat for place in pack.places][:3] == ["990101002-B1", "990101002-B1", "990101002-B2"]
    assert pack.unit_by_code["G1"].leader == "何涛"
    assert pack.devices == {"phone-1": "G1"}
    assert pack.duty_hours == (DutyHours("990101001-K01", 420, 1140),)
    assert VisitRule("P1", 3, 480, 1080) in pack.visit_rules
    assert [(shift.name, shift.start, shift.end) for shift in pack.shifts] == [("早班", 360, 840), ("晚班", 840, 1320)]


def test_a_later_list_replaces_its_kind_and_keeps_the_rest(tmp_path: Path, county: Path) -> None:
    first = loaded(
        run(county, geofiles.checkpoints(tmp_path / "卡点.csv"), geofiles.enterprises(tmp_path / "企业.xlsx"))
    )
    fewer = geofiles.table(
        tmp_path / "卡点2.csv",
        ("名称", "镇街", "经度", "纬度"),
        [("南桥卡点", "南桥镇", 120.861, 30.841), ("新卡点", "南桥镇", 120.87, 30.85)],
    )
    found = run(fewer, base=first, roles=("卡点2.csv=checkpoint",))
    second = loaded(found)
    posts = [place for place in second.pack.places if place.kind == PlaceKind.CHECKPOINT]
    # The known one keeps its code and its hours, though the list speaks of neither.
    assert [(place.code, place.name) for place in posts] == [("990101003-K01", "南桥卡点"), ("990101003-K02", "新卡点")]
    assert second.pack.duty_by_checkpoint["990101003-K01"] == DutyHours("990101003-K01", 480, 1200)
    assert len([place for place in second.pack.places if place.kind == PlaceKind.ENTERPRISE]) == 2
    assert any("沿用现行版本的 4 个镇和边界" in line for line in found.told)
    assert not same_content(first, second)
    again = loaded(run(fewer, base=second, roles=("卡点2.csv=卡点",)))
    assert same_content(second, again)


def test_what_is_not_told_is_asked_for(tmp_path: Path, county: Path) -> None:
    file = geofiles.table(tmp_path / "list.csv", ("名称", "镇街"), [("甲", "西塘镇")])
    with pytest.raises(
        PackError, match=r"list\.csv 看不出是哪类地点，请加 --as list\.csv=类型（checkpoint 卡点、.*）.* · "
    ):
        run(county, file)
    assert run(county, file, roles=("list.csv=venue",)).pack.places[0].kind == PlaceKind.VENUE
    shop = geofiles.table(tmp_path / "店.csv", ("字号", "镇街"), [("甲", "西塘镇")])
    with pytest.raises(PackError, match=r"请加 --column name=列名"):
        run(county, shop, roles=("店.csv=venue",))
    assert run(county, shop, roles=("店.csv=venue",), columns=("店.csv:name=字号",)).sound
    nameless = geofiles.geojson(
        tmp_path / "n.geojson", [(shape, {"FID": str(n)}) for n, (_, shape) in enumerate(geofiles.TOWNS.values())]
    )
    with pytest.raises(PackError, match=r"没有镇名，请加 --column name=属性名"):
        run(nameless)
    with pytest.raises(PackError, match=r"没有镇的边界：第一次导入请一并给出镇边界"):
        run(file, roles=("list.csv=venue",))
    for asked, said in (
        ({"columns": ("x",)}, "--column 应写成"), ({"roles": ("x",)}, "--as 应写成"), ({"crs": ("z.csv=gcj02",)}, "不在这次导入的文件里"),
        ({"crs": ("mars",)}, "坐标系是“mars”，应为 wgs84、gcj02、bd09 或 EPSG:编号"), ({"seats": ("1",)}, "--seat 应写成"),
    ):  # fmt: skip
        with pytest.raises(PackError, match=said):
            run(county, **asked)


def test_points_of_a_layer_are_places(tmp_path: Path, county: Path) -> None:
    file = geofiles.geojson(tmp_path / "卡点.geojson", [geofiles.point(120.95, 30.95, 名称="甲", 镇街="东湖街道")])
    place = run(county, file).pack.places[0]
    assert (place.kind, place.lon, place.lat) == (PlaceKind.CHECKPOINT, 120.95, 30.95)


def test_holes_and_overlaps_of_the_borders_are_in_the_report(tmp_path: Path) -> None:
    towns = dict(geofiles.TOWNS)
    towns["990101002"] = ("西塘镇", box(120.80, 30.90, 120.91, 31.00))
    found = run(geofiles.borders(tmp_path / "t.geojson", towns))
    assert [(f.kind, f.where) for f in found.of("error")] == [("overlap", "东湖街道、西塘镇")]
    assert not found.sound
    assert run(tmp_path / "t.geojson", repair=True).sound
    broken = geofiles.geojson(tmp_path / "nan.geojson", [(Point(0, 0), {})])
    text = json.loads((tmp_path / "t.geojson").read_text(encoding="utf-8"))
    text["features"][0]["geometry"]["coordinates"][0][1][0] = float("nan")
    broken.write_text(json.dumps(text), encoding="utf-8")
    found = run(broken, repair=True)
    assert any("不是数" in finding.zh for finding in found.of("error"))


def test_the_picture_shows_every_town_kind_and_number(tmp_path: Path, county: Path) -> None:
    posts = geofiles.checkpoints(
        tmp_path / "卡点.csv", row_1=(1, "甲<&>卡点", "东湖街道", 121.9, 30.96, "全天", "", "")
    )
    found = run(county, posts, geofiles.enterprises(tmp_path / "企业.xlsx"))
    picture = draw(found)
    for town, _ in geofiles.TOWNS.values():
        assert f">{town}</text>" in picture
    assert "1 处错误" in picture
    assert "甲&lt;&amp;&gt;卡点" in picture
    assert ">1</text>" in picture
    assert "另有 1 处无坐标" in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in picture


@needs_inputs
def test_real_counties_and_the_investment_zone() -> None:
    outline, roll = SHARED / "counties_wgs84.geojson", SHARED / "towns.csv"
    with pytest.raises(PackError, match=r"有 17 个区县的镇（330110 余杭区、.*请用 --code"):
        run(outline, roll)
    found = run(
        outline, roll, SHARED / "geonames_wgs84.csv", name="余杭区", code="330110", roles=("geonames_wgs84.csv=towns",)
    )
    region = loaded(found)
    assert len(region.pack.towns) == 20
    assert region.pack.town_by_code["闲林"].code == "330110011"
    assert region.town_of(119.98139, 30.22583) == "330110011"
    zone = loaded(
        run(
            outline,
            roll,
            name="泉州台商投资区",
            name_en="Quanzhou Taiwanese Investment Zone",
            towns=("洛阳镇,东园镇,张坂镇,百崎回族乡",),
        )
    )
    assert {town.code[:6] for town in zone.pack.towns} == {"350521"}
    assert zone.town_of(118.79289, 24.89978) == "350521106"
    streets = run(outline, roll, SHARED / "china_division_2023_streets.csv", name="景宁畲族自治县", code="331127")
    assert len(streets.pack.towns) == 21
