"""Figures: parts, the Wilson interval, and qualifiers that travel through sums."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import pytest

from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.figure import Freshness, Parts, Qualifier, wilson
from dashboard.domain.freshness import FreshnessLimits


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_wilson_interval_agrees_with_published_values(successes: int, trials: int, low: float, high: float) -> None:
    interval = wilson(successes, trials)
    assert interval is not None
    assert list(interval) == pytest.approx([low, high], abs=5e-5)


def test_the_wilson_interval_stays_within_0_and_1_and_needs_a_trial() -> None:
    assert wilson(0, 0) is None
    full = wilson(10, 10)
    assert full is not None
    assert full[1] == pytest.approx(1.0)
    assert 0.7 < full[0] < 0.75


EXACT, LEAST, NEARLY, ABOUT = Qualifier.EXACT, Qualifier.AT_LEAST, Qualifier.NEARLY, Qualifier.ABOUT


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ((EXACT, EXACT), EXACT),
        ((EXACT, LEAST), LEAST),
        ((EXACT, NEARLY), NEARLY),
        ((LEAST, LEAST), LEAST),
        ((LEAST, NEARLY), ABOUT),
        ((ABOUT, EXACT), ABOUT),
        ((ABOUT, LEAST), ABOUT),
        ((EXACT, LEAST, NEARLY), ABOUT),
    ],
)
def test_qualifiers_travel_through_a_sum_in_any_order(terms: tuple[Qualifier, ...], expected: Qualifier) -> None:
    for order in permutations(terms):
        assert reduce(lambda one, other: one.plus(other), order) == expected


def test_a_ratio_without_a_denominator_is_missing_and_keeps_its_parts() -> None:
    assert Parts.ratio(0, 0).value is None
    assert (Parts.ratio(0, 0).numerator, Parts.ratio(0, 0).denominator) == (0, 0)
    assert Parts.ratio(1, 4).value == 0.25
    assert Parts.count(None).value is None
    assert Parts.count(0).value == 0


def test_freshness_grows_old_at_its_limits() -> None:
    limits = FreshnessLimits(expected=MINUTE, late=5 * MINUTE, stale=30 * MINUTE)
    ages = {0: "fresh", 5 * MINUTE - 1: "fresh", 5 * MINUTE: "late", 30 * MINUTE: "stale", 24 * HOUR: "silent"}
    for age, expected in ages.items():
        assert limits.judge(1000, 1000 + age) == expected
    assert limits.judge(None, 1000) is Freshness.SILENT
