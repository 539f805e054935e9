"""What a live view is: a name and a function from one board to the numbers a page draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from dashboard.queries.board import Board


class View(msgspec.Struct, frozen=True):
    """``build(board, scope, lang)`` returns a JSON-able document; ``scope`` is a town code or ``all``.

    ``clock_only`` views are rebuilt on the hub's beat even when no record came (the system page's lags).
    """

    name: str
    build: Callable[[Board, str, str], dict[str, Any]]
    clock_only: bool = False
