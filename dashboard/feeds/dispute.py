"""矛盾纠纷 dispute: what is reported, taken up, mediated and settled between parties. Archetype *case*.

Only how many parties there are, never who: people stand in no record of this feed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median, median_low

from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.feed import (
    AlertRule,
    CaseSpec,
    DutyRule,
    Feed,
    Field,
    Kpi,
    Link,
    OnCase,
    OnFeed,
    Parameter,
    Stage,
    Words,
)
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import FreshnessLimits
from dashboard.domain.summary import CaseNow, CaseSummary

Towns = Sequence[CaseSummary]

KINDS = {
    "labour": Words("劳动合同", "Labour contract"),
    "wages": Words("工资报酬", "Wages"),
    "housing": Words("房屋租赁", "Housing lease"),
    "isolation": Words("隔离管控", "Isolation control"),
    "consumer": Words("消费", "Consumer"),
    "medical": Words("医患", "Medical"),
    "neighbour": Words("邻里", "Neighbours"),
    "business": Words("经营合同", "Business"),
    "other": Words("其他", "Other"),
}

AGES = {
    "lt24h": Words("24 小时内", "Under 24 h"),
    "1-3d": Words("1–3 天", "1–3 d"),
    "3-7d": Words("3–7 天", "3–7 d"),
    "gt7d": Words("超过 7 天", "Over 7 d"),
}

SPEC = CaseSpec(
    stages=(
        Stage("reported", Words("已登记", "Reported")),
        Stage("accepted", Words("已受理", "Accepted")),
        Stage("mediating", Words("调解中", "Mediating")),
        Stage("resolved", Words("已化解", "Resolved"), ends="done"),
        Stage("escalated", Words("转司法", "Escalated"), ends="passed_on"),
        Stage("withdrawn", Words("已撤回", "Withdrawn"), ends="withdrawn"),
    ),
    due_field="due",
    owner_field="handler",
)


def age_of(case: CaseNow, now: int) -> str:
    """The age bucket of an open case: from its first record to ``now``, lower edges included."""
    hours = [edge * HOUR for edge in SPEC.age_hours]
    passed = sum(1 for edge in hours if now - case.opened >= edge)
    return tuple(AGES)[passed]


def _by(name: str, codes: Iterable[str], counts: Counter[str]) -> list[tuple[dict[str, str], Parts]]:
    return [({name: code}, Parts.count(counts[code])) for code in codes]


def _open(towns: Towns) -> Parts:
    found = [case for town in towns for case in town.open]
    stages = Counter(case.stage for case in found)
    return Parts.count(len(found), **{stage.code: stages[stage.code] for stage in SPEC.stages if not stage.ends})


def _open_by_kind(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    return _by("kind", KINDS, Counter(case.value("kind") or "other" for town in towns for case in town.open))


def _new(towns: Towns) -> Parts:
    return Parts.count(sum(len(town.opened_in(town.day_from)) for town in towns))


def _new_in(towns: Towns, first: int, last: int) -> Parts:
    return Parts.count(sum(len(town.opened_in(first, last)) for town in towns))


def _resolved(towns: Towns) -> Parts:
    return Parts.count(sum(case.ends == "done" for town in towns for case in town.ended_in(town.day_from)))


def _resolved_in(towns: Towns, first: int, last: int) -> Parts:
    return Parts.count(sum(case.ends == "done" for town in towns for case in town.ended_in(first, last)))


def _overdue(towns: Towns) -> Parts:
    return Parts.count(sum(case.overdue for town in towns for case in town.open))


def _rate(cohort: Sequence[CaseNow]) -> Parts:
    ends = Counter(case.ends for case in cohort)
    return Parts.ratio(
        ends["done"], len(cohort) - ends["withdrawn"], escalated=ends["passed_on"], withdrawn=ends["withdrawn"]
    )


def _rate_today(towns: Towns) -> Parts:
    return _rate([case for town in towns for case in town.opened_in(town.day_from)])


def _rate_in(towns: Towns, first: int, last: int) -> Parts:
    return _rate([case for town in towns for case in town.opened_in(first, last)])


def _median(spans: Sequence[int]) -> Parts:
    if not spans:
        return Parts.count(None)
    return Parts(numerator=median_low(spans), value=median(spans) / HOUR, detail={"cases": len(spans)})


def _hours_today(towns: Towns) -> Parts:
    return _median(
        [case.since - case.opened for town in towns for case in town.ended_in(town.day_from) if case.ends == "done"]
    )


def _hours_in(towns: Towns, first: int, last: int) -> Parts:
    return _median(
        [case.since - case.opened for town in towns for case in town.ended_in(first, last) if case.ends == "done"]
    )


def _age(towns: Towns) -> Parts:
    counts = Counter(age_of(case, town.now) for town in towns for case in town.open)
    return Parts.count(sum(counts.values()), **{age: counts[age] for age in AGES})


def _age_mix(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    return _by("age", AGES, Counter(age_of(case, town.now) for town in towns for case in town.open))


CASES = Words("件", "cases")

FEED = Feed(
    name="dispute",
    words=Words("矛盾纠纷", "Disputes"),
    short=Words("纠纷", "Disputes"),
    icon="dispute",
    colour="dispute",
    core=True,
    derived={"age": AGES},
    archetype=SPEC,
    subject="case",
    place_field="place",
    place_kind="venue",
    natural_key=("case", "stage", "at"),
    fields=(
        Field(
            "case",
            "text",
            Words("案件编号", "Case"),
            required=True,
            headers=("编号", "案件号", "纠纷编号", "事件编号"),
            example="330421111-D0017",
        ),
        Field(
            "stage",
            "choice",
            Words("环节", "Stage"),
            required=True,
            choices={stage.code: stage.words for stage in SPEC.stages},
            choice_aliases={
                "登记": "reported",
                "待受理": "reported",
                "受理": "accepted",
                "调解": "mediating",
                "调处中": "mediating",
                "办理中": "mediating",
                "化解": "resolved",
                "调解成功": "resolved",
                "已办结": "resolved",
                "办结": "resolved",
                "移送司法": "escalated",
                "移交司法": "escalated",
                "撤回": "withdrawn",
            },
            headers=("状态", "办理状态", "处理状态", "进展", "办理环节"),
            example="reported",
        ),
        Field(
            "kind",
            "choice",
            Words("纠纷类型", "Kind"),
            choices=KINDS,
            choice_aliases={
                "劳动": "labour",
                "劳动纠纷": "labour",
                "劳资纠纷": "wages",
                "欠薪": "wages",
                "工资": "wages",
                "租房": "housing",
                "房屋租赁纠纷": "housing",
                "隔离": "isolation",
                "消费纠纷": "consumer",
                "医疗纠纷": "medical",
                "医患纠纷": "medical",
                "邻里纠纷": "neighbour",
                "合同纠纷": "business",
                "经营": "business",
                "其它": "other",
            },
            headers=("类型", "纠纷类别", "类别", "案由"),
            example="wages",
        ),
        Field(
            "parties",
            "integer",
            Words("当事人数", "Parties"),
            low=1,
            high=5000,
            unit="人",
            headers=("涉及人数", "涉及人员总数", "人数"),
            example="2",
        ),
        Field(
            "handler",
            "text",
            Words("经办人", "Handler"),
            headers=("经办人编号", "办理人", "调解员", "责任人", "处理人", "负责人员"),
            example="P-0417",
        ),
        Field(
            "due",
            "time",
            Words("办结时限", "Due"),
            headers=("时限", "截止时间", "期限", "办理期限"),
            example="2020-02-26T18:00:00+08:00",
        ),
        Field(
            "place", "text", Words("地点", "Place"), headers=("地点编号", "场所", "企业编号"), example="330421111-E0217"
        ),
    ),
    limits=FreshnessLimits(expected=15 * MINUTE, late=30 * MINUTE, stale=60 * MINUTE),
    kpis=(
        Kpi(
            "dispute_open",
            Words("未结纠纷", "Open disputes"),
            "count",
            _open,
            Words(
                "现在还没有化解、转司法或撤回的纠纷，不论何时发生",
                "Not yet resolved, escalated or withdrawn, of any age",
            ),
            measure=CASES,
            breakdown=_open_by_kind,
            standing=True,
        ),
        Kpi(
            "dispute_new",
            Words("今日新增", "New today"),
            "count",
            _new,
            Words("第一条记录在今天的纠纷", "Disputes whose first record is of today"),
            measure=CASES,
            period=_new_in,
        ),
        Kpi(
            "dispute_resolved",
            Words("今日化解", "Resolved today"),
            "count",
            _resolved,
            Words("今天转为已化解、现在仍是已化解的纠纷", "Disputes that became resolved today and still are"),
            measure=CASES,
            period=_resolved_in,
        ),
        Kpi(
            "dispute_overdue",
            Words("逾期未结", "Overdue"),
            "count",
            _overdue,
            Words("过了办结时限还没有结的纠纷", "Open disputes past their due time"),
            rule=Words("时限以记录里的“办结时限”为准", "Due as stated in the record"),
            measure=CASES,
            standing=True,
            watch_above=0,
        ),
        Kpi(
            "resolution_rate",
            Words("化解率", "Resolution rate"),
            "ratio",
            _rate_today,
            Words("这段时间里发生的纠纷，已经化解的占多少", "Of the cases opened in the period, the share resolved"),
            numerator=Words("其中已化解", "Resolved"),
            denominator=Words("这段时间发生的，撤回的不算", "Opened in the period, less withdrawn"),
            left_out=Words("已撤回的", "Withdrawn ones"),
            measure=CASES,
            decimals=1,
            period=_rate_in,
        ),
        Kpi(
            "resolution_hours_median",
            Words("化解用时中位数", "Median hours to resolution"),
            "hours",
            _hours_today,
            Words(
                "今天化解的纠纷，从发生到化解用了多久，取中间值",
                "Of the cases resolved today, first record to resolution",
            ),
            measure=Words("小时", "h"),
            decimals=1,
            period=_hours_in,
        ),
        Kpi(
            "dispute_age",
            Words("未结时长", "Age of open disputes"),
            "count",
            _age,
            Words("未结纠纷按发生至今的时间分档", "Open disputes by time since their first record"),
            measure=CASES,
            breakdown=_age_mix,
            standing=True,
        ),
    ),
    parameters=(
        Parameter(
            "dispute.due_hours",
            Words("没写时限的纠纷，几小时内办结", "Due when none is stated"),
            "h",
            None,
            1,
            2160,
            ("dispute_overdue",),
        ),
    ),
    duties=(DutyRule("due"), DutyRule("unassigned", hours=24)),
    links=(Link("legal_aid", Words("法律援助", "Legal aid"), "case", "case"),),
    alerts=(
        AlertRule(
            name="overdue",
            words=Words("纠纷逾期", "Dispute overdue"),
            condition=OnCase("overdue"),
            limit=0,
            unit="h",
            high=720,
            urgent=24,
            owner="handler",
            repeat_min=240,
            chief_min=120,
            leader_min=1440,
            quiet=(22, 7),
            help=Words("过了约定的办结时间", "Past the time by which it was to be settled"),
        ),
        AlertRule(
            name="at_enterprise",
            words=Words("复工企业新发纠纷", "New dispute in a resumed enterprise"),
            condition=OnCase("opened", within="enterprise", within_stage="resumed"),
            limit=24,
            unit="h",
            low=1,
            high=168,
            owner="handler",
            repeat_min=240,
            help=Words(
                "已复工企业里最近新报的纠纷，联络民警应上门", "Reported lately at an enterprise that has resumed"
            ),
        ),
        AlertRule(
            name="feed",
            words=Words("纠纷数据中断", "No dispute records"),
            condition=OnFeed(),
            hold_min=1,
            repeat_min=240,
            help=Words("超过时限没有任何纠纷记录或零报告", "Neither record nor zero report for too long"),
        ),
    ),
    sample={
        "id": "dispute-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "case": "330421111-D0017",
        "stage": "accepted",
        "kind": "wages",
        "parties": 3,
        "handler": "P-0417",
        "due": "2020-02-26T18:00:00+08:00",
    },
)
