"""Attacks on the whole product, served as it is in earnest: refused with a clear answer, told by the audit, survived.

What can be attacked is enumerated from the application itself: a route, feed or text field that comes later is attacked
by these tests without a change here.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import socket
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
import redis
import websockets
from sqlalchemy import inspect
from websockets.sync.client import connect

from dashboard import patience
from dashboard.access.audit import Audit, Wanted
from dashboard.access.policy import Open
from dashboard.domain.day import iso
from dashboard.errors import StoreUnavailable
from dashboard.feeds import FEEDS
from dashboard.queries.export import FORMULA
from dashboard.queries.views import VIEWS
from dashboard.stores import tables
from dashboard.stores.redis_server import RedisServer
from tests.engine.answers import Answer
from tests.engine.core import DAYUN, NOON, YAOZHUANG
from tests.engine.fort import MARK, PEOPLE, SECRET, Fort, fort, marked, path_of, public, texts, valid

EVIL = f"=cmd|' /C calc'!A0<b data-xss>{MARK}</b>"
"""A formula to a spreadsheet, a tag to a browser, and the mark of a town."""
BODY_LIMIT = 512 * 1024
CASES = [feed for feed in public() if feed.contacts]


@pytest.fixture(scope="module")
def castle(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fort]:
    """The product with a record of every feed whose every text is :data:`EVIL`, and a little more of one town."""
    redis.Redis.from_url(redis_server.url).flushall()
    with fort(tmp_path_factory.mktemp("fort"), redis_server.url, max_body_bytes=BODY_LIMIT) as found:
        for feed in public():
            assert found.post(feed.name, marked(feed, EVIL, 1)).status == 202, feed.name
            assert found.post(feed.name, valid(feed, 2, DAYUN)).status == 202, feed.name
        found.post("dispute", {"id": f"{MARK}-bad", "town": YAOZHUANG, "case": MARK, "stage": "none"})
        found.settled()
        found.web.actions.contacts.vault.keys.make()
        yield found


def alive(castle: Fort) -> None:
    """It still serves, and no table is gone."""
    assert castle.ask("GET", "/healthz").status == 200
    known = set(inspect(castle.core.history.engine).get_table_names())
    assert tables.METADATA.tables.keys() <= known


def refused_rows(castle: Fort, word: str) -> list[Any]:
    return castle.web.actions.audit.rows(Wanted(kind="refused", what=word))


def sentence(answer: Answer) -> str:
    """The one clear sentence of a refusal."""
    said = answer.json
    found = said.get("error") or said.get("detail") or said["rejected"][0]["message"]
    assert isinstance(found, str)
    assert "Traceback" not in found
    return found


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_forged_expired_revoked_and_foreign_tokens_are_refused_and_noted(castle: Fort) -> None:
    now = castle.core.clock.now()
    expired = castle.tokens.create(now - 2, source="late", expires_at=now - 1)
    revoked = castle.tokens.create(now, source="gone")
    label = next(row.label for row in castle.tokens.rows() if row.source == "gone")
    castle.tokens.revoke(label, now)
    feeds = castle.tokens.create(now, source="one", feeds=["temperature"])
    towns = castle.tokens.create(now, source="here", towns=[DAYUN])
    for feed in public():
        record = valid(feed, 9)
        for secret, status in (("", 401), ("tww_forged", 401), (expired, 401), (revoked, 401), (castle.reader, 403)):
            found = castle.post(feed.name, record, token=secret)
            assert found.status == status, (feed.name, secret[:4])
            assert sentence(found)
        assert castle.post(feed.name, record, token=towns).status == 403
        if feed.name != "temperature":
            assert castle.post(feed.name, record, token=feeds).status == 403
        for secret in ("tww_forged", castle.writer):
            found = castle.ask(
                "GET", f"/api/v1/figures?feed={feed.name}", headers={"Authorization": f"Bearer {secret}"}
            )
            assert found.status in (401, 403)
    assert refused_rows(castle, "POST events")
    assert any(one.who.startswith("token:") for one in refused_rows(castle, "events/"))
    assert not any("tww_" in one.what for one in refused_rows(castle, ""))


def test_nobody_may_change_anything_without_being_known(castle: Fort) -> None:
    ours = {"X-Townwatch-Form": "1", "Content-Type": "application/json"}
    asked = 0
    for door in castle.doors():
        if door.needs in (Open.PUBLIC, None):
            continue
        target = path_of(door.path, holes(door.path))
        for method in door.methods - {"HEAD", "OPTIONS"}:
            if door.needs is Open.MACHINE or door.path.startswith("/_dash-component"):
                continue
            found = castle.ask(method, target, b"{}" if method not in ("GET", "DELETE") else None, ours)
            assert found.status in (401, 403, 404), (method, target, found.status)
            asked += 1
    assert asked > 60


def test_a_page_of_another_site_changes_nothing_with_somebodys_cookie(castle: Fort) -> None:
    """CSRF: for every door that changes something, without our token, and with a foreign origin."""
    before = castle.web.actions.audit.count(Wanted(outcome="done"))
    asked = 0
    for door in castle.doors():
        for method in door.methods - {"GET", "HEAD", "OPTIONS"}:
            if door.needs in (Open.PUBLIC, Open.WRITER) or door.path == "/assets":
                continue
            target = path_of(door.path, holes(door.path))
            own = castle.cookies("root") | {"Content-Type": "application/json"}
            for headers in (
                {name: value for name, value in own.items() if name == "Cookie"},
                own | {"Origin": "https://evil.example"},
                {name: value for name, value in own.items() if name != "X-CSRFToken"},
                own | {"Sec-Fetch-Site": "cross-site"},
            ):
                found = castle.ask(method, target, b"{}", headers)
                assert found.status in (401, 403), (method, target, found.status, sorted(headers))
                asked += 1
    assert asked > 60
    assert castle.web.actions.audit.count(Wanted(outcome="done")) == before


def test_a_session_that_somebody_else_chose_is_not_taken_over(castle: Fort) -> None:
    """Session fixation: whatever cookie a browser comes with, signing in gives it a new one, and the old one is nobody."""
    chosen = "A" * 43
    found = castle.ask("GET", "/api/v1/me", headers={"Cookie": f"townwatch={chosen}; townwatch-session={chosen}"})
    assert found.status == 401
    old = castle.sessions.open(0x17000000000, "amy")
    new = castle.sessions.open(0x17000000000, "amy", instead=old)
    assert new != old
    assert castle.sessions.viewer(old, 0x17000000000) is None


# -- other people's ids ----------------------------------------------------------------------------------------------

FOREIGN = {
    "feed": "dispute",
    "name": "x",
    "headers": "0" * 32,
    "token": "tww_x",
    "level": "towns",
    "kind": "csv",
    "number": "1",
    "case": EVIL,
    "date": "2020-02-17",
    "day": "2020-02-17",
    "secret": "x" * 32,
    "key": "0" * 16,
    "act": "revoke",
    "label": "0" * 8,
    "package_name": "dash",
    "fingerprinted_path": "x.js",
    "path": "x",
}
"""Every part of a path -> what belongs to somebody else, or does not exist."""


def holes(path: str) -> dict[str, str]:
    """The parts of a path with somebody else's ids; one that is not known here has to be thought about."""
    names = re.findall(r"{(\w+)", path)
    unknown = [name for name in names if name not in FOREIGN]
    assert not unknown, f"{path}: say in FOREIGN what somebody else's {unknown} is"
    return {name: FOREIGN[name] for name in names}


def leaked(found: Answer, asked: str = "") -> bool:
    """Whether an answer holds texts of Yaozhuang; what was asked for may be told back."""
    said = unpacked(found.body)
    return SECRET in said or (MARK in said and MARK not in asked)


def test_somebody_of_another_town_gets_nothing_of_this_one(castle: Fort) -> None:
    """Every door of the application is asked for Yaozhuang's things by the chief of Dayun."""
    who = "dao"
    assert leaked(castle.as_("chief", "GET", "/api/v1/records?feed=dispute&day=2020-02-18")), "nothing was planted"
    assert leaked(castle.as_("chief", "GET", "/api/v1/export/disputes.xlsx")), "nothing was planted"
    queries = (
        f"town={YAOZHUANG}",
        f"town={YAOZHUANG}&feed=dispute&subject={quote(EVIL)}&day=2020-02-18",
        f"scope={YAOZHUANG}&open={quote(EVIL)}",
        "feed=dispute&day=2020-02-18",
        "",
    )
    feeds = [feed.name for feed in public()]
    asked = 0
    for door in castle.doors():
        values = holes(door.path)
        for feed in feeds if "feed" in values else [""]:
            target = path_of(door.path, values | ({"feed": feed} if feed else {}))
            if "GET" in door.methods:
                for query in queries:
                    found = castle.as_(who, "GET", f"{target}?{query}")
                    assert found.status < 500, (target, query, found.body[:200])
                    assert not leaked(found, f"{target}?{query}"), (target, query)
                    asked += 1
    assert asked > 200
    for view in VIEWS.values():
        if view.tables is None:
            continue
        found = castle.as_(who, "GET", f"/api/v1/export/{view.name}.xlsx?scope={YAOZHUANG}")
        assert found.status in (403, 404), (view.name, found.status)
        found = castle.as_(who, "GET", f"/api/v1/export/{view.name}.xlsx?town={YAOZHUANG}")
        assert found.status in (200, 403, 404, 422), (view.name, found.status)
        assert not leaked(found), view.name
    assert [one for one in refused_rows(castle, "") if one.who == who]


def unpacked(data: bytes) -> str:
    """A file's text, that of a workbook's parts included."""
    if not data.startswith(b"PK"):
        return data.decode("utf-8", "replace")
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


def test_somebody_of_another_town_changes_nothing_of_this_one(castle: Fort) -> None:
    for feed in public():
        record = valid(feed, 77)
        found = castle.as_("dan", "POST", f"/api/v1/forms/{feed.name}", {"record": record})
        assert found.status in (403, 422), (feed.name, found.status, found.body)
        found = castle.as_(
            "dan",
            "POST",
            f"/api/v1/forms/{feed.name}/withdraw",
            {"id": f"{feed.name}-1", "source": "gate", "reason": "x"},
        )
        assert found.status in (403, 422), (feed.name, found.status)
        case = {"record": valid(feed, 1), "correct": 0}
        assert castle.as_("dan", "POST", f"/api/v1/forms/{feed.name}", case).status in (403, 404, 409, 422)
    for feed in CASES:
        for method, said in (("POST", {"reason": "好奇"}), ("PUT", {"phone": "13800000000"}), ("DELETE", {})):
            path = f"/api/v1/cases/{feed.name}/{quote(EVIL, safe='')}/contact"
            assert castle.as_("dao", method, path, said).status == 403, (feed.name, method)
    item = {"verb": "done", "item": f"case:dispute:{EVIL[:40]}", "town": YAOZHUANG, "id": "a-1"}
    assert castle.as_("dan", "POST", "/api/v1/actions", item).status in (403, 422)
    nothing = {"town": YAOZHUANG, "at": iso(NOON), "reports": [{"feed": "dispute", "id": "n-1"}]}
    assert castle.as_("dan", "POST", "/api/v1/forms/nothing", nothing).status in (403, 422)
    castle.settled()
    told = castle.as_("amy", "GET", "/api/v1/records?feed=dispute&day=2020-02-18").json
    assert {one["source"] for one in told["records"]} <= {"gate"}
    assert [one for one in refused_rows(castle, "contact") if one.who == "dao"]


def test_an_import_is_its_importers_alone(castle: Fort) -> None:
    head = castle.cookies("amy") | {"Content-Type": "text/csv"}
    table = f"编号,镇街,时间,纠纷编号,阶段\ni-1,姚庄镇,2020-02-18 09:30,{MARK},没有\n".encode()
    made = castle.ask("POST", "/api/v1/import/dispute?dry_run=true", table, head)
    assert made.status == 200, made.body
    name = made.json["id"]
    for method, end, said in (
        ("GET", "", None),
        ("GET", "/errors.csv", None),
        ("GET", "/errors.xlsx", None),
        ("POST", "/commit", {}),
        ("POST", "/withdraw", {}),
        ("POST", "/restore", {}),
        ("POST", "/mend", {"row": 2, "column": "E", "value": "x"}),
    ):
        found = castle.as_("dao", method, f"/api/v1/imports/{name}{end}", said)
        assert found.status in (403, 404), (method, end, found.status)
        assert not leaked(found)


# -- strings ---------------------------------------------------------------------------------------------------------

STRINGS = (
    "' OR '1'='1",
    "'; DROP TABLE event; --",
    '" UNION SELECT digest FROM token --',
    "%00",
    "%ff%fe",
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/townwatch.db",
    "-1",
    "99999999999999999999999999",
    "1e309",
    "NaN",
    "\U0001f4a9" * 40,
    "a" * 4000,
    "${7*7}{{7*7}}<%=7*7%>",
    "<script>window.__xss=1</script>",
)


def test_no_string_in_a_path_or_query_breaks_anything_or_gets_anything_out(castle: Fort) -> None:
    keys = (
        *("town", "feed", "kpi", "day", "from", "to", "as_of", "dims", "subject", "limit", "cursor", "state", "q"),
        *("scope", "lang", "open", "table", "code", "id", "source", "kind", "a", "b", "next", "page", "number"),
    )
    for door in castle.doors():
        if "GET" not in door.methods:
            continue
        names = holes(door.path)
        for text in STRINGS:
            raw = text if "%" in text else quote(text, safe="")
            target = door.path
            for name in names:
                target = re.sub(rf"{{{name}(:\w+)?}}", "\0", target).replace("\0", raw)
            if not names:
                target += "?" + "&".join(f"{key}={raw}" for key in keys)
                if len(target) > 50_000:
                    continue
            found = castle.as_("root", "GET", target)
            assert found.status < 500 or (door.path == "/readyz" and found.status == 503), (
                target[:120],
                found.body[:300],
            )
            said = found.body
            assert b"root:x:" not in said, target[:120]
            assert b"SQLite format" not in said, target[:120]
            if found.headers.get("content-type", "").startswith("text/html"):
                assert b"<script>window.__xss" not in said, target[:120]
    alive(castle)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../app.py",
        "/assets/%2e%2e/%2e%2e/dashboard/app.py",
        "/assets/..%2f..%2fdashboard%2fapp.py",
        "/assets//etc/passwd",
        "/_dash-component-suites/dash/../../../etc/passwd",
        "/_dash-component-suites/dash/..%2f..%2f..%2fetc%2fpasswd",
        "/api/v1/snapshots/..%2f..%2fvault.key",
        "/snapshots/..%2f..%2fvault.key",
        "/geo/..%2f..%2fvault.json",
        "/api/v1/import/..%2f..%2fetc/template.xlsx",
        "/api/v1/export/..%2f..%2fvault.key",
        "/%2e%2e/vault.key",
        "/.git/config",
        "/vault.key",
        "/townwatch.db",
    ],
)
def test_no_path_leads_out_of_what_is_served(castle: Fort, path: str) -> None:
    found = castle.as_("root", "GET", path)
    assert found.status in (400, 403, 404, 422), (path, found.status)
    for sign in (b"root:x:", b'"keys"', b"SQLite format", b"from __future__"):
        assert sign not in found.body


# -- formulas --------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?%?")


def test_no_export_holds_a_formula(castle: Fort) -> None:
    """Every table of every page, and the records of every feed, as CSV and as XLSX."""
    files = [f"/api/v1/records.{{}}?feed={feed.name}&day=2020-02-18" for feed in public() if feed.core]
    files += [f"/api/v1/export/{view.name}.{{}}?scope=all" for view in VIEWS.values() if view.tables]
    seen = 0
    for file in files:
        sheet = castle.as_("root", "GET", file.format("xlsx"))
        assert sheet.status == 200, (file, sheet.status, sheet.body[:200])
        assert "<f>" not in unpacked(sheet.body), file
        book = openpyxl.load_workbook(io.BytesIO(sheet.body))
        for one in book.worksheets:
            for row in one.iter_rows():
                for cell in row:
                    assert cell.data_type != "f", (file, cell.coordinate)
                    if isinstance(cell.value, str) and cell.value.startswith(FORMULA):
                        assert cell.quotePrefix or _NUMBER.fullmatch(cell.value), (file, cell.value)
                        seen += 1
        if "cmd|" not in unpacked(sheet.body):
            continue
        plain = castle.as_("root", "GET", file.format("csv"))
        for row in csv.reader(io.StringIO(plain.body.decode("utf-8-sig"))):
            for text in row:
                assert not text.startswith(FORMULA) or _NUMBER.fullmatch(text), (file, text)
    assert seen, "no export showed the planted formula: the test proves nothing"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_formula_in_a_table_is_no_formula_here(castle: Fort, kind: str) -> None:
    """Neither is it worked out when it is read, nor does the file of wrong rows give it back as one."""
    heads = [FEEDS["dispute"].field(name) for name in ("case", "stage")]
    head = ["记录编号", "镇街", "时间", *(one.words.zh for one in heads if one)]
    rows = [head, ["f-1", "姚庄镇", "2020-02-18 09:30", "=cmd()", "=1+1"]]
    if kind == "csv":
        data = "\n".join(",".join(row) for row in rows).encode()
        content = "text/csv"
    else:
        book, stream = openpyxl.Workbook(), io.BytesIO()
        for row in rows:
            book.active.append(row)
        book.save(stream)
        data, content = stream.getvalue(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    made = castle.ask(
        "POST", "/api/v1/import/dispute?dry_run=true", data, castle.cookies("root") | {"Content-Type": content}
    )
    assert made.status == 200, made.body
    run = made.json
    assert run["rejected"]
    sheet = castle.as_("root", "GET", run["errors"]["xlsx"])
    assert "<f>" not in unpacked(sheet.body)
    plain = castle.as_("root", "GET", run["errors"]["csv"]).body.decode("utf-8-sig")
    assert not any(text.startswith(FORMULA) for row in csv.reader(io.StringIO(plain)) for text in row)


# -- bodies ----------------------------------------------------------------------------------------------------------

BODIES: dict[str, bytes] = {
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a huge number": b'[{"id": 1e999}]',
    "a huge integer": b'[{"id": "h", "celsius": ' + b"9" * 4000 + b"}]",
    "NaN": b'[{"id": "n", "celsius": NaN}]',
    "Infinity": b'[{"id": "i", "celsius": -Infinity}]',
    "half a surrogate": b'[{"id": "\\ud800"}]',
    "a NUL": b'[{"id": "a\\u0000b", "town": "\\u0000"}]',
    "bytes that are no text": b"\xff\xfe\x00\x80" * 100,
    "nothing": b"",
    "a number": b"7",
    "null": b"null",
    "lists of lists": b"[[[]],[null],[7]]",
    "wrong kinds": b'[{"id": {"a": 1}, "town": ["x"], "at": 5, "record": 5, "item": [], "verb": {}}]',
    "many keys": json.dumps([{f"k{n}": n for n in range(20_000)}]).encode(),
    "half an object": b'{"id": "x',
}


@pytest.mark.parametrize("what", BODIES)
def test_no_body_breaks_a_door(castle: Fort, what: str) -> None:
    """Every door that takes a body is given every broken one by the administrator, and by a writer."""
    body = BODIES[what]
    for door in castle.doors():
        values = holes(door.path) | {"feed": "temperature"}
        for method in door.methods & {"POST", "PUT", "DELETE", "PATCH"}:
            if door.path.startswith(("/signout", "/assets", "/api/v1/account")):
                continue
            target = path_of(door.path, values)
            for headers in (
                castle.cookies("root") | {"Content-Type": "application/json"},
                {"Authorization": f"Bearer {castle.writer}", "Content-Type": "application/json"},
            ):
                found = castle.ask(method, target, body, headers)
                if door.path.startswith("/_dash"):
                    # Dash's own door: it may fail, its frame may not.
                    continue
                assert found.status < 500, (method, target, found.status, found.body[:300])
    alive(castle)


def test_more_than_the_limit_is_answered_413_before_it_is_read(castle: Fort) -> None:
    much = b"[" + b" " * (BODY_LIMIT + 10) + b"]"
    writer = {"Authorization": f"Bearer {castle.writer}", "Content-Type": "application/json"}
    assert castle.ask("POST", "/api/v1/events/dispute", much, writer).status == 413
    for path in ("/api/v1/forms/dispute", "/api/v1/actions", "/api/v1/cases/callback/x/contact"):
        found = castle.ask("POST", path, much, castle.cookies("amy") | {"Content-Type": "application/json"})
        assert found.status == 413, path
    # Without a length too: whoever does not say how much is stopped at the limit.
    with contextlib.closing(socket.create_connection(("127.0.0.1", castle.port), 30)) as raw:
        head = f"POST /api/v1/events/dispute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {castle.writer}\r\n"
        raw.sendall(head.encode() + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        with contextlib.suppress(OSError):
            for _ in range(BODY_LIMIT // 0x10000 + 4):
                raw.sendall(piece)
        assert raw.recv(200).split(b" ")[1] == b"413"
    alive(castle)


def bomb() -> bytes:
    """A workbook of 300 KB that unpacks to 1 GB."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(410):
                sheet.write(b"\0" * 1024 * 1024)
    return stream.getvalue()


def test_a_zip_bomb_is_refused(castle: Fort) -> None:
    data = bomb()
    assert len(data) < BODY_LIMIT
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    found = castle.ask("POST", "/api/v1/import/dispute", data, castle.cookies("root") | {"Content-Type": kind})
    assert found.status in (413, 415, 422), (found.status, found.body)
    assert sentence(found)
    alive(castle)


# -- slow and endless ------------------------------------------------------------------------------------------------


def until_closed(raw: socket.socket) -> bytes:
    """What comes until the other side ends it; a test's own patience is 30 s."""
    raw.settimeout(30)
    got = b""
    with contextlib.suppress(ConnectionError):
        while piece := raw.recv(4096):
            got += piece
    return got


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"", b"408"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"408"),
        (b"POST /api/v1/forms/dispute HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", b""),
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_who_sends_slowly_is_not_waited_for(
    castle: Fort, monkeypatch: pytest.MonkeyPatch, sent: bytes, says: bytes
) -> None:
    monkeypatch.setattr(patience, "HEAD_S", 0.3)
    monkeypatch.setattr(patience, "BODY_S", 0.3)
    with contextlib.closing(socket.create_connection(("127.0.0.1", castle.port), 30)) as raw:
        raw.sendall(sent)
        assert says in until_closed(raw)
    alive(castle)


def test_an_endless_head_is_not_kept(castle: Fort) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", castle.port), 30)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 16 * patience.HEAD_BYTES:
                raw.sendall(b"X-More: " + b"a" * 1000 + b"\r\n")
                sent += 1000
        with contextlib.suppress(OSError):
            raw.settimeout(30)
            assert raw.recv(200)[9:12] in (b"431", b"400", b"")
    alive(castle)


# -- the socket ------------------------------------------------------------------------------------------------------


def test_a_socket_of_a_foreign_page_is_refused_and_noted(castle: Fort) -> None:
    cookie = {"Cookie": castle.cookies("root")["Cookie"]}
    with pytest.raises(websockets.exceptions.InvalidStatus) as told:
        connect(
            f"ws://127.0.0.1:{castle.port}/live", origin=websockets.Origin("https://evil.example"),
            additional_headers=cookie, proxy=None,
        )  # fmt: skip
    assert told.value.response.status_code == 403
    assert refused_rows(castle, "foreign origin")
    for path in ("/_dash-ws-callback", "/other"):
        with pytest.raises(websockets.exceptions.InvalidStatus):
            connect(f"ws://127.0.0.1:{castle.port}{path}", additional_headers=cookie, proxy=None)


def test_a_socket_gives_nobody_what_is_not_theirs(castle: Fort) -> None:
    """Every view, asked for Yaozhuang's scope, rows and everything by an officer of Dayun, and by nobody."""
    with connect(f"ws://127.0.0.1:{castle.port}/live", proxy=None) as nobody:
        assert json.loads(nobody.recv(30))["reason"] == "session"
    head = {"Cookie": castle.cookies("dan")["Cookie"]}
    for name in VIEWS:
        with connect(f"ws://127.0.0.1:{castle.port}/live", additional_headers=head, proxy=None, max_size=None) as page:
            asked = 0
            for scope, params in ((YAOZHUANG, {}), ("all", {}), ("all", {"open": EVIL})):
                said = {"do": "subscribe", "view": name, "scope": scope, "lang": "zh", "params": params}
                page.send(json.dumps(said))
                asked += 1
            answered = 0
            while answered < asked:
                told = page.recv(30)
                assert isinstance(told, str)
                if json.loads(told)["type"] in ("view", "refused", "trouble"):
                    answered += 1
                    assert SECRET not in told, (name, told[:300])
                    document = json.loads(told)
                    # The address asked for it; the document may not hold it.
                    assert document.get("params") or MARK not in told, (name, told[:300])


def test_what_is_no_message_is_answered_and_the_socket_stays(castle: Fort) -> None:
    head = {"Cookie": castle.cookies("amy")["Cookie"]}
    with connect(f"ws://127.0.0.1:{castle.port}/live", additional_headers=head, proxy=None, max_size=None) as page:
        for text in ("{", "[]", "7", '{"do":5}', "[" * 5000, json.dumps({"do": "subscribe", "view": "x" * 5000})):
            page.send(text)
        page.send(json.dumps({"do": "subscribe", "view": "shell", "scope": "all", "lang": "zh"}))
        while json.loads(page.recv(30))["type"] != "view":
            pass
    alive(castle)


def test_what_cannot_be_audited_is_not_done_and_figures_go_on(castle: Fort, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> int:
        raise StoreUnavailable("数据库没有应答")

    monkeypatch.setattr(Audit, "note", away)
    record = {"record": valid(FEEDS["dispute"], 500) | {"id": "unaudited"}}
    for method, target, said in (
        ("GET", "/api/v1/records?feed=enterprise&day=2020-02-18", None),
        ("GET", "/api/v1/records.csv?feed=enterprise", None),
        ("GET", "/api/v1/export/disputes.csv", None),
        ("POST", "/api/v1/forms/dispute", record),
        ("POST", "/api/v1/forms/nothing", {"town": YAOZHUANG, "at": iso(NOON), "reports": []}),
    ):
        found = castle.as_("amy", method, target, said)
        assert found.status == 503, (target, found.status, found.body[:200])
        assert not leaked(found)
    assert castle.as_("amy", "GET", "/api/v1/figures?feed=dispute").status == 200
    assert castle.post("dispute", valid(FEEDS["dispute"], 501)).status == 202
    castle.settled()
    told = castle.as_("amy", "GET", "/api/v1/figures?feed=dispute")
    assert told.status == 200
    monkeypatch.undo()
    kept = castle.as_("amy", "GET", "/api/v1/records?feed=dispute&day=2020-02-18&limit=500").json["records"]
    assert "unaudited" not in {one["id"] for one in kept}


# -- what stays ------------------------------------------------------------------------------------------------------


def test_the_audit_of_all_this_is_whole_and_names_nobody_from_outside(castle: Fort) -> None:
    verdict = castle.web.actions.audit.verify()
    assert verdict.whole, verdict.findings[:3]
    assert verdict.rows > 50
    known = {*PEOPLE, "?"}
    assert {one.who for one in castle.web.actions.audit.rows(limit=5000) if not one.who.startswith("token:")} <= known


def test_every_text_field_of_every_feed_was_attacked(castle: Fort) -> None:
    assert sum(len(texts(feed)) for feed in public()) > 40
    assert len(public()) == len([feed for feed in FEEDS.values() if not feed.internal])
