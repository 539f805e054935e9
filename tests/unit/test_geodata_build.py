"""Building the Jiashan pack: the same files each time, and the ones that are committed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely
from shapely.geometry import shape

from geodata.build import build, main
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "geo"
needs_inputs = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/geo beside the checkout")


@needs_inputs
def test_the_same_inputs_give_the_same_files(tmp_path: Path) -> None:
    build(SHARED, tmp_path / "one")
    build(SHARED, tmp_path / "two")
    build(SHARED, tmp_path / "two")
    one = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
    assert one == {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["one", "two"]


@needs_inputs
def test_the_bundled_pack_is_what_the_command_builds(tmp_path: Path) -> None:
    built = build(SHARED, tmp_path / "pack")
    bundled = load_pack(BUNDLED_PACK)
    assert built.pack == bundled.pack
    for code, area in bundled.boundaries.items():
        assert built.boundaries[code].equals(area)


@needs_inputs
def test_the_towns_fill_the_county_exactly() -> None:
    counties = json.loads((SHARED / "counties_wgs84.geojson").read_text(encoding="utf-8"))
    county = next(shape(f["geometry"]) for f in counties["features"] if f["properties"]["adcode"] == "330421")
    whole = shapely.union_all(list(load_pack(BUNDLED_PACK).boundaries.values()))
    # What is left are slivers of millionths of a degree, where a border's end was set into the outline.
    assert shapely.symmetric_difference(whole, county).area / county.area < 1e-6


def test_old_towns_lie_in_the_towns_they_were_merged_into() -> None:
    region = load_pack(BUNDLED_PACK)
    assert region.town_of(120.94448, 30.99451) == region.pack.town_by_code["丁栅镇"].code
    assert region.town_of(120.83849, 30.91088) == region.pack.town_by_code["洪溪镇"].code
    assert region.town_of(120.8194, 30.85485) == region.pack.town_by_code["杨庙镇"].code
    for town in region.pack.towns:
        assert town.seat is not None
        assert region.town_of(*town.seat) == town.code


def test_missing_inputs_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--inputs", str(tmp_path), "--out", str(tmp_path / "pack")]) == 1
    chinese, english = capsys.readouterr().err.split(" · ")
    assert chinese.startswith(f"{tmp_path} 里的 counties_wgs84.geojson 读不出来（")
    assert english.startswith(f"counties_wgs84.geojson cannot be read in {tmp_path} (")
    assert not (tmp_path / "pack").exists()
