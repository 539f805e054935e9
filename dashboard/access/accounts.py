"""Accounts: who may sign in, as what, where, and by which password. Passwords are kept as argon2id hashes only."""

from __future__ import annotations

import re
import secrets
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from dashboard.access.policy import ROLE_WORDS, Role
from dashboard.access.secret import digest_of, joined, split
from dashboard.access.tables import account, link, session
from dashboard.access.viewer import FORM, IMPORT, LOCAL_VIEWER, Viewer
from dashboard.errors import ConfigurationError, StoreUnavailable

SHORTEST = 10
LONGEST = 200
LINK_MS = 24 * 3_600_000
"""How long a one-time link can be used."""
ROLES = (Role.WALL, Role.CLERK, Role.OFFICER, Role.CHIEF, Role.LEADER, Role.ADMINISTRATOR)
"""Roles that an account may have; the API's is that of a token."""
STAFF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_EASY = ("password", "12345678", "87654321", "11111111", "00000000", "qwertyui", "townwatch", "zhenshao", "abcd1234")
_hasher = PasswordHash((Argon2Hasher(),))
_at_once = threading.Semaphore(2)
"""Each comparison takes 64 MiB: a storm of sign-ins waits instead of taking the machine."""


class Account(msgspec.Struct, frozen=True):
    """One account. ``towns`` of ``None``: every town. Times in ms of the machine."""

    name: str
    roles: frozenset[Role]
    towns: frozenset[str] | None
    name_en: str = ""
    staff: str = ""
    language: str = ""
    subject: str | None = None
    password: bool = False
    created_at: int = 0
    disabled_at: int | None = None

    def viewer(self, session: str = "") -> Viewer:
        """Who it is to everybody else."""
        return Viewer(self.name, self.roles, self.towns, self.name_en, staff=self.staff, session=session)


@cache
def _nobody() -> str:
    """What is compared when there is no such account, so that the answer takes as long. Not made at every start."""
    return _hasher.hash(secrets.token_urlsafe(16))


class AccountStore:
    """Makes, changes and checks accounts. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    # -- making and changing -----------------------------------------------------------------------------------------

    def create(
        self,
        now: int,
        name: str,
        roles: Iterable[Role | str],
        towns: Sequence[str] | None = None,
        *,
        password: str | None = None,
        name_en: str = "",
        staff: str = "",
        subject: str | None = None,
    ) -> Account:
        """A new account; without a password it can be entered by a link or the identity provider only.

        Raises:
            ConfigurationError: one of the values is not allowed, or there is one of this name.
        """
        name = named(name)
        values = {
            "name": name,
            "created_at": now,
            "changed_at": now,
            "name_en": _short("英文名", name_en),
            "roles": ",".join(sorted(roles_of(roles))),
            "towns": joined(towns),
            "staff": staff_of(staff),
            "password": "" if password is None else hashed(password, name),
            "subject": subject,
        }
        try:
            with self._writing() as connection:
                connection.execute(insert(account).values(**values))
        except IntegrityError:
            raise ConfigurationError(
                f"已有名为“{name}”的账号，请换一个名称，或用 ./townwatch user reset 重设密码"
                f" · There is an account {name!r} already: choose another name, or use user reset."
            ) from None
        return self.get(name)

    def change(self, now: int, name: str, **values: Any) -> Account:
        """Change ``roles``, ``towns``, ``staff``, ``name_en`` or ``language``; what is not given stays.

        Whoever may do something else from now on signs in anew: other roles, towns or another staff id end every
        session of the account.

        Raises:
            ConfigurationError: no such account, a value that is not allowed, or nobody would be left to administer.
        """
        found = self.get(name)
        said: dict[str, Any] = {"changed_at": now}
        if "roles" in values:
            roles = roles_of(values["roles"])
            said["roles"] = ",".join(sorted(roles))
            if Role.ADMINISTRATOR in found.roles and Role.ADMINISTRATOR not in roles:
                self._keep_one(name)
        if "towns" in values:
            said["towns"] = joined(values["towns"])
            if values["towns"] is not None:
                self._keep_one(name)
        if "staff" in values:
            said["staff"] = staff_of(values["staff"])
        if "name_en" in values:
            said["name_en"] = _short("英文名", values["name_en"])
        if "language" in values:
            said["language"] = values["language"] if values["language"] in ("zh", "en") else ""
        with self._writing() as connection:
            connection.execute(update(account).where(account.c.name == name).values(**said))
            made = _account(connection.execute(select(account).where(account.c.name == name)).one())
            if (made.roles, made.towns, made.staff) != (found.roles, found.towns, found.staff):
                connection.execute(delete(session).where(session.c.account == name))
        return made

    def disable(self, now: int, name: str) -> None:
        """End an account: its sessions end with it.

        Raises:
            ConfigurationError: no such account, or it is the last administrator's.
        """
        self.get(name)
        self._keep_one(name)
        with self._writing() as connection:
            connection.execute(update(account).where(account.c.name == name).values(disabled_at=now, changed_at=now))
            connection.execute(delete(session).where(session.c.account == name))
            connection.execute(delete(link).where(link.c.account == name))

    def enable(self, now: int, name: str) -> None:
        """Let a disabled account sign in again.

        Raises:
            ConfigurationError: no such account.
        """
        self.get(name)
        with self._writing() as connection:
            connection.execute(update(account).where(account.c.name == name).values(disabled_at=None, changed_at=now))

    def set_password(self, now: int, name: str, password: str) -> None:
        """Give an account a new password and end all its sessions.

        Raises:
            ConfigurationError: no such account, or a password that is too easy.
        """
        made = hashed(password, self.get(name).name)
        with self._writing() as connection:
            connection.execute(update(account).where(account.c.name == name).values(password=made, changed_at=now))
            connection.execute(delete(session).where(session.c.account == name))
            connection.execute(delete(link).where(link.c.account == name))

    # -- one-time links ----------------------------------------------------------------------------------------------

    def link(self, now: int, name: str) -> str:
        """The secret of a new one-time link, by which its owner chooses a password; earlier ones end.

        Raises:
            ConfigurationError: no such account.
        """
        self.get(name)
        secret = secrets.token_urlsafe(24)
        with self._writing() as connection:
            connection.execute(delete(link).where(link.c.account == name))
            connection.execute(insert(link).values(digest=digest_of(secret), account=name, expires_at=now + LINK_MS))
        return secret

    def linked(self, now: int, secret: str) -> str | None:
        """Whose link it is; ``None`` for one that is forged, used or over."""
        with self.engine.connect() as connection:
            row = connection.execute(select(link).where(link.c.digest == digest_of(secret))).one_or_none()
        return None if row is None or row.expires_at <= now else str(row.account)

    # -- reading -----------------------------------------------------------------------------------------------------

    def get(self, name: str) -> Account:
        """The account of a name.

        Raises:
            ConfigurationError: there is none.
        """
        found = self.find(name)
        if found is None:
            raise ConfigurationError(
                f"没有名为“{name[:80]}”的账号，用 ./townwatch user list 查看 · There is no account {name[:80]!r}."
            )
        return found

    def find(self, name: str) -> Account | None:
        """The account of a name, if there is one."""
        with self.engine.connect() as connection:
            row = connection.execute(select(account).where(account.c.name == name)).one_or_none()
        return None if row is None else _account(row)

    def by_subject(self, subject: str) -> Account | None:
        """The account of the identity provider's subject, if there is one."""
        with self.engine.connect() as connection:
            row = connection.execute(select(account).where(account.c.subject == subject)).one_or_none()
        return None if row is None else _account(row)

    def all(self) -> list[Account]:
        """Every account, by name."""
        with self.engine.connect() as connection:
            return [_account(row) for row in connection.execute(select(account).order_by(account.c.name))]

    def check(self, name: str, password: str) -> Account | None:
        """The account if the password is its own and it is not disabled; takes as long whoever asks."""
        with self.engine.connect() as connection:
            row = connection.execute(select(account).where(account.c.name == _plain(name))).one_or_none()
        # Asked for whether it is needed or not: made at the first sign-in, it must not tell who is known.
        nobody = _nobody()
        kept = row.password if row is not None and row.password else nobody
        with _at_once:
            fits = _hasher.verify(password[:LONGEST], kept)
        usable = row is not None and row.password and row.disabled_at is None
        return _account(row) if fits and usable and row is not None else None

    # -- within ------------------------------------------------------------------------------------------------------

    def _keep_one(self, name: str) -> None:
        """Refuse to take away the last one who can administer."""
        others = [
            one for one in self.all() if one.name != name and one.disabled_at is None
            and Role.ADMINISTRATOR in one.roles and one.towns is None
        ]  # fmt: skip
        found = self.get(name)
        if not others and Role.ADMINISTRATOR in found.roles and found.disabled_at is None and found.towns is None:
            raise ConfigurationError(
                f"“{name}”是最后一个管理员，请先另设一个 · {name!r} is the last administrator: make another one first."
            )

    def _writing(self) -> Any:
        return _Writing(self.engine)


class _Writing:
    """One writing transaction; a database that is away is told as such."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __enter__(self) -> Any:
        try:
            self.connection = self.engine.connect().execution_options(writing=True)
            self.transaction = self.connection.begin()
        except OperationalError as error:
            raise StoreUnavailable("数据库没有应答，请稍后重试 · The database does not answer.") from error
        return self.connection

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.transaction.__exit__(kind, error, trace)
        finally:
            self.connection.close()


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip()


def named(name: str) -> str:
    """An account's name as it is kept.

    Raises:
        ConfigurationError: it is no name.
    """
    found = _plain(name)
    if not 1 <= len(found) <= 40 or not found.isprintable() or any(sign in found for sign in ",|<>\"'"):
        raise ConfigurationError(
            f"账号名“{name[:40]}”不行，应为 1 到 40 个可见字符，不含逗号、引号和尖括号"
            " · An account's name has 1 to 40 visible characters and no commas, quotes or angle brackets."
        )
    taken = (LOCAL_VIEWER.name.casefold(), LOCAL_VIEWER.name_en.casefold())
    if found.casefold() in taken or found.startswith((FORM, IMPORT, "命令行")):
        raise ConfigurationError(f"账号名“{found}”留给系统自己用，请换一个 · The name {found!r} is the system's own.")
    return found


def roles_of(given: Iterable[Role | str]) -> frozenset[Role]:
    """Roles of an account.

    Raises:
        ConfigurationError: none, or one that there is not.
    """
    found = set()
    for one in given:
        if one not in {role.value for role in ROLES}:
            names = "、".join(f"{role.value}（{ROLE_WORDS[role][0]}）" for role in ROLES)
            raise ConfigurationError(
                f"没有角色“{str(one)[:40]}”，可用的有 {names} · There is no role {str(one)[:40]!r}."
            )
        found.add(Role(one))
    if not found:
        raise ConfigurationError("账号至少要有一个角色 · An account needs a role.")
    return frozenset(found)


def staff_of(given: str) -> str:
    """A staff id as it is kept.

    Raises:
        ConfigurationError: it is none.
    """
    if given and not STAFF.fullmatch(given):
        raise ConfigurationError(
            f"工号“{given[:40]}”不行，应为 1 到 40 个字母、数字、点、横线或下划线"
            " · A staff id has 1 to 40 letters, digits, dots, dashes or underscores."
        )
    return given


def hashed(password: str, name: str = "") -> str:
    """The argon2id hash of a password.

    Raises:
        ConfigurationError: it is too short, too long or too easy.
    """
    easy = password.casefold()
    if not SHORTEST <= len(password) <= LONGEST:
        raise ConfigurationError(
            f"密码应有 {SHORTEST} 到 {LONGEST} 个字符 · A password has {SHORTEST} to {LONGEST} characters."
        )
    if len(set(password)) < 5 or (name and name.casefold() in easy) or any(word in easy for word in _EASY):
        raise ConfigurationError(
            "密码太容易猜到：不要含账号名、常用密码，或只有几种字符"
            " · The password is too easy to guess: not the name, no common one, not few characters only."
        )
    with _at_once:
        return _hasher.hash(password)


def _short(what: str, given: str) -> str:
    if len(given) > 80 or (given and not given.isprintable()):
        raise ConfigurationError(f"{what}“{given[:40]}”不行，应不超过 80 个可见字符 · At most 80 visible characters.")
    return given


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        row.name,
        frozenset(Role(one) for one in row.roles.split(",") if one),
        split(row.towns),
        row.name_en,
        row.staff,
        row.language,
        row.subject,
        bool(row.password),
        row.created_at,
        row.disabled_at,
    )


def number_of(engine: Engine) -> int:
    """How many accounts there are."""
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(account)) or 0)


def describe(found: Sequence[Account], towns: dict[str, str]) -> list[str]:
    """A line an account."""
    if not found:
        return ["还没有账号；用 ./townwatch user create 名称 --role administrator 创建 · no accounts yet"]
    lines = []
    for one in found:
        roles = "、".join(f"{ROLE_WORDS[role][0]} {role.value}" for role in sorted(one.roles))
        where = "全部 all" if one.towns is None else "、".join(towns.get(code, code) for code in sorted(one.towns))
        state = (
            "  已停用 disabled" if one.disabled_at else "" if one.password or one.subject else "  未设密码 no password"
        )
        lines.append(f"{one.name}  {roles}  {where}{f'  {one.staff}' if one.staff else ''}{state}")
    return lines
