"""The page of a replay: what plays, how far it has come, and the report's headline figures as they come about.

The same for everybody who sees the same towns; who may steer is the API's to say (``GET /api/v1/replay``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.day import as_date, day_end, day_of, day_start, days_between
from dashboard.domain.feed import Words
from dashboard.domain.figure import Qualifier
from dashboard.feeds import KPIS, feed_named
from dashboard.queries import wording
from dashboard.queries.asked import Asked
from dashboard.queries.export import Column, Table
from dashboard.queries.figures import ALL
from dashboard.queries.linked import words_of
from dashboard.queries.replaying import Known, Replay, Row
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

SPEEDS = (1, 10, 30, 60, 120, 600, 3600)
"""Offered as buttons; any speed from 1 to 3600 may be typed."""
QUALIFIERS = {"at least": Qualifier.AT_LEAST, "nearly": Qualifier.NEARLY}


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Everything the page draws."""
    zh = lang != "en"
    known = board.replay or Known(())
    replay = known.replay
    scenarios = [
        {
            "name": one.name,
            "title": one.words.of(lang),
            "current": replay is not None and one.name == replay.scenario.name,
            "command": f"./townwatch demo --scenario {one.name}",
        }
        for one in known.scenarios
    ]
    told: dict[str, Any] = {"live": replay is None, "scenarios": scenarios, "now": board.now, "zone": board.zone}
    if replay is None:
        sentence = "这里是实况，没有回放" if zh else "This is the live world: nothing is being replayed"
        sub = (
            "回放在另一个数据目录里进行，与实况互不影响；用下面的命令开始。"
            if zh
            else "A replay runs in a data directory of its own and touches nothing here: start one as below."
        )
        return told | {"headline": [{"text": sentence, "tone": "plain"}], "sub": sub}
    met = sum(1 for row in replay.rows if row.met)
    return told | {
        "headline": _headline(board, replay, met, zh),
        "sub": _sub(replay, zh),
        "title": replay.scenario.words.of(lang),
        "state": _state(board, replay),
        "speed": replay.speed,
        "speeds": SPEEDS,
        "offset": wording.local(board.now, board.zone).isoformat()[-6:],
        "bar": _bar(board, replay, lang),
        "rows": [_row(board, replay, row, lang) for row in replay.rows],
        "count": f"{met} / {len(replay.rows)} " + ("达到" if zh else "met"),
        "fewer": board.viewer.towns is not None,
        "feeds": _feeds(replay, lang),
    }


def _over(board: Board, replay: Replay) -> bool:
    return board.now >= replay.end - 1


def _state(board: Board, replay: Replay) -> str:
    if replay.target is not None:
        return "jumping" if replay.plays else "stopped"
    if _over(board, replay) and not replay.plays:
        return "over"
    if not replay.plays:
        return "stopped"
    return "paused" if replay.paused else "playing"


def _headline(board: Board, replay: Replay, met: int, zh: bool) -> list[dict[str, str]]:
    day = wording.day(board.day, "zh" if zh else "en")
    when = f"{day} {wording.clock(board.now, board.zone)}"
    state = _state(board, replay)
    said = {
        "playing": (f"正在回放，×{replay.speed:g}", f"Playing at ×{replay.speed:g}"),
        "paused": ("已暂停", "Paused"),
        "jumping": ("正在快进", "Moving forwards"),
        "over": ("已放完", "Played to the end"),
        "stopped": ("播放程序没有在运行", "The player is not running"),
    }[state]
    found = [{"text": said[0 if zh else 1], "tone": "watch" if state in ("paused", "stopped") else "plain"}]
    if state == "jumping" and replay.target is not None:
        to = wording.moment(replay.target, 0, board.zone, "zh" if zh else "en")
        found.append({"text": f"到 {to}" if zh else f"to {to}", "tone": "plain"})
    found.append({"text": f"现在是 {when}" if zh else f"it is {when}", "tone": "plain"})
    if replay.rows:
        rows = len(replay.rows)
        text = f"报告的 {rows} 项数字已达到 {met} 项" if zh else f"{met} of the report's {rows} figures met"
        found.append({"text": text, "tone": "plain"})
    return found


def _sub(replay: Replay, zh: bool) -> str:
    if zh:
        return (
            f"场景 {replay.scenario.name}，依据报告 {replay.report}。报告只给出表里的总数，"
            "每一条记录、人名、企业名都是合成的。"
        )
    return (
        f"Scenario {replay.scenario.name}, after report {replay.report}. "
        "The report gives the totals in the table only: every single record and every name is synthetic."
    )


def _bar(board: Board, replay: Replay, lang: str) -> dict[str, Any]:
    zone, zh = board.zone, lang != "en"
    begin = day_start(replay.first_day, zone)
    whole = replay.end - begin
    days = []
    for day in days_between(replay.first_day, replay.last_day):
        date = as_date(day)
        ends = day_end(day, zone)
        past = "loaded" if ends <= replay.start else "played"
        phase = "now" if day == board.day else "coming" if day > board.day else past
        days.append(
            {
                "day": date.isoformat(),
                "name": wording.day(day, lang),
                "month": date.day == 1 or day == replay.first_day,
                "week": date.isoweekday() == 1,
                "phase": phase,
            }
        )

    def share(at: int | None) -> float | None:
        return None if at is None else round(min(1.0, max(0.0, (at - begin) / whole)), 5)

    begun = wording.day(day_of(replay.start, zone), lang)
    first, last = wording.day(replay.first_day, lang), wording.day(replay.last_day, lang)
    note = (
        f"{first} 至 {last}，共 {len(days)} 天；{begun} {wording.clock(replay.start, zone)} 之前一次载入，之后逐条播放"
        if zh
        else f"{first} to {last}, {len(days)} days; loaded at once up to {begun} {wording.clock(replay.start, zone)}, "
        "played record by record from then on"
    )
    return {
        "days": days,
        "begin": begin,
        "end": replay.end,
        "start": share(replay.start),
        "now": share(board.now),
        "target": share(replay.target),
        "note": note,
        "last": as_date(replay.last_day).isoformat(),
        "today": as_date(min(board.day, replay.last_day)).isoformat(),
    }


def _row(board: Board, replay: Replay, row: Row, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    feed, _ = KPIS[row.kpi]
    name = row.words.of(lang)
    for field, value in row.dims.items():
        name += f" · {words_of(feed, field, value, lang)}"
    computed = None if row.computed is None else round(row.computed, 1)
    if row.met:
        verdict = ("met", "达到", "Met")
    elif row.computed is not None and row.qualifier != "within" and row.computed > row.stated:
        verdict = ("missed", "超出", "Beyond")
    elif _over(board, replay):
        verdict = ("missed", "未达到", "Missed")
    elif row.computed is None:
        verdict = ("coming", "还没有记录", "No record yet")
    else:
        verdict = ("coming", "未到", "Not yet")
    town = board.pack.town_by_code.get(row.town)
    where = ("全部" if zh else "All") if row.town == ALL or town is None else town.name if zh else town.name_en
    return {
        "number": row.number,
        "feed": feed.words.of(lang),
        "icon": feed.icon,
        "colour": feed.colour,
        "name": name,
        "said": row.said,
        "town": where,
        "code": row.town,
        "kpi": row.kpi,
        "dims": dict(row.dims),
        "stated": _stated(row, _unit(row, lang), lang),
        "computed": wording.MISSING
        if computed is None
        else f"{wording.count(computed, lang)}{'%' if row.percent else ''}",
        "raw": row.computed,
        "share": None if not row.stated or row.computed is None else min(1.0, row.computed / row.stated),
        "verdict": verdict[0],
        "word": verdict[1 if zh else 2],
    }


def _stated(row: Row, unit: str, lang: str) -> str:
    number = wording.count(row.stated, lang)
    text = wording.qualified(number, QUALIFIERS.get(row.qualifier, Qualifier.EXACT), lang)
    text = f"{text}%" if row.percent else wording.join_unit(text, unit)
    if row.qualifier == "within":
        return f"{text}以内" if lang != "en" else f"within {text}"
    return text


def _unit(row: Row, lang: str) -> str:
    _, kpi = KPIS[row.kpi]
    if row.percent:
        return "%"
    return ("小时" if lang != "en" else "h") if kpi.unit == "hours" else kpi.measure.of(lang)


def _feeds(replay: Replay, lang: str) -> list[dict[str, Any]]:
    found = []
    for name in replay.feeds:
        feed = feed_named(name)
        stated = name in replay.stated_feeds
        found.append(
            {"feed": name, "name": feed.words.of(lang), "icon": feed.icon, "colour": feed.colour, "stated": stated}
        )
    return sorted(found, key=lambda one: not one["stated"])


def tables(asked: Asked, scope: str) -> Sequence[Table]:
    """The report's figures as the page lists them; no rows where nothing is replayed."""
    zh, lang, known = asked.lang != "en", asked.lang, asked.board.replay
    heads = (
        ("数据流", "数字", "镇（街道）", "报告", "报告的数", "现在", "单位", "结论")
        if zh
        else ("Stream", "Figure", "Town", "Report", "Report's number", "So far", "Unit", "Verdict")
    )
    rows = []
    if known is not None and known.replay is not None:
        for one in known.replay.rows:
            row = _row(asked.board, known.replay, one, lang)
            unit = _unit(one, lang)
            rows.append(
                [row["feed"], row["name"], row["town"], row["stated"], one.stated, one.computed, unit, row["word"]]
            )
    numbers = {4: 0, 5: 1}
    columns = tuple(
        Column(head, "number", numbers[at]) if at in numbers else Column(head) for at, head in enumerate(heads)
    )
    return (Table("figures", "报告的数字" if zh else "The report's figures", columns, rows),)


VIEW = View(
    "replay",
    build,
    clock_only=True,
    open=True,
    tables=tables,
    needs=Permission.FIGURES,
    title=Words("回放", "Replay"),
)
