"""The town page: what is not done today, where it is, who walks there, and every figure of the declared feeds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.day import HOUR, MINUTE, day_start, minute_of, shift_day
from dashboard.domain.feed import CaseSpec, Feed, Kpi, Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.place import PlaceKind
from dashboard.domain.summary import FeverState, ObligationState, ReadingSummary
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries import casework, single, wording
from dashboard.queries.acting import choices
from dashboard.queries.alerting import groups as alerting
from dashboard.queries.alerting.life import State
from dashboard.queries.duties import UNNUMBERED, Duty, DutyKind, Group, Tally, due_in, firm_visits, tallies
from dashboard.queries.explain import explanation, parts_text, value_text
from dashboard.queries.figures import figures_of
from dashboard.queries.linked import words_of
from dashboard.queries.onduty import on_duty
from dashboard.queries.rows import beat_name, duty_row, unit_name
from dashboard.queries.status import Status, status_of, status_word
from dashboard.queries.timeline import timeline
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

OLD = (Freshness.STALE, Freshness.SILENT)

CARDS = {
    DutyKind.VISIT: (Words("巡逻点", "Patrol points"), Words("件未办", "to do"), Words("已巡", "visited")),
    DutyKind.FEVER: (Words("体温随访", "Fever follow-up"), Words("件未办", "to do"), Words("已办", "done")),
    DutyKind.CHECKPOINT: (Words("卡点", "Checkpoints"), Words("个无读数", "silent"), Words("在线", "online")),
    DutyKind.ROUND: (Words("企业巡访", "Enterprise visits"), Words("件未办", "to do"), Words("已巡", "visited")),
}

GROUPS = {
    Group.BURNING: (Words("正在告警", "Burning"), Words("", "")),
    Group.OVERDUE: (Words("已超时", "Overdue"), Words("按超时长短", "longest first")),
    Group.SOON: (Words("2 小时内到期", "Due within 2 h"), Words("按时限", "by limit")),
    Group.LATER: (Words("今天稍后", "Later today"), Words("按时限", "by limit")),
    Group.HANDLED: (
        Words("已处理，待记录", "Dealt with, not on record yet"),
        Words("以记录为准", "the records decide"),
    ),
}

WEEK = (
    "enterprise_resumed",
    "patrol_coverage",
    "fever_count",
    "dispute_open",
    "screened",
    "distance_km",
)
"""Figures worth seven days of one town; those of feeds that are not declared are left out."""

WEEK_LENGTH = 4

BESIDE_MAP = {
    "overdue": Words("超时", "Overdue"),
    "soon": Words("2 小时内", "Within 2 h"),
    "open": Words("未巡", "Not visited"),
    "met": Words("已巡", "Visited"),
    "unobservable": Words("未判", "Unobservable"),
    "unit": Words("巡逻组", "Unit"),
    "checkpoint": Words("卡点", "Checkpoint"),
}


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Everything the town page draws. ``scope`` is a town's code; one the viewer may not see gives an empty page."""
    if scope not in board.towns or board.pack.town_by_code.get(scope) is None:
        return {"missing": True}
    duties = due_in(board, scope)
    listed = single.duties(board, duties)
    counted = tallies(board, scope, duties)
    return {
        "missing": False,
        "town": _town(board, scope),
        "headline": headline(board, scope, duties, lang),
        "sub": sub_line(board, lang, single.unlisted(board, duties, lang)),
        "alerts": _alerts(board, scope, lang),
        "progress": _progress(counted, lang),
        "cards": [_card(board, scope, tally, lang) for tally in counted],
        "groups": _groups(listed, lang),
        "rows": [duty_row(board, scope, duty, lang) for duty in listed],
        "empty": _empty(board, scope, listed, lang),
        "choices": choices(board, scope, lang),
        "on_duty": _on_duty_line(board, scope, lang),
        "map": _map(board, scope, listed, lang),
        "shift": _shift(board, scope, lang),
        "figures": [_panel(board, scope, feed, lang) for feed in _ordered(board, scope)],
        "week": _week(board, scope, lang),
        "checkpoints": _checkpoints(board, scope, lang),
        "hourly": _hourly(board, scope, lang),
    }


def _alerts(board: Board, scope: str, lang: str) -> dict[str, str] | None:
    """Alerts of the town that are not over, as one line with a link to them; ``None`` without any."""
    own = [one for one in alerting.current(board) or [] if one.active and one.town == scope]
    if not own:
        return None
    free = [one for one in own if one.state == State.OPEN]
    tone = "alert" if any(one.severity == "alert" for one in free) else "watch" if free else ""
    if lang == "en":
        text = f"{len(own)} alert{'' if len(own) == 1 else 's'}" + (f", {len(free)} not taken" if free else "")
    else:
        text = f"告警 {len(own)} 件" + (f"，{len(free)} 件未签收" if free else "")
    return {"text": text, "tone": tone, "href": f"/alerts?town={scope}{'&lang=en' if lang == 'en' else ''}"}


def _on_duty_line(board: Board, scope: str, lang: str) -> str:
    """Who is on now, in one line; empty where nothing is known of the day."""
    found = on_duty(board, scope, lang)
    if not found:
        return ""
    named = [f"{one['name']}（{one['text']}）" if lang != "en" else f"{one['name']} ({one['text']})" for one in found]
    rest = len(named) - 6
    text = ("、" if lang != "en" else ", ").join(named[:6])
    if rest > 0:
        text += f" 等 {len(named)} 个" if lang != "en" else f" and {rest} more"
    return f"在岗：{text}" if lang != "en" else f"On duty: {text}"


def _town(board: Board, scope: str) -> dict[str, str]:
    town = board.pack.town_by_code[scope]
    return {"code": town.code, "name": town.name, "name_en": town.name_en}


def _reported(board: Board, scope: str) -> bool:
    return any(scope in board.reported(feed.name)[0] for feed in board.feeds)


def headline(board: Board, scope: str, duties: tuple[Duty, ...], lang: str) -> list[dict[str, str]]:
    """The answer in at most three clauses. ``tone`` is ``plain``, ``alert`` or ``stale``."""
    zh = lang != "en"
    groups = Counter(duty.group for duty in duties)
    burning, over = groups[Group.BURNING], groups[Group.OVERDUE]
    if not _reported(board, scope):
        name = board.pack.town_by_code[scope].name
        said = [{"text": f"{name}今天未报" if zh else f"{name}: nothing reported today", "tone": "stale"}]
        if duties:
            said.append(
                {
                    "text": f"{len(duties)} 件到期情况未知" if zh else f"{len(duties)} due, state unknown",
                    "tone": "stale",
                }
            )
        return said
    if not duties:
        return [{"text": "今天的事项已全部办完" if zh else "Everything due today is done", "tone": "plain"}]
    count = len(duties)
    said = [
        {
            "text": f"今天还有 {count} 件未办"
            if zh
            else f"{count} {'item' if count == 1 else 'items'} still to do today",
            "tone": "plain",
        }
    ]
    if burning:
        said.append({"text": f"{burning} 件正在告警" if zh else f"{burning} burning", "tone": "alert"})
    if over:
        said.append({"text": f"{over} 件已超时" if zh else f"{over} overdue", "tone": "alert"})
    if not burning and not over:
        said.append({"text": "没有告警和超时" if zh else "nothing burning or overdue", "tone": "plain"})
    return said


def sub_line(board: Board, lang: str, further: str = "") -> dict[str, str]:
    """Date, shift, time to handover, as-of, what else is said; ``short`` leaves out date and shift, for phones."""
    zh = lang != "en"
    minute = minute_of(board.now, board.zone)
    texts = [wording.date_line(board.day, lang)]
    shift = board.pack.shift_at(minute)
    if shift is not None:
        name = shift.name if zh else shift.name_en or shift.name
        texts.append(f"{name} {_clock(shift.start)}–{_clock(shift.end)}")
        left = wording.span((shift.end - minute) % (24 * 60) * MINUTE, lang)
        texts.append(f"距交班 {left}" if zh else f"handover in {left}")
    texts += [wording.as_of(board.now, board.zone, lang), further]
    return {"text": wording.join(texts, lang), "short": wording.join(texts[2:] or texts, lang)}


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _progress(counted: tuple[Tally, ...], lang: str) -> dict[str, Any]:
    known = [tally for tally in counted if tally.total is not None]
    done, total = sum(tally.done or 0 for tally in known), sum(tally.total or 0 for tally in known)
    word = "已办" if lang != "en" else "done"
    return {"done": done, "total": total, "text": f"{word} {done}/{total}" if total else f"{word} {wording.MISSING}"}


def category_words(kind: DutyKind, feed: Feed) -> tuple[Words, Words, Words]:
    """(name, unit of what is undone, word for what is done) of a card; a case feed's are made of its own words."""
    if kind != DutyKind.CASE:
        return CARDS[kind]
    unit = feed.kpis[0].measure.zh if feed.kpis else "件"
    dated = isinstance(feed.archetype, CaseSpec) and feed.archetype.due_field
    name = feed.short if dated else Words(f"{feed.short.zh}审核", feed.short.en)
    return name, Words(f"{unit}未办", "to do"), Words("已办", "done")


def _card(board: Board, scope: str, tally: Tally, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    feed = FEEDS[tally.feed]
    label, unit, done_word = category_words(tally.kind, feed)
    freshness, received = board.freshness(tally.feed, scope)
    known = tally.total is not None
    over = ""
    if tally.burning:
        over = f"{tally.burning} 告警" if zh else f"{tally.burning} burning"
    elif tally.overdue:
        over = f"{tally.overdue} 超时" if zh else f"{tally.overdue} overdue"
    note = ""
    if tally.unobservable:
        note = f"未判 {tally.unobservable}" if zh else f"{tally.unobservable} unobservable"
    done = f"{done_word.of(lang)} {tally.done}/{tally.total}" if known else wording.not_reported(lang)
    beside = firm_visits(board, scope) if tally.kind == DutyKind.VISIT else None
    return {
        "kind": tally.feed if tally.kind == DutyKind.CASE else str(tally.kind),
        "feed": tally.feed,
        "icon": "gate" if tally.kind == DutyKind.CHECKPOINT else feed.icon,
        "colour": feed.colour,
        "label": label.of(lang),
        "undone": wording.MISSING if tally.undone is None else wording.count(tally.undone, lang),
        "value": tally.undone,
        "unit": unit.of(lang) if known else "",
        "done": done,
        "ratio": f"{tally.done}/{tally.total}" if known else "",
        "beside": _beside_words(beside, scope, lang) if beside else None,
        "note": note,
        "over": over,
        "share": (tally.done or 0) / tally.total if tally.total else None,
        "old": freshness in OLD,
        "received": received,
        "freshness": str(freshness),
    }


def _beside_words(visits: tuple[int, int], scope: str, lang: str) -> dict[str, str]:
    """What resumed enterprises owe: another total than the patrol points', on a page of its own."""
    met, owed = visits
    text = f"复工企业已巡 {met}/{owed}" if lang != "en" else f"enterprises visited {met}/{owed}"
    return {"text": text, "href": f"/patrols?town={scope}&target=enterprise"}


def _groups(duties: tuple[Duty, ...], lang: str) -> list[dict[str, Any]]:
    zh = lang != "en"
    groups = []
    for group, (label, order) in GROUPS.items():
        found = [duty for duty in duties if duty.group == group]
        if not found:
            continue
        note = order.of(lang)
        if group == Group.LATER:
            kinds = Counter((duty.kind, duty.feed) for duty in found)
            note = wording.join(
                [f"{category_words(kind, FEEDS[feed])[0].of(lang)} {count}" for (kind, feed), count in kinds.items()],
                lang,
            )
        count = f"{len(found)} 件" if zh else f"{len(found)}"
        groups.append({"key": str(group), "label": label.of(lang), "count": count, "note": note})
    return groups


def _empty(board: Board, scope: str, duties: tuple[Duty, ...], lang: str) -> dict[str, str]:
    """What stands in the list when nothing burns, is over or is due soon, with the next thing that falls due."""
    zh = lang != "en"
    if not _reported(board, scope) and not duties:
        return {"title": "今天还没有收到这个镇的记录" if zh else "No record of this town has come today", "text": ""}
    later = [duty for duty in duties if duty.group == Group.LATER]
    if later:
        title = "2 小时内没有到期的事项" if zh else "Nothing falls due within 2 h"
        at, name = wording.clock(later[0].due, board.zone), duty_row(board, scope, later[0], lang)["title"]
        return {"title": title, "text": f"下一件 {at}：{name}" if zh else f"Next at {at}: {name}"}
    title = "今天的事项已全部办完" if zh else "Everything due today is done"
    rules = [rule for rule in board.pack.visit_rules if _town_of(board, rule.place) == scope]
    if not rules:
        return {"title": title, "text": ""}
    first = min(rules, key=lambda rule: (rule.end, rule.start))
    owed = sum(rule.times for rule in rules if (rule.start, rule.end) == (first.start, first.end))
    tomorrow = day_start(shift_day(board.day, 1), board.zone) + first.end * MINUTE
    when = wording.moment(tomorrow, board.day, board.zone, lang)
    return {"title": title, "text": f"下一批 {when} 到期，{owed} 处" if zh else f"Next: {owed} points due {when}"}


def _town_of(board: Board, place: str) -> str | None:
    known = board.place(place)
    return known.town if known else None


def _map(board: Board, scope: str, duties: tuple[Duty, ...], lang: str) -> dict[str, Any]:
    """Points, units, checkpoints and numbered pins; the same numbers as the list."""
    pins = []
    for duty in duties:
        place = board.place(duty.place)
        lon, lat = (place.lon, place.lat) if place is not None and place.lon is not None else (duty.lon, duty.lat)
        if duty.group in UNNUMBERED or lon is None:
            continue
        pins.append(
            {
                "key": duty.key,
                "kind": duty.category,
                "number": duty.number,
                "shape": "due" if duty.group == Group.SOON else "alert",
                "place": duty.place,
                "lon": lon,
                "lat": lat,
            }
        )
    return {
        "points": _points(board, scope, lang),
        "units": _units(board, scope, lang),
        "checkpoints": _gates(board, scope, lang),
        "pins": pins,
        "legend": {key: words.of(lang) for key, words in BESIDE_MAP.items()},
        "approximate": ("界线为近似" if lang != "en" else "approximate boundary") if board.pack.approximate else "",
    }


_WORST = (ObligationState.LAPSED, ObligationState.OPEN, ObligationState.UNOBSERVABLE, ObligationState.MET)


def _points(board: Board, scope: str, lang: str) -> list[dict[str, Any]]:
    """Every patrol point once, in the worst state of what it owes today."""
    track = board.track(scope)
    states: dict[str, set[ObligationState]] = {}
    for judged in track.obligations if track else ():
        states.setdefault(judged.place, set()).add(judged.state)
    found = []
    for place in board.pack.places_of(scope, PlaceKind.PATROL_POINT):
        if place.lon is None:
            continue
        owed = states.get(place.code, set())
        state = next((str(state) for state in _WORST if state in owed), "none")
        found.append({"place": place.code, "name": place.name, "lon": place.lon, "lat": place.lat, "state": state})
    return found


def _units(board: Board, scope: str, lang: str) -> list[dict[str, Any]]:
    track = board.track(scope)
    return [
        {
            "unit": unit.unit,
            "name": unit_name(board, unit.unit, lang),
            "lon": unit.lon,
            "lat": unit.lat,
            "heading": unit.heading,
            "signal": unit.signal,
            "at": unit.at,
            "trail": [[round(lon, 5), round(lat, 5)] for _, lon, lat in unit.trail],
        }
        for unit in (track.units if track else ())
        if unit.lon is not None and (unit.on_duty or unit.signal)
    ]


def _gates(board: Board, scope: str, lang: str) -> list[dict[str, Any]]:
    reading = board.reading(scope)
    now = {point.checkpoint: point for point in reading.checkpoints} if reading else {}
    found = []
    for place in board.pack.places_of(scope, PlaceKind.CHECKPOINT):
        if place.lon is None:
            continue
        point = now.get(place.code)
        state = "unknown" if point is None else "online" if point.online else "offline" if point.on_duty else "off_duty"
        found.append({"place": place.code, "name": place.name, "lon": place.lon, "lat": place.lat, "state": state})
    return found


def _shift(board: Board, scope: str, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    day = timeline(board, scope)
    start = day_start(board.day, board.zone)
    rows = []
    for row in day.rows:
        name = beat_name(board, row.beat, lang)
        if row.beat is None and not row.total:
            name = "未编入巡段" if zh else "No beat"
        rows.append(
            {
                "beat": row.beat or "",
                "name": name,
                "units": wording.join([unit_name(board, lane.unit, lang) for lane in row.lanes], lang),
                "lanes": [
                    {
                        "unit": lane.unit,
                        "bands": [[band.kind, band.start - start, band.end - start] for band in lane.bands],
                    }
                    for lane in row.lanes
                ],
                "visits": [at - start for at in row.visits],
                "dues": [[due.at - start, due.state, due.count] for due in row.dues],
                "met": row.met,
                "total": row.total,
                "text": f"{row.met}/{row.total}" if row.total else wording.MISSING,
                "label": _shift_label(name, row.met, row.total, row.dues, lang),
            }
        )
    step = 2 if (day.end - day.start) <= 14 * HOUR else 4
    first = (day.start - start) // HOUR
    last = (day.end - start) // HOUR
    return {
        "from": day.start - start,
        "to": day.end - start,
        "now": board.now - start,
        "clock": wording.clock(board.now, board.zone),
        "ticks": [
            [hour * HOUR, f"{hour}:00" if hour in (first, last) else str(hour)] for hour in range(first, last + 1, step)
        ],
        "rows": rows,
        "legend": {
            "moving": "行进" if zh else "Moving",
            "standing": "驻留" if zh else "Standing",
            "silent": "无信号" if zh else "No signal",
            "lapsed": "漏巡" if zh else "Lapsed",
        },
        "empty": "" if rows else ("今日暂无巡逻记录" if zh else "No patrol record today"),
    }


def _shift_label(name: str, met: int, total: int, dues: tuple[Any, ...], lang: str) -> str:
    lapsed = sum(due.count for due in dues if due.state == "lapsed")
    if lang != "en":
        return f"{name}，应巡 {total}，已巡 {met}，漏巡 {lapsed}"
    return f"{name}: {total} owed, {met} met, {lapsed} lapsed"


def _panel(board: Board, scope: str, feed: Feed, lang: str) -> dict[str, Any]:
    freshness, received = board.freshness(feed.name, scope)
    return {
        "feed": feed.name,
        "label": feed.words.of(lang),
        "icon": feed.icon,
        "colour": feed.colour,
        "freshness": str(freshness),
        "received": received,
        "late": feed.limits.late,
        "stale": feed.limits.stale,
        "tiles": [_tile(board, scope, feed, kpi, lang) for kpi in feed.kpis],
    }


def _tile(board: Board, scope: str, feed: Feed, kpi: Kpi, lang: str) -> dict[str, Any]:
    """One figure with its parts, comparison, status, and the help behind its ⓘ."""
    figure = board.figure(kpi.key, scope)
    value, unit = value_text(figure, kpi, lang)
    status = status_of(figure, kpi)
    return {
        "kpi": kpi.key,
        "town": scope,
        "label": kpi.words.of(lang),
        "value": value,
        "unit": unit,
        "raw": figure.value,
        "freshness": str(figure.freshness),
        "status": str(status),
        "status_word": wording.not_reported(lang)
        if figure.value is None and status == Status.SILENT
        else status_word(status, lang),
        "parts": _cells(board, scope, feed, kpi, lang) or parts_text(figure, kpi, board, lang),
        "delta": _delta(board, figure, kpi, scope, lang),
        "help": explanation(figure, feed, kpi, board, lang),
    }


def _ordered(board: Board, scope: str) -> list[Feed]:
    """The feeds that are streamed first, then the others as they are declared; those from which nothing comes last."""
    return sorted(
        board.feeds, key=lambda feed: (board.freshness(feed.name, scope)[0] == Freshness.SILENT, not feed.core)
    )


MIXED = ("target", "age", "stage")
"""What a count is told apart by on its tile: the whole alone would be read against figures of one part."""


def _cells(board: Board, scope: str, feed: Feed, kpi: Kpi, lang: str) -> str:
    """``必巡点 45·复工企业 378``: the parts of a count, where they add up to it."""
    if kpi.unit != "count" or kpi.breakdown is None:
        return ""
    found = figures_of(feed, kpi, board.summaries(feed.name), scope, board.now, breakdowns=True)[1:]
    texts = []
    for cell in found:
        ((field, value), *more) = cell.dims.items()
        if more or field not in MIXED:
            return ""
        if field == "stage":
            name = casework.stage_named(feed, value).words.of(lang)
        else:
            name = words_of(feed, field, value, lang)
        if cell.value or cell.suppressed:
            texts.append(f"{name} {value_text(cell, kpi, lang)[0]}")
    return wording.join(texts, lang)


def _delta(board: Board, figure: Figure, kpi: Kpi, scope: str, lang: str, short: bool = False) -> str:
    before = board.yesterday(kpi.key, scope)
    if figure.value is None or before.value is None:
        return ""
    said = wording.delta(figure.value, before.value, kpi, lang, short=short and kpi.unit != "ratio")
    if short:
        return said
    return f"较昨日此时 {said}" if lang != "en" else f"{said} vs same time yesterday"


def _week(board: Board, scope: str, lang: str) -> list[dict[str, Any]]:
    found = []
    for key in [key for key in WEEK if key in KPIS][:WEEK_LENGTH]:
        _, kpi = KPIS[key]
        today = board.figure(key, scope)
        value, unit = value_text(today, kpi, lang)
        past = board.days(key, scope, 6)
        found.append(
            {
                "kpi": key,
                "town": scope,
                "label": kpi.words.of(lang),
                "value": value,
                "unit": unit,
                "raw": today.value,
                "freshness": str(today.freshness),
                "old": today.freshness in OLD,
                "delta": _delta(board, today, kpi, scope, lang, short=True),
                "values": [*(figure.value for _, figure in past), today.value],
                "days": [*(wording.day(day, lang) for day, _ in past), wording.day(board.day, lang)],
                "texts": [
                    *(wording.join_unit(*value_text(figure, kpi, lang)) for _, figure in past),
                    wording.join_unit(value, unit),
                ],
            }
        )
    return found


CHECKPOINT_STATES = {
    "online": (Words("在线", "Online"), "ok"),
    "offline": (Words("离线", "Offline"), "alert"),
    "off_duty": (Words("不在岗", "Off duty"), "none"),
    "unknown": (Words("未报", "Not reported"), "stale"),
}


def _checkpoints(board: Board, scope: str, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    reading = board.reading(scope)
    freshness, _ = board.freshness("temperature", scope) if "temperature" in FEEDS else (Freshness.SILENT, None)
    return {
        "title": "卡点" if zh else "Checkpoints",
        "heads": ["卡点", "状态", "最后读数", "查验", "异常", "设备偏差"]
        if zh
        else ["Checkpoint", "State", "Last", "Screened", "Fever", "Drift"],
        "old": freshness in OLD,
        "rows": [_checkpoint_row(board, reading, code, lang) for code in _gate_codes(board, scope, reading)],
        "empty": "本镇没有卡点" if zh else "No checkpoint in this town",
    }


def _gate_codes(board: Board, scope: str, reading: ReadingSummary | None) -> list[str]:
    codes = [place.code for place in board.pack.places_of(scope, PlaceKind.CHECKPOINT)]
    named = [point.checkpoint for point in reading.checkpoints] if reading else []
    return [*codes, *(code for code in named if code not in codes)]


def _checkpoint_row(board: Board, reading: ReadingSummary | None, code: str, lang: str) -> dict[str, Any]:
    point = next((found for found in reading.checkpoints if found.checkpoint == code), None) if reading else None
    state = "unknown" if point is None else "online" if point.online else "offline" if point.on_duty else "off_duty"
    words, shape = CHECKPOINT_STATES[state]
    drifts = [drift for drift in (reading.drifts if reading else ()) if drift.checkpoint == code]
    worst = max(drifts, key=lambda drift: abs(drift.milli), default=None)
    pending = [
        fever
        for fever in (reading.fevers if reading else ())
        if fever.checkpoint == code and fever.state == FeverState.PENDING
    ]
    limit = _drift_limit()
    place = board.place(code)
    return {
        "place": code,
        "name": place.name if place else code,
        "name_en": place.name_en if place else "",
        "provisional": bool(place and place.provisional),
        "state": state,
        "shape": shape,
        "word": words.of(lang),
        "last": wording.ago(board.now - point.last_at, lang)
        if point and point.last_at is not None
        else wording.MISSING,
        "last_at": point.last_at if point else None,
        "screened": wording.count(point.screened, lang) if point else wording.MISSING,
        "fever": wording.count(point.fever, lang) if point else wording.MISSING,
        "pending": len(pending),
        "drift": wording.signed(worst.milli / 1000, 2) + " ℃" if worst else wording.MISSING,
        "drift_device": wording.device(worst.device, place.town if place else "") if worst else "",
        "drift_device_full": worst.device if worst else "",
        "drift_over": bool(worst and limit is not None and abs(worst.milli) / 1000 > limit),
    }


def _drift_limit() -> float | None:
    found = KPIS.get("device_drift")
    return found[1].watch_above if found else None


def _hourly(board: Board, scope: str, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    reading = board.reading(scope)
    today = board.hourly(scope, board.day) if reading else []
    before = board.hourly(scope, shift_day(board.day, -1))
    hour = minute_of(board.now, board.zone) // 60
    fevers = [
        {
            "minute": minute_of(fever.at, board.zone),
            "pending": fever.state in (FeverState.PENDING, FeverState.UNRESOLVED),
        }
        for fever in (reading.fevers if reading else ())
    ]
    peak = max(range(len(today)), key=lambda at: today[at]) if any(today) else None
    freshness, received = board.freshness("temperature", scope) if "temperature" in FEEDS else (Freshness.SILENT, None)
    old = freshness in OLD
    return {
        "title": "每小时查验" if zh else "Screened per hour",
        "today": list(today),
        "yesterday": list(before),
        "hour": hour,
        "minute": minute_of(board.now, board.zone),
        "old_from": minute_of(received, board.zone)
        if old and received is not None and received >= day_start(board.day, board.zone)
        else (0 if old else None),
        "peak": peak,
        "peak_text": wording.count(today[peak], lang) if peak is not None else "",
        "ticks": [[at, f"{at} 时" if zh else f"{at}:00"] for at in (0, 6, 12, 18, 24)],
        "fevers": fevers,
        "legend": {
            "today": "今天" if zh else "Today",
            "yesterday": "昨天" if zh else "Yesterday",
            "fever": "体温异常" if zh else "Fever",
            "pending": "未复测" if zh else "Unresolved",
        },
        "empty": "" if any(today) else ("今日暂无记录" if zh else "No record today"),
        "label": _hourly_label(today, peak, lang),
    }


def _hourly_label(today: list[int], peak: int | None, lang: str) -> str:
    if peak is None:
        return "今日暂无记录" if lang != "en" else "No record today"
    total, top = wording.count(sum(today), lang), wording.count(today[peak], lang)
    if lang != "en":
        return f"今天查验 {total} 人次，{peak} 时最多，{top} 人次"
    return f"{total} checks today, most at {peak}:00 with {top}"


# On the beat too: comparisons are computed in the background, and nothing else says that they are ready.
VIEW = View("town", build, clock_only=True, needs=Permission.FIGURES, cases=True)
