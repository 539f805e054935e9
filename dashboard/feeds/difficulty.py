"""企业难题 difficulty: an enterprise asks for help, and is helped. Archetype *case*; seeds 000, 002."""

from __future__ import annotations

from dashboard.domain.feed import CaseSpec, Feed, Field, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, summed

KINDS = {
    "lodging": Words("住宿", "Lodging"),
    "transport": Words("交通", "Transport"),
    "supplies": Words("防疫物资", "Supplies"),
    "recruiting": Words("用工", "Recruiting"),
    "procedures": Words("手续", "Procedures"),
    "safety": Words("安全生产", "Production safety"),
    "other": Words("其他", "Other"),
}

SPEC = CaseSpec(
    stages=(
        Stage("raised", Words("提出", "Raised"), sla_hours=24),
        Stage("handling", Words("办理中", "Being handled"), sla_hours=72),
        Stage("solved", Words("已解决", "Solved"), ends="done"),
        Stage("declined", Words("无法解决", "Not solvable"), ends="passed_on"),
    ),
    owner_field="owner",
)

FEED = Feed(
    name="difficulty",
    words=Words("企业难题", "Enterprise difficulties"),
    short=Words("难题", "Difficulties"),
    icon="warn",
    colour="other",
    archetype=SPEC,
    subject="difficulty",
    natural_key=("difficulty", "stage", "at"),
    fields=(
        Field(
            "difficulty",
            "text",
            Words("难题编号", "Difficulty"),
            required=True,
            headers=("编号",),
            example="330421111-N001",
        ),
        stage_field(SPEC),
        Field("enterprise", "text", Words("企业编号", "Enterprise"), headers=("企业",), example="330421111-E0217"),
        Field("kind", "choice", Words("种类", "Kind"), choices=KINDS, example="transport"),
        Field("owner", "text", Words("责任人", "Owner"), example="P-0417"),
        Field("staff_back", "quantity", Words("帮助返岗人数", "Staff brought back"), example="80"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "difficulties_open",
            Words("未解决难题", "Open difficulties"),
            Words("现在还没有解决的企业难题", "Difficulties not solved yet"),
            Words("个", "difficulties"),
            lambda case: not case.ends,
            by="kind",
        ),
        cases(
            "difficulties_solved",
            Words("已解决难题", "Solved"),
            Words("累计解决的企业难题", "Difficulties solved so far"),
            Words("个", "difficulties"),
            lambda case: case.stage == "solved",
            by="kind",
        ),
        cases(
            "enterprises_helped",
            Words("帮助企业", "Enterprises helped"),
            Words("有难题得到解决的企业，每家一次", "Enterprises with a difficulty solved, each once"),
            Words("家", "enterprises"),
            lambda case: case.stage == "solved",
            distinct="enterprise",
        ),
        summed(
            "staff_brought_back",
            Words("帮助返岗", "Staff brought back"),
            Words("解决难题时帮助返岗的员工", "Staff brought back by solved difficulties"),
            Words("人", "people"),
            "staff_back",
            lambda case: case.stage == "solved",
        ),
    ),
    sample={
        "id": "difficulty-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "difficulty": "330421111-N001",
        "stage": "raised",
        "enterprise": "330421111-E0217",
        "kind": "transport",
        "owner": "P-0417",
    },
)
