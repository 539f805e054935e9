"""A region at work: point -> town, nearness and GeoJSON, over the pack that comes with the program."""

from __future__ import annotations

import json

import h3
import numpy as np
import pyproj
import pytest
import shapely
from shapely.geometry import Point, Polygon, shape

from dashboard.domain.place import PlaceKind
from dashboard.errors import PackError
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from geodata.plan_jiashan import FIRMS, TRADES
from geodata.region import Level, Region, h3_cell, h3_cells

LEVELS: tuple[Level, ...] = ("wall", "desk", "town")


@pytest.fixture(scope="module")
def region() -> Region:
    return load_pack(BUNDLED_PACK)


def scatter(region: Region, count: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(7)
    west, south, east, north = region.bounds
    return draw.uniform(west - 0.05, east + 0.05, count), draw.uniform(south - 0.05, north + 0.05, count)


def test_ten_thousand_points_get_the_town_of_a_plain_loop(region: Region) -> None:
    lons, lats = scatter(region, 10_000)
    expected: list[str | None] = []
    for lon, lat in zip(lons, lats, strict=True):
        point = Point(lon, lat)
        expected.append(next((code for code, area in region.boundaries.items() if area.contains(point)), None))
    found = region.towns_of(lons, lats)
    assert found == expected
    assert set(found) == {*region.boundaries, None}


def test_one_point_agrees_with_many(region: Region) -> None:
    lons, lats = scatter(region, 500)
    assert [region.town_of(lon, lat) for lon, lat in zip(lons, lats, strict=True)] == region.towns_of(lons, lats)


def test_a_border_point_belongs_to_the_first_of_its_towns(region: Region) -> None:
    codes = list(region.boundaries)
    vertices = shapely.get_coordinates(region.boundaries[codes[-1]])
    shared = [
        (x, y, next(code for code in codes if region.boundaries[code].intersects(Point(x, y)))) for x, y in vertices
    ]
    assert {code for _, _, code in shared} > {codes[-1]}
    assert region.towns_of(vertices[:, 0], vertices[:, 1]) == [code for _, _, code in shared]
    assert [region.town_of(x, y) for x, y, _ in shared] == [code for _, _, code in shared]


def test_no_points_and_missing_points_have_no_town(region: Region) -> None:
    assert region.towns_of([], []) == []
    assert region.towns_of([np.nan, np.inf], [30.8, 30.8]) == [None, None]
    assert region.town_of(float("nan"), 30.8) is None


def test_near_means_within_twenty_kilometres_of_the_border(region: Region) -> None:
    west, south, east, north = region.bounds
    outline = shapely.union_all(list(region.boundaries.values()))
    tip = max(shapely.get_coordinates(outline).tolist(), key=lambda vertex: vertex[0])
    geod = pyproj.Geod(ellps="WGS84")
    for metres, expected in ((19_990, True), (20_010, False)):
        lon, lat, _ = geod.fwd(tip[0], tip[1], 90, metres)
        assert region.near(lon, lat) is expected
    assert region.near((west + east) / 2, (south + north) / 2)
    assert not region.near(116.4, 39.9)
    assert not region.near(float("nan"), 30.8)
    assert region.near(116.4, 39.9, metres=1_500_000)
    lons, lats = scatter(region, 300)
    near = region.near_all(lons, lats, metres=3_000)
    assert near.tolist() == [region.near(lon, lat, metres=3_000) for lon, lat in zip(lons, lats, strict=True)]
    assert 0 < near.sum() < 300


def test_boundaries_leave_no_gap_and_no_overlap(region: Region) -> None:
    areas = list(region.boundaries.values())
    assert shapely.is_valid(areas).all()
    assert shapely.coverage_is_valid(areas)
    whole = shapely.union_all(areas)
    assert isinstance(whole, Polygon)
    assert not whole.interiors
    assert sum(area.area for area in areas) == pytest.approx(whole.area, rel=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_simplified_towns_keep_their_shared_borders(region: Region, level: Level) -> None:
    collection = json.loads(json.dumps(region.geojson(level)))
    shapes = [shape(feature["geometry"]) for feature in collection["features"]]
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    assert shape(region.outline(level)["geometry"]).equals(shapely.union_all(shapes))
    coordinates = shapely.get_coordinates(shapes)
    assert np.array_equal(coordinates, np.round(coordinates, 5))
    for feature, area in zip(collection["features"], shapes, strict=True):
        town = region.pack.town_by_code[feature["properties"]["code"]]
        assert (feature["properties"]["name"], feature["properties"]["name_en"]) == (town.name, town.name_en)
        assert area.contains(Point(feature["properties"]["label"]))
    assert region.geojson(level) is region.geojson(level)


def test_farther_levels_are_lighter(region: Region) -> None:
    wall, desk, town = (len(json.dumps(region.geojson(level))) for level in LEVELS)
    assert wall < desk < town


def test_an_unknown_level_is_refused(region: Region) -> None:
    with pytest.raises(
        PackError,
        match=r"^level 是“phone”，应为 wall、desk、town 之一 · .* “phone”, allowed is one of wall, desk, town",
    ):
        region.geojson("phone")  # type: ignore[arg-type]


def test_cells_are_of_resolution_nine(region: Region) -> None:
    cell = h3_cell(120.9, 30.85)
    assert (h3.get_resolution(cell), cell) == (9, h3.latlng_to_cell(30.85, 120.9, 9))
    assert h3_cells([120.9, 120.91], [30.85, 30.86]) == [cell, h3_cell(120.91, 30.86)]


def test_the_bundled_pack_holds_what_the_pages_expect(region: Region) -> None:
    pack = region.pack
    assert region.warnings == ()
    assert (pack.region, pack.valid_from, pack.approximate) == ("330421", 20200101, True)
    assert len(pack.towns) == 9
    assert len(pack.units) == 40
    count = {kind: sum(place.kind == kind for place in pack.places) for kind in PlaceKind}
    assert (count[PlaceKind.CHECKPOINT], count[PlaceKind.STATION]) == (27, 9)
    assert pack.place_by_code["330421111-K01"].name == "高速姚庄出口"
    assert {pack.town_by_code[name].code for name in ("姚庄", "丁栅镇", "Dingzha", "330421111000")} == {"330421111"}
    assert {pack.town_by_code[name].code for name in ("洪溪", "杨庙镇", "天凝")} == {"330421112"}
    assert pack.town_by_code["惠民镇"].code == "330421003"
    for town in pack.towns:
        assert 8 <= len(pack.places_of(town.code, PlaceKind.PATROL_POINT)) <= 14
        assert 2 <= sum(beat.town == town.code for beat in pack.beats) <= 4
    assert all(1 <= len(beat.units) <= 2 for beat in pack.beats)
    assert {unit for beat in pack.beats for unit in beat.units} == set(pack.unit_by_code)


def test_bundled_visits_fit_the_day(region: Region) -> None:
    pack = region.pack
    visits: dict[str, int] = {}
    early: dict[str, int] = {}
    for rule in pack.visit_rules:
        visits[rule.place] = visits.get(rule.place, 0) + rule.times
        assert 60 <= rule.end - rule.start <= 180
        assert rule.end % 60 == 0
        by_day = 8 * 60 <= rule.start < rule.end <= 20 * 60
        assert by_day or 4 * 60 <= rule.start < rule.end <= 8 * 60
        if not by_day:
            place = pack.place_by_code[rule.place]
            early[place.town] = early.get(place.town, 0) + 1
            assert f"{place.town}-N1" in pack.beat_by_code[place.beat or ""].units
    assert set(visits) == {place.code for place in pack.places if place.kind == PlaceKind.PATROL_POINT}
    assert set(visits.values()) <= {2, 3, 4, 5, 6}
    assert sum(visits.values()) == 382
    assert set(early) == {town.code for town in pack.towns}
    assert set(early.values()) <= {3, 4, 5}


def test_bundled_places_keep_their_distance(region: Region) -> None:
    places = [place for place in region.pack.places if place.kind != PlaceKind.ENTERPRISE]
    lons, lats = np.array([place.lon for place in places]), np.array([place.lat for place in places])
    first, second = np.triu_indices(len(places), k=1)
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(lons[first], lats[first], lons[second], lats[second])
    assert metres.min() >= 400
    assert region.towns_of(lons, lats) == [place.town for place in places]


def test_bundled_enterprises_are_invented_in_their_towns_apart_from_patrol_points(region: Region) -> None:
    pack = region.pack
    firms = [place for place in pack.places if place.kind == PlaceKind.ENTERPRISE]
    assert {town.code: len(pack.places_of(town.code, PlaceKind.ENTERPRISE)) for town in pack.towns} == FIRMS
    assert len({place.name for place in firms}) == len(firms)
    assert all(any(place.name.endswith(trade) for trade in TRADES) for place in firms)
    lons, lats = np.array([place.lon for place in firms]), np.array([place.lat for place in firms])
    assert region.towns_of(lons, lats) == [place.town for place in firms]
    points = [place for place in pack.places if place.kind == PlaceKind.PATROL_POINT]
    nth, point = np.indices((len(firms), len(points))).reshape(2, -1)
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(
        lons[nth], lats[nth], np.array([p.lon for p in points])[point], np.array([p.lat for p in points])[point]
    )
    # A visit reaches 100 m at most: whoever stands at a patrol point has not visited an enterprise.
    assert metres.min() > 100
