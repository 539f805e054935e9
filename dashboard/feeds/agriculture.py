"""农业服务 agriculture: temporary trading points, supplies bought and sales matched.

Archetype *tally*; seed 002.
"""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, TallySpec, Words
from dashboard.domain.fields import AMOUNT, REPORTED_BY
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied

KINDS = {
    "trading_point": Words("临时交易点", "Temporary trading point"),
    "supplies": Words("代购物资", "Supplies bought"),
    "sale": Words("帮助销售", "Sale matched"),
    "other": Words("其他", "Other"),
}

SPEC = TallySpec(amount_field="count", by=("kind", "product"))

FEED = Feed(
    name="agriculture",
    words=Words("农业服务", "Farm services"),
    short=Words("助农", "Farm help"),
    icon="layers",
    colour="other",
    archetype=SPEC,
    subject="item",
    natural_key=("item", "kind", "at"),
    fields=(
        REPORTED_BY,
        Field("kind", "choice", Words("事项", "Kind"), required=True, choices=KINDS, example="sale"),
        Field("product", "text", Words("农产品", "Product"), example="草莓"),
        AMOUNT,
    ),
    limits=DAILY,
    kpis=(
        tallied(
            SPEC,
            "farm_sales",
            Words("帮助销售", "Sales matched"),
            Words("累计帮助销售的次数", "Sales matched so far"),
            Words("次", "sales"),
            only={"kind": "sale"},
            by="product",
        ),
        tallied(
            SPEC,
            "farm_points",
            Words("临时交易点", "Trading points"),
            Words("累计设立的临时交易点", "Trading points set up so far"),
            Words("处", "points"),
            only={"kind": "trading_point"},
        ),
        tallied(
            SPEC,
            "farm_supplies",
            Words("代购物资", "Supplies bought"),
            Words("累计代购农资的次数", "Purchases so far"),
            Words("次", "purchases"),
            only={"kind": "supplies"},
        ),
    ),
    sample={
        "id": "agriculture-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "330421111-S1",
        "kind": "sale",
        "product": "草莓",
        "count": 2,
    },
)
