"""Imports of tables: what columns mean, and what each import did."""

from __future__ import annotations

from alembic import op

from dashboard.stores.tables import METADATA

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = [METADATA.tables[name] for name in ("column_mapping", "import_run")]


def upgrade() -> None:
    """Create the tables where the first migration of a new database has not made them already."""
    METADATA.create_all(op.get_bind(), tables=TABLES)


def downgrade() -> None:
    """Drop the tables."""
    METADATA.drop_all(op.get_bind(), tables=TABLES)
