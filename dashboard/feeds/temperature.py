"""卡点体温 temperature: devices at checkpoints measure people passing. Archetype *reading*.

Never a name or ID number: ``person_ref`` is a pseudonym made at the edge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dashboard.domain.day import MINUTE
from dashboard.domain.feed import (
    AlertRule,
    DutyRule,
    Feed,
    Field,
    Kpi,
    OnCorrection,
    OnFeed,
    OnFigure,
    OnReading,
    Parameter,
    ReadingSpec,
    Words,
)
from dashboard.domain.figure import Parts, wilson
from dashboard.domain.freshness import FreshnessLimits
from dashboard.domain.summary import FeverState, ReadingSummary

Towns = Sequence[ReadingSummary]

CODES = {
    "green": Words("绿码", "Green"),
    "yellow": Words("黄码", "Yellow"),
    "red": Words("红码", "Red"),
    "none": Words("无码", "None"),
}


METHODS = {
    "contact": Words("接触式", "Contact"),
    "infrared": Words("红外", "Infrared"),
    "thermal_camera": Words("热成像", "Thermal camera"),
}
SITES = {
    "axillary": Words("腋下", "Axillary"),
    "oral": Words("口腔", "Oral"),
    "ear": Words("耳", "Ear"),
    "forehead": Words("额", "Forehead"),
    "wrist": Words("腕", "Wrist"),
    "face": Words("面部", "Face"),
}
FEVERS = ("fever_count", "fever_rate", "fever_confirmed")
"""Figures that depend on what is a fever."""


def _limits() -> tuple[Parameter, ...]:
    """Thresholds of a fever, the general one first; the most particular one that is set decides."""

    def limit(key: str, zh: str, en: str, default: float | None = None) -> Parameter:
        return Parameter(f"fever.{key}", Words(f"发热阈值{zh}", f"Fever threshold{en}"), "℃", default, 35, 42, FEVERS)

    return (
        limit("default", "", "", 37.3),
        *(limit(f"{method}/", f"：{words.zh}", f": {words.en.lower()}") for method, words in METHODS.items()),
        *(limit(f"/{site}", f"：{words.zh}", f": {words.en.lower()}") for site, words in SITES.items()),
        *(
            limit(f"{method}/{site}", f"：{by.zh}·{at.zh}", f": {by.en.lower()}, {at.en.lower()}")
            for method, by in METHODS.items()
            for site, at in SITES.items()
        ),
    )


def _screened(towns: Towns) -> Parts:
    return Parts.count(sum(town.screened for town in towns))


def _fevers(towns: Towns) -> Parts:
    states = Counter(fever.state for town in towns for fever in town.fevers)
    return Parts.count(
        sum(town.fever_count for town in towns), **{str(state): states[state] for state in FeverState if states[state]}
    )


def _fever_rate(towns: Towns) -> Parts:
    fevers, screened = sum(town.fever_count for town in towns), sum(town.screened for town in towns)
    interval = wilson(fevers, screened)
    bounds = {"low": interval[0], "high": interval[1]} if interval else {"low": None, "high": None}
    return Parts.ratio(fevers, screened, **bounds)


def _confirmed(towns: Towns) -> Parts:
    return Parts.count(sum(town.fever_confirmed for town in towns))


def _online(towns: Towns) -> Parts:
    return Parts.ratio(sum(town.online for town in towns), sum(town.on_duty for town in towns))


def _drift(towns: Towns) -> Parts:
    drifts = [drift for town in towns for drift in town.drifts]
    if not drifts:
        return Parts.count(None)
    worst = max(drifts, key=lambda drift: (abs(drift.milli), drift.device))
    return Parts(
        numerator=abs(worst.milli),
        value=abs(worst.milli) / 1000,
        detail={"device": worst.device, "checkpoint": worst.checkpoint, "signed": worst.milli / 1000},
    )


def _blocked(towns: Towns) -> Parts:
    return Parts.count(sum(sum(town.blocked.values()) for town in towns), must_pass=sum(t.must_pass for t in towns))


def _blocked_mix(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    counts: Counter[str] = Counter()
    for town in towns:
        counts.update(town.blocked)
    return [({"checkpoint": name}, Parts.count(counts[name])) for name in sorted(counts)]


def _code_counts(towns: Towns) -> Counter[str]:
    counts: Counter[str] = Counter()
    for town in towns:
        counts.update(town.codes)
    return counts


def _code_total(towns: Towns) -> Parts:
    counts = _code_counts(towns)
    return Parts.ratio(counts["green"], sum(counts.values()), **{code: counts[code] for code in CODES})


def _code_mix(towns: Towns) -> list[tuple[dict[str, str], Parts]]:
    counts = _code_counts(towns)
    total = sum(counts.values())
    return [({"health_code": code}, Parts.ratio(counts[code], total)) for code in CODES]


FEED = Feed(
    name="temperature",
    words=Words("卡点体温", "Checkpoint temperature"),
    short=Words("体温", "Temperature"),
    icon="temp",
    colour="temp",
    core=True,
    archetype=ReadingSpec(value_field="celsius", subject_field="checkpoint"),
    subject="checkpoint",
    place_field="checkpoint",
    place_kind="checkpoint",
    natural_key=("checkpoint", "device", "person_ref", "at"),
    fields=(
        Field(
            "checkpoint",
            "text",
            Words("卡点", "Checkpoint"),
            required=True,
            headers=("卡点编号",),
            example="330421111-K01",
        ),
        Field("device", "text", Words("设备", "Device"), headers=("设备编号", "测温设备"), example="D-0012"),
        Field(
            "celsius",
            "number",
            Words("体温", "Temperature"),
            required=True,
            low=30,
            high=45,
            unit="℃",
            headers=("温度",),
            example="36.5",
        ),
        Field(
            "method",
            "choice",
            Words("测量方式", "Method"),
            choices=METHODS,
            choice_aliases={
                "接触": "contact",
                "红外测温": "infrared",
                "额温枪": "infrared",
                "热像仪": "thermal_camera",
            },
            example="infrared",
        ),
        Field(
            "site",
            "choice",
            Words("测量部位", "Site"),
            choices=SITES,
            choice_aliases={
                "腋温": "axillary",
                "口温": "oral",
                "耳温": "ear",
                "额头": "forehead",
                "手腕": "wrist",
                "脸": "face",
            },
            example="forehead",
        ),
        Field(
            "device_threshold",
            "number",
            Words("设备阈值", "Device threshold"),
            low=30,
            high=45,
            unit="℃",
            headers=("报警阈值",),
            example="37.3",
            edge=True,
        ),
        Field(
            "device_verdict",
            "choice",
            Words("设备判定", "Device verdict"),
            choices={"normal": Words("正常", "Normal"), "fever": Words("发热", "Fever")},
            choice_aliases={"异常": "fever"},
            example="normal",
            edge=True,
        ),
        Field(
            "direction",
            "choice",
            Words("方向", "Direction"),
            choices={"in": Words("进", "In"), "out": Words("出", "Out")},
            choice_aliases={"进入": "in", "驶入": "in", "离开": "out", "驶出": "out"},
            headers=("进出",),
            example="in",
        ),
        Field(
            "person_ref",
            "text",
            Words("人员代号", "Person pseudonym"),
            max_length=64,
            example="p-7f3a91",
            edge=True,
            person=True,
        ),
        Field(
            "health_code",
            "choice",
            Words("健康码", "Health code"),
            choices=CODES,
            choice_aliases={"绿": "green", "黄": "yellow", "红": "red", "无": "none"},
            example="green",
        ),
        Field(
            "outcome",
            "choice",
            Words("处置", "Outcome"),
            choices={
                "pass": Words("放行", "Pass"),
                "recheck": Words("复测", "Recheck"),
                "refused": Words("劝返", "Refused"),
                "transferred": Words("转诊", "Transferred"),
            },
            choice_aliases={"通过": "pass", "待复测": "recheck", "拒绝": "refused", "移送": "transferred"},
            headers=("处置结果",),
            example="pass",
        ),
    ),
    parameters=(
        *_limits(),
        Parameter(
            "temperature.online_minutes",
            Words("卡点在线看最近", "Online by a reading of the last"),
            "min",
            10,
            1,
            180,
            ("checkpoints_online",),
        ),
        Parameter(
            "temperature.recheck_minutes",
            Words("发热后复测期限", "Recheck of a fever within"),
            "min",
            30,
            5,
            240,
            ("fever_confirmed",),
        ),
        Parameter(
            "temperature.drift",
            Words("设备偏差告警", "Alert of a device's drift above"),
            "℃",
            0.5,
            0.1,
            3,
            ("device_drift",),
        ),
    ),
    limits=FreshnessLimits(expected=MINUTE, late=5 * MINUTE, stale=30 * MINUTE),
    kpis=(
        Kpi(
            "screened",
            Words("卡点查验", "People screened"),
            "count",
            _screened,
            Words("今天的测温记录数，已撤回的不算", "Readings today less voided ones"),
            measure=Words("人次", "checks"),
        ),
        Kpi(
            "fever_count",
            Words("体温异常", "Fever readings"),
            "count",
            _fevers,
            Words("今天按规则判为发热的测温记录", "Readings of today that are a fever by rule"),
            rule=Words(
                "腋温等效 37.3 ℃ 及以上，按测量方式和部位设阈值；设备自己的判定也算",
                "At or above 37.3 ℃ axillary equivalent, by method and site; the device's own verdict counts too",
            ),
            measure=Words("人次", "readings"),
            alert_above=0,
        ),
        Kpi(
            "fever_rate",
            Words("发热率", "Fever rate"),
            "ratio",
            _fever_rate,
            Words(
                "发热记录占测温记录的比例，附 95% 威尔逊区间",
                "Fever readings over all readings, with the 95 % Wilson interval",
            ),
            numerator=Words("发热记录", "Fever readings"),
            denominator=Words("测温记录", "Readings"),
            decimals=2,
        ),
        Kpi(
            "fever_confirmed",
            Words("复测确认", "Confirmed after recheck"),
            "count",
            _confirmed,
            Words(
                "发热后 30 分钟内再次发热或转诊的人，每人每天一次",
                "Persons with a second fever or a transfer within 30 min, once a day",
            ),
            measure=Words("人", "people"),
        ),
        Kpi(
            "checkpoints_online",
            Words("卡点在线", "Checkpoints online"),
            "ratio",
            _online,
            Words(
                "在岗卡点里，10 分钟内有测温记录的占多少",
                "Of the checkpoints on duty now, those with a reading in the last 10 min",
            ),
            numerator=Words("10 分钟内有记录的在岗卡点", "On duty with a reading in the last 10 min"),
            denominator=Words("现在在岗的卡点", "On duty now"),
            measure=Words("个", "checkpoints"),
            watch_below=1.0,
            alert_below=0.8,
        ),
        Kpi(
            "device_drift",
            Words("设备偏差", "Device drift"),
            "celsius",
            _drift,
            Words(
                "各设备最近 50 次的中位数与同方式同部位其他设备之差，取最大",
                "Largest difference between a device's median of 50 and its peers' pooled median",
            ),
            decimals=2,
            watch_above=0.5,
            measure=Words("℃", "℃"),
        ),
        Kpi(
            "health_code_mix",
            Words("健康码构成", "Health codes"),
            "ratio",
            _code_total,
            Words("带健康码的记录里各色占多少", "Share of each colour among readings that carry a health code"),
            numerator=Words("绿码记录", "Green"),
            denominator=Words("带健康码的记录", "Readings with a code"),
            decimals=1,
            breakdown=_code_mix,
            people=True,
        ),
        Kpi(
            "wrongful_blocks",
            Words("误拦", "Wrongly refused"),
            "count",
            _blocked,
            Words(
                "今天绿码、体温正常、却被劝返的人次：按规定应放行",
                "Green code, normal temperature, refused all the same today",
            ),
            rule=Words(
                "绿码且体温正常，任何卡点都应放行", "Green code and normal temperature pass at every checkpoint"
            ),
            measure=Words("人次", "readings"),
            breakdown=_blocked_mix,
            watch_above=0,
        ),
    ),
    duties=(
        DutyRule("fever", verbs=("acknowledge", "assign", "done", "handover")),
        DutyRule("silence", words=Words("卡点", "Checkpoint")),
    ),
    alerts=(
        AlertRule(
            name="fever",
            words=Words("体温异常待复测", "Fever awaits its recheck"),
            condition=OnReading("fever"),
            severity="alert",
            hold_min=0,
            repeat_min=15,
            chief_min=5,
            leader_min=15,
            help=Words(
                "卡点测到发热，还没有复测或转送。先把人留在等候区，30 分钟内复测",
                "A fever at a checkpoint without recheck",
            ),
        ),
        AlertRule(
            name="refused",
            words=Words("红码或劝返", "Red code or refused"),
            condition=OnReading("refused"),
            limit=1,
            low=1,
            high=1000,
            repeat_min=60,
            help=Words(
                "今天查到红码或被劝返的人次；签收办结后又有新的，会重新打开", "Red codes and refusals of today, counted"
            ),
        ),
        AlertRule(
            name="blocked",
            words=Words("卡点误拦", "Wrongly refused at a checkpoint"),
            condition=OnFigure("wrongful_blocks"),
            limit=1,
            low=1,
            high=1000,
            repeat_min=60,
            chief_min=30,
            leader_min=120,
            help=Words(
                "绿码、体温正常却被劝返。请联系卡点放行，并向当事人说明",
                "Green and normal, refused all the same: let them pass",
            ),
        ),
        AlertRule(
            name="silent",
            words=Words("卡点没有数据", "Checkpoint silent"),
            condition=OnReading("silent"),
            limit=10,
            unit="min",
            low=5,
            high=720,
            urgent=60,
            hold_min=3,
            repeat_min=60,
            help=Words(
                "值守时段内没有测温记录。没有记录不等于没有人过：请先核实设备和网络",
                "On duty and sending nothing: not zero, unknown",
            ),
        ),
        AlertRule(
            name="drift",
            words=Words("测温设备偏差", "Device drifts"),
            condition=OnReading("drift"),
            limit=0.5,
            unit="℃",
            low=0.1,
            high=3,
            clear=0.4,
            for_min=5,
            hold_min=10,
            repeat_min=240,
            chief_min=60,
            leader_min=480,
            help=Words("设备最近 50 次的中位数偏离同类设备，应校准或更换", "Its median of 50 is off its peers'"),
        ),
        AlertRule(
            name="feed",
            words=Words("体温数据中断", "No temperatures at all"),
            condition=OnFeed(),
            severity="alert",
            hold_min=1,
            help=Words("全部卡点都没有数据，多半是线路或平台", "Nothing from any checkpoint: line or platform"),
        ),
        AlertRule(
            name="corrected",
            words=Words("昨日体温数字有更正", "Yesterday's figure corrected"),
            condition=OnCorrection(("screened", "fever_count")),
            limit=1,
            low=1,
            high=100_000,
            repeat_min=1440,
            chief_min=480,
            leader_min=1440,
            help=Words("昨天的数字因补报或更正变了，简报会另行说明", "Late or corrected records changed yesterday"),
        ),
    ),
    sample={
        "id": "temp-0001",
        "town": "330421111",
        "at": "2020-02-18T08:12:31+08:00",
        "checkpoint": "330421111-K01",
        "device": "D-0012",
        "celsius": 36.6,
        "method": "infrared",
        "site": "forehead",
        "direction": "in",
        "person_ref": "p-7f3a91",
        "health_code": "green",
        "outcome": "pass",
    },
)
