"""隔离观察 isolation: a clock of 14 days, two checks a day, errands served, release.

Archetype *case*; seeds 001, 003.

The person is a case number. Persons served and key persons overlap and are never divided by one another."""

from __future__ import annotations

from dashboard.domain.feed import CaseSpec, Feed, Field, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases

SITES = {"home": Words("居家", "Home"), "central": Words("集中", "Central")}
GROUPS = {
    "key": Words("重点人员", "Key person"),
    "contact": Words("密切接触者", "Close contact"),
    "family": Words("特殊家庭", "Special family"),
    "returning": Words("返岗人员", "Returning worker"),
}
YES = {"yes": Words("是", "Yes"), "no": Words("否", "No")}

SPEC = CaseSpec(
    stages=(
        Stage("started", Words("隔离中", "Isolating")),
        Stage("released", Words("已解除", "Released"), ends="done"),
        Stage("left_early", Words("提前离开", "Left early"), ends="halted"),
        Stage("transferred", Words("转送", "Transferred"), ends="passed_on"),
        Stage("served", Words("已服务", "Served"), ends="done"),
    ),
    due_field="due",
    owner_field="steward",
)

FEED = Feed(
    name="isolation",
    words=Words("隔离观察", "Isolation"),
    short=Words("隔离", "Isolation"),
    icon="clock",
    colour="other",
    archetype=SPEC,
    subject="case",
    natural_key=("case", "stage", "at"),
    fields=(
        Field("case", "text", Words("个案编号", "Case"), required=True, headers=("编号",), example="A-17"),
        stage_field(SPEC),
        Field("site", "choice", Words("方式", "Where"), choices=SITES, example="home"),
        Field("group", "choice", Words("人员类别", "Group"), choices=GROUPS, example="key"),
        Field("served", "choice", Words("是否提供服务", "Served"), choices=YES, example="yes"),
        Field("due", "time", Words("期满", "Ends"), example="2020-03-03"),
        Field("enterprise", "text", Words("企业编号", "Enterprise"), example="330421111-E0217"),
        Field("steward", "text", Words("管家", "Steward"), example="S-031"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "isolating",
            Words("隔离中", "Isolating"),
            Words("现在在隔离的人", "People isolating now"),
            Words("人", "people"),
            lambda case: case.stage == "started",
            by="site",
        ),
        cases(
            "isolation_key",
            Words("重点人员", "Key persons"),
            Words("累计隔离的重点人员", "Key persons isolated so far"),
            Words("人", "people"),
            lambda case: case.value("group") == "key",
        ),
        cases(
            "isolation_served",
            Words("服务对象", "People served"),
            Words("累计服务的居家留观、密切接触者和特殊家庭人员", "People served so far"),
            Words("人", "people"),
            lambda case: case.value("served") == "yes",
        ),
        cases(
            "isolation_released",
            Words("已解除", "Released"),
            Words("累计解除隔离的", "Released so far"),
            Words("人", "people"),
            lambda case: case.stage == "released",
        ),
        cases(
            "isolation_left_early",
            Words("提前离开", "Left early"),
            Words("没有期满就离开的", "Left before the time"),
            Words("人", "people"),
            lambda case: case.stage == "left_early",
            watch_above=0,
        ),
        cases(
            "isolation_overdue",
            Words("期满未解除", "Past the end"),
            Words("过了期满时间还没有解除的", "Past the end and not released"),
            Words("人", "people"),
            lambda case: case.overdue,
        ),
    ),
    sample={
        "id": "isolation-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "case": "A-17",
        "stage": "started",
        "site": "home",
        "group": "key",
        "due": "2020-03-03",
    },
)
