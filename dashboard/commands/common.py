"""What groups of commands share: the data directory's settings with its database current, and the time there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashboard.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="数据目录 · data directory (default: TOWNWATCH_DATA_DIR, else ./data)."),
]


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
