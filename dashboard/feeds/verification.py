"""信息核查 verification: an instruction arrives, is verified and closed. Archetype *case*; seed 004."""

from __future__ import annotations

from dashboard.domain.feed import AlertRule, CaseSpec, Feed, Field, OnCase, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, share
from dashboard.domain.summary import CaseNow

KINDS = {
    "person": Words("人员", "Person"),
    "vehicle": Words("车辆", "Vehicle"),
    "clue": Words("线索", "Clue"),
    "other": Words("其他", "Other"),
}

SPEC = CaseSpec(
    stages=(
        Stage("received", Words("待核查", "Received"), sla_hours=24),
        Stage("verified", Words("已核查", "Verified"), ends="done"),
        Stage("untraceable", Words("查无", "Untraceable"), ends="passed_on"),
    ),
    due_field="due",
    owner_field="owner",
)


def _over(case: CaseNow, now: int) -> int | None:
    """Since when an instruction is past its own time, or past that of its stage."""
    passed = [at for at, over in ((case.due, case.overdue), (case.limit, case.stuck)) if over and at is not None]
    return min(passed, default=None)


FEED = Feed(
    name="verification",
    words=Words("信息核查", "Verification"),
    short=Words("核查", "Verification"),
    icon="search",
    colour="other",
    archetype=SPEC,
    subject="instruction",
    natural_key=("instruction", "stage", "at"),
    fields=(
        Field(
            "instruction", "text", Words("指令编号", "Instruction"), required=True, headers=("编号",), example="Z-00017"
        ),
        stage_field(SPEC),
        Field("kind", "choice", Words("种类", "Kind"), choices=KINDS, example="person"),
        Field("owner", "text", Words("核查人", "Owner"), example="P-0417"),
        Field("due", "time", Words("时限", "Due"), example="2020-02-20"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "verified",
            Words("已核查", "Verified"),
            Words("累计核查的信息", "Items verified so far"),
            Words("条", "items"),
            lambda case: case.stage == "verified",
            by="kind",
        ),
        cases(
            "verification_open",
            Words("待核查", "To verify"),
            Words("现在还没有核查的", "Not verified yet"),
            Words("条", "items"),
            lambda case: not case.ends,
        ),
        cases(
            "verification_overdue",
            Words("逾期", "Overdue"),
            Words("过了时限还没有核查的", "Past due and not verified"),
            Words("条", "items"),
            lambda case: case.overdue or case.stuck,
            watch_above=0,
        ),
        share(
            "verification_share",
            Words("核查率", "Share verified"),
            Words("收到的信息里，已核查的占多少", "Of the items received, the share verified"),
            Words("条", "items"),
            lambda case: bool(case.ends),
        ),
    ),
    alerts=(
        AlertRule(
            name="overdue",
            words=Words("核查逾期", "Verification overdue"),
            condition=OnCase("since", _over),
            limit=0,
            unit="h",
            high=240,
            urgent=24,
            owner="owner",
            repeat_min=240,
            chief_min=120,
            leader_min=720,
            help=Words("核查指令过了时限", "An instruction past its time"),
        ),
    ),
    sample={
        "id": "verification-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "instruction": "Z-00017",
        "stage": "received",
        "kind": "person",
        "owner": "P-0417",
    },
)
