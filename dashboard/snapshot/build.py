"""From boards to the figures object. Every number is a figure of a board or counted from what the board shows.

Takes what was known at ``known_seq`` and a moment; reads nothing else, so the same question has the same answer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from statistics import median_low
from typing import cast

import msgspec
import shapely
from sqlalchemy import func, select

from dashboard.access.viewer import Role, Viewer
from dashboard.domain.day import HOUR, as_date, day_of, day_start, minute_of, shift_day
from dashboard.domain.feed import CaseSpec, Feed, Kpi, ReadingSpec, TrackSpec
from dashboard.domain.figure import Figure
from dashboard.domain.summary import FeverState, Judged, ObligationState, ReadingSummary, Summary, TrackSummary
from dashboard.queries.board import Board
from dashboard.queries.figures import REPORTING
from dashboard.queries.past import Past
from dashboard.queries.wording import shown
from dashboard.snapshot import brief as b
from dashboard.snapshot.correct import corrections
from dashboard.snapshot.known import Known
from dashboard.snapshot.orders import orders_of
from dashboard.snapshot.points import follow_up, points_of
from dashboard.stores.tables import dead_letter

TREND_DAYS = 14
TRENDS = (
    "resumption_rate",
    "staff_return_rate",
    "screened",
    "fever_count",
    "dispute_new",
    "dispute_resolved",
)
MAP_SIZE = (300, 232)
GAPS = 8
COURSE_STEP = 15

Ends = dict[int, Board]


class Ask(msgspec.Struct, frozen=True):
    """Which snapshot: the local ``day``, the moment ``at`` (ms) up to which it is known, its kind and edition."""

    day: int
    at: int
    kind: b.Kind = "day"
    edition: str = "all"
    number: int = 1
    office: str = ""
    signer: str = ""
    document: str = ""
    world: str = "live"
    first: int | None = None
    """First day of a campaign; a week's is seven days back."""


def build(past: Past, ask: Ask, published: Sequence[b.Brief] = (), seq: int | None = None) -> b.Brief:
    """The figures of one snapshot. ``published``: earlier day snapshots of the edition, oldest first.

    ``seq`` is what is known (``None``: what was at ``ask.at``).
    """
    known = Known(past, past.seq_at(ask.at) if seq is None else seq)
    towns = None if ask.edition == "all" else frozenset({ask.edition})
    viewer = Viewer("snapshot", frozenset({Role.LEADER}), towns)
    now = known.shown(viewer, ask.at)
    before = known.board(viewer, ask.at - 24 * HOUR)
    ends = _ends(known, viewer, ask.day)
    last = published[-1] if published else None
    first = {"day": ask.day, "week": shift_day(ask.day, -6)}.get(ask.kind, ask.first or ask.day)
    cells = tuple(_cells(now, before, _week_ago(published, ask.day), known, first))
    points = points_of(now, before)
    looked = [one for one in published if one.day < ask.day][-7:]
    return b.Brief(
        schema=b.SCHEMA,
        kind=ask.kind,
        region=now.pack.region,
        region_name=(now.pack.name, now.pack.name_en),
        edition=ask.edition,
        world=ask.world,
        zone=now.zone,
        first=first,
        day=ask.day,
        at=ask.at,
        known_seq=known.seq,
        number=ask.number,
        office=ask.office,
        signer=ask.signer,
        document=ask.document,
        orders=orders_of(now) if ask.kind == "day" else (),
        towns=tuple(b.TownName(t.code, t.name, t.name_en) for t in now.pack.towns if t.code in now.towns),
        cells=cells,
        definitions=tuple(_definition(feed, kpi) for feed, kpi in now.kpis() if kpi.key != REPORTING),
        points=points,
        follow=follow_up(last, now) if last is not None and ask.kind == "day" else (),
        trends=tuple(_trend(kpi, now, ends) for kpi in TRENDS),
        course=_course(now, before, ends.get(shift_day(ask.day, -1))),
        stages=tuple(_stages(now)),
        firms_on_the_way=sum(one.count for one in _stages(now)),
        shifts=tuple(_shifts(now)),
        gaps=tuple(_gaps(now)),
        fevers=_fevers(now),
        disputes=_disputes(now, first),
        corrections=tuple(corrections(known, viewer, looked)),
        corrected_days=tuple(one.day for one in looked),
        quality=tuple(_quality(now, known)),
        map=tuple(_outlines(now)),
        map_size=MAP_SIZE,
        approximate=now.pack.approximate,
    )


def _ends(known: Known, viewer: Viewer, today: int) -> Ends:
    """The ends of the days before, of the feeds that trends show; yesterday's patrols for its course besides."""
    shown = {feed.name for feed in known.feeds.values() if any(feed.kpi(kpi) for kpi in TRENDS)}
    tracks = {feed.name for feed in known.feeds.values() if isinstance(feed.archetype, TrackSpec)}
    days = [shift_day(today, -back) for back in range(1, TREND_DAYS)]
    return {day: known.ended(viewer, day, shown | tracks if day == days[0] else shown) for day in days}


def _week_ago(published: Sequence[b.Brief], day: int) -> b.Brief | None:
    return next((one for one in published if one.day == shift_day(day, -7)), None)


def _cells(now: Board, before: Board, week: b.Brief | None, known: Known, first: int) -> Iterable[b.Cell]:
    for feed, kpi in now.kpis():
        for town in ("all", *now.towns):
            key = f"{feed.name}_{kpi.key}" if kpi.key == REPORTING else kpi.key
            figure, earlier = now.figure(kpi.key, town, feed.name), before.figure(kpi.key, town, feed.name)
            if first != now.day:
                figure = _over(figure, now, kpi, feed, town, known, first)
            ago = week.cell(key, town) if week is not None else None
            yield b.Cell(
                kpi=key,
                feed=feed.name,
                town=town,
                unit=kpi.unit,
                decimals=kpi.decimals,
                value=figure.value,
                numerator=figure.numerator,
                denominator=figure.denominator,
                qualifier=str(figure.qualifier),
                before=earlier.value,
                before_numerator=earlier.numerator,
                before_denominator=earlier.denominator,
                week=ago.value if ago is not None else None,
                detail={name: value for name, value in figure.detail.items() if isinstance(value, int | float)},
            )


class _Days:
    """What :meth:`Board.span` asks of its trends: ends of days as known."""

    def __init__(self, known: Known) -> None:
        self.past = self.known = known

    def day_end(self, feed: str, day: int) -> dict[str, Summary]:
        return dict(self.known.end(feed, day))


def _over(figure: Figure, now: Board, kpi: Kpi, feed: Feed, town: str, known: Known, first: int) -> Figure:
    spanning = copy(now)
    spanning.trends = _Days(known)  # type: ignore[assignment]
    return figure.made_of(spanning.span(kpi.key, town, first, now.day, feed.name))


def _definition(feed: Feed, kpi: Kpi) -> b.Definition:
    return b.Definition(
        kpi.key,
        feed.name,
        (kpi.words.zh, kpi.words.en),
        (kpi.measure.zh, kpi.measure.en),
        (kpi.definition.zh, kpi.definition.en),
    )


def _trend(kpi: str, now: Board, ends: Ends) -> b.Trend:
    past = [b.DayPoint(day, board.figure(kpi).value) for day, board in sorted(ends.items())]
    return b.Trend(kpi, (*past, b.DayPoint(now.day, now.figure(kpi).value, partial=True)))


def _obligations(board: Board) -> list[Judged]:
    tracks = [board.track(town) for town in board.towns]
    return [one for track in tracks if track is not None and track.reported for one in track.obligations]


def _course(now: Board, before: Board, whole: Board | None) -> b.Course:
    """Coverage at every quarter of an hour, of the windows that had closed by then (EXACTNESS 13)."""

    def line(board: Board, until: int) -> tuple[tuple[int, float], ...]:
        start = day_start(board.day, board.zone)
        closed = sorted((one.end, one.state) for one in _obligations(board))
        points = []
        for minute in (*range(COURSE_STEP, 24 * 60, COURSE_STEP), 24 * 60):
            at = start + minute * 60_000
            if at > until:
                break
            states = Counter(state for end, state in closed if end <= at)
            total = states[ObligationState.MET] + states[ObligationState.LAPSED]
            if total:
                points.append((minute, states[ObligationState.MET] / total))
        return tuple(points)

    yesterday = whole if whole is not None else before
    return b.Course(line(now, now.now), line(yesterday, yesterday.now + 1))


def _feed(board: Board, spec: type, staged: bool | None = None) -> Feed | None:
    """The first feed of an archetype, the core ones before others; of case feeds the one whose cases owe visits, or the
    one that does not."""
    for feed in sorted(board.feeds, key=lambda one: not one.core):
        if isinstance(feed.archetype, spec) and (
            staged is None or (isinstance(feed.archetype, CaseSpec) and bool(feed.archetype.owes_visits) == staged)
        ):
            return feed
    return None


def _stages(now: Board) -> Iterable[b.Stage]:
    feed = _feed(now, CaseSpec, staged=True)
    if feed is None or not isinstance(feed.archetype, CaseSpec):
        return
    held = [(town, case) for town in now.towns if (firms := now.case(town, feed.name)) for case in firms.open]
    for stage in feed.archetype.stages:
        if stage.ends:
            continue
        own = [(town, case) for town, case in held if case.stage == stage.code]
        stuck = Counter(town for town, case in own if case.stuck)
        limit = now.pack.thresholds.get(f"{feed.name}.sla.{stage.code}", stage.sla_hours)
        yield b.Stage(
            stage.code,
            (stage.words.zh, stage.words.en),
            len(own),
            sum(stuck.values()),
            median_low([now.now - case.since for _, case in own]) if own else None,
            limit,
            tuple(sorted(stuck.items(), key=lambda pair: (-pair[1], pair[0]))),
        )


def _shifts(now: Board) -> Iterable[b.ShiftRow]:
    found: dict[str, Counter[ObligationState]] = {shift.code: Counter() for shift in now.pack.shifts}
    for one in _obligations(now):
        shift = now.pack.shift_at(minute_of(one.start, now.zone))
        if shift is not None:
            # A visit counts towards coverage once its window has closed.
            state = ObligationState.OPEN if one.end > now.now else one.state
            found[shift.code][state] += 1
    for shift in now.pack.shifts:
        states = found[shift.code]
        yield b.ShiftRow(
            shift.code,
            (shift.name, shift.name_en),
            states[ObligationState.MET],
            states[ObligationState.LAPSED],
            states[ObligationState.OPEN],
            states[ObligationState.UNOBSERVABLE],
        )


def _gaps(now: Board) -> list[b.Gap]:
    found: list[b.Gap] = []
    for town in now.towns:
        track = now.track(town)
        for gap in track.gaps if isinstance(track, TrackSummary) and track.reported else ():
            place = now.place(gap.place)
            # An enterprise that resumed is named by its code in the register only.
            name = place.name if place is not None else gap.place
            found.append(b.Gap(gap.place, name, town, gap.since, gap.visited, gap.target))
    found.sort(key=lambda gap: (gap.since, gap.place))
    points = [gap for gap in found if gap.target == "patrol_point"][: GAPS // 2]
    firms = [gap for gap in found if gap.target != "patrol_point"][: GAPS - len(points)]
    return sorted((*points, *firms), key=lambda gap: (gap.since, gap.place))


def _fevers(now: Board) -> b.Fevers:
    feed = _feed(now, ReadingSpec)
    readings = [one for one in now.summaries(feed.name if feed else "").values() if isinstance(one, ReadingSummary)]
    reported = [one for one in readings if one.reported]
    fevers = [fever for one in reported for fever in one.fevers]
    states = Counter(fever.state for fever in fevers)
    at = Counter((fever.checkpoint, one.town) for one in reported for fever in one.fevers)
    rate = now.figure("fever_rate").detail if feed else {}
    points = []
    for (checkpoint, town), count in sorted(at.items(), key=lambda pair: (-pair[1], pair[0])):
        place = now.place(checkpoint)
        points.append((checkpoint, place.name if place else checkpoint, town, count))
    return b.Fevers(
        screened=sum(one.screened for one in reported) if reported else None,
        fever=len(fevers) if reported else None,
        pending=states[FeverState.PENDING],
        cleared=states[FeverState.CLEARED],
        confirmed=states[FeverState.CONFIRMED],
        transferred=states[FeverState.TRANSFERRED],
        unresolved=states[FeverState.UNRESOLVED],
        low=rate.get("low"),
        high=rate.get("high"),
        points=tuple(points[:5]),
    )


def _disputes(now: Board, first: int) -> b.Disputes:
    feed = _feed(now, CaseSpec, staged=False)
    if feed is None:
        return b.Disputes(0, 0, 0, 0, 0, (), ())
    start = day_start(first, now.zone)
    held = [case for town in now.towns if (own := now.case(town, feed.name)) for case in own.cases]
    opened = [case for case in held if case.opened >= start]
    ends = Counter(case.ends for case in opened)
    kinds = feed.field("kind")
    named = {code: (words.zh, words.en) for code, words in (kinds.choices if kinds else {}).items()}
    new = Counter(case.value("kind") or "other" for case in opened)
    standing = Counter(case.value("kind") or "other" for case in held if not case.ends)
    ages = [one for one in now.figures(feed.name, "dispute_age", "all") if one.dims]
    return b.Disputes(
        opened=len(opened),
        resolved=ends["done"],
        escalated=ends["passed_on"],
        withdrawn=ends["withdrawn"],
        under_way=ends[""],
        kinds=tuple((code, named[code], new[code], standing[code]) for code in named if new[code] or standing[code]),
        ages=tuple((one.dims["age"], _age(one.dims["age"]), int(one.value or 0)) for one in ages),
    )


def _age(code: str) -> tuple[str, str]:
    from dashboard.feeds.dispute import AGES

    words = AGES.get(code)
    return (words.zh, words.en) if words else (code, code)


def _quality(now: Board, known: Known) -> Iterable[b.Quality]:
    start = day_start(now.day, now.zone)
    d = dead_letter.c
    statement = (
        select(d.feed, d.town, func.count())
        .where(d.received_at >= start, d.received_at <= now.now)
        .group_by(d.feed, d.town)
    )
    with known.history.reading() as connection:
        rejected = Counter[str]()
        for feed, town, count in connection.execute(statement):
            if town in now.towns or (town is None and now.viewer.towns is None):
                rejected[feed] += count
    for feed in now.feeds:
        yes, no = now.reported(feed.name)
        freshness, received = now.freshness(feed.name)
        silences = []
        for town in now.towns:
            last = now.freshness(feed.name, town)[1]
            if last is not None and now.now - last > feed.limits.stale and town in yes:
                silences.append(b.Silence(town, last, now.now))
        yield b.Quality(
            feed.name,
            (feed.words.zh, feed.words.en),
            len(yes),
            len(now.towns),
            tuple(no),
            received,
            str(freshness),
            tuple(silences),
            rejected[feed.name],
        )


def _outlines(now: Board) -> Iterable[b.Outline]:
    shapes = {town: shape for town, shape in now.region.boundaries.items() if town in now.towns}
    if not shapes:
        return
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(list(shapes.values())))
    squeeze = math.cos(math.radians((south + north) / 2))
    width, height = MAP_SIZE
    scale = min((width - 8) / ((east - west) * squeeze), (height - 8) / (north - south))
    left = (width - (east - west) * squeeze * scale) / 2
    top = (height - (north - south) * scale) / 2

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (x - west) * squeeze * scale, top + (north - y) * scale

    for town, shape in shapes.items():
        path = ""
        for polygon in getattr(shape, "geoms", [shape]):
            ring = polygon.simplify(0.8 / scale).exterior.coords
            path += "M" + "L".join(f"{px:.1f},{py:.1f}" for px, py in (place(*point[:2]) for point in ring)) + "Z"
        inside = shapely.maximum_inscribed_circle(cast("shapely.Polygon", shape)).coords[0]
        x, y = place(float(inside[0]), float(inside[1]))
        yield b.Outline(town, path, round(x, 1), round(y, 1))


def moment_of(day: int, minute: int, zone: str) -> int:
    """The instant of a local day at a minute after midnight."""
    return day_start(day, zone) + minute * 60_000


def whole(day: int) -> str:
    """A day as people write it in an address: 2020-02-24."""
    return as_date(day).isoformat()


__all__ = ["Ask", "build", "day_of", "moment_of", "shown", "whole"]
