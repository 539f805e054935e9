"""The town page's document: its numbers are the board's, in both languages, and nobody of the public has a name."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.summary import FeverState, Judged, ObligationState
from dashboard.queries.duties import due_in
from dashboard.queries.views.town import build
from tests.town_board import DISPUTES, ENTERPRISES, GATES, NOW, READING, SILENT_TOWN, START, TOWN, TRACK, at, town_board

LANGUAGES = ("zh", "en")
PHONE_OR_ID = re.compile(r"(?<!\d)(1[3-9]\d{9}|\d{17}[\dXx])(?!\d)")


def texts(value: Any) -> list[str]:
    """Every text in a document."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    return [text for item in value for text in texts(item)] if isinstance(value, list | tuple) else []


def said(document: dict[str, Any]) -> str:
    return "，".join(part["text"] for part in document["headline"])


def test_the_headline_is_the_answer() -> None:
    assert said(build(town_board(), TOWN, "zh")) == "今天还有 11 件未办，1 件正在告警，4 件已超时"
    assert said(build(town_board(), TOWN, "en")) == "11 items still to do today，1 burning，4 overdue"


def test_the_sub_line_tells_date_shift_handover_and_as_of() -> None:
    assert build(town_board(), TOWN, "zh")["sub"]["text"] == (
        "2月24日 星期一·白班 08:00–20:00·距交班 5 小时 28 分·截至 14:32"
    )
    assert build(town_board(now=at(23)), TOWN, "en")["sub"]["short"] == "handover in 9 h 0 min · as of 23:00"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_rows_cards_groups_and_pins_tell_the_same_number(lang: str) -> None:
    board = town_board(dispute=DISPUTES, enterprise=ENTERPRISES)
    document = build(board, TOWN, lang)
    rows = document["rows"]
    assert len(rows) == len(due_in(board, TOWN)) == sum(card["value"] for card in document["cards"])
    assert [card["kind"] for card in document["cards"]] == ["visit", "fever", "checkpoint", "dispute", "enterprise"]
    for card in document["cards"]:
        assert card["value"] == sum(1 for row in rows if row["kind"] == card["kind"])
    # What has no place stands in the list alone.
    placed = [row["number"] for row in rows if row["number"] and row["lon"] is not None]
    assert [pin["number"] for pin in document["map"]["pins"]] == placed
    assert sum(int(group["count"].split()[0]) for group in document["groups"]) == len(rows)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_declared_figure_is_there_with_the_boards_value(lang: str) -> None:
    board = town_board()
    tiles = {tile["kpi"]: tile for panel in build(board, TOWN, lang)["figures"] for tile in panel["tiles"]}
    declared = {kpi.key for feed in board.feeds for kpi in feed.kpis}
    assert set(tiles) == declared
    for key, tile in tiles.items():
        figure = board.figure(key, TOWN)
        assert (tile["raw"], tile["freshness"], tile["town"]) == (figure.value, str(figure.freshness), TOWN)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_help_agrees_with_the_figure_on_the_screen(lang: str) -> None:
    tiles = {tile["kpi"]: tile for panel in build(town_board(), TOWN, lang)["figures"] for tile in panel["tiles"]}
    coverage = tiles["patrol_coverage"]
    rows = {row["head"]: row["number"] for row in coverage["help"]["rows"]}
    heads = ("分子", "分母", "不计入") if lang == "zh" else ("Numerator", "Denominator", "Left out")
    assert coverage["value"] == "60.0"
    assert [rows[head] for head in heads[:2]] == ["3", "5"]
    assert "5" in rows[heads[2]]
    assert "1" in rows[heads[2]]
    assert coverage["help"]["seq"] == "48,213"
    assert coverage["status"] == "alert"


def test_a_fever_is_a_case_number_and_says_by_which_rule() -> None:
    row = build(town_board(), TOWN, "zh")["rows"][0]
    assert row["title"] == "高速姚庄出口 37.9 ℃，1 人待复测"
    assert row["sub"] == "个案 A-17 · 14:29 测得"
    assert (row["due"], row["limit"]) == ("未签收 3 分", "14:59 前复测")
    assert {"head": "判定", "text": "达到阈值（红外·额）"} in row["detail"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_pattern_of_a_phone_or_id_number_and_no_raw_missing_value(lang: str) -> None:
    document = build(town_board(), TOWN, lang)
    for text in texts(document):
        assert not PHONE_OR_ID.search(text), text
        assert not re.search(r"\b(None|NaN|null|nan)\b", text), text
    assert "person" not in {key for row in document["rows"] for key in row}


def test_english_has_no_chinese_but_names_of_places_and_staff() -> None:
    board = town_board()
    names = [place.name for place in board.pack.places] + [unit.leader for unit in board.pack.units]
    names += [town.name for town in board.pack.towns] + [board.pack.name]
    for text in texts(build(board, TOWN, "en")):
        for name in names:
            text = text.replace(name, "")
        assert not re.search(r"[\u4e00-\u9fff]", text), text


def test_an_overdue_visit_names_its_units_and_last_visit() -> None:
    row = next(row for row in build(town_board(), TOWN, "zh")["rows"] if row["group"] == "overdue")
    assert (row["title"], row["owner"], row["due"]) == ("银水庙 2 号点 未巡", "一组 何涛·二组 许斌", "超 2 小时 32 分")
    detail = {item["head"]: item["text"] for item in row["detail"]}
    assert detail["上次到访"] == "2月23日 20:00 · 18 小时 32 分前"
    assert [item["state"] for item in row["history"]] == ["lapsed", "open", "open"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_town_that_sent_nothing_is_not_reported_and_never_zero(lang: str) -> None:
    document = build(town_board(), SILENT_TOWN, lang)
    assert document["headline"][0]["tone"] == "stale"
    assert {card["undone"] for card in document["cards"]} == {"—"}
    for panel in document["figures"]:
        for tile in panel["tiles"]:
            assert (tile["value"], tile["raw"], tile["status"]) == ("—", None, "silent")
    assert document["hourly"]["empty"]
    assert document["shift"]["empty"]


def test_everything_done_says_so_and_names_what_is_next() -> None:
    track = msgspec.structs.replace(
        TRACK,
        obligations=tuple(
            msgspec.structs.replace(judged, state=ObligationState.MET, met_at=judged.start)
            for judged in TRACK.obligations
        ),
    )
    settled = tuple(msgspec.structs.replace(fever, state=FeverState.CLEARED) for fever in READING.fevers)
    online = tuple(msgspec.structs.replace(point, online=True) for point in READING.checkpoints)
    board = town_board(track, msgspec.structs.replace(READING, fevers=settled, checkpoints=online))
    document = build(board, TOWN, "zh")
    assert said(document) == "今天的事项已全部办完"
    assert document["empty"] == {"title": "今天的事项已全部办完", "text": "下一批 2月25日 12:00 到期，6 处"}
    assert document["rows"] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_case_says_what_it_is_who_sees_to_it_and_how_long_it_is_over(lang: str) -> None:
    zh = lang == "zh"
    document = build(town_board(dispute=DISPUTES, enterprise=ENTERPRISES), TOWN, lang)
    rows = {row["key"][-5:]: row for row in document["rows"]}
    wages, stuck = rows["D0001"], rows["E0001"]
    assert wages["title"] == ("工资报酬·D0001" if zh else "Wages · D0001")
    assert (wages["owner"], wages["due"]) == ("陆敏", "超 1 天 2 小时" if zh else "1 d 2 h over")
    assert "4" in wages["sub"]
    assert wages["href"] == f"/disputes?open={TOWN}-D0001"
    assert wages["steps"] is None
    assert stuck["title"] == ("万柏包装卡在审核" if zh else "万柏包装, reviewing")
    assert (stuck["owner"], stuck["limit"]) == ("徐静", "时限 48 小时" if zh else "limit 48 h")
    assert stuck["steps"] == {"passed": 2, "all": 6, "stuck": True}
    assert stuck["href"] == f"/enterprises?open={TOWN}-E0001"
    assert [step["state"] for step in stuck["history"]] == ["met", "met", "lapsed"]
    assert rows["D0003"]["owner"] == ""
    assert rows["E0002"]["title"] == ("禾序食品 批准" if zh else "禾序食品, approved")


def test_what_enterprises_owe_stands_beside_the_card_with_a_way_to_its_page() -> None:
    owed = Judged(f"{TOWN}-E0004", START, START + 24 * HOUR - 1, 1, ObligationState.OPEN, None, "enterprise")
    track = msgspec.structs.replace(TRACK, obligations=(*TRACK.obligations, owed))
    card = build(town_board(track), TOWN, "zh")["cards"][0]
    assert card["beside"] == {"text": "复工企业已巡 0/1", "href": f"/patrols?town={TOWN}&target=enterprise"}
    assert (card["value"], card["done"]) == (7, "已巡 3/11")


def test_a_stale_feed_marks_its_cards_and_rows_with_the_time_of_its_data() -> None:
    board = town_board(reading=msgspec.structs.replace(READING, last_received=NOW - 31 * MINUTE))
    document = build(board, TOWN, "zh")
    assert [card["old"] for card in document["cards"][:3]] == [False, True, True]
    assert {row["old"] for row in document["rows"] if row["feed"] == "temperature"} == {"14:01"}
    assert {row["old"] for row in document["rows"] if row["feed"] == "patrol"} == {""}
    assert document["hourly"]["old_from"] == 14 * 60 + 1


def test_checkpoint_table_tells_state_drift_and_pending_fever() -> None:
    rows = {row["place"]: row for row in build(town_board(), TOWN, "zh")["checkpoints"]["rows"]}
    first, second, third = (rows[gate.code] for gate in GATES)
    assert (first["word"], first["screened"], first["drift"], first["drift_over"], first["pending"]) == (
        "在线",
        "1,602",
        "−0.62 ℃",
        True,
        1,
    )
    assert (second["word"], second["shape"], second["last"], second["drift_over"]) == (
        "离线",
        "alert",
        "30 分前",
        False,
    )
    assert (third["last"], third["drift"]) == ("—", "—")


def test_hourly_chart_labels_the_peak_and_marks_unresolved_fever() -> None:
    hourly = build(town_board(), TOWN, "zh")["hourly"]
    assert (hourly["peak"], hourly["peak_text"], hourly["hour"]) == (7, "402", 14)
    assert hourly["today"] == list(READING.hourly)
    assert sorted(fever["minute"] for fever in hourly["fevers"] if fever["pending"]) == [13 * 60 + 10, 14 * 60 + 29]


def test_week_ends_with_today() -> None:
    for item in build(town_board(), TOWN, "zh")["week"]:
        assert len(item["values"]) == len(item["days"]) == len(item["texts"]) == 7
        assert item["values"][-1] == item["raw"] == town_board().figure(item["kpi"], TOWN).value


def test_a_town_out_of_sight_gives_an_empty_page() -> None:
    assert build(town_board(), "999999999", "zh") == {"missing": True}


def test_the_document_is_json_and_small() -> None:
    assert len(json.dumps(build(town_board(), TOWN, "zh"), ensure_ascii=False).encode()) < 64 * 1024


def test_shift_rows_are_relative_to_midnight() -> None:
    shift = build(town_board(), TOWN, "zh")["shift"]
    assert (shift["from"], shift["to"], shift["now"]) == (8 * HOUR, 20 * HOUR, 14 * HOUR + 32 * MINUTE)
    assert [row["text"] for row in shift["rows"]] == ["2/7", "1/3", "0/1"]
