"""What is due in a town now: one ordered list over every feed, from which headline, cards, rows and pins are made.

Pure over a board: nothing here reads a store, a clock or a language. A duty is a visit that a patrol point owes
(DOMAIN.md §5 `patrol`; those of resumed enterprises are counted apart), a fever that awaits its recheck, a checkpoint
on duty that sends nothing (EXACTNESS, `checkpoints_online`), or a case whose time is up today: a dispute to be settled,
an enterprise's papers in one stage. Times are ms since 1970 UTC, temperatures milli-degrees Celsius. A member of the
public appears as a case number only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from dashboard.archetypes.parameters import reading_in
from dashboard.domain.day import HOUR, MINUTE, day_end, day_start, minute_of, shift_day
from dashboard.domain.feed import Feed, ReadingSpec, TrackSpec
from dashboard.domain.place import Beat
from dashboard.domain.summary import CheckpointNow, FeverNow, FeverState, Judged, ObligationState
from dashboard.feeds import FEEDS
from dashboard.queries import casework

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


class DutyKind(StrEnum):
    """What is owed; also the key of the category card."""

    VISIT = "visit"
    FEVER = "fever"
    CHECKPOINT = "checkpoint"
    CASE = "case"


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


def due_in(board: Board, town: str) -> tuple[Duty, ...]:
    """Everything not done in a town: burning, overdue (longest first), soon, later; in a group the first due first."""
    found = [*_visits(board, town), *_fevers(board, town), *_checkpoints(board, town), *_cases(board, town)]
    found.sort(key=lambda duty: (_ORDER[duty.group], duty.due, duty.key))
    return tuple(
        duty if duty.group == Group.LATER else msgspec.structs.replace(duty, number=number)
        for number, duty in enumerate(found, start=1)
    )


def tallies(board: Board, town: str, duties: tuple[Duty, ...]) -> tuple[Tally, ...]:
    """The categories of the feeds that are declared, in the order of the cards."""
    found: list[Tally] = []
    track, reading = board.track(town), board.reading(town)
    patrol, temperature = _feed_of(TrackSpec), _feed_of(ReadingSpec)

    def of(kind: DutyKind, group: Group) -> int:
        return sum(1 for duty in duties if duty.kind == kind and duty.group == group)

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
    return tuple(found) + tuple(_case_tally(board, town, feed, duties) for feed in casework.case_feeds(board))


def _case_tally(board: Board, town: str, feed: Feed, duties: tuple[Duty, ...]) -> Tally:
    """A feed's cases of today: those whose time is up, and those that were settled or moved on."""
    own = [duty for duty in duties if duty.category == feed.name]
    known = town in casework.ever(board, feed)
    start = day_start(board.day, board.zone)
    limited = {stage.code for stage in casework.spec_of(feed).stages if not stage.ends}
    dated = bool(casework.spec_of(feed).due_field)
    done = 0
    for one in casework.held(board, feed, town):
        case = one.case
        if dated:
            done += bool(case.ends) and case.since >= start
        else:
            # Moved on today from a stage with a limit.
            left = [before.stage for before, after in pairwise(case.steps) if after.at >= start]
            done += bool(limited & set(left[-1:]))
    undone = len(own)
    overdue = sum(1 for duty in own if duty.group == Group.OVERDUE)
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


def _visits(board: Board, town: str) -> list[Duty]:
    track, feed = board.track(town), _feed_of(TrackSpec)
    if track is None or feed is None:
        return []
    times: dict[tuple[str, int, int], int] = defaultdict(int)
    for judged in track.obligations:
        key = (judged.place, judged.start, judged.end)
        times[key] = max(times[key], judged.nth)
    return [
        _visit(board, feed, judged, times[judged.place, judged.start, judged.end])
        for judged in track.obligations
        if judged.state in (ObligationState.OPEN, ObligationState.LAPSED) and judged.target == PATROL_POINT
    ]


def _visit(board: Board, feed: str, judged: Judged, times: int) -> Duty:
    if judged.state == ObligationState.LAPSED:
        group = Group.OVERDUE
    else:
        group = Group.SOON if judged.end - board.now <= SOON_MS else Group.LATER
    beat = beat_of(board, judged.place)
    start = minute_of(judged.start, board.zone)
    return Duty(
        key=f"{judged.place}.{start // 60:02d}{start % 60:02d}.{judged.nth}",
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


def _fevers(board: Board, town: str) -> list[Duty]:
    reading, feed = board.reading(town), _feed_of(ReadingSpec)
    if reading is None or feed is None:
        return []
    spec = reading_in(FEEDS[feed], board.pack)
    groups = {FeverState.PENDING: Group.BURNING, FeverState.UNRESOLVED: Group.OVERDUE}
    return [
        _fever(feed, fever, groups[fever.state], spec.recheck_ms) for fever in reading.fevers if fever.state in groups
    ]


def _fever(feed: str, fever: FeverNow, group: Group, recheck_ms: int) -> Duty:
    return Duty(
        key=f"{fever.checkpoint}.{fever.case}",
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


def _checkpoints(board: Board, town: str) -> list[Duty]:
    reading, feed = board.reading(town), _feed_of(ReadingSpec)
    if reading is None or feed is None:
        return []
    spec = reading_in(FEEDS[feed], board.pack)
    found = []
    for point in reading.checkpoints:
        if not point.on_duty or point.online:
            continue
        began = duty_began(board, point.checkpoint)
        # Silence counts from the start of the duty: a reading of last night does not make ten hours of fault.
        since = max(began, point.last_at) if point.last_at is not None else began
        found.append(_checkpoint(feed, point, since, spec.online_ms, board.now))
    return found


def _checkpoint(feed: str, point: CheckpointNow, since: int, online_ms: int, now: int) -> Duty:
    return Duty(
        key=point.checkpoint,
        kind=DutyKind.CHECKPOINT,
        feed=feed,
        # In the first minutes of its duty a checkpoint is expected, not missing.
        group=Group.OVERDUE if now >= since + online_ms else Group.SOON,
        place=point.checkpoint,
        due=since + online_ms,
        since=since,
        never=point.last_at is None,
    )


def _cases(board: Board, town: str) -> list[Duty]:
    """Cases whose time is over or up today: the time to end where the feed has one, else that of the stage."""
    end = day_end(board.day, board.zone)
    found = []
    for feed in casework.case_feeds(board):
        for one in casework.held(board, feed, town):
            case = one.case
            due = case.due if casework.spec_of(feed).due_field else case.limit
            if case.ends or due is None or due >= end:
                continue
            over = board.now > due
            place, lon, lat = casework.position(board, one)
            found.append(
                Duty(
                    key=case.case,
                    kind=DutyKind.CASE,
                    feed=feed.name,
                    group=Group.OVERDUE if over else Group.SOON if due - board.now <= SOON_MS else Group.LATER,
                    place=place or "",
                    due=due,
                    since=case.since,
                    case=case.case,
                    lon=lon,
                    lat=lat,
                )
            )
    return found


def duty_began(board: Board, checkpoint: str) -> int:
    """When the duty hours that hold the board's moment began; round the clock: midnight."""
    hours = board.pack.duty_by_checkpoint.get(checkpoint)
    start = day_start(board.day, board.zone)
    if hours is None or hours.start == hours.end:
        return start
    if hours.start > hours.end and minute_of(board.now, board.zone) < hours.end:
        return day_start(shift_day(board.day, -1), board.zone) + hours.start * MINUTE
    return start + hours.start * MINUTE
