"""``./townwatch rebuild``: every state folded again from the stored records."""

from __future__ import annotations

from typing import Annotated

import typer

from dashboard.commands.common import Data, note, now, ready


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="只核对，不改 · only compare, write nothing.")] = False,
    processes: Annotated[int | None, typer.Option("--processes", min=1, max=64, help="几个进程 · how many.")] = None,
    data: Data = None,
) -> None:
    """重算：由全部记录重新算出状态，不同的改正；运行中也可以 · folds every record again and puts right what differs."""
    from dashboard.access.audit import Kind
    from dashboard.stores.history import History, open_engine
    from ingest.rebuild import Told
    from ingest.rebuild import rebuild as fold_again

    settings = ready(data)
    history = History(open_engine(settings.database_url))

    def say(told: Told) -> None:
        share = told.done / told.total if told.total else 1.0
        rate = told.done / told.seconds if told.seconds else 0
        typer.echo(f"{share:4.0%}  {told.done:,} / {told.total:,}  {rate:,.0f}/s")

    done = fold_again(settings, history, now(settings), say, write=not check, at_once=processes)
    if done.written:
        note(settings, Kind.CHANGE, "rebuild", states=done.written)
    told = f"{done.events:,} 条记录，{done.states:,} 个状态，{done.differing:,} 个不同"
    if done.differing and not check:
        told += f"，改正了 {done.written:,} 个"
    typer.echo(f"{told} · {done.differing:,} of {done.states:,} states differed, {done.written:,} put right")
    if check and done.differing:
        raise typer.Exit(1)
