"""What groups of commands share: common options, the data directory's settings with its database current, the time
there, a word to the audit, and a progress bar."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from dashboard.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="数据目录 · data directory (default: TOWNWATCH_DATA_DIR, else ./data)."),
]
Port = Annotated[int | None, typer.Option("--port", metavar="P", help="端口 · port of the pages (0: any free one).")]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="数据库地址 · postgresql://… or sqlite:///… (default: TOWNWATCH_DATABASE_URL, else a file in --data).",
    ),
]
Redis = Annotated[
    str | None,
    typer.Option("--redis", metavar="URL", help="Redis 地址 · redis://… (default: TOWNWATCH_REDIS_URL, else our own)."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="结果写入文件 · write the results here.")]


def settings_of(data: Path | None, own_data: bool = True, **given: Any) -> Settings:
    """The settings of a command; ``own_data`` is false when ``data`` is only the command's default."""
    if not own_data and os.environ.get("TOWNWATCH_DATA_DIR"):
        data = None
    return Settings.load(data, **given)


def ready(data: Path | None) -> Settings:
    """The settings of a command that only needs the database, which is there and current afterwards.

    Raises:
        ConfigurationError: the data directory's records are in another database.
    """
    settings = Settings.load(data)
    migrated(settings)
    return settings


def migrated(settings: Settings) -> None:
    """Make the database if need be, with every table of this program.

    Raises:
        ConfigurationError: the data directory's records are in another database.
    """
    from dashboard.stores import chosen, history

    chosen.check_database(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = history.open_engine(settings.database_url)
    try:
        history.migrate(engine)
    finally:
        engine.dispose()


def folded(settings: Settings) -> None:
    """Fold the database again if another version of the program folded it, with a bar. Of several that are started at
    once one folds; the others wait for it."""
    from dashboard.access.audit import Kind
    from dashboard.stores.history import History, open_engine

    engine = open_engine(settings.database_url)
    try:
        history = History(engine)
        if not history.folded_otherwise():
            return
        from ingest.rebuild import brought_up

        with history.alone():
            # Whoever was before us may have done it all.
            if not history.folded_otherwise():
                return
            with Bar("程序更新后重新计算 · folding again after an update") as bar:
                done = brought_up(settings, history, now(settings), lambda told: bar(told.done, told.total))
    finally:
        engine.dispose()
    note(settings, Kind.CHANGE, "rebuild", states=done.written)


def now(settings: Settings) -> int:
    """The time of the data directory's world."""
    from dashboard.clock import read_clock

    return read_clock(settings.data_dir).now()


def by_whom() -> str:
    """Who types the command, as the audit names them."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def note(settings: Settings, kind: str, what: str, town: str = "", **detail: str | int) -> None:
    """Tell the audit what a command is about to do.

    Raises:
        StoreUnavailable: it cannot be told, so it must not be done.
    """
    from dashboard.access.audit import Audit
    from dashboard.stores.history import open_engine

    engine = open_engine(settings.database_url)
    try:
        Audit(engine, settings.data_dir).note(now(settings), by_whom(), kind, what, town, detail=detail)
    finally:
        engine.dispose()


class Bar:
    """A progress bar that work reports to by ``bar(done, total)``; a line a tenth where nobody looks."""

    def __init__(self, words: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.words = words
        self.console = Console()
        self.tenth = -1
        self.progress = Progress(
            TextColumn("[镇哨] {task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task(words, total=None)

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def __call__(self, done: int, total: int | None = None, *_: object) -> None:
        self.progress.update(self.task, completed=done, total=total)
        if not self.console.is_terminal and total:
            tenth = done * 10 // total
            if tenth > self.tenth:
                self.tenth = tenth
                print(f"[镇哨] {self.words} {tenth * 10} %", flush=True)
