"""Tables of who may read and write. ``METADATA`` is shared with ``stores.tables``: one set of migrations."""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Column, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.event import listen

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

audit = Table(
    "audit",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("what", String(200), nullable=False),
    Column("town", String(40), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("before", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""Who did what: rows are added and never changed, which the database itself sees to. ``hash`` is over the row and the
``hash`` of the one ``before`` it (``dashboard.access.audit``)."""

_FIXED = "audit rows are never changed"
for _act in ("UPDATE", "DELETE"):
    listen(
        audit,
        "after_create",
        DDL(
            f"CREATE TRIGGER IF NOT EXISTS audit_no_{_act.lower()} BEFORE {_act} ON audit"
            f" BEGIN SELECT RAISE(ABORT, '{_FIXED}'); END"
        ).execute_if(dialect="sqlite"),
    )
listen(
    audit,
    "after_create",
    DDL(
        "CREATE OR REPLACE FUNCTION audit_fixed() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_FIXED}'; END $$"
    ).execute_if(dialect="postgresql"),
)
for _name, _act, _each in (("audit_fixed", "UPDATE OR DELETE", "ROW"), ("audit_kept", "TRUNCATE", "STATEMENT")):
    listen(
        audit,
        "after_create",
        DDL(
            f"CREATE TRIGGER {_name} BEFORE {_act} ON audit FOR EACH {_each} EXECUTE FUNCTION audit_fixed()"
        ).execute_if(dialect="postgresql"),
    )

contact = Table(
    "contact",
    METADATA,
    Column("feed", String(40), primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("town", String(40), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("put_at", BigInteger, nullable=False),
    Column("put_by", String(80), nullable=False),
    Column("ended_at", BigInteger),
)
"""The contact vault: whom to call about a case, sealed by a key that is not in the database
(``dashboard.access.vault``). ``ended_at``: when the sweep first saw that the case had ended."""
