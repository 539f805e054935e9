"""The wall's scene 矛盾纠纷 (``wall_disputes``): what is open and how old, by kind and town, what is over its time.

Counts by kind and town only: everybody sees a wall, and nobody there sees single disputes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.feed import Feed
from dashboard.domain.figure import Freshness
from dashboard.queries import casework, wording
from dashboard.queries.view import View
from dashboard.queries.views.wall import backlog, data_until, narrowed, town_name

if TYPE_CHECKING:
    from dashboard.queries.board import Board

ROWS = 4
KINDS = 7
LIMITS = (1, 3, 6, 10)
"""Lower limits of the map's classes 2 to 5, open cases of a town; fixed."""


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Map of open cases, backlog, kinds, what came and went by day, what is over its time."""
    board = narrowed(board, scope)
    feed = casework.dated_feed(board)
    if feed is None:
        return {"missing": True}
    late = casework.overdue(board, feed)
    freshness, received = board.freshness(feed.name)
    return {
        "missing": False,
        "map": _map(board, feed, late, lang),
        "backlog": backlog(board, lang),
        "kinds": _kinds(board, feed, lang),
        "flow": _flow(board, feed, lang),
        "late": _late(board, feed, late, lang),
        "old": data_until(board, received, lang) if freshness in (Freshness.STALE, Freshness.SILENT) else "",
        "note": "未结 = 未化解、未转司法、未撤回，不论何时发生·逾期 = 过了办结时限"
        if lang != "en"
        else "open = not resolved, escalated or withdrawn, of any age · overdue = past its due time",
    }


def _map(board: Board, feed: Feed, late: list[casework.Held], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    legend = []
    if late:
        text = f"{len(late)} 件" if zh else str(len(late))
        legend.append({"glyph": "lapsed", "name": "逾期" if zh else "Overdue", "text": text})
    return {
        "kpi": f"{feed.name}_open",
        "heading": "各镇（街道）未结纠纷" if zh else "Open disputes by town",
        "classes": ["0", "1–2", "3–5", "6–9", "≥10 件" if zh else "≥10"],
        "towns": [_map_town(board, feed, town, lang) for town in board.towns],
        "pins": casework.pins(board, late, ROWS),
        "legend": legend,
        "approximate": ("边界为示意" if zh else "Boundaries are approximate") if board.pack.approximate else "",
    }


def _map_town(board: Board, feed: Feed, town: str, lang: str) -> dict[str, Any]:
    figure = board.figure(f"{feed.name}_open", town, feed.name)
    known = town in casework.ever(board, feed)
    # Every town of an old feed is old: the panel's head says until when, the map keeps its picture.
    value = int(figure.value or 0)
    return {
        "code": town,
        "name": town_name(board, town, lang),
        "text": str(value) if known else wording.not_reported(lang),
        "value": figure.value if known else None,
        "fill": 1 + sum(value >= limit for limit in LIMITS) if known else "nodata",
        "reported": known,
        "old": False,
        "freshness": str(figure.freshness),
    }


def _kinds(board: Board, feed: Feed, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    field = feed.field("kind")
    counts: Counter[str] = Counter()
    late: Counter[str] = Counter()
    for one in casework.still_open(board, feed):
        kind = one.case.value("kind") or "other"
        counts[kind] += 1
        late[kind] += one.case.overdue
    ordered = sorted(counts, key=lambda kind: (-counts[kind], kind))
    most = max(counts.values(), default=0)

    def row(name: str, count: int, over: int) -> dict[str, Any]:
        return {"name": name, "count": count, "overdue": over, "share": round(count / most, 4) if most else 0}

    shown, rest = ordered[:KINDS], ordered[KINDS:]
    rows = [
        row(field.choices[kind].of(lang) if field and kind in field.choices else kind, counts[kind], late[kind])
        for kind in shown
    ]
    if rest:
        name = f"其他 {len(rest)} 类" if zh else f"{len(rest)} more kinds"
        rows.append(row(name, sum(counts[kind] for kind in rest), sum(late[kind] for kind in rest)))
    return {
        "heading": "未结类型" if zh else "Open by kind",
        "lead": "逾期部分白色" if zh else "overdue part pale",
        "rows": rows,
        "empty": "没有未结" if zh else "Nothing open",
    }


def _flow(board: Board, feed: Feed, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    rows = casework.flow_by_day(board, feed, lang)
    today = rows[-1]
    return {
        "heading": "新增与化解" if zh else "By day",
        "parts": [["今日新增", str(today["new"])], ["化解", str(today["done"])]]
        if zh
        else [["new today", str(today["new"])], ["resolved", str(today["done"])]],
        "up": "新增" if zh else "new",
        "down": "化解" if zh else "resolved",
        "days": rows,
        "label": "，".join(f"{row['name']} 新增 {row['new']} 化解 {row['done']}" for row in rows)
        if zh
        else ", ".join(f"{row['name']}: {row['new']} new, {row['done']} resolved" for row in rows),
        "empty": "" if any(row["new"] or row["done"] for row in rows) else "暂无记录" if zh else "No records",
    }


def _late(board: Board, feed: Feed, late: list[casework.Held], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    rows = []
    for number, own in enumerate(casework.by_town(late)[:ROWS], start=1):
        over = wording.rough_span(board.now - (own[0].case.due or 0), lang)
        kinds = [words.of(lang) for one in own if (words := casework.kind_words(feed, one.case))]
        rows.append(
            {
                "number": number,
                "title": town_name(board, own[0].town, lang),
                "sub": casework.most_of(kinds, lang),
                "stage": f"{len(own)} 件" if zh else str(len(own)),
                "over": f"最久超 {over}" if zh else f"up to {over} over",
            }
        )
    return {
        "heading": "各镇（街道）逾期" if zh else "Overdue by town",
        "lead": "逾期" if zh else "overdue",
        "whole": f"{len(late)} 件" if zh else str(len(late)),
        "rows": rows,
        "empty": "没有逾期纠纷" if zh else "None overdue",
    }


VIEW = View("wall_disputes", build, needs=Permission.WALL)
