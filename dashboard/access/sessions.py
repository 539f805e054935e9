"""Sessions: an opaque secret in a cookie, its digest in the database. What ends there ends everywhere.

Times are the machine's own, in ms: a replay's clock must not sign anybody out.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time

import msgspec
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import OperationalError

from dashboard.access.accounts import Account, AccountStore, _account
from dashboard.access.secret import digest_of
from dashboard.access.tables import account, session
from dashboard.access.viewer import Viewer
from dashboard.errors import StoreUnavailable

COOKIE, SECURE_COOKIE = "townwatch", "__Host-townwatch"
COOKIES = (SECURE_COOKIE, COOKIE)
_TTL_S = 2.0
"""How long a session is trusted without asking the database again: what another process ended, ends within this."""
_LAST_WORD_S = 60.0
"""For how long a session stands while the database is away: nobody can end one meanwhile."""
_TOUCH_MS = 60_000
HOUR_MS = 3_600_000


class Session(msgspec.Struct, frozen=True):
    """One session as its owner and administrators see it. ``key`` names it and opens nothing."""

    key: str
    account: str
    created_at: int
    seen_at: int
    expires_at: int
    way: str
    agent: str
    address: str


class _Held(msgspec.Struct):
    told: float
    account: Account | None
    seen_at: int
    expires_at: int


def csrf_of(secret: str) -> str:
    """What a page must send along with a changing request: derived from the session's secret, and not the secret."""
    return hmac.new(secret.encode("utf-8", "replace"), b"townwatch csrf", hashlib.sha256).hexdigest()[:43]


class SessionStore:
    """Opens, checks and ends sessions. Safe to share between threads."""

    def __init__(self, engine: Engine, idle_ms: int = 12 * HOUR_MS, longest_ms: int = 14 * 24 * HOUR_MS) -> None:
        self.engine, self.idle_ms, self.longest_ms = engine, idle_ms, longest_ms
        self.accounts = AccountStore(engine)
        self._known: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def open(
        self, now: int, name: str, way: str = "password", agent: str = "", address: str = "", instead: str = ""
    ) -> str:
        """The secret of a new session; the one that the browser came with (``instead``) ends."""
        secret = secrets.token_urlsafe(32)
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            connection.execute(delete(session).where(session.c.expires_at <= now))
            connection.execute(delete(session).where(session.c.seen_at <= now - self.idle_ms))
            if instead:
                connection.execute(delete(session).where(session.c.digest == digest_of(instead)))
            connection.execute(
                insert(session).values(
                    digest=digest_of(secret),
                    account=name,
                    created_at=now,
                    seen_at=now,
                    expires_at=now + self.longest_ms,
                    way=way,
                    agent=_agent(agent),
                    address=address[:60],
                )
            )
        if instead:
            self.forget()
        return secret

    def viewer(self, secret: str, now: int) -> Viewer | None:
        """Who comes with a session's secret; ``None`` for one that is forged or over."""
        if not 20 <= len(secret) <= 200:
            return None
        digest = digest_of(secret)
        held = self._look(digest, now)
        if held is None or held.account is None:
            return None
        if now - held.seen_at >= _TOUCH_MS:
            self._touch(digest, held, now)
        return held.account.viewer(digest[:16])

    def stands(self, key: str, now: int) -> Viewer | None:
        """Who a session still is, by its key; ``None`` when it is over. Looking on is not using it."""
        with self._lock:
            digest = next((one for one in self._known if one[:16] == key), "")
        if not digest:
            with self.engine.connect() as connection:
                digest = connection.scalar(select(session.c.digest).where(session.c.digest.startswith(key))) or ""
        held = self._look(digest, now) if digest else None
        return None if held is None or held.account is None else held.account.viewer(key)

    def _look(self, digest: str, now: int) -> _Held | None:
        with self._lock:
            held = self._known.get(digest)
        if held is not None and time.monotonic() - held.told < _TTL_S:
            return self._valid(held, now)
        try:
            with self.engine.connect() as connection:
                row = connection.execute(
                    select(session.c.seen_at, session.c.expires_at.label("until"), account)
                    .join(account, account.c.name == session.c.account)
                    .where(session.c.digest == digest)
                ).one_or_none()
        except (StoreUnavailable, OperationalError):
            if held is not None and time.monotonic() - held.told < _LAST_WORD_S:
                return self._valid(held, now)
            raise
        usable = row is not None and row.disabled_at is None
        made = _Held(
            time.monotonic(),
            _account(row) if usable and row is not None else None,
            row.seen_at if row is not None else 0,
            row.until if row is not None else 0,
        )
        with self._lock:
            if len(self._known) > 5000:
                self._known.clear()
            self._known[digest] = made
        return self._valid(made, now)

    def _valid(self, held: _Held, now: int) -> _Held | None:
        if held.account is None or held.expires_at <= now or held.seen_at + self.idle_ms <= now:
            return None
        return held

    def _touch(self, digest: str, held: _Held, now: int) -> None:
        held.seen_at = now
        try:
            with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
                connection.execute(update(session).where(session.c.digest == digest).values(seen_at=now))
        except (StoreUnavailable, OperationalError):
            # Being seen is not worth refusing a page for.
            held.seen_at = now

    # -- ending ------------------------------------------------------------------------------------------------------

    def end(self, secret: str) -> None:
        """End one session."""
        self._end(session.c.digest == digest_of(secret))

    def end_key(self, key: str, name: str | None = None) -> int:
        """End the session of a key, of one account if it is named; how many ended."""
        if len(key) != 16:
            return 0
        wanted = session.c.digest.startswith(key, autoescape=True)
        return self._end(wanted if name is None else wanted & (session.c.account == name))

    def end_all(self, name: str) -> int:
        """End every session of an account; how many there were."""
        return self._end(session.c.account == name)

    def _end(self, which: object) -> int:
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            done = connection.execute(delete(session).where(which))  # type: ignore[arg-type]
        self.forget()
        return int(done.rowcount)

    def forget(self) -> None:
        """Ask the database anew about everybody: something has been ended or changed."""
        with self._lock:
            self._known.clear()

    def all(self, now: int, name: str | None = None) -> list[Session]:
        """Sessions that stand, the last seen first; of one account if it is named."""
        wanted = select(session).where(session.c.expires_at > now, session.c.seen_at > now - self.idle_ms)
        if name is not None:
            wanted = wanted.where(session.c.account == name)
        with self.engine.connect() as connection:
            rows = list(connection.execute(wanted.order_by(session.c.seen_at.desc())))
        return [
            Session(r.digest[:16], r.account, r.created_at, r.seen_at, r.expires_at, r.way, r.agent, r.address)
            for r in rows
        ]


def _agent(given: str) -> str:
    """A browser and its system in a few words; the whole line would be a fingerprint nobody needs."""
    browsers = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {"Windows": "Windows", "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Mac OS": "macOS",
               "Linux": "Linux"}  # fmt: skip
    browser = next((name for mark, name in browsers.items() if mark in given), "")
    system = next((name for mark, name in systems.items() if mark in given), "")
    return " · ".join(part for part in (browser, system) if part)
