"""值守与志愿服务 shift: a list of services is published, claimed and worked. Archetype *roster*; seed 002."""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, RosterSpec, Words
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import left_over, listed, progress

KINDS = {
    "gate": Words("小区值守", "Gate duty"),
    "service": Words("志愿服务", "Volunteer service"),
    "call": Words("响应", "Response"),
}

SPEC = RosterSpec(quantity_fields=("published", "claimed", "worked", "people"), by=("kind",), daily=("on_duty",))

FEED = Feed(
    name="shift",
    words=Words("值守与志愿服务", "Shifts and volunteers"),
    short=Words("值守", "Shifts"),
    icon="clock",
    colour="other",
    archetype=SPEC,
    subject="community",
    natural_key=("community", "at"),
    fields=(
        Field("community", "text", Words("社区", "Community"), required=True, headers=("社区名称",), example="C-01"),
        Field("kind", "choice", Words("类别", "Kind"), choices=KINDS, example="service"),
        Field("published", "quantity", Words("发布", "Published"), example="60"),
        Field("claimed", "quantity", Words("认领", "Claimed"), example="55"),
        Field("worked", "quantity", Words("完成", "Worked"), example="50"),
        Field("people", "quantity", Words("参加人数", "People"), example="6"),
        Field("on_duty", "quantity", Words("当班人数", "On duty"), example="4"),
    ),
    limits=DAILY,
    kpis=(
        listed(
            "services_worked",
            Words("完成服务", "Services worked"),
            Words("累计完成的服务", "Services worked so far"),
            Words("件次", "services"),
            "worked",
        ),
        listed(
            "volunteers",
            Words("参加人员", "Volunteers"),
            Words("参加服务的人员", "People taking part"),
            Words("人", "people"),
            "people",
            by="kind",
        ),
        listed(
            "communities",
            Words("社区", "Communities"),
            Words("登记在册的社区", "Communities on the list"),
            Words("个", "communities"),
            by="kind",
        ),
        listed(
            "communities_served",
            Words("服务社区", "Communities"),
            Words("有服务的社区，每个一次", "Communities served, each once"),
            Words("个", "communities"),
            counts=lambda item: item.quantities.get("worked") is not None,
        ),
        progress(
            "claimed_share",
            Words("认领率", "Share claimed"),
            Words("发布的服务里，已认领的占多少", "Of the services published, the share claimed"),
            Words("件次", "services"),
            "claimed",
            "published",
            lambda item: True,
        ),
        progress(
            "worked_share",
            Words("完成率", "Share worked"),
            Words("发布的服务里，已完成的占多少", "Of the services published, the share worked"),
            Words("件次", "services"),
            "worked",
            "published",
            lambda item: True,
        ),
        left_over(
            "services_unclaimed",
            Words("待认领", "To be claimed"),
            Words("发布了还没有人认领的服务", "Published and claimed by nobody yet"),
            Words("件次", "services"),
            "published",
            "claimed",
        ),
        left_over(
            "services_unworked",
            Words("已认领未完成", "Claimed, not worked"),
            Words("认领了还没有完成的服务", "Claimed and not worked yet"),
            Words("件次", "services"),
            "claimed",
            "worked",
        ),
        listed(
            "on_duty_today",
            Words("今日当班", "On duty today"),
            Words("今天各班次当班的人数", "People on duty today"),
            Words("人", "people"),
            "on_duty",
            today=True,
        ),
    ),
    headline=("services_worked", "services_unclaimed", "on_duty_today"),
    sample={
        "id": "shift-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "community": "C-01",
        "kind": "service",
        "published": 60,
        "claimed": 55,
        "worked": 50,
        "people": 6,
    },
)
