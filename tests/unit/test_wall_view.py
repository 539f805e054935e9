"""The wall says what the board says: every number, in both languages, and nobody's name."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dashboard.domain.day import HOUR
from dashboard.domain.privacy import mask
from dashboard.feeds import KPIS
from dashboard.queries import wording
from dashboard.queries.views.wall import RANKED, ROWS, VIEW, _fitting, build, colour_class
from layouts.pages.wall import chosen_scenes, dwell_of, layout
from tests.board_sample import NOW, TOWNS, SampleBoard

LANGS = ("zh", "en")


def view(lang: str = "zh", scope: str = "all", **how: Any) -> tuple[SampleBoard, dict[str, Any]]:
    board = SampleBoard(**how)
    return board, build(board, scope, lang)


def tile(document: dict[str, Any], kpi: str) -> dict[str, Any]:
    return next(one for one in document["tiles"] if one["kpi"] == kpi)


@pytest.mark.parametrize("lang", LANGS)
def test_every_tile_is_the_boards_figure(lang: str) -> None:
    board, document = view(lang)
    assert len(document["tiles"]) == 6
    for one in document["tiles"]:
        figure, kpi = board.figure(one["kpi"]), KPIS[one["kpi"]][1]
        assert one["raw"] == figure.value
        if kpi.unit == "ratio" and not kpi.measure.zh:
            assert one["value"] == wording.decimal((figure.value or 0) * 100, kpi.decimals)
        else:
            assert one["value"] == wording.count(figure.numerator or 0, lang)
        assert one["label"] == kpi.words.of(lang)
        assert one["today"][-1][1] == pytest.approx(figure.value, abs=1e-5)


@pytest.mark.parametrize("lang", LANGS)
def test_map_and_ranking_are_the_towns_figures(lang: str) -> None:
    board, document = view(lang)
    figures = {town: board.figure("patrol_coverage", town) for town in board.towns}
    for town in document["map"]["towns"]:
        assert town["value"] == figures[town["code"]].value
        assert town["text"] == wording.percent(figures[town["code"]].value, 1)
        assert town["fill"] == colour_class(town["value"])
    rows = document["ranking"]["rows"]
    assert [row["raw"] for row in rows] == sorted(
        (figure.value for figure in figures.values() if figure.value), reverse=True
    )
    assert [row["rank"] for row in rows] == [str(number) for number in range(1, 10)]
    whole = board.figure("patrol_coverage")
    assert document["ranking"]["parts"] == f"{whole.numerator} / {whole.denominator}"


def test_the_deltas_of_the_tiles_are_those_of_the_displayed_values() -> None:
    board, document = view()
    now, before = board.figure("patrol_coverage").value or 0, board.yesterday("patrol_coverage").value or 0
    assert tile(document, "patrol_coverage")["delta"] == "较昨日 " + wording.delta(
        now, before, KPIS["patrol_coverage"][1], "zh"
    )
    assert tile(document, "checkpoints_online")["delta"] == "较昨日 \u22121 个"


def test_hours_are_the_boards_hours() -> None:
    board, document = view()
    hours = document["hours"]
    assert hours["today"] == board.hourly("all")
    assert hours["raw"] == board.figure("screened").value == sum(hours["today"])
    assert hours["peak"]["text"] == wording.count(max(hours["today"]), "zh")
    assert sum(item["closed"] + item["open"] for item in hours["fevers"]["hours"]) == board.figure("fever_count").value


def test_list_and_map_carry_the_same_numbers() -> None:
    _, document = view()
    rows = document["alerts"]["rows"]
    assert [row["number"] for row in rows] == list(range(1, ROWS + 1))
    levels = {pin["number"]: pin["level"] for pin in document["map"]["pins"] if pin["number"]}
    assert levels == {row["number"]: row["level"] for row in rows}
    assert len(document["map"]["pins"]) == document["alerts"]["open"]
    assert document["alerts"]["rest"] == f"另有 {document['alerts']['open'] - ROWS} 件"


def test_a_town_that_has_not_reported_is_named_and_counts_nowhere() -> None:
    town = "330421112"
    board, document = view(missing=(("patrol", town),))
    one = tile(document, "patrol_coverage")
    assert one["partial"]
    assert one["shape"] == "partial"
    assert (one["word"], one["note"]) == ("8/9 镇", "缺天凝镇")
    known = next(known for known in document["map"]["towns"] if known["code"] == town)
    assert (known["fill"], known["text"], known["value"]) == ("nodata", "未报", None)
    last = document["ranking"]["rows"][-1]
    assert (last["town"], last["rank"], last["text"], last["missing"]) == (town, "", "—", "未报")
    assert one["raw"] == board.figure("patrol_coverage").value
    assert not tile(document, "fever_count")["partial"]


def test_a_feed_of_which_nothing_came_is_a_dash_never_a_zero() -> None:
    _, document = view(old={"temperature": None})
    for kpi in ("fever_count", "screened", "checkpoints_online"):
        one = tile(document, kpi)
        assert (one["value"], one["unit"], one["raw"], one["status"]) == ("—", "", None, "silent")
    assert document["hours"]["total"] == "—"
    assert tile(document, "patrol_coverage")["status"] == "ok"


def test_an_old_feed_keeps_its_number_and_says_until_when() -> None:
    _, document = view(old={"patrol": 2 * HOUR})
    one = tile(document, "patrol_coverage")
    assert one["status"] == "stale"
    assert one["value"] != "—"
    assert one["delta"] == "数据截至 12:32"
    assert {town["fill"] for town in document["map"]["towns"]} == {"nodata"}
    assert {row["status"] for row in document["ranking"]["rows"]} == {"stale"}


def test_a_good_day_has_no_alert() -> None:
    _, document = view(calm=True)
    assert document["alerts"]["rows"] == []
    assert document["alerts"]["empty"] == "当前无告警"
    assert {one["status"] for one in document["tiles"]} == {"ok"}


def test_fewer_towns_are_recomputed() -> None:
    board, document = view(scope="330421002,330421001")
    towns = ("330421001", "330421002")
    parts = [board.figure("patrol_coverage", town) for town in towns]
    met, closed = sum(int(one.numerator or 0) for one in parts), sum(one.denominator or 0 for one in parts)
    assert tile(document, "patrol_coverage")["raw"] == met / closed
    assert tuple(town["code"] for town in document["map"]["towns"]) == towns
    assert {pin["level"] for pin in document["map"]["pins"]} <= {"alert", "watch"}
    assert len(board.towns) == len(TOWNS), "the board that was given is left as it was"


def test_unknown_towns_mean_every_town() -> None:
    _, document = view(scope="nowhere")
    assert len(document["map"]["towns"]) == len(TOWNS)


@pytest.mark.parametrize("lang", LANGS)
def test_nobody_is_named_and_no_pattern_of_a_phone_or_id_stands_on_the_wall(lang: str) -> None:
    board, document = view(lang)
    text = json.dumps(document, ensure_ascii=False)
    words = json.dumps(_texts(document), ensure_ascii=False)
    assert mask(words) == words
    assert not re.search(r"1[3-9]\d{9}(?!\d)", words)
    assert not re.search(r"(?<!\d)\d{17}[\dXx]", text)
    for unit in board.pack.units:
        assert not unit.leader or unit.leader not in text
    for rule in ("person_ref", "threshold:", "device_verdict"):
        assert rule not in text


def _texts(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [text for value in part.values() for text in _texts(value)]
    if isinstance(part, list | tuple):
        return [text for value in part for text in _texts(value)]
    return [part] if isinstance(part, str) else []


def test_english_has_no_chinese_words_beside_place_names() -> None:
    board, document = view("en")
    names = "".join(place.name for place in board.pack.places) + "".join(town.name for town in board.pack.towns)
    for key in ("tiles", "ranking", "hours", "feeds", "note"):
        for text in _texts(document[key] if isinstance(document[key], dict | list) else [document[key]]):
            assert not re.search(r"[\u4e00-\u9fff]", text), (key, text)
    for row in document["alerts"]["rows"]:
        for han in re.findall(r"[\u4e00-\u9fff]+", row["title"] + row["fact"] + row["state"]):
            assert han in names


def test_the_document_is_plain_json_and_the_view_is_found() -> None:
    _, document = view()
    assert json.loads(json.dumps(document))["tiles"][0]["kpi"] == "patrol_coverage"
    assert VIEW.name == "wall"
    assert NOW > 0


def test_a_long_ranking_keeps_those_that_lag() -> None:
    rows = [{"rank": str(number)} for number in range(1, 21)]
    shown = _fitting(rows, "zh")
    assert len(shown) == RANKED
    assert [row.get("rank") for row in shown[:3]] == ["1", "2", "3"]
    assert [row.get("rank") for row in shown[4:]] == [str(number) for number in range(14, 21)]
    assert shown[3] == {"more": "其间 10 个"}
    assert _fitting(rows[:RANKED], "zh") == rows[:RANKED]


def test_scenes_and_dwell_of_the_address() -> None:
    assert chosen_scenes("") == ["overview"]
    assert chosen_scenes("nothing,overview") == ["overview"]
    assert dwell_of("", ["overview"]) == [60]
    assert dwell_of("20", ["overview"]) == [20]
    assert dwell_of("1", ["overview"]) == [10]
    assert dwell_of("x", ["overview"]) == [60]


def test_the_layout_carries_the_towns_of_the_address() -> None:
    page = layout(SampleBoard().pack, "en", towns="330421002,nowhere", dwell="15")
    assert getattr(page, "data-scope") == "330421002"
    assert [getattr(page, f"data-{name}") for name in ("lang", "dwell", "names")] == ["en", "15", "Overview"]
