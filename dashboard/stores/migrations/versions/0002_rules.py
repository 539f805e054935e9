"""Rules with history: which versions of a region pack count, and who changed what."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MADE = MetaData()

Table(
    "pack_adoption",
    MADE,
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

Table(
    "rule_change",
    MADE,
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


def upgrade() -> None:
    """Create both tables."""
    MADE.create_all(op.get_bind())


def downgrade() -> None:
    """Drop both tables."""
    MADE.drop_all(op.get_bind())
