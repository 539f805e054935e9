"""What a replay plays and how far it has come, as the page ``/replay`` and the API show it.

The scenarios themselves are above the read side; whoever puts the parts together hands a :data:`Replaying` to
:class:`~dashboard.queries.past.Past`. Instants are ms since 1970 UTC, days are local (yyyymmdd).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from dashboard.domain.feed import Words

if TYPE_CHECKING:
    from dashboard.queries.board import Board


class Row(msgspec.Struct, frozen=True):
    """One figure of the report and what the replay has come to. ``met`` is whether it holds now."""

    number: int
    kpi: str
    town: str
    dims: Mapping[str, str]
    words: Words
    said: str
    """The report's own words, in English."""
    stated: int
    qualifier: str
    percent: bool
    computed: float | None
    met: bool


class Scenario(msgspec.Struct, frozen=True):
    """A scenario that can be played, in a world of its own."""

    name: str
    words: Words


class Replay(msgspec.Struct, frozen=True):
    """A replay at one moment. ``speed`` is what was chosen, whether or not it stands still now."""

    scenario: Scenario
    report: str
    first_day: int
    last_day: int
    start: int
    """Records before it were loaded at once; from it on they are played."""
    end: int
    """The end of the last day: the report's figures are of this moment."""
    speed: float
    paused: bool
    target: int | None
    """Where a jump leads, while one is made."""
    plays: bool
    """Whether a player is at work."""
    rows: tuple[Row, ...]
    """The rows that the viewer may see."""
    stated_feeds: frozenset[str]
    feeds: tuple[str, ...]


class Known(msgspec.Struct, frozen=True):
    """What there is to play, and what is being played; ``replay`` is ``None`` in a live world."""

    scenarios: tuple[Scenario, ...]
    replay: Replay | None = None


Replaying = Callable[["Board"], Known]


__all__ = ["Known", "Replay", "Replaying", "Row", "Scenario"]
