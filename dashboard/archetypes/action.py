"""Archetype *action*: what people do about items (obligations, alerts), and how far they are with each.

An item lives as long as its name: its state keeps every act in event order, and how it stands is derived for the moment
that is asked for. So acts may arrive in any order, and an undo before what it takes back. Acts never reach a figure:
they say who has a thing, not that it is done. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from dashboard.archetypes.case import CaseState, Entry, horizon
from dashboard.domain.day import day_end, day_of, day_start, shift_day
from dashboard.domain.feed import ActionSpec
from dashboard.domain.place import RegionPack
from dashboard.domain.summary import Act, ActionSummary, ActState, Standing

MOST_ACTS = 40
"""Acts of one item that are published; an item that is handed on more often keeps the latest."""


def standing_of(spec: ActionSpec, item: str, entries: Sequence[Entry], now: int) -> Standing | None:
    """How an item stands after ``entries`` (of one town, in event order); ``None`` when nothing was done about it.

    An undo takes back the act of the same source that it names, if it came soon enough after it.
    """
    named = {(entry.source, entry.id): entry.at for entry in entries}
    undone: set[tuple[str, str]] = set()
    for entry in entries:
        if entry.fields["verb"] == "undo":
            target = (entry.source, str(entry.fields.get("undoes", "")))
            if 0 <= entry.at - named.get(target, entry.at + 1) <= spec.undo_ms:
                undone.add(target)
    state, owner, since = ActState.OPEN, "", 0
    until: int | None = None
    reason = note = case = ""
    history: list[Act] = []
    for entry in entries:
        said = entry.fields
        verb = said["verb"]
        if verb == "undo" or (entry.source, entry.id) in undone:
            continue
        by, to = str(said.get("by", "")), str(said.get("to", ""))
        case = str(said.get("case", "")) or case
        if verb == "acknowledge":
            state, owner = ActState.ACKNOWLEDGED, by
        elif verb in ("assign", "handover"):
            state, owner = ActState.ASSIGNED, to
        elif verb == "postpone":
            state, until = ActState.POSTPONED, said.get("until")
        elif verb == "done":
            state, owner = ActState.DONE, owner or by
        elif verb == "reopen":
            state, owner, until = ActState.OPEN, "", None
        since, reason, note = entry.at, str(said.get("reason", "")), str(said.get("note", ""))
        history.append(Act(entry.at, verb, by, to, said.get("until"), reason, note, entry.id, entry.source))
    if not history:
        return None
    if state == ActState.POSTPONED and (until is None or until <= now):
        # The time has come: it is with whoever had it.
        state = ActState.ASSIGNED if owner else ActState.OPEN
    return Standing(item, state, owner, since, tuple(history[-MOST_ACTS:]), until, reason, note, case)


def summarise(
    spec: ActionSpec,
    states: Mapping[str, CaseState],
    pack: RegionPack,
    now: int,
    towns: Iterable[str] | None = None,
) -> dict[str, ActionSummary]:
    """Sum up towns at ``now`` from the states of all items. Pure.

    What is done in the name of one town reaches that town's items only, whatever another town calls its own.
    """
    zone = pack.timezone
    day = day_of(now, zone)
    start, upto = day_start(day, zone), horizon(now, zone)
    kept = day_start(shift_day(day, -spec.kept_days), zone)
    done = day_start(shift_day(day, -spec.done_days), zone)
    wanted = list(towns) if towns is not None else [town.code for town in pack.towns]
    items: dict[str, list[Standing]] = defaultdict(list)
    today: set[str] = set()
    ever: set[str] = set()
    received: dict[str, int] = {}
    for item, state in states.items():
        by_town: dict[str, list[Entry]] = defaultdict(list)
        for entry in state.entries:
            if entry.at > upto:
                break
            ever.add(entry.town)
            received[entry.town] = max(received.get(entry.town, 0), entry.received)
            if entry.at >= start:
                today.add(entry.town)
            if not entry.nothing:
                by_town[entry.town].append(entry)
        for town, entries in by_town.items():
            if entries[-1].at < kept:
                continue
            found = standing_of(spec, item, entries, now)
            if found is not None and found.last.at >= (done if found.state == ActState.DONE else kept):
                items[town].append(found)
    return {
        town: ActionSummary(
            town=town,
            day=day,
            now=now,
            reported=town in today,
            ever=town in ever,
            last_received=received.get(town),
            items=tuple(sorted(items[town], key=lambda one: one.item)),
        )
        for town in wanted
    }


def next_change(summary: ActionSummary, pack: RegionPack) -> int:
    """When time alone will next change what this summary says: a postponement ends, or the day does."""
    moments = [day_end(summary.day, pack.timezone)]
    moments += [one.until for one in summary.items if one.state == ActState.POSTPONED and one.until is not None]
    return min(at for at in moments if at > summary.now)


__all__ = ["MOST_ACTS", "next_change", "standing_of", "summarise"]
