"""The page of patrols against two boards made by hand: an afternoon exact to the minute, and the nine towns' sample."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from dashboard.access.viewer import Role, Viewer
from dashboard.domain.day import HOUR, day_start
from dashboard.domain.summary import ObligationState
from dashboard.queries import wording
from dashboard.queries.asked import canonical
from dashboard.queries.views import VIEWS
from dashboard.queries.views.patrols import VIEW
from tests.board_sample import SampleBoard
from tests.sample_app import SampleMoments
from tests.town_board import DAY, NOW, POINTS, START, TOWN, TRACK, at, town_board

HAN = re.compile(r"[\u4e00-\u9fff]")


def page(board: Any = None, lang: str = "zh", **params: str) -> dict[str, Any]:
    """The page's document under a query."""
    board = board or town_board()
    moments: Any = SampleMoments(board.viewer) if isinstance(board, SampleBoard) else None
    return VIEW.document(VIEW.ask(board, lang, canonical(params), moments), "all")


def tile(document: dict[str, Any], key: str) -> dict[str, Any]:
    """One figure of a page."""
    return next(one for one in document["tiles"] if one["id"] == key)


def row(document: dict[str, Any], town: str = TOWN) -> dict[str, Any]:
    """A town's line of the matrix."""
    return next(one for one in document["matrix"]["rows"] if one["town"] == town)


def listed(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The register's rows, which travel as bare values."""
    register = document["register"]
    return [dict(zip(register["fields"], values, strict=True)) for values in register["rows"]]


def text(document: dict[str, Any]) -> str:
    """The headline as a reader sees it."""
    return "，".join(part["text"] for part in document["headline"])


# -- the afternoon of one town: 3 met, 2 lapsed, 1 unobservable, 5 open -------------------------------------------------


def test_the_headline_is_the_answer() -> None:
    document = page()
    assert text(document) == "应结 5 处已巡 3 处，漏巡 2 处"
    assert [part["tone"] for part in document["headline"]] == ["plain", "alert"]
    assert document["sub"] == "2月24日 星期一·白班 08:00–20:00·截至 14:32"


def test_coverage_is_the_boards_figure_and_its_parts_are_shown() -> None:
    board = town_board()
    figure = board.figure("patrol_coverage")
    document = page(board)
    shown = tile(document, "patrol_coverage")
    assert (shown["raw"], shown["numerator"], shown["denominator"]) == (figure.value, 3, 5)
    assert (shown["value"], shown["unit"], shown["status"]) == ("60.0", "%", "alert")
    share = document["share"]
    assert (share["met"], share["lapsed"], share["progress"]) == ("3", "2", "当日进度 3/11 = 27.3%")
    assert {part["state"]: part["count"] for part in share["parts"]} == {
        "met": 3,
        "lapsed": 2,
        "unobservable": 1,
        "open": 5,
    }
    for part in share["parts"]:
        assert part["count"] == board.figure(part["kpi"]).value


def test_every_cell_of_the_matrix_is_counted_by_the_hour_in_which_the_window_closes() -> None:
    document = page()
    matrix, line = document["matrix"], row(document)
    assert matrix["hours"] == [str(hour) for hour in range(8, 20)]
    assert matrix["hours"][matrix["now"]] == "14"
    cells = dict(zip(matrix["hours"], line["cells"], strict=True))
    # Windows to 12:00 close in the hour of 11, to 14:00 in that of 13, to 16:32 in that of 16.
    assert cells["11"] == [3, 1, 0, 0]
    assert cells["13"] == [0, 1, 1, 0]
    assert cells["14"] == [0, 0, 0, 1]
    assert cells["16"] == [0, 0, 0, 1]
    assert cells["17"] == [0, 0, 0, 2]
    assert cells["19"] == [0, 0, 0, 1]
    assert cells["8"] == 0
    assert (line["met"], line["closed"], line["text"], line["bad"]) == (3, 5, "60.0", True)
    counts = [sum(cell[kind] for cell in line["cells"] if cell) for kind in range(4)]
    assert counts == [3, 2, 1, 5]


def test_beats_stand_under_their_town_worst_first_and_add_up_to_it() -> None:
    beats = row(page())["beats"]
    assert [(beat["name"], beat["met"], beat["closed"]) for beat in beats] == [
        ("俞汇、丁栅", 1, 2),
        ("园区北", 2, 3),
        ("全镇", 0, 0),
    ]
    assert beats[-1]["text"] == wording.MISSING
    assert beats[1]["units"] == "一组 何涛·二组 许斌"


def test_places_wait_in_the_order_of_their_age_and_carry_their_number_on_the_map() -> None:
    document = page()
    shown = document["gaps"]["shown"]
    assert [one["key"] for one in shown] == [POINTS[number].code for number in (2, 3, 4, 0, 1)]
    first = shown[0]
    assert (first["name"], first["last"], first["age"], first["state_text"]) == (
        "银水庙 2 号点",
        "23日 20:00",
        "18 小时 32 分",
        "漏巡",
    )
    assert shown[1]["last"] == "无记录"
    numbers = {point[0]: point[4] for point in document["map"]["points"] if point[4]}
    assert numbers == {one["key"]: one["number"] for one in shown}


def test_the_state_of_a_place_is_the_worst_of_what_it_owes() -> None:
    points = {point[0]: point[3] for point in page()["map"]["points"]}
    assert points[POINTS[2].code] == "lapsed"
    assert points[POINTS[4].code] == "unobservable"
    # Its window closes at 15:00, in less than two hours.
    assert points[POINTS[0].code] == "soon"
    assert points[POINTS[5].code] == "open"


def test_filters_narrow_figures_lists_and_map_alike() -> None:
    document = page(beat="B2")
    assert text(document) == "应结 2 处已巡 1 处，漏巡 1 处"
    shown = tile(document, "patrol_coverage")
    assert (shown["numerator"], shown["denominator"], shown["dims"]) == (1, 2, {"target": "patrol_point", "beat": "B2"})
    assert [beat["beat"] for beat in row(document)["beats"]] == ["B2"]
    assert {point[0] for point in document["map"]["points"]} == {POINTS[3].code, POINTS[4].code}
    assert {unit["unit"] for unit in document["map"]["units"]} == {"U3"}
    assert tile(document, "units_on_duty")["raw"] == 1
    assert tile(document, "distance_km")["note"] == "全镇，不随巡段"
    assert document["bar"]["clear"] == "清除 1 项"


def test_an_hour_and_a_beat_are_what_a_cell_stands_for() -> None:
    document = page(town=TOWN, beat="B1", hour="11")
    [line] = row(document)["beats"]
    assert [cell for cell in line["cells"] if cell] == [[2, 1, 0, 0]]
    assert document["gaps"]["count"] == 3


def test_a_unit_stands_for_the_beats_it_walks() -> None:
    assert {beat["beat"] for beat in row(page(unit="U3"))["beats"]} == {"B2"}
    assert {beat["beat"] for beat in row(page(unit="U1"))["beats"]} == {"B1"}


def test_a_filter_by_state_narrows_the_lists_and_never_the_share_of_states() -> None:
    document = page(state="lapsed", list="places")
    shown = tile(document, "patrol_coverage")
    assert (shown["numerator"], shown["denominator"]) == (3, 5)
    assert text(document) == "应结 5 处已巡 3 处，漏巡 2 处"
    assert {one["state"] for one in listed(document)} == {"lapsed"}
    assert sum(cell[0] + cell[2] + cell[3] for cell in row(document)["cells"] if cell) == 0
    assert row(document)["text"] == "60.0"


def test_the_search_finds_places_beats_and_units() -> None:
    for words, places in (("银水", 1), ("园区北", 3), ("朱琳", 2), ("银水 园区", 1), ("nowhere", 0)):
        assert page(q=words)["gaps"]["count"] == places, words
    assert page(q="nowhere")["empty"] == "没有符合筛选的巡逻义务"


def enterprises() -> Any:
    """The afternoon with two resumed enterprises that owe a visit each."""
    owed = [
        replace(TRACK.obligations[0], place="E-1", start=START, end=at(14), state=ObligationState.LAPSED, met_at=None),
        replace(TRACK.obligations[0], place="E-2", start=START, end=at(24), state=ObligationState.OPEN, met_at=None),
    ]
    more = tuple(replace(one, target="enterprise") for one in owed)
    return town_board(replace(TRACK, obligations=(*TRACK.obligations, *more)))


def test_patrol_points_and_resumed_enterprises_are_never_mixed_unless_asked() -> None:
    board = enterprises()
    assert board.figure("patrol_coverage").denominator == 6
    points, firms, both = page(board), page(board, target="enterprise"), page(board, target="all")
    for document, target in ((points, "patrol_point"), (firms, "enterprise")):
        figures = {
            one.dims["target"]: one
            for one in board.figures(kpi="patrol_coverage", town="all")
            if one.dims.get("target")
        }
        shown = tile(document, "patrol_coverage")
        assert (shown["raw"], shown["denominator"]) == (figures[target].value, figures[target].denominator)
        assert shown["dims"] == {"target": target}
    assert tile(both, "patrol_coverage")["denominator"] == 6
    assert tile(both, "patrol_coverage")["dims"] == {}
    segment = next(one for one in points["bar"]["filters"] if one["key"] == "target")
    assert [(one["text"], one["count"]) for one in segment["choices"]] == [
        ("必巡点", 11),
        ("复工企业", 2),
        ("全部", None),
    ]


def test_the_drawer_tells_one_places_day() -> None:
    drawer = page(open=POINTS[2].code)["drawer"]
    assert (drawer["title"], drawer["due"]["text"], drawer["due"]["note"]) == (
        "银水庙 2 号点",
        "漏巡 1 次",
        "最早超 2 小时 32 分",
    )
    owed = next(section for section in drawer["sections"] if section["title"] == "当天应巡")
    assert [(item["time"], item["text"]) for item in owed["items"]] == [
        ("08:00–12:00", "漏巡"),
        ("13:00–18:00", "未到期"),
        ("13:00–18:00", "未到期"),
    ]
    units = next(section for section in drawer["sections"] if section["title"] == "责任组")
    assert units["items"][1]["text"] == "二组 许斌·无信号·定位 42 分前"
    assert f"/town/{TOWN}" in [link["href"] for link in drawer["links"]]
    assert page(open="elsewhere")["drawer"] is None


def test_help_has_its_rows_in_order_and_leads_to_the_records() -> None:
    helps = page()["helps"]
    coverage = helps["patrol_coverage"]
    assert [one["head"] for one in coverage["rows"]] == ["定义", "分子", "分母", "不计入", "来源", "规则"]
    assert [one["number"] for one in coverage["rows"][1:4]] == ["3", "5", "未到期 5·无法判定 1"]
    assert coverage["seq"] == "48,213"
    assert coverage["records"] == {"href": "?list=closed", "text": "看这 5 处"}
    assert helps["distance_km"]["records"] == {
        "href": "/records?feed=patrol&kpi=distance_km&day=2020-02-24",
        "text": "看这些记录",
    }
    document = page()
    assert {one["id"] for one in document["tiles"]} <= set(document["helps"])
    assert helps["completeness"]["rows"][2]["number"] == "6"
    assert tile(document, "completeness")["note"] == "可判 5/6"


def test_a_day_without_a_lapse_says_so_and_one_without_records_claims_nothing() -> None:
    met = tuple(replace(one, state=ObligationState.MET, met_at=one.start) for one in TRACK.obligations)
    assert text(page(town_board(replace(TRACK, obligations=met)))) == "应结 6 处已巡 6 处，没有漏巡"
    empty = page(town_board(None, None))
    assert text(empty) == "还没有收到巡逻记录"
    assert tile(empty, "patrol_coverage")["value"] == wording.MISSING
    assert empty["matrix"]["rows"] == []
    assert empty["empty"] == "今天没有巡逻义务"


def test_a_day_that_no_town_reported_says_that_nothing_can_be_judged() -> None:
    unseen = tuple(replace(one, state=ObligationState.UNOBSERVABLE, met_at=None) for one in TRACK.obligations)
    track = replace(TRACK, obligations=unseen, reported=False, units=(), unit_days=())
    document = page(town_board(track))
    assert text(document) == "到期的 11 处都无法判定"
    assert tile(document, "units_on_duty")["note"] == ""


def test_the_register_travels_only_when_it_is_asked_for() -> None:
    assert page()["register"] is None
    assert [one["key"] for one in listed(page(list="places"))][:3] == [POINTS[number].code for number in (2, 3, 4)]


def test_the_obligations_behind_coverage_are_as_many_as_its_denominator() -> None:
    for board in (town_board(), SampleBoard(), SampleBoard(missing=(("patrol", "330421112"),))):
        for params in ({}, {"shift": "day"}, {"town": TOWN}, {"town": "330421112"}, {"q": "一组"}):
            document = page(board, list="closed", **params)
            rows = listed(document)
            shown = tile(document, "patrol_coverage")
            assert len(rows) == (shown["denominator"] or 0)
            assert sum(one["state"] == "met" for one in rows) == (shown["numerator"] or 0)
            assert len({one["key"] for one in rows}) == len(rows)
            owed = listed(page(board, list="owed", **params))
            assert len(owed) >= len(rows)
    assert (
        page(q="银水", state="lapsed")["helps"]["patrol_coverage"]["records"]["href"]
        == "?q=%E9%93%B6%E6%B0%B4&list=closed"
    )


def test_an_old_feed_keeps_its_figures_and_claims_no_status() -> None:
    shown = tile(page(town_board(replace(TRACK, last_received=NOW - HOUR))), "patrol_coverage")
    assert (shown["state"], shown["freshness"], shown["value"]) == ("stale", "stale", "60.0")


# -- the nine towns -----------------------------------------------------------------------------------------------------


def test_without_filters_the_figures_are_those_of_the_board() -> None:
    board = SampleBoard()
    document = page(board, target="all")
    for one in document["tiles"]:
        if one["kpi"]:
            figure = board.figure(one["kpi"])
            assert (one["raw"], one["town"], one["dims"]) == (figure.value, "all", {}), one["id"]
    for town in document["map"]["towns"]:
        assert town["raw"] == board.figure("patrol_coverage", town["code"]).value
    for line in document["matrix"]["rows"]:
        figure = board.figure("patrol_coverage", line["town"])
        assert (line["met"], line["closed"], line["share"]) == (figure.numerator, figure.denominator, figure.value)


def test_two_towns_are_recomputed_from_their_parts_and_named() -> None:
    board = SampleBoard()
    chosen = [board.towns[1], board.towns[4]]
    shown = tile(page(board, town=",".join(chosen)), "patrol_coverage")
    parts = [board.figure("patrol_coverage", town) for town in chosen]
    assert shown["numerator"] == sum(int(one.numerator or 0) for one in parts)
    assert shown["denominator"] == sum(one.denominator or 0 for one in parts)
    assert shown["town"] == ",".join(chosen)


def test_the_headline_names_the_two_towns_that_hold_half_of_the_lapses() -> None:
    assert text(page(SampleBoard())) == "应结 244 处已巡 227 处，漏巡 17 处，罗星、陶庄两镇占 9 处"
    assert text(page(SampleBoard(), lang="en")).startswith("227 of 244 closed visits made")
    assert text(page(SampleBoard(calm=True))).endswith("没有漏巡")


def test_the_delta_is_that_of_the_displayed_values_under_the_same_filters() -> None:
    board = SampleBoard()
    shown = tile(page(board), "patrol_coverage")
    before = board.yesterday("patrol_coverage")
    assert before.value is not None
    difference = wording.rounded(shown["raw"] * 100, 1) - wording.rounded(before.value * 100, 1)
    assert (
        shown["delta"]
        == f"{wording.signed(float(difference), 1)} 个百分点·昨日此时 {wording.rounded(before.value * 100, 1)}"
    )
    assert tile(page(board, shift="day"), "patrol_coverage")["delta"]


def test_a_town_that_has_not_reported_is_named_and_counts_nowhere() -> None:
    board = SampleBoard(missing=(("patrol", "330421112"),))
    shown = tile(page(board), "patrol_coverage")
    assert shown["state"] == "partial"
    assert shown["missing"] == "8/9 镇，缺天凝镇"
    assert shown["denominator"] == board.figure("patrol_coverage").denominator


def test_a_past_day_is_shown_whole_and_says_so() -> None:
    board = SampleBoard()
    document = page(board, day="2020-02-20")
    end = SampleMoments(board.viewer).day(20200220)
    assert not document["live"]
    assert document["source"] is None
    assert document["past"] == "这是 2月20日 全天，按现在所知，不是实况"
    assert tile(document, "patrol_coverage")["raw"] == end.figure("patrol_coverage").value
    assert document["matrix"]["now"] is None
    assert document["map"]["units"] == []
    assert tile(document, "patrol_coverage")["delta"].split("·")[1].startswith("前一日")


def test_a_span_is_recomputed_from_the_parts_of_its_days() -> None:
    board = SampleBoard()
    document = page(board, **{"from": "2020-02-20", "to": "2020-02-22"})
    moments = SampleMoments(board.viewer)
    days = [moments.day(day).figure("patrol_coverage") for day in (20200220, 20200221, 20200222)]
    shown = tile(document, "patrol_coverage")
    assert shown["numerator"] == sum(int(one.numerator or 0) for one in days)
    assert shown["denominator"] == sum(one.denominator or 0 for one in days)
    counted = sum(sum(cell) for line in document["matrix"]["rows"] for cell in line["cells"] if cell)
    assert counted == sum(part["count"] for part in document["share"]["parts"])


@pytest.mark.parametrize("versus", ["town:330421103", "2020-02-23"])
def test_two_sides_differ_by_what_is_displayed(versus: str) -> None:
    board = SampleBoard()
    compare = page(board, vs=versus)["compare"]
    coverage = compare["rows"][0]
    if versus.startswith("town"):
        assert compare["heads"][:2] == ["全县", "西塘镇"]
        assert coverage["raw_b"] == board.figure("patrol_coverage", "330421103").value
    else:
        assert compare["heads"][:2] == ["2月24日 14:32", "2月23日 14:32"]
        other = SampleMoments(board.viewer).same_time(20200223, board.now)
        assert coverage["raw_b"] == other.figure("patrol_coverage").value
    for line in compare["rows"]:
        if line["raw_a"] is None or line["raw_b"] is None:
            assert line["delta"] == wording.MISSING
    a, b = (float(coverage[side].rstrip("%")) for side in ("a", "b"))
    assert coverage["delta"] == f"{wording.signed(round(a - b, 1), 1)} 个百分点"


def test_a_viewer_of_one_town_sees_that_town_only() -> None:
    chief = Viewer("沈立", frozenset({Role.CHIEF}), frozenset({TOWN}))
    board = SampleBoard(viewer=chief)
    document = page(board, town="330421103")
    assert document["bar"]["notices"] == ["没有名为“330421103”的镇（街道），已忽略"]
    assert VIEW.tables is not None
    tables = VIEW.tables(VIEW.ask(board, "zh", ()), "all")
    told = json.dumps([page(board), page(board, target="all"), [table.rows for table in tables]])
    assert set(re.findall(r"330421\d\d\d", told)) == {TOWN}
    assert page(board, vs="town:330421103")["compare"] is None
    assert page(board, open="330421103-P01")["drawer"] is None


def test_tables_hold_what_the_page_shows() -> None:
    board = SampleBoard()
    params = canonical({"town": "330421002,330421107", "state": "lapsed", "list": "places"})
    asked = VIEW.ask(board, "zh", params)
    assert VIEW.tables is not None
    found = {table.name: table for table in VIEW.tables(asked, "all")}
    document = VIEW.document(asked, "all")
    assert [table["name"] for table in document["tables"]] == list(found)
    assert [row_[1] for row_ in found["gaps"].rows] == [one["key"] for one in listed(document)]
    lapsed = sum(cell[1] for line in document["matrix"]["rows"] for cell in line["cells"] if cell)
    assert len(found["obligations"].rows) == lapsed
    assert {row_[9] for row_ in found["obligations"].rows} == {"漏巡"}
    figures = {(row_[0], row_[2]): row_[4] for row_ in found["figures"].rows}
    shown = tile(document, "patrol_coverage")
    assert figures["patrol_coverage", shown["town"]] == shown["raw"]
    for table in found.values():
        assert all(len(row_) == len(table.columns) for row_ in table.rows)


def test_english_has_no_chinese_words_beside_names() -> None:
    document = page(SampleBoard(), lang="en", vs="2020-02-23", open="")
    names = {town.name for town in SampleBoard().pack.towns}
    words = json.dumps(
        [document["bar"]["filters"][0], document["words"], document["helps"], document["sub"]], ensure_ascii=False
    )
    assert not HAN.search(words)
    for one in document["tiles"]:
        assert not HAN.search(json.dumps([one[key] for key in ("label", "unit", "note", "delta")], ensure_ascii=False))
    assert {line["name"] for line in document["matrix"]["rows"]} == names


def test_many_places_are_counted_by_cell_and_no_lapse_ever_is(monkeypatch: pytest.MonkeyPatch) -> None:
    board = SampleBoard()
    whole = page(board)["map"]
    monkeypatch.setattr("dashboard.queries.patrols.places.MAX_DOTS", 50)
    crowded = page(board)["map"]
    states = [point[3] for point in crowded["points"] if not point[4]]
    assert set(states) <= {"lapsed", "unobservable"}
    lapsed = [point[0] for point in whole["points"] if point[3] == "lapsed"]
    assert [point[0] for point in crowded["points"] if point[3] == "lapsed"] == lapsed
    counted = sum(cell[2] + cell[3] for cell in crowded["cells"])
    assert counted + len(crowded["points"]) == len(whole["points"])
    assert whole["cells"] == []


def test_the_view_is_found_and_its_document_is_plain_json() -> None:
    assert VIEWS["patrols"] is VIEW
    assert VIEW.open
    board = SampleBoard()
    for lang in ("zh", "en"):
        assert json.loads(json.dumps(page(board, lang, vs="town:330421103")))["seq"] == board.seq
    assert day_start(DAY) == START
