"""重点场所 venue: checks of hospitals, markets, hotels and isolation sites. Archetype *tally*; seed 004."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.domain.feed import Feed, Field, Kpi, TallySpec, Words
from dashboard.domain.fields import AMOUNT
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied
from dashboard.domain.summary import TallySummary

KINDS = {
    "hospital": Words("医院", "Hospital"),
    "market": Words("市场", "Market"),
    "hotel": Words("酒店", "Hotel"),
    "isolation": Words("隔离点", "Isolation site"),
    "school": Words("学校", "School"),
    "other": Words("其他", "Other"),
}
RESULTS = {
    "passed": Words("正常", "In order"),
    "failed": Words("有问题", "Problem found"),
    "closed": Words("已关停", "Closed"),
    "on_duty": Words("专班在岗", "Team on duty"),
}

SPEC = TallySpec(amount_field="count", by=("venue", "kind", "result"))


def _teams(towns: Sequence[TallySummary]) -> Parts:
    kind, result = SPEC.by.index("kind"), SPEC.by.index("result")
    on_duty = {
        (town.town, one.by[0])
        for town in towns
        for one in town.counts
        if one.by[kind] == "hospital" and one.by[result] == "on_duty"
    }
    return Parts.count(len(on_duty))


TEAMS = Kpi(
    "hospital_teams",
    Words("有专班的定点医院", "Hospitals with a team"),
    "count",
    _teams,
    Words("有专班在岗的定点医院，每家一次", "Designated hospitals with a team on duty, each once"),
    measure=Words("家", "hospitals"),
    standing=True,
)


FEED = Feed(
    name="venue",
    words=Words("重点场所", "Key venues"),
    short=Words("场所", "Venues"),
    icon="layers",
    colour="other",
    archetype=SPEC,
    subject="venue",
    natural_key=("venue", "result", "at"),
    fields=(
        Field("venue", "text", Words("场所编号", "Venue"), required=True, headers=("场所",), example="330421111-V01"),
        Field(
            "kind",
            "choice",
            Words("种类", "Kind"),
            required=True,
            choices=KINDS,
            headers=("场所种类",),
            example="hospital",
        ),
        Field(
            "result",
            "choice",
            Words("情况", "Result"),
            required=True,
            choices=RESULTS,
            headers=("检查情况",),
            example="passed",
        ),
        AMOUNT,
    ),
    limits=DAILY,
    kpis=(
        tallied(
            SPEC,
            "venue_checks",
            Words("场所检查", "Venue checks"),
            Words("累计检查场所的次数", "Checks so far"),
            Words("次", "checks"),
            only={"result": ("passed", "failed")},
            by="kind",
        ),
        tallied(
            SPEC,
            "venue_checks_today",
            Words("今日检查", "Checked today"),
            Words("今天检查场所的次数", "Checks today"),
            Words("次", "checks"),
            only={"result": ("passed", "failed")},
            today=True,
        ),
        tallied(
            SPEC,
            "venue_problems",
            Words("发现问题", "Problems"),
            Words("累计发现问题的次数", "Checks that found a problem so far"),
            Words("次", "checks"),
            only={"result": "failed"},
            by="kind",
        ),
        TEAMS,
    ),
    sample={
        "id": "venue-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "venue": "330421111-V01",
        "kind": "hospital",
        "result": "passed",
    },
)
