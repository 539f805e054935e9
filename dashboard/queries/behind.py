"""Which records stand behind a figure: the drill from any number to what it was made of.

Nothing is defined twice: a case stands behind a figure when the figure's own declaration, given that case alone, counts
it; a reading is a fever by the archetype's own rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

import msgspec

from dashboard.archetypes import reading
from dashboard.domain.event import Event
from dashboard.domain.feed import CaseSpec, Feed, Kpi, ReadingSpec
from dashboard.domain.figure import Parts
from dashboard.domain.place import RegionPack
from dashboard.domain.summary import CaseSummary, Summary
from dashboard.queries.figures import REPORTING

Keep = Callable[[Event], bool]


class Behind(msgspec.Struct, frozen=True):
    """``subjects``: only theirs (``None``: all); ``keep``: which of them; ``ever``: of any day up to the one asked."""

    subjects: frozenset[str] | None = None
    keep: Keep | None = None
    ever: bool = False


EVERYTHING = Behind()


def behind(feed: Feed, kpi: str, dims: Mapping[str, str], summaries: Iterable[Summary], pack: RegionPack) -> Behind:
    """The records behind a KPI of a feed (``dims``: of one cell of its breakdown) in the given towns' summaries.

    Raises:
        KeyError: the feed has no such KPI.
    """
    if kpi == REPORTING:
        return EVERYTHING
    declared = feed.kpi(kpi)
    if declared is None:
        raise KeyError(kpi)
    if isinstance(feed.archetype, CaseSpec):
        found: set[str] = set()
        for summary in cast("Iterable[CaseSummary]", summaries):
            found.update(counted_cases(declared, summary, dims))
        return Behind(frozenset(found), _said, ever=True)
    if isinstance(feed.archetype, ReadingSpec):
        return Behind(keep=_readings(feed.archetype, kpi, dims, pack))
    return Behind(keep=_TRACK.get(kpi, _said))


def counted_cases(kpi: Kpi, summary: CaseSummary, dims: Mapping[str, str]) -> list[str]:
    """The cases of a town that a figure counts, in its numerator or denominator."""
    found = []
    for case in summary.cases:
        alone = [msgspec.structs.replace(summary, cases=(case,))]
        if dims:
            cells = kpi.breakdown(alone) if kpi.breakdown else []
            parts = [parts for named, parts in cells if all(named.get(key) == value for key, value in dims.items())]
        else:
            parts = [kpi.parts(alone)]
        if any(map(_counts, parts)):
            found.append(case.case)
    return found


def _counts(parts: Parts) -> bool:
    if parts.denominator is not None:
        return parts.denominator > 0
    return bool(parts.numerator if parts.numerator is not None else parts.value)


def _said(event: Event) -> bool:
    """A figure other than the reporting rate is made of what was reported, not of 零报告."""
    return not event.nothing


def _readings(spec: ReadingSpec, kpi: str, dims: Mapping[str, str], pack: RegionPack) -> Keep:
    limits: reading.Limits = {}

    def fever(event: Event) -> bool:
        return not event.nothing and bool(reading.rule_of(event, spec, pack, limits)[1])

    def confirmed(event: Event) -> bool:
        return fever(event) or event.fields.get("outcome") == "transferred"

    def coded(event: Event) -> bool:
        code = event.fields.get("health_code")
        return code is not None and dims.get("health_code", code) == code

    def blocked(event: Event) -> bool:
        fields = event.fields
        refused = fields.get("health_code") == "green" and fields.get("outcome") == "refused" and not fever(event)
        return refused and dims.get("checkpoint", event.subject) == event.subject

    keep = {"fever_count": fever, "fever_confirmed": confirmed, "health_code_mix": coded, "wrongful_blocks": blocked}
    return keep.get(kpi, _said)


def _positioned(event: Event) -> bool:
    return event.lon is not None


_TRACK: Mapping[str, Keep] = {
    "distance_km": _positioned,
    "cells_seen": _positioned,
    "person_times": lambda event: "officers" in event.fields,
}
