"""From summaries to figures: the one place where a KPI's declaration is applied. Two places can never disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from dashboard.domain.feed import Feed, Kpi, Words
from dashboard.domain.figure import FEW, Figure, Parts, few
from dashboard.domain.summary import Summary

ALL = "all"

REPORTING = "reporting_rate"


def reporting_kpi(feed: Feed) -> Kpi:
    """The reporting rate that every feed has: towns that reported today ÷ towns."""

    def parts(towns: Sequence[Summary]) -> Parts:
        return Parts.ratio(sum(1 for town in towns if town.reported), len(towns))

    return Kpi(
        key=REPORTING,
        words=Words(f"{feed.short.zh}报送率", f"{feed.short.en} reporting"),
        unit="ratio",
        parts=parts,
        definition=Words(
            "今天有记录或报了零报告的镇（街道）占多少", "Share of towns with a record or a zero report today"
        ),
        numerator=Words("已报的镇（街道）", "Towns that reported"),
        denominator=Words("全部镇（街道）", "All towns"),
        measure=Words("镇", "towns"),
        decimals=1,
        by_rule=True,
    )


def counted_of(kpi: Kpi, chosen: Sequence[Summary], town: str) -> Sequence[Summary]:
    """The summaries that a figure of ``town`` (or ``all``) is made of: those that reported, unless rules alone tell.

    Reported means: for a figure of the day, that day; for a standing figure, ever (EXACTNESS 19).
    """
    if kpi.key == REPORTING or (kpi.by_rule and town != ALL):
        return chosen
    if kpi.standing:
        return [summary for summary in chosen if ever(summary)]
    return [summary for summary in chosen if summary.reported]


def ever(summary: Summary) -> bool:
    """Whether a town has reported at any time; of a feed of the day, on that day."""
    return bool(getattr(summary, "ever", summary.reported))


def over_period(kpi: Kpi, chosen: Sequence[Summary], first: int, last: int) -> Parts:
    """A KPI that declares a ``period``, over ``first`` <= instant < ``last``, from the summaries at its end."""
    counted = [summary for summary in chosen if ever(summary)]
    return kpi.period(counted, first, last) if kpi.period is not None and counted else Parts()


def whole(kpi: Kpi, counted: Sequence[Summary]) -> Parts:
    """What the plain figure of a KPI is made of, exact; of the cells of a breakdown of people that stand in its
    ``detail`` too, small ones read ``FEW``."""
    if not counted:
        return Parts()
    parts = kpi.parts(counted)
    if not (kpi.people and kpi.breakdown is not None and parts.detail):
        return parts
    cells = {value for dims, _ in kpi.breakdown(counted) for value in dims.values()}
    detail = {name: FEW if name in cells and few(said) else said for name, said in parts.detail.items()}
    return replace(parts, detail=detail)


def figures_of(
    feed: Feed,
    kpi: Kpi,
    summaries: Mapping[str, Summary],
    town: str,
    now: int,
    breakdowns: bool = False,
    small_cells: bool = False,
) -> list[Figure]:
    """A KPI's plain figure and, with ``breakdowns``, its figures by ``dims``, for one town or ``all``.

    Small cells of people are told without their numbers (EXACTNESS 20). ``small_cells`` gives the numbers all the same:
    to compute with, never to be shown or sent.

    ``summaries`` are those of every town that may be seen. A figure over towns is recomputed from the parts of the
    towns that reported (EXACTNESS 19); with none of them the value is missing.
    """
    everyone = list(summaries.values())
    chosen = everyone if town == ALL else [summaries[town]] if town in summaries else []
    counted = counted_of(kpi, chosen, town)
    received = max((one.last_received for one in chosen if one.last_received is not None), default=None)
    freshness = feed.limits.judge(received, now)
    plain = whole(kpi, counted)
    found: list[tuple[dict[str, str], Parts]] = [({}, plain)]
    if breakdowns and kpi.breakdown is not None and counted:
        found += kpi.breakdown(counted)
    figures = [
        Figure(
            kpi=kpi.key,
            feed=feed.name,
            town=town,
            value=parts.value,
            numerator=parts.numerator,
            denominator=parts.denominator,
            unit=kpi.unit,
            qualifier=parts.qualifier,
            as_of=now,
            freshness=freshness,
            dims=dims,
            detail=parts.detail,
            apart=kpi.apart,
        )
        for dims, parts in found
    ]
    if not kpi.people or small_cells:
        return figures
    return [figure.told() if figure.dims else figure for figure in figures]
