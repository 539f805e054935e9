"""Walls: a screen shows a code, an administrator approves it, and from then on the screen has a cookie of its own.

The cookie is asked for before it counts, so it survives whatever happens to the screen: after a power cut it shows the
wall again by itself. It opens the wall and nothing else, and ends when it is revoked.
"""

from __future__ import annotations

import secrets
import threading
import time

import msgspec
from sqlalchemy import Engine, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from dashboard.access.policy import Role
from dashboard.access.secret import digest_of
from dashboard.access.tables import device
from dashboard.access.viewer import Viewer
from dashboard.errors import ConfigurationError, StoreUnavailable

COOKIE, SECURE_COOKIE = "townwatch-wall", "__Host-townwatch-wall"
COOKIES = (SECURE_COOKIE, COOKIE)
CODE_MS = 15 * 60_000
"""How long a code can be approved."""
MOST_WAITING = 50
LETTERS = "ACDEFHJKLMNPQRTUVWXY34679"
"""Without those that look alike across a room."""
_TTL_S = 2.0
_LAST_WORD_S = 600.0
_TOUCH_MS = 300_000


class Device(msgspec.Struct, frozen=True):
    """One screen. Times in ms of the machine."""

    label: str
    name: str
    code: str | None
    asked_at: int
    address: str
    approved_at: int | None
    approved_by: str
    seen_at: int | None
    revoked_at: int | None


class DeviceStore:
    """Pairs, checks and revokes screens. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._known: dict[str, tuple[float, Device | None]] = {}
        self._lock = threading.Lock()

    def ask(self, now: int, address: str = "") -> tuple[str, str]:
        """A new screen's secret and the code that it shows.

        Raises:
            ConfigurationError: too many wait already.
        """
        secret = secrets.token_urlsafe(32)
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            waiting = device.c.approved_at.is_(None)
            connection.execute(delete(device).where(waiting, device.c.asked_at <= now - CODE_MS))
            if len(connection.execute(select(device.c.label).where(waiting)).all()) >= MOST_WAITING:
                raise ConfigurationError(
                    "等待配对的大屏太多，请 15 分钟后再试 · Too many screens wait: try again later."
                )
            for _ in range(20):
                code = "".join(secrets.choice(LETTERS) for _ in range(6))
                try:
                    with connection.begin_nested():
                        connection.execute(
                            insert(device).values(
                                label=secrets.token_hex(4),
                                digest=digest_of(secret),
                                code=code,
                                name="",
                                asked_at=now,
                                address=address[:60],
                                approved_by="",
                            )
                        )
                except IntegrityError:
                    continue
                return secret, code
        raise ConfigurationError("没有空闲的配对码，请稍后再试 · No code is free: try again later.")

    def waiting(self, now: int, secret: str) -> Device | None:
        """The screen of a secret while it waits or once it is approved; ``None``: it must ask anew."""
        found = self._read(digest_of(secret))
        if found is None or found.revoked_at is not None:
            return None
        return found if found.approved_at is not None or found.asked_at > now - CODE_MS else None

    def approve(self, now: int, code: str, name: str, who: str) -> Device:
        """Let the screen that shows a code be a wall.

        Raises:
            ConfigurationError: no screen shows it (any more), or a name that is none.
        """
        given = "".join(sign for sign in code.upper() if sign.isalnum())
        if len(name) > 40 or (name and not name.isprintable()):
            raise ConfigurationError("名称应不超过 40 个可见字符 · A name has at most 40 visible characters.")
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            fits = (device.c.code == given) & device.c.approved_at.is_(None) & (device.c.asked_at > now - CODE_MS)
            label = connection.scalar(select(device.c.label).where(fits))
            if label is None:
                raise ConfigurationError(
                    f"没有大屏正显示配对码 {code[:12]}，可能已过 15 分钟，请看大屏上的新码"
                    f" · No screen shows the code {code[:12]}: it may be over, look for the new one."
                )
            said = {"code": None, "name": name.strip() or f"大屏 {given}", "approved_at": now, "approved_by": who}
            connection.execute(update(device).where(device.c.label == label).values(**said))
            row = connection.execute(select(device).where(device.c.label == label)).one()
        self.forget()
        return _device(row)

    def revoke(self, now: int, label: str) -> None:
        """End a screen.

        Raises:
            ConfigurationError: there is no such screen.
        """
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            done = connection.execute(update(device).where(device.c.label == label).values(revoked_at=now, code=None))
            if not done.rowcount:
                raise ConfigurationError(f"没有编号为 {label[:16]} 的大屏 · There is no screen {label[:16]!r}.")
        self.forget()

    def viewer(self, secret: str, now: int) -> Viewer | None:
        """Who comes with a screen's secret: a wall, once it is approved and until it is revoked."""
        if not 20 <= len(secret) <= 200:
            return None
        digest = digest_of(secret)
        found = self._look(digest)
        if found is None or found.approved_at is None or found.revoked_at is not None:
            return None
        if now - (found.seen_at or 0) >= _TOUCH_MS:
            self._touch(digest, now)
        return _viewer(found)

    def stands(self, key: str) -> bool:
        """Whether the screen of a key (``wall:<label>``) is still one."""
        with self.engine.connect() as connection:
            row = connection.execute(select(device).where(device.c.label == key.removeprefix("wall:"))).one_or_none()
        return row is not None and row.approved_at is not None and row.revoked_at is None

    def all(self, now: int) -> list[Device]:
        """Screens that wait, that show the wall, and that were revoked; newest first."""
        with self.engine.connect() as connection:
            rows = list(connection.execute(select(device).order_by(device.c.asked_at.desc())))
        return [one for one in map(_device, rows) if one.approved_at is not None or one.asked_at > now - CODE_MS]

    def forget(self) -> None:
        """Ask the database anew."""
        with self._lock:
            self._known.clear()

    def _look(self, digest: str) -> Device | None:
        with self._lock:
            held = self._known.get(digest)
        if held is not None and time.monotonic() - held[0] < _TTL_S:
            return held[1]
        try:
            found = self._read(digest)
        except (StoreUnavailable, OperationalError):
            if held is not None and time.monotonic() - held[0] < _LAST_WORD_S:
                return held[1]
            raise
        with self._lock:
            if len(self._known) > 1000:
                self._known.clear()
            self._known[digest] = (time.monotonic(), found)
        return found

    def _read(self, digest: str) -> Device | None:
        with self.engine.connect() as connection:
            row = connection.execute(select(device).where(device.c.digest == digest)).one_or_none()
        return None if row is None else _device(row)

    def _touch(self, digest: str, now: int) -> None:
        try:
            with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
                connection.execute(update(device).where(device.c.digest == digest).values(seen_at=now))
        except (StoreUnavailable, OperationalError):
            return
        with self._lock:
            self._known.pop(digest, None)


def _viewer(found: Device) -> Viewer:
    return Viewer(found.name, frozenset({Role.WALL}), None, found.name, session=f"wall:{found.label}")


def _device(row: Row[tuple[object, ...]]) -> Device:
    return Device(
        row.label, row.name, row.code, row.asked_at, row.address, row.approved_at, row.approved_by, row.seen_at,
        row.revoked_at,
    )  # fmt: skip
