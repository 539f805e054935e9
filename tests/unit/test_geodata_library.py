"""The library keeps every installed version and knows which one is in force on a day."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dashboard.errors import PackError
from geodata.library import BUNDLED_PACK, PackLibrary


def variant(directory: Path, leader: str) -> Path:
    """A copy of the bundled pack that differs in one leader's name, and so in its version."""
    copy = directory / f"source-{leader}"
    shutil.copytree(BUNDLED_PACK, copy)
    units = copy / "units.csv"
    units.write_text(units.read_text(encoding="utf-8").replace("何涛", leader), encoding="utf-8")
    return copy


def leader_on(library: PackLibrary, day: int) -> str:
    return library.at("330421", day).pack.unit_by_code["330421111-U1"].leader


@pytest.fixture
def library(tmp_path: Path) -> PackLibrary:
    return PackLibrary(tmp_path / "packs")


def test_an_installed_pack_is_found_again_by_another_process(library: PackLibrary) -> None:
    installed = library.install(BUNDLED_PACK)
    fresh = PackLibrary(library.directory)
    assert fresh.default_region == "330421"
    found = fresh.at("330421", 20200218)
    assert found.pack == installed.pack
    assert fresh.at("330421", 20200219) is found
    home = library.directory / "330421" / f"20200101-{installed.pack.version}"
    assert (home / "SOURCES.md").is_file()


def test_the_version_in_force_depends_on_the_day(library: PackLibrary, tmp_path: Path) -> None:
    library.install(BUNDLED_PACK)
    later = library.install(variant(tmp_path, "郑和平"), valid_from=20200210)
    assert later.pack.valid_from == 20200210
    assert leader_on(library, 20200209) == "何涛"
    assert leader_on(library, 20200210) == "郑和平"
    assert leader_on(PackLibrary(library.directory), 20300101) == "郑和平"
    assert leader_on(library, 20190101) == "何涛"


def test_the_last_installed_of_one_day_is_in_force(library: PackLibrary, tmp_path: Path) -> None:
    for leader in ("乙", "甲", "丙"):
        library.install(variant(tmp_path, leader))
    assert leader_on(library, 20200218) == "丙"
    assert leader_on(library, 20190101) == "丙"
    assert leader_on(PackLibrary(library.directory), 20200218) == "丙"


def test_installing_the_same_version_again_changes_nothing(library: PackLibrary, tmp_path: Path) -> None:
    library.install(BUNDLED_PACK)
    library.install(variant(tmp_path, "丙"))
    before = {file: file.stat().st_mtime_ns for file in library.directory.rglob("*") if file.is_file()}
    again = library.install(BUNDLED_PACK)
    assert again.pack.unit_by_code["330421111-U1"].leader == "何涛"
    assert leader_on(library, 20200218) == "丙"
    after = {file: file.stat().st_mtime_ns for file in library.directory.rglob("*") if file.is_file()}
    assert {f: t for f, t in after.items() if f.name != ".lock"} == {
        f: t for f, t in before.items() if f.name != ".lock"
    }


def test_a_running_reader_sees_what_another_process_installs(library: PackLibrary, tmp_path: Path) -> None:
    library.install(BUNDLED_PACK)
    reader = PackLibrary(library.directory)
    assert leader_on(reader, 20200218) == "何涛"
    library.install(variant(tmp_path, "丙"), valid_from=20200201)
    assert leader_on(reader, 20200218) == "丙"


def test_a_wrong_pack_leaves_nothing_behind(library: PackLibrary, tmp_path: Path) -> None:
    source = variant(tmp_path, "丙")
    (source / "shifts.csv").unlink()
    with pytest.raises(PackError, match=r"里缺少 shifts\.csv，.* · shifts\.csv is missing"):
        library.install(source)
    with pytest.raises(
        PackError, match=r"^安装，字段 valid_from 是“20201301”，应为.* · install, field valid_from: got “20201301”"
    ):
        library.install(BUNDLED_PACK, valid_from=20201301)
    assert not library.directory.exists()
    assert library.versions("330421") == ()


def test_a_failed_copy_leaves_nothing_behind(
    library: PackLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.install(BUNDLED_PACK)
    source = variant(tmp_path, "丙")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(
        PackError, match=r"存不进 .*（No space left on device），请检查空间和权限 · .*\(No space left on device\)"
    ):
        library.install(source)
    assert len(library.versions("330421")) == 1
    assert sorted(entry.name for entry in library.directory.iterdir()) == [".lock", "330421"]


def test_an_empty_library_says_what_to_do(library: PackLibrary) -> None:
    with pytest.raises(PackError, match=r"里还没有区域包，请先安装一个 · .*install one first"):
        _ = library.default_region
    with pytest.raises(
        PackError, match=r"里没有区域“330421”的区域包，.*已安装：无.* · No pack of region “330421” is installed"
    ):
        library.at("330421", 20200218)


def test_a_region_code_cannot_leave_the_library(library: PackLibrary) -> None:
    with pytest.raises(PackError, match=r"region 是“\.\./330421”，应为已安装区域的代码 · region: got “\.\./330421”"):
        library.at("../330421", 20200218)
