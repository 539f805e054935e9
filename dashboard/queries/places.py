"""Places, beats and patrol units for the page that edits them: as they are, as they will be, and who changed what.

Everything is read from the pack's versions (:class:`dashboard.queries.rules.Timeline`), also those that only wait for
their day: what somebody has scheduled must be seen before it counts. Days are local yyyymmdd.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dashboard.domain.day import shift_day
from dashboard.domain.feed import Words
from dashboard.domain.place import PlaceKind
from dashboard.queries import wording
from dashboard.queries.asked import Asked, Choice, Filter, Narrowed, town_choices
from dashboard.queries.rules import TABLES, RuleBook, Timeline, day_text, named, told
from dashboard.stores.rules import RuleChange
from geodata.revise import Content, Row, Rows

KINDS: Mapping[PlaceKind, Words] = {
    PlaceKind.CHECKPOINT: Words("卡点", "Checkpoint"),
    PlaceKind.PATROL_POINT: Words("必巡点", "Patrol point"),
    PlaceKind.ENTERPRISE: Words("企业", "Enterprise"),
    PlaceKind.VENUE: Words("重点场所", "Venue"),
    PlaceKind.STATION: Words("派出所", "Station"),
    PlaceKind.RENTAL: Words("出租房", "Rental"),
}
PARTS = {
    "places": Words("地点", "Places"),
    "beats": Words("巡段", "Beats"),
    "units": Words("巡逻组", "Units"),
    "changes": Words("改动记录", "Changes"),
}
STATES = {
    "located": Words("有坐标", "With a position"),
    "unlocated": Words("无坐标", "Without a position"),
    "loose": Words("必巡点未编巡段", "Patrol points without a beat"),
    "scheduled": Words("有排定的改动", "Change scheduled"),
}
EDITED = ("places", "beats", "units", "devices", "duty_hours", "visit_rules")
"""Tables whose changes the page tells of."""
OWN = {"places": "place", "beats": "beat", "units": "unit"}
MOST_CHANGES = 300


class Line(msgspec.Struct, frozen=True):
    """A place, beat, unit or change as the filters see it. ``row`` is as on the day shown, else as it will be."""

    part: str
    key: str
    name: str
    town: str
    row: Row = {}
    kind: str = ""
    states: tuple[str, ...] = ()
    next_day: int | None = None
    next_rows: Rows = ()
    added: bool = False
    """Not there yet: it begins on ``next_day``."""
    change: RuleChange | None = None


def _kind_choices(board: Any, lang: str) -> list[Choice]:
    return [Choice(kind.value, words.of(lang)) for kind, words in KINDS.items()]


def _part_choices(board: Any, lang: str) -> list[Choice]:
    return [Choice(key, words.of(lang)) for key, words in PARTS.items()]


def _state_choices(board: Any, lang: str) -> list[Choice]:
    return [Choice(key, words.of(lang)) for key, words in STATES.items()]


FILTERS = (
    Filter("part", Words("部分", "Part"), _part_choices, lambda line: line.part, form="segment", default=("places",)),
    # Beats and units are of no kind: the filter narrows places, and their changes, alone.
    Filter("kind", Words("类型", "Kind"), _kind_choices, lambda line: line.kind or tuple(KINDS)),
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda line: line.town),
    Filter("state", Words("状态", "State"), _state_choices, lambda line: line.states),
)


class Picture:
    """Everything the page shows, before it is put into words."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.board, self.lang = asked, asked.board, asked.lang
        self.zh, self.pack, self.day = asked.lang != "en", asked.board.pack, asked.board.day
        self.book: RuleBook | None = self.board.rules
        self.timeline: Timeline | None = None
        self.changes: list[RuleChange] = []
        if self.book is not None:
            self.timeline = self.book.timeline(None if asked.when.live else self.board.seq)
            upto = self.board.now
            own = (one for one in self.book.changes() if one.kind in EDITED)
            visible = (one for one in own if one.town is None or one.town in self.board.towns)
            self.changes = _headed([one for one in visible if asked.when.live or one.at <= upto])
        self.undone = {one.undoes for one in self.changes if one.undoes is not None}
        self.devices = self._devices()
        self.members: dict[str, list[str]] = {}
        self.lines = list(self._lines())
        self.narrowed = Narrowed(self.lines, asked, self._text)

    @property
    def part(self) -> str:
        """The part of the page that is open."""
        return self.asked.one("part") or "places"

    @property
    def may(self) -> bool:
        """Whether the viewer may change anything here; the door decides again when it is asked to."""
        return self.asked.when.live and self.timeline is not None and self.asked.live.viewer.governs

    @property
    def content(self) -> Content | None:
        """The version in force on the day shown."""
        return self.timeline.at(self.day) if self.timeline else None

    @property
    def ahead(self) -> Content | None:
        """The version of the day after: what a change that is not said to be sooner is made to."""
        return self.timeline.at(shift_day(self.day, 1)) if self.timeline else None

    def line(self, part: str, key: str) -> Line | None:
        """One place, beat or unit."""
        return next((line for line in self.lines if line.part == part and line.key == key), None)

    def shown(self, part: str) -> list[Line]:
        """The lines of a part that pass the filters."""
        return [line for line in self.narrowed.rows if line.part == part]

    def _devices(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        content = self.timeline.at(shift_day(self.day, 1)) if self.timeline else None
        for name, rows in content.table("devices").items() if content else ():
            found.setdefault(rows[0]["unit"], []).append(name)
        return found

    def _lines(self) -> Iterable[Line]:
        if self.timeline is not None:
            for table in OWN:
                yield from self._table(table, self.timeline)
        for change in self.changes[:MOST_CHANGES]:
            name = named(change.kind, change.key, self.pack, self.lang, change.after or change.before)
            states = ("scheduled",) if change.valid_from > self.day and change.change not in self.undone else ()
            row = change.after[0] if change.after else change.before[0] if change.before else {}
            yield Line(
                "changes", f"{change.kind}/{change.key}", name, change.town or "", kind=row.get("kind", ""),
                states=states, change=change,
            )  # fmt: skip

    def _table(self, table: str, timeline: Timeline) -> Iterable[Line]:
        now = timeline.at(self.day).table(table)
        later = [content for first, content in timeline.versions if first > self.day]
        keys = dict.fromkeys(now)
        for content in later:
            keys |= dict.fromkeys(content.table(table))
        for key in keys:
            rows = now.get(key, ())
            soon = timeline.next(table, key, self.day) if later else None
            row = rows[0] if rows else soon[1][0] if soon and soon[1] else {}
            if row.get("town") not in self.board.towns:
                continue
            if table == "places" and row.get("beat"):
                self.members.setdefault(row["beat"], []).append(key)
            yield Line(
                part=table,
                key=key,
                name=row.get("name", key),
                town=row.get("town", ""),
                row=row,
                kind=row.get("kind", ""),
                states=_states(table, row, bool(soon)),
                next_day=soon[0] if soon else None,
                next_rows=soon[1] if soon else (),
                added=not rows,
            )

    def _text(self, line: Line) -> str:
        town = self.pack.town_by_code.get(line.town)
        change = line.change
        words = [line.name, line.key, town.name if town else "", line.row.get("leader", "")]
        return " ".join([*words, change.who, change.reason] if change else words)

    # -- in words ----------------------------------------------------------------------------------------------------

    def town(self, code: str) -> str:
        """A town's name."""
        found = self.pack.town_by_code.get(code)
        return found.name if found else code

    def kind(self, value: str) -> str:
        """A kind of place in words."""
        return KINDS[PlaceKind(value)].of(self.lang) if value in {kind.value for kind in PlaceKind} else value

    def beat(self, code: str) -> str:
        """A beat's name."""
        rows = self.ahead.rows("beats", code) if self.ahead and code else ()
        return rows[0]["name"] if rows else code

    def unit(self, code: str) -> str:
        """A unit's name with its leader."""
        rows = self.ahead.rows("units", code) if self.ahead else ()
        return " ".join(part for part in (rows[0]["name"], rows[0]["leader"]) if part) if rows else code

    def soon(self, line: Line) -> str:
        """What will become of it, and when: ``明天起关闭``."""
        if line.next_day is None:
            return ""
        day = self.from_day(line.next_day)
        if line.added:
            return f"{day}新增" if self.zh else f"new {day}"
        if not line.next_rows:
            return f"{day}关闭" if self.zh else f"closes {day}"
        changed = [key for key, value in line.next_rows[0].items() if value != line.row.get(key)]
        what = "、".join(dict.fromkeys(FIELDS.get(key, Words(key, key)).zh for key in changed))
        what_en = ", ".join(dict.fromkeys(FIELDS.get(key, Words(key, key)).en for key in changed))
        return f"{day}改{what}" if self.zh else f"{what_en} changes {day}"

    def from_day(self, day: int) -> str:
        """``明天起``, ``2月25日起``."""
        if day == shift_day(self.day, 1):
            return "明天起" if self.zh else "from tomorrow"
        text = day_text(day, self.day, self.lang)
        return f"{text}起" if self.zh else f"from {text}"

    def told(self, change: RuleChange) -> dict[str, Any]:
        """One change for the list of changes."""
        ahead = change.valid_from > self.day
        fate = "done"
        if change.change in self.undone:
            fate = "taken"
        elif change.known_at is None or ahead:
            fate = "scheduled"
        words = {
            "taken": ("已取消", "taken back") if ahead or change.known_at is None else ("已恢复", "restored"),
            "scheduled": ("已排定", "scheduled") if ahead else ("等待生效", "waiting"),
            "done": ("已生效", "in force"),
        }[fate]
        before, after = self._before_after(change)
        return {
            "number": change.change,
            "id": f"{change.kind}/{change.key}",
            "at": wording.moment(change.at, self.day, self.board.zone, self.lang),
            "who": change.who,
            "kind": TABLES[change.kind].of(self.lang),
            "name": named(change.kind, change.key, self.pack, self.lang, change.after or change.before),
            "town": self.town(change.town) if change.town else "",
            "before": before,
            "after": after,
            "from": day_text(change.valid_from, self.day, self.lang),
            "ahead": ahead,
            "reason": change.reason,
            "fate": fate,
            "state": words[0] if self.zh else words[1],
            "edit": self.may and fate != "taken",
        }

    def _before_after(self, change: RuleChange) -> tuple[str, str]:
        """What differs, and nothing else: a move is told by its positions, not by the whole row."""
        if change.kind not in OWN:
            return tuple(
                told(change.kind, change.key, rows, self.lang, self.pack) for rows in (change.before, change.after)
            )  # type: ignore[return-value]
        gone, fresh = ("已关闭", "closed"), ("新增", "new")
        if not change.after or not change.before:
            row = (change.after or change.before)[0]
            parts = [self.kind(row["kind"]) if "kind" in row else "", self.town(row.get("town", ""))]
            text = " ".join(part for part in parts if part)
            word = (fresh if change.after else gone)[0 if self.zh else 1]
            return ("—", f"{word} {text}") if change.after else (text, word)
        was, now = change.before[0], change.after[0]
        changed = [key for key in now if now[key] != was.get(key)]
        return self._fields(was, changed), self._fields(now, changed)

    def _fields(self, row: Row, keys: Iterable[str]) -> str:
        parts, done = [], False
        for key in keys:
            value = row.get(key, "")
            if key in ("lon", "lat"):
                if done:
                    continue
                done = True
                value = f"{float(row['lon']):.5f}, {float(row['lat']):.5f}" if row.get("lon") else "—"
            elif key == "beat":
                value = self.beat(value) if value else ("无巡段" if self.zh else "no beat")
            elif key == "town":
                value = self.town(value)
            elif key == "kind":
                value = self.kind(value)
            elif key == "units":
                value = "、".join(self.unit(one) for one in value.split("|") if one) or "—"
            parts.append(value or "—")
        return "；".join(parts) if self.zh else "; ".join(parts)


FIELDS = {
    "name": Words("名称", "name"),
    "name_en": Words("英文名", "English name"),
    "kind": Words("类型", "kind"),
    "town": Words("镇", "town"),
    "lon": Words("位置", "position"),
    "lat": Words("位置", "position"),
    "beat": Words("巡段", "beat"),
    "units": Words("巡逻组", "units"),
    "leader": Words("组长", "leader"),
}


def _headed(changes: list[RuleChange]) -> list[RuleChange]:
    """Changes without what only follows from another one of the same change: the hours of a place that was closed."""
    ends = {(one.change, one.key) for one in changes if one.kind in OWN and not (one.before and one.after)}
    beats = {one.change for one in changes if one.kind == "beats" and not one.after}

    def follows(one: RuleChange) -> bool:
        if one.kind in ("duty_hours", "visit_rules"):
            return (one.change, one.key) in ends
        return one.kind == "places" and one.change in beats

    return [one for one in changes if not follows(one)]


def _states(table: str, row: Row, soon: bool) -> tuple[str, ...]:
    found = ["scheduled"] if soon else []
    if table == "places":
        found.append("located" if row.get("lon") else "unlocated")
        if row.get("kind") == PlaceKind.PATROL_POINT.value and not row.get("beat"):
            found.append("loose")
    return tuple(found)
