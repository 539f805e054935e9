"""Points for attention: at most three, each with the facts that say why, and what became of the last ones.

Order: people at risk, limits passed, then the town that is furthest behind (DESIGN-UI §7).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dashboard.domain.feed import CaseSpec
from dashboard.domain.summary import FeverState, ObligationState
from dashboard.queries.board import Board
from dashboard.queries.wording import shown
from dashboard.snapshot.brief import Brief, Follow, Point

MOST = 3
PENDING = (FeverState.PENDING, FeverState.UNRESOLVED)
ILL = (FeverState.CONFIRMED, FeverState.TRANSFERRED)


def points_of(now: Board, before: Board) -> tuple[Point, ...]:
    """The points of a board, most pressing first. ``before`` is the board of yesterday at the same time."""
    people, passed, behind = list(_people(now)), list(_passed(now)), list(_behind(now, before))
    chosen = people[:1] + passed[:1] + behind[:1]
    rest = people[1:] + passed[1:] + behind[1:]
    chosen += rest[: MOST - len(chosen)]
    return tuple(sorted(chosen, key=lambda one: one.level))


def _people(now: Board) -> Iterable[Point]:
    found = []
    for town in now.towns:
        reading = now.reading(town)
        states = Counter(fever.state for fever in reading.fevers) if reading is not None else Counter()
        waiting, ill = sum(states[one] for one in PENDING), sum(states[one] for one in ILL)
        if waiting or ill:
            facts: dict[str, float | int | str] = {
                "waiting": waiting,
                "confirmed": states[FeverState.CONFIRMED],
                "transferred": states[FeverState.TRANSFERRED],
                "cleared": states[FeverState.CLEARED],
            }
            found.append(Point("fever", 0, town, "fever_count", sum(states.values()), facts))
    return sorted(found, key=lambda one: (-int(one.facts["waiting"]), -int(one.value or 0), one.town))


def _passed(now: Board) -> Iterable[Point]:
    for feed in now.feeds:
        if not isinstance(feed.archetype, CaseSpec):
            continue
        kpi = f"{feed.name}_stuck" if feed.archetype.owes_visits else f"{feed.name}_overdue"
        if feed.kpi(kpi) is None:
            continue
        counts: Counter[str] = Counter()
        worst: dict[str, int] = {}
        for town in now.towns:
            own = now.case(town, feed.name)
            for case in own.open if own else ():
                limit = case.limit if feed.archetype.owes_visits else case.due
                if (case.stuck if feed.archetype.owes_visits else case.overdue) and limit is not None:
                    counts[town] += 1
                    worst[town] = max(worst.get(town, 0), now.now - limit)
        if counts:
            town, count = min(counts.items(), key=lambda pair: (-pair[1], -worst[pair[0]], pair[0]))
            facts: dict[str, float | int | str] = {"all": sum(counts.values()), "worst_ms": worst[town]}
            yield Point("overdue", 1, town, kpi, count, facts)


def _behind(now: Board, before: Board) -> Iterable[Point]:
    if len(now.towns) < 2:
        return
    for kpi in ("resumption_rate", "patrol_coverage"):
        whole = now.figure(kpi)
        rates = [(one.value, town) for town in now.towns if (one := now.figure(kpi, town)).value is not None]
        if whole.value is None or len(rates) < 2:
            continue
        value, town = min(rates)
        own, earlier = now.figure(kpi, town), before.figure(kpi, town)
        if value is None or value >= whole.value:
            continue
        facts: dict[str, float | int | str] = {
            "below": float(value - whole.value),
            "whole": float(whole.value),
            "numerator": int(own.numerator or 0),
            "denominator": int(own.denominator or 0),
        }
        if earlier.numerator is not None and earlier.denominator is not None:
            facts["numerator_moved"] = int((own.numerator or 0) - earlier.numerator)
            facts["denominator_moved"] = int((own.denominator or 0) - earlier.denominator)
        if kpi == "resumption_rate":
            firms = now.case(town, own.feed)
            stages = Counter(case.stage for case in firms.open) if firms else Counter[str]()
            stuck = sum(1 for case in firms.open if case.stuck) if firms else 0
            if stages:
                stage, count = stages.most_common(1)[0]
                facts |= {"stage": stage, "in_stage": count}
            facts["stuck"] = stuck
        else:
            track = now.track(town)
            lapsed = [one for one in track.obligations if one.state == ObligationState.LAPSED] if track else []
            facts["lapsed"] = len(lapsed)
            facts["lapsed_firms"] = sum(1 for one in lapsed if one.target == "enterprise")
        yield Point("behind", 2, town, kpi, value, facts)


def follow_up(last: Brief, now: Board) -> tuple[Follow, ...]:
    """What became of the last snapshot's points, by the same figures today."""
    found = []
    for point in last.points:
        if point.town not in now.towns:
            continue
        value = now.figure(point.kpi, point.town).value
        if point.kind == "fever":
            reading = now.reading(point.town)
            value = sum(1 for fever in reading.fevers if fever.state in PENDING) if reading else None
            state = "open" if value else "closed"
        else:
            kpi = next(kpi for _, kpi in now.kpis() if kpi.key == point.kpi)
            was = point.value
            if value is None or was is None:
                state = "open"
            else:
                gain = shown(value, kpi) - shown(was, kpi)
                gain = -gain if point.kind == "overdue" else gain
                done = value == 0 if point.kind == "overdue" else value >= (now.figure(point.kpi).value or 0)
                state = "closed" if done else "better" if gain > 0 else "worse" if gain < 0 else "open"
        found.append(Follow(point, state, value))
    return tuple(found)


__all__ = ["follow_up", "points_of"]
