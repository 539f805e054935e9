"""The board: one consistent moment that every view, the API and the alerts read. Every board has a viewer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import structlog

from dashboard.access.audit import Audit
from dashboard.access.viewer import Viewer
from dashboard.clock import Clock, ReplayClock
from dashboard.domain.day import HOUR, MINUTE, day_end, day_of, day_start, days_between, shift_day
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed, Kpi
from dashboard.domain.figure import Figure, Freshness, Parts
from dashboard.domain.place import Place, RegionPack
from dashboard.domain.summary import CaseSummary, ReadingSummary, Summary, TrackSummary
from dashboard.errors import Archived
from dashboard.feeds import FEEDS, KPIS, STREAMS, feed_named
from dashboard.queries.alerting.book import AlertBook
from dashboard.queries.casework import by_case
from dashboard.queries.figures import ALL, REPORTING, counted_of, ever, figures_of, over_period, reporting_kpi, whole
from dashboard.queries.past import SERIES_STEP, Past, Summaries
from dashboard.queries.replaying import Known
from dashboard.queries.rules import RuleBook
from dashboard.stores.live import LiveStore
from geodata.library import region_known
from geodata.region import Region

log = structlog.get_logger(__name__)

DAY_MS = 24 * HOUR
ENDS_TTL_S = 60.0


class Board:
    """Figures and what stands beside them at ``now``, including records up to ``seq``, as far as the viewer may see."""

    jumping = False
    """Whether a replay moves to a later moment step by step."""
    current = False
    """Whether it is the board of now, as the window has it."""

    def __init__(
        self,
        summaries: Mapping[str, Summaries],
        now: int,
        seq: int,
        region: Region,
        viewer: Viewer,
        trends: Trends | None = None,
        clock: Clock | None = None,
        health: Callable[[], dict[str, Any]] | None = None,
        provisional: Sequence[Place] = (),
    ) -> None:
        self.now, self.seq, self.region, self.viewer = now, seq, region, viewer
        self.pack: RegionPack = region.pack
        self.zone = self.pack.timezone
        self.day = day_of(now, self.zone)
        self.world = clock.world if clock else "live"
        self.speed = clock.speed if clock else 1.0
        self.jumping = isinstance(clock, ReplayClock) and clock.state.target is not None
        self.towns: tuple[str, ...] = tuple(town.code for town in self.pack.towns if viewer.sees(town.code))
        self._summaries = {
            feed: {town: found[town] for town in self.towns if town in found} for feed, found in summaries.items()
        }
        self.trends = trends
        """Other moments; ``None`` where a board has its own moment only."""
        self._health = health
        self.provisional = {place.code: place for place in provisional}

    @property
    def feeds(self) -> list[Feed]:
        """The declared feeds that the viewer may see: the core ones, and others that have a record."""
        return [feed for feed in self._declared if feed.core or self._ever(feed.name)]

    @property
    def _declared(self) -> list[Feed]:
        allowed = self.viewer.feeds
        return [feed for name, feed in FEEDS.items() if allowed is None or name in allowed]

    def _ever(self, feed: str) -> bool:
        return any(ever(one) for one in self._summaries.get(feed, {}).values())

    @property
    def rules(self) -> RuleBook | None:
        """The rules with their history, where there is one."""
        past = getattr(self.trends, "past", None)
        return past.rules if past is not None else None

    @property
    def audit(self) -> Audit | None:
        """Who did what, where it is kept; shown to those who may audit."""
        past = getattr(self.trends, "past", None)
        return past.audit if past is not None else None

    @property
    def replay(self) -> Known | None:
        """What is being replayed and what could be; only a board of now has it."""
        past = getattr(self.trends, "past", None)
        replaying = getattr(past, "replay", None) if self.current else None
        return replaying(self) if replaying is not None else None

    @property
    def health(self) -> dict[str, Any]:
        """State of the system's parts, for the system page."""
        return self._health() if self._health else {}

    @property
    def alerts(self) -> AlertBook | None:
        """Alerts as they stand; only a board of now has any."""
        past = getattr(self.trends, "past", None)
        return getattr(past, "alerts", None) if self.current else None

    def place(self, code: str) -> Place | None:
        """A place of the pack, or one that a record named first."""
        return self.pack.place_by_code.get(code) or self.provisional.get(code)

    def summaries(self, feed: str) -> Summaries:
        """Town -> summary of a feed."""
        return self._summaries.get(feed, {})

    def track(self, town: str, feed: str = "patrol") -> TrackSummary | None:
        """A town's patrols."""
        return cast("TrackSummary | None", self.summaries(feed).get(town))

    def reading(self, town: str, feed: str = "temperature") -> ReadingSummary | None:
        """A town's temperatures."""
        return cast("ReadingSummary | None", self.summaries(feed).get(town))

    def kpis(self, feed: str | None = None) -> list[tuple[Feed, Kpi]]:
        """All figures, the reporting rate of each feed included; of a named feed even if nobody uses it yet."""
        chosen = self.feeds if feed is None else [one for one in self._declared if one.name == feed]
        return [(one, kpi) for one in chosen for kpi in (*one.kpis, reporting_kpi(one))]

    def figures(
        self, feed: str | None = None, kpi: str | None = None, town: str | None = None, breakdowns: bool = True
    ) -> list[Figure]:
        """Figures by feed, KPI and town (``None``: every one, ``all`` included)."""
        towns = [town] if town is not None else [ALL, *self.towns]
        found: list[Figure] = []
        if feed is None and kpi in KPIS:
            feed = KPIS[kpi][0].name
        for one, declared in self.kpis(feed):
            if kpi in (None, declared.key):
                for name in towns:
                    found += figures_of(one, declared, self.summaries(one.name), name, self.now, breakdowns)
        # A cell of a breakdown may be one case's; the figure itself is everybody's.
        return found if self.viewer.details else [one for one in found if not by_case(one.dims)]

    def figure(self, kpi: str, town: str = ALL, feed: str | None = None) -> Figure:
        """One plain figure. ``feed`` tells the reporting rates apart.

        Raises:
            KeyError: no such KPI.
        """
        one, declared = _declared(kpi, feed)
        return figures_of(one, declared, self.summaries(one.name), town, self.now)[0]

    def reported(self, feed: str) -> tuple[list[str], list[str]]:
        """(towns that reported today, towns that did not)."""
        found = self.summaries(feed)
        yes = [town for town in self.towns if town in found and found[town].reported]
        return yes, [town for town in self.towns if town not in yes]

    def freshness(self, feed: str, town: str = ALL) -> tuple[Freshness, int | None]:
        """How fresh a feed is and when its last record was received (ms)."""
        found = self.summaries(feed)
        chosen: Iterable[Summary] = found.values() if town == ALL else [found[town]] if town in found else []
        received = max((one.last_received for one in chosen if one.last_received is not None), default=None)
        return feed_named(feed).limits.judge(received, self.now), received

    def hourly(self, town: str, day: int | None = None) -> list[int]:
        """Readings per local hour, 24 numbers; ``all`` adds the towns up."""
        if day in (None, self.day):
            found = self.summaries("temperature")
        else:
            found = self.trends.day_end("temperature", day) if self.trends and day else {}
        chosen = [one for code, one in found.items() if code in self.towns and town in (ALL, code)]
        hours = [cast(ReadingSummary, one).hourly for one in chosen]
        return [sum(hour) for hour in zip(*hours, strict=True)] if hours else [0] * 24

    def versions(self, feed: str, subject: str) -> list[tuple[Event, int | None]]:
        """Every version of a subject's records that the board knows; none without a history behind it."""
        return self.trends.past.versions(feed, subject, self.seq) if self.trends else []

    def before(self, feed: str) -> Summaries:
        """Town -> summary of yesterday at the same time; empty when it is not known (yet)."""
        return self._seen(self.trends.yesterday(feed, self.now)) if self.trends else {}

    def yesterday(self, kpi: str, town: str = ALL, feed: str | None = None) -> Figure:
        """The same figure at the same time of yesterday; missing when yesterday is not known."""
        one, declared = _declared(kpi, feed)
        found = self.trends.yesterday(one.name, self.now) if self.trends else {}
        return figures_of(one, declared, self._seen(found), town, self.now - DAY_MS)[0]

    def series(
        self, kpi: str, town: str = ALL, day: int | None = None, step_min: int = 30, feed: str | None = None
    ) -> list[tuple[int, float | None]]:
        """(minute of the day, value) through a local day, up to now for today."""
        one, declared = _declared(kpi, feed)
        day = day or self.day
        if self.trends is None:
            return []
        points: list[tuple[int, float | None]] = []
        for minute, found in self.trends.course(one.name, day, self.now):
            if minute % step_min == 0:
                at = day_start(day, self.zone) + minute * MINUTE
                points.append((minute, figures_of(one, declared, self._seen(found), town, at)[0].value))
        if day == self.day:
            minute = (self.now - day_start(day, self.zone)) // MINUTE
            points = [point for point in points if point[0] < minute]
            points.append((minute, self.figure(kpi, town, feed).value))
        return points

    def days(self, kpi: str, town: str = ALL, n: int = 7, feed: str | None = None) -> list[tuple[int, Figure]]:
        """The figure at the end of each of the ``n`` local days before today, oldest first."""
        one, declared = _declared(kpi, feed)
        found = []
        for back in range(n, 0, -1):
            day = shift_day(self.day, -back)
            at = day_end(day, self.zone) - 1
            found.append((day, figures_of(one, declared, self._seen(self._ends(one.name, day)), town, at)[0]))
        return found

    def span(self, kpi: str, town: str, first: int, last: int, feed: str | None = None) -> Parts:
        """A KPI over local days ``first`` to ``last`` inclusive, recomputed from the parts of every day."""
        one, declared = _declared(kpi, feed)
        if declared.standing or declared.period is not None:
            return self._at_end(one, declared, town, first, min(last, self.day))
        counted: list[Summary] = []
        for day in days_between(first, min(last, self.day)):
            found = self.summaries(one.name) if day == self.day else self._ends(one.name, day)
            chosen = [s for code, s in self._seen(found).items() if town in (ALL, code)]
            counted += counted_of(declared, chosen, town)
        return whole(declared, counted)

    def _at_end(self, feed: Feed, kpi: Kpi, town: str, first: int, last: int) -> Parts:
        """A KPI that is read at the span's end: what stands then, or what became of the span's own cases."""
        found = self._seen(self.summaries(feed.name) if last == self.day else self._ends(feed.name, last))
        chosen = [one for code, one in found.items() if town in (ALL, code)]
        if kpi.period is None:
            counted = counted_of(kpi, chosen, town)
            return whole(kpi, counted)
        return over_period(kpi, chosen, day_start(first, self.zone), day_end(last, self.zone))

    def case(self, town: str, feed: str) -> CaseSummary | None:
        """A town's cases of a feed."""
        return cast("CaseSummary | None", self.summaries(feed).get(town))

    def at_end(self, feed: str, day: int) -> Summaries:
        """Town -> summary of a past local day at its end; empty when it is not known (yet)."""
        return self._seen(self._ends(feed, day))

    def _ends(self, feed: str, day: int) -> Summaries:
        return self.trends.day_end(feed, day) if self.trends else {}

    def _seen(self, found: Summaries) -> dict[str, Summary]:
        return {town: found[town] for town in self.towns if town in found}


def _declared(kpi: str, feed: str | None) -> tuple[Feed, Kpi]:
    for one in FEEDS.values():
        if feed in (None, one.name):
            if kpi == REPORTING:
                return one, reporting_kpi(one)
            found = one.kpi(kpi)
            if found is not None:
                return one, found
    raise KeyError(kpi)


class Trends:
    """Yesterday, courses and ends of days for boards, computed off the page's path.

    A first answer may be empty while a course is being computed; the next board has it. Safe to share between threads.
    """

    def __init__(self, past: Past) -> None:
        self.past = past
        self._lock = threading.Lock()
        self._busy: dict[tuple[str, str, int], Callable[[], None]] = {}
        """What is to be computed, in the order in which it was asked for."""
        self._working = False
        self._yesterday: dict[str, tuple[int, Summaries]] = {}
        self._points: dict[tuple[str, int], list[tuple[int, Summaries]]] = {}
        self._upto: dict[tuple[str, int], tuple[int, str]] = {}
        self._ends: dict[tuple[str, int], tuple[float, Summaries]] = {}
        self.wait = False
        """Compute at once instead of in the background (API, tests, snapshot)."""

    def _later(self, what: tuple[str, str, int], work: Callable[[], None]) -> None:
        if self.wait:
            work()
            return
        with self._lock:
            # What waits is computed for the latest moment that asked.
            self._busy[what] = work
            if self._working:
                return
            self._working = True
        threading.Thread(target=self._work, name="trends", daemon=True).start()

    def _work(self) -> None:
        """Compute one after the other: many threads at once would leave a page that is asked for no processor."""
        while True:
            with self._lock:
                what = next(iter(self._busy), None)
                if what is None:
                    self._working = False
                    return
                work = self._busy[what]
            try:
                # What cannot be played again is not drawn.
                with suppress(Archived):
                    work()
            except Exception:
                # A store that is away: whoever still wants it asks again.
                log.warning("trend_failed", feed=what[0], what=what[1], exc_info=True)
            finally:
                with self._lock:
                    self._busy.pop(what, None)

    def yesterday(self, feed: str, now: int) -> Summaries:
        """Summaries of yesterday at this time of day, to the minute."""
        moment = (now - DAY_MS) // MINUTE * MINUTE if not self.wait else now - DAY_MS
        held = self._yesterday.get(feed)
        if held is None or held[0] != moment:

            def work() -> None:
                course = self.past.course(feed, day_of(moment, self.past.zone))
                self._yesterday[feed] = (moment, course.at(moment))

            self._later((feed, "yesterday", 0), work)
            held = self._yesterday.get(feed)
        return held[1] if held and abs(held[0] - moment) <= 10 * MINUTE else {}

    def course(self, feed: str, day: int, now: int) -> list[tuple[int, Summaries]]:
        """(minute, summaries) through a local day, so far as it has gone by ``now``."""
        key = (feed, day)
        upto = (
            min(now, day_end(day, self.past.zone)) // (SERIES_STEP * MINUTE),
            self.past.region_at(day).pack.version,
        )
        if self._upto.get(key) != upto:

            def work() -> None:
                # Late records move earlier points too, so the whole day is played again at every step.
                points = self.past.course(feed, day).points(now)
                with self._lock:
                    self._points[key], self._upto[key] = points, upto
                    for old in [k for k in self._points if k[1] < shift_day(day, -2)]:
                        self._points.pop(old, None)
                        self._upto.pop(old, None)

            self._later((feed, "course", day), work)
        return self._points.get(key, [])

    def day_end(self, feed: str, day: int) -> Summaries:
        """Summaries of a past day at its end."""
        key = (feed, day)

        def work() -> None:
            self._ends[key] = (time.monotonic(), self.past.at_end_of(feed, day))

        held = self._ends.get(key)
        # Late records still reach past days; a page learns of them within a minute.
        if self.wait or held is None or time.monotonic() - held[0] > ENDS_TTL_S:
            self._later((feed, "end", day), work)
            held = self._ends.get(key)
        return held[1] if held else {}


class BoardReader:
    """Makes boards: of now from the window, of an earlier moment from the truth."""

    def __init__(
        self,
        live: LiveStore,
        past: Past,
        region_at: Callable[[int], Region],
        clock: Clock,
        health: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        self.live, self.past, self.region_at, self.clock, self.health = live, past, region_at, clock, health
        self.trends = Trends(past)
        self.exact = Trends(past)
        self.exact.wait = True

    def board(self, viewer: Viewer, exact: bool = False) -> Board:
        """The board of now. ``exact`` computes trends at once instead of showing them when they are ready."""
        windows = self.live.read_all(STREAMS.values())
        now = self.clock.now()
        seq = max((window.seq for window in windows.values()), default=0)
        # The rules that the window was made with: those that count since may know places that it does not.
        region = region_known(self.region_at, day_of(now, self.past.zone), seq)
        board = Board(
            {name: window.summaries for name, window in windows.items()},
            now,
            seq,
            region,
            viewer,
            self.exact if exact else self.trends,
            self.clock,
            self.health,
            self.past.provisional() if exact else (),
        )
        board.current = True
        return board

    def as_of(self, viewer: Viewer, at: int) -> Board:
        """What was shown at an earlier moment."""
        seq = self.past.seq_at(at)
        found = {name: self.past.as_of(name, at, seq) for name in STREAMS}
        region = region_known(self.region_at, day_of(at, self.past.zone), seq)
        return Board(found, at, seq, region, viewer, self.exact, self.clock, self.health, self.past.provisional(seq))

    def day(self, viewer: Viewer, day: int) -> Board:
        """A past local day as it is known now, at its end; today is the board of now."""
        now = self.clock.now()
        if day >= day_of(now, self.past.zone):
            return self.board(viewer, exact=True)
        found = {name: self.past.at_end_of(name, day) for name in STREAMS}
        at = day_end(day, self.past.zone) - 1
        with self.past.history.reading() as connection:
            seq = self.past.history.seq(connection)
        return Board(found, at, seq, self.region_at(day), viewer, self.exact, self.clock, self.health)

    def same_time(self, viewer: Viewer, day: int, now: int) -> Board:
        """An earlier local day at the time of day of ``now``, to the minute, by event time as it is known now."""
        zone = self.past.zone
        moment = day_start(day, zone) + (now - day_start(day_of(now, zone), zone)) // MINUTE * MINUTE
        found = {name: self.past.course(name, day).at(moment) for name in FEEDS}
        with self.past.history.reading() as connection:
            seq = self.past.history.seq(connection)
        return Board(found, moment, seq, self.region_at(day), viewer, self.exact, self.clock, self.health)

    def moments(self, viewer: Viewer) -> ViewerMoments:
        """Boards of other moments for one viewer, as views ask for them."""
        return ViewerMoments(self, viewer)


class ViewerMoments:
    """Boards of other moments for one viewer (:class:`dashboard.queries.asked.Moments`)."""

    def __init__(self, reader: BoardReader, viewer: Viewer) -> None:
        self.reader, self.viewer = reader, viewer

    def as_of(self, at: int) -> Board:
        """What was shown at an instant."""
        return self.reader.as_of(self.viewer, at)

    def day(self, day: int) -> Board:
        """A local day as it is known now, at its end; today is the board of now."""
        return self.reader.day(self.viewer, day)

    def same_time(self, day: int, now: int) -> Board:
        """An earlier local day at the time of day of ``now``."""
        return self.reader.same_time(self.viewer, day, now)


__all__ = ["Board", "BoardReader", "Trends", "ViewerMoments"]
