"""Cases of one feed as rows under a page's filters; figures are declared KPIs over summaries narrowed to them.

A row is one case at the moment that the page asks for. Nothing is defined here anew. Instants are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from dashboard.domain.day import day_start
from dashboard.domain.feed import CaseSpec, Feed, Stage, Words
from dashboard.domain.figure import Figure
from dashboard.domain.summary import CaseNow, CaseSummary
from dashboard.feeds import feed_named
from dashboard.queries import desk, wording
from dashboard.queries.asked import Asked, Choice, Narrowed
from dashboard.queries.figures import ALL

if TYPE_CHECKING:
    from dashboard.queries.board import Board

UNKNOWN = "-"
"""The value of a filter for cases that do not say."""


@dataclass(frozen=True)
class Row:
    """One case with what it is filtered by."""

    town: str
    case: CaseNow

    @property
    def stage(self) -> str:
        """Code of the current stage."""
        return self.case.stage

    def said(self, field: str) -> str:
        """The value of a field as a filter has it."""
        value = self.case.value(field)
        return UNKNOWN if value in (None, "") else str(value)


def spec_of(feed: str) -> CaseSpec:
    """The declared parameters of a case feed."""
    return cast(CaseSpec, feed_named(feed).archetype)


def stage_of(feed: str, code: str) -> Stage:
    """A declared stage; an unknown code stands for itself."""
    return spec_of(feed).stage(code) or Stage(code, Words(code, code))


def summaries_of(board: Board, feed: str) -> dict[str, CaseSummary]:
    """Town -> its cases, of the towns that the viewer sees."""
    found = {}
    for town in board.towns:
        summary = board.summaries(feed).get(town)
        if isinstance(summary, CaseSummary):
            found[town] = summary
    return found


def stages(feed: str) -> Callable[[Board, str], Sequence[Choice]]:
    """Choices of a filter by stage."""
    return lambda board, lang: [Choice(stage.code, stage.words.of(lang)) for stage in spec_of(feed).stages]


def field_choices(feed: str, field: str) -> Callable[[Board, str], Sequence[Choice]]:
    """Choices of a filter by a field: the declared ones, or the values that cases state."""

    def choices(board: Board, lang: str) -> Sequence[Choice]:
        declared = feed_named(feed).field(field)
        unknown = Choice(UNKNOWN, "未填" if lang != "en" else "Not stated")
        if declared is not None and declared.choices:
            return [*(Choice(code, words.of(lang)) for code, words in declared.choices.items()), unknown]
        found: Counter[str] = Counter()
        for summary in summaries_of(board, feed).values():
            found.update(str(value) for case in summary.cases if (value := case.value(field)) not in (None, ""))
        return [*(Choice(value, value) for value, _ in found.most_common(200)), unknown]

    return choices


class Picture:
    """A page's cases and figures under its filters, at one moment."""

    def __init__(
        self,
        asked: Asked,
        feed: str,
        text: Callable[[Row], str],
        summaries: Mapping[str, CaseSummary] | None = None,
        figures_without: Sequence[str] = (),
        make: Callable[[str, CaseNow], Row] | None = None,
    ) -> None:
        self.asked, self.name = asked, feed
        self.feed: Feed = feed_named(feed)
        self.spec = spec_of(feed)
        self.summaries = summaries if summaries is not None else summaries_of(asked.board, feed)
        made = make or Row
        rows = [made(town, case) for town, summary in self.summaries.items() for case in summary.cases]
        self.rows = rows
        self.narrowed = Narrowed(rows, asked, text)
        self.counted = self._without(rows, figures_without, text)
        """The rows that figures are made of: a rate by stage would say nothing of the share of stages."""
        self.town = asked.one("town") or ALL
        self.only = None if self.town != ALL or "town" not in asked.chosen else asked.chosen["town"]
        self._text, self._figures_without, self._make = text, figures_without, make
        self._narrow = self._narrowed()

    def _without(self, rows: Iterable[Row], keys: Sequence[str], text: Callable[[Row], str]) -> list[Row]:
        wanted = self.asked.q.lower().split()
        return [
            row for row in rows if self.asked.passes(row, *keys) and all(word in text(row).lower() for word in wanted)
        ]

    def _narrowed(self) -> dict[str, CaseSummary]:
        kept: dict[str, list[CaseNow]] = {town: [] for town in self.summaries}
        for row in self.counted:
            kept[row.town].append(row.case)
        return {town: replace(summary, cases=tuple(kept[town])) for town, summary in self.summaries.items()}

    def figure(self, kpi: str, town: str | None = None) -> Figure:
        """A declared KPI under the page's filters; of one town, or of all that are chosen."""
        board, when = self.asked.board, self.asked.when
        since = day_start(when.first, board.zone) if when.kind == "span" else None
        only = self.only if town is None else None
        return desk.figure_over(kpi, [self._narrow], town or self.town, board.now, only, since)

    def means(self, town: str) -> bool:
        """Whether a town passes the filter of towns."""
        return town in self.asked.chosen.get("town", (town,))

    def before(self) -> Picture | None:
        """The same filters at the same time of the day before; ``None`` when that is not known (yet)."""
        if self.asked.when.kind == "span":
            return None
        found = {town: one for town, one in self.asked.board.before(self.name).items() if isinstance(one, CaseSummary)}
        return Picture(self.asked, self.name, self._text, found, self._figures_without, self._make) if found else None

    @property
    def dims(self) -> dict[str, str]:
        """What the figures are narrowed to beside towns."""
        chosen = self.asked.chosen
        found = {
            key: ",".join(values)
            for key, values in chosen.items()
            if key != "town" and key not in self._figures_without
        }
        return {**found, "q": self.asked.q} if self.asked.q else found

    @property
    def today(self) -> int:
        """The instant at which the board's day begins."""
        return day_start(self.asked.board.day, self.asked.board.zone)


def median(values: Sequence[int]) -> float | None:
    """The middle of some numbers; of an even count the mean of the two in the middle."""
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def number(case: str) -> str:
    """A case's code as a page shows it: without its town's code."""
    return case.split("-", 1)[1] if "-" in case and case.split("-", 1)[0].isdigit() else case


def town_name(board: Board, code: str) -> str:
    """A town's name."""
    known = board.pack.town_by_code.get(code)
    return known.name if known is not None else code


def stay(case: CaseNow, now: int) -> int:
    """How long a case has stood in its stage, ms."""
    return max(0, now - case.since)


def urgency(row: Row) -> tuple[bool, bool, int]:
    """The order of work: over its limit or due first, then what has stood longest; ended cases last."""
    return (bool(row.case.ends), not (row.case.stuck or row.case.overdue), row.case.since)


def span_text(ms: float | None, lang: str) -> str:
    """A stay as text, a dash where there is none."""
    return wording.MISSING if ms is None else wording.span(ms, lang)


__all__ = [
    "UNKNOWN",
    "Picture",
    "Row",
    "field_choices",
    "median",
    "number",
    "span_text",
    "spec_of",
    "stage_of",
    "stages",
    "stay",
    "summaries_of",
    "town_name",
    "urgency",
]
