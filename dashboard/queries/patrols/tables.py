"""What the page of patrols shows, as tables of real numbers for export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.domain.day import HOUR
from dashboard.domain.feed import Words
from dashboard.feeds.patrol import TARGETS
from dashboard.queries import wording
from dashboard.queries.asked import Asked
from dashboard.queries.export import Column, Kind, Table
from dashboard.queries.figuretable import figure_table
from dashboard.queries.patrols.beats import columns_of, matrix_of
from dashboard.queries.patrols.picture import Picture, beat_text, place_text
from dashboard.queries.patrols.places import gaps_of, shown_gaps
from dashboard.queries.rows import STATES, unit_name

COMPARED = (
    "patrol_coverage",
    "obligations_met",
    "obligations_lapsed",
    "obligations_unobservable",
    "obligations_open",
    "units_on_duty",
    "person_times",
    "distance_km",
    "cells_seen",
    "longest_gap_hours",
)


TITLES = {
    "gaps": Words("最久未到", "Longest since visit"),
    "beats": Words("巡段", "Beats"),
    "obligations": Words("巡逻义务", "Obligations"),
    "figures": Words("指标", "Figures"),
}
"""The tables by name, in the order of the sheets."""


def tables(asked: Asked, scope: str) -> list[Table]:
    """What the page shows, as tables."""
    picture = Picture(asked)
    rows = {"gaps": _gap_table, "beats": _beat_table, "obligations": _owed_table}
    made = [Table(name, TITLES[name].of(asked.lang), *make(picture)) for name, make in rows.items()]
    return [*made, figure_table("figures", TITLES["figures"].of(asked.lang), picture, COMPARED)]


Made = tuple[tuple[Column, ...], list[list[Any]]]


def _heads(lang: str, *given: tuple[str, str, Kind]) -> tuple[Column, ...]:
    return tuple(Column(zh if lang != "en" else en, kind) for zh, en, kind in given)


def _gap_table(picture: Picture) -> Made:
    asked, board, lang = picture.asked, picture.asked.board, picture.asked.lang
    columns = _heads(
        lang, ("编号", "Number", "count"), ("点位代码", "Place", "text"), ("点位", "Name", "text"),
        ("镇（街道）", "Town", "text"), ("巡段", "Beat", "text"), ("上次到访", "Last visit", "time"),
        ("距今小时", "Hours since", "number"), ("判定", "State", "text"), ("已巡", "Met", "count"),
        ("应巡", "Owed", "count"), ("责任组", "Unit", "text"),
    )  # fmt: skip
    gaps = gaps_of(picture)
    numbers = {(gap.town, gap.place): number for number, gap in enumerate(shown_gaps(gaps), start=1)}
    rows = []
    for gap in gaps:
        since = gap.gap
        rows.append(
            [
                numbers.get((gap.town, gap.place)),
                gap.place,
                place_text(board, gap.town, gap.place),
                board.pack.town_by_code[gap.town].name,
                beat_text(board, gap.beat, lang),
                since.since if since is not None and since.visited else None,
                (board.now - since.since) / HOUR if since is not None else None,
                STATES[gap.state].of(asked.lang),
                gap.met,
                gap.owed,
                wording.join([unit_name(board, unit, lang) for unit in gap.units], lang),
            ]
        )
    return columns, rows


def _beat_table(picture: Picture) -> Made:
    lang = picture.asked.lang
    starts, _ = columns_of(picture)
    matrix = matrix_of(picture)
    hours: list[tuple[str, str, Kind]] = [
        (f"{hour} 时 {zh}", f"{hour}:00 {en}", "count")
        for hour in starts
        for zh, en in (("已巡", "met"), ("漏巡", "lapsed"), ("无法判定", "unobservable"), ("未到期", "open"))
    ]
    columns = _heads(
        lang, ("镇（街道）代码", "Town code", "text"), ("镇（街道）", "Town", "text"), ("巡段", "Beat", "text"),
        ("责任组", "Units", "text"), ("应结", "Closed", "count"), ("已巡", "Met", "count"),
        ("覆盖率", "Coverage", "percent"), *hours,
    )  # fmt: skip

    def numbers(line: Mapping[str, Any]) -> list[Any]:
        cells = [count for cell in line["cells"] for count in (cell or (None, None, None, None))]
        return [line["closed"], line["met"], line["share"], *cells]

    rows: list[list[Any]] = []
    whole = "全镇" if lang != "en" else "Whole town"
    for town in matrix["rows"]:
        rows.append([town["town"], town["name"], whole, "", *numbers(town)])
        rows += [[town["town"], town["name"], beat["name"], beat["units"], *numbers(beat)] for beat in town["beats"]]
    return columns, rows


def _owed_table(picture: Picture) -> Made:
    board, lang = picture.asked.board, picture.asked.lang
    columns = _heads(
        lang, ("日期", "Day", "day"), ("镇（街道）", "Town", "text"), ("点位代码", "Place", "text"),
        ("点位", "Name", "text"), ("对象", "Object", "text"), ("巡段", "Beat", "text"), ("起", "From", "time"),
        ("止", "To", "time"), ("第几次", "Visit", "count"), ("判定", "State", "text"), ("到访", "Visited", "time"),
    )  # fmt: skip
    rows = [
        [
            row.day,
            board.pack.town_by_code[row.town].name,
            row.place,
            place_text(board, row.town, row.place),
            TARGETS[row.target].of(lang) if row.target in TARGETS else row.target,
            beat_text(board, row.beat, lang),
            row.judged.start,
            row.judged.end,
            row.judged.nth,
            STATES[row.state].of(lang),
            row.judged.met_at,
        ]
        for row in sorted(picture.narrowed.rows, key=lambda row: (row.judged.end, row.town, row.place, row.judged.nth))
    ]
    return columns, rows
