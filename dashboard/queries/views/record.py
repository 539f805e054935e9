"""The view ``record``: which feeds of a town have reported today. A page that enters records looks again when it moves.

Numbers of records are not in it: they are read from the truth, by those who may see single records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.queries.view import View
from dashboard.queries.views.shell import feed_badge

if TYPE_CHECKING:
    from dashboard.queries.board import Board


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Feed badges of a town (or of ``all`` towns) with whether each has reported on the region's own day."""
    feeds = []
    for feed in board.feeds:
        yes, no = board.reported(feed.name)
        feeds.append({**feed_badge(board, feed, lang, scope), "reported": scope in yes if scope != "all" else not no})
    return {"day": board.day, "zone": board.zone, "feeds": feeds}


VIEW = View("record", build, needs=Permission.FIGURES)
