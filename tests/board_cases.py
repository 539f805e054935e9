"""Invented cases of the sample's nine towns: some 350 enterprises and 41 open disputes on the afternoon of 24 February.

A function of the moment alone, like the rest of the sample. Nothing here is a record of those towns.
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

from dashboard.domain.day import HOUR, MINUTE, day_of, day_start
from dashboard.domain.summary import CaseNow, CaseSummary, Step

ZONE = "Asia/Shanghai"
DAY = 20200224
NOW = day_start(DAY) + 14 * HOUR + 32 * MINUTE

FIRMS = {
    "330421001": (61, 0.90),
    "330421002": (44, 0.83),
    "330421003": (52, 0.91),
    "330421102": (19, 0.92),
    "330421103": (38, 0.89),
    "330421105": (30, 0.84),
    "330421107": (27, 0.74),
    "330421111": (47, 0.93),
    "330421112": (34, 0.85),
}
"""Town -> enterprises, share of them that has resumed by now."""
WAY = (("posted", 10), ("approved", 28), ("committed", 48), ("reviewing", 88), ("applied", 112))
"""Stage -> hours before resuming from which an enterprise stands there, the last stage first."""
ORDER = ("registered", "applied", "reviewing", "committed", "approved", "posted", "resumed")
SLA = 48 * HOUR
TRADES = ("电子", "五金机械", "纺织服装", "食品", "木业家具", "包装印刷")
DISPUTES = {
    "330421001": 9,
    "330421002": 6,
    "330421003": 7,
    "330421103": 4,
    "330421111": 5,
    "330421107": 3,
    "330421112": 3,
    "330421105": 2,
    "330421102": 2,
}
KINDS = ("wages", "labour", "housing", "neighbour", "isolation", "consumer", "business")


@lru_cache(maxsize=16)
def _lives(town: str) -> tuple[tuple[str, int, dict[str, Any]], ...]:
    """(code, when it resumes, what it says) of a town's enterprises."""
    count, share = FIRMS[town]
    found = []
    for n in range(count):
        chance = random.Random(f"{town}firm{n}")
        # Half of what is still to come comes in three days; what was before rises by two in a hundred a day.
        rank = (n + 0.5) / count
        days = (rank - share) / 0.02 if rank < share else (rank - share) / 0.03
        resumes = NOW + int(days * 24 * HOUR) + chance.randrange(6) * HOUR
        staff = chance.choice((9, 18, 26, 44, 120, 320))
        fields: dict[str, Any] = {
            "name": f"{'澜衡禾岚骏旭铭翊'[n % 8]}{'禹川石舟原野帆'[n % 7]}{TRADES[n % 6][:2]}",
            "scale": "above" if n % 9 == 0 else "below",
            "industry": TRADES[n % 6],
            "staff_total": staff,
            "staff_returned": round(staff * chance.uniform(0.62, 0.86)),
        }
        if n % 21:
            fields["liaison"] = f"P-{n % 9 + 1:04d} {'沈陆顾徐周吴孙俞施'[n % 9]}敏"
        found.append((f"{town}-E{n + 1:04d}", resumes, fields))
    return tuple(found)


def firm(town: str, code: str, resumes: int, fields: dict[str, Any], now: int, calm: bool) -> CaseNow:
    """One enterprise at a moment."""
    number = int(code[-4:])
    slow = 0 if calm or number % 8 else 70 * HOUR
    times = {"registered": day_start(20200210) + 9 * HOUR, "resumed": resumes}
    for stage, hours in WAY:
        times[stage] = resumes - hours * HOUR - slow
    steps = [Step(times[stage], stage) for stage in ORDER if times[stage] <= now or stage == "registered"]
    stage, since = steps[-1].stage, steps[-1].at
    verdicts = {}
    if stage == "reviewing":
        verdicts = {"development": "passed"} if number % 3 else {"development": "passed", "safety": "returned"}
    limit = since + SLA if stage not in ("registered", "resumed") else None
    return CaseNow(
        case=code,
        stage=stage,
        since=since,
        opened=steps[0].at,
        ends="done" if stage == "resumed" else "",
        steps=tuple(steps),
        fields=fields,
        verdicts=verdicts,
        pledges=("enterprise",) if stage == "committed" else (),
        limit=limit,
        stuck=limit is not None and now > limit,
        last_at=since,
    )


def enterprises(town: str, now: int, calm: bool = False) -> CaseSummary:
    """A town's enterprises at a moment."""
    cases = tuple(firm(town, code, resumes, fields, now, calm) for code, resumes, fields in _lives(town))
    return _summary(town, now, cases, now - 12 * MINUTE)


@lru_cache(maxsize=16)
def _quarrels(town: str) -> tuple[tuple[str, int, int, int, dict[str, Any]], ...]:
    """(code, opened, ends, due, what it says) of a town's disputes of three weeks; today's open ones are as counted."""
    chance = random.Random(f"{town}disputes")
    wanted = DISPUTES[town]
    ages = sorted(
        (chance.uniform(1, 23), chance.uniform(26, 70), chance.uniform(76, 150))[n % 3] for n in range(wanted)
    )
    found = []
    for n, age in enumerate(ages):
        opened = NOW - int(age * HOUR)
        late = age > 70 and n % 2 == 0
        due = NOW - chance.randrange(2, 60) * HOUR if late else NOW + chance.randrange(20, 60 * 60) * MINUTE
        found.append((opened, NOW + chance.randrange(3, 60) * HOUR, due))
    for n in range(wanted * 7):
        opened = NOW - int((n + 1) * 4.2 * HOUR * 6 / wanted) - chance.randrange(5 * 60) * MINUTE
        lasts = chance.randrange(8, 60) * HOUR
        if opened + lasts < NOW:
            found.append((opened, opened + lasts, opened + 72 * HOUR))
    found.sort()
    return tuple(
        (
            f"{town}-D{n:04d}",
            opened,
            ends,
            due,
            {"kind": KINDS[n % 7], "parties": 2 + n % 4, "handler": f"M-{n % 4 + 1:04d} {'陆徐顾钱'[n % 4]}敏"},
        )
        for n, (opened, ends, due) in enumerate(found, start=1)
    )


def disputes(town: str, now: int, calm: bool = False) -> CaseSummary:
    """A town's disputes at a moment."""
    cases = []
    for code, opened, ends, due, fields in _quarrels(town):
        if opened > now:
            continue
        due = max(due, now + 3 * HOUR) if calm and ends > now else due
        steps = [Step(opened, "reported")]
        steps += [Step(opened + 2 * HOUR, "accepted")] if opened + 2 * HOUR <= now else []
        steps += [Step(ends, "resolved")] if ends <= now else []
        cases.append(
            CaseNow(
                case=code,
                stage=steps[-1].stage,
                since=steps[-1].at,
                opened=opened,
                ends="done" if ends <= now else "",
                steps=tuple(steps),
                fields=fields,
                due=due,
                overdue=ends > now > due,
                last_at=steps[-1].at,
            )
        )
    return _summary(town, now, tuple(cases), now - 6 * MINUTE)


def _summary(town: str, now: int, cases: tuple[CaseNow, ...], received: int) -> CaseSummary:
    day = day_of(now, ZONE)
    return CaseSummary(town, day, now, True, True, received, cases, day_start(day, ZONE))
