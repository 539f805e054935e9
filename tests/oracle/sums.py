"""Sums of quantities as people state them: 3,000余 is at least, 近 is nearly, both together are about (EXACTNESS 21).

Also the rows of the further feeds, which say how sure they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Stated = tuple[int, str]
"""(number, exact | at_least | nearly | about)."""
Told = tuple[float | int | None, float | int | None, int | None, str]
"""(value, numerator, denominator, how sure)."""

NOBODY: Told = (None, None, None, "exact")


def stated(value: Any) -> Stated:
    """A quantity as a record's field holds it."""
    return (value, "exact") if isinstance(value, int) else (value[0], str(value[1]))


def total(quantities: Iterable[Stated]) -> Stated:
    """The sum: what is not exact makes it so, two different ways of being unsure make it about."""
    number, sures = 0, set()
    for one, sure in quantities:
        number += one
        sures.add(sure)
    sures.discard("exact")
    if not sures:
        return number, "exact"
    return number, sures.pop() if len(sures) == 1 else "about"


def quantity(sum_: Stated) -> Told:
    """A quantity as a figure."""
    return (sum_[0], sum_[0], None, sum_[1])


def count(number: int | None) -> Told:
    """How many; ``None``: there is nothing to count from."""
    return (number, number, None, "exact")


def ratio(part: int, whole: int) -> Told:
    """A share; missing when there is nothing to divide by."""
    return (part / whole if whole else None, part, whole, "exact")
