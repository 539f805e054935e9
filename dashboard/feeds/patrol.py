"""巡逻日志 patrol: moving units report positions; visits to places are derived or checked in. Archetype *track*."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.feed import (
    VISIT_VERBS,
    AlertRule,
    DutyRule,
    Feed,
    Field,
    Kpi,
    OnFeed,
    OnFigure,
    OnTrack,
    Parameter,
    Required,
    TrackSpec,
    Words,
)
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import FreshnessLimits
from dashboard.domain.summary import ObligationState, TrackSummary

Towns = Sequence[TrackSummary]

VISITS = (
    *("patrol_coverage", "obligations_open", "obligations_met", "obligations_lapsed", "obligations_unobservable"),
    "longest_gap_hours",
)
"""Figures that depend on what counts as a visit."""


TARGETS = {
    "patrol_point": Words("必巡点", "Patrol points"),
    "enterprise": Words("复工企业", "Resumed enterprises"),
}
"""What owes visits: the pack's patrol points, and every enterprise from the day after it resumed (EXACTNESS 16)."""


def _covered(towns: Towns, target: str | None = None) -> Parts:
    states: Counter[str] = Counter()
    closed = 0
    for town in towns:
        for judged in town.obligations:
            if target in (None, judged.target):
                states[judged.state] += 1
                closed += judged.state == ObligationState.MET and judged.end <= town.now
    return Parts.ratio(
        closed,
        closed + states[ObligationState.LAPSED],
        open=states[ObligationState.OPEN],
        unobservable=states[ObligationState.UNOBSERVABLE],
        met_today=states[ObligationState.MET],
        total=sum(states.values()),
    )


def _coverage(towns: Towns) -> Parts:
    return _covered(towns)


def _coverage_mix(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    return [({"target": target}, _covered(towns, target)) for target in TARGETS]


def _count(state: ObligationState) -> Kpi:
    words = {
        ObligationState.OPEN: Words("未到期", "Open"),
        ObligationState.MET: Words("已巡", "Met"),
        ObligationState.LAPSED: Words("漏巡", "Lapsed"),
        ObligationState.UNOBSERVABLE: Words("无法判定", "Unobservable"),
    }[state]
    definition = {
        ObligationState.OPEN: Words(
            "时间窗还没过、还没巡到的巡逻义务", "Obligations not yet visited whose window has not closed"
        ),
        ObligationState.MET: Words("今天已按时巡到的巡逻义务", "Today's obligations visited within their window"),
        ObligationState.LAPSED: Words(
            "时间窗已过、没有巡到的巡逻义务", "Obligations whose window closed without a visit"
        ),
        ObligationState.UNOBSERVABLE: Words(
            "时间窗已过、责任组过半时段没有可用定位，无法判定",
            "Closed windows in which the beat's units sent no usable fix for more than half",
        ),
    }[state]

    def parts(towns: Towns) -> Parts:
        return Parts.count(sum(town.count(state) for town in towns))

    def mix(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
        counts = Counter(judged.target for town in towns for judged in town.obligations if judged.state == state)
        return [({"target": target}, Parts.count(counts[target])) for target in TARGETS]

    measure = Words("处", "points")
    return Kpi(f"obligations_{state}", words, "count", parts, definition, measure=measure, by_rule=True, breakdown=mix)


def _cells(towns: Towns) -> Parts:
    return Parts.ratio(sum(town.cells_seen for town in towns), sum(town.cells_listed for town in towns))


def _on_duty(towns: Towns) -> Parts:
    return Parts.count(
        sum(town.units_on_duty for town in towns),
        signal=sum(1 for town in towns for unit in town.units if unit.signal),
        known=sum(len(town.units) for town in towns),
    )


def _person_times(towns: Towns) -> Parts:
    return Parts.count(sum(town.person_times for town in towns))


def _distance(towns: Towns) -> Parts:
    millimetres = sum(town.distance_mm for town in towns)
    return Parts(numerator=millimetres, value=millimetres / 1_000_000, detail={"millimetres": millimetres})


def _longest_gap(towns: Towns) -> Parts:
    gaps = [(town.now - gap.since, gap.place) for town in towns for gap in town.gaps[:1]]
    if not gaps:
        return Parts.count(None)
    longest, place = max(gaps)
    return Parts(numerator=longest, value=longest / HOUR, detail={"place": place, "milliseconds": longest})


FEED = Feed(
    name="patrol",
    words=Words("巡逻日志", "Patrol log"),
    short=Words("巡逻", "Patrol"),
    icon="patrol",
    colour="patrol",
    core=True,
    archetype=TrackSpec(visits_for=("enterprise",)),
    subject="unit",
    place_field="place",
    place_kind="patrol_point",
    natural_key=("unit", "kind", "at"),
    derived={"target": TARGETS},
    fields=(
        Field(
            "unit",
            "text",
            Words("巡逻组", "Unit"),
            required=True,
            headers=("组", "组别", "巡逻组编号"),
            example="330421111-U1",
        ),
        Field(
            "officers", "integer", Words("警力", "Officers"), low=1, high=200, headers=("人数", "警力人数"), example="3"
        ),
        Field(
            "mode",
            "choice",
            Words("方式", "Mode"),
            choices={
                "foot": Words("步巡", "On foot"),
                "vehicle": Words("车巡", "Vehicle"),
                "motorcycle": Words("摩托", "Motorcycle"),
                "drone": Words("无人机", "Drone"),
            },
            choice_aliases={"步行": "foot", "汽车": "vehicle", "摩托车": "motorcycle"},
            headers=("巡逻方式",),
            example="vehicle",
        ),
        Field(
            "kind",
            "choice",
            Words("类型", "Kind"),
            required=True,
            choices={
                "position": Words("定位", "Position"),
                "start": Words("上岗", "Start"),
                "end": Words("下岗", "End"),
                "checkin": Words("打卡", "Check-in"),
            },
            choice_aliases={"位置": "position", "到岗": "start", "离岗": "end", "签到": "checkin"},
            headers=("记录类型",),
            example="position",
        ),
        Field(
            "speed",
            "number",
            Words("速度", "Speed"),
            low=0,
            high=400,
            unit="km/h",
            headers=("车速",),
            example="12",
            edge=True,
        ),
        Field(
            "heading",
            "number",
            Words("方向", "Heading"),
            low=0,
            high=360,
            unit="°",
            headers=("航向",),
            example="90",
            edge=True,
        ),
        Field(
            "accuracy",
            "number",
            Words("精度", "Accuracy"),
            low=0,
            high=100_000,
            unit="m",
            headers=("定位精度",),
            example="8",
            edge=True,
        ),
        Field("place", "text", Words("地点", "Place"), headers=("点位", "点位编号"), example="330421111-P01"),
    ),
    parameters=(
        Parameter("patrol.radius_m", Words("到点距离", "Distance of a visit"), "m", 50, 10, 200, VISITS),
        Parameter(
            "patrol.max_radius_m",
            Words("到点距离加定位精度，最多", "Distance plus accuracy, at most"),
            "m",
            100,
            10,
            300,
            VISITS,
        ),
        Parameter("patrol.dwell_s", Words("停留时间", "Stay of a visit"), "s", 60, 10, 900, VISITS),
        Parameter(
            "patrol.max_gap_s",
            Words("相邻定位间隔不超过", "Longest gap between fixes"),
            "s",
            120,
            30,
            300,
            (*VISITS, "distance_km"),
        ),
        Parameter(
            "patrol.signal_minutes",
            Words("在岗看最近", "On duty by a fix of the last"),
            "min",
            15,
            5,
            120,
            ("units_on_duty",),
        ),
    ),
    required=(Required("kind", "position", ("lon", "lat")), Required("kind", "checkin", ("place",))),
    limits=FreshnessLimits(expected=MINUTE // 2, late=2 * MINUTE, stale=10 * MINUTE),
    kpis=(
        Kpi(
            "patrol_coverage",
            Words("巡逻覆盖率", "Patrol coverage"),
            "ratio",
            _coverage,
            Words(
                "到期的巡逻义务里，按时巡到的占多少",
                "Of the obligations whose window has closed, the share visited in time",
            ),
            numerator=Words(
                "已巡：点位 50 米内停留 60 秒，或扫码打卡", "Met: 60 s within 50 m of the place, or a check-in"
            ),
            denominator=Words("已巡 + 漏巡，只算时间窗已过的", "Met + lapsed, closed windows only"),
            left_out=Words(
                "未到期；无法判定（责任组过半时段无定位）",
                "Open; unobservable (no usable fix for over half the window)",
            ),
            rule=Words(
                "距离 50 米加定位精度，最多 100 米；相邻定位间隔不超过 120 秒",
                "50 m plus the fix's accuracy, at most 100 m; gaps up to 120 s",
            ),
            decimals=1,
            target=0.9,
            alert_below=0.9,
            breakdown=_coverage_mix,
        ),
        _count(ObligationState.OPEN),
        _count(ObligationState.MET),
        _count(ObligationState.LAPSED),
        _count(ObligationState.UNOBSERVABLE),
        Kpi(
            "cells_seen",
            Words("网格覆盖", "Cell coverage"),
            "ratio",
            _cells,
            Words(
                "列入的网格里，今天有巡逻定位的占多少",
                "Share of the listed H3 cells (resolution 9) with a usable fix today",
            ),
            numerator=Words("今天有可用定位的网格", "Cells with a usable fix today"),
            denominator=Words("列入的网格", "Listed cells"),
            decimals=1,
        ),
        Kpi(
            "units_on_duty",
            Words("在岗巡逻组", "Units on duty"),
            "count",
            _on_duty,
            Words(
                "本班次已上岗未下岗，或 15 分钟内有可用定位的组",
                "Started and not ended in this shift, or a usable fix in the last 15 min",
            ),
            measure=Words("组", "units"),
        ),
        Kpi(
            "person_times",
            Words("警力人次", "Person-times"),
            "count",
            _person_times,
            Words("每组每班次所报最大人数之和", "Sum over each unit and shift of the largest strength it stated"),
            measure=Words("人次", "person-times"),
        ),
        Kpi(
            "distance_km",
            Words("巡逻里程", "Distance patrolled"),
            "km",
            _distance,
            Words("相邻可用定位之间的大地线距离之和", "Geodesic length between consecutive usable fixes"),
            left_out=Words(
                "间隔超过 120 秒、时速超过 150 公里（步巡 25 公里）的段",
                "Gaps over 120 s and implied speeds over 150 km/h (25 on foot)",
            ),
            decimals=1,
            measure=Words("公里", "km"),
        ),
        Kpi(
            "longest_gap_hours",
            Words("最久未到", "Longest since visit"),
            "hours",
            _longest_gap,
            Words(
                "应巡点位里，距上次到访最久的一处", "Over places that owe visits, the longest time since the last visit"
            ),
            decimals=1,
            measure=Words("小时", "h"),
        ),
    ),
    duties=(
        DutyRule("visit", verbs=VISIT_VERBS),
        DutyRule("round", target="enterprise", verbs=VISIT_VERBS),
    ),
    alerts=(
        AlertRule(
            name="gap",
            words=Words("巡逻空档", "Patrol gap"),
            condition=OnTrack("gap"),
            limit=30,
            unit="min",
            low=0,
            high=240,
            urgent=60,
            owner="unit",
            hold_min=0,
            repeat_min=60,
            chief_min=15,
            leader_min=60,
            help=Words(
                "必巡点快要到点还没有人去，或已经到点。之后有人到过即解除，漏巡仍计入覆盖率",
                "Soon to lapse, or lapsed",
            ),
        ),
        AlertRule(
            name="silent",
            words=Words("巡逻组没有信号", "Patrol unit without signal"),
            condition=OnTrack("silent"),
            limit=20,
            unit="min",
            low=5,
            high=240,
            hold_min=2,
            repeat_min=60,
            owner="unit",
            help=Words(
                "在岗的巡逻组没有发来位置：是看不到，不是没有巡", "On duty and sends no position: unseen, not idle"
            ),
        ),
        AlertRule(
            name="coverage",
            words=Words("巡逻覆盖率偏低", "Patrol coverage low"),
            condition=OnFigure("patrol_coverage", "below", least=5),
            limit=75,
            unit="%",
            low=0,
            high=100,
            clear=80,
            for_min=15,
            hold_min=10,
            repeat_min=240,
            chief_min=60,
            leader_min=240,
            help=Words("本镇今天到点的必巡点里，按时巡到的不够多", "Of the visits due so far too few were made"),
        ),
        AlertRule(
            name="feed",
            words=Words("巡逻数据中断", "No positions at all"),
            condition=OnFeed(),
            severity="alert",
            hold_min=1,
            help=Words("全部巡逻组都没有数据，多半是线路或平台", "Nothing from any unit: line or platform"),
        ),
    ),
    sample={
        "id": "patrol-0001",
        "town": "330421111",
        "at": "2020-02-18T08:12:30+08:00",
        "unit": "330421111-U1",
        "officers": 3,
        "mode": "vehicle",
        "kind": "position",
        "lon": 120.957,
        "lat": 30.912,
        "speed": 18,
        "heading": 90,
        "accuracy": 8,
    },
)
