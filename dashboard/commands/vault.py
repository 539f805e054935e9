"""``./townwatch vault``: the key of the contact vault, its change, and what is due to be erased."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dashboard.commands.common import Data, by_whom, now, ready

if TYPE_CHECKING:
    from dashboard.access.vault import Vault
    from dashboard.settings import Settings

vault = typer.Typer(help="联系方式库：密钥、轮换、到期删除 · the contact vault.", no_args_is_help=True)


@contextlib.contextmanager
def _vault(data: Path | None) -> Iterator[tuple[Vault, Settings]]:
    from dashboard.access.audit import Audit
    from dashboard.access.vault import Vault
    from dashboard.stores.history import open_engine

    settings = ready(data)
    engine = open_engine(settings.database_url)
    try:
        yield Vault(engine, settings.data_dir, Audit(engine, settings.data_dir)), settings
    finally:
        engine.dispose()


@vault.command("init")
def vault_init(data: Data = None) -> None:
    """生成密钥文件；从此可以留联系方式 · makes the key file; from then on contacts are kept."""
    from dashboard.access.audit import Kind

    with _vault(data) as (found, settings):
        found.audit.note(now(settings), by_whom(), Kind.CHANGE, "vault key", detail={"act": "init"})
        if found.keys.make():
            typer.echo(
                f"已生成 {found.keys.path}，请另存一份，与数据库备份分开放 · made; keep a copy apart from backups"
            )
        else:
            found.keys.all()
            typer.echo(f"{found.keys.path} 早已生成，没有改动 · it is there already; nothing was changed")


@vault.command("rotate")
def vault_rotate(data: Data = None) -> None:
    """换一把密钥，旧的销毁 · seals everything with a new key and destroys the old one."""
    with _vault(data) as (found, settings):
        count = found.rotate(now(settings), by_whom())
    typer.echo(f"已换密钥，重新加密 {count} 条 · {count} contacts sealed with a new key")


@vault.command("sweep")
def vault_sweep(data: Data = None) -> None:
    """删除到期的联系方式（有页面的进程每小时自己做一次） · erases contacts whose time is over."""
    from dashboard.clock import read_clock
    from dashboard.domain.day import day_of
    from dashboard.stores.history import History
    from geodata.library import RegionBook, open_library
    from ingest.contacts import Contacts

    with _vault(data) as (found, settings):
        library, code = open_library(settings.data_dir, settings.region)
        book, clock = RegionBook(library, code), read_clock(settings.data_dir)
        zone = book(0).pack.timezone
        region = lambda: book(day_of(clock.now(), zone))  # noqa: E731 - one word for one thing
        count = Contacts(found, History(found.engine), region, clock).sweep(settings.contact_days)
    typer.echo(f"已删除 {count} 条 · {count} erased")


@vault.command("status")
def vault_status(data: Data = None) -> None:
    """有多少条、密钥在不在；不打开任何一条 · how many there are and whether the key is; opens none."""
    with _vault(data) as (found, _):
        kept = found.everything()
        if found.there:
            found.keys.all()
        ended = sum(1 for one in kept if one.ended_at is not None)
        state = "密钥在 · key there" if found.there else "还没有密钥，运行 vault init · no key yet: run vault init"
    typer.echo(f"{len(kept)} 条联系方式，其中 {ended} 条的事已办结 · {len(kept)} contacts, {ended} of ended cases")
    typer.echo(state)
