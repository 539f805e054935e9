"""Alerts in words, in both languages: where, what, how it stands; and the mail that tells of them. Names nobody.

Pure. A member of the public is a case number; owners are told by pages to signed-in staff and never leave the house.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboard.domain.feed import (
    AlertRule,
    CaseSpec,
    Feed,
    OnCorrection,
    OnFeed,
    OnFigure,
    OnReading,
    OnTrack,
    Words,
)
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries import wording
from dashboard.queries.alerting.life import Alert, State, What

if TYPE_CHECKING:
    from dashboard.queries.board import Board

STATES = {
    State.PENDING: Words("观察中", "Pending"),
    State.OPEN: Words("未签收", "Not taken"),
    State.ACKNOWLEDGED: Words("已签收", "Taken"),
    State.ASSIGNED: Words("已派单", "Assigned"),
    State.RESOLVED: Words("已办结", "Over"),
}
SEVERITIES = {"alert": Words("告警", "Alert"), "watch": Words("关注", "Watch")}
ENDS = {
    "cleared": Words("已恢复", "Cleared"),
    "merged": Words("并入上级告警", "Merged"),
    "resolved": Words("已办结", "Done"),
}
ROLE_WORDS = {
    "officer": Words("值班民警", "officer on duty"),
    "chief": Words("所长", "chief"),
    "leader": Words("镇街领导", "leader"),
}
STEPS = {
    What.RAISED: Words("发出", "Raised"),
    What.WORSE: Words("加重", "Worse"),
    What.BETTER: Words("减轻", "Better"),
    What.ACKNOWLEDGED: Words("签收", "Taken"),
    What.ASSIGNED: Words("派单", "Assigned"),
    What.POSTPONED: Words("暂缓", "Snoozed"),
    What.RETURNED: Words("退回待签收", "Waiting again"),
    What.ESCALATED: Words("升级", "Escalated"),
    What.REPEATED: Words("再次提醒", "Told again"),
    What.CLEARED: Words("条件解除", "Cleared"),
    What.MERGED: Words("并入上级告警", "Merged"),
    What.RESOLVED: Words("办结", "Done"),
    What.REOPENED: Words("再次发出", "Raised again"),
}
EVENTS = {
    "raised": Words("新告警", "New alert"),
    "worse": Words("加重", "Worse"),
    "escalated": Words("升级", "Escalated"),
    "reopened": Words("再次发生", "Again"),
    "repeated": Words("仍未签收", "Still not taken"),
    "resolved": Words("已解除", "Over"),
}


def rule_of(key: str) -> tuple[Feed, AlertRule] | None:
    """The declaration of a rule by its key."""
    feed_name, _, name = key.partition(".")
    feed = FEEDS.get(feed_name)
    declared = next((one for one in feed.alerts if one.name == name), None) if feed else None
    return (feed, declared) if feed and declared else None


def rule_words(key: str) -> Words:
    """What a rule is called."""
    found = rule_of(key)
    return found[1].words if found else Words(key, key)


def town_words(board: Board, code: str) -> Words:
    """A town's name, or the region's."""
    town = board.pack.town_by_code.get(code)
    if town is None:
        return Words(board.pack.name, board.pack.name_en or board.pack.name) if code == "all" else Words(code, code)
    return Words(town.name, town.name_en or town.name)


def place_words(board: Board, alert: Alert) -> Words:
    """The place's name without its town's; empty where there is none."""
    place = board.place(alert.place) if alert.place else None
    if place is None:
        return Words(alert.place, alert.place)
    town = board.pack.town_by_code.get(alert.town)
    short = town.name.removesuffix("街道").removesuffix("镇") if town else ""
    name = place.name
    if short and name.startswith(short) and len(name) > len(short) + 1:
        name = name[len(short) :]
    return Words(name, place.name_en or place.name)


def where(board: Board, alert: Alert, lang: str) -> str:
    """``姚庄镇·高速出口``."""
    place = place_words(board, alert).of(lang)
    if not place and alert.case and alert.feed in FEEDS:
        place = FEEDS[alert.feed].short.of(lang)
    parts = [town_words(board, alert.town).of(lang), place]
    return ("·" if lang != "en" else " · ").join(part for part in parts if part)


def fact(board: Board, alert: Alert, lang: str, cases: bool = True) -> str:
    """What is the matter, in one short line without ages, which pages count on by themselves.

    ``cases``: whether the reader may see single cases; else their numbers are left out (DOMAIN.md §9).
    """
    found = rule_of(alert.rule)
    if found is None:
        return alert.rule
    feed, declared = found
    condition, zh, facts = declared.condition, lang != "en", alert.facts
    if isinstance(condition, OnFigure):
        return _figure(alert, condition, lang)
    if isinstance(condition, OnCorrection):
        key = str(facts.get("kpi", ""))
        kpi = KPIS[key][1] if key in KPIS else None
        name = kpi.words.of(lang) if kpi else key
        unit = "%" if kpi and kpi.unit == "ratio" else ""
        before, after = f"{facts.get('before', 0):g}{unit}", f"{facts.get('after', 0):g}{unit}"
        return f"昨日{name}由 {before} 变为 {after}" if zh else f"yesterday's {name.lower()}: {before} → {after}"
    if isinstance(condition, OnFeed):
        limit = wording.span(feed.limits.stale, lang).removesuffix(" 0 分").removesuffix(" 0 min")
        return f"{feed.short.zh}数据超过 {limit}未更新" if zh else f"no {feed.short.en.lower()} data for over {limit}"
    if isinstance(condition, OnReading):
        return _reading(alert, condition, lang, cases)
    if isinstance(condition, OnTrack):
        if condition.what == "silent":
            unit = str(facts.get("unit", ""))
            return f"{unit} 在岗，没有位置信号" if zh else f"{unit} on duty, no signal"
        due = facts.get("due")
        at = wording.clock(int(due), board.zone) if due is not None else ""
        return f"应在 {at} 前到访" if zh else f"visit due by {at}"
    stage = _stage(feed, str(facts.get("stage", ""))).of(lang)
    code = alert.case.removeprefix(f"{alert.town}-")
    said = {
        "overdue": Words("过了时限", "past due"),
        "stuck": Words(f"卡在“{stage}”", f"stuck in {stage.lower()}"),
        "opened": Words("新报", "newly reported"),
    }.get(condition.what, declared.words)
    if not cases:
        return f"{feed.short.zh} 1 件，{said.zh}" if zh else f"{said.en}: {feed.short.en.lower()}"
    return f"{feed.short.zh} {code}，{said.zh}" if zh else f"{feed.short.en} {code}, {said.en}"


def _stage(feed: Feed, code: str) -> Words:
    stage = feed.archetype.stage(code) if isinstance(feed.archetype, CaseSpec) else None
    return stage.words if stage else Words(code, code)


def _figure(alert: Alert, condition: OnFigure, lang: str) -> str:
    kpi = KPIS[condition.kpi][1]
    name, unit, zh = kpi.words.of(lang), "%" if kpi.unit == "ratio" else "", lang != "en"
    value = f"{alert.value or 0:.1f}{unit}" if unit else f"{alert.value or 0:g}"
    if condition.way == "fall":
        now = (alert.facts.get("figure") or 0) * (100 if unit else 1)
        points = f"{alert.value or 0:.1f}"
        return (
            f"{name}降 {points} 个百分点，现 {now:.1f}{unit}" if zh else f"{name} down {points} pp to {now:.1f}{unit}"
        )
    limit = f"{alert.limit:g}{unit}"
    if condition.way == "below":
        return f"{name} {value}，低于 {limit}" if zh else f"{name} {value}, below {limit}"
    return f"{name} {value}，达到 {limit}" if zh else f"{name} {value}, at or above {limit}"


def _reading(alert: Alert, condition: OnReading, lang: str, cases: bool) -> str:
    zh, value = lang != "en", alert.value or 0
    if condition.what == "fever":
        state = alert.facts.get("state")
        waiting = (
            ("超时未复测" if zh else "not rechecked") if state == "unresolved" else ("待复测" if zh else "to recheck")
        )
        degrees = wording.celsius(round(value * 1000))
        if not cases:
            return f"{degrees} 1 人，{waiting}" if zh else f"{degrees}, 1 person, {waiting}"
        return f"体温 {degrees}，个案 {alert.case}，{waiting}" if zh else f"{degrees}, case {alert.case}, {waiting}"
    if condition.what == "refused":
        red, refused = alert.facts.get("red", 0), alert.facts.get("refused", 0)
        return f"今日红码 {red} 人次，劝返 {refused} 人次" if zh else f"today {red} red, {refused} refused"
    if condition.what == "blocked":
        return f"符合放行条件被拦 {value:g} 人次" if zh else f"{value:g} wrongly blocked"
    if condition.what == "drift":
        signed = float(alert.facts.get("signed", value))
        device = wording.device(str(alert.facts.get("device", "")), alert.town)
        gap = f"{abs(signed):.2f} ℃"
        if zh:
            return f"设备 {device} 偏{'高' if signed > 0 else '低'} {gap}"
        return f"{device} {gap} {'high' if signed > 0 else 'low'}"
    points = alert.facts.get("points")
    if points:
        return f"{points} 个在岗卡点全部没有数据" if zh else f"all {points} checkpoints on duty are silent"
    return "在岗，没有测温记录" if zh else "on duty, no readings"


# -- the world outside


def told(board: Board, alert: Alert) -> dict[str, Any]:
    """One alert as a message carries it: no person, no owner."""
    return {
        "id": alert.id,
        "town": alert.town,
        "place": alert.place,
        "severity": alert.severity,
        "state": str(alert.state),
        "value": alert.value,
        "since": alert.since,
        "raised_at": alert.raised_at,
        "where": {"zh": where(board, alert, "zh"), "en": where(board, alert, "en")},
        "fact": {"zh": fact(board, alert, "zh"), "en": fact(board, alert, "en")},
    }


def mail(body: Mapping[str, Any], lang: str) -> tuple[str, str]:
    """Subject and text of a message."""
    zh = lang != "en"
    if body.get("kind") == "snapshot":
        return _brief(body, lang)
    rule = body.get("rule_words", {}).get(lang, body.get("rule", ""))
    town = body.get("town_name", {}).get(lang, "")
    event = EVENTS.get(str(body.get("event", "")), Words("通知", "Note")).of(lang)
    severity = SEVERITIES.get(str(body.get("severity", "")), Words("", "")).of(lang)
    count = int(body.get("count", 1))
    replay = ("【演示】" if zh else "[demo] ") if body.get("world") == "replay" else ""
    if body.get("kind") == "test":
        subject = "镇哨测试消息" if zh else "Townwatch test message"
        return replay + subject, (subject + "\n") if zh else f"{subject}.\n"
    many = (f"{count} 件" if zh else f"{count}") if count > 1 else ""
    parts = [f"[{severity}]" if severity else "", event, town, rule, many]
    subject = replay + " ".join(part for part in parts if part)
    lines = [_line(one, lang) for one in body.get("alerts", ())]
    left = count - len(lines)
    if left > 0:
        lines.append(f"另有 {left} 件" if zh else f"and {left} more")
    if body.get("role") not in (None, "officer"):
        role = ROLE_WORDS[str(body["role"])].of(lang)
        lines.insert(0, f"无人签收，已报{role}" if zh else f"Nobody has taken it: told to the {role}")
    if body.get("link"):
        lines += ["", str(body["link"])]
    return subject.replace("\n", " ").replace("\r", " "), "\n".join(lines) + "\n"


def _brief(body: Mapping[str, Any], lang: str) -> tuple[str, str]:
    """Subject and text of a published snapshot."""
    replay = ("【演示】" if lang != "en" else "[demo] ") if body.get("world") == "replay" else ""
    link = f"\n\n{body['link']}" if body.get("link") else ""
    return f"{replay}{body['subject'][lang]}", f"{body['text'][lang]}{link}\n"


def _line(one: Mapping[str, Any], lang: str) -> str:
    return f"{one['where'][lang]}{'：' if lang != 'en' else ': '}{one['fact'][lang]}"


def spoken(board: Board, alerts: Sequence[Alert], lang: str) -> str:
    """A group in one line."""
    return where(board, alerts[0], lang) if len(alerts) == 1 else town_words(board, alerts[0].town).of(lang)


__all__ = [
    "ENDS",
    "EVENTS",
    "ROLE_WORDS",
    "SEVERITIES",
    "STATES",
    "STEPS",
    "fact",
    "mail",
    "place_words",
    "rule_of",
    "rule_words",
    "spoken",
    "told",
    "town_words",
    "where",
]
