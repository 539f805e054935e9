"""The view ``overview``: the towns side by side, the region first; each feed's headline figures in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.domain.day import minute_of
from dashboard.domain.feed import Feed, Kpi
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.summary import FeverState
from dashboard.feeds import KPIS
from dashboard.queries import wording
from dashboard.queries.explain import value_text
from dashboard.queries.status import status_of, status_word
from dashboard.queries.view import View
from dashboard.queries.views.shell import feed_badge

if TYPE_CHECKING:
    from dashboard.queries.board import Board

CHOSEN = ("patrol_coverage", "units_on_duty", "screened", "fever_count", "checkpoints_online")
"""The columns of the first feeds, in this order; any other feed brings its own first figure."""
OLD = (Freshness.STALE, Freshness.SILENT)


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Headline, columns and rows; ``scope`` is ``all``: the rows are the towns that the viewer may see."""
    columns = _columns(board)
    rows = [_row(board, town, columns, lang) for town in board.towns]
    return {
        "zone": board.zone,
        "headline": _headline(board, columns, rows, lang),
        "sub": [
            wording.date_line(board.day, lang),
            wording.as_of(board.now, board.zone, lang),
            f"{len(rows)} 个镇（街道）" if lang != "en" else f"{len(rows)} towns",
        ],
        "place": "Town" if lang == "en" else "镇（街道）",
        "columns": [_column(feed, kpi, lang) for feed, kpi in columns],
        "feeds": [feed_badge(board, feed, lang) for feed in board.feeds],
        "region": _row(board, "all", columns, lang),
        "rows": rows,
    }


def _columns(board: Board) -> list[tuple[Feed, Kpi]]:
    feeds = board.feeds
    names = [feed.name for feed in feeds]
    chosen = [KPIS[key] for key in CHOSEN if key in KPIS and KPIS[key][0].name in names]
    shown = {feed.name for feed, _ in chosen}
    return [*chosen, *((feed, feed.kpis[0]) for feed in feeds if feed.name not in shown and feed.kpis)]


def _column(feed: Feed, kpi: Kpi, lang: str) -> dict[str, Any]:
    unit = "%" if kpi.unit == "ratio" else kpi.measure.of(lang)
    return {
        "kpi": kpi.key,
        "label": kpi.words.of(lang),
        "unit": unit,
        "feed": feed.name,
        "icon": feed.icon,
        "colour": feed.colour,
    }


def _row(board: Board, town: str, columns: list[tuple[Feed, Kpi]], lang: str) -> dict[str, Any]:
    cells = [_cell(board, board.figure(kpi.key, town, feed.name), kpi, lang) for feed, kpi in columns]
    if town == "all":
        name, title = (board.pack.name_en, "") if lang == "en" else ("全县", board.pack.name)
        if len(board.towns) < len(board.pack.towns):
            # A viewer of some towns sees the sum of those; to call it the county's would be wrong.
            name, title = ("Your towns" if lang == "en" else "所辖合计"), ""
    else:
        found = board.pack.town_by_code[town]
        name, title = found.name, found.name_en
    worst = next((state for state in ("alert", "watch") if any(cell["status"] == state for cell in cells)), "")
    return {"town": town, "name": name, "title": title, "worst": worst, "cells": cells}


def _cell(board: Board, figure: Figure, kpi: Kpi, lang: str) -> dict[str, Any]:
    value, _ = value_text(figure, kpi, lang)
    status = status_of(figure, kpi)
    return {
        "kpi": kpi.key,
        "town": figure.town,
        "value": value,
        "raw": figure.value,
        "freshness": str(figure.freshness),
        "old": figure.freshness in OLD,
        "status": str(status),
        "status_word": status_word(status, lang),
        "note": _note(figure, kpi, lang),
        "bar": _bar(figure),
        "dots": _dots(board, figure),
    }


def _note(figure: Figure, kpi: Kpi, lang: str) -> str:
    """What is behind the figure, said only where it helps: what is wrong, or the parts of a ratio."""
    zh = lang != "en"
    if figure.freshness == Freshness.SILENT and figure.value is None:
        return "未报" if zh else "Not reported"
    if "unobservable" in figure.detail:
        lapsed = (figure.denominator or 0) - int(figure.numerator or 0)
        unknown = figure.detail["unobservable"]
        texts = [f"漏巡 {lapsed}" if zh else f"{lapsed} lapsed"] if lapsed else []
        texts += [f"未判 {unknown}" if zh else f"{unknown} unobservable"] if unknown else []
        if texts or not figure.denominator:
            return "·".join(texts) if zh else ", ".join(texts)
        return "无漏巡" if zh else "None lapsed"
    if figure.detail.get("pending"):
        count = figure.detail["pending"]
        return f"待复测 {count}" if zh else f"{count} to recheck"
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


def _dots(board: Board, figure: Figure) -> dict[str, Any] | None:
    """Fevers of the day on the axis of its hours: minute, and whether it still waits for somebody."""
    if figure.kpi != "fever_count" or figure.value is None:
        return None
    found = []
    for town in board.towns:
        reading = board.reading(town) if figure.town in ("all", town) else None
        for fever in reading.fevers if reading else ():
            waiting = fever.state in (FeverState.PENDING, FeverState.UNRESOLVED)
            found.append([minute_of(fever.at, board.zone), waiting])
    return {"now": minute_of(board.now, board.zone), "at": sorted(found)}


def _headline(
    board: Board, columns: list[tuple[Feed, Kpi]], rows: list[dict[str, Any]], lang: str
) -> list[dict[str, str]]:
    zh = lang != "en"
    feed, kpi = columns[0]
    value, unit = value_text(board.figure(kpi.key, "all", feed.name), kpi, lang)
    clauses = [{"text": f"{kpi.words.of(lang)} {value}{unit if unit == '%' else ''}", "tone": ""}]
    for state, one, other in (("alert", "镇告警", "in alert"), ("watch", "镇要关注", "to watch")):
        count = sum(1 for row in rows if row["worst"] == state)
        if count:
            clauses.append(
                {
                    "text": f"{count} {one}" if zh else f"{count} {'town' if count == 1 else 'towns'} {other}",
                    "tone": state,
                }
            )
    worst = _lowest(columns, rows, lang)
    if worst:
        clauses.append({"text": f"{'最低' if zh else 'lowest'} {worst[0]} {worst[1]}", "tone": worst[2]})
    # A town that has told nothing is not a town where nothing is wrong.
    silent = sum(1 for row in rows if all(cell["freshness"] == Freshness.SILENT for cell in row["cells"]))
    if silent:
        text = f"{silent} 镇未报" if zh else f"{silent} {'town' if silent == 1 else 'towns'} not reporting"
        clauses.append({"text": text, "tone": "stale"})
    if len(clauses) == 1:
        clauses.append({"text": "各镇正常" if zh else "all towns normal", "tone": ""})
    return clauses


def _lowest(columns: list[tuple[Feed, Kpi]], rows: list[dict[str, Any]], lang: str) -> tuple[str, str, str] | None:
    """Name, value and status of the town that is worst in the first column, when it is in alert or to watch."""
    if columns[0][1].unit != "ratio":
        return None
    found = [(row["cells"][0]["raw"], row) for row in rows if row["cells"][0]["status"] in ("alert", "watch")]
    if not found:
        return None
    _, row = min(found, key=lambda pair: pair[0])
    cell = row["cells"][0]
    name = (row["title"] or row["name"]) if lang == "en" else row["name"]
    return name, f"{cell['value']}%", cell["status"]


VIEW = View("overview", build)
