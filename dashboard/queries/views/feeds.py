"""The pages of all other feeds, /feeds/{feed}, made from what each declares: figures, breakdowns, towns, rows.

One view a feed, named ``feed-<name>``. The four core feeds have pages of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.feed import CaseSpec, Feed, Kpi, TallySpec, Words
from dashboard.domain.figure import Figure, Freshness, Quantity
from dashboard.domain.summary import CaseNow, CaseSummary, Item, RosterSummary, Sorted, Summary, TallySummary
from dashboard.feeds import FEEDS
from dashboard.queries import casework, decisions, desk, extras, linked, single, wording
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


def _single(feed: Feed) -> bool:
    """Whether its rows are somebody's each: a case, or a declaration that was judged."""
    return isinstance(feed.archetype, CaseSpec) or _judged(feed)


def _listed(asked: Asked, feed: Feed, rows: Sequence[_Row]) -> Sequence[_Row]:
    return single.rows(asked.board, rows) if _single(feed) else rows


class _Row:
    """One case, item or count, with what it is filtered by; its texts are made where they are shown or searched.

    ``fixed``: they are the same at any time and to every viewer, and made once a language.
    """

    def __init__(
        self, town: str, key: str, stage: str, at: int, tell: Callable[[Asked], Sequence[str]], fixed: bool = False
    ) -> None:
        self.town, self.key, self.stage, self.at = town, key, stage, at
        self._tell, self._fixed = tell, fixed
        self._told: dict[str, Sequence[str]] = {}

    def shown(self, asked: Asked) -> Sequence[str]:
        """The texts of its columns."""
        if not self._fixed:
            return self._tell(asked)
        if asked.lang not in self._told:
            self._told[asked.lang] = self._tell(asked)
        return self._told[asked.lang]


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


def _narrowed(asked: Asked, feed: Feed) -> Narrowed[_Row]:
    """The register's rows under the page's filters, of a case by town and stage, of anything else by town.

    Whoever may not see single rows does not search in them either.
    """
    blind = _single(feed) and not asked.board.viewer.details
    groups: list[list[_Row]] = []
    for town, summary in _summaries(asked.board, feed).items():
        if isinstance(summary, CaseSummary | TallySummary):
            held = summary.kept.get(("register", feed.name))
            if held is None:
                held = summary.kept["register", feed.name] = _groups(feed, town, summary)
            groups += held
        else:
            groups += _groups(feed, town, summary)
    found = Narrowed((), asked, lambda row: "" if blind else " ".join((row.key, *row.shown(asked))), groups)
    # What still waits stands before what is done.
    stages = feed.archetype.stages if isinstance(feed.archetype, CaseSpec) else ()
    ended = {stage.code for stage in stages if stage.ends}
    found.rows.sort(key=lambda row: (row.stage in ended, -row.at, row.key))
    return found


def _groups(feed: Feed, town: str, summary: Summary) -> list[list[_Row]]:
    rows: list[_Row] = []
    if isinstance(summary, CaseSummary):
        rows = [_Row(town, case.case, case.stage, case.since, partial(_of_case, feed, case)) for case in summary.cases]
    elif isinstance(summary, RosterSummary):
        rows = [_Row(town, item.item, "", item.at, partial(_of_item, feed, item)) for item in summary.items]
    elif isinstance(summary, TallySummary) and summary.latest:
        rows = [_Row(town, last.subject, "", last.at, partial(_of_last, feed, last)) for last in summary.latest]
    elif isinstance(summary, TallySummary):
        # A time is told beside today's date.
        fields = [feed.field(name) for name in getattr(feed.archetype, "by", ())]
        fixed = not any(field is not None and field.kind == "time" for field in fields)
        rows = [
            _Row(town, f"{day}-{'-'.join(by)}", "", day, partial(_of_day, feed, day, by, amount), fixed)
            for day, sorts in summary.days.items()
            for by, amount in sorts.items()
        ]
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.stage, []).append(row)
    return list(found.values())


def _of_case(feed: Feed, case: CaseNow, asked: Asked) -> list[str]:
    shown = [_shown(feed, name, case.value(name), asked.lang, asked.board) for name in _columns(feed)]
    return [casework.stage_words(feed, case).of(asked.lang), *shown]


def _of_item(feed: Feed, item: Item, asked: Asked) -> list[str]:
    said = {**item.fields, **{name: [one.number, one.qualifier] for name, one in item.quantities.items()}}
    return [_shown(feed, name, said.get(name), asked.lang, asked.board) for name in _columns(feed)]


def _of_last(feed: Feed, last: Sorted, asked: Asked) -> list[str]:
    board, lang = asked.board, asked.lang
    shown = [_said_by(feed, name, value, lang, board) for name, value in _by(feed, last.by)]
    return [wording.moment(last.at, board.day, board.zone, lang), *shown]


def _of_day(feed: Feed, day: int, by: tuple[str, ...], amount: Quantity, asked: Asked) -> list[str]:
    lang = asked.lang
    shown = [_shown(feed, name, value or None, lang, asked.board) for name, value in _by(feed, by)]
    return [wording.day(day, lang), *shown, wording.quantity([amount.number, amount.qualifier], lang)]


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
    lang, board = asked.lang, asked.board
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
            if figure.dims
            and (figure.value or figure.suppressed)
            and (board.viewer.details or not casework.by_case(figure.dims))
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
                    "text": value_text(figure, kpi, lang)[0],
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
    narrowed = _narrowed(asked, feed)
    figures = [_figure(asked, feed, kpi) for kpi in feed.kpis]
    # The first that can be told: a page does not open on a dash.
    main, kpi = next(
        (pair for pair in zip(figures, feed.kpis, strict=True) if pair[0].value is not None), (figures[0], feed.kpis[0])
    )
    value, unit = value_text(main, kpi, lang)
    silent = asked.when.live and board.freshness(feed.name)[0] == Freshness.SILENT and main.value is None
    headline = (
        [{"text": f"还没有收到{feed.words.zh}记录" if zh else f"No record of {feed.words.en} yet", "tone": "stale"}]
        if silent
        else [{"text": f"{kpi.words.of(lang)} {wording.join_unit(value, unit)}", "tone": "plain"}]
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
            # Two towns may each have a squad 1 or a count of the same day: the row's own key holds the town.
            {
                "key": f"{row.town}-{row.key}",
                "open": row.key,
                "cells": [number(row.key), town_name(board, row.town), *row.shown(asked)],
            }
            for row in _listed(asked, feed, narrowed.rows[:MOST_ROWS])
        ],
        tally=hasattr(feed.archetype, "amount_field") and not _judged(feed),
        total=f"共 {len(narrowed.rows):,} 条" if zh else f"{len(narrowed.rows):,} rows",
        empty=single.empty(board, lang, _empty(feed, board, lang)) if _single(feed) else _empty(feed, board, lang),
    )


def _empty(feed: Feed, board: Board, lang: str) -> str:
    if feed in board.feeds:
        return "没有符合筛选的记录" if lang != "en" else "No record passes the filters"
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
            case = summary.find(asked.open)
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
    narrowed = _narrowed(asked, feed)
    heads = ["编号" if zh else "Number", "镇（街道）" if zh else "Town", *_heads(feed, lang)]
    listed = _listed(asked, feed, narrowed.rows)
    rows = [[row.key, town_name(board, row.town), *row.shown(asked)] for row in listed]
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
        # Of other feeds a row is a place or a kind.
        opens=Permission.CASES if _single(feed) else None,
        cases=_single(feed),
    )


VIEWS = tuple(_view(feed) for feed in FEEDS.values() if not feed.core)
"""A view for every feed that has no page of its own."""
