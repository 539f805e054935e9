"""Declarations through the real path: the table of regional risk changes under them, a review overrules, and each decision
explains itself. The QR code leads to the form of its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import redis
import segno

from dashboard.access.viewer import LOCAL_VIEWER, Role, Viewer
from dashboard.api.qr import drawn
from dashboard.domain.day import iso
from dashboard.errors import PackError
from dashboard.queries import decisions
from dashboard.queries.asked import canonical
from dashboard.queries.trial import effects
from dashboard.queries.views import VIEWS
from dashboard.stores.redis_server import RedisServer
from geodata.revise import Edit
from ingest.revision import Change, Revisions
from tests.engine.core import DAYUN, NOON, YAOZHUANG, Core, ms

TODAY, TOMORROW = 20200218, 20200219
HENAN = "410000"
KEYS = {"refuse": "refused", "wait": "wait", "isolate": "isolate", "return": "cleared"}


@pytest.fixture
def core(data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer) -> Iterator[Core]:
    made = Core(data_dir, redis_server.url)
    made.worker.step()
    yield made
    made.close()


def declared(number: int, at: str = "10:00", **said: Any) -> dict[str, Any]:
    record = {
        "id": f"d-{number}-{at}", "town": YAOZHUANG, "at": iso(ms(at)), "declaration": f"S-{number}", "origin": "410100",
        "health_code": "green", "celsius": 36.5,
    } | said  # fmt: skip
    return {name: value for name, value in record.items() if value is not None}


def classes(core: Core, town: str = YAOZHUANG) -> dict[str, Any]:
    return {verdict: core.value(f"declarations_{key}", town) for verdict, key in KEYS.items()}


def revise(core: Core, text: str, code: str = HENAN, valid_from: int = TODAY) -> None:
    door = Revisions(core.history, core.parts.region_at, core.clock)
    edits = door.edits([("risks", code, text)])
    door.save(LOCAL_VIEWER, Change(edits), valid_from, "按通报调整")
    core.worker.step()
    core.worker.step()


def explained(core: Core, number: int, viewer: Viewer = LOCAL_VIEWER) -> dict[str, Any]:
    view, board = VIEWS["feed-declaration"], core.reader().board(viewer)
    asked = view.ask(board, "zh", canonical({"open": f"S-{number}"}), core.reader().moments(viewer))
    drawer: dict[str, Any] = view.document(asked, "all")["drawer"]
    return drawer


def test_another_row_of_the_table_sorts_anew_and_yesterday_keeps_what_it_had(core: Core) -> None:
    core.accept("declaration", declared(1, "2020-02-17T10:00:00+08:00"), declared(2), declared(3, origin="510000"))
    assert classes(core) == {"refuse": 0, "wait": 0, "isolate": 0, "return": 3}
    shown = core.reader().board(LOCAL_VIEWER).seq
    board = core.reader().board(LOCAL_VIEWER, exact=True)
    edit = Edit("risks", HENAN, ({"level": "high", "name": "河南省"},))
    tried = effects(board, core.reader().past, [edit], "zh")
    assert tried is not None
    assert {one.kpi: (one.before, one.after) for one in tried}["declarations_refused"] == ("0 条", "2 条")
    revise(core, "高风险 河南省")
    assert classes(core) == {"refuse": 2, "wait": 0, "isolate": 0, "return": 1}
    past = core.reader().day(LOCAL_VIEWER, 20200217)
    assert past.figure("declarations_cleared", YAOZHUANG).value == 1, "yesterday keeps yesterday's table"
    assert shown < core.reader().board(LOCAL_VIEWER).seq, "the change has a known_seq of its own"
    # A city may stand otherwise than its province.
    revise(core, "低风险 郑州市", "410100")
    assert classes(core)["return"] == 3
    # A worker that begins anew says the same.
    core.another_worker().step()
    assert classes(core) == {"refuse": 0, "wait": 0, "isolate": 0, "return": 3}


def test_a_scheduled_table_counts_from_its_midnight_on_by_itself(core: Core) -> None:
    core.clock.set(ms("23:58"))
    core.accept("declaration", declared(1))
    revise(core, "中风险 河南省", valid_from=TOMORROW)
    assert classes(core)["return"] == 1
    core.clock.set(ms("2020-02-19T00:01:00+08:00"))
    core.worker.step()
    assert classes(core)["isolate"] == 1


def test_a_code_that_changes_and_a_review_and_a_withdrawal(core: Core) -> None:
    core.accept("declaration", declared(1), declared(2, celsius=None), declared(3, celsius=37.3))
    assert classes(core) == {"refuse": 0, "wait": 2, "isolate": 0, "return": 1}
    core.accept("declaration", declared(1, "10:30", health_code="red", origin=None, celsius=None))
    assert classes(core) == {"refuse": 1, "wait": 2, "isolate": 0, "return": 0}
    said = {"review": "return", "overrules": "wait", "reason": "复测 36.4", "reviewer": "P-0417"}
    core.accept("declaration", declared(3, "11:00", origin=None, health_code=None, celsius=None, **said))
    assert classes(core) == {"refuse": 1, "wait": 1, "isolate": 0, "return": 1}
    assert core.value("declarations_overruled") == 1
    core.accept("declaration", {"id": "d-3-11:00", "void": True})
    assert classes(core) == {"refuse": 1, "wait": 2, "isolate": 0, "return": 0}
    assert core.value("declarations") == 3


def test_a_review_without_a_reason_is_refused_in_a_sentence(core: Core) -> None:
    receipt = core.send("declaration", declared(1, review="return"))
    assert receipt.accepted == 0
    assert [one.field for one in receipt.rejected] == ["reason"]


def test_each_decision_explains_itself(core: Core) -> None:
    core.accept("declaration", declared(1), declared(1, "10:30", health_code="yellow", origin=None, celsius=None))
    said = {"review": "return", "overrules": "isolate", "reason": "隔离期满", "reviewer": "P-0417"}
    core.accept("declaration", declared(1, "11:00", origin=None, health_code=None, celsius=None, **said))
    found = explained(core, 1)
    assert found["decision"] == {"verdict": "return", "rule": "isolate", "ruling": "overruled"}
    why = [item["text"] for item in found["sections"][0]["items"]]
    assert "黄码" in why[0], "the strictest ground first"
    assert any("410100" in text for text in why), "the origin that was read"
    past = [item["text"] for item in found["sections"][1]["items"]]
    assert len(past) == 3
    assert "隔离期满" in past[-1]
    assert "P-0417" in past[-1]
    # The table changes: the rule now refuses, so what was overruled is no longer what the rule says.
    revise(core, "高风险 河南省")
    found = explained(core, 1)
    assert found["decision"] == {"verdict": "refuse", "rule": "refuse", "ruling": "lapsed"}
    text = found["sections"][0]["items"][0]["text"]
    assert "410000 高风险 河南省" in text, "which row of the table"
    assert "2月18日" in text, "as of when"
    assert core.value("declarations_lapsed") == 1
    board = core.reader().board(LOCAL_VIEWER)
    moments = decisions.course(board, decisions.records_of(board, "S-1"))
    # The change counts for the whole of today; as of before it, what was shown then is shown.
    assert [one.decision.verdict for one in moments] == ["refuse"] * 3


def test_another_towns_declaration_is_not_told(core: Core) -> None:
    core.accept("declaration", declared(1))
    other = Viewer("陆敏", frozenset({Role.CHIEF}), frozenset({DAYUN}))
    assert explained(core, 1, other) is None
    assert explained(core, 1)["key"] == "S-1"


@pytest.mark.parametrize(("code", "text"), [("4x", "高风险"), ("420000", "很高"), ("4" * 13, "高风险")])
def test_a_wrong_row_is_refused_in_a_sentence(core: Core, code: str, text: str) -> None:
    door = Revisions(core.history, core.parts.region_at, core.clock)
    with pytest.raises(PackError) as refused:
        door.edits([("risks", code, text)])
    assert code in refused.value.sentence


def test_the_code_is_a_drawing_of_its_address() -> None:
    address = "https://townwatch.example/record/declaration?place=330421111-K01&town=330421111"
    root = ElementTree.fromstring(drawn(address))
    assert root.tag.endswith("svg")
    made = segno.make(address, error="m", micro=False)
    size = made.symbol_size(scale=6, border=4)
    assert root.attrib["viewBox"].split() == ["0", "0", *(str(one) for one in size)]
    assert NOON
