"""Views under a query: each computed once for all who ask the same, dropped with the last of them, bounded, checked."""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from dashboard.access.policy import Permission
from dashboard.domain.feed import Words
from dashboard.live import MAX_ASKED
from dashboard.queries.asked import Asked, Choice, Filter
from dashboard.queries.view import View
from tests.engine.served import TOWNS, Boards, page, until
from tests.engine.test_hub import hub_with, run, serving


def _towns(board: Any, lang: str) -> list[Choice]:
    return [Choice(town, town) for town in board.towns]


def _figures(asked: Asked, scope: str) -> dict[str, Any]:
    return {"seq": asked.board.seq, "town": asked.one("town"), "live": asked.when.live, "notices": list(asked.notices)}


def _row(asked: Asked, scope: str) -> dict[str, Any]:
    return {"seq": asked.board.seq, "row": asked.open}


FILTERED = View(
    "filtered",
    _figures,
    filters=(Filter("town", Words("镇", "Town"), _towns, lambda row: row),),
    detail=_row,
    open=True,
    needs=Permission.FIGURES,
)
PLAIN = View("plain", lambda board, scope, lang: {"seq": board.seq}, needs=Permission.FIGURES)


class Past:
    """Other moments, which may take as long as the test likes."""

    def __init__(self, board: Any) -> None:
        self.board = board
        self.asked = 0
        self.most = 0
        self.now = 0
        self.gate = threading.Event()
        self._lock = threading.Lock()

    def day(self, day: int) -> Any:
        """A past day."""
        with self._lock:
            self.asked += 1
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.gate.wait(20)
        with self._lock:
            self.now -= 1
        return self.board

    as_of = day

    def same_time(self, day: int, now: int) -> Any:
        """A past day at the time of now."""
        return self.day(day)


class Today(msgspec.Struct):
    """As much of a board as a query reads."""

    seq: int
    now: int
    towns: tuple[str, ...]
    pack: Any
    day: int = 20200218
    zone: str = "Asia/Shanghai"


def hub_of(*views: View, past: Past | None = None) -> tuple[Any, Any]:
    """A hub over boards that have a day."""
    hub, boards = hub_with(*views, moments=(lambda viewer: past) if past else None)
    hub.boards = Days(boards)
    return hub, boards


class Days:
    """The test's boards with a day and a zone."""

    def __init__(self, boards: Boards) -> None:
        self.boards = boards
        self.changes = boards.changes

    async def board(self, viewer: Any) -> Any:
        """As the hub asks for it."""
        moment = await self.boards.board(viewer)
        return Today(moment.seq, moment.now, moment.towns, moment.pack)


async def ask(one: Any, **params: str) -> None:
    """Subscribe to the filtered view under a query."""
    await one.say(do="subscribe", view="filtered", scope="all", lang="zh", params=params)


def test_the_same_query_is_computed_once_whatever_its_order() -> None:
    async def story() -> None:
        hub, boards = hub_of(FILTERED)
        async with serving(hub) as host, page(host) as one, page(host) as two, page(host) as three:
            await one.say(do="subscribe", view="filtered", scope="all", lang="zh", params={"town": TOWNS[1], "q": "x"})
            await two.say(
                do="subscribe", view="filtered", scope="all", lang="zh", params={"q": "x", "town": TOWNS[1], "b": ""}
            )
            await ask(three, town=TOWNS[0])
            first, second, other = [await each.hear("view") for each in (one, two, three)]
            assert first == second
            assert first["params"] == {"q": "x", "town": TOWNS[1]}
            assert (first["data"]["town"], other["data"]["town"]) == (TOWNS[1], TOWNS[0])
            assert (hub.computed, hub.topics) == (2, 2)
            seq = boards.change()
            assert (await one.hear_seq("filtered", seq))["data"]["town"] == TOWNS[1]
            await three.hear_seq("filtered", seq)
            assert hub.computed == 4

    run(story)


def test_a_query_that_nobody_looks_at_any_longer_is_dropped() -> None:
    async def story() -> None:
        hub, _ = hub_of(FILTERED)
        async with serving(hub) as host, page(host) as one:
            await ask(one, town=TOWNS[0])
            await one.hear("view")
            await ask(one, town=TOWNS[1])
            await one.hear("view")
            assert hub.topics == 2
            await one.say(do="unsubscribe", view="filtered", scope="all", lang="zh", params={"town": TOWNS[0]})
            await until(lambda: hub.topics == 1, "the end of the query that was left")

    run(story)


def test_an_unknown_value_is_answered_with_a_notice_and_an_opened_row_with_its_detail() -> None:
    async def story() -> None:
        hub, _ = hub_of(FILTERED)
        async with serving(hub) as host, page(host) as one:
            await ask(one, town="nowhere", colour="red")
            data = (await one.hear("view"))["data"]
            assert data["town"] is None
            assert data["notices"] == ["没有名为“nowhere”的镇，已忽略", "地址里的“colour”不认识，已忽略"]
            await ask(one, open="row-7")
            assert (await one.hear("view"))["data"]["row"] == "row-7"

    run(story)


def test_queries_are_bounded_in_length_and_number_and_refused_where_a_view_takes_none() -> None:
    async def story() -> None:
        hub, _ = hub_of(FILTERED, PLAIN)
        async with serving(hub) as host, page(host) as one:
            await ask(one, q="x" * 601)
            assert (await one.hear("refused"))["reason"] == "params"
            await one.say(
                do="subscribe", view="filtered", scope="all", lang="zh", params={str(n): "1" for n in range(25)}
            )
            assert (await one.hear("refused"))["reason"] == "params"
            await one.say(do="subscribe", view="filtered", scope="all", lang="zh", params={"town": 7})
            assert (await one.hear("refused"))["reason"] == "message"
            await one.say(do="subscribe", view="plain", scope="all", lang="zh", params={"town": TOWNS[0]})
            assert (await one.hear("refused"))["reason"] == "params"
            for number in range(MAX_ASKED + 1):
                await ask(one, q=str(number))
            refused = await one.hear("refused")
            assert (refused["reason"], refused["params"]) == ("limit", {"q": str(MAX_ASKED)})
            await one.say(do="subscribe", view="plain", scope="all", lang="zh")
            assert hub.topics <= MAX_ASKED + 1

    run(story)


def test_a_viewer_of_one_town_asks_the_whole_and_gets_its_own() -> None:
    async def story() -> None:
        hub, _ = hub_of(FILTERED, PLAIN)
        async with serving(hub) as host, page(host, "yaozhuang") as one, page(host, "xitang") as two:
            await ask(one, town=TOWNS[0])
            await ask(two, town=TOWNS[0])
            own, other = (await one.hear("view"))["data"], (await two.hear("view"))["data"]
            assert (own["town"], own["notices"]) == (TOWNS[0], [])
            assert (other["town"], len(other["notices"])) == (None, 1)
            await one.say(do="subscribe", view="plain", scope="all", lang="zh")
            assert (await one.hear("refused"))["reason"] == "scope"

    run(story)


def test_a_past_moment_is_computed_once_and_does_not_move() -> None:
    async def story() -> None:
        past = Past(Today(1, 2, TOWNS, None))
        past.gate.set()
        hub, boards = hub_of(FILTERED, past=past)
        async with serving(hub) as host, page(host) as one:
            await ask(one, day="2020-02-10")
            assert (await one.hear("view"))["data"]["live"] is False
            await ask(one, town=TOWNS[0])
            await one.hear("view")
            for _ in range(3):
                await one.hear_seq("filtered", boards.change())
            assert past.asked == 1

    run(story)


def test_past_moments_are_computed_two_at_a_time_and_the_present_does_not_wait_for_them() -> None:
    async def story() -> None:
        past = Past(Today(1, 2, TOWNS, None))
        hub, boards = hub_of(FILTERED, PLAIN, past=past)
        async with serving(hub) as host, page(host) as one:
            for day in range(10, 15):
                await ask(one, day=f"2020-02-{day}")
            await until(lambda: past.now == 2, "two past moments under way")
            await one.say(do="subscribe", view="plain", scope="all", lang="zh")
            await one.hear_seq("plain", 1)
            await one.hear_seq("plain", boards.change())
            past.gate.set()
            await until(lambda: past.asked == 5 and past.now == 0, "all five")
            assert past.most == 2

    run(story)
