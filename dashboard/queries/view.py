"""What a live view is: a name and a function from one board to the numbers a page draws.

A view with ``filters`` is parametrised: the page's address reaches ``build`` as a checked :class:`Asked`, and the same
question is answered as tables for export (``tables``) and for one opened row (``detail``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dashboard.access.policy import Needs, Permission, allows, permits
from dashboard.domain.feed import Words
from dashboard.queries.asked import Asked, Filter, Moments, Params, ask

if TYPE_CHECKING:
    from dashboard.access.viewer import Viewer
    from dashboard.queries.board import Board
    from dashboard.queries.export import Table


class View(msgspec.Struct, frozen=True):
    """``build(board, scope, lang)`` returns a JSON-able document; ``scope`` is a town code or ``all``.

    With ``filters`` it is ``build(asked, scope)``, and ``asked.board`` is the board of the moment that is asked for.
    ``needs`` is what a viewer must be permitted; a view that declares nothing is refused to everybody.
    ``clock_only`` views are rebuilt on the hub's beat even when no record came (the system page's lags).
    """

    name: str
    build: Callable[..., dict[str, Any]]
    clock_only: bool = False
    filters: tuple[Filter, ...] | None = None
    more: tuple[str, ...] = ()
    """Further keys of the address that ``build`` reads from ``asked.more``."""
    detail: Callable[[Asked, str], dict[str, Any]] | None = None
    """What the drawer shows of the row that ``open`` names; asked for apart from the page."""
    tables: Callable[[Asked, str], Sequence[Table]] | None = None
    """What the page shows, as tables of real numbers."""
    title: Words = Words("", "")
    """The page's name in files."""
    open: bool = False
    """May be read with scope ``all`` by viewers of a few towns: it holds nothing but what their own board holds."""
    needs: Needs | None = None
    opens: Permission | None = None
    """What opening a row (``detail``) needs besides ``needs``, where a row is a single case."""
    cases: bool = False
    """It names single cases, to those who may see them only; see ``dashboard.queries.single``."""

    def lets(self, viewer: Viewer, scope: str, params: Params = (), own: bool = False) -> bool:
        """Whether a viewer may read it with this scope and query; ``own``: the hub knows it to be open, too."""
        if not permits(viewer, self.needs):
            return False
        if self.opens is not None and any(key == "open" for key, _ in params) and not allows(viewer, self.opens):
            return False
        return all(viewer.sees(code) for code in scope.split(",")) or (scope == "all" and (self.open or own))

    def ask(self, board: Board, lang: str, params: Params, moments: Moments | None = None) -> Asked:
        """Read a page's query for this view."""
        return ask(board, lang, params, self.filters or (), moments, self.more)

    def document(self, asked: Asked, scope: str) -> dict[str, Any]:
        """The page's document, or the opened row's."""
        if asked.open and self.detail is not None:
            return self.detail(asked, scope)
        return self.build(asked, scope)
