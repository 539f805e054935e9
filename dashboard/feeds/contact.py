"""密接追踪 contact: from a confirmed case to contacts found, notified and moved. Archetype *case*; seed 001.

Persons are case numbers."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.domain.day import HOUR
from dashboard.domain.feed import AlertRule, CaseSpec, Feed, Field, Kpi, Link, OnCase, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, entered, share
from dashboard.domain.summary import CaseNow, CaseSummary

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


def _confirmed(contacts: Sequence[CaseNow]) -> dict[str, int]:
    """Index case -> when it was confirmed: as the records state it, else when its first contact was found."""
    found: dict[str, int] = {}
    stated: dict[str, int] = {}
    for case in contacts:
        index = str(case.value("index") or "")
        found[index] = min(case.opened, found.get(index, case.opened))
        said = case.value("confirmed")
        if said is not None:
            stated[index] = min(said, stated.get(index, said))
    return found | stated


def _took(towns: Sequence[CaseSummary], stage: str) -> Parts:
    """From the confirmation of an index case to its last contact in a stage; of several index cases the longest."""
    contacts = [case for town in towns for case in town.cases]
    begun = _confirmed(contacts)
    spans: dict[str, int] = {}
    reached = 0
    for case in contacts:
        at = entered(case, stage)
        if at is not None:
            reached += 1
            index = str(case.value("index") or "")
            spans[index] = max(at - begun[index], spans.get(index, 0))
    if not spans:
        return Parts.count(None)
    took = max(spans.values())
    known = sum(1 for case in contacts if case.ends != "withdrawn")
    return Parts(
        numerator=took, value=took / HOUR, detail={"milliseconds": took, "reached": reached, "contacts": known}
    )


def _sprint(key: str, stage: str, words: Words, definition: Words) -> Kpi:
    return Kpi(
        key,
        words,
        "hours",
        lambda towns: _took(towns, stage),
        definition,
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
    contacts=True,
    subject="case",
    natural_key=("case", "stage", "at"),
    fields=(
        Field("case", "text", Words("个案编号", "Case"), person=True, required=True, headers=("编号",), example="A-17"),
        stage_field(SPEC),
        Field("index", "text", Words("病例代号", "Index case"), person=True, example="c-01"),
        Field("confirmed", "time", Words("病例确诊时间", "Confirmed at"), example="2020-02-17T19:00:00+08:00"),
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
        _sprint(
            "contact_sprint_hours",
            "notified",
            Words("追踪用时", "Sprint"),
            Words(
                "从病例确诊到通知最后一名密接用了多久；没写确诊时间的，从找到第一名算起",
                "From the confirmation (else the first contact found) to the last contact notified",
            ),
        ),
        _sprint(
            "contact_found_hours",
            "found",
            Words("找到用时", "Until found"),
            Words("从病例确诊到找到最后一名密接用了多久", "From the confirmation to the last contact found"),
        ),
        _sprint(
            "contact_moved_hours",
            "transferred",
            Words("转送用时", "Until moved"),
            Words("从病例确诊到转送最后一名密接用了多久", "From the confirmation to the last contact moved"),
        ),
    ),
    links=(Link("isolation", Words("隔离观察", "Isolation"), "case", "case"),),
    alerts=(
        AlertRule(
            name="waiting",
            words=Words("密接未转送", "Contact not moved"),
            condition=OnCase("stuck"),
            severity="alert",
            limit=0,
            unit="h",
            high=72,
            owner="owner",
            repeat_min=30,
            chief_min=15,
            leader_min=60,
            help=Words("找到的密切接触者超过时限还没有转送", "Found and not moved in time"),
        ),
    ),
    headline=("contacts_found", "contacts_waiting", "contact_sprint_hours"),
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
