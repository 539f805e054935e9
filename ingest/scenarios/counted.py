"""Streams of a scenario that add up to a stated total: counts, cases that run through stages, rosters.

The whole stream is laid out once, from its own seed, and handed out day by day. Totals are exact by construction of the
records, never by a stored answer: whoever drops a record changes the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dashboard.domain.day import HOUR, MINUTE, day_end, day_start, iso
from ingest.scenarios.base import Draft, Record, Stream, delays, generator, repeated

Make = Callable[[int, np.random.Generator], Record]
"""(number, generator) -> town and the feed's own fields."""

REPEATED = 0.01


def split(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to weights that add up to ``total`` exactly (largest remainders)."""
    shares = np.array(weights, dtype=float)
    shares = shares / shares.sum() * total
    whole = np.floor(shares).astype(int)
    for index in np.argsort(whole - shares, kind="stable")[: total - int(whole.sum())]:
        whole[index] += 1
    found: list[int] = whole.tolist()
    return found


def rising(count: int) -> list[float]:
    """Weights of a campaign: it starts slowly, is busiest past its middle and thins out."""
    return [0.3 + float(np.sin(np.pi * ((day + 0.6) / (count + 0.4)) ** 1.3)) for day in range(count)]


def level(count: int) -> list[float]:
    """Weights of something that goes on evenly, a little less on every seventh day."""
    return [0.7 if day % 7 == 5 else 1.0 for day in range(count)]


class Prepared(Stream):
    """A stream that is laid out as a whole."""

    def __init__(self, feed: str, name: str, source: str) -> None:
        self.feed, self.name, self.source = feed, name, source
        self._days: dict[int, list[Draft]] | None = None

    def laid_out(self) -> list[Draft]:
        """Every record of the stream, in any order."""
        raise NotImplementedError

    def day(self, day: int) -> list[Draft]:
        """The records whose event time lies in a local day."""
        if self._days is None:
            random = generator(self.source, self.name, "repeated")
            found: dict[int, list[Draft]] = {}
            drafts = self.laid_out()
            for draft in [*drafts, *repeated(drafts, random, REPEATED)]:
                found.setdefault(int(draft.record["at"][:10].replace("-", "")), []).append(draft)
            self._days = found
        return self._days.get(day, [])

    def expected(self, day: int) -> int:
        """How many records a day has."""
        return len(self.day(day))

    def draft(self, key: str, at: int, fields: Mapping[str, Any], delay: int) -> Draft:
        """A record of this stream; ``key`` is unique within it."""
        record = {"id": f"{self.name}-{key}", "at": iso(at), **fields}
        return Draft(at + delay, record)


class Counted(Prepared):
    """``records`` records over some days, together standing for ``total`` of ``amount_field``.

    ``stated`` writes an amount the way the report does (余, 近) where a record's own number is not exact.
    """

    def __init__(
        self,
        feed: str,
        name: str,
        source: str,
        days: Sequence[int],
        records: int,
        make: Make,
        *,
        total: int | None = None,
        amount_field: str = "count",
        weights: Callable[[int], list[float]] = rising,
        hours: tuple[int, int] = (8, 18),
    ) -> None:
        super().__init__(feed, name, source)
        self.days, self.records, self.make = days, records, make
        self.total, self.amount_field, self.weights, self.hours = total, amount_field, weights, hours

    def laid_out(self) -> list[Draft]:
        random = generator(self.source, self.name)
        amounts = None
        if self.total is not None:
            amounts = split(self.total - self.records, random.uniform(0.5, 1.5, self.records).tolist())
        waits = delays(random, self.records)
        drafts = []
        number = 0
        for day, quota in zip(self.days, split(self.records, self.weights(len(self.days))), strict=True):
            opens, closes = (day_start(day) + hour * HOUR for hour in self.hours)
            for at in sorted(random.integers(opens // 1000, closes // 1000, quota).tolist()):
                fields = self.make(number, random)
                if amounts is not None:
                    fields = fields | {self.amount_field: amounts[number] + 1}
                drafts.append(self.draft(f"{number:05d}", at * 1000, fields, waits[number]))
                number += 1
        return drafts


class Stage(NamedTuple):
    """One stage that a case comes to: after so many hours (least, most) with what its record says."""

    stage: str
    after: tuple[float, float] = (0.0, 0.0)
    fields: Mapping[str, Any] = {}


Steps = Callable[[int, np.random.Generator], Sequence[Stage]]


class Cases(Prepared):
    """``count`` cases that open over some days and run through their stages, all by the end of ``until``."""

    def __init__(
        self,
        feed: str,
        name: str,
        source: str,
        days: Sequence[int],
        count: int,
        make: Make,
        steps: Steps,
        *,
        until: int,
        weights: Callable[[int], list[float]] = rising,
        hours: tuple[float, float] = (8, 17),
    ) -> None:
        super().__init__(feed, name, source)
        self.days, self.count, self.make, self.steps = days, count, make, steps
        self.until, self.weights, self.hours = until, weights, hours

    def laid_out(self) -> list[Draft]:
        random = generator(self.source, self.name)
        last = day_end(self.until) - MINUTE
        drafts = []
        number = 0
        for day, quota in zip(self.days, split(self.count, self.weights(len(self.days))), strict=True):
            opens, closes = (day_start(day) + round(hour * HOUR) for hour in self.hours)
            for opened in sorted(random.integers(opens // 1000, closes // 1000, quota).tolist()):
                fields = self.make(number, random)
                at = opened * 1000
                steps = self.steps(number, random)
                for nth, (step, wait) in enumerate(zip(steps, delays(random, len(steps)), strict=True)):
                    at += round(random.uniform(*step.after) * HOUR)
                    # Whatever is left when the span ends is done within its last hour, in order.
                    at = min(at, last - (len(steps) - nth) * MINUTE)
                    said = {name: fields[name] for name in fields if nth == 0 or name in KEPT}
                    drafts.append(
                        self.draft(f"{number:05d}-{nth}", at, said | {"stage": step.stage} | dict(step.fields), wait)
                    )
                number += 1
        return drafts


KEPT = frozenset(
    {
        *("town", "enterprise", "case", "difficulty", "call", "person_ref", "house", "instruction", "vehicle", "claim"),
    }
)
"""What every record of a case repeats: whose case it is and where."""


class Listed(Prepared):
    """Items of a roster: each states its fields on some days; ``make`` gets the item's number and how far it has come.

    ``done`` of an item grows to its full value on the last day.
    """

    def __init__(
        self,
        feed: str,
        name: str,
        source: str,
        days: Sequence[int],
        items: Sequence[Record],
        *,
        growing: Sequence[str] = (),
        reports: int = 4,
        hour: float = 17.0,
    ) -> None:
        super().__init__(feed, name, source)
        self.days, self.items, self.growing, self.reports, self.hour = days, items, growing, reports, hour

    def laid_out(self) -> list[Draft]:
        random = generator(self.source, self.name)
        drafts = []
        for number, item in enumerate(self.items):
            count = min(self.reports, len(self.days)) if self.growing else 1
            # The last report is on the last day; without anything that grows there is one, on the first.
            at_days = [self.days[(nth + 1) * len(self.days) // count - 1] for nth in range(count)]
            if not self.growing:
                at_days = [self.days[0]]
            for nth, (day, wait) in enumerate(zip(at_days, delays(random, len(at_days)), strict=True)):
                at = day_start(day) + round((self.hour + float(random.uniform(-1, 1))) * HOUR)
                share = (nth + 1) / len(at_days)
                said = item | {field: int(item[field] * share) for field in self.growing if field in item}
                drafts.append(self.draft(f"{number:04d}-{nth}", at, said, wait))
        return drafts


def spread(total: int, keys: Sequence[str], random: np.random.Generator) -> list[int]:
    """A total shared among keys, unevenly and exactly."""
    return split(total, random.uniform(0.6, 1.4, len(keys)).tolist())


__all__ = ["Cases", "Counted", "Listed", "Prepared", "Stage", "level", "rising", "split", "spread"]
