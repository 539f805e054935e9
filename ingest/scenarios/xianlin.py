"""The scenario ``xianlin``: 闲林派出所 in Yuhang, Hangzhou, 25 January to 24 February 2020, after report 000.

The towns and the report's totals are real; enterprises, people, checkpoints and tracks are invented and say so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.domain.day import HOUR, day_start, days_between
from dashboard.domain.feed import Words
from dashboard.domain.place import RegionPack
from ingest.scenarios.base import Record, Scenario
from ingest.scenarios.counted import Cases, Counted, Stage, split
from ingest.scenarios.parts import difficulties, firms
from ingest.scenarios.watch import Gates, Watch

NAME, REGION, SOURCE = "xianlin", "330110", "scenario-xianlin"
TITLE = Words("闲林派出所：2020 年 1–2 月的余杭区西部", "Xianlin station: west of Yuhang, January and February 2020")
FIRST, LAST = 20200125, 20200224
TOWN = "330110011"
WORKS = f"{TOWN}-E-works"
"""The machinery works: 600 staff, some hundred of whom could return at first."""
STAFF_BACK = 1520
DECLARED = 28_300


def xianlin(pack: RegionPack) -> Scenario:
    """The scenario over the pack of Yuhang's west."""
    days = days_between(FIRST, LAST)
    working = days_between(20200210, LAST)
    back = split(STAFF_BACK, [1.0] * 67)

    def declare(number: int, random: np.random.Generator) -> Record:
        risk = ("low", "low", "low", "medium", "high")[int(random.integers(0, 5))]
        origin = {"medium": ("330300", "411500")[number % 2], "high": ("420100", "421100")[number % 2]}
        low = ("330000", "340000", "360000", "410000", "520000")[number % 5]
        # Which class follows is for the rule to say: by the table of regional risk, the code and the temperature.
        return {
            "town": TOWN,
            "declaration": f"S-{number:05d}",
            "place": f"{TOWN}-firms-{number % 55 + 1:04d}",
            "origin": origin.get(risk, low),
            "health_code": "green" if risk == "low" and number % 61 else "yellow",
            "celsius": round(36.2 + 0.7 * float(random.random()) + (1.1 if number % 173 == 0 else 0), 1),
            "went_home": "no",
        }

    def works(number: int, random: np.random.Generator) -> Record:
        return {
            "town": TOWN,
            "enterprise": WORKS,
            "name": "机械厂（虚构）",
            "scale": "above",
            "industry": "机械",
            "staff_total": 620,
            "liaison": "P-0001",
        }

    def returning(number: int, random: np.random.Generator) -> list[Stage]:
        return [
            Stage("registered"),
            Stage("applied", (1, 2)),
            Stage("reviewing", (1, 2), {"review": "safety:passed"}),
            Stage("approved", (1, 2)),
            Stage("resumed", (1, 2), {"staff_returned": 103}),
        ]

    def call(number: int, random: np.random.Generator) -> Record:
        return {
            "town": TOWN,
            "call": f"{TOWN}-H{number + 1:04d}",
            "person_ref": f"h{number:04d}",
            "enterprise": f"{TOWN}-firms-{number % 55 + 1:04d}",
        }

    def called(number: int, random: np.random.Generator) -> list[Stage]:
        said: dict[str, Any] = {
            "question": ("highway", "bus", "roadblock", "highway", "isolation")[number % 5],
            "willing": ("yes", "yes", "yes", "hesitant", "no")[number % 5],
            "lodging": ("has", "has", "needs", "has")[number % 4],
        }
        # Told how things are, most of those who hesitated come after all.
        won = said["willing"] == "hesitant" and number % 3 > 0
        return [
            Stage("queued"),
            *([Stage("no_answer", (1, 4))] if number % 7 == 0 else []),
            *([Stage("no_answer", (1, 4))] if number % 14 == 0 else []),
            Stage("reached", (1, 24), said),
            *([Stage("reached", (6, 60), {"willing": "yes"})] if won else []),
        ]

    def listing(number: int, random: np.random.Generator) -> Record:
        return {"town": TOWN, "house": f"{TOWN}-L{number + 1:03d}", "kind": "listing", "tenants": 2 + number % 4}

    def matched(number: int, random: np.random.Generator) -> list[Stage]:
        # Every third listing is matched to somebody who said on the telephone that a place is needed.
        call = f"{TOWN}-H{4 * number + 3:04d}"
        return [Stage("listed"), *([Stage("matched", (6, 70), {"call": call})] if number % 3 == 0 else [])]

    return Scenario(
        name=NAME,
        words=TITLE,
        region=REGION,
        first_day=FIRST,
        last_day=LAST,
        warm_from=day_start(FIRST),
        start=day_start(20200222) + 8 * HOUR,
        source=SOURCE,
        streams=(
            difficulties(SOURCE, TOWN, working, 67, 55, until=LAST, staff_back=lambda number: back[number]),
            Counted("declaration", "declaration", SOURCE, days, 1400, declare, total=DECLARED),
            firms(SOURCE, "firms", TOWN, working[:-2], 55, "resumed", until=LAST, above=9),
            Cases("enterprise", "works", SOURCE, [20200218], 1, works, returning, until=LAST),
            Cases("callback", "callback", SOURCE, working[:-1], 640, call, called, until=LAST),
            Cases("housing", "listings", SOURCE, working[:-2], 90, listing, matched, until=LAST),
            Watch(pack, SOURCE, days_between(20200218, LAST), lambda day, unit: 3 + unit % 3),
            Gates(pack, SOURCE, days_between(20200218, LAST)),
        ),
    )
