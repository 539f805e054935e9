"""The scenario ``yaozhuang``: Jiashan county (嘉善), seen from the station of Yaozhuang (姚庄派出所), February 2020.

It is invented after the report ``seeds/001``: the towns are real, the people, readings and tracks are not, and the
source of every record says so. Further feeds of the report are further streams of the tuple below.
"""

from __future__ import annotations

from dashboard.domain.day import HOUR, day_start
from dashboard.domain.feed import Words
from dashboard.domain.place import RegionPack
from ingest.scenarios.base import Scenario
from ingest.scenarios.people import Passages
from ingest.scenarios.rounds import Patrols

NAME = "yaozhuang"
REGION = "330421"
SOURCE = "scenario-yaozhuang"
FIRST_DAY, START_DAY, LAST_DAY = 20200211, 20200218, 20200229
NIGHT_UNIT = "夜巡组"
"""The units of this name work nights, one in each town."""
DENSE_FROM = 20200217
"""Earlier history has fewer fixes, so that it loads within a minute."""


def yaozhuang(pack: RegionPack) -> Scenario:
    """The scenario over a pack of Jiashan: history from 11 February, live from 08:00 on 18 February 2020."""
    return Scenario(
        name=NAME,
        words=Words("姚庄派出所：2020 年 2 月的嘉善县", "Yaozhuang station: Jiashan county in February 2020"),
        region=REGION,
        first_day=FIRST_DAY,
        last_day=LAST_DAY,
        warm_from=day_start(FIRST_DAY),
        start=day_start(START_DAY) + 8 * HOUR,
        source=SOURCE,
        streams=(
            Patrols(
                pack,
                NAME,
                SOURCE,
                night_units=[unit.code for unit in pack.units if unit.name == NIGHT_UNIT],
                weak_towns=("罗星街道", "陶庄镇"),
                dense_from=DENSE_FROM,
            ),
            Passages(
                pack,
                NAME,
                SOURCE,
                first_day=FIRST_DAY,
                silent="汾湖大桥",
                drifting="西塘镇",
                drift_from=20200217,
            ),
        ),
    )
