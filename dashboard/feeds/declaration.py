"""二维码申报 declaration: a returning worker declares by QR code; a rule sorts into four classes.

Archetype *tally*; seeds 000, 003.

The declaring person stands in it as a pseudonym only."""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, TallySpec, Words
from dashboard.domain.fields import AMOUNT
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied

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

SPEC = TallySpec(amount_field="count", by=("verdict", "risk", "health_code", "went_home"))

FEED = Feed(
    name="declaration",
    words=Words("二维码申报", "QR declarations"),
    short=Words("申报", "Declarations"),
    icon="phone",
    colour="other",
    archetype=SPEC,
    subject="declaration",
    natural_key=("declaration",),
    fields=(
        Field(
            "declaration", "text", Words("申报编号", "Declaration"), required=True, headers=("编号",), example="S-00017"
        ),
        Field("person_ref", "text", Words("申报人代号", "Pseudonym"), example="p-7f3a"),
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
        Field("risk", "choice", Words("风险等级", "Risk"), choices=RISKS, example="low"),
        Field("health_code", "choice", Words("健康码", "Health code"), choices=CODES, example="green"),
        Field("celsius", "number", Words("体温", "Temperature"), low=30, high=45, unit="℃", example="36.5"),
        Field("went_home", "choice", Words("是否回乡", "Went home"), choices=HOME, example="no"),
        Field("verdict", "choice", Words("结论", "Verdict"), choices=CLASSES, headers=("处理意见",), example="return"),
        Field("arrival", "time", Words("到达时间", "Arrival"), example="2020-02-20"),
        AMOUNT,
    ),
    limits=DAILY,
    kpis=(
        tallied(
            SPEC,
            "declarations",
            Words("申报记录", "Declarations"),
            Words("累计申报的记录", "Declarations so far"),
            Words("条", "records"),
            by="verdict",
        ),
        tallied(
            SPEC,
            "declarations_today",
            Words("今日申报", "Declared today"),
            Words("今天申报的记录", "Declarations today"),
            Words("条", "records"),
            today=True,
        ),
        tallied(
            SPEC,
            "declarations_stayed",
            Words("未回乡人员", "Stayed"),
            Words("累计申报的未回乡外来务工人员", "Workers who had not gone home"),
            Words("条", "records"),
            only={"went_home": "no"},
        ),
        tallied(
            SPEC,
            "declarations_cleared",
            Words("可回厂复工", "May return"),
            Words("结论是“回厂复工”的申报", "Declarations sorted into return"),
            Words("条", "records"),
            only={"verdict": "return"},
        ),
    ),
    sample={
        "id": "declaration-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "declaration": "S-00017",
        "risk": "low",
        "health_code": "green",
        "celsius": 36.5,
        "went_home": "no",
        "verdict": "return",
    },
)
