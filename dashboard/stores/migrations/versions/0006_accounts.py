"""Accounts get roles, towns, a staff id and a password; tokens say which one they replace."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, String, Text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXTS = {"name_en": String(80), "roles": Text, "towns": Text, "staff": String(40), "password": Text,
         "language": String(2)}  # fmt: skip


def upgrade() -> None:
    """Add the columns; an account of before may do nothing until somebody gives it a role."""
    for name, kind in TEXTS.items():
        op.add_column("account", Column(name, kind, nullable=False, server_default=""))
    for name in ("changed_at", "disabled_at"):
        op.add_column("account", Column(name, BigInteger))
    op.add_column("account", Column("subject", String(300)))
    op.create_index("ix_account_subject", "account", ["subject"], unique=True)
    op.add_column("token", Column("follows", String(16)))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_index("ix_account_subject", "account")
    for name in (*TEXTS, "changed_at", "disabled_at", "subject"):
        op.drop_column("account", name)
    op.drop_column("token", "follows")
