"""法律援助 legal_aid: consultations, applications and what was handed out. Archetype *tally*; seed 004."""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, TallySpec, Words
from dashboard.domain.fields import AMOUNT, REPORTED_BY
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied

KINDS = {
    "consultation": Words("咨询", "Consultation"),
    "application": Words("受理申请", "Application accepted"),
    "booklet": Words("法律读本", "Booklet"),
    "leaflet": Words("宣传单", "Leaflet"),
}

SPEC = TallySpec(amount_field="count", by=("kind",))

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
    ),
    sample={
        "id": "legal_aid-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "330421111-S1",
        "kind": "consultation",
        "count": 3,
    },
)
