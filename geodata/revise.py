"""Edits of a region pack: thresholds, duty hours, shifts, visit rules, places, beats, units. Pure, file to file.

A pack is seen as tables of keyed rows; an :class:`Edit` says what the rows of one key are to be. ``plan`` carries an
edit on into versions that are already scheduled for later days, ``revise`` writes the new directory. Nothing here
decides who may edit or when; nothing is installed. Rows hold the texts of the pack's files: times of day ``HH:MM``,
degrees WGS-84.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from dashboard.domain.feed import Parameter
from dashboard.errors import PackError
from dashboard.feeds import FEEDS
from geodata.pack import COLUMNS, FILES, MANIFEST, MAX_TIMES, OPTIONAL, parse_time

Row = Mapping[str, str]
Rows = tuple[Row, ...]
"""The rows of one key in the order of the file; empty: the pack says nothing of it."""

THRESHOLDS = "thresholds"
KEYS: Mapping[str, str] = {
    "duty_hours": "checkpoint",
    "shifts": "code",
    "visit_rules": "place",
    "places": "code",
    "beats": "code",
    "units": "code",
    "devices": "device",
    "risks": "region",
}
"""Tables that can be edited besides the thresholds -> the column that is their key."""


class Edit(msgspec.Struct, frozen=True):
    """What the rows of ``key`` in ``table`` are to be: all of them, without the key column; ``()`` takes them away.

    ``table`` is ``thresholds`` (one row with ``value``) or one of :data:`KEYS`.
    """

    table: str
    key: str
    rows: Rows = ()


def threshold(key: str, value: float | str | None) -> Edit:
    """The edit that sets a threshold; ``None`` or an empty text goes back to the feed's own."""
    text = "" if value is None else str(value).strip()
    return Edit(THRESHOLDS, key, ({"value": text},) if text else ())


class Content:
    """The editable tables of one pack directory, as they are written there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._tables: dict[str, dict[str, Rows]] = {}

    def table(self, table: str) -> Mapping[str, Rows]:
        """Key -> rows of a table, in the order of the file.

        Raises:
            PackError: there is no such table, or the file cannot be read.
        """
        found = self._tables.get(table)
        if found is None:
            found = self._tables[table] = self._read(table)
        return found

    def rows(self, table: str, key: str) -> Rows:
        """The rows of one key; empty where the pack says nothing of it."""
        return self.table(table).get(key, ())

    def _read(self, table: str) -> dict[str, Rows]:
        if table == THRESHOLDS:
            values = tomllib.loads(_text(self.directory, MANIFEST)).get(THRESHOLDS, {})
            return {key: ({"value": number(value)},) for key, value in values.items()}
        column = _key_column(table)
        found: dict[str, Rows] = {}
        for row in _records(self.directory, f"{table}.csv"):
            key = row.pop(column)
            found[key] = (*found.get(key, ()), row)
        return found


@lru_cache(maxsize=512)
def content_of(directory: Path) -> Content:
    """The content of an installed version, read once: versions never change."""
    return Content(directory)


def number(value: float) -> str:
    """A threshold as it is written and shown: no trailing zeros, never in powers of ten."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def parameters() -> dict[str, Parameter]:
    """Every threshold that may be set, by key, in the order of the feeds that declare them."""
    return {one.key: one for feed in FEEDS.values() for one in feed.rules}


def checked(edit: Edit) -> Edit:
    """An edit in its plain form: blanks gone, numbers as they are shown.

    Raises:
        PackError: an unknown table or key, a column that there is not, a value out of its range; one sentence.
    """
    if edit.table != THRESHOLDS:
        column = _key_column(edit.table)
        allowed = [name for name in COLUMNS[f"{edit.table}.csv"] if name != column]
        rows = tuple({name: str(row.get(name, "")).strip() for name in allowed} for row in edit.rows)
        extra = sorted({name for row in edit.rows for name in row} - {*allowed, column})
        if extra:
            raise PackError(
                f"{edit.table} {edit.key} 有字段 {extra[0]}，应为 {'、'.join(allowed)}"
                f" · {edit.table} {edit.key}: got field {extra[0]}, allowed are {', '.join(allowed)}."
            )
        if not edit.key.strip():
            raise PackError(f"{edit.table} 的 {column} 是空的，应为代码 · {edit.table}: got no {column}.")
        return Edit(edit.table, edit.key.strip(), rows)
    declared = parameters().get(edit.key)
    if declared is None:
        raise PackError(
            f"没有规则“{edit.key}”，可以设的有：{'、'.join(sorted(parameters()))}"
            f" · There is no rule “{edit.key}”; allowed are {', '.join(sorted(parameters()))}."
        )
    if not edit.rows:
        return edit
    text = str(edit.rows[0].get("value", "")).strip()
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not declared.low <= value <= declared.high:
        low, high, unit = number(declared.low), number(declared.high), f" {declared.unit}" if declared.unit else ""
        raise PackError(
            f"规则“{declared.words.zh}”（{edit.key}）得到“{text}”，应为 {low} 到 {high}{unit} 的数"
            f" · {edit.key}: got “{text}”, allowed is a number from {low} to {high}{unit}."
        )
    return Edit(THRESHOLDS, edit.key, ({"value": number(value)},))


def plan(versions: Sequence[tuple[int, Content]], edits: Sequence[Edit], valid_from: int) -> dict[int, list[Edit]]:
    """valid_from -> edits that make the version of that day, for the day itself and for those scheduled after it.

    ``versions`` are those in force one after the other, (valid_from, content) ascending. An edit goes on into a later
    version as long as that one kept what was there before; where somebody has scheduled another value, that stays.
    Edits that change nothing are left out; the result is empty when none remains.
    """
    before = versions[0][1]
    for day, content in versions:
        if day <= valid_from:
            before = content
    pending = [edit for edit in edits if before.rows(edit.table, edit.key) != edit.rows]
    found: dict[int, list[Edit]] = {valid_from: list(pending)} if pending else {}
    for day, content in versions:
        if day <= valid_from:
            continue
        pending = [e for e in pending if content.rows(e.table, e.key) == before.rows(e.table, e.key)]
        if not pending:
            break
        found[day] = list(pending)
        before = content
    return found


def revise(source: Path, edits: Sequence[Edit], out: Path, since: int = 0, valid_from: int = 0) -> None:
    """Write the pack of ``source`` with edits applied into the directory ``out``, which must be empty or new.

    What is not edited is copied to the last byte. Whether the result is a sound pack, ``load_pack`` says.
    ``since`` is from when ``source`` is in force and ``valid_from`` from when the new pack is: with both given it keeps
    from which day each place has owed visits. A change of rules does not make a place that nobody visits look fresh.

    Raises:
        PackError: a table cannot be edited as it is written.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in (*FILES, "SOURCES.md"):
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)
    tables: dict[str, list[Edit]] = {}
    for edit in edits:
        tables.setdefault(edit.table, []).append(edit)
    for table, changes in tables.items():
        if table != THRESHOLDS:
            (out / f"{table}.csv").write_text(_with_rows(source, table, changes), encoding="utf-8", newline="\n")
    text = _text(source, MANIFEST)
    made = _with_section(text, THRESHOLDS, _thresholds(text, tables[THRESHOLDS])) if THRESHOLDS in tables else text
    if since and valid_from:
        made = _with_days(made, source, out, since, valid_from)
    if made != text:
        (out / MANIFEST).write_text(made, encoding="utf-8", newline="\n")


def _with_rows(source: Path, table: str, edits: Sequence[Edit]) -> str:
    name, column = f"{table}.csv", _key_column(table)
    columns = COLUMNS[name]
    wanted = {edit.key: edit.rows for edit in edits}
    written: set[str] = set()
    lines: list[dict[str, str]] = []

    def write(key: str) -> None:
        written.add(key)
        lines.extend({column: key, **row} for row in wanted[key])

    for row in _records(source, name):
        key = row[column]
        if key not in wanted:
            lines.append(row)
        elif key not in written:
            write(key)
    for key in wanted:
        if key not in written:
            write(key)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in lines)
    return text.getvalue()


def _thresholds(text: str, edits: Sequence[Edit]) -> dict[str, float]:
    """The thresholds of a manifest after edits."""
    values = {key: float(value) for key, value in tomllib.loads(text).get(THRESHOLDS, {}).items()}
    for edit in edits:
        values.pop(edit.key, None)
        if edit.rows:
            values[edit.key] = float(edit.rows[0]["value"])
    return values


def _with_days(text: str, source: Path, out: Path, since: int, valid_from: int) -> str:
    """The manifest with the days from which places have owed visits."""
    was = tomllib.loads(text)
    before, after = Content(source).table("visit_rules"), Content(out).table("visit_rules")
    earlier = {place: day for place, day in was.get("owed_since", {}).items() if place in before and place in after}
    owed = earlier | {place: valid_from for place in after if place not in before}
    if not was.get("since"):
        text = re.sub(r"^valid_from\b.*$", rf"\g<0>\nsince = {since}", text, count=1, flags=re.MULTILINE)
    return _with_section(text, "owed_since", owed) if owed or "owed_since" in was else text


def _with_section(text: str, name: str, values: Mapping[str, float]) -> str:
    """The manifest with another section of numbers, everything around it as it was."""
    was = tomllib.loads(text)
    body = "".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml(value)}\n" for key, value in values.items())
    head = re.search(rf"^\[{name}\][ \t]*(?:#.*)?\n?", text, re.MULTILINE)
    if head is None:
        made = f"{text.rstrip()}\n\n[{name}]\n{body}"
    else:
        after = re.compile(r"^(?:#.*\n|\s*\n)*\[", re.MULTILINE).search(text, head.end())
        rest = text[after.start() :].lstrip("\n") if after else ""
        made = f"{text[: head.start()]}[{name}]\n{body}{chr(10) if rest else ''}{rest}"
    try:
        now = tomllib.loads(made)
    except tomllib.TOMLDecodeError:
        now = {}
    if {**was, name: dict(values)} != now:
        raise PackError(
            f"{MANIFEST} 里的 {name} 不是单独的 [{name}] 一节，改不了，请先整理成一节"
            f" · {name} of {MANIFEST} is not a section [{name}] of its own: make it one first."
        )
    return made


def _toml(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    text = number(value)
    return text if "." in text else f"{text}.0"


def _key_column(table: str) -> str:
    column = KEYS.get(table)
    if column is None:
        known = (THRESHOLDS, *KEYS)
        raise PackError(
            f"区域包里没有可以改的表“{table}”，应为 {'、'.join(known)} 之一"
            f" · table: got “{table}”, allowed is one of {', '.join(known)}."
        )
    return column


def _text(directory: Path, name: str) -> str:
    try:
        return (directory / name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(
            f"{directory} 里的 {name} 读不出来（{error}），请检查区域包"
            f" · {name} in {directory} cannot be read ({error}): check the pack."
        ) from None


def _records(directory: Path, name: str) -> list[dict[str, str]]:
    if name in OPTIONAL and not (directory / name).exists():
        return []
    reader = csv.reader(_text(directory, name).splitlines())
    header = [cell.strip() for cell in next(reader, [])]
    return [
        dict(zip(header, (cell.strip() for cell in cells), strict=False))
        for cells in reader
        if any(cell.strip() for cell in cells)
    ]


def table_and_key(rule: str) -> tuple[str, str]:
    """A rule's table and key from one text: ``fever./face``, ``duty_hours/330421111-K01``."""
    table, slash, key = rule.strip().partition("/")
    return (table, key) if slash and table in KEYS else (THRESHOLDS, rule.strip())


def edit_of(table: str, key: str, text: str, content: Content) -> Edit:
    """An edit from what a person writes: ``37.2``, ``06:00-22:00``, ``08:00-11:00 x1; 13:00-16:00 x2``.

    An empty text or ``default`` takes the rows away; ``全天`` or ``always`` is round the clock. A shift keeps its name
    in ``content``. Other tables than thresholds, duty hours, shifts and visit rules are not written so.

    Raises:
        PackError: not so written; one sentence.
    """
    said = text.strip()
    if table == THRESHOLDS:
        return checked(threshold(key, None if said.lower() in DEFAULT else said))
    if table == "risks":
        return _risk(key, said)
    if table not in ("duty_hours", "shifts", "visit_rules"):
        raise PackError(
            f"{table} 不能写成一行文字，请在页面上改 · {table} cannot be written as one line: use the page."
        )
    if said.lower() in DEFAULT:
        if table == "shifts":
            raise PackError(
                f"班次 {key} 没有默认时间，请写 HH:MM-HH:MM · Shift {key} has no default: write HH:MM-HH:MM."
            )
        return Edit(table, key)
    if table == "visit_rules":
        windows = [part for part in re.split(r"[;；,，]", said) if part.strip()]
        return checked(Edit(table, key, tuple(_window(key, part) for part in windows)))
    if said.lower() in ALWAYS and table == "duty_hours":
        return checked(Edit(table, key, ({"start": "00:00", "end": "00:00"},)))
    start, end = _hours(key, said, "HH:MM-HH:MM" + ("，或“全天”" if table == "duty_hours" else ""))
    row = dict(content.rows(table, key)[0]) if table == "shifts" and content.rows(table, key) else {}
    return checked(Edit(table, key, ({**row, "start": start, "end": end},)))


DEFAULT = ("", "default", "默认")
ALWAYS = ("always", "全天")
_SPAN = re.compile(r"(\d{1,2}:\d{2})\s*(?:-|–|—|~|至|到)\s*(\d{1,2}:\d{2})")
_WINDOW = re.compile(rf"\s*{_SPAN.pattern}\s*(?:[x×*]\s*(\d+)\s*次?|(\d+)\s*次)?\s*")


RISK_WORDS = {
    **dict.fromkeys(("high", "高", "高风险"), "high"),
    **dict.fromkeys(("medium", "中", "中风险"), "medium"),
    **dict.fromkeys(("low", "低", "低风险"), "low"),
}


def _risk(key: str, said: str) -> Edit:
    """A row of the regional-risk table from ``高风险 湖北省``; an empty text takes it away: low risk."""
    code = key.strip()
    if not (code.isascii() and code.isdigit() and 2 <= len(code) <= 12):
        raise PackError(
            f"地区代码得到“{code}”，应为 2 到 12 位数字的行政区划代码，如 420000"
            f" · region: got “{code}”, allowed is a division code of 2 to 12 digits, e.g. 420000."
        )
    if said.lower() in DEFAULT:
        return Edit("risks", code)
    level, _, name = said.partition(" ")
    if level.lower() not in RISK_WORDS:
        raise PackError(
            f"{code} 的风险等级得到“{level}”，应为 高风险、中风险、低风险 之一，后面可以写地名，如 高风险 湖北省"
            f" · {code}: got “{level}”, allowed is high, medium or low, then the region's name."
        )
    return checked(Edit("risks", code, ({"level": RISK_WORDS[level.lower()], "name": name.strip()},)))


def _hours(key: str, text: str, allowed: str) -> tuple[str, str]:
    found = _SPAN.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        times = [parse_time(one.zfill(5)) for one in found.groups()]
    except ValueError:
        raise PackError(
            f"{key} 的时段得到“{text}”，应为 {allowed}（00:00 到 24:00）"
            f" · {key}: got “{text}”, allowed is HH:MM-HH:MM between 00:00 and 24:00."
        ) from None
    start, end = (f"{at // 60:02d}:{at % 60:02d}" for at in times)
    return start, end


def _window(key: str, text: str) -> dict[str, str]:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise PackError(
            f"{key} 的到访要求得到“{text.strip()}”，应为 HH:MM-HH:MM x次数，几段之间用分号隔开"
            f" · {key}: got “{text.strip()}”, allowed is HH:MM-HH:MM xN, windows separated by semicolons."
        )
    start, end = _hours(key, f"{found[1]}-{found[2]}", "HH:MM-HH:MM")
    times = found[3] or found[4] or "1"
    if not 1 <= int(times) <= MAX_TIMES or start >= end:
        raise PackError(
            f"{key} 的到访要求得到“{text.strip()}”，应为起早于止、每段 1 到 {MAX_TIMES} 次，跨零点的写成两段"
            f" · {key}: got “{text.strip()}”, allowed is a start before its end and 1 to {MAX_TIMES} visits."
        )
    return {"times": str(int(times)), "start": start, "end": end}


__all__ = [
    "KEYS",
    "THRESHOLDS",
    "Content",
    "Edit",
    "Row",
    "Rows",
    "checked",
    "content_of",
    "edit_of",
    "number",
    "parameters",
    "plan",
    "revise",
    "table_and_key",
    "threshold",
]
