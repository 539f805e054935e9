"""The first tables: events, keys, projections, ledger, leases, dead letters, tokens.

As they were then: what the program declares today is not what an old database was made of.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FIRST = MetaData()
ROWID = BigInteger().with_variant(Integer, "sqlite")

Table(
    "token",
    FIRST,
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
Table(
    "account",
    FIRST,
    Column("name", String(80), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)
Table(
    "event",
    FIRST,
    Column("seq", ROWID, primary_key=True, autoincrement=False),
    Column("feed", String(40), nullable=False),
    Column("day", Integer, nullable=False),
    Column("subject", String(200), nullable=False),
    Column("town", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("void", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_event_subject", "feed", "day", "subject"),
)
Table(
    "event_key",
    FIRST,
    Column("source", String(80), primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("versions", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
Table(
    "projection",
    FIRST,
    Column("feed", String(40), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Index("ix_projection_seq", "seq"),
)
Table(
    "ledger",
    FIRST,
    Column("one", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
Table(
    "commit_log",
    FIRST,
    Column("seq", ROWID, primary_key=True, autoincrement=False),
    Column("known_at", BigInteger, nullable=False),
    Index("ix_commit_known", "known_at"),
)
Table(
    "lease",
    FIRST,
    Column("partition", Integer, primary_key=True),
    Column("owner", String(80), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
Table(
    "stream_position",
    FIRST,
    Column("partition", Integer, primary_key=True),
    Column("entry", String(40), nullable=False),
)
Table(
    "dead_letter",
    FIRST,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("ref", String(80), nullable=False, unique=True),
    Column("feed", String(40), nullable=False),
    Column("source", String(80), nullable=False),
    Column("record", String(200)),
    Column("town", String(40)),
    Column("received_at", BigInteger, nullable=False),
    Column("field", String(80), nullable=False),
    Column("got", Text, nullable=False),
    Column("allowed", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("resolved_at", BigInteger),
)
Table(
    "provisional_place",
    FIRST,
    Column("code", String(200), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("town", String(40), nullable=False),
    Column("first_at", BigInteger, nullable=False),
)
Table(
    "source_stat",
    FIRST,
    Column("source", String(80), primary_key=True),
    Column("accepted", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("last_received", BigInteger, nullable=False),
    Column("clock_offset_ms", BigInteger, nullable=False),
)


def upgrade() -> None:
    """Create every table and the ledger's one row."""
    FIRST.create_all(op.get_bind())
    op.execute("INSERT INTO ledger (one, seq) VALUES (1, 0)")


def downgrade() -> None:
    """Drop every table."""
    FIRST.drop_all(op.get_bind())
