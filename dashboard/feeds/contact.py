"""密接追踪 contact: from a confirmed case to contacts found, notified and moved. Archetype *case*; seed 001.

Persons are case numbers."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.domain.day import HOUR
from dashboard.domain.feed import CaseSpec, Feed, Field, Kpi, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, share
from dashboard.domain.summary import CaseSummary

ORIGIN = {"local": Words("本地", "Local"), "imported": Words("输入", "Imported")}

SPEC = CaseSpec(
    stages=(
        Stage("found", Words("已找到", "Found"), sla_hours=4),
        Stage("notified", Words("已通知", "Notified"), sla_hours=12),
        Stage("transferred", Words("已转送", "Moved"), ends="done"),
        Stage("cleared", Words("已排除", "Cleared"), ends="withdrawn"),
    ),
    owner_field="owner",
)


def _sprint(towns: Sequence[CaseSummary]) -> Parts:
    found = [case.opened for town in towns for case in town.cases]
    notified = [step.at for town in towns for case in town.cases for step in case.steps if step.stage == "notified"]
    if not found or not notified:
        return Parts.count(None)
    took = max(notified) - min(found)
    return Parts(numerator=took, value=took / HOUR, detail={"milliseconds": took})


SPRINT = Kpi(
    "contact_sprint_hours",
    Words("追踪用时", "Sprint"),
    "hours",
    _sprint,
    Words("从找到第一名密接到通知最后一名用了多久", "From the first contact found to the last one notified"),
    measure=Words("小时", "h"),
    decimals=1,
    standing=True,
)


FEED = Feed(
    name="contact",
    words=Words("密接追踪", "Contact tracing"),
    short=Words("密接", "Contacts"),
    icon="user",
    colour="other",
    archetype=SPEC,
    subject="case",
    natural_key=("case", "stage", "at"),
    fields=(
        Field("case", "text", Words("个案编号", "Case"), required=True, headers=("编号",), example="A-17"),
        stage_field(SPEC),
        Field("index", "text", Words("病例代号", "Index case"), example="c-01"),
        Field("origin", "choice", Words("来源", "Origin"), choices=ORIGIN, example="local"),
        Field("owner", "text", Words("责任人", "Owner"), example="P-0417"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "contacts_found",
            Words("已找到密接", "Contacts found"),
            Words("累计找到的密切接触者", "Contacts found so far"),
            Words("人", "people"),
        ),
        cases(
            "contacts_moved",
            Words("已转送", "Moved"),
            Words("累计转送隔离的密切接触者", "Contacts moved so far"),
            Words("人", "people"),
            lambda case: case.stage == "transferred",
        ),
        cases(
            "contacts_waiting",
            Words("未转送", "Not moved"),
            Words("找到了还没有转送的", "Found and not moved yet"),
            Words("人", "people"),
            lambda case: not case.ends,
            watch_above=0,
        ),
        share(
            "contacts_moved_share",
            Words("转送率", "Share moved"),
            Words("找到的密接里，已转送的占多少", "Of the contacts found, the share moved"),
            Words("人", "people"),
            lambda case: case.stage == "transferred",
        ),
        cases(
            "contacts_imported",
            Words("输入型", "Imported"),
            Words("来源是输入的病例或密接", "Cases or contacts of imported origin"),
            Words("人", "people"),
            lambda case: case.value("origin") == "imported",
        ),
        SPRINT,
    ),
    sample={
        "id": "contact-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "case": "A-17",
        "stage": "found",
        "index": "c-01",
        "owner": "P-0417",
    },
)
