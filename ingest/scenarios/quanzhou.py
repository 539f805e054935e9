"""The scenario ``quanzhou``: 泉州台商投资区, 2 February to 17 March 2020, after report 004.

The zone has no division code of its own: it is a list of towns. The towns and the report's totals are real; people,
houses, disputes and tracks are invented and say so.
"""

from __future__ import annotations

import numpy as np

from dashboard.domain.day import HOUR, day_start, days_between
from dashboard.domain.feed import Words
from dashboard.domain.place import RegionPack
from ingest.scenarios.base import Record, Scenario, generator
from ingest.scenarios.counted import Cases, Counted, Listed, Stage, level, split, spread
from ingest.scenarios.watch import Gates, Watch

NAME, REGION, SOURCE = "quanzhou", "350521-tiz", "scenario-quanzhou"
TITLE = Words("泉州台商投资区：2020 年 2–3 月", "Quanzhou Taiwanese Investment Zone, February and March 2020")
FIRST, LAST = 20200202, 20200317
CENSUS = {"houses": 60_313, "residents": 194_828, "rentals": 5_628, "floating": 36_172}
GRIDS = 107
VERIFIED, DISPUTES = 7_351, 39


def quanzhou(pack: RegionPack) -> Scenario:
    """The scenario over the pack of the investment zone."""
    days = days_between(FIRST, LAST)
    towns = [town.code for town in pack.towns]
    random = generator(NAME, "grids")
    shares = {field: spread(total, [str(nth) for nth in range(GRIDS)], random) for field, total in CENSUS.items()}
    grids: list[Record] = [
        {
            "town": towns[nth % len(towns)],
            "grid": f"{towns[nth % len(towns)]}-G{nth + 1:03d}",
            **{field: shares[field][nth] for field in CENSUS},
            "houses_target": shares["houses"][nth],
            "evidence": "入户登记表、村民小组长签字",
        }
        for nth in range(GRIDS)
    ]
    squads: list[Record] = [
        {"town": towns[nth % len(towns)], "squad": f"Q-{nth + 1:02d}", "kind": "squad", "people": people}
        for nth, people in enumerate(split(100, [1.0] * 7))
    ]
    stations: list[Record] = [
        {"town": town, "squad": f"{town}-站", "kind": "station", "people": people}
        for town, people in zip(towns, split(53, [1.0] * len(towns)), strict=True)
    ]
    grid_workers: list[Record] = [
        {"town": town, "squad": f"{town}-网格", "kind": "grid", "people": people}
        for town, people in zip(towns, split(107, [1.0] * len(towns)), strict=True)
    ]
    leaders: list[Record] = [
        {"town": town, "squad": f"{town}-组长", "kind": "leader", "people": people}
        for town, people in zip(towns, split(732, [1.0] * len(towns)), strict=True)
    ]

    def instruct(number: int, random: np.random.Generator) -> Record:
        return {
            "town": towns[number % len(towns)],
            "instruction": f"Z-{number + 1:05d}",
            "kind": ("person", "person", "vehicle", "clue")[number % 4],
            "owner": f"P-{1 + number % 53:04d}",
        }

    def verify(number: int, random: np.random.Generator) -> list[Stage]:
        return [Stage("received"), Stage("verified", (0.5, 22))]

    def quarrel(number: int, random: np.random.Generator) -> Record:
        return {
            "town": towns[number % len(towns)],
            "case": f"{towns[number % len(towns)]}-D{number + 1:03d}",
            "kind": ("wages", "labour", "housing", "neighbour", "isolation")[number % 5],
            "parties": int(random.integers(2, 6)),
            "handler": f"P-{1 + number % 20:04d}",
        }

    def settle(number: int, random: np.random.Generator) -> list[Stage]:
        return [Stage("reported"), Stage("accepted", (0.5, 5)), Stage("mediating", (1, 24)), Stage("resolved", (4, 90))]

    def aid(kind: str, records: int, total: int) -> Counted:
        def make(number: int, random: np.random.Generator) -> Record:
            town = towns[number % len(towns)]
            # An application belongs to a dispute; of the consultations every fourth.
            dispute = kind == "application" or (kind == "consultation" and number % 4 == 0)
            named = {"case": f"{town}-D{number % DISPUTES + 1:03d}"} if dispute else {}
            return {"town": town, "item": f"{town}-S1", "kind": kind, **named}

        return Counted("legal_aid", f"legal-{kind}", SOURCE, days, records, make, total=total, weights=level)

    def hospital(number: int, random: np.random.Generator) -> Record:
        return {
            "town": towns[number % 2],
            "venue": f"{towns[number % 2]}-V0{number % 2 + 1}",
            "kind": "hospital",
            "result": "on_duty",
        }

    def rumour(number: int, random: np.random.Generator) -> Record:
        return {
            "town": towns[number % len(towns)],
            "claim": f"Y-{number + 1:04d}",
            "channel": ("wechat", "video")[number % 2],
        }

    def correct(number: int, random: np.random.Generator) -> list[Stage]:
        return [Stage("reported"), Stage("verified", (0.5, 6)), Stage("corrected", (1, 12))]

    return Scenario(
        name=NAME,
        words=TITLE,
        region=REGION,
        first_day=FIRST,
        last_day=LAST,
        warm_from=day_start(FIRST),
        start=day_start(20200315) + 8 * HOUR,
        source=SOURCE,
        streams=(
            Listed("census", "census", SOURCE, days, grids, growing=tuple(CENSUS), reports=6),
            Listed("deployment", "squads", SOURCE, days, squads),
            Listed("deployment", "stations", SOURCE, days, stations),
            Listed("deployment", "grids", SOURCE, days, grid_workers),
            Listed("deployment", "leaders", SOURCE, days, leaders),
            Cases(
                "verification",
                "verification",
                SOURCE,
                days[:-1],
                VERIFIED,
                instruct,
                verify,
                until=LAST,
                weights=level,
            ),
            Cases("dispute", "dispute", SOURCE, days[:-4], DISPUTES, quarrel, settle, until=LAST, weights=level),
            aid("consultation", 90, 134),
            aid("application", 10, 10),
            aid("booklet", 60, 3_080),
            aid("leaflet", 60, 8_240),
            Counted("venue", "hospitals", SOURCE, days, 2 * len(days), hospital, weights=level),
            Cases("rumour", "rumour", SOURCE, days[:-2], 12, rumour, correct, until=LAST, weights=level),
            # 12 units of ten, one of them a little stronger on every third day.
            Watch(pack, SOURCE, days, lambda day, unit: 10 + (3 if unit == 0 and day % 3 == 0 else 0)),
            Gates(pack, SOURCE, days, 30),
        ),
    )
