"""隔离观察 isolation: a clock of 14 days, two checks a day, errands served, release.

Archetype *case*; seeds 001, 003.

The person is a case number. Persons served and key persons overlap and are never divided by one another.

The clock begins with the first record and again with every restart (seed 003: 14 days); two checks a day are owed while
it runs, a morning and an afternoon one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dashboard.domain.checks import CheckState, owed
from dashboard.domain.day import HOUR, day_of, day_start
from dashboard.domain.feed import (
    AlertRule,
    CaseSpec,
    ClockSpec,
    DutyRule,
    Feed,
    Field,
    Kpi,
    Link,
    OnCase,
    Owes,
    Parameter,
    Stage,
    Words,
)
from dashboard.domain.fields import stage_field
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, grouped
from dashboard.domain.summary import CaseNow, CaseSummary

SITES = {"home": Words("居家", "Home"), "central": Words("集中", "Central")}
GROUPS = {
    "key": Words("重点人员", "Key person"),
    "contact": Words("密切接触者", "Close contact"),
    "family": Words("特殊家庭", "Special family"),
    "returning": Words("返岗人员", "Returning worker"),
}
YES = {"yes": Words("是", "Yes"), "no": Words("否", "No")}
CHECKS = {
    "normal": Words("正常", "Normal"),
    "unwell": Words("不适", "Unwell"),
    "absent": Words("未见到人", "Not found"),
}
CLOCK = {"restart": Words("重新计时", "Restart")}
ERRANDS = {
    "food": Words("代购食品", "Food"),
    "supplies": Words("代购用品", "Supplies"),
    "papers": Words("代办手续", "Papers"),
    "care": Words("心理疏导", "Counselling"),
    "other": Words("其他", "Other"),
}

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
    clock=ClockSpec(
        stage="started",
        days=14,
        restart=("clock", "restart"),
        extend_field="extend_days",
        check_field="check",
        windows=((6 * 60, 12 * 60), (13 * 60, 21 * 60)),
    ),
)

Towns = Sequence[CaseSummary]


def _checks(town: CaseSummary) -> Counter[CheckState]:
    clock = SPEC.clock
    return Counter(
        one.state for case in town.cases for one in (owed(case, clock, town.day_from, town.now) if clock else ())
    )


def _check_share(towns: Towns) -> Parts:
    counts: Counter[CheckState] = Counter()
    for town in towns:
        counts += _checks(town)
    done, missed = counts[CheckState.DONE], counts[CheckState.MISSED]
    return Parts.ratio(done, done + missed, open=counts[CheckState.OPEN])


def _checks_in(state: CheckState, towns: Towns) -> Parts:
    return Parts.count(sum(_checks(town)[state] for town in towns))


def _tomorrow(town: CaseSummary) -> list[CaseNow]:
    """Those isolating now whose clock runs out tomorrow."""
    first = town.day_from + 24 * HOUR
    # A date alone ends with its day, so tomorrow's end belongs to tomorrow and today's does not.
    return [c for c in town.cases if c.stage == "started" and c.due and first < c.due <= first + 24 * HOUR]


def _back_tomorrow(towns: Towns) -> Parts:
    return Parts.count(sum(len(_tomorrow(town)) for town in towns))


def _back_by_firm(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    found = ((str(case.value("enterprise") or ""), case) for town in towns for case in _tomorrow(town))
    return grouped("enterprise", found, lambda own: Parts.count(len(own)))


def _load(towns: Towns) -> Counter[str]:
    return Counter(
        str(case.value("steward")) for town in towns for case in town.cases
        if case.stage == "started" and case.value("steward")
    )  # fmt: skip


def _load_most(towns: Towns) -> Parts:
    load = _load(towns)
    return Parts.count(max(load.values(), default=0), stewards=len(load), isolating=sum(load.values()))


def _load_by(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    return [({"steward": who}, Parts.count(count)) for who, count in sorted(_load(towns).items())]


def _missed(case: CaseNow, now: int) -> int | None:
    """Since when the latest check that was owed today is missed, with none made after it."""
    clock = SPEC.clock
    if clock is None:
        return None
    late = [one.end for one in owed(case, clock, day_start(day_of(now)), now) if one.state == CheckState.MISSED]
    return late[-1] if late and not any(at >= late[-1] for at in case.checks) else None


NTH = (Words("上午巡查", "Morning check"), Words("下午巡查", "Afternoon check"))


SOON = 2 * HOUR
"""How long before its window ends a check that is not made is something to be done; until then it is on its way."""


def _owes(case: CaseNow, now: int, day_from: int) -> list[Owes]:
    """The checks of today that are owed and not made, once their time is nearly over."""
    clock = SPEC.clock
    left = [one for one in owed(case, clock, day_from, now) if one.state != CheckState.DONE] if clock else []
    return [Owes(one.start, one.end, NTH[one.nth - 1], str(one.nth)) for one in left if now >= one.end - SOON]


CHECK_TIMES = Words("次", "checks")
CHECK_SHARE = Kpi(
    "isolation_checked",
    Words("巡查完成率", "Checks made"),
    "ratio",
    _check_share,
    Words(
        "今天已到时间的巡查里，做了的占多少（每人上午、下午各一次）",
        "Of today's checks whose time is over, the share made",
    ),
    numerator=Words("做了的", "Made"),
    denominator=Words("时段已过、该做的", "Owed, their time over"),
    left_out=Words("时段还没有结束的", "Those whose time is not over"),
    measure=CHECK_TIMES,
    decimals=1,
    standing=True,
    watch_below=1.0,
)
CHECKS_MISSED = Kpi(
    "isolation_missed",
    Words("漏巡查", "Checks missed"),
    "count",
    lambda towns: _checks_in(CheckState.MISSED, towns),
    Words("今天时段已过、没有做的巡查", "Checks owed today and not made in their time"),
    measure=CHECK_TIMES,
    standing=True,
    watch_above=0,
)
TOMORROW = Kpi(
    "isolation_back_tomorrow",
    Words("明日期满", "Back tomorrow"),
    "count",
    _back_tomorrow,
    Words("现在在隔离、明天期满的人；按企业分就是明天各企业能回来几人", "Isolating now, their time over tomorrow"),
    measure=Words("人", "people"),
    breakdown=_back_by_firm,
    people=True,
    standing=True,
)
LOAD = Kpi(
    "isolation_load",
    Words("管家最多照管", "Largest steward's load"),
    "count",
    _load_most,
    Words("照管人数最多的一位管家现在照管几人", "People isolating now under the steward who has most"),
    measure=Words("人", "people"),
    breakdown=_load_by,
    people=True,
    standing=True,
)


def _left(case: CaseNow, now: int) -> int | None:
    """Since when somebody has been gone who should not be."""
    return case.since if case.stage == "left_early" else None


FEED = Feed(
    name="isolation",
    words=Words("隔离观察", "Isolation"),
    short=Words("隔离", "Isolation"),
    icon="clock",
    colour="other",
    archetype=SPEC,
    contacts=True,
    subject="case",
    natural_key=("case", "stage", "at"),
    fields=(
        Field("case", "text", Words("个案编号", "Case"), person=True, required=True, headers=("编号",), example="A-17"),
        stage_field(SPEC),
        Field("site", "choice", Words("方式", "Where"), choices=SITES, example="home"),
        Field("group", "choice", Words("人员类别", "Group"), choices=GROUPS, example="key"),
        Field("served", "choice", Words("是否提供服务", "Served"), choices=YES, example="yes"),
        Field("due", "time", Words("期满", "Ends"), example="2020-03-03"),
        Field("enterprise", "text", Words("企业编号", "Enterprise"), example="330421111-E0217"),
        Field("steward", "text", Words("管家", "Steward"), example="S-031"),
        Field("clock", "choice", Words("计时", "Clock"), choices=CLOCK, example="restart"),
        Field("extend_days", "integer", Words("延长", "Extended by"), low=1, high=28, unit="天", example="7"),
        Field("check", "choice", Words("巡查", "Check"), choices=CHECKS, headers=("巡查情况",), example="normal"),
        Field("errand", "choice", Words("代办", "Errand"), choices=ERRANDS, example="food"),
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
            people=True,
        ),
        cases(
            "isolation_key",
            Words("重点人员", "Key persons"),
            Words("累计隔离的重点人员", "Key persons isolated so far"),
            Words("人", "people"),
            lambda case: case.value("group") == "key",
            apart=("isolation_served",),
        ),
        cases(
            "isolation_served",
            Words("服务对象", "People served"),
            Words("累计服务的居家留观、密切接触者和特殊家庭人员", "People served so far"),
            Words("人", "people"),
            lambda case: case.value("served") == "yes",
            apart=("isolation_key",),
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
            watch_above=0,
        ),
        cases(
            "isolation_extended",
            Words("延长或重新计时", "Extended or restarted"),
            Words("现在在隔离、延长过或重新计时的人", "Isolating now, extended or begun again"),
            Words("人", "people"),
            lambda case: case.stage == "started" and bool(case.extended or case.restarts),
        ),
        CHECK_SHARE,
        CHECKS_MISSED,
        TOMORROW,
        LOAD,
    ),
    parameters=(
        Parameter(
            "isolation.clock_days",
            Words("隔离几天", "Length of isolation"),
            "d",
            14,
            1,
            60,
            ("isolation_overdue", "isolation_back_tomorrow"),
        ),
    ),
    duties=(DutyRule("due"), DutyRule("owed", owed=_owes)),
    links=(
        Link("enterprise", Words("所在企业", "Enterprise"), "enterprise", "enterprise"),
        Link("contact", Words("密接追踪", "Contact tracing"), "case", "case"),
    ),
    alerts=(
        AlertRule(
            name="missed",
            words=Words("隔离巡查漏了", "Isolation check missed"),
            condition=OnCase("since", _missed),
            limit=0,
            unit="h",
            high=24,
            urgent=3,
            owner="steward",
            repeat_min=60,
            chief_min=30,
            leader_min=180,
            help=Words("时段过了还没有巡查记录，请先联系管家，再到人", "Its time is over and nobody has looked in"),
        ),
        AlertRule(
            name="left",
            words=Words("隔离人员提前离开", "Left isolation early"),
            condition=OnCase("since", _left),
            severity="alert",
            limit=0,
            unit="h",
            high=336,
            owner="steward",
            repeat_min=30,
            chief_min=10,
            leader_min=30,
            help=Words("没有期满就离开了隔离点", "Left before the clock ran out"),
        ),
        AlertRule(
            name="overdue",
            words=Words("隔离期满未解除", "Isolation past its end"),
            condition=OnCase("overdue"),
            limit=0,
            unit="h",
            high=240,
            urgent=24,
            owner="steward",
            repeat_min=240,
            chief_min=240,
            leader_min=1440,
            quiet=(22, 7),
            help=Words("期满时间已过，还没有登记解除", "Past the end and not released"),
        ),
    ),
    headline=("isolating", "isolation_missed", "isolation_back_tomorrow"),
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
