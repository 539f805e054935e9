"""The page 告警: grouped by rule and town, paged, filtered by the address; nobody sees more than is theirs to see."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from dashboard.access.policy import Role
from dashboard.access.viewer import LOCAL_VIEWER, Viewer
from dashboard.queries.alerting import groups, words
from dashboard.queries.alerting.life import Alert, State, Step, What
from dashboard.queries.board import Board
from dashboard.queries.views import shell, wall
from dashboard.queries.views.alerts import PAGE, VIEW
from tests.town_board import DISPUTES, ENTERPRISES, GATES, NOW, PACK, READING, SILENT_TOWN, TOWN, TRACK

CHIEF = Viewer("沈立", frozenset({Role.CHIEF}), frozenset({TOWN}), staff="P-8001")
NEIGHBOUR = Viewer("邻", frozenset({Role.CHIEF}), frozenset({SILENT_TOWN}))
LEADER = Viewer("方远", frozenset({Role.LEADER}))


def alert(name: str, rule: str = "temperature.fever", **more: Any) -> Alert:
    given: dict[str, Any] = {
        "id": name, "cause": f"{rule}|{name}", "rule": rule, "feed": rule.partition(".")[0], "town": TOWN,
        "severity": "alert", "peak": "alert", "state": State.OPEN, "pending_at": NOW, "begun_at": NOW - 60_000,
        "changed_at": NOW, "raised_at": NOW - 60_000, "case": "A-17", "value": 38.4, "place": GATES[0].code,
    }  # fmt: skip
    return Alert(**(given | more))


class Book:
    """Alerts that are there."""

    def __init__(self, *found: Alert) -> None:
        self.found = found

    def current(self) -> tuple[Alert, ...]:
        return self.found

    def past(self, towns: Any, before: int, limit: int) -> list[Alert]:
        return []

    def one(self, name: str) -> Alert | None:
        return next((one for one in self.found if one.id == name), None)

    def steps(self, name: str) -> list[Step]:
        return [Step(name, 1, NOW - 60_000, What.RAISED), Step(name, 2, NOW, What.ACKNOWLEDGED, "P-8001 陆敏")]

    def deliveries(self, name: str) -> list[dict[str, Any]]:
        tried = [{"n": 1, "at": NOW, "outcome": "failed", "told": "HTTP 503", "took_ms": 12}]
        sent = {"id": "d1", "channel": "hook", "kind": "raised", "made_at": NOW, "state": "waiting", "tries": 1}
        return [sent | {"attempts": tried}]


def board_of(viewer: Viewer, *found: Alert) -> Board:
    summaries = {
        "patrol": {TOWN: TRACK}, "temperature": {TOWN: READING}, "dispute": {TOWN: DISPUTES},
        "enterprise": {TOWN: ENTERPRISES},
    }  # fmt: skip
    past = SimpleNamespace(alerts=Book(*found), rules=None, audit=None)
    region = cast(Any, SimpleNamespace(pack=PACK))
    trends = SimpleNamespace(
        past=past, yesterday=lambda *_: {}, course=lambda *_: [], day_end=lambda *_: {}
    )  # fmt: skip
    board = Board(cast(Any, summaries), NOW, 1, region, viewer, cast(Any, trends))
    board.current = True
    return board


def page(viewer: Viewer, *found: Alert, **params: str) -> dict[str, Any]:
    asked = VIEW.ask(board_of(viewer, *found), "zh", tuple(sorted(params.items())))
    return VIEW.document(asked, "all")


def test_a_storm_is_a_few_rows_and_an_opened_group_has_pages() -> None:
    storm = [alert(f"a{n:04}", ("patrol.gap", "dispute.overdue")[n % 2], case=f"C{n}") for n in range(1000)]
    shown = page(LOCAL_VIEWER, *storm)
    assert [row["count"] for row in shown["rows"]] == [500, 500]
    key = shown["rows"][0]["group"]
    second = page(LOCAL_VIEWER, *storm, group=key, page="2")
    assert (len(second["rows"]), second["page"]["at"], second["page"]["of"]) == (PAGE, 2, 10)
    assert page(LOCAL_VIEWER, *storm, group=key, page="999")["page"]["at"] == 10
    assert page(LOCAL_VIEWER, *storm, group=key, page="²")["page"]["at"] == 1


def test_what_is_urgent_and_nobodys_comes_first_and_the_address_narrows() -> None:
    found = (
        alert("watch", "patrol.gap", severity="watch"),
        alert("taken", "dispute.overdue", state=State.ACKNOWLEDGED, owner="P-8001 沈立", by="P-8001 沈立"),
        alert("fever"),
        alert("over", "enterprise.stuck", state=State.RESOLVED, resolution="cleared", resolved_at=NOW),
    )
    assert [row["key"] for row in page(LOCAL_VIEWER, *found)["rows"]] == ["fever", "taken", "watch"]
    assert [row["key"] for row in page(LOCAL_VIEWER, *found, severity="watch")["rows"]] == ["watch"]
    assert [row["key"] for row in page(LOCAL_VIEWER, *found, state="over")["rows"]] == ["over"]
    assert [row["key"] for row in page(CHIEF, *found, mine="me")["rows"]] == ["taken"]
    assert [row["key"] for row in page(LOCAL_VIEWER, *found, q="A-17", feed="temperature")["rows"]] == ["fever"]


def test_another_town_sees_nothing_and_a_leader_no_single_case_nor_name() -> None:
    one = alert("fever", owner="P-8001 陆敏")
    region = alert("line", "dispute.feed", town="all", place="", case="")
    assert [row["key"] for row in page(NEIGHBOUR, one, region)["rows"]] == ["line"]
    assert page(NEIGHBOUR, one, open="fever") == {"drawer": None}
    shown = page(LEADER, one)
    assert "A-17" not in str(shown["rows"])
    assert "陆敏" in str(page(CHIEF, one)["rows"])
    assert "A-17" in str(page(CHIEF, one)["rows"])


def test_the_drawer_tells_the_whole_life_and_what_became_of_messages() -> None:
    drawer = page(CHIEF, alert("fever"), open="fever")["drawer"]
    life, outside = drawer["sections"]
    assert [item["text"] for item in life["items"]] == ["发出", "签收·陆敏"]
    assert "等待重试" in outside["items"][0]["text"]
    assert "HTTP 503" in outside["items"][0]["text"]


def test_the_wall_tells_place_state_and_age_but_no_case_and_no_name() -> None:
    board = board_of(LOCAL_VIEWER, alert("fever", owner="P-8001 陆敏"), alert("gap", "patrol.gap", severity="watch"))
    told = wall.build(board, "all", "zh")["alerts"]
    assert [row["key"] for row in told["rows"]] == ["fever", "gap"]
    assert told["urgent_ids"] == ["fever"]
    assert "{age}" in told["rows"][0]["state"]
    assert "A-17" not in str(told)
    assert "陆敏" not in str(told)
    assert shell.build(board, "all", "zh")["alerts"] == {"open": 2, "free": 2, "urgent": 1}


def test_every_declared_rule_has_words_in_both_languages_and_messages_name_nobody() -> None:
    board = board_of(LOCAL_VIEWER)
    for feed in board._declared:
        for rule in feed.alerts:
            one = alert("x", rule.key(feed.name), owner="P-8001 陆敏", facts={"kpi": "screened", "stage": "reported"})
            for lang in ("zh", "en"):
                assert words.fact(board, one, lang)
                assert rule.words.of(lang)
                assert rule.help.of(lang), rule.name
            assert "陆敏" not in str(words.told(board, one))
    assert groups.entries(board) == ()
