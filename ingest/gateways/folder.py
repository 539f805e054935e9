"""The watched folder: a file that has stopped growing is taken, imported and put away with a report beside it.

``WATCH/<feed>/`` is where files are put, by hand, by a share or by another program; ``work/``, ``done/`` and
``failed/`` inside it are ours. Which of them a file is in says how far it came: after a kill at any moment what lies in
``work/`` is imported again, which changes nothing, since records are known by their ids. Knows no file format.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import IO

import msgspec
import structlog

from dashboard.domain.privacy import mask
from dashboard.errors import ConfigurationError, TownwatchError

LOCK = ".townwatch.lock"
WORK, DONE, FAILED = "work", "done", "failed"
EMPTY_PATIENCE = 10
"""An empty file is often one whose copying has just begun: it is waited for so many times as long."""
_LONGEST_STEM = 180
"""Bytes of a name that are kept when it is put away; file systems allow 255 with what is added."""
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp", ".lock")
_CLUTTER = {"thumbs.db", "desktop.ini"}

log = structlog.get_logger("folder")


class Outcome(msgspec.Struct, frozen=True):
    """What became of a file that could be read: a report for people, and its wrong rows as a file of their own."""

    accepted: int
    rejected: int
    text: str
    wrong_rows: bytes = b""
    wrong_suffix: str = ""


Take = Callable[[str, str, bytes], Outcome]
"""(feed, file name as a person reads it, bytes) → outcome. A :class:`TownwatchError` with ``retry`` leaves the file for
the next scan, any other says why the file cannot be imported."""


class _Seen(msgspec.Struct):
    """A file in an inbox: what it looked like, and since when (monotonic seconds)."""

    looks: tuple[int, int, int]
    since: float


class Watch:
    """Watches one folder for one process; others that watch it wait until this one ends. Not for several threads."""

    def __init__(
        self,
        folder: Path,
        feeds: Mapping[str, Sequence[str]],
        take: Take,
        *,
        settle_s: float = 5.0,
        largest: int = 32 * 1024 * 1024,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """``feeds``: name → how the names of its files may begin when they lie beside the feeds' folders."""
        self.folder, self.feeds, self.take = folder, feeds, take
        self.settle_s, self.largest, self.tick = settle_s, largest, tick
        self._seen: dict[Path, _Seen] = {}
        self._lock: IO[str] | None = None
        self._told: dict[str, str] = {}

    def run(self, stop: threading.Event, every_s: float = 2.0) -> None:
        """Scan until ``stop`` is set."""
        try:
            while not stop.is_set():
                try:
                    self.scan(stop)
                except Exception as error:
                    # Whatever a share does to us, tomorrow's files are watched for.
                    self._say("scan", f"{type(error).__name__}: {error}")
                    log.debug("folder_scan_failed", exc_info=error)
                stop.wait(every_s)
        finally:
            self.close()

    def close(self) -> None:
        """Let others watch the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def scan(self, stop: threading.Event | None = None) -> int:
        """Look once; returns how many files were put away."""
        if not self._holds():
            return 0
        done = 0
        homes = {feed: self.folder / feed for feed in self.feeds}
        for home in homes.values():
            for name in (WORK, DONE, FAILED):
                (home / name).mkdir(parents=True, exist_ok=True)
        present: set[Path] = set()
        for feed, home in homes.items():
            self._collect(home, feed, present)
        self._collect(self.folder, None, present)
        self._seen = {path: seen for path, seen in self._seen.items() if path in present}
        for feed, home in homes.items():
            for path in sorted(_files(home / WORK)):
                if stop is not None and stop.is_set():
                    return done
                if not self._process(feed, home, path):
                    # The road is full or a store is away: the files behind this one would fare no better.
                    return done
                done += 1
        self._told.pop("scan", None)
        return done

    def _holds(self) -> bool:
        """Whether the folder is there and ours to watch."""
        if not self.folder.is_dir():
            self.close()
            self._say(
                "missing", f"监视的文件夹 {self.folder} 不在或连不上，连上后继续 · the watched folder cannot be reached"
            )
            return False
        path = self.folder / LOCK
        if self._lock is not None and _same(self._lock, path):
            return True
        self.close()
        try:
            self._lock = open(path, "a", encoding="utf-8")  # noqa: SIM115 - held while we watch
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            self._say("missing", f"{self.folder} 已由另一个镇哨进程监视 · another process watches this folder")
            return False
        except OSError as error:
            if self._lock is None:
                self._say("missing", f"监视的文件夹 {self.folder} 不能写入（{error.strerror}）· it cannot be written")
                return False
            # A share without locks: two watchers would take turns by renaming, and ids keep records from doubling.
            log.info("folder_without_locks", error=str(error))
        self._told.pop("missing", None)
        return True

    def _collect(self, inbox: Path, feed: str | None, present: set[Path]) -> None:
        """Take what has settled in an inbox into the ``work`` of its feed."""
        now = self.tick()
        for path in sorted(_files(inbox)):
            present.add(path)
            looks = _looks(path)
            if looks is None:
                continue
            seen = self._seen.get(path)
            if seen is None or seen.looks != looks:
                self._seen[path] = _Seen(looks, now)
                continue
            patience = self.settle_s * (1 if looks[0] else EMPTY_PATIENCE)
            if now - seen.since < patience or _being_written(path):
                continue
            whose = feed or self._feed_of(path.name)
            if whose is None:
                self._misplaced(path)
            else:
                self._claim(path, self.folder / whose / WORK / path.name, looks)

    def _claim(self, path: Path, target: Path, looks: tuple[int, int, int]) -> None:
        if target.exists():
            return
        try:
            path.rename(target)
        except FileNotFoundError:
            return
        except OSError as error:
            self._say(str(path), f"{_shown(path.name)} 移不进 {WORK}（{error.strerror}），请检查权限 · cannot be moved")
            return
        self._told.pop(str(path), None)
        self._seen.pop(path, None)
        if _looks(target) != looks and not path.exists():
            # Somebody wrote between our last look and the move.
            target.rename(path)

    def _feed_of(self, name: str) -> str | None:
        plain = name.casefold()
        begins = [(len(start), feed) for feed, starts in self.feeds.items() for start in (feed, *starts)
                  if plain.startswith(start.casefold())]  # fmt: skip
        return max(begins)[1] if begins else None

    def _misplaced(self, path: Path) -> None:
        """A file beside the feeds' folders whose name says no feed."""
        home = self.folder / FAILED
        home.mkdir(exist_ok=True)
        allowed = "、".join(self.feeds)
        sentence = (
            f"不知道这是哪个数据流的文件：请放进文件夹 {allowed} 之一，或让文件名以数据流的名称开头"
            " · put it into a feed's folder, or let its name begin with the feed's name"
        )
        with contextlib.suppress(FileNotFoundError):
            data = path.read_bytes() if path.stat().st_size <= self.largest else b""
            self._put_away(path, home, data, sentence + "\n")
            log.warning("folder_file_failed", file=_shown(path.name), reason=sentence)

    def _process(self, feed: str, home: Path, path: Path) -> bool:
        """Import one file of ``work`` and put it away; ``False``: it stays for the next scan."""
        name = _shown(path.name)
        data, looks = b"", _looks(path)
        try:
            data = self._read(path)
            outcome = self.take(feed, name, data)
        except FileNotFoundError:
            return True
        except _StillWritten:
            self._back(home, path)
            return True
        except TownwatchError as error:
            if error.retry:
                self._say("road", f"{name}：{error.sentence}")
                return False
            self._fail(home, path, data, error.sentence)
            return True
        except Exception as error:
            log.error("folder_file_broke", file=name, exc_info=error)
            self._fail(home, path, data, "导入这个文件时程序出错，已写入日志 · importing this file failed; see the log")
            return True
        self._told.pop("road", None)
        if _looks(path) != looks:
            # It was still growing: what is in is in, and the whole file is imported when it rests.
            self._back(home, path)
            return True
        good = outcome.accepted > 0 or outcome.rejected == 0
        self._put_away(path, home / (DONE if good else FAILED), data, outcome.text + "\n", outcome)
        say = log.info if good else log.warning
        say("folder_file_done", feed=feed, file=name, accepted=outcome.accepted, rejected=outcome.rejected)
        return True

    def _back(self, home: Path, path: Path) -> None:
        """Return a file to its inbox, to be taken when it rests."""
        with contextlib.suppress(FileNotFoundError):
            if not (home / path.name).exists():
                path.rename(home / path.name)

    def _read(self, path: Path) -> bytes:
        try:
            with open(path, "rb") as file:
                before = os.fstat(file.fileno())
                if before.st_size > self.largest:
                    size, most = before.st_size / 1024 / 1024, self.largest // 1024 // 1024
                    raise ConfigurationError(
                        f"文件有 {size:.0f} MiB，应不超过 {most} MiB：请拆成几个 · the file is too large: split it"
                    )
                data = file.read()
                after = os.fstat(file.fileno())
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ConfigurationError(
                f"文件读不出来（{error.strerror}）：请检查权限后重新放入 · it cannot be read: check its permissions"
            ) from None
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
            raise _StillWritten
        if not data:
            raise ConfigurationError("文件是空的：请重新放入 · the file is empty")
        return data

    def _fail(self, home: Path, path: Path, data: bytes, sentence: str) -> None:
        name = _shown(path.name)
        log.warning("folder_file_failed", file=name, reason=sentence)
        self._put_away(path, home / FAILED, data, f"{name}：{sentence}\n")

    def _put_away(self, path: Path, where: Path, data: bytes, text: str, outcome: Outcome | None = None) -> None:
        """Reports first, then the file: once it has left ``work`` everything about it is there.

        Names carry a digest of the content: another file of the same name keeps its own place, the same file its old.
        """
        base = f"{_cut(path.stem)}.{_digest(path, data)}"
        _write(where / f"{base}.report.txt", text.encode("utf-8", "replace"))
        if outcome is not None and outcome.wrong_rows:
            _write(where / f"{base}.rejected{outcome.wrong_suffix}", outcome.wrong_rows)
        os.replace(path, where / f"{base}{path.suffix[:20]}")
        _sync(where)

    def _say(self, about: str, sentence: str) -> None:
        """Log a state once, until it changes."""
        if self._told.get(about) != sentence:
            self._told[about] = sentence
            log.warning("folder_waits", reason=sentence)


class _StillWritten(Exception):
    """A file changed while it was read."""


def _files(folder: Path) -> Iterator[Path]:
    """The regular files of a folder that may be meant for us; no links, which could point anywhere."""
    with os.scandir(folder) as entries:
        for entry in entries:
            plain = entry.name.casefold()
            if plain.startswith((".", "~$")) or plain.endswith(_UNFINISHED) or plain in _CLUTTER:
                continue
            if entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _looks(path: Path) -> tuple[int, int, int] | None:
    """Size, time of change and identity of a file; no clock of ours is compared with a share's."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _being_written(path: Path) -> bool:
    """Whether a process of this machine (a file server, a copy that has stalled) has the file open for writing: then
    the kernel gives nobody a read lease on it. Where it cannot tell, the file's looks alone decide."""
    try:
        with open(path, "rb") as file:
            # A writer that comes in this very moment makes the kernel send a signal: one that ends nobody.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):
        return False
    return False


def _same(file: IO[str], path: Path) -> bool:
    """Whether an open file is still the one at a path: a share that was away comes back as another."""
    try:
        held, there = os.fstat(file.fileno()), path.stat()
    except OSError:
        return False
    return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)


def _shown(name: str) -> str:
    """A file's name as a person reads it, whatever encoding it was written in; numbers of people are masked."""
    raw = os.fsencode(name)
    for encoding in ("utf-8", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return mask(raw.decode(encoding))
    return mask(raw.decode("utf-8", "replace"))


def _cut(stem: str) -> str:
    """A name short enough to be put away; no character is cut in two."""
    raw = os.fsencode(stem)
    if len(raw) <= _LONGEST_STEM:
        return stem
    kept = raw[:_LONGEST_STEM]
    while kept and kept[-1] & 0xC0 == 0x80:
        kept = kept[:-1]
    return os.fsdecode(kept[:-1] if kept and kept[-1] & 0x80 else kept)


def _digest(path: Path, data: bytes) -> str:
    """Eight digits of a file's content; of one that was not read, of what it looks like."""
    what = data or repr(_looks(path)).encode()
    return blake2b(what, digest_size=4).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """A file that is there whole or not at all, whenever the power goes."""
    fresh = path.with_name(f".{path.name}.new")
    with open(fresh, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def _sync(folder: Path) -> None:
    # Shares may refuse to sync a directory; the rename is then as safe as the share makes it.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(handle)
