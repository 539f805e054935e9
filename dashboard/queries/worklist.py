"""What is to be done by somebody: the list behind ``/my`` and its files, over every town that the viewer sees.

Pure over a board. Something is mine when an act gave it to me, or when the records name me: the handler of a dispute,
the liaison officer of an enterprise, the leader of a unit whose beat owes the visit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dashboard.access.policy import Permission, allows
from dashboard.access.viewer import Viewer
from dashboard.access.who import actor, is_of
from dashboard.domain.day import day_start
from dashboard.domain.feed import CaseSpec, Words
from dashboard.domain.summary import Act, ActState
from dashboard.feeds import FEEDS
from dashboard.queries import casework, single, wording
from dashboard.queries.acting import act_line, choices, may_act, owner_name, who
from dashboard.queries.asked import Asked
from dashboard.queries.duties import Duty, DutyKind, Group, assigned_cases, due_in
from dashboard.queries.export import Column, Table
from dashboard.queries.rows import duty_row, place_name
from dashboard.queries.standing import standing

if TYPE_CHECKING:
    from dashboard.queries.board import Board

WHOSE = ("me", "free", "held", "")
GROUPS = {
    Group.BURNING: Words("正在告警", "Burning"),
    Group.OVERDUE: Words("已超时", "Overdue"),
    Group.SOON: Words("2 小时内到期", "Due within 2 h"),
    Group.LATER: Words("今天稍后", "Later today"),
    Group.HANDLED: Words("已处理，待记录", "Dealt with, not on record yet"),
}
HEADS = (
    Words("镇（街道）", "Town"),
    Words("类别", "Kind"),
    Words("事项", "What"),
    Words("说明", "Details"),
    Words("状态", "State"),
    Words("责任人", "Owner"),
    Words("起", "Since"),
    Words("时限", "Due"),
    Words("处置", "Action"),
    Words("原因", "Reason"),
    Words("备注", "Note"),
    Words("地点", "Place"),
    Words("事项编号", "Item"),
)
ACT_HEADS = (
    Words("镇（街道）", "Town"),
    Words("时间", "Time"),
    Words("事项", "What"),
    Words("处置", "Action"),
    Words("经办", "By"),
    Words("交给", "To"),
    Words("事项编号", "Item"),
)
ORDER = {group: place for place, group in enumerate(Group)}


class Listed(msgspec.Struct, frozen=True):
    """A duty with the town it is of."""

    town: str
    duty: Duty


def somebody(board: Board, named: str) -> Viewer | None:
    """Another person whose list may be looked at by whoever assigns work: ``P-8013 陆敏`` or ``P-8013``."""
    if not named or not allows(board.viewer, Permission.ASSIGN):
        return None
    code, _, name = named.partition(" ")
    return Viewer(name=name or named, roles=frozenset(), towns=board.viewer.towns, staff=code)


def belongs(board: Board, one: Listed, person: Viewer) -> bool:
    """Whether a duty is a person's: by an act, or else by the records."""
    duty = one.duty
    if duty.standing is not None and duty.standing.state != ActState.OPEN and duty.standing.owner:
        return is_of(person, duty.standing.owner) or _leads(board, duty.standing.owner, person)
    if duty.kind == DutyKind.CASE:
        feed = FEEDS[duty.feed]
        field = duty.owner_field or (feed.archetype.owner_field if isinstance(feed.archetype, CaseSpec) else None)
        held = casework.find(board, feed, duty.case, one.town)
        return bool(field and held is not None and is_of(person, str(held.case.value(field) or "")))
    return any(_leads(board, unit, person) for unit in duty.units)


def _leads(board: Board, unit: str, person: Viewer) -> bool:
    known = board.pack.unit_by_code.get(unit)
    return known is not None and (known.leader == person.name or unit == person.staff)


def listed(board: Board, towns: Sequence[str], whose: str = "", person: Viewer | None = None) -> list[Listed]:
    """Duties of towns in the order of the list. ``whose``: me, free (nobody took it), held (somebody did), ``""``."""
    found: list[Listed] = []
    me = person or board.viewer
    for town in towns:
        duties = due_in(board, town)
        own = [Listed(town, duty) for duty in single.duties(board, duties)]
        if whose == "me":
            assigned = assigned_cases(board, town, duties)
            own += [Listed(town, duty) for duty in single.duties(board, assigned)]
        found += [one for one in own if _wanted(board, one, whose, me)]
    found.sort(key=lambda one: (ORDER[one.duty.group], one.duty.due, one.town, one.duty.key))
    return found


def _wanted(board: Board, one: Listed, whose: str, me: Viewer) -> bool:
    if whose == "me":
        return belongs(board, one, me)
    if whose == "free":
        return not one.duty.taken
    return whose != "held" or one.duty.taken


def acts_of(board: Board, towns: Sequence[str], person: Viewer, since: int) -> list[tuple[str, str, Act]]:
    """(town, item, act) of what a person did since an instant, newest first."""
    found = [
        (town, item, act)
        for town in towns
        for item, held in standing(board, town).items()
        for act in held.history
        if act.at >= since and is_of(person, act.by) and single.item(board, item)
    ]
    return sorted(found, key=lambda one: (-one[2].at, one[1]))


def item_title(board: Board, town: str, item: str, lang: str) -> str:
    """What an item is called once it is on no list any more: from its name alone."""
    zh = lang != "en"
    kind, _, rest = item.partition(":")
    feed, _, key = rest.partition(":")
    declared = FEEDS.get(feed)
    if kind in ("visit", "silence"):
        place = key.split(".")[0]
        word = Words("巡逻", "Visit") if kind == "visit" else Words("卡点", "Checkpoint")
        return f"{word.of(lang)} {place_name(board, place)}"
    if kind == "fever":
        place, _, after = key.partition(".")
        case = after.split(".")[0]
        return f"{place_name(board, place)} 个案 {case}" if zh else f"{place_name(board, place)}, case {case}"
    if kind == "round":
        return "复工企业巡访" if zh else "Round of resumed enterprises"
    if kind in ("case", "owed") and declared is not None:
        code = key.split(".")[0] if kind == "owed" else key
        held = casework.find(board, declared, code)
        return casework.title(declared, held, lang) if held is not None else f"{declared.short.of(lang)} {code}"
    return item


def document(board: Board, lang: str, whose: str = "me", named: str = "", town: str = "") -> dict[str, Any]:
    """Everything that ``/my`` draws."""
    zh, viewer = lang != "en", board.viewer
    person = somebody(board, named) or viewer
    towns = [code for code in board.towns if town in ("", code)]
    found = listed(board, towns, whose, person)
    rows = []
    for number, one in enumerate(found, start=1):
        row = duty_row(board, one.town, one.duty, lang)
        known = board.pack.town_by_code[one.town]
        folded = one.duty.group in (Group.LATER, Group.HANDLED)
        row |= {"number": 0 if folded else number, "town_name": known.name, "town_name_en": known.name_en}
        rows.append(row)
    start = day_start(board.day, board.zone)
    done = [
        act_line(board, where, act, lang)
        | {"title": item_title(board, where, item, lang), "verb": act.verb, "id": act.id, "item": item}
        for where, item, act in acts_of(board, towns, person, start)
    ]
    every = [duty for code in towns for duty in due_in(board, code)] if not viewer.details else []
    left = [one for one in found if one.duty.group != Group.HANDLED]
    late = sum(one.duty.group in (Group.BURNING, Group.OVERDUE) for one in left)
    counted = f"我手上 {len(left)} 件" if zh else f"{len(left)} with me"
    if person is not viewer:
        name = person.name or person.staff
        counted = f"{name} 手上 {len(left)} 件" if zh else f"{len(left)} with {name}"
    headline = [{"text": counted if left else ("手上没有未办的事" if zh else "Nothing to do"), "tone": "plain"}]
    if late:
        headline.append({"text": f"{late} 件已超时" if zh else f"{late} overdue", "tone": "alert"})
    minute = wording.clock(board.now, board.zone)
    return {
        "now": board.now,
        "day": board.day,
        "seq": board.seq,
        "who": {
            "source": viewer.source,
            "name": viewer.name if zh else viewer.name_en or viewer.name,
            "actor": actor(viewer),
            "staff": viewer.staff,
            "may": any(may_act(viewer, code) for code in towns),
            "person": actor(person) if person is not viewer else "",
        },
        "headline": headline,
        "sub": wording.join(
            [
                wording.date_line(board.day, lang),
                f"截至 {minute}" if zh else f"as of {minute}",
                single.unlisted(board, every, lang),
            ],
            lang,
        ),
        "groups": [
            {"key": str(group), "label": words.of(lang), "count": sum(one.duty.group == group for one in found)}
            for group, words in GROUPS.items()
            if any(one.duty.group == group for one in found)
        ],
        "rows": rows,
        "done": done,
        "free": sum(not one.duty.taken for one in listed(board, towns, "free")) if whose == "me" else 0,
        "choices": {code: choices(board, code, lang) for code in sorted({one.town for one in found})},
        "towns": [{"code": code, "name": board.pack.town_by_code[code].name} for code in towns],
    }


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """The live list. It is one for all who may see the same, so it holds nobody's own: that is ``/api/v1/duties``."""
    board, lang = asked.board, asked.lang
    towns = [code for code in board.towns if scope in ("all", code)]
    whose = asked.more.get("who", "")
    found = listed(board, towns, whose if whose in ("free", "held") else "")
    return {"rows": [duty_row(board, one.town, one.duty, lang) for one in found]}


def tables(asked: Asked, scope: str) -> Sequence[Table]:
    """The list as real values: one row a duty, and one row for each act of today."""
    board, lang, more = asked.board, asked.lang, asked.more
    zh = lang != "en"
    towns = [code for code in board.towns if scope in ("all", code)]
    whose = "me" if more.get("who") == "mine" else more.get("who", "")
    found = listed(board, towns, whose, somebody(board, more.get("of", "")))
    wanted = more.get("cat", "")
    rows = []
    for one in found:
        row = duty_row(board, one.town, one.duty, lang)
        if wanted and row["kind"] != wanted:
            continue
        acting = row["acting"] or {}
        rows.append(
            (
                board.pack.town_by_code[one.town].name,
                row["type"],
                row["title"],
                row["sub"],
                GROUPS[one.duty.group].of(lang),
                row["owner"] or None,
                one.duty.since,
                one.duty.due,
                acting.get("word"),
                acting.get("reason") or None,
                acting.get("note") or None,
                place_name(board, one.duty.place) if one.duty.place else None,
                one.duty.item,
            )
        )
    heads = [words.of(lang) for words in HEADS]
    columns = tuple(Column(head, "time" if at in (6, 7) else "text") for at, head in enumerate(heads))
    start = day_start(board.day, board.zone)
    acts = [
        (
            board.pack.town_by_code[town].name,
            act.at,
            item_title(board, town, item, lang),
            act_line(board, town, act, lang)["text"],
            who(board, town, act.by, lang) or None,
            owner_name(board, act.to, lang) or None if act.to else None,
            item,
        )
        for town in towns
        for item, held in standing(board, town).items()
        for act in held.history
        if act.at >= start and single.item(board, item)
    ]
    said = [words.of(lang) for words in ACT_HEADS]
    return (
        Table("duties", "今日事项" if zh else "Due today", columns, rows),
        Table(
            "acts",
            "今日处置" if zh else "Actions today",
            tuple(Column(head, "time" if at == 1 else "text") for at, head in enumerate(said)),
            sorted(acts, key=lambda row: (row[1], row[6])),
        ),
    )


__all__ = ["Listed", "acts_of", "belongs", "document", "item_title", "listed", "somebody", "tables"]
