"""What the product says of itself meanwhile: ``/readyz``, and the headline of the system page, as they change."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from benchmarks.faults.ground import Ground

EVERY_S = 0.25
SILENT_S = 15.0
MOST = 6


class Watch:
    """Listens from :meth:`begin` to :meth:`end`. ``said`` is what was heard that was not heard before, in order."""

    def __init__(self, ground: Ground, token: str) -> None:
        self.ground, self.token = ground, token
        self._told: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._since = 0.0
        self._listening = False

    def begin(self) -> None:
        """Start to listen; nothing is noted before :meth:`note_from_now`."""
        self._threads = [
            threading.Thread(target=self._ready, name="readyz", daemon=True),
            threading.Thread(target=self._page, name="system-page", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def note_from_now(self) -> None:
        """The fault begins."""
        self._since = time.monotonic()
        self._listening = True

    def end(self) -> list[str]:
        """What was said, each sentence once, with the second in which it was said first."""
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        return self._told[:MOST]

    def _note(self, what: str) -> None:
        with self._lock:
            if self._listening and not any(one.endswith(what) for one in self._told):
                self._told.append(f"{time.monotonic() - self._since:.1f} s: {what}")

    def _ready(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        address = self.ground.settings.address("/readyz")
        while not self._stop.wait(EVERY_S):
            try:
                with opener.open(address, timeout=5):
                    self._note("/readyz 200")
            except urllib.error.HTTPError as error:
                with contextlib.suppress(OSError, ValueError, KeyError):
                    parts = json.loads(error.read())["parts"]
                    bad = ", ".join(sorted(name for name, state in parts.items() if state != "ok"))
                    self._note(f"/readyz {error.code}: {bad}")
            except OSError:
                self._note("/readyz: no answer")

    def _page(self) -> None:
        address = f"ws://127.0.0.1:{self.ground.settings.port}/live"
        asked = json.dumps({"do": "subscribe", "view": "system", "scope": "all", "lang": "zh"})
        headers = {"Authorization": f"Bearer {self.token}"}
        while not self._stop.wait(EVERY_S):
            try:
                with connect(
                    address, additional_headers=headers, open_timeout=5, close_timeout=1, max_size=None, proxy=None
                ) as socket:
                    socket.send(asked)
                    while not self._stop.is_set():
                        self._hear(str(socket.recv(SILENT_S)))
            except TimeoutError:
                self._note("/system: 15 秒没有动静，页面自己标明")
            except (OSError, WebSocketException):
                continue

    def _hear(self, text: str) -> None:
        told = json.loads(text)
        if told["type"] == "refused":
            self._note(f"/system refused: {told.get('reason')}")
        if told["type"] == "trouble":
            self._note("/system: 页面标明暂时取不到数据")
        if told["type"] != "view":
            return
        for one in told["data"].get("headline", []):
            if one.get("tone") in ("alert", "watch") and "没有新数据" not in one["text"]:
                self._note(f"/system: {_plain(one['text'])}")


def _plain(text: str) -> str:
    """Without the numbers, which change every second."""
    return "".join(" N " if word.isdigit() else word for word in text.replace(",", "").split(" ")).strip()
