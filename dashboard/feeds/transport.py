"""绿色通道 transport: a vehicle stuck or expected at a checkpoint, cleared after temperature, disinfection and papers.

Archetype *case*; seeds 002–004.
"""

from __future__ import annotations

from dashboard.domain.feed import AlertRule, CaseSpec, Feed, Field, Link, OnCase, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, entered, share, spent
from dashboard.domain.summary import CaseNow

REVIEWERS = {
    "temperature": Words("测温", "Temperature"),
    "disinfection": Words("消毒", "Disinfection"),
    "papers": Words("证件", "Papers"),
}
CARGO = {
    "food": Words("粮油食品", "Food"),
    "medical": Words("防疫物资", "Medical supplies"),
    "material": Words("生产原料", "Material"),
    "farm": Words("农产品", "Farm produce"),
    "other": Words("其他", "Other"),
}

VERDICTS = {"passed": Words("通过", "passed"), "returned": Words("不通过", "failed")}

SPEC = CaseSpec(
    stages=(
        Stage("expected", Words("预报", "Expected")),
        Stage("held", Words("在卡点等候", "Held at checkpoint"), sla_hours=2),
        Stage("cleared", Words("已放行", "Cleared"), ends="done"),
        Stage("turned_back", Words("劝返", "Turned back"), ends="passed_on"),
    ),
    review_field="check",
    review_from="expected",
    reviewers=REVIEWERS,
)


def passed(case: CaseNow) -> bool:
    """Whether a vehicle may pass (seed 003): temperature, disinfection and papers have all been passed."""
    return all(case.verdicts.get(who) == "passed" for who in REVIEWERS)


def _wait(case: CaseNow) -> int | None:
    """How long a cleared vehicle stood at the checkpoint, ms; from its first record where nobody noted its arrival."""
    cleared = entered(case, "cleared")
    if case.stage != "cleared" or cleared is None:
        return None
    held = entered(case, "held")
    return cleared - (held if held is not None else case.opened)


def _unchecked(case: CaseNow) -> bool:
    return case.stage == "cleared" and not passed(case)


FEED = Feed(
    name="transport",
    words=Words("绿色通道", "Green channel"),
    short=Words("绿色通道", "Green channel"),
    icon="gate",
    colour="other",
    archetype=SPEC,
    subject="vehicle",
    natural_key=("vehicle", "stage", "at"),
    fields=(
        Field("vehicle", "text", Words("车辆代号", "Vehicle"), required=True, example="T-00012"),
        stage_field(SPEC),
        Field("cargo", "choice", Words("货物", "Cargo"), choices=CARGO, example="food"),
        Field("checkpoint", "text", Words("卡点", "Checkpoint"), example="330421111-K01"),
        Field(
            "check",
            "choice",
            Words("查验", "Check"),
            choices={
                f"{code}:{verdict}": Words(who.zh + said.zh, f"{who.en} {said.en}")
                for code, who in REVIEWERS.items()
                for verdict, said in VERDICTS.items()
            },
            example="papers:passed",
        ),
        Field("enterprise", "text", Words("企业编号", "Enterprise"), example="330421111-E0217"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "transport_held",
            Words("在等候", "Held"),
            Words("现在在卡点等候的车辆", "Vehicles held now"),
            Words("辆", "vehicles"),
            lambda case: case.stage == "held",
            watch_above=0,
        ),
        cases(
            "transport_cleared",
            Words("已放行", "Cleared"),
            Words("累计放行的车辆", "Vehicles cleared so far"),
            Words("辆", "vehicles"),
            lambda case: case.stage == "cleared",
            by="cargo",
        ),
        cases(
            "transport_stuck",
            Words("等候过久", "Held too long"),
            Words("在卡点等候超过时限的", "Held longer than the limit"),
            Words("辆", "vehicles"),
            lambda case: case.stuck,
            watch_above=0,
        ),
        spent(
            "transport_hours_median",
            Words("放行用时中位数", "Median time to clear"),
            Words("从到卡点到放行用了多久，取中间值", "From arrival at the checkpoint to clearance, the median"),
            _wait,
        ),
        spent(
            "transport_hours_p90",
            Words("九成车辆放行用时", "Time to clear, nine in ten"),
            Words("九成的车辆在这么久以内放行", "Nine in ten vehicles were cleared within"),
            _wait,
            0.9,
        ),
        share(
            "transport_checked_share",
            Words("三项齐全放行率", "Cleared with all three checks"),
            Words(
                "放行的车辆里，测温、消毒、证件三项都通过的占多少",
                "Of those cleared, the share with temperature, disinfection and papers all passed",
            ),
            Words("辆", "vehicles"),
            passed,
            lambda case: case.stage == "cleared",
            numerator=Words("三项都通过的", "All three passed"),
            denominator=Words("已放行的", "Cleared"),
            watch_below=1.0,
        ),
        cases(
            "transport_unchecked",
            Words("缺项放行", "Cleared without all checks"),
            Words("三项没有都通过就放行的车辆", "Cleared though not all three were passed"),
            Words("辆", "vehicles"),
            _unchecked,
            watch_above=0,
        ),
        cases(
            "transport_ready",
            Words("可放行未放行", "Passed and still held"),
            Words("三项都通过了、还在卡点等候的车辆", "All three passed and still held"),
            Words("辆", "vehicles"),
            lambda case: case.stage == "held" and passed(case),
            watch_above=0,
        ),
    ),
    links=(Link("enterprise", Words("所属企业", "Enterprise"), "enterprise", "enterprise"),),
    alerts=(
        AlertRule(
            name="held",
            words=Words("货车在卡点等候过久", "Vehicle held too long"),
            condition=OnCase("stuck"),
            limit=0,
            unit="h",
            high=72,
            urgent=4,
            repeat_min=60,
            help=Words(
                "在卡点等候超过时限；三项通过即应放行", "Held longer than the limit: it passes with all three checks"
            ),
        ),
    ),
    headline=("transport_held", "transport_cleared", "transport_hours_median"),
    sample={
        "id": "transport-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "vehicle": "T-00012",
        "stage": "held",
        "cargo": "food",
        "checkpoint": "330421111-K01",
    },
)
