"""The view ``shell``: what the frame around every page shows of the world: feeds and when each was last heard of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Open
from dashboard.domain.feed import Feed
from dashboard.domain.figure import Freshness
from dashboard.queries.alerting import groups
from dashboard.queries.alerting.life import State
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

_WORD = {
    Freshness.FRESH: ("正常", "fresh"),
    Freshness.LATE: ("偏晚", "late"),
    Freshness.STALE: ("滞后", "stale"),
    Freshness.SILENT: ("无数据", "silent"),
}


def feed_badge(board: Board, feed: Feed, lang: str, scope: str = "all") -> dict[str, Any]:
    """One feed's badge; the page ages it from ``received`` (ms) by the limits (ms), so a dead server still turns it."""
    freshness, received = board.freshness(feed.name, scope)
    zh, en = _WORD[freshness]
    return {
        "feed": feed.name,
        "icon": feed.icon,
        "colour": feed.colour,
        "name": feed.short.of(lang),
        "title": feed.words.of(lang),
        "freshness": str(freshness),
        "word": en if lang == "en" else zh,
        "received": received,
        "late": feed.limits.late,
        "stale": feed.limits.stale,
        "silent": feed.limits.silent,
    }


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Region, world and feed badges in declaration order; ``scope`` a town code narrows the badges to that town."""
    return {
        "region": board.pack.name_en if lang == "en" else board.pack.name,
        "zone": board.zone,
        "day": board.day,
        "world": board.world,
        "speed": board.speed,
        "jumping": board.jumping,
        "feeds": [feed_badge(board, feed, lang, scope) for feed in board.feeds if feed.core],
        "alerts": _alerts(board),
    }


def _alerts(board: Board) -> dict[str, int] | None:
    """Alerts that are not over and those of them that nobody has taken; ``None`` where there are none to ask."""
    found = groups.current(board)
    if found is None:
        return None
    active = [one for one in found if one.active]
    free = [one for one in active if one.state == State.OPEN]
    return {"open": len(active), "free": len(free), "urgent": sum(1 for one in free if one.severity == "alert")}


VIEW = View("shell", build, needs=Open.SIGNED)
