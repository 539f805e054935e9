"""The gateway as its own process serves it, on a loopback port, over a core whose worker the test steps."""

from __future__ import annotations

import contextlib
import json
import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from dashboard.access.tokens import TokenStore
from dashboard.actions import Actions
from dashboard.api import imports, phones
from dashboard.api.common import Gate
from dashboard.app import build_gateway
from dashboard.domain.day import day_of
from dashboard.domain.event import Event
from dashboard.stores import tables
from geodata.library import BUNDLED_PACK
from tests.engine.answers import Answer, request, serving
from tests.engine.core import Core

MAX_BODY = 2 * 1024 * 1024
_event = msgspec.msgpack.Decoder(Event)


class Gateway:
    """A served gateway, its core, and a writer's token of the source ``phones``."""

    def __init__(self, core: Core, port: int) -> None:
        self.core, self.port = core, port
        self.tokens = TokenStore(core.history.engine)
        self.token = self.writer()

    def writer(self, source: str = "phones", **how: Any) -> str:
        """Another writer's token."""
        return self.tokens.create(self.core.clock.now(), source=source, **how)

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request, its target as it stands; header names with underscores for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return request(self.port, method, target, body, sent)

    def osmand(self, query: str, token: str | None = None) -> Answer:
        """A fix in an address, as Traccar Client before 9 sends it: POST without a body."""
        return self.ask("POST", f"/osmand/{token or self.token}?{query}")

    def traccar(self, message: Any, query: str = "") -> Answer:
        """A JSON message, as Traccar Client from 9 on sends it."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.ask("POST", f"/osmand/{self.token}?{query}", body, Content_Type="application/json")

    def owntracks(self, message: Any, user: str = "phones", token: str | None = None, **headers: str) -> Answer:
        """An OwnTracks message with HTTP Basic."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        told = basic(user, token or self.token)
        return self.ask("POST", "/owntracks", body, Authorization=told, Content_Type="application/json", **headers)

    def events(self) -> list[Event]:
        """What the truth holds after the worker has done its work: current versions, in the order of their commit."""
        self.core.work()
        event = tables.event
        with self.core.history.reading() as connection:
            statement = select(event.c.body).where(event.c.ended.is_(None)).order_by(event.c.seq)
            return [_event.decode(row.body) for row in connection.execute(statement)]

    def letters(self) -> list[dict[str, Any]]:
        """Dead letters, oldest first."""
        self.core.work()
        return list(reversed(self.core.letters()))

    def clear(self, at: int) -> None:
        """Forget every record and stand at ``at``."""
        core = self.core
        with core.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
            for table in (
                *("event", "event_key", "projection", "dead_letter", "provisional_place", "commit_log"),
                *("source_stat", "lease"),
            ):
                connection.exec_driver_sql(f"DELETE FROM {table}")
        core.parts.client.flushall()
        core.clock.set(at)
        core.stream.limit = 2_000_000
        core.stream._gauge = (0.0, 0)
        core.worker = core.another_worker()


def basic(user: str, password: str) -> str:
    """The header of HTTP Basic."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def pack_with_devices(folder: Path, devices: Mapping[str, str]) -> Path:
    """A copy of the bundled pack whose ``devices.csv`` says which unit carries which phone."""
    shutil.copytree(BUNDLED_PACK, folder)
    lines = ["device,unit", *(f"{device},{unit}" for device, unit in devices.items())]
    (folder / "devices.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@contextlib.contextmanager
def gateway(core: Core, max_body: int = MAX_BODY) -> Iterator[Gateway]:
    """The gateway's application of a core, served by uvicorn in a thread."""
    gate = Gate(TokenStore(core.history.engine), core.clock, local=False)
    region = core.parts.region_at
    actions = Actions(core.intake, core.history, lambda: region(day_of(core.clock.now())), core.clock)
    routers = [phones.router(actions, gate, max_body), imports.router(actions, gate, max_body)]
    with serving(build_gateway(routers, {}, "build")) as port:
        yield Gateway(core, port)
