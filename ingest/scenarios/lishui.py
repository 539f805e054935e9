"""The scenario ``lishui``: police of 丽水's counties and the court volunteers of 椒江, 30 January to 29 February 2020.

After report 002. The counties and the report's totals are real; everything else is invented and says so.
"""

from __future__ import annotations

import numpy as np

from dashboard.domain.day import HOUR, day_start, days_between
from dashboard.domain.feed import Words
from dashboard.domain.place import RegionPack
from ingest.scenarios.base import Record, Scenario
from ingest.scenarios.counted import Cases, Counted, Listed, Stage, split
from ingest.scenarios.parts import difficulties, firms, services
from ingest.scenarios.watch import Gates, Watch

NAME, REGION, SOURCE = "lishui", "331100", "scenario-lishui"
TITLE = Words("丽水公安与椒江法院：2020 年 2 月", "Lishui police and Jiaojiang court, February 2020")
FIRST, LAST = 20200130, 20200229
LONGQUAN, JINGNING, QINGYUAN, JIAOJIANG = "331181", "331127", "331126", "331002"
COMMUNITIES = (
    "明珠", "白云", "葭沚", "海门", "前所", "章安", "洪家", "下陈", "三甲", "枫山", "东山", "云西", "繁荣",
)  # fmt: skip


def lishui(pack: RegionPack) -> Scenario:
    """The scenario over the pack of Lishui's counties and Jiaojiang."""
    days = days_between(FIRST, LAST)
    working = days_between(20200210, LAST)
    worked, people = split(662, [1.0 + nth % 3 for nth in range(13)]), split(76, [1.0] * 13)
    service: list[Record] = [
        {
            "town": JIAOJIANG,
            "community": f"{name}社区",
            "kind": "service",
            "published": worked[nth] + 4,
            "claimed": worked[nth] + 1,
            "worked": worked[nth],
            "people": people[nth],
        }
        for nth, name in enumerate(COMMUNITIES)
    ]
    gates: list[Record] = [
        {"town": JIAOJIANG, "community": f"白云街道{name}小区", "kind": "gate", "people": 6, "on_duty": 4}
        for name in ("东", "中", "西")
    ]
    calls: list[Record] = [{"town": JIAOJIANG, "community": "明珠社区（响应）", "kind": "call", "people": 3}]

    def lorry(number: int, random: np.random.Generator) -> Record:
        return {
            "town": LONGQUAN,
            "vehicle": f"T-{number + 1:04d}",
            "cargo": ("medical", "material", "farm", "food")[number % 4],
            "checkpoint": f"{LONGQUAN}-K01",
        }

    def passing(number: int, random: np.random.Generator) -> list[Stage]:
        return [
            Stage("expected"),
            Stage("held", (1, 5), {"check": "temperature:passed"}),
            # Once in a while somebody is let through without disinfection: the figures show it.
            *([Stage("held", (0.1, 0.4), {"check": "disinfection:passed"})] if number % 29 != 7 else []),
            Stage("cleared", (0.1, 0.6), {"check": "papers:passed"}),
        ]

    def sale(number: int, random: np.random.Generator) -> Record:
        return {"town": "331102", "item": "331102-S1", "kind": "sale", "product": ("草莓", "茶叶")[number % 2]}

    return Scenario(
        name=NAME,
        words=TITLE,
        region=REGION,
        first_day=FIRST,
        last_day=LAST,
        warm_from=day_start(FIRST),
        start=day_start(20200227) + 8 * HOUR,
        source=SOURCE,
        streams=(
            firms(SOURCE, "firms", QINGYUAN, working[:-3], 111, "resumed", until=LAST, above=14),
            difficulties(SOURCE, QINGYUAN, working, 41, 36, until=LAST, kinds=("safety",)),
            services(SOURCE, "enterprise-services", JINGNING, working, 110, 326, ("enterprise",), "window"),
            services(SOURCE, "people", JINGNING, working, 96, 986, ("household", "vehicle"), "window", "people"),
            Listed("shift", "service", SOURCE, days, service, growing=("worked", "claimed")),
            Listed("shift", "gate", SOURCE, days_between(20200209, LAST), gates),
            Listed("shift", "call", SOURCE, days_between(20200208, LAST), calls),
            Cases("transport", "transport", SOURCE, working[:-1], 58, lorry, passing, until=LAST),
            Counted("agriculture", "agriculture", SOURCE, working, 64, sale, total=180),
            Watch(pack, SOURCE, days_between(20200222, LAST), lambda day, unit: 3 + unit % 2),
            Gates(pack, SOURCE, days_between(20200222, LAST), 40),
        ),
    )
