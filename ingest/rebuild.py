"""Every projection folded again from the stored records, beside the running program: proves them, or puts them right.

Days are folded by several processes, read only. A state that differs is written under a ``known_seq`` of its own, so
that ``as_of`` before it is answered from the records as ever. One that a worker has changed meanwhile is folded once
more in the transaction that writes it: the worker went on from what was wrong.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

import msgspec
from sqlalchemy import func, select

from dashboard.archetypes import LIFE, Engine, engine_of
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed
from dashboard.domain.folding import FOLDING
from dashboard.feeds import STREAMS
from dashboard.settings import Settings
from dashboard.stores.history import History, open_engine
from dashboard.stores.rules import book_of
from dashboard.stores.tables import event as events_table
from geodata.library import RegionBook, open_library

ALONE_BELOW = 300_000
"""Records below which starting further processes takes longer than they save."""

Piece = tuple[str, int]
"""(feed, local day or ``LIFE``)."""


class Told(msgspec.Struct, frozen=True):
    """How far it is, at most once a second and at the end."""

    done: int
    total: int
    seconds: float


class Folded(msgspec.Struct, frozen=True):
    """What became of one piece: records read, states compared, and those that are stored otherwise."""

    piece: Piece
    events: int
    states: int
    differing: tuple[tuple[str, int, bytes], ...]
    """(subject, ``seq`` of the stored state or 0, the state as it should be)."""


class Done(msgspec.Struct, frozen=True):
    """What a rebuild found; ``written`` are the differing states that were put right."""

    events: int
    states: int
    differing: int
    written: int
    seconds: float


def rebuild(
    settings: Settings,
    history: History,
    known_at: int,
    say: Callable[[Told], None] = lambda told: None,
    write: bool = True,
    at_once: int | None = None,
) -> Done:
    """Fold everything again and compare; with ``write`` put right what differs. ``at_once``: processes.

    Raises:
        StoreUnavailable: the database does not answer. What was put right until then stays.
    """
    start = time.monotonic()
    library, region = open_library(settings.data_dir, settings.region)
    book = book_of(history, library, region)
    counts = _pieces(history)
    total = sum(counts.values())
    done = Counted()
    said = 0.0
    for folded in _all(settings, history, book, counts, at_once):
        done.take(folded)
        if write and folded.differing:
            done.written += _put_right(history, book, folded, known_at)
        if time.monotonic() - said > 1:
            said = time.monotonic()
            say(Told(done.events, total, said - start))
    if write:
        with history.writing() as connection:
            history.note_folded(connection, FOLDING)
    seconds = time.monotonic() - start
    say(Told(done.events, total, seconds))
    return Done(done.events, done.states, done.differing, done.written, seconds)


def brought_up(
    settings: Settings, history: History, known_at: int, say: Callable[[Told], None] = lambda told: None
) -> Done:
    """Fold again what was folded otherwise, before anything is shown of it. A crash leaves it to the next start.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with history.writing() as connection:
        # What was kept of earlier moments was made the other way, too, and is only there to save time.
        history.forget_all_marks(connection)
    return rebuild(settings, history, known_at, say)


class Counted(msgspec.Struct):
    """Sums over pieces."""

    events: int = 0
    states: int = 0
    differing: int = 0
    written: int = 0

    def take(self, folded: Folded) -> None:
        """Add a piece."""
        self.events += folded.events
        self.states += folded.states
        self.differing += len(folded.differing)


def _pieces(history: History) -> dict[Piece, int]:
    """Every feed's days with how many versions they have, a life's feed as one piece."""
    found: dict[Piece, int] = {}
    e = events_table.c
    with history.reading() as connection:
        statement = select(e.feed, e.day, func.count().label("versions")).group_by(e.feed, e.day)
        stored = {(row.feed, row.day): row.versions for row in connection.execute(statement)}
        for name, feed in STREAMS.items():
            engine = engine_of(feed)
            for day in history.days_of(connection, name):
                if day == LIFE:
                    found[name, day] = sum(count for (one, _), count in stored.items() if one == name)
                # A day whose records were archived keeps its states: there is nothing to fold them from.
                elif (name, engine.bucket(day)) in stored:
                    found[name, day] = stored[name, day]
    return found


def _all(
    settings: Settings, history: History, book: RegionBook, counts: Mapping[Piece, int], at_once: int | None
) -> Iterator[Folded]:
    processes = at_once or (os.cpu_count() or 1 if sum(counts.values()) >= ALONE_BELOW else 1)
    # The largest first, so that no process is left with a large one at the end.
    order = sorted(counts, key=lambda piece: -counts[piece])
    if processes <= 1 or len(order) <= 1:
        for piece in order:
            yield fold(history, book, STREAMS[piece[0]], piece[1])
        return
    # A fresh interpreter each: a forked one would share the parent's database connections.
    context = multiprocessing.get_context("spawn")
    arguments = (settings.data_dir, settings.region, settings.database_url)
    with ProcessPoolExecutor(processes, context, _prepare, arguments) as pool:
        waiting: set[Future[Folded]] = set()
        left = iter(order)
        while True:
            for piece in left:
                waiting.add(pool.submit(_fold_piece, piece))
                if len(waiting) >= 2 * processes:
                    break
            if not waiting:
                return
            ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ready:
                yield future.result()


_parts: list[tuple[History, RegionBook]] = []
"""What a process of the pool folds with, made once."""


def _prepare(data_dir: Path, region: str, database_url: str) -> None:
    history = History(open_engine(database_url))
    library, code = open_library(data_dir, region)
    _parts.append((history, book_of(history, library, code)))


def _fold_piece(piece: Piece) -> Folded:
    history, book = _parts[0]
    return fold(history, book, STREAMS[piece[0]], piece[1])


def fold(history: History, book: RegionBook, feed: Feed, day: int) -> Folded:
    """Fold one feed's day (or ``LIFE``) from its records and compare with the stored states."""
    engine = engine_of(feed)
    with history.reading() as connection:
        known = history.events_of_day(connection, feed.name, None if day == LIFE else day)
        stored = {subject: (seq, data) for subject, seq, data in history.states_since(connection, feed.name, day, 0)}
    region = book(0 if day == LIFE else day)
    differing = []
    # A subject whose records were all withdrawn has a state too.
    for subject in known.keys() | stored.keys():
        state = engine.new()
        engine.fold(state, known.get(subject, []), region)
        data = engine.encode(state)
        seq, old = stored.get(subject, (0, b""))
        if data != old and not _same(engine, old, data):
            differing.append((subject, seq, data))
    read = sum(len(events) for events in known.values())
    return Folded((feed.name, day), read, len(known.keys() | stored.keys()), tuple(differing))


def _same(engine: Engine, old: bytes, new: bytes) -> bool:
    """Sets and maps may be written in another order."""
    return bool(old) and bool(engine.decode(old) == engine.decode(new))


def _put_right(history: History, book: RegionBook, folded: Folded, known_at: int) -> int:
    """Write the states that differ, those that a worker has changed since from the records of now."""
    name, day = folded.piece
    engine = engine_of(STREAMS[name])
    with history.writing() as connection:
        now = {subject: seq for subject, seq, _ in history.states_since(connection, name, day, 0)}
        right: dict[tuple[str, int, str], bytes] = {}
        for subject, read_at, data in folded.differing:
            if now.get(subject, 0) != read_at:
                of_day = None if day == LIFE else day
                events = history.events_of_day(connection, name, of_day, subjects={subject}).get(subject, [])
                state = engine.new()
                engine.fold(state, events, book(of_day or 0))
                data = engine.encode(state)
            right[name, day, subject] = data
        seq = history.seq(connection) + 1
        history.save_states(connection, right, seq)
        if day != LIFE:
            history.forget_marks(connection, name, day)
        history.close_batch(connection, seq, known_at)
    return len(right)


__all__ = ["Done", "Event", "Folded", "Told", "brought_up", "fold", "rebuild"]
