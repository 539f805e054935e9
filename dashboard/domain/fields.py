"""Fields that many feeds declare alike."""

from __future__ import annotations

from dashboard.domain.feed import CaseSpec, Field, Words

AMOUNT = Field("count", "quantity", Words("数量", "Amount"), headers=("件数", "张数", "人数", "次数"), example="1")
"""How many a record of a tally stands for."""

REPORTED_BY = Field(
    "item",
    "text",
    Words("登记单位", "Reported by"),
    required=True,
    headers=("单位", "窗口", "登记点"),
    example="330421111-S1",
)
"""The desk or station that reports a tally: its records keep their order."""


def stage_field(spec: CaseSpec) -> Field:
    """The stage that every record of a case states."""
    return Field(
        spec.stage_field,
        "choice",
        Words("环节", "Stage"),
        required=True,
        choices={stage.code: stage.words for stage in spec.stages},
        headers=("状态", "进展"),
        example=spec.stages[0].code,
    )


__all__ = ["AMOUNT", "REPORTED_BY", "stage_field"]
