"""Borders of towns: what does not fit is found with its ground and place; what is small is put right and said."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from geodata.checks import MAX_VERTICES, Finding, check_borders, mend, numbered
from geodata.library import BUNDLED_PACK
from geodata.pack import check_coverage, load_pack
from geodata.region import Plane

NAMES = {"a": "东镇", "b": "西镇", "c": "北镇"}
EAST = box(120.9, 30.8, 121.0, 30.9)
WEST = box(120.8, 30.8, 120.9, 30.9)


def kinds(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.level, finding.kind) for finding in findings]


def square_metres(shape: BaseGeometry) -> float:
    return float(Plane.around(shape.bounds).project(shape).area)


def test_borders_that_fit_are_left_as_they_are() -> None:
    towns = {"a": EAST, "b": WEST}
    found, findings = check_borders(towns, NAMES)
    assert findings == []
    assert found["a"] is EAST


def test_a_thin_overlap_is_settled_and_said_with_its_ground() -> None:
    found, findings = check_borders({"a": EAST, "b": box(120.8, 30.8, 120.9002, 30.9)}, NAMES)
    assert kinds(findings) == [("warning", "overlap")]
    overlap = findings[0]
    assert overlap.square_metres == pytest.approx(square_metres(box(120.9, 30.8, 120.9002, 30.9)), rel=0.01)
    assert overlap.where == "东镇、西镇"
    assert 120.9 <= (overlap.lon or 0) <= 120.9002
    assert "公顷" in overlap.zh
    assert "ha" in overlap.en
    check_coverage(found)
    assert shapely.intersection(found["a"], found["b"]).area == 0


def test_a_wide_overlap_is_an_error_until_a_person_says_repair() -> None:
    towns = {"a": EAST, "b": box(120.8, 30.8, 120.92, 30.9)}
    found, findings = check_borders(towns, NAMES)
    assert kinds(findings) == [("error", "overlap")]
    assert "--repair" in findings[0].zh
    assert found == towns
    found, findings = check_borders(towns, NAMES, repair=True)
    assert kinds(findings) == [("warning", "overlap")]
    check_coverage(found)


def test_a_slit_between_two_towns_is_closed() -> None:
    found, findings = check_borders({"a": EAST, "b": box(120.8, 30.8, 120.8998, 30.9)}, NAMES)
    assert kinds(findings) == [("warning", "gap")]
    assert findings[0].square_metres == pytest.approx(square_metres(box(120.8998, 30.8, 120.9, 30.9)), rel=0.02)
    assert found["a"].touches(found["b"])


def test_a_hole_is_filled_when_small_refused_when_large_and_left_when_it_may_be_a_lake() -> None:
    def with_hole(degrees: float) -> tuple[dict[str, BaseGeometry], list[Finding]]:
        hole = box(120.94, 30.84, 120.94 + degrees, 30.84 + degrees)
        return check_borders({"a": Polygon(EAST.exterior, [hole.exterior]), "b": WEST}, NAMES)

    found, findings = with_hole(0.001)
    assert kinds(findings) == [("warning", "gap")]
    assert shapely.area(found["a"]) == pytest.approx(EAST.area, rel=1e-6)
    _, findings = with_hole(0.005)
    assert kinds(findings) == [("error", "gap")]
    found, findings = with_hole(0.02)
    assert kinds(findings) == [("warning", "lake")]
    assert shapely.get_num_interior_rings(found["a"]) == 1


def test_an_inlet_of_the_outline_is_no_gap() -> None:
    coast = EAST.difference(LineString([(121.0, 30.85), (120.95, 30.85)]).buffer(0.0001))
    found, findings = check_borders({"a": coast, "b": WEST}, NAMES)
    assert findings == []
    assert found["a"] is coast


def test_vertices_that_neighbours_do_not_share_are_matched() -> None:
    more = Polygon([(120.9, 30.8), (121.0, 30.8), (121.0, 30.9), (120.9, 30.9), (120.9, 30.85)])
    found, findings = check_borders({"a": more, "b": WEST}, NAMES)
    assert kinds(findings) == [("note", "matched")]
    check_coverage(found)
    assert square_metres(found["b"]) == pytest.approx(square_metres(WEST), rel=1e-6)


def test_a_town_under_another_is_an_error() -> None:
    inner = box(120.95, 30.85, 120.96, 30.86)
    _, findings = check_borders({"a": EAST, "b": inner}, NAMES)
    assert kinds(findings) == [("error", "overlap")]
    found, findings = check_borders({"a": EAST, "b": inner, "c": WEST}, NAMES, repair=True)
    # Settled, or said to be impossible: never a town without ground.
    assert all(not shape.is_empty for shape in found.values())


def test_a_million_vertices_are_thinned_out_and_said() -> None:
    region = load_pack(BUNDLED_PACK)
    names = {town.code: town.name for town in region.pack.towns}
    dense = {code: shapely.segmentize(shape, 0.0000035) for code, shape in region.boundaries.items()}
    assert sum(shapely.get_num_coordinates(shape) for shape in dense.values()) > 900_000
    found, findings = check_borders(dense, names)
    assert ("note", "simplified") in kinds(findings)
    assert not [finding for finding in findings if finding.level == "error"]
    assert sum(shapely.get_num_coordinates(shape) for shape in found.values()) < MAX_VERTICES
    check_coverage(found)
    for code, shape in region.boundaries.items():
        assert square_metres(found[code]) == pytest.approx(square_metres(shape), rel=1e-3)


@pytest.mark.parametrize("seed", range(7, 12))
def test_borders_traced_twice_fit_afterwards(seed: int) -> None:
    region = load_pack(BUNDLED_PACK)
    names = {town.code: town.name for town in region.pack.towns}
    draw = np.random.default_rng(seed)

    def traced(shape: BaseGeometry) -> BaseGeometry:
        ring = shapely.get_coordinates(shapely.get_exterior_ring(shape))[:-1]
        return shapely.make_valid(Polygon(ring + draw.normal(0, 2e-5, ring.shape)))

    found, findings = check_borders({code: traced(shape) for code, shape in region.boundaries.items()}, names)
    assert {level for level, _ in kinds(findings)} == {"warning"}
    check_coverage(found)


def test_a_bow_tie_is_mended_and_nan_is_refused() -> None:
    shape, findings = mend("东镇", "towns 第 1 个图形", Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]))
    assert kinds(findings) == [("warning", "invalid")]
    assert shape is not None
    assert shape.is_valid
    assert "自己与自己相交" in findings[0].zh
    shape, findings = mend("东镇", "w", Polygon([(0, 0), (1, float("nan")), (1, 1)]))
    assert shape is None
    assert kinds(findings) == [("error", "invalid")]
    shape, findings = mend("东镇", "w", LineString([(0, 0), (1, 1)]))
    assert shape is None
    assert "LineString" in findings[0].zh


def test_numbers_go_to_what_stands_on_the_map_errors_first() -> None:
    def made(level: str, lon: float | None) -> Finding:
        return Finding(level, "x", "甲", "a", "", lon, lon)  # type: ignore[arg-type]

    found = numbered(
        [made("note", 1.0), made("warning", 1.0), made("error", None), made("error", 2.0), made("warning", None)]
    )
    assert [(one.level, one.number) for one in found] == [
        ("error", 0), ("error", 1), ("warning", 2), ("warning", 0), ("note", 0),
    ]  # fmt: skip
