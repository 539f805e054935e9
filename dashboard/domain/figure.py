"""A figure: a value with its parts, qualifier, as-of time and freshness. Two places can never disagree about one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from dashboard.errors import Overlapping


class Qualifier(StrEnum):
    """How sure a quantity is (EXACTNESS 21): 余/多 is at least, 近 is nearly."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    NEARLY = "nearly"
    ABOUT = "about"

    def plus(self, other: Qualifier) -> Qualifier:
        """The qualifier of a sum of two quantities."""
        if self == other or other == Qualifier.EXACT:
            return self
        if self == Qualifier.EXACT:
            return other
        return Qualifier.ABOUT


class Quantity(msgspec.Struct, frozen=True, array_like=True):
    """A whole number as somebody stated it: 3,000余 is 3,000 and at least."""

    number: int
    qualifier: Qualifier = Qualifier.EXACT

    def plus(self, other: Quantity) -> Quantity:
        """The sum, as sure as its parts allow."""
        return Quantity(self.number + other.number, self.qualifier.plus(other.qualifier))

    @staticmethod
    def total(quantities: Iterable[Quantity]) -> Quantity:
        """The sum of any number of quantities."""
        found = Quantity(0)
        for quantity in quantities:
            found = found.plus(quantity)
        return found

    def as_said(self) -> str:
        """As a record says it: ``3000余``, ``近1000``, ``约20``."""
        before = {Qualifier.NEARLY: "近", Qualifier.ABOUT: "约"}.get(self.qualifier, "")
        return f"{before}{self.number}{'余' if self.qualifier == Qualifier.AT_LEAST else ''}"

    @staticmethod
    def of(stored: Any) -> Quantity:
        """A quantity as an event's field holds it: a whole number, or (number, qualifier)."""
        if isinstance(stored, int):
            return Quantity(stored)
        return Quantity(stored[0], Qualifier(stored[1]))


SMALL_CELL = 3
"""From so many people on a cell of a breakdown tells its number (EXACTNESS 20)."""
FEW = "few"
"""Stands in ``detail`` for a number of people that is not told: some, and fewer than ``SMALL_CELL``."""


def few(number: float | None) -> bool:
    """Whether so many people are too few to be told in a breakdown; nobody is not."""
    return number is not None and 0 < number < SMALL_CELL


class Freshness(StrEnum):
    """How old the last record behind a figure is; ``silent`` means that nothing has ever come."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"
    SILENT = "silent"


class Parts(msgspec.Struct, frozen=True):
    """What a figure is made of. A ratio carries integers; ``value`` is derived, never stored apart from its parts.

    ``detail`` holds the numbers that stand beside the figure in its help (open, unobservable, interval, breakdown).
    """

    numerator: int | float | None = None
    denominator: int | None = None
    value: float | int | None = None
    detail: dict[str, Any] = {}
    qualifier: Qualifier = Qualifier.EXACT

    @staticmethod
    def quantity(stated: Quantity, **detail: Any) -> Parts:
        """A quantity as sure as it was stated."""
        return Parts(stated.number, None, stated.number, detail, stated.qualifier)

    @staticmethod
    def count(number: int | float | None, **detail: Any) -> Parts:
        """A plain quantity; ``None`` when nobody reported."""
        return Parts(numerator=number, value=number, detail=detail)

    @staticmethod
    def ratio(numerator: int, denominator: int, **detail: Any) -> Parts:
        """A ratio 0…1; with a denominator of 0 the value is missing, never 0 and never 1."""
        value = numerator / denominator if denominator else None
        return Parts(numerator=numerator, denominator=denominator, value=value, detail=detail)


class Figure(msgspec.Struct, frozen=True):
    """One KPI of one town (or ``all``) at one moment. ``as_of`` is ms since 1970 UTC; a ratio's value is 0…1."""

    kpi: str
    feed: str
    town: str
    value: float | int | None
    numerator: float | int | None
    denominator: int | None
    unit: str
    qualifier: Qualifier
    as_of: int
    freshness: Freshness
    dims: dict[str, str] = {}
    detail: dict[str, Any] = {}
    apart: tuple[str, ...] = ()
    """Figures that this one is never divided by nor divides (``Kpi.apart``)."""
    suppressed: bool = False
    """A cell of a breakdown with fewer than ``SMALL_CELL`` people: there are some, how many is not told."""

    def told(self) -> Figure:
        """A cell that counts people as it may be told: without any number that would say how few they are."""
        if not few(self.numerator if self.numerator is not None else self.value):
            return self
        return msgspec.structs.replace(self.made_of(Parts()), suppressed=True)

    def share_of(self, other: Figure) -> Parts:
        """This figure ÷ another one: the only place where two figures are divided.

        Raises:
            Overlapping: they are declared apart, since their people overlap.
        """
        if other.kpi in self.apart or self.kpi in other.apart:
            raise Overlapping(
                f"{self.kpi} 和 {other.kpi} 的人有重叠，互不包含，不能相除"
                f" · {self.kpi} and {other.kpi} overlap and neither contains the other: they are never divided."
            )
        if self.value is None or other.value is None:
            return Parts.ratio(0, 0)
        return Parts.ratio(int(self.value), int(other.value))

    def made_of(self, parts: Parts) -> Figure:
        """The same figure made of other parts."""
        return msgspec.structs.replace(
            self,
            value=parts.value,
            numerator=parts.numerator,
            denominator=parts.denominator,
            qualifier=parts.qualifier,
            detail=parts.detail,
        )


def wilson(successes: int, trials: int, z: float = 1.959963984540054) -> tuple[float, float] | None:
    """Wilson score interval of a proportion, 95 % by default; ``None`` without trials.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if trials == 0:
        return None
    share = successes / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    middle = share + z * z / (2 * trials)
    scale = 1 + z * z / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
