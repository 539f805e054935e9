"""The states that a worker has at hand, so that it need not read and decode them for every batch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from dashboard.archetypes import State

SubjectDay = tuple[str, int, str]
"""(feed, local day or ``LIFE``, subject): whose state it is."""

MOST_BYTES = 3 * 2**20
"""Encoded bytes of the states at hand; decoded they take some six times as much. A county's day of 200,000 records
takes 0.7 million."""


class Held(OrderedDict[SubjectDay, State]):
    """States of subjects' days, the last written ones last. Days go by: what is written no more goes first."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        super().__init__()
        self.most = most
        self._weights: dict[SubjectDay, int] = {}
        self._weight = 0

    def written(self, encoded: Mapping[SubjectDay, bytes]) -> None:
        """These states, all of them held, were written: let go of others while all weigh more than they may."""
        for subject_day, data in encoded.items():
            self.move_to_end(subject_day)
            self.weigh(subject_day, len(data))
        while self._weight > self.most and len(self) > len(encoded):
            self.forget(next(iter(self)))

    def weigh(self, subject_day: SubjectDay, size: int) -> None:
        """A state that is held takes so many bytes when encoded."""
        self._weight += size - self._weights.get(subject_day, 0)
        self._weights[subject_day] = size

    def forget(self, subject_day: SubjectDay) -> None:
        """Hold a state no longer, if it is held."""
        self.pop(subject_day, None)
        self._weight -= self._weights.pop(subject_day, 0)

    def clear(self) -> None:
        """Hold none."""
        super().clear()
        self._weights.clear()
        self._weight = 0


__all__ = ["MOST_BYTES", "Held", "SubjectDay"]
