"""Whether the scenarios arrive at the figures of their reports: computed from events through the real path.

Every record goes through the door, the transaction and the projections into a database of its own; the live KPI code
makes the figures; ``stated.csv`` holds what the reports say (facts; source: the five reports). Nothing is stored as an
answer.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dashboard.domain.day import DEFAULT_ZONE, day_end
from dashboard.domain.feed import Words
from dashboard.domain.figure import Parts
from dashboard.domain.summary import CaseSummary, Summary
from dashboard.feeds import KPIS, feed_named
from dashboard.queries.figures import ALL, figures_of
from dashboard.queries.past import Past
from dashboard.stores.history import History, migrate, open_engine
from geodata.region import Region
from ingest.decode import Door, decode_records
from ingest.projector import Projector
from ingest.scenarios.base import Batch, Scenario, Sent, batches, generator

BATCH = 20_000
SPAN_MS = 6 * 3_600_000
STATED = Path(__file__).with_name("stated.csv")


class Stated(NamedTuple):
    """One row of a report."""

    no: int
    report: str
    operation: str
    quantity: int
    qualifier: str
    unit: str


class Asked(NamedTuple):
    """How a row is computed: a KPI of a town (or of all), narrowed, on the last day or another."""

    no: int
    kpi: str
    town: str = ALL
    dims: Mapping[str, str] = {}
    case: str | None = None
    """Only this case of a case feed."""
    how: str = "value"
    """``value``; ``percent``; ``cohort``: resolved of all opened in the span; ``daily``: the least of every day."""
    words: Words | None = None
    """What the row is called where the KPI's own words are not enough."""


class Verdict(msgspec.Struct, frozen=True):
    """One row, computed."""

    report: str
    operation: str
    unit: str
    stated: int
    qualifier: str
    computed: float | None
    met: bool
    no: int


@cache
def stated() -> dict[int, Stated]:
    """The rows that scenarios must reach, by number."""
    with STATED.open(encoding="utf-8", newline="") as opened:
        return {
            int(row["no"]): Stated(
                int(row["no"]), row["report"], row["operation"], int(row["quantity"]), row["qualifier"], row["unit"]
            )
            for row in csv.DictReader(opened)
        }


def holds(row: Stated, computed: float | None) -> bool:
    """Whether a figure is what the report says: “at least N” is N to 1.05 N, “nearly N” 0.95 N to N."""
    if computed is None:
        return False
    if row.qualifier == "at least":
        return row.quantity <= computed <= 1.05 * row.quantity
    if row.qualifier == "nearly":
        return 0.95 * row.quantity <= computed <= row.quantity
    if row.qualifier == "within":
        return computed <= row.quantity
    return computed == row.quantity


def tampered(sent: Iterable[Sent], drop: float, shuffle: bool, twice: float, seed: str) -> Iterator[Sent]:
    """The stream with some records lost, repeated, or all in another order of arrival."""
    random = generator("check", seed)
    kept: list[Sent] = []
    for item in sent:
        if drop and random.random() < drop:
            continue
        kept.append(item)
        if twice and random.random() < twice:
            kept.append(item)
    if shuffle:
        order = random.permutation(len(kept)).tolist()
        yield from (kept[n] for n in order)
    else:
        yield from kept


class World:
    """A scenario run into a database of its own; figures of its end."""

    def __init__(self, scenario: Scenario, region: Region, folder: Path) -> None:
        self.scenario, self.region = scenario, region
        self.engine = open_engine(f"sqlite:///{folder / 'check.db'}")
        migrate(self.engine)
        self.history = History(self.engine)
        self.projector = Projector(self.history, lambda day: region)
        self.refused = 0
        self.now = day_end(scenario.last_day, scenario.zone) - 1

    def run(self, sent: Iterable[Sent], tell: Callable[[int], None] = lambda count: None) -> None:
        """Take every record through the door and into the projections."""
        for batch in batches(iter(sent), BATCH, SPAN_MS):
            self._take(batch)
            tell(len(batch.records))

    def _take(self, batch: Batch) -> None:
        door = Door(source=self.scenario.source, region=self.region, zone=DEFAULT_ZONE)
        events, rejected = decode_records(feed_named(batch.feed), batch.records, door, max(batch.received_at, self.now))
        self.refused += len(rejected)
        self.projector.apply(events, batch.received_at)

    def verdicts(self, asked: Sequence[Asked]) -> list[Verdict]:
        """Every row of the scenario, computed."""
        rows = stated()
        past = Past(self.history, lambda day: self.region)
        found: dict[str, Mapping[str, Summary]] = {}
        verdicts = []
        for one in asked:
            feed = KPIS[one.kpi][0].name
            if feed not in found:
                found[feed] = past.at_end_of(feed, self.scenario.last_day)
            row = rows[one.no]
            computed = self._compute(one, found[feed], past)
            verdicts.append(
                Verdict(
                    row.report,
                    row.operation,
                    row.unit,
                    row.quantity,
                    row.qualifier,
                    computed,
                    holds(row, computed),
                    row.no,
                )
            )
        return verdicts

    def _compute(self, one: Asked, summaries: Mapping[str, Summary], past: Past) -> float | None:
        feed, _ = KPIS[one.kpi]
        if one.how == "daily":
            return worst_day(one, (past.at_end_of(feed.name, day) for day in self._days(feed.name)), self.now)
        return compute(one, summaries, self.now)

    def _days(self, feed: str) -> list[int]:
        with self.history.reading() as connection:
            return [day for day in self.history.days_of(connection, feed) if day <= self.scenario.last_day]


def compute(one: Asked, summaries: Mapping[str, Summary], now: int) -> float | None:
    """A row's figure from the summaries of its feed at ``now``: the live KPI, narrowed as the row asks."""
    feed, kpi = KPIS[one.kpi]
    if one.how == "cohort":
        chosen = [summary for code, summary in summaries.items() if one.town in (ALL, code)]
        parts = kpi.period(chosen, 0, now + 1) if kpi.period else Parts()
        return parts.denominator if parts.numerator == parts.denominator else None
    if one.case is not None:
        summaries = {
            code: msgspec.structs.replace(summary, cases=tuple(case for case in summary.cases if case.case == one.case))
            for code, summary in summaries.items()
            if isinstance(summary, CaseSummary)
        }
    figures = figures_of(feed, kpi, summaries, one.town, now, breakdowns=bool(one.dims))
    value = next((figure.value for figure in figures if figure.dims == dict(one.dims)), None)
    return value * 100 if one.how == "percent" and value is not None else value


def worst_day(one: Asked, days: Iterable[Mapping[str, Summary]], now: int) -> float | None:
    """A row that every day must reach: the first day that does not speaks, else the last one."""
    row, value = stated()[one.no], None
    for summaries in days:
        value = compute(one, summaries, now)
        if not holds(row, value):
            return value
    return value


ROWS: Mapping[str, tuple[Asked, ...]] = {
    "xianlin": (
        Asked(1, "enterprises_helped", "330110011"),
        Asked(2, "difficulties_solved", "330110011"),
        Asked(3, "staff_brought_back", "330110011"),
        Asked(4, "declarations_stayed", "330110011"),
        Asked(
            6,
            "staff_back",
            "330110011",
            case="330110011-E-works",
            words=Words("一家机械厂返岗人数", "Staff back at one machinery works"),
        ),
    ),
    "yaozhuang": (
        Asked(13, "contacts_moved", "330421111"),
        Asked(14, "contact_sprint_hours", "330421111"),
        Asked(16, "rentals_checked", "330421111"),
        Asked(17, "rental_squads", "330421111"),
        Asked(18, "lodging_minutes_longest", "330421111"),
        Asked(19, "services_on_site", "330421111"),
        Asked(20, "services_handled", "330421111"),
        Asked(21, "services_online", "330421111"),
        Asked(22, "permits_issued", "330421111"),
        Asked(23, "enterprise_resumed", "330421111"),
        Asked(24, "resumption_rate", "330421111", how="percent"),
        Asked(25, "contacts_imported", "330421111"),
    ),
    "lishui": (
        Asked(28, "services_enterprise", "331127"),
        Asked(29, "people_served", "331127"),
        Asked(31, "enterprises_helped", "331126"),
        Asked(32, "enterprise_resumed", "331126"),
        Asked(38, "volunteers", "331002", {"kind": "call"}),
        Asked(39, "volunteers", "331002", {"kind": "service"}),
        Asked(40, "communities_served", "331002"),
        Asked(41, "services_worked", "331002"),
        Asked(46, "volunteers", "331002", {"kind": "gate"}),
        Asked(47, "communities", "331002", {"kind": "gate"}),
    ),
    "zhuhai": (
        Asked(48, "stewards", dims={"kind": "butler"}),
        Asked(49, "above_checked"),
        Asked(50, "below_checked"),
        Asked(51, "enterprise_approved"),
        Asked(52, "declarations"),
        Asked(53, "isolation_key"),
        Asked(56, "isolation_served"),
    ),
    "quanzhou": (
        Asked(57, "deployed", dims={"kind": "squad"}),
        Asked(58, "deployed_squads"),
        Asked(59, "deployed", dims={"kind": "station"}),
        Asked(60, "deployed", dims={"kind": "grid"}),
        Asked(61, "deployed", dims={"kind": "leader"}),
        Asked(62, "census_houses"),
        Asked(63, "census_residents"),
        Asked(64, "census_rentals"),
        Asked(65, "census_floating"),
        Asked(66, "verified"),
        Asked(67, "person_times", how="daily", words=Words("每日巡逻警力人次", "Person-times of patrol every day")),
        Asked(68, "hospital_teams"),
        Asked(69, "resolution_rate", how="cohort", words=Words("发现并全部化解的纠纷", "Disputes found, all settled")),
        Asked(70, "legal_consultations"),
        Asked(71, "legal_applications"),
        Asked(72, "legal_booklets"),
        Asked(73, "legal_leaflets"),
    ),
}
"""Scenario -> how each ``must`` row of its report is computed."""


def check(
    scenario: Scenario,
    region: Region,
    *,
    drop: float = 0.0,
    shuffle: bool = False,
    twice: float = 0.0,
    tell: Callable[[int], None] = lambda count: None,
    beside: Path | None = None,
) -> list[Verdict]:
    """Run a scenario from its first record to its end and compute every row of its report.

    Its database stands in a folder of its own (in ``beside``, where that is given) and is gone afterwards.
    """
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="townwatch-check-", dir=beside) as folder:
        world = World(scenario, region, Path(folder))
        try:
            stream = scenario.between(scenario.warm_from, scenario.end)
            world.run(tampered(stream, drop, shuffle, twice, scenario.name), tell)
            return world.verdicts(ROWS[scenario.name])
        finally:
            world.engine.dispose()


def as_results(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Rows in the form of ``--json``."""
    return [
        {
            "name": f"{one.report}/{one.no} {one.operation}: {one.unit}",
            "value": one.computed,
            "unit": one.unit,
            "goal": f"{one.qualifier} {one.stated}",
            "baseline": one.stated,
            "ratio": one.computed / one.stated if one.stated and one.computed is not None else None,
            "met": one.met,
        }
        for one in verdicts
    ]


__all__ = [
    "ROWS",
    "Asked",
    "Stated",
    "Verdict",
    "as_results",
    "check",
    "compute",
    "holds",
    "stated",
    "worst_day",
]
