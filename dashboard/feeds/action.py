"""事项处置 action: what staff do about obligations and alerts: take, assign, finish, hand over, postpone, take back.

Archetype *action*; internal: it enters through :meth:`dashboard.actions.Actions.act` alone. It says who has a thing and
never whether it is done: figures are made of the feeds' own records.
"""

from __future__ import annotations

from dashboard.domain.feed import ActionSpec, Feed, Field, Required, Words
from dashboard.domain.freshness import DAILY

VERBS = {
    "acknowledge": Words("签收", "Acknowledge"),
    "assign": Words("派单", "Assign"),
    "done": Words("办结", "Done"),
    "handover": Words("移交", "Hand over"),
    "postpone": Words("延期", "Postpone"),
    "reopen": Words("重开", "Reopen"),
    "undo": Words("撤销", "Undo"),
}

REASONS = {
    "weather": Words("天气原因", "Weather"),
    "absent": Words("对方不在", "Nobody there"),
    "waiting": Words("等待材料或回复", "Waiting for papers or an answer"),
    "busy": Words("警力另有任务", "Everybody is needed elsewhere"),
    "device": Words("设备故障", "A device is broken"),
    "other": Words("其他", "Other"),
}

FEED = Feed(
    name="action",
    words=Words("事项处置", "Actions"),
    short=Words("处置", "Actions"),
    icon="list",
    colour="other",
    internal=True,
    archetype=ActionSpec(),
    subject="item",
    fields=(
        Field(
            "item", "text", Words("事项", "Item"), required=True, max_length=160, example="case:dispute:330421111-D0017"
        ),
        Field("verb", "choice", Words("动作", "Verb"), required=True, choices=VERBS, example="acknowledge"),
        Field("by", "text", Words("经办人", "By"), required=True, example="P-0417"),
        Field("to", "text", Words("交给", "To"), example="P-8013"),
        Field("until", "time", Words("延至", "Until"), example="2020-02-26T18:00:00+08:00"),
        Field("reason", "choice", Words("原因", "Reason"), choices=REASONS, example="waiting"),
        Field("note", "text", Words("说明", "Note"), max_length=200),
        Field("case", "text", Words("个案", "Case")),
        Field("undoes", "text", Words("撤销哪一条", "Undoes"), max_length=160),
    ),
    required=(
        Required("verb", "assign", ("to",)),
        Required("verb", "handover", ("to",)),
        Required("verb", "postpone", ("until", "reason")),
        Required("verb", "undo", ("undoes",)),
    ),
    limits=DAILY,
    kpis=(),
    sample={
        "id": "action-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "case:dispute:330421111-D0017",
        "verb": "acknowledge",
        "by": "P-0417",
    },
)
