"""企业复工 enterprise: how each enterprise moves from the register to work again. Archetype *case*.

Contacts of an enterprise are taken out at the door and stand in no record of this feed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.feed import (
    AlertRule,
    CaseSpec,
    DutyRule,
    Feed,
    Field,
    Kpi,
    OnCase,
    OnCorrection,
    OnFeed,
    OnFigure,
    Stage,
    Words,
)
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import FreshnessLimits
from dashboard.domain.kpis import grouped
from dashboard.domain.summary import CaseNow, CaseSummary

Towns = Sequence[CaseSummary]

SCALES = {"above": Words("规上", "Above scale"), "below": Words("规下", "Below scale")}

REVIEWERS = {
    "development": Words("发展", "Development"),
    "safety": Words("安监", "Safety"),
    "epidemic": Words("防疫", "Epidemic"),
}

VERDICTS = {"passed": Words("通过", "passed"), "returned": Words("退回", "returned")}

PLEDGES = {
    "enterprise": Words("企业", "Enterprise"),
    "community": Words("村（社区）", "Village or community"),
    "individual": Words("个人", "Individual"),
}

SPEC = CaseSpec(
    stages=(
        Stage("registered", Words("登记", "Registered")),
        Stage("applied", Words("申请", "Applied"), sla_hours=48),
        Stage("reviewing", Words("审核", "Reviewing"), sla_hours=48),
        Stage("committed", Words("承诺", "Committed"), sla_hours=48),
        Stage("approved", Words("批准", "Approved"), sla_hours=48),
        Stage("posted", Words("公示", "Posted"), sla_hours=48),
        Stage("resumed", Words("已复工", "Resumed"), ends="done"),
        Stage("suspended", Words("停工", "Suspended"), ends="halted"),
    ),
    owner_field="liaison",
    review_field="review",
    review_from="applied",
    reviewers=REVIEWERS,
    pledge_field="pledge",
    owes_visits="resumed",
)


def _cases(towns: Towns) -> Iterable[CaseNow]:
    return (case for town in towns for case in town.cases)


def _resumed(case: CaseNow) -> bool:
    return case.stage == "resumed"


def _registered(towns: Towns) -> Parts:
    return Parts.count(sum(len(town.cases) for town in towns))


def _resumed_count(towns: Towns) -> Parts:
    return Parts.count(sum(1 for case in _cases(towns) if _resumed(case)))


def _rate(cases: Sequence[CaseNow]) -> Parts:
    suspended = sum(1 for case in cases if case.stage == "suspended")
    return Parts.ratio(sum(1 for case in cases if _resumed(case)), len(cases), suspended=suspended)


def _resumption(towns: Towns) -> Parts:
    return _rate(list(_cases(towns)))


def _by(field: str, part: Callable[[Sequence[CaseNow]], Parts], towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    return grouped(field, ((case.value(field), case) for case in _cases(towns)), part)


def _resumption_mix(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    return _by("scale", _rate, towns) + _by("industry", _rate, towns)


def _staff(towns: Towns) -> Parts:
    returned = total = unknown = 0
    for case in _cases(towns):
        if _resumed(case):
            has, of = case.value("staff_returned"), case.value("staff_total")
            if has is None or of is None:
                unknown += 1
            else:
                returned, total = returned + has, total + of
    return Parts.ratio(returned, total, unknown=unknown)


def _staff_back(towns: Towns) -> Parts:
    return Parts.count(sum(case.value("staff_returned") or 0 for case in _cases(towns)))


def _approved(towns: Towns) -> Parts:
    return Parts.count(sum(1 for case in _cases(towns) if case.stage in ("approved", "posted", "resumed")))


def _stages(towns: Towns) -> Parts:
    counts = Counter(case.stage for case in _cases(towns))
    return Parts.count(sum(counts.values()), **{stage.code: counts[stage.code] for stage in SPEC.stages})


def _stage_mix(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    counts = Counter(case.stage for case in _cases(towns))
    return [({"stage": stage.code}, Parts.count(counts[stage.code])) for stage in SPEC.stages]


def _stuck(towns: Towns) -> Parts:
    stages = Counter(case.stage for case in _cases(towns) if case.stuck)
    return Parts.count(sum(stages.values()), **dict(sorted(stages.items())))


def _stuck_mix(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    stages = Counter(case.stage for case in _cases(towns) if case.stuck)
    return [
        ({"stage": stage.code}, Parts.count(stages[stage.code]))
        for stage in SPEC.stages
        # A region may limit a stage that has no limit of its own.
        if not stage.ends and (stage.sla_hours is not None or stages[stage.code])
    ]


def _liaison(towns: Towns) -> Parts:
    cases = list(_cases(towns))
    named = sum(1 for case in cases if case.value("liaison"))
    return Parts.ratio(named, len(cases), orphans=len(cases) - named)


FIRMS = Words("家", "enterprises")

FEED = Feed(
    name="enterprise",
    words=Words("企业复工", "Enterprises back to work"),
    short=Words("企业", "Enterprises"),
    icon="ent",
    colour="ent",
    core=True,
    archetype=SPEC,
    subject="enterprise",
    place_field="enterprise",
    place_kind="enterprise",
    natural_key=("enterprise", "stage", "at"),
    fields=(
        Field(
            "enterprise",
            "text",
            Words("企业编号", "Enterprise"),
            required=True,
            headers=("编号", "企业代码", "组织机构代码"),
            example="330421111-E0217",
        ),
        Field(
            "name", "text", Words("企业名称", "Name"), headers=("单位名称", "名称", "企业"), example="云澜电子有限公司"
        ),
        Field(
            "uscc",
            "text",
            Words("统一社会信用代码", "Unified social credit code"),
            max_length=18,
            headers=("信用代码", "社会信用代码"),
            example="91330421MA28A0001X",
        ),
        Field(
            "scale",
            "choice",
            Words("规模", "Scale"),
            choices=SCALES,
            choice_aliases={"规上企业": "above", "规下企业": "below", "规模以上": "above", "规模以下": "below"},
            headers=("企业规模",),
            example="above",
        ),
        Field("industry", "text", Words("行业", "Industry"), headers=("所属行业", "所属大类"), example="电子"),
        Field(
            "stage",
            "choice",
            Words("环节", "Stage"),
            required=True,
            choices={stage.code: stage.words for stage in SPEC.stages},
            choice_aliases={
                "未申请": "registered",
                "已登记": "registered",
                "已申请": "applied",
                "待审核": "applied",
                "不通过": "applied",
                "退回": "applied",
                "审核中": "reviewing",
                "三方审核": "reviewing",
                "已承诺": "committed",
                "审核通过": "approved",
                "已批准": "approved",
                "挂牌公示": "posted",
                "已公示": "posted",
                "待公示": "approved",
                "复工": "resumed",
                "已停工": "suspended",
                "暂停": "suspended",
            },
            headers=("审核状态", "状态", "复工状态", "进展"),
            example="reviewing",
        ),
        Field(
            "review",
            "choice",
            Words("审核意见", "Review"),
            choices={
                f"{code}:{verdict}": Words(who.zh + said.zh, f"{who.en} {said.en}")
                for code, who in REVIEWERS.items()
                for verdict, said in VERDICTS.items()
            },
            headers=("审核结果",),
            example="safety:passed",
        ),
        Field("pledge", "choice", Words("承诺", "Pledge"), choices=PLEDGES, headers=("承诺方",), example="enterprise"),
        Field(
            "staff_total",
            "integer",
            Words("职工总数", "Staff"),
            low=0,
            high=1_000_000,
            unit="人",
            headers=("职工人数", "员工人数", "员工总数"),
            example="320",
        ),
        Field(
            "staff_returned",
            "integer",
            Words("返岗人数", "Staff back"),
            low=0,
            high=1_000_000,
            unit="人",
            headers=("已复工人数", "已返岗人数", "到岗人数"),
            example="186",
        ),
        Field(
            "liaison",
            "text",
            Words("联络警官", "Liaison officer"),
            headers=("联企民警", "一企一警", "责任民警"),
            example="P-0417",
        ),
        Field("steward", "text", Words("驻企专员", "Steward"), headers=("驻企指导员", "专员"), example="S-031"),
        Field("place", "text", Words("地点", "Place"), headers=("地点编号",), example="330421111-E0217"),
    ),
    limits=FreshnessLimits(expected=60 * MINUTE, late=2 * HOUR, stale=6 * HOUR),
    kpis=(
        Kpi(
            "enterprise_registered",
            Words("登记企业", "Registered enterprises"),
            "count",
            _registered,
            Words("有过登记或任何后续记录的企业", "Enterprises with a record of any stage"),
            measure=FIRMS,
            standing=True,
        ),
        Kpi(
            "enterprise_resumed",
            Words("已复工企业", "Resumed enterprises"),
            "count",
            _resumed_count,
            Words("现在的环节是“已复工”的企业", "Enterprises whose current stage is resumed"),
            measure=FIRMS,
            standing=True,
        ),
        Kpi(
            "resumption_rate",
            Words("复工率", "Resumption rate"),
            "ratio",
            _resumption,
            Words("登记的企业里，现在已复工的占多少", "Share of the registered enterprises whose stage is resumed"),
            numerator=Words("现在的环节是“已复工”的企业", "Current stage resumed"),
            denominator=Words("登记的全部企业，停工的也在内", "All registered, suspended ones included"),
            left_out=Words("还没有报送过的镇（街道）", "Towns that have never reported"),
            measure=FIRMS,
            decimals=1,
            target=0.75,
            watch_below=0.75,
            breakdown=_resumption_mix,
            standing=True,
        ),
        Kpi(
            "staff_return_rate",
            Words("员工返岗率", "Staff return rate"),
            "ratio",
            _staff,
            Words("已复工企业的员工里，已经返岗的占多少", "Share of the staff of resumed enterprises that is back"),
            numerator=Words("已复工企业返岗人数之和", "Staff back, resumed enterprises"),
            denominator=Words("已复工企业职工总数之和", "Staff in all, resumed enterprises"),
            left_out=Words("没有报人数的企业", "Enterprises that stated no numbers"),
            measure=Words("人", "people"),
            decimals=1,
            standing=True,
        ),
        Kpi(
            "staff_back",
            Words("返岗员工", "Staff back"),
            "count",
            _staff_back,
            Words("各企业报的返岗人数之和", "Staff back as the enterprises state it, added up"),
            measure=Words("人", "people"),
            standing=True,
        ),
        Kpi(
            "enterprise_approved",
            Words("通过审核的企业", "Approved enterprises"),
            "count",
            _approved,
            Words("已批准、已公示或已复工的企业", "Enterprises approved, posted or resumed"),
            measure=FIRMS,
            standing=True,
        ),
        Kpi(
            "enterprise_stage",
            Words("各环节企业", "Enterprises by stage"),
            "count",
            _stages,
            Words("企业按现在所在的环节分", "Enterprises by their current stage"),
            measure=FIRMS,
            breakdown=_stage_mix,
            standing=True,
        ),
        Kpi(
            "enterprise_stuck",
            Words("超时限企业", "Stuck enterprises"),
            "count",
            _stuck,
            Words("在一个环节停留超过时限的企业", "Enterprises in a stage longer than its limit"),
            rule=Words("申请、审核、承诺、批准、公示各 48 小时，可改", "48 h each from applied to posted, adjustable"),
            measure=FIRMS,
            breakdown=_stuck_mix,
            standing=True,
            watch_above=0,
        ),
        Kpi(
            "liaison_coverage",
            Words("联络覆盖率", "Liaison coverage"),
            "ratio",
            _liaison,
            Words(
                "登记的企业里，有联络警官的占多少（一企一警）",
                "Share of the registered enterprises with a named officer",
            ),
            numerator=Words("有联络警官的企业", "With a named officer"),
            denominator=Words("登记的全部企业", "All registered"),
            measure=FIRMS,
            decimals=1,
            target=1.0,
            standing=True,
        ),
    ),
    duties=(DutyRule("limit"),),
    alerts=(
        AlertRule(
            name="stuck",
            words=Words("企业卡在环节", "Enterprise stuck in a stage"),
            condition=OnCase("stuck"),
            limit=0,
            unit="h",
            high=720,
            urgent=72,
            owner="liaison",
            repeat_min=720,
            chief_min=480,
            leader_min=1440,
            quiet=(20, 8),
            help=Words("在一个环节停留超过规定时间", "Longer in one stage than its limit"),
        ),
        AlertRule(
            name="falls",
            words=Words("复工率下降", "Resumption rate falls"),
            condition=OnFigure("resumption_rate", "fall", least=5),
            limit=2,
            unit="%",
            low=0.5,
            high=50,
            clear=1,
            for_min=10,
            hold_min=10,
            repeat_min=480,
            chief_min=60,
            leader_min=240,
            help=Words("比昨天末或今天最高时低了这么多个百分点", "Lower than yesterday's end or today's highest"),
        ),
        AlertRule(
            name="corrected",
            words=Words("昨日复工数字有更正", "Yesterday's figure corrected"),
            condition=OnCorrection(("resumption_rate",)),
            limit=0.1,
            unit="%",
            low=0.1,
            high=100,
            repeat_min=1440,
            chief_min=480,
            leader_min=1440,
            help=Words("昨天的数字因补报或更正变了，简报会另行说明", "Late or corrected records changed yesterday"),
        ),
        AlertRule(
            name="feed",
            words=Words("企业数据中断", "No enterprise records"),
            condition=OnFeed(),
            hold_min=1,
            repeat_min=240,
            help=Words("超过时限没有任何企业记录或零报告", "Neither record nor zero report for too long"),
        ),
    ),
    sample={
        "id": "enterprise-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "enterprise": "330421111-E0217",
        "name": "云澜电子有限公司",
        "scale": "above",
        "industry": "电子",
        "stage": "reviewing",
        "review": "safety:passed",
        "staff_total": 320,
        "staff_returned": 186,
        "liaison": "P-0417",
    },
)
