"""The scenario ``zhuhai``: 珠海街道 in Qingdao's West Coast New Area, 1 to 20 February 2020, after report 003.

The subdistrict and the report's totals are real; enterprises, people and tracks are invented and say so.
"""

from __future__ import annotations

import numpy as np

from dashboard.domain.day import HOUR, day_start, days_between
from dashboard.domain.feed import Words
from dashboard.domain.place import RegionPack
from ingest.scenarios.base import Record, Scenario
from ingest.scenarios.counted import Counted, Listed, split
from ingest.scenarios.isolating import Isolating
from ingest.scenarios.parts import firms
from ingest.scenarios.watch import Gates, Watch

NAME, REGION, SOURCE = "zhuhai", "370211", "scenario-zhuhai"
TITLE = Words("珠海街道：2020 年 2 月的西海岸新区", "Zhuhai subdistrict, West Coast New Area, February 2020")
FIRST, LAST = 20200201, 20200220
TOWN = "370211009"
ABOVE, BELOW, APPROVED, SCREENED = 24, 357, 285, 4210
KEY, SERVED, BUTLERS = 274, 343, 206


def zhuhai(pack: RegionPack) -> Scenario:
    """The scenario over the pack of Zhuhai subdistrict."""
    days = days_between(FIRST, LAST)
    working = days_between(20200209, LAST)
    above, below = split(ABOVE, [1.0] * 40), split(BELOW, [1.0] * 40)
    stewards: list[Record] = [
        {
            "town": TOWN,
            "person": f"S-{nth + 1:03d}",
            "kind": "steward",
            "enterprises": above[nth] + below[nth],
            "above_checked": above[nth],
            "below_checked": below[nth],
        }
        for nth in range(40)
    ]
    butlers: list[Record] = [{"town": TOWN, "person": f"G-{nth + 1:03d}", "kind": "butler"} for nth in range(BUTLERS)]

    def screen(number: int, random: np.random.Generator) -> Record:
        return {
            "town": TOWN,
            "declaration": f"S-{number:05d}",
            "origin": "420000" if number % 16 == 2 else ("370200", "370000", "370600", "410000")[number % 4],
            "health_code": "green",
            "celsius": round(36.2 + 0.7 * float(random.random()), 1),
            "went_home": "yes",
        }

    def isolate(number: int, random: np.random.Generator) -> Record:
        # Key persons and persons served overlap: some of either are the other too, and neither is a part of the other.
        key = number < KEY
        served = number >= KEY - 180 and number < KEY - 180 + SERVED
        return {
            "town": TOWN,
            "case": f"{TOWN}-K{number + 1:04d}",
            "site": "central" if number % 5 == 0 else "home",
            "group": "key" if key else ("contact" if number % 3 == 0 else "family"),
            "served": "yes" if served else "no",
            "steward": f"G-{number % BUTLERS + 1:03d}",
            "enterprise": f"{TOWN}-firms-{number % 60 + 1:04d}",
        }

    return Scenario(
        name=NAME,
        words=TITLE,
        region=REGION,
        first_day=FIRST,
        last_day=LAST,
        warm_from=day_start(FIRST),
        start=day_start(20200218) + 8 * HOUR,
        source=SOURCE,
        streams=(
            Listed("liaison", "stewards", SOURCE, working, stewards, growing=("above_checked", "below_checked")),
            Listed("liaison", "butlers", SOURCE, working, butlers),
            firms(SOURCE, "firms", TOWN, working[:-4], APPROVED, "resumed", until=LAST, above=ABOVE),
            firms(SOURCE, "waiting", TOWN, working[:-1], ABOVE + BELOW - APPROVED, "applied", until=LAST),
            Counted("declaration", "screening", SOURCE, working, 700, screen, total=SCREENED),
            Isolating("isolation", SOURCE, days, KEY - 180 + SERVED, isolate, until=LAST),
            Watch(pack, SOURCE, days_between(20200214, LAST), lambda day, unit: 4),
            Gates(pack, SOURCE, days_between(20200214, LAST)),
        ),
    )
