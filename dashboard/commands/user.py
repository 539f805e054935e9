"""``./townwatch user``: accounts. The first administrator is made here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.commands.common import Data, by_whom, now, ready
from dashboard.errors import ConfigurationError
from dashboard.settings import Settings

if TYPE_CHECKING:
    from dashboard.access.accounts import AccountStore
    from dashboard.domain.place import RegionPack

user = typer.Typer(help="账号：谁可以登录、是什么角色、管哪些镇 · accounts: who may sign in.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="账号名 · the account's name.")]
Roles = Annotated[
    str,
    typer.Option("--role", metavar="ROLE", help="角色，逗号分隔 · wall, clerk, officer, chief, leader, administrator."),
]
Towns = Annotated[str, typer.Option("--towns", metavar="CODES", help="镇街代码或名称，逗号分隔 · towns, or all.")]
Staff = Annotated[str, typer.Option("--staff", metavar="ID", help="工号，派单用 · staff id that work is assigned to.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="从标准输入读密码 · read the password from standard input.")
]
ByLink = Annotated[
    bool, typer.Option("--link", help="不设密码，给出一次性链接 · print a one-time link instead of setting a password.")
]


@user.command("create")
def create(
    name: Name,
    role: Roles,
    towns: Towns = "all",
    staff: Staff = "",
    name_en: Annotated[str, typer.Option("--name-en", help="英文名 · English name.")] = "",
    subject: Annotated[
        str, typer.Option("--subject", metavar="SUB", help="身份系统里的标识 · the identity provider's `sub`.")
    ] = "",
    password_stdin: FromStdin = False,
    link: ByLink = False,
    data: Data = None,
) -> None:
    """新建账号；密码现场输入，或从标准输入读，或给出一次性链接 · makes an account."""
    if link and password_stdin:
        raise ConfigurationError("--link 和 --password-stdin 只能给一个 · Give --link or --password-stdin, not both.")
    settings = ready(data)
    with _accounts(settings) as (store, pack):
        from dashboard.access.accounts import hashed, named, roles_of, staff_of

        # Whatever is wrong is said before anybody types a password.
        roles, codes = roles_of(_list(role)), _codes(towns, pack)
        if store.find(named(name)) is None:
            staff_of(staff)
        tied = f"{settings.oidc_issuer.rstrip('/')}|{subject}" if subject else None
        if subject and not settings.oidc_issuer:
            raise ConfigurationError("--subject 要先设置 oidc_issuer · --subject needs the setting oidc_issuer.")
        password = None if link or (subject and not password_stdin) else _password(password_stdin)
        if password is not None:
            hashed(password, named(name))
        _note(settings, f"create {named(name)}", roles=",".join(sorted(roles)), towns=towns)
        made = store.create(
            _machine(), name, roles, codes, password=password, name_en=name_en, staff=staff, subject=tied
        )
        typer.echo(f"已新建 · created: {made.name}")
        if link:
            _print_link(settings, store, made.name)


@user.command("list")
def list_(data: Data = None) -> None:
    """列出账号 · lists accounts."""
    from dashboard.access.accounts import describe

    with _accounts(ready(data)) as (store, pack):
        for line in describe(store.all(), {town.code: town.name for town in pack.towns}):
            typer.echo(line)


@user.command("change")
def change(
    name: Name,
    role: Annotated[str | None, typer.Option("--role", metavar="ROLE", help="新的角色 · new roles.")] = None,
    towns: Annotated[str | None, typer.Option("--towns", metavar="CODES", help="新的镇街 · new towns.")] = None,
    staff: Annotated[str | None, typer.Option("--staff", metavar="ID", help="新的工号 · new staff id.")] = None,
    data: Data = None,
) -> None:
    """改角色、镇街或工号，没写的不变 · changes roles, towns or the staff id."""
    settings = ready(data)
    with _accounts(settings) as (store, pack):
        said: dict[str, object] = {}
        if role is not None:
            said["roles"] = _list(role)
        if towns is not None:
            said["towns"] = _codes(towns, pack)
        if staff is not None:
            said["staff"] = staff
        _note(settings, f"change {name}", fields=",".join(said))
        store.change(_machine(), name, **said)
    typer.echo(f"已修改 · changed: {name}")


@user.command("disable")
def disable(name: Name, data: Data = None) -> None:
    """停用账号，它的登录随即结束 · ends an account and its sessions."""
    settings = ready(data)
    with _accounts(settings) as (store, _):
        store.get(name)
        _note(settings, f"disable {name}")
        store.disable(_machine(), name)
    typer.echo(f"已停用 · disabled: {name}")


@user.command("enable")
def enable(name: Name, data: Data = None) -> None:
    """恢复停用的账号 · lets a disabled account sign in again."""
    settings = ready(data)
    with _accounts(settings) as (store, _):
        store.get(name)
        _note(settings, f"enable {name}")
        store.enable(_machine(), name)
    typer.echo(f"已恢复 · enabled: {name}")


@user.command("reset")
def reset(name: Name, password_stdin: FromStdin = False, link: ByLink = False, data: Data = None) -> None:
    """重设密码，原来的登录全部结束 · a new password; every session ends."""
    settings = ready(data)
    with _accounts(settings) as (store, _):
        from dashboard.access.sessions import SessionStore

        store.get(name)
        if link:
            _note(settings, f"reset {name}", way="link")
            SessionStore(store.engine).end_all(name)
            _print_link(settings, store, name)
            return
        password = _password(password_stdin)
        _note(settings, f"reset {name}", way="password")
        store.set_password(_machine(), name, password)
    typer.echo(f"已重设 · reset: {name}")


@contextlib.contextmanager
def _accounts(settings: Settings) -> Iterator[tuple[AccountStore, RegionPack]]:
    from dashboard.access.accounts import AccountStore
    from dashboard.stores import history
    from geodata.library import RegionBook, open_library

    engine = history.open_engine(settings.database_url)
    try:
        yield AccountStore(engine), RegionBook(*open_library(settings.data_dir, settings.region))(99999999).pack
    finally:
        engine.dispose()


def _machine() -> int:
    from dashboard.clock import machine_ms

    return machine_ms()


def _note(settings: Settings, what: str, **detail: str | int) -> None:
    """Tell the audit before it is done."""
    from dashboard.access.audit import Audit, Kind
    from dashboard.stores import history

    engine = history.open_engine(settings.database_url)
    try:
        Audit(engine, settings.data_dir).note(now(settings), by_whom(), Kind.ACCOUNT, what, detail=detail)
    finally:
        engine.dispose()


def _password(stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "没有终端可以输入密码，请用 --password-stdin 或 --link"
            " · There is no terminal to type a password at: use --password-stdin or --link."
        )
    return str(typer.prompt("密码 · password", hide_input=True, confirmation_prompt="再输一次 · once more"))


def _print_link(settings: Settings, store: AccountStore, name: str) -> None:
    base = settings.public_url or settings.address("").rstrip("/")
    typer.echo("24 小时内打开下面的链接设置密码，只能用一次 · open this link within 24 hours, once:")
    typer.echo(f"{base}/signin/link/{store.link(_machine(), name)}")


def _codes(towns: str, pack: RegionPack) -> list[str] | None:
    if towns.strip() == "all":
        return None
    found = []
    for name in _list(towns):
        if name not in pack.town_by_code:
            example = next(iter(pack.town_by_code.values())).code
            raise ConfigurationError(
                f"没有叫“{name}”的镇（街道），可用代码或名称，如 {example}"
                f" · There is no town {name!r}: give codes or names, comma separated, or all."
            )
        found.append(pack.town_by_code[name].code)
    if not found:
        raise ConfigurationError("--towns 是空的，应为镇街代码或 all · --towns is empty: give town codes or all.")
    return found


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
