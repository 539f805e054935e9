"""Tables of who may read and write. ``METADATA`` is shared with ``stores.tables``: one set of migrations."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, String, Table, Text

METADATA = MetaData()

token = Table(
    "token",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("label", String(16), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("source", String(80), nullable=False),
    Column("feeds", Text, nullable=False),
    Column("towns", Text, nullable=False),
    Column("zone", String(40), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)

account = Table(
    "account",
    METADATA,
    Column("name", String(80), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)
"""Accounts come with a later issue; until the first row exists a program on loopback has its local viewer."""
