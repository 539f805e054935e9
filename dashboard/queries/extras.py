"""What some feeds show beside their figures: tables made of more than one feed, codes to print, what a case may need.

One function a feed, by name; a feed without one has none. Panels are plain data: ``{"title", "note", "heads",
"numbers", "rows", "empty"}``, or ``{"title", "codes"}``. Pure over a board.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dashboard.domain.checks import CheckState, owed
from dashboard.domain.day import HOUR, day_start
from dashboard.domain.feed import CaseSpec, Feed, Words
from dashboard.domain.figure import few
from dashboard.domain.place import PlaceKind
from dashboard.domain.summary import CaseNow, CaseSummary, RosterSummary
from dashboard.queries import single, wording
from dashboard.queries.casework import short_code
from dashboard.queries.explain import value_text
from dashboard.queries.export import Column, Table
from dashboard.queries.figures import ALL, figures_of
from dashboard.queries.linked import free_listings, labour

if TYPE_CHECKING:
    from dashboard.queries.board import Board

SHOWN = frozenset({"isolation_back_tomorrow", "isolation_load", "callbacks_returning", "callbacks_lodging"})
"""Breakdowns that a panel here shows better."""
MOST_ROWS = 60
MOST_CODES = 12

Panel = dict[str, Any]
Maker = Callable[["Board", Feed, Sequence[str], str], list[Panel]]


def panels(board: Board, feed: Feed, towns: Sequence[str], lang: str) -> list[Panel]:
    """The further panels of a feed's page."""
    make = _MADE.get(feed.name)
    found = make(board, feed, [town for town in board.towns if town in towns], lang) if make else []
    return [one | {"rows": one["rows"][:MOST_ROWS]} if "rows" in one else one for one in found]


def tables(board: Board, feed: Feed, towns: Sequence[str], lang: str) -> list[Table]:
    """The same panels whole, as tables of real values."""
    make = _MADE.get(feed.name)
    found = make(board, feed, [town for town in board.towns if town in towns], lang) if make else []
    return [_table(one) for one in found if "rows" in one]


def _table(panel: Panel) -> Table:
    columns: list[Column] = []
    cells: list[list[Any]] = []
    for at, (head, number) in enumerate(zip(panel["heads"], panel["numbers"], strict=True)):
        texts = [row[at] for row in panel["rows"]]
        values = [_plain(text) for text in texts]
        # A quantity that is not exact stays as it was stated: 3,000 余 is not the number 3000.
        known = (
            value is not None or text in (wording.MISSING, wording.FEWER)
            for value, text in zip(values, texts, strict=True)
        )
        whole = number and all(known)
        columns.append(Column(head, "count" if whole else "text"))
        cells.append(list(values) if whole else texts)
    return Table(panel["name"], panel["title"], tuple(columns), [list(row) for row in zip(*cells, strict=True)])


def _plain(text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) if digits.isdigit() else None


def _panel(
    name: str, title: str, heads: Sequence[tuple[str, bool]], rows: list[list[str]], note: str, empty: str
) -> Panel:
    return {
        "name": name, "title": title, "note": note, "heads": [head for head, _ in heads],
        "numbers": [number for _, number in heads], "rows": rows, "empty": empty,
    }  # fmt: skip


def _say(lang: str) -> Callable[[str, str], str]:
    return lambda zh, en: zh if lang != "en" else en


# -- one feed each


def _callback(board: Board, feed: Feed, towns: Sequence[str], lang: str) -> list[Panel]:
    say = _say(lang)
    found = single.rows(board, [row for row in labour(board, towns) if row["gap"] or row["willing"]])
    # The order must not tell what the cells do not.
    found = sorted(found, key=lambda row: (-row["gap" if few(row["willing"]) else "left"], row["firm"]))
    rows = [[row["name"], *_labour(row, lang)] for row in found]
    heads = [
        (say("企业", "Enterprise"), False), (say("员工", "Staff"), True), (say("已返岗", "Back"), True),
        (say("缺工", "Short"), True), (say("愿意返岗", "Willing"), True), (say("犹豫", "Hesitant"), True),
        (say("要找住处", "Need lodging"), True), (say("全到后仍缺", "Short when they have come"), True),
    ]  # fmt: skip
    note = say(
        "缺工 = 员工 − 已返岗（企业申报）；愿意、犹豫按电话回访的最近一次，不足 3 人的不写数",
        "Short = staff less those back; willing and hesitant by the latest call, fewer than 3 people are not told",
    )
    return [
        _panel(
            "labour",
            say("各企业缺工", "Short of people"),
            heads,
            rows,
            note,
            single.empty(board, lang, say("没有缺工的企业", "None is short")),
        )
    ]


def _labour(row: Mapping[str, Any], lang: str) -> list[str]:
    """Head counts as the enterprise states them, then those who were called, too few of whom are not told."""
    stated = [wording.count(row[key], lang) for key in ("staff", "back", "gap")]
    called = [wording.people(row[key], lang) for key in ("willing", "hesitant", "lodging")]
    # The gap less what is left of it would be the willing.
    left = wording.MISSING if few(row["willing"]) and row["gap"] else wording.count(row["left"], lang)
    return [*stated, *called, left]


def _looked_after(own: Mapping[str, int], lang: str) -> list[str]:
    """How many people a steward has and the checks that they are owed: those of too few would tell how few."""
    checks = [own[kind] for kind in (CheckState.DONE, CheckState.OPEN, CheckState.MISSED)]
    hidden = few(own["people"])
    told = [wording.MISSING if hidden and number else wording.count(number, lang) for number in checks]
    return [wording.people(own["people"], lang), *told]


def _isolation(board: Board, feed: Feed, towns: Sequence[str], lang: str) -> list[Panel]:
    say, spec = _say(lang), feed.archetype
    clock = spec.clock if isinstance(spec, CaseSpec) else None
    load: dict[str, Counter[str]] = {}
    for town in towns:
        summary = board.summaries(feed.name).get(town)
        for case in summary.cases if isinstance(summary, CaseSummary) else ():
            if case.stage != "started" or not isinstance(summary, CaseSummary):
                continue
            own = load.setdefault(str(case.value("steward") or ""), Counter())
            own["people"] += 1
            for one in owed(case, clock, summary.day_from, board.now) if clock else ():
                own[one.state] += 1
    stewards = [
        [who or say("没有管家", "Nobody"), *_looked_after(own, lang)]
        for who, own in sorted(
            load.items(),
            key=lambda one: (0 if few(one[1]["people"]) else -one[1]["people"], one[0]),
        )
    ]
    heads = [
        (say("管家", "Steward"), False), (say("照管人数", "People"), True), (say("已巡查", "Checked"), True),
        (say("待巡查", "To check"), True), (say("漏", "Missed"), True),
    ]  # fmt: skip
    tomorrow = _panel(
        "tomorrow",
        say("明日期满，企业各回几人", "Back tomorrow, by enterprise"),
        [(say("企业", "Enterprise"), False), (say("明日期满", "Back tomorrow"), True)],
        [list(row) for row in single.rows(board, _back_by_firm(board, feed, towns, lang))],
        say("现在在隔离、计时明天到的人", "Isolating now, their clock over tomorrow"),
        single.empty(board, lang, say("明天没有人期满", "Nobody tomorrow")),
    )
    note = say(
        "巡查每人上午、下午各一次；不足 3 人的不写数",
        "A check each in the morning and in the afternoon; fewer than 3 people are not told",
    )
    none = say("现在没有人在隔离", "Nobody is isolating")
    return [tomorrow, _panel("stewards", say("管家照管", "Stewards"), heads, stewards, note, none)]


def _back_by_firm(board: Board, feed: Feed, towns: Sequence[str], lang: str) -> list[list[str]]:
    """Name of the enterprise and who comes back to it tomorrow, most first; the KPI's own cells."""
    kpi = feed.kpi("isolation_back_tomorrow")
    assert kpi is not None  # noqa: S101 - declared in the feed
    summaries = {town: one for town, one in board.summaries(feed.name).items() if town in towns}
    cells = figures_of(feed, kpi, summaries, ALL, board.now, breakdowns=True)[1:]
    names = _firm_names(board, towns) | {"unknown": "未写企业" if lang != "en" else "Not stated"}
    ordered = sorted(cells, key=lambda cell: (-(cell.value or 0), cell.dims["enterprise"]))
    return [
        [names.get(firm, short_code("", firm)), value_text(cell, kpi, lang)[0]]
        for cell in ordered
        for firm in (cell.dims["enterprise"],)
    ]


def named(board: Board, towns: Sequence[str]) -> dict[str, str]:
    """Names of enterprises and places by code, for breakdowns by one."""
    places = {place.code: place.name for place in (*board.pack.places, *board.provisional.values())}
    return places | (_firm_names(board, towns) if board.viewer.details else {})


def _firm_names(board: Board, towns: Sequence[str]) -> dict[str, str]:
    found = {}
    for town in towns:
        summary = board.summaries("enterprise").get(town)
        for case in summary.cases if isinstance(summary, CaseSummary) else ():
            found[case.case] = str(case.value("name") or case.case)
    return found


def _census(board: Board, feed: Feed, towns: Sequence[str], lang: str) -> list[Panel]:
    say = _say(lang)
    rows = []
    for town in towns:
        summary = board.summaries(feed.name).get(town)
        for item in summary.items if isinstance(summary, RosterSummary) else ():
            target, houses = item.quantities.get("houses_target"), item.quantities.get("houses")
            short = target.number - (houses.number if houses else 0) if target else None
            evidence = str(item.fields.get("evidence") or "")
            state = (
                say("没有写应查房屋", "No target") if short is None else say("漏查", "Left out") if short > 0 else ""
            )
            state = state or (say("没有依据", "No evidence") if not evidence else say("零遗漏", "None left out"))
            rows.append(
                (
                    -(short or 0), bool(evidence), item.item,
                    [item.item, wording.quantity(_stored(target), lang) if target else "—",
                     wording.quantity(_stored(houses), lang) if houses else "—",
                     wording.count(max(0, short), lang) if short is not None else "—", evidence or "—", state],
                )
            )  # fmt: skip
    heads = [
        (say("网格", "Grid"), False), (say("应查房屋", "To check"), True), (say("已核实", "Verified"), True),
        (say("漏", "Left out"), True), (say("依据", "Evidence"), False), (say("结论", "So"), False),
    ]  # fmt: skip
    note = say(
        "零遗漏要有依据：每个网格应查多少、核实多少、凭什么知道。有漏的、没有依据的排在前面",
        "“None left out” needs evidence: how many there are, how many were verified, and how it is known",
    )
    ordered = [row for *_, row in sorted(rows, key=lambda one: one[:3])]
    return [
        _panel(
            "evidence",
            say("零遗漏的依据", "Evidence"),
            heads,
            ordered,
            note,
            say("还没有网格报数", "No grid has reported"),
        )
    ]


def _stored(quantity: Any) -> list[Any]:
    return [quantity.number, quantity.qualifier]


def _declaration(board: Board, feed: Feed, towns: Sequence[str], lang: str) -> list[Panel]:
    say = _say(lang)
    keep = "" if lang != "en" else "&lang=en"
    places = [
        place
        for place in board.pack.places
        if place.town in towns and place.kind in (PlaceKind.CHECKPOINT, PlaceKind.VENUE, PlaceKind.STATION)
    ]
    # With one town chosen its own gates are shown; of the whole region one each, or the wall would be of codes.
    if len(towns) > 1:
        firsts: dict[str, Any] = {}
        for place in places:
            firsts.setdefault(place.town, place)
        places = list(firsts.values())
    codes = [
        {
            "text": place.name if lang != "en" else place.name_en or place.name,
            "src": f"/api/v1/qr/{feed.name}.svg?place={quote(place.code)}{keep}",
        }
        for place in places[:MOST_CODES]
    ]
    if not codes:
        return []
    note = say(
        "打印张贴，手机一扫就打开这个地点的申报表；没有网络时先存在手机里，有网再发",
        "To be printed: a phone opens the form of the place, and without a network keeps it to send later",
    )
    return [
        {
            "name": "codes",
            "title": say("申报二维码", "QR codes"),
            "note": note,
            "codes": codes,
            "open": say("打开大图", "Open"),
        }
    ]


_MADE: Mapping[str, Maker] = {
    "callback": _callback,
    "isolation": _isolation,
    "census": _census,
    "declaration": _declaration,
}


# -- in the drawer of a case


def of_case(board: Board, feed: Feed, town: str, case: CaseNow, lang: str) -> list[dict[str, Any]]:
    """Sections that a case's drawer has besides its history and links."""
    say = _say(lang)
    if feed.name == "callback" and case.value("lodging") == "needs":
        items = free_listings(board, town, lang)
        return [
            {
                "title": say("可对接的房源", "Listings to match"),
                "items": items,
                "empty": say("本镇没有空房源", "None in this town"),
            }
        ]
    if case.began is not None and isinstance(feed.archetype, CaseSpec) and feed.archetype.clock is not None:
        return [{"title": say("计时与巡查", "Clock and checks"), "items": _clock(board, feed.archetype, case, lang)}]
    return []


CHECK_STATES = {
    CheckState.DONE: ("met", Words("已巡查", "checked")),
    CheckState.OPEN: ("soon", Words("待巡查", "to be checked")),
    CheckState.MISSED: ("lapsed", Words("漏了", "missed")),
}


def _clock(board: Board, spec: CaseSpec, case: CaseNow, lang: str) -> list[dict[str, str]]:
    say = _say(lang)
    assert case.began is not None  # noqa: S101 - asked for cases with a clock only
    begun = wording.moment(case.began, board.day, board.zone, lang)
    passed = max(0, (board.now - case.began) // (24 * HOUR))
    text = say(f"开始计时，到现在 {passed} 天", f"the clock began; {passed} days so far")
    if case.restarts:
        text = wording.join([text, say(f"重新计时 {case.restarts} 次", f"begun again {case.restarts} times")], lang)
    if case.extended:
        text = wording.join([text, say(f"延长 {case.extended} 天", f"extended by {case.extended} days")], lang)
    found = [{"state": "met", "time": begun, "text": text, "tone": ""}]
    for one in owed(case, spec.clock, _midnight(board), board.now) if spec.clock else ():
        state, words = CHECK_STATES[one.state]
        when = wording.clock(one.at if one.at is not None else one.end, board.zone)
        nth = say(f"今天第 {one.nth} 次", f"today's check {one.nth}")
        found.append(
            {
                "state": state,
                "time": when,
                "text": wording.join([nth, words.of(lang)], lang),
                "tone": "alert" if state == "lapsed" else "",
            }
        )
    if case.due is not None:
        when = wording.moment(case.due, board.day, board.zone, lang)
        tone = "alert" if case.overdue else ""
        found.append(
            {"state": "lapsed" if case.overdue else "open", "time": when, "text": say("期满", "over"), "tone": tone}
        )
    return found


def _midnight(board: Board) -> int:
    return day_start(board.day, board.zone)


__all__ = ["of_case", "panels", "tables"]
