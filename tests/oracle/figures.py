"""Every figure of both feeds, for every town and “all”, from versions: the oracle's only way in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dashboard.domain.event import Event
from dashboard.domain.place import RegionPack
from tests.oracle.patrol import Patrol
from tests.oracle.records import current, day_of
from tests.oracle.temperature import Temperature

Row = tuple[float | int | None, int | None, int | None]
"""(value, numerator, denominator). A count has its number in both and no denominator; missing is three ``None``."""

MISSING: Row = (None, None, None)
GIVEN_UNREPORTED = {"obligations_open", "obligations_met", "obligations_lapsed", "obligations_unobservable"}
"""What time alone decides is given for a single town even when it sent nothing."""


def figures(
    versions: Iterable[tuple[int, Event]],
    pack: RegionPack,
    near: Callable[[float, float], bool],
    cell_of: Callable[[float, float], str],
    now: int,
    upto_seq: int | None,
    pack_of: Callable[[int], RegionPack] | None = None,
) -> dict[tuple[str, str], Row]:
    """Every (kpi, town) with its (value, numerator, denominator).

    Args:
        versions: (known_seq, version) of every committed version.
        pack: the region pack in force on the day of ``now``.
        near: whether (lon, lat) lies in the region or within 20 km of it.
        cell_of: the H3 resolution 9 cell (hex) of (lon, lat).
        now: the moment, ms since 1970 UTC; day figures are of its local day.
        upto_seq: versions known later are left out; ``None`` takes all.
        pack_of: the pack in force on a local day, where it is not the same on all.
    """
    records = current(versions, upto_seq)
    day = day_of(now, pack.timezone)
    found: dict[tuple[str, str], Row] = {}

    patrol_records = [record for record in records if record.feed == "patrol"]
    reported = towns_that_reported(patrol_records, pack, day)
    patrol = Patrol(patrol_records, pack, near, cell_of, now, set(reported), pack_of)
    per_kpi: dict[str, Callable[[Sequence[str]], Row]] = {
        "patrol_coverage": lambda towns: ratio(*patrol.coverage(towns)),
        "obligations_open": lambda towns: count(patrol.obligations(towns, "open")),
        "obligations_met": lambda towns: count(patrol.obligations(towns, "met")),
        "obligations_lapsed": lambda towns: count(patrol.obligations(towns, "lapsed")),
        "obligations_unobservable": lambda towns: count(patrol.obligations(towns, "unobservable")),
        "cells_seen": lambda towns: ratio(*patrol.cells_seen(towns)),
        "units_on_duty": lambda towns: count(patrol.units_on_duty(towns)),
        "person_times": lambda towns: count(patrol.person_times(towns)),
        "distance_km": lambda towns: scaled(patrol.distance_mm(towns), 1_000_000),
        "longest_gap_hours": lambda towns: scaled(patrol.longest_gap_ms(towns), 3_600_000),
    }
    fill(found, "patrol", per_kpi, pack, reported)

    readings = [record for record in records if record.feed == "temperature"]
    reported = towns_that_reported(readings, pack, day)
    temperature = Temperature(readings, pack, now, pack_of)
    per_kpi = {
        "screened": lambda towns: count(temperature.screened(towns)),
        "fever_count": lambda towns: count(temperature.fevers(towns)),
        "fever_rate": lambda towns: ratio(temperature.fevers(towns), temperature.screened(towns)),
        "fever_confirmed": lambda towns: count(temperature.confirmed(towns)),
        "checkpoints_online": lambda towns: ratio(*temperature.checkpoints_online(towns)),
        "device_drift": lambda towns: scaled(temperature.drift_milli(towns), 1000),
        "health_code_mix": lambda towns: ratio(*temperature.green_of_coded(towns)),
    }
    fill(found, "temperature", per_kpi, pack, reported)
    return found


def towns_that_reported(records: Sequence[Event], pack: RegionPack, day: int) -> list[str]:
    """Towns of the pack with a record of the feed, or a 零报告, on the day (EXACTNESS 19)."""
    heard = {record.town for record in records if day_of(record.at, pack.timezone) == day}
    return [town.code for town in pack.towns if town.code in heard]


def fill(
    found: dict[tuple[str, str], Row],
    feed: str,
    per_kpi: dict[str, Callable[[Sequence[str]], Row]],
    pack: RegionPack,
    reported: Sequence[str],
) -> None:
    """Each figure of each town, and of all that reported together, from the parts and never from the ratios."""
    for kpi, of in per_kpi.items():
        for town in pack.towns:
            given = town.code in reported or kpi in GIVEN_UNREPORTED
            found[kpi, town.code] = of([town.code]) if given else MISSING
        found[kpi, "all"] = of(reported) if reported else MISSING
    for town in pack.towns:
        found[f"reporting_rate:{feed}", town.code] = ratio(int(town.code in reported), 1)
    found[f"reporting_rate:{feed}", "all"] = ratio(len(reported), len(pack.towns))


def count(number: int) -> Row:
    """A plain quantity."""
    return (number, number, None)


def ratio(numerator: int, denominator: int) -> Row:
    """A ratio 0…1; missing, never 0 or 1, when there is nothing to divide by."""
    return (numerator / denominator if denominator else None, numerator, denominator)


def scaled(number: int | None, unit: int) -> Row:
    """An integer quantity shown in a larger unit; missing where there is none."""
    return MISSING if number is None else (number / unit, number, None)
