"""What staff may do about an item and what they did, in words: buttons, who can be given it, and its history.

Pure over a board; shared by the town page, the phone, the handover sheet and the alerts. Staff appear by name to those
who may act or see cases, and as “somebody” to others. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission, allows
from dashboard.access.viewer import Viewer
from dashboard.domain.day import day_start, minute_of
from dashboard.domain.feed import CaseSpec, Words
from dashboard.domain.summary import Act, ActState, Standing
from dashboard.feeds.action import REASONS, VERBS
from dashboard.queries import casework, wording
from dashboard.queries.standing import standing

if TYPE_CHECKING:
    from dashboard.queries.board import Board

STATION = "town:"
"""How an owner begins that is a town's station."""

STATES = {
    ActState.OPEN: Words("未签收", "not taken"),
    ActState.ACKNOWLEDGED: Words("已签收", "taken"),
    ActState.ASSIGNED: Words("已派单", "assigned"),
    ActState.DONE: Words("已标办结", "said done"),
    ActState.POSTPONED: Words("已延期", "postponed"),
}
SAID = {
    "acknowledge": Words("签收", "took it"),
    "assign": Words("派给", "assigned to"),
    "done": Words("标为办结", "said it is done"),
    "handover": Words("移交", "handed over to"),
    "postpone": Words("延期至", "postponed to"),
    "reopen": Words("重开", "opened it again"),
}
MOST_PEOPLE = 60


def may_act(viewer: Viewer, town: str) -> bool:
    """Whether a viewer may do anything about a town's items."""
    return allows(viewer, Permission.ACT, town)


def named(viewer: Viewer, town: str) -> bool:
    """Whether staff stand by name before this viewer."""
    return viewer.details or may_act(viewer, town)


def owner_name(board: Board, owner: str, lang: str) -> str:
    """Who has an item, as people say it: a person's name, a unit with its leader, a town's station."""
    if owner.startswith(STATION):
        town = board.pack.town_by_code.get(owner.removeprefix(STATION))
        if town is None:
            return owner.removeprefix(STATION)
        return f"{town.name_en} station" if lang == "en" else f"{town.name}值班室"
    unit = board.pack.unit_by_code.get(owner)
    if unit is not None:
        name = unit.name_en if lang == "en" and unit.name_en else unit.name
        return f"{name} {unit.leader}".strip()
    return wording.staff(owner)


def who(board: Board, town: str, owner: str, lang: str) -> str:
    """:func:`owner_name` for those who may read it."""
    if not owner:
        return ""
    if named(board.viewer, town):
        return owner_name(board, owner, lang)
    return "已有责任人" if lang != "en" else "somebody has it"


def acting(board: Board, town: str, found: Standing | None, lang: str) -> dict[str, Any] | None:
    """How far people are with an item, as a row shows it; ``None``: nobody has touched it."""
    if found is None or found.state == ActState.OPEN:
        return None
    at = wording.moment(found.since, board.day, board.zone, lang)
    word = f"{STATES[found.state].of(lang)} {at}"
    if found.last.verb == "handover":
        word = f"已移交 {at}" if lang != "en" else f"handed over {at}"
    until = ""
    if found.state == ActState.POSTPONED and found.until is not None:
        until = wording.moment(found.until, board.day, board.zone, lang)
        word = f"延至 {until}" if lang != "en" else f"until {until}"
    return {
        "state": str(found.state),
        "word": word,
        "who": who(board, town, found.owner, lang),
        "owner": found.owner if named(board.viewer, town) else "",
        "since": found.since,
        "until": until,
        "reason": reason_text(found.reason, lang),
        "note": found.note if named(board.viewer, town) else "",
        "last": found.last.id,
    }


def acts_for(
    board: Board, town: str, verbs: Sequence[str], found: Standing | None, lang: str, first: str = ""
) -> list[dict[str, str]]:
    """The buttons of an item for the board's viewer, the one to press first in front; none for those who only read.

    ``first`` goes before what is usual for an item that nobody has: a fever is taken, anything else is given away.
    """
    viewer = board.viewer
    if not may_act(viewer, town):
        return []
    giving = allows(viewer, Permission.ASSIGN, town)
    state = found.state if found is not None else ActState.OPEN
    if state == ActState.DONE:
        order = ["reopen"]
    elif state == ActState.OPEN:
        order = [first or ("assign" if giving else "acknowledge"), "acknowledge", "assign", "done", "postpone"]
        order += ["handover"]
    else:
        order = ["done", "assign", "handover", "postpone", "reopen"]
    allowed = [
        verb for verb in dict.fromkeys(order) if (verb in verbs or verb == "reopen") and (giving or verb != "assign")
    ]
    return [{"verb": verb, "label": VERBS[verb].of(lang)} for verb in allowed]


def reason_text(code: str, lang: str) -> str:
    """Why something was put off."""
    return REASONS[code].of(lang) if code in REASONS else code


def act_line(board: Board, town: str, act: Act, lang: str) -> dict[str, str]:
    """One act of an item's history: when, and who did what."""
    zh = lang != "en"
    by = who(board, town, act.by, lang) or ("值班人员" if zh else "staff")
    said = SAID[act.verb].of(lang) if act.verb in SAID else act.verb
    what = ""
    if act.to:
        what = who(board, town, act.to, lang)
    elif act.verb == "postpone" and act.until is not None:
        what = wording.moment(act.until, board.day, board.zone, lang)
    text = f"{by} {said} {what}".strip() if what else f"{by} {said}"
    more = [reason_text(act.reason, lang), act.note if named(board.viewer, town) else ""]
    return {
        "state": "met" if act.verb == "done" else "open",
        "time": wording.moment(act.at, board.day, board.zone, lang),
        "text": wording.join([text, *more], lang),
    }


def past_of(board: Board, town: str, found: Standing | None, lang: str) -> list[dict[str, str]]:
    """An item's acts, oldest first."""
    return [act_line(board, town, act, lang) for act in (found.history[-8:] if found is not None else ())]


def people(board: Board, town: str, lang: str) -> list[dict[str, Any]]:
    """Who can be given something in a town: units on duty first, the other units, staff with cases, stations."""
    if not may_act(board.viewer, town):
        return []
    zh = lang != "en"
    track = board.track(town)
    on = {unit.unit for unit in track.units if unit.on_duty or unit.signal} if track else set()
    load = _load(board, town)
    units = [unit for unit in board.pack.units if unit.town == town]
    here = [_choice(board, unit.code, load, lang) for unit in units if unit.code in on]
    away = [_choice(board, unit.code, load, lang) for unit in units if unit.code not in on]
    staff = [_choice(board, one, load, lang) for one in _staff(board, town)[:MOST_PEOPLE]]
    own = board.pack.town_by_code.get(town)
    stations = [_choice(board, f"{STATION}{town}", load, lang)] if own else []
    stations += [
        _choice(board, f"{STATION}{other.code}", load, lang) for other in board.pack.towns if other.code != town
    ]
    groups = [
        ("on", "在岗的组" if zh else "Units on duty", here),
        ("staff", "经办人" if zh else "Staff with cases", staff),
        ("off", "不在岗的组" if zh else "Units off duty", away),
        ("station", "值班室" if zh else "Stations", stations),
    ]
    return [{"key": key, "label": label, "choices": choices} for key, label, choices in groups if choices]


def _choice(board: Board, owner: str, load: Counter[str], lang: str) -> dict[str, str]:
    count = load[owner]
    note = "" if not count else f"手上 {count} 件" if lang != "en" else f"has {count}"
    return {"value": owner, "name": owner_name(board, owner, lang), "note": note}


def _load(board: Board, town: str) -> Counter[str]:
    """How many items each has by acts that are not finished."""
    held = standing(board, town).values()
    return Counter(one.owner for one in held if one.owner and one.state not in (ActState.DONE, ActState.OPEN))


def _staff(board: Board, town: str) -> list[str]:
    """Staff who see to open cases of a town, those with most first; and whoever has an item by an act."""
    found: Counter[str] = Counter()
    for feed in board.feeds:
        field = feed.archetype.owner_field if isinstance(feed.archetype, CaseSpec) else None
        if field:
            found.update(
                str(one.case.value(field)) for one in casework.still_open(board, feed, town) if one.case.value(field)
            )
    units = board.pack.unit_by_code
    for one in standing(board, town).values():
        if one.owner and one.owner not in units and not one.owner.startswith(STATION):
            found[one.owner] += 0
    return [name for name, _ in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))]


def choices(board: Board, town: str, lang: str) -> dict[str, Any]:
    """What the dialogs of acting offer: people, reasons, and times to put something off to."""
    return {
        "may": may_act(board.viewer, town),
        "people": people(board, town, lang),
        "reasons": [{"value": code, "name": words.of(lang)} for code, words in REASONS.items()],
        "times": postponements(board, lang),
    }


def postponements(board: Board, lang: str) -> list[dict[str, Any]]:
    """Times to put something off to: in an hour or two, the end of the shift, tomorrow morning."""
    zh, hour = lang != "en", 3_600_000
    minute = minute_of(board.now, board.zone)
    found: list[tuple[int, str]] = [
        (board.now + hour, "1 小时后" if zh else "In 1 h"),
        (board.now + 2 * hour, "2 小时后" if zh else "In 2 h"),
    ]
    shift = board.pack.shift_at(minute)
    if shift is not None:
        end = board.now + ((shift.end - minute) % 1440) * 60_000
        found.append((end // 60_000 * 60_000, "本班结束" if zh else "End of shift"))
    tomorrow = day_start(board.day, board.zone) + 33 * hour
    found.append((tomorrow, "明天 09:00" if zh else "Tomorrow 09:00"))
    found.append((tomorrow + 24 * hour, "后天 09:00" if zh else "In two days 09:00"))
    kept = sorted({at: name for at, name in reversed(found) if at > board.now}.items())
    return [{"at": at, "name": name, "text": wording.moment(at, board.day, board.zone, lang)} for at, name in kept]


__all__ = [
    "SAID",
    "STATES",
    "STATION",
    "acting",
    "acts_for",
    "choices",
    "may_act",
    "named",
    "owner_name",
    "past_of",
    "people",
    "who",
]
