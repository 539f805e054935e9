"""What is wrong with towns and places, as findings: each with a number, a place on the map and what to do.

Areas are square metres on a local plane, positions WGS-84 degrees. Town borders are repaired where that is small and
said (slivers between towns digitised apart, rings that cross themselves); what is larger is left to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from dashboard.errors import PackError
from geodata.pack import GAP_METRES, LAKE_SQUARE_METRES, check_coverage
from geodata.region import Plane

Level = Literal["error", "warning", "note"]

SMALL_SQUARE_METRES = 20_000.0
"""Overlaps and gaps up to this are put right by themselves: 2 ha, a field's breadth along a border."""
THIN_METRES = 40.0
"""… and so are longer ones that are no wider on average: borders that two people traced."""
SLIT_METRES = 30.0
_WEDGE_METRES = 3.0
MAX_VERTICES = 150_000
"""All borders together; a wall shows a county on a thousand pixels. More are thinned out."""
_THIN_OUT = ((True, 3.0), (True, 12.0), (False, 5.0), (False, 20.0), (False, 80.0))
"""(together, tolerance in metres) tried in turn."""
_DECIMALS = 7
_GRID_METRES = 0.001
"""Overlay on a grid of a millimetre never fails; without one nearly parallel borders make it."""
_SNAP_METRES = (0.02, 0.5, 2.0)
"""Vertices nearer to each other than this become one; tried in turn, since it moves borders."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong or was put right. ``number`` is that on the picture, 0 where it has no place."""

    level: Level
    kind: str
    zh: str
    en: str
    where: str = ""
    """File and row, or the towns it is between."""
    lon: float | None = None
    lat: float | None = None
    square_metres: int | None = None
    number: int = 0
    outline: tuple[tuple[float, float], ...] = ()
    """The ground that it is about: the ring of its largest part, degrees."""

    def __str__(self) -> str:
        return f"{self.zh} · {self.en}"


def numbered(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then warnings, then notes; those with a position are numbered from 1 in that order."""
    order = {"error": 0, "warning": 1, "note": 2}
    found, number = [], 0
    for finding in sorted(findings, key=lambda one: order[one.level]):
        if finding.lon is not None and finding.level != "note":
            number += 1
            finding = msgspec.structs.replace(finding, number=number)
        found.append(finding)
    return found


def mend(name: str, where: str, shape: BaseGeometry) -> tuple[BaseGeometry | None, list[Finding]]:
    """A polygon that is valid, and what had to be done for it; ``None`` when nothing of it can be used."""
    findings: list[Finding] = []
    if not bool(np.isfinite(shapely.get_coordinates(shape)).all()):
        return None, [
            Finding(
                "error",
                "invalid",
                f"{name} 的边界里有不是数的坐标（NaN），请在地图软件里修好再导出",
                f"The border of {name} holds coordinates that are no numbers (NaN): mend it and export it again.",
                where,
            )
        ]
    polygonal = _polygons(shape)
    if polygonal.is_empty:
        kind = shape.geom_type
        return None, [
            Finding(
                "error",
                "invalid",
                f"{name} 的图形是 {kind}，应为多边形",
                f"{name}: got {kind}, allowed is a polygon.",
                where,
            )
        ]
    if polygonal.is_valid:
        return polygonal, findings
    reason = shapely.is_valid_reason(polygonal)
    mended = _polygons(shapely.make_valid(polygonal, method="structure", keep_collapsed=False))
    if mended.is_empty:
        return None, [
            Finding(
                "error",
                "invalid",
                f"{name} 的边界无效（{reason}），修不好，请在地图软件里重画",
                f"The border of {name} is invalid ({reason}) and cannot be repaired: draw it again.",
                where,
            )
        ]
    at = mended.representative_point()
    findings.append(
        Finding(
            "warning",
            "invalid",
            f"{name} 的边界无效（{_in_words(reason)}），已修复，请在图上核对",
            f"The border of {name} was invalid ({reason}) and was repaired: check it on the picture.",
            where,
            round(at.x, 5),
            round(at.y, 5),
        )
    )
    return mended, findings


def _in_words(reason: str) -> str:
    short = reason.partition("[")[0].strip()
    return {"Self-intersection": "自己与自己相交", "Ring Self-intersection": "环与自己相交"}.get(short, short)


def _polygons(shape: BaseGeometry) -> BaseGeometry:
    """The polygons of a shape, other parts left out."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts: list[BaseGeometry] = []
    for part in getattr(shape, "geoms", ()):
        parts += shapely.get_parts(_polygons(part)).tolist()
    return MultiPolygon([part for part in parts if isinstance(part, Polygon) and not part.is_empty])


class _Flat:
    """Degrees stretched to metres around a middle. Unlike a map projection it keeps straight borders straight, so that
    a vertex of one town stays on the border of its neighbour; lengths are right to some parts in a thousand."""

    def __init__(self, bounds: tuple[float, float, float, float]) -> None:
        west, south, east, north = bounds
        self._middle = np.array([(west + east) / 2, (south + north) / 2])
        plane = Plane(*self._middle.tolist())
        corner = shapely.get_coordinates(plane.project(shapely.Point(self._middle + 0.01)))[0]
        self._scale = corner / 0.01

    def project(self, shapes: Any) -> Any:
        """Shapes in degrees, in metres."""
        return shapely.transform(shapes, lambda points: (points - self._middle) * self._scale)

    def unproject(self, shapes: Any) -> Any:
        """The reverse of :meth:`project`."""
        return shapely.transform(shapes, lambda points: points / self._scale + self._middle)


def check_borders(
    towns: Mapping[str, BaseGeometry], names: Mapping[str, str], repair: bool = False
) -> tuple[dict[str, BaseGeometry], list[Finding]]:
    """The towns' borders fitted to each other, and every overlap and gap that was found.

    ``towns``: code -> valid polygon in degrees. Small ones are put right and are warnings; larger ones are errors, or
    put right too with ``repair``. Borders that fit already are returned as they are.
    """
    codes = list(towns)
    degrees: NDArray[np.object_] = np.array([towns[code] for code in codes], dtype=object)
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(degrees))
    plane = _Flat((west, south, east, north))
    flat: NDArray[np.object_] = np.asarray(plane.project(degrees), dtype=object)
    findings: list[Finding] = []
    flat, thinned, tolerance = _thin_out(flat)
    if thinned:
        findings.append(thinned)
    # What is thinner than this came with tracing or thinning out; it is closed without a word.
    width = max(GAP_METRES, 2 * tolerance)
    overlaps = _overlaps(flat, codes, names, plane, width, repair)
    gaps, flat = _gaps(flat, codes, names, plane, width, repair)
    repaired = [one for one in [*overlaps, *gaps] if one.kind != "lake"]
    findings += overlaps + gaps
    if not thinned and not repaired and _fits(towns):
        return dict(towns), findings
    if any(one.level == "error" for one in findings):
        return dict(towns), findings
    for snap in _SNAP_METRES:
        clean = shapely.coverage_clean(  # newer than its types
            flat, gap_width=width, snapping_distance=snap
        )
        closed = _closed(np.asarray(clean, dtype=object))
        fitted = dict(zip(codes, _on_grid(np.asarray(plane.unproject(closed), dtype=object)), strict=True))
        if not any(shape.is_empty for shape in fitted.values()) and _fits(fitted):
            break
    lost = [code for code in codes if fitted[code].is_empty]
    if lost:
        name = names[lost[0]]
        zh, en = (
            f"{name}完全被别的镇盖住，请删去重复的一个",
            f"{name} is wholly covered by other towns: delete one of them.",
        )
        return dict(towns), [*findings, Finding("error", "overlap", zh, en, name)]
    if not _fits(fitted):
        findings += _apart(fitted, names)
    elif not repaired:
        findings.append(
            Finding(
                "note",
                "matched",
                f"相邻边界的顶点不一致，已对齐（移动不超过 {snap:g} 米）",
                f"Neighbouring borders did not share their vertices; they were matched (moved by at most {snap:g} m).",
            )
        )
    return fitted, findings


def _fits(towns: Mapping[str, BaseGeometry]) -> bool:
    try:
        check_coverage(towns)
    except PackError:
        return False
    return True


def _apart(towns: Mapping[str, BaseGeometry], names: Mapping[str, str]) -> list[Finding]:
    """Borders that still do not fit, each with its place."""
    shapes = np.array(list(towns.values()), dtype=object)
    edges = shapely.coverage_invalid_edges(shapes, gap_width=GAP_METRES / 111_000.0)
    found = []
    for (code, _), edge in zip(towns.items(), edges.tolist(), strict=True):
        if not edge.is_empty:
            at = shapely.line_interpolate_point(shapely.get_parts(edge)[0], 0.5, normalized=True)
            found.append(
                Finding(
                    "error",
                    "unmatched",
                    f"{names[code]} 与邻镇的边界没有贴合，请在地图软件里用“拓扑检查”修好",
                    f"The border of {names[code]} does not fit its neighbour: mend it with a GIS topology check.",
                    names[code],
                    round(at.x, 5),
                    round(at.y, 5),
                )
            )
    return found


def _thin_out(flat: NDArray[np.object_]) -> tuple[NDArray[np.object_], Finding | None, float]:
    before = int(shapely.get_num_coordinates(flat).sum())
    if before <= MAX_VERTICES:
        return flat, None, 0.0
    thin, after, tolerance = flat, before, 0.0
    # Together first, so that shared borders stay shared; borders that nobody shares gain nothing from it.
    for together, tolerance in _THIN_OUT:
        simplify = shapely.coverage_simplify if together else shapely.simplify
        thin = np.asarray(simplify(flat, tolerance), dtype=object)
        after = int(shapely.get_num_coordinates(thin).sum())
        if after <= MAX_VERTICES:
            break
    thin = np.array([shape if shape.is_valid else _polygons(shapely.make_valid(shape)) for shape in thin], dtype=object)
    said = Finding(
        "note",
        "simplified",
        f"边界有 {before:,} 个顶点，已简化为 {after:,} 个（容差 {tolerance:g} 米）",
        f"The borders had {before:,} vertices and were simplified to {after:,} (tolerance {tolerance:g} m).",
    )
    return thin, said, tolerance


def _notable(shapes: NDArray[np.object_], width: float) -> NDArray[np.bool_]:
    """Those larger than a square metre and wider on average than ``width``; without a width, all."""
    areas = shapely.area(shapes)
    return np.asarray((areas > (1.0 if width else 0.0)) & (2 * areas > width * shapely.length(shapes)), dtype=np.bool_)


def _overlaps(
    flat: NDArray[np.object_],
    codes: Sequence[str],
    names: Mapping[str, str],
    plane: _Flat,
    width: float,
    repair: bool,
) -> list[Finding]:
    findings = []
    left, right = shapely.STRtree(flat).query(flat, predicate="intersects")
    for first, second in sorted(zip(left.tolist(), right.tolist(), strict=True)):
        if first >= second:
            continue
        parts = shapely.get_parts(_polygons(shapely.intersection(flat[first], flat[second], grid_size=_GRID_METRES)))
        parts = parts[_notable(parts, width)]
        if not len(parts):
            continue
        shared = MultiPolygon(parts.tolist())
        between = f"{names[codes[first]]}、{names[codes[second]]}"
        area = _words(shared.area)
        small = repair or _small(shared)
        done = "，已归相邻较长的一侧" if small else "，请在地图软件里改好，或加 --repair 按较长邻边划归"
        done_en = " and were settled." if small else ": mend it, or settle it with --repair."
        findings.append(
            _at(
                "warning" if small else "error",
                "overlap",
                f"{between}重叠 {area[0]}{done}",
                f"{between} overlap by {area[1]}{done_en}",
                between,
                shared,
                plane,
            )
        )
    return findings


def _gaps(
    flat: NDArray[np.object_],
    codes: Sequence[str],
    names: Mapping[str, str],
    plane: _Flat,
    width: float,
    repair: bool,
) -> tuple[list[Finding], NDArray[np.object_]]:
    """Holes between towns and slits between two of them that open to the outside; small ones are filled."""
    gaps = _holes(flat, width) + _slits(flat, width)
    findings: list[Finding] = []
    grown: dict[int, list[BaseGeometry]] = {}
    for gap in gaps:
        near = shapely.buffer(gap, 0.5)
        sides = {
            index: float(shapely.intersection(flat[index].boundary, near).length)
            for index in np.flatnonzero(shapely.intersects(flat, near)).tolist()
        }
        between = "、".join(names[codes[index]] for index in sides)
        area = _words(gap.area)
        inside = "里" if len(sides) == 1 else "之间"
        if gap.area >= LAKE_SQUARE_METRES and not _small(gap):
            zh = f"{between}{inside}有 {area[0]}不属于任何镇，当作水面或飞地"
            en = f"{area[1]} within {between} belong to no town; taken for water or an enclave."
            findings.append(_at("warning", "lake", zh, en, between, gap, plane))
            continue
        small = repair or _small(gap)
        done = "，已归邻边较长的镇" if small else "，请在地图软件里补上，或加 --repair 归邻边较长的镇"
        done_en = " and were filled." if small else ": fill it, or add --repair."
        zh, en = f"{between}{inside}有 {area[0]}空隙{done}", f"There are {area[1]} of gap within {between}{done_en}"
        findings.append(_at("warning" if small else "error", "gap", zh, en, between, gap, plane))
        if small:
            owner = max(sides, key=lambda index: sides[index])
            grown.setdefault(owner, []).append(shapely.buffer(gap, 0.01, join_style="mitre"))
    filled = flat.copy()
    for index, added in grown.items():
        filled[index] = _polygons(shapely.union_all([flat[index], *added], grid_size=_GRID_METRES))
    return findings, filled


def _holes(flat: NDArray[np.object_], width: float) -> list[BaseGeometry]:
    """Ground within the region that no town has."""
    whole = shapely.get_parts(shapely.union_all(flat, grid_size=_GRID_METRES))
    rings = [ring for part in whole.tolist() for ring in part.interiors]
    holes = np.asarray(shapely.polygons(rings), dtype=object) if rings else np.array([], dtype=object)
    return list(holes[_notable(holes, width)].tolist())


def _closed(flat: NDArray[np.object_]) -> NDArray[np.object_]:
    """The towns with what is left between them filled: holes smaller than a lake, wedges narrower than some metres."""
    filled = flat.copy()
    holes = [hole for hole in _holes(flat, 0.0) if hole.area < LAKE_SQUARE_METRES]
    for gap in holes + _slits(flat, 0.0, across=_WEDGE_METRES, along=0.0):
        near = shapely.buffer(gap, 0.01)
        around = np.flatnonzero(shapely.intersects(filled, near)).tolist()
        shared = {index: shapely.intersection(filled[index].boundary, near).length for index in around}
        if shared:
            owner = max(around, key=lambda index: shared[index])
            filled[owner] = _polygons(shapely.union(filled[owner], gap, grid_size=_GRID_METRES))
    return filled


def _on_grid(towns: NDArray[np.object_]) -> list[BaseGeometry]:
    """The towns on a grid of seven decimals, as unions of faces: what rounding makes of a border it makes for both."""
    grid = 10.0**-_DECIMALS
    lines = shapely.union_all(shapely.boundary(towns), grid_size=grid)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    town, face = shapely.STRtree(shapely.point_on_surface(faces)).query(towns, predicate="intersects")
    parts: dict[int, list[BaseGeometry]] = {}
    taken: set[int] = set()
    for index, at in sorted(zip(town.tolist(), face.tolist(), strict=True)):
        if at not in taken:
            taken.add(at)
            parts.setdefault(index, []).append(faces[at])
    for at in set(range(len(faces))) - taken:
        if faces[at].area * 111_000.0**2 < LAKE_SQUARE_METRES:
            shared = {
                index: shapely.intersection(shapely.union_all(own), faces[at]).length for index, own in parts.items()
            }
            parts[max(shared, key=lambda index: shared[index])].append(faces[at])
    return [_polygons(shapely.coverage_union_all(parts.get(index, []))) for index in range(len(towns))]


def _slits(
    flat: NDArray[np.object_], width: float, across: float = SLIT_METRES, along: float = 2 * SLIT_METRES
) -> list[BaseGeometry]:
    """Thin ground between two towns that opens to the outside: what closing the region's outline would fill.

    ``across`` and ``along`` are metres: an inlet of the outline has one town around it, or two for a short way only.
    """
    parts = shapely.get_parts(shapely.union_all(flat, grid_size=_GRID_METRES))
    whole = shapely.union_all([Polygon(part.exterior) for part in parts], grid_size=_GRID_METRES)
    half = across / 2
    closed = shapely.buffer(shapely.buffer(whole, half, join_style="mitre"), -half, join_style="mitre")
    parts = shapely.get_parts(_polygons(shapely.difference(closed, whole, grid_size=_GRID_METRES)))
    found = []
    for part in parts[_notable(parts, width)].tolist():
        near = shapely.buffer(part, 0.5)
        around = np.flatnonzero(shapely.intersects(flat, near)).tolist()
        sides = sorted(shapely.intersection(flat[index].boundary, near).length for index in around)
        if len(sides) > 1 and sides[-2] > along:
            found.append(part)
    return found


def _small(shape: BaseGeometry) -> bool:
    return bool(shape.area <= SMALL_SQUARE_METRES or 2 * shape.area / max(shape.length, 1.0) <= THIN_METRES)


def _words(square_metres: float) -> tuple[str, str]:
    """An area as people say it: 平方米 up to a hectare, 公顷 up to a square kilometre."""
    if square_metres < 10_000:
        return f"{square_metres:,.0f} 平方米", f"{square_metres:,.0f} m²"
    if square_metres < 1_000_000:
        return f"{square_metres / 10_000:,.1f} 公顷", f"{square_metres / 10_000:,.1f} ha"
    return f"{square_metres / 1_000_000:,.2f} 平方公里", f"{square_metres / 1_000_000:,.2f} km²"


def _at(level: Level, kind: str, zh: str, en: str, where: str, shape: BaseGeometry, plane: _Flat) -> Finding:
    largest: Any = max(shapely.get_parts(shape).tolist(), key=lambda part: part.area)
    point = plane.unproject(largest.representative_point())
    ring = plane.unproject(shapely.simplify(largest, 5.0)).exterior.coords
    return Finding(
        level=level,
        kind=kind,
        zh=zh,
        en=en,
        where=where,
        lon=round(float(point.x), 5),
        lat=round(float(point.y), 5),
        square_metres=round(float(shape.area)),
        outline=tuple((round(x, 5), round(y, 5)) for x, y in ring),
    )
