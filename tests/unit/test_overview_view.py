"""The overview: figures over the towns that pass, what moved most, order, files, and what a past moment may claim."""

from __future__ import annotations

from typing import Any, cast

import pytest
from msgspec.structs import replace

from dashboard.domain.day import day_start
from dashboard.domain.figure import Figure
from dashboard.domain.summary import ReadingSummary
from dashboard.queries.asked import canonical
from dashboard.queries.board import Board
from dashboard.queries.overview.movers import movers, spread_of
from dashboard.queries.overview.picture import Picture
from dashboard.queries.views.overview import VIEW
from tests.board_sample import SampleBoard
from tests.town_board import DISPUTES, ENTERPRISES, SILENT_TOWN, TOWN, town_board

LUOXING, YAOZHUANG, SILENT = "330421002", "330421111", "330421112"


@pytest.fixture(scope="module")
def sample() -> SampleBoard:
    """The nine towns' afternoon; one town has reported no temperatures."""
    return SampleBoard(missing=(("temperature", SILENT),), dead={"open": 12}, sources=[{"clock_offset_ms": 400_000}])


def told(board: Board, lang: str = "zh", **query: str) -> dict[str, Any]:
    """The page's document under a query."""
    return VIEW.document(VIEW.ask(board, lang, canonical(query)), "all")


def test_every_cell_and_tile_is_the_boards_own_figure(sample: SampleBoard) -> None:
    data = told(sample)
    for row in data["rows"]:
        for cell in row["cells"]:
            if not cell["dims"]:
                assert cell["raw"] == sample.figure(cell["kpi"], row["town"]).value
    for tile in data["tiles"]:
        if not tile["dims"]:
            assert tile["raw"] == sample.figure(tile["kpi"]).value
    narrowed = next(one for one in sample.figures("patrol", "patrol_coverage", YAOZHUANG) if one.dims)
    cell = next(row for row in data["rows"] if row["town"] == YAOZHUANG)["cells"][1]
    assert (cell["raw"], cell["dims"]) == (narrowed.value, narrowed.dims)


def test_the_sum_follows_the_towns_that_are_chosen(sample: SampleBoard) -> None:
    data = told(sample, town=f"{LUOXING},{YAOZHUANG}")
    assert {row["town"] for row in data["rows"]} == {LUOXING, YAOZHUANG}
    region = {cell["kpi"]: cell for cell in data["region"]["cells"]}
    each = [sample.figure("dispute_open", town).value for town in (LUOXING, YAOZHUANG)]
    assert region["dispute_open"]["raw"] == sum(cast("list[int]", each))
    parts = [sample.figure("resumption_rate", town) for town in (LUOXING, YAOZHUANG)]
    whole = sum(one.denominator or 0 for one in parts)
    assert region["resumption_rate"]["raw"] == sum(one.numerator or 0 for one in parts) / whole
    # What is summed says of which towns, and is not called the county's.
    assert set(region["dispute_open"]["town"].split(",")) == {LUOXING, YAOZHUANG}
    assert data["region"]["name"] == "2 镇合计"
    tile = next(one for one in data["tiles"] if one["kpi"] == "dispute_open")
    assert tile["raw"] == region["dispute_open"]["raw"]
    assert {town["code"] for one in data["maps"] for town in one["towns"]} == {LUOXING, YAOZHUANG}


def test_a_column_orders_the_rows_and_who_has_not_reported_comes_last(sample: SampleBoard) -> None:
    for sort, sign in (("fever_count", -1), ("-fever_count", 1)):
        data = told(sample, sort=sort)
        values = [row["cells"][2]["raw"] for row in data["rows"]]
        known = values[:-1]
        assert values[-1] is None
        assert known == sorted(known, key=lambda value: sign * value)
        assert data["rows"][-1]["town"] == SILENT
        assert data["rows"][-1]["number"] is None
        assert data["order"]["up"] == (sign == 1)
    assert any("nonsense" in text for text in told(sample, sort="nonsense")["bar"]["notices"])


def test_a_state_narrows_rows_and_figures_alike(sample: SampleBoard) -> None:
    every = told(sample)
    alert = {row["town"] for row in every["rows"] if row["worst"] == "alert"}
    data = told(sample, state="alert")
    assert alert
    assert {row["town"] for row in data["rows"]} == alert
    counts = {one["value"]: one["count"] for one in data["bar"]["filters"][1]["choices"]}
    assert counts["alert"] == len(alert)
    assert data["region"]["cells"][2]["raw"] == sum(sample.figure("fever_count", town).value or 0 for town in alert)


def test_nothing_that_passes_is_said_and_drawn_empty(sample: SampleBoard) -> None:
    data = told(sample, q="没有这个镇")
    assert data["rows"] == []
    assert data["headline"][0]["text"] == "没有符合条件的镇（街道）"
    assert all(tile["raw"] is None for tile in data["tiles"])


def test_the_spread_is_the_mean_change_from_day_to_day() -> None:
    assert spread_of([1, 2, 4, 1]) == pytest.approx(2.0)
    assert spread_of([1, None, 4, 6, 7]) is None
    assert spread_of([1, 2, 3]) is None


class Known(Picture):
    """Figures by hand: (kpi, town) -> now, yesterday, ends of days."""

    given: dict[tuple[str, str], tuple[float | None, float | None, list[float]]]

    def figure(self, kpi: str, town: str = "all") -> Figure:
        return self._figure(kpi, town, 0)

    def before(self, kpi: str, town: str = "all") -> Figure:
        return self._figure(kpi, town, 1)

    def _figure(self, kpi: str, town: str, at: int) -> Figure:
        found = self.given.get((kpi, town))
        value = None if found is None else cast("float | None", found[at])
        return replace(super().figure(kpi, town), value=value)

    def ends(self, kpi: str, town: str, count: int) -> list[tuple[int, Figure]]:
        found = self.given.get((kpi, town), (None, None, []))[2]
        return [(0, replace(Picture.figure(self, kpi, town), value=value)) for value in found]


def test_movers_stand_by_change_over_spread(sample: SampleBoard) -> None:
    picture = Known(VIEW.ask(sample, "zh", ()), (LUOXING, YAOZHUANG))
    picture.given = {
        ("dispute_open", "all"): (12, 10, [10, 11, 10, 11]),
        ("dispute_open", LUOXING): (9, 4, [4, 14, 4, 14]),
        ("dispute_open", YAOZHUANG): (5, 5, [1, 2, 1, 2]),
        ("resumption_rate", LUOXING): (0.80, 0.77, [0.70, 0.70, 0.70, 0.70]),
        ("resumption_rate", YAOZHUANG): (0.80, None, [0.70, 0.71, 0.72, 0.73]),
    }
    found = movers(picture, ("resumption_rate", "dispute_open"), 5)
    # 0.03 ÷ 0.001 (no spread counts as one digit), 2 ÷ 1, 5 ÷ 10; what did not move or is not known is left out.
    assert [(one.kpi, one.town) for one in found] == [
        ("resumption_rate", LUOXING), ("dispute_open", "all"), ("dispute_open", LUOXING),
    ]  # fmt: skip
    assert [one.score for one in found] == [pytest.approx(30), pytest.approx(2), pytest.approx(0.5)]


def test_the_last_line_names_who_has_not_reported_and_what_was_rejected(sample: SampleBoard) -> None:
    quality = told(sample)["quality"]
    feeds = {one["feed"]: one for one in quality["feeds"]}
    assert (feeds["temperature"]["count"], feeds["temperature"]["state"]) == ("8/9 镇", "partial")
    assert feeds["temperature"]["detail"] == "天凝镇未报"
    assert feeds["patrol"]["count"] == "9/9 镇"
    assert [link["text"] for link in quality["links"]] == ["退回待改 12 条", "时钟偏差 1 个来源"]
    assert [link["text"] for link in told(sample, "en")["quality"]["links"]] == [
        "12 rejected records", "clock offset: 1 source",
    ]  # fmt: skip


def test_the_fevers_of_the_whole_are_those_of_its_towns(sample: SampleBoard) -> None:
    data = told(sample)
    whole = data["region"]["cells"][2]["dots"]["at"]
    each = [one for row in data["rows"] if row["cells"][2]["dots"] for one in row["cells"][2]["dots"]["at"]]
    assert sorted(each) == whole
    listed = sum(len(cast(ReadingSummary, sample.reading(town)).fevers) for town in sample.towns if town != SILENT)
    assert len(whole) == listed


def test_every_figure_has_help_and_the_files_hold_the_figures(sample: SampleBoard) -> None:
    data = told(sample)
    assert {tile["id"] for tile in data["tiles"]} | {f"column-{one['kpi']}" for one in data["columns"]} <= set(
        data["helps"]
    )
    assert VIEW.tables is not None
    asked = VIEW.ask(sample, "zh", ())
    tables = {table.name: table for table in VIEW.tables(asked, "all")}
    assert set(tables) == {one["name"] for one in data["tables"]}
    for table in tables.values():
        assert all(len(row) == len(table.columns) for row in table.rows)
    for kpi, _, town, _, value, *_ in tables["figures"].rows:
        if kpi != "patrol_coverage":
            assert value == sample.figure(kpi, town).value
    assert [row[0] for row in tables["towns"].rows] == ["all", *(row["town"] for row in data["rows"])]


def test_a_town_board_compares_with_another(sample: SampleBoard) -> None:
    compare = told(sample, town=LUOXING, vs=f"town:{YAOZHUANG}")["compare"]
    for row in compare["rows"]:
        if not row["dims"]:
            assert row["raw_a"] == sample.figure(row["kpi"], LUOXING).value
            assert row["raw_b"] == sample.figure(row["kpi"], YAOZHUANG).value


def test_without_earlier_days_nothing_is_said_to_have_moved() -> None:
    data = told(town_board(dispute=DISPUTES, enterprise=ENTERPRISES))
    assert data["movers"] == []
    assert data["still"] == "没有可比的前一日数据"
    assert {row["town"]: row["worst"] for row in data["rows"]} == {TOWN: "alert", SILENT_TOWN: ""}
    assert all(cell["delta"] == "" for row in data["rows"] for cell in row["cells"])


def test_a_night_without_anything_due_is_not_a_town_that_did_not_report() -> None:
    early = SampleBoard(at=day_start(20200224) + 20 * 60_000)
    for row in told(early)["rows"]:
        cell = row["cells"][1]
        assert (cell["raw"], cell["note"], cell["reported"]) == (None, "无到期义务", True)
