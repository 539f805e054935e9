"""Names, phone numbers and identity numbers planted wherever somebody can put them are found nowhere afterwards.

Planted: all over a whole scenario, every record of which brings people in fields that nobody declared, and again with
people in its text fields; and, for every feed there is, in posts of a writer, forms of a page, imports (text, workbooks,
personal columns) and phones of patrols. Searched: what the doors answer, Redis (before and after the worker), its files,
every column of the database and its file, logs, metrics, pages, sockets, exports, dead letters, error files, messages to
the world outside, a backup, and a published snapshot in all its forms, read as its readers do. Only the vault knows, and
says so when it is asked.
"""

from __future__ import annotations

import email.message
import functools
import html
import io
import json
import logging
import logging.config
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
import redis
import structlog
import uvicorn.config
from sqlalchemy import select, text
from websockets.sync.client import connect

from dashboard import backup, telemetry
from dashboard.access.accounts import AccountStore
from dashboard.access.policy import Role
from dashboard.access.vault import Contact
from dashboard.alerts.briefs import Briefs
from dashboard.alerts.deliver import Deliveries
from dashboard.alerts.engine import AlertEngine
from dashboard.app import PAGES
from dashboard.clock import machine_ms
from dashboard.domain.day import MINUTE, iso
from dashboard.feeds import FEEDS
from dashboard.queries.views import VIEWS
from dashboard.snapshot.archive import Link
from dashboard.snapshot.forms import FORMS
from dashboard.stores import tables
from dashboard.stores.history import open_engine
from dashboard.stores.redis_server import RedisServer
from ingest.scenarios import SCENARIOS, scenario_named
from tests.conftest import missing
from tests.engine.core import NOON
from tests.engine.fort import Fort, fort, public, texts, valid
from tests.engine.outside import Mailbox, Receiver, channels, until_done

SCENARIO = "xianlin"
TOWN, DAY = "330110011", 20200224
"""Its station's town, and its last day."""
UNIT = f"{TOWN}-U1"
NAME = "诸葛不贰"
PHONES = ("13857309417", "138-5730-9417", "138 5730 9417", "+86 13857309417")


def checked_id(first: str) -> str:
    """An identity number with its check digit."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first + "10X98765432"[sum(int(one) * weight for one, weight in zip(first, weights, strict=True)) % 11]


ID = checked_id("33042119850307941")
NEEDLES = (NAME, "57309417", "5730-9417", "5730 9417", "19850307")
"""What gives a planted person away, also when only a part was masked."""
WORKBOOKS = ("dispute", "enterprise", "temperature")
"""Feeds whose forms come as workbooks too: a case, an enterprise, a reading. The same reader follows for all."""
UNDECLARED = {"联系人": NAME, "联系电话": PHONES[0], "contact": NAME, "phone": PHONES[1], "姓名": NAME, "idcard": ID}


def personal_values() -> list[str]:
    """What somebody types into a text field that is for something else."""
    return [
        *PHONES[1:],
        *(f"找{PHONES[0]}", f"身份证{ID}号", f"联系人：{NAME}", f"{NAME}先生", f"{NAME} 家门口"),
        "".join(chr(ord(one) + 0xFEE0) for one in PHONES[0]),
    ]


def whole_scenario(found: Fort) -> Counter[str]:
    """Every record of the scenario with people in it, as its sources post them; how many were taken, by feed.

    Of some records a second one follows for each text field, with a person in that field: the door refuses those.
    """
    scenario = scenario_named(SCENARIO, found.core.parts.region_at(DAY).pack)
    waiting: dict[str, list[dict[str, Any]]] = {}
    sent, taken, refused, wrong = Counter[str](), Counter[str](), 0, 0
    values = personal_values()

    def go(feed: str) -> None:
        answer = found.post(feed, *waiting.pop(feed))
        assert answer.status == 202, (feed, answer.body)
        assert not given_away(f"answer of {feed}", answer.body)
        taken[feed] += answer.json["accepted"]

    # Up to the hour of the last day's snapshot, which says what is known by then; and the rest.
    begin, client = scenario.warm_from, found.core.parts.client
    for until in (found.web.actions.snapshots.moment(DAY) - MINUTE, scenario.end):
        found.core.clock.set(until)
        for one in scenario.between(begin, until):
            record = one.record | UNDECLARED
            waiting.setdefault(one.feed, []).append(record)
            wrong += one.wrong
            sent[one.feed] += 1
            if sent[one.feed] % 50 == 1:
                for field in texts(FEEDS[one.feed]):
                    said = {"id": f"{record['id']}-{field}", field: values[refused % len(values)]}
                    waiting[one.feed].append(record | said)
                    refused += 1
            if len(waiting[one.feed]) > 900:
                go(one.feed)
        for feed in list(waiting):
            go(feed)
        assert not (hits := everything_in(client)), "on the road: " + "\n".join(hits[:5])
        found.settled()
        begin = until
    assert sum(taken.values()) >= sum(sent.values()) - wrong > 10_000, (taken, sent)
    assert sum(taken.values()) <= sum(sent.values()), "a person in a text was taken"
    assert refused > 500
    return taken


def table_of(feed: Any, number: int) -> list[list[str]]:
    """A table whose personal columns and text fields are full of people."""
    heads = ["记录编号", "镇街", "时间", "联系人", "联系电话", "身份证号", "备注"]
    fields = [field for field in feed.fields if field.required or field.kind == "text"]
    town = "闲林街道"
    rows = [[*heads, *(field.words.zh for field in fields)]]
    sample = valid(feed, number)
    plain = [str(sample.get(field.name, "")) for field in fields]
    whom = [NAME, PHONES[0], ID, f"{NAME} {PHONES[1]}"]
    rows.append([f"{feed.name}-t-{number}", town, "2020-02-18 10:00", *whom, *plain])
    for at, value in enumerate(personal_values()):
        filled = [
            (NAME if field.person and at % 2 else value) if field.kind == "text" else one
            for field, one in zip(fields, plain, strict=True)
        ]
        rows.append([f"{feed.name}-t-{number}-{at}", town, "2020-02-18 10:00", *whom, *filled])
    return rows


def plant(found: Fort) -> int:
    """By every way in; how many times."""
    planted = 0
    for number, feed in enumerate(public()):
        records = [valid(feed, 100, TOWN) | UNDECLARED]
        for field in texts(feed):
            records += [valid(feed, 200 + len(records), TOWN, **{field: value}) for value in personal_values()]
        # A field that holds the code of a person takes no name that stands alone.
        records += [valid(feed, 800, TOWN, **{field.name: NAME}) for field in feed.fields if field.person]
        records.append(valid(feed, 900, TOWN) | {"id": PHONES[0]})
        records.append(valid(feed, 901, TOWN) | {"town": f"找{PHONES[0]}"})
        planted += len(records)
        answer = found.post(feed.name, *records)
        assert (answer.status, answer.json["accepted"]) == (202, 1), (feed.name, answer.body)
        assert not given_away(f"answer of {feed.name}", answer.body)
        for record in records[:2]:
            said = {"record": record | {"id": f"form-{record['id'][:20]}-{number}"}}
            assert found.as_("clerk", "POST", f"/api/v1/forms/{feed.name}", said).status in (202, 422)
            found.as_("clerk", "POST", f"/api/v1/forms/{feed.name}/check", said)
        csv = "\n".join(",".join(row) for row in table_of(feed, 300)).encode("gb18030")
        clerk = found.cookies("clerk") | {"Content-Type": "text/csv"}
        answer = found.ask("POST", f"/api/v1/import/{feed.name}?source={quote('名册')}", csv, clerk)
        assert answer.status in (202, 422), (feed.name, answer.status, answer.body)
        planted += 9
        if feed.name not in WORKBOOKS:
            continue
        book, stream = openpyxl.Workbook(), io.BytesIO()
        for row in table_of(feed, 400):
            book.active.append(row)
        book.save(stream)
        clerk["Content-Type"] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        answer = found.ask("POST", f"/api/v1/import/{feed.name}?dry_run=true", stream.getvalue(), clerk)
        assert answer.status == 200, (feed.name, answer.body)
        planted += 1
    token = found.writer
    found.ask(
        "POST",
        f"/osmand/{token}?id={quote(PHONES[0])}&lat=30.22&lon=119.99&driver={quote(NAME)}&timestamp={NOON // 1000}",
    )
    found.ask(
        "POST",
        f"/osmand/{token}?id={UNIT}&lat=30.22&lon=119.99&note={quote(PHONES[0] + NAME)}&timestamp={NOON // 1000}",
    )
    found.as_("clerk", "POST", "/api/v1/actions", {
        "verb": "done", "item": "case:dispute:x", "town": TOWN, "id": "a-1", "at": iso(NOON), "note": f"打{PHONES[0]}问过，证号{ID}，联系人{NAME}",
    })  # fmt: skip
    found.as_("root", "GET", f"/api/v1/records?feed=dispute&subject={quote(PHONES[0])}&q={quote(ID)}")
    return planted


@contextmanager
def logged_to(file: Path) -> Iterator[None]:
    """This process logs to a file for a while, as the product's do for life."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers = list(root.handlers)
    opened = telemetry.configure("debug", True, file)
    try:
        yield
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
        opened.close()


@pytest.fixture(scope="module")
def castle(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fort]:
    """The product with its logs in a file, and people planted all over it."""
    redis.Redis.from_url(redis_server.url).flushall()
    folder = tmp_path_factory.mktemp("planted")
    with (
        logged_to(folder / "own.log"),
        fort(folder / "data", redis_server.url, region=SCENARIOS[SCENARIO][0]) as found,
    ):
        AccountStore(found.core.history.engine).create(NOON, "clerk", [Role.OFFICER], (TOWN,), staff="P-1")
        found.secrets["clerk"] = found.sessions.open(machine_ms(), "clerk")
        found.web.actions.contacts.vault.keys.make()
        assert plant(found) > 400
        assert set(whole_scenario(found)) == {
            "difficulty",
            "declaration",
            "enterprise",
            "callback",
            "housing",
            "patrol",
            "temperature",
        }
        yield found


def given_away(where: str, said: bytes | str) -> list[str]:
    """What gives somebody away in a text, with the place and what stands around it."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return [
        f"{where}: …{text[max(0, at - 60) : at + 40]}…"
        for needle in NEEDLES
        for at in [text.find(needle)]
        if at >= 0
    ]  # fmt: skip


def everything_in(client: Any) -> list[str]:
    """Every key of Redis with all that it holds."""
    found = []
    for key in client.keys("*"):
        kind = client.type(key)
        held: Any = {
            b"string": lambda k: client.get(k),
            b"hash": lambda k: client.hgetall(k),
            b"stream": lambda k: client.xrange(k),
            b"set": lambda k: client.smembers(k),
            b"zset": lambda k: client.zrange(k, 0, -1),
            b"list": lambda k: client.lrange(k, 0, -1),
        }[kind](key)
        found += given_away(f"redis {key!r}", flat(held))
    return found


def flat(held: Any) -> str:
    """All bytes of nested values as one text."""
    if isinstance(held, bytes):
        try:
            return zlib.decompress(held).decode("utf-8", "replace")
        except zlib.error:
            return held.decode("utf-8", "replace")
    if isinstance(held, dict):
        return "\n".join(flat(one) for pair in held.items() for one in pair)
    if isinstance(held, list | tuple | set):
        return "\n".join(flat(one) for one in held)
    return str(held)


@functools.cache
def unpacked(data: bytes) -> str:
    """A file's text as its readers have it, and what else stands in it: cells, paragraphs, pages, a picture's remarks."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            parts = [book.read(name).decode("utf-8", "replace") for name in book.namelist()]
        # As they stand, and without marks between: a reader sees one word where the file has two runs of it.
        return "\n".join(parts + [html.unescape(re.sub("<[^>]*>", "", part)) for part in parts])
    if data.startswith(b"%PDF"):
        if shutil.which("pdftotext") is None:
            missing(
                "PDF 要用 pdftotext 读回，请安装：apt-get install poppler-utils · pdftotext is missing: poppler-utils."
            )
        told = [
            subprocess.run(line, input=data, capture_output=True, check=True).stdout.decode("utf-8", "replace")
            for line in (["pdftotext", "-raw", "-", "-"], ["pdfinfo", "-enc", "UTF-8", "-"], ["pdfinfo", "-meta", "-"])
        ]
        assert len(told[0]) > 1000, "the PDF has no text that can be read: the test proves nothing"
        return "\n".join(told)
    if data.startswith(b"\x89PNG"):
        return "\n".join(f"{kind}: {held.decode('utf-8', 'replace')}" for kind, held in chunks(data) if kind != "IDAT")
    return data.decode("utf-8", "replace")


def chunks(picture: bytes) -> Iterator[tuple[str, bytes]]:
    """(kind, contents) of a PNG's parts; texts that are packed are unpacked."""
    at = 8
    while at < len(picture):
        (size,) = struct.unpack(">I", picture[at : at + 4])
        kind, held = picture[at + 4 : at + 8].decode(), picture[at + 8 : at + 8 + size]
        yield kind, zlib.decompress(held.split(b"\0", 2)[-1]) if kind == "zTXt" else held
        at += size + 12


def words_of(letter: email.message.Message) -> str:
    """A mail's head and all its parts, attached files read."""
    parts = [unpacked(part.get_payload(decode=True)) for part in letter.walk() if not part.is_multipart()]
    return "\n".join([*(f"{name}: {value}" for name, value in letter.items()), *parts])


def files_of(*folders: Path) -> Iterator[Path]:
    """Every file below."""
    return (file for folder in folders for file in folder.rglob("*") if file.is_file() and not file.is_socket())


def test_nothing_is_kept(castle: Fort, redis_server: RedisServer) -> None:
    found = everything_in(castle.core.parts.client)
    for file in files_of(Path(redis_server.data_dir)):
        found += given_away(f"file {file.name}", file.read_bytes())
    assert not found, "in Redis: " + "\n".join(found[:5])

    with castle.core.history.reading() as connection:
        for table in tables.METADATA.sorted_tables:
            for row in connection.execute(select(table)):
                found += given_away(f"table {table.name}", flat(list(row)))
    assert not found, "kept: " + "\n".join(found[:8])


def published(castle: Fort) -> Link:
    """The last day's snapshot."""
    desk = castle.web.actions.snapshots
    return desk.archive.link(DAY, "day", "all") or desk.publish(DAY, castle.core.clock.now())[0]


def test_nothing_is_told_to_the_world_outside(castle: Fort, tmp_path: Path) -> None:
    """Messages as they arrive at a real receiver and a real mail server, the day's brief among them."""
    desk, receiver, box = castle.web.actions.snapshots, Receiver(), Mailbox(tmp_path)
    box.server.start()
    try:
        everything = {"snapshots": ["day"]}
        mail = {"name": "mail", "kind": "email", "host": "127.0.0.1", "port": box.port, "sender": "tw@example.org",
                "to": ["duty@example.org"], "starttls": True, "username": "townwatch", "password": "s3cret",
                "ca_file": str(box.certificate)}  # fmt: skip
        hook = {"name": "hook", "kind": "webhook", "url": receiver.url, "secret": "s3cret"}
        deliveries = Deliveries(
            castle.core.history, channels(tmp_path, hook | everything, mail | everything), content=desk.archive.content
        )
        AlertEngine(
            castle.core.history, castle.core.live, castle.core.reader(), castle.core.clock, "one", deliveries
        ).step()
        published(castle)
        Briefs(desk.archive, deliveries, castle.core.clock).look()
        until_done(castle.core, deliveries)
    finally:
        box.server.stop()
        receiver.server.shutdown()
        receiver.server.server_close()
    kinds = {json.loads(body)["kind"] for _, body in receiver.got}
    assert len(kinds) == 2, f"an alert and a brief: {kinds}"
    assert any(part.get_content_type() == "application/pdf" for one in box.letters for part in one.walk())
    found = [hit for headers, body in receiver.got for hit in given_away("webhook", f"{headers}{body.decode()}")]
    found += [hit for letter in box.letters for hit in given_away("mail", words_of(letter))]
    assert not found, "told: " + "\n".join(found[:8])


def test_nothing_is_published(castle: Fort) -> None:
    desk, link = castle.web.actions.snapshots, published(castle)
    assert {"html", "pdf", "xlsx", "docx", "png", "json"} <= set(link.files)
    forms = {form: desk.archive.read(link, form) for form in link.files}
    found = [hit for form, data in forms.items() for hit in given_away(f"snapshot .{form}", unpacked(data))]
    assert not found, "published: " + "\n".join(found[:8])
    assert len(json.loads(forms["json"])["cells"]) > 20
    # A picture has no words to search. It says nothing but what the file of figures says: it is made from it again.
    assert FORMS["png"][1](desk.archive.brief(link), "zh") == forms["png"]


def test_nothing_is_served(castle: Fort) -> None:
    answers = [
        "/metrics",
        "/readyz",
        "/api/openapi.json",
        "/api/v1/dead-letters?limit=1000",
        "/api/v1/imports?limit=200",
    ]
    answers += [f"/api/v1/figures?feed={feed.name}" for feed in public()]
    for day in ("2020-02-18", "2020-02-24"):
        answers += [f"/api/v1/records?feed={feed.name}&day={day}&limit=500&lang=zh" for feed in public()]
    answers += [f"/api/v1/records.xlsx?feed={feed.name}&day=2020-02-18" for feed in public() if feed.core]
    answers += [f"/api/v1/export/{view.name}.xlsx" for view in VIEWS.values() if view.tables]
    answers += [page.path.pattern for page in PAGES if re.fullmatch(r"[/\w]+", page.path.pattern)]
    imports = castle.as_("clerk", "GET", "/api/v1/imports?limit=200").json["imports"]
    answers += [f"/api/v1/imports/{one['id']}/errors.csv" for one in imports]
    assert len(imports) >= len(public())
    found = []
    for target in answers:
        answer = castle.as_("root" if "errors.csv" not in target else "clerk", "GET", target)
        assert answer.status < 500, target
        found += given_away(f"GET {target}", unpacked(answer.body))
    assert not found, "served: " + "\n".join(found[:8])


def test_no_socket_says_it(castle: Fort) -> None:
    """Every view as an administrator and as the town's officer have it pushed."""
    for who in ("root", "clerk"):
        head = {"Cookie": castle.cookies(who)["Cookie"]}
        with connect(f"ws://127.0.0.1:{castle.port}/live", additional_headers=head, proxy=None, max_size=None) as page:
            asked = 0
            for name in VIEWS:
                for scope in (TOWN, "all"):
                    page.send(json.dumps({"do": "subscribe", "view": name, "scope": scope, "lang": "zh", "params": {}}))
                    asked += 1
            told: Counter[str] = Counter()
            while sum(told.values()) < asked:
                frame = page.recv(30)
                assert not (hits := given_away(f"{who}'s socket", frame)), hits
                if (kind := json.loads(frame)["type"]) in ("view", "refused", "trouble"):
                    told[kind] += 1
            assert told["view"] > len(VIEWS) / 2, told


def test_no_file_holds_it_and_no_backup(castle: Fort, tmp_path: Path) -> None:
    """After everything else was asked for: logs, the database's files, drafts, snapshots, and a backup of them all."""
    data = castle.core.settings.data_dir
    found = [hit for file in files_of(data) for hit in given_away(f"file {file.name}", unpacked(file.read_bytes()))]
    log = data.parent / "own.log"
    found += given_away("the log", log.read_bytes())
    assert not found, "kept: " + "\n".join(found[:8])
    assert log.stat().st_size > 1000, "nothing was logged: the test proves nothing"
    backup.backup(castle.core.settings, tmp_path / "all.tar.zst")
    backup.read(tmp_path / "all.tar.zst", tmp_path / "taken")
    taken = list(files_of(tmp_path / "taken"))
    assert len(taken) > 5
    found = [hit for file in taken for hit in given_away(f"backup {file.name}", unpacked(file.read_bytes()))]
    assert not found, "backed up: " + "\n".join(found[:8])


def test_an_error_is_logged_without_what_it_was_about(tmp_path: Path) -> None:
    """Neither what a function held, nor what a statement was given, nor a contact that somebody meant to show."""
    # As a server leaves it that was started without the product's settings: lines of its own, past the mask.
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with logged_to(tmp_path / "own.log"):
        for work in (
            lambda held: 1 / (len(held) - len(held)),
            lambda held: engine.connect().execute(text("SELECT no_such FROM nothing WHERE x = :x"), {"x": held}),
            lambda held: json.loads(str(Contact(held, PHONES[0]))),
        ):
            try:
                work(f"{NAME} {PHONES[1]}")
            except Exception:
                telemetry.log("one").exception("failed", more={"phone": PHONES[1], "all": [PHONES[2], ID]})
                logging.getLogger("uvicorn.error").exception("Exception in %s", PHONES[3])
    engine.dispose()
    log = (tmp_path / "own.log").read_bytes()
    assert log.count(b"Traceback") >= 6
    assert not given_away("the log", log)


def test_no_dump_of_a_process_is_written(tmp_path: Path) -> None:
    asks = "import resource; from dashboard.commands.running import _child_settings as own; own(None); print(resource.getrlimit(4))"
    where = os.environ | {"TOWNWATCH_DATA_DIR": str(tmp_path), "TOWNWATCH_REDIS_URL": "redis://127.0.0.1:9"}
    told = subprocess.run([sys.executable, "-c", asks], env=where, capture_output=True, text=True, check=True).stdout
    assert told.split("\n")[-2] == "(0, 0)"


def test_the_vault_alone_knows(castle: Fort) -> None:
    kept = castle.web.actions.contacts.vault.everything()
    assert {one.feed for one in kept} <= {name for name, feed in FEEDS.items() if feed.contacts}
    assert kept, "no contact was kept: the test proves nothing"
    vault = castle.web.actions.contacts.vault
    opened = vault.open(NOON, "clerk", kept[0].feed, kept[0].subject, "")
    assert (opened.name, opened.phone) == (NAME, PHONES[0])
