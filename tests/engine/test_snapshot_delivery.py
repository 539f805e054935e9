"""A published snapshot reaches each recipient in its scope: by mail with the PDF as published, by a signed webhook."""

from __future__ import annotations

import email.header
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import select

from dashboard.alerts.briefs import Briefs
from dashboard.alerts.deliver import Deliveries, signature
from dashboard.domain.day import HOUR, day_start
from dashboard.queries.past import Past
from dashboard.snapshot.publish import Desk, Office
from dashboard.stores import tables as t
from dashboard.stores.redis_server import RedisServer
from tests.engine.core import YAOZHUANG, Core, reading
from tests.engine.outside import Mailbox, Receiver, channels, until_done

DAY = 20200218
SIX = day_start(DAY) + 18 * HOUR


@pytest.fixture
def core(data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer) -> Iterator[Core]:
    made = Core(data_dir, redis_server.url)
    yield made
    made.close()


def told(core: Core) -> list[tuple[str, str, str]]:
    d = t.delivery.c
    with core.history.reading() as connection:
        return [tuple(row) for row in connection.execute(select(d.channel, d.about, d.state).order_by(d.channel))]


def test_each_recipient_gets_its_edition_once(core: Core, data_dir: Path, receiver: Receiver) -> None:
    core.accept("temperature", *(reading(n, f"10:{n:02d}") for n in range(12)))
    desk = Desk(core.settings.data_dir, Past(core.history, core.parts.region_at), Office(world="replay"))
    core.clock.set(SIX)
    county, _ = desk.publish(DAY, SIX)
    desk.publish(DAY, SIX, edition=YAOZHUANG)
    box = Mailbox(data_dir)
    box.server.start()
    try:
        mail: dict[str, Any] = {
            "name": "leaders", "kind": "email", "host": "127.0.0.1", "port": box.port, "sender": "tw@example.org",
            "to": ["leader@example.org"], "starttls": True, "username": "townwatch", "password": "s3cret",
            "ca_file": str(box.certificate), "rules": [], "snapshots": ["day", "week"],
        }  # fmt: skip
        hook = {"name": "town", "kind": "webhook", "url": receiver.url, "secret": "s3cret", "rules": []}
        given = channels(
            data_dir,
            mail,
            hook | {"towns": [YAOZHUANG], "snapshots": ["day"]},
            hook | {"name": "weekly", "snapshots": ["week"]},
            hook | {"name": "alerts only"},
        )
        deliveries = Deliveries(core.history, given, content=desk.archive.content)
        briefs = Briefs(desk.archive, deliveries, core.clock, "https://townwatch.example")
        receiver.failures = 1
        assert briefs.look() == 2
        assert briefs.look() == 0
        # Another process, or this one after a restart, finds everything queued.
        Briefs(desk.archive, deliveries, core.clock, "https://townwatch.example").look()
        until_done(core, deliveries)
    finally:
        box.server.stop()
    about = f"snapshot {DAY} day"
    assert told(core) == [("leaders", f"{about} all", "sent"), ("town", f"{about} {YAOZHUANG}", "sent")]

    (letter,) = box.letters
    subject = str(email.header.make_header(email.header.decode_header(letter["Subject"])))
    assert subject.startswith("【演示】")
    assert "2020-02-18 第 1 期" in subject
    text, attached = letter.get_payload()
    assert "查验12人次" in text.get_payload(decode=True).decode()
    assert "https://townwatch.example/snapshots/2020-02-18" in text.get_payload(decode=True).decode()
    assert attached.get_filename() == "snapshot-2020-02-18.pdf"
    assert attached.get_payload(decode=True) == desk.archive.read(county, "pdf")

    headers, body = receiver.got[-1]
    assert signature(b"s3cret", headers["X-Townwatch-Timestamp"], body) == headers["X-Townwatch-Signature"]
    said = json.loads(body)
    link = desk.archive.link(DAY, "day", YAOZHUANG)
    assert link is not None
    assert (said["edition"], said["forms"]["pdf"]["sha256"]) == (YAOZHUANG, link.files["pdf"])


def test_a_new_channel_is_not_sent_the_archive(core: Core, data_dir: Path, receiver: Receiver) -> None:
    core.accept("temperature", reading(1, "10:00"))
    desk = Desk(core.settings.data_dir, Past(core.history, core.parts.region_at), Office(world="replay"))
    desk.publish(DAY, SIX)
    core.clock.set(SIX + 25 * HOUR)
    hook = {"name": "new", "kind": "webhook", "url": receiver.url, "secret": "s3cret", "snapshots": ["day"]}
    deliveries = Deliveries(core.history, channels(data_dir, hook), content=desk.archive.content)
    assert Briefs(desk.archive, deliveries, core.clock).look() == 0
    assert told(core) == []
