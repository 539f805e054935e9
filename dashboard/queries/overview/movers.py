"""变动最大: which figures of which towns moved furthest since yesterday, measured by how far they move as a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from dashboard.domain.figure import Figure, Freshness
from dashboard.feeds import KPIS
from dashboard.queries import wording
from dashboard.queries.figures import ALL

if TYPE_CHECKING:
    from dashboard.queries.overview.picture import Picture

SPREAD_DAYS = 14
FEWEST = 3
"""Changes from one day to the next that a spread needs; with fewer nothing is said to be usual."""
OLD = (Freshness.STALE, Freshness.SILENT)


@dataclass(frozen=True)
class Mover:
    """One figure of one town: what it was at the same time of yesterday, what it is, and how unusual that is."""

    kpi: str
    town: str
    before: Figure
    now: Figure
    change: float
    spread: float

    @property
    def score(self) -> float:
        """Change ÷ spread, without its sign."""
        return abs(self.change) / self.spread


def spread_of(values: Sequence[float | None]) -> float | None:
    """The mean of the changes from one day's end to the next, without their signs; ``None`` with fewer than three."""
    changes = [abs(later - earlier) for earlier, later in pairwise(values) if earlier is not None and later is not None]
    return sum(changes) / len(changes) if len(changes) >= FEWEST else None


def movers(picture: Picture, kpis: Sequence[str], most: int) -> list[Mover]:
    """The figures that moved furthest, of the whole and of each town; none that did not move at all.

    What is old, or not known for yesterday or for the days before, is left out: nothing is known of its movement. A
    spread is never taken as smaller than the smallest change that a reader could see.
    """
    found = []
    for kpi in kpis:
        declared = KPIS[kpi][1]
        step = float(wording.rounded(10.0**-declared.decimals, declared.decimals)) / (
            100 if declared.unit == "ratio" else 1
        )
        for town in (ALL, *picture.towns) if len(picture.towns) > 1 else picture.towns:
            now, before = picture.figure(kpi, town), picture.before(kpi, town)
            if now.value is None or before.value is None:
                continue
            if wording.shown(now.value, declared) == wording.shown(before.value, declared):
                continue
            if picture.asked.when.live and now.freshness in OLD:
                continue
            spread = spread_of([figure.value for _, figure in picture.ends(kpi, town, SPREAD_DAYS)])
            if spread is not None:
                found.append(Mover(kpi, town, before, now, now.value - before.value, max(spread, step)))
    return sorted(found, key=lambda one: (-one.score, kpis.index(one.kpi), one.town))[:most]


__all__ = ["Mover", "movers", "spread_of"]
