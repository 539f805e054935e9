"""绿色通道 transport: a vehicle stuck or expected at a checkpoint, cleared after temperature, disinfection and papers.

Archetype *case*; seeds 002–004.
"""

from __future__ import annotations

from dashboard.domain.feed import CaseSpec, Feed, Field, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases

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
    ),
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
