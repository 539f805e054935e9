"""What a figure asks of a person follows from its declared limits and its feed's freshness alone."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.domain.figure import Figure, Freshness, Qualifier
from dashboard.feeds import KPIS
from dashboard.queries.status import Status, status_of, status_word


def figure(kpi: str, value: float | None, freshness: Freshness = Freshness.FRESH, **detail: Any) -> Figure:
    feed, declared = KPIS[kpi]
    return Figure(kpi, feed.name, "all", value, None, None, declared.unit, Qualifier.EXACT, 0, freshness, {}, detail)


@pytest.mark.parametrize(
    ("kpi", "value", "status"),
    [
        ("patrol_coverage", 0.9, Status.OK),
        ("patrol_coverage", 0.8999, Status.ALERT),
        ("checkpoints_online", 1.0, Status.OK),
        ("checkpoints_online", 26 / 27, Status.WATCH),
        ("checkpoints_online", 0.79, Status.ALERT),
        ("fever_count", 0, Status.OK),
        ("fever_count", 1, Status.ALERT),
        ("device_drift", 0.5, Status.OK),
        ("device_drift", 0.51, Status.WATCH),
        ("units_on_duty", 0, Status.OK),
    ],
)
def test_limits(kpi: str, value: float, status: Status) -> None:
    assert status_of(figure(kpi, value), KPIS[kpi][1]) == status


def test_old_figures_claim_nothing() -> None:
    kpi = KPIS["fever_count"][1]
    assert status_of(figure("fever_count", 7, Freshness.STALE), kpi) == Status.STALE
    assert status_of(figure("fever_count", 0, Freshness.SILENT), kpi) == Status.SILENT
    assert status_of(figure("fever_count", 0, Freshness.LATE), kpi) == Status.OK


def test_a_missing_value_is_not_normal() -> None:
    assert status_of(figure("patrol_coverage", None), KPIS["patrol_coverage"][1]) == Status.EMPTY


def test_fevers_that_were_followed_up_are_no_alert() -> None:
    kpi = KPIS["fever_count"][1]
    assert status_of(figure("fever_count", 3, pending=1, cleared=2), kpi) == Status.ALERT
    assert status_of(figure("fever_count", 3, unresolved=1, cleared=2), kpi) == Status.ALERT
    assert status_of(figure("fever_count", 3, transferred=1, cleared=2), kpi) == Status.WATCH
    assert status_of(figure("fever_count", 2, cleared=2), kpi) == Status.OK


def test_every_status_has_a_word_in_both_languages() -> None:
    for status in Status:
        assert status_word(status, "zh") != status_word(status, "en") != ""
