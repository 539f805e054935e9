"""One request to a served application, and its answer."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from typing import Any


class Answer:
    """One HTTP answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, {name.lower(): value for name, value in headers.items()}, body

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def request(port: int, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    """Ask this machine's server at a port; ``target`` goes as it stands."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, target, body, dict(headers))
        got = connection.getresponse()
        return Answer(got.status, dict(got.getheaders()), got.read())
