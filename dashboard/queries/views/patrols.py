"""The page 巡逻: which visits were owed, made and missed, by town, beat and hour, where, and which place waits longest.

A row is one obligation as judged. Figures under filters are the declared KPIs over summaries narrowed to the rows that
pass; nothing is defined here anew. Instants are ms since 1970 UTC, hours local.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import h3
from msgspec.structs import replace

from dashboard.domain.day import HOUR, day_of, minute_of
from dashboard.domain.feed import Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.place import Place
from dashboard.domain.summary import Judged, ObligationState, PlaceGap, TrackSummary
from dashboard.feeds import KPIS
from dashboard.feeds.patrol import TARGETS
from dashboard.queries import desk, wording
from dashboard.queries.asked import (
    Asked,
    Choice,
    Filter,
    Narrowed,
    shift_choices,
    town_choices,
)
from dashboard.queries.duties import SOON_MS
from dashboard.queries.export import Column, Table
from dashboard.queries.figures import ALL
from dashboard.queries.rows import STATES, beat_name, unit_name, unit_state
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

FEED = "patrol"
MET, OPEN = ObligationState.MET, ObligationState.OPEN
LAPSED, UNSEEN = ObligationState.LAPSED, ObligationState.UNOBSERVABLE
WORST = (LAPSED, UNSEEN, OPEN, MET)
NO_BEAT = "-"
SHOWN_GAPS = 5
LONG_GAP_H = 3
MAX_DOTS = 600
"""More marks than this are drawn as counts by cell; lapsed ones never are (DESIGN-UI-2 §5)."""
CELL = 8
"""H3 resolution of those counts and of the lapse map: about 0.7 km²."""
FIRST_HOUR, LAST_HOUR = 8, 19
MAX_COLUMNS = 16
SEARCH = Words("点位、巡段、组", "Places, beats, units")


@dataclass(frozen=True, slots=True)
class Owed:
    """One obligation with what it is filtered by."""

    town: str
    judged: Judged
    beat: str
    units: tuple[str, ...]
    shift: str
    hour: int
    """Local hour in which its window closes."""
    day: int

    @property
    def place(self) -> str:
        """The place that is owed the visit."""
        return self.judged.place

    @property
    def state(self) -> ObligationState:
        """How it was judged."""
        return self.judged.state

    @property
    def target(self) -> str:
        """What kind of place owes it."""
        return self.judged.target


# -- filters ---------------------------------------------------------------------------------------------------------


def _beats(board: Board, lang: str) -> list[Choice]:
    towns = board.pack.town_by_code
    found = [
        Choice(beat.code, beat_name(board, beat.code, lang), towns[beat.town].name if beat.town in towns else "")
        for beat in board.pack.beats
        if beat.town in board.towns
    ]
    return [*found, Choice(NO_BEAT, "未编入巡段" if lang != "en" else "No beat")]


def _units(board: Board, lang: str) -> list[Choice]:
    towns = board.pack.town_by_code
    return [
        Choice(unit.code, unit_name(board, unit.code, lang), towns[unit.town].name if unit.town in towns else "")
        for unit in board.pack.units
        if unit.town in board.towns
    ]


def _targets(board: Board, lang: str) -> list[Choice]:
    return [Choice(key, words.of(lang)) for key, words in TARGETS.items()]


def _states(board: Board, lang: str) -> list[Choice]:
    return [Choice(str(state), STATES[state].of(lang)) for state in (LAPSED, UNSEEN, OPEN, MET)]


def _hours(board: Board, lang: str) -> list[Choice]:
    return [Choice(str(hour), f"{hour} 时" if lang != "en" else f"{hour}:00") for hour in range(24)]


FILTERS = (
    Filter("shift", Words("班次", "Shift"), shift_choices, lambda row: row.shift),
    Filter("hour", Words("时段", "Hour"), _hours, lambda row: str(row.hour), quiet=True),
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.town),
    Filter("beat", Words("巡段", "Beat"), _beats, lambda row: row.beat),
    Filter("unit", Words("巡逻组", "Unit"), _units, lambda row: row.units),
    Filter(
        "target",
        Words("对象", "Object"),
        _targets,
        lambda row: row.target,
        form="segment",
        default=("patrol_point",),
        apart=True,
    ),
    Filter("state", Words("状态", "State"), _states, lambda row: str(row.state)),
)


def _rows(board: Board, tracks: Mapping[str, TrackSummary]) -> list[Owed]:
    found = []
    units_of = {beat.code: beat.units for beat in board.pack.beats}
    shifts: dict[int, str] = {}
    for town, track in tracks.items():
        for judged in track.obligations:
            place = board.place(judged.place)
            beat = place.beat if place is not None and place.beat else NO_BEAT
            minute = minute_of(judged.end - 1, board.zone)
            if minute not in shifts:
                shift = board.pack.shift_at(minute)
                shifts[minute] = shift.code if shift else ""
            found.append(Owed(town, judged, beat, units_of.get(beat, ()), shifts[minute], minute // 60, track.day))
    return found


def _tracks(board: Board) -> dict[str, TrackSummary]:
    return {town: track for town in board.towns if (track := board.track(town)) is not None}


class Picture:
    """A page's rows and figures under its filters, at one moment (or over the days of a span)."""

    def __init__(self, asked: Asked, days: Sequence[tuple[Board, Mapping[str, TrackSummary]]] | None = None) -> None:
        self.asked = asked
        self.days = days if days is not None else [(board, _tracks(board)) for board in asked.boards or (asked.board,)]
        self.rows = [row for board, tracks in self.days for row in _rows(board, tracks)]
        self.narrowed = Narrowed(self.rows, asked, self._text)
        self.counted = self.narrowed.but("state")
        """The rows that figures are made of: a share by state would say nothing of the share of states."""
        self.town = asked.one("town") or ALL
        self.only = None if self.town != ALL or "town" not in asked.chosen else asked.chosen["town"]
        self._summaries = [self._narrow(board, tracks) for board, tracks in self.days]

    def _text(self, row: Owed) -> str:
        board, lang = self.asked.board, self.asked.lang
        names = [place_text(board, row.town, row.place), row.place, _beat_name(board, row.beat, lang)]
        names += [unit_name(board, unit, lang) for unit in row.units]
        names.append(board.pack.town_by_code[row.town].name)
        return " ".join(names)

    @property
    def dims(self) -> dict[str, str]:
        """What the figures are narrowed to beside towns."""
        chosen = self.asked.chosen
        found = {key: ",".join(chosen[key]) for key in ("target", "shift", "hour", "beat", "unit") if key in chosen}
        return {**found, "q": self.asked.q} if self.asked.q else found

    def _narrow(self, board: Board, tracks: Mapping[str, TrackSummary]) -> dict[str, TrackSummary]:
        day = tracks[next(iter(tracks))].day if tracks else board.day
        kept: dict[str, list[Judged]] = defaultdict(list)
        for row in self.counted:
            if row.day == day:
                kept[row.town].append(row.judged)
        units = self._units_meant()
        found = {}
        for town, track in tracks.items():
            own = kept.get(town, [])
            places = {judged.place for judged in own}
            found[town] = replace(
                track,
                obligations=tuple(own),
                units=tuple(unit for unit in track.units if units is None or unit.unit in units),
                gaps=tuple(gap for gap in track.gaps if gap.place in places),
            )
        return found

    def _units_meant(self) -> set[str] | None:
        chosen, pack = self.asked.chosen, self.asked.board.pack
        if "unit" in chosen:
            return set(chosen["unit"])
        if "beat" in chosen:
            return {unit for beat in pack.beats if beat.code in chosen["beat"] for unit in beat.units}
        return None

    def figure(self, kpi: str, town: str | None = None) -> Figure:
        """A declared KPI under the page's filters; of one town, or of all that are chosen."""
        now = self.asked.board.now
        if town is not None:
            return desk.figure_over(kpi, self._summaries, town, now)
        return desk.figure_over(kpi, self._summaries, self.town, now, self.only)

    @property
    def tracks(self) -> dict[str, TrackSummary]:
        """The narrowed summaries of the (last) day, of the towns that are meant."""
        return {town: track for town, track in self._summaries[-1].items() if self.means(town)}

    def means(self, town: str) -> bool:
        """Whether a town passes the filter of towns."""
        return town in self.asked.chosen.get("town", (town,))

    def before(self) -> Picture | None:
        """The same filters at the same time of the day before; ``None`` when that is not known (yet)."""
        if len(self.days) > 1:
            return None
        board = self.asked.board
        found = {town: one for town, one in board.before(FEED).items() if isinstance(one, TrackSummary)}
        return Picture(self.asked, [(board, found)]) if found else None


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    board, lang = asked.board, asked.lang
    picture = Picture(asked)
    coverage = picture.figure("patrol_coverage")
    gaps = _gaps(picture)
    return desk.document(
        asked,
        picture.narrowed,
        feed=FEED,
        headline=headline(picture, coverage),
        sub=_sub(asked),
        tables=[(table.name, table.title) for table in _titles(lang)],
        tiles=_tiles(picture, coverage),
        helps=_helps(picture, coverage),
        compare=desk.comparison(asked, figures(asked), desk.other_side(asked, figures), picture.dims),
        search=SEARCH,
        title="巡逻" if lang != "en" else "Patrols",
        share=_share(picture, coverage),
        matrix=_matrix(picture),
        map=_map(picture, gaps),
        gaps=_gap_list(picture, gaps),
        words=_words(lang),
        empty=_empty(board, picture, lang),
    )


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


def figures(asked: Asked) -> list[Figure]:
    """The figures of one side of a comparison."""
    picture = Picture(asked)
    return [picture.figure(kpi) for kpi in COMPARED]


def _empty(board: Board, picture: Picture, lang: str) -> str:
    if picture.rows and not picture.narrowed.rows:
        return "没有符合筛选的巡逻义务" if lang != "en" else "No obligation passes the filters"
    return "" if picture.rows else ("今天没有巡逻义务" if lang != "en" else "Nothing is owed today")


# -- the answer ------------------------------------------------------------------------------------------------------


def headline(picture: Picture, coverage: Figure) -> list[dict[str, str]]:
    """Closed and visited, lapsed, and where most of it is."""
    asked, zh = picture.asked, picture.asked.lang != "en"
    lang = asked.lang
    if asked.when.live and asked.board.freshness(FEED)[0] == Freshness.SILENT:
        return [{"text": "还没有收到巡逻记录" if zh else "No patrol record has come", "tone": "stale"}]
    closed, met = int(coverage.denominator or 0), int(coverage.numerator or 0)
    lapsed = closed - met
    waiting, unseen = int(coverage.detail.get("open", 0)), int(coverage.detail.get("unobservable", 0))
    if not closed:
        if not waiting and not unseen:
            return [{"text": "没有巡逻义务" if zh else "Nothing is owed", "tone": "plain"}]
        text = f"还没有到期的，{waiting} 处未到期" if zh else f"Nothing is due yet; {waiting} open"
        if not waiting:
            text = f"到期的 {unseen} 处都无法判定" if zh else f"All {unseen} closed ones are unobservable"
        return [{"text": text, "tone": "plain"}]
    c, m = wording.count(closed, lang), wording.count(met, lang)
    said = [{"text": f"应结 {c} 处已巡 {m} 处" if zh else f"{m} of {c} closed visits made", "tone": "plain"}]
    if not lapsed:
        said.append({"text": "没有漏巡" if zh else "none lapsed", "tone": "plain"})
        if unseen:
            said.append({"text": f"{unseen} 处无法判定" if zh else f"{unseen} unobservable", "tone": "watch"})
        return said
    n = wording.count(lapsed, lang)
    said.append({"text": f"漏巡 {n} 处" if zh else f"{n} lapsed", "tone": "alert"})
    where = _concentrated(picture, lapsed)
    if where:
        said.append({"text": where, "tone": "plain"})
    return said


def _concentrated(picture: Picture, lapsed: int) -> str:
    """The one or two towns (of one town: beats) that hold at least half of what lapsed."""
    board, lang = picture.asked.board, picture.asked.lang
    zh = lang != "en"
    one = picture.town != ALL
    counts: Counter[str] = Counter(
        (row.beat if one else row.town) for row in picture.counted if row.state == LAPSED and picture.means(row.town)
    )
    if len(counts) < 2:
        return ""
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:2]
    if sum(count for _, count in top) * 2 < lapsed:
        return ""
    if one:
        names = [_beat_name(board, code, lang) for code, _ in top]
    else:
        names = [_short(board.pack.town_by_code[code].name) for code, _ in top]
    total = sum(count for _, count in top)
    joined = wording.listed(names, lang)
    if zh:
        return f"{joined}两{'段' if one else '镇'}占 {total} 处"
    return f"{total} of them in {' and '.join(names)}"


def _short(name: str) -> str:
    for ending in ("街道", "镇", "乡"):
        if name.endswith(ending) and len(name) > len(ending) + 1:
            return name.removesuffix(ending)
    return name


def _sub(asked: Asked) -> list[str]:
    board, lang = asked.board, asked.lang
    if asked.when.kind == "span":
        return []
    texts = [wording.date_line(board.day, lang)]
    only = asked.one("shift")
    shift = next((one for one in board.pack.shifts if one.code == only), None)
    if shift is None and asked.when.live:
        shift = board.pack.shift_at(minute_of(board.now, board.zone))
    if shift is not None:
        name = shift.name if lang != "en" else shift.name_en or shift.name
        texts.append(f"{name} {_clock(shift.start)}–{_clock(shift.end)}")
    if asked.when.kind in ("now", "as_of"):
        texts.append(wording.as_of(board.now, board.zone, lang))
    return texts


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


# -- figures ---------------------------------------------------------------------------------------------------------

WHOLE_TOWN = ("shift", "hour", "beat", "unit")
"""Filters that figures of a whole town's day do not follow."""


def _tiles(picture: Picture, coverage: Figure) -> list[dict[str, Any]]:
    asked, lang = picture.asked, picture.asked.lang
    zh = lang != "en"
    before = picture.before()
    dims = picture.dims

    def earlier(kpi: str) -> Figure | None:
        return before.figure(kpi) if before is not None else None

    units = picture.figure("units_on_duty")
    dark = sum(1 for track in picture.tracks.values() for unit in track.units if unit.on_duty and not unit.signal)
    unit_dims = {key: value for key, value in dims.items() if key in ("beat", "unit")}
    whole = _whole_town(asked)
    cells = picture.figure("cells_seen")
    tiles = [
        desk.tile(asked, coverage, earlier("patrol_coverage"), dims=dims),
        desk.tile(
            asked,
            units,
            dims=unit_dims,
            note=(f"{dark} 组无信号" if zh else f"{dark} without signal")
            if dark
            else ("全部有信号" if zh else "all with signal"),
        )
        | ({"status": "watch"} if dark and asked.when.live else {}),
    ]
    for kpi in ("person_times", "distance_km"):
        ours = picture.figure(kpi)
        tiles.append(desk.tile(asked, ours, note=whole or _earlier_text(asked, kpi, earlier(kpi))))
    parts = f"{wording.count(cells.numerator or 0, lang)} / {wording.count(cells.denominator or 0, lang)}"
    tiles.append(desk.tile(asked, cells, note=whole or (f"{parts} 格" if zh else f"{parts} cells")))
    tiles.append(_completeness(picture, coverage))
    return tiles


def _whole_town(asked: Asked) -> str:
    set_ = [filter_.words.of(asked.lang) for filter_ in asked.filters if filter_.key in WHOLE_TOWN and filter_.key in asked.chosen]
    if not set_:
        return ""
    names = wording.listed(set_, asked.lang)
    return f"全镇，不随{names}" if asked.lang != "en" else "whole town, unfiltered"


def _earlier_text(asked: Asked, kpi: str, before: Figure | None) -> str:
    if before is None or before.value is None:
        return ""
    text, _ = desk.value_text(before, KPIS[kpi][1], asked.lang)
    if asked.when.live:
        return f"昨日此时 {text}" if asked.lang != "en" else f"{text} same time yesterday"
    return f"前一日 {text}" if asked.lang != "en" else f"{text} the day before"


def _judgeable(coverage: Figure) -> tuple[int, int]:
    """(closed obligations that could be judged, all closed ones)."""
    closed = int(coverage.denominator or 0)
    return closed, closed + int(coverage.detail.get("unobservable", 0))


def _completeness(picture: Picture, coverage: Figure) -> dict[str, Any]:
    """Feed completeness beside coverage (DOMAIN §5): of the closed obligations, those with enough fixes to be judged."""
    asked, zh = picture.asked, picture.asked.lang != "en"
    seen, closed = _judgeable(coverage)
    share = seen / closed if closed else None
    base = desk.tile(asked, coverage)
    return base | {
        "id": "completeness",
        "kpi": "",
        "dims": {},
        "label": "数据完整度" if zh else "Feed completeness",
        "value": wording.MISSING if share is None else wording.decimal(share * 100, 1),
        "unit": "" if share is None else "%",
        "raw": share,
        "delta": "",
        "missing": "",
        "state": "stale" if base["state"] == "stale" else "empty" if share is None else "normal",
        "status": "ok" if base["status"] not in ("stale", "silent") else base["status"],
        "note": (f"可判 {seen}/{closed}" if zh else f"{seen}/{closed} could be judged") if closed else "",
    }


def _share(picture: Picture, coverage: Figure) -> dict[str, Any]:
    """The equation, the day's progress and the bar of states."""
    lang, zh = picture.asked.lang, picture.asked.lang != "en"
    states = Counter(row.state for row in picture.counted if picture.means(row.town))
    total = sum(states.values())
    progress = f"{states[MET]}/{total} = {wording.percent(states[MET] / total)}" if total else wording.MISSING
    met, closed = int(coverage.numerator or 0), int(coverage.denominator or 0)
    ahead = states[MET] - met
    return {
        "met": wording.count(met, lang),
        "lapsed": wording.count(closed - met, lang),
        "progress": f"当日进度 {progress}" if zh else f"progress {progress}",
        "ahead": (f"另有 {ahead} 处提前巡到" if zh else f"{ahead} more met ahead of closing") if ahead else "",
        "total": total,
        "parts": [
            {
                "state": str(state),
                "label": STATES[state].of(lang),
                "count": states[state],
                "text": wording.count(states[state], lang),
                "kpi": f"obligations_{state}",
            }
            for state in (MET, LAPSED, UNSEEN, OPEN)
        ],
        "town": picture.figure("obligations_met").town,
        "dims": picture.dims,
    }


def _helps(picture: Picture, coverage: Figure) -> dict[str, Any]:
    asked, zh = picture.asked, picture.asked.lang != "en"
    kpis = ("patrol_coverage", "units_on_duty", "person_times", "distance_km", "cells_seen", "longest_gap_hours")
    helps = {kpi: desk.help_for(asked, picture.figure(kpi), dims=_drill(picture)) for kpi in kpis}
    for kpi in ("person_times", "distance_km", "units_on_duty", "longest_gap_hours", "cells_seen"):
        # Positions, not obligations, stand behind these: how many only the records themselves can say.
        helps[kpi]["records"] = desk.records_link(asked, picture.figure(kpi), None, {})
    seen, closed = _judgeable(coverage)
    source = next(row for row in helps["patrol_coverage"]["rows"] if row.get("aged"))
    lines: list[tuple[tuple[str, str], str, tuple[str, str]]] = [
        (("定义", "Definition"), "", ("到期的巡逻义务里，责任组的定位足以判定的占多少",
                                    "Of the obligations whose window has closed, the share that the beat's fixes allow to judge")),
        (("分子", "Numerator"), wording.count(seen, asked.lang), ("已巡 + 漏巡", "met + lapsed")),
        (("分母", "Denominator"), wording.count(closed, asked.lang), ("已巡 + 漏巡 + 无法判定", "met + lapsed + unobservable")),
    ]  # fmt: skip
    at = 0 if zh else 1
    helps["completeness"] = helps["patrol_coverage"] | {
        "title": "数据完整度怎么算" if zh else "How “Feed completeness” is counted",
        "rows": [*({"head": head[at], "number": number, "text": text[at]} for head, number, text in lines), source],
    }
    return helps


def _drill(picture: Picture) -> dict[str, str]:
    return {key: value for key, value in picture.dims.items() if key in ("target",)}


# -- beats x hours ---------------------------------------------------------------------------------------------------


def _columns(picture: Picture) -> tuple[list[int], int]:
    """Hours that columns begin at, and how many hours a column holds."""
    hours = {row.hour for row in picture.counted}
    first, last = min(hours | {FIRST_HOUR}), max(hours | {LAST_HOUR})
    only = picture.asked.one("shift")
    shift = next((one for one in picture.asked.board.pack.shifts if one.code == only), None)
    if shift is not None and hours:
        first, last = min(hours), max(hours)
        if shift.start < shift.end:
            first, last = min(first, shift.start // 60), max(last, (shift.end - 1) // 60)
    step = 1 if last - first < MAX_COLUMNS else 2
    first -= first % step
    return list(range(first, last + 1, step)), step


def _cells(rows: Iterable[Owed], starts: Sequence[int], step: int) -> list[list[int] | int]:
    """Per column [met, lapsed, unobservable, open]; 0 where nothing is owed."""
    found: dict[int, Counter[ObligationState]] = defaultdict(Counter)
    for row in rows:
        found[(row.hour - starts[0]) // step][row.state] += 1
    return [
        [found[at][MET], found[at][LAPSED], found[at][UNSEEN], found[at][OPEN]] if at in found else 0
        for at in range(len(starts))
    ]


def _judged(rows: Sequence[Owed], now: int) -> tuple[int, int]:
    met = sum(1 for row in rows if row.state == MET and row.judged.end <= now)
    return met, met + sum(1 for row in rows if row.state == LAPSED)


def _matrix(picture: Picture) -> dict[str, Any]:
    asked, board, lang = picture.asked, picture.asked.board, picture.asked.lang
    starts, step = _columns(picture)
    by_town: dict[str, dict[str, list[Owed]]] = defaultdict(lambda: defaultdict(list))
    for row in picture.narrowed.rows:
        by_town[row.town][row.beat].append(row)
    # The columns at the right are coverage, and coverage does not follow the filter of states.
    whole: dict[tuple[str, str], list[Owed]] = defaultdict(list)
    for row in picture.counted:
        whole[row.town, ""].append(row)
        whole[row.town, row.beat].append(row)
    towns = []
    for town, beats in by_town.items():
        known = board.pack.town_by_code[town]
        every = [row for rows in beats.values() for row in rows]
        line = _line(picture, known.name, every, whole[town, ""], starts, step)
        inner = []
        for beat, rows in beats.items():
            units = board.pack.beat_by_code[beat].units if beat in board.pack.beat_by_code else ()
            inner.append(
                {
                    **_line(picture, _beat_name(board, beat, lang), rows, whole[town, beat], starts, step),
                    "beat": beat,
                    "units": wording.join([unit_name(board, unit, lang) for unit in units], lang),
                }
            )
        inner.sort(key=_worst)
        towns.append({**line, "town": town, "title": known.name_en, "beats": inner})
    towns.sort(key=_worst)
    now = None
    if asked.when.kind in ("now", "as_of"):
        at = (minute_of(board.now, board.zone) // 60 - starts[0]) // step
        now = at if 0 <= at < len(starts) else None
    return {
        "hours": [str(hour) for hour in starts],
        "step": step,
        "now": now,
        "rows": towns,
        "order": "低者在前" if lang != "en" else "worst first",
        "heads": ["应结", "%"] if lang != "en" else ["closed", "%"],
    }


def _beat_name(board: Board, beat: str, lang: str) -> str:
    return beat_name(board, beat if beat != NO_BEAT else None, lang)


def _line(
    picture: Picture, name: str, rows: Sequence[Owed], counted: Sequence[Owed], starts: Sequence[int], step: int
) -> dict[str, Any]:
    met, closed = _judged(counted, picture.asked.board.now)
    share = met / closed if closed else None
    limit = KPIS["patrol_coverage"][1].alert_below
    return {
        "name": name,
        "cells": _cells(rows, starts, step),
        "met": met,
        "closed": closed,
        "share": share,
        "text": wording.MISSING if share is None else wording.decimal(share * 100, 1),
        "bad": share is not None and limit is not None and share < limit,
        "lapsed": closed - met,
    }


def _worst(line: Mapping[str, Any]) -> tuple[float, int, str]:
    share = line["share"]
    return (2.0 if share is None else float(share), -int(line["lapsed"]), str(line["name"]))


# -- places: map, list, drawer ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gap:
    """A place that owes visits: since when it has had none, and the worst of what it owes under the filters."""

    town: str
    place: str
    gap: PlaceGap | None
    state: ObligationState
    soon: bool
    owed: int
    met: int
    units: tuple[str, ...]
    beat: str
    target: str


def _gaps(picture: Picture) -> list[Gap]:
    """Every place of the rows that pass, longest unvisited first."""
    board = picture.asked.board
    rows: dict[tuple[str, str], list[Owed]] = defaultdict(list)
    for row in picture.narrowed.rows:
        rows[row.town, row.place].append(row)
    known = {(town, gap.place): gap for town, track in picture.tracks.items() for gap in track.gaps}
    found = []
    for (town, place), own in rows.items():
        states = {row.state for row in own}
        worst = next(state for state in WORST if state in states)
        soon = worst == OPEN and any(row.state == OPEN and row.judged.end - board.now <= SOON_MS for row in own)
        met = sum(1 for row in own if row.state == MET)
        first = own[0]
        found.append(
            Gap(town, place, known.get((town, place)), worst, soon, len(own), met, first.units, first.beat, first.target)
        )
    found.sort(key=lambda gap: (gap.gap.since if gap.gap else board.now, gap.place))
    return found


def _place(board: Board, town: str, code: str) -> tuple[str, float | None, float | None]:
    """Name and position of a place; of an enterprise that no list names, what its records say."""
    place: Place | None = board.place(code)
    if place is not None and not place.provisional:
        return place.name, place.lon, place.lat
    summary = board.case(town, "enterprise") if hasattr(board, "case") else None
    case = next((one for one in summary.cases if one.case == code), None) if summary else None
    if case is not None:
        return str(case.value("name") or code), case.lon, case.lat
    return (place.name, place.lon, place.lat) if place is not None else (code, None, None)


def place_text(board: Board, town: str, code: str) -> str:
    """A place's name."""
    return _place(board, town, code)[0]


def _map(picture: Picture, gaps: Sequence[Gap]) -> dict[str, Any]:
    board, asked, lang = picture.asked.board, picture.asked, picture.asked.lang
    numbers = {(gap.town, gap.place): number for number, gap in enumerate(_shown(gaps, board.now), start=1)}
    points, many = [], []
    crowded = len(gaps) > MAX_DOTS
    for gap in gaps:
        name, lon, lat = _place(board, gap.town, gap.place)
        if lon is None or lat is None:
            continue
        number = numbers.get((gap.town, gap.place), 0)
        if crowded and gap.state in (MET, OPEN) and not number:
            many.append((lon, lat, gap.state))
            continue
        state = "soon" if gap.soon else str(gap.state)
        points.append([gap.place, round(lon, 5), round(lat, 5), state, number, name])
    units = []
    for track in picture.tracks.values():
        for unit in track.units:
            if unit.lon is None or not (unit.on_duty or unit.signal):
                continue
            units.append(
                {
                    "unit": unit.unit,
                    "name": unit_name(board, unit.unit, lang),
                    "lon": unit.lon,
                    "lat": unit.lat,
                    "heading": unit.heading,
                    "signal": unit.signal,
                    "trail": [[round(lon, 5), round(lat, 5)] for _, lon, lat in unit.trail],
                }
            )
    live = asked.when.kind in ("now", "as_of")
    towns = []
    for town in board.pack.towns:
        if town.code not in board.towns:
            continue
        figure = picture.figure("patrol_coverage", town.code)
        kpi = KPIS["patrol_coverage"][1]
        meant = picture.means(town.code)
        reported = (track := board.track(town.code)) is not None and track.reported
        towns.append(
            {
                "code": town.code,
                "name": town.name,
                "text": wording.percent(figure.value) if meant else "",
                "bad": figure.value is not None and kpi.alert_below is not None and figure.value < kpi.alert_below,
                "meant": meant,
                "chosen": town.code in asked.chosen.get("town", ()),
                "reported": reported,
                "raw": figure.value,
                "freshness": str(figure.freshness),
                "label": town.name if reported else f"{town.name} {wording.not_reported(lang)}",
            }
        )
    states = Counter(gap.state for gap in gaps)
    signal = sum(1 for unit in units if unit["signal"])
    return {
        "points": points,
        "cells": _counted(many),
        "heat": _heat(picture),
        "units": units if live else [],
        "towns": towns,
        "limit": [town["code"] for town in towns if town["meant"]] if "town" in asked.chosen else [],
        "signal": signal,
        "dark": len(units) - signal,
        "label": _map_label(states, lang),
        "approximate": ("界线为近似" if lang != "en" else "approximate boundary") if board.pack.approximate else "",
    }


def _map_label(states: Mapping[ObligationState, int], lang: str) -> str:
    said = [f"{STATES[state].of(lang)} {states.get(state, 0)}" for state in (MET, LAPSED, UNSEEN, OPEN)]
    head = "义务点位状态图：" if lang != "en" else "Map of places by state: "
    return head + ("，" if lang != "en" else ", ").join(said)


@lru_cache(maxsize=20_000)
def _cell_of(lon: float, lat: float) -> str:
    return str(h3.latlng_to_cell(lat, lon, CELL))


@lru_cache(maxsize=4_000)
def _middle(cell: str) -> tuple[float, float]:
    lat, lon = h3.cell_to_latlng(cell)
    return round(lon, 5), round(lat, 5)


@lru_cache(maxsize=4_000)
def _outline(cell: str) -> list[tuple[float, float]]:
    return [(round(lon, 5), round(lat, 5)) for lat, lon in h3.cell_to_boundary(cell)]


def _counted(many: Sequence[tuple[float, float, ObligationState]]) -> list[list[float | int]]:
    """(lon, lat, met, open) per H3 cell."""
    found: dict[str, Counter[ObligationState]] = defaultdict(Counter)
    for lon, lat, state in many:
        found[_cell_of(lon, lat)][state] += 1
    return [[*_middle(cell), states[MET], states[OPEN]] for cell, states in found.items()]


def _heat(picture: Picture) -> list[dict[str, Any]]:
    """Where lapses gather: H3 cells with their counts."""
    board = picture.asked.board
    counts: Counter[str] = Counter()
    for row in picture.narrowed.rows:
        if row.state == LAPSED:
            _, lon, lat = _place(board, row.town, row.place)
            if lon is not None and lat is not None:
                counts[_cell_of(lon, lat)] += 1
    return [{"count": count, "outline": _outline(cell), "at": _middle(cell)} for cell, count in counts.items()]


def _shown(gaps: Sequence[Gap], now: int) -> list[Gap]:
    """The gaps with a number: of places that miss a visit first by their age; met ones wait for nobody."""
    wanting = [gap for gap in gaps if gap.state != MET]
    return (wanting or [])[:SHOWN_GAPS]


def _gap_list(picture: Picture, gaps: Sequence[Gap]) -> dict[str, Any]:
    board, lang = picture.asked.board, picture.asked.lang
    zh = lang != "en"
    shown = _shown(gaps, board.now)
    numbers = {(gap.town, gap.place): number for number, gap in enumerate(shown, start=1)}
    long = sum(1 for gap in gaps if gap.gap is not None and board.now - gap.gap.since > LONG_GAP_H * HOUR)
    head = f"超 {LONG_GAP_H} 小时 {long} 处，共 {len(gaps)} 处" if zh else f"{long} over {LONG_GAP_H} h, {len(gaps)} in all"
    return {
        "title": "最久未到" if zh else "Longest since visit",
        "note": head,
        "shown": [_gap_row(board, gap, numbers[gap.town, gap.place], lang) for gap in shown],
        "rows": [_gap_row(board, gap, numbers.get((gap.town, gap.place), 0), lang) for gap in gaps],
        "none": "无漏巡，没有等待到访的点位" if zh else "Nothing lapsed, no place waits",
    }


def _gap_row(board: Board, gap: Gap, number: int, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    since = gap.gap
    last, age, age_ms = wording.MISSING, wording.MISSING, None
    if since is not None:
        age_ms = max(0, board.now - since.since)
        age = wording.span(age_ms, lang)
        last = _when(board, since.since, lang) if since.visited else ("无记录" if zh else "none on record")
    unit = gap.units[0] if gap.units else ""
    name = place_text(board, gap.town, gap.place)
    place = board.place(gap.place)
    state = STATES[gap.state].of(lang)
    return {
        "key": gap.place,
        "number": number,
        "name": name,
        "title": place.name_en if place else "",
        "town": board.pack.town_by_code[gap.town].name,
        "beat": _beat_name(board, gap.beat, lang),
        "last": last,
        "age": age,
        "age_ms": age_ms,
        "state": "soon" if gap.soon else str(gap.state),
        "state_text": state,
        "done": f"{gap.met}/{gap.owed}",
        "unit": unit_name(board, unit, lang) if unit else ("在岗各组" if zh else "every unit on duty"),
        "unit_note": _unit_note(board, gap.town, unit, lang) if unit else "",
        "label": f"{name}，{age}未到，{state}" if zh else f"{name}, {age} since visit, {state}",
    }


def _when(board: Board, at: int, lang: str) -> str:
    """``09:05`` today, ``23日 19:42`` on another day."""
    day = day_of(at, board.zone)
    if day == board.day:
        return wording.clock(at, board.zone)
    return f"{day % 100}日 {wording.clock(at, board.zone)}" if lang != "en" else wording.moment(at, board.day, board.zone, lang)


def _unit_note(board: Board, town: str, unit: str, lang: str) -> str:
    zh = lang != "en"
    track = board.track(town)
    known = next((one for one in track.units if one.unit == unit), None) if track else None
    if known is None:
        return "今天未上岗" if zh else "not on duty"
    if known.signal:
        return "有信号" if zh else "signal"
    if known.on_duty:
        return "无信号" if zh else "no signal"
    return "已下岗" if zh else "off duty"


def detail(asked: Asked, scope: str) -> dict[str, Any]:
    """The drawer of a place: what it owes today and how each was judged, who walks there, where to go on."""
    board, lang, code = asked.board, asked.lang, asked.open
    zh = lang != "en"
    place = board.place(code)
    for town, track in _tracks(board).items():
        owed = [judged for judged in track.obligations if judged.place == code]
        if not owed:
            continue
        gap = next((one for one in track.gaps if one.place == code), None)
        row = _rows(board, {town: replace(track, obligations=tuple(owed))})[0]
        name, lon, lat = _place(board, town, code)
        lapsed = [judged for judged in owed if judged.state == LAPSED]
        known = board.pack.town_by_code[town]
        due = None
        if lapsed:
            over = wording.span(board.now - min(judged.end for judged in lapsed), lang)
            text = f"漏巡 {len(lapsed)} 次" if zh else f"{len(lapsed)} lapsed"
            due = {"tone": "alert", "shape": "lapsed", "text": text, "note": f"最早超 {over}" if zh else f"{over} over"}
        elif any(judged.state == OPEN and judged.end - board.now <= SOON_MS for judged in owed):
            end = min(judged.end for judged in owed if judged.state == OPEN)
            left = wording.span(end - board.now, lang)
            due = {"tone": "watch", "shape": "soon", "text": f"剩 {left}" if zh else f"{left} left",
                   "note": wording.clock(end, board.zone)}  # fmt: skip
        beat = _beat_name(board, row.beat, lang)
        kind = TARGETS[owed[0].target].of(lang) if owed[0].target in TARGETS else ""
        rows = [{"head": "上次到访" if zh else "Last visit", "text": _last(board, gap, lang)}]
        if lon is not None and lat is not None:
            rows.append({"head": "位置" if zh else "Position", "text": f"{lat:.5f}, {lon:.5f}"})
        units = [{"state": "", "time": "", "text": unit_state(board, town, unit, lang)} for unit in row.units]
        keep = "&lang=en" if not zh else ""
        return {
            "drawer": {
                "key": code,
                "over": wording.join([code, known.name], lang),
                "title": name,
                "facts": wording.join([kind, beat, place.name_en if place and zh is False else ""], lang),
                "due": due,
                "rows": rows,
                "sections": [
                    {
                        "title": "当天应巡" if zh else "Owed that day",
                        "items": [_item(board, judged, lang) for judged in sorted(owed, key=lambda j: (j.end, j.nth))],
                    },
                    {
                        "title": "责任组" if zh else "Units",
                        "items": units,
                        "empty": "在岗各组" if zh else "every unit on duty",
                    },
                ],
                "links": [
                    {"text": "打开镇页" if zh else "Open town", "href": f"/town/{town}{'?lang=en' if not zh else ''}"},
                    {
                        "text": "看记录" if zh else "Records",
                        "href": f"/records?feed=patrol&town={town}&day={desk.day_text(board.day)}&place={code}{keep}",
                    },
                ],
                "lon": lon,
                "lat": lat,
            }
        }
    return {"drawer": None}


def _last(board: Board, gap: PlaceGap | None, lang: str) -> str:
    if gap is None:
        return wording.MISSING
    at, ago = _when(board, gap.since, lang), wording.ago(board.now - gap.since, lang)
    if gap.visited:
        return wording.join([at, ago], lang)
    return f"没有到访记录，自 {at} 起" if lang != "en" else f"no visit on record since {at}"


def _item(board: Board, judged: Judged, lang: str) -> dict[str, str]:
    met = f" {wording.clock(judged.met_at, board.zone)}" if judged.met_at is not None else ""
    soon = judged.state == OPEN and judged.end - board.now <= SOON_MS
    return {
        "state": "soon" if soon else str(judged.state),
        "time": f"{wording.clock(judged.start, board.zone)}–{wording.clock(judged.end, board.zone)}",
        "text": f"{STATES[judged.state].of(lang)}{met}",
        "tone": "alert" if judged.state == LAPSED else "",
    }


def _words(lang: str) -> dict[str, Any]:
    zh = lang != "en"
    return {
        "matrix": "巡段 × 时段" if zh else "Beats by hour",
        "keys": {
            "met": "按时巡完" if zh else "All met",
            "lapsed": "有漏巡，已巡/应结" if zh else "Lapsed: met/closed",
            "unobservable": "无法判定" if zh else "Unobservable",
            "open": "未到期" if zh else "Open",
        },
        "modes": [["", "状态" if zh else "State"], ["heat", "漏巡热区" if zh else "Lapses"], ["trails", "近 1 小时轨迹" if zh else "Last hour"]],
        "spoken": {
            "hour": "{name} {hour} 时" if zh else "{name} {hour}:00",
            "closed": "应结 {n}" if zh else "{n} closed",
            "met": "已巡 {n}" if zh else "{n} met",
            "lapsed": "漏巡 {n}" if zh else "{n} lapsed",
            "unobservable": "无法判定 {n}" if zh else "{n} unobservable",
            "open": "未到期 {n}" if zh else "{n} open",
            "none": "没有应巡" if zh else "nothing owed",
        },
        "legend": {
            "unit": "巡逻组" if zh else "Units",
            "dark": "无信号" if zh else "no signal",
            "lapsed": "漏巡，编号同列表" if zh else "lapsed, numbered as in the list",
        },
        "heads": ["点位", "上次到访", "距今", "判定", "责任组"] if zh else ["Place", "Last visit", "Since", "State", "Unit"],
        "all": "全部" if zh else "All",
        "fewer": "收起" if zh else "Fewer",
        "locate": "定位" if zh else "Locate",
        "columns": ["点位", "镇（街道）", "巡段", "上次到访", "距今", "已巡/应巡", "判定", "责任组"]
        if zh
        else ["Place", "Town", "Beat", "Last visit", "Since", "Met/owed", "State", "Unit"],
        "register": "全部点位" if zh else "All places",
    }  # fmt: skip


# -- tables ----------------------------------------------------------------------------------------------------------


def _titles(lang: str) -> list[Table]:
    zh = lang != "en"
    return [
        Table("gaps", "最久未到" if zh else "Longest since visit", (), ()),
        Table("beats", "巡段" if zh else "Beats", (), ()),
        Table("obligations", "巡逻义务" if zh else "Obligations", (), ()),
        Table("figures", "指标" if zh else "Figures", (), ()),
    ]


def tables(asked: Asked, scope: str) -> list[Table]:
    """What the page shows, as tables."""
    picture = Picture(asked)
    titles = {table.name: table.title for table in _titles(asked.lang)}
    rows = {"gaps": _gap_table, "beats": _beat_table, "obligations": _owed_table, "figures": _figure_table}
    return [Table(name, titles[name], *make(picture)) for name, make in rows.items()]


Made = tuple[tuple[Column, ...], list[list[Any]]]


def _heads(lang: str, *given: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(zh if lang != "en" else en, kind) for zh, en, kind in given)  # type: ignore[arg-type]


def _gap_table(picture: Picture) -> Made:
    asked, board, lang = picture.asked, picture.asked.board, picture.asked.lang
    columns = _heads(
        lang, ("编号", "Number", "count"), ("点位代码", "Place", "text"), ("点位", "Name", "text"),
        ("镇（街道）", "Town", "text"), ("巡段", "Beat", "text"), ("上次到访", "Last visit", "time"),
        ("距今小时", "Hours since", "number"), ("判定", "State", "text"), ("已巡", "Met", "count"),
        ("应巡", "Owed", "count"), ("责任组", "Unit", "text"),
    )  # fmt: skip
    gaps = _gaps(picture)
    numbers = {(gap.town, gap.place): number for number, gap in enumerate(_shown(gaps, board.now), start=1)}
    rows = []
    for gap in gaps:
        since = gap.gap
        rows.append(
            [
                numbers.get((gap.town, gap.place)),
                gap.place,
                place_text(board, gap.town, gap.place),
                board.pack.town_by_code[gap.town].name,
                _beat_name(board, gap.beat, lang),
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
    starts, step = _columns(picture)
    matrix = _matrix(picture)
    hours = [
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
            _beat_name(board, row.beat, lang),
            row.judged.start,
            row.judged.end,
            row.judged.nth,
            STATES[row.state].of(lang),
            row.judged.met_at,
        ]
        for row in sorted(picture.narrowed.rows, key=lambda row: (row.judged.end, row.town, row.place, row.judged.nth))
    ]
    return columns, rows


def _figure_table(picture: Picture) -> Made:
    asked, lang = picture.asked, picture.asked.lang
    columns = _heads(
        lang, ("指标代码", "KPI", "text"), ("指标", "Figure", "text"), ("镇（街道）代码", "Town code", "text"),
        ("镇（街道）", "Town", "text"), ("值", "Value", "text"), ("单位", "Unit", "text"), ("分子", "Numerator", "number"),
        ("分母", "Denominator", "number"),
    )  # fmt: skip
    columns = tuple(
        Column(column.title, "number" if at == 4 else column.kind, 6 if at == 4 else 0)
        for at, column in enumerate(columns)
    )
    towns: list[str | None] = [None]
    if picture.town == ALL:
        towns += [town for town in asked.board.towns if picture.means(town)]
    rows = []
    for kpi in COMPARED:
        for town in towns:
            figure = picture.figure(kpi, town)
            known = asked.board.pack.town_by_code.get(figure.town)
            whole = "全部" if lang != "en" else "All"
            unit = "ratio" if figure.unit == "ratio" else KPIS[kpi][1].measure.of(lang)
            rows.append(
                [kpi, KPIS[kpi][1].words.of(lang), figure.town, known.name if known else whole, figure.value, unit,
                 figure.numerator, figure.denominator]
            )  # fmt: skip
    return columns, rows


VIEW = View(
    "patrols",
    build,
    # On the beat too: an obligation lapses, and yesterday becomes known, without any record.
    clock_only=True,
    filters=FILTERS,
    detail=detail,
    tables=tables,
    title=Words("巡逻", "Patrols"),
    open=True,
)
