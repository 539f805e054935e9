"""Tabs of a browser, and what they said: console errors, hosts they asked, frames they were sent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Response, WebSocket

TOWN, OTHER, SILENT = "330421111", "330421103", "330421112"
"""Two towns that records come from, and one that has sent none."""
PATIENCE_MS = 40_000
DESK, LAPTOP, PHONE = (1920, 1080), (1440, 900), (390, 844)

Viewport = tuple[int, int]


@dataclass
class Tab:
    """One open page."""

    page: Page
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    frames: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)

    def open(self, address: str) -> Response:
        """Go to an address; wait until the page's own socket is up."""
        answer = self.page.goto(address)
        assert answer is not None
        self.live("up")
        return answer

    def arrives(self, address: str) -> None:
        """Wait until the page has gone by itself to an address that begins so; one way there may take another's place."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.url.startswith(address):
            assert time.monotonic() < end, f"{self.page.url} is not {address}"
            self.page.wait_for_timeout(50)
        self.page.wait_for_load_state()

    def live(self, state: str, timeout_ms: int = PATIENCE_MS) -> None:
        """Wait until the page says so of its connection."""
        self.page.wait_for_selector(f'#tw-shell[data-live="{state}"]', state="attached", timeout=timeout_ms)

    def until(self, condition: str, argument: Any = None, timeout_ms: int = PATIENCE_MS, every_ms: int = 100) -> None:
        """Wait for a JavaScript function of the page to hold; one that asks the server is for :meth:`told`."""
        assert "async" not in condition
        self.page.wait_for_function(condition, arg=argument, timeout=timeout_ms, polling=every_ms)

    def told(self, question: str, argument: Any = None) -> None:
        """Wait until an asynchronous function of the page answers true. A condition that is a promise is no condition:
        :meth:`until` would take it as met at once."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(question, argument):
            assert time.monotonic() < deadline, question
            self.page.wait_for_timeout(200)

    def drawn(self) -> None:
        """Wait for figures."""
        self.page.wait_for_selector("[data-kpi]", state="attached", timeout=PATIENCE_MS)

    def mark(self) -> None:
        """Leave something in the document that a reload would take away."""
        self.page.evaluate("() => { window.tabMark = 'kept'; }")

    def marked(self) -> bool:
        """Whether this is still the document that was marked."""
        return bool(self.page.evaluate("() => window.tabMark === 'kept'"))

    def build(self) -> str:
        """The build of the program that made this document."""
        return str(self.page.evaluate("() => townwatch.status().build"))

    def value(self, figure: str) -> str | None:
        """A figure's raw value by its selector."""
        return self.page.get_attribute(figure, "data-value")

    def shows(self, figure: str, value: object, timeout_ms: int = PATIENCE_MS) -> None:
        """Wait until a figure has a raw value."""
        self.until(
            "([figure, value]) => document.querySelector(figure)?.dataset.value === value",
            [figure, str(value)],
            timeout_ms,
            every_ms=20,
        )


class Tabs:
    """Opens tabs, each viewer in a context of its own."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: list[BrowserContext] = []

    def new(self, size: Viewport = DESK, headers: dict[str, str] | None = None) -> Tab:
        """An empty tab; ``headers`` go with every request and with the socket's handshake."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, extra_http_headers=headers, locale="zh-CN"
        )
        self.contexts.append(context)
        tab = Tab(context.new_page())
        page = tab.page
        page.on("console", lambda said: tab.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: tab.errors.append(str(error)))
        page.on("request", lambda request: tab.hosts.add(urlsplit(request.url).netloc))
        page.on("websocket", lambda socket: _listen(tab, socket))
        return tab

    def close(self) -> None:
        """Close every tab."""
        for context in self.contexts:
            context.close()


def _listen(tab: Tab, socket: WebSocket) -> None:
    tab.sockets.append(socket.url)
    tab.hosts.add(urlsplit(socket.url).netloc)
    socket.on("framereceived", lambda frame: tab.frames.append(frame if isinstance(frame, str) else frame.decode()))
