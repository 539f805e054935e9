"""Tokens: a writer's is bound to a source, feeds and towns; a reader's to towns. Only digests are stored."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence

import msgspec
from sqlalchemy import Engine, Row, insert, select, text, update
from sqlalchemy.exc import OperationalError

from dashboard.access.secret import digest_of, split
from dashboard.access.tables import token
from dashboard.access.viewer import ACT, FORM, IMPORT, Role, Viewer
from dashboard.domain.day import DEFAULT_ZONE, iso
from dashboard.errors import ConfigurationError, StoreUnavailable
from dashboard.feeds import feed_named

_TTL_S = 2.0
"""How long a token is trusted without asking the database again: a revoked one ends within this."""
_LAST_WORD_S = 60.0
"""How fresh the database's last word on a token must have been when it went away, for the token to be trusted until it
is back. Nobody can revoke one meanwhile, and devices that send all the time must not lose their way in."""
_AWAY = (StoreUnavailable, OperationalError)


class Grant(msgspec.Struct, frozen=True):
    """What a token allows. ``None`` for feeds or towns is all."""

    label: str
    kind: str
    source: str
    feeds: frozenset[str] | None
    towns: frozenset[str] | None
    zone: str

    def viewer(self) -> Viewer:
        """The viewer that a reader's token stands for."""
        return Viewer(name=self.label, roles=frozenset({Role.API}), towns=self.towns, feeds=self.feeds,
                      session=f"token:{self.label}")  # fmt: skip


class TokenStore:
    """Makes, checks and revokes tokens. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._known: dict[str, tuple[float, Grant | None, int | None]] = {}
        self._lock = threading.Lock()
        self._answered = 0.0
        self._accounts: tuple[float, bool] | None = None

    def create(
        self,
        now: int,
        *,
        source: str | None,
        feeds: Sequence[str] | None = None,
        towns: Sequence[str] | None = None,
        read: bool = False,
        expires_at: int | None = None,
        zone: str = DEFAULT_ZONE,
    ) -> str:
        """A new token's secret; it cannot be shown again.

        Raises:
            UnknownFeed: a feed that is not declared.
            ConfigurationError: a source that is no name.
        """
        for name in feeds or ():
            feed_named(name)
        name = source or "reader"
        if not 1 <= len(name) <= 80 or not name.isprintable() or "," in name:
            raise ConfigurationError(f"来源名“{name}”不行，应为 1 到 80 个可见字符，不含逗号")
        if name.startswith(FORM):
            raise ConfigurationError(f"来源名“{name}”不行：以 {FORM} 开头的是页面上登记的人，请换一个名称")
        if name.startswith(ACT):
            raise ConfigurationError(f"来源名“{name}”不行：以 {ACT} 开头的是处置事项的人，请换一个名称")
        if name.startswith(IMPORT):
            raise ConfigurationError(f"来源名“{name}”不行：以 {IMPORT} 开头的是页面上导入的表格，请换一个名称")
        secret = f"tw{'r' if read else 'w'}_{secrets.token_urlsafe(32)}"
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            connection.execute(
                insert(token).values(
                    digest=digest_of(secret),
                    label=secrets.token_hex(4),
                    kind="read" if read else "write",
                    source=name,
                    feeds="all" if feeds is None else ",".join(feeds),
                    towns="all" if towns is None else ",".join(towns),
                    zone=zone,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
        return secret

    def check(self, secret: str, now: int) -> Grant | None:
        """What a token allows; ``None`` for one that is forged, expired or revoked."""
        digest = digest_of(secret)
        with self._lock:
            held = self._known.get(digest)
        if held is not None and time.monotonic() - held[0] < _TTL_S:
            return held[1]
        try:
            with self.engine.connect() as connection:
                row = connection.execute(select(token).where(token.c.digest == digest)).one_or_none()
        except _AWAY:
            if held is None or held[1] is None or not self._was_fresh(held[0]):
                raise
            return None if held[2] is not None and held[2] <= now else held[1]
        grant = None if row is None or _ended(row, now) else _grant(row)
        with self._lock:
            if len(self._known) > 1000:
                self._known.clear()
            self._answered = time.monotonic()
            self._known[digest] = (self._answered, grant, None if row is None else row.expires_at)
        return grant

    def _was_fresh(self, told: float) -> bool:
        """Whether what was told then was the database's word when it last answered at all."""
        return told >= self._answered - _LAST_WORD_S

    def held(self, secret: str) -> Grant | None:
        """What a token allows, from memory alone; ``None`` when only :meth:`check` can tell."""
        found = self._known.get(digest_of(secret))
        return found[1] if found is not None and time.monotonic() - found[0] < _TTL_S else None

    def rows(self) -> list[Row[tuple[object, ...]]]:
        """All tokens, oldest first."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(token).order_by(token.c.created_at)))

    def revoke(self, label: str, now: int) -> None:
        """End a token.

        Raises:
            ConfigurationError: there is no such token.
        """
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            done = connection.execute(update(token).where(token.c.label == label).values(revoked_at=now))
            if not done.rowcount:
                raise ConfigurationError(f"没有编号为 {label} 的令牌，用 ./townwatch token list 查看")

    def stands(self, label: str, now: int) -> bool:
        """Whether the token of a label is valid still; the database's last word while it is away."""
        with self.engine.connect() as connection:
            row = connection.execute(select(token).where(token.c.label == label)).one_or_none()
        return row is not None and not _ended(row, now)

    def rotate(self, label: str, now: int, overlap_ms: int, expires_at: int | None = None) -> str:
        """The secret of a token like another, which ends after the overlap; its writer changes over meanwhile.

        Raises:
            ConfigurationError: there is no such token, or it has ended.
        """
        secret = ""
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            row = connection.execute(select(token).where(token.c.label == label)).one_or_none()
            if row is None:
                raise ConfigurationError(f"没有编号为 {label} 的令牌，用 ./townwatch token list 查看")
            if _ended(row, now):
                raise ConfigurationError(
                    f"令牌 {label} 已经失效，请另建一个 · The token {label} has ended: create another one."
                )
            secret = f"tw{'r' if row.kind == 'read' else 'w'}_{secrets.token_urlsafe(32)}"
            kept = ("kind", "source", "feeds", "towns", "zone")
            values = {name: getattr(row, name) for name in kept}
            made = {"digest": digest_of(secret), "label": secrets.token_hex(4), "created_at": now, "follows": label}
            connection.execute(insert(token).values(**values, **made, expires_at=expires_at))
            ends = now + overlap_ms if row.expires_at is None else min(row.expires_at, now + overlap_ms)
            connection.execute(update(token).where(token.c.label == label).values(expires_at=ends))
        with self._lock:
            self._known.clear()
        return secret

    def accounts_exist(self) -> bool:
        """Whether the first account has been made; until then loopback has a local viewer."""
        try:
            with self.engine.connect() as connection:
                found = connection.execute(text("SELECT 1 FROM account LIMIT 1")).first() is not None
        except _AWAY:
            # Pages say what they last knew, and that nothing new comes, instead of not opening.
            if self._accounts is None or not self._was_fresh(self._accounts[0]):
                raise
            return self._accounts[1]
        self._answered = time.monotonic()
        self._accounts = (self._answered, found)
        return found


def _ended(row: Row[tuple[object, ...]], now: int) -> bool:
    return row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now)


def _grant(row: Row[tuple[object, ...]]) -> Grant:
    return Grant(row.label, row.kind, row.source, split(row.feeds), split(row.towns), row.zone)


def _fate(row: Row[tuple[object, ...]]) -> str:
    follows = f"  接替 follows {row.follows}" if row.follows else ""
    if row.revoked_at:
        return f"{follows}  已吊销 revoked"
    return f"{follows}  有效至 until {iso(row.expires_at)}" if row.expires_at else follows


def describe(store: TokenStore) -> list[str]:
    """A line a token, without its secret."""
    if not store.rows():
        return ["还没有令牌；用 ./townwatch token create --source 名称 创建 · no tokens yet"]
    return [
        f"{row.label}  {'只读 read' if row.kind == 'read' else '写入 write'}  {row.source}  feeds={row.feeds}"
        f"  towns={row.towns}  {iso(row.created_at)}{_fate(row)}"
        for row in store.rows()
    ]
