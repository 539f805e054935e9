"""Coordinate systems: held against geocoordinates-rs point by point, and against the known offset of town seats."""

from __future__ import annotations

import csv
from pathlib import Path

import geocoordinates_ffi as reference
import numpy as np
import pyproj
import pytest

from dashboard.errors import PackError
from geodata.crs import from_wgs84, system_of, to_wgs84

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "geo"
MILLIMETRE = 1e-8
"""Degrees; 1.1 mm on a meridian."""


def grid() -> tuple[np.ndarray, np.ndarray]:
    lon, lat = np.meshgrid(np.linspace(74.0, 134.0, 25), np.linspace(4.0, 53.0, 25))
    return lon.ravel(), lat.ravel()


@pytest.mark.parametrize("crs", ["GCJ-02", "BD-09"])
def test_conversion_agrees_with_the_reference_package(crs: str) -> None:
    lons, lats = grid()
    there_lon, there_lat = from_wgs84(lons, lats, crs)
    back_lon, back_lat = to_wgs84(there_lon, there_lat, crs)
    for index, (lon, lat) in enumerate(zip(lons.tolist(), lats.tolist(), strict=True)):
        point = reference.Wgs84(lon=lon, lat=lat)
        there: reference.Gcj02 | reference.Bd09
        if crs == "GCJ-02":
            there = reference.wgs84_to_gcj02(point)
            back = reference.gcj02_to_wgs84_refined(there)
        else:
            there = reference.wgs84_to_bd09(point)
            back = reference.bd09_to_wgs84_refined(there)
        assert there_lon[index] == pytest.approx(there.lon, abs=MILLIMETRE)
        assert there_lat[index] == pytest.approx(there.lat, abs=MILLIMETRE)
        assert back_lon[index] == pytest.approx(back.lon, abs=MILLIMETRE)
        assert back_lat[index] == pytest.approx(back.lat, abs=MILLIMETRE)


@pytest.mark.parametrize("crs", ["WGS-84", "GCJ-02", "BD-09"])
def test_round_trip_returns_to_the_start(crs: str) -> None:
    lons, lats = grid()
    back_lon, back_lat = to_wgs84(*from_wgs84(lons, lats, crs), crs)
    assert np.abs(back_lon - lons).max() < 1e-11
    assert np.abs(back_lat - lats).max() < 1e-11


def test_a_scalar_and_a_batch_give_the_same_numbers() -> None:
    lons, lats = grid()
    batch_lon, batch_lat = to_wgs84(lons, lats, "BD-09")
    for index in range(0, len(lons), 97):
        alone = to_wgs84(float(lons[index]), float(lats[index]), "BD-09")
        assert alone == (batch_lon[index], batch_lat[index])
        assert all(type(value) is float for value in alone)


@pytest.mark.parametrize(
    ("spelling", "system"),
    [("WGS-84", "WGS-84"), ("wgs84", "WGS-84"), ("gcj02", "GCJ-02"), ("Gcj-02", "GCJ-02"), ("bd09", "BD-09")],
)
def test_usual_spellings_are_accepted(spelling: str, system: str) -> None:
    assert system_of(spelling) == system


def test_an_unknown_system_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(PackError, match="got “utm”, allowed is one of WGS-84, GCJ-02, BD-09") as caught:
        to_wgs84(120.9, 30.8, "utm")
    assert caught.value.sentence.startswith("crs 是“utm”，应为 WGS-84、GCJ-02、BD-09 之一 · ")


def test_points_outside_china_and_missing_ones_stay_as_they_are() -> None:
    assert to_wgs84(2.35, 48.85, "GCJ-02") == (2.35, 48.85)
    lon, lat = to_wgs84(np.array([np.nan, 120.9]), np.array([30.8, 30.8]), "GCJ-02")
    assert np.isnan(lon[0])
    assert not np.isnan(lat[1])


def test_town_seats_move_by_the_known_offset() -> None:
    file = SHARED / "towns.csv"
    if not file.is_file():
        pytest.skip("needs ../shared/data/geo/towns.csv beside the checkout")
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["lon_gcj02"]]
    lons = np.array([float(row["lon_gcj02"]) for row in rows])
    lats = np.array([float(row["lat_gcj02"]) for row in rows])
    lon, lat = to_wgs84(lons, lats, "GCJ-02")
    assert np.abs(lon - [float(row["lon_wgs84"]) for row in rows]).max() < 1e-6
    assert np.abs(lat - [float(row["lat_wgs84"]) for row in rows]).max() < 1e-6
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(lons, lats, lon, lat)
    assert 405 < metres.min() < metres.max() < 615
