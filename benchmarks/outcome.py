"""What a benchmark tells: a value, its goal and the baseline that was measured in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

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
            "at_most": self.at_most,
            "note": self.note,
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
    stored: tuple[int, int, int]
    """Records in the small, the middle and the large database."""
    day_records: int
    """Records of one day there."""
    sockets: int
    """Sockets that watch one view."""
    moments: int
    """How often that view changes while it is measured, once a second."""
    memory: int
    """Records over which a worker's memory is watched."""
    keep: Path | None = None
    """Where the databases are kept for the next run; ``None``: nowhere."""


QUICK = Size(2, 60, 2_000, 40_000, 200, 20, (40_000, 120_000, 200_000), 20_000, 200, 5, 200_000)
FULL = Size(3, 200, 6_000, 150_000, 2_000, 60, (1_000_000, 10_000_000, 20_000_000), 200_000, 1_000, 20, 10_000_000)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: always a value that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def middle(values: Sequence[float]) -> float:
    """The median of some rounds."""
    return statistics.median(values)
