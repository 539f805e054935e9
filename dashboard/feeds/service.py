"""办事服务 service: what was handled for people and enterprises, by kind and channel.

Archetype *tally*; seeds 001, 002.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.domain.feed import Feed, Field, Kpi, TallySpec, Words
from dashboard.domain.fields import AMOUNT, REPORTED_BY
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied
from dashboard.domain.summary import TallySummary

KINDS = {
    "household": Words("户籍", "Household"),
    "exit_entry": Words("出入境", "Exit-entry"),
    "vehicle": Words("车驾管", "Vehicle"),
    "lodging": Words("住宿登记", "Lodging registration"),
    "enterprise": Words("为企业办事", "For enterprises"),
    "other": Words("其他", "Other"),
}
CHANNELS = {
    "on_site": Words("上门", "On site"),
    "online": Words("互联网", "Online"),
    "window": Words("窗口", "Window"),
    "video": Words("视频", "Video"),
}
MEASURES = {"items": Words("件", "Items"), "people": Words("人", "People served")}

SPEC = TallySpec(amount_field="count", by=("kind", "channel", "measure", "minutes"))


def _slowest(towns: Sequence[TallySummary]) -> Parts:
    kind, minutes = SPEC.by.index("kind"), SPEC.by.index("minutes")
    taken = [
        int(one.by[minutes]) for town in towns for one in town.counts if one.by[kind] == "lodging" and one.by[minutes]
    ]
    return Parts.count(max(taken, default=None), registrations=len(taken))


SLOWEST = Kpi(
    "lodging_minutes_longest",
    Words("住宿登记最长用时", "Slowest lodging registration"),
    "count",
    _slowest,
    Words("收到资料到登记完，用时最长的一次", "From papers received to registered, the longest"),
    measure=Words("分钟", "min"),
    standing=True,
)


FEED = Feed(
    name="service",
    words=Words("办事服务", "Public services"),
    short=Words("办事", "Services"),
    icon="list",
    colour="other",
    archetype=SPEC,
    subject="item",
    natural_key=("item", "kind", "channel", "at"),
    fields=(
        REPORTED_BY,
        Field(
            "kind",
            "choice",
            Words("业务", "Kind"),
            required=True,
            choices=KINDS,
            headers=("业务种类",),
            example="vehicle",
        ),
        Field(
            "channel",
            "choice",
            Words("渠道", "Channel"),
            required=True,
            choices=CHANNELS,
            headers=("办理渠道",),
            example="window",
        ),
        Field("measure", "choice", Words("计数", "Counted"), choices=MEASURES, example="items"),
        AMOUNT,
        Field("minutes", "integer", Words("用时", "Minutes"), low=0, high=100000, unit="min", example="8"),
    ),
    limits=DAILY,
    kpis=(
        SLOWEST,
        tallied(
            SPEC,
            "services_handled",
            Words("办理业务", "Handled"),
            Words("累计办理的业务件数", "Items handled so far"),
            Words("件", "items"),
            only={"measure": ("items", "")},
            by="channel",
        ),
        tallied(
            SPEC,
            "services_online",
            Words("互联网办理", "Handled online"),
            Words("累计通过互联网受理的", "Accepted online so far"),
            Words("件", "items"),
            only={"measure": ("items", ""), "channel": "online"},
        ),
        tallied(
            SPEC,
            "services_on_site",
            Words("上门服务", "On-site visits"),
            Words("累计上门服务次数", "On-site visits so far"),
            Words("次", "visits"),
            only={"measure": ("items", ""), "channel": "on_site"},
        ),
        tallied(
            SPEC,
            "services_enterprise",
            Words("为企业办事", "For enterprises"),
            Words("累计为企业办理的件次", "Items for enterprises so far"),
            Words("件次", "items"),
            only={"measure": ("items", ""), "kind": "enterprise"},
        ),
        tallied(
            SPEC,
            "people_served",
            Words("服务群众", "People served"),
            Words("累计服务的群众人数，可能有人不止一次", "People served so far; some more than once"),
            Words("人", "people"),
            only={"measure": "people"},
        ),
        tallied(
            SPEC,
            "services_today",
            Words("今日办理", "Handled today"),
            Words("今天办理的业务件数", "Items handled today"),
            Words("件", "items"),
            only={"measure": ("items", "")},
            today=True,
            by="kind",
        ),
    ),
    headline=("services_handled", "services_today", "services_online"),
    sample={
        "id": "service-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "330421111-S1",
        "kind": "vehicle",
        "channel": "window",
        "measure": "items",
        "count": 25,
    },
)
