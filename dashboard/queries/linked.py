"""What stands beside a case in other feeds, by the links that feeds declare (``Feed.links``): a dispute and its legal
aid, a call-back and the listing it was matched to, somebody isolated and the enterprise. Pure over a board.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dashboard.domain.feed import Feed, Link, TallySpec
from dashboard.domain.figure import Quantity
from dashboard.domain.summary import CaseNow, CaseSummary, RosterSummary, TallySummary
from dashboard.feeds import FEEDS
from dashboard.queries import casework, wording

if TYPE_CHECKING:
    from dashboard.queries.board import Board

MOST = 5


def sections(board: Board, feed: Feed, case: CaseNow, lang: str) -> list[dict[str, Any]]:
    """A drawer's section a link that has something to show."""
    found = []
    for link in feed.links:
        other = FEEDS.get(link.feed)
        if other is None or other not in board.feeds:
            continue
        value = case.case if link.mine == feed.subject else case.value(link.mine)
        items = _items(board, other, link, str(value), lang) if value else []
        if items:
            found.append({"title": link.words.of(lang), "items": items})
    return found


def _items(board: Board, other: Feed, link: Link, value: str, lang: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    counts: dict[tuple[str, ...], Quantity] = {}
    for town in board.towns:
        summary = board.summaries(other.name).get(town)
        if isinstance(summary, CaseSummary):
            for case in summary.cases:
                stated = case.case if link.theirs == other.subject else case.value(link.theirs)
                if str(stated) == value and link.only in ("", case.stage):
                    stage = casework.stage_words(other, case).of(lang)
                    title = casework.title(other, casework.Held(town, case), lang)
                    when = wording.moment(case.since, board.day, board.zone, lang)
                    state = "met" if case.ends else "lapsed" if case.overdue or case.stuck else "soon"
                    found.append(_line(state, when, wording.join([title, stage], lang)))
        elif isinstance(summary, RosterSummary):
            found += [
                _line("", wording.moment(item.at, board.day, board.zone, lang), item.item)
                for item in summary.items
                if (item.item if link.theirs == other.subject else str(item.fields.get(link.theirs))) == value
            ]
        elif isinstance(summary, TallySummary) and isinstance(other.archetype, TallySpec):
            by = other.archetype.by
            place = by.index(link.theirs) if link.theirs in by else -1
            for one in summary.counts if place >= 0 else ():
                if one.by[place] == value:
                    rest = tuple(text for nth, text in enumerate(one.by) if nth != place)
                    counts[rest] = counts[rest].plus(one.amount) if rest in counts else one.amount
    if isinstance(other.archetype, TallySpec):
        names = [name for name in other.archetype.by if name != link.theirs]
        for rest, amount in sorted(counts.items()):
            said = [words_of(other, name, text, lang) for name, text in zip(names, rest, strict=True) if text]
            text = wording.join([*said, wording.quantity([amount.number, amount.qualifier], lang)], lang)
            found.append(_line("met", "", text))
    return found[:MOST]


def _line(state: str, time: str, text: str) -> dict[str, str]:
    return {"state": state, "time": time, "text": text, "tone": ""}


def words_of(feed: Feed, name: str, value: str, lang: str) -> str:
    """The words of a value: of a choice that records state, or of what a rule says."""
    field = feed.field(name)
    words = (field.choices if field else {}).get(value) or feed.derived.get(name, {}).get(value)
    return words.of(lang) if words else value


def free_listings(board: Board, town: str, lang: str) -> list[dict[str, str]]:
    """Listings of a town that nobody has yet, the largest first: what a returning worker can be matched to."""
    summary = board.summaries("housing").get(town)
    free = [
        case
        for case in (summary.cases if isinstance(summary, CaseSummary) else ())
        if case.value("kind") == "listing" and case.stage in ("listed", "checked")
    ]
    free.sort(key=lambda case: (-_room(case), case.case))
    zh = lang != "en"
    return [
        _line(
            "open",
            "",
            f"{casework.short_code(town, case.case)} {'可住' if zh else 'for'} {_room(case)} {'人' if zh else ''}",
        )
        for case in free[:MOST]
    ]


def _room(case: CaseNow) -> int:
    stated = case.value("tenants")
    return Quantity.of(stated).number if stated is not None else 1


def labour(board: Board, towns: Sequence[str]) -> list[dict[str, Any]]:
    """Enterprises that lack people: staff, those who are back, and of those not back who said on the telephone what.

    ``gap`` is staff less those back, ``left`` what remains of it when everybody willing has come.
    """
    willing: Counter[str] = Counter()
    hesitant: Counter[str] = Counter()
    lodging: Counter[str] = Counter()
    for town in towns:
        calls = board.summaries("callback").get(town)
        for call in calls.cases if isinstance(calls, CaseSummary) else ():
            firm, said = str(call.value("enterprise") or ""), call.value("willing")
            willing[firm] += said == "yes"
            hesitant[firm] += said == "hesitant"
            lodging[firm] += said == "yes" and call.value("lodging") == "needs"
    found = []
    for code in towns:
        firms = board.summaries("enterprise").get(code)
        for case in firms.cases if isinstance(firms, CaseSummary) else ():
            total, back = case.value("staff_total"), case.value("staff_returned") or 0
            if total is None:
                continue
            gap = max(0, total - back)
            found.append(
                {
                    "town": code, "firm": case.case, "name": str(case.value("name") or case.case), "staff": total,
                    "back": back, "gap": gap, "willing": willing[case.case], "hesitant": hesitant[case.case],
                    "lodging": lodging[case.case], "left": max(0, gap - willing[case.case]),
                }
            )  # fmt: skip
    return sorted(found, key=lambda row: (-row["left"], row["firm"]))


__all__ = ["free_listings", "labour", "sections", "words_of"]
