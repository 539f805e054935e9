"""What a person changes about a place, beat or unit becomes edits with everything that hangs on it, or one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.errors import PackError
from geodata import placing
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from geodata.region import Region
from geodata.revise import Content, Edit, revise

TOWN, OTHER = "330421001", "330421002"
POST, POINT, BEAT, UNIT = f"{TOWN}-K01", f"{TOWN}-P01", f"{TOWN}-B1", f"{TOWN}-U1"


@pytest.fixture(scope="module")
def region() -> Region:
    return load_pack(BUNDLED_PACK)


@pytest.fixture
def content() -> Content:
    return Content(BUNDLED_PACK)


def after(written: placing.Written, room: Path) -> Region:
    """The pack with the edits, loaded: whatever is written must be a sound pack."""
    revise(BUNDLED_PACK, written.edits, room / "pack")
    return load_pack(room / "pack")


def test_only_what_was_said_is_changed(content: Content, region: Region) -> None:
    found = placing.place(content, region, POST, {"name": "新城北卡点"})
    assert [(edit.table, edit.key) for edit in found.edits] == [("places", POST)]
    assert found.edits[0].rows[0] == {**content.rows("places", POST)[0], "name": "新城北卡点"}
    assert placing.place(content, region, POST, {"name": content.rows("places", POST)[0]["name"]}).edits == ()


def test_a_new_place_gets_a_code_of_its_own(content: Content, region: Region, tmp_path: Path) -> None:
    given = {
        "name": "高铁站卡点",
        "kind": "checkpoint",
        "town": TOWN,
        "lon": "120.92",
        "lat": "30.85",
        "hours": "6:00-22:00",
    }
    found = placing.place(content, region, "", given)
    assert found.key not in region.pack.place_by_code
    assert found.key.startswith(f"{TOWN}-K")
    pack = after(found, tmp_path).pack
    assert pack.place_by_code[found.key].name == "高铁站卡点"
    assert (pack.duty_by_checkpoint[found.key].start, pack.duty_by_checkpoint[found.key].end) == (360, 1320)


def test_moving_to_another_town_leaves_the_beat_behind(content: Content, region: Region) -> None:
    assert content.rows("places", POINT)[0]["beat"] == BEAT
    found = placing.place(content, region, POINT, {"town": OTHER})
    assert found.edits[0].rows[0]["beat"] == ""
    with pytest.raises(PackError, match=r"巡段 330421001-B1 不在这个镇"):
        placing.place(content, region, POINT, {"town": OTHER, "beat": BEAT})


def test_a_place_of_another_kind_keeps_no_duty_hours(content: Content, region: Region) -> None:
    assert content.rows("duty_hours", POST)
    found = placing.place(content, region, POST, {"kind": "patrol_point", "visits": "08:00-20:00 x2"})
    assert [(edit.table, bool(edit.rows)) for edit in found.edits] == [
        ("places", True), ("duty_hours", False), ("visit_rules", True),
    ]  # fmt: skip


def test_a_position_in_another_town_is_told_and_allowed(content: Content, region: Region) -> None:
    seat = region.pack.town_by_code[OTHER].seat
    assert seat is not None
    found = placing.place(content, region, POST, {"lon": str(seat[0]), "lat": str(seat[1])})
    assert "按所填的魏塘街道计" in found.notes[0]
    assert "镇界是近似的" in found.notes[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": ""}, "名称有 0 个字"),
        ({"name": "王 13800001111"}, "电话或证件号"),
        ({"kind": "pub"}, "类型是“pub”，应为 卡点、"),
        ({"town": "330110001"}, "镇是“330110001”，应为 "),
        ({"lon": "abc"}, "经度是“abc”，应为度数"),
        ({"lat": "nan"}, "纬度是“nan”"),
        ({"lon": ""}, "经度是“空的”"),
        ({"lon": "30.85", "lat": "120.91"}, "离本区域 20 公里以上"),
        ({"beat": "none"}, "没有巡段 none"),
        ({"hours": "25:00-8:00"}, "330421001-K01 的时段得到“25:00-8:00”"),
    ],
)
def test_what_is_not_allowed_is_one_sentence(
    content: Content, region: Region, given: dict[str, str], said: str
) -> None:
    with pytest.raises(PackError) as caught:
        placing.place(content, region, POST, given)
    assert said in caught.value.sentence
    assert " · " in caught.value.sentence


def test_closing_a_place_takes_what_hangs_on_it(content: Content, region: Region, tmp_path: Path) -> None:
    found = placing.close_place(content, POINT)
    assert {edit.table for edit in found.edits} == {"places", "visit_rules"}
    pack = after(found, tmp_path).pack
    assert POINT not in pack.place_by_code
    assert not [rule for rule in pack.visit_rules if rule.place == POINT]
    for close in placing.CLOSE.values():
        with pytest.raises(PackError, match="可能已经"):
            close(content, "nobody")


def test_a_beat_takes_places_in_and_lets_them_go(content: Content, region: Region, tmp_path: Path) -> None:
    held = sorted(code for code, rows in content.table("places").items() if rows[0]["beat"] == BEAT)
    other = next(c for c, rows in content.table("places").items() if rows[0]["beat"] == f"{TOWN}-B2")
    found = placing.beat(
        content, region, BEAT, {"places": "|".join([*held[1:], other]), "units": UNIT, "name": "老城东段"}
    )
    pack = after(found, tmp_path).pack
    assert pack.beat_by_code[BEAT].units == (UNIT,)
    assert pack.beat_by_code[BEAT].name == "老城东段"
    assert pack.place_by_code[held[0]].beat is None
    assert pack.place_by_code[other].beat == BEAT
    foreign = next(c for c, rows in content.table("places").items() if rows[0]["town"] == OTHER)
    with pytest.raises(PackError, match=f"{foreign} 不在这个镇"):
        placing.beat(content, region, BEAT, {"places": foreign})
    with pytest.raises(PackError, match="没有巡逻组 U-99，请先新增"):
        placing.beat(content, region, BEAT, {"units": "U-99"})


def test_a_new_beat_and_its_removal(content: Content, region: Region, tmp_path: Path) -> None:
    found = placing.beat(content, region, "", {"name": "高铁段", "town": TOWN})
    assert found.key not in region.pack.beat_by_code
    assert "还没有巡逻组" in found.notes[-1]
    gone = placing.close_beat(content, BEAT)
    pack = after(gone, tmp_path).pack
    assert BEAT not in pack.beat_by_code
    assert {place.beat for place in pack.places if place.town == TOWN and place.kind == "patrol_point"} >= {None}


def test_a_unit_its_devices_and_its_end(content: Content, region: Region, tmp_path: Path) -> None:
    found = placing.unit(
        content, region, "", {"name": "五组", "town": TOWN, "leader": "何涛", "devices": "phone-7、phone-8"}
    )
    pack = after(found, tmp_path).pack
    assert pack.unit_by_code[found.key].leader == "何涛"
    assert pack.devices == {"phone-7": found.key, "phone-8": found.key}
    second = Content(tmp_path / "pack")
    taken = placing.unit(second, region, found.key, {"devices": "phone-8"})
    assert taken.edits == (Edit("devices", "phone-7"),)
    with pytest.raises(PackError, match=r"设备 phone-8 已归 .*请先从那一组去掉"):
        placing.unit(second, region, UNIT, {"devices": "phone-8"})
    with pytest.raises(PackError, match="设备名是电话号码"):
        placing.unit(second, region, UNIT, {"devices": "13800001111"})
    with pytest.raises(PackError, match="已有巡逻组在用"):
        placing.unit(content, region, "", {"code": UNIT, "name": "x", "town": TOWN})
    gone = placing.close_unit(second, UNIT)
    assert ("beats", BEAT) in {(edit.table, edit.key) for edit in gone.edits}
