"""法律援助 legal_aid: consultations, applications and what was handed out. Archetype *tally*; seed 004."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.domain.feed import Feed, Field, Kpi, Link, TallySpec, Words
from dashboard.domain.fields import AMOUNT, REPORTED_BY
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied
from dashboard.domain.summary import TallySummary

KINDS = {
    "consultation": Words("咨询", "Consultation"),
    "application": Words("受理申请", "Application accepted"),
    "booklet": Words("法律读本", "Booklet"),
    "leaflet": Words("宣传单", "Leaflet"),
}

SPEC = TallySpec(amount_field="count", by=("kind", "case"))


def _disputes(towns: Sequence[TallySummary]) -> Parts:
    case = SPEC.by.index("case")
    return Parts.count(len({one.by[case] for town in towns for one in town.counts if one.by[case]}))


FEED = Feed(
    name="legal_aid",
    words=Words("法律援助", "Legal aid"),
    short=Words("法援", "Legal aid"),
    icon="info",
    colour="other",
    archetype=SPEC,
    subject="item",
    natural_key=("item", "kind", "at"),
    fields=(
        REPORTED_BY,
        Field(
            "kind",
            "choice",
            Words("事项", "Kind"),
            required=True,
            choices=KINDS,
            headers=("服务事项",),
            example="consultation",
        ),
        AMOUNT,
        Field("case", "text", Words("关联纠纷", "Dispute"), example="330421111-D0017"),
    ),
    limits=DAILY,
    kpis=(
        tallied(
            SPEC,
            "legal_consultations",
            Words("法律咨询", "Consultations"),
            Words("累计法律援助咨询次数", "Consultations so far"),
            Words("次", "consultations"),
            only={"kind": "consultation"},
        ),
        tallied(
            SPEC,
            "legal_applications",
            Words("受理援助", "Applications"),
            Words("累计受理的法律援助申请", "Applications accepted so far"),
            Words("件", "applications"),
            only={"kind": "application"},
        ),
        tallied(
            SPEC,
            "legal_booklets",
            Words("发放读本", "Booklets"),
            Words("累计发放的法律读本", "Booklets handed out so far"),
            Words("本", "booklets"),
            only={"kind": "booklet"},
        ),
        tallied(
            SPEC,
            "legal_leaflets",
            Words("发放宣传单", "Leaflets"),
            Words("累计发放的宣传单", "Leaflets handed out so far"),
            Words("份", "leaflets"),
            only={"kind": "leaflet"},
        ),
        Kpi(
            "legal_disputes",
            Words("援助到的纠纷", "Disputes helped"),
            "count",
            _disputes,
            Words("有法律援助记录的纠纷，每件一次", "Disputes with legal aid, each once"),
            measure=Words("件", "cases"),
            standing=True,
        ),
    ),
    links=(Link("dispute", Words("关联纠纷", "Dispute"), "case", "case"),),
    headline=("legal_consultations", "legal_applications", "legal_disputes"),
    sample={
        "id": "legal_aid-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "330421111-S1",
        "kind": "consultation",
        "count": 3,
    },
)
