"""The wall's scene 复工复产 (``wall_work``): where work has resumed, and where the others stand and wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.day import day_start
from dashboard.domain.feed import Feed, Kpi
from dashboard.domain.figure import Freshness
from dashboard.feeds import KPIS
from dashboard.queries import casework, wording
from dashboard.queries.status import status_of
from dashboard.queries.view import View
from dashboard.queries.views.wall import data_until, map_head, map_town, narrowed, town_name, unreported

if TYPE_CHECKING:
    from dashboard.queries.board import Board

ROWS = 4
RATE = "resumption_rate"


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Map by rate, towns with what is new and what is stuck, stages, reviewers, seven days, the longest stuck."""
    board = narrowed(board, scope)
    feed = casework.staged_feed(board)
    if feed is None or RATE not in KPIS:
        return {"missing": True}
    kpi = KPIS[RATE][1]
    zh = lang != "en"
    found = casework.stuck(board, feed)
    freshness, received = board.freshness(feed.name)
    return {
        "missing": False,
        "map": {
            **map_head(kpi, lang),
            "towns": [map_town(board, feed, kpi, town, lang) for town in board.towns],
            "pins": casework.pins(board, found, ROWS),
            "legend": _legend(board, feed, len(found), lang),
            "approximate": ("边界为示意" if zh else "Boundaries are approximate") if board.pack.approximate else "",
        },
        "towns": _towns(board, feed, kpi, lang),
        "stages": _stages(board, feed, lang),
        "days": _days(board, feed, kpi, lang),
        "stuck": _stuck(board, feed, found, lang),
        "old": data_until(board, received, lang) if freshness in (Freshness.STALE, Freshness.SILENT) else "",
        "note": _note(feed, lang),
    }


def _legend(board: Board, feed: Feed, count: int, lang: str) -> list[dict[str, str]]:
    if not count:
        return []
    unit = feed.kpis[0].measure.zh
    zh = lang != "en"
    return [
        {"glyph": "lapsed", "name": "超时限" if zh else "Over limit", "text": f"{count} {unit}" if zh else str(count)}
    ]


def _resumed_today(board: Board, feed: Feed, town: str = "all") -> int:
    stage = casework.spec_of(feed).owes_visits
    start = day_start(board.day, board.zone)
    return sum(1 for one in casework.held(board, feed, town) if one.case.stage == stage and one.case.since >= start)


def _towns(board: Board, feed: Feed, kpi: Kpi, lang: str) -> dict[str, Any]:
    """Towns by rate, the lowest last; beside it what resumed today and what is stuck."""
    zh = lang != "en"
    missing = unreported(board, feed, kpi)
    figures = {town: board.figure(kpi.key, town, feed.name) for town in board.towns}
    known = [town for town in board.towns if town not in missing and figures[town].value is not None]
    known.sort(key=lambda town: (-(figures[town].value or 0), -(figures[town].denominator or 0), town))
    whole = board.figure(kpi.key, feed=feed.name)
    rows = []
    for number, town in enumerate([*known, *(town for town in board.towns if town not in known)], start=1):
        figure, reported = figures[town], town in known
        late = len(casework.stuck(board, feed, town))
        rows.append(
            {
                "kpi": kpi.key,
                "town": town,
                "rank": str(number) if reported else "",
                "name": town_name(board, town, lang),
                "raw": figure.value if reported else None,
                "share": figure.value if reported else None,
                "text": wording.decimal((figure.value or 0) * 100, kpi.decimals) if reported else wording.MISSING,
                "status": str(status_of(figure, kpi)),
                "freshness": str(figure.freshness),
                "new": wording.signed(_resumed_today(board, feed, town), 0) if reported else "",
                "stuck": late if reported else 0,
                "reported": reported,
                "missing": "" if reported else wording.not_reported(lang),
            }
        )
    return {
        "heading": f"各镇（街道）{kpi.words.zh}" if zh else "By town",
        "lead": "今日新复工" if zh else "resumed today",
        "parts": f"{_resumed_today(board, feed)} {kpi.measure.zh}" if zh else str(_resumed_today(board, feed)),
        "heads": ["镇（街道）", "%", "今日", "超时限"] if zh else ["Town", "%", "today", "stuck"],
        "target": kpi.target,
        "whole": whole.value,
        "rows": rows,
        "empty": "暂无镇（街道）数据" if zh else "No town data yet",
    }


def _stages(board: Board, feed: Feed, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    rows = casework.stages(board, feed, lang)
    ended = {stage.code: stage for stage in casework.spec_of(feed).stages if stage.ends}
    counts = dict.fromkeys(ended, 0)
    for one in casework.held(board, feed):
        if one.case.stage in counts:
            counts[one.case.stage] += 1
    return {
        "heading": "各环节企业" if zh else "By stage",
        "ends": [
            {"name": stage.words.of(lang), "text": wording.count(counts[code], lang)} for code, stage in ended.items()
        ],
        "heads": ["环节", "家", "停留中位", "超时限"] if zh else ["Stage", "", "median", "stuck"],
        "rows": rows,
        "reviews": casework.reviews(board, feed, lang),
        "review_heading": "三方并审" if zh else "Reviewers",
        "words": {
            "pending": "待审" if zh else "pending",
            "returned": "退回" if zh else "returned",
            "none": "没有在审企业" if zh else "None under review",
        },
        "label": "，".join(f"{row['name']} {row['count']}" for row in rows),
    }


def _days(board: Board, feed: Feed, kpi: Kpi, lang: str) -> dict[str, Any]:
    """The rate at the end of each of six days and now."""
    zh = lang != "en"
    past = board.days(kpi.key, n=6, feed=feed.name)
    now = board.figure(kpi.key, feed=feed.name)
    points = [(day, figure.value) for day, figure in past] + [(board.day, now.value)]
    gained = None
    known = [value for _, value in points if value is not None]
    if len(known) > 1:
        gained = wording.shown(known[-1], kpi) - wording.shown(known[0], kpi)
    return {
        "heading": "近 7 日" if zh else "Last 7 days",
        "lead": ("共提高" if zh else "gained") if gained is not None and gained >= 0 else "",
        "gained": f"{gained} {'个百分点' if zh else 'pp'}" if gained is not None and gained >= 0 else "",
        "target": kpi.target,
        "target_text": f"目标 {wording.percent(kpi.target, 0)}"
        if zh and kpi.target
        else f"target {wording.percent(kpi.target, 0)}"
        if kpi.target
        else "",
        "points": [
            {
                "name": ("今日" if zh else "Today") if day == board.day else f"{day % 100}日" if zh else str(day % 100),
                "value": None if value is None else round(value, 5),
                "text": "" if value is None else wording.decimal(value * 100, kpi.decimals),
            }
            for day, value in points
        ],
        "label": kpi.words.of(lang),
        "empty": "" if known else "今日暂无记录" if zh else "No records today",
    }


def _stuck(board: Board, feed: Feed, found: list[casework.Held], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    rows = []
    unit = feed.kpis[0].measure.zh
    for number, own in enumerate(casework.by_town(found)[:ROWS], start=1):
        over = wording.rough_span(board.now - (own[0].case.limit or 0), lang)
        rows.append(
            {
                "number": number,
                "title": town_name(board, own[0].town, lang),
                "sub": casework.most_of((casework.stage_words(feed, one.case).of(lang) for one in own), lang),
                "stage": f"{len(own)} {unit}" if zh else str(len(own)),
                "over": f"最久超 {over}" if zh else f"up to {over} over",
            }
        )
    return {
        "heading": "各镇（街道）超时限" if zh else "Over limit by town",
        "lead": "超时限" if zh else "over limit",
        "whole": f"{len(found)} {unit}" if zh else str(len(found)),
        "rows": rows,
        "empty": "没有超时限的企业" if zh else "None over its limit",
    }


def _note(feed: Feed, lang: str) -> str:
    hours = {stage.sla_hours for stage in casework.spec_of(feed).stages if stage.sla_hours}
    if lang == "en":
        said = "limit of a stage as the rules set it" if len(hours) != 1 else f"limit of a stage {hours.pop():g} h"
        return f"rate = resumed ÷ registered, suspended included · {said}"
    said = "时限按规则" if len(hours) != 1 else f"每个环节时限 {hours.pop():g} 小时"
    return f"复工率 = 已复工 ÷ 登记（含停工）·{said}"


VIEW = View("wall_work", build, needs=Permission.WALL)
