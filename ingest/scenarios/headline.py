"""A report's headline figures while its scenario plays: stated, and computed so far from the board's own summaries."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from dashboard.clock import ReplayClock
from dashboard.domain.day import day_end, days_between, shift_day
from dashboard.domain.summary import Summary
from dashboard.feeds import KPIS
from dashboard.queries.board import Board
from dashboard.queries.past import Past
from dashboard.queries.replaying import Known, Replay, Row
from dashboard.queries.replaying import Scenario as Named
from geodata.library import RegionBook
from ingest.scenarios import TITLES, scenario_named
from ingest.scenarios.base import Scenario
from ingest.scenarios.check import ROWS, Asked, compute, holds, stated
from ingest.scenarios.player import plays

KNOWN = tuple(Named(name, words) for name, words in TITLES.items())


class Headline:
    """What :class:`~dashboard.queries.past.Past` is given as ``replay``. Safe to share between threads."""

    def __init__(self, data_dir: Path, past: Past, region_at: RegionBook, clock: object) -> None:
        self.data_dir, self.past, self.region_at, self.clock = data_dir, past, region_at, clock
        self._daily: dict[tuple[int, int], float | None] = {}
        self._busy = threading.Lock()

    @cached_property
    def scenario(self) -> Scenario | None:
        """The one that this world plays; ``None`` in a live world, and where its name is not known here."""
        name = self.clock.scenario if isinstance(self.clock, ReplayClock) else ""
        return scenario_named(name, self.region_at(0).pack) if name in TITLES else None

    def __call__(self, board: Board) -> Known:
        """What is played, as of a board of now."""
        made, clock = self.scenario, self.clock
        if made is None or not isinstance(clock, ReplayClock):
            return Known(KNOWN)
        asked = ROWS.get(made.name, ())
        texts = stated()
        # ``all`` is seen by those who see every town.
        rows = tuple(self._row(board, one, made) for one in asked if board.viewer.sees(one.town))
        replay = Replay(
            scenario=Named(made.name, made.words),
            report=texts[asked[0].no].report if asked else "",
            first_day=made.first_day,
            last_day=made.last_day,
            start=made.start,
            end=day_end(made.last_day, made.zone),
            speed=clock.state.chosen,
            paused=clock.speed == 0 and clock.state.target is None,
            target=clock.state.target,
            plays=plays(self.data_dir),
            rows=rows,
            stated_feeds=frozenset(KPIS[one.kpi][0].name for one in asked),
            feeds=tuple(dict.fromkeys(stream.feed for stream in made.streams)),
        )
        return Known(KNOWN, replay)

    def _row(self, board: Board, one: Asked, made: Scenario) -> Row:
        feed, kpi = KPIS[one.kpi]
        row = stated()[one.no]
        found: Mapping[str, Summary] = board.summaries(feed.name)
        computed = self._worst(board, one, made) if one.how == "daily" else compute(one, found, board.now)
        return Row(
            number=one.no,
            kpi=one.kpi,
            town=one.town,
            dims=one.dims,
            words=one.words or kpi.words,
            said=f"{row.operation}: {row.unit}",
            stated=row.quantity,
            qualifier=row.qualifier,
            percent=one.how == "percent",
            computed=computed,
            met=holds(row, computed),
        )

    def _worst(self, board: Board, one: Asked, made: Scenario) -> float | None:
        """The first finished day that misses the row, else the last one; days are computed once, beside the page."""
        days = days_between(made.first_day, min(shift_day(board.day, -1), made.last_day))
        waiting = [day for day in days if (one.no, day) not in self._daily]
        if waiting and self._busy.acquire(blocking=False):
            threading.Thread(target=self._count, args=(one, waiting), name="replay-days", daemon=True).start()
        row, value = stated()[one.no], None
        for day in days:
            # A day without any record is none of the row's.
            found = self._daily.get((one.no, day))
            value = value if found is None else found
            if found is not None and not holds(row, found):
                return found
        return value

    def _count(self, one: Asked, days: list[int]) -> None:
        try:
            feed = KPIS[one.kpi][0].name
            for day in days:
                at = day_end(day, self.past.zone) - 1
                self._daily[one.no, day] = compute(one, self.past.at_end_of(feed, day), at)
        finally:
            self._busy.release()


__all__ = ["KNOWN", "Headline"]
