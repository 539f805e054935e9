"""A picture of an import, for looking at before anybody relies on it: towns, places by kind, problems by their number.

One SVG without scripts or other files; it needs a Chinese font of the reader's machine, which every browser there has.
Colours and measures are those of the pages (light). North is up; widths are shrunk by the cosine of the latitude.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from dashboard.domain.place import Place, PlaceKind
from geodata.checks import Finding
from geodata.columns import KIND_WORDS
from geodata.importing import Imported

WIDTH = 1440
_MARGIN, _HEAD, _SIDE, _GAP, _PAD = 24, 84, 400, 12, 28
_LEAST, _MOST = 640, 1300
"""Height of the map in pixels."""
PINS = 40
_FONT = (
    "'Noto Sans CJK SC','Noto Sans SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',"
    "'Hiragino Sans GB',sans-serif"
)
_TEXT, _TEXT2, _TEXT3, _LINE, _STRONG = "#16191D", "#434A53", "#626A74", "#E0E4E8", "#B4BBC4"
_TOWN, _TOWN_OTHER, _BORDER, _OUTLINE = "#E8F2F6", "#DCEBF1", "#FFFFFF", "#8E97A1"
_ALERT, _WATCH, _WATCH_EDGE = "#BF2A10", "#F2B92F", "#8A6100"
_COLOURS: Mapping[PlaceKind, str] = {
    PlaceKind.CHECKPOINT: "#7D1448",
    PlaceKind.PATROL_POINT: "#1D4E9E",
    PlaceKind.ENTERPRISE: "#2F7D64",
    PlaceKind.VENUE: "#626A74",
    PlaceKind.STATION: "#16191D",
    PlaceKind.RENTAL: "#8A5CC2",
}
_ORDER = (
    *(PlaceKind.RENTAL, PlaceKind.ENTERPRISE, PlaceKind.PATROL_POINT),
    *(PlaceKind.VENUE, PlaceKind.CHECKPOINT, PlaceKind.STATION),
)
"""From below to above."""


class _Frame:
    """Degrees to pixels of the map's panel."""

    def __init__(self, boundaries: Iterable[BaseGeometry]) -> None:
        west, south, east, north = shapely.total_bounds(np.array(list(boundaries), dtype=object)).tolist()
        shrink = math.cos(math.radians((south + north) / 2))
        self.width = WIDTH - 2 * _MARGIN - _SIDE - _GAP
        across, up = max((east - west) * shrink, 1e-6), max(north - south, 1e-6)
        inner = self.width - 2 * _PAD
        self.height = min(_MOST, max(_LEAST, inner * up / across + 2 * _PAD))
        self.scale = min(inner / across, (self.height - 2 * _PAD) / up)
        self._shrink, self._west, self._north = shrink, west, north
        self._left = _MARGIN + (self.width - across * self.scale) / 2
        self._top = _HEAD + (self.height - up * self.scale) / 2

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        """A position in pixels."""
        x = self._left + (lon - self._west) * self._shrink * self.scale
        return x, self._top + (self._north - lat) * self.scale

    @property
    def metres(self) -> float:
        """Metres a pixel."""
        return 111_320.0 / float(self.scale)

    def path(self, shape: BaseGeometry) -> str:
        """A polygon's outline, as fine as the picture shows it."""
        fine = shapely.simplify(shape, 0.6 / self.scale)
        rings = []
        for part in shapely.get_parts(fine).tolist():
            for ring in (part.exterior, *part.interiors):
                points = (self.at(x, y) for x, y in ring.coords)
                rings.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z")
        return "".join(rings)

    def inside(self, x: float, y: float) -> bool:
        """Whether a pixel lies in the panel."""
        return _MARGIN + 12 < x < _MARGIN + self.width - 12 and _HEAD + 12 < y < _HEAD + self.height - 12


def draw(found: Imported) -> str:
    """The picture as an SVG document."""
    if not found.boundaries:
        return _document(200, [_text(_MARGIN, 60, "没有可以画的边界", 26, weight=700)])
    frame = _Frame(found.boundaries.values())
    height = round(_HEAD + frame.height + _MARGIN)
    parts = [*_heading(found), _panel(_MARGIN, _HEAD, frame.width, frame.height)]
    parts += _towns(found, frame)
    parts += _spots(found.findings, frame)
    parts += _places(found.pack.places, frame)
    parts += _labels(found, frame)
    pins = [one for one in found.findings if one.number and one.number <= PINS]
    parts += _pins(pins, frame)
    parts.append(_ruler(frame))
    parts += _side(found, frame, pins)
    return _document(height, parts)


def _document(height: int, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="{_FONT}" lang="zh-CN">\n<rect width="100%" height="100%" fill="#F5F6F8"/>\n{body}\n</svg>\n'
    )


def _text(
    x: float, y: float, text: str, size: float, *, fill: str = _TEXT, weight: int = 400, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _panel(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x + 0.5:g}" y="{y + 0.5:g}" width="{width - 1:.1f}" height="{height - 1:.1f}" rx="8" '
        f'fill="#FFFFFF" stroke="{_LINE}"/>'
    )


def _heading(found: Imported) -> list[str]:
    pack = found.pack
    errors, warnings = len(found.of("error")), len(found.of("warning"))
    parts = [(f"{pack.name}：{len(pack.towns)} 个镇（街道），{len(pack.places):,} 处地点", _TEXT)]
    if errors:
        parts += [("，", _TEXT), (f"{errors} 处错误", "#B3260D")]
    if warnings:
        parts += [("，", _TEXT), (f"{warnings} 处注意", "#7A5200")]
    spans = "".join(f'<tspan fill="{fill}">{escape(text)}</tspan>' for text, fill in parts)
    day = f"{pack.valid_from // 10000}年{pack.valid_from // 100 % 100}月{pack.valid_from % 100}日"
    borders = "镇界近似，按镇驻地划分" if pack.approximate else "镇界按所给边界"
    return [
        f'<text x="{_MARGIN}" y="43" font-size="26" font-weight="700">{spans}</text>',
        _text(_MARGIN, 66, f"区域包核对图 · {pack.region} · 自 {day} 起 · 坐标 WGS-84 · {borders}", 14, fill=_TEXT2),
    ]


def _towns(found: Imported, frame: _Frame) -> list[str]:
    parts = []
    dash = ' stroke-dasharray="6 4"' if found.pack.approximate else ""
    border = _OUTLINE if found.pack.approximate else _BORDER
    width = 1.1 if found.pack.approximate else 2
    for number, shape in enumerate(found.boundaries.values()):
        fill = _TOWN if number % 2 == 0 else _TOWN_OTHER
        parts.append(
            f'<path d="{frame.path(shape)}" fill="{fill}" fill-rule="evenodd" stroke="{border}" stroke-width="{width}"'
            f'{dash} stroke-linejoin="round"/>'
        )
    whole = shapely.union_all(np.array(list(found.boundaries.values()), dtype=object), grid_size=1e-8)
    parts.append(
        f'<path d="{frame.path(whole)}" fill="none" stroke="{_OUTLINE}" stroke-width="1.6" stroke-linejoin="round"/>'
    )
    return parts


def _spots(findings: Iterable[Finding], frame: _Frame) -> list[str]:
    """The ground of overlaps and gaps."""
    parts = []
    for finding in findings:
        if finding.outline and finding.number:
            points = "L".join("{:.1f} {:.1f}".format(*frame.at(*point)) for point in finding.outline)
            colour, edge = (_ALERT, _ALERT) if finding.level == "error" else (_WATCH, _WATCH_EDGE)
            parts.append(
                f'<path d="M{points}Z" fill="{colour}" fill-opacity=".22" stroke="{edge}" stroke-width="1.2" '
                'stroke-dasharray="3 2"/>'
            )
    return parts


def _circle(x: float, y: float, r: float, fill: str, more: str = "") -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}" fill="{fill}" {more}/>'


def _square(x: float, y: float, half: float, fill: str, more: str = "") -> str:
    side = 2 * half
    return f'<rect x="{x - half:.1f}" y="{y - half:.1f}" width="{side:g}" height="{side:g}" fill="{fill}" {more}/>'


def _mark(kind: PlaceKind, x: float, y: float, small: bool = False) -> str:
    colour = _COLOURS[kind]
    if kind == PlaceKind.ENTERPRISE:
        return _circle(x, y, 1.7 if small else 2.6, colour, 'fill-opacity=".62"')
    if kind == PlaceKind.PATROL_POINT:
        return _circle(x, y, 3, colour, 'fill-opacity=".8" stroke="#FFFFFF" stroke-width=".8"')
    if kind == PlaceKind.RENTAL:
        return _circle(x, y, 2.4, "#FFFFFF", f'stroke="{colour}"')
    if kind == PlaceKind.VENUE:
        return _square(x, y, 3.4, "#FFFFFF", f'stroke="{colour}" stroke-width="1.4"')
    if kind == PlaceKind.CHECKPOINT:
        bar = f'<path d="M{x - 3.2:.1f} {y:.1f}h6.4" stroke="#FFFFFF" stroke-width="2"/>'
        return _square(x, y, 5.5, colour, 'rx="2" stroke="#FFFFFF"') + bar
    return _circle(x, y, 5.6, colour, 'stroke="#FFFFFF" stroke-width="1.2"') + _circle(x, y, 2, "#FFFFFF")


def _places(places: Sequence[Place], frame: _Frame) -> list[str]:
    parts = []
    for kind in _ORDER:
        own = [place for place in places if place.kind == kind and place.lon is not None and place.lat is not None]
        for place in own:
            x, y = frame.at(place.lon or 0.0, place.lat or 0.0)
            if frame.inside(x, y):
                parts.append(_mark(kind, x, y, small=len(own) > 600))
    return parts


def _labels(found: Imported, frame: _Frame) -> list[str]:
    """Names of towns where they have most room, moved apart where they would meet."""
    unlocated: dict[str, int] = {}
    for place in found.pack.places:
        if place.lon is None:
            unlocated[place.town] = unlocated.get(place.town, 0) + 1
    boxes: list[list[float]] = []
    words: list[tuple[str, str]] = []
    for town in found.pack.towns:
        shape = found.boundaries.get(town.code)
        if shape is None:
            continue
        circle = shapely.maximum_inscribed_circle(shape, tolerance=2 / frame.scale)
        x, y = frame.at(*shapely.get_coordinates(circle)[0].tolist())
        count = unlocated.get(town.code, 0)
        note = f"另有 {count:,} 处无坐标" if count else town.code
        boxes.append([x, y, max(_width(town.name) * 15, _width(note) * 11) / 2 + 3, 17.0])
        words.append((town.name, note))
    for _ in range(60):
        moved = False
        for index, one in enumerate(boxes):
            for other in boxes[index + 1 :]:
                overlap = one[3] + other[3] - abs(one[1] - other[1])
                if abs(one[0] - other[0]) < one[2] + other[2] and overlap > 0:
                    push = overlap / 2 if one[1] <= other[1] else -overlap / 2
                    one[1] -= push
                    other[1] += push
                    moved = True
        if not moved:
            break
    parts = []
    for (x, y, _, _), (name, note) in zip(boxes, words, strict=True):
        for dy, text, size, weight, fill in ((-1, name, 15, 700, _TEXT), (13, note, 11, 400, _TEXT2)):
            parts.append(
                f'<text x="{x:.1f}" y="{y + dy:.1f}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
                f'text-anchor="middle" paint-order="stroke" stroke="#FFFFFF" stroke-opacity=".85" stroke-width="3.5" '
                f'stroke-linejoin="round">{escape(text)}</text>'
            )
    return parts


def _pin(finding: Finding, x: float, y: float) -> str:
    """◆ for an error, ▲ for a warning, with its number."""
    number = finding.number
    size = 11 if number < 10 else 9.5
    if finding.level == "error":
        shape = (
            f'<path d="M{x:.1f} {y - 13:.1f}l13 13l-13 13l-13 -13z" fill="{_ALERT}" stroke="#FFFFFF" '
            'stroke-width="1.6"/>'
        )
        return shape + _text(x, y + 4, str(number), size, fill="#FFFFFF", weight=700, anchor="middle")
    shape = (
        f'<path d="M{x:.1f} {y - 13:.1f}l13.5 23h-27z" fill="{_WATCH}" stroke="{_WATCH_EDGE}" stroke-width="1.3" '
        'stroke-linejoin="round"/>'
    )
    return shape + _text(x, y + 7, str(number), size, fill=_TEXT, weight=700, anchor="middle")


def _pins(findings: Sequence[Finding], frame: _Frame) -> list[str]:
    parts = []
    taken: list[tuple[float, float]] = []
    for finding in sorted(findings, key=lambda one: -one.number):
        x, y = frame.at(finding.lon or 0.0, finding.lat or 0.0)
        true = (x, y)
        # What lies outside the picture stands at its edge.
        x = min(max(x, _MARGIN + 22), _MARGIN + frame.width - 22)
        y = min(max(y, _HEAD + 22), _HEAD + frame.height - 22)
        for step in range(24):
            if all(math.hypot(x - a, y - b) > 25 for a, b in taken):
                break
            angle = step * 2.4
            x, y = x + 13 * math.cos(angle), y + 13 * math.sin(angle)
        if math.hypot(x - true[0], y - true[1]) > 6 and frame.inside(*true):
            parts.append(f'<path d="M{true[0]:.1f} {true[1]:.1f}L{x:.1f} {y:.1f}" stroke="{_TEXT2}" stroke-width="1"/>')
        taken.append((x, y))
        parts.append(_pin(finding, x, y))
    return parts


def _ruler(frame: _Frame) -> str:
    metres = next(
        step for step in (500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5000, 2000, 1000, 500, 200, 100, 1)
        if step / frame.metres <= 180
    )  # fmt: skip
    length = metres / frame.metres
    x, y = _MARGIN + 20, _HEAD + frame.height - 20
    words = f"{metres // 1000} 公里" if metres >= 1000 else f"{metres} 米"
    bar = f'<path d="M{x} {y - 6:.1f}v6h{length:.1f}v-6" fill="none" stroke="{_TEXT2}" stroke-width="1.4"/>'
    return bar + _text(x + length + 8, y + 1, words, 12, fill=_TEXT2)


def _side(found: Imported, frame: _Frame, pins: Sequence[Finding]) -> list[str]:
    x = WIDTH - _MARGIN - _SIDE
    parts = [_panel(x, _HEAD, _SIDE, frame.height), _text(x + 20, _HEAD + 34, "地点", 15, weight=700)]
    y = _HEAD + 62.0
    shown = [kind for kind in reversed(_ORDER) if any(place.kind == kind for place in found.pack.places)]
    for index, kind in enumerate(shown):
        own = [place for place in found.pack.places if place.kind == kind]
        bare = sum(1 for place in own if place.lon is None)
        left = x + 20 + (index % 2) * 184
        parts.append(_mark(kind, left + 6, y - 5))
        parts.append(_text(left + 22, y, KIND_WORDS[kind], 14, fill=_TEXT2))
        parts.append(_text(left + 96, y, f"{len(own):,}", 14, weight=700))
        if bare:
            parts.append(_text(left + 22, y + 16, f"{bare:,} 处无坐标", 12, fill=_TEXT3))
        if index % 2 or index == len(shown) - 1:
            y += (
                44
                if any(
                    place.lon is None
                    for place in found.pack.places
                    if place.kind in shown[index - index % 2 : index + 1]
                )
                else 28
            )
    if not shown:
        parts.append(_text(x + 20, y, "还没有地点", 14, fill=_TEXT3))
        y += 28
    parts.append(f'<path d="M{x + 20} {y:.1f}h{_SIDE - 40}" stroke="{_LINE}"/>')
    y += 32
    others = [one for one in found.findings if not one.number and one.level != "note"]
    total = len(found.of("error")) + len(found.of("warning"))
    parts.append(_text(x + 20, y, "要看的地方" if total else "没有问题", 15, weight=700))
    if total:
        parts.append(_text(x + _SIDE - 20, y, f"{total} 处 · 编号与报告一致", 12, fill=_TEXT3, anchor="end"))
    y += 14
    bottom = _HEAD + frame.height - 34
    left_over = total
    for finding in [*pins, *others]:
        lines = _wrapped(finding.zh, _SIDE - 84, 13, 3)
        need = 12 + 18 * len(lines)
        if y + need > bottom:
            break
        middle = y + 22
        parts.append(_pin(finding, x + 34, middle) if finding.number else _dot(finding, x + 34, middle))
        for row, line in enumerate(lines):
            parts.append(_text(x + 60, y + 25 + 18 * row, line, 13, fill=_TEXT2))
        y += max(need, 38)
        left_over -= 1
    if left_over:
        parts.append(_text(x + 20, _HEAD + frame.height - 16, f"还有 {left_over} 处，见报告", 12, fill=_TEXT3))
    return parts


def _dot(finding: Finding, x: float, y: float) -> str:
    colour, edge = (_ALERT, _ALERT) if finding.level == "error" else (_WATCH, _WATCH_EDGE)
    return f'<circle cx="{x:.1f}" cy="{y - 1:.1f}" r="5" fill="{colour}" stroke="{edge}"/>'


def _width(text: str) -> float:
    """A text's width in units of its size: Han characters are one wide, others about half."""
    return sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.56 for letter in text)


def _wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """A text in at most so many lines; what is too long ends in an ellipsis."""
    lines, line = [], ""
    for letter in text:
        if _width(line + letter) * size > width and letter not in "，。、；：）”":
            lines.append(line)
            line = ""
        line += letter
    lines.append(line)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], lines[most - 1][:-1] + "…"]
