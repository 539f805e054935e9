"""Who was where on a day, by beat: bands of signal, visits, and obligations at their due time.

Pure over a board. Instants are ms since 1970 UTC; nothing here knows a pixel or a language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dashboard.domain.day import HOUR, MINUTE, day_end, day_start, minute_of
from dashboard.domain.summary import Judged, ObligationState, UnitDay
from dashboard.queries.duties import SOON_MS, beats_of

if TYPE_CHECKING:
    from dashboard.queries.board import Board

GAP_MS = 5 * MINUTE
"""Shorter silences between two stretches of signal are not drawn: a fix every minute or two is normal."""


class Band(msgspec.Struct, frozen=True):
    """A stretch of a unit's day: ``moving``, ``standing`` or ``silent``."""

    kind: str
    start: int
    end: int


class Lane(msgspec.Struct, frozen=True):
    """One unit of a beat, and what it did."""

    unit: str
    bands: tuple[Band, ...]


class Due(msgspec.Struct, frozen=True):
    """``count`` obligations due at ``at`` in one state: ``lapsed``, ``soon``, ``open`` or ``unobservable``."""

    at: int
    state: str
    count: int


class Row(msgspec.Struct, frozen=True):
    """A beat (``None``: units and places without one) with its units, visits and obligations."""

    beat: str | None
    lanes: tuple[Lane, ...]
    visits: tuple[int, ...]
    """When obligations were met."""
    dues: tuple[Due, ...]
    met: int
    total: int


class Timeline(msgspec.Struct, frozen=True):
    """The rows and the span they share."""

    start: int
    end: int
    rows: tuple[Row, ...]


def timeline(board: Board, town: str) -> Timeline:
    """The town's day by beat; the span is the running shift, widened by whatever happened or is due outside of it."""
    track = board.track(town)
    if track is None:
        start, end = span(board, ())
        return Timeline(start, end, ())
    days = {day.unit: day for day in track.unit_days}
    on_duty = {unit.unit for unit in track.units if unit.on_duty}
    rows: list[Row] = []
    seen: set[str] = set()
    for code, obligations in beats_of(board, town).items():
        beat = board.pack.beat_by_code.get(code) if code else None
        units = beat.units if beat else ()
        seen.update(units)
        rows.append(_row(board, code, units, obligations, days, on_duty))
    others = tuple(sorted(unit for unit in days.keys() | on_duty if unit not in seen))
    if others:
        loose = next((row for row in rows if row.beat is None), None)
        lanes = tuple(Lane(unit, bands(days.get(unit), board.now, unit in on_duty)) for unit in others)
        if loose is None:
            rows.append(Row(None, lanes, (), (), 0, 0))
        else:
            rows[rows.index(loose)] = msgspec.structs.replace(loose, lanes=lanes)
    start, end = span(board, tuple(rows))
    return Timeline(start, end, tuple(rows))


def _row(
    board: Board,
    code: str | None,
    units: tuple[str, ...],
    obligations: list[Judged],
    days: dict[str, UnitDay],
    on_duty: set[str],
) -> Row:
    visits = sorted({judged.met_at for judged in obligations if judged.met_at is not None})
    return Row(
        code,
        tuple(Lane(unit, bands(days.get(unit), board.now, unit in on_duty)) for unit in units),
        tuple(visits),
        _dues(obligations, board.now),
        sum(1 for judged in obligations if judged.state == ObligationState.MET),
        len(obligations),
    )


def _dues(obligations: list[Judged], now: int) -> tuple[Due, ...]:
    counts: dict[tuple[int, str], int] = {}
    for judged in obligations:
        if judged.state == ObligationState.MET:
            continue
        state = str(judged.state)
        if judged.state == ObligationState.OPEN and judged.end - now <= SOON_MS:
            state = "soon"
        counts[judged.end, state] = counts.get((judged.end, state), 0) + 1
    return tuple(Due(at, state, count) for (at, state), count in sorted(counts.items()))


def bands(day: UnitDay | None, now: int, on_duty: bool) -> tuple[Band, ...]:
    """A unit's signal as bands in time order, with silences of :data:`GAP_MS` and more; up to now while on duty."""
    if day is None:
        return ()
    found: list[Band] = []
    last: int | None = None
    for start, end in sorted(day.signal):
        if last is not None and start - last >= GAP_MS:
            found.append(Band("silent", last, start))
        found.extend(_split(start, end, day.standing))
        last = end if last is None else max(last, end)
    if last is not None and on_duty and now - last >= GAP_MS:
        found.append(Band("silent", last, now))
    return tuple(_joined(found))


def _split(start: int, end: int, standing: tuple[tuple[int, int], ...]) -> list[Band]:
    found, at = [], start
    for first, last in sorted(standing):
        first, last = max(first, at), min(last, end)
        if first >= last:
            continue
        if first > at:
            found.append(Band("moving", at, first))
        found.append(Band("standing", first, last))
        at = last
    if at < end:
        found.append(Band("moving", at, end))
    return found


def _joined(found: list[Band]) -> list[Band]:
    joined: list[Band] = []
    for band in found:
        before = joined[-1] if joined else None
        if before is not None and before.kind == band.kind and band.start - before.end < GAP_MS:
            joined[-1] = Band(band.kind, before.start, max(before.end, band.end))
        else:
            joined.append(band)
    return joined


def span(board: Board, rows: tuple[Row, ...]) -> tuple[int, int]:
    """The running shift, whole hours, within the local day; the whole day between shifts or in one past midnight."""
    first, last = day_start(board.day, board.zone), day_end(board.day, board.zone)
    shift = board.pack.shift_at(minute_of(board.now, board.zone))
    if shift is None or shift.end <= shift.start:
        return first, last
    start, end = first + shift.start * MINUTE, first + shift.end * MINUTE
    for row in rows:
        times = [*row.visits, *(due.at for due in row.dues)]
        times += [edge for lane in row.lanes for band in lane.bands for edge in (band.start, band.end)]
        if times:
            start = min(start, first + (min(times) - first) // HOUR * HOUR)
            end = max(end, first + -(-(max(times) - first) // HOUR) * HOUR)
    return max(first, start), min(last, end)
