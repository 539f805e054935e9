"""Beats by hours: visits made, missed, not judged and open, by the hour in which their window closes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboard.domain.day import minute_of
from dashboard.domain.summary import ObligationState
from dashboard.feeds import KPIS
from dashboard.queries import wording
from dashboard.queries.patrols.picture import LAPSED, MET, OPEN, UNSEEN, Owed, Picture, beat_text
from dashboard.queries.rows import unit_name

FIRST_HOUR, LAST_HOUR = 8, 19
MAX_COLUMNS = 16


def columns_of(picture: Picture) -> tuple[list[int], int]:
    """Hours that columns begin at, and how many hours a column holds."""
    hours = {row.hour for row in picture.counted}
    first, last = min(hours | {FIRST_HOUR}), max(hours | {LAST_HOUR})
    only = picture.asked.one("shift")
    shift = next((one for one in picture.asked.board.pack.shifts if one.code == only), None)
    if shift is not None and hours:
        first, last = min(hours), max(hours)
        if shift.start < shift.end:
            first, last = min(first, shift.start // 60), max(last, (shift.end - 1) // 60)
    step = 1 if last - first < MAX_COLUMNS else 2
    first -= first % step
    return list(range(first, last + 1, step)), step


def _cells(rows: Iterable[Owed], starts: Sequence[int], step: int) -> list[list[int] | int]:
    """Per column [met, lapsed, unobservable, open]; 0 where nothing is owed."""
    found: dict[int, Counter[ObligationState]] = defaultdict(Counter)
    for row in rows:
        found[(row.hour - starts[0]) // step][row.state] += 1
    return [
        [found[at][MET], found[at][LAPSED], found[at][UNSEEN], found[at][OPEN]] if at in found else 0
        for at in range(len(starts))
    ]


def _judged(rows: Sequence[Owed], now: int) -> tuple[int, int]:
    met = sum(1 for row in rows if row.state == MET and row.judged.end <= now)
    return met, met + sum(1 for row in rows if row.state == LAPSED)


def matrix_of(picture: Picture) -> dict[str, Any]:
    asked, board, lang = picture.asked, picture.asked.board, picture.asked.lang
    starts, step = columns_of(picture)
    by_town: dict[str, dict[str, list[Owed]]] = defaultdict(lambda: defaultdict(list))
    for row in picture.narrowed.rows:
        by_town[row.town][row.beat].append(row)
    # The columns at the right are coverage, and coverage does not follow the filter of states.
    whole: dict[tuple[str, str], list[Owed]] = defaultdict(list)
    for row in picture.counted:
        whole[row.town, ""].append(row)
        whole[row.town, row.beat].append(row)
    towns = []
    for town, beats in by_town.items():
        known = board.pack.town_by_code[town]
        every = [row for rows in beats.values() for row in rows]
        line = _line(picture, known.name, every, whole[town, ""], starts, step)
        inner = []
        for beat, rows in beats.items():
            units = board.pack.beat_by_code[beat].units if beat in board.pack.beat_by_code else ()
            inner.append(
                {
                    **_line(picture, beat_text(board, beat, lang), rows, whole[town, beat], starts, step),
                    "beat": beat,
                    "units": wording.join([unit_name(board, unit, lang) for unit in units], lang),
                }
            )
        inner.sort(key=_worst)
        towns.append({**line, "town": town, "title": known.name_en, "beats": inner})
    towns.sort(key=_worst)
    now = None
    if asked.when.kind in ("now", "as_of"):
        at = (minute_of(board.now, board.zone) // 60 - starts[0]) // step
        now = at if 0 <= at < len(starts) else None
    return {
        "hours": [str(hour) for hour in starts],
        "step": step,
        "now": now,
        "rows": towns,
        "order": "低者在前" if lang != "en" else "worst first",
        "heads": ["应结", "%"] if lang != "en" else ["closed", "%"],
    }


def _line(
    picture: Picture, name: str, rows: Sequence[Owed], counted: Sequence[Owed], starts: Sequence[int], step: int
) -> dict[str, Any]:
    met, closed = _judged(counted, picture.asked.board.now)
    share = met / closed if closed else None
    limit = KPIS["patrol_coverage"][1].alert_below
    return {
        "name": name,
        "cells": _cells(rows, starts, step),
        "met": met,
        "closed": closed,
        "share": share,
        "text": wording.MISSING if share is None else wording.decimal(share * 100, 1),
        "bad": share is not None and limit is not None and share < limit,
        "lapsed": closed - met,
    }


def _worst(line: Mapping[str, Any]) -> tuple[float, int, str]:
    share = line["share"]
    return (2.0 if share is None else float(share), -int(line["lapsed"]), str(line["name"]))
