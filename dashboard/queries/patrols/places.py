"""Places that owe visits: on the map, by how long they have waited, and one of them in the drawer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import h3
from msgspec.structs import replace

from dashboard.domain.day import HOUR, day_of
from dashboard.domain.summary import Judged, ObligationState, PlaceGap
from dashboard.feeds import KPIS
from dashboard.feeds.patrol import TARGETS
from dashboard.queries import deskmap, wording
from dashboard.queries.asked import Asked, day_text
from dashboard.queries.duties import SOON_MS
from dashboard.queries.patrols.picture import (
    LAPSED,
    MET,
    OPEN,
    UNSEEN,
    Owed,
    Picture,
    beat_text,
    place_of,
    place_text,
    rows_of,
    tracks_of,
)
from dashboard.queries.rows import STATES, unit_name, unit_state

if TYPE_CHECKING:
    from dashboard.queries.board import Board

WORST = (LAPSED, UNSEEN, OPEN, MET)
SHOWN_GAPS = 5
LONG_GAP_H = 3
MAX_DOTS = 600
"""More marks than this are drawn as counts by cell; lapsed ones never are (DESIGN-UI-2 §5)."""
CELL = 7
"""H3 resolution of those counts and of the lapse map: about 5 km²."""


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


def gaps_of(picture: Picture) -> list[Gap]:
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
        found.append(Gap(town, place, known.get((town, place)), worst, soon, len(own), met, first.units, first.beat))
    found.sort(key=lambda gap: (gap.gap.since if gap.gap else board.now, gap.place))
    return found


def map_of(picture: Picture, gaps: Sequence[Gap]) -> dict[str, Any]:
    board, asked, lang = picture.asked.board, picture.asked, picture.asked.lang
    numbers = {(gap.town, gap.place): number for number, gap in enumerate(shown_gaps(gaps), start=1)}
    points, many = [], []
    crowded = len(gaps) > MAX_DOTS
    for gap in gaps:
        name, lon, lat = place_of(board, gap.town, gap.place)
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
    limit = KPIS["patrol_coverage"][1].alert_below

    def reported(town: str) -> bool:
        own = board.track(town)
        return own is not None and own.reported

    towns = deskmap.towns(
        asked,
        lambda town: picture.figure("patrol_coverage", town),
        text=lambda figure: wording.percent(figure.value),
        reported=reported,
        bad=lambda figure: figure.value is not None and limit is not None and figure.value < limit,
    )
    signal = sum(1 for unit in units if unit["signal"])
    return deskmap.document(
        asked,
        towns,
        points,
        _map_label(Counter(gap.state for gap in gaps), lang),
        kpi="patrol_coverage",
        cells=_counted(many),
        heat=_heat(picture),
        units=units if live else [],
        signal=signal,
        dark=len(units) - signal,
    )


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
            _, lon, lat = place_of(board, row.town, row.place)
            if lon is not None and lat is not None:
                counts[_cell_of(lon, lat)] += 1
    return [{"count": count, "outline": _outline(cell), "at": _middle(cell)} for cell, count in counts.items()]


def shown_gaps(gaps: Sequence[Gap]) -> list[Gap]:
    """The gaps with a number: of places that miss a visit first by their age; met ones wait for nobody."""
    wanting = [gap for gap in gaps if gap.state != MET]
    return wanting[:SHOWN_GAPS]


def gap_list(picture: Picture, gaps: Sequence[Gap]) -> dict[str, Any]:
    board, lang = picture.asked.board, picture.asked.lang
    zh = lang != "en"
    shown = shown_gaps(gaps)
    numbers = {(gap.town, gap.place): number for number, gap in enumerate(shown, start=1)}
    long = sum(1 for gap in gaps if gap.gap is not None and board.now - gap.gap.since > LONG_GAP_H * HOUR)
    head = (
        f"超 {LONG_GAP_H} 小时 {long} 处，共 {len(gaps)} 处"
        if zh
        else f"{long} over {LONG_GAP_H} h, {len(gaps)} in all"
    )
    return {
        "title": "最久未到" if zh else "Longest since visit",
        "note": head,
        "shown": [_gap_row(board, gap, numbers[gap.town, gap.place], lang) for gap in shown],
        "count": len(gaps),
        "none": "无漏巡，没有等待到访的点位" if zh else "Nothing lapsed, no place waits",
    }


def _gap_row(board: Board, gap: Gap, number: int, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    since = gap.gap
    last, age, age_ms = wording.MISSING, wording.MISSING, None
    if since is not None:
        age_ms = max(0, board.now - since.since)
        # Without a visit on record nobody knows how long it is; it is only sorted as what has waited longest.
        age = wording.span(age_ms, lang) if since.visited else wording.MISSING
        last = _when(board, since.since, lang) if since.visited else ("无记录" if zh else "none on record")
    waited = last if age == wording.MISSING else f"{age}未到" if zh else f"{age} since visit"
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
        "beat": beat_text(board, gap.beat, lang),
        "last": last,
        "age": age,
        "age_ms": age_ms,
        "state": "soon" if gap.soon else str(gap.state),
        "state_text": state,
        "done": f"{gap.met}/{gap.owed}",
        "unit": unit_name(board, unit, lang) if unit else ("在岗各组" if zh else "every unit on duty"),
        "unit_note": _unit_note(board, gap.town, unit, lang) if unit else "",
        "label": f"{name}，{waited}，{state}" if zh else f"{name}, {waited}, {state}",
    }


PLACE = (
    "key",
    "open",
    "number",
    "name",
    "town",
    "beat",
    "last",
    "age",
    "age_ms",
    "done",
    "state",
    "state_text",
    "unit",
)
OWED = ("key", "open", "name", "town", "beat", "window", "end", "nth", "met", "state", "state_text", "unit")
"""What the register shows of a place or an obligation. They may be thousands, so they travel without field names."""


def register_of(picture: Picture, gaps: Sequence[Gap]) -> dict[str, Any] | None:
    """The list under the page: every place (``list=places``), every obligation (``list=owed``), or those that the
    coverage counts (``list=closed``), which are as many as its denominator. ``None`` while none is asked for."""
    board, lang, kind = picture.asked.board, picture.asked.lang, picture.asked.more.get("list", "")
    if kind == "places":
        numbers = {(gap.town, gap.place): number for number, gap in enumerate(shown_gaps(gaps), start=1)}
        rows = [
            {**_gap_row(board, gap, numbers.get((gap.town, gap.place), 0), lang), "open": gap.place} for gap in gaps
        ]
        return {"kind": kind, "fields": list(PLACE), "rows": [[row[key] for key in PLACE] for row in rows]}
    if kind in ("owed", "closed"):
        owed = [row for row in picture.narrowed.rows if kind == "owed" or picture.is_counted(row)]
        owed.sort(key=lambda row: (row.judged.end, row.town, row.place, row.judged.nth))
        listed = [_owed_row(board, row, lang) for row in owed]
        return {"kind": kind, "fields": list(OWED), "rows": [[row[key] for key in OWED] for row in listed]}
    return None


def _owed_row(board: Board, row: Owed, lang: str) -> dict[str, Any]:
    judged = row.judged
    day = f"{wording.day(row.day, lang)} " if row.day != board.day else ""
    soon = judged.state == OPEN and judged.end - board.now <= SOON_MS
    return {
        "key": f"{row.place}@{judged.end}.{judged.nth}",
        "open": row.place,
        "name": place_text(board, row.town, row.place),
        "town": board.pack.town_by_code[row.town].name,
        "beat": beat_text(board, row.beat, lang),
        "window": f"{day}{wording.clock(judged.start, board.zone)}–{wording.clock(judged.end, board.zone)}",
        "end": judged.end,
        "nth": judged.nth,
        "met": wording.MISSING if judged.met_at is None else wording.clock(judged.met_at, board.zone),
        "state": "soon" if soon else str(judged.state),
        "state_text": STATES[judged.state].of(lang),
        "unit": wording.join([unit_name(board, unit, lang) for unit in row.units], lang),
    }


def _when(board: Board, at: int, lang: str) -> str:
    """``09:05`` today, ``23日 19:42`` on another day."""
    day = day_of(at, board.zone)
    if day == board.day:
        return wording.clock(at, board.zone)
    return (
        f"{day % 100}日 {wording.clock(at, board.zone)}"
        if lang != "en"
        else wording.moment(at, board.day, board.zone, lang)
    )


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
    for town, track in tracks_of(board).items():
        owed = [judged for judged in track.obligations if judged.place == code]
        if not owed:
            continue
        gap = next((one for one in track.gaps if one.place == code), None)
        row = rows_of(board, {town: replace(track, obligations=tuple(owed))})[0]
        name, lon, lat = place_of(board, town, code)
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
        beat = beat_text(board, row.beat, lang)
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
                        "href": f"/records?feed=patrol&town={town}&day={day_text(board.day)}&place={code}{keep}",
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
