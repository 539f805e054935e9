"""Tables of who may read and write. ``METADATA`` is shared with ``stores.tables``: one set of migrations."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.event import listens_for

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
    Column("follows", String(16)),
)
"""``follows``: the label of the token that this one was made to replace."""

account = Table(
    "account",
    METADATA,
    Column("name", String(80), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("name_en", String(80), nullable=False, server_default=""),
    Column("roles", Text, nullable=False, server_default=""),
    Column("towns", Text, nullable=False, server_default=""),
    Column("staff", String(40), nullable=False, server_default=""),
    Column("password", Text, nullable=False, server_default=""),
    Column("subject", String(300)),
    Column("language", String(2), nullable=False, server_default=""),
    Column("changed_at", BigInteger),
    Column("disabled_at", BigInteger),
    Index("ix_account_subject", "subject", unique=True),
)
"""Who may sign in; until the first row exists a program on loopback has its local viewer. ``password``: an argon2id
hash, empty for those who come by a link or by the identity provider (``subject``) only."""

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
_TRIGGER = "CREATE TRIGGER {} BEFORE {} ON audit "
_GUARDS = {
    "sqlite": [
        f"{_TRIGGER.format(f'audit_no_{act.lower()}', act)} BEGIN SELECT RAISE(ABORT, '{_FIXED}'); END"
        for act in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION audit_fixed() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_FIXED}'; END $$",
        f"{_TRIGGER.format('audit_fixed', 'UPDATE OR DELETE')} FOR EACH ROW EXECUTE FUNCTION audit_fixed()",
        f"{_TRIGGER.format('audit_kept', 'TRUNCATE')} FOR EACH STATEMENT EXECUTE FUNCTION audit_fixed()",
    ],
}


@listens_for(audit, "after_create")
def _guard(_: Table, connection: Connection, **__: object) -> None:
    """The database itself refuses to change or remove rows."""
    for statement in _GUARDS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


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

session = Table(
    "session",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("way", String(10), nullable=False),
    Column("agent", String(120), nullable=False),
    Column("address", String(60), nullable=False),
)
"""Open sessions; times of the machine in ms. One that has ended is removed."""

throttle = Table(
    "throttle",
    METADATA,
    Column("key", String(80), primary_key=True),
    Column("failures", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
)
"""Failed sign-ins by account and by address (both as digests), and until when no further one is looked at."""

link = Table(
    "sign_in_link",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""One-time links by which somebody chooses a password."""

device = Table(
    "device",
    METADATA,
    Column("label", String(16), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("code", String(12), unique=True),
    Column("name", String(80), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("address", String(60), nullable=False),
    Column("approved_at", BigInteger),
    Column("approved_by", String(80), nullable=False),
    Column("seen_at", BigInteger),
    Column("revoked_at", BigInteger),
)
"""Walls: a row with a ``code`` waits to be approved, one with ``approved_at`` shows the wall."""
