"""The scenario ``yaozhuang``: Jiashan county (嘉善), seen from the station of Yaozhuang (姚庄派出所), February 2020.

It is invented after the report ``seeds/001``: the towns are real; the people, readings, tracks, enterprises and
disputes are not, and the source of every record says so. Of the enterprises only the number of Yaozhuang's and that
all of them resumed is the report's (by the end of April; here by the end of February, so that a replay shows it).
Further feeds of the report are further streams of the tuple below.
"""

from __future__ import annotations

from dashboard.domain.day import HOUR, day_start
from dashboard.domain.feed import Words
from dashboard.domain.place import RegionPack
from ingest.scenarios.base import From, Scenario
from ingest.scenarios.disputes import Disputes
from ingest.scenarios.enterprises import Enterprises
from ingest.scenarios.liaison import LiaisonVisits
from ingest.scenarios.people import Passages
from ingest.scenarios.rounds import Patrols
from ingest.scenarios.yaozhuang_more import more

NAME = "yaozhuang"
TITLE = Words("姚庄派出所：2020 年 2 月的嘉善县", "Yaozhuang station: Jiashan county in February 2020")
REGION = "330421"
SOURCE = "scenario-yaozhuang"
FIRST_DAY, START_DAY, LAST_DAY = 20200210, 20200224, 20200229
MOVING_FROM = 20200218
"""Patrols and checkpoints have a week of history; cases have theirs from the first day, when they began."""
NIGHT_UNIT = "夜巡组"
"""The units of this name work nights, one in each town."""
DENSE_FROM = 20200223
"""Earlier history has fewer fixes, so that it loads within a minute."""
PACE = {
    "姚庄镇": 1.09, "大云镇": 1.08, "惠民街道": 1.07, "魏塘街道": 1.04, "西塘镇": 1.02,
    "天凝镇": 0.98, "罗星街道": 0.95, "干窑镇": 0.93, "陶庄镇": 0.84,
}  # fmt: skip
OUTAGES = {20200224: (12 * 60 + 10, 14 * 60 + 45), 20200227: (9 * 60 + 20, 10 * 60 + 50)}


def yaozhuang(pack: RegionPack) -> Scenario:
    """The scenario over a pack of Jiashan: history from 10 February, live from 08:00 on 24 February 2020."""
    night_units = [unit.code for unit in pack.units if unit.name == NIGHT_UNIT]
    enterprises = Enterprises(
        pack, NAME, SOURCE, first_day=FIRST_DAY, last_day=LAST_DAY, pace=PACE, complete=("姚庄镇",)
    )
    return Scenario(
        name=NAME,
        words=TITLE,
        region=REGION,
        first_day=FIRST_DAY,
        last_day=LAST_DAY,
        warm_from=day_start(FIRST_DAY),
        start=day_start(START_DAY) + 8 * HOUR,
        source=SOURCE,
        streams=(
            From(
                Patrols(
                    pack,
                    NAME,
                    SOURCE,
                    night_units=night_units,
                    weak_towns=("罗星街道", "陶庄镇"),
                    dense_from=DENSE_FROM,
                ),
                MOVING_FROM,
            ),
            From(
                Passages(
                    pack,
                    NAME,
                    SOURCE,
                    first_day=MOVING_FROM,
                    silent="汾湖大桥",
                    drifting="西塘镇",
                    drift_from=DENSE_FROM,
                ),
                MOVING_FROM,
            ),
            enterprises,
            From(
                LiaisonVisits(
                    pack,
                    NAME,
                    SOURCE,
                    enterprises,
                    night_units=night_units,
                    weak={"罗星街道": 0.90, "陶庄镇": 0.87},
                ),
                MOVING_FROM,
            ),
            Disputes(pack, NAME, SOURCE, first_day=FIRST_DAY, last_day=LAST_DAY, a_week=112, outages=OUTAGES),
            *more(SOURCE, FIRST_DAY, LAST_DAY),
        ),
    )
