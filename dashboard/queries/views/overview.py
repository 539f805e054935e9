"""The page 总览: the towns side by side, each feed in one column of one form; what moved most; how good the data is."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from dashboard.access.policy import Permission
from dashboard.domain.day import minute_of
from dashboard.domain.feed import Feed, Kpi, ReadingSpec, TrackSpec, Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.summary import FeverState
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries import desk, wording
from dashboard.queries.asked import Asked, Choice, Filter, Narrowed, town_choices
from dashboard.queries.attention import attention
from dashboard.queries.explain import value_text
from dashboard.queries.export import Column, Table
from dashboard.queries.figures import ALL
from dashboard.queries.overview.movers import SPREAD_DAYS, Mover, movers
from dashboard.queries.overview.picture import DIMS, Picture, columns_of
from dashboard.queries.status import Status, judge, status_of, status_word
from dashboard.queries.view import View
from dashboard.queries.views.shell import feed_badge
from dashboard.queries.views.wall import (
    CLASSES,
    chosen_tiles,
    data_until,
    fraction,
    narrowed,
    pins_of,
    tile_of,
    unreported,
)
from dashboard.queries.views.wall_disputes import LIMITS as OPEN_LIMITS

if TYPE_CHECKING:
    from dashboard.queries.board import Board

OLD = (Freshness.STALE, Freshness.SILENT)
WAITING = (FeverState.PENDING, FeverState.UNRESOLVED)
MOVERS = 5
CHART_DAYS = 6
"""Days before the board's own in the columns of seven days."""
FEVER_LIMITS = (1, 2, 4, 7)
"""Lower limits of the map's classes 2 to 5, fever readings of a town; fixed."""
CLOCK_WATCH_MS = 5 * 60_000
SEARCH = Words("镇（街道）", "Town")
STATES = {
    "alert": Words("告警", "In alert"),
    "watch": Words("关注", "To watch"),
    "normal": Words("正常", "Normal"),
    "silent": Words("未报", "Not reporting"),
}
TITLES = {
    "towns": Words("各镇（街道）", "Towns"),
    "figures": Words("指标", "Figures"),
    "movers": Words("变动最大", "Biggest movers"),
    "quality": Words("数据质量", "Data quality"),
}
SHORT = {
    "resumption_rate": Words("复工率", "Resumed"),
    "staff_return_rate": Words("返岗率", "Staff"),
    "patrol_coverage": Words("巡逻", "Patrols"),
    "fever_count": Words("体温", "Fever"),
    "dispute_open": Words("纠纷", "Disputes"),
}
"""What the map's switch calls its figures, where there is little room."""


@dataclass(frozen=True)
class Town:
    """One row of the page before it is drawn: a town and what its figures ask of a person."""

    code: str
    name: str
    state: str


def _orders(board: Board, lang: str) -> list[Choice]:
    down, up = ("高到低", "低到高") if lang != "en" else ("descending", "ascending")
    found = []
    for _, kpi in columns_of(board):
        name = kpi.words.of(lang)
        found += [Choice(kpi.key, f"{name} {down}"), Choice(f"-{kpi.key}", f"{name} {up}")]
    return found


ORDERS = tuple(f"{sign}{kpi.key}" for feed in FEEDS.values() for kpi in feed.kpis for sign in ("", "-"))

FILTERS = (
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.code),
    Filter(
        "state",
        Words("状态", "State"),
        lambda board, lang: [Choice(key, words.of(lang)) for key, words in STATES.items()],
        lambda row: row.state,
    ),
    Filter("sort", Words("排序", "Order"), _orders, lambda row: ORDERS, quiet=True, part=True),
)


# -- the page


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws. The rows are the towns that the viewer may see and the filters let through."""
    lang, zh = asked.lang, asked.lang != "en"
    columns = columns_of(asked.board)
    picture, towns, told = _page(asked, columns)
    board = asked.board
    rows = _ordered(asked, [_row(picture, town.code, columns) for town in towns.rows], columns)
    region = _row(picture, ALL, columns)
    tiles = [_tile(picture, feed, kpi) for feed, kpi in chosen_tiles(board)]
    known = {tile["kpi"] for tile in tiles} | {kpi.key for _, kpi in columns}
    helps = {kpi: desk.help_for(asked, picture.figure(kpi), dims=DIMS.get(kpi)) for kpi in sorted(known)}
    helps |= {f"column-{kpi.key}": helps[kpi.key] for _, kpi in columns}
    helps["movers"] = _movers_help(asked)
    return desk.document(
        asked,
        towns,
        feed=board.feeds[0].name if board.feeds else next(iter(FEEDS)),
        headline=_headline(picture, told, columns, region),
        sub=_sub(asked, len(rows)),
        tables=[(name, words.of(lang)) for name, words in TITLES.items()],
        tiles=tiles,
        helps=helps,
        compare=_compare(asked),
        search=SEARCH,
        title="总览" if zh else "Overview",
        source=None,
        place="镇（街道）" if zh else "Town",
        columns=[_column(picture, feed, kpi, rows) for feed, kpi in columns],
        order=_order_words(picture, asked, columns, [str(row["town"]) for row in rows]),
        region=region,
        rows=rows,
        maps=_maps(picture, columns),
        pins=_pins(picture),
        approximate=("边界为示意" if zh else "Boundaries are approximate") if board.pack.approximate else "",
        movers=_movers(picture, columns),
        still=_still(picture, columns),
        quality=_quality(picture),
        words=_words(lang),
        empty="没有符合条件的镇（街道）" if zh else "No town matches",
    )


def _page(asked: Asked, columns: Sequence[tuple[Feed, Kpi]]) -> tuple[Picture, Narrowed[Town], list[Town]]:
    """The figures over the towns that pass the filters, those towns, and every town with its state."""
    every = Picture(asked)
    told = [Town(code, asked.board.pack.town_by_code[code].name, _state(every, code, columns)) for code in every.towns]
    towns = Narrowed(told, asked, lambda row: f"{row.name} {asked.board.pack.town_by_code[row.code].name_en}")
    chosen = {row.code for row in towns.rows}
    picture = every if len(chosen) == len(told) else every.over([code for code in every.towns if code in chosen])
    return picture, towns, [row for row in told if row.code in chosen]


def _status(asked: Asked, figure: Figure, kpi: Kpi) -> Status:
    """A figure's status; of a past moment its limits speak, its age does not."""
    if asked.when.live:
        return status_of(figure, kpi)
    return Status.EMPTY if figure.value is None else judge(figure.value, kpi)


def _state(picture: Picture, town: str, columns: Sequence[tuple[Feed, Kpi]]) -> str:
    statuses = [_status(picture.asked, picture.figure(kpi.key, town), kpi) for _, kpi in columns]
    for status in (Status.ALERT, Status.WATCH):
        if status in statuses:
            return str(status)
    known = [picture.figure(kpi.key, town).value for _, kpi in columns]
    # A town that has told nothing is not a town where nothing is wrong.
    return "silent" if all(value is None for value in known) else "normal"


def _words(lang: str) -> dict[str, Any]:
    zh = lang != "en"
    return {
        "table": "各镇（街道）四路对照" if zh else "Towns by feed",
        "region": "全县" if zh else "County",
        "open": "打开镇页" if zh else "Open town",
        "map": "地图显示" if zh else "Map shows",
        "sort": "排序" if zh else "Sort",
        "quality": "数据质量" if zh else "Data quality",
        "movers": "按变化与近 14 日波动之比" if zh else "by change ÷ spread of 14 days",
        "legend": {
            "met": "已巡" if zh else "Met",
            "lapsed": "漏巡" if zh else "Lapsed",
            "unobservable": "无法判定" if zh else "Unobservable",
            "open": "未到期" if zh else "Open",
            "cleared": "已处置" if zh else "Followed up",
            "waiting": "待复测" if zh else "To recheck",
        },
    }


def _sub(asked: Asked, count: int) -> list[str]:
    board, lang = asked.board, asked.lang
    zh = lang != "en"
    clock = wording.clock(board.now, board.zone)
    texts = [wording.date_line(board.day, lang)]
    if asked.when.kind in ("now", "as_of"):
        texts.append(f"各项与昨日同一时刻（{clock}）比" if zh else f"each against the same time yesterday ({clock})")
    elif asked.when.kind == "day":
        texts.append("各项与前一日比" if zh else "each against the day before")
    whole = count == len(board.pack.towns)
    texts.append(
        f"{'全县 ' if whole else ''}{count} 镇（街道）" if zh else f"{count} {'town' if count == 1 else 'towns'}"
    )
    return texts


def _headline(
    picture: Picture, told: Sequence[Town], columns: Sequence[tuple[Feed, Kpi]], region: Mapping[str, Any]
) -> list[dict[str, str]]:
    asked, lang = picture.asked, picture.asked.lang
    zh = lang != "en"
    if not told:
        return [{"text": "没有符合条件的镇（街道）" if zh else "No town matches", "tone": "plain"}]
    # The first figure that there is: where no enterprise is registered, patrols lead.
    at, kpi = next(
        ((at, kpi) for at, (_, kpi) in enumerate(columns) if picture.figure(kpi.key).value is not None),
        (0, columns[0][1]),
    )
    figure, before = picture.figure(kpi.key), picture.before(kpi.key)
    value, unit = value_text(figure, kpi, lang)
    text = f"{kpi.words.of(lang)} {wording.join_unit(value, unit)}"
    clauses = [{"text": text + _against(figure, before, kpi, asked), "tone": "plain"}]
    if figure.value is None and all(town.state == "silent" for town in told):
        clauses = [{"text": "还没有收到记录" if zh else "No record yet", "tone": "stale"}]
    for state, one, other in (("alert", "镇告警", "in alert"), ("watch", "镇要关注", "to watch")):
        count = sum(1 for town in told if town.state == state)
        if count:
            many = "town" if count == 1 else "towns"
            clauses.append({"text": f"{count} {one}" if zh else f"{count} {many} {other}", "tone": state})
    silent = sum(1 for town in told if town.state == "silent")
    if silent and len(clauses) < 3:
        many = "town" if silent == 1 else "towns"
        clauses.append({"text": f"{silent} 镇未报" if zh else f"{silent} {many} not reporting", "tone": "stale"})
    if len(clauses) == 1:
        # No town is beyond a limit of its own; all of them together may be, and an old figure says nothing.
        calm = all(cell["status"] not in ("alert", "watch") for cell in region["cells"])
        if calm and not region["cells"][at]["old"]:
            clauses.append({"text": "各镇正常" if zh else "all towns normal", "tone": "plain"})
    return clauses


def _against(figure: Figure, before: Figure, kpi: Kpi, asked: Asked) -> str:
    """``，比昨日高 1.8 个百分点``: how the leading figure stands to the day before."""
    if figure.value is None or before.value is None:
        return ""
    zh = asked.lang != "en"
    difference = wording.shown(figure.value, kpi) - wording.shown(before.value, kpi)
    day = ("昨日" if asked.when.live else "前一日") if zh else ("yesterday" if asked.when.live else "the day before")
    if difference == 0:
        return f"，与{day}持平" if zh else f", as {day}"
    number = wording.decimal(abs(float(difference)), kpi.decimals)
    unit = (" 个百分点" if zh else " pp") if kpi.unit == "ratio" else f" {kpi.measure.of(asked.lang)}"
    if zh:
        return f"，比{day}{'高' if difference > 0 else '低'} {number}{unit}"
    return f", {number}{unit} {'above' if difference > 0 else 'below'} {day}"


# -- tiles


def _tile(picture: Picture, feed: Feed, kpi: Kpi) -> dict[str, Any]:
    """The wall's tile over the page's towns and at its moment."""
    asked, lang = picture.asked, picture.asked.lang
    board = copy.copy(narrowed(asked.board, ",".join(picture.towns)) if picture.only is not None else asked.board)
    # Curves and yesterday are the picture's own: the wall's would be played again for every past moment.
    board.trends = None
    missing = unreported(board, feed, kpi)
    made = tile_of(board, feed, kpi, missing, lang)
    figure, before = picture.figure(kpi.key), picture.before(kpi.key)
    status = _status(asked, figure, kpi)
    value, unit = value_text(figure, kpi, lang)
    parts = ""
    if fraction(kpi) and figure.value is not None:
        value = wording.count(figure.numerator or 0, lang)
        unit = f"/ {wording.count(figure.denominator or 0, lang)}" + (f" {kpi.measure.zh}" if lang != "en" else "")
    elif kpi.unit == "ratio" and figure.denominator:
        parts = f"{wording.count(figure.numerator or 0, lang)}/{wording.count(figure.denominator, lang)}"
    elif kpi.key == "fever_count" and figure.value is not None:
        screened = picture.figure("screened").value
        if screened is not None:
            parts = f"{wording.count(screened, lang)} {'测' if lang != 'en' else 'checks'}"
    live = asked.when.live
    partial = bool(made["partial"]) and live and status == Status.OK
    return {
        **made,
        "id": kpi.key,
        "town": figure.town,
        "dims": figure.dims,
        "value": value,
        "unit": wording.unit_for(value, unit),
        "raw": figure.value,
        "parts": parts,
        "freshness": str(figure.freshness) if live else "fresh",
        "received": made["received"] if live else None,
        "status": str(status),
        "shape": "partial" if partial else str(status),
        "word": made["word"] if partial else status_word(status, lang),
        "partial": partial,
        "delta": _tile_delta(picture, figure, before, kpi, feed) if live else _past_delta(figure, before, kpi, lang),
        "note": made["note"] if live else "",
        "stale_from": made["stale_from"] if live else None,
        "today": picture.curve(kpi.key),
        "yesterday": picture.curve(kpi.key, 1),
    }


def _tile_delta(picture: Picture, figure: Figure, before: Figure, kpi: Kpi, feed: Feed) -> str:
    board, lang = picture.board, picture.asked.lang
    if figure.freshness in OLD:
        return data_until(board, board.freshness(feed.name)[1], lang)
    return _past_delta(figure, before, kpi, lang)


def _past_delta(figure: Figure, before: Figure, kpi: Kpi, lang: str) -> str:
    """The difference to the day before, as a reader would work it out from what is displayed."""
    if figure.value is None or before.value is None:
        return ""
    if fraction(kpi):
        change = int(figure.numerator or 0) - int(before.numerator or 0)
        if not change:
            return "持平" if lang != "en" else "no change"
        return wording.join_unit(wording.signed(change, 0), kpi.measure.zh if lang != "en" else "")
    return wording.delta(figure.value, before.value, kpi, lang)


# -- rows


def _column(picture: Picture, feed: Feed, kpi: Kpi, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A column's head, its form, and the one scale that all its towns are drawn on."""
    lang = picture.asked.lang
    zh = lang != "en"
    form = _form(kpi, picture.figure(kpi.key))
    at = next(index for index, (_, one) in enumerate(columns_of(picture.board)) if one.key == kpi.key)
    values = [value for row in rows for value in row["cells"][at]["days"] or [] if value is not None]
    if form == "line" and kpi.target is not None:
        values.append(kpi.target)
    freshness, received = picture.board.freshness(feed.name)
    old = picture.asked.when.live and freshness in OLD
    sub = {
        "line": (
            f"近 7 日，虚线为目标 {wording.percent(kpi.target, 0)}" if kpi.target is not None else "近 7 日",
            f"7 days, dotted: target {wording.percent(kpi.target, 0)}" if kpi.target is not None else "7 days",
        ),
        "bar": ("必巡点，已巡 ÷ 应结", "patrol points, met ÷ closed"),
        "dots": ("0–24 时，人次", "by hour, 0–24"),
        "bars": ("近 7 日", "7 days"),
    }[form][0 if zh else 1]
    return {
        "kpi": kpi.key,
        "label": kpi.words.of(lang),
        "unit": "%" if kpi.unit == "ratio" else kpi.measure.of(lang),
        "feed": feed.name,
        "icon": feed.icon,
        "colour": feed.colour,
        "form": form,
        "sub": data_until(picture.board, received, lang) if old else sub,
        "old": old,
        "low": min(values) if form == "line" and values else 0,
        "high": max(values) if values else 1,
        "target": kpi.target if form == "line" else None,
    }


def _form(kpi: Kpi, figure: Figure) -> str:
    if kpi.key in DIMS:
        return "bar"
    if kpi.key == "fever_count":
        return "dots"
    return "line" if kpi.unit == "ratio" else "bars"


def _row(picture: Picture, town: str, columns: Sequence[tuple[Feed, Kpi]]) -> dict[str, Any]:
    board, lang = picture.board, picture.asked.lang
    cells = [_cell(picture, town, kpi) for _, kpi in columns]
    if town == ALL:
        name, title = ("County", board.pack.name_en) if lang == "en" else ("全县", board.pack.name)
        if len(picture.towns) < len(board.pack.towns):
            # A sum over some towns is not the county's.
            mine = picture.only is None
            zh, en = (
                ("所辖合计", "Your towns") if mine else (f"{len(picture.towns)} 镇合计", f"{len(picture.towns)} towns")
            )
            name, title = (en if lang == "en" else zh), ""
    else:
        found = board.pack.town_by_code[town]
        name, title = found.name, found.name_en
    worst = next((state for state in ("alert", "watch") if any(cell["status"] == state for cell in cells)), "")
    return {
        "town": town,
        "name": name,
        "title": title,
        "worst": worst,
        "worst_word": status_word(Status(worst), lang) if worst else "",
        "facts": _facts(cells, columns, lang),
        "cells": cells,
    }


def _facts(cells: Sequence[Mapping[str, Any]], columns: Sequence[tuple[Feed, Kpi]], lang: str) -> list[str]:
    """Two facts for the map's caption: the leading figure, and what is worst beside it."""
    found = []
    order = sorted(range(len(cells)), key=lambda at: {"alert": 0, "watch": 1}.get(cells[at]["status"], 2) if at else -1)
    for at in order[:2]:
        kpi, cell = columns[at][1], cells[at]
        value = wording.join_unit(cell["value"], "%" if kpi.unit == "ratio" else kpi.measure.of(lang))
        found.append(wording.join([f"{kpi.words.of(lang)} {value}", cell["note"]], lang))
    return found


def _cell(picture: Picture, town: str, kpi: Kpi) -> dict[str, Any]:
    asked, lang = picture.asked, picture.asked.lang
    figure, before = picture.figure(kpi.key, town), picture.before(kpi.key, town)
    value, unit = value_text(figure, kpi, lang)
    status = _status(asked, figure, kpi)
    form = _form(kpi, figure)
    live = asked.when.live
    old = live and figure.freshness in OLD
    delta = ""
    if figure.value is not None and before.value is not None and not old:
        delta = wording.delta(figure.value, before.value, kpi, lang, short=True)
    note = _note(picture, figure, kpi, town)
    days: list[float | None] | None = None
    if form in ("line", "bars"):
        days = [found.value for _, found in picture.ends(kpi.key, town, CHART_DAYS)] + [figure.value]
    return {
        "kpi": kpi.key,
        "town": figure.town,
        "dims": figure.dims,
        "value": value,
        "raw": figure.value,
        "before": before.value,
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "freshness": str(figure.freshness) if live else "fresh",
        "old": old,
        "status": str(status),
        "status_word": status_word(status, lang),
        # Where nothing is due there is no rate, and yet nobody has failed to report.
        "reported": figure.value is not None
        or ("unobservable" in figure.detail and not (live and figure.freshness == Freshness.SILENT)),
        "delta": delta,
        "note": note,
        "label": _spoken(kpi, wording.join_unit(value, unit), delta, note, lang),
        "bar": _bar(figure) if form == "bar" else None,
        "days": days,
        "dots": _dots(picture, figure, town) if form == "dots" else None,
    }


def _spoken(kpi: Kpi, value: str, delta: str, note: str, lang: str) -> str:
    comma = "，" if lang != "en" else ", "
    said = [
        f"{kpi.words.of(lang)} {value}",
        f"{'较昨日' if lang != 'en' else 'since yesterday'} {delta}" if delta else "",
    ]
    return comma.join(text for text in [*said, note] if text)


def _note(picture: Picture, figure: Figure, kpi: Kpi, town: str) -> str:
    """What is behind the figure, said only where it helps: what is wrong, or the parts of a ratio."""
    lang = picture.asked.lang
    zh = lang != "en"
    if figure.value is None and "unobservable" not in figure.detail:
        return "未报" if zh else "Not reported"
    if figure.value is None and picture.asked.when.live and figure.freshness == Freshness.SILENT:
        return "未报" if zh else "Not reported"
    if "unobservable" in figure.detail:
        lapsed = (figure.denominator or 0) - int(figure.numerator or 0)
        unknown = figure.detail["unobservable"]
        texts = [f"漏巡 {lapsed}" if zh else f"{lapsed} lapsed"] if lapsed else []
        texts += [f"未判 {unknown}" if zh else f"{unknown} unobservable"] if unknown else []
        if not texts and not figure.denominator:
            return "无到期义务" if zh else "Nothing due yet"
        if texts:
            return "·".join(texts) if zh else ", ".join(texts)
        return "无漏巡" if zh else "None lapsed"
    if figure.detail.get("pending"):
        count = figure.detail["pending"]
        return f"待复测 {count}" if zh else f"{count} to recheck"
    if kpi.key == "dispute_open":
        late = picture.figure("dispute_overdue", town).value
        return (f"逾 {late}" if zh else f"{late} overdue") if late else ""
    if kpi.unit == "ratio" and figure.denominator:
        return f"{wording.count(figure.numerator or 0, lang)}/{wording.count(figure.denominator, lang)}"
    return ""


def _bar(figure: Figure) -> dict[str, int] | None:
    """Parts of a state bar, of all obligations of the day."""
    detail = figure.detail
    if "unobservable" not in detail or not detail.get("total"):
        return None
    lapsed = (figure.denominator or 0) - int(figure.numerator or 0)
    return {
        "met": detail["met_today"],
        "lapsed": lapsed,
        "unobservable": detail["unobservable"],
        "open": detail["open"],
        "total": detail["total"],
    }


def _dots(picture: Picture, figure: Figure, town: str) -> dict[str, Any] | None:
    """Fevers of the day on the axis of its hours: minute, and whether it still waits for somebody."""
    board = picture.board
    if figure.value is None:
        return None
    found = []
    for code in picture.towns if town == ALL else (town,):
        reading = board.reading(code)
        fevers = reading.fevers if reading else ()
        found += [[minute_of(fever.at, board.zone), fever.state in WAITING] for fever in fevers]
    now = minute_of(board.now, board.zone) if picture.asked.when.kind in ("now", "as_of") else None
    return {"now": now, "at": sorted(found)}


def _order(asked: Asked, columns: Sequence[tuple[Feed, Kpi]]) -> tuple[str, bool]:
    """The column that the rows stand by, and whether the smallest comes first."""
    chosen = asked.chosen.get("sort", ())
    first = chosen[0] if chosen else columns[0][1].key if columns else ""
    return first.removeprefix("-"), first.startswith("-")


def _ordered(asked: Asked, rows: list[dict[str, Any]], columns: Sequence[tuple[Feed, Kpi]]) -> list[dict[str, Any]]:
    """Rows by a column's value; a town without one has no place among them and comes last either way."""
    kpi, up = _order(asked, columns)
    at = next((index for index, (_, one) in enumerate(columns) if one.key == kpi), 0)

    def key(row: Mapping[str, Any]) -> tuple[bool, float, str]:
        value = row["cells"][at]["raw"]
        return (value is None, (value if up else -value) if value is not None else 0.0, str(row["town"]))

    rows.sort(key=key)
    for number, row in enumerate(rows, start=1):
        row["number"] = number if row["cells"][at]["raw"] is not None else None
    return rows


def _order_words(
    picture: Picture, asked: Asked, columns: Sequence[tuple[Feed, Kpi]], codes: Sequence[str]
) -> dict[str, Any]:
    """By what the rows stand, and how many places have changed since yesterday."""
    zh = asked.lang != "en"
    kpi, up = _order(asked, columns)
    name = KPIS[kpi][1].words.of(asked.lang)
    before = {code: picture.before(kpi, code).value for code in codes}
    moved = ""
    if len(codes) > 1 and all(value is not None for value in before.values()):
        known = cast("dict[str, float]", before)
        then = sorted(codes, key=lambda code: (known[code] if up else -known[code], code))
        count = sum(1 for one, other in zip(codes, then, strict=True) if one != other)
        moved = (
            ("昨日位次相同" if zh else "as yesterday")
            if not count
            else (f"{count} 镇位次有变" if zh else f"{count} changed place")
        )
    return {"kpi": kpi, "up": up, "text": f"按{name}" if zh else f"by {name.lower()}", "moved": moved}


# -- map, movers, quality


def _maps(picture: Picture, columns: Sequence[tuple[Feed, Kpi]]) -> list[dict[str, Any]]:
    """What the map can show: fixed classes, as on the wall, so that a colour means the same tomorrow."""
    names = {feed.name for feed in picture.board.feeds}
    keys = [kpi.key for _, kpi in columns]
    if "staff_return_rate" in KPIS and KPIS["staff_return_rate"][0].name in names:
        keys.insert(1, "staff_return_rate")
    return [_map(picture, key) for key in keys]


def _map(picture: Picture, key: str) -> dict[str, Any]:
    lang, kpi = picture.asked.lang, KPIS[key][1]
    zh = lang != "en"
    limits: Sequence[float] = CLASSES if kpi.unit == "ratio" else FEVER_LIMITS if key == "fever_count" else OPEN_LIMITS
    if kpi.unit == "ratio":
        classes = ["<75", "75–80", "80–85", "85–90", "≥90%"]
    else:
        ends = [f"{low}–{high - 1}" if high - 1 > low else str(low) for low, high in pairwise(limits)]
        classes = ["0", *ends, f"≥{limits[-1]}{' ' + kpi.measure.zh if zh else ''}"]
    towns = []
    for code in picture.towns:
        figure = picture.figure(key, code)
        live = picture.asked.when.live
        old = live and figure.freshness in OLD
        known = figure.value is not None
        text, _ = value_text(figure, kpi, lang)
        towns.append(
            {
                "code": code,
                "name": _name(picture, code),
                "text": text if known else wording.not_reported(lang),
                "value": figure.value,
                "fill": 1 + sum(figure.value >= limit for limit in limits)
                if figure.value is not None and not old
                else "nodata",
                "reported": known,
                "old": old,
                "freshness": str(figure.freshness) if live else "fresh",
            }
        )
    label = SHORT.get(key, kpi.words).of(lang)
    return {"kpi": key, "label": label, "title": kpi.words.of(lang), "classes": classes, "towns": towns}


def _pins(picture: Picture) -> list[dict[str, Any]]:
    """What needs a person now, where it is; nothing at a past moment."""
    if not picture.asked.when.live or not picture.towns:
        return []
    board = narrowed(picture.board, ",".join(picture.towns)) if picture.only is not None else picture.board
    return [{**pin, "number": None} for pin in pins_of(board, attention(board))]


def _moved(picture: Picture, columns: Sequence[tuple[Feed, Kpi]]) -> list[Mover]:
    if not picture.asked.when.live:
        # The two weeks before a past moment would have to be read first, and the page would stand empty meanwhile.
        return []
    keys = [kpi.key for _, kpi in columns]
    keys += [kpi.key for _, kpi in chosen_tiles(picture.board) if kpi.key not in keys]
    return movers(picture, keys, MOVERS)


def _movers(picture: Picture, columns: Sequence[tuple[Feed, Kpi]]) -> list[dict[str, Any]]:
    asked, lang = picture.asked, picture.asked.lang
    rows = []
    for one in _moved(picture, columns):
        kpi = KPIS[one.kpi][1]
        status = _status(asked, one.now, kpi)
        rows.append(
            {
                "kpi": one.kpi,
                "town": one.town,
                "name": _name(picture, one.town),
                "label": kpi.words.of(lang),
                "from": value_text(one.before, kpi, lang)[0],
                "to": value_text(one.now, kpi, lang)[0],
                "delta": wording.delta(float(one.now.value or 0), float(one.before.value or 0), kpi, lang, short=True),
                "fact": _note(picture, one.now, kpi, one.town),
                "times": wording.decimal(one.score, 1),
                "shape": str(status) if status in (Status.ALERT, Status.WATCH) else "",
                "word": status_word(status, lang),
            }
        )
    return rows


def _still(picture: Picture, columns: Sequence[tuple[Feed, Kpi]]) -> str:
    """Why nothing is listed: nothing moved, or nothing is known of the days before."""
    zh = picture.asked.lang != "en"
    if not picture.asked.when.live:
        return "只在此刻列出" if zh else "Listed for the present only"
    if all(picture.before(kpi.key).value is None for _, kpi in columns):
        return "没有可比的前一日数据" if zh else "Nothing to compare with: the day before is not known"
    return "与前一日相比没有变动，或近日数据不足" if zh else "Nothing moved, or too few earlier days are known"


def _name(picture: Picture, town: str) -> str:
    lang = picture.asked.lang
    if town == ALL:
        return "全县" if lang != "en" and picture.only is None else "合计" if lang != "en" else "All"
    # Names of places stay as they are in either language; the other name stands in the tooltip.
    return picture.board.pack.town_by_code[town].name


def _movers_help(asked: Asked) -> dict[str, Any]:
    zh = asked.lang != "en"
    rows = [
        (
            "定义" if zh else "Definition",
            f"与昨日同一时刻之差 ÷ 近 {SPREAD_DAYS} 日的波动，取最大的 {MOVERS} 项"
            if zh
            else f"Change since this time yesterday ÷ spread of the last {SPREAD_DAYS} days; the {MOVERS} largest",
        ),
        (
            "波动" if zh else "Spread",
            "各日末值与前一日末值之差（不计正负）的平均，不小于显示的一个末位"
            if zh
            else "Mean of the changes from one day's end to the next without their signs, at least one displayed digit",
        ),
        (
            "不计入" if zh else "Left out",
            "滞后、未报，或昨日、近日数据不足的" if zh else "Stale or not reported, or too few earlier days known",
        ),
    ]
    return {
        "title": TITLES["movers"].of(asked.lang),
        "rows": [{"head": head, "number": "", "text": text} for head, text in rows],
        "seq": asked.board.seq,
        "records": None,
        "received": None,
    }


def _quality(picture: Picture) -> dict[str, Any]:
    """How complete each feed is, whom it is without, and what stands in the way: always the last line of the page."""
    asked, board, lang = picture.asked, picture.board, picture.asked.lang
    zh, found = lang != "en", []
    for feed in board.feeds:
        yes, no = _reporting(picture, feed)
        badge = feed_badge(board, feed, lang)
        partial = bool(yes) and bool(no)
        named = wording.listed([_name(picture, code) for code in no], lang, 2)
        whole = len(yes) + len(no)
        old = asked.when.live and badge["freshness"] in ("stale", "silent")
        detail = (f"{named}未报" if zh else f"without {named}") if partial else _alive(picture, feed)
        if not partial and (not detail or old):
            detail = data_until(board, board.freshness(feed.name)[1], lang)
        found.append(
            {
                **badge,
                "state": badge["freshness"] if old else "partial" if partial else "silent" if not yes else "ok",
                "kpi": "reporting_rate",
                "raw": len(yes) / whole if whole else None,
                "count": f"{len(yes)}/{whole} 镇" if zh else f"{len(yes)}/{whole} towns",
                "detail": detail,
            }
        )
    links = []
    health = board.health if asked.when.live else {}
    dead = health.get("dead")
    waiting = dead.get("open") if isinstance(dead, Mapping) else None
    if isinstance(waiting, int) and waiting:
        text = (
            f"退回待改 {wording.count(waiting, lang)} 条" if zh else f"{wording.count(waiting, lang)} rejected records"
        )
        links.append({"text": text, "href": "/system"})
    sources = health.get("sources")
    skewed = sum(
        1
        for one in (sources if isinstance(sources, list) else ())
        if isinstance(one, Mapping)
        and isinstance(one.get("clock_offset_ms"), int | float)
        and abs(one["clock_offset_ms"]) > CLOCK_WATCH_MS
    )
    if skewed:
        text = f"时钟偏差 {skewed} 个来源" if zh else f"clock offset: {skewed} {'source' if skewed == 1 else 'sources'}"
        links.append({"text": text, "href": "/system"})
    return {"feeds": found, "links": links}


def _reporting(picture: Picture, feed: Feed) -> tuple[list[str], list[str]]:
    yes, no = picture.board.reported(feed.name)
    return [code for code in yes if code in picture.towns], [code for code in no if code in picture.towns]


def _alive(picture: Picture, feed: Feed) -> str:
    """How many of a feed's units or checkpoints are heard of."""
    zh = picture.asked.lang != "en"
    if isinstance(feed.archetype, TrackSpec):
        units = [
            unit for town in picture.towns if (track := picture.board.track(town, feed.name)) for unit in track.units
        ]
        if not units:
            return ""
        signal = sum(1 for unit in units if unit.signal)
        return f"{signal}/{len(units)} 组在线" if zh else f"{signal}/{len(units)} units heard"
    if isinstance(feed.archetype, ReadingSpec):
        found = [one for town in picture.towns if (one := picture.board.reading(town, feed.name))]
        duty = sum(one.on_duty for one in found)
        return (
            f"{sum(one.online for one in found)}/{duty} 卡点"
            if zh
            else f"{sum(one.online for one in found)}/{duty} gates"
        )
    return ""


# -- comparison and files


def _figures(asked: Asked) -> list[Figure]:
    columns = columns_of(asked.board)
    picture, _, _ = _page(asked, columns)
    keys = [kpi.key for _, kpi in chosen_tiles(asked.board)]
    town = picture.towns[0] if len(picture.towns) == 1 else ALL
    return [picture.figure(key, town) for key in keys]


def _compare(asked: Asked) -> dict[str, Any] | None:
    if asked.versus is None:
        return None
    ours = _figures(asked)
    found = desk.comparison(asked, ours, desk.other_side(asked, _figures))
    if found is not None:
        for row, figure in zip(found["rows"], ours, strict=True):
            row["dims"] = dict(figure.dims)
    return found


def tables(asked: Asked, scope: str) -> list[Table]:
    """The towns with every column, every figure with its parts, what moved, and how complete the data is."""
    columns = columns_of(asked.board)
    picture, towns, _ = _page(asked, columns)
    rows = _ordered(asked, [_row(picture, town.code, columns) for town in towns.rows], columns)
    return [
        _town_table(picture, [_row(picture, ALL, columns), *rows], columns),
        _figure_table(picture, columns),
        _mover_table(picture, columns),
        _quality_table(picture),
    ]


def _town_table(picture: Picture, rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[Feed, Kpi]]) -> Table:
    lang = picture.asked.lang
    zh = lang != "en"
    heads = [Column("镇（街道）代码" if zh else "Town code"), Column("镇（街道）" if zh else "Town")]
    for _, kpi in columns:
        kind: Any = "percent" if kpi.unit == "ratio" else "count"
        name = kpi.words.of(lang)
        heads += [Column(name, kind), Column(f"{name} {'前一日' if zh else 'day before'}", kind)]
        if kpi.unit == "ratio":
            heads += [
                Column(f"{name} {'分子' if zh else 'numerator'}", "count"),
                Column(f"{name} {'分母' if zh else 'denominator'}", "count"),
            ]
        heads.append(Column(f"{name} {'状态' if zh else 'state'}"))
    made = []
    for row in rows:
        line: list[Any] = [row["town"], row["name"]]
        for (_, kpi), cell in zip(columns, row["cells"], strict=True):
            line += [cell["raw"], cell["before"]]
            if kpi.unit == "ratio":
                line += [cell["numerator"], cell["denominator"]]
            line.append(cell["status_word"])
        made.append(line)
    return Table("towns", TITLES["towns"].of(lang), tuple(heads), made)


def _figure_table(picture: Picture, columns: Sequence[tuple[Feed, Kpi]]) -> Table:
    lang = picture.asked.lang
    zh = lang != "en"
    keys = dict.fromkeys([*(kpi.key for _, kpi in chosen_tiles(picture.board)), *(kpi.key for _, kpi in columns)])
    heads = (
        Column("指标代码" if zh else "KPI"),
        Column("指标" if zh else "Figure"),
        Column("镇（街道）代码" if zh else "Town code"),
        Column("镇（街道）" if zh else "Town"),
        Column("值" if zh else "Value", "number", 6),
        Column("单位" if zh else "Unit"),
        Column("分子" if zh else "Numerator", "number"),
        Column("分母" if zh else "Denominator", "number"),
        Column("限于" if zh else "Narrowed to"),
    )
    made = []
    for key in keys:
        kpi = KPIS[key][1]
        for town in (ALL, *picture.towns):
            figure = picture.figure(key, town)
            unit = "ratio" if kpi.unit == "ratio" else kpi.measure.of(lang)
            limited = ",".join(f"{name}:{value}" for name, value in figure.dims.items())
            parts = [figure.value, unit, figure.numerator, figure.denominator, limited]
            made.append([key, kpi.words.of(lang), figure.town, _name(picture, town), *parts])
    return Table("figures", TITLES["figures"].of(lang), heads, made)


def _mover_table(picture: Picture, columns: Sequence[tuple[Feed, Kpi]]) -> Table:
    lang = picture.asked.lang
    zh = lang != "en"
    heads = (
        Column("指标代码" if zh else "KPI"),
        Column("指标" if zh else "Figure"),
        Column("镇（街道）代码" if zh else "Town code"),
        Column("镇（街道）" if zh else "Town"),
        Column("昨日此时" if zh else "This time yesterday", "number", 6),
        Column("值" if zh else "Value", "number", 6),
        Column("波动" if zh else "Spread", "number", 6),
        Column("倍数" if zh else "Change ÷ spread", "number", 2),
    )
    made = [
        [
            one.kpi, KPIS[one.kpi][1].words.of(lang), one.now.town, _name(picture, one.town), one.before.value,
            one.now.value, one.spread, one.score,
        ]
        for one in _moved(picture, columns)
    ]  # fmt: skip
    return Table("movers", TITLES["movers"].of(lang), heads, made)


def _quality_table(picture: Picture) -> Table:
    lang = picture.asked.lang
    zh = lang != "en"
    heads = (
        Column("数据" if zh else "Feed"),
        Column("已报镇数" if zh else "Towns reported", "count"),
        Column("应报镇数" if zh else "Towns", "count"),
        Column("未报" if zh else "Not reported"),
        Column("最近收到" if zh else "Last received", "time"),
    )
    made = []
    for feed in picture.board.feeds:
        yes, no = _reporting(picture, feed)
        names = [_name(picture, code) for code in no]
        received = picture.board.freshness(feed.name)[1]
        made.append([feed.words.of(lang), len(yes), len(yes) + len(no), ("、" if zh else ", ").join(names), received])
    return Table("quality", TITLES["quality"].of(lang), heads, made)


# On the beat too: the tiles' curves are computed in the background, and nothing else says that they are ready.
VIEW = View(
    "overview",
    build,
    clock_only=True,
    filters=FILTERS,
    tables=tables,
    title=Words("总览", "Overview"),
    open=True,
    needs=Permission.FIGURES,
)
