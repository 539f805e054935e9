"""The wall's scene 卡点防控 (``wall_gates``): who passes the checkpoints, which of them are silent, today's fevers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.feed import Feed, ReadingSpec
from dashboard.domain.figure import Freshness
from dashboard.domain.summary import FeverState, ReadingSummary
from dashboard.feeds import KPIS
from dashboard.queries import wording
from dashboard.queries.attention import Attention, Kind, attention
from dashboard.queries.rows import FEVER_STATES
from dashboard.queries.view import View
from dashboard.queries.views.wall import (
    data_until,
    gates_of,
    hours,
    narrowed,
    pins_of,
    place_name,
    town_name,
    without,
)

if TYPE_CHECKING:
    from dashboard.queries.board import Board

ROWS = 5
WAITING = (FeverState.PENDING, FeverState.UNRESOLVED)
OWN = (Kind.FEVER, Kind.SILENT_CHECKPOINT, Kind.DRIFT)


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Map of the checkpoints, readings by the hour, towns, fevers of the day."""
    board = narrowed(board, scope)
    feed = next((feed for feed in board.feeds if isinstance(feed.archetype, ReadingSpec)), None)
    if feed is None:
        return {"missing": True}
    found = tuple(one for one in attention(board) if one.kind in OWN)
    freshness, received = board.freshness(feed.name)
    return {
        "missing": False,
        "map": _map(board, feed, found, lang),
        "hours": hours(board, lang),
        "towns": _towns(board, feed, lang),
        "fevers": _fevers(board, feed, lang),
        "old": data_until(board, received, lang) if freshness in (Freshness.STALE, Freshness.SILENT) else "",
        "note": "在线 = 在岗且 10 分钟内有读数·异常按方式与部位的阈值判定"
        if lang != "en"
        else "online = on duty with a reading in 10 min · fever by the threshold of method and site",
    }


def _map(board: Board, feed: Feed, found: tuple[Attention, ...], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    gates = gates_of(board)
    on = sum(1 for gate in gates if gate["on_duty"] and gate["online"])
    duty = sum(1 for gate in gates if gate["on_duty"])
    legend = [
        {"glyph": "gate", "name": "在线" if zh else "Online", "text": f"{on} / {duty} 个" if zh else f"{on} / {duty}"}
    ]
    if duty < len(gates):
        rest = len(gates) - duty
        legend.append(
            {"glyph": "gate-off", "name": "不在岗" if zh else "Off duty", "text": f"{rest} 个" if zh else str(rest)}
        )
    return {
        "kpi": "screened",
        "heading": "卡点与今日查验人次" if zh else "Checkpoints and readings today",
        "key": [],
        "towns": [_map_town(board, feed, town, lang) for town in board.towns],
        "checkpoints": gates,
        # The list of this scene has no numbers, so its pins have none either.
        "pins": [{**pin, "number": None} for pin in pins_of(board, found)],
        "legend": legend,
        "approximate": ("边界为示意" if zh else "Boundaries are approximate") if board.pack.approximate else "",
    }


def _map_town(board: Board, feed: Feed, town: str, lang: str) -> dict[str, Any]:
    figure = board.figure("screened", town, feed.name)
    old = figure.freshness in (Freshness.STALE, Freshness.SILENT)
    known = figure.value is not None
    return {
        "code": town,
        "name": town_name(board, town, lang),
        "text": wording.count(figure.value or 0, lang) if known else wording.not_reported(lang),
        "value": figure.value,
        "fill": "nodata" if old else "plain",
        "tone": "",
        "reported": known,
        "old": old,
        "freshness": str(figure.freshness),
    }


def _towns(board: Board, feed: Feed, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    rows: list[dict[str, Any]] = []
    for town in board.towns:
        reading = board.summaries(feed.name).get(town)
        screened = board.figure("screened", town, feed.name)
        known = isinstance(reading, ReadingSummary) and screened.value is not None
        one = reading if isinstance(reading, ReadingSummary) else None
        waiting = sum(1 for fever in one.fevers if fever.state in WAITING) if one else 0
        rows.append(
            {
                "kpi": "screened",
                "town": town,
                "name": town_name(board, town, lang),
                "raw": screened.value,
                "text": wording.count(screened.value or 0, lang) if known else wording.MISSING,
                "count": screened.value or 0,
                "online": f"{one.online}/{one.on_duty}" if one and known else "",
                "short": bool(one and one.online < one.on_duty),
                "fever": one.fever_count if one and known else 0,
                "waiting": waiting,
                "freshness": str(screened.freshness),
                "reported": known,
                "missing": "" if known else wording.not_reported(lang),
            }
        )
    rows.sort(key=lambda row: (not row["reported"], -row["count"], row["town"]))
    most = max((row["count"] for row in rows), default=0)
    for row in rows:
        row["share"] = round(row["count"] / most, 4) if most else 0
    online = board.figure("checkpoints_online", feed=feed.name)
    parts = f"{online.numerator} / {online.denominator}" if online.denominator else wording.MISSING
    return {
        "heading": "各镇卡点" if zh else "Checkpoints by town",
        "lead": "在线" if zh else "online",
        "parts": parts,
        "heads": ["镇（街道）", "查验", "在线", "异常"] if zh else ["Town", "checks", "online", "fever"],
        "rows": rows,
        "empty": "暂无镇（街道）数据" if zh else "No town data yet",
    }


def _fevers(board: Board, feed: Feed, lang: str) -> dict[str, Any]:
    """Today's fevers, those that wait first, then the newest. No number of a case: everybody sees a wall."""
    zh = lang != "en"
    found = []
    for town in board.towns:
        reading = board.summaries(feed.name).get(town)
        if isinstance(reading, ReadingSummary):
            found += [(fever, town) for fever in reading.fevers]
    found.sort(key=lambda pair: (pair[0].state not in WAITING, -pair[0].at, pair[0].case))
    rows = []
    for fever, town in found[:ROWS]:
        name = place_name(board, fever.checkpoint, lang)
        where = without(name, town_name(board, town, "zh"))
        open_ = fever.state in WAITING
        rows.append(
            {
                "glyph": "alert" if open_ else "done",
                "title": wording.join([town_name(board, town, lang), where], lang),
                "fact": wording.celsius(fever.milli_celsius),
                "time": wording.clock(fever.at, board.zone),
                "state": FEVER_STATES[fever.state].of(lang),
                "open": open_,
            }
        )
    whole, waiting = len(found), sum(1 for fever, _ in found if fever.state in WAITING)
    kpi = KPIS["fever_count"][1]
    return {
        "heading": kpi.words.of(lang) + ("（今日）" if zh else " today"),
        "parts": [["今日", str(whole)], ["待处置", str(waiting)]]
        if zh
        else [["today", str(whole)], ["open", str(waiting)]],
        "rows": rows,
        "rest": (f"另有 {whole - ROWS} 人次" if zh else f"{whole - ROWS} more") if whole > ROWS else "",
        "empty": "今日无体温异常" if zh else "No fever today",
    }


VIEW = View("wall_gates", build, needs=Permission.WALL)
