"""A duty as a row of the town page: its title, who is to do it, how long it is over or has left, and its history.

Everything a reader sees is made here in both languages. A member of the public is a case number, nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.domain.day import HOUR, day_start
from dashboard.domain.feed import Feed, Field, Words
from dashboard.domain.figure import Freshness
from dashboard.domain.summary import ActState, CaseNow, FeverState, Judged, ObligationState
from dashboard.feeds import FEEDS
from dashboard.queries import casework, wording
from dashboard.queries.acting import acting, acts_for, past_of, who
from dashboard.queries.duties import Duty, DutyKind, Group

if TYPE_CHECKING:
    from dashboard.queries.board import Board

STATES = {
    ObligationState.OPEN: Words("未到期", "open"),
    ObligationState.MET: Words("已巡", "met"),
    ObligationState.LAPSED: Words("漏巡", "lapsed"),
    ObligationState.UNOBSERVABLE: Words("无法判定", "unobservable"),
}

FEVER_STATES = {
    FeverState.PENDING: Words("待复测", "awaiting recheck"),
    FeverState.CONFIRMED: Words("复测确认", "confirmed"),
    FeverState.TRANSFERRED: Words("已转诊", "transferred"),
    FeverState.CLEARED: Words("已排除", "cleared"),
    FeverState.UNRESOLVED: Words("未复测", "never rechecked"),
}


def duty_row(board: Board, town: str, duty: Duty, lang: str) -> dict[str, Any]:
    """One row as the page draws it."""
    feed = FEEDS[duty.feed]
    place = board.place(duty.place)
    held = case_of(board, town, duty) if duty.kind == DutyKind.CASE else None
    freshness, received = board.freshness(duty.feed, town)
    old = freshness in (Freshness.STALE, Freshness.SILENT)
    title, sub, detail = _TEXTS[duty.kind](board, town, duty, lang)
    due, limit = due_texts(board, duty, lang)
    held_by = duty.standing.owner if duty.standing is not None else ""
    declared = declared_owner(board, duty, held, lang)
    return {
        "key": duty.key,
        "item": duty.item,
        "town": town,
        "case": duty.case if duty.kind == DutyKind.CASE else "",
        "acting": acting(board, town, duty.standing, lang),
        "acts": acts_for(
            board, town, duty.verbs, duty.standing, lang, "acknowledge" if duty.kind == DutyKind.FEVER else ""
        ),
        "acted": past_of(board, town, duty.standing, lang),
        "kind": duty.category,
        "feed": duty.feed,
        "icon": "gate" if duty.kind == DutyKind.CHECKPOINT else feed.icon,
        "colour": feed.colour,
        "type": (duty.words or feed.short).of(lang),
        "group": str(duty.group),
        "number": duty.number,
        "pin": _pin(duty),
        "title": title,
        "sub": sub,
        "owner": who(board, town, held_by, lang) or declared,
        "due": due,
        "limit": limit,
        "old": wording.clock(received, board.zone) if old and received is not None else "",
        "place": duty.place,
        "lon": place.lon if place else duty.lon,
        "lat": place.lat if place else duty.lat,
        "name_en": place.name_en if place and not held else "",
        "steps": steps_of(feed, held.case) if held and casework.staged(feed) and duty.said is None else None,
        "href": casework.address(feed, held)
        if held
        else f"/patrols?town={town}&target=enterprise"
        if duty.kind == DutyKind.ROUND
        else "",
        "detail": [{"head": head, "text": text} for head, text in detail],
        "past": ("经过" if lang != "en" else "History") if held else ("今天" if lang != "en" else "Today"),
        "history": _HISTORY[duty.kind](board, town, duty, lang),
    }


def declared_owner(board: Board, duty: Duty, held: casework.Held | None, lang: str) -> str:
    """Who a duty belongs to by its feed's records, or by the roster of beats."""
    if held is None:
        return owners(board, duty.units, lang)
    if duty.owner_field:
        return wording.staff(str(held.case.value(duty.owner_field) or ""))
    return casework.owner(FEEDS[duty.feed], held.case)


def _pin(duty: Duty) -> str:
    if duty.group in (Group.BURNING, Group.OVERDUE):
        return "alert"
    return "due" if duty.group == Group.SOON else "open"


def due_texts(board: Board, duty: Duty, lang: str) -> tuple[str, str]:
    """How long over or left, then the limit itself."""
    zh = lang != "en"
    limit = wording.clock(duty.due, board.zone)
    if duty.group == Group.HANDLED and duty.standing is not None:
        put_off = duty.standing.state == ActState.POSTPONED
        at = wording.moment(duty.due if put_off else duty.standing.since, board.day, board.zone, lang)
        if put_off:
            return ("已延期" if zh else "postponed"), (f"至 {at}" if zh else f"to {at}")
        return ("已标办结" if zh else "said done"), at
    if duty.standing is not None and duty.standing.state == ActState.POSTPONED:
        left = wording.span(duty.due - board.now, lang)
        return (f"剩 {left}" if zh else f"{left} left"), (f"延至 {limit}" if zh else f"until {limit}")
    if duty.group == Group.BURNING:
        waited = wording.span(board.now - duty.since, lang)
        return (
            f"未签收 {waited}" if zh else f"not taken {waited}",
            f"{limit} 前复测" if zh else f"recheck by {limit}",
        )
    if duty.kind == DutyKind.CASE and not duty.unassigned and duty.said is None:
        limit = _case_limit(board, duty, lang)
    elif duty.kind == DutyKind.CASE:
        limit = wording.moment(duty.due, board.day, board.zone, lang)
    if duty.kind == DutyKind.CHECKPOINT and duty.group == Group.OVERDUE:
        silent = wording.span(board.now - duty.since, lang)
        if duty.never:
            return (f"无信号 {silent}", "从未上报") if lang != "en" else (f"silent {silent}", "never reported")
        since = wording.clock(duty.since, board.zone)
        return (f"离线 {silent}", f"{since} 起") if lang != "en" else (f"offline {silent}", f"since {since}")
    if board.now >= duty.due:
        over = wording.span(board.now - duty.due, lang)
        return (f"超 {over}" if lang != "en" else f"{over} over"), limit
    left = wording.span(duty.due - board.now, lang)
    if duty.kind == DutyKind.FEVER:
        limit = f"{limit} 前复测" if lang != "en" else f"recheck by {limit}"
    return (f"剩 {left}" if lang != "en" else f"{left} left"), limit


def owners(board: Board, units: tuple[str, ...], lang: str) -> str:
    """The units of a beat with their leaders; staff are shown by name."""
    return wording.join([unit_name(board, unit, lang) for unit in units], lang)


def unit_name(board: Board, unit: str, lang: str) -> str:
    """A unit as staff know it, with its leader."""
    known = board.pack.unit_by_code.get(unit)
    if known is None:
        return unit
    name = known.name_en if lang == "en" and known.name_en else known.name
    return f"{name} {known.leader}".strip()


def place_name(board: Board, code: str) -> str:
    """A place by its own name; place names stay Chinese in English texts (DESIGN-UI §11)."""
    place = board.place(code)
    return place.name if place else code


def beat_name(board: Board, code: str | None, lang: str) -> str:
    """A beat by name; places without one belong to everybody on duty."""
    beat = board.pack.beat_by_code.get(code) if code else None
    if beat is None:
        return "全镇" if lang != "en" else "Whole town"
    return beat.name_en if lang == "en" and beat.name_en else beat.name


def rule_text(feed: str, rule: str, lang: str) -> str:
    """By which rule a reading is a fever, in words."""
    if rule == "device_verdict":
        return "设备判为发热" if lang != "en" else "the device said fever"
    if rule == "device_threshold":
        return "达到设备阈值" if lang != "en" else "at the device's own threshold"
    method, _, site = rule.partition(":")[2].partition("/")
    declared = FEEDS[feed]
    names = [
        _choice(declared.field(name), value, lang) for name, value in (("method", method), ("site", site)) if value
    ]
    named = wording.join([name for name in names if name], lang)
    if lang != "en":
        return f"达到阈值（{named}）" if named else "达到阈值"
    return f"at the threshold ({named.lower()})" if named else "at the threshold"


def _choice(field: Field | None, value: str, lang: str) -> str:
    words = field.choices.get(value) if field else None
    return words.of(lang) if words else value


Texts = tuple[str, str, list[tuple[str, str]]]


def _visit_texts(board: Board, town: str, duty: Duty, lang: str) -> Texts:
    zh = lang != "en"
    name = place_name(board, duty.place)
    missed = f"{name} 未巡" if zh else f"{name} not visited"
    title = missed if duty.group == Group.OVERDUE else name
    nth = ""
    if duty.times > 1:
        nth = f"第 {duty.nth}/{duty.times} 次" if zh else f"visit {duty.nth} of {duty.times}"
    window = f"{wording.clock(duty.since, board.zone)}–{wording.clock(duty.due, board.zone)}"
    sub = wording.join([beat_name(board, duty.beat, lang), window, *([nth] if nth else [])], lang)
    detail = [
        ("时间窗" if zh else "Window", wording.join([window, *([nth] if nth else [])], lang)),
        ("上次到访" if zh else "Last visit", last_visit(board, town, duty.place, lang)),
        ("巡段" if zh else "Beat", beat_name(board, duty.beat, lang)),
    ]
    detail += [("责任组" if zh else "Unit", unit_state(board, town, unit, lang)) for unit in duty.units]
    if not duty.units:
        detail.append(("责任组" if zh else "Unit", "在岗各组" if zh else "every unit on duty"))
    return title, sub, detail


def last_visit(board: Board, town: str, place: str, lang: str) -> str:
    """When a place was last visited and how long ago; or since when it has waited."""
    track = board.track(town)
    gap = next((gap for gap in track.gaps if gap.place == place), None) if track else None
    if gap is None:
        return wording.MISSING
    ago = wording.ago(board.now - gap.since, lang)
    at = wording.moment(gap.since, board.day, board.zone, lang)
    if gap.visited:
        return wording.join([at, ago], lang)
    return f"没有到访记录，自 {at} 起" if lang != "en" else f"no visit on record since {at}"


def unit_state(board: Board, town: str, unit: str, lang: str) -> str:
    """A unit's name, whether it is on duty, and the age of its last fix."""
    zh = lang != "en"
    name = unit_name(board, unit, lang)
    track = board.track(town)
    known = next((found for found in track.units if found.unit == unit), None) if track else None
    if known is None:
        return wording.join([name, "今天未上岗" if zh else "not on duty today"], lang)
    if known.signal:
        state = "有信号" if zh else "signal"
    elif known.on_duty:
        state = "无信号" if zh else "no signal"
    else:
        state = "已下岗" if zh else "off duty"
    texts = [name, state]
    if known.at is not None:
        fix = wording.ago(board.now - known.at, lang)
        texts.append(f"定位 {fix}" if zh else f"fix {fix}")
    return wording.join(texts, lang)


def _fever_texts(board: Board, town: str, duty: Duty, lang: str) -> Texts:
    zh = lang != "en"
    name = place_name(board, duty.place)
    degrees = wording.celsius(duty.milli_celsius)
    burning = duty.own == Group.BURNING
    if zh:
        title = f"{name} {degrees}，{'1 人待复测' if burning else '超 30 分未复测'}"
    else:
        title = f"{name} {degrees}, {'1 person to recheck' if burning else 'not rechecked in 30 min'}"
    case = f"个案 {duty.case}" if zh else f"Case {duty.case}"
    rule = rule_text(duty.feed, duty.rule, lang)
    at = wording.clock(duty.since, board.zone)
    sub = wording.join([case, f"{at} 测得" if zh else f"measured {at}"], lang)
    detail = [
        ("个案" if zh else "Case", duty.case),
        ("卡点" if zh else "Checkpoint", name),
        ("体温" if zh else "Reading", wording.join([degrees, at], lang)),
        ("判定" if zh else "Rule", rule),
        ("复测时限" if zh else "Recheck by", wording.clock(duty.due, board.zone)),
    ]
    return title, sub, detail


def _checkpoint_texts(board: Board, town: str, duty: Duty, lang: str) -> Texts:
    zh = lang != "en"
    name = place_name(board, duty.place)
    waiting = duty.group == Group.SOON
    if waiting:
        title = f"{name} 等待首条读数" if zh else f"{name}: first reading awaited"
    else:
        title = f"{name} 在岗无读数" if zh else f"{name} on duty, no readings"
    hours = board.pack.duty_by_checkpoint.get(duty.place)
    if hours is None or hours.start == hours.end:
        shift = "全天" if zh else "round the clock"
    else:
        start = day_start(board.day, board.zone)
        shift = f"{wording.clock(start + hours.start * 60_000, board.zone)}–{_end(hours.end)}"
    last = _last_reading(board, town, duty, lang)
    sub = wording.join([f"最后读数 {last}" if zh else f"last reading {last}"], lang)
    reading = board.reading(town)
    point = next((found for found in reading.checkpoints if found.checkpoint == duty.place), None) if reading else None
    detail = [
        ("最后读数" if zh else "Last reading", last),
        ("执勤时间" if zh else "Duty hours", shift),
        (
            "今天查验" if zh else "Screened today",
            f"{wording.count(point.screened, lang) if point else wording.MISSING}",
        ),
        ("体温异常" if zh else "Fever", f"{wording.count(point.fever, lang) if point else wording.MISSING}"),
    ]
    return title, sub, detail


def _end(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _last_reading(board: Board, town: str, duty: Duty, lang: str) -> str:
    reading = board.reading(town)
    point = next((found for found in reading.checkpoints if found.checkpoint == duty.place), None) if reading else None
    if point is None or point.last_at is None:
        return "从未上报" if lang != "en" else "never"
    return wording.moment(point.last_at, board.day, board.zone, lang)


def _visit_history(board: Board, town: str, duty: Duty, lang: str) -> list[dict[str, str]]:
    track = board.track(town)
    owed = [judged for judged in track.obligations if judged.place == duty.place] if track else []
    return [_judged(board, judged, lang) for judged in sorted(owed, key=lambda judged: (judged.end, judged.nth))]


def _judged(board: Board, judged: Judged, lang: str) -> dict[str, str]:
    met = f" {wording.clock(judged.met_at, board.zone)}" if judged.met_at is not None else ""
    return {
        "state": str(judged.state),
        "time": f"{wording.clock(judged.start, board.zone)}–{wording.clock(judged.end, board.zone)}",
        "text": f"{STATES[judged.state].of(lang)}{met}",
    }


def _fever_history(board: Board, town: str, duty: Duty, lang: str) -> list[dict[str, str]]:
    reading = board.reading(town)
    found = [fever for fever in reading.fevers if fever.checkpoint == duty.place] if reading else []
    states = {FeverState.PENDING: "soon", FeverState.UNRESOLVED: "lapsed"}
    return [
        {
            "state": states.get(fever.state, "met"),
            "time": wording.clock(fever.at, board.zone),
            "text": wording.join(
                [fever.case, wording.celsius(fever.milli_celsius), FEVER_STATES[fever.state].of(lang)], lang
            ),
        }
        for fever in reversed(found[:8])
    ]


def case_of(board: Board, town: str, duty: Duty) -> casework.Held | None:
    """The case behind a duty."""
    return casework.find(board, FEEDS[duty.feed], duty.case, town)


def steps_of(feed: Feed, case: CaseNow) -> dict[str, Any]:
    """The stages on the way as segments: how many are passed, which is the current one, whether it is stuck."""
    way = [stage.code for stage in casework.spec_of(feed).stages if not stage.ends]
    at = way.index(case.stage) if case.stage in way else len(way)
    return {"passed": at, "all": len(way), "stuck": case.stuck}


def _case_limit(board: Board, duty: Duty, lang: str) -> str:
    """The stated time of a case, or how long it may stand in its stage."""
    zh = lang != "en"
    feed = FEEDS[duty.feed]
    if casework.spec_of(feed).due_field:
        at = wording.moment(duty.due, board.day, board.zone, lang)
        return f"时限 {at}" if zh else f"due {at}"
    hours = wording.decimal((duty.due - duty.since) / HOUR, 0)
    return f"时限 {hours} 小时" if zh else f"limit {hours} h"


def _case_texts(board: Board, town: str, duty: Duty, lang: str) -> Texts:
    zh = lang != "en"
    feed, held = FEEDS[duty.feed], case_of(board, town, duty)
    if held is None:
        return duty.case, "", []
    case = held.case
    stage = casework.stage_words(feed, case).of(lang)
    name = casework.title(feed, held, lang)
    stay = wording.span(board.now - case.since, lang)
    place = place_name(board, duty.place) if duty.place else ""
    parties = case.value("parties")
    people = "" if not parties else f"{parties} 人" if zh else f"{parties} people"
    if duty.said is not None:
        title = f"{name} {duty.said.zh}" if zh else f"{name}: {duty.said.en}"
        sub = wording.join([place, stage], lang)
    elif duty.unassigned:
        title = f"{name} 没有经办人" if zh else f"{name}: nobody has it"
        age = wording.span(board.now - case.opened, lang)
        sub = wording.join([stage, f"已 {age}" if zh else f"for {age}"], lang)
    elif casework.staged(feed):
        over = duty.group == Group.OVERDUE
        title = (f"{name}卡在{stage}" if over else f"{name} {stage}") if zh else f"{name}, {stage.lower()}"
        sub = f"停留 {stay}" if zh else f"for {stay}"
    else:
        title = name
        sub = wording.join([place, people, stage], lang)
    due = wording.moment(duty.due, board.day, board.zone, lang)
    subject = feed.field(feed.subject)
    detail = [
        (subject.words.of(lang) if subject else "", case.case),
        ("环节" if zh else "Stage", wording.join([stage, f"停留 {stay}" if zh else f"for {stay}"], lang)),
        ("时限" if zh else "Limit", due),
        ("责任人" if zh else "Owner", casework.owner(feed, case) or ("未定" if zh else "none yet")),
    ]
    detail += [("当事人" if zh else "Parties", people)] if people else []
    detail += [("地点" if zh else "Place", place)] if place and not casework.staged(feed) else []
    return title, sub, detail


def _case_history(board: Board, town: str, duty: Duty, lang: str) -> list[dict[str, str]]:
    """Every stage it entered, oldest first; the current one by how it stands."""
    held = case_of(board, town, duty)
    if held is None:
        return []
    feed, steps = FEEDS[duty.feed], held.case.steps[-8:]
    current = {Group.OVERDUE: "lapsed", Group.SOON: "soon"}.get(duty.group, "open")
    rows = []
    for nth, step in enumerate(steps):
        stage = casework.spec_of(feed).stage(step.stage)
        rows.append(
            {
                "state": current if nth == len(steps) - 1 else "met",
                "time": wording.moment(step.at, board.day, board.zone, lang),
                "text": stage.words.of(lang) if stage else step.stage,
            }
        )
    return rows


def _round_texts(board: Board, town: str, duty: Duty, lang: str) -> Texts:
    """One row for what all resumed enterprises of a town still owe today."""
    zh = lang != "en"
    count, opened = len(duty.firms), duty.times
    if opened:
        title = f"复工企业 {count} 家待巡" if zh else f"{count} resumed enterprises to visit"
    else:
        title = f"复工企业 {count} 家漏巡" if zh else f"{count} resumed enterprises not visited"
    names = wording.listed([place_name(board, code) for code in duty.firms], lang)
    lapsed = (f"漏巡 {duty.lapsed}" if zh else f"{duty.lapsed} lapsed") if duty.lapsed and opened else ""
    detail = [
        ("家数" if zh else "Enterprises", str(count)),
        (
            "最久未到" if zh else "Longest unvisited",
            wording.listed([place_name(board, c) for c in duty.firms], lang, 8),
        ),
        ("时限" if zh else "By", wording.clock(duty.due, board.zone)),
    ]
    return title, wording.join([names, lapsed], lang), detail


def _no_history(board: Board, town: str, duty: Duty, lang: str) -> list[dict[str, str]]:
    return []


_TEXTS = {
    DutyKind.VISIT: _visit_texts,
    DutyKind.FEVER: _fever_texts,
    DutyKind.CHECKPOINT: _checkpoint_texts,
    DutyKind.CASE: _case_texts,
    DutyKind.ROUND: _round_texts,
}
_HISTORY = {
    DutyKind.VISIT: _visit_history,
    DutyKind.FEVER: _fever_history,
    DutyKind.CHECKPOINT: _no_history,
    DutyKind.CASE: _case_history,
    DutyKind.ROUND: _no_history,
}
