"""租房与出租房排查 housing: rental households checked by squads, listings matched to returning workers.

Archetype *case*; seeds 000, 001.
"""

from __future__ import annotations

from dashboard.domain.feed import CaseSpec, Feed, Field, Link, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, share

KINDS = {"rental": Words("出租户", "Rental household"), "listing": Words("房源", "Listing")}

SPEC = CaseSpec(
    stages=(
        Stage("listed", Words("待查", "Listed")),
        Stage("checked", Words("已查", "Checked"), ends="done"),
        Stage("matched", Words("已匹配", "Matched"), ends="done"),
        Stage("problem", Words("有问题", "Problem"), sla_hours=48),
    ),
)

FEED = Feed(
    name="housing",
    words=Words("租房与出租房排查", "Housing"),
    short=Words("租房", "Housing"),
    icon="gate",
    colour="other",
    archetype=SPEC,
    subject="house",
    natural_key=("house", "stage", "at"),
    fields=(
        Field("house", "text", Words("房屋编号", "House"), required=True, example="330421111-R001"),
        stage_field(SPEC),
        Field("kind", "choice", Words("类别", "Kind"), choices=KINDS, example="rental"),
        Field("squad", "text", Words("小分队", "Squad"), example="Q-07"),
        Field("call", "text", Words("对接的回访", "Matched call"), example="330421111-H001"),
        Field("tenants", "quantity", Words("租住人数", "Tenants"), example="3"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "rentals_checked",
            Words("已查出租户", "Rentals checked"),
            Words("累计排查的出租户", "Rental households checked so far"),
            Words("户", "households"),
            lambda case: case.stage == "checked",
        ),
        cases(
            "rentals_left",
            Words("未查", "Not checked"),
            Words("列入还没有排查的", "Listed and not checked"),
            Words("户", "households"),
            lambda case: case.stage == "listed",
        ),
        cases(
            "rental_squads",
            Words("小分队", "Squads"),
            Words("参加排查的小分队，每队一次", "Squads that checked, each once"),
            Words("支", "squads"),
            distinct="squad",
        ),
        cases(
            "listings_matched",
            Words("已匹配房源", "Listings matched"),
            Words("匹配给返岗员工的房源", "Listings matched to returning workers"),
            Words("处", "listings"),
            lambda case: case.stage == "matched",
        ),
        cases(
            "listings_free",
            Words("可租房源", "Listings free"),
            Words("登记了、还没有对接的房源", "Listed and not matched yet"),
            Words("处", "listings"),
            lambda case: case.value("kind") == "listing" and case.stage in ("listed", "checked"),
        ),
        cases(
            "rentals_problem",
            Words("有问题的", "With a problem"),
            Words("排查发现问题、还没有处理的出租户", "Found with a problem, not dealt with yet"),
            Words("户", "households"),
            lambda case: case.stage == "problem",
            watch_above=0,
        ),
        share(
            "rental_progress",
            Words("排查率", "Share checked"),
            Words("列入的出租户里，已查的占多少", "Of the rental households, the share checked"),
            Words("户", "households"),
            lambda case: case.stage == "checked",
            lambda case: case.value("kind") != "listing",
        ),
    ),
    links=(Link("callback", Words("对接的回访", "Matched call"), "call", "call"),),
    headline=("rentals_checked", "rental_progress", "listings_matched"),
    sample={
        "id": "housing-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "house": "330421111-R001",
        "stage": "listed",
        "kind": "rental",
        "squad": "Q-07",
    },
)
