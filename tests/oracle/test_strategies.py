"""The generated streams: they are well formed and reach what they promise, and the oracle agrees with itself."""

from __future__ import annotations

import contextlib
from random import Random

import msgspec
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from dashboard.domain.event import Event
from tests.engine.strategies import DAY, MIDNIGHT, PACK, Stream, cell_of, near, streams
from tests.oracle import Row, admitted, figures

NONE: Row = (None, None, None)
SLOW_IS_FINE = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def at_end(arrivals: list[Event], now: int) -> dict[tuple[str, str], Row]:
    return figures(admitted(arrivals), PACK, near, cell_of, now, None)


@SLOW_IS_FINE
@given(streams())
def test_arrivals_survive_the_road_and_carry_identity(stream: Stream) -> None:
    for event in stream.arrivals:
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event
        assert all((event.source, event.id, event.town, event.subject))
        assert abs(event.at - MIDNIGHT) < 31 * DAY
    assert stream.moments == tuple(sorted(stream.moments))


@SLOW_IS_FINE
@given(streams(), st.randoms(use_true_random=False))
def test_distinctly_ranked_versions_give_the_same_figures_in_any_order(stream: Stream, random: Random) -> None:
    ranked = {(e.source, e.id, e.rev, e.received_at): e for e in stream.arrivals}
    versions = list(ranked.values())
    shuffled = list(versions)
    random.shuffle(shuffled)
    for now in stream.moments:
        one = figures(list(enumerate(versions)), PACK, near, cell_of, now, None)
        two = figures(list(enumerate(shuffled)), PACK, near, cell_of, now, None)
        assert one == two


@SLOW_IS_FINE
@given(streams())
def test_sums_over_reported_towns_make_all(stream: Stream) -> None:
    sums = (
        "screened", "fever_count", "fever_confirmed", "units_on_duty", "person_times", "distance_km",
        "dispute_open", "dispute_new", "dispute_resolved", "dispute_overdue", "enterprise_registered",
        "enterprise_resumed", "enterprise_stuck",
    )  # fmt: skip
    for now in stream.moments:
        found = at_end(stream.arrivals, now)
        for kpi in sums:
            parts = [found[kpi, town.code][1] for town in PACK.towns]
            heard = [part for part in parts if part is not None]
            assert found[kpi, "all"][1] == (sum(heard) if heard else None)


REACHED = {
    "obligations_met": 2,
    "obligations_lapsed": 1,
    "obligations_open": 1,
    "obligations_unobservable": 1,
    "cells_seen": 1,
    "units_on_duty": 2,
    "person_times": 3,
    "distance_km": 300_000,
    "fever_count": 2,
    "fever_confirmed": 1,
    "checkpoints_online": 1,
    "device_drift": 1,
    "health_code_mix": 1,
    "obligations_met[target=enterprise]": 1,
    "obligations_lapsed[target=enterprise]": 1,
    "obligations_unobservable[target=enterprise]": 1,
    "patrol_coverage[target=enterprise]": 1,
    "dispute_open": 2,
    "dispute_new": 2,
    "dispute_resolved": 1,
    "dispute_overdue": 1,
    "resolution_rate": 1,
    "resolution_hours_median": 1,
    "dispute_age[age=gt7d]": 1,
    "resumption_rate[scale=above]": 1,
    "resumption_rate[industry=unknown]": 1,
    "staff_return_rate": 4,
    "enterprise_stuck[stage=reviewing]": 1,
    "enterprise_stage[stage=suspended]": 1,
    "liaison_coverage": 1,
}
"""Figure -> what it must come to, at least once, in some stream."""


def test_streams_reach_every_figure() -> None:
    left = dict(REACHED)

    def all_are_reached(stream: Stream) -> bool:
        for now in stream.moments:
            found = at_end(stream.arrivals, now)
            for kpi in [kpi for kpi, least in left.items() if (found.get((kpi, "all"), NONE)[1] or 0) >= least]:
                del left[kpi]
        return not left

    quick = settings(
        max_examples=2000,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
    )
    with contextlib.suppress(NoSuchExample):
        find(streams(), all_are_reached, settings=quick)
    assert left == {}
