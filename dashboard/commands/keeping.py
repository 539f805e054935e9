"""``./townwatch backup``, ``restore`` and ``retention``: keeping what was recorded, and letting go of it in order."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dashboard.commands.common import Data, folded, note, now, ready
from dashboard.errors import ConfigurationError
from dashboard.settings import Settings

LEAST_DAYS = 8
"""Days that stay: pages compare with the same time of yesterday and of a week ago, and reports come late."""

Force = Annotated[bool, typer.Option("--force", help="覆盖已有的 · replace what is there.")]
Database = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="恢复到哪个数据库 · database to restore to.")
]
Redis = Annotated[str | None, typer.Option("--redis", metavar="URL", help="恢复到哪个 Redis · Redis to restore to.")]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="写到哪个文件 · file to write.")],
    force: Force = False,
    data: Data = None,
) -> None:
    """备份：运行中也可以，一个文件，逐部分校验 · one file with everything, made while it runs."""
    from dashboard import backup as keeping

    settings = ready(data)
    note(settings, "export", f"backup → {file.name}")
    manifest = keeping.backup(settings, file, force)
    again = keeping.read(file)
    if again != manifest:
        raise ConfigurationError(f"{file} 读回来与写入的不同，请再备份一次 · {file} reads back otherwise: try again.")
    typer.echo(f"已备份到 {file}（{file.stat().st_size / 1e6:.1f} MB）· backed up")
    typer.echo(keeping.described(manifest))


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="备份文件 · the backup.")],
    force: Force = False,
    check: Annotated[bool, typer.Option("--check", help="只核对备份，不恢复 · only check the backup.")] = False,
    database: Database = None,
    redis: Redis = None,
    data: Data = None,
) -> None:
    """恢复：核对备份，重建数据目录和数据库 · checks a backup and makes the data directory from it."""
    from dashboard import backup as keeping
    from dashboard.stores import history

    if not file.is_file():
        raise ConfigurationError(f"没有文件 {file} · There is no file {file}.")
    if check:
        typer.echo(keeping.described(keeping.read(file)))
        return
    settings = Settings.load(data, database_url=database, redis_url=redis)
    manifest, old = keeping.restore(settings, file, force)
    # What stood in townwatch.toml is in force again now.
    settings = Settings.load(data, database_url=database, redis_url=redis)
    (settings.data_dir / "stores.json").unlink(missing_ok=True)
    engine = history.open_engine(settings.database_url)
    try:
        history.migrate(engine)
    finally:
        engine.dispose()
    waiting = keeping.put_back(settings, file, force)
    note(settings, "export", f"restore ← {file.name}")
    typer.echo(keeping.described(manifest))
    typer.echo(f"已恢复到 {settings.data_dir}，路上放回 {waiting} 条 · restored, {waiting} put back on the road")
    if old is not None:
        typer.echo(f"原来的数据保留在 {old} · what was there before is kept in {old}")


def retention(
    before: Annotated[
        str | None, typer.Option("--before", metavar="D", help="早于这一天的移走，如 2020-01-01 · days before it.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="写到哪个目录，默认数据目录的 archive · folder.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="只核对归档文件 · only check the files.")] = False,
    data: Data = None,
) -> None:
    """归档：旧记录写成 Parquet 后移出数据库，指标不变 · old records to Parquet; no figure changes."""
    from dashboard import retention as letting_go
    from dashboard.domain.day import day_of, shift_day
    from dashboard.stores.history import History, open_engine
    from dashboard.stores.rules import book_of
    from geodata.library import open_library

    if before is None and not check:
        raise ConfigurationError(
            "请用 --before 写明移走哪一天以前的记录，如 --before 2020-01-01，或用 --check 核对归档文件"
            " · Say with --before which day's earlier records go, e.g. --before 2020-01-01, or check the archive's "
            "files with --check."
        )
    settings = ready(data)
    folder = to or settings.data_dir / "archive"
    if before is None or check:
        nothing = f"{folder} 里没有归档 · there is no archive in {folder}"
        wrong = letting_go.check(folder) if (folder / letting_go.MANIFEST).is_file() else [nothing]
        for one in wrong:
            typer.echo(one)
        if wrong:
            raise typer.Exit(1)
        typer.echo("归档文件都与写入时一致 · every file is as it was written")
        return
    day = a_day("--before", before)
    # Days whose records are gone keep their states for good.
    folded(settings)
    engine = open_engine(settings.database_url)
    try:
        history = History(engine)
        library, region = open_library(settings.data_dir, settings.region)
        book = book_of(history, library, region)
        at = now(settings)
        latest = shift_day(day_of(at, book(0).pack.timezone), -LEAST_DAYS)
        if day > latest:
            raise ConfigurationError(
                f"--before 是 {before}，最近 {LEAST_DAYS} 天还要补记、更正和对比，最晚写 {latest}"
                f" · --before is {before}: the last {LEAST_DAYS} days are still added to and compared with, "
                f"{latest} at the latest."
            )
        note(settings, "export", f"retention < {before}")
        made = letting_go.archive(history, book, day, folder, at, typer.echo)
    finally:
        engine.dispose()
    rows = sum(one.rows for one in made)
    size = sum(one.bytes for one in made)
    typer.echo(f"移走 {rows} 条，{len(made)} 个文件，{size / 1e6:.1f} MB：{folder} · {rows} records moved")


def a_day(option: str, given: str) -> int:
    """A local day from yyyy-mm-dd.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        found = datetime.strptime(given, "%Y-%m-%d")  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        raise ConfigurationError(
            f"{option} 是“{given[:40]}”，应为日期，如 2020-02-18"
            f" · {option} is “{given[:40]}”: write a day as 2020-02-18."
        ) from None
    return found.year * 10000 + found.month * 100 + found.day


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)
    app.command()(retention)


__all__ = ["register"]
