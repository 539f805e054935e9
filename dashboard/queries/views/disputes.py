"""The page 纠纷: what is open, how old, what is overdue, what became of those of a period, and the periodic report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.day import day_end, day_start, shift_day
from dashboard.domain.feed import Words
from dashboard.domain.figure import Figure, Freshness, Parts
from dashboard.domain.summary import CaseNow
from dashboard.feeds.dispute import AGES, FEED, KINDS, SPEC, age_of
from dashboard.queries import casework, desk, deskmap, linked, single, wording
from dashboard.queries.asked import Asked, Choice, Filter, town_choices
from dashboard.queries.cases.history import told
from dashboard.queries.cases.picture import (
    Picture,
    field_choices,
    number,
    span_text,
    stages,
    town_name,
    urgency,
)
from dashboard.queries.casework import Held
from dashboard.queries.export import Column, Table
from dashboard.queries.figuretable import figure_table
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

MOST_ROWS = 500
BACKLOG_DAYS = 14
SEARCH = Words("编号、经办人、类型", "Number, handler, kind")
STATES = {
    "open": Words("未结", "Open"),
    "overdue": Words("逾期", "Overdue"),
    "soon": Words("24 小时内到期", "Due within 24 h"),
    "done": Words("已化解", "Resolved"),
    "passed_on": Words("转司法", "Escalated"),
    "withdrawn": Words("已撤回", "Withdrawn"),
}
SOON_MS = 24 * 3_600_000
FILTER_AGES = {**AGES, "ended": Words("已结", "Ended")}


def _states(now: int, case: CaseNow) -> list[str]:
    if case.ends:
        return [case.ends]
    found = ["open"]
    if case.overdue:
        found.append("overdue")
    elif case.due is not None and case.due - now <= SOON_MS:
        found.append("soon")
    return found


FILTERS = (
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.town),
    Filter("kind", Words("类型", "Kind"), field_choices(FEED, "kind"), lambda row: row.said("kind")),
    Filter("stage", Words("环节", "Stage"), stages(FEED), lambda row: row.stage),
    Filter(
        "age",
        Words("时长", "Age"),
        lambda board, lang: [Choice(key, words.of(lang)) for key, words in FILTER_AGES.items()],
        lambda row: row.age,
        quiet=True,
    ),
    Filter(
        "state",
        Words("状态", "State"),
        lambda board, lang: [Choice(key, words.of(lang)) for key, words in STATES.items()],
        lambda row: row.states,
        default=("open", "overdue", "soon"),
    ),
)
WITHOUT = ("stage", "state", "age")
COMPARED = (
    "dispute_open",
    "dispute_new",
    "dispute_resolved",
    "dispute_overdue",
    "resolution_rate",
    "resolution_hours_median",
)
TITLES = {
    "disputes": Words("纠纷", "Disputes"),
    "report": Words("定期报告", "Periodic report"),
    "figures": Words("指标", "Figures"),
}


class Dispute(Held, frozen=True):
    """One dispute; what time has made of it is read off once."""

    age: str
    states: list[str]

    @staticmethod
    def at(town: str, case: CaseNow, now: int) -> Dispute:
        """A dispute as it stands at ``now``."""
        return Dispute(town, case, "ended" if case.ends else age_of(case, now), _states(now, case))


def _text(row: Held) -> str:
    case = row.case
    kind = KINDS.get(str(case.value("kind")))
    said = [case.case, str(case.value("handler") or ""), f"{kind.zh} {kind.en}" if kind else ""]
    return " ".join(said)


def picture_of(asked: Asked) -> Picture:
    """The page's rows and figures."""
    now = asked.board.now
    return Picture(
        asked, FEED, _text, figures_without=WITHOUT, make=lambda town, case: Dispute.at(town, case, now), settled=True
    )


def _open(picture: Picture) -> list[CaseNow]:
    return [case for one in picture.narrow.values() for case in one.open]


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    picture, lang = picture_of(asked), asked.lang
    rows = sorted(picture.narrowed.rows, key=_urgency)
    shown = single.rows(asked.board, rows)
    before = picture.before()
    return desk.document(
        asked,
        picture.narrowed,
        feed=FEED.name,
        headline=headline(picture),
        sub=_sub(picture),
        tables=[(name, words.of(lang)) for name, words in TITLES.items()],
        tiles=[
            desk.tile(asked, picture.figure(kpi), before.figure(kpi) if before else None, dims=picture.dims)
            for kpi in COMPARED
        ],
        helps={kpi: desk.help_for(asked, picture.figure(kpi)) for kpi in (*COMPARED, "dispute_age")},
        compare=desk.comparison(asked, figures(asked), desk.other_side(asked, figures), picture.dims)
        if asked.versus
        else None,
        search=SEARCH,
        title="纠纷" if lang != "en" else "Disputes",
        ages=_ages(picture),
        backlog=_backlog(picture),
        kinds=_kinds(picture),
        map=_map(picture, shown),
        rows=[_row(asked.board, row, lang) for row in shown[:MOST_ROWS]],
        report=report(picture),
        foot=_foot(rows, lang) | ({} if asked.board.viewer.details else {"left": ""}),
        words=_words(lang),
        empty=single.empty(asked.board, lang, _empty(picture, lang)),
    )


def _urgency(row: Held) -> tuple[bool, bool, int]:
    """Overdue first, then what is due soonest, then the oldest."""
    case = row.case
    ended, calm, since = urgency(row)
    return (ended, calm, case.due if case.due is not None and not case.ends else since + 10**13)


def figures(asked: Asked) -> list[Figure]:
    """The figures of one side of a comparison."""
    picture = picture_of(asked)
    return [picture.figure(kpi) for kpi in COMPARED]


def _never(picture: Picture) -> bool:
    """Whether no record has ever come: then nothing may be said as though it had been counted."""
    asked = picture.asked
    return asked.when.live and asked.board.freshness(FEED.name)[0] == Freshness.SILENT and not picture.rows


def headline(picture: Picture) -> list[dict[str, str]]:
    """How many are open, how many overdue, what came and went today."""
    asked, lang = picture.asked, picture.asked.lang
    zh = lang != "en"
    if _never(picture):
        return [{"text": "还没有收到纠纷记录" if zh else "No dispute record has come", "tone": "stale"}]
    open_cases = _open(picture)
    if not open_cases:
        return [{"text": "没有未结纠纷" if zh else "No dispute is open", "tone": "plain"}]
    n = wording.count(len(open_cases), lang)
    found = [{"text": f"未结 {n} 件" if zh else f"{n} open", "tone": "plain"}]
    overdue = sum(1 for case in open_cases if case.overdue)
    if overdue:
        found.append({"text": f"逾期 {overdue} 件" if zh else f"{overdue} overdue", "tone": "alert"})
    soon = sum(1 for case in open_cases if "soon" in _states(asked.board.now, case))
    if soon:
        found.append({"text": f"{soon} 件 24 小时内到期" if zh else f"{soon} due within 24 h", "tone": "watch"})
    elif not overdue:
        found.append({"text": "没有逾期" if zh else "none overdue", "tone": "plain"})
    return found


def _sub(picture: Picture) -> list[str]:
    asked, lang = picture.asked, picture.asked.lang
    board, zh = asked.board, lang != "en"
    towns = picture.narrow.values()
    new = sum(len(one.opened_in(picture.today)) for one in towns)
    done = sum(case.ends == "done" for one in towns for case in one.ended_in(picture.today))
    texts = [wording.date_line(board.day, lang)]
    if not _never(picture):
        texts.append(f"新增 {new} 件，化解 {done} 件" if zh else f"{new} new, {done} resolved")
    if asked.when.kind in ("now", "as_of"):
        texts.append(wording.as_of(board.now, board.zone, lang))
    return texts


def _ages(picture: Picture) -> list[dict[str, Any]]:
    """The open cases by age."""
    now, lang = picture.asked.board.now, picture.asked.lang
    counts = Counter(age_of(case, now) for case in _open(picture))
    total = sum(counts.values())
    return [
        {"key": key, "name": words.of(lang), "count": counts[key], "share": counts[key] / total if total else 0}
        for key, words in AGES.items()
    ]


def _backlog(picture: Picture) -> list[dict[str, Any]]:
    """What was open, and overdue, at the end of each of the last days, and now: read from the cases' own steps."""
    board, lang = picture.asked.board, picture.asked.lang
    zh = lang != "en"
    ends = {stage.code: stage.ends for stage in SPEC.stages}
    found: list[dict[str, Any]] = []
    towns = picture.narrow.values()
    first = min((at for one in towns if (at := one.opened_first) is not None), default=None)
    # What ended before the first of these days stands on none of them.
    since = day_start(shift_day(board.day, 1 - BACKLOG_DAYS), board.zone)
    cases = [case for one in towns for case in (*one.open, *one.ended_in(since))]
    days = [shift_day(board.day, -back) for back in range(BACKLOG_DAYS - 1, -1, -1)]
    moments = [min(board.now, day_end(day, board.zone) - 1) for day in days]
    standing, overdue = [0] * len(days), [0] * len(days)
    for case in cases:
        at_step = len(case.steps) - 1
        for nth in range(len(days) - 1, -1, -1):
            while at_step >= 0 and case.steps[at_step].at > moments[nth]:
                at_step -= 1
            if at_step < 0:
                break
            if not ends.get(case.steps[at_step].stage):
                standing[nth] += 1
                overdue[nth] += case.due is not None and case.due < moments[nth]
    for day, at, open_then, late in zip(days, moments, standing, overdue, strict=True):
        label = f"{day % 100}日" if zh else wording.day(day, lang)
        if first is None or at < first:
            found.append({"day": day, "label": label, "open": None, "overdue": 0, "text": wording.MISSING})
            continue
        text = f"未结 {open_then}，逾期 {late}" if zh else f"{open_then} open, {late} overdue"
        found.append({"day": day, "label": label, "open": open_then, "overdue": late, "text": text})
    return found


def _kind(case: CaseNow) -> str:
    return str(case.value("kind") or "other")


def _by_kind(cases: Iterable[CaseNow]) -> dict[str, list[CaseNow]]:
    found: dict[str, list[CaseNow]] = {}
    for case in cases:
        found.setdefault(_kind(case), []).append(case)
    return found


def _kinds(picture: Picture) -> list[dict[str, Any]]:
    """Open cases by kind, with the overdue part and the rate of the period's own cases."""
    lang = picture.asked.lang
    zh = lang != "en"
    towns = picture.narrow.values()
    first, last = period(picture)
    ever = {kind for one in towns for kind in one.count_by(_kind)}
    standing = _by_kind(_open(picture))
    cohort = _by_kind(case for one in towns for case in one.opened_in(first, last))
    found = []
    for kind, words in KINDS.items():
        if kind not in ever:
            continue
        open_cases = standing.get(kind, [])
        rate = _rate(cohort.get(kind, []))
        text = f"化解 {rate.numerator}/{rate.denominator}" if zh else f"{rate.numerator}/{rate.denominator} resolved"
        found.append(
            {
                "key": kind,
                "name": words.of(lang),
                "open": len(open_cases),
                "overdue": sum(1 for case in open_cases if case.overdue),
                "text": text,
            }
        )
    return sorted(found, key=lambda one: -int(str(one["open"])))


def period(picture: Picture) -> tuple[int, int]:
    """The instants of the report's period: the span that is asked for, else the seven days up to the board's."""
    asked, board = picture.asked, picture.asked.board
    if asked.when.kind == "span":
        return day_start(asked.when.first, board.zone), board.now + 1
    return day_start(shift_day(board.day, -6), board.zone), board.now + 1


def _rate(cohort: list[CaseNow]) -> Parts:
    ends = Counter(case.ends for case in cohort)
    return Parts.ratio(
        ends["done"], len(cohort) - ends["withdrawn"], escalated=ends["passed_on"], withdrawn=ends["withdrawn"]
    )


def report(picture: Picture) -> dict[str, Any]:
    """定期报告和研判: what was found in a period and what became of it, by kind and by town. No identities."""
    board, lang = picture.asked.board, picture.asked.lang
    zh = lang != "en"
    first, last = period(picture)
    opened = {town: one.opened_in(first, last) for town, one in picture.narrow.items()}
    cohort = [case for own in opened.values() for case in own]
    kinds = _by_kind(cohort)

    def line(name: str, cohort: list[CaseNow]) -> dict[str, Any]:
        rate = _rate(cohort)
        still = sum(1 for case in cohort if not case.ends)
        return {
            "name": name,
            "found": len(cohort),
            "resolved": int(rate.numerator or 0),
            "escalated": rate.detail["escalated"],
            "withdrawn": rate.detail["withdrawn"],
            "open": still,
            "rate": wording.percent(rate.value) if rate.value is not None else wording.MISSING,
            "share": rate.value,
        }

    whole = line("合计" if zh else "Total", cohort)
    by_kind = [line(words.of(lang), kinds[kind]) for kind, words in KINDS.items() if kind in kinds]
    by_town = [line(town_name(board, town), own) for town in board.towns if (own := opened.get(town))]
    from_day, to_day = _day_of(first, board), board.day
    span = f"{wording.day(from_day, lang)}至{wording.day(to_day, lang)}" if zh else (
        f"{wording.day(from_day, lang)} to {wording.day(to_day, lang)}"
    )  # fmt: skip
    most = max(by_kind, key=lambda one: int(one["found"]), default=None)
    said = (
        f"{span}，共排查发现矛盾纠纷{whole['found']}件，其中已化解{whole['resolved']}件，转司法{whole['escalated']}件，"
        f"撤回{whole['withdrawn']}件，未结{whole['open']}件，化解率{whole['rate']}。"
    )
    said_en = (
        f"{span}: {whole['found']} found, {whole['resolved']} resolved, {whole['escalated']} escalated, "
        f"{whole['withdrawn']} withdrawn, {whole['open']} open; resolution rate {whole['rate']}."
    )
    if most is not None and whole["found"]:
        said += f"其中{most['name']}类最多，{most['found']}件。"
        said_en += f" Most are of the kind “{most['name']}”: {most['found']}."
    return {
        "title": f"定期报告：{span}" if zh else f"Report: {span}",
        "text": said if zh else said_en,
        "whole": whole,
        "kinds": by_kind,
        "towns": by_town,
        "heads": ["", "发现", "化解", "转司法", "撤回", "未结", "化解率"]
        if zh
        else ["", "Found", "Resolved", "Escalated", "Withdrawn", "Open", "Rate"],
        "by": ["按类型", "按镇（街道）"] if zh else ["By kind", "By town"],
    }


def _day_of(at: int, board: Board) -> int:
    day = board.day
    while day_start(day, board.zone) > at:
        day = shift_day(day, -1)
    return day


def _map(picture: Picture, rows: Sequence[Held]) -> dict[str, Any]:
    """Open cases by town; marks only where a record gave a place that is nobody's home."""
    board, lang = picture.asked.board, picture.asked.lang
    points: list[list[Any]] = []
    for at, row in enumerate(rows[:200], start=1):
        place = board.pack.place_by_code.get(str(row.case.value("place") or ""))
        if place is None or place.lon is None or place.lat is None or row.case.ends:
            continue
        state = "lapsed" if row.case.overdue else "soon" if "soon" in _states(board.now, row.case) else "open"
        name = f"{place.name} {number(row.case.case)}"
        points.append([row.case.case, round(place.lon, 5), round(place.lat, 5), state, at if at <= 9 else 0, name])
    towns = deskmap.towns(
        picture.asked,
        lambda town: picture.figure("dispute_open", town),
        text=lambda figure: "" if figure.value is None else wording.count(figure.value, lang),
        reported=picture.ever,
    )
    count = len(picture.narrowed.rows)
    label = f"未结纠纷分布图，{count} 件" if lang != "en" else f"Map of {count} disputes"
    return deskmap.document(picture.asked, towns, points, label, kpi="dispute_open")


def _row(board: Board, row: Held, lang: str) -> dict[str, Any]:
    case = row.case
    kind = KINDS.get(str(case.value("kind") or "other"), KINDS["other"])
    length = (case.since if case.ends else board.now) - case.opened
    due = ""
    if not case.ends and case.due is not None:
        gap = wording.span(abs(case.due - board.now), lang)
        due = (f"超 {gap}" if lang != "en" else f"{gap} over") if case.overdue else (
            f"剩 {gap}" if lang != "en" else f"{gap} left"
        )  # fmt: skip
    states = _states(board.now, case)
    return {
        "key": case.case,
        "name": number(case.case),
        "town": town_name(board, row.town),
        "kind": kind.of(lang),
        "stage_text": casework.stage_words(FEED, case).of(lang),
        "opened": wording.moment(case.opened, board.day, board.zone, lang),
        "opened_at": case.opened,
        "age": length,
        "age_text": span_text(length, lang),
        "due": due,
        "due_at": case.due if not case.ends else None,
        "tone": "alert" if "overdue" in states else "watch" if "soon" in states else "",
        "parties": case.value("parties"),
        "handler": wording.staff(str(case.value("handler"))) if case.value("handler") else "",
        "label": ("，" if lang != "en" else ", ").join(
            (number(case.case), kind.of(lang), casework.stage_words(FEED, case).of(lang))
        ),
    }


def _foot(rows: list[Held], lang: str) -> dict[str, str]:
    zh = lang != "en"
    shown = min(len(rows), MOST_ROWS)
    n, m = wording.count(len(rows), lang), wording.count(shown, lang)
    left = f"共 {n} 件" + (f"，显示前 {m} 件，其余见导出" if shown < len(rows) else "")
    left_en = f"{n} disputes" + (f", the first {m} shown, all in the export" if shown < len(rows) else "")
    return {
        "left": f"{left}·先逾期，后时限近的" if zh else f"{left_en}; overdue first, then the soonest due",
        "right": "",
    }


def _empty(picture: Picture, lang: str) -> str:
    zh = lang != "en"
    if picture.rows:
        return "没有符合筛选的纠纷" if zh else "No dispute passes the filters"
    return "还没有纠纷记录" if zh else "No dispute on record"


def _words(lang: str) -> dict[str, Any]:
    zh = lang != "en"
    heads = (
        ("案号", "Case"), ("镇（街道）", "Town"), ("类型", "Kind"), ("环节", "Stage"), ("发生", "Opened"),
        ("时长", "Age"), ("时限", "Due"), ("当事人", "Parties"), ("经办人", "Handler"),
    )  # fmt: skip
    return {
        "heads": [head[0 if zh else 1] for head in heads],
        "overdue": STATES["overdue"].of(lang),
        "open": STATES["open"].of(lang),
        "soon": STATES["soon"].of(lang),
        "print": "打印报告" if zh else "Print the report",
    }


def detail(asked: Asked, scope: str) -> dict[str, Any]:
    """The drawer of one dispute: never who the parties are."""
    board, lang, zh = asked.board, asked.lang, asked.lang != "en"
    row = casework.find(board, FEED, asked.open)
    if row is None:
        return {"drawer": None}
    case = row.case
    kind = KINDS.get(str(case.value("kind") or "other"), KINDS["other"]).of(lang)
    parties = case.value("parties")
    due = None
    if not case.ends and case.due is not None:
        gap = wording.span(abs(case.due - board.now), lang)
        when = wording.moment(case.due, board.day, board.zone, lang)
        if case.overdue:
            due = {"tone": "alert", "shape": "lapsed", "text": f"超 {gap}" if zh else f"{gap} over", "note": when}
        elif case.due - board.now <= SOON_MS:
            due = {"tone": "watch", "shape": "soon", "text": f"剩 {gap}" if zh else f"{gap} left", "note": when}
    place = board.pack.place_by_code.get(str(case.value("place") or ""))
    keep = "" if zh else "&lang=en"
    facts = [kind, f"当事人 {parties} 人" if zh and parties else f"{parties} parties" if parties else ""]
    return {
        "drawer": {
            "key": case.case,
            "over": wording.join([f"{'个案' if zh else 'Case'} {number(case.case)}", town_name(board, row.town)], lang),
            "title": f"{kind}{'纠纷' if zh and not kind.endswith('其他') else ''}",
            "facts": wording.join([text for text in facts if text], lang),
            "due": due,
            "rows": [
                {"head": "环节" if zh else "Stage", "text": casework.stage_words(FEED, case).of(lang)},
                {
                    "head": "经办人" if zh else "Handler",
                    "text": wording.staff(str(case.value("handler") or wording.MISSING)),
                },
                {"head": "地点" if zh else "Place", "text": place.name if place is not None else wording.MISSING},
                {
                    "head": "时限" if zh else "Due",
                    "text": wording.moment(case.due, board.day, board.zone, lang) if case.due else wording.MISSING,
                },
            ],
            "sections": [
                *linked.sections(board, FEED, case, lang),
                {"title": "经过" if zh else "History", "items": told(board, FEED, case, lang)},
            ],
            "links": [
                {
                    "text": "登记进展" if zh else "Record progress",
                    "href": f"/record/dispute?case={case.case}&town={row.town}{keep}",
                },
                {
                    "text": "看记录" if zh else "Records",
                    "href": f"/records?feed=dispute&town={row.town}&subject={case.case}{keep}",
                },
            ],
            "foot": "这里没有当事人身份" if zh else "Who the parties are is not held here",
        }
    }


def tables(asked: Asked, scope: str) -> list[Table]:
    """What the page shows, as tables of real numbers."""
    picture, lang, board = picture_of(asked), asked.lang, asked.board
    zh = lang != "en"

    def column(chinese: str, english: str, kind: Any = "text") -> Column:
        return Column(chinese if zh else english, kind)

    heads = (
        column("案件编号", "Case"), column("镇（街道）", "Town"), column("类型", "Kind"), column("环节", "Stage"),
        column("发生", "Opened", "time"), column("时长小时", "Age in hours", "number"), column("时限", "Due", "time"),
        column("逾期", "Overdue"), column("当事人数", "Parties", "count"), column("经办人", "Handler"),
    )  # fmt: skip
    rows = [
        [
            row.case.case,
            town_name(board, row.town),
            KINDS.get(str(row.case.value("kind") or "other"), KINDS["other"]).of(lang),
            casework.stage_words(FEED, row.case).of(lang),
            row.case.opened,
            ((row.case.since if row.case.ends else board.now) - row.case.opened) / 3_600_000,
            row.case.due,
            ("是" if zh else "yes") if row.case.overdue else "",
            row.case.value("parties"),
            row.case.value("handler"),
        ]
        for row in single.rows(board, sorted(picture.narrowed.rows, key=_urgency))
    ]
    found = report(picture)
    report_heads = (
        column("按", "By"), column("项目", "Item"),
        column("发现", "Found", "count"), column("化解", "Resolved", "count"),
        column("转司法", "Escalated", "count"), column("撤回", "Withdrawn", "count"), column("未结", "Open", "count"),
        column("化解率", "Resolution rate", "percent"),
    )  # fmt: skip
    lines = [
        (found["by"][0], one) for one in found["kinds"]
    ] + [(found["by"][1], one) for one in found["towns"]] + [("合计" if zh else "Total", found["whole"])]  # fmt: skip
    report_rows = [
        [by, one["name"], one["found"], one["resolved"], one["escalated"], one["withdrawn"], one["open"], one["share"]]
        for by, one in lines
    ]
    return [
        Table("disputes", TITLES["disputes"].of(lang), heads, rows),
        Table("report", TITLES["report"].of(lang), report_heads, report_rows),
        figure_table("figures", TITLES["figures"].of(lang), picture, COMPARED),
    ]


VIEW = View(
    "disputes",
    build,
    filters=FILTERS,
    detail=detail,
    tables=tables,
    title=Words("纠纷", "Disputes"),
    open=True,
    needs=Permission.FIGURES,
    opens=Permission.CASES,
    cases=True,
)

__all__ = ["FILTERS", "VIEW", "build", "detail", "report", "tables"]
