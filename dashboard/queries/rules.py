"""Rules for readers: what is in force on a day and since when, what is scheduled, who changed what.

What a rule is and was is read from the pack versions themselves, never from the record of changes: so a pack that was
loaded as a whole is told as exactly as a rule that somebody edited. Days are local yyyymmdd, times ms since 1970 UTC.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, select

from dashboard.domain.day import as_date, iso
from dashboard.domain.feed import Feed, Kpi, Parameter, Words
from dashboard.domain.place import RegionPack
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries import wording
from dashboard.stores import rules as ledger
from dashboard.stores.history import History
from dashboard.stores.rules import Asked, RuleChange
from dashboard.stores.tables import pack_adoption, rule_change
from geodata.library import Adopted, RegionBook, in_force, in_turn
from geodata.revise import THRESHOLDS, Content, Rows, content_of, number

if TYPE_CHECKING:
    from dashboard.queries.board import Board

UNITS = {
    "m": Words("米", "m"),
    "s": Words("秒", "s"),
    "min": Words("分钟", "min"),
    "h": Words("小时", "h"),
    "℃": Words("℃", "℃"),
    "clock": Words("时", "o'clock"),
}
TABLES = {
    THRESHOLDS: Words("阈值", "Threshold"),
    "duty_hours": Words("值守时段", "Duty hours"),
    "shifts": Words("班次", "Shift"),
    "visit_rules": Words("到访要求", "Visits owed"),
    "places": Words("地点", "Place"),
    "beats": Words("巡段", "Beat"),
    "units": Words("巡逻组", "Unit"),
    "devices": Words("设备", "Device"),
    "risks": Words("地区风险", "Regional risk"),
}
LEVELS = {"high": Words("高风险", "High"), "medium": Words("中风险", "Medium"), "low": Words("低风险", "Low")}
"""Levels of the regional-risk table; a region that is not on it is at low risk."""
TABLE_KPIS: dict[str, tuple[str, ...]] = {
    "risks": ("declarations_cleared", "declarations_isolate", "declarations_wait", "declarations_refused"),
    "duty_hours": ("checkpoints_online",),
    "shifts": ("units_on_duty", "person_times"),
    "visit_rules": ("patrol_coverage", "obligations_open", "obligations_met", "obligations_lapsed"),
}
"""Figures that depend on a table that belongs to no single feed."""


class RuleRow(msgspec.Struct, frozen=True):
    """One rule of a figure in words, for its help: ``own`` where the region has set it itself.

    ``since`` is the first local day of the value in force (``None``: ever since there has been a pack), ``next_day``
    and ``next_value`` what is scheduled after it.
    """

    key: str
    text: str
    value: str
    own: bool
    since: int | None
    next_day: int | None = None
    next_value: str = ""


class Timeline:
    """The versions of a region that are in force one after the other."""

    def __init__(self, versions: Sequence[tuple[int, Content]]) -> None:
        self.versions = tuple(versions)

    def at(self, day: int) -> Content:
        """The version in force on a local day."""
        found = self.versions[0][1]
        for first, content in self.versions:
            if first <= day:
                found = content
        return found

    def rows(self, table: str, key: str, day: int) -> Rows:
        """The rows of a rule on a local day."""
        return self.at(day).rows(table, key)

    def since(self, table: str, key: str, day: int) -> int | None:
        """From which local day a rule has been as it is on ``day``; ``None``: from the first version on."""
        found, rows = None, self.rows(table, key, day)
        for first, content in reversed(self.versions):
            if first > day:
                continue
            if content.rows(table, key) != rows:
                return found
            found = first
        return None

    def next(self, table: str, key: str, day: int) -> tuple[int, Rows] | None:
        """When a rule will next be another one, and which."""
        rows = self.rows(table, key, day)
        for first, content in self.versions:
            if first > day and content.rows(table, key) != rows:
                return first, content.rows(table, key)
        return None


class RuleBook:
    """Reads the ledger of rules and the versions that it names. Safe to share between threads."""

    def __init__(self, history: History, book: RegionBook) -> None:
        self.history, self.book = history, book
        self._lock = threading.Lock()
        self._read: tuple[tuple[object, ...], list[Asked], list[RuleChange]] | None = None

    def _ledger(self) -> tuple[list[Asked], list[RuleChange]]:
        region = self.book.region
        a = pack_adoption.c
        with self.history.reading() as connection:
            told = select(func.count(), func.count(a.seq), func.max(a.number)).where(a.region == region)
            stamp = (*connection.execute(told).one(), connection.scalar(select(func.max(rule_change.c.number))))
            with self._lock:
                if self._read is None or self._read[0] != stamp:
                    asked, changes = ledger.asked(connection, region), ledger.changes(connection, region)
                    self._read = (stamp, asked, changes)
                return self._read[1], self._read[2]

    def timeline(self, seq: int | None = None) -> Timeline:
        """The versions as known at ``seq``; ``None``: also those that were asked for and wait for a worker."""
        if seq is None:
            rows = [Adopted(one.number, one.valid_from, one.version, one.seq or 0) for one in self._ledger()[0]]
            turns = in_turn(rows) or self.book.rows()
        else:
            turns = self.book.rows(seq)
        return Timeline([(row.valid_from, content_of(self.book.path(row))) for row in turns])

    def changes(self) -> list[RuleChange]:
        """Who changed what, newest first."""
        return self._ledger()[1]

    def base(self) -> int:
        """What a change made now is made against (:attr:`ingest.revision.Change.base`)."""
        return max((one.number for one in self._ledger()[0]), default=0)

    def waiting(self) -> list[Asked]:
        """Versions that no worker has adopted yet."""
        return [one for one in self._ledger()[0] if one.seq is None]

    def version(self, day: int) -> Adopted | None:
        """The version in force on a local day."""
        return in_force(self.book.rows(), day)


# -- in words --------------------------------------------------------------------------------------------------------


def parameter(key: str) -> tuple[Feed, Parameter] | None:
    """A threshold's feed and declaration."""
    for feed in FEEDS.values():
        for one in feed.rules:
            if one.key == key:
                return feed, one
    return None


def value_text(value: float | None, unit: str, lang: str) -> str:
    """A threshold with its unit; “—” where nothing is set."""
    if value is None:
        return wording.MISSING
    text, word = number(value), UNITS.get(unit, Words(unit, unit)).of(lang)
    if unit == "℃" and "." not in text:
        text += ".0"
    return f"{text} {word}".strip()


def told(table: str, key: str, rows: Rows, lang: str, pack: RegionPack | None = None) -> str:
    """The rows of a rule as a person reads them."""
    zh = lang != "en"
    if table == THRESHOLDS:
        found = parameter(key)
        unit = found[1].unit if found else ""
        if rows:
            return value_text(float(rows[0]["value"]), unit, lang)
        default = found[1].default if found else None
        if default is None:
            return "不另设" if zh else "not set"
        text = value_text(default, unit, lang)
        return f"默认 {text}" if zh else f"default {text}"
    if not rows:
        return _absent(table, zh)
    if table == "duty_hours":
        return hours_text(rows[0]["start"], rows[0]["end"], lang)
    if table == "shifts":
        name = rows[0]["name"] if zh else rows[0]["name_en"] or rows[0]["name"]
        return f"{name} {hours_text(rows[0]['start'], rows[0]['end'], lang)}"
    if table == "visit_rules":
        parts = [(f"{row['start']}–{row['end']}", row["times"]) for row in rows]
        return ("；" if zh else "; ").join(f"{span} {n} 次" if zh else f"{span} ×{n}" for span, n in parts)
    if table == "risks":
        level = LEVELS.get(rows[0]["level"])
        return f"{level.of(lang) if level else rows[0]['level']} {rows[0].get('name', '')}".strip()
    row = rows[0]
    name = row.get("name", "") if zh else row.get("name_en") or row.get("name", "")
    town = pack.town_by_code.get(row.get("town", "")) if pack else None
    rest = {name_: value for name_, value in row.items() if name_ not in ("name", "name_en", "town", "kind")}
    where = " ".join(value for value in rest.values() if value)
    return " ".join(part for part in (name, town.name if town else "", where) if part)


def _absent(table: str, zh: bool) -> str:
    if table == "duty_hours":
        return "未列，全天在岗" if zh else "not listed: round the clock"
    if table == "visit_rules":
        return "不要求到访" if zh else "no visit owed"
    if table == "risks":
        return "表内未列，按低风险" if zh else "not listed: low"
    return "没有" if zh else "none"


def hours_text(start: str, end: str, lang: str) -> str:
    """``06:00–22:00``, ``20:00–次日 08:00``, ``全天``."""
    zh = lang != "en"
    if start == end:
        return "全天" if zh else "Round the clock"
    if start > end:
        return f"{start}–次日 {end}" if zh else f"{start}–{end} next day"
    return f"{start}–{end}"


def named(table: str, key: str, pack: RegionPack, lang: str, rows: Rows = ()) -> str:
    """What a rule is called: the threshold's words, the checkpoint's or point's name."""
    if table == THRESHOLDS:
        found = parameter(key)
        return found[1].words.of(lang) if found else key
    if table in ("duty_hours", "visit_rules", "places"):
        place = pack.place_by_code.get(key)
        name = place.name if place else (rows[0].get("name", "") if rows else "")
        return name or key
    if table == "shifts":
        shift = next((one for one in pack.shifts if one.code == key), None)
        if shift:
            return shift.name if lang != "en" else shift.name_en or shift.name
    if table == "risks":
        return f"{key} {rows[0].get('name', '') if rows else ''}".strip()
    lists: dict[str, dict[str, Any]] = {"beats": dict(pack.beat_by_code), "units": dict(pack.unit_by_code)}
    known = lists.get(table, {}).get(key)
    name = known.name if known else (rows[0].get("name", "") if rows else "")
    return str(name or key)


def day_text(day: int, today: int, lang: str) -> str:
    """A day as short as it can be told: the year only where it is another one."""
    text = wording.day(day, lang)
    if day // 10000 == today // 10000:
        return text
    return f"{day // 10000}年{text}" if lang != "en" else f"{text} {day // 10000}"


# -- for help popovers -----------------------------------------------------------------------------------------------


def rules_of(board: Board, kpi: str | Kpi, lang: str = "zh") -> list[RuleRow]:
    """The rules that a figure depends on, as they were in force on the board's day and known at its ``seq``.

    Thresholds that nobody has set and that have no default of their own are left out.
    """
    key = kpi if isinstance(kpi, str) else kpi.key
    if key not in KPIS:
        return []
    feed, _ = KPIS[key]
    book = board.rules
    timeline = book.timeline(board.seq) if book is not None else None
    found = []
    for one in feed.rules:
        if key not in one.kpis:
            continue
        value = board.pack.thresholds.get(one.key)
        if value is None and one.default is None:
            continue
        since = board.pack.valid_from if value is not None else None
        later = None
        if timeline is not None:
            since, later = timeline.since(THRESHOLDS, one.key, board.day), timeline.next(THRESHOLDS, one.key, board.day)
        found.append(
            RuleRow(
                key=one.key,
                text=one.words.of(lang),
                value=value_text(one.default if value is None else value, one.unit, lang),
                own=value is not None,
                since=since,
                next_day=later[0] if later else None,
                next_value=told(THRESHOLDS, one.key, later[1], lang) if later else "",
            )
        )
    return found


# -- for the command line ----------------------------------------------------------------------------------------------


def listing(book: RuleBook, day: int, feed: str | None = None) -> list[str]:
    """A line a rule: key, words, value, since when, what is scheduled; Chinese."""
    timeline = book.timeline()
    pack = book.book(day).pack
    found = []
    for one in FEEDS.values():
        if feed in (None, one.name):
            found += [(THRESHOLDS, rule.key, rule.words.zh) for rule in one.rules]
    if feed is None:
        for table in ("shifts", "duty_hours"):
            found += [(table, key, named(table, key, pack, "zh")) for key in timeline.at(day).table(table)]
    return [_listed(timeline, table, key, words, day, pack) for table, key, words in found]


def _listed(timeline: Timeline, table: str, key: str, words: str, day: int, pack: RegionPack) -> str:
    name = key if table == THRESHOLDS else f"{table}/{key}"
    text = told(table, key, timeline.rows(table, key, day), "zh", pack)
    since, later = timeline.since(table, key, day), timeline.next(table, key, day)
    when = f"，自 {iso_day(since)} 起" if since else ""
    then = f"；{iso_day(later[0])} 起改为 {told(table, key, later[1], 'zh', pack)}" if later else ""
    return f"{name}  {words}  {text}{when}{then}"


def history_lines(book: RuleBook, only: tuple[str, str] | None = None) -> list[str]:
    """A line a change, newest first; ``only`` is a table and a key."""
    pack = book.book(0).pack
    found = []
    for one in book.changes():
        if only is not None and (one.kind, one.key) != only:
            continue
        name = one.key if one.kind == THRESHOLDS else f"{one.kind}/{one.key}"
        before, after = (told(one.kind, one.key, rows, "zh", pack) for rows in (one.before, one.after))
        undoes = f"（撤销第 {one.undoes} 号）" if one.undoes else ""
        found.append(
            f"{one.change}  {iso(one.at, pack.timezone)}  {one.who}  {name}  {before} → {after}  "
            f"自 {iso_day(one.valid_from)} 起  {one.reason}{undoes}{'' if one.known_at is not None else '（等待生效）'}"
        )
    return found


def iso_day(day: int) -> str:
    """``2020-02-18``."""
    return as_date(day).isoformat()


__all__ = [
    "TABLES",
    "TABLE_KPIS",
    "UNITS",
    "RuleBook",
    "RuleRow",
    "Timeline",
    "day_text",
    "history_lines",
    "hours_text",
    "iso_day",
    "listing",
    "named",
    "parameter",
    "rules_of",
    "told",
    "value_text",
]
