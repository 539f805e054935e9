"""Cases of one feed as rows under a page's filters; figures are declared KPIs over summaries narrowed to them.

A row is one case at the moment that the page asks for. Nothing is defined here anew. Instants are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
    """A page's cases and figures under its filters, at one moment.

    ``settled``: what the page makes of a case that has ended is the same at any time, and is made once a summary.
    """

    def __init__(
        self,
        asked: Asked,
        feed: Feed,
        text: Callable[[Held], str],
        summaries: Mapping[str, CaseSummary] | None = None,
        figures_without: Sequence[str] = (),
        make: Callable[[str, CaseNow], Held] | None = None,
        settled: bool = False,
    ) -> None:
        self.asked, self.feed = asked, feed
        # Whoever may not see cases does not find out by searching whether there is one.
        text = text if asked.board.viewer.details else _unnamed
        self.summaries = summaries if summaries is not None else summaries_of(asked.board, feed)
        self.town = asked.one("town") or ALL
        self.only = None if self.town != ALL or "town" not in asked.chosen else asked.chosen["town"]
        self._text, self._figures_without, self._make, self._settled = text, figures_without, make, settled

    @cached_property
    def _each(self) -> list[Held]:
        made = self._make or Held
        return [
            made(town, case)
            for town, summary in self.summaries.items()
            for case in (summary.open if self._settled else summary.cases)
        ]

    @cached_property
    def _alike(self) -> list[list[Held]]:
        """The cases that have ended, in groups that no filter tells apart."""
        if not self._settled:
            return []
        return [group for town, summary in self.summaries.items() for group in self._groups(town, summary)]

    def _groups(self, town: str, summary: CaseSummary) -> list[list[Held]]:
        made, key = self._make or Held, ("alike", town, self.feed.name)
        groups: dict[tuple[tuple[str, ...], ...], list[Held]] | None = summary.kept.get(key)
        if groups is None:
            groups = summary.kept[key] = {}
            for case in summary.cases:
                if case.ends:
                    row = made(town, case)
                    groups.setdefault(self.asked.values(row), []).append(row)
        return list(groups.values())

    @cached_property
    def rows(self) -> list[Held]:
        """Every case, whatever the filters."""
        return [*self._each, *(row for group in self._alike for row in group)]

    @cached_property
    def narrowed(self) -> Narrowed[Held]:
        """The cases under the filters."""
        return Narrowed(self._each, self.asked, self._text, self._alike)

    @cached_property
    def counted(self) -> list[Held]:
        """The rows that figures are made of: a rate by stage would say nothing of the share of stages."""
        wanted = self.asked.q.lower().split()
        passing = [row for row in self._each if self._passes(row)]
        passing += [row for group in self._alike if self._passes(group[0]) for row in group]
        return [row for row in passing if all(word in self._text(row).lower() for word in wanted)]

    def _passes(self, row: Held) -> bool:
        return self.asked.passes(row, *self._figures_without)

    @cached_property
    def narrow(self) -> Mapping[str, CaseSummary]:
        """Town -> its summary with those cases alone that figures are made of."""
        if not self.asked.q and not self.asked.chosen.keys() - set(self._figures_without):
            return self.summaries
        kept: dict[str, list[CaseNow]] = {town: [] for town in self.summaries}
        for row in self.counted:
            kept[row.town].append(row.case)
        return {town: replace(summary, cases=tuple(kept[town])) for town, summary in self.summaries.items()}

    def figure(self, kpi: str, town: str | None = None) -> Figure:
        """A declared KPI under the page's filters; of one town, or of all that are chosen."""
        board, when = self.asked.board, self.asked.when
        since = day_start(when.first, board.zone) if when.kind == "span" else None
        only = self.only if town is None else None
        return desk.figure_over(kpi, [self.narrow], town or self.town, board.now, only, since)

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
        if not found:
            return None
        return Picture(self.asked, self.feed, self._text, found, self._figures_without, self._make, self._settled)

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


def _unnamed(row: Held) -> str:
    return ""


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
