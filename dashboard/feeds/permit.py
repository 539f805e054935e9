"""通行证 permit: passes issued, refused and revoked. Archetype *tally*; seed 001."""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, TallySpec, Words
from dashboard.domain.fields import AMOUNT, REPORTED_BY
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied

ACTIONS = {
    "issued": Words("签发", "Issued"),
    "refused": Words("不予签发", "Refused"),
    "revoked": Words("收回", "Revoked"),
    "redeemed": Words("卡点核验", "Redeemed"),
}
KINDS = {
    "county": Words("县内出入", "County in and out"),
    "vehicle": Words("车辆", "Vehicle"),
    "freight": Words("货运", "Freight"),
    "other": Words("其他", "Other"),
}

SPEC = TallySpec(amount_field="count", by=("action", "kind"))

FEED = Feed(
    name="permit",
    words=Words("通行证", "Permits"),
    short=Words("通行证", "Permits"),
    icon="check",
    colour="other",
    archetype=SPEC,
    subject="item",
    natural_key=("item", "action", "kind", "at"),
    fields=(
        REPORTED_BY,
        Field(
            "action",
            "choice",
            Words("办理", "Action"),
            required=True,
            choices=ACTIONS,
            headers=("办理结果",),
            example="issued",
        ),
        Field("kind", "choice", Words("种类", "Kind"), choices=KINDS, headers=("通行证种类",), example="county"),
        AMOUNT,
        Field("valid_until", "time", Words("有效期至", "Valid until"), example="2020-03-31"),
    ),
    limits=DAILY,
    kpis=(
        tallied(
            SPEC,
            "permits_issued",
            Words("已发通行证", "Permits issued"),
            Words("累计签发的通行证", "Permits issued so far"),
            Words("张", "permits"),
            only={"action": "issued"},
            by="kind",
        ),
        tallied(
            SPEC,
            "permits_today",
            Words("今日签发", "Issued today"),
            Words("今天签发的通行证", "Permits issued today"),
            Words("张", "permits"),
            only={"action": "issued"},
            today=True,
        ),
        tallied(
            SPEC,
            "permits_refused",
            Words("不予签发", "Refused"),
            Words("累计不予签发的", "Refused so far"),
            Words("张", "permits"),
            only={"action": "refused"},
        ),
        tallied(
            SPEC,
            "permits_revoked",
            Words("已收回", "Revoked"),
            Words("累计收回的", "Revoked so far"),
            Words("张", "permits"),
            only={"action": "revoked"},
        ),
    ),
    sample={
        "id": "permit-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "330421111-S1",
        "action": "issued",
        "kind": "county",
        "count": 12,
    },
)
