"""电话回访 callback: a returning worker is called, asks, and says whether to return. Archetype *case*; seed 000.

The person is a pseudonym; the number to call lies in the contact vault."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.domain.feed import CaseSpec, Feed, Field, Kpi, Link, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, share
from dashboard.domain.summary import CaseSummary

QUESTIONS = {
    "highway": Words("高速公路", "Highways"),
    "bus": Words("客车", "Buses"),
    "roadblock": Words("道路封堵", "Road blocks"),
    "isolation": Words("隔离", "Isolation"),
    "wages": Words("工资", "Wages"),
    "other": Words("其他", "Other"),
}
WILLING = {
    "yes": Words("愿意返岗", "Willing"),
    "hesitant": Words("犹豫", "Hesitant"),
    "no": Words("不返岗", "Not willing"),
}

SPEC = CaseSpec(
    stages=(
        Stage("queued", Words("待回访", "Queued"), sla_hours=48),
        Stage("no_answer", Words("未接通", "No answer"), sla_hours=24),
        Stage("reached", Words("已接通", "Reached"), ends="done"),
        Stage("dropped", Words("不再回访", "Dropped"), ends="withdrawn"),
    ),
    owner_field="caller",
    counted=("no_answer", "reached"),
    tracked=("willing",),
)
LODGING = {
    "has": Words("有住处", "Has a place"),
    "needs": Words("要找住处", "Needs a place"),
    "matched": Words("已对接房源", "Matched"),
}


def _attempts(towns: Sequence[CaseSummary]) -> Parts:
    tried = [case.attempts for town in towns for case in town.cases if case.attempts]
    return Parts.count(sum(tried), calls=len(tried), most=max(tried, default=0))


FEED = Feed(
    name="callback",
    words=Words("电话回访", "Call-backs"),
    short=Words("回访", "Call-backs"),
    icon="phone",
    colour="other",
    archetype=SPEC,
    contacts=True,
    subject="call",
    natural_key=("call", "stage", "at"),
    fields=(
        Field(
            "call",
            "text",
            Words("回访编号", "Call"),
            person=True,
            required=True,
            headers=("编号",),
            example="330421111-H001",
        ),
        stage_field(SPEC),
        Field("person_ref", "text", Words("代号", "Pseudonym"), person=True, example="p-7f3a"),
        Field("enterprise", "text", Words("企业编号", "Enterprise"), example="330421111-E0217"),
        Field("question", "choice", Words("所问", "Question"), choices=QUESTIONS, example="highway"),
        Field("willing", "choice", Words("意愿", "Willing"), choices=WILLING, example="yes"),
        Field("lodging", "choice", Words("住宿", "Lodging"), choices=LODGING, example="needs"),
        Field("house", "text", Words("对接房源", "Listing"), example="330421111-R001"),
        Field("caller", "text", Words("回访人", "Caller"), example="P-0417"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "callbacks_queued",
            Words("待回访", "To call"),
            Words("还没有接通的回访", "Not reached yet"),
            Words("个", "calls"),
            lambda case: not case.ends,
            by="stage",
        ),
        cases(
            "callbacks_reached",
            Words("已接通", "Reached"),
            Words("累计接通的回访", "Reached so far"),
            Words("个", "calls"),
            lambda case: case.stage == "reached",
            by="question",
            people=True,
        ),
        share(
            "willing_share",
            Words("愿意返岗", "Willing to return"),
            Words("接通的人里，愿意返岗的占多少", "Of those reached, the share willing to return"),
            Words("人", "people"),
            lambda case: case.value("willing") == "yes",
            lambda case: case.stage == "reached",
        ),
        cases(
            "callbacks_hesitant",
            Words("犹豫的", "Hesitant"),
            Words("接通后还在犹豫的", "Reached and hesitant"),
            Words("人", "people"),
            lambda case: case.value("willing") == "hesitant",
        ),
        Kpi(
            "callback_attempts",
            Words("拨打次数", "Attempts"),
            "count",
            _attempts,
            Words("累计拨打的次数，未接通的也算", "Calls made so far, those without answer too"),
            measure=Words("次", "calls"),
            standing=True,
        ),
        cases(
            "callbacks_won",
            Words("犹豫后愿意返岗", "Hesitant, then willing"),
            Words("先说犹豫或不返岗、后来愿意返岗的人", "Said hesitant or no at first and is willing now"),
            Words("人", "people"),
            lambda case: (
                case.value("willing") == "yes" and (case.was("willing", "hesitant") or case.was("willing", "no"))
            ),
        ),
        cases(
            "callbacks_lodging",
            Words("要找住处", "Need lodging"),
            Words("愿意返岗、还没有对接住处的人", "Willing to return and without a place yet"),
            Words("人", "people"),
            lambda case: case.value("willing") == "yes" and case.value("lodging") == "needs",
            by="enterprise",
            people=True,
            watch_above=0,
        ),
        cases(
            "callbacks_returning",
            Words("愿意返岗人数", "Willing"),
            Words("接通后愿意返岗的人，按企业分", "Reached and willing to return, by enterprise"),
            Words("人", "people"),
            lambda case: case.value("willing") == "yes",
            by="enterprise",
            people=True,
        ),
    ),
    links=(
        Link("enterprise", Words("所在企业", "Enterprise"), "enterprise", "enterprise"),
        Link("housing", Words("对接房源", "Listing"), "call", "call"),
    ),
    headline=("callbacks_queued", "callbacks_reached", "callbacks_won"),
    sample={
        "id": "callback-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "call": "330421111-H001",
        "stage": "queued",
        "enterprise": "330421111-E0217",
    },
)
