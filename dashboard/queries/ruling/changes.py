"""Changes of rules as the page tells them: one by one, those saved at once together, and the history of one rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.queries import wording
from dashboard.queries.asked import Asked
from dashboard.queries.rules import TABLES, day_text, named, told
from dashboard.queries.ruling.picture import MOST_CHANGES, Line, Picture


def told_change(picture: Picture, line: Line) -> dict[str, Any]:
    one, lang, zh = line.change, picture.lang, picture.zh
    assert one is not None  # noqa: S101 - only lines of changes come here
    town = picture.pack.town_by_code.get(line.town)
    ahead = one.valid_from > picture.day
    fate = line.states[0]
    if fate == "taken":
        state = "已取消" if zh else "taken back"
        if not ahead and one.known_at is not None:
            state = "已恢复" if zh else "restored"
    elif one.known_at is None:
        state = "等待生效" if zh else "waiting"
    elif ahead:
        state = "已排定" if zh else "scheduled"
    else:
        state = "已生效" if zh else "in force"
    return {
        "number": one.change,
        "id": line.id,
        "at": wording.moment(one.at, picture.day, picture.board.zone, lang),
        "who": one.who,
        "kind": TABLES[one.kind].of(lang) if one.kind in TABLES else one.kind,
        "name": line.name,
        "town_name": town.name if town else "",
        "before": told(one.kind, one.key, one.before, lang, picture.pack),
        "after": told(one.kind, one.key, one.after, lang, picture.pack),
        "day": one.valid_from,
        "from": day_text(one.valid_from, picture.day, lang),
        "reason": one.reason,
        "state": state,
        "fate": fate,
        "ahead": ahead,
        "undoes": one.undoes,
        "version": one.version,
        "edit": picture.may(one.kind, line.town) and fate != "taken",
        "of": picture.sizes[one.change],
    }


def together(picture: Picture, changes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for what was saved at once: that is also what can be taken back at once."""
    found: dict[int, list[dict[str, Any]]] = {}
    for one in changes:
        found.setdefault(one["number"], []).append(one)
    return [_as_one(picture, members) for members in found.values()]


def _as_one(picture: Picture, members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first, n = members[0], len(members)
    if n == 1:
        return first
    names = [one["name"] for one in members]
    befores, towns = {one["before"] for one in members}, list(dict.fromkeys(one["town_name"] for one in members))
    before = first["before"] if len(befores) == 1 else ("各不相同" if picture.zh else "various")
    afters = {one["after"] for one in members}
    return first | {
        "name": f"{first['kind']}：{wording.listed(names, picture.lang, 2)}"
        if picture.zh
        else f"{first['kind']}: {wording.listed(names, picture.lang, 2)}",
        "before": before,
        "after": first["after"] if len(afters) == 1 else ("各不相同" if picture.zh else "various"),
        "town_name": wording.listed([town for town in towns if town], picture.lang, 2),
        "edit": all(one["edit"] for one in members),
    }


def scheduled(picture: Picture) -> list[dict[str, Any]]:
    """Changes whose day is still to come and that nobody has taken back, the soonest first."""
    found = [
        told_change(picture, line)
        for line in every_change(picture)
        if line.change is not None and line.change.valid_from > picture.day and line.states == ("scheduled",)
    ]
    # A change that takes another one back is no change of its own: the rule stays what it was.
    own = together(picture, [one for one in found if one["undoes"] is None])
    return sorted(own, key=lambda one: (one["day"], -one["number"]))


def every_change(picture: Picture) -> list[Line]:
    return [
        Line("changes", one.kind, one.key, "", one.town or "", picture.fate(one),
             named(one.kind, one.key, picture.pack, picture.lang, one.after or one.before), one.who, one)
        for one in picture.changes[:MOST_CHANGES]
    ]  # fmt: skip


def detail(asked: Asked, scope: str) -> dict[str, Any]:
    """The history of one rule."""
    picture = Picture(asked)
    table, _, key = asked.open.partition("/")
    line = next((one for one in picture.lines() if one.part != "changes" and one.id == asked.open), None)
    changes = [one for one in every_change(picture) if (one.table, one.key) == (table, key)]
    if line is None and not changes:
        return {}
    zh, lang = picture.zh, picture.lang
    found = line or changes[0]
    town = picture.pack.town_by_code.get(found.town)
    since, later = picture.since(table, key), picture.next(table, key)
    since_text = day_text(since, picture.day, lang) if since else ("一开始" if zh else "the start")
    rows = [
        {"head": "现值" if zh else "In force", "text": picture.value(table, key)},
        {"head": "自" if zh else "Since", "text": since_text},
    ]
    if later:
        text = f"{told(table, key, later[1], lang, picture.pack)}，{day_text(later[0], picture.day, lang)}起"
        if not zh:
            text = f"{told(table, key, later[1], lang, picture.pack)} from {day_text(later[0], picture.day, lang)}"
        rows.append({"head": "接下来" if zh else "Next", "text": text})
    rows.append({"head": "键" if zh else "Key", "text": key})
    items = [_history_item(picture, one) for one in changes]
    return {
        "drawer": {
            "key": asked.open,
            "over": wording.join([TABLES[table].of(lang), town.name if town else ""], lang),
            "title": found.name,
            "facts": "",
            "rows": rows,
            "sections": [
                {
                    "title": f"{'改动' if zh else 'Changes'} {len(items)}",
                    "items": items,
                    "empty": "还没有人改过" if zh else "Nobody has changed it",
                }
            ],
            "links": [],
            "foot": "每次改动都留有记录，不能删除" if zh else "Every change is kept and cannot be removed",
        }
    }


def _history_item(picture: Picture, line: Line) -> dict[str, Any]:
    one = told_change(picture, line)
    if picture.zh:
        text = f"{one['who']}：{one['before']} → {one['after']}，{one['from']}起（{one['state']}）。{one['reason']}"
    else:
        text = f"{one['who']}: {one['before']} → {one['after']} from {one['from']} ({one['state']}). {one['reason']}"
    tone = "muted" if one["fate"] == "taken" else ""
    return {"state": "", "time": one["at"], "text": text, "tone": tone}
