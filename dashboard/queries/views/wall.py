"""The view ``wall``: the duty overview of a region in one document (DESIGN-UI §3, §4, §9). Words and numbers only.

Built from whatever feeds are declared; nothing on it names a person. ``scope`` is ``all``, a town's code, or several
codes with commas between them: the figures are then recomputed over those towns. The wall's other scenes are views of
their own (``wall_work`` …) that use what is public here.
"""

from __future__ import annotations

import copy
from collections.abc import Sized
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.day import MINUTE, day_of, day_start, minute_of, shift_day
from dashboard.domain.feed import Feed, Kpi, ReadingSpec, TrackSpec
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.summary import FeverState, ObligationState, UnitNow
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries import casework, wording
from dashboard.queries.alerting import groups
from dashboard.queries.alerting import words as alert_words
from dashboard.queries.alerting.life import State as AlertState
from dashboard.queries.attention import Attention, Kind, Level, attention
from dashboard.queries.duties import PATROL_POINT
from dashboard.queries.explain import value_text
from dashboard.queries.figures import ever
from dashboard.queries.status import Status, status_of, status_word
from dashboard.queries.view import View
from dashboard.queries.views.shell import feed_badge

if TYPE_CHECKING:
    from dashboard.queries.alerting.life import Alert
    from dashboard.queries.board import Board

SHOWN = (
    "resumption_rate", "staff_return_rate", "patrol_coverage", "cells_seen", "units_on_duty",
    "fever_count", "dispute_open", "screened", "checkpoints_online",
)  # fmt: skip
"""The tiles from left to right, as far as their feeds are declared."""
FIRST = (
    "resumption_rate", "staff_return_rate", "patrol_coverage", "fever_count", "dispute_open", "checkpoints_online",
    "cells_seen", "units_on_duty", "screened",
)  # fmt: skip
"""Which of them keep their place when there are more than six."""
TILES = 6
MAPPED = ("resumption_rate", "patrol_coverage")
"""The figure of map and ranking: the first that is declared."""
CLASSES = (0.75, 0.80, 0.85, 0.90)
"""Lower limits of the map's classes 2 to 5; fixed, so that a colour means the same tomorrow."""
SCENES = {
    "overview": "",
    "work": "resumption_rate",
    "patrol": "patrol_coverage",
    "gates": "checkpoints_online",
    "disputes": "dispute_open",
    "more": "",
}
"""Scene -> the figure it is about: a scene whose figure is not declared or may not be seen is left out."""
ROWS = 5
RANKED = 11
GAPS = 4
LONG_GAP_MS = 3 * 60 * MINUTE
OLD = (Freshness.STALE, Freshness.SILENT)


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """The document of the wall. That a replay is one is said by the frame's strip beside the note."""
    board = narrowed(board, scope)
    raised = groups.entries(board)
    open_entries = attention(board) if raised is None else raised
    kpi = _mapped(board)
    return {
        "zone": board.zone,
        "title": board.pack.titles.get(f"wall_{'en' if lang == 'en' else 'zh'}") or _region_name(board, lang),
        # Those that should come most often first.
        "feeds": [feed_badge(board, feed, lang) for feed in _badges(board)],
        "scenes": scenes(board),
        "tiles": [tile_of(board, feed, one, unreported(board, feed, one), lang) for feed, one in chosen_tiles(board)],
        "map": _map(board, kpi, open_entries, lang) if kpi else None,
        "ranking": ranking(board, kpi, lang) if kpi else None,
        "alerts": _alerts(board, open_entries, lang),
        "hours": hours(board, lang),
        "backlog": backlog(board, lang),
        "gaps": None if casework.dated_feed(board) else _gaps(board, lang),
        "note": _note(board, lang),
    }


def chosen_tiles(board: Board) -> list[tuple[Feed, Kpi]]:
    """The figures of the tiles, at most six, in the order of the wall."""
    names = {feed.name for feed in board.feeds}
    declared = [key for key in FIRST if key in KPIS and KPIS[key][0].name in names][:TILES]
    return [KPIS[key] for key in SHOWN if key in declared]


def scenes(board: Board) -> list[dict[str, str]]:
    """The scenes there is something for, each with the figure it is about."""
    names = {feed.name for feed in board.feeds}
    return [
        {"scene": scene, "kpi": kpi}
        for scene, kpi in SCENES.items()
        if (not kpi and (scene != "more" or any(not feed.core for feed in board.feeds)))
        or (kpi in KPIS and KPIS[kpi][0].name in names)
    ]


def unreported(board: Board, feed: Feed, kpi: Kpi) -> list[str]:
    """Towns that a figure does not count: today, or for a standing figure ever (EXACTNESS 19)."""
    if not kpi.standing:
        return board.reported(feed.name)[1]
    known = casework.ever(board, feed)
    return [town for town in board.towns if town not in known]


def fraction(kpi: Kpi) -> bool:
    """A share of things that are counted one by one reads better as a fraction: ``26 / 27 个``."""
    return kpi.unit == "ratio" and bool(kpi.measure.zh) and kpi.decimals == 0


def narrowed(board: Board, scope: str) -> Board:
    """The same moment over fewer towns; unknown codes are left out, and none at all means every town."""
    wanted = [board.pack.town_by_code[code].code for code in scope.split(",") if code in board.pack.town_by_code]
    return _over(board, [town for town in board.towns if town in wanted]) if wanted else board


def _over(board: Board, towns: list[str]) -> Board:
    found = copy.copy(board)
    found.towns = tuple(towns)
    found._summaries = {
        feed: {town: one for town, one in known.items() if town in towns} for feed, known in board._summaries.items()
    }
    return found


def _region_name(board: Board, lang: str) -> str:
    return f"{board.pack.name_en} duty overview" if lang == "en" else f"{board.pack.name}值守"


def town_name(board: Board, code: str, lang: str) -> str:
    """A town's name; place names stay Chinese in Chinese, and are romanised on an English wall."""
    town = board.pack.town_by_code.get(code)
    if town is None:
        return code
    return town.name_en if lang == "en" and town.name_en else town.name


def place_name(board: Board, code: str, lang: str) -> str:
    place = board.place(code)
    if place is None:
        return code
    return place.name_en if lang == "en" and place.name_en else place.name


# -- tiles


def tile_of(board: Board, feed: Feed, kpi: Kpi, missing: list[str], lang: str) -> dict[str, Any]:
    figure = board.figure(kpi.key, feed=feed.name)
    status = status_of(figure, kpi)
    _, received = board.freshness(feed.name)
    old = status in (Status.STALE, Status.SILENT)
    value, unit = _tile_value(figure, kpi, lang)
    partial = bool(missing) and len(missing) < len(board.towns) and not old
    word, shape = status_word(status, lang), str(status)
    if partial and status == Status.OK:
        said = f"{len(board.towns) - len(missing)}/{len(board.towns)}"
        word, shape = f"{said} 镇" if lang != "en" else f"{said} towns", "partial"
    return {
        "kpi": kpi.key,
        "feed": feed.name,
        "label": kpi.words.of(lang),
        "value": value,
        "unit": unit,
        "raw": figure.value,
        "freshness": str(figure.freshness),
        "status": str(status),
        "shape": shape,
        "word": word,
        "partial": partial,
        "delta": _delta(board, figure, kpi, feed, missing, lang),
        "note": _partial_note(board, missing, lang)
        if partial and status == Status.OK
        else _why(board, figure, kpi, status, lang),
        "aged": {
            "word": status_word(Status.STALE, lang),
            "delta": data_until(board, received, lang),
            "never": status_word(Status.SILENT, lang),
        },
        "received": received,
        "late": feed.limits.late,
        "stale": feed.limits.stale,
        "silent": feed.limits.silent,
        "now": minute_of(board.now, board.zone),
        "stale_from": _stale_from(board, received) if old else None,
        "step": kpi.unit != "ratio" or fraction(kpi),
        "today": _points(board, kpi, feed, board.day),
        "yesterday": _points(board, kpi, feed, shift_day(board.day, -1)),
    }


def _tile_value(figure: Figure, kpi: Kpi, lang: str) -> tuple[str, str]:
    if fraction(kpi) and figure.value is not None:
        whole = wording.count(figure.denominator or 0, lang)
        return wording.count(
            figure.numerator or 0, lang
        ), f"/ {whole} {kpi.measure.zh}" if lang != "en" else f"/ {whole}"
    value, unit = value_text(figure, kpi, lang)
    return value, wording.unit_for(value, unit)


def _delta(board: Board, figure: Figure, kpi: Kpi, feed: Feed, missing: list[str], lang: str) -> str:
    """Against yesterday at the same time, over the same towns."""
    if figure.freshness in OLD:
        return data_until(board, board.freshness(feed.name)[1], lang)
    same = _over(board, [town for town in board.towns if town not in missing])
    before = same.yesterday(kpi.key, feed=feed.name)
    if figure.value is None or before.value is None:
        return ""
    if fraction(kpi):
        change = int(figure.numerator or 0) - int(before.numerator or 0)
        said = wording.join_unit(wording.signed(change, 0), kpi.measure.zh) if change else "持平"
        short = wording.signed(change, 0)
    else:
        said = wording.delta(figure.value, before.value, kpi, lang)
        short = said if kpi.unit == "ratio" else wording.delta(figure.value, before.value, kpi, lang, short=True)
    # English needs the room: the unit stands beside the value, and “no change” is a 0.
    return f"较昨日 {said}" if lang != "en" else f"{short.replace('no change', '0')} vs yest."


def data_until(board: Board, received: int | None, lang: str) -> str:
    if received is None:
        return "从未收到数据" if lang != "en" else "nothing ever received"
    at = wording.moment(received, board.day, board.zone, lang)
    return f"数据截至 {at}" if lang != "en" else f"data until {at}"


def _partial_note(board: Board, missing: list[str], lang: str) -> str:
    if len(missing) > 1:
        return f"缺 {len(missing)} 镇" if lang != "en" else f"without {len(missing)}"
    names = wording.listed([town_name(board, town, lang) for town in missing], lang, 1)
    return f"缺{names}" if lang != "en" else f"without {names}"


def _why(board: Board, figure: Figure, kpi: Kpi, status: Status, lang: str) -> str:
    """What the right of a tile says: the fact behind a warning, else the target or what stands beside the figure."""
    zh, detail = lang != "en", figure.detail
    if status in (Status.STALE, Status.SILENT):
        return ""
    if figure.value is None:
        return "无到期义务" if zh and kpi.key == "patrol_coverage" else wording.not_reported(lang)
    for state, (one, other) in _WAITING.items():
        if detail.get(state):
            return f"{one} {detail[state]} 人" if zh else f"{detail[state]} {other}"
    if kpi.key == "fever_count":
        return ("今日无异常" if zh else "none today") if not figure.value else ("均已处置" if zh else "all followed up")
    if kpi.key == "checkpoints_online" and figure.numerator != figure.denominator:
        return _longest_silence(board, lang)
    if "signal" in detail:
        return f"有信号 {detail['signal']} 组" if zh else f"{detail['signal']} with signal"
    if "unobservable" in detail and status == Status.ALERT:
        lapsed = (figure.denominator or 0) - int(figure.numerator or 0)
        return f"漏巡 {lapsed} 处" if zh else f"{lapsed} lapsed"
    if kpi.key == "dispute_open":
        return _of_disputes(board, lang)
    if kpi.target is not None:
        return f"目标 {wording.percent(kpi.target, 0)}" if zh else f"target {wording.percent(kpi.target, 0)}"
    if kpi.unit == "ratio" and figure.denominator and not fraction(kpi):
        # No thousands comma: the parts stand in the small room beside the delta.
        parts = f"{figure.numerator}/{figure.denominator}"
        return parts if len(parts) <= 7 else _in_myriads(int(figure.numerator or 0), kpi, lang)
    if kpi.key == "checkpoints_online":
        return "全部在线" if zh else "all online"
    if kpi.key == "screened":
        fevers = board.figure("fever_rate")
        return f"发热率 {wording.percent(fevers.value, 2)}" if zh else f"rate {wording.percent(fevers.value, 2)}"
    return ""


def _of_disputes(board: Board, lang: str) -> str:
    """What is over time, else what came up today."""
    for key, zh, en in (("dispute_overdue", "逾期", "overdue"), ("dispute_new", "今日新增", "new today")):
        value = board.figure(key).value
        if value:
            return f"{zh} {wording.count(value, lang)} 件" if lang != "en" else f"{wording.count(value, lang)} {en}"
    return "今日无新增" if lang != "en" else "none new today"


def _in_myriads(number: int, kpi: Kpi, lang: str) -> str:
    """A large count in the little room of a tile: ``11.5 万人``, ``115k``."""
    if number < 10_000:
        return ""
    if lang == "en":
        return f"{wording.decimal(number / 1000, 0)}k {kpi.measure.en}"
    return f"{wording.decimal(number / 10_000, 1)} 万{kpi.measure.zh}"


_WAITING = {"pending": ("待复测", "to recheck"), "unresolved": ("未复测", "not rechecked")}


def _longest_silence(board: Board, lang: str) -> str:
    since = [one.since for one in attention(board) if one.kind == Kind.SILENT_CHECKPOINT and one.since is not None]
    if not since:
        return "等待首条读数" if lang != "en" else "first reading awaited"
    silent = wording.span(board.now - min(since), lang)
    return f"离线 {silent}" if lang != "en" else f"offline {silent}"


def _stale_from(board: Board, received: int | None) -> int | None:
    if received is None:
        return None
    return max(0, (received - day_start(board.day, board.zone)) // MINUTE)


Points = list[tuple[int, float | None]]
_curves: dict[tuple[int, str, str, tuple[str, ...], int], tuple[Sized, int, Points]] = {}
"""Curves by source, feed, figure, towns and day, with the course each was made of: as long as the course is the same,
only the last point of today moves."""
_CURVES_KEPT = 256


def _points(board: Board, kpi: Kpi, feed: Feed, day: int) -> Points:
    key = (id(board.trends), feed.name, kpi.key, board.towns, day)
    course = board.trends.course(feed.name, day, board.now) if board.trends else []
    held = _curves.get(key)
    if held is None or held[0] is not course or held[1] != len(course):
        found = board.series(kpi.key, day=day, feed=feed.name)
        points = [(minute, None if value is None else round(value, 5)) for minute, value in found]
        held = (course, len(course), points)
        # A course that is still being computed is empty: what it gives is shown, but not kept in place of the real one.
        if course:
            # A curve holds on to its course, and that to every summary of a day: earlier days' are let go.
            for old in [old for old in _curves if old[4] < shift_day(board.day, -2)]:
                _curves.pop(old, None)
            if len(_curves) >= _CURVES_KEPT:
                _curves.clear()
            _curves[key] = held
    if day != board.day or not held[2]:
        return held[2]
    value = board.figure(kpi.key, feed=feed.name).value
    return [*held[2][:-1], (minute_of(board.now, board.zone), None if value is None else round(value, 5))]


# -- map and ranking


def _mapped(board: Board) -> tuple[Feed, Kpi] | None:
    names = {feed.name for feed in board.feeds}
    found = [KPIS[key] for key in MAPPED if key in KPIS and KPIS[key][0].name in names]
    # A map of a feed that nobody has ever sent would say nothing; its badge says so.
    heard = (one for one in found if any(ever(summary) for summary in board.summaries(one[0].name).values()))
    return next(heard, found[0] if found else None)


def colour_class(value: float | None) -> int | None:
    """1 to 5 by the fixed limits; ``None`` without a value."""
    return None if value is None else 1 + sum(value >= limit for limit in CLASSES)


def _map(board: Board, shown: tuple[Feed, Kpi], entries: tuple[Attention, ...], lang: str) -> dict[str, Any]:
    feed, kpi = shown
    zh = lang != "en"
    units, gates = units_of(board), gates_of(board)
    return {
        **map_head(kpi, lang),
        "towns": [map_town(board, feed, kpi, town, lang) for town in board.towns],
        "units": units,
        "checkpoints": gates,
        "pins": pins_of(board, entries),
        "legend": _legend(board, units, entries, lang),
        "approximate": ("边界为示意" if zh else "Boundaries are approximate") if board.pack.approximate else "",
    }


def map_head(kpi: Kpi, lang: str) -> dict[str, Any]:
    """Figure, heading and classes of a map by a rate."""
    return {
        "kpi": kpi.key,
        "heading": f"各镇（街道）{kpi.words.zh}" if lang != "en" else f"{kpi.words.en} by town",
        "classes": ["<75", "75–80", "80–85", "85–90", "≥90%"],
    }


def map_town(board: Board, feed: Feed, kpi: Kpi, town: str, lang: str) -> dict[str, Any]:
    figure = board.figure(kpi.key, town, feed.name)
    reported = town not in unreported(board, feed, kpi)
    silent = figure.freshness == Freshness.SILENT
    level = colour_class(figure.value)
    known = reported and not silent
    old = figure.freshness in OLD
    return {
        "code": town,
        "name": town_name(board, town, lang),
        "text": (wording.percent(figure.value, kpi.decimals) if known else wording.not_reported(lang)),
        "value": figure.value if known else None,
        "fill": level if known and not old and level is not None else "nodata",
        "reported": known,
        "old": old,
        "freshness": str(figure.freshness),
    }


def _badges(board: Board) -> list[Feed]:
    return sorted((feed for feed in board.feeds if feed.core), key=lambda feed: feed.limits.expected)


def units_of(board: Board) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for feed in board.feeds:
        if isinstance(feed.archetype, TrackSpec):
            for town in board.towns:
                track = board.track(town, feed.name)
                found += [_unit(unit) for unit in (track.units if track else ()) if _drawn(unit)]
    return found


def _drawn(unit: UnitNow) -> bool:
    return unit.lon is not None and unit.lat is not None and (unit.on_duty or unit.signal)


def _unit(unit: UnitNow) -> dict[str, Any]:
    lon, lat = round(unit.lon or 0, 5), round(unit.lat or 0, 5)
    return {"unit": unit.unit, "lon": lon, "lat": lat, "heading": unit.heading, "signal": unit.signal}


def gates_of(board: Board) -> list[dict[str, Any]]:
    found = []
    for feed in board.feeds:
        if not isinstance(feed.archetype, ReadingSpec):
            continue
        for town in board.towns:
            reading = board.reading(town, feed.name)
            for point in reading.checkpoints if reading else ():
                place = board.place(point.checkpoint)
                if place is not None and place.lon is not None and place.lat is not None:
                    found.append(
                        {
                            "checkpoint": point.checkpoint,
                            "lon": place.lon,
                            "lat": place.lat,
                            "on_duty": point.on_duty,
                            "online": point.online,
                        }
                    )
    return found


_SPOTS = (Kind.FEVER, Kind.SILENT_CHECKPOINT, Kind.DRIFT)


def pins_of(board: Board, entries: tuple[Attention, ...]) -> list[dict[str, Any]]:
    """Entries that have a place, else at their town's seat. Of those beyond the list's rows only what is at one spot
    stands there too, without a number: what is counted by town would hide the map."""
    found = []
    listed = {entry.number for entry in shown_of(entries)}
    for entry in entries:
        if entry.number not in listed and entry.kind not in _SPOTS:
            continue
        place = board.place(entry.place) if entry.place else None
        lon, lat = (place.lon, place.lat) if place is not None else (None, None)
        if lon is None or lat is None:
            town = board.pack.town_by_code.get(entry.town or "")
            if town is None or town.seat is None:
                continue
            lon, lat = town.seat
        number = entry.number if entry.number in listed else None
        found.append({"number": number, "level": str(entry.level), "lon": lon, "lat": lat})
    return found


def _legend(
    board: Board, units: list[dict[str, Any]], entries: tuple[Attention, ...], lang: str
) -> list[dict[str, str]]:
    zh = lang != "en"
    rows = []
    if any(isinstance(feed.archetype, TrackSpec) for feed in board.feeds):
        on = sum(1 for unit in units if unit["signal"])
        rows.append({"glyph": "unit", "name": "巡逻组" if zh else "Units", "text": _share(on, len(units), lang)})
        if on < len(units):
            off = len(units) - on
            rows.append(
                {"glyph": "unit-off", "name": "离线" if zh else "Offline", "text": f"{off} 组" if zh else str(off)}
            )
    if any(isinstance(feed.archetype, ReadingSpec) for feed in board.feeds):
        online = board.figure("checkpoints_online")
        text = (
            _share(int(online.numerator or 0), online.denominator or 0, lang)
            if online.value is not None
            else wording.MISSING
        )
        rows.append({"glyph": "gate", "name": "卡点" if zh else "Checkpoints", "text": text})
    count, _ = counted(board, entries)
    glyph = str(entries[0].level) if entries else "ok"
    if count:
        text = f"{count} 件" if zh else str(count)
        rows.append({"glyph": glyph, "name": "告警" if zh else "Alerts", "text": text})
    return rows


def _share(part: int, whole: int, lang: str) -> str:
    if not whole:
        return wording.MISSING
    return f"{part} / {whole} 在线" if lang != "en" else f"{part} / {whole} online"


def ranking(board: Board, shown: tuple[Feed, Kpi], lang: str) -> dict[str, Any]:
    feed, kpi = shown
    zh = lang != "en"
    missing = unreported(board, feed, kpi)
    reported = [town for town in board.towns if town not in missing]
    figures = {town: board.figure(kpi.key, town, feed.name) for town in board.towns}
    counted = [town for town in reported if figures[town].value is not None]
    # Ties by volume: 30 of 30 says more than 3 of 3.
    counted.sort(key=lambda town: (-(figures[town].value or 0), -(figures[town].denominator or 0), town))
    idle = [town for town in reported if town not in counted]
    whole = board.figure(kpi.key, feed=feed.name)
    rows = [_rank_row(board, feed, kpi, figures[town], number, lang) for number, town in enumerate(counted, start=1)]
    rows += [_rank_row(board, feed, kpi, figures[town], None, lang) for town in (*idle, *missing)]
    parts = f"{wording.count(whole.numerator or 0, lang)} / {wording.count(whole.denominator or 0, lang)}"
    measure = {"patrol_coverage": "处"}.get(kpi.key, kpi.measure.zh)
    return {
        "heading": f"{kpi.words.zh}排名" if zh else f"{kpi.words.en} ranking",
        "whole": ("全县" if len(board.towns) == len(board.pack.towns) else "合计") if zh else "All",
        "parts": parts if whole.value is not None else wording.MISSING,
        # English has no room for it.
        "measure": measure if zh and whole.value is not None else "",
        "town_head": "镇（街道）" if zh else "Town",
        "delta_head": "较昨日" if zh else "vs yest.",
        "target": kpi.target,
        "target_text": (f"目标 {wording.percent(kpi.target, 0)}" if zh else f"target {wording.percent(kpi.target, 0)}")
        if kpi.target
        else "",
        "rows": _fitting(rows, lang),
        "empty": "暂无镇（街道）数据" if zh else "No town data yet",
    }


def _fitting(rows: list[dict[str, Any]], lang: str) -> list[dict[str, Any]]:
    """What does not fit becomes a count: the few best stay, and all of those that lag."""
    if len(rows) <= RANKED:
        return rows
    best, lag = rows[:3], rows[3 - RANKED + 1 :]
    rest = len(rows) - len(best) - len(lag)
    return [*best, {"more": f"其间 {rest} 个" if lang != "en" else f"{rest} between"}, *lag]


def _rank_row(board: Board, feed: Feed, kpi: Kpi, figure: Figure, number: int | None, lang: str) -> dict[str, Any]:
    town = figure.town
    known = town not in unreported(board, feed, kpi) and figure.freshness != Freshness.SILENT
    status = status_of(figure, kpi)
    before = board.yesterday(kpi.key, town, feed.name).value
    value = figure.value if known else None
    change = wording.delta(value, before, kpi, lang, short=True) if value is not None and before is not None else ""
    return {
        "kpi": kpi.key,
        "town": town,
        "rank": str(number) if number and known else "",
        "name": town_name(board, town, lang),
        "raw": value,
        "text": wording.MISSING if value is None else wording.decimal(value * 100, kpi.decimals),
        "share": value,
        "status": str(status),
        "freshness": str(figure.freshness),
        "delta": change.replace("持平", "0.0").replace("no change", "0.0"),
        "reported": known,
        "missing": "" if known else wording.not_reported(lang),
    }


# -- alerts


def _alerts(board: Board, entries: tuple[Attention, ...], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    rows = shown_of(entries)
    total, urgent = counted(board, entries)
    rest = total - sum(entry.count if entry.kind == Kind.RAISED else 1 for entry in rows)
    return {
        "heading": "实时告警" if zh else "Live alerts",
        "open": total,
        "urgent": urgent,
        "parts": [["未结", str(total)], ["紧急", str(urgent)]]
        if zh
        else [["open", str(total)], ["urgent", str(urgent)]],
        "rows": [
            *(_alert_row(board, entry, lang) for entry in rows),
            *(_done_row(board, alert, lang) for alert in groups.over(board)[: max(0, ROWS - len(entries))]),
        ],
        "rest": (f"另有 {rest} 件" if zh else f"{rest} more") if rest > 0 else "",
        "urgent_ids": groups.urgent_ids(board),
        "banner": _banner(board, lang),
        "empty": "当前无告警" if zh else "No alerts now",
        "empty_note": wording.as_of(board.now, board.zone, lang),
    }


def counted(board: Board, entries: tuple[Attention, ...]) -> tuple[int, int]:
    """How many are open and how many of them urgent: alerts, as every other page counts them, not rows of the list."""
    found = groups.current(board)
    if found is None:
        return len(entries), sum(1 for entry in entries if entry.level == Level.ALERT)
    active = [one for one in found if one.active]
    return len(active), sum(1 for one in active if one.severity == "alert")


def shown_of(entries: tuple[Attention, ...]) -> tuple[Attention, ...]:
    """The rows that fit. A feed that has gone old keeps the last one: what it counts may be wrong everywhere else."""
    old = next((entry for entry in entries[ROWS:] if entry.level == Level.STALE), None)
    return entries[:ROWS] if old is None else (*entries[: ROWS - 1], old)


def _alert_row(board: Board, entry: Attention, lang: str) -> dict[str, Any]:
    title, fact, said = _alert_words(board, entry, lang)
    at = "" if entry.since is None else _when(board, entry.since, lang)
    spoken = {Level.ALERT: ("告警", "Alert"), Level.WATCH: ("关注", "Watch"), Level.STALE: ("滞后", "Stale")}[
        entry.level
    ]
    return {
        "key": entry.raised.id
        if entry.raised
        else f"{entry.kind}:{entry.town}:{entry.place}:{entry.case}:{entry.feed}",
        "number": entry.number,
        "level": str(entry.level),
        "kind": str(entry.kind),
        "hot": entry.level == Level.ALERT
        and (entry.kind == Kind.FEVER or (entry.kind == Kind.RAISED and entry.open > 0)),
        "title": title,
        "fact": fact,
        "time": at,
        "since": entry.since,
        "state": said,
        "spoken": wording.join([spoken[1 if lang == "en" else 0], title, fact, said], lang),
    }


def _banner(board: Board, lang: str) -> dict[str, Any] | None:
    """What stands in the head of the scenes without the list: urgent alerts that nobody has taken, and since when."""
    free = [one for one in groups.current(board) or [] if one.severity == "alert" and one.state == AlertState.OPEN]
    if not free:
        return None
    first = min(free, key=lambda one: one.begun_at)
    where = alert_words.town_words(board, first.town).of(lang)
    if lang == "en":
        return {"text": f"{len(free)} urgent, not taken: {where} {{age}}", "since": first.begun_at}
    return {"text": f"{len(free)} 件告警未签收，{where} {{age}}", "since": first.begun_at}


def _done_row(board: Board, alert: Alert, lang: str) -> dict[str, Any]:
    """An alert that is over stays for a while, where there is room for it."""
    title, fact, _ = told_alert(board, alert, 1, 0, lang)
    return {
        "key": f"{alert.id}:over",
        "number": None,
        "level": "done",
        "kind": str(Kind.RAISED),
        "hot": False,
        "title": title,
        "fact": fact,
        "time": _when(board, alert.begun_at, lang),
        "since": alert.resolved_at,
        "state": alert_words.ENDS[alert.resolution].of(lang),
        "spoken": "",
    }


def _when(board: Board, at: int, lang: str) -> str:
    """The time of today, else the day: there is no room for both."""
    day = day_of(at, board.zone)
    return wording.clock(at, board.zone) if day == board.day else wording.day(day, lang)


def _alert_words(board: Board, entry: Attention, lang: str) -> tuple[str, str, str]:
    """Where, what, and how it stands. ``{age}`` is counted on by the page."""
    zh = lang != "en"
    if entry.raised is not None:
        return told_alert(board, entry.raised, entry.count, entry.open, lang)
    town = town_name(board, entry.town, lang) if entry.town else ""
    place = place_name(board, entry.place, lang) if entry.place else ""
    where = wording.join([town, without(place, town_name(board, entry.town, "zh") if entry.town else "")], lang)
    if entry.kind == Kind.FEVER:
        degrees, waiting = wording.celsius(entry.milli_celsius), entry.state == FeverState.PENDING
        state = (
            ("待复测 {age}" if waiting else "未复测 {age}")
            if zh
            else ("recheck {age}" if waiting else "unchecked {age}")
        )
        return where, f"体温 {degrees}" if zh else degrees, state
    if entry.kind == Kind.SILENT_CHECKPOINT:
        return where, "在岗无读数" if zh else "on duty, no readings", "离线 {age}" if zh else "offline {age}"
    if entry.kind == Kind.LAPSED:
        figure = board.figure("patrol_coverage", entry.town or "all", entry.feed)
        share = wording.percent(figure.value, 1)
        return (
            f"{town}·巡逻" if zh else f"{town} · patrol",
            f"今日漏巡 {entry.count} 处" if zh else f"{entry.count} lapsed today",
            f"覆盖率 {share}" if zh else f"cov. {share}",
        )
    if entry.kind == Kind.DRIFT:
        high, gap = (entry.milli_celsius or 0) > 0, wording.decimal(abs(entry.milli_celsius or 0) / 1000, 2)
        device = wording.device(entry.case, entry.town or "")
        return (
            where,
            f"设备 {device} 偏{'高' if high else '低'} {gap} ℃"
            if zh
            else f"{device} {gap} ℃ {'high' if high else 'low'}",
            "待校准" if zh else "to calibrate",
        )
    if entry.kind in (Kind.OVERDUE, Kind.STUCK):
        return _case_words(entry, town, lang)
    feed = FEEDS[entry.feed].short.of(lang)
    title = f"系统·{feed}数据" if zh else f"System · {feed} data"
    if entry.since is None:
        return title, "从未收到数据" if zh else "nothing ever received", "无数据" if zh else "no data"
    limit = wording.span(FEEDS[entry.feed].limits.stale, lang).removesuffix(" 0 分").removesuffix(" 0 min")
    return title, f"超过 {limit}未更新" if zh else f"no update for over {limit}", "中断 {age}" if zh else "silent {age}"


def told_alert(board: Board, alert: Alert, count: int, waiting: int, lang: str) -> tuple[str, str, str]:
    """Where, what and how it stands of a group of alerts: aggregates only, who has it by role and never by name."""
    zh = lang != "en"
    if count == 1:
        title, fact = alert_words.where(board, alert, lang), alert_words.fact(board, alert, lang, False)
    else:
        # The number stands beside the town, where there is room for it.
        town = alert_words.town_words(board, alert.town).of(lang)
        title = f"{town}·{count} 件" if zh else f"{town} · {count}"
        fact = alert_words.rule_words(alert.rule).of(lang)
    if waiting:
        many = "" if waiting == count else f"{waiting} 件" if zh else f"{waiting} "
        return title, fact, (f"{many}未签收 {{age}}" if zh else many + "not taken {age}")
    return title, fact, alert_words.STATES[alert.state].of(lang) + " {age}"


def _case_words(entry: Attention, town: str, lang: str) -> tuple[str, str, str]:
    """Cases of a town past their time, or too long in a stage: how many, and how long the longest."""
    zh = lang != "en"
    feed, worst = FEEDS[entry.feed], wording.rough_span(entry.worst, lang)
    title = f"{town}·{feed.short.zh}" if zh else f"{town} · {feed.short.en.lower()}"
    unit = feed.kpis[0].measure.zh or "件"
    if entry.kind == Kind.OVERDUE:
        return (
            title,
            f"逾期未结 {entry.count} {unit}" if zh else f"{entry.count} overdue",
            f"最久 {worst}" if zh else worst,
        )
    return title, f"{entry.count} {unit}超环节时限" if zh else f"{entry.count} stuck", f"最久 {worst}" if zh else worst


def without(place: str, town: str) -> str:
    """“姚庄镇·姚庄东出口” says the town twice."""
    short = town.removesuffix("街道").removesuffix("镇")
    return place[len(short) :] if short and place.startswith(short) and len(place) > len(short) + 1 else place


# -- checkpoints by the hour


def hours(board: Board, lang: str) -> dict[str, Any] | None:
    feed = next((feed for feed in board.feeds if isinstance(feed.archetype, ReadingSpec)), None)
    if feed is None:
        return None
    zh = lang != "en"
    kpi = KPIS["screened"][1]
    today, yesterday = board.hourly("all"), board.hourly("all", shift_day(board.day, -1))
    figure = board.figure("screened", feed=feed.name)
    value, unit = value_text(figure, kpi, lang)
    peak = max(range(24), key=lambda hour: (today[hour], -hour))
    states = _fever_hours(board, feed)
    waiting = sum(item["open"] for item in states)
    return {
        "heading": kpi.words.of(lang),
        "kpi": kpi.key,
        "raw": figure.value,
        "freshness": str(figure.freshness),
        "lead": "今日" if zh else "today",
        "old": data_until(board, board.freshness(feed.name)[1], lang) if figure.freshness in OLD else "",
        "total": value,
        "unit": unit,
        "change": _change(board, figure, kpi, feed, lang),
        "today": today,
        "yesterday": yesterday if any(yesterday) else None,
        "hour": minute_of(board.now, board.zone) // 60,
        "gridlines": _gridlines(max(*today, *yesterday), lang),
        "peak": {"hour": peak, "text": wording.count(today[peak], lang)} if today[peak] else None,
        "fevers": {
            "label": "体温异常" if zh else "Fever",
            "hours": states,
            "note": (f"待处置 {waiting}" if zh else f"{waiting} open") if waiting else "",
        },
        "ticks": [{"hour": hour, "text": f"{hour} 时" if zh else f"{hour:02d}:00"} for hour in (0, 6, 12, 18, 24)],
        "empty": "" if any(today) else ("今日暂无记录" if zh else "No records today"),
        "label": "卡点每小时查验人次与体温异常" if zh else "Readings and fevers per hour at the checkpoints",
    }


def _change(board: Board, figure: Figure, kpi: Kpi, feed: Feed, lang: str) -> str:
    before = board.yesterday(kpi.key, feed=feed.name)
    if figure.value is None or not before.value:
        return ""
    text = wording.signed((figure.value - before.value) / before.value * 100, 1) + "%"
    return f"较昨日 {text}" if lang != "en" else f"{text} vs yest."


def _gridlines(high: int, lang: str) -> list[dict[str, Any]]:
    """Two round lines under the highest column: a whole and its half."""
    if high <= 0:
        return []
    step = 1
    while step * 10 <= high:
        step *= 10
    whole = next((step * lead for lead in (10, 8, 6, 5, 4, 3, 2, 1) if step * lead <= high), step)
    values = [whole // 2, whole] if whole >= 2 else [whole]
    return [{"value": value, "text": wording.count(value, lang)} for value in values]


def _fever_hours(board: Board, feed: Feed) -> list[dict[str, int]]:
    found: dict[int, list[int]] = {}
    for town in board.towns:
        reading = board.reading(town, feed.name)
        for fever in reading.fevers if reading else ():
            hour = minute_of(fever.at, board.zone) // 60
            waiting = fever.state in (FeverState.PENDING, FeverState.UNRESOLVED)
            found.setdefault(hour, [0, 0])[1 if waiting else 0] += 1
    return [{"hour": hour, "closed": closed, "open": waiting} for hour, (closed, waiting) in sorted(found.items())]


# -- cases that wait


def backlog(board: Board, lang: str) -> dict[str, Any] | None:
    """How old the open cases are, and how many there were on each day of a week (DESIGN-UI §4)."""
    feed = casework.dated_feed(board)
    if feed is None:
        return None
    zh = lang != "en"
    freshness, received = board.freshness(feed.name)
    rows, days = casework.ages(board, feed, lang), casework.open_by_day(board, feed, lang)
    whole = sum(row["count"] for row in rows)
    known = bool(casework.ever(board, feed))
    if not known:
        empty = "从未收到数据" if zh else "nothing ever received"
    else:
        empty = "" if whole or any(day["open"] for day in days) else "没有未结" if zh else "Nothing open"
    kpi = f"{feed.name}_open"
    return {
        "heading": f"{feed.short.zh}积压" if zh else f"{feed.short.en}: backlog",
        "kpi": kpi,
        "raw": whole if known else None,
        "freshness": str(freshness),
        "lead": "未结" if zh else "open",
        "whole": wording.count(whole, lang) if known else wording.MISSING,
        "unit": (feed.kpis[0].measure.zh if zh else "") if known else "",
        "old": data_until(board, received, lang) if freshness in OLD else "",
        "ages": rows if known else [],
        "days": days,
        "label": _backlog_label(rows, lang),
        "empty": empty,
    }


def _backlog_label(rows: list[dict[str, Any]], lang: str) -> str:
    said = [f"{row['name']} {row['count']}" for row in rows]
    return ("未结时长：" if lang != "en" else "Age of open cases: ") + ("，" if lang != "en" else ", ").join(said)


# -- longest since a visit


def _gaps(board: Board, lang: str) -> dict[str, Any] | None:
    if not any(isinstance(feed.archetype, TrackSpec) for feed in board.feeds):
        return None
    zh = lang != "en"
    found = []
    known = False
    for town in board.towns:
        track = board.track(town)
        if track is None or not track.reported:
            continue
        known = True
        worst: dict[str, ObligationState] = {}
        for judged in track.obligations:
            if judged.target != PATROL_POINT:
                continue
            held = worst.get(judged.place)
            if held is None or _WORST.index(judged.state) < _WORST.index(held):
                worst[judged.place] = judged.state
        found += [
            (gap.since, town, gap.place, worst.get(gap.place, ObligationState.OPEN), gap.visited)
            for gap in track.gaps
            if gap.target == PATROL_POINT
        ]
    found.sort(key=lambda gap: (gap[0], gap[2]))
    long = sum(1 for gap in found if board.now - gap[0] > LONG_GAP_MS)
    limit = wording.span(LONG_GAP_MS, lang).removesuffix(" 0 分").removesuffix(" 0 min")
    return {
        "heading": KPIS["longest_gap_hours"][1].words.of(lang),
        "parts": [f"超 {limit}" if zh else f"over {limit}", str(long), "处" if zh else ""],
        "rows": [_gap_row(board, gap, lang) for gap in found[:GAPS]],
        "empty": (
            ("无漏巡" if zh else "Nothing lapsed") if known else ("暂无巡逻数据" if zh else "No patrol data yet")
        ),
    }


_WORST = (ObligationState.LAPSED, ObligationState.UNOBSERVABLE, ObligationState.OPEN, ObligationState.MET)
_GAP_WORDS = {
    ObligationState.LAPSED: ("漏巡", "lapsed"),
    ObligationState.UNOBSERVABLE: ("无法判定", "unobservable"),
    ObligationState.OPEN: ("未到期", "not due yet"),
    ObligationState.MET: ("今日已巡", "met today"),
}


def _gap_row(board: Board, gap: tuple[int, str, str, ObligationState, bool], lang: str) -> dict[str, Any]:
    since, town, code, state, visited = gap
    zh = lang != "en"
    place = board.place(code)
    beat = board.pack.beat_by_code.get(place.beat) if place and place.beat else None
    name = town_name(board, town, lang)
    beat_name = (beat.name if zh or not beat.name_en else beat.name_en) if beat else ""
    words = _GAP_WORDS[state]
    return {
        "place": code,
        "title": place_name(board, code, lang),
        "sub": wording.join([name, without(beat_name, name) if zh else beat_name.removeprefix(name).strip()], lang),
        "since": since,
        "visited": visited,
        "age": wording.span(board.now - since, lang),
        "state": str(state),
        "word": words[1] if lang == "en" else words[0],
    }


def _note(board: Board, lang: str) -> str:
    zh = lang != "en"
    texts = ["曲线：实线今日，虚线昨日" if zh else "Lines: solid today, dashed yesterday"]
    texts.append(
        f"未注明者{wording.as_of(board.now, board.zone, lang)}" if zh else wording.as_of(board.now, board.zone, lang)
    )
    return wording.join(texts, lang)


# On the beat too: curves are computed in the background, and nothing else says that they are ready.
VIEW = View("wall", build, clock_only=True, needs=Permission.WALL)
