"""``./townwatch dead-letters``: records that were not accepted, corrected and sent again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashboard.commands.common import Data, migrated, note, ready, settings_of
from dashboard.errors import ConfigurationError, TownwatchError

dead_letters = typer.Typer(help="死信：未被接受的记录 · records that were not accepted.", no_args_is_help=True)


@dead_letters.command("list")
def dead_letters_list(
    feed: Annotated[str | None, typer.Option("--feed", help="数据流 · feed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="包括已处理的 · those already dealt with too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="最多几条 · at most so many.")] = 50,
    data: Data = None,
) -> None:
    """列出未被接受的记录和原因 · lists records that were not accepted, and why."""
    from dashboard.stores import history
    from ingest import deadletter

    settings = ready(data)
    engine = history.open_engine(settings.database_url)
    try:
        letters = deadletter.listed(history.History(engine), None if everything else "open", feed, limit)
    finally:
        engine.dispose()
    for letter in letters:
        typer.echo("{number}\t{state}\t{feed}\t{source}\t{record}\t{message}".format(**letter))
    if not letters:
        typer.echo("没有 · none")


@dead_letters.command("correct")
def dead_letters_correct(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="编号 · its number.")],
    fields: Annotated[list[str], typer.Argument(metavar="FIELD=VALUE...", help="改正 · corrections.")],
    data: Data = None,
) -> None:
    """改正一条记录的字段并重新送入 · corrects fields of one record and sends it through the door again."""
    _send_again(data, [number], dict(_pair(field) for field in fields))


@dead_letters.command("replay")
def dead_letters_replay(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", help="编号 · their numbers.")],
    data: Data = None,
) -> None:
    """原样重新送入（规则或区域包已改） · sends records again as they are, once a rule or the pack has changed."""
    _send_again(data, numbers, {})


def _send_again(data: Path | None, numbers: list[int], changes: dict[str, str]) -> None:
    """Sends dead letters through the door; says what became of each.

    Raises:
        TownwatchError: at least one was refused again.
    """
    from dashboard import wiring
    from dashboard.stores import redis_server

    refused = 0
    with redis_server.attached(settings_of(data)) as joined:
        migrated(joined)
        for number in numbers:
            note(joined, "change", f"dead-letters/{number}", fields=",".join(sorted(changes)))
            receipt = wiring.replay_dead_letter(joined, number, changes)
            refused += len(receipt.rejected)
            for why in receipt.rejected:
                typer.echo(f"{number}\t{why.message}")
            if receipt.accepted:
                typer.echo(f"{number}\t已接受 · accepted")
    if refused:
        raise TownwatchError(
            f"{len(numbers)} 条记录中有 {refused} 条再次被拒，请改正上面列出的字段"
            f" · {refused} of {len(numbers)} records were refused again: correct the fields named above."
        )


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ConfigurationError(
            f"改正应写成 FIELD=VALUE（字段=值），得到的是 {text!r} · A correction is FIELD=VALUE, and {text!r} is not."
        )
    return name, value
