"""涉疫谣言核查 rumour: a false claim is reported, verified and corrected in public; never who said it.

Archetype *case*; seed 004.
"""

from __future__ import annotations

from dashboard.domain.feed import CaseSpec, Feed, Field, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases

CHANNELS = {
    "wechat": Words("微信群", "Chat group"),
    "video": Words("短视频", "Short video"),
    "forum": Words("网络论坛", "Forum"),
    "oral": Words("口头", "By word of mouth"),
    "other": Words("其他", "Other"),
}

SPEC = CaseSpec(
    stages=(
        Stage("reported", Words("已发现", "Reported"), sla_hours=12),
        Stage("verified", Words("已核实", "Verified"), sla_hours=24),
        Stage("corrected", Words("已辟谣", "Corrected"), ends="done"),
        Stage("true", Words("情况属实", "True"), ends="withdrawn"),
    ),
    owner_field="owner",
)

FEED = Feed(
    name="rumour",
    words=Words("涉疫谣言核查", "Rumours"),
    short=Words("谣言", "Rumours"),
    icon="info",
    colour="other",
    archetype=SPEC,
    subject="claim",
    natural_key=("claim", "stage", "at"),
    fields=(
        Field("claim", "text", Words("编号", "Claim"), required=True, example="Y-0003"),
        stage_field(SPEC),
        Field("channel", "choice", Words("渠道", "Channel"), choices=CHANNELS, example="wechat"),
        Field("owner", "text", Words("责任人", "Owner"), example="P-0417"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "rumours_open",
            Words("未辟谣", "Open"),
            Words("发现了还没有辟谣的", "Reported and not corrected yet"),
            Words("条", "claims"),
            lambda case: not case.ends,
        ),
        cases(
            "rumours_corrected",
            Words("已辟谣", "Corrected"),
            Words("累计公开辟谣的", "Corrected in public so far"),
            Words("条", "claims"),
            lambda case: case.stage == "corrected",
            by="channel",
        ),
    ),
    sample={
        "id": "rumour-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "claim": "Y-0003",
        "stage": "reported",
        "channel": "wechat",
    },
)
