"""States up to a moment, put together from kept ones, are those of its records folded anew, whatever arrived and when.

Streams hold late, corrected, moved and withdrawn records and clocks that run ahead. ``test_exact.py`` compares the
figures; here it is the states, known at every ``seq``, by a reader that keeps what it has found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from sqlalchemy import select

from dashboard.archetypes import State, engine_of
from dashboard.domain.day import day_of
from dashboard.feeds import FEEDS
from dashboard.queries.past import Past
from dashboard.snapshot.known import Known
from dashboard.stores.tables import event as event_table
from tests.conftest import Databases
from tests.engine.product import CORE, MadeUpRegion, Product
from tests.engine.strategies import PACK, Stream, near, streams

FOLDED_BY_DAY = ("patrol", "temperature")
EXAMPLES = {True: 8, False: 4}
"""By whether it is SQLite."""


@pytest.fixture(scope="module")
def product(databases: Databases) -> Iterator[Product]:
    made = Product(databases.new(), MadeUpRegion(PACK, near))
    yield made
    made.engine.dispose()


def plain(product: Product, feed: str, at: int, seq: int, shown: int | None) -> dict[str, State]:
    """Every record of the day that counts, folded from nothing."""
    day, engine = day_of(at), engine_of(FEEDS[feed])
    with product.history.reading() as connection:
        now = product.history.events_of_day(connection, feed, day, seq)
        then = product.history.events_of_day(connection, feed, day, shown) if shown is not None else {}
    ahead = {(one.source, one.id) for members in then.values() for one in members if one.at > at}
    states: dict[str, State] = {}
    for subject, members in now.items():
        kept = [one for one in members if one.at <= at or (one.source, one.id) in ahead]
        if kept:
            states[subject] = engine.new()
            engine.fold(states[subject], kept, product.region)
    return stored(feed, states)


def stored(feed: str, states: dict[str, State]) -> dict[str, State]:
    """As they read once they are stored; one without a record is as none."""
    engine = engine_of(FEEDS[feed])
    return {subject: engine.decode(engine.encode(state)) for subject, state in states.items() if state != engine.new()}


def moved(product: Product, feed: str, at: int, since: int, seq: int) -> dict[tuple[str | None, str | None], int]:
    """Records by their town at ``since`` and at ``seq``, of those whose version that counts is another one."""
    t = event_table.c
    with product.history.reading() as connection:
        rows = connection.execute(select(event_table).where(t.feed == feed, t.day == day_of(at), t.at <= at)).all()

    def counting(known: int) -> dict[tuple[str, str], tuple[int, str]]:
        held = [row for row in rows if not row.void and row.seq <= known and (row.ended is None or row.ended > known)]
        events = {row.seq: product.history.event_of(row.body) for row in held}
        return {(one.source, one.id): (seq, one.town) for seq, one in events.items()}

    then, now = counting(since), counting(seq)
    changed = [key for key in then.keys() | now.keys() if then.get(key) != now.get(key)]
    return Counter((then.get(key, (0, None))[1], now.get(key, (0, None))[1]) for key in changed)


def test_states_up_to_a_moment_are_those_of_its_records_folded_anew(product: Product) -> None:
    @seed(11)
    @settings(
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        max_examples=EXAMPLES[product.history.sqlite],
    )
    @given(stream=streams())
    def holds(stream: Stream) -> None:
        product.reset()
        times = sorted({event.at for event in stream.arrivals})
        moments = [*stream.moments[:2], *times[len(times) // 3 :: max(1, len(times) // 3)], *times[-1:]]
        seqs, known_at = [0], 0
        for number, batch in enumerate(stream.batches):
            known_at = max(known_at, *(event.received_at for event in batch))
            product.projector.apply(batch, known_at)
            seqs.append(product.seq())
            at = moments[number % len(moments)]
            earlier = seqs[len(seqs) // 2]
            for seq, shown in ((seqs[-1], None), (earlier, None), (seqs[-1], earlier), (seqs[-1], None)):
                compare(product, at, seq, shown)
        for at in moments:
            compare(product, at, seqs[-1], None)
            compare(product, at, seqs[-1], seqs[len(seqs) // 3])
        summed_up_once(product, moments, seqs)
        kept, product.past = product.past, Past(product.history, product.region_at)
        for feed in FOLDED_BY_DAY:
            for day in {day_of(at) for at in moments}:
                # Whoever folds further must not do so into what is shared.
                assert kept.states(feed, day) == product.past.states(feed, day)

    holds()


def summed_up_once(product: Product, moments: list[int], seqs: list[int]) -> None:
    """What one snapshot found serves the next where it is the same: as if each had found everything itself."""
    for seq in (*seqs[1 :: max(1, len(seqs) // 3)], *seqs[-1:], seqs[len(seqs) // 2]):
        known, anew = (Known(past, seq) for past in (product.past, Past(product.history, product.region_at)))
        for feed in CORE:
            for at in moments[:2]:
                note(f"{feed} at {at}, known {seq}")
                assert known.moment(feed, at) == anew.moment(feed, at)
                assert known.end(feed, day_of(at)) == anew.end(feed, day_of(at))


def compare(product: Product, at: int, seq: int, shown: int | None) -> None:
    past = product.past
    for feed in FOLDED_BY_DAY:
        note(f"{feed} at {at}, known {seq}, shown {shown}")
        ahead = past.ahead(feed, day_of(at), at, shown) if shown is not None else frozenset()
        found = past.until(feed, day_of(at), at, seq, ahead)
        assert stored(feed, dict(found)) == plain(product, feed, at, seq, shown)
        if shown is not None:
            assert past.moved(feed, day_of(at), at, shown, seq) == moved(product, feed, at, shown, seq)
