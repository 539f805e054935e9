"""Every figure of the core feeds, for every town and “all”, from versions: the oracle's only way in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from dashboard.domain.event import Event
from dashboard.domain.place import RegionPack
from tests.oracle.case import Disputes, Enterprises, broken_down
from tests.oracle.patrol import TARGETS, Patrol
from tests.oracle.records import HOUR, current, day_of, day_start, days_after
from tests.oracle.temperature import Temperature

Row = tuple[float | int | None, int | None, int | None]
"""(value, numerator, denominator). A count has its number in both and no denominator; missing is three ``None``."""

MISSING: Row = (None, None, None)
Mix = Callable[[Sequence[str]], dict[str, Row]]
"""Towns -> the figures of a breakdown by name, as ``dispute_open[kind=wages]``."""
OBLIGATIONS = ("open", "met", "lapsed", "unobservable")
CODES = ("green", "yellow", "red", "none")
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
    """Every (kpi, town) with its (value, numerator, denominator), breakdowns as ``kpi[dimension=value]``.

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

    firms_records = [record for record in records if record.feed == "enterprise"]
    firms = Enterprises(firms_records, pack, now)

    patrol_records = [record for record in records if record.feed == "patrol"]
    reported = towns_that_reported(patrol_records, pack, day)
    patrol = Patrol(patrol_records, pack, near, cell_of, now, set(reported), pack_of, firms.owing())
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
        "longest_gap_hours": lambda towns: scaled(patrol.longest_gap_ms(towns), HOUR),
    }
    mixes: dict[str, Mix] = {
        "patrol_coverage": lambda towns: broken_down(
            "patrol_coverage", "target", {target: ratio(*patrol.coverage(towns, target)) for target in TARGETS}
        )
    }
    for state in OBLIGATIONS:
        mixes[f"obligations_{state}"] = lambda towns, state=state: broken_down(  # type: ignore[misc]
            f"obligations_{state}",
            "target",
            {target: count(patrol.obligations(towns, state, target)) for target in TARGETS},
        )
    fill(found, "patrol", per_kpi, pack, reported, mixes)

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
        "health_code_mix": lambda towns: ratio(*temperature.of_coded(towns, "green")),
        "wrongful_blocks": lambda towns: count(len(temperature.blocked(towns))),
    }
    mixes = {
        "wrongful_blocks": lambda towns: broken_down(
            "wrongful_blocks",
            "checkpoint",
            {at: count(temperature.blocked(towns).count(at)) for at in sorted(set(temperature.blocked(towns)))},
        ),
        "health_code_mix": lambda towns: broken_down(
            "health_code_mix", "health_code", {code: ratio(*temperature.of_coded(towns, code)) for code in CODES}
        ),
    }
    fill(found, "temperature", per_kpi, pack, reported, mixes)

    disputes = Disputes([record for record in records if record.feed == "dispute"], pack, now)
    _fill_disputes(found, disputes, pack, disputes.midnight, disputes.tomorrow, sorted(disputes.today))
    _fill_enterprises(found, firms, pack)
    return found


def figures_over(
    versions: Sequence[tuple[int, Event]],
    pack: RegionPack,
    near: Callable[[float, float], bool],
    cell_of: Callable[[float, float], str],
    now: int,
    days: tuple[int, int],
    pack_of: Callable[[int], RegionPack] | None = None,
) -> dict[tuple[str, str], Row]:
    """Plain figures over the local days from the first to the last, both included, as known now.

    What stands and what became of a period's cases is told as of the last day's end; of the other figures, given are
    those of :data:`ADDED`, whose parts are added up over the days on which each town reported (EXACTNESS 19). Today
    ends now.
    """
    zone, today = pack.timezone, day_of(now, pack.timezone)
    rules = pack_of or (lambda day: pack)
    first, last = days
    found: dict[tuple[str, str], Row] = {}
    day = first
    while day <= min(last, today):
        moment = now if day == today else day_start(days_after(day, 1), zone) - 1
        of_day = figures(versions, rules(day), near, cell_of, moment, None, rules)
        for key, row in of_day.items():
            if key[0] in ADDED and row != MISSING:
                found[key] = _added(found.get(key), row)
        day = days_after(day, 1)
    end = now if last >= today else day_start(days_after(last, 1), zone) - 1
    pack = rules(min(last, today))
    records = current(versions, None)
    disputes = Disputes([record for record in records if record.feed == "dispute"], pack, end)
    edges = day_start(first, zone), day_start(days_after(min(last, today), 1), zone)
    _fill_disputes(found, disputes, pack, *edges, sorted(disputes.ever))
    firms = Enterprises([record for record in records if record.feed == "enterprise"], pack, end)
    _fill_enterprises(found, firms, pack)
    every_town = ("all", *(town.code for town in pack.towns))
    for kpi in ADDED:
        for town in every_town:
            found.setdefault((kpi, town), MISSING)
    plain = (*ADDED, *DISPUTE, *ENTERPRISE)
    return {(kpi, town): found[kpi, town] for kpi in plain for town in every_town}


ADDED = (
    "patrol_coverage", "obligations_open", "obligations_met", "obligations_lapsed", "obligations_unobservable",
    "person_times", "screened", "fever_count", "fever_rate", "fever_confirmed",
)  # fmt: skip
DISPUTE = (
    "dispute_open", "dispute_new", "dispute_resolved", "dispute_overdue", "resolution_rate",
    "resolution_hours_median", "dispute_age",
)  # fmt: skip
ENTERPRISE = (
    "enterprise_registered", "enterprise_resumed", "resumption_rate", "staff_return_rate", "enterprise_stage",
    "enterprise_stuck", "liaison_coverage", "staff_back", "enterprise_approved",
)  # fmt: skip


def _added(sofar: Row | None, row: Row) -> Row:
    if sofar is None:
        return row
    assert sofar[1] is not None
    assert row[1] is not None
    if row[2] is None or sofar[2] is None:
        return count(sofar[1] + row[1])
    return ratio(sofar[1] + row[1], sofar[2] + row[2])


def _fill_disputes(
    found: dict[tuple[str, str], Row],
    disputes: Disputes,
    pack: RegionPack,
    first: int,
    last: int,
    reported: Sequence[str],
) -> None:
    """Figures of disputes; those of a period are of [first, last) and of the towns that ``reported`` for it."""
    standing: dict[str, Callable[[Sequence[str]], Row]] = {
        "dispute_open": lambda towns: count(disputes.open(towns)),
        "dispute_overdue": lambda towns: count(disputes.overdue(towns)),
        "dispute_age": lambda towns: count(disputes.open(towns)),
    }
    mixes: dict[str, Mix] = {
        "dispute_open": lambda towns: broken_down("dispute_open", "kind", counts(disputes.open_by_kind(towns))),
        "dispute_age": lambda towns: broken_down("dispute_age", "age", counts(disputes.by_age(towns))),
    }
    of_period: dict[str, Callable[[Sequence[str]], Row]] = {
        "dispute_new": lambda towns: count(disputes.new(towns, first, last)),
        "dispute_resolved": lambda towns: count(len(disputes.resolved(towns, first, last))),
        "resolution_rate": lambda towns: ratio(*disputes.rate(towns, first, last)),
        "resolution_hours_median": lambda towns: median_hours(disputes.spans(towns, first, last)),
    }
    listed = [town.code for town in pack.towns]
    fill(found, "dispute", standing, pack, [town for town in listed if town in disputes.ever], mixes)
    fill(found, "dispute", of_period, pack, [town for town in listed if town in reported])
    fill(found, "dispute", {}, pack, [town for town in listed if town in disputes.today])


def _fill_enterprises(found: dict[tuple[str, str], Row], firms: Enterprises, pack: RegionPack) -> None:
    """Figures of enterprises, all of them standing."""
    standing: dict[str, Callable[[Sequence[str]], Row]] = {
        "enterprise_registered": lambda towns: count(len(firms.of(towns))),
        "enterprise_resumed": lambda towns: count(len(firms.resumed(towns))),
        "resumption_rate": lambda towns: ratio(*firms.rate(towns)),
        "staff_return_rate": lambda towns: ratio(*firms.staff(towns)),
        "staff_back": lambda towns: count(firms.staff_back(towns)),
        "enterprise_approved": lambda towns: count(firms.approved(towns)),
        "enterprise_stage": lambda towns: count(len(firms.of(towns))),
        "enterprise_stuck": lambda towns: count(sum(firms.stuck(towns).values())),
        "liaison_coverage": lambda towns: ratio(*firms.liaison(towns)),
    }

    def by(towns: Sequence[str], field: str) -> dict[str, Row]:
        rates = {name: ratio(*parts) for name, parts in firms.rate_by(towns, field).items()}
        return broken_down("resumption_rate", field, rates)

    mixes: dict[str, Mix] = {
        "resumption_rate": lambda towns: by(towns, "scale") | by(towns, "industry"),
        "enterprise_stage": lambda towns: broken_down("enterprise_stage", "stage", counts(firms.by_stage(towns))),
        "enterprise_stuck": lambda towns: broken_down("enterprise_stuck", "stage", counts(firms.stuck(towns))),
    }
    listed = [town.code for town in pack.towns]
    fill(found, "enterprise", standing, pack, [town for town in listed if town in firms.ever], mixes)
    fill(found, "enterprise", {}, pack, [town for town in listed if town in firms.today])


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
    mixes: Mapping[str, Mix] | None = None,
) -> None:
    """Each figure of each town, and of all that reported together, from the parts and never from the ratios."""
    for kpi, of in per_kpi.items():
        for town in pack.towns:
            given = town.code in reported or kpi in GIVEN_UNREPORTED
            found[kpi, town.code] = of([town.code]) if given else MISSING
            if given and mixes and kpi in mixes:
                found |= {(name, town.code): row for name, row in mixes[kpi]([town.code]).items()}
        found[kpi, "all"] = of(reported) if reported else MISSING
        if reported and mixes and kpi in mixes:
            found |= {(name, "all"): row for name, row in mixes[kpi](reported).items()}
    for town in pack.towns:
        found[f"reporting_rate:{feed}", town.code] = ratio(int(town.code in reported), 1)
    found[f"reporting_rate:{feed}", "all"] = ratio(len(reported), len(pack.towns))


def count(number: int) -> Row:
    """A plain quantity."""
    return (number, number, None)


def counts(numbers: Mapping[str, int]) -> dict[str, Row]:
    """Plain quantities by name."""
    return {name: count(number) for name, number in numbers.items()}


def median_hours(spans: Sequence[int]) -> Row:
    """The median of ascending milliseconds, in hours; beside it the middle one, of two the shorter."""
    if not spans:
        return MISSING
    low, high = spans[(len(spans) - 1) // 2], spans[len(spans) // 2]
    return ((low + high) / 2 / HOUR, low, None)


def ratio(numerator: int, denominator: int) -> Row:
    """A ratio 0…1; missing, never 0 or 1, when there is nothing to divide by."""
    return (numerator / denominator if denominator else None, numerator, denominator)


def scaled(number: int | None, unit: int) -> Row:
    """An integer quantity shown in a larger unit; missing where there is none."""
    return MISSING if number is None else (number / unit, number, None)
