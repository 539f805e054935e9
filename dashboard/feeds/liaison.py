"""驻企联络 liaison: officers and stewards assigned to enterprises, and their visits.

Archetype *roster*; seeds 002, 003.
"""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, RosterSpec, Words
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import listed

KINDS = {
    "officer": Words("联络警官", "Liaison officer"),
    "steward": Words("驻企专员", "Steward"),
    "butler": Words("社区管家", "Community butler"),
}
SCALES = {"above": Words("规上", "Above scale"), "below": Words("规下", "Below scale")}

SPEC = RosterSpec(
    quantity_fields=("enterprises", "above_checked", "below_checked", "screened"), by=("kind",), daily=("visits",)
)

FEED = Feed(
    name="liaison",
    words=Words("驻企联络", "Enterprise liaison"),
    short=Words("驻企", "Liaison"),
    icon="user",
    colour="other",
    archetype=SPEC,
    subject="person",
    natural_key=("person", "at"),
    fields=(
        Field("person", "text", Words("人员编号", "Staff"), required=True, example="S-031"),
        Field("kind", "choice", Words("类别", "Kind"), required=True, choices=KINDS, example="steward"),
        Field("enterprises", "quantity", Words("联系企业", "Enterprises"), example="3"),
        Field("above_checked", "quantity", Words("已查规上企业", "Above-scale checked"), example="1"),
        Field("below_checked", "quantity", Words("已查规下企业", "Below-scale checked"), example="5"),
        Field("screened", "quantity", Words("筛选人员", "People screened"), example="60"),
        Field("visits", "quantity", Words("走访", "Visits"), example="2"),
    ),
    limits=DAILY,
    kpis=(
        listed(
            "stewards",
            Words("驻企人员", "Stewards"),
            Words("现在派出的驻企人员", "People assigned now"),
            Words("人", "people"),
            by="kind",
        ),
        listed(
            "above_checked",
            Words("已查规上企业", "Above-scale checked"),
            Words("累计检查的规上企业", "Above-scale enterprises checked so far"),
            Words("家", "enterprises"),
            "above_checked",
        ),
        listed(
            "below_checked",
            Words("已查规下企业", "Below-scale checked"),
            Words("累计检查的规下企业", "Below-scale enterprises checked so far"),
            Words("家", "enterprises"),
            "below_checked",
        ),
        listed(
            "liaison_screened",
            Words("筛选人员", "People screened"),
            Words("累计筛选的返岗人员", "Returning staff screened so far"),
            Words("人", "people"),
            "screened",
        ),
        listed(
            "liaison_visits",
            Words("累计走访", "Visits"),
            Words("累计走访企业的次数", "Visits so far"),
            Words("次", "visits"),
            "visits",
        ),
    ),
    sample={
        "id": "liaison-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "person": "S-031",
        "kind": "steward",
        "enterprises": 3,
        "above_checked": 1,
        "below_checked": 5,
    },
)
