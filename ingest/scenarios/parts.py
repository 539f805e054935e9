"""What several scenarios have in common: enterprises on their way, difficulties, services, permits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ingest.scenarios.base import Record
from ingest.scenarios.counted import Cases, Counted, Stage

TRADES = ("机械", "电子", "纺织", "食品", "建材", "包装", "家具", "五金")
ON_THE_WAY = (
    Stage("registered"),
    Stage("applied", (2, 30)),
    Stage("reviewing", (1, 8), {"review": "development:passed"}),
    Stage("reviewing", (1, 12), {"review": "safety:passed"}),
    Stage("reviewing", (1, 12), {"review": "epidemic:passed"}),
    Stage("committed", (1, 10), {"pledge": "enterprise"}),
    Stage("approved", (1, 12)),
    Stage("posted", (1, 6)),
    Stage("resumed", (2, 24)),
)


def way_to(stage: str) -> list[Stage]:
    """The usual way up to a stage."""
    return list(ON_THE_WAY[: 1 + max(nth for nth, step in enumerate(ON_THE_WAY) if step.stage == stage)])


def firms(
    source: str,
    name: str,
    town: str,
    days: Sequence[int],
    count: int,
    stage: str,
    *,
    until: int,
    staff: tuple[int, int] = (8, 60),
    above: int = 0,
) -> Cases:
    """Enterprises of one town that all come to ``stage``; the first ``above`` of them are above scale."""

    def make(number: int, random: np.random.Generator) -> Record:
        total = int(random.integers(*staff)) * (6 if number < above else 1)
        return {
            "town": town,
            "enterprise": f"{town}-{name}-{number + 1:04d}",
            "name": f"{TRADES[number % len(TRADES)]}企业{number + 1}（虚构）",
            "scale": "above" if number < above else "below",
            "industry": TRADES[number % len(TRADES)],
            "staff_total": total,
            "staff_returned": int(total * random.uniform(0.2, 0.9)),
            "liaison": f"P-{1 + number % 24:04d}",
        }

    def steps(number: int, random: np.random.Generator) -> list[Stage]:
        found = way_to(stage)
        if random.random() < 0.1:
            # A reviewer returns the papers once.
            found = [
                *found[:3],
                Stage("reviewing", (1, 6), {"review": "safety:returned"}),
                Stage("applied", (4, 30)),
                *found[2:],
            ]
        return found

    return Cases("enterprise", name, source, days, count, make, steps, until=until)


def difficulties(
    source: str,
    town: str,
    days: Sequence[int],
    solved: int,
    enterprises: int,
    *,
    until: int,
    staff_back: Callable[[int], int] = lambda number: 0,
    kinds: Sequence[str] = ("lodging", "transport", "supplies", "recruiting", "procedures"),
) -> Cases:
    """``solved`` difficulties of ``enterprises`` different enterprises."""

    def make(number: int, random: np.random.Generator) -> Record:
        return {
            "town": town,
            "difficulty": f"{town}-N{number + 1:03d}",
            "enterprise": f"{town}-E{number % enterprises + 1:04d}",
            "kind": kinds[number % len(kinds)],
            "owner": f"P-{1 + number % 12:04d}",
        }

    def steps(number: int, random: np.random.Generator) -> list[Stage]:
        back = staff_back(number)
        return [
            Stage("raised"),
            Stage("handling", (0.5, 6)),
            Stage("solved", (2, 70), {"staff_back": back} if back else {}),
        ]

    return Cases("difficulty", f"difficulty-{town}", source, days, solved, make, steps, until=until)


def services(
    source: str,
    name: str,
    town: str,
    days: Sequence[int],
    records: int,
    total: int,
    kinds: Sequence[str],
    channel: str,
    measure: str = "items",
) -> Counted:
    """Public services of one channel that add up to ``total``."""

    def make(number: int, random: np.random.Generator) -> Record:
        return {
            "town": town,
            "item": f"{town}-S{number % 3 + 1}",
            "kind": kinds[number % len(kinds)],
            "channel": channel,
            "measure": measure,
        }

    return Counted("service", name, source, days, records, make, total=total)


__all__ = ["difficulties", "firms", "services", "way_to"]
