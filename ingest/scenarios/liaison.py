"""Officers who call on resumed enterprises, one visit a day from the day after (seed 000, EXACTNESS 16).

A stream of the feed ``patrol``: check-ins by QR code at the gate, without a position, by the units of the town.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping

from dashboard.domain.day import DEFAULT_ZONE, MINUTE, day_start
from dashboard.domain.place import RegionPack
from ingest.scenarios.base import CLOCK, Draft, Stream, day_prefix, generator, repeated, seed
from ingest.scenarios.enterprises import Enterprises

OPENS, USUAL, CLOSES = 8.2, 10.6, 19.5
"""Local hours between which officers call; most call in the late morning."""


class LiaisonVisits(Stream):
    """A check-in at every enterprise that owes a visit, but for those that nobody gets to.

    ``paid`` is the share of visits paid in a usual town, ``weak`` the share in the towns that lag.
    """

    name = "liaison"
    feed = "patrol"

    def __init__(
        self,
        pack: RegionPack,
        scenario: str,
        source: str,
        enterprises: Enterprises,
        *,
        night_units: Collection[str],
        weak: Mapping[str, float],
        paid: float = 0.965,
        zone: str = DEFAULT_ZONE,
    ) -> None:
        self.pack, self.scenario, self.source, self.zone = pack, scenario, source, zone
        self.enterprises, self.paid = enterprises, paid
        self.weak = {pack.town_by_code[name].code: share for name, share in weak.items() if name in pack.town_by_code}
        self.units = {
            town.code: [unit.code for unit in pack.units if unit.town == town.code and unit.code not in night_units]
            for town in pack.towns
        }

    def expected(self, day: int) -> int:
        """About how many records a day has."""
        return round(self.paid * len(self.enterprises.resumed(day_start(day, self.zone))))

    def day(self, day: int) -> list[Draft]:
        """All check-ins of one local day."""
        start = day_start(day, self.zone)
        draw = random.Random(seed(self.scenario, self.name, day))
        drafts = []
        for place in self.enterprises.resumed(start):
            luck, hour, late = draw.random(), draw.triangular(OPENS, CLOSES, USUAL), draw.random()
            units = self.units.get(place.town)
            if luck >= self.weak.get(place.town, self.paid) or not units:
                continue
            second = int(hour * 3600)
            # Where there is no network the phone sends later.
            delay = draw.randrange(3 * MINUTE, 40 * MINUTE) if late < 0.02 else draw.randrange(300, 4_000)
            record = {
                "id": f"visit-{day}-{place.code}",
                "source": self.source,
                "town": place.town,
                "at": f"{day_prefix(day)}{CLOCK[second]}+08:00",
                "unit": units[seed(place.code, "officer") % len(units)],
                "kind": "checkin",
                "place": place.code,
            }
            drafts.append(Draft(start + second * 1000 + delay, record))
        drafts.extend(repeated(drafts, generator(self.scenario, self.name, day), 0.004))
        return drafts
