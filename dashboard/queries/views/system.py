"""The system page, for administrators: is every feed alive, does the worker keep up, is what was accepted safe.

Numbers about the machinery come from ``board.health`` as the stores and the worker left them; whatever is not known
reads “—”, never 0. Dead letters are shown with the masked text that was stored, never with the record itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.feed import Words
from dashboard.domain.figure import Freshness
from dashboard.feeds import FEEDS
from dashboard.queries import single, wording
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

SHAPES = {Freshness.FRESH: "ok", Freshness.LATE: "watch", Freshness.STALE: "stale", Freshness.SILENT: "stale"}
FRESH_WORDS = {
    Freshness.FRESH: Words("正常", "Fresh"),
    Freshness.LATE: Words("迟到", "Late"),
    Freshness.STALE: Words("滞后", "Stale"),
    Freshness.SILENT: Words("无数据", "Silent"),
}
LAG_WATCH, LAG_ALERT = 5_000, 60_000
"""Entries waiting in one partition: at some 5,000 records a second one second and twelve seconds of work."""
CLOCK_WATCH_MS = 5 * 60_000
"""A source's clock beyond this is marked (EXACTNESS 12)."""
DISK_WATCH_DAYS, DISK_ALERT_DAYS = 30, 7
LATEST = 20


def build(board: Board, scope: str, lang: str) -> dict[str, Any]:
    """Everything the system page draws, over the towns the viewer may see."""
    health: Mapping[str, Any] = getattr(board, "health", None) or {}
    return {
        "headline": headline(board, health, lang),
        "sub": _sub(board, lang),
        "matrix": _matrix(board, health, lang),
        "clock": _clock(board, lang),
        "worker": _worker(health, lang),
        "redis": _redis(_map(health, "redis"), lang),
        "database": _database(board, _map(health, "database"), lang),
        "dead": _dead(board, _map(health, "dead"), lang),
        "sources": _sources(board, health, lang),
        "machine": _machine(_map(health, "disk"), _map(health, "hub"), lang),
    }


def _map(health: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = health.get(key)
    return found if isinstance(found, Mapping) else {}


def _list(health: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    found = health.get(key)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list | tuple) else []


def headline(board: Board, health: Mapping[str, Any], lang: str) -> list[dict[str, str]]:
    """A few clauses: a database that is away, partitions without a worker, feeds, backlog, dead letters."""
    zh = lang != "en"
    old = [feed for feed in board.feeds if board.freshness(feed.name)[0] in (Freshness.STALE, Freshness.SILENT)]
    said: list[dict[str, str]] = []
    if _map(health, "database").get("away"):
        text = (
            "数据库没有应答，记录留在路上，恢复后自动继续"
            if zh
            else "The database does not answer; records wait for it"
        )
        said.append({"text": text, "tone": "alert"})
    if _map(health, "disk").get("low"):
        text = "磁盘空间低于保留量，暂不接收记录" if zh else "The disk is below its reserve: nothing is taken"
        said.append({"text": text, "tone": "alert"})
    idle = sum(1 for row in _list(health, "partitions") if row.get("idle"))
    if idle:
        text = f"{idle} 个分区没有进程在处理，记录留在路上" if zh else f"no worker for {idle} partitions; records wait"
        said.append({"text": text, "tone": "alert"})
    if old:
        names = ("、" if zh else ", ").join(feed.short.of(lang) for feed in old)
        text = f"{names}没有新数据" if zh else f"{names}: no fresh data"
        said.append({"text": text, "tone": "alert"})
    else:
        text = f"{len(board.feeds)} 路数据都在更新" if zh else f"All {len(board.feeds)} feeds are alive"
        said.append({"text": text, "tone": "plain"})
    lag = _total_lag(health)
    if lag is None:
        said.append({"text": "处理进度未知" if zh else "worker state unknown", "tone": "stale"})
    else:
        text = f"待处理 {wording.count(lag, lang)} 条" if zh else f"{wording.count(lag, lang)} waiting"
        said.append({"text": text, "tone": "alert" if lag >= LAG_ALERT else "plain"})
    dead = _map(health, "dead").get("open")
    if isinstance(dead, int) and dead:
        text = f"退回待改 {wording.count(dead, lang)} 条" if zh else f"{wording.count(dead, lang)} rejected"
        said.append({"text": text, "tone": "watch"})
    return said


def _total_lag(health: Mapping[str, Any]) -> int | None:
    lags = [row.get("lag") for row in _list(health, "partitions")]
    known = [lag for lag in lags if isinstance(lag, int)]
    return sum(known) if known and len(known) == len(lags) else None


def _sub(board: Board, lang: str) -> str:
    return wording.join([wording.date_line(board.day, lang), wording.as_of(board.now, board.zone, lang)], lang)


def _matrix(board: Board, health: Mapping[str, Any], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    records = _map(health, "records")
    feeds = [
        {
            "feed": feed.name,
            "label": feed.words.of(lang),
            "icon": feed.icon,
            "colour": feed.colour,
            **_limits(feed.name, lang),
        }
        for feed in board.feeds
    ]
    rows = [_matrix_row(board, records, "all", "全区" if zh else "Region", "", lang)] if len(board.towns) > 1 else []
    for code in board.towns:
        town = board.pack.town_by_code[code]
        rows.append(_matrix_row(board, records, code, town.name, town.name_en, lang))
    return {
        "title": "各镇数据" if zh else "Feeds by town",
        "note": "最近一条，今天条数" if zh else "last record, records today",
        "town": "镇（街道）" if zh else "Town",
        "feeds": feeds,
        "rows": rows,
    }


def _limits(name: str, lang: str) -> dict[str, str]:
    limits = FEEDS[name].limits
    late, stale = wording.span(limits.late, lang), wording.span(limits.stale, lang)
    return {"limits": f"{late} 迟到，{stale} 滞后" if lang != "en" else f"late after {late}, stale after {stale}"}


def _matrix_row(
    board: Board, records: Mapping[str, Any], code: str, name: str, name_en: str, lang: str
) -> dict[str, Any]:
    cells = []
    for feed in board.feeds:
        freshness, received = board.freshness(feed.name, code)
        per_town = _map(records, feed.name)
        told = _map(per_town, code)
        today = _number(told.get("today")) if code != "all" else _sum_today(per_town, board.towns)
        last = received if received is not None else _number(told.get("last_received"))
        cells.append(
            {
                "feed": feed.name,
                "shape": SHAPES[freshness],
                "freshness": str(freshness),
                "word": FRESH_WORDS[freshness].of(lang),
                "received": last,
                "age": wording.ago(board.now - last, lang) if last is not None else wording.MISSING,
                "at": wording.moment(last, board.day, board.zone, lang) if last is not None else "",
                "today": _text(today, lang),
            }
        )
    return {"town": code, "name": name, "name_en": name_en, "cells": cells}


def _sum_today(per_town: Mapping[str, Any], towns: Sequence[str]) -> int | None:
    counts = [_number(_map(per_town, town).get("today")) for town in towns]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any, lang: str) -> str:
    """A count, a word, or “—” for whatever was not told."""
    if value is None or value == "":
        return wording.MISSING
    if isinstance(value, bool):
        return ("是" if value else "否") if lang != "en" else ("yes" if value else "no")
    if isinstance(value, int):
        return wording.count(value, lang)
    if isinstance(value, float):
        return wording.decimal(value, 1)
    return str(value)


def _row(label: Words, value: str, lang: str, shape: str = "", note: str = "") -> dict[str, str]:
    return {"label": label.of(lang), "value": value, "shape": shape, "note": note}


def _clock(board: Board, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    replay = board.world == "replay"
    world = ("回放" if replay else "实况") if zh else ("Replay" if replay else "Live")
    speed = f"×{board.speed:g}"
    return {
        "title": "时钟" if zh else "Clock",
        "now": board.now,
        "rows": [
            _row(Words("世界", "World"), world, lang, "watch" if replay else "ok"),
            _row(Words("速度", "Speed"), speed, lang),
            _row(Words("时刻", "Time"), wording.clock_seconds(board.now, board.zone), lang),
            _row(Words("当天", "Day"), wording.date_line(board.day, lang), lang),
            _row(Words("时区", "Time zone"), board.zone, lang),
            _row(Words("区域包", "Region pack"), board.pack.version or wording.MISSING, lang, note=board.pack.name),
        ],
    }


def _worker(health: Mapping[str, Any], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    rows = []
    for told in _list(health, "partitions"):
        lag = told.get("lag")
        shape = "stale" if lag is None else "alert" if lag >= LAG_ALERT else "watch" if lag >= LAG_WATCH else "ok"
        rows.append(
            {
                "shape": shape if told.get("owner") else "alert",
                "cells": [
                    _text(told.get("partition"), lang)
                    if isinstance(told.get("partition"), str)
                    else _plain(told.get("partition")),
                    _text(lag, lang),
                    _text(told.get("pending"), lang),
                    _rate(told.get("rate"), lang),
                    _text(told.get("owner"), lang) if told.get("owner") else ("无主" if zh else "unowned"),
                    _plain(told.get("fence")),
                ],
            }
        )
    return {
        "title": "处理进程" if zh else "Worker",
        "heads": ["分区", "积压", "处理中", "速率", "归属", "令牌"]
        if zh
        else ["Partition", "Lag", "Pending", "Rate", "Owner", "Fence"],
        "rows": rows,
        "empty": "没有处理进程的消息" if zh else "Nothing heard of the worker",
    }


def _plain(value: Any) -> str:
    return wording.MISSING if value is None else str(value)


def _rate(value: Any, lang: str) -> str:
    if not isinstance(value, int | float):
        return wording.MISSING
    number = wording.count(round(value), lang) if value >= 10 else wording.decimal(float(value), 1)
    return f"{number} 条/秒" if lang != "en" else f"{number}/s"


def _redis(told: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """Durability as the server itself reports it, not as it was configured (EXACTNESS 1)."""
    zh = lang != "en"
    aof = told.get("appendonly")
    fsync = told.get("appendfsync")
    policy = told.get("maxmemory_policy")
    ok = told.get("aof_ok")
    return {
        "title": "Redis",
        "note": "读回的设置" if zh else "settings as read back",
        "rows": [
            _row(Words("版本", "Version"), _text(told.get("version"), lang), lang),
            _row(Words("追加日志", "Append-only file"), _text(aof, lang), lang, _expects(aof, ("yes", True, "是"))),
            _row(Words("落盘", "Fsync"), _text(fsync, lang), lang, _expects(fsync, ("always",))),
            _row(Words("内存策略", "Eviction"), _text(policy, lang), lang, _expects(policy, ("noeviction",))),
            _row(Words("内存", "Memory"), wording.bytes_text(told.get("used_memory")), lang),
            _row(
                Words("日志状态", "AOF state"),
                wording.MISSING
                if ok is None
                else (("正常" if zh else "ok") if ok else ("写入失败" if zh else "write failed")),
                lang,
                "" if ok is None else "ok" if ok else "alert",
            ),
        ],
    }


def _expects(value: Any, allowed: tuple[Any, ...]) -> str:
    return "" if value is None else "ok" if value in allowed else "alert"


def _database(board: Board, told: Mapping[str, Any], lang: str) -> dict[str, Any]:
    seq = told.get("known_seq")
    return {
        "title": "数据库" if lang != "en" else "Database",
        "rows": [
            _row(Words("种类", "Kind"), _text(told.get("kind"), lang), lang),
            _row(Words("大小", "Size"), wording.bytes_text(told.get("size_bytes")), lang),
            _row(Words("记录", "Events"), _text(told.get("events"), lang), lang),
            _row(Words("已提交版本", "known_seq"), _text(seq, lang), lang),
            _row(Words("本页版本", "Seq on this page"), _text(board.seq, lang), lang),
            _row(Words("迁移", "Migration"), _plain(told.get("migration")), lang),
        ],
    }


def _dead(board: Board, told: Mapping[str, Any], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    latest = _list(told, "latest")[:LATEST]
    reasons = _reasons(told, latest, lang)
    rows = [
        {
            "id": _plain(row.get("id")),
            "link": f"/api/v1/dead-letters/{row['id']}" if row.get("id") is not None else "",
            "time": _moment(board, row.get("received_at"), lang),
            "feed": FEEDS[row["feed"]].short.of(lang) if row.get("feed") in FEEDS else _plain(row.get("feed")),
            "source": _plain(row.get("source")),
            "field": _field(row.get("feed"), row.get("field"), lang),
            "got": _plain(row.get("got")),
            "allowed": _plain(row.get("allowed")),
            "message": row.get("message") or "",
        }
        for row in single.rows(board, latest)
    ]
    return {
        "title": "退回待改" if zh else "Rejected records",
        "open": _text(told.get("open"), lang),
        "total": _text(told.get("total"), lang),
        "count": _dead_count(told, lang),
        "reasons": reasons,
        "heads": ["时间", "数据", "来源", "字段", "得到", "允许"]
        if zh
        else ["Time", "Feed", "Source", "Field", "Got", "Allowed"],
        "rows": rows,
        "link": "全部（接口）" if zh else "All (API)",
        "note": f"最近 {len(rows)} 条" if zh else f"latest {len(rows)}",
        "empty": single.empty(board, lang, "没有退回的记录" if zh else "No record was rejected")
        if told
        else ("读取不到退回记录" if zh else "Rejected records unknown"),
    }


def _dead_count(told: Mapping[str, Any], lang: str) -> str:
    waiting, total = _text(told.get("open"), lang), _text(told.get("total"), lang)
    return f"待改 {waiting}，累计 {total}" if lang != "en" else f"{waiting} open, {total} in all"


def _reasons(told: Mapping[str, Any], latest: Sequence[Mapping[str, Any]], lang: str) -> list[dict[str, Any]]:
    """Counts by field: as the store told them, else over the latest letters."""
    given = told.get("by_field")
    counts: dict[str, int] = {}
    if isinstance(given, Mapping):
        counts = {str(key): int(count) for key, count in given.items() if isinstance(count, int)}
    else:
        for row in latest:
            counts[str(row.get("field") or "")] = counts.get(str(row.get("field") or ""), 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:8]
    return [
        {"field": _field(None, field, lang), "count": wording.count(count, lang), "value": count}
        for field, count in ordered
    ]


def _field(feed: Any, name: Any, lang: str) -> str:
    """A declared field by its label; ``id``, ``at`` and the like stay as they are written in a record."""
    feeds = [FEEDS[feed]] if feed in FEEDS else list(FEEDS.values())
    for declared in feeds:
        field = declared.field(str(name))
        if field is not None:
            return field.words.of(lang)
    return _plain(name or None)


def _moment(board: Board, at: Any, lang: str) -> str:
    return wording.moment(int(at), board.day, board.zone, lang) if isinstance(at, int | float) else wording.MISSING


def _sources(board: Board, health: Mapping[str, Any], lang: str) -> dict[str, Any]:
    zh = lang != "en"
    rows = []
    for told in _list(health, "sources"):
        last, offset = _number(told.get("last_received")), _number(told.get("clock_offset_ms"))
        delay = _number(told.get("delay_ms"))
        if delay is not None and delay < 0:
            # Records that come before they happen: half of the latest ones, so it is the clock and not one of them.
            offset = -delay
        skewed = offset is not None and abs(offset) > CLOCK_WATCH_MS
        rows.append(
            {
                "source": _plain(told.get("source")),
                "received": last,
                "age": wording.ago(board.now - last, lang) if last is not None else wording.MISSING,
                "delay": _delay(delay, lang),
                "offset": _offset(offset, lang),
                "shape": "watch" if skewed else "",
                "accepted": _text(told.get("accepted"), lang),
                "rejected": _text(told.get("rejected"), lang),
            }
        )
    return {
        "title": "来源" if zh else "Sources",
        "note": "用时取中位数；时钟偏差超过 5 分会标出"
        if zh
        else "delays are medians; clock offsets over 5 min are marked",
        "heads": ["来源", "最近一条", "到达用时", "时钟偏差", "收下", "退回"]
        if zh
        else ["Source", "Last record", "Delay", "Clock offset", "Accepted", "Rejected"],
        "rows": rows,
        "empty": "还没有来源上报" if zh else "No source has reported yet",
    }


def _delay(delay: int | None, lang: str) -> str:
    """The median of received less happened: the way here, and how much a clock is behind."""
    if delay is None or delay < 0:
        return wording.MISSING
    if delay < 1000:
        return "不到 1 秒" if lang != "en" else "under 1 s"
    return wording.span(delay, lang)


def _offset(offset: int | None, lang: str) -> str:
    if offset is None:
        return wording.MISSING
    if abs(offset) < 1000:
        return "无" if lang != "en" else "none"
    span = wording.span(abs(offset), lang)
    if lang != "en":
        return f"快 {span}" if offset > 0 else f"慢 {span}"
    return f"{span} ahead" if offset > 0 else f"{span} behind"


HUB = {
    "build": Words("构建", "Build"),
    "sockets": Words("连接", "Sockets"),
    "subscriptions": Words("订阅", "Subscriptions"),
    "views": Words("视图", "Views"),
}


def _growth(disk: Mapping[str, Any], lang: str) -> str:
    """Events and bytes a day over the last week."""
    events, each = disk.get("per_day"), disk.get("per_event")
    if not isinstance(events, int | float) or not isinstance(each, int | float):
        return wording.MISSING
    size = wording.bytes_text(int(events * each))
    number = wording.count(round(events), lang)
    return f"{number} 条，{size}" if lang != "en" else f"{number} records, {size}"


def _machine(disk: Mapping[str, Any], hub: Mapping[str, Any], lang: str) -> dict[str, Any]:
    days = _number(disk.get("days_left"))
    shape = "" if days is None else "alert" if days < DISK_ALERT_DAYS else "watch" if days < DISK_WATCH_DAYS else "ok"
    left = wording.MISSING if days is None else f"{wording.count(days, lang)} {'天' if lang != 'en' else 'days'}"
    rows = [
        _row(Words("磁盘可用", "Disk free"), wording.bytes_text(disk.get("free_bytes")), lang),
        _row(Words("每天增加", "Growth a day"), _growth(disk, lang), lang),
        _row(Words("预计写满", "Full in"), left, lang, shape),
        *(
            _row(words, _plain(hub.get(key)) if key == "build" else _text(hub.get(key), lang), lang)
            for key, words in HUB.items()
        ),
    ]
    return {"title": "本机与页面" if lang != "en" else "Machine and pages", "rows": rows}


VIEW = View("system", build, clock_only=True, needs=Permission.SYSTEM, cases=True)
