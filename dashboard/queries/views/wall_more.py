"""The wall's scene 其他工作 (``wall_more``): the feeds that have no scene of their own, a few figures each.

Made from declarations alone (``Feed.headline``): a feed appears here once a record of it has come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.feed import Feed
from dashboard.domain.figure import Freshness
from dashboard.queries import wording
from dashboard.queries.attention import attention
from dashboard.queries.explain import value_text
from dashboard.queries.status import Status, status_of
from dashboard.queries.view import View
from dashboard.queries.views.wall import _map, _mapped, narrowed

if TYPE_CHECKING:
    from dashboard.queries.board import Board

CARDS = 8
FIGURES = 3
FEW = 4
"""Up to so many cards have room for twice as many figures."""
URGENT = (Status.ALERT, Status.WATCH)


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """The map of the overview, and a card a feed: those with something to watch first, at most eight."""
    board, zh = narrowed(board, scope), lang != "en"
    feeds = others(board)
    if not feeds:
        return {"missing": True}
    cards = [card(board, feed, lang, FIGURES if len(feeds) > FEW else 2 * FIGURES) for feed in feeds]
    cards.sort(key=lambda one: not one["watch"])
    kpi = _mapped(board)
    rest = len(cards) - CARDS
    return {
        "missing": False,
        "map": _map(board, kpi, attention(board), lang) if kpi else None,
        "feeds": {
            "heading": "其他工作" if zh else "Further work",
            "lead": f"{len(cards)} 项" if zh else f"{len(cards)} feeds",
            "cards": cards[:CARDS],
            "rest": (f"另有 {rest} 项" if zh else f"{rest} more") if rest > 0 else "",
        },
        "old": "",
        "note": "需要关注的排在前面" if zh else "those to be watched come first",
    }


def others(board: Board) -> list[Feed]:
    """The feeds that have no page and scene of their own."""
    return [feed for feed in board.feeds if not feed.core]


def card(board: Board, feed: Feed, lang: str, most: int) -> dict[str, Any]:
    """A feed's few figures: those it puts first, then others in their order while there is room."""
    figures = []
    for key in list(dict.fromkeys((*feed.headlines, *(kpi.key for kpi in feed.kpis))))[:most]:
        kpi = feed.kpi(key)
        if kpi is None:
            continue
        figure = board.figure(key, feed=feed.name)
        value, unit = value_text(figure, kpi, lang)
        status = status_of(figure, kpi)
        figures.append(
            {
                "kpi": key, "town": figure.town, "raw": figure.value, "freshness": str(figure.freshness),
                "label": kpi.words.of(lang), "value": value, "unit": unit, "status": str(status),
            }
        )  # fmt: skip
    freshness, received = board.freshness(feed.name)
    old = freshness in (Freshness.STALE, Freshness.SILENT)
    return {
        "feed": feed.name,
        "name": feed.words.of(lang),
        "icon": feed.icon,
        # A moment, not an age: it stays true while nothing comes.
        "until": wording.moment(received, board.day, board.zone, lang) if received is not None else "",
        "old": old,
        "watch": any(one["status"] in URGENT for one in figures),
        "figures": figures,
    }


VIEW = View("wall_more", build, needs=Permission.WALL)
