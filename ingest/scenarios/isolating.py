"""People in isolation: begun, looked in on twice a day, helped with errands, extended, let go when the clock runs out.

How often, when and for whom is invented and says so; how many people there are is the report's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from dashboard.domain.day import HOUR, MINUTE, day_end, day_of, day_start, days_between, iso
from ingest.scenarios.base import Draft, Record, delays, generator
from ingest.scenarios.counted import Cases, Stage

DAYS = 14
ROUNDS = (9.0, 16.0)
"""About when a steward looks in, local hours."""
MISSED = 0.012


class Isolating(Cases):
    """Everybody who is isolated over some days, with the checks of every day."""

    def __init__(
        self,
        name: str,
        source: str,
        days: Sequence[int],
        count: int,
        make: Callable[[int, np.random.Generator], Record],
        *,
        until: int,
    ) -> None:
        super().__init__(
            "isolation", name, source, days, count, make, lambda number, random: [Stage("started")], until=until
        )

    def laid_out(self) -> list[Draft]:
        """The first records, and what follows from each."""
        random = generator(self.source, self.name, "after")
        found: list[Draft] = []
        for number, first in enumerate(super().laid_out()):
            found += [first, *self._after(number, first, random)]
        return found

    def _after(self, number: int, first: Draft, random: np.random.Generator) -> list[Draft]:
        last = day_end(self.until) - MINUTE
        begun = round(datetime.fromisoformat(first.record["at"]).timestamp()) * 1000
        said = {"town": first.record["town"], "case": first.record["case"]}
        drafts: list[Draft] = []

        def tell(key: str, at: int, **fields: object) -> None:
            wait = delays(random, 1)[0]
            at = at // 1000 * 1000
            drafts.append(Draft(at + wait, {"id": f"{self.name}-{number:05d}-{key}", "at": iso(at), **said, **fields}))

        ends = begun + DAYS * 24 * HOUR
        left = None
        if number % 71 == 5:
            # Somebody at home has fallen ill meanwhile: the clock begins anew.
            again = begun + round(float(random.uniform(60, 90)) * HOUR)
            tell("again", again, stage="started", clock="restart") if again < last else None
            ends = again + DAYS * 24 * HOUR
        elif number % 67 == 9:
            longer = begun + round(float(random.uniform(200, 300)) * HOUR)
            if longer < last:
                tell("longer", longer, stage="started", extend_days=7)
                ends += 7 * 24 * HOUR
        elif number % 149 == 20:
            left = begun + round(float(random.uniform(100, 200)) * HOUR)
        over = left if left is not None else ends + round(float(random.uniform(0.2, 2.5)) * HOUR)
        if over < last:
            tell("over", over, stage="left_early" if left is not None else "released")
        for day in days_between(day_of(begun), self.until):
            for nth, hour in enumerate(ROUNDS):
                at = day_start(day) + round((hour + float(random.uniform(-1.4, 1.8))) * HOUR)
                if begun + HOUR < at < min(over, last) and random.random() >= MISSED:
                    seen = "unwell" if random.random() < 0.004 else "normal"
                    errand = (
                        {"errand": ("food", "supplies", "papers", "care")[number % 4]} if (day + nth) % 9 == 0 else {}
                    )
                    tell(f"{day}-{nth}", at, stage="started", check=seen, **errand)
        return drafts


__all__ = ["Isolating"]
