"""What millions of stored records cost: pages and figures, the past, a cold start, the worker, a rebuild.

Three databases of the same days, ever more of them. Baseline of pages and figures: the smallest database of the run.
"""

from __future__ import annotations

import compileall
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks import bulk
from benchmarks.bench_worker import fill, work, worker_of
from benchmarks.bulk import Made
from benchmarks.outcome import Outcome, Size
from benchmarks.stage import ROOT, NotMeasured, Stage, cpu_s
from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.domain.day import DEFAULT_ZONE, HOUR, day_start, shift_day
from dashboard.domain.event import Event
from dashboard.feeds import FEEDS
from dashboard.queries.asked import Moments
from dashboard.queries.board import Board, BoardReader
from dashboard.queries.past import Past
from dashboard.queries.records import Records, Wanted
from dashboard.queries.view import View
from dashboard.queries.views import VIEWS
from geodata.region import Region
from ingest.publisher import Publisher
from ingest.rebuild import Done, rebuild

LIVE_ONLY = frozenset({"system", "record", "import"})
"""Views of a process's own health, or of what a person is about to send."""
TIMES = 5
NOTABLE_MS = 5
PROGRAM = ("dashboard", "ingest", "geodata", "layouts", "callbacks")


def measure(size: Size) -> Iterator[Outcome]:
    """Everything that grows, or must not."""
    with bulk.room(size.keep) as folder:
        small, middle, large = bulk.Maker(folder, print).all(size.stored, size.day_records)
        # First: kept databases may have been folded by an earlier program, and are put right by it.
        yield from _rebuild(middle)
        for made in (small, large):
            history = made.open()
            otherwise = history.folded_otherwise()
            history.engine.dispose()
            if otherwise:
                print(f"{Path(made.path).name}: 重新归纳 · folding anew", flush=True)
                _fold_anew(made)
        yield from _pages(small, large)
        yield from _past(middle)
        yield from _start(middle)
        yield from _worker(middle, size)


def _pages(small: Made, large: Made) -> Iterator[Outcome]:
    """Every question at both sizes in turn, so that both meet the same machine."""
    found: list[dict[str, list[float]]] = [{}, {}]
    with _Open(small) as one, _Open(large) as other:
        for number in range(TIMES):
            for place, opened in enumerate((one, other)):
                for name, ask in opened.questions().items():
                    start = time.perf_counter()
                    ask()
                    # The first time fills the operating system's memory of the file.
                    if number:
                        found[place].setdefault(name, []).append((time.perf_counter() - start) * 1000)
    # The quickest: whatever else the machine does only adds to it.
    before, after = ({name: min(taken) for name, taken in one.items()} for one in found)
    ratio = sum(after.values()) / sum(before.values())
    millions = (large.events - small.events) / 1_000_000
    slope = (sum(after.values()) - sum(before.values())) / millions
    rising = sorted(before, key=lambda name: before[name] - after[name])[:4]
    parts = "; ".join(f"{name} {before[name]:.1f} → {after[name]:.1f} ms" for name in rising)
    told = f"{small.events:,} and {large.events:,} events"
    yield Outcome(
        f"pages and figures: {told}",
        ratio,
        "× the time",
        1.5,
        1.0,
        at_most=True,
        note=f"{len(before)} questions, {sum(before.values()):.0f} → {sum(after.values()):.0f} ms; most: {parts}",
    )
    # What takes a millisecond or two is the clock's own noise.
    slow = [name for name in before if after[name] >= NOTABLE_MS]
    worst = sorted(slow, key=lambda name: before[name] / after[name])[:4]
    yield Outcome(
        f"pages and figures: the one that grew most, of {len(slow)} that take {NOTABLE_MS} ms or more",
        max((after[name] / before[name] for name in slow), default=1.0),
        "× the time",
        1.5,
        at_most=True,
        note="; ".join(f"{name} {before[name]:.1f} → {after[name]:.1f} ms" for name in worst),
    )
    yield Outcome("pages and figures: slope", slope, "ms a million events")


class _Open:
    """A database with a window of its own, as a web process has it."""

    def __init__(self, made: Made) -> None:
        self.made = made
        self.stage = Stage()

    def __enter__(self) -> _Open:
        self.stage.__enter__()
        try:
            self.stage.on(self.made)
            self.parts = self.stage.parts
            clock = bulk.world_of(self.made)
            Publisher(self.parts.history, self.parts.live, self.parts.region_at).rebuild(clock.now())
            self.past = Past(self.parts.history, self.parts.region_at)
            self.reader = BoardReader(self.parts.live, self.past, self.parts.region_at, clock, dict)
        except BaseException:
            self.stage.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.parts.history.engine.dispose()
        self.stage.__exit__(None, None, None)

    def questions(self) -> dict[str, Callable[[], object]]:
        """What pages and the API ask, by name."""
        reader, day, until = self.reader, self.made.day, self.made.until
        board = reader.board(LOCAL_VIEWER, exact=True)
        moments = reader.moments(LOCAL_VIEWER)
        town = board.towns[0]
        yesterday = shift_day(day, -1)
        found: dict[str, Callable[[], object]] = {
            "board": lambda: reader.board(LOCAL_VIEWER, exact=True),
            "figures": lambda: board.figures(),
            "week of screened": lambda: board.days("screened", n=7),
            "span of a week": lambda: board.span("screened", "all", shift_day(day, -6), day),
            "yesterday": lambda: reader.day(LOCAL_VIEWER, yesterday).figures(),
        }
        for name, view in VIEWS.items():
            if name in LIVE_ONLY:
                continue
            if view.filters is None:
                found[name] = partial(view.build, board, "all", "zh")
            else:
                found[name] = partial(_page, view, board, moments)
        listed = Records(reader)
        for feed in ("temperature", "patrol", "dispute"):
            wanted = Wanted(feed, town)
            found[f"records of {feed}"] = partial(listed.listing, LOCAL_VIEWER, wanted, 50)
        point = next(place for place in board.pack.places if place.kind == "checkpoint")
        found["one record"] = lambda: listed.listing(
            LOCAL_VIEWER, Wanted("temperature", source="bench-gates", id=f"{point.code}-0"), 1
        )
        found["seq at an instant"] = lambda: self.past.seq_at(until - HOUR)
        return found


def _page(view: View, board: Board, moments: Moments) -> object:
    return view.document(view.ask(board, "zh", (), moments), "all")


def _past(made: Made) -> Iterator[Outcome]:
    """What was shown some hours ago, every time from nothing in memory."""
    taken: list[float] = []
    with _Open(made) as opened:
        for back in (10, 60, 180, 420, 720, 900):
            past = Past(opened.parts.history, opened.parts.region_at)
            reader = BoardReader(opened.parts.live, past, opened.parts.region_at, bulk.world_of(made))
            at = made.until - back * 60_000
            if at <= day_start(made.day, DEFAULT_ZONE):
                continue
            start = time.perf_counter()
            board = reader.as_of(LOCAL_VIEWER, at)
            _asked(board)
            taken.append(time.perf_counter() - start)
    note = " / ".join(f"{one:.2f}" for one in taken)
    yield Outcome(f"as_of within a day, {made.events:,} events: slowest", max(taken), "s", 1.0, at_most=True, note=note)


def _asked(board: Board) -> None:
    if not any(figure.value for figure in board.figures("temperature", "screened")):
        raise NotMeasured("那时的数字是空的，没有可量的")


def _start(made: Made) -> Iterator[Outcome]:
    """From the start of the processes until a page can show a figure; from the second start on, as files go."""
    for name in PROGRAM:
        compileall.compile_dir(ROOT / name, quiet=2)
    with Stage() as stage:
        stage.on(made)
        start = time.perf_counter()
        stage.start("worker", "web")
        taken = time.perf_counter() - start
        worker, web = (cpu_s(child) for child in stage.children)
        window = stage.parts.live.read_all(FEEDS.values())
        if not any(one.summaries for one in window.values()):
            raise NotMeasured("窗口是空的")
    note = f"processor time of the worker {worker:.1f} s, of the web process {web:.1f} s"
    yield Outcome(f"first figure after a cold start, {made.events:,} events", taken, "s", 5.0, at_most=True, note=note)


def _worker(made: Made, size: Size) -> Iterator[Outcome]:
    """Further records of the database's own kind into a copy."""
    with Stage() as stage:
        path = stage.folder / "grown.db"
        bulk.copy(made, path)
        grown = Made(str(path), made.events, made.day, made.until)
        stage.on(grown, Path(made.path).parent / "packs")
        worker = worker_of(stage)
        region = stage.parts.region_at(0)
        batches = list(_further(region, made, size))
        total = fill(stage.parts.stream, batches)
        rate = total / work(worker, total)
    yield Outcome(f"worker: road to SQL and window, {made.events:,} events there", rate, "events/s", 15_000)


def _further(region: Region, made: Made, size: Size) -> Iterator[list[Event]]:
    """Records that come after those of a database, as a gateway puts them on the road."""
    day, count = made.day, 0
    while count < size.events:
        number = bulk.day_number(day)
        for batch in bulk.day_records(region, day, number, size.day_records):
            fresh = [event for event in batch if event.at > made.until]
            for start in range(0, len(fresh), 500):
                if count < size.events:
                    yield fresh[start : start + 500]
                    count += 500
        day = shift_day(day, 1)


def _rebuild(made: Made) -> Iterator[Outcome]:
    """All states folded again from the stored records."""
    before = _spent()
    done, told = _fold_anew(made)
    cpu = (_spent() - before) / done.events * 1e6
    note = f"{done.states:,} states, {done.differing:,} differed; told of its progress {told} times"
    note += f"; {cpu:.1f} µs of processor an event"
    yield Outcome(f"rebuild of {done.events:,} events", done.events / done.seconds, "events/s", 100_000, note=note)


def _fold_anew(made: Made) -> tuple[Done, int]:
    """Rebuild a database that is kept; what was found, and how often progress was told."""
    with Stage() as stage:
        stage.on(made)
        seen: list[float] = []
        done = rebuild(stage.settings, stage.parts.history, made.until, lambda told: seen.append(told.seconds))
    return done, len(seen)


def _spent() -> float:
    """Seconds of processor time of this process and of those that it has seen end."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
