"""二维码申报 declaration: a returning worker declares by QR code; a rule sorts into four classes.

Archetype *tally* with a rule (``dashboard.domain.sorting``); seeds 000, 003. A declaration counts once, as its latest
records state it, in the class that the rules in force give it: another row in the table of regional risk, or another
health code, sorts it anew. A review may overrule the rule, with a reason, until the rule comes to say something else.

The declaring person stands in it as a pseudonym only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.domain.feed import Feed, Field, Kpi, Parameter, Required, TallySpec, Words
from dashboard.domain.fields import AMOUNT
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied
from dashboard.domain.place import RegionPack
from dashboard.domain.sorting import FEVER, FEVER_KEY, decide

RISKS = {"high": Words("高风险", "High"), "medium": Words("中风险", "Medium"), "low": Words("低风险", "Low")}
CODES = {
    "green": Words("绿码", "Green"),
    "yellow": Words("黄码", "Yellow"),
    "red": Words("红码", "Red"),
    "none": Words("无码", "None"),
}
CLASSES = {
    "refuse": Words("不准回厂", "Not to return"),
    "wait": Words("暂不回厂", "Not yet"),
    "isolate": Words("回厂隔离", "Return and isolate"),
    "return": Words("回厂复工", "Return to work"),
}
HOME = {"yes": Words("已回乡", "Went home"), "no": Words("未回乡", "Stayed")}
GROUNDS = {
    "region_high": Words("来自高风险地区，不准回厂", "From a high-risk region: not to return"),
    "region_medium": Words("来自中风险地区，回厂隔离", "From a medium-risk region: return and isolate"),
    "region_low": Words("来自低风险地区", "From a low-risk region"),
    "region_unknown": Words("没有写来源地，暂不回厂", "No origin stated: not yet"),
    "code_red": Words("健康码红码，不准回厂", "Red health code: not to return"),
    "code_yellow": Words("健康码黄码，回厂隔离", "Yellow health code: return and isolate"),
    "code_green": Words("健康码绿码", "Green health code"),
    "code_none": Words("没有健康码，暂不回厂", "No health code: not yet"),
    "fever": Words("体温达到发热界限，暂不回厂", "Fever: not yet"),
    "temperature_unknown": Words("没有体温，暂不回厂", "No temperature: not yet"),
    "temperature_normal": Words("体温正常", "Normal temperature"),
}
"""What every rule says. The strictest that applies decides."""
RULINGS = {
    "rule": Words("按规则", "By rule"),
    "overruled": Words("复核改定", "Overruled"),
    "lapsed": Words("规则已变，待再复核", "The rule has changed: review again"),
}

BY = ("verdict", "ground", "risk", "health_code", "went_home", "ruling")


def judge(fields: Mapping[str, Any], pack: RegionPack) -> dict[str, str]:
    """The class of a declaration, the ground that decides, the level of its origin, and whether it was overruled."""
    found = decide(fields, pack)
    return {"verdict": found.verdict, "ground": found.grounds[0].rule, "risk": found.risk, "ruling": found.ruling}


SPEC = TallySpec(amount_field="count", by=BY, judge=judge)

RECORDS = Words("条", "records")
RULE = Words(
    "来源地风险、健康码、体温各有一条规则，取最严的一条；缺一项按暂不回厂",
    "One rule each for origin, health code and temperature; the strictest decides, and what is missing says wait",
)


def _sorted(key: str, verdict: str, definition: Words) -> Kpi:
    return tallied(
        SPEC, key, CLASSES[verdict], definition, RECORDS, only={"verdict": verdict}, by="ground", people=True
    )


FEED = Feed(
    name="declaration",
    words=Words("二维码申报", "QR declarations"),
    short=Words("申报", "Declarations"),
    icon="phone",
    colour="other",
    archetype=SPEC,
    subject="declaration",
    place_field="place",
    place_kind="enterprise",
    natural_key=("declaration", "at"),
    fields=(
        Field(
            "declaration",
            "text",
            Words("申报编号", "Declaration"),
            person=True,
            required=True,
            headers=("编号",),
            example="S-00017",
        ),
        Field("place", "text", Words("申报地点", "Place"), headers=("企业编号", "地点编号"), example="330421111-E0217"),
        Field("person_ref", "text", Words("申报人代号", "Pseudonym"), person=True, example="p-7f3a"),
        Field(
            "origin",
            "text",
            Words("来源地代码", "Origin"),
            headers=(
                "来源地",
                "来自地区",
            ),
            example="420000",
        ),
        Field("risk", "choice", Words("自报风险等级", "Risk as declared"), choices=RISKS, example="low"),
        Field("health_code", "choice", Words("健康码", "Health code"), choices=CODES, example="green"),
        Field("celsius", "number", Words("体温", "Temperature"), low=30, high=45, unit="℃", example="36.5"),
        Field("went_home", "choice", Words("是否回乡", "Went home"), choices=HOME, example="no"),
        Field("arrival", "time", Words("到达时间", "Arrival"), example="2020-02-20"),
        Field(
            "verdict",
            "choice",
            Words("原表结论", "Verdict as sent"),
            choices=CLASSES,
            headers=("处理意见",),
            example="return",
            edge=True,
        ),
        Field(
            "review", "choice", Words("复核改定为", "Review"), choices=CLASSES | {"rule": RULINGS["rule"]}, edge=True
        ),
        Field("overrules", "choice", Words("复核时规则的结论", "The rule then"), choices=CLASSES, edge=True),
        Field("reason", "text", Words("复核理由", "Reason"), max_length=120, example="核酸阴性", edge=True),
        Field("reviewer", "text", Words("复核人", "Reviewer"), example="P-0417", edge=True),
        AMOUNT,
    ),
    required=tuple(Required("review", choice, ("reason",)) for choice in CLASSES),
    limits=DAILY,
    derived={"ground": GROUNDS, "ruling": RULINGS},
    kpis=(
        tallied(
            SPEC,
            "declarations",
            Words("申报记录", "Declarations"),
            Words("累计申报的记录，每份一次", "Declarations so far, each once"),
            RECORDS,
            by="verdict",
            people=True,
        ),
        tallied(
            SPEC,
            "declarations_today",
            Words("今日申报", "Declared today"),
            Words("今天申报的记录", "Declarations today"),
            RECORDS,
            today=True,
        ),
        tallied(
            SPEC,
            "declarations_stayed",
            Words("未回乡人员", "Stayed"),
            Words("累计申报的未回乡外来务工人员", "Workers who had not gone home"),
            RECORDS,
            only={"went_home": "no"},
        ),
        _sorted("declarations_cleared", "return", Words("现在的结论是“回厂复工”的申报", "Sorted into return now")),
        _sorted("declarations_isolate", "isolate", Words("现在的结论是“回厂隔离”的申报", "Sorted into isolation now")),
        _sorted("declarations_wait", "wait", Words("现在的结论是“暂不回厂”的申报", "Sorted into not yet now")),
        _sorted(
            "declarations_refused", "refuse", Words("现在的结论是“不准回厂”的申报", "Sorted into not to return now")
        ),
        tallied(
            SPEC,
            "declarations_overruled",
            Words("复核改定", "Overruled"),
            Words("复核改定了规则结论、现在仍算数的申报", "Where a review stands against the rule"),
            RECORDS,
            only={"ruling": "overruled"},
            by="verdict",
            people=True,
        ),
        tallied(
            SPEC,
            "declarations_lapsed",
            Words("待再复核", "To review again"),
            Words("复核以后规则的结论又变了、要再看一次的申报", "The rule has come to say something else since"),
            RECORDS,
            only={"ruling": "lapsed"},
        ),
    ),
    parameters=(
        Parameter(
            FEVER_KEY,
            Words("申报体温达到多少按发热", "Declared temperature that counts as a fever"),
            "℃",
            FEVER,
            36.5,
            39.0,
            ("declarations_cleared", "declarations_wait"),
        ),
    ),
    headline=("declarations", "declarations_cleared", "declarations_today"),
    sample={
        "id": "declaration-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "declaration": "S-00017",
        "risk": "low",
        "health_code": "green",
        "celsius": 36.5,
        "went_home": "no",
    },
)
