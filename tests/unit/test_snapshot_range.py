"""Snapshots of a range of days: which days it has, and what is told of each."""

from __future__ import annotations

import pytest

from dashboard.commands.snapshots import range_of, told
from dashboard.errors import ConfigurationError


def test_a_range_has_both_its_days_and_those_between() -> None:
    assert range_of("2020-02-28", "2020-03-01") == [20200228, 20200229, 20200301]
    assert range_of("2020-02-28", None) == [20200228]


def test_a_range_that_ends_before_it_begins_or_on_no_day_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--to 2020-02-27 早于 --date 2020-02-28"):
        range_of("2020-02-28", "2020-02-27")
    with pytest.raises(ConfigurationError, match="--to 是 '2020-02-30'"):
        range_of("2020-02-28", "2020-02-30")


def test_of_several_days_each_is_told_with_its_place_and_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    for day, done in told([20200228, 20200229]):
        done(f"done {day}")
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("1/2 2020-02-28 done 20200228（约还要 0 秒")
    assert last == "2/2 2020-02-29 done 20200229"


def test_of_one_day_only_what_became_of_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for _, done in told([20200228]):
        done("done")
    assert capsys.readouterr().out == "done\n"
