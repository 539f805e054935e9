"""The error tree: one sentence each, and whether trying again helps."""

from __future__ import annotations

import json

import pytest

from dashboard import errors
from dashboard.api.common import Refused, refusal
from dashboard.errors import (
    Archived,
    Backpressure,
    DiskFull,
    LeaseLost,
    NotAllowed,
    Outdated,
    StoreUnavailable,
    TownwatchError,
    UnknownFeed,
)
from dashboard.feeds import feed_named

TREE = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, TownwatchError) and kind is not Archived
]
"""All but ``Archived``, which words its sentence itself."""


def made(kind: type[TownwatchError]) -> TownwatchError:
    return kind("一句话", 5) if issubclass(kind, Backpressure) else kind("一句话")


@pytest.mark.parametrize("kind", TREE)
def test_each_is_one_sentence_and_explains_itself(kind: type[TownwatchError]) -> None:
    assert str(made(kind)) == made(kind).sentence == "一句话"
    assert kind.__doc__


def test_an_archived_day_is_named_with_the_first_that_is_not() -> None:
    told = Archived("patrol", 20200131, 20200201).sentence
    assert "2020-01-31" in told
    assert "2020-02-01" in told


def test_trying_again_helps_where_the_world_may_change() -> None:
    assert {kind for kind in TREE if kind.retry} == {Backpressure, DiskFull, LeaseLost, StoreUnavailable}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused(415, "一句话"), 415),
        (Backpressure("一句话", 7), 429),
        (DiskFull("一句话", 7), 507),
        (StoreUnavailable("一句话"), 503),
        (NotAllowed("一句话"), 403),
        (UnknownFeed("一句话"), 404),
        (Outdated("一句话"), 409),
        (TownwatchError("一句话"), 422),
    ],
)
def test_each_has_its_answer_over_http(error: Exception, status: int) -> None:
    answer = refusal(error)
    assert answer.status_code == status
    assert json.loads(bytes(answer.body)) == {"error": "一句话"}
    assert ("retry-after" in answer.headers) == (status in (429, 503, 507))


def test_a_fault_of_ours_is_told_as_ours_without_its_details() -> None:
    answer = refusal(ZeroDivisionError("secret"))
    assert answer.status_code == 500
    assert b"secret" not in bytes(answer.body)


def test_an_unknown_feed_names_those_there_are() -> None:
    with pytest.raises(UnknownFeed, match=r"patrol.*temperature"):
        feed_named("nothing")
