"""The wall says what the board says: every number, in both languages, and nobody's name."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import msgspec
import pytest

from dashboard.access.viewer import Role, Viewer
from dashboard.domain.day import HOUR
from dashboard.domain.privacy import mask
from dashboard.domain.summary import Judged, ObligationState, PlaceGap
from dashboard.feeds import KPIS
from dashboard.queries import wording
from dashboard.queries.views import VIEWS
from dashboard.queries.views.wall import RANKED, ROWS, VIEW, _fitting, build, colour_class, fraction
from layouts.pages.wall import PANELS, SCENES, chosen_scenes, dwell_of, layout
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
        if kpi.unit == "ratio" and not fraction(kpi):
            assert one["value"] == wording.decimal((figure.value or 0) * 100, kpi.decimals)
        else:
            assert one["value"] == wording.count(figure.numerator or 0, lang)
        assert one["label"] == kpi.words.of(lang)
        assert one["today"][-1][1] == pytest.approx(figure.value, abs=1e-5)


@pytest.mark.parametrize("lang", LANGS)
def test_map_and_ranking_are_the_towns_figures(lang: str) -> None:
    board, document = view(lang)
    assert document["map"]["kpi"] == "resumption_rate"
    figures = {town: board.figure("resumption_rate", town) for town in board.towns}
    for town in document["map"]["towns"]:
        assert town["value"] == figures[town["code"]].value
        assert town["text"] == wording.percent(figures[town["code"]].value, 1)
        assert town["fill"] == colour_class(town["value"])
    rows = document["ranking"]["rows"]
    assert [row["raw"] for row in rows] == sorted(
        (figure.value for figure in figures.values() if figure.value), reverse=True
    )
    assert [row["rank"] for row in rows] == [str(number) for number in range(1, 10)]
    whole = board.figure("resumption_rate")
    assert document["ranking"]["parts"] == f"{whole.numerator} / {whole.denominator}"


def test_six_tiles_tell_of_four_feeds_and_why() -> None:
    board, document = view()
    assert [one["kpi"] for one in document["tiles"]] == [
        "resumption_rate", "staff_return_rate", "patrol_coverage", "fever_count", "dispute_open", "checkpoints_online",
    ]  # fmt: skip
    assert tile(document, "resumption_rate")["note"] == "目标 75%"
    assert tile(document, "staff_return_rate")["note"].endswith(" 万人")
    assert tile(document, "dispute_open")["note"] == f"逾期 {board.figure('dispute_overdue').value} 件"
    assert tile(document, "dispute_open")["delta"].startswith("较昨日 ")
    assert [feed["feed"] for feed in document["feeds"]] == ["patrol", "temperature", "dispute", "enterprise"]


def test_the_backlog_counts_every_open_case_once() -> None:
    board, document = view()
    backlog = document["backlog"]
    assert backlog["raw"] == board.figure("dispute_open").value == sum(row["count"] for row in backlog["ages"])
    assert backlog["ages"][-1]["count"] == board.figure("dispute_overdue").value
    assert [day["name"] for day in backlog["days"]] == ["18日", "19日", "20日", "21日", "22日", "23日", "今日"]
    past = dict(board.days("dispute_open", n=6))
    assert [day["open"] for day in backlog["days"][:-1]] == [past[day["day"]].value for day in backlog["days"][:-1]]
    assert document["gaps"] is None
    assert not backlog["old"]


def test_an_old_dispute_feed_shows_in_tile_backlog_and_list() -> None:
    _, document = view(old={"dispute": 206 * 60_000})
    one = tile(document, "dispute_open")
    assert (one["status"], one["value"], one["delta"]) == ("stale", "41", "数据截至 11:06")
    assert document["backlog"]["old"] == "数据截至 11:06"
    assert ("系统·纠纷数据", "超过 1 小时未更新") in {(row["title"], row["fact"]) for row in document["alerts"]["rows"]}
    assert [row["level"] for row in document["alerts"]["rows"]] == ["alert"] * 4 + ["stale"]


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
    # What is counted by town and does not stand in the list would hide the map.
    assert ROWS <= len(document["map"]["pins"]) < document["alerts"]["open"]
    assert document["alerts"]["rest"] == f"另有 {document['alerts']['open'] - ROWS} 件"


def test_a_town_that_has_not_reported_is_named_and_counts_nowhere() -> None:
    town = "330421112"
    board, document = view(missing=(("patrol", town), ("enterprise", town)))
    one = tile(document, "patrol_coverage")
    assert one["partial"]
    assert one["shape"] == "partial"
    assert (one["word"], one["note"]) == ("8/9 镇", "缺天凝镇")
    known = next(known for known in document["map"]["towns"] if known["code"] == town)
    assert (known["fill"], known["text"], known["value"]) == ("nodata", "未报", None)
    last = document["ranking"]["rows"][-1]
    assert (last["town"], last["rank"], last["text"], last["missing"]) == (town, "", "—", "未报")
    assert one["raw"] == board.figure("patrol_coverage").value
    assert tile(document, "resumption_rate")["note"] == "缺天凝镇"
    assert not tile(document, "fever_count")["partial"]


def test_a_feed_of_which_nothing_came_is_a_dash_never_a_zero() -> None:
    _, document = view(old={"temperature": None})
    for kpi in ("fever_count", "checkpoints_online"):
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
    _, document = view(old={"enterprise": 7 * HOUR})
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
    assert tile(document, "resumption_rate")["raw"] == (55 + 36) / (61 + 44)
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
    assert json.loads(json.dumps(document))["tiles"][0]["kpi"] == "resumption_rate"
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


ALL_SCENES = ["overview", "work", "patrol", "gates", "disputes"]


def test_scenes_and_dwell_of_the_address() -> None:
    assert chosen_scenes("") == [*ALL_SCENES, "more"] == list(SCENES)
    assert chosen_scenes("nothing,patrol,overview") == ["patrol", "overview"]
    assert chosen_scenes("nothing") == list(SCENES)
    assert dwell_of("", ["overview", "patrol"]) == [60, 30]
    assert dwell_of("20", ["overview", "work"]) == [20, 20]
    assert dwell_of("1", ["overview"]) == [10]
    assert dwell_of("x", ["overview"]) == [60]


def test_the_layout_carries_the_towns_of_the_address() -> None:
    page = layout(SampleBoard().pack, "en", scenes="overview", towns="330421002,nowhere", dwell="15")
    assert getattr(page, "data-scope") == "330421002"
    assert [getattr(page, f"data-{name}") for name in ("lang", "dwell", "names")] == ["en", "15", "Overview"]


def test_every_scene_has_its_panels_and_a_view() -> None:
    page = str(layout(SampleBoard().pack, "zh"))
    for scene, panels in PANELS.items():
        for panel in panels:
            assert f"'wall-{scene}-{panel}'" in page
        if scene == "more":
            assert VIEWS["wall_more"].build(SampleBoard(), "all", "zh") == {"missing": True}, (
                "no such feed has a record"
            )
        elif scene != "overview":
            assert set(VIEWS[f"wall_{scene}"].build(SampleBoard(), "all", "zh")) >= {"map", "note", *panels}


def test_only_scenes_of_feeds_that_may_be_seen_are_offered() -> None:
    assert [one["scene"] for one in view()[1]["scenes"]] == ALL_SCENES
    viewer = Viewer("值班员", frozenset({Role.CHIEF}), feeds=frozenset({"patrol", "temperature"}))
    document = build(SampleBoard(viewer=viewer), "all", "zh")
    assert [one["scene"] for one in document["scenes"]] == ["overview", "patrol", "gates"]
    assert document["backlog"] is None
    assert document["gaps"]["rows"]
    assert document["map"]["kpi"] == "patrol_coverage"
    for scene in ("work", "disputes"):
        assert VIEWS[f"wall_{scene}"].build(SampleBoard(viewer=viewer), "all", "zh") == {"missing": True}


SCENE_VIEWS = ("wall_work", "wall_patrol", "wall_gates", "wall_disputes")


@pytest.mark.parametrize("name", SCENE_VIEWS)
def test_a_scene_names_nobody_and_english_is_english(name: str) -> None:
    board = SampleBoard()
    staff = {wording.staff(str(case.fields.get(field, ""))) for feed, field in (("dispute", "handler"), ("enterprise", "liaison"))
             for summary in board.summaries(feed).values() for case in getattr(summary, "cases", ())}  # fmt: skip
    names = "".join([*(place.name for place in board.pack.places), *(town.name for town in board.pack.towns), *staff])
    names += "".join(
        str(case.fields.get("name", ""))
        for one in board.summaries("enterprise").values()
        for case in getattr(one, "cases", ())
    )
    for lang in LANGS:
        document = VIEWS[name].build(board, "all", lang)
        words = json.dumps(_texts(document), ensure_ascii=False)
        assert mask(words) == words
        assert "P-0" not in words
        if lang == "en":
            for text in _texts(document):
                for han in re.findall(r"[\u4e00-\u9fff]+", text):
                    assert han in names, (text, han)


def test_the_work_scene_counts_as_the_board_does() -> None:
    board = SampleBoard()
    document = VIEWS["wall_work"].build(board, "all", "zh")
    stages = {row["stage"]: row for row in document["stages"]["rows"]}
    counts = {
        figure.dims["stage"]: figure.value
        for figure in board.figures("enterprise", "enterprise_stage", "all")
        if figure.dims
    }
    assert {stage: row["count"] for stage, row in stages.items()} == {stage: counts[stage] for stage in stages}
    assert sum(row["stuck"] for row in stages.values()) == board.figure("enterprise_stuck").value
    assert document["stuck"]["whole"] == f"{board.figure('enterprise_stuck').value} 家"
    for row in document["stages"]["reviews"]:
        assert row["passed"] + row["pending"] + row["returned"] == stages["reviewing"]["count"]
    assert document["days"]["points"][-1]["value"] == pytest.approx(board.figure("resumption_rate").value, abs=1e-5)
    assert [row["number"] for row in document["stuck"]["rows"]] == [
        pin["number"] for pin in document["map"]["pins"] if pin["number"]
    ]
    assert sum(row["stuck"] for row in document["towns"]["rows"]) == board.figure("enterprise_stuck").value


def test_the_patrol_scene_holds_patrol_points_alone() -> None:
    board = SampleBoard()
    before = VIEWS["wall_patrol"].build(board, "all", "zh")
    for town in board.towns:
        track = board.track(town)
        assert track is not None
        owed = tuple(
            Judged(f"{town}-E0001", NOW - HOUR, NOW - 1, nth, ObligationState.LAPSED, None, "enterprise")
            for nth in (1, 2)
        )
        gap = PlaceGap(f"{town}-E0001", NOW - 90 * HOUR, False, "enterprise")
        more = msgspec.structs.replace(track, obligations=(*track.obligations, *owed), gaps=(gap, *track.gaps))
        board._summaries["patrol"] = {**board.summaries("patrol"), town: more}
    assert VIEWS["wall_patrol"].build(board, "all", "zh") == before
    counts = {row["glyph"]: int(row["text"]) for row in before["map"]["key"]}
    tracks = [SampleBoard().track(town) for town in board.towns]
    assert sum(counts.values()) == sum(len(track.obligations) for track in tracks if track)
    assert counts["lapsed"] == sum(row["lapsed"] for row in before["towns"]["rows"])
    values = [row["raw"] for row in before["towns"]["rows"]]
    assert values == sorted(values)
    assert all(row["low"] == (row["raw"] < 0.9) for row in before["towns"]["rows"])


def test_a_patrol_without_a_miss_has_no_warm_colour() -> None:
    document = VIEWS["wall_patrol"].build(SampleBoard(calm=True), "all", "zh")
    assert document["beats"]["rows"] == []
    assert document["beats"]["empty"] == "无漏巡"
    assert {town["tone"] for town in document["map"]["towns"]} == {""}
    assert {pin["level"] for pin in document["map"]["pins"]} <= {"open", "met"}


def test_the_gate_scene_counts_as_the_board_does() -> None:
    board = SampleBoard()
    document = VIEWS["wall_gates"].build(board, "all", "zh")
    assert sum(row["count"] for row in document["towns"]["rows"]) == board.figure("screened").value
    assert sum(row["fever"] for row in document["towns"]["rows"]) == board.figure("fever_count").value
    assert document["fevers"]["rows"][0]["open"]
    assert document["towns"]["parts"] == "26 / 27"


def test_the_dispute_scene_counts_as_the_board_does() -> None:
    board = SampleBoard()
    document = VIEWS["wall_disputes"].build(board, "all", "zh")
    assert sum(row["count"] for row in document["kinds"]["rows"]) == board.figure("dispute_open").value
    assert sum(row["overdue"] for row in document["kinds"]["rows"]) == board.figure("dispute_overdue").value
    today = document["flow"]["days"][-1]
    assert (today["new"], today["done"]) == (board.figure("dispute_new").value, board.figure("dispute_resolved").value)
    values = {town["code"]: town["value"] for town in document["map"]["towns"]}
    assert values == {town: board.figure("dispute_open", town).value for town in board.towns}
    # Towns with what is late in them, never a single dispute: everybody sees a wall.
    rows = document["late"]["rows"]
    assert len(rows) == 4
    assert all(row["over"].startswith("最久超 ") for row in rows)
    assert {row["title"] for row in rows} <= {town["name"] for town in document["map"]["towns"]}


@pytest.mark.parametrize("name", SCENE_VIEWS)
def test_a_scene_survives_towns_and_feeds_that_tell_nothing(name: str) -> None:
    feeds = ("patrol", "temperature", "dispute", "enterprise")
    for how in ({"old": dict.fromkeys(feeds)}, {"missing": tuple((feed, TOWNS[0].code) for feed in feeds)}):
        for lang in LANGS:
            document = VIEWS[name].build(SampleBoard(**cast(Any, how)), "all", lang)
            text = json.dumps(document, ensure_ascii=False)
            assert "NaN" not in text
            assert not re.search(r"\bNone\b(?! overdue| over its| under)", text)
    assert VIEWS[name].build(SampleBoard(), "330421001,330421002", "zh")["map"]["towns"][0]["code"] == "330421001"
