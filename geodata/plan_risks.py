"""The regional-risk tables that the built-in packs start with: for demonstration, after the levels of February 2020.

What the reports do not say is invented and marked so in the packs' notes; a region edits its own table under 规则.
"""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.domain.place import RegionRisk

_COMMON = (
    RegionRisk("420000", "high", "湖北省"),
    RegionRisk("330300", "medium", "浙江温州市"),
    RegionRisk("411500", "medium", "河南信阳市"),
)

RISKS: Mapping[str, tuple[RegionRisk, ...]] = {
    # In seed 003 those from the epidemic area stay 14 days: sorted into isolation, not turned away.
    "zhuhai": (RegionRisk("420000", "medium", "湖北省"), *_COMMON[1:]),
}
"""Pack -> its table, where it is not the common one."""


def risks_of(pack: str) -> tuple[RegionRisk, ...]:
    """The table that a built-in pack starts with."""
    return RISKS.get(pack, _COMMON)
