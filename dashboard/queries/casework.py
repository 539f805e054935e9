"""Cases as several pages tell of them: how old the open ones are, which run over time, where the others stand.

Pure over a board, in both languages. People are a number here, never a name; an enterprise is named, its contacts are
not. Instants are ms since 1970 UTC, days local yyyymmdd.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from dashboard.domain.day import HOUR, day_end, day_start, shift_day
from dashboard.domain.feed import CaseSpec, Feed, Stage, Words
from dashboard.domain.summary import CaseNow, CaseSummary
from dashboard.feeds import FEEDS
from dashboard.queries import wording

if TYPE_CHECKING:
    from dashboard.queries.board import Board

PAGES = {"dispute": "/disputes", "enterprise": "/enterprises"}
"""Feeds whose cases have a page of their own; any other feed's are at ``/feeds/<feed>``."""


SUBJECTS = frozenset(feed.subject for feed in FEEDS.values() if isinstance(feed.archetype, CaseSpec))
"""Fields whose value is the number of a case."""


def by_case(dims: Mapping[str, str]) -> bool:
    """Whether a cell of a breakdown is of one case."""
    return not SUBJECTS.isdisjoint(dims)


UNKNOWN = "-"
"""What a case that does not say has as the value of a filter."""


class Held(msgspec.Struct, frozen=True):
    """One case with the town it belongs to."""

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


def spec_of(feed: Feed) -> CaseSpec:
    """The case parameters of a feed.

    Raises:
        TypeError: it is no case feed.
    """
    if not isinstance(feed.archetype, CaseSpec):
        raise TypeError(feed.name)
    return feed.archetype


def case_feeds(board: Board) -> list[Feed]:
    """The core case feeds that the viewer may see; every other case feed has a page of its own."""
    return [feed for feed in board.feeds if feed.core and isinstance(feed.archetype, CaseSpec)]


def dated_feed(board: Board) -> Feed | None:
    """The first feed whose cases must have ended by a stated time (disputes)."""
    return next((feed for feed in case_feeds(board) if spec_of(feed).due_field), None)


def staged_feed(board: Board) -> Feed | None:
    """The first feed whose cases owe visits once they have passed all stages (enterprises)."""
    return next((feed for feed in case_feeds(board) if spec_of(feed).owes_visits), None)


def find(board: Board, feed: Feed, code: str, town: str = "all") -> Held | None:
    """The case of that code, of a town or of all that the viewer may see."""
    found = ((of, summary.find(code)) for of, summary in _summaries(board, feed, town))
    return next((Held(of, case) for of, case in found if case is not None), None)


def held(board: Board, feed: Feed, town: str = "all") -> Iterator[Held]:
    """Every case of a town, or of all that the viewer may see, in the order of towns and codes."""
    return (Held(code, case) for code, found in _summaries(board, feed, town) for case in found.cases)


def still_open(board: Board, feed: Feed, town: str = "all") -> Iterator[Held]:
    """:func:`held` without the cases that have ended."""
    return (Held(code, case) for code, found in _summaries(board, feed, town) for case in found.open)


def _summaries(board: Board, feed: Feed, town: str) -> Iterator[tuple[str, CaseSummary]]:
    for code in board.towns:
        found = board.summaries(feed.name).get(code)
        if town in ("all", code) and isinstance(found, CaseSummary):
            yield code, found


def ever(board: Board, feed: Feed) -> list[str]:
    """Towns that have reported to a feed at any time: those that its standing figures count."""
    found = board.summaries(feed.name)
    return [
        code
        for code in board.towns
        if (one := found.get(code)) is not None and (one.ever if isinstance(one, CaseSummary) else one.reported)
    ]


def staged(feed: Feed) -> bool:
    """Whether its cases have a limit for each stage rather than a time by which they end."""
    return not spec_of(feed).due_field


# -- how old


def ages(board: Board, feed: Feed, lang: str, town: str = "all") -> list[dict[str, Any]]:
    """Open cases by age, each once: those that run over time are counted apart, as the last."""
    zh = lang != "en"
    edges = spec_of(feed).age_hours
    counts = [0] * (len(edges) + 1)
    late = 0
    for one in still_open(board, feed, town):
        if one.case.overdue:
            late += 1
        else:
            counts[sum(board.now - one.case.opened >= edge * HOUR for edge in edges)] += 1
    rows = [
        {"key": f"age{n}", "name": _age_name(edges, n, lang), "count": count}
        for n, count in enumerate(counts)
        if count or n < len(edges)
    ]
    rows.append({"key": "overdue", "name": "逾期" if zh else "Overdue", "count": late})
    return rows


def _age_name(edges: tuple[int, ...], n: int, lang: str) -> str:
    def days(hours: int) -> str:
        return f"{hours // 24}" if hours % 24 == 0 else f"{hours / 24:.1f}"

    zh = lang != "en"
    if n == 0:
        return f"{edges[0]} 小时内" if zh else f"< {edges[0]} h"
    if n == len(edges):
        return f"超过 {days(edges[-1])} 天" if zh else f"> {days(edges[-1])} d"
    return f"{days(edges[n - 1])}–{days(edges[n])} 天" if zh else f"{days(edges[n - 1])}–{days(edges[n])} d"


def open_by_day(board: Board, feed: Feed, lang: str, days: int = 6) -> list[dict[str, Any]]:
    """Open cases and those of them over time at the end of each day before today, then now; ``None``: not known."""
    whole, late = (f"{feed.name}_{what}" for what in ("open", "overdue"))
    if feed.kpi(whole) is None or feed.kpi(late) is None:
        return []
    found = [
        (day, opened, over)
        for (day, opened), (_, over) in zip(
            board.days(whole, n=days, feed=feed.name), board.days(late, n=days, feed=feed.name), strict=True
        )
    ]
    found.append((board.day, board.figure(whole, feed=feed.name), board.figure(late, feed=feed.name)))
    return [
        {
            "day": day,
            "name": _day_name(board, day, lang),
            "open": opened.value,
            "overdue": over.value or 0,
            "today": day == board.day,
        }
        for day, opened, over in found
    ]


def _day_name(board: Board, day: int, lang: str) -> str:
    zh = lang != "en"
    if day == board.day:
        return "今日" if zh else "Today"
    return f"{day % 100}日" if zh else str(day % 100)


def flow_by_day(board: Board, feed: Feed, lang: str, days: int = 6) -> list[dict[str, Any]]:
    """Cases that came up and that were settled on each of the last days and today so far, read from what stands now."""
    summaries = [found for _, found in _summaries(board, feed, "all")]
    rows = []
    for back in range(days, -1, -1):
        day = shift_day(board.day, -back)
        first, last = day_start(day, board.zone), day_end(day, board.zone)
        new = sum(len(one.opened_in(first, last)) for one in summaries)
        done = sum(case.ends == "done" for one in summaries for case in one.ended_in(first, last))
        rows.append({"day": day, "name": _day_name(board, day, lang), "new": new, "done": done, "today": not back})
    return rows


# -- where they stand


def stages(board: Board, feed: Feed, lang: str, town: str = "all") -> list[dict[str, Any]]:
    """The stages on the way: how many stand there, how many too long, the median stay."""
    cases = [one.case for one in still_open(board, feed, town)]
    rows = []
    for stage in spec_of(feed).stages:
        if stage.ends:
            continue
        own = [case for case in cases if case.stage == stage.code]
        limited = any(case.limit is not None for case in own) or stage.sla_hours is not None
        stay = round(median(board.now - case.since for case in own)) if own else None
        rows.append(
            {
                "stage": stage.code,
                "name": stage.words.of(lang),
                "count": len(own),
                "stuck": sum(case.stuck for case in own),
                "stay": wording.rough_span(stay, lang) if stay is not None else wording.MISSING,
                "limited": limited,
            }
        )
    return rows


def reviews(board: Board, feed: Feed, lang: str, town: str = "all") -> list[dict[str, Any]]:
    """The reviewers of the cases that are being reviewed: passed, pending, returned."""
    return reviewed(feed, [one.case for one in still_open(board, feed, town)], lang)


def reviewed(feed: Feed, cases: Iterable[CaseNow], lang: str) -> list[dict[str, Any]]:
    """:func:`reviews` of chosen cases."""
    spec = spec_of(feed)
    stage = review_stage(feed)
    if not spec.reviewers or stage is None:
        return []
    own = [case for case in cases if case.stage == stage.code]
    rows = []
    for code, words in spec.reviewers.items():
        said = [case.verdicts.get(code) for case in own]
        passed, returned = said.count("passed"), said.count("returned")
        rows.append(
            {
                "reviewer": code,
                "name": words.of(lang),
                "passed": passed,
                "returned": returned,
                "pending": len(own) - passed - returned,
                "total": len(own),
            }
        )
    return rows


def review_stage(feed: Feed) -> Stage | None:
    """The stage in which the reviewers speak: the one after that from which their verdicts count."""
    spec = spec_of(feed)
    codes = [stage.code for stage in spec.stages]
    if spec.review_from not in codes or codes.index(spec.review_from) + 1 >= len(codes):
        return None
    return spec.stages[codes.index(spec.review_from) + 1]


# -- those that need somebody


def overdue(board: Board, feed: Feed, town: str = "all") -> list[Held]:
    """Open cases past their time, longest first."""
    found = [one for one in still_open(board, feed, town) if one.case.overdue]
    return sorted(found, key=lambda one: (one.case.due or 0, one.case.case))


def stuck(board: Board, feed: Feed, town: str = "all") -> list[Held]:
    """Cases in a stage for too long, longest over first."""
    found = [one for one in still_open(board, feed, town) if one.case.stuck]
    return sorted(found, key=lambda one: (one.case.limit or 0, one.case.case))


def short_code(town: str, code: str) -> str:
    """A case beside the name of its town: ``330421111-D0017`` is ``D0017``."""
    return code.removeprefix(f"{town}-") if town else code


def title(feed: Feed, one: Held, lang: str) -> str:
    """What a case is called: its own name, else its kind and number, so that nobody is named."""
    case = one.case
    if case.value("name"):
        return str(case.value("name"))
    code = short_code(one.town, case.case)
    kind = kind_words(feed, case)
    return wording.join([kind.of(lang), code], lang) if kind else code


def kind_words(feed: Feed, case: CaseNow) -> Words | None:
    """The words of the case's kind, where its feed has kinds."""
    field = feed.field("kind")
    return field.choices.get(case.value("kind") or "") if field else None


def stage_named(feed: Feed, code: str) -> Stage:
    """A declared stage; an unknown code stands for itself."""
    return spec_of(feed).stage(code) or Stage(code, Words(code, code))


def stage_words(feed: Feed, case: CaseNow) -> Words:
    """The words of the stage a case stands in."""
    return stage_named(feed, case.stage).words


def stage_at(case: CaseNow, at: int) -> str:
    """The stage in which a case stood at an earlier instant, ``""`` before its first record."""
    return next((step.stage for step in reversed(case.steps) if step.at <= at), "")


def owner(feed: Feed, case: CaseNow) -> str:
    """Who of the staff sees to a case; ``P-8013 陆敏`` reads 陆敏."""
    field = spec_of(feed).owner_field
    return wording.staff(str(case.value(field) or "")) if field else ""


def position(board: Board, one: Held) -> tuple[str | None, float | None, float | None]:
    """(code of its place, longitude, latitude): from its place, else its own; nothing where neither is known."""
    case = one.case
    for code in (case.value("place"), case.case):
        place = board.place(code) if code else None
        if place is not None and place.lon is not None:
            return place.code, place.lon, place.lat
    return None, case.lon, case.lat


def by_town(found: list[Held]) -> list[list[Held]]:
    """A list of cases as lists of a town each, in the order of the first of each: what a wall may show."""
    towns: dict[str, list[Held]] = {}
    for one in found:
        towns.setdefault(one.town, []).append(one)
    return list(towns.values())


def pins(board: Board, found: list[Held], numbered: int) -> list[dict[str, Any]]:
    """Pins at the seats of the towns that have cases of a list, in the order of :func:`by_town`; beyond the first
    ``numbered`` they stand without a number."""
    return [
        {"number": number if number <= numbered else None, "level": "alert", "lon": town.seat[0], "lat": town.seat[1]}
        for number, own in enumerate(by_town(found), start=1)
        if (town := board.pack.town_by_code.get(own[0].town)) is not None and town.seat is not None
    ]


def most_of(names: Iterable[str], lang: str, most: int = 2) -> str:
    """The commonest of some names with their numbers: ``工资报酬 3·邻里 1``."""
    return wording.join([f"{name} {count}" for name, count in Counter(names).most_common(most)], lang)


def address(feed: Feed, one: Held) -> str:
    """The page that opens at this case."""
    return f"{PAGES.get(feed.name, f'/feeds/{feed.name}')}?open={one.case.case}"
