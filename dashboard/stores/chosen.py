"""Which database and Redis the records of a data directory are in, as the last ``up`` there was told.

A command that was told nothing must not make others beside them, and say that all went well. Addresses are kept
without passwords.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from dashboard.errors import ConfigurationError
from dashboard.settings import PREFIX, Settings
from dashboard.stores.dialect import shown

FILE = "stores.json"


def remember(settings: Settings) -> None:
    """Note where the records of the settings' data directory are.

    Raises:
        ConfigurationError: earlier ones are somewhere else.
    """
    check_database(settings)
    check_redis(settings)
    path = settings.data_dir / FILE
    path.write_text(json.dumps({"database": _database(settings), "redis": _redis(settings)}) + "\n", encoding="utf-8")


def check_database(settings: Settings) -> None:
    """Make sure that the settings name the database that the data directory's records are in.

    Raises:
        ConfigurationError: they name another.
    """
    _check(settings, "database", _database(settings))


def check_redis(settings: Settings) -> None:
    """The same of Redis."""
    _check(settings, "redis", _redis(settings))


def _check(settings: Settings, kind: str, given: str) -> None:
    path = settings.data_dir / FILE
    known = _read(path).get(kind)
    if known is None or known == given:
        return
    here, here_en = "数据目录自带的", "the data directory's own"
    variable = f"{PREFIX}{kind.upper()}_URL"
    zh = {"database": "数据库", "redis": "Redis"}[kind]
    raise ConfigurationError(
        f"{settings.data_dir} 的记录在另一个{zh}里：是 {known or here}，不是 {given or here}，"
        f"请用 {variable}（或 townwatch.toml 的 {kind}_url）指明；若要另起炉灶，请删除 {path}"
        f" · The records of {settings.data_dir} are in another {kind}: {known or here_en}, not {given or here_en}; "
        f"name it in {variable} (or {kind}_url in townwatch.toml), or delete {path} to begin anew."
    )


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _database(settings: Settings) -> str:
    """The address without a password; empty for the file in the data directory, which may be moved with it."""
    return "" if settings.database_url == _own(settings) else shown(settings.database_url)


def _own(settings: Settings) -> str:
    return f"sqlite:///{settings.data_dir / 'townwatch.db'}"


def _redis(settings: Settings) -> str:
    """The address without user and password; empty for the embedded one."""
    if not settings.redis_url:
        return ""
    parts = urlsplit(settings.redis_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
