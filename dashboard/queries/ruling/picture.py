"""What the page of rules shows, before it is put into words: every rule and every change as the filters see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from dashboard.domain.feed import Words
from dashboard.domain.place import PlaceKind
from dashboard.queries.asked import Asked, Choice, Filter, Narrowed, town_choices
from dashboard.queries.rules import RuleBook, Timeline, named, told
from dashboard.stores.rules import RuleChange
from geodata.revise import THRESHOLDS, Rows

if TYPE_CHECKING:
    from dashboard.queries.board import Board

MOST_CHANGES = 300

PARTS = {
    "rules": Words("阈值与时限", "Thresholds"),
    "duty": Words("值守时段", "Duty hours"),
    "visits": Words("班次与到访", "Shifts and visits"),
    "risks": Words("地区风险", "Regional risk"),
    "changes": Words("改动记录", "Changes"),
}
STATES = {
    "own": Words("本地已设", "Set here"),
    "default": Words("默认", "Default"),
    "scheduled": Words("有排定的改动", "Change scheduled"),
    "taken": Words("已取消或恢复", "Taken back"),
}


class Line(msgspec.Struct, frozen=True):
    """One rule, or one change of one, as the filters see it. ``town`` is empty for one of the whole region."""

    part: str
    table: str
    key: str
    group: str
    town: str
    states: tuple[str, ...]
    name: str
    who: str = ""
    change: RuleChange | None = None

    @property
    def id(self) -> str:
        """What names it in the address."""
        return f"{self.table}/{self.key}"


def _feed_choices(board: Board, lang: str) -> list[Choice]:
    return [Choice(feed.name, feed.short.of(lang)) for feed in board.feeds if feed.rules]


def _state_choices(board: Board, lang: str) -> list[Choice]:
    return [Choice(key, words.of(lang)) for key, words in STATES.items()]


def _part_choices(board: Board, lang: str) -> list[Choice]:
    return [Choice(key, words.of(lang)) for key, words in PARTS.items()]


def _who_choices(board: Board, lang: str) -> list[Choice]:
    book = board.rules
    return [Choice(who, who) for who in sorted({one.who for one in book.changes()})] if book else []


FILTERS = (
    Filter(
        "part",
        Words("部分", "Part"),
        _part_choices,
        lambda line: line.part,
        form="segment",
        default=("rules",),
        part=True,
    ),
    Filter("feed", Words("数据", "Feed"), _feed_choices, lambda line: line.group),
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda line: line.town),
    Filter("state", Words("状态", "State"), _state_choices, lambda line: line.states),
    Filter("who", Words("谁改的", "Changed by"), _who_choices, lambda line: line.who, quiet=True),
)


class Picture:
    """Everything the page shows, before it is put into words."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.board, self.lang = asked, asked.board, asked.lang
        self.zh = self.lang != "en"
        self.pack = self.board.pack
        self.day = self.board.day
        self.book: RuleBook | None = self.board.rules
        self.viewer = asked.live.viewer
        self.timeline: Timeline | None = None
        self.changes: list[RuleChange] = []
        if self.book is not None:
            # Live, what waits for a worker is shown as scheduled; of a past moment only what was known then.
            self.timeline = self.book.timeline(None if asked.when.live else self.board.seq)
            upto = self.board.now
            visible = (one for one in self.book.changes() if one.town is None or one.town in self.board.towns)
            self.changes = [one for one in visible if asked.when.live or one.at <= upto]
        self.undone = {one.undoes for one in self.changes if one.undoes is not None}
        self.sizes = Counter(one.change for one in self.changes)
        self.narrowed = Narrowed(list(self.lines()), asked, self._text)

    def rows(self, table: str, key: str) -> Rows:
        """The rows in force: of the board's own pack, which its figures were made with."""
        return self.timeline.rows(table, key, self.day) if self.timeline else ()

    def value(self, table: str, key: str) -> str:
        """A rule's rows in words."""
        return told(table, key, self.rows(table, key), self.lang, self.pack)

    def since(self, table: str, key: str) -> int | None:
        """Since when a rule is as it is."""
        return self.timeline.since(table, key, self.day) if self.timeline else None

    def next(self, table: str, key: str) -> tuple[int, Rows] | None:
        """What is scheduled for a rule."""
        return self.timeline.next(table, key, self.day) if self.timeline else None

    def may(self, table: str, town: str) -> bool:
        """Whether the viewer may change a rule; the door decides again when it is asked to."""
        if not self.asked.when.live or self.timeline is None:
            return False
        return self.viewer.posts(town) if table == "duty_hours" else self.viewer.governs

    def _states(self, table: str, key: str) -> tuple[str, ...]:
        own = bool(self.rows(table, key)) if table == THRESHOLDS else self.since(table, key) is not None
        found = ["own" if own else "default"]
        if self.next(table, key):
            found.append("scheduled")
        return tuple(found)

    def lines(self) -> Iterable[Line]:
        """Every line that the viewer may see."""
        for feed in self.board.feeds:
            for one in feed.rules:
                yield self._line("rules", THRESHOLDS, one.key, feed.name, "")
        for place in self.pack.places:
            if place.town not in self.board.towns:
                continue
            if place.kind == PlaceKind.CHECKPOINT:
                yield self._line("duty", "duty_hours", place.code, "temperature", place.town)
            elif place.kind == PlaceKind.PATROL_POINT:
                yield self._line("visits", "visit_rules", place.code, "patrol", place.town)
        for shift in self.pack.shifts:
            yield self._line("visits", "shifts", shift.code, "patrol", "")
        for code in self.regions():
            yield self._line("risks", "risks", code, "declaration", "")
        for change in self.changes[:MOST_CHANGES]:
            name = named(change.kind, change.key, self.pack, self.lang, change.after or change.before)
            yield Line(
                part="changes",
                table=change.kind,
                key=change.key,
                group=self._group(change),
                town=change.town or "",
                states=self.fate(change),
                name=name,
                who=change.who,
                change=change,
            )

    def regions(self) -> list[str]:
        """Regions on the risk table: of the board's day, and those that are scheduled to come on it."""
        if self.timeline is None:
            return [row.code for row in self.pack.risks]
        found = dict.fromkeys(self.timeline.at(self.day).table("risks"))
        for first, content in self.timeline.versions:
            if first > self.day:
                found |= dict.fromkeys(content.table("risks"))
        return sorted(found)

    def _line(self, part: str, table: str, key: str, group: str, town: str) -> Line:
        rows = self.rows(table, key) if table == "risks" else ()
        name = named(table, key, self.pack, self.lang, rows)
        return Line(part, table, key, group, town, self._states(table, key), name)

    def _group(self, change: RuleChange) -> str:
        if change.kind == "duty_hours":
            return "temperature"
        if change.kind == "risks":
            return "declaration"
        if change.kind != THRESHOLDS:
            return "patrol"
        owners = (feed.name for feed in self.board.feeds for one in feed.rules if one.key == change.key)
        return next(owners, "")

    def fate(self, change: RuleChange) -> tuple[str, ...]:
        """What became of a change: ``taken`` back, ``scheduled`` (or waiting for a worker), or in force (``own``)."""
        if change.change in self.undone:
            return ("taken",)
        return ("scheduled",) if change.valid_from > self.day or change.known_at is None else ("own",)

    def _text(self, line: Line) -> str:
        town = self.pack.town_by_code.get(line.town)
        reason = line.change.reason if line.change else ""
        return " ".join((line.name, line.key, town.name if town else "", line.who, reason))

    def shown(self, part: str) -> list[Line]:
        """The lines of a part that pass the filters."""
        if part == self.part:
            return [line for line in self.narrowed.rows if line.part == part]
        return [line for line in self.narrowed.but("part") if line.part == part]

    @property
    def part(self) -> str:
        """The part of the page that is open; every line, where all are asked for."""
        return self.asked.one("part") or "rules"

    def under(self, part: str) -> list[Line]:
        """The lines of a part that pass every other filter, whichever part is open."""
        return [line for line in self.narrowed.but("part") if line.part == part]
