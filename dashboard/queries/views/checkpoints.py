"""The page 卡点: who is screened where and when, which checkpoints are silent, today's fevers and what became of them.

Nothing here names a person: a fever is a case number. By checkpoint are known its readings, fevers, devices and whether
it is heard of; by town alone the hours, the health codes and what a recheck confirmed, and the page says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from dashboard.access.policy import Permission
from dashboard.domain.day import day_start, minute_of, shift_day
from dashboard.domain.feed import Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.summary import CheckpointNow, DriftNow, FeverNow, FeverState, ReadingSummary, Summary
from dashboard.feeds import KPIS
from dashboard.feeds.temperature import CODES
from dashboard.queries import desk, deskmap, single, wording
from dashboard.queries.asked import Asked, Choice, Filter, Narrowed, day_text, town_choices
from dashboard.queries.explain import value_text
from dashboard.queries.export import Column, Table
from dashboard.queries.figures import ALL
from dashboard.queries.rows import FEVER_STATES, place_name, rule_text
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

FEED = "temperature"
SEARCH = Words("卡点、编号、个案", "Checkpoint, code, case")
WAITING = (FeverState.PENDING, FeverState.UNRESOLVED)
STATES = {
    "online": Words("在线", "Online"),
    "offline": Words("在岗无读数", "On duty, silent"),
    "off": Words("不在岗", "Off duty"),
    "fever": Words("有体温异常", "With fevers"),
    "waiting": Words("有待处置", "With open fevers"),
}
SHOWN = (
    "screened", "fever_count", "fever_rate", "fever_confirmed", "checkpoints_online", "device_drift", "health_code_mix",
    "wrongful_blocks",
)  # fmt: skip
BY_TOWN = ("fever_confirmed", "health_code_mix", "wrongful_blocks")
"""Known by town alone."""
TITLES = {
    "checkpoints": Words("卡点", "Checkpoints"),
    "fevers": Words("体温异常", "Fevers"),
    "hours": Words("每小时查验", "Readings by hour"),
    "devices": Words("设备偏差", "Device drift"),
    "figures": Words("指标", "Figures"),
}
DRIFTS = 12


@dataclass(frozen=True)
class Point:
    """One checkpoint as the page sees it."""

    town: str
    now: CheckpointNow
    states: tuple[str, ...]
    fevers: tuple[FeverNow, ...]
    drifts: tuple[DriftNow, ...]

    @property
    def code(self) -> str:
        """Its place's code."""
        return self.now.checkpoint


def _choices(board: Board, lang: str) -> list[Choice]:
    found = []
    for town in board.pack.towns:
        reading = board.reading(town.code) if town.code in board.towns else None
        points = reading.checkpoints if reading else ()
        found += [Choice(one.checkpoint, place_name(board, one.checkpoint), town.name) for one in points]
    return found


FILTERS = (
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.town),
    Filter("checkpoint", Words("卡点", "Checkpoint"), _choices, lambda row: row.code),
    Filter(
        "state",
        Words("状态", "State"),
        lambda board, lang: [Choice(key, words.of(lang)) for key, words in STATES.items()],
        lambda row: row.states,
    ),
)


class Picture:
    """The checkpoints and figures under the page's filters."""

    def __init__(self, asked: Asked, days: Sequence[Mapping[str, Summary]] | None = None) -> None:
        self.asked, self.board = asked, asked.board
        given = days if days is not None else [board.summaries(FEED) for board in asked.boards or (asked.board,)]
        self.days = [
            {town: one for town, one in day.items() if isinstance(one, ReadingSummary) and town in self.board.towns}
            for day in given
        ]
        self.points = _points(self.days)
        self.narrowed = Narrowed(self.points, asked, lambda row: _text(self.board, row))
        self.rows = self.narrowed.rows
        self.close = any(key in asked.chosen for key in ("checkpoint", "state")) or bool(asked.q)
        """Whether single checkpoints are meant rather than whole towns."""
        self.town = asked.one("town") or ALL
        meant = {row.town for row in self.rows} if self.close else set(asked.chosen.get("town", self.board.towns))
        self.towns = tuple(town for town in self.board.towns if town in meant)
        self.only = None if self.town != ALL or len(self.towns) == len(self.board.towns) else self.towns
        self._narrow = [self._of_points(day) for day in self.days] if self.close else self.days

    def _of_points(self, day: Mapping[str, ReadingSummary]) -> dict[str, ReadingSummary]:
        kept = {row.code for row in self.rows}
        found = {}
        for town, one in day.items():
            points = tuple(point for point in one.checkpoints if point.checkpoint in kept)
            found[town] = replace(
                one,
                checkpoints=points,
                screened=sum(point.screened for point in points),
                fever_count=sum(point.fever for point in points),
                fevers=tuple(fever for fever in one.fevers if fever.checkpoint in kept),
                drifts=tuple(drift for drift in one.drifts if drift.checkpoint in kept),
            )
        return found

    def figure(self, kpi: str, town: str | None = None) -> Figure:
        """A declared KPI of what is chosen, or of one town of it."""
        days = self.days if kpi in BY_TOWN else self._narrow
        return desk.figure_over(kpi, days, town or self.town, self.board.now, None if town else self.only)

    def dims(self, kpi: str) -> dict[str, str]:
        """What a figure is narrowed to beside towns."""
        if kpi in BY_TOWN:
            return {}
        found = {key: ",".join(self.asked.chosen[key]) for key in ("checkpoint", "state") if key in self.asked.chosen}
        return {**found, "q": self.asked.q} if self.asked.q else found

    def before(self) -> Picture | None:
        """The same filters at the same time of the day before; ``None`` when that is not known (yet)."""
        if self.asked.when.kind == "span":
            return None
        found = self.board.before(FEED)
        return Picture(self.asked, [found]) if found else None

    def hours(self, towns: Iterable[str], days: Sequence[Mapping[str, Summary]] | None = None) -> list[int]:
        """Readings per local hour of some towns, 24 numbers."""
        found = [0] * 24
        for day in days if days is not None else self.days:
            for town in towns:
                one = day.get(town)
                if isinstance(one, ReadingSummary):
                    found = [a + b for a, b in zip(found, one.hourly, strict=True)]
        return found


def _points(days: Sequence[Mapping[str, ReadingSummary]]) -> list[Point]:
    """The checkpoints of the last day, with the readings and fevers of every day."""
    found = []
    for town, one in days[-1].items() if days else ():
        for point in one.checkpoints:
            known = [(day[town], other) for day in days if town in day for other in day[town].checkpoints]
            own = [(summary, other) for summary, other in known if other.checkpoint == point.checkpoint]
            whole = replace(
                point, screened=sum(other.screened for _, other in own), fever=sum(other.fever for _, other in own)
            )
            fevers = tuple(
                fever for summary, _ in own for fever in summary.fevers if fever.checkpoint == point.checkpoint
            )
            states = ["off" if not point.on_duty else "online" if point.online else "offline"]
            if whole.fever:
                states.append("fever")
            if any(fever.state in WAITING for fever in fevers):
                states.append("waiting")
            drifts = tuple(drift for drift in one.drifts if drift.checkpoint == point.checkpoint)
            found.append(Point(town, whole, tuple(states), fevers, drifts))
    return found


def _text(board: Board, row: Point) -> str:
    place = board.place(row.code)
    names = [place.name, place.name_en] if place is not None else []
    return " ".join([row.code, *names, *(fever.case for fever in single.rows(board, row.fevers))])


def _town_name(board: Board, code: str) -> str:
    town = board.pack.town_by_code.get(code)
    return town.name if town is not None else code


def _urgency(row: Point) -> tuple[bool, bool, bool, int, str]:
    """Open fevers first, then the silent, then those with fevers, then the busiest."""
    return (
        "waiting" not in row.states,
        "offline" not in row.states,
        "fever" not in row.states,
        -row.now.screened,
        row.code,
    )


# -- the page


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    picture, lang = Picture(asked), asked.lang
    zh = lang != "en"
    rows = sorted(picture.rows, key=_urgency)
    before = picture.before()
    return desk.document(
        asked,
        picture.narrowed,
        feed=FEED,
        headline=headline(picture),
        sub=_sub(picture),
        tables=[(name, words.of(lang)) for name, words in TITLES.items()],
        tiles=_tiles(picture, before),
        helps={kpi: _help(picture, kpi) for kpi in SHOWN},
        compare=_compare(asked),
        search=SEARCH,
        title="卡点" if zh else "Checkpoints",
        hours=_hours(picture, before),
        matrix=_matrix(picture),
        map=_map(picture, rows),
        rows=[_row(picture, row) for row in rows],
        fevers=_fevers(picture, rows),
        fevers_total=sum(len(row.fevers) for row in rows),
        blocks=_blocks(picture, rows),
        drifts=_drifts(picture),
        words={**(words := _words(lang)), "none": single.empty(picture.board, lang, words["none"])},
        empty=_empty(picture),
    )


def _help(picture: Picture, kpi: str) -> dict[str, Any]:
    figure = picture.figure(kpi)
    records = figure.denominator if kpi == "fever_rate" else None
    found = desk.help_for(picture.asked, figure, records=records)
    if kpi == "fever_rate" and figure.detail.get("low") is not None:
        zh = picture.asked.lang != "en"
        head = "95% 区间" if zh else "95 % interval"
        found["rows"] = [*found["rows"], {"head": head, "number": "", "text": _interval(figure)}]
    return found


def _interval(figure: Figure) -> str:
    """The Wilson interval of a rate, as it is read."""
    low, high = figure.detail.get("low"), figure.detail.get("high")
    if low is None or high is None:
        return ""
    return f"{wording.percent(low, 2)}–{wording.percent(high, 2)}"


def _tiles(picture: Picture, before: Picture | None) -> list[dict[str, Any]]:
    asked, lang = picture.asked, picture.asked.lang
    zh, found = lang != "en", []
    for kpi in SHOWN:
        figure = picture.figure(kpi)
        note: str | None = None
        if kpi == "fever_rate":
            interval = _interval(figure)
            note = f"{'95% 区间' if zh else '95 %'} {interval}" if interval else ""
        elif kpi == "health_code_mix":
            note = _codes(figure, lang)
        elif kpi == "fever_count" and figure.value is not None:
            waiting = sum(figure.detail.get(str(state), 0) for state in WAITING)
            note = (f"待处置 {waiting}" if zh else f"{waiting} open") if waiting else None
        elif kpi == "device_drift" and figure.detail.get("device"):
            town = next((row.town for row in picture.points if row.code == figure.detail["checkpoint"]), "")
            note = wording.device(str(figure.detail["device"]), town)
        if kpi in BY_TOWN and picture.close:
            note = wording.join(["按镇，不分卡点" if zh else "by town, not by checkpoint", note or ""], lang)
        made = desk.tile(
            asked, figure, before.figure(kpi) if before else None, note=note, dims=picture.dims(kpi)
        )  # fmt: skip
        if kpi == "checkpoints_online" and figure.value is not None:
            made["value"] = wording.count(figure.numerator or 0, lang)
            made["unit"] = f"/ {wording.count(figure.denominator or 0, lang)}{' 个' if zh else ''}"
            made["note"] = _silence(picture)
        found.append(made)
    return found


def _codes(figure: Figure, lang: str) -> str:
    """``黄 12·红 < 3``: the other colours, small counts not told."""
    texts = [
        f"{CODES[code].of(lang)} {wording.people(figure.detail[code], lang)}"
        for code in ("yellow", "red", "none")
        if figure.detail.get(code)
    ]
    return wording.join(texts, lang)


def _silence(picture: Picture) -> str:
    zh = picture.asked.lang != "en"
    silent = [row for row in picture.rows if "offline" in row.states]
    if silent:
        names = wording.listed([place_name(picture.board, row.code) for row in silent], picture.asked.lang, 1)
        return f"{names}无读数" if zh else f"silent: {names}"
    on = any(row.now.on_duty for row in picture.rows)
    return ("全部在线" if zh else "all online") if on else ("现在都不在岗" if zh else "none on duty now")


def headline(picture: Picture) -> list[dict[str, str]]:
    """How many were screened, how many had a fever and wait, which checkpoints are silent."""
    asked, lang = picture.asked, picture.asked.lang
    zh = lang != "en"
    screened, fevers = picture.figure("screened"), picture.figure("fever_count")
    if screened.value is None:
        text = "还没有收到测温记录" if zh else "No reading has come"
        return [{"text": text, "tone": "stale"}]
    n = wording.count(screened.value, lang)
    found = [{"text": f"查验 {n} 人次" if zh else f"{n} screened", "tone": "plain"}]
    waiting = sum(fevers.detail.get(str(state), 0) for state in WAITING)
    count = wording.count(fevers.value or 0, lang)
    fever = "fever" if fevers.value == 1 else "fevers"
    if waiting:
        found.append(
            {
                "text": f"体温异常 {count}，{waiting} 人待处置" if zh else f"{count} {fever}, {waiting} open",
                "tone": "alert",
            }
        )
    else:
        text = (f"体温异常 {count}，均已处置" if zh else f"{count} {fever}, all followed up") if fevers.value else ""
        found.append({"text": text or ("无体温异常" if zh else "no fever"), "tone": "plain"})
    silent = sum(1 for row in picture.rows if "offline" in row.states)
    if asked.when.kind in ("now", "as_of") and silent:
        words = "checkpoint is" if silent == 1 else "checkpoints are"
        text = f"{silent} 个卡点无读数" if zh else f"{silent} {words} silent"
        old = asked.when.live and asked.board.freshness(FEED)[0] in (Freshness.STALE, Freshness.SILENT)
        found.append({"text": text, "tone": "stale" if old else "watch"})
    return found


def _sub(picture: Picture) -> list[str]:
    asked, board, lang = picture.asked, picture.board, picture.asked.lang
    count = len(picture.rows)
    texts = [wording.date_line(board.day, lang), f"{count} 个卡点" if lang != "en" else f"{count} checkpoints"]
    if asked.when.kind in ("now", "as_of"):
        texts.append(wording.as_of(board.now, board.zone, lang))
    return texts


def _hours(picture: Picture, before: Picture | None) -> dict[str, Any]:
    """Readings per hour with yesterday's step, and the fevers on the same axis."""
    board, asked, lang = picture.board, picture.asked, picture.asked.lang
    zh = lang != "en"
    today = picture.hours(picture.towns)
    yesterday: list[int] | None = None
    if asked.when.kind != "span" and board.trends is not None:
        ends = board.trends.day_end(FEED, shift_day(board.day, -1))
        yesterday = picture.hours(picture.towns, [ends]) if ends else None
    peak = max(range(24), key=lambda hour: (today[hour], -hour))
    high = max([*today, *(yesterday or [0])])
    hours: dict[int, list[int]] = {}
    for row in picture.rows:
        for fever in row.fevers:
            hour = minute_of(fever.at, board.zone) // 60
            hours.setdefault(hour, [0, 0])[1 if fever.state in WAITING else 0] += 1
    waiting = sum(pair[1] for pair in hours.values())
    current = minute_of(board.now, board.zone) // 60 if asked.when.kind in ("now", "as_of") else -1
    note = "按镇，不分卡点" if zh else "by town, not by checkpoint"
    return {
        "today": today,
        "yesterday": yesterday if yesterday and any(yesterday) else None,
        "hour": current,
        "gridlines": [{"value": high // 2, "text": wording.count(high // 2, lang)}] if high >= 10 else [],
        "peak": {"hour": peak, "text": wording.count(today[peak], lang)} if today[peak] else None,
        "strip": {
            "label": "体温异常" if zh else "Fever",
            "hours": [{"hour": hour, "closed": a, "open": b} for hour, (a, b) in sorted(hours.items())],
            "note": (f"待处置 {waiting}" if zh else f"{waiting} open") if waiting else "",
        },
        "ticks": [{"hour": hour, "text": f"{hour} 时" if zh else f"{hour:02d}:00"} for hour in (0, 6, 12, 18, 24)],
        "note": note if picture.close else "",
        "label": "每小时查验人次与体温异常：" + "，".join(f"{at} 时 {n}" for at, n in enumerate(today) if n)
        if zh
        else "Readings per hour: " + ", ".join(f"{at}:00 {n}" for at, n in enumerate(today) if n),
    }


def _matrix(picture: Picture) -> dict[str, Any]:
    """Towns by hour: readings, on one scale."""
    board, lang = picture.board, picture.asked.lang
    rows = []
    for town in picture.towns:
        cells = picture.hours([town])
        figure = picture.figure("screened", town)
        rows.append(
            {
                "town": town,
                "name": _town_name(board, town),
                "cells": cells,
                "reported": figure.value is not None,
                "raw": figure.value,
                "text": value_text(figure, KPIS["screened"][1], lang)[0]
                if figure.value is not None
                else wording.not_reported(lang),
                "freshness": str(figure.freshness) if picture.asked.when.live else "fresh",
            }
        )
    rows.sort(key=lambda row: (not row["reported"], -(cast("int", row["raw"]) if row["reported"] else 0)))
    most = max((max(cast("list[int]", row["cells"])) for row in rows), default=0)
    now = minute_of(board.now, board.zone) // 60 if picture.asked.when.kind in ("now", "as_of") else 24
    return {"rows": rows, "most": most, "now": now, "dims": picture.dims("screened")}


def _state_word(row: Point) -> str:
    return row.states[0]


def _drift_text(row: Point) -> str:
    return f"{wording.signed(row.drifts[0].milli / 1000, 2)} ℃" if row.drifts else wording.MISSING


def _duty(board: Board, code: str, lang: str) -> str:
    hours = board.pack.duty_by_checkpoint.get(code)
    if hours is None or hours.start == hours.end:
        return "全天" if lang != "en" else "round the clock"
    return f"{hours.start // 60:02d}:{hours.start % 60:02d}–{hours.end // 60:02d}:{hours.end % 60:02d}"


def _last(board: Board, row: Point, lang: str) -> str:
    if row.now.last_at is None:
        return "从未上报" if lang != "en" else "never"
    return wording.moment(row.now.last_at, board.day, board.zone, lang)


def _row(picture: Picture, row: Point) -> dict[str, Any]:
    board, lang = picture.board, picture.asked.lang
    state = STATES[_state_word(row)].of(lang)
    waiting = sum(1 for fever in row.fevers if fever.state in WAITING)
    name = place_name(board, row.code)
    beside = (f"待处置 {waiting}" if lang != "en" else f"{waiting} open") if waiting else ""
    return {
        "key": row.code,
        "name": name,
        "town": _town_name(board, row.town),
        "town_code": row.town,
        "state": row.states[0],
        "state_text": state,
        "last": _last(board, row, lang),
        "last_at": row.now.last_at,
        "screened": row.now.screened,
        "fever": row.now.fever,
        "waiting": beside,
        "drift": abs(row.drifts[0].milli) if row.drifts else None,
        "drift_text": _drift_text(row),
        "drift_over": bool(row.drifts) and _over(row.drifts[0]),
        "duty": _duty(board, row.code, lang),
        "label": wording.join([name, state, f"{row.now.screened}", beside], lang),
    }


def _over(drift: DriftNow) -> bool:
    limit = KPIS["device_drift"][1].watch_above
    return limit is not None and abs(drift.milli) / 1000 > limit


def _map(picture: Picture, rows: Sequence[Point]) -> dict[str, Any]:
    """Checkpoints with their states; those with open fevers are numbered as they stand in the list of fevers."""
    board, lang = picture.board, picture.asked.lang
    marks = {"online": "met", "offline": "unobservable", "off": "open"}
    points: list[list[Any]] = []
    number = 0
    for row in rows:
        waiting = "waiting" in row.states
        number += waiting
        place = board.place(row.code)
        if place is None or place.lon is None or place.lat is None:
            continue
        state = "lapsed" if waiting else marks[row.states[0]]
        points.append([row.code, round(place.lon, 5), round(place.lat, 5), state, number if waiting else 0, place.name])
    marked = deskmap.towns(
        picture.asked,
        lambda town: picture.figure("screened", town),
        text=lambda own: wording.not_reported(lang) if own.value is None else wording.count(own.value, lang),
        reported=lambda town: picture.figure("screened", town).value is not None,
        meant=picture.towns,
    )
    # What a town lacks stands in its text; a past moment is as fresh as it will ever be.
    towns = [
        one | {"label": one["name"]} | ({} if picture.asked.when.live else {"freshness": "fresh"}) for one in marked
    ]
    label = f"卡点图，{len(points)} 个卡点" if lang != "en" else f"Map of {len(points)} checkpoints"
    return deskmap.document(picture.asked, towns, points, label, kpi="screened", dims=picture.dims("screened"))


def _fevers(picture: Picture, rows: Sequence[Point]) -> list[dict[str, Any]]:
    """Fevers, those that wait for somebody first, then the newest. A person is a case number."""
    board, lang = picture.board, picture.asked.lang
    numbers = {row.code: at for at, row in enumerate((row for row in rows if "waiting" in row.states), start=1)}
    found = [(fever, row) for row in rows for fever in row.fevers]
    found.sort(key=lambda pair: (pair[0].state not in WAITING, -pair[0].at, pair[0].case))
    found = list(single.rows(board, found))
    return [
        {
            "case": fever.case,
            "checkpoint": row.code,
            "number": numbers.get(row.code, 0) if fever.state in WAITING else 0,
            "name": place_name(board, row.code),
            "town": _town_name(board, row.town),
            "time": wording.moment(fever.at, board.day, board.zone, lang),
            "degrees": wording.celsius(fever.milli_celsius),
            "rule": rule_text(FEED, fever.rule, lang),
            "state": FEVER_STATES[fever.state].of(lang),
            "open": fever.state in WAITING,
        }
        for fever, row in found
    ]


def _blocks(picture: Picture, rows: Sequence[Point]) -> list[dict[str, Any]]:
    """Incidents: green code, normal temperature, refused all the same. Newest first; never who it was."""
    board, lang = picture.board, picture.asked.lang
    codes = {row.code for row in rows}
    found = [
        (block, town)
        for town in board.towns
        if (reading := board.reading(town)) is not None
        for block in reading.blocks
        if block.checkpoint in codes
    ]
    found.sort(key=lambda pair: (-pair[0].at, pair[0].checkpoint, pair[0].case))
    found = list(single.rows(board, found))
    return [
        {
            "case": block.case,
            "checkpoint": block.checkpoint,
            "name": place_name(board, block.checkpoint),
            "town": _town_name(board, town),
            "time": wording.moment(block.at, board.day, board.zone, lang),
            "rule": "绿码、体温正常" if lang != "en" else "green, normal",
            "state": "误拦" if lang != "en" else "refused",
        }
        for block, town in found
    ]


def _drifts(picture: Picture) -> dict[str, Any]:
    """Devices by how far they are from their peers of the same method and site."""
    lang = picture.asked.lang
    limit = KPIS["device_drift"][1].watch_above or 0.5
    found = sorted(
        ((drift, row) for row in picture.rows for drift in row.drifts),
        key=lambda pair: (-abs(pair[0].milli), pair[0].device),
    )
    most = max([limit * 1000, *(abs(drift.milli) for drift, _ in found)])
    return {
        "limit": round(limit * 1000 / most, 4),
        "limit_text": f"±{wording.decimal(limit, 1)} ℃",
        "count": len(found),
        "rows": [
            {
                "device": wording.device(drift.device, row.town),
                "checkpoint": row.code,
                "name": place_name(picture.board, row.code),
                "share": round(drift.milli / most, 4),
                "text": f"{wording.signed(drift.milli / 1000, 2)} ℃",
                "readings": f"{drift.readings} 次" if lang != "en" else f"{drift.readings} readings",
                "over": _over(drift),
            }
            for drift, row in found[:DRIFTS]
        ],
    }


def _words(lang: str) -> dict[str, Any]:
    zh = lang != "en"
    return {
        "heads": ["卡点", "镇（街道）", "状态", "最近读数", "查验", "体温异常", "设备偏差", "执勤时间"]
        if zh
        else ["Checkpoint", "Town", "State", "Last reading", "Screened", "Fevers", "Drift", "Duty hours"],
        "states": {key: words.of(lang) for key, words in STATES.items()},
        "today": "今日" if zh else "Today",
        "yesterday": "昨日" if zh else "Yesterday",
        "town": "镇（街道）" if zh else "Town",
        "whole": "合计" if zh else "Total",
        "none": "没有体温异常" if zh else "No fever",
        "no_drift": "读数满 20 次的设备才算偏差，现在还没有" if zh else "No device with 20 readings yet",
        "drift_note": "最近 50 次的中位数 − 同方式同部位其他设备" if zh else "median of 50 − its peers' median",
        "case": "个案" if zh else "Case",
        "matrix": "各镇每小时查验人次" if zh else "Readings by town and hour",
    }


def _empty(picture: Picture) -> str:
    zh = picture.asked.lang != "en"
    if picture.points:
        return "没有符合筛选的卡点" if zh else "No checkpoint passes the filters"
    return "还没有卡点记录" if zh else "No checkpoint on record"


# -- comparison, drawer, files


def _figures(asked: Asked) -> list[Figure]:
    picture = Picture(asked)
    return [picture.figure(kpi) for kpi in SHOWN]


def _compare(asked: Asked) -> dict[str, Any] | None:
    if asked.versus is None:
        return None
    found = desk.comparison(asked, _figures(asked), desk.other_side(asked, _figures))
    if found is not None:
        picture = Picture(asked)
        for row in found["rows"]:
            row["dims"] = picture.dims(row["kpi"])
    return found


def detail(asked: Asked, scope: str) -> dict[str, Any]:
    """The drawer of one checkpoint: its day, devices, fevers and duty hours."""
    picture, board, lang, zh = Picture(asked), asked.board, asked.lang, asked.lang != "en"
    row = next((one for one in picture.points if one.code == asked.open), None)
    if row is None:
        return {"drawer": None}
    waiting = [fever for fever in row.fevers if fever.state in WAITING]
    due = None
    if waiting:
        due = {
            "tone": "alert",
            "shape": "lapsed",
            "text": f"{len(waiting)} 人待处置" if zh else f"{len(waiting)} to follow up",
            "note": wording.clock(waiting[0].at, board.zone),
        }
    elif "offline" in row.states and asked.when.kind in ("now", "as_of"):
        since = max(row.now.last_at or 0, day_start(board.day, board.zone))
        due = {
            "tone": "watch",
            "shape": "unobservable",
            "text": "在岗无读数" if zh else "On duty, silent",
            "note": wording.span(board.now - since, lang),
        }
    keep = "" if zh else "&lang=en"
    query = f"feed=temperature&town={row.town}&subject={row.code}&day={day_text(board.day)}{keep}"
    rate = (row.now.fever / row.now.screened) if row.now.screened else None
    fates = {FeverState.PENDING: "soon", FeverState.UNRESOLVED: "lapsed"}
    return {
        "drawer": {
            "key": row.code,
            "over": wording.join([row.code, _town_name(board, row.town)], lang),
            "title": place_name(board, row.code),
            "facts": STATES[row.states[0]].of(lang),
            "due": due,
            "rows": [
                {"head": "执勤时间" if zh else "Duty hours", "text": _duty(board, row.code, lang)},
                {"head": "最近读数" if zh else "Last reading", "text": _last(board, row, lang)},
                {"head": "查验" if zh else "Screened", "text": wording.count(row.now.screened, lang)},
                {"head": "体温异常" if zh else "Fevers", "text": wording.count(row.now.fever, lang)},
                {"head": "发热率" if zh else "Fever rate", "text": wording.percent(rate, 2)},
            ],
            "sections": [
                {
                    "title": "体温异常" if zh else "Fevers",
                    "empty": single.empty(board, lang, "没有体温异常" if zh else "No fever"),
                    "items": [
                        {
                            "state": fates.get(fever.state, "met"),
                            "time": wording.moment(fever.at, board.day, board.zone, lang),
                            "text": wording.join(
                                [
                                    fever.case,
                                    wording.celsius(fever.milli_celsius),
                                    rule_text(FEED, fever.rule, lang),
                                    FEVER_STATES[fever.state].of(lang),
                                ],
                                lang,
                            ),
                            "tone": "alert" if fever.state in WAITING else "",
                        }
                        for fever in single.rows(board, row.fevers)
                    ],
                },
                {
                    "title": "设备" if zh else "Devices",
                    "empty": "读数满 20 次的设备才算偏差" if zh else "Drift needs 20 readings of a device",
                    "items": [
                        {
                            "state": "watch" if _over(drift) else "met",
                            "time": wording.device(drift.device, row.code) or drift.device,
                            "text": wording.join(
                                [
                                    f"{wording.signed(drift.milli / 1000, 2)} ℃",
                                    f"{drift.readings} 次" if zh else f"{drift.readings} readings",
                                ],
                                lang,
                            ),
                            "tone": "",
                        }
                        for drift in row.drifts
                    ],
                },
            ],
            "links": list(single.rows(board, [{"text": "看记录" if zh else "Records", "href": f"/records?{query}"}])),
            "foot": "只有个案编号，没有人的身份" if zh else "Case numbers only, never a person",
        }
    }


def tables(asked: Asked, scope: str) -> list[Table]:
    """What the page shows, as tables of real numbers."""
    picture, board, lang = Picture(asked), asked.board, asked.lang
    zh = lang != "en"

    def column(chinese: str, english: str, kind: Any = "text", decimals: int = 1) -> Column:
        return Column(chinese if zh else english, kind, decimals)

    rows = sorted(picture.rows, key=_urgency)
    points = Table(
        "checkpoints",
        TITLES["checkpoints"].of(lang),
        (
            column("卡点编号", "Code"), column("卡点", "Checkpoint"), column("镇（街道）", "Town"),
            column("状态", "State"), column("最近读数", "Last reading", "time"),
            column("查验人次", "Screened", "count"), column("体温异常", "Fevers", "count"),
            column("待处置", "Open fevers", "count"),
            column("设备偏差 ℃", "Drift ℃", "number", 3), column("执勤时间", "Duty hours"),
        ),
        [
            [
                row.code, place_name(board, row.code), _town_name(board, row.town), STATES[row.states[0]].of(lang),
                row.now.last_at, row.now.screened, row.now.fever,
                sum(1 for fever in row.fevers if fever.state in WAITING),
                row.drifts[0].milli / 1000 if row.drifts else None, _duty(board, row.code, lang),
            ]
            for row in rows
        ],
    )  # fmt: skip
    found = sorted(((fever, row) for row in rows for fever in row.fevers), key=lambda pair: (-pair[0].at, pair[0].case))
    fevers = Table(
        "fevers",
        TITLES["fevers"].of(lang),
        (
            column("个案", "Case"), column("卡点", "Checkpoint"), column("镇（街道）", "Town"),
            column("时间", "Time", "time"), column("体温 ℃", "Reading ℃", "number"), column("判定", "Rule"),
            column("结果", "Fate"),
        ),
        [
            [
                fever.case, place_name(board, row.code), _town_name(board, row.town), fever.at,
                fever.milli_celsius / 1000, rule_text(FEED, fever.rule, lang), FEVER_STATES[fever.state].of(lang),
            ]
            for fever, row in single.rows(board, found)
        ],
    )  # fmt: skip
    hours = Table(
        "hours",
        TITLES["hours"].of(lang),
        (
            column("镇（街道）代码", "Town code"), column("镇（街道）", "Town"),
            *(Column(f"{hour} 时" if zh else f"{hour:02d}:00", "count") for hour in range(24)),
        ),
        [[town, _town_name(board, town), *picture.hours([town])] for town in picture.towns],
    )  # fmt: skip
    devices = Table(
        "devices",
        TITLES["devices"].of(lang),
        (
            column("设备", "Device"), column("卡点", "Checkpoint"), column("方式", "Method"), column("部位", "Site"),
            column("偏差 ℃", "Drift ℃", "number", 3), column("读数", "Readings", "count"),
        ),
        [
            [drift.device, place_name(board, row.code), drift.method, drift.site, drift.milli / 1000, drift.readings]
            for row in rows
            for drift in row.drifts
        ],
    )  # fmt: skip
    return [points, fevers, hours, devices, _figure_table(picture)]


def _figure_table(picture: Picture) -> Table:
    board, lang = picture.board, picture.asked.lang
    zh = lang != "en"
    heads = ["指标代码", "指标", "镇（街道）代码", "镇（街道）"] if zh else ["KPI", "Figure", "Town code", "Town"]
    columns = (
        *(Column(head) for head in heads),
        Column("值" if zh else "Value", "number", 6),
        Column("分子" if zh else "Numerator", "number"),
        Column("分母" if zh else "Denominator", "number"),
        Column("区间下限" if zh else "Interval low", "number", 6),
        Column("区间上限" if zh else "Interval high", "number", 6),
    )
    rows = []
    for kpi in SHOWN:
        towns: list[str | None] = [None, *(picture.towns if picture.town == ALL else ())]
        for town in towns:
            figure = picture.figure(kpi, town)
            name = _town_name(board, figure.town) if figure.town in board.towns else "全部" if zh else "All"
            low, high = figure.detail.get("low"), figure.detail.get("high")
            parts = [figure.value, figure.numerator, figure.denominator]
            rows.append([kpi, KPIS[kpi][1].words.of(lang), figure.town, name, *parts, low, high])
    return Table("figures", TITLES["figures"].of(lang), columns, rows)


VIEW = View(
    "checkpoints",
    build,
    filters=FILTERS,
    detail=detail,
    tables=tables,
    title=Words("卡点", "Checkpoints"),
    open=True,
    needs=Permission.FIGURES,
    cases=True,
)

__all__ = ["FILTERS", "VIEW", "Picture", "build", "detail", "headline", "tables"]
