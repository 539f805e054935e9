"""Cases of one feed as rows under a page's filters; figures are declared KPIs over summaries narrowed to them.

A row is one case at the moment that the page asks for. Nothing is defined here anew. Instants are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dashboard.domain.day import day_start
from dashboard.domain.feed import Feed
from dashboard.domain.figure import Figure
from dashboard.domain.summary import CaseNow, CaseSummary
from dashboard.queries import desk, wording
from dashboard.queries.asked import Asked, Choice, Narrowed
from dashboard.queries.casework import UNKNOWN, Held, spec_of
from dashboard.queries.figures import ALL

if TYPE_CHECKING:
    from dashboard.queries.board import Board


def summaries_of(board: Board, feed: Feed) -> dict[str, CaseSummary]:
    """Town -> its cases, of the towns that the viewer sees."""
    found = {}
    for town in board.towns:
        summary = board.summaries(feed.name).get(town)
        if isinstance(summary, CaseSummary):
            found[town] = summary
    return found


def stages(feed: Feed) -> Callable[[Board, str], Sequence[Choice]]:
    """Choices of a filter by stage."""
    spec = spec_of(feed)
    return lambda board, lang: [Choice(stage.code, stage.words.of(lang)) for stage in spec.stages]


def field_choices(feed: Feed, field: str) -> Callable[[Board, str], Sequence[Choice]]:
    """Choices of a filter by a field: the declared ones, or the values that cases state."""

    def choices(board: Board, lang: str) -> Sequence[Choice]:
        declared = feed.field(field)
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
        feed: Feed,
        text: Callable[[Held], str],
        summaries: Mapping[str, CaseSummary] | None = None,
        figures_without: Sequence[str] = (),
        make: Callable[[str, CaseNow], Held] | None = None,
    ) -> None:
        self.asked, self.feed = asked, feed
        self.summaries = summaries if summaries is not None else summaries_of(asked.board, feed)
        made = make or Held
        rows = [made(town, case) for town, summary in self.summaries.items() for case in summary.cases]
        self.rows = rows
        self.narrowed = Narrowed(rows, asked, text)
        self.counted = self._without(rows, figures_without, text)
        """The rows that figures are made of: a rate by stage would say nothing of the share of stages."""
        self.town = asked.one("town") or ALL
        self.only = None if self.town != ALL or "town" not in asked.chosen else asked.chosen["town"]
        self._text, self._figures_without, self._make = text, figures_without, make
        self._narrow = self._narrowed()

    def _without(self, rows: Iterable[Held], keys: Sequence[str], text: Callable[[Held], str]) -> list[Held]:
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
        found = {
            town: one for town, one in self.asked.board.before(self.feed.name).items() if isinstance(one, CaseSummary)
        }
        return Picture(self.asked, self.feed, self._text, found, self._figures_without, self._make) if found else None

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

    def ever(self, town: str) -> bool:
        """Whether a town has reported at any time."""
        summary = self.summaries.get(town)
        return summary is not None and summary.ever

    @cached_property
    def cases(self) -> list[CaseNow]:
        """The cases that figures are made of."""
        return [row.case for row in self.counted]

    @property
    def today(self) -> int:
        """The instant at which the board's day begins."""
        return day_start(self.asked.board.day, self.asked.board.zone)


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


def urgency(row: Held) -> tuple[bool, bool, int]:
    """The order of work: over its limit or due first, then what has stood longest; ended cases last."""
    return (bool(row.case.ends), not (row.case.stuck or row.case.overdue), row.case.since)


def span_text(ms: float | None, lang: str) -> str:
    """A stay as text, a dash where there is none."""
    return wording.MISSING if ms is None else wording.span(ms, lang)


__all__ = [
    "Picture",
    "field_choices",
    "number",
    "span_text",
    "stages",
    "stay",
    "summaries_of",
    "town_name",
    "urgency",
]
