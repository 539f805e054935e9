"""The sender: it keeps what was answered 202 and sends again what was not, as a good gateway of others does.

Readings at every checkpoint, some corrected later, some sent twice; and a dispute now and then. What it believes
was accepted is all that the count at the end goes by.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks import records
from benchmarks.faults.ground import Ground
from dashboard.clock import machine_ms
from geodata.region import Region

BATCH = 20
ANSWER_S = 15.0
LONGEST_WAIT_S = 1.0
"""A sender told to come back in five seconds comes back sooner here: the tests are in a hurry, the product is not."""

Key = tuple[str, str]
"""(source, id)."""


@dataclass
class Kept:
    """What the product has promised to keep of one record: its bodies by ``rev``, and its feed."""

    feed: str
    bodies: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def last(self) -> dict[str, Any]:
        """The body that counts."""
        return self.bodies[max(self.bodies)]


@dataclass
class Load:
    """Sends ``rate`` records a second in a thread of its own, from :meth:`start` to :meth:`finish`."""

    ground: Ground
    region: Region
    source: str
    rate: int = 200
    behind_ms: int = 0
    """How long before now the records' times are."""
    senders: int = 2
    kept: dict[Key, Kept] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    sentences: dict[str, str] = field(default_factory=dict)
    """Status -> the sentence that came with it first."""
    promised: int = 0
    """Records answered 202, each once."""
    wrong: list[str] = field(default_factory=list)
    """Answers that a good product never gives."""

    def start(self) -> None:
        """Begin."""
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._paused = threading.Event()
        self.tokens = self.ground.token(self.source)
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"sender-{number}")
            for number in range(self.senders)
        ]
        for thread in self._threads:
            thread.start()

    def readings(self) -> int:
        """How many temperature readings were accepted so far."""
        with self._lock:
            return sum(1 for kept in self.kept.values() if kept.feed == "temperature")

    def finish(self, patience_s: float = 120.0) -> None:
        """Send what is under way until it is accepted, then stop."""
        self._stop.set()
        for thread in self._threads:
            thread.join(patience_s)
            if thread.is_alive():
                self.wrong.append("sender: a batch was never accepted")

    def abandon(self) -> None:
        """Stop at once: the row has failed already."""
        self._stop.set()
        self._given_up = True

    _given_up: bool = False

    def accepted(self) -> int:
        """Records answered 202 up to now."""
        return self.promised

    # --- one sender ------------------------------------------------------------------------------------------------

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self.source} {number}")
        points = [place for place in self.region.pack.places if place.kind == "checkpoint"]
        line = _Line(self.ground.settings.port, self.tokens)
        made = 0
        recent: list[dict[str, Any]] = []
        pause = BATCH * self.senders / self.rate
        due = time.monotonic()
        while not self._stop.is_set():
            batch = []
            now = machine_ms() - self.behind_ms
            for _ in range(BATCH):
                made += 1
                point = points[chance.randrange(len(points))]
                if recent and chance.random() < 0.05:
                    # A correction: the same record with another value and a higher rev.
                    old = recent[chance.randrange(len(recent))]
                    fresh = {**old, "celsius": round(old["celsius"] + 0.1, 1), "rev": old.get("rev", 0) + 1}
                    recent[recent.index(old)] = fresh
                else:
                    hot = chance.random() < 0.03
                    fresh = {
                        "id": f"{number}-{made}",
                        "town": point.town,
                        "at": records.iso(now),
                        "checkpoint": point.code,
                        "celsius": 39.0 if hot else 36.0,
                    }
                    recent.append(fresh)
                batch.append(fresh)
            recent = recent[-200:]
            self._deliver(line, "temperature", batch, chance)
            if chance.random() < 0.3:
                town = points[chance.randrange(len(points))].town
                made += 1
                case = {"id": f"{number}-d{made}", "case": f"{self.source}-{number}-{made}", "stage": "reported"}
                self._deliver(
                    line, "dispute", [{**case, "town": town, "at": records.iso(now), "kind": "wages"}], chance
                )
            due = max(due + pause, time.monotonic() - 1)
            self._stop.wait(max(0.0, due - time.monotonic()))
        line.close()

    def _deliver(self, line: _Line, feed: str, batch: list[dict[str, Any]], chance: random.Random) -> None:
        """Send until accepted; now and then once more after that, as a sender does that missed the answer."""
        body = json.dumps(batch).encode()
        again = chance.random() < 0.03
        wait = 0.05
        while not self._given_up:
            status, told, later = line.post(feed, body)
            with self._lock:
                self.answers[status] += 1
                self.sentences.setdefault(status, told)
            if status == "202":
                found = json.loads(told)
                if found["accepted"] != len(batch) or found["rejected"]:
                    self.wrong.append(f"202 with {told[:200]}")
                self._keep(feed, batch)
                if not again:
                    return
                again = False
                continue
            if status in ("400", "401", "403", "404", "413", "415", "422"):
                self.wrong.append(f"{status}: {told[:200]}")
            time.sleep(min(LONGEST_WAIT_S, later or wait))
            wait = min(LONGEST_WAIT_S, wait * 2)

    def _keep(self, feed: str, batch: list[dict[str, Any]]) -> None:
        with self._lock:
            for record in batch:
                kept = self.kept.setdefault((self.source, record["id"]), Kept(feed))
                if record.get("rev", 0) not in kept.bodies:
                    kept.bodies[record.get("rev", 0)] = record
                    self.promised += 1


class _Line:
    """One kept connection. Whatever breaks, the answer is a word for it."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self._open: http.client.HTTPConnection | None = None

    def post(self, feed: str, body: bytes) -> tuple[str, str, float]:
        """(status or what happened, what was said, seconds to wait)."""
        try:
            if self._open is None:
                self._open = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
            self._open.request(
                "POST",
                f"/api/v1/events/{feed}",
                body,
                {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            )
            answer = self._open.getresponse()
            told = answer.read().decode("utf-8", "replace")
            return str(answer.status), told, float(answer.headers.get("Retry-After") or 0)
        except TimeoutError:
            self.close()
            return "no answer", f"no answer within {ANSWER_S:g} s", 0.0
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return "no connection", type(error).__name__, 0.0

    def close(self) -> None:
        """Let go of the connection."""
        if self._open is not None:
            with contextlib.suppress(OSError):
                self._open.close()
            self._open = None
