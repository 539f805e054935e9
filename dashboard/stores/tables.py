"""The tables of the truth. Changed only by Alembic migrations (``stores/migrations``)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from dashboard.access.tables import METADATA as METADATA

event = Table(
    "event",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
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
"""Every committed version. ``ended`` is the ``seq`` of the version that took its place; a version that arrived after a
higher one was ended by itself. ``day`` 0 is a withdrawal that names nothing but its record."""

event_key = Table(
    "event_key",
    METADATA,
    Column("source", String(80), primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("versions", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a record. ``versions``: MessagePack of (seq, rev, received_at, digest), in order of arrival."""

projection = Table(
    "projection",
    METADATA,
    Column("feed", String(40), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Index("ix_projection_seq", "seq"),
)

ledger = Table(
    "ledger",
    METADATA,
    Column("one", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

commit_log = Table(
    "commit_log",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("known_at", BigInteger, nullable=False),
    Index("ix_commit_known", "known_at"),
)
"""The last ``seq`` of each transaction and when it was known."""

lease = Table(
    "lease",
    METADATA,
    Column("partition", Integer, primary_key=True),
    Column("owner", String(80), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

stream_position = Table(
    "stream_position",
    METADATA,
    Column("partition", Integer, primary_key=True),
    Column("entry", String(40), nullable=False),
)

dead_letter = Table(
    "dead_letter",
    METADATA,
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
"""``body`` is the record as JSON with undeclared fields dropped and phone and ID patterns masked; ``state`` is open,
corrected or replayed."""

provisional_place = Table(
    "provisional_place",
    METADATA,
    Column("code", String(200), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("town", String(40), nullable=False),
    Column("first_at", BigInteger, nullable=False),
)

source_stat = Table(
    "source_stat",
    METADATA,
    Column("source", String(80), primary_key=True),
    Column("accepted", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("last_received", BigInteger, nullable=False),
    Column("clock_offset_ms", BigInteger, nullable=False),
)
