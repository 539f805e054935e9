"""Tables over real HTTP: what the real forms make, what a second file changes, what nobody gets past the door.

On both databases, with a real Redis and the worker stepped.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import openpyxl
import pytest
from sqlalchemy import select

from dashboard.domain.day import HOUR
from dashboard.domain.event import Event
from dashboard.errors import Backpressure
from dashboard.settings import PREFIX
from dashboard.stores import tables
from dashboard.stores.redis_server import RedisServer
from ingest.gateways.sheets.desk import Clerk, Desk
from tests.conftest import Databases
from tests.engine.answers import Answer
from tests.engine.core import YAOZHUANG, Core, ms
from tests.engine.gateway import MAX_BODY, Gateway, gateway
from tests.workbooks import SECRETS, bomb, enterprise_rows, form_headers, locked, read_back, xls, xlsx

ROOT = Path(__file__).parents[2]
LATER = ms("2020-02-28T12:00:00+08:00")
HEAD: list[Any] = ["编号", "镇街", "测温时间", "卡点", "设备", "体温"]
ROW: list[Any] = ["a1", "姚庄镇", "2020-02-18 08:12", "K1", "D1", 36.5]


@dataclass
class Office:
    """The door of tables as a clerk's program uses it."""

    gateway: Gateway

    @property
    def core(self) -> Core:
        """What stands behind it."""
        return self.gateway.core

    def ask(self, method: str, path: str, body: bytes | None = None, token: str = "", **headers: str) -> Answer:
        """One request with a writer's token."""
        bearer = f"Bearer {token or self.gateway.token}"
        target = "/api/v1/" + quote(path, safe="/?&=:%+-,._")
        return self.gateway.ask(method, target, body, Authorization=bearer, **headers)

    def send(
        self, feed: str, data: bytes, query: str = "", token: str = "", name: str = "报表.xlsx", **fields: str
    ) -> Answer:
        """A multipart upload."""
        edge = uuid4().hex
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in fields.items()
        ]
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        parts.append(f"--{edge}\r\n{head}".encode() + data + f"\r\n--{edge}--\r\n".encode())
        kind = f"multipart/form-data; boundary={edge}"
        path = f"import/{feed}{'?' + query if query else ''}"
        return self.ask("POST", path, b"".join(parts), token, Content_Type=kind)

    def counts(self, feed: str, data: bytes, query: str = "", work: bool = True, **how: str) -> tuple[int, ...]:
        """(added, corrected, unchanged, rejected) of an import, which must sum to the rows found."""
        answer = self.send(feed, data, query, **how)
        told = answer.json
        assert answer.status in (200, 202, 422), told
        assert "rows" in told, told
        found = tuple(told[name] for name in ("added", "corrected", "unchanged", "rejected_rows"))
        assert sum(found) == told["rows"]
        if work:
            self.core.work()
        return found

    def effective(self, feed: str) -> list[Event]:
        """The records in force."""
        return [event for event in self.gateway.events() if event.feed == feed and not event.void]


@pytest.fixture(scope="module")
def offices(
    databases: Databases, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """The door of this module on each kind of database."""
    url = databases.new()
    core = Core(tmp_path_factory.mktemp("data"), redis_server.url, LATER, database_url=url)
    with gateway(core) as found:
        yield Office(found)
    core.close()
    databases.drop(url)


@pytest.fixture
def office(offices: Office) -> Office:
    """The door without any record."""
    offices.gateway.clear(LATER)
    engine = offices.core.history.engine
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        for table in (tables.import_run, tables.column_mapping):
            connection.execute(table.delete())
    offices.core.work()
    return offices


def everything(core: Core) -> str:
    """Every cell of every table and every key of Redis, as text."""
    found: list[Any] = []
    with core.history.reading() as connection:
        for table in tables.METADATA.sorted_tables:
            found += [tuple(row) for row in connection.execute(select(table))]
    client: Any = core.parts.client
    for key in client.keys("*"):
        kind = client.type(key)
        found.append(client.get(key) if kind == b"string" else client.hgetall(key) if kind == b"hash" else key)
    return "\n".join(_text(cell) for row in found for cell in (row if isinstance(row, tuple) else [row]))


def _text(cell: Any) -> str:
    if not isinstance(cell, bytes):
        return str(cell)
    with contextlib.suppress(zlib.error):
        cell = zlib.decompress(cell)
    return str(cell, "utf-8", "replace")


# --- the real forms --------------------------------------------------------------------------------------------------


def test_the_real_enterprise_form_becomes_figures_and_nobody_is_in_it(office: Office) -> None:
    def claim(book: Any, sheet: Any) -> None:
        sheet["A65000"].font = openpyxl.styles.Font(bold=True)
        sheet.merge_cells("A1:P1")

    data = xlsx(enterprise_rows(40), claim)
    answer = office.send("enterprise", data, name="姚庄镇 13812345678.xlsx")
    assert answer.status == 202
    told = answer.json
    assert (told["rows"], told["claimed"], told["added"], told["accepted"]) == (40, 65_000, 40, 40)
    assert [one["header"] for one in told["dropped"]] == ["联系人", "联系电话"]
    assert told["unknown"] == []
    office.core.work()
    assert office.core.value("enterprise_registered") == 40
    events = office.effective("enterprise")
    assert {event.town for event in events} == {YAOZHUANG}
    assert {event.fields["stage"] for event in events} == {"reviewing", "approved", "applied"}
    assert {event.fields["scale"] for event in events} == {"above", "below"}
    assert len({event.at for event in events}) == 40
    whole = everything(office.core) + json.dumps(told, ensure_ascii=False)
    assert "云澜1号电子有限公司" in whole
    assert not any(secret in whole for secret in SECRETS)


def test_the_real_dispute_register_of_a_town(office: Office) -> None:
    head = form_headers("dispute_xlsx_columns")
    values = {
        "矛盾纠纷名称": "租房纠纷 李阿姨",
        "矛盾纠纷内容": "李阿姨不退押金 13987654321",
        "涉及人员": "王小明",
        "涉及人员总数": "2人",
        "经纬度": "120.957,30.912",
        "矛盾纠纷类型": "租房",
        "负责人员": "P-0417",
    }
    stages = ["已受理", "调解中", "已化解"]
    rows: list[list[Any]] = [head]
    for one, stage in enumerate(stages):
        row = values | {"矛盾纠纷编号": f"C-{one}", "发生时间": f"2020-02-2{one} 09:05:00 GMT+8", "矛盾纠纷状态": stage}
        rows.append([row.get(header, "x") for header in head])
    data = xlsx(rows)
    assert office.counts("dispute", data) == (3, 0, 0, 0)
    assert office.core.value("dispute_open") == 2
    assert [event.fields["parties"] for event in office.effective("dispute")] == [2, 2, 2]
    assert not any(secret in everything(office.core) for secret in SECRETS)
    # The same register without coordinates names no town at all: somebody says which town it is of.
    bare = [[cell for header, cell in zip(head, row, strict=True) if header != "经纬度"] for row in rows]
    refused = office.send("dispute", xlsx(bare))
    assert (refused.status, "镇（街道）" in refused.json["error"]) == (422, True)
    assert office.counts("dispute", xlsx(bare), "town=大云镇") == (0, 3, 0, 0)
    assert office.send("dispute", xlsx(bare), "town=北京").status == 422


# --- who a row is ----------------------------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing_and_one_cell_corrects_one(office: Office) -> None:
    data = xlsx(enterprise_rows(30))
    assert office.counts("enterprise", data, work=False) == (30, 0, 0, 0)
    # The worker has not seen the first one yet.
    assert office.counts("enterprise", data, work=False) == (0, 0, 30, 0)
    assert office.counts("enterprise", data) == (0, 0, 30, 0)
    seq = office.core.count("event")

    def change(number: int, row: list[Any]) -> None:
        if number == 12:
            row[10] = 77

    changed = xlsx(enterprise_rows(30, change))
    assert office.counts("enterprise", changed) == (0, 1, 29, 0)
    assert office.core.count("event") == seq + 1
    assert max(event.fields["staff_returned"] for event in office.effective("enterprise")) == 77
    # Yesterday's file does not undo today's correction.
    told = office.send("enterprise", data).json
    assert (told["unchanged"], told["superseded"]) == (30, 1)
    office.core.work()
    assert max(event.fields["staff_returned"] for event in office.effective("enterprise")) == 77


def test_tomorrows_export_corrects_todays_lines_and_adds_the_new_ones(office: Office) -> None:
    assert office.counts("enterprise", xlsx(enterprise_rows(10))) == (10, 0, 0, 0)

    def resumed(number: int, row: list[Any]) -> None:
        if number == 5:
            row[15] = "复工"

    grown = enterprise_rows(12, resumed)
    shuffled = [*grown[:2], *reversed(grown[2:])]
    assert office.counts("enterprise", xlsx(shuffled), name="明天.xlsx") == (2, 1, 9, 0)
    assert office.core.value("enterprise_registered") == 12
    assert office.core.value("enterprise_resumed") == 1


def test_a_row_number_of_one_file_is_nobody_in_another(office: Office) -> None:
    first = [HEAD, *([at, "姚庄镇", f"2020-02-18 08:{at:02d}", "K1", "D1", 36 + at / 10] for at in range(1, 6))]
    second = [HEAD, *([at, "姚庄镇", f"2020-02-19 08:{at:02d}", "K1", "D1", 36 + at / 10] for at in range(1, 6))]
    assert office.counts("temperature", xlsx(first)) == (5, 0, 0, 0)
    assert office.counts("temperature", xlsx(second)) == (5, 0, 0, 0)
    assert len(office.effective("temperature")) == 10
    # A number in a column of its own is nobody either.
    numbered = [["序号", *HEAD[1:]], *second[1:]]
    assert office.counts("temperature", xlsx(numbered)) == (0, 0, 5, 0)


def test_readings_of_one_minute_are_as_many_as_there_are(office: Office) -> None:
    head = HEAD[1:]

    def table(*celsius: float) -> bytes:
        return xlsx([head, *([*ROW[1:5], one] for one in celsius)])

    def held() -> list[float]:
        return sorted(event.fields["celsius"] for event in office.effective("temperature"))

    assert office.counts("temperature", table(36.5, 36.5, 36.9)) == (3, 0, 0, 0)
    assert office.counts("temperature", table(36.9, 36.5, 36.5)) == (0, 0, 3, 0)
    # One of them was mistyped; another was forgotten.
    assert office.counts("temperature", table(36.5, 36.5, 37.9)) == (0, 1, 2, 0)
    assert office.counts("temperature", table(36.5, 36.5, 37.9, 36.7)) == (1, 0, 3, 0)
    # A part of the minute is that part, not the beginning of another.
    assert office.counts("temperature", table(37.9)) == (0, 0, 1, 0)
    assert held() == [36.5, 36.5, 36.7, 37.9]


def test_two_stages_of_one_moment_stay_in_the_files_order(office: Office) -> None:
    head = ["企业编号", "镇街", "时间", "环节"]
    rows = [head, *(["E1", "姚庄镇", "2020-02-20", stage] for stage in ("申请", "审核", "批准"))]
    assert office.counts("enterprise", xlsx(rows)) == (3, 0, 0, 0)
    assert office.counts("enterprise", xlsx([*rows, rows[-1]])) == (0, 0, 4, 0)
    assert office.core.figure("enterprise_registered").value == 1
    kept = sorted(office.effective("enterprise"), key=lambda event: event.order)
    assert [event.fields["stage"] for event in kept] == ["applied", "reviewing", "approved"]


def test_withdrawals_without_ids_find_their_record(office: Office) -> None:
    head = [*HEAD[1:], "作废"]
    rows = [[*ROW[1:5], 36 + one / 10, ""] for one in range(3)]
    assert office.counts("temperature", xlsx([head, *rows])) == (3, 0, 0, 0)
    rows[1][-1] = "是"
    assert office.counts("temperature", xlsx([head, *rows])) == (0, 1, 2, 0)
    assert sorted(event.fields["celsius"] for event in office.effective("temperature")) == [36.0, 36.2]


# --- what is wrong, and the way back ---------------------------------------------------------------------------------


def bad_rows() -> bytes:
    """A table of ten rows; three are wrong in four places, one of them a formula."""

    def change(number: int, row: list[Any]) -> None:
        if number == 4:
            row[8] = "中型"
        if number == 6:
            row[2], row[9] = "姚莊镇", "=1+1"
        if number == 9:
            row[14] = "2020/2/31"

    def formula(book: Any, sheet: Any) -> None:
        sheet["A6"].value = "=cmd|' /C calc'!A0"
        sheet["A6"].data_type = "s"
        sheet["J6"].value = "=HYPERLINK(1)"
        sheet["J6"].data_type = "s"

    return xlsx(enterprise_rows(10, change), formula)


def test_good_rows_go_in_and_the_others_come_back_with_the_reason(office: Office) -> None:
    answer = office.send("enterprise", bad_rows())
    told = answer.json
    assert (answer.status, told["rows"], told["added"], told["rejected_rows"]) == (202, 10, 7, 3)
    assert [(one["row"], one["column"], one["got"]) for one in told["rejected"]] == [
        (4, "I", "中型"), (6, "C", "姚莊镇"), (6, "J", "=HYPERLINK(1)"), (9, "O", "2020/2/31"),
    ]  # fmt: skip
    assert told["rejected"][0]["allowed"] == "规上、规下"
    assert [one["fix"] for one in told["rejected"]] == [None, "姚庄镇", None, None]
    office.core.work()
    assert len(office.core.letters()) == 3

    book = office.ask("GET", told["errors"]["xlsx"].removeprefix("/api/v1/"))
    assert "UTF-8''%E6%8A%A5%E8%A1%A8_" in book.headers["content-disposition"]
    rows = read_back(book.body)
    head = form_headers("enterprise_resumption_xlsx_columns")
    assert rows[0] == [*head, "得到", "允许"]
    assert len(rows) == 4
    assert rows[1][16:] == ["I 企业规模：中型", "I 规上、规下"]
    # A formula comes back as text, in both columns that show it.
    assert (rows[2][0], rows[2][9]) == ("'=cmd|' /C calc'!A0", "'=HYPERLINK(1)")
    # Personal columns keep their head, so that every letter is still the same, and nothing below it.
    assert all(row[head.index("联系人")] is None and row[head.index("联系电话")] is None for row in rows[1:])
    lines = office.ask("GET", told["errors"]["csv"].removeprefix("/api/v1/")).body
    assert lines.startswith(b"\xef\xbb\xbf")
    assert "'=cmd|" in lines.decode()
    assert ",=cmd" not in lines.decode()

    rows[1][8], rows[2][2], rows[2][9], rows[3][14] = "规下", "姚庄镇", 80, "2020-02-28 08:00"
    assert office.counts("enterprise", xlsx(rows)) == (3, 0, 0, 0)
    assert office.core.value("enterprise_registered") == 10
    # What was neutralised on its way out is itself again.
    assert any(event.fields["name"] == "=cmd|' /C calc'!A0" for event in office.effective("enterprise"))


def test_an_error_file_is_for_its_uploader_and_for_a_day(office: Office) -> None:
    told = office.send("enterprise", bad_rows()).json
    path = told["errors"]["xlsx"].removeprefix("/api/v1/")
    assert len(told["id"]) >= 32
    other = office.gateway.writer("another")
    assert office.ask("GET", path, token=other).status == 404
    assert office.ask("GET", f"imports/{told['id']}", token=other).status == 404
    assert office.ask("GET", "imports/guessed/errors.xlsx").status == 404
    assert office.gateway.ask("GET", told["errors"]["xlsx"]).status == 401
    office.core.clock.set(LATER + 24 * HOUR - 1)
    assert office.ask("GET", path).status == 200
    office.core.clock.set(LATER + 24 * HOUR)
    gone = office.ask("GET", path)
    assert (gone.status, "24 小时" in gone.json["error"]) == (404, True)
    # Whoever imports next lets go of what is over.
    office.send("enterprise", xlsx(enterprise_rows(1)))
    with office.core.history.reading() as connection:
        kept = connection.scalars(select(tables.import_run.c.content).where(tables.import_run.c.id == told["id"]))
        assert list(kept) == [None]


def test_a_dry_run_changes_nothing_and_can_be_mended_and_committed(office: Office) -> None:
    answer = office.send("enterprise", bad_rows(), "dry_run=true")
    told = answer.json
    assert (answer.status, told["dry_run"], told["state"], told["added"]) == (200, True, "checked", 7)
    office.core.work()
    assert (office.core.count("event"), office.core.letters()) == (0, [])
    assert office.ask("GET", "imports").json["imports"] == []

    fix = {"row": 6, "column": "C", "value": "姚庄镇"}
    mended = office.ask("POST", f"imports/{told['id']}/mend", json.dumps(fix).encode()).json
    assert [(one["row"], one["column"]) for one in mended["rejected"]] == [(4, "I"), (6, "J"), (9, "O")]
    for fix in ({"row": 6, "column": "J", "value": "80"}, {"row": 4, "column": "I", "value": "规上"}):
        mended = office.ask("POST", f"imports/{told['id']}/mend", json.dumps(fix).encode()).json
    assert (mended["added"], mended["rejected_rows"]) == (9, 1)
    assert office.ask("POST", f"imports/{told['id']}/mend", b'{"row": 99, "column": "C", "value": "x"}').status == 422
    assert office.ask("POST", f"imports/{told['id']}/mend", b"nothing").status == 422

    steps = office.ask("POST", f"imports/{told['id']}/commit", Accept="text/event-stream").body.decode()
    said = [json.loads(line.removeprefix("data: ")) for line in steps.strip().split("\n\n")]
    assert [step.get("done") for step in said[:-1]] == [9, 10]
    assert (said[-1]["run"]["state"], said[-1]["run"]["added"]) == ("done", 9)
    twice = office.ask("POST", f"imports/{told['id']}/commit")
    assert (twice.status, "已经入库" in twice.json["error"]) == (422, True)
    office.core.work()
    assert office.core.value("enterprise_registered") == 9
    (listed,) = office.ask("GET", "imports").json["imports"]
    assert (listed["id"], listed["added"], listed["rejected_rows"]) == (told["id"], 9, 1)


def test_a_file_in_which_everything_is_wrong_is_422_and_kept(office: Office) -> None:
    def wrong(number: int, row: list[Any]) -> None:
        row[8] = "中型"

    answer = office.send("enterprise", xlsx(enterprise_rows(3, wrong)))
    assert (answer.status, answer.json["rows"], answer.json["accepted"]) == (422, 3, 0)
    office.core.work()
    assert len(office.core.letters()) == 3
    assert office.core.count("event") == 0


def test_a_commit_that_was_stopped_halfway_goes_on_and_is_withdrawn_whole(office: Office) -> None:
    rows = [HEAD[1:], *(["姚庄镇", "2020-02-18 08:12", "K1", f"D{one}", 36.5] for one in range(2_500))]
    told = office.send("temperature", xlsx(rows), "dry_run=true").json
    core = office.core
    grant = office.gateway.tokens.check(office.gateway.token, LATER)
    assert grant is not None
    desk = Desk(core.intake, core.history, lambda: core.parts.region_at(20200228), core.clock)

    def fill(done: int, total: int) -> None:
        core.stream.limit = 0

    with pytest.raises(Backpressure):
        desk.commit(Clerk.of_token(grant), told["id"], fill)
    assert len(office.effective("temperature")) == 1_000
    assert office.ask("GET", f"imports/{told['id']}").json["state"] == "checked"
    full = office.ask("POST", f"imports/{told['id']}/commit")
    assert (full.status, full.headers["retry-after"]) == (429, "5")
    core.stream.limit = 2_000_000
    done = office.ask("POST", f"imports/{told['id']}/commit").json
    assert (done["added"], done["unchanged"]) == (2_500, 0)
    office.core.work()
    assert len(office.effective("temperature")) == 2_500
    assert office.ask("POST", f"imports/{told['id']}/withdraw").json["voided"] == 2_500
    office.core.work()
    assert office.effective("temperature") == []


# --- withdrawing -----------------------------------------------------------------------------------------------------


def test_an_import_is_withdrawn_and_restored_as_a_whole(office: Office) -> None:
    first = office.send("enterprise", xlsx(enterprise_rows(10))).json
    office.core.work()

    def resumed(number: int, row: list[Any]) -> None:
        if number in (3, 4):
            row[15] = "复工"

    second = office.send("enterprise", xlsx(enterprise_rows(12, resumed))).json
    office.core.work()
    assert (second["added"], second["corrected"], second["unchanged"]) == (2, 2, 8)

    # It voids what it introduced; what it corrected stays corrected.
    gone = office.ask("POST", f"imports/{second['id']}/withdraw")
    assert (gone.status, gone.json["state"], gone.json["voided"], gone.json["kept"]) == (202, "withdrawn", 2, 0)
    office.core.work()
    assert (office.core.value("enterprise_registered"), office.core.value("enterprise_resumed")) == (10, 2)
    assert office.ask("POST", f"imports/{second['id']}/withdraw").status == 422
    # The file again does not bring back what was withdrawn, and says so.
    again = office.send("enterprise", xlsx(enterprise_rows(12, resumed))).json
    office.core.work()
    assert (again["unchanged"], again["superseded"]) == (12, 2)
    assert office.core.value("enterprise_registered") == 10

    back = office.ask("POST", f"imports/{second['id']}/restore").json
    assert back["state"] == "done"
    office.core.work()
    assert office.core.value("enterprise_registered") == 12

    # Of the first import two records were corrected since: they are left alone.
    told = office.ask("POST", f"imports/{first['id']}/withdraw").json
    office.core.work()
    assert (told["voided"], told["kept"]) == (8, 2)
    assert office.core.value("enterprise_registered") == 4


def test_records_still_on_the_road_are_withdrawn_too(office: Office) -> None:
    told = office.send("temperature", xlsx([HEAD, ROW, ["a2", *ROW[1:]]])).json
    office.core.clock.set(LATER + 1)
    assert office.ask("POST", f"imports/{told['id']}/withdraw").json["voided"] == 2
    office.core.work()
    assert office.effective("temperature") == []


# --- what columns mean -----------------------------------------------------------------------------------------------


def test_an_unknown_header_is_asked_about_once(office: Office) -> None:
    head = ["编号", "镇街", "测温时间", "岗亭", "枪号", "体温", "天气"]
    rows: list[list[Any]] = [head, ["a1", "姚庄镇", "2020-02-18 08:12", "K1", "D1", 36.5, "晴"]]
    told = office.send("temperature", xlsx(rows), "dry_run=true").json
    assert [one["header"] for one in told["unknown"]] == ["岗亭", "枪号", "天气"]
    assert "卡点" in told["problem"]
    refused = office.send("temperature", xlsx(rows))
    assert (refused.status, "卡点" in refused.json["error"]) == (422, True)

    columns = {"岗亭": "checkpoint", "枪号": "device", "天气": ""}
    once = office.send("temperature", xlsx(rows), "dry_run=true", columns=json.dumps(columns)).json
    assert (once["problem"], once["added"], once["unknown"]) == (None, 1, [])
    said = json.dumps({"columns": dict.fromkeys(head, "") | {
        "编号": "id", "镇街": "town", "测温时间": "at", "体温": "celsius", **columns,
    }})  # fmt: skip
    kept = office.ask("PUT", "import/temperature/columns", said.encode())
    assert kept.status == 200

    # From now on this source's tables with these headers, whatever their order, are understood.
    turned = [[row[at] for at in (6, 5, 4, 3, 2, 1, 0)] for row in rows]
    assert office.counts("temperature", xlsx(turned)) == (1, 0, 0, 0)
    (event,) = office.effective("temperature")
    assert (event.subject, event.fields["device"]) == ("K1", "D1")
    told = office.ask("GET", "import/temperature/columns").json
    assert told["mappings"][0]["columns"]["岗亭"] == "checkpoint"
    other = office.gateway.writer("another")
    assert office.send("temperature", xlsx(rows), token=other).status == 422
    assert office.ask("DELETE", f"import/temperature/columns/{told['mappings'][0]['headers']}").status == 200
    assert office.send("temperature", xlsx(rows)).status == 422


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"联系电话": "device"}, "个人信息"),
        ({"岗亭": "nosuch"}, "nosuch"),
        ({"岗亭": "device", "枪号": "device"}, "只留一列"),
    ],
)
def test_columns_cannot_be_made_to_mean_what_they_may_not(office: Office, columns: dict[str, str], word: str) -> None:
    body = json.dumps({"columns": columns}).encode()
    refused = office.ask("PUT", "import/temperature/columns", body)
    assert (refused.status, word in refused.json["error"]) == (422, True)
    sent = office.send("temperature", xlsx([HEAD, ROW]), columns=json.dumps(columns))
    assert (sent.status, word in sent.json["error"]) == (422, True)
    assert office.ask("PUT", "import/temperature/columns", b"[1]").status == 422


# --- the template ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feed", ["enterprise", "dispute", "temperature", "patrol"])
def test_a_template_is_filled_in_and_comes_back(office: Office, feed: str) -> None:
    answer = office.ask("GET", f"import/{feed}/template.xlsx")
    assert answer.status == 200
    # As it is it holds no record: the row that shows how to fill it in is passed over.
    empty = office.send(feed, answer.body, "town=姚庄镇")
    assert (empty.status, "没有一行" in empty.json["error"]) == (422, True)
    rows = read_back(answer.body)
    sample = [None, *rows[1][1:]]
    place = rows[0].index("镇（街道）")
    sample[place] = "姚庄镇"
    moment = rows[0].index("事件时间")
    sample[moment] = "2020-02-27 09:05"
    assert office.counts(feed, xlsx([rows[0], sample])) == (1, 0, 0, 0)


def test_a_template_offers_the_allowed_values(office: Office) -> None:
    body = office.ask("GET", "import/enterprise/template.xlsx").body
    book = openpyxl.load_workbook(io.BytesIO(body))
    assert book.sheetnames[1:] == ["允许值", "填写说明"]
    rules = book.worksheets[0].data_validations.dataValidation
    offered = {str(rule.sqref): rule.formula1 for rule in rules}
    scale = [cell.value for cell in book.worksheets[0][1]].index("规模") + 1
    letter = openpyxl.utils.get_column_letter(scale)
    column = offered[f"{letter}2:{letter}2001"].partition("!$")[2][0]
    assert [cell.value for cell in book["允许值"][column]][:3] == ["规模", "规上", "规下"]
    assert all(rule.type == "list" for rule in rules)


# --- hostile ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("锁.xlsx", locked, 422),
        ("炸弹.xlsx", bomb, 422),
        ("旧.xlsx", lambda: xls([HEAD, ROW]), 202),
        ("网页.xls", lambda: b"<html><table><tr><td>1</td></tr></table></html>", 415),
        ("照片.xlsx", lambda: b"\x89PNG\r\n\x1a\n" + bytes(500), 415),
        ("空.xlsx", lambda: b"", 422),
        ("坏.xlsx", lambda: b"PK\x03\x04" + bytes(100), 422),
        ("空表.xlsx", lambda: xlsx([[]]), 422),
        ("表头.xlsx", lambda: xlsx([HEAD]), 422),
        ("大.csv", lambda: b"x" * (MAX_BODY + 1), 413),
        ("../../etc/passwd", lambda: xlsx([HEAD, ROW]), 202),
        ("x.csv", lambda: ",".join(["卡点"] * 5000).encode() + b"\n1", 422),
    ],
    ids=lambda given: given if isinstance(given, str) else None,
)
def test_odd_and_hostile_files_are_told_in_one_sentence(
    office: Office, name: str, data: Callable[[], bytes], status: int
) -> None:
    answer = office.send("temperature", data(), name=name)
    assert answer.status == status, answer.body
    if status != 202:
        assert "\n" not in answer.json["error"]
        assert "Traceback" not in answer.json["error"]
        office.core.work()
        assert (office.core.count("event"), office.core.count("import_run")) == (0, 0)
    else:
        assert "/" not in answer.json["file"]


def test_two_hundred_megabytes_are_refused_before_they_are_sent(office: Office) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", office.gateway.port, timeout=60)
    try:
        connection.putrequest("POST", "/api/v1/import/temperature")
        connection.putheader("Authorization", f"Bearer {office.gateway.token}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=x")
        connection.putheader("Content-Length", str(200 * 1024 * 1024))
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert "分成几个文件" in json.loads(answer.read())["error"]
    finally:
        connection.close()


def test_a_towns_token_imports_its_own_rows_only(office: Office) -> None:
    token = office.gateway.writer("town", towns=[YAOZHUANG])
    rows = [HEAD, ROW, ["a2", "大云镇", *ROW[2:]]]
    answer = office.send("temperature", xlsx(rows), token=token)
    assert (answer.status, answer.json["accepted"]) == (202, 1)
    (wrong,) = answer.json["rejected"]
    assert (wrong["row"], wrong["column"], wrong["fix"]) == (3, "B", None)
    assert "姚庄镇" in wrong["allowed"]
    assert office.send("temperature", xlsx([HEAD, rows[2]]), token=token).status == 403
    patrol = office.gateway.writer("patrol", feeds=["patrol"])
    assert office.send("temperature", xlsx(rows), token=patrol).status == 403


def test_the_command_fails_when_nothing_has_gone_in(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}

    def run(name: str, rows: list[list[Any]]) -> subprocess.CompletedProcess[str]:
        file = tmp_path / name
        file.write_bytes(xlsx(rows))
        command = [
            sys.executable,
            "-m",
            "dashboard",
            "import",
            "temperature",
            str(file),
            "--data",
            str(tmp_path / "data"),
        ]
        return subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=120, check=False)

    bad = run("bad.xlsx", [HEAD, [*ROW[:5], 99]])
    assert bad.returncode == 1
    assert "退回 1" in bad.stdout
    assert "2 · F · 体温 celsius · 99" in bad.stdout
    good = run("good.xlsx", [HEAD, ROW, [*ROW[:5], 99]])
    assert (good.returncode, "接收 1（新增 1" in good.stdout) == (0, True), good.stdout + good.stderr
