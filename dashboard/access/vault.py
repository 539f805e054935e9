"""The contact vault: whom to call about a case, sealed at rest, opened one at a time (DOMAIN.md §9).

Only feeds whose work needs a call keep contacts (``Feed.contacts``). A contact is sealed with AES-256-GCM, bound to its
case; the keys are in ``vault.key`` in the data directory (0600) and never in the database. Every opening is noted in
the audit before it is done. A contact is erased when its case has ended and the days of retention are over; then the
key is changed and the old one destroyed: copies of the erased row, in whichever backup, can be opened by nobody.

Who may open which contact is decided in ``ingest.contacts``; this module only keeps, seals and notes.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, insert, select, text, update

from dashboard.access.audit import Audit, Kind
from dashboard.access.tables import contact as table
from dashboard.errors import ConfigurationError, TownwatchError

KEY_FILE = "vault.key"
SYSTEM = "system"
"""Who the audit names for what the sweep does."""
_NONCE = 12
_LOCK = 0x746F776E_7661756C
"""The key of PostgreSQL's advisory lock that a writer holds: “townvaul” in ASCII."""
_PHONE = re.compile(r"\+?[0-9][0-9 -]{4,23}[0-9]")


class Contact(msgspec.Struct, frozen=True):
    """Whom to call. Never logged, shown in a list, exported or put on a stream."""

    name: str = ""
    phone: str = ""
    note: str = ""

    def __repr__(self) -> str:
        """Says nothing: a contact that gets into a log line or a traceback must not tell."""
        return "Contact(…)"


class NoContact(TownwatchError):
    """There is no contact of that case, or it has been erased."""


class Kept(msgspec.Struct, frozen=True):
    """What may be said of a contact without opening it. Times in ms."""

    feed: str
    subject: str
    town: str
    put_at: int
    put_by: str
    ended_at: int | None


def checked(name: str, phone: str, note: str) -> Contact:
    """A contact as somebody gives it.

    Raises:
        TownwatchError: one sentence about the field that is wrong; it does not repeat what was given.
    """
    name, phone, note = (" ".join(str(one).split()) for one in (name, phone, note))
    if len(name) > 40 or not name.isprintable():
        raise TownwatchError("联系人太长，应不超过 40 个字 · The name is too long: at most 40 characters")
    if not _PHONE.fullmatch(phone):
        raise TownwatchError(
            "联系电话不对，应为 6 到 25 位数字，可带 +、空格和连字符"
            " · The phone number is wrong: 6 to 25 digits, with +, spaces and hyphens"
        )
    if len(note) > 200 or not note.isprintable():
        raise TownwatchError("备注太长，应不超过 200 个字 · The note is too long: at most 200 characters")
    return Contact(name, phone, note)


class Keys:
    """The keys in their file, the newest last. Read again when somebody else has changed the file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / KEY_FILE
        self._lock = threading.Lock()
        self._held: tuple[tuple[int, int], dict[str, bytes]] | None = None

    def there(self) -> bool:
        """Whether contacts can be kept at all."""
        return self.path.is_file()

    def make(self) -> bool:
        """Make the file with a first key; ``False`` when there is one already.

        Raises:
            ConfigurationError: it cannot be written.
        """
        with self._alone():
            if self.there():
                return False
            self._write({_new_id(): secrets.token_bytes(32)})
            return True

    def all(self) -> dict[str, bytes]:
        """Id -> key, the newest last.

        Raises:
            ConfigurationError: there is none, it can be read by others, or it is damaged.
        """
        try:
            state = self.path.stat()
        except OSError:
            raise ConfigurationError(
                "还没有联系方式的密钥，请先运行 ./townwatch vault init · No vault key yet: run ./townwatch vault init."
            ) from None
        if state.st_mode & 0o077:
            raise ConfigurationError(
                f"{self.path} 别人也能读，请运行 chmod 600 {self.path} · It is readable by others: chmod 600 it."
            )
        stamp = (state.st_mtime_ns, state.st_ino)
        with self._lock:
            if self._held is not None and self._held[0] == stamp:
                return self._held[1]
        try:
            said = json.loads(self.path.read_text("ascii"))
            keys = {str(one["id"]): base64.b64decode(one["key"], validate=True) for one in said["keys"]}
        except (OSError, ValueError, KeyError, TypeError):
            keys = {}
        if not keys or any(len(key) != 32 for key in keys.values()):
            raise ConfigurationError(
                f"{self.path} 读不出来，请从备份里恢复它；没有它，已存的联系方式打不开"
                f" · {self.path} cannot be read: restore it from a backup; contacts cannot be opened without it."
            )
        with self._lock:
            self._held = (stamp, keys)
        return keys

    @contextmanager
    def changed(self) -> Iterator[str]:
        """A new key for the time of the block, after which it is the only one. Yields its id.

        When the block fails all keys stay.
        """
        with self._alone():
            old, fresh = self.all(), _new_id()
            self._write({**old, fresh: secrets.token_bytes(32)})
            yield fresh
            self._write({fresh: self.all()[fresh]})

    def _write(self, keys: dict[str, bytes]) -> None:
        body = {"keys": [{"id": name, "key": base64.b64encode(key).decode()} for name, key in keys.items()]}
        fresh = self.path.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as out:
                out.write(json.dumps(body) + "\n")
                out.flush()
                os.fsync(out.fileno())
            os.replace(fresh, self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise ConfigurationError(f"{self.path} 写不进去（{error.strerror}） · cannot be written") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path.with_suffix(".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _new_id() -> str:
    return secrets.token_hex(4)


class Vault:
    """Keeps contacts. Safe to share between threads; one per process."""

    def __init__(self, engine: Engine, folder: Path, audit: Audit) -> None:
        self.engine, self.audit, self.keys = engine, audit, Keys(folder)

    @property
    def there(self) -> bool:
        """Whether contacts can be kept: a key has been made."""
        return self.keys.there()

    # -- sealing -----------------------------------------------------------------------------------------------------

    def seal(self, plain: bytes, bound: str) -> tuple[str, bytes]:
        """(key's id, sealed bytes), to be opened only with the same ``bound``."""
        keys = self.keys.all()
        name = next(reversed(keys))
        nonce = secrets.token_bytes(_NONCE)
        return name, nonce + AESGCM(keys[name]).encrypt(nonce, plain, f"{name}\x00{bound}".encode())

    def unseal(self, name: str, sealed: bytes, bound: str) -> bytes:
        """What was sealed.

        Raises:
            NoContact: its key has been destroyed, or it was sealed for something else, or changed.
        """
        key = self.keys.all().get(name)
        try:
            if key is None:
                raise InvalidTag
            return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], f"{name}\x00{bound}".encode())
        except InvalidTag:
            raise NoContact(
                "这条联系方式打不开：密钥已更换，或内容被改过"
                " · This contact cannot be opened: its key is gone, or it was changed"
            ) from None

    # -- one contact -------------------------------------------------------------------------------------------------

    def put(
        self, now: int, who: str, feed: str, subject: str, town: str, contact: Contact, noted: bool = False
    ) -> None:
        """Keep a case's contact, in the place of an earlier one. ``noted``: the audit has it already, as one of many.

        Raises:
            ConfigurationError: there is no key.
            StoreUnavailable: it cannot be noted, so it is not kept.
        """
        if not self.there:
            self.keys.all()
        if not noted:
            self.audit.note(now, who, Kind.CHANGE, f"{feed}/{subject}", town, detail={"contact": "put"})
        with self._writing() as connection:
            # Sealed inside the transaction: a change of keys is either over or finds this row.
            name, sealed = self.seal(msgspec.msgpack.encode(contact), _bound(feed, subject))
            row = {"town": town, "key_id": name, "sealed": sealed, "put_at": now, "put_by": who[:80], "ended_at": None}
            done = connection.execute(update(table).where(_of(feed, subject)).values(**row))
            if not done.rowcount:
                connection.execute(insert(table).values(feed=feed, subject=subject, **row))

    def open(self, now: int, who: str, feed: str, subject: str, reason: str) -> Contact:
        """A case's contact; noted before it is opened.

        Raises:
            NoContact: there is none.
            StoreUnavailable: it cannot be noted, so it stays shut.
        """
        with self.engine.connect() as connection:
            row = connection.execute(select(table).where(_of(feed, subject))).one_or_none()
        if row is None:
            raise NoContact("这件事没有留联系方式，或已到期删除 · There is no contact of this case, or it was erased")
        detail = {"reason": reason} if reason else {}
        self.audit.note(now, who, Kind.REVEAL, f"{feed}/{subject}", row.town, detail=detail)
        plain = self.unseal(row.key_id, row.sealed, _bound(feed, subject))
        return msgspec.msgpack.decode(plain, type=Contact)

    def erase(self, now: int, who: str, feed: str, subject: str) -> bool:
        """Erase a case's contact; whether there was one."""
        kept = self.kept(feed, subject)
        if kept is None:
            return False
        self._erase(now, who, [kept], "asked")
        self.rotate(now, who)
        return True

    def kept(self, feed: str, subject: str) -> Kept | None:
        """What may be said of a case's contact; ``None`` when there is none."""
        with self.engine.connect() as connection:
            row = connection.execute(select(*_SAID).where(_of(feed, subject))).one_or_none()
        return None if row is None else Kept(*row)

    def everything(self) -> list[Kept]:
        """What may be said of every contact."""
        with self.engine.connect() as connection:
            return [Kept(*row) for row in connection.execute(select(*_SAID).order_by(table.c.feed, table.c.subject))]

    # -- retention and keys ------------------------------------------------------------------------------------------

    def sweep(self, now: int, ended: Callable[[Kept], int | None], keep_ms: int) -> int:
        """Erase the contacts whose case ended ``keep_ms`` ago, and how many there were.

        ``ended`` says when a case ended (ms), ``None`` while it is open. When something was erased the key is changed.
        """
        due: list[Kept] = []
        for kept in self.everything():
            at = ended(kept)
            if at != kept.ended_at:
                with self._writing() as connection:
                    connection.execute(update(table).where(_of(kept.feed, kept.subject)).values(ended_at=at))
            if at is not None and at + keep_ms <= now:
                due.append(kept)
        if due:
            self._erase(now, SYSTEM, due, "retention")
            self.rotate(now, SYSTEM)
        return len(due)

    def _erase(self, now: int, who: str, due: Iterable[Kept], why: str) -> None:
        for kept in due:
            self.audit.note(now, who, Kind.ERASE, f"{kept.feed}/{kept.subject}", kept.town, detail={"why": why})
            with self._writing() as connection:
                connection.execute(delete(table).where(_of(kept.feed, kept.subject)))

    def rotate(self, now: int, who: str) -> int:
        """Seal every contact with a new key and destroy the old one; how many there are.

        Raises:
            ConfigurationError: there is no key.
            StoreUnavailable: it cannot be noted, so nothing is changed.
        """
        self.audit.note(now, who, Kind.CHANGE, "vault key", detail={"contacts": len(self.everything())})
        count = 0
        with self.keys.changed() as fresh, self._writing() as connection:
            # Whoever puts a contact meanwhile waits for this transaction; whoever opens one finds either key.
            for row in connection.execute(select(table.c.feed, table.c.subject, table.c.key_id, table.c.sealed)).all():
                if row.key_id == fresh:
                    continue
                bound = _bound(row.feed, row.subject)
                try:
                    name, sealed = self.seal(self.unseal(row.key_id, row.sealed, bound), bound)
                except NoContact:
                    # Nobody can open it any more; it must not keep the others on an old key.
                    continue
                statement = update(table).where(_of(row.feed, row.subject))
                connection.execute(statement.values(key_id=name, sealed=sealed))
                count += 1
        return count

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            if self.engine.dialect.name == "postgresql":
                # One writer at a time, as SQLite's are anyway.
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection


_SAID = tuple(table.c[name] for name in Kept.__struct_fields__)


def _of(feed: str, subject: str) -> ColumnElement[bool]:
    return and_(table.c.feed == feed, table.c.subject == subject)


def _bound(feed: str, subject: str) -> str:
    return f"{feed}\x00{subject}"


__all__ = ["KEY_FILE", "Contact", "Kept", "Keys", "NoContact", "Vault", "checked"]
