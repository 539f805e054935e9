"""Names, phone numbers and identity numbers planted wherever somebody can put them are found nowhere afterwards.

Planted: in every text field of every feed, in fields that nobody declared, in personal columns of tables, by the ways
in that there are: posts of a writer, forms of a page, imports, phones of patrols. Searched: Redis (before and after the
worker), its files, every column of the database and its file, logs, metrics, pages, views, exports, dead letters, error
files, and a published snapshot in all its forms. Only the vault knows, and says so when it is asked.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
import redis
import structlog
from sqlalchemy import select

from dashboard import telemetry
from dashboard.app import PAGES
from dashboard.domain.day import iso
from dashboard.feeds import FEEDS
from dashboard.queries.views import VIEWS
from dashboard.stores import tables
from dashboard.stores.redis_server import RedisServer
from tests.engine.core import NOON, UNIT, YAOZHUANG
from tests.engine.fort import Fort, fort, public, texts, valid

NAME = "诸葛不贰"
PHONES = ("13857309417", "138-5730-9417", "138 5730 9417", "+86 13857309417")


def checked_id(first: str) -> str:
    """An identity number with its check digit."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first + "10X98765432"[sum(int(one) * weight for one, weight in zip(first, weights, strict=True)) % 11]


ID = checked_id("33042119850307941")
NEEDLES = (NAME, "57309417", "5730-9417", "5730 9417", "19850307")
"""What gives a planted person away, also when only a part was masked."""
UNDECLARED = {"联系人": NAME, "联系电话": PHONES[0], "contact": NAME, "phone": PHONES[1], "姓名": NAME, "idcard": ID}


def personal_values() -> list[str]:
    """What somebody types into a text field that is for something else."""
    return [*PHONES[1:], f"找{PHONES[0]}", f"身份证{ID}号"]


def table_of(feed: Any, number: int) -> list[list[str]]:
    """A table whose personal columns and text fields are full of people."""
    heads = ["记录编号", "镇街", "时间", "联系人", "联系电话", "身份证号", "备注"]
    fields = [field for field in feed.fields if field.required or field.kind == "text"]
    rows = [[*heads, *(field.words.zh for field in fields)]]
    sample = valid(feed, number)
    plain = [str(sample.get(field.name, "")) for field in fields]
    whom = [NAME, PHONES[0], ID, f"{NAME} {PHONES[1]}"]
    rows.append([f"{feed.name}-t-{number}", "姚庄镇", "2020-02-18 10:00", *whom, *plain])
    for at, value in enumerate(personal_values()):
        filled = [value if field.kind == "text" else one for field, one in zip(fields, plain, strict=True)]
        rows.append([f"{feed.name}-t-{number}-{at}", "姚庄镇", "2020-02-18 10:00", *whom, *filled])
    return rows


def plant(found: Fort) -> int:
    """By every way in; how many times."""
    planted = 0
    for number, feed in enumerate(public()):
        records = [valid(feed, 100) | UNDECLARED]
        for field in texts(feed):
            records += [valid(feed, 200 + len(records), **{field: value}) for value in personal_values()]
        records.append(valid(feed, 900) | {"id": PHONES[0]})
        records.append(valid(feed, 901) | {"town": f"找{PHONES[0]}"})
        planted += len(records)
        assert found.post(feed.name, *records).status == 202, feed.name
        for record in records[:2]:
            said = {"record": record | {"id": f"form-{record['id'][:20]}-{number}"}}
            assert found.as_("amy", "POST", f"/api/v1/forms/{feed.name}", said).status in (202, 422)
            found.as_("amy", "POST", f"/api/v1/forms/{feed.name}/check", said)
        csv = "\n".join(",".join(row) for row in table_of(feed, 300)).encode("gb18030")
        clerk = found.cookies("amy") | {"Content-Type": "text/csv"}
        answer = found.ask("POST", f"/api/v1/import/{feed.name}?source={quote('名册')}", csv, clerk)
        assert answer.status in (202, 422), (feed.name, answer.status, answer.body)
        book, stream = openpyxl.Workbook(), io.BytesIO()
        for row in table_of(feed, 400):
            book.active.append(row)
        book.save(stream)
        clerk["Content-Type"] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        answer = found.ask("POST", f"/api/v1/import/{feed.name}?dry_run=true", stream.getvalue(), clerk)
        assert answer.status == 200, (feed.name, answer.body)
        planted += 10
    token = found.writer
    found.ask(
        "POST",
        f"/osmand/{token}?id={quote(PHONES[0])}&lat=30.9&lon=120.9&driver={quote(NAME)}&timestamp={NOON // 1000}",
    )
    found.ask(
        "POST", f"/osmand/{token}?id={UNIT}&lat=30.9&lon=120.9&note={quote(PHONES[0] + NAME)}&timestamp={NOON // 1000}"
    )
    found.as_("amy", "POST", "/api/v1/actions", {
        "verb": "done", "item": "case:dispute:x", "town": YAOZHUANG, "id": "a-1", "at": iso(NOON), "note": f"打{PHONES[0]}问过，证号{ID}",
    })  # fmt: skip
    found.as_("root", "GET", f"/api/v1/records?feed=dispute&subject={quote(PHONES[0])}&q={quote(ID)}")
    return planted


@pytest.fixture(scope="module")
def castle(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fort]:
    """The product with its logs in a file, and people planted all over it."""
    redis.Redis.from_url(redis_server.url).flushall()
    folder = tmp_path_factory.mktemp("planted")
    telemetry.configure("debug", True, folder / "own.log")
    try:
        with fort(folder / "data", redis_server.url) as found:
            found.web.actions.contacts.vault.keys.make()
            assert plant(found) > 400
            yield found
    finally:
        structlog.reset_defaults()


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


def unpacked(data: bytes) -> str:
    """A file's text: a workbook's parts, a PDF's streams."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    if data.startswith(b"%PDF"):
        parts = [data.decode("latin-1")]
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
            try:
                parts.append(zlib.decompress(stream).decode("utf-8", "replace"))
            except zlib.error:
                continue
        return "\n".join(parts)
    return data.decode("utf-8", "replace")


def test_what_is_planted_is_found_nowhere(castle: Fort, redis_server: RedisServer) -> None:
    client = castle.core.parts.client
    found = everything_in(client)
    assert not found, "on the road: " + "\n".join(found[:5])
    castle.settled()
    found = everything_in(client)
    for file in Path(redis_server.data_dir).rglob("*"):
        if file.is_file() and not file.is_socket():
            found += given_away(f"file {file.name}", file.read_bytes())
    assert not found, "in Redis: " + "\n".join(found[:5])

    with castle.core.history.reading() as connection:
        for table in tables.METADATA.sorted_tables:
            for row in connection.execute(select(table)):
                found += given_away(f"table {table.name}", flat(list(row)))
    data = castle.core.settings.data_dir
    for file in [*data.rglob("*"), data.parent / "own.log"]:
        if file.is_file() and not file.is_socket():
            found += given_away(f"file {file.name}", unpacked(file.read_bytes()))
    assert not found, "kept: " + "\n".join(found[:8])
    assert (data.parent / "own.log").stat().st_size > 1000, "nothing was logged: the test proves nothing"

    answers = [
        "/metrics",
        "/readyz",
        "/api/openapi.json",
        "/api/v1/dead-letters?limit=1000",
        "/api/v1/imports?limit=200",
    ]
    answers += [f"/api/v1/figures?feed={feed.name}" for feed in public()]
    answers += [f"/api/v1/records?feed={feed.name}&day=2020-02-18&limit=500&lang=zh" for feed in public()]
    answers += [f"/api/v1/records.xlsx?feed={feed.name}&day=2020-02-18" for feed in public() if feed.core]
    answers += [f"/api/v1/export/{view.name}.xlsx" for view in VIEWS.values() if view.tables]
    answers += [page.path.pattern for page in PAGES if re.fullmatch(r"[/\w]+", page.path.pattern)]
    answers += [
        f"/api/v1/imports/{one['id']}/errors.csv" for one in castle.as_("amy", "GET", "/api/v1/imports").json["imports"]
    ]
    for target in answers:
        answer = castle.as_("root" if "errors.csv" not in target else "amy", "GET", target)
        found += given_away(f"GET {target}", unpacked(answer.body))
    assert not found, "served: " + "\n".join(found[:8])

    desk = castle.web.actions.snapshots
    link, _ = desk.publish(20200218, castle.core.clock.now())
    assert {"html", "pdf", "xlsx", "docx", "png", "json"} <= set(link.files)
    for form in link.files:
        found += given_away(f"snapshot .{form}", unpacked(desk.archive.read(link, form)))
    assert not found, "published: " + "\n".join(found[:8])


def test_the_vault_alone_knows(castle: Fort) -> None:
    castle.settled()
    kept = castle.web.actions.contacts.vault.everything()
    assert {one.feed for one in kept} <= {name for name, feed in FEEDS.items() if feed.contacts}
    assert kept, "no contact was kept: the test proves nothing"
    vault = castle.web.actions.contacts.vault
    opened = vault.open(NOON, "amy", kept[0].feed, kept[0].subject, "")
    assert (opened.name, opened.phone) == (NAME, PHONES[0])
