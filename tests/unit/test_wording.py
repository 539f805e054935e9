"""Numbers, dates and ages read as DESIGN-UI §6 says, in both languages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.domain.day import HOUR, MINUTE, day_start
from dashboard.feeds import KPIS
from dashboard.queries import wording

ZONE = "Asia/Shanghai"
DAY = 20200224
COVERAGE, FEVERS = KPIS["patrol_coverage"][1], KPIS["fever_count"][1]


@pytest.mark.parametrize(
    ("value", "decimals", "said"),
    [
        (81.25, 1, "81.3"),
        (81.24, 1, "81.2"),
        (0.05, 1, "0.1"),
        (100.0, 1, "100.0"),
        (2.5, 0, "3"),
        (0.8125 * 100, 1, "81.3"),
    ],
)
def test_rounding_is_half_up(value: float, decimals: int, said: str) -> None:
    assert wording.decimal(value, decimals) == said


def test_binary_noise_is_no_digit() -> None:
    assert wording.decimal(0.29 * 100, 1) == "29.0"
    assert wording.decimal(1.005 * 100, 1) == "100.5"


def test_thousands_and_true_minus() -> None:
    assert wording.count(34217, "zh") == "34,217"
    assert wording.count(-1234, "en") == "\u22121,234"
    assert wording.signed(-3, 0) == "\u22123"
    assert wording.signed(1.8, 1) == "+1.8"
    assert wording.decimal(-0.01, 1) == "0.0"


def test_a_delta_is_the_difference_of_the_displayed_values() -> None:
    # 87.06 and 85.34 differ by 1.72, but 87.1 and 85.3 are what is seen.
    assert wording.delta(0.8706, 0.8534, COVERAGE, "zh") == "+1.8 个百分点"
    assert wording.delta(0.8706, 0.8534, COVERAGE, "en") == "+1.8 pp"
    assert wording.delta(7, 10, FEVERS, "zh") == "\u22123 人次"
    assert wording.delta(7, 10, FEVERS, "en") == "\u22123 readings"
    assert wording.delta(8, 7, FEVERS, "en") == "+1 reading"


def test_equal_displays_read_as_equal() -> None:
    assert wording.delta(0.93501, 0.93499, COVERAGE, "zh") == "持平"
    assert wording.delta(7, 7, FEVERS, "en") == "no change"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_readers_subtraction_agrees(value: float, before: float) -> None:
    said = wording.delta(value, before, COVERAGE, "zh", short=True)
    seen = Decimal(wording.decimal(value * 100, 1)) - Decimal(wording.decimal(before * 100, 1))
    assert (Decimal(0) if said == "持平" else Decimal(said.replace("\u2212", "-"))) == seen


@pytest.mark.parametrize(
    ("ms", "zh", "en"),
    [
        (8_000, "8 秒前", "8 s ago"),
        (59_999, "59 秒前", "59 s ago"),
        (12 * MINUTE, "12 分前", "12 min ago"),
        (3 * HOUR + 26 * MINUTE, "3 小时 26 分前", "3 h 26 min ago"),
        (28 * HOUR, "1 天 4 小时前", "1 d 4 h ago"),
        (-5_000, "0 秒前", "0 s ago"),
    ],
)
def test_ages(ms: int, zh: str, en: str) -> None:
    assert wording.ago(ms, "zh") == zh
    assert wording.ago(ms, "en") == en


def test_dates_and_moments() -> None:
    at = day_start(DAY, ZONE) + 14 * HOUR + 32 * MINUTE
    assert wording.clock(at, ZONE) == "14:32"
    assert wording.clock_seconds(at + 7_000, ZONE) == "14:32:07"
    assert wording.date_line(DAY, "zh") == "2月24日 星期一"
    assert wording.date_line(DAY, "en") == "Mon 24 Feb"
    assert wording.as_of(at, ZONE, "zh") == "截至 14:32"
    assert wording.as_of(at, ZONE, "en") == "as of 14:32"
    assert wording.moment(at, DAY, ZONE, "zh") == "14:32"
    assert wording.moment(at, 20200225, ZONE, "zh") == "2月24日 14:32"
    assert wording.moment(at, 20200225, ZONE, "en") == "24 Feb 14:32"


def test_missing_is_a_dash() -> None:
    assert wording.percent(None) == "—"
    assert wording.celsius(None) == "—"
    assert wording.bytes_text(None) == "—"
    assert wording.join_unit("—", "人次") == "—"


def test_units_and_temperatures() -> None:
    assert wording.join_unit("87.1", "%") == "87.1%"
    assert wording.join_unit("7", "人次") == "7 人次"
    assert wording.join_unit("1", "people") == "1 person"
    assert wording.join_unit("1", "h") == "1 h"
    assert wording.celsius(37_900) == "37.9 ℃"
    assert wording.bytes_text(1_500_000) == "1.4 MB"


def test_dots_need_no_spaces_beside_han() -> None:
    assert wording.join(["姚庄镇", "东出口"], "zh") == "姚庄镇·东出口"
    assert wording.join(["未结 3", "今日 18"], "zh") == "未结 3·今日 18"
    assert wording.join(["A-17", "14:29 测得"], "zh") == "A-17 · 14:29 测得"
    assert wording.join(["Yaozhuang", "", "beat 1"], "en") == "Yaozhuang · beat 1"
    assert wording.join([], "zh") == ""


def test_long_lists_end_in_a_count() -> None:
    assert wording.listed(["陶庄镇", "西塘镇"], "zh", 1) == "陶庄镇等 2 个"
    assert wording.listed(["Taozhuang", "Xitang"], "en", 1) == "Taozhuang and 1 more"
    assert wording.listed(["陶庄镇"], "zh") == "陶庄镇"


def test_rough_spans_have_one_unit() -> None:
    assert [wording.rough_span(ms, "zh") for ms in (-5, 59_000, 45 * 60_000, 3_600_000 * 38, 3_600_000 * 58)] == [
        "0 秒", "59 秒", "45 分", "38 小时", "2.4 天",
    ]  # fmt: skip
    assert wording.rough_span(3_600_000 * 38, "en") == "38 h"


def test_staff_read_as_people_say_them() -> None:
    assert wording.staff("P-8013 陆敏") == "陆敏"
    assert [wording.staff(text) for text in ("P-8013", "陆敏", "", "二组 何涛")] == ["P-8013", "陆敏", "", "二组 何涛"]
