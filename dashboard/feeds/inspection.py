"""防疫检查 inspection: a checklist gone through at an enterprise. Archetype *tally*; seeds 000, 002."""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, TallySpec, Words
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied

POINTS = {
    "disinfect": Words("一日两次消毒", "Disinfected twice a day"),
    "dining": Words("分餐分时就餐", "Separate dining"),
    "smoking": Words("不聚集吸烟", "No smoking together"),
    "posts": Words("不串岗", "No wandering between posts"),
    "fever": Words("发热隔离并上报", "Fever isolated and reported"),
    "spacing": Words("间隔 1.5 米", "1.5 m apart"),
    "masks": Words("佩戴口罩", "Masks worn"),
}
RESULTS = {"passed": Words("合格", "Passed"), "failed": Words("不合格", "Failed")}

SPEC = TallySpec(amount_field=None, by=("point", "result"))

FEED = Feed(
    name="inspection",
    words=Words("防疫检查", "Epidemic inspection"),
    short=Words("检查", "Inspection"),
    icon="check",
    colour="other",
    archetype=SPEC,
    subject="enterprise",
    natural_key=("enterprise", "point", "at"),
    fields=(
        Field(
            "enterprise",
            "text",
            Words("企业编号", "Enterprise"),
            required=True,
            headers=("企业",),
            example="330421111-E0217",
        ),
        Field(
            "point",
            "choice",
            Words("检查项", "Point"),
            required=True,
            choices=POINTS,
            headers=("检查内容",),
            example="disinfect",
        ),
        Field(
            "result",
            "choice",
            Words("结果", "Result"),
            required=True,
            choices=RESULTS,
            headers=("检查结果",),
            example="passed",
        ),
        Field("officer", "text", Words("检查人", "Inspector"), example="P-0417"),
    ),
    limits=DAILY,
    kpis=(
        tallied(
            SPEC,
            "inspections_today",
            Words("今日检查", "Checked today"),
            Words("今天检查的项次", "Points checked today"),
            Words("项次", "checks"),
            today=True,
            by="point",
        ),
        tallied(
            SPEC,
            "inspections_failed",
            Words("不合格", "Failed"),
            Words("累计检查不合格的项次", "Points failed so far"),
            Words("项次", "checks"),
            only={"result": "failed"},
            by="point",
        ),
        tallied(
            SPEC,
            "inspections_total",
            Words("累计检查", "Checked"),
            Words("累计检查的项次", "Points checked so far"),
            Words("项次", "checks"),
        ),
    ),
    sample={
        "id": "inspection-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "enterprise": "330421111-E0217",
        "point": "disinfect",
        "result": "passed",
    },
)
