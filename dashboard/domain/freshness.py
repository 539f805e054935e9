"""How old is too old, per feed. A dimmed true number beats a fresh-looking false one."""

from __future__ import annotations

import msgspec

from dashboard.domain.day import HOUR
from dashboard.domain.figure import Freshness


class FreshnessLimits(msgspec.Struct, frozen=True):
    """Ages in ms since the last accepted record: from ``late`` a feed is late, from ``stale`` it is stale."""

    expected: int
    late: int
    stale: int
    silent: int = 24 * HOUR
    """From this age on, or when nothing has ever come, the feed is silent."""

    def judge(self, last_received: int | None, now: int) -> Freshness:
        """The freshness of something last heard of at ``last_received``."""
        if last_received is None or now - last_received >= self.silent:
            return Freshness.SILENT
        age = now - last_received
        if age >= self.stale:
            return Freshness.STALE
        return Freshness.LATE if age >= self.late else Freshness.FRESH


DAILY = FreshnessLimits(expected=24 * HOUR, late=26 * HOUR, stale=48 * HOUR, silent=96 * HOUR)
"""Of a feed that is reported once a day."""
