"""What needs somebody now, over all towns of a board: computed from what stands, without a memory of its own.

Pure over a board. Sources: fevers awaiting or never given their recheck, checkpoints on duty that send nothing, visits
that lapsed, cases past their time, cases too long in one stage (each one entry a town), devices that drift, and feeds
that have gone old. The numbers are those of list and map. A member of the public appears as a case number only. Times
are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from dashboard.archetypes.parameters import reading_in
from dashboard.domain.day import HOUR
from dashboard.domain.feed import ReadingSpec, TrackSpec
from dashboard.domain.figure import Freshness
from dashboard.domain.summary import FeverState, ObligationState
from dashboard.feeds import KPIS
from dashboard.queries import casework
from dashboard.queries.alerting.life import Alert
from dashboard.queries.duties import PATROL_POINT, duty_began
from dashboard.queries.status import Status, status_of

if TYPE_CHECKING:
    from dashboard.queries.board import Board


class Kind(StrEnum):
    """What an entry is about."""

    FEVER = "fever"
    SILENT_CHECKPOINT = "silent_checkpoint"
    LAPSED = "lapsed"
    OVERDUE = "overdue"
    STUCK = "stuck"
    DRIFT = "drift"
    FEED = "feed"
    RAISED = "raised"
    """An alert of the engine, or several of one rule in one town (``dashboard.queries.alerting``)."""


class Level(StrEnum):
    """How urgent, most urgent first. ``stale`` is a feed whose figures claim nothing any more."""

    ALERT = "alert"
    WATCH = "watch"
    STALE = "stale"


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. ``number`` is 1 for the first of the list; ``count`` how many cases stand behind it."""

    kind: Kind
    level: Level
    feed: str
    since: int | None
    """When it began: the fever's time, the start of silence, the newest lapse, the newest limit that passed, the
    feed's last record."""
    number: int = 0
    town: str | None = None
    place: str | None = None
    count: int = 1
    milli_celsius: int | None = None
    case: str = ""
    state: str = ""
    """The fever's state, or the feed's freshness."""
    worst: int = 0
    """Cases: how long the longest is over, ms."""
    raised: Alert | None = None
    """The alert that stands for it."""
    open: int = 0
    """How many of them nobody has taken."""


_ORDER = {level: place for place, level in enumerate(Level)}

LONG_OVER_MS = 24 * HOUR
"""A case that is over its time by more than this needs action now."""


def attention(board: Board) -> tuple[Attention, ...]:
    """Everything that needs somebody, numbered from 1: by level; people first, then the newest of each kind, so that
    many of one kind leave room for the others; then newest first."""
    found = [
        *_fevers(board),
        *_checkpoints(board),
        *_lapsed(board),
        *_cases(board),
        *_drifts(board),
        *_feeds(board),
    ]
    found.sort(key=lambda one: (_ORDER[one.level], -(one.since or 0), one.town or "", one.place or "", one.case))
    turns: Counter[tuple[Level, Kind]] = Counter()
    placed: list[tuple[int, int, int, Attention]] = []
    for one in found:
        turn = 0 if one.kind == Kind.FEVER else 1 + turns[one.level, one.kind]
        turns[one.level, one.kind] += 1
        placed.append((_ORDER[one.level], turn, len(placed), one))
    placed.sort(key=lambda entry: entry[:3])
    return tuple(msgspec.structs.replace(one, number=number) for number, (*_, one) in enumerate(placed, start=1))


def _feed_names(board: Board, archetype: type) -> list[str]:
    return [feed.name for feed in board.feeds if isinstance(feed.archetype, archetype)]


def _fevers(board: Board) -> Iterator[Attention]:
    for feed in _feed_names(board, ReadingSpec):
        for town in board.towns:
            reading = board.reading(town, feed)
            for fever in reading.fevers if reading else ():
                if fever.state in (FeverState.PENDING, FeverState.UNRESOLVED):
                    yield Attention(
                        kind=Kind.FEVER,
                        level=Level.ALERT,
                        feed=feed,
                        since=fever.at,
                        town=town,
                        place=fever.checkpoint,
                        milli_celsius=fever.milli_celsius,
                        case=fever.case,
                        state=str(fever.state),
                    )


def _checkpoints(board: Board) -> Iterator[Attention]:
    for feed in board.feeds:
        if not isinstance(feed.archetype, ReadingSpec):
            continue
        for town in board.towns:
            # In a town whose feed has gone old every checkpoint is silent: that is one entry, the feed's.
            if board.freshness(feed.name, town)[0] in (Freshness.STALE, Freshness.SILENT):
                continue
            reading = board.reading(town, feed.name)
            for point in reading.checkpoints if reading else ():
                if not point.on_duty or point.online:
                    continue
                began = duty_began(board, point.checkpoint)
                since = began if point.last_at is None else max(began, point.last_at)
                if board.now - since >= reading_in(feed, board.pack).online_ms:
                    yield Attention(
                        kind=Kind.SILENT_CHECKPOINT,
                        level=Level.WATCH,
                        feed=feed.name,
                        since=since,
                        town=town,
                        place=point.checkpoint,
                    )


def _lapsed(board: Board) -> Iterator[Attention]:
    for feed in board.feeds:
        if not isinstance(feed.archetype, TrackSpec):
            continue
        for town in board.towns:
            track = board.track(town, feed.name)
            lapsed = (
                [one for one in track.obligations if one.state == ObligationState.LAPSED and one.target == PATROL_POINT]
                if track
                else []
            )
            if not lapsed:
                continue
            newest = max(lapsed, key=lambda one: (one.end, one.place))
            coverage = board.figure("patrol_coverage", town, feed.name)
            short = status_of(coverage, KPIS["patrol_coverage"][1]) == Status.ALERT
            yield Attention(
                kind=Kind.LAPSED,
                level=Level.ALERT if short else Level.WATCH,
                feed=feed.name,
                since=newest.end,
                town=town,
                place=newest.place,
                count=len(lapsed),
            )


def _cases(board: Board) -> Iterator[Attention]:
    """One entry a town for what is past its time, and one for what stays too long in a stage."""
    for feed in casework.case_feeds(board):
        for kind, found, limit in (
            (Kind.OVERDUE, casework.overdue(board, feed), "due"),
            (Kind.STUCK, casework.stuck(board, feed), "limit"),
        ):
            for town in board.towns:
                own = [one for one in found if one.town == town]
                if not own:
                    continue
                worst = board.now - min(getattr(one.case, limit) for one in own)
                newest = max(own, key=lambda one: (getattr(one.case, limit), one.case.case))
                place = casework.position(board, newest)[0]
                urgent = kind == Kind.OVERDUE and worst > LONG_OVER_MS
                yield Attention(
                    kind=kind,
                    level=Level.ALERT if urgent else Level.WATCH,
                    feed=feed.name,
                    since=getattr(newest.case, limit),
                    town=town,
                    place=place,
                    count=len(own),
                    worst=worst,
                )


def _drifts(board: Board) -> Iterator[Attention]:
    for feed in board.feeds:
        if not isinstance(feed.archetype, ReadingSpec):
            continue
        for town in board.towns:
            reading = board.reading(town, feed.name)
            limit = reading_in(feed, board.pack).drift_alert_milli
            far = [one for one in reading.drifts if abs(one.milli) > limit] if reading else []
            for drift in far:
                yield Attention(
                    kind=Kind.DRIFT,
                    level=Level.WATCH,
                    feed=feed.name,
                    since=None,
                    town=town,
                    place=drift.checkpoint,
                    milli_celsius=drift.milli,
                    case=drift.device,
                )


def _feeds(board: Board) -> Iterator[Attention]:
    for feed in board.feeds:
        # Some feeds tell a thing a day: only the core ones are missed when they are silent for hours.
        if not feed.core:
            continue
        freshness, received = board.freshness(feed.name)
        if freshness in (Freshness.STALE, Freshness.SILENT):
            yield Attention(kind=Kind.FEED, level=Level.STALE, feed=feed.name, since=received, state=str(freshness))
