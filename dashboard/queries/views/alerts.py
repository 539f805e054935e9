"""The page 告警: what was raised, who has it, how long it waits; grouped by rule and town, paged, with its whole life.

What is over stands under ``state=over``. Staff stand by name only before those who may act or see cases; members of the
public are case numbers, and those who see figures only get no case numbers either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from dashboard.access.policy import Permission
from dashboard.domain.feed import OnFigure, Words
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries import acting, casework, desk, wording
from dashboard.queries.alerting import groups as grouping
from dashboard.queries.alerting import words
from dashboard.queries.alerting.life import Alert, State, Step, What
from dashboard.queries.alerting.rules import rules_of
from dashboard.queries.asked import Asked, Choice, Filter, Narrowed, town_choices
from dashboard.queries.explain import value_text
from dashboard.queries.export import Column, Table
from dashboard.queries.standing import standing
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

PAGE = 50
"""Alerts of an opened group on one page, and groups on the page itself."""
PAST = 300
IN_A_FILE = 20_000
VERBS = ("acknowledge", "assign", "done", "handover", "postpone")
OVER = "over"
SEARCH = Words("地点、个案、规则", "Places, cases, rules")
HEADS = (
    Words("发出", "Raised"),
    Words("等级", "Severity"),
    Words("镇（街道）", "Town"),
    Words("地点", "Place"),
    Words("告警", "Alert"),
    Words("情况", "Facts"),
    Words("状态", "State"),
    Words("责任人", "Owner"),
    Words("结束", "Over"),
)


class Row(msgspec.Struct, frozen=True):
    """An alert as the filters see it."""

    alert: Alert
    state: str
    mine: str
    text: str


def _severity_choices(board: Board, lang: str) -> list[Choice]:
    return [Choice(key, one.of(lang)) for key, one in words.SEVERITIES.items()]


def _state_choices(board: Board, lang: str) -> list[Choice]:
    shown = [State.OPEN, State.ACKNOWLEDGED, State.ASSIGNED]
    over = "已结束" if lang != "en" else "Over"
    return [*(Choice(str(state), words.STATES[state].of(lang)) for state in shown), Choice(OVER, over)]


def _feed_choices(board: Board, lang: str) -> list[Choice]:
    return [Choice(feed.name, feed.short.of(lang)) for feed in board.feeds if feed.alerts]


def _rule_choices(board: Board, lang: str) -> list[Choice]:
    return [
        Choice(rule.key(feed.name), rule.words.of(lang), feed.short.of(lang))
        for feed in board.feeds
        for rule in feed.alerts
    ]


def _mine_choices(board: Board, lang: str) -> list[Choice]:
    zh = lang != "en"
    return [Choice("me", "我的" if zh else "Mine"), Choice("free", "没人接" if zh else "Nobody's")]


FILTERS = (
    Filter("severity", Words("等级", "Severity"), _severity_choices, lambda row: row.alert.severity),
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.alert.town),
    Filter("feed", Words("数据流", "Feed"), _feed_choices, lambda row: row.alert.feed),
    Filter("rule", Words("规则", "Rule"), _rule_choices, lambda row: row.alert.rule),
    Filter(
        "state",
        Words("状态", "State"),
        _state_choices,
        lambda row: row.state,
        default=(str(State.OPEN), str(State.ACKNOWLEDGED), str(State.ASSIGNED)),
        apart=True,
    ),
    Filter("mine", Words("责任", "Whose"), _mine_choices, lambda row: row.mine),
)


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    lang, zh, board = asked.lang, asked.lang != "en", asked.live
    rows = _rows(asked)
    narrowed = Narrowed(rows, asked, lambda row: row.text)
    shown = [row.alert for row in narrowed.rows]
    groups = grouping.grouped(shown)
    opened = asked.more.get("group", "")
    number = _page(asked)
    if opened:
        groups = [group for group in groups if group.key == opened]
    whole = len(groups) if not opened else sum(len(group.alerts) for group in groups)
    pages = max(1, -(-whole // PAGE))
    number = min(number, pages)
    if opened:
        listed = [one for group in groups for one in group.alerts][(number - 1) * PAGE : number * PAGE]
        lines = [_row(asked, one, 1, one.state == State.OPEN) for one in listed]
    else:
        lines = [_group(asked, group) for group in groups[(number - 1) * PAGE : number * PAGE]]
    document = desk.document(
        asked,
        narrowed,
        feed="temperature",
        headline=_headline(asked, rows),
        sub=[wording.date_line(board.day, lang), _count(asked, shown)],
        tables=[("alerts", "告警" if zh else "Alerts")],
        search=SEARCH,
        title="告警" if zh else "Alerts",
        rows=lines,
        group=_opened(asked, opened, groups),
        page={"at": number, "of": pages, "text": f"第 {number} / {pages} 页" if zh else f"Page {number} of {pages}"},
        choices={one.town: acting.choices(board, _town_for(board, one), lang) for one in shown[:1]},
        people={town: acting.choices(board, town, lang) for town in {line["town"] for line in lines if line["acts"]}},
        empty=_empty(asked),
        now=board.now,
    )
    # No feed's records are shown here: their age says nothing about alerts.
    return document | {"source": None}


def _page(asked: Asked) -> int:
    text = asked.more.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _rows(asked: Asked) -> list[Row]:
    board, lang = asked.live, asked.lang
    found = grouping.current(board) or []
    if OVER in asked.chosen.get("state", ()) and board.alerts is not None:
        towns = None if board.viewer.towns is None else {*board.towns, grouping.ALL}
        known = {one.id for one in found}
        past = board.alerts.past(towns, board.now + 1, PAST)
        found = [*found, *(one for one in grouping.seen(board, past) if one.id not in known)]
    return [
        Row(
            one,
            str(one.state) if one.active else OVER,
            _mine(board, one),
            _text(board, one, lang) if asked.q else "",
        )
        for one in found
    ]


def _mine(board: Board, one: Alert) -> str:
    viewer = board.viewer
    names = {name for name in (viewer.staff, viewer.name) if name}
    holders = {one.owner, one.owner.partition(" ")[0], one.by, one.by.partition(" ")[0], one.owner.partition(" ")[2]}
    if one.active and names & holders:
        return "me"
    return "free" if one.state == State.OPEN else ""


def _text(board: Board, one: Alert, lang: str) -> str:
    rule = words.rule_words(one.rule)
    parts = [
        words.where(board, one, lang),
        words.fact(board, one, lang, board.viewer.details),
        rule.zh,
        rule.en,
        one.id,
    ]
    return " ".join(parts)


def _headline(asked: Asked, rows: Sequence[Row]) -> list[dict[str, str]]:
    zh = asked.lang != "en"
    active = [row.alert for row in rows if row.alert.active]
    free = [one for one in active if one.state == State.OPEN]
    urgent = sum(1 for one in free if one.severity == "alert")
    if not active:
        return [{"text": "当前没有告警" if zh else "No alerts now", "tone": "plain"}]
    said = [{"text": f"{len(active)} 件未结" if zh else f"{len(active)} open", "tone": "plain"}]
    if len(free) == len(active):
        said = [{"text": f"{len(free)} 件没人签收" if zh else f"{len(free)} not taken", "tone": "watch"}]
    elif free:
        said.append({"text": f"{len(free)} 件没人签收" if zh else f"{len(free)} not taken", "tone": "watch"})
    if urgent:
        said.append({"text": f"其中 {urgent} 件告警级" if zh else f"{urgent} of them urgent", "tone": "alert"})
    return said


def _count(asked: Asked, shown: Sequence[Alert]) -> str:
    text = wording.count(len(shown), asked.lang)
    return f"列出 {text} 件，按规则和镇归并" if asked.lang != "en" else f"{text} listed, by rule and town"


def _empty(asked: Asked) -> str:
    zh = asked.lang != "en"
    if asked.changed or asked.q:
        return "没有符合的告警" if zh else "Nothing matches"
    return "当前没有告警" if zh else "No alerts now"


def _opened(asked: Asked, key: str, groups: Sequence[grouping.Group]) -> dict[str, Any] | None:
    if not key:
        return None
    rule, _, rest = key.partition("|")
    name = words.town_words(asked.live, rest.partition("|")[0]).of(asked.lang)
    count = sum(len(group.alerts) for group in groups)
    many = f"{count} 件" if asked.lang != "en" else str(count)
    return {"key": key, "text": wording.join([words.rule_words(rule).of(asked.lang), name, many], asked.lang)}


def _town_for(board: Board, one: Alert) -> str:
    """Where an act about an alert is entered: its town, or the first one for what concerns the region."""
    return one.town if one.town != grouping.ALL else (board.towns[0] if board.towns else "")


def _group(asked: Asked, group: grouping.Group) -> dict[str, Any]:
    row = _row(asked, group.first, len(group.alerts), group.open > 0)
    if len(group.alerts) == 1:
        return row
    lang, zh = asked.lang, asked.lang != "en"
    name = words.town_words(asked.live, group.town).of(lang)
    rule = words.rule_words(group.rule).of(lang)
    waiting = f"{group.open} 件未签收" if zh else f"{group.open} not taken"
    return row | {
        "key": group.key,
        "open": "",
        "group": group.key,
        "count": len(group.alerts),
        "title": wording.join([name, rule], lang),
        "fact": f"{len(group.alerts)} 件，最近：{row['title']} {row['fact']}"
        if zh
        else f"{len(group.alerts)}, latest: {row['title']} {row['fact']}",
        "state": waiting if group.open else row["state"],
        "acts": [],
        "owner": "",
    }


def _row(asked: Asked, one: Alert, count: int, waiting: bool) -> dict[str, Any]:
    board, lang = asked.live, asked.lang
    feed = FEEDS[one.feed]
    town = _town_for(board, one)
    told = standing(board, town).get(one.item) if one.active else None
    over = not one.active
    end = words.ENDS.get(one.resolution) if over else None
    return {
        "key": one.id,
        "open": one.id,
        "group": "",
        "count": count,
        "item": one.item,
        "town": town,
        "case": "",
        "severity": one.severity,
        "word": words.SEVERITIES[one.severity].of(lang),
        "over": over,
        "hot": one.severity == "alert" and waiting,
        "icon": feed.icon,
        "colour": feed.colour,
        "feed": feed.short.of(lang),
        "rule": words.rule_words(one.rule).of(lang),
        "title": words.where(board, one, lang),
        "fact": words.fact(board, one, lang, board.viewer.details),
        "time": wording.moment(one.begun_at, board.day, board.zone, lang),
        "state": end.of(lang) if end else _state(one, board, lang),
        "standing": str(one.state),
        "since": one.changed_at if over else _waiting_since(one),
        "owner": acting.who(board, town, one.owner, lang),
        "level": words.ROLE_WORDS[one.role].of(lang) if one.level and one.state == State.OPEN else "",
        "acts": []
        if over or not acting.may_act(board.viewer, one.town)
        else acting.acts_for(board, town, VERBS, told, lang, "acknowledge"),
        "acting": acting.acting(board, town, told, lang),
    }


def _state(one: Alert, board: Board, lang: str) -> str:
    if one.snoozed is not None:
        until = wording.moment(one.snoozed, board.day, board.zone, lang)
        return f"暂缓至 {until}" if lang != "en" else f"until {until}"
    return words.STATES[one.state].of(lang)


def _waiting_since(one: Alert) -> int:
    _, _, since = one.handled.partition("@")
    return int(since) if since.isdigit() and one.state != State.OPEN else one.begun_at


# -- one alert


def detail(asked: Asked, scope: str) -> dict[str, Any]:
    """The drawer of an alert: what, by which rule, who has it, its whole life, and what was told outside."""
    board, lang, zh = asked.live, asked.lang, asked.lang != "en"
    book = board.alerts
    one = book.one(asked.open) if book is not None else None
    if book is None or one is None or not grouping.seen(board, [one]):
        return {"drawer": None}
    steps = book.steps(one.id)
    row = _row(asked, one, 1, one.state == State.OPEN)
    found = words.rule_of(one.rule)
    over = not one.active
    sections = [
        {"title": "经过" if zh else "What happened", "items": [_step(asked, one, step) for step in steps[-60:]]},
        {
            "title": "对外通知" if zh else "Told outside",
            "items": [_delivery(asked, sent) for sent in book.deliveries(one.id)],
            "empty": "没有对外通知" if zh else "Nobody outside was told",
        },
    ]
    rule = rules_of(board.pack).get(one.rule)
    lines = [
        ("规则" if zh else "Rule", row["rule"]),
        ("含义" if zh else "Meaning", found[1].help.of(lang) if found else ""),
        ("界限" if zh else "Limit", _limit(one, found[1].unit if found else "", rule is not None, lang)),
        ("发生" if zh else "Since", wording.moment(one.since, board.day, board.zone, lang) if one.since else ""),
        ("责任人" if zh else "Owner", row["owner"]),
        ("已报" if zh else "Told to", words.ROLE_WORDS[one.role].of(lang)),
        ("重开" if zh else "Again", (f"{one.times} 次" if zh else f"{one.times} ×") if one.times else ""),
    ]
    lines += _figure_lines(board, one, lang)
    until = wording.span(board.now - _waiting_since(one), lang)
    return {
        "drawer": {
            "key": one.id,
            "over": wording.join([row["word"], row["feed"]], lang),
            "title": row["title"],
            "facts": row["fact"],
            "due": {
                "tone": "" if over else "red" if row["hot"] else "",
                "shape": "done" if over else "lapsed" if one.severity == "alert" else "watch",
                "text": row["state"],
                "note": "" if over else until,
            },
            "rows": [{"head": head, "text": text} for head, text in lines if text],
            "sections": sections,
            "links": _links(board, one, lang),
            "foot": one.id,
        },
        "row": row,
        "choices": acting.choices(board, row["town"], lang),
    }


def _figure_lines(board: Board, one: Alert, lang: str) -> list[tuple[str, str]]:
    """The figure that the rule looks at, as it is now, and how it is defined."""
    found = words.rule_of(one.rule)
    condition = found[1].condition if found else None
    key = condition.kpi if isinstance(condition, OnFigure) else str(one.facts.get("kpi", ""))
    if key not in KPIS or one.town not in board.towns:
        return []
    feed, kpi = KPIS[key]
    value = wording.join_unit(*value_text(board.figure(key, one.town, feed.name), kpi, lang))
    return [(kpi.words.of(lang), value), ("定义" if lang != "en" else "Definition", kpi.definition.of(lang))]


def _limit(one: Alert, unit: str, active: bool, lang: str) -> str:
    if not one.limit:
        return ""
    shown = {"min": Words("分钟", "min"), "h": Words("小时", "h")}.get(unit, Words(unit, unit)).of(lang)
    text = wording.join_unit(f"{one.limit:g}", shown)
    return text if active else f"{text}（已停用）" if lang != "en" else f"{text} (switched off)"


def _step(asked: Asked, one: Alert, step: Step) -> dict[str, str]:
    board, lang, zh = asked.live, asked.lang, asked.lang != "en"
    town = _town_for(board, one)
    said = words.STEPS[step.what].of(lang)
    parts = [said]
    if step.what == What.ESCALATED:
        role = words.ROLE_WORDS[str(step.detail.get("role", "chief"))].of(lang)
        parts = [f"无人签收，报{role}" if zh else f"nobody took it: told to the {role}"]
    elif step.what == What.POSTPONED and step.detail.get("until"):
        parts.append(wording.moment(int(step.detail["until"]), board.day, board.zone, lang))
    elif step.what == What.ASSIGNED:
        parts.append(acting.who(board, town, str(step.detail.get("to", "")), lang))
    elif step.who == "rule":
        parts.append("规则停用" if zh else "rule switched off")
    if step.who and step.who != "rule" and step.what != What.ESCALATED:
        parts.append(acting.who(board, town, step.who, lang))
    ended = step.what in (What.CLEARED, What.RESOLVED, What.MERGED)
    hot = step.what in (What.RAISED, What.REOPENED, What.WORSE, What.ESCALATED)
    return {
        "state": "met" if ended else "lapsed" if hot and one.peak == "alert" else "watch" if hot else "open",
        "time": wording.moment(step.at, board.day, board.zone, lang),
        "text": wording.join([part for part in parts if part], lang),
    }


def _delivery(asked: Asked, sent: dict[str, Any]) -> dict[str, str]:
    board, lang, zh = asked.live, asked.lang, asked.lang != "en"
    states = {
        "sent": Words("已送达", "arrived"),
        "waiting": Words("等待重试" if sent["tries"] else "待发", "to be retried" if sent["tries"] else "waiting"),
        "dead": Words("已放弃", "given up"),
    }
    event = words.EVENTS.get(sent["kind"], Words(sent["kind"], sent["kind"])).of(lang)
    tries = (f"试了 {sent['tries']} 次" if zh else f"{sent['tries']} tries") if sent["tries"] > 1 else ""
    # Only those who may act see what the other side said: it names machines.
    last = sent["attempts"][-1]["told"] if sent["attempts"] and board.viewer.details else ""
    return {
        "state": {"sent": "met", "dead": "lapsed"}.get(sent["state"], "soon"),
        "time": wording.moment(sent["made_at"], board.day, board.zone, lang),
        "text": wording.join([sent["channel"], event, states[sent["state"]].of(lang), tries, last[:80]], lang),
    }


def _links(board: Board, one: Alert, lang: str) -> list[dict[str, str]]:
    zh = lang != "en"
    extra = {} if zh else {"lang": "en"}

    def to(path: str, **query: str) -> str:
        found = {**{key: value for key, value in query.items() if value}, **extra}
        return f"{path}?{urlencode(found)}" if found else path

    found: list[dict[str, str]] = []
    feed = FEEDS[one.feed]
    town = "" if one.town == grouping.ALL else one.town
    condition = next((rule.condition for rule in feed.alerts if rule.key(feed.name) == one.rule), None)
    if one.case and board.viewer.details and not one.rule.endswith(".fever"):
        path = casework.PAGES.get(one.feed, f"/feeds/{one.feed}")
        found.append({"text": "看这一件" if zh else "The case", "href": to(path, open=one.case)})
    elif one.feed == "temperature":
        found.append(
            {"text": "看卡点" if zh else "The checkpoint", "href": to("/checkpoints", town=town, open=one.place)}
        )
    elif one.feed == "patrol":
        found.append({"text": "看点位" if zh else "The place", "href": to("/patrols", town=town, open=one.place)})
    if isinstance(condition, OnFigure) and board.viewer.details:
        href = to("/records", feed=KPIS[condition.kpi][0].name, kpi=condition.kpi, town=town)
        found.append({"text": "看这些记录" if zh else "The records", "href": href})
    if town:
        found.append({"text": "镇页" if zh else "The town", "href": to(f"/town/{town}")})
    found.append(
        {"text": "改规则" if zh else "The rule", "href": to("/admin/rules", q=words.rule_words(one.rule).of(lang))}
    )
    return found


def tables(asked: Asked, scope: str) -> list[Table]:
    """The alerts of the page's own query."""
    board, lang = asked.live, asked.lang
    narrowed = Narrowed(_rows(asked), asked, lambda row: row.text)
    rows = []
    for row in sorted(narrowed.rows, key=lambda one: grouping.urgency(one.alert))[:IN_A_FILE]:
        one = row.alert
        rows.append(
            (
                wording.moment(one.begun_at, 0, board.zone, lang),
                words.SEVERITIES[one.severity].of(lang),
                words.town_words(board, one.town).of(lang),
                words.place_words(board, one).of(lang),
                words.rule_words(one.rule).of(lang),
                words.fact(board, one, lang, board.viewer.details),
                words.STATES[one.state].of(lang),
                acting.who(board, _town_for(board, one), one.owner, lang),
                wording.moment(one.resolved_at, 0, board.zone, lang) if one.resolved_at else "",
            )
        )
    columns = [Column(head.of(lang)) for head in HEADS]
    return [Table("alerts", "告警" if lang != "en" else "Alerts", tuple(columns), rows)]


VIEW = View(
    "alerts",
    build,
    needs=Permission.FIGURES,
    cases=True,
    filters=FILTERS,
    more=("group", "page"),
    detail=detail,
    tables=tables,
    title=Words("告警", "Alerts"),
    open=True,
)
