"""``./townwatch token``: who may write records and read figures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.commands.common import Data, note, now, ready
from dashboard.errors import ConfigurationError
from dashboard.settings import Settings

if TYPE_CHECKING:
    from dashboard.access.tokens import TokenStore

token = typer.Typer(help="令牌：谁可以写入或读取 · tokens of writers and readers.", no_args_is_help=True)


@token.command("create")
def token_create(
    source: Annotated[str | None, typer.Option("--source", help="写入者的来源名 · the writer's source.")] = None,
    feeds: Annotated[str, typer.Option("--feeds", help="数据流，逗号分隔 · feeds, comma separated, or all.")] = "all",
    towns: Annotated[str, typer.Option("--towns", help="镇街代码，逗号分隔 · town codes, or all.")] = "all",
    read: Annotated[bool, typer.Option("--read", help="只读令牌 · a reader's token.")] = False,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="有效天数，默认一直有效 · days it is good for.")
    ] = None,
    data: Data = None,
) -> None:
    """创建令牌；最后一行只有令牌本身 · makes a token and prints it alone on the last line; it is shown only once."""
    if read == (source is not None):
        raise ConfigurationError(
            "写入令牌用 --source 来源名，只读令牌用 --read，二者给且只给一个"
            " · Give either --source NAME for a writer's token or --read for a reader's."
        )
    settings = ready(data)
    with tokens(settings) as store:
        codes = _town_codes(settings, _list(towns))
        note(settings, "token", f"create {source or 'reader'}", feeds=feeds, towns=towns)
        at = now(settings)
        until = None if days is None else at + days * 86_400_000
        secret = store.create(at, source=source, feeds=_list(feeds), towns=codes, read=read, expires_at=until)
    typer.echo(secret)


@token.command("rotate")
def token_rotate(
    name: Annotated[str, typer.Argument(metavar="ID", help="令牌编号 · the token's id, as `token list` shows it.")],
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="TIME", help="新旧都有效多久，如 24h、30m、7d · how long both are good.")
    ] = "24h",
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="新令牌的有效天数 · days the new one is good for.")
    ] = None,
    data: Data = None,
) -> None:
    """换新令牌，旧的过一段时间失效；最后一行只有新令牌 · a new token like another, which ends after the overlap."""
    number, unit = overlap[:-1], overlap[-1:]
    if unit not in ("m", "h", "d") or not number.isdecimal() or int(number) > 10_000:
        raise ConfigurationError(
            f"--overlap 是“{overlap[:20]}”，应为数字加 m、h 或 d，如 24h"
            f" · --overlap is {overlap[:20]!r}: a number with m, h or d, e.g. 24h."
        )
    settings = ready(data)
    with tokens(settings) as store:
        at = now(settings)
        lasts = int(number) * {"m": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]
        until = None if days is None else at + days * 86_400_000
        note(settings, "token", f"rotate {name}", overlap=overlap)
        secret = store.rotate(name, at, lasts, until)
    typer.echo(secret)


@token.command("list")
def token_list(data: Data = None) -> None:
    """列出令牌 · lists tokens, never their secrets."""
    from dashboard.access.tokens import describe

    with tokens(ready(data)) as store:
        for line in describe(store):
            typer.echo(line)


@token.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(metavar="ID", help="令牌编号 · the token's id, as `token list` shows it.")],
    data: Data = None,
) -> None:
    """吊销令牌 · ends a token at once."""
    settings = ready(data)
    with tokens(settings) as store:
        note(settings, "token", f"revoke {name}")
        store.revoke(name, now(settings))
    typer.echo(f"已吊销 · revoked: {name}")


@contextlib.contextmanager
def tokens(settings: Settings) -> Iterator[TokenStore]:
    """The tokens of a data directory whose database is current."""
    from dashboard.access.tokens import TokenStore
    from dashboard.stores import history

    engine = history.open_engine(settings.database_url)
    try:
        yield TokenStore(engine)
    finally:
        engine.dispose()


def _list(text: str) -> tuple[str, ...] | None:
    """A comma separated option; ``all`` is ``None``."""
    return None if text == "all" else tuple(part.strip() for part in text.split(",") if part.strip())


def _town_codes(settings: Settings, towns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Town codes of names, aliases and codes: a token for a town that does not exist would refuse everything."""
    from geodata.library import RegionBook, open_library

    if towns is None:
        return None
    known = RegionBook(*open_library(settings.data_dir, settings.region))(99999999).pack.town_by_code
    for name in towns:
        if name not in known:
            raise ConfigurationError(
                f"没有叫“{name}”的镇（街道），可用代码或名称，如 {next(iter(known.values())).code}"
                f" · There is no town {name!r}: give codes or names, comma separated, or all."
            )
    return tuple(dict.fromkeys(known[name].code for name in towns))
