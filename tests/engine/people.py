"""The whole web application over real HTTP, with accounts, and browsers that keep their cookies."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dashboard import wiring
from dashboard.access.accounts import AccountStore
from dashboard.access.devices import DeviceStore
from dashboard.access.sessions import SessionStore
from dashboard.access.tokens import TokenStore
from dashboard.access.viewer import Role
from tests.engine.answers import Answer, request, serving
from tests.engine.core import DAYUN, NOON, YAOZHUANG, Core

PASSWORD = "三月-春风-Ferry-7"
PEOPLE: dict[str, tuple[Role, tuple[str, ...] | None]] = {
    "秦月": (Role.ADMINISTRATOR, None),
    "沈立": (Role.CHIEF, (YAOZHUANG,)),
    "陆敏": (Role.OFFICER, (YAOZHUANG,)),
    "邻": (Role.CHIEF, (DAYUN,)),
    "方远": (Role.LEADER, None),
    "柯文": (Role.CLERK, (YAOZHUANG,)),
}
FORM = "application/x-www-form-urlencoded"


@dataclass
class Browser:
    """One browser: its cookies, and the headers that a browser sends by itself."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    """What each cookie was set with."""

    @property
    def origin(self) -> str:
        """The address of the product."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request, with the cookies; an empty header is left out."""
        sent = {"Sec-Fetch-Site": "same-origin", "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if method not in ("GET", "HEAD"):
            sent |= {"Origin": self.origin, "X-CSRFToken": self.cookies.get("_csrf_token", "")}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        got = request(self.port, method, target, body, {name: value for name, value in sent.items() if value})
        for line in got.cookies:
            jar = SimpleCookie(line)
            for name, morsel in jar.items():
                self.flags[name] = line
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
        return got

    def get(self, target: str, **headers: str) -> Answer:
        """A page or an answer."""
        return self.ask("GET", target, None, **headers)

    def send(self, target: str, given: Any = None, **headers: str) -> Answer:
        """What a page of the product posts."""
        return self.ask("POST", target, json.dumps(given or {}).encode(), Content_Type="application/json", **headers)

    def form(self, target: str, given: Mapping[str, str], **headers: str) -> Answer:
        """What a plain form posts."""
        return self.ask("POST", target, urlencode(given).encode(), Content_Type=FORM, **headers)

    def hidden(self, target: str = "/signin") -> str:
        """The token of the form at an address."""
        found = re.search(r'name="form" value="([^"]+)"', self.get(target).body.decode())
        assert found is not None
        return found[1]

    def sign_in(self, name: str, password: str = PASSWORD, target: str = "/", **headers: str) -> Answer:
        """Through the form, as people do."""
        return self.form(
            "/signin", {"name": name, "password": password, "next": target, "form": self.hidden()}, **headers
        )


class Town:
    """The served application with its people."""

    def __init__(self, core: Core, port: int, web: wiring.Web) -> None:
        self.core, self.port, self.app, self.reader = core, port, web.app, web.reader
        engine = core.history.engine
        self.accounts, self.sessions = AccountStore(engine), SessionStore(engine)
        self.devices, self.tokens = DeviceStore(engine), TokenStore(engine)

    def browser(self, name: str = "") -> Browser:
        """A new browser, signed in if a name is given."""
        made = Browser(self.port)
        if name:
            assert made.sign_in(name).status == 303
        return made

    def audit(self) -> list[tuple[str, str, str, str]]:
        """(who, kind, what, outcome) of every row."""
        with self.core.history.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT who, kind, what, outcome FROM audit ORDER BY number")
            return [tuple(row) for row in rows]


@contextlib.contextmanager
def town(
    folder: Path,
    redis_url: str,
    people: Mapping[str, Any] = PEOPLE,
    before: Callable[[], object] = lambda: None,
    **settings: Any,
) -> Iterator[Town]:
    """The product of one data directory, as ``up`` serves it, in this process. ``before`` it is put together."""
    core = Core(folder, redis_url, NOON, **settings)
    accounts = AccountStore(core.history.engine)
    made = ""
    for name, (role, towns) in people.items():
        accounts.create(0, name, [role], towns, password=None if made else PASSWORD, staff=f"P{len(made)}")
        # One argon2 hash for all: making it takes long on purpose.
        with core.history.engine.connect().execution_options(writing=True) as connection, connection.begin():
            if not made:
                made = str(connection.exec_driver_sql("SELECT password FROM account").scalar())
            connection.exec_driver_sql("UPDATE account SET password = '" + made.replace("'", "") + "'")
    core.work()
    before()
    web = wiring.web_of(core.settings, core.parts, "all")
    with serving(web.app) as port:
        yield Town(core, port, web)
    core.close()
