"""The four charts and the map of a snapshot as SVG, the same drawing in the page, the PDF and the picture.

Measures are those of the design (325 × 150, map 300 wide). Series two is dashed or paler and every last value is
written out, so that a black-and-white copy reads the same. A missing day is a gap, never a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from dashboard.domain.day import as_date
from dashboard.queries import wording
from dashboard.queries.wording import decimal
from dashboard.snapshot.brief import Brief, DayPoint

FONT = "Noto Sans CJK SC, Noto Sans SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
INK, TEXT2, TEXT3, LINE, AXIS, BAR, MUTE, PALE, DARK = (
    "#16191D", "#434A53", "#626A74", "#E0E4E8", "#B4BBC4", "#2B6A87", "#B7BEC7", "#C9CED5", "#626A74"
)  # fmt: skip
RAMP = ("#E8F2F6", "#CAE1EB", "#A7CDDC", "#83B7CC", "#5B9EB8")
CLASSES = (0.75, 0.80, 0.85, 0.90)
NODATA = "#ECEEF1"
WIDE, HIGH = 325, 150


def text(
    x: float,
    y: float,
    said: str,
    size: float = 11,
    anchor: str = "start",
    fill: str = TEXT3,
    bold: bool = False,
    halo: bool = False,
) -> str:
    """One text; ``y`` is its base line. A ``halo`` keeps lines behind it from running through it."""
    weight = ' font-weight="700"' if bold else ""
    if halo:
        weight += ' stroke="#FFFFFF" stroke-width="3.5" stroke-linejoin="round" paint-order="stroke"'
    style = f'font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(said)}</text>'


def box(x: float, y: float, width: float, height: float, fill: str) -> str:
    """One filled rectangle from its top left corner."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def svg(width: int, height: int, label: str, parts: Sequence[str]) -> str:
    """A drawing of its own."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(label)}" font-family="{FONT}">{"".join(parts)}</svg>'
    )


def charts(brief: Brief, lang: str) -> list[tuple[str, str, str]]:
    """(title, remark, SVG) of each of the four."""
    zh = lang != "en"

    def t(chinese: str, english: str) -> str:
        return chinese if zh else english

    return [
        (t("复工率与返岗率", "Resumption and staff back"), t("近14日，%", "14 days, %"), _rates(brief, lang)),
        (t("卡点查验与体温异常", "Readings and fevers"), t("近14日", "14 days"), _readings(brief, lang)),
        (t("巡逻覆盖率", "Patrol coverage"), t("当日累计，%", "through the day, %"), _coverage(brief, lang)),
        (t("纠纷新增与办结", "Disputes new and resolved"), t("近14日", "14 days"), _disputes(brief, lang)),
    ]


def _points(brief: Brief, kpi: str) -> tuple[DayPoint, ...]:
    return next((one.points for one in brief.trends if one.kpi == kpi), ())


def _day(day: int, lang: str, first: bool = False) -> str:
    date = as_date(day)
    if lang == "en":
        return wording.day(day, "en")
    return f"{date.month}月{date.day}日" if first or date.day == 1 else f"{date.day}日"


def _ticks(points: Sequence[DayPoint], lang: str, x: Sequence[float], y: float) -> list[str]:
    last = len(points) - 1
    picked = [n for n in range(last + 1) if (last - n) % 3 == 0]
    return [text(x[n], y, _day(points[n].day, lang, n == picked[0]), anchor="middle") for n in picked]


def _path(pairs: Sequence[tuple[float, float | None]]) -> str:
    found, pen = "", "M"
    for x, y in pairs:
        if y is None:
            pen = "M"
            continue
        found += f"{pen}{x:.1f},{y:.1f}"
        pen = "L"
    return found


def _grid(low: float) -> list[str]:
    rows = []
    for share, name in ((0.0, ""), (0.5, "50%"), (1.0, "100%")):
        y = 122 - 108 * (share - low) / (1 - low)
        if y <= 122:
            rows.append(f'<path d="M0,{y:.1f}H291" stroke="{LINE}"/>')
            rows.append(text(0, y - 3, name))
    return rows


def _line(pairs: Sequence[tuple[float, float | None]], stroke: str, dashed: bool, width: float = 2.2) -> str:
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    return (
        f'<path d="{_path(pairs)}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round"{dash}/>'
    )


def _rates(brief: Brief, lang: str) -> str:
    one, two = _points(brief, "resumption_rate"), _points(brief, "staff_return_rate")
    x = [30 + 257 * n / max(1, len(one) - 1) for n in range(len(one))]

    def y(value: float | None) -> float | None:
        return None if value is None else 122 - 108 * value

    parts = _grid(0)
    first = [(at, y(p.value)) for at, p in zip(x, one, strict=True)]
    second = [(at, y(p.value)) for at, p in zip(x, two, strict=True)]
    parts += [_line(first, BAR, False, 2.4), _line(second, "#6B7480", True, 2)]
    ends = [(line[-1][1], points[-1].value) for line, points in ((first, one), (second, two)) if line]
    names = ("复工率", "返岗率") if lang != "en" else ("resumed", "staff")
    spots = [end[0] for end in ends]
    gap = 0.0
    heights = [spot for spot in spots if spot is not None]
    if len(heights) == 2 and abs(heights[0] - heights[1]) < 15:
        gap = (15 - abs(heights[0] - heights[1])) / 2
    for n, ((at, value), fill) in enumerate(zip(ends, (BAR, "#6B7480"), strict=True)):
        if at is None or value is None:
            continue
        other = spots[1 - n]
        away = gap if other is None or at > other or (at == other and n) else -gap
        parts.append(f'<circle cx="{x[-1]:.1f}" cy="{at:.1f}" r="3.2" fill="{fill}"/>')
        parts.append(text(WIDE, at + 4.5 + away, decimal(value * 100, 1), 13, "end", INK if n == 0 else TEXT2, True))
    middle = len(one) // 2
    for line, name, fill, away in ((first, names[0], INK, 16.0), (second, names[1], TEXT2, -9.0)):
        spot = next((p for p in line[middle:] if p[1] is not None), None)
        if spot is not None and spot[1] is not None:
            lower = line is first and second[middle][1] is not None and (second[middle][1] or 0) < spot[1]
            shift = away if lower or line is second else -9.0
            parts.append(text(spot[0] + 6, max(11, spot[1] + shift), name, 12, "start", fill, line is first, halo=True))
    parts += _ticks(one, lang, x, 142)
    return svg(WIDE, HIGH, "复工率与返岗率" if lang != "en" else "Resumption rate and staff back", parts)


def _amount(value: float, lang: str) -> str:
    return f"{decimal(value / 10000, 2)}" if lang != "en" and value >= 10000 else decimal(value, 0)


def _readings(brief: Brief, lang: str) -> str:
    one, two = _points(brief, "screened"), _points(brief, "fever_count")
    step = WIDE / max(1, len(one))
    most = max((p.value or 0 for p in one), default=0) or 1
    x = [step * (n + 0.5) for n in range(len(one))]
    wan = lang != "en" and most >= 10000
    parts = []
    for n, (p, fever) in enumerate(zip(one, two, strict=True)):
        last = n == len(one) - 1
        if p.value is not None:
            high = 70 * p.value / most
            parts.append(box(x[n] - step * 0.37, 96 - high, step * 0.74, high, BAR if last else MUTE))
            if last:
                parts.append(
                    text(
                        WIDE,
                        91 - 74,
                        _amount(p.value, lang) if wan or lang == "en" else decimal(p.value, 0),
                        13,
                        "end",
                        INK,
                        True,
                    )
                )
        said = "—" if fever.value is None else decimal(fever.value, 0)
        parts.append(text(x[n], 113, said, 13 if last else 12, "middle", INK if last else TEXT2, last))
    parts.append(f'<path d="M0,96H{WIDE}" stroke="{AXIS}"/>')
    parts.append(text(0, 11, ("查验 万人次" if wan else "查验 人次") if lang != "en" else "readings", 11.5))
    parts.append(text(0, 128, "体温异常 人次" if lang != "en" else "fevers", 11.5))
    parts += _ticks(one, lang, x, 144)
    return svg(WIDE, HIGH, "卡点查验人次与体温异常" if lang != "en" else "Readings and fevers by day", parts)


def _coverage(brief: Brief, lang: str) -> str:
    low = (
        0.8
        if all(v >= 0.8 for _, v in (*brief.course.today, *brief.course.yesterday))
        else 0.5
        if all(v >= 0.5 for _, v in (*brief.course.today, *brief.course.yesterday))
        else 0.0
    )

    def x(minute: int) -> float:
        return 34 + 250 * minute / 1440

    def y(value: float) -> float:
        return 122 - 104 * (value - low) / (1 - low)

    parts = []
    for share in (low, (low + 1) / 2, 1.0):
        parts.append(f'<path d="M0,{y(share):.1f}H291" stroke="{LINE}"/>')
        parts.append(text(0, y(share) - 3, f"{decimal(share * 100, 0)}%"))
    before = [(x(m), y(v)) for m, v in brief.course.yesterday]
    today = [(x(m), y(v)) for m, v in brief.course.today]
    parts.append(_line(before, "#6B7480", True, 1.8))
    parts.append(_line(today, BAR, False, 2.4))
    names = ("今日", "昨日") if lang != "en" else ("today", "yesterday")
    if today:
        end = today[-1]
        value = brief.course.today[-1][1]
        cell = brief.cell("patrol_coverage")
        shown = cell.value if cell is not None and cell.value is not None else value
        parts.append(f'<circle cx="{end[0]:.1f}" cy="{end[1]:.1f}" r="3.2" fill="{BAR}"/>')

        def beside(spot: tuple[float, float]) -> float:
            """Away from yesterday's line: above it where today's is the higher one."""
            other = min(before, key=lambda one: abs(one[0] - spot[0]), default=spot)
            return spot[1] - 9 if other[1] > spot[1] else spot[1] + 18

        spot = today[len(today) // 2]
        if end[0] - spot[0] > 48:
            parts.append(text(spot[0], beside(spot), names[0], 12, "middle", INK, True, halo=True))
        parts.append(text(end[0], beside(end), decimal(shown * 100, 1), 13, "middle", INK, True, halo=True))
    if before:
        last = before[-1]
        parts.append(text(last[0] + 4, last[1] + (22 if last[1] < 90 else -8), names[1], 12, "end", TEXT2, halo=True))
    hours = ((hour, f"{hour}时" if lang != "en" else f"{hour}:00") for hour in (0, 6, 12, 18, 24))
    parts += [text(x(hour * 60), 142, said, anchor="middle") for hour, said in hours]
    return svg(WIDE, HIGH, "巡逻覆盖率当日累计与昨日" if lang != "en" else "Patrol coverage through the day", parts)


def _disputes(brief: Brief, lang: str) -> str:
    new, done = _points(brief, "dispute_new"), _points(brief, "dispute_resolved")
    step = WIDE / max(1, len(new))
    x = [step * (n + 0.5) for n in range(len(new))]
    most = max([*(p.value or 0 for p in new), *(p.value or 0 for p in done)], default=0) or 1
    parts = []
    for n, (up, down) in enumerate(zip(new, done, strict=True)):
        last = n == len(new) - 1
        left, width = x[n] - step * 0.37, step * 0.74
        if up.value is not None:
            high = 44 * up.value / most
            parts.append(box(left, 68 - high, width, high, DARK if last else PALE))
            if last:
                parts.append(text(WIDE - 2, 64 - high, decimal(up.value, 0), 13, "end", INK, True))
        if down.value is not None:
            high = 44 * down.value / most
            parts.append(box(left, 68, width, high, BAR if last else "#A7CDDC"))
            if last:
                parts.append(text(WIDE - 2, 81 + high, decimal(down.value, 0), 13, "end", INK, True))
    parts.append(f'<path d="M0,68H{WIDE}" stroke="{INK}" stroke-width="1"/>')
    names = ("新增 件", "办结 件") if lang != "en" else ("new", "resolved")
    parts += [text(0, 16, names[0], 11.5), text(0, 128, names[1], 11.5)]
    parts += _ticks(new, lang, x, 144)
    return svg(WIDE, HIGH, "纠纷新增与办结" if lang != "en" else "Disputes new and resolved by day", parts)


def map_svg(brief: Brief, lang: str) -> str:
    """Towns filled by fixed classes of the resumption rate, so that a colour means the same tomorrow."""
    width, height = brief.map_size
    names = {one.code: one.name if lang != "en" else one.name_en or one.name for one in brief.towns}
    parts, labels = [], []
    for one in brief.map:
        cell = brief.cell("resumption_rate", one.town)
        value = cell.value if cell is not None else None
        fill = NODATA if value is None else RAMP[sum(1 for edge in CLASSES if round(value, 3) >= edge)]
        parts.append(f'<path d="{one.path}" fill="{fill}" stroke="#8FA3B0" stroke-width=".8"/>')
        name = names.get(one.town, one.town).removesuffix("街道").removesuffix("镇") or one.town
        said = ("未报" if lang != "en" else "none") if value is None else decimal(value * 100, 1)
        for dy, word, bold in ((-2, name, False), (11, said, True)):
            labels.append(text(one.x, one.y + dy, word, 11.5, "middle", INK, bold))
    return svg(width, height, "各镇（街道）复工率" if lang != "en" else "Resumption rate by town", [*parts, *labels])


LEGEND = ("<75", "75–80", "80–85", "85–90", "≥90")

__all__ = ["LEGEND", "RAMP", "charts", "map_svg"]
