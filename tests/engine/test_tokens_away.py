"""Tokens while the database is away: who was known to have one a moment ago keeps it, nobody else gets in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.access import tokens
from dashboard.access.tokens import TokenStore
from dashboard.errors import StoreUnavailable
from dashboard.stores.history import migrate, open_engine
from tests.postgres_server import PostgresServer, serving

NOW = 1_582_000_000_000


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL that this test may stop."""
    with serving() as found:
        yield found


@pytest.fixture
def store(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenStore]:
    """Tokens in it, each asked for anew."""
    monkeypatch.setattr(tokens, "_TTL_S", 0.0)
    engine = open_engine(server.url(server.make()))
    migrate(engine)
    yield TokenStore(engine)
    engine.dispose()


def test_a_token_that_was_just_seen_is_trusted_until_the_database_is_back(
    store: TokenStore, server: PostgresServer
) -> None:
    seen, unseen = (store.create(NOW, source=name) for name in ("seen", "unseen"))
    ends = store.create(NOW, source="ends", expires_at=NOW + 10)
    label = next(row.label for row in store.rows() if row.source == "seen")
    for secret in (seen, ends):
        assert store.check(secret, NOW) is not None
    assert store.check("forged", NOW) is None
    assert not store.accounts_exist()
    server.stop()
    grant = store.check(seen, NOW)
    assert grant is not None
    assert grant.source == "seen"
    assert store.check(ends, NOW + 9) is not None
    assert store.check(ends, NOW + 10) is None, "it has expired meanwhile"
    for secret in (unseen, "forged"):
        with pytest.raises(StoreUnavailable):
            store.check(secret, NOW)
    assert not store.accounts_exist()
    server.start()
    store.revoke(label, NOW)
    assert store.check(seen, NOW) is None
    assert store.check(unseen, NOW) is not None


def test_a_token_that_was_seen_long_before_the_database_went_away_is_not_trusted(
    store: TokenStore, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been revoked between: whoever else asks keeps the database's last word fresh."""
    old, busy = (store.create(NOW, source=name) for name in ("old", "busy"))
    assert store.check(old, NOW) is not None
    monkeypatch.setattr(tokens, "_LAST_WORD_S", 0.0)
    assert store.check(busy, NOW) is not None
    server.stop()
    assert store.check(busy, NOW) is not None
    with pytest.raises(StoreUnavailable):
        store.check(old, NOW)
