"""Every feed's figures over the towns of the overview: now, yesterday at the same time, at the ends of earlier days.

Patrol coverage is that of the patrol points: what resumed enterprises owe is another total and never mixed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dashboard.domain.day import HOUR, MINUTE, day_end, day_start, shift_day
from dashboard.domain.feed import Feed, Kpi
from dashboard.domain.figure import Figure
from dashboard.domain.summary import Summary, TrackSummary
from dashboard.feeds import KPIS, feed_named
from dashboard.queries import desk
from dashboard.queries.asked import Asked
from dashboard.queries.duties import PATROL_POINT
from dashboard.queries.figures import ALL

if TYPE_CHECKING:
    from dashboard.queries.board import Board

Summaries = Mapping[str, Summary]
Points = list[tuple[int, float | None]]

CHOSEN = ("resumption_rate", "patrol_coverage", "fever_count", "dispute_open")
"""The columns of the first feeds, in this order; any other feed brings its own first figure."""
DIMS: Mapping[str, Mapping[str, str]] = {"patrol_coverage": {"target": PATROL_POINT}}
"""Figures that the overview reads narrowed."""
KEPT = 4096

_ends: dict[tuple[str, int, str, tuple[str, ...]], tuple[Summaries, Figure]] = {}
"""Figures at the ends of days, each with the summaries it was made of: as long as they are the same, so is it."""
_curves: dict[tuple[int, str, int, tuple[str, ...]], tuple[object, int, Points]] = {}


def columns_of(board: Board) -> list[tuple[Feed, Kpi]]:
    """One figure a feed, those of the first feeds in their order."""
    feeds = [feed for feed in board.feeds if feed.core]
    names = [feed.name for feed in feeds]
    chosen = [KPIS[key] for key in CHOSEN if key in KPIS and KPIS[key][0].name in names]
    shown = {feed.name for feed, _ in chosen}
    return [*chosen, *((feed, feed.kpis[0]) for feed in feeds if feed.name not in shown and feed.kpis)]


def points_only(summaries: Summaries) -> Summaries:
    """Summaries without what others than patrol points owe."""
    return {
        town: replace(one, obligations=tuple(owed for owed in one.obligations if owed.target == PATROL_POINT))
        if isinstance(one, TrackSummary)
        else one
        for town, one in summaries.items()
    }


def _meant(kpi: str, summaries: Summaries) -> Summaries:
    return points_only(summaries) if kpi in DIMS else summaries


class Picture:
    """Figures of one moment over some of the board's towns."""

    def __init__(self, asked: Asked, towns: Sequence[str] | None = None) -> None:
        self.asked, self.board = asked, asked.board
        self.towns = tuple(self.board.towns if towns is None else towns)
        self.only = None if self.towns == self.board.towns else self.towns
        self._days: dict[str, list[Summaries]] = {}
        self._before: dict[str, Summaries] = {}
        self._ended: dict[tuple[str, int], Summaries] = {}

    def over(self, towns: Sequence[str]) -> Picture:
        """The same moment over other towns."""
        return Picture(self.asked, towns)

    def figure(self, kpi: str, town: str = ALL) -> Figure:
        """A declared KPI of one town, or of all that the page shows."""
        if kpi not in self._days:
            feed = KPIS[kpi][0].name
            self._days[kpi] = [_meant(kpi, board.summaries(feed)) for board in self.asked.boards or (self.board,)]
        return self._made(kpi, self._days[kpi], town, self.board.now)

    def before(self, kpi: str, town: str = ALL) -> Figure:
        """The same figure at the same time of the day before; missing when that is not known (yet)."""
        if kpi not in self._before:
            feed = KPIS[kpi][0].name
            known = {} if self.asked.when.kind == "span" else self.board.before(feed)
            self._before[kpi] = _meant(kpi, known)
        return self._made(kpi, [self._before[kpi]], town, self.board.now - 24 * HOUR)

    def ends(self, kpi: str, town: str, count: int) -> list[tuple[int, Figure]]:
        """The figure at the end of each of the ``count`` local days before the board's, oldest first.

        Days before one that is not known yet are not asked for: a board of now reads them one after the other.
        """
        trends, found = self.board.trends, []
        if trends is None:
            return []
        feed = KPIS[kpi][0].name
        only = self.towns if town == ALL else (town,)
        reached = True
        for back in range(1, count + 1):
            day = shift_day(self.board.day, -back)
            if (feed, day) not in self._ended and reached:
                self._ended[feed, day] = trends.day_end(feed, day)
            known = self._ended.get((feed, day), {})
            reached = bool(known)
            key = (kpi, day, town, only)
            held = _ends.get(key)
            if held is None or held[0] is not known:
                seen = _meant(kpi, {code: one for code, one in known.items() if code in only})
                held = (known, self._made(kpi, [seen], town, day_end(day, self.board.zone) - 1))
                if known:
                    if len(_ends) >= KEPT:
                        _ends.clear()
                    _ends[key] = held
            found.append((day, held[1]))
        return found[::-1]

    def curve(self, kpi: str, back: int = 0) -> Points:
        """(minute, value) through the board's day, or ``back`` days earlier; up to now for the board's own.

        A past moment has none: its courses would have to be played again before the page could be shown.
        """
        trends = self.board.trends
        if trends is None or not self.asked.when.live:
            return []
        feed, day = KPIS[kpi][0].name, shift_day(self.board.day, -back)
        course = trends.course(feed, day, self.board.now)
        key = (id(trends), kpi, day, self.towns)
        held = _curves.get(key)
        if held is None or held[0] is not course or held[1] != len(course):
            start, points = day_start(day, self.board.zone), []
            for minute, known in course:
                if minute % 30 == 0:
                    seen = _meant(kpi, {code: one for code, one in known.items() if code in self.towns})
                    value = self._made(kpi, [seen], ALL, start + minute * MINUTE).value
                    points.append((minute, None if value is None else round(value, 5)))
            held = (course, len(course), points)
            if course:
                # A curve holds on to its course, and that to every summary of a day: earlier days' are let go.
                for old in [old for old in _curves if old[2] < shift_day(self.board.day, -2)]:
                    _curves.pop(old, None)
                if len(_curves) >= KEPT:
                    _curves.clear()
                _curves[key] = held
        if back or not held[2]:
            return held[2]
        minute = (self.board.now - day_start(day, self.board.zone)) // MINUTE
        value = self.figure(kpi).value
        return [
            *(point for point in held[2] if point[0] < minute),
            (minute, None if value is None else round(value, 5)),
        ]

    def _made(self, kpi: str, days: Sequence[Summaries], town: str, now: int) -> Figure:
        if kpi in DIMS:
            return replace(desk.figure_over(kpi, days, town, now, self.only), dims=dict(DIMS[kpi]))
        return desk.figure_over(kpi, days, town, now, self.only)


def feed_of(kpi: str) -> Feed:
    """The feed that declares a KPI."""
    return feed_named(KPIS[kpi][0].name)


__all__ = ["CHOSEN", "DIMS", "Picture", "columns_of", "feed_of", "points_only"]
