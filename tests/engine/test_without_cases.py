"""Who may not see single cases finds none: no number, name or person of one in any view, file or answer.

Views, files and doors are enumerated from the application: what comes later is asked for by these tests as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from dashboard.access.policy import Permission, Role, allows
from dashboard.access.viewer import Viewer
from dashboard.alerts.engine import AlertEngine
from dashboard.domain.day import HOUR, iso
from dashboard.domain.feed import CaseSpec, Feed, TallySpec
from dashboard.domain.summary import CaseSummary, ReadingSummary
from dashboard.feeds import FEEDS
from dashboard.queries.asked import ALL
from dashboard.queries.single import WHY
from dashboard.stores.redis_server import RedisServer
from tests.engine.core import CHECKPOINT, NOON, YAOZHUANG, reading
from tests.engine.fort import Fort, fort, path_of, public, valid
from tests.engine.test_hostile import holes, unpacked

CASE, NAME, PERSON = "Hx3Jv", "Nm5Qt", "p-Vw8Zs"
"""Stand in the number and in every free text of each case, and for the person behind a fever."""
LEADER = Viewer("方远", frozenset({Role.LEADER}))
WALL = Viewer("大屏", frozenset({Role.WALL}))
CHIEF = Viewer("所长", frozenset({Role.CHIEF}))
STAFF = ("industry", "caller", "handler", "liaison", "steward", "owner", "officer", "mediator", "checker")
"""Texts that name staff or a branch, which figures are told by; they say whose turn it is, not whose case."""


def _cases(feed: Feed) -> Iterator[dict[str, Any]]:
    """A case at every stage, long enough there to be late, and one of today."""
    spec = feed.archetype
    assert isinstance(spec, CaseSpec)
    names = [
        field
        for field in feed.fields
        if field.kind == "text" and field.name not in (*STAFF, "place") and field.name != feed.subject
    ]
    for number, stage in enumerate(spec.stages):
        for back in (0, 20):
            which = f"{stage.code}-{back}"
            told = {field.name: f"{NAME}-{field.name}-{which}"[: field.max_length] for field in names}
            told |= {"id": f"{CASE}-{which}-1", "stage": stage.code, "at": iso(NOON - HOUR - back * 24 * HOUR)}
            yield valid(feed, number, **told | {feed.subject: f"{CASE}-{feed.name}-{which}"})


@pytest.fixture(scope="module")
def castle(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fort]:
    """The product with cases of every feed at every stage, a fever and the alerts of all that."""
    redis.Redis.from_url(redis_server.url).flushall()
    with fort(tmp_path_factory.mktemp("fort"), redis_server.url) as found:
        for feed in public():
            if isinstance(feed.archetype, CaseSpec):
                got = found.post(feed.name, *_cases(feed))
                assert got.status == 202, (feed.name, got.body)
            elif isinstance(feed.archetype, TallySpec) and feed.archetype.judge is not None:
                # What a rule made of somebody's declaration is about one person, too.
                assert found.post(feed.name, valid(feed, 1, **{feed.subject: f"{CASE}-{feed.name}"})).status == 202
        found.post("temperature", reading(1, celsius=38.4, person_ref=PERSON))
        found.post("isolation", valid(FEEDS["isolation"], 9, case=f"{CASE}-bad", stage=CASE))
        found.settled()
        core = found.core
        assert AlertEngine(core.history, core.parts.live, core.reader(), core.clock, "one", None).step()
        yield found


def _documents(fort: Fort, viewer: Viewer) -> Iterator[tuple[str, str]]:
    """(which, text) of every view's document and tables, with its filters as they are and wide open, and of rows."""
    board = fort.web.reader.board(viewer, exact=True)
    alerts = [one.id for one in board.alerts.current()][:20] if board.alerts is not None else []
    for view in fort.web.app.state.hub.views.values():
        scope = YAOZHUANG if view.name in ("town", "handover") else "all"
        if not view.lets(viewer, scope, own=True):
            continue
        if view.filters is None:
            yield view.name, json.dumps(view.build(board, scope, "zh"), ensure_ascii=False)
            continue
        wide = (*((one.key, ALL) for one in view.filters), ("list", "closed"))
        further = (wide, (("q", CASE[:3]),)) if view.cases and viewer is not CHIEF else ()
        for params in ((), *further):
            asked = view.ask(board, "zh", params, None)
            yield f"{view.name} {dict(params)}", json.dumps(view.build(asked, scope), ensure_ascii=False)
            filed = view.tables is not None and viewer is not CHIEF and params == (further[0] if further else ())
            for table in view.tables(asked, scope) if view.tables is not None and filed else ():
                yield f"{view.name} {dict(params)} {table.name}", repr([list(row) for row in table.rows])
        for row in (CHECKPOINT, *(alerts if view.name == "alerts" else ())):
            if view.detail is not None and view.lets(viewer, scope, (("open", row),), own=True):
                asked = view.ask(board, "zh", (("open", row),), None)
                yield f"{view.name} open {row}", json.dumps(view.document(asked, scope), ensure_ascii=False)


def _secrets(castle: Fort) -> set[str]:
    """What tells one case from another: numbers, names, and the short numbers of fevers."""
    board = castle.web.reader.board(CHIEF)
    fevers = {
        fever.case
        for town in board.towns
        if isinstance(found := board.summaries("temperature").get(town), ReadingSummary)
        for fever in found.fevers
    }
    assert fevers
    assert any(isinstance(one, CaseSummary) and one.cases for one in board.summaries("isolation").values())
    return {CASE, NAME, PERSON, *fevers}


class Telling:
    """Finds cases in texts. Where patrols go is no secret: a place is one, whoever else has it as a case."""

    def __init__(self, castle: Fort) -> None:
        self.secrets = _secrets(castle)
        places = castle.web.reader.board(CHIEF, exact=True).provisional.values()
        # What has resumed is visited every day: there it stands as a place, by its name.
        visited = {f"{NAME}-name-resumed-{back}" for back in (0, 20)}
        known = visited | {name for place in places for name in (place.code, place.name)}
        self.places = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The words about the first case that a text tells of; empty: it tells of none."""
        if not any(one in text for one in self.secrets):
            return ""
        for place in self.places:
            text = text.replace(place, "")
        return next((text[max(0, text.index(one) - 60) :][:120] for one in self.secrets if one in text), "")


def test_no_view_or_file_tells_a_case_to_who_may_not_see_cases(castle: Fort) -> None:
    told = Telling(castle)
    shown = {which.split()[0] for which, text in _documents(castle, CHIEF) if told(text)}
    assert shown == {view.name for view in castle.web.app.state.hub.views.values() if view.cases}
    wrong: dict[str, str] = {}
    asked = 0
    for viewer in (LEADER, WALL):
        assert not allows(viewer, Permission.CASES)
        for which, text in _documents(castle, viewer):
            asked += 1
            if found := told(text):
                wrong[which] = found
    assert not wrong, "\n".join(map(str, wrong.items()))
    assert asked > 80


def test_no_door_tells_a_case_to_who_may_not_see_cases(castle: Fort) -> None:
    told, wrong, asked = Telling(castle), [], 0
    assert told(unpacked(castle.as_("chief", "GET", "/api/v1/export/disputes.xlsx").body))
    for door in castle.doors():
        if "GET" not in door.methods or not door.path.startswith("/api/v1"):
            continue
        values = holes(door.path)
        for feed in ["isolation", "temperature"] if "feed" in values else [""]:
            target = path_of(door.path, values | ({"feed": feed} if feed else {}))
            for who, query in (("wally", ""), ("lee", ""), ("lee", "feed=callback&day=2020-02-18")):
                got = castle.as_(who, "GET", f"{target}?{query}")
                asked += 1
                if got.status < 400 and (found := told(unpacked(got.body))):
                    wrong.append((who, target, query, found))
    assert wrong == []
    assert asked > 100
    for who in ("lee", "wally"):
        assert castle.as_(who, "GET", "/api/v1/records?feed=dispute&day=2020-02-18").status == 403


def test_figures_are_the_same_for_who_may_not_see_cases(castle: Fort) -> None:
    reader = castle.web.reader
    seen, blind = (reader.board(viewer, exact=True).figures(breakdowns=False) for viewer in (CHIEF, LEADER))
    assert seen == blind
    assert [one for one in blind if one.value]
    board, views = reader.board(LEADER), castle.web.app.state.hub.views
    for name in ("disputes", "enterprises", "feed-isolation"):
        page = views[name].document(views[name].ask(board, "zh", (), None), "all")
        assert page["rows"] == []
        assert page["empty"] == WHY.zh
    town = views["town"].build(board, YAOZHUANG, "zh")
    assert "不列单条" in town["sub"]["text"]
    assert all(row["kind"] in ("visit", "round", "checkpoint") for row in town["rows"])
    assert sum(int(card["value"] or 0) for card in town["cards"]) > len(town["rows"])
