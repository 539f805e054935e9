"""What a page asks of a view beside scope and language: filters, a moment, a comparison, a row to open.

A page declares its filters once (:class:`Filter`); its address carries them (``?town=330421111&state=lapsed``), the hub
and the export read them here, checked against what the board holds. What cannot be is left out and said (``notices``),
never guessed. Nothing here knows a feed. Days are local yyyymmdd, instants ms since 1970 UTC.

Keys that every page has: ``day=2020-02-17``, ``as_of=<ISO-8601>``, ``from=&to=`` (days) choose a moment that is past
and therefore not live; ``vs=town:<code>`` or ``vs=2020-02-23`` puts a second side beside the first; ``q`` searches;
``open`` names the row whose drawer stands open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import msgspec

from dashboard.domain.day import as_date, days_between, shift_day
from dashboard.domain.feed import Words
from dashboard.queries import wording

if TYPE_CHECKING:
    from dashboard.queries.board import Board

T = TypeVar("T")

MAX_KEYS = 24
MAX_KEY = 24
MAX_VALUE = 600
MAX_SPAN_DAYS = 31
"""Longest span a page shows: every day of it is judged anew."""
MAX_SEARCH = 60
FIRST_DAY = 20000101

Params = tuple[tuple[str, str], ...]
"""A page's query, sorted by key: the form in which it is compared and kept."""

ALL = "all"
"""The value of a filter that lets everything through where its default does not."""


class BadParams(ValueError):
    """More or longer parameters than any page has."""


def canonical(given: Mapping[str, str]) -> Params:
    """Parameters sorted by key, empty ones left out.

    Raises:
        BadParams: too many, or one too long.
    """
    kept = tuple(sorted((key, value) for key, value in given.items() if value != ""))
    if len(kept) > MAX_KEYS or any(len(key) > MAX_KEY or len(value) > MAX_VALUE for key, value in kept):
        raise BadParams(f"at most {MAX_KEYS} parameters of {MAX_VALUE} characters")
    return kept


class Moments(Protocol):
    """Boards of other moments for one viewer. Each may take a while: never called on the event loop."""

    def as_of(self, at: int) -> Board:
        """What was shown at an instant."""
        ...

    def day(self, day: int) -> Board:
        """A local day as it is known now, at its end; today is the board of now."""
        ...

    def same_time(self, day: int, now: int) -> Board:
        """An earlier local day at the time of day of ``now``, to the minute."""
        ...


class When(msgspec.Struct, frozen=True):
    """Which moment a page shows: ``now`` (live), ``as_of`` an instant, a past ``day``, or a ``span`` of days."""

    kind: Literal["now", "as_of", "day", "span"] = "now"
    at: int = 0
    first: int = 0
    last: int = 0

    @property
    def live(self) -> bool:
        """Whether the page follows the present."""
        return self.kind == "now"


class Versus(msgspec.Struct, frozen=True):
    """What stands beside the page's own figures: a ``town``, or another ``day`` at the same time of day."""

    kind: Literal["town", "day"]
    town: str = ""
    day: int = 0


class Choice(msgspec.Struct, frozen=True):
    """One value of a filter: as the address has it, as a reader sees it, and the head it stands under in the menu."""

    value: str
    text: str
    group: str = ""


@dataclass(frozen=True)
class Filter:
    """One filter of a page. ``of`` gives the value or values of a row; a row passes when one of them is chosen.

    ``default`` is chosen while the address says nothing (``()``: everything). ``apart`` draws a rule before the chip;
    a ``quiet`` chip is drawn only while it is set (by a click on a chart, for example).
    """

    key: str
    words: Words
    choices: Callable[[Board, str], Sequence[Choice]]
    of: Callable[[Any], str | Iterable[str]]
    form: Literal["menu", "segment"] = "menu"
    default: tuple[str, ...] = ()
    apart: bool = False
    quiet: bool = False
    part: bool = False
    """Chooses which part of the page stands open and narrows nothing: files hold every part and do not name it."""


@dataclass(frozen=True)
class Asked:
    """A page's query, read and checked. ``board`` is the board of the moment it asks for, ``live`` the one of now."""

    board: Board
    live: Board
    lang: str
    params: Params = ()
    filters: tuple[Filter, ...] = ()
    choices: Mapping[str, Sequence[Choice]] = field(default_factory=dict)
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Filter -> values that may pass; a filter that lets everything through is absent."""
    changed: tuple[str, ...] = ()
    """Filters that stand otherwise than by default."""
    q: str = ""
    open: str = ""
    when: When = field(default_factory=When)
    versus: Versus | None = None
    boards: tuple[Board, ...] = ()
    """The boards of a span's days, oldest first; else ``board`` alone."""
    other: Board | None = None
    """The board of the day that ``versus`` names."""
    notices: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    """Keys that the page declared beside its filters."""

    def one(self, key: str) -> str | None:
        """The only value chosen of a filter, if it is only one."""
        values = self.chosen.get(key, ())
        return values[0] if len(values) == 1 else None

    def passes(self, row: Any, *but: str) -> bool:
        """Whether a row passes every filter except those named."""
        return all(
            _hits(filter_, self.chosen[filter_.key], row)
            for filter_ in self.filters
            if filter_.key in self.chosen and filter_.key not in but
        )

    def values(self, row: Any) -> tuple[tuple[str, ...], ...]:
        """What a row is to the filters, all of them."""
        return tuple(tuple(_values(filter_, row)) for filter_ in self.filters)

    def replaced(self, board: Board | None = None, **chosen: tuple[str, ...]) -> Asked:
        """The same question of another board, or with other values chosen: the other side of a comparison."""
        return Asked(
            board=board or self.board, live=self.live, lang=self.lang, params=self.params, filters=self.filters,
            choices=self.choices, chosen={**self.chosen, **chosen}, changed=self.changed, q=self.q, when=self.when,
            boards=(board,) if board else self.boards, more=self.more,
        )  # fmt: skip


def _values(filter_: Filter, row: Any) -> Iterable[str]:
    found = filter_.of(row)
    return (found,) if isinstance(found, str) else found


def _hits(filter_: Filter, chosen: tuple[str, ...], row: Any) -> bool:
    return any(value in chosen for value in _values(filter_, row))


# -- reading the address ---------------------------------------------------------------------------------------------


def ask(
    live: Board,
    lang: str,
    params: Params,
    filters: Sequence[Filter],
    moments: Moments | None = None,
    more: Sequence[str] = (),
) -> Asked:
    """Read and check a page's query against a board of now; other moments come from ``moments``."""
    zh = lang != "en"
    given = dict(params)
    notices: list[str] = []
    when = _when(live, given, notices, zh)
    if not when.live and moments is None:
        notices.append(
            "这里不能查看过去的时间，显示的是现在" if zh else "Past moments cannot be shown here; this is now"
        )
        when = When()
    board, boards = _boards(live, when, moments)
    choices: dict[str, Sequence[Choice]] = {}
    chosen: dict[str, tuple[str, ...]] = {}
    changed: list[str] = []
    for filter_ in filters:
        offered = choices[filter_.key] = filter_.choices(board, lang)
        values = _chosen(filter_, offered, given.get(filter_.key), notices, zh)
        if values != filter_.default:
            changed.append(filter_.key)
        if values and ALL not in values:
            chosen[filter_.key] = values
    versus = _versus(live, board, given, notices, zh)
    other = None
    if versus is not None and versus.kind == "day":
        if moments is None:
            versus = None
        else:
            other = moments.day(versus.day) if not when.live else moments.same_time(versus.day, live.now)
    known = {"day", "as_of", "from", "to", "vs", "q", "open", *more, *(filter_.key for filter_ in filters)}
    notices += [
        f"地址里的“{key}”不认识，已忽略" if zh else f"“{key}” in the address is not known and was ignored"
        for key in sorted(given.keys() - known)
    ]
    return Asked(
        board=board, live=live, lang=lang, params=params, filters=tuple(filters), choices=choices, chosen=chosen,
        changed=tuple(changed), q=given.get("q", "")[:MAX_SEARCH].strip(), open=given.get("open", ""), when=when,
        versus=versus, boards=boards, other=other, notices=tuple(notices),
        more={key: given[key] for key in more if key in given},
    )  # fmt: skip


def _boards(live: Board, when: When, moments: Moments | None) -> tuple[Board, tuple[Board, ...]]:
    if when.live or moments is None:
        return live, (live,)
    if when.kind == "as_of":
        board = moments.as_of(when.at)
        return board, (board,)
    if when.kind == "day":
        board = moments.day(when.first)
        return board, (board,)
    boards = tuple(live if day == live.day else moments.day(day) for day in days_between(when.first, when.last))
    return boards[-1], boards


def _chosen(
    filter_: Filter, offered: Sequence[Choice], given: str | None, notices: list[str], zh: bool
) -> tuple[str, ...]:
    if given is None:
        return filter_.default
    known = {choice.value for choice in offered} | {ALL}
    asked = list(dict.fromkeys(value for value in given.split(",") if value))
    for value in asked:
        if value not in known:
            name = filter_.words.of("zh" if zh else "en")
            notices.append(
                f"没有名为“{value[:40]}”的{name}，已忽略"
                if zh
                else f"{name} “{value[:40]}” is not known and was ignored"
            )
    values = tuple(choice.value for choice in offered if choice.value in asked)
    if ALL in asked:
        return (ALL,) if filter_.default else ()
    return values or filter_.default


def day_value(given: str) -> int | None:
    """A local day from yyyy-mm-dd, or ``None``."""
    try:
        found = datetime.strptime(given, "%Y-%m-%d")  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        return None
    number = found.year * 10000 + found.month * 100 + found.day
    return number if number >= FIRST_DAY else None


def day_text(day: int) -> str:
    """A local day as an address has it."""
    return as_date(day).isoformat()


def _when(live: Board, given: Mapping[str, str], notices: list[str], zh: bool) -> When:
    def wrong(key: str, allowed: str, allowed_en: str) -> When:
        got = given[key][:40]
        notices.append(
            f"{key} 是“{got}”，应为{allowed}，显示的是现在"
            if zh
            else f"{key} is “{got}”, should be {allowed_en}; this is now"
        )
        return When()

    if "as_of" in given:
        at = _instant(given["as_of"])
        if at is None or at > live.now:
            return wrong("as_of", "不晚于现在、带时区的时间", "a time with an offset, not later than now")
        return When("as_of", at=at)
    if "day" in given:
        day = day_value(given["day"])
        if day is None or day > live.day:
            return wrong("day", "不晚于今天的日期，如 2020-02-18", "a day up to today, such as 2020-02-18")
        return When() if day == live.day else When("day", first=day, last=day)
    if "from" in given or "to" in given:
        first = day_value(given["from"]) if "from" in given else live.day
        last = day_value(given["to"]) if "to" in given else live.day
        if first is None:
            return wrong("from", "日期，如 2020-02-18", "a day, such as 2020-02-18")
        if last is None or last > live.day:
            return wrong("to", "不晚于今天的日期，如 2020-02-18", "a day up to today, such as 2020-02-18")
        if first > last:
            return wrong("from" if "from" in given else "to", "早于结束日的日期", "a day before the end")
        if shift_day(first, MAX_SPAN_DAYS - 1) < last:
            key = "from" if "from" in given else "to"
            return wrong(key, f"最多 {MAX_SPAN_DAYS} 天的一段", f"a span of {MAX_SPAN_DAYS} days at most")
        if first == last:
            return When() if first == live.day else When("day", first=first, last=first)
        return When("span", first=first, last=last)
    return When()


def _instant(given: str) -> int | None:
    try:
        # A "+" that was not escaped arrives as a space.
        found = datetime.fromisoformat(given.replace(" ", "+") if given.count(" ") == 1 and "T" in given else given)
    except ValueError:
        return None
    return int(found.timestamp() * 1000) if found.tzinfo is not None and 2000 <= found.year <= 2999 else None


def _versus(live: Board, board: Board, given: Mapping[str, str], notices: list[str], zh: bool) -> Versus | None:
    asked = given.get("vs", "")
    if not asked:
        return None
    kind, _, town = asked.partition(":")
    if kind == "town" and town in board.towns:
        return Versus("town", town=town)
    day = day_value(asked)
    if day is not None and day <= live.day:
        return Versus("day", day=day)
    notices.append(
        f"vs 是“{asked[:40]}”，应为 town:镇代码 或日期，已忽略"
        if zh
        else f"vs is “{asked[:40]}”, should be town:<code> or a day; it was ignored"
    )
    return None


# -- narrowing rows --------------------------------------------------------------------------------------------------


class Narrowed(Generic[T]):
    """A page's rows under its filters: those that pass, and how many each choice would give.

    ``rows`` pass every filter and the search. ``counts[key][value]``: rows with that value that pass all *other*
    filters and the search, so that a choice says what choosing it would show. ``alike`` are further rows in groups, the
    rows of each the same to every filter: they are judged once a group.
    """

    def __init__(
        self,
        rows: Iterable[T],
        asked: Asked,
        text: Callable[[T], str] | None = None,
        alike: Iterable[Sequence[T]] = (),
    ) -> None:
        self.asked = asked
        self.rows: list[T] = []
        self.counts: dict[str, Counter[str]] = {filter_.key: Counter() for filter_ in asked.filters}
        self._near: list[tuple[Sequence[T], str]] = []
        wanted = asked.q.lower().split()
        for group in chain(((row,) for row in rows), alike):
            own = [row for row in group if _found(text(row), wanted)] if wanted and text is not None else group
            if own:
                self._take(own)

    def _take(self, group: Sequence[T]) -> None:
        asked, one = self.asked, group[0]
        failed = [
            filter_
            for filter_ in asked.filters
            if filter_.key in asked.chosen and not _hits(filter_, asked.chosen[filter_.key], one)
        ]
        if not failed:
            self.rows.extend(group)
        elif len(failed) == 1:
            self._near.append((group, failed[0].key))
        for filter_ in asked.filters if not failed else failed if len(failed) == 1 else ():
            counter = self.counts[filter_.key]
            for value in set(_values(filter_, one)):
                counter[value] += len(group)
            counter[ALL] += len(group)

    def but(self, key: str) -> list[T]:
        """The rows that pass every filter but one, and the search."""
        return [*self.rows, *(row for group, failed in self._near if failed == key for row in group)]


def _found(text: str, wanted: Sequence[str]) -> bool:
    said = text.lower()
    return all(word in said for word in wanted)


# -- what the page draws of it ---------------------------------------------------------------------------------------


def bar(asked: Asked, narrowed: Narrowed[Any] | None, search: Words | None = None) -> dict[str, Any]:
    """The filter bar (DESIGN-UI-2 §2) as ``assets/kit.js`` draws it."""
    lang, zh = asked.lang, asked.lang != "en"
    chips = []
    for filter_ in asked.filters:
        offered = asked.choices[filter_.key]
        chosen = asked.chosen.get(filter_.key, ())
        counts = narrowed.counts[filter_.key] if narrowed is not None else None
        texts = [choice.text for choice in offered if choice.value in chosen]
        if not chosen:
            value = f"全部 {len(offered)}" if zh else f"All {len(offered)}"
        elif len(texts) <= 2:
            value = wording.listed(texts, lang)
        else:
            value = f"{len(texts)}/{len(offered)}"
        choices = [
            {
                "value": choice.value,
                "text": choice.text,
                "group": choice.group,
                "count": counts[choice.value] if counts is not None else None,
                "on": choice.value in chosen,
            }
            for choice in offered
        ]
        if filter_.form == "segment":
            choices.append(
                {
                    "value": ALL if filter_.default else "",
                    "text": "全部" if zh else "All",
                    "group": "",
                    "count": None,
                    "on": not chosen,
                }
            )
        chips.append(
            {
                "key": filter_.key,
                "label": filter_.words.of(lang),
                "form": filter_.form,
                "value": value,
                "changed": filter_.key in asked.changed,
                "apart": filter_.apart,
                "quiet": filter_.quiet,
                "default": ",".join(filter_.default),
                "choices": choices,
            }
        )
    changed = len(asked.changed) + (not asked.when.live) + (asked.versus is not None) + bool(asked.q)
    return {
        "filters": chips,
        "when": _when_chip(asked),
        "versus": _versus_chip(asked),
        "changed": changed,
        "clear": (f"清除 {changed} 项" if zh else f"Clear {changed}") if changed else "",
        "q": asked.q,
        "search": search.of(lang) if search else "",
        "notices": list(asked.notices),
    }


def _when_chip(asked: Asked) -> dict[str, Any]:
    lang, zh, today = asked.lang, asked.lang != "en", asked.live.day
    value = when_text(asked)
    days = [{"value": "", "text": "今天" if zh else "Today", "note": wording.day(today, lang), "on": asked.when.live}]
    for back in range(1, 8):
        day = shift_day(today, -back)
        name = ("昨天" if zh else "Yesterday") if back == 1 else wording.date_line(day, lang)
        on = asked.when.kind == "day" and asked.when.first == day
        note = wording.day(day, lang) if back == 1 else ""
        days.append({"value": day_text(day), "text": name, "note": note, "on": on})
    return {
        "label": "日期" if zh else "Date",
        "value": value,
        "changed": not asked.when.live,
        "days": days,
        "day": day_text(asked.when.first) if asked.when.kind == "day" else "",
        "first": day_text(asked.when.first) if asked.when.kind == "span" else "",
        "last": day_text(asked.when.last) if asked.when.kind == "span" else "",
        "today": day_text(today),
        "said": past_text(asked),
    }


def when_text(asked: Asked) -> str:
    """The moment in a chip: ``2月24日``, ``2月17日–2月23日``, ``2月23日 18:00``."""
    lang, when = asked.lang, asked.when
    if when.kind == "as_of":
        return f"{wording.day(asked.board.day, lang)} {wording.clock(when.at, asked.board.zone)}"
    if when.kind == "span":
        return f"{wording.day(when.first, lang)}–{wording.day(when.last, lang)}"
    return wording.day(asked.board.day, lang)


def past_text(asked: Asked) -> str:
    """What stands at the top of a page that is not live; empty on a live one."""
    zh, when, text = asked.lang != "en", asked.when, when_text(asked)
    if when.kind == "as_of":
        return f"这是 {text} 当时所见，不是实况" if zh else f"As it was shown at {text}; not live"
    if when.kind == "day":
        return f"这是 {text} 全天，按现在所知，不是实况" if zh else f"The whole of {text} as known now; not live"
    if when.kind == "span":
        return f"这是 {text} 各日之和，按现在所知，不是实况" if zh else f"{text}, all days, as known now; not live"
    return ""


def _versus_chip(asked: Asked) -> dict[str, Any]:
    lang, zh, versus = asked.lang, asked.lang != "en", asked.versus
    base = asked.board.day if not asked.when.live else asked.live.day
    own = asked.one("town")
    towns = [
        {"value": f"town:{town.code}", "text": town.name, "on": bool(versus and versus.town == town.code)}
        for town in asked.board.pack.towns
        if town.code in asked.board.towns and town.code != own
    ]
    days = []
    for back in (1, 7):
        day = shift_day(base, -back)
        text = wording.date_line(day, lang)
        days.append({"value": day_text(day), "text": text, "on": bool(versus and versus.day == day)})
    return {
        "label": "对比" if zh else "Compare",
        "value": versus_text(asked) or ("无" if zh else "None"),
        "changed": versus is not None,
        "heads": ["日期，同一时刻" if zh else "Day, same time", "镇（街道）" if zh else "Town"],
        "days": days,
        "towns": towns if len(asked.board.towns) > 1 else [],
        "day": day_text(versus.day) if versus and versus.kind == "day" else "",
    }


def versus_text(asked: Asked) -> str:
    """The other side in words, empty without one."""
    versus = asked.versus
    if versus is None:
        return ""
    if versus.kind == "town":
        known = asked.board.pack.town_by_code.get(versus.town)
        return known.name if known else versus.town
    text = wording.day(versus.day, asked.lang)
    if asked.when.live and asked.other is not None and versus.day != asked.live.day:
        return f"{text} {wording.clock(asked.other.now, asked.other.zone)}"
    return text


def own_text(asked: Asked) -> str:
    """The page's own side of a comparison in words."""
    lang = asked.lang
    if asked.versus is not None and asked.versus.kind == "town":
        own = asked.one("town")
        known = asked.board.pack.town_by_code.get(own) if own else None
        if known is not None:
            return known.name
        if "town" in asked.chosen:
            return wording.listed(
                [choice.text for choice in asked.choices["town"] if choice.value in asked.chosen["town"]], lang
            )
        return "全县" if lang != "en" else "All towns"
    text = when_text(asked)
    return f"{text} {wording.clock(asked.live.now, asked.live.zone)}" if asked.when.live else text


def said(asked: Asked) -> list[tuple[str, str]]:
    """(name, value) of everything that narrows the page, for exports: filters that are set, search, comparison."""
    lang, zh = asked.lang, asked.lang != "en"
    found = [
        (
            filter_.words.of(lang),
            wording.listed(
                [c.text for c in asked.choices[filter_.key] if c.value in asked.chosen[filter_.key]], lang, 99
            ),
        )
        for filter_ in asked.filters
        if filter_.key in asked.chosen and not filter_.part
    ]
    if asked.q:
        found.append(("搜索" if zh else "Search", asked.q))
    if asked.versus is not None:
        found.append(("对比" if zh else "Compared with", versus_text(asked)))
    return found


# -- choices that many pages share -----------------------------------------------------------------------------------


def town_choices(board: Board, lang: str) -> list[Choice]:
    """The towns that the viewer may see; place names stay Chinese (DESIGN-UI §11)."""
    return [Choice(town.code, town.name) for town in board.pack.towns if town.code in board.towns]


def shift_choices(board: Board, lang: str) -> list[Choice]:
    """The shifts of the region."""
    return [
        Choice(shift.code, shift.name if lang != "en" else shift.name_en or shift.name) for shift in board.pack.shifts
    ]
