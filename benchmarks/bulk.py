"""Databases of many records, made once through the projector's own transactions: tables and states are the real ones.

A folder of them can be kept (``--keep DIR``) and is used again as long as it fits. Days are alike: what grows is their
number. Times are ms since 1970 UTC.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks import records
from benchmarks.stage import NotMeasured
from dashboard.clock import FixedClock
from dashboard.domain.day import DEFAULT_ZONE, HOUR, as_date, day_start, shift_day
from dashboard.domain.event import Event
from dashboard.feeds import feed_named
from dashboard.settings import Settings
from dashboard.stores.history import History, migrate, open_engine
from dashboard.stores.rules import book_of
from geodata.library import open_library
from geodata.region import Region
from ingest.decode import Door, decode_records
from ingest.projector import Projector

FIRST_DAY = 20260301
DAY_RECORDS = 200_000
"""Records of one day, nearly all of them readings and fixes."""
BATCH = 20_000
LIVE_BATCH = 500
_HOURS = 24
_LAST_HOUR = 18
"""The newest day goes on: the databases end in its afternoon."""
_CASES = 20
"""Disputes that begin on one day."""
_SPREAD = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


class Made(msgspec.Struct, frozen=True):
    """A database with ``events`` records up to the instant ``until`` of local day ``day``."""

    path: str
    events: int
    day: int
    until: int

    def open(self) -> History:
        """Its history, brought to the newest tables."""
        engine = open_engine(f"sqlite:///{self.path}")
        migrate(engine)
        return History(engine)


def day_number(day: int) -> int:
    """How many days a local day is after the first."""
    return (as_date(day) - as_date(FIRST_DAY)).days


def day_records(
    region: Region, day: int, number: int, count: int = DAY_RECORDS, size: int = BATCH
) -> Iterator[list[Event]]:
    """A local day's records in batches, in the order of time: readings at every checkpoint and fixes of every unit in
    turn, some disputes and services. ``number`` counts days from 0."""
    zone = region.pack.timezone
    start = day_start(day, zone)
    step = _HOURS * HOUR / count
    points = [place for place in region.pack.places if place.kind == "checkpoint"]
    units = region.pack.units
    homes = {place.town: place for place in region.pack.places if place.kind == "patrol_point"}
    where = [(unit, homes[unit.town].lon or 0.0, homes[unit.town].lat or 0.0) for unit in units]
    few = _few(region, day, number)
    batch: list[Event] = []
    for index in range(count):
        at = start + int(step * (index + 1)) - 1
        serial = number * count + index
        turn = index // 2
        if index % 2:
            unit, lon, lat = where[turn % len(where)]
            drift = (turn // len(where) % 40 - 20) * 1e-5
            batch.append(
                Event(
                    "patrol",
                    "bench-gps",
                    # Some devices number what they send, some send random names.
                    f"{serial * _SPREAD & _MASK:016x}",
                    unit.town,
                    unit.code,
                    at,
                    at + 700,
                    0,
                    round(lon + drift, 6),
                    round(lat - drift, 6),
                    {
                        "unit": unit.code,
                        "officers": 3,
                        "mode": "foot",
                        "kind": "position",
                        "speed": 4.0,
                        "heading": 90.0,
                        "accuracy": 8.0,
                    },
                )
            )
        else:
            point = points[turn % len(points)]
            hot = turn % 1_999 == 0
            batch.append(
                Event(
                    "temperature",
                    "bench-gates",
                    f"{point.code}-{serial}",
                    point.town,
                    point.code,
                    at,
                    at + 700,
                    0,
                    None,
                    None,
                    {
                        "checkpoint": point.code,
                        "device": f"{point.code}-D{turn // len(points) % 2}",
                        "celsius": 38.2 if hot else 36.0 + turn % 9 / 10,
                        "method": "infrared",
                        "site": "forehead",
                        "direction": "in",
                        "person_ref": f"p-{serial:x}",
                        "health_code": "green",
                        "outcome": "recheck" if hot else "pass",
                    },
                )
            )
        if len(batch) == size:
            yield [*batch, *_until(few, at)]
            batch = []
    if batch or few:
        yield batch + few


def _until(few: list[Event], at: int) -> list[Event]:
    taken = [event for event in few if event.at <= at]
    del few[: len(taken)]
    return taken


def _few(region: Region, day: int, number: int) -> list[Event]:
    """What a day has few of: every dispute is reported, accepted a day later and settled after two."""
    start = day_start(day, region.pack.timezone)
    towns = region.pack.towns
    door = Door("bench-office", region, zone=region.pack.timezone)
    found: list[Event] = []
    for index in range(_CASES):
        at = records.iso(start + (8 * 60 + index * 20) * 60_000)
        town = towns[index % len(towns)].code
        for back, stage in enumerate(("reported", "accepted", "resolved")):
            if number >= back:
                case = f"J{number - back:05d}{index:03d}"
                record = {
                    "id": f"{case}-{stage}",
                    "town": town,
                    "at": at,
                    "case": case,
                    "stage": stage,
                    "kind": "wages",
                }
                found += _decoded("dispute", record, door, start)
    for index, town_ in enumerate(towns):
        at = records.iso(start + (9 * 60 + index) * 60_000)
        served: records.Record = {
            "id": f"S{day}-{index}",
            "town": town_.code,
            "at": at,
            "item": "window",
            "kind": "other",
            "channel": "window",
            "count": 5 + index,
        }
        found += _decoded("service", served, door, start)
    if number == 0:
        for index, place in enumerate(place for place in region.pack.places if place.kind == "enterprise"):
            at = records.iso(start + (8 * 3600 + index) * 1000)
            record = {"id": f"E-{index}", "town": place.town, "at": at, "enterprise": place.code, "stage": "registered"}
            found += _decoded("enterprise", record, door, start)
    return sorted(found, key=lambda event: event.at)


def _decoded(feed: str, record: records.Record, door: Door, start: int) -> list[Event]:
    events, rejected = decode_records(feed_named(feed), [record], door, start + _HOURS * HOUR)
    if rejected:
        raise NotMeasured(rejected[0].message)
    return events


@contextmanager
def room(keep: Path | None) -> Iterator[Path]:
    """A folder for databases: the one to keep, or one that is gone afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="townwatch-bulk-") as folder:
        yield Path(folder)


class Maker:
    """Makes the databases of a folder, the smallest first: each is a copy of the one before, carried on."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder, self.say = folder, say
        folder.mkdir(parents=True, exist_ok=True)
        self.library, self.region = open_library(folder, Settings.load(data_dir=folder).region)

    def all(self, totals: Sequence[int], day_records_: int) -> list[Made]:
        """Databases of about so many records each, in this order, which must be rising."""
        found: list[Made] = []
        for total in totals:
            found.append(self.made(total, day_records_, found[-1] if found else None))
        return found

    def made(self, total: int, day_records_: int = DAY_RECORDS, after: Made | None = None) -> Made:
        """The database of about ``total`` records; an earlier one of fewer is copied and carried on."""
        path = self.folder / f"town-{total}.db"
        note = path.with_suffix(".made")
        if note.exists():
            held = msgspec.json.decode(note.read_bytes(), type=Made)
            if held.path == str(path) and path.exists():
                return held
        for old in self.folder.glob(f"{path.name}*"):
            old.unlink()
        if after is not None:
            copy(after, path)
        history = Made(str(path), 0, 0, 0).open()
        book = book_of(history, self.library, self.region)
        # Noted while it is new: this program folds it.
        history.folded_otherwise()
        projector = Projector(history, book)
        first = 0 if after is None else day_number(after.day)
        days = max(1, round(total / day_records_))
        skip = after.until if after is not None else 0
        began, said = time.monotonic(), 0.0
        done = applied_before = _events(history)
        until = day = 0
        for number in range(first, days):
            day = shift_day(FIRST_DAY, number)
            region = book(day)
            end = day_start(day, DEFAULT_ZONE) + (_LAST_HOUR if number == days - 1 else _HOURS) * HOUR
            # The newest day comes in small batches, as it does while a product runs; the others as a backlog does.
            size = LIVE_BATCH if number == days - 1 else BATCH
            for batch in day_records(region, day, number, day_records_, size):
                events = [event for event in batch if skip < event.at <= end]
                if events:
                    until = events[-1].at
                    projector.apply(events, until + 1000)
                    done += len(events)
                if time.monotonic() - said > 10:
                    said = time.monotonic()
                    rate = (done - applied_before) / max(1e-9, said - began)
                    self.say(f"{path.name}: {done:,} / {total:,} ({rate:,.0f}/s)")
        projector.adopt(until + 1000)
        with history.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        history.engine.dispose()
        found = Made(str(path), done, day, until + 2000)
        note.write_bytes(msgspec.json.encode(found))
        return found


def copy(made: Made, path: Path) -> None:
    """Copy a database that nobody writes."""
    history = made.open()
    with history.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    history.engine.dispose()
    part = path.with_suffix(".part")
    with open(made.path, "rb") as source, open(part, "wb") as target:
        while chunk := source.read(1 << 24):
            target.write(chunk)
    part.rename(path)


def _events(history: History) -> int:
    with history.reading() as connection:
        return history.seq(connection)


def world_of(made: Made) -> FixedClock:
    """A clock that stands at the end of a database."""
    return FixedClock(made.until, "replay")
