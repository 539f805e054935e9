"""What is the matter on a board: every condition of every rule, as causes. Pure; remembers nothing but marks.

A *cause* is one thing that is wrong, named so that it is the same at every look: a checkpoint, a place, a case, a
town's figure. Where several causes are one (all checkpoints of a town silent, a device behind a silent checkpoint) the
narrower names the wider in ``under``. Members of the public are case numbers. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from dashboard.domain.day import HOUR, MINUTE, day_start, shift_day
from dashboard.domain.feed import OnCase, OnCorrection, OnFeed, OnFigure, OnReading, OnTrack, ReadingSpec
from dashboard.domain.figure import Freshness
from dashboard.domain.summary import CaseSummary, FeverState, Judged, ObligationState, ReadingSummary, TrackSummary
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries.alerting.life import Mark
from dashboard.queries.alerting.rules import Rule, Severity
from dashboard.queries.duties import PATROL_POINT, duty_began
from dashboard.queries.figures import ALL, figures_of

if TYPE_CHECKING:
    from dashboard.domain.summary import CaseNow, Summary
    from dashboard.queries.board import Board

OLD = (Freshness.STALE, Freshness.SILENT)
GRACE_MS = 2 * HOUR
"""Yesterday is told this long after midnight: records that come late until then are none that correct it."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One cause that a rule's condition holds for now."""

    cause: str
    rule: str
    town: str
    severity: Severity
    value: float | None = None
    since: int | None = None
    place: str = ""
    case: str = ""
    owner: str = ""
    facts: dict[str, Any] = {}
    """Further numbers for the words, never a person."""
    aging: bool = False
    """The value is nothing but the time since ``since`` (or to come): it grows by itself and is not kept anew."""
    counted: bool = False
    """The value counts single happenings: a higher one is news even when somebody has dealt with it."""
    under: tuple[str, ...] = ()


class Sight(msgspec.Struct):
    """What was seen: causes, what could not be judged as (rule, town), and marks that changed."""

    found: list[Found]
    blind: set[tuple[str, str]]
    marks: dict[str, Mark]


Closed = Callable[[str], Mapping[str, "Summary"]]
"""Feed -> the summaries of yesterday at its end as they are known now."""


def look(
    board: Board,
    rules: Mapping[str, Rule],
    firing: Collection[str] = (),
    marks: Mapping[str, Mark] | None = None,
    closed: Closed | None = None,
) -> Sight:
    """Every cause there is on a board that sees every town. ``firing`` are causes whose clear limit counts."""
    sight = Sight([], set(), {})
    for rule in rules.values():
        if not rule.looks(board.now, board.zone, board.day):
            continue
        condition = rule.condition
        if isinstance(condition, OnFigure):
            _figures(board, rule, condition, firing, marks or {}, sight)
        elif isinstance(condition, OnReading):
            _blind(board, rule, sight)
            sight.found += _READINGS[condition.what](board, rule, firing)
        elif isinstance(condition, OnTrack):
            _blind(board, rule, sight)
            sight.found += (_gaps if condition.what == "gap" else _units)(board, rule)
        elif isinstance(condition, OnCase):
            _blind(board, rule, sight)
            sight.found += _cases(board, rule, condition)
        elif isinstance(condition, OnFeed):
            sight.found += _feed(board, rule)
        elif closed is not None:
            _corrections(board, rule, condition, marks or {}, closed, sight)
    return sight


def _blind(board: Board, rule: Rule, sight: Sight) -> None:
    known = board.summaries(rule.feed)
    sight.blind |= {(rule.key, town) for town in board.towns if town not in known}


# -- figures


def _figures(
    board: Board, rule: Rule, condition: OnFigure, firing: Collection[str], marks: Mapping[str, Mark], sight: Sight
) -> None:
    feed, kpi = KPIS[condition.kpi]
    for town in board.towns:
        figure = board.figure(condition.kpi, town, feed.name)
        few = kpi.unit == "ratio" and (figure.denominator or 0) < condition.least
        if figure.value is None or few or figure.freshness in OLD:
            sight.blind.add((rule.key, town))
            continue
        value = float(figure.value) * (100 if kpi.unit == "ratio" else 1)
        facts = {"kpi": condition.kpi, "figure": float(figure.value)}
        cause = f"{rule.key}|{town}"
        if condition.way == "fall":
            name = f"high:{condition.kpi}:{town}"
            mark = marks.get(name)
            before = mark.high if mark and mark.day == board.day else mark.last if mark else value
            now = Mark(board.day, max(before, value), value)
            if now != mark:
                sight.marks[name] = now
            value, facts["before"] = round(now.high - value, 6), now.high
        limit = rule.limit if cause not in firing or rule.clear is None else rule.clear
        on = value < limit if condition.way == "below" else value >= limit and value > 0
        if on:
            sight.found.append(
                Found(cause=cause, rule=rule.key, town=town, severity=rule.severity(value), value=value, facts=facts)
            )


def _corrections(
    board: Board, rule: Rule, condition: OnCorrection, marks: Mapping[str, Mark], closed: Closed, sight: Sight
) -> None:
    yesterday = shift_day(board.day, -1)
    if board.now < day_start(board.day, board.zone) + GRACE_MS:
        return
    summaries = {town: one for town, one in closed(rule.feed).items() if town in board.towns}
    feed = FEEDS[rule.feed]
    for key in condition.kpis:
        kpi = KPIS[key][1]
        scale = 100 if kpi.unit == "ratio" else 1
        for town in board.towns:
            value = figures_of(feed, kpi, summaries, town, board.now)[0].value
            name = f"told:{key}:{town}"
            if value is None:
                sight.blind.add((rule.key, town))
                continue
            value = float(value) * scale
            mark = marks.get(name)
            if mark is None or mark.day != yesterday:
                sight.marks[name] = Mark(yesterday, value, value)
                continue
            moved = round(abs(value - mark.high), 6)
            if moved >= rule.limit and moved > 0:
                sight.found.append(
                    Found(
                        cause=f"{rule.key}|{key}|{town}|{yesterday}",
                        rule=rule.key,
                        town=town,
                        severity=rule.severity(moved),
                        value=moved,
                        facts={"kpi": key, "before": mark.high, "after": value, "day": yesterday},
                    )
                )


# -- readings


def _readings(board: Board, rule: Rule) -> Iterator[tuple[str, ReadingSummary]]:
    for town in board.towns:
        found = board.reading(town, rule.feed)
        if found is not None:
            yield town, found


def _fevers(board: Board, rule: Rule, firing: Collection[str]) -> Iterator[Found]:
    for town, reading in _readings(board, rule):
        for fever in reading.fevers:
            if fever.state in (FeverState.PENDING, FeverState.UNRESOLVED):
                yield Found(
                    cause=f"{rule.key}|{fever.checkpoint}|{fever.at}|{fever.case}",
                    rule=rule.key,
                    town=town,
                    severity=rule.severity(None),
                    value=fever.milli_celsius / 1000,
                    since=fever.at,
                    place=fever.checkpoint,
                    case=fever.case,
                    facts={"state": str(fever.state)},
                )


def _refused(board: Board, rule: Rule, firing: Collection[str]) -> Iterator[Found]:
    for town, reading in _readings(board, rule):
        red = reading.codes.get("red", 0)
        # A red code that was refused is both: the larger number holds everybody at least once.
        count = max(red, reading.refused)
        if count >= max(1.0, rule.limit):
            yield Found(
                cause=f"{rule.key}|{town}|{reading.day}",
                rule=rule.key,
                town=town,
                severity=rule.severity(count),
                value=count,
                facts={"red": red, "refused": reading.refused},
                counted=True,
            )


def _blocked(board: Board, rule: Rule, firing: Collection[str]) -> Iterator[Found]:
    for town, reading in _readings(board, rule):
        points = {one.checkpoint for one in reading.blocks}
        for point in sorted(points):
            own = [one for one in reading.blocks if one.checkpoint == point]
            if len(own) >= max(1.0, rule.limit):
                yield Found(
                    cause=f"{rule.key}|{point}|{reading.day}",
                    rule=rule.key,
                    town=town,
                    severity=rule.severity(len(own)),
                    value=len(own),
                    since=max(one.at for one in own),
                    place=point,
                    counted=True,
                )


def _silent(board: Board, rule: Rule, firing: Collection[str]) -> Iterator[Found]:
    """Checkpoints on duty that send nothing; all of a town are one cause, all of the region are one."""
    everywhere = f"{rule.key}|{ALL}"
    posts: dict[str, list[str]] = {}
    quiet: dict[str, list[tuple[str, int]]] = {}
    for town, reading in _readings(board, rule):
        for point in reading.checkpoints:
            # A town that has never sent anything is not connected yet, which is no silence.
            if not point.on_duty or (point.last_at is None and reading.last_received is None):
                continue
            posts.setdefault(town, []).append(point.checkpoint)
            began = duty_began(board, point.checkpoint)
            since = began if point.last_at is None else max(began, point.last_at)
            if board.now - since >= rule.limit * MINUTE:
                quiet.setdefault(town, []).append((point.checkpoint, since))
    whole = [town for town in quiet if len(quiet[town]) == len(posts[town]) >= 2]
    if len(whole) == len(posts) >= 2:
        since = min(at for town in quiet for _, at in quiet[town])
        value = (board.now - since) / MINUTE
        yield Found(
            cause=everywhere,
            rule=rule.key,
            town=ALL,
            severity=rule.severity(value),
            value=value,
            since=since,
            facts={"points": sum(map(len, posts.values()))},
            aging=True,
        )
    for town in quiet:
        if town in whole:
            since = min(at for _, at in quiet[town])
            value = (board.now - since) / MINUTE
            yield Found(
                cause=f"{rule.key}|{town}",
                rule=rule.key,
                town=town,
                severity=rule.severity(value),
                value=value,
                since=since,
                facts={"points": len(quiet[town])},
                aging=True,
                under=(everywhere,),
            )
        for code, since in quiet[town]:
            value = (board.now - since) / MINUTE
            yield Found(
                cause=f"{rule.key}|{code}",
                rule=rule.key,
                town=town,
                severity=rule.severity(value),
                value=value,
                since=since,
                place=code,
                aging=True,
                under=(f"{rule.key}|{town}", everywhere),
            )


def _drifts(board: Board, rule: Rule, firing: Collection[str]) -> Iterator[Found]:
    silent = [one.key(rule.feed) for one in FEEDS[rule.feed].alerts if one.condition == OnReading("silent")]
    for town, reading in _readings(board, rule):
        for drift in reading.drifts:
            cause = f"{rule.key}|{drift.device}"
            value = abs(drift.milli) / 1000
            limit = rule.limit if cause not in firing or rule.clear is None else rule.clear
            if value > limit:
                yield Found(
                    cause=cause,
                    rule=rule.key,
                    town=town,
                    severity=rule.severity(value),
                    value=value,
                    place=drift.checkpoint,
                    facts={"device": drift.device, "signed": drift.milli / 1000},
                    under=tuple(f"{key}|{what}" for key in silent for what in (drift.checkpoint, town, ALL)),
                )


_READINGS: Mapping[str, Callable[[Board, Rule, Collection[str]], Iterator[Found]]] = {
    "fever": _fevers,
    "refused": _refused,
    "silent": _silent,
    "drift": _drifts,
    "blocked": _blocked,
}


# -- tracks


def _gaps(board: Board, rule: Rule) -> Iterator[Found]:
    """Places whose visit lapses within the limit, or has lapsed and nobody has been there since."""
    for town in board.towns:
        track = board.track(town, rule.feed)
        if track is None:
            continue
        owed: dict[str, list[Judged]] = {}
        for one in track.obligations:
            if one.target == PATROL_POINT:
                owed.setdefault(one.place, []).append(one)
        seen = {gap.place: gap.since for gap in track.gaps if gap.visited}
        for code, judged in owed.items():
            worst = _worst(judged, board.now, rule.limit * MINUTE, seen.get(code, 0))
            if worst is None:
                continue
            value = (board.now - worst.end) / MINUTE
            place = board.place(code)
            beat = board.pack.beat_by_code.get(place.beat) if place and place.beat else None
            yield Found(
                cause=f"{rule.key}|{code}",
                rule=rule.key,
                town=town,
                severity=rule.severity(value),
                value=value,
                since=worst.end,
                place=code,
                owner=beat.units[0] if beat and beat.units and rule.declared.owner == "unit" else "",
                facts={"due": worst.end, "beat": beat.code if beat else ""},
                aging=True,
            )


def _worst(judged: list[Judged], now: int, soon: float, visited: int) -> Judged | None:
    lapsed = [one for one in judged if one.state == ObligationState.LAPSED]
    met = max((one.met_at for one in judged if one.met_at is not None), default=0)
    missed = [one for one in lapsed if one.end > max(visited, met)]
    if missed:
        return min(missed, key=lambda one: one.end)
    near = [one for one in judged if one.state == ObligationState.OPEN and one.start <= now and one.end - now <= soon]
    return min(near, key=lambda one: one.end, default=None)


def _units(board: Board, rule: Rule) -> Iterator[Found]:
    away = tuple(f"{one.key(rule.feed)}|{ALL}" for one in FEEDS[rule.feed].alerts if isinstance(one.condition, OnFeed))
    for town in board.towns:
        track: TrackSummary | None = board.track(town, rule.feed)
        for unit in track.units if track else ():
            if not unit.on_duty or unit.signal or unit.at is None or unit.town != town:
                continue
            value = (board.now - unit.at) / MINUTE
            if value >= rule.limit:
                yield Found(
                    cause=f"{rule.key}|{unit.unit}",
                    rule=rule.key,
                    town=town,
                    severity=rule.severity(value),
                    value=value,
                    since=unit.at,
                    owner=unit.unit,
                    facts={"unit": unit.unit},
                    aging=True,
                    under=away,
                )


# -- cases


def _cases(board: Board, rule: Rule, condition: OnCase) -> Iterator[Found]:
    places = _standing_in(board, condition.within, condition.within_stage) if condition.within else None
    for town in board.towns:
        summary = board.summaries(rule.feed).get(town)
        # What ended is looked at only by a condition that may say so: there are ever more of those.
        ended = condition.what == "since"
        for case in (summary.cases if ended else summary.open) if isinstance(summary, CaseSummary) else ():
            since = _case_since(case, condition, board.now, rule)
            if since is None:
                continue
            place = str(case.value("place") or case.value("enterprise") or "")
            if places is not None and place not in places:
                continue
            value = (board.now - since) / HOUR
            owner = rule.declared.owner
            yield Found(
                cause=f"{rule.key}|{case.case}",
                rule=rule.key,
                town=town,
                severity=rule.severity(value),
                value=value,
                since=since,
                place=place if board.place(place) is not None else "",
                case=case.case,
                owner=str(case.value(owner) or "") if owner else "",
                facts={"stage": case.stage},
                aging=True,
            )


def _case_since(case: CaseNow, condition: OnCase, now: int, rule: Rule) -> int | None:
    if condition.what == "opened":
        return case.opened if not case.ends and now - case.opened <= rule.limit * HOUR else None
    if condition.what == "overdue":
        since = case.due if case.overdue else None
    elif condition.what == "stuck":
        since = case.limit if case.stuck else None
    else:
        since = condition.since(case, now) if condition.since is not None else None
    return since if since is not None and now - since >= rule.limit * HOUR else None


def _standing_in(board: Board, feed: str, stage: str) -> set[str]:
    return {
        case.case
        for summary in board.summaries(feed).values()
        if isinstance(summary, CaseSummary)
        for case in summary.cases
        if case.stage == stage
    }


# -- feeds


def _feed(board: Board, rule: Rule) -> Iterator[Found]:
    """A feed that has sent before and is silent now. Of a reading feed its checkpoints on duty tell."""
    freshness, received = board.freshness(rule.feed)
    if received is None or freshness not in OLD:
        return
    feed = FEEDS[rule.feed]
    told = any(one.condition == OnReading("silent") for one in feed.alerts)
    if isinstance(feed.archetype, ReadingSpec) and told:
        summaries = board.summaries(rule.feed).values()
        if any(point.on_duty for one in summaries if isinstance(one, ReadingSummary) for point in one.checkpoints):
            return
    value = (board.now - received) / MINUTE
    yield Found(
        cause=f"{rule.key}|{ALL}",
        rule=rule.key,
        town=ALL,
        severity=rule.severity(value),
        value=value,
        since=received,
        aging=True,
    )


__all__ = ["Closed", "Found", "Sight", "look"]
