"""One declaration's decision, explained: which rules applied, which row of the risk table, as of when, who overruled.

The rule is :func:`dashboard.domain.sorting.decide` and nothing else; here it is put into words, for now and for every
moment at which it changed: when a record of the declaration came, and when another table came into force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dashboard.domain.day import day_of, day_start
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed
from dashboard.domain.place import RegionPack, RegionRisk
from dashboard.domain.sorting import Decision, Ground, decide
from dashboard.queries import wording
from dashboard.queries.linked import words_of
from dashboard.queries.rules import day_text, told

if TYPE_CHECKING:
    from dashboard.queries.board import Board

FEED = "declaration"


class Moment(msgspec.Struct, frozen=True):
    """What was decided from a moment on, and why it was looked at: a ``record``, or the ``table``."""

    at: int
    why: str
    decision: Decision
    fields: dict[str, Any]


def records_of(board: Board, subject: str) -> list[Event]:
    """The records of a declaration that count at the board's moment, in event order."""
    versions = board.versions(FEED, subject)
    found = [e for e, ended in versions if ended is None and not e.void and not e.nothing and e.at <= board.now]
    return sorted((e for e in found if board.viewer.sees(e.town)), key=lambda event: event.order)


def course(board: Board, events: list[Event]) -> list[Moment]:
    """Every moment at which something was decided anew, oldest first; a table that changed nothing is left out."""
    if not events:
        return []
    asked = [(event.at, "record", _pack_at(board, event.at)) for event in events]
    timeline = board.rules.timeline(board.seq) if board.rules else None
    for first, _ in timeline.versions if timeline else ():
        at = day_start(first, board.zone) if first else 0
        if events[0].at < at <= board.now:
            asked.append((at, "table", _pack_at(board, at)))
    found: list[Moment] = []
    for at, why, pack in sorted(asked, key=lambda one: (one[0], one[1])):
        fields: dict[str, Any] = {}
        for event in events:
            if event.at <= at:
                fields |= event.fields
        decision = decide(fields, pack)
        if why == "record" or not found or found[-1].decision != decision:
            found.append(Moment(at, why, decision, dict(fields)))
    return found


def _pack_at(board: Board, at: int) -> RegionPack:
    """The board's pack with the risk table and thresholds that were in force at a moment."""
    if board.rules is None:
        return board.pack
    content = board.rules.timeline(board.seq).at(day_of(at, board.zone))
    risks = tuple(
        RegionRisk(code, rows[0]["level"], rows[0].get("name", "")) for code, rows in content.table("risks").items()
    )
    limits = {key: float(rows[0]["value"]) for key, rows in content.table("thresholds").items()}
    return msgspec.structs.replace(board.pack, risks=risks, thresholds=limits)


def reason(board: Board, feed: Feed, ground: Ground, lang: str) -> str:
    """A ground in one line: the rule, and the row of the table or the value that it read."""
    text = words_of(feed, "ground", ground.rule, lang)
    if ground.row is not None:
        rows = ({"level": ground.row.level, "name": ground.row.name},)
        since = board.rules.timeline(board.seq).since("risks", ground.row.code, board.day) if board.rules else None
        day = since or board.pack.valid_from
        when = day_text(day, board.day, lang)
        row = f"{ground.row.code} {told('risks', ground.row.code, rows, lang)}"
        return f"{text}（风险表 {row}，自{when}起）" if lang != "en" else f"{text} (table: {row}, since {when})"
    if ground.rule.startswith("region") and ground.got:
        note = "表内没有列" if lang != "en" else "not on the table"
        return f"{text}（{ground.got}，{note}）" if lang != "en" else f"{text} ({ground.got}, {note})"
    if ground.rule in ("fever", "temperature_normal"):
        return f"{text}（{ground.got} ℃）" if lang != "en" else f"{text} ({ground.got} ℃)"
    return text


def drawer(board: Board, feed: Feed, subject: str, lang: str) -> dict[str, Any] | None:
    """The drawer of one declaration; ``None`` where the viewer's towns have none of that number."""
    events = records_of(board, subject)
    moments = course(board, events)
    if not moments:
        return None
    zh, town = lang != "en", events[-1].town
    now = decide(moments[-1].fields, board.pack)
    fields = moments[-1].fields
    verdict = words_of(feed, "verdict", now.verdict, lang)
    ruling = words_of(feed, "ruling", now.ruling, lang)
    tone = {"return": "ok", "isolate": "watch", "wait": "watch", "refuse": "alert"}[now.verdict]
    rows = [
        {"head": field.words.of(lang), "text": _said(feed, field.name, fields[field.name], board, lang)}
        for field in feed.fields
        if field.name in fields and field.name not in (feed.subject, "person_ref", "overrules")
    ]
    why = [
        {
            "state": "lapsed" if ground.verdict == now.by_rule and ground.verdict != "return" else "met",
            "time": "",
            "text": reason(board, feed, ground, lang),
            "tone": "",
        }
        for ground in now.grounds
    ]
    past = [
        {
            "state": "",
            "time": wording.moment(one.at, board.day, board.zone, lang),
            "text": _became(feed, one, lang),
            "tone": "watch" if one.decision.ruling == "lapsed" else "",
        }
        for one in moments
    ]
    place = board.pack.town_by_code.get(town)
    keep = "" if zh else "&lang=en"
    return {
        "key": subject,
        "over": wording.join(
            [feed.words.of(lang), place.name if place and zh else place.name_en if place else ""], lang
        ),
        "title": subject,
        "facts": "",
        "due": {
            "text": verdict,
            "note": ruling,
            "tone": "" if tone == "ok" else tone,
            "shape": {"ok": "ok", "watch": "soon", "alert": "alert"}[tone],
            "action": "",
        },
        "rows": rows,
        "sections": [
            {"title": "为什么（取最严的一条）" if zh else "Why (the strictest decides)", "items": why},
            {"title": "结论的经过" if zh else "How it was decided", "items": past},
        ],
        "links": [
            {
                "text": "复核改定" if zh else "Review",
                "href": f"/record/{feed.name}?{feed.subject}={subject}&town={town}&overrules={now.by_rule}{keep}",
            },
            {"text": "看记录" if zh else "Records", "href": f"/records?feed={feed.name}&subject={subject}{keep}"},
            {"text": "看风险表" if zh else "Risk table", "href": f"/admin/rules?part=risks{keep}"},
        ],
        "decision": {"verdict": now.verdict, "rule": now.by_rule, "ruling": now.ruling},
    }


def _became(feed: Feed, one: Moment, lang: str) -> str:
    zh = lang != "en"
    why = (
        ("收到记录" if zh else "a record")
        if one.why == "record"
        else ("风险表或界限改了" if zh else "the rules changed")
    )
    verdict = words_of(feed, "verdict", one.decision.verdict, lang)
    parts = [f"{why}：{verdict}" if zh else f"{why}: {verdict}"]
    if one.decision.ruling == "overruled":
        by_rule = words_of(feed, "verdict", one.decision.by_rule, lang)
        reason_ = str(one.fields.get("reason") or "")
        who = str(one.fields.get("reviewer") or "")
        parts.append(f"复核改定，规则是{by_rule}" if zh else f"overruled; the rule says {by_rule}")
        parts += [text for text in (reason_, who) if text]
    if one.decision.ruling == "lapsed":
        parts.append(words_of(feed, "ruling", "lapsed", lang))
    return wording.join(parts, lang)


def _said(feed: Feed, name: str, value: Any, board: Board, lang: str) -> str:
    field = feed.field(name)
    if field is not None and field.kind == "time":
        return wording.moment(int(value), board.day, board.zone, lang)
    if field is not None and field.kind == "quantity":
        return wording.quantity(value, lang)
    if name == "origin":
        row = board.pack.risk_of(str(value))
        return f"{value} {row.name}" if row is not None and row.name else str(value)
    return words_of(feed, name, str(value), lang)


__all__ = ["Moment", "course", "drawer", "reason", "records_of"]
