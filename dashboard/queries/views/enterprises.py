"""The page 企业: how far each enterprise is on its way back to work, who is waited for, and who stands too long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.day import day_end, day_start, shift_day
from dashboard.domain.feed import Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.feeds.enterprise import FEED, PLEDGES, REVIEWERS, SCALES, SPEC, VERDICTS
from dashboard.queries import casework, desk, deskmap, single, wording
from dashboard.queries.asked import Asked, Choice, Filter, town_choices
from dashboard.queries.cases.history import told
from dashboard.queries.cases.picture import (
    Picture,
    field_choices,
    number,
    span_text,
    stages,
    stay,
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
"""Helds that travel to a page; more are in the files. The most urgent come first."""
MOST_DOTS = 600
CURVE_DAYS = 14
ON_THE_WAY = tuple(stage for stage in SPEC.stages if not stage.ends)
SEARCH = Words("企业、行业、警官", "Name, industry, officer")
STATES = {
    "waiting": Words("未复工", "Not resumed"),
    "over": Words("超时限", "Over limit"),
    "returned": Words("有退回", "Returned"),
    "orphan": Words("无联络警官", "No officer"),
    "resumed": Words("已复工", "Resumed"),
    "suspended": Words("停工", "Suspended"),
}
MARKS = {"passed": "✓", "returned": "↩", "pending": "○", "none": "—"}
PENDING = Words("待审", "Pending")


def states_of(row: Held) -> list[str]:
    """The values of the filter 状态 that an enterprise has."""
    case = row.case
    found = ["resumed"] if case.stage == "resumed" else ["waiting"]
    if case.stage == "suspended":
        found.append("suspended")
    if case.stuck:
        found.append("over")
    if "returned" in verdicts_of(row).values():
        found.append("returned")
    if not case.value("liaison"):
        found.append("orphan")
    return found


def verdicts_of(row: Held) -> dict[str, str]:
    """Reviewer -> ``passed``, ``returned``, ``pending`` or ``none`` (not reached)."""
    case = row.case
    order = [stage.code for stage in SPEC.stages]
    reached = order.index(case.stage) if case.stage in order else 0
    found = {}
    for reviewer in REVIEWERS:
        said = case.verdicts.get(reviewer)
        if said is None:
            said = (
                "pending" if case.stage == "reviewing" else "passed" if reached > order.index("reviewing") else "none"
            )
        found[reviewer] = said
    return found


FILTERS = (
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.town),
    Filter(
        "scale",
        Words("规模", "Scale"),
        lambda board, lang: [Choice(code, words.of(lang)) for code, words in SCALES.items()],
        lambda row: row.said("scale"),
        form="segment",
    ),
    Filter("industry", Words("行业", "Industry"), field_choices(FEED, "industry"), lambda row: row.said("industry")),
    Filter("stage", Words("环节", "Stage"), stages(FEED), lambda row: row.stage),
    Filter(
        "state",
        Words("状态", "State"),
        lambda board, lang: [Choice(key, words.of(lang)) for key, words in STATES.items()],
        states_of,
    ),
)
WITHOUT = ("stage", "state")
"""Filters that the figures do not follow: a resumption rate of the resumed would say nothing."""
COMPARED = (
    "enterprise_registered",
    "enterprise_resumed",
    "resumption_rate",
    "staff_return_rate",
    "enterprise_stuck",
    "liaison_coverage",
)
TITLES = {
    "enterprises": Words("企业", "Enterprises"),
    "stages": Words("环节", "Stages"),
    "figures": Words("指标", "Figures"),
}


def _text(row: Held) -> str:
    case = row.case
    said = [case.case, *(str(case.value(field) or "") for field in ("name", "industry", "liaison", "steward", "uscc"))]
    return " ".join(said)


def picture_of(asked: Asked) -> Picture:
    """The page's rows and figures."""
    return Picture(asked, FEED, _text, figures_without=WITHOUT)


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    picture, lang = picture_of(asked), asked.lang
    rows = sorted(picture.narrowed.rows, key=urgency)
    shown = single.rows(asked.board, rows)
    before = picture.before()
    rate = picture.figure("resumption_rate")
    return desk.document(
        asked,
        picture.narrowed,
        feed=FEED.name,
        headline=headline(picture),
        sub=_sub(picture),
        tables=[(name, words.of(lang)) for name, words in TITLES.items()],
        tiles=_tiles(picture, before),
        helps={kpi: desk.help_for(asked, picture.figure(kpi)) for kpi in (*COMPARED, "enterprise_stage")},
        compare=desk.comparison(asked, figures(asked), desk.other_side(asked, figures), picture.dims)
        if asked.versus
        else None,
        search=SEARCH,
        title="企业" if lang != "en" else "Enterprises",
        pipeline=_pipeline(picture),
        reviewers=casework.reviewed(FEED, picture.cases, lang),
        pledges=_pledges(picture),
        resumed=_resumed(picture, rate),
        curve=_curve(picture),
        map=_map(picture, shown),
        rows=[_row(asked.board, row, lang) for row in shown[:MOST_ROWS]],
        foot=_foot(picture, rows) | ({} if asked.board.viewer.details else {"left": ""}),
        words=_words(lang),
        empty=single.empty(asked.board, lang, _empty(picture, lang)),
    )


def figures(asked: Asked) -> list[Figure]:
    """The figures of one side of a comparison."""
    picture = picture_of(asked)
    return [picture.figure(kpi) for kpi in COMPARED]


def headline(picture: Picture) -> list[dict[str, str]]:
    """How many are not back, how many stand too long, and where most of them stand."""
    asked, lang = picture.asked, picture.asked.lang
    zh = lang != "en"
    if asked.when.live and asked.board.freshness(FEED.name)[0] == Freshness.SILENT and not picture.rows:
        return [{"text": "还没有收到企业记录" if zh else "No enterprise record has come", "tone": "stale"}]
    cases = picture.cases
    if not cases:
        return [{"text": "没有符合筛选的企业" if zh else "No enterprise passes the filters", "tone": "plain"}]
    waiting = [case for case in cases if case.stage != "resumed"]
    if not waiting:
        n = wording.count(len(cases), lang)
        return [{"text": f"{n} 家全部复工" if zh else f"All {n} are back at work", "tone": "plain"}]
    n = wording.count(len(waiting), lang)
    found = [{"text": f"{n} 家未复工" if zh else f"{n} not back at work", "tone": "plain"}]
    over = Counter(case.stage for case in cases if case.stuck)
    if not over:
        found.append({"text": "没有超过环节时限的" if zh else "none over its limit", "tone": "plain"})
        return found
    total = sum(over.values())
    t = wording.count(total, lang)
    found.append({"text": f"{t} 家超过环节时限" if zh else f"{t} over a stage's limit", "tone": "alert"})
    stage, most = over.most_common(1)[0]
    if total > 1 and most * 2 >= total:
        name = casework.stage_named(FEED, stage).words.of(lang)
        found.append({"text": f"{most} 家卡在{name}" if zh else f"{most} of them at stage {name}", "tone": "plain"})
    return found


def _sub(picture: Picture) -> list[str]:
    asked, lang = picture.asked, picture.asked.lang
    zh = lang != "en"
    board = asked.board
    texts = [wording.date_line(board.day, lang)]
    count = wording.count(sum(1 for row in picture.counted if picture.means(row.town)), lang)
    texts.append(f"纳入 {count} 家" if zh else f"{count} included")
    if asked.when.kind in ("now", "as_of"):
        texts.append(wording.as_of(board.now, board.zone, lang))
    return texts


def _tiles(picture: Picture, before: Picture | None) -> list[dict[str, Any]]:
    asked = picture.asked
    return [
        desk.tile(asked, picture.figure(kpi), before.figure(kpi) if before else None, dims=picture.dims)
        for kpi in ("resumption_rate", "staff_return_rate", "enterprise_stuck", "liaison_coverage")
    ]


def _pipeline(picture: Picture) -> list[dict[str, Any]]:
    """The stages on the way, left to right, with what stands there, what stands too long and what moved on today."""
    board, lang = picture.asked.board, picture.asked.lang
    cases = picture.cases
    most = max(Counter(case.stage for case in cases if not case.ends).values(), default=0)
    found = []
    for stage in ON_THE_WAY:
        here = [case for case in cases if case.stage == stage.code]
        over = sum(1 for case in here if case.stuck)
        middle = median(stay(case, board.now) for case in here) if here else None
        limit = board.pack.thresholds.get(f"{FEED.name}.sla.{stage.code}", stage.sla_hours)
        moved = sum(
            1
            for case in cases
            for old, new in pairwise(case.steps)
            if old.stage == stage.code and new.at >= picture.today and _onward(stage.code, new.stage)
        )
        found.append(
            {
                "key": stage.code,
                "name": stage.words.of(lang),
                "count": len(here),
                "text": wording.count(len(here), lang),
                "over": over,
                "over_text": _over_text(over, limit, lang),
                "share": len(here) / most if most else 0,
                "over_share": over / len(here) if here else 0,
                "above": sum(1 for case in here if case.value("scale") == "above"),
                "below": sum(1 for case in here if case.value("scale") == "below"),
                "median": _stay_text(middle, lang),
                "moved": moved,
            }
        )
    return found


def _onward(old: str, new: str) -> bool:
    codes = [stage.code for stage in SPEC.stages]
    return old in codes and new in codes and codes.index(new) > codes.index(old)


def _over_text(over: int, limit: float | None, lang: str) -> str:
    zh = lang != "en"
    if limit is None:
        return "不设时限" if zh else "no limit"
    if not over:
        return "无超时限" if zh else "none over limit"
    return f"{over} 超时限" if zh else f"{over} over limit"


def _stay_text(ms: float | None, lang: str) -> str:
    zh = lang != "en"
    shown = wording.MISSING if ms is None else f"{wording.decimal(ms / 86_400_000, 1)} {'天' if zh else 'd'}"
    return f"中位 {shown}" if zh else f"median {shown}"


def _pledges(picture: Picture) -> dict[str, Any]:
    """The three pledges of those that are committing themselves."""
    lang = picture.asked.lang
    cases = [row.case for row in picture.counted if picture.means(row.town) and row.stage == "committed"]
    return {
        "total": len(cases),
        "parts": [
            {"key": code, "name": words.of(lang), "count": sum(1 for case in cases if code in case.pledges)}
            for code, words in PLEDGES.items()
        ],
    }


def _resumed(picture: Picture, rate: Figure) -> dict[str, Any]:
    lang = picture.asked.lang
    zh = lang != "en"
    cases = picture.cases
    today = sum(1 for case in cases if case.stage == "resumed" and case.since >= picture.today)
    suspended = [case for case in cases if case.stage == "suspended"]
    new = sum(1 for case in suspended if case.since >= picture.today)
    lines = []
    for scale, words in SCALES.items():
        own = [case for case in cases if case.value("scale") == scale]
        done = sum(1 for case in own if case.stage == "resumed")
        lines.append(f"{words.of(lang)} {wording.count(done, lang)}/{wording.count(len(own), lang)}")
    stopped = f"停工 {len(suspended)}" if zh else f"{len(suspended)} suspended"
    if new:
        stopped += f"，今日 +{new}" if zh else f", +{new} today"
    return {
        "name": casework.stage_named(FEED, "resumed").words.of(lang),
        "kpi": "enterprise_resumed",
        "town": rate.town,
        "raw": rate.numerator,
        "text": wording.count(int(rate.numerator or 0), lang),
        "rate": wording.percent(rate.value) if rate.value is not None else wording.MISSING,
        "today": f"今日 +{today}" if zh else f"+{today} today",
        "lines": [*lines, stopped],
        "dims": picture.dims,
    }


def _curve(picture: Picture) -> list[dict[str, Any]]:
    """The resumption rate at the end of each of the last days, and now: read from the cases' own steps."""
    board, lang = picture.asked.board, picture.asked.lang
    cases = picture.cases
    found = []
    for back in range(CURVE_DAYS - 1, -1, -1):
        day = shift_day(board.day, -back)
        at = min(board.now, day_end(day, board.zone) - 1)
        known = [case for case in cases if case.opened <= at]
        resumed = sum(1 for case in known if casework.stage_at(case, at) == "resumed")
        share = resumed / len(known) if known else None
        found.append(
            {
                "day": day,
                "label": wording.day(day, lang),
                "value": share,
                "text": wording.percent(share) if share is not None else wording.MISSING,
                "resumed": resumed,
                "new": sum(
                    1
                    for case in known
                    for step in case.steps
                    if step.stage == "resumed" and day_start(day, board.zone) <= step.at <= at
                ),
            }
        )
    return found


def _map(picture: Picture, rows: Sequence[Held]) -> dict[str, Any]:
    """Enterprises as marks: those that stand too long above all, the others as counts where there are too many."""
    board, lang = picture.asked.board, picture.asked.lang
    points: list[list[Any]] = []
    many: dict[tuple[float, float], list[int]] = {}
    crowded = len(rows) > MOST_DOTS
    shown = {row.case.case: at for at, row in enumerate(rows[:9], start=1) if row.case.stuck}
    for row in rows:
        _, lon, lat = casework.position(board, row)
        if lon is None or lat is None:
            continue
        case = row.case
        state = "lapsed" if case.stuck else "met" if case.stage == "resumed" else "open"
        if crowded and state != "lapsed":
            cell = many.setdefault((round(lon, 2), round(lat, 2)), [0, 0])
            cell[0 if state == "met" else 1] += 1
            continue
        name = str(case.value("name") or number(case.case))
        points.append([case.case, round(lon, 5), round(lat, 5), state, shown.get(case.case, 0), name])
    limit = declared.watch_below if (declared := FEED.kpi("resumption_rate")) else None
    towns = deskmap.towns(
        picture.asked,
        lambda town: picture.figure("resumption_rate", town),
        text=lambda figure: "" if figure.value is None else wording.percent(figure.value),
        reported=picture.ever,
        bad=lambda figure: figure.value is not None and limit is not None and figure.value < limit,
    )
    count = len(picture.narrowed.rows)
    label = f"企业分布图，{count} 家" if lang != "en" else f"Map of {count} enterprises"
    cells = [[lon, lat, met, waiting] for (lon, lat), (met, waiting) in many.items()]
    return deskmap.document(picture.asked, towns, points, label, kpi="resumption_rate", cells=cells)


def _row(board: Board, row: Held, lang: str) -> dict[str, Any]:
    case = row.case
    zh = lang != "en"
    back, total = case.value("staff_returned"), case.value("staff_total")
    length = stay(case, board.now)
    return {
        "key": case.case,
        "name": str(case.value("name") or number(case.case)),
        "town": town_name(board, row.town),
        "scale": SCALES[case.value("scale")].of(lang) if case.value("scale") in SCALES else wording.MISSING,
        "above": case.value("scale") == "above",
        "industry": str(case.value("industry") or wording.MISSING),
        "stage": case.stage,
        "stage_text": casework.stage_words(FEED, case).of(lang),
        "verdicts": list(verdicts_of(row).values()),
        "stay": length,
        "stay_text": span_text(length, lang),
        "over": case.stuck,
        "ends": case.ends,
        "staff": f"{wording.MISSING if back is None else back}/{wording.MISSING if total is None else total}",
        "share": (back or 0) / total if total else None,
        "liaison": wording.staff(str(case.value("liaison"))) if case.value("liaison") else "",
        "label": f"{case.value('name') or case.case}，{casework.stage_words(FEED, case).of(lang)}，"
        f"{'已' if zh else ''} {span_text(length, lang)}",
    }


def _foot(picture: Picture, rows: list[Held]) -> dict[str, str]:
    lang, zh = picture.asked.lang, picture.asked.lang != "en"
    shown = min(len(rows), MOST_ROWS)
    n, m = wording.count(len(rows), lang), wording.count(shown, lang)
    liaison = picture.figure("liaison_coverage")
    named = f"{wording.count(int(liaison.numerator or 0), lang)}/{wording.count(int(liaison.denominator or 0), lang)}"
    left = f"共 {n} 家" + (f"，显示前 {m} 家，其余见导出" if shown < len(rows) else "")
    left_en = f"{n} enterprises" + (f", the first {m} shown, all in the export" if shown < len(rows) else "")
    return {
        "left": f"{left}·先超时限，后停留长短" if zh else f"{left_en}; over limit first, then longest stay",
        "right": f"联络警官已配 {named} 家" if zh else f"officer named for {named}",
    }


def _empty(picture: Picture, lang: str) -> str:
    zh = lang != "en"
    if picture.rows:
        return "没有符合筛选的企业" if zh else "No enterprise passes the filters"
    return "还没有企业记录，请在“导入”里导入名单" if zh else "No enterprise yet: import the list on the page Import"


def _words(lang: str) -> dict[str, Any]:
    zh = lang != "en"
    heads = (
        ("企业", "Enterprise"), ("镇（街道）", "Town"), ("规模", "Scale"), ("行业", "Industry"), ("环节", "Stage"),
        *((words.zh, words.en) for words in REVIEWERS.values()),
        ("本环节停留", "In this stage"), ("返岗", "Staff back"), ("联络警官", "Officer"),
    )  # fmt: skip
    return {
        "heads": [head[0 if zh else 1] for head in heads],
        "stages": [stage.code for stage in SPEC.stages if stage.code != "suspended"],
        "verdicts": {
            "passed": VERDICTS["passed"].of(lang),
            "returned": VERDICTS["returned"].of(lang),
            "pending": PENDING.of(lang),
            "none": wording.MISSING,
        },
        "here": "在本环节" if zh else "in this stage",
        "over": "超时限" if zh else "over limit",
        "moved": "今日转出，家" if zh else "moved on today",
        "three": "三方并审" if zh else "Three reviewers",
        "pending": PENDING.of(lang),
        "returned": VERDICTS["returned"].of(lang),
        "above": SCALES["above"].of(lang),
        "below": SCALES["below"].of(lang),
        # On a bar of the pipeline there is no room for the English words.
        "above_short": SCALES["above"].zh if zh else "above",
        "below_short": SCALES["below"].zh if zh else "below",
        "pledges": "三方承诺" if zh else "Three pledges",
        "curve": "每日新复工，家" if zh else "resumed each day",
    }


def detail(asked: Asked, scope: str) -> dict[str, Any]:
    """The drawer of one enterprise (DESIGN-UI-2 §7). Its contacts are in the vault and never here."""
    board, lang, zh = asked.board, asked.lang, asked.lang != "en"
    row = casework.find(board, FEED, asked.open)
    if row is None:
        return {"drawer": None}
    case = row.case
    scale = SCALES[case.value("scale")].of(lang) if case.value("scale") in SCALES else ""
    staff = case.value("staff_total")
    staffed = (f"职工 {staff} 人" if zh else f"{staff} staff") if staff is not None else ""
    due = None
    stage = casework.stage_words(FEED, case).of(lang)
    if case.stuck and case.limit is not None:
        over = wording.span(board.now - case.limit, lang)
        hours = round((case.limit - case.since) / 3_600_000)
        stays = wording.span(stay(case, board.now), lang)
        due = {
            "tone": "alert",
            "shape": "lapsed",
            "text": f"{stage}超 {over}" if zh else f"{stage}: {over} over",
            "note": f"停留 {stays}，时限 {hours} 小时" if zh else f"here for {stays}, limit {hours} h",
        }
    verdicts = verdicts_of(row)
    shape = {"passed": "met", "pending": "open", "returned": "soon", "none": "open"}
    words = _words(lang)["verdicts"]
    reviews = [
        {"state": shape[said], "time": "", "text": f"{REVIEWERS[who].of(lang)}  {words[said]}", "tone": ""}
        for who, said in verdicts.items()
    ]
    pledged = [
        {"state": "met" if code in case.pledges else "open", "time": "", "text": pledge.of(lang), "tone": ""}
        for code, pledge in PLEDGES.items()
    ]
    keep = "" if zh else "&lang=en"
    people = [
        {
            "head": "联络警官" if zh else "Liaison officer",
            "text": _staff(case.value("liaison"), "未配" if zh else "none"),
        },
        {"head": "驻企专员" if zh else "Steward", "text": _staff(case.value("steward"), wording.MISSING)},
    ]
    sections = [
        {"title": "三方审核" if zh else "Three reviewers", "items": reviews},
        *(
            [{"title": "三方承诺" if zh else "Three pledges", "items": pledged}]
            if case.pledges or case.stage == "committed"
            else []
        ),
        {"title": "经过" if zh else "History", "items": told(board, FEED, case, lang)},
        {
            "title": "事项" if zh else "Obligations",
            "items": _owed(board, row, lang),
            "empty": "没有要办的事项" if zh else "Nothing to do",
        },
    ]
    return {
        "drawer": {
            "key": case.case,
            "over": wording.join(
                [f"{'企业' if zh else 'Enterprise'} {number(case.case)}", town_name(board, row.town)], lang
            ),
            "title": str(case.value("name") or number(case.case)),
            "facts": wording.join([scale, str(case.value("industry") or ""), staffed], lang),
            "due": due,
            "rows": people,
            "sections": sections,
            "links": [
                {
                    "text": "登记进展" if zh else "Record progress",
                    "href": f"/record/enterprise?enterprise={case.case}&town={row.town}{keep}",
                },
                {
                    "text": "看记录" if zh else "Records",
                    "href": f"/records?feed=enterprise&town={row.town}&subject={case.case}{keep}",
                },
            ],
            "foot": "联系方式不在这里，须登记后另行打开"
            if zh
            else "Contacts are not here: they are opened apart, on record",
        }
    }


def _staff(code: object, none: str) -> str:
    return wording.staff(str(code)) if code else none


def _owed(board: Board, row: Held, lang: str) -> list[dict[str, str]]:
    """What is owed to the enterprise: its daily patrol, or from when on."""
    zh = lang != "en"
    if row.stage != "resumed":
        text = "每日巡逻 1 次，复工次日起" if zh else "one patrol a day, from the day after it resumes"
        return [{"state": "open", "time": "", "text": text, "tone": ""}]
    track = board.track(row.town)
    codes = {row.case.case, str(row.case.value("place") or "")}
    judged = next((one for one in track.obligations if one.place in codes), None) if track else None
    if judged is None:
        return [
            {
                "state": "open",
                "time": "",
                "text": "每日巡逻 1 次，明天起" if zh else "one patrol a day, from tomorrow",
                "tone": "",
            }
        ]
    said = {"met": ("今天已巡", "visited today"), "open": ("今天还没有巡", "not visited yet today")}.get(
        str(judged.state), ("今天漏巡", "missed today")
    )
    at = wording.clock(judged.met_at, board.zone) if judged.met_at else ""
    return [
        {
            "state": str(judged.state),
            "time": at,
            "text": f"{'每日巡逻：' if zh else 'Daily patrol: '}{said[0 if zh else 1]}",
            "tone": "",
        }
    ]


def tables(asked: Asked, scope: str) -> list[Table]:
    """What the page shows, as tables of real numbers."""
    picture, lang = picture_of(asked), asked.lang
    board = asked.board

    def title(zh: str, en: str) -> str:
        return zh if lang != "en" else en

    heads = (
        Column(title("企业编号", "Enterprise")),
        Column(title("企业名称", "Name")),
        Column(title("镇（街道）", "Town")),
        Column(title("规模", "Scale")),
        Column(title("行业", "Industry")),
        Column(title("环节", "Stage")),
        *(Column(words.of(lang)) for words in REVIEWERS.values()),
        Column(title("进入本环节", "Since"), "time"),
        Column(title("停留小时", "Hours in stage"), "number"),
        Column(title("超时限", "Over limit")),
        Column(title("职工", "Staff"), "count"),
        Column(title("返岗", "Staff back"), "count"),
        Column(title("联络警官", "Officer")),
        Column(title("驻企专员", "Steward")),
    )
    words = _words(lang)["verdicts"]
    rows = [
        [
            row.case.case,
            row.case.value("name"),
            town_name(board, row.town),
            SCALES[row.case.value("scale")].of(lang) if row.case.value("scale") in SCALES else None,
            row.case.value("industry"),
            casework.stage_words(FEED, row.case).of(lang),
            *(words[said] for said in verdicts_of(row).values()),
            row.case.since,
            stay(row.case, board.now) / 3_600_000,
            title("是", "yes") if row.case.stuck else "",
            row.case.value("staff_total"),
            row.case.value("staff_returned"),
            row.case.value("liaison"),
            row.case.value("steward"),
        ]
        for row in single.rows(board, sorted(picture.narrowed.rows, key=urgency))
    ]
    stage_heads = (
        Column(title("环节", "Stage")),
        Column(title("企业", "Enterprises"), "count"),
        Column(title("规上", "Above"), "count"),
        Column(title("规下", "Below"), "count"),
        Column(title("超时限", "Over limit"), "count"),
        Column(title("今日转出", "Moved on today"), "count"),
    )
    stage_rows = [
        [one["name"], one["count"], one["above"], one["below"], one["over"], one["moved"]] for one in _pipeline(picture)
    ]
    return [
        Table("enterprises", TITLES["enterprises"].of(lang), heads, rows),
        Table("stages", TITLES["stages"].of(lang), stage_heads, stage_rows),
        figure_table("figures", TITLES["figures"].of(lang), picture, COMPARED),
    ]


VIEW = View(
    "enterprises",
    build,
    filters=FILTERS,
    detail=detail,
    tables=tables,
    title=Words("企业", "Enterprises"),
    open=True,
    needs=Permission.FIGURES,
    opens=Permission.CASES,
    cases=True,
)

__all__ = ["FILTERS", "VIEW", "build", "detail", "tables"]
