"""The page 卡点 against one hand-made town: figures, states, fevers, drift, drawer and files; never a person."""

from __future__ import annotations

import json
import re
from typing import Any

from dashboard.queries.asked import canonical
from dashboard.queries.views.checkpoints import VIEW, Picture
from tests.board_sample import SampleBoard
from tests.town_board import GATES, READING, SILENT_TOWN, TOWN, town_board

FIRST, SECOND, THIRD = (gate.code for gate in GATES[:3])


def told(lang: str = "zh", **query: str) -> dict[str, Any]:
    """The page's document under a query."""
    return VIEW.document(VIEW.ask(town_board(), lang, canonical(query)), "all")


def tiles(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The page's figures by KPI."""
    return {one["kpi"]: one for one in data["tiles"]}


def test_the_headline_says_who_waits_and_what_is_silent() -> None:
    assert [(part["text"], part["tone"]) for part in told()["headline"]] == [
        ("查验 2,431 人次", "plain"), ("体温异常 4，2 人待处置", "alert"), ("2 个卡点无读数", "watch"),
    ]  # fmt: skip
    assert not re.search(r"[\u4e00-\u9fff]", json.dumps(told("en")["headline"], ensure_ascii=False))


def test_the_figures_are_the_declared_ones() -> None:
    board, found = town_board(), tiles(told())
    for kpi, tile in found.items():
        assert tile["raw"] == board.figure(kpi).value, kpi
    assert found["fever_rate"]["note"] == "95% 区间 0.06%–0.42%"
    assert (found["checkpoints_online"]["value"], found["checkpoints_online"]["unit"]) == ("1", "/ 3 个")
    assert found["device_drift"]["raw"] == 0.62
    assert found["health_code_mix"]["note"] == "黄码 31·无码 12"


def test_a_checkpoint_narrows_what_is_known_by_checkpoint_and_says_what_is_not() -> None:
    data = told(checkpoint=SECOND)
    found = tiles(data)
    assert (found["screened"]["raw"], found["fever_count"]["raw"]) == (829, 2)
    assert found["fever_rate"]["raw"] == 2 / 829
    assert found["checkpoints_online"]["raw"] == 0
    assert found["device_drift"]["raw"] == 0.11
    assert found["screened"]["dims"] == {"checkpoint": SECOND}
    # The confirmed and the codes are known by town alone: the town's figure stays, and the tile says whose it is.
    assert found["fever_confirmed"]["raw"] == 1
    assert found["fever_confirmed"]["dims"] == {}
    assert "不分卡点" in found["fever_confirmed"]["note"]
    assert data["hours"]["note"] == "按镇，不分卡点"
    assert [row["key"] for row in data["rows"]] == [SECOND]


def test_states_filter_and_count() -> None:
    choices = {one["value"]: one["count"] for one in told()["bar"]["filters"][2]["choices"]}
    assert choices == {"online": 1, "offline": 2, "off": 0, "fever": 2, "waiting": 1}
    assert {row["key"] for row in told(state="offline")["rows"]} == {SECOND, THIRD}
    assert [row["key"] for row in told(state="waiting")["rows"]] == [FIRST]
    assert any("nowhere" in text for text in told(checkpoint="nowhere")["bar"]["notices"])


def test_rows_stand_by_urgency_and_fevers_by_what_waits() -> None:
    data = told()
    assert [row["key"] for row in data["rows"]] == [FIRST, SECOND, THIRD]
    assert [one["case"] for one in data["fevers"]] == ["A-17", "A-16", "A-09", "A-04"]
    assert [one["open"] for one in data["fevers"]] == [True, True, False, False]
    assert [point[4] for point in data["map"]["points"]] == [1, 0, 0]
    assert data["rows"][2]["last"] == "从未上报"


def test_the_hours_are_the_summarys_and_the_fevers_stand_on_them() -> None:
    hours = told()["hours"]
    assert tuple(hours["today"]) == READING.hourly
    assert sum(one["closed"] + one["open"] for one in hours["strip"]["hours"]) == len(READING.fevers)
    assert hours["peak"] == {"hour": 7, "text": "402"}
    rows = {row["town"]: row for row in told()["matrix"]["rows"]}
    assert tuple(rows[TOWN]["cells"]) == READING.hourly
    assert (rows[SILENT_TOWN]["raw"], rows[SILENT_TOWN]["text"]) == (None, "未报")


def test_a_drift_beyond_the_limit_is_marked_with_its_sign() -> None:
    drifts = told()["drifts"]
    assert [(one["device"], one["text"], one["over"]) for one in drifts["rows"]] == [
        ("D-0012", "−0.62 ℃", True), ("D-0015", "+0.11 ℃", False),
    ]  # fmt: skip
    assert drifts["rows"][0]["share"] == -1


def test_the_drawer_holds_a_checkpoints_day_and_nobody() -> None:
    drawer = told(open=FIRST)["drawer"]
    assert drawer["key"] == FIRST
    assert drawer["due"]["text"] == "2 人待处置"
    fevers, devices = drawer["sections"]
    assert [item["text"].split("·")[0].split(" ")[0] for item in fevers["items"]] == ["A-17", "A-16"]
    assert len(devices["items"]) == 1
    assert {row["head"]: row["text"] for row in drawer["rows"]}["查验"] == "1,602"
    assert told(open="nowhere")["drawer"] is None
    assert "person" not in json.dumps(told(), ensure_ascii=False)


def test_the_files_hold_real_numbers() -> None:
    asked = VIEW.ask(town_board(), "zh", canonical({"checkpoint": FIRST}))
    assert VIEW.tables is not None
    found = {table.name: table for table in VIEW.tables(asked, "all")}
    assert set(found) == {one["name"] for one in told()["tables"]}
    assert [row[0] for row in found["checkpoints"].rows] == [FIRST]
    assert [row[0] for row in found["fevers"].rows] == ["A-17", "A-16"]
    values = {row[0]: row[4] for row in found["figures"].rows}
    assert values["screened"] == 1_602
    for table in found.values():
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_over_nine_towns_checkpoints_add_up_to_their_towns() -> None:
    board = SampleBoard()
    asked = VIEW.ask(board, "zh", ())
    picture = Picture(asked)
    assert sum(row.now.fever for row in picture.rows) == picture.figure("fever_count").value
    assert picture.figure("screened").value == board.figure("screened").value
    every = tuple(sorted({row.code for row in picture.rows}))
    narrowed = Picture(VIEW.ask(board, "zh", canonical({"state": "online,offline,off"})))
    assert tuple(sorted(row.code for row in narrowed.rows)) == every
