"""Tables as clerks, spreadsheets and exports write them: what is read, what is refused, and in which words."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from dashboard.access.tokens import TokenStore
from dashboard.access.viewer import LOCAL_VIEWER, Role, Viewer
from dashboard.actions import Actions
from dashboard.api import imports
from dashboard.api.common import Gate
from dashboard.clock import FixedClock
from dashboard.domain.day import iso
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed
from dashboard.domain.imports import Report
from dashboard.errors import ConfigurationError, NotAllowed, TownwatchError
from dashboard.feeds import FEEDS
from dashboard.stores.history import History, migrate, open_engine
from dashboard.stores.stream import DeadLetter
from dashboard.stores.tables import import_run
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from geodata.region import Region
from ingest.decode import Door
from ingest.gateways.sheets.cells import local_time
from ingest.gateways.sheets.columns import letter_of
from ingest.gateways.sheets.desk import Clerk, Desk, Progress, Upload
from ingest.gateways.sheets.grid import Grid
from ingest.gateways.sheets.reading import read_table
from ingest.gateways.sheets.report import printed, problem_of
from ingest.gateways.sheets.telling import fix_of
from ingest.intake import Intake
from tests.conftest import Databases

FEED = FEEDS["temperature"]
PATROL = FEEDS["patrol"]
NOW = 1_582_000_000_000
"""2020-02-18 12:26:40 in Shanghai."""
HEAD = "编号,镇街,测温时间,卡点,设备,体温,测量方式,测量部位,健康码"
ROW = "a1,姚庄镇,2020-02-18 08:12,330421111-K01,D1,36.5,红外,额,绿码"


class Kept(Intake):
    """The door with nothing behind it: what passes is kept in lists."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.dead: list[DeadLetter] = []
        self.batches: list[int] = []

    def append(self, events: Sequence[Event], dead: Sequence[DeadLetter]) -> None:
        """Keep what would go on the road."""
        self.events += events
        self.dead += dead
        if events:
            self.batches.append(len(events))


class Office:
    """A desk on a database of its own, which forgets every file once it was sent."""

    def __init__(self, database_url: str, region: Region) -> None:
        self.engine = open_engine(database_url)
        migrate(self.engine)
        self.history = History(self.engine)
        self.region = region

    def send(
        self, data: bytes, feed: str, encoding: str | None = None, progress: Progress = lambda *_: None
    ) -> tuple[Report, Kept]:
        """A file through the door."""
        kept = Kept()
        desk = Desk(kept, self.history, lambda: self.region, FixedClock(NOW))
        clerk = Clerk("test", "file:test")
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            # What an earlier test sent is not on this one's road.
            connection.execute(import_run.delete())
        return desk.take(clerk, feed, Upload("test.csv", data, encoding), progress).report, kept


@pytest.fixture(scope="module")
def region() -> Region:
    """The built-in pack."""
    return load_pack(BUNDLED_PACK)


@pytest.fixture(scope="module")
def door(databases: Databases, region: Region) -> Iterator[Office]:
    """The way in of a file."""
    office = Office(databases.new(), region)
    yield office
    office.engine.dispose()


def sent(
    text: str | bytes, door: Office, feed: str = "temperature", encoding: str | None = None
) -> tuple[Report, Kept]:
    """A file through the door."""
    return door.send(text.encode() if isinstance(text, str) else text, feed, encoding)


def parse_csv(data: bytes, feed: Feed, encoding: str | None = None) -> Grid:
    """A file's sheet."""
    grid = read_table(data, feed, encoding=encoding)
    problem = problem_of(feed, grid, "")
    if problem is not None:
        raise ConfigurationError(f"{problem.zh} · {problem.en}")
    return grid


def only(text: str | bytes, door: Office, feed: str = "temperature") -> Event:
    """The event of a file's only row."""
    report, kept = sent(text, door, feed)
    assert report.rejected == ()
    (event,) = kept.events
    return event


def refused(data: str | bytes, feed: str = "temperature", encoding: str | None = None) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(TownwatchError) as caught:
        parse_csv(data.encode() if isinstance(data, str) else data, FEEDS[feed], encoding)
    assert "\n" not in caught.value.sentence
    return caught.value.sentence


def test_chinese_and_english_headers_say_the_same(door: Office) -> None:
    english = "id,Town,time,Checkpoint,Device,Temperature,method,Site,health_code\n" + ROW
    assert only(HEAD + "\n" + ROW, door) == only(english, door)


def test_every_declared_header_is_understood() -> None:
    for feed in FEEDS.values():
        for field in feed.fields:
            for header in (field.name, field.words.zh, field.words.en, *field.headers):
                required = [one.name for one in feed.fields if one.required and one.name != field.name]
                sheet = parse_csv(f"{header},at,town,{','.join(required)}\nx,x,x\n".encode(), feed)
                assert sheet.columns[0].field == field.name, (feed.name, header)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("编号", "id"),
        ("记录编号", "id"),
        ("镇（街道）", "town"),
        ("镇(街道)", "town"),
        ("所属乡镇", "town"),
        ("ＴＯＷＮ", "town"),
        ("记录 时间", "at"),
        ("体温（℃）", "celsius"),
        ("体温 (°C)", "celsius"),
        ("经度", "lon"),
        ("纬度", "lat"),
        ("坐标系", "crs"),
        ("版本", "rev"),
        ("作废", "void"),
        ("零报告", "nothing"),
    ],
)
def test_headers_vary_in_width_case_blanks_and_units(header: str, field: str) -> None:
    names = {"at": "时间", "town": "镇街", "checkpoint": "卡点", "celsius": "体温"}
    rest = [name for known, name in names.items() if known != field]
    sheet = parse_csv(f"{header},{','.join(rest)}\nx\n".encode(), FEED)
    assert sheet.columns[0].field == field


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends_are_found_out(
    door: Office, encoding: str, delimiter: str, ending: str
) -> None:
    text = f"{HEAD}{ending}{ROW}{ending}".replace(",", delimiter)
    report, kept = sent(text.encode(encoding), door)
    assert (report.encoding, report.delimiter) == (encoding.removesuffix("-sig"), delimiter)
    assert kept.events == [only(HEAD + "\n" + ROW, door)]


def test_characters_beyond_gbk_survive(door: Office) -> None:
    place = "㐂𠀀卡点"
    with pytest.raises(UnicodeEncodeError):
        place.encode("gbk")
    text = f"{HEAD}\n{ROW}".replace("330421111-K01", place)
    assert only(text.encode("gb18030"), door).fields["checkpoint"] == place


def test_a_named_encoding_is_used_and_gbk_means_gb18030(door: Office) -> None:
    data = f"{HEAD}\n{ROW}".encode("gb18030")
    assert sent(data, door, encoding="GBK")[0].encoding == "gb18030"
    assert "utf-8" in refused(data, encoding="utf-8")
    assert "latin-1" in refused(data, encoding="latin-1")


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("2020-02-18 08:12", "2020-02-18T08:12:00"),
        ("2020/2/18 8:12", "2020-02-18T08:12:00"),
        ("2020.2.18 8:12:05", "2020-02-18T08:12:05"),
        ("2020年2月18日 8时12分", "2020-02-18T08:12:00"),
        ("2020-02-18 08:12:30 GMT+8", "2020-02-18T08:12:30+08:00"),
        ("2020-02-18T00:12:30Z", "2020-02-18T00:12:30+00:00"),
        ("2020-02-18T08:12:30.250+0800", "2020-02-18T08:12:30.250+08:00"),
        ("43879.3416666667", "2020-02-18T08:12:00"),
        ("43879", "2020-02-18T00:00:00"),
        ("2020/2/18", "2020-02-18T00:00:00"),
        ("2020/13/45 8:12", "2020/13/45 8:12"),
        ("18/2/2020", "18/2/2020"),
        ("昨天", "昨天"),
    ],
)
def test_times_as_spreadsheets_write_them(cell: str, read: str) -> None:
    assert local_time(cell) == read


def test_times_without_an_offset_are_the_regions(door: Office) -> None:
    cells = ("2020/2/18 8:12", "43879.341666666667", "2020-02-18T08:12:00+08:00", "2020-02-18T00:12:00Z")
    times = {only(f"{HEAD}\n{ROW}".replace("2020-02-18 08:12", cell), door).at for cell in cells}
    assert [iso(at) for at in times] == ["2020-02-18T08:12:00+08:00"]


def test_tabs_newlines_and_quotes_within_cells_are_data(door: Office) -> None:
    odd = ROW.replace("330421111-K01", '"东门,\n\t卡点 ""1""号"')
    report, kept = sent(f"{HEAD}\n{odd}\n{ROW.replace('a1', 'a2')}x\n", door)
    assert kept.events[0].fields["checkpoint"] == '东门, 卡点 "1"号'
    # Rows are counted as a spreadsheet shows them: a line break within a cell does not make a row.
    (wrong,) = report.rejected
    assert (wrong.row, wrong.column, wrong.field, wrong.id, wrong.got) == (3, "I", "health_code", "a2", "绿码x")


def test_titles_above_the_header_are_passed_over(door: Office) -> None:
    report, kept = sent(f"sep=,\n姚庄镇2月18日测温登记表,,,,\n\n{HEAD}\n{ROW}\n{ROW.replace('36.5', '50')}", door)
    assert len(kept.events) == 1
    assert [(one.row, one.column) for one in report.rejected] == [(6, "A")]
    assert "第 5 行" in report.rejected[0].message


def test_errors_are_told_by_row_column_field_got_and_allowed(door: Office) -> None:
    rows = [
        ROW,
        ROW.replace("a1", "a2").replace("36.5", "99"),
        ROW.replace("a1", "a3").replace("红外", "猜的"),
        ROW.replace("a1", "a4").replace("2020-02-18 08:12", "昨天"),
        ROW.replace("a1", "a5").replace("姚庄镇", "北京市"),
        ROW.replace("a1", "a6").replace("36.5", ""),
        ROW.replace("a1", ""),
        ROW.replace("a1", "a8") + ",多出来的",
        ROW.replace("a1", "3.30421E+11"),
    ]
    report, kept = sent("\n".join([HEAD, *rows]), door)
    assert [(one.row, one.column, one.field, one.got) for one in report.rejected] == [
        (3, "F", "celsius", "99"),
        (4, "G", "method", "猜的"),
        (5, "C", "at", "昨天"),
        (6, "B", "town", "北京市"),
        (7, "F", "celsius", "（空）"),
        (8, "A", "id", "（空）"),
        (9, "J", "(row)", "多出来的"),
        (10, "A", "id", "3.30421E+11"),
    ]
    assert report.rejected[0].allowed.zh == "30 到 45 之间的数（℃）"
    assert (report.rows, report.accepted, len(kept.events), len(kept.dead)) == (9, 1, 1, 8)
    lines = printed(report).splitlines()
    assert "共 9 行：接收 1（新增 1，更正 0，未变 0），退回 8" in lines[1]
    assert "3 · F · 体温 celsius · 99 · 30 到 45 之间的数（℃）" in lines
    assert not any("message" in line or "None" in line for line in lines)


def test_a_long_list_of_errors_is_cut_and_counted(door: Office) -> None:
    rows = "\n".join(ROW.replace("a1", f"a{k}").replace("36.5", "99") for k in range(120))
    report, kept = sent(f"{HEAD}\n{rows}", door)
    assert len(report.rejected) == len(kept.dead) == 120
    said = printed(report)
    assert said.count(" · F · ") == 50
    assert "还有 70 处未列出" in said


def test_rows_without_ids_are_stable_under_reimport(door: Office) -> None:
    head, row = HEAD.removeprefix("编号,"), ROW.removeprefix("a1,")
    other = row.replace("36.5", "36.9")
    report, first = sent(f"{head}\n{row}\n{row}\n{other}\n", door)
    assert "没有编号列" in printed(report)
    ids = [event.id for event in first.events]
    assert len(set(ids)) == 3
    # In another encoding, with other delimiters, another time style, a title and a blank line it is the same file.
    again = f"登记表\n{head}\n\n{row}\n{row}\n{other}\n".replace(",", ";").replace("2020-02-18 08:12", "2020/2/18 8:12")
    assert [event.id for event in sent(again.encode("gb18030"), door)[1].events] == ids
    # So it is with the rows in another order and the columns too.
    table = [line.split(",") for line in (head, other, row, row)]
    turned = "\n".join(",".join(reversed(cells)) for cells in table)
    second = sent(turned, door)[1].events
    assert {(event.id, event.digest) for event in second} == {(event.id, event.digest) for event in first.events}


def test_two_rows_under_one_id_are_no_silent_correction(door: Office) -> None:
    other = ROW.replace("36.5", "36.9")
    report, kept = sent(f"{HEAD}\n{ROW}\n{ROW}\n{other}", door)
    assert [event.fields["celsius"] for event in kept.events] == [36.5, 36.5]
    assert [(one.row, one.column) for one in report.rejected] == [(4, "A")]
    revised = f"{HEAD},版本\n{ROW},\n{other},2"
    report, kept = sent(revised, door)
    assert report.rejected == ()
    assert [event.rev for event in kept.events] == [0, 2]


def test_withdrawals_and_zero_reports_come_in_files_too(door: Office) -> None:
    assert only("编号,作废\na1,是", door).void
    nothing = only("编号,镇街,时间,零报告\nz1,姚庄镇,2020-02-18,是", door)
    assert nothing.nothing
    assert nothing.town == "330421111"


def test_positions_are_read_with_their_coordinate_system(door: Office) -> None:
    head = "编号,时间,组,类型,经度,纬度,坐标系"
    event = only(f"{head}\np1,2020-02-18 08:12,U1,定位,120.957,30.912,GCJ-02", door, "patrol")
    assert event.town_by == "point"
    assert event.lon is not None
    assert event.lon != 120.957
    assert event.lon == pytest.approx(120.957, abs=0.01)


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "=1+1", "@SUM(A1)", "+86", '=HYPERLINK("x")'])
def test_formulas_are_text(door: Office, formula: str) -> None:
    line = io.StringIO()
    csv.writer(line).writerow([*ROW.split(",")[:3], formula, *ROW.split(",")[4:]])
    assert only(f"{HEAD}\n{line.getvalue()}", door).fields["checkpoint"] == formula


def test_text_kept_from_a_spreadsheet_is_unwrapped(door: Office) -> None:
    assert only(f"{HEAD}\n" + ROW.replace("D1", '"=""0012"""'), door).fields["device"] == "0012"


def test_a_huge_cell_is_one_wrong_cell(door: Office) -> None:
    report, kept = sent(f"{HEAD}\n{ROW.replace('D1', 'x' * 3_000_000)}\n{ROW.replace('a1', 'a2')}", door)
    assert [event.id for event in kept.events] == ["a2"]
    assert [(one.row, one.column, len(one.got)) for one in report.rejected] == [(2, "E", 120)]


def test_blank_rows_cost_nothing_and_count_nothing(door: Office) -> None:
    blank = "," * 8
    report, kept = sent(f"{HEAD}\n" + f"{blank}\n" * 65_000 + ROW + f"\n{blank}" * 500, door)
    assert (report.rows, report.accepted) == (1, 1)
    assert len(kept.events) == 1


def test_thousands_of_rows_go_in_chunks_and_tell_how_far_they_are(door: Office) -> None:
    steps: list[tuple[int, int]] = []
    text = HEAD + "".join(f"\n{ROW.replace('a1', f'a{k}')}" for k in range(2_500))
    report, kept = door.send(text.encode(), "temperature", progress=lambda *step: steps.append(step))
    assert kept.batches == [1000, 1000, 500]
    assert steps == [(1000, 2500), (2000, 2500), (2500, 2500)]
    assert report.accepted == 2500


def test_unknown_columns_are_told_and_personal_ones_never_read(door: Office) -> None:
    wrong = ROW.replace("a1", "a2").replace("36.5", "99")
    text = f"{HEAD},备注,联系人,联系电话\n{ROW},好,王某某,13812345678\n{wrong},坏,李某某,13912345678"
    report, kept = sent(text, door)
    assert [(one.letter, one.header) for one in report.ignored] == [("J", "备注")]
    assert [one.header for one in report.personal] == ["联系人", "联系电话"]
    everything = repr((report.rejected, kept.events, kept.dead)) + printed(report)
    assert not any(secret in everything for secret in ("王某某", "李某某", "13812345678", "13912345678"))
    assert "未读取" in printed(report)


def test_phone_numbers_in_wrong_places_are_masked(door: Office) -> None:
    report, kept = sent(f"{HEAD}\n{ROW.replace('D1', '找13812345678')}", door)
    assert report.rejected[0].column == "E"
    assert "13812345678" not in repr((report, kept.dead)) + printed(report)


def test_a_missing_column_is_one_sentence_with_its_names() -> None:
    sentence = refused("编号,镇街,时间,卡点\na,b,c,d")
    assert "体温" in sentence
    assert "celsius" in sentence
    assert "测温时间" in refused("编号,镇街,卡点,体温\na,b,c,d")
    assert "所属乡镇" in refused("编号,时间,组,类型\na,b,c,d", "patrol")


def test_of_two_columns_of_one_meaning_the_more_telling_is_read_and_the_other_is_told(door: Office) -> None:
    report, kept = sent(f"温度,{HEAD}\n35.1,{ROW}", door)
    assert kept.events[0].fields["celsius"] == 36.5
    assert [(one.letter, one.header, one.state) for one in report.ignored] == [("A", "温度", "twin")]


@pytest.mark.parametrize("data", [b"", b"  \r\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_one_sentence(data: bytes) -> None:
    assert refused(data)


def test_a_header_alone_is_one_sentence() -> None:
    assert "没有一行" in refused(f"{HEAD}\n,,,,\n")


def test_a_file_without_headers_is_one_sentence() -> None:
    assert "列名" in refused("1,2,3\n4,5,6\n")


@pytest.mark.parametrize(
    "data",
    [
        random.Random(7).randbytes(5_000),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
    ],
)
def test_a_file_that_is_no_text_is_one_sentence(data: bytes) -> None:
    assert "CSV" in refused(data)


def test_a_spreadsheets_unicode_text_is_read(door: Office) -> None:
    report, kept = sent(f"{HEAD}\n{ROW}".replace(",", "\t").encode("utf-16"), door)
    assert (report.encoding, report.delimiter) == ("utf-16-le", "\t")
    assert kept.events == [only(f"{HEAD}\n{ROW}", door)]


def test_an_unclosed_quote_names_its_row_and_swallows_nothing() -> None:
    sentence = refused(f"{HEAD}\n{ROW}\n{ROW.replace('D1', chr(34) + 'D1')}\n" + f"{ROW}\n" * 2000)
    assert "第 3 行" in sentence


def test_columns_are_lettered_as_in_spreadsheets() -> None:
    assert [letter_of(place) for place in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


class Web:
    """The upload door as a client sees it."""

    def __init__(self, database_url: str, region: Region, local: bool = False) -> None:
        self.engine = open_engine(database_url)
        migrate(self.engine)
        self.kept = Kept()
        clock = FixedClock(NOW)
        self.tokens = TokenStore(self.engine)
        actions = Actions(self.kept, History(self.engine), lambda: region, clock)
        self.app = FastAPI()
        self.app.include_router(imports.router(actions, Gate(self.tokens, clock, local), 1024 * 1024))

    def token(self, **given: Any) -> str:
        """A new token."""
        return self.tokens.create(NOW, **{"source": "clerk", **given})

    def post(
        self, body: bytes, kind: str, token: str | None, feed: str = "temperature", **more: str
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a POST; ``more`` are headers with underscores for hyphens."""
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(name.replace("_", "-").encode(), value.encode()) for name, value in more.items()]
        if token is not None:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        path = f"/api/v1/import/{feed}"
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        answers: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            answers.append(message)

        asyncio.run(self.app(scope, receive, send))
        return answers[0]["status"], json.loads(b"".join(one.get("body", b"") for one in answers[1:]))

    def upload(
        self,
        data: bytes,
        token: str | None,
        name: str = "登记.csv",
        feed: str = "temperature",
        encoding: str = "",
        **more: str,
    ) -> tuple[int, dict[str, Any]]:
        """A multipart upload of one file."""
        edge = uuid4().hex
        parts = [f'--{edge}\r\nContent-Disposition: form-data; name="encoding"\r\n\r\n{encoding}\r\n'.encode()]
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv'
        parts.append(f"--{edge}\r\n{head}\r\n\r\n".encode() + data + f"\r\n--{edge}--\r\n".encode())
        return self.post(b"".join(parts), f"multipart/form-data; boundary={edge}", token, feed, **more)


@pytest.fixture
def web(database_url: str, region: Region) -> Iterator[Web]:
    """The upload door, with nothing behind it."""
    made = Web(database_url, region)
    yield made
    made.engine.dispose()


def test_an_upload_is_reported_by_row_and_column(web: Web) -> None:
    data = f"{HEAD},联系人,备注\n{ROW}\n{ROW.replace('a1', 'a2').replace('36.5', '99')}".encode("gb18030")
    status, body = web.upload(data, web.token())
    assert status == 202
    assert (body["rows"], body["accepted"]) == (2, 1)
    (wrong,) = body["rejected"]
    assert wrong.keys() == {"row", "column", "field", "id", "got", "allowed", "allowed_en", "message", "fix"}
    assert (wrong["row"], wrong["column"], wrong["field"], wrong["id"], wrong["got"]) == (3, "F", "celsius", "a2", "99")
    assert body["dropped"] == [{"column": "J", "header": "联系人"}]
    assert body["ignored"] == [{"column": "K", "header": "备注"}]
    (event,) = web.kept.events
    assert event.source == "clerk"
    assert len(web.kept.dead) == 1


def test_an_upload_needs_a_writers_token_of_that_feed_and_town(web: Web) -> None:
    data = f"{HEAD}\n{ROW}".encode()
    assert web.upload(data, None)[0] == 401
    assert web.upload(data, "wrong")[0] == 401
    assert web.upload(data, web.token(source=None, read=True))[0] == 403
    assert web.upload(data, web.token(feeds=["patrol"]))[0] == 403
    assert web.upload(data, web.token(), feed="nosuch")[0] == 404
    status, body = web.upload(data, web.token(towns=["330421001"]))
    assert status == 403
    assert body["rejected"][0]["column"] == "B"
    assert web.kept.events == []


def test_an_upload_that_is_no_table_says_what_is_wanted(web: Web) -> None:
    token = web.token()
    status, body = web.upload(b"<html><table><tr><td>1</td></tr></table></html>", token, name="a.xls")
    assert (status, "xlsx" in body["error"]) == (415, True)
    assert web.upload(b"%PDF-1.7\n\x00\x01", token)[0] == 415
    assert web.upload(b"PK\x03\x04rest", token)[0] == 422
    assert web.post(b"{}", "application/json", token)[0] == 415
    assert web.post(b"nothing", "multipart/form-data; boundary=x", token)[0] == 422
    assert web.post(b"nothing", "multipart/form-data", token)[0] == 422
    assert web.upload(b"", token)[0] == 422
    assert web.upload(HEAD.encode(), token)[0] == 422
    assert web.upload(b"x" * 2_000_000, token)[0] == 413
    assert web.kept.events == []


def test_a_csv_body_needs_no_form(web: Web) -> None:
    assert web.post(f"{HEAD}\n{ROW}".encode(), "text/csv; charset=utf-8", web.token())[0] == 202


def test_an_upload_in_which_no_row_is_right_is_422(web: Web) -> None:
    status, body = web.upload(f"{HEAD}\n{ROW.replace('36.5', '99')}".encode(), web.token())
    assert status == 422
    assert (body["rows"], body["accepted"], len(body["rejected"])) == (1, 0, 1)


def test_the_page_imports_without_a_token_and_no_other_site_does(database_url: str, region: Region) -> None:
    web = Web(database_url, region, local=True)
    data = f"{HEAD}\n{ROW}".encode()
    page = {"host": "town.example", "x_townwatch_form": "page"}
    try:
        # A page of another site can send a form, but no header of ours; and a browser says where it comes from.
        assert web.upload(data, None, host="town.example")[0] == 401
        assert web.upload(data, None, **page, origin="https://evil.example")[0] == 403
        assert web.kept.events == []
        assert web.upload(data, None, **page, origin="http://town.example")[0] == 202
        (event,) = web.kept.events
        assert event.source == "import:表格"
    finally:
        web.engine.dispose()


def test_no_token_bears_the_name_of_a_pages_source(web: Web) -> None:
    with pytest.raises(ConfigurationError, match="import:"):
        web.token(source="import:表格")


@pytest.mark.parametrize("label", ["a,b", "x" * 41, "找13812345678", "\u202e倒"])
def test_a_source_is_a_name(label: str) -> None:
    with pytest.raises(ConfigurationError, match="来源"):
        Clerk.of_viewer(LOCAL_VIEWER, label)


def test_only_who_enters_records_may_import() -> None:
    wall = Viewer("大屏", frozenset({Role.WALL}))
    with pytest.raises(NotAllowed):
        Clerk.of_viewer(wall)


@pytest.mark.parametrize(
    ("field", "got", "value"),
    [
        ("town", "姚荘镇", "姚庄镇"),
        ("town", "姚庄", "姚庄镇"),
        ("town", "嘉善县姚庄镇", "姚庄镇"),
        ("town", "北京市", None),
        ("town", "镇", None),
        ("health_code", "绿码x", "绿码"),
        ("method", "红外线测温", "红外"),
        ("method", "猜的", None),
        ("at", "2021-02-18 08:12", "2020-02-18 08:12"),
        ("at", "2030-02-18 08:12", "2020-02-18 08:12"),
        ("at", "2020-02-19 08:12", None),
        ("at", "2999-02-18 08:12", None),
        ("at", "2021年1月3日", "2020年1月3日"),
        ("checkpoint", "K1", None),
    ],
)
def test_a_fix_is_offered_only_when_one_value_fits(region: Region, field: str, got: str, value: str | None) -> None:
    door = Door("x", region, None, "Asia/Shanghai")
    found = fix_of(FEED, field, got, door, NOW)
    assert (found.value if found else None) == value


def test_a_choice_between_two_is_never_made_for_anybody(region: Region) -> None:
    door = Door("x", region, None, "Asia/Shanghai")
    for got in ("中型", "规", "规模", "规中"):
        assert fix_of(FEEDS["enterprise"], "scale", got, door, NOW) is None


@pytest.mark.parametrize("name", ["enterprise", "dispute", "temperature", "patrol"])
def test_a_feed_says_how_its_rows_are_known(name: str) -> None:
    feed = FEEDS[name]
    assert feed.natural_key
    assert set(feed.natural_key) - {"at", "town"} <= {field.name for field in feed.fields}
