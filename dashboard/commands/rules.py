"""``./townwatch rules``: thresholds, time limits and duty hours, and who changed them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.commands.common import Data, note, ready, settings_of

if TYPE_CHECKING:
    from dashboard.access.viewer import Viewer
    from dashboard.queries.rules import RuleBook
    from ingest.revision import Revisions

rules = typer.Typer(help="规则：阈值、时限、值守时段 · rules and who changed them.", no_args_is_help=True)
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="原因，写给以后查的人 · why.")]
FromDay = Annotated[
    str | None,
    typer.Option("--from", metavar="DAY", help="生效日期，默认明天 · first day in force (default: tomorrow)."),
]


@rules.command("list")
def rules_list(
    feed: Annotated[str | None, typer.Option("--feed", help="数据流 · feed, e.g. patrol.")] = None,
    day: Annotated[str | None, typer.Option("--day", metavar="DAY", help="哪一天 · the day (default: today).")] = None,
    data: Data = None,
) -> None:
    """列出规则：现值、自何时、接下来 · lists rules: value, since when, what is scheduled."""
    from dashboard.feeds import feed_named
    from dashboard.queries.rules import listing

    only = feed_named(feed).name if feed else None
    with _rules(data) as (book, door):
        for line in listing(book, door.today() if day is None else _day(day), only):
            typer.echo(line)


@rules.command("set")
def rules_set(
    rule: Annotated[
        str, typer.Argument(metavar="RULE", help="规则的键，或 duty_hours/代码 · its key as `rules list` has it.")
    ],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="新值，default 恢复默认 · new value, or default.")],
    reason: Reason,
    valid_from: FromDay = None,
    data: Data = None,
) -> None:
    """从某一天起改一条规则 · changes a rule from a day on; earlier days keep theirs."""
    from geodata.revise import table_and_key
    from ingest.revision import Change

    table, key = table_and_key(rule)
    with _rules(data) as (_, door):
        day = None if valid_from is None else _day(valid_from)
        note(settings_of(data), "change", f"rules: {table}/{key}")
        saved = door.save(_command_line(), Change(door.edits([(table, key, value)], day)), day, reason)
        _tell_saved(saved.change, saved.valid_from)


@rules.command("history")
def rules_history(
    rule: Annotated[str | None, typer.Argument(metavar="[RULE]", help="只看一条规则 · one rule alone.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="最多几条 · at most so many.")] = 50,
    data: Data = None,
) -> None:
    """谁在什么时候把什么改成了什么，新的在前 · who changed what, newest first."""
    from dashboard.queries.rules import history_lines
    from geodata.revise import table_and_key

    only = None if rule is None else table_and_key(rule)
    with _rules(data) as (book, _):
        for line in history_lines(book, only)[:limit]:
            typer.echo(line)


@rules.command("cancel")
def rules_cancel(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="改动号 · the change's number.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="原因 · why.")] = "",
    data: Data = None,
) -> None:
    """取消还没生效的改动 · takes back a change whose day has not come."""
    with _rules(data) as (_, door):
        note(settings_of(data), "change", f"rules: cancel change {number}")
        saved = door.cancel(_command_line(), number, reason)
        _tell_saved(saved.change, saved.valid_from)


@rules.command("restore")
def rules_restore(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="改动号 · the change's number.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="原因 · why.")] = "",
    valid_from: FromDay = None,
    data: Data = None,
) -> None:
    """恢复某次改动以前的值 · makes rules again what they were before a change."""
    with _rules(data) as (_, door):
        note(settings_of(data), "change", f"rules: restore change {number}")
        saved = door.restore(_command_line(), number, None if valid_from is None else _day(valid_from), reason)
        _tell_saved(saved.change, saved.valid_from)


def _tell_saved(number: int, day: int) -> None:
    shown = f"{day // 10000}-{day // 100 % 100:02d}-{day % 100:02d}"
    typer.echo(f"已保存第 {number} 号改动，自 {shown} 起 · saved as change {number}, valid from {shown}")


def _day(given: str) -> int:
    """A local day from yyyy-mm-dd; 0 is no day, and the door says so."""
    digits = given.replace("-", "")
    return int(digits) if digits.isdecimal() and len(digits) == 8 else 0


def _command_line() -> Viewer:
    """Who runs a command here has the machine, and so everything; the record says which account it was."""
    import getpass

    from dashboard.access.viewer import Role, Viewer

    return Viewer(name=f"命令行 {getpass.getuser()}", roles=frozenset({Role.ADMINISTRATOR}))


@contextlib.contextmanager
def _rules(data: Path | None) -> Iterator[tuple[RuleBook, Revisions]]:
    """The rules of a data directory, and the door to change them; a running worker lets a change count."""
    from dashboard.clock import read_clock
    from dashboard.queries.rules import RuleBook
    from dashboard.stores import history
    from dashboard.stores.rules import book_of
    from geodata.library import open_library
    from ingest.revision import Revisions

    settings = ready(data)
    engine = history.open_engine(settings.database_url)
    try:
        truth = history.History(engine)
        book = book_of(truth, *open_library(settings.data_dir, settings.region))
        yield RuleBook(truth, book), Revisions(truth, book, read_clock(settings.data_dir))
    finally:
        engine.dispose()
