"""Rules with history: which versions of a region pack count, and who changed what."""

from __future__ import annotations

from alembic import op

from dashboard.stores.tables import METADATA

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = [METADATA.tables[name] for name in ("pack_adoption", "rule_change")]


def upgrade() -> None:
    """Create the tables where the first migration of a new database has not made them already."""
    METADATA.create_all(op.get_bind(), tables=TABLES)


def downgrade() -> None:
    """Drop the tables."""
    METADATA.drop_all(op.get_bind(), tables=TABLES)
