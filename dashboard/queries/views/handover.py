"""The sheet that one shift hands to the next: what is open and who has it, what happened, what falls due next.

A4, drawn by ``assets/town-handover.js`` and printed from the page. Pure over a board; ``?shift=<code>`` chooses one
(by default the shift of the moment, else the latest), ``?day=`` an earlier day. Instants are ms since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dashboard.access.policy import Permission
from dashboard.domain.day import MINUTE, day_start, minute_of, shift_day
from dashboard.domain.feed import CaseSpec, ReadingSpec, TrackSpec, Words
from dashboard.domain.place import Shift
from dashboard.domain.summary import ObligationState, ReadingSummary, TrackSummary
from dashboard.feeds import FEEDS
from dashboard.queries import casework, single, wording
from dashboard.queries.acting import act_line
from dashboard.queries.asked import Asked
from dashboard.queries.duties import Duty, Group, due_in, tallies
from dashboard.queries.export import Column, Table
from dashboard.queries.onduty import on_duty
from dashboard.queries.rows import FEVER_STATES, beat_name, duty_row, place_name
from dashboard.queries.standing import standing
from dashboard.queries.view import View
from dashboard.queries.views.town import category_words
from dashboard.queries.worklist import item_title

if TYPE_CHECKING:
    from dashboard.queries.board import Board

MOST_EVENTS = 60
MANY = 12
"""From how many of a kind on records of routine stand as one line where there is no room for all."""
STATES = {
    Group.BURNING: Words("告警", "burning"),
    Group.OVERDUE: Words("超时", "overdue"),
    Group.SOON: Words("将到期", "due soon"),
    Group.LATER: Words("未到期", "open"),
    Group.HANDLED: Words("待记录", "not on record"),
}


class Span(msgspec.Struct, frozen=True):
    """A shift of a day: instants from (inclusive) to (exclusive)."""

    code: str
    name: str
    first: int
    last: int


class Happened(msgspec.Struct, frozen=True):
    """Something that happened in a shift."""

    at: int
    kind: str
    what: str
    text: str
    feed: str = ""
    """Its feed's short name, of what is told as a count where there are many."""


def span_of(board: Board, code: str, lang: str) -> Span:
    """The shift of that code that runs at the board's moment, or ran last; the whole day where there are no shifts."""
    start = day_start(board.day, board.zone)
    minute = minute_of(board.now, board.zone)
    shifts = {shift.code: shift for shift in board.pack.shifts}
    shift = shifts.get(code) or board.pack.shift_at(minute) or _latest(board.pack.shifts, minute)
    if shift is None:
        return Span("", "全天" if lang != "en" else "Whole day", start, board.now)
    length = (shift.end - shift.start) % 1440 or 1440
    first = start + shift.start * MINUTE
    if first > board.now:
        first = day_start(shift_day(board.day, -1), board.zone) + shift.start * MINUTE
    name = shift.name if lang != "en" else shift.name_en or shift.name
    return Span(shift.code, name, first, first + length * MINUTE)


def _latest(shifts: Sequence[Shift], minute: int) -> Shift | None:
    return min(shifts, key=lambda shift: (minute - shift.end) % 1440, default=None)


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """The sheet of a town."""
    board, lang = asked.board, asked.lang
    zh = lang != "en"
    if scope not in board.towns:
        return {"missing": True}
    span = span_of(board, asked.more.get("shift", ""), lang)
    town = board.pack.town_by_code[scope]
    duties = due_in(board, scope)
    events = happened(board, scope, span, lang)
    told, more = on_sheet(events, lang)
    counted = []
    for tally in tallies(board, scope, duties):
        feed = FEEDS[tally.feed]
        name, _, done = category_words(tally.kind, feed)
        counted.append(
            {
                "name": name.of(lang),
                "undone": wording.MISSING if tally.undone is None else wording.count(tally.undone, lang),
                "done": f"{done.of(lang)} {tally.done}/{tally.total}"
                if tally.total is not None
                else wording.not_reported(lang),
                "over": tally.overdue + tally.burning,
            }
        )
    clock = f"{wording.clock(span.first, board.zone)}–{wording.clock(span.last, board.zone)}"
    after = _following(board, span)
    following = "" if after is None else (after.name if zh else after.name_en or after.name)
    return {
        "missing": False,
        "town": {"code": town.code, "name": town.name, "name_en": town.name_en},
        "title": f"{town.name}交班单" if zh else f"{town.name_en}: handover",
        "shift": span.code,
        "span": f"{wording.date_line(wording_day(board, span.first), lang)} {span.name} {clock}",
        "as_of": wording.as_of(board.now, board.zone, lang),
        "known_seq": board.seq,
        "shifts": [
            {"code": shift.code, "name": shift.name if zh else shift.name_en or shift.name}
            for shift in board.pack.shifts
        ],
        "next": following,
        "answer": _answer(board, duties, events, lang) + _unlisted(board, duties, lang),
        "counts": counted,
        "duty": on_duty(board, scope, lang),
        "open": [_open_row(board, scope, duty, lang) for duty in single.duties(board, duties)],
        "events": [_told(board, one, lang) for one in told],
        "happened": len(events),
        "more": more,
        "visits": _visits(board, scope, span, lang),
        "due": _next_due(board, scope, span, lang),
        "words": {key: words.of(lang) for key, words in WORDS.items()},
        "note": ("演示数据，不是实况" if zh else "demonstration data, not live") if board.world == "replay" else "",
    }


def wording_day(board: Board, at: int) -> int:
    """The local day of an instant."""
    local = wording.local(at, board.zone)
    return local.year * 10_000 + local.month * 100 + local.day


def _following(board: Board, span: Span) -> Shift | None:
    return board.pack.shift_at(minute_of(span.last, board.zone))


def _unlisted(board: Board, duties: Sequence[Duty], lang: str) -> str:
    text = single.unlisted(board, duties, lang)
    return "" if not text else f"{text}。" if lang != "en" else f" {text}."


def _answer(board: Board, duties: Sequence[Any], events: Sequence[Happened], lang: str) -> str:
    zh = lang != "en"
    left = [duty for duty in duties if duty.group != Group.HANDLED]
    over = sum(duty.group in (Group.BURNING, Group.OVERDUE) for duty in left)
    taken = sum(duty.taken for duty in left)
    acts = sum(one.kind == "act" for one in events)
    if zh:
        return f"未办 {len(left)} 件，其中超时 {over} 件，已有人在办 {taken} 件；本班处置 {acts} 次。"
    return f"{len(left)} open, {over} of them overdue, {taken} with somebody; {acts} actions in this shift."


def _open_row(board: Board, town: str, duty: Any, lang: str) -> dict[str, Any]:
    row = duty_row(board, town, duty, lang)
    acting = row["acting"] or {}
    return {
        "number": row["number"] or "",
        "state": str(duty.group),
        "word": STATES[duty.group].of(lang),
        "type": row["type"],
        "title": row["title"],
        "sub": row["sub"],
        "owner": row["owner"] or ("未定" if lang != "en" else "nobody"),
        "due": row["due"],
        "limit": row["limit"],
        "acting": wording.join([acting.get("word", ""), acting.get("reason", ""), acting.get("note", "")], lang),
    }


def happened(board: Board, town: str, span: Span, lang: str) -> list[Happened]:
    """What happened in a shift, in order: acts of staff, fevers, cases that came, moved or ended, visits missed."""
    found: list[Happened] = []
    last = min(span.last, board.now + 1)
    for item, held in standing(board, town).items():
        for act in held.history if single.item(board, item) else ():
            if span.first <= act.at < last:
                said = act_line(board, town, act, lang)["text"]
                found.append(Happened(act.at, "act", item_title(board, town, item, lang), said))
    for feed in board.feeds:
        if isinstance(feed.archetype, ReadingSpec):
            found += _fevers(board, town, feed.name, span.first, last, lang)
        elif isinstance(feed.archetype, TrackSpec):
            found += _lapses(board, town, feed.name, span.first, last, lang)
        elif isinstance(feed.archetype, CaseSpec):
            for one in single.rows(board, list(casework.held(board, feed, town))):
                title = casework.title(feed, one, lang)
                for nth, step in enumerate(one.case.steps):
                    if span.first <= step.at < last:
                        stage = casework.stage_named(feed, step.stage).words.of(lang)
                        new = ("新增，" if lang != "en" else "new: ") if nth == 0 else ""
                        short = feed.short.of(lang)
                        found.append(Happened(step.at, "case", f"{short} {title}", f"{new}{stage}", short))
    return sorted(found, key=lambda one: (one.at, one.kind, one.what, one.text))


def on_sheet(events: Sequence[Happened], lang: str) -> tuple[list[Happened], int]:
    """What a sheet has room for, in order, and how many earlier ones it leaves out.

    Where there is no room for all, routine of one kind is one line with its count, so that it does not crowd out what
    the next shift must know; then the latest stay.
    """
    if len(events) <= MOST_EVENTS:
        return list(events), 0
    alike: dict[tuple[str, str], list[Happened]] = {}
    for one in events:
        if one.feed:
            alike.setdefault((one.feed, one.text), []).append(one)
    many = {key: own for key, own in alike.items() if len(own) >= MANY}
    kept = [one for one in events if (one.feed, one.text) not in many]
    for (feed, text), own in many.items():
        count = f"{text} {len(own)} 件" if lang != "en" else f"{text}: {len(own)}"
        kept.append(Happened(own[-1].at, "case", feed, count))
    kept.sort(key=lambda one: (one.at, one.kind, one.what, one.text))
    return kept[-MOST_EVENTS:], max(0, len(kept) - MOST_EVENTS)


def _days(board: Board, feed: str, town: str, first: int) -> list[Any]:
    """The town's summaries of the days that a span touches: today's, and yesterday's where it began before midnight."""
    found = [board.summaries(feed).get(town)]
    if first < day_start(board.day, board.zone):
        found.append(board.at_end(feed, shift_day(board.day, -1)).get(town))
    return [one for one in found if one is not None]


def _fevers(board: Board, town: str, feed: str, first: int, last: int, lang: str) -> list[Happened]:
    found = []
    for summary in _days(board, feed, town, first):
        for fever in single.rows(board, summary.fevers) if isinstance(summary, ReadingSummary) else ():
            if first <= fever.at < last:
                text = wording.join([wording.celsius(fever.milli_celsius), FEVER_STATES[fever.state].of(lang)], lang)
                case = f"个案 {fever.case}" if lang != "en" else f"case {fever.case}"
                found.append(Happened(fever.at, "fever", f"{place_name(board, fever.checkpoint)} {case}", text))
    return found


def _lapses(board: Board, town: str, feed: str, first: int, last: int, lang: str) -> list[Happened]:
    found = []
    for summary in _days(board, feed, town, first):
        for one in summary.obligations if isinstance(summary, TrackSummary) else ():
            if one.state == ObligationState.LAPSED and first < one.end <= last and one.target == "patrol_point":
                text = "漏巡" if lang != "en" else "not visited in time"
                found.append(Happened(one.end, "lapse", place_name(board, one.place), text))
    return found


def _visits(board: Board, town: str, span: Span, lang: str) -> str:
    """Visits of the patrol points whose window closed in the shift or that were met in it."""
    met = lapsed = unseen = 0
    for summary in _days(board, "patrol", town, span.first):
        if not isinstance(summary, TrackSummary):
            continue
        for one in summary.obligations:
            if one.target != "patrol_point":
                continue
            met += one.state == ObligationState.MET and span.first <= (one.met_at or one.end) < span.last
            closed = span.first < one.end <= min(span.last, board.now)
            lapsed += closed and one.state == ObligationState.LAPSED
            unseen += closed and one.state == ObligationState.UNOBSERVABLE
    if lang == "en":
        return f"{met} visits made, {lapsed} lapsed, {unseen} unobservable"
    return f"已巡 {met}，漏巡 {lapsed}，未判 {unseen}"


def _next_due(board: Board, town: str, span: Span, lang: str) -> list[dict[str, str]]:
    """What falls due in the following shift: visits by beat and window, and cases by their time."""
    zh, until = lang != "en", span.last + (_length(board, span) or 720) * MINUTE
    rows: list[tuple[int, str, str]] = []
    visits: dict[str, list[int]] = {}
    days = [board.day, shift_day(board.day, 1)]
    for rule in board.pack.visit_rules:
        place = board.place(rule.place)
        if place is None or place.town != town:
            continue
        for day in days:
            end = day_start(day, board.zone) + rule.end * MINUTE
            if span.last < end <= until:
                visits.setdefault(beat_name(board, place.beat, lang), []).extend([end] * rule.times)
    for beat, ends in visits.items():
        last = wording.clock(max(ends), board.zone)
        counted = "1 visit" if len(ends) == 1 else f"{len(ends)} visits"
        text = f"巡逻点 {len(ends)} 处次，至 {last}" if zh else f"{counted} of patrol points until {last}"
        rows.append((min(ends), beat, text))
    for feed in board.feeds:
        own = list(casework.still_open(board, feed, town)) if isinstance(feed.archetype, CaseSpec) else []
        for one in single.rows(board, own):
            due = one.case.due if casework.spec_of(feed).due_field else one.case.limit
            if due is not None and board.now < due <= until and due > span.last:
                who = casework.owner(feed, one.case) or ("未定" if zh else "nobody")
                rows.append((due, casework.title(feed, one, lang), wording.join([feed.short.of(lang), who], lang)))
    return [
        {"time": wording.moment(at, board.day, board.zone, lang), "what": what, "text": text}
        for at, what, text in sorted(rows)[:24]
    ]


def _length(board: Board, span: Span) -> int:
    after = _following(board, span)
    return 0 if after is None else (after.end - after.start) % 1440 or 1440


def _told(board: Board, one: Happened, lang: str) -> dict[str, str]:
    return {"time": wording.moment(one.at, board.day, board.zone, lang), "kind": one.kind} | {
        "what": one.what,
        "text": one.text,
    }


WORDS = {
    "open": Words("未办事项", "Open items"),
    "events": Words("本班经过", "What happened in this shift"),
    "due": Words("下一班到期", "Due in the next shift"),
    "duty": Words("在岗", "On duty"),
    "figures": Words("今日数字", "Figures of the day"),
    "visits": Words("本班巡逻", "Patrols of this shift"),
    "none": Words("无", "none"),
    "giver": Words("交班人", "Handed over by"),
    "taker": Words("接班人", "Taken over by"),
    "time": Words("时间", "Time"),
    "remark": Words("交班说明", "Remarks"),
    "print": Words("打印交班单", "Print"),
    "more": Words("条更早的见系统", "earlier ones in the system"),
    "number": Words("号", "No."),
    "item": Words("事项", "Item"),
    "owner": Words("责任人", "Owner"),
    "limit": Words("时限", "Limit"),
    "state": Words("处置", "Action"),
    "what": Words("什么", "What"),
    "how": Words("情况", "How"),
    "back": Words("返回镇页", "Back to the town"),
}


def tables(asked: Asked, scope: str) -> Sequence[Table]:
    """The sheet as tables: what is open, what happened, what is due next."""
    sheet, zh = build(asked, scope), asked.lang != "en"
    if sheet["missing"]:
        # A sheet is of one town; asked for all of them it is empty.
        return (Table("open", WORDS["open"].of(asked.lang), (Column(WORDS["item"].of(asked.lang)),), ()),)
    board, lang = asked.board, asked.lang
    span = span_of(board, asked.more.get("shift", ""), lang)
    opened = ("state", "type", "title", "sub", "owner", "due", "limit", "acting")
    heads = (
        ("状态", "类别", "事项", "说明", "责任人", "还剩", "时限", "处置")
        if zh
        else ("State", "Kind", "Item", "Details", "Owner", "Left", "Limit", "Action")
    )
    return (
        Table(
            "open",
            WORDS["open"].of(lang),
            tuple(Column(head) for head in heads),
            [[row["word"] if key == "state" else row[key] or None for key in opened] for row in sheet["open"]],
        ),
        Table(
            "events",
            WORDS["events"].of(lang),
            (Column(WORDS["time"].of(lang), "time"), Column(WORDS["what"].of(lang)), Column(WORDS["how"].of(lang))),
            [[one.at, one.what, one.text] for one in happened(board, scope, span, lang)],
        ),
        Table(
            "due",
            WORDS["due"].of(lang),
            tuple(Column(WORDS[key].of(lang)) for key in ("time", "what", "how")),
            [[row["time"], row["what"], row["text"]] for row in sheet["due"]],
        ),
    )


VIEW = View(
    "handover",
    build,
    clock_only=True,
    filters=(),
    more=("shift",),
    tables=tables,
    title=Words("交班单", "Handover"),
    needs=Permission.FIGURES,
    cases=True,
)
