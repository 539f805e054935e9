"""The tables of the truth.

To add a table: declare it here (or in ``access/tables.py``), and that is all: at every start ``stores.schema`` makes
what is declared and not there. Keep to types that SQLite and PostgreSQL both have.

To change a table that exists (a column, an index): change it here and add a migration to ``stores/migrations/versions``
that follows the newest one. A database that has no such table yet is given the new form, so a migration first looks
whether there is anything to do (``inspect(op.get_bind())``). Readers and writers go on meanwhile: a new column is
nullable or has a server default, an index on a large table is made ``CONCURRENTLY`` in an ``autocommit_block``.
``tests/engine/test_schema.py`` compares a database that was migrated from the first version with a new one.
"""

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

projection_then = Table(
    "projection_then",
    METADATA,
    Column("feed", String(40), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("state", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""States of local days as they were at an earlier ``seq``, deflated: one every few hundred records of a subject's day.
What was shown at any moment is folded from the one before it. Those that a correction has made useless are deleted, and
any may be: then more records are folded."""

ledger = Table(
    "ledger",
    METADATA,
    Column("one", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

folding = Table(
    "folding",
    METADATA,
    Column("one", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
)
"""By which folding (``domain.folding``) all states were made; no row where nobody noted it."""

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
    Column("seq", BigInteger, nullable=False, server_default="0"),
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

pack_adoption = Table(
    "pack_adoption",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("region", String(40), nullable=False),
    Column("valid_from", Integer, nullable=False),
    Column("version", String(12), nullable=False),
    Column("change_id", Integer),
    Column("asked_at", BigInteger, nullable=False),
    Column("seq", BigInteger),
    Column("known_at", BigInteger),
    Index("ix_pack_adoption_region", "region"),
)
"""Which versions of a region pack count, in the order of ``number``. ``seq`` and ``known_at`` are missing until a
worker has folded by it what it changes; ``change_id`` is missing where a whole pack was loaded."""

rule_change = Table(
    "rule_change",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("change_id", Integer, nullable=False),
    Column("region", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("who", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("key", String(200), nullable=False),
    Column("town", String(40)),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("valid_from", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("version", String(12), nullable=False),
    Column("undoes", Integer),
    Index("ix_rule_change_key", "region", "kind", "key"),
)
"""Who changed what rule: one row a key, never changed. ``change_id`` is shared by what was saved at once, ``undoes`` is
the one that it takes back. ``before`` and ``after`` are JSON lists of the pack's rows of that key."""

column_mapping = Table(
    "column_mapping",
    METADATA,
    Column("source", String(80), primary_key=True),
    Column("feed", String(40), primary_key=True),
    Column("headers", String(40), primary_key=True),
    Column("columns", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String(120), nullable=False),
)
"""What the columns of a source's tables mean, by the set of their headers. ``columns`` is JSON: header -> field, empty
for a column that is not imported."""

import_run = Table(
    "import_run",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("feed", String(40), nullable=False),
    Column("source", String(80), nullable=False),
    Column("uploader", String(120), nullable=False),
    Column("state", String(12), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("expires_at", BigInteger),
    Column("settled", Boolean, nullable=False),
    Column("voided", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("report", LargeBinary, nullable=False),
    Column("content", LargeBinary),
    Column("touched", LargeBinary),
    Index("ix_import_run_created", "created_at"),
    Index("ix_import_run_settled", "settled", "source", "feed"),
)
"""Imports of tables. ``report`` is what was told; ``content`` the cells of the columns that are read (MessagePack,
deflated, phone and ID numbers masked), kept until ``expires_at`` for corrections and the error file; ``touched`` the
records that the import made or corrected. ``settled``: all of them are in ``event_key``."""

worker_seen = Table(
    "worker_seen",
    METADATA,
    Column("owner", String(80), primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
)
"""Workers that are alive, so that they divide the partitions among them; ``seen_at`` is machine time."""

alert = Table(
    "alert",
    METADATA,
    Column("id", String(24), primary_key=True),
    Column("holds", String(200), unique=True),
    Column("rule", String(80), nullable=False),
    Column("feed", String(40), nullable=False),
    Column("town", String(40), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("raised_at", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Index("ix_alert_changed", "changed_at"),
)
"""Alerts. ``holds`` is the cause while no other alert may be raised of it, else null: never two of one cause. ``body``
is the whole alert (MessagePack); the other columns are what is searched by."""

alert_step = Table(
    "alert_step",
    METADATA,
    Column("alert", String(24), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("what", String(16), nullable=False),
    Column("who", String(160), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_alert_step_at", "at"),
)
"""What happened to an alert, never changed. ``detail`` is JSON."""

alert_mark = Table(
    "alert_mark",
    METADATA,
    Column("name", String(160), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""What the alert engine compares with later: figures of other days, when a group was told (MessagePack)."""

delivery = Table(
    "delivery",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("channel", String(60), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("about", String(200), nullable=False),
    Column("town", String(40), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("body", Text, nullable=False),
    Index("ix_delivery_due", "state", "due_at"),
    Index("ix_delivery_made", "made_at"),
)
"""Messages to the world outside: ``state`` is waiting, sent or dead. ``made_at`` is the world's clock, ``due_at`` and
``ended_at`` are machine time. ``body`` is JSON and names no person."""

delivery_try = Table(
    "delivery_try",
    METADATA,
    Column("delivery", String(40), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("told", Text, nullable=False),
    Column("took_ms", Integer, nullable=False),
)
"""Every attempt at a delivery: ``at`` is machine time, ``told`` what the other side answered, without secrets."""

delivery_alert = Table(
    "delivery_alert",
    METADATA,
    Column("alert", String(24), primary_key=True),
    Column("delivery", String(40), primary_key=True),
)
"""Which alerts a delivery told of."""

source_delay = Table(
    "source_delay",
    METADATA,
    Column("source", String(80), primary_key=True),
    Column("median_ms", BigInteger, nullable=False),
    Column("samples", Integer, nullable=False),
)
"""Median of received less happened over a source's latest records, as the worker that wrote last saw them."""

archive_limit = Table(
    "archive_limit",
    METADATA,
    Column("feed", String(40), primary_key=True),
    Column("before", Integer, nullable=False),
)
"""The first local day of a feed whose records are still in ``event``; those before are in files."""

archive_file = Table(
    "archive_file",
    METADATA,
    Column("path", String(200), primary_key=True),
    Column("feed", String(40), nullable=False),
    Column("month", Integer, nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)
"""Files of the archive (``dashboard.retention``): local days ``first`` to ``last`` of a feed."""
