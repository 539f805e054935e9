"""What a benchmark tells: a value, its goal and the baseline that was measured in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """One line of the table. ``goal`` is a least value, or a most one when ``at_most``."""

    name: str
    value: float | None
    unit: str
    goal: float | None = None
    baseline: float | None = None
    at_most: bool = False
    note: str = ""
    """Why there is no value, or what the baseline is."""

    @property
    def ratio(self) -> float | None:
        """Value by baseline."""
        if self.value is None or not self.baseline:
            return None
        return self.value / self.baseline

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; ``None`` when there is no goal or no value."""
        if self.goal is None or self.value is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def document(self) -> dict[str, object]:
        """The line of the JSON file."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": self.goal,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "met": self.met,
        }


class Size(msgspec.Struct, frozen=True):
    """How much a run measures."""

    rounds: int
    batches: int
    """NDJSON batches of 500 records in one gateway round."""
    singles: int
    events: int
    """Events in one round of worker and whole path."""
    load: int
    """Background events a second while latency is measured."""
    probes: int


QUICK = Size(rounds=2, batches=60, singles=2_000, events=40_000, load=200, probes=20)
FULL = Size(rounds=3, batches=200, singles=6_000, events=150_000, load=2_000, probes=60)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: always a value that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def middle(values: Sequence[float]) -> float:
    """The median of some rounds."""
    return statistics.median(values)
