"""A day's course that is carried on is the one that is played again from its records."""

from __future__ import annotations

from pathlib import Path

from dashboard.domain.day import HOUR, MINUTE, day_start
from dashboard.domain.event import Event
from dashboard.queries.past import Past
from tests.engine.product import MadeUpRegion, Product
from tests.engine.strategies import PACK, near

DAY = 20200218
START = day_start(DAY)
TOWN = PACK.towns[0].code


def said(case: str, minute: int, stage: str = "reported", rev: int = 0, void: bool = False) -> Event:
    at = START + minute * MINUTE
    fields = {"case": case, "stage": stage, "kind": "wages"}
    return Event("dispute", "s", f"{case}-{stage}", TOWN, case, at, at, rev, None, None, fields, void=void)


def test_a_course_that_is_carried_on_is_the_one_played_again(tmp_path: Path) -> None:
    product = Product(f"sqlite:///{tmp_path / 'town.db'}", MadeUpRegion(PACK, near))
    told: list[tuple[bool, int]] = []
    before: list[tuple[int, object]] = []
    for upto, events in (
        (9, [said("J1", 490), said("J2", 500)]),
        (10, [said("J2", 570, "resolved")]),
        # Late: an hour that was told changes. Then nothing new, then a withdrawal, and at last a day that is over.
        (10, [said("J3", 495)]),
        (11, []),
        (12, [said("J3", 495, rev=1, void=True)]),
        (24, [said("J1", 1430, "resolved")]),
    ):
        if events:
            product.projector.apply(events, START + upto * HOUR)
        points = product.past.course("dispute", DAY).points(START + upto * HOUR)
        again = Past(product.history, product.region_at).course("dispute", DAY).points(START + upto * HOUR)
        assert points == again
        told.append((bool(before) and points[0][1] is before[0][1], len(points)))
        before = list(points)
    assert told == [(False, 18), (True, 20), (False, 20), (True, 22), (False, 24), (True, 48)]
