"""What a change of rules would do to today's figures, before anybody makes it.

Today's records are folded and judged once by the rules in force and once by the changed ones, by the same engines that
serve the figures; nothing is stored. Only rules of a kind that a pack's records carry (thresholds, duty hours, shifts,
visit rules) are tried, and only while a day's records are few enough to be folded while somebody waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from dashboard.archetypes import LIFE, State
from dashboard.domain.place import DutyHours, RegionPack, RegionRisk, Shift, VisitRule
from dashboard.domain.summary import Summary
from dashboard.feeds import KPIS
from dashboard.queries import wording
from dashboard.queries.explain import value_text
from dashboard.queries.figures import ALL, figures_of
from dashboard.queries.rules import TABLE_KPIS, parameter
from geodata.pack import parse_time
from geodata.region import Region
from geodata.revise import THRESHOLDS, Edit

if TYPE_CHECKING:
    from dashboard.queries.board import Board
    from dashboard.queries.past import Past

MOST_RECORDS = 150_000
"""Records of a feed's day that are folded for a trial: about two seconds of one core."""


class Effect(msgspec.Struct, frozen=True):
    """A figure of all towns that the viewer sees, by the rules in force and by the changed ones, in words."""

    kpi: str
    name: str
    before: str
    after: str
    delta: str
    same: bool


def changed(pack: RegionPack, edits: Sequence[Edit]) -> RegionPack | None:
    """A pack with edits applied, for a trial only; ``None`` where one of them cannot be tried."""
    thresholds = dict(pack.thresholds)
    hours = {one.checkpoint: one for one in pack.duty_hours}
    shifts = {one.code: one for one in pack.shifts}
    visits = list(pack.visit_rules)
    risks = {one.code: one for one in pack.risks}
    try:
        for edit in edits:
            if edit.table == THRESHOLDS:
                thresholds.pop(edit.key, None)
                if edit.rows:
                    thresholds[edit.key] = float(edit.rows[0]["value"])
            elif edit.table == "duty_hours":
                hours.pop(edit.key, None)
                for row in edit.rows:
                    hours[edit.key] = DutyHours(edit.key, parse_time(row["start"]), parse_time(row["end"]))
            elif edit.table == "risks":
                risks.pop(edit.key, None)
                for row in edit.rows:
                    risks[edit.key] = RegionRisk(edit.key, row["level"], row.get("name", ""))
            elif edit.table == "shifts" and edit.rows and edit.key in shifts:
                start, end = parse_time(edit.rows[0]["start"]), parse_time(edit.rows[0]["end"])
                shifts[edit.key] = msgspec.structs.replace(shifts[edit.key], start=start, end=end)
            elif edit.table == "visit_rules":
                visits = [rule for rule in visits if rule.place != edit.key]
                visits += [
                    VisitRule(edit.key, int(row["times"]), parse_time(row["start"]), parse_time(row["end"]))
                    for row in edit.rows
                ]
            else:
                return None
    except (KeyError, ValueError):
        return None
    listed: tuple[Shift, ...] = tuple(shifts.values())
    return msgspec.structs.replace(
        pack,
        thresholds=thresholds,
        duty_hours=tuple(hours.values()),
        shifts=listed,
        visit_rules=tuple(visits),
        risks=tuple(risks.values()),
        since=pack.since or pack.valid_from,
        version=f"{pack.version}?",
    )


def effects(board: Board, past: Past, edits: Sequence[Edit], lang: str) -> list[Effect] | None:
    """What edits would make of the figures that depend on them, today; ``None`` where it cannot be tried."""
    pack = changed(board.pack, edits)
    if pack is None:
        return None
    region = Region(pack, board.region.boundaries)
    found = []
    tried: dict[str, tuple[Mapping[str, Summary], Mapping[str, Summary]] | None] = {}
    for key in _figures(edits):
        feed, kpi = KPIS[key]
        if feed not in board.feeds:
            continue
        if feed.name not in tried:
            tried[feed.name] = _both(board, past, feed.name, region)
        pair = tried[feed.name]
        if pair is None:
            return None
        now, then = (
            figures_of(feed, kpi, {town: one for town, one in part.items() if town in board.towns}, ALL, board.now)[0]
            for part in pair
        )
        texts = [wording.join_unit(*value_text(figure, kpi, lang)) for figure in (now, then)]
        both = now.value is not None and then.value is not None
        delta = wording.delta(then.value or 0, now.value or 0, kpi, lang) if both else ""
        found.append(Effect(key, kpi.words.of(lang), texts[0], texts[1], delta, texts[0] == texts[1]))
    return found


def _figures(edits: Sequence[Edit]) -> list[str]:
    keys: dict[str, None] = {}
    for edit in edits:
        declared = parameter(edit.key) if edit.table == THRESHOLDS else None
        for key in declared[1].kpis if declared else TABLE_KPIS.get(edit.table, ()):
            if key in KPIS:
                keys[key] = None
    return list(keys)


def _both(
    board: Board, past: Past, feed: str, region: Region
) -> tuple[Mapping[str, Summary], Mapping[str, Summary]] | None:
    """Summaries of now by the rules in force and by those of ``region``; ``None`` when there are too many records."""
    engine = past.engines[feed]
    places = past.provisional()
    others = past.others(feed)
    states = partial(past.states, feed)
    before = engine.summarise(states, board.region, board.now, None, places, others)
    bucket = engine.bucket(board.day)
    if bucket == LIFE or engine.rules(board.region) == engine.rules(region):
        return before, engine.summarise(states, region, board.now, None, places, others)
    if sum(past.records(feed, board.day).values()) > MOST_RECORDS:
        return None
    folded: dict[str, State] = {}
    with past.history.reading() as connection:
        for subject, events in past.history.events_of_day(connection, feed, board.day).items():
            folded[subject] = engine.new()
            engine.fold(folded[subject], events, region)

    def tried(day: int) -> Mapping[str, State]:
        return folded if day == bucket else states(day)

    return before, engine.summarise(tried, region, board.now, None, places, others)


__all__ = ["MOST_RECORDS", "Effect", "changed", "effects"]
