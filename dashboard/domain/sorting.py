"""Which of four classes a declaration falls into (seed 000): by regional risk, health code and temperature. Pure.

Every ground that applies is named, and the strictest decides. What is not known says wait: it lets nobody return.
Temperatures are degrees Celsius.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dashboard.domain.place import RegionPack, RegionRisk

REFUSE, WAIT, ISOLATE, RETURN = "refuse", "wait", "isolate", "return"
STRICTEST = (REFUSE, WAIT, ISOLATE, RETURN)
"""Classes from the strictest on."""

FEVER_KEY, FEVER = "declaration.fever", 37.3

BY_RISK = {"high": ("region_high", REFUSE), "medium": ("region_medium", ISOLATE), "low": ("region_low", RETURN)}
BY_CODE = {
    "red": ("code_red", REFUSE),
    "yellow": ("code_yellow", ISOLATE),
    "green": ("code_green", RETURN),
    "none": ("code_none", WAIT),
}


class Ground(msgspec.Struct, frozen=True):
    """One rule that applied: its code, what follows from it, and what it was applied to.

    ``row`` is the row of the regional-risk table that it read, ``got`` what the declaration said.
    """

    rule: str
    verdict: str
    got: str = ""
    row: RegionRisk | None = None


class Decision(msgspec.Struct, frozen=True):
    """What was decided and why. ``ruling``: ``rule``, ``overruled`` by a review, or ``lapsed``: the rule has since come
    to say something else than what a review had overruled, so the rule holds again until somebody looks."""

    verdict: str
    by_rule: str
    """What the rule says, whatever a review said."""
    grounds: tuple[Ground, ...]
    """Every ground, the strictest first."""
    risk: str
    """``high``, ``medium``, ``low`` or ``""`` where the origin is not known."""
    ruling: str


def decide(fields: Mapping[str, Any], pack: RegionPack) -> Decision:
    """Sort one declaration, as its latest records state it, by the rules in force."""
    region = _by_region(fields, pack)
    grounds = [region, _by_code(fields), _by_temperature(fields, pack)]
    grounds.sort(key=lambda ground: STRICTEST.index(ground.verdict))
    by_rule = grounds[0].verdict
    risk = next((level for level, (rule, _) in BY_RISK.items() if rule == region.rule), "")
    review, over = fields.get("review"), fields.get("overrules")
    if review not in STRICTEST:
        return Decision(by_rule, by_rule, tuple(grounds), risk, "rule")
    if over is not None and over != by_rule:
        return Decision(by_rule, by_rule, tuple(grounds), risk, "lapsed")
    return Decision(review, by_rule, tuple(grounds), risk, "overruled")


def _by_region(fields: Mapping[str, Any], pack: RegionPack) -> Ground:
    origin = str(fields.get("origin") or "")
    if origin.isdigit():
        row = pack.risk_of(origin)
        rule, verdict = BY_RISK[row.level if row is not None else "low"]
        return Ground(rule, verdict, origin, row)
    stated = fields.get("risk")
    if stated in BY_RISK:
        rule, verdict = BY_RISK[stated]
        return Ground(rule, verdict, origin)
    return Ground("region_unknown", WAIT, origin)


def _by_code(fields: Mapping[str, Any]) -> Ground:
    code = fields.get("health_code") or "none"
    rule, verdict = BY_CODE[code]
    return Ground(rule, verdict, code)


def _by_temperature(fields: Mapping[str, Any], pack: RegionPack) -> Ground:
    celsius = fields.get("celsius")
    if celsius is None:
        return Ground("temperature_unknown", WAIT)
    limit = pack.thresholds.get(FEVER_KEY, FEVER)
    if celsius >= limit:
        return Ground("fever", WAIT, f"{celsius:g}")
    return Ground("temperature_normal", RETURN, f"{celsius:g}")


__all__ = ["FEVER", "FEVER_KEY", "STRICTEST", "Decision", "Ground", "decide"]
