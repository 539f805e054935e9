"""The checker of scenarios can fail: lost records miss a figure, another order and repeats do not (EXACTNESS 25).

All five scenarios are checked by ``./townwatch scenario check --all``; here the two smallest.
"""

from __future__ import annotations

import pytest

from geodata.library import bundled_pack
from geodata.pack import load_pack
from ingest.scenarios import SCENARIOS, scenario_named
from ingest.scenarios.check import ROWS, Stated, check, holds, stated

pytestmark = pytest.mark.timeout(300)


def run(name: str, **tampered: float) -> dict[int, bool]:
    path = bundled_pack(SCENARIOS[name][0])
    assert path is not None
    region = load_pack(path)
    return {one.no: one.met for one in check(scenario_named(name, region.pack), region, **tampered)}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["zhuhai", "xianlin"])
def test_a_scenario_arrives_at_its_reports_figures(name: str) -> None:
    found = run(name)
    assert found.keys() == {asked.no for asked in ROWS[name]}
    assert all(found.values()), [no for no, met in found.items() if not met]


def test_lost_records_are_seen() -> None:
    assert not all(run("zhuhai", drop=0.01).values())


def test_another_order_and_repeats_change_nothing() -> None:
    assert all(run("zhuhai", shuffle=True, twice=0.02).values())


def test_every_row_that_must_be_reached_is_asked_of_one_scenario() -> None:
    asked = [one.no for rows in ROWS.values() for one in rows]
    assert sorted(asked) == sorted(stated())
    assert ROWS.keys() == SCENARIOS.keys()


@pytest.mark.parametrize(
    ("qualifier", "computed", "met"),
    [
        ("exact", 100, True),
        ("exact", 101, False),
        ("at least", 100, True),
        ("at least", 105, True),
        ("at least", 106, False),
        ("at least", 99, False),
        ("nearly", 95, True),
        ("nearly", 101, False),
        ("within", 9, True),
        ("within", 101, False),
        ("exact", None, False),
    ],
)
def test_qualifiers_have_their_bands(qualifier: str, computed: float | None, met: bool) -> None:
    assert holds(Stated(1, "000", "x", 100, qualifier, "u"), computed) is met
