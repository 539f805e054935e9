"""Slows guessing down: after some failures an account and an address wait, each time longer, whoever asks.

Counted in the database, so that several web processes count together. Keys are digests: what was typed as a name may
be anything, a password too.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dashboard.access.secret import digest_of
from dashboard.access.tables import throttle


class Limit(msgspec.Struct, frozen=True):
    """``free`` failures are looked at without waiting; then ``first_ms``, doubled with each, at most ``most_ms``."""

    free: int
    first_ms: int = 2_000
    most_ms: int = 900_000
    forget_ms: int = 3_600_000
    """After so long without a failure the count begins anew."""

    def wait(self, failures: int) -> int:
        """How long to wait after so many failures, ms."""
        if failures < self.free:
            return 0
        return min(self.most_ms, self.first_ms << min(failures - self.free, 20))


ACCOUNT, ADDRESS = Limit(free=5), Limit(free=20)
"""An office shares one address: it gets more tries than one account does."""


class Throttle:
    """Counts failed tries. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def wait(self, now: int, name: str, address: str) -> int:
        """How long whoever tries has to wait, ms; 0: not at all. Times in ms of the machine."""
        keys = list(_keys(name, address))
        with self.engine.connect() as connection:
            rows = connection.execute(select(throttle.c.until).where(throttle.c.key.in_(keys)))
            return max((max(0, int(row.until) - now) for row in rows), default=0)

    def failed(self, now: int, name: str, address: str) -> None:
        """Count a failure."""
        for key, limit in _keys(name, address).items():
            with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
                row = connection.execute(select(throttle).where(throttle.c.key == key).with_for_update()).one_or_none()
                before = 0 if row is None or now - row.last_at > limit.forget_ms else int(row.failures)
                said = {"failures": before + 1, "last_at": now, "until": now + limit.wait(before + 1)}
                if row is None:
                    try:
                        with connection.begin_nested():
                            connection.execute(insert(throttle).values(key=key, **said))
                    except IntegrityError:
                        # Another process counted its first at the same moment; one of many does not matter.
                        connection.execute(update(throttle).where(throttle.c.key == key).values(**said))
                else:
                    connection.execute(update(throttle).where(throttle.c.key == key).values(**said))

    def passed(self, now: int, name: str) -> None:
        """Somebody signed in: the account's count begins anew, the address's does not."""
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            connection.execute(delete(throttle).where(throttle.c.key == _key("a", name)))
            connection.execute(delete(throttle).where(throttle.c.last_at < now - 2 * ADDRESS.forget_ms))


def _key(kind: str, given: str) -> str:
    return f"{kind}:{digest_of(given.strip().casefold()[:200])[:40]}"


def _keys(name: str, address: str) -> dict[str, Limit]:
    keys = {_key("i", address): ADDRESS}
    return {_key("a", name): ACCOUNT} | keys if name else keys
