"""Brings a database to this version's tables: Alembic's migrations, then whatever is declared and not there yet.

Safe to call from any number of processes at once, beside others that read and write: one of them migrates, the others
wait; a step that cannot have its lock at once lets everybody pass and tries again.
"""

from __future__ import annotations

import functools
import time
from pathlib import Path

import structlog
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import DBAPIError

from dashboard.errors import ConfigurationError, StoreUnavailable
from dashboard.stores.dialect import Dialect
from dashboard.stores.tables import METADATA

log = structlog.get_logger("schema")

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY = {"55P03", "40P01"}
"""SQLSTATE of a lock that was not to be had in time, and of a deadlock."""
TRIES = 60
PAUSE_S = 5.0


def newest() -> str:
    """The number of the newest migration there is."""
    return _scripts()[1]


def migration(engine: Engine) -> str | None:
    """The migration that the database is at; ``None`` when it has no tables."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def missing(engine: Engine) -> list[str]:
    """Tables that are declared and not in the database."""
    return sorted(METADATA.tables.keys() - inspect(engine).get_table_names())


def migrate(engine: Engine, dialect: Dialect, pause_s: float = PAUSE_S) -> str:
    """Bring the tables to the newest migration and return its number.

    Raises:
        StoreUnavailable: the database does not answer, or somebody holds a table for minutes.
        ConfigurationError: it is of a newer version of the program, or we may not make tables.
    """
    try:
        if not _current(engine):
            with dialect.alone(engine):
                _patiently(engine, pause_s)
        return migration(engine) or ""
    except DBAPIError as error:
        trouble = dialect.trouble(error)
        if trouble is not None:
            raise trouble from error
        if getattr(error.orig, "sqlstate", None) == "42501":
            from dashboard.stores.postgres import not_allowed

            raise ConfigurationError(not_allowed(engine.url.username or "?", engine.url.database or "?")) from error
        raise


def migrate_to(engine: Engine, dialect: Dialect, revision: str, alone: bool = False) -> None:
    """Make the tables of one migration in an empty database: what was backed up at it goes in, then it is migrated on.

    ``alone``: without the tables that no migration makes, as a version of that time would have left it.

    Raises:
        ConfigurationError: this version knows no such migration.
    """
    if revision not in _known():
        raise ConfigurationError(
            f"备份的表结构版本是 {revision}，这个版本的镇哨只认得到 {newest()}，请换用更新的版本"
            f" · The backup is at migration {revision}, and this Townwatch knows them up to {newest()}: "
            "run the newer one."
        )
    from alembic import command

    with dialect.alone(engine):
        config = _config()
        config.attributes["engine"] = engine
        command.upgrade(config, revision)
        if not alone:
            _make_missing(engine)


def _current(engine: Engine) -> bool:
    at = migration(engine)
    if at is not None and at not in _known():
        raise ConfigurationError(
            f"数据库的表结构版本是 {at}，这个版本的镇哨只认得到 {newest()}，请换用更新的版本"
            f" · The database is at migration {at}, and this Townwatch knows them up to {newest()}: run the newer one."
        )
    return at == newest() and not missing(engine)


def _patiently(engine: Engine, pause_s: float) -> None:
    """Migrate; when a lock is not to be had, let everybody pass and begin again where it was."""
    for left in reversed(range(TRIES)):
        try:
            # Whoever was before us may have done it all.
            if not _current(engine):
                # It brings all of Alembic along, which a process that only looks at the version can do without.
                from alembic import command

                config = _config()
                config.attributes["engine"] = engine
                command.upgrade(config, "head")
                _make_missing(engine)
            return
        except StoreUnavailable as error:
            if getattr(error.__cause__, "sqlstate", None) not in BUSY or not left:
                raise
            log.info("migration_waits_for_a_lock", reason=error.sentence, tries_left=left)
            time.sleep(pause_s)


def _make_missing(engine: Engine) -> None:
    """New tables need no migration of their own: nobody uses them yet."""
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        METADATA.create_all(connection)


def _known() -> frozenset[str]:
    return _scripts()[0]


@functools.cache
def _scripts() -> tuple[frozenset[str], str]:
    """Every migration's number and the newest; a running program gets no new ones."""
    scripts = ScriptDirectory.from_config(_config())
    return frozenset(script.revision for script in scripts.walk_revisions()), scripts.get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
