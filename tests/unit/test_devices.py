"""Which unit carries which phone: the pack's ``devices.csv``, the pack's units, else the phone's own name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dashboard.errors import PackError
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from ingest.decode import Door
from ingest.device import Fix, moment, names, record_of, scaled, unit_of

UNIT, OTHER = "330421111-U1", "330421111-U2"


def pack(folder: Path, text: str) -> Path:
    """A copy of the bundled pack with a ``devices.csv``."""
    shutil.copytree(BUNDLED_PACK, folder)
    (folder / "devices.csv").write_text(text, encoding="utf-8")
    return folder


def test_devices_of_a_pack(tmp_path: Path) -> None:
    region = load_pack(pack(tmp_path / "pack", f"device,unit\n861001000719969,{UNIT}\n阿明的手机,{OTHER}\n"))
    assert region.pack.devices == {"861001000719969": UNIT, "阿明的手机": OTHER}
    assert load_pack(BUNDLED_PACK).pack.devices == {}, "the file may be left out"
    assert region.pack.version != load_pack(BUNDLED_PACK).pack.version
    assert unit_of(("阿明的手机",), region, "gate") == OTHER
    assert unit_of(("x", "861001000719969"), region, "gate") == UNIT
    assert unit_of((OTHER, "861001000719969"), region, "gate") == UNIT, "the table decides before names"
    assert unit_of(("x", OTHER), region, "gate") == OTHER
    assert unit_of(("gate", "x"), region, "gate") == "x", "the source's name is no device"
    assert unit_of(("gate",), region, "gate") == "gate"
    assert unit_of((), region, "gate") is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("device,unit\nx,nobody\n", "devices.csv 第 2 行，字段 unit 是“nobody”"),
        (f"device,unit\nx,{UNIT}\nx,{OTHER}\n", "devices.csv 第 3 行，字段 device 是“x”"),
        (f"device,unit\n,{UNIT}\n", "devices.csv 第 2 行，字段 device 是空的"),
        ("phone,unit\n", "devices.csv 第 1 行"),
    ],
)
def test_wrong_devices_are_told_by_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(PackError) as caught:
        load_pack(pack(tmp_path / "pack", text))
    assert caught.value.sentence.startswith(sentence)


def test_a_fix_without_a_time_is_of_the_moment_it_was_received_and_others_keep_their_id() -> None:
    door = Door("gate", load_pack(BUNDLED_PACK), zone="Asia/Shanghai")
    fix = Fix((UNIT,), None, "120.957", "30.912")
    assert record_of(fix, "osmand", door, 1_582_000_000_000)["at"] == "2020-02-18T12:26:40+08:00"
    written = ("2020-02-18T12:26:40+08:00", "2020-02-18T04:26:40Z", "2020-02-18 12:26:40", moment(1_582_000_000))
    found = {record_of(Fix((UNIT,), at, "1", "2"), "osmand", door, 0)["id"] for at in written}
    assert len(found) == 1, "however the time is written"
    assert record_of(Fix((OTHER,), written[0], "1", "2"), "osmand", door, 0)["id"] not in found
    assert record_of(Fix((UNIT,), written[0], "1", "2"), "owntracks", door, 0)["id"] not in found


def test_names_and_measures() -> None:
    assert names(" a  b ", None, "", 7, True, "a b", 1.5, {}) == ("a b", "7")
    assert [scaled(value, 2) for value in (3, "3", "-1", -0.5, None, "x", "", "inf", True)] == [
        6, 6, None, None, None, "x", "", "inf", True
    ]  # fmt: skip
