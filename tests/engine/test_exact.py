"""Exact by property: whatever arrives, in whatever order, the product's figures are the plain implementation's.

Streams hold duplicates, reordering, late, corrected and voided records, skewed clocks, midnights, shift changes and
empty towns, cases over days, moved, reopened and named by two sources (EXACTNESS 24).

``ORACLE_SEED=7 ORACLE_MORE=2`` tries other streams, and twice as many.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from zlib import crc32

import pytest
import redis
from hypothesis import HealthCheck, given, note, seed, settings

from dashboard.domain.day import MINUTE, day_end, day_of, shift_day
from dashboard.domain.event import Event
from ingest.decode import FUTURE_MS
from tests import oracle
from tests.conftest import Databases
from tests.engine.product import Examples, MadeUpRegion, Product, Window, same
from tests.engine.strategies import DAY, PACK, Stream, cell_of, near, streams

pytestmark = pytest.mark.timeout(600)

EXACT = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


SEED, MORE = (int(os.environ.get(name, default)) for name, default in (("ORACLE_SEED", "0"), ("ORACLE_MORE", "1")))
MANY, FEW = Examples(120, 30), Examples(50, 15)
Property = Callable[[Product, Stream], None]


def over_streams(examples: Examples) -> Callable[[Property], Callable[[Product], None]]:
    """Tries a property on generated streams, the same ones in every run."""

    def decorate(check: Property) -> Callable[[Product], None]:
        def test(product: Product) -> None:
            wanted = examples.sqlite if product.history.sqlite else examples.postgresql

            @seed(SEED + crc32(check.__name__.encode()))
            @settings(EXACT, max_examples=wanted * MORE)
            @given(stream=streams())
            def holds(stream: Stream) -> None:
                check(product, stream)

            holds()

        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        return test

    return decorate


@pytest.fixture(scope="module")
def product(databases: Databases) -> Iterator[Product]:
    """One database for all examples of this module; each example starts from empty tables."""
    made = Product(databases.new(), MadeUpRegion(PACK, near))
    yield made
    made.engine.dispose()


def _moments(stream: Stream) -> list[int]:
    """Moments at which everything that arrived can be judged: nothing accepted is more than 10 min in the future."""
    newest = max((event.at for event in stream.arrivals), default=0)
    late = [now for now in stream.moments if newest <= now + FUTURE_MS]
    return [*late, newest, newest + 7 * MINUTE]


@over_streams(MANY)
def test_figures_are_those_of_the_plain_implementation(product: Product, stream: Stream) -> None:
    product.reset()
    for batch in stream.batches:
        product.projector.apply(batch, 0)
    versions = oracle.admitted(stream.arrivals)
    for now in _moments(stream):
        note(f"now={now}")
        same(product.figures(now), oracle.figures(versions, PACK, near, cell_of, now, None), f"at {now}")


@over_streams(MANY)
def test_figures_while_records_arrive_are_those_of_the_plain_implementation(product: Product, stream: Stream) -> None:
    product.reset()
    known: list[Event] = []
    moments = list(stream.moments)
    for batch in stream.batches:
        newest = max((event.at for event in (*known, *batch)), default=0)
        while moments and moments[0] + FUTURE_MS < newest:
            now = moments.pop(0)
            plain = oracle.figures(oracle.admitted(known), PACK, near, cell_of, now, None)
            same(product.figures(now), plain, f"while records arrive, at {now}")
        product.projector.apply(batch, 0)
        known += batch


STANDING = (
    "dispute", "enterprise", "resumption", "resolution", "staff", "liaison", "obligations_open", "obligations_met",
    "reporting_rate:dispute", "reporting_rate:enterprise",
)  # fmt: skip
"""What the names of figures begin with that are exact at any moment, whatever is dated later than that."""


def _standing(figures: dict[tuple[str, str], oracle.Row]) -> dict[tuple[str, str], oracle.Row]:
    return {key: row for key, row in figures.items() if key[0].startswith(STANDING)}


@over_streams(MANY)
def test_cases_stand_where_they_stood_at_any_moment(product: Product, stream: Stream) -> None:
    product.reset()
    product.projector.apply(stream.arrivals, 0)
    versions = oracle.admitted(stream.arrivals)
    for now in stream.moments:
        note(f"now={now}")
        plain = oracle.figures(versions, PACK, near, cell_of, now, None)
        same(_standing(product.figures(now)), _standing(plain), f"at {now}")


@over_streams(FEW)
def test_earlier_days_and_periods_are_those_of_the_plain_implementation(product: Product, stream: Stream) -> None:
    product.reset()
    product.projector.apply(stream.arrivals, 0)
    versions = oracle.admitted(stream.arrivals)
    now = _moments(stream)[-1]
    days = sorted({day_of(event.at) for event in stream.arrivals})
    if not days:
        return
    past = [day for day in (days[0], days[len(days) // 2], shift_day(days[-1], -1)) if day < day_of(now)]
    for day in past:
        plain = oracle.figures(versions, PACK, near, cell_of, day_end(day) - 1, None)
        same(product.figures_of_day(day), plain, f"at the end of {day}")
    for span in ((days[0], days[-1]), (days[len(days) // 2], shift_day(days[-1], 2)), (days[0], days[0])):
        first, last = max(span[0], shift_day(span[1], -12)), span[1]
        plain = oracle.figures_over(versions, PACK, near, cell_of, now, (first, last))
        told = product.figures_over(now, (first, last), {kpi for kpi, _ in plain})
        same(told, plain, f"from {first} to {last}")


def test_the_window_follows_records_and_time(product: Product, redis_client: redis.Redis) -> None:
    def follows(product: Product, stream: Stream) -> None:
        _window_follows(product, redis_client, stream)

    over_streams(FEW)(follows)(product)


def _window_follows(product: Product, redis_client: redis.Redis, stream: Stream) -> None:
    product.reset()
    # Time goes on a week after the last record: dues pass, limits pass, cases grow old.
    newest = _moments(stream)[-1]
    moments = sorted({*stream.moments, newest, *(newest + days * DAY + 1 for days in (1, 2, 3, 7))})
    window = Window(product, redis_client, moments[0])
    known: list[Event] = []
    batches = list(stream.batches)
    for now in moments:
        # The door lets nothing in that is more than ten minutes ahead.
        while batches and max(event.at for event in batches[0]) <= now + FUTURE_MS:
            batch = batches.pop(0)
            window.follow(product.projector.apply(batch, now), now)
            known += batch
        window.follow(None, now)
        plain = oracle.figures(oracle.admitted(known), PACK, near, cell_of, now, None)
        same(_standing(window.figures(now)), _standing(plain), f"in the window at {now}")
    assert not batches


@over_streams(FEW)
def test_a_crash_at_any_point_leaves_the_figures_of_a_clean_run(product: Product, stream: Stream) -> None:
    product.reset()
    crashes = {crash.batch % max(1, len(stream.batches)): crash.point for crash in stream.crashes}
    for index, batch in enumerate(stream.batches):
        point = crashes.get(index)
        if point is not None:
            if point == "before_commit":
                _apply_and_die(product, batch)
            else:
                # Committed, but nobody acknowledged: the batch is delivered again to a worker that starts anew.
                product.projector.apply(batch, 0)
            product.restart()
        product.projector.apply(batch, 0)
    now = _moments(stream)[-1]
    versions = oracle.admitted(stream.arrivals)
    same(product.figures(now), oracle.figures(versions, PACK, near, cell_of, now, None), "after crashes")
    assert product.rebuilt()


class _Killed(BaseException):
    pass


def _apply_and_die(product: Product, batch: tuple[Event, ...]) -> None:
    before = product.seq()

    def die(*_: object) -> None:
        raise _Killed

    product.history.close_batch = die  # type: ignore[assignment, method-assign]
    try:
        product.projector.apply(batch, 0)
    except _Killed:
        assert product.seq() == before
    finally:
        del product.history.close_batch


@over_streams(FEW)
def test_as_of_shows_what_was_shown(product: Product, stream: Stream) -> None:
    product.reset()
    now = _moments(stream)[-1]
    shown = []
    for batch in stream.batches:
        product.projector.apply(batch, 0)
        shown.append((product.seq(), product.figures(now)))
    for seq, figures in shown:
        same(product.figures_as_of(now, seq), figures, f"as known at {seq}")


@over_streams(FEW)
def test_the_order_of_arrival_within_a_batch_does_not_matter(product: Product, stream: Stream) -> None:
    product.reset()
    now = _moments(stream)[-1]
    everything = stream.arrivals
    product.projector.apply(everything, 0)
    forward = product.figures(now)
    assert product.rebuilt()
    product.reset()
    for event in sorted(everything, key=lambda one: (one.id, one.rev, one.received_at, one.digest)):
        product.projector.apply([event], 0)
    backward = product.figures(now)
    versions = oracle.admitted(everything)
    if oracle.current(versions, None) == oracle.current(
        oracle.admitted(sorted(everything, key=lambda one: (one.id, one.rev, one.received_at, one.digest))), None
    ):
        same(backward, forward, "arrival order")
