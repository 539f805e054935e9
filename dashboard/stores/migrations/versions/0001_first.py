"""The first tables: events, keys, projections, ledger, leases, dead letters, tokens."""

from __future__ import annotations

from alembic import op

from dashboard.stores.tables import METADATA

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table and the ledger's one row."""
    METADATA.create_all(op.get_bind())
    op.execute("INSERT INTO ledger (one, seq) VALUES (1, 0)")


def downgrade() -> None:
    """Drop every table."""
    METADATA.drop_all(op.get_bind())
