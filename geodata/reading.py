"""Files as people hand them over: GeoJSON, Shapefile, GeoPackage, CSV and XLSX, bare or zipped, read into plain rows.

Nothing is understood here: a :class:`Layer` is shapes with texts, a :class:`Table` is rows of cells. What a file is, is
told by its bytes, not by its name. Coordinates are left as they are written. A file that cannot be read, or that is
made to do harm (a zip that unfolds without end or points outside, a sheet of a billion cells), is refused by one
sentence; nothing of a zip is written but under names of our own. Columns that carry people's names or numbers are
dropped here, before anything else sees them.
"""

from __future__ import annotations

import io
import json
import re
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import msgspec
import numpy as np
import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dashboard.domain.privacy import private_header
from dashboard.errors import PackError
from geodata import sheets
from geodata.sheets import Table

MAX_FILE_BYTES = 400 * 1024 * 1024
MAX_UNPACKED_BYTES = 800 * 1024 * 1024
MAX_MEMBERS = 2000
MAX_RATIO = 200
"""Text unfolds to some twenty times its packed size; what unfolds to more than this is made to fill a disk."""
_RATIO_FROM_BYTES = 8 * 1024 * 1024
MAX_FEATURES = 200_000

_SHAPEFILE = b"\x00\x00\x27\x0a"
_SQLITE = b"SQLite format 3\x00"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_INSIDE = (".geojson", ".json", ".gpkg", ".csv", ".tsv", ".txt", ".xlsx", ".xls")
_AMAP = re.compile(r"amap|autonavi|gaode|datav|高德|gcj-?02", re.IGNORECASE)
_DATAV_KEYS = frozenset({"childrenNum", "acroutes", "subFeatureIndex", "adchar"})


class Layer(msgspec.Struct, frozen=True):
    """Shapes of one file or layer with their texts; ``None`` where a shape could not be read, and why.

    ``system`` is what the file itself says its coordinates are: ``EPSG:n``, WKT or a name; empty when it says nothing.
    """

    file: str
    shapes: tuple[BaseGeometry | None, ...]
    texts: tuple[dict[str, str], ...]
    system: str = ""
    system_by: tuple[str, str] = ("", "")
    amap: str = ""
    """What in the file points to AMap as its origin, whose coordinates are GCJ-02 whatever the file says."""
    faults: tuple[tuple[int, str, str], ...] = ()
    """(number of the feature from 1, Chinese, English): why it has no shape."""
    private: tuple[str, ...] = ()

    @property
    def header(self) -> tuple[str, ...]:
        """The keys of all features' texts, first seen first."""
        return tuple(dict.fromkeys(key for row in self.texts for key in row))


Source = Layer | Table


def read(path: Path | str) -> list[Source]:
    """Everything in a file that can be imported, in the file's order.

    Raises:
        PackError: the file is nothing that can be read, or is damaged or hostile; one sentence.
    """
    file = Path(path)
    if not file.is_file():
        _refuse(file.name or str(file), "没有这个文件，请检查路径", "there is no such file: check the path")
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            _refuse(
                file.name,
                f"有 {size // 1024**2} MiB，最多收 {MAX_FILE_BYTES // 1024**2} MiB，请只导出本区县",
                f"has {size // 1024**2} MiB, at most {MAX_FILE_BYTES // 1024**2} are taken: export this county only",
            )
        if size == 0:
            _refuse(file.name, "是空文件", "is empty")
        with file.open("rb") as opened:
            head = opened.read(16)
        if head.startswith(_SHAPEFILE):
            return [_shapefile(file.name, _siblings(file))]
        if head.startswith(_SQLITE):
            return _geopackage(file.name, file)
        return _bytes(file.name, file.read_bytes())
    except OSError as error:
        _refuse(file.name, f"读不出来（{error.strerror}），请检查权限", f"cannot be read ({error.strerror})")


def _refuse(file: str, zh: str, en: str) -> NoReturn:
    raise PackError(f"{file}：{zh} · {file}: {en}.")


def _bytes(name: str, data: bytes, nested: bool = False) -> list[Source]:
    """What the bytes of a file are, for all kinds that are read whole."""
    if data.startswith(_ZIP):
        if nested and not name.lower().endswith(".xlsx"):
            _refuse(name, "是压缩包里的压缩包，请先解开", "is a zip within a zip: unpack it first")
        return _zip(name, data)
    if data.startswith(_SQLITE):
        with tempfile.TemporaryDirectory(prefix="townwatch-geo-") as room:
            held = Path(room) / "data.gpkg"
            held.write_bytes(data)
            return _geopackage(name, held)
    if data.startswith(sheets.OLD_WORKBOOK):
        return list(sheets.workbook(name, data))
    text = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"{", b"[")):
        return [_geojson(name, data)]
    if text.startswith(b"<"):
        _refuse(
            name,
            "是 XML 或网页（KML 也是），请在地图软件里另存为 GeoJSON",
            "is XML or a web page (so is KML): save it as GeoJSON in your GIS",
        )
    if name.lower().endswith((".shp", ".gpkg", ".geojson", ".json", ".zip", ".xlsx", ".xls")):
        kind = name.rsplit(".", 1)[1]
        _refuse(name, f"内容不是 {kind}，文件可能损坏或改过名", f"is no {kind} inside: damaged, or renamed")
    return [sheets.csv_table(name, data)]


# -- zip -------------------------------------------------------------------------------------------------------------


def _zip(name: str, data: bytes) -> list[Source]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _checked(name, archive.infolist())
            names = {member.filename for member in members}
            if "xl/workbook.xml" in names:
                sheets.check_workbook(name, archive)
                return list(sheets.workbook(name, data))
            return _members(name, archive, members)
    except (zipfile.BadZipFile, EOFError, struct.error, zipfile.LargeZipFile, NotImplementedError, ValueError) as error:
        _refuse(
            name,
            f"压缩包损坏或没有传完（{_first_words(error)}），请重新取一份",
            f"is a damaged or incomplete zip ({_first_words(error)}): get it again",
        )
    except Exception as error:
        if type(error).__module__ == "zlib" or "zlib" in type(error).__name__.lower():
            _refuse(name, "压缩包损坏，请重新取一份", "is a damaged zip: get it again")
        raise


def _first_words(error: Exception) -> str:
    return " ".join(str(error).split())[:80] or type(error).__name__


def _checked(name: str, members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    if len(members) > MAX_MEMBERS:
        _refuse(
            name,
            f"压缩包里有 {len(members)} 个文件，最多 {MAX_MEMBERS} 个",
            f"holds {len(members)} files, at most {MAX_MEMBERS} are taken",
        )
    total = 0
    for member in members:
        inner = PurePosixPath(member.filename.replace("\\", "/"))
        if inner.is_absolute() or ".." in inner.parts or re.match(r"^[A-Za-z]:", member.filename):
            _refuse(
                name,
                f"压缩包里有指向外面的路径“{member.filename[:60]}”，不予打开",
                f"holds a path that points outside (“{member.filename[:60]}”) and is not opened",
            )
        if member.flag_bits & 1:
            _refuse(name, "压缩包加了密码，请解开后再导入", "is encrypted: unpack it first")
        total += member.file_size
        swollen = member.file_size > _RATIO_FROM_BYTES and member.file_size > MAX_RATIO * max(member.compress_size, 1)
        if total > MAX_UNPACKED_BYTES or swollen:
            _refuse(
                name,
                f"压缩包解开后会大得不正常（“{member.filename[:60]}” {member.file_size // 1024**2} MiB），不予打开",
                f"would unfold to an abnormal size (“{member.filename[:60]}”) and is not opened",
            )
    return [member for member in members if not member.is_dir() and not _hidden(member.filename)]


def _hidden(name: str) -> bool:
    """What archivers of other systems leave behind."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith(".")


def _members(name: str, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> list[Source]:
    found: list[Source] = []
    by_stem: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for member in members:
        stem, dot, ending = member.filename.rpartition(".")
        if dot + ending.lower() in _PARTS:
            by_stem.setdefault(stem.lower(), {})[dot + ending.lower()] = member
    for parts in by_stem.values():
        if ".shp" in parts:
            inner = PurePosixPath(parts[".shp"].filename).name
            found.append(_shapefile(f"{name}/{inner}", {end: archive.read(part) for end, part in parts.items()}))
    for member in members:
        if member.filename.lower().endswith(_INSIDE):
            inner = PurePosixPath(member.filename).name
            found += _bytes(f"{name}/{inner}", archive.read(member), nested=True)
    if not found:
        _refuse(
            name,
            "压缩包里没有 .shp、.geojson、.gpkg、.csv 或 .xlsx",
            "holds no .shp, .geojson, .gpkg, .csv or .xlsx",
        )
    return found


# -- shapes ----------------------------------------------------------------------------------------------------------


def _geojson(name: str, data: bytes) -> Layer:
    text, _ = sheets.text_of(name, data)
    try:
        found = json.loads(text)
    except RecursionError:
        _refuse(name, "括号套得太深，不是 GeoJSON", "is nested too deeply to be GeoJSON")
    except ValueError as error:
        where = f"第 {error.lineno} 行 {error.colno} 列" if isinstance(error, json.JSONDecodeError) else ""
        line = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "a number"
        _refuse(name, f"不是完整的 JSON（{where}起读不懂），文件可能没有传完", f"is no complete JSON (from {line} on)")
    kind = found.get("type") if isinstance(found, dict) else type(found).__name__
    if kind == "Topology":
        _refuse(name, "是 TopoJSON，请另存为 GeoJSON", "is TopoJSON: save it as GeoJSON")
    if kind == "FeatureCollection" and isinstance(found.get("features"), list):
        features = found["features"]
    elif kind == "Feature":
        features = [found]
    elif kind in ("Polygon", "MultiPolygon", "Point", "MultiPoint", "GeometryCollection"):
        features = [{"type": "Feature", "properties": {}, "geometry": found}]
    else:
        _refuse(
            name,
            f"不是 GeoJSON：type 是“{str(kind)[:40]}”，应为 FeatureCollection",
            f"is no GeoJSON: type is “{str(kind)[:40]}”, allowed is FeatureCollection",
        )
    _not_too_many(name, len(features))
    shapes: list[BaseGeometry | None] = []
    texts, faults = [], []
    for number, feature in enumerate(features, start=1):
        feature = feature if isinstance(feature, dict) else {}
        properties = feature.get("properties")
        texts.append(properties if isinstance(properties, dict) else {})
        try:
            geometry = feature.get("geometry")
            shapes.append(shapely.force_2d(shape(geometry)) if isinstance(geometry, dict) else None)
            if shapes[-1] is None:
                faults.append((number, "没有图形", "no geometry"))
        except (
            *(ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError),
        ) as error:
            shapes.append(None)
            faults.append((number, f"坐标读不懂（{_first_words(error)}）", f"unreadable ({_first_words(error)})"))
    system, by = _declared_in_geojson(found, texts)
    return _layer(name, shapes, texts, system, by, faults)


def _declared_in_geojson(document: Mapping[str, Any], texts: list[dict[str, Any]]) -> tuple[str, tuple[str, str]]:
    member = document.get("crs")
    if isinstance(member, dict):
        properties = member.get("properties")
        name = properties.get("name") if isinstance(properties, dict) else None
        if isinstance(name, str) and name:
            return name, ("文件里的 crs", "its crs member")
    if isinstance(member, str) and member:
        return member, ("文件里的 crs", "its crs member")
    said = {str(row["crs"]) for row in texts if row.get("crs")}
    if len(said) == 1 and all(row.get("crs") for row in texts):
        return said.pop().strip(), ("属性 crs", "its property crs")
    return "", ("", "")


def _layer(
    name: str,
    shapes: Iterable[BaseGeometry | None],
    texts: Iterable[Mapping[str, Any]],
    system: str,
    by: tuple[str, str],
    faults: Iterable[tuple[int, str, str]] = (),
) -> Layer:
    rows = list(texts)
    keys = dict.fromkeys(str(key) for row in rows for key in row)
    private = tuple(key for key in keys if private_header(key))
    kept: list[dict[str, str]] = []
    for row in rows:
        flat = {
            str(key): sheets.cell(value)
            for key, value in row.items()
            if str(key) not in private and not isinstance(value, dict | list)
        }
        kept.append({key: text for key, text in flat.items() if text})
    amap = ""
    if len(_DATAV_KEYS & set(keys)) >= 2:
        amap = "、".join(sorted(_DATAV_KEYS & set(keys)))
    elif _AMAP.search(name) and not re.search("wgs", name, re.IGNORECASE):
        amap = name
    return Layer(name, tuple(shapes), tuple(kept), system, by, amap, tuple(faults), private)


def _not_too_many(name: str, count: int) -> None:
    if count == 0:
        _refuse(name, "一个图形也没有", "holds no feature")
    if count > MAX_FEATURES:
        _refuse(
            name,
            f"有 {count} 个图形，最多收 {MAX_FEATURES} 个，请只导出本区县的镇或点",
            f"holds {count} features, at most {MAX_FEATURES} are taken: export this county's towns or places only",
        )


def _siblings(file: Path) -> dict[str, bytes]:
    """The files of a shapefile that lie beside its ``.shp``, whatever the case of their endings."""
    found = {}
    for other in file.parent.iterdir():
        ending = other.suffix.lower()
        if other.stem == file.stem and ending in _PARTS and other.stat().st_size <= MAX_FILE_BYTES:
            found[ending] = other.read_bytes()
    return {**found, ".shp": file.read_bytes()}


def _shapefile(name: str, parts: Mapping[str, bytes]) -> Layer:
    data = parts[".shp"]
    if not data.startswith(_SHAPEFILE) or len(data) < 100:
        _refuse(name, "不是 Shapefile，文件可能损坏", "is no shapefile: it may be damaged")
    stated = struct.unpack(">i", data[24:28])[0] * 2
    if stated > len(data):
        _refuse(
            name,
            f"没有传完：应有 {stated} 字节，只有 {len(data)} 字节",
            f"is incomplete: {stated} bytes are stated, {len(data)} are there",
        )
    with tempfile.TemporaryDirectory(prefix="townwatch-geo-") as room:
        for ending in _PARTS:
            if ending in parts:
                (Path(room) / f"layer{ending}").write_bytes(parts[ending])
        encoding = None if ".cpg" in parts else _dbf_encoding(parts.get(".dbf", b""))
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": "YES"})
        layer = _by_gdal(name, Path(room) / "layer.shp", None, encoding)
    by = ("它的 .prj", "its .prj") if ".prj" in parts else ("", "")
    return msgspec.structs.replace(layer, system_by=by if layer.system else ("", ""))


def _dbf_encoding(data: bytes) -> str:
    """A table without a code page: UTF-8 when it is, else the one that Chinese offices use."""
    # A fixed width may cut the last character of a cell, so that not every piece need be whole.
    pieces = [piece for piece in re.split(rb"[\x00-\x20]+", data[32:]) if any(byte > 127 for byte in piece)]
    whole = sum(1 for piece in pieces if _decodes(piece, "utf-8"))
    return "UTF-8" if whole * 10 >= len(pieces) * 9 else "GB18030"


def _decodes(piece: bytes, encoding: str) -> bool:
    try:
        piece.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _geopackage(name: str, path: Path) -> list[Source]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            listed = [(str(layer), kind) for layer, kind in pyogrio.list_layers(path)]
    except (DataSourceError, DataLayerError, RuntimeError) as error:
        _refuse(
            name,
            f"打不开，GeoPackage 可能损坏（{_first_words(error)}）",
            f"cannot be opened: the GeoPackage may be damaged ({_first_words(error)})",
        )
    found: list[Source] = []
    for layer, kind in listed:
        if kind is not None:
            read_layer = _by_gdal(f"{name}:{layer}" if len(listed) > 1 else name, path, layer, None)
            by = ("GeoPackage 的坐标系", "the GeoPackage's own system") if read_layer.system else ("", "")
            found.append(msgspec.structs.replace(read_layer, system_by=by))
    if not found:
        _refuse(name, "里面没有图形图层", "holds no layer with shapes")
    return found


def _by_gdal(name: str, path: Path, layer: str | None, encoding: str | None) -> Layer:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            meta, _, geometry, columns = pyogrio.raw.read(
                path, layer=layer, encoding=encoding, force_2d=True, max_features=MAX_FEATURES + 1
            )
    except (DataSourceError, DataLayerError, FeatureError, FieldError, UnicodeDecodeError, RuntimeError) as error:
        _refuse(
            name, f"读不出来，文件可能损坏（{_first_words(error)}）", f"cannot be read: damaged ({_first_words(error)})"
        )
    count = 0 if geometry is None else len(geometry)
    _not_too_many(name, count)
    shapes: list[BaseGeometry | None] = list(shapely.from_wkb(geometry, on_invalid="ignore"))
    faults = [(number, "没有图形", "no geometry") for number, one in enumerate(shapes, 1) if one is None]
    fields = [str(field) for field in meta["fields"]]
    texts = [dict(zip(fields, row, strict=True)) for row in zip(*columns, strict=True)] if fields else [{}] * count
    return _layer(name, shapes, texts, _short(meta.get("crs")), ("", ""), faults)


def _short(wkt: str | None) -> str:
    """``EPSG:n`` where a description is that of a known system; else the description."""
    if not wkt:
        return ""
    try:
        number = pyproj.CRS.from_user_input(wkt).to_epsg()
    except pyproj.exceptions.CRSError:
        return wkt
    return f"EPSG:{number}" if number else wkt


def finite(geometry: BaseGeometry) -> bool:
    """Whether all coordinates are numbers."""
    return bool(np.isfinite(shapely.get_coordinates(geometry)).all())


def points_of(layer: Layer) -> Iterator[tuple[int, BaseGeometry, dict[str, str]]]:
    """(number from 1, shape, texts) of the features that have a shape."""
    for number, (geometry, texts) in enumerate(zip(layer.shapes, layer.texts, strict=True), start=1):
        if geometry is not None and not geometry.is_empty:
            yield number, geometry, texts
