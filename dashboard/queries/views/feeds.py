"""The pages of all other feeds, /feeds/{feed}, made from what each declares: figures, breakdowns, towns, rows.

One view a feed, named ``feed-<name>``. The four core feeds have pages of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.feed import CaseSpec, Feed, Kpi, TallySpec, Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.summary import CaseSummary, RosterSummary, Summary, TallySummary
from dashboard.feeds import FEEDS
from dashboard.queries import casework, decisions, desk, extras, linked, wording
from dashboard.queries.asked import Asked, Choice, Filter, Narrowed, town_choices
from dashboard.queries.cases.history import told
from dashboard.queries.cases.picture import number, town_name
from dashboard.queries.explain import value_text
from dashboard.queries.export import Column, Table
from dashboard.queries.figures import ALL, figures_of
from dashboard.queries.linked import words_of
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

MOST_ROWS = 300
DERIVED = {
    "verdict": Words("结论", "Verdict"),
    "ground": Words("依据", "Ground"),
    "risk": Words("来源地风险", "Risk of origin"),
    "ruling": Words("怎么定的", "Decided by"),
}
"""Heads of what a rule says of a record."""


def _judged(feed: Feed) -> bool:
    return isinstance(feed.archetype, TallySpec) and feed.archetype.judge is not None


class _Row:
    """One case, item or count, with what it is filtered by and what is shown of it."""

    def __init__(self, town: str, key: str, stage: str, at: int, shown: Sequence[str]) -> None:
        self.town, self.key, self.stage, self.at, self.shown = town, key, stage, at, shown


def _summaries(board: Board, feed: Feed) -> dict[str, Summary]:
    return {town: one for town in board.towns if (one := board.summaries(feed.name).get(town)) is not None}


def _stages(feed: Feed, board: Board, lang: str) -> Sequence[Choice]:
    spec = feed.archetype
    return [Choice(stage.code, stage.words.of(lang)) for stage in spec.stages] if isinstance(spec, CaseSpec) else []


def _filters(feed: Feed) -> tuple[Filter, ...]:
    towns = Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.town)
    if not isinstance(feed.archetype, CaseSpec):
        return (towns,)
    return (towns, Filter("stage", Words("环节", "Stage"), partial(_stages, feed), lambda row: row.stage))


def _shown(feed: Feed, name: str, value: Any, lang: str, board: Board) -> str:
    field = feed.field(name)
    if value is None:
        return wording.MISSING
    if name in feed.derived or (field is not None and field.kind == "choice"):
        return words_of(feed, name, str(value), lang)
    if field is not None and field.kind == "quantity":
        return wording.quantity(value, lang)
    if field is not None and field.kind == "time":
        return wording.moment(int(value), board.day, board.zone, lang)
    return str(value)


def _columns(feed: Feed) -> list[str]:
    """The fields shown in the register: what is declared, the subject and pseudonyms left out."""
    return [field.name for field in feed.fields if field.name not in (feed.subject, "stage", "person_ref")][:5]


def _rows(asked: Asked, feed: Feed) -> list[_Row]:
    board, lang = asked.board, asked.lang
    found: list[_Row] = []
    for town, summary in _summaries(board, feed).items():
        if isinstance(summary, CaseSummary):
            for case in summary.cases:
                shown = [_shown(feed, name, case.value(name), lang, board) for name in _columns(feed)]
                stage = casework.stage_words(feed, case).of(lang)
                found.append(_Row(town, case.case, case.stage, case.since, [stage, *shown]))
        elif isinstance(summary, RosterSummary):
            for item in summary.items:
                said = {**item.fields, **{name: [one.number, one.qualifier] for name, one in item.quantities.items()}}
                shown = [_shown(feed, name, said.get(name), lang, board) for name in _columns(feed)]
                found.append(_Row(town, item.item, "", item.at, shown))
        elif isinstance(summary, TallySummary) and summary.latest:
            for last in summary.latest:
                shown = [_said_by(feed, name, value, lang, board) for name, value in _by(feed, last.by)]
                when = wording.moment(last.at, board.day, board.zone, lang)
                found.append(_Row(town, last.subject, "", last.at, [when, *shown]))
        elif isinstance(summary, TallySummary):
            days: dict[tuple[int, tuple[str, ...]], Any] = {}
            for one in summary.counts:
                key = (one.day, one.by)
                days[key] = days[key].plus(one.amount) if key in days else one.amount
            for (day, by), amount in days.items():
                names = feed.archetype.by  # type: ignore[union-attr]
                shown = [_shown(feed, name, value or None, lang, board) for name, value in zip(names, by, strict=True)]
                text = wording.quantity([amount.number, amount.qualifier], lang)
                found.append(_Row(town, f"{day}-{'-'.join(by)}", "", day, [wording.day(day, lang), *shown, text]))
    return sorted(found, key=lambda row: (-row.at, row.key))


def _by(feed: Feed, values: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(getattr(feed.archetype, "by", ()), values, strict=True))


def _said_by(feed: Feed, name: str, value: str, lang: str, board: Board) -> str:
    return _shown(feed, name, value or None, lang, board)


def _heads(feed: Feed, lang: str) -> list[str]:
    zh = lang != "en"

    def words(name: str) -> str:
        field = feed.field(name)
        ruled = DERIVED.get(name) if _judged(feed) else None
        return (ruled or (field.words if field else Words(name, name))).of(lang)

    if isinstance(feed.archetype, CaseSpec):
        return ["环节" if zh else "Stage", *(words(name) for name in _columns(feed))]
    by = getattr(feed.archetype, "by", ())
    if _judged(feed):
        return ["申报时间" if zh else "Declared", *(words(name) for name in by)]
    if hasattr(feed.archetype, "amount_field"):
        return ["日期" if zh else "Day", *(words(name) for name in by), "数量" if zh else "Amount"]
    return [words(name) for name in _columns(feed)]


def _figure(asked: Asked, feed: Feed, kpi: Kpi, town: str | None = None) -> Figure:
    name = town or asked.one("town") or ALL
    return desk.figure_over(kpi.key, [_summaries(asked.board, feed)], name, asked.board.now, asked.chosen.get("town"))


def _mixes(asked: Asked, feed: Feed) -> list[dict[str, Any]]:
    lang = asked.lang
    only = asked.chosen.get("town", asked.board.towns)
    summaries = {code: one for code, one in _summaries(asked.board, feed).items() if code in only}
    found = []
    places = extras.named(asked.board, tuple(only))
    for kpi in feed.kpis:
        if kpi.breakdown is None or kpi.key in extras.SHOWN:
            continue
        parts = [
            figure
            for figure in figures_of(feed, kpi, summaries, ALL, asked.board.now, breakdowns=True)
            if figure.dims and figure.value
        ]
        most = max((float(figure.value or 0) for figure in parts), default=0.0)
        bars = []
        for figure in sorted(parts, key=lambda one: -float(one.value or 0)):
            ((field, value),) = figure.dims.items()
            name = casework.stage_named(feed, value).words.of(lang) if field == "stage" else _shown(
                feed, field, value, lang, asked.board
            )  # fmt: skip
            name = places.get(value, name)
            if value == "unknown":
                name = "未填" if lang != "en" else "Not stated"
            bars.append(
                {
                    "name": name,
                    "text": wording.quantity([int(figure.value or 0), figure.qualifier], lang),
                    "share": float(figure.value or 0) / most if most else 0,
                    "kpi": kpi.key,
                    "town": figure.town,
                    "raw": figure.value,
                    "dims": figure.dims,
                }
            )
        if bars:
            found.append({"title": kpi.words.of(lang), "bars": bars[:12]})
    return found


def build(feed: Feed, asked: Asked, scope: str) -> dict[str, Any]:
    """Everything a page draws."""
    lang, zh, board = asked.lang, asked.lang != "en", asked.board
    narrowed = Narrowed(_rows(asked, feed), asked, lambda row: " ".join((row.key, *row.shown)))
    figures = [_figure(asked, feed, kpi) for kpi in feed.kpis]
    main = figures[0]
    value, unit = value_text(main, feed.kpis[0], lang)
    silent = asked.when.live and board.freshness(feed.name)[0] == Freshness.SILENT and main.value is None
    headline = (
        [{"text": f"还没有收到{feed.words.zh}记录" if zh else f"No record of {feed.words.en} yet", "tone": "stale"}]
        if silent
        else [{"text": f"{feed.kpis[0].words.of(lang)} {wording.join_unit(value, unit)}", "tone": "plain"}]
    )
    towns = [
        {
            "name": town_name(board, town),
            "key": town,
            "cells": [_cell(_figure(asked, feed, kpi, town), kpi, lang) for kpi in feed.kpis],
        }
        for town in board.towns
        if town in asked.chosen.get("town", (town,))
    ]
    return desk.document(
        asked,
        narrowed,
        feed=feed.name,
        headline=headline,
        sub=[feed.words.of(lang), wording.date_line(board.day, lang)],
        tables=[("figures", "指标" if zh else "Figures"), ("rows", "明细" if zh else "Rows")],
        tiles=[desk.tile(asked, figure) for figure in figures],
        helps={figure.kpi: desk.help_for(asked, figure) for figure in figures},
        compare=desk.comparison(asked, figures, desk.other_side(asked, partial(_alike, feed)))
        if asked.versus
        else None,
        search=Words("编号、内容", "Number, text"),
        title=feed.words.of(lang),
        mixes=_mixes(asked, feed),
        extras=extras.panels(board, feed, asked.chosen.get("town", board.towns), lang),
        heads=["镇（街道）" if zh else "Town", *(kpi.words.of(lang) for kpi in feed.kpis)],
        towns=towns,
        columns=["编号" if zh else "Number", "镇（街道）" if zh else "Town", *_heads(feed, lang)],
        rows=[
            {"key": row.key, "cells": [number(row.key), town_name(board, row.town), *row.shown]}
            for row in narrowed.rows[:MOST_ROWS]
        ],
        tally=hasattr(feed.archetype, "amount_field") and not _judged(feed),
        total=f"共 {len(narrowed.rows):,} 条" if zh else f"{len(narrowed.rows):,} rows",
        empty="没有符合筛选的记录" if narrowed.rows or feed in board.feeds else _none(feed, lang),
    )


def _none(feed: Feed, lang: str) -> str:
    if lang != "en":
        return f"还没有{feed.words.zh}记录，可以登记、导入或由设备送入"
    return f"No record of {feed.words.en} yet: enter, import or send some"


def _cell(figure: Figure, kpi: Kpi, lang: str) -> dict[str, Any]:
    value, unit = value_text(figure, kpi, lang)
    return {
        "text": wording.join_unit(value, unit),
        "kpi": figure.kpi,
        "town": figure.town,
        "raw": figure.value,
        "freshness": str(figure.freshness),
    }


def _alike(feed: Feed, asked: Asked) -> list[Figure]:
    return [_figure(asked, feed, kpi) for kpi in feed.kpis]


def detail(feed: Feed, asked: Asked, scope: str) -> dict[str, Any]:
    """The drawer of one case, or of one item of a roster."""
    board, lang, zh = asked.board, asked.lang, asked.lang != "en"
    if _judged(feed):
        return {"drawer": decisions.drawer(board, feed, asked.open, lang)}
    for town, summary in _summaries(board, feed).items():
        if isinstance(summary, CaseSummary):
            case = next((one for one in summary.cases if one.case == asked.open), None)
            if case is None:
                continue
            rows = [{"head": "环节" if zh else "Stage", "text": casework.stage_words(feed, case).of(lang)}]
            for name in _columns(feed):
                field = feed.field(name)
                if field is not None and case.value(name) is not None:
                    text = _shown(feed, name, case.value(name), lang, board)
                    rows.append({"head": field.words.of(lang), "text": text})
            keep = "" if zh else "&lang=en"
            return {
                "drawer": {
                    "key": case.case,
                    "over": wording.join([feed.words.of(lang), town_name(board, town)], lang),
                    "title": number(case.case),
                    "facts": "",
                    "due": None,
                    "contact": {"feed": feed.name, "case": case.case} if feed.contacts and asked.when.live else None,
                    "rows": rows,
                    "sections": [
                        *extras.of_case(board, feed, town, case, lang),
                        *linked.sections(board, feed, case, lang),
                        {"title": "经过" if zh else "History", "items": told(board, feed, case, lang)},
                    ],
                    "links": [
                        {
                            "text": "登记进展" if zh else "Record progress",
                            "href": f"/record/{feed.name}?{feed.subject}={case.case}&town={town}{keep}",
                        },
                        {
                            "text": "看记录" if zh else "Records",
                            "href": f"/records?feed={feed.name}&town={town}&subject={case.case}{keep}",
                        },
                    ],
                }
            }
    return {"drawer": None}


def tables(feed: Feed, asked: Asked, scope: str) -> list[Table]:
    """What a page shows, as tables of real numbers."""
    lang, zh, board = asked.lang, asked.lang != "en", asked.board
    towns: list[str | None] = [None, *(town for town in board.towns if town in asked.chosen.get("town", (town,)))]
    columns = (
        Column("指标代码" if zh else "KPI"), Column("指标" if zh else "Figure"),
        Column("镇（街道）代码" if zh else "Town code"), Column("值" if zh else "Value", "number", 6),
        Column("分子" if zh else "Numerator", "number"), Column("分母" if zh else "Denominator", "number"),
        Column("约数" if zh else "Qualifier"),
    )  # fmt: skip
    figures = [
        [figure.kpi, kpi.words.of(lang), figure.town, figure.value, figure.numerator, figure.denominator,
         str(figure.qualifier)]
        for kpi in feed.kpis
        for town in towns
        for figure in (_figure(asked, feed, kpi, town),)
    ]  # fmt: skip
    narrowed = Narrowed(_rows(asked, feed), asked, lambda row: " ".join((row.key, *row.shown)))
    heads = ["编号" if zh else "Number", "镇（街道）" if zh else "Town", *_heads(feed, lang)]
    rows = [[row.key, town_name(board, row.town), *row.shown] for row in narrowed.rows]
    return [
        Table("figures", "指标" if zh else "Figures", columns, figures),
        Table("rows", "明细" if zh else "Rows", tuple(Column(head) for head in heads), rows),
        *extras.tables(board, feed, asked.chosen.get("town", board.towns), lang),
    ]


def _view(feed: Feed) -> View:
    made: Callable[[Asked, str], dict[str, Any]] = partial(build, feed)
    return View(
        f"feed-{feed.name}",
        made,
        filters=_filters(feed),
        detail=partial(detail, feed),
        tables=partial(tables, feed),
        title=feed.words,
        open=True,
        needs=Permission.FIGURES,
        # A row of a case feed is somebody's case; of the others it is a place or a kind.
        opens=Permission.CASES if isinstance(feed.archetype, CaseSpec) else None,
    )


VIEWS = tuple(_view(feed) for feed in FEEDS.values() if not feed.core)
"""A view for every feed that has no page of its own."""
