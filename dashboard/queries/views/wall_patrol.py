"""The wall's scene 巡逻防控 (``wall_patrol``): what patrol points owe today, who walks where, what was missed.

Only the pack's patrol points: what resumed enterprises owe is another list and never mixed in (DESIGN-UI-2).
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.day import HOUR, day_start
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.summary import Judged, ObligationState
from dashboard.feeds import KPIS
from dashboard.queries import wording
from dashboard.queries.duties import PATROL_POINT
from dashboard.queries.status import Status, status_of
from dashboard.queries.timeline import Row, timeline
from dashboard.queries.view import View
from dashboard.queries.views.wall import data_until, narrowed, place_name, town_name, without

if TYPE_CHECKING:
    from dashboard.queries.board import Board

FEED = "patrol"
RATE = "patrol_coverage"
GAPS, BEATS = 6, 5
LONG_GAP_MS = 3 * HOUR
DIMS = {"target": PATROL_POINT}
WORST = (ObligationState.LAPSED, ObligationState.UNOBSERVABLE, ObligationState.OPEN, ObligationState.MET)
WORDS = {
    ObligationState.MET: ("已巡", "met"),
    ObligationState.LAPSED: ("漏巡", "lapsed"),
    ObligationState.UNOBSERVABLE: ("无法判定", "unobservable"),
    ObligationState.OPEN: ("未到期", "open"),
}


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Map of obligations and the last hour's tracks, coverage by town, longest gaps, beats that need a person."""
    board = narrowed(board, scope)
    if RATE not in KPIS or all(feed.name != FEED for feed in board.feeds):
        return {"missing": True}
    gaps = _found_gaps(board)
    figures = {town: coverage(board, town) for town in ("all", *board.towns)}
    freshness, received = board.freshness(FEED)
    return {
        "missing": False,
        "map": _map(board, figures, gaps, lang),
        "towns": _towns(board, figures, lang),
        "gaps": _gaps(board, gaps, lang),
        "beats": _beats(board, lang),
        "old": data_until(board, received, lang) if freshness in (Freshness.STALE, Freshness.SILENT) else "",
        "note": "覆盖率 = 已巡 ÷（已巡 + 漏巡）·进度 = 已巡 ÷ 全部"
        if lang != "en"
        else "coverage = met ÷ (met + lapsed) · progress = met ÷ all",
    }


def coverage(board: Board, town: str) -> Figure:
    """Coverage of the patrol points alone."""
    found = board.figures(FEED, RATE, town)
    return next((figure for figure in found if figure.dims == DIMS), found[0])


def _owed(board: Board, town: str) -> list[Judged]:
    track = board.track(town)
    return [one for one in track.obligations if one.target == PATROL_POINT] if track else []


# -- map


def _map(board: Board, figures: dict[str, Figure], gaps: list[dict[str, Any]], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    counts = Counter(one.state for town in board.towns for one in _owed(board, town))
    order = (ObligationState.MET, ObligationState.LAPSED, ObligationState.UNOBSERVABLE, ObligationState.OPEN)
    units = _units(board)
    on = sum(1 for unit in units if unit["signal"])
    legend = [{"glyph": "unit", "name": "在线" if zh else "Online", "text": f"{on} 组" if zh else str(on)}]
    if on < len(units):
        off = len(units) - on
        legend.append(
            {"glyph": "unit-off", "name": "离线" if zh else "Offline", "text": f"{off} 组" if zh else str(off)}
        )
    return {
        "kpi": RATE,
        "dims": DIMS,
        "heading": "巡逻义务与近 1 小时轨迹" if zh else "Duties, last hour's tracks",
        "key": [
            {"glyph": str(state), "name": WORDS[state][0 if zh else 1], "text": wording.count(counts[state], lang)}
            for state in order
        ],
        "towns": [_map_town(board, figures[town], town, lang) for town in board.towns],
        "points": _points(board, {gap["place"] for gap in gaps[:GAPS]}),
        "units": units,
        "pins": [
            {"number": number, "level": gap["state"], "lon": gap["lon"], "lat": gap["lat"]}
            for number, gap in enumerate(gaps[:GAPS], start=1)
            if gap["lon"] is not None
        ],
        "legend": legend,
        "approximate": ("边界为示意" if zh else "Boundaries are approximate") if board.pack.approximate else "",
    }


def _map_town(board: Board, figure: Figure, town: str, lang: str) -> dict[str, Any]:
    kpi = KPIS[RATE][1]
    known = figure.value is not None and figure.freshness != Freshness.SILENT
    return {
        "code": town,
        "name": town_name(board, town, lang),
        "text": wording.percent(figure.value, kpi.decimals)
        if known
        else wording.MISSING
        if town in board.reported(FEED)[0]
        else wording.not_reported(lang),
        "value": figure.value if known else None,
        "fill": "plain" if figure.freshness not in (Freshness.STALE, Freshness.SILENT) else "nodata",
        "tone": "alert" if status_of(figure, kpi) == Status.ALERT else "",
        "reported": known or town in board.reported(FEED)[0],
        "old": figure.freshness in (Freshness.STALE, Freshness.SILENT),
        "freshness": str(figure.freshness),
    }


def _points(board: Board, pinned: set[str]) -> list[list[Any]]:
    """[longitude, latitude, state] of every patrol point in the worst state of what it owes today; pinned ones not."""
    found = []
    for town in board.towns:
        states: dict[str, set[ObligationState]] = {}
        for judged in _owed(board, town):
            states.setdefault(judged.place, set()).add(judged.state)
        for code, owed in states.items():
            place = board.place(code)
            if place is None or place.lon is None or place.lat is None or code in pinned:
                continue
            state = next(state for state in WORST if state in owed)
            found.append([round(place.lon, 5), round(place.lat, 5), str(state)])
    return found


def _units(board: Board) -> list[dict[str, Any]]:
    """Units with the way of their last hour, thinned: a wall need not see every bend."""
    found = []
    for town in board.towns:
        track = board.track(town)
        for unit in track.units if track else ():
            if unit.lon is None or unit.lat is None or not (unit.on_duty or unit.signal):
                continue
            trail = [[round(lon, 4), round(lat, 4)] for at, lon, lat in unit.trail if board.now - at <= HOUR]
            trail = [*trail[:-1:2], *trail[-1:]]
            found.append(
                {
                    "unit": unit.unit,
                    "lon": round(unit.lon, 5),
                    "lat": round(unit.lat, 5),
                    "heading": unit.heading,
                    "signal": unit.signal,
                    "trail": trail if unit.signal else [],
                }
            )
    return found


# -- towns


def _towns(board: Board, figures: dict[str, Figure], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    kpi = KPIS[RATE][1]
    missing = board.reported(FEED)[1]
    known = [town for town in board.towns if town not in missing]
    known.sort(key=lambda town: (figures[town].value is None, figures[town].value or 0, town))
    rows = []
    for town in [*known, *missing]:
        figure, owed = figures[town], Counter(one.state for one in _owed(board, town))
        total = sum(owed.values())
        rows.append(
            {
                "kpi": RATE,
                "town": town,
                "name": town_name(board, town, lang),
                "raw": figure.value if town in known else None,
                "text": wording.MISSING if figure.value is None else wording.decimal(figure.value * 100, kpi.decimals),
                "low": status_of(figure, kpi) == Status.ALERT,
                "freshness": str(figure.freshness),
                "parts": {str(state): round(owed[state] / total, 4) for state in WORDS} if total else {},
                "lapsed": owed[ObligationState.LAPSED],
                "reported": town in known,
                "missing": "" if town in known else wording.not_reported(lang),
            }
        )
    whole = figures["all"]
    met, total = whole.detail.get("met_today", 0), whole.detail.get("total", 0)
    return {
        "heading": "各镇覆盖率" if zh else "Coverage by town",
        "lead": "当日进度" if zh else "",
        "parts": f"{met}/{total}" if total else wording.MISSING,
        "share": wording.percent(met / total, 1) if total else wording.MISSING,
        "heads": ["镇（街道）", "今日义务", "%", "漏巡"] if zh else ["Town", "today", "%", "missed"],
        "rows": rows,
        "empty": "暂无镇（街道）数据" if zh else "No town data yet",
    }


# -- gaps


def _found_gaps(board: Board) -> list[dict[str, Any]]:
    """Patrol points by how long nobody came to them; what was missed or cannot be told stands first."""
    found: list[dict[str, Any]] = []
    for town in board.towns:
        track = board.track(town)
        if track is None or not track.reported:
            continue
        worst: dict[str, ObligationState] = {}
        for judged in _owed(board, town):
            held = worst.get(judged.place)
            if held is None or WORST.index(judged.state) < WORST.index(held):
                worst[judged.place] = judged.state
        for gap in track.gaps:
            if gap.target != PATROL_POINT:
                continue
            place = board.place(gap.place)
            found.append(
                {
                    "place": gap.place,
                    "town": town,
                    "since": gap.since,
                    "state": str(worst.get(gap.place, ObligationState.OPEN)),
                    "beat": place.beat if place else None,
                    "lon": place.lon if place else None,
                    "lat": place.lat if place else None,
                }
            )
    # A gap that is not due yet is no reproach.
    found.sort(key=lambda gap: (gap["state"] not in ("lapsed", "unobservable"), gap["since"], gap["place"]))
    return found


def _gaps(board: Board, gaps: list[dict[str, Any]], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    long = sum(1 for gap in gaps if board.now - gap["since"] > LONG_GAP_MS)
    rows = []
    for number, gap in enumerate(gaps[:GAPS], start=1):
        name = town_name(board, gap["town"], lang)
        beat = board.pack.beat_by_code.get(gap["beat"] or "")
        beat_name = (beat.name if zh or not beat.name_en else beat.name_en) if beat else ""
        state = ObligationState(gap["state"])
        rows.append(
            {
                "number": number,
                "title": place_name(board, gap["place"], lang),
                "sub": wording.join(
                    [name, without(beat_name, name) if zh else beat_name.removeprefix(name).strip()], lang
                ),
                "since": gap["since"],
                "age": wording.span(board.now - gap["since"], lang),
                "state": gap["state"],
                "word": WORDS[state][0 if zh else 1],
            }
        )
    limit = wording.span(LONG_GAP_MS, lang).removesuffix(" 0 分").removesuffix(" 0 min")
    return {
        "heading": KPIS["longest_gap_hours"][1].words.of(lang),
        "parts": [f"超 {limit}" if zh else f"over {limit}", str(long), "处" if zh else ""],
        "rows": rows,
        "empty": "无漏巡" if zh else "Nothing lapsed",
    }


# -- beats


def _beats(board: Board, lang: str) -> dict[str, Any]:
    """The beats that missed most; those without a miss are a count. Times are minutes of the local day."""
    zh = lang != "en"
    start = day_start(board.day, board.zone)
    found: list[tuple[int, int, str, Row]] = []
    first, last = 24 * HOUR, 0
    for town in board.towns:
        day = timeline(board, town)
        first, last = min(first, day.start - start), max(last, day.end - start)
        for row in day.rows:
            if row.beat is None:
                continue
            lapsed = sum(due.count for due in row.dues if due.state == "lapsed")
            unseen = sum(due.count for due in row.dues if due.state == "unobservable")
            found.append((lapsed, unseen, town, row))
    bad = sorted((one for one in found if one[0] or one[1]), key=lambda one: (-one[0], -one[1], one[3].beat or ""))
    shown = bad[:BEATS]
    rest = len(found) - len(shown)
    most = max((one[0] for one in bad[BEATS:]), default=0)
    if not found:
        first, last = 8 * HOUR, 20 * HOUR
    return {
        "heading": "需要看的巡段" if zh else "Beats to look at",
        "parts": _rest_words(len(shown), rest, most, lang),
        "from": first // 60_000,
        "to": last // 60_000,
        "now": (board.now - start) // 60_000,
        "clock": wording.clock(board.now, board.zone),
        "ticks": _ticks(first, last, lang),
        "rows": [_beat(board, town, row, lang) for _, _, town, row in shown],
        "label": "需要看的巡段时间线" if zh else "Timeline of the beats to look at",
        "empty": "无漏巡" if zh else "Nothing lapsed",
    }


def _rest_words(shown: int, rest: int, most: int, lang: str) -> list[str]:
    """Text, bold number, text."""
    if lang == "en":
        return [f"{shown}; the other", str(rest), f"lapsed {most} at most" if most else "lapsed none"]
    return [f"{shown} 个，其余", str(rest), f"个漏巡不超过 {most} 处" if most else "个无漏巡"]


def _ticks(first: int, last: int, lang: str) -> list[dict[str, Any]]:
    step = 2 if last - first <= 14 * HOUR else 4
    hours = range(first // HOUR, last // HOUR + 1, step)
    return [{"minute": hour * 60, "text": f"{hour} 时" if lang != "en" else f"{hour}:00"} for hour in hours]


def _beat(board: Board, town: str, row: Row, lang: str) -> dict[str, Any]:
    start = day_start(board.day, board.zone)
    beat = board.pack.beat_by_code[row.beat or ""]
    name = town_name(board, town, lang)
    short = name.removesuffix("街道").removesuffix("镇")
    own = beat.name_en if lang == "en" and beat.name_en else without(beat.name, name)
    # Signal of any of its units is signal of the beat: silence only where all are silent.
    heard = _union([(band.start, band.end) for lane in row.lanes for band in lane.bands if band.kind != "silent"])
    closed = [due for due in row.dues if due.state in ("lapsed", "unobservable")]
    lapsed = sum(due.count for due in row.dues if due.state == "lapsed")
    met_closed = row.met
    return {
        "name": f"{short}·{own}" if lang != "en" else f"{name} · {own.removeprefix(name).strip()}",
        "bands": [[(a - start) // 60_000, (b - start) // 60_000] for a, b in heard],
        "silent": [[(a - start) // 60_000, (b - start) // 60_000] for a, b in _between(heard)],
        "visits": [(at - start) // 60_000 for at in row.visits],
        "dues": [[(due.at - start) // 60_000, due.state, due.count] for due in row.dues],
        "text": f"{met_closed}/{met_closed + sum(due.count for due in closed)}",
        "low": lapsed > 0,
    }


def _union(bands: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(bands):
        if joined and first <= joined[-1][1] + 5 * 60_000:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _between(bands: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(a[1], b[0]) for a, b in pairwise(bands)]


VIEW = View("wall_patrol", build, needs=Permission.WALL)
