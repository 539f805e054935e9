"""``./townwatch feed``: which feeds there are, and a new one to begin with (docs/how-to/add-a-feed.md)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dashboard.commands.common import Data

feed = typer.Typer(help="数据流：有哪些，新增一路 · feeds: which there are, and a new one.", no_args_is_help=True)


class Shape(StrEnum):
    """Archetypes that a feed can be begun with."""

    CASE = "case"
    TALLY = "tally"
    ROSTER = "roster"


@feed.command("list")
def feed_list(_data: Data = None) -> None:
    """有哪些数据流 · the feeds that are declared."""
    from dashboard.feeds import FEEDS

    for one in FEEDS.values():
        kind = type(one.archetype).__name__.removesuffix("Spec").lower()
        typer.echo(f"{one.name}\t{kind}\t{one.words.zh} · {one.words.en}\t{len(one.kpis)}")


@feed.command("new")
def feed_new(
    name: Annotated[str, typer.Argument(help="名称，小写英文 · lower-case letters, digits and underscores.")],
    archetype: Annotated[Shape, typer.Option("--archetype", help="形态 · case, tally or roster.")] = Shape.CASE,
    zh: Annotated[str, typer.Option("--zh", help="中文名 · its Chinese name.")] = "",
    en: Annotated[str, typer.Option("--en", help="英文名 · its English name.")] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="写到这里，不写进程序 · write here instead (see TOWNWATCH_FEEDS)."),
    ] = None,
    _data: Data = None,
) -> None:
    """写一个新数据流的文件和测试 · writes the file of a new feed and its test; nothing else needs to change."""
    from dashboard.commands.scaffold import begin

    for path in begin(name, str(archetype), zh, en, out):
        typer.echo(str(path))
    if out is not None:
        typer.echo(f"TOWNWATCH_FEEDS={out}")


__all__ = ["feed"]
