"""What lists and columns are called: kinds, roles, mappings, and the sentence where it cannot be told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.domain.place import PlaceKind
from dashboard.errors import PackError
from geodata.columns import Role, header_of, kind_named, meaning, role_named, role_of
from geodata.times import minute, span
from tests.geofiles import ENTERPRISE_HEADER

FORMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "form_headers.json"


@pytest.mark.parametrize(
    ("name", "header", "rows", "role", "kind"),
    [
        ("x.csv", ("编号", "卡点名称", "镇街", "经度", "纬度", "值守时间"), [], Role.PLACES, PlaceKind.CHECKPOINT),
        ("必巡点.csv", ("编号", "名称", "镇街", "次数", "时段"), [], Role.PLACES, PlaceKind.PATROL_POINT),
        ("x.xlsx", ENTERPRISE_HEADER, [], Role.PLACES, PlaceKind.ENTERPRISE),
        ("重点场所.xlsx", ("名称", "乡镇", "地址"), [], Role.PLACES, PlaceKind.VENUE),
        ("出租房.csv", ("名称", "乡镇", "地址"), [], Role.PLACES, PlaceKind.RENTAL),
        ("名单.xlsx「派出所」", ("名称", "乡镇"), [], Role.PLACES, PlaceKind.STATION),
        ("x.csv", ("名称", "类型", "镇街"), [], Role.PLACES, None),
        ("x.csv", ("卡点", "开始", "结束"), [], Role.DUTY, None),
        ("x.csv", ("卡点编号", "值守时间"), [], Role.DUTY, None),
        ("x.csv", ("点位", "每日次数", "时段"), [], Role.VISITS, None),
        ("x.csv", ("巡段", "镇街", "点位", "巡逻组"), [], Role.BEATS, None),
        ("x.csv", ("组名", "镇街", "组长", "设备号"), [], Role.UNITS, None),
        ("x.csv", ("班次", "开始", "结束"), [], Role.SHIFTS, None),
        ("x.csv", ("代码", "名称"), [("330110001", "临平街道"), ("330110102", "塘栖镇")], Role.TOWNS, None),
        ("x.csv", ("code", "name", "areaCode"), [("330110001", "临平街道", "330110")], Role.TOWNS, None),
        ("x.csv", ("名称", "经度", "纬度"), [("临平街道", "1", "2"), ("塘栖镇", "1", "2")], Role.TOWNS, None),
    ],
)
def test_what_a_list_is(
    name: str, header: tuple[str, ...], rows: list[tuple[str, ...]], role: Role, kind: PlaceKind | None
) -> None:
    assert role_of(name, header, rows) == (role, kind)


def test_the_form_in_use_is_mapped_and_its_people_are_dropped() -> None:
    header = (
        tuple(json.loads(FORMS.read_text(encoding="utf-8"))["enterprise_resumption_xlsx_columns"])
        if FORMS.exists()
        else ENTERPRISE_HEADER
    )
    found = meaning("名单.xlsx", Role.PLACES, PlaceKind.ENTERPRISE, header, 1, {})
    told = {field: header[place] for field, place in found.fields.items()}
    assert told == {"code": "组织机构代码", "name": "单位名称", "town": "所属乡镇", "address": "单位地址"}
    assert found.private == ("联系人", "联系电话")


@pytest.mark.parametrize("header", ["责任人", "负责人电话", "法定代表人", "姓 名", "联系电话（手机）", "Phone"])
def test_columns_about_people_are_never_read(header: str) -> None:
    found = meaning("x", Role.PLACES, None, ("名称", header), 1, {})
    assert found.fields == {"name": 0}
    assert header in found.private or header in found.unused


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("乡镇（街道）", "town"),
        ("所在镇街*", "town"),
        ("Longitude", "lon"),
        ("经度(WGS84)", "lon"),
        ("坐 标", "point"),
        ("卡点名称：", "name"),
    ],
)
def test_a_header_is_known_however_it_is_written(header: str, field: str) -> None:
    name = "编号" if field == "name" else "名称"
    assert meaning("x", Role.PLACES, None, (name, header), 1, {}).fields[field] == 1


def test_what_a_person_says_wins() -> None:
    header = ("名称", "门店", "镇街")
    found = meaning("x", Role.PLACES, None, header, 1, {"name": "门店"})
    assert found.fields["name"] == 1
    with pytest.raises(PackError, match=r"没有 --column name=店名 所说的列.*列有：名称、门店、镇街 · "):
        meaning("x", Role.PLACES, None, header, 1, {"name": "店名"})


def test_a_missing_name_is_asked_for_by_the_option_that_answers_it() -> None:
    with pytest.raises(
        PackError, match=r"看不出哪一列是 name，列有：字号、镇街；请加 --column name=列名 · .*--column name=HEADER"
    ):
        meaning("x.csv", Role.PLACES, None, ("字号", "镇街", "联系电话"), 1, {})


def test_the_header_may_stand_below_a_title() -> None:
    rows = [
        (1, ("云溪县卡点一览表",)),
        (3, ("填报：县防控办", "2月10日")),
        (4, ("编号", "名称", "镇街")),
        (5, ("1", "甲", "乙")),
    ]
    assert header_of(rows) == (2, ("编号", "名称", "镇街"), 4)
    assert header_of([(1, ("a", "b")), (2, ("c", "d"))]) is None
    assert header_of([(1, ("a", "b")), (2, ("店名", "d"))], ["店名"]) == (1, ("店名", "d"), 2)


def test_kinds_by_their_words() -> None:
    found = {
        word: kind_named(word)
        for word in ("防疫卡点", "必巡点", "集贸市场", "定点医院", "纸制品", "警务站", "Enterprise")
    }
    assert found == {
        "防疫卡点": PlaceKind.CHECKPOINT,
        "必巡点": PlaceKind.PATROL_POINT,
        "集贸市场": PlaceKind.VENUE,
        "定点医院": PlaceKind.VENUE,
        "纸制品": None,
        "警务站": PlaceKind.STATION,
        "Enterprise": PlaceKind.ENTERPRISE,
    }


def test_a_role_is_said_in_either_language() -> None:
    assert role_named("企业") == role_named("enterprise") == (Role.PLACES, PlaceKind.ENTERPRISE)
    assert role_named("towns") == role_named("镇街名录") == (Role.TOWNS, None)
    with pytest.raises(PackError, match=r"--as 是“x”，应为 checkpoint、.* · "):
        role_named("x")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8:00-20:00", (480, 1200)),
        ("08：00至20：00", (480, 1200)),
        ("8点—20点", (480, 1200)),
        ("早8点到晚8点半", (480, 1230)),
        ("20:00~次日8:00", (1200, 480)),
        ("全天", (0, 0)),
        ("24小时", (0, 0)),
        ("00:00-24:00", (0, 0)),
        ("每天 6:30 - 22:00", (390, 1320)),
    ],
)
def test_spans_of_the_day(text: str, found: tuple[int, int]) -> None:
    assert span(text) == found


@pytest.mark.parametrize("text", ["", "8", "8:00", "25:00-26:00", "8:61-9:00", "上班时间", "8-9-10"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(ValueError, match=r"^.*$"):
        span(text)


def test_a_time_of_day_in_words() -> None:
    assert [minute(text) for text in ("8", "8:05", "下午3点", "晚上12点", "24:00")] == [480, 485, 900, 720, 1440]
