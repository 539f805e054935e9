"""The whole product in one process, served as it is in earnest, with people of several roles: what is attacked.

One town's records carry :data:`MARK` in every text that may hold it, so that whatever shows them to somebody of another
town is seen.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dashboard import wiring
from dashboard.access.accounts import AccountStore
from dashboard.access.policy import Role
from dashboard.access.sessions import COOKIE, SessionStore, csrf_of
from dashboard.access.tokens import TokenStore
from dashboard.api.guard import Door, doors_of
from dashboard.clock import machine_ms
from dashboard.domain.day import HOUR, iso
from dashboard.domain.feed import CaseSpec, Feed
from dashboard.feeds import FEEDS
from dashboard.patience import SERVED
from tests.engine.answers import Answer, request, serving
from tests.engine.core import DAYUN, NOON, YAOZHUANG, Core

MARK, SECRET = "Mx7Zq", "Qk9Wv"
"""Stand in texts of Yaozhuang's records and nowhere else: the first in what names a case, the second in all others."""
PEOPLE: Mapping[str, tuple[Role, tuple[str, ...] | None, str]] = {
    "amy": (Role.OFFICER, (YAOZHUANG,), "P-1"),
    "chief": (Role.CHIEF, (YAOZHUANG,), "P-9"),
    "dan": (Role.OFFICER, (DAYUN,), "P-2"),
    "dao": (Role.CHIEF, (DAYUN,), "P-3"),
    "root": (Role.ADMINISTRATOR, None, "P-0"),
    "lee": (Role.LEADER, None, "P-8"),
    "wally": (Role.WALL, None, ""),
}


class Fort:
    """The served product."""

    def __init__(self, core: Core, web: wiring.Web, port: int) -> None:
        self.core, self.web, self.app, self.port = core, web, web.app, port
        engine, now = core.history.engine, core.clock.now()
        self.tokens = TokenStore(engine)
        self.sessions = SessionStore(engine)
        accounts = AccountStore(engine)
        for name, (role, towns, staff) in PEOPLE.items():
            accounts.create(now, name, [role], towns, staff=staff)
        self.secrets = {name: self.sessions.open(machine_ms(), name) for name in PEOPLE}
        self.writer = self.tokens.create(now, source="gate")
        self.reader = self.tokens.create(now, source=None, read=True)
        self.reader_of_dayun = self.tokens.create(now, source=None, read=True, towns=[DAYUN])

    def cookies(self, name: str) -> dict[str, str]:
        """The headers of somebody's browser on a page of ours."""
        secret = self.secrets[name]
        return {
            "Cookie": f"{COOKIE}={secret}; _csrf_token={csrf_of(secret)}",
            "X-CSRFToken": csrf_of(secret),
            "X-Townwatch-Form": "1",
            "Origin": f"http://127.0.0.1:{self.port}",
        }

    def ask(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; ``target`` goes as it stands."""
        return request(self.port, method, target, body, headers or {})

    def as_(self, name: str, method: str, target: str, said: Any = None) -> Answer:
        """One request of a person, as a page of ours sends it."""
        headers = self.cookies(name)
        if said is not None:
            headers["Content-Type"] = "application/json"
        return self.ask(method, target, None if said is None else json.dumps(said).encode(), headers)

    def post(self, feed: str, *records: Mapping[str, Any], token: str | None = None) -> Answer:
        """Records of a writer; an empty token is none at all."""
        secret = self.writer if token is None else token
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {secret}"} if secret else {})
        return self.ask("POST", f"/api/v1/events/{feed}", json.dumps(records).encode(), headers)

    def doors(self) -> list[Door]:
        """Every door of the application."""
        return doors_of(self.app.router.routes)

    def settled(self) -> None:
        """Everything that was taken is in the figures."""
        self.core.work()


def valid(feed: Feed, number: int, town: str = YAOZHUANG, **changes: Any) -> dict[str, Any]:
    """A record that the door takes."""
    record = dict(feed.sample) | {"id": f"{feed.name}-{number}", "town": town, "at": iso(NOON - HOUR)}
    return {key: value for key, value in (record | changes).items() if value is not None}


def texts(feed: Feed) -> list[str]:
    """The fields that hold whatever somebody types."""
    return [field.name for field in feed.fields if field.kind == "text"]


def marked(feed: Feed, text: str, number: int, town: str = YAOZHUANG) -> dict[str, Any]:
    """A record with a text in every field that takes one, where it names the case with :data:`MARK` in it."""
    stage = feed.archetype.stages[0].code if isinstance(feed.archetype, CaseSpec) else None
    said = {field.name: text.replace(MARK, SECRET)[: field.max_length] for field in feed.fields if field.kind == "text"}
    said |= {feed.subject: text} if feed.subject in said else {}
    return valid(feed, number, town, **said, **({"stage": stage} if stage else {}))


def public() -> list[Feed]:
    """Feeds that come from outside."""
    return [feed for feed in FEEDS.values() if not feed.internal]


def path_of(template: str, values: Mapping[str, str]) -> str:
    """A path with its parts filled in, escaped."""
    filled = template
    for name, value in values.items():
        for hole in (f"{{{name}}}", f"{{{name}:path}}", f"{{{name}:int}}"):
            filled = filled.replace(hole, quote(value, safe=""))
    return filled


@contextlib.contextmanager
def fort(folder: Path, redis_url: str, **settings: Any) -> Iterator[Fort]:
    """The product served on a free port, its worker stepped by the test."""
    folder.mkdir(parents=True, exist_ok=True)
    core = Core(folder, redis_url, **settings)
    web = wiring.web_of(core.settings, core.parts, "all")
    try:
        with serving(web.app, **SERVED) as port:
            yield Fort(core, web, port)
    finally:
        core.close()
