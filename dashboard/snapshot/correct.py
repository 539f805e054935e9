"""Corrections: what earlier snapshots said against what the same moment reads by what is known now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboard.access.viewer import Viewer
from dashboard.domain.day import day_of
from dashboard.queries.board import Board
from dashboard.queries.figures import REPORTING
from dashboard.snapshot.brief import Brief, Cell, Correction
from dashboard.snapshot.known import Known, Later
from geodata.library import region_known


def corrections(known: Known, viewer: Viewer, published: Sequence[Brief]) -> Iterable[Correction]:
    """The figures of earlier snapshots that read otherwise now, newest day first.

    A figure is compared only where records of its feed became known since; time alone changes nothing that was said.
    """
    for brief in reversed(published):
        later: dict[str, Later] = {}
        for feed in known.feeds:
            found = known.later(feed, brief.at, brief.known_seq, viewer.towns)
            if found.any:
                later[feed] = found
        if not later:
            continue
        touched = {
            name: found
            for name in known.feeds
            if (found := _sum(later.get(one, Later()) for one in (name, *known.engines[name].needs))).any
        }
        summaries = {name: known.moment(name, brief.at, brief.known_seq) for name in touched}
        region = region_known(known.region_at, day_of(brief.at, known.zone), known.seq)
        board = Board(summaries, brief.at, known.seq, region, viewer)
        told = {(one.kpi): one.value for other in published for one in other.corrections if one.day == brief.day}
        for one in _differences(brief, board, touched):
            # What an earlier snapshot has already stated is not news; a day goes on being compared with what it said.
            if one.kpi not in told or told[one.kpi] != one.value:
                yield one


def _sum(parts: Iterable[Later]) -> Later:
    late = changed = withdrawn = 0
    for one in parts:
        late, changed, withdrawn = late + one.late, changed + one.changed, withdrawn + one.withdrawn
    return Later(late, changed, withdrawn)


def _differences(brief: Brief, board: Board, touched: dict[str, Later]) -> Iterable[Correction]:
    said: dict[tuple[str, str], Cell] = {(cell.kpi, cell.town): cell for cell in brief.cells}
    for feed, kpi in board.kpis():
        if feed.name not in touched or kpi.key == REPORTING:
            continue
        before = said.get((kpi.key, "all"))
        if before is None:
            continue
        now = board.figure(kpi.key, "all", feed.name)
        up: float | int = 0
        down: float | int = 0
        for town in board.towns:
            cell = said.get((kpi.key, town))
            was = (cell.numerator if cell else None) or 0
            moved = (board.figure(kpi.key, town, feed.name).numerator or 0) - was
            up, down = up + max(0, moved), down + max(0, -moved)
        if now.value == before.value and not up and not down:
            continue
        why = touched[feed.name]
        yield Correction(brief.day, kpi.key, before.value, now.value, up, down, why.late, why.changed, why.withdrawn)


__all__ = ["corrections"]
