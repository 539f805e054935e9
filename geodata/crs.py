"""WGS-84, GCJ-02 (AMap, Tencent) and BD-09 (Baidu): conversion of scalars and of whole arrays.

One numpy implementation serves both, so that a record gets the same coordinate alone or in a batch of 10,000. The
tests hold it against the ``geocoordinates-rs`` package, whose functions take one point at a time.
Formulas: the published GCJ-02 offset series on the Krasovsky 1940 ellipsoid and Baidu's polar shift; the inverses are
fixed-point iterations of the forward formulas and agree with them to less than a millimetre.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dashboard.errors import PackError

if TYPE_CHECKING:
    import pyproj

WGS84 = "WGS-84"
GCJ02 = "GCJ-02"
BD09 = "BD-09"
SYSTEMS = (WGS84, GCJ02, BD09)

_SPELLINGS = {
    "wgs84": WGS84,
    "epsg4326": WGS84,
    "4326": WGS84,
    "gcj02": GCJ02,
    "gcj": GCJ02,
    "amap": GCJ02,
    "bd09": BD09,
    "bd09ll": BD09,
    "baidu": BD09,
}
_AXIS = 6378245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BAIDU_PI = np.pi * 3000.0 / 180.0
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
_ROUNDS = 8
"""The error shrinks by a factor of about 1,000 a round; eight reach the limit of a double everywhere."""

_Array = NDArray[np.float64]
_Shift = Callable[[_Array, _Array], tuple[_Array, _Array]]


def system_of(crs: str) -> str:
    """The canonical name (one of :data:`SYSTEMS`) of a coordinate system in any usual spelling.

    Raises:
        PackError: when the spelling is not known.
    """
    key = "".join(letter for letter in str(crs).lower() if letter.isalnum())
    found = _SPELLINGS.get(key)
    if found is None:
        raise PackError(
            f"crs 是“{crs}”，应为 {'、'.join(SYSTEMS)} 之一 · crs: got “{crs}”, allowed is one of {', '.join(SYSTEMS)}."
        )
    return found


class System:
    """A coordinate system of a file: degrees in WGS-84, GCJ-02 or BD-09, or anything that PROJ knows (``EPSG:4549``).

    CGCS2000 degrees are WGS-84 degrees to within a decimetre.
    """

    def __init__(self, name: str) -> None:
        self.name = name.strip()
        self._shift, self._projection = WGS84, ""
        # “WGS-84 (converted from GCJ-02)”: what it is stands before the bracket.
        head = self.name.replace("（", "(").partition("(")[0]
        plain = "".join(letter for letter in head.lower() if letter.isalnum())
        if plain in _SPELLINGS:
            self._shift = _SPELLINGS[plain]
            self.name = self._shift
        elif plain.endswith(("crs84", "epsg4326", "epsg4490")) or plain in ("cgcs2000", "4490"):
            self.name = WGS84
        else:
            crs = _known(self.name)
            if not (crs.is_geographic and crs.datum is not None and _close(crs)):
                self._projection = self.name

    @property
    def degrees(self) -> bool:
        """Whether coordinates are degrees as they stand."""
        return not self._projection

    def to_wgs84(self, points: _Array) -> _Array:
        """Rows of (x, y) or (lon, lat) as rows of WGS-84 degrees."""
        if self._projection:
            x, y = _transformer(self._projection).transform(points[:, 0], points[:, 1])
            return np.column_stack([x, y])
        if self._shift == WGS84:
            return points
        return np.column_stack(to_wgs84(points[:, 0], points[:, 1], self._shift))


def _known(name: str) -> pyproj.CRS:
    import pyproj

    try:
        return pyproj.CRS.from_user_input(int(name) if name.isdigit() else name)
    except pyproj.exceptions.CRSError:
        raise PackError(
            f"坐标系是“{name[:60]}”，应为 wgs84、gcj02、bd09 或 EPSG:编号"
            f" · crs: got “{name[:60]}”, allowed is wgs84, gcj02, bd09 or EPSG:number."
        ) from None


def _close(crs: pyproj.CRS) -> bool:
    """Whether a datum is that of GNSS receivers to within a decimetre or two."""
    name = crs.datum.name.lower() if crs.datum is not None else ""
    return any(word in name for word in ("world geodetic system 1984", "wgs 84", "wgs_1984", "china 2000", "itrf"))


@lru_cache(maxsize=16)
def _transformer(name: str) -> pyproj.Transformer:
    import pyproj

    return pyproj.Transformer.from_crs(_known(name), "EPSG:4326", always_xy=True)


@overload
def to_wgs84(lon: float, lat: float, crs: str) -> tuple[float, float]: ...
@overload
def to_wgs84(lon: ArrayLike, lat: ArrayLike, crs: str) -> tuple[Any, Any]: ...
def to_wgs84(lon: ArrayLike, lat: ArrayLike, crs: str) -> tuple[Any, Any]:
    """Degrees in ``crs`` as WGS-84 degrees: floats for scalars, float64 arrays of the same shape for arrays.

    Points outside the rectangle in which GCJ-02 is defined, and NaN, are returned as they are.

    Raises:
        PackError: when ``crs`` is not known.
    """
    system = system_of(crs)
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if system == BD09:
        x, y = _undo(_gcj02_to_bd09, x, y)
    if system != WGS84:
        x, y = _undo(_wgs84_to_gcj02, x, y)
    return _as_given(x, y)


@overload
def from_wgs84(lon: float, lat: float, crs: str) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: ArrayLike, lat: ArrayLike, crs: str) -> tuple[Any, Any]: ...
def from_wgs84(lon: ArrayLike, lat: ArrayLike, crs: str) -> tuple[Any, Any]:
    """The reverse of :func:`to_wgs84`: WGS-84 degrees as degrees in ``crs``.

    Raises:
        PackError: when ``crs`` is not known.
    """
    system = system_of(crs)
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if system != WGS84:
        x, y = _wgs84_to_gcj02(x, y)
    if system == BD09:
        x, y = _gcj02_to_bd09(x, y)
    return _as_given(x, y)


def _as_given(x: _Array, y: _Array) -> tuple[Any, Any]:
    if x.ndim == 0 and y.ndim == 0:
        return float(x), float(y)
    return x, y


def _undo(shift: _Shift, x: _Array, y: _Array) -> tuple[_Array, _Array]:
    lon, lat = x, y
    for _ in range(_ROUNDS):
        shifted_lon, shifted_lat = shift(lon, lat)
        lon, lat = lon + (x - shifted_lon), lat + (y - shifted_lat)
    return lon, lat


def _in_china(lon: _Array, lat: _Array) -> NDArray[np.bool_]:
    return np.asarray((lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH))


def _wgs84_to_gcj02(lon: _Array, lat: _Array) -> tuple[_Array, _Array]:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    common = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0

    radians = np.radians(lat)
    magic = 1.0 - _ECCENTRICITY_SQUARED * np.sin(radians) ** 2
    north = north * 180.0 / (_AXIS * (1.0 - _ECCENTRICITY_SQUARED) / (magic * np.sqrt(magic)) * np.pi)
    east = east * 180.0 / (_AXIS / np.sqrt(magic) * np.cos(radians) * np.pi)
    inside = _in_china(lon, lat)
    return lon + np.where(inside, east, 0.0), lat + np.where(inside, north, 0.0)


def _gcj02_to_bd09(lon: _Array, lat: _Array) -> tuple[_Array, _Array]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BAIDU_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BAIDU_PI)
    inside = _in_china(lon, lat)
    return (
        np.where(inside, radius * np.cos(angle) + 0.0065, lon),
        np.where(inside, radius * np.sin(angle) + 0.006, lat),
    )
