"""What is due in a town now: one ordered list over every feed, from which headline, cards, rows and pins are made.

Pure over a board: nothing here reads a store, a clock or a language. Feeds declare what they owe (``Feed.duties``): a
visit of a patrol point (DOMAIN.md §5 `patrol`; what resumed enterprises owe is one row of its own), a fever that awaits
its recheck, a checkpoint on duty that sends nothing (EXACTNESS, `checkpoints_online`), a case whose time is up today or
that nobody has. What staff did about a duty (:mod:`dashboard.queries.standing`) moves its row, never a number. Times
are ms since 1970 UTC, temperatures milli-degrees Celsius. A member of the public appears as a case number only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from dashboard.archetypes.parameters import reading_in
from dashboard.domain.day import HOUR, MINUTE, day_end, day_start, minute_of, shift_day
from dashboard.domain.feed import CaseSpec, DutyRule, Feed, ReadingSpec, TrackSpec, Words
from dashboard.domain.place import Beat
from dashboard.domain.summary import (
    ActState,
    CaseSummary,
    CheckpointNow,
    FeverNow,
    FeverState,
    Judged,
    ObligationState,
    Standing,
)
from dashboard.feeds import FEEDS
from dashboard.queries import casework
from dashboard.queries.standing import standing

if TYPE_CHECKING:
    from dashboard.queries.board import Board

PATROL_POINT = "patrol_point"
"""The target of the visits that are listed; what enterprises owe (``enterprise``) is counted apart."""
SOON_MS = 2 * HOUR
"""An obligation that closes within this time is “due soon” (DESIGN-UI §2)."""


class Group(StrEnum):
    """Where a duty stands in the list, most urgent first."""

    BURNING = "burning"
    OVERDUE = "overdue"
    SOON = "soon"
    LATER = "later"
    HANDLED = "handled"
    """Somebody said that it is done, or put it off to another day; the records do not say so yet."""


class DutyKind(StrEnum):
    """What is owed; also the key of the category card."""

    VISIT = "visit"
    FEVER = "fever"
    CHECKPOINT = "checkpoint"
    CASE = "case"
    ROUND = "round"


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not done yet. ``key`` names it for the whole day and stands in a page's address."""

    key: str
    kind: DutyKind
    feed: str
    group: Group
    number: int = 0
    """Number in the list and on the map, from 1; 0 in the group ``later``, which carries no pins."""
    place: str
    """Code of the place; empty for a case that has none."""
    due: int
    """Visit: end of its window. Fever: when its recheck is due. Checkpoint: when it should have sent a reading. Case:
    when it must have ended, or left its stage."""
    since: int
    """Visit: start of its window. Fever: its time. Checkpoint: its last reading, else when its duty began. Case: since
    when it stands in its stage."""
    beat: str | None = None
    units: tuple[str, ...] = ()
    nth: int = 1
    times: int = 1
    """The visit is the ``nth`` of ``times`` owed in the same window."""
    case: str = ""
    milli_celsius: int | None = None
    rule: str = ""
    never: bool = False
    """The checkpoint has never sent a reading."""
    lon: float | None = None
    lat: float | None = None
    """Where a case is, as far as it is known."""
    item: str = ""
    """Its name in the feed ``action``, unlike any other of any day."""
    own: Group | None = None
    """Where it stands by the records alone, whatever staff did about it."""
    standing: Standing | None = None
    verbs: tuple[str, ...] = ()
    words: Words | None = None
    """What a row of this rule is called; ``None``: as its feed."""
    said: Words | None = None
    """What a declared rule says is owed."""
    owner_field: str = ""
    unassigned: bool = False
    firms: tuple[str, ...] = ()
    """Of a round: places whose visit is open, longest unvisited first."""
    lapsed: int = 0
    """Of a round: visits of today that nobody made in time."""

    @property
    def taken(self) -> bool:
        """Whether somebody has it by an act of theirs."""
        return self.standing is not None and self.standing.state != ActState.OPEN

    @property
    def category(self) -> str:
        """The card and filter it belongs to: its kind, for cases their feed."""
        return self.feed if self.kind == DutyKind.CASE else str(self.kind)


class Tally(msgspec.Struct, frozen=True):
    """One category of a town today. ``None`` numbers: the town has not reported, so nothing may be claimed."""

    kind: DutyKind
    feed: str
    undone: int | None
    done: int | None
    total: int | None
    overdue: int
    burning: int
    unobservable: int = 0


_ORDER = {group: place for place, group in enumerate(Group)}
UNNUMBERED = frozenset({Group.LATER, Group.HANDLED})
"""Groups that are folded away and carry no pins."""


def due_in(board: Board, town: str) -> tuple[Duty, ...]:
    """Everything not done in a town: burning, overdue (longest first), soon, later, and what somebody has dealt with
    although no record says so yet; in a group the first due first."""
    known = standing(board, town)
    found = [_handled(board, duty, known.get(duty.item)) for duty in owed_in(board, town)]
    found.sort(key=lambda duty: (_ORDER[duty.group], duty.due, duty.key))
    return tuple(
        duty if duty.group in UNNUMBERED else msgspec.structs.replace(duty, number=number)
        for number, duty in enumerate(found, start=1)
    )


def owed_in(board: Board, town: str) -> list[Duty]:
    """What the records of a town leave to be done today, whatever staff did about it; in no order."""
    found: list[Duty] = []
    for feed in board.feeds:
        seen: set[str] = set()
        for rule in feed.owes:
            for duty in _OWED[rule.on](board, town, feed, rule):
                # Of two rules about one case the first says what is to be done.
                if duty.kind != DutyKind.CASE or rule.on == "owed" or duty.case not in seen:
                    seen.add(duty.case)
                    found.append(msgspec.structs.replace(duty, own=duty.group, verbs=rule.verbs, words=rule.words))
    return found


def _handled(board: Board, duty: Duty, known: Standing | None) -> Duty:
    """A duty with what staff did about it. Finished counts for the day: tomorrow the records decide again."""
    if known is None or known.state == ActState.OPEN:
        return duty if known is None else msgspec.structs.replace(duty, standing=known)
    group, due = duty.group, duty.due
    if known.state == ActState.DONE:
        if known.since >= day_start(board.day, board.zone):
            group = Group.HANDLED
        else:
            known = msgspec.structs.replace(known, state=ActState.ASSIGNED)
    elif known.state == ActState.POSTPONED and known.until is not None:
        due = known.until
        if due >= day_end(board.day, board.zone):
            group = Group.HANDLED
        else:
            group = Group.SOON if due - board.now <= SOON_MS else Group.LATER
    elif group == Group.BURNING:
        group = Group.SOON if board.now < due else Group.OVERDUE
    return msgspec.structs.replace(duty, group=group, due=due, standing=known)


def tallies(board: Board, town: str, duties: tuple[Duty, ...]) -> tuple[Tally, ...]:
    """The categories of the feeds that are declared, in the order of the cards."""
    found: list[Tally] = []
    track, reading = board.track(town), board.reading(town)
    patrol, temperature = _feed_of(TrackSpec), _feed_of(ReadingSpec)

    def of(kind: DutyKind, group: Group) -> int:
        # By the records: an act of staff moves a row, not a number.
        return sum(1 for duty in duties if duty.kind == kind and (duty.own or duty.group) == group)

    if patrol is not None:
        kind = DutyKind.VISIT
        undone = sum(1 for duty in duties if duty.kind == kind)
        owed = Counter(str(one.state) for one in track.obligations if one.target == PATROL_POINT) if track else None
        found.append(
            Tally(
                kind,
                patrol,
                undone if owed is not None else None,
                owed[ObligationState.MET] if owed is not None else None,
                owed.total() if owed is not None else None,
                of(kind, Group.OVERDUE),
                0,
                owed[ObligationState.UNOBSERVABLE] if owed is not None else 0,
            )
        )
    if temperature is not None:
        kind = DutyKind.FEVER
        undone = sum(1 for duty in duties if duty.kind == kind)
        reported = reading is not None and reading.reported
        # fevers holds at most 200; the count holds them all, and what is not listed has been followed up.
        total = reading.fever_count if reading is not None and reported else None
        done = None if total is None else max(0, total - undone)
        found.append(
            Tally(
                kind,
                temperature,
                undone if reported else None,
                done,
                total,
                of(kind, Group.OVERDUE),
                of(kind, Group.BURNING),
            )
        )
        kind = DutyKind.CHECKPOINT
        undone = sum(1 for duty in duties if duty.kind == kind)
        found.append(
            Tally(
                kind,
                temperature,
                undone if reading else None,
                reading.online if reading else None,
                reading.on_duty if reading else None,
                of(kind, Group.OVERDUE),
                0,
            )
        )
    return tuple(found) + tuple(_case_tally(board, town, feed, duties) for feed in _case_feeds(board, duties))


def _case_feeds(board: Board, duties: tuple[Duty, ...]) -> list[Feed]:
    """The case feeds that have a card: the core ones, and others of which something is due."""
    due = {duty.feed for duty in duties}
    return [
        feed
        for feed in board.feeds
        if isinstance(feed.archetype, CaseSpec) and feed.owes and (feed.core or feed.name in due)
    ]


def _case_tally(board: Board, town: str, feed: Feed, duties: tuple[Duty, ...]) -> Tally:
    """A feed's cases of today: those whose time is up, and those that were settled or moved on."""
    own = [duty for duty in duties if duty.category == feed.name]
    known = town in casework.ever(board, feed)
    start = day_start(board.day, board.zone)
    limited = {stage.code for stage in casework.spec_of(feed).stages if not stage.ends}
    dated = bool(casework.spec_of(feed).due_field)
    done = 0
    summary = board.summaries(feed.name).get(town)
    if isinstance(summary, CaseSummary):
        ended = summary.ended_in(start)
        done = len(ended)
        if not dated:
            # Moved on today from a stage with a limit: what has ended did so today, or has not moved today.
            done = 0
            for case in (*summary.open, *ended):
                left = [before.stage for before, after in pairwise(case.steps) if after.at >= start]
                done += bool(limited & set(left[-1:]))
    undone = len(own)
    overdue = sum(1 for duty in own if (duty.own or duty.group) == Group.OVERDUE)
    return Tally(
        DutyKind.CASE,
        feed.name,
        undone if known else None,
        done if known else None,
        done + undone if known else None,
        overdue,
        0,
    )


def firm_visits(board: Board, town: str) -> tuple[int, int] | None:
    """(met, owed) of the visits that resumed enterprises owe today; ``None`` when none is owed or nothing is known."""
    track = board.track(town)
    own = [one for one in track.obligations if one.target != PATROL_POINT] if track else []
    return (sum(one.state == ObligationState.MET for one in own), len(own)) if own else None


def beats_of(board: Board, town: str) -> dict[str | None, list[Judged]]:
    """Today's obligations of a town by beat, in pack order; ``None`` holds places without a beat."""
    track = board.track(town)
    by_beat: dict[str | None, list[Judged]] = defaultdict(list)
    for judged in track.obligations if track else ():
        if judged.target != PATROL_POINT:
            continue
        place = board.place(judged.place)
        by_beat[place.beat if place and place.beat in board.pack.beat_by_code else None].append(judged)
    order: list[str | None] = [beat.code for beat in board.pack.beats if beat.town == town]
    return {code: by_beat[code] for code in [*order, None] if code in order or by_beat.get(code)}


def beat_of(board: Board, place: str) -> Beat | None:
    """The beat that a place belongs to."""
    known = board.place(place)
    return board.pack.beat_by_code.get(known.beat) if known and known.beat else None


def _feed_of(archetype: type) -> str | None:
    return next((name for name, feed in FEEDS.items() if isinstance(feed.archetype, archetype)), None)


def _visits(board: Board, town: str, feed: Feed, rule: DutyRule) -> list[Duty]:
    track = board.track(town, feed.name)
    if track is None:
        return []
    times: dict[tuple[str, int, int], int] = defaultdict(int)
    for judged in track.obligations:
        key = (judged.place, judged.start, judged.end)
        times[key] = max(times[key], judged.nth)
    return [
        _visit(board, feed.name, judged, times[judged.place, judged.start, judged.end])
        for judged in track.obligations
        if judged.state in (ObligationState.OPEN, ObligationState.LAPSED) and judged.target == rule.target
    ]


def _round(board: Board, town: str, feed: Feed, rule: DutyRule) -> list[Duty]:
    """What all places of a kind owe today as one duty: there may be hundreds of them, and one unit goes round."""
    track = board.track(town, feed.name)
    own = [one for one in track.obligations if one.target == rule.target] if track else []
    opened = [one for one in own if one.state == ObligationState.OPEN]
    lapsed = [one for one in own if one.state == ObligationState.LAPSED]
    left = opened or lapsed
    if not left:
        return []
    due = min(one.end for one in left)
    group = Group.SOON if due - board.now <= SOON_MS else Group.LATER
    waited = {gap.place: gap.since for gap in track.gaps} if track else {}
    order = sorted(left, key=lambda one: (waited.get(one.place, board.now), one.place))
    return [
        Duty(
            key=f"round.{rule.target}",
            kind=DutyKind.ROUND,
            feed=feed.name,
            group=group if opened else Group.OVERDUE,
            place="",
            due=due,
            since=min(one.start for one in left),
            firms=tuple(dict.fromkeys(one.place for one in order)),
            lapsed=len(lapsed),
            times=len(opened),
            item=f"round:{feed.name}:{rule.target}.{board.day}",
        )
    ]


def _visit(board: Board, feed: str, judged: Judged, times: int) -> Duty:
    if judged.state == ObligationState.LAPSED:
        group = Group.OVERDUE
    else:
        group = Group.SOON if judged.end - board.now <= SOON_MS else Group.LATER
    beat = beat_of(board, judged.place)
    start = minute_of(judged.start, board.zone)
    key = f"{judged.place}.{start // 60:02d}{start % 60:02d}.{judged.nth}"
    return Duty(
        key=key,
        item=f"visit:{feed}:{key}.{board.day}",
        kind=DutyKind.VISIT,
        feed=feed,
        group=group,
        place=judged.place,
        due=judged.end,
        since=judged.start,
        beat=beat.code if beat else None,
        units=beat.units if beat else (),
        nth=judged.nth,
        times=times,
    )


def _fevers(board: Board, town: str, feed: Feed, rule: DutyRule) -> list[Duty]:
    reading = board.reading(town, feed.name)
    if reading is None:
        return []
    spec = reading_in(feed, board.pack)
    groups = {FeverState.PENDING: Group.BURNING, FeverState.UNRESOLVED: Group.OVERDUE}
    return [
        _fever(feed.name, fever, groups[fever.state], spec.recheck_ms, board.day)
        for fever in reading.fevers
        if fever.state in groups
    ]


def _fever(feed: str, fever: FeverNow, group: Group, recheck_ms: int, day: int) -> Duty:
    key = f"{fever.checkpoint}.{fever.case}"
    return Duty(
        key=key,
        item=f"fever:{feed}:{key}.{day}",
        kind=DutyKind.FEVER,
        feed=feed,
        group=group,
        place=fever.checkpoint,
        due=fever.at + recheck_ms,
        since=fever.at,
        case=fever.case,
        milli_celsius=fever.milli_celsius,
        rule=fever.rule,
    )


def _checkpoints(board: Board, town: str, feed: Feed, rule: DutyRule) -> list[Duty]:
    reading = board.reading(town, feed.name)
    if reading is None:
        return []
    spec = reading_in(feed, board.pack)
    found = []
    for point in reading.checkpoints:
        if not point.on_duty or point.online:
            continue
        began = duty_began(board, point.checkpoint)
        # Silence counts from the start of the duty: a reading of last night does not make ten hours of fault.
        since = max(began, point.last_at) if point.last_at is not None else began
        found.append(_checkpoint(feed.name, point, since, spec.online_ms, board))
    return found


def _checkpoint(feed: str, point: CheckpointNow, since: int, online_ms: int, board: Board) -> Duty:
    return Duty(
        key=point.checkpoint,
        # Two silences of one day are two things to see to.
        item=f"silence:{feed}:{point.checkpoint}.{board.day}.{minute_of(since, board.zone)}",
        kind=DutyKind.CHECKPOINT,
        feed=feed,
        # In the first minutes of its duty a checkpoint is expected, not missing.
        group=Group.OVERDUE if board.now >= since + online_ms else Group.SOON,
        place=point.checkpoint,
        due=since + online_ms,
        since=since,
        never=point.last_at is None,
    )


def _cases(board: Board, town: str, feed: Feed, rule: DutyRule) -> list[Duty]:
    """Cases whose time is over or up today: the time to end, or that of the stage."""
    end = day_end(board.day, board.zone)
    found = []
    for one in _open_cases(board, town, feed, rule):
        due = one.case.due if rule.on == "due" else one.case.limit
        if due is not None and due < end:
            found.append(_case(board, feed, rule, one, one.case.since, due))
    return found


def _unassigned(board: Board, town: str, feed: Feed, rule: DutyRule) -> list[Duty]:
    """Cases that nobody has although they have been there for so long, or will have been today."""
    field = rule.owner_field or casework.spec_of(feed).owner_field or ""
    end, known = day_end(board.day, board.zone), standing(board, town)
    found = []
    for one in _open_cases(board, town, feed, rule):
        due = one.case.opened + round(rule.hours * HOUR)
        if one.case.value(field) or due >= end:
            continue
        held = known.get(case_item(feed.name, one.case.case))
        if held is None or not held.owner:
            duty = _case(board, feed, rule, one, one.case.opened, due)
            found.append(msgspec.structs.replace(duty, unassigned=True))
    return found


def _declared(board: Board, town: str, feed: Feed, rule: DutyRule) -> list[Duty]:
    """What a feed's own function says that its cases owe today."""
    start = day_start(board.day, board.zone)
    found = []
    for one in _open_cases(board, town, feed, rule) if rule.owed is not None else ():
        for owes in rule.owed(one.case, board.now, start) if rule.owed is not None else ():
            duty = _case(board, feed, rule, one, owes.since, owes.due)
            found.append(
                msgspec.structs.replace(
                    duty,
                    key=f"{duty.key}.{owes.nth}" if owes.nth else duty.key,
                    item=f"owed:{feed.name}:{one.case.case}.{owes.nth}.{board.day}",
                    said=owes.words,
                )
            )
    return found


def _open_cases(board: Board, town: str, feed: Feed, rule: DutyRule) -> list[casework.Held]:
    return [one for one in casework.still_open(board, feed, town) if not rule.stages or one.case.stage in rule.stages]


def case_item(feed: str, case: str) -> str:
    """The name of a case in the feed ``action``: whoever has it keeps it from day to day."""
    return f"case:{feed}:{case}"


def _case(board: Board, feed: Feed, rule: DutyRule, one: casework.Held, since: int, due: int) -> Duty:
    over = board.now > due
    place, lon, lat = casework.position(board, one)
    return Duty(
        key=one.case.case,
        item=case_item(feed.name, one.case.case),
        kind=DutyKind.CASE,
        feed=feed.name,
        group=Group.OVERDUE if over else Group.SOON if due - board.now <= SOON_MS else Group.LATER,
        place=place or "",
        due=due,
        since=since,
        case=one.case.case,
        lon=lon,
        lat=lat,
        owner_field=rule.owner_field,
    )


def assigned_cases(board: Board, town: str, duties: tuple[Duty, ...]) -> list[Duty]:
    """Cases that somebody was given by an act and that are not due today: they are on no list but their owner's."""
    known, listed = standing(board, town), {duty.item for duty in duties}
    found: list[Duty] = []
    for feed in board.feeds:
        rules = [rule for rule in feed.owes if rule.on in ("due", "limit", "unassigned")]
        if not rules or not isinstance(feed.archetype, CaseSpec):
            continue
        for one in casework.still_open(board, feed, town):
            item = case_item(feed.name, one.case.case)
            held = known.get(item)
            if item in listed or held is None or held.state in (ActState.OPEN, ActState.DONE):
                continue
            due = one.case.due or one.case.limit or day_end(board.day, board.zone)
            duty = _case(board, feed, rules[0], one, one.case.since, due)
            verbs, words = rules[0].verbs, rules[0].words
            found.append(
                msgspec.structs.replace(
                    duty, group=Group.LATER, own=Group.LATER, standing=held, verbs=verbs, words=words
                )
            )
    return found


Source = Callable[["Board", str, Feed, DutyRule], list[Duty]]
_OWED: Mapping[str, Source] = {
    "visit": _visits,
    "round": _round,
    "fever": _fevers,
    "silence": _checkpoints,
    "due": _cases,
    "limit": _cases,
    "unassigned": _unassigned,
    "owed": _declared,
}


def duty_began(board: Board, checkpoint: str) -> int:
    """When the duty hours that hold the board's moment began; round the clock: midnight."""
    hours = board.pack.duty_by_checkpoint.get(checkpoint)
    start = day_start(board.day, board.zone)
    if hours is None or hours.start == hours.end:
        return start
    if hours.start > hours.end and minute_of(board.now, board.zone) < hours.end:
        return day_start(shift_day(board.day, -1), board.zone) + hours.start * MINUTE
    return start + hours.start * MINUTE
