"""Rules as the page draws them: value, default, since when, what comes next, and how they are written when edited."""

from __future__ import annotations

from typing import Any

from dashboard.domain.feed import Parameter
from dashboard.queries.rules import day_text, told, value_text
from dashboard.queries.ruling.picture import Line, Picture
from geodata.pack import parse_time
from geodata.revise import THRESHOLDS, Rows, number


def threshold(picture: Picture, line: Line, declared: Parameter) -> dict[str, Any]:
    lang, zh = picture.lang, picture.zh
    rows = picture.rows(THRESHOLDS, line.key)
    unit = value_text(0, declared.unit, lang).partition(" ")[2]
    value = float(rows[0]["value"]) if rows else declared.default
    low, high = number(declared.low), number(declared.high)
    return told_line(picture, line) | {
        "value": ("不另设" if zh else "not set")
        if value is None
        else value_text(value, declared.unit, lang).split()[0],
        "unit": "" if value is None else unit,
        "raw": rows[0]["value"] if rows else "",
        "default": value_text(declared.default, declared.unit, lang),
        "hint": number(declared.default) if declared.default is not None else "",
        "own": bool(rows),
        # A threshold that only narrows another one is folded away until somebody sets it.
        "quiet": declared.default is None and not rows and not picture.next(THRESHOLDS, line.key),
        "low": declared.low,
        "high": declared.high,
        "allowed": f"{low}–{high} {unit}".strip(),
        "long_unit": unit,
    }


def told_line(picture: Picture, line: Line) -> dict[str, Any]:
    lang = picture.lang
    rows = picture.rows(line.table, line.key)
    since, later = picture.since(line.table, line.key), picture.next(line.table, line.key)
    town = picture.pack.town_by_code.get(line.town)
    return {
        "id": line.id,
        "table": line.table,
        "key": line.key,
        "name": line.name,
        "town": line.town,
        "town_name": town.name if town else "",
        "value": told(line.table, line.key, rows, lang, picture.pack),
        "raw": _raw(line.table, rows),
        "hours": _hours(line.table, rows),
        "since": day_text(since, picture.day, lang) if since else "",
        "next": {
            "day": day_text(later[0], picture.day, lang),
            "value": told(line.table, line.key, later[1], lang, picture.pack),
        }
        if later
        else None,
        "edit": picture.may(line.table, line.town),
    }


def _raw(table: str, rows: Rows) -> str:
    """Rows as they are written in an edit field (``geodata.revise.edit_of``)."""
    if not rows:
        return ""
    if table == THRESHOLDS:
        return rows[0]["value"]
    if table == "visit_rules":
        return "; ".join(f"{row['start']}-{row['end']} x{row['times']}" for row in rows)
    if table == "risks":
        return " ".join(part for part in (RISKS[rows[0]["level"]], rows[0].get("name", "")) if part)
    if rows[0]["start"] == rows[0]["end"] and table == "duty_hours":
        return "全天"
    return f"{rows[0]['start']}-{rows[0]['end']}"


RISKS = {"high": "高风险", "medium": "中风险", "low": "低风险"}
"""Levels as an edit field has them (``geodata.revise.edit_of``)."""


def _hours(table: str, rows: Rows) -> list[list[int]]:
    """Stretches of the day in minutes, for the band that draws them; one past midnight is two."""
    if table == "duty_hours" and not rows:
        return [[0, 1440]]
    found = []
    for row in rows if table not in (THRESHOLDS, "risks") else ():
        start, end = parse_time(row["start"]), parse_time(row["end"])
        if start == end:
            return [[0, 1440]]
        found += [[start, end]] if start < end else [[start, 1440], [0, end]]
    return found


def town_lines(picture: Picture) -> list[dict[str, Any]]:
    lines = [line for line in picture.shown(picture.part) if line.town]
    found = []
    for town in picture.pack.towns:
        own = [told_line(picture, line) for line in lines if line.town == town.code]
        if own:
            found.append({"town": town.code, "name": town.name, "lines": own})
    return found
