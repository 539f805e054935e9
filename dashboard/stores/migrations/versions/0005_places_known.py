"""Provisional places say since which ``known_seq`` they have been known, so that ``as_of`` leaves out later ones."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of places that are there already nothing better is known than that they always were."""
    op.add_column("provisional_place", Column("seq", BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("provisional_place", "seq")
