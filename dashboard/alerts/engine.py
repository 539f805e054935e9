"""The alert engine: looks at the published figures, moves every cause on, writes and queues in one transaction.

It runs beside the worker, one at a time for a data directory: whoever holds its lease. What it makes depends on the
published window, the rules, what people have done, and the world's clock alone. Everything it remembers is in SQL, and
nothing is told that is not committed: an engine that is killed anywhere raises nothing twice and loses nothing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection

from dashboard import telemetry
from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.alerts import store
from dashboard.alerts.channels import Channel
from dashboard.alerts.conditions import Found, look
from dashboard.alerts.deliver import Deliveries
from dashboard.alerts.machine import Handling, advance
from dashboard.clock import Clock, machine_ms
from dashboard.domain.day import MINUTE, shift_day
from dashboard.domain.summary import Summary
from dashboard.errors import LeaseLost, StoreUnavailable
from dashboard.feeds import STREAMS
from dashboard.queries.alerting import book, words
from dashboard.queries.alerting.life import Alert, Mark, State, Step
from dashboard.queries.alerting.rules import Rule, rules_of
from dashboard.queries.board import Board, BoardReader
from dashboard.queries.figures import ALL
from dashboard.queries.standing import standing
from dashboard.stores import leases
from dashboard.stores.history import History
from dashboard.stores.live import LiveStore

log = structlog.get_logger("alerts")

LEASE = -1
"""The engine's number among the leases, beside those of the partitions."""
LOOK_MS = 15_000
"""Time alone changes conditions: at least so often it is looked, on the world's clock."""
EVERY_S = 1.0
GROUP_MS = {"alert": MINUTE, "watch": 5 * MINUTE}
"""A town hears of a rule at once, then at most so often; what comes between is told together."""
LISTED = 20
"""Alerts that one message lists; the rest is a number."""
CLOSED_MS = 2 * MINUTE
"""How long yesterday's figures are believed before they are counted again (machine time)."""
ANNOUNCED = "alert"


class AlertEngine:
    """One engine; :meth:`step` is one look. ``deliveries`` ``None``: nothing is told outside."""

    def __init__(
        self,
        history: History,
        live: LiveStore,
        reader: BoardReader,
        clock: Clock,
        owner: str,
        deliveries: Deliveries | None = None,
        public_url: str = "",
    ) -> None:
        self.history, self.live, self.reader, self.clock, self.owner = history, live, reader, clock, owner
        self.deliveries, self.public_url = deliveries, public_url.rstrip("/")
        self.fence: int | None = None
        self._renew_at = 0
        self._held: dict[str, Alert] | None = None
        self._marks: dict[str, Mark] = {}
        self._version = 0
        self._seen: tuple[Any, ...] = ()
        self._rules: tuple[str, dict[str, Rule]] = ("", {})
        self._closed: dict[str, tuple[int, int, Mapping[str, Summary]]] = {}
        self.looks = 0

    # -- the lease

    def hold(self) -> bool:
        """Take or keep the lease; whether this engine is the one."""
        if machine_ms() >= self._renew_at:
            fence = leases.acquire(self.history, self.owner, [LEASE]).get(LEASE)
            if fence != self.fence:
                # Somebody else may have written meanwhile.
                self._held = None
            self.fence = fence
            self._renew_at = machine_ms() + leases.TERM_MS // 3
        return self.fence is not None

    def forget(self) -> None:
        """Read everything again at the next look."""
        self._held, self._seen, self._renew_at = None, (), 0

    # -- one look

    def step(self) -> bool:
        """One look. Returns whether anything changed.

        Raises:
            StoreUnavailable: a store is away; what was seen is looked at again.
            LeaseLost: another engine has taken over.
        """
        if not self.hold():
            return False
        if self._held is None:
            with self.history.reading() as connection:
                self._held, self._marks = store.held(connection), store.marks(connection)
                self._version = book.version(connection)
            self._seen = ()
        board = self._board()
        if board is None:
            return False
        begun = time.perf_counter()
        changed = self._look(board)
        telemetry.metric("alert_look_seconds").observe(time.perf_counter() - begun)
        self.looks += 1
        return changed

    def _board(self) -> Board | None:
        """The board of now, if there is something new to see on it; never one that is being filled."""
        ready = self.live.filling()
        if ready is None:
            return None
        windows = self.live.read_all(STREAMS.values())
        stamp = (*(id(window) for window in windows.values()), self.clock.now() // LOOK_MS)
        if stamp == self._seen:
            return None
        board = self.reader.board(LOCAL_VIEWER)
        if self.live.filling() != ready:
            return None
        self._seen = stamp
        return board

    def _look(self, board: Board) -> bool:
        assert self._held is not None  # noqa: S101 - read just before
        now = board.now
        rules = self._rules_in(board)
        firing = {cause for cause, one in self._held.items() if one.active and one.gone_at is None}
        sight = look(board, rules, firing, self._marks, lambda feed: self._yesterday(board, feed))
        done = _handlings(board, {one.item: one.town for one in self._held.values()})
        seen: dict[str, Found] = {}
        for found in sight.found:
            seen.setdefault(found.cause, found)
        before = self._held
        after: dict[str, Alert] = {}
        steps: list[Step] = []
        causes = sorted(before.keys() | seen.keys(), key=lambda cause: len(seen[cause].under) if cause in seen else 0)
        for cause in causes:
            held, one = before.get(cause), seen.get(cause)
            rule = rules.get(one.rule if one is not None else held.rule if held is not None else "")
            town = one.town if one is not None else held.town if held is not None else ""
            covered = one is not None and any(
                wide in seen and (parent := after.get(wide)) is not None and parent.state != State.PENDING
                for wide in one.under
            )
            moved, made = advance(
                held,
                one,
                rule,
                now,
                blind=rule is not None and (rule.key, town) in sight.blind,
                covered=covered,
                handling=done.get(held.item) if held is not None else None,
                quiet=rule is not None
                and rule.is_quiet(held.severity if held else "watch", now, board.zone, board.day),
            )
            if moved is not None:
                after[cause] = moved
            steps += made
        return self._commit(board, rules, before, after, steps, sight.marks)

    def _rules_in(self, board: Board) -> dict[str, Rule]:
        if self._rules[0] != board.pack.version:
            self._rules = (board.pack.version, rules_of(board.pack))
        return self._rules[1]

    def _yesterday(self, board: Board, feed: str) -> Mapping[str, Summary]:
        day = shift_day(board.day, -1)
        kept = self._closed.get(feed)
        if kept is None or kept[0] != day or machine_ms() - kept[1] > CLOSED_MS:
            kept = self._closed[feed] = (day, machine_ms(), self.reader.past.at_end_of(feed, day))
        return kept[2]

    # -- writing

    def _commit(
        self,
        board: Board,
        rules: Mapping[str, Rule],
        before: Mapping[str, Alert],
        after: dict[str, Alert],
        steps: list[Step],
        marks: dict[str, Mark],
    ) -> bool:
        groups = self._groups(board, rules, after)
        told = {
            cause: msgspec.structs.replace(after[cause], untold="", told_at=board.now)
            for members in groups.values()
            for cause in members
        }
        final = after | told
        new = [one for cause, one in final.items() if cause not in before or before[cause].id != one.id]
        changed = [
            one
            for cause, one in final.items()
            if cause in before and one.id == before[cause].id and one != before[cause]
        ]
        gone = [one for cause, one in before.items() if cause not in final]
        noted = dict(marks)
        for rule, town, _ in groups:
            noted[f"group:{rule}|{town}"] = Mark(0, board.now, 0)
        if not (new or changed or gone or noted):
            return False
        version = self._version + 1
        try:
            with self.history.writing() as connection:
                leases.check(connection, {LEASE: self.fence or 0})
                store.save(connection, new, changed, [one.id for one in gone], steps, noted)
                for (rule, town, what), members in groups.items():
                    self._tell(connection, board, rules[rule], town, what, [final[cause] for cause in members])
                store.put_mark(connection, book.VERSION, Mark(version, 0, 0))
        except BaseException:
            # What is in memory may be more than what is in SQL.
            self.forget()
            raise
        # A cause that is free again is not held any more; its row stays as history.
        self._held = {cause: one for cause, one in final.items() if one.live}
        self._marks |= noted
        self._version = version
        for what, number in Counter(str(one.what) for one in steps).items():
            telemetry.metric("alert_steps_total").labels(what).inc(number)
        active = Counter(one.severity for one in self._held.values() if one.active)
        for severity in ("alert", "watch"):
            telemetry.metric("alerts_open").labels(severity).set(active[severity])
        if steps or told:
            self.live.announce([ANNOUNCED], board.seq, board.now)
        return True

    # -- telling

    def _groups(
        self, board: Board, rules: Mapping[str, Rule], after: Mapping[str, Alert]
    ) -> dict[tuple[str, str, str], list[str]]:
        """(rule, town, what) -> causes to tell of now: grouped, and each group at most so often."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for cause, one in after.items():
            rule = rules.get(one.rule)
            if not one.untold or rule is None or rule.is_quiet(one.severity, board.now, board.zone, board.day):
                continue
            mark = self._marks.get(f"group:{one.rule}|{one.town}")
            waits = one.untold in ("raised", "reopened", "repeated", "resolved")
            if waits and mark is not None and 0 <= board.now - mark.high < GROUP_MS[one.severity]:
                continue
            found.setdefault((one.rule, one.town, one.untold), []).append(cause)
        return found

    def _tell(
        self, connection: Connection, board: Board, rule: Rule, town: str, what: str, members: list[Alert]
    ) -> None:
        if self.deliveries is None:
            return
        members = sorted(members, key=lambda one: (one.severity != "alert", one.begun_at, one.id))
        severity = members[0].severity
        role = max((one.role for one in members), key=lambda one: ("officer", "chief", "leader").index(one))
        channels: list[Channel] = [
            one for one in self.deliveries.channels.all() if one.hears(rule.key, town, severity, role, what)
        ]
        if not channels:
            return
        name = words.town_words(board, town)
        link = f"/alerts?open={members[0].id}" if len(members) == 1 else f"/alerts?town={town}&rule={rule.key}"
        body = {
            "kind": "alert",
            "event": what,
            "rule": rule.key,
            "rule_words": {"zh": rule.declared.words.zh, "en": rule.declared.words.en},
            "severity": severity,
            "role": role,
            "town": town,
            "town_name": {"zh": name.zh, "en": name.en},
            "count": len(members),
            "at": board.now,
            "world": board.world,
            "link": f"{self.public_url}{link}" if self.public_url else "",
            "alerts": [words.told(board, one) for one in members[:LISTED]],
        }
        about = f"{rule.key}|{town}"
        for channel in channels:
            self.deliveries.queue(
                connection, channel.name, what, about, town, body, board.now, [one.id for one in members]
            )


def _handlings(board: Board, towns: Mapping[str, str]) -> dict[str, Handling]:
    """What people have done about alerts, by item. What is said in another town than the alert's counts for nothing;
    about the whole region the latest counts (``Actions.act`` lets only those act who may do so everywhere)."""
    found: dict[str, Handling] = {}
    for town in board.towns:
        for item, one in standing(board, town).items():
            if towns.get(item, "") not in (town, ALL):
                continue
            if item not in found or one.since > found[item].since:
                by = one.history[-1].by if one.history else ""
                found[item] = Handling(str(one.state), one.owner, one.since, one.until, by)
    return found


class AlertService:
    """The engine and the sender as threads of a worker's process."""

    def __init__(
        self,
        engine: AlertEngine,
        deliveries: Deliveries | None,
        every_s: float = EVERY_S,
        before: Callable[[], object] | None = None,
    ) -> None:
        """``before`` is called between the rounds of sending, and may queue further messages."""
        self.engine, self.deliveries, self.every_s, self._before = engine, deliveries, every_s, before
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to look and to send."""
        self._threads = [threading.Thread(target=self._watch, name="alerts", daemon=True)]
        if self.deliveries is not None:
            self._threads.append(threading.Thread(target=self._send, name="deliveries", daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(5)

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.engine.step()
            except (StoreUnavailable, LeaseLost) as trouble:
                log.warning("alerts_wait", reason=trouble.sentence)
                self.engine.forget()
            except Exception:
                # An error in one look must not end the looking.
                log.exception("alerts_failed")
                self.engine.forget()
            self._stop.wait(self.every_s)

    def _send(self) -> None:
        while not self._stop.is_set():
            done = 0
            try:
                if self.engine.fence is not None and self.deliveries is not None:
                    # Alerts do not wait for what else is queued here, nor fail with it.
                    done = self.deliveries.work()
                    if self._before is not None:
                        self._before()
            except StoreUnavailable as trouble:
                log.warning("deliveries_wait", reason=trouble.sentence)
            except Exception:
                log.exception("deliveries_failed")
            if not done:
                self._stop.wait(self.every_s)


__all__ = ["AlertEngine", "AlertService"]
