"""The system page's document: what is told is shown, what is not told reads “—”, what is wrong has a shape."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from dashboard.queries.board import Board
from dashboard.queries.views.system import build
from tests.town_board import NOW, READING, SILENT_TOWN, TOWN, TRACK, town_board
from tests.unit.test_town_view import LANGUAGES, PHONE_OR_ID, texts

HEALTH: dict[str, Any] = {
    "partitions": [
        {"partition": 0, "lag": 3, "pending": 2, "owner": "worker-1", "fence": 12, "rate": 41.2},
        {"partition": 1, "lag": 90_000, "pending": 0, "owner": None, "fence": 13, "rate": 0.0},
    ],
    "redis": {
        "version": "6.2.14",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory_policy": "noeviction",
        "used_memory": 41_234_567,
        "aof_ok": True,
    },
    "database": {
        "kind": "sqlite",
        "size_bytes": 824_123_456,
        "events": 1_204_311,
        "known_seq": 48_213,
        "migration": "0003",
    },
    "dead": {
        "total": 31,
        "open": 4,
        "latest": [
            {
                "id": 7,
                "feed": "temperature",
                "source": "kiosk-1",
                "received_at": NOW - 60_000,
                "field": "celsius",
                "got": "88.1",
                "allowed": "30–45",
                "message": "",
            }
        ]
        * 25,
    },
    "sources": [
        {
            "source": "kiosk-1",
            "last_received": NOW - 41_000,
            "clock_offset_ms": -420,
            "accepted": 120_311,
            "rejected": 3,
        },
        {"source": "patrol-app", "last_received": None, "clock_offset_ms": 412_000, "accepted": 0, "rejected": 0},
    ],
    "disk": {"free_bytes": 51_234_567_890, "days_left": 5},
    "records": {"patrol": {TOWN: {"today": 8_812}}, "temperature": {TOWN: {"today": READING.screened}}},
    "hub": {"build": "a1b2c3d4", "sockets": 3},
}


def facts(panel: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {row["label"]: (row["value"], row["shape"]) for row in panel["rows"]}


def test_every_feed_of_every_town_has_its_age_and_its_records() -> None:
    matrix = build(town_board(**HEALTH), "all", "zh")["matrix"]
    cells = {(row["town"], cell["feed"]): cell for row in matrix["rows"] for cell in row["cells"]}
    patrol = cells[TOWN, "patrol"]
    assert (patrol["freshness"], patrol["received"], patrol["age"], patrol["today"]) == (
        "fresh",
        TRACK.last_received,
        "8 秒前",
        "8,812",
    )
    assert cells["all", "temperature"]["today"] == "2,431"
    silent = cells[SILENT_TOWN, "patrol"]
    assert (silent["freshness"], silent["age"], silent["today"], silent["shape"]) == ("silent", "—", "—", "stale")


def of_two_feeds(**given: Any) -> Board:
    """The board of a viewer who may see patrols and temperatures only."""
    board = town_board(**given)
    board.viewer = msgspec.structs.replace(board.viewer, feeds=frozenset({"patrol", "temperature"}))
    return board


def test_headline_tells_feeds_backlog_and_rejected_records() -> None:
    said = [part["text"] for part in build(of_two_feeds(**HEALTH), "all", "zh")["headline"]]
    assert said == ["2 路数据都在更新", "待处理 90,003 条", "退回待改 4 条"]


def test_a_database_that_is_away_leads_the_headline() -> None:
    told = build(town_board(**{**HEALTH, "database": {"away": "数据库没有应答（Connection refused）"}}), "all", "zh")
    assert told["headline"][0] == {"text": "数据库没有应答，记录留在路上，恢复后自动继续", "tone": "alert"}


def test_a_silent_feed_leads_the_headline() -> None:
    first = build(of_two_feeds(reading=None, **HEALTH), "all", "zh")["headline"][0]
    assert (first["text"], first["tone"]) == ("体温没有新数据", "alert")


def test_settings_that_lose_data_are_alerts() -> None:
    redis = facts(build(town_board(**HEALTH), "all", "zh")["redis"])
    assert redis["落盘"] == ("everysec", "alert")
    assert redis["追加日志"] == ("yes", "ok")
    assert redis["内存策略"] == ("noeviction", "ok")


def test_an_unowned_partition_and_a_long_backlog_stand_out() -> None:
    rows = build(town_board(**HEALTH), "all", "zh")["worker"]["rows"]
    assert [row["shape"] for row in rows] == ["ok", "alert"]
    assert rows[1]["cells"][4] == "无主"


def test_a_source_whose_clock_is_off_is_marked() -> None:
    first, second = build(town_board(**HEALTH), "all", "zh")["sources"]["rows"]
    assert (first["offset"], first["shape"]) == ("无", "")
    assert (second["offset"], second["shape"], second["age"]) == ("快 6 分", "watch", "—")


def test_a_source_tells_how_long_its_records_take_and_whether_its_clock_runs_ahead() -> None:
    slow, ahead = {**HEALTH["sources"][0], "delay_ms": 184_000}, {**HEALTH["sources"][0], "delay_ms": -420_000}
    first, second = build(town_board(**{**HEALTH, "sources": [slow, ahead]}), "all", "zh")["sources"]["rows"]
    assert (first["delay"], first["offset"], first["shape"]) == ("3 分", "无", "")
    assert (second["delay"], second["offset"], second["shape"]) == ("—", "快 7 分", "watch")


def test_growth_is_told_in_records_and_bytes() -> None:
    disk = {"free_bytes": 51_000_000_000, "days_left": 40.2, "per_day": 2_400_000.0, "per_event": 500.0}
    told = facts(build(town_board(**{**HEALTH, "disk": disk}), "all", "zh")["machine"])
    assert told["每天增加"][0] == "2,400,000 条，1.1 GB"
    assert told["预计写满"] == ("40 天", "ok")


def test_a_disk_that_fills_within_a_week_is_an_alert() -> None:
    assert facts(build(town_board(**HEALTH), "all", "en")["machine"])["Full in"] == ("5 days", "alert")


def test_at_most_twenty_dead_letters_with_links() -> None:
    dead = build(town_board(**HEALTH), "all", "zh")["dead"]
    assert len(dead["rows"]) == 20
    assert dead["rows"][0]["link"] == "/api/v1/dead-letters/7"
    assert (dead["rows"][0]["field"], dead["open"], dead["total"]) == ("体温", "4", "31")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_not_told_reads_as_missing(lang: str) -> None:
    document = build(town_board(), "all", lang)
    for panel in ("redis", "machine"):
        assert {row["value"] for row in document[panel]["rows"]} == {"—"}
    assert document["worker"]["rows"] == []
    assert document["worker"]["empty"]
    assert document["sources"]["rows"] == []
    assert document["dead"]["rows"] == []
    assert document["dead"]["open"] == "—"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nulls_in_what_is_told_read_as_missing(lang: str) -> None:
    holes: dict[str, Any] = {
        key: dict.fromkeys(value) if isinstance(value, dict) else [dict.fromkeys(row) for row in value]
        for key, value in HEALTH.items()
    }
    for text in texts(build(town_board(**holes), "all", lang)):
        assert not re.search(r"\b(None|NaN|null)\b", text), text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_pattern_of_a_phone_or_id_number(lang: str) -> None:
    assert not [text for text in texts(build(town_board(**HEALTH), "all", lang)) if PHONE_OR_ID.search(text)]


def test_english_is_english() -> None:
    names = [town.name for town in town_board().pack.towns] + [town_board().pack.name]
    for text in texts(build(town_board(**HEALTH), "all", "en")):
        for name in names:
            text = text.replace(name, "")
        assert not re.search(r"[\u4e00-\u9fff]", text), text
