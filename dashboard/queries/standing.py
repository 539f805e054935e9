"""How far people are with the items of a town: what the feed ``action`` says, for pages, alerts and the phone.

Pure over a board. It never says that a thing is done: the feeds' own records do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from dashboard.domain.summary import ActionSummary, Standing

if TYPE_CHECKING:
    from dashboard.queries.board import Board

FEED = "action"
_NOTHING: Mapping[str, Standing] = MappingProxyType({})


def standing(board: Board, town: str) -> Mapping[str, Standing]:
    """Item -> how it stands, of one town that the board's viewer sees; items nobody touched are absent."""
    found = board.summaries(FEED).get(town)
    return {one.item: one for one in found.items} if isinstance(found, ActionSummary) else _NOTHING


__all__ = ["FEED", "standing"]
