"""One batch becomes known: append versions, settle which is effective, fold what changed, all in one SQL transaction.

A crash at any point, a redelivery, a duplicate, a late or reordered event leaves the same states as a clean run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from statistics import median

import msgspec
import structlog
from sqlalchemy import Connection, insert, select, text

from dashboard.archetypes import LIFE, Engine, engine_of
from dashboard.domain.day import MINUTE, day_of
from dashboard.domain.event import Event, put_in_order
from dashboard.domain.feed import Feed
from dashboard.errors import Archived, PackError
from dashboard.feeds import STREAMS
from dashboard.stores import leases, rules
from dashboard.stores.history import History, Version
from dashboard.stores.tables import provisional_place
from geodata.library import Adopted, RegionBook
from geodata.region import Region
from ingest.held import Held, SubjectDay

log = structlog.get_logger("projector")

QUARTER = 15 * MINUTE
"""Lies in one local day wherever on earth."""

UNMARKED = 20_000
"""Most subjects' days whose records since their last kept state are counted."""
MARK_EVERY = 200
"""Records of a subject's day after which its state is kept for questions about that moment. A kept state takes about a
thousand bytes: some five bytes a record."""
DELAYS_A_BATCH, DELAYS_KEPT = 50, 201
"""How many of a batch's last records, and how many of each source, its clock is judged by."""
ASIDE_FROM = 1_000
"""Records from which a batch is written in a thread of its own: the database does its part outside the interpreter, and
meanwhile the others are settled and folded. For fewer, waking the thread costs more than it saves."""
PORTION = 5
"""So many times as many are written as soon as they are settled."""


Key = tuple[str, str]
"""(source, id)."""


class Applied(msgspec.Struct):
    """What a batch did. ``touched`` are (feed, local day) pairs whose states changed."""

    seq: int
    new: int = 0
    corrected: int = 0
    repeated: int = 0
    touched: set[tuple[str, int]] = msgspec.field(default_factory=set)
    provisional: bool = False
    """Whether a place appeared that no list knows."""


class _Batch:
    """The settling of one batch: which versions are new, which are effective, which days must be folded how."""

    def __init__(self, zone: str, first_seq: int) -> None:
        self.zone = zone
        self.seq = first_seq
        self.first = first_seq
        self.rows: list[tuple[int, int, int | None, Event]] = []
        """(seq, local day, ended, event) of its versions, the one after ``first`` being the first."""
        self.ended: dict[int, int] = {}
        self.days: dict[int, int] = {}
        """The local day of each stored version that this batch supersedes, by ``seq``."""
        self.stored: dict[Key, list[Version]] = {}
        """Versions of its records: first those that were there before, then, in order, those of new records."""
        self.known: Set[Key] = frozenset()
        """Records that were there before."""
        self.further: dict[tuple[str, int, str], list[Event]] = {}
        """(feed, quarter of an hour, subject) -> new records: a quarter lies in one local day."""
        self.quarters: dict[int, int] = {}
        """Quarter -> its local day."""
        self.old: list[tuple[int, int]] = []
        """(version, the one that took its place)."""
        self.changed_keys: dict[Key, list[Version]] = {}
        self.append: dict[SubjectDay, list[Event]] = {}
        self.refold: set[SubjectDay] = set()
        self.repeated = 0
        self.corrected = 0

    def row(self, seq: int) -> tuple[int, int, int | None, Event] | None:
        """A version of this batch; ``None`` when it was there before."""
        return self.rows[seq - self.first - 1] if seq > self.first else None


class _Aside:
    """What is written by another thread, one thing after the other, while the batch goes on; without a ``pool`` all is
    done at once."""

    def __init__(self, pool: ThreadPoolExecutor | None) -> None:
        self._pool = pool
        self._going: list[Future[None]] = []

    def do(self, call: Callable[[], None]) -> None:
        """Do it after what was given before."""
        if self._pool is None:
            call()
        else:
            self._going.append(self._pool.submit(call))

    @property
    def busy(self) -> bool:
        """Whether something may still be going on."""
        return bool(self._going)

    def rest(self) -> None:
        """Wait until everything is done; raise what went wrong first."""
        going, self._going = self._going, []
        wait(going)
        for one in going:
            one.result()


class Projector:
    """Applies batches for the feeds of one region. ``region_at(day)`` gives the pack in force on a local day."""

    def __init__(
        self,
        history: History,
        region_at: Callable[[int], Region],
        feeds: Mapping[str, Feed] = STREAMS,
        mark_every: int = MARK_EVERY,
        aside_from: int = ASIDE_FROM,
    ) -> None:
        self.history = history
        self.region_at = region_at
        self.mark_every, self.aside_from = mark_every, aside_from
        self.engines: dict[str, Engine] = {name: engine_of(feed) for name, feed in feeds.items()}
        self.feeds = feeds
        self._states = Held()
        self._provisional: set[tuple[str, str]] | None = None
        self._seq: int | None = None
        """The ``known_seq`` up to which cached states are the truth: that of our own last commit."""
        self._aside = ThreadPoolExecutor(1, "versions")
        self._archived: dict[str, int] = {}
        """Feed -> the first local day whose records are in the database; asked when somebody else has committed."""
        self._delays: dict[str, deque[int]] = {}
        """Source -> received less happened of its latest records, ms."""
        self._unmarked: dict[SubjectDay, int] = {}
        """Records folded since a state was last kept. Forgotten without harm."""
        self._unusable: set[int] = set()
        """Versions that were asked for and cannot be read; looked at again by the next process."""

    def apply(
        self,
        events: Sequence[Event],
        known_at: int,
        held: Mapping[int, int] | None = None,
        positions: Mapping[int, str] | None = None,
    ) -> Applied:
        """Commit a batch. ``held`` are the leases to check, ``positions`` the last stream entry of each partition.

        Raises:
            LeaseLost, StoreUnavailable: nothing of the batch was written.
        """
        try:
            with self.history.writing() as connection:
                self._distrust(connection)
                if held:
                    leases.check(connection, held)
                applied = self._apply(connection, events, known_at)
                for partition, entry in (positions or {}).items():
                    connection.execute(
                        text(
                            "INSERT INTO stream_position (partition, entry) VALUES (:partition, :entry)"
                            " ON CONFLICT (partition) DO UPDATE SET entry = excluded.entry"
                        ),
                        {"partition": partition, "entry": entry},
                    )
            self._seq = applied.seq
            return applied
        except BaseException:
            # States folded in a transaction that was given up would run ahead of the truth.
            self._states.clear()
            self._provisional = None
            raise

    def _refuse_archived(self, batch: _Batch) -> None:
        for feed, day, _ in batch.append.keys() | batch.refold if self._archived else ():
            if 0 < day < self._archived.get(feed, 0):
                raise Archived(feed, day, self._archived[feed])

    def _distrust(self, connection: Connection) -> None:
        """Forget the cached states that another worker or a load has changed since our own last commit."""
        seq = self.history.seq(connection)
        if seq != self._seq:
            self._archived = self.history.archived(connection)
            if self._seq is None or seq < self._seq:
                self._states.clear()
            else:
                for subject_day in self.history.changed_since(connection, self._seq):
                    self._states.forget(subject_day)
            self._provisional = None
            if isinstance(self.region_at, RegionBook):
                self.region_at.read(rules.adopted(connection, self.region_at.region))

    def adopt(self, known_at: int, held: Mapping[int, int] | None = None) -> bool:
        """Let versions count that were asked for; whether there were any.

        Days from their ``valid_from`` on whose records fold otherwise by them are folded again in the transaction that
        makes them count, under a ``known_seq`` of its own. A crash leaves either all of it or nothing, and of several
        workers one does it.

        Raises:
            LeaseLost, StoreUnavailable: nothing was changed.
        """
        book = self.region_at
        if not isinstance(book, RegionBook) or not self._asked(book):
            return False
        try:
            with self.history.writing() as connection:
                self._distrust(connection)
                if held:
                    leases.check(connection, held)
                done = self._adopt(connection, book, known_at)
                seq, counting = self.history.seq(connection), rules.adopted(connection, book.region)
        except BaseException:
            self._states.clear()
            self._provisional = None
            raise
        self._seq = seq
        book.read(counting)
        return done

    def _asked(self, book: RegionBook) -> bool:
        with self.history.reading() as connection:
            known = rules.asked(connection, book.region)
        pairs = {(one.valid_from, one.version) for one in known}
        loaded = (one for one in book.library.versions(book.region) if not one.held)
        return any(one.seq is None and one.number not in self._unusable for one in known) or any(
            (one.valid_from, one.version) not in pairs for one in loaded
        )

    def _adopt(self, connection: Connection, book: RegionBook, known_at: int) -> bool:
        rules.enrol(connection, book.library, book.region, known_at)
        before = rules.adopted(connection, book.region)
        seq = self.history.seq(connection) + 1
        fresh = []
        for one in rules.asked(connection, book.region):
            row = Adopted(one.number, one.valid_from, one.version, seq)
            if one.seq is None and one.number not in self._unusable:
                try:
                    book.load(row)
                except PackError as trouble:
                    # One pack that is gone must not stop the records of every feed.
                    log.error("pack_unusable", valid_from=one.valid_from, reason=trouble.sentence)
                    self._unusable.add(one.number)
                else:
                    fresh.append(row)
        if not fresh:
            return False
        self._fold_anew(connection, book, before, [*before, *fresh], seq)
        rules.adopt(connection, [row.number for row in fresh], seq, known_at)
        self.history.close_batch(connection, seq, known_at)
        log.info("rules_adopted", versions=[f"{row.valid_from}-{row.version}" for row in fresh], seq=seq)
        return True

    def _fold_anew(
        self, connection: Connection, book: RegionBook, before: Sequence[Adopted], after: Sequence[Adopted], seq: int
    ) -> None:
        self._states.clear()
        for feed, engine in self.engines.items():
            for day in self.history.days_of(connection, feed):
                old = book.choose(0 if day == LIFE else day, before)
                new = book.choose(0 if day == LIFE else day, after)
                if old is new or engine.rules(old) == engine.rules(new):
                    continue
                try:
                    events = self.history.events_of_day(connection, feed, None if day == LIFE else day)
                except Archived as gone:
                    log.warning("not_folded_by_new_rules", reason=gone.sentence)
                    continue
                encoded: dict[SubjectDay, bytes] = {}
                # A subject whose records were all withdrawn has a state too.
                for subject, _, _ in self.history.states_since(connection, feed, day, 0):
                    state = engine.new()
                    engine.fold(state, events.get(subject, []), new)
                    encoded[feed, day, subject] = engine.encode(state)
                self.history.save_states(connection, encoded, seq)
                self.history.forget_marks(connection, feed, day)

    def _apply(self, connection: Connection, events: Sequence[Event], known_at: int) -> Applied:
        first = self.history.seq(connection)
        aside = _Aside(self._aside if len(events) >= self.aside_from else None)
        try:
            batch = self._settle(connection, events, first, aside)
            self._refuse_archived(batch)
            applied = Applied(batch.seq, len(batch.rows) - batch.corrected, batch.corrected, batch.repeated)
            if batch.rows:
                self._load(connection, batch.append.keys() | batch.refold, aside)
                corrected = set(batch.refold)
                self._fold_further(batch)
                aside.rest()
                applied.provisional = self._note_places(connection, events, batch.seq)
                self._save(connection, batch, applied, corrected)
                self.history.close_batch(connection, batch.seq, known_at)
        finally:
            # Whatever became of it: the transaction may only end when nobody writes in it any more.
            aside.rest()
        _note_sources(connection, events, batch.repeated)
        _note_delays(connection, events, self._delays)
        return applied

    def _settle(self, connection: Connection, events: Sequence[Event], first: int, aside: _Aside) -> _Batch:
        """Settle a batch and write its versions, aside: whoever asks the database afterwards waits for that first."""
        batch = _Batch(self.region_at(0).pack.timezone, first)
        keys = [(event.source, event.id) for event in events]
        distinct = list(dict.fromkeys(keys))
        batch.stored = self.history.versions_of(connection, distinct)
        batch.known = frozenset(batch.stored)
        # A record that comes twice may supersede itself: then nothing is written before everything is settled.
        step = PORTION * self.aside_from if len(distinct) == len(keys) else max(1, len(keys))
        for start in range(0, len(keys), step):
            rows, new = len(batch.rows), len(batch.stored)
            self._settle_portion(batch, keys[start : start + step], events[start : start + step])
            self._write(connection, batch, rows, new, aside)
        for (feed, quarter, name), members in batch.further.items():
            bucket = self.engines[feed].bucket(batch.quarters[quarter])
            batch.append.setdefault((feed, bucket, name), []).extend(members)
        if batch.old:
            aside.rest()
            self._unsettle(connection, batch)
        if batch.ended or batch.changed_keys:
            aside.do(partial(self.history.end_versions, connection, batch.ended, batch.days))
            aside.do(partial(self.history.save_keys, connection, {}, batch.changed_keys))
        return batch

    def _write(self, connection: Connection, batch: _Batch, rows: int, new: int, aside: _Aside) -> None:
        """Write the versions and the new keys that were settled after there had been so many of them."""
        settled = batch.rows[rows:]
        if batch.ended:
            # A version that this batch itself superseded is written as ended at once.
            settled = [(seq, day, batch.ended.pop(seq, ended), event) for seq, day, ended, event in settled]
        if settled:
            aside.do(partial(self.history.add_events, connection, settled))
            aside.do(partial(self.history.save_keys, connection, dict(islice(batch.stored.items(), new, None)), {}))

    def _settle_portion(self, batch: _Batch, keys: Sequence[Key], events: Sequence[Event]) -> None:
        zone, seq, stored, rows = batch.zone, batch.seq, batch.stored, batch.rows
        further, quarters = batch.further, batch.quarters
        for key, event in zip(keys, events, strict=True):
            versions = stored.get(key)
            if versions is None and not event.void:
                # Nearly every record is new and has nothing to be compared with.
                seq += 1
                stored[key] = [Version(seq, event.rev, event.received_at, event.digest)]
                quarter = event.at // QUARTER
                if quarter not in quarters:
                    quarters[quarter] = day_of(event.at, zone)
                rows.append((seq, quarters[quarter], None, event))
                subject = (event.feed, quarter, event.subject)
                if subject in further:
                    further[subject].append(event)
                else:
                    further[subject] = [event]
                continue
            digest = event.digest
            if versions is None:
                versions = stored[key] = []
            elif any(version.digest == digest and version.rev >= event.rev for version in versions):
                batch.repeated += 1
                continue
            elif key in batch.known:
                batch.changed_keys[key] = versions
            seq += 1
            version = Version(seq, event.rev, event.received_at, digest)
            best = max(versions, key=lambda found: found.rank) if versions else None
            versions.append(version)
            day = 0 if event.void else day_of(event.at, zone)
            wins = best is None or version.rank > best.rank
            rows.append((seq, day, None if wins else seq, event))
            if best is not None:
                batch.corrected += 1
                if wins:
                    batch.ended[best.seq] = seq
                    batch.old.append((best.seq, seq))
            if wins and not event.void:
                # It is not the record's first version: its subject's day is folded again.
                batch.refold.add((event.feed, self.engines[event.feed].bucket(day), event.subject))
        batch.seq = seq

    def _unsettle(self, connection: Connection, batch: _Batch) -> None:
        """Days that lose a record must be folded again, whether the record is stored or came in this batch."""
        wanted = [seq for seq, _ in batch.old if seq <= batch.first]
        fetched = self.history.events_by_seq(connection, wanted)
        if len(fetched) < len(wanted):
            # Nothing but the archive takes versions away: a correction would leave what was said before standing.
            feed, limit = max(self._archived.items(), key=lambda one: one[1], default=("?", 0))
            raise Archived(feed, limit - 1, limit)
        batch.days |= {seq: day for seq, (day, _) in fetched.items()}
        for seq, _ in batch.old:
            row = batch.row(seq)
            day, event = (row[1], row[3]) if row is not None else fetched[seq]
            if not event.void:
                batch.refold.add((event.feed, self.engines[event.feed].bucket(day), event.subject))

    def _fold_further(self, batch: _Batch) -> None:
        """Fold new records onto the states of their subjects' days; where that is not enough, ask for the whole day."""
        for subject_day, fresh in batch.append.items():
            if subject_day in batch.refold:
                continue
            feed, day, _ = subject_day
            engine = self.engines[feed]
            state = self._states.get(subject_day)
            if state is None:
                state = engine.new()
            put_in_order(fresh)
            if engine.fold(state, fresh, self.region_at(0 if day == LIFE else day)):
                self._states[subject_day] = state
            else:
                batch.refold.add(subject_day)

    def _save(self, connection: Connection, batch: _Batch, applied: Applied, corrected: set[SubjectDay]) -> None:
        """Fold again from the stored records what must be, and write all states that changed.

        ``corrected`` are the days that lost a record: what was kept of their earlier states holds no longer.
        """
        lives = self._lives(connection, batch.refold)
        encoded: dict[SubjectDay, bytes] = {}
        for subject_day in batch.append.keys() | batch.refold:
            feed, day, subject = subject_day
            engine = self.engines[feed]
            if subject_day in batch.refold:
                state = engine.new()
                if day == LIFE:
                    known = lives[feed].get(subject, [])
                else:
                    known = self.history.subject_day(connection, feed, day, subject)
                engine.fold(state, known, self.region_at(0 if day == LIFE else day))
                self._states[subject_day] = state
            encoded[subject_day] = engine.encode(self._states[subject_day])
            applied.touched.add((feed, day))
        self.history.save_states(connection, encoded, batch.seq)
        self._mark(connection, batch, encoded, corrected)
        self._states.written(encoded)

    def _mark(
        self, connection: Connection, batch: _Batch, encoded: Mapping[SubjectDay, bytes], corrected: set[SubjectDay]
    ) -> None:
        lost: dict[tuple[str, int], list[str]] = {}
        for feed, day, subject in corrected:
            if day != LIFE:
                lost.setdefault((feed, day), []).append(subject)
        for (feed, day), subjects in lost.items():
            self.history.forget_marks(connection, feed, day, subjects)
        due: dict[SubjectDay, bytes] = {}
        for subject_day, fresh in batch.append.items():
            if subject_day[1] == LIFE:
                continue
            count = self._unmarked.get(subject_day, 0) + len(fresh)
            if count >= self.mark_every:
                due[subject_day] = encoded[subject_day]
                count = 0
            self._unmarked[subject_day] = count
        self.history.mark_states(connection, due, batch.seq)
        if len(self._unmarked) > UNMARKED:
            self._unmarked.clear()

    def _lives(self, connection: Connection, refold: Collection[SubjectDay]) -> dict[str, dict[str, list[Event]]]:
        """Feed -> subject -> its records of all days, of the subjects whose whole life must be folded again."""
        subjects: dict[str, set[str]] = {}
        for feed, day, subject in refold:
            if day == LIFE:
                subjects.setdefault(feed, set()).add(subject)
        return {
            feed: self.history.events_of_day(connection, feed, None, subjects=found) for feed, found in subjects.items()
        }

    def _load(self, connection: Connection, wanted: set[SubjectDay], aside: _Aside) -> None:
        missing = [key for key in wanted if key not in self._states]
        if not missing:
            return
        # While the transaction's own connection is written to, another one asks. It sees the last commit, and so the
        # states that the batch goes on from: nobody else commits as long as we hold the ledger.
        with self.history.reading() if aside.busy else nullcontext(connection) as asked:
            for key, data in self.history.load_states(asked, missing).items():
                self._states[key] = self.engines[key[0]].decode(data)
                self._states.weigh(key, len(data))

    def _note_places(self, connection: Connection, events: Sequence[Event], seq: int) -> bool:
        """An unknown place code creates a provisional place (DESIGN.md §4)."""
        if self._provisional is None:
            self._provisional = {
                (row.code, row.kind)
                for row in connection.execute(select(provisional_place.c.code, provisional_place.c.kind))
            }
        found: dict[tuple[str, str], dict[str, object]] = {}
        fields = {name: feed.place_field for name, feed in self.feeds.items()}
        looked_up: set[tuple[str, object, int]] = set()
        for event in events:
            field = fields[event.feed]
            code = event.fields.get(field) if field else None
            if code is None:
                continue
            # Its records ask one pack.
            asked = (event.feed, code, event.at // QUARTER)
            if asked in looked_up:
                continue
            looked_up.add(asked)
            kind = self.feeds[event.feed].place_kind
            if kind is None:
                continue
            key = (code, kind)
            if key in self._provisional or key in found:
                continue
            if code not in self.region_at(day_of(event.at)).pack.place_by_code:
                found[key] = {"code": code, "kind": kind, "town": event.town, "first_at": event.at, "seq": seq}
        if found:
            connection.execute(insert(provisional_place), list(found.values()))
            self._provisional |= found.keys()
        return bool(found)


def _note_delays(connection: Connection, events: Sequence[Event], held: dict[str, deque[int]]) -> None:
    """Keep the median of received less happened for each source: its clock's offset, and how long it takes.

    Some of a batch's last records will do; a withdrawal names no time.
    """
    seen: set[str] = set()
    for event in events[-DELAYS_A_BATCH:]:
        if not event.void:
            held.setdefault(event.source, deque(maxlen=DELAYS_KEPT)).append(event.received_at - event.at)
            seen.add(event.source)
    rows = [{"s": one, "m": int(median(held[one])), "n": len(held[one])} for one in sorted(seen)]
    if rows:
        connection.execute(
            text(
                "INSERT INTO source_delay (source, median_ms, samples) VALUES (:s, :m, :n)"
                " ON CONFLICT (source) DO UPDATE SET median_ms = excluded.median_ms, samples = excluded.samples"
            ),
            rows,
        )


def _note_sources(connection: Connection, events: Sequence[Event], repeated: int) -> None:
    """Count what each source sent and keep its clock's offset: newest event time less our own, when it runs ahead."""
    sources: dict[str, list[Event]] = {}
    # Nearly every batch is of few sources, each of many records: what many share is not looked up for each.
    for source, run in groupby(events, _source):
        sources.setdefault(source, []).extend(run)
    for source, sent in sources.items():
        newest = max(sent, key=_received)
        connection.execute(
            text(
                "INSERT INTO source_stat (source, accepted, repeated, last_received, clock_offset_ms)"
                " VALUES (:source, :accepted, :repeated, :received, :offset)"
                " ON CONFLICT (source) DO UPDATE SET accepted = source_stat.accepted + excluded.accepted,"
                " repeated = source_stat.repeated + excluded.repeated,"
                " last_received = excluded.last_received, clock_offset_ms = excluded.clock_offset_ms"
            ),
            {
                "source": source,
                "accepted": len(sent),
                "repeated": repeated if len(sources) == 1 else 0,
                "received": newest.received_at,
                "offset": max(0, newest.at - newest.received_at),
            },
        )


_source, _received = attrgetter("source"), attrgetter("received_at")

__all__ = ["Applied", "Projector"]
